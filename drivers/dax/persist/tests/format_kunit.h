/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit tests of the superblock, included at the end of format.c
 */
#ifdef CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST

#ifndef _DAX_KMEM_PERSIST_FORMAT_KUNIT_H
#define _DAX_KMEM_PERSIST_FORMAT_KUNIT_H

#include <kunit/test.h>

#define KMEM_SB_TEST_PAGES	2048ULL

static struct kmem_persist_superblock *kmem_sb_test_make(struct kunit *test)
{
	struct kmem_persist_superblock *sb;

	sb = kunit_kzalloc(test, sizeof(*sb), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sb);
	kmem_sb_init(sb, KMEM_PERSIST_TYPE_BLK, KMEM_SB_TEST_PAGES);
	memset(sb->uuid, 0x11, sizeof(sb->uuid));
	memset(sb->ns_uuid, 0x22, sizeof(sb->ns_uuid));
	memset(sb->key, 0x33, sizeof(sb->key));
	kmem_sb_seal(sb, 0);
	return sb;
}

static int kmem_sb_test_verify(const struct kmem_persist_superblock *sb, u64 dpn)
{
	struct kmem_sb_fault fault = {};
	int rc = kmem_sb_verify(sb, dpn, KMEM_SB_TEST_PAGES, &fault);

	/* A refusal always names the field. */
	return rc && !fault.field ? -EINVAL : rc;
}

static void kmem_sb_test_good(struct kunit *test)
{
	struct kmem_persist_superblock *sb = kmem_sb_test_make(test);

	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		kmem_sb_seal(sb, kmem_sb_places[i]);
		KUNIT_EXPECT_EQ(test, kmem_sb_test_verify(sb, kmem_sb_places[i]), 0);
	}
	KUNIT_EXPECT_EQ(test, kmem_sb_test_verify(sb, 0), -EUCLEAN);
	/* Not where no copy is, nor where there is no place at all. */
	sb->places = cpu_to_le64(0x9);
	kmem_sb_seal(sb, 1);
	KUNIT_EXPECT_EQ(test, kmem_sb_test_verify(sb, 1), -EUCLEAN);
	kmem_sb_seal(sb, KMEM_SB_TEST_PAGES - 1);
	KUNIT_EXPECT_EQ(test, kmem_sb_test_verify(sb, KMEM_SB_TEST_PAGES - 1), -EUCLEAN);
}

/* Every byte matters. */
static void kmem_sb_test_flip(struct kunit *test)
{
	struct kmem_persist_superblock *sb = kmem_sb_test_make(test);
	u8 *bytes = (u8 *)sb;
	size_t i;

	for (i = 0; i < sizeof(*sb); i++) {
		bytes[i] ^= 0x10;
		KUNIT_EXPECT_EQ_MSG(test, kmem_sb_test_verify(sb, 0),
				    i < 8 ? -ENODATA : -EUCLEAN, "byte %zu", i);
		bytes[i] ^= 0x10;
	}
}

static void kmem_sb_test_fields(struct kunit *test)
{
	struct kmem_persist_superblock *sb = kmem_sb_test_make(test);

#define REFUSED(_field, _val, _rc) do {					\
	typeof(sb->_field) keep = sb->_field;				\
									\
	sb->_field = (_val);						\
	kmem_sb_seal(sb, 0);						\
	KUNIT_EXPECT_EQ_MSG(test, kmem_sb_test_verify(sb, 0), (_rc),	\
			    #_field);					\
	sb->_field = keep;						\
} while (0)
	REFUSED(version_major, cpu_to_le16(2), -EPROTONOSUPPORT);
	REFUSED(version_major, cpu_to_le16(0), -EPROTONOSUPPORT);
	REFUSED(version_minor, cpu_to_le16(9), 0);
	REFUSED(block_shift, 16, -EPROTONOSUPPORT);
	REFUSED(csum_type, 2, -EPROTONOSUPPORT);
	REFUSED(feat_compat, cpu_to_le64(1), 0);
	REFUSED(feat_ro_compat, cpu_to_le64(KMEM_PERSIST_RO_ZERO_ON_FREE), 0);
	REFUSED(feat_ro_compat, cpu_to_le64(2), -EPROTONOSUPPORT);
	REFUSED(feat_incompat, cpu_to_le64(BIT_ULL(40)), -EPROTONOSUPPORT);
	/* Snapshots are BLK's. */
	REFUSED(feat_incompat, cpu_to_le64(KMEM_BLK_INCOMPAT_SNAPSHOTS), 0);
	sb->type = cpu_to_le32(KMEM_PERSIST_TYPE_NONE);
	REFUSED(feat_incompat, cpu_to_le64(KMEM_BLK_INCOMPAT_SNAPSHOTS), -EPROTONOSUPPORT);
	sb->type = cpu_to_le32(KMEM_PERSIST_TYPE_BLK);
	REFUSED(dev_bytes, cpu_to_le64((KMEM_SB_TEST_PAGES + 1) << 12), -EUCLEAN);
	REFUSED(dev_bytes, cpu_to_le64((KMEM_SB_TEST_PAGES << 12) - 1), -EUCLEAN);
	REFUSED(dev_bytes, cpu_to_le64((KMEM_PERSIST_MIN_PAGES - 1ULL) << 12), -EUCLEAN);
	REFUSED(dev_bytes, cpu_to_le64((u64)KMEM_PERSIST_MIN_PAGES << 12), 0);
	REFUSED(places, 0, -EUCLEAN);
	REFUSED(places, cpu_to_le64(0x1), -EUCLEAN);
	REFUSED(places, cpu_to_le64(0x6), -EUCLEAN);
	REFUSED(places, cpu_to_le64(0x9), 0);
	REFUSED(places, cpu_to_le64(0x19), -EPROTONOSUPPORT);
	/* What later versions may use is no damage. */
	REFUSED(zero0, cpu_to_le16(1), -EPROTONOSUPPORT);
	REFUSED(use_bytes, cpu_to_le64(1), -EPROTONOSUPPORT);
	REFUSED(zero1[7], 1, -EPROTONOSUPPORT);
	REFUSED(reserved_area[0].dpn, cpu_to_le64(1), -EPROTONOSUPPORT);
	REFUSED(reserved_area[1].pages, cpu_to_le64(1), -EPROTONOSUPPORT);
	REFUSED(desc_first, cpu_to_le64(1), -EPROTONOSUPPORT);
	REFUSED(zero2[103], 1, -EPROTONOSUPPORT);
	REFUSED(label[0], 'a', 0);
	REFUSED(label[1], 'a', -EUCLEAN);
	REFUSED(label[0], '/', -EUCLEAN);
	REFUSED(label[0], ' ', -EUCLEAN);
	REFUSED(label[0], 0x1b, -EUCLEAN);
	REFUSED(label[0], 0xff, -EUCLEAN);
#undef REFUSED
	memset(sb->label, 'a', sizeof(sb->label));
	kmem_sb_seal(sb, 0);
	KUNIT_EXPECT_EQ(test, kmem_sb_test_verify(sb, 0), -EUCLEAN);
	memset(sb->label, 0, sizeof(sb->label));
	memset(sb->uuid, 0, sizeof(sb->uuid));
	kmem_sb_seal(sb, 0);
	KUNIT_EXPECT_EQ(test, kmem_sb_test_verify(sb, 0), -EUCLEAN);
	memset(sb->key, 0, sizeof(sb->key));
	kmem_sb_seal(sb, 0);
	KUNIT_EXPECT_EQ(test, kmem_sb_test_verify(sb, 0), -EPROTONOSUPPORT);
	KUNIT_EXPECT_TRUE(test, kmem_sb_is_older(sb));
}

/* What belongs together, and what only looks as if it did. */
static void kmem_sb_test_marker(struct kunit *test)
{
	struct kmem_persist_superblock *sb = kmem_sb_test_make(test);
	struct kmem_persist_superblock *other = kmem_sb_test_make(test);
	struct kmem_persist_marker *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	u8 zero[16] = {}, ns[16];

	KUNIT_ASSERT_NOT_NULL(test, m);
	memcpy(ns, sb->ns_uuid, sizeof(ns));
	KUNIT_EXPECT_EQ(test, kmem_marker_verify(m, ns), -ENODATA);
	kmem_marker_init(m, sb, ns);
	KUNIT_EXPECT_EQ(test, kmem_marker_verify(m, ns), 0);
	KUNIT_EXPECT_TRUE(test, kmem_sb_counts(sb, m));
	for (size_t i = 0; i < sizeof(*m); i++) {
		((u8 *)m)[i] ^= 0x10;
		KUNIT_EXPECT_EQ_MSG(test, kmem_marker_verify(m, ns),
				    i < 8 ? -ENODATA : -EUCLEAN, "byte %zu", i);
		((u8 *)m)[i] ^= 0x10;
	}

	/* The name may change, the format stays. */
	memcpy(other->meta_uuid, other->uuid, sizeof(other->meta_uuid));
	memset(other->uuid, 0x44, sizeof(other->uuid));
	KUNIT_EXPECT_TRUE(test, kmem_sb_same_format(sb, other));
	KUNIT_EXPECT_TRUE(test, kmem_sb_counts(other, m));
	/* All of it is public but the key. Each of them alone makes another format of it. */
	other->key[15] ^= 1;
	KUNIT_EXPECT_FALSE(test, kmem_sb_same_format(sb, other));
	KUNIT_EXPECT_FALSE(test, kmem_sb_counts(other, m));
	other->key[15] ^= 1;
	other->meta_uuid[15] ^= 1;
	KUNIT_EXPECT_FALSE(test, kmem_sb_same_format(sb, other));
	KUNIT_EXPECT_FALSE(test, kmem_sb_counts(other, m));
	other->meta_uuid[15] ^= 1;
	KUNIT_EXPECT_TRUE(test, kmem_sb_counts(other, m));
	sb->ns_uuid[0] ^= 1;
	KUNIT_EXPECT_FALSE(test, kmem_sb_counts(sb, m));
	/* Made for another namespace, or for none. */
	ns[3] ^= 1;
	KUNIT_EXPECT_EQ(test, kmem_marker_verify(m, ns), -EUCLEAN);
	kmem_marker_init(m, sb, zero);
	KUNIT_EXPECT_EQ(test, kmem_marker_verify(m, zero), -EUCLEAN);
}

/**
 * struct kmem_sb_test_device - places in memory
 * @copy: what is there
 * @set: the same
 * @media: memory
 */
struct kmem_sb_test_device {
	struct kmem_persist_superblock copy[KMEM_PERSIST_NR_PLACES];
	struct kmem_sb_set set;
	struct kmem_media media;
};

static struct kmem_sb_test_device *kmem_sb_test_device(struct kunit *test)
{
	struct kmem_sb_test_device *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	dev->media.need_wb = true;
	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		dev->set.place[i] = &dev->copy[i];
	return dev;
}

/* How many places hold a good copy with this generation? */
static int kmem_sb_test_holds(const struct kmem_sb_test_device *dev, u64 generation)
{
	int nr = 0;

	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		nr += !kmem_sb_test_verify(&dev->copy[i], kmem_sb_places[i]) &&
		      le64_to_cpu(dev->copy[i].generation) == generation;
	return nr;
}

static void kmem_sb_test_write(struct kunit *test)
{
	struct kmem_persist_superblock *sb = kmem_sb_test_make(test);
	struct kmem_sb_test_device *dev = kmem_sb_test_device(test);

	KUNIT_EXPECT_EQ(test, kmem_sb_write_first(&dev->media, sb, &dev->set), 0);
	KUNIT_EXPECT_EQ(test, kmem_sb_test_holds(dev, 1), 4);
	KUNIT_EXPECT_EQ(test, kmem_sb_write(&dev->media, sb, &dev->set), 0);
	KUNIT_EXPECT_EQ(test, kmem_sb_test_holds(dev, 2), 4);

	/* Lost copies come back from the others, and nothing else is touched. */
	memset(&dev->copy[0], 0, sizeof(*sb));
	dev->copy[3].label[0] ^= 1;
	KUNIT_EXPECT_EQ(test, kmem_sb_choose(dev->copy, 0x6, 0, &dev->set), 1);
	KUNIT_EXPECT_EQ(test, dev->set.holds, 0x6);
	*sb = dev->copy[1];
	kmem_sb_restore(&dev->media, sb, &dev->set);
	KUNIT_EXPECT_EQ(test, kmem_sb_test_holds(dev, 2), 4);
	KUNIT_EXPECT_EQ(test, dev->set.holds, 0xf);

	/* Places that are not there. */
	dev->set.place[1] = NULL;
	KUNIT_EXPECT_EQ(test, kmem_sb_write(&dev->media, sb, &dev->set), 0);
	KUNIT_EXPECT_EQ(test, kmem_sb_test_holds(dev, 3), 3);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(dev->copy[0].places), 0xd);
	dev->set.place[2] = NULL;
	KUNIT_EXPECT_EQ(test, kmem_sb_write(&dev->media, sb, &dev->set), 0);
	KUNIT_EXPECT_EQ(test, kmem_sb_test_holds(dev, 4), 2);
	dev->set.place[3] = NULL;
	KUNIT_EXPECT_EQ(test, kmem_sb_write(&dev->media, sb, &dev->set), -EIO);
	KUNIT_EXPECT_EQ(test, kmem_sb_test_holds(dev, 4), 2);

	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		KUNIT_EXPECT_EQ(test, kmem_sb_erase(&dev->media, &dev->copy[i]), 0);
		KUNIT_EXPECT_FALSE(test, kmem_sb_has_magic(&dev->copy[i]));
	}
}

/* Which copy counts, and when nobody can tell. */
static void kmem_sb_test_choose(struct kunit *test)
{
	struct kmem_persist_superblock *sb = kmem_sb_test_make(test);
	struct kmem_sb_test_device *dev = kmem_sb_test_device(test);
	struct kmem_persist_superblock *copy = dev->copy;

	KUNIT_ASSERT_EQ(test, kmem_sb_write_first(&dev->media, sb, &dev->set), 0);
	KUNIT_EXPECT_EQ(test, kmem_sb_choose(copy, 0xf, 0, &dev->set), 0);
	KUNIT_EXPECT_EQ(test, dev->set.holds, 0xf);
	KUNIT_EXPECT_FALSE(test, dev->set.hidden);
	/* One that cannot be read is not enough for a later one. */
	KUNIT_EXPECT_EQ(test, kmem_sb_choose(copy, 0xe, 0x1, &dev->set), 1);
	KUNIT_EXPECT_TRUE(test, dev->set.hidden);
	KUNIT_EXPECT_EQ(test, kmem_sb_choose(copy, 0x2, 0x1, &dev->set), 1);
	/* Two are, but not if they are none of its places. */
	KUNIT_EXPECT_EQ(test, kmem_sb_choose(copy, 0xc, 0x3, &dev->set), KMEM_SB_HIDDEN);
	for (int i = 2; i < 4; i++)
		copy[i].places = cpu_to_le64(0xc);
	KUNIT_EXPECT_EQ(test, kmem_sb_choose(copy, 0xc, 0x3, &dev->set), 2);
	for (int i = 2; i < 4; i++)
		copy[i].places = cpu_to_le64(0xf);

	/* The newest one, wherever it is. */
	le64_add_cpu(&copy[2].generation, 1);
	KUNIT_EXPECT_EQ(test, kmem_sb_choose(copy, 0xf, 0, &dev->set), 2);
	KUNIT_EXPECT_EQ(test, dev->set.holds, 0x4);
	/* Two of them have to be the same. */
	copy[3] = copy[2];
	copy[3].state ^= cpu_to_le32(1);
	KUNIT_EXPECT_EQ(test, kmem_sb_choose(copy, 0xf, 0, &dev->set), KMEM_SB_TWO_CONTENTS);
	KUNIT_EXPECT_EQ(test, kmem_sb_choose(copy, 0x7, 0, &dev->set), 2);
	copy[0].key[0] ^= 1;
	KUNIT_EXPECT_EQ(test, kmem_sb_choose(copy, 0x7, 0, &dev->set), KMEM_SB_TWO_FORMATS);
}

static struct kunit_case kmem_sb_test_cases[] = {
	KUNIT_CASE(kmem_sb_test_good),
	KUNIT_CASE(kmem_sb_test_flip),
	KUNIT_CASE(kmem_sb_test_fields),
	KUNIT_CASE(kmem_sb_test_marker),
	KUNIT_CASE(kmem_sb_test_write),
	KUNIT_CASE(kmem_sb_test_choose),
	{}
};

static struct kunit_suite kmem_sb_test_suite = {
	.name = "kmem_persist_format",
	.test_cases = kmem_sb_test_cases,
};

kunit_test_suite(kmem_sb_test_suite);

#endif /* _DAX_KMEM_PERSIST_FORMAT_KUNIT_H */
#endif /* CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST */

// SPDX-License-Identifier: GPL-2.0
/*
 * Target: one copy of the superblock, as the kernel verifies and writes it
 *
 * Input: bits of what is made right, size of the device:2, page:2, superblock.
 * The marker is what is behind that.
 */
#include "../shim/fake_kp.h"
#include "persist/format.c"
#include "fuzz.h"

enum { FIX_MAGIC = 1, FIX_PLACE = 2, FIX_CSUM = 4, FIX_SIZE = 8, FIX_NEW = 16 };

/* An attach may say no for one reason only, and it has to be a true one. */
static void check_verdict(const struct kmem_persist_superblock *sb, int rc,
			  const struct kmem_sb_fault *fault, u64 dpn, u64 nr_pages)
{
	const u8 *raw = (const u8 *)sb;

	MUST(!rc == ref_sb_good(raw, dpn, nr_pages));
	MUST(!rc == !fault->field);
	MUST((rc == -ENODATA) == (ref_get(raw, 0, 8) != REF_MAGIC));
	if (rc == -ENODATA)
		return;
	if (ref_get(raw, 0x00c, 4) != ref_sb_csum(raw)) {
		/* Damaged: nothing that it says about itself counts. */
		MUST(rc == -EUCLEAN && !strcmp(fault->field, "checksum"));
		MUST(fault->wanted == ref_sb_csum(raw));
		return;
	}
	if (rc == -EPROTONOSUPPORT)
		MUST(ref_get(raw, 0x010, 2) != 1 || ref_get(raw, 0x014, 2) != 0x10c ||
		     ref_get(raw, 0x020, 8) & ~1ULL || ref_get(raw, 0x028, 8) ||
		     ref_get(raw, 0x0a0, 8) > 15 || !ref_reserved_is_zero(raw) ||
		     kmem_sb_is_older(sb));
	else
		MUST(!rc || rc == -EUCLEAN);
}

/* All but checksum, places and generation stays as it is. */
static bool same_content(const u8 *a, const u8 *b)
{
	u8 x[REF_PAGE], y[REF_PAGE];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	memset(x + 0x00c, 0, 4);
	memset(y + 0x00c, 0, 4);
	memset(x + 0x090, 0, 24);
	memset(y + 0x090, 0, 24);
	return !memcmp(x, y, sizeof(x));
}

/* The device has two of the places, see ../shim/small.sed. */
static void check_copies(const struct kmem_sb_set *set, const u8 *good, u64 generation,
			 u64 nr_pages)
{
	struct kmem_sb_fault fault;

	for (unsigned int i = 0; i < 4; i += 3) {
		const struct kmem_persist_superblock *sb = set->place[i];

		MUST(!kmem_sb_verify(sb, i ? REF_BACKUP : 0, nr_pages, &fault));
		MUST(same_content((const u8 *)sb, good));
		MUST(ref_get((const u8 *)sb, 0x090, 8) == generation);
		MUST(ref_get((const u8 *)sb, 0x0a0, 8) == REF_PLACES);
	}
}

static void check_write(const struct kmem_persist_superblock *good, u64 nr_pages)
{
	static struct kmem_persist_superblock copies[4];
	const struct kmem_media media = { .need_wb = true };
	const bool backup = good->this_dpn;
	struct kmem_sb_set set = { .place = { &copies[0], NULL, NULL, &copies[3] } };
	struct kmem_persist_superblock sb = *good;
	const u64 generation = ref_get((const u8 *)good, 0x090, 8);
	struct kmem_sb_fault fault;

	/* What is good is written again as it was. */
	memset(copies, 0xee, sizeof(copies));
	copies[backup ? 3 : 0] = *good;
	MUST(kmem_sb_choose(copies, backup ? 8 : 1, 0, &set) == (backup ? 3 : 0));
	kmem_sb_restore(&media, &sb, &set);
	MUST(!memcmp(&copies[backup ? 3 : 0], good, sizeof(*good)));
	if (ref_get((const u8 *)good, 0x0a0, 8) >> (backup ? 0 : 3) & 1) {
		struct kmem_persist_superblock *other = &copies[backup ? 0 : 3];

		MUST(!kmem_sb_verify(other, backup ? 0 : REF_BACKUP, nr_pages, &fault));
		MUST(kmem_sb_same_format(other, good));
		MUST(kmem_sb_choose(copies, 9, 0, &set) == 0 && set.holds == 9);
	}
	MUST(!kmem_sb_write(&media, &sb, &set));
	check_copies(&set, (const u8 *)good, generation + 1, nr_pages);
	MUST(kmem_sb_choose(copies, 9, 0, &set) == 0 && set.holds == 9);

	for (unsigned int i = 0; i < 4; i += 3) {
		MUST(!kmem_sb_erase(&media, &copies[i]));
		MUST(kmem_sb_verify(&copies[i], i ? REF_BACKUP : 0, nr_pages, &fault) ==
		     -ENODATA);
	}
	/* One that is above all that was seen. */
	sb.generation = cpu_to_le64(7);
	MUST(!kmem_sb_write_first(&media, &sb, &set));
	check_copies(&set, (const u8 *)good, 8, nr_pages);
}

/* Places that cannot be read: bits are those of places. */
static const struct kmem_sb_set *sick_set;
static unsigned int sick;

static int sick_read(void *dst, const void *src, size_t len)
{
	for (unsigned int i = 0; i < 4; i++) {
		const u8 *place = sick_set->place[i];

		if (sick >> i & 1 && (const u8 *)src >= place &&
		    (const u8 *)src < place + REF_PAGE)
			return -EIO;
	}
	memcpy(dst, src, len);
	return 0;
}

static const struct media_ops sick_ops = { .read = sick_read };

/*
 * What an update says is true, whichever places are sick, and what it leaves is found; if
 * it says no it is the old one, or the new one.
 */
static void check_sick(const struct kmem_persist_superblock *good, unsigned int bits)
{
	static struct kmem_persist_superblock copies[4];
	struct kmem_sb_set set = {
		.place = { &copies[0], &copies[1], &copies[2], &copies[3] },
	};
	const struct kmem_media media = { .need_wb = true };
	struct kmem_persist_superblock sb = *good;
	const unsigned int well = ~bits & 15;
	u64 generation;
	int rc, use;

	/* Far from where it would begin anew. */
	sb.generation = cpu_to_le64(7);
	sick_set = &set;
	sick = 0;
	media_ops = &sick_ops;
	MUST(!kmem_sb_write_first(&media, &sb, &set));
	MUST(set.holds == 15 && kmem_sb_choose(copies, 15, 0, &set) == 0);
	generation = ref_get((u8 *)&sb, 0x090, 8);
	sick = bits & 15;
	sb.state ^= cpu_to_le32(1);
	rc = kmem_sb_write(&media, &sb, &set);
	MUST(!rc == (__builtin_popcount(well) >= 2));
	if (!rc) {
		MUST(set.holds == well && ref_get((u8 *)&sb, 0x0a0, 8) == well);
		use = kmem_sb_choose(copies, well, sick, &set);
		MUST(use >= 0 && set.holds == well && copies[use].state == sb.state);
		MUST(ref_get((u8 *)&copies[use], 0x090, 8) > generation);
	}
	/* Nobody may decide between two of one generation. */
	copies[0] = copies[3] = sb;
	copies[3].label[0] ^= 1;
	MUST(kmem_sb_choose(copies, 9, 0, &set) == KMEM_SB_TWO_CONTENTS);
	copies[3].key[0] ^= 1;
	MUST(kmem_sb_choose(copies, 9, 0, &set) == KMEM_SB_TWO_FORMATS);
	copies[0].places = cpu_to_le64(15);
	MUST(kmem_sb_choose(copies, 1, 12, &set) == KMEM_SB_HIDDEN);
	MUST(kmem_sb_choose(copies, 1, 8, &set) == 0);
	/* One that is complete, or one that says so. */
	MUST(!kmem_sb_erase(&media, &copies[0]) == !(sick & 1));
	MUST(!kmem_sb_write_first(&media, &sb, &set) == !sick);
	media_ops = NULL;
}

/* A new one is good, and no other format. */
static void check_init(const struct kmem_persist_superblock *other, u32 type,
		       u64 nr_pages)
{
	const struct kmem_media media = {};
	struct kmem_persist_superblock sb, copy, first;
	struct kmem_sb_set set = {};
	struct kmem_sb_fault fault;

	if (nr_pages < REF_LEAST)
		return;
	kmem_sb_init(&sb, type, nr_pages);
	memcpy(sb.uuid, other->uuid, sizeof(sb.uuid));
	sb.uuid[0] |= 1;
	sb.key[0] = (u8)(other->key[0] + 1) ?: 1;
	set.place[3] = &copy;
	set.place[0] = &first;
	MUST(!kmem_sb_write_first(&media, &sb, &set));
	MUST(!kmem_sb_verify(&copy, REF_BACKUP, nr_pages, &fault));
	MUST(!kmem_sb_same_format(&copy, other));
}

/* What a marker says is true of the superblock for which it was made, and of no other. */
static void check_marker(const struct kmem_persist_superblock *sb, const u8 *bytes, size_t len)
{
	struct kmem_persist_superblock other = *sb;
	static const u8 zero[16];
	struct kmem_persist_marker m = {};
	const bool known = memcmp(sb->ns_uuid, zero, sizeof(zero));

	memcpy(&m, bytes, len < sizeof(m) ? len : sizeof(m));
	if (!kmem_marker_verify(&m, sb->ns_uuid)) {
		MUST(ref_get((u8 *)&m, 0, 8) == 0x4b4d454d4d41524bULL);
		MUST(known && !memcmp((u8 *)&m + 16, sb->ns_uuid, 16));
	}
	kmem_marker_init(&m, sb, sb->ns_uuid);
	MUST(!kmem_marker_verify(&m, sb->ns_uuid) == known);
	MUST(kmem_sb_counts(sb, &m));
	for (unsigned int i = 0; i < len; i++) {
		u8 *byte = (u8 *)&m + bytes[i] * 17 % sizeof(m);

		*byte ^= 1 << i % 8;
		MUST(kmem_marker_verify(&m, sb->ns_uuid));
		*byte ^= 1 << i % 8;
	}
	other.key[3]++;
	MUST(!kmem_sb_counts(&other, &m));
	other = *sb;
	other.ns_uuid[5]++;
	MUST(!kmem_sb_counts(&other, &m));
	MUST(kmem_marker_verify(&m, other.ns_uuid));
	other = *sb;
	memcpy(other.meta_uuid, kmem_sb_meta_uuid(sb), sizeof(other.meta_uuid));
	if (memcmp(other.meta_uuid, zero, sizeof(zero)))
		memset(other.uuid, 0xaa, sizeof(other.uuid));
	MUST(kmem_sb_counts(&other, &m) && kmem_sb_same_format(&other, sb));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };
	const unsigned int fix = in_u8(&in);
	const u64 nr_pages = in_u16(&in), dpn = in_u16(&in);
	struct kmem_persist_superblock sb = {}, before;
	struct kmem_sb_fault fault = {}, again = {};
	u8 *raw = (u8 *)&sb;
	const u8 *bytes;
	size_t len;
	int rc;

	bytes = in_bytes(&in, sizeof(sb), &len);
	memcpy(&sb, bytes, len);
	if (fix & FIX_MAGIC)
		ref_put(raw, 0x000, 8, REF_MAGIC);
	if (fix & FIX_PLACE)
		ref_put(raw, 0x098, 8, dpn);
	if (fix & FIX_SIZE)
		ref_put(raw, 0x0a8, 8, nr_pages * REF_PAGE);
	if (fix & FIX_NEW) {
		ref_put(raw, 0x0a0, 8, REF_PLACES);
		memset(raw + 0x150, 0, 0x30);
		memset(raw + 0x190, 0, 0x70);
		ref_put(raw, 0x016, 2, 0);
		raw[0x030] |= 1;
		raw[0x180] |= 1;
	}
	if (fix & FIX_CSUM)
		ref_sb_seal(raw);

	before = sb;
	rc = kmem_sb_verify(&sb, dpn, nr_pages, &fault);
	MUST(!memcmp(&sb, &before, sizeof(sb)));
	MUST(kmem_sb_verify(&sb, dpn, nr_pages, &again) == rc);
	MUST(!memcmp(&fault, &again, sizeof(fault)));
	check_verdict(&sb, rc, &fault, dpn, nr_pages);
	if (!rc) {
		check_write(&sb, nr_pages);
		check_sick(&sb, 1);
		check_sick(&sb, 6);
		check_sick(&sb, 13);
		check_sick(&sb, raw[0x031]);
	}
	check_marker(&sb, in.p, in_left(&in));
	check_init(&sb, ref_get(raw, 0x008, 4), nr_pages);
	return 0;
}

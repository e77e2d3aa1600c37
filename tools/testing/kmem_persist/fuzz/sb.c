// SPDX-License-Identifier: GPL-2.0
/*
 * Target: one copy of the superblock, as the kernel verifies and writes it
 *
 * Input: bits of what is made right, size of the device:2, page:2, superblock.
 * The marker is what is behind that.
 */
#include "../shim/fake_kp.h"
#include "kmem_persist_format.c"
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
		     ref_get(raw, 0x0a0, 8) != REF_PLACES || kmem_sb_is_older(sb));
	else
		MUST(!rc || rc == -EUCLEAN);
}

/* All but checksum, place and generation stays as it is. */
static bool same_content(const u8 *a, const u8 *b)
{
	u8 x[REF_PAGE], y[REF_PAGE];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	memset(x + 0x00c, 0, 4);
	memset(y + 0x00c, 0, 4);
	memset(x + 0x090, 0, 16);
	memset(y + 0x090, 0, 16);
	return !memcmp(x, y, sizeof(x));
}

static void check_write(const struct kmem_persist_superblock *good, u64 nr_pages)
{
	static struct kmem_persist_superblock place[2];
	const struct kmem_media media = { .need_wb = true };
	struct kmem_persist_superblock sb = *good;
	struct kmem_sb_fault fault;

	/* What is good is written again as it was. */
	memset(place, 0xee, sizeof(place));
	kmem_sb_restore(&media, &sb, &place[0], le64_to_cpu(good->this_dpn));
	MUST(!memcmp(&place[0], good, sizeof(*good)));
	MUST(kmem_sb_same_format(&place[0], good));

	kmem_sb_write(&media, &sb, &place[0], &place[1]);
	for (unsigned int i = 0; i < 2; i++) {
		MUST(!kmem_sb_verify(&place[i], i ? REF_BACKUP : 0, nr_pages, &fault));
		MUST(same_content((u8 *)&place[i], (const u8 *)good));
		MUST(ref_get((u8 *)&place[i], 0x090, 8) ==
		     ref_get((const u8 *)good, 0x090, 8) + 1);
	}
	for (unsigned int i = 0; i < 2; i++) {
		kmem_sb_erase(&media, &place[i]);
		MUST(kmem_sb_verify(&place[i], i ? REF_BACKUP : 0, nr_pages, &fault) ==
		     -ENODATA);
	}
	/* One that is above all that was seen. */
	sb.generation = cpu_to_le64(7);
	kmem_sb_write_first(&media, &sb, &place[0], &place[1]);
	for (unsigned int i = 0; i < 2; i++) {
		MUST(!kmem_sb_verify(&place[i], i ? REF_BACKUP : 0, nr_pages, &fault));
		MUST(same_content((u8 *)&place[i], (const u8 *)good));
		MUST(ref_get((u8 *)&place[i], 0x090, 8) == 8);
	}
}

/* A new one is good, and no other format. */
static void check_init(const struct kmem_persist_superblock *other, u32 type,
		       u64 nr_pages)
{
	const struct kmem_media media = {};
	struct kmem_persist_superblock sb, copy;
	struct kmem_sb_fault fault;

	if (nr_pages < REF_LEAST)
		return;
	kmem_sb_init(&sb, type, nr_pages);
	memcpy(sb.uuid, other->uuid, sizeof(sb.uuid));
	sb.uuid[0] |= 1;
	sb.key[0] = (u8)(other->key[0] + 1) ?: 1;
	kmem_sb_restore(&media, &sb, &copy, REF_BACKUP);
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
	if (!rc)
		check_write(&sb, nr_pages);
	check_marker(&sb, in.p, in_left(&in));
	check_init(&sb, ref_get(raw, 0x008, 4), nr_pages);
	return 0;
}

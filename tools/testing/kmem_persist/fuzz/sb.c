// SPDX-License-Identifier: GPL-2.0
/*
 * Target: one copy of the superblock, as the kernel verifies and writes it
 *
 * Input: bits of what is made right, size of the device:2, page:2, superblock.
 */
#include "../shim/fake_kp.h"
#include "kmem_persist_format.c"
#include "fuzz.h"

enum { FIX_MAGIC = 1, FIX_PLACE = 2, FIX_CSUM = 4, FIX_SIZE = 8, FIX_BACKUP = 16 };

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
		     ref_get(raw, 0x020, 8) & ~1ULL || ref_get(raw, 0x028, 8));
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
	const u64 backup = le64_to_cpu(good->backup_dpn);
	struct kmem_persist_superblock sb = *good;
	struct kmem_sb_fault fault;

	/* What is good is written again as it was. */
	memset(place, 0xee, sizeof(place));
	kmem_sb_restore(&media, &sb, &place[0], le64_to_cpu(good->this_dpn));
	MUST(!memcmp(&place[0], good, sizeof(*good)));
	MUST(kmem_sb_same_format(&place[0], good));

	kmem_sb_write(&media, &sb, &place[0], &place[1]);
	for (unsigned int i = 0; i < 2; i++) {
		MUST(!kmem_sb_verify(&place[i], i ? backup : 0, nr_pages, &fault));
		MUST(same_content((u8 *)&place[i], (const u8 *)good));
		MUST(ref_get((u8 *)&place[i], 0x090, 8) ==
		     ref_get((const u8 *)good, 0x090, 8) + 1);
	}
	for (unsigned int i = 0; i < 2; i++) {
		kmem_sb_erase(&media, &place[i]);
		MUST(kmem_sb_verify(&place[i], i ? backup : 0, nr_pages, &fault) ==
		     -ENODATA);
	}
	kmem_sb_write_first(&media, &sb, &place[0], &place[1]);
	for (unsigned int i = 0; i < 2; i++) {
		MUST(!kmem_sb_verify(&place[i], i ? backup : 0, nr_pages, &fault));
		MUST(same_content((u8 *)&place[i], (const u8 *)good));
		MUST(ref_get((u8 *)&place[i], 0x090, 8) == 1);
	}
}

/* A new one is good, and no other format. */
static void check_init(const struct kmem_persist_superblock *other, u32 type,
		       u64 nr_pages)
{
	const struct kmem_media media = {};
	struct kmem_persist_superblock sb, copy;
	struct kmem_sb_fault fault;

	if (nr_pages < 2)
		return;
	kmem_sb_init(&sb, type, nr_pages);
	sb.uuid[0] = ~other->uuid[0];
	kmem_sb_restore(&media, &sb, &copy, nr_pages - 1);
	MUST(!kmem_sb_verify(&copy, nr_pages - 1, nr_pages, &fault));
	MUST(!kmem_sb_same_format(&copy, other));
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
	if (fix & FIX_BACKUP)
		ref_put(raw, 0x0a0, 8, dpn ? dpn : nr_pages - 1);
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
	check_init(&sb, ref_get(raw, 0x008, 4), nr_pages);
	return 0;
}

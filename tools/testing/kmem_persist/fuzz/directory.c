// SPDX-License-Identifier: GPL-2.0
/*
 * Target: two copies of the directory of snapshots, as the kernel verifies them and chooses
 *
 * Input: seed:4, pages of the device:1, records:1, of each: a byte for each of id, parent,
 * generation, size, root and flags. Then what is not as it should be: copies:1, how:1 and
 *	0	offset:2 size:1 value:8
 *	1	record:1 level:1 low:6, a root whose check is right
 *	2	record:1 text, a label
 * again and again. Bit 2 of copies: the checksum is not right then.
 */
#include "../shim/fake_kp.h"
#include "persist/map/map.c"
#include "persist/map/verify.c"
#include "persist/map/family.c"
#include "persist/map/directory.c"
#include "fuzz.h"

#define DPN(i)	(200 + (i))

static u8 key[16] = "of the format";

static void seal(u8 *dir, unsigned int i)
{
	ref_put(dir, 0x000, 8, 0x4b4d454d534e4150ULL);
	ref_put(dir, 0x010, 8, DPN(i));
	ref_put(dir, 0x008, 4, ref_directory_csum(dir, key));
}

static void make_record(u8 *dir, u8 *r, unsigned int i, struct input *in, u32 seed)
{
	const u64 id = 1 + in_u8(in), sizes[] = { 513, 1 << 18, (1 << 18) + 1, 1ULL << 36 };
	u64 nr_lblks;

	ref_put(r, 0x018, 8, (u64)i * 256 + id);
	ref_put(r, 0x020, 8, (u64)i * in_u8(in));
	ref_put(r, 0x038, 8, 1 + in_u8(in));
	nr_lblks = sizes[in_u8(in) % 4];
	ref_put(r, 0x010, 8, nr_lblks);
	ref_put(r, 0x000, 8, ref_seal(seed, ref_root_level(nr_lblks) + 1, 0,
				      (4ULL + ref_root_level(nr_lblks)) << 40 |
				      (REF_FIRST + i + 16 * (in_u8(in) & 1))));
	ref_put(r, 0x028, 8, in_u8(in) & 1);
	r[0x040] = 1 + i;
	r[0x050] = 'a' + i;
	ref_put(dir, 0x020, 8, (u64)i * 256 + id + 1);
}

static void change(u8 *dir, struct input *in, u32 seed)
{
	const unsigned int how = in_u8(in) % 3;
	unsigned int size;
	const u8 *text;
	size_t len;
	u8 *r;

	if (!how) {
		const unsigned int off = in_u16(in) % (REF_PAGE - 8);

		size = in_u8(in) % 9;
		ref_put(dir, off, size, in_number(in, size));
		return;
	}
	r = dir + 0x100 + in_u8(in) % 15 * 256;
	if (how == 1) {
		const unsigned int level = in_u8(in) % 6;

		ref_put(r, 0x000, 8, ref_seal(seed, level, 0,
					      in_number(in, 6) & ((1ULL << 44) - 1)));
		return;
	}
	text = in_bytes(in, in_u8(in) % 64, &len);
	memset(r + 0x050, 0, 64);
	memcpy(r + 0x050, text, len);
}

static void check_copy(const struct kmem_blk_map *map, const u8 *dir, unsigned int i, int *verdict)
{
	static const int errnos[] = {
		[REF_GOOD] = 0, [REF_DAMAGED] = -EUCLEAN, [REF_NEWER] = -EPROTONOSUPPORT,
	};
	struct kmem_blk_directory copy, before;
	const char *reason = "";

	memcpy(&copy, dir, sizeof(copy));
	before = copy;
	*verdict = kmem_blk_directory_verify(map, &copy, key, DPN(i), &reason);
	MUST(!memcmp(&copy, &before, sizeof(copy)));
	MUST(*verdict == errnos[ref_directory(dir, key, DPN(i), map->seed, map->nr_pages)]);
	MUST(!*verdict == !reason);
	/* Nor anywhere else, nor of another format. */
	MUST(kmem_blk_directory_verify(map, &copy, key, DPN(i) + 1, &reason) == -EUCLEAN);
	key[3]++;
	MUST(kmem_blk_directory_verify(map, &copy, key, DPN(i), &reason) == -EUCLEAN);
	key[3]--;
	kmem_blk_directory_seal(&copy, key, DPN(i));
	MUST(ref_get((u8 *)&copy, 0x008, 4) == ref_directory_csum((u8 *)&copy, key));
	if (!*verdict)
		MUST(!memcmp(&copy, &before, sizeof(copy)));
}

static bool same(const u8 *a, const u8 *b)
{
	return !memcmp(a + 0x00c, b + 0x00c, 4) && !memcmp(a + 0x018, b + 0x018, REF_PAGE - 0x018);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct kmem_blk_directory copies[2];
	struct input in = { data, data + size };
	struct kmem_blk_map map = { .seed = in_number(&in, 4) };
	u8 *dir[] = { (u8 *)&copies[0], (u8 *)&copies[1] };
	bool broken[2] = {};
	u64 generations[2];
	unsigned int nr;
	int verdicts[2], chosen;

	map.nr_pages = REF_FIRST + 16 + in_u8(&in);
	nr = in_u8(&in) % 16;
	memset(copies, 0, sizeof(copies));
	ref_put(dir[0], 0x00c, 4, nr);
	ref_put(dir[0], 0x018, 8, 257);
	ref_put(dir[0], 0x020, 8, 1);
	for (unsigned int i = 0; i < nr; i++)
		make_record(dir[0], dir[0] + 0x100 + i * 256, i, &in, map.seed);
	copies[1] = copies[0];
	while (in_left(&in)) {
		const unsigned int which = in_u8(&in);
		const struct input again = in;

		for (unsigned int i = 0; i < 2; i++) {
			if (!(which >> i & 1))
				continue;
			broken[i] |= which & 4;
			in = again;
			change(dir[i], &in, map.seed);
		}
	}
	for (unsigned int i = 0; i < 2; i++) {
		seal(dir[i], i);
		if (broken[i])
			dir[i][0x008] ^= 1;
		check_copy(&map, dir[i], i, &verdicts[i]);
		generations[i] = ref_get(dir[i], 0x018, 8);
	}
	chosen = kmem_blk_directory_choose(copies, verdicts);
	if (verdicts[0] == -EPROTONOSUPPORT || verdicts[1] == -EPROTONOSUPPORT)
		MUST(chosen == -EPROTONOSUPPORT);
	else if (verdicts[0] && verdicts[1])
		MUST(chosen == -EUCLEAN);
	else if (verdicts[0] || verdicts[1])
		MUST(chosen == !!verdicts[0]);
	else if (generations[0] == generations[1])
		MUST(chosen == (same(dir[0], dir[1]) ? 0 : -EUCLEAN));
	else
		MUST(chosen == (generations[0] < generations[1]));
	return 0;
}

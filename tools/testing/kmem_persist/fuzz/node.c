// SPDX-License-Identifier: GPL-2.0
/*
 * Target: entries of nodes, the part of BLK in the superblock, and arithmetic of trees
 *
 * Input: seed:4, pages of the device:5, size of the disk:6, level:1, index:5, how:1, word:8,
 * and what of the superblock is not as it should be: off:1 value:8, again and again.
 */
#include "../shim/fake_kp.h"
#include "persist/map/map.c"
#include "persist/map/verify.c"
#include "persist/map/family.c"
#include "fuzz.h"

static void check_entry(const struct kmem_blk_map *map, unsigned int level, u64 index,
			u64 word)
{
	const bool good = ref_entry_good(map->seed, level, index, word, map->nr_pages);
	const char *reason = NULL;
	u64 dpn = ~0ULL;
	int type;

	type = kmem_blk_entry_verify(map, level, index, word, &dpn, &reason);
	MUST((type >= 0) == good);
	MUST(good == !reason);
	if (!good) {
		MUST(type == -EUCLEAN);
		return;
	}
	MUST(dpn == (word & ((1ULL << 40) - 1)));
	MUST(kmem_blk_entry_encode(map->seed, level, index, type, dpn) == word);
	/* What a media error that was cleared leaves, and what an erased page holds. */
	MUST(word && ~word);
}

static u64 slow_node_pages(u64 nr_lblks)
{
	u64 nr = nr_lblks, sum = 0;

	unsigned int times = 1;

	do {
		nr = (nr + 511) / 512;
		sum += times * nr;
		/* Those above the leaves are there twice. */
		times = 2;
	} while (nr > 1);
	return sum;
}

static void check_tree(u64 nr_lblks, u64 nr_pages)
{
	u64 fits = kmem_blk_map_max_lblks(nr_pages);

	MUST(kmem_blk_nr_lblks_valid(nr_lblks) ==
	     (nr_lblks && nr_lblks <= 1ULL << 36));
	if (kmem_blk_nr_lblks_valid(nr_lblks)) {
		MUST(kmem_blk_root_level(nr_lblks) == ref_root_level(nr_lblks));
		MUST(kmem_blk_map_node_pages(nr_lblks) == slow_node_pages(nr_lblks));
	}
	MUST(fits < nr_pages || !fits);
	/* One more than all nodes of nodes does not fit, or the limit is reached. */
	if (kmem_blk_nr_lblks_valid(fits)) {
		MUST(fits + kmem_blk_map_node_pages(fits) <= nr_pages);
		MUST((fits - 1) >> 9 < INT_MAX / sizeof(struct kmem_blk_leaf));
		MUST(fits + nr_pages / 128 + 8 >= nr_pages ||
		     fits >> 9 == INT_MAX / sizeof(struct kmem_blk_leaf));
	}
}

/* No memory is behind the pages. */
static void check_superblock(const struct kmem_blk_superblock *bsb, u64 nr_pages)
{
	struct kmem_persist kp = {
		.nr_pages = nr_pages, .used = calloc(nr_pages, 1),
	};
	struct kmem_blk_map map = { .kp = &kp, .nr_pages = nr_pages };
	const u8 *raw = (const u8 *)bsb;
	const u32 seed = ref_get(raw, 0x10, 4);
	const u64 nr_lblks = ref_get(raw, 0x00, 8), word = ref_get(raw, 0x08, 8);
	const u64 twin = ref_get(raw, 0x40, 8);
	struct kmem_blk_map_error error = {};
	struct kmem_blk_copies root = {};
	unsigned int level;
	bool good, newer;
	int err;

	for (u64 i = 0; i < REF_FIRST && i < nr_pages; i++)
		kp.used[i] = 1;
	err = kmem_blk_verify_sb(&map, bsb, &error, &root);
	good = ref_get(raw, 0x14, 4) == 9 && nr_lblks && nr_lblks <= 1ULL << 36;
	/* Words of later versions: not known, and not damaged. */
	newer = false;
	for (unsigned int i = 0; good && i < 3; i++)
		newer |= ref_get(raw, 0x28 + 8 * i, 8) != ref_seal(seed, 0xff, i, 0);
	level = ref_root_level(nr_lblks);
	good = good && !newer && (word >> 40 & 15) >= 4 &&
	       ref_entry_good(seed, level + 1, 0, word, nr_pages) &&
	       (!twin || (level && (twin >> 40 & 15) >= 4 &&
			  ref_entry_good(seed, level + 1, 0, twin, nr_pages)));
	MUST(good == !err);
	MUST(good == !error.reason);
	if (good) {
		MUST(root.dpn == (word & ((1ULL << 40) - 1)));
		MUST(root.twin == (twin ? twin & ((1ULL << 40) - 1) : root.dpn));
		MUST(map.nr_leaves == (nr_lblks + 511) / 512);
	} else {
		MUST(err == (newer ? -EPROTONOSUPPORT : -EUCLEAN));
		MUST(error.object);
	}
	free(kp.used);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };
	struct kmem_blk_map map = { .seed = in_number(&in, 4) };
	u64 nr_pages = in_number(&in, 5), nr_lblks = in_number(&in, 6);
	unsigned int level = in_u8(&in);
	const u64 index = in_number(&in, 5);
	const unsigned int how = in_u8(&in);
	u64 word = in_number(&in, 8);
	struct kmem_blk_superblock bsb = {};
	u8 *raw = (u8 *)&bsb;

	nr_pages = nr_pages < 2 ? 2 : nr_pages;
	map.nr_pages = nr_pages;
	/* Levels that there are: of nodes, above the root, and of the superblock. */
	level %= KMEM_BLK_MAX_LEVEL + 3;
	if (level > KMEM_BLK_MAX_LEVEL + 1)
		level = KMEM_BLK_LEVEL_SB;
	/* Pages at the end of the device. */
	if (how & 2)
		word = (word & ~((1ULL << 40) - 1)) | (nr_pages - 4 + word % 8);
	if (how & 1)
		word = ref_seal(map.seed, level, index, word & ((1ULL << 44) - 1));
	check_entry(&map, level, index, word);
	check_tree(nr_lblks, nr_pages);

	level = ref_root_level(nr_lblks);
	ref_put(raw, 0x00, 8, nr_lblks);
	ref_put(raw, 0x08, 8, ref_seal(map.seed, level + 1, 0,
				       (4ULL + level) << 40 | index));
	ref_put(raw, 0x10, 4, map.seed);
	ref_put(raw, 0x14, 4, 9);
	for (unsigned int i = 0; i < 3; i++)
		ref_put(raw, 0x28 + 8 * i, 8, ref_seal(map.seed, 0xff, i, 0));
	while (in_left(&in)) {
		const unsigned int off = in_u8(&in) % 11;

		/* Of the last two, the roots, the check is right. */
		if (off > 8) {
			ref_put(raw, off == 9 ? 0x08 : 0x40, 8,
				ref_seal(map.seed, in_u8(&in), in_u8(&in),
					 in_number(&in, 6) & ((1ULL << 44) - 1)));
			continue;
		}
		ref_put(raw, off * 8, 8, in_number(&in, 8));
	}
	check_superblock(&bsb, 2 + nr_pages % 255);
	return 0;
}

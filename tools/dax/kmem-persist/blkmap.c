// SPDX-License-Identifier: GPL-2.0
/*
 * The map of BLK: the kernel's code, and what of it is static there
 */
#include <linux/kmem_persist.h>
#include "image.h"
/* Maps of the older format are read, too. */
#undef KMEM_PERSIST_FIRST_PAGE
#define KMEM_PERSIST_FIRST_PAGE	(map->kp->first_page)
#include "persist/map/map.c"
#include "persist/map/verify.c"
#include "persist/map/family.c"
#include "persist/map/directory.c"
#include "blkmap.h"

/**
 * blkmap_open - verify the plugin's part of the superblock
 * @map: filled, as far as it describes the map; nothing is allocated
 * @kp: the device
 * @sb: the superblock
 * @error: filled if it is refused
 * @root: pages of the root node
 *
 * Of a directory of snapshots nothing is said here.
 *
 * Return: 0 or a negative errno, -EUCLEAN if it is refused.
 */
int blkmap_open(struct kmem_blk_map *map, struct kmem_persist *kp,
		const struct kmem_persist_superblock *sb,
		struct kmem_blk_map_error *error, struct kmem_blk_copies *root)
{
	struct kmem_blk_superblock bsb = *(const struct kmem_blk_superblock *)sb->plugin;
	static const u64 none[2];

	if (le64_to_cpu(sb->feat_incompat) & KMEM_BLK_INCOMPAT_SNAPSHOTS)
		kmem_blk_directory_words(le32_to_cpu(bsb.entry_seed), none, bsb.reserved_root);
	memset(map, 0, sizeof(*map));
	memset(error, 0, sizeof(*error));
	map->kp = kp;
	map->media = kmem_persist_media(kp);
	map->nr_pages = dax_kmem_num_pages(kp);
	return kmem_blk_verify_sb(map, &bsb, error, root);
}

/**
 * blkmap_resize - another tree of the same family
 * @map: filled, as blkmap_open() does
 * @live: the tree of the disk
 * @nr_lblks: size of the other one in blocks, which is possible
 */
void blkmap_resize(struct kmem_blk_map *map, const struct kmem_blk_map *live, u64 nr_lblks)
{
	*map = *live;
	map->nr_lblks = nr_lblks;
	map->root_level = kmem_blk_root_level(nr_lblks);
	map->nr_leaves = kmem_blk_level_nodes(nr_lblks, 0);
}

/**
 * blkmap_verify - verify an entry
 * @map: the map
 * @level: level of the entry
 * @index: its index on this level
 * @word: the entry
 * @dpn: out: the page it names
 * @reason: out: what is wrong with it
 *
 * Return: its type, or -EUCLEAN.
 */
int blkmap_verify(const struct kmem_blk_map *map, unsigned int level, u64 index,
		  u64 word, u64 *dpn, const char **reason)
{
	return kmem_blk_entry_verify(map, level, index, word, dpn, reason);
}

/**
 * blkmap_mend - what an entry was that has one wrong bit
 * @map: the map
 * @level: level of the entry
 * @index: its index on this level
 * @word: the entry, which is damaged
 *
 * Return: the entry, or 0 if it is not one bit.
 */
u64 blkmap_mend(const struct kmem_blk_map *map, unsigned int level, u64 index, u64 word)
{
	return kmem_blk_entry_mend(map, level, index, word);
}

/**
 * blkmap_encode - make an entry
 * @map: the map
 * @level: level of the entry
 * @index: its index on this level
 * @type: KMEM_BLK_ENTRY_*
 * @dpn: the page it names, or 0
 *
 * Return: the entry.
 */
u64 blkmap_encode(const struct kmem_blk_map *map, unsigned int level, u64 index,
		  unsigned int type, u64 dpn)
{
	return kmem_blk_entry_encode(map->seed, level, index, type, dpn);
}

/**
 * blkmap_reseal - an entry with the check that it should have
 * @map: the map
 * @level: level of the entry
 * @index: its index on this level
 * @word: the entry
 *
 * Return: the entry with another check.
 */
u64 blkmap_reseal(const struct kmem_blk_map *map, unsigned int level, u64 index,
		  u64 word)
{
	return kmem_blk_entry_seal(map->seed, level, index,
				   word & KMEM_BLK_ENTRY_LOW_MASK);
}

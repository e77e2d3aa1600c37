/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entries of the map of a kmem block device, and how large a tree of them is
 *
 * Bytes on the media: include/uapi/linux/kmem_persist.h. Nothing here sleeps, locks or
 * touches the media.
 */
#ifndef _DAX_KMEM_BLK_ENTRY_H
#define _DAX_KMEM_BLK_ENTRY_H

#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/types.h>
#include <linux/kmem_persist.h>
#include "map.h"

#define KMEM_BLK_NODE_MASK	(KMEM_BLK_NODE_ENTRIES - 1)
#define KMEM_BLK_NODE_BYTES	(KMEM_BLK_NODE_ENTRIES * sizeof(__le64))

static inline unsigned int kmem_blk_entry_type(u64 word)
{
	return (word >> KMEM_BLK_ENTRY_TYPE_SHIFT) & KMEM_BLK_ENTRY_TYPE_MASK;
}

/* @low is an entry without its check, see the format for the computation. */
static inline u32 kmem_blk_entry_crc(u32 seed, unsigned int level, u64 index, u64 low)
{
	__le64 words[2] = {
		cpu_to_le64((u64)level << 56 | index),
		cpu_to_le64(low),
	};

	return crc32c(seed, words, sizeof(words));
}

/* What of it an entry has room for; never 0, so that no word of zeroes is valid. */
static inline u64 kmem_blk_crc_check(u32 crc)
{
	return crc >> 12 ?: 0xfffff;
}

static inline u64 kmem_blk_entry_seal(u32 seed, unsigned int level, u64 index, u64 low)
{
	const u64 check = kmem_blk_crc_check(kmem_blk_entry_crc(seed, level, index, low));

	return check << KMEM_BLK_ENTRY_CHECK_SHIFT | low;
}

static inline u64 kmem_blk_entry_encode(u32 seed, unsigned int level, u64 index,
					unsigned int type, u64 dpn)
{
	return kmem_blk_entry_seal(seed, level, index,
				   (u64)type << KMEM_BLK_ENTRY_TYPE_SHIFT | dpn);
}

/*
 * The one verifier of an entry. Returns its type, or -EUCLEAN with *@reason set.
 * What is looked for below KMEM_PERSIST_FIRST_PAGE must never be what somebody has
 * written into a block: no block and no node may be there.
 */
static inline int kmem_blk_entry_verify(const struct kmem_blk_map *map,
					unsigned int level, u64 index, u64 word,
					u64 *dpn, const char **reason)
{
	u64 low = word & KMEM_BLK_ENTRY_LOW_MASK;
	unsigned int type = kmem_blk_entry_type(word);

	*dpn = word & KMEM_BLK_ENTRY_DPN_MASK;
	if (kmem_blk_entry_seal(map->seed, level, index, low) != word) {
		*reason = "check does not match";
		return -EUCLEAN;
	}
	if (type == KMEM_BLK_ENTRY_HOLE ||
	    (type == KMEM_BLK_ENTRY_LOST && level <= KMEM_BLK_MAX_LEVEL)) {
		if (*dpn) {
			*reason = "a hole or lost block names a page";
			return -EUCLEAN;
		}
		return type;
	}
	if (type != (level == KMEM_BLK_LEVEL_SB ? KMEM_BLK_ENTRY_PAGE :
		     level ? KMEM_BLK_ENTRY_NODE + level - 1 : KMEM_BLK_ENTRY_DATA)) {
		*reason = "type not possible on this level";
		return -EUCLEAN;
	}
	if (*dpn < KMEM_PERSIST_FIRST_PAGE || *dpn >= map->nr_pages) {
		*reason = "page outside the device";
		return -EUCLEAN;
	}
	return type;
}

/*
 * What a damaged entry was, if one bit of it is wrong: at one place two entries differ in
 * four bits, so that there is one answer at most, and none if two are wrong. Where the check
 * is not what was computed, because that is 0, two entries can be closer: none then.
 * Returns 0, which is no entry, without an answer. Not for where it has to be fast.
 */
static inline u64 kmem_blk_entry_mend(const struct kmem_blk_map *map, unsigned int level,
				      u64 index, u64 word)
{
	const char *reason;
	u64 mended = 0, dpn;

	for (unsigned int bit = 0; bit < 64; bit++) {
		if (kmem_blk_entry_verify(map, level, index, word ^ BIT_ULL(bit), &dpn,
					  &reason) < 0)
			continue;
		if (mended)
			return 0;
		mended = word ^ BIT_ULL(bit);
	}
	return mended;
}

/*
 * Is one of two entries of the same place damaged, and may have been the other one? Two good
 * ones differ in four bits, but where the check is not what was computed because that is 0.
 */
static inline bool kmem_blk_entry_doubts(u64 word, u64 other)
{
	return word != other && hweight64(word ^ other) < 4;
}

static inline unsigned int kmem_blk_root_level(u64 nr_lblks)
{
	unsigned int level = 0;

	while (level < KMEM_BLK_MAX_LEVEL &&
	       (nr_lblks - 1) >> (KMEM_BLK_NODE_SHIFT * (level + 1)))
		level++;
	return level;
}

static inline bool kmem_blk_nr_lblks_valid(u64 nr_lblks)
{
	return nr_lblks && !((nr_lblks - 1) >>
			     (KMEM_BLK_NODE_SHIFT * (KMEM_BLK_MAX_LEVEL + 1)));
}

/* Nodes of @level in a tree of @nr_lblks. */
static inline u64 kmem_blk_level_nodes(u64 nr_lblks, unsigned int level)
{
	return ((nr_lblks - 1) >> (KMEM_BLK_NODE_SHIFT * (level + 1))) + 1;
}

#endif /* _DAX_KMEM_BLK_ENTRY_H */

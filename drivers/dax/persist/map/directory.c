// SPDX-License-Identifier: GPL-2.0
/*
 * The directory of snapshots of a kmem block device
 */

/**
 * DOC: Directory of snapshots
 *
 * One page that has all records, and a twin that says the same, in a page of its own. The
 * superblock refers to both. A change writes both anew, in two pages that nothing refers to,
 * and then the superblock: that is when it happens. So what is found is old or new as a whole.
 * In place only the copy that does not count is written, while nobody uses the device, when
 * something was found to be damaged. The checksum begins with the key of the format,
 * which no user of the device or of its memory knows.
 *
 * Of two good copies the higher generation counts. Who finds one that is not good, or is
 * older, writes both anew before memory of the device is lent. Where neither is good nobody
 * knows which pages the snapshots have: the device is held.
 *
 * Like map/map.c this file knows neither block layer nor page allocator and is also
 * compiled in userspace.
 */

#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include "../utf8.h"
#include "entry.h"
#include "map.h"

static u32 kmem_blk_directory_csum(const struct kmem_blk_directory *dir, const u8 *key)
{
	const size_t at = offsetof(struct kmem_blk_directory, csum);
	const size_t end = at + sizeof(dir->csum);
	const __le32 zero = 0;
	u32 crc = ~0U;

	crc = crc32c(crc, key, KMEM_PERSIST_KEY_LEN);
	crc = crc32c(crc, dir, at);
	crc = crc32c(crc, &zero, sizeof(zero));
	crc = crc32c(crc, (const u8 *)dir + end, sizeof(*dir) - end);
	return ~crc;
}

/**
 * kmem_blk_directory_seal - a copy of the directory is complete
 * @dir: the copy
 * @key: of the format
 * @this_dpn: where it will live
 *
 * Context: any.
 */
void kmem_blk_directory_seal(struct kmem_blk_directory *dir, const u8 *key, u64 this_dpn)
{
	dir->magic = cpu_to_le64(KMEM_BLK_DIRECTORY_MAGIC);
	dir->this_dpn = cpu_to_le64(this_dpn);
	dir->csum = cpu_to_le32(kmem_blk_directory_csum(dir, key));
}

/**
 * kmem_blk_directory_words - how the superblock refers to a directory
 * @seed: of the format
 * @pages: where its copies are, 0 for none
 * @words: filled: &kmem_blk_superblock.reserved_root
 *
 * Context: any.
 */
void kmem_blk_directory_words(u32 seed, const u64 *pages, __le64 *words)
{
	for (unsigned int i = 0; i < 2; i++)
		words[i] = cpu_to_le64(kmem_blk_entry_encode(seed, KMEM_BLK_LEVEL_SB, 1 + i,
							     pages[i] ? KMEM_BLK_ENTRY_PAGE :
								       KMEM_BLK_ENTRY_HOLE,
							     pages[i]));
}

static bool kmem_blk_record_reserved(const struct kmem_blk_record *r)
{
	return r->root_twin || le64_to_cpu(r->flags) & ~KMEM_BLK_SNAPSHOT_DAMAGED ||
	       memchr_inv(r->zero, 0, sizeof(r->zero));
}

/* One record by itself. */
static bool kmem_blk_record_possible(const struct kmem_blk_map *map,
				     const struct kmem_blk_directory *dir,
				     const struct kmem_blk_record *r)
{
	const u64 nr_lblks = le64_to_cpu(r->nr_lblks);
	const u64 id = le64_to_cpu(r->id);
	const char *reason;
	u64 dpn;

	if (!id || id >= le64_to_cpu(dir->next_id) || le64_to_cpu(r->parent) >= id ||
	    !r->generation || le64_to_cpu(r->generation) > le64_to_cpu(dir->generation))
		return false;
	if (!memchr_inv(r->uuid, 0, sizeof(r->uuid)) ||
	    !r->label[0] || !dax_persist_label_valid(r->label, sizeof(r->label)))
		return false;
	/* A tree of one leaf has no nodes of its own. */
	if (!kmem_blk_nr_lblks_valid(nr_lblks) || !kmem_blk_root_level(nr_lblks))
		return false;
	switch (kmem_blk_entry_verify(map, kmem_blk_root_level(nr_lblks) + 1, 0,
				      le64_to_cpu(r->root), &dpn, &reason)) {
	case KMEM_BLK_ENTRY_HOLE:
		return le64_to_cpu(r->flags) & KMEM_BLK_SNAPSHOT_DAMAGED;
	case KMEM_BLK_ENTRY_NODE ... KMEM_BLK_ENTRY_NODE + KMEM_BLK_MAX_LEVEL:
		return true;
	default:
		return false;
	}
}

/* Two records, the first before the second: of nothing there may be two. */
static bool kmem_blk_record_distinct(const struct kmem_blk_record *a,
				     const struct kmem_blk_record *b)
{
	const u64 page = le64_to_cpu(a->root) & KMEM_BLK_ENTRY_DPN_MASK;

	return le64_to_cpu(a->id) < le64_to_cpu(b->id) &&
	       (!page || page != (le64_to_cpu(b->root) & KMEM_BLK_ENTRY_DPN_MASK)) &&
	       memcmp(a->uuid, b->uuid, sizeof(a->uuid));
}

/* All but what is reserved, of a page with a good checksum. Returns what is wrong, or NULL. */
static const char *kmem_blk_directory_check(const struct kmem_blk_map *map,
					    const struct kmem_blk_directory *dir)
{
	const u32 nr = le32_to_cpu(dir->nr);

	/* There is always one more. */
	if (!dir->generation || !(le64_to_cpu(dir->generation) + 1) ||
	    le64_to_cpu(dir->parent) >= le64_to_cpu(dir->next_id))
		return "generation or next_id not possible";
	for (u32 i = 0; i < nr; i++) {
		if (!kmem_blk_record_possible(map, dir, &dir->record[i]))
			return "record not possible";
		for (u32 j = 0; j < i; j++)
			if (!kmem_blk_record_distinct(&dir->record[j], &dir->record[i]))
				return "records not distinct, or not in order";
	}
	return NULL;
}

/**
 * kmem_blk_directory_verify - check one copy of the directory
 * @map: the map, with seed and size of the device
 * @dir: copy in memory
 * @key: of the format
 * @this_dpn: where it was read
 * @reason: what is wrong, set unless 0 is returned
 *
 * Context: any.
 * Return: 0; -EUCLEAN if damaged, in a wrong place or of another format; -EPROTONOSUPPORT if
 * intact but with something that we do not know.
 */
int kmem_blk_directory_verify(const struct kmem_blk_map *map,
			      const struct kmem_blk_directory *dir, const u8 *key,
			      u64 this_dpn, const char **reason)
{
	const u32 nr = le32_to_cpu(dir->nr);
	bool newer;

	*reason = "magic, checksum or place not right";
	if (le64_to_cpu(dir->magic) != KMEM_BLK_DIRECTORY_MAGIC ||
	    le64_to_cpu(dir->this_dpn) != this_dpn ||
	    le32_to_cpu(dir->csum) != kmem_blk_directory_csum(dir, key))
		return -EUCLEAN;

	/* All of it has a good checksum: what is not known is not damaged. */
	*reason = "newer format";
	newer = dir->next || memchr_inv(dir->zero, 0, sizeof(dir->zero)) ||
		nr > KMEM_BLK_MAX_SNAPSHOTS;
	for (u32 i = 0; i < nr && !newer; i++)
		newer = kmem_blk_record_reserved(&dir->record[i]);
	if (newer || (nr < KMEM_BLK_MAX_SNAPSHOTS &&
		      memchr_inv(&dir->record[nr], 0,
				 (KMEM_BLK_MAX_SNAPSHOTS - nr) * sizeof(dir->record[0]))))
		return -EPROTONOSUPPORT;

	*reason = kmem_blk_directory_check(map, dir);
	return *reason ? -EUCLEAN : 0;
}

/* All but where it is, and the checksum, which depends on that. */
static bool kmem_blk_directory_same(const struct kmem_blk_directory *a,
				    const struct kmem_blk_directory *b)
{
	const size_t at = offsetof(struct kmem_blk_directory, generation);

	return a->nr == b->nr &&
	       !memcmp((const u8 *)a + at, (const u8 *)b + at, sizeof(*a) - at);
}

/**
 * kmem_blk_directory_choose - which copy counts?
 * @copies: both, in memory
 * @verdicts: what kmem_blk_directory_verify() has said of each, or another errno if there is
 *	      none or it cannot be read
 *
 * Context: any.
 * Return: 0 or 1; -EPROTONOSUPPORT if one of them is of a newer format; -EUCLEAN if neither is
 * good, or if both are and differ, with one generation.
 */
int kmem_blk_directory_choose(const struct kmem_blk_directory *copies, const int *verdicts)
{
	const u64 first = le64_to_cpu(copies[0].generation);
	const u64 second = le64_to_cpu(copies[1].generation);

	if (verdicts[0] == -EPROTONOSUPPORT || verdicts[1] == -EPROTONOSUPPORT)
		return -EPROTONOSUPPORT;
	if (verdicts[0] || verdicts[1])
		return !verdicts[0] ? 0 : !verdicts[1] ? 1 : -EUCLEAN;
	if (first == second && !kmem_blk_directory_same(&copies[0], &copies[1]))
		return -EUCLEAN;
	return first < second;
}

static int kmem_blk_directory_refuse(struct kmem_blk_map_error *error, const char *object,
				     u64 dpn, u64 found, const char *reason, int err)
{
	*error = (struct kmem_blk_map_error) {
		.object = object,
		.reason = reason,
		.dpn = dpn,
		.level = KMEM_BLK_LEVEL_SB,
		.found = found & KMEM_BLK_ENTRY_LOW_MASK,
	};
	return err;
}

/* One copy, whose page is claimed: read and verified. */
static int kmem_blk_directory_load(const struct kmem_blk_map *map, const u8 *key, u64 dpn,
				   struct kmem_blk_directory *copy, const char **reason)
{
	const void *page = dax_kmem_index_to_kaddr(map->kp, dpn);

	*reason = "media error";
	if (!page || kmem_media_read(map->media, copy, page, sizeof(*copy))) {
		dax_kmem_media_error(map->kp, dpn);
		return -EIO;
	}
	return kmem_blk_directory_verify(map, copy, key, dpn, reason);
}

/**
 * kmem_blk_directory_read - the directory that a superblock refers to
 * @map: the live tree, attached
 * @sb: the superblock
 * @copies: room for both copies
 * @pages: filled: where they are, claimed; 0 for none
 * @stale: filled: both have to be written anew, before anything is lent
 * @error: filled if the return value is another one than 0, 1 and -ENOENT
 *
 * Context: may sleep; nobody else uses the media.
 * Return: which one counts, 0 or 1; -ENOENT if there is none; -EUCLEAN; -EPROTONOSUPPORT if it
 * is of a newer format.
 */
int kmem_blk_directory_read(const struct kmem_blk_map *map,
			    const struct kmem_persist_superblock *sb,
			    struct kmem_blk_directory *copies, u64 *pages, bool *stale,
			    struct kmem_blk_map_error *error)
{
	const struct kmem_blk_superblock *bsb = (const void *)sb->plugin;
	const char *object = "superblock, reserved entry", *reason = NULL;
	int verdicts[2] = { -ENOENT, -ENOENT };
	int chosen;

	memset(copies, 0, 2 * sizeof(*copies));
	memset(pages, 0, 2 * sizeof(*pages));
	if (!(le64_to_cpu(sb->feat_incompat) & KMEM_BLK_INCOMPAT_SNAPSHOTS))
		return -ENOENT;
	for (unsigned int i = 0; i < 2; i++) {
		const u64 word = le64_to_cpu(bsb->reserved_root[i]);
		const int type = kmem_blk_entry_verify(map, KMEM_BLK_LEVEL_SB, 1 + i, word,
						       &pages[i], &reason);

		/* Who has one has the first. */
		if (type < 0 || (!i && type == KMEM_BLK_ENTRY_HOLE))
			return kmem_blk_directory_refuse(error, object, 0, word, "newer format",
							 -EPROTONOSUPPORT);
		if (type == KMEM_BLK_ENTRY_HOLE)
			continue;
		if (dax_kmem_claim_page(map->kp, pages[i]))
			return kmem_blk_directory_refuse(error, object, 0, word,
							 "page is referred to twice", -EUCLEAN);
		verdicts[i] = kmem_blk_directory_load(map, sb->key, pages[i], &copies[i], &reason);
	}
	chosen = kmem_blk_directory_choose(copies, verdicts);
	*stale = verdicts[0] || verdicts[1] || copies[0].generation != copies[1].generation;
	if (chosen < 0)
		return kmem_blk_directory_refuse(error, "directory", pages[0], 0,
						 reason ?: "two contents", chosen);
	return chosen;
}

/**
 * kmem_blk_directory_put - write a copy of the directory
 * @map: any tree
 * @dir: the directory, sealed here
 * @key: of the format
 * @dpn: page that nothing refers to
 *
 * Context: process context, does not sleep.
 * Return: true if it is there, durably.
 */
bool kmem_blk_directory_put(const struct kmem_blk_map *map, struct kmem_blk_directory *dir,
			    const u8 *key, u64 dpn)
{
	u8 *page = dax_kmem_index_to_kaddr(map->kp, dpn);
	u8 part[256];

	kmem_blk_directory_seal(dir, key, dpn);
	/* Ordering: R1, pairs with the fence below */
	kmem_media_copy_past(map->media, page, dir, sizeof(*dir));
	/* Ordering: R1, pairs with the copy in kmem_sb_put() */
	kmem_media_fence(map->media);
	for (size_t at = 0; at < sizeof(*dir); at += sizeof(part))
		if (kmem_media_read(map->media, part, page + at, sizeof(part)) ||
		    memcmp(part, (const u8 *)dir + at, sizeof(part)))
			return false;
	return true;
}

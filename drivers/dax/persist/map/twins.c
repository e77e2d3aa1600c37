// SPDX-License-Identifier: GPL-2.0
/*
 * The two copies of the nodes of the map of a kmem block device, behind an attach
 */

/**
 * DOC: Twins
 *
 * An attach takes what is good from either copy of a node above the leaves, see
 * map/verify.c. Then, in this order, and before anything of the device is lent:
 *
 *  1. The superblock is written: it refers to the copies of the root that can be read, see
 *     kmem_blk_map_roots().
 *  2. kmem_blk_map_settle() makes copies equal where they differ: what differs may refer to
 *     a page that nobody has claimed, which is RAM soon, and must not be believed when the
 *     first copy cannot be read one day. What cannot be read is referred to no more then,
 *     so that it does not come back either.
 *  3. kmem_blk_map_heal() gives nodes that have one copy another one, each in a page that
 *     is free. Not before: what step 2 takes care of may name that page. The new copies are
 *     built from the root down, because a node can have two only where its parent has; a
 *     fence; then step 2 once more stores one word into the second copy of each parent that
 *     has had two. Nodes further down are referred to by new copies only.
 *  4. The superblock is written again if the root has a new copy.
 *
 * A crash in between leaves what an attach can make the same of: what refers to a new copy
 * is one word, or the superblock, and the other tree does not change. Where there is no page
 * the node, and all below it, goes on with one copy.
 *
 * Like map/map.c this file knows neither block layer nor page allocator and is also
 * compiled in userspace.
 */

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include "entry.h"
#include "map.h"

/* Entries of a copy that are read at once. */
#define KMEM_BLK_SETTLE_CHUNK	64U
/* Entries that are built on the stack before they go to the media. */
#define KMEM_BLK_HEAL_CHUNK	8U
/* Pages that turn out to be bad, in a row, before a node stays as it is. */
#define KMEM_BLK_HEAL_TRIES	8U

/* What an entry of a node above the leaves, or of its twin, has to be. */
static u64 kmem_blk_settled_word(const struct kmem_blk_map *map, unsigned int level,
				 u64 index, bool twin)
{
	const u64 first_leaf = index << KMEM_BLK_NODE_SHIFT * (level - 1);
	unsigned int type = KMEM_BLK_ENTRY_HOLE;
	u64 dpn = 0;

	if (first_leaf >= map->nr_leaves) {
		/* Behind the end. */
	} else if (kmem_blk_map_leaf_is_lost(map, first_leaf) &&
		   (level == 1 || !map->nodes[level - 1][index].ents)) {
		type = KMEM_BLK_ENTRY_LOST;
	} else if (level == 1) {
		dpn = map->leaves[index].dpn;
	} else if (map->nodes[level - 1][index].ents) {
		const struct kmem_blk_copies *copies = &map->nodes[level - 1][index].copies;

		dpn = twin ? copies->twin : copies->dpn;
	}
	if (dpn)
		type = KMEM_BLK_ENTRY_NODE + level - 1;
	return kmem_blk_entry_encode(map->seed, level, index, type, dpn);
}

/**
 * kmem_blk_settled_copy - write a copy of a node of which all is known
 * @map: the map
 * @level: level of the node
 * @node_index: its index on its level
 * @ents: a page that nothing refers to
 * @twin: it is the second copy
 *
 * Durable after the caller's next fence.
 *
 * Context: nobody changes what is below.
 */
void kmem_blk_settled_copy(const struct kmem_blk_map *map, unsigned int level,
			   u64 node_index, __le64 *ents, bool twin)
{
	const u64 base = node_index << KMEM_BLK_NODE_SHIFT;

	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i += KMEM_BLK_HEAL_CHUNK) {
		__le64 chunk[KMEM_BLK_HEAL_CHUNK];

		for (unsigned int j = 0; j < KMEM_BLK_HEAL_CHUNK; j++)
			chunk[j] = cpu_to_le64(kmem_blk_settled_word(map, level, base + i + j,
								     twin));
		/*
		 * Ordering: R1, pairs with the fence in kmem_blk_heal() or
		 * kmem_blk_member_copy()
		 */
		kmem_media_copy(map->media, ents + i, chunk, sizeof(chunk));
	}
}

/*
 * One copy of a node becomes what it has to be. Returns 1 if it was not, 0 if it was; -EIO if
 * it cannot be read.
 */
static int kmem_blk_settle_copy(const struct kmem_blk_map *map, unsigned int level,
				u64 node_index, __le64 *ents, bool twin)
{
	const u64 base = node_index << KMEM_BLK_NODE_SHIFT;
	__le64 chunk[KMEM_BLK_SETTLE_CHUNK];
	int changed = 0;

	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i++) {
		const unsigned int at = i % KMEM_BLK_SETTLE_CHUNK;
		u64 word;

		if (!at && kmem_media_read(map->media, chunk, ents + i,
					   min(KMEM_BLK_SETTLE_CHUNK, KMEM_BLK_NODE_ENTRIES) *
					   sizeof(*ents)))
			return -EIO;
		word = kmem_blk_settled_word(map, level, base + i, twin);
		if (likely(le64_to_cpu(chunk[at]) == word))
			continue;
		/*
		 * Ordering: R9, pairs with the fence in kmem_blk_map_settle(); R1, with
		 * the fence in kmem_blk_heal()
		 */
		kmem_media_store(map->media, ents + i, word);
		kmem_media_wb(map->media, ents + i, sizeof(*ents));
		changed = 1;
	}
	return changed;
}

/**
 * kmem_blk_map_settle - make nodes and their twins equal
 * @map: the map, just attached
 *
 * Each copy says on the media what an attach has made of both. Stores nothing where that
 * is so, as always but after a crash or damage. Wherever it ends early, the next attach
 * makes the same of what is there.
 *
 * Context: may sleep; nobody else uses the map, and nothing was lent since it was attached.
 * Return: 0, it is durable; -EIO if a node cannot be read now that could be then.
 */
int kmem_blk_map_settle(struct kmem_blk_map *map)
{
	bool changed = false;

	for (unsigned int level = 1; level <= map->root_level; level++) {
		const u64 nr = kmem_blk_level_nodes(map->nr_lblks, level);

		for (u64 i = 0; i < nr; i++) {
			const struct kmem_blk_node *node = &map->nodes[level][i];
			int first, second = 0;

			if (!node->ents)
				continue;
			first = kmem_blk_settle_copy(map, level, i, node->ents, false);
			if (kmem_blk_node_has_twin(node))
				second = kmem_blk_settle_copy(map, level, i, node->twin, true);
			if (first < 0 || second < 0)
				return -EIO;
			changed |= first || second;
			cond_resched();
		}
	}
	/* Ordering: R9, pairs with the give in kmem_exchange_give_all() */
	if (changed)
		kmem_media_fence(map->media);
	return 0;
}

/* A page for the copy of a node: none that is known, or found, to be bad. NULL: none. */
static __le64 *kmem_blk_heal_page(const struct kmem_blk_map *map, u64 *dpn)
{
	for (unsigned int i = 0; i < KMEM_BLK_HEAL_TRIES; i++) {
		__le64 *ents = dax_kmem_alloc_kaddr(map->kp, dpn, KMEM_ALLOC_META);

		if (!ents || !kmem_media_probe(map->media, ents, KMEM_BLK_NODE_BYTES))
			return ents;
		/* It does not come back. */
		dax_kmem_media_error(map->kp, *dpn);
		dax_kmem_free_pages(map->kp, dpn, 1);
	}
	return NULL;
}

/*
 * A second copy of a node, durable after the caller's next fence; nothing refers to it before.
 * What is below has one copy: both trees refer to that. False if there is no page.
 */
static bool kmem_blk_heal_node(struct kmem_blk_map *map, unsigned int level, u64 node_index)
{
	struct kmem_blk_node *node = &map->nodes[level][node_index];
	__le64 *ents;
	u64 dpn;

	ents = kmem_blk_heal_page(map, &dpn);
	if (!ents)
		return false;
	kmem_blk_settled_copy(map, level, node_index, ents, true);
	node->twin = ents;
	node->copies.twin = dpn;
	map->nr_healed++;
	map->nr_single--;
	return true;
}

/*
 * All that have one copy, from the root down, until there is no page. So each parent has two
 * when it comes to its nodes, or the second tree would not know them.
 */
static void kmem_blk_heal_all(struct kmem_blk_map *map)
{
	for (unsigned int level = map->root_level; level; level--) {
		const u64 nr = kmem_blk_level_nodes(map->nr_lblks, level);

		for (u64 i = 0; i < nr; i++) {
			const struct kmem_blk_node *node = &map->nodes[level][i];

			if (!node->ents || kmem_blk_node_has_twin(node))
				continue;
			if (!kmem_blk_heal_node(map, level, i))
				return;
			cond_resched();
		}
	}
}

/* New copies, durable but that nothing refers to them. Returns whether there are some. */
static bool kmem_blk_heal(struct kmem_blk_map *map)
{
	kmem_blk_heal_all(map);
	if (!map->nr_healed)
		return false;
	/*
	 * Ordering: R1, pairs with the store in kmem_blk_settle_copy(); R1, with the copy
	 * in kmem_sb_put()
	 */
	kmem_media_fence(map->media);
	return true;
}

/**
 * kmem_blk_map_heal - second copies for nodes that have one
 * @map: the map, just settled; &kmem_blk_map.nr_healed and nr_single are brought up to date
 *
 * If the root was one of them the superblock has to be written, see kmem_blk_map_roots().
 * Where there is no page for a copy the next attach tries again.
 *
 * Context: as kmem_blk_map_settle(); may allocate pages of the device.
 * Return: 0, it is durable; -EIO if a node cannot be read now that could be then.
 */
int kmem_blk_map_heal(struct kmem_blk_map *map)
{
	if (!map->nr_single || !kmem_blk_heal(map))
		return 0;
	return kmem_blk_map_settle(map);
}

/**
 * kmem_blk_root_word - what refers to a root
 * @map: the map
 * @twin: to its twin
 *
 * Context: nobody changes which one it is. Return: the entry, 0 if there is no twin.
 */
u64 kmem_blk_root_word(const struct kmem_blk_map *map, bool twin)
{
	const unsigned int level = map->root_level;
	const struct kmem_blk_node *root = &map->nodes[level][0];

	if (twin && !kmem_blk_node_has_twin(root))
		return 0;
	return kmem_blk_entry_encode(map->seed, level + 1, 0, KMEM_BLK_ENTRY_NODE + level,
				     twin ? root->copies.twin : root->copies.dpn);
}

/**
 * kmem_blk_map_roots - which nodes the superblock has to refer to
 * @map: the map
 * @bsb: plugin part of the superblock, to be written before anything is lent
 *
 * Others than before only if a copy of the root could not be read, or is a new one.
 *
 * Context: nobody changes the map.
 */
void kmem_blk_map_roots(const struct kmem_blk_map *map, struct kmem_blk_superblock *bsb)
{
	if (!map->root_level)
		return;
	bsb->root = cpu_to_le64(kmem_blk_root_word(map, false));
	bsb->root_twin = cpu_to_le64(kmem_blk_root_word(map, true));
}

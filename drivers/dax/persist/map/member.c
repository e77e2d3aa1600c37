// SPDX-License-Identifier: GPL-2.0
/*
 * Trees come to the family of a kmem block device, and go
 */

/**
 * DOC: Members of a family
 *
 * What a family is, and its rules: map/family.c.
 *
 *  create: kmem_blk_member_init(); pages for kmem_blk_member_nodes(); kmem_blk_gate_close();
 *	a grace period; kmem_blk_member_copy(), the nodes are durable; the record of the
 *	member is made durable; kmem_blk_member_join(); kmem_blk_gate_open().
 *  roll back: a member is made of the snapshot, with twins; the superblock refers to its
 *	root and has, or has not, a record of the old live tree; join;
 *	kmem_blk_member_exchange(); the gate opens. The old live tree is a member now.
 *  delete: the record goes, durably: it has happened. Then leaf by leaf
 *	kmem_blk_member_drop_leaf(), whose pages wait for a grace period that begins then.
 *	Each leaf counts as a member's until its turn. kmem_blk_member_leave(); a grace
 *	period; the pages of kmem_blk_member_take_nodes() are free; kmem_blk_map_detach().
 *	After a crash there is nothing to go on with: the member is in no record.
 *
 * Who creates, rolls back or deletes is alone in doing so: the caller's lock.
 *
 * Like map/map.c this file knows neither block layer nor page allocator and is also
 * compiled in userspace.
 */

#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include "entry.h"
#include "map.h"

/**
 * kmem_blk_member_nodes - pages that a new member takes
 * @source: what it is made of
 * @twins: nodes are there twice: it will be the live tree
 *
 * Context: may sleep.
 * Return: the number of pages. Only as long as the gate is closed there cannot be more.
 */
u64 kmem_blk_member_nodes(const struct kmem_blk_map *source, bool twins)
{
	u64 nr = 0;

	for (unsigned int level = 1; level <= source->root_level; level++) {
		const u64 end = kmem_blk_level_nodes(source->nr_lblks, level);

		for (u64 i = 0; i < end; i++)
			nr += kmem_blk_node_exists(&source->nodes[level][i]);
		cond_resched();
	}
	return nr << twins;
}

/**
 * kmem_blk_member_init - what a new member needs in DRAM
 * @map: filled; kmem_blk_map_detach() undoes it, also after an error
 * @source: what it will be made of
 *
 * Context: may sleep.
 * Return: 0; -EMLINK if there are KMEM_BLK_MAX_MEMBERS; -EOPNOTSUPP without
 * kmem_blk_map_replaceable(); -ENOMEM.
 */
int kmem_blk_member_init(struct kmem_blk_map *map, const struct kmem_blk_map *source)
{
	memset(map, 0, sizeof(*map));
	if (source->family->nr == KMEM_BLK_MAX_MEMBERS)
		return -EMLINK;
	if (!kmem_blk_map_replaceable(source))
		return -EOPNOTSUPP;
	return kmem_blk_map_init(map, source, source->nr_lblks);
}

/* One node of a new member, in pages that nothing refers to; what is below is there. */
static int kmem_blk_member_copy_node(struct kmem_blk_map *map, unsigned int level, u64 index,
				     const struct kmem_blk_copies *copies)
{
	struct kmem_blk_node *node = &map->nodes[level][index];

	node->ents = dax_kmem_index_to_kaddr(map->kp, copies->dpn);
	node->twin = dax_kmem_index_to_kaddr(map->kp, copies->twin);
	if (WARN_ON_ONCE(!node->ents || !node->twin))
		return -EIO;
	node->copies = *copies;
	kmem_blk_settled_copy(map, level, index, node->ents, false);
	if (kmem_blk_node_has_twin(node))
		kmem_blk_settled_copy(map, level, index, node->twin, true);
	return 0;
}

/**
 * kmem_blk_member_copy - make a new member of a tree
 * @map: the member, from kmem_blk_member_init()
 * @source: the tree
 * @dpns: pages for nodes, taken from the end
 * @nr: how many, and how many are left
 * @twins: as for kmem_blk_member_nodes()
 *
 * The nodes are durable on return; nothing refers to them.
 *
 * Context: may sleep; the gate has been closed for a grace period.
 * Return: 0; -EAGAIN if pages lack, -EIO if one is not accessible: none was taken then.
 */
int kmem_blk_member_copy(struct kmem_blk_map *map, const struct kmem_blk_map *source,
			 u64 *dpns, u64 *nr, bool twins)
{
	u64 left = *nr;
	int err;

	for (u64 i = 0; i < source->nr_leaves; i++) {
		const struct kmem_blk_leaf *from = &source->leaves[i];
		struct kmem_blk_leaf *leaf = &map->leaves[i];

		leaf->nr_used = from->nr_used;
		leaf->nr_data = from->nr_data;
		leaf->dpn = from->dpn;
		rcu_assign_pointer(leaf->ents, rcu_dereference_protected(from->ents, true));
		if (!(i & KMEM_BLK_NODE_MASK))
			cond_resched();
	}
	for (unsigned int level = 1; level <= source->root_level; level++) {
		const u64 end = kmem_blk_level_nodes(source->nr_lblks, level);

		for (u64 i = 0; i < end; i++) {
			struct kmem_blk_copies copies;

			if (!kmem_blk_node_exists(&source->nodes[level][i]))
				continue;
			if (left < 1 + twins)
				return -EAGAIN;
			copies.dpn = dpns[--left];
			copies.twin = twins ? dpns[--left] : copies.dpn;
			err = kmem_blk_member_copy_node(map, level, i, &copies);
			if (err)
				return err;
			cond_resched();
		}
	}
	/* Ordering: R1, pairs with the copy in kmem_sb_put() */
	kmem_media_fence(map->media);
	*nr = left;
	return 0;
}

/**
 * kmem_blk_member_exchange - the live tree becomes a member, and a member the live tree
 * @map: the member, which has twins; made by kmem_blk_member_init() since the largest member is
 *	 there, as it has the locks of all from now on
 *
 * Which structure is the live tree's does not change: their trees do.
 *
 * Context: the gate has been closed for a grace period, and nobody reads either.
 */
void kmem_blk_member_exchange(struct kmem_blk_map *map)
{
	struct kmem_blk_family *family = map->family;
	struct kmem_blk_map *live = family->member[0];

	swap(map->nr_lblks, live->nr_lblks);
	swap(map->nr_leaves, live->nr_leaves);
	swap(map->root_level, live->root_level);
	swap(map->leaves, live->leaves);
	for (unsigned int level = 1; level <= KMEM_BLK_MAX_LEVEL; level++)
		swap(map->nodes[level], live->nodes[level]);
	for (unsigned int i = 0; i < KMEM_BLK_MAX_MEMBERS; i++)
		if (family->member[i])
			family->member[i]->locks = live->leaves;
}

/* Pages of a leaf that no other member has, and its own. Returns how many. */
static unsigned int kmem_blk_member_let_go(struct kmem_blk_map *map, u64 leaf_index,
					   const struct kmem_blk_leaf *leaf, u64 *dpns)
{
	const __le64 *ents = kmem_blk_leaf_ents(map, leaf_index);
	unsigned int nr = 0;
	bool bad = false;

	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i++) {
		const u64 lblk = (leaf_index << KMEM_BLK_NODE_SHIFT) + i;
		const char *reason;
		__le64 word;
		u64 dpn;
		int type;

		type = kmem_media_read(map->media, &word, &ents[i], sizeof(word));
		bad |= type;
		type = type ?: kmem_blk_entry_verify(map, 0, lblk, le64_to_cpu(word), &dpn,
						     &reason);
		if (type < 0)
			kmem_blk_map_doubt(map);
		else if (type == KMEM_BLK_ENTRY_DATA &&
			 !kmem_blk_family_has_entry(map, lblk, le64_to_cpu(word)))
			dpns[nr++] = dpn;
	}
	/* What could not be read as a leaf shall not hold data next. */
	if (bad)
		dax_kmem_media_error(map->kp, leaf->dpn);
	dpns[nr++] = leaf->dpn;
	return nr;
}

/**
 * kmem_blk_member_drop_leaf - a member that is being deleted forgets a leaf
 * @map: the member; its record is gone, durably
 * @leaf_index: which leaf
 * @dpns: filled: pages that nobody has any more; room for KMEM_BLK_NODE_ENTRIES + 1
 * @nr: out: how many
 *
 * They may be freed after an RCU grace period that begins now. Nothing is stored: nothing on
 * the media refers to the member. What a damaged entry refers to, or one that cannot be read,
 * stays out of use until the next attach.
 *
 * Context: process context, does not sleep. Return: 0; -EBUSY: the gate is closed.
 */
int kmem_blk_member_drop_leaf(struct kmem_blk_map *map, u64 leaf_index, u64 *dpns,
			      unsigned int *nr)
{
	struct kmem_blk_leaf *leaf = &map->leaves[leaf_index];
	int err;

	*nr = 0;
	guard(rcu)();
	err = kmem_blk_map_enter(map);
	if (err)
		return err;
	guard(spinlock)(kmem_blk_leaf_lock(map, leaf_index));
	if (kmem_blk_map_leaf_exists(map, leaf_index) &&
	    !kmem_blk_family_has_leaf(map, leaf_index, leaf->dpn))
		*nr = kmem_blk_member_let_go(map, leaf_index, leaf, dpns);
	WRITE_ONCE(leaf->nr_used, 0);
	WRITE_ONCE(leaf->nr_data, 0);
	WRITE_ONCE(leaf->dpn, 0);
	rcu_assign_pointer(leaf->ents, NULL);
	return 0;
}

/**
 * kmem_blk_member_check_leaf - could an attach make use of a leaf?
 * @map: the member, whose leaves only move
 * @leaf_index: which leaf
 *
 * Context: process context, does not sleep.
 * Return: 0, also if there is none; -EIO if it cannot be read, -EUCLEAN if it is damaged.
 */
int kmem_blk_member_check_leaf(struct kmem_blk_map *map, u64 leaf_index)
{
	const u64 first = leaf_index << KMEM_BLK_NODE_SHIFT;
	const __le64 *ents;

	guard(rcu)();
	/* Words change while blocks move. */
	guard(spinlock)(kmem_blk_leaf_lock(map, leaf_index));
	if (!kmem_blk_map_leaf_exists(map, leaf_index))
		return 0;
	ents = kmem_blk_leaf_ents(map, leaf_index);
	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i++) {
		const char *reason;
		__le64 word;
		int type;
		u64 dpn;

		type = kmem_media_read(map->media, &word, &ents[i], sizeof(word)) ?:
		       kmem_blk_entry_verify(map, 0, first + i, le64_to_cpu(word), &dpn, &reason);
		if (type < 0)
			return type;
	}
	return 0;
}

/* A page that was a node is free. What could not be read as one shall not hold data next. */
static u64 kmem_blk_member_free_node(const struct kmem_blk_map *map, u64 dpn)
{
	const void *node = dax_kmem_index_to_kaddr(map->kp, dpn);

	if (kmem_media_probe(map->media, node, KMEM_BLK_NODE_BYTES))
		dax_kmem_media_error(map->kp, dpn);
	return dpn;
}

/**
 * kmem_blk_member_take_nodes - the nodes of a member that has left
 * @map: the member
 * @pos: where to go on, 0 at first
 * @dpns: filled: pages that are free
 * @nr: room in @dpns, at least 2
 *
 * Context: may sleep; nobody else uses the map. Return: the number of pages, 0: all are taken.
 */
unsigned int kmem_blk_member_take_nodes(struct kmem_blk_map *map, u64 *pos, u64 *dpns,
					unsigned int nr)
{
	unsigned int taken = 0;
	u64 first = 0;

	for (unsigned int level = 1; level <= map->root_level; level++) {
		const u64 end = first + kmem_blk_level_nodes(map->nr_lblks, level);

		for (; *pos < end; (*pos)++) {
			struct kmem_blk_node *node = &map->nodes[level][*pos - first];

			if (!node->ents)
				continue;
			if (taken + 2 > nr)
				return taken;
			dpns[taken++] = kmem_blk_member_free_node(map, node->copies.dpn);
			if (kmem_blk_node_has_twin(node))
				dpns[taken++] = kmem_blk_member_free_node(map, node->copies.twin);
			node->ents = NULL;
		}
		first = end;
		cond_resched();
	}
	return taken;
}

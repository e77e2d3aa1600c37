// SPDX-License-Identifier: GPL-2.0
/*
 * The family of trees of a kmem block device: snapshots and clones beside the live tree
 */

/**
 * DOC: Families
 *
 * Concepts
 * ========
 *
 * The trees of a device, its *members*, are a *family* with one seed. Members share leaves
 * and pages of data; nodes above the leaves are each member's own. A new member gets copies
 * of those, 4 KiB per GiB, and refers to the same leaves: nothing else is copied, and the
 * tree that it is made of keeps all that it has.
 *
 * *Slot rule*: a leaf or a page of data is referred to at one place (level, index), by any
 * number of members. So whether another member has one is seen by a comparison of the words
 * at that place. There is no counter, on the media or in DRAM, that could be wrong, and an
 * attach has nothing to rebuild.
 *
 * The first change in a leaf that another member has goes to a copy of the leaf, which one
 * word in the parent publishes: as an atomic update does. The old leaf, and with it every
 * page that it refers to, stays the others'.
 *
 * What is freed
 * =============
 *
 * A page is free when its last member lets it go. That is *decided once*, under the lock of
 * its place, when the word leaves a member: kmem_blk_map_commit(), kmem_blk_map_drop_leaf()
 * and kmem_blk_member_drop_leaf() return only what nobody else has. Nothing is compared
 * later.
 *
 * Locks
 * =====
 *
 * One for each leaf index, whatever the member: that of the live tree's leaf. It covers
 * every change, comparison, move and loss at that place in any member, and the words that
 * refer to the leaves there. A move, and a loss, changes all members under one hold of it.
 *
 * The gate
 * ========
 *
 * Whoever changes a map looks at the gate, tests what is shared, stores and fences, all in
 * one RCU read side critical section, see kmem_blk_map_enter(). Members come, and the live
 * tree is exchanged, while the gate is closed and a grace period has passed since: then no
 * update is on its way, and readers go on. How they come and go: map/member.c.
 *
 * Ordering
 * ========
 *
 *  R10 *relied on is durable*: who frees a page relies on the words that other members have
 *     now, stored by other tasks. So where there is more than one member, the fence of every
 *     change is inside the lock of the place.
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

/* Member @i of the family if it is another one than @map and reaches to the leaf. */
static struct kmem_blk_map *kmem_blk_family_other(const struct kmem_blk_map *map,
						  unsigned int i, u64 leaf_index)
{
	struct kmem_blk_map *other = READ_ONCE(map->family->member[i]);

	return other && other != map && leaf_index < other->nr_leaves ? other : NULL;
}

/**
 * kmem_blk_family_has_leaf - does another member have the same leaf?
 * @map: a member
 * @leaf_index: which leaf
 * @dpn: its page in @map
 *
 * Context: an RCU read side critical section. Only a hint without the lock of the leaf.
 * Return: true if so: it must not be changed in place, and is not free when @map lets it go.
 */
bool kmem_blk_family_has_leaf(const struct kmem_blk_map *map, u64 leaf_index, u64 dpn)
{
	if (kmem_blk_map_is_alone(map) || !dpn)
		return false;
	for (unsigned int i = 0; i < KMEM_BLK_MAX_MEMBERS; i++) {
		const struct kmem_blk_map *other = kmem_blk_family_other(map, i, leaf_index);

		if (other && READ_ONCE(other->leaves[leaf_index].dpn) == dpn)
			return true;
	}
	return false;
}

/**
 * kmem_blk_family_has_any - does another member have a leaf at this place?
 * @map: a member
 * @leaf_index: which leaf
 *
 * Context: as kmem_blk_family_has_leaf(). Return: true if so.
 */
bool kmem_blk_family_has_any(const struct kmem_blk_map *map, u64 leaf_index)
{
	if (kmem_blk_map_is_alone(map))
		return false;
	for (unsigned int i = 0; i < KMEM_BLK_MAX_MEMBERS; i++) {
		const struct kmem_blk_map *other = kmem_blk_family_other(map, i, leaf_index);

		if (other && kmem_blk_map_leaf_exists(other, leaf_index))
			return true;
	}
	return false;
}

/**
 * kmem_blk_family_has_entry - does another member have the same block?
 * @map: a member
 * @lblk: the block
 * @word: its entry in @map
 *
 * Context: as kmem_blk_family_has_leaf().
 * Return: true if so, or if the entry of another member cannot be read, or is damaged and may
 * have been the same: its page is not free.
 */
bool kmem_blk_family_has_entry(const struct kmem_blk_map *map, u64 lblk, u64 word)
{
	const u64 leaf_index = kmem_blk_map_leaf_index(lblk);

	if (kmem_blk_map_is_alone(map))
		return false;
	for (unsigned int i = 0; i < KMEM_BLK_MAX_MEMBERS; i++) {
		const struct kmem_blk_map *other = kmem_blk_family_other(map, i, leaf_index);
		const __le64 *entry = other ? kmem_blk_map_peek(other, lblk) : NULL;
		u64 found;

		if (!entry)
			continue;
		found = kmem_media_probe(map->media, entry, sizeof(*entry)) ? 0 :
			le64_to_cpu(READ_ONCE(*entry));
		/* All zeroes is no entry. */
		if (!found || kmem_blk_entry_doubts(word, found))
			kmem_blk_map_doubt(map);
		else if (found != word)
			continue;
		return true;
	}
	return false;
}

/**
 * kmem_blk_gate_close - let nobody begin to change a map
 * @family: all maps of the device
 *
 * After an RCU grace period that begins now nobody does.
 *
 * Context: who creates, rolls back or deletes.
 */
void kmem_blk_gate_close(struct kmem_blk_family *family)
{
	WRITE_ONCE(family->closed, true);
}

/**
 * kmem_blk_gate_open - let changes go on
 * @family: all maps of the device
 *
 * Context: who has closed it; wakes nobody.
 */
void kmem_blk_gate_open(struct kmem_blk_family *family)
{
	/* Pairs with smp_load_acquire() in kmem_blk_map_enter(). */
	smp_store_release(&family->closed, false);
}

/**
 * kmem_blk_member_join - a map becomes a member of its family
 * @map: the map
 *
 * Context: the gate has been closed for a grace period, or nobody uses the family yet.
 * Return: 0, or -EMLINK if there are KMEM_BLK_MAX_MEMBERS.
 */
int kmem_blk_member_join(struct kmem_blk_map *map)
{
	struct kmem_blk_family *family = map->family;

	guard(spinlock)(&family->lock);
	for (unsigned int i = 1; i < KMEM_BLK_MAX_MEMBERS; i++) {
		if (family->member[i])
			continue;
		/* The live tree may be another one than when @map came to be. */
		map->locks = family->member[0]->leaves;
		WRITE_ONCE(family->member[i], map);
		WRITE_ONCE(family->nr, family->nr + 1);
		return 0;
	}
	return -EMLINK;
}

/**
 * kmem_blk_member_leave - a member that has dropped all leaves is none any more
 * @map: the member
 *
 * After an RCU grace period that begins now its nodes and itself may be freed.
 *
 * Context: any.
 */
void kmem_blk_member_leave(struct kmem_blk_map *map)
{
	struct kmem_blk_family *family = map->family;

	guard(spinlock)(&family->lock);
	for (unsigned int i = 1; i < KMEM_BLK_MAX_MEMBERS; i++) {
		if (family->member[i] != map)
			continue;
		WRITE_ONCE(family->member[i], NULL);
		WRITE_ONCE(family->nr, family->nr - 1);
	}
}

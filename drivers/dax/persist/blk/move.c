// SPDX-License-Identifier: GPL-2.0
/*
 * How data of a kmem block device moves to other pages
 */

/**
 * DOC: Moving data of a kmem block device
 *
 * &kmem_persist_ops.move: the framework wants to lend some pageblocks and asks for
 * the pages in them. Which block a page belongs to is only in the map, so all of
 * the map is looked through: two loads and a test of a bit per block.
 *
 * A move is a write of what is there already: the content goes to a new page, is
 * made durable, and then the entry changes, but only if it still refers to the old
 * page. All of that happens in one RCU read side critical section, so that the old
 * page cannot have been retired and used again in between. Readers and writers do
 * not notice.
 *
 * Old pages go straight back to the pool after a grace period, never to a ring,
 * from where they would be written to again. Nodes above the leaves do not move:
 * writers use them without locks.
 */

#include <linux/cleanup.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "blk.h"

/* Blocks that move with one pair of fences. */
#define KMEM_BLK_MOVE_BATCH	32U
/* Old pages that wait for one grace period. */
#define KMEM_BLK_MOVE_OLD	1024U

/**
 * struct kmem_blk_mover - one look through the map
 * @kb: the device
 * @map: the tree that is looked through: that of the disk, or a snapshot's
 * @moved: pages moved so far
 * @nr_old: elements of @old
 * @nr: elements of @moves
 * @moves: blocks to move
 * @old: pages that were left and wait for a grace period
 * @page: content on its way; what cannot be read is lost
 */
struct kmem_blk_mover {
	struct kmem_blk *kb;
	struct kmem_blk_map *map;
	long moved;
	unsigned int nr_old;
	unsigned int nr;
	struct kmem_blk_map_move moves[KMEM_BLK_MOVE_BATCH];
	u64 old[KMEM_BLK_MOVE_OLD];
	u8 page[KMEM_PERSIST_BLOCK_SIZE] __aligned(8);
};

static void kmem_blk_move_free_old(struct kmem_blk_mover *m)
{
	if (!m->nr_old)
		return;
	synchronize_rcu();
	/* The pool's lock is held for each call: not for too many. */
	for (unsigned int i = 0; i < m->nr_old; i += KMEM_BLK_MOVE_BATCH)
		dax_kmem_free_pages(m->kb->kp, m->old + i,
				    min(m->nr_old - i, KMEM_BLK_MOVE_BATCH));
	m->moved += m->nr_old;
	this_cpu_add(m->kb->stats->moved, m->nr_old);
	m->nr_old = 0;
}

/* The next blocks of a leaf that have to move, from @pos on. */
static void kmem_blk_move_find(struct kmem_blk_mover *m, u64 base,
			       unsigned int *pos)
{
	const struct kmem_blk_map *map = m->map;

	m->nr = 0;
	for (; *pos < KMEM_BLK_NODE_ENTRIES && m->nr < KMEM_BLK_MOVE_BATCH; (*pos)++) {
		u64 lblk = base + *pos, dpn;

		if (lblk >= map->nr_lblks) {
			*pos = KMEM_BLK_NODE_ENTRIES;
			return;
		}
		if (kmem_blk_map_lookup(map, lblk, &dpn) != KMEM_BLK_ENTRY_DATA ||
		    !dax_kmem_page_moves(m->kb->kp, dpn))
			continue;
		m->moves[m->nr++] = (struct kmem_blk_map_move){
			.lblk = lblk,
			.from = dpn,
		};
	}
}

/* Copy what can be read to new pages. Returns -ENOSPC if they did not suffice. */
static int kmem_blk_move_copy(struct kmem_blk_mover *m)
{
	const struct kmem_media *media = m->kb->media;
	struct kmem_persist *kp = m->kb->kp;
	unsigned int nr = 0;
	int err = 0;

	for (unsigned int i = 0; i < m->nr; i++) {
		const void *src = dax_kmem_index_to_kaddr(kp, m->moves[i].from);
		void *dst;

		if (!src)
			continue;
		if (kmem_media_read(media, m->page, src, sizeof(m->page))) {
			kmem_blk_media_error(m->kb, m->moves[i].lblk,
					     m->moves[i].from);
			continue;
		}
		m->moves[nr] = m->moves[i];
		dst = dax_kmem_alloc_kaddr(kp, &m->moves[nr].to, KMEM_ALLOC_MOVE);
		if (!dst) {
			err = -ENOSPC;
			break;
		}
		/* Ordering: R1, pairs with the fence in kmem_blk_move_some() */
		kmem_media_copy(media, dst, m->page, sizeof(m->page));
		nr++;
	}
	m->nr = nr;
	return err;
}

/* Some blocks of a leaf. */
static int kmem_blk_move_some(struct kmem_blk_mover *m, u64 base,
			      unsigned int *pos)
{
	int err;

	scoped_guard(rcu) {
		kmem_blk_move_find(m, base, pos);
		err = kmem_blk_move_copy(m);
		if (!m->nr)
			return err;
		/* Ordering: R1, pairs with the store in kmem_blk_change_entry() */
		kmem_media_fence(m->kb->media);
		kmem_blk_map_move(m->map, m->moves, m->nr);
	}
	for (unsigned int i = 0; i < m->nr; i++) {
		/* Where a writer was faster, nobody has seen the new page. */
		if (m->moves[i].from)
			m->old[m->nr_old++] = m->moves[i].from;
		else
			dax_kmem_free_pages(m->kb->kp, &m->moves[i].to, 1);
	}
	return err;
}

/* The node itself. */
static int kmem_blk_move_node(struct kmem_blk_mover *m, u64 leaf_index)
{
	struct kmem_persist *kp = m->kb->kp;
	u64 from = kmem_blk_map_leaf_page(m->map, leaf_index), to;
	int err;

	if (!from || !dax_kmem_page_moves(kp, from))
		return 0;
	if (!dax_kmem_alloc_kaddr(kp, &to, KMEM_ALLOC_MOVE))
		return -ENOSPC;
	err = kmem_blk_map_move_leaf(m->map, leaf_index, from, to);
	if (err)
		dax_kmem_free_pages(kp, &to, 1);
	else
		m->old[m->nr_old++] = from;
	if (err == -EIO)
		kmem_blk_map_blame(m->map, leaf_index << KMEM_BLK_NODE_SHIFT);
	return 0;
}

static int kmem_blk_move_leaf(struct kmem_blk_mover *m, u64 leaf_index)
{
	const u64 base = leaf_index << KMEM_BLK_NODE_SHIFT;
	unsigned int pos = 0;
	int err = 0;

	while (!err && pos < KMEM_BLK_NODE_ENTRIES) {
		if (m->nr_old + KMEM_BLK_MOVE_BATCH + 1 > KMEM_BLK_MOVE_OLD)
			kmem_blk_move_free_old(m);
		err = kmem_blk_move_some(m, base, &pos);
	}
	return err ?: kmem_blk_move_node(m, leaf_index);
}

/* Who changes what trees there are does not wait for all of the map. */
static void kmem_blk_move_let_in(struct kmem_blk_mover *m)
{
	struct kmem_blk *kb = m->kb;

	if (likely(!READ_ONCE(kb->snapshots.waits)))
		return;
	/* Nothing is in our hands meanwhile. */
	kmem_blk_move_free_old(m);
	mutex_unlock(&kb->move_lock);
	cond_resched();
	mutex_lock(&kb->move_lock);
}

/* Does a member that was looked through before have the leaf, too? */
static bool kmem_blk_move_was_there(const struct kmem_blk_mover *m, unsigned int member, u64 i)
{
	const u64 dpn = READ_ONCE(m->map->leaves[i].dpn);

	for (unsigned int j = 0; j < member; j++) {
		const struct kmem_blk_map *other = m->map->family->member[j];

		if (other && i < other->nr_leaves && READ_ONCE(other->leaves[i].dpn) == dpn)
			return true;
	}
	return false;
}

/*
 * All of a member. What others have, too, moves in them, and is looked at once. It may be another
 * one whenever somebody was let in: what is passed over then is found by the next look.
 */
static int kmem_blk_move_tree(struct kmem_blk_mover *m, unsigned int member)
{
	const struct kmem_blk_family *family = m->kb->map.family;
	int err = 0;

	for (u64 i = 0; !err && dax_kmem_is_moving(m->kb->kp); i++) {
		if (!(i % KMEM_BLK_NODE_ENTRIES))
			cond_resched();
		kmem_blk_move_let_in(m);
		m->map = family->member[member];
		if (!m->map || i >= m->map->nr_leaves)
			break;
		if (!kmem_blk_map_leaf_exists(m->map, i) || kmem_blk_move_was_there(m, member, i))
			continue;
		err = kmem_blk_move_leaf(m, i);
		cond_resched();
	}
	return err;
}

/**
 * kmem_blk_move_init - get ready
 * @kb: the device
 *
 * What it takes to move is there from the beginning: when units are being emptied,
 * I/O may wait for them, and memory for I/O.
 *
 * Context: may sleep. Return: 0 or -ENOMEM.
 */
int kmem_blk_move_init(struct kmem_blk *kb)
{
	mutex_init(&kb->move_lock);
	kb->mover = kvzalloc_obj(*kb->mover);
	if (!kb->mover)
		return -ENOMEM;
	kb->mover->kb = kb;
	return 0;
}

/**
 * kmem_blk_move_exit - counterpart of kmem_blk_move_init()
 * @kb: the device
 *
 * Context: may sleep.
 */
void kmem_blk_move_exit(struct kmem_blk *kb)
{
	kvfree(kb->mover);
}

/**
 * kmem_blk_move - &kmem_persist_ops.move
 * @kp: the device
 *
 * Context: sleeps; the framework holds kmem_compact.lock, but not its life cycle lock.
 * Return: pages moved.
 */
long kmem_blk_move(struct kmem_persist *kp)
{
	struct kmem_blk *kb = kmem_persist_priv(kp);
	struct kmem_blk_mover *m = kb->mover;
	int err = 0;

	m->moved = 0;
	guard(mutex)(&kb->move_lock);
	/* What waits in a ring would come back into the map. */
	kmem_blk_pages_reclaim(&kb->pages);
	for (unsigned int i = 0; i < KMEM_BLK_MAX_MEMBERS && !err; i++)
		err = kmem_blk_move_tree(m, i);
	kmem_blk_move_free_old(m);
	kmem_blk_pages_reclaim(&kb->pages);
	return m->moved;
}

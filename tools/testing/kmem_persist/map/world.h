/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device with a map, a writer that takes the same steps as persist/blk/io.c, and a
 * mover that takes those of persist/blk/move.c
 *
 * Included after the code under test, which is one .c file: so that tests reach
 * its static functions.
 */
#ifndef _WORLD_H
#define _WORLD_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct world - a device with a map
 * @kp: the device
 * @map: the map
 * @bsb: plugin part of its superblock
 * @retire: pages that left the map; frees them when nobody reads them
 * @release: pages that nothing has ever referred to; frees them at once
 * @put: how content gets to a page: lblk and version
 * @pause: others may run here, NULL if that needs no help
 * @closed: the gate of the family is closed: returns when it is open, NULL if nobody closes it
 */
struct world {
	struct kmem_persist *kp;
	struct kmem_blk_map map;
	struct kmem_blk_superblock bsb;
	void (*retire)(struct world *w, const u64 *dpns, unsigned int nr);
	void (*release)(struct world *w, const u64 *dpns, unsigned int nr);
	void (*put)(struct world *w, u64 dpn, u64 lblk, u64 version);
	void (*pause)(void);
	void (*closed)(struct world *w);
};

/* Content of a block: word 0 and the last one; in a test that is enough. */
static u64 world_content(u64 lblk, u64 version, int last)
{
	return 0xdaULL << 56 | (u64)last << 55 | lblk << 24 | version;
}

static void world_put(struct world *w, u64 dpn, u64 lblk, u64 version)
{
	u8 *page = dax_kmem_index_to_kaddr(w->kp, dpn);
	u64 first = world_content(lblk, version, 0);
	u64 last = world_content(lblk, version, 1);

	kmem_media_copy(&w->kp->media, page, &first, 8);
	kmem_media_copy(&w->kp->media, page + FAKE_PAGE - 8, &last, 8);
}

/* The content of a block goes to another page, whatever it is. */
static void world_copy(struct world *w, u64 to, u64 from)
{
	const u8 *src = dax_kmem_index_to_kaddr(w->kp, from);
	u8 *dst = dax_kmem_index_to_kaddr(w->kp, to);

	kmem_media_copy(&w->kp->media, dst, src, 8);
	kmem_media_copy(&w->kp->media, dst + FAKE_PAGE - 8,
			src + FAKE_PAGE - 8, 8);
}

/* Version of what @dpn holds for @lblk; -1 if that is not one whole version. */
static s64 world_version(const struct kmem_persist *kp, u64 dpn, u64 lblk)
{
	const u8 *page = dax_kmem_index_to_kaddr(kp, dpn);
	u64 first = *(const volatile u64 *)page;
	u64 last = *(const volatile u64 *)(page + FAKE_PAGE - 8);
	u64 version = first & 0xffffff;

	if (first != world_content(lblk, version, 0) ||
	    last != world_content(lblk, version, 1))
		return -1;
	return version;
}

/* What a block is that is LOST. */
#define WORLD_LOST	(-2)

/* Version of a block through a map, 0 for a hole, WORLD_LOST, -1 for anything wrong. */
static s64 world_get(const struct kmem_blk_map *map, u64 lblk)
{
	s64 version = -1;
	u64 dpn;
	int type;

	rcu_read_lock();
	type = kmem_blk_map_lookup(map, lblk, &dpn);
	if (type == KMEM_BLK_ENTRY_HOLE)
		version = 0;
	else if (type == KMEM_BLK_ENTRY_LOST)
		version = WORLD_LOST;
	else if (type == KMEM_BLK_ENTRY_DATA)
		version = world_version(map->kp, dpn, lblk);
	rcu_read_unlock();
	return version;
}

static void world_free_now(struct world *w, const u64 *dpns, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (dpns[i])
			dax_kmem_free_pages(w->kp, &dpns[i], 1);
}

static void world_init(struct world *w, struct kmem_persist *kp)
{
	memset(w, 0, sizeof(*w));
	w->kp = kp;
	w->retire = world_free_now;
	w->release = world_free_now;
	w->put = world_put;
}

/* Behind each attach, before anything is lent. Here the superblock is a word. */
static int map_settle(struct kmem_blk_map *map, struct kmem_blk_superblock *bsb)
{
	int err;

	kmem_blk_map_roots(map, bsb);
	err = kmem_blk_map_settle(map) ?: kmem_blk_map_heal(map);
	if (!err)
		kmem_blk_map_roots(map, bsb);
	return err;
}

static int world_settle(struct world *w)
{
	return map_settle(&w->map, &w->bsb);
}

/* Format and attach. */
static void world_new_seed(struct world *w, struct kmem_persist *kp, u64 nr_lblks,
			   u32 seed)
{
	struct kmem_blk_map_error error;
	struct kmem_blk_copies root;
	int err;

	world_init(w, kp);
	dax_kmem_alloc_pages(kp, &root.dpn, 1, 0);
	dax_kmem_alloc_pages(kp, &root.twin, 1, 0);
	err = kmem_blk_map_format(kp, &w->bsb, nr_lblks, seed, &root);
	fake_kp_forget(kp);
	if (!err)
		err = kmem_blk_map_attach(&w->map, kp, &w->bsb, &error);
	if (!err)
		err = world_settle(w);
	if (err) {
		fprintf(stderr, "format and attach: %d\n", err);
		abort();
	}
}

static void world_new(struct world *w, struct kmem_persist *kp, u64 nr_lblks)
{
	world_new_seed(w, kp, nr_lblks, 0x5eed0000 + nr_lblks);
}

static void world_unused(struct world *w, struct kmem_blk_update *u)
{
	u64 dpns[KMEM_BLK_MAX_SPARE + 1];
	unsigned int nr = kmem_blk_map_unused(u, dpns);

	w->release(w, dpns, nr);
}

/* Has a step to be taken again because of the gate? It is open then. */
static bool world_was_closed(struct world *w, int err)
{
	if (err != -EBUSY)
		return false;
	if (!w->closed)
		abort();
	w->closed(w);
	return true;
}

/* Nodes, if any lack, the first fence, the map, the second. Returns 0 or -ENOSPC. */
static int world_change(struct world *w, struct kmem_blk_update *u)
{
	int err;

	do {
		unsigned int want = kmem_blk_map_nodes_wanted(&w->map, u), got;

		if (want && w->pause)
			w->pause();
		got = dax_kmem_alloc_pages(w->kp, u->spare + u->nr_spare, want, 0);
		u->nr_spare += got;
		if (got < want) {
			err = -ENOSPC;
			break;
		}
		err = kmem_blk_map_stage(&w->map, u);
		if (err)
			continue;
		kmem_media_fence(&w->kp->media);
		err = kmem_blk_map_commit(&w->map, u);
	} while (err == -EAGAIN || world_was_closed(w, err));
	world_unused(w, u);
	return err;
}

/* Write blocks of one leaf. Returns 0 or -ENOSPC, and changes nothing then. */
static int world_write(struct world *w, u64 lblk, unsigned int nr,
		       unsigned int flags, u64 version)
{
	u64 pages[KMEM_BLK_NODE_ENTRIES];
	struct kmem_blk_update u = {
		.lblk = lblk, .nr = nr, .flags = flags, .pages = pages,
	};
	unsigned int got;
	int err;

	got = dax_kmem_alloc_pages(w->kp, pages, nr, 0);
	if (got < nr) {
		w->release(w, pages, got);
		return -ENOSPC;
	}
	for (unsigned int i = 0; i < nr; i++)
		w->put(w, pages[i], lblk + i, version);
	err = world_change(w, &u);
	if (err) {
		w->release(w, pages, nr);
		return err;
	}
	w->retire(w, pages, nr);
	if (u.old_leaf)
		w->retire(w, &u.old_leaf, 1);
	return 0;
}

/* Unmap blocks of one leaf, one by one. */
static int world_discard(struct world *w, u64 lblk, unsigned int nr)
{
	u64 pages[KMEM_BLK_NODE_ENTRIES];
	struct kmem_blk_update u = {
		.lblk = lblk, .nr = nr, .flags = KMEM_BLK_UPDATE_HOLE,
		.pages = pages,
	};
	int err;

	do {
		err = kmem_blk_map_commit(&w->map, &u);
	} while (world_was_closed(w, err));
	if (err == -EAGAIN)
		err = world_change(w, &u);
	if (err)
		return err;
	w->retire(w, pages, nr);
	if (u.old_leaf)
		w->retire(w, &u.old_leaf, 1);
	return 0;
}

/* Unmap a whole leaf. *@old_leaf: its page, to be drained; 0 if there is nothing to do. */
static int world_drop_only(struct world *w, u64 leaf_index, u64 *old_leaf)
{
	const u64 lblk = leaf_index << KMEM_BLK_NODE_SHIFT;
	const unsigned int all = kmem_blk_map_leaf_blocks(&w->map, leaf_index);
	const unsigned int nr = (all + 1) / 2;
	int err;

	*old_leaf = 0;
	if (kmem_blk_map_leaf_is_hole(&w->map, leaf_index))
		return 0;
	if (!w->map.root_level || kmem_blk_map_droppable(&w->map, leaf_index)) {
		do {
			err = kmem_blk_map_drop_leaf(&w->map, leaf_index, old_leaf);
		} while (world_was_closed(w, err));
		/* Other members have leaves of their own there, or it is the root. */
		if (err != -EOPNOTSUPP || !w->map.root_level)
			return err;
	}
	err = world_discard(w, lblk, nr);
	return err || nr == all ? err : world_discard(w, lblk + nr, all - nr);
}

/* What it has held is freed. */
static void world_drain(struct world *w, u64 leaf_index, u64 old_leaf)
{
	unsigned int pos = 0, nr;
	u64 dpns[7];

	/* Two grace periods where the kernel has one: simpler, and no weaker. */
	do {
		nr = kmem_blk_map_dead_pages(&w->map, leaf_index, old_leaf, &pos,
					     dpns, ARRAY_SIZE(dpns));
		w->retire(w, dpns, nr);
	} while (pos < KMEM_BLK_NODE_ENTRIES);
	w->retire(w, &old_leaf, 1);
}

static int world_drop(struct world *w, u64 leaf_index)
{
	u64 old_leaf;
	int err = world_drop_only(w, leaf_index, &old_leaf);

	if (!err && old_leaf)
		world_drain(w, leaf_index, old_leaf);
	return err;
}

/*
 * Move what is mapped of some blocks of one leaf. Returns 0, or -ENOSPC if that
 * was not all.
 */
static int world_move(struct world *w, u64 lblk, unsigned int nr)
{
	struct kmem_blk_map_move moves[KMEM_BLK_NODE_ENTRIES];
	unsigned int found, moved;
	int err;

again:
	found = 0;
	moved = 0;
	err = 0;
	rcu_read_lock();
	for (unsigned int i = 0; i < nr; i++) {
		u64 from, to;

		if (kmem_blk_map_lookup(&w->map, lblk + i, &from) !=
		    KMEM_BLK_ENTRY_DATA)
			continue;
		if (!dax_kmem_alloc_pages(w->kp, &to, 1, 0)) {
			err = -ENOSPC;
			break;
		}
		world_copy(w, to, from);
		moves[found++] = (struct kmem_blk_map_move) {
			.lblk = lblk + i, .from = from, .to = to,
		};
	}
	if (found) {
		kmem_media_fence(&w->kp->media);
		kmem_blk_map_move(&w->map, moves, found);
	}
	rcu_read_unlock();
	for (unsigned int i = 0; i < found; i++) {
		moved += !!moves[i].from;
		if (moves[i].from)
			w->retire(w, &moves[i].from, 1);
		else
			w->release(w, &moves[i].to, 1);
	}
	/* Nothing moves while the gate is closed. */
	if (!moved && found && w->closed && READ_ONCE(w->map.family->closed)) {
		w->closed(w);
		goto again;
	}
	return err;
}

/* Move the node itself. Returns 0 if it did or need not, or -ENOSPC. */
static int world_move_leaf(struct world *w, u64 leaf_index)
{
	u64 from, to;
	int err;

again:
	from = kmem_blk_map_leaf_page(&w->map, leaf_index);
	if (!from)
		return 0;
	if (!dax_kmem_alloc_pages(w->kp, &to, 1, 0))
		return -ENOSPC;
	if (w->pause)
		w->pause();
	err = kmem_blk_map_move_leaf(&w->map, leaf_index, from, to);
	if (err)
		w->release(w, &to, 1);
	else
		w->retire(w, &from, 1);
	if (world_was_closed(w, err))
		goto again;
	return err == -EAGAIN ? 0 : err;
}

/* A block cannot be read any more. Returns whether it was one, and is LOST. */
static bool world_lose(struct world *w, u64 lblk)
{
	bool lost = false;
	u64 dpn;

	/* Its page is known to be bad: it is not used again before that is done. */
	rcu_read_lock();
	if (kmem_blk_map_lookup(&w->map, lblk, &dpn) == KMEM_BLK_ENTRY_DATA) {
		if (w->pause)
			w->pause();
		lost = kmem_blk_map_lose(&w->map, lblk, dpn);
	}
	rcu_read_unlock();
	if (lost)
		w->retire(w, &dpn, 1);
	return lost;
}

/* Do the counters of the map and those of the device agree? */
static bool world_adds_up(const struct world *w)
{
	struct kmem_blk_map_count count;

	kmem_blk_map_count(&w->map, &count);
	return KMEM_PERSIST_FIRST_PAGE + count.mapped_blocks + count.node_pages == w->kp->nr_used;
}

#endif

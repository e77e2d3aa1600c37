// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to a bio of a kmem block device
 */

/**
 * DOC: I/O of a kmem block device
 *
 * Everything is done by the CPU and before submit_bio returns, but what has to wait
 * for pages, see blk/park.c. Nothing is ever overwritten in place: a write fills
 * new pages, makes them durable, changes the map and retires the old pages. So a
 * block is seen whole at all times, also after a crash, and there are no other rules
 * for overwrites than for first writes.
 *
 * A bio may be of any size. A write is done in pieces of at most 1 MiB that end where
 * a leaf of the map ends: such a piece is a *batch*. Whatever its size, a batch costs
 * two fences: one between the content and the map, one before it is acknowledged.
 * When space or memory is short batches get smaller, down to one block. Only a
 * REQ_ATOMIC write is never cut.
 *
 * Steps of a batch, none of which leaves anything behind when a later one fails:
 *
 *  1. pages for the content: all or none
 *  2. room for the pages that will be retired
 *  3. the content is copied
 *  4. pages for nodes of the map, if any lack; they are built aside
 *  5. first fence
 *  6. the map changes; the second fence
 *  7. old pages are retired
 *
 * Nobody waits for pages here: when there are none, in step 1 or, after all is given
 * back, in step 4, the bio is parked with nothing held. Step 2 may wait for a grace
 * period. A REQ_NOWAIT bio never sleeps.
 * While a snapshot is made step 6 waits, while 4 KiB for each GiB of the disk are copied, with its
 * pages and room in hand.
 * The lock of a leaf of the map is a spinlock that is held for the update of
 * some words, it does not count as waiting.
 *
 * Out of space: first writes are parked until pages come back, but no longer than
 * no_space_timeout; after that they fail at once until there is space. Overwrites
 * may use the reserve of the pool, and half of it is for what the block layer marks
 * as metadata or swap, and for nodes of the map. First writes of swap do not wait. Metadata
 * may go further beyond a limit, and waits on when data has waited in vain.
 *
 * Flushes: there is no volatile cache. A fence makes content and map durable,
 * with the flush hints of the region where it has some, so that the order of
 * fences is the order on the media there too.
 */

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/cache.h>
#include <linux/cacheflush.h>
#include <linux/device.h>
#include <linux/highmem.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/prefetch.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/unroll.h>
#include <linux/wait.h>
#include "blk.h"

/* Who discards 32 MiB or more wants to see RAM when it is done. */
#define KMEM_BLK_DISCARD_LARGE	(SZ_32M >> SECTOR_SHIFT)
/* Dropping a leaf can be remembered, or not: then it takes longer. */
#define KMEM_BLK_GFP_OPTIONAL	(GFP_NOIO | __GFP_NOWARN)

static void kmem_blk_report_unreadable(struct kmem_blk *kb, struct kmem_blk_map *map, u64 lblk)
{
	kmem_blk_map_blame(map, lblk);
	dev_err_ratelimited(disk_to_dev(kb->disk),
			    "media error in the map near block %llu: not all of it can be read or changed; unplug and plug the device, and run kmem-persist repair if it is held then\n",
			    lblk);
}

static void kmem_blk_report_damage(struct kmem_blk *kb, u64 lblk)
{
	dev_err_ratelimited(disk_to_dev(kb->disk),
			    "damaged map entry near block %llu: reads of it fail until it is written; run kmem-persist check when the disk is not in use\n",
			    lblk);
}

/*
 * Reads
 */

/* Copy one block, or zeroes if @src is NULL, to where @iter stands. */
static int kmem_blk_copy_out(struct kmem_blk *kb, struct bio *bio,
			     struct bvec_iter *iter, const void *src)
{
	unsigned int left = KMEM_PERSIST_BLOCK_SIZE;
	int err = 0;

	while (left) {
		/* Any number of pieces: a block need not be in one page. */
		struct bio_vec bv = bio_iter_iovec(bio, *iter);
		unsigned int len = min(bv.bv_len, left);
		void *dst = bvec_kmap_local(&bv);

		if (!src)
			memset(dst, 0, len);
		else if (!err)
			err = kmem_media_read(kb->media, dst, src, len);
		kunmap_local(dst);
		flush_dcache_page(bv.bv_page);
		bio_advance_iter_single(bio, iter, len);
		if (src)
			src += len;
		left -= len;
	}
	return err;
}

/*
 * What is to be copied comes into the cache, all lines at once. Pages are anywhere, and
 * what a processor sees coming by itself ends with a page. Where there are media errors
 * nothing is touched that need not be. Under RCU.
 */
static __always_inline void kmem_blk_prefetch_page(const struct kmem_blk *kb,
						   const struct kmem_blk_map *map, u64 lblk)
{
	const __le64 *entry;
	const void *page;
	u64 dpn;

	if (dax_kmem_has_bad(kb->kp))
		return;
	entry = kmem_blk_map_peek(map, lblk);
	if (!entry || kmem_media_probe(kb->media, entry, sizeof(*entry)))
		return;
	dpn = le64_to_cpu(READ_ONCE(*entry)) & KMEM_BLK_ENTRY_DPN_MASK;
	page = dpn ? dax_kmem_index_to_kaddr(kb->kp, dpn) : NULL;
	if (!page)
		return;
	unrolled_count(8)
	for (unsigned int i = 0; i < KMEM_PERSIST_BLOCK_SIZE; i += L1_CACHE_BYTES)
		prefetch(page + i);
}

/* Inlined where it is used: of the disk it is known where the map is. */
static __always_inline blk_status_t kmem_blk_read(struct kmem_blk *kb, struct kmem_blk_map *map,
						  struct bio *bio)
{
	struct bvec_iter iter = bio->bi_iter;
	u64 lblk = kmem_blk_first(bio), end = lblk + kmem_blk_count(bio);
	u64 fetched = lblk;

	for (; lblk < end; lblk++) {
		blk_status_t status = BLK_STS_OK;
		const void *src = NULL;
		u64 dpn;
		int type;

		/* The page is the block's until the end of this section. */
		scoped_guard(rcu) {
			/* This one, if it is the first, and the next. */
			for (; fetched < end && fetched <= lblk + 1; fetched++)
				kmem_blk_prefetch_page(kb, map, fetched);
			type = kmem_blk_map_lookup(map, lblk, &dpn);
			if (type == KMEM_BLK_ENTRY_DATA) {
				src = dax_kmem_index_to_kaddr(kb->kp, dpn);
				if (!src)
					status = BLK_STS_IOERR;
			} else if (type == KMEM_BLK_ENTRY_LOST) {
				status = BLK_STS_MEDIUM;
			} else if (type != KMEM_BLK_ENTRY_HOLE) {
				status = BLK_STS_IOERR;
			}
			if (!status && kmem_blk_copy_out(kb, bio, &iter, src)) {
				status = BLK_STS_MEDIUM;
				kmem_blk_media_error(kb, lblk, dpn);
			}
		}
		if (type == -EIO)
			kmem_blk_report_unreadable(kb, map, lblk);
		else if (type < 0)
			kmem_blk_report_damage(kb, lblk);
		if (status)
			return status;
		if (unlikely(!(lblk & (KMEM_BLK_BATCH - 1))))
			cond_resched();
	}
	return BLK_STS_OK;
}

/*
 * Writes
 */

/*
 * A batch: blocks of one leaf whose content comes from @bio at @iter, or is zero
 * if @iter is NULL.
 */
struct kmem_blk_batch {
	struct bio *bio;
	struct bvec_iter *iter;
	unsigned int get;
	enum kmem_blk_wait wait;
	bool parked;
	struct kmem_blk_update u;
	struct kmem_blk_ticket ticket;
};

/* All but where the content comes from. Not the list of spare pages: none is in it. */
static void kmem_blk_batch_init(struct kmem_blk_batch *b, u64 lblk, unsigned int nr,
				unsigned int flags, u64 *pages, unsigned int get)
{
	b->get = get;
	b->ticket.ring = NULL;
	b->ticket.room = 0;
	b->u.lblk = lblk;
	b->u.nr = nr;
	b->u.flags = flags;
	b->u.nr_spare = 0;
	b->u.nr_damaged = 0;
	b->u.staged = false;
	b->u.leaf = 0;
	b->u.old_leaf = 0;
	b->u.pages = pages;
}

static bool kmem_blk_may_wait(const struct kmem_blk_batch *b)
{
	return !(b->get & KMEM_BLK_GET_NOWAIT);
}

/*
 * What a batch waits for, if it has to; it becomes so small that this is the same for all of
 * it. An atomic write is an overwrite if all of it is.
 */
static int kmem_blk_classify(struct kmem_blk *kb, struct kmem_blk_batch *b)
{
	const bool atomic = b->u.flags & KMEM_BLK_UPDATE_ATOMIC;
	bool overwrite;
	unsigned int run;

	run = kmem_blk_map_run(&kb->map, b->u.lblk, b->u.nr, &overwrite);
	/* All of a bio that may not wait, or nothing. */
	if (run != b->u.nr && !kmem_blk_may_wait(b))
		return -EAGAIN;
	if (atomic && run != b->u.nr)
		overwrite = false;
	if (!atomic)
		b->u.nr = run;
	if (overwrite) {
		b->get |= KMEM_BLK_GET_OVERWRITE;
		b->wait = KMEM_BLK_WAIT_OVERWRITE;
	} else if (atomic) {
		/* It needs more at once than others, who do not wait for that. */
		b->wait = KMEM_BLK_WAIT_ATOMIC;
	} else if (b->bio->bi_opf & (REQ_META | REQ_PRIO)) {
		b->wait = KMEM_BLK_WAIT_META;
	} else {
		b->wait = KMEM_BLK_WAIT_FIRST;
	}
	return 0;
}

/* Is there hope that something comes back if all that is ours is given back? */
static bool kmem_blk_may_reclaim(struct kmem_blk *kb, const struct kmem_blk_batch *b)
{
	if (b->get & KMEM_BLK_GET_OVERWRITE ||
	    (b->get & KMEM_BLK_GET_RESERVE && !b->parked))
		return true;
	if (b->parked)
		return kmem_blk_park_may_reclaim(kb);
	/* The worker takes care of it when there is nothing to hope for. */
	return dax_kmem_has_space(kb->kp, 0) || kmem_blk_pages_draining(&kb->pages);
}

/*
 * There were no pages, or somebody waits for some: look closer, give back what we keep, make
 * do with fewer. Changes b->u.nr and b->get. -EINPROGRESS if it has to wait, for b->wait.
 */
static int kmem_blk_get_slow(struct kmem_blk *kb, struct kmem_blk_batch *b)
{
	bool reclaimed = false;
	int err;

	err = kmem_blk_classify(kb, b);
	if (err)
		return err;
	/* Who waits for the same, and found no pages, is not overtaken. */
	if (!b->parked && READ_ONCE(kb->parked) & BIT(b->wait))
		return kmem_blk_may_wait(b) ? -EINPROGRESS : -EAGAIN;
	for (;;) {
		err = kmem_blk_pages_get(&kb->pages, &b->ticket, b->u.pages,
					 b->u.nr, b->get);
		if (err != -ENOSPC)
			return err;
		if (!kmem_blk_may_wait(b))
			return -EAGAIN;
		if (!reclaimed && kmem_blk_may_reclaim(kb, b)) {
			kmem_blk_pages_reclaim(&kb->pages);
			reclaimed = true;
			continue;
		}
		/* It is for all: take less. */
		if (b->u.nr == 1 || b->u.flags & KMEM_BLK_UPDATE_ATOMIC)
			return -EINPROGRESS;
		b->u.nr /= 2;
	}
}

/* Pages and room for a batch, which may get smaller. */
static int kmem_blk_get(struct kmem_blk *kb, struct kmem_blk_batch *b)
{
	int err = -ENOSPC;

	if (likely(!READ_ONCE(kb->parked)))
		err = kmem_blk_pages_get(&kb->pages, &b->ticket, b->u.pages, b->u.nr,
					 b->get);
	if (unlikely(err == -ENOSPC))
		err = kmem_blk_get_slow(kb, b);
	if (err)
		return err;
	if (likely(b->ticket.room))
		return 0;
	/* One more, for a leaf that is replaced. */
	err = kmem_blk_pages_room(&kb->pages, &b->ticket, b->u.nr + 1, b->get);
	if (err)
		kmem_blk_pages_put(&kb->pages, b->u.pages, b->u.nr);
	return err;
}

/*
 * What the update will change, lock and first entry, comes into the cache while the
 * content is copied past it.
 */
static void kmem_blk_prefetch_entry(const struct kmem_blk_map *map, u64 lblk)
{
	const __le64 *entry;

	prefetchw(&map->leaves[kmem_blk_map_leaf_index(lblk)]);
	guard(rcu)();
	entry = kmem_blk_map_peek(map, lblk);
	if (entry)
		prefetchw(entry);
}

/* Copy one block from where the iterator stands, or zeroes, to a page. */
static void kmem_blk_copy_in(struct kmem_blk *kb, struct kmem_blk_batch *b,
			     void *dst)
{
	unsigned int left = KMEM_PERSIST_BLOCK_SIZE;

	if (!b->iter) {
		/* Ordering: R1, pairs with the fence in kmem_blk_change() */
		kmem_media_copy(kb->media, dst, page_address(ZERO_PAGE(0)), left);
		return;
	}
	while (left) {
		struct bio_vec bv = bio_iter_iovec(b->bio, *b->iter);
		unsigned int len = min(bv.bv_len, left);
		void *src;

		flush_dcache_page(bv.bv_page);
		src = bvec_kmap_local(&bv);
		/* Ordering: R1, pairs with the fence in kmem_blk_change() */
		kmem_media_copy(kb->media, dst, src, len);
		kunmap_local(src);
		bio_advance_iter_single(b->bio, b->iter, len);
		dst += len;
		left -= len;
	}
}

/* Pages for the nodes that the update lacks. */
static int kmem_blk_get_nodes(struct kmem_blk *kb, struct kmem_blk_batch *b)
{
	unsigned int nr = kmem_blk_map_nodes_wanted(&kb->map, &b->u);
	u64 leaf_index = kmem_blk_map_leaf_index(b->u.lblk);
	int err, get;

	if (likely(!nr))
		return 0;
	/* A leaf that is replaced gives its page back, if no snapshot has it. */
	get = b->get | (kmem_blk_map_leaf_exists(&kb->map, leaf_index) &&
			kmem_blk_map_is_alone(&kb->map) ?
			KMEM_BLK_GET_OVERWRITE : KMEM_BLK_GET_RESERVE);
	err = kmem_blk_pages_get(&kb->pages, NULL, b->u.spare + b->u.nr_spare, nr,
				 get);
	if (!err)
		b->u.nr_spare += nr;
	return err;
}

/* Step 4. Most batches only change entries of a leaf that is there, and nobody else's. */
static int kmem_blk_stage(struct kmem_blk *kb, struct kmem_blk_batch *b)
{
	int err;

	if (likely(!b->u.flags && kmem_blk_map_is_alone(&kb->map) &&
		   kmem_blk_map_leaf_exists(&kb->map,
					    kmem_blk_map_leaf_index(b->u.lblk))))
		return 0;
	err = kmem_blk_get_nodes(kb, b);
	return err ?: kmem_blk_map_stage(&kb->map, &b->u);
}

/* The map does not change while a snapshot is made. False: who may not wait. */
static bool kmem_blk_waits_for_gate(struct kmem_blk *kb, bool nowait)
{
	if (!nowait)
		wait_event(kb->snapshots.gate, !READ_ONCE(kb->map.family->closed));
	return !nowait;
}

/* Steps 4 to 6. On failure the pages are as if nothing had happened. */
static int kmem_blk_change(struct kmem_blk *kb, struct kmem_blk_batch *b)
{
	int err;

	do {
		err = kmem_blk_stage(kb, b);
		if (err)
			continue;
		/*
		 * Content and nodes. Ordering: R1, pairs with the store in
		 * kmem_blk_leaf_swap() or kmem_blk_leaf_link()
		 */
		kmem_media_fence(kb->media);
		err = kmem_blk_map_commit(&kb->map, &b->u);
	} while (err == -EAGAIN ||
		 (err == -EBUSY && kmem_blk_waits_for_gate(kb, !kmem_blk_may_wait(b))));
	return err;
}

static void kmem_blk_put_unused(struct kmem_blk *kb, struct kmem_blk_batch *b)
{
	u64 dpns[KMEM_BLK_MAX_SPARE + 1] __uninitialized;

	if (likely(!b->u.nr_spare && !b->u.leaf))
		return;
	kmem_blk_pages_put(&kb->pages, dpns, kmem_blk_map_unused(&b->u, dpns));
}

/* Step 7. */
static inline void kmem_blk_retire(struct kmem_blk *kb, struct kmem_blk_batch *b)
{
	if (b->u.nr_damaged)
		kmem_blk_report_damage(kb, b->u.lblk);
	/* The leaf first: the ticket has room for both, but is used up once. */
	if (b->u.old_leaf) {
		struct kmem_blk_ticket leaf = {
			.ring = b->ticket.ring,
			.room = 1,
		};

		b->ticket.room--;
		kmem_blk_pages_retire(&kb->pages, &leaf, &b->u.old_leaf, 1);
	}
	kmem_blk_pages_retire(&kb->pages, &b->ticket, b->u.pages, b->u.nr);
}

static void kmem_blk_account_write(struct kmem_blk *kb,
				   const struct kmem_blk_batch *b)
{
	unsigned int cow = 0;

	for (unsigned int i = 0; i < b->u.nr; i++)
		cow += !!b->u.pages[i];
	this_cpu_add(kb->stats->cow_writes, cow);
	this_cpu_add(kb->stats->first_writes, b->u.nr - cow);
}

/* One batch. Updates b->u.nr to what was written. */
static int kmem_blk_write_batch(struct kmem_blk *kb, struct kmem_blk_batch *b)
{
	struct bvec_iter start;
	bool reclaimed = false;
	int err;

	for (;;) {
		err = kmem_blk_get(kb, b);
		if (err)
			return err;
		if (b->iter)
			start = *b->iter;
		kmem_blk_prefetch_entry(&kb->map, b->u.lblk);
		for (unsigned int i = 0; i < b->u.nr; i++) {
			void *dst = dax_kmem_index_to_kaddr(kb->kp, b->u.pages[i]);

			kmem_blk_copy_in(kb, b, dst);
		}
		err = kmem_blk_change(kb, b);
		kmem_blk_put_unused(kb, b);
		if (likely(!err))
			break;
		if (err == -EIO)
			kmem_blk_report_unreadable(kb, &kb->map, b->u.lblk);

		/* Nothing was changed, nobody has seen the pages. */
		kmem_blk_pages_put(&kb->pages, b->u.pages, b->u.nr);
		kmem_blk_pages_return(&kb->pages, &b->ticket);
		if (b->iter)
			*b->iter = start;
		if (err != -ENOSPC || !kmem_blk_may_wait(b))
			return err == -ENOSPC ? -EAGAIN : err;
		/* No page for a node, not even in the reserve. */
		if (reclaimed && (b->u.nr == 1 || b->u.flags & KMEM_BLK_UPDATE_ATOMIC))
			return kmem_blk_classify(kb, b) ?: -EINPROGRESS;
		kmem_blk_pages_reclaim(&kb->pages);
		if (reclaimed)
			b->u.nr /= 2;
		reclaimed = true;
	}
	kmem_blk_account_write(kb, b);
	kmem_blk_written(kb, b->u.lblk, b->u.nr);
	kmem_blk_retire(kb, b);
	return 0;
}

/* BLK_STS_RESOURCE does not leave the driver: the bio has to wait. */
static blk_status_t kmem_blk_write_status(int err)
{
	switch (err) {
	case 0:
		return BLK_STS_OK;
	case -EAGAIN:
	case -EBUSY:
		return BLK_STS_AGAIN;
	case -ENOSPC:
		return BLK_STS_NOSPC;
	case -EINPROGRESS:
		return BLK_STS_RESOURCE;
	default:
		return BLK_STS_IOERR;
	}
}

/* Blocks that can change together from @lblk on. */
static unsigned int kmem_blk_batch_limit(u64 lblk, u64 end, unsigned int max)
{
	unsigned int in_leaf = KMEM_BLK_NODE_ENTRIES -
			       (lblk & (KMEM_BLK_NODE_ENTRIES - 1));

	return min3((u64)in_leaf, end - lblk, (u64)max);
}

static blk_status_t kmem_blk_write(struct kmem_blk *kb, struct bio *bio,
				   struct kmem_blk_run *run, bool zero)
{
	struct bvec_iter iter = bio->bi_iter;
	u64 first = kmem_blk_first(bio), end = first + kmem_blk_count(bio);
	u64 lblk = first + run->done;
	/* Of these 256 bytes most writes use 8. */
	u64 stack[KMEM_BLK_BATCH_STACK] __uninitialized, *pages = stack;
	unsigned int max = KMEM_BLK_BATCH_STACK, flags = 0, get = 0;
	struct kmem_blk_batch b __uninitialized;
	int err = 0;

	b.bio = bio;
	b.iter = zero ? NULL : &iter;
	b.parked = run->parked;
	if (unlikely(run->done) && !zero)
		bio_advance_iter(bio, &iter, run->done << KMEM_PERSIST_BLOCK_SHIFT);
	if (bio->bi_opf & REQ_ATOMIC) {
		/* The block layer does not check the boundary for us. */
		if (!kmem_blk_map_replaceable(&kb->map) ||
		    lblk / KMEM_BLK_BATCH != (end - 1) / KMEM_BLK_BATCH)
			return BLK_STS_INVAL;
		flags = KMEM_BLK_UPDATE_ATOMIC;
	}
	if (bio->bi_opf & REQ_NOWAIT)
		get |= KMEM_BLK_GET_NOWAIT;
	if (bio->bi_opf & (REQ_META | REQ_PRIO | REQ_SWAP))
		get |= bio->bi_opf & REQ_SWAP ? KMEM_BLK_GET_RESERVE :
						KMEM_BLK_GET_RESERVE | KMEM_BLK_GET_META;

	if (end - lblk > KMEM_BLK_BATCH_STACK) {
		/* Only who cannot do with a shorter list waits for a long one. */
		bool wait = flags && !(get & KMEM_BLK_GET_NOWAIT);

		pages = mempool_alloc(&kb->lists, wait ? GFP_NOIO : GFP_NOWAIT);
		if (!pages && flags)
			return BLK_STS_AGAIN;
		if (pages)
			max = KMEM_BLK_BATCH;
		else
			pages = stack;
	}

	/* It must not fail when a part is done already. */
	if ((get & KMEM_BLK_GET_NOWAIT) &&
	    kmem_blk_batch_limit(lblk, end, max) != end - lblk)
		err = -EAGAIN;

	while (lblk < end && !err) {
		kmem_blk_batch_init(&b, lblk, kmem_blk_batch_limit(lblk, end, max), flags,
				    pages, get);
		err = kmem_blk_write_batch(kb, &b);
		if (!err)
			lblk += b.u.nr;
		cond_resched();
	}
	if (pages != stack)
		mempool_free(pages, &kb->lists);
	if (unlikely(err == -EINPROGRESS)) {
		run->done = lblk - first;
		run->wait = b.wait;
	}
	return kmem_blk_write_status(err);
}

/*
 * Discards
 */

/* All blocks of a leaf, with one store. */
static int kmem_blk_discard_leaf(struct kmem_blk *kb, u64 leaf_index, bool nowait)
{
	struct kmem_blk_dead *dead;
	u64 old_leaf;
	int err;

	if (kmem_blk_map_leaf_is_hole(&kb->map, leaf_index))
		return 0;
	if (!nowait && kmem_blk_pages_crowded(&kb->pages))
		kmem_blk_pages_reclaim(&kb->pages);
	dead = kmalloc_obj(*dead, nowait ? GFP_NOWAIT : KMEM_BLK_GFP_OPTIONAL);
	if (!dead && nowait)
		return -EAGAIN;
	do
		err = kmem_blk_map_drop_leaf(&kb->map, leaf_index, &old_leaf);
	while (err == -EBUSY && kmem_blk_waits_for_gate(kb, nowait));
	if (!err)
		kmem_blk_written(kb, leaf_index << KMEM_BLK_NODE_SHIFT,
				 KMEM_BLK_NODE_ENTRIES);
	else if (err == -EIO)
		kmem_blk_report_unreadable(kb, &kb->map, leaf_index << KMEM_BLK_NODE_SHIFT);
	if (old_leaf)
		kmem_blk_pages_bury(&kb->pages, dead, leaf_index, old_leaf);
	else
		kfree(dead);
	return err;
}

/* Some blocks of a leaf. */
static int kmem_blk_discard_blocks(struct kmem_blk *kb, u64 lblk, unsigned int nr,
				   u64 *pages, bool nowait)
{
	struct kmem_blk_batch b __uninitialized;
	int err;

	kmem_blk_batch_init(&b, lblk, nr, KMEM_BLK_UPDATE_HOLE, pages,
			    nowait ? KMEM_BLK_GET_NOWAIT : 0);
	err = kmem_blk_pages_room(&kb->pages, &b.ticket, nr + 1, b.get);
	if (err)
		return err;
	err = kmem_blk_map_commit(&kb->map, &b.u);
	/*
	 * All is LOST from further up: it takes nodes to say that this is not, any more. Or a
	 * snapshot has the leaf: it takes another one.
	 */
	if (err == -EAGAIN || err == -EBUSY) {
		err = kmem_blk_change(kb, &b);
		kmem_blk_put_unused(kb, &b);
	}
	if (err) {
		if (err == -EIO)
			kmem_blk_report_unreadable(kb, &kb->map, lblk);
		kmem_blk_pages_return(&kb->pages, &b.ticket);
		return err == -ENOSPC && nowait ? -EAGAIN : err;
	}
	kmem_blk_written(kb, lblk, nr);
	kmem_blk_retire(kb, &b);
	return 0;
}

static blk_status_t kmem_blk_discard(struct kmem_blk *kb, struct bio *bio)
{
	u64 lblk = kmem_blk_first(bio), end = lblk + kmem_blk_count(bio);
	u64 stack[KMEM_BLK_BATCH_STACK] __uninitialized, *pages = stack;
	bool nowait = bio->bi_opf & REQ_NOWAIT, any = false;
	unsigned int max = KMEM_BLK_BATCH_STACK;
	int err = 0;

	while (lblk < end && !err) {
		u64 leaf_index = kmem_blk_map_leaf_index(lblk);
		u64 next = (leaf_index + 1) << KMEM_BLK_NODE_SHIFT;
		bool whole = !(lblk & (KMEM_BLK_NODE_ENTRIES - 1)) &&
			     end >= min(next, kb->map.nr_lblks);

		cond_resched();
		if (kmem_blk_map_leaf_is_hole(&kb->map, leaf_index)) {
			lblk = next;
			continue;
		}
		any = true;
		err = -EOPNOTSUPP;
		if (whole && kmem_blk_map_droppable(&kb->map, leaf_index))
			err = kmem_blk_discard_leaf(kb, leaf_index, nowait);
		/* Not as a whole, also if a snapshot may have blocks of it. */
		if (err != -EOPNOTSUPP) {
			lblk = next;
		} else {
			unsigned int nr = kmem_blk_batch_limit(lblk, end, KMEM_BLK_BATCH);

			/* One list for both ends. Less room is found sooner. */
			if (nr > max && !nowait) {
				pages = mempool_alloc(&kb->lists, GFP_NOWAIT) ?: stack;
				max = pages == stack ? max : KMEM_BLK_BATCH;
			}
			nr = min(nr, max);
			err = kmem_blk_discard_blocks(kb, lblk, nr, pages, nowait);
			lblk += nr;
		}
	}
	if (pages != stack)
		mempool_free(pages, &kb->lists);
	this_cpu_inc(kb->stats->discards);
	if (any && !nowait && bio_sectors(bio) >= KMEM_BLK_DISCARD_LARGE) {
		kmem_blk_pages_reclaim(&kb->pages);
		dax_kmem_lend(kb->kp);
	} else if (any) {
		kmem_blk_pages_kick(&kb->pages);
	}
	return kmem_blk_write_status(err);
}

/*
 * Every page that is freed is erased; so all that has to be done is to wait until
 * all pages that hold, or held, these blocks are freed: those that are retired, also
 * while somebody else is freeing them, and those that the mover has left. That may be as
 * long as it takes to look through all of the map, so the bio is parked. The page behind a
 * damaged entry is unknown: then it cannot be promised. Nor while there are snapshots, which
 * may have the same blocks.
 */
static blk_status_t kmem_blk_secure_erase(struct kmem_blk *kb, struct bio *bio,
					  struct kmem_blk_run *run)
{
	blk_status_t status;

	if (!dax_kmem_erases(kb->kp) || !kmem_blk_map_is_alone(&kb->map))
		return BLK_STS_NOTSUPP;
	if (bio->bi_opf & REQ_NOWAIT)
		return BLK_STS_AGAIN;
	if (!run->parked) {
		run->wait = KMEM_BLK_WAIT_ERASE;
		return BLK_STS_RESOURCE;
	}
	status = kmem_blk_discard(kb, bio);
	scoped_guard(mutex, &kb->move_lock)
		kmem_blk_pages_reclaim(&kb->pages);
	if (!status && (!dax_kmem_erases(kb->kp) || kmem_blk_map_is_damaged(&kb->map) ||
			!kmem_blk_map_is_alone(&kb->map)))
		status = BLK_STS_IOERR;
	return status;
}

static blk_status_t kmem_blk_do_bio(struct kmem_blk *kb, struct bio *bio,
				    struct kmem_blk_run *run)
{
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		return kmem_blk_read(kb, &kb->map, bio);
	case REQ_OP_WRITE:
		return kmem_blk_write(kb, bio, run, false);
	case REQ_OP_WRITE_ZEROES:
		if (bio->bi_opf & REQ_NOUNMAP)
			return kmem_blk_write(kb, bio, run, true);
		fallthrough;
	case REQ_OP_DISCARD:
		return kmem_blk_discard(kb, bio);
	case REQ_OP_SECURE_ERASE:
		return kmem_blk_secure_erase(kb, bio, run);
	default:
		return BLK_STS_NOTSUPP;
	}
}

static bool kmem_blk_has_payload(const struct bio *bio)
{
	return bio_op(bio) == REQ_OP_READ || bio_op(bio) == REQ_OP_WRITE;
}

/*
 * A bio-based driver sees what the block layer only warns about, or does not look at. Of
 * the memory of a program (io_uring's registered buffers) only the first piece can be badly
 * aligned. Others may pass pieces of any alignment: without CONFIG_DEBUG_KERNEL the block
 * layer, too, looks at the first one only. Nothing below minds, as all is copied byte for
 * byte.
 */
static inline blk_status_t kmem_blk_refuses(const struct kmem_blk *kb,
					    const struct bio *bio)
{
	if (bio->bi_iter.bi_sector & (KMEM_BLK_SECTORS - 1) ||
	    bio->bi_iter.bi_size & (KMEM_PERSIST_BLOCK_SIZE - 1) ||
	    (kmem_blk_has_payload(bio) &&
	     !IS_ALIGNED(bio_iovec(bio).bv_offset, SECTOR_SIZE)))
		return BLK_STS_INVAL;
	if (op_is_write(bio_op(bio)) && bdev_read_only(bio->bi_bdev))
		return BLK_STS_IOERR;
	return BLK_STS_OK;
}

/**
 * kmem_blk_read_tree - read from a tree beside that of the disk
 * @kb: the device
 * @map: the tree
 * @bio: the bio
 *
 * Context: process context, may sleep. Return: how it ends.
 */
blk_status_t kmem_blk_read_tree(struct kmem_blk *kb, struct kmem_blk_map *map, struct bio *bio)
{
	const blk_status_t status = kmem_blk_refuses(kb, bio);

	if (status)
		return status;
	return bio_op(bio) == REQ_OP_READ ? kmem_blk_read(kb, map, bio) : BLK_STS_NOTSUPP;
}

/**
 * kmem_blk_continue - go on with a bio that was parked
 * @kb: the device
 * @bio: the bio
 * @run: how far it has come; updated
 *
 * What was checked when it was submitted may have changed. It is not submitted again: that
 * was accounted for.
 *
 * Context: process context, may sleep, but not for pages.
 * Return: BLK_STS_RESOURCE if it has to wait on, else how it ends.
 */
blk_status_t kmem_blk_continue(struct kmem_blk *kb, struct bio *bio,
			       struct kmem_blk_run *run)
{
	blk_status_t status = kmem_blk_refuses(kb, bio);

	if (status)
		return status;
	/* Nothing else waits. */
	if (bio_op(bio) == REQ_OP_SECURE_ERASE)
		return kmem_blk_secure_erase(kb, bio, run);
	return kmem_blk_write(kb, bio, run, bio_op(bio) == REQ_OP_WRITE_ZEROES);
}

/**
 * kmem_blk_finish - a bio has come to its end
 * @kb: the device
 * @bio: the bio, which is not ours any more when this returns
 * @status: how it ends
 *
 * Context: process context, does not sleep.
 */
void kmem_blk_finish(struct kmem_blk *kb, struct bio *bio, blk_status_t status)
{
	if (unlikely(status == BLK_STS_NOSPC))
		this_cpu_inc(kb->stats->nospc_events);
	if (status == BLK_STS_AGAIN) {
		bio_wouldblock_error(bio);
		return;
	}
	/* A part that was split off may have failed before: keep its error. */
	if (status)
		bio->bi_status = status;
	bio_endio(bio);
}

/**
 * kmem_blk_submit_bio - &block_device_operations.submit_bio
 * @bio: the bio
 *
 * Reads and writes are not cut, whatever their size: a part that is parked would keep what
 * it takes to cut others.
 *
 * Context: process context, may sleep unless the bio is REQ_NOWAIT.
 */
void kmem_blk_submit_bio(struct bio *bio)
{
	struct kmem_blk *kb = bio->bi_bdev->bd_disk->private_data;
	struct kmem_blk_run run = {};
	blk_status_t status = BLK_STS_OK;
	unsigned long start = 0;
	bool account;

	if (bio->bi_iter.bi_size) {
		status = kmem_blk_refuses(kb, bio);
		if (status) {
			kmem_blk_finish(kb, bio, status);
			return;
		}
		if (!kmem_blk_has_payload(bio)) {
			bio = bio_split_to_limits(bio);
			if (!bio)
				return;
		}
	}
	account = bio_sectors(bio) && blk_queue_io_stat(kb->disk->queue);
	if (account)
		start = bio_start_io_acct(bio);

	/* There is no write cache: flushes and FUA ask for what is always so. */
	if (bio_sectors(bio)) {
		status = kmem_blk_do_bio(kb, bio, &run);
		if (unlikely(status == BLK_STS_RESOURCE)) {
			/* The switch may be turned meanwhile: what is parked is accounted. */
			if (!account)
				start = bio_start_io_acct(bio);
			account = true;
			status = kmem_blk_park(kb, bio, run.wait);
			if (status == BLK_STS_RESOURCE)
				return;
		}
	}

	if (account)
		bio_end_io_acct(bio, start);
	kmem_blk_finish(kb, bio, status);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: which way of copying is faster
 *
 * Bulk data gets to the media past the caches, with non-temporal stores, or through them,
 * with the lines written back where caches are lost with the power. What is faster
 * depends on the CPU, on the media and on that; so it is measured when a device is
 * attached, on pages without data. Either way a copy is durable after the next fence.
 */
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/cleanup.h>
#include <linux/kmem_persist.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched/clock.h>
#include <linux/sort.h>
#include "copy.h"

/* Of each way; pages that are written once, as their lines are in no cache. */
#define KMEM_COPY_SAMPLES	16

static int kmem_copy_compare(const void *a, const void *b)
{
	return cmp_int(*(const u64 *)a, *(const u64 *)b);
}

/* ns for a page, the median of many. */
static u64 kmem_copy_time(struct kmem_pool *pool, const u64 *dpns, const void *from,
			  bool cached)
{
	struct kmem_media media = pool->segs->media;
	u64 ns[KMEM_COPY_SAMPLES];

	/* It is not in a device: nobody may look for the one around it. */
	media.is_bad = NULL;
	media.cached = cached;
	for (unsigned int i = 0; i < ARRAY_SIZE(ns); i++) {
		void *to = kmem_segments_kaddr(pool->segs, dpns[i]);
		u64 start;

		guard(preempt)();
		start = local_clock();
		/* Ordering: R8, pairs with the fence below */
		kmem_media_copy(&media, to, from, KMEM_PERSIST_BLOCK_SIZE);
		/* Ordering: R8, pairs with the free in kmem_copy_choose() */
		kmem_media_fence(&media);
		ns[i] = local_clock() - start;
	}
	sort(ns, ARRAY_SIZE(ns), sizeof(ns[0]), kmem_copy_compare, NULL);
	return ns[ARRAY_SIZE(ns) / 2];
}

/**
 * kmem_copy_choose - find out how to copy to this device
 * @pool: its pool, which is open
 *
 * Past the caches without pages to try it, where taking some would not look as if
 * space were low.
 *
 * Context: sleeps.
 */
void kmem_copy_choose(struct kmem_pool *pool)
{
	u64 dpns[2 * KMEM_COPY_SAMPLES], past, through;
	unsigned int nr;
	void *from;

	WRITE_ONCE(pool->segs->media.cached, false);
	if (kmem_pool_reachable(pool) < pool->low_water + pool->low_water / 8 + ARRAY_SIZE(dpns))
		return;
	from = (void *)get_zeroed_page(GFP_KERNEL);
	if (!from)
		return;
	nr = kmem_pool_alloc(pool, dpns, ARRAY_SIZE(dpns), 0);
	if (nr == ARRAY_SIZE(dpns)) {
		past = kmem_copy_time(pool, dpns, from, false);
		through = kmem_copy_time(pool, dpns + KMEM_COPY_SAMPLES, from, true);
		/* Caches are for others, too: it has to be worth it. */
		WRITE_ONCE(pool->segs->media.cached, through < past - past / 8);
		dev_dbg(pool->segs->dev, "a page is copied in %llu ns past the caches, in %llu ns through them\n",
			past, through);
	}
	kmem_pool_free(pool, dpns, nr);
	free_page((unsigned long)from);
}

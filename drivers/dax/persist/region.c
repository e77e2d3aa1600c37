// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: what the region knows about bad pages, and makes of them
 *
 * The region is asked when the device is bound, and again whenever it says that there is
 * news.
 *
 * A bad page that holds nothing, because its block was written elsewhere or discarded, or
 * because it held nothing when the device was bound, is cleared: a work item asks the
 * region to make it usable, once; zeroes it past the caches; and reads it back. Only if
 * the region says that it has done so, does not name the page any more, and zeroes are
 * read, the page is not bad any more, and free. On any doubt it stays bad for as long as
 * the device is bound. The platform may take its time, so this is nobody's I/O, no lock is
 * held that others want, and there are pauses. What holds data is never cleared: that
 * would turn an error into zeroes.
 */
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "../bus.h"
#include "../dax-private.h"
#include "inject.h"
#include "region.h"
#include "trace.h"

/* At once, and the pause before that and between: the platform has other things to do. */
#define KMEM_CLEAR_BATCH	32U
#define KMEM_CLEAR_DELAY	HZ

typedef bool (*kmem_next_bad_fn)(struct device *dev, const struct range *in,
				 struct range *bad);

/* Pages of a range of the device that somebody knows to be bad. Returns how many are new. */
static u64 kmem_region_ask_range(struct kmem_segments *segs, const struct dev_dax_range *r,
				 kmem_next_bad_fn next_bad, u64 *known)
{
	struct range in = r->range, bad;
	u64 new = 0;

	while (in.start <= in.end && next_bad(segs->dev->parent, &in, &bad)) {
		const u64 first = PHYS_PFN(max(bad.start, in.start) - r->range.start);
		const u64 last = PHYS_PFN(min(bad.end, in.end) - r->range.start);
		u64 i;

		for (i = first; i <= last; i++) {
			new += !test_bit(r->pgoff + i, segs->bad);
			kmem_bad_note(segs, r->pgoff + i);
		}
		*known += last - first + 1;
		in.start = r->range.start + PFN_PHYS(last + 1);
		cond_resched();
	}
	return new;
}

/* Returns how many pages were not known to be bad before. */
static u64 kmem_region_ask_all(struct kmem_region *region)
{
	const struct dax_region_ops *ops = region->dev_dax->ops;
	u64 known = 0, new = 0;
	int i;

	lockdep_assert_held(&region->lock);
	for (i = 0; i < region->dev_dax->nr_range; i++) {
		const struct dev_dax_range *r = &region->dev_dax->ranges[i];

		if (ops && ops->next_bad)
			new += kmem_region_ask_range(region->segs, r, ops->next_bad, &known);
		if (kmem_inject_enabled())
			new += kmem_region_ask_range(region->segs, r, kmem_inject_next_bad,
						     &known);
	}
	WRITE_ONCE(region->nr_known_bad, known);
	return new;
}

/*
 * Who has such a page keeps it, and what reads it fails without touching it. What is lent
 * is the business of memory_failure().
 */
static void kmem_region_ask_work(struct work_struct *work)
{
	struct kmem_region *region = container_of(work, struct kmem_region, ask_work);
	u64 new;

	/* What is cleared meanwhile would become bad again. */
	guard(mutex)(&region->lock);
	new = kmem_region_ask_all(region);
	if (!new)
		return;
	/* Those that are free, so that nobody gets them. */
	kmem_pool_withdraw_bad(region->pool);
	dev_warn(region->segs->dev, "%llu more bad pages, according to the region: they are not used any more\n",
		 new);
}

/**
 * kmem_region_ask - let it be asked again
 * @region: the region
 *
 * Who tells that there is news may hold locks that others want. Context: any.
 */
void kmem_region_ask(struct kmem_region *region)
{
	queue_work(system_dfl_long_wq, &region->ask_work);
}

/*
 * Clearing
 */

static bool kmem_region_can_clear(const struct kmem_region *region)
{
	const struct dax_region_ops *ops = region->dev_dax->ops;

	/* What it is read back with must not be the end of this machine. */
	return kmem_inject_enabled() ||
	       (IS_ENABLED(CONFIG_ARCH_HAS_COPY_MC) && ops && ops->clear_bad);
}

/**
 * kmem_region_begin_clearing - begin to clear what holds nothing
 * @region: the region
 *
 * Context: any but interrupts; a plugin is attached.
 */
void kmem_region_begin_clearing(struct kmem_region *region)
{
	kmem_pool_set_may_clear(region->pool, kmem_region_can_clear(region));
}

/**
 * kmem_region_stop_clearing - nothing is cleared any more
 * @region: the region
 *
 * Before its memory is removed. Context: sleeps, for as long as it takes the platform to
 * clear a page.
 */
void kmem_region_stop_clearing(struct kmem_region *region)
{
	kmem_pool_set_may_clear(region->pool, false);
	cancel_delayed_work_sync(&region->clear_work);
}

/**
 * kmem_region_clear - there may be pages to clear
 * @region: the region
 *
 * Context: any.
 */
void kmem_region_clear(struct kmem_region *region)
{
	queue_delayed_work(system_dfl_long_wq, &region->clear_work, KMEM_CLEAR_DELAY);
}

/* Is it known to be bad by who was asked to clear it? */
static bool kmem_region_names(const struct kmem_region *region, const struct range *page)
{
	const struct dax_region_ops *ops = region->dev_dax->ops;
	struct device *parent = region->segs->dev->parent;
	struct range bad;

	return kmem_inject_next_bad(parent, page, &bad) ||
	       (ops && ops->next_bad && ops->next_bad(parent, page, &bad));
}

static bool kmem_region_makes_usable(const struct kmem_region *region,
				     const struct range *page)
{
	const struct dax_region_ops *ops = region->dev_dax->ops;
	struct device *parent = region->segs->dev->parent;

	if (kmem_inject_clears())
		return kmem_inject_clear_bad(parent, page);
	return ops && ops->clear_bad && ops->clear_bad(parent, page);
}

static int kmem_region_clear_page(struct kmem_region *region, u64 dpn, void *buf)
{
	struct kmem_segments *segs = region->segs;
	void *kaddr = kmem_segments_kaddr(segs, dpn);
	struct kmem_media media = segs->media;
	struct range page;

	page.start = PFN_PHYS(kmem_segments_pfn(segs, dpn));
	page.end = page.start + PAGE_SIZE - 1;
	if (!kmem_region_makes_usable(region, &page))
		return -EOPNOTSUPP;
	if (kmem_region_names(region, &page))
		return -EIO;

	/* What the caches have is of before. */
	arch_invalidate_pmem(kaddr, PAGE_SIZE);
	/* Ordering: R8, pairs with the fence below */
	kmem_media_copy_past(&segs->media, kaddr, page_address(ZERO_PAGE(0)), PAGE_SIZE);
	/* Ordering: R8, pairs with the free in kmem_pool_free_cleared() */
	kmem_media_fence(&segs->media);
	/* From the media; and it is still known to be bad, which has to be passed over. */
	arch_invalidate_pmem(kaddr, PAGE_SIZE);
	media.is_bad = NULL;
	if (kmem_inject_is_poisoned(page.start) ||
	    kmem_media_read(&media, buf, kaddr, PAGE_SIZE) ||
	    memchr_inv(buf, 0, PAGE_SIZE))
		return -EIO;
	kmem_inject_pause(KMEM_PAUSE_CLEAR, NULL);
	return kmem_pool_free_cleared(region->pool, dpn) ? 0 : -EIO;
}

/* Takes neither the life cycle lock nor that of the exchange. */
static void kmem_region_clear_work(struct work_struct *work)
{
	struct kmem_region *region = container_of(to_delayed_work(work),
						  struct kmem_region, clear_work);
	void *buf __free(kfree) = kmalloc(PAGE_SIZE, GFP_KERNEL);
	unsigned int done = 0, failed = 0;
	u64 pos = 0, dpn;
	int rc;

	while (buf && done + failed < KMEM_CLEAR_BATCH &&
	       kmem_pool_get_to_clear(region->pool, &pos, &dpn)) {
		scoped_guard(mutex, &region->lock)
			rc = kmem_region_clear_page(region, dpn, buf);
		trace_kmem_persist_clear(region->segs->dev, dpn, rc);
		done += !rc;
		failed += !!rc;
		cond_resched();
	}
	if (done) {
		dev_info(region->segs->dev, "%u bad pages that held nothing were cleared, they are used again\n",
			 done);
		/* How many does the region know now? */
		kmem_region_ask(region);
	}
	if (failed)
		dev_info(region->segs->dev, "%u bad pages that hold nothing could not be cleared, they stay out of use\n",
			 failed);
	if (!buf || done + failed == KMEM_CLEAR_BATCH)
		kmem_pool_look_to_clear(region->pool);
}

/**
 * kmem_region_init - find out which pages are bad
 * @region: to be filled, all zeroes
 * @dev_dax: the device, that nobody else knows yet
 * @segs: its pages
 * @pool: who has them; nobody asks it for anything yet
 *
 * Context: sleeps.
 */
void kmem_region_init(struct kmem_region *region, struct dev_dax *dev_dax,
		      struct kmem_segments *segs, struct kmem_pool *pool)
{
	region->dev_dax = dev_dax;
	region->segs = segs;
	region->pool = pool;
	mutex_init(&region->lock);
	INIT_WORK(&region->ask_work, kmem_region_ask_work);
	INIT_DELAYED_WORK(&region->clear_work, kmem_region_clear_work);
	scoped_guard(mutex, &region->lock)
		kmem_region_ask_all(region);
	if (region->nr_known_bad)
		dev_warn(segs->dev, "%llu bad pages, according to the region: they are not used\n",
			 region->nr_known_bad);
}

/**
 * kmem_region_exit - counterpart of kmem_region_init()
 * @region: the region
 *
 * Context: sleeps.
 */
void kmem_region_exit(struct kmem_region *region)
{
	/* Before what it queues. */
	cancel_delayed_work_sync(&region->clear_work);
	cancel_work_sync(&region->ask_work);
}

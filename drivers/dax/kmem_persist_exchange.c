// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: exchange of pageblocks between the pool and the page allocator
 *
 * All pages of a device belong to its pool; those not needed are lent. Pages
 * change hands in units of a pageblock:
 *
 *  - give: units without data go to the page allocator, neighbours together, up
 *    to its largest order. What was never there since its memory block went online
 *    goes through mhp_release_allocated(), what was taken from the allocator goes
 *    back the way it came (its pages were allocated one by one, which allocation
 *    profiling and the page checks remember).
 *  - take: alloc_contig_frozen_range() empties pageblocks of the device by
 *    migrating what is in them. It is the only part that can fail, or take time,
 *    and it runs in a worker, never in an I/O path.
 *
 * The worker must never wait for something that waits for a page of the pool. A
 * folio that is locked or under writeback may do just that, when its bio is
 * parked for want of pages: therefore ACR_FLAGS_NOWAIT. Allocations of the
 * worker do not start I/O: memalloc_noio_save().
 *
 * Memory blocks going on- and offline are followed through the memory notifier:
 *
 *  MEM_ONLINE		units become ours, what is free is lent at once
 *  MEM_GOING_OFFLINE	units are left alone from now on; their data stays in
 *			use, the direct map does not change. Refused while the
 *			data is in use: a tool that offlines all blocks wants to
 *			unbind next
 *  MEM_CANCEL_OFFLINE	back to normal; comes also without MEM_GOING_OFFLINE
 *  MEM_OFFLINE		units become absent, what was lent comes back
 *
 * Watermarks are recomputed in a work item of their own, with no lock held:
 * offlining any memory holds the lock that this needs for as long as it takes,
 * also while it waits for writeback, and while it calls the memory notifier.
 */
#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>
#include "kmem_persist_private.h"
#include "kmem_persist_trace.h"

/* Units to take or give per exchange_lock section. */
#define KMEM_EXCHANGE_BATCH	16U
/* Places to try in vain before a pause. */
#define KMEM_EXCHANGE_FAILURES	32U
/* Places to try in vain before memory outside ZONE_MOVABLE is asked for. */
#define KMEM_EXCHANGE_RELUCTANT	(2UL * KMEM_EXCHANGE_FAILURES)
#define KMEM_EXCHANGE_RETRY_MIN	10U	/* ms */
#define KMEM_EXCHANGE_RETRY_MAX	1000U	/* ms */
/* Pause when nobody waits, but the reserve, or what is kept, is not complete. */
#define KMEM_EXCHANGE_LATER	(10 * HZ)

static struct workqueue_struct *kmem_exchange_wq;

static void kmem_watermark_work_fn(struct work_struct *work)
{
	mhp_update_watermarks();
}

static DECLARE_DELAYED_WORK(kmem_watermark_work, kmem_watermark_work_fn);

/* Managed pages came or went; one computation for all that do so at a time. */
static void kmem_exchange_moved(void)
{
	queue_delayed_work(system_dfl_wq, &kmem_watermark_work, HZ / 10);
}

static unsigned long kmem_unit_pfn(const struct kmem_persist *kp,
				   const struct kmem_unit *unit)
{
	unsigned int i;

	for (i = 0; i < kp->num_segments; i++) {
		const struct kmem_segment *seg = &kp->segments[i];

		if (unit->first_dpn - seg->first_dpn < seg->nr_pages)
			return PHYS_PFN(seg->phys) +
			       (unit->first_dpn - seg->first_dpn);
	}
	return 0;
}

static void kmem_unit_claim_poison(struct kmem_persist *kp, struct kmem_unit *unit,
				   unsigned long pfn)
{
	unsigned int i;

	for (i = 0; i < unit->nr_pages; i++)
		if (PageHWPoison(pfn_to_page(pfn + i)))
			kmem_unit_claim_bad_page(kp, unit, unit->first_dpn + i);
}

static void kmem_unit_mark_pool(struct kmem_persist *kp, struct kmem_unit *unit)
{
	guard(spinlock)(&kp->pool_lock);
	kmem_unit_set_state(kp, unit, KMEM_UNIT_POOL);
	unit->exposed = true;
	kmem_unit_claim_bad(kp, unit);
	kmem_pool_note_space(kp, false);
}

/* Pages that were allocated one by one go back one by one. */
static void kmem_pages_free(unsigned long pfn, unsigned long nr_pages)
{
	unsigned long i;

	for (i = 0; i < nr_pages; i++)
		__ClearPageOffline(pfn_to_page(pfn + i));
	free_contig_frozen_range(pfn, nr_pages);
	adjust_managed_page_count(pfn_to_page(pfn), nr_pages);
}

static u64 kmem_pages_release(struct kmem_persist *kp, unsigned long pfn,
			      unsigned long nr_pages, bool exposed)
{
	if (exposed)
		kmem_pages_free(pfn, nr_pages);
	else
		mhp_release_allocated(pfn, nr_pages);
	trace_kmem_persist_give(kp->dev, pfn, nr_pages);
	return nr_pages;
}

/* Release the pages of a unit that is marked as lent; none if it is not fit for it. */
static u64 kmem_unit_release(struct kmem_persist *kp, struct kmem_unit *unit)
{
	const unsigned long pfn = kmem_unit_pfn(kp, unit);

	if (!mhp_range_hwpoison(pfn, unit->nr_pages))
		return kmem_pages_release(kp, pfn, unit->nr_pages, unit->exposed);

	guard(spinlock)(&kp->pool_lock);
	kmem_unit_set_state(kp, unit, KMEM_UNIT_POOL);
	kmem_unit_claim_poison(kp, unit, pfn);
	return 0;
}

/* As above, @nr units that are a run. */
static u64 kmem_run_release(struct kmem_persist *kp, struct kmem_unit *first,
			    unsigned int nr)
{
	const unsigned long pfn = kmem_unit_pfn(kp, first);
	const unsigned long nr_pages = nr * pageblock_nr_pages;
	u64 given = 0;
	unsigned int i;

	if (!mhp_range_hwpoison(pfn, nr_pages))
		return kmem_pages_release(kp, pfn, nr_pages, first->exposed);
	for (i = 0; i < nr; i++)
		given += kmem_unit_release(kp, first + i);
	return given;
}

/* Is the @nr-th unit behind @first the next in a row, and in the same memory block? */
static bool kmem_run_continues(const struct kmem_persist *kp,
			       const struct kmem_unit *first, unsigned int nr)
{
	const unsigned long block = PHYS_PFN(memory_block_size_bytes());
	const unsigned long pfn = kmem_unit_pfn(kp, first);
	const unsigned long next = pfn + nr * pageblock_nr_pages;

	return first + nr < kp->units + kp->nr_units &&
	       kmem_unit_pfn(kp, first + nr) == next && next / block == pfn / block;
}

/*
 * Are these all units that may be released together? Not more than the page allocator
 * takes at once: there is no look for poison, and no pause, within a chunk.
 */
static bool kmem_run_is_chunk(const struct kmem_persist *kp,
			      const struct kmem_unit *first, unsigned int nr)
{
	return IS_ALIGNED(kmem_unit_pfn(kp, first) + nr * pageblock_nr_pages,
			  MAX_ORDER_NR_PAGES);
}

/* Give up to @max units, and to a batch, in runs; returns the pages given. */
static u64 kmem_exchange_give(struct kmem_persist *kp, unsigned int max)
{
	const u64 start = ktime_get_ns();
	struct kmem_unit *unit;
	unsigned int nr;
	u64 given = 0;

	WRITE_ONCE(kp->giving, true);
	max = min(max, KMEM_EXCHANGE_BATCH);
	while (given < max * pageblock_nr_pages && (unit = kmem_pool_lend_unit(kp))) {
		for (nr = 1; given + nr * pageblock_nr_pages < max * pageblock_nr_pages; nr++)
			if (kmem_run_is_chunk(kp, unit, nr) ||
			    !kmem_run_continues(kp, unit, nr) ||
			    !kmem_pool_lend_like(kp, unit + nr, unit))
				break;
		given += kmem_run_release(kp, unit, nr);
	}
	WRITE_ONCE(kp->giving, false);
	kp->nr_given += given;
	if (given)
		kp->give_ns += ktime_get_ns() - start;
	return given;
}

/*
 * Zones differ by memory block. Outside ZONE_MOVABLE one page of the kernel's is
 * enough to make a pageblock impossible to take, and looking is not free.
 */
static bool kmem_unit_can_be_taken(const struct kmem_unit *unit, bool kernel)
{
	return unit->state == KMEM_UNIT_RAM && !unit->frozen &&
	       (unit->movable || kernel);
}

/*
 * The next run of at most @max units that can be taken in one call: adjacent and
 * in one memory block, which is in one zone. Starts at the cursor and moves it
 * to the run. Returns the length, 0 if nothing like that is lent at all.
 */
static unsigned int kmem_exchange_find_run(struct kmem_persist *kp,
					   unsigned int max, bool kernel)
{
	const struct kmem_unit *unit;
	unsigned long scanned;
	unsigned int nr;

	for (scanned = 0; scanned < kp->nr_units; scanned++) {
		if (kp->take_cursor >= kp->nr_units)
			kp->take_cursor = 0;
		if (kmem_unit_can_be_taken(&kp->units[kp->take_cursor], kernel))
			break;
		kp->take_cursor++;
	}
	if (scanned == kp->nr_units)
		return 0;

	unit = &kp->units[kp->take_cursor];
	for (nr = 1; nr < max; nr++)
		if (!kmem_run_continues(kp, unit, nr) ||
		    !kmem_unit_can_be_taken(unit + nr, kernel))
			break;
	return nr;
}

static void kmem_exchange_own(unsigned long pfn, unsigned long nr_pages)
{
	unsigned long i;

	page_offline_begin();
	for (i = 0; i < nr_pages; i++)
		__SetPageOffline(pfn_to_page(pfn + i));
	page_offline_end();
	adjust_managed_page_count(pfn_to_page(pfn), -(long)nr_pages);
}

/*
 * One attempt to take memory. The run is halved where it fails and doubled where
 * it succeeds: one page that cannot move costs a pageblock, not a batch.
 * Returns the pages taken, -EAGAIN if this place failed and the cursor or the run
 * moved on, -ENOENT if nothing is lent.
 */
static long kmem_exchange_take(struct kmem_persist *kp, u64 wanted)
{
	const u64 start = ktime_get_ns();
	unsigned int max, nr, i;
	unsigned long pfn, pages;
	struct kmem_unit *unit;
	int rc;

	max = min_t(u64, kp->take_run,
		    DIV_ROUND_UP_ULL(wanted, pageblock_nr_pages));
	nr = kmem_exchange_find_run(kp, max, kp->take_failed >=
				    min(KMEM_EXCHANGE_RELUCTANT, kp->nr_units / 2));
	if (!nr)
		nr = kmem_exchange_find_run(kp, max, true);
	if (!nr)
		return -ENOENT;

	unit = &kp->units[kp->take_cursor];
	pfn = kmem_unit_pfn(kp, unit);
	pages = nr * pageblock_nr_pages;
	rc = alloc_contig_frozen_range(pfn, pfn + pages, ACR_FLAGS_NOWAIT,
				       GFP_NOIO | __GFP_NOWARN |
				       __GFP_RETRY_MAYFAIL);
	trace_kmem_persist_take(kp->dev, pfn, pages, rc);
	if (rc) {
		kp->nr_busy++;
		kp->busy_ns += ktime_get_ns() - start;
		if (nr > 1) {
			kp->take_run = max(nr / 2, 1U);
		} else {
			kp->take_cursor++;
			kp->take_failed++;
		}
		return -EAGAIN;
	}

	kmem_exchange_own(pfn, pages);
	for (i = 0; i < nr; i++)
		kmem_unit_mark_pool(kp, unit + i);
	kp->take_cursor += nr;
	kp->take_failed = 0;
	kp->take_run = min(kp->take_run * 2, KMEM_EXCHANGE_BATCH);
	kp->nr_taken += pages;
	kp->nr_takes++;
	kp->take_ns += ktime_get_ns() - start;
	return pages;
}

/* Returns pages moved, -EAGAIN for "again", 0 for "done". */
static long kmem_exchange_step(struct kmem_persist *kp)
{
	u64 shortage;
	long rc;

	guard(mutex)(&kp->exchange_lock);
	if (!kp->lend)
		return 0;

	shortage = kmem_pool_shortage(kp);
	if (!shortage)
		return kmem_exchange_give(kp, KMEM_EXCHANGE_BATCH);

	rc = kmem_exchange_take(kp, shortage);
	if (rc > 0)
		wake_up_all(&kp->wait);
	return rc == -ENOENT ? 0 : rc;
}

/**
 * kmem_exchange_work - move the boundary to where the pool wants it
 * @work: kmem_persist.work
 *
 * Ends when the pool is satisfied or too many places failed, and comes back
 * after a pause while somebody waits. It goes on where it stopped, so that every
 * place has its turn.
 *
 * Context: worker of the exchange workqueue.
 */
void kmem_exchange_work(struct work_struct *work)
{
	struct kmem_persist *kp = container_of(to_delayed_work(work),
					       struct kmem_persist, work);
	const unsigned int noio = memalloc_noio_save();
	unsigned int failures = 0;
	bool moved = false;
	long rc;

	do {
		rc = kmem_exchange_step(kp);
		if (rc > 0)
			moved = true;
		else if (rc == -EAGAIN)
			failures++;
		cond_resched();
	} while (rc && failures < KMEM_EXCHANGE_FAILURES);

	if (moved)
		kmem_exchange_moved();
	memalloc_noio_restore(noio);
	if (kmem_pool_is_scattered(kp))
		kmem_compact_kick(kp);

	if (!kmem_pool_is_low(kp)) {
		kp->retry_ms = 0;
		return;
	}
	/* The pause grows only when every place has had its turn in vain. */
	if (kp->take_failed >= kp->nr_units) {
		kp->take_failed = 0;
		kp->retry_ms = min(2 * kp->retry_ms, KMEM_EXCHANGE_RETRY_MAX);
	}
	kp->retry_ms = max(kp->retry_ms, KMEM_EXCHANGE_RETRY_MIN);
	if (wq_has_sleeper(&kp->wait)) {
		kmem_exchange_kick(kp);
	} else if (READ_ONCE(kp->lend)) {
		WRITE_ONCE(kp->resting, true);
		queue_delayed_work(kmem_exchange_wq, &kp->work,
				   KMEM_EXCHANGE_LATER);
	}
}

/**
 * kmem_exchange_kick - let the worker look at the pool
 * @kp: the device
 *
 * Context: any.
 */
void kmem_exchange_kick(struct kmem_persist *kp)
{
	if (READ_ONCE(kp->lend))
		queue_delayed_work(kmem_exchange_wq, &kp->work,
				   msecs_to_jiffies(READ_ONCE(kp->retry_ms)));
}

/**
 * kmem_exchange_hurry - let the worker look at the pool, somebody waits
 * @kp: the device
 *
 * Ends a long pause, but not one between two attempts: or who asks often would put
 * off the next attempt for ever. Context: any but interrupts.
 */
void kmem_exchange_hurry(struct kmem_persist *kp)
{
	if (READ_ONCE(kp->lend) && xchg(&kp->resting, false))
		mod_delayed_work(kmem_exchange_wq, &kp->work, 0);
	else
		kmem_exchange_kick(kp);
}

/**
 * kmem_exchange_give_all - lend all that can be lent, now
 * @kp: the device
 *
 * Context: sleeps. Return: pages that were lent.
 */
u64 kmem_exchange_give_all(struct kmem_persist *kp)
{
	u64 nr, all = 0;

	do {
		nr = 0;
		scoped_guard(mutex, &kp->exchange_lock)
			if (kp->lend)
				nr = kmem_exchange_give(kp, KMEM_EXCHANGE_BATCH);
		all += nr;
		cond_resched();
	} while (nr);
	if (all)
		kmem_exchange_moved();
	return all;
}

/**
 * kmem_exchange_try_give - lend some pages, for who must not wait for the worker
 * @kp: the device
 * @nr_pages: how many
 *
 * Context: any that may sleep, also in reclaim: allocates nothing and waits for
 * nobody. Return: pages that were lent.
 */
u64 kmem_exchange_try_give(struct kmem_persist *kp, u64 nr_pages)
{
	u64 all = 0, nr = 1;

	while (nr && all < nr_pages) {
		if (!mutex_trylock(&kp->exchange_lock))
			break;
		nr = 0;
		if (kp->lend)
			nr = kmem_exchange_give(kp, DIV_ROUND_UP_ULL(nr_pages - all,
								     pageblock_nr_pages));
		mutex_unlock(&kp->exchange_lock);
		all += nr;
		cond_resched();
	}
	if (all)
		kmem_exchange_moved();
	return all;
}

/**
 * dax_kmem_lend - lend what can be lent, together with the worker
 * @kp: the device
 *
 * For who has just freed much and wants it to be RAM when it returns. Does not wait for
 * whatever else the worker may be doing for more than half a second.
 *
 * Context: may sleep; not in reclaim.
 */
void dax_kmem_lend(struct kmem_persist *kp)
{
	const unsigned long end = jiffies + HZ / 2;

	while (kmem_pool_is_high(kp) && time_before(jiffies, end))
		if (!kmem_exchange_try_give(kp, kp->nr_pages))
			schedule_timeout_uninterruptible(1);
}
EXPORT_SYMBOL_GPL(dax_kmem_lend);

/**
 * kmem_exchange_start - lend what is free, now and from now on
 * @kp: the device
 *
 * Context: sleeps; kmem_persist.lock held, the pool is open.
 */
void kmem_exchange_start(struct kmem_persist *kp)
{
	bool moved = false;

	scoped_guard(mutex, &kp->exchange_lock) {
		kp->take_run = KMEM_EXCHANGE_BATCH;
		WRITE_ONCE(kp->lend, true);
		while (kmem_exchange_give(kp, KMEM_EXCHANGE_BATCH)) {
			moved = true;
			cond_resched();
		}
	}
	if (moved)
		kmem_exchange_moved();
	if (kmem_pool_is_scattered(kp))
		kmem_compact_kick(kp);
}

/**
 * kmem_exchange_stop - nothing is lent or taken any more
 * @kp: the device
 *
 * What is lent stays lent.
 *
 * Context: sleeps.
 */
void kmem_exchange_stop(struct kmem_persist *kp)
{
	scoped_guard(mutex, &kp->exchange_lock)
		WRITE_ONCE(kp->lend, false);
	cancel_delayed_work_sync(&kp->work);
	cancel_delayed_work_sync(&kp->compact_work);
}

static int kmem_exchange_online(struct kmem_persist *kp, unsigned long first,
				unsigned long nr)
{
	const unsigned long pfn = kmem_unit_pfn(kp, &kp->units[first]);
	const bool movable = is_zone_movable_page(pfn_to_page(pfn));
	unsigned long i;

	guard(mutex)(&kp->exchange_lock);
	scoped_guard(spinlock, &kp->pool_lock) {
		for (i = first; i < first + nr; i++) {
			kp->units[i].exposed = false;
			kp->units[i].frozen = false;
			kp->units[i].movable = movable;
			if (kp->units[i].state == KMEM_UNIT_ABSENT)
				kmem_unit_set_state(kp, &kp->units[i],
						    KMEM_UNIT_POOL);
		}
	}
	if (!kp->lend)
		return 0;
	while (kmem_exchange_give(kp, KMEM_EXCHANGE_BATCH))
		cond_resched();
	kmem_exchange_moved();
	if (kmem_pool_is_scattered(kp))
		kmem_compact_kick(kp);
	return 0;
}

static void kmem_exchange_set_frozen(struct kmem_persist *kp,
				     unsigned long first, unsigned long nr,
				     bool frozen)
{
	unsigned long i;

	guard(spinlock)(&kp->pool_lock);
	for (i = first; i < first + nr; i++)
		kp->units[i].frozen = frozen;
}

static bool kmem_exchange_is_last_online(const struct kmem_persist *kp,
					 unsigned long first, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < kp->nr_units; i++)
		if ((i < first || i >= first + nr) &&
		    (kp->units[i].state == KMEM_UNIT_POOL ||
		     kp->units[i].state == KMEM_UNIT_MOVING ||
		     kp->units[i].state == KMEM_UNIT_RAM))
			return false;
	return true;
}

static int kmem_exchange_freeze(struct kmem_persist *kp, unsigned long first,
				unsigned long nr)
{
	/*
	 * No lock between who begins to use it and this: a memory block that goes
	 * offline endangers no data, only RAM is gone.
	 */
	const int users = atomic_read(&kp->users);

	if (users && !READ_ONCE(kp->offline_allowed)) {
		if (__ratelimit(&kp->offline_said))
			dev_warn(kp->dev, "in use (%d users), its memory stays online: unmount it, stop what is stacked on it, or swapoff, and try again; or write allowed to persist/offline\n",
				 users);
		return -EBUSY;
	}
	guard(mutex)(&kp->exchange_lock);
	if (users && kmem_exchange_is_last_online(kp, first, nr)) {
		dev_warn_ratelimited(kp->dev, "in use (%d users), its last memory block stays online: unmount it, stop what is stacked on it, or swapoff, and try again\n",
				     users);
		return -EBUSY;
	}
	kmem_exchange_set_frozen(kp, first, nr, true);
	return 0;
}

static int kmem_exchange_thaw(struct kmem_persist *kp, unsigned long first,
			      unsigned long nr)
{
	guard(mutex)(&kp->exchange_lock);
	kmem_exchange_set_frozen(kp, first, nr, false);
	return 0;
}

static int kmem_exchange_offline(struct kmem_persist *kp, unsigned long first,
				 unsigned long nr)
{
	unsigned long i;

	guard(mutex)(&kp->exchange_lock);
	for (i = first; i < first + nr; i++) {
		struct kmem_unit *unit = &kp->units[i];
		const unsigned long pfn = kmem_unit_pfn(kp, unit);

		guard(spinlock)(&kp->pool_lock);
		unit->exposed = false;
		unit->frozen = false;
		kmem_unit_set_state(kp, unit, KMEM_UNIT_ABSENT);
		/* Known no more when the struct pages go. */
		kmem_unit_claim_poison(kp, unit, pfn);
		kmem_unit_claim_bad(kp, unit);
		kmem_pool_note_space(kp, false);
	}
	/* What was lent is free again, in a way. */
	wake_up_all(&kp->wait);
	return 0;
}

static int kmem_exchange_notify(struct notifier_block *nb, unsigned long action,
				void *arg)
{
	const struct memory_notify *mn = arg;
	kmem_unit_fn fn;

	switch (action) {
	case MEM_ONLINE:
		fn = kmem_exchange_online;
		break;
	case MEM_GOING_OFFLINE:
		fn = kmem_exchange_freeze;
		break;
	case MEM_CANCEL_OFFLINE:
		fn = kmem_exchange_thaw;
		break;
	case MEM_OFFLINE:
		fn = kmem_exchange_offline;
		break;
	default:
		return NOTIFY_OK;
	}
	return notifier_from_errno(kmem_persist_visit_block(mn->start_pfn,
							    mn->nr_pages, fn));
}

static struct notifier_block kmem_exchange_nb = {
	.notifier_call = kmem_exchange_notify,
};

/**
 * kmem_exchange_init - start following memory blocks
 *
 * Context: sleeps. Return: 0 or a negative errno.
 */
int kmem_exchange_init(void)
{
	int rc;

	kmem_exchange_wq = alloc_workqueue("kmem_persist",
					   WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!kmem_exchange_wq)
		return -ENOMEM;

	rc = register_memory_notifier(&kmem_exchange_nb);
	if (rc)
		destroy_workqueue(kmem_exchange_wq);
	return rc;
}

/**
 * kmem_exchange_exit - stop following memory blocks
 *
 * Context: sleeps; there are no devices.
 */
void kmem_exchange_exit(void)
{
	unregister_memory_notifier(&kmem_exchange_nb);
	cancel_delayed_work_sync(&kmem_watermark_work);
	destroy_workqueue(kmem_exchange_wq);
}

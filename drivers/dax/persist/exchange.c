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
 *    and it runs in a worker, never in an I/O path: take.c.
 *
 * The worker must never wait for something that waits for a page of the pool. A
 * folio that is locked or under writeback may do just that, when its bio waits for
 * pages, and so may one that others have isolated: therefore ACR_FLAGS_NOWAIT.
 * Allocations of the worker do not start I/O, and do not compact, which would wait
 * for who has isolated too much: memalloc_noio_save() is part of that.
 *
 * When nothing can be taken the worker pauses, and each time longer: 10 ms to 1 s
 * while somebody waits, else 10 s. News end the longest of these: somebody asks for
 * pages, or a setting changes. How many units there are does not matter.
 *
 * Sections under units_lock are short, whatever the size of the device, and
 * allocate nothing: the OOM notifier waits for that lock.
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
 * also while it waits for writeback, and while it calls the memory notifier. Not
 * for each exchange, since all zones lose their boost: when what is lent has
 * changed by an eighth, once a second at most.
 */
#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>
#include "exchange.h"
#include "inject.h"
#include "trace.h"

/* Units to give per units_lock section. */
#define KMEM_EXCHANGE_BATCH	16U
/* Longest time to look for memory in vain, and attempts to fail, before a pause. */
#define KMEM_EXCHANGE_ROUND	(20 * NSEC_PER_MSEC)
#define KMEM_EXCHANGE_FAILURES	32UL
#define KMEM_EXCHANGE_RETRY_MIN	10U	/* ms */
#define KMEM_EXCHANGE_RETRY_MID	100U	/* ms */
#define KMEM_EXCHANGE_RETRY_MAX	1000U	/* ms */
/* Pause when nobody waits, but the reserve, or what is kept, is not complete. */
#define KMEM_EXCHANGE_LATER	(10 * HZ)

static struct workqueue_struct *kmem_exchange_wq;

static void kmem_watermark_work_fn(struct work_struct *work)
{
	mhp_update_watermarks();
}

static DECLARE_DELAYED_WORK(kmem_watermark_work, kmem_watermark_work_fn);

/* Managed pages came or went. One computation for all devices. */
static void kmem_exchange_moved(struct kmem_exchange *ex)
{
	const u64 lent = READ_ONCE(ex->pool->nr_free[KMEM_UNIT_RAM]);
	const u64 then = READ_ONCE(ex->lent_then);

	if (max(lent, then) - min(lent, then) <= then / 8)
		return;
	WRITE_ONCE(ex->lent_then, lent);
	queue_delayed_work(system_dfl_wq, &kmem_watermark_work, HZ);
}

/* Pages that were allocated one by one go back one by one. */
static void kmem_pages_free(unsigned long pfn, unsigned long nr_pages)
{
	unsigned long i;

	/* First: what is free is never more than what is managed. */
	adjust_managed_page_count(pfn_to_page(pfn), nr_pages);
	for (i = 0; i < nr_pages; i++)
		__ClearPageOffline(pfn_to_page(pfn + i));
	free_contig_frozen_range(pfn, nr_pages);
}

static u64 kmem_pages_release(struct kmem_pool *pool, unsigned long pfn,
			      unsigned long nr_pages, bool exposed)
{
	if (exposed)
		kmem_pages_free(pfn, nr_pages);
	else
		mhp_release_allocated(pfn, nr_pages);
	trace_kmem_persist_give(pool->segs->dev, pfn, nr_pages);
	return nr_pages;
}

/* Release the pages of a unit that is marked as lent; none if it is not fit for it. */
static u64 kmem_unit_release(struct kmem_pool *pool, struct kmem_unit *unit)
{
	const unsigned long pfn = kmem_unit_pfn(pool, unit);

	if (!mhp_range_hwpoison(pfn, unit->nr_pages))
		return kmem_pages_release(pool, pfn, unit->nr_pages, unit->exposed);
	kmem_pool_lend_failed(pool, unit);
	return 0;
}

/* As above, @nr units that are a run. */
static u64 kmem_run_release(struct kmem_pool *pool, struct kmem_unit *first,
			    unsigned int nr)
{
	const unsigned long pfn = kmem_unit_pfn(pool, first);
	const unsigned long nr_pages = nr * pageblock_nr_pages;
	u64 given = 0;
	unsigned int i;

	if (!mhp_range_hwpoison(pfn, nr_pages))
		return kmem_pages_release(pool, pfn, nr_pages, first->exposed);
	for (i = 0; i < nr; i++)
		given += kmem_unit_release(pool, first + i);
	return given;
}

/*
 * Are these all units that may be released together? Not more than the page allocator
 * takes at once: there is no look for poison, and no pause, within a chunk.
 */
static bool kmem_run_is_chunk(const struct kmem_pool *pool,
			      const struct kmem_unit *first, unsigned int nr)
{
	return IS_ALIGNED(kmem_unit_pfn(pool, first) + nr * pageblock_nr_pages,
			  MAX_ORDER_NR_PAGES);
}

/* Give up to @max units, and to a batch, in runs; returns the pages given. */
static u64 kmem_exchange_give(struct kmem_exchange *ex, unsigned int max)
{
	struct kmem_pool *pool = ex->pool;
	const u64 start = ktime_get_ns();
	struct kmem_unit *unit;
	unsigned int nr;
	u64 given = 0;

	max = min(max, KMEM_EXCHANGE_BATCH);
	while (given < max * pageblock_nr_pages && (unit = kmem_pool_lend_unit(pool))) {
		for (nr = 1; given + nr * pageblock_nr_pages < max * pageblock_nr_pages; nr++)
			if (kmem_run_is_chunk(pool, unit, nr) ||
			    !kmem_run_continues(pool, unit, nr) ||
			    !kmem_pool_lend_like(pool, unit + nr, unit))
				break;
		given += kmem_run_release(pool, unit, nr);
	}
	ex->nr_given += given;
	if (given)
		ex->give_ns += ktime_get_ns() - start;
	return given;
}

static enum kmem_step kmem_exchange_step(struct kmem_exchange *ex)
{
	u64 shortage;

	scoped_guard(mutex, &ex->pool->units_lock) {
		if (!ex->pool->lend)
			return KMEM_STEP_DONE;
		shortage = kmem_pool_shortage(ex->pool);
		if (!shortage)
			return kmem_exchange_give(ex, KMEM_EXCHANGE_BATCH) ?
				KMEM_STEP_MOVED : KMEM_STEP_DONE;
	}
	return kmem_take(ex->take, shortage);
}

/* Until the boundary is where it should be, or nothing more can be had for now. */
static enum kmem_step kmem_exchange_round(struct kmem_exchange *ex, bool *moved)
{
	u64 end = ktime_get_ns() + KMEM_EXCHANGE_ROUND;
	enum kmem_step step;

	do {
		step = kmem_exchange_step(ex);
		if (step == KMEM_STEP_MOVED) {
			*moved = true;
			end = ktime_get_ns() + KMEM_EXCHANGE_ROUND;
		}
		cond_resched();
	} while (step == KMEM_STEP_MOVED ||
		 ((step == KMEM_STEP_LOOKED || step == KMEM_STEP_FAILED) &&
		  ex->take->failed < KMEM_EXCHANGE_FAILURES && ktime_get_ns() < end));
	return step;
}

/* How long before the next round, while somebody waits? */
static void kmem_exchange_set_pause(struct kmem_exchange *ex, enum kmem_step step,
				    bool moved)
{
	unsigned int min = KMEM_EXCHANGE_RETRY_MIN, max = KMEM_EXCHANGE_RETRY_MAX;
	unsigned int pause = moved ? 0 : 2 * ex->retry_ms;

	switch (step) {
	case KMEM_STEP_SHORT:
		/* To see when it ends costs nothing. */
		min = KMEM_EXCHANGE_RETRY_MID;
		max = KMEM_EXCHANGE_RETRY_MID;
		break;
	case KMEM_STEP_NO_MEMORY:
	case KMEM_STEP_LIMITED:
		min = KMEM_EXCHANGE_RETRY_MID;
		break;
	default:
		/* Until all have had their turn, or enough of them. */
		if (ex->take->vain < ex->pool->nr_units &&
		    ex->take->failed < KMEM_EXCHANGE_FAILURES)
			max = KMEM_EXCHANGE_RETRY_MID;
	}
	ex->retry_ms = clamp(pause, min, max);
	if (ex->take->failed >= KMEM_EXCHANGE_FAILURES)
		ex->take->failed = 0;
}

/*
 * Move the boundary to where the pool wants it. Ends when the pool is satisfied or too much
 * was in vain, and comes back after a pause. It goes on where it stopped, so that every
 * place has its turn.
 */
static void kmem_exchange_work(struct work_struct *work)
{
	struct kmem_exchange *ex = container_of(to_delayed_work(work),
						struct kmem_exchange, work);
	const unsigned int noio = memalloc_noio_save();
	enum kmem_step step;
	bool moved = false;

	step = kmem_exchange_round(ex, &moved);
	if (moved)
		kmem_exchange_moved(ex);
	memalloc_noio_restore(noio);
	kmem_pool_look(ex->pool);

	if (!READ_ONCE(ex->pool->lend) || !kmem_pool_is_low(ex->pool)) {
		ex->retry_ms = 0;
		kmem_take_short(ex->take, false);
		return;
	}
	kmem_exchange_set_pause(ex, step, moved);
	/* Known before anybody sleeps. */
	if (READ_ONCE(ex->pool->nr_wanted)) {
		kmem_take_short(ex->take, true);
		kmem_exchange_kick(ex, false);
	} else {
		kmem_take_short(ex->take, false);
		WRITE_ONCE(ex->resting, true);
		queue_delayed_work(kmem_exchange_wq, &ex->work,
				   KMEM_EXCHANGE_LATER);
	}
}

/**
 * kmem_exchange_kick - let the worker look at the pool
 * @ex: the exchange
 * @hurry: somebody waits
 *
 * That ends a long pause, but not one between two attempts: or who asks often would put
 * off the next attempt for ever. Context: any, with @hurry any but interrupts.
 */
void kmem_exchange_kick(struct kmem_exchange *ex, bool hurry)
{
	if (!READ_ONCE(ex->pool->lend))
		return;
	if (hurry && xchg(&ex->resting, false))
		mod_delayed_work(kmem_exchange_wq, &ex->work, 0);
	else
		queue_delayed_work(kmem_exchange_wq, &ex->work,
				   msecs_to_jiffies(READ_ONCE(ex->retry_ms)));
}

/**
 * kmem_exchange_give_all - lend all that can be lent, now
 * @ex: the exchange
 *
 * Context: sleeps, also in reclaim: waits for units_lock, whose holder allocates
 * nothing. Return: pages that were lent.
 */
u64 kmem_exchange_give_all(struct kmem_exchange *ex)
{
	u64 nr, all = 0;

	do {
		nr = 0;
		scoped_guard(mutex, &ex->pool->units_lock)
			if (ex->pool->lend)
				nr = kmem_exchange_give(ex, KMEM_EXCHANGE_BATCH);
		all += nr;
		kmem_inject_pause(KMEM_PAUSE_GIVE, NULL);
		cond_resched();
	} while (nr);
	if (all)
		kmem_exchange_moved(ex);
	return all;
}

/**
 * kmem_exchange_try_give - lend some pages, for who must not wait for the worker
 * @ex: the exchange
 * @nr_pages: how many
 *
 * Context: any that may sleep, also in reclaim: allocates nothing and waits for
 * nobody. Return: pages that were lent.
 */
u64 kmem_exchange_try_give(struct kmem_exchange *ex, u64 nr_pages)
{
	u64 all = 0, nr = 1;

	while (nr && all < nr_pages) {
		if (!mutex_trylock(&ex->pool->units_lock))
			break;
		nr = 0;
		if (ex->pool->lend)
			nr = kmem_exchange_give(ex, DIV_ROUND_UP_ULL(nr_pages - all,
								     pageblock_nr_pages));
		mutex_unlock(&ex->pool->units_lock);
		all += nr;
		cond_resched();
	}
	if (all)
		kmem_exchange_moved(ex);
	return all;
}

/**
 * kmem_exchange_lend - lend what can be lent, together with the worker
 * @ex: the exchange
 *
 * For who has just freed much and wants it to be RAM when it returns. Does not wait for
 * whatever else the worker may be doing for more than half a second.
 *
 * Context: may sleep; not in reclaim.
 */
void kmem_exchange_lend(struct kmem_exchange *ex)
{
	const unsigned long end = jiffies + HZ / 2;

	while (kmem_pool_is_high(ex->pool) && time_before(jiffies, end))
		if (!kmem_exchange_try_give(ex, ex->pool->segs->nr_pages))
			schedule_timeout_uninterruptible(1);
}

/**
 * kmem_exchange_start - lend what is free, now and from now on
 * @ex: the exchange
 *
 * Context: sleeps; the pool is open.
 */
void kmem_exchange_start(struct kmem_exchange *ex)
{
	scoped_guard(mutex, &ex->pool->units_lock) {
		kmem_take_begin(ex->take);
		WRITE_ONCE(ex->pool->lend, true);
	}
	kmem_exchange_give_all(ex);
	kmem_pool_look(ex->pool);
}

/**
 * kmem_exchange_stop - nothing is lent or taken any more
 * @ex: the exchange
 *
 * What is lent stays lent.
 *
 * Context: sleeps.
 */
void kmem_exchange_stop(struct kmem_exchange *ex)
{
	scoped_guard(mutex, &ex->pool->units_lock)
		WRITE_ONCE(ex->pool->lend, false);
	/* For one attempt to take memory at most. */
	cancel_delayed_work_sync(&ex->work);
	kmem_take_short(ex->take, false);
}

static void kmem_exchange_online(struct kmem_exchange *ex, unsigned long first,
				 unsigned long nr)
{
	const unsigned long pfn = kmem_unit_pfn(ex->pool, &ex->pool->units[first]);

	kmem_pool_online(ex->pool, first, nr, is_zone_movable_page(pfn_to_page(pfn)));
	kmem_exchange_give_all(ex);
	kmem_pool_look(ex->pool);
}

static int kmem_exchange_freeze(struct kmem_exchange *ex, unsigned long first,
				unsigned long nr)
{
	/*
	 * No lock between who begins to use it and this: a memory block that goes
	 * offline endangers no data, only RAM is gone.
	 */
	const int users = atomic_read(&ex->users);

	if (users && !READ_ONCE(ex->offline_allowed)) {
		if (__ratelimit(&ex->offline_said))
			dev_warn(ex->pool->segs->dev, "in use (%d users), its memory stays online: unmount it, stop what is stacked on it, or swapoff, and try again; or write allowed to persist/offline\n",
				 users);
		return -EBUSY;
	}
	scoped_guard(mutex, &ex->pool->units_lock) {
		if (users && kmem_pool_is_last_online(ex->pool, first, nr)) {
			dev_warn_ratelimited(ex->pool->segs->dev, "in use (%d users), its last memory block stays online: unmount it, stop what is stacked on it, or swapoff, and try again\n",
					     users);
			return -EBUSY;
		}
		kmem_pool_set_frozen(ex->pool, first, nr, true);
	}
	/* None of them is chosen from now on. */
	kmem_take_wait(ex->take, first, nr);
	return 0;
}

static void kmem_exchange_thaw(struct kmem_exchange *ex, unsigned long first,
			       unsigned long nr)
{
	guard(mutex)(&ex->pool->units_lock);
	kmem_pool_set_frozen(ex->pool, first, nr, false);
}

static int kmem_exchange_notify(struct notifier_block *nb, unsigned long action,
				void *arg)
{
	struct kmem_exchange *ex = container_of(nb, struct kmem_exchange, nb);
	const struct memory_notify *mn = arg;
	const struct kmem_segment *seg = kmem_segments_at(ex->pool->segs, mn->start_pfn);
	const unsigned long nr = mn->nr_pages / pageblock_nr_pages;
	unsigned long first;

	/* A block belongs to one device, if to any. */
	if (!seg)
		return NOTIFY_OK;
	first = seg->first_unit + (mn->start_pfn - PHYS_PFN(seg->phys)) / pageblock_nr_pages;
	switch (action) {
	case MEM_ONLINE:
		kmem_exchange_online(ex, first, nr);
		break;
	case MEM_GOING_OFFLINE:
		kmem_inject_pause(KMEM_PAUSE_VISIT, NULL);
		return notifier_from_errno(kmem_exchange_freeze(ex, first, nr));
	case MEM_CANCEL_OFFLINE:
		kmem_exchange_thaw(ex, first, nr);
		break;
	case MEM_OFFLINE:
		kmem_pool_offline(ex->pool, first, nr);
		break;
	}
	return NOTIFY_OK;
}

/**
 * kmem_exchange_init - follow the memory blocks of a device
 * @ex: to be filled, all zeroes
 * @pool: the pool of the device
 * @take: who takes
 *
 * Nothing is exchanged before kmem_exchange_start(). Context: sleeps, also until no memory
 * notifier runs. Return: 0 or a negative errno.
 */
int kmem_exchange_init(struct kmem_exchange *ex, struct kmem_pool *pool,
		       struct kmem_take *take)
{
	ex->pool = pool;
	ex->take = take;
	ratelimit_state_init(&ex->offline_said, HZ, 1);
	INIT_DELAYED_WORK(&ex->work, kmem_exchange_work);
	ex->nb.notifier_call = kmem_exchange_notify;
	return register_memory_notifier(&ex->nb);
}

/**
 * kmem_exchange_exit - counterpart of kmem_exchange_init()
 * @ex: the exchange
 *
 * Before kmem_exchange_stop(): who follows memory blocks lends.
 *
 * Context: sleeps, also until no memory notifier runs.
 */
void kmem_exchange_exit(struct kmem_exchange *ex)
{
	unregister_memory_notifier(&ex->nb);
}

/**
 * kmem_exchange_begin - what all devices need
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int kmem_exchange_begin(void)
{
	kmem_exchange_wq = alloc_workqueue("kmem_persist",
					   WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return kmem_exchange_wq ? 0 : -ENOMEM;
}

/**
 * kmem_exchange_end - counterpart of kmem_exchange_begin()
 *
 * Context: sleeps; there are no devices.
 */
void kmem_exchange_end(void)
{
	cancel_delayed_work_sync(&kmem_watermark_work);
	kmem_take_exit();
	destroy_workqueue(kmem_exchange_wq);
}

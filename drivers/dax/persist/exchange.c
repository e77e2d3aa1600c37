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
 * Sections under exchange_lock are short, whatever the size of the device, and
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
#include "private.h"
#include "trace.h"

/* Units to give per exchange_lock section. */
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
static void kmem_exchange_moved(struct kmem_persist *kp)
{
	const u64 lent = READ_ONCE(kp->nr_free[KMEM_UNIT_RAM]);
	const u64 then = READ_ONCE(kp->lent_then);

	if (max(lent, then) - min(lent, then) <= then / 8)
		return;
	WRITE_ONCE(kp->lent_then, lent);
	queue_delayed_work(system_dfl_wq, &kmem_watermark_work, HZ);
}

/**
 * kmem_unit_pfn - first page frame of a unit
 * @kp: the device
 * @unit: the unit
 *
 * Context: any. Return: its pfn.
 */
unsigned long kmem_unit_pfn(const struct kmem_persist *kp,
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

/**
 * kmem_run_continues - are these units in a row, and in the same memory block?
 * @kp: the device
 * @first: the first of them
 * @nr: how many there are before the one in question
 *
 * Context: any.
 */
bool kmem_run_continues(const struct kmem_persist *kp,
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

	max = min(max, KMEM_EXCHANGE_BATCH);
	while (given < max * pageblock_nr_pages && (unit = kmem_pool_lend_unit(kp))) {
		for (nr = 1; given + nr * pageblock_nr_pages < max * pageblock_nr_pages; nr++)
			if (kmem_run_is_chunk(kp, unit, nr) ||
			    !kmem_run_continues(kp, unit, nr) ||
			    !kmem_pool_lend_like(kp, unit + nr, unit))
				break;
		given += kmem_run_release(kp, unit, nr);
	}
	kp->nr_given += given;
	if (given)
		kp->give_ns += ktime_get_ns() - start;
	return given;
}

static enum kmem_step kmem_exchange_step(struct kmem_persist *kp)
{
	u64 shortage;

	scoped_guard(mutex, &kp->exchange_lock) {
		if (!kp->lend)
			return KMEM_STEP_DONE;
		shortage = kmem_pool_shortage(kp);
		if (!shortage)
			return kmem_exchange_give(kp, KMEM_EXCHANGE_BATCH) ?
				KMEM_STEP_MOVED : KMEM_STEP_DONE;
	}
	return kmem_take(kp, shortage);
}

/* Until the boundary is where it should be, or nothing more can be had for now. */
static enum kmem_step kmem_exchange_round(struct kmem_persist *kp, bool *moved)
{
	u64 end = ktime_get_ns() + KMEM_EXCHANGE_ROUND;
	enum kmem_step step;

	do {
		step = kmem_exchange_step(kp);
		if (step == KMEM_STEP_MOVED) {
			*moved = true;
			end = ktime_get_ns() + KMEM_EXCHANGE_ROUND;
		}
		cond_resched();
	} while (step == KMEM_STEP_MOVED ||
		 ((step == KMEM_STEP_LOOKED || step == KMEM_STEP_FAILED) &&
		  kp->take_failed < KMEM_EXCHANGE_FAILURES && ktime_get_ns() < end));
	return step;
}

/* How long before the next round, while somebody waits? */
static void kmem_exchange_set_pause(struct kmem_persist *kp, enum kmem_step step,
				    bool moved)
{
	unsigned int min = KMEM_EXCHANGE_RETRY_MIN, max = KMEM_EXCHANGE_RETRY_MAX;
	unsigned int pause = moved ? 0 : 2 * kp->retry_ms;

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
		if (kp->take_vain < kp->nr_units &&
		    kp->take_failed < KMEM_EXCHANGE_FAILURES)
			max = KMEM_EXCHANGE_RETRY_MID;
	}
	kp->retry_ms = clamp(pause, min, max);
	if (kp->take_failed >= KMEM_EXCHANGE_FAILURES)
		kp->take_failed = 0;
}

/**
 * kmem_exchange_work - move the boundary to where the pool wants it
 * @work: kmem_persist.work
 *
 * Ends when the pool is satisfied or too much was in vain, and comes back after a
 * pause. It goes on where it stopped, so that every place has its turn.
 *
 * Context: worker of the exchange workqueue.
 */
void kmem_exchange_work(struct work_struct *work)
{
	struct kmem_persist *kp = container_of(to_delayed_work(work),
					       struct kmem_persist, work);
	const unsigned int noio = memalloc_noio_save();
	enum kmem_step step;
	bool moved = false;

	step = kmem_exchange_round(kp, &moved);
	if (moved)
		kmem_exchange_moved(kp);
	memalloc_noio_restore(noio);
	if (kmem_pool_is_scattered(kp))
		kmem_compact_kick(kp);

	if (!READ_ONCE(kp->lend) || !kmem_pool_is_low(kp)) {
		kp->retry_ms = 0;
		kmem_take_short(kp, false);
		return;
	}
	kmem_exchange_set_pause(kp, step, moved);
	/* Known before anybody sleeps. */
	if (READ_ONCE(kp->nr_wanted)) {
		kmem_take_short(kp, true);
		kmem_exchange_kick(kp);
	} else {
		kmem_take_short(kp, false);
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
 * Context: sleeps, also in reclaim: waits for exchange_lock, whose holder allocates
 * nothing. Return: pages that were lent.
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
		kmem_exchange_moved(kp);
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
		kmem_exchange_moved(kp);
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
	scoped_guard(mutex, &kp->exchange_lock) {
		kp->take_run = KMEM_EXCHANGE_BATCH;
		kp->short_of_ram = false;
		WRITE_ONCE(kp->lend, true);
	}
	kmem_exchange_give_all(kp);
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
	/* For one attempt to take memory at most. */
	cancel_delayed_work_sync(&kp->work);
	kmem_take_short(kp, false);
	cancel_delayed_work_sync(&kp->compact_work);
}

static int kmem_exchange_online(struct kmem_persist *kp, unsigned long first,
				unsigned long nr)
{
	const unsigned long pfn = kmem_unit_pfn(kp, &kp->units[first]);
	const bool movable = is_zone_movable_page(pfn_to_page(pfn));
	unsigned long i;

	scoped_guard(mutex, &kp->exchange_lock) {
		guard(spinlock)(&kp->pool_lock);
		for (i = first; i < first + nr; i++) {
			kp->units[i].exposed = false;
			kp->units[i].frozen = false;
			kp->units[i].movable = movable;
			if (kp->units[i].state == KMEM_UNIT_ABSENT)
				kmem_unit_set_state(kp, &kp->units[i],
						    KMEM_UNIT_POOL);
		}
		kmem_bad_clear_kick(kp);
	}
	kmem_exchange_give_all(kp);
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
		     kp->units[i].state == KMEM_UNIT_TAKING ||
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
	scoped_guard(mutex, &kp->exchange_lock) {
		if (users && kmem_exchange_is_last_online(kp, first, nr)) {
			dev_warn_ratelimited(kp->dev, "in use (%d users), its last memory block stays online: unmount it, stop what is stacked on it, or swapoff, and try again\n",
					     users);
			return -EBUSY;
		}
		kmem_exchange_set_frozen(kp, first, nr, true);
	}
	/* None of them is chosen from now on. */
	kmem_take_wait(kp, first, nr);
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
	kmem_take_exit();
	destroy_workqueue(kmem_exchange_wq);
}

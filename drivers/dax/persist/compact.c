// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: compaction of the pool
 *
 * A pageblock can be lent when no page of it holds data. After many writes and
 * discards the data is scattered, and a pageblock with one page of data is lost
 * to RAM. The compactor chooses the sparsest pageblocks, from which nothing is
 * allocated any more, and asks the plugin to move the data out of them: it goes
 * to the fullest pageblocks, where all new data goes. What has become empty is
 * lent.
 *
 * It starts when the pool has many free pages and no pageblock to lend, works in
 * batches, and rests four times as long as it works.
 *
 * A pageblock that could not be emptied, because a page of it holds what cannot
 * move or cannot be read, is left alone until there is nothing else to do, and
 * tried again after some time.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>
#include "private.h"
#include "trace.h"

/* Units to empty in one look of the plugin through its metadata. */
#define KMEM_COMPACT_BATCH	64U
/* Units to look at in one exchange_lock section. */
#define KMEM_COMPACT_CHUNK	4096UL
/* Looks per batch: what moved in front of the first is behind the second. */
#define KMEM_COMPACT_LOOKS	2U
/* Breath before a first batch, or after one that was in vain. */
#define KMEM_COMPACT_DELAY	(HZ / 2)
/* When there is nothing to choose from, and when stuck units have another chance. */
#define KMEM_COMPACT_IDLE	(5 * HZ)
#define KMEM_COMPACT_UNSTICK	(60UL * HZ)
#define KMEM_COMPACT_UNSTICK_MAX	(3600UL * HZ)

/* Up to @max units of a chunk that are so sparse and no sparser; false: no room. */
static bool kmem_compact_choose_some(struct kmem_persist *kp, unsigned long first,
				     int sparseness, unsigned int max,
				     unsigned int *nr, u64 *need)
{
	const unsigned long end = min(first + KMEM_COMPACT_CHUNK, kp->nr_units);
	unsigned long i;

	guard(mutex)(&kp->exchange_lock);
	if (!kp->lend)
		return false;
	for (i = first; i < end && *nr < max; i++) {
		if (kmem_unit_sparseness(kp, &kp->units[i]) != sparseness)
			continue;
		if (!kmem_pool_start_moving(kp, &kp->units[i], need))
			return false;
		(*nr)++;
	}
	return true;
}

static void kmem_compact_count(struct kmem_persist *kp, unsigned long *counts)
{
	unsigned long first, i;
	int s;

	for (first = 0; first < kp->nr_units; first += KMEM_COMPACT_CHUNK) {
		scoped_guard(mutex, &kp->exchange_lock) {
			for (i = first; i < min(first + KMEM_COMPACT_CHUNK, kp->nr_units); i++) {
				s = kmem_unit_sparseness(kp, &kp->units[i]);
				if (s >= 0)
					counts[s]++;
			}
		}
		cond_resched();
	}
}

/* The sparsest units. Nothing hangs on the pool's lock for this. */
static unsigned int kmem_compact_choose(struct kmem_persist *kp)
{
	unsigned long counts[KMEM_POOL_NR_PARTIAL] = {}, first;
	unsigned int nr = 0, before;
	u64 need = 0;
	int s;

	kmem_compact_count(kp, counts);
	for (s = KMEM_POOL_NR_PARTIAL - 1; s >= 0 && nr < KMEM_COMPACT_BATCH; s--) {
		if (!counts[s])
			continue;
		before = nr;
		for (first = 0; first < kp->nr_units && nr < KMEM_COMPACT_BATCH;
		     first += KMEM_COMPACT_CHUNK) {
			if (!kmem_compact_choose_some(kp, first, s, KMEM_COMPACT_BATCH,
						      &nr, &need))
				return nr;
			cond_resched();
		}
		if (nr == before)
			break;
	}
	return nr;
}

/* Back to the pool, from where empty units are lent. Returns how many are empty. */
static unsigned int kmem_compact_finish(struct kmem_persist *kp)
{
	unsigned int empty = 0;
	unsigned long i;

	guard(mutex)(&kp->exchange_lock);
	for_each_set_bit(i, kp->moving, kp->nr_units) {
		struct kmem_unit *unit = &kp->units[i];

		guard(spinlock)(&kp->pool_lock);
		if (unit->nr_free == unit->nr_pages)
			empty++;
		else if (!READ_ONCE(kp->compact_stop))
			unit->stuck = true;
		kmem_unit_set_state(kp, unit, KMEM_UNIT_POOL);
		kmem_pool_note_space(kp, false);
	}
	wake_up_all(&kp->wait);
	return empty;
}

/* Another chance for all that are stuck. */
static void kmem_compact_unstick(struct kmem_persist *kp)
{
	unsigned long i;

	for (i = 0; i < kp->nr_units; i++) {
		scoped_guard(spinlock, &kp->pool_lock)
			kp->units[i].stuck = false;
		cond_resched();
	}
}

/* But seldom, and the more seldom the more often it was in vain. */
static void kmem_compact_unstick_sometimes(struct kmem_persist *kp)
{
	if (time_before(jiffies, kp->compact_unstick))
		return;
	kmem_compact_unstick(kp);
	kp->compact_pause = clamp(2 * kp->compact_pause, KMEM_COMPACT_UNSTICK,
				  KMEM_COMPACT_UNSTICK_MAX);
	kp->compact_unstick = jiffies + kp->compact_pause;
}

/*
 * One batch. Returns how many units became empty, -ENOENT if there was nothing to
 * choose from, -ENODEV if there is nobody who could move data.
 */
static int kmem_compact_batch(struct kmem_persist *kp)
{
	unsigned int look, chosen, empty, noio;
	long nr, moved = 0;

	/* The life cycle lock is not held: nobody waits for all that has to move. */
	lockdep_assert_held(&kp->compact_lock);
	lockdep_assert_held_read(&kp->plugin_sem);
	if (!kp->ops || !kp->ops->move)
		return -ENODEV;
	chosen = kmem_compact_choose(kp);
	if (!chosen)
		return -ENOENT;
	kmem_inject_pause(KMEM_PAUSE_COMPACT, &kp->compact_stop);

	/* I/O may wait for the pages that are being moved. */
	noio = memalloc_noio_save();
	for (look = 0; look < KMEM_COMPACT_LOOKS && dax_kmem_is_moving(kp); look++) {
		nr = kp->ops->move(kp);
		if (nr <= 0)
			break;
		moved += nr;
	}
	WRITE_ONCE(kp->nr_moved, kp->nr_moved + moved);
	empty = kmem_compact_finish(kp);
	memalloc_noio_restore(noio);
	if (empty)
		kp->compact_pause = 0;
	trace_kmem_persist_move(kp->dev, chosen, empty, moved);
	kmem_exchange_kick(kp);
	return empty;
}

/* Returns false if somebody else compacts, or the plugin is coming or going. */
static bool kmem_compact_trylock(struct kmem_persist *kp)
{
	if (!mutex_trylock(&kp->compact_lock))
		return false;
	if (down_read_trylock(&kp->plugin_sem))
		return true;
	mutex_unlock(&kp->compact_lock);
	return false;
}

static int kmem_compact_lock(struct kmem_persist *kp)
{
	int rc = mutex_lock_interruptible(&kp->compact_lock);

	if (rc)
		return rc;
	rc = down_read_interruptible(&kp->plugin_sem);
	if (rc)
		mutex_unlock(&kp->compact_lock);
	return rc;
}

static void kmem_compact_unlock(struct kmem_persist *kp)
{
	up_read(&kp->plugin_sem);
	mutex_unlock(&kp->compact_lock);
}

/**
 * kmem_compact_work - empty some sparse units
 * @work: kmem_persist.compact_work
 *
 * Context: worker.
 */
void kmem_compact_work(struct work_struct *work)
{
	struct kmem_persist *kp = container_of(to_delayed_work(work),
					       struct kmem_persist, compact_work);
	const unsigned long start = jiffies;
	unsigned long delay = KMEM_COMPACT_DELAY;
	int empty;

	if (!kmem_pool_is_scattered(kp))
		return;
	if (kmem_compact_trylock(kp)) {
		empty = kmem_compact_batch(kp);
		kmem_compact_unlock(kp);
		if (empty == -ENODEV)
			return;
		if (empty == -ENOENT) {
			delay = KMEM_COMPACT_IDLE;
			kmem_compact_unstick_sometimes(kp);
		} else if (empty) {
			delay = 0;
		}
		delay = max(delay, 4 * (jiffies - start) + 1);
	}
	queue_delayed_work(system_dfl_long_wq, &kp->compact_work, delay);
}

/**
 * kmem_compact_kick - there may be something to do
 * @kp: the device
 *
 * Context: any.
 */
void kmem_compact_kick(struct kmem_persist *kp)
{
	if (READ_ONCE(kp->lend) && !delayed_work_pending(&kp->compact_work))
		queue_delayed_work(system_dfl_long_wq, &kp->compact_work,
				   KMEM_COMPACT_DELAY);
}

/**
 * kmem_compact_now - empty all sparse units that can be emptied
 * @kp: the device
 *
 * Context: sleeps, for as long as it takes to move data around.
 * Return: 0; -EINTR when a signal ended it, -ENODEV if there is nobody who could
 * move data, or not any more.
 */
int kmem_compact_now(struct kmem_persist *kp)
{
	int rc;

	kmem_compact_unstick(kp);
	do {
		kmem_pressure_squeeze(kp);
		rc = kmem_compact_lock(kp);
		if (rc)
			return rc;
		rc = kmem_compact_batch(kp);
		kmem_compact_unlock(kp);
		kmem_exchange_give_all(kp);
		if (signal_pending(current))
			return -EINTR;
	} while (rc > 0 && kmem_pool_scattered(kp));
	return rc == -ENODEV ? rc : 0;
}

/**
 * kmem_compact_stop - end a pass that is under way
 * @kp: the device
 *
 * For who wants kmem_persist.plugin_sem soon, and allows it again then.
 *
 * Context: any.
 */
void kmem_compact_stop(struct kmem_persist *kp)
{
	WRITE_ONCE(kp->compact_stop, true);
}

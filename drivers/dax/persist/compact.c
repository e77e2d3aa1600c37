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
#include "compact.h"
#include "inject.h"
#include "trace.h"

/* Units to empty in one look of the plugin through its metadata. */
#define KMEM_COMPACT_BATCH	64U
/* Units to look at in one units_lock section. */
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
static bool kmem_compact_choose_some(struct kmem_pool *pool, unsigned long first,
				     int sparseness, unsigned int max,
				     unsigned int *nr, u64 *need)
{
	const unsigned long end = min(first + KMEM_COMPACT_CHUNK, pool->nr_units);
	unsigned long i;

	guard(mutex)(&pool->units_lock);
	if (!pool->lend)
		return false;
	for (i = first; i < end && *nr < max; i++) {
		if (kmem_unit_sparseness(pool, &pool->units[i]) != sparseness)
			continue;
		if (!kmem_pool_start_moving(pool, &pool->units[i], need))
			return false;
		(*nr)++;
	}
	return true;
}

static void kmem_compact_count(struct kmem_pool *pool, unsigned long *counts)
{
	unsigned long first, i;
	int s;

	for (first = 0; first < pool->nr_units; first += KMEM_COMPACT_CHUNK) {
		scoped_guard(mutex, &pool->units_lock) {
			for (i = first; i < min(first + KMEM_COMPACT_CHUNK, pool->nr_units); i++) {
				s = kmem_unit_sparseness(pool, &pool->units[i]);
				if (s >= 0)
					counts[s]++;
			}
		}
		cond_resched();
	}
}

/* The sparsest units. Nothing hangs on the pool's lock for this. */
static unsigned int kmem_compact_choose(struct kmem_pool *pool)
{
	unsigned long counts[KMEM_POOL_NR_PARTIAL] = {}, first;
	unsigned int nr = 0, before;
	u64 need = 0;
	int s;

	kmem_compact_count(pool, counts);
	for (s = KMEM_POOL_NR_PARTIAL - 1; s >= 0 && nr < KMEM_COMPACT_BATCH; s--) {
		if (!counts[s])
			continue;
		before = nr;
		for (first = 0; first < pool->nr_units && nr < KMEM_COMPACT_BATCH;
		     first += KMEM_COMPACT_CHUNK) {
			if (!kmem_compact_choose_some(pool, first, s, KMEM_COMPACT_BATCH,
						      &nr, &need))
				return nr;
			cond_resched();
		}
		if (nr == before)
			break;
	}
	return nr;
}

/* But seldom, and the more seldom the more often it was in vain. */
static void kmem_compact_unstick_sometimes(struct kmem_compact *compact)
{
	if (time_before(jiffies, compact->unstick))
		return;
	kmem_pool_unstick(compact->exchange->pool);
	compact->pause = clamp(2 * compact->pause, KMEM_COMPACT_UNSTICK,
			       KMEM_COMPACT_UNSTICK_MAX);
	compact->unstick = jiffies + compact->pause;
}

/*
 * One batch. Returns how many units became empty, -ENOENT if there was nothing to
 * choose from, -ENODEV if there is nobody who could move data.
 */
static int kmem_compact_batch(struct kmem_compact *compact)
{
	struct kmem_pool *pool = compact->exchange->pool;
	unsigned int look, chosen, empty, noio;
	long nr, moved = 0;

	/* The life cycle lock is not held: nobody waits for all that has to move. */
	lockdep_assert_held(&compact->lock);
	if (!compact->move)
		return -ENODEV;
	chosen = kmem_compact_choose(pool);
	if (!chosen)
		return -ENOENT;
	kmem_inject_pause(KMEM_PAUSE_COMPACT, &compact->stop);

	/* I/O may wait for the pages that are being moved. */
	noio = memalloc_noio_save();
	for (look = 0; look < KMEM_COMPACT_LOOKS && READ_ONCE(pool->nr_moving) &&
	     !READ_ONCE(compact->stop); look++) {
		nr = compact->move(compact->kp);
		if (nr <= 0)
			break;
		moved += nr;
	}
	WRITE_ONCE(compact->nr_moved, compact->nr_moved + moved);
	empty = kmem_pool_end_moving(pool, !READ_ONCE(compact->stop));
	memalloc_noio_restore(noio);
	if (empty)
		compact->pause = 0;
	trace_kmem_persist_move(pool->segs->dev, chosen, empty, moved);
	kmem_exchange_kick(compact->exchange, false);
	return empty;
}

static void kmem_compact_work(struct work_struct *work)
{
	struct kmem_compact *compact = container_of(to_delayed_work(work),
						    struct kmem_compact, work);
	const unsigned long start = jiffies;
	unsigned long delay = KMEM_COMPACT_DELAY;
	int empty;

	if (!kmem_pool_is_scattered(compact->exchange->pool))
		return;
	/* Somebody else compacts, or it begins or ends. */
	if (mutex_trylock(&compact->lock)) {
		empty = kmem_compact_batch(compact);
		mutex_unlock(&compact->lock);
		if (empty == -ENODEV)
			return;
		if (empty == -ENOENT) {
			delay = KMEM_COMPACT_IDLE;
			kmem_compact_unstick_sometimes(compact);
		} else if (empty) {
			delay = 0;
		}
		delay = max(delay, 4 * (jiffies - start) + 1);
	}
	queue_delayed_work(system_dfl_long_wq, &compact->work, delay);
}

/**
 * kmem_compact_kick - there may be something to do
 * @compact: the compactor
 *
 * Context: any.
 */
void kmem_compact_kick(struct kmem_compact *compact)
{
	if (READ_ONCE(compact->exchange->pool->lend) && !delayed_work_pending(&compact->work))
		queue_delayed_work(system_dfl_long_wq, &compact->work,
				   KMEM_COMPACT_DELAY);
}

/**
 * kmem_compact_now - empty all sparse units that can be emptied
 * @compact: the compactor
 *
 * Context: sleeps, for as long as it takes to move data around.
 * Return: 0; -EINTR when a signal ended it, -ENODEV if there is nobody who could
 * move data, or not any more.
 */
int kmem_compact_now(struct kmem_compact *compact)
{
	struct kmem_pool *pool = compact->exchange->pool;
	int rc;

	kmem_pool_unstick(pool);
	do {
		kmem_pool_squeeze(pool);
		rc = mutex_lock_interruptible(&compact->lock);
		if (rc)
			return rc;
		rc = kmem_compact_batch(compact);
		mutex_unlock(&compact->lock);
		kmem_exchange_give_all(compact->exchange);
		if (signal_pending(current))
			return -EINTR;
	} while (rc > 0 && kmem_pool_scattered(pool));
	return rc == -ENODEV ? rc : 0;
}

/**
 * kmem_compact_block - nobody moves data for now
 * @compact: the compactor
 *
 * For who begins or ends to be able to. A pass that is under way ends. Context: sleeps,
 * for as long as it takes to move the rest of a leaf, and some RCU grace periods.
 * kmem_compact.lock is held on return.
 */
void kmem_compact_block(struct kmem_compact *compact)
{
	WRITE_ONCE(compact->stop, true);
	mutex_lock(&compact->lock);
}

/**
 * kmem_compact_try_block - the same for who does not wait
 * @compact: the compactor
 *
 * Context: any but interrupts. Return: false if somebody moves data still, who has been
 * told to end; or true, with kmem_compact.lock held.
 */
bool kmem_compact_try_block(struct kmem_compact *compact)
{
	WRITE_ONCE(compact->stop, true);
	return mutex_trylock(&compact->lock);
}

/**
 * kmem_compact_unblock - counterpart of both
 * @compact: the compactor
 * @move: moves data from now on; NULL if nobody can
 * @kp: its argument
 *
 * Context: sleeps.
 */
void kmem_compact_unblock(struct kmem_compact *compact, kmem_move_fn move,
			  struct kmem_persist *kp)
{
	compact->move = move;
	compact->kp = kp;
	WRITE_ONCE(compact->stop, false);
	mutex_unlock(&compact->lock);
	if (move)
		kmem_pool_look(compact->exchange->pool);
}

/**
 * kmem_compact_init - a compactor with nobody who could move data
 * @compact: to be filled, all zeroes
 * @exchange: lends what becomes empty
 *
 * Context: any.
 */
void kmem_compact_init(struct kmem_compact *compact, struct kmem_exchange *exchange)
{
	compact->exchange = exchange;
	compact->unstick = jiffies;
	mutex_init(&compact->lock);
	INIT_DELAYED_WORK(&compact->work, kmem_compact_work);
}

/**
 * kmem_compact_cancel - nothing is compacted any more
 * @compact: the compactor; nothing is lent any more
 *
 * Context: sleeps.
 */
void kmem_compact_cancel(struct kmem_compact *compact)
{
	cancel_delayed_work_sync(&compact->work);
}

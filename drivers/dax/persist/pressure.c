// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: when RAM runs short
 *
 * The shrinker of a device returns pageblocks that hold no data, up
 * to the reserve and what is kept for the plugin; so does the OOM notifier before
 * anybody is killed. For some time the device then does without its slack. Both
 * may run in the middle of anything, so they allocate nothing and wait for no page to
 * move: nobody does so with kmem_pool.units_lock held.
 */
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/swap.h>
#include "pressure.h"

static unsigned long kmem_shrink_count(struct shrinker *shrinker,
				       struct shrink_control *sc)
{
	const struct kmem_pressure *pressure = shrinker->private_data;

	if (sc->nid != pressure->nid)
		return SHRINK_EMPTY;
	return kmem_pool_empty_pages(pressure->exchange->pool) ?: SHRINK_EMPTY;
}

static unsigned long kmem_shrink_scan(struct shrinker *shrinker,
				      struct shrink_control *sc)
{
	struct kmem_exchange *exchange =
		((struct kmem_pressure *)shrinker->private_data)->exchange;
	unsigned long freed;

	/* What it got it would have to take again. */
	if (READ_ONCE(exchange->take->taker) == current)
		return SHRINK_STOP;
	kmem_pool_squeeze(exchange->pool);
	freed = kmem_exchange_try_give(exchange, sc->nr_to_scan);
	mm_account_reclaimed_pages(freed);
	sc->nr_scanned = freed;
	return freed ?: SHRINK_STOP;
}

static int kmem_oom_notify(struct notifier_block *nb, unsigned long action,
			   void *arg)
{
	struct kmem_pressure *pressure = container_of(nb, struct kmem_pressure, oom_nb);
	unsigned long *freed = arg;

	kmem_pool_squeeze(pressure->exchange->pool);
	/* Nobody is killed beside memory that nobody needs. */
	*freed += kmem_exchange_give_all(pressure->exchange);
	return NOTIFY_OK;
}

/**
 * kmem_pressure_init - watch out for shortage
 * @pressure: to be filled, all zeroes
 * @exchange: lends what is free
 * @nid: node of the device
 *
 * Context: sleeps. Return: 0 or a negative errno.
 */
int kmem_pressure_init(struct kmem_pressure *pressure, struct kmem_exchange *exchange,
		       int nid)
{
	struct shrinker *shrinker;
	int rc;

	shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "kmem-persist:%s",
				  dev_name(exchange->pool->segs->dev));
	if (!shrinker)
		return -ENOMEM;
	pressure->exchange = exchange;
	pressure->nid = nid;
	pressure->shrinker = shrinker;
	shrinker->count_objects = kmem_shrink_count;
	shrinker->scan_objects = kmem_shrink_scan;
	shrinker->private_data = pressure;
	shrinker->batch = pageblock_nr_pages;
	shrinker_register(shrinker);

	pressure->oom_nb.notifier_call = kmem_oom_notify;
	rc = register_oom_notifier(&pressure->oom_nb);
	if (rc)
		shrinker_free(shrinker);
	return rc;
}

/**
 * kmem_pressure_exit - counterpart of kmem_pressure_init()
 * @pressure: what it has filled
 *
 * Context: sleeps.
 */
void kmem_pressure_exit(struct kmem_pressure *pressure)
{
	unregister_oom_notifier(&pressure->oom_nb);
	shrinker_free(pressure->shrinker);
}

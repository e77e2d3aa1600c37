// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: erasing what should have been erased when it was freed
 *
 * With zero_on_free, pages that were on their way when the power failed, or were freed
 * before it was switched on, still hold what they held. An attach that finds that out
 * marks all that is not lent as unerased: the plugin may use it, as it writes all of a
 * page, but nothing of it is lent. A work item erases it, which takes as long as
 * writing it: with no lock held, so that the device can be used, and taken out of
 * service, meanwhile. What is erased is lent.
 *
 * The superblock says that there are remnants (KMEM_PERSIST_STATE_REMNANTS) from the
 * attach that found them until a detach after all were erased, so an attach after
 * anything else begins anew.
 */
#include <linux/mm.h>
#include "inject.h"
#include "scrub.h"

static void kmem_scrub_end(struct kmem_scrub *scrub)
{
	if (kmem_pool_end_erasing(scrub->pool))
		dev_info(scrub->pool->segs->dev, "erased all that is free\n");
	else
		dev_info(scrub->pool->segs->dev, "erased what is free, but not what is bad, or was lent before\n");
}

/* Takes neither the life cycle lock nor that of the exchange. */
static void kmem_scrub_work(struct work_struct *work)
{
	struct kmem_scrub *scrub = container_of(work, struct kmem_scrub, work);
	struct kmem_pool *pool = scrub->pool;
	unsigned long i;
	u64 pos;

	for (i = 0; i < pool->nr_units; i++) {
		pos = pool->units[i].first_dpn;
		while (pool->units[i].unerased) {
			kmem_inject_pause(KMEM_PAUSE_SCRUB, &scrub->stop);
			if (READ_ONCE(scrub->stop))
				return;
			/* Switched off: what is left is as what others free. */
			if (!READ_ONCE(pool->zero_on_free)) {
				kmem_pool_set_unerased(pool, false);
				pool->ops->unbalanced(pool, false);
				return;
			}
			if (kmem_pool_erase_some(pool, &pool->units[i], &pos))
				kmem_pool_settle(pool);
			cond_resched();
		}
	}
	kmem_scrub_end(scrub);
}

/**
 * kmem_scrub_prepare - see to it that nothing is lent that has to be erased first
 * @scrub: who erases
 * @needed: something was on its way when the device was last in use, or is left of before
 * @errors: media errors until now
 *
 * Context: may sleep. The pool is open, nothing is being lent.
 */
void kmem_scrub_prepare(struct kmem_scrub *scrub, bool needed, u64 errors)
{
	scrub->needed = needed;
	scrub->errors = errors;
	kmem_pool_begin_erasing(scrub->pool, needed);
}

/**
 * kmem_scrub_start - begin to erase
 * @scrub: who erases
 *
 * Context: sleeps; a plugin is attached.
 */
void kmem_scrub_start(struct kmem_scrub *scrub)
{
	if (!scrub->needed)
		return;
	dev_info(scrub->pool->segs->dev, "erasing what was not erased when it was freed\n");
	WRITE_ONCE(scrub->stop, false);
	queue_work(system_dfl_long_wq, &scrub->work);
}

/**
 * kmem_scrub_is_done - there was something to erase, and all of it was
 * @scrub: who erases
 * @errors: media errors until now
 *
 * Context: any.
 */
bool kmem_scrub_is_done(const struct kmem_scrub *scrub, u64 errors)
{
	return scrub->needed && !READ_ONCE(scrub->pool->scrub_partly) &&
	       !READ_ONCE(scrub->pool->nr_unerased) && errors == scrub->errors;
}

/**
 * kmem_scrub_stop - erase no more
 * @scrub: who erases
 *
 * What is left is not lent until the next attach has seen to it.
 *
 * Context: sleeps, for as long as it takes to erase some pages.
 */
void kmem_scrub_stop(struct kmem_scrub *scrub)
{
	WRITE_ONCE(scrub->stop, true);
	cancel_work_sync(&scrub->work);
}

/**
 * kmem_scrub_init - nothing is erased yet
 * @scrub: to be filled, all zeroes
 * @pool: whose free pages
 *
 * Context: any.
 */
void kmem_scrub_init(struct kmem_scrub *scrub, struct kmem_pool *pool)
{
	scrub->pool = pool;
	INIT_WORK(&scrub->work, kmem_scrub_work);
}

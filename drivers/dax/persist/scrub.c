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
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/workqueue.h>
#include "private.h"

/* All is erased, or need not be. */
static void kmem_scrub_end(struct kmem_persist *kp)
{
	bool all;

	scoped_guard(spinlock, &kp->pool_lock) {
		/* What is on a bad page nobody can be sure of. */
		all = !kp->scrub_partly && !kp->nr_bad && kp->zero_on_free;
		WRITE_ONCE(kp->no_remnants, all);
	}
	if (all)
		dev_info(kp->dev, "erased all that is free\n");
	else
		dev_info(kp->dev, "erased what is free, but not what is bad, or was lent before\n");
}

/**
 * kmem_scrub_work - erase what was not erased when it was freed
 * @work: kmem_persist.scrub_work
 *
 * Context: worker. Takes neither the life cycle lock nor that of the exchange.
 */
void kmem_scrub_work(struct work_struct *work)
{
	struct kmem_persist *kp = container_of(work, struct kmem_persist, scrub_work);
	unsigned long i;
	u64 pos;

	for (i = 0; i < kp->nr_units; i++) {
		pos = kp->units[i].first_dpn;
		while (kp->units[i].unerased) {
			kmem_inject_pause(KMEM_PAUSE_SCRUB, &kp->scrub_stop);
			if (READ_ONCE(kp->scrub_stop))
				return;
			/* Switched off: what is left is as what others free. */
			if (!READ_ONCE(kp->zero_on_free)) {
				kmem_pool_set_unerased(kp, false);
				kmem_exchange_kick(kp);
				return;
			}
			if (kmem_pool_erase_some(kp, &kp->units[i], &pos) &&
			    kmem_pool_is_high(kp))
				kmem_exchange_kick(kp);
			cond_resched();
		}
	}
	kmem_scrub_end(kp);
}

/**
 * kmem_scrub_prepare - see to it that nothing is lent that has to be erased first
 * @kp: the device
 * @clean: nothing was on its way when it was last in use
 *
 * Context: may sleep; lock held. The pool is open, nothing is being lent, and the
 * superblock is written next.
 */
void kmem_scrub_prepare(struct kmem_persist *kp, bool clean)
{
	const __le32 remnants = cpu_to_le32(KMEM_PERSIST_STATE_REMNANTS);
	const bool needed = kp->zero_on_free && (!clean || kp->sb_next->state & remnants);

	kp->scrub_needed = needed;
	kp->scrub_partly = !kmem_pool_set_unerased(kp, needed);
	kp->scrub_errors = kmem_bad_show_errors(kp, NULL);
	if (needed)
		kp->sb_next->state |= remnants;
	WRITE_ONCE(kp->no_remnants, kp->zero_on_free && !needed && !READ_ONCE(kp->nr_bad));
}

/**
 * kmem_scrub_start - begin to erase
 * @kp: the device
 *
 * Context: lock held, a plugin is attached.
 */
void kmem_scrub_start(struct kmem_persist *kp)
{
	if (!kp->scrub_needed)
		return;
	dev_info(kp->dev, "erasing what was not erased when it was freed\n");
	WRITE_ONCE(kp->scrub_stop, false);
	queue_work(system_dfl_long_wq, &kp->scrub_work);
}

/**
 * kmem_scrub_settle - no remnants if all was erased
 * @kp: the device
 *
 * For who is about to write the superblock for the last time, if it comes to that. Context:
 * lock held, after kmem_persist_change_sb().
 */
void kmem_scrub_settle(struct kmem_persist *kp)
{
	if (!kp->scrub_needed || kp->scrub_partly || READ_ONCE(kp->nr_unerased) ||
	    kmem_bad_show_errors(kp, NULL) != kp->scrub_errors)
		return;
	kp->sb_next->state &= ~cpu_to_le32(KMEM_PERSIST_STATE_REMNANTS);
}

/**
 * kmem_scrub_stop - erase no more
 * @kp: the device
 *
 * What is left is not lent until the next attach has seen to it.
 *
 * Context: sleeps, for as long as it takes to erase some pages.
 */
void kmem_scrub_stop(struct kmem_persist *kp)
{
	WRITE_ONCE(kp->scrub_stop, true);
	cancel_work_sync(&kp->scrub_work);
}

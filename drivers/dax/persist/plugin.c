// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: what plugins may use
 *
 * A plugin knows a device by a pointer that says nothing; what it calls with that is here,
 * and finds the part of the framework that does it.
 */
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include "../kmem_persist.h"
#include "bad.h"
#include "inject.h"
#include "persist.h"
#include "trace.h"

/**
 * kmem_persist_dev - the DAX device, for messages
 * @kp: the device
 *
 * Context: any.
 */
struct device *kmem_persist_dev(const struct kmem_persist *kp)
{
	return kp->dev;
}
EXPORT_SYMBOL_GPL(kmem_persist_dev);

/**
 * kmem_persist_media - what the media calls need
 * @kp: the device
 *
 * Context: any.
 */
const struct kmem_media *kmem_persist_media(const struct kmem_persist *kp)
{
	return &kp->segs.media;
}
EXPORT_SYMBOL_GPL(kmem_persist_media);

/**
 * kmem_persist_sb - the superblock that is written next
 * @kp: the device
 *
 * Context: from the plugin's operations that may change it.
 */
struct kmem_persist_superblock *kmem_persist_sb(struct kmem_persist *kp)
{
	return kp->super.next;
}
EXPORT_SYMBOL_GPL(kmem_persist_sb);

/**
 * kmem_persist_try_change - a plugin is about to change its part of the superblock
 * @kp: the device, in service
 *
 * What it may change is kmem_persist_sb(), and kmem_persist_write_change() has to follow, or
 * nothing has changed. Ends with kmem_persist_end_change(). Nobody waits here: who takes the
 * plugin away holds the lock, and may wait for the caller.
 *
 * Context: any but interrupts. Return: 0, with the life cycle lock held; -EAGAIN if somebody
 * else has it; -ENODEV if the device is not in service any more; -EIO if the superblock cannot be
 * written, and nobody has tried.
 */
int kmem_persist_try_change(struct kmem_persist *kp)
{
	int err = 0;

	if (!mutex_trylock(&kp->lock))
		return -EAGAIN;
	if (kp->state != KMEM_PERSIST_ACTIVE)
		err = -ENODEV;
	else if (!kmem_sb_writable(&kp->super.set))
		err = -EIO;
	else
		kmem_super_change(&kp->super);
	if (err)
		mutex_unlock(&kp->lock);
	return err;
}
EXPORT_SYMBOL_GPL(kmem_persist_try_change);

/**
 * kmem_persist_write_change - make a change durable
 * @kp: the device
 *
 * Context: sleeps; after kmem_persist_try_change(), or in &kmem_persist_ops.settle.
 * Return: 0, it has happened; -EIO, it has not, or will at the next attach: whatever the
 * superblock says, or would have said, has to stay where it is.
 */
int kmem_persist_write_change(struct kmem_persist *kp)
{
	return kmem_super_write(&kp->super);
}
EXPORT_SYMBOL_GPL(kmem_persist_write_change);

/**
 * kmem_persist_end_change - counterpart of kmem_persist_try_change()
 * @kp: the device
 *
 * Context: any.
 */
void kmem_persist_end_change(struct kmem_persist *kp)
{
	mutex_unlock(&kp->lock);
}
EXPORT_SYMBOL_GPL(kmem_persist_end_change);

/**
 * kmem_persist_stand_still - a plugin does what may take long, which tests make last
 * @done: it has done it, all but the end
 * @stop: what tells it to end
 *
 * Context: sleeps.
 */
void kmem_persist_stand_still(bool done, const bool *stop)
{
	kmem_inject_pause(done ? KMEM_PAUSE_PLUGIN_DONE : KMEM_PAUSE_PLUGIN, stop);
}
EXPORT_SYMBOL_GPL(kmem_persist_stand_still);

/**
 * kmem_persist_set_priv - remember the plugin's data
 * @kp: the device
 * @priv: the data
 *
 * Context: from the plugin's operations.
 */
void kmem_persist_set_priv(struct kmem_persist *kp, void *priv)
{
	kp->priv = priv;
}
EXPORT_SYMBOL_GPL(kmem_persist_set_priv);

/**
 * kmem_persist_priv - the plugin's data
 * @kp: the device
 *
 * Context: any.
 */
void *kmem_persist_priv(const struct kmem_persist *kp)
{
	return kp->priv;
}
EXPORT_SYMBOL_GPL(kmem_persist_priv);

/**
 * kmem_persist_get_user - somebody begins to use the data
 * @kp: the device
 *
 * While there are users, no memory block of the device goes offline, unless that was
 * allowed: tools that take a device back offline all of it before they unbind it,
 * which cannot fail any more. Context: any.
 */
void kmem_persist_get_user(struct kmem_persist *kp)
{
	atomic_inc(&kp->exchange.users);
}
EXPORT_SYMBOL_GPL(kmem_persist_get_user);

/**
 * kmem_persist_put_user - counterpart of kmem_persist_get_user()
 * @kp: the device
 *
 * Context: any.
 */
void kmem_persist_put_user(struct kmem_persist *kp)
{
	atomic_dec(&kp->exchange.users);
}
EXPORT_SYMBOL_GPL(kmem_persist_put_user);

/**
 * kmem_persist_reserve_pages - pages kept for overwrites and metadata
 * @kp: the device
 *
 * Context: any.
 */
u64 kmem_persist_reserve_pages(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->pool.reserve);
}
EXPORT_SYMBOL_GPL(kmem_persist_reserve_pages);

/*
 * Where pages are.
 */

/**
 * dax_kmem_num_pages - size of the device
 * @kp: the device
 *
 * Context: any. Return: pages; every dpn is below.
 */
u64 dax_kmem_num_pages(const struct kmem_persist *kp)
{
	return kp->segs.nr_pages;
}
EXPORT_SYMBOL_GPL(dax_kmem_num_pages);

/**
 * dax_kmem_num_lent - how much of the device is RAM
 * @kp: the device
 *
 * Context: any. Return: pages; a moment later it may be different.
 */
u64 dax_kmem_num_lent(const struct kmem_persist *kp)
{
	return kmem_pool_lent(&kp->pool);
}
EXPORT_SYMBOL_GPL(dax_kmem_num_lent);

/**
 * dax_kmem_index_to_kaddr - kernel address of a page
 * @kp: the device
 * @dpn: the page
 *
 * Valid while the plugin is attached, whether or not the memory block around the
 * page is online. Context: any. Return: the address, NULL if @dpn is not a page
 * of the device.
 */
void *dax_kmem_index_to_kaddr(const struct kmem_persist *kp, u64 dpn)
{
	return kmem_segments_kaddr(&kp->segs, dpn);
}
EXPORT_SYMBOL_GPL(dax_kmem_index_to_kaddr);

/**
 * dax_kmem_has_bad - is any page known to be bad?
 * @kp: the device
 *
 * Context: any.
 */
bool dax_kmem_has_bad(const struct kmem_persist *kp)
{
	return kmem_bad_any(&kp->segs);
}
EXPORT_SYMBOL_GPL(dax_kmem_has_bad);

/**
 * dax_kmem_page_is_bad - is a page known to be bad?
 * @kp: the device
 * @dpn: the page
 *
 * Context: any.
 */
bool dax_kmem_page_is_bad(const struct kmem_persist *kp, u64 dpn)
{
	return kmem_bad_is(&kp->segs, dpn);
}
EXPORT_SYMBOL_GPL(dax_kmem_page_is_bad);

/**
 * dax_kmem_count_error - a read of a page has failed, and what it is used for stays there
 * @kp: the device
 * @dpn: the page, which is the plugin's
 *
 * It is not marked as bad: what can be read of it is read still.
 *
 * Context: any but interrupts.
 */
void dax_kmem_count_error(struct kmem_persist *kp, u64 dpn)
{
	const bool known = kmem_bad_is(&kp->segs, dpn);

	kmem_super_count_error(&kp->super, dpn);
	trace_kmem_persist_media_error(kp->dev, dpn, known);
	/* The superblock is not written more often because of errors. */
	queue_delayed_work(system_dfl_wq, &kp->errors_work, HZ);
}
EXPORT_SYMBOL_GPL(dax_kmem_count_error);

/**
 * dax_kmem_media_error - a read of a page has failed
 * @kp: the device
 * @dpn: the page, which is the plugin's
 *
 * It is bad from now on. The plugin may keep it or free it; it does not come back
 * from dax_kmem_alloc_pages() as long as it is.
 *
 * Context: any but interrupts.
 */
void dax_kmem_media_error(struct kmem_persist *kp, u64 dpn)
{
	dax_kmem_count_error(kp, dpn);
	kmem_bad_note(&kp->segs, dpn);
}
EXPORT_SYMBOL_GPL(dax_kmem_media_error);

/**
 * dax_kmem_mark_bad - what it is used for does not stay in a page whose error was counted
 * @kp: the device
 * @dpn: the page, which is the plugin's
 *
 * As dax_kmem_media_error() after dax_kmem_count_error(), of which each error is one.
 *
 * Context: any but interrupts.
 */
void dax_kmem_mark_bad(struct kmem_persist *kp, u64 dpn)
{
	kmem_bad_note(&kp->segs, dpn);
}
EXPORT_SYMBOL_GPL(dax_kmem_mark_bad);

/*
 * Which pages hold data.
 */

/**
 * dax_kmem_unclaim - nothing is known to hold data, but the pages of the superblocks
 * @kp: the device
 *
 * Only from &kmem_persist_ops.probe, to look for the data once more. Context: may sleep.
 */
void dax_kmem_unclaim(struct kmem_persist *kp)
{
	kmem_pool_unclaim(&kp->pool);
}
EXPORT_SYMBOL_GPL(dax_kmem_unclaim);

/**
 * dax_kmem_claim_page - say that a page holds data
 * @kp: the device
 * @dpn: the page
 *
 * Only from &kmem_persist_ops.probe, possibly on several CPUs at once.
 *
 * Context: any. Return: 0; -ERANGE if @dpn is not a page of the device, -EEXIST
 * if it was claimed before.
 */
int dax_kmem_claim_page(struct kmem_persist *kp, u64 dpn)
{
	return kmem_pool_claim_page(&kp->pool, dpn);
}
EXPORT_SYMBOL_GPL(dax_kmem_claim_page);

/**
 * dax_kmem_claim_groups - say that many pages hold data
 * @kp: the device
 * @groups: the pages, all of which exist
 * @nr: elements of @groups
 * @shared: somebody else may claim pages at the same time
 *
 * As dax_kmem_claim_page(), but all are looked for at once, which is much faster where
 * they are all over the device, and faster still where nobody else does it.
 *
 * Context: any. Return: how many groups were claimed; if fewer than @nr, a page of the
 * next one was claimed before, and none of it is now.
 */
unsigned int dax_kmem_claim_groups(struct kmem_persist *kp,
				   const struct kmem_page_group *groups,
				   unsigned int nr, bool shared)
{
	return kmem_pool_claim_groups(&kp->pool, groups, nr, shared);
}
EXPORT_SYMBOL_GPL(dax_kmem_claim_groups);

/**
 * dax_kmem_scanned - say how much was read to find the data
 * @kp: the device
 * @bytes: how much
 *
 * Only from &kmem_persist_ops.probe. Users see it.
 *
 * Context: any.
 */
void dax_kmem_scanned(struct kmem_persist *kp, u64 bytes)
{
	WRITE_ONCE(kp->scan_bytes, bytes);
}
EXPORT_SYMBOL_GPL(dax_kmem_scanned);

/*
 * Pages come and go.
 */

/**
 * dax_kmem_alloc_pages - take pages from the pool
 * @kp: the device
 * @dpns: receives the pages
 * @nr: how many are wanted
 * @flags: one of KMEM_ALLOC_*, or 0
 *
 * Never waits and never enters the page allocator; when the pool runs low a
 * worker is started that refills it. The content of the pages is undefined.
 *
 * Context: any but interrupts; one spinlock.
 * Return: how many were taken, possibly fewer than @nr, possibly none.
 */
unsigned int dax_kmem_alloc_pages(struct kmem_persist *kp, u64 *dpns,
				  unsigned int nr, unsigned int flags)
{
	return kmem_pool_alloc(&kp->pool, dpns, nr, flags);
}
EXPORT_SYMBOL_GPL(dax_kmem_alloc_pages);

/**
 * dax_kmem_free_pages - give pages back to the pool
 * @kp: the device
 * @dpns: the pages
 * @nr: how many
 *
 * From here on the pages can become RAM of anybody at any moment: nothing
 * durable may refer to them, and no reader may look at them any more. A page that is
 * known to be bad becomes nothing any more.
 *
 * Context: any but interrupts; one spinlock.
 */
void dax_kmem_free_pages(struct kmem_persist *kp, const u64 *dpns,
			 unsigned int nr)
{
	kmem_pool_free(&kp->pool, dpns, nr);
}
EXPORT_SYMBOL_GPL(dax_kmem_free_pages);

/**
 * dax_kmem_alloc_kaddr - take one page from the pool, by address
 * @kp: the device
 * @dpn: receives the page number
 * @flags: one of KMEM_ALLOC_*, or 0
 *
 * Context: any but interrupts. Return: the address, NULL if there is none.
 */
void *dax_kmem_alloc_kaddr(struct kmem_persist *kp, u64 *dpn, unsigned int flags)
{
	if (!kmem_pool_alloc(&kp->pool, dpn, 1, flags))
		return NULL;
	return kmem_segments_kaddr(&kp->segs, *dpn);
}
EXPORT_SYMBOL_GPL(dax_kmem_alloc_kaddr);

/**
 * dax_kmem_add_waiter - call somebody whenever pages may have become free
 * @kp: the device
 * @entry: who; its function neither sleeps nor calls the pool
 *
 * Or when a setting has changed. Somebody else may get the pages first. Whoever looks for
 * pages after this misses nothing: who frees some looks for @entry after that.
 *
 * Context: any but interrupts.
 */
void dax_kmem_add_waiter(struct kmem_persist *kp, struct wait_queue_entry *entry)
{
	add_wait_queue(&kp->pool.wait, entry);
}
EXPORT_SYMBOL_GPL(dax_kmem_add_waiter);

/**
 * dax_kmem_del_waiter - counterpart of dax_kmem_add_waiter()
 * @kp: the device
 * @entry: who; his function does not run when this returns
 *
 * Context: any but interrupts, not from the function itself.
 */
void dax_kmem_del_waiter(struct kmem_persist *kp, struct wait_queue_entry *entry)
{
	remove_wait_queue(&kp->pool.wait, entry);
}
EXPORT_SYMBOL_GPL(dax_kmem_del_waiter);

/**
 * dax_kmem_wait_begin - somebody waits for pages
 * @kp: the device
 * @nr: how many
 *
 * So many more are taken from the page allocator, if they can be had. Context: any but
 * interrupts; does not sleep.
 */
void dax_kmem_wait_begin(struct kmem_persist *kp, unsigned int nr)
{
	kmem_pool_wait_begin(&kp->pool, nr);
}
EXPORT_SYMBOL_GPL(dax_kmem_wait_begin);

/**
 * dax_kmem_wait_end - he does not wait any more
 * @kp: the device
 * @nr: as with dax_kmem_wait_begin()
 * @start: jiffies, when that was
 * @got: he got pages
 *
 * Context: any but interrupts; does not sleep.
 */
void dax_kmem_wait_end(struct kmem_persist *kp, unsigned int nr, unsigned long start,
		       bool got)
{
	kmem_pool_wait_end(&kp->pool, nr);
	trace_kmem_persist_wait(kp->dev, nr, jiffies_to_msecs(jiffies - start), got);
}
EXPORT_SYMBOL_GPL(dax_kmem_wait_end);

/**
 * dax_kmem_no_space - somebody waited in vain for pages above the reserve
 * @kp: the device
 * @flags: KMEM_ALLOC_META, or 0
 *
 * Users are told, also what stood in the way. Context: any but interrupts.
 */
void dax_kmem_no_space(struct kmem_persist *kp, unsigned int flags)
{
	enum kmem_pool_lack lack;

	if (flags & KMEM_ALLOC_META) {
		lack = kmem_pool_no_metadata(&kp->pool);
		if (lack != KMEM_POOL_LACK_NEWS)
			kmem_take_report_metadata(&kp->take, lack == KMEM_POOL_LACK_LIMIT);
	}
	switch (kmem_pool_no_space(&kp->pool)) {
	case KMEM_POOL_LACK_LIMIT:
		kmem_take_note_limit(&kp->take);
		break;
	case KMEM_POOL_LACK_LENT:
		kmem_take_report(&kp->take);
		break;
	case KMEM_POOL_LACK_NEWS:
	case KMEM_POOL_LACK_ALL:
		break;
	}
}
EXPORT_SYMBOL_GPL(dax_kmem_no_space);

/**
 * dax_kmem_has_space - has anybody got pages since dax_kmem_no_space()?
 * @kp: the device
 * @flags: KMEM_ALLOC_META, or 0: of these
 *
 * Context: any. Return: false if waiting is known to be in vain.
 */
bool dax_kmem_has_space(const struct kmem_persist *kp, unsigned int flags)
{
	return kmem_pool_has_space(&kp->pool, flags);
}
EXPORT_SYMBOL_GPL(dax_kmem_has_space);

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
	kmem_exchange_lend(&kp->exchange);
}
EXPORT_SYMBOL_GPL(dax_kmem_lend);

/**
 * dax_kmem_zero_on_free - is data erased when its page is freed?
 * @kp: the device
 *
 * If so, a plugin should free pages rather than keep them. Context: any.
 */
bool dax_kmem_zero_on_free(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->pool.zero_on_free);
}
EXPORT_SYMBOL_GPL(dax_kmem_zero_on_free);

/**
 * dax_kmem_erases - is everything that is freed gone for good?
 * @kp: the device
 *
 * Context: any. Return: true if no old copy of anything that was ever freed is
 * left on the device.
 */
bool dax_kmem_erases(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->pool.zero_on_free) && READ_ONCE(kp->pool.no_remnants);
}
EXPORT_SYMBOL_GPL(dax_kmem_erases);

/**
 * dax_kmem_is_moving - is anything being emptied?
 * @kp: the device
 *
 * Context: any. Return: false while dax_kmem_page_moves() is false for all.
 */
bool dax_kmem_is_moving(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->pool.nr_moving) && !READ_ONCE(kp->compact.stop);
}
EXPORT_SYMBOL_GPL(dax_kmem_is_moving);

/**
 * dax_kmem_page_moves - should data of this page live elsewhere?
 * @kp: the device
 * @dpn: the page, below dax_kmem_num_pages()
 *
 * Context: any. Return: true if the page is in a unit that is being emptied.
 */
bool dax_kmem_page_moves(const struct kmem_persist *kp, u64 dpn)
{
	return kmem_pool_page_moves(&kp->pool, dpn);
}
EXPORT_SYMBOL_GPL(dax_kmem_page_moves);

// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: pages with media errors
 *
 * A page is known to be bad because the region said so, when the device was bound or
 * since (a machine check, a scrub of the platform), because memory_failure() has marked
 * it (which is noticed when the page is handed out or lent, or its memory block goes
 * offline), or because a read of it failed. From then on it is neither lent nor handed
 * out: while it holds data the plugin may keep it; once it does not, it stays out of the
 * pool.
 *
 * A bad page that holds nothing, because its block was written elsewhere or discarded, or
 * because it held nothing when the device was bound, is cleared: a work item asks the
 * region to make it usable, once; zeroes it past the caches; and reads it back. Only if
 * the region says that it has done so, does not name the page any more, and zeroes are
 * read, the page is not bad any more, and free. On any doubt it stays bad for as long as
 * the device is bound. The platform may take its time, so this is nobody's I/O, no lock is
 * held that others want, and there are pauses. What holds data is never cleared: that
 * would turn an error into zeroes.
 *
 * Reads of a page that is known to be bad fail without touching it. So metadata
 * and data on it are handled in the same way as when the error is found by reading.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/container_of.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>
#include "../bus.h"
#include "../dax-private.h"
#include "private.h"
#include "trace.h"

/* The superblock is not written more often because of errors. */
#define KMEM_BAD_DELAY	HZ

/* At once, and the pause before that and between: the platform has other things to do. */
#define KMEM_CLEAR_BATCH	32U
#define KMEM_CLEAR_DELAY	HZ
/* How many can wait, and are cleared; the rest after the next bind, if it is bad then. */
#define KMEM_CLEAR_MAX		1024U

/**
 * kmem_bad_next - the first bad page in a range
 * @kp: the device
 * @first_dpn: where the range begins
 * @end_dpn: where it ends
 *
 * Context: any. Return: the page; @end_dpn or more if there is none.
 */
u64 kmem_bad_next(const struct kmem_persist *kp, u64 first_dpn, u64 end_dpn)
{
	if (!dax_kmem_has_bad(kp))
		return end_dpn;
	return find_next_bit(kp->bad, end_dpn, first_dpn);
}

/**
 * dax_kmem_has_bad - is any page known to be bad?
 * @kp: the device
 *
 * Context: any.
 */
bool dax_kmem_has_bad(const struct kmem_persist *kp)
{
	/* Who sees that there is one sees which: pairs with kmem_bad_note(). */
	return unlikely(smp_load_acquire(&kp->has_bad));
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
	return dax_kmem_has_bad(kp) && test_bit(dpn, kp->bad);
}
EXPORT_SYMBOL_GPL(dax_kmem_page_is_bad);

/* &kmem_media.is_bad; there is one as soon as there is a bad page. */
static bool kmem_bad_read(const struct kmem_media *media, const void *src,
			  size_t len)
{
	const struct kmem_persist *kp = container_of(media, struct kmem_persist,
						     media);
	unsigned int i;

	for (i = 0; i < kp->num_segments; i++) {
		const struct kmem_segment *seg = &kp->segments[i];
		const u64 first = (src - seg->kaddr) >> PAGE_SHIFT;
		const u64 last = (src + len - 1 - seg->kaddr) >> PAGE_SHIFT;
		const u64 end = seg->first_dpn + last + 1;

		if (!seg->kaddr || src < seg->kaddr || last >= seg->nr_pages)
			continue;
		return kmem_bad_next(kp, seg->first_dpn + first, end) < end ||
		       kmem_inject_is_poisoned(seg->phys + (first << PAGE_SHIFT));
	}
	return false;
}

/**
 * kmem_bad_note - know from now on that a page is bad
 * @kp: the device
 * @dpn: the page
 *
 * Who owns the page does not change: see kmem_unit_claim_bad().
 *
 * Context: any.
 */
void kmem_bad_note(struct kmem_persist *kp, u64 dpn)
{
	set_bit(dpn, kp->bad);
	/* Pairs with the acquire in dax_kmem_has_bad(), which kmem_bad_read() asks, too. */
	smp_store_release(&kp->has_bad, true);
	WRITE_ONCE(kp->media.is_bad, kmem_bad_read);
}

typedef bool (*kmem_next_bad_fn)(struct device *dev, const struct range *in,
				 struct range *bad);

/* Pages of a range of the device that somebody knows to be bad. Returns how many are new. */
static u64 kmem_bad_ask(struct kmem_persist *kp, const struct dev_dax_range *r,
			kmem_next_bad_fn next_bad, u64 *known)
{
	struct range in = r->range, bad;
	u64 new = 0;

	while (in.start <= in.end && next_bad(kp->dev->parent, &in, &bad)) {
		const u64 first = PHYS_PFN(max(bad.start, in.start) - r->range.start);
		const u64 last = PHYS_PFN(min(bad.end, in.end) - r->range.start);
		u64 i;

		for (i = first; i <= last; i++) {
			new += !test_bit(r->pgoff + i, kp->bad);
			kmem_bad_note(kp, r->pgoff + i);
		}
		*known += last - first + 1;
		in.start = r->range.start + PFN_PHYS(last + 1);
		cond_resched();
	}
	return new;
}

/* Somebody else may have written the superblock since. */
static bool kmem_bad_has_news(struct kmem_persist *kp)
{
	guard(spinlock)(&kp->pool_lock);
	return kp->errors.count;
}

/**
 * kmem_bad_work - write counts of read errors to the superblock
 * @work: kmem_persist.bad_work
 *
 * So that they are not forgotten when the log is. Context: worker.
 */
void kmem_bad_work(struct work_struct *work)
{
	struct kmem_persist *kp = container_of(to_delayed_work(work),
					       struct kmem_persist, bad_work);

	guard(mutex)(&kp->lock);
	if (kp->state != KMEM_PERSIST_ACTIVE || !kmem_bad_has_news(kp))
		return;
	kmem_persist_change_sb(kp);
	kmem_persist_write_sb(kp);
}

/**
 * kmem_bad_merge_errors - add errors that the superblock does not have to the next one
 * @kp: the device
 * @new: receives them; @kp->errors has them, too, until the caller has written it
 *
 * Context: kmem_persist.lock held.
 */
void kmem_bad_merge_errors(struct kmem_persist *kp, struct kmem_errors *new)
{
	struct kmem_persist_superblock *sb = kp->sb_next;

	scoped_guard(spinlock, &kp->pool_lock) {
		*new = kp->errors;
	}
	if (!new->count)
		return;
	if (!sb->error_count) {
		sb->error_first_time = cpu_to_le64(new->first_time);
		sb->error_first_dpn = cpu_to_le64(new->first_dpn);
	}
	sb->error_count = cpu_to_le32(min_t(u64, U32_MAX,
					    (u64)le32_to_cpu(sb->error_count) + new->count));
	sb->error_last = cpu_to_le32(EIO);
	sb->error_last_time = cpu_to_le64(new->last_time);
	sb->error_last_dpn = cpu_to_le64(new->last_dpn);
	sb->state |= cpu_to_le32(KMEM_PERSIST_STATE_ERRORS);
	/* What cannot be read may not have been erased either. */
	if (kp->zero_on_free)
		sb->state |= cpu_to_le32(KMEM_PERSIST_STATE_REMNANTS);
}

/**
 * kmem_bad_show_errors - all errors since the device was formatted
 * @kp: the device
 * @all: receives them, may be NULL
 *
 * Those that the superblock knows, and those that it will know soon. Changes nothing.
 *
 * Context: any but interrupts. Return: their number.
 */
u64 kmem_bad_show_errors(struct kmem_persist *kp, struct kmem_errors *all)
{
	const struct kmem_persist_superblock *sb = kp->sb;
	struct kmem_errors sum;

	guard(spinlock)(&kp->pool_lock);
	sum = kp->errors;
	if (sb->error_count) {
		sum.first_time = le64_to_cpu(sb->error_first_time);
		sum.first_dpn = le64_to_cpu(sb->error_first_dpn);
	}
	if (!sum.count) {
		sum.last_time = le64_to_cpu(sb->error_last_time);
		sum.last_dpn = le64_to_cpu(sb->error_last_dpn);
	}
	sum.count += le32_to_cpu(sb->error_count);
	if (all)
		*all = sum;
	return sum.count;
}

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
	const bool known = dax_kmem_page_is_bad(kp, dpn);
	const time64_t now = ktime_get_real_seconds();

	scoped_guard(spinlock, &kp->pool_lock) {
		if (!kp->errors.count++) {
			kp->errors.first_dpn = dpn;
			kp->errors.first_time = now;
		}
		kp->errors.last_dpn = dpn;
		kp->errors.last_time = now;
	}
	trace_kmem_persist_media_error(kp->dev, dpn, known);
	queue_delayed_work(system_dfl_wq, &kp->bad_work, KMEM_BAD_DELAY);
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
	kmem_bad_note(kp, dpn);
}
EXPORT_SYMBOL_GPL(dax_kmem_media_error);

/* Returns how many pages were not known to be bad before. */
static u64 kmem_bad_ask_all(struct kmem_persist *kp)
{
	const struct dax_region_ops *ops = kp->dev_dax->ops;
	u64 known = 0, new = 0;
	int i;

	lockdep_assert_held(&kp->bad_lock);
	for (i = 0; i < kp->dev_dax->nr_range; i++) {
		const struct dev_dax_range *r = &kp->dev_dax->ranges[i];

		if (ops && ops->next_bad)
			new += kmem_bad_ask(kp, r, ops->next_bad, &known);
		if (kmem_inject_enabled())
			new += kmem_bad_ask(kp, r, kmem_inject_next_bad, &known);
	}
	WRITE_ONCE(kp->nr_known_bad, known);
	return new;
}

/**
 * kmem_bad_ask_work - ask the region again
 * @work: kmem_persist.ask_work
 *
 * Who has such a page keeps it, and what reads it fails without touching it. What is lent
 * is the business of memory_failure().
 *
 * Context: worker.
 */
void kmem_bad_ask_work(struct work_struct *work)
{
	struct kmem_persist *kp = container_of(work, struct kmem_persist, ask_work);
	u64 new;

	/* What is cleared meanwhile would become bad again. */
	guard(mutex)(&kp->bad_lock);
	new = kmem_bad_ask_all(kp);
	if (!new)
		return;
	/* Those that are free, so that nobody gets them. */
	for (unsigned long i = 0; i < kp->nr_units; i++) {
		struct kmem_unit *unit = &kp->units[i];

		scoped_guard(spinlock, &kp->pool_lock)
			if (unit->state != KMEM_UNIT_RAM && unit->state != KMEM_UNIT_TAKING)
				kmem_unit_claim_bad(kp, unit);
		cond_resched();
	}
	dev_warn(kp->dev, "%llu more bad pages, according to the region: they are not used any more\n",
		 new);
}

/*
 * Clearing
 */

static bool kmem_bad_can_clear(const struct kmem_persist *kp)
{
	const struct dax_region_ops *ops = kp->dev_dax->ops;

	/* What it is read back with must not be the end of this machine. */
	return kmem_inject_enabled() ||
	       (IS_ENABLED(CONFIG_ARCH_HAS_COPY_MC) && ops && ops->clear_bad);
}

/**
 * kmem_bad_clear_kick - there may be pages to clear
 * @kp: the device
 *
 * Context: pool_lock held.
 */
void kmem_bad_clear_kick(struct kmem_persist *kp)
{
	lockdep_assert_held(&kp->pool_lock);
	if (kp->may_clear && kp->nr_to_clear && kp->nr_cleared < KMEM_CLEAR_MAX)
		queue_delayed_work(system_dfl_long_wq, &kp->clear_work, KMEM_CLEAR_DELAY);
}

/**
 * kmem_bad_idle - a bad page holds no data
 * @kp: the device
 * @dpn: the page; its used bit stays set, so that nobody gets it
 *
 * Context: pool_lock held.
 */
void kmem_bad_idle(struct kmem_persist *kp, u64 dpn)
{
	lockdep_assert_held(&kp->pool_lock);
	WRITE_ONCE(kp->nr_bad, kp->nr_bad + 1);
	/* A page that was cleared, and failed again, costs no third block. */
	for (unsigned int i = 0; i < kp->nr_cleared; i++)
		if (kp->cleared[i] == dpn)
			return;
	if (!kp->to_clear || kp->nr_to_clear == KMEM_CLEAR_MAX)
		return;
	kp->to_clear[kp->nr_to_clear++] = dpn;
	kmem_bad_clear_kick(kp);
}

/**
 * kmem_bad_clear_start - begin to clear what holds nothing
 * @kp: the device
 *
 * Context: lock held, a plugin is attached.
 */
void kmem_bad_clear_start(struct kmem_persist *kp)
{
	guard(spinlock)(&kp->pool_lock);
	kp->may_clear = kmem_bad_can_clear(kp);
	kmem_bad_clear_kick(kp);
}

/**
 * kmem_bad_clear_stop - nothing is cleared any more
 * @kp: the device
 *
 * Before its memory is removed. Context: sleeps, for as long as it takes the platform to
 * clear a page; lock held.
 */
void kmem_bad_clear_stop(struct kmem_persist *kp)
{
	scoped_guard(spinlock, &kp->pool_lock)
		kp->may_clear = false;
	cancel_delayed_work_sync(&kp->clear_work);
}

/* Is it known to be bad by who was asked to clear it? */
static bool kmem_bad_is_named(const struct kmem_persist *kp, const struct range *page)
{
	const struct dax_region_ops *ops = kp->dev_dax->ops;
	struct range bad;

	return kmem_inject_next_bad(kp->dev->parent, page, &bad) ||
	       (ops && ops->next_bad && ops->next_bad(kp->dev->parent, page, &bad));
}

static bool kmem_bad_ask_to_clear(const struct kmem_persist *kp, const struct range *page)
{
	const struct dax_region_ops *ops = kp->dev_dax->ops;

	if (kmem_inject_clears())
		return kmem_inject_clear_bad(kp->dev->parent, page);
	return ops && ops->clear_bad && ops->clear_bad(kp->dev->parent, page);
}

static int kmem_bad_clear_page(struct kmem_persist *kp, u64 dpn, void *buf)
{
	void *kaddr = dax_kmem_index_to_kaddr(kp, dpn);
	struct kmem_media media = kp->media;
	struct range page;

	page.start = kmem_pool_phys(kp, dpn);
	page.end = page.start + PAGE_SIZE - 1;
	if (!kmem_bad_ask_to_clear(kp, &page))
		return -EOPNOTSUPP;
	if (kmem_bad_is_named(kp, &page))
		return -EIO;

	/* What the caches have is of before. */
	arch_invalidate_pmem(kaddr, PAGE_SIZE);
	/* Ordering: R8, pairs with the fence below */
	kmem_media_copy_past(&kp->media, kaddr, page_address(ZERO_PAGE(0)), PAGE_SIZE);
	/* Ordering: R8, pairs with the free in kmem_pool_free_cleared() */
	kmem_media_fence(&kp->media);
	/* From the media; and it is still known to be bad, which has to be passed over. */
	arch_invalidate_pmem(kaddr, PAGE_SIZE);
	media.is_bad = NULL;
	if (kmem_inject_is_poisoned(page.start) ||
	    kmem_media_read(&media, buf, kaddr, PAGE_SIZE) ||
	    memchr_inv(buf, 0, PAGE_SIZE))
		return -EIO;
	return kmem_pool_free_cleared(kp, dpn) ? 0 : -EIO;
}

/**
 * kmem_bad_clear_work - make bad pages that hold nothing usable again
 * @work: kmem_persist.clear_work
 *
 * Context: worker. Takes neither the life cycle lock nor that of the exchange.
 */
void kmem_bad_clear_work(struct work_struct *work)
{
	struct kmem_persist *kp = container_of(to_delayed_work(work),
					       struct kmem_persist, clear_work);
	void *buf __free(kfree) = kmalloc(PAGE_SIZE, GFP_KERNEL);
	unsigned int done = 0, failed = 0;
	u64 dpn;
	int rc;

	while (buf && done + failed < KMEM_CLEAR_BATCH && kp->nr_cleared < KMEM_CLEAR_MAX &&
	       kmem_pool_get_to_clear(kp, &dpn)) {
		scoped_guard(mutex, &kp->bad_lock)
			rc = kmem_bad_clear_page(kp, dpn, buf);
		trace_kmem_persist_clear(kp->dev, dpn, rc);
		done += !rc;
		failed += !!rc;
		cond_resched();
	}
	if (done) {
		dev_info(kp->dev, "%u bad pages that held nothing were cleared, they are used again\n",
			 done);
		/* How many does the region know now? */
		queue_work(system_dfl_long_wq, &kp->ask_work);
	}
	if (failed)
		dev_info(kp->dev, "%u bad pages that hold nothing could not be cleared, they stay out of use\n",
			 failed);
	if (buf && done + failed < KMEM_CLEAR_BATCH)
		return;
	guard(spinlock)(&kp->pool_lock);
	kmem_bad_clear_kick(kp);
}

/* Who tells may hold locks that others want: it is looked at later. */
static int kmem_bad_notify(struct notifier_block *nb, unsigned long action, void *parent)
{
	kmem_persist_ask_bad(parent);
	return NOTIFY_OK;
}

static struct notifier_block kmem_bad_nb = {
	.notifier_call = kmem_bad_notify,
};

/**
 * kmem_bad_listen - be told of what regions find
 *
 * Context: sleeps. Return: 0 or a negative errno.
 */
int kmem_bad_listen(void)
{
	return dax_new_bad_register(&kmem_bad_nb);
}

/**
 * kmem_bad_unlisten - counterpart of kmem_bad_listen()
 *
 * Context: sleeps.
 */
void kmem_bad_unlisten(void)
{
	dax_new_bad_unregister(&kmem_bad_nb);
}

/**
 * kmem_bad_init - find out which pages are bad
 * @kp: the device, that nobody else knows yet
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int kmem_bad_init(struct kmem_persist *kp)
{
	kp->bad = vzalloc(BITS_TO_LONGS(kp->nr_pages) * sizeof(long));
	kp->to_clear = kmalloc_array(KMEM_CLEAR_MAX, sizeof(*kp->to_clear), GFP_KERNEL);
	kp->cleared = kmalloc_array(KMEM_CLEAR_MAX, sizeof(*kp->cleared), GFP_KERNEL);
	if (!kp->bad || !kp->to_clear || !kp->cleared)
		return -ENOMEM;
	if (kmem_inject_enabled())
		kp->media.is_bad = kmem_bad_read;
	scoped_guard(mutex, &kp->bad_lock)
		kmem_bad_ask_all(kp);
	if (kp->nr_known_bad)
		dev_warn(kp->dev, "%llu bad pages, according to the region: they are not used\n",
			 kp->nr_known_bad);
	return 0;
}

/**
 * kmem_bad_exit - counterpart of kmem_bad_init(), even if it failed
 * @kp: the device
 *
 * Context: sleeps.
 */
void kmem_bad_exit(struct kmem_persist *kp)
{
	vfree(kp->bad);
	kfree(kp->to_clear);
	kfree(kp->cleared);
}

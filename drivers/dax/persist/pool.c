// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: pool of pages of a persistent KMEM DAX device
 *
 * One bit per page of the device says whether it holds data. There is no
 * allocation state on the media: the bits are what the plugin claimed when it
 * attached, and what it allocated and freed since.
 *
 * Pages are counted and handed out per unit, a pageblock of the device, because
 * a unit whose pages are all free can be lent to the page allocator. Units with
 * free pages hang on lists by fullness, and pages come from the fullest unit.
 *
 * Whether a unit is lent, and the exchange itself, is the business of
 * exchange.c; the two meet in kmem_unit_set_state(), which makes
 * every transition.
 *
 * Everything here is safe in an I/O path: one spinlock, no allocation, no sleep. Who
 * waits for pages is called when there may be some.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/prefetch.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "private.h"
#include "trace.h"

/* Free pages above the reserve that end a state of no space, if nobody asks. */
#define KMEM_POOL_ENOUGH	(SZ_1M >> PAGE_SHIFT)

static u64 kmem_pool_available(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->nr_free[KMEM_UNIT_POOL]) +
	       READ_ONCE(kp->nr_free[KMEM_UNIT_ABSENT]);
}

static u64 kmem_pool_lent(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->nr_free[KMEM_UNIT_RAM]) +
	       READ_ONCE(kp->nr_free[KMEM_UNIT_TAKING]);
}

/* Pages that the plugin may use up to its limit. */
static u64 kmem_pool_below_limit(const struct kmem_persist *kp)
{
	const u64 limit = READ_ONCE(kp->limit), used = READ_ONCE(kp->nr_used);

	return limit > used ? limit - used : 0;
}

/*
 * Pages that may be allocated now. What gives back as much as it takes is not
 * limited. Metadata may go beyond the limit, or a filesystem would end because
 * there is no room for its journal, but not beyond its half of the reserve.
 */
static u64 kmem_pool_allowed(const struct kmem_persist *kp, unsigned int flags)
{
	const u64 available = kmem_pool_available(kp);
	const u64 limit = READ_ONCE(kp->limit), used = READ_ONCE(kp->nr_used);
	u64 keep = READ_ONCE(kp->reserve), more = 0;

	if (flags & KMEM_ALLOC_OVERWRITE)
		return available;
	if (flags & KMEM_ALLOC_RESERVE) {
		keep /= 2;
		more = keep;
	}
	if (available <= keep)
		return 0;
	if (flags & KMEM_ALLOC_MOVE || limit == U64_MAX)
		return available - keep;
	return limit + more > used ? min(available - keep, limit + more - used) : 0;
}

/* So that the boundary does not move with each write; a luxury. */
static u64 kmem_pool_slack(const struct kmem_persist *kp)
{
	return time_before(jiffies, READ_ONCE(kp->squeezed)) ? 0 : kp->slack;
}

/*
 * What the pool wants to have free when the boundary is at rest: the reserve,
 * and above it what the plugin waits for and some slack, but no more than it may
 * use; or what is kept for it in any case.
 */
static u64 kmem_pool_target_with(const struct kmem_persist *kp, u64 slack)
{
	const u64 keep = READ_ONCE(kp->keep), used = READ_ONCE(kp->nr_used);
	const u64 wanted = READ_ONCE(kp->nr_wanted) + slack;
	const u64 target = READ_ONCE(kp->reserve) +
			   min(wanted, kmem_pool_below_limit(kp));

	return max(target, keep > used ? keep - used : 0);
}

static u64 kmem_pool_target(const struct kmem_persist *kp)
{
	return kmem_pool_target_with(kp, kmem_pool_slack(kp));
}

/**
 * kmem_pool_shortage - how many pages should be taken from the page allocator?
 * @kp: the device
 *
 * Context: any. Return: pages; 0 when there is enough, or nothing is lent.
 */
u64 kmem_pool_shortage(const struct kmem_persist *kp)
{
	const u64 available = kmem_pool_available(kp);
	const u64 target = kmem_pool_target(kp);

	if (!kmem_pool_lent(kp) || available >= target)
		return 0;
	return target - available;
}

/**
 * kmem_pool_is_low - is it time to take memory?
 * @kp: the device
 *
 * Half of the slack is gone. Context: any.
 */
bool kmem_pool_is_low(const struct kmem_persist *kp)
{
	return kmem_pool_lent(kp) &&
	       kmem_pool_available(kp) <
	       kmem_pool_target_with(kp, kmem_pool_slack(kp) / 2);
}

static bool kmem_pool_has_empty(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->nr_empty);
}

/**
 * kmem_pool_is_high - is there something to lend, and enough to make it worth while?
 * @kp: the device
 *
 * Context: any.
 */
bool kmem_pool_is_high(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->lend) && kmem_pool_has_empty(kp) &&
	       kmem_pool_available(kp) > kmem_pool_target(kp) + kmem_pool_slack(kp);
}

/**
 * kmem_pool_scattered - pages that could be lent if they were not scattered
 * @kp: the device
 *
 * Context: any. Return: pages; 0 if there are empty units to lend first.
 */
u64 kmem_pool_scattered(const struct kmem_persist *kp)
{
	const u64 available = kmem_pool_available(kp);
	const u64 target = kmem_pool_target(kp);

	/* Units that are not erased yet will be empty by themselves. */
	if (!READ_ONCE(kp->lend) || available <= target || kmem_pool_has_empty(kp) ||
	    READ_ONCE(kp->nr_unerased))
		return 0;
	return min(available - target, READ_ONCE(kp->nr_free[KMEM_UNIT_POOL]));
}

/**
 * kmem_pool_is_scattered - is it worth the trouble to do something about it?
 * @kp: the device
 *
 * More than the slack, and more than one part in thirty-two of all free pages.
 * Context: any.
 */
bool kmem_pool_is_scattered(const struct kmem_persist *kp)
{
	const u64 all = kmem_pool_available(kp) + kmem_pool_lent(kp);

	return kmem_pool_scattered(kp) > max(kp->slack, all / 32);
}

/* List a unit belongs on, -1 for none. */
static int kmem_unit_list(const struct kmem_unit *unit)
{
	if (unit->state != KMEM_UNIT_POOL && unit->state != KMEM_UNIT_ABSENT)
		return -1;
	if (!unit->nr_free)
		return -1;
	if (unit->nr_free == unit->nr_pages) {
		/* The plugin may have it: it writes all of a page. Nobody else may. */
		if (unit->state == KMEM_UNIT_ABSENT || unit->unerased)
			return KMEM_POOL_EMPTY_ABSENT;
		return unit->movable ? KMEM_POOL_EMPTY_MOVABLE :
				       KMEM_POOL_EMPTY_KERNEL;
	}
	return unit->nr_free * KMEM_POOL_NR_PARTIAL / unit->nr_pages;
}

static void kmem_unit_relink(struct kmem_persist *kp, struct kmem_unit *unit,
			     int old_list)
{
	int list = kmem_unit_list(unit);

	if (list == old_list)
		return;
	if (old_list >= KMEM_POOL_EMPTY_KERNEL)
		WRITE_ONCE(kp->nr_empty, kp->nr_empty - unit->nr_pages);
	if (list >= KMEM_POOL_EMPTY_KERNEL)
		WRITE_ONCE(kp->nr_empty, kp->nr_empty + unit->nr_pages);
	if (list < 0)
		list_del_init(&unit->list);
	else
		list_move_tail(&unit->list, &kp->pool_lists[list]);
}

static void kmem_unit_add_free(struct kmem_persist *kp, struct kmem_unit *unit,
			       int nr_freed)
{
	const int old_list = kmem_unit_list(unit);

	WRITE_ONCE(unit->nr_free, unit->nr_free + nr_freed);
	WRITE_ONCE(kp->nr_free[unit->state], kp->nr_free[unit->state] + nr_freed);
	kmem_unit_relink(kp, unit, old_list);
}

/* Pages of a unit became used (negative) or free (positive). */
static void kmem_unit_account(struct kmem_persist *kp, struct kmem_unit *unit,
			      int nr_freed)
{
	kmem_unit_add_free(kp, unit, nr_freed);
	WRITE_ONCE(kp->nr_used, kp->nr_used - nr_freed);
}

/**
 * kmem_unit_claim_bad_page - keep a bad page out of use, from when it holds no data
 * @kp: the device
 * @unit: its unit, not lent
 * @dpn: the page
 *
 * While the pool is closed the page is only remembered, see kmem_pool_rebuild().
 *
 * Context: kmem_persist.pool_lock held.
 */
void kmem_unit_claim_bad_page(struct kmem_persist *kp, struct kmem_unit *unit,
			      u64 dpn)
{
	lockdep_assert_held(&kp->pool_lock);
	kmem_bad_note(kp, dpn);
	/* Nothing free in an open pool: the page is in use. */
	if (!unit->nr_free || test_and_set_bit(dpn, kp->used))
		return;
	kmem_unit_add_free(kp, unit, -1);
	kmem_bad_idle(kp, dpn);
}

/**
 * kmem_unit_claim_bad - keep all bad pages of a unit out of use
 * @kp: the device
 * @unit: the unit, not lent
 *
 * Context: kmem_persist.pool_lock held.
 */
void kmem_unit_claim_bad(struct kmem_persist *kp, struct kmem_unit *unit)
{
	const u64 end = unit->first_dpn + unit->nr_pages;
	u64 dpn;

	for (dpn = kmem_bad_next(kp, unit->first_dpn, end); dpn < end;
	     dpn = kmem_bad_next(kp, dpn + 1, end))
		kmem_unit_claim_bad_page(kp, unit, dpn);
}

static bool kmem_unit_may_become(enum kmem_unit_state from,
				 enum kmem_unit_state to)
{
	switch (to) {
	case KMEM_UNIT_ABSENT:
		return from == KMEM_UNIT_POOL || from == KMEM_UNIT_MOVING ||
		       from == KMEM_UNIT_RAM;
	case KMEM_UNIT_POOL:
		return from == KMEM_UNIT_ABSENT || from == KMEM_UNIT_MOVING ||
		       from == KMEM_UNIT_RAM || from == KMEM_UNIT_TAKING;
	case KMEM_UNIT_MOVING:
		return from == KMEM_UNIT_POOL;
	case KMEM_UNIT_RAM:
		return from == KMEM_UNIT_POOL || from == KMEM_UNIT_TAKING;
	case KMEM_UNIT_TAKING:
		return from == KMEM_UNIT_RAM;
	default:
		return false;
	}
}

/* The bitmap is for plugins, who look at every page of theirs. */
static void kmem_unit_note_moving(struct kmem_persist *kp,
				  const struct kmem_unit *unit)
{
	const unsigned long nr = unit - kp->units;
	const bool moving = unit->state == KMEM_UNIT_MOVING;

	if (test_bit(nr, kp->moving) == moving)
		return;
	assign_bit(nr, kp->moving, moving);
	WRITE_ONCE(kp->nr_moving, kp->nr_moving + (moving ? 1 : -1));
}

/**
 * kmem_unit_set_state - the only way in which a unit changes hands
 * @kp: the device
 * @unit: the unit
 * @state: its new state
 *
 * An illegal transition is refused and warned about; the unit stays where it
 * is, which is always the safe side.
 *
 * Context: kmem_persist.exchange_lock and kmem_persist.pool_lock held.
 */
void kmem_unit_set_state(struct kmem_persist *kp, struct kmem_unit *unit,
			 enum kmem_unit_state state)
{
	const int old_list = kmem_unit_list(unit);

	lockdep_assert_held(&kp->exchange_lock);
	lockdep_assert_held(&kp->pool_lock);

	if (unit->state == state)
		return;
	if (WARN_ON_ONCE(!kmem_unit_may_become(unit->state, state)))
		return;
	/* Only what holds no data may be lent. */
	if (WARN_ON_ONCE(state == KMEM_UNIT_RAM && unit->nr_free != unit->nr_pages))
		return;

	WRITE_ONCE(kp->nr_free[unit->state],
		   kp->nr_free[unit->state] - unit->nr_free);
	unit->state = state;
	WRITE_ONCE(kp->nr_free[state], kp->nr_free[state] + unit->nr_free);
	kmem_unit_relink(kp, unit, old_list);
	kmem_unit_note_moving(kp, unit);
}

/* Is there so much to spare that @unit, of which all is free, may be lent? */
static bool kmem_pool_can_spare(const struct kmem_persist *kp,
				const struct kmem_unit *unit)
{
	return kmem_pool_available(kp) >= kmem_pool_target(kp) + unit->nr_pages;
}

/**
 * kmem_pool_lend_unit - choose a unit to lend and mark it as lent
 * @kp: the device
 *
 * Context: kmem_persist.exchange_lock held; does not sleep.
 * Return: the unit, whose pages the caller has to release now; NULL if the pool
 * has nothing to spare.
 */
struct kmem_unit *kmem_pool_lend_unit(struct kmem_persist *kp)
{
	struct kmem_unit *unit;
	int list;

	guard(spinlock)(&kp->pool_lock);
	/* What may not come back easily goes last. */
	for (list = KMEM_POOL_EMPTY_MOVABLE; list >= KMEM_POOL_EMPTY_KERNEL; list--) {
		list_for_each_entry(unit, &kp->pool_lists[list], list) {
			if (unit->frozen)
				continue;
			if (!kmem_pool_can_spare(kp, unit))
				return NULL;
			kmem_unit_set_state(kp, unit, KMEM_UNIT_RAM);
			return unit;
		}
	}
	return NULL;
}

/**
 * kmem_pool_lend_like - lend a unit that can go together with another one
 * @kp: the device
 * @unit: the unit
 * @other: was lent just now
 *
 * Context: kmem_persist.exchange_lock held; does not sleep.
 * Return: true if @unit is marked as lent now; false if it is not free, or differs
 * from @other in how its pages are released or in what they are good for.
 */
bool kmem_pool_lend_like(struct kmem_persist *kp, struct kmem_unit *unit,
			 const struct kmem_unit *other)
{
	guard(spinlock)(&kp->pool_lock);
	if (kmem_unit_list(unit) < KMEM_POOL_EMPTY_KERNEL || unit->frozen ||
	    unit->movable != other->movable || unit->exposed != other->exposed ||
	    !kmem_pool_can_spare(kp, unit))
		return false;
	kmem_unit_set_state(kp, unit, KMEM_UNIT_RAM);
	return true;
}

/**
 * kmem_pool_empty_pages - pages of units that could be lent at once
 * @kp: the device
 *
 * Without the slack, for who is short of RAM. Context: any.
 * Return: pages, at least what kmem_pool_lend_unit() will find while squeezed.
 */
u64 kmem_pool_empty_pages(const struct kmem_persist *kp)
{
	const u64 available = kmem_pool_available(kp);
	const u64 target = kmem_pool_target_with(kp, 0);

	if (available <= target)
		return 0;
	return round_down(min(available - target, READ_ONCE(kp->nr_empty)),
			  pageblock_nr_pages);
}

/* Cannot be emptied, ever: superblocks live there. */
static bool kmem_unit_has_sb(const struct kmem_unit *unit)
{
	return unit->first_dpn < KMEM_PERSIST_FIRST_PAGE;
}

/**
 * kmem_unit_sparseness - how much of a unit that could be emptied is free?
 * @kp: the device
 * @unit: the unit
 *
 * Context: kmem_persist.exchange_lock held; may change any moment.
 * Return: 0 to KMEM_POOL_NR_PARTIAL - 1, the larger the sparser; -1 if there is
 * nothing to be won.
 */
int kmem_unit_sparseness(const struct kmem_persist *kp,
			 const struct kmem_unit *unit)
{
	const unsigned int nr_free = READ_ONCE(unit->nr_free);
	const u64 end = unit->first_dpn + unit->nr_pages;

	if (unit->state != KMEM_UNIT_POOL || unit->frozen || unit->stuck ||
	    !nr_free || nr_free == unit->nr_pages || kmem_unit_has_sb(unit) ||
	    kmem_bad_next(kp, unit->first_dpn, end) < end)
		return -1;
	return nr_free * KMEM_POOL_NR_PARTIAL / unit->nr_pages;
}

/**
 * kmem_pool_start_moving - begin to empty a unit
 * @kp: the device
 * @unit: the unit
 * @need: pages of data that units before it hold; those of @unit are added
 *
 * It is MOVING from now on: its free pages leave the pool, and room is needed for
 * its data and that of the others.
 *
 * Context: kmem_persist.exchange_lock held; does not sleep.
 * Return: false if there is not so much room above what the pool wants.
 */
bool kmem_pool_start_moving(struct kmem_persist *kp, struct kmem_unit *unit,
			    u64 *need)
{
	guard(spinlock)(&kp->pool_lock);
	if (kmem_pool_available(kp) <
	    kmem_pool_target(kp) + *need + unit->nr_pages)
		return false;
	*need += unit->nr_pages - unit->nr_free;
	kmem_unit_set_state(kp, unit, KMEM_UNIT_MOVING);
	return true;
}

/* The segment and the unit a page lies in; segments are few, the largest first. */
static const struct kmem_segment *kmem_pool_segment(const struct kmem_persist *kp,
						    u64 dpn)
{
	unsigned int i;

	for (i = 0; i < kp->num_segments; i++) {
		const struct kmem_segment *seg = &kp->segments[i];

		if (dpn - seg->first_dpn < seg->nr_pages)
			return seg;
	}
	return NULL;
}

static struct kmem_unit *kmem_pool_unit(const struct kmem_persist *kp, u64 dpn)
{
	const struct kmem_segment *seg = kmem_pool_segment(kp, dpn);

	return &kp->units[seg->first_unit +
			  (dpn - seg->first_dpn) / pageblock_nr_pages];
}

/**
 * dax_kmem_num_pages - size of the device
 * @kp: the device
 *
 * Context: any. Return: pages; every dpn is below.
 */
u64 dax_kmem_num_pages(const struct kmem_persist *kp)
{
	return kp->nr_pages;
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
	return kmem_pool_lent(kp);
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
	const struct kmem_segment *seg = kmem_pool_segment(kp, dpn);

	return seg ? seg->kaddr + ((dpn - seg->first_dpn) << PAGE_SHIFT) : NULL;
}
EXPORT_SYMBOL_GPL(dax_kmem_index_to_kaddr);

/**
 * dax_kmem_index_to_page - struct page of a page of the device
 * @kp: the device
 * @dpn: the page
 *
 * The page is frozen: no references, no mappings. A plugin that only needs the
 * content uses dax_kmem_index_to_kaddr(), which always works.
 *
 * Context: any. The caller keeps the memory block from going offline.
 * Return: the page; NULL if @dpn is not a page of the device, or has no struct
 * page now (unaligned head and tail, memory block not online).
 */
struct page *dax_kmem_index_to_page(const struct kmem_persist *kp, u64 dpn)
{
	const struct kmem_segment *seg = kmem_pool_segment(kp, dpn);

	if (!seg || !seg->hotplug)
		return NULL;
	return pfn_to_online_page(PHYS_PFN(seg->phys) + (dpn - seg->first_dpn));
}
EXPORT_SYMBOL_GPL(dax_kmem_index_to_page);

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
	if (dpn >= kp->nr_pages)
		return -ERANGE;
	return test_and_set_bit(dpn, kp->used) ? -EEXIST : 0;
}
EXPORT_SYMBOL_GPL(dax_kmem_claim_page);

/* All of a group, or nothing. */
static bool kmem_pool_claim_group(struct kmem_persist *kp,
				  const struct kmem_page_group *group, bool shared)
{
	unsigned long *word = &kp->used[group->nr];
	unsigned long old = READ_ONCE(*word);

	do {
		if (old & group->pages)
			return false;
		if (!shared) {
			WRITE_ONCE(*word, old | group->pages);
			return true;
		}
	} while (!try_cmpxchg(word, &old, old | group->pages));
	return true;
}

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
	unsigned int i;

	for (i = 0; i < nr; i++)
		prefetchw(&kp->used[groups[i].nr]);
	for (i = 0; i < nr; i++)
		if (!kmem_pool_claim_group(kp, &groups[i], shared))
			break;
	return i;
}
EXPORT_SYMBOL_GPL(dax_kmem_claim_groups);

/* Has memory_failure() found something out since the unit was ours? */
static bool kmem_unit_page_is_poisoned(const struct kmem_persist *kp,
				       const struct kmem_unit *unit, u64 dpn)
{
	const struct kmem_segment *seg;

	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE) || unit->state != KMEM_UNIT_POOL)
		return false;
	seg = kmem_pool_segment(kp, dpn);
	return PageHWPoison(pfn_to_page(PHYS_PFN(seg->phys) +
					(dpn - seg->first_dpn)));
}

static unsigned int kmem_unit_alloc(struct kmem_persist *kp,
				    struct kmem_unit *unit, u64 *dpns,
				    unsigned int nr)
{
	const unsigned long end = unit->first_dpn + unit->nr_pages;
	unsigned long bit = unit->first_dpn;
	unsigned int got = 0;

	for (; got < nr; bit++) {
		bit = find_next_zero_bit(kp->used, end, bit);
		if (bit >= end)
			break;
		if (unlikely(kmem_unit_page_is_poisoned(kp, unit, bit))) {
			kmem_unit_claim_bad_page(kp, unit, bit);
			continue;
		}
		__set_bit(bit, kp->used);
		dpns[got++] = bit;
	}
	kmem_unit_account(kp, unit, -(int)got);
	return got;
}

/* The unit to take pages from: the fullest that has some. */
static struct kmem_unit *kmem_pool_fullest(struct kmem_persist *kp)
{
	unsigned int i;

	for (i = 0; i < KMEM_POOL_NR_LISTS; i++)
		if (!list_empty(&kp->pool_lists[i]))
			return list_first_entry(&kp->pool_lists[i],
						struct kmem_unit, list);
	return NULL;
}

/**
 * kmem_pool_reachable - pages that the plugin can get if all that is lent comes back
 * @kp: the device
 *
 * Context: any.
 */
u64 kmem_pool_reachable(const struct kmem_persist *kp)
{
	const u64 reserve = READ_ONCE(kp->reserve);
	const u64 all = kmem_pool_available(kp) +
			kmem_pool_lent(kp) +
			READ_ONCE(kp->nr_free[KMEM_UNIT_MOVING]) +
			READ_ONCE(kp->nr_erasing);

	return all > reserve ? min(all - reserve, kmem_pool_below_limit(kp)) : 0;
}

/**
 * kmem_pool_note_space - tell users when "ok", "low" or "none" changes
 * @kp: the device
 * @got: there are pages above the reserve, as somebody just got some
 *
 * Context: kmem_persist.pool_lock held.
 */
void kmem_pool_note_space(struct kmem_persist *kp, bool got)
{
	const u64 mark = kp->low_water;
	const bool wide = kp->space == KMEM_SPACE_OK;
	enum kmem_space space;

	lockdep_assert_held(&kp->pool_lock);
	if (kp->space == KMEM_SPACE_NONE && !got &&
	    kmem_pool_allowed(kp, 0) < KMEM_POOL_ENOUGH)
		return;
	/* Back at one eighth more, so that it does not flicker. */
	space = kmem_pool_reachable(kp) < (wide ? mark : mark + mark / 8) ?
		KMEM_SPACE_LOW : KMEM_SPACE_OK;
	if (space == kp->space)
		return;
	WRITE_ONCE(kp->space, space);
	kmem_pressure_space_changed(kp);
}

/**
 * dax_kmem_no_space - somebody waited in vain for pages above the reserve
 * @kp: the device
 *
 * Users are told, also what stood in the way. Context: any but interrupts.
 */
void dax_kmem_no_space(struct kmem_persist *kp)
{
	scoped_guard(spinlock, &kp->pool_lock) {
		if (kp->space == KMEM_SPACE_NONE)
			return;
		WRITE_ONCE(kp->space, KMEM_SPACE_NONE);
		kmem_pressure_space_changed(kp);
	}
	if (!kmem_pool_below_limit(kp))
		kmem_take_note_limit(kp);
	else if (kmem_pool_lent(kp))
		kmem_take_report(kp);
}
EXPORT_SYMBOL_GPL(dax_kmem_no_space);

/**
 * dax_kmem_has_space - has anybody got pages since dax_kmem_no_space()?
 * @kp: the device
 *
 * Context: any. Return: false if waiting is known to be in vain.
 */
bool dax_kmem_has_space(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->space) != KMEM_SPACE_NONE;
}
EXPORT_SYMBOL_GPL(dax_kmem_has_space);

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
	unsigned int got = 0, max;

	/* Without the lock when there is nothing: who is full asks often. */
	if (!kmem_pool_allowed(kp, flags) || unlikely(kmem_inject_starves()))
		goto out;
	scoped_guard(spinlock, &kp->pool_lock) {
		max = min_t(u64, nr, kmem_pool_allowed(kp, flags));
		while (got < max) {
			struct kmem_unit *unit = kmem_pool_fullest(kp);

			if (WARN_ON_ONCE(!unit))
				break;
			got += kmem_unit_alloc(kp, unit, dpns + got, max - got);
		}
		kmem_pool_note_space(kp, got == nr && !flags);
	}
out:
	/* What moves does not need more room for itself. */
	if (!(flags & KMEM_ALLOC_MOVE) && kmem_pool_is_low(kp))
		kmem_exchange_kick(kp);
	return got;
}
EXPORT_SYMBOL_GPL(dax_kmem_alloc_pages);

/* How many pages are out of everybody's reach while they are being erased. */
#define KMEM_POOL_ERASE_BATCH	64U

/* While the pages are still the caller's. What is not in use is not touched. */
static void kmem_pool_erase(struct kmem_persist *kp, const u64 *dpns,
			    unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		void *kaddr = dax_kmem_index_to_kaddr(kp, dpns[i]);

		/* Ordering: R8, pairs with the fence below */
		if (kaddr && test_bit(dpns[i], kp->used))
			kmem_media_copy(&kp->media, kaddr,
					page_address(ZERO_PAGE(0)), PAGE_SIZE);
	}
	/*
	 * Ordering: R8, pairs with the free in dax_kmem_free_pages() or
	 * kmem_pool_erase_some()
	 */
	kmem_media_fence(&kp->media);
}

/* Nobody gets these pages of a unit until kmem_unit_free_erased(). */
static unsigned int kmem_unit_get_unerased(struct kmem_persist *kp,
					   struct kmem_unit *unit, u64 *pos, u64 *dpns)
{
	const unsigned long end = unit->first_dpn + unit->nr_pages;
	unsigned int nr = 0;

	while (nr < KMEM_POOL_ERASE_BATCH) {
		const unsigned long bit = find_next_zero_bit(kp->used, end, *pos);

		*pos = min(bit + 1, end);
		if (bit >= end)
			break;
		if (unlikely(kmem_unit_page_is_poisoned(kp, unit, bit))) {
			kmem_unit_claim_bad_page(kp, unit, bit);
			continue;
		}
		__set_bit(bit, kp->used);
		dpns[nr++] = bit;
	}
	kmem_unit_add_free(kp, unit, -(int)nr);
	WRITE_ONCE(kp->nr_erasing, nr);
	return nr;
}

static void kmem_unit_free_erased(struct kmem_persist *kp, struct kmem_unit *unit,
				  const u64 *dpns, unsigned int nr)
{
	unsigned int i, nr_free = 0;

	WRITE_ONCE(kp->nr_erasing, 0);
	for (i = 0; i < nr; i++) {
		if (dax_kmem_page_is_bad(kp, dpns[i])) {
			kmem_bad_idle(kp, dpns[i]);
			continue;
		}
		__clear_bit(dpns[i], kp->used);
		nr_free++;
	}
	kmem_unit_add_free(kp, unit, nr_free);
}

static void kmem_unit_set_unerased(struct kmem_persist *kp, struct kmem_unit *unit,
				   bool unerased)
{
	const int old_list = kmem_unit_list(unit);

	if (unit->unerased == unerased)
		return;
	unit->unerased = unerased;
	WRITE_ONCE(kp->nr_unerased, kp->nr_unerased + (unerased ? 1 : -1));
	kmem_unit_relink(kp, unit, old_list);
}

/**
 * kmem_pool_set_unerased - free pages have to be erased before they are lent, or need not
 * @kp: the device
 * @unerased: whether they have to
 *
 * Context: may sleep. Return: false if some are lent already.
 */
bool kmem_pool_set_unerased(struct kmem_persist *kp, bool unerased)
{
	bool all = true;
	unsigned long i;

	if (!unerased && !READ_ONCE(kp->nr_unerased))
		return true;
	for (i = 0; i < kp->nr_units; i++) {
		struct kmem_unit *unit = &kp->units[i];

		scoped_guard(spinlock, &kp->pool_lock) {
			if (unit->state != KMEM_UNIT_RAM)
				kmem_unit_set_unerased(kp, unit, unerased);
			else
				all = false;
		}
		cond_resched();
	}
	return all;
}

/**
 * kmem_pool_erase_some - erase some of the free pages of a unit that may not be lent
 * @kp: the device
 * @unit: the unit
 * @pos: the page to begin with; moves on
 *
 * Pages that are allocated or freed meanwhile need not be erased: a plugin writes all
 * of a page, and what it frees is erased then.
 *
 * Context: may sleep; only one at a time. Return: true when all of the unit is erased,
 * and it can be lent.
 */
bool kmem_pool_erase_some(struct kmem_persist *kp, struct kmem_unit *unit, u64 *pos)
{
	u64 dpns[KMEM_POOL_ERASE_BATCH];
	unsigned int nr;
	bool done;

	scoped_guard(spinlock, &kp->pool_lock)
		nr = kmem_unit_get_unerased(kp, unit, pos, dpns);
	kmem_pool_erase(kp, dpns, nr);
	scoped_guard(spinlock, &kp->pool_lock) {
		kmem_unit_free_erased(kp, unit, dpns, nr);
		done = *pos >= unit->first_dpn + unit->nr_pages;
		if (done)
			kmem_unit_set_unerased(kp, unit, false);
		kmem_pool_note_space(kp, false);
	}
	if (wq_has_sleeper(&kp->wait))
		wake_up_all(&kp->wait);
	return done;
}

/**
 * dax_kmem_zero_on_free - is data erased when its page is freed?
 * @kp: the device
 *
 * If so, a plugin should free pages rather than keep them. Context: any.
 */
bool dax_kmem_zero_on_free(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->zero_on_free);
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
	return READ_ONCE(kp->zero_on_free) && READ_ONCE(kp->no_remnants);
}
EXPORT_SYMBOL_GPL(dax_kmem_erases);

static void kmem_pool_free_page(struct kmem_persist *kp, u64 dpn)
{
	if (dax_kmem_page_is_bad(kp, dpn)) {
		WRITE_ONCE(kp->nr_used, kp->nr_used - 1);
		kmem_bad_idle(kp, dpn);
		/* Whether it could be erased nobody knows. */
		WRITE_ONCE(kp->no_remnants, false);
		return;
	}
	__clear_bit(dpn, kp->used);
	kmem_unit_account(kp, kmem_pool_unit(kp, dpn), 1);
}

/* Pages became free, and pool_lock was dropped. */
static void kmem_pool_freed(struct kmem_persist *kp)
{
	if (wq_has_sleeper(&kp->wait))
		wake_up_all(&kp->wait);
	if (kmem_pool_is_high(kp))
		kmem_exchange_kick(kp);
	else if (kmem_pool_is_scattered(kp))
		kmem_compact_kick(kp);
}

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
	unsigned int i;

	if (READ_ONCE(kp->zero_on_free))
		kmem_pool_erase(kp, dpns, nr);

	scoped_guard(spinlock, &kp->pool_lock) {
		for (i = 0; i < nr; i++) {
			/* On any doubt the page stays in use: lost, but safe. */
			if (WARN_ON_ONCE(dpns[i] >= kp->nr_pages ||
					 !test_bit(dpns[i], kp->used)))
				continue;
			kmem_pool_free_page(kp, dpns[i]);
		}
		kmem_pool_note_space(kp, false);
	}
	kmem_pool_freed(kp);
}
EXPORT_SYMBOL_GPL(dax_kmem_free_pages);

/**
 * kmem_pool_phys - physical address of a page
 * @kp: the device
 * @dpn: the page, below dax_kmem_num_pages()
 *
 * Context: any.
 */
phys_addr_t kmem_pool_phys(const struct kmem_persist *kp, u64 dpn)
{
	const struct kmem_segment *seg = kmem_pool_segment(kp, dpn);

	return seg->phys + ((dpn - seg->first_dpn) << PAGE_SHIFT);
}

/*
 * May it be written to, as soon as the platform says that its errors are gone? What
 * memory_failure() has taken may be missing in the direct map, and stays poisoned for the
 * page allocator until its memory is removed. Whether it has done so is only known while
 * the memory block is online.
 */
static bool kmem_pool_may_clear(const struct kmem_persist *kp, u64 dpn)
{
	const struct kmem_unit *unit = kmem_pool_unit(kp, dpn);

	if (!kmem_pool_segment(kp, dpn)->hotplug)
		return true;
	if (unit->state != KMEM_UNIT_POOL && unit->state != KMEM_UNIT_MOVING)
		return false;
	return !PageHWPoison(pfn_to_page(PHYS_PFN(kmem_pool_phys(kp, dpn))));
}

/**
 * kmem_pool_get_to_clear - the next bad page that holds nothing and may be cleared
 * @kp: the device
 * @dpn: receives it
 *
 * It is not tried again, and stays nobody's until kmem_pool_free_cleared(). Those that may
 * not be cleared now are passed over.
 *
 * Context: may sleep. Return: false if there is none.
 */
bool kmem_pool_get_to_clear(struct kmem_persist *kp, u64 *dpn)
{
	guard(spinlock)(&kp->pool_lock);
	for (unsigned int i = kp->nr_to_clear; kp->may_clear && i--;) {
		*dpn = kp->to_clear[i];
		if (!kmem_pool_may_clear(kp, *dpn))
			continue;
		kp->to_clear[i] = kp->to_clear[--kp->nr_to_clear];
		/* On any doubt it is left alone. */
		if (WARN_ON_ONCE(!test_bit(*dpn, kp->used) || !test_bit(*dpn, kp->bad)))
			continue;
		return true;
	}
	return false;
}

/**
 * kmem_pool_free_cleared - a bad page is as good as new
 * @kp: the device
 * @dpn: the page, from kmem_pool_get_to_clear(); all zeroes
 *
 * Context: may sleep; kmem_persist.bad_lock held, so that nobody has it from the region
 * that the page is bad, and says so after this. Return: false if memory_failure() has
 * marked it meanwhile: then it stays bad.
 */
bool kmem_pool_free_cleared(struct kmem_persist *kp, u64 dpn)
{
	lockdep_assert_held(&kp->bad_lock);
	scoped_guard(spinlock, &kp->pool_lock) {
		if (!kmem_pool_may_clear(kp, dpn))
			return false;
		kp->cleared[kp->nr_cleared] = dpn;
		WRITE_ONCE(kp->nr_cleared, kp->nr_cleared + 1);
		/* Who gets the page has taken the lock after this: nobody sees it bad then. */
		clear_bit(dpn, kp->bad);
		__clear_bit(dpn, kp->used);
		WRITE_ONCE(kp->nr_bad, kp->nr_bad - 1);
		kmem_unit_add_free(kp, kmem_pool_unit(kp, dpn), 1);
		kmem_pool_note_space(kp, false);
	}
	kmem_pool_freed(kp);
	return true;
}

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
	add_wait_queue(&kp->wait, entry);
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
	remove_wait_queue(&kp->wait, entry);
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
	scoped_guard(spinlock, &kp->pool_lock)
		WRITE_ONCE(kp->nr_wanted, kp->nr_wanted + nr);
	kmem_exchange_hurry(kp);
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
	scoped_guard(spinlock, &kp->pool_lock)
		WRITE_ONCE(kp->nr_wanted, kp->nr_wanted - nr);
	trace_kmem_persist_wait(kp->dev, nr, jiffies_to_msecs(jiffies - start), got);
}
EXPORT_SYMBOL_GPL(dax_kmem_wait_end);

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
	if (!dax_kmem_alloc_pages(kp, dpn, 1, flags))
		return NULL;
	return dax_kmem_index_to_kaddr(kp, *dpn);
}
EXPORT_SYMBOL_GPL(dax_kmem_alloc_kaddr);

/**
 * dax_kmem_alloc_page - take one page from the pool that has a struct page
 * @kp: the device
 * @dpn: receives the page number
 * @flags: one of KMEM_ALLOC_*, or 0
 *
 * Context: any but interrupts. Return: the page; NULL if there is none, or the
 * next one has no struct page.
 */
struct page *dax_kmem_alloc_page(struct kmem_persist *kp, u64 *dpn,
				 unsigned int flags)
{
	struct page *page;

	if (!dax_kmem_alloc_pages(kp, dpn, 1, flags))
		return NULL;
	page = dax_kmem_index_to_page(kp, *dpn);
	if (!page)
		dax_kmem_free_pages(kp, dpn, 1);
	return page;
}
EXPORT_SYMBOL_GPL(dax_kmem_alloc_page);

/**
 * kmem_persist_reserve_pages - pages kept for overwrites and metadata
 * @kp: the device
 *
 * Context: any.
 */
u64 kmem_persist_reserve_pages(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->reserve);
}
EXPORT_SYMBOL_GPL(kmem_persist_reserve_pages);

/**
 * kmem_pool_is_used - does a page hold data?
 * @kp: the device
 * @dpn: the page
 *
 * Context: any; the answer may be old.
 */
bool kmem_pool_is_used(const struct kmem_persist *kp, u64 dpn)
{
	return test_bit(dpn, kp->used);
}

/**
 * dax_kmem_is_moving - is anything being emptied?
 * @kp: the device
 *
 * Context: any. Return: false while dax_kmem_page_moves() is false for all.
 */
bool dax_kmem_is_moving(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->nr_moving) && !READ_ONCE(kp->compact_stop);
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
	return test_bit(kmem_pool_unit(kp, dpn) - kp->units, kp->moving);
}
EXPORT_SYMBOL_GPL(dax_kmem_page_moves);

/**
 * kmem_pool_usage - who has what
 * @kp: the device
 * @usage: receives one consistent look
 *
 * Context: any but interrupts.
 */
void kmem_pool_usage(struct kmem_persist *kp, struct kmem_usage *usage)
{
	guard(spinlock)(&kp->pool_lock);
	usage->capacity = kp->nr_pages;
	usage->stored = kp->nr_used;
	usage->pool = kp->nr_free[KMEM_UNIT_POOL] +
		      kp->nr_free[KMEM_UNIT_MOVING] + kp->nr_erasing;
	usage->lent = kmem_pool_lent(kp);
	usage->absent = kp->nr_free[KMEM_UNIT_ABSENT];
	usage->bad = kp->nr_bad;
}

static unsigned int kmem_pool_count_used(const struct kmem_persist *kp,
					 const struct kmem_unit *unit)
{
	const unsigned long *words = kp->used + BIT_WORD(unit->first_dpn);
	const unsigned int start = unit->first_dpn % BITS_PER_LONG;

	return bitmap_weight_from(words, start, start + unit->nr_pages);
}

static size_t kmem_pool_bytes(const struct kmem_persist *kp)
{
	return BITS_TO_LONGS(kp->nr_pages) * sizeof(long);
}

/**
 * kmem_pool_forget - forget which pages are in use
 * @kp: the device
 *
 * Before a plugin claims them. Until kmem_pool_rebuild() nothing can be
 * allocated. Nothing may be lent meanwhile: kmem_persist.lend is false.
 *
 * Context: may sleep; no plugin is attached.
 */
void kmem_pool_forget(struct kmem_persist *kp)
{
	unsigned long i;

	for (i = 0; i < kp->nr_units; i++) {
		struct kmem_unit *unit = &kp->units[i];

		scoped_guard(spinlock, &kp->pool_lock)
			kmem_unit_account(kp, unit, -(int)unit->nr_free);
		cond_resched();
	}
	scoped_guard(spinlock, &kp->pool_lock) {
		WRITE_ONCE(kp->nr_used, kp->nr_used + kp->nr_bad);
		WRITE_ONCE(kp->nr_bad, 0);
		kp->nr_to_clear = 0;
	}
	memset(kp->used, 0, kmem_pool_bytes(kp));
}

/* What kmem_pool_restore() needs. */
struct kmem_pool_saved {
	u64 nr_bad;
	unsigned long used[];
};

/**
 * kmem_pool_save - remember which pages are in use
 * @kp: the device
 *
 * Context: sleeps. Return: for kmem_pool_restore() or kvfree(); NULL without
 * memory.
 */
struct kmem_pool_saved *kmem_pool_save(struct kmem_persist *kp)
{
	struct kmem_pool_saved *saved;

	saved = kvmalloc(sizeof(*saved) + kmem_pool_bytes(kp), GFP_KERNEL);
	if (!saved)
		return NULL;
	/* Nobody allocates; memory blocks may go offline. */
	guard(mutex)(&kp->exchange_lock);
	saved->nr_bad = kp->nr_bad;
	memcpy(saved->used, kp->used, kmem_pool_bytes(kp));
	return saved;
}

/**
 * kmem_pool_restore - go back to what was in use, after kmem_pool_forget()
 * @kp: the device
 * @saved: from kmem_pool_save(), freed here
 *
 * Bad pages are not cleared any more: which of them hold nothing is forgotten.
 *
 * Context: may sleep.
 */
void kmem_pool_restore(struct kmem_persist *kp, struct kmem_pool_saved *saved)
{
	kmem_pool_forget(kp);
	memcpy(kp->used, saved->used, kmem_pool_bytes(kp));
	WARN_ON_ONCE(kmem_pool_rebuild(kp));
	scoped_guard(spinlock, &kp->pool_lock) {
		WRITE_ONCE(kp->nr_used, kp->nr_used - saved->nr_bad);
		WRITE_ONCE(kp->nr_bad, kp->nr_bad + saved->nr_bad);
	}
	kvfree(saved);
}

static void kmem_unit_rebuild(struct kmem_persist *kp, struct kmem_unit *unit)
{
	kmem_unit_account(kp, unit,
			  unit->nr_pages - kmem_pool_count_used(kp, unit));
	if (unit->state != KMEM_UNIT_RAM)
		kmem_unit_claim_bad(kp, unit);
}

/**
 * kmem_pool_rebuild - count what was claimed and open the pool
 * @kp: the device
 *
 * Context: may sleep.
 * Return: 0; -EUCLEAN if a page that holds data is in memory that is lent, in
 * which case the pool stays closed.
 */
int kmem_pool_rebuild(struct kmem_persist *kp)
{
	unsigned long i;

	for (i = 0; i < kp->nr_units; i++)
		if (kp->units[i].state == KMEM_UNIT_RAM &&
		    kmem_pool_count_used(kp, &kp->units[i]))
			return -EUCLEAN;

	for (i = 0; i < kp->nr_units; i++) {
		struct kmem_unit *unit = &kp->units[i];

		scoped_guard(spinlock, &kp->pool_lock)
			kmem_unit_rebuild(kp, unit);
		cond_resched();
	}
	scoped_guard(spinlock, &kp->pool_lock)
		kmem_pool_note_space(kp, true);
	wake_up_all(&kp->wait);
	return 0;
}

static unsigned long kmem_segment_units(const struct kmem_segment *seg)
{
	return DIV_ROUND_UP_ULL(seg->nr_pages, pageblock_nr_pages);
}

static void kmem_pool_init_units(struct kmem_persist *kp,
				 const struct kmem_segment *seg)
{
	struct kmem_unit *unit = &kp->units[seg->first_unit];
	u64 done;

	for (done = 0; done < seg->nr_pages; done += unit->nr_pages, unit++) {
		INIT_LIST_HEAD(&unit->list);
		unit->first_dpn = seg->first_dpn + done;
		unit->nr_pages = min_t(u64, pageblock_nr_pages,
				       seg->nr_pages - done);
		unit->state = KMEM_UNIT_ABSENT;
	}
}

/**
 * kmem_pool_default_reserve - what the reserve is if nobody says otherwise
 * @kp: the device
 *
 * It covers what may be in flight: 1 MiB per CPU, at least 4 MiB, at most one
 * hundredth of the device, but never less than the plugin needs.
 *
 * Context: any. Return: pages.
 */
u64 kmem_pool_default_reserve(const struct kmem_persist *kp)
{
	const u64 pages = min_t(u64, kp->nr_pages / 100,
				PHYS_PFN(max_t(u64, SZ_4M,
					       (u64)SZ_1M * num_possible_cpus())));

	return max(pages, READ_ONCE(kp->min_reserve));
}

/**
 * kmem_pool_init - set up the pool for the segments of the device
 * @kp: the device
 *
 * The pool is closed and nothing is known to be in use, as after kmem_pool_forget().
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int kmem_pool_init(struct kmem_persist *kp)
{
	unsigned int i;

	spin_lock_init(&kp->pool_lock);
	init_waitqueue_head(&kp->wait);
	init_waitqueue_head(&kp->take_wait);
	for (i = 0; i < KMEM_POOL_NR_LISTS; i++)
		INIT_LIST_HEAD(&kp->pool_lists[i]);

	kp->nr_units = 0;
	for (i = 0; i < kp->num_segments; i++) {
		kp->segments[i].first_unit = kp->nr_units;
		kp->nr_units += kmem_segment_units(&kp->segments[i]);
	}

	kp->nr_used = kp->nr_pages;
	/* 16 and 32 MiB for a TiB, looked at all over: in huge pages where there are some. */
	kp->units = vmalloc_huge(array_size(kp->nr_units, sizeof(*kp->units)),
				 GFP_KERNEL | __GFP_ZERO);
	kp->used = vmalloc_huge(kmem_pool_bytes(kp), GFP_KERNEL | __GFP_ZERO);
	kp->moving = vzalloc(BITS_TO_LONGS(kp->nr_units) * sizeof(long));
	if (!kp->units || !kp->used || !kp->moving)
		return -ENOMEM;

	for (i = 0; i < kp->num_segments; i++)
		kmem_pool_init_units(kp, &kp->segments[i]);

	kp->reserve = kmem_pool_default_reserve(kp);
	kp->limit = U64_MAX;
	kp->ram_floor = U64_MAX;
	kp->low_water = kp->nr_pages / 20;
	kp->squeezed = jiffies;
	kp->slack = clamp(kp->nr_units / 128, 1, 16) * pageblock_nr_pages;
	return 0;
}

/**
 * kmem_pool_destroy - free the pool
 * @kp: the device
 *
 * Context: sleeps.
 */
void kmem_pool_destroy(struct kmem_persist *kp)
{
	vfree(kp->units);
	vfree(kp->used);
	vfree(kp->moving);
}

#include "tests/pool_kunit.h"

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
 * Who has a unit is known here, too, and every transition is made here, by
 * kmem_unit_set_state(); when that is, and what becomes of the pages, is the business of
 * those above: exchange.c and take.c, compact.c, scrub.c, region.c. What the pool wants of
 * them it asks for through &struct kmem_pool_ops, and they start work.
 *
 * Everything that plugins call is safe in an I/O path: one spinlock, no allocation, no
 * sleep. Who waits for pages is called when there may be some.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/kmem_persist.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/prefetch.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "inject.h"
#include "pool.h"

/* Free pages above the reserve that end a state of no space, if nobody asks. */
#define KMEM_POOL_ENOUGH	(SZ_1M >> PAGE_SHIFT)
/* How far metadata goes beyond the limit by default, see kmem_pool_metadata(). */
#define KMEM_POOL_META_PART	32
#define KMEM_POOL_META_MORE	(SZ_64M >> PAGE_SHIFT)
#define KMEM_POOL_META_TINY	8
#define KMEM_POOL_META_LIMIT	4
/* Pages with which a write of metadata, and the nodes that it needs, may not be done. */
#define KMEM_POOL_META_FEW	16
/* No slack for so long after somebody was short of RAM. */
#define KMEM_POOL_SQUEEZE	(10 * HZ)
/* How many bad pages are cleared; the rest after the next bind, if it is bad then. */
#define KMEM_CLEAR_MAX		1024U
/* Pages that are looked at for one before others get the lock. */
#define KMEM_CLEAR_LOOK		SZ_64K

static u64 kmem_pool_available(const struct kmem_pool *pool)
{
	return READ_ONCE(pool->nr_free[KMEM_UNIT_POOL]) +
	       READ_ONCE(pool->nr_free[KMEM_UNIT_ABSENT]);
}

/**
 * kmem_pool_lent - how much of the device is RAM
 * @pool: the pool
 *
 * Context: any. Return: pages; a moment later it may be different.
 */
u64 kmem_pool_lent(const struct kmem_pool *pool)
{
	return READ_ONCE(pool->nr_free[KMEM_UNIT_RAM]) +
	       READ_ONCE(pool->nr_free[KMEM_UNIT_TAKING]);
}

/* Pages that the plugin may use up to its limit. */
static u64 kmem_pool_below_limit(const struct kmem_pool *pool)
{
	const u64 limit = READ_ONCE(pool->limit), used = READ_ONCE(pool->nr_used);

	return limit > used ? limit - used : 0;
}

/**
 * kmem_pool_metadata - how far metadata of filesystems may go beyond the limit
 * @pool: the pool
 *
 * A filesystem survives that its data is refused, but not its own structures, and has no
 * blocks for most of them before it needs them. By default there is room for the inode
 * tables of ext4, a 64th of the disk, its journal, and about as much for directories:
 * a 32nd of the device and 64 MiB. Below 512 MiB mkfs.ext4 makes four times as many
 * inodes, but no tiny device is all metadata: an eighth at most. And whoever
 * has set a small limit does not mean a large device: a quarter of the limit at most.
 *
 * Context: any. Return: pages.
 */
u64 kmem_pool_metadata(const struct kmem_pool *pool)
{
	const u64 own = READ_ONCE(pool->metadata), nr_pages = pool->segs->nr_pages;

	if (own != U64_MAX)
		return own;
	return min3(nr_pages / KMEM_POOL_META_PART + KMEM_POOL_META_MORE,
		    nr_pages / KMEM_POOL_META_TINY,
		    READ_ONCE(pool->limit) / KMEM_POOL_META_LIMIT);
}

/**
 * kmem_pool_beyond_limit - pages in use beyond the limit
 * @pool: the pool
 *
 * Context: any.
 */
u64 kmem_pool_beyond_limit(const struct kmem_pool *pool)
{
	const u64 limit = READ_ONCE(pool->limit), used = READ_ONCE(pool->nr_used);

	return used > limit ? used - limit : 0;
}

/*
 * Pages that may be allocated now. What gives back as much as it takes is not
 * limited. Metadata may go beyond the limit, or a filesystem would end because
 * there is no room for its journal, but not beyond kmem_pool_metadata(), and in the pool
 * not beyond its half of the reserve.
 */
static u64 kmem_pool_allowed(const struct kmem_pool *pool, unsigned int flags)
{
	const u64 available = kmem_pool_available(pool);
	const u64 limit = READ_ONCE(pool->limit), used = READ_ONCE(pool->nr_used);
	u64 keep = READ_ONCE(pool->reserve), more = 0;

	if (flags & KMEM_ALLOC_OVERWRITE)
		return available;
	if (flags & (KMEM_ALLOC_RESERVE | KMEM_ALLOC_META)) {
		keep /= 2;
		more = keep;
	}
	if (flags & KMEM_ALLOC_META)
		more = max(more, kmem_pool_metadata(pool));
	if (available <= keep)
		return 0;
	if (flags & KMEM_ALLOC_MOVE || limit == U64_MAX)
		return available - keep;
	return limit + more > used ? min(available - keep, limit + more - used) : 0;
}

/* So that the boundary does not move with each write; a luxury. */
static u64 kmem_pool_slack(const struct kmem_pool *pool)
{
	return time_before(jiffies, READ_ONCE(pool->squeezed)) ? 0 : pool->slack;
}

/*
 * What the pool wants to have free when the boundary is at rest: the reserve,
 * and above it what the plugin waits for and some slack, but no more than it may
 * use; or what is kept for it in any case.
 */
static u64 kmem_pool_target_with(const struct kmem_pool *pool, u64 slack)
{
	const u64 keep = READ_ONCE(pool->keep), used = READ_ONCE(pool->nr_used);
	const u64 wanted = READ_ONCE(pool->nr_wanted) + slack;
	const u64 target = READ_ONCE(pool->reserve) +
			   min(wanted, kmem_pool_below_limit(pool));

	return max(target, keep > used ? keep - used : 0);
}

static u64 kmem_pool_target(const struct kmem_pool *pool)
{
	return kmem_pool_target_with(pool, kmem_pool_slack(pool));
}

/**
 * kmem_pool_shortage - how many pages should be taken from the page allocator?
 * @pool: the pool
 *
 * Context: any. Return: pages; 0 when there is enough, or nothing is lent.
 */
u64 kmem_pool_shortage(const struct kmem_pool *pool)
{
	const u64 available = kmem_pool_available(pool);
	const u64 target = kmem_pool_target(pool);

	if (!kmem_pool_lent(pool) || available >= target)
		return 0;
	return target - available;
}

/**
 * kmem_pool_is_low - is it time to take memory?
 * @pool: the pool
 *
 * Half of the slack is gone. Context: any.
 */
bool kmem_pool_is_low(const struct kmem_pool *pool)
{
	return kmem_pool_lent(pool) &&
	       kmem_pool_available(pool) <
	       kmem_pool_target_with(pool, kmem_pool_slack(pool) / 2);
}

static bool kmem_pool_has_empty(const struct kmem_pool *pool)
{
	return READ_ONCE(pool->nr_empty);
}

/**
 * kmem_pool_is_high - is there something to lend, and enough to make it worth while?
 * @pool: the pool
 *
 * Context: any.
 */
bool kmem_pool_is_high(const struct kmem_pool *pool)
{
	return READ_ONCE(pool->lend) && kmem_pool_has_empty(pool) &&
	       kmem_pool_available(pool) > kmem_pool_target(pool) + kmem_pool_slack(pool);
}

/**
 * kmem_pool_scattered - pages that could be lent if they were not scattered
 * @pool: the pool
 *
 * Context: any. Return: pages; 0 if there are empty units to lend first.
 */
u64 kmem_pool_scattered(const struct kmem_pool *pool)
{
	const u64 available = kmem_pool_available(pool);
	const u64 target = kmem_pool_target(pool);

	/* Units that are not erased yet will be empty by themselves. */
	if (!READ_ONCE(pool->lend) || available <= target || kmem_pool_has_empty(pool) ||
	    READ_ONCE(pool->nr_unerased))
		return 0;
	return min(available - target, READ_ONCE(pool->nr_free[KMEM_UNIT_POOL]));
}

/**
 * kmem_pool_is_scattered - is it worth the trouble to do something about it?
 * @pool: the pool
 *
 * More than the slack, and more than one part in thirty-two of all free pages.
 * Context: any.
 */
bool kmem_pool_is_scattered(const struct kmem_pool *pool)
{
	const u64 all = kmem_pool_available(pool) + kmem_pool_lent(pool);

	return kmem_pool_scattered(pool) > max(pool->slack, all / 32);
}

/**
 * kmem_pool_reachable - pages that the plugin can get if all that is lent comes back
 * @pool: the pool
 *
 * Context: any.
 */
u64 kmem_pool_reachable(const struct kmem_pool *pool)
{
	const u64 reserve = READ_ONCE(pool->reserve);
	const u64 all = kmem_pool_available(pool) +
			kmem_pool_lent(pool) +
			READ_ONCE(pool->nr_free[KMEM_UNIT_MOVING]) +
			READ_ONCE(pool->nr_erasing);

	return all > reserve ? min(all - reserve, kmem_pool_below_limit(pool)) : 0;
}

/*
 * Is it "ok", "low" or "none"? Users are told when that changes. @got: there are pages
 * above the reserve, as somebody just got some.
 */
static void kmem_pool_note_space(struct kmem_pool *pool, bool got)
{
	const u64 mark = pool->low_water;
	const bool wide = pool->space == KMEM_SPACE_OK;
	enum kmem_space space;

	lockdep_assert_held(&pool->lock);
	if (pool->metadata_none &&
	    kmem_pool_allowed(pool, KMEM_ALLOC_META) >= KMEM_POOL_ENOUGH)
		WRITE_ONCE(pool->metadata_none, false);
	if (pool->space == KMEM_SPACE_NONE && !got &&
	    kmem_pool_allowed(pool, 0) < KMEM_POOL_ENOUGH)
		return;
	/* Back at one eighth more, so that it does not flicker. */
	space = kmem_pool_reachable(pool) < (wide ? mark : mark + mark / 8) ?
		KMEM_SPACE_LOW : KMEM_SPACE_OK;
	if (space == pool->space)
		return;
	WRITE_ONCE(pool->space, space);
	pool->ops->level_changed(pool);
}

/* There may be pages for who waits, or other limits. */
static void kmem_pool_wake(struct kmem_pool *pool)
{
	if (wq_has_sleeper(&pool->wait))
		wake_up_all(&pool->wait);
}

/**
 * kmem_pool_look - all is lent that can be: is the rest scattered?
 * @pool: the pool
 *
 * Context: any but interrupts; no lock held.
 */
void kmem_pool_look(struct kmem_pool *pool)
{
	if (kmem_pool_is_scattered(pool))
		pool->ops->scattered(pool);
}

/**
 * kmem_pool_settle - pages became free: see to it that they are lent
 * @pool: the pool
 *
 * Not for who lends them: what is going offline cannot be lent, and he would ask himself
 * again and again. Context: any but interrupts; no lock held.
 */
void kmem_pool_settle(struct kmem_pool *pool)
{
	if (kmem_pool_is_high(pool))
		pool->ops->unbalanced(pool, false);
	else
		kmem_pool_look(pool);
}

/**
 * kmem_pool_changed - the pool has to look at its new settings
 * @pool: the pool
 *
 * Context: any but interrupts; no lock held.
 */
void kmem_pool_changed(struct kmem_pool *pool)
{
	scoped_guard(spinlock, &pool->lock)
		kmem_pool_note_space(pool, false);
	kmem_pool_wake(pool);
	pool->ops->unbalanced(pool, true);
}

/**
 * kmem_pool_squeeze - do without slack for some time
 * @pool: the pool
 *
 * Context: any.
 */
void kmem_pool_squeeze(struct kmem_pool *pool)
{
	WRITE_ONCE(pool->squeezed, jiffies + KMEM_POOL_SQUEEZE);
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

static void kmem_unit_relink(struct kmem_pool *pool, struct kmem_unit *unit,
			     int old_list)
{
	int list = kmem_unit_list(unit);

	if (list == old_list)
		return;
	if (old_list >= KMEM_POOL_EMPTY_KERNEL)
		WRITE_ONCE(pool->nr_empty, pool->nr_empty - unit->nr_pages);
	if (list >= KMEM_POOL_EMPTY_KERNEL)
		WRITE_ONCE(pool->nr_empty, pool->nr_empty + unit->nr_pages);
	if (list < 0)
		list_del_init(&unit->list);
	else
		list_move_tail(&unit->list, &pool->lists[list]);
}

static void kmem_unit_add_free(struct kmem_pool *pool, struct kmem_unit *unit,
			       int nr_freed)
{
	const int old_list = kmem_unit_list(unit);

	WRITE_ONCE(unit->nr_free, unit->nr_free + nr_freed);
	WRITE_ONCE(pool->nr_free[unit->state], pool->nr_free[unit->state] + nr_freed);
	kmem_unit_relink(pool, unit, old_list);
}

/* Pages of a unit became used (negative) or free (positive). */
static void kmem_unit_account(struct kmem_pool *pool, struct kmem_unit *unit,
			      int nr_freed)
{
	kmem_unit_add_free(pool, unit, nr_freed);
	WRITE_ONCE(pool->nr_used, pool->nr_used - nr_freed);
}

/* Some that hold nothing may be waiting to be cleared. */
static void kmem_pool_ask_to_clear(struct kmem_pool *pool)
{
	if (pool->may_clear && pool->nr_to_clear && pool->nr_cleared < KMEM_CLEAR_MAX)
		pool->ops->bad_idle(pool);
}

/*
 * A bad page holds nothing. Its used bit stays set, so that nobody gets it; what was
 * cleared once, and has failed again, is not cleared another time.
 */
static void kmem_pool_note_idle_bad(struct kmem_pool *pool, u64 dpn)
{
	WRITE_ONCE(pool->nr_bad, pool->nr_bad + 1);
	for (unsigned int i = 0; i < pool->nr_cleared; i++)
		if (pool->cleared[i] == dpn)
			return;
	if (__test_and_set_bit(dpn, pool->to_clear))
		return;
	pool->nr_to_clear++;
	kmem_pool_ask_to_clear(pool);
}

/* Keep a bad page of a unit that is not lent out of use, from when it holds no data. */
static void kmem_unit_claim_bad_page(struct kmem_pool *pool, struct kmem_unit *unit,
				     u64 dpn)
{
	lockdep_assert_held(&pool->lock);
	kmem_bad_note(pool->segs, dpn);
	/*
	 * Nothing free in an open pool: the page is in use. While the pool is closed it is
	 * only remembered, see kmem_pool_adopt().
	 */
	if (!unit->nr_free || test_and_set_bit(dpn, pool->used))
		return;
	kmem_unit_add_free(pool, unit, -1);
	kmem_pool_note_idle_bad(pool, dpn);
}

/* The same for all of them. */
static void kmem_unit_claim_bad(struct kmem_pool *pool, struct kmem_unit *unit)
{
	const u64 end = unit->first_dpn + unit->nr_pages;
	u64 dpn;

	for (dpn = kmem_bad_next(pool->segs, unit->first_dpn, end); dpn < end;
	     dpn = kmem_bad_next(pool->segs, dpn + 1, end))
		kmem_unit_claim_bad_page(pool, unit, dpn);
}

/* And for what memory_failure() has found, while there are struct pages. */
static void kmem_unit_claim_poison(struct kmem_pool *pool, struct kmem_unit *unit)
{
	const unsigned long pfn = kmem_unit_pfn(pool, unit);
	unsigned int i;

	for (i = 0; i < unit->nr_pages; i++)
		if (PageHWPoison(pfn_to_page(pfn + i)))
			kmem_unit_claim_bad_page(pool, unit, unit->first_dpn + i);
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
static void kmem_unit_note_moving(struct kmem_pool *pool,
				  const struct kmem_unit *unit)
{
	const unsigned long nr = unit - pool->units;
	const bool moving = unit->state == KMEM_UNIT_MOVING;

	if (test_bit(nr, pool->moving) == moving)
		return;
	assign_bit(nr, pool->moving, moving);
	WRITE_ONCE(pool->nr_moving, pool->nr_moving + (moving ? 1 : -1));
}

/*
 * The only way in which a unit changes hands. An illegal transition is refused and warned
 * about; the unit stays where it is, which is always the safe side.
 */
static void kmem_unit_set_state(struct kmem_pool *pool, struct kmem_unit *unit,
				enum kmem_unit_state state)
{
	const int old_list = kmem_unit_list(unit);

	lockdep_assert_held(&pool->units_lock);
	lockdep_assert_held(&pool->lock);

	if (unit->state == state)
		return;
	if (WARN_ON_ONCE(!kmem_unit_may_become(unit->state, state)))
		return;
	/* Only what holds no data may be lent. */
	if (WARN_ON_ONCE(state == KMEM_UNIT_RAM && unit->nr_free != unit->nr_pages))
		return;

	WRITE_ONCE(pool->nr_free[unit->state],
		   pool->nr_free[unit->state] - unit->nr_free);
	unit->state = state;
	WRITE_ONCE(pool->nr_free[state], pool->nr_free[state] + unit->nr_free);
	kmem_unit_relink(pool, unit, old_list);
	kmem_unit_note_moving(pool, unit);
}

/* Is there so much to spare that @unit, of which all is free, may be lent? */
static bool kmem_pool_can_spare(const struct kmem_pool *pool,
				const struct kmem_unit *unit)
{
	return kmem_pool_available(pool) >= kmem_pool_target(pool) + unit->nr_pages;
}

/**
 * kmem_pool_lend_unit - choose a unit to lend and mark it as lent
 * @pool: the pool
 *
 * Context: kmem_pool.units_lock held; does not sleep.
 * Return: the unit, whose pages the caller has to release now; NULL if the pool
 * has nothing to spare.
 */
struct kmem_unit *kmem_pool_lend_unit(struct kmem_pool *pool)
{
	struct kmem_unit *unit;
	int list;

	guard(spinlock)(&pool->lock);
	/* What may not come back easily goes last. */
	for (list = KMEM_POOL_EMPTY_MOVABLE; list >= KMEM_POOL_EMPTY_KERNEL; list--) {
		list_for_each_entry(unit, &pool->lists[list], list) {
			if (unit->frozen)
				continue;
			if (!kmem_pool_can_spare(pool, unit))
				return NULL;
			kmem_unit_set_state(pool, unit, KMEM_UNIT_RAM);
			return unit;
		}
	}
	return NULL;
}

/**
 * kmem_pool_lend_like - lend a unit that can go together with another one
 * @pool: the pool
 * @unit: the unit
 * @other: was lent just now
 *
 * Context: kmem_pool.units_lock held; does not sleep.
 * Return: true if @unit is marked as lent now; false if it is not free, or differs
 * from @other in how its pages are released or in what they are good for.
 */
bool kmem_pool_lend_like(struct kmem_pool *pool, struct kmem_unit *unit,
			 const struct kmem_unit *other)
{
	guard(spinlock)(&pool->lock);
	if (kmem_unit_list(unit) < KMEM_POOL_EMPTY_KERNEL || unit->frozen ||
	    unit->movable != other->movable || unit->exposed != other->exposed ||
	    !kmem_pool_can_spare(pool, unit))
		return false;
	kmem_unit_set_state(pool, unit, KMEM_UNIT_RAM);
	return true;
}

/**
 * kmem_pool_lend_failed - a unit that is marked as lent was not released: it is not fit
 * @pool: the pool
 * @unit: the unit; memory_failure() has found something there
 *
 * Context: kmem_pool.units_lock held; does not sleep.
 */
void kmem_pool_lend_failed(struct kmem_pool *pool, struct kmem_unit *unit)
{
	guard(spinlock)(&pool->lock);
	kmem_unit_set_state(pool, unit, KMEM_UNIT_POOL);
	kmem_unit_claim_poison(pool, unit);
}

/**
 * kmem_run_continues - are these units in a row, and in the same memory block?
 * @pool: the pool
 * @first: the first of them
 * @nr: how many there are before the one in question
 *
 * Context: any.
 */
bool kmem_run_continues(const struct kmem_pool *pool, const struct kmem_unit *first,
			unsigned int nr)
{
	const unsigned long block = PHYS_PFN(memory_block_size_bytes());
	const unsigned long pfn = kmem_unit_pfn(pool, first);
	const unsigned long next = pfn + nr * pageblock_nr_pages;

	return first + nr < pool->units + pool->nr_units &&
	       kmem_unit_pfn(pool, first + nr) == next && next / block == pfn / block;
}

static void kmem_units_set_state(struct kmem_pool *pool, struct kmem_unit *first,
				 unsigned int nr, enum kmem_unit_state state)
{
	unsigned int i;

	guard(spinlock)(&pool->lock);
	for (i = 0; i < nr; i++)
		kmem_unit_set_state(pool, first + i, state);
}

/**
 * kmem_pool_take_begin - units that are lent are about to be taken back
 * @pool: the pool
 * @first: the first of them
 * @nr: how many
 *
 * Context: kmem_pool.units_lock held; does not sleep.
 */
void kmem_pool_take_begin(struct kmem_pool *pool, struct kmem_unit *first, unsigned int nr)
{
	kmem_units_set_state(pool, first, nr, KMEM_UNIT_TAKING);
}

/**
 * kmem_pool_take_failed - it did not work, or is not tried: they stay lent
 * @pool: the pool
 * @first: the first of them
 * @nr: how many
 *
 * Context: may sleep; kmem_pool.units_lock not held.
 */
void kmem_pool_take_failed(struct kmem_pool *pool, struct kmem_unit *first, unsigned int nr)
{
	guard(mutex)(&pool->units_lock);
	kmem_units_set_state(pool, first, nr, KMEM_UNIT_RAM);
}

/**
 * kmem_pool_take_done - units were taken back
 * @pool: the pool
 * @first: the first of them
 * @nr: how many
 *
 * Context: may sleep; kmem_pool.units_lock not held.
 */
void kmem_pool_take_done(struct kmem_pool *pool, struct kmem_unit *first, unsigned int nr)
{
	unsigned int i;

	scoped_guard(mutex, &pool->units_lock) {
		for (i = 0; i < nr; i++) {
			guard(spinlock)(&pool->lock);
			kmem_unit_set_state(pool, first + i, KMEM_UNIT_POOL);
			first[i].exposed = true;
			kmem_unit_claim_bad(pool, first + i);
			kmem_pool_note_space(pool, false);
		}
	}
	kmem_pool_wake(pool);
}

/**
 * kmem_pool_is_taking - is any of some units being taken?
 * @pool: the pool
 * @first: the first unit
 * @nr: how many
 *
 * Context: any but interrupts.
 */
bool kmem_pool_is_taking(struct kmem_pool *pool, unsigned long first, unsigned long nr)
{
	unsigned long i;

	guard(spinlock)(&pool->lock);
	for (i = first; i < first + nr; i++)
		if (pool->units[i].state == KMEM_UNIT_TAKING)
			return true;
	return false;
}

/**
 * kmem_pool_online - a memory block is online: its units are ours
 * @pool: the pool
 * @first: its first unit
 * @nr: how many it has
 * @movable: it is in ZONE_MOVABLE
 *
 * Context: may sleep; memory hotplug locks held.
 */
void kmem_pool_online(struct kmem_pool *pool, unsigned long first, unsigned long nr,
		      bool movable)
{
	unsigned long i;

	guard(mutex)(&pool->units_lock);
	guard(spinlock)(&pool->lock);
	for (i = first; i < first + nr; i++) {
		pool->units[i].exposed = false;
		pool->units[i].frozen = false;
		pool->units[i].movable = movable;
		if (pool->units[i].state == KMEM_UNIT_ABSENT)
			kmem_unit_set_state(pool, &pool->units[i], KMEM_UNIT_POOL);
	}
	kmem_pool_ask_to_clear(pool);
}

/**
 * kmem_pool_set_frozen - a memory block is going offline, or does not after all
 * @pool: the pool
 * @first: its first unit
 * @nr: how many it has
 * @frozen: nothing is given or taken there from now on
 *
 * Context: kmem_pool.units_lock held; does not sleep.
 */
void kmem_pool_set_frozen(struct kmem_pool *pool, unsigned long first, unsigned long nr,
			  bool frozen)
{
	unsigned long i;

	lockdep_assert_held(&pool->units_lock);
	guard(spinlock)(&pool->lock);
	for (i = first; i < first + nr; i++)
		pool->units[i].frozen = frozen;
}

/**
 * kmem_pool_is_last_online - is there no memory of the device but this?
 * @pool: the pool
 * @first: first unit of a memory block
 * @nr: how many it has
 *
 * Context: kmem_pool.units_lock held; does not sleep.
 */
bool kmem_pool_is_last_online(const struct kmem_pool *pool, unsigned long first,
			      unsigned long nr)
{
	unsigned long i;

	lockdep_assert_held(&pool->units_lock);
	for (i = 0; i < pool->nr_units; i++)
		if ((i < first || i >= first + nr) &&
		    pool->units[i].state != KMEM_UNIT_ABSENT)
			return false;
	return true;
}

/**
 * kmem_pool_offline - a memory block is offline
 * @pool: the pool
 * @first: its first unit
 * @nr: how many it has
 *
 * What was lent is free again, in a way. Context: may sleep; memory hotplug locks held.
 */
void kmem_pool_offline(struct kmem_pool *pool, unsigned long first, unsigned long nr)
{
	unsigned long i;

	scoped_guard(mutex, &pool->units_lock) {
		for (i = first; i < first + nr; i++) {
			struct kmem_unit *unit = &pool->units[i];

			guard(spinlock)(&pool->lock);
			unit->exposed = false;
			unit->frozen = false;
			kmem_unit_set_state(pool, unit, KMEM_UNIT_ABSENT);
			/* Known no more when the struct pages go. */
			kmem_unit_claim_poison(pool, unit);
			kmem_unit_claim_bad(pool, unit);
			kmem_pool_note_space(pool, false);
		}
	}
	kmem_pool_wake(pool);
}

/**
 * kmem_pool_empty_pages - pages of units that could be lent at once
 * @pool: the pool
 *
 * Without the slack, for who is short of RAM. Context: any.
 * Return: pages, at least what kmem_pool_lend_unit() will find while squeezed.
 */
u64 kmem_pool_empty_pages(const struct kmem_pool *pool)
{
	const u64 available = kmem_pool_available(pool);
	const u64 target = kmem_pool_target_with(pool, 0);

	if (available <= target)
		return 0;
	return round_down(min(available - target, READ_ONCE(pool->nr_empty)),
			  pageblock_nr_pages);
}

/* Cannot be emptied, ever: superblocks live there. */
static bool kmem_unit_has_sb(const struct kmem_unit *unit)
{
	return unit->first_dpn < KMEM_PERSIST_FIRST_PAGE;
}

/**
 * kmem_unit_sparseness - how much of a unit that could be emptied is free?
 * @pool: the pool
 * @unit: the unit
 *
 * Context: kmem_pool.units_lock held; may change any moment.
 * Return: 0 to KMEM_POOL_NR_PARTIAL - 1, the larger the sparser; -1 if there is
 * nothing to be won.
 */
int kmem_unit_sparseness(const struct kmem_pool *pool,
			 const struct kmem_unit *unit)
{
	const unsigned int nr_free = READ_ONCE(unit->nr_free);
	const u64 end = unit->first_dpn + unit->nr_pages;

	if (unit->state != KMEM_UNIT_POOL || unit->frozen || unit->stuck ||
	    !nr_free || nr_free == unit->nr_pages || kmem_unit_has_sb(unit) ||
	    kmem_bad_next(pool->segs, unit->first_dpn, end) < end)
		return -1;
	return nr_free * KMEM_POOL_NR_PARTIAL / unit->nr_pages;
}

/**
 * kmem_pool_start_moving - begin to empty a unit
 * @pool: the pool
 * @unit: the unit
 * @need: pages of data that units before it hold; those of @unit are added
 *
 * It is MOVING from now on: its free pages leave the pool, and room is needed for
 * its data and that of the others.
 *
 * Context: kmem_pool.units_lock held; does not sleep.
 * Return: false if there is not so much room above what the pool wants.
 */
bool kmem_pool_start_moving(struct kmem_pool *pool, struct kmem_unit *unit,
			    u64 *need)
{
	guard(spinlock)(&pool->lock);
	if (kmem_pool_available(pool) <
	    kmem_pool_target(pool) + *need + unit->nr_pages)
		return false;
	*need += unit->nr_pages - unit->nr_free;
	kmem_unit_set_state(pool, unit, KMEM_UNIT_MOVING);
	return true;
}

/**
 * kmem_pool_end_moving - units that were being emptied are the pool's again
 * @pool: the pool, from where empty units are lent
 * @all: all was tried: what is not empty cannot be emptied
 *
 * Context: may sleep; kmem_pool.units_lock not held. Return: how many units are empty.
 */
unsigned int kmem_pool_end_moving(struct kmem_pool *pool, bool all)
{
	unsigned int empty = 0;
	unsigned long i;

	scoped_guard(mutex, &pool->units_lock) {
		for_each_set_bit(i, pool->moving, pool->nr_units) {
			struct kmem_unit *unit = &pool->units[i];

			guard(spinlock)(&pool->lock);
			if (unit->nr_free == unit->nr_pages)
				empty++;
			else if (all)
				unit->stuck = true;
			kmem_unit_set_state(pool, unit, KMEM_UNIT_POOL);
			kmem_pool_note_space(pool, false);
		}
	}
	kmem_pool_wake(pool);
	return empty;
}

/**
 * kmem_pool_unstick - another chance for all units that could not be emptied
 * @pool: the pool
 *
 * Context: may sleep.
 */
void kmem_pool_unstick(struct kmem_pool *pool)
{
	unsigned long i;

	for (i = 0; i < pool->nr_units; i++) {
		scoped_guard(spinlock, &pool->lock)
			pool->units[i].stuck = false;
		cond_resched();
	}
}

/**
 * kmem_pool_claim_page - say that a page holds data
 * @pool: the pool
 * @dpn: the page
 *
 * Only from &kmem_persist_ops.probe, possibly on several CPUs at once.
 *
 * Context: any. Return: 0; -ERANGE if @dpn is not a page of the device, -EEXIST
 * if it was claimed before.
 */
int kmem_pool_claim_page(struct kmem_pool *pool, u64 dpn)
{
	if (dpn >= pool->segs->nr_pages)
		return -ERANGE;
	return test_and_set_bit(dpn, pool->claims) ? -EEXIST : 0;
}

/* All of a group, or nothing. */
static bool kmem_pool_claim_group(struct kmem_pool *pool,
				  const struct kmem_page_group *group, bool shared)
{
	unsigned long *word = &pool->claims[group->nr];
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
 * kmem_pool_claim_groups - say that many pages hold data
 * @pool: the pool
 * @groups: the pages, all of which exist
 * @nr: elements of @groups
 * @shared: somebody else may claim pages at the same time
 *
 * As kmem_pool_claim_page(), but all are looked for at once, which is much faster where
 * they are all over the device, and faster still where nobody else does it.
 *
 * Context: any. Return: how many groups were claimed; if fewer than @nr, a page of the
 * next one was claimed before, and none of it is now.
 */
unsigned int kmem_pool_claim_groups(struct kmem_pool *pool,
				    const struct kmem_page_group *groups,
				   unsigned int nr, bool shared)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		prefetchw(&pool->claims[groups[i].nr]);
	for (i = 0; i < nr; i++)
		if (!kmem_pool_claim_group(pool, &groups[i], shared))
			break;
	return i;
}

/* Has memory_failure() found something out since the unit was ours? */
static bool kmem_unit_page_is_poisoned(const struct kmem_pool *pool,
				       const struct kmem_unit *unit, u64 dpn)
{
	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE) || unit->state != KMEM_UNIT_POOL)
		return false;
	return PageHWPoison(pfn_to_page(kmem_segments_pfn(pool->segs, dpn)));
}

static unsigned int kmem_unit_alloc(struct kmem_pool *pool,
				    struct kmem_unit *unit, u64 *dpns,
				    unsigned int nr)
{
	const unsigned long end = unit->first_dpn + unit->nr_pages;
	unsigned long bit = unit->first_dpn;
	unsigned int got = 0;

	for (; got < nr; bit++) {
		bit = find_next_zero_bit(pool->used, end, bit);
		if (bit >= end)
			break;
		if (unlikely(kmem_unit_page_is_poisoned(pool, unit, bit))) {
			kmem_unit_claim_bad_page(pool, unit, bit);
			continue;
		}
		__set_bit(bit, pool->used);
		dpns[got++] = bit;
	}
	kmem_unit_account(pool, unit, -(int)got);
	return got;
}

/* The unit to take pages from: the fullest that has some. */
static struct kmem_unit *kmem_pool_fullest(struct kmem_pool *pool)
{
	unsigned int i;

	for (i = 0; i < KMEM_POOL_NR_LISTS; i++)
		if (!list_empty(&pool->lists[i]))
			return list_first_entry(&pool->lists[i],
						struct kmem_unit, list);
	return NULL;
}

/**
 * kmem_pool_no_space - somebody waited in vain for pages above the reserve
 * @pool: the pool
 *
 * Users are told. Context: any but interrupts. Return: what stands in the way.
 */
enum kmem_pool_lack kmem_pool_no_space(struct kmem_pool *pool)
{
	scoped_guard(spinlock, &pool->lock) {
		if (pool->space == KMEM_SPACE_NONE)
			return KMEM_POOL_LACK_NEWS;
		WRITE_ONCE(pool->space, KMEM_SPACE_NONE);
		pool->ops->level_changed(pool);
	}
	if (!kmem_pool_below_limit(pool))
		return KMEM_POOL_LACK_LIMIT;
	return kmem_pool_lent(pool) ? KMEM_POOL_LACK_LENT : KMEM_POOL_LACK_ALL;
}

/**
 * kmem_pool_lacks_metadata - is there a filesystem that ends if nothing is taken?
 * @pool: the pool
 *
 * Its half of the reserve is used up, and it has looked for more just now.
 *
 * Context: any.
 */
bool kmem_pool_lacks_metadata(const struct kmem_pool *pool)
{
	/* What the limit refuses RAM does not help. */
	return kmem_pool_beyond_limit(pool) < max(kmem_pool_metadata(pool),
						  READ_ONCE(pool->reserve) / 2) &&
	       time_before(jiffies, READ_ONCE(pool->metadata_lacks)) &&
	       kmem_pool_available(pool) <=
	       READ_ONCE(pool->reserve) / 2 + KMEM_POOL_META_FEW;
}

/**
 * kmem_pool_no_metadata - metadata waited in vain: nobody has to wait for it any more
 * @pool: the pool
 *
 * Context: any but interrupts. Return: what stands in the way.
 */
enum kmem_pool_lack kmem_pool_no_metadata(struct kmem_pool *pool)
{
	scoped_guard(spinlock, &pool->lock) {
		if (pool->metadata_none)
			return KMEM_POOL_LACK_NEWS;
		WRITE_ONCE(pool->metadata_none, true);
	}
	/* There are pages, but it must not have them. */
	return READ_ONCE(pool->limit) != U64_MAX &&
	       kmem_pool_available(pool) > READ_ONCE(pool->reserve) / 2 + KMEM_POOL_META_FEW ?
	       KMEM_POOL_LACK_LIMIT : KMEM_POOL_LACK_ALL;
}

/**
 * kmem_pool_alloc - take pages from the pool
 * @pool: the pool
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
unsigned int kmem_pool_alloc(struct kmem_pool *pool, u64 *dpns,
			     unsigned int nr, unsigned int flags)
{
	unsigned int got = 0, max;

	/* Without the lock when there is nothing: who is full asks often. */
	if (!kmem_pool_allowed(pool, flags) || unlikely(kmem_inject_starves()))
		goto out;
	scoped_guard(spinlock, &pool->lock) {
		max = min_t(u64, nr, kmem_pool_allowed(pool, flags));
		while (got < max) {
			struct kmem_unit *unit = kmem_pool_fullest(pool);

			/* The last ones turned out to be poisoned. */
			if (!unit)
				break;
			got += kmem_unit_alloc(pool, unit, dpns + got, max - got);
		}
		if (flags & KMEM_ALLOC_META && got == nr)
			WRITE_ONCE(pool->metadata_none, false);
		kmem_pool_note_space(pool, got == nr && !flags);
	}
out:
	if (flags & KMEM_ALLOC_META && got < nr)
		WRITE_ONCE(pool->metadata_lacks, jiffies + HZ);
	/* What moves does not need more room for itself. */
	if (!(flags & KMEM_ALLOC_MOVE) && kmem_pool_is_low(pool))
		pool->ops->unbalanced(pool, false);
	return got;
}

/* How many pages are out of everybody's reach while they are being erased. */
#define KMEM_POOL_ERASE_BATCH	64U

/* While the pages are still the caller's. What is not in use is not touched. */
static void kmem_pool_erase(struct kmem_pool *pool, const u64 *dpns,
			    unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		void *kaddr = kmem_segments_kaddr(pool->segs, dpns[i]);

		/* Ordering: R8, pairs with the fence below */
		if (kaddr && test_bit(dpns[i], pool->used))
			kmem_media_copy(&pool->segs->media, kaddr,
					page_address(ZERO_PAGE(0)), PAGE_SIZE);
	}
	/*
	 * Ordering: R8, pairs with the free in kmem_pool_free() or
	 * kmem_pool_erase_some()
	 */
	kmem_media_fence(&pool->segs->media);
}

/* Nobody gets these pages of a unit until kmem_unit_free_erased(). */
static unsigned int kmem_unit_get_unerased(struct kmem_pool *pool,
					   struct kmem_unit *unit, u64 *pos, u64 *dpns)
{
	const unsigned long end = unit->first_dpn + unit->nr_pages;
	unsigned int nr = 0;

	while (nr < KMEM_POOL_ERASE_BATCH) {
		const unsigned long bit = find_next_zero_bit(pool->used, end, *pos);

		*pos = min(bit + 1, end);
		if (bit >= end)
			break;
		if (unlikely(kmem_unit_page_is_poisoned(pool, unit, bit))) {
			kmem_unit_claim_bad_page(pool, unit, bit);
			continue;
		}
		__set_bit(bit, pool->used);
		dpns[nr++] = bit;
	}
	kmem_unit_add_free(pool, unit, -(int)nr);
	WRITE_ONCE(pool->nr_erasing, nr);
	return nr;
}

static void kmem_unit_free_erased(struct kmem_pool *pool, struct kmem_unit *unit,
				  const u64 *dpns, unsigned int nr)
{
	unsigned int i, nr_free = 0;

	WRITE_ONCE(pool->nr_erasing, 0);
	for (i = 0; i < nr; i++) {
		if (kmem_bad_is(pool->segs, dpns[i])) {
			kmem_pool_note_idle_bad(pool, dpns[i]);
			continue;
		}
		__clear_bit(dpns[i], pool->used);
		nr_free++;
	}
	kmem_unit_add_free(pool, unit, nr_free);
}

static void kmem_unit_set_unerased(struct kmem_pool *pool, struct kmem_unit *unit,
				   bool unerased)
{
	const int old_list = kmem_unit_list(unit);

	if (unit->unerased == unerased)
		return;
	unit->unerased = unerased;
	WRITE_ONCE(pool->nr_unerased, pool->nr_unerased + (unerased ? 1 : -1));
	kmem_unit_relink(pool, unit, old_list);
}

/**
 * kmem_pool_set_unerased - free pages have to be erased before they are lent, or need not
 * @pool: the pool
 * @unerased: whether they have to
 *
 * Context: may sleep. Return: false if some are lent already.
 */
bool kmem_pool_set_unerased(struct kmem_pool *pool, bool unerased)
{
	bool all = true;
	unsigned long i;

	if (!unerased && !READ_ONCE(pool->nr_unerased))
		return true;
	for (i = 0; i < pool->nr_units; i++) {
		struct kmem_unit *unit = &pool->units[i];

		scoped_guard(spinlock, &pool->lock) {
			if (unit->state != KMEM_UNIT_RAM)
				kmem_unit_set_unerased(pool, unit, unerased);
			else
				all = false;
		}
		cond_resched();
	}
	return all;
}

/**
 * kmem_pool_erase_some - erase some of the free pages of a unit that may not be lent
 * @pool: the pool
 * @unit: the unit
 * @pos: the page to begin with; moves on
 *
 * Pages that are allocated or freed meanwhile need not be erased: a plugin writes all
 * of a page, and what it frees is erased then.
 *
 * Context: may sleep; only one at a time. Return: true when all of the unit is erased,
 * and it can be lent.
 */
bool kmem_pool_erase_some(struct kmem_pool *pool, struct kmem_unit *unit, u64 *pos)
{
	u64 dpns[KMEM_POOL_ERASE_BATCH];
	unsigned int nr;
	bool done;

	scoped_guard(spinlock, &pool->lock)
		nr = kmem_unit_get_unerased(pool, unit, pos, dpns);
	kmem_pool_erase(pool, dpns, nr);
	scoped_guard(spinlock, &pool->lock) {
		kmem_unit_free_erased(pool, unit, dpns, nr);
		done = *pos >= unit->first_dpn + unit->nr_pages;
		if (done)
			kmem_unit_set_unerased(pool, unit, false);
		kmem_pool_note_space(pool, false);
	}
	kmem_pool_wake(pool);
	return done;
}

/**
 * kmem_pool_begin_erasing - see to it that nothing is lent that has to be erased first
 * @pool: the pool, open; nothing is being lent
 * @needed: something may be left of what should have been erased
 *
 * Context: may sleep.
 */
void kmem_pool_begin_erasing(struct kmem_pool *pool, bool needed)
{
	const bool all = kmem_pool_set_unerased(pool, needed);

	guard(spinlock)(&pool->lock);
	pool->scrub_partly = !all;
	WRITE_ONCE(pool->no_remnants, pool->zero_on_free && !needed && !pool->nr_bad);
}

/**
 * kmem_pool_end_erasing - all is erased, or need not be
 * @pool: the pool
 *
 * Context: any but interrupts. Return: true if nothing is left.
 */
bool kmem_pool_end_erasing(struct kmem_pool *pool)
{
	bool all;

	guard(spinlock)(&pool->lock);
	/* What is on a bad page nobody can be sure of. */
	all = !pool->scrub_partly && !pool->nr_bad && pool->zero_on_free;
	WRITE_ONCE(pool->no_remnants, all);
	return all;
}

/**
 * kmem_pool_erase_partly - zero_on_free is about to change
 * @pool: the pool
 *
 * Whoever is erasing does not erase all, whether or not it is on at its end. Context: any
 * but interrupts.
 */
void kmem_pool_erase_partly(struct kmem_pool *pool)
{
	guard(spinlock)(&pool->lock);
	pool->scrub_partly = true;
	WRITE_ONCE(pool->no_remnants, false);
}

static void kmem_pool_free_page(struct kmem_pool *pool, u64 dpn)
{
	if (kmem_bad_is(pool->segs, dpn)) {
		WRITE_ONCE(pool->nr_used, pool->nr_used - 1);
		kmem_pool_note_idle_bad(pool, dpn);
		/* Whether it could be erased nobody knows. */
		WRITE_ONCE(pool->no_remnants, false);
		return;
	}
	__clear_bit(dpn, pool->used);
	kmem_unit_account(pool, kmem_pool_unit(pool, dpn), 1);
}

/* Pages became free, and the lock was dropped. */
static void kmem_pool_freed(struct kmem_pool *pool)
{
	kmem_pool_wake(pool);
	kmem_pool_settle(pool);
}

/**
 * kmem_pool_free - give pages back to the pool
 * @pool: the pool
 * @dpns: the pages
 * @nr: how many
 *
 * From here on the pages can become RAM of anybody at any moment: nothing
 * durable may refer to them, and no reader may look at them any more. A page that is
 * known to be bad becomes nothing any more.
 *
 * Context: any but interrupts; one spinlock.
 */
void kmem_pool_free(struct kmem_pool *pool, const u64 *dpns,
		    unsigned int nr)
{
	unsigned int i;

	if (READ_ONCE(pool->zero_on_free))
		kmem_pool_erase(pool, dpns, nr);

	scoped_guard(spinlock, &pool->lock) {
		for (i = 0; i < nr; i++) {
			/* On any doubt the page stays in use: lost, but safe. */
			if (WARN_ON_ONCE(!pool->used || dpns[i] >= pool->segs->nr_pages ||
					 !test_bit(dpns[i], pool->used)))
				continue;
			kmem_pool_free_page(pool, dpns[i]);
		}
		kmem_pool_note_space(pool, false);
	}
	kmem_pool_freed(pool);
}

/*
 * May it be written to, as soon as the platform says that its errors are gone? What
 * memory_failure() has taken may be missing in the direct map, and stays poisoned for the
 * page allocator until its memory is removed. Whether it has done so is only known while
 * the memory block is online.
 */
static bool kmem_pool_may_clear(const struct kmem_pool *pool, u64 dpn)
{
	const struct kmem_unit *unit = kmem_pool_unit(pool, dpn);

	if (!kmem_segments_find(pool->segs, dpn)->hotplug)
		return true;
	if (unit->state != KMEM_UNIT_POOL && unit->state != KMEM_UNIT_MOVING)
		return false;
	return !PageHWPoison(pfn_to_page(kmem_segments_pfn(pool->segs, dpn)));
}

/**
 * kmem_pool_get_to_clear - the next bad page that holds nothing and may be cleared
 * @pool: the pool
 * @pos: the page to begin with; moves on
 * @dpn: receives it
 *
 * It is not tried again, and stays nobody's until kmem_pool_free_cleared(). Those that may
 * not be cleared now are passed over, however many they are.
 *
 * Context: may sleep. Return: false if there is none from @pos on.
 */
bool kmem_pool_get_to_clear(struct kmem_pool *pool, u64 *pos, u64 *dpn)
{
	const u64 nr_pages = pool->segs->nr_pages;

	while (*pos < nr_pages) {
		const u64 end = min(*pos + KMEM_CLEAR_LOOK, nr_pages);

		cond_resched();
		guard(spinlock)(&pool->lock);
		if (!pool->may_clear || !pool->nr_to_clear || pool->nr_cleared >= KMEM_CLEAR_MAX)
			return false;
		*dpn = find_next_bit(pool->to_clear, end, *pos);
		*pos = min(*dpn + 1, end);
		if (*dpn >= end || !kmem_pool_may_clear(pool, *dpn))
			continue;
		__clear_bit(*dpn, pool->to_clear);
		pool->nr_to_clear--;
		/* On any doubt it is left alone. */
		if (!WARN_ON_ONCE(!test_bit(*dpn, pool->used) || !test_bit(*dpn, pool->segs->bad)))
			return true;
	}
	return false;
}

/**
 * kmem_pool_free_cleared - a bad page is as good as new
 * @pool: the pool
 * @dpn: the page, from kmem_pool_get_to_clear(); all zeroes
 *
 * Context: may sleep. The caller keeps everybody from having it from the region that the
 * page is bad, and saying so after this. Return: false if memory_failure() has marked it
 * meanwhile: then it stays bad.
 */
bool kmem_pool_free_cleared(struct kmem_pool *pool, u64 dpn)
{
	scoped_guard(spinlock, &pool->lock) {
		if (!kmem_pool_may_clear(pool, dpn))
			return false;
		pool->cleared[pool->nr_cleared] = dpn;
		WRITE_ONCE(pool->nr_cleared, pool->nr_cleared + 1);
		/* Who gets the page has taken the lock after this: nobody sees it bad then. */
		clear_bit(dpn, pool->segs->bad);
		__clear_bit(dpn, pool->used);
		WRITE_ONCE(pool->nr_bad, pool->nr_bad - 1);
		kmem_unit_add_free(pool, kmem_pool_unit(pool, dpn), 1);
		kmem_pool_note_space(pool, false);
	}
	kmem_pool_freed(pool);
	return true;
}

/**
 * kmem_pool_withdraw_bad - keep bad pages that are free out of use
 * @pool: the pool
 *
 * After more are known. What is lent is the business of memory_failure(). Context: may
 * sleep.
 */
void kmem_pool_withdraw_bad(struct kmem_pool *pool)
{
	unsigned long i;

	for (i = 0; i < pool->nr_units; i++) {
		struct kmem_unit *unit = &pool->units[i];

		scoped_guard(spinlock, &pool->lock)
			if (unit->state != KMEM_UNIT_RAM && unit->state != KMEM_UNIT_TAKING)
				kmem_unit_claim_bad(pool, unit);
		cond_resched();
	}
}

/**
 * kmem_pool_set_may_clear - begin, or end, to clear bad pages that hold nothing
 * @pool: the pool
 * @may_clear: which
 *
 * Context: any but interrupts.
 */
void kmem_pool_set_may_clear(struct kmem_pool *pool, bool may_clear)
{
	guard(spinlock)(&pool->lock);
	pool->may_clear = may_clear;
	kmem_pool_ask_to_clear(pool);
}

/**
 * kmem_pool_look_to_clear - is anything left to clear?
 * @pool: the pool, which asks for it then
 *
 * Context: any but interrupts.
 */
void kmem_pool_look_to_clear(struct kmem_pool *pool)
{
	guard(spinlock)(&pool->lock);
	kmem_pool_ask_to_clear(pool);
}

/**
 * kmem_pool_wait_begin - somebody waits for pages
 * @pool: the pool
 * @nr: how many
 *
 * Context: any but interrupts; does not sleep.
 */
void kmem_pool_wait_begin(struct kmem_pool *pool, unsigned int nr)
{
	scoped_guard(spinlock, &pool->lock)
		WRITE_ONCE(pool->nr_wanted, pool->nr_wanted + nr);
	pool->ops->unbalanced(pool, true);
}

/**
 * kmem_pool_wait_end - he does not wait any more
 * @pool: the pool
 * @nr: as with kmem_pool_wait_begin()
 *
 * Context: any but interrupts; does not sleep.
 */
void kmem_pool_wait_end(struct kmem_pool *pool, unsigned int nr)
{
	guard(spinlock)(&pool->lock);
	WRITE_ONCE(pool->nr_wanted, pool->nr_wanted - nr);
}

/**
 * kmem_pool_usage - who has what
 * @pool: the pool
 * @usage: receives one consistent look
 *
 * Context: any but interrupts.
 */
void kmem_pool_usage(struct kmem_pool *pool, struct kmem_usage *usage)
{
	guard(spinlock)(&pool->lock);
	usage->capacity = pool->segs->nr_pages;
	usage->stored = pool->nr_used;
	usage->pool = pool->nr_free[KMEM_UNIT_POOL] +
		      pool->nr_free[KMEM_UNIT_MOVING] + pool->nr_erasing;
	usage->lent = kmem_pool_lent(pool);
	usage->absent = pool->nr_free[KMEM_UNIT_ABSENT];
	usage->bad = pool->nr_bad;
}

static size_t kmem_pool_bytes(const struct kmem_pool *pool)
{
	return BITS_TO_LONGS(pool->segs->nr_pages) * sizeof(long);
}

/**
 * kmem_pool_unclaim - nothing is known to hold data, but the pages of the superblocks
 * @pool: the pool, after kmem_pool_begin_claims()
 *
 * What lies below KMEM_PERSIST_FIRST_PAGE is never lent or handed out, whether or not there
 * is a copy: what a user writes must not be able to lie where a superblock is looked for.
 *
 * Context: may sleep.
 */
void kmem_pool_unclaim(struct kmem_pool *pool)
{
	memset(pool->claims, 0, kmem_pool_bytes(pool));
	bitmap_set(pool->claims, 0, KMEM_PERSIST_FIRST_PAGE);
}

/**
 * kmem_pool_begin_claims - somebody will say which pages hold data
 * @pool: the pool
 *
 * What it knows, it knows until kmem_pool_adopt(). Nothing may be lent meanwhile:
 * kmem_pool.lend is false.
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int kmem_pool_begin_claims(struct kmem_pool *pool)
{
	/* 32 MiB for a TiB, looked at all over: in huge pages where there are some. */
	if (!pool->claims)
		pool->claims = vmalloc_huge(kmem_pool_bytes(pool), GFP_KERNEL);
	if (!pool->claims)
		return -ENOMEM;
	kmem_pool_unclaim(pool);
	return 0;
}

/**
 * kmem_pool_drop_claims - what was claimed is of no use
 * @pool: the pool, which stays as it was
 *
 * Context: sleeps.
 */
void kmem_pool_drop_claims(struct kmem_pool *pool)
{
	vfree(pool->claims);
	pool->claims = NULL;
}

static unsigned int kmem_unit_count(const struct kmem_unit *unit, const unsigned long *map)
{
	const unsigned int start = unit->first_dpn % BITS_PER_LONG;

	return bitmap_weight_from(map + BIT_WORD(unit->first_dpn), start,
				  start + unit->nr_pages);
}

/* What is bad and holds nothing is counted anew. */
static void kmem_pool_forget_bad(struct kmem_pool *pool)
{
	lockdep_assert_held(&pool->lock);
	WRITE_ONCE(pool->nr_used, pool->nr_used + pool->nr_bad);
	WRITE_ONCE(pool->nr_bad, 0);
}

/* So many pages of it are free now, and none is known to hold nothing and be bad. */
static void kmem_unit_recount(struct kmem_pool *pool, struct kmem_unit *unit, int nr_free)
{
	lockdep_assert_held(&pool->lock);
	kmem_unit_account(pool, unit, nr_free - (int)unit->nr_free);
	if (!pool->nr_to_clear)
		return;
	pool->nr_to_clear -= kmem_unit_count(unit, pool->to_clear);
	bitmap_clear(pool->to_clear, unit->first_dpn, unit->nr_pages);
}

/**
 * kmem_pool_adopt - what was claimed is in use, everything else is free: open the pool
 * @pool: the pool
 *
 * Context: may sleep.
 * Return: 0; -EUCLEAN if a page that holds data is in memory that is lent, in
 * which case the pool stays as it was.
 */
int kmem_pool_adopt(struct kmem_pool *pool)
{
	unsigned long i;

	if (WARN_ON_ONCE(READ_ONCE(pool->lend)))
		return -EUCLEAN;
	for (i = 0; i < pool->nr_units; i++) {
		if (pool->units[i].state == KMEM_UNIT_RAM &&
		    kmem_unit_count(&pool->units[i], pool->claims))
			return -EUCLEAN;
		cond_resched();
	}

	scoped_guard(spinlock, &pool->lock) {
		swap(pool->used, pool->claims);
		kmem_pool_forget_bad(pool);
	}
	for (i = 0; i < pool->nr_units; i++) {
		struct kmem_unit *unit = &pool->units[i];

		scoped_guard(spinlock, &pool->lock) {
			kmem_unit_recount(pool, unit,
					  unit->nr_pages - kmem_unit_count(unit, pool->used));
			if (unit->state != KMEM_UNIT_RAM)
				kmem_unit_claim_bad(pool, unit);
		}
		cond_resched();
	}
	kmem_pool_drop_claims(pool);
	scoped_guard(spinlock, &pool->lock)
		kmem_pool_note_space(pool, true);
	wake_up_all(&pool->wait);
	return 0;
}

/**
 * kmem_pool_close - nothing is free any more, as nobody knows what holds data
 * @pool: the pool; nothing of it is lent
 *
 * Context: may sleep; no plugin is attached.
 */
void kmem_pool_close(struct kmem_pool *pool)
{
	unsigned long i;

	for (i = 0; i < pool->nr_units; i++) {
		struct kmem_unit *unit = &pool->units[i];

		scoped_guard(spinlock, &pool->lock)
			kmem_unit_recount(pool, unit, 0);
		cond_resched();
	}
	guard(spinlock)(&pool->lock);
	kmem_pool_forget_bad(pool);
}

static unsigned long kmem_segment_units(const struct kmem_segment *seg)
{
	return DIV_ROUND_UP_ULL(seg->nr_pages, pageblock_nr_pages);
}

static void kmem_pool_init_units(struct kmem_pool *pool,
				 const struct kmem_segment *seg)
{
	struct kmem_unit *unit = &pool->units[seg->first_unit];
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
 * @pool: the pool
 *
 * It covers what may be in flight: 1 MiB per CPU, at least 4 MiB, at most one
 * hundredth of the device, but never less than the plugin needs.
 *
 * Context: any. Return: pages.
 */
u64 kmem_pool_default_reserve(const struct kmem_pool *pool)
{
	const u64 pages = min_t(u64, pool->segs->nr_pages / 100,
				PHYS_PFN(max_t(u64, SZ_4M,
					       (u64)SZ_1M * num_possible_cpus())));

	return max(pages, READ_ONCE(pool->min_reserve));
}

/**
 * kmem_pool_init - set up the pool for the segments of the device
 * @pool: to be filled, all zeroes; kmem_pool_destroy() has to follow, whatever this returns
 * @segs: the segments
 * @ops: who is told of what
 *
 * The pool is closed: nothing is known to be free before kmem_pool_adopt().
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int kmem_pool_init(struct kmem_pool *pool, struct kmem_segments *segs,
		   const struct kmem_pool_ops *ops)
{
	unsigned int i;

	pool->segs = segs;
	pool->ops = ops;
	mutex_init(&pool->units_lock);
	spin_lock_init(&pool->lock);
	init_waitqueue_head(&pool->wait);
	for (i = 0; i < KMEM_POOL_NR_LISTS; i++)
		INIT_LIST_HEAD(&pool->lists[i]);

	pool->nr_units = 0;
	for (i = 0; i < pool->segs->num_segments; i++) {
		pool->segs->segments[i].first_unit = pool->nr_units;
		pool->nr_units += kmem_segment_units(&pool->segs->segments[i]);
	}

	pool->nr_used = pool->segs->nr_pages;
	/* 16 MiB for a TiB, looked at all over: in huge pages where there are some. */
	pool->units = vmalloc_huge(array_size(pool->nr_units, sizeof(*pool->units)),
				   GFP_KERNEL | __GFP_ZERO);
	pool->moving = vzalloc(BITS_TO_LONGS(pool->nr_units) * sizeof(long));
	/* Not a list: what cannot be cleared now would keep out what can. */
	pool->to_clear = vzalloc(kmem_pool_bytes(pool));
	pool->cleared = kmalloc_array(KMEM_CLEAR_MAX, sizeof(*pool->cleared), GFP_KERNEL);
	if (!pool->units || !pool->moving || !pool->to_clear || !pool->cleared)
		return -ENOMEM;

	for (i = 0; i < pool->segs->num_segments; i++)
		kmem_pool_init_units(pool, &pool->segs->segments[i]);

	pool->reserve = kmem_pool_default_reserve(pool);
	pool->limit = U64_MAX;
	pool->metadata = U64_MAX;
	pool->metadata_lacks = jiffies;
	pool->low_water = pool->segs->nr_pages / 20;
	pool->squeezed = jiffies;
	pool->slack = clamp(pool->nr_units / 128, 1, 16) * pageblock_nr_pages;
	return 0;
}

/**
 * kmem_pool_destroy - counterpart of kmem_pool_init(), even if it failed
 * @pool: the pool
 *
 * Context: sleeps.
 */
void kmem_pool_destroy(struct kmem_pool *pool)
{
	vfree(pool->units);
	vfree(pool->used);
	vfree(pool->claims);
	vfree(pool->moving);
	vfree(pool->to_clear);
	kfree(pool->cleared);
}

#include "tests/pool_kunit.h"

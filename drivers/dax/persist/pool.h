/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which page holds data, and who has which pageblock: pool.c
 */
#ifndef _DAX_KMEM_PERSIST_POOL_H
#define _DAX_KMEM_PERSIST_POOL_H

#include <linux/cache.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include "bad.h"
#include "pages.h"
#include "segments.h"

struct kmem_pool;

/**
 * enum kmem_unit_state - who has a unit (a pageblock of the device)
 * @KMEM_UNIT_ABSENT: no memory block around it is online (or ever will be: the
 *		      unaligned head and tail). The pool hands its pages out by
 *		      address, there is no struct page to care for.
 * @KMEM_UNIT_POOL: online and ours: PageOffline, refcount 0, not managed
 * @KMEM_UNIT_MOVING: the same, but being emptied: nothing is allocated from it
 * @KMEM_UNIT_RAM: lent to the page allocator
 * @KMEM_UNIT_TAKING: the same, but the worker tries to take it back; its memory block
 *		      does not finish going offline meanwhile
 * @KMEM_UNIT_NR_STATES: number of states
 *
 * Transitions, all made by kmem_unit_set_state():
 *   ABSENT -> POOL	memory block went online
 *   POOL -> RAM	released, all of its pages free
 *   RAM -> POOL	it was not released after all: a page of it is poisoned
 *   RAM -> TAKING	the worker chose it
 *   TAKING -> POOL	taken back
 *   TAKING -> RAM	it was not to be had
 *   POOL -> MOVING	the compactor chose it
 *   MOVING -> POOL	the compactor is done with it, whether or not it is empty
 *   POOL, MOVING, RAM -> ABSENT	memory block went offline
 */
enum kmem_unit_state {
	KMEM_UNIT_ABSENT,
	KMEM_UNIT_POOL,
	KMEM_UNIT_MOVING,
	KMEM_UNIT_RAM,
	KMEM_UNIT_TAKING,
	KMEM_UNIT_NR_STATES,
};

/**
 * enum kmem_space - can the plugin get what it will need?
 * @KMEM_SPACE_OK: yes
 * @KMEM_SPACE_LOW: less than the low-water mark is left
 * @KMEM_SPACE_NONE: somebody waited for pages in vain
 */
enum kmem_space {
	KMEM_SPACE_OK,
	KMEM_SPACE_LOW,
	KMEM_SPACE_NONE,
};

/*
 * Units with free pages hang on the list of their fullness, so that pages come
 * from the fullest unit first and empty units appear and can be lent. Units with
 * no page in use come last: first those that cannot be lent, then those in a zone
 * that gives memory back reluctantly and are therefore lent last, then those in
 * ZONE_MOVABLE.
 */
#define KMEM_POOL_NR_PARTIAL	14
#define KMEM_POOL_EMPTY_ABSENT	KMEM_POOL_NR_PARTIAL
#define KMEM_POOL_EMPTY_KERNEL	(KMEM_POOL_NR_PARTIAL + 1)
#define KMEM_POOL_EMPTY_MOVABLE	(KMEM_POOL_NR_PARTIAL + 2)
#define KMEM_POOL_NR_LISTS	(KMEM_POOL_NR_PARTIAL + 3)

/**
 * struct kmem_unit - one pageblock of the device, or a piece of head or tail
 * @list: on kmem_pool.lists while it has free pages for the pool
 * @first_dpn: its first page
 * @nr_pages: its size
 * @nr_free: pages not in use by the plugin; all of them while RAM
 * @state: who has it, &enum kmem_unit_state
 * @exposed: it went through the page allocator since its block went online
 * @frozen: its memory block is going offline, leave it alone
 * @movable: its memory block is in ZONE_MOVABLE
 * @stuck: the compactor could not empty it
 * @unerased: its free pages may hold what should have been erased: not lent
 *
 * 32 bytes per 2 MiB. Protected by kmem_pool.lock; @state, @exposed, @frozen and
 * @movable are changed under kmem_pool.units_lock, too, and may be read under
 * either.
 */
struct kmem_unit {
	struct list_head list;
	u64 first_dpn;
	u32 nr_pages:23;
	u32 unerased:1;
	u32 state:4;
	u32 exposed:1;
	u32 frozen:1;
	u32 movable:1;
	u32 stuck:1;
	u32 nr_free;
};

/**
 * struct kmem_pool_ops - what the pool asks of those that are above it
 * @unbalanced: there is something to lend, or to be taken; @hurry: somebody waits
 * @scattered: what could be lent is scattered
 * @level_changed: &kmem_pool.space is another one; kmem_pool.lock is held
 * @bad_idle: there is a bad page that could be cleared; kmem_pool.lock is held
 *
 * They start work, and do none. Context: any but interrupts.
 */
struct kmem_pool_ops {
	void (*unbalanced)(struct kmem_pool *pool, bool hurry);
	void (*scattered)(struct kmem_pool *pool);
	void (*level_changed)(struct kmem_pool *pool);
	void (*bad_idle)(struct kmem_pool *pool);
};

/**
 * struct kmem_pool - the pages of a device
 * @segs: where they are
 * @ops: who is told
 * @units: all units in order of their pages
 * @nr_units: entries in @units
 * @moving: a bit per unit, set while it is MOVING; changes under @lock
 * @nr_moving: bits in @moving
 * @zero_on_free: what the plugin frees is erased on the media first
 * @no_remnants: and that was so as long as there was anything to erase
 * @claims: a bit per page that is said to hold data, while that is looked for
 *
 * @lock: Protects the members below, the lists and the units. Innermost, never held
 *	  over anything that sleeps; safe in any I/O path. It is taken in pool.c only.
 * @used: a bit per page, set while it holds data, or is bad
 * @lists: units with free pages by fullness
 * @nr_free: free pages by the state of their unit; all pages of RAM units
 * @nr_empty: pages of units that could be lent
 * @nr_used: pages in use by the plugin
 * @nr_bad: pages that are bad and hold no data; nobody gets them
 * @nr_unerased: units with @unerased set
 * @nr_erasing: pages that are being erased, neither free nor used
 * @nr_wanted: pages somebody waits for
 * @reserve: free pages kept for overwrites and metadata
 * @min_reserve: what it is at least, as the plugin says
 * @slack: free pages kept above the reserve, so that the boundary does not move
 *	   with each write
 * @keep: pages that are the plugin's, used or free, whatever it needs now
 * @limit: most pages the plugin may use, except for overwrites and metadata
 * @metadata: how far metadata may go beyond that; U64_MAX for the default
 * @metadata_lacks: jiffies, until then some was looked for that was not there
 * @metadata_none: metadata has waited in vain since it got some
 * @low_water: the plugin is told when it can get fewer pages than that
 * @squeezed: jiffies, until then there is no slack: RAM is short
 * @space: &enum kmem_space
 * @scrub_partly: something that should have been erased is lent, or was not erased
 * @to_clear: a bit per page, set for bad ones that hold nothing, and that nobody has tried
 *	      to clear yet
 * @nr_to_clear: how many these are
 * @cleared: pages that were cleared: another time they are not, see @nr_cleared
 * @nr_cleared: bad pages that were made usable again since the device was bound
 * @may_clear: they are cleared: a plugin is attached
 * @wait: who is called when pages become free
 *
 * @units_lock: Protects the exchange with the page allocator: @lend and the
 *		state of every unit. Holding it guarantees that no unit
 *		changes hands and no memory block finishes going on- or
 *		offline. Held for short, and over nothing that allocates or
 *		moves pages, as the OOM notifier takes it.
 * @lend: the used pages are known, what is free may be lent
 *
 * What I/O reads all the time has a cache line of its own, before that of @lock: or who
 * takes pages from the pool would take the line from all who do I/O.
 *
 * Most of it may be read without a lock, and is old then.
 *
 * Lock order: memory hotplug locks -> @units_lock -> @lock.
 */
struct kmem_pool {
	struct kmem_segments *segs;
	const struct kmem_pool_ops *ops;
	struct kmem_unit *units;
	unsigned long nr_units;
	unsigned long *moving;
	unsigned int nr_moving;
	bool zero_on_free;
	bool no_remnants;
	unsigned long *claims;

	/* What changes when pages come from the pool or go back, a batch at a time. */
	spinlock_t lock ____cacheline_aligned_in_smp;	/* which page is used */
	unsigned long *used;
	struct list_head lists[KMEM_POOL_NR_LISTS] __guarded_by(&lock);
	u64 nr_free[KMEM_UNIT_NR_STATES];
	u64 nr_empty;
	u64 nr_used;
	u64 nr_bad;
	unsigned long nr_unerased;
	unsigned int nr_erasing;
	u64 nr_wanted;
	u64 reserve;
	u64 min_reserve;
	u64 slack;
	u64 keep;
	u64 limit;
	u64 metadata;
	unsigned long metadata_lacks;
	u64 low_water;
	unsigned long squeezed;
	enum kmem_space space;
	bool metadata_none;
	bool scrub_partly;
	bool may_clear;
	unsigned long *to_clear;
	u64 nr_to_clear;
	u64 *cleared;
	u64 nr_cleared;
	wait_queue_head_t wait;

	struct mutex units_lock ____cacheline_aligned_in_smp;	/* who has which unit */
	bool lend;
};

/**
 * struct kmem_usage - one consistent look at who has what, in pages
 * @capacity: the device
 * @stored: in use by the plugin, superblocks included
 * @pool: free for the plugin, in online memory
 * @lent: RAM
 * @absent: free for the plugin, in memory that is not online
 * @bad: pages with media errors that hold no data
 *
 * @capacity is the sum of all others.
 */
struct kmem_usage {
	u64 capacity;
	u64 stored;
	u64 pool;
	u64 lent;
	u64 absent;
	u64 bad;
};

/**
 * enum kmem_pool_lack - what stands in the way of who waits for pages
 * @KMEM_POOL_LACK_NEWS: somebody else was told before
 * @KMEM_POOL_LACK_LIMIT: the plugin may not use more
 * @KMEM_POOL_LACK_LENT: the rest is lent, and did not come back
 * @KMEM_POOL_LACK_ALL: there is no more
 */
enum kmem_pool_lack {
	KMEM_POOL_LACK_NEWS,
	KMEM_POOL_LACK_LIMIT,
	KMEM_POOL_LACK_LENT,
	KMEM_POOL_LACK_ALL,
};

/* The unit that a page is in; for each page that is read or written. */
static inline struct kmem_unit *kmem_pool_unit(const struct kmem_pool *pool, u64 dpn)
{
	const struct kmem_segment *seg = kmem_segments_find(pool->segs, dpn);

	return &pool->units[seg->first_unit +
			    (dpn - seg->first_dpn) / pageblock_nr_pages];
}

/* Is it in a unit that is being emptied? */
static inline bool kmem_pool_page_moves(const struct kmem_pool *pool, u64 dpn)
{
	return test_bit(kmem_pool_unit(pool, dpn) - pool->units, pool->moving);
}

/* Is it not known that it is in vain to wait for pages? */
static inline bool kmem_pool_has_space(const struct kmem_pool *pool, unsigned int flags)
{
	return READ_ONCE(pool->space) != KMEM_SPACE_NONE ||
	       (flags & KMEM_ALLOC_META && !READ_ONCE(pool->metadata_none));
}

static inline unsigned long kmem_unit_pfn(const struct kmem_pool *pool,
					  const struct kmem_unit *unit)
{
	return kmem_segments_pfn(pool->segs, unit->first_dpn);
}

/* The device. */
int kmem_pool_init(struct kmem_pool *pool, struct kmem_segments *segs,
		   const struct kmem_pool_ops *ops);
void kmem_pool_destroy(struct kmem_pool *pool);
u64 kmem_pool_default_reserve(const struct kmem_pool *pool);
void kmem_pool_changed(struct kmem_pool *pool);
void kmem_pool_usage(struct kmem_pool *pool, struct kmem_usage *usage);

/* Which pages hold data, when a plugin comes. */
int kmem_pool_begin_claims(struct kmem_pool *pool);
void kmem_pool_drop_claims(struct kmem_pool *pool);
int kmem_pool_adopt(struct kmem_pool *pool);
void kmem_pool_close(struct kmem_pool *pool);
void kmem_pool_unclaim(struct kmem_pool *pool);
int kmem_pool_claim_page(struct kmem_pool *pool, u64 dpn);
unsigned int kmem_pool_claim_groups(struct kmem_pool *pool,
				    const struct kmem_page_group *groups,
				    unsigned int nr, bool shared);

/* Pages for the plugin. */
unsigned int kmem_pool_alloc(struct kmem_pool *pool, u64 *dpns, unsigned int nr,
			     unsigned int flags);
void kmem_pool_free(struct kmem_pool *pool, const u64 *dpns, unsigned int nr);
void kmem_pool_wait_begin(struct kmem_pool *pool, unsigned int nr);
void kmem_pool_wait_end(struct kmem_pool *pool, unsigned int nr);
enum kmem_pool_lack kmem_pool_no_space(struct kmem_pool *pool);
enum kmem_pool_lack kmem_pool_no_metadata(struct kmem_pool *pool);
u64 kmem_pool_metadata(const struct kmem_pool *pool);
u64 kmem_pool_beyond_limit(const struct kmem_pool *pool);
bool kmem_pool_lacks_metadata(const struct kmem_pool *pool);

/* Where the boundary should be. */
u64 kmem_pool_lent(const struct kmem_pool *pool);
u64 kmem_pool_reachable(const struct kmem_pool *pool);
u64 kmem_pool_shortage(const struct kmem_pool *pool);
bool kmem_pool_is_low(const struct kmem_pool *pool);
bool kmem_pool_is_high(const struct kmem_pool *pool);
u64 kmem_pool_empty_pages(const struct kmem_pool *pool);
u64 kmem_pool_scattered(const struct kmem_pool *pool);
bool kmem_pool_is_scattered(const struct kmem_pool *pool);
void kmem_pool_squeeze(struct kmem_pool *pool);
void kmem_pool_look(struct kmem_pool *pool);
void kmem_pool_settle(struct kmem_pool *pool);

/* Units change hands. */
struct kmem_unit *kmem_pool_lend_unit(struct kmem_pool *pool);
bool kmem_pool_lend_like(struct kmem_pool *pool, struct kmem_unit *unit,
			 const struct kmem_unit *other);
void kmem_pool_lend_failed(struct kmem_pool *pool, struct kmem_unit *unit);
bool kmem_run_continues(const struct kmem_pool *pool, const struct kmem_unit *first,
			unsigned int nr);
void kmem_pool_take_begin(struct kmem_pool *pool, struct kmem_unit *first, unsigned int nr);
void kmem_pool_take_failed(struct kmem_pool *pool, struct kmem_unit *first, unsigned int nr);
void kmem_pool_take_done(struct kmem_pool *pool, struct kmem_unit *first, unsigned int nr);
bool kmem_pool_is_taking(struct kmem_pool *pool, unsigned long first, unsigned long nr);
void kmem_pool_online(struct kmem_pool *pool, unsigned long first, unsigned long nr,
		      bool movable);
void kmem_pool_set_frozen(struct kmem_pool *pool, unsigned long first, unsigned long nr,
			  bool frozen);
bool kmem_pool_is_last_online(const struct kmem_pool *pool, unsigned long first,
			      unsigned long nr);
void kmem_pool_offline(struct kmem_pool *pool, unsigned long first, unsigned long nr);

/* Units are emptied. */
int kmem_unit_sparseness(const struct kmem_pool *pool, const struct kmem_unit *unit);
bool kmem_pool_start_moving(struct kmem_pool *pool, struct kmem_unit *unit, u64 *need);
unsigned int kmem_pool_end_moving(struct kmem_pool *pool, bool all);
void kmem_pool_unstick(struct kmem_pool *pool);

/* Free pages are erased. */
bool kmem_pool_set_unerased(struct kmem_pool *pool, bool unerased);
bool kmem_pool_erase_some(struct kmem_pool *pool, struct kmem_unit *unit, u64 *pos);
void kmem_pool_begin_erasing(struct kmem_pool *pool, bool needed);
bool kmem_pool_end_erasing(struct kmem_pool *pool);
void kmem_pool_erase_partly(struct kmem_pool *pool);

/* Bad pages. */
void kmem_pool_withdraw_bad(struct kmem_pool *pool);
void kmem_pool_set_may_clear(struct kmem_pool *pool, bool may_clear);
void kmem_pool_look_to_clear(struct kmem_pool *pool);
bool kmem_pool_get_to_clear(struct kmem_pool *pool, u64 *pos, u64 *dpn);
bool kmem_pool_free_cleared(struct kmem_pool *pool, u64 dpn);

#endif /* _DAX_KMEM_PERSIST_POOL_H */

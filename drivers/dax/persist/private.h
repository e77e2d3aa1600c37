/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the framework share
 */
#ifndef _DAX_KMEM_PERSIST_PRIVATE_H
#define _DAX_KMEM_PERSIST_PRIVATE_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/ratelimit_types.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "../bus.h"
#include "../kmem_persist.h"
#include "format.h"
#include "hooks.h"
#include "inject.h"
#include "places.h"
#include "request.h"

struct dentry;
struct dev_dax;
struct dev_dax_range;
struct kmem_pool_saved;
struct range;
struct shrinker;
struct task_struct;

/**
 * enum kmem_persist_state - life cycle of a device, as persist/state shows it
 * @KMEM_PERSIST_HELD: "held", memory added, nothing released, nothing written,
 *		       see persist/reason
 * @KMEM_PERSIST_ACTIVE: "active", a plugin keeps data, the rest is lent
 * @KMEM_PERSIST_DETACHED: "detached", the plugin has left; which pages hold data
 *			   is still known and respected
 *
 * A device without superblock ("plain") has no &struct kmem_persist at all.
 * HELD -> ACTIVE -> DETACHED, DETACHED -> ACTIVE or HELD when unplug fails;
 * protected by kmem_persist.lock.
 */
enum kmem_persist_state {
	KMEM_PERSIST_HELD,
	KMEM_PERSIST_ACTIVE,
	KMEM_PERSIST_DETACHED,
};

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
 * enum kmem_refusal - why memory was not taken, as persist/refused_* show it
 * @KMEM_REFUSED_NOT: there is nothing against it
 * @KMEM_REFUSED_PINNED: somebody has a reference to a page
 * @KMEM_REFUSED_LOCKED: a page is locked
 * @KMEM_REFUSED_WRITEBACK: a page is under writeback
 * @KMEM_REFUSED_ISOLATED: somebody else moves a page, or it is about to be listed
 * @KMEM_REFUSED_HUGETLB: a free page of hugetlbfs, which is the administrator's
 * @KMEM_REFUSED_POISON: memory_failure() has given a page up
 * @KMEM_REFUSED_KERNEL: a page of the kernel or of a driver
 * @KMEM_REFUSED_BUSY: none of these, but moving it failed
 * @KMEM_REFUSED_SLOW: moving it takes too long
 * @KMEM_REFUSED_NO_MEMORY: there is no place to move it to
 * @KMEM_REFUSED_RAM_FLOOR: ram_floor_bytes
 * @KMEM_REFUSED_NODE_FLOOR: node_floor_bytes
 * @KMEM_REFUSED_LIMIT: limit_bytes
 * @KMEM_NR_REFUSALS: number of reasons
 *
 * The first ones are of single pages: a pageblock that has one cannot be taken.
 */
enum kmem_refusal {
	KMEM_REFUSED_NOT,
	KMEM_REFUSED_PINNED,
	KMEM_REFUSED_LOCKED,
	KMEM_REFUSED_WRITEBACK,
	KMEM_REFUSED_ISOLATED,
	KMEM_REFUSED_HUGETLB,
	KMEM_REFUSED_POISON,
	KMEM_REFUSED_KERNEL,
	KMEM_REFUSED_BUSY,
	KMEM_REFUSED_SLOW,
	KMEM_REFUSED_NO_MEMORY,
	KMEM_REFUSED_RAM_FLOOR,
	KMEM_REFUSED_NODE_FLOOR,
	KMEM_REFUSED_LIMIT,
	KMEM_NR_REFUSALS,
};

/**
 * enum kmem_step - what the worker of the exchange has come to
 * @KMEM_STEP_DONE: there is nothing to do
 * @KMEM_STEP_MOVED: memory has changed hands
 * @KMEM_STEP_LOOKED: nothing here, but there are more places to look at
 * @KMEM_STEP_FAILED: an attempt failed, another may not
 * @KMEM_STEP_LIMITED: there were enough attempts that failed
 * @KMEM_STEP_NOWHERE: nothing is lent that could be taken
 * @KMEM_STEP_NO_MEMORY: there is no place for what would have to move
 * @KMEM_STEP_SHORT: there is not so much RAM that storage may have more
 */
enum kmem_step {
	KMEM_STEP_DONE,
	KMEM_STEP_MOVED,
	KMEM_STEP_LOOKED,
	KMEM_STEP_FAILED,
	KMEM_STEP_LIMITED,
	KMEM_STEP_NOWHERE,
	KMEM_STEP_NO_MEMORY,
	KMEM_STEP_SHORT,
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
 * @list: on kmem_persist.pool_lists while it has free pages for the pool
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
 * 32 bytes per 2 MiB. Protected by pool_lock; @state, @exposed, @frozen and
 * @movable are changed under exchange_lock and pool_lock, and may be read under
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
 * struct kmem_segment - consecutive pages with consecutive kernel addresses
 * @first_dpn: first page
 * @nr_pages: length
 * @kaddr: address of the first page
 * @phys: physical address of the first page
 * @first_unit: index of its first unit
 * @range: index of its range in the DAX device
 * @hotplug: memory that is hotplugged, @kaddr is in the direct map
 * @remapped: @kaddr comes from memremap()
 *
 * A range of the device gives up to three: unaligned head, the memory blocks,
 * unaligned tail. Constant while a plugin is attached.
 */
struct kmem_segment {
	u64 first_dpn;
	u64 nr_pages;
	void *kaddr;
	phys_addr_t phys;
	unsigned long first_unit;
	int range;
	bool hotplug;
	bool remapped;
};

/**
 * struct kmem_errors - read errors that the superblock does not know yet
 * @count: how many
 * @first_dpn: page of the first
 * @first_time: and when it was found, seconds
 * @last_dpn: page of the last
 * @last_time: and when it was found
 */
struct kmem_errors {
	u64 count;
	u64 first_dpn;
	time64_t first_time;
	u64 last_dpn;
	time64_t last_time;
};

/**
 * struct kmem_persist - a DAX device with a superblock
 * @dev: the DAX device
 * @dev_dax: same
 * @info: what its region knows
 * @tables: its folder in debugfs
 * @node: on the list of all devices
 * @nr_pages: size of the device
 * @num_segments: entries in @segments
 * @segments: where its pages are
 * @media: for the media calls
 * @nr_moving: bits in @moving
 * @moving: a bit per unit, set while it is MOVING; changes under @pool_lock
 * @zero_on_free: what the plugin frees is erased on the media first
 * @no_remnants: and that was so as long as there was anything to erase
 * @visitors: who found the device on the list, and looks at it without the list's lock
 * @users: who uses the data right now, as the plugin counts them
 * @offline_allowed: memory blocks may go offline although there are users
 * @offline_said: one line per second says that they may not
 * @bad: a bit per page, set when it is known to be bad; cleared when the page is free and
 *	 its errors are cleared
 * @has_bad: one of them is
 * @nr_known_bad: of these, those that the region knows, when it was asked last
 * @nr_cleared: bad pages that were made usable again since the device was bound, @cleared
 *		says which; pool_lock
 * @ask_work: asks the region for more
 * @clear_work: has the region clear bad pages that hold nothing
 * @bad_work: carries @errors over to the superblock, not too often
 *
 * @lock: life cycle. Protects @state, @reason, @ops, @waiting, @doomed, @format_type
 *	  and @sb. Holding it guarantees that no plugin comes or goes. Attaching may
 *	  take long: whoever only wants to know or to set something does not wait for
 *	  that, see kmem_persist_lock_active().
 * @plugin_sem: for reading by who calls the plugin without @lock (moving data,
 *		events), which may take long; for writing, under @lock, while the plugin
 *		comes, or goes: as long as it is held @ops stays, and it may be called
 * @text_lock: for who shows @reason, or @sb: changes are made under it, too
 * @state: &enum kmem_persist_state
 * @reason: why it is held
 * @ops: the plugin, once it has started, while ACTIVE
 * @waiting: held for want of a plugin
 * @format_type: format with this type at attach, -1 for none
 * @doomed: held for a reason that only another binding can change
 * @abandoned: unbound, and memory blocks of it are still there; protected by the lock of
 *	the list of devices
 * @sb: the superblock as it is on the media; changes with kmem_persist_write_sb() only.
 *	For who shows it: under @text_lock, errors under @pool_lock
 * @sb_next: what is being prepared to be written, see kmem_persist_change_sb()
 * @sb_set: its copies on the media
 * @sb_said: places of which the log says that they do not take it
 * @sb_copies: how many places hold it, 0 before it was written
 * @sb_seen: the highest generation that any valid superblock on the device had
 * @anonymous: the device is no namespace, there is no marker
 * @vouched: root vouches for the superblock: namespace and marker learn it at attach
 * @owned_uuid: no other device is attached with this uuid; under the lock of the list of
 *		devices
 * @priv: plugin's
 * @attach_work: attaches when a plugin was registered
 * @scrub_work: erases what was not erased when it was freed
 * @scrub_stop: it is to end
 * @scrub_needed: this attach has found something to erase
 * @scrub_errors: media errors that were known when it began
 * @scrub_partly: something that should have been erased is lent, or was not erased
 *
 * @bad_lock: Held while the region is asked which pages are bad, and from when it is asked
 *	      to clear one until @bad says that it is not bad any more: the two agree.
 *	      Only workers take it, as the platform may take its time.
 *
 * @exchange_lock: Protects the exchange with the page allocator: @lend and the
 *		   state of every unit. Holding it guarantees that no unit
 *		   changes hands and no memory block finishes going on- or
 *		   offline. Held for short, and over nothing that allocates or
 *		   moves pages, as the OOM notifier takes it.
 * @lend: the used pages are known, what is free may be lent
 * @take_wait: woken when units are TAKING no more
 * @lent_then: what was lent when watermarks were computed last, pages
 * @take_cursor: unit to look at next when taking memory; from here to @resting
 *		 the worker's, @work
 * @take_run: units to take at once; halves on failure, doubles on success
 * @take_scanned: units stepped over since the last one in ZONE_MOVABLE
 * @take_vain: units that could not be taken since the last success
 * @take_failed: attempts that failed since the last success, or pause
 * @take_slow: attempts that took too long for the unit at @take_cursor
 * @taker: who takes memory right now
 * @short_of_ram: ram_floor_bytes was reached, wait until there is a little more
 * @is_short: this device has its share of the attempts that may fail
 * @refused: why memory was not taken, and how often
 * @refused_lately: the same, since the last success
 * @ram_floor: available RAM below which nothing is taken, pages; U64_MAX for the
 *	       default
 * @node_floor: nothing is taken below so many lent pages
 * @work: moves the boundary
 * @retry_ms: pause before the next round while somebody waits
 * @resting: @work comes back after a long pause, as nobody waits
 * @compact_work: empties sparse units; runs while @lend
 * @compact_lock: held by who compacts: the worker, or who asked for it
 * @compact_unstick: jiffies, when units that were stuck have another chance
 * @compact_pause: jiffies between such chances; doubles when they are in vain
 * @compact_stop: the plugin is about to leave, end the current pass
 * @nr_taken: pages ever taken from the page allocator
 * @nr_given: pages ever given to it
 * @nr_busy: attempts to take memory that failed
 * @nr_takes: attempts that did not
 * @take_ns: what they cost
 * @busy_ns: what failing cost
 * @give_ns: what giving cost
 * @nr_moved: pages whose data the plugin moved for the compactor
 * @scan_ns: what it took the plugin to find its data
 * @scan_bytes: what it has read for that
 *
 * @pool_lock: Protects the members below and the lists. Innermost, never held
 *	       over anything that sleeps; safe in any I/O path.
 * @used: a bit per page, set while it holds data, or is bad
 * @nr_units: entries in @units
 * @units: all units in order of their pages
 * @pool_lists: units with free pages by fullness
 * @nr_free: free pages by the state of their unit; all pages of RAM units
 * @nr_empty: pages of units that could be lent
 * @nr_used: pages in use by the plugin
 * @nr_bad: pages that are bad and hold no data; nobody gets them
 * @to_clear: those of them that @clear_work has not tried yet
 * @nr_to_clear: how many these are
 * @cleared: pages that were cleared: another time they are not, see @nr_cleared
 * @may_clear: @clear_work may run: a plugin is attached
 * @nr_unerased: units with @unerased set
 * @nr_erasing: pages that are being erased, neither free nor used
 * @errors: read errors
 * @nr_wanted: pages somebody waits for
 * @reserve: free pages kept for overwrites and metadata
 * @min_reserve: what it is at least, as the plugin says
 * @slack: free pages kept above the reserve, so that the boundary does not move
 *	   with each write
 * @keep: pages that are the plugin's, used or free, whatever it needs now
 * @limit: most pages the plugin may use, except for overwrites and metadata
 * @low_water: the plugin is told when it can get fewer pages than that
 * @squeezed: jiffies, until then there is no slack: RAM is short
 * @space: &enum kmem_space
 * @wait: who is called when pages become free
 *
 * @space_work: reports that @space changed, but not more often than once a second
 * @space_told: what users know of @space
 * @space_next: jiffies, until then nobody is told
 * @shrinker: gives RAM back when its node is short of it
 * @oom_nb: gives RAM back before the OOM killer comes
 *
 * Two groups of members have cache lines of their own: what I/O reads all the time, and
 * the pool. Or who takes pages from the pool would take the lines from all who do I/O.
 *
 * Lock order: memory hotplug locks -> exchange_lock -> pool_lock; lock -> plugin_sem
 * -> exchange_lock; compact_lock -> plugin_sem; lock -> text_lock; bad_lock -> pool_lock,
 * and not under lock, plugin_sem or exchange_lock. Nothing is taken
 * under the locks of the lists of devices and of plugins, which may be taken anywhere.
 */
struct kmem_persist {
	struct device *dev;
	struct dev_dax *dev_dax;
	struct dax_region_info info;
	struct dentry *tables;
	struct list_head node;
	atomic_t visitors;
	atomic_t users;
	bool offline_allowed;
	struct ratelimit_state offline_said;
	u64 nr_known_bad;
	u64 nr_cleared;
	struct mutex bad_lock;		/* what regions and @bad say */
	struct work_struct ask_work;
	struct delayed_work clear_work;
	struct delayed_work bad_work;

	/* What I/O reads all the time and next to nobody writes. */
	u64 nr_pages ____cacheline_aligned_in_smp;
	struct kmem_segment *segments;
	unsigned int num_segments;
	unsigned int nr_moving;
	unsigned long *moving;
	unsigned long *bad;
	bool has_bad;
	bool zero_on_free;
	bool no_remnants;
	struct kmem_media media;

	struct mutex lock ____cacheline_aligned_in_smp;	/* life cycle */
	struct rw_semaphore plugin_sem;	/* the plugin is being called */
	spinlock_t text_lock;		/* reason and superblock, for who shows them */
	enum kmem_persist_state state;
	char reason[240];
	struct kmem_persist_ops *ops;
	bool waiting;
	int format_type;
	bool doomed;
	bool abandoned;
	struct kmem_persist_superblock *sb;
	struct kmem_persist_superblock *sb_next;
	struct kmem_sb_set sb_set;
	unsigned int sb_said;
	unsigned int sb_copies;
	u64 sb_seen;
	bool anonymous;
	bool vouched;
	uuid_t owned_uuid;
	void *priv;
	struct work_struct attach_work;
	struct work_struct scrub_work;
	bool scrub_stop;
	bool scrub_needed;
	bool scrub_partly;
	u64 scrub_errors;

	struct mutex exchange_lock;	/* who has which unit */
	bool lend;
	wait_queue_head_t take_wait;
	u64 lent_then;
	unsigned long take_cursor;
	unsigned int take_run;
	unsigned long take_scanned;
	unsigned long take_vain;
	unsigned long take_failed;
	unsigned int take_slow;
	struct task_struct *taker;
	bool short_of_ram;
	bool is_short;
	u64 refused[KMEM_NR_REFUSALS];
	u64 refused_lately[KMEM_NR_REFUSALS];
	u64 ram_floor;
	u64 node_floor;
	struct delayed_work work;
	unsigned int retry_ms;
	bool resting;
	struct mutex compact_lock;	/* one compacts at a time */
	struct delayed_work compact_work;
	unsigned long compact_unstick;
	unsigned long compact_pause;
	bool compact_stop;
	u64 nr_taken;
	u64 nr_given;
	u64 nr_busy;
	u64 nr_takes;
	u64 take_ns;
	u64 busy_ns;
	u64 give_ns;
	u64 nr_moved;
	u64 scan_ns;
	u64 scan_bytes;

	/* What changes when pages come from the pool or go back, a batch at a time. */
	spinlock_t pool_lock ____cacheline_aligned_in_smp; /* which page is used */
	unsigned long *used;
	unsigned long nr_units;
	struct kmem_unit *units;
	struct list_head pool_lists[KMEM_POOL_NR_LISTS];
	u64 nr_free[KMEM_UNIT_NR_STATES];
	u64 nr_empty;
	u64 nr_used;
	u64 nr_bad;
	u64 *to_clear;
	unsigned int nr_to_clear;
	u64 *cleared;
	bool may_clear;
	unsigned long nr_unerased;
	unsigned int nr_erasing;
	struct kmem_errors errors;
	u64 nr_wanted;
	u64 reserve;
	u64 min_reserve;
	u64 slack;
	u64 keep;
	u64 limit;
	u64 low_water;
	unsigned long squeezed;
	enum kmem_space space;
	wait_queue_head_t wait;

	struct delayed_work space_work ____cacheline_aligned_in_smp;
	enum kmem_space space_told;
	unsigned long space_next;
	struct shrinker *shrinker;
	struct notifier_block oom_nb;
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

/* core.c */
typedef int (*kmem_unit_fn)(struct kmem_persist *kp, unsigned long first_unit,
			    unsigned long nr_units);
int kmem_persist_visit_block(unsigned long start_pfn, unsigned long nr_pages,
			     kmem_unit_fn fn);
void kmem_persist_retry_waiting(void);
void kmem_persist_ask_bad(const struct device *parent);
__printf(2, 3)
void kmem_persist_hold(struct kmem_persist *kp, const char *fmt, ...);
struct kmem_persist_superblock *kmem_persist_change_sb(struct kmem_persist *kp);
int kmem_persist_write_sb(struct kmem_persist *kp);
int kmem_persist_lock_active(struct kmem_persist *kp);
struct device *kmem_persist_any_active(void);

/* guard.c */
bool kmem_persist_guard(struct kmem_persist *kp);
bool kmem_guard_attach_begin(void);
void kmem_guard_attach_end(void);
int kmem_guard_init(void);
void kmem_guard_exit(void);

/* search.c */
int kmem_persist_search(struct kmem_persist *kp, struct kmem_look *look, const char *list);
void kmem_persist_hash(const struct kmem_persist_superblock *sb, u8 *hash);

/* pool.c */
int kmem_pool_init(struct kmem_persist *kp);
void kmem_pool_destroy(struct kmem_persist *kp);
void kmem_pool_forget(struct kmem_persist *kp);
struct kmem_pool_saved *kmem_pool_save(struct kmem_persist *kp);
void kmem_pool_restore(struct kmem_persist *kp, struct kmem_pool_saved *saved);
int kmem_pool_rebuild(struct kmem_persist *kp);
void kmem_unit_set_state(struct kmem_persist *kp, struct kmem_unit *unit,
			 enum kmem_unit_state state);
void kmem_unit_claim_bad_page(struct kmem_persist *kp, struct kmem_unit *unit,
			      u64 dpn);
void kmem_unit_claim_bad(struct kmem_persist *kp, struct kmem_unit *unit);
phys_addr_t kmem_pool_phys(const struct kmem_persist *kp, u64 dpn);
bool kmem_pool_get_to_clear(struct kmem_persist *kp, u64 *dpn);
bool kmem_pool_free_cleared(struct kmem_persist *kp, u64 dpn);
struct kmem_unit *kmem_pool_lend_unit(struct kmem_persist *kp);
bool kmem_pool_lend_like(struct kmem_persist *kp, struct kmem_unit *unit,
			 const struct kmem_unit *other);
int kmem_unit_sparseness(const struct kmem_persist *kp,
			 const struct kmem_unit *unit);
bool kmem_pool_start_moving(struct kmem_persist *kp, struct kmem_unit *unit,
			    u64 *need);
u64 kmem_pool_empty_pages(const struct kmem_persist *kp);
u64 kmem_pool_scattered(const struct kmem_persist *kp);
bool kmem_pool_is_scattered(const struct kmem_persist *kp);
u64 kmem_pool_reachable(const struct kmem_persist *kp);
void kmem_pool_note_space(struct kmem_persist *kp, bool got);
bool kmem_pool_set_unerased(struct kmem_persist *kp, bool unerased);
bool kmem_pool_erase_some(struct kmem_persist *kp, struct kmem_unit *unit, u64 *pos);
u64 kmem_pool_default_reserve(const struct kmem_persist *kp);
u64 kmem_pool_shortage(const struct kmem_persist *kp);
bool kmem_pool_is_low(const struct kmem_persist *kp);
bool kmem_pool_is_high(const struct kmem_persist *kp);
bool kmem_pool_is_used(const struct kmem_persist *kp, u64 dpn);
void kmem_pool_usage(struct kmem_persist *kp, struct kmem_usage *usage);

/* compact.c */
void kmem_compact_kick(struct kmem_persist *kp);
int kmem_compact_now(struct kmem_persist *kp);
void kmem_compact_stop(struct kmem_persist *kp);
void kmem_compact_work(struct work_struct *work);

/* bad.c */
int kmem_bad_init(struct kmem_persist *kp);
void kmem_bad_exit(struct kmem_persist *kp);
u64 kmem_bad_next(const struct kmem_persist *kp, u64 first_dpn, u64 end_dpn);
void kmem_bad_note(struct kmem_persist *kp, u64 dpn);
void kmem_bad_work(struct work_struct *work);
void kmem_bad_ask_work(struct work_struct *work);
void kmem_bad_idle(struct kmem_persist *kp, u64 dpn);
void kmem_bad_clear_work(struct work_struct *work);
void kmem_bad_clear_kick(struct kmem_persist *kp);
void kmem_bad_clear_start(struct kmem_persist *kp);
void kmem_bad_clear_stop(struct kmem_persist *kp);
int kmem_bad_listen(void);
void kmem_bad_unlisten(void);
void kmem_bad_merge_errors(struct kmem_persist *kp, struct kmem_errors *new);
u64 kmem_bad_show_errors(struct kmem_persist *kp, struct kmem_errors *all);

/* pressure.c */
int kmem_pressure_init(struct kmem_persist *kp);
void kmem_pressure_exit(struct kmem_persist *kp);
void kmem_pressure_squeeze(struct kmem_persist *kp);
void kmem_pressure_space_changed(struct kmem_persist *kp);

/* scrub.c */
void kmem_scrub_work(struct work_struct *work);
void kmem_scrub_prepare(struct kmem_persist *kp, bool clean);
void kmem_scrub_start(struct kmem_persist *kp);
void kmem_scrub_settle(struct kmem_persist *kp);
void kmem_scrub_stop(struct kmem_persist *kp);

/* copy.c */
void kmem_copy_choose(struct kmem_persist *kp);

/* exchange.c */
int kmem_exchange_init(void);
void kmem_exchange_exit(void);
void kmem_exchange_kick(struct kmem_persist *kp);
void kmem_exchange_hurry(struct kmem_persist *kp);
u64 kmem_exchange_give_all(struct kmem_persist *kp);
u64 kmem_exchange_try_give(struct kmem_persist *kp, u64 nr_pages);
unsigned long kmem_unit_pfn(const struct kmem_persist *kp,
			    const struct kmem_unit *unit);
bool kmem_run_continues(const struct kmem_persist *kp,
			const struct kmem_unit *first, unsigned int nr);
void kmem_exchange_start(struct kmem_persist *kp);
void kmem_exchange_stop(struct kmem_persist *kp);
void kmem_exchange_work(struct work_struct *work);

/* take.c */
enum kmem_step kmem_take(struct kmem_persist *kp, u64 wanted);
void kmem_take_short(struct kmem_persist *kp, bool is_short);
void kmem_take_wait(struct kmem_persist *kp, unsigned long first, unsigned long nr);
u64 kmem_take_ram_floor(const struct kmem_persist *kp);
void kmem_take_note_limit(struct kmem_persist *kp);
void kmem_take_report(struct kmem_persist *kp);
void kmem_take_exit(void);

/* registry.c */
struct kmem_persist_ops *kmem_persist_type_get(u32 type);
void kmem_persist_type_put(struct kmem_persist_ops *ops);

/* sysfs.c */
int kmem_persist_sysfs_add(struct kmem_persist *kp, struct dentry *tables);
void kmem_persist_sysfs_del(struct kmem_persist *kp);

#endif /* _DAX_KMEM_PERSIST_PRIVATE_H */

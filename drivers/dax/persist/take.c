// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: taking pageblocks from the page allocator
 *
 * Whether memory may be taken:
 *
 *  - What is available to programs without swapping, less what is dirty, under
 *    writeback or being taken by any device, stays above ram_floor_bytes. Dirty
 *    pages may be of our own disk: they become clean only by taking. A margin over
 *    the watermarks would not do: reclaim ends there, page cache fills the rest, and
 *    storage would never grow. Once refused, an eighth more is asked for, so that
 *    storage and reclaim do not take turns.
 *  - What is lent stays above node_floor_bytes, for programs that are bound to the node.
 *
 * Storage never makes the OOM killer run: that the memory was available is all it
 * promises, and targets of a migration are not fought for (ACR_FLAGS_NOWAIT).
 *
 * Which memory:
 *
 *  - One taker for each device. A unit that it has chosen is TAKING, and no lock is
 *    held while its pages move: who moves them waits for rmap locks and for MMU
 *    notifiers, for as long as it takes; the shrinker, the OOM notifier and the pool do
 *    not. A memory block that goes offline waits for the one attempt under way.
 *  - Look first: one page that cannot move spoils a pageblock, anybody may have such
 *    pages in all of them (vmsplice, FUSE, direct I/O), and moving the others for
 *    nothing costs others. What fails is counted by its reason.
 *  - Pages that other CPUs have in their batches for the LRU look busy, too. These are
 *    drained by a work item for which nobody waits, once a second at most.
 *  - An attempt that fails in spite of the look costs all CPUs something: there are 20 a
 *    second on the machine, shared by the devices that are short of memory.
 */
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sizes.h>
#include <linux/sched.h>
#include <linux/swap.h>
#include <linux/vmstat.h>
#include "inject.h"
#include "take.h"
#include "trace.h"

/* Units to step over in one units_lock section. */
#define KMEM_TAKE_CHUNK		4096U
/* Units looked at in vain before memory outside ZONE_MOVABLE is asked for. */
#define KMEM_TAKE_RELUCTANT	64UL
/* Attempts a second that may fail, of all devices. */
#define KMEM_TAKE_FAILURES	20U
/* Calls for one unit that may run out of time: each goes on where the last one ended. */
#define KMEM_TAKE_SLOW		4U
/* Half of the time that a call has. */
#define KMEM_TAKE_LONG		(25 * NSEC_PER_MSEC)
/* Hysteresis of the floor, pages. */
#define KMEM_TAKE_MORE		(SZ_32M >> PAGE_SHIFT)

static unsigned long long kmem_ram_floor = ULLONG_MAX;
module_param_named(ram_floor_bytes, kmem_ram_floor, ullong, 0644);
MODULE_PARM_DESC(ram_floor_bytes, "Available RAM below which storage does not grow; the default depends on the size of RAM");

/* Pages that all devices are about to take. */
static atomic_long_t kmem_taking = ATOMIC_LONG_INIT(0);

/* The last attempts that failed, and by whom; and the devices that are short. */
static DEFINE_SPINLOCK(kmem_take_lock);
static struct {
	const struct kmem_take *take;
	unsigned long time;
} kmem_take_failures[KMEM_TAKE_FAILURES];
static unsigned int kmem_take_next;
static atomic_t kmem_take_devices = ATOMIC_INIT(0);

static unsigned long kmem_drained;

static void kmem_drain_work_fn(struct work_struct *work)
{
	WRITE_ONCE(kmem_drained, jiffies);
	lru_add_drain_all();
}

static DECLARE_DELAYED_WORK(kmem_drain_work, kmem_drain_work_fn);

/* Nobody waits for this: it waits for work on every CPU. */
static void kmem_drain(void)
{
	const unsigned long next = READ_ONCE(kmem_drained) + HZ;

	if (!delayed_work_pending(&kmem_drain_work))
		queue_delayed_work(system_dfl_wq, &kmem_drain_work,
				   time_before(jiffies, next) ? next - jiffies : 0);
}

static void kmem_take_refuse(struct kmem_take *take, enum kmem_refusal why)
{
	WRITE_ONCE(take->refused[why], take->refused[why] + 1);
	WRITE_ONCE(take->refused_lately[why], take->refused_lately[why] + 1);
}

/**
 * kmem_take_note_limit - storage could not grow because of limit_bytes
 * @take: who takes
 *
 * Context: any.
 */
void kmem_take_note_limit(struct kmem_take *take)
{
	kmem_take_refuse(take, KMEM_REFUSED_LIMIT);
}

/*
 * Whether
 */

/* As hv_balloon: a part of RAM that gets smaller with its size. */
static u64 kmem_take_default_floor(void)
{
	const u64 mib = SZ_1M >> PAGE_SHIFT, all = totalram_pages();

	if (all < 128 * mib)
		return 8 * mib + all / 2;
	if (all < 512 * mib)
		return 40 * mib + all / 4;
	if (all < 2048 * mib)
		return 104 * mib + all / 8;
	if (all < 8192 * mib)
		return 232 * mib + all / 16;
	return 488 * mib + all / 32;
}

/**
 * kmem_take_ram_floor - available RAM below which nothing is taken
 * @take: who takes
 *
 * Context: any. Return: pages.
 */
u64 kmem_take_ram_floor(const struct kmem_take *take)
{
	const u64 own = READ_ONCE(take->ram_floor);
	const unsigned long long all = READ_ONCE(kmem_ram_floor);

	if (own != U64_MAX)
		return own;
	return all == ULLONG_MAX ? kmem_take_default_floor() : all >> PAGE_SHIFT;
}

static u64 kmem_take_available(void)
{
	const long all = si_mem_available();
	const long others = global_node_page_state(NR_FILE_DIRTY) +
			    global_node_page_state(NR_WRITEBACK) +
			    atomic_long_read(&kmem_taking);

	return all > others ? all - others : 0;
}

/* How many units of @max may be taken? They are accounted for. */
static unsigned int kmem_take_reserve(struct kmem_take *take, unsigned int max)
{
	const u64 unit = pageblock_nr_pages;
	u64 floor = kmem_take_ram_floor(take), avail = kmem_take_available();
	const u64 node_floor = READ_ONCE(take->node_floor);
	const u64 lent = READ_ONCE(take->pool->nr_free[KMEM_UNIT_RAM]);
	const u64 more = take->short_of_ram ? max_t(u64, floor / 8, KMEM_TAKE_MORE) : unit;
	bool is_short = avail < floor + more;

	take->short_of_ram = is_short;
	/* A pageblock at a time, out of what the floor has for filesystems that end else. */
	if (is_short && kmem_pool_lacks_metadata(take->pool)) {
		floor -= min(floor / 2, kmem_pool_metadata(take->pool));
		is_short = avail < floor + unit;
		max = 1;
	}
	if (is_short) {
		kmem_take_refuse(take, KMEM_REFUSED_RAM_FLOOR);
		return 0;
	}
	if (lent < node_floor + unit) {
		kmem_take_refuse(take, KMEM_REFUSED_NODE_FLOOR);
		return 0;
	}
	max = min_t(u64, max, (avail - floor) / unit);
	max = min_t(u64, max, (lent - node_floor) / unit);
	atomic_long_add(max * pageblock_nr_pages, &kmem_taking);
	return max;
}

static void kmem_take_unreserve(unsigned int nr)
{
	atomic_long_sub(nr * pageblock_nr_pages, &kmem_taking);
}

/* May another attempt fail? Each device that is short has its share. */
static bool kmem_take_may_fail(const struct kmem_take *take)
{
	const unsigned int devices = max(atomic_read(&kmem_take_devices), 1);
	const unsigned int share = max(KMEM_TAKE_FAILURES / devices, 1U);
	unsigned int i, all = 0, own = 0;

	guard(spinlock)(&kmem_take_lock);
	for (i = 0; i < KMEM_TAKE_FAILURES; i++) {
		if (!kmem_take_failures[i].take ||
		    time_after_eq(jiffies, kmem_take_failures[i].time + HZ))
			continue;
		all++;
		own += kmem_take_failures[i].take == take;
	}
	/* Each of the devices may have an attempt under way. */
	return own < share &&
	       all + min(devices, KMEM_TAKE_FAILURES) <= KMEM_TAKE_FAILURES;
}

static void kmem_take_note_failure(struct kmem_take *take)
{
	guard(spinlock)(&kmem_take_lock);
	kmem_take_failures[kmem_take_next].take = take;
	kmem_take_failures[kmem_take_next].time = jiffies;
	kmem_take_next = (kmem_take_next + 1) % KMEM_TAKE_FAILURES;
}

/**
 * kmem_take_short - a device begins or ends to be short of memory
 * @take: who takes
 * @is_short: which
 *
 * Context: its worker, or when that has ended.
 */
void kmem_take_short(struct kmem_take *take, bool is_short)
{
	if (take->is_short == is_short)
		return;
	take->is_short = is_short;
	atomic_add(is_short ? 1 : -1, &kmem_take_devices);
}

/*
 * Which
 */

/*
 * Zones differ by memory block. Outside ZONE_MOVABLE one page of the kernel's is
 * enough to make a pageblock impossible to take, and looking is not free.
 */
static bool kmem_unit_can_be_taken(const struct kmem_unit *unit, bool kernel)
{
	return unit->state == KMEM_UNIT_RAM && !unit->frozen &&
	       (unit->movable || kernel);
}

/* Nothing else is lent, or all else was looked at in vain. */
static bool kmem_take_wants_kernel(const struct kmem_take *take)
{
	return take->vain >= min(KMEM_TAKE_RELUCTANT, take->pool->nr_units / 2) ||
	       take->scanned >= take->pool->nr_units;
}

/*
 * The next run of at most @max units that can be taken in one call, adjacent and in
 * one memory block, which is in one zone: TAKING from now on. Starts at the cursor and
 * moves it to the run. Returns the length; -EAGAIN if there is none in this chunk,
 * -ENOENT if there was none in all of the device.
 */
static int kmem_take_choose(struct kmem_take *take, unsigned int max)
{
	unsigned int left = KMEM_TAKE_CHUNK, nr;
	struct kmem_unit *unit;
	bool kernel;

	guard(mutex)(&take->pool->units_lock);
	if (!take->pool->lend)
		return -ENOENT;
	for (;; take->cursor++, take->scanned++) {
		if (take->cursor >= take->pool->nr_units)
			take->cursor = 0;
		unit = &take->pool->units[take->cursor];
		kernel = kmem_take_wants_kernel(take);
		if (kmem_unit_can_be_taken(unit, kernel))
			break;
		if (take->scanned >= 2 * take->pool->nr_units) {
			take->scanned = 0;
			return -ENOENT;
		}
		if (!left--)
			return -EAGAIN;
	}
	if (!kernel)
		take->scanned = 0;
	for (nr = 1; nr < max; nr++)
		if (!kmem_run_continues(take->pool, unit, nr) ||
		    !kmem_unit_can_be_taken(unit + nr, kernel))
			break;
	kmem_pool_take_begin(take->pool, unit, nr);
	return nr;
}

/* It did not work, or is not tried: they stay lent. */
static void kmem_take_leave(struct kmem_take *take, struct kmem_unit *first,
			    unsigned int nr)
{
	kmem_pool_take_failed(take->pool, first, nr);
	wake_up_all(&take->wait);
}

/* What is there against moving it? With a reference to the folio. */
static enum kmem_refusal kmem_look_folio(const struct folio *folio)
{
	if (folio_test_hugetlb(folio))
		return KMEM_REFUSED_NOT;
	if (page_has_type(&folio->page))
		return page_has_movable_ops(&folio->page) ? KMEM_REFUSED_NOT :
							    KMEM_REFUSED_KERNEL;
	if (!folio_test_lru(folio))
		return folio->mapping || folio_mapped(folio) ? KMEM_REFUSED_ISOLATED :
							       KMEM_REFUSED_KERNEL;
	if (folio_test_locked(folio))
		return KMEM_REFUSED_LOCKED;
	if (folio_test_writeback(folio))
		return KMEM_REFUSED_WRITEBACK;
	if (folio_ref_count(folio) > folio_expected_ref_count(folio) + 1)
		return KMEM_REFUSED_PINNED;
	return KMEM_REFUSED_NOT;
}

/*
 * What is there against moving what is at @pfn? Anything may change at any moment, hence
 * the reference. *@step: pages that this is true for.
 */
static enum kmem_refusal kmem_look_page(unsigned long pfn, unsigned long *step)
{
	struct page *page = pfn_to_page(pfn);
	enum kmem_refusal why = KMEM_REFUSED_NOT;
	struct folio *folio;

	*step = 1;
	if (PageHWPoison(page))
		return KMEM_REFUSED_POISON;
	if (PageReserved(page) || PageOffline(page))
		return KMEM_REFUSED_KERNEL;

	folio = page_folio(page);
	if (!folio_try_get(folio)) {
		/* Free, on its way there, or not for everybody. */
		if (PageHuge(page))
			return KMEM_REFUSED_HUGETLB;
		return page_has_type(page) && !PageBuddy(page) ? KMEM_REFUSED_KERNEL :
								 KMEM_REFUSED_NOT;
	}
	if (page_folio(page) == folio) {
		*step = folio_nr_pages(folio) - folio_page_idx(folio, page);
		why = kmem_look_folio(folio);
	}
	folio_put(folio);
	return why;
}

/* Nothing to look at? */
static bool kmem_look_is_free(unsigned long pfn)
{
	const struct page *page;
	unsigned int order;

	for (order = pageblock_order; order <= MAX_PAGE_ORDER; order++) {
		page = pfn_to_page(round_down(pfn, 1UL << order));
		/* Without zone->lock its order can be anything. */
		if (PageBuddy(page) && READ_ONCE(page->private) >= order)
			return true;
	}
	return false;
}

static enum kmem_refusal kmem_look_unit(const struct kmem_take *take,
					const struct kmem_unit *unit)
{
	unsigned long pfn = kmem_unit_pfn(take->pool, unit), step;
	const unsigned long end = pfn + unit->nr_pages;
	enum kmem_refusal why;

	if (kmem_look_is_free(pfn))
		return KMEM_REFUSED_NOT;
	for (; pfn < end; pfn += step) {
		why = kmem_look_page(pfn, &step);
		if (why != KMEM_REFUSED_NOT)
			return why;
	}
	return KMEM_REFUSED_NOT;
}

/* So many of @nr units have nothing against them; the next one is counted. */
static unsigned int kmem_take_look(struct kmem_take *take,
				   const struct kmem_unit *first, unsigned int nr)
{
	enum kmem_refusal why;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		why = kmem_look_unit(take, first + i);
		if (why == KMEM_REFUSED_NOT)
			continue;
		if (!i)
			kmem_take_refuse(take, why);
		if (why == KMEM_REFUSED_ISOLATED || why == KMEM_REFUSED_PINNED)
			kmem_drain();
		break;
	}
	return i;
}

static void kmem_take_own(unsigned long pfn, unsigned long nr_pages)
{
	unsigned long i;

	page_offline_begin();
	for (i = 0; i < nr_pages; i++)
		__SetPageOffline(pfn_to_page(pfn + i));
	page_offline_end();
	/* Not before they are gone: what is free is never more than what is managed. */
	adjust_managed_page_count(pfn_to_page(pfn), -(long)nr_pages);
}

/* This place failed: a smaller run, or another place. */
static enum kmem_step kmem_take_failed(struct kmem_take *take, unsigned int nr, int rc)
{
	take->nr_busy++;
	take->failed++;
	kmem_take_note_failure(take);
	kmem_take_refuse(take, rc == -ENOMEM ? KMEM_REFUSED_NO_MEMORY :
			 rc == -ETIME ? KMEM_REFUSED_SLOW : KMEM_REFUSED_BUSY);
	if (rc == -ENOMEM)
		return KMEM_STEP_NO_MEMORY;
	if (nr > 1) {
		take->run = nr / 2;
	} else if (rc != -ETIME || ++take->slow >= KMEM_TAKE_SLOW) {
		take->slow = 0;
		take->vain++;
		take->cursor++;
	}
	return KMEM_STEP_FAILED;
}

static enum kmem_step kmem_take_units(struct kmem_take *take, struct kmem_unit *unit,
				      unsigned int nr)
{
	const unsigned long pfn = kmem_unit_pfn(take->pool, unit);
	const unsigned long pages = nr * pageblock_nr_pages;
	u64 start, took;
	int rc;

	kmem_inject_pause(KMEM_PAUSE_TAKE, NULL);
	start = ktime_get_ns();
	WRITE_ONCE(take->taker, current);
	rc = alloc_contig_frozen_range(pfn, pfn + pages, ACR_FLAGS_NOWAIT,
				       GFP_NOIO | __GFP_NOWARN);
	WRITE_ONCE(take->taker, NULL);
	trace_kmem_persist_take(take->pool->segs->dev, pfn, pages, rc);
	took = ktime_get_ns() - start;
	if (rc) {
		kmem_take_leave(take, unit, nr);
		take->busy_ns += took;
		return kmem_take_failed(take, nr, rc);
	}

	kmem_take_own(pfn, pages);
	kmem_pool_take_done(take->pool, unit, nr);
	wake_up_all(&take->wait);
	take->cursor += nr;
	take->vain = 0;
	take->failed = 0;
	take->slow = 0;
	/* Twice as much must not run out of time. */
	if (took < KMEM_TAKE_LONG)
		take->run = min(take->run * 2, KMEM_TAKE_BATCH);
	memset(take->refused_lately, 0, sizeof(take->refused_lately));
	take->nr_taken += pages;
	take->nr_takes++;
	take->take_ns += ktime_get_ns() - start;
	return KMEM_STEP_MOVED;
}

/**
 * kmem_take - look for memory that can be taken, and take some
 * @take: who takes
 * @wanted: pages
 *
 * A run of units is halved where it fails and doubled where it succeeds: one page
 * that cannot move costs a pageblock, not a batch.
 *
 * Context: the worker of the device, with no lock held; memalloc_noio_save().
 * Return: what it came to.
 */
enum kmem_step kmem_take(struct kmem_take *take, u64 wanted)
{
	unsigned int max, nr, good;
	struct kmem_unit *unit;
	enum kmem_step step;
	int found;

	max = clamp(take->run, 1U, KMEM_TAKE_BATCH);
	max = kmem_take_reserve(take, min_t(u64, max, DIV_ROUND_UP_ULL(wanted,
								       pageblock_nr_pages)));
	if (!max)
		return KMEM_STEP_SHORT;
	found = kmem_take_choose(take, max);
	if (found < 0) {
		kmem_take_unreserve(max);
		return found == -EAGAIN ? KMEM_STEP_LOOKED : KMEM_STEP_NOWHERE;
	}

	nr = found;
	unit = &take->pool->units[take->cursor];
	good = kmem_take_look(take, unit, nr);
	if (good < nr)
		kmem_take_leave(take, unit + good, nr - good);
	if (!good) {
		take->vain++;
		take->cursor++;
		step = KMEM_STEP_LOOKED;
	} else if (!kmem_take_may_fail(take)) {
		kmem_take_leave(take, unit, good);
		step = KMEM_STEP_LIMITED;
	} else {
		step = kmem_take_units(take, unit, good);
	}
	kmem_take_unreserve(max);
	return step;
}

/**
 * kmem_take_wait - wait until none of some units is being taken
 * @take: who takes
 * @first: the first unit; all of them are frozen, so that no other is chosen
 * @nr: how many
 *
 * For one attempt at most: it fails, as who offlines memory has isolated it, or is over
 * and has not been accounted for.
 *
 * Context: sleeps; memory hotplug locks held, units_lock not.
 */
void kmem_take_wait(struct kmem_take *take, unsigned long first, unsigned long nr)
{
	wait_event(take->wait, !kmem_pool_is_taking(take->pool, first, nr));
}

/**
 * kmem_take_init - nobody takes anything yet
 * @take: to be filled, all zeroes
 * @pool: for whom
 *
 * Context: any.
 */
void kmem_take_init(struct kmem_take *take, struct kmem_pool *pool)
{
	take->pool = pool;
	take->ram_floor = U64_MAX;
	init_waitqueue_head(&take->wait);
}

/**
 * kmem_take_begin - memory will be taken from now on
 * @take: who takes
 *
 * Context: any; nothing is being taken.
 */
void kmem_take_begin(struct kmem_take *take)
{
	take->run = KMEM_TAKE_BATCH;
	take->short_of_ram = false;
}

/**
 * kmem_take_report - somebody waited in vain: say what for
 * @take: who takes
 *
 * Context: any but interrupts.
 */
void kmem_take_report(struct kmem_take *take)
{
	const u64 *n = take->refused_lately;

	dev_warn_ratelimited(take->pool->segs->dev, "waited in vain for some of %llu MiB of RAM; since the last was taken: pinned %llu, locked %llu, writeback %llu, isolated %llu, hugetlb %llu, poison %llu, kernel %llu, busy %llu, slow %llu, no_memory %llu, ram_floor %llu, node_floor %llu\n",
			     READ_ONCE(take->pool->nr_free[KMEM_UNIT_RAM]) >> (20 - PAGE_SHIFT),
			     n[KMEM_REFUSED_PINNED], n[KMEM_REFUSED_LOCKED],
			     n[KMEM_REFUSED_WRITEBACK], n[KMEM_REFUSED_ISOLATED],
			     n[KMEM_REFUSED_HUGETLB], n[KMEM_REFUSED_POISON],
			     n[KMEM_REFUSED_KERNEL], n[KMEM_REFUSED_BUSY],
			     n[KMEM_REFUSED_SLOW], n[KMEM_REFUSED_NO_MEMORY],
			     n[KMEM_REFUSED_RAM_FLOOR], n[KMEM_REFUSED_NODE_FLOOR]);
}

/**
 * kmem_take_report_metadata - the same for metadata of filesystems
 * @take: who takes
 * @limited: the limits were it; else no RAM could be taken
 *
 * Context: any but interrupts.
 */
void kmem_take_report_metadata(struct kmem_take *take, bool limited)
{
	const struct kmem_pool *pool = take->pool;
	const unsigned int to_mib = 20 - PAGE_SHIFT;
	const u64 stored = READ_ONCE(pool->nr_used);

	if (!limited) {
		dev_warn_ratelimited(pool->segs->dev, "no space for metadata of filesystems, %llu MiB are stored, and no RAM could be taken: stop programs that use it, or discard data\n",
				     stored >> to_mib);
		return;
	}
	kmem_take_refuse(take, KMEM_REFUSED_METADATA);
	dev_warn_ratelimited(pool->segs->dev, "no space for metadata of filesystems, %llu MiB are stored, limit_bytes of %llu MiB and metadata_bytes of %llu MiB are used up: raise one of them, or discard data\n",
			     stored >> to_mib, READ_ONCE(pool->limit) >> to_mib,
			     kmem_pool_metadata(pool) >> to_mib);
}

/**
 * kmem_take_exit - nothing is taken any more
 *
 * Context: sleeps; there are no devices.
 */
void kmem_take_exit(void)
{
	cancel_delayed_work_sync(&kmem_drain_work);
}

#include "tests/take_kunit.h"

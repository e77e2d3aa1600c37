// SPDX-License-Identifier: GPL-2.0
/*
 * Where the pages of a kmem block device come from and where they go
 */

/**
 * DOC: Pages of a kmem block device
 *
 * Concepts
 * ========
 *
 * Every write goes to a page that holds nothing and leaves one behind that
 * readers may still copy from. The two are kept together: a page that is retired
 * waits at the tail of a *ring* for its RCU grace period and is what a later
 * write takes from the head. So a device that is overwritten needs neither the
 * pool nor any cache line that other CPUs write. There is a ring per CPU; on
 * small devices several CPUs share one, so that all rings together hold a
 * fraction of the device. A ring is found through the CPU but not bound to it:
 * it may be used from everywhere and survives its CPU.
 *
 * A ring also has a small stock of *fresh* pages, which never were in the map:
 * what is left of the last batch from the pool.
 *
 * A leaf that is unmapped as a whole is *dead*: it waits in a list, by itself,
 * for its grace period; then its entries tell which pages to free.
 *
 * Life cycle of a page
 * ====================
 *
 *  1. pool -> fresh, kmem_blk_pages_get(): in batches.
 *  2. fresh or limbo -> writer, kmem_blk_pages_get().
 *  3. writer -> map: not seen here. Or back to the pool: kmem_blk_pages_put().
 *  4. map -> limbo, kmem_blk_pages_retire(), after the store that took it out of
 *     the map is durable. Room was set aside before the map changed
 *     (kmem_blk_pages_room()), so that this step can neither fail nor wait. Who
 *     holds room waits for nothing.
 *  5. limbo -> writer (2), or -> pool: when the ring was not used for a while,
 *     after a discard, when a writer finds no space, and on detach.
 *
 * Nothing polls: a ring that gets its first page arms the worker, and the worker
 * runs until all rings are empty again.
 *
 * The reserve
 * ===========
 *
 * An overwrite gives back as much as it takes, so it may take from the reserve
 * of the pool, and go beyond a limit. When that happens the pool is *tight*: until
 * it has more than its reserve again, other writes get no page from a ring, or they
 * would use up what overwrites borrowed.
 *
 * Lock order
 * ==========
 *
 * &kmem_blk_ring.lock and &kmem_blk_pages.dead_lock are leaf locks. The pool is
 * never called under them.
 */

#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/numa.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/topology.h>
#include "blk.h"

/* Pages that go to and come from the pool at a time. */
#define KMEM_BLK_PAGES_BATCH	64U
/* Limbo of a ring, in pages: at least for two batches in flight; at most 8 MiB. */
#define KMEM_BLK_RING_MIN	1024U
#define KMEM_BLK_RING_MAX	2048U
/* All rings together hold at most this part of the device. */
#define KMEM_BLK_RING_PART	16U
/* A grace period is asked for each time that this part of a ring was retired. */
#define KMEM_BLK_RING_ASK	8U
/* A ring that was not used for so long gives its pages back. */
#define KMEM_BLK_RING_IDLE	HZ
/* Discards come in flocks: one look after all of them. */
#define KMEM_BLK_KICK_DELAY	(HZ / 20)
/* Dropped leaves that may wait; who drops more has to help. */
#define KMEM_BLK_DEAD_MAX	1024U

static struct workqueue_struct *kmem_blk_wq;

/* A page in limbo and the grace period it waits for. */
struct kmem_blk_limbo {
	u64 dpn;
	unsigned long cookie;
};

/*
 * @lock: protects everything below; who holds it knows that @nr + @room <= @size
 * @size: elements of @limbo
 * @head, @nr: used part of @limbo, oldest first
 * @room: places that writers hold for pages they will retire
 * @retired: pages since a grace period was asked for
 * @used: counts uses, so that the worker sees whether the ring is idle
 * @seen: @used at the worker's last pass
 * @armed: the worker knows about this ring
 * @done: the last cookie whose grace period was seen to be over
 * @nr_fresh, @fresh: pages that no reader has ever seen
 */
struct kmem_blk_ring {
	/* protects everything below */
	spinlock_t lock;
	unsigned int size;
	unsigned int head;
	unsigned int nr;
	unsigned int room;
	unsigned int retired;
	unsigned int used;
	unsigned int seen;
	bool armed;
	unsigned long done;
	unsigned int nr_fresh;
	u64 fresh[KMEM_BLK_PAGES_BATCH];
	struct kmem_blk_limbo limbo[];
} ____cacheline_aligned_in_smp;

static struct kmem_blk_ring *kmem_blk_this_ring(struct kmem_blk_pages *pages)
{
	unsigned int cpu = raw_smp_processor_id();

	if (cpu >= pages->nr_rings)
		cpu %= pages->nr_rings;
	return pages->rings[cpu];
}

/* Take pages whose grace period is over from the head of the ring. */
static unsigned int kmem_blk_ring_pop(struct kmem_blk_ring *ring, u64 *dpns,
				      unsigned int nr)
	__must_hold(&ring->lock)
{
	unsigned int got = 0;

	while (got < nr && ring->nr) {
		const struct kmem_blk_limbo *limbo = &ring->limbo[ring->head];

		if (limbo->cookie != ring->done) {
			if (!poll_state_synchronize_rcu(limbo->cookie))
				break;
			ring->done = limbo->cookie;
		}
		dpns[got++] = limbo->dpn;
		if (++ring->head == ring->size)
			ring->head = 0;
		ring->nr--;
	}
	return got;
}

/*
 * Wait until the grace period of everything in limbo counts as over. One call is
 * not enough: where normal and expedited grace periods overlap, the state that
 * cookies are compared with may miss one. A later cookie covers all earlier ones.
 */
static void kmem_blk_pages_sync(bool expedited)
{
	unsigned long cookie = get_state_synchronize_rcu();

	while (!poll_state_synchronize_rcu(cookie)) {
		if (expedited)
			synchronize_rcu_expedited();
		else
			synchronize_rcu();
	}
}

/* The worker has to look at this ring; true if the caller must arm it. */
static bool kmem_blk_ring_arm(struct kmem_blk_ring *ring)
	__must_hold(&ring->lock)
{
	ring->used++;
	if (ring->armed)
		return false;
	ring->armed = true;
	return true;
}

static void kmem_blk_pages_arm(struct kmem_blk_pages *pages)
{
	queue_delayed_work(kmem_blk_wq, &pages->work, KMEM_BLK_RING_IDLE);
}

/* Give all that a ring can give back to the pool; true if something is left. */
static bool kmem_blk_ring_drain(struct kmem_blk_pages *pages,
				struct kmem_blk_ring *ring)
{
	u64 dpns[KMEM_BLK_PAGES_BATCH];

	guard(mutex)(&pages->drain_lock);
	for (;;) {
		unsigned int nr;

		scoped_guard(spinlock, &ring->lock) {
			nr = kmem_blk_ring_pop(ring, dpns, ARRAY_SIZE(dpns));
			while (nr < ARRAY_SIZE(dpns) && ring->nr_fresh)
				dpns[nr++] = ring->fresh[--ring->nr_fresh];
			if (!nr)
				return ring->nr;
		}
		dax_kmem_free_pages(pages->kp, dpns, nr);
	}
}

/* Free what a dropped leaf maps, and the leaf. Its grace period is over. */
static void kmem_blk_dead_free(struct kmem_blk_pages *pages, u64 leaf_index,
			       u64 dpn)
{
	u64 dpns[KMEM_BLK_PAGES_BATCH];
	unsigned int pos = 0, nr;

	lockdep_assert_held(&pages->drain_lock);
	do {
		nr = kmem_blk_map_dead_pages(pages->map, leaf_index, dpn, &pos,
					     dpns, ARRAY_SIZE(dpns));
		if (nr)
			dax_kmem_free_pages(pages->kp, dpns, nr);
	} while (pos < KMEM_BLK_NODE_ENTRIES);
	/* What could not be read as a leaf shall not hold data next. Who met it has counted it. */
	if (kmem_media_probe(pages->map->media, dax_kmem_index_to_kaddr(pages->kp, dpn),
			     KMEM_PERSIST_BLOCK_SIZE)) {
		if (READ_ONCE(pages->map->blamed) == dpn)
			dax_kmem_mark_bad(pages->kp, dpn);
		else
			dax_kmem_media_error(pages->kp, dpn);
	}
	dax_kmem_free_pages(pages->kp, &dpn, 1);
}

static struct kmem_blk_dead *kmem_blk_dead_pop(struct kmem_blk_pages *pages)
{
	struct kmem_blk_dead *dead;

	guard(spinlock)(&pages->dead_lock);
	dead = list_first_entry_or_null(&pages->dead, struct kmem_blk_dead, node);
	if (!dead || !poll_state_synchronize_rcu(dead->cookie))
		return NULL;
	list_del(&dead->node);
	pages->nr_dead--;
	return dead;
}

/* Free all dropped leaves whose grace period is over. */
static void kmem_blk_dead_drain(struct kmem_blk_pages *pages)
{
	struct kmem_blk_dead *dead;

	guard(mutex)(&pages->drain_lock);
	while ((dead = kmem_blk_dead_pop(pages))) {
		kmem_blk_dead_free(pages, dead->leaf_index, dead->dpn);
		kfree(dead);
		cond_resched();
	}
}

static bool kmem_blk_pages_have_dead(struct kmem_blk_pages *pages)
{
	guard(spinlock)(&pages->dead_lock);
	return pages->nr_dead;
}

static bool kmem_blk_ring_idle(struct kmem_blk_ring *ring)
{
	guard(spinlock)(&ring->lock);
	if (ring->used == ring->seen)
		return true;
	ring->seen = ring->used;
	return false;
}

/* Nothing left to look after? */
static bool kmem_blk_ring_disarm(struct kmem_blk_ring *ring)
{
	guard(spinlock)(&ring->lock);
	ring->armed = ring->nr || ring->nr_fresh;
	return !ring->armed;
}

static void kmem_blk_pages_work(struct work_struct *work)
{
	struct kmem_blk_pages *pages = container_of(to_delayed_work(work),
						    struct kmem_blk_pages, work);
	bool all, left = false;

	WRITE_ONCE(pages->draining, true);
	all = xchg(&pages->drain, false);
	if (all)
		kmem_blk_pages_sync(false);
	kmem_blk_dead_drain(pages);
	for (unsigned int i = 0; i < pages->nr_rings; i++) {
		struct kmem_blk_ring *ring = pages->rings[i];

		if (all || kmem_blk_ring_idle(ring))
			kmem_blk_ring_drain(pages, ring);
		if (!kmem_blk_ring_disarm(ring))
			left = true;
		cond_resched();
	}
	WRITE_ONCE(pages->draining, false);
	if (left || kmem_blk_pages_have_dead(pages)) {
		/* Nobody else may need a grace period on an idle machine. */
		start_poll_synchronize_rcu();
		kmem_blk_pages_arm(pages);
	}
}

/**
 * kmem_blk_pages_init - get ready to hand out pages
 * @pages: filled
 * @kp: the device
 * @map: its map
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int kmem_blk_pages_init(struct kmem_blk_pages *pages, struct kmem_persist *kp,
			struct kmem_blk_map *map)
{
	u64 limit = dax_kmem_num_pages(kp) / KMEM_BLK_RING_PART;
	unsigned int size;

	memset(pages, 0, sizeof(*pages));
	pages->kp = kp;
	pages->map = map;
	mutex_init(&pages->drain_lock);
	spin_lock_init(&pages->dead_lock);
	INIT_LIST_HEAD(&pages->dead);
	INIT_DELAYED_WORK(&pages->work, kmem_blk_pages_work);

	pages->nr_rings = clamp_t(u64, limit / KMEM_BLK_RING_MIN, 1, nr_cpu_ids);
	size = clamp_t(u64, limit / pages->nr_rings, KMEM_BLK_RING_MIN,
		       KMEM_BLK_RING_MAX);
	pages->rings = kzalloc_objs(*pages->rings, pages->nr_rings);
	if (!pages->rings)
		return -ENOMEM;
	for (unsigned int i = 0; i < pages->nr_rings; i++) {
		int node = cpu_possible(i) ? cpu_to_node(i) : NUMA_NO_NODE;
		struct kmem_blk_ring *ring;

		ring = kvzalloc_node(struct_size(ring, limbo, size), GFP_KERNEL,
				     node);
		if (!ring) {
			kmem_blk_pages_exit(pages);
			return -ENOMEM;
		}
		spin_lock_init(&ring->lock);
		ring->size = size;
		scoped_guard(spinlock, &ring->lock)
			ring->done = get_completed_synchronize_rcu();
		pages->rings[i] = ring;
	}
	return 0;
}

/**
 * kmem_blk_pages_exit - give everything back
 * @pages: what to take down; from kmem_blk_pages_init(), even if it failed
 *
 * All pages that are neither in the map nor in the pool are in the pool after
 * this.
 *
 * Context: may sleep; no bio runs any more.
 */
void kmem_blk_pages_exit(struct kmem_blk_pages *pages)
{
	if (!pages->rings)
		return;
	cancel_delayed_work_sync(&pages->work);
	kmem_blk_pages_sync(true);
	kmem_blk_dead_drain(pages);
	for (unsigned int i = 0; i < pages->nr_rings && pages->rings[i]; i++) {
		WARN_ON_ONCE(kmem_blk_ring_drain(pages, pages->rings[i]));
		kvfree(pages->rings[i]);
	}
	kfree(pages->rings);
	pages->rings = NULL;
}

static bool kmem_blk_ring_room(struct kmem_blk_ring *ring,
			       struct kmem_blk_ticket *ticket, unsigned int room)
	__must_hold(&ring->lock)
{
	if (ring->nr + ring->room + room > ring->size)
		return false;
	ring->room += room;
	ticket->ring = ring;
	ticket->room = room;
	return true;
}

/* Wait until the oldest pages of a full ring can go, and let them. */
static void kmem_blk_ring_make_room(struct kmem_blk_pages *pages,
				    struct kmem_blk_ring *ring)
{
	unsigned long cookie = 0;
	bool limbo = false;

	scoped_guard(spinlock, &ring->lock) {
		if (ring->nr) {
			cookie = ring->limbo[ring->head].cookie;
			limbo = true;
		}
	}
	if (limbo) {
		cond_synchronize_rcu_expedited(cookie);
		kmem_blk_ring_drain(pages, ring);
	} else {
		/* Neighbours hold all room, and will retire pages. */
		schedule_timeout_uninterruptible(1);
	}
}

/**
 * kmem_blk_pages_room - set room aside for pages that will be retired
 * @pages: of the device
 * @ticket: filled, or left alone if it has room already; to be used up by
 *	    kmem_blk_pages_retire() or given back with kmem_blk_pages_return()
 * @room: most pages that will be retired, at most KMEM_BLK_BATCH + 1
 * @flags: KMEM_BLK_GET_NOWAIT
 *
 * When a ring is full this waits for an expedited grace period.
 *
 * Context: process context; may sleep without KMEM_BLK_GET_NOWAIT.
 * Return: 0, or -EAGAIN with KMEM_BLK_GET_NOWAIT.
 */
int kmem_blk_pages_room(struct kmem_blk_pages *pages,
			struct kmem_blk_ticket *ticket, unsigned int room,
			unsigned int flags)
{
	struct kmem_blk_ring *ring = kmem_blk_this_ring(pages);

	if (ticket->room)
		return 0;
	for (;;) {
		scoped_guard(spinlock, &ring->lock)
			if (kmem_blk_ring_room(ring, ticket, room))
				return 0;
		if (flags & KMEM_BLK_GET_NOWAIT)
			return -EAGAIN;
		kmem_blk_ring_make_room(pages, ring);
	}
}

/* Put what is left of a batch from the pool into stock. */
static void kmem_blk_pages_stock(struct kmem_blk_pages *pages, const u64 *dpns,
				 unsigned int nr)
{
	struct kmem_blk_ring *ring = kmem_blk_this_ring(pages);
	bool arm = false;

	scoped_guard(spinlock, &ring->lock) {
		while (nr && ring->nr_fresh < KMEM_BLK_PAGES_BATCH)
			ring->fresh[ring->nr_fresh++] = dpns[--nr];
		arm = kmem_blk_ring_arm(ring);
	}
	if (arm)
		kmem_blk_pages_arm(pages);
	kmem_blk_pages_put(pages, dpns, nr);
}

/* Ask the pool; returns how many pages it gave. */
static unsigned int kmem_blk_pages_refill(struct kmem_blk_pages *pages, u64 *dpns,
					  unsigned int nr, unsigned int flags)
{
	bool tight = READ_ONCE(pages->tight);
	unsigned int got;

	if (nr < KMEM_BLK_PAGES_BATCH && !tight) {
		u64 batch[KMEM_BLK_PAGES_BATCH];

		got = dax_kmem_alloc_pages(pages->kp, batch, ARRAY_SIZE(batch), 0);
		memcpy(dpns, batch, min(got, nr) * sizeof(*dpns));
		if (got > nr)
			kmem_blk_pages_stock(pages, batch + nr, got - nr);
		got = min(got, nr);
	} else {
		got = dax_kmem_alloc_pages(pages->kp, dpns, nr, 0);
	}
	if (got == nr) {
		if (tight)
			WRITE_ONCE(pages->tight, false);
		return got;
	}
	if (!tight)
		WRITE_ONCE(pages->tight, true);
	if (flags & KMEM_BLK_GET_OVERWRITE)
		got += dax_kmem_alloc_pages(pages->kp, dpns + got, nr - got,
					    KMEM_ALLOC_OVERWRITE);
	else if (flags & KMEM_BLK_GET_RESERVE)
		got += dax_kmem_alloc_pages(pages->kp, dpns + got, nr - got,
					    flags & KMEM_BLK_GET_META ?
					    KMEM_ALLOC_META : KMEM_ALLOC_RESERVE);
	return got;
}

/*
 * No new data where data shall leave, unless pages are so scarce that any will do, nor
 * in bad pages. Returns how many pages are left.
 */
static unsigned int kmem_blk_pages_sift(struct kmem_blk_pages *pages, u64 *dpns,
					unsigned int nr)
{
	bool tight = READ_ONCE(pages->tight);
	unsigned int left = 0;

	for (unsigned int i = 0; i < nr; i++) {
		if ((!tight && dax_kmem_page_moves(pages->kp, dpns[i])) ||
		    dax_kmem_page_is_bad(pages->kp, dpns[i]))
			dax_kmem_free_pages(pages->kp, &dpns[i], 1);
		else
			dpns[left++] = dpns[i];
	}
	return left;
}

/**
 * kmem_blk_pages_get - get pages to write to
 * @pages: of the device
 * @ticket: if not NULL: room for @nr + 1 pages is set aside too where that costs
 *	    nothing; otherwise kmem_blk_pages_room() has to do it
 * @dpns: filled
 * @nr: how many
 * @flags: KMEM_BLK_GET_RESERVE, KMEM_BLK_GET_OVERWRITE, KMEM_BLK_GET_META
 *
 * Their content is undefined. All or none, so that nobody waits for pages while
 * it holds pages or room.
 *
 * Context: process context, does not sleep.
 * Return: 0 or -ENOSPC.
 */
int kmem_blk_pages_get(struct kmem_blk_pages *pages,
		       struct kmem_blk_ticket *ticket, u64 *dpns,
		       unsigned int nr, unsigned int flags)
{
	unsigned int got = 0;

	/* See "The reserve" above. */
	if ((flags & KMEM_BLK_GET_OVERWRITE) || !READ_ONCE(pages->tight)) {
		struct kmem_blk_ring *ring = kmem_blk_this_ring(pages);

		guard(spinlock)(&ring->lock);
		/* Old copies must be erased, and seen to be: not our business. */
		if (!dax_kmem_zero_on_free(pages->kp))
			got = kmem_blk_ring_pop(ring, dpns, nr);
		while (got < nr && ring->nr_fresh)
			dpns[got++] = ring->fresh[--ring->nr_fresh];
		ring->used++;
		if (ticket)
			kmem_blk_ring_room(ring, ticket, nr + 1);
	}
	if (unlikely(dax_kmem_is_moving(pages->kp) || dax_kmem_has_bad(pages->kp)))
		got = kmem_blk_pages_sift(pages, dpns, got);
	if (got < nr)
		got += kmem_blk_pages_refill(pages, dpns + got, nr - got, flags);
	if (got == nr)
		return 0;
	kmem_blk_pages_put(pages, dpns, got);
	if (ticket)
		kmem_blk_pages_return(pages, ticket);
	return -ENOSPC;
}

/**
 * kmem_blk_pages_put - give back pages that were never in the map
 * @pages: of the device
 * @dpns: the pages
 * @nr: how many
 *
 * Context: process context, does not sleep.
 */
void kmem_blk_pages_put(struct kmem_blk_pages *pages, const u64 *dpns,
			unsigned int nr)
{
	if (nr)
		dax_kmem_free_pages(pages->kp, dpns, nr);
}

/**
 * kmem_blk_pages_retire - take over pages that left the map
 * @pages: of the device
 * @ticket: room for them; all of it is given back
 * @dpns: the pages; zeroes are passed over
 * @nr: elements of @dpns
 *
 * That they left the map is durable; readers may still be in them.
 *
 * Context: process context, does not sleep.
 */
void kmem_blk_pages_retire(struct kmem_blk_pages *pages,
			   struct kmem_blk_ticket *ticket, const u64 *dpns,
			   unsigned int nr)
{
	struct kmem_blk_ring *ring = ticket->ring;
	unsigned long cookie = get_state_synchronize_rcu();
	bool arm = false, ask = false, hurry = false;

	scoped_guard(spinlock, &ring->lock) {
		unsigned int before = ring->nr;

		ring->room -= ticket->room;
		for (unsigned int i = 0; i < nr; i++) {
			unsigned int tail;

			if (!dpns[i])
				continue;
			tail = ring->head + ring->nr;
			if (tail >= ring->size)
				tail -= ring->size;
			ring->limbo[tail].dpn = dpns[i];
			ring->limbo[tail].cookie = cookie;
			ring->nr++;
		}
		if (ring->nr != before) {
			arm = kmem_blk_ring_arm(ring);
			/* Not @nr: overwrites leave it as it is, wherever it is. */
			ring->retired += ring->nr - before;
			ask = ring->retired >= ring->size / KMEM_BLK_RING_ASK;
		}
		if (ask) {
			ring->retired = 0;
			hurry = ring->nr >= ring->size / 2 &&
				!poll_state_synchronize_rcu(ring->limbo[ring->head].cookie);
		}
	}
	ticket->room = 0;

	/* Cookies do not start grace periods. In a hurry when it gets full. */
	if (hurry)
		start_poll_synchronize_rcu_expedited();
	else if (ask)
		start_poll_synchronize_rcu();
	if (arm)
		kmem_blk_pages_arm(pages);
}

/**
 * kmem_blk_pages_return - give room back
 * @pages: of the device
 * @ticket: the room, may be used up already
 *
 * Context: process context, does not sleep.
 */
void kmem_blk_pages_return(struct kmem_blk_pages *pages,
			   struct kmem_blk_ticket *ticket)
{
	if (!ticket->room)
		return;
	scoped_guard(spinlock, &ticket->ring->lock)
		ticket->ring->room -= ticket->room;
	ticket->room = 0;
}

/**
 * kmem_blk_pages_bury - free a dropped leaf and all it maps, later
 * @pages: of the device
 * @dead: to remember it by, allocated with kmalloc(), now ours. NULL: now,
 *	  which takes an expedited grace period
 * @leaf_index: what the leaf mapped
 * @dpn: its page
 *
 * Context: process context; may sleep if @dead is NULL.
 */
void kmem_blk_pages_bury(struct kmem_blk_pages *pages, struct kmem_blk_dead *dead,
			 u64 leaf_index, u64 dpn)
{
	if (!dead) {
		guard(mutex)(&pages->drain_lock);
		synchronize_rcu_expedited();
		kmem_blk_dead_free(pages, leaf_index, dpn);
		return;
	}
	dead->leaf_index = leaf_index;
	dead->dpn = dpn;

	guard(spinlock)(&pages->dead_lock);
	/* Under the lock, so that the list is in the order of grace periods. */
	dead->cookie = get_state_synchronize_rcu();
	list_add_tail(&dead->node, &pages->dead);
	pages->nr_dead++;
}

/**
 * kmem_blk_pages_crowded - do too many dropped leaves wait?
 * @pages: of the device
 *
 * Context: any.
 * Return: true if who drops leaves should call kmem_blk_pages_reclaim().
 */
bool kmem_blk_pages_crowded(const struct kmem_blk_pages *pages)
{
	/* A hint: who comes too late helps a little later. */
	return data_race(pages->nr_dead) > KMEM_BLK_DEAD_MAX;
}

/**
 * kmem_blk_pages_kick - pages were unmapped for good: the pool shall get them
 * @pages: of the device
 *
 * Context: any that may queue work; does not sleep.
 */
void kmem_blk_pages_kick(struct kmem_blk_pages *pages)
{
	if (!xchg(&pages->drain, true))
		mod_delayed_work(kmem_blk_wq, &pages->work, KMEM_BLK_KICK_DELAY);
}

/**
 * kmem_blk_pages_draining - is the pool about to get pages?
 * @pages: of the device
 *
 * Context: any. Return: true from kmem_blk_pages_kick() until it has them.
 */
bool kmem_blk_pages_draining(const struct kmem_blk_pages *pages)
{
	return READ_ONCE(pages->drain) || READ_ONCE(pages->draining);
}

/* Does anything wait for a grace period? */
static bool kmem_blk_pages_in_limbo(struct kmem_blk_pages *pages)
{
	if (kmem_blk_pages_have_dead(pages))
		return true;
	for (unsigned int i = 0; i < pages->nr_rings; i++)
		if (READ_ONCE(pages->rings[i]->nr))
			return true;
	return false;
}

/**
 * kmem_blk_pages_reclaim - give back all that can be given back, now
 * @pages: of the device
 *
 * Context: may sleep, for an expedited grace period.
 */
void kmem_blk_pages_reclaim(struct kmem_blk_pages *pages)
{
	if (kmem_blk_pages_in_limbo(pages))
		kmem_blk_pages_sync(true);
	kmem_blk_dead_drain(pages);
	for (unsigned int i = 0; i < pages->nr_rings; i++) {
		kmem_blk_ring_drain(pages, pages->rings[i]);
		cond_resched();
	}
}

/**
 * kmem_blk_pages_count - pages on their way
 * @pages: of the device
 * @count: filled; a moment later it may be different. Dropped leaves do not count
 *
 * Context: any.
 */
void kmem_blk_pages_count(const struct kmem_blk_pages *pages,
			  struct kmem_blk_pages_count *count)
{
	*count = (struct kmem_blk_pages_count){};
	for (unsigned int i = 0; i < pages->nr_rings; i++) {
		count->limbo += READ_ONCE(pages->rings[i]->nr);
		count->fresh += READ_ONCE(pages->rings[i]->nr_fresh);
	}
}

/**
 * kmem_blk_pages_module_init - what all devices share
 *
 * Return: 0 or -ENOMEM.
 */
int kmem_blk_pages_module_init(void)
{
	kmem_blk_wq = alloc_workqueue("kmem_blk", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	return kmem_blk_wq ? 0 : -ENOMEM;
}

/**
 * kmem_blk_pages_module_exit - counterpart of kmem_blk_pages_module_init()
 */
void kmem_blk_pages_module_exit(void)
{
	destroy_workqueue(kmem_blk_wq);
}

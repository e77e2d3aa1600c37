// SPDX-License-Identifier: GPL-2.0
/*
 * Bios of a kmem block device that wait
 */

/**
 * DOC: Parked bios of a kmem block device
 *
 * Concepts
 * ========
 *
 * A bio that has to wait for pages is *parked*: submit_bio returns, and with it the
 * reference to the queue, so that who freezes the queue does not wait for space, and
 * neither do reads and the discards that would end the wait. A worker, one for each disk,
 * goes on with it and completes it. It also keeps the deadlines, so that these depend on
 * nobody who moves memory.
 *
 * There is a queue for each &enum kmem_blk_wait. They are served in that order, the next
 * one when the one before is empty, and first come, first served within each. While the
 * first of a queue has found no pages, who comes goes to its end, even if there are pages
 * now (&kmem_blk.parked); a REQ_NOWAIT bio is told so. When there are pages again, and the
 * worker has a queue to work off, those who come are not held up by it: or else they would
 * all go through one worker for as long as there are always some in the queue. Reads and
 * discards pass at any time.
 *
 * Parking allocates nothing and holds nothing: no page, no room in a ring, no list. Bios are
 * linked by bi_next. There is no place in a bio for the time at which it came, so the times
 * are kept for *buckets* of bios that came one shortly after the other. A bio has one
 * deadline, however often it has to wait: until it has its turn, in its queue, and in another
 * one, if what was to be overwritten is discarded meanwhile. bi_iter stays as it is, since
 * what is accounted at the end depends on it. Only the first bio of a queue is ever partly
 * done, and the queue knows how far.
 *
 * What is parked cannot move, and if there were much of it, nothing could be taken from the
 * page allocator for what it waits for. So the payload is bounded: to 1/64 of what is lent,
 * at least 1 MiB and at most 16 MiB, a half of it for first writes and a sixth for each
 * of the others, who must not wait for first writes; or a single bio that is larger. Above
 * that the submitter waits until it is his turn and there is room, in submit_bio, which is
 * what holds back a flusher. In slices: when the queue is being frozen, or other bios of
 * the same task would wait with it (current->bio_list), it is parked after all. There is as
 * much room again for what blk-throttle submits, as its worker does that for everybody.
 *
 * Who frees memory must not wait for memory: a first write of swap, or by a task that
 * reclaims, fails. Nor does anybody wait where others have waited in vain; that data has
 * says nothing about metadata, which may go further beyond a limit.
 *
 * Secure erase is parked for another reason: it may have to wait for who moves data. It has
 * a queue, too, but another worker, no deadline and no bound.
 *
 * Life cycle
 * ==========
 *
 *  1. kmem_blk_park_init(), before the disk is there.
 *  2. kmem_blk_park(): from submit_bio.
 *  3. kmem_blk_park_kill(): what is parked ends with an error, nothing is parked any more.
 *     Before anybody is waited for, since he may wait for one of these bios.
 *  4. kmem_blk_park_stop(): no worker runs any more. After del_gendisk(), which does not
 *     wait for them: a frozen queue says nothing about parked bios, and whoever changes
 *     what the workers use has to stop them, too.
 *  5. kmem_blk_park_exit().
 *
 * Nothing is missed: the worker is in the pool's list of those who wait before it looks for
 * pages, and it looks again when the first bio of a queue was parked, when pages come back,
 * and ten times a second in any case.
 *
 * Lock order: &kmem_blk_park.lock is taken with nothing held; in it, the lock of the pool's
 * list of those who wait. Bios are completed without it.
 */

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/cleanup.h>
#include <linux/container_of.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include "blk.h"

/* Of a queue. More than there are steps in a deadline. */
#define KMEM_BLK_BUCKETS	24U
#define KMEM_BLK_BUCKET_STEPS	16U
/* Seconds that an overwrite waits for pages that others have borrowed, and metadata at least. */
#define KMEM_BLK_OVERWRITE_TIMEOUT	30U
/* Between two looks whether something has changed. */
#define KMEM_BLK_PARK_LOOK	max(HZ / 10, 1)
/* Payload, as a part of what is lent. */
#define KMEM_BLK_PARK_PART	64U
#define KMEM_BLK_PARK_MIN	((u64)SZ_1M)
#define KMEM_BLK_PARK_MAX	((u64)SZ_16M)
/* Those who do not give back what they take. */
#define KMEM_BLK_WAITS_SPACE	(BIT(KMEM_BLK_WAIT_META) | BIT(KMEM_BLK_WAIT_FIRST) | \
				 BIT(KMEM_BLK_WAIT_ATOMIC))

/* Bios that came between @first and @last, jiffies. */
struct kmem_blk_bucket {
	unsigned long first;
	unsigned long last;
	unsigned int nr;
};

/*
 * @bios: in the order in which they came
 * @busy: the first of @bios is in the hands of the worker
 * @done: blocks of it that are written
 * @bytes: payload
 * @head, @nr_buckets: used part of @buckets, oldest first
 * @turns: who waits for payload to leave, in the order in which they came
 * @room: they sleep here
 */
struct kmem_blk_queue {
	struct bio_list bios;
	bool busy;
	u64 done;
	u64 bytes;
	unsigned int head;
	unsigned int nr_buckets;
	struct kmem_blk_bucket buckets[KMEM_BLK_BUCKETS];
	struct list_head turns;
	wait_queue_head_t room;
};

/**
 * struct kmem_blk_park - bios of a disk that wait
 * @kb: the disk
 * @lock: protects what is below, &kmem_blk.parked, and that &kmem_blk.dying is set
 * @queues: of bios, by &enum kmem_blk_wait
 * @nr: bios that wait for pages
 * @bytes: payload of all
 * @most: that it ever was
 * @entry: of @work, in the pool's list of those who wait
 * @wq: runs @work, and nothing else, so that it has a rescuer of its own
 * @work: the worker of those who wait for pages
 * @erase_work: the worker of KMEM_BLK_WAIT_ERASE
 * @worker: who runs @work right now
 * @woken: @work is about to look
 * @reclaimed: jiffies, when @work gave back what the disk keeps
 */
struct kmem_blk_park {
	struct kmem_blk *kb;
	spinlock_t lock;	/* protects the queues, and more */
	struct kmem_blk_queue queues[KMEM_BLK_NR_WAITS];
	unsigned int nr;
	u64 bytes;
	u64 most;
	struct wait_queue_entry entry;
	struct workqueue_struct *wq;
	struct delayed_work work;
	struct work_struct erase_work;
	struct task_struct *worker;
	bool woken;
	unsigned long reclaimed;
};

/*
 * Buckets
 */

static unsigned long kmem_blk_park_timeout(const struct kmem_blk *kb,
					   enum kmem_blk_wait wait)
{
	/* It may be set anew while somebody waits. */
	unsigned int seconds = READ_ONCE(kb->no_space_timeout);

	if (wait == KMEM_BLK_WAIT_OVERWRITE)
		seconds = KMEM_BLK_OVERWRITE_TIMEOUT;
	else if (wait == KMEM_BLK_WAIT_META)
		/* Else the filesystem ends because RAM does not come back in no time. */
		seconds = max(seconds, KMEM_BLK_OVERWRITE_TIMEOUT);
	return seconds * HZ;
}

/* As the pool names it. */
static unsigned int kmem_blk_park_alloc(enum kmem_blk_wait wait)
{
	return wait == KMEM_BLK_WAIT_META ? KMEM_ALLOC_META : 0;
}

/* The one at this place, oldest first; the first that is not in use is behind them. */
static struct kmem_blk_bucket *kmem_blk_bucket(struct kmem_blk_queue *queue, unsigned int at)
{
	return &queue->buckets[(queue->head + at) % KMEM_BLK_BUCKETS];
}

/* A bio that came at @came. Returns how many bios of the queue came later. */
static unsigned int kmem_blk_bucket_add(struct kmem_blk_queue *queue, unsigned long came,
					unsigned long timeout)
{
	const unsigned long step = timeout / KMEM_BLK_BUCKET_STEPS;
	struct kmem_blk_bucket *bucket;
	unsigned int at = queue->nr_buckets, later = 0;

	/* Most come now, and are the last. */
	while (at && time_before(came, kmem_blk_bucket(queue, at - 1)->first))
		later += kmem_blk_bucket(queue, --at)->nr;
	bucket = kmem_blk_bucket(queue, at ? at - 1 : 0);
	/* All are in use if the timeout was much longer before: then it ends too late. */
	if (!queue->nr_buckets ||
	    ((at ? came - bucket->first : bucket->last - came) > step &&
	     queue->nr_buckets < KMEM_BLK_BUCKETS)) {
		for (unsigned int i = queue->nr_buckets++; i > at; i--)
			*kmem_blk_bucket(queue, i) = *kmem_blk_bucket(queue, i - 1);
		bucket = kmem_blk_bucket(queue, at);
		bucket->first = came;
		bucket->last = came;
		bucket->nr = 0;
	} else if (!at) {
		bucket->first = came;
		later -= bucket->nr;
	}
	if (time_after(came, bucket->last))
		bucket->last = came;
	bucket->nr++;
	return later;
}

/* Nobody ends before his time, but up to one step later. */
static bool kmem_blk_bucket_expired(const struct kmem_blk_queue *queue,
				    unsigned long timeout)
{
	return time_after_eq(jiffies, queue->buckets[queue->head].last + timeout);
}

/* The first bio is taken out. Returns its bucket. */
static struct kmem_blk_bucket kmem_blk_bucket_pop(struct kmem_blk_queue *queue)
{
	struct kmem_blk_bucket *bucket = &queue->buckets[queue->head];

	if (!--bucket->nr) {
		queue->head = (queue->head + 1) % KMEM_BLK_BUCKETS;
		queue->nr_buckets--;
	}
	return *bucket;
}

/*
 * Queues
 */

/* What cannot move while it is parked; something for each, so that they are not too many. */
static u64 kmem_blk_park_payload(const struct bio *bio)
{
	return bio_op(bio) == REQ_OP_WRITE ? bio->bi_iter.bi_size : KMEM_PERSIST_BLOCK_SIZE;
}

/* What is wanted for it, and not more than for one step. */
static unsigned int kmem_blk_park_pages(const struct bio *bio, enum kmem_blk_wait wait)
{
	return wait == KMEM_BLK_WAIT_ERASE ? 0 : min_t(u64, kmem_blk_count(bio),
						       KMEM_BLK_BATCH);
}

/* Payload that may wait for the same. */
static u64 kmem_blk_park_limit(const struct kmem_blk *kb, enum kmem_blk_wait wait)
{
	const u64 lent = dax_kmem_num_lent(kb->kp) << KMEM_PERSIST_BLOCK_SHIFT;
	const u64 all = clamp(lent / KMEM_BLK_PARK_PART, KMEM_BLK_PARK_MIN,
			      KMEM_BLK_PARK_MAX);

	return wait == KMEM_BLK_WAIT_FIRST ? all / 2 : all / 6;
}

/* Does it fit into the bound of its kind, with @more bytes on top of that? */
static bool kmem_blk_park_fits(const struct kmem_blk *kb, const struct bio *bio,
			       enum kmem_blk_wait wait, u64 more)
{
	const u64 bytes = READ_ONCE(kb->park->queues[wait].bytes);

	return !bytes || bytes + kmem_blk_park_payload(bio) <=
			 kmem_blk_park_limit(kb, wait) + more;
}

/* Behind all that came before @came: most came now, and are the last in their queue. */
static void kmem_blk_queue_add(struct kmem_blk_queue *queue, struct bio *bio,
			       unsigned long came, unsigned long timeout)
{
	struct bio *before = bio_list_peek(&queue->bios);
	unsigned int ahead = 0, later;

	/* Who has the first one in his hands takes it for the first one. */
	if (queue->busy && time_before(came, kmem_blk_bucket(queue, 0)->first))
		came = kmem_blk_bucket(queue, 0)->first;
	later = kmem_blk_bucket_add(queue, came, timeout);
	if (likely(!later)) {
		bio_list_add(&queue->bios, bio);
		return;
	}
	for (unsigned int i = 0; i < queue->nr_buckets; i++)
		ahead += kmem_blk_bucket(queue, i)->nr;
	/* The buckets know of this one already. */
	ahead -= later + 1;
	if (!ahead) {
		/* What was done of the one that was the first will be done again. */
		queue->done = 0;
		bio_list_add_head(&queue->bios, bio);
		return;
	}
	while (--ahead)
		before = before->bi_next;
	bio->bi_next = before->bi_next;
	before->bi_next = bio;
}

/* It came at @came, jiffies: now, or it has waited elsewhere before. */
static void kmem_blk_park_add(struct kmem_blk *kb, struct bio *bio,
			      enum kmem_blk_wait wait, unsigned long came)
	__must_hold(&kb->park->lock)
{
	struct kmem_blk_park *park = kb->park;
	struct kmem_blk_queue *queue = &park->queues[wait];

	kmem_blk_queue_add(queue, bio, came, kmem_blk_park_timeout(kb, wait));
	queue->bytes += kmem_blk_park_payload(bio);
	park->bytes += kmem_blk_park_payload(bio);
	WRITE_ONCE(park->most, max(park->most, park->bytes));
	if (wait == KMEM_BLK_WAIT_ERASE)
		return;
	WRITE_ONCE(kb->parked, kb->parked | BIT(wait));
	if (!park->nr++)
		dax_kmem_add_waiter(kb->kp, &park->entry);
}

/*
 * Take the first bio out of its queue. If it got its pages others may pass. Returns when it
 * came: between first and last.
 */
static struct kmem_blk_bucket kmem_blk_park_pop(struct kmem_blk *kb,
						enum kmem_blk_wait wait, bool got)
	__must_hold(&kb->park->lock)
{
	struct kmem_blk_park *park = kb->park;
	struct kmem_blk_queue *queue = &park->queues[wait];
	const u64 bytes = kmem_blk_park_payload(bio_list_peek(&queue->bios));

	bio_list_pop(&queue->bios);
	queue->done = 0;
	queue->bytes -= bytes;
	park->bytes -= bytes;
	if (got || bio_list_empty(&queue->bios))
		WRITE_ONCE(kb->parked, kb->parked & ~BIT(wait));
	if (wait != KMEM_BLK_WAIT_ERASE && !--park->nr)
		dax_kmem_del_waiter(kb->kp, &park->entry);
	return kmem_blk_bucket_pop(queue);
}

/* It came at @start, jiffies, and is in no queue any more. */
static void kmem_blk_park_end(struct kmem_blk *kb, struct bio *bio,
			      enum kmem_blk_wait wait, unsigned long start,
			      blk_status_t status)
{
	const unsigned int nr = kmem_blk_park_pages(bio, wait);

	if (nr)
		dax_kmem_wait_end(kb->kp, nr, start, !status);
	/* One that waits for room, which may be for one. */
	if (wq_has_sleeper(&kb->park->queues[wait].room))
		wake_up(&kb->park->queues[wait].room);
	bio_end_io_acct(bio, start);
	kmem_blk_finish(kb, bio, status);
}

/*
 * The workers
 */

/* Somebody has waited in vain. */
static void kmem_blk_park_report(struct kmem_blk *kb, enum kmem_blk_wait wait)
{
	if (wait == KMEM_BLK_WAIT_ATOMIC)
		/* That says nothing about others, for whom one page will do. */
		dev_warn_ratelimited(disk_to_dev(kb->disk),
				     "an atomic write found fewer free pages than it needs for %u s and has failed\n",
				     READ_ONCE(kb->no_space_timeout));
	else if (wait != KMEM_BLK_WAIT_OVERWRITE)
		dax_kmem_no_space(kb->kp, kmem_blk_park_alloc(wait));
	else
		dev_warn_ratelimited(disk_to_dev(kb->disk),
				     "an overwrite found no free pages for %u s and has failed, the reserve is %llu KiB: raise reserve_bytes\n",
				     KMEM_BLK_OVERWRITE_TIMEOUT,
				     kmem_persist_reserve_pages(kb->kp) <<
				     (KMEM_PERSIST_BLOCK_SHIFT - 10));
}

/*
 * Go on with the first bio of a queue: 1 if it is there no more, 0 if there was none, -EAGAIN
 * if it has to wait on.
 */
static int kmem_blk_park_go_on(struct kmem_blk *kb, enum kmem_blk_wait wait)
{
	struct kmem_blk_park *park = kb->park;
	struct kmem_blk_queue *queue = &park->queues[wait];
	struct kmem_blk_run run = { .parked = true };
	blk_status_t status = BLK_STS_IOERR;
	struct kmem_blk_bucket came;
	bool late = false;
	struct bio *bio;

	scoped_guard(spinlock, &park->lock) {
		bio = bio_list_peek(&queue->bios);
		if (!bio)
			return 0;
		queue->busy = true;
		run.done = queue->done;
	}
	if (!READ_ONCE(kb->dying))
		status = kmem_blk_continue(kb, bio, &run);
	scoped_guard(spinlock, &park->lock) {
		queue->busy = false;
		queue->done = run.done;
		if (status == BLK_STS_RESOURCE && kb->dying)
			status = BLK_STS_IOERR;
		if (status == BLK_STS_RESOURCE && run.wait <= wait) {
			WRITE_ONCE(kb->parked, kb->parked | BIT(wait));
			return -EAGAIN;
		}
		came = kmem_blk_park_pop(kb, wait, !status);
		/*
		 * The rest is no overwrite, and shall not hold up those: it goes where it
		 * belongs, as if it had come there, unless there is more already than may be
		 * or its time is up. Only in this direction, so that it comes to an end.
		 */
		if (status == BLK_STS_RESOURCE) {
			late = time_after_eq(jiffies, came.last +
					     kmem_blk_park_timeout(kb, run.wait));
			if (!(bio->bi_opf & REQ_SWAP) && !late &&
			    dax_kmem_has_space(kb->kp, kmem_blk_park_alloc(run.wait)) &&
			    park->queues[run.wait].bytes <=
			    kmem_blk_park_limit(kb, run.wait)) {
				kmem_blk_park_add(kb, bio, run.wait, came.last);
				return 1;
			}
			status = BLK_STS_NOSPC;
		}
	}
	/* Known before it is told. */
	if (late)
		kmem_blk_park_report(kb, run.wait);
	kmem_blk_park_end(kb, bio, wait, came.first, status);
	cond_resched();
	return 1;
}

/* Take the first bio out of its queue if its end has come. */
static struct bio *kmem_blk_park_take(struct kmem_blk *kb, enum kmem_blk_wait wait,
				      unsigned long *start)
{
	struct kmem_blk_queue *queue = &kb->park->queues[wait];
	struct bio *bio;

	guard(spinlock)(&kb->park->lock);
	bio = bio_list_peek(&queue->bios);
	/* Who has it in his hands ends it, and, if need be, those after it. */
	if (!bio || queue->busy)
		return NULL;
	if (!kb->dying &&
	    (wait == KMEM_BLK_WAIT_ERASE ||
	     !kmem_blk_bucket_expired(queue, kmem_blk_park_timeout(kb, wait))))
		return NULL;
	*start = kmem_blk_park_pop(kb, wait, false).first;
	return bio;
}

/* End those whose time is up, or all if the disk is dying. */
static void kmem_blk_park_expire(struct kmem_blk *kb, enum kmem_blk_wait wait)
{
	unsigned long start;
	struct bio *bio;

	while ((bio = kmem_blk_park_take(kb, wait, &start))) {
		const bool dying = READ_ONCE(kb->dying);

		/* Known before the first of them is told. */
		if (!dying)
			kmem_blk_park_report(kb, wait);
		kmem_blk_park_end(kb, bio, wait, start,
				  dying ? BLK_STS_IOERR : BLK_STS_NOSPC);
		cond_resched();
	}
}

static void kmem_blk_park_work(struct work_struct *work)
{
	struct kmem_blk_park *park = container_of(to_delayed_work(work),
						  struct kmem_blk_park, work);
	const unsigned int noio = memalloc_noio_save();
	struct kmem_blk *kb = park->kb;
	int rc = 0;

	WRITE_ONCE(park->worker, current);
	/* Before looking: who frees pages from here on wakes again. */
	(void)xchg(&park->woken, false);
	for (int wait = KMEM_BLK_WAIT_OVERWRITE; wait < KMEM_BLK_WAIT_ERASE; wait++)
		kmem_blk_park_expire(kb, wait);
	/* While one waits those after it do: nothing is left for them that it may not have. */
	for (int wait = KMEM_BLK_WAIT_OVERWRITE; wait < KMEM_BLK_WAIT_ERASE && !rc; wait++)
		while ((rc = kmem_blk_park_go_on(kb, wait)) > 0)
			;
	WRITE_ONCE(park->worker, NULL);
	memalloc_noio_restore(noio);
	if (READ_ONCE(park->nr))
		queue_delayed_work(park->wq, &park->work, KMEM_BLK_PARK_LOOK);
}

static void kmem_blk_park_erase_work(struct work_struct *work)
{
	struct kmem_blk_park *park = container_of(work, struct kmem_blk_park, erase_work);
	const unsigned int noio = memalloc_noio_save();

	while (kmem_blk_park_go_on(park->kb, KMEM_BLK_WAIT_ERASE) > 0)
		;
	memalloc_noio_restore(noio);
}

/*
 * Pages came back, or may have. With a pause: they come in flocks, and the next look shall
 * be for all of them. What the worker itself gives back is no news.
 */
static int kmem_blk_park_wake(struct wait_queue_entry *entry, unsigned int mode,
			      int flags, void *key)
{
	struct kmem_blk_park *park = container_of(entry, struct kmem_blk_park, entry);

	if (READ_ONCE(park->worker) != current && !xchg(&park->woken, true))
		mod_delayed_work(park->wq, &park->work, 1);
	return 0;
}

/**
 * kmem_blk_park_look - let the worker look whether something has changed
 * @kb: the device
 *
 * Context: any that may queue work; does not sleep.
 */
void kmem_blk_park_look(struct kmem_blk *kb)
{
	mod_delayed_work(kb->park->wq, &kb->park->work, 0);
}

/**
 * kmem_blk_park_may_reclaim - may the worker give back what the disk keeps?
 * @kb: the device
 *
 * Not each time that somebody frees a page: that takes a grace period. Context: any.
 */
bool kmem_blk_park_may_reclaim(struct kmem_blk *kb)
{
	const unsigned long now = jiffies;

	if (time_before(now, kb->park->reclaimed + KMEM_BLK_PARK_LOOK))
		return false;
	kb->park->reclaimed = now;
	return true;
}

/*
 * Parking
 */

/* Others of the same task wait with this one, or everybody does. */
static bool kmem_blk_park_must(const struct kmem_blk *kb)
{
	const struct bio_list *list = current->bio_list;

	return READ_ONCE(kb->disk->queue->mq_freeze_depth) ||
	       (list && (!bio_list_empty(&list[0]) || !bio_list_empty(&list[1])));
}

/* May it be parked now? Else it takes its place among those who wait for room. */
static bool kmem_blk_park_has_room(struct kmem_blk *kb, const struct bio *bio,
				   enum kmem_blk_wait wait, struct list_head *turn)
	__must_hold(&kb->park->lock)
{
	struct list_head *turns = &kb->park->queues[wait].turns;
	/* Perhaps the worker of blk-throttle, which submits for everybody. */
	const bool others = current->flags & PF_WQ_WORKER &&
			    bio_flagged(bio, BIO_BPS_THROTTLED);

	if (wait == KMEM_BLK_WAIT_ERASE || kmem_blk_park_must(kb))
		return true;
	if (others || list_empty(turns) || turns->next == turn)
		if (kmem_blk_park_fits(kb, bio, wait,
				       others ? kmem_blk_park_limit(kb, wait) : 0))
			return true;
	if (list_empty(turn))
		list_add_tail(turn, turns);
	return false;
}

/* BLK_STS_RESOURCE if it is parked, BLK_STS_AGAIN if there is no room. */
static blk_status_t kmem_blk_park_try(struct kmem_blk *kb, struct bio *bio,
				      enum kmem_blk_wait wait, unsigned long since,
				      struct list_head *turn)
{
	bool first;

	if (wait != KMEM_BLK_WAIT_ERASE &&
	    jiffies - since >= kmem_blk_park_timeout(kb, wait)) {
		kmem_blk_park_report(kb, wait);
		return BLK_STS_NOSPC;
	}
	/* Others have waited in vain already. */
	if (BIT(wait) & KMEM_BLK_WAITS_SPACE &&
	    !dax_kmem_has_space(kb->kp, kmem_blk_park_alloc(wait)))
		return BLK_STS_NOSPC;

	scoped_guard(spinlock, &kb->park->lock) {
		if (kb->dying)
			return BLK_STS_IOERR;
		if (!kmem_blk_park_has_room(kb, bio, wait, turn))
			return BLK_STS_AGAIN;
		first = bio_list_empty(&kb->park->queues[wait].bios);
		/* The time before it had its turn counts, too. */
		kmem_blk_park_add(kb, bio, wait, since);
	}
	/* There may be pages since it found none. */
	if (wait == KMEM_BLK_WAIT_ERASE)
		queue_work(system_dfl_wq, &kb->park->erase_work);
	else if (first)
		kmem_blk_park_look(kb);
	return BLK_STS_RESOURCE;
}

/**
 * kmem_blk_park - a bio has to wait
 * @kb: the device
 * @bio: the bio, whose accounting has begun; if a part of it is done, it will be done again
 * @wait: for what
 *
 * Context: process context, in submit_bio; sleeps if much is parked already.
 * Return: BLK_STS_RESOURCE if it is parked, and not the caller's any more; else how it
 * ends.
 */
blk_status_t kmem_blk_park(struct kmem_blk *kb, struct bio *bio, enum kmem_blk_wait wait)
{
	struct kmem_blk_queue *queue = &kb->park->queues[wait];
	const unsigned int nr = kmem_blk_park_pages(bio, wait);
	const unsigned long since = jiffies;
	blk_status_t status;
	DEFINE_WAIT(entry);
	LIST_HEAD(turn);

	/*
	 * Who swaps out may be the one who has to free what it would wait for,
	 * and the OOM killer can only decide when it does not wait.
	 */
	if (BIT(wait) & KMEM_BLK_WAITS_SPACE &&
	    (bio->bi_opf & REQ_SWAP || current->reclaim_state ||
	     !dax_kmem_has_space(kb->kp, kmem_blk_park_alloc(wait))))
		return BLK_STS_NOSPC;

	if (nr)
		dax_kmem_wait_begin(kb->kp, nr);
	for (;;) {
		prepare_to_wait(&queue->room, &entry, TASK_UNINTERRUPTIBLE);
		status = kmem_blk_park_try(kb, bio, wait, since, &turn);
		if (status != BLK_STS_AGAIN)
			break;
		io_schedule_timeout(KMEM_BLK_PARK_LOOK);
	}
	finish_wait(&queue->room, &entry);
	if (!list_empty(&turn)) {
		scoped_guard(spinlock, &kb->park->lock)
			list_del(&turn);
		/* There may be room for the next. */
		wake_up(&queue->room);
	}
	if (nr && status != BLK_STS_RESOURCE)
		dax_kmem_wait_end(kb->kp, nr, since, false);
	return status;
}

/**
 * kmem_blk_park_kill - all that is parked ends with an error, and nothing is parked any more
 * @kb: the device
 *
 * What a worker has in its hands is ended by it, and what comes after: it waits for nobody.
 *
 * Context: may sleep, waits for nobody.
 */
void kmem_blk_park_kill(struct kmem_blk *kb)
{
	scoped_guard(spinlock, &kb->park->lock)
		WRITE_ONCE(kb->dying, true);
	for (int wait = 0; wait < KMEM_BLK_NR_WAITS; wait++) {
		kmem_blk_park_expire(kb, wait);
		wake_up_all(&kb->park->queues[wait].room);
	}
}

/**
 * kmem_blk_park_stop - wait until no worker runs any more
 * @kb: the device, after kmem_blk_park_kill(); no bio comes any more
 *
 * Context: sleeps.
 */
void kmem_blk_park_stop(struct kmem_blk *kb)
{
	cancel_delayed_work_sync(&kb->park->work);
	cancel_work_sync(&kb->park->erase_work);
	WARN_ON_ONCE(kb->park->bytes);
}

/**
 * kmem_blk_park_bytes - how much is parked
 * @kb: the device
 * @most: receives the most that ever was
 *
 * Context: any. Return: payload now.
 */
u64 kmem_blk_park_bytes(const struct kmem_blk *kb, u64 *most)
{
	guard(spinlock)(&kb->park->lock);
	*most = kb->park->most;
	return kb->park->bytes;
}

/**
 * kmem_blk_park_init - get ready
 * @kb: the device
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int kmem_blk_park_init(struct kmem_blk *kb)
{
	struct kmem_blk_park *park = kzalloc_obj(*park);

	if (!park)
		return -ENOMEM;
	park->wq = alloc_ordered_workqueue("kmem_blk/%s", WQ_MEM_RECLAIM,
					   dev_name(kmem_persist_dev(kb->kp)));
	if (!park->wq) {
		kfree(park);
		return -ENOMEM;
	}
	park->kb = kb;
	park->reclaimed = jiffies - KMEM_BLK_PARK_LOOK;
	spin_lock_init(&park->lock);
	for (int wait = 0; wait < KMEM_BLK_NR_WAITS; wait++) {
		INIT_LIST_HEAD(&park->queues[wait].turns);
		init_waitqueue_head(&park->queues[wait].room);
	}
	init_waitqueue_func_entry(&park->entry, kmem_blk_park_wake);
	INIT_LIST_HEAD(&park->entry.entry);
	INIT_DELAYED_WORK(&park->work, kmem_blk_park_work);
	INIT_WORK(&park->erase_work, kmem_blk_park_erase_work);
	kb->park = park;
	return 0;
}

/**
 * kmem_blk_park_exit - counterpart of kmem_blk_park_init(), also without it
 * @kb: the device, nothing is parked
 *
 * Context: sleeps.
 */
void kmem_blk_park_exit(struct kmem_blk *kb)
{
	if (!kb->park)
		return;
	destroy_workqueue(kb->park->wq);
	kfree(kb->park);
}

#include "../tests/park_kunit.h"

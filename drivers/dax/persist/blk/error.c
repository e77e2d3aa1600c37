// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks that cannot be read any more
 */

/**
 * DOC: Media errors under a kmem block device
 *
 * A media error costs the block that it hits and nothing else. The read fails, and
 * from then on the page is known to be bad: it is not handed out or lent, unless its
 * error is cleared one day, when it holds nothing (bad.c). The block
 * becomes LOST in the map, which a restart remembers: reads of it fail, without touching
 * the media, until it is written; the new content goes to another page, as always. Until
 * then the block is in /sys/block/kmem<N>/badblocks, which can be polled.
 *
 * The map is changed by a work item, because a read may neither wait for a grace
 * period nor sleep. If too many errors come at once some are passed over; the next
 * read of the block finds them again.
 */

#include <linux/badblocks.h>
#include <linux/blkdev.h>
#include <linux/cleanup.h>
#include <linux/container_of.h>
#include <linux/device.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sysfs.h>
#include "blk.h"

static int kmem_blk_type(const struct kmem_blk *kb, u64 lblk)
{
	u64 dpn;

	guard(rcu)();
	return kmem_blk_map_lookup(&kb->map, lblk, &dpn);
}

/* Whoever polls badblocks is woken. */
static void kmem_blk_errors_changed(struct kmem_blk *kb)
{
	struct kernfs_node *file = READ_ONCE(kb->errors.changed);

	if (file)
		sysfs_notify_dirent(file);
}

static void kmem_blk_bad_set(struct kmem_blk *kb, u64 lblk, u64 nr)
{
	/* A list for people: if it is full, the map still knows. */
	badblocks_set(&kb->errors.bb, lblk << KMEM_BLK_SECTORS_SHIFT,
		      nr << KMEM_BLK_SECTORS_SHIFT, 1);
	kmem_blk_errors_changed(kb);
}

/**
 * kmem_blk_clear_errors - take blocks off the list, see kmem_blk_written()
 * @kb: the device
 * @lblk: the first of them
 * @nr: how many
 *
 * Context: does not sleep.
 */
void kmem_blk_clear_errors(struct kmem_blk *kb, u64 lblk, u64 nr)
{
	const sector_t sector = lblk << KMEM_BLK_SECTORS_SHIFT;
	const sector_t nr_sectors = nr << KMEM_BLK_SECTORS_SHIFT;
	struct badblocks *bb = &kb->errors.bb;
	sector_t first, found;

	if (!badblocks_check(bb, sector, nr_sectors, &first, &found))
		return;
	badblocks_clear(bb, sector, nr_sectors);
	kmem_blk_errors_changed(kb);
}

/**
 * kmem_blk_media_error - a read of a block has failed
 * @kb: the device
 * @lblk: the block
 * @dpn: its page
 *
 * Context: process context, does not sleep; in the RCU read side critical section in
 * which the page was looked up, so that it cannot be anybody else's yet.
 */
void kmem_blk_media_error(struct kmem_blk *kb, u64 lblk, u64 dpn)
{
	struct kmem_blk_errors *errors = &kb->errors;

	dax_kmem_media_error(kb->kp, dpn);
	scoped_guard(spinlock, &errors->lock) {
		if (errors->nr == ARRAY_SIZE(errors->pending))
			return;
		errors->pending[errors->nr++] = (struct kmem_blk_map_move){
			.lblk = lblk,
			.from = dpn,
		};
	}
	queue_work(system_dfl_wq, &errors->work);
}

static bool kmem_blk_errors_pop(struct kmem_blk_errors *errors,
				struct kmem_blk_map_move *error)
{
	guard(spinlock)(&errors->lock);
	if (!errors->nr)
		return false;
	*error = errors->pending[--errors->nr];
	return true;
}

static void kmem_blk_errors_work(struct work_struct *work)
{
	struct kmem_blk *kb = container_of(work, struct kmem_blk, errors.work);
	u64 lost[KMEM_BLK_ERRORS];
	struct kmem_blk_map_move error;
	unsigned int nr = 0;
	bool was_lost;

	/* Who erases waits for the pages in our hands. */
	guard(mutex)(&kb->move_lock);
	while (nr < ARRAY_SIZE(lost) && kmem_blk_errors_pop(&kb->errors, &error)) {
		/* First: who writes the block takes it off the list afterwards. */
		kmem_blk_bad_set(kb, error.lblk, 1);
		was_lost = kmem_blk_map_lose(&kb->map, error.lblk, error.from);
		/* It may be lost in a snapshot only. */
		if (kmem_blk_type(kb, error.lblk) != KMEM_BLK_ENTRY_LOST)
			kmem_blk_written(kb, error.lblk, 1);
		if (!was_lost)
			continue;
		dev_err_ratelimited(kmem_persist_dev(kb->kp),
				    "/dev/kmem%d: media error: block %llu (page %llu) is lost, reads of it fail until it is written\n",
				    kb->id, error.lblk, error.from);
		lost[nr++] = error.from;
	}
	if (!nr)
		return;
	synchronize_rcu();
	dax_kmem_free_pages(kb->kp, lost, nr);
	queue_work(system_dfl_wq, &kb->errors.work);
}

/* Blocks that were lost before. */
static void kmem_blk_errors_find(struct kmem_blk *kb)
{
	u64 leaf_index, lblk;

	for (leaf_index = 0; leaf_index < kb->map.nr_leaves; leaf_index++) {
		const struct kmem_blk_leaf *leaf = &kb->map.leaves[leaf_index];
		const u64 first = leaf_index << KMEM_BLK_NODE_SHIFT;

		const u64 end = first + kmem_blk_map_leaf_blocks(&kb->map, leaf_index);

		/* Most of a large disk may be nothing but holes. */
		if (!(leaf_index % KMEM_BLK_NODE_ENTRIES))
			cond_resched();
		if (leaf->nr_used == leaf->nr_data)
			continue;
		if (kmem_blk_map_leaf_is_lost(&kb->map, leaf_index))
			kmem_blk_bad_set(kb, first, end - first);
		else
			for (lblk = first; lblk < end; lblk++)
				if (kmem_blk_type(kb, lblk) == KMEM_BLK_ENTRY_LOST)
					kmem_blk_bad_set(kb, lblk, 1);
		cond_resched();
	}
}

/**
 * kmem_blk_errors_again - the disk is another tree: other blocks are lost
 * @kb: the device
 *
 * Context: sleeps; nobody changes the map.
 */
void kmem_blk_errors_again(struct kmem_blk *kb)
{
	/* Also what is behind the end of this one; the disk has no size just now. */
	badblocks_clear(&kb->errors.bb, 0, kb->map.family->nr_locks <<
			(KMEM_BLK_NODE_SHIFT + KMEM_BLK_SECTORS_SHIFT));
	kmem_blk_errors_find(kb);
	kmem_blk_errors_changed(kb);
}

/**
 * kmem_blk_errors_init - get ready for media errors
 * @kb: the device, whose map is attached
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int kmem_blk_errors_init(struct kmem_blk *kb)
{
	int err;

	spin_lock_init(&kb->errors.lock);
	INIT_WORK(&kb->errors.work, kmem_blk_errors_work);
	err = badblocks_init(&kb->errors.bb, 1);
	if (!err)
		kmem_blk_errors_find(kb);
	return err;
}

/**
 * kmem_blk_errors_publish - from now on badblocks can be polled
 * @kb: the device, whose disk was added
 *
 * Context: sleeps.
 */
void kmem_blk_errors_publish(struct kmem_blk *kb)
{
	WRITE_ONCE(kb->errors.changed,
		   sysfs_get_dirent(disk_to_dev(kb->disk)->kobj.sd, "badblocks"));
}

/**
 * kmem_blk_errors_exit - counterpart of kmem_blk_errors_init(), also without it
 * @kb: the device; no bio runs any more
 *
 * Context: sleeps.
 */
void kmem_blk_errors_exit(struct kmem_blk *kb)
{
	if (!kb->errors.bb.page)
		return;
	cancel_work_sync(&kb->errors.work);
	sysfs_put(kb->errors.changed);
	badblocks_exit(&kb->errors.bb);
}

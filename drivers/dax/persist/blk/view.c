// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots of a kmem block device that can be read: disks of their own
 */

/**
 * DOC: Views of snapshots
 *
 * A snapshot has a disk, /dev/kmem<N>s<ID>, while it is activated. It can only be read, and
 * nothing changes in it but where its pages are. What the disk's filesystems, volumes and arrays
 * are called is in it a second time: it is for who asks for it, and for nobody who looks for
 * names. So nothing activates it by itself.
 *
 * It is read as the disk is, see blk/io.c: lookup and copy are in one RCU read side critical
 * section, so that who deletes or moves waits.
 *
 * Who adds it, or takes it away, holds &kmem_blk_snapshots.admin, or is alone.
 */

#include <linux/blkdev.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include "blk.h"

/**
 * struct kmem_blk_view - the disk of a snapshot
 * @kb: the device
 * @map: the tree
 * @disk: the disk
 * @uuid: of the snapshot
 * @closing: no new openers; protected by open_mutex of @disk
 */
struct kmem_blk_view {
	struct kmem_blk *kb;
	struct kmem_blk_map *map;
	struct gendisk *disk;
	uuid_t uuid;
	bool closing;
};

static ssize_t wwid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	const struct kmem_blk_view *view = dev_to_disk(dev)->private_data;

	return sysfs_emit(buf, "uuid.%pU\n", &view->uuid);
}
static DEVICE_ATTR_RO(wwid);

static struct attribute *kmem_blk_view_attrs[] = {
	&dev_attr_wwid.attr,
	NULL,
};
ATTRIBUTE_GROUPS(kmem_blk_view);

static int kmem_blk_view_open(struct gendisk *disk, blk_mode_t mode)
{
	struct kmem_blk_view *view = disk->private_data;

	lockdep_assert_held(&disk->open_mutex);
	if (!view || READ_ONCE(view->closing))
		return -ENXIO;
	if (mode & BLK_OPEN_WRITE)
		return -EROFS;
	kmem_persist_get_user(view->kb->kp);
	return 0;
}

static void kmem_blk_view_release(struct gendisk *disk)
{
	struct kmem_blk_view *view = disk->private_data;

	/* Not if the disk was taken away from its opener. */
	if (view)
		kmem_persist_put_user(view->kb->kp);
}

static void kmem_blk_view_submit_bio(struct bio *bio)
{
	struct kmem_blk_view *view = bio->bi_bdev->bd_disk->private_data;
	blk_status_t status = BLK_STS_OK;
	unsigned long start;

	if (bio_sectors(bio)) {
		start = bio_start_io_acct(bio);
		status = kmem_blk_read_tree(view->kb, view->map, bio);
		bio_end_io_acct(bio, start);
	}
	kmem_blk_finish(view->kb, bio, status);
}

static const struct block_device_operations kmem_blk_view_fops = {
	.owner = THIS_MODULE,
	.open = kmem_blk_view_open,
	.release = kmem_blk_view_release,
	.submit_bio = kmem_blk_view_submit_bio,
};

/**
 * kmem_blk_view_add - let a snapshot be read
 * @kb: the device
 * @map: its tree, a member of the family that stays until kmem_blk_view_del()
 * @record: of the snapshot
 *
 * Context: sleeps. Return: its disk, or an error.
 */
struct kmem_blk_view *kmem_blk_view_add(struct kmem_blk *kb, struct kmem_blk_map *map,
					const struct kmem_blk_record *record)
{
	struct queue_limits lim = {
		.logical_block_size = KMEM_PERSIST_BLOCK_SIZE,
		.physical_block_size = KMEM_PERSIST_BLOCK_SIZE,
		.max_hw_sectors = UINT_MAX,
		.max_segments = USHRT_MAX,
		.max_segment_size = UINT_MAX,
		.dma_alignment = SECTOR_SIZE - 1,
		.features = BLK_FEAT_SYNCHRONOUS | BLK_FEAT_NOWAIT | BLK_FEAT_IO_STAT,
	};
	struct device *dev = kmem_persist_dev(kb->kp);
	struct kmem_blk_view *view __free(kfree) = kzalloc_obj(*view);
	struct gendisk *disk;
	int err;

	if (!view)
		return ERR_PTR(-ENOMEM);
	disk = blk_alloc_disk(&lim, dev_to_node(dev));
	if (IS_ERR(disk))
		return ERR_CAST(disk);
	view->kb = kb;
	view->map = map;
	view->disk = disk;
	import_uuid(&view->uuid, record->uuid);
	disk->fops = &kmem_blk_view_fops;
	disk->private_data = view;
	snprintf(disk->disk_name, sizeof(disk->disk_name), "kmem%ds%llu", kb->id,
		 le64_to_cpu(record->id));
	set_capacity(disk, map->nr_lblks << KMEM_BLK_SECTORS_SHIFT);
	set_disk_ro(disk, true);
	err = device_add_disk(dev, disk, kmem_blk_view_groups);
	if (err) {
		put_disk(disk);
		return ERR_PTR(err);
	}
	return no_free_ptr(view);
}

/**
 * kmem_blk_view_close - let nobody open it any more
 * @view: the disk
 *
 * Context: sleeps, waits for nobody. Return: 0; -EBUSY if somebody has it open: nothing was done.
 */
int kmem_blk_view_close(struct kmem_blk_view *view)
{
	int err = -EBUSY;

	if (!mutex_trylock(&view->disk->open_mutex))
		return -EBUSY;
	if (!disk_openers(view->disk)) {
		WRITE_ONCE(view->closing, true);
		err = 0;
	}
	mutex_unlock(&view->disk->open_mutex);
	return err;
}

/**
 * kmem_blk_view_reopen - undo kmem_blk_view_close()
 * @view: the disk
 *
 * Context: any. Who has open_mutex of the disk below must not take that of this one.
 */
void kmem_blk_view_reopen(struct kmem_blk_view *view)
{
	WRITE_ONCE(view->closing, false);
}

/**
 * kmem_blk_view_del - it cannot be read any more
 * @view: the disk; who has it open keeps an empty shell
 *
 * Context: sleeps. No bio runs when it returns.
 */
void kmem_blk_view_del(struct kmem_blk_view *view)
{
	struct gendisk *disk = view->disk;

	blk_mark_disk_dead(disk);
	del_gendisk(disk);
	scoped_guard(mutex, &disk->open_mutex)
		disk->private_data = NULL;
	put_disk(disk);
	kfree(view);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Block device on DAX memory that is also system RAM
 */

/**
 * DOC: Block device on DAX memory
 *
 * Concepts
 * ========
 *
 * The plugin BLK of the framework in ../device.c: a disk, /dev/kmem<N>,
 * whose blocks live in pages of a DAX device. Blocks that are not written take
 * no page, and pages that hold no block are RAM. So the disk is thin: its size
 * is what would fit if nothing else used the memory.
 *
 * Life cycle
 * ==========
 *
 *  1. format: the size is decided, an empty map is laid out.
 *  2. probe: the map is read and verified, its pages are claimed. Nothing is
 *     written.
 *  3. start: the disk appears.
 *  4. cleanup: refused while the disk is open, or being opened or closed: who closes
 *     it last writes what is dirty, which may take as long as there is no space. By
 *     force, the disk dies under its openers: who waits for space ends at once, their
 *     I/O fails, and what was acknowledged stays on the device. In either case the
 *     map is complete on the media at all times; only counters go to the superblock.
 *
 * Locks
 * =====
 *
 * The framework calls one operation at a time. open_mutex of the disk orders
 * openers and cleanup. For I/O see blk/io.c.
 *
 * Lock order: the framework's life cycle lock, kmem_compact.lock, plugin_sem, open_mutex,
 * move_lock; kmem_compact.lock, move_lock. Who erases takes move_lock alone. Who changes which
 * snapshots there are has move_lock, and tries the others, see blk/snapshot.c. Whoever holds
 * open_mutex may read the disk (partitions) or write it (the last closer), so a disk that
 * dies by force is marked before open_mutex is asked for: then all that its holder waits for
 * ends.
 */

#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/idr.h>
#include <linux/kdev_t.h>
#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/wait.h>
#include "blk.h"

/* Lists for large batches that are there when memory is not. */
#define KMEM_BLK_MIN_LISTS	4
/* Largest discard, in sectors: as much as a bio can describe. */
#define KMEM_BLK_MAX_DISCARD	round_down(UINT_MAX >> SECTOR_SHIFT, KMEM_BLK_SECTORS)

/* The reserve that the largest atomic write needs is this part of the device at most. */
#define KMEM_BLK_ATOMIC_PART	8U

/* Less than the time after which tasks that hang are reported. */
#define KMEM_BLK_MAX_TIMEOUT	100

static int kmem_blk_parse_timeout(const char *buf, unsigned int *seconds)
{
	int err = kstrtouint(buf, 0, seconds);

	if (err)
		return err;
	return *seconds > KMEM_BLK_MAX_TIMEOUT ? -ERANGE : 0;
}

static int kmem_blk_timeout_set(const char *val, const struct kernel_param *param)
{
	unsigned int seconds;
	int err = kmem_blk_parse_timeout(val, &seconds);

	return err ?: param_set_uint(val, param);
}

static const struct kernel_param_ops kmem_blk_timeout_ops = {
	.set = kmem_blk_timeout_set,
	.get = param_get_uint,
};

static unsigned int kmem_blk_no_space_timeout = 60;
module_param_cb(no_space_timeout, &kmem_blk_timeout_ops,
		&kmem_blk_no_space_timeout, 0644);
MODULE_PARM_DESC(no_space_timeout,
		 "Seconds that a write to a new block waits for space before it fails, 100 at most: what new disks start with (default 60)");

static DEFINE_IDA(kmem_blk_ida);

/*
 * sysfs, /sys/block/kmem<N>/. Documented in
 * Documentation/ABI/testing/sysfs-block-kmem.
 */

static struct kmem_blk *kmem_blk_of_dev(struct device *dev)
{
	return dev_to_disk(dev)->private_data;
}

static ssize_t wwid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "uuid.%pU\n", &kmem_blk_of_dev(dev)->uuid);
}
static DEVICE_ATTR_RO(wwid);

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%pU\n", &kmem_blk_of_dev(dev)->uuid);
}
static DEVICE_ATTR_RO(uuid);

static void kmem_blk_count_of(struct device *dev, struct kmem_blk_map_count *count)
{
	struct kmem_blk *kb = kmem_blk_of_dev(dev);

	/* Who has closed the gate needs the CPU more than who looks. */
	wait_event(kb->snapshots.gate, !READ_ONCE(kb->map.family->closed));
	kmem_blk_map_count(&kb->map, count);
}

static ssize_t mapped_bytes_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	struct kmem_blk_map_count count;

	kmem_blk_count_of(dev, &count);
	return sysfs_emit(buf, "%llu\n",
			  count.mapped_blocks << KMEM_PERSIST_BLOCK_SHIFT);
}
static DEVICE_ATTR_RO(mapped_bytes);

static ssize_t meta_bytes_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct kmem_blk_map_count count;

	kmem_blk_count_of(dev, &count);
	return sysfs_emit(buf, "%llu\n",
			  count.node_pages << KMEM_PERSIST_BLOCK_SHIFT);
}
static DEVICE_ATTR_RO(meta_bytes);

static ssize_t lost_bytes_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct kmem_blk_map_count count;

	kmem_blk_count_of(dev, &count);
	return sysfs_emit(buf, "%llu\n",
			  count.lost_blocks << KMEM_PERSIST_BLOCK_SHIFT);
}
static DEVICE_ATTR_RO(lost_bytes);

static ssize_t limbo_bytes_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	struct kmem_blk_pages_count count;

	kmem_blk_pages_count(&kmem_blk_of_dev(dev)->pages, &count);
	return sysfs_emit(buf, "%llu\n", count.limbo << KMEM_PERSIST_BLOCK_SHIFT);
}
static DEVICE_ATTR_RO(limbo_bytes);

static ssize_t fresh_bytes_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	struct kmem_blk_pages_count count;

	kmem_blk_pages_count(&kmem_blk_of_dev(dev)->pages, &count);
	return sysfs_emit(buf, "%llu\n", count.fresh << KMEM_PERSIST_BLOCK_SHIFT);
}
static DEVICE_ATTR_RO(fresh_bytes);

static u64 kmem_blk_sum(struct device *dev, size_t offset)
{
	struct kmem_blk *kb = kmem_blk_of_dev(dev);
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const void *stats = per_cpu_ptr(kb->stats, cpu);

		sum += READ_ONCE(*(const u64 *)(stats + offset));
	}
	return sum;
}

#define KMEM_BLK_COUNTER(_name)						\
static ssize_t _name##_show(struct device *dev,				\
			    struct device_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%llu\n",				\
		kmem_blk_sum(dev, offsetof(struct kmem_blk_stats, _name))); \
}									\
static DEVICE_ATTR_RO(_name)

static ssize_t parked_bytes_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	u64 most;

	return sysfs_emit(buf, "%llu\n",
			  kmem_blk_park_bytes(kmem_blk_of_dev(dev), &most));
}
static DEVICE_ATTR_RO(parked_bytes);

static ssize_t parked_most_bytes_show(struct device *dev,
				      struct device_attribute *attr, char *buf)
{
	u64 most;

	kmem_blk_park_bytes(kmem_blk_of_dev(dev), &most);
	return sysfs_emit(buf, "%llu\n", most);
}
static DEVICE_ATTR_RO(parked_most_bytes);

KMEM_BLK_COUNTER(cow_writes);
KMEM_BLK_COUNTER(first_writes);
KMEM_BLK_COUNTER(discards);
KMEM_BLK_COUNTER(nospc_events);
KMEM_BLK_COUNTER(moved);

static ssize_t no_space_timeout_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n",
			  READ_ONCE(kmem_blk_of_dev(dev)->no_space_timeout));
}

static ssize_t no_space_timeout_store(struct device *dev,
				      struct device_attribute *attr,
				      const char *buf, size_t count)
{
	struct kmem_blk *kb = kmem_blk_of_dev(dev);
	unsigned int seconds;
	int err;

	err = kmem_blk_parse_timeout(buf, &seconds);
	if (err)
		return err;
	WRITE_ONCE(kb->no_space_timeout, seconds);
	/* It counts for those who wait already. */
	kmem_blk_park_look(kb);
	return count;
}
static DEVICE_ATTR_RW(no_space_timeout);

static ssize_t snapshots_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return kmem_blk_snapshots_show(kmem_blk_of_dev(dev), buf);
}
static DEVICE_ATTR_RO(snapshots);

static ssize_t snapshot_create_store(struct device *dev, struct device_attribute *attr,
				     const char *buf, size_t count)
{
	return kmem_blk_snapshot_change(kmem_blk_of_dev(dev), KMEM_BLK_SNAPSHOT_CREATE, buf) ?:
	       count;
}
static DEVICE_ATTR_WO(snapshot_create);

static ssize_t snapshot_delete_store(struct device *dev, struct device_attribute *attr,
				     const char *buf, size_t count)
{
	return kmem_blk_snapshot_change(kmem_blk_of_dev(dev), KMEM_BLK_SNAPSHOT_DELETE, buf) ?:
	       count;
}
static DEVICE_ATTR_WO(snapshot_delete);

static ssize_t snapshot_rollback_store(struct device *dev, struct device_attribute *attr,
				       const char *buf, size_t count)
{
	return kmem_blk_snapshot_change(kmem_blk_of_dev(dev), KMEM_BLK_SNAPSHOT_ROLLBACK, buf) ?:
	       count;
}
static DEVICE_ATTR_WO(snapshot_rollback);

static ssize_t snapshot_activate_store(struct device *dev, struct device_attribute *attr,
				       const char *buf, size_t count)
{
	return kmem_blk_snapshot_change(kmem_blk_of_dev(dev), KMEM_BLK_SNAPSHOT_ACTIVATE, buf) ?:
	       count;
}
static DEVICE_ATTR_WO(snapshot_activate);

static ssize_t snapshot_deactivate_store(struct device *dev, struct device_attribute *attr,
					 const char *buf, size_t count)
{
	return kmem_blk_snapshot_change(kmem_blk_of_dev(dev), KMEM_BLK_SNAPSHOT_DEACTIVATE,
					buf) ?: count;
}
static DEVICE_ATTR_WO(snapshot_deactivate);

static struct attribute *kmem_blk_attrs[] = {
	&dev_attr_uuid.attr,
	&dev_attr_mapped_bytes.attr,
	&dev_attr_meta_bytes.attr,
	&dev_attr_lost_bytes.attr,
	&dev_attr_limbo_bytes.attr,
	&dev_attr_fresh_bytes.attr,
	&dev_attr_cow_writes.attr,
	&dev_attr_first_writes.attr,
	&dev_attr_discards.attr,
	&dev_attr_nospc_events.attr,
	&dev_attr_moved.attr,
	&dev_attr_parked_bytes.attr,
	&dev_attr_parked_most_bytes.attr,
	&dev_attr_no_space_timeout.attr,
	&dev_attr_snapshots.attr,
	&dev_attr_snapshot_create.attr,
	&dev_attr_snapshot_delete.attr,
	&dev_attr_snapshot_rollback.attr,
	&dev_attr_snapshot_activate.attr,
	&dev_attr_snapshot_deactivate.attr,
	NULL,
};

static const struct attribute_group kmem_blk_group = {
	.name = "kmem",
	.attrs = kmem_blk_attrs,
};

static struct attribute *kmem_blk_id_attrs[] = {
	&dev_attr_wwid.attr,
	NULL,
};

static const struct attribute_group kmem_blk_id_group = {
	.attrs = kmem_blk_id_attrs,
};

static const struct attribute_group *kmem_blk_groups[] = {
	&kmem_blk_group,
	&kmem_blk_id_group,
	NULL,
};

/*
 * The disk
 */

static int kmem_blk_open(struct gendisk *disk, blk_mode_t mode)
{
	struct kmem_blk *kb = disk->private_data;

	lockdep_assert_held(&disk->open_mutex);
	if (!kb || kb->closing)
		return -ENXIO;
	/* Of this error the block layer drops the partitions, if they are to be looked for. */
	if (kb->snapshots.away)
		return -ENOMEDIUM;
	/* It may have been rolled back, which only the next attach knows. */
	if (mode & BLK_OPEN_WRITE && get_disk_ro(disk))
		return -EROFS;
	kmem_persist_get_user(kb->kp);
	return 0;
}

static void kmem_blk_release(struct gendisk *disk)
{
	struct kmem_blk *kb = disk->private_data;

	/* Not if the disk was taken away from its opener. */
	if (kb)
		kmem_persist_put_user(kb->kp);
}

static const struct block_device_operations kmem_blk_fops = {
	.owner = THIS_MODULE,
	.open = kmem_blk_open,
	.release = kmem_blk_release,
	.submit_bio = kmem_blk_submit_bio,
};

/* All pages of an atomic write, and of its nodes, twice: half of it is for metadata. */
static u64 kmem_blk_atomic_reserve(unsigned int nr_blocks)
{
	return 2 * (nr_blocks + KMEM_BLK_MAX_SPARE);
}

/* Blocks of the largest atomic write: that must not take too much of a tiny device. */
static unsigned int kmem_blk_atomic_blocks(u64 nr_pages)
{
	unsigned int nr_blocks = KMEM_BLK_BATCH;

	while (nr_blocks > 1 &&
	       kmem_blk_atomic_reserve(nr_blocks) > nr_pages / KMEM_BLK_ATOMIC_PART)
		nr_blocks /= 2;
	return nr_blocks;
}

static u64 kmem_blk_min_reserve(u64 nr_pages)
{
	return kmem_blk_atomic_reserve(kmem_blk_atomic_blocks(nr_pages));
}

static void kmem_blk_limits(const struct kmem_blk *kb, struct queue_limits *lim)
{
	unsigned int atomic;

	*lim = (struct queue_limits) {
		.logical_block_size = KMEM_PERSIST_BLOCK_SIZE,
		.physical_block_size = KMEM_PERSIST_BLOCK_SIZE,
		.io_min = KMEM_PERSIST_BLOCK_SIZE,
		/* Reads and writes of any size are done as they are. */
		.max_hw_sectors = UINT_MAX,
		.max_segments = USHRT_MAX,
		.max_segment_size = UINT_MAX,
		/* Every piece of a block is a multiple of a sector. */
		.dma_alignment = SECTOR_SIZE - 1,
		.discard_granularity = KMEM_PERSIST_BLOCK_SIZE,
		.max_hw_discard_sectors = KMEM_BLK_MAX_DISCARD,
		/* The block layer wants the next two to be equal. */
		.max_write_zeroes_sectors = KMEM_BLK_MAX_DISCARD,
		.max_hw_wzeroes_unmap_sectors = KMEM_BLK_MAX_DISCARD,
		.features = BLK_FEAT_SYNCHRONOUS | BLK_FEAT_NOWAIT |
			    BLK_FEAT_IO_STAT,
	};
	/* Refused until it holds for old copies, too. */
	if (dax_kmem_zero_on_free(kb->kp))
		lim->max_secure_erase_sectors = KMEM_BLK_MAX_DISCARD;
	if (kmem_blk_map_replaceable(&kb->map)) {
		/*
		 * The boundary is not that of a leaf: partitions begin at
		 * multiples of 1 MiB, and what they hold must stay atomic.
		 */
		atomic = kmem_blk_atomic_blocks(dax_kmem_num_pages(kb->kp)) <<
			 KMEM_PERSIST_BLOCK_SHIFT;
		lim->features |= BLK_FEAT_ATOMIC_WRITES;
		lim->atomic_write_hw_unit_min = KMEM_PERSIST_BLOCK_SIZE;
		lim->atomic_write_hw_unit_max = atomic;
		lim->atomic_write_hw_max = atomic;
		lim->atomic_write_hw_boundary = KMEM_BLK_BATCH_BYTES;
	}
}

static int kmem_blk_add_disk(struct kmem_blk *kb)
{
	struct device *dev = kmem_persist_dev(kb->kp);
	struct queue_limits lim;
	struct gendisk *disk;
	int err;

	kb->id = ida_alloc(&kmem_blk_ida, GFP_KERNEL);
	if (kb->id < 0)
		return kb->id;

	kmem_blk_limits(kb, &lim);
	disk = blk_alloc_disk(&lim, dev_to_node(dev));
	if (IS_ERR(disk)) {
		err = PTR_ERR(disk);
		goto err_id;
	}
	disk->fops = &kmem_blk_fops;
	disk->private_data = kb;
	disk->bb = &kb->errors.bb;
	snprintf(disk->disk_name, sizeof(disk->disk_name), "kmem%d", kb->id);
	set_capacity(disk, kb->map.nr_lblks << KMEM_BLK_SECTORS_SHIFT);

	/* Bios come from here on: partitions are read. */
	kb->disk = disk;
	err = device_add_disk(dev, disk, kmem_blk_groups);
	if (err)
		goto err_disk;
	kmem_blk_errors_publish(kb);
	return 0;

err_disk:
	kb->disk = NULL;
	put_disk(disk);
err_id:
	ida_free(&kmem_blk_ida, kb->id);
	return err;
}

/*
 * Refuse new openers; -EBUSY if there are some. Nothing is marked before that is
 * certain, and nobody is waited for: who closes the disk last writes what is dirty.
 */
static int kmem_blk_close(struct kmem_blk *kb)
{
	struct gendisk *disk = kb->disk;
	unsigned int openers;
	int err = 0;

	if (!mutex_trylock(&disk->open_mutex)) {
		dev_warn(kmem_persist_dev(kb->kp),
			 "/dev/%s is just being opened or closed: try again\n",
			 disk->disk_name);
		return -EBUSY;
	}
	openers = disk_openers(disk);
	if (!openers)
		err = kmem_blk_snapshots_close(kb);
	mutex_unlock(&disk->open_mutex);
	if (!openers)
		return err;
	dev_warn(kmem_persist_dev(kb->kp),
		 "/dev/%s is in use (%u openers): unmount it, stop what is stacked on it, or swapoff, and try again\n",
		 disk->disk_name, openers);
	return -EBUSY;
}

/*
 * By force. Bios that wait end at once, and so does whoever waits for them: who reads
 * partitions or closes the disk with open_mutex held, who unmounts it, or freezes a queue
 * above it. Only then is it safe to wait for any of them.
 */
static void kmem_blk_kill(struct kmem_blk *kb)
{
	struct gendisk *disk = kb->disk;
	unsigned int openers = disk_openers(disk);

	if (openers)
		dev_warn(kmem_persist_dev(kb->kp),
			 "/dev/%s is taken away from %u openers: what was not written back is lost\n",
			 disk->disk_name, openers);
	kmem_blk_park_kill(kb);
	blk_mark_disk_dead(disk);
	scoped_guard(mutex, &disk->open_mutex)
		WRITE_ONCE(kb->closing, true);
}

/* No bio runs, or is parked, when this returns. Openers keep an empty shell. */
static void kmem_blk_del_disk(struct kmem_blk *kb)
{
	kmem_blk_park_kill(kb);
	/* Waits for who is in submit_bio, but not for our workers. */
	del_gendisk(kb->disk);
	kmem_blk_park_stop(kb);
	/* Who still has it open lets go of an empty shell. */
	scoped_guard(mutex, &kb->disk->open_mutex)
		kb->disk->private_data = NULL;
	kb->disk->bb = NULL;
	put_disk(kb->disk);
	kb->disk = NULL;
	ida_free(&kmem_blk_ida, kb->id);
}

/*
 * The plugin
 */

static void kmem_blk_free(struct kmem_blk *kb)
{
	kmem_blk_errors_exit(kb);
	kmem_blk_park_exit(kb);
	kmem_blk_move_exit(kb);
	kmem_blk_pages_exit(&kb->pages);
	kmem_blk_snapshots_exit(kb);
	kmem_blk_map_detach(&kb->map);
	mempool_exit(&kb->lists);
	free_percpu(kb->stats);
	kfree(kb);
}

static int kmem_blk_format(struct kmem_persist *kp,
			   struct kmem_persist_superblock *sb)
{
	struct device *dev = kmem_persist_dev(kp);
	u64 nr_pages = dax_kmem_num_pages(kp);
	/* The first pages, with the superblocks, are nobody's. */
	u64 taken = kmem_persist_reserve_pages(kp) + KMEM_PERSIST_FIRST_PAGE;
	struct kmem_blk_copies root;
	u64 nr_lblks = 0;
	int err;

	if (nr_pages > taken)
		nr_lblks = round_down(kmem_blk_map_max_lblks(nr_pages - taken),
				      KMEM_BLK_BATCH);
	if (nr_lblks <= KMEM_BLK_NODE_ENTRIES) {
		dev_err(dev, "%llu pages with %llu of them reserved are too few for a disk of more than %u blocks: use a larger device, or another type\n",
			nr_pages, taken, KMEM_BLK_NODE_ENTRIES);
		return -ENOSPC;
	}
	if (!dax_kmem_alloc_kaddr(kp, &root.dpn, KMEM_ALLOC_OVERWRITE))
		return -ENOSPC;
	if (!dax_kmem_alloc_kaddr(kp, &root.twin, KMEM_ALLOC_OVERWRITE)) {
		dax_kmem_free_pages(kp, &root.dpn, 1);
		return -ENOSPC;
	}
	err = kmem_blk_map_format(kp, kmem_blk_sb(sb), nr_lblks, get_random_u32(), &root);
	if (err) {
		dax_kmem_free_pages(kp, &root.dpn, 1);
		dax_kmem_free_pages(kp, &root.twin, 1);
	}
	return err;
}

static void kmem_blk_report(struct kmem_persist *kp,
			    const struct kmem_blk_map_error *error)
{
	dev_err(kmem_persist_dev(kp),
		"%s: %s (page %llu, level %u, index %llu: found %#llx, wanted %#llx); nothing was changed, run kmem-persist check\n",
		error->object, error->reason, error->dpn, error->level,
		error->index, error->found, error->wanted);
}

/* The map has as many leaves as the disk is large, whatever is stored. */
static void kmem_blk_report_memory(struct kmem_persist *kp,
				   const struct kmem_blk_superblock *bsb)
{
	const u64 nr_lblks = le64_to_cpu(bsb->nr_lblks);
	const u64 bytes = DIV_ROUND_UP_ULL(nr_lblks, KMEM_BLK_NODE_ENTRIES) *
			  sizeof(struct kmem_blk_leaf);

	dev_err(kmem_persist_dev(kp),
		"no memory for the map of a disk of %llu MiB: it takes %llu MiB of RAM in one piece, of up to 2047 MiB\n",
		nr_lblks >> (20 - KMEM_PERSIST_BLOCK_SHIFT), bytes >> 20);
}

/*
 * Counters of the last clean detach and the scan are two ways to the truth. The map has been
 * verified word by word; that a number differs takes nothing away from the data.
 */
static void kmem_blk_cross_check(struct kmem_blk *kb,
				 const struct kmem_persist_superblock *sb)
{
	const struct kmem_blk_superblock *bsb = (const void *)sb->plugin;
	struct {
		const char *object;
		u64 found;
		u64 wanted;
	} checks[2];
	struct kmem_blk_map_count count;

	if (!(le32_to_cpu(sb->state) & KMEM_PERSIST_STATE_CLEAN))
		return;
	kmem_blk_map_count(&kb->map, &count);
	checks[0].object = "superblock, mapped_blocks";
	checks[0].found = le64_to_cpu(bsb->mapped_blocks);
	checks[0].wanted = count.mapped_blocks;
	checks[1].object = "superblock, node_pages";
	checks[1].found = le64_to_cpu(bsb->node_pages);
	checks[1].wanted = count.node_pages;

	for (int i = 0; i < ARRAY_SIZE(checks); i++) {
		/* A copy that cannot be read is no node any more. */
		if (checks[i].found == KMEM_BLK_COUNT_UNKNOWN || kb->map.nr_mended ||
		    checks[i].found == checks[i].wanted)
			continue;
		dev_warn(kmem_persist_dev(kb->kp),
			 "%s: does not match the map, found %llu, wanted %llu; the map is good and is used, the next detach corrects the number\n",
			 checks[i].object, checks[i].found, checks[i].wanted);
	}
}

/* A damaged map that is complete all the same. */
static void kmem_blk_report_mended(struct kmem_blk *kb)
{
	if (kb->map.nr_mended)
		dev_warn(kmem_persist_dev(kb->kp),
			 "map: of %llu nodes, or entries of nodes, one copy was damaged, or could not be read: the other one counts, nothing is lost\n",
			 kb->map.nr_mended);
}

/* What has become of it. */
static void kmem_blk_report_healed(struct kmem_blk *kb)
{
	if (kb->map.nr_healed)
		dev_info(kmem_persist_dev(kb->kp),
			 "map: %llu nodes had no second copy, and have one again\n",
			 kb->map.nr_healed);
	if (kb->map.nr_single)
		dev_warn(kmem_persist_dev(kb->kp),
			 "map: %llu nodes have no second copy, no good page could be had for it: the next error in one of them loses what is below it; discard what is not needed, and unplug and plug the device\n",
			 kb->map.nr_single);
}

/*
 * The live tree, then its snapshots. The map is not told of the directory: who knows of none
 * takes what refers to it for a newer format.
 */
static int kmem_blk_attach_all(struct kmem_blk *kb, const struct kmem_persist_superblock *sb,
			       struct kmem_blk_map_error *error)
{
	struct kmem_blk_superblock *bsb __free(kfree) = NULL;
	static const u64 none[2];
	int err;

	memset(error, 0, sizeof(*error));
	bsb = kmemdup(sb->plugin, sizeof(*bsb), GFP_KERNEL);
	if (!bsb)
		return -ENOMEM;
	if (le64_to_cpu(sb->feat_incompat) & KMEM_BLK_INCOMPAT_SNAPSHOTS)
		kmem_blk_directory_words(le32_to_cpu(bsb->entry_seed), none, bsb->reserved_root);
	err = kmem_blk_attach(&kb->map, kb->kp, bsb, error);
	if (err)
		return err;
	dax_kmem_scanned(kb->kp, kb->map.nr_scanned << KMEM_PERSIST_BLOCK_SHIFT);
	return kmem_blk_snapshots_attach(kb, sb, error);
}

static int kmem_blk_probe(struct kmem_persist *kp,
			  const struct kmem_persist_superblock *sb)
{
	struct kmem_blk_superblock *bsb = kmem_blk_sb(kmem_persist_sb(kp));
	struct kmem_blk_map_error error;
	struct kmem_blk *kb;
	int err;

	kb = kzalloc_obj(*kb);
	if (!kb)
		return -ENOMEM;
	kb->kp = kp;
	kb->media = kmem_persist_media(kp);
	kb->no_space_timeout = READ_ONCE(kmem_blk_no_space_timeout);
	import_uuid(&kb->uuid, sb->uuid);
	err = -ENOMEM;
	kb->stats = alloc_percpu(struct kmem_blk_stats);
	if (!kb->stats)
		goto err_free;
	err = mempool_init_kmalloc_pool(&kb->lists, KMEM_BLK_MIN_LISTS,
					KMEM_BLK_BATCH * sizeof(u64));
	if (err)
		goto err_free;
	err = kmem_blk_pages_init(&kb->pages, kp, &kb->map);
	if (err)
		goto err_free;
	err = kmem_blk_move_init(kb);
	if (err)
		goto err_free;
	err = kmem_blk_park_init(kb);
	if (err)
		goto err_free;

	err = kmem_blk_snapshots_init(kb);
	if (err)
		goto err_free;
	err = kmem_blk_attach_all(kb, sb, &error);
	if (err) {
		if (error.reason)
			kmem_blk_report(kp, &error);
		else if (err == -ENOMEM)
			kmem_blk_report_memory(kp, (const void *)sb->plugin);
		goto err_free;
	}
	kmem_blk_report_mended(kb);
	kmem_blk_cross_check(kb, sb);
	err = kmem_blk_errors_init(kb);
	if (err)
		goto err_free;

	/* The superblock is written before anything is lent. */
	kmem_blk_map_roots(&kb->map, bsb);
	/* They are true again after a clean detach. */
	bsb->mapped_blocks = cpu_to_le64(KMEM_BLK_COUNT_UNKNOWN);
	bsb->node_pages = cpu_to_le64(KMEM_BLK_COUNT_UNKNOWN);
	kmem_persist_set_priv(kp, kb);
	return 0;

err_free:
	kmem_blk_free(kb);
	return err;
}

/*
 * &kmem_persist_ops.settle: what of the map a crash, or damage, has left in two versions, or in
 * one copy.
 */
static int kmem_blk_settle(struct kmem_persist *kp)
{
	struct kmem_blk_superblock *bsb = kmem_blk_sb(kmem_persist_sb(kp));
	struct kmem_blk *kb = kmem_persist_priv(kp);
	const __le64 twin = bsb->root_twin;
	int err;

	kmem_blk_snapshots_note(kb);
	err = kmem_blk_map_settle(&kb->map);
	if (!err)
		err = kmem_blk_map_heal(&kb->map);
	if (err)
		return err;
	kmem_blk_map_roots(&kb->map, bsb);
	err = kmem_blk_snapshots_settle(kb);
	return err ?: bsb->root_twin != twin;
}

static int kmem_blk_start(struct kmem_persist *kp)
{
	struct kmem_blk *kb = kmem_persist_priv(kp);
	int err;

	kmem_blk_report_healed(kb);
	err = kmem_blk_add_disk(kb);
	if (err)
		return err;
	kmem_blk_snapshots_start(kb);
	dev_info(kmem_persist_dev(kp), "/dev/%s: %llu MiB\n", kb->disk->disk_name,
		 kb->map.nr_lblks >> (20 - KMEM_PERSIST_BLOCK_SHIFT));
	return 0;
}

static int kmem_blk_cleanup(struct kmem_persist *kp, bool force)
{
	struct kmem_blk_superblock *bsb = kmem_blk_sb(kmem_persist_sb(kp));
	struct kmem_blk *kb = kmem_persist_priv(kp);
	struct kmem_blk_map_count count;
	int err;

	if (kb->disk) {
		err = force ? 0 : kmem_blk_close(kb);
		if (err)
			return err;
		if (force)
			kmem_blk_kill(kb);
		kmem_blk_snapshots_del_views(kb);
		kmem_blk_del_disk(kb);
	}
	/* The map changes no more. */
	kmem_blk_errors_exit(kb);

	if (kmem_blk_map_is_damaged(&kb->map) || kmem_blk_snapshots_left(kb)) {
		/* There are pages with data that nobody knows any more, or at the next attach. */
		kmem_persist_sb(kp)->state |=
			cpu_to_le32(KMEM_PERSIST_STATE_REMNANTS);
	} else if (kmem_blk_map_is_alone(&kb->map)) {
		kmem_blk_map_count(&kb->map, &count);
		bsb->mapped_blocks = cpu_to_le64(count.mapped_blocks);
		bsb->node_pages = cpu_to_le64(count.node_pages);
	}
	kmem_persist_set_priv(kp, NULL);
	kmem_blk_free(kb);
	return 0;
}

static void kmem_blk_event(struct kmem_persist *kp, char *envp[])
{
	struct kmem_blk *kb = kmem_persist_priv(kp);

	if (kb->disk)
		kobject_uevent_env(&disk_to_dev(kb->disk)->kobj, KOBJ_CHANGE, envp);
}

static struct kmem_persist_ops kmem_blk_ops = {
	.type = KMEM_PERSIST_TYPE_BLK,
	.name = "blk",
	.owner = THIS_MODULE,
	.format = kmem_blk_format,
	.probe = kmem_blk_probe,
	.min_reserve = kmem_blk_min_reserve,
	.settle = kmem_blk_settle,
	.start = kmem_blk_start,
	.move = kmem_blk_move,
	.event = kmem_blk_event,
	.cleanup = kmem_blk_cleanup,
};

static int __init kmem_blk_init(void)
{
	int err = kmem_blk_pages_module_init();

	if (err)
		return err;
	err = kmem_persist_type_register(&kmem_blk_ops);
	if (err)
		kmem_blk_pages_module_exit();
	return err;
}
module_init(kmem_blk_init);

static void __exit kmem_blk_exit(void)
{
	/* Nothing is attached: the framework pins us while something is. */
	kmem_persist_type_unregister(&kmem_blk_ops);
	kmem_blk_pages_module_exit();
	ida_destroy(&kmem_blk_ida);
}
module_exit(kmem_blk_exit);

MODULE_DESCRIPTION("Block device on DAX memory that is also system RAM");
MODULE_LICENSE("GPL");
/* KMEM_PERSIST_TYPE_BLK */
MODULE_ALIAS("kmem-persist-type-1");

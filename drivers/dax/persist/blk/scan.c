// SPDX-License-Identifier: GPL-2.0
/*
 * Attach of a kmem block device: the scan of its map, by many
 */

/**
 * DOC: Scan of the map
 *
 * An attach reads every node of the map once: 2 MiB per GiB that is mapped, and
 * nothing of what is not. A map of more than one GiB is scanned in parts of one GiB,
 * each of which is independent of the others but for the bitmap of used pages, which
 * is claimed atomically. So a page to which two parts refer is noticed, whoever comes
 * second.
 *
 * Steps:
 *
 *  1. the superblock and the few nodes above the parts, by the caller
 *  2. parts, by the caller and by workers on the device's node, who take the next one
 *     until there is none or somebody has failed
 *  3. the caller takes back what has not begun, and waits for what has
 *  4. if anything has failed: all is forgotten, and the caller scans alone
 *
 * Step 4 is why what is reported does not depend on who was first: it is the first
 * doubt in the order of the map. A device that is refused takes the longer for it.
 *
 * Nothing depends on a worker: if none ever runs, or there is no memory for one, the
 * caller does it all.
 */

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/numa.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/workqueue.h>
#include "blk.h"

/* More of them wait for the same memory. */
#define KMEM_BLK_MAX_SCANNERS	8U

/**
 * struct kmem_blk_scan_job - one scan
 * @parts: pages of the parts, zeroes where there is none
 * @nr_parts: elements of @parts
 * @next: the part that is next
 * @err: why it has failed, if it has; of whom who is last to say so
 */
struct kmem_blk_scan_job {
	struct kmem_blk_copies *parts;
	u64 nr_parts;
	atomic64_t next;
	int err;
};

/**
 * struct kmem_blk_scanner - the caller, or a worker
 * @work: the worker
 * @job: what to do
 * @scan: what it takes
 * @error: nobody looks at it, see step 4
 */
struct kmem_blk_scanner {
	struct work_struct work;
	struct kmem_blk_scan_job *job;
	struct kmem_blk_scan *scan;
	struct kmem_blk_map_error error;
};

static void kmem_blk_scan_parts(struct kmem_blk_scanner *scanner)
{
	struct kmem_blk_scan_job *job = scanner->job;

	while (!READ_ONCE(job->err)) {
		u64 part = atomic64_fetch_inc(&job->next);
		int err;

		if (part >= job->nr_parts)
			return;
		if (!job->parts[part].dpn)
			continue;
		err = kmem_blk_scan_part(scanner->scan, part, &job->parts[part]);
		if (err)
			WRITE_ONCE(job->err, err);
	}
}

static void kmem_blk_scan_work(struct work_struct *work)
{
	kmem_blk_scan_parts(container_of(work, struct kmem_blk_scanner, work));
}

/* Parts that there are, and processors that are close to them. */
static unsigned int kmem_blk_nr_scanners(const struct kmem_blk_scan_job *job, int node)
{
	unsigned int nr_cpus = 0, nr_parts = 0;

	if (node != NUMA_NO_NODE)
		nr_cpus = cpumask_weight_and(cpumask_of_node(node), cpu_online_mask);
	if (!nr_cpus)
		nr_cpus = num_online_cpus();
	nr_cpus = min(nr_cpus, KMEM_BLK_MAX_SCANNERS);
	for (u64 i = 0; i < job->nr_parts && nr_parts < nr_cpus; i++)
		nr_parts += !!job->parts[i].dpn;
	return nr_parts;
}

/* Steps 2 and 3. The first scanner is the caller. */
static int kmem_blk_scan_together(struct kmem_blk_map *map, struct kmem_blk_scan_job *job)
{
	const int node = dev_to_node(kmem_persist_dev(map->kp));
	unsigned int nr = max(kmem_blk_nr_scanners(job, node), 1);
	struct kmem_blk_scanner *scanners = kzalloc_objs(*scanners, nr);
	unsigned int nr_ready = 0;

	if (!scanners)
		return -ENOMEM;
	for (; nr_ready < nr; nr_ready++) {
		struct kmem_blk_scanner *scanner = &scanners[nr_ready];

		INIT_WORK(&scanner->work, kmem_blk_scan_work);
		scanner->job = job;
		scanner->scan = kmem_blk_scan_alloc(map, &scanner->error);
		if (!scanner->scan)
			break;
		if (nr_ready)
			queue_work_node(node, system_dfl_wq, &scanner->work);
	}
	if (nr_ready)
		kmem_blk_scan_parts(&scanners[0]);
	else
		job->err = -ENOMEM;
	for (unsigned int i = 0; i < nr_ready; i++) {
		/* It has nothing to do any more if it has not begun. */
		if (i)
			cancel_work_sync(&scanners[i].work);
		kmem_blk_scan_free(scanners[i].scan);
	}
	kfree(scanners);
	return job->err;
}

/* Steps 1 to 3. */
static int kmem_blk_scan_all(struct kmem_blk_map *map, const struct kmem_blk_copies *root)
{
	struct kmem_blk_scan_job job = { .nr_parts = kmem_blk_map_nr_parts(map) };
	struct kmem_blk_map_error error;
	struct kmem_blk_scan *scan;
	int err = -ENOMEM;

	job.parts = kvcalloc(job.nr_parts, sizeof(*job.parts), GFP_KERNEL | __GFP_NOWARN);
	scan = kmem_blk_scan_alloc(map, &error);
	if (job.parts && scan)
		err = kmem_blk_scan_top(scan, root, job.parts);
	kmem_blk_scan_free(scan);
	if (!err)
		err = kmem_blk_scan_together(map, &job);
	kvfree(job.parts);
	return err;
}

/**
 * kmem_blk_attach - attach a map, with the help of workers
 * @map: filled, as by kmem_blk_map_attach()
 * @kp: the device
 * @bsb: plugin part of the superblock
 * @error: filled if the return value is -EUCLEAN or -EIO
 *
 * Context: may sleep; nobody else uses the map or the media.
 * Return: as kmem_blk_map_attach().
 */
int kmem_blk_attach(struct kmem_blk_map *map, struct kmem_persist *kp,
		    const struct kmem_blk_superblock *bsb,
		    struct kmem_blk_map_error *error)
{
	struct kmem_blk_copies root;
	int err;

	/* One part, unless that is not true, which is seen soon enough. */
	if (le64_to_cpu(bsb->nr_lblks) <= KMEM_BLK_PART_BLOCKS || num_online_cpus() == 1)
		return kmem_blk_map_attach(map, kp, bsb, error);

	err = kmem_blk_map_open(map, kp, bsb, error, &root);
	if (!err)
		err = kmem_blk_scan_all(map, &root);
	if (!err)
		return 0;
	/* Step 4. */
	kmem_blk_map_detach(map);
	dax_kmem_unclaim(kp);
	return kmem_blk_map_attach(map, kp, bsb, error);
}

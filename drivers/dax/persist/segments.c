// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: where the pages of a device are
 *
 * Pages of the device are numbered from 0 (dpn), whatever its ranges. What of a range is
 * whole memory blocks is hotplugged, and reached through the direct map; its unaligned
 * ends are mapped.
 */
#include <linux/io.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/range.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include "../dax-private.h"
#include "places.h"
#include "segments.h"

static int kmem_segment_cmp(const void *a, const void *b)
{
	const struct kmem_segment *x = a, *y = b;

	if (x->nr_pages != y->nr_pages)
		return x->nr_pages > y->nr_pages ? -1 : 1;
	return 0;
}

static void kmem_segments_add(struct kmem_segments *segs, const struct dev_dax *dev_dax,
			      int range, u64 start, u64 end, bool hotplug)
{
	const struct dev_dax_range *r = &dev_dax->ranges[range];

	if (start >= end)
		return;
	segs->segments[segs->num_segments++] = (struct kmem_segment){
		.first_dpn = r->pgoff + PHYS_PFN(start - r->range.start),
		.nr_pages = PHYS_PFN(end - start),
		.phys = start,
		.range = range,
		.hotplug = hotplug,
	};
}

static int kmem_segment_remap(struct kmem_segment *seg)
{
	seg->kaddr = memremap(seg->phys, seg->nr_pages << PAGE_SHIFT,
			      MEMREMAP_WB);
	if (!seg->kaddr)
		return -ENOMEM;
	seg->remapped = true;
	return 0;
}

/**
 * kmem_segments_init - find out where the pages of a device are
 * @segs: to be filled, all zeroes; kmem_segments_exit() has to follow, whatever this
 *	  returns
 * @dev_dax: the device
 * @info: what its region knows
 *
 * What is hotplugged has no address before kmem_segments_map_added().
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int kmem_segments_init(struct kmem_segments *segs, struct dev_dax *dev_dax,
		       const struct dax_region_info *info)
{
	unsigned int i;
	int rc;

	segs->dev = &dev_dax->dev;
	segs->nr_pages = kmem_persist_dev_pages(dev_dax);
	segs->media.need_wb = info->persistence != DAX_PERSISTENCE_CACHE;
	if (info->has_flush) {
		segs->media.flush = dev_dax->ops->flush;
		segs->media.flush_dev = segs->dev->parent;
	}

	segs->segments = kzalloc_objs(*segs->segments, 3 * dev_dax->nr_range);
	if (!segs->segments)
		return -ENOMEM;
	for (i = 0; i < dev_dax->nr_range; i++) {
		const struct range *raw = &dev_dax->ranges[i].range;
		struct range mid = memory_block_aligned_range(raw);

		if (mid.start >= mid.end) {
			kmem_segments_add(segs, dev_dax, i, raw->start, raw->end + 1, false);
			continue;
		}
		kmem_segments_add(segs, dev_dax, i, raw->start, mid.start, false);
		kmem_segments_add(segs, dev_dax, i, mid.start, mid.end + 1, true);
		kmem_segments_add(segs, dev_dax, i, mid.end + 1, raw->end + 1, false);
	}
	sort(segs->segments, segs->num_segments, sizeof(*segs->segments),
	     kmem_segment_cmp, NULL);

	for (i = 0; i < segs->num_segments; i++) {
		if (segs->segments[i].hotplug)
			continue;
		rc = kmem_segment_remap(&segs->segments[i]);
		if (rc)
			return rc;
	}
	return 0;
}

/**
 * kmem_segments_exit - counterpart of kmem_segments_init(), even if it failed
 * @segs: the device
 *
 * Context: sleeps.
 */
void kmem_segments_exit(struct kmem_segments *segs)
{
	unsigned int i;

	for (i = 0; i < segs->num_segments; i++)
		if (segs->segments[i].remapped)
			memunmap(segs->segments[i].kaddr);
	kfree(segs->segments);
}

/**
 * kmem_segments_map_added - memory of the device was added: it has addresses now
 * @segs: the device
 * @added: per range of the device, not NULL if its memory was added
 *
 * Context: any. Return: 0; -EBUSY if a range could not be added: it may hold data, and may
 * be somebody else's.
 */
int kmem_segments_map_added(struct kmem_segments *segs, struct resource *const *added)
{
	unsigned int i;

	for (i = 0; i < segs->num_segments; i++) {
		struct kmem_segment *seg = &segs->segments[i];

		if (!seg->hotplug)
			continue;
		if (!added[seg->range])
			return -EBUSY;
		seg->kaddr = __va(seg->phys);
	}
	return 0;
}

/**
 * kmem_segments_at - the segment that a page frame that is hotplugged belongs to
 * @segs: the device
 * @pfn: the page frame
 *
 * Context: any. Return: the segment; NULL if it is not of this device.
 */
const struct kmem_segment *kmem_segments_at(const struct kmem_segments *segs,
					    unsigned long pfn)
{
	unsigned int i;

	for (i = 0; i < segs->num_segments; i++) {
		const struct kmem_segment *seg = &segs->segments[i];

		if (seg->hotplug && pfn - PHYS_PFN(seg->phys) < seg->nr_pages)
			return seg;
	}
	return NULL;
}

/**
 * kmem_segments_overlap - is anything of a range of this device?
 * @segs: the device
 * @range: physical addresses
 *
 * Context: any.
 */
bool kmem_segments_overlap(const struct kmem_segments *segs, const struct range *range)
{
	unsigned int i;

	for (i = 0; i < segs->num_segments; i++) {
		const struct kmem_segment *seg = &segs->segments[i];
		const struct range own = {
			.start = seg->phys,
			.end = seg->phys + (seg->nr_pages << PAGE_SHIFT) - 1,
		};

		if (range_overlaps(&own, range))
			return true;
	}
	return false;
}

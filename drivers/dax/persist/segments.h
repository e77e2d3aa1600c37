/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the pages of a device are, and which of them are bad: segments.c, bad.c
 */
#ifndef _DAX_KMEM_PERSIST_SEGMENTS_H
#define _DAX_KMEM_PERSIST_SEGMENTS_H

#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/types.h>
#include "media.h"

struct dax_region_info;
struct dev_dax;
struct range;
struct resource;

/**
 * struct kmem_segment - consecutive pages with consecutive kernel addresses
 * @first_dpn: first page
 * @nr_pages: length
 * @kaddr: address of the first page
 * @phys: physical address of the first page
 * @first_unit: index of its first unit, set by the pool
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
 * struct kmem_segments - all of a device
 * @dev: the DAX device, for messages
 * @nr_pages: size of the device
 * @segments: where its pages are, the largest first: most look-ups end there
 * @num_segments: entries in @segments
 * @has_bad: a page is known to be bad
 * @bad: a bit per page, set when it is known to be bad; cleared when the page is free and
 *	 its errors are cleared
 * @media: for the media calls
 *
 * All I/O reads it, and next to nobody writes it: no lock.
 */
struct kmem_segments {
	struct device *dev;
	u64 nr_pages;
	struct kmem_segment *segments;
	unsigned int num_segments;
	bool has_bad;
	unsigned long *bad;
	struct kmem_media media;
};

/**
 * kmem_segments_find - the segment that a page is in
 * @segs: the device
 * @dpn: the page
 *
 * Context: any. Return: the segment; NULL if @dpn is not a page of the device.
 */
static inline const struct kmem_segment *kmem_segments_find(const struct kmem_segments *segs,
							    u64 dpn)
{
	unsigned int i;

	for (i = 0; i < segs->num_segments; i++) {
		const struct kmem_segment *seg = &segs->segments[i];

		if (dpn - seg->first_dpn < seg->nr_pages)
			return seg;
	}
	return NULL;
}

/**
 * kmem_segments_kaddr - kernel address of a page
 * @segs: the device
 * @dpn: the page
 *
 * Context: any. Return: the address, NULL if @dpn is not a page of the device.
 */
static inline void *kmem_segments_kaddr(const struct kmem_segments *segs, u64 dpn)
{
	const struct kmem_segment *seg = kmem_segments_find(segs, dpn);

	return seg ? seg->kaddr + ((dpn - seg->first_dpn) << PAGE_SHIFT) : NULL;
}

/**
 * kmem_segments_pfn - page frame of a page
 * @segs: the device
 * @dpn: the page, below &kmem_segments.nr_pages
 *
 * Context: any.
 */
static inline unsigned long kmem_segments_pfn(const struct kmem_segments *segs, u64 dpn)
{
	const struct kmem_segment *seg = kmem_segments_find(segs, dpn);

	return PHYS_PFN(seg->phys) + (dpn - seg->first_dpn);
}

int kmem_segments_init(struct kmem_segments *segs, struct dev_dax *dev_dax,
		       const struct dax_region_info *info);
void kmem_segments_exit(struct kmem_segments *segs);
int kmem_segments_map_added(struct kmem_segments *segs, struct resource *const *added);
const struct kmem_segment *kmem_segments_at(const struct kmem_segments *segs,
					    unsigned long pfn);
bool kmem_segments_overlap(const struct kmem_segments *segs, const struct range *range);

#endif /* _DAX_KMEM_PERSIST_SEGMENTS_H */

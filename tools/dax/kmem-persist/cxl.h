/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Regions of CXL memory, which are to be made again at each boot
 */
#ifndef _KMEM_PERSIST_CXL_H
#define _KMEM_PERSIST_CXL_H

#include <limits.h>
#include <linux/compiler.h>

/* As many as can be interleaved. */
#define CXL_TARGETS	16

/**
 * struct cxl_target - the part of a memory device that a region has
 * @serial: of the device; its name, and the place where it is plugged in, may be others
 *	at the next boot
 * @start: where the part begins in the memory of the device
 * @size: its size
 */
struct cxl_target {
	u64 serial;
	u64 start;
	u64 size;
};

/**
 * struct cxl_region - how a region is made
 * @uuid: of the region if it is persistent, of the format on it otherwise
 * @persistent: it is
 * @granularity: bytes of one device, before those of the next
 * @window: start and size of the range of addresses that it is a part of
 * @start: its own first address
 * @nr: number of devices
 * @target: these, in the order of their positions
 */
struct cxl_region {
	char uuid[37];
	bool persistent;
	u64 granularity;
	u64 window[2];
	u64 start;
	unsigned int nr;
	struct cxl_target target[CXL_TARGETS];
};

bool cxl_region_of(const char *what, struct cxl_region *r, char *why, size_t size);
int cxl_remember(const struct cxl_region *r);
bool cxl_make_regions(void);

#endif /* _KMEM_PERSIST_CXL_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the region of a device knows about bad pages, and makes of them: region.c
 */
#ifndef _DAX_KMEM_PERSIST_REGION_H
#define _DAX_KMEM_PERSIST_REGION_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include "pool.h"

struct dev_dax;

/**
 * struct kmem_region - who asks the region
 * @dev_dax: a device of it
 * @segs: the pages of that
 * @pool: who has them
 * @lock: Held while the region is asked which pages are bad, and from when it is asked
 *	  to clear one until &kmem_segments.bad says that it is not bad any more: the two
 *	  agree. Only workers take it, as the platform may take its time.
 * @ask_work: asks for more
 * @clear_work: has it clear bad pages that hold nothing
 * @nr_known_bad: pages that it knew as bad, when it was asked last
 *
 * Lock order: @lock -> kmem_pool.lock, and not under any other lock of the device.
 */
struct kmem_region {
	struct dev_dax *dev_dax;
	struct kmem_segments *segs;
	struct kmem_pool *pool;
	struct mutex lock;		/* what it and &kmem_segments.bad say */
	struct work_struct ask_work;
	struct delayed_work clear_work;
	u64 nr_known_bad;
};

void kmem_region_init(struct kmem_region *region, struct dev_dax *dev_dax,
		      struct kmem_segments *segs, struct kmem_pool *pool);
void kmem_region_exit(struct kmem_region *region);
void kmem_region_ask(struct kmem_region *region);
void kmem_region_begin_clearing(struct kmem_region *region);
void kmem_region_stop_clearing(struct kmem_region *region);
void kmem_region_clear(struct kmem_region *region);

#endif /* _DAX_KMEM_PERSIST_REGION_H */

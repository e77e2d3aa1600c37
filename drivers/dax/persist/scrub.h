/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was not erased when it was freed is erased: scrub.c
 */
#ifndef _DAX_KMEM_PERSIST_SCRUB_H
#define _DAX_KMEM_PERSIST_SCRUB_H

#include <linux/types.h>
#include <linux/workqueue.h>
#include "pool.h"

/**
 * struct kmem_scrub - who erases
 * @pool: what is free there
 * @work: erases
 * @stop: it is to end
 * @needed: this attach has found something to erase
 * @errors: media errors that were known when it began
 */
struct kmem_scrub {
	struct kmem_pool *pool;
	struct work_struct work;
	bool stop;
	bool needed;
	u64 errors;
};

void kmem_scrub_init(struct kmem_scrub *scrub, struct kmem_pool *pool);
void kmem_scrub_prepare(struct kmem_scrub *scrub, bool needed, u64 errors);
void kmem_scrub_start(struct kmem_scrub *scrub);
bool kmem_scrub_is_done(const struct kmem_scrub *scrub, u64 errors);
void kmem_scrub_stop(struct kmem_scrub *scrub);

#endif /* _DAX_KMEM_PERSIST_SCRUB_H */

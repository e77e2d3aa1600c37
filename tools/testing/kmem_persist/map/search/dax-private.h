/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What persist/search.c has around it in the kernel: a device, of which it sees its
 * size, what root has said, and where to leave what it has found
 */
#ifndef _SEARCH_DAX_PRIVATE_H
#define _SEARCH_DAX_PRIVATE_H

/* The real one has all of the framework. */
#define _DAX_KMEM_PERSIST_PRIVATE_H

#include <linux/minmax.h>
#include <linux/uuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "persist/places.h"
#include "persist/format.h"

struct dev_dax {
	u64 blocks;
	struct dax_persist_accept persist_accept;
};

struct kmem_persist {
	void *dev;
	struct dev_dax *dev_dax;
	struct kmem_persist_superblock *sb;
	struct kmem_sb_set sb_set;
	u64 sb_seen;
	bool vouched;
	bool held;
};

#define dev_warn(dev, ...)	((void)(dev))
#define scnprintf		snprintf
#define memzero_explicit(p, n)	memset(p, 0, n)
#define kzalloc_obj(obj)	calloc(1, sizeof(obj))
#define __free(_how)		__attribute__((cleanup(search_##_how)))

static inline void search_kfree(void *where)
{
	free(*(void **)where);
}

static inline void kmem_persist_hold(struct kmem_persist *kp, const char *fmt, ...)
{
	kp->held = true;
}

u64 kmem_persist_dev_blocks(const struct dev_dax *dev_dax)
{
	return dev_dax->blocks;
}

/* There is no command line, and no parameter. */
bool kmem_persist_next_accept(const char **list, struct dax_persist_accept *accept)
{
	return false;
}

int kmem_persist_search(struct kmem_persist *kp, struct kmem_look *look, const char *list);
void kmem_persist_hash(const struct kmem_persist_superblock *sb, u8 *hash);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Places where a superblock may be: kmem_persist_places.c
 */
#ifndef _DAX_KMEM_PERSIST_PLACES_H
#define _DAX_KMEM_PERSIST_PLACES_H

#include <linux/types.h>
#include <linux/kmem_persist.h>
#include "kmem_persist_hooks.h"
#include "kmem_persist_media.h"

struct dev_dax;

typedef int (*kmem_place_fn)(struct dev_dax *dev_dax, u64 block, void *arg);

u64 kmem_persist_dev_pages(const struct dev_dax *dev_dax);
bool kmem_persist_is_ram(const struct dev_dax *dev_dax);
int kmem_persist_read_block(struct dev_dax *dev_dax, u64 block,
			    struct kmem_persist_superblock *sb);
int kmem_persist_visit_places(struct dev_dax *dev_dax, kmem_place_fn fn, void *arg);
int kmem_persist_find_magic(struct dev_dax *dev_dax,
			    struct kmem_persist_superblock *buf, u64 *block);
bool kmem_persist_sacrifice(struct dev_dax *dev_dax,
			    struct kmem_persist_format_request *request);

#endif /* _DAX_KMEM_PERSIST_PLACES_H */

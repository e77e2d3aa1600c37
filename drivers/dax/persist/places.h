/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Places where a superblock may be, and the marker: places.c
 */
#ifndef _DAX_KMEM_PERSIST_PLACES_H
#define _DAX_KMEM_PERSIST_PLACES_H

#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/types.h>
#include <linux/kmem_persist.h>
#include "../bus.h"
#include "media.h"
#include "trust.h"

struct dev_dax;

/**
 * struct kmem_look - what is on a device that has no direct map yet
 * @trust: what it amounts to; whether a copy counts, and whether the checksum of the
 *	   marker is right, is left to the caller
 * @failed: a place could not be read, and nobody had known: that was a machine check
 * @info: what the region knows
 * @marker: the marker, if there is one
 * @sb: the superblocks, if there are any
 *
 * All but @trust is the word of whoever has written it.
 */
struct kmem_look {
	struct kmem_trust trust;
	bool failed;
	struct dax_region_info info;
	struct kmem_persist_marker marker;
	struct kmem_persist_superblock sb[KMEM_PERSIST_NR_PLACES];
};

/* There are keys in it. */
DEFINE_FREE(kmem_look, struct kmem_look *, kvfree_sensitive(_T, sizeof(*_T)))

u64 kmem_persist_dev_pages(const struct dev_dax *dev_dax);
u64 kmem_persist_dev_blocks(const struct dev_dax *dev_dax);
bool kmem_persist_is_ram(const struct dev_dax *dev_dax, u64 pages);
int kmem_persist_look(struct dev_dax *dev_dax, struct kmem_look *look);
bool kmem_persist_is_rescued(struct dev_dax *dev_dax, const struct kmem_look *look,
			     bool asked);
int kmem_persist_write_marker(struct dev_dax *dev_dax,
			      const struct kmem_persist_marker *marker);
int kmem_persist_open_marker(struct dev_dax *dev_dax);
int kmem_persist_forget(struct dev_dax *dev_dax, const struct kmem_look *look);
bool kmem_persist_next_accept(const char **list, struct dax_persist_accept *accept);

#endif /* _DAX_KMEM_PERSIST_PLACES_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device is, and its superblock: search.c, identify.c
 */
#ifndef _DAX_KMEM_PERSIST_SEARCH_H
#define _DAX_KMEM_PERSIST_SEARCH_H

#include <linux/types.h>
#include <linux/kmem_persist.h>
#include "format.h"
#include "places.h"

struct dev_dax;

/**
 * struct kmem_identity - what a device is
 * @dev_dax: the device
 * @info: what its region knows
 * @anonymous: it is no namespace, there is no marker
 * @held: it has to be held, for a reason that only another binding can change
 * @format_type: format it with this type at attach, -1 for none
 * @vouched: root vouches for the superblock: namespace and marker learn it at attach
 * @seen: the highest generation that any valid superblock on it had
 * @set: the copies of the superblock
 * @sb: the superblock, if it can be used
 * @reason: why it is held
 */
struct kmem_identity {
	struct dev_dax *dev_dax;
	struct dax_region_info info;
	bool anonymous;
	bool held;
	int format_type;
	bool vouched;
	u64 seen;
	struct kmem_sb_set set;
	struct kmem_persist_superblock sb;
	char reason[240];
};

int kmem_search(struct kmem_identity *id, struct kmem_look *look, const char *list);
void kmem_search_hash(const struct kmem_persist_superblock *sb, u8 *hash);
__printf(2, 3)
void kmem_identity_hold(struct kmem_identity *id, const char *fmt, ...);

#endif /* _DAX_KMEM_PERSIST_SEARCH_H */

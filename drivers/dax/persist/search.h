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
 * enum kmem_held - why a device has to be held, for programs
 * @KMEM_HELD_NOT: it has not
 * @KMEM_HELD_LOST: formatted, and no superblock is good
 * @KMEM_HELD_ACCEPT: what persist_accept names is not there
 * @KMEM_HELD_MARKER: the marker is damaged, unreadable, or that of another namespace
 * @KMEM_HELD_FOREIGN: not formatted on this namespace
 * @KMEM_HELD_UNREADABLE: nothing that would tell can be read
 * @KMEM_HELD_VERSION: the superblock needs another kernel
 * @KMEM_HELD_DOUBT: superblocks differ, or the newest may be one that cannot be read
 * @KMEM_HELD_PLATFORM: data cannot be used on this machine, or in this region
 * @KMEM_HELD_READONLY: the region is read-only
 * @KMEM_HELD_CHECK: the superblock wants a check, or nothing to be written
 * @KMEM_HELD_SMALL: the device is too small
 */
enum kmem_held {
	KMEM_HELD_NOT,
	KMEM_HELD_LOST,
	KMEM_HELD_ACCEPT,
	KMEM_HELD_MARKER,
	KMEM_HELD_FOREIGN,
	KMEM_HELD_UNREADABLE,
	KMEM_HELD_VERSION,
	KMEM_HELD_DOUBT,
	KMEM_HELD_PLATFORM,
	KMEM_HELD_READONLY,
	KMEM_HELD_CHECK,
	KMEM_HELD_SMALL,
};

/**
 * struct kmem_identity - what a device is
 * @dev_dax: the device
 * @info: what its region knows
 * @anonymous: it is no namespace, there is no marker
 * @quiet: somebody only looks: nothing goes to the log
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
	bool quiet;
	enum kmem_held held;
	int format_type;
	bool vouched;
	u64 seen;
	struct kmem_sb_set set;
	struct kmem_persist_superblock sb;
	char reason[240];
};

int kmem_search(struct kmem_identity *id, struct kmem_look *look, const char *list);
void kmem_search_hash(const struct kmem_persist_superblock *sb, u8 *hash);
__printf(3, 4)
void kmem_identity_hold(struct kmem_identity *id, enum kmem_held why, const char *fmt, ...);

#endif /* _DAX_KMEM_PERSIST_SEARCH_H */

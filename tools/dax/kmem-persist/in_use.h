/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device in use: what the kernel says about it in sysfs
 */
#ifndef _KMEM_PERSIST_IN_USE_H
#define _KMEM_PERSIST_IN_USE_H

#include <limits.h>
#include <linux/compiler.h>
#include <linux/kmem_persist.h>

/* Where the memory is: the files in persist/ have these names. */
enum { CAPACITY, STORED, POOL, LENT, ABSENT, BAD, NR_USAGE };

extern const char * const in_use_names[NR_USAGE];

/**
 * struct in_use - a device in use
 * @name: of the DAX device
 * @dir: its folder
 * @persist: its folder persist/
 * @disk: name of its disk, empty if there is none
 * @disk_dir: folder of that
 * @state: persist/state
 * @reason: persist/reason
 * @space: persist/space
 * @uuid: persist/uuid
 * @label: persist/label
 * @has_usage: @usage is known
 * @usage: persist/capacity and so on, in bytes
 * @lost: bytes of blocks that are lost
 * @free: persist/free: bytes that storage gets if all that is lent comes back
 * @avail: and that it gets now, above the floors; with @has_usage
 * @known_bad: pages that the region knows to be bad
 */
struct in_use {
	char name[64];
	char dir[PATH_MAX / 4];
	char persist[PATH_MAX / 4 + 16];
	char disk[64];
	char disk_dir[PATH_MAX / 2];
	char state[32];
	char reason[512];
	char space[32];
	char uuid[64];
	char label[KMEM_PERSIST_LABEL_LEN + 1];
	bool has_usage;
	u64 usage[NR_USAGE];
	u64 lost;
	u64 free;
	u64 avail;
	u64 known_bad;
};

#define IN_USE_NONE \
	"%s: no device in use has this name, UUID, label or disk; 'kmem-persist list' shows all, 'kmem-persist info' looks at one that is not in use"

bool in_use_read(struct in_use *d, const char *name);
bool in_use_is(const struct in_use *d, const char *what);
void in_use_find(struct in_use *d, const char *what);

#endif /* _KMEM_PERSIST_IN_USE_H */

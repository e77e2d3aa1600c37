/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The superblock of a device that is in service: super.c
 */
#ifndef _DAX_KMEM_PERSIST_SUPER_H
#define _DAX_KMEM_PERSIST_SUPER_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/kmem_persist.h>
#include "format.h"
#include "segments.h"

/**
 * struct kmem_errors - read errors that the superblock does not know yet
 * @count: how many
 * @first_dpn: page of the first
 * @first_time: and when it was found, seconds
 * @last_dpn: page of the last
 * @last_time: and when it was found
 */
struct kmem_errors {
	u64 count;
	u64 first_dpn;
	time64_t first_time;
	u64 last_dpn;
	time64_t last_time;
};

/**
 * struct kmem_super - the superblock, what it becomes, and where its copies are
 * @segs: the device
 * @lock: whoever changes it holds this: the life cycle lock of the device
 * @text: for who only shows @sb or @errors: changes are made under it, too. Innermost
 * @sb: as it is on the media; changes with kmem_super_write() only
 * @next: what is being prepared to be written, see kmem_super_change()
 * @set: its copies on the media
 * @said: places of which the log says that they do not take it
 * @copies: how many places hold it, 0 before it was written
 * @errors: read errors that it does not know
 */
struct kmem_super {
	const struct kmem_segments *segs;
	struct mutex *lock;		/* who changes it holds that */
	spinlock_t text;		/* sb and errors, for who shows them */
	struct kmem_persist_superblock *sb;
	struct kmem_persist_superblock *next;
	struct kmem_sb_set set;
	unsigned int said;
	unsigned int copies;
	struct kmem_errors errors __guarded_by(&text);
};

int kmem_super_init(struct kmem_super *super, const struct kmem_segments *segs,
		    struct mutex *lock /* the caller's */);
void kmem_super_exit(struct kmem_super *super);
void kmem_super_find_places(struct kmem_super *super);
struct kmem_persist_superblock *kmem_super_change(struct kmem_super *super);
int kmem_super_write(struct kmem_super *super);
int kmem_super_write_first(struct kmem_super *super);
int kmem_super_erase(struct kmem_super *super);
void kmem_super_count_error(struct kmem_super *super, u64 dpn);
u64 kmem_super_errors(struct kmem_super *super, struct kmem_errors *all);
bool kmem_super_has_news(struct kmem_super *super);

#endif /* _DAX_KMEM_PERSIST_SUPER_H */

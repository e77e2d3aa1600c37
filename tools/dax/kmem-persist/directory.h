/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The directory of snapshots: which there are
 */
#ifndef _KMEM_PERSIST_DIRECTORY_H
#define _KMEM_PERSIST_DIRECTORY_H

#include "blkmap.h"

struct walk;

/**
 * struct snapshots - the directory of snapshots
 * @copy: both copies, as they were read
 * @dpn: their pages, 0 where there is none
 * @verdict: of each: 0, -ENOENT if there is none, -EIO, -EUCLEAN or -EPROTONOSUPPORT
 * @reason: what is wrong with it
 * @rc: 0, -ENOENT without snapshots, -EUCLEAN or -EPROTONOSUPPORT if the kernel holds the
 *	device for it
 * @why: the reason of that
 * @counts: which copy does
 * @use: that copy, NULL unless @rc is 0
 */
struct snapshots {
	struct kmem_blk_directory copy[2];
	u64 dpn[2];
	int verdict[2];
	const char *reason[2];
	int rc;
	const char *why;
	unsigned int counts;
	const struct kmem_blk_directory *use;
};

void snapshots_read(struct snapshots *s, struct kmem_persist *kp,
		    const struct kmem_persist_superblock *sb, const struct kmem_blk_map *map,
		    unsigned long *claimed);
bool snapshots_is_missing(const struct snapshots *s, unsigned int i);
const struct kmem_blk_record *snapshots_find(const struct snapshots *s, const char *name);
void snapshots_out(const struct kmem_blk_record *r);
void snapshots_write(const struct walk *w, struct kmem_blk_directory *dir,
		     struct kmem_persist_superblock *sb);

static inline bool snapshot_is_damaged(const struct kmem_blk_record *r)
{
	return le64_to_cpu(r->flags) & KMEM_BLK_SNAPSHOT_DAMAGED;
}

#endif /* _KMEM_PERSIST_DIRECTORY_H */

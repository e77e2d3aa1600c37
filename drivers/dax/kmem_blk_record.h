/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What users of a disk are promised, for the recorder: kmem_blk_record.c
 */
#ifndef _DAX_KMEM_BLK_RECORD_H
#define _DAX_KMEM_BLK_RECORD_H

#include <linux/types.h>

struct bio;
struct kmem_blk;

#ifdef CONFIG_DEV_DAX_KMEM_PERSIST_RECORD
void kmem_blk_record_begin(const struct kmem_blk *kb, struct bio *bio);
void kmem_blk_record_end(const struct kmem_blk *kb, struct bio *bio,
			 blk_status_t status);
#else
static inline void kmem_blk_record_begin(const struct kmem_blk *kb, struct bio *bio)
{
}

static inline void kmem_blk_record_end(const struct kmem_blk *kb, struct bio *bio,
				       blk_status_t status)
{
}
#endif

#endif /* _DAX_KMEM_BLK_RECORD_H */

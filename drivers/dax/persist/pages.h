/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How plugins ask for pages, and name them
 */
#ifndef _DAX_KMEM_PERSIST_PAGES_H
#define _DAX_KMEM_PERSIST_PAGES_H

#include <linux/bits.h>
#include <linux/types.h>

/*
 * A page that is allocated belongs to the plugin until it frees it; its
 * content is undefined (RAM of another tenant): write all of it before anything
 * on the media or in a reader's hands refers to it.
 */
#define KMEM_ALLOC_RESERVE	BIT(0)	/* half of the reserve, beyond the limit, too */
#define KMEM_ALLOC_OVERWRITE	BIT(1)	/* gives back as much: all of the reserve */
#define KMEM_ALLOC_MOVE		BIT(2)	/* in &kmem_persist_ops.move: the same, later */
#define KMEM_ALLOC_META		BIT(3)	/* of filesystems: further beyond the limit */

#define KMEM_GROUP_PAGES	BITS_PER_LONG

/**
 * struct kmem_page_group - some of KMEM_GROUP_PAGES pages in a row
 * @nr: which pages: the first is @nr * KMEM_GROUP_PAGES
 * @pages: which of them, the first is the lowest bit
 */
struct kmem_page_group {
	u64 nr;
	unsigned long pages;
};

#endif /* _DAX_KMEM_PERSIST_PAGES_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_SLAB_H
#define _SHIM_LINUX_SLAB_H

#include <linux/compiler.h>

#define GFP_KERNEL	0
#define __GFP_NOWARN	0

/* Larger requests fail, as they do in a kernel with so much memory. */
#define SHIM_ALLOC_MAX	(64UL << 20)

static inline void *kvcalloc(size_t nr, size_t size, gfp_t gfp)
{
	return nr > SHIM_ALLOC_MAX / size ? NULL : calloc(nr, size);
}

static inline void kvfree(const void *p)
{
	free((void *)p);
}

#endif

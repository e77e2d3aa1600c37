/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_SLAB_H
#define _SHIM_LINUX_SLAB_H

#include <string.h>
#include <linux/compiler.h>

#define GFP_KERNEL	0
#define __GFP_NOWARN	0

/* Larger requests fail, as they do in the kernel; tests want less. */
#ifndef SHIM_ALLOC_MAX
#define SHIM_ALLOC_MAX	0x7fffffffUL
#endif

/* The next allocation fails if it is 1, that after it if it is 2. */
extern unsigned int shim_alloc_fail;

static inline void *kvcalloc(size_t nr, size_t size, gfp_t gfp)
{
	if (shim_alloc_fail && !--shim_alloc_fail)
		return NULL;
	return nr > SHIM_ALLOC_MAX / size ? NULL : calloc(nr, size);
}

static inline void *kvmalloc(size_t size, gfp_t gfp)
{
	void *p;

	if (shim_alloc_fail && !--shim_alloc_fail)
		return NULL;
	p = size > SHIM_ALLOC_MAX ? NULL : malloc(size);
	/* As of somebody else: nobody may rely on zeroes. */
	if (p)
		memset(p, 0xa5, size);
	return p;
}

static inline void kvfree(const void *p)
{
	free((void *)p);
}

#endif

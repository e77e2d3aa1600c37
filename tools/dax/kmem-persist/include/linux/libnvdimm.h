/* SPDX-License-Identifier: GPL-2.0 */
/* What makes stores durable. In cache.c. */
#ifndef _TOOL_LINUX_LIBNVDIMM_H
#define _TOOL_LINUX_LIBNVDIMM_H

#include <linux/types.h>
#include <string.h>

bool cache_can_write_back(void);
void arch_wb_cache_pmem(void *addr, size_t size);
void pmem_wmb(void);

static inline void memcpy_flushcache(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	arch_wb_cache_pmem(dst, len);
}

#endif

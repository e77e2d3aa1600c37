/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Media errors on demand: kmem_persist_inject.c
 */
#ifndef _DAX_KMEM_PERSIST_INJECT_H
#define _DAX_KMEM_PERSIST_INJECT_H

#include <linux/types.h>

struct dentry;
struct device;
struct range;

#ifdef CONFIG_DEV_DAX_KMEM_PERSIST_INJECT
int kmem_inject_init(struct dentry *dir);
void kmem_inject_exit(void);
bool kmem_inject_next_bad(struct device *dev, const struct range *in,
			  struct range *bad);
bool kmem_inject_is_poisoned(phys_addr_t phys);

static inline bool kmem_inject_enabled(void)
{
	return true;
}
#else
static inline int kmem_inject_init(struct dentry *dir)
{
	return 0;
}

static inline void kmem_inject_exit(void)
{
}

static inline bool kmem_inject_next_bad(struct device *dev, const struct range *in,
					struct range *bad)
{
	return false;
}

static inline bool kmem_inject_is_poisoned(phys_addr_t phys)
{
	return false;
}

static inline bool kmem_inject_enabled(void)
{
	return false;
}
#endif /* CONFIG_DEV_DAX_KMEM_PERSIST_INJECT */

#endif /* _DAX_KMEM_PERSIST_INJECT_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kmem.c, the hotplug driver, calls in the framework
 */
#ifndef _DAX_KMEM_PERSIST_HOOKS_H
#define _DAX_KMEM_PERSIST_HOOKS_H

#include <linux/types.h>
#include "request.h"

struct dev_dax;
struct kmem_persist;
struct resource;

struct kmem_persist *
kmem_persist_prepare(struct dev_dax *dev_dax,
		     struct kmem_persist_format_request *request);

void *kmem_persist_found_begin(const char *accept);
bool kmem_persist_found(struct dev_dax *dev_dax, void *work, char *text, size_t size);
void kmem_persist_found_end(void *work);

#ifdef CONFIG_DEV_DAX_KMEM_PERSIST
void kmem_persist_attach(struct kmem_persist *kp, struct resource *const *added);
int kmem_persist_detach(struct kmem_persist *kp, bool force);
void kmem_persist_shutdown(struct kmem_persist *kp);
void kmem_persist_destroy(struct kmem_persist *kp);
void kmem_persist_abandon(struct kmem_persist *kp);
#else
static inline void kmem_persist_attach(struct kmem_persist *kp,
				       struct resource *const *added)
{
}

static inline int kmem_persist_detach(struct kmem_persist *kp, bool force)
{
	return 0;
}

static inline void kmem_persist_shutdown(struct kmem_persist *kp)
{
}

static inline void kmem_persist_destroy(struct kmem_persist *kp)
{
}

static inline void kmem_persist_abandon(struct kmem_persist *kp)
{
}
#endif /* CONFIG_DEV_DAX_KMEM_PERSIST */

#endif /* _DAX_KMEM_PERSIST_HOOKS_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kmem.c, the hotplug driver, calls in the framework
 */
#ifndef _DAX_KMEM_PERSIST_HOOKS_H
#define _DAX_KMEM_PERSIST_HOOKS_H

#include <linux/types.h>
#include <linux/uuid.h>

struct dev_dax;
struct kmem_persist;
struct resource;

/**
 * struct kmem_persist_format_request - what the module parameters ask for
 * @type: format a device that carries no data with this type, -1 to leave it
 * @type_named: @type is from the command line: only for the device that @device names
 * @force: format a device that carries data too
 * @force_named: the same for @force
 * @device: name of a device, or uuid of the info block of its namespace: @type and @force
 *	    are about no other; empty for the next one, whichever that is
 * @accept: UUID:HASH of formats, separated by commas, on devices that are no namespaces
 *
 * The device's own attributes persist_format and persist_accept count before them. At
 * boot nobody chooses what "the next" device is: what was said on the command line would
 * format another one some day.
 */
struct kmem_persist_format_request {
	int type;
	bool type_named;
	bool force;
	bool force_named;
	char device[UUID_STRING_LEN + 2];
	char accept[512];
};

struct kmem_persist *
kmem_persist_prepare(struct dev_dax *dev_dax,
		     struct kmem_persist_format_request *request);

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

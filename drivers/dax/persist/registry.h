/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All plugins, and all devices: registry.c
 */
#ifndef _DAX_KMEM_PERSIST_REGISTRY_H
#define _DAX_KMEM_PERSIST_REGISTRY_H

#include <linux/types.h>
#include <linux/uuid.h>

struct dev_dax;
struct device;
struct kmem_persist;
struct kmem_persist_ops;

struct kmem_persist_ops *kmem_persist_type_get(u32 type);
void kmem_persist_type_put(struct kmem_persist_ops *ops);

void kmem_registry_add(struct kmem_persist *kp);
void kmem_registry_del(struct kmem_persist *kp);
void kmem_registry_abandon(struct kmem_persist *kp);
bool kmem_registry_has_left_over(const struct dev_dax *dev_dax);
void kmem_registry_retry_waiting(void);
struct device *kmem_registry_any_active(void);
bool kmem_registry_own_uuid(struct kmem_persist *kp, const uuid_t *uuid, char *other,
			    size_t size);
void kmem_registry_disown_uuid(struct kmem_persist *kp);
int kmem_registry_listen(void);
void kmem_registry_unlisten(void);

#endif /* _DAX_KMEM_PERSIST_REGISTRY_H */

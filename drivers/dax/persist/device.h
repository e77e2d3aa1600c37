/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Life cycle of a device: device.c
 */
#ifndef _DAX_KMEM_PERSIST_DEVICE_H
#define _DAX_KMEM_PERSIST_DEVICE_H

#include <linux/types.h>

struct kmem_identity;
struct kmem_persist;
struct resource;

struct kmem_persist *kmem_device_create(const struct kmem_identity *id);
void kmem_device_destroy(struct kmem_persist *kp);
void kmem_device_retire(struct kmem_persist *kp);
void kmem_device_attach(struct kmem_persist *kp, struct resource *const *added);
int kmem_device_detach(struct kmem_persist *kp, bool force);
bool kmem_device_try_detach(struct kmem_persist *kp);
int kmem_persist_lock_active(struct kmem_persist *kp);
void kmem_device_init(void);

#endif /* _DAX_KMEM_PERSIST_DEVICE_H */

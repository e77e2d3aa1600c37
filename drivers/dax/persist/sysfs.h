/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What users see of a device: sysfs.c
 */
#ifndef _DAX_KMEM_PERSIST_SYSFS_H
#define _DAX_KMEM_PERSIST_SYSFS_H

struct dentry;
struct kmem_persist;

int kmem_persist_sysfs_add(struct kmem_persist *kp, struct dentry *tables);
void kmem_persist_sysfs_del(struct kmem_persist *kp);

#endif /* _DAX_KMEM_PERSIST_SYSFS_H */

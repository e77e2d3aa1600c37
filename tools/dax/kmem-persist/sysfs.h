/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel says in sysfs and procfs
 */
#ifndef _KMEM_PERSIST_SYSFS_H
#define _KMEM_PERSIST_SYSFS_H

#include <sys/types.h>
#include <linux/compiler.h>

const char *sysfs_root(void);
const char *procfs_root(void);
bool sysfs_text(const char *dir, const char *name, char *text, size_t size);
bool sysfs_u64(const char *dir, const char *name, u64 *val);
bool sysfs_is_dax(dev_t dev, char *dir, size_t size);

#endif /* _KMEM_PERSIST_SYSFS_H */

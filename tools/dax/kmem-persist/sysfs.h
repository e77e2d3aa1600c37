/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel says in sysfs and procfs
 */
#ifndef _KMEM_PERSIST_SYSFS_H
#define _KMEM_PERSIST_SYSFS_H

#include <dirent.h>
#include <sys/types.h>
#include <linux/compiler.h>

const char *sysfs_root(void);
const char *procfs_root(void);
const char *files_root(void);
bool sysfs_text(const char *dir, const char *name, char *text, size_t size);
bool sysfs_u64(const char *dir, const char *name, u64 *val);
int sysfs_store(const char *dir, const char *name, const char *text);
int sysfs_dax_devices(struct dirent ***names);
void sysfs_free_names(struct dirent **names, int nr);
bool sysfs_is_dax(dev_t dev, char *dir, size_t size);

#endif /* _KMEM_PERSIST_SYSFS_H */

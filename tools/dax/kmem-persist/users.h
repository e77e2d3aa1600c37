/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who uses a disk, or has a file open
 */
#ifndef _KMEM_PERSIST_USERS_H
#define _KMEM_PERSIST_USERS_H

#include <sys/stat.h>
#include <linux/compiler.h>

typedef void (*users_fn)(const char *kind, const char *what, const char *name, void *arg);

void users_of_disk(const char *disk_dir, const char *disk, users_fn tell, void *arg);
void users_of_file(const struct stat *st, const char *what, users_fn tell, void *arg);

#endif /* _KMEM_PERSIST_USERS_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * No hibernation while a device is in use: hibernate.c
 */
#ifndef _DAX_KMEM_PERSIST_HIBERNATE_H
#define _DAX_KMEM_PERSIST_HIBERNATE_H

#include <linux/types.h>

bool kmem_hibernate_attach_begin(void);
void kmem_hibernate_attach_end(void);
int kmem_hibernate_init(void);
void kmem_hibernate_exit(void);

#endif /* _DAX_KMEM_PERSIST_HIBERNATE_H */

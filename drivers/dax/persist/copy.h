/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which way of copying is faster: copy.c
 */
#ifndef _DAX_KMEM_PERSIST_COPY_H
#define _DAX_KMEM_PERSIST_COPY_H

#include "pool.h"

void kmem_copy_choose(struct kmem_pool *pool);

#endif /* _DAX_KMEM_PERSIST_COPY_H */

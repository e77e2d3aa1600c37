/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What persist/search.c has around it in the kernel: a device, of which it sees its
 * size, and what root has said
 */
#ifndef _SEARCH_DAX_PRIVATE_H
#define _SEARCH_DAX_PRIVATE_H

#include <linux/minmax.h>
#include <linux/uuid.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bus.h"
#include "persist/request.h"

struct dev_dax {
	char dev;
	u64 blocks;
	struct dax_persist_accept persist_accept;
};

/* What the log would say: how much, and the last of it. */
static unsigned int nr_warned;
static char warned[256];

#define dev_warn(dev, ...) \
	((void)(dev), nr_warned++, (void)snprintf(warned, sizeof(warned), __VA_ARGS__))
/* What uses it is not here. */
#define DEFINE_FREE(_name, _type, _free)
#define scnprintf		snprintf
#define vscnprintf		vsnprintf
#define memzero_explicit(p, n)	memset(p, 0, n)
#define kzalloc_obj(obj)	calloc(1, sizeof(obj))
#define __free(_how)		__attribute__((cleanup(search_##_how)))

static inline void search_kfree(void *where)
{
	free(*(void **)where);
}

u64 kmem_persist_dev_blocks(const struct dev_dax *dev_dax)
{
	return dev_dax->blocks;
}

/* There is no command line, and no parameter. */
bool kmem_persist_next_accept(const char **list, struct dax_persist_accept *accept)
{
	return false;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Making a device anew
 */
#ifndef _KMEM_PERSIST_FORMAT_H
#define _KMEM_PERSIST_FORMAT_H

#include "cmd.h"

/* Pages of the root node and its twin: the first ones that may hold them. */
#define FORMAT_ROOT_DPN		KMEM_PERSIST_FIRST_PAGE
#define FORMAT_ROOT_TWIN	(FORMAT_ROOT_DPN + 1)

/**
 * struct format - a device on its way to be made anew
 * @kp: the device
 * @s: the superblock that it had
 * @sb: the one that it gets
 * @nr_lblks: size of its disk, 0 if there is none
 */
struct format {
	struct kmem_persist kp;
	struct sb_search s;
	struct kmem_persist_superblock sb;
	u64 nr_lblks;
};

void format_open(struct format *f, const struct options *o, u32 type);
u64 format_nr_lblks(const struct options *o, const struct kmem_persist *kp);
void format_new_uuid(u8 *uuid);
void format_label(struct kmem_persist_superblock *sb, const char *label);
void format_erase(struct format *f, const struct options *o);
void format_write(struct format *f);
void format_show(const struct format *f, const struct options *o);

#endif /* _KMEM_PERSIST_FORMAT_H */

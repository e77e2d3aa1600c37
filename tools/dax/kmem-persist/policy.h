/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which devices are attached without being named, and what is remembered about them
 */
#ifndef _KMEM_PERSIST_POLICY_H
#define _KMEM_PERSIST_POLICY_H

#include "dax.h"

/* What somebody wants. */
enum policy {
	POLICY_ATTACH,
	POLICY_LEAVE,
	POLICY_FAULT,	/* nobody can tell: the configuration is wrong */
};

enum policy policy_of(const struct dax_dev *d, const struct dax_found *f, char *why,
		      size_t size);
void policy_set_detached(const struct dax_dev *d, bool detached);
int policy_lock(const char *name);
void policy_path(char *path, const char *dir, const char *name);
int policy_write(const char *dir, const char *name, const char *text);

void known_add(const struct dax_dev *d, const char *uuid);
void known_remove(const char *uuid);
unsigned int known_each(bool (*is_there)(const char *uuid));

#endif /* _KMEM_PERSIST_POLICY_H */

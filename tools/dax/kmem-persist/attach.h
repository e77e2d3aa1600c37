/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Putting the data of a device to use, and taking it out of use
 */
#ifndef _KMEM_PERSIST_ATTACH_H
#define _KMEM_PERSIST_ATTACH_H

#include "dax.h"

/* What became of it. */
enum attach_result {
	ATTACH_GO,	/* there is something to do */
	ATTACH_DONE,	/* the data is in use */
	ATTACH_NOTHING,	/* nothing is to be done */
	ATTACH_FAILED,	/* the data is not in use, and it is said why */
	ATTACH_FAULT,	/* it cannot be told */
};

/**
 * struct attach - attaching a device
 * @d: the device
 * @found: what is on it
 * @instance: which of all with that name it was when it was looked at
 * @asked: somebody has named it: what the configuration says does not matter
 * @text: what became of it, for people
 */
struct attach {
	struct dax_dev d;
	struct dax_found found;
	u64 instance;
	bool asked;
	char text[1024];
};

enum attach_result attach_device(struct attach *a);
bool attach_load(char *why, size_t size);
int attach_hold_node(const struct dax_dev *d, char *why, size_t size);

#endif /* _KMEM_PERSIST_ATTACH_H */

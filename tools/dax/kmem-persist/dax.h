/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A DAX device by its name: driver, memory, and what is found on it
 */
#ifndef _KMEM_PERSIST_DAX_H
#define _KMEM_PERSIST_DAX_H

#include <limits.h>
#include <linux/compiler.h>

/**
 * struct dax_dev - a DAX device
 * @name: of it, daxX.Y
 * @dir: its folder in sysfs
 * @node: its file in /dev
 */
struct dax_dev {
	char name[32];
	char dir[PATH_MAX / 4];
	char node[PATH_MAX / 4];
};

bool dax_name(struct dax_dev *d, const char *what);
bool dax_exists(const struct dax_dev *d);
u64 dax_instance(const struct dax_dev *d);
bool dax_has(const struct dax_dev *d, const char *attr);
void dax_driver(const struct dax_dev *d, char *name, size_t size);
bool dax_is_bound(const struct dax_dev *d, const char *driver);
int dax_driver_store(const struct dax_dev *d, const char *driver, const char *attr);
bool dax_wait(const struct dax_dev *d);
bool dax_namespace_uuid(const struct dax_dev *d, char *uuid, size_t size);
bool dax_is_namespace(const struct dax_dev *d);

/**
 * struct dax_found - what is on a device that is not in use
 * @kind: the answer
 * @type: type of the data, as the kernel calls it; empty if it is not known
 * @uuid: UUID of the format; empty if it is not known
 * @why: a few words for people
 */
struct dax_found {
	enum {
		DAX_NONE,	/* nothing */
		DAX_DATA,	/* data that this kernel attaches */
		DAX_HELD,	/* what may be data, and it would hold */
		DAX_UNACCEPTED,	/* what looks like data; it would become plain memory */
		DAX_UNKNOWN,	/* it cannot be looked at */
	} kind;
	char type[32];
	char uuid[40];
	char why[256];
};

void dax_look(const struct dax_dev *d, struct dax_found *f, bool load);
void dax_look_at_media(const struct dax_dev *d, struct dax_found *f);

/**
 * struct dax_blocks - the memory blocks of a device
 * @known: the ranges of the device could be read
 * @size: of a block
 * @possible: blocks of which no part is of anything else
 * @nr: those that are there
 * @online: those that are RAM
 * @movable: of these, in ZONE_MOVABLE
 * @failed: could not be brought online
 */
struct dax_blocks {
	bool known;
	u64 size;
	u64 possible;
	unsigned int nr;
	unsigned int online;
	unsigned int movable;
	unsigned int failed;
};

void dax_blocks(const struct dax_dev *d, struct dax_blocks *b, bool bring_online);

#endif /* _KMEM_PERSIST_DAX_H */

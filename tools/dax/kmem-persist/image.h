/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device in memory: a devdax character device or a file, mapped as a whole
 */
#ifndef _KMEM_PERSIST_IMAGE_H
#define _KMEM_PERSIST_IMAGE_H

#include <linux/types.h>
#include <linux/kmem_persist.h>
#include "kmem_persist.h"

/**
 * struct kmem_persist - what the kernel's files ask about a device
 * @name: as it was given to us
 * @mem: its first page
 * @nr_pages: its size
 * @nr_there: less than that if it is a file that was cut
 * @offset: where it begins in the file, in bytes
 * @namespace: that was found in the file
 * @writable: it was opened for writing
 * @media: how stores become durable
 * @claimed: a bit per page that something refers to
 * @first_page: the first one that may hold data, or metadata of a plugin
 * @older_backup: page of the backup superblock of the older format, or 0
 * @ns_uuid: of the info block of the namespace, zero where nobody knows
 * @sysfs: folder of a DAX device, empty of a file
 * @fd: the file, -1 if there is none
 * @map: the mapping
 * @map_bytes: its size
 */
struct kmem_persist {
	const char *name;
	u8 *mem;
	u64 nr_pages;
	u64 nr_there;
	u64 offset;
	bool namespace;
	bool writable;
	struct kmem_media media;
	unsigned long *claimed;
	u64 first_page;
	u64 older_backup;
	u8 ns_uuid[16];
	char sysfs[256];
	int fd;
	void *map;
	size_t map_bytes;
};

/**
 * struct image_where - which part of a file is the device
 * @offset: first byte; with @given only
 * @length: bytes, 0 for all that follow
 * @given: somebody said so
 * @may_be_cut: a part of the device will do
 */
struct image_where {
	u64 offset;
	u64 length;
	bool given;
	bool may_be_cut;
};

/* No entry of a map names a page behind that. */
#define IMAGE_MAX_PAGES	(KMEM_BLK_ENTRY_DPN_MASK + 1)

void image_open(struct kmem_persist *kp, const char *name, bool writable,
		const struct image_where *where);
int image_over(struct kmem_persist *kp, const char *name, u8 *mem, u64 nr_pages);
void image_extend(struct kmem_persist *kp, u64 nr_pages);
void image_read_all(struct kmem_persist *kp);
void image_close(struct kmem_persist *kp);
int image_marker(const struct kmem_persist *kp, struct kmem_persist_marker *m);
int image_unmark(const struct kmem_persist *kp);
int image_accept(const struct kmem_persist *kp, const char *what);
void image_unclaim(struct kmem_persist *kp);

unsigned long *bits_alloc(u64 nr);
bool bits_test(const unsigned long *bits, u64 nr);
bool bits_test_and_set(unsigned long *bits, u64 nr);

#endif /* _KMEM_PERSIST_IMAGE_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A log of what is done to the media: kmem_persist_record.c, and programs that read it
 */
#ifndef _DAX_KMEM_PERSIST_RECORD_H
#define _DAX_KMEM_PERSIST_RECORD_H

#include <linux/types.h>

/**
 * enum kmem_record_op - what is logged
 * @KMEM_RECORD_START: a device is there; @pos is its size, @len that of a page
 * @KMEM_RECORD_COPY: kmem_media_copy(); the data follows
 * @KMEM_RECORD_STORE: kmem_media_store(); the word follows
 * @KMEM_RECORD_WB: kmem_media_wb()
 * @KMEM_RECORD_FENCE: kmem_media_fence()
 * @KMEM_RECORD_FREE: a page is anybody's from now on
 * @KMEM_RECORD_BEGIN: blocks will be written or discarded: @pos is the first, @len how
 *	many there are; for each the CRC-32C that its content will have follows
 * @KMEM_RECORD_END: whoever asked is told that this is done
 * @KMEM_RECORD_FAILED: or that it may or may not have been done
 * @KMEM_RECORD_FULL: here the log ends for want of memory
 */
enum kmem_record_op {
	KMEM_RECORD_START = 1,
	KMEM_RECORD_COPY,
	KMEM_RECORD_STORE,
	KMEM_RECORD_WB,
	KMEM_RECORD_FENCE,
	KMEM_RECORD_FREE,
	KMEM_RECORD_BEGIN,
	KMEM_RECORD_END,
	KMEM_RECORD_FAILED,
	KMEM_RECORD_FULL,
};

/**
 * struct kmem_record - one of them
 * @op: one of &enum kmem_record_op
 * @task: who does it, by process id: a fence is for what its own task did before
 * @pos: where, in bytes from the start of the device
 * @len: how much, in bytes
 * @bytes: size of the data that follows, without the zeroes up to a multiple of 8
 *
 * In the order in which things are done as far as anybody can tell: an entry is made
 * before what it tells of, inside whatever lock that is done in.
 */
struct kmem_record {
	__le32 op;
	__le32 task;
	__le64 pos;
	__le32 len;
	__le32 bytes;
};

struct dentry;
struct kmem_media;
struct kmem_persist;

#ifdef CONFIG_DEV_DAX_KMEM_PERSIST_RECORD
void kmem_record_init(struct dentry *dir);
void kmem_record_exit(void);
void kmem_record_start(struct kmem_persist *kp);
void kmem_record_stop(struct kmem_persist *kp);
void kmem_record_append(enum kmem_record_op op, u64 pos, size_t len,
			const void *data, size_t bytes);
void kmem_record_media(const struct kmem_media *media, enum kmem_record_op op,
		       const void *addr, const void *data, size_t len);

static inline bool kmem_record_enabled(void)
{
	return true;
}
#else
static inline void kmem_record_init(struct dentry *dir)
{
}

static inline void kmem_record_exit(void)
{
}

static inline void kmem_record_start(struct kmem_persist *kp)
{
}

static inline void kmem_record_stop(struct kmem_persist *kp)
{
}

static inline void kmem_record_append(enum kmem_record_op op, u64 pos, size_t len,
				      const void *data, size_t bytes)
{
}

static inline void kmem_record_media(const struct kmem_media *media,
				     enum kmem_record_op op, const void *addr,
				     const void *data, size_t len)
{
}

static inline bool kmem_record_enabled(void)
{
	return false;
}
#endif /* CONFIG_DEV_DAX_KMEM_PERSIST_RECORD */

#endif /* _DAX_KMEM_PERSIST_RECORD_H */

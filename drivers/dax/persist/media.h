/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only ways in which persistent metadata and data reach the media
 *
 * Map, superblock and plugin code touches the media through the calls below and
 * through nothing else, so that the same .c files can run in userspace on a
 * simulated medium that records every store, write back and fence (the header
 * guard lets the simulation take this header's place).
 *
 * Rules, in the order in which a writer uses them:
 *
 *  kmem_media_copy()   bulk data; durable after this CPU's next fence. Past the
 *                      caches or through them, whatever is faster.
 *  kmem_media_copy_past() the same, past the caches where the machine has a way
 *                      around them: to be read back from the media.
 *  kmem_media_store()  one aligned 64-bit word, seen whole by every reader and
 *                      after every crash; cached, so it needs a write back.
 *  kmem_media_wb()     binds the current content of the lines to this CPU's
 *                      next fence.
 *  kmem_media_fence()  makes durable what *this CPU* copied or wrote back
 *                      before. The fence of another CPU does not. (A task that
 *                      is preempted in between is fine: a context switch
 *                      contains a full barrier on every architecture with
 *                      persistent memory.)
 *  kmem_media_read()   reads with media errors reported instead of fatal.
 *  kmem_media_probe()  the same for a few words that are loaded right afterwards, one
 *                      by one and each as a whole, which a copy does not promise.
 *
 * Nothing else loads from the media. Where the architecture has no copy that survives a
 * machine check only what is known to be bad is left alone.
 */
#ifndef _DAX_KMEM_PERSIST_MEDIA_H
#define _DAX_KMEM_PERSIST_MEDIA_H

#include <linux/compiler.h>
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/libnvdimm.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/uaccess.h>

/**
 * struct kmem_media - what the five calls need to know about a region
 * @need_wb: CPU caches are lost on power failure, lines must be written back
 * @flush: the platform wants to be told when what left the CPU caches has to be on
 *	   the media (flush hints), NULL where that needs nothing; does not sleep
 * @flush_dev: argument of @flush
 * @is_bad: does this place have to be left alone because of a media error? NULL while
 *	    no error is known
 * @cached: bulk data is copied through the caches
 *
 * Embedded in &struct kmem_persist; a copy has no @is_bad. Constant while the device is
 * attached, but for @is_bad, which may come, and @cached, which may change.
 */
struct kmem_media {
	bool need_wb;
	int (*flush)(struct device *dev);
	struct device *flush_dev;
	bool (*is_bad)(const struct kmem_media *media, const void *src, size_t len);
	bool cached;
};

/**
 * kmem_media_copy - copy bulk data to the media
 * @media: the media
 * @dst: on the media
 * @src: source in memory
 * @len: bytes
 *
 * Durable after the next kmem_media_fence() on this CPU. Never sleeps.
 */
static inline void kmem_media_copy(const struct kmem_media *media, void *dst,
				   const void *src, size_t len)
{
	if (!READ_ONCE(media->cached)) {
		memcpy_flushcache(dst, src, len);
		return;
	}
	memcpy(dst, src, len);
	if (media->need_wb)
		arch_wb_cache_pmem(dst, len);
}

/**
 * kmem_media_copy_past - copy to the media what will be read back from there
 * @media: the media
 * @dst: on the media
 * @src: source in memory
 * @len: bytes
 *
 * Past the caches, whatever &kmem_media.cached says: what lies in a cache proves nothing
 * about the media. Where there is no way around the caches (arm64) only what the region
 * reports is seen by who reads it back. Durable after the next kmem_media_fence() on this
 * CPU. Never sleeps.
 */
static inline void kmem_media_copy_past(const struct kmem_media *media, void *dst,
					const void *src, size_t len)
{
	memcpy_flushcache(dst, src, len);
}

/**
 * kmem_media_store - store one word that becomes visible and durable as a whole
 * @media: the media
 * @dst: on the media, 8 byte aligned
 * @val: value in CPU order
 *
 * Not durable before kmem_media_wb() and kmem_media_fence(). Never sleeps.
 */
static inline void kmem_media_store(const struct kmem_media *media, __le64 *dst,
				    u64 val)
{
	const __le64 word = cpu_to_le64(val);

	WRITE_ONCE(*dst, word);
}

/**
 * kmem_media_wb - write cache lines back
 * @media: the media
 * @addr: on the media
 * @len: bytes
 *
 * Their content is durable after the next kmem_media_fence() on this CPU.
 * Never sleeps.
 */
static inline void kmem_media_wb(const struct kmem_media *media, void *addr,
				 size_t len)
{
	if (media->need_wb)
		arch_wb_cache_pmem(addr, len);
}

/**
 * kmem_media_fence - order and complete this CPU's copies and write backs
 * @media: the media
 *
 * Needed even where CPU caches are persistent. Never sleeps.
 */
static inline void kmem_media_fence(const struct kmem_media *media)
{
	pmem_wmb();
	if (unlikely(media->flush))
		media->flush(media->flush_dev);
}

/**
 * kmem_media_read - read from the media, machine-check safe where possible
 * @media: the media
 * @dst: in memory
 * @src: on the media
 * @len: bytes, all in one segment of the device
 *
 * Never sleeps. Return: 0, or -EIO if there is, or was, a media error.
 */
static inline int kmem_media_read(const struct kmem_media *media, void *dst,
				  const void *src, size_t len)
{
	const typeof(media->is_bad) is_bad = READ_ONCE(media->is_bad);

	if (unlikely(is_bad) && is_bad(media, src, len))
		return -EIO;
	return copy_mc_to_kernel(dst, src, len) ? -EIO : 0;
}

/* What is lost with one error at least: a cache line of any processor with such copies. */
#define KMEM_MEDIA_ERROR_BYTES	64U

/**
 * kmem_media_probe - can words be loaded?
 * @media: the media
 * @src: on the media, 8 byte aligned
 * @len: bytes, all in one page
 *
 * They are in the cache then, and have been read without an error.
 *
 * Never sleeps. Return: 0, or -EIO if there is, or was, a media error.
 */
static inline int kmem_media_probe(const struct kmem_media *media, const void *src,
				   size_t len)
{
	const typeof(media->is_bad) is_bad = READ_ONCE(media->is_bad);
	const void *end = src + len;
	u8 byte;

	if (unlikely(is_bad) && is_bad(media, src, len))
		return -EIO;
	for (; src < end;
	     src += KMEM_MEDIA_ERROR_BYTES - (unsigned long)src % KMEM_MEDIA_ERROR_BYTES)
		if (copy_mc_to_kernel(&byte, src, sizeof(byte)))
			return -EIO;
	return 0;
}

#endif /* _DAX_KMEM_PERSIST_MEDIA_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Takes the place of drivers/dax/persist/media.h (included first, with its
 * guard defined): every access to the media can be recorded, and is known by the
 * place in the source that made it.
 */
#ifndef _DAX_KMEM_PERSIST_MEDIA_H
#define _DAX_KMEM_PERSIST_MEDIA_H

#include <linux/compiler.h>
#include <linux/errno.h>
#include <string.h>

/* The last two are set by the tool, for files; nothing here calls them. */
struct device;

struct kmem_media {
	bool need_wb;
	int (*flush)(struct device *dev);
	struct device *flush_dev;
};

/**
 * struct media_site - an access in the code under test
 * @func: function
 * @line: line
 * @what: what it is
 * @off: a mutant: this one does nothing, or a read looks for no error; not for copies
 *	 and stores
 * @hits: how often it was passed
 * @next: list of all that were passed
 */
struct media_site {
	const char *func;
	int line;
	const char *what;
	bool off;
	unsigned long hits;
	struct media_site *next;
};

/**
 * struct media_ops - who listens; NULL: nobody, plain memory
 */
struct media_ops {
	void (*copy)(void *dst, const void *src, size_t len);
	void (*store)(__le64 *dst, u64 val);
	void (*wb)(struct media_site *site, void *addr, size_t len);
	void (*fence)(struct media_site *site);
	/* Before any copy or store, may be NULL. */
	void (*passed)(struct media_site *site);
	/* Returns nonzero for a media error. */
	int (*read)(void *dst, const void *src, size_t len);
};

extern const struct media_ops *media_ops;

static inline void media_copy(const struct kmem_media *media, void *dst,
			      const void *src, size_t len)
{
	WARN_ON_ONCE(((unsigned long)dst | len) & 7);
	if (media_ops && media_ops->copy)
		media_ops->copy(dst, src, len);
	else
		memcpy(dst, src, len);
}

static inline void media_store(const struct kmem_media *media, __le64 *dst, u64 val)
{
	WARN_ON_ONCE((unsigned long)dst & 7);
	if (media_ops && media_ops->store)
		media_ops->store(dst, val);
	else
		__atomic_store_n((u64 *)dst, val, __ATOMIC_RELEASE);
}

/* Reads and probes that were passed while somebody listened, of this program file. */
static struct media_site *media_reads __attribute__((__unused__));

static inline int media_read(struct media_site *site, const char *func, void *dst,
			     const void *src, size_t len)
{
	if (!site->hits++) {
		site->func = func;
		site->next = media_reads;
		media_reads = site;
	}
	if (!site->off)
		return media_ops->read(dst, src, len);
	/* A mutant: a load that nobody guards. */
	if (!strcmp(site->what, "read"))
		memcpy(dst, src, len);
	return 0;
}

#define kmem_media_read(_media, _dst, _src, _len) ({			\
	static struct media_site __site = { .what = "read",		\
					    .line = __LINE__ };		\
	int __err = 0;							\
	(void)(_media);							\
	if (media_ops && media_ops->read)				\
		__err = media_read(&__site, __func__, _dst, _src, _len); \
	else								\
		memcpy(_dst, _src, _len);				\
	__err;								\
})

#define kmem_media_probe(_media, _src, _len) ({				\
	static struct media_site __site = { .what = "probe",		\
					    .line = __LINE__ };		\
	u64 __words[512];						\
	(void)(_media);							\
	media_ops && media_ops->read ?					\
		media_read(&__site, __func__, __words, _src, _len) : 0;	\
})

#define media_passed(_what) do {						\
	static struct media_site __site = { .what = _what,		\
					    .line = __LINE__ };		\
	if (media_ops && media_ops->passed) {				\
		__site.func = __func__;					\
		media_ops->passed(&__site);				\
	}								\
} while (0)

#define kmem_media_copy(_media, _dst, _src, _len) do {			\
	media_passed("copy");						\
	media_copy(_media, _dst, _src, _len);				\
} while (0)

#define kmem_media_store(_media, _dst, _val) do {			\
	media_passed("store");						\
	media_store(_media, _dst, _val);				\
} while (0)

/* The simulated media has no caches for bulk data. */
#define kmem_media_copy_past(_media, _dst, _src, _len)			\
	kmem_media_copy(_media, _dst, _src, _len)

#define kmem_media_wb(_media, _addr, _len) do {				\
	static struct media_site __site = { .what = "write back",	\
					    .line = __LINE__ };		\
	(void)(_media);							\
	if (media_ops && media_ops->wb) {				\
		__site.func = __func__;					\
		media_ops->wb(&__site, _addr, _len);			\
	}								\
} while (0)

#define kmem_media_fence(_media) do {					\
	static struct media_site __site = { .what = "fence",		\
					    .line = __LINE__ };		\
	(void)(_media);							\
	if (media_ops && media_ops->fence) {				\
		__site.func = __func__;					\
		media_ops->fence(&__site);				\
	}								\
} while (0)

#endif

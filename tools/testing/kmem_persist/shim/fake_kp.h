/* SPDX-License-Identifier: GPL-2.0 */
/* The framework's side of a device, on memory from malloc(). */
#ifndef _FAKE_KP_H
#define _FAKE_KP_H

#include "media.h"
#include "../../../../drivers/dax/kmem_persist.h"

/* A test may have smaller ones: nothing that it has knows their size. */
#ifndef FAKE_PAGE
#define FAKE_PAGE	4096UL
#endif

/**
 * struct kmem_persist - a device
 * @mem: its memory
 * @nr_pages: its size
 * @used: a byte per page: claimed or allocated
 * @nr_used: how many are
 * @lock: protects @used and @nr_used, a pthread mutex
 * @media: as the framework has it
 * @scribble: overwrite what is freed: it is somebody's RAM now
 * @hint: where to look for a free page
 * @nr_errors: pages that could not be read, as nodes
 * @error: the last of them
 * @bad: the last of them, not to be written to when it is freed
 * @cleared: no page is bad any more; otherwise each is of which that is asked
 */
struct kmem_persist {
	u8 *mem;
	u64 nr_pages;
	u8 *used;
	u64 nr_used;
	void *lock;
	struct kmem_media media;
	bool scribble;
	u64 hint;
	u64 nr_errors;
	u64 error;
	u64 bad;
	bool cleared;
};

#define FAKE_GARBAGE	0xdeadbeefdeadbeefULL

struct kmem_persist *fake_kp_new(u64 nr_pages);
struct kmem_persist *fake_kp_over(u8 *mem, u64 nr_pages);
void fake_kp_forget(struct kmem_persist *kp);
void fake_kp_delete(struct kmem_persist *kp);

#endif

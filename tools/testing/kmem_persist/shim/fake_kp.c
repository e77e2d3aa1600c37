// SPDX-License-Identifier: GPL-2.0
/* The framework's side of a device, on memory from malloc(). */

#include "fake_kp.h"
#include <errno.h>
#include <pthread.h>

const struct media_ops *media_ops;

/**
 * fake_kp_over - a device over memory that exists
 * @mem: the memory, stays the caller's
 * @nr_pages: its size
 */
struct kmem_persist *fake_kp_over(u8 *mem, u64 nr_pages)
{
	struct kmem_persist *kp = calloc(1, sizeof(*kp));

	kp->mem = mem;
	kp->nr_pages = nr_pages;
	kp->used = calloc(nr_pages, 1);
	kp->lock = malloc(sizeof(pthread_mutex_t));
	pthread_mutex_init(kp->lock, NULL);
	kp->media.need_wb = true;
	kp->scribble = true;
	fake_kp_forget(kp);
	return kp;
}

/**
 * fake_kp_new - a device with memory of its own, full of garbage
 * @nr_pages: its size
 */
struct kmem_persist *fake_kp_new(u64 nr_pages)
{
	u64 *mem = aligned_alloc(FAKE_PAGE, nr_pages * FAKE_PAGE);

	for (u64 i = 0; i < nr_pages * FAKE_PAGE / 8; i++)
		mem[i] = FAKE_GARBAGE;
	return fake_kp_over((u8 *)mem, nr_pages);
}

/**
 * fake_kp_forget - forget what is in use, as before an attach
 * @kp: the device
 */
void fake_kp_forget(struct kmem_persist *kp)
{
	memset(kp->used, 0, kp->nr_pages);
	/* What is below belongs to the superblocks. */
	kp->nr_used = kp->nr_pages < KMEM_PERSIST_FIRST_PAGE ? kp->nr_pages :
							       KMEM_PERSIST_FIRST_PAGE;
	memset(kp->used, 1, kp->nr_used);
	kp->hint = 0;
}

/**
 * fake_kp_delete - end of a device, not of its memory
 * @kp: the device
 */
void fake_kp_delete(struct kmem_persist *kp)
{
	pthread_mutex_destroy(kp->lock);
	free(kp->lock);
	free(kp->used);
	free(kp);
}

u64 dax_kmem_num_pages(const struct kmem_persist *kp)
{
	return kp->nr_pages;
}

void *dax_kmem_index_to_kaddr(const struct kmem_persist *kp, u64 dpn)
{
	return dpn < kp->nr_pages ? kp->mem + dpn * FAKE_PAGE : NULL;
}

const struct kmem_media *kmem_persist_media(const struct kmem_persist *kp)
{
	return &kp->media;
}

bool dax_kmem_page_is_bad(const struct kmem_persist *kp, u64 dpn)
{
	return !kp->cleared;
}

int dax_kmem_claim_page(struct kmem_persist *kp, u64 dpn)
{
	if (dpn >= kp->nr_pages)
		return -ERANGE;
	if (kp->used[dpn])
		return -EEXIST;
	kp->used[dpn] = 1;
	kp->nr_used++;
	return 0;
}

unsigned int dax_kmem_claim_groups(struct kmem_persist *kp,
				   const struct kmem_page_group *groups,
				   unsigned int nr, bool shared)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		u8 *used = kp->used + groups[i].nr * KMEM_GROUP_PAGES;

		for (unsigned int j = 0; j < KMEM_GROUP_PAGES; j++)
			if (groups[i].pages >> j & 1 && used[j])
				return i;
		for (unsigned int j = 0; j < KMEM_GROUP_PAGES; j++)
			if (groups[i].pages >> j & 1)
				used[j] = 1;
		kp->nr_used += __builtin_popcountl(groups[i].pages);
	}
	return i;
}

unsigned int dax_kmem_alloc_pages(struct kmem_persist *kp, u64 *dpns,
				  unsigned int nr, unsigned int flags)
{
	unsigned int got = 0;

	pthread_mutex_lock(kp->lock);
	for (u64 i = 0; i < kp->nr_pages && got < nr; i++) {
		u64 dpn = kp->hint++ % kp->nr_pages;

		if (kp->used[dpn])
			continue;
		kp->used[dpn] = 1;
		dpns[got++] = dpn;
	}
	kp->nr_used += got;
	pthread_mutex_unlock(kp->lock);
	return got;
}

void *dax_kmem_alloc_kaddr(struct kmem_persist *kp, u64 *dpn, unsigned int flags)
{
	return dax_kmem_alloc_pages(kp, dpn, 1, flags) ? dax_kmem_index_to_kaddr(kp, *dpn) : NULL;
}

void dax_kmem_free_pages(struct kmem_persist *kp, const u64 *dpns,
			 unsigned int nr)
{
	pthread_mutex_lock(kp->lock);
	for (unsigned int i = 0; i < nr; i++) {
		/* A page that was not in use: freed twice, or not ours. */
		WARN_ON_ONCE(dpns[i] >= kp->nr_pages || !kp->used[dpns[i]]);
		WARN_ON_ONCE(dpns[i] < KMEM_PERSIST_FIRST_PAGE);
		kp->used[dpns[i]] = 0;
		kp->nr_used--;
		if (kp->scribble && dpns[i] != kp->bad) {
			u64 *words = (u64 *)(kp->mem + dpns[i] * FAKE_PAGE);

			for (unsigned int j = 0; j < FAKE_PAGE / 8; j++)
				words[j] = FAKE_GARBAGE;
		}
	}
	pthread_mutex_unlock(kp->lock);
}

void dax_kmem_count_error(struct kmem_persist *kp, u64 dpn)
{
	WARN_ON_ONCE(dpn >= kp->nr_pages);
	kp->nr_errors++;
	kp->error = dpn;
}

void dax_kmem_media_error(struct kmem_persist *kp, u64 dpn)
{
	dax_kmem_count_error(kp, dpn);
	kp->bad = dpn;
}

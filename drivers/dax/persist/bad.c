// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: pages with media errors
 *
 * A page is known to be bad because the region said so, when the device was bound or
 * since (a machine check, a scrub of the platform: region.c), because memory_failure() has
 * marked it (which is noticed when the page is handed out or lent, or its memory block goes
 * offline: pool.c), or because a read of it failed. From then on it is neither lent nor
 * handed out: while it holds data the plugin may keep it; once it does not, it stays out of
 * the pool, and can be cleared.
 *
 * Reads of a page that is known to be bad fail without touching it. So metadata
 * and data on it are handled in the same way as when the error is found by reading.
 */
#include <linux/bitmap.h>
#include <linux/container_of.h>
#include <linux/vmalloc.h>
#include "bad.h"
#include "inject.h"

/**
 * kmem_bad_next - the first bad page in a range
 * @segs: the device
 * @first_dpn: where the range begins
 * @end_dpn: where it ends
 *
 * Context: any. Return: the page; @end_dpn or more if there is none.
 */
u64 kmem_bad_next(const struct kmem_segments *segs, u64 first_dpn, u64 end_dpn)
{
	if (!kmem_bad_any(segs))
		return end_dpn;
	return find_next_bit(segs->bad, end_dpn, first_dpn);
}

/* &kmem_media.is_bad; there is one as soon as there is a bad page. */
static bool kmem_bad_read(const struct kmem_media *media, const void *src,
			  size_t len)
{
	const struct kmem_segments *segs = container_of(media, struct kmem_segments, media);
	unsigned int i;

	for (i = 0; i < segs->num_segments; i++) {
		const struct kmem_segment *seg = &segs->segments[i];
		const u64 first = (src - seg->kaddr) >> PAGE_SHIFT;
		const u64 last = (src + len - 1 - seg->kaddr) >> PAGE_SHIFT;
		const u64 end = seg->first_dpn + last + 1;

		if (!seg->kaddr || src < seg->kaddr || last >= seg->nr_pages)
			continue;
		return kmem_bad_next(segs, seg->first_dpn + first, end) < end ||
		       kmem_inject_is_poisoned(seg->phys + (first << PAGE_SHIFT));
	}
	return false;
}

/**
 * kmem_bad_note - know from now on that a page is bad
 * @segs: the device
 * @dpn: the page
 *
 * Who owns the page does not change: see pool.c.
 *
 * Context: any.
 */
void kmem_bad_note(struct kmem_segments *segs, u64 dpn)
{
	set_bit(dpn, segs->bad);
	/* Pairs with the acquire in kmem_bad_any(), which kmem_bad_read() asks, too. */
	smp_store_release(&segs->has_bad, true);
	WRITE_ONCE(segs->media.is_bad, kmem_bad_read);
}

/**
 * kmem_bad_init - nothing is known to be bad yet
 * @segs: the device, that nobody else knows yet; kmem_bad_exit() has to follow, whatever
 *	  this returns
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int kmem_bad_init(struct kmem_segments *segs)
{
	segs->bad = vzalloc(BITS_TO_LONGS(segs->nr_pages) * sizeof(long));
	if (!segs->bad)
		return -ENOMEM;
	if (kmem_inject_enabled())
		segs->media.is_bad = kmem_bad_read;
	return 0;
}

/**
 * kmem_bad_exit - counterpart of kmem_bad_init(), even if it failed
 * @segs: the device
 *
 * Context: sleeps.
 */
void kmem_bad_exit(struct kmem_segments *segs)
{
	vfree(segs->bad);
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages that are known to be bad: bad.c
 */
#ifndef _DAX_KMEM_PERSIST_BAD_H
#define _DAX_KMEM_PERSIST_BAD_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <asm/barrier.h>
#include "segments.h"

/**
 * kmem_bad_any - is any page known to be bad?
 * @segs: the device
 *
 * Context: any.
 */
static inline bool kmem_bad_any(const struct kmem_segments *segs)
{
	/* Who sees that there is one sees which: pairs with kmem_bad_note(). */
	return unlikely(smp_load_acquire(&segs->has_bad));
}

/**
 * kmem_bad_is - is a page known to be bad?
 * @segs: the device
 * @dpn: the page
 *
 * Context: any.
 */
static inline bool kmem_bad_is(const struct kmem_segments *segs, u64 dpn)
{
	return kmem_bad_any(segs) && test_bit(dpn, segs->bad);
}

u64 kmem_bad_next(const struct kmem_segments *segs, u64 first_dpn, u64 end_dpn);
void kmem_bad_note(struct kmem_segments *segs, u64 dpn);
int kmem_bad_init(struct kmem_segments *segs);
void kmem_bad_exit(struct kmem_segments *segs);

#endif /* _DAX_KMEM_PERSIST_BAD_H */

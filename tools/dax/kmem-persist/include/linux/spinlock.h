/* SPDX-License-Identifier: GPL-2.0 */
/* Locks for a program with one thread. */
#ifndef _TOOL_LINUX_SPINLOCK_H
#define _TOOL_LINUX_SPINLOCK_H

#include <linux/cleanup.h>
#include <linux/compiler.h>

typedef struct {
	int locked;
} spinlock_t;

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->locked = 0;
}

#define lockdep_is_held(lock)	((lock)->locked)

typedef spinlock_t *class_spinlock_t;

static inline spinlock_t *class_spinlock_ctor(spinlock_t *lock)
{
	WARN_ON_ONCE(lock->locked);
	lock->locked = 1;
	return lock;
}

static inline void class_spinlock_dtor(spinlock_t **lock)
{
	(*lock)->locked = 0;
}

#endif

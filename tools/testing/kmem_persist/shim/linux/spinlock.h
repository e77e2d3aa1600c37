/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_SPINLOCK_H
#define _SHIM_LINUX_SPINLOCK_H

#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <sched.h>

typedef struct {
	int locked;
} spinlock_t;

/*
 * Called instead of waiting where threads are simulated: returns when the holder
 * has gone on, or not at all.
 */
extern void (*shim_lock_contended)(const spinlock_t *lock);
/* Called when a lock was taken or given back: others may run here. */
extern void (*shim_lock_event)(const char *what);
/* A mutant: locks keep nobody out. */
extern bool shim_locks_off;
/* Locks held by the calling thread, to catch what sleeps under them. */
extern __thread int shim_locks_held;

static inline void spin_lock_init(spinlock_t *lock)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELAXED);
}

static inline void spin_lock(spinlock_t *lock)
{
	int free = 0;

	if (shim_locks_off) {
		__atomic_fetch_add(&lock->locked, 1, __ATOMIC_ACQUIRE);
	} else {
		while (!__atomic_compare_exchange_n(&lock->locked, &free, 1, false,
						    __ATOMIC_ACQUIRE,
						    __ATOMIC_RELAXED)) {
			free = 0;
			if (shim_lock_contended)
				shim_lock_contended(lock);
			sched_yield();
		}
	}
	shim_locks_held++;
	if (shim_lock_event)
		shim_lock_event("lock");
}

static inline void spin_unlock(spinlock_t *lock)
{
	shim_locks_held--;
	__atomic_fetch_sub(&lock->locked, 1, __ATOMIC_RELEASE);
	if (shim_lock_event)
		shim_lock_event("unlock");
}

#define lockdep_is_held(lock)	__atomic_load_n(&(lock)->locked, __ATOMIC_RELAXED)

typedef spinlock_t *class_spinlock_t;

static inline spinlock_t *class_spinlock_ctor(spinlock_t *lock)
{
	spin_lock(lock);
	return lock;
}

static inline void class_spinlock_dtor(spinlock_t **lock)
{
	spin_unlock(*lock);
}

#endif

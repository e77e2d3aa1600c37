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
 * Called instead of waiting where threads are simulated: the holder will not go
 * on before we return, so this must not return.
 */
extern void (*shim_lock_contended)(void);
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
	while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE) &&
	       !shim_locks_off) {
		if (shim_lock_contended)
			shim_lock_contended();
		sched_yield();
	}
	shim_locks_held++;
}

static inline void spin_unlock(spinlock_t *lock)
{
	shim_locks_held--;
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
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

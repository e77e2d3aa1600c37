// SPDX-License-Identifier: GPL-2.0
/* What the shim headers declare. */

#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <pthread.h>

void (*shim_lock_contended)(const spinlock_t *lock);
void (*shim_lock_event)(const char *what);
void (*shim_rcu_event)(const char *what);
bool shim_locks_off;
unsigned int shim_alloc_fail;
__thread int shim_locks_held;

#define SHIM_THREADS 64

/* Epoch a thread reads in, 0 outside of a read side critical section. */
static unsigned long shim_readers[SHIM_THREADS];
static unsigned long shim_epoch = 1;
static int shim_nr_threads;
static __thread int shim_thread = -1;
__thread int shim_rcu_nesting;

void rcu_read_lock(void)
{
	if (!shim_rcu_nesting && shim_rcu_event)
		shim_rcu_event("begins to read");
	if (shim_rcu_nesting++)
		return;
	if (shim_thread < 0)
		shim_thread = __atomic_fetch_add(&shim_nr_threads, 1,
						 __ATOMIC_SEQ_CST);
	if (shim_thread >= SHIM_THREADS)
		abort();
	__atomic_store_n(&shim_readers[shim_thread],
			 __atomic_load_n(&shim_epoch, __ATOMIC_SEQ_CST),
			 __ATOMIC_SEQ_CST);
}

void rcu_read_unlock(void)
{
	if (!--shim_rcu_nesting)
		__atomic_store_n(&shim_readers[shim_thread], 0, __ATOMIC_SEQ_CST);
}

void synchronize_rcu(void)
{
	unsigned long epoch = __atomic_add_fetch(&shim_epoch, 1, __ATOMIC_SEQ_CST);

	WARN_ON_ONCE(shim_locks_held || shim_rcu_nesting);
	for (int i = 0; i < SHIM_THREADS; i++) {
		for (;;) {
			unsigned long reader;

			reader = __atomic_load_n(&shim_readers[i],
						 __ATOMIC_SEQ_CST);
			if (!reader || reader >= epoch)
				break;
			sched_yield();
		}
	}
}

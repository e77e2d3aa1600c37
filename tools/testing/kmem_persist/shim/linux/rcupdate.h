/* SPDX-License-Identifier: GPL-2.0 */
/* RCU for a test: a reader publishes the epoch it runs in, an updater waits. */
#ifndef _SHIM_LINUX_RCUPDATE_H
#define _SHIM_LINUX_RCUPDATE_H

#include <linux/cleanup.h>
#include <linux/compiler.h>

void rcu_read_lock(void);
void rcu_read_unlock(void);
void synchronize_rcu(void);

/* Read side critical sections that the calling thread is in. */
extern __thread int shim_rcu_nesting;
/* Called before the first of them: others may run here. */
extern void (*shim_rcu_event)(const char *what);

#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_dereference(p)		__atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define rcu_dereference_protected(p, c)	(WARN_ON_ONCE(!(c)), (p))
#define rcu_assign_pointer(p, v)	__atomic_store_n(&(p), v, __ATOMIC_RELEASE)

typedef int class_rcu_t;

static inline int class_rcu_ctor(void)
{
	rcu_read_lock();
	return 0;
}

static inline void class_rcu_dtor(int *unused)
{
	rcu_read_unlock();
}

#endif

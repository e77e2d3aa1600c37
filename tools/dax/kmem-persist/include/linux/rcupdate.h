/* SPDX-License-Identifier: GPL-2.0 */
/* RCU for a program with one thread. */
#ifndef _TOOL_LINUX_RCUPDATE_H
#define _TOOL_LINUX_RCUPDATE_H

#include <linux/cleanup.h>
#include <linux/compiler.h>

#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_dereference(p)		READ_ONCE(p)
#define rcu_dereference_protected(p, c)	(WARN_ON_ONCE(!(c)), (p))
#define rcu_assign_pointer(p, v)	WRITE_ONCE(p, v)

typedef int class_rcu_t;

static inline int class_rcu_ctor(void)
{
	return 0;
}

static inline void class_rcu_dtor(int *unused)
{
	(void)unused;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_SCHED_H
#define _SHIM_LINUX_SCHED_H

#include <linux/spinlock.h>

static inline int cond_resched(void)
{
	WARN_ON_ONCE(shim_locks_held);
	return 0;
}

#endif

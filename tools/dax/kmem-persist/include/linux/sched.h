/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TOOL_LINUX_SCHED_H
#define _TOOL_LINUX_SCHED_H

static inline int cond_resched(void)
{
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Kernel types in userspace, on top of the uapi header of the same name. */
#ifndef _TOOL_LINUX_TYPES_H
#define _TOOL_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
/* As in the kernel, so that formats agree. */
typedef unsigned long long u64;
typedef long long s64;
typedef unsigned int gfp_t;

struct list_head {
	struct list_head *next, *prev;
};

#endif

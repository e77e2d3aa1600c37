/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TOOL_LINUX_BITS_H
#define _TOOL_LINUX_BITS_H

#include <linux/compiler.h>

#define BITS_PER_LONG	(8 * __SIZEOF_LONG__)
#define BIT(n)		(1UL << (n))
#define BIT_ULL(n)	(1ULL << (n))

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TOOL_LINUX_BITOPS_H
#define _TOOL_LINUX_BITOPS_H

#include <linux/bits.h>

#define hweight32(w)	((unsigned int)__builtin_popcount(w))
#define hweight64(w)	((unsigned int)__builtin_popcountll(w))

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TOOL_LINUX_MINMAX_H
#define _TOOL_LINUX_MINMAX_H

#define min(a, b) ({ typeof(a) __a = (a); typeof(b) __b = (b); \
		     __a < __b ? __a : __b; })
#define max(a, b) ({ typeof(a) __a = (a); typeof(b) __b = (b); \
		     __a > __b ? __a : __b; })
#define swap(a, b) do { typeof(a) __a = (a); (a) = (b); (b) = __a; } while (0)

#endif

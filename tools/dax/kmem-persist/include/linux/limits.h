/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TOOL_LINUX_LIMITS_H
#define _TOOL_LINUX_LIMITS_H

#include <limits.h>
#include_next <linux/limits.h>

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_STRING_H
#define _SHIM_LINUX_STRING_H

#include_next <linux/string.h>
#include <linux/ctype.h>

static inline char *skip_spaces(const char *s)
{
	while (shim_isspace(*s))
		s++;
	return (char *)s;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_STRING_H
#define _LINUX_STRING_H

#include <string.h>

/* The first byte that is not @c, NULL if there is none. */
static inline void *memchr_inv(const void *p, int c, size_t size)
{
	const unsigned char *bytes = p;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (unsigned char)c)
			return (void *)(bytes + i);
	return NULL;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TOOL_LINUX_UACCESS_H
#define _TOOL_LINUX_UACCESS_H

#include <errno.h>
#include <stddef.h>

/* Survives a media error. In image.c. Returns the bytes that are missing. */
unsigned long copy_mc_to_kernel(void *dst, const void *src, size_t len);

#endif

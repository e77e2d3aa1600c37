/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TOOL_LINUX_CRC32_H
#define _TOOL_LINUX_CRC32_H

#include <linux/types.h>

u32 crc32c(u32 crc, const void *p, size_t len);

#endif

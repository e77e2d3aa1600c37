/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_HEX_H
#define _SHIM_LINUX_HEX_H

#include <linux/uuid.h>

static inline int hex2bin(u8 *dst, const char *src, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (shim_hex(src[2 * i]) < 0 || shim_hex(src[2 * i + 1]) < 0)
			return -EINVAL;
		dst[i] = shim_hex(src[2 * i]) << 4 | shim_hex(src[2 * i + 1]);
	}
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The checksum of the format for programs that share no code with the kernel: started with
 * what the caller says, not inverted. tools/dax/kmem-persist/crc32c.c is what all else
 * uses; fuzz/ref.c has one of its own, as it must share nothing with what it is compared to,
 * and bench/kernel.c has the kernel's instructions, which are what is measured.
 */
#ifndef _KMEM_PERSIST_GUEST_CRC32C_H
#define _KMEM_PERSIST_GUEST_CRC32C_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

#endif /* _KMEM_PERSIST_GUEST_CRC32C_H */

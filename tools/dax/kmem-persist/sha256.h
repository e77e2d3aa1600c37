/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SHA-256 (FIPS 180-4) of what is in memory
 */
#ifndef _KMEM_PERSIST_SHA256_H
#define _KMEM_PERSIST_SHA256_H

#include <linux/types.h>
#include <stddef.h>

#define SHA256_LEN	32

void sha256(const void *data, size_t len, u8 *hash);

#endif /* _KMEM_PERSIST_SHA256_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * SHA-256 (FIPS 180-4) of what is in memory
 */
#include <string.h>
#include <linux/compiler.h>
#include "sha256.h"

#define BLOCK	64

/* The cube roots of the first primes. */
static const u32 sha256_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static u32 sha256_ror(u32 val, unsigned int by)
{
	return val >> by | val << (32 - by);
}

static void sha256_block(u32 *h, const u8 *p)
{
	u32 w[64], v[8];

	for (unsigned int i = 0; i < 16; i++, p += 4)
		w[i] = (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
	for (unsigned int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (sha256_ror(w[i - 15], 7) ^ sha256_ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (sha256_ror(w[i - 2], 17) ^ sha256_ror(w[i - 2], 19) ^ w[i - 2] >> 10);

	memcpy(v, h, sizeof(v));
	for (unsigned int i = 0; i < 64; i++) {
		u32 a = v[0], e = v[4], one, two;

		one = v[7] + (sha256_ror(e, 6) ^ sha256_ror(e, 11) ^ sha256_ror(e, 25)) +
		      ((e & v[5]) ^ (~e & v[6])) + sha256_k[i] + w[i];
		two = (sha256_ror(a, 2) ^ sha256_ror(a, 13) ^ sha256_ror(a, 22)) +
		      ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof(*v));
		v[4] += one;
		v[0] = one + two;
	}
	for (unsigned int i = 0; i < 8; i++)
		h[i] += v[i];
}

/**
 * sha256 - hash what is in memory
 * @data: what
 * @len: its length in bytes
 * @hash: filled, SHA256_LEN bytes
 */
void sha256(const void *data, size_t len, u8 *hash)
{
	u32 h[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};
	const u64 bits = (u64)len * 8;
	u8 last[2 * BLOCK] = {};
	const u8 *p = data;
	size_t end;

	for (; len >= BLOCK; p += BLOCK, len -= BLOCK)
		sha256_block(h, p);
	memcpy(last, p, len);
	last[len] = 0x80;
	end = len + 1 + sizeof(bits) <= BLOCK ? BLOCK : 2 * BLOCK;
	for (unsigned int i = 0; i < sizeof(bits); i++)
		last[end - 1 - i] = bits >> 8 * i;
	for (size_t at = 0; at < end; at += BLOCK)
		sha256_block(h, last + at);
	for (unsigned int i = 0; i < SHA256_LEN; i++)
		hash[i] = h[i / 4] >> (24 - 8 * (i % 4));
}

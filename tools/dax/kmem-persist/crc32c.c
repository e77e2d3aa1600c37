// SPDX-License-Identifier: GPL-2.0
/*
 * crc32c as the kernel has it: started with what the caller says, not inverted
 */
#include <linux/crc32.h>
#include <string.h>

static u32 crc32c_table[256];

static void __attribute__((constructor)) crc32c_init(void)
{
	for (u32 i = 0; i < 256; i++) {
		u32 crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
		crc32c_table[i] = crc;
	}
}

static u32 crc32c_bytes(u32 crc, const u8 *byte, size_t len)
{
	while (len--)
		crc = crc32c_table[(crc ^ *byte++) & 0xff] ^ crc >> 8;
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2")))
static u32 crc32c_words(u32 crc, const u8 *byte, size_t len)
{
	for (; len >= 8; len -= 8, byte += 8) {
		u64 word;

		memcpy(&word, byte, 8);
		crc = __builtin_ia32_crc32di(crc, word);
	}
	return crc32c_bytes(crc, byte, len);
}

static bool crc32c_has_words(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#else
static u32 crc32c_words(u32 crc, const u8 *byte, size_t len)
{
	return crc32c_bytes(crc, byte, len);
}

static bool crc32c_has_words(void)
{
	return false;
}
#endif

/**
 * crc32c - the checksum of the format
 * @crc: what to start with
 * @p: data
 * @len: its length
 *
 * Return: the checksum, not inverted.
 */
u32 crc32c(u32 crc, const void *p, size_t len)
{
	/* The instruction is there or it is not: the table is as good, and slower. */
	return crc32c_has_words() ? crc32c_words(crc, p, len) :
				    crc32c_bytes(crc, p, len);
}

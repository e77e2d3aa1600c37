/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text that people give names with: UTF-8 without control characters. Also for programs
 * that look at devices offline.
 */
#ifndef _DAX_PERSIST_UTF8_H
#define _DAX_PERSIST_UTF8_H

#include <linux/string.h>
#include <linux/types.h>

/**
 * dax_persist_utf8_len - how much of a text is UTF-8 without control characters?
 * @s: text; a NUL is a control character
 * @len: bytes
 *
 * Overlong forms, surrogates and what is above U+10FFFF are no UTF-8.
 *
 * Context: any. Return: the number of bytes before the first that is not, or @len.
 */
static inline size_t dax_persist_utf8_len(const u8 *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		unsigned int more = s[i] < 0x80 ? 0 : s[i] < 0xe0 ? 1 :
				    s[i] < 0xf0 ? 2 : 3;
		u32 c = s[i] & (more ? 0x3f >> more : 0x7f);

		if ((s[i] >= 0x80 && s[i] < 0xc2) || s[i] > 0xf4 || len - i <= more)
			return i;
		for (unsigned int j = 1; j <= more; j++) {
			if ((s[i + j] & 0xc0) != 0x80)
				return i;
			c = c << 6 | (s[i + j] & 0x3f);
		}
		if (c < 0x20 || (c >= 0x7f && c < 0xa0) ||
		    (more == 2 && c < 0x800) || (more == 3 && c < 0x10000) ||
		    (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
			return i;
		i += more + 1;
	}
	return i;
}

/**
 * dax_persist_label_valid - is a field a label, as dax_persist_label_parse() makes it?
 * @label: the field; it may be empty
 * @size: its bytes
 *
 * It becomes the name of a link, so that there are neither blanks nor slashes.
 *
 * Context: any.
 */
static inline bool dax_persist_label_valid(const u8 *label, size_t size)
{
	const size_t len = strnlen((const char *)label, size);

	return len < size && !memchr_inv(label + len, 0, size - len) &&
	       dax_persist_utf8_len(label, len) == len &&
	       !memchr(label, ' ', len) && !memchr(label, '/', len);
}

#endif /* _DAX_PERSIST_UTF8_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_UUID_H
#define _SHIM_LINUX_UUID_H

#include <errno.h>
#include <linux/types.h>
#include <string.h>

#define UUID_SIZE	16
#define UUID_STRING_LEN	36

typedef struct {
	__u8 b[16];
} uuid_t;

static inline bool uuid_is_null(const uuid_t *uuid)
{
	static const uuid_t null;

	return !memcmp(uuid, &null, sizeof(null));
}

static inline bool uuid_equal(const uuid_t *a, const uuid_t *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static inline void import_uuid(uuid_t *dst, const __u8 *src)
{
	memcpy(dst, src, sizeof(*dst));
}

static inline void export_uuid(__u8 *dst, const uuid_t *src)
{
	memcpy(dst, src, sizeof(*src));
}

static inline int shim_hex(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* As lib/uuid.c: nothing is changed unless all of it is one. */
static inline int uuid_parse(const char *s, uuid_t *uuid)
{
	uuid_t new = {};
	unsigned int nr = 0;

	for (unsigned int i = 0; i < UUID_STRING_LEN; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s[i] != '-')
				return -EINVAL;
			continue;
		}
		if (shim_hex(s[i]) < 0)
			return -EINVAL;
		new.b[nr / 2] |= shim_hex(s[i]) << (nr & 1 ? 0 : 4);
		nr++;
	}
	*uuid = new;
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_SYSFS_H
#define _SHIM_LINUX_SYSFS_H

#include <linux/compiler.h>
#include <linux/uuid.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	4096UL

/* With %pUb, and what follows it: a text, or :%*phN. Nothing else of the kernel's own. */
static inline int __printf(3, 0)
shim_emit(char *buf, int at, const char *fmt, va_list args)
{
	const char *pub = strstr(fmt, "%pUb");
	const uuid_t *uuid;
	int len = at;

	if (!pub)
		return vsnprintf(buf + at, PAGE_SIZE - at, fmt, args);
	len += snprintf(buf + len, PAGE_SIZE - len, "%.*s", (int)(pub - fmt), fmt);
	uuid = va_arg(args, const uuid_t *);
	for (unsigned int i = 0; i < 16; i++)
		len += snprintf(buf + len, PAGE_SIZE - len, "%s%02x",
				i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
				uuid->b[i]);
	pub += 4;
	if (!strncmp(pub, ":%*phN", 6)) {
		const int nr = va_arg(args, int);
		const __u8 *bytes = va_arg(args, const __u8 *);

		len += snprintf(buf + len, PAGE_SIZE - len, ":");
		for (int i = 0; i < nr; i++)
			len += snprintf(buf + len, PAGE_SIZE - len, "%02x", bytes[i]);
		pub += 6;
	}
	len += snprintf(buf + len, PAGE_SIZE - len, "%s", pub);
	return len - at;
}

static inline int sysfs_emit_at(char *buf, int at, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = shim_emit(buf, at, fmt, args);
	va_end(args);
	return len;
}

#define sysfs_emit(buf, ...)	sysfs_emit_at(buf, 0, __VA_ARGS__)

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_KSTRTOX_H
#define _SHIM_LINUX_KSTRTOX_H

#include <errno.h>
#include <limits.h>
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

/* As lib/kstrtox.c. */
static inline const char *shim_radix(const char *s, unsigned int *base)
{
	const bool hex = s[0] == '0' && (s[1] | 0x20) == 'x';
	const char c = hex ? s[2] | 0x20 : 0;

	if (!*base)
		*base = s[0] != '0' ? 10 : (c >= '0' && c <= '9') ||
				      (c >= 'a' && c <= 'f') ? 16 : 8;
	return *base == 16 && hex ? s + 2 : s;
}

static inline int kstrtoull(const char *s, unsigned int base, unsigned long long *res)
{
	unsigned __int128 val = 0;
	bool any = false, over = false;

	if (*s == '+')
		s++;
	s = shim_radix(s, &base);
	for (;; s++) {
		const unsigned char c = *s, lower = c | 0x20;
		const unsigned int digit = c >= '0' && c <= '9' ? c - '0' :
					   lower >= 'a' && lower <= 'f' ?
					   lower - 'a' + 10 : 16;

		if (digit >= base)
			break;
		any = true;
		val = val * base + digit;
		over |= val > ULLONG_MAX;
		if (over)
			val = 0;
	}
	if (over)
		return -ERANGE;
	if (!any)
		return -EINVAL;
	if (*s == '\n')
		s++;
	if (*s)
		return -EINVAL;
	*res = val;
	return 0;
}

static inline int kstrtoint(const char *s, unsigned int base, int *res)
{
	const bool minus = *s == '-';
	unsigned long long val;
	int rc;

	/* After a minus there is no plus. */
	rc = minus && s[1] == '+' ? -EINVAL : kstrtoull(s + minus, base, &val);
	if (rc)
		return rc;
	if (val > (minus ? (unsigned long long)INT_MAX + 1 : INT_MAX))
		return -ERANGE;
	*res = minus ? -(long long)val : (long long)val;
	return 0;
}

/* As lib/cmdline.c, for what begins with a digit. */
static inline unsigned long long memparse(const char *s, char **end)
{
	static const char units[] = "kmgtpe";
	unsigned long long val = strtoull(s, end, 0);
	const char *unit = **end ? strchr(units, **end | 0x20) : NULL;

	if (!unit)
		return val;
	(*end)++;
	return val << 10 * (unit - units + 1);
}

#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * How the program ends, and numbers that people type
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "out.h"
#include "util.h"

static int die_status;

/**
 * die_always_with - whatever is wrong, die() ends with that
 * @status: exit status, for who takes others for an answer; 0: with what it is told
 */
void die_always_with(int status)
{
	die_status = status;
}

/**
 * die - end with one line that says why
 * @status: exit status
 * @fmt: the line
 */
void die(int status, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	status = die_status ?: status;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	progress(0, 0);
	out_fail(status, text);
	fflush(stdout);
	fprintf(stderr, "kmem-persist: %s\n", text);
	exit(status);
}

/**
 * need_memory - what an allocation returned
 * @p: that
 *
 * Return: @p, which is not NULL.
 */
void *need_memory(void *p)
{
	if (!p)
		die(EXIT_OPERATIONAL, "out of memory");
	return p;
}

/**
 * parse_u64 - a number, decimal or 0x
 * @s: text
 * @val: filled
 *
 * Return: whether it was one.
 */
bool parse_u64(const char *s, u64 *val)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*val = strtoull(s, &end, strncasecmp(s, "0x", 2) ? 10 : 16);
	return !errno && !*end;
}

/**
 * parse_bytes - a size: a number with K, M, G, T or nothing behind it
 * @s: text
 * @val: filled
 *
 * Return: whether it was one.
 */
bool parse_bytes(const char *s, u64 *val)
{
	static const char units[] = "KMGT";
	size_t len = strlen(s);
	const char *unit;
	char number[32];
	u64 shift = 0;

	if (!len || len >= sizeof(number))
		return false;
	unit = strchr(units, toupper((unsigned char)s[len - 1]));
	if (unit) {
		shift = 10 * (unit - units + 1);
		len--;
	}
	memcpy(number, s, len);
	number[len] = '\0';
	if (!parse_u64(number, val) || *val > ~0ULL >> shift)
		return false;
	*val <<= shift;
	return true;
}

/**
 * parse_uuid - a UUID as it is usually written
 * @s: text
 * @uuid: filled, 16 bytes
 *
 * Return: whether it was one.
 */
bool parse_uuid(const char *s, u8 *uuid)
{
	static const u8 dashes[] = { 8, 13, 18, 23 };
	unsigned int dash = 0, nr = 0;

	for (unsigned int i = 0; i < 36; i++) {
		char digit[2] = { s[i], '\0' };

		if (dash < sizeof(dashes) && i == dashes[dash]) {
			if (s[i] != '-')
				return false;
			dash++;
			continue;
		}
		if (!isxdigit((unsigned char)s[i]))
			return false;
		uuid[nr / 2] = uuid[nr / 2] << 4 | strtoul(digit, NULL, 16);
		nr++;
	}
	return !s[36];
}

/**
 * text_hex - bytes as digits
 * @text: filled, with a NUL behind it
 * @bytes: the bytes
 * @size: how many
 *
 * Return: length of the text.
 */
size_t text_hex(char *text, const u8 *bytes, size_t size)
{
	*text = '\0';
	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return 2 * size;
}

/**
 * text_uuid - a UUID as it is usually written
 * @text: filled, 37 bytes
 * @uuid: 16 bytes
 *
 * Return: length of the text.
 */
size_t text_uuid(char *text, const u8 *uuid)
{
	char *p = text;

	for (unsigned int i = 0; i < 16; i++)
		p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ?
			     "-" : "", uuid[i]);
	return p - text;
}

/**
 * text_bytes - a size as people read it
 * @text: filled, 16 bytes
 * @val: bytes
 *
 * Return: @text.
 */
char *text_bytes(char *text, u64 val)
{
	static const char units[] = "KMGTPE";
	double scaled = val / 1024.0;
	unsigned int unit = 0;

	if (val < 1024) {
		sprintf(text, "%llu", val);
		return text;
	}
	while (scaled >= 1024 && units[unit + 1]) {
		scaled /= 1024;
		unit++;
	}
	sprintf(text, "%.4g %ciB", scaled, units[unit]);
	return text;
}

/**
 * text_printable - a text that somebody else has chosen, for a terminal
 * @text: changed: what is not printable becomes a question mark
 *
 * Return: @text.
 */
char *text_printable(char *text)
{
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return text;
}

/**
 * warn - a line that says what is not as it should be; the program goes on
 * @fmt: the line
 */
void warn(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs("kmem-persist: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * What the program says: text for people or JSON for programs, from the same calls
 *
 * JSON: an object for the program, in it objects, lists and values. Words of 64
 * bits that are no quantities are strings in hex: not every reader of JSON has
 * integers of that size.
 *
 * Text: a value a line, its name before it, indented by the depth.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "out.h"
#include "persist/utf8.h"
#include "util.h"

#define OUT_DEPTH	16

static bool out_json;
static bool out_secrets;
static unsigned int out_level;
static bool out_is_list[OUT_DEPTH];
static bool out_any[OUT_DEPTH];

/**
 * out_init - begin
 * @json: JSON is wanted
 */
void out_init(bool json)
{
	out_json = json;
	out_secrets = false;
	out_level = 0;
	out_any[0] = false;
	if (json)
		putchar('{');
}

/**
 * out_is_json - is JSON wanted?
 *
 * Return: whether it is.
 */
bool out_is_json(void)
{
	return out_json;
}

/* Names of files can be anything; a string is UTF-8. */
static void out_quoted(const char *s, size_t len)
{
	size_t good = 0;

	putchar('"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = s[i];

		if (i >= good)
			good = i + dax_persist_utf8_len((const u8 *)s + i, len - i);
		if (c < 0x20)
			printf("\\u%04x", c);
		else if (i >= good)
			putchar('?');
		else if (c == '"' || c == '\\')
			printf("\\%c", c);
		else
			putchar(c);
	}
	putchar('"');
}

/* What comes before each value. */
static void out_key(const char *key)
{
	if (out_json) {
		printf(out_any[out_level] ? ",\n" : "\n");
		out_any[out_level] = true;
		printf("%*s", (int)out_level + 1, "");
		if (!out_is_list[out_level]) {
			out_quoted(key, strlen(key));
			putchar(':');
		}
	} else {
		printf("%*s%-18s ", (int)out_level * 2, "", key);
	}
}

static void out_enter(const char *key, bool list)
{
	if (out_json) {
		out_key(key);
		putchar(list ? '[' : '{');
	} else if (key) {
		printf("%*s%s\n", (int)out_level * 2, "", key);
	}
	out_level++;
	out_is_list[out_level] = list;
	out_any[out_level] = false;
}

/**
 * out_open - begin an object
 * @key: its name, NULL in a list
 */
void out_open(const char *key)
{
	out_enter(key, false);
}

/**
 * out_list - begin a list
 * @key: its name
 */
void out_list(const char *key)
{
	out_enter(key, true);
}

/**
 * out_close - end an object or a list
 */
void out_close(void)
{
	if (out_json)
		printf("%s", out_is_list[out_level] ? "]" : "}");
	out_level--;
}

/**
 * out_end - end of all
 */
void out_end(void)
{
	while (out_level)
		out_close();
	if (out_json)
		printf("\n}\n");
}

/**
 * out_fail - the program ends before its time
 * @status: exit status
 * @text: why
 */
void out_fail(int status, const char *text)
{
	if (!out_json)
		return;
	while (out_level)
		out_close();
	out_str("error", "%s", text);
	out_u64("status", status);
	out_end();
}

/**
 * out_str - a text
 * @key: its name
 * @fmt: the text
 */
void out_str(const char *key, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	out_key(key);
	if (out_json)
		out_quoted(text, strlen(text));
	else
		printf("%s\n", text);
}

/**
 * out_text - a text from the media, UTF-8
 * @key: its name
 * @text: the text
 * @len: its length
 */
void out_text(const char *key, const u8 *text, size_t len)
{
	out_key(key);
	out_quoted((const char *)text, len);
	if (!out_json)
		putchar('\n');
}

/**
 * out_u64 - a number
 * @key: its name
 * @val: the number
 */
void out_u64(const char *key, u64 val)
{
	out_key(key);
	printf("%llu", val);
	if (!out_json)
		putchar('\n');
}

/**
 * out_null - a value that is not known
 * @key: its name
 * @text: what people read
 */
void out_null(const char *key, const char *text)
{
	out_key(key);
	if (out_json)
		printf("null");
	else
		printf("%s\n", text);
}

/**
 * out_hex - a word in hex
 * @key: its name
 * @val: the word
 */
void out_hex(const char *key, u64 val)
{
	out_key(key);
	printf(out_json ? "\"0x%llx\"" : "0x%llx\n", val);
}

/**
 * out_bool - yes or no
 * @key: its name
 * @val: the value
 */
void out_bool(const char *key, bool val)
{
	out_key(key);
	if (out_json)
		printf("%s", val ? "true" : "false");
	else
		printf("%s\n", val ? "yes" : "no");
}

/**
 * out_bytes - a size
 * @key: its name
 * @val: bytes
 */
void out_bytes(const char *key, u64 val)
{
	char text[16];

	if (out_json || val < 1024) {
		out_u64(key, val);
		return;
	}
	out_key(key);
	printf("%llu (%s)\n", val, text_bytes(text, val));
}

/**
 * out_time - a time
 * @key: its name
 * @val: seconds since the epoch, 0 for never
 */
void out_time(const char *key, u64 val)
{
	time_t t = val;
	struct tm tm;
	char text[64];

	if (out_json || !val || t < 0 || !gmtime_r(&t, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm)) {
		out_u64(key, val);
		return;
	}
	out_key(key);
	printf("%llu (%s)\n", val, text);
}

/**
 * out_uuid - a UUID
 * @key: its name
 * @uuid: 16 bytes
 */
void out_uuid(const char *key, const u8 *uuid)
{
	char text[37];

	text_uuid(text, uuid);
	out_str(key, "%s", text);
}

/**
 * out_show_secrets - from now on secrets are shown
 */
void out_show_secrets(void)
{
	out_secrets = true;
}

/**
 * out_shows_secrets - are they?
 *
 * Return: whether they are shown.
 */
bool out_shows_secrets(void)
{
	return out_secrets;
}

/**
 * out_secret - a value that is for who asks for it only
 * @key: its name
 * @bytes: the value
 * @size: of it, 32 at most
 */
void out_secret(const char *key, const u8 *bytes, size_t size)
{
	char text[2 * 32 + 1];

	if (!out_secrets) {
		out_null(key, "secret; --secrets shows it");
		return;
	}
	text_hex(text, bytes, size);
	out_str(key, "%s", text);
}

/**
 * say - a line for people
 * @fmt: the line; not shown where JSON is wanted
 */
void say(const char *fmt, ...)
{
	va_list args;

	if (out_json)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/**
 * progress - how far it is, for who waits at a terminal
 * @done: so much is done
 * @all: of so much; 0 to remove the line
 *
 * Silent in the first second.
 */
void progress(u64 done, u64 all)
{
	static struct timespec last;
	static bool shown;
	static int tty = -1;
	struct timespec now;

	if (tty < 0)
		tty = isatty(STDERR_FILENO);
	if (!tty)
		return;
	if (!all) {
		if (shown)
			fputs("\r     \r", stderr);
		shown = false;
		last = (struct timespec) {};
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!last.tv_sec)
		last = now;
	if (now.tv_sec == last.tv_sec)
		return;
	last = now;
	shown = true;
	fprintf(stderr, "\r%3u %%", (unsigned int)((double)done * 100 / all));
}

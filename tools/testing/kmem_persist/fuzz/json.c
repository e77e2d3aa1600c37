// SPDX-License-Identifier: GPL-2.0
/* Is that JSON? By RFC 8259, numbers without fractions, strings of UTF-8. */
#include "run_tool.h"

static bool json_value(struct json *j, const char **p, const char *end);

static void json_blanks(const char **p, const char *end)
{
	while (*p < end && **p && strchr(" \t\n\r", **p))
		(*p)++;
}

static bool json_char(const char **p, const char *end, char c)
{
	json_blanks(p, end);
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

static bool json_word(const char **p, const char *end, const char *word)
{
	const size_t len = strlen(word);

	if ((size_t)(end - *p) < len || memcmp(*p, word, len))
		return false;
	*p += len;
	return true;
}

/* Bytes of the character at @p, 0 if there is none. */
static size_t json_utf8(const u8 *p, const u8 *end)
{
	static const u32 smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 :
		     *p >> 3 == 30 ? 4 : 0;
	u32 c = len > 1 ? *p & (0x7f >> len) : *p;

	if (!len || (size_t)(end - p) < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < smallest[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return c < 0x20 ? 0 : len;
}

static bool json_string(const char **p, const char *end, char *copy, size_t room)
{
	size_t len, nr = 0;

	if (!json_char(p, end, '"'))
		return false;
	while (*p < end && **p != '"') {
		if (**p == '\\') {
			(*p)++;
			len = *p < end && **p == 'u' ? 5 : 1;
			if ((size_t)(end - *p) < len ||
			    !(len > 1 ? strspn(*p + 1, "0123456789abcdefABCDEF") >= 4 :
			      !!strchr("\"\\/bfnrt", **p)))
				return false;
		} else {
			len = json_utf8((const u8 *)*p, (const u8 *)end);
			if (!len)
				return false;
			if (nr + 1 < room)
				copy[nr++] = **p;
		}
		*p += len;
	}
	copy[nr] = '\0';
	return json_char(p, end, '"');
}

static bool json_list(struct json *j, const char **p, const char *end, char close)
{
	char *key = j->key[++j->depth];

	if (j->depth == ARRAY_SIZE(j->key) - 1)
		return false;
	*key = '\0';
	if (json_char(p, end, close))
		goto out;
	do {
		if (close == '}' && (!json_string(p, end, key, sizeof(j->key[0])) ||
				     !json_char(p, end, ':')))
			return false;
		if (!json_value(j, p, end))
			return false;
	} while (json_char(p, end, ','));
	if (!json_char(p, end, close))
		return false;
out:
	j->depth--;
	return true;
}

static void json_number(struct json *j, u64 val)
{
	const char *key = j->key[j->depth];

	if (j->depth == 1 && !strcmp(key, "status"))
		j->status = val;
	if (j->depth != 3 || strcmp(j->key[1], "lost"))
		return;
	/* The offset comes first. */
	if (!strcmp(key, "offset"))
		j->lost[j->nr_lost].offset = val;
	else if (!strcmp(key, "length") && j->nr_lost < ARRAY_SIZE(j->lost) - 1)
		j->lost[j->nr_lost++].length = val;
}

static bool json_value(struct json *j, const char **p, const char *end)
{
	char copy[8], *after;

	json_blanks(p, end);
	if (*p == end)
		return false;
	if (**p == '{' || **p == '[')
		return json_list(j, p, end, *(*p)++ == '{' ? '}' : ']');
	if (**p == '"')
		return json_string(p, end, copy, sizeof(copy));
	if (json_word(p, end, "null") || json_word(p, end, "false"))
		return true;
	if (json_word(p, end, "true")) {
		j->written |= j->depth == 1 && !strcmp(j->key[1], "written");
		return true;
	}
	/* No leading zero, and text behind it: there always is some. */
	if (**p < '0' || **p > '9' || (**p == '0' && (*p)[1] >= '0' && (*p)[1] <= '9'))
		return false;
	json_number(j, strtoull(*p, &after, 10));
	*p = after;
	return true;
}

/**
 * json_parse - parse what has to be JSON
 * @j: filled
 * @text: the text, with a NUL behind it
 * @len: its length
 *
 * Return: whether it is JSON, an object.
 */
bool json_parse(struct json *j, const char *text, size_t len)
{
	const char *p = text, *end = text + len;

	memset(j, 0, sizeof(*j));
	j->status = -1;
	if (len && *p == '{' && json_value(j, &p, end)) {
		json_blanks(&p, end);
		if (p == end)
			return true;
	}
	fuzz_stderr("no JSON, from byte %zu on:\n%s\n", (size_t)(p - text), text);
	return false;
}

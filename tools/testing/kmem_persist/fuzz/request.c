// SPDX-License-Identifier: GPL-2.0
/*
 * Target: what users write to attributes: a request for a format, a label, what is
 * accepted, and numbers of bytes
 *
 * Input: the text, as sysfs hands it over, with a NUL behind it.
 */
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <wchar.h>
#include "fuzz.h"
#include "persist/request.c"

/* What the parser of persist/sysfs.c needs, which is taken out of its file. */
struct kmem_persist {
	void *dev;
};

#define check_mul_overflow(a, b, d)	__builtin_mul_overflow(a, b, d)
#define DIV_ROUND_UP_ULL(n, d)		(((n) + (d) - 1) / (d))
#define dev_warn(dev, fmt, ...) \
	((void)(dev), (void)snprintf(NULL, 0, fmt, __VA_ARGS__))

#include "parse_pages.c"

static bool is_blank(unsigned char c)
{
	return c && strchr(" \t\n\v\f\r", c);
}

/* The words of a text; at most @max are looked at. */
static unsigned int words(const char *text, const char **word, size_t *len,
			  unsigned int max)
{
	unsigned int nr = 0;

	/* What the kernel takes for a blank before a word, but not behind one. */
	while (*text && nr < max) {
		while (is_blank(*text) || (unsigned char)*text == 0xa0)
			text++;
		if (!*text)
			break;
		word[nr] = text;
		while (*text && !is_blank(*text))
			text++;
		len[nr] = text - word[nr];
		nr++;
	}
	return nr;
}

static bool is_uuid(const char *s, size_t len)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (len != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < len; i++)
		if (form[i] == '-' ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

/* As the C library sees it: characters, and none that controls anything. */
static bool is_label(const char *s, size_t len)
{
	mbstate_t state = { 0 };

	if (len > 63)
		return false;
	MUST(setlocale(LC_CTYPE, "C.UTF-8"));
	for (size_t i = 0, n; i < len; i += n) {
		wchar_t c;

		n = mbrtowc(&c, s + i, len - i, &state);
		if (!n || n > len - i || c < 0x20 || (c >= 0x7f && c < 0xa0) ||
		    c > 0x10ffff || c == ' ' || c == '/')
			return false;
	}
	return true;
}

static bool is_zero_uuid(const char *s)
{
	return strspn(s, "0-") >= 36;
}

/* Is that a request at all? Types are the kernel's business. */
static bool is_request(const char *text, int type)
{
	unsigned int nr, labels = 0, uuids = 0;
	const char *word[64];
	size_t len[64];

	nr = words(text, word, len, ARRAY_SIZE(word));
	if (!nr || (nr > 1 && type < 0))
		return false;
	for (unsigned int i = 1; i < nr; i++) {
		if (!strncmp(word[i], "uuid=", 5) && is_uuid(word[i] + 5, len[i] - 5)) {
			if (uuids++ || is_zero_uuid(word[i] + 5))
				return false;
		} else if (!strncmp(word[i], "label=", 6) && len[i] > 6 &&
			   is_label(word[i] + 6, len[i] - 6)) {
			if (labels++)
				return false;
		} else {
			return false;
		}
	}
	return true;
}

static void check_request(const char *text)
{
	struct dax_persist_request request, again, untouched;
	char page[PAGE_SIZE], page2[PAGE_SIZE];
	unsigned int nr;
	const char *word[64];
	size_t len[64], label;
	int rc;

	memset(&request, 0x5a, sizeof(request));
	untouched = request;
	rc = dax_persist_request_parse(text, &request);
	if (rc) {
		MUST(rc == -EINVAL || rc == -ENAMETOOLONG || rc == -ERANGE);
		MUST(!memcmp(&request, &untouched, sizeof(request)));
		return;
	}
	nr = words(text, word, len, ARRAY_SIZE(word));
	MUST(request.type >= -1);
	MUST(is_request(text, request.type));
	/* The first word is the type, whatever base it is in, and no longer than an int is. */
	MUST(len[0] < sizeof("-2147483648"));
	MUST(strtoll(word[0], NULL, 0) == request.type);

	/* The label is NUL padded, and in the text. */
	label = strnlen(request.label, sizeof(request.label));
	MUST(label < sizeof(request.label));
	for (size_t i = label; i < sizeof(request.label); i++)
		MUST(!request.label[i]);
	for (unsigned int i = 1; i < nr && label; i++)
		if (len[i] == label + 6 && !memcmp(word[i] + 6, request.label, label))
			label = 0;
	MUST(!label);

	MUST(dax_persist_request_print(&request, page) == (int)strlen(page));
	memset(&again, 0xa5, sizeof(again));
	MUST(!dax_persist_request_parse(page, &again));
	MUST(!memcmp(&request, &again, sizeof(request)));
	dax_persist_request_print(&again, page2);
	MUST(!strcmp(page, page2));
}

/* Everything that is a request is taken: one that is made of the text. */
static void check_taken(const char *text, size_t size)
{
	struct dax_persist_request request;
	char line[256];

	if (size > 63)
		size = 63;
	if (!size || !is_label(text, size))
		return;
	snprintf(line, sizeof(line), "\t1  label=%.*s uuid=%s\n", (int)size, text,
		 "01234567-89ab-CDEF-0123-456789abcdef");
	MUST(!dax_persist_request_parse(line, &request));
	MUST(request.type == 1 && request.uuid.b[0] == 1 && request.uuid.b[15] == 0xef);
	MUST(!memcmp(request.label, text, size) && !request.label[size]);
}

static void check_label(const char *text, size_t size)
{
	char label[KMEM_PERSIST_LABEL_LEN + 1];
	int rc;

	memset(label, 0x5a, sizeof(label));
	rc = dax_persist_label_parse(text, size, label);
	MUST(!rc == is_label(text, size));
	MUST(label[KMEM_PERSIST_LABEL_LEN] == 0x5a);
	if (rc) {
		MUST(rc == (size > 63 ? -ENAMETOOLONG : -EINVAL));
		MUST(label[0] == 0x5a);
		return;
	}
	MUST(!memcmp(label, text, size));
	for (size_t i = size; i < KMEM_PERSIST_LABEL_LEN; i++)
		MUST(!label[i]);
}

/* A UUID, and a hash or none; "none"; nothing. */
static void check_accept(const char *text, size_t len)
{
	struct dax_persist_accept accept, again;
	char page[PAGE_SIZE], *end;
	bool good = !len || (len == 4 && !memcmp(text, "none", 4));

	if (len >= 36 && is_uuid(text, 36) && !is_zero_uuid(text))
		good = len == 36 || (len == 36 + 1 + 32 && text[36] == ':' &&
				     strspn(text + 37, "0123456789abcdefABCDEF") == 32);
	memset(&accept, 0x5a, sizeof(accept));
	MUST(!dax_persist_accept_parse(text, len, &accept) == good);
	if (!good)
		return;
	MUST(accept.has_hash == (len > 36));
	MUST(dax_persist_accept_print(&accept, page) == (int)strlen(page));
	end = strchr(page, '\n');
	MUST(end && !end[1]);
	MUST(end - page == (int)len && !strncasecmp(page, text, len));
	MUST(!dax_persist_accept_parse(page, end - page, &again));
	MUST(!memcmp(&accept, &again, sizeof(accept)));
}

/* A number of bytes as the documentation has it; -1: it is none. */
static s128 bytes_of(const char *text)
{
	static const char units[] = "KMGTPE";
	u128 val = 0;
	const char *unit;

	if (!isdigit((unsigned char)*text))
		return -1;
	for (; isdigit((unsigned char)*text); text++) {
		val = val * 10 + *text - '0';
		if (val >> 64)
			val = (u128)1 << 64;
	}
	unit = *text ? strchr(units, toupper((unsigned char)*text)) : NULL;
	if (unit) {
		val <<= 10 * (unit - units + 1);
		text++;
	}
	while (is_blank(*text) || (unsigned char)*text == 0xa0)
		text++;
	return *text ? -1 : (s128)val;
}

static void check_pages(const char *text, u64 max)
{
	struct kmem_persist kp = {};
	const s128 bytes = bytes_of(text);
	const size_t digits = strspn(text, "0123456789");
	u64 pages = 0x5a5a;
	int rc;

	rc = kmem_persist_parse_pages(&kp, "test", text, max, &pages);
	if (!rc) {
		MUST(bytes >= 0 && pages <= max);
		MUST((s128)pages * 4096 >= bytes);
		MUST((s128)pages * 4096 - bytes < 4096);
		return;
	}
	MUST(pages == 0x5a5a);
	MUST(rc == -EINVAL || rc == -ERANGE);
	/* Too many digits are refused before anything else. */
	if (digits < 24)
		MUST(bytes < 0 || bytes > (s128)max << 12);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	/* No longer than that, so that a sanitizer sees what reads too far. */
	char *text = malloc(size + 1);

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	check_label(text, strlen(text));
	check_label((const char *)data, size);
	check_accept(text, strlen(text));
	if (size < PAGE_SIZE) {
		check_request(text);
		check_taken(text, strlen(text));
		check_pages(text, 1ULL << 20);
		check_pages(text, 1ULL << 51);
	}
	free(text);
	return 0;
}

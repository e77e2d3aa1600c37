// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: asking for a format
 *
 * The text is the type, and after it, in any order, uuid= and label=. A label may be
 * any word of UTF-8 without control characters and slashes: it becomes the name of a link
 * in /dev/disk/by-id.
 *
 * DOC: accepting a format
 *
 * The text is "none", or the uuid of the format and, where that is not enough, a colon
 * and the hash of its key in hexadecimal.
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/hex.h>
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include "request.h"
#include "utf8.h"

/**
 * dax_persist_label_parse - check a label
 * @text: the label; what follows @len bytes does not matter
 * @len: its length
 * @label: receives it, NUL padded, KMEM_PERSIST_LABEL_LEN bytes
 *
 * Context: any. Return: 0; -ENAMETOOLONG; -EINVAL for blanks, control characters, slashes
 * and what is no UTF-8.
 */
int dax_persist_label_parse(const char *text, size_t len, char *label)
{
	if (len >= KMEM_PERSIST_LABEL_LEN)
		return -ENAMETOOLONG;
	if (dax_persist_utf8_len((const u8 *)text, len) != len)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (text[i] == ' ' || text[i] == '/')
			return -EINVAL;
	memset(label, 0, KMEM_PERSIST_LABEL_LEN);
	memcpy(label, text, len);
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(dax_persist_label_parse, "kmem_persist");

static int dax_persist_parse_type(const char *word, size_t len, int *type)
{
	char text[12];
	int rc;

	if (len >= sizeof(text))
		return -ERANGE;
	memcpy(text, word, len);
	text[len] = '\0';
	rc = kstrtoint(text, 0, type);
	return !rc && *type < -1 ? -EINVAL : rc;
}

static int dax_persist_parse_word(const char *word, size_t len,
				  struct dax_persist_request *request)
{
	if (len == 5 + UUID_STRING_LEN && !strncmp(word, "uuid=", 5)) {
		if (!uuid_is_null(&request->uuid) || uuid_parse(word + 5, &request->uuid))
			return -EINVAL;
		/* That is none: what has it would look like all others that have it. */
		return uuid_is_null(&request->uuid) ? -EINVAL : 0;
	}
	if (len > 6 && !strncmp(word, "label=", 6))
		return request->label[0] ? -EINVAL :
		       dax_persist_label_parse(word + 6, len - 6, request->label);
	return -EINVAL;
}

/**
 * dax_persist_request_parse - read what a user asks for
 * @buf: the text
 * @request: receives it; unchanged after an error
 *
 * Context: any.
 * Return: 0; -EINVAL for what makes no sense; -ENAMETOOLONG for the label; -ERANGE for
 * the type.
 */
int dax_persist_request_parse(const char *buf, struct dax_persist_request *request)
{
	static const char blanks[] = " \t\n\v\f\r";
	struct dax_persist_request new = {};
	size_t len;
	int rc;

	buf = skip_spaces(buf);
	len = strcspn(buf, blanks);
	rc = dax_persist_parse_type(buf, len, &new.type);
	while (!rc) {
		buf = skip_spaces(buf + len);
		if (!*buf)
			break;
		len = strcspn(buf, blanks);
		/* No format, no words. */
		rc = new.type < 0 ? -EINVAL : dax_persist_parse_word(buf, len, &new);
	}
	if (!rc)
		*request = new;
	return rc;
}

/**
 * dax_persist_request_print - what dax_persist_request_parse() has read
 * @request: the request
 * @buf: a page of sysfs
 *
 * Context: any. Return: the length.
 */
int dax_persist_request_print(const struct dax_persist_request *request, char *buf)
{
	int len = sysfs_emit(buf, "%d", request->type);

	if (!uuid_is_null(&request->uuid))
		len += sysfs_emit_at(buf, len, " uuid=%pUb", &request->uuid);
	if (request->label[0])
		len += sysfs_emit_at(buf, len, " label=%s", request->label);
	return len + sysfs_emit_at(buf, len, "\n");
}

/**
 * dax_persist_accept_parse - read what a user accepts
 * @text: the text; what follows @len bytes does not matter
 * @len: its length; blanks and the end of the line do not belong to it
 * @accept: receives it; undefined after an error
 *
 * Context: any. Return: 0 or -EINVAL.
 */
int dax_persist_accept_parse(const char *text, size_t len,
			     struct dax_persist_accept *accept)
{
	const size_t hash = UUID_STRING_LEN + 1;

	*accept = (struct dax_persist_accept){};
	if (!len)
		return 0;
	if (len == 4 && !strncmp(text, "none", 4)) {
		accept->kind = DAX_PERSIST_ACCEPT_PLAIN;
		return 0;
	}
	if (len != UUID_STRING_LEN && len != hash + 2 * DAX_PERSIST_HASH_LEN)
		return -EINVAL;
	if (uuid_parse(text, &accept->uuid) || uuid_is_null(&accept->uuid))
		return -EINVAL;
	accept->kind = DAX_PERSIST_ACCEPT_UUID;
	if (len == UUID_STRING_LEN)
		return 0;
	if (text[UUID_STRING_LEN] != ':' ||
	    hex2bin(accept->hash, text + hash, DAX_PERSIST_HASH_LEN))
		return -EINVAL;
	accept->has_hash = true;
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(dax_persist_accept_parse, "kmem_persist");

/**
 * dax_persist_accept_print - what dax_persist_accept_parse() has read
 * @accept: what is accepted
 * @buf: a page of sysfs
 *
 * Context: any. Return: the length.
 */
int dax_persist_accept_print(const struct dax_persist_accept *accept, char *buf)
{
	if (accept->kind == DAX_PERSIST_ACCEPT_NOTHING)
		return sysfs_emit(buf, "\n");
	if (accept->kind == DAX_PERSIST_ACCEPT_PLAIN)
		return sysfs_emit(buf, "none\n");
	if (!accept->has_hash)
		return sysfs_emit(buf, "%pUb\n", &accept->uuid);
	return sysfs_emit(buf, "%pUb:%*phN\n", &accept->uuid, DAX_PERSIST_HASH_LEN,
			  accept->hash);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Target: the command line of kmem-persist, and how it finds a device in a file
 *
 * Input: arguments, a line each, then an empty line, then an image (image.c). The
 * argument "@" is the file with the image.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "persist/format.h"
#include "persist/utf8.h"
#include "run_tool.h"
#include "util.h"

#define MAX_ARGS	16

/* Numbers and sizes, by a second reading. */
static void check_numbers(const char *text)
{
	static const char units[] = "KMGT";
	const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
	const char *rest = text + 2 * hex;
	const size_t nr = strspn(rest, digits), len = strlen(text);
	const char *unit = rest[nr] ? strchr(units, toupper((unsigned char)rest[nr])) : NULL;
	u128 val = 0;
	u64 got;

	/* strtoull() takes "0x" for 0 with something behind it. */
	for (size_t i = 0; i < nr && !(val >> 64); i++)
		val = val * (hex ? 16 : 10) + (isdigit((unsigned char)rest[i]) ? rest[i] - '0' :
					       (rest[i] | 0x20) - 'a' + 10);
	if (parse_u64(text, &got))
		MUST(nr && !rest[nr] && got == val);
	else
		MUST(!nr || rest[nr] || val >> 64);

	if (unit)
		val = val >> 64 ? val : val << 10 * (unit - units + 1);
	if (parse_bytes(text, &got))
		MUST(nr && !rest[nr + !!unit] && got == val);
	else
		MUST(!nr || rest[nr + !!unit] || val >> 64 || len >= 32);
}

static void check_text(const char *text)
{
	const size_t len = strlen(text), good = dax_persist_utf8_len((const u8 *)text, len);
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	bool is_uuid = len == sizeof(form) - 1;
	u8 uuid[16];

	MUST(good <= len);
	MUST(dax_persist_utf8_len((const u8 *)text, good) == good);
	/* ASCII without controls is. */
	if (good < len)
		MUST((u8)text[good] >= 0x7f || (u8)text[good] < 0x20);
	for (size_t i = 0; is_uuid && i < len; i++)
		is_uuid = form[i] == '-' ? text[i] == '-' : isxdigit((unsigned char)text[i]);
	MUST(parse_uuid(text, uuid) == is_uuid);
}

static int make_file(struct image *img, struct input *in, char *name, size_t room)
{
	int fd = memfd_create("image", 0);

	image_make(img, in);
	MUST(fd >= 0);
	MUST(pwrite(fd, img->mem, img->nr_pages * IMAGE_PAGE, 0) ==
	     (ssize_t)(img->nr_pages * IMAGE_PAGE));
	snprintf(name, room, "/proc/self/fd/%d", fd);
	return fd;
}

static bool has_arg(int argc, char **argv, const char *a, const char *b)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], a) || !strcmp(argv[i], b))
			return true;
	return false;
}

/* Only these write, and not if they are told not to. */
static bool may_write(int argc, char **argv, const struct ran *r)
{
	static const char * const writers[] = {
		"repair", "label", "adopt", "format", "wipe",
	};

	if (r->status > 1 && r->status != 4)
		return false;
	if (has_arg(argc, argv, "-n", "--dry-run"))
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(writers); i++)
		if (has_arg(argc, argv, writers[i], writers[i]))
			return true;
	return false;
}

static void check_label(const struct kmem_persist_superblock *sb)
{
	char label[KMEM_PERSIST_LABEL_LEN];
	const size_t len = strnlen((const char *)sb->label, sizeof(sb->label));

	/* What the tool writes the kernel would have taken. */
	MUST(!dax_persist_label_parse((const char *)sb->label, len, label));
}

static void check_written(const struct image *img, const u8 *after, int argc, char **argv)
{
	const struct kmem_persist_superblock *sb = (const void *)after;
	struct kmem_sb_fault fault;

	/* The device may be another part of the file. */
	if (has_arg(argc, argv, "label", "format") && memcmp(after, img->mem, IMAGE_PAGE) &&
	    !kmem_sb_verify(sb, 0, img->nr_pages, &fault))
		check_label(sb);
}

static void check_ran(const struct ran *r, int argc, char **argv)
{
	static struct json j;

	MUST(r->status == 0 || r->status == 1 || r->status == 4 || r->status == 8 ||
	     r->status == 16 || (r->status == 255 && has_arg(argc, argv, "attach", "attach")));
	if (r->status == 16)
		MUST(!strncmp(r->err, "kmem-persist: ", 14) || !strncmp(r->err, "usage: ", 7));
	else if (r->err_len)
		MUST(!strncmp(r->err, "kmem-persist: ", 14) &&
		     r->err[r->err_len - 1] == '\n');
	if (run_tool_json) {
		MUST(json_parse(&j, r->out, r->out_len));
		MUST(j.status == r->status);
	}
}

static void run_args(int argc, char **argv, struct input *in)
{
	struct image img;
	char name[64];
	struct ran r;
	u8 *after;
	int fd;

	fd = make_file(&img, in, name, sizeof(name));
	/* Nothing else is opened, and nothing else written. */
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "@"))
			argv[i] = name;
		else if (strchr(argv[i], '/'))
			argv[i] = "-";
	}
	run_tool_image = NULL;
	run_tool(&r, argc, argv);
	check_ran(&r, argc, argv);
	after = malloc(img.nr_pages * IMAGE_PAGE);
	MUST(after && pread(fd, after, img.nr_pages * IMAGE_PAGE, 0) ==
	     (ssize_t)(img.nr_pages * IMAGE_PAGE));
	if (memcmp(after, img.mem, img.nr_pages * IMAGE_PAGE)) {
		MUST(may_write(argc, argv, &r));
		if (!r.status)
			check_written(&img, after, argc, argv);
	}
	free(after);
	run_tool_free(&r);
	image_free(&img);
	close(fd);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };
	char *argv[MAX_ARGS + 1] = { "kmem-persist" }, *copy[MAX_ARGS];
	unsigned int argc = 1, nr;

	setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
	/* Commands that are about this machine find nothing, and no program. */
	setenv("SYSFS_PATH", "/proc/self/nowhere", 1);
	setenv("PROC_PATH", "/proc/self/nowhere", 1);
	setenv("KMEM_PERSIST_ROOT", "/proc/self/nowhere", 1);
	setenv("PATH", "/proc/self/nowhere", 1);
	while (in_left(&in) && argc < MAX_ARGS) {
		const u8 *end = memchr(in.p, '\n', in_left(&in));
		size_t len = end ? (size_t)(end - in.p) : in_left(&in);

		argv[argc] = strndup((const char *)in.p, len);
		MUST(argv[argc]);
		in.p += len + !!end;
		if (!len) {
			free(argv[argc]);
			break;
		}
		check_numbers(argv[argc]);
		check_text(argv[argc]);
		copy[argc] = argv[argc];
		argc++;
	}
	argv[argc] = NULL;
	nr = argc;
	run_args(argc, argv, &in);
	while (--nr)
		free(copy[nr]);
	return 0;
}

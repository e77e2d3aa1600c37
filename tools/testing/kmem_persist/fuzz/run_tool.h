/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kmem-persist as a function: its main(), with its output in memory
 */
#ifndef _RUN_TOOL_H
#define _RUN_TOOL_H

#include <sys/types.h>
#include "fuzz.h"
#include "image.h"

/**
 * struct ran - what a run of kmem-persist left
 * @status: exit status
 * @out: its output, ends with NUL
 * @out_len: bytes of that
 * @err: what it said on stderr, ends with NUL
 * @err_len: bytes of that
 */
struct ran {
	int status;
	char *out;
	size_t out_len;
	char *err;
	size_t err_len;
};

/**
 * struct range - of the disk, in bytes
 * @offset: where it begins
 * @length: its size
 */
struct range {
	u64 offset;
	u64 length;
};

/**
 * struct json - what is looked for in the output
 * @status: "status", -1 if there is none
 * @written: "written" was there and true
 * @nr_lost: ranges of "lost"
 * @lost: the first of them
 * @depth: parser's
 * @key: parser's: name of the value, by depth
 */
struct json {
	int status;
	bool written;
	unsigned int nr_lost;
	struct range lost[1024];
	unsigned int depth;
	char key[8][32];
};

/* The device is that, and no file. */
extern const struct image *run_tool_image;
extern bool run_tool_json;

void run_tool(struct ran *r, int argc, char **argv);
void run_tool_free(struct ran *r);
int dax_persist_label_parse(const char *text, size_t len, char *label);

/* The linker's: what the program calls, and what is behind it. */
int kmem_persist_main(int argc, char **argv);
int __real_open(const char *name, int flags, ...);
int __wrap_open(const char *name, int flags, ...);
void __real_exit(int status) __noreturn;
void __wrap_exit(int status) __noreturn;
void __real_image_open(struct kmem_persist *kp, const char *name, bool writable,
		       const struct image_where *where);
void __wrap_image_open(struct kmem_persist *kp, const char *name, bool writable,
		       const struct image_where *where);
void __real_image_close(struct kmem_persist *kp);
void __wrap_image_close(struct kmem_persist *kp);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned int flags);

const char *__asan_default_options(void);

bool json_parse(struct json *j, const char *text, size_t len);

#endif

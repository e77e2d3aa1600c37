// SPDX-License-Identifier: GPL-2.0
/*
 * kmem-persist as a function
 *
 * Its exit() comes back here; its image_open() finds the image in memory where that is
 * wanted. Both are replaced by the linker (--wrap), the program is as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include "out.h"
#include "run_tool.h"

/**
 * run_tool_image - the device, or NULL if it is to be opened by its name
 */
const struct image *run_tool_image;

/**
 * run_tool_json - the last run was asked for JSON, as far as it got
 */
bool run_tool_json;

static struct kmem_persist *run_tool_open;
static bool run_tool_running;
static sigjmp_buf run_tool_end;
static int run_tool_status;

void __wrap_exit(int status)
{
	if (!run_tool_running)
		__real_exit(status);
	if (run_tool_open) {
		/* As far as it was opened. */
		if (run_tool_open->fd <= 0)
			run_tool_open->fd = -1;
		__real_image_close(run_tool_open);
	}
	run_tool_status = status;
	siglongjmp(run_tool_end, 1);
}

void __wrap_image_open(struct kmem_persist *kp, const char *name, bool writable,
		       const struct image_where *where)
{
	run_tool_open = kp;
	if (!run_tool_image) {
		memset(kp, 0, sizeof(*kp));
		__real_image_open(kp, name, writable, where);
		return;
	}
	MUST(!image_over(kp, name, run_tool_image->mem, run_tool_image->nr_pages));
	kp->writable = writable;
}

void __wrap_image_close(struct kmem_persist *kp)
{
	run_tool_open = NULL;
	__real_image_close(kp);
}

/* A program that ends leaves its memory behind, and here it ends often. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* No file but those that a target has made. */
int __wrap_open(const char *name, int flags, ...)
{
	va_list args;
	int mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	if (!run_tool_running || !strncmp(name, "/proc/self/fd/", 14))
		return __real_open(name, flags, mode);
	errno = EACCES;
	return -1;
}

/* The same each time. */
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned int flags)
{
	memset(buf, 0x5a, len);
	return len;
}

/**
 * run_tool - run kmem-persist
 * @r: filled
 * @argc: number of arguments
 * @argv: arguments, the first one is the name of the program
 */
void run_tool(struct ran *r, int argc, char **argv)
{
	FILE *const out = stdout, *const err = stderr;

	memset(r, 0, sizeof(*r));
	stdout = open_memstream(&r->out, &r->out_len);
	stderr = open_memstream(&r->err, &r->err_len);
	MUST(stdout && stderr);
	/* GNU's way to say that it begins again. */
	optind = 0;
	run_tool_open = NULL;
	out_init(false);
	run_tool_running = true;
	if (!sigsetjmp(run_tool_end, 0))
		run_tool_status = kmem_persist_main(argc, argv);
	run_tool_running = false;
	r->status = run_tool_status;
	run_tool_json = out_is_json();
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
}

/**
 * run_tool_free - forget a run
 * @r: the run
 */
void run_tool_free(struct ran *r)
{
	free(r->out);
	free(r->err);
}

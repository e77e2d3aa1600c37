// SPDX-License-Identifier: GPL-2.0
/*
 * nth N FILE TEXT: write TEXT to FILE while the Nth allocation of that fails, of those
 * that the filters of the kernel's fault injection in debugfs let through. Prints what
 * became of the write, 0 or the name of an errno, and "hit"; or how many allocations
 * there were, if fewer than N.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(int fd, const char *text)
{
	if (pwrite(fd, text, strlen(text), 0) < 0)
		err(2, "fail-nth: %s", text);
}

int main(int argc, char **argv)
{
	char left[32] = "";
	ssize_t done;
	int file, nth, error;

	if (argc != 4)
		errx(2, "usage: nth N FILE TEXT");
	file = open(argv[2], O_WRONLY);
	nth = open("/proc/self/fail-nth", O_RDWR);
	if (file < 0 || nth < 0)
		err(2, "%s", file < 0 ? argv[2] : "fail-nth");

	put(nth, argv[1]);
	done = write(file, argv[3], strlen(argv[3]));
	error = done < 0 ? errno : 0;
	if (pread(nth, left, sizeof(left) - 1, 0) < 1)
		err(2, "fail-nth");
	put(nth, "0");

	printf("%s ", error ? strerrorname_np(error) : "0");
	if (strtol(left, NULL, 0))
		printf("%ld\n", strtol(argv[1], NULL, 0) - strtol(left, NULL, 0));
	else
		puts("hit");
	return 0;
}

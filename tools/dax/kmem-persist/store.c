// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel is told in sysfs
 *
 * A file of its own: a test that has no such kernel puts another one in its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "sysfs.h"

/**
 * sysfs_store - write to an attribute
 * @dir: folder
 * @name: the attribute, which exists
 * @text: what is written
 *
 * Return: 0, or a negative errno: what the kernel says to it.
 */
int sysfs_store(const char *dir, const char *name, const char *text)
{
	const size_t len = strlen(text);
	char path[PATH_MAX];
	int fd, err = 0;
	ssize_t done;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Once: who writes again because of a signal would do it twice. */
	done = write(fd, text, len);
	if (done < 0)
		err = -errno;
	else if ((size_t)done != len)
		err = -EIO;
	close(fd);
	return err;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel says in sysfs and procfs
 *
 * SYSFS_PATH and PROC_PATH in the environment take the place of /sys and /proc, as with
 * other programs below tools/; KMEM_PERSIST_ROOT is what /etc, /run and /dev are below.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include "sysfs.h"
#include "util.h"

static const char *sysfs_env(const char *name, const char *fallback)
{
	/* Not of somebody with fewer privileges. */
	const char *path = secure_getenv(name);

	return path && *path ? path : fallback;
}

/**
 * sysfs_root - where sysfs is
 *
 * Return: a path.
 */
const char *sysfs_root(void)
{
	return sysfs_env("SYSFS_PATH", "/sys");
}

/**
 * procfs_root - where procfs is
 *
 * Return: a path.
 */
const char *procfs_root(void)
{
	return sysfs_env("PROC_PATH", "/proc");
}

/**
 * files_root - what /etc, /run and /dev are below
 *
 * Return: a path, without a slash at its end; empty by default.
 */
const char *files_root(void)
{
	return sysfs_env("KMEM_PERSIST_ROOT", "");
}

/**
 * sysfs_text - the content of an attribute
 * @dir: folder
 * @name: the attribute
 * @text: filled, without the newline at its end
 * @size: room for it
 *
 * Return: whether it could be read; then it may be empty.
 */
bool sysfs_text(const char *dir, const char *name, char *text, size_t size)
{
	char path[PATH_MAX];
	FILE *file;
	size_t len;
	bool ok;

	*text = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	len = fread(text, 1, size - 1, file);
	ok = !ferror(file);
	fclose(file);
	if (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return ok;
}

/**
 * sysfs_u64 - an attribute that is a number
 * @dir: folder
 * @name: the attribute
 * @val: filled
 *
 * Return: whether it is one.
 */
bool sysfs_u64(const char *dir, const char *name, u64 *val)
{
	char text[64];

	return sysfs_text(dir, name, text, sizeof(text)) && parse_u64(text, val);
}

/**
 * sysfs_is_dax - is a character device a DAX device?
 * @dev: its number
 * @dir: filled with its folder in sysfs
 * @size: room for it
 *
 * Return: whether that is so, and it has a folder.
 */
bool sysfs_is_dax(dev_t dev, char *dir, size_t size)
{
	char link[PATH_MAX], *real;
	bool is_dax;

	if (snprintf(dir, size, "%s/dev/char/%u:%u", sysfs_root(), major(dev),
		     minor(dev)) >= (int)size)
		return false;
	snprintf(link, sizeof(link), "%s/subsystem", dir);
	real = realpath(link, NULL);
	is_dax = real && !strcmp(strrchr(real, '/'), "/dax");
	free(real);
	return is_dax;
}

static int sysfs_names_dax(const struct dirent *e)
{
	return !strncmp(e->d_name, "dax", 3);
}

/**
 * sysfs_dax_devices - all DAX devices
 * @names: set to them, in order; for sysfs_free_names()
 *
 * Return: how many.
 */
int sysfs_dax_devices(struct dirent ***names)
{
	char path[PATH_MAX];
	int nr;

	*names = NULL;
	snprintf(path, sizeof(path), "%s/bus/dax/devices", sysfs_root());
	nr = scandir(path, names, sysfs_names_dax, versionsort);
	if (nr < 0 && errno != ENOENT)
		die(EXIT_OPERATIONAL, "%s: %s", path, strerror(errno));
	return nr < 0 ? 0 : nr;
}

/**
 * sysfs_free_names - they are not needed any more
 * @names: of scandir()
 * @nr: how many
 */
void sysfs_free_names(struct dirent **names, int nr)
{
	for (int i = 0; i < nr; i++)
		free(names[i]);
	free(names);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Who uses a disk, or has a file open
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "sysfs.h"
#include "users.h"

/*
 * A disk
 */

static void users_holders(const char *dir, const char *disk, users_fn tell, void *arg)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *holders;

	snprintf(path, sizeof(path), "%s/holders", dir);
	holders = opendir(path);
	if (!holders)
		return;
	while ((e = readdir(holders)))
		if (*e->d_name != '.')
			tell("holder", disk, e->d_name, arg);
	closedir(holders);
}

/* A line of procfs ends with the name of the disk, or is about its number. */
static void users_lines(const char *dir, const char *disk, const char *file,
			const char *kind, users_fn tell, void *arg)
{
	const bool mounts = !strcmp(kind, "mount");
	char path[PATH_MAX], dev[32], node[80], *line = NULL;
	char number[32], at[PATH_MAX], source[PATH_MAX], *tail;
	size_t room = 0;
	FILE *f;

	if (!sysfs_text(dir, "dev", dev, sizeof(dev)))
		*dev = '\0';
	snprintf(node, sizeof(node), "/dev/%s", disk);
	snprintf(path, sizeof(path), "%s/%s", procfs_root(), file);
	f = fopen(path, "re");
	while (f && getline(&line, &room, f) > 0) {
		if (!mounts) {
			if (sscanf(line, "%4095s", source) == 1 &&
			    !strcmp(source, node))
				tell(kind, disk, source, arg);
			continue;
		}
		/* Some filesystems have a number of their own. */
		tail = strstr(line, " - ");
		if (!tail || sscanf(tail, " - %*s %4095s", source) != 1 ||
		    sscanf(line, "%*s %*s %31s %*s %4095s", number, at) != 2)
			continue;
		/* What a user mounts with FUSE has the source that he says. */
		if ((*dev && !strcmp(number, dev)) ||
		    (!strcmp(source, node) && strncmp(tail, " - fuse", strlen(" - fuse"))))
			tell(kind, disk, at, arg);
	}
	free(line);
	if (f)
		fclose(f);
}

static void users_of_one(const char *dir, const char *disk, users_fn tell, void *arg)
{
	users_lines(dir, disk, "self/mountinfo", "mount", tell, arg);
	users_lines(dir, disk, "swaps", "swap", tell, arg);
	users_holders(dir, disk, tell, arg);
}

/**
 * users_of_disk - mounts, swap areas and holders of a disk and its partitions
 * @disk_dir: its folder in sysfs
 * @disk: its name
 * @tell: called for each: "mount", "swap" or "holder", which disk, and who
 * @arg: for @tell
 *
 * Mounts are those that this program sees.
 */
void users_of_disk(const char *disk_dir, const char *disk, users_fn tell, void *arg)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *dir;

	users_of_one(disk_dir, disk, tell, arg);
	dir = opendir(disk_dir);
	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, disk, strlen(disk)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", disk_dir, e->d_name);
		users_of_one(path, e->d_name, tell, arg);
	}
	if (dir)
		closedir(dir);
}

/*
 * A file
 */

static bool users_same(const struct statx *fd, const struct stat *st)
{
	if ((fd->stx_mode & S_IFMT) != (st->st_mode & S_IFMT))
		return false;
	/* Of a device there may be other nodes, in a container for instance. */
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		return fd->stx_rdev_major == major(st->st_rdev) &&
		       fd->stx_rdev_minor == minor(st->st_rdev);
	return fd->stx_dev_major == major(st->st_dev) &&
	       fd->stx_dev_minor == minor(st->st_dev) && fd->stx_ino == st->st_ino;
}

/*
 * Everybody may have a path of a file (O_PATH) that he may not open, and a file of a FUSE
 * server may say that it is any device, but cannot be opened as one: the link says whether
 * it was.
 */
static bool users_is_open(int dir, const char *fd)
{
	struct stat link;

	return !fstatat(dir, fd, &link, AT_SYMLINK_NOFOLLOW) &&
	       link.st_mode & 0600;
}

static bool users_has_fd(const char *pid, const struct stat *st)
{
	char path[PATH_MAX];
	bool found = false;
	struct statx fd;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s/fd", procfs_root(), pid);
	dir = opendir(path);
	/* Not by stat(), which asks the server of a file that may not answer. */
	while (dir && !found && (e = readdir(dir)))
		found = isdigit((unsigned char)*e->d_name) &&
			!statx(dirfd(dir), e->d_name, AT_STATX_DONT_SYNC,
			       STATX_TYPE | STATX_INO, &fd) && users_same(&fd, st) &&
			users_is_open(dirfd(dir), e->d_name);
	if (dir)
		closedir(dir);
	return found;
}

/*
 * A mapping outlives the file descriptor that it was made from, and its node. What the node
 * is called says nothing: everybody can have a file of that name.
 */
static bool users_has_mapping(const char *pid, const struct stat *st)
{
	unsigned int dev_major, dev_minor;
	char path[PATH_MAX], *line = NULL;
	unsigned long start, end;
	struct statx map;
	bool found = false;
	size_t room = 0;
	int files;
	u64 ino;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/map_files", procfs_root(), pid);
	files = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/%s/maps", procfs_root(), pid);
	f = fopen(path, "re");
	while (f && !found && getline(&line, &room, f) > 0) {
		if (sscanf(line, "%lx-%lx %*s %*s %x:%x %llu", &start, &end, &dev_major,
			   &dev_minor, (unsigned long long *)&ino) != 5 || !ino)
			continue;
		found = st->st_ino == ino && major(st->st_dev) == dev_major &&
			minor(st->st_dev) == dev_minor;
		if (found || files < 0)
			continue;
		snprintf(path, sizeof(path), "%lx-%lx", start, end);
		found = !statx(files, path, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO,
			       &map) && users_same(&map, st);
	}
	free(line);
	if (f)
		fclose(f);
	if (files >= 0)
		close(files);
	return found;
}

/**
 * users_of_file - who has a file, or another node of the same device, open or mapped
 * @st: what stat() says about it
 * @what: its name, without a folder
 * @tell: called for each other process: "open" or "mapped", @what, and who
 * @arg: for @tell
 *
 * Of processes that may not be looked at nothing is known: root sees all.
 */
void users_of_file(const struct stat *st, const char *what, users_fn tell, void *arg)
{
	char path[PATH_MAX], comm[32], name[64];
	struct dirent *e;
	bool is_open;
	DIR *dir;

	dir = opendir(procfs_root());
	while (dir && (e = readdir(dir))) {
		if (!isdigit((unsigned char)*e->d_name) || atoi(e->d_name) == getpid())
			continue;
		is_open = users_has_fd(e->d_name, st);
		if (!is_open && !users_has_mapping(e->d_name, st))
			continue;
		snprintf(path, sizeof(path), "%s/%s", procfs_root(), e->d_name);
		sysfs_text(path, "comm", comm, sizeof(comm));
		snprintf(name, sizeof(name), "%.31s (%.20s)", comm, e->d_name);
		tell(is_open ? "open" : "mapped", what, name, arg);
	}
	if (dir)
		closedir(dir);
}

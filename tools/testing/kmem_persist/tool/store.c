// SPDX-License-Identifier: GPL-2.0
/*
 * In the place of the tool's store.c: what it tells the kernel is told to a script, which
 * plays the kernel in a folder that looks like sysfs
 *
 *	$FAKE_KERNEL DIR NAME TEXT	its exit status is the errno
 *
 * And what is made durable is in $FAKE/synced, a path for each.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sysfs.h"

extern char **environ;

int sysfs_store(const char *dir, const char *name, const char *text)
{
	const char *kernel = getenv("FAKE_KERNEL");
	char *argv[] = { (char *)kernel, (char *)dir, (char *)name, (char *)text, NULL };
	int status;
	pid_t pid;

	if (!kernel || posix_spawn(&pid, kernel, NULL, NULL, argv, environ))
		return -ENOSYS;
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ENOSYS;
	return -WEXITSTATUS(status);
}

int fsync(int fd)
{
	const char *fake = getenv("FAKE");
	char path[512], name[512];
	ssize_t len;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	len = readlink(name, path, sizeof(path));
	snprintf(name, sizeof(name), "%s/synced", fake ? fake : "");
	f = fake && len > 0 ? fopen(name, "a") : NULL;
	if (f) {
		fprintf(f, "%.*s\n", (int)len, path);
		fclose(f);
	}
	return syscall(SYS_fsync, fd);
}

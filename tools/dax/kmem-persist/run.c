// SPDX-License-Identifier: GPL-2.0
/*
 * Other programs
 *
 * They are looked for in PATH, and run by no shell.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run.h"
#include "sysfs.h"
#include "util.h"

extern char **environ;

/* What a program that cannot be started has as its exit status. */
#define RUN_NOT_THERE	127

static bool run_has_dir(const char *path, const char *dir)
{
	const size_t len = strlen(dir);

	for (; path; path = strchr(path, ':') ? strchr(path, ':') + 1 : NULL)
		if (!strncmp(path, dir, len) && (!path[len] || path[len] == ':'))
			return true;
	return false;
}

/**
 * run_init - look for programs where those of root are, too
 *
 * cron has them nowhere in PATH.
 */
void run_init(void)
{
	static const char * const dirs[] = { "/usr/sbin", "/sbin" };
	char dir[PATH_MAX], *longer;
	const char *path;

	for (unsigned int i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(dir, sizeof(dir), "%s%s", files_root(), dirs[i]);
		path = getenv("PATH") ?: "/usr/bin:/bin";
		if (run_has_dir(path, dir))
			continue;
		if (asprintf(&longer, "%s:%s", path, dir) < 0 ||
		    setenv("PATH", longer, 1))
			need_memory(NULL);
		free(longer);
	}
}

/**
 * run_find - is there such a program?
 * @name: its name
 *
 * Return: whether it could be run.
 */
bool run_find(const char *name)
{
	char *copy = need_memory(strdup(getenv("PATH") ?: "")), *next = copy, *dir;
	char path[PATH_MAX];
	struct stat st;
	bool found = false;

	while (!found && (dir = strsep(&next, ":"))) {
		snprintf(path, sizeof(path), "%s/%s", *dir ? dir : ".", name);
		found = !access(path, X_OK) && !stat(path, &st) && S_ISREG(st.st_mode);
	}
	free(copy);
	return found;
}

static pid_t run_start(const char * const *argv, int out, bool quiet)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;

	fflush(stdout);
	if (posix_spawn_file_actions_init(&actions))
		return -1;
	if (quiet) {
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
						 O_WRONLY, 0);
		if (out < 0)
			posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO,
							 "/dev/null", O_WRONLY, 0);
	} else if (out < 0) {
		/* stdout is for what we say ourselves. */
		posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	}
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char * const *)argv, environ))
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static int run_end(pid_t pid)
{
	int status;

	if (pid < 0)
		return RUN_NOT_THERE;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return RUN_NOT_THERE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/**
 * run_program - run a program, and wait for its end
 * @argv: its name and arguments, NULL behind them
 * @output: what becomes of its output
 *
 * Return: its exit status; 127 if it cannot be started, and as a shell has it if a signal
 * has ended it.
 */
int run_program(const char * const *argv, enum run_output output)
{
	return run_end(run_start(argv, -1, output == RUN_QUIET));
}

/**
 * run_text - run a program that says something
 * @argv: its name and arguments, NULL behind them
 * @errors: what becomes of what it says on stderr
 * @text: filled with its output, without the newline at its end
 * @size: room for it
 * @status: filled with its exit status, as run_program() returns it
 *
 * Return: whether it ended with 0, and all that it said is in @text.
 */
bool run_text(const char * const *argv, enum run_output errors, char *text, size_t size,
	      int *status)
{
	size_t len = 0;
	char rest[256];
	int fds[2];
	ssize_t got;
	bool all;
	pid_t pid;

	*text = '\0';
	*status = RUN_NOT_THERE;
	if (pipe2(fds, O_CLOEXEC))
		return false;
	pid = run_start(argv, fds[1], errors == RUN_QUIET);
	close(fds[1]);
	while (len < size - 1 && (got = read(fds[0], text + len, size - 1 - len)) > 0)
		len += got;
	all = len < size - 1;
	while (read(fds[0], rest, sizeof(rest)) > 0)
		;
	close(fds[0]);
	*status = run_end(pid);
	while (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return all && !*status;
}

/* Is it nothing to a shell? */
static bool run_is_plain(const char *text)
{
	while (isalnum((unsigned char)*text) || (*text && strchr("-_=+./:,%@", *text)))
		text++;
	return !*text;
}

/**
 * run_show - the command as somebody would type it
 * @argv: its name and arguments, NULL behind them
 */
void run_show(const char * const *argv)
{
	printf("  #");
	for (; *argv; argv++) {
		if (**argv && run_is_plain(*argv)) {
			printf(" %s", *argv);
			continue;
		}
		printf(" '");
		for (const char *c = *argv; *c; c++)
			printf(*c == '\'' ? "'\\''" : "%c", *c);
		printf("'");
	}
	printf("\n");
}

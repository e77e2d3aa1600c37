// SPDX-License-Identifier: GPL-2.0
/*
 * sums FILE...: look at the table usage of some devices, as often as can be, until
 * SIGTERM. Each time the parts must make up the capacity, which is the first line.
 * Says how many looks it took, or what it saw when they did not.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	stop = 1;
}

static int look(const char *file)
{
	unsigned long long first = 0, sum = 0, n;
	unsigned int lines = 0;
	char buf[4096], *p;
	ssize_t len;
	int fd;

	fd = open(file, O_RDONLY);
	len = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (len < 0) {
		printf("%s: %s\n", file, strerror(errno));
		return 1;
	}
	close(fd);
	buf[len] = 0;
	for (p = buf; sscanf(p, "%*s %llu", &n) == 1; p = strchr(p, '\n') + 1) {
		if (lines++)
			sum += n;
		else
			first = n;
		if (!strchr(p, '\n'))
			break;
	}
	if (lines > 1 && sum == first)
		return 0;
	printf("%s: %llu, not %llu:\n%s\n", file, sum, first, buf);
	return 1;
}

int main(int argc, char **argv)
{
	unsigned long looks = 0;
	int i;

	signal(SIGTERM, on_term);
	while (!stop)
		for (i = 1; i < argc; i++, looks++)
			if (look(argv[i]))
				return 1;
	printf("%lu looks\n", looks);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * watch DEVICE NODE [free]: look at the exchange of a DAX device and, if asked, at the free
 * memory of its node until SIGTERM, then say, one a line:
 *
 *   busy N		most attempts to take memory that failed within a second
 *   spin MS		longest time that its workers were busy without a pause, and no
 *			memory was taken or given
 *   over KB		most MemFree of the node above its MemTotal
 *   samples N M	how often it looked at that, and how often MemFree was above
 *
 * To look takes time of those who are looked at: half a processor, if all of them are asked
 * for everything each time.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LAST	64	/* times that attempts have failed at */

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static int slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	return n > 0;
}

static unsigned long long number(const char *buf, const char *name)
{
	const char *at = strstr(buf, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static unsigned long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000UL + ts.tv_nsec / 1000000;
}

/* Milliseconds of CPU that workers of the exchange have had since the last call. */
static unsigned long worker_ms(void)
{
	/* By number, which is not used again before all others were: what was no worker. */
	static unsigned char others[32768];
	static struct {
		long pid;
		unsigned long ms;
	} last[1024], now[1024];
	const unsigned long tick = 1000 / sysconf(_SC_CLK_TCK);
	static unsigned int nr_last;
	unsigned long sum = 0, user, system;
	unsigned int nr = 0, i;
	char path[300], buf[1024], *at;
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	while (dir && (entry = readdir(dir)) && nr < 1024) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		now[nr].pid = atol(entry->d_name);
		if (others[now[nr].pid % sizeof(others)])
			continue;
		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		at = slurp(path, buf, sizeof(buf)) ? strrchr(buf, ')') : NULL;
		if (!at)
			continue;
		if (!strstr(buf, "(kworker")) {
			/* a new one has the name of its parent for a moment */
			others[now[nr].pid % sizeof(others)] = !strstr(buf, "(kthreadd)");
			continue;
		}
		if (sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			   &user, &system) != 2)
			continue;
		now[nr].ms = (user + system) * tick;
		for (i = 0; i < nr_last && last[i].pid != now[nr].pid; i++)
			;
		/* it says what it does, or what it did last */
		*at = '\0';
		if (i < nr_last && strstr(buf, "kmem_persist"))
			sum += now[nr].ms - last[i].ms;
		nr++;
	}
	if (dir)
		closedir(dir);
	memcpy(last, now, sizeof(last));
	nr_last = nr;
	return sum;
}

int main(int argc, char **argv)
{
	unsigned long long total, free, over = 0, busy, busy_was = 0, taken, taken_was = 0;
	unsigned long spin = 0, spin_max = 0, cpu, ms, ms_was, nr = 0, nr_over = 0;
	unsigned long failed[LAST] = {};
	unsigned int next = 0, in_second, most = 0, i, looks;
	char exchange[200], node[200], buf[8192];

	looks = argc == 4 && !strcmp(argv[3], "free") ? 10 : 0;
	if (argc != 3 + !!looks) {
		fprintf(stderr, "usage: watch DEVICE NODE [free]\n");
		return 2;
	}
	snprintf(exchange, sizeof(exchange), "/sys/kernel/debug/kmem_persist/%s/exchange", argv[1]);
	snprintf(node, sizeof(node), "/sys/devices/system/node/node%s/meminfo", argv[2]);
	signal(SIGTERM, on_term);
	if (slurp(exchange, buf, sizeof(buf)))
		busy_was = number(buf, "busy ");
	worker_ms();
	ms_was = now_ms();
	puts("watching");
	fflush(stdout);
	while (!stop) {
		usleep(50000);
		for (i = 0; i < looks && slurp(node, buf, sizeof(buf)); i++) {
			total = number(buf, "MemTotal:");
			free = number(buf, "MemFree:");
			nr++;
			nr_over += free > total;
			if (free > total && free - total > over)
				over = free - total;
		}
		ms = now_ms();
		if (!slurp(exchange, buf, sizeof(buf)))
			continue;
		/* failures are noticed late, never early: they may seem to be more at once */
		for (busy = number(buf, "busy "); busy_was < busy; busy_was++) {
			failed[next++ % LAST] = ms;
			for (in_second = 0, i = 0; i < LAST; i++)
				in_second += failed[i] && failed[i] + 900 > ms;
			most = in_second > most ? in_second : most;
		}
		if (ms - ms_was < 250)
			continue;
		taken = number(buf, "taken ") + number(buf, "given ");
		cpu = worker_ms();
		/* a worker that was 90 percent of the time at it, and has got nothing */
		if (taken == taken_was && cpu * 10 >= (ms - ms_was) * 9)
			spin += ms - ms_was;
		else
			spin = 0;
		spin_max = spin > spin_max ? spin : spin_max;
		taken_was = taken;
		ms_was = ms;
	}
	printf("busy %u\nspin %lu\nover %llu\nsamples %lu %lu\n", most, spin_max, over, nr, nr_over);
	return 0;
}

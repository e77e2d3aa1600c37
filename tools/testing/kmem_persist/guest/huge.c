// SPDX-License-Identifier: GPL-2.0
/*
 * huge N: use N huge pages of hugetlbfs; prints "filled", and "same" or "WRONG" and
 * exits when SIGTERM comes. Bind it with numactl.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE	(2UL << 20)

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

int main(int argc, char **argv)
{
	size_t bytes = argc == 2 ? strtoull(argv[1], NULL, 0) * HUGE : 0, i;
	char *mem;

	if (!bytes) {
		fprintf(stderr, "usage: huge N\n");
		return 2;
	}
	signal(SIGTERM, on_term);
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (mem == MAP_FAILED) {
		perror("huge: mmap");
		return 1;
	}
	for (i = 0; i < bytes; i += 64)
		*(size_t *)(mem + i) = i * 31;
	puts("filled");
	fflush(stdout);
	while (!stop)
		usleep(100000);
	for (i = 0; i < bytes; i += 64)
		if (*(size_t *)(mem + i) != i * 31)
			break;
	puts(i < bytes ? "WRONG" : "same");
	return i < bytes;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * isolate FILE MIB FROM TO [mbind]: dirty so much page cache of a file, on node FROM,
 * begin to write it back, and have the kernel move all of it to node TO at once, with
 * migrate_pages(2) or mbind(2): all of it is isolated while the kernel waits for the
 * writeback. And so on, until SIGTERM. Needs no capabilities. Prints one line per round;
 * exits with 1 when the data could not be written.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MPOL_DEFAULT	0
#define MPOL_PREFERRED	1
#define MPOL_BIND	2
#define MPOL_MF_MOVE	2

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* How many pages stayed; mbind() tells only whether it is done. */
static long move_by_mbind(void *mem, size_t bytes, unsigned long to)
{
	long rc = syscall(SYS_mbind, mem, bytes, MPOL_BIND, &to, 64UL, MPOL_MF_MOVE);

	if (syscall(SYS_mbind, mem, bytes, MPOL_DEFAULT, NULL, 0UL, 0))
		die("isolate: mbind");
	return rc;
}

int main(int argc, char **argv)
{
	unsigned long from, to;
	int by_mbind;
	unsigned int round = 0;
	size_t bytes;
	char *mem;
	int fd;

	by_mbind = argc == 6 && !strcmp(argv[5], "mbind");
	if (argc != 5 + by_mbind) {
		fprintf(stderr, "usage: isolate FILE MIB FROM TO [mbind]\n");
		return 2;
	}
	bytes = strtoull(argv[2], NULL, 0) << 20;
	from = 1UL << atoi(argv[3]);
	to = 1UL << atoi(argv[4]);
	signal(SIGTERM, on_term);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (syscall(SYS_set_mempolicy, MPOL_PREFERRED, &from, 64UL))
		die("isolate: set_mempolicy");
	fd = open(argv[1], O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, bytes))
		die("isolate: file");
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		die("isolate: mmap");
	while (!stop) {
		memset(mem, ++round, bytes);
		if (sync_file_range(fd, 0, bytes, SYNC_FILE_RANGE_WRITE))
			die("isolate: write back");
		printf("round %u: %ld pages stayed\n", round,
		       by_mbind ? move_by_mbind(mem, bytes, to) :
				  syscall(SYS_migrate_pages, 0, 64UL, &from, &to));
		if (fsync(fd))
			die("isolate: fsync");
		/* again on the node it came from, and new blocks for it */
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, bytes))
			die("isolate: punch");
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * hold FILE MIB FROM TO: so much of a file comes into the page cache, on node FROM. Then
 * what standard input says, a line each:
 *
 *   dirty	one page in 64 is changed
 *   write	their writeback begins
 *   move	all of it is to move to node TO, by migrate_pages(2): it is isolated while the
 *		kernel waits for what is under writeback
 *
 * Says cached, dirtied, written, moving and moved; "end" ends it. If its disk stands still
 * writeback does not end, so there is as much time as a test wants. Needs no capabilities.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MPOL_PREFERRED	1
#define PAGE		4096
#define CHUNK		(1 << 20)

static void die(const char *what)
{
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	unsigned long from, to;
	char line[16], *buf, *mem;
	size_t bytes, i;
	int fd;

	if (argc != 5)
		return 2;
	bytes = strtoull(argv[2], NULL, 0) << 20;
	from = 1UL << atoi(argv[3]);
	to = 1UL << atoi(argv[4]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	buf = malloc(CHUNK);
	if (!buf || syscall(SYS_set_mempolicy, MPOL_PREFERRED, &from, 64UL))
		die("hold: set_mempolicy");
	fd = open(argv[1], O_RDWR);
	/* page by page: of a larger folio all would be under writeback */
	if (fd < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM))
		die("hold: open");
	for (i = 0; i < bytes; i += CHUNK)
		if (pread(fd, buf, CHUNK, i) != CHUNK)
			die("hold: read");
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		die("hold: mmap");
	for (i = 0; i < bytes; i += PAGE)
		(void)*(volatile char *)(mem + i);
	puts("cached");
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "end\n")) {
		if (!strcmp(line, "dirty\n")) {
			for (i = 0; i < bytes; i += 64 * PAGE)
				mem[i]++;
			puts("dirtied");
		} else if (!strcmp(line, "write\n")) {
			if (sync_file_range(fd, 0, bytes, SYNC_FILE_RANGE_WRITE))
				die("hold: write");
			puts("written");
		} else {
			puts("moving");
			if (syscall(SYS_migrate_pages, 0, 64UL, &from, &to) < 0)
				die("hold: migrate_pages");
			puts("moved");
		}
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY);
	unsigned long n = 0;
	struct stat st;
	off_t off;
	char *p;

	if (argc != 3 || fd < 0 || fstat(fd, &st))
		return 1;
	p = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return 1;
	for (off = 0; off + 4096 <= st.st_size; off += 4096)
		n += !!memmem(p + off, 4096, argv[2], strlen(argv[2]));
	printf("%lu\n", n);
	return 0;
}

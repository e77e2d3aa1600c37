// SPDX-License-Identifier: GPL-2.0
/*
 * canary - what must never show up where it does not belong
 *
 *   ram MIB             get so much fresh memory: it must be all zeroes; fill it with
 *                       canaries and let go of it. Bind it with numactl.
 *   scan FILE           is no page of FILE, a disk for instance, a canary?
 *   count FILE          how many pages of FILE are canaries; for the image of an NVDIMM
 *
 * A page of canaries consists of one word, which nothing else writes. One such word
 * is enough for scan.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CANARY	0x21797261b6e6143bULL
#define PAGE	4096U
#define WORDS	(PAGE / 8)
#define CHUNK	(1U << 20)

static int ram(size_t mib)
{
	size_t words = mib << 17, i, j;
	uint64_t *mem;

	mem = mmap(NULL, words * 8, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		perror("canary: mmap");
		return 2;
	}
	madvise(mem, words * 8, MADV_HUGEPAGE);
	for (i = 0; i < words; i += WORDS) {
		/* A read alone would get the zero page. Another word each time. */
		size_t first = i / WORDS % WORDS;

		mem[i + first] = CANARY;
		for (j = 0; j < WORDS; j++) {
			if (j != first && mem[i + j]) {
				printf("page %zu, word %zu of fresh memory is %016llx\n",
				       i / WORDS, j, (unsigned long long)mem[i + j]);
				return 1;
			}
			mem[i + j] = CANARY;
		}
	}
	printf("%zu pages were zero and are canaries\n", words / WORDS);
	return 0;
}

static int scan(const char *name, int count)
{
	unsigned long long pages = 0, found = 0;
	int fd = open(name, O_RDONLY | O_DIRECT);
	uint64_t *buf = aligned_alloc(PAGE, CHUNK);
	ssize_t len;

	if (fd < 0 && errno == EINVAL)
		fd = open(name, O_RDONLY);
	if (fd < 0 || !buf) {
		perror(name);
		return 2;
	}
	while ((len = read(fd, buf, CHUNK)) > 0) {
		size_t i, j;

		/* What follows the last whole page is nobody's. */
		for (i = 0; i + WORDS <= len / 8UL; i += WORDS, pages++) {
			size_t same = 0;

			for (j = 0; j < WORDS; j++)
				same += buf[i + j] == CANARY;
			if (count) {
				found += same == WORDS;
			} else if (same) {
				printf("page %llu of %s has %zu words of a canary\n",
				       pages, name, same);
				return 1;
			}
		}
	}
	if (len < 0) {
		perror(name);
		return 2;
	}
	printf("%llu\n", count ? found : pages);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "ram"))
		return ram(strtoul(argv[2], NULL, 0));
	if (argc == 3 && !strcmp(argv[1], "scan"))
		return scan(argv[2], 0);
	if (argc == 3 && !strcmp(argv[1], "count"))
		return scan(argv[2], 1);
	fprintf(stderr, "usage: canary ram|scan|count ARG, see its source\n");
	return 2;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * ramfill MIB: fill so much memory with a pattern that depends on the address
 * and check it again and again, until SIGTERM. Prints one line per round; exits
 * with 1 and says where when a byte has changed. Bind it with numactl.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static uint64_t pattern(size_t i, uint64_t round)
{
	return (i + 1) * 0x9e3779b97f4a7c15ULL ^ round;
}

int main(int argc, char **argv)
{
	size_t words = argc > 1 ? strtoull(argv[1], NULL, 0) << 17 : 0;
	uint64_t round, *mem;
	size_t i;

	if (!words) {
		fprintf(stderr, "usage: ramfill MIB\n");
		return 2;
	}
	signal(SIGTERM, on_term);
	setvbuf(stdout, NULL, _IOLBF, 0);
	mem = mmap(NULL, words * 8, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		perror("ramfill: mmap");
		return 2;
	}
	madvise(mem, words * 8, MADV_HUGEPAGE);
	for (i = 0; i < words; i++)
		mem[i] = pattern(i, 0);
	printf("filled %zu MiB\n", words >> 17);
	for (round = 0; !stop; round++) {
		for (i = 0; i < words; i++) {
			if (mem[i] != pattern(i, round)) {
				printf("WRONG at byte %zu: %016llx, not %016llx\n",
				       i * 8, (unsigned long long)mem[i],
				       (unsigned long long)pattern(i, round));
				return 1;
			}
			mem[i] = pattern(i, round + 1);
		}
		printf("round %llu: all %zu MiB as written\n",
		       (unsigned long long)round + 1, words >> 17);
	}
	return 0;
}

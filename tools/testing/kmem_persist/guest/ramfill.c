// SPDX-License-Identifier: GPL-2.0
/*
 * ramfill [-lm] [-p SECONDS] MIB: fill so much memory with a pattern that depends on
 * the address and check it again and again, until SIGTERM. Prints one line per
 * round; exits with 1 and says where when a byte has changed. Bind it with numactl.
 *
 *   -l   lock the memory
 *   -m   all pages are the same, and KSM may merge them
 *   -p   pause between rounds
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

/* What of an index counts; a division for each word would be most of the time. */
static size_t mask = SIZE_MAX;

static uint64_t pattern(size_t i, uint64_t round)
{
	return ((i & mask) + 1) * 0x9e3779b97f4a7c15ULL ^ round;
}

static int usage(void)
{
	fprintf(stderr, "usage: ramfill [-lm] [-p SECONDS] MIB\n");
	return 2;
}

int main(int argc, char **argv)
{
	unsigned int pause = 0;
	uint64_t round, *mem;
	size_t words = 0, i;
	int lock = 0, opt;

	while ((opt = getopt(argc, argv, "lmp:")) != -1) {
		if (opt == 'l')
			lock = 1;
		else if (opt == 'm')
			mask = 511;
		else if (opt == 'p')
			pause = strtoul(optarg, NULL, 0);
		else
			return usage();
	}
	if (optind < argc)
		words = strtoull(argv[optind], NULL, 0) << 17;
	if (!words)
		return usage();
	signal(SIGTERM, on_term);
	setvbuf(stdout, NULL, _IOLBF, 0);
	mem = mmap(NULL, words * 8, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		perror("ramfill: mmap");
		return 2;
	}
	if (mask == SIZE_MAX) {
		madvise(mem, words * 8, MADV_HUGEPAGE);
	} else if (madvise(mem, words * 8, MADV_MERGEABLE)) {
		perror("ramfill: mergeable");
		return 2;
	}
	for (i = 0; i < words; i++)
		mem[i] = pattern(i, 0);
	if (lock && mlock(mem, words * 8)) {
		perror("ramfill: mlock");
		return 2;
	}
	printf("filled %zu MiB\n", words >> 17);
	for (round = 0; !stop; round++) {
		for (i = 0; i < words; i++) {
			/* Memory may be swapped out: a round can take long. */
			if (!(i % 512) && stop)
				return 0;
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
		/* A signal ends it early. */
		sleep(stop ? 0 : pause);
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * ager MIB ROUNDS SEED: use memory as programs do that have run for long. Areas of
 * 2 MiB are filled with huge pages or small ones, freed as a whole or page by page;
 * which and when is decided by the seed. In the end one page in 16 is left, each
 * somewhere else, until SIGTERM. Every page says where it belongs, and is asked.
 * Bind it with numactl.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE	4096UL
#define AREA	(2UL << 20)
#define PAGES	(AREA / PAGE)

static char *base;
static unsigned char *used;	/* per page */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static uint64_t *word(size_t page)
{
	return (uint64_t *)(base + page * PAGE);
}

static void ask(size_t page)
{
	if (!used[page] || *word(page) == mix(page))
		return;
	printf("WRONG page %zu: %016llx, not %016llx\n", page,
	       (unsigned long long)*word(page), (unsigned long long)mix(page));
	exit(1);
}

static void drop(size_t page, size_t nr)
{
	if (madvise(base + page * PAGE, nr * PAGE, MADV_DONTNEED)) {
		perror("ager: madvise");
		exit(2);
	}
	memset(used + page, 0, nr);
}

static void area_free(size_t area)
{
	size_t p;

	for (p = area * PAGES; p < (area + 1) * PAGES; p++)
		ask(p);
	drop(area * PAGES, PAGES);
}

static void area_fill(size_t area, int advice)
{
	size_t p;

	madvise(base + area * AREA, AREA, advice);
	for (p = area * PAGES; p < (area + 1) * PAGES; p++) {
		ask(p);
		*word(p) = mix(p);
		used[p] = 1;
	}
}

/* Leave one page in @part of an area. */
static void area_thin(size_t area, unsigned int part, uint64_t rnd)
{
	size_t p;

	for (p = area * PAGES; p < (area + 1) * PAGES; p++) {
		ask(p);
		if (mix(rnd + p) % part)
			drop(p, 1);
	}
}

int main(int argc, char **argv)
{
	size_t areas, area, n;
	uint64_t rounds, rnd, r;
	sigset_t term;
	int sig;

	if (argc != 4) {
		fprintf(stderr, "usage: ager MIB ROUNDS SEED\n");
		return 2;
	}
	areas = strtoul(argv[1], NULL, 0) / 2;
	rounds = strtoull(argv[2], NULL, 0);
	rnd = strtoull(argv[3], NULL, 0);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	base = mmap(NULL, (areas + 1) * AREA, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	used = calloc(areas, PAGES);
	if (!areas || base == MAP_FAILED || !used) {
		perror("ager");
		return 2;
	}
	base = (char *)(((uintptr_t)base + AREA - 1) & ~(AREA - 1));

	for (r = 0; r < rounds; r++) {
		for (n = 0; n < areas; n++) {
			rnd = mix(rnd + n);
			area = rnd % areas;
			switch (rnd >> 32 & 3) {
			case 0:
				area_free(area);
				break;
			case 1:
				area_free(area);
				area_fill(area, MADV_HUGEPAGE);
				break;
			case 2:
				area_fill(area, MADV_NOHUGEPAGE);
				break;
			default:
				area_thin(area, 2, rnd);
			}
		}
		printf("round %llu\n", (unsigned long long)r + 1);
		fflush(stdout);
	}
	for (area = 0; area < areas; area++)
		area_fill(area, MADV_NOHUGEPAGE);
	for (area = 0; area < areas; area++)
		area_thin(area, 16, rnd);
	sigprocmask(SIG_BLOCK, &term, NULL);
	puts("aged");
	fflush(stdout);
	sigwait(&term, &sig);
	for (area = 0; area < areas; area++)
		area_free(area);
	puts("all pages as written");
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * image - images of an NVDIMM as a power failure may leave it
 *
 *   image make LIVE SHADOW OUT SEED   one of them; prints what it is
 *   image stop STATE N                stop QEMU before write back or fence number N from
 *                                     now; 0: do not
 *   image show STATE                  what the plugin has counted
 *
 * LIVE and SHADOW are copies of a stopped guest's files, see flush.h. OUT may be an image
 * that was made of the same two before: then only lines that can differ are written.
 *
 * What is legal
 * =============
 *
 * A line that is durable is as it was when it was bound to its fence, or newer; so SHADOW
 * is the least that there is. Everything else in LIVE is in caches, or in buffers on its
 * way, and nobody controls what of it gets to the medium before the lights go out:
 *
 *  - Lines are independent of one another. A line that was stored to later may be on the
 *    medium and one that was stored to earlier not: program order is that of caches.
 *  - A line that was stored to through the cache is written as a whole, with what it
 *    held at some moment since it was durable. Of these contents we know the first and
 *    the last. (Those between are prefixes of the stores; tests/05-map.sh goes through
 *    all of them, with the stores recorded.)
 *  - Non-temporal stores sit in a buffer that may be drained in parts, in any order: each
 *    of these words is on the medium or not.
 *  - All this supposes that a line that is being written when the power goes is written
 *    to its end. What all platforms promise is less: aligned 8 bytes are never torn. The
 *    format asks for no more than that, so it has to stand the rule "words", too: each
 *    word of each line for itself.
 *
 * A seed decides on the rule, on how many lines get to the medium, and on which. Pages that
 * are RAM, lent to the page allocator, are full of lines that were never flushed. They
 * are treated alike: what is left of RAM is of no interest to anybody.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "flush.h"

#define PAGE		4096U
#define LINES		(PAGE / LINE)

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("image: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static uint64_t number(const char *s)
{
	char *end;
	uint64_t n = strtoull(s, &end, 0);

	if (end == s || *end)
		die("'%s' is not a number", s);
	return n;
}

static uint64_t random_state;

static uint64_t random_u64(void)
{
	uint64_t x = random_state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static void *map_file(const char *name, int *fd, uint64_t *bytes)
{
	struct stat st;
	void *p;

	*fd = open(name, O_RDONLY);
	if (*fd < 0 || fstat(*fd, &st))
		die("%s: %s", name, strerror(errno));
	*bytes = st.st_size;
	p = mmap(NULL, *bytes, PROT_READ, MAP_SHARED, *fd, 0);
	if (p == MAP_FAILED)
		die("%s: %s", name, strerror(errno));
	return p;
}

static void put(int fd, const void *data, size_t len, uint64_t at)
{
	if (pwrite(fd, data, len, at) != (ssize_t)len)
		die("cannot write: %s", strerror(errno));
}

/* Call @fn for each extent of @fd, up to @bytes, that is not a hole. */
static void each_extent(int fd, uint64_t bytes, void *arg,
			void (*fn)(void *arg, uint64_t from, uint64_t to))
{
	off_t from = 0, to;

	while ((from = lseek(fd, from, SEEK_DATA)) >= 0 && (uint64_t)from < bytes) {
		to = lseek(fd, from, SEEK_HOLE);
		if (to < 0)
			die("cannot seek: %s", strerror(errno));
		if ((uint64_t)to > bytes)
			to = bytes;
		fn(arg, from, to);
		from = to;
	}
}

enum odds { NOTHING = 0, EVERYTHING = 8 };

/**
 * struct job - an image that is being made
 * @live: as the CPUs saw it
 * @shadow: what was durable
 * @nontemporal: a byte for each line, see flush.h
 * @out: the image
 * @odds: of 8 parts of a line, so many get to the medium
 * @words: the rule is "words"
 * @volatile_lines: lines that are not durable
 * @kept: those of which something got to the medium
 * @torn: those of which a part did
 */
struct job {
	const char *live;
	const char *shadow;
	const uint8_t *nontemporal;
	int out;
	unsigned int odds;
	bool words;
	unsigned long volatile_lines;
	unsigned long kept;
	unsigned long torn;
};

static void copy_extent(void *arg, uint64_t from, uint64_t to)
{
	const struct job *job = arg;

	put(job->out, job->shadow + from, to - from, from);
}

/* One line: @to holds what is durable. */
static void make_line(struct job *job, uint64_t *to, const uint64_t *live,
		      unsigned int nontemporal)
{
	unsigned int kept = 0, lost = 0, i;
	bool whole = random_u64() % 8 < job->odds;

	for (i = 0; i < WORDS; i++) {
		bool keep = whole;

		if (to[i] == live[i])
			continue;
		if (job->words || nontemporal & 1U << i)
			keep = random_u64() % 8 < job->odds;
		if (keep)
			to[i] = live[i];
		kept += keep;
		lost += !keep;
	}
	job->volatile_lines++;
	job->kept += !!kept;
	job->torn += kept && lost;
}

static void make_extent(void *arg, uint64_t from, uint64_t to)
{
	struct job *job = arg;
	uint64_t page[PAGE / 8];
	unsigned int line;

	for (from &= ~(PAGE - 1ULL); from < to; from += PAGE) {
		const char *live = job->live + from;

		if (!memcmp(live, job->shadow + from, PAGE))
			continue;
		memcpy(page, job->shadow + from, PAGE);
		for (line = 0; line < LINES; line++)
			if (memcmp(page + line * WORDS, live + line * LINE, LINE))
				make_line(job, page + line * WORDS,
					  (const uint64_t *)(live + line * LINE),
					  job->nontemporal[from / LINE + line]);
		put(job->out, page, PAGE, from);
	}
}

static void make(const char *live, const char *shadow, const char *out, uint64_t seed)
{
	static const unsigned int odds[] = { NOTHING, 1, 4, 7, EVERYTHING };
	uint64_t live_bytes, shadow_bytes, bytes;
	int live_fd, shadow_fd;
	struct job job = { 0 };

	job.live = map_file(live, &live_fd, &live_bytes);
	job.shadow = map_file(shadow, &shadow_fd, &shadow_bytes);
	bytes = live_bytes - LABEL_BYTES;
	if (live_bytes <= LABEL_BYTES || bytes % PAGE ||
	    shadow_bytes != bytes + bytes / LINE)
		die("%s and %s do not belong together", live, shadow);
	job.nontemporal = (const uint8_t *)job.shadow + bytes;
	job.out = open(out, O_RDWR);
	if (job.out < 0) {
		job.out = open(out, O_RDWR | O_CREAT, 0644);
		if (job.out < 0 || ftruncate(job.out, live_bytes))
			die("%s: %s", out, strerror(errno));
		each_extent(shadow_fd, bytes, &job, copy_extent);
		/* Written by QEMU, on behalf of the firmware. */
		put(job.out, job.live + bytes, LABEL_BYTES, bytes);
	}
	random_state = seed;
	job.odds = odds[random_u64() % 5];
	job.words = random_u64() % 3 == 0;
	/* What was never stored to is not in LIVE either. */
	each_extent(live_fd, bytes, &job, make_extent);
	printf("%lu lines are not durable, %lu are kept, %lu are torn; %u of 8, %s\n",
	       job.volatile_lines, job.kept, job.torn, job.odds,
	       job.words ? "words" : "lines");
}

static struct flush_state *map_state(const char *name)
{
	int fd = open(name, O_RDWR);
	struct flush_state *state;

	if (fd < 0)
		die("%s: %s", name, strerror(errno));
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (state == MAP_FAILED)
		die("%s: %s", name, strerror(errno));
	return state;
}

static void show(const struct flush_state *state)
{
	printf("writebacks %llu\n", (unsigned long long)state->writebacks);
	printf("nontemporal %llu\n", (unsigned long long)state->nontemporal);
	printf("fences %llu\n", (unsigned long long)state->fences);
	printf("switches %llu\n", (unsigned long long)state->switches);
	printf("lines %llu\n", (unsigned long long)state->lines);
	printf("unknown %llu\n", (unsigned long long)state->unknown);
	if (state->unknown)
		printf("unknown_last %#llx %#llx\n",
		       (unsigned long long)state->unknown_addr,
		       (unsigned long long)state->unknown_insn);
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 1 ? argv[1] : "";

	if (!strcmp(cmd, "make") && argc == 6)
		make(argv[2], argv[3], argv[4], number(argv[5]));
	else if (!strcmp(cmd, "stop") && argc == 4)
		__atomic_store_n(&map_state(argv[2])->stop_in, (int64_t)number(argv[3]),
				 __ATOMIC_SEQ_CST);
	else if (!strcmp(cmd, "show") && argc == 3)
		show(map_state(argv[2]));
	else
		die("image make|stop|show ..., see its source");
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * kmemio - write, read and check blocks whose content says what it must be.
 * FILE is a block device, a file, or an image of a disk; FIRST and NR count
 * blocks of 4 KiB.
 *
 *   fill FILE FIRST NR SEQ      write
 *   check FILE FIRST NR SEQ     read and compare
 *   zero FILE FIRST NR          is it all zeroes?
 *   acks FILE FIRST NR SEQ JOBS [BEGUN]
 *                               write, discard and overwrite at random until
 *                               killed, report to stdout: see below
 *   acked FILE FIRST NR LOG     is what LOG says in FILE?
 *   offsets FILE                direct I/O through buffers at all offsets that
 *                               are allowed
 *   atomic FILE                 what statx promises about atomic writes
 *   nowait FILE                 RWF_NOWAIT writes and reads
 *   readonly FILE               does an opener for writing stay locked out?
 *   most FILE FIRST NR SEQ      write until there is no space, print how many
 *   try FILE FIRST NR SEQ NOWAIT  one write; prints "ok" or the error, and the
 *                               milliseconds it took
 *   comb FILE FIRST NR RUN      discard every second run of RUN blocks
 *   combed FILE FIRST NR SEQ RUN  is this what is left of a fill?
 *   whole FILE FIRST NR         is every block whole, or zero?
 *   churn FILE FIRST NR FILLED SEED OPS JOBS
 *                               after fill FILE FIRST FILLED SEED: OPS random
 *                               writes and discards of one block, with a reader
 *                               that verifies, then check everything
 *   churned FILE FIRST NR FILLED SEED OPS JOBS
 *                               is everything as churn left it?
 *   poll FILE SECONDS           wait for a change of a file in sysfs
 *   find FILE BLOCK SEQ         where in an image is this block of a fill? Prints
 *                               page numbers
 *
 * Before the command: -b for I/O through the page cache; -r for churn that tries
 * again what has failed, until it is done.
 *
 * Every block written carries its number, a sequence number and 510 words made
 * of both. Lines of acks: "w FIRST NR SEQ" after a write, "A ..." before and
 * "a ..." after an atomic one, "D ..." before and "d ..." after a discard. A
 * block belongs to one job, and a job has one operation under way.
 *
 * What is reported before must have arrived when the operation begins, and a port
 * of virtio-serial takes lines that the host will read later. So those lines go
 * to files BEGUN.0 and so on, one for each job, if these are given: on a 9p share
 * a write has arrived when it returns. LOG has to have them first.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>

#ifndef RWF_ATOMIC
#define RWF_ATOMIC	0x40
#endif
#define BLOCK		4096U
#define WORDS		(BLOCK / 8)
#define CHUNK		256U		/* blocks of one large I/O */
#define MAGIC		0x6b6d656d696f3031ULL

static const char *self_file;
static bool buffered;
static bool stubborn;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "kmemio: %s: ", self_file);
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

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static void block_make(uint64_t *p, uint64_t lblk, uint64_t seq)
{
	uint64_t key = mix(lblk * 0x9e3779b97f4a7c15ULL ^ seq);
	unsigned int i;

	p[0] = MAGIC ^ lblk;
	p[1] = seq;
	for (i = 2; i < WORDS; i++)
		p[i] = key + i * 0x9e3779b97f4a7c15ULL;
}

static bool block_is_zero(const uint64_t *p)
{
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		if (p[i])
			return false;
	return true;
}

/* Whole, and of this place: then *seq says of which write. */
static bool block_is_whole(const uint64_t *p, uint64_t lblk, uint64_t *seq)
{
	uint64_t want[WORDS];

	if (p[0] != (MAGIC ^ lblk))
		return false;
	*seq = p[1];
	block_make(want, lblk, *seq);
	return !memcmp(p, want, BLOCK);
}

static void *pages(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		die("no memory");
	return p;
}

static int open_file(int flags)
{
	int fd = open(self_file, flags | (buffered ? 0 : O_DIRECT), 0644);

	/* Images on a filesystem without direct I/O. */
	if (fd < 0 && errno == EINVAL)
		fd = open(self_file, flags, 0644);
	if (fd < 0)
		die("cannot open: %s", strerror(errno));
	return fd;
}

static unsigned int min_u(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void fill(uint64_t first, uint64_t nr, uint64_t seq)
{
	int fd = open_file(O_RDWR | O_CREAT);
	uint64_t *buf = pages(CHUNK * BLOCK);
	unsigned int n, i;

	for (; nr; first += n, nr -= n) {
		n = min_u(nr, CHUNK);
		for (i = 0; i < n; i++)
			block_make(buf + i * WORDS, first + i, seq);
		if (pwrite(fd, buf, n * BLOCK, first * BLOCK) != n * BLOCK)
			die("write of %u blocks at %llu: %s", n,
			    (unsigned long long)first, strerror(errno));
	}
	if (fsync(fd))
		die("fsync: %s", strerror(errno));
}

static void check(uint64_t first, uint64_t nr, bool zero, uint64_t seq)
{
	int fd = open_file(O_RDONLY);
	uint64_t *buf = pages(CHUNK * BLOCK), found;
	unsigned int n, i;

	for (; nr; first += n, nr -= n) {
		n = min_u(nr, CHUNK);
		if (pread(fd, buf, n * BLOCK, first * BLOCK) != n * BLOCK)
			die("read of %u blocks at %llu: %s", n,
			    (unsigned long long)first, strerror(errno));
		for (i = 0; i < n; i++) {
			const uint64_t *p = buf + i * WORDS;

			if (zero) {
				if (!block_is_zero(p))
					die("block %llu is not zero: %#llx %#llx",
					    (unsigned long long)first + i,
					    (unsigned long long)p[0],
					    (unsigned long long)p[1]);
				continue;
			}
			if (!block_is_whole(p, first + i, &found))
				die("block %llu is not what was written: %#llx %#llx",
				    (unsigned long long)first + i,
				    (unsigned long long)p[0],
				    (unsigned long long)p[1]);
			if (found != seq)
				die("block %llu: sequence %llu, wanted %llu",
				    (unsigned long long)first + i,
				    (unsigned long long)found,
				    (unsigned long long)seq);
		}
	}
}

/*
 * Writing until killed.
 */

/* Where to report what begins. */
static int begun = 1;

static void say(char what, uint64_t lblk, unsigned int nr, uint64_t seq)
{
	int fd = what == 'A' || what == 'D' ? begun : 1;
	char line[80];
	int len = snprintf(line, sizeof(line), "%c %llu %u %llu\n", what,
			   (unsigned long long)lblk, nr, (unsigned long long)seq);

	ssize_t rc;

	/* One call: lines of several jobs do not mix. A full port takes nothing. */
	while (!(rc = write(fd, line, len)))
		usleep(1000);
	if (rc != len)
		die("cannot report: %s", strerror(errno));
}

static bool write_atomic(int fd, void *buf, unsigned int nr, uint64_t lblk)
{
	struct iovec iov = { .iov_base = buf, .iov_len = nr * BLOCK };

	return pwritev2(fd, &iov, 1, lblk * BLOCK, RWF_ATOMIC) == (ssize_t)(nr * BLOCK);
}

static void __attribute__((noreturn)) job(uint64_t first, uint64_t nr, uint64_t seq)
{
	int fd = open_file(O_RDWR);
	uint64_t *buf = pages(64 * BLOCK);
	uint64_t rnd = mix(seq + first);
	unsigned int n, i, op;
	uint64_t lblk;

	for (;; seq++) {
		rnd = mix(rnd + seq);
		op = rnd % 8;
		n = 1 << (rnd >> 8) % 6;
		/* Aligned to its size, as atomic writes have to be. */
		lblk = first + (rnd >> 16) % (nr / n) * n;
		if (lblk % n)
			n = 1;
		for (i = 0; i < n; i++)
			block_make(buf + i * WORDS, lblk + i, seq);
		if (op == 0) {
			uint64_t range[2] = { lblk * BLOCK, n * BLOCK };

			say('D', lblk, n, seq);
			if (ioctl(fd, BLKDISCARD, range) &&
			    (errno != ENOTTY ||
			     fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       range[0], range[1])))
				die("discard: %s", strerror(errno));
			say('d', lblk, n, seq);
		} else if (op <= 2) {
			say('A', lblk, n, seq);
			if (!write_atomic(fd, buf, n, lblk))
				die("atomic write of %u blocks at %llu: %s", n,
				    (unsigned long long)lblk, strerror(errno));
			say('a', lblk, n, seq);
		} else {
			if (pwrite(fd, buf, n * BLOCK, lblk * BLOCK) != n * BLOCK)
				die("write of %u blocks at %llu: %s", n,
				    (unsigned long long)lblk, strerror(errno));
			say('w', lblk, n, seq);
		}
	}
}

static void report_begun(const char *name, unsigned int j)
{
	char file[256];

	snprintf(file, sizeof(file), "%s.%u", name, j);
	begun = open(file, O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (begun < 0)
		die("cannot open %s: %s", file, strerror(errno));
}

static void acks(uint64_t first, uint64_t nr, uint64_t seq, unsigned int jobs,
		 const char *name)
{
	unsigned int i;
	int status;

	setpgid(0, 0);
	for (i = 0; i < jobs; i++) {
		if (fork())
			continue;
		if (name)
			report_begun(name, i);
		job(first + nr / jobs * i, nr / jobs, seq);
	}
	/* Nobody ends by himself. */
	wait(&status);
	kill(0, SIGTERM);
	die("a job has failed");
}

/* What the log says about a block. */
struct told {
	uint64_t acked;		/* sequence + 1 of the last operation */
	uint64_t discard;	/* sequence + 1 of the last discard that began */
	bool is_discard;	/* the last acknowledged operation */
};

struct group {
	uint64_t lblk, seq;
	unsigned int nr;
};

static void acked(uint64_t first, uint64_t nr, const char *name)
{
	struct told *told = calloc(nr, sizeof(*told));
	uint64_t *seqs = calloc(nr, sizeof(*seqs));
	struct group *groups = NULL;
	size_t nr_groups = 0, g;
	unsigned long long lblk, seq;
	unsigned long lines = 0, zeroes = 0, newer = 0;
	unsigned int n, i;
	uint64_t b;
	char line[128], what;
	uint64_t *buf = pages(BLOCK);
	FILE *log = fopen(name, "r");
	int fd = open_file(O_RDONLY);

	if (!told || !seqs || !log)
		die("cannot read %s", name);
	while (fgets(line, sizeof(line), log)) {
		/* The last line may be cut off. */
		if (!strchr(line, '\n'))
			break;
		if (!strchr("wAaDd", line[0]) || line[1] != ' ')
			continue;
		if (sscanf(line, "%c %llu %u %llu", &what, &lblk, &n, &seq) != 4 ||
		    lblk < first || lblk + n > first + nr)
			die("%s: line %lu is not one: %s", name, lines + 1, line);
		lines++;
		for (i = 0; i < n; i++) {
			struct told *t = &told[lblk - first + i];

			if (what == 'D') {
				t->discard = seq + 1;
			} else if (what != 'A') {
				t->acked = seq + 1;
				t->is_discard = what == 'd';
			}
		}
		if (what == 'A') {
			groups = realloc(groups, (nr_groups + 1) * sizeof(*groups));
			if (!groups)
				die("no memory");
			groups[nr_groups++] = (struct group){ lblk, seq, n };
		}
	}
	if (!lines)
		die("%s: nothing was acknowledged", name);

	for (b = 0; b < nr; b++) {
		const struct told *t = &told[b];

		if (pread(fd, buf, BLOCK, (first + b) * BLOCK) != BLOCK)
			die("read of block %llu: %s",
			    (unsigned long long)(first + b), strerror(errno));
		if (block_is_zero(buf)) {
			zeroes++;
			if (t->acked && !t->is_discard && t->discard <= t->acked)
				die("block %llu is zero, sequence %llu was acknowledged",
				    (unsigned long long)(first + b),
				    (unsigned long long)t->acked - 1);
			/* Atomic groups: as new as the discard. */
			seqs[b] = t->discard;
			continue;
		}
		if (!block_is_whole(buf, first + b, &seqs[b]))
			die("block %llu is torn or foreign: %#llx %#llx",
			    (unsigned long long)(first + b),
			    (unsigned long long)buf[0], (unsigned long long)buf[1]);
		seqs[b]++;
		if (t->is_discard ? seqs[b] <= t->acked : seqs[b] < t->acked)
			die("block %llu has sequence %llu, %s %llu was acknowledged",
			    (unsigned long long)(first + b),
			    (unsigned long long)seqs[b] - 1,
			    t->is_discard ? "a discard with" : "sequence",
			    (unsigned long long)t->acked - 1);
		newer += seqs[b] > t->acked;
	}
	/* An atomic write: all of its blocks are at least so new, or none is. */
	for (g = 0; g < nr_groups; g++) {
		unsigned int new = 0, same = 0;

		for (i = 0; i < groups[g].nr; i++) {
			uint64_t s = seqs[groups[g].lblk - first + i];

			new += s >= groups[g].seq + 1;
			same += s == groups[g].seq + 1;
		}
		if (same && new != groups[g].nr)
			die("atomic write %llu of blocks %llu to %llu is torn",
			    (unsigned long long)groups[g].seq,
			    (unsigned long long)groups[g].lblk,
			    (unsigned long long)groups[g].lblk + groups[g].nr - 1);
	}
	printf("%lu reports, %zu atomic writes, %lu zero blocks, %lu newer than acknowledged: all right\n",
	       lines, nr_groups, zeroes, newer);
}

/*
 * Semantics of a disk.
 */

/* Buffers at every multiple of 512 in a page, split and joined, both ways. */
static void offsets(void)
{
	int fd = open_file(O_RDWR);
	char *out = pages(16 * BLOCK), *in = pages(16 * BLOCK);
	unsigned int off, n, split;
	uint64_t seq = 1;

	for (off = 0; off < BLOCK; off += 512) {
		for (n = 1; n <= 8; n *= 2, seq++) {
			unsigned int i, len = n * BLOCK;
			struct iovec iov[2];

			for (i = 0; i < n; i++) {
				uint64_t tmp[WORDS];

				block_make(tmp, 64 + i, seq);
				memcpy(out + off + i * BLOCK, tmp, BLOCK);
			}
			if (pwrite(fd, out + off, len, 64 * BLOCK) != (ssize_t)len)
				die("write of %u bytes from offset %u: %s", len, off,
				    strerror(errno));
			memset(in, 0xff, 16 * BLOCK);
			if (pread(fd, in + BLOCK - off, len, 64 * BLOCK) != (ssize_t)len)
				die("read of %u bytes to offset %u: %s", len,
				    BLOCK - off, strerror(errno));
			if (memcmp(in + BLOCK - off, out + off, len))
				die("%u bytes from offset %u come back different", len,
				    off);
			/* A block in two pieces. */
			split = off ? off : 512;
			iov[0] = (struct iovec){ out + off, split };
			iov[1] = (struct iovec){ out + off + split, len - split };
			if (pwritev(fd, iov, 2, 128 * BLOCK) != (ssize_t)len)
				die("write of %u + %u bytes: %s", split, len - split,
				    strerror(errno));
			memset(in, 0xff, 16 * BLOCK);
			iov[0] = (struct iovec){ in, split };
			iov[1] = (struct iovec){ in + 8 * BLOCK + split, len - split };
			if (preadv(fd, iov, 2, 128 * BLOCK) != (ssize_t)len)
				die("read of %u + %u bytes: %s", split, len - split,
				    strerror(errno));
			if (memcmp(in, out + off, split) ||
			    memcmp(in + 8 * BLOCK + split, out + off + split,
				   len - split))
				die("%u + %u bytes come back different", split,
				    len - split);
		}
	}
	/* What is not aligned is refused, and nothing is written. */
	if (pwrite(fd, out, 512, 64 * BLOCK) >= 0 || errno != EINVAL)
		die("a write of 512 bytes is not refused with EINVAL");
	if (pwrite(fd, out, BLOCK, 64 * BLOCK + 512) >= 0 || errno != EINVAL)
		die("a write at byte 512 of a block is not refused with EINVAL");
}

static void atomic(void)
{
	int fd = open_file(O_RDWR);
	uint64_t *buf = pages(1024 * BLOCK);
	unsigned int min = 0, max = 0, nr, i;
	struct statx stx;

#ifdef STATX_WRITE_ATOMIC
	if (statx(AT_FDCWD, self_file, 0, STATX_WRITE_ATOMIC, &stx))
		die("statx: %s", strerror(errno));
	if (!(stx.stx_mask & STATX_WRITE_ATOMIC))
		die("statx says nothing about atomic writes");
	min = stx.stx_atomic_write_unit_min;
	max = stx.stx_atomic_write_unit_max;
#else
	/* A C library that does not know the two yet. */
	const size_t at = 0xa8;

	if (statx(AT_FDCWD, self_file, 0, 0x10000, &stx))
		die("statx: %s", strerror(errno));
	if (!(stx.stx_mask & 0x10000))
		die("statx says nothing about atomic writes");
	memcpy(&min, (char *)&stx + at, 4);
	memcpy(&max, (char *)&stx + at + 4, 4);
#endif
	printf("atomic writes of %u to %u bytes\n", min, max);
	if (min != BLOCK || max < BLOCK || max > 1024 * BLOCK || max & (max - 1))
		die("atomic writes of %u to %u bytes are not possible", min, max);
	for (nr = 1; nr * BLOCK <= max; nr *= 2) {
		for (i = 0; i < nr; i++)
			block_make(buf + i * WORDS, 1024 + i, nr);
		if (!write_atomic(fd, buf, nr, 1024))
			die("an atomic write of %u blocks: %s", nr, strerror(errno));
		check(1024, nr, false, nr);
	}
	if (write_atomic(fd, buf, nr, 1024) || errno != EINVAL)
		die("an atomic write of %u blocks is not refused with EINVAL", nr);
	if (write_atomic(fd, buf, 2, 1025) || errno != EINVAL)
		die("a misaligned atomic write is not refused with EINVAL");
}

static void nowait(void)
{
	int fd = open_file(O_RDWR);
	uint64_t *buf = pages(16 * BLOCK);
	struct iovec iov = { .iov_base = buf, .iov_len = 16 * BLOCK };
	unsigned int done = 0, round, i;
	ssize_t rc;

	for (round = 0; round < 200; round++) {
		uint64_t first = 2048 + round % 20 * 16;

		for (i = 0; i < 16; i++)
			block_make(buf + i * WORDS, first + i, round);
		rc = pwritev2(fd, &iov, 1, first * BLOCK, RWF_NOWAIT);
		if (rc < 0 && errno != EAGAIN)
			die("nowait write: %s", strerror(errno));
		if (rc < 0)
			continue;
		if (rc != 16 * BLOCK)
			die("nowait write of %zd bytes", rc);
		done++;
		rc = preadv2(fd, &iov, 1, first * BLOCK, RWF_NOWAIT);
		if (rc != 16 * BLOCK)
			die("nowait read: %zd, %s", rc, strerror(errno));
		for (i = 0; i < 16; i++) {
			uint64_t seq;

			if (!block_is_whole(buf + i * WORDS, first + i, &seq) ||
			    seq != round)
				die("block %llu comes back different",
				    (unsigned long long)first + i);
		}
	}
	printf("%u of 200 nowait writes went through\n", done);
	if (done < 100)
		die("only %u of 200 nowait writes went through", done);
}

/* Opened for writing before the disk became read-only. */
static void readonly(void)
{
	int fd = open_file(O_RDWR), on = 1, off = 0;
	uint64_t *buf = pages(BLOCK);
	uint64_t range[2] = { 0, BLOCK };

	block_make(buf, 0, 1);
	if (pwrite(fd, buf, BLOCK, 0) != BLOCK)
		die("write: %s", strerror(errno));
	if (ioctl(fd, BLKROSET, &on))
		die("BLKROSET: %s", strerror(errno));
	block_make(buf, 0, 2);
	if (pwrite(fd, buf, BLOCK, 0) == BLOCK)
		die("a write to a read-only disk went through");
	if (!ioctl(fd, BLKDISCARD, range))
		die("a discard of a read-only disk went through");
	check(0, 1, false, 1);
	if (ioctl(fd, BLKROSET, &off))
		die("BLKROSET: %s", strerror(errno));
	if (pwrite(fd, buf, BLOCK, 0) != BLOCK)
		die("write after BLKROSET off: %s", strerror(errno));
	check(0, 1, false, 2);
}

/*
 * Out of space.
 */

static void most(uint64_t first, uint64_t nr, uint64_t seq)
{
	int fd = open_file(O_RDWR | O_CREAT);
	uint64_t *buf = pages(CHUNK * BLOCK);
	unsigned int n, i, max = CHUNK;
	uint64_t done = 0;
	ssize_t rc;

	while (done < nr) {
		n = min_u(nr - done, max);
		for (i = 0; i < n; i++)
			block_make(buf + i * WORDS, first + done + i, seq);
		rc = pwrite(fd, buf, n * BLOCK, (first + done) * BLOCK);
		if (rc >= BLOCK) {
			done += rc / BLOCK;
			continue;
		}
		if (rc >= 0 || errno != ENOSPC)
			die("write of %u blocks at %llu: %s", n,
			    (unsigned long long)(first + done), strerror(errno));
		if (max == 1)
			break;
		/* A part of it may be there. The rest one by one. */
		max = 1;
	}
	if (fsync(fd))
		die("fsync: %s", strerror(errno));
	printf("%llu\n", (unsigned long long)done);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static void try_once(uint64_t first, uint64_t nr, uint64_t seq, bool nowait)
{
	int fd = open_file(O_RDWR | O_CREAT), err;
	uint64_t *buf = pages(nr * BLOCK), start;
	struct iovec iov = { .iov_base = buf, .iov_len = nr * BLOCK };
	const char *what = "ok";
	unsigned int i;
	ssize_t rc;

	for (i = 0; i < nr; i++)
		block_make(buf + i * WORDS, first + i, seq);
	start = now_ms();
	rc = pwritev2(fd, &iov, 1, first * BLOCK, nowait ? RWF_NOWAIT : 0);
	err = errno;
	if (rc < 0)
		what = err == ENOSPC ? "ENOSPC" : err == EAGAIN ? "EAGAIN" :
		       strerror(err);
	else if (rc != (ssize_t)(nr * BLOCK))
		what = "short";
	printf("%s %llu\n", what, (unsigned long long)(now_ms() - start));
}

/*
 * Data in small pieces.
 */

static bool discarded(int fd, uint64_t first, uint64_t nr)
{
	uint64_t range[2] = { first * BLOCK, nr * BLOCK };

	return !ioctl(fd, BLKDISCARD, range) ||
	       (errno == ENOTTY &&
		!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			   range[0], range[1]));
}

static void comb(uint64_t first, uint64_t nr, uint64_t run)
{
	int fd = open_file(O_RDWR);
	uint64_t b;

	for (b = run; b < nr; b += 2 * run)
		if (!discarded(fd, first + b, min_u(run, nr - b)))
			die("discard at %llu: %s", (unsigned long long)(first + b),
			    strerror(errno));
}

/* What a block must be: a hole, of one write, or whatever as long as it is whole. */
#define HOLE	(~0ULL)
#define ANY	(~1ULL)

static void block_check(const uint64_t *p, uint64_t lblk, uint64_t want)
{
	uint64_t found = 0;

	if (block_is_zero(p)) {
		if (want == HOLE || want == ANY)
			return;
		die("block %llu is zero, wanted sequence %llu",
		    (unsigned long long)lblk, (unsigned long long)want);
	}
	if (!block_is_whole(p, lblk, &found))
		die("block %llu is torn or foreign: %#llx %#llx",
		    (unsigned long long)lblk, (unsigned long long)p[0],
		    (unsigned long long)p[1]);
	if (want == HOLE)
		die("block %llu is not zero: sequence %llu",
		    (unsigned long long)lblk, (unsigned long long)found);
	if (want != ANY && found != want)
		die("block %llu: sequence %llu, wanted %llu",
		    (unsigned long long)lblk, (unsigned long long)found,
		    (unsigned long long)want);
}

/* A read that fails is tried again if the user wants that. */
static void read_blocks(int fd, void *buf, unsigned int n, uint64_t lblk)
{
	unsigned int tries = 0;

	while (pread(fd, buf, n * BLOCK, lblk * BLOCK) != n * BLOCK) {
		if (!stubborn || ++tries > 20000)
			die("read of %u blocks at %llu: %s", n,
			    (unsigned long long)lblk, strerror(errno));
		usleep(1000);
	}
}

/* @want says what block number @b of the range must be. */
static void check_each(uint64_t first, uint64_t nr,
		       uint64_t (*want)(uint64_t b, const void *arg), const void *arg)
{
	int fd = open_file(O_RDONLY);
	uint64_t *buf = pages(CHUNK * BLOCK), b;
	unsigned int n, i;

	for (b = 0; b < nr; b += n) {
		n = min_u(nr - b, CHUNK);
		read_blocks(fd, buf, n, first + b);
		for (i = 0; i < n; i++)
			block_check(buf + i * WORDS, first + b + i, want(b + i, arg));
	}
}

static uint64_t want_comb(uint64_t b, const void *arg)
{
	const uint64_t *seq_run = arg;

	return b / seq_run[1] % 2 ? HOLE : seq_run[0];
}

static uint64_t want_any(uint64_t b, const void *arg)
{
	return ANY;
}

/*
 * Churn: what job number j does is decided by the seed alone. Its operation
 * number i, from 1 on, leaves sequence SEED + i or a hole.
 */

#define CHURN_WRITES	30	/* of 100 operations; the others discard */

struct churn {
	uint64_t first, nr, filled, seed, ops;
	unsigned int jobs;
	/* Per block: the number of the last operation, twice, plus one for a write. */
	uint64_t *before, *after;
	/* shared by all processes */
	volatile uint64_t *reads;
	volatile uint64_t *stop;
	uint64_t *failures;
	uint64_t *ready;
};

static uint64_t churn_seq(const struct churn *c, uint64_t state)
{
	return state & 1 ? c->seed + (state >> 1) : HOLE;
}

static uint64_t want_churn(uint64_t b, const void *arg)
{
	const struct churn *c = arg;

	return churn_seq(c, c->after[b]);
}

/* Operation @i of job @j: the block, and its state afterwards. */
static uint64_t churn_op(const struct churn *c, unsigned int j, uint64_t i,
			 uint64_t *state)
{
	uint64_t rnd = mix((c->seed << 40 ^ (uint64_t)j << 32) + i * 0x9e3779b97f4a7c15ULL);

	*state = i << 1 | ((rnd >> 32) % 100 < CHURN_WRITES);
	return c->nr / c->jobs * j + (rnd & 0xffffffff) % (c->nr / c->jobs);
}

/* Shall what has failed be tried again? Not for ever. */
static void churn_failed(const struct churn *c, const char *what, uint64_t b,
			 unsigned int *tries)
{
	if (!stubborn || ++*tries > 20000)
		die("%s of block %llu, try %u: %s", what,
		    (unsigned long long)(c->first + b), *tries, strerror(errno));
	__atomic_fetch_add(c->failures, 1, __ATOMIC_SEQ_CST);
	usleep(1000);
}

static void __attribute__((noreturn)) churn_job(const struct churn *c, unsigned int j)
{
	int fd = open_file(O_RDWR);
	uint64_t *buf = pages(BLOCK), i, b, state;
	unsigned int tries;

	__atomic_fetch_add(c->ready, 1, __ATOMIC_SEQ_CST);
	for (i = 1; i <= c->ops / c->jobs; i++) {
		b = churn_op(c, j, i, &state);
		tries = 0;
		__atomic_store_n(&c->before[b], state, __ATOMIC_SEQ_CST);
		if (state & 1) {
			block_make(buf, c->first + b, churn_seq(c, state));
			while (pwrite(fd, buf, BLOCK, (c->first + b) * BLOCK) != BLOCK)
				churn_failed(c, "write", b, &tries);
		} else {
			while (!discarded(fd, c->first + b, 1))
				churn_failed(c, "discard", b, &tries);
		}
		__atomic_store_n(&c->after[b], state, __ATOMIC_SEQ_CST);
	}
	exit(0);
}

/* A block that nobody wrote to meanwhile is what it must be, others are whole. */
static void __attribute__((noreturn)) churn_reader(const struct churn *c)
{
	int fd = open_file(O_RDONLY);
	uint64_t *buf = pages(BLOCK), rnd = c->seed, b, old;
	unsigned int tries;
	bool quiet;

	if (nice(5) < 0)
		die("nice: %s", strerror(errno));
	__atomic_fetch_add(c->ready, 1, __ATOMIC_SEQ_CST);
	while (!*c->stop) {
		rnd = mix(rnd + ++*c->reads);
		b = rnd % c->nr;
		tries = 0;
		old = __atomic_load_n(&c->after[b], __ATOMIC_SEQ_CST);
		while (pread(fd, buf, BLOCK, (c->first + b) * BLOCK) != BLOCK)
			churn_failed(c, "read", b, &tries);
		quiet = __atomic_load_n(&c->before[b], __ATOMIC_SEQ_CST) == old;
		block_check(buf, c->first + b, quiet ? churn_seq(c, old) : ANY);
	}
	exit(0);
}

static void churn_wait(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %s", strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		die("a %s has failed", what);
}

static void churn(uint64_t first, uint64_t nr, uint64_t filled, uint64_t seed,
		  uint64_t ops, unsigned int jobs, bool again)
{
	size_t bytes = (2 * nr + 4) * sizeof(uint64_t);
	struct churn c = {
		.first = first, .nr = nr, .filled = filled, .seed = seed, .ops = ops,
		.jobs = jobs,
	};
	unsigned long writes = 0, discards = 0, holes = 0;
	pid_t pid[64], reader;
	uint64_t b, i, state;
	unsigned int j;

	if (!jobs || jobs > 64 || nr < jobs)
		die("%u jobs for %llu blocks?", jobs, (unsigned long long)nr);
	c.before = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c.before == MAP_FAILED)
		die("no memory");
	c.after = c.before + nr;
	c.reads = c.after + nr;
	c.stop = c.reads + 1;
	c.failures = c.after + nr + 2;
	c.ready = c.failures + 1;
	for (b = 0; b < filled && b < nr; b++)
		c.before[b] = c.after[b] = 1;

	if (!again) {
		reader = fork();
		if (!reader)
			churn_reader(&c);
		for (j = 0; j < jobs; j++) {
			pid[j] = fork();
			if (!pid[j])
				churn_job(&c, j);
		}
		/* From here on all have what they need, if others let memory be short. */
		for (i = 0; stubborn && i < 60000 &&
		     __atomic_load_n(c.ready, __ATOMIC_SEQ_CST) <= jobs; i++)
			usleep(1000);
		if (stubborn && i < 60000) {
			puts("ready");
			fflush(stdout);
		}
		for (j = 0; j < jobs; j++)
			churn_wait(pid[j], "writer");
		*c.stop = 1;
		churn_wait(reader, "reader");
	}
	/* The jobs must have left what the seed says: not the model that they kept. */
	for (b = 0; b < nr; b++)
		c.before[b] = b < filled;
	for (j = 0; j < jobs; j++) {
		for (i = 1; i <= ops / jobs; i++) {
			b = churn_op(&c, j, i, &state);
			c.before[b] = state;
			writes += state & 1;
			discards += !(state & 1);
		}
	}
	for (b = 0; b < nr; b++) {
		if (!again && c.before[b] != c.after[b])
			die("block %llu: the jobs did not do what they should",
			    (unsigned long long)(first + b));
		c.after[b] = c.before[b];
		holes += !(c.after[b] & 1);
	}
	check_each(first, nr, want_churn, &c);
	printf("%lu writes, %lu discards, %llu reads meanwhile, %llu failed and tried again, %lu of %llu blocks are holes: all right\n",
	       writes, discards, (unsigned long long)*c.reads,
	       (unsigned long long)*c.failures, holes, (unsigned long long)nr);
	if (!again && !*c.reads)
		die("nothing was read meanwhile");
}

/*
 * Files in sysfs that can be polled.
 */

static void print_value(int fd, const char *when)
{
	char buf[4096];
	ssize_t len = pread(fd, buf, sizeof(buf) - 1, 0);

	if (len < 0)
		die("read: %s", strerror(errno));
	buf[len] = 0;
	buf[strcspn(buf, "\n")] = 0;
	printf("%s %s\n", when, buf);
	fflush(stdout);
}

static void poll_file(unsigned int seconds)
{
	struct pollfd pfd = { .events = POLLPRI };

	pfd.fd = open(self_file, O_RDONLY);
	if (pfd.fd < 0)
		die("cannot open: %s", strerror(errno));
	print_value(pfd.fd, "now");
	if (poll(&pfd, 1, seconds * 1000) < 0)
		die("poll: %s", strerror(errno));
	if (!(pfd.revents & POLLPRI))
		die("no change within %u seconds", seconds);
	print_value(pfd.fd, "then");
}

static void find(uint64_t lblk, uint64_t seq)
{
	int fd = open_file(O_RDONLY);
	uint64_t *buf = pages(CHUNK * BLOCK), page = 0, found, nr = 0;
	ssize_t len, i;

	while ((len = pread(fd, buf, CHUNK * BLOCK, page * BLOCK)) > 0) {
		for (i = 0; i < len / BLOCK; i++, page++) {
			if (!block_is_whole(buf + i * WORDS, lblk, &found) ||
			    found != seq)
				continue;
			printf("%llu\n", (unsigned long long)page);
			nr++;
		}
	}
	if (!nr)
		die("block %llu is nowhere", (unsigned long long)lblk);
}

int main(int argc, char **argv)
{
	const char *cmd;
	uint64_t arg[6] = { 0 };
	int i;

	for (; argc > 1 && argv[1][0] == '-'; argc--, argv++) {
		buffered |= !strcmp(argv[1], "-b");
		stubborn |= !strcmp(argv[1], "-r");
	}
	cmd = argc > 2 ? argv[1] : "";
	self_file = argc > 2 ? argv[2] : "usage";
	for (i = 3; i < argc && i < 9; i++) {
		if ((i == 5 && !strcmp(cmd, "acked")) ||
		    (i == 7 && !strcmp(cmd, "acks")))
			break;
		arg[i - 3] = number(argv[i]);
	}
	if (!strcmp(cmd, "fill") && argc == 6)
		fill(arg[0], arg[1], arg[2]);
	else if (!strcmp(cmd, "check") && argc == 6)
		check(arg[0], arg[1], false, arg[2]);
	else if (!strcmp(cmd, "zero") && argc == 5)
		check(arg[0], arg[1], true, 0);
	else if (!strcmp(cmd, "acks") && (argc == 7 || argc == 8))
		acks(arg[0], arg[1], arg[2], arg[3], argv[7]);
	else if (!strcmp(cmd, "acked") && argc == 6)
		acked(arg[0], arg[1], argv[5]);
	else if (!strcmp(cmd, "offsets") && argc == 3)
		offsets();
	else if (!strcmp(cmd, "atomic") && argc == 3)
		atomic();
	else if (!strcmp(cmd, "nowait") && argc == 3)
		nowait();
	else if (!strcmp(cmd, "readonly") && argc == 3)
		readonly();
	else if (!strcmp(cmd, "most") && argc == 6)
		most(arg[0], arg[1], arg[2]);
	else if (!strcmp(cmd, "try") && argc == 7)
		try_once(arg[0], arg[1], arg[2], arg[3]);
	else if (!strcmp(cmd, "comb") && argc == 6)
		comb(arg[0], arg[1], arg[2]);
	else if (!strcmp(cmd, "combed") && argc == 7)
		check_each(arg[0], arg[1], want_comb, &arg[2]);
	else if (!strcmp(cmd, "whole") && argc == 5)
		check_each(arg[0], arg[1], want_any, NULL);
	else if (!strcmp(cmd, "churn") && argc == 9)
		churn(arg[0], arg[1], arg[2], arg[3], arg[4], arg[5], false);
	else if (!strcmp(cmd, "churned") && argc == 9)
		churn(arg[0], arg[1], arg[2], arg[3], arg[4], arg[5], true);
	else if (!strcmp(cmd, "poll") && argc == 4)
		poll_file(arg[0]);
	else if (!strcmp(cmd, "find") && argc == 5)
		find(arg[0], arg[1]);
	else
		die("kmemio [-b] [-r] COMMAND FILE ..., see its source");
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest of ./run bench guest wants and a shell has not; static.
 *
 *   inguest ram MIB	memory, bound to a node by numactl: prints the nanoseconds per
 *			page of the first touch, and per MiB of writing and reading
 *   inguest tree DIR NR	make so many files, of 1 to 32 KiB
 *   inguest atomic FILE	what statx promises about atomic writes, and does a write of
 *			the largest size work: prints "MIN MAX"
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Headers may be older than the kernel. */
#define STATX_WRITE_ATOMIC_BIT	0x00010000U
#define RWF_ATOMIC_BIT		0x00000040
#define STATX_UNIT_MIN_OFFSET	0xa8

#define MIB			(1UL << 20)
#define PAGE			4096UL

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static int fail(const char *what)
{
	fprintf(stderr, "inguest: %s: %s\n", what, strerror(errno));
	return 1;
}

static int ram(size_t mib)
{
	volatile uint64_t *mem;
	double start, touched, written, read;
	size_t words = mib * MIB / sizeof(*mem);
	uint64_t sum = 0;

	mem = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	if (mem == MAP_FAILED || madvise((void *)mem, mib * MIB, MADV_NOHUGEPAGE))
		return fail("memory");
	start = now();
	for (size_t i = 0; i < words; i += PAGE / sizeof(*mem))
		mem[i] = i;
	touched = now();
	for (size_t i = 0; i < words; i++)
		mem[i] = i;
	written = now();
	for (size_t i = 0; i < words; i++)
		sum += mem[i];
	read = now();
	if (sum != (uint64_t)words * (words - 1) / 2) {
		fprintf(stderr, "inguest: memory does not hold what was written\n");
		return 1;
	}
	printf("%.0f %.0f %.0f\n", (touched - start) / (mib * MIB / PAGE),
	       (written - touched) / mib, (read - written) / mib);
	return 0;
}

static int tree(const char *dir, unsigned int nr)
{
	static char buf[32 << 10];

	memset(buf, 'x', sizeof(buf));
	for (unsigned int i = 0; i < nr; i++) {
		size_t size = 1024 + i * 7919UL % (sizeof(buf) - 1023);
		char path[256];
		int fd;

		snprintf(path, sizeof(path), "%s/%u", dir, i % 16);
		if (mkdir(path, 0755) && errno != EEXIST)
			return fail(path);
		snprintf(path, sizeof(path), "%s/%u/%u", dir, i % 16, i);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0 || write(fd, buf, size) != (ssize_t)size || close(fd))
			return fail(path);
	}
	return 0;
}

static int atomic(const char *file)
{
	unsigned char stx[256] = {};
	uint32_t min, max;
	struct iovec iov;
	struct stat st;
	void *buf;
	int fd;

	fd = open(file, O_RDWR | O_CREAT | O_DIRECT, 0644);
	if (fd < 0 || fstat(fd, &st))
		return fail(file);
	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_WRITE_ATOMIC_BIT, stx))
		return fail("statx");
	memcpy(&min, stx + STATX_UNIT_MIN_OFFSET, sizeof(min));
	memcpy(&max, stx + STATX_UNIT_MIN_OFFSET + sizeof(min), sizeof(max));
	printf("%u %u\n", min, max);
	if (!max)
		return 0;
	if (posix_memalign(&buf, max, max))
		return fail("memory");
	memset(buf, 'a', max);
	iov.iov_base = buf;
	iov.iov_len = max;
	/* A hole would be something else. */
	if (S_ISREG(st.st_mode) && (pwrite(fd, buf, max, 0) != (ssize_t)max || fsync(fd)))
		return fail("write");
	/* Not through glibc, which may not know the flag. */
	if (syscall(SYS_pwritev2, fd, &iov, 1, 0, 0, RWF_ATOMIC_BIT) != (long)max)
		return fail("atomic write");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "ram"))
		return ram(strtoul(argv[2], NULL, 0));
	if (argc == 4 && !strcmp(argv[1], "tree"))
		return tree(argv[2], strtoul(argv[3], NULL, 0));
	if (argc == 3 && !strcmp(argv[1], "atomic"))
		return atomic(argv[2]);
	fprintf(stderr, "usage: inguest ram MIB | tree DIR NR | atomic FILE\n");
	return 2;
}

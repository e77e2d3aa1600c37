// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>

#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x40
#endif

static const char * const names[] = { "ok", "ENOSPC", "EAGAIN", "EIO", "other" };
static int fd;
static char *buf;

static unsigned long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static int end_of(long res)
{
	return res > 0 ? 0 : res == -ENOSPC ? 1 : res == -EAGAIN ? 2 : res == -EIO ? 3 : 4;
}

/* Rounds of a read, an overwrite and a discard of blocks that are there: the slowest. */
static int ops(uint64_t block, int rounds)
{
	unsigned long long worst = 0, ms;

	for (int i = 0; i < rounds; i++) {
		uint64_t range[2] = { (block + 1 + i) * 4096, 4096 };

		ms = now_ms();
		if (pread(fd, buf, 4096, block * 4096) != 4096 ||
		    pwrite(fd, buf, 4096, block * 4096) != 4096 || ioctl(fd, BLKDISCARD, range))
			return 1;
		ms = now_ms() - ms;
		worst = ms > worst ? ms : worst;
	}
	printf("%llu\n", worst);
	return 0;
}

/* So many writes of so many blocks, all at once: how they end, and who ends before others. */
static int many(uint64_t block, int nr, int blocks)
{
	struct iocb *cb = calloc(nr, sizeof(*cb));
	int ends[5] = { 0 }, late = 0, last = -1;
	aio_context_t ctx = 0;
	struct io_event ev;

	if (syscall(SYS_io_setup, nr, &ctx))
		return 1;
	for (int i = 0; i < nr; i++) {
		struct iocb *p = &cb[i];

		p->aio_lio_opcode = IOCB_CMD_PWRITE;
		p->aio_fildes = fd;
		p->aio_buf = (uintptr_t)buf;
		p->aio_nbytes = blocks * 4096;
		p->aio_offset = (block + (uint64_t)i * blocks) * 4096;
		p->aio_data = i;
		if (syscall(SYS_io_submit, ctx, 1, &p) != 1)
			return 1;
	}
	for (int i = 0; i < nr; i++) {
		if (syscall(SYS_io_getevents, ctx, 1, 1, &ev, NULL) != 1)
			return 1;
		ends[end_of(ev.res)]++;
		late += (int)ev.data < last;
		last = ev.data;
	}
	for (int e = 0; e < 5; e++)
		if (ends[e])
			printf("%s %d ", names[e], ends[e]);
	printf("disorder %d\n", late);
	return 0;
}

static uint64_t threads_block;
static int threads_bytes;

static void *one_write(void *arg)
{
	const ssize_t rc = pwrite(fd, buf, threads_bytes, threads_block * 4096 +
				  (uintptr_t)arg % 16 * threads_bytes);

	return (void *)(intptr_t)end_of(rc < 0 ? -errno : rc);
}

/* The same, by a thread each: who has to wait for room does not hold up the others. */
static int threads(uint64_t block, int nr, int blocks)
{
	pthread_t *thread = calloc(nr, sizeof(*thread));
	int ends[5] = { 0 };
	pthread_attr_t attr;
	void *end;

	threads_block = block;
	threads_bytes = blocks * 4096;
	if (pthread_attr_init(&attr) || pthread_attr_setstacksize(&attr, 65536))
		return 1;
	for (int i = 0; i < nr; i++)
		if (pthread_create(&thread[i], &attr, one_write, (void *)(uintptr_t)i))
			return 1;
	for (int i = 0; i < nr; i++) {
		if (pthread_join(thread[i], &end))
			return 1;
		ends[(intptr_t)end]++;
	}
	for (int e = 0; e < 5; e++)
		if (ends[e])
			printf("%s %d ", names[e], ends[e]);
	printf("\n");
	return 0;
}

static int atomic(uint64_t block, int blocks, int flags)
{
	struct iovec iov = { buf, blocks * 4096 };
	unsigned long long start = now_ms();
	ssize_t rc = pwritev2(fd, &iov, 1, block * 4096, RWF_ATOMIC | flags);

	printf("%s %llu\n", names[end_of(rc < 0 ? -errno : rc)], now_ms() - start);
	return 0;
}

/* Swap out so many MiB of our own. */
static int swap_out(size_t mib)
{
	size_t size = mib << 20;
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(mem, 0x55, size);
	for (int i = 0; i < 3; i++)
		madvise(mem, size, MADV_PAGEOUT);
	for (size_t i = 0; i < size; i++)
		if (mem[i] != 0x55)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 4 ? argv[1] : "";
	uint64_t block = argc > 4 ? atoll(argv[3]) : 0;
	int nr = argc > 4 ? atoi(argv[4]) : 0;

	if (!strcmp(cmd, "out"))
		return swap_out(nr);
	fd = open(argv[2], O_RDWR | O_DIRECT);
	if (fd < 0 || posix_memalign((void **)&buf, 1 << 21, 1 << 21))
		return 1;
	memset(buf, 0x77, 1 << 21);
	if (!strcmp(cmd, "ops"))
		return ops(block, nr);
	if (!strcmp(cmd, "many") && argc == 6)
		return many(block, nr, atoi(argv[5]));
	if (!strcmp(cmd, "threads") && argc == 6)
		return threads(block, nr, atoi(argv[5]));
	if (!strcmp(cmd, "atomic"))
		return atomic(block, nr, argc == 6 ? RWF_NOWAIT : 0);
	return 2;
}

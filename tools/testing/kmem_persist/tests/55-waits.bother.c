// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/*
 * space DISK HOLE ROUNDS: free a block, write it, fail to write the hole
 * errors DISK FILE: read 64 blocks; after each that fails, FILE as nobody
 * Both print how often they had their way, and the milliseconds that took.
 */
int main(int argc, char **argv)
{
	int fd = open(argv[2], O_RDWR | O_DIRECT), i, n = 0;
	double start = now();
	char text[4096];
	void *buf;

	if (fd < 0 || posix_memalign(&buf, 4096, 4096))
		return 1;
	memset(buf, 1, 4096);
	if (argc == 5) {
		off_t hole = atoll(argv[3]) * 4096;

		for (i = 0; i < atoi(argv[4]); i++) {
			uint64_t range[2] = { i * 4096ULL, 4096 };
			int tries = 0;

			if (ioctl(fd, BLKDISCARD, range))
				return 1;
			while (pwrite(fd, buf, 4096, range[0]) != 4096 && tries++ < 400)
				usleep(5000);
			if (pwrite(fd, buf, 4096, hole) < 0 && errno == ENOSPC && tries < 400)
				n++;
		}
	} else {
		for (i = 0; i < 64; i++) {
			int file;

			if (pread(fd, buf, 4096, i * 4096) == 4096)
				continue;
			n++;
			if (seteuid(65534))
				return 1;
			file = open(argv[3], O_RDONLY);
			if (file < 0 || read(file, text, sizeof(text)) <= 0)
				return 1;
			close(file);
			if (seteuid(0))
				return 1;
		}
	}
	printf("%d %.0f\n", n, (now() - start) * 1000);
	return 0;
}

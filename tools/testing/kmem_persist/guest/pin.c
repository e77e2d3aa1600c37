// SPDX-License-Identifier: GPL-2.0
/*
 * pin MIB: use so much memory and give it back, but for one page in each MiB, to which a
 * pipe has a reference (vmsplice). Needs no capabilities. Prints "pinned" and waits for
 * SIGTERM. Bind it with numactl.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define STEP	(1UL << 20)

int main(int argc, char **argv)
{
	size_t bytes = argc == 2 ? strtoull(argv[1], NULL, 0) << 20 : 0, i, left = 0;
	size_t page = sysconf(_SC_PAGESIZE);
	int fds[2];
	char *mem;

	if (!bytes) {
		fprintf(stderr, "usage: pin MIB\n");
		return 2;
	}
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		perror("pin: mmap");
		return 1;
	}
	madvise(mem, bytes, MADV_NOHUGEPAGE);
	memset(mem, 1, bytes);
	for (i = 0; i < bytes; i += STEP) {
		struct iovec iov = { .iov_base = mem + i, .iov_len = page };

		if (!left) {
			if (pipe(fds)) {
				perror("pin: pipe");
				return 1;
			}
			/* as many as an ordinary user may have */
			fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
			left = fcntl(fds[1], F_GETPIPE_SZ) / page;
		}
		if (vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK) < 0) {
			perror("pin: vmsplice");
			return 1;
		}
		left--;
		madvise(mem + i + page, STEP - page, MADV_DONTNEED);
	}
	puts("pinned");
	fflush(stdout);
	for (;;)
		pause();
}

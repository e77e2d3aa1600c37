// SPDX-License-Identifier: GPL-2.0
/*
 * slabs DIR NODE NR: so many inodes in DIR, a tmpfs, whose slabs are in NODE if the kernel
 * runs with slab_strict_numa. Nothing else is: no page table, no stack. What debugging
 * keeps of each way to allocate something is elsewhere, as it was gone before.
 */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static char name[4096];

static void make(const char *dir, unsigned long node, const char *kind, int nr)
{
	unsigned long mask = 1UL << node;
	int fd, i;

	if (syscall(SYS_set_mempolicy, MPOL_BIND, &mask, 8 * sizeof(mask))) {
		perror("set_mempolicy");
		exit(1);
	}
	for (i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "%s/%s%d", dir, kind, i);
		fd = open(name, O_CREAT | O_WRONLY, 0600);
		if (fd < 0 || close(fd)) {
			perror(name);
			exit(1);
		}
	}
	if (syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0)) {
		perror("set_mempolicy");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	make(argv[1], 0, "first", 200);
	make(argv[1], strtoul(argv[2], NULL, 0), "", atoi(argv[3]));
	return 0;
}

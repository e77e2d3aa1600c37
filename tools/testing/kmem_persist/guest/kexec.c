// SPDX-License-Identifier: GPL-2.0
/*
 * kexec - start another kernel, now, as reboot does: devices are shut down
 *
 *   kexec [-l | -p] KERNEL INITRD COMMAND-LINE
 *
 * -l: it is only loaded, for systemctl kexec; -p: for a panic.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/kexec.h>
#include <linux/reboot.h>

int main(int argc, char **argv)
{
	int load = argc > 1 && !strcmp(argv[1], "-l");
	int panic = argc > 1 && !strcmp(argv[1], "-p");
	int kernel, initrd;

	argc -= load || panic;
	argv += load || panic;
	if (argc != 4) {
		fputs("usage: kexec [-l | -p] KERNEL INITRD COMMAND-LINE\n", stderr);
		return 2;
	}
	kernel = open(argv[1], O_RDONLY | O_CLOEXEC);
	initrd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (kernel < 0 || initrd < 0) {
		perror("kexec: open");
		return 1;
	}
	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(argv[3]) + 1, argv[3],
		    panic ? KEXEC_FILE_ON_CRASH : 0UL)) {
		perror("kexec: load");
		return 1;
	}
	if (load || panic)
		return 0;
	sync();
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		LINUX_REBOOT_CMD_KEXEC, NULL);
	perror("kexec");
	return 1;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * uevents KEY: print the kernel's events that carry a variable of this name, until
 * killed. One line per event, the variables behind its action and path, in the order
 * in which the kernel sends them. Prints "listening" first.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netlink.h>

int main(int argc, char **argv)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
	int size = 4 << 20;
	char buf[8192];
	ssize_t len, i;

	if (argc != 2) {
		fprintf(stderr, "usage: uevents KEY\n");
		return 2;
	}
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		perror("uevents");
		return 1;
	}
	/* An event that is lost here is missed by the test. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("listening");
	while ((len = recv(fd, buf, sizeof(buf) - 1, 0)) >= 0) {
		int wanted = 0;

		buf[len] = 0;
		for (i = strlen(buf) + 1; i < len; i += strlen(buf + i) + 1)
			wanted |= !strncmp(buf + i, argv[1], strlen(argv[1])) &&
				  buf[i + strlen(argv[1])] == '=';
		if (!wanted)
			continue;
		for (i = 0; i < len - 1; i++)
			if (!buf[i])
				buf[i] = ' ';
		puts(buf);
	}
	perror("uevents: recv");
	return 1;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * deadline SECONDS: when the system has been up for so long, let the kernel say which
 * tasks wait, and for what, and what the processors do. Works when there is no memory,
 * and when nothing can be read any more.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const char why[] = "deadline: the time of this guest is nearly up\n";
	int kmsg = open("/dev/kmsg", O_WRONLY);
	int sysrq = open("/proc/sysrq-trigger", O_WRONLY);
	int oom = open("/proc/self/oom_score_adj", O_WRONLY);
	struct timespec until = { 0 };

	if (argc != 2 || kmsg < 0 || sysrq < 0 || oom < 0)
		return 2;
	until.tv_sec = strtol(argv[1], NULL, 0);
	if (write(oom, "-1000", 5) != 5 || mlockall(MCL_CURRENT | MCL_FUTURE))
		return 1;
	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, NULL))
		;
	return write(kmsg, why, sizeof(why) - 1) < 0 ||
	       write(sysrq, "w", 1) < 0 || write(sysrq, "l", 1) < 0;
}

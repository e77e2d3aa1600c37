// SPDX-License-Identifier: GPL-2.0
/*
 * What setup does, step by step, and shows before
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include "attach.h"
#include "in_use.h"
#include "out.h"
#include "run.h"
#include "setup.h"
#include "sysfs.h"

/* Where udev and the kernel are waited for. */
#define SETUP_WAIT_MS	10000
#define SETUP_STEP_MS	100

static void setup_fstab_line(const struct setup *s, char *line, size_t size)
{
	snprintf(line, size, "%s%s %s ext4 discard,nofail,x-systemd.device-timeout=5min 0 2",
		 s->fs_label ? "LABEL=" : "/dev/disk/by-id/kmem-uuid.",
		 s->fs_label ? s->label : s->uuid, s->o->mount ?: "DIRECTORY");
}

static void setup_request(const struct setup *s, char *text, size_t size)
{
	snprintf(text, size, "1 uuid=%s%s%s", s->uuid, s->label ? " label=" : "",
		 s->label ?: "");
}

/* ndctl says "no space left" of a region that one raw namespace covers. */
static void setup_create_argv(const struct setup *s, const char **argv)
{
	const char * const anew[] = { "ndctl", "create-namespace", "-f", "-e", s->ns,
				      "-m", "devdax", "--map=mem", "-a", "2M", NULL };
	const char * const room[] = { "ndctl", "create-namespace", "-r", s->region_name,
				      "-m", "devdax", "--map=mem", "-a", "2M", NULL };

	memcpy(argv, *s->ns ? anew : room, *s->ns ? sizeof(anew) : sizeof(room));
}

static void setup_mkfs_argv(const struct setup *s, const char *node, const char **argv)
{
	const char * const named[] = { "mkfs.ext4", "-q", "-L", s->label, node, NULL };
	const char * const plain[] = { "mkfs.ext4", "-q", node, NULL };

	memcpy(argv, s->fs_label ? named : plain, s->fs_label ? sizeof(named) : sizeof(plain));
}

/**
 * setup_show - what will be done, as commands
 * @s: what is to be done
 */
void setup_show(const struct setup *s)
{
	const char *argv[16], *dax = s->has_dax ? s->d.name : "daxX.Y";
	char request[256], line[512];
	u64 size;

	if (s->make && *s->ns && sysfs_u64(s->ns_dir, "size", &size))
		say("%s: raw, %llu MiB: it is made anew", s->ns, size >> 20);
	if (s->has_dax && sysfs_u64(s->d.dir, "size", &size))
		say("%s: %llu MiB%s%s", s->d.name, size >> 20, *s->ns ? ", of " : "", s->ns);
	say("All that is on it is lost. This is done:");
	if (s->make) {
		setup_create_argv(s, argv);
		run_show(argv);
	}
	setup_request(s, request, sizeof(request));
	say("  # echo '%s' > /sys/bus/dax/devices/%s/persist_format", request, dax);
	say("  # kmem-persist attach %s", dax);
	setup_mkfs_argv(s, "/dev/kmemN", argv);
	run_show(argv);
	if (s->o->mount) {
		say("  # mkdir -p %s", s->o->mount);
		say("  # mount -o discard /dev/kmemN %s", s->o->mount);
	}
	if (s->o->cxl)
		say("Its CXL region is made again at each boot: /etc/kmem-persist/cxl");
	setup_fstab_line(s, line, sizeof(line));
	say("%s /etc/fstab%s:\n  %s", s->o->fstab ? "This line is added to" : "A line for",
	    s->o->fstab ? ", the old file is /etc/fstab.bak" : "", line);
	say("A kernel that does not know this format must not make RAM of the device: it destroys the data. Where kmem is not a module, on another system of this machine and in an installer nothing keeps it from that.");
}

static void setup_create(struct setup *s)
{
	static const char key[] = "\"chardev\":\"";
	const char *argv[16];
	char text[8192], *dax;
	int status;

	setup_create_argv(s, argv);
	if (!run_text(argv, RUN_SHOWN, text, sizeof(text), &status))
		setup_refuse(s, "ndctl create-namespace ended with %d", status);
	dax = strstr(text, key);
	if (dax) {
		dax += strlen(key);
		dax[strcspn(dax, "\"")] = '\0';
	}
	if (!dax || !dax_name(&s->d, dax) || !dax_exists(&s->d))
		setup_refuse(s, "the namespace was made, but has no device");
	s->has_dax = true;
	setup_need_kernel(s);
	/* What is behind the info block is what was there before. */
	setup_need_dax(s);
}

static void setup_attach(struct setup *s, struct in_use *u)
{
	struct attach a = { .d = s->d, .asked = true };
	sigset_t ends, before;
	char request[256];
	int err;

	/* Who is ended here would leave a format that somebody gets later by surprise. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, &before);
	setup_request(s, request, sizeof(request));
	err = sysfs_store(s->d.dir, "persist_format", request);
	if (err)
		setup_refuse(s, "persist_format does not take '%s': %s", request,
			     strerror(-err));
	if (attach_device(&a) != ATTACH_DONE) {
		/* Nobody shall format it by surprise. */
		sysfs_store(s->d.dir, "persist_format", "-1");
		setup_refuse(s, "%s", a.text);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	say("%s: %s", s->d.name, a.text);
	if (!in_use_read(u, s->d.name) || strcmp(u->uuid, s->uuid))
		setup_refuse(s,
			     "what is attached is not what was asked for (UUID %s): it is left alone",
			     u->uuid);
	if (!*u->disk)
		setup_refuse(s, "it has no disk");
}

static void setup_wait_for(const struct setup *s, const char *node)
{
	const struct timespec step = { .tv_nsec = SETUP_STEP_MS * 1000000L };

	for (int ms = 0; access(node, F_OK); ms += SETUP_STEP_MS) {
		if (ms >= SETUP_WAIT_MS)
			setup_refuse(s, "%s does not come", node);
		nanosleep(&step, NULL);
	}
}

static void setup_run(const struct setup *s, const char * const *argv)
{
	int status;

	status = run_program(argv, RUN_SHOWN);
	if (status)
		setup_refuse(s,
			     "%s ended with %d; what was shown before it is done, it and what is behind it is left to do by hand",
			     argv[0], status);
}

/* Right before it is written to: is that still the disk that was made? */
static void setup_need_disk(const struct setup *s, const struct in_use *u, const char *node)
{
	char dev[32], number[32];
	struct in_use now;
	struct stat st;

	if (!in_use_read(&now, s->d.name) || strcmp(now.uuid, s->uuid) ||
	    strcmp(now.disk, u->disk))
		setup_refuse(s, "%s is another disk now, it is left alone", u->disk);
	if (stat(node, &st) || !S_ISBLK(st.st_mode))
		return;
	snprintf(number, sizeof(number), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	if (!sysfs_text(now.disk_dir, "dev", dev, sizeof(dev)) || strcmp(dev, number))
		setup_refuse(s, "%s is not the node of it, it is left alone", node);
}

/* The new file is whole, or the old one stays. */
static void setup_write_fstab(const struct setup *s)
{
	char path[PATH_MAX], new[PATH_MAX + 8], bak[PATH_MAX + 8], line[512];
	struct stat st = { .st_mode = 0644 };
	int c, last = '\n';
	FILE *from, *to;
	bool ok;

	snprintf(path, sizeof(path), "%s/etc/fstab", files_root());
	snprintf(new, sizeof(new), "%s.new", path);
	snprintf(bak, sizeof(bak), "%s.bak", path);
	setup_fstab_line(s, line, sizeof(line));
	from = fopen(path, "re");
	if (!from && errno != ENOENT)
		setup_refuse(s, "/etc/fstab cannot be read: %s", strerror(errno));
	unlink(new);
	to = fopen(new, "wxe");
	ok = to && (!from || !fstat(fileno(from), &st));
	for (; ok && from && (c = fgetc(from)) != EOF; last = c)
		ok = fputc(c, to) != EOF;
	ok = ok && !(from && ferror(from)) &&
	     fprintf(to, "%s%s\n", last == '\n' ? "" : "\n", line) > 0 &&
	     !fchmod(fileno(to), st.st_mode & 07777) && !fflush(to) && !fsync(fileno(to));
	if (to && fclose(to))
		ok = false;
	if (from) {
		fclose(from);
		unlink(bak);
		ok = ok && !link(path, bak);
	}
	if (!ok || rename(new, path)) {
		unlink(new);
		setup_refuse(s, "/etc/fstab cannot be written: %s; add the line by hand",
			     strerror(errno));
	}
	say("/etc/fstab has it; systemctl daemon-reload, if this is systemd");
}

static void setup_remember_cxl(struct setup *s)
{
	int err;

	if (!s->o->cxl)
		return;
	/* Of others it is the format that has one. */
	if (!s->cxl.persistent)
		memcpy(s->cxl.uuid, s->uuid, sizeof(s->cxl.uuid));
	err = cxl_remember(&s->cxl);
	if (err)
		setup_refuse(s, "/etc/kmem-persist/cxl cannot be written: %s", strerror(-err));
}

/**
 * setup_do - do it
 * @s: what is to be done, and nothing of it was refused
 *
 * It ends the program where a step fails, and says what is left to do.
 */
void setup_do(struct setup *s)
{
	const char *argv[16];
	char node[PATH_MAX], accept[256], text[64];
	struct in_use u;

	if (s->make)
		setup_create(s);
	setup_remember_cxl(s);
	setup_attach(s, &u);
	snprintf(node, sizeof(node), "%s/dev/%s", files_root(), u.disk);
	setup_wait_for(s, node);
	setup_need_disk(s, &u, node);
	setup_mkfs_argv(s, node, argv);
	setup_run(s, argv);
	if (s->o->mount) {
		char dir[PATH_MAX];
		const char * const mkdir_p[] = { "mkdir", "-p", dir, NULL };
		const char * const mount[] = { "mount", "-o", "discard", node, dir, NULL };

		snprintf(dir, sizeof(dir), "%s%s", files_root(), s->o->mount);
		setup_run(s, mkdir_p);
		setup_run(s, mount);
	}
	if (s->o->fstab)
		setup_write_fstab(s);
	if (!*s->region && sysfs_text(s->d.dir, "persist_accept", accept, sizeof(accept)))
		say("The next boot makes plain RAM of it, and all is lost, unless the command line of the kernel has:\n  kmem.persist_accept=%s",
		    accept);
	if (sysfs_text(u.persist, "persistence", text, sizeof(text)) && !strcmp(text, "none"))
		say("A power failure loses all that is on it (persistence: none).");
}

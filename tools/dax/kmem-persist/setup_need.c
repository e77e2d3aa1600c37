// SPDX-License-Identifier: GPL-2.0
/*
 * What setup refuses: the kernel and the machine, what was asked for, and the device
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "attach.h"
#include "format.h"
#include "run.h"
#include "setup.h"
#include "sysfs.h"

/* What ext4 has for a label, and what fstab takes without further ado. */
#define SETUP_FS_LABEL	16

/**
 * setup_need_kernel - of one that does not know persistent data nothing is asked
 * @s: what is to be done
 *
 * Nothing is loaded before that is known.
 */
void setup_need_kernel(const struct setup *s)
{
	static const char * const parm[] = { "modinfo", "-F", "parm", "kmem", NULL };
	static const char * const blk[] = { "modinfo", "-n", "kmem_blk", NULL };
	static char text[65536];
	char dir[PATH_MAX];
	int status;

	if (s->has_dax && !dax_has(&s->d, "persist_format"))
		setup_refuse(s,
			     "this kernel does not know persistent data in RAM, or has CONFIG_DEV_DAX_KMEM_PERSIST disabled");
	snprintf(dir, sizeof(dir), "%s/module/kmem/parameters", sysfs_root());
	if (!sysfs_text(dir, "persist_accept", text, sizeof(text)) &&
	    !(run_text(parm, RUN_QUIET, text, sizeof(text), &status) &&
	      (!strncmp(text, "persist_accept:", 15) || strstr(text, "\npersist_accept:"))))
		setup_refuse(s,
			     "kmem of this kernel does not know persistent data in RAM, or is not installed");
	if (!run_text(blk, RUN_QUIET, text, sizeof(text), &status))
		setup_refuse(s, "kmem_blk, which makes disks, is not installed");
}

/* Half of it is of no use to anybody. */
static void setup_need_programs(const struct setup *s)
{
	const char * const names[][2] = {
		{ s->make ? "ndctl" : NULL, "ndctl" },
		{ "mkfs.ext4", "e2fsprogs" },
		{ s->o->mount ? "mount" : NULL, "mount" },
		{ "blkid", "util-linux" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i][0] && !run_find(names[i][0]))
			setup_refuse(s, "there is no %s (package %s)", names[i][0],
				     names[i][1]);
}

static bool setup_log_says(const char *what)
{
	char path[PATH_MAX], record[8192];
	bool found = false;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/dev/kmsg", files_root());
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	while (fd >= 0 && !found) {
		len = read(fd, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			break;
		record[len] = '\0';
		found = strstr(record, what);
	}
	if (fd >= 0)
		close(fd);
	return found;
}

/* What the kernel would hold a device for. */
static void setup_need_machine(const struct setup *s)
{
	char up[PATH_MAX], text[4096];

	if (sysconf(_SC_PAGESIZE) != KMEM_PERSIST_BLOCK_SIZE)
		setup_refuse(s, "this kernel has pages of %ld bytes, the format needs %u",
			     sysconf(_SC_PAGESIZE), KMEM_PERSIST_BLOCK_SIZE);
	if ((sysfs_text(procfs_root(), "cmdline", text, sizeof(text)) &&
	     strstr(text, "mem_encrypt=on")) ||
	    setup_log_says("Memory Encryption Features active"))
		setup_refuse(s,
			     "memory encryption is active, what is stored could not be read after a boot");
	if (!*s->region)
		return;
	snprintf(up, sizeof(up), "%s/..", s->region);
	if (sysfs_text(up, "provider", text, sizeof(text)) && !strcmp(text, "virtio-pmem"))
		setup_refuse(s, "its region is asynchronous, that is not supported");
	if (sysfs_text(s->region, "read_only", text, sizeof(text)) && strcmp(text, "0"))
		setup_refuse(s, "its region is read-only");
}

static void setup_need_volatile(const struct setup *s)
{
	if (*s->region || s->o->is_volatile)
		return;
	setup_refuse(s,
		     "is no namespace of an NVDIMM: after a power failure nothing is on it, and after a boot only if the command line of the kernel says so; --volatile if that is meant");
}

static void setup_need_cxl(struct setup *s)
{
	const char *name = *s->ns ? s->ns : *s->region_name ? s->region_name : s->d.name;
	char why[256];

	if (s->o->cxl && !cxl_region_of(name, &s->cxl, why, sizeof(why)))
		setup_refuse(s, "%s", why);
}

static void setup_need_size(const struct setup *s)
{
	struct dax_blocks b;
	u64 size, align;

	if (!sysfs_u64(s->d.dir, "size", &size) ||
	    size >> KMEM_PERSIST_BLOCK_SHIFT < KMEM_PERSIST_MIN_PAGES)
		setup_refuse(s, "it is too small, a device has at least %u pages",
			     KMEM_PERSIST_MIN_PAGES);
	if (sysfs_u64(s->d.dir, "align", &align) && align >= 1ULL << 30)
		setup_refuse(s,
			     "its alignment is 1 GiB, of which the beginning is lost; make it with 'ndctl create-namespace -a 2M'");
	dax_blocks(&s->d, &b, false);
	if (!b.known)
		setup_refuse(s, "where its memory is cannot be read; only root can");
	if (!b.possible)
		setup_refuse(s,
			     "it has no whole memory block (%llu MiB), and could not become RAM",
			     b.size >> 20);
}

/**
 * setup_need_dax - a DAX device that nobody uses, with nothing on it
 * @s: what is to be done
 *
 * device_dax may get it by that.
 */
void setup_need_dax(struct setup *s)
{
	struct dax_found f;
	char why[512], text[256];
	int fd;

	if (dax_is_bound(&s->d, "kmem"))
		setup_refuse(s,
			     "%s is RAM already; 'kmem-persist status' shows whether with data; after a setup that was ended mkfs.ext4 and mount are left to do, and not the rest; 'daxctl reconfigure-device --mode=devdax' gives it back",
			     s->d.name);
	setup_need_size(s);
	dax_look(&s->d, &f, !s->o->dry_run);
	if (f.kind == DAX_UNKNOWN && s->o->dry_run)
		setup_refuse(s, "only kmem knows what is on it, which a dry run does not load: %s",
			     f.why);
	if (f.kind == DAX_DATA)
		setup_refuse(s, "there is data on it: 'kmem-persist attach %s' puts it to use",
			     s->d.name);
	if (f.kind != DAX_NONE)
		setup_refuse(s,
			     "there may be data on it: %s; see 'kmem-persist check', 'adopt' and 'wipe'",
			     *f.why ? f.why : "what looks like a superblock");
	if (!dax_wait(&s->d))
		setup_refuse(s, "device_dax does not take it");
	fd = attach_hold_node(&s->d, why, sizeof(why));
	if (fd == -EBUSY)
		setup_refuse(s, "somebody uses it: %s", why);
	if (fd < 0)
		setup_refuse(s, "%s", why);
	close(fd);
	setup_need_blank_dax(s);
	/* As somebody may have asked for something else before. */
	if (sysfs_text(s->d.dir, "persist_format", text, sizeof(text)) && *text != '-')
		setup_refuse(s,
			     "a format was asked for already (persist_format: %s); 'echo -1 >/sys/bus/dax/devices/%s/persist_format' takes that back",
			     text_printable(text), s->d.name);
}

static void setup_need_label(struct setup *s)
{
	struct kmem_persist_superblock sb = {};
	char path[PATH_MAX];
	struct stat st;
	const char *c;

	s->label = s->o->label;
	if (!s->label)
		return;
	if (!*s->label)
		die(EXIT_USAGE, "--label is empty");
	format_label(&sb, s->label);
	for (c = s->label; isalnum((unsigned char)*c) || *c == '-' || *c == '_' || *c == '.';)
		c++;
	s->fs_label = !*c && strlen(s->label) <= SETUP_FS_LABEL;
	snprintf(path, sizeof(path), "%s/dev/disk/by-label/%s", files_root(), s->label);
	if (!lstat(path, &st))
		setup_refuse(s, "there is a filesystem with the label %s already", s->label);
}

/* Does a line of a table have that word in this column? */
static bool setup_has_line(const char *path, unsigned int column, const char *word)
{
	char *line = NULL, *save, *field;
	bool found = false;
	size_t room = 0;
	unsigned int i;
	FILE *f;

	f = fopen(path, "re");
	while (f && !found && getline(&line, &room, f) > 0) {
		field = strtok_r(line, " \t\n", &save);
		if (field && *field == '#')
			continue;
		for (i = 0; field && i < column; i++)
			field = strtok_r(NULL, " \t\n", &save);
		found = field && !strcmp(field, word);
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

static void setup_need_mount(const struct setup *s)
{
	const char *dir = s->o->mount;
	char path[PATH_MAX];
	struct dirent *e;
	struct stat st;
	DIR *folder;

	if (s->o->fstab && !dir)
		die(EXIT_USAGE, "--fstab wants --mount");
	if (!dir)
		return;
	if (*dir != '/' || !dir[1] || dir[strlen(dir) - 1] == '/' ||
	    strpbrk(dir, " \t\n\\#\"'"))
		die(EXIT_USAGE, "--mount %s: not a path from / on, without blanks", dir);
	snprintf(path, sizeof(path), "%s/etc/fstab", files_root());
	if (setup_has_line(path, 1, dir))
		setup_refuse(s, "%s is in /etc/fstab already", dir);
	if (s->o->fstab && !lstat(path, &st) && !S_ISREG(st.st_mode))
		setup_refuse(s, "/etc/fstab is no file: what makes it has to be told");
	snprintf(path, sizeof(path), "%s/self/mountinfo", procfs_root());
	if (setup_has_line(path, 4, dir))
		setup_refuse(s, "something is mounted on %s already", dir);
	snprintf(path, sizeof(path), "%s%s", files_root(), dir);
	folder = opendir(path);
	if (!folder && errno != ENOENT)
		setup_refuse(s, "%s: %s", dir, strerror(errno));
	while (folder && (e = readdir(folder)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			setup_refuse(s, "%s is not empty", dir);
	if (folder)
		closedir(folder);
}

/**
 * setup_refuse_what_must_be - all that can be refused before anything is changed
 * @s: what is to be done; filled: its label
 */
void setup_refuse_what_must_be(struct setup *s)
{
	char why[512];

	setup_need_kernel(s);
	setup_need_machine(s);
	setup_need_volatile(s);
	setup_need_cxl(s);
	setup_need_label(s);
	setup_need_mount(s);
	setup_need_programs(s);
	/* modinfo has said what it knows; who only wants to see it changes nothing. */
	if (!s->o->dry_run && !attach_load(why, sizeof(why)))
		setup_refuse(s, "%s", why);
	if (s->has_dax)
		setup_need_dax(s);
	else if (*s->ns)
		setup_need_raw(s);
}

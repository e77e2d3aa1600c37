// SPDX-License-Identifier: GPL-2.0
/*
 * The first hour: from an NVDIMM to a mounted filesystem
 *
 * Everything that can be refused is, before anything is changed. Each step is a command
 * that is shown first. A format is asked for with a UUID of our own, and nothing is done to
 * a disk that has another one.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <linux/minmax.h>
#include <linux/uaccess.h>
#include "attach.h"
#include "cmd.h"
#include "dax.h"
#include "format.h"
#include "in_use.h"
#include "out.h"
#include "run.h"
#include "sysfs.h"
#include "users.h"
#include "util.h"

/* What is looked at of a device for what may be somebody's: both ends, and some pages. */
#define SETUP_EDGE	0x100000ULL
#define SETUP_SAMPLES	1024

/* What ext4 has for a label, and what fstab takes without further ado. */
#define SETUP_FS_LABEL	16

/* Where udev and the kernel are waited for. */
#define SETUP_WAIT_MS	10000
#define SETUP_STEP_MS	100

/**
 * struct setup - what is to be done
 * @o: options
 * @what: what was named
 * @region: folder of the region of an NVDIMM, empty if it is none
 * @region_name: its name
 * @ns: name of the namespace, empty if there is none yet
 * @ns_dir: its folder
 * @make: the namespace is to be made, or made anew
 * @d: the DAX device, once there is one
 * @has_dax: there is
 * @instance: which of all with its name it was when it was shown
 * @label: for both, or NULL
 * @fs_label: the filesystem has it, too
 * @uuid: of the format
 */
struct setup {
	const struct options *o;
	const char *what;
	char region[PATH_MAX / 2 + 8];
	char region_name[32];
	char ns[32];
	char ns_dir[PATH_MAX / 2];
	bool make;
	struct dax_dev d;
	bool has_dax;
	u64 instance;
	const char *label;
	bool fs_label;
	char uuid[37];
};

__printf(2, 3) __noreturn
static void setup_refuse(const struct setup *s, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	die(EXIT_OPERATIONAL, "%s: %s", s->what, text);
}

/*
 * What was named
 */

static int setup_is_namespace(const struct dirent *e)
{
	return !strncmp(e->d_name, "namespace", strlen("namespace"));
}

/* Which device it is that a namespace has. */
static bool setup_find_dax(struct setup *s)
{
	struct dirent **names;
	char up[PATH_MAX], ns[64];
	bool found = false;
	int nr;

	nr = sysfs_dax_devices(&names);
	for (int i = 0; i < nr && !found; i++) {
		if (!dax_name(&s->d, names[i]->d_name))
			continue;
		snprintf(up, sizeof(up), "%s/..", s->d.dir);
		found = sysfs_text(up, "namespace", ns, sizeof(ns)) && !strcmp(ns, s->ns);
	}
	sysfs_free_names(names, nr);
	s->has_dax = found;
	return found;
}

static void setup_namespace(struct setup *s, const char *name)
{
	char mode[32];
	u64 size;

	snprintf(s->ns, sizeof(s->ns), "%.31s", name);
	snprintf(s->ns_dir, sizeof(s->ns_dir), "%s/bus/nd/devices/%s", sysfs_root(), s->ns);
	if (!sysfs_text(s->ns_dir, "mode", mode, sizeof(mode)) ||
	    !sysfs_u64(s->ns_dir, "size", &size))
		setup_refuse(s, "%s is no namespace of an NVDIMM; 'ndctl list -Ni' shows all",
			     name);
	if (!size)
		setup_refuse(s, "%s has no memory; name its region", s->ns);
	snprintf(s->region, sizeof(s->region), "%s/..", s->ns_dir);
	if (!strcmp(mode, "dax")) {
		if (!setup_find_dax(s))
			setup_refuse(s,
				     "%s is in mode devdax, but has no device; see ndctl enable-namespace",
				     s->ns);
		return;
	}
	/* Somebody has made the others for what is on them. */
	if (strcmp(mode, "raw"))
		setup_refuse(s,
			     "%s is in mode %s, which is for something else; ndctl destroy-namespace removes it, with all that is on it",
			     s->ns, !strcmp(mode, "safe") ? "sector (BTT)" :
			     !strcmp(mode, "memory") ? "fsdax" : mode);
	s->make = true;
}

/* One that covers it, or there is room for one. */
static void setup_region(struct setup *s, const char *name)
{
	struct dirent **names;
	char one[32] = "", dir[PATH_MAX];
	unsigned int nr_used = 0;
	u64 size;
	int nr;

	snprintf(s->region, sizeof(s->region), "%s/bus/nd/devices/%s", sysfs_root(), name);
	nr = scandir(s->region, &names, setup_is_namespace, versionsort);
	if (nr < 0)
		setup_refuse(s, "there is no such region; 'ndctl list -R' shows all");
	for (int i = 0; i < nr; i++) {
		snprintf(dir, sizeof(dir), "%s/%s", s->region, names[i]->d_name);
		if (!sysfs_u64(dir, "size", &size) || !size)
			continue;
		nr_used++;
		snprintf(one, sizeof(one), "%.31s", names[i]->d_name);
	}
	sysfs_free_names(names, nr);
	if (nr_used > 1)
		setup_refuse(s, "it has %u namespaces; name one of them", nr_used);
	snprintf(s->region_name, sizeof(s->region_name), "%.31s", name);
	if (nr_used)
		setup_namespace(s, one);
	else
		s->make = true;
}

static void setup_device(struct setup *s)
{
	char up[PATH_MAX], text[64];

	if (!dax_exists(&s->d))
		setup_refuse(s, "there is no such device; 'ndctl list -R' shows where one can be made");
	s->has_dax = true;
	snprintf(up, sizeof(up), "%s/..", s->d.dir);
	if (!sysfs_text(up, "namespace", text, sizeof(text)))
		return;
	snprintf(s->ns, sizeof(s->ns), "%.31s", text);
	snprintf(s->region, sizeof(s->region), "%s/../..", s->d.dir);
}

/* A number behind a word, and nothing else. */
static bool setup_is_called(const char *what, const char *word)
{
	const char *rest = what + strlen(word);

	return !strncmp(what, word, strlen(word)) && *rest && strlen(what) < 32 &&
	       strspn(rest, "0123456789.") == strlen(rest) && isdigit((unsigned char)*rest);
}

static void setup_resolve(struct setup *s)
{
	if (dax_name(&s->d, s->what))
		setup_device(s);
	else if (setup_is_called(s->what, "namespace"))
		setup_namespace(s, s->what);
	else if (setup_is_called(s->what, "region"))
		setup_region(s, s->what);
	else
		die(EXIT_USAGE,
		    "'%s': is neither daxX.Y nor regionN nor namespaceN.M", s->what);
}

/*
 * What is refused
 */

/* Nothing is loaded before that is known. */
static void setup_need_kernel(const struct setup *s)
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
 * struct setup_media - what is looked at before it is lost
 * @kp: a DAX device, or NULL
 * @fd: a disk otherwise
 * @bytes: how large
 */
struct setup_media {
	const struct kmem_persist *kp;
	int fd;
	u64 bytes;
};

static bool setup_read(const struct setup_media *m, u64 at, u8 *page)
{
	if (m->kp)
		return !copy_mc_to_kernel(page, m->kp->mem + at, KMEM_PERSIST_BLOCK_SIZE);
	return pread(m->fd, page, KMEM_PERSIST_BLOCK_SIZE, at) == KMEM_PERSIST_BLOCK_SIZE;
}

/* blkid knows what others have on disks. */
static void setup_need_blank(const struct setup *s, const char *path)
{
	const char * const blkid[] = { "blkid", "-p", "-o", "export", path, NULL };
	char text[4096], *type;
	int status;

	if (run_text(blkid, RUN_QUIET, text, sizeof(text), &status) || *text) {
		type = strstr(text, "TYPE=");
		if (type)
			type[strcspn(type, "\n")] = '\0';
		setup_refuse(s, "there is something on it: %s; it stays until somebody erases that",
			     type ? text_printable(type) : "blkid says so");
	}
	if (status != 2)
		setup_refuse(s, "blkid cannot tell what is on it (it ended with %d)", status);
}

/*
 * What is on a device that a namespace has may be a namespace again: that of a virtual
 * machine, which has the device for an NVDIMM and does not run now.
 */
static void setup_need_unmarked(const struct setup *s, const u8 *page, u64 at, u64 bytes)
{
	static const struct {
		const char *text;
		const char *what;
		bool at_end;
	} signs[] = {
		{ "NVDIMM_DAX_INFO", "a namespace in mode devdax", false },
		{ "NVDIMM_PFN_INFO", "a namespace in mode fsdax", false },
		{ "BTT_ARENA_INFO", "a namespace in mode sector", false },
		{ "NAMESPACE_INDEX", "labels of namespaces", true },
	};
	__le64 magic;

	memcpy(&magic, page, sizeof(magic));
	if (!at && le64_to_cpu(magic) == KMEM_PERSIST_MARKER_MAGIC)
		setup_refuse(s,
			     "it has the marker of a format, a virtual machine may have it for an NVDIMM; see 'kmem-persist adopt'");
	for (unsigned int i = 0; i < ARRAY_SIZE(signs); i++)
		if ((signs[i].at_end ? at + SETUP_EDGE >= bytes :
		     at <= KMEM_PERSIST_BLOCK_SIZE) &&
		    !memcmp(page, signs[i].text, strlen(signs[i].text)))
			setup_refuse(s,
				     "there is something on it: %s (%s) that is not enabled, or is that of a virtual machine",
				     signs[i].what, signs[i].text);
}

/* Where it is looked for what nobody knows; both ends are looked at in any case. */
static u64 setup_next(u64 at, u64 bytes)
{
	const u64 step = max(bytes / SETUP_SAMPLES / KMEM_PERSIST_BLOCK_SIZE, 1ULL) *
			 KMEM_PERSIST_BLOCK_SIZE;
	const u64 end = bytes > SETUP_EDGE ? bytes - SETUP_EDGE : 0;

	if (at < SETUP_EDGE || at >= end)
		return at + KMEM_PERSIST_BLOCK_SIZE;
	return min(at + step, end);
}

/*
 * The ends of it, where others have what says that it is theirs, are shown to blkid as a
 * file of the same size. What it does not know may be somebody's, too.
 */
static void setup_need_nobodys(const struct setup *s, const struct setup_media *m)
{
	static const u8 zeroes[KMEM_PERSIST_BLOCK_SIZE];
	u8 page[KMEM_PERSIST_BLOCK_SIZE];
	u64 at, unknown = ~0ULL;
	char path[64];
	int fd;

	fd = memfd_create("ends", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, m->bytes))
		setup_refuse(s, "no memory to look at it: %s", strerror(errno));
	for (at = 0; at + sizeof(page) <= m->bytes; at = setup_next(at, m->bytes)) {
		if (!setup_read(m, at, page)) {
			unknown = min(unknown, at);
			continue;
		}
		if (!memcmp(page, zeroes, sizeof(page)))
			continue;
		unknown = min(unknown, at);
		setup_need_unmarked(s, page, at, m->bytes);
		if (pwrite(fd, page, sizeof(page), at) != sizeof(page))
			setup_refuse(s, "no memory to look at it: %s", strerror(errno));
	}
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	setup_need_blank(s, path);
	close(fd);
	if (unknown == ~0ULL)
		return;
	/* Nobody reads what is said where nobody is asked. */
	if (s->o->yes && !s->o->force)
		setup_refuse(s,
			     "is not empty: there is something in the page at byte %llu that is not known; --force, if that is nothing",
			     unknown);
	say("%s: is not empty: there is something in the page at byte %llu that is not known",
	    s->what, unknown);
}

static void setup_names(const char *kind, const char *what, const char *name, void *arg)
{
	struct setup *s = arg;
	char clean[256];

	snprintf(clean, sizeof(clean), "%s", name);
	setup_refuse(s, "somebody uses it: %s %s: %s", what, kind, text_printable(clean));
}

/* A namespace that nobody has made for anything yet. */
static void setup_need_raw(struct setup *s)
{
	char dir[PATH_MAX], disk[64] = "", node[PATH_MAX];
	struct setup_media m = {};
	struct dirent *e;
	struct stat st;
	DIR *block;
	off_t bytes;

	snprintf(dir, sizeof(dir), "%s/block", s->ns_dir);
	block = opendir(dir);
	while (block && (e = readdir(block)))
		if (*e->d_name != '.')
			snprintf(disk, sizeof(disk), "%.63s", e->d_name);
	if (block)
		closedir(block);
	if (!*disk)
		setup_refuse(s,
			     "%s has no disk through which it could be looked at; modprobe nd_pmem, or ndctl enable-namespace",
			     s->ns);
	snprintf(dir, sizeof(dir), "%s/block/%s", s->ns_dir, disk);
	users_of_disk(dir, disk, setup_names, s);
	snprintf(node, sizeof(node), "%s/dev/%s", files_root(), disk);
	m.fd = open(node, O_RDONLY | O_CLOEXEC);
	if (m.fd < 0 || fstat(m.fd, &st))
		setup_refuse(s, "%s cannot be opened: %s", node, strerror(errno));
	users_of_file(&st, disk, setup_names, s);
	bytes = lseek(m.fd, 0, SEEK_END);
	if (bytes <= 0)
		setup_refuse(s, "%s does not tell its size", node);
	m.bytes = bytes;
	setup_need_nobodys(s, &m);
	close(m.fd);
}

static void setup_need_blank_dax(const struct setup *s)
{
	const struct image_where where = {};
	struct setup_media m = {};
	struct kmem_persist kp;

	image_open(&kp, s->d.node, false, &where);
	m.kp = &kp;
	m.bytes = kp.nr_there << KMEM_PERSIST_BLOCK_SHIFT;
	setup_need_nobodys(s, &m);
	image_close(&kp);
}

static void setup_need_dax(struct setup *s)
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

static bool setup_exists(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s/%s", files_root(), dir, name);
	return !lstat(path, &st);
}

static void setup_need_label(struct setup *s)
{
	struct kmem_persist_superblock sb = {};
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
	if (setup_exists("/dev/disk/by-label", s->label))
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

static void setup_refuse_what_must_be(struct setup *s)
{
	char why[512];

	setup_need_kernel(s);
	setup_need_machine(s);
	setup_need_volatile(s);
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

/*
 * What is done
 */

static void setup_fs_name(const struct setup *s, char *text, size_t size)
{
	if (s->fs_label)
		snprintf(text, size, "LABEL=%s", s->label);
	else
		snprintf(text, size, "/dev/disk/by-id/kmem-uuid.%s", s->uuid);
}

static void setup_fstab_line(const struct setup *s, char *line, size_t size)
{
	char name[128];

	setup_fs_name(s, name, sizeof(name));
	snprintf(line, size, "%s %s ext4 discard,nofail,x-systemd.device-timeout=5min 0 2",
		 name, s->o->mount ? s->o->mount : "DIRECTORY");
}

static void setup_request(const struct setup *s, char *text, size_t size)
{
	snprintf(text, size, "1 uuid=%s%s%s", s->uuid, s->label ? " label=" : "",
		 s->label ? s->label : "");
}

/* ndctl says "no space left" of a region that one raw namespace covers. */
static void setup_create_argv(const struct setup *s, const char **argv)
{
	unsigned int nr = 0;

	argv[nr++] = "ndctl";
	argv[nr++] = "create-namespace";
	if (*s->ns) {
		argv[nr++] = "-f";
		argv[nr++] = "-e";
		argv[nr++] = s->ns;
	} else {
		argv[nr++] = "-r";
		argv[nr++] = s->region_name;
	}
	argv[nr++] = "-m";
	argv[nr++] = "devdax";
	argv[nr++] = "--map=mem";
	argv[nr++] = "-a";
	argv[nr++] = "2M";
	argv[nr] = NULL;
}

static void setup_mkfs_argv(const struct setup *s, const char *node, const char **argv)
{
	unsigned int nr = 0;

	argv[nr++] = "mkfs.ext4";
	argv[nr++] = "-q";
	if (s->fs_label) {
		argv[nr++] = "-L";
		argv[nr++] = s->label;
	}
	argv[nr++] = node;
	argv[nr] = NULL;
}

static void setup_show(const struct setup *s)
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
	setup_fstab_line(s, line, sizeof(line));
	say("%s /etc/fstab%s:\n  %s", s->o->fstab ? "This line is added to" : "A line for",
	    s->o->fstab ? ", the old file is /etc/fstab.bak" : "", line);
	say("A kernel that does not know this format must not make RAM of the device: it destroys the data. Where kmem is not a module, on another system of this machine and in an installer nothing keeps it from that.");
}

static void setup_ask(const struct setup *s)
{
	char answer[16];

	if (s->o->yes)
		return;
	if (!isatty(STDIN_FILENO))
		die(EXIT_USAGE, "nobody can be asked: --yes does it, --dry-run only shows it");
	printf("Type yes to do it: ");
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin) || strcmp(answer, "yes\n"))
		die(EXIT_OPERATIONAL, "nothing was done");
}

/*
 * Somebody may have thought about it for a while: what was refused before is refused now, and
 * what he has seen is what is there.
 */
static void setup_look_again(struct setup *s)
{
	struct setup now = { .o = s->o, .what = s->what };

	if (s->o->yes)
		return;
	memcpy(now.uuid, s->uuid, sizeof(now.uuid));
	setup_resolve(&now);
	if (now.make != s->make || now.has_dax != s->has_dax || strcmp(now.ns, s->ns) ||
	    (s->has_dax && (strcmp(now.d.name, s->d.name) ||
			    dax_instance(&now.d) != s->instance)))
		setup_refuse(s, "is another one now; nothing was done");
	setup_refuse_what_must_be(&now);
	*s = now;
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

static bool setup_copy(FILE *from, FILE *to)
{
	char text[4096];
	size_t len;

	while ((len = fread(text, 1, sizeof(text), from)))
		if (fwrite(text, 1, len, to) != len)
			return false;
	return !ferror(from);
}

/* The new file is whole, or the old one stays. */
static void setup_write_fstab(const struct setup *s)
{
	char path[PATH_MAX], new[PATH_MAX + 8], bak[PATH_MAX + 8], line[512], last = '\n';
	struct stat st = { .st_mode = 0644 };
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
	ok = to && (!from || (!fstat(fileno(from), &st) && setup_copy(from, to)));
	if (ok && from && !fseek(from, -1, SEEK_END))
		last = fgetc(from);
	ok = ok && fprintf(to, "%s%s\n", last == '\n' ? "" : "\n", line) > 0 &&
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

static void setup_do(struct setup *s)
{
	const char *argv[16];
	char node[PATH_MAX], accept[256], text[64];
	struct in_use u;

	if (s->make)
		setup_create(s);
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

/**
 * cmd_setup - kmem-persist setup
 * @o: options
 *
 * Return: exit status.
 */
int cmd_setup(const struct options *o)
{
	struct setup s = { .o = o, .what = o->device };
	u8 uuid[16];

	if (o->json)
		die(EXIT_USAGE, "setup talks to people; there is no JSON");
	if (o->yes && o->dry_run)
		die(EXIT_USAGE, "--yes and --dry-run: one of them");
	format_new_uuid(uuid);
	text_uuid(s.uuid, uuid);
	setup_resolve(&s);
	s.instance = s.has_dax ? dax_instance(&s.d) : 0;
	setup_refuse_what_must_be(&s);
	setup_show(&s);
	if (o->dry_run)
		return EXIT_CLEAN;
	setup_ask(&s);
	setup_look_again(&s);
	setup_do(&s);
	return EXIT_CLEAN;
}

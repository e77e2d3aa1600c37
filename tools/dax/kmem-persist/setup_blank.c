// SPDX-License-Identifier: GPL-2.0
/*
 * What is on a device before setup may have it: nothing that anybody knows, or could miss
 */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/minmax.h>
#include <linux/uaccess.h>
#include "image.h"
#include "out.h"
#include "run.h"
#include "setup.h"
#include "sysfs.h"
#include "users.h"

/* What is looked at of a device for what may be somebody's: both ends, and some pages. */
#define SETUP_EDGE	0x100000ULL
#define SETUP_SAMPLES	1024

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

/**
 * setup_need_raw - a namespace that nobody has made for anything yet, through its disk
 * @s: what is to be done
 */
void setup_need_raw(struct setup *s)
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

/**
 * setup_need_blank_dax - a DAX device, through its memory
 * @s: what is to be done
 */
void setup_need_blank_dax(const struct setup *s)
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

// SPDX-License-Identifier: GPL-2.0
/*
 * A device in memory: a devdax character device or a file, mapped as a whole
 *
 * Of a large file only what is looked at is ever read. A page that cannot be read
 * raises SIGBUS; where that is expected it is an error like others.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/compiler.h>
#include <linux/libnvdimm.h>
#include <linux/minmax.h>
#include <linux/uaccess.h>
#include "image.h"
#include "persist/format.h"
#include "sysfs.h"
#include "util.h"

/* What libnvdimm leaves at the beginning of a devdax namespace. */
#define NS_INFO_AT	4096
#define NS_INFO_SIG	"NVDIMM_DAX_INFO"

struct ns_info {
	char signature[16];
	u8 uuid[16];
	u8 parent_uuid[16];
	__le32 flags;
	__le16 version_major;
	__le16 version_minor;
	__le64 dataoff;
	__le64 npfns;
};

/*
 * Bits, one per page
 */

/**
 * bits_alloc - a bit for each of many things
 * @nr: how many
 *
 * Return: the bits, all clear. They take memory where they are set.
 */
unsigned long *bits_alloc(u64 nr)
{
	return need_memory(calloc(nr / BITS_PER_LONG + 1, sizeof(unsigned long)));
}

/**
 * bits_test - is it set?
 * @bits: the bits
 * @nr: which
 *
 * Return: whether it is set.
 */
bool bits_test(const unsigned long *bits, u64 nr)
{
	return bits[nr / BITS_PER_LONG] >> nr % BITS_PER_LONG & 1;
}

/**
 * bits_test_and_set - set a bit
 * @bits: the bits
 * @nr: which
 *
 * Return: whether it was set before.
 */
bool bits_test_and_set(unsigned long *bits, u64 nr)
{
	bool was = bits_test(bits, nr);

	bits[nr / BITS_PER_LONG] |= 1UL << nr % BITS_PER_LONG;
	return was;
}

/*
 * What the kernel's files call
 */

/**
 * dax_kmem_num_pages - size of the device
 * @kp: the device
 *
 * Return: pages.
 */
u64 dax_kmem_num_pages(const struct kmem_persist *kp)
{
	return kp->nr_pages;
}

/**
 * dax_kmem_index_to_kaddr - where a page is
 * @kp: the device
 * @dpn: the page
 *
 * Return: its address, NULL if the device has no such page, or a file was cut before it.
 */
void *dax_kmem_index_to_kaddr(const struct kmem_persist *kp, u64 dpn)
{
	return dpn < kp->nr_there ? kp->mem + (dpn << KMEM_PERSIST_BLOCK_SHIFT) :
				    NULL;
}

/**
 * kmem_persist_media - how stores become durable
 * @kp: the device
 *
 * Return: the media.
 */
const struct kmem_media *kmem_persist_media(const struct kmem_persist *kp)
{
	return &kp->media;
}

/**
 * dax_kmem_page_is_bad - is a page known to be bad?
 * @kp: the device
 * @dpn: the page
 *
 * Only who loses blocks wants to know, and nobody does here. Return: false.
 */
bool dax_kmem_page_is_bad(const struct kmem_persist *kp, u64 dpn)
{
	(void)kp;
	(void)dpn;
	return false;
}

/**
 * dax_kmem_claim_page - something refers to a page
 * @kp: the device
 * @dpn: the page
 *
 * Return: 0, -ERANGE if there is no such page, -EEXIST if it is claimed already.
 */
int dax_kmem_claim_page(struct kmem_persist *kp, u64 dpn)
{
	if (dpn >= kp->nr_pages)
		return -ERANGE;
	return bits_test_and_set(kp->claimed, dpn) ? -EEXIST : 0;
}

/**
 * dax_kmem_claim_groups - something refers to these pages
 * @kp: the device
 * @groups: the pages, all of which exist
 * @nr: elements of @groups
 * @shared: here there is nobody else
 *
 * Return: how many could be claimed, up to the first that could not.
 */
unsigned int dax_kmem_claim_groups(struct kmem_persist *kp,
				   const struct kmem_page_group *groups,
				   unsigned int nr, bool shared)
{
	unsigned int i;

	(void)shared;
	for (i = 0; i < nr; i++) {
		if (kp->claimed[groups[i].nr] & groups[i].pages)
			break;
		kp->claimed[groups[i].nr] |= groups[i].pages;
	}
	return i;
}

/**
 * dax_kmem_media_error - a read of a page has failed
 * @kp: the device
 * @dpn: the page
 *
 * A file, or a device that is not in use, gives it to nobody.
 */
void dax_kmem_media_error(struct kmem_persist *kp, u64 dpn)
{
	(void)kp;
	(void)dpn;
}

/**
 * dax_kmem_count_error - the same
 * @kp: the device
 * @dpn: the page
 */
void dax_kmem_count_error(struct kmem_persist *kp, u64 dpn)
{
	(void)kp;
	(void)dpn;
}

/**
 * image_unclaim - forget what is referred to
 * @kp: the device
 *
 * What is below the first page for data belongs to the superblocks.
 */
void image_unclaim(struct kmem_persist *kp)
{
	free(kp->claimed);
	kp->claimed = bits_alloc(kp->nr_pages);
	for (u64 dpn = 0; dpn < kp->first_page; dpn++)
		dax_kmem_claim_page(kp, dpn);
	if (kp->older_backup)
		dax_kmem_claim_page(kp, kp->older_backup);
}

/*
 * Media errors
 */

static sigjmp_buf image_trap;
static volatile sig_atomic_t image_trapping;

static void image_sigbus(int sig)
{
	static const char text[] =
		"kmem-persist: SIGBUS: media error, no space left, or file truncated\n";

	(void)sig;
	if (image_trapping)
		siglongjmp(image_trap, 1);
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(EXIT_OPERATIONAL);
	_exit(EXIT_OPERATIONAL);
}

/**
 * copy_mc_to_kernel - read from the media
 * @dst: in memory
 * @src: on the media
 * @len: bytes
 *
 * Return: 0, or the number of bytes that are missing after a media error.
 */
unsigned long copy_mc_to_kernel(void *dst, const void *src, size_t len)
{
	/* The mask is not changed: the handler runs with SA_NODEFER. */
	if (sigsetjmp(image_trap, 0)) {
		image_trapping = 0;
		return len;
	}
	image_trapping = 1;
	memcpy(dst, src, len);
	image_trapping = 0;
	return 0;
}

/*
 * Durability: of a DAX device what has left the CPU caches, of a file what was
 * synchronized
 */

struct device {
	struct kmem_persist *kp;
};

static struct device image_dev;

/* Part of a fence. */
static int image_flush(struct device *dev)
{
	if (msync(dev->kp->map, dev->kp->map_bytes, MS_SYNC))
		die(EXIT_OPERATIONAL, "%s: cannot be written: %s", dev->kp->name,
		    strerror(errno));
	return 0;
}

/**
 * image_over - a device over memory that exists
 * @kp: filled
 * @name: its name
 * @mem: the memory, stays the caller's
 * @nr_pages: its size
 *
 * Return: 0, or -EINVAL if that is too small to be one.
 */
int image_over(struct kmem_persist *kp, const char *name, u8 *mem, u64 nr_pages)
{
	/* Superblock and backup. */
	if (nr_pages < 2)
		return -EINVAL;
	memset(kp, 0, sizeof(*kp));
	kp->name = name;
	kp->mem = mem;
	kp->nr_pages = nr_pages;
	kp->nr_there = nr_pages;
	kp->writable = true;
	kp->fd = -1;
	kp->first_page = KMEM_PERSIST_FIRST_PAGE;
	image_unclaim(kp);
	return 0;
}

/*
 * Opening
 */

/* The device is below what libnvdimm made of the namespace: that has the info block. */
static void image_find_namespace(struct kmem_persist *kp)
{
	char up[sizeof(kp->sysfs) + 4], text[64];

	/* The link is followed first. */
	snprintf(up, sizeof(up), "%s/..", kp->sysfs);
	if (!sysfs_text(up, "namespace", text, sizeof(text)))
		return;
	if (sysfs_text(up, "uuid", text, sizeof(text)) &&
	    !parse_uuid(text, kp->ns_uuid))
		memset(kp->ns_uuid, 0, sizeof(kp->ns_uuid));
}

/**
 * image_accept - tell the kernel what to make of a device when it gets it next
 * @kp: a DAX device
 * @what: a UUID, or "none"
 *
 * Return: 0 or a negative errno; -ENOENT if the kernel does not ask.
 */
int image_accept(const struct kmem_persist *kp, const char *what)
{
	const size_t len = strlen(what);
	char path[sizeof(kp->sysfs) + 16];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/persist_accept", kp->sysfs);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, what, len) != (ssize_t)len)
		err = -errno;
	close(fd);
	return err;
}

/**
 * image_marker - the marker of a namespace
 * @kp: a file that holds the namespace
 * @m: filled
 *
 * Return: verdict of kmem_marker_verify(), -EIO if it cannot be read.
 */
int image_marker(const struct kmem_persist *kp, struct kmem_persist_marker *m)
{
	if (pread(kp->fd, m, sizeof(*m), 0) != sizeof(*m))
		return -EIO;
	return kmem_marker_verify(m, kp->ns_uuid);
}

/**
 * image_unmark - erase the marker of a namespace
 * @kp: a file that holds the namespace, which is written to
 *
 * Whatever format it names. Of a device the marker is out of reach: the kernel erases it
 * when it is told so, see image_accept().
 *
 * Return: 0, or a negative errno.
 */
int image_unmark(const struct kmem_persist *kp)
{
	static const u64 none;
	__le64 magic;

	if (pread(kp->fd, &magic, sizeof(magic), 0) != sizeof(magic))
		return -EIO;
	if (le64_to_cpu(magic) != KMEM_PERSIST_MARKER_MAGIC)
		return 0;
	if (pwrite(kp->fd, &none, sizeof(none), 0) != sizeof(none) || fsync(kp->fd))
		return errno ? -errno : -EIO;
	return 0;
}

/* Nothing but these two is opened at all: that can rewind a tape, or arm a watchdog. */
static void image_need_kind(struct kmem_persist *kp, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) && !S_ISCHR(st->st_mode))
		die(EXIT_OPERATIONAL,
		    "%s: is neither a DAX device nor a file; give /dev/daxX.Y or an image file",
		    kp->name);
	if (S_ISCHR(st->st_mode) &&
	    !sysfs_is_dax(st->st_rdev, kp->sysfs, sizeof(kp->sysfs)))
		die(EXIT_OPERATIONAL,
		    "%s: is a character device, but not of a DAX device; give /dev/daxX.Y or an image file",
		    kp->name);
}

static u64 image_dax_size(struct kmem_persist *kp)
{
	const char *dir = kp->sysfs;
	u64 size, align;

	if (!sysfs_u64(dir, "size", &size) || !size)
		die(EXIT_OPERATIONAL, "%s: %s/size does not tell its size", kp->name,
		    dir);
	/* It can be mapped in units of its alignment only. */
	if (sysfs_u64(dir, "align", &align) && align && size % align)
		die(EXIT_OPERATIONAL,
		    "%s: its size %llu is not a multiple of its alignment %llu, it cannot be mapped",
		    kp->name, size, align);
	if (kp->writable && !cache_can_write_back())
		die(EXIT_OPERATIONAL,
		    "%s: this program does not know how to make stores durable on this kind of machine",
		    kp->name);
	kp->media.need_wb = true;
	image_find_namespace(kp);
	return size;
}

/* Part of a file that somebody has named, or that a namespace has. */
static u64 image_part(struct kmem_persist *kp, u64 size,
		      const struct image_where *where)
{
	struct ns_info info;
	u64 off, pages;

	if (where->given) {
		if (where->offset >= size || where->length > size - where->offset)
			die(EXIT_OPERATIONAL,
			    "%s: has %llu bytes, the part that was given ends behind them",
			    kp->name, size);
		kp->offset = where->offset;
		return where->length ? where->length : size - where->offset;
	}
	if (pread(kp->fd, &info, sizeof(info), NS_INFO_AT) != sizeof(info) ||
	    memcmp(info.signature, NS_INFO_SIG, sizeof(info.signature)))
		return size;
	off = le64_to_cpu(info.dataoff);
	pages = le64_to_cpu(info.npfns);
	if (off % KMEM_PERSIST_BLOCK_SIZE || off >= size || pages > IMAGE_MAX_PAGES ||
	    (!where->may_be_cut && pages > (size - off) >> KMEM_PERSIST_BLOCK_SHIFT))
		die(EXIT_OPERATIONAL,
		    "%s: holds a devdax namespace with %llu pages from byte %llu on, but has only %llu bytes; --offset and --length say where the device is",
		    kp->name, pages, off, size);
	kp->namespace = true;
	memcpy(kp->ns_uuid, info.uuid, sizeof(kp->ns_uuid));
	kp->offset = off;
	return pages << KMEM_PERSIST_BLOCK_SHIFT;
}

/**
 * image_open - open and map a device or a file
 * @kp: filled
 * @name: the file
 * @writable: it will be written
 * @where: which part of it is the device
 *
 * Does not return if that is not possible.
 */
void image_open(struct kmem_persist *kp, const char *name, bool writable,
		const struct image_where *where)
{
	const struct sigaction action = {
		.sa_handler = image_sigbus, .sa_flags = SA_NODEFER,
	};
	struct stat st;
	u64 size;

	memset(kp, 0, sizeof(*kp));
	kp->name = name;
	kp->writable = writable;
	if (stat(name, &st))
		die(EXIT_OPERATIONAL, "%s: %s", name, strerror(errno));
	image_need_kind(kp, &st);
	kp->fd = open(name, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (kp->fd < 0 && errno == ENXIO)
		die(EXIT_OPERATIONAL,
		    "%s: is not there; if kmem has the device, 'daxctl reconfigure-device --mode=devdax' gives it back",
		    name);
	if (kp->fd < 0 || fstat(kp->fd, &st))
		die(EXIT_OPERATIONAL, "%s: cannot be opened%s: %s", name,
		    writable ? " for writing" : "", strerror(errno));
	/* Another one may have come to its place. */
	image_need_kind(kp, &st);
	if (flock(kp->fd, (writable ? LOCK_EX : LOCK_SH) | LOCK_NB) &&
	    errno == EWOULDBLOCK)
		die(EXIT_OPERATIONAL,
		    "%s: another program has it locked; wait until that has ended",
		    name);

	if (S_ISCHR(st.st_mode)) {
		if (where->given)
			die(EXIT_USAGE, "%s: --offset and --length are for files",
			    name);
		size = image_dax_size(kp);
		kp->map_bytes = size;
	} else {
		size = image_part(kp, st.st_size, where);
		kp->map_bytes = st.st_size;
	}
	kp->nr_pages = size >> KMEM_PERSIST_BLOCK_SHIFT;
	kp->nr_there = min(kp->nr_pages, (kp->map_bytes - kp->offset) >>
					 KMEM_PERSIST_BLOCK_SHIFT);
	if (kp->nr_there < 2)
		die(EXIT_OPERATIONAL, "%s: has %llu bytes, a device has 8192 at least",
		    name, size);

	kp->map = mmap(NULL, kp->map_bytes, PROT_READ | (writable ? PROT_WRITE : 0),
		       MAP_SHARED, kp->fd, 0);
	if (kp->map == MAP_FAILED)
		die(EXIT_OPERATIONAL, "%s: cannot be mapped: %s", name,
		    strerror(errno));
	/* Single pages here and there: what is around them is not wanted. */
	madvise(kp->map, kp->map_bytes, MADV_RANDOM);
	kp->mem = (u8 *)kp->map + kp->offset;
	image_dev.kp = kp;
	if (!kp->media.need_wb && writable) {
		kp->media.flush = image_flush;
		kp->media.flush_dev = &image_dev;
	}
	sigaction(SIGBUS, &action, NULL);
	kp->first_page = KMEM_PERSIST_FIRST_PAGE;
	image_unclaim(kp);
}

/**
 * image_extend - a file was cut: its device was larger
 * @kp: the device, not writable
 * @nr_pages: what it had, IMAGE_MAX_PAGES at most
 *
 * Nothing is claimed afterwards.
 */
void image_extend(struct kmem_persist *kp, u64 nr_pages)
{
	kp->nr_pages = nr_pages;
	image_unclaim(kp);
}

/**
 * image_read_all - most of it will be read
 * @kp: the device
 */
void image_read_all(struct kmem_persist *kp)
{
	madvise(kp->map, kp->map_bytes, MADV_NORMAL);
}

/**
 * image_close - end of a device
 * @kp: the device
 */
void image_close(struct kmem_persist *kp)
{
	free(kp->claimed);
	if (kp->fd >= 0) {
		munmap(kp->map, kp->map_bytes);
		close(kp->fd);
	}
	memset(kp, 0, sizeof(*kp));
	kp->fd = -1;
}

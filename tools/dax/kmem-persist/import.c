// SPDX-License-Identifier: GPL-2.0
/*
 * A disk with content, offline: a format whose map is not empty
 *
 * The content is a stream from extract, or the image of a disk. It comes in the order of
 * the disk, so one node of each level is under construction, and a page after the other
 * is taken. The superblock is last: what ends early leaves a device with nothing on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include "check.h"
#include "cmd.h"
#include "format.h"
#include "persist/map/entry.h"
#include "out.h"
#include "persist/utf8.h"
#include "stream.h"
#include "util.h"

/*
 * What comes may say any size, and a kernel takes RAM for the map of a disk though nothing is
 * on it. One that is so many times larger than its device somebody has to want; a device
 * counts as one of 1 GiB at least, for which that RAM is nothing.
 */
#define IMPORT_MAX_TIMES	16U
#define IMPORT_MIN_PAGES	(1ULL << (30 - KMEM_PERSIST_BLOCK_SHIFT))

/**
 * struct import_node - a node under construction
 * @open: there is one
 * @index: its index on its level
 * @dpn: its page
 * @twin: that of its twin, of those above the leaves
 * @entries: what will be in it
 * @twins: what will be in its twin
 */
struct import_node {
	bool open;
	u64 index;
	u64 dpn;
	u64 twin;
	__le64 twins[KMEM_BLK_NODE_ENTRIES];
	__le64 entries[KMEM_BLK_NODE_ENTRIES];
};

/**
 * struct import - a disk under construction
 * @kp: the device
 * @dry_run: nothing is written, but all is read
 * @guessed: what it begins with is all that says that it is a stream
 * @erased: what was on the device is lost
 * @name: of the file that it comes from
 * @fd: that file
 * @start: where it begins: a file on stdin may have been read up to there; -1 of a pipe
 * @stream: it is a stream
 * @head: its first bytes
 * @head_len: how many of them are there
 * @head_at: how many of them were read
 * @map: seed of the map, its root, and how many blocks come
 * @next: the next page
 * @end: behind the last page that may be taken
 * @done: blocks below that are decided
 * @copied: blocks of data
 * @lost: lost blocks
 * @nr_nodes: nodes
 * @nodes: by level
 * @buf: blocks that follow one another
 */
struct import {
	struct kmem_persist *kp;
	bool dry_run;
	bool guessed;
	bool erased;
	const char *name;
	int fd;
	off_t start;
	bool stream;
	struct stream_head head;
	size_t head_len;
	size_t head_at;
	struct kmem_blk_map map;
	u64 next;
	u64 end;
	u64 done;
	u64 copied;
	u64 lost;
	u64 nr_nodes;
	struct import_node nodes[KMEM_BLK_MAX_LEVEL + 1];
	u8 buf[STREAM_BATCH][KMEM_PERSIST_BLOCK_SIZE];
};

/* A disk may begin with anything, also with a stream that somebody has stored on it. */
static const char *import_hint(const struct import *im)
{
	return im->guessed ?
	       "; it begins like a stream, --raw takes it for the image of a disk" : "";
}

/* The end: what comes is not what it should be, and no superblock is written. */
static void __printf(2, 3) __noreturn
import_refuse(struct import *im, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	die(EXIT_OPERATIONAL, im->erased ? "%s: %s; there is no disk on %s now%s" :
					   "%s: %s; nothing was written to %s%s",
	    im->name, text, im->kp->name, import_hint(im));
}

/*
 * The map
 */

static u64 import_take_page(struct import *im)
{
	if (im->next == im->end)
		import_refuse(im, "holds more than the %llu pages that may be in use",
			      im->end - KMEM_PERSIST_FIRST_PAGE);
	return im->next++;
}

static void import_copy(struct import *im, u64 dpn, const void *page)
{
	if (!im->dry_run)
		kmem_media_copy(&im->kp->media, dax_kmem_index_to_kaddr(im->kp, dpn),
				page, KMEM_PERSIST_BLOCK_SIZE);
}

/* The nodes of this level and below are complete. */
static void import_close(struct import *im, unsigned int level)
{
	struct import_node *node = &im->nodes[level];

	if (level)
		import_close(im, level - 1);
	if (!node->open)
		return;
	import_copy(im, node->dpn, node->entries);
	if (level)
		import_copy(im, node->twin, node->twins);
	node->open = false;
	im->nr_nodes += 1 + !!level;
}

/* @twin: what the twin of the node refers to; of leaves the same. */
static void import_set(struct import *im, unsigned int level, u64 index,
		       unsigned int type, u64 dpn, u64 twin)
{
	struct import_node *node = &im->nodes[level];
	const unsigned int slot = index % KMEM_BLK_NODE_ENTRIES;

	node->entries[slot] = cpu_to_le64(blkmap_encode(&im->map, level, index, type, dpn));
	node->twins[slot] = cpu_to_le64(blkmap_encode(&im->map, level, index, type, twin));
}

/* The node with this index is the one that is under construction. */
static void import_open(struct import *im, unsigned int level, u64 index)
{
	struct import_node *node = &im->nodes[level];

	if (node->open && node->index == index)
		return;
	import_close(im, level);
	node->dpn = FORMAT_ROOT_DPN;
	node->twin = FORMAT_ROOT_TWIN;
	if (level < im->map.root_level) {
		/* First the parent: another one than before ends all that is below. */
		import_open(im, level + 1, index / KMEM_BLK_NODE_ENTRIES);
		node->dpn = import_take_page(im);
		node->twin = level ? import_take_page(im) : node->dpn;
		import_set(im, level + 1, index, KMEM_BLK_ENTRY_NODE + level, node->dpn,
			   node->twin);
	}
	node->open = true;
	node->index = index;
	for (u64 i = 0; i < KMEM_BLK_NODE_ENTRIES; i++)
		import_set(im, level, index * KMEM_BLK_NODE_ENTRIES + i,
			   KMEM_BLK_ENTRY_HOLE, 0, 0);
}

static void import_block(struct import *im, u64 lblk, const u8 *block)
{
	u64 dpn;

	import_open(im, 0, lblk / KMEM_BLK_NODE_ENTRIES);
	dpn = import_take_page(im);
	import_copy(im, dpn, block);
	import_set(im, 0, lblk, KMEM_BLK_ENTRY_DATA, dpn, dpn);
	im->copied++;
}

static void import_lost(struct import *im, u64 lblk, u64 nr)
{
	im->lost += nr;
	while (nr) {
		unsigned int level = 0, shift = 0;
		u64 span = 1;

		/* As high up as all of it is lost: that takes no nodes. */
		while (level < im->map.root_level && nr >> shift >= KMEM_BLK_NODE_ENTRIES &&
		       !(lblk % (span * KMEM_BLK_NODE_ENTRIES))) {
			span *= KMEM_BLK_NODE_ENTRIES;
			shift += KMEM_BLK_NODE_SHIFT;
			level++;
		}
		import_open(im, level, lblk / span / KMEM_BLK_NODE_ENTRIES);
		import_set(im, level, lblk / span, KMEM_BLK_ENTRY_LOST, 0, 0);
		lblk += span;
		nr -= span;
	}
}

/*
 * Reading
 */

/* Less than that only at the end. */
static size_t import_read(struct import *im, void *buf, size_t len)
{
	size_t done = min(len, im->head_len - im->head_at);

	memcpy(buf, (u8 *)&im->head + im->head_at, done);
	im->head_at += done;
	while (done < len) {
		ssize_t n = read(im->fd, buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			import_refuse(im, "cannot be read: %s", strerror(errno));
		if (!n)
			break;
		done += n;
	}
	return done;
}

/*
 * Is it a stream? Whatever comes first is looked at, and read again later unless it is a head.
 *
 * A guess is safe: the length of a stream is 8 above a multiple of 32, so the image of a disk,
 * which has whole blocks, is no whole stream whatever it begins with, and what is not a whole
 * one is refused.
 */
static bool import_is_stream(struct import *im, const struct options *o)
{
	static const char magic[] = STREAM_MAGIC;

	if (o->raw)
		return false;
	im->head_at = sizeof(im->head);
	im->head_len = sizeof(im->head);
	im->head_len = import_read(im, &im->head, sizeof(im->head));
	im->head_at = 0;
	if (im->head_len < sizeof(im->head.magic) ||
	    memcmp(im->head.magic, magic, sizeof(im->head.magic))) {
		if (o->stream)
			import_refuse(im, "is no stream from extract");
		return false;
	}
	im->guessed = !o->stream;
	if (im->head_len < sizeof(im->head))
		import_refuse(im, "ends before its end");
	im->head_at = im->head_len;
	if (im->head.csum != cpu_to_le32(stream_head_csum(&im->head)))
		import_refuse(im, "its head is damaged");
	if (im->head.version != cpu_to_le32(STREAM_VERSION))
		import_refuse(im, "is of version %u, which this program does not know",
			      le32_to_cpu(im->head.version));
	return true;
}

static void import_data(struct import *im, const struct stream_record *r)
{
	const u64 lblk = le64_to_cpu(r->lblk), nr = le64_to_cpu(r->nr);

	if (nr > STREAM_BATCH)
		import_refuse(im, "%llu blocks in one record", nr);
	if (import_read(im, im->buf, walk_bytes(nr)) != walk_bytes(nr))
		import_refuse(im, "ends before its end");
	if (r->data_csum != cpu_to_le32(crc32c(~0U, im->buf, walk_bytes(nr))))
		import_refuse(im, "is damaged: blocks from %llu on", lblk);
	for (u64 i = 0; i < nr; i++)
		import_block(im, lblk + i, im->buf[i]);
}

static void import_stream(struct import *im)
{
	u32 chain = le32_to_cpu(im->head.csum);
	struct stream_record r;

	for (;;) {
		u64 lblk, nr;

		if (import_read(im, &r, sizeof(r)) != sizeof(r))
			import_refuse(im, "ends before its end");
		chain = stream_record_csum(&r, chain);
		if (r.csum != cpu_to_le32(chain))
			import_refuse(im, "is damaged, or a part of it is missing");
		lblk = le64_to_cpu(r.lblk);
		nr = le64_to_cpu(r.nr);
		if (r.type == cpu_to_le32(STREAM_END))
			break;
		if (lblk < im->done || !nr || nr > im->map.nr_lblks ||
		    lblk > im->map.nr_lblks - nr)
			import_refuse(im, "blocks %llu to %llu are not possible here",
				      lblk, lblk + nr - 1);
		if (r.type == cpu_to_le32(STREAM_DATA))
			import_data(im, &r);
		else if (r.type == cpu_to_le32(STREAM_LOST))
			import_lost(im, lblk, nr);
		else
			import_refuse(im, "has a record of type %u, which is not known",
				      le32_to_cpu(r.type));
		im->done = lblk + nr;
		progress(im->done, im->map.nr_lblks);
	}
	if (le64_to_cpu(r.lblk) != im->copied || le64_to_cpu(r.nr) != im->lost)
		import_refuse(im, "does not have as many blocks as it says");
	if (import_read(im, im->buf, 1))
		import_refuse(im, "goes on behind its end");
}

/* @size: of a file, which may have holes; of a pipe, what somebody says. */
static void import_raw(struct import *im, u64 size, bool seekable)
{
	u64 at = 0;

	while (at < size) {
		const u64 len = min(size - at, (u64)sizeof(im->buf));
		size_t got;
		off_t data;

		/* Where there are no holes, or nobody knows, all is data. */
		data = seekable ? lseek(im->fd, im->start + at, SEEK_DATA) : -1;
		if (data < 0 && seekable && errno == ENXIO)
			break;
		data -= im->start;
		if (data > 0 && data - data % KMEM_PERSIST_BLOCK_SIZE > (off_t)at) {
			at = data - data % KMEM_PERSIST_BLOCK_SIZE;
			continue;
		}
		if (seekable && lseek(im->fd, im->start + at, SEEK_SET) < 0)
			import_refuse(im, "cannot be read: %s", strerror(errno));
		memset(im->buf, 0, sizeof(im->buf));
		got = import_read(im, im->buf, len);
		if (got != len)
			import_refuse(im, "ends after %llu bytes of %llu", at + got, size);
		for (u64 i = 0; walk_bytes(i) < len; i++)
			if (im->buf[i][0] || memcmp(im->buf[i], im->buf[i] + 1,
						    KMEM_PERSIST_BLOCK_SIZE - 1))
				import_block(im, at / KMEM_PERSIST_BLOCK_SIZE + i,
					     im->buf[i]);
		at += len;
		progress(at, size);
	}
	if (!seekable && import_read(im, im->buf, 1))
		import_refuse(im, "has more than the %llu bytes of --size", size);
}

/*
 * The command
 */

static void import_open_file(struct import *im, const struct options *o)
{
	struct stat file, *st = &file, device;

	im->name = strcmp(o->arg, "-") ? o->arg : "stdin";
	im->fd = STDIN_FILENO;
	if (strcmp(o->arg, "-")) {
		/* Nor is any other device opened here. */
		if (stat(o->arg, st))
			die(EXIT_OPERATIONAL, "%s: %s", o->arg, strerror(errno));
		if (S_ISCHR(st->st_mode))
			die(EXIT_OPERATIONAL,
			    "%s: is a character device; give a stream from extract, or the image of a disk",
			    o->arg);
		im->fd = open(o->arg, O_RDONLY | O_CLOEXEC);
	}
	if (im->fd < 0 || fstat(im->fd, st))
		die(EXIT_OPERATIONAL, "%s: cannot be opened: %s", o->arg, strerror(errno));
	/* It may have changed since it was looked at. */
	if (im->fd != STDIN_FILENO && S_ISCHR(st->st_mode))
		die(EXIT_OPERATIONAL, "%s: has become a character device", o->arg);
	if (isatty(im->fd))
		die(EXIT_USAGE, "import: nobody types a disk; use a pipe");
	if (im->kp->fd >= 0 && !fstat(im->kp->fd, &device) &&
	    st->st_dev == device.st_dev && st->st_ino == device.st_ino)
		die(EXIT_OPERATIONAL, "%s: is the device itself", o->arg);
}

/* Bytes of an image, from where it begins; of a pipe only its reader could know. */
static u64 import_raw_size(struct import *im, const struct options *o, bool *seekable)
{
	const off_t end = im->start < 0 ? -1 : lseek(im->fd, 0, SEEK_END);
	off_t size = end < 0 ? -1 : max(end - im->start, (off_t)0);
	u64 given = 0;

	if (o->size && !parse_bytes(o->size, &given))
		die(EXIT_USAGE, "--size %s: not a number of bytes", o->size);
	*seekable = size >= 0;
	if (size < 0 && !given)
		import_refuse(im, o->raw ? "is a pipe, so --size has to say how much there is" :
					   "is no stream from extract; of anything else --size has to say how much there is");
	if (*seekable)
		im->head_at = im->head_len;
	return *seekable ? (u64)size : given;
}

/* Size of the disk: that of what is imported, or more if somebody wants that. */
static u64 import_size(struct import *im, const struct options *o, u64 nr)
{
	const u64 pages = max(im->kp->nr_pages, IMPORT_MIN_PAGES);
	u64 wanted = nr;

	if (o->size)
		wanted = format_nr_lblks(o, im->kp);
	if (wanted < nr)
		die(EXIT_USAGE, "--size %s: %s has %llu bytes%s", o->size, im->name,
		    walk_bytes(nr), import_hint(im));
	if (!nr || wanted > kmem_blk_map_max_lblks(IMAGE_MAX_PAGES))
		die(EXIT_OPERATIONAL, "%s: no disk has %llu bytes%s", im->name,
		    walk_bytes(wanted), import_hint(im));
	if (!o->size && wanted > IMPORT_MAX_TIMES * pages)
		import_refuse(im,
			      "is a disk of %llu bytes, more than %u times the device; with --size %llu it is made",
			      walk_bytes(wanted), IMPORT_MAX_TIMES, walk_bytes(wanted));
	return wanted;
}

/* All of it, into a map that is empty. */
static void import_fill(struct import *im, const struct format *f, u64 size, bool seekable)
{
	const struct kmem_blk_superblock *bsb = (const void *)f->sb.plugin;

	im->map.root_level = kmem_blk_root_level(f->nr_lblks);
	im->map.seed = le32_to_cpu(bsb->entry_seed);
	im->next = FORMAT_ROOT_DPN + 1 + !!im->map.root_level;
	im->end = im->kp->nr_pages - im->kp->nr_pages / 100;
	im->done = 0;
	im->copied = 0;
	im->lost = 0;
	im->nr_nodes = 0;
	import_open(im, im->map.root_level, 0);
	if (im->stream)
		import_stream(im);
	else
		import_raw(im, size, seekable);
	import_close(im, im->map.root_level);
	progress(0, 0);
}

/* A stream that can be read twice is, before anything is lost: it has to be a whole one. */
static void import_try(struct import *im, const struct format *f)
{
	im->dry_run = true;
	import_fill(im, f, 0, true);
	im->dry_run = false;
	if (lseek(im->fd, im->start + (off_t)sizeof(im->head), SEEK_SET) < 0)
		import_refuse(im, "cannot be read: %s", strerror(errno));
}

/* That of the stream. */
static void import_label(struct import *im, struct format *f)
{
	const char *label = (const char *)im->head.label;

	im->head.label[sizeof(im->head.label) - 1] = '\0';
	if (dax_persist_utf8_len(im->head.label, strlen(label)) != strlen(label) ||
	    strpbrk(label, " /"))
		import_refuse(im, "its label is none");
	format_label(&f->sb, label);
}

static void import_run(struct import *im, const struct options *o, struct format *f)
{
	struct kmem_blk_superblock *bsb = (void *)f->sb.plugin;
	bool seekable = false;
	u64 size = 0, nr;

	im->start = lseek(im->fd, 0, SEEK_CUR);
	im->stream = import_is_stream(im, o);
	if (!im->stream)
		size = import_raw_size(im, o, &seekable);
	nr = im->stream ? le64_to_cpu(im->head.nr_lblks) :
			  size / KMEM_PERSIST_BLOCK_SIZE + !!(size % KMEM_PERSIST_BLOCK_SIZE);
	f->nr_lblks = import_size(im, o, nr);
	im->map.nr_lblks = nr;
	if (im->stream && !o->label)
		import_label(im, f);
	if (!im->dry_run) {
		if (im->stream && im->start >= 0)
			import_try(im, f);
		format_erase(f, o);
		im->erased = true;
	}
	import_fill(im, f, size, seekable);

	bsb->mapped_blocks = cpu_to_le64(im->copied);
	bsb->node_pages = cpu_to_le64(im->nr_nodes);
	if (im->dry_run)
		return;
	/* Ordering: R6, pairs with the store in kmem_sb_write_magic() */
	kmem_media_fence(&im->kp->media);
	format_write(f);
}

/**
 * cmd_import - kmem-persist import
 * @o: options
 *
 * Return: exit status.
 */
int cmd_import(const struct options *o)
{
	struct import *im = need_memory(calloc(1, sizeof(*im)));
	struct format f;
	u64 lost;

	if (o->raw && o->stream)
		die(EXIT_USAGE, "import: --raw or --stream, not both");
	format_open(&f, o, KMEM_PERSIST_TYPE_BLK);
	im->kp = &f.kp;
	im->dry_run = o->dry_run;
	import_open_file(im, o);
	import_run(im, o, &f);
	out_str("source", "%s", im->stream ? "stream" : "image");
	if (im->stream)
		out_uuid("source_uuid", im->head.uuid);
	out_text("label", f.sb.label, sb_text_len(f.sb.label, sizeof(f.sb.label)));
	format_show(&f, o);
	out_bytes("copied_bytes", walk_bytes(im->copied));
	out_bytes("missing_bytes", walk_bytes(im->lost));
	lost = im->lost;
	if (im->fd != STDIN_FILENO)
		close(im->fd);
	free(im);
	image_close(&f.kp);
	return lost ? EXIT_UNCORRECTED : EXIT_CLEAN;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The content of the block device, into a sparse file
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/compiler.h>
#include "check.h"
#include "cmd.h"
#include "out.h"
#include "util.h"

#define EXTRACT_BATCH	256

/**
 * struct extract - copying
 * @kp: the device
 * @name: the file
 * @fd: the file
 * @lblk: first block in @buf
 * @nr: blocks in @buf
 * @copied: blocks that were copied
 * @missing: what is not in the file, but should be
 * @buf: blocks that follow one another
 */
struct extract {
	struct kmem_persist *kp;
	const char *name;
	int fd;
	u64 lblk;
	unsigned int nr;
	u64 copied;
	struct ranges missing;
	u8 buf[EXTRACT_BATCH][KMEM_PERSIST_BLOCK_SIZE];
};

static void extract_flush(struct extract *x)
{
	size_t len = walk_bytes(x->nr), done = 0;

	while (done < len) {
		ssize_t n = pwrite(x->fd, x->buf[0] + done, len - done,
				   walk_bytes(x->lblk) + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die(EXIT_OPERATIONAL, "%s: cannot be written: %s", x->name,
			    n ? strerror(errno) : "no space");
		done += n;
	}
	x->nr = 0;
}

static void extract_entry(void *arg, const struct walk_entry *e)
{
	struct extract *x = arg;
	u8 *block;

	if (e->kind == WALK_NODE)
		return;
	if (e->kind != WALK_DATA) {
		ranges_add(&x->missing, e->lblk, e->nr_lblks);
		return;
	}
	if (x->nr && (x->nr == EXTRACT_BATCH || x->lblk + x->nr != e->lblk))
		extract_flush(x);
	block = x->buf[x->nr];
	if (kmem_media_read(&x->kp->media, block,
			    dax_kmem_index_to_kaddr(x->kp, e->dpn),
			    KMEM_PERSIST_BLOCK_SIZE)) {
		ranges_add(&x->missing, e->lblk, 1);
		return;
	}
	x->copied++;
	/* The file is as sparse as can be. */
	if (!block[0] && !memcmp(block, block + 1, KMEM_PERSIST_BLOCK_SIZE - 1))
		return;
	if (!x->nr)
		x->lblk = e->lblk;
	x->nr++;
}

static int extract_open(const struct kmem_persist *kp, const struct options *o)
{
	int fd = open(o->arg, O_WRONLY | O_CREAT | O_CLOEXEC |
		      (o->force ? 0 : O_EXCL), 0600);
	struct stat file, device;

	if (fd < 0 && errno == EEXIST)
		die(EXIT_OPERATIONAL, "%s: exists already; --force overwrites it",
		    o->arg);
	if (fd < 0)
		die(EXIT_OPERATIONAL, "%s: cannot be made: %s", o->arg,
		    strerror(errno));
	/* Before anything is cut off. */
	if (!fstat(fd, &file) && !fstat(kp->fd, &device) &&
	    file.st_dev == device.st_dev && file.st_ino == device.st_ino)
		die(EXIT_OPERATIONAL, "%s: is the device itself", o->arg);
	if (ftruncate(fd, 0))
		die(EXIT_OPERATIONAL, "%s: cannot be overwritten: %s", o->arg,
		    strerror(errno));
	return fd;
}

/* Both passes, so that a page with two owners is given to none. */
static void extract_map(struct extract *x, struct walk *w)
{
	walk_pass(w, NULL, NULL);
	if (ftruncate(x->fd, walk_bytes(w->map.nr_lblks)))
		die(EXIT_OPERATIONAL, "%s: cannot have %llu bytes: %s", x->name,
		    walk_bytes(w->map.nr_lblks), strerror(errno));
	image_read_all(x->kp);
	x->missing.print = true;
	if (out_is_json())
		out_list("missing");
	walk_pass(w, extract_entry, x);
	extract_flush(x);
	ranges_end(&x->missing);
	if (out_is_json())
		out_close();
	if (fsync(x->fd) || close(x->fd))
		die(EXIT_OPERATIONAL, "%s: cannot be written: %s", x->name,
		    strerror(errno));
}

/**
 * cmd_extract - kmem-persist extract
 * @o: options
 *
 * Return: exit status.
 */
int cmd_extract(const struct options *o)
{
	struct kmem_blk_map_error error;
	struct kmem_persist kp;
	struct sb_search s;
	struct extract *x;
	struct walk w;
	u64 missing;

	image_open(&kp, o->device, false, &o->where);
	sb_search_at(&kp, &s, o->at);
	need_superblock(&kp, &s);
	if (le32_to_cpu(s.use->sb.type) != KMEM_PERSIST_TYPE_BLK)
		die(EXIT_OPERATIONAL, "%s: has no block device, its type is %u",
		    o->device, le32_to_cpu(s.use->sb.type));
	if (walk_open(&w, &kp, &s.use->sb, &error))
		die(EXIT_UNCORRECTED, "%s: has no usable map: %s: %s", o->device,
		    error.object, error.reason);

	x = need_memory(calloc(1, sizeof(*x)));
	x->kp = &kp;
	x->name = o->arg;
	x->fd = extract_open(&kp, o);
	extract_map(x, &w);
	out_bytes("disk_bytes", walk_bytes(w.map.nr_lblks));
	out_bytes("copied_bytes", walk_bytes(x->copied));
	missing = x->missing.total;
	out_bytes("missing_bytes", walk_bytes(missing));
	if (missing)
		say("%s: zeroes stand where blocks are missing", o->arg);
	free(x);
	walk_close(&w);
	image_close(&kp);
	return missing ? EXIT_UNCORRECTED : EXIT_CLEAN;
}

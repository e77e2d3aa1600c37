// SPDX-License-Identifier: GPL-2.0
/*
 * The content of the block device, into a sparse file, or as a stream into a pipe
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
#include "stream.h"
#include "util.h"

/**
 * struct extract - copying
 * @kp: the device
 * @name: the file
 * @fd: the file
 * @stream: it is a pipe
 * @chain: of the stream, see &struct stream_record
 * @lblk: first block in @buf
 * @nr: blocks in @buf
 * @copied: blocks that were copied
 * @sent: those of them that are in the stream, as they are not all zeroes
 * @missing: what is not in the file, but should be
 * @buf: blocks that follow one another
 */
struct extract {
	struct kmem_persist *kp;
	const char *name;
	int fd;
	bool stream;
	u32 chain;
	u64 lblk;
	unsigned int nr;
	u64 copied;
	u64 sent;
	struct ranges missing;
	u8 buf[STREAM_BATCH][KMEM_PERSIST_BLOCK_SIZE];
};

/* @at is not for a stream. */
static void extract_write(struct extract *x, const void *buf, size_t len, u64 at)
{
	while (len) {
		ssize_t n = x->stream ? write(x->fd, buf, len) :
					pwrite(x->fd, buf, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die(EXIT_OPERATIONAL, "%s: cannot be written: %s", x->name,
			    n ? strerror(errno) : "no space");
		buf += n;
		len -= n;
		at += n;
	}
}

static void extract_record(struct extract *x, enum stream_type type, u64 lblk, u64 nr)
{
	struct stream_record r = {
		.type = cpu_to_le32(type),
		.lblk = cpu_to_le64(lblk),
		.nr = cpu_to_le64(nr),
	};

	if (type == STREAM_DATA)
		r.data_csum = cpu_to_le32(crc32c(~0U, x->buf, walk_bytes(nr)));
	x->chain = stream_record_csum(&r, x->chain);
	r.csum = cpu_to_le32(x->chain);
	extract_write(x, &r, sizeof(r), 0);
}

static void extract_head(struct extract *x, const struct kmem_persist_superblock *sb,
			 u64 nr_lblks)
{
	struct stream_head head = {
		.magic = STREAM_MAGIC,
		.version = cpu_to_le32(STREAM_VERSION),
		.nr_lblks = cpu_to_le64(nr_lblks),
	};

	memcpy(head.uuid, sb->uuid, sizeof(head.uuid));
	memcpy(head.label, sb->label, sizeof(head.label));
	x->chain = stream_head_csum(&head);
	head.csum = cpu_to_le32(x->chain);
	extract_write(x, &head, sizeof(head), 0);
}

static void extract_flush(struct extract *x)
{
	if (!x->nr)
		return;
	if (x->stream)
		extract_record(x, STREAM_DATA, x->lblk, x->nr);
	extract_write(x, x->buf, walk_bytes(x->nr), walk_bytes(x->lblk));
	x->sent += x->nr;
	x->nr = 0;
}

static void extract_missing(struct extract *x, u64 lblk, u64 nr)
{
	ranges_add(&x->missing, lblk, nr);
	if (!x->stream || !nr)
		return;
	extract_flush(x);
	extract_record(x, STREAM_LOST, lblk, nr);
}

static void extract_entry(void *arg, const struct walk_entry *e)
{
	const void *page = dax_kmem_index_to_kaddr(((struct extract *)arg)->kp, e->dpn);
	struct extract *x = arg;
	u8 *block;

	if (walk_was(e) == WALK_NODE || walk_was(e) == WALK_HOLE || e->kind == WALK_TWIN)
		return;
	if (walk_was(e) != WALK_DATA) {
		extract_missing(x, e->lblk, e->nr_lblks);
		return;
	}
	if (x->nr && (x->nr == STREAM_BATCH || x->lblk + x->nr != e->lblk))
		extract_flush(x);
	block = x->buf[x->nr];
	if (!page || kmem_media_read(&x->kp->media, block, page,
				     KMEM_PERSIST_BLOCK_SIZE)) {
		extract_missing(x, e->lblk, 1);
		return;
	}
	x->copied++;
	/* The file is as sparse as can be, and so is what becomes of the stream. */
	if (!block[0] && !memcmp(block, block + 1, KMEM_PERSIST_BLOCK_SIZE - 1))
		return;
	if (!x->nr)
		x->lblk = e->lblk;
	x->nr++;
}

/**
 * extract_open_pipe - have stdout for a stream alone
 *
 * To be called before anything is said: that goes to stderr then.
 *
 * Return: the file descriptor for the stream.
 */
int extract_open_pipe(void)
{
	int fd;

	if (isatty(STDOUT_FILENO))
		die(EXIT_USAGE, "extract: a terminal is no place for a disk; use a pipe");
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		die(EXIT_OPERATIONAL, "extract: no pipe: %s", strerror(errno));
	return fd;
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

/*
 * The tree that is wanted: all that has to be known of it, and of those before it, so that a
 * page with two owners is given to none.
 */
static unsigned int extract_tree(struct walk *w, const struct options *o)
{
	const struct kmem_blk_record *r;
	unsigned int tree;

	walk_pass(w, 0, NULL, NULL);
	if (!o->snapshot)
		return 0;
	if (w->snapshots.why)
		die(EXIT_UNCORRECTED, "%s: %s", o->device, w->snapshots.why);
	r = snapshots_find(&w->snapshots, o->snapshot);
	if (!r)
		die(EXIT_OPERATIONAL, "%s: has no snapshot with this label or id: %s", o->device,
		    o->snapshot);
	tree = 1 + (r - w->snapshots.use->record);
	walk_pass(w, 0, NULL, NULL);
	for (unsigned int i = 1; i < tree; i++)
		walk_both(w, i, NULL, NULL);
	walk_pass(w, tree, NULL, NULL);
	return tree;
}

static void extract_map(struct extract *x, struct walk *w, unsigned int tree)
{
	const u64 bytes = walk_bytes(w->tree[tree].map.nr_lblks);

	if (!x->stream && ftruncate(x->fd, bytes))
		die(EXIT_OPERATIONAL, "%s: cannot have %llu bytes: %s", x->name, bytes,
		    strerror(errno));
	image_read_all(x->kp);
	x->missing.print = true;
	if (out_is_json())
		out_list("missing");
	walk_pass(w, tree, extract_entry, x);
	extract_flush(x);
	if (x->stream)
		extract_record(x, STREAM_END, x->sent, x->missing.total);
	ranges_end(&x->missing);
	if (out_is_json())
		out_close();
	if ((!x->stream && fsync(x->fd)) || close(x->fd))
		die(EXIT_OPERATIONAL, "%s: cannot be written: %s", x->name,
		    strerror(errno));
}

/* Pages that the device had when the file was whole; 0 if nothing says that it was cut. */
static u64 extract_pages(const struct sb_search *s)
{
	for (unsigned int i = 0; i < s->nr; i++) {
		const struct kmem_sb_fault *fault = &s->copy[i].fault;
		const u64 bytes = fault->found;

		if (s->copy[i].rc == -EUCLEAN && !strcmp(fault->field, "device size") &&
		    bytes > fault->wanted && !(bytes % KMEM_PERSIST_BLOCK_SIZE) &&
		    bytes >> KMEM_PERSIST_BLOCK_SHIFT <= IMAGE_MAX_PAGES)
			return bytes >> KMEM_PERSIST_BLOCK_SHIFT;
	}
	return 0;
}

static void extract_search(struct kmem_persist *kp, struct sb_search *s,
			   const struct options *o)
{
	u64 pages;

	sb_search_at(kp, s, o->at);
	pages = s->rc == -EUCLEAN && !*kp->sysfs ? extract_pages(s) : 0;
	if (pages) {
		image_extend(kp, pages);
		sb_search_at(kp, s, o->at);
	}
	need_superblock(kp, s);
}

/**
 * cmd_extract - kmem-persist extract
 * @o: options
 *
 * Return: exit status.
 */
int cmd_extract(const struct options *o)
{
	struct image_where where = o->where;
	struct kmem_blk_map_error error;
	struct kmem_persist kp;
	struct sb_search s;
	struct extract *x;
	unsigned int tree;
	struct walk w;
	u64 missing;

	where.may_be_cut = true;
	image_open(&kp, o->device, false, &where);
	extract_search(&kp, &s, o);
	if (le32_to_cpu(s.use->sb.type) != KMEM_PERSIST_TYPE_BLK)
		die(EXIT_OPERATIONAL, "%s: has no block device, its type is %u",
		    o->device, le32_to_cpu(s.use->sb.type));
	if (walk_open(&w, &kp, &s.use->sb, &error))
		die(EXIT_UNCORRECTED, "%s: has no usable map: %s: %s", o->device,
		    error.object, error.reason);

	tree = extract_tree(&w, o);
	x = need_memory(calloc(1, sizeof(*x)));
	x->kp = &kp;
	x->name = o->arg;
	x->stream = !strcmp(o->arg, "-");
	x->fd = x->stream ? o->pipe : extract_open(&kp, o);
	if (x->stream)
		extract_head(x, &s.use->sb, w.tree[tree].map.nr_lblks);
	extract_map(x, &w, tree);
	out_text("label", s.use->sb.label, sb_text_len(s.use->sb.label,
						       sizeof(s.use->sb.label)));
	if (tree) {
		out_open("snapshot");
		snapshots_out(w.tree[tree].record);
		out_close();
	}
	out_bytes("disk_bytes", walk_bytes(w.tree[tree].map.nr_lblks));
	out_bytes("copied_bytes", walk_bytes(x->copied));
	missing = x->missing.total;
	out_bytes("missing_bytes", walk_bytes(missing));
	if (kp.nr_there < kp.nr_pages)
		out_bytes("cut_bytes", walk_bytes(kp.nr_pages - kp.nr_there));
	if (missing && !x->stream)
		say("%s: zeroes stand where blocks are missing", o->arg);
	free(x);
	walk_close(&w);
	image_close(&kp);
	return missing ? EXIT_UNCORRECTED : EXIT_CLEAN;
}

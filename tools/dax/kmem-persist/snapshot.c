// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots: which there are, and what can be done with them
 *
 * A device in use is told in sysfs what to do; one that is not is only looked at.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include "check.h"
#include "cmd.h"
#include "in_use.h"
#include "out.h"
#include "sysfs.h"
#include "util.h"

/*
 * What differs
 */

/**
 * struct diff_node - what a tree has at a place
 * @dpn: page of a node or a block; 0: there is none
 * @twin: page of the twin of a node, or @dpn
 * @lost: all of it is LOST; otherwise, without a page, a hole
 * @bad: nobody knows
 */
struct diff_node {
	u64 dpn;
	u64 twin;
	bool lost;
	bool bad;
};

/**
 * struct diff_tree - one of two trees that are compared
 * @map: what is known of the map
 * @root: its root
 * @buf: nodes, by level
 * @twin: their twins
 */
struct diff_tree {
	struct kmem_blk_map map;
	struct diff_node root;
	__le64 buf[KMEM_BLK_MAX_LEVEL + 1][KMEM_BLK_NODE_ENTRIES];
	__le64 twin[KMEM_BLK_MAX_LEVEL + 1][KMEM_BLK_NODE_ENTRIES];
};

struct diff {
	struct kmem_persist *kp;
	struct diff_tree tree[2];
	struct ranges ranges;
	u64 nr_bad;
};

/* A copy that cannot be read knows nothing: zeroes are no entries. */
static void diff_read(struct diff *d, struct diff_tree *t, unsigned int level,
		      const struct diff_node *node)
{
	const u64 pages[] = { node->dpn, node->twin };
	__le64 *bufs[] = { t->buf[level], t->twin[level] };

	if (level > t->map.root_level)
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(pages); i++) {
		const void *page = dax_kmem_index_to_kaddr(d->kp, pages[i]);

		if (!node->dpn || !page ||
		    kmem_media_read(&d->kp->media, bufs[i], page, sizeof(t->buf[level])))
			memset(bufs[i], 0, sizeof(t->buf[level]));
	}
}

/* What a tree has at a place of @node, which was read: of two entries what counts. */
static struct diff_node diff_child(struct diff_tree *t, unsigned int level, u64 index,
				   const struct diff_node *node)
{
	const unsigned int slot = index % KMEM_BLK_NODE_ENTRIES;
	struct diff_node child = {};
	const char *reason;
	int type, twin;

	if (index << KMEM_BLK_NODE_SHIFT * level >= t->map.nr_lblks)
		return child;
	/* The other tree is higher. */
	if (level > t->map.root_level || !node->dpn)
		return *node;
	type = blkmap_verify(&t->map, level, index, le64_to_cpu(t->buf[level][slot]), &child.dpn,
			     &reason);
	twin = blkmap_verify(&t->map, level, index, le64_to_cpu(t->twin[level][slot]),
			     &child.twin, &reason);
	if (type < 0) {
		type = twin;
		child.dpn = child.twin;
	} else if (type != twin || level == 1) {
		child.twin = child.dpn;
	}
	child.bad = type < 0;
	child.lost = type == KMEM_BLK_ENTRY_LOST;
	return child;
}

static void diff_level(struct diff *d, unsigned int level, u64 index,
		       const struct diff_node *nodes)
{
	const u64 end = max(d->tree[0].map.nr_lblks, d->tree[1].map.nr_lblks);
	const unsigned int shift = KMEM_BLK_NODE_SHIFT * level;

	for (unsigned int i = 0; i < 2; i++)
		diff_read(d, &d->tree[i], level, &nodes[i]);
	for (unsigned int slot = 0; slot < KMEM_BLK_NODE_ENTRIES; slot++) {
		const u64 at = (index << KMEM_BLK_NODE_SHIFT) + slot, lblk = at << shift;
		struct diff_node children[2];

		if (lblk >= end)
			break;
		for (unsigned int i = 0; i < 2; i++)
			children[i] = diff_child(&d->tree[i], level, at, &nodes[i]);
		d->nr_bad += children[0].bad || children[1].bad;
		if (children[0].bad || children[1].bad)
			ranges_add(&d->ranges, lblk, min(1ULL << shift, end - lblk));
		else if (children[0].dpn == children[1].dpn &&
			 children[0].lost == children[1].lost)
			continue;
		else if (level)
			diff_level(d, level - 1, at, children);
		else
			ranges_add(&d->ranges, at, 1);
	}
}

/* The directory of a device that is not in use; ends without one. */
static void snapshot_open(struct kmem_persist *kp, const struct options *o, struct sb_search *s,
			  struct kmem_blk_map *map, struct kmem_blk_copies *roots,
			  struct snapshots *snapshots)
{
	struct kmem_blk_map_error error;

	image_open(kp, o->device, false, &o->where);
	sb_search(kp, s);
	need_ours(kp, s);
	if (le32_to_cpu(s->use->sb.type) != KMEM_PERSIST_TYPE_BLK)
		die(EXIT_OPERATIONAL, "%s: has no block device", o->device);
	if (blkmap_open(map, kp, &s->use->sb, &error, roots))
		die(EXIT_UNCORRECTED, "%s: has no usable map: %s: %s", o->device, error.object,
		    error.reason);
	snapshots_read(snapshots, kp, &s->use->sb, map, NULL);
	if (snapshots->why)
		die(EXIT_UNCORRECTED, "%s: %s", o->device, snapshots->why);
}

static const struct kmem_blk_record *snapshot_need(const struct snapshots *s, const char *device,
						   const char *name)
{
	const struct kmem_blk_record *r = snapshots_find(s, name);

	if (!r)
		die(EXIT_OPERATIONAL,
		    "%s: has no snapshot with this label or id: %s; 'kmem-persist snapshot list' shows all",
		    device, name);
	return r;
}

/**
 * cmd_snapshot_diff - kmem-persist snapshot diff
 * @o: options
 *
 * Return: exit status.
 */
int cmd_snapshot_diff(const struct options *o)
{
	const char * const names[] = { o->arg, o->other };
	struct diff_node roots[2] = {};
	struct kmem_blk_copies live;
	struct snapshots snapshots;
	struct kmem_blk_map map;
	struct kmem_persist kp;
	struct sb_search s;
	struct diff *d;
	int status;

	snapshot_open(&kp, o, &s, &map, &live, &snapshots);
	d = need_memory(calloc(1, sizeof(*d)));
	d->kp = &kp;
	d->ranges.print = true;
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		const struct kmem_blk_record *r = NULL;

		if (names[i])
			r = snapshot_need(&snapshots, o->device, names[i]);
		blkmap_resize(&d->tree[i].map, &map,
			      r ? le64_to_cpu(r->nr_lblks) : map.nr_lblks);
		roots[i].dpn = r ? le64_to_cpu(r->root) & KMEM_BLK_ENTRY_DPN_MASK : live.dpn;
		roots[i].twin = r ? roots[i].dpn : live.twin;
		/* There was something. */
		roots[i].lost = !roots[i].dpn;
	}
	if (out_is_json())
		out_list("ranges");
	diff_level(d, max(d->tree[0].map.root_level, d->tree[1].map.root_level), 0, roots);
	ranges_end(&d->ranges);
	if (out_is_json())
		out_close();
	out_bytes("differ_bytes", walk_bytes(d->ranges.total));
	status = d->nr_bad ? EXIT_UNCORRECTED : EXIT_CLEAN;
	if (d->nr_bad)
		say("%s: what is damaged is taken for different; check tells more", o->device);
	free(d);
	image_close(&kp);
	return status;
}

/*
 * Devices in use
 */

static void snapshot_line(u64 id, const char *uuid, const char *label, u64 seconds, u64 bytes,
			  const char *state)
{
	char size[16], when[32] = "-";
	const time_t t = seconds;
	struct tm tm;

	if (out_is_json()) {
		out_open(NULL);
		out_u64("id", id);
		out_str("uuid", "%s", uuid);
		out_text("label", (const u8 *)label, strlen(label));
		out_u64("time", seconds);
		out_u64("disk_bytes", bytes);
		out_str("state", "%s", state);
		out_close();
		return;
	}
	if (t >= 0 && gmtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	text_bytes(size, bytes);
	say("%6llu %-19s %10s %-13s %s", id, when, size, state, label);
}

static void snapshot_head(void)
{
	if (out_is_json())
		out_list("snapshots");
	else
		say("%6s %-19s %10s %-13s %s", "id", "time (UTC)", "size", "state", "label");
}

/* The device that is in use; ends if its kernel knows no snapshots. */
static void snapshot_find_in_use(struct in_use *d, const char *what, char *text, size_t size)
{
	in_use_find(d, what);
	if (!*d->disk || !sysfs_text(d->disk_dir, "kmem/snapshots", text, size))
		die(EXIT_OPERATIONAL, "%s: has no disk with snapshots; the kernel may not know them",
		    d->name);
}

/* A line: id, uuid, label, time, bytes, state. False if it is none. */
static bool snapshot_parse(char *line, const char **fields, u64 *id, u64 *seconds, u64 *bytes)
{
	for (unsigned int i = 0; i < 6; i++) {
		fields[i] = strsep(&line, " ");
		if (!fields[i])
			return false;
	}
	return parse_u64(fields[0], id) && parse_u64(fields[3], seconds) &&
	       parse_u64(fields[4], bytes);
}

/* The lines of sysfs; @label: only that of a snapshot that is kept. */
static void snapshot_lines(char *text, const char *label)
{
	const char *fields[6];
	u64 id, seconds, bytes;
	char *line;

	while ((line = strsep(&text, "\n")))
		if (snapshot_parse(line, fields, &id, &seconds, &bytes) &&
		    (!label || (id && !strcmp(fields[2], label))))
			snapshot_line(id, fields[1], fields[2], seconds, bytes, fields[5]);
}

static void snapshot_list_offline(const struct options *o)
{
	struct kmem_blk_copies roots;
	struct snapshots snapshots;
	struct kmem_blk_map map;
	struct kmem_persist kp;
	struct sb_search s;

	snapshot_open(&kp, o, &s, &map, &roots, &snapshots);
	snapshot_head();
	for (u32 i = 0; snapshots.use && i < le32_to_cpu(snapshots.use->nr); i++) {
		const struct kmem_blk_record *r = &snapshots.use->record[i];
		char uuid[37];

		text_uuid(uuid, r->uuid);
		snapshot_line(le64_to_cpu(r->id), uuid, (const char *)r->label,
			      le64_to_cpu(r->time), walk_bytes(le64_to_cpu(r->nr_lblks)),
			      snapshot_is_damaged(r) ? "damaged" : "ok");
	}
	image_close(&kp);
}

/**
 * cmd_snapshot_list - kmem-persist snapshot list
 * @o: options
 *
 * Return: exit status.
 */
int cmd_snapshot_list(const struct options *o)
{
	char text[8192];
	struct in_use d;
	struct stat st;

	/* A disk is a block device, and a device in use has no character device. */
	if (!stat(o->device, &st) && (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode))) {
		snapshot_list_offline(o);
	} else {
		snapshot_find_in_use(&d, o->device, text, sizeof(text));
		snapshot_head();
		snapshot_lines(text, NULL);
	}
	if (out_is_json())
		out_close();
	return EXIT_CLEAN;
}

/* What the kernel means. */
static const char *snapshot_why(int err)
{
	switch (-err) {
	case EINVAL:
		return "a label has 1 to 63 bytes of UTF-8, is no number, and has no blanks, slashes or control characters";
	case EEXIST:
		return "there is one with this label";
	case ENOENT:
		return "there is none with this label or id";
	case EOVERFLOW:
		return "there are no more ids: somebody has made up the directory";
	case EMLINK:
		return "there may be 15, with those that are being deleted";
	case EBUSY:
		return "the disk, or that of the snapshot, is in use; 'kmem-persist status' and lsblk show by whom";
	case EUCLEAN:
		return "it is damaged";
	case ENODEV:
		return "the disk is just coming, or about to go";
	case ENOSPC:
		return "no space for its nodes: discard data, or delete snapshots";
	case EIO:
		return "the superblock cannot be written: bind the device again, and look";
	default:
		return strerror(-err);
	}
}

/* Tell the kernel. It has happened, durably, when this returns. */
static void snapshot_tell(const struct options *o, const char *file, const char *done)
{
	char text[8192];
	struct in_use d;
	int err;

	snapshot_find_in_use(&d, o->device, text, sizeof(text));
	err = sysfs_store(d.disk_dir, file, o->arg);
	if (err)
		die(EXIT_OPERATIONAL, "%s: snapshot %s: not %s: %s", d.disk, o->arg, done,
		    snapshot_why(err));
	if (out_is_json())
		out_str("name", "%s", d.name);
	else
		say("%s: snapshot %s: %s", d.disk, o->arg, done);
}

/**
 * cmd_snapshot_create - kmem-persist snapshot create
 * @o: options
 *
 * Return: exit status.
 */
int cmd_snapshot_create(const struct options *o)
{
	char text[8192];
	struct in_use d;

	snapshot_tell(o, "kmem/snapshot_create", "created");
	snapshot_find_in_use(&d, o->device, text, sizeof(text));
	snapshot_head();
	snapshot_lines(text, o->arg);
	if (out_is_json())
		out_close();
	return EXIT_CLEAN;
}

/**
 * cmd_snapshot_delete - kmem-persist snapshot delete
 * @o: options
 *
 * Return: exit status.
 */
int cmd_snapshot_delete(const struct options *o)
{
	snapshot_tell(o, "kmem/snapshot_delete", "deleted");
	return EXIT_CLEAN;
}

/**
 * cmd_snapshot_activate - kmem-persist snapshot activate
 * @o: options
 *
 * Return: exit status.
 */
int cmd_snapshot_activate(const struct options *o)
{
	snapshot_tell(o, "kmem/snapshot_activate", "activated");
	return EXIT_CLEAN;
}

/**
 * cmd_snapshot_deactivate - kmem-persist snapshot deactivate
 * @o: options
 *
 * Return: exit status.
 */
int cmd_snapshot_deactivate(const struct options *o)
{
	snapshot_tell(o, "kmem/snapshot_deactivate", "deactivated");
	return EXIT_CLEAN;
}

/**
 * cmd_snapshot_rollback - kmem-persist snapshot rollback
 * @o: options
 *
 * What is lost was not named, so somebody has to say yes.
 *
 * Return: exit status.
 */
int cmd_snapshot_rollback(const struct options *o)
{
	if (!o->yes)
		die(EXIT_USAGE, "rollback loses what the disk is now: add --yes");
	snapshot_tell(o, "kmem/snapshot_rollback", "rolled back to");
	return EXIT_CLEAN;
}

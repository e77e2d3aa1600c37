// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots of a kmem block device
 */

/**
 * DOC: Snapshots of a kmem block device
 *
 * Concepts
 * ========
 *
 * A snapshot is a tree beside that of the disk, which shares leaves and pages of data with it:
 * map/family.c. Which there are is in the directory, map/directory.c, to which the superblock
 * refers: so a snapshot comes, goes, or becomes the disk with one update of the superblock.
 *
 *  create: pages for nodes; the gate of the family is closed, and a grace period later nobody
 *	changes a map; nodes are copied; fence; a directory with the new record, in its spare
 *	pages; the superblock; the gate opens. Reads go on. Who writes waits: for an expedited
 *	grace period, and as long as it takes to copy 4 KiB per GiB and to write a superblock.
 *  delete: a directory without the record, the superblock: it has happened. Then a worker goes
 *	from leaf to leaf. It holds &kmem_blk.move_lock for some leaves at a time. A crash, or
 *	a detach, needs nothing to go on with: what is in no tree is free at the next attach,
 *	and is erased then if what is free shall be: a detach says that there are remnants.
 *  roll back: as create, but that the nodes that are made of the snapshot's have twins, and the
 *	superblock refers to them as those of the disk. The old tree is deleted. The disk is in
 *	nobody's hands meanwhile: it has no openers, and no medium, so that it gets none, and has
 *	no partitions, of which somebody could open an old one. The leaves of the snapshot are
 *	read before: what is damaged there costs the snapshot, but of the disk it would cost
 *	everything.
 *
 * Two pages are kept for the directory that is written next. So a delete needs none.
 *
 * Whatever fails before the superblock is written has not happened, and all is given back. If
 * the superblock cannot be written it has not happened either, but the next attach may find it:
 * then all that it would refer to stays where it is, also for the family. No other update
 * succeeds before that attach, and none is tried: each would take pages for good. A disk that
 * may have been rolled back is not written to any more: it would be to the wrong tree.
 *
 * Locks
 * =====
 *
 * &kmem_blk_snapshots.admin: who creates, deletes or rolls back. In it open_mutex, and
 * &kmem_blk.move_lock, in which &kmem_blk_snapshots.lock, and the framework's life cycle lock,
 * which is only tried. Who takes the disk away has them both, and tries @admin,
 * or, by force, has set &kmem_blk.closing, which whoever tries in vain looks at.
 * With @admin nobody waits for pages, and with the life cycle lock nobody waits for who moves
 * data, or for memory: others wait for these. With pages in his hands nobody waits for @admin,
 * for memory, or until leaves are read: who makes room for others may wait for those pages.
 * An entry of the list is the worker's from when it is DELETING: it may be gone at any moment.
 * Who walks the list without &kmem_blk_snapshots.lock has stopped the worker, or there is none.
 * While the gate is closed no memory is allocated that I/O could have to free.
 */

#include <linux/blkdev.h>
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>
#include <linux/uuid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include "../map/entry.h"
#include "../utf8.h"
#include "blk.h"

/* Pages that wait for one grace period, at least those of one leaf. */
#define KMEM_BLK_DELETE_PAGES	32768U
/* Leaves that are dropped at a time, while others wait; what is shared gives no pages. */
#define KMEM_BLK_DELETE_LEAVES	1024U
/* Pages that come from the pool, and go there, at a time. */
#define KMEM_BLK_SNAPSHOT_BATCH	64U
/* Pages that turn out to be bad, in a row, before a copy of the directory is not written. */
#define KMEM_BLK_SNAPSHOT_TRIES	8U
/* Nodes that may come while the first ones are counted. */
#define KMEM_BLK_SNAPSHOT_SLACK	8U

/**
 * enum kmem_blk_snapshot_state - what has become of a tree
 * @KMEM_BLK_SNAPSHOT_KEPT: it is in the directory
 * @KMEM_BLK_SNAPSHOT_DELETING: it is not any more
 * @KMEM_BLK_SNAPSHOT_UNSURE: the next attach knows
 */
enum kmem_blk_snapshot_state {
	KMEM_BLK_SNAPSHOT_KEPT,
	KMEM_BLK_SNAPSHOT_DELETING,
	KMEM_BLK_SNAPSHOT_UNSURE,
};

/**
 * struct kmem_blk_snapshot - a tree beside that of the disk
 * @node: in &kmem_blk_snapshots.list, in the order of ids
 * @record: as it is in the directory, or was
 * @state: what has become of it
 * @has_tree: there is a tree in @map; otherwise nobody looks at @map. Protected by
 *	      &kmem_blk_snapshots.lock once it is in the list
 * @map: the tree
 * @pos: leaves that it has dropped
 * @view: its disk, while it is activated
 */
struct kmem_blk_snapshot {
	struct list_head node;
	struct kmem_blk_record record;
	enum kmem_blk_snapshot_state state;
	bool has_tree;
	struct kmem_blk_map map;
	u64 pos;
	struct kmem_blk_view *view;
};

static u64 kmem_blk_snapshot_id(const struct kmem_blk_snapshot *s)
{
	return le64_to_cpu(s->record.id);
}

static bool kmem_blk_snapshot_is_damaged(const struct kmem_blk_snapshot *s)
{
	return le64_to_cpu(s->record.flags) & KMEM_BLK_SNAPSHOT_DAMAGED;
}

/*
 * Pages
 */

static void kmem_blk_snapshot_free(struct kmem_blk *kb, const u64 *dpns, u64 nr)
{
	for (u64 i = 0; i < nr; i += KMEM_BLK_SNAPSHOT_BATCH) {
		dax_kmem_free_pages(kb->kp, dpns + i, min(nr - i, KMEM_BLK_SNAPSHOT_BATCH));
		cond_resched();
	}
}

/* All or none. */
static bool kmem_blk_snapshot_take(struct kmem_blk *kb, u64 *dpns, u64 nr)
{
	u64 got = 0;

	while (got < nr) {
		const unsigned int now = min(nr - got, KMEM_BLK_SNAPSHOT_BATCH);
		const unsigned int more = dax_kmem_alloc_pages(kb->kp, dpns + got, now, 0);

		got += more;
		if (more < now) {
			kmem_blk_snapshot_free(kb, dpns, got);
			return false;
		}
		cond_resched();
	}
	return true;
}

/*
 * RAM comes back for it, as for a first write, and the time is the same. Nobody waits with pages
 * in his hands: others wait for them. Who looks now and then need not be woken; it would be by
 * what is given back here.
 */
static bool kmem_blk_snapshot_wait(struct kmem_blk *kb, u64 *dpns, u64 nr)
{
	const unsigned long start = jiffies;
	const unsigned long end = start + READ_ONCE(kb->no_space_timeout) * HZ;
	/* None is kept meanwhile: it is all of them that lack. */
	const unsigned int lack = min_t(u64, nr, U32_MAX);
	bool got = kmem_blk_snapshot_take(kb, dpns, nr);

	if (got)
		return true;
	kmem_blk_pages_reclaim(&kb->pages);
	dax_kmem_wait_begin(kb->kp, lack);
	for (;;) {
		got = kmem_blk_snapshot_take(kb, dpns, nr);
		if (got || READ_ONCE(kb->closing) || signal_pending(current) ||
		    !dax_kmem_has_space(kb->kp, 0) || time_after_eq(jiffies, end))
			break;
		schedule_timeout_interruptible(HZ / 10);
	}
	dax_kmem_wait_end(kb->kp, lack, start, got);
	return got;
}

/**
 * struct kmem_blk_snapshot_pages - pages for the nodes of a new tree
 * @dpns: the pages
 * @nr: how many are left, and are at the beginning of @dpns
 * @want: how many it takes, of who has found that there are too few: -EAGAIN
 */
struct kmem_blk_snapshot_pages {
	u64 *dpns;
	u64 nr;
	u64 want;
};

static void kmem_blk_snapshot_put(struct kmem_blk *kb, struct kmem_blk_snapshot_pages *pages)
{
	kmem_blk_snapshot_free(kb, pages->dpns, pages->nr);
	kvfree(pages->dpns);
	pages->dpns = NULL;
	pages->nr = 0;
}

/*
 * Pages for as many nodes as are wanted. Some more have to be there, and are left where they
 * are: the first change in a leaf that is shared takes one, also for a discard.
 */
static int kmem_blk_snapshot_get(struct kmem_blk *kb, struct kmem_blk_snapshot_pages *pages)
{
	const u64 nr = pages->want, all = nr + num_online_cpus();

	if (!nr)
		return 0;
	pages->dpns = kvmalloc_array(all, sizeof(*pages->dpns), GFP_KERNEL);
	if (!pages->dpns)
		return -ENOMEM;
	if (kmem_blk_snapshot_wait(kb, pages->dpns, all)) {
		kmem_blk_snapshot_free(kb, pages->dpns + nr, all - nr);
		pages->nr = nr;
		return 0;
	}
	if (READ_ONCE(kb->closing))
		return -ENODEV;
	return signal_pending(current) ? -EINTR : -ENOSPC;
}

/* Are there too few for the nodes of a tree? Some may come before they are copied. */
static bool kmem_blk_snapshot_lacks(struct kmem_blk_snapshot_pages *pages,
				    const struct kmem_blk_map *source, bool twins)
{
	const u64 nr = kmem_blk_member_nodes(source, twins);

	pages->want = nr + KMEM_BLK_SNAPSHOT_SLACK;
	return pages->nr < nr;
}

/**
 * struct kmem_blk_snapshot_plan - what is there already of a change that begins anew
 * @pages: for nodes
 * @s: what will be the new tree, with its arrays, or NULL
 * @checked: id of the snapshot whose leaves were read, or 0
 */
struct kmem_blk_snapshot_plan {
	struct kmem_blk_snapshot_pages pages;
	struct kmem_blk_snapshot *s;
	u64 checked;
};

static void kmem_blk_snapshot_plan_drop(struct kmem_blk_snapshot_plan *plan)
{
	if (plan->s)
		kmem_blk_map_detach(&plan->s->map);
	kfree(plan->s);
	plan->s = NULL;
}

/* All but pages. */
static int kmem_blk_snapshot_prepare(struct kmem_blk_snapshot_plan *plan,
				     const struct kmem_blk_map *source)
{
	if (source->family->nr == KMEM_BLK_MAX_MEMBERS)
		return -EMLINK;
	if (plan->s && plan->s->map.nr_lblks == source->nr_lblks)
		return 0;
	kmem_blk_snapshot_plan_drop(plan);
	plan->s = kzalloc_obj(*plan->s);
	return plan->s ? kmem_blk_member_init(&plan->s->map, source) : -ENOMEM;
}

/*
 * The directory
 */

static void kmem_blk_directory_fill(struct kmem_blk *kb, const struct kmem_blk_snapshot *add,
				    const struct kmem_blk_snapshot *skip, u64 parent)
{
	const struct kmem_persist_superblock *sb = kmem_persist_sb(kb->kp);
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	struct kmem_blk_directory *dir = snaps->dir;
	const struct kmem_blk_snapshot *s;
	unsigned int nr = 0;

	memset(dir, 0, sizeof(*dir));
	dir->generation = cpu_to_le64(max(le64_to_cpu(sb->generation), snaps->generation) + 1);
	dir->next_id = cpu_to_le64(add ? kmem_blk_snapshot_id(add) + 1 : snaps->next_id);
	dir->parent = cpu_to_le64(parent);
	scoped_guard(spinlock, &snaps->lock)
		list_for_each_entry(s, &snaps->list, node)
			if (s != skip && s->state == KMEM_BLK_SNAPSHOT_KEPT)
				dir->record[nr++] = s->record;
	if (add)
		dir->record[nr++] = add->record;
	dir->nr = cpu_to_le32(nr);
}

/* One copy of it, in a page that is kept for that or in another one. Returns 0 without. */
static u64 kmem_blk_directory_place(struct kmem_blk *kb, u64 *spare)
{
	const u8 *key = kmem_persist_sb(kb->kp)->key;

	for (unsigned int i = 0; i < KMEM_BLK_SNAPSHOT_TRIES; i++) {
		if (!*spare && !dax_kmem_alloc_kaddr(kb->kp, spare, KMEM_ALLOC_OVERWRITE)) {
			*spare = 0;
			return 0;
		}
		if (kmem_blk_directory_put(&kb->map, kb->snapshots.dir, key, *spare))
			return *spare;
		dax_kmem_media_error(kb->kp, *spare);
		dax_kmem_free_pages(kb->kp, spare, 1);
		*spare = 0;
	}
	return 0;
}

/* What cannot be read shall not hold data next. */
static void kmem_blk_directory_free(struct kmem_blk *kb, u64 page)
{
	if (kmem_media_probe(kb->map.media, dax_kmem_index_to_kaddr(kb->kp, page),
			     KMEM_PERSIST_BLOCK_SIZE))
		dax_kmem_media_error(kb->kp, page);
	dax_kmem_free_pages(kb->kp, &page, 1);
}

/* What the superblock says of the directory. */
static void kmem_blk_directory_refer(struct kmem_blk *kb, const u64 *pages)
{
	struct kmem_persist_superblock *sb = kmem_persist_sb(kb->kp);
	const __le64 bit = cpu_to_le64(KMEM_BLK_INCOMPAT_SNAPSHOTS);

	if (pages[0])
		sb->feat_incompat |= bit;
	else
		sb->feat_incompat &= ~bit;
	kmem_blk_directory_words(kb->map.seed, pages, kmem_blk_sb(sb)->reserved_root);
}

/*
 * Write a directory with or without some snapshot, and the superblock. 0: it has happened;
 * -ENOSPC: it has not; another error: the next attach knows.
 */
static int kmem_blk_directory_write(struct kmem_blk *kb, const struct kmem_blk_snapshot *add,
				    const struct kmem_blk_snapshot *skip, u64 parent)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	u64 pages[2] = {};
	unsigned int nr = 0;
	int err;

	kmem_blk_directory_fill(kb, add, skip, parent);
	for (unsigned int i = 0; i < ARRAY_SIZE(pages) && snaps->dir->nr; i++) {
		pages[nr] = kmem_blk_directory_place(kb, &snaps->spare[i]);
		nr += !!pages[nr];
	}
	/* One will do for what makes less. */
	if (snaps->dir->nr && nr < (add ? ARRAY_SIZE(pages) : 1))
		return -ENOSPC;
	kmem_blk_directory_refer(kb, pages);
	err = kmem_persist_write_change(kb->kp);
	if (err) {
		memset(snaps->spare, 0, sizeof(snaps->spare));
		snaps->unsure = true;
		return err;
	}
	if (nr == 1)
		dev_warn(kmem_persist_dev(kb->kp),
			 "the directory of snapshots has no second copy, no good page could be had for it\n");
	for (unsigned int i = 0; i < ARRAY_SIZE(pages); i++) {
		if (!snaps->dir->nr && snaps->spare[i])
			dax_kmem_free_pages(kb->kp, &snaps->spare[i], 1);
		if (!snaps->dir->nr && snaps->pages[i])
			kmem_blk_directory_free(kb, snaps->pages[i]);
		snaps->spare[i] = snaps->dir->nr ? snaps->pages[i] : 0;
		snaps->pages[i] = pages[i];
	}
	snaps->next_id = le64_to_cpu(snaps->dir->next_id);
	snaps->generation = le64_to_cpu(snaps->dir->generation);
	snaps->parent = parent;
	return 0;
}

/*
 * Attach
 */

static void kmem_blk_snapshot_add(struct kmem_blk *kb, struct kmem_blk_snapshot *s)
{
	guard(spinlock)(&kb->snapshots.lock);
	list_add_tail(&s->node, &kb->snapshots.list);
}

/* From now on, and for good, not all of it is there. */
static void kmem_blk_snapshot_hurt(struct kmem_blk *kb, struct kmem_blk_snapshot *s)
{
	const unsigned int level = kmem_blk_root_level(le64_to_cpu(s->record.nr_lblks));

	s->record.flags |= cpu_to_le64(KMEM_BLK_SNAPSHOT_DAMAGED);
	if (!s->has_tree)
		s->record.root = cpu_to_le64(kmem_blk_entry_encode(kb->map.seed, level + 1, 0,
								   KMEM_BLK_ENTRY_HOLE, 0));
	kb->snapshots.hurt = true;
	/* Pages with data that nobody knows any more. */
	kmem_persist_sb(kb->kp)->state |= cpu_to_le32(KMEM_PERSIST_STATE_REMNANTS);
	kmem_blk_map_doubt(&kb->map);
}

static int kmem_blk_snapshot_load(struct kmem_blk *kb, const struct kmem_blk_record *record)
{
	struct kmem_blk_map_error error = {};
	struct kmem_blk_snapshot *s;
	int err;

	s = kzalloc_obj(*s);
	if (!s)
		return -ENOMEM;
	s->record = *record;
	kmem_blk_snapshot_add(kb, s);
	if (kmem_blk_entry_type(le64_to_cpu(record->root)) == KMEM_BLK_ENTRY_HOLE)
		return 0;
	err = kmem_blk_member_attach(&s->map, &kb->map, le64_to_cpu(record->nr_lblks),
				     le64_to_cpu(record->root), &error);
	if (err && err != -EUCLEAN && err != -EIO)
		return err;
	s->has_tree = !err;
	if (!err && !s->map.nr_gone)
		return 0;
	kmem_blk_snapshot_hurt(kb, s);
	dev_warn(kmem_persist_dev(kb->kp),
		 "snapshot %llu (%.*s) is damaged, %s: %s: %s (page %llu, level %u, index %llu); the disk is not\n",
		 kmem_blk_snapshot_id(s), KMEM_PERSIST_LABEL_LEN, s->record.label,
		 err ? "nothing of it is left" : "a part of it is lost", error.object,
		 error.reason, error.dpn, error.level, error.index);
	return 0;
}

/**
 * kmem_blk_snapshots_attach - find the snapshots
 * @kb: the device, whose map is attached
 * @sb: the superblock
 * @error: filled if the directory is the reason
 *
 * A snapshot that is damaged costs nobody else anything. Writes nothing.
 *
 * Context: may sleep; in &kmem_persist_ops.probe.
 * Return: 0; -EUCLEAN or -EPROTONOSUPPORT without a good directory; -ENOMEM; another error of
 * dax_kmem_claim_page().
 */
int kmem_blk_snapshots_attach(struct kmem_blk *kb, const struct kmem_persist_superblock *sb,
			      struct kmem_blk_map_error *error)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	const struct kmem_blk_directory *dir;
	int chosen, err = 0;

	chosen = kmem_blk_directory_read(&kb->map, sb, snaps->dir, snaps->pages, &snaps->stale,
					 error);
	if (chosen < 0)
		return chosen == -ENOENT ? 0 : chosen;
	dir = &snaps->dir[chosen];
	snaps->other = snaps->pages[!chosen];
	snaps->generation = le64_to_cpu(dir->generation);
	snaps->next_id = le64_to_cpu(dir->next_id);
	snaps->parent = le64_to_cpu(dir->parent);
	if (snaps->stale) {
		/* The other one is not referred to any more. */
		dev_warn(kmem_persist_dev(kb->kp),
			 "one of two copies of the directory of snapshots (page %llu) is damaged, cannot be read or is missing: written anew, nothing is lost\n",
			 snaps->pages[!chosen]);
		snaps->pages[0] = snaps->pages[chosen];
		snaps->pages[1] = 0;
	}
	for (unsigned int i = 0; i < le32_to_cpu(dir->nr) && !err; i++)
		err = kmem_blk_snapshot_load(kb, &dir->record[i]);
	return err;
}

/**
 * kmem_blk_snapshots_note - what is damaged is said to be, before any free page is written to
 * @kb: the device
 *
 * Such a page may be one that only the lost part of a snapshot refers to. If that can be read
 * again after a crash, and nobody knew that it was lost, the snapshot would have what is written
 * there now. So the copy of the directory that does not count is written in its place: it counts
 * then, and the other one is what is left if this is not completed. With one copy, or if it
 * cannot be written, there is no such place, and that is not known.
 *
 * Context: may sleep; before kmem_blk_snapshots_settle().
 */
void kmem_blk_snapshots_note(struct kmem_blk *kb)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;

	if (!snaps->hurt || !snaps->other)
		return;
	kmem_blk_directory_fill(kb, NULL, NULL, snaps->parent);
	snaps->generation = le64_to_cpu(snaps->dir->generation);
	if (!kmem_blk_directory_put(&kb->map, snaps->dir, kmem_persist_sb(kb->kp)->key,
				    snaps->other))
		dax_kmem_media_error(kb->kp, snaps->other);
}

/**
 * kmem_blk_snapshots_settle - the part of snapshots in &kmem_persist_ops.settle
 * @kb: the device
 *
 * What is damaged is said to be first, then it is lost, and then nothing leads there.
 *
 * Context: may sleep; nobody else uses the device, and nothing was lent.
 * Return: 0, it is durable; -EIO if something cannot be written; -ENOSPC.
 */
int kmem_blk_snapshots_settle(struct kmem_blk *kb)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	struct kmem_blk_snapshot *s;
	bool again = false;
	int err = 0;

	if (snaps->stale || snaps->hurt)
		err = kmem_blk_directory_write(kb, NULL, NULL, snaps->parent);
	if (err == -ENOSPC && !snaps->hurt) {
		kmem_blk_directory_refer(kb, snaps->pages);
		err = kmem_persist_write_change(kb->kp);
	}
	if (err)
		return err;
	/* For the next one, which may be a delete. */
	for (unsigned int i = 0; i < ARRAY_SIZE(snaps->spare) && snaps->pages[0]; i++)
		if (!snaps->spare[i] &&
		    !dax_kmem_alloc_kaddr(kb->kp, &snaps->spare[i], KMEM_ALLOC_META))
			snaps->spare[i] = 0;
	list_for_each_entry(s, &snaps->list, node) {
		if (!s->has_tree || !s->map.nr_gone || !kmem_blk_map_settle(&s->map))
			continue;
		/* A node that could be read a moment ago. */
		kmem_blk_member_leave(&s->map);
		kmem_blk_map_detach(&s->map);
		s->has_tree = false;
		kmem_blk_snapshot_hurt(kb, s);
		again = true;
	}
	return again ? kmem_blk_directory_write(kb, NULL, NULL, snaps->parent) : 0;
}

/*
 * Who changes what snapshots there are
 */

/* The one that is named, by its id or its label, or NULL. */
static struct kmem_blk_snapshot *kmem_blk_snapshot_find(struct kmem_blk *kb, const char *name)
{
	struct kmem_blk_snapshot *s;
	u64 id;

	if (kstrtou64(name, 10, &id))
		id = 0;
	guard(spinlock)(&kb->snapshots.lock);
	list_for_each_entry(s, &kb->snapshots.list, node)
		if (s->state == KMEM_BLK_SNAPSHOT_KEPT &&
		    (id ? kmem_blk_snapshot_id(s) == id :
			  !strncmp(s->record.label, name, KMEM_PERSIST_LABEL_LEN)))
			return s;
	return NULL;
}

/* Trees beside that of the disk, and snapshots that have none. */
static unsigned int kmem_blk_snapshots_count(struct kmem_blk *kb)
{
	guard(spinlock)(&kb->snapshots.lock);
	return list_count_nodes(&kb->snapshots.list);
}

static struct device *kmem_blk_dev(const struct kmem_blk *kb)
{
	return disk_to_dev(kb->disk);
}

static void kmem_blk_snapshot_tell(struct kmem_blk *kb, char *event,
				   const struct kmem_blk_record *record)
{
	char id[32], label[KMEM_PERSIST_LABEL_LEN + 16];
	char *envp[4] = { event, id, label };

	scnprintf(id, sizeof(id), "KMEM_SNAPSHOT=%llu", le64_to_cpu(record->id));
	scnprintf(label, sizeof(label), "KMEM_LABEL=%.*s", KMEM_PERSIST_LABEL_LEN,
		  record->label);
	kobject_uevent_env(&kmem_blk_dev(kb)->kobj, KOBJ_CHANGE, envp);
}

/*
 * move_lock and the life cycle lock, or none of them: who moves data has the former for long,
 * which others shall not wait for with the latter. Who moves is asked to let us in.
 */
static int kmem_blk_snapshots_begin(struct kmem_blk *kb)
{
	int err;

	WRITE_ONCE(kb->snapshots.waits, true);
	for (;;) {
		err = mutex_lock_interruptible(&kb->move_lock);
		if (err)
			break;
		err = READ_ONCE(kb->closing) ? -ENODEV : kmem_persist_try_change(kb->kp);
		if (!err)
			break;
		mutex_unlock(&kb->move_lock);
		if (err != -EAGAIN)
			break;
		schedule_timeout_interruptible(1);
		if (signal_pending(current)) {
			err = -EINTR;
			break;
		}
	}
	WRITE_ONCE(kb->snapshots.waits, false);
	return err;
}

static void kmem_blk_snapshots_end(struct kmem_blk *kb)
{
	kmem_persist_end_change(kb->kp);
	mutex_unlock(&kb->move_lock);
}

/* Nobody changes a map when this returns, until kmem_blk_snapshots_open(). */
static unsigned int kmem_blk_snapshots_shut(struct kmem_blk *kb)
{
	const unsigned int noio = memalloc_noio_save();

	lockdep_assert_held(&kb->move_lock);
	kmem_blk_gate_close(kb->map.family);
	synchronize_rcu_expedited();
	return noio;
}

static void kmem_blk_snapshots_open(struct kmem_blk *kb, unsigned int noio)
{
	kmem_blk_gate_open(kb->map.family);
	wake_up_all(&kb->snapshots.gate);
	memalloc_noio_restore(noio);
}

/* All but the directory: a tree of nodes that are copies of those of @source, in @pages. */
static int kmem_blk_snapshot_copy(struct kmem_blk *kb, struct kmem_blk_snapshot *s,
				  const struct kmem_blk_map *source,
				  struct kmem_blk_snapshot_pages *pages, bool twins)
{
	int err = kmem_blk_member_copy(&s->map, source, pages->dpns, &pages->nr, twins);

	if (err)
		return err;
	s->record.nr_lblks = cpu_to_le64(source->nr_lblks);
	s->record.root = cpu_to_le64(kmem_blk_root_word(&s->map, false));
	return 0;
}

/* A tree whose superblock was written, or may have been. */
static void kmem_blk_snapshot_join(struct kmem_blk_snapshot *s)
{
	/* There was room for it, and nobody else comes. */
	WARN_ON_ONCE(kmem_blk_member_join(&s->map));
	s->has_tree = true;
}

/* Between kmem_blk_snapshots_begin() and _end(). -EAGAIN if there are more nodes than @pages. */
static int kmem_blk_snapshot_make(struct kmem_blk *kb, struct kmem_blk_snapshot *s,
				  struct kmem_blk_snapshot_pages *pages)
{
	const u64 generation = le64_to_cpu(kmem_persist_sb(kb->kp)->generation);
	const u64 nr = pages->nr, id = kb->snapshots.next_id ?: generation;
	unsigned int noio;
	int err;

	/* It is one that somebody made up. */
	if (id == U64_MAX)
		return -EOVERFLOW;
	s->record.id = cpu_to_le64(id);
	s->record.parent = cpu_to_le64(kb->snapshots.parent);
	s->record.time = cpu_to_le64(ktime_get_real_seconds());
	s->record.generation = cpu_to_le64(generation + 1);
	noio = kmem_blk_snapshots_shut(kb);
	err = kmem_blk_snapshot_copy(kb, s, &kb->map, pages, false);
	if (!err) {
		err = kmem_blk_directory_write(kb, s, NULL, id);
		if (!err || err == -EIO)
			kmem_blk_snapshot_join(s);
		else
			pages->nr = nr;
	}
	kmem_blk_snapshots_open(kb, noio);
	return err;
}

static void kmem_blk_snapshot_refused(struct kmem_blk *kb, const char *what, const char *name,
				      int err)
{
	const char *why;

	switch (err) {
	case -EINTR:
		why = "interrupted";
		break;
	case -ENODEV:
		why = "its disk is about to come or to go";
		break;
	case -EINVAL:
		why = "1 to 63 bytes of UTF-8, no blank, slash or control character, no number";
		break;
	case -EEXIST:
		why = "there is one with this label";
		break;
	case -ENOENT:
		why = "there is none with this id or label";
		break;
	case -EOVERFLOW:
		why = "there are no more ids";
		break;
	case -EMLINK:
		why = "there may be 15, with those that are being deleted";
		break;
	case -EBUSY:
		why = "its disk, or that of the snapshot, is open, or about to be";
		break;
	case -EUCLEAN:
		why = "it is damaged, or nothing of it is left";
		break;
	case -ENOSPC:
		why = "no space for its nodes: discard data, or delete snapshots";
		break;
	case -EIO:
		why = "the superblock cannot be written: bind the device again, and look";
		break;
	default:
		why = "no memory, or not possible";
		break;
	}
	/* Of what was written nothing is known. */
	dev_warn(kmem_blk_dev(kb), "snapshot %*pE: not %s: %s\n",
		 (int)strnlen(name, KMEM_PERSIST_LABEL_LEN), name, what, why);
}

/* Nothing of it is looked at any more: it may be the worker's. */
static void kmem_blk_snapshot_hand_over(struct kmem_blk *kb, struct kmem_blk_snapshot *s,
					enum kmem_blk_snapshot_state state)
{
	s->state = state;
	kmem_blk_snapshot_add(kb, s);
	if (state == KMEM_BLK_SNAPSHOT_DELETING)
		queue_work(system_dfl_long_wq, &kb->snapshots.work);
}

static int kmem_blk_snapshot_try_create(struct kmem_blk *kb, const char *label,
					struct kmem_blk_snapshot_plan *plan)
{
	struct kmem_blk_record record = {};
	struct kmem_blk_snapshot *s;
	u64 number;
	int err;

	if (!*label || strlen(label) >= sizeof(record.label) || !kstrtou64(label, 10, &number))
		return -EINVAL;
	memcpy(record.label, label, strlen(label));
	if (!dax_persist_label_valid(record.label, sizeof(record.label)))
		return -EINVAL;
	if (kmem_blk_snapshot_find(kb, label))
		return -EEXIST;
	if (kmem_blk_snapshots_count(kb) >= KMEM_BLK_MAX_SNAPSHOTS)
		return -EMLINK;
	err = kmem_blk_snapshot_prepare(plan, &kb->map);
	if (err)
		return err;
	if (kmem_blk_snapshot_lacks(&plan->pages, &kb->map, false))
		return -EAGAIN;
	s = plan->s;
	generate_random_uuid(record.uuid);
	s->record = record;
	err = kmem_blk_snapshots_begin(kb);
	if (!err) {
		err = kmem_blk_snapshot_make(kb, s, &plan->pages);
		kmem_blk_snapshots_end(kb);
	}
	if (!s->has_tree) {
		kmem_blk_snapshot_plan_drop(plan);
		return err;
	}
	plan->s = NULL;
	record = s->record;
	kmem_blk_snapshot_hand_over(kb, s, err ? KMEM_BLK_SNAPSHOT_UNSURE :
						 KMEM_BLK_SNAPSHOT_KEPT);
	if (err)
		return err;
	dev_info(kmem_blk_dev(kb), "snapshot %llu (%s): created\n", le64_to_cpu(record.id), label);
	kmem_blk_snapshot_tell(kb, "KMEM_EVENT=snapshot_created", &record);
	return 0;
}

/* What it takes to delete a tree. */
static int kmem_blk_snapshots_ready(struct kmem_blk_snapshots *snaps)
{
	if (!snaps->dpns)
		snaps->dpns = kvmalloc_array(KMEM_BLK_DELETE_PAGES, sizeof(*snaps->dpns),
					     GFP_KERNEL);
	return snaps->dpns ? 0 : -ENOMEM;
}

static int kmem_blk_snapshot_try_delete(struct kmem_blk *kb, const char *name,
					struct kmem_blk_snapshot_plan *plan)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	struct kmem_blk_snapshot *s = kmem_blk_snapshot_find(kb, name);
	struct kmem_blk_record record;
	int err;

	if (!s)
		return -ENOENT;
	if (s->view)
		return -EBUSY;
	record = s->record;
	err = kmem_blk_snapshots_ready(snaps) ?: kmem_blk_snapshots_begin(kb);
	if (err)
		return err;
	err = kmem_blk_directory_write(kb, NULL, s, snaps->parent);
	if (!err) {
		/* From here on it is the worker's. */
		scoped_guard(spinlock, &snaps->lock)
			s->state = KMEM_BLK_SNAPSHOT_DELETING;
		queue_work(system_dfl_long_wq, &snaps->work);
	}
	kmem_blk_snapshots_end(kb);
	if (err)
		return err;
	dev_info(kmem_blk_dev(kb), "snapshot %llu (%.*s): deleted\n", le64_to_cpu(record.id),
		 KMEM_PERSIST_LABEL_LEN, record.label);
	kmem_blk_snapshot_tell(kb, "KMEM_EVENT=snapshot_deleted", &record);
	return 0;
}

/* The tree that is made of the snapshot's becomes that of the disk; the old one is in @s then. */
static int kmem_blk_rollback_exchange(struct kmem_blk *kb, struct kmem_blk_snapshot *s,
				      const struct kmem_blk_snapshot *source,
				      struct kmem_blk_snapshot_pages *pages)
{
	struct kmem_blk_superblock *bsb = kmem_blk_sb(kmem_persist_sb(kb->kp));
	const unsigned int noio = kmem_blk_snapshots_shut(kb);
	const u64 nr = pages->nr;
	int err;

	err = kmem_blk_snapshot_copy(kb, s, &source->map, pages, true);
	if (!err) {
		bsb->nr_lblks = s->record.nr_lblks;
		kmem_blk_map_roots(&s->map, bsb);
		err = kmem_blk_directory_write(kb, NULL, NULL, kmem_blk_snapshot_id(source));
		if (!err || err == -EIO)
			kmem_blk_snapshot_join(s);
		else
			pages->nr = nr;
	}
	if (!err) {
		kmem_blk_member_exchange(&s->map);
		s->record.nr_lblks = cpu_to_le64(s->map.nr_lblks);
		kmem_blk_errors_again(kb);
	}
	kmem_blk_snapshots_open(kb, noio);
	return err;
}

static bool kmem_blk_has_partitions(struct kmem_blk *kb)
{
	unsigned long index = 1;

	return xa_find(&kb->disk->part_tbl, &index, ULONG_MAX, XA_PRESENT);
}

/* Who opens the disk looks for partitions; if there is no medium they are dropped. */
static int kmem_blk_rollback_scan(struct kmem_blk *kb)
{
	struct file *file = bdev_file_open_by_dev(disk_devt(kb->disk), BLK_OPEN_READ, NULL, NULL);

	if (IS_ERR(file))
		return PTR_ERR(file);
	bdev_fput(file);
	return 0;
}

/*
 * Nobody has the disk or a partition open, nobody gets it until kmem_blk_rollback_back(), and
 * there are no partitions: who opens one of them later would get it with its old boundaries.
 * Only who has looked one up before, and opens it after all that, still does: as with each new
 * partition table.
 */
static int kmem_blk_rollback_away(struct kmem_blk *kb)
{
	struct gendisk *disk = kb->disk;
	int err;

	/* Nobody is waited for: who closes the disk last writes what is dirty. */
	if (!mutex_trylock(&disk->open_mutex))
		return -EBUSY;
	if (!disk_openers(disk)) {
		kb->snapshots.away = true;
		set_bit(GD_NEED_PART_SCAN, &disk->state);
	}
	mutex_unlock(&disk->open_mutex);
	if (!kb->snapshots.away)
		return -EBUSY;
	/* It may not be the caller's to open. */
	err = kmem_blk_rollback_scan(kb);
	if (!kmem_blk_has_partitions(kb))
		return 0;
	return err == -ENOMEDIUM ? -EBUSY : err;
}

/* With other content, if @changed. Partitions are for kmem_blk_rollback_scan(). */
static void kmem_blk_rollback_back(struct kmem_blk *kb, bool changed)
{
	struct gendisk *disk = kb->disk;

	/* Who closes the disk may have its lock, and wait for our pages. */
	if (!kb->snapshots.away)
		return;
	scoped_guard(mutex, &disk->open_mutex) {
		if (!test_bit(GD_DEAD, &disk->state))
			set_capacity(disk, kb->map.nr_lblks << KMEM_BLK_SECTORS_SHIFT);
		if (changed)
			disk_force_media_change(disk);
		set_bit(GD_NEED_PART_SCAN, &disk->state);
		kb->snapshots.away = false;
	}
	/* When its medium went there was an event, too. */
	kobject_uevent(&disk_to_dev(disk)->kobj, KOBJ_CHANGE);
}

/* It is found to be damaged while the disk is in use: from now on, and for good. */
static void kmem_blk_snapshot_flag(struct kmem_blk *kb, struct kmem_blk_snapshot *s)
{
	scoped_guard(spinlock, &kb->snapshots.lock)
		s->record.flags |= cpu_to_le64(KMEM_BLK_SNAPSHOT_DAMAGED);
	if (kmem_blk_snapshots_begin(kb))
		return;
	/* If it does not get there the next attach finds out. */
	kmem_blk_directory_write(kb, NULL, NULL, kb->snapshots.parent);
	kmem_blk_snapshots_end(kb);
}

/* An attach of the disk takes all of its leaves, or none. */
static int kmem_blk_rollback_check(struct kmem_blk *kb, struct kmem_blk_snapshot *source)
{
	for (u64 i = 0; i < source->map.nr_leaves; i++) {
		if (READ_ONCE(kb->closing))
			return -ENODEV;
		if (signal_pending(current))
			return -EINTR;
		if (kmem_blk_member_check_leaf(&source->map, i)) {
			kmem_blk_map_blame(&source->map, i << KMEM_BLK_NODE_SHIFT);
			kmem_blk_snapshot_flag(kb, source);
			return -EUCLEAN;
		}
		cond_resched();
	}
	return 0;
}

static int kmem_blk_rollback_disk(struct kmem_blk *kb, struct kmem_blk_snapshot *s,
				  const struct kmem_blk_snapshot *source,
				  struct kmem_blk_snapshot_pages *pages)
{
	int err = kmem_blk_rollback_away(kb) ?: kmem_blk_snapshots_begin(kb);

	if (!err) {
		err = kmem_blk_rollback_exchange(kb, s, source, pages);
		kmem_blk_snapshots_end(kb);
	}
	/* What was written from now on could be gone after the next attach. */
	if (err && s->has_tree)
		set_disk_ro(kb->disk, true);
	kmem_blk_rollback_back(kb, !err);
	return err;
}

static int kmem_blk_snapshot_try_rollback(struct kmem_blk *kb, const char *name,
					  struct kmem_blk_snapshot_plan *plan)
{
	struct kmem_blk_snapshot *source = kmem_blk_snapshot_find(kb, name), *s;
	int err = 0;

	if (!source)
		return -ENOENT;
	if (kmem_blk_snapshot_is_damaged(source))
		return -EUCLEAN;
	/* It will be asked again; who does not know waits for pages in vain. */
	if (disk_openers(kb->disk))
		return -EBUSY;
	if (plan->checked != kmem_blk_snapshot_id(source)) {
		kmem_blk_snapshot_put(kb, &plan->pages);
		err = kmem_blk_snapshots_ready(&kb->snapshots) ?:
		      kmem_blk_rollback_check(kb, source);
	}
	if (err)
		return err;
	plan->checked = kmem_blk_snapshot_id(source);
	err = kmem_blk_snapshot_prepare(plan, &source->map);
	if (err)
		return err;
	if (kmem_blk_snapshot_lacks(&plan->pages, &source->map, true))
		return -EAGAIN;
	s = plan->s;
	err = kmem_blk_rollback_disk(kb, s, source, &plan->pages);
	if (!s->has_tree) {
		kmem_blk_snapshot_plan_drop(plan);
		return err;
	}
	plan->s = NULL;
	kmem_blk_snapshot_hand_over(kb, s, err ? KMEM_BLK_SNAPSHOT_UNSURE :
						 KMEM_BLK_SNAPSHOT_DELETING);
	if (err)
		return err;
	dev_info(kmem_blk_dev(kb), "snapshot %llu (%.*s): the disk was rolled back to it\n",
		 kmem_blk_snapshot_id(source), KMEM_PERSIST_LABEL_LEN, source->record.label);
	kmem_blk_snapshot_tell(kb, "KMEM_EVENT=snapshot_rollback", &source->record);
	return 0;
}

static int kmem_blk_snapshot_try_activate(struct kmem_blk *kb, const char *name,
					  struct kmem_blk_snapshot_plan *plan)
{
	struct kmem_blk_snapshot *s = kmem_blk_snapshot_find(kb, name);
	struct kmem_blk_view *view;

	if (!s)
		return -ENOENT;
	/* What is damaged can be read where it is not. */
	if (!s->has_tree)
		return -EUCLEAN;
	if (s->view)
		return 0;
	/* Who takes the disk away waits until we are done, and looks for others then. */
	if (READ_ONCE(kb->closing))
		return -ENODEV;
	view = kmem_blk_view_add(kb, &s->map, &s->record);
	if (IS_ERR(view))
		return PTR_ERR(view);
	WRITE_ONCE(s->view, view);
	return 0;
}

static int kmem_blk_snapshot_try_deactivate(struct kmem_blk *kb, const char *name,
					    struct kmem_blk_snapshot_plan *plan)
{
	struct kmem_blk_snapshot *s = kmem_blk_snapshot_find(kb, name);
	int err;

	if (!s)
		return -ENOENT;
	if (!s->view)
		return 0;
	err = kmem_blk_view_close(s->view);
	if (err)
		return err;
	kmem_blk_view_del(s->view);
	WRITE_ONCE(s->view, NULL);
	return 0;
}

/* What it has not deleted stays; nothing is DELETING before it is asked again. */
static void kmem_blk_snapshots_stop(struct kmem_blk_snapshots *snaps)
{
	WRITE_ONCE(snaps->stop, true);
	cancel_work_sync(&snaps->work);
}

static void kmem_blk_snapshots_resume(struct kmem_blk_snapshots *snaps)
{
	WRITE_ONCE(snaps->stop, false);
	queue_work(system_dfl_long_wq, &snaps->work);
}

/* All views, or none. */
static int kmem_blk_snapshots_close_views(struct kmem_blk *kb)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	struct kmem_blk_snapshot *s;

	list_for_each_entry(s, &snaps->list, node) {
		if (!s->view || !kmem_blk_view_close(s->view))
			continue;
		dev_warn(kmem_persist_dev(kb->kp),
			 "snapshot %llu (%.*s) is in use: unmount it, and try again\n",
			 kmem_blk_snapshot_id(s), KMEM_PERSIST_LABEL_LEN, s->record.label);
		list_for_each_entry_continue_reverse(s, &snaps->list, node)
			if (s->view)
				kmem_blk_view_reopen(s->view);
		return -EBUSY;
	}
	return 0;
}

/**
 * kmem_blk_snapshots_close - nobody opens the disk or a snapshot any more, or changes which are
 * @kb: the device, on its way out, with open_mutex of its disk held, which has no openers
 *
 * &kmem_blk.closing is set in success only, and before anybody else can change anything: whoever
 * sees it is not refused for nothing. What was deleted in part stays so.
 *
 * Context: sleeps, waits for nobody. Return: 0; -EBUSY if a snapshot is open, or is being made,
 * deleted or rolled back to: nothing was done.
 */
int kmem_blk_snapshots_close(struct kmem_blk *kb)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	int err;

	if (!mutex_trylock(&snaps->admin)) {
		dev_warn(kmem_persist_dev(kb->kp),
			 "a snapshot of /dev/%s is just being made, deleted or rolled back to: try again\n",
			 kb->disk->disk_name);
		return -EBUSY;
	}
	kmem_blk_snapshots_stop(snaps);
	err = kmem_blk_snapshots_close_views(kb);
	if (err)
		kmem_blk_snapshots_resume(snaps);
	else
		WRITE_ONCE(kb->closing, true);
	mutex_unlock(&snaps->admin);
	return err;
}

/**
 * kmem_blk_snapshots_del_views - no snapshot can be read any more, and none is deleted
 * @kb: the device, on its way out
 *
 * Context: sleeps; &kmem_blk.closing is set, so that nobody waits for a lock of ours.
 */
void kmem_blk_snapshots_del_views(struct kmem_blk *kb)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	struct kmem_blk_snapshot *s;

	guard(mutex)(&snaps->admin);
	kmem_blk_snapshots_stop(snaps);
	list_for_each_entry(s, &snaps->list, node) {
		if (!s->view)
			continue;
		kmem_blk_view_del(s->view);
		s->view = NULL;
	}
}

/**
 * kmem_blk_snapshots_left - is anything left of trees that are in no directory?
 * @kb: the device, on its way out, after kmem_blk_snapshots_del_views()
 *
 * Context: any. Return: true if so: it is free at the next attach, and holds data.
 */
bool kmem_blk_snapshots_left(struct kmem_blk *kb)
{
	const struct kmem_blk_snapshot *s;

	list_for_each_entry(s, &kb->snapshots.list, node)
		if (s->state != KMEM_BLK_SNAPSHOT_KEPT)
			return true;
	return false;
}

/*
 * The worker that deletes
 */

static struct kmem_blk_snapshot *kmem_blk_snapshot_deleting(struct kmem_blk_snapshots *snaps)
{
	struct kmem_blk_snapshot *s;

	guard(spinlock)(&snaps->lock);
	list_for_each_entry(s, &snaps->list, node)
		if (s->state == KMEM_BLK_SNAPSHOT_DELETING)
			return s;
	return NULL;
}

/* Some of its leaves. Returns whether there are more. */
static bool kmem_blk_delete_some(struct kmem_blk *kb, struct kmem_blk_snapshot *s)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	const u64 end = min(s->map.nr_leaves, s->pos + KMEM_BLK_DELETE_LEAVES);
	unsigned int nr = 0, more;

	kmem_persist_stand_still(false, &snaps->stop);
	/* Who erases waits for the pages in our hands; and nobody closes the gate meanwhile. */
	guard(mutex)(&kb->move_lock);
	while (s->pos < end && !READ_ONCE(snaps->stop) &&
	       nr + KMEM_BLK_NODE_ENTRIES + 1 <= KMEM_BLK_DELETE_PAGES) {
		if (WARN_ON_ONCE(kmem_blk_member_drop_leaf(&s->map, s->pos, snaps->dpns + nr,
							   &more)))
			return false;
		nr += more;
		WRITE_ONCE(s->pos, s->pos + 1);
		cond_resched();
	}
	if (nr) {
		synchronize_rcu();
		kmem_blk_snapshot_free(kb, snaps->dpns, nr);
	}
	return s->pos < s->map.nr_leaves && !READ_ONCE(snaps->stop);
}

/* All leaves are gone. Who shows it does not look at the map any more. */
static void kmem_blk_delete_rest(struct kmem_blk *kb, struct kmem_blk_snapshot *s)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	unsigned int nr;
	u64 pos = 0;

	scoped_guard(mutex, &kb->move_lock) {
		kmem_blk_member_leave(&s->map);
		synchronize_rcu();
		while ((nr = kmem_blk_member_take_nodes(&s->map, &pos, snaps->dpns,
							KMEM_BLK_DELETE_PAGES)))
			kmem_blk_snapshot_free(kb, snaps->dpns, nr);
		scoped_guard(spinlock, &snaps->lock)
			s->has_tree = false;
		kmem_blk_map_detach(&s->map);
	}
}

static void kmem_blk_delete_work(struct work_struct *work)
{
	struct kmem_blk *kb = container_of(work, struct kmem_blk, snapshots.work);
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	struct kmem_blk_snapshot *s;

	while ((s = kmem_blk_snapshot_deleting(snaps))) {
		if (s->has_tree) {
			while (kmem_blk_delete_some(kb, s))
				;
			if (READ_ONCE(snaps->stop))
				return;
			kmem_blk_delete_rest(kb, s);
			kmem_persist_stand_still(true, &snaps->stop);
		}
		scoped_guard(spinlock, &snaps->lock)
			list_del(&s->node);
		kfree(s);
		dax_kmem_lend(kb->kp);
	}
}

/*
 * For the disk
 */

static const struct {
	const char *done;
	bool writes;
	int (*try)(struct kmem_blk *kb, const char *name, struct kmem_blk_snapshot_plan *plan);
} kmem_blk_snapshot_changes[] = {
	[KMEM_BLK_SNAPSHOT_CREATE] = { "created", true, kmem_blk_snapshot_try_create },
	[KMEM_BLK_SNAPSHOT_DELETE] = { "deleted", true, kmem_blk_snapshot_try_delete },
	[KMEM_BLK_SNAPSHOT_ROLLBACK] = { "rolled back to", true, kmem_blk_snapshot_try_rollback },
	[KMEM_BLK_SNAPSHOT_ACTIVATE] = { "activated", false, kmem_blk_snapshot_try_activate },
	[KMEM_BLK_SNAPSHOT_DEACTIVATE] = { "deactivated", false,
					   kmem_blk_snapshot_try_deactivate },
};

static int kmem_blk_snapshot_try(struct kmem_blk *kb, enum kmem_blk_snapshot_change what,
				 const char *name, struct kmem_blk_snapshot_plan *plan)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	int err = 0;

	if (!mutex_trylock(&snaps->admin)) {
		kmem_blk_snapshot_put(kb, &plan->pages);
		err = mutex_lock_interruptible(&snaps->admin);
	}
	if (err)
		return err;
	/* Who adds the disk holds the life cycle lock, and if that fails waits for us. */
	if (!READ_ONCE(snaps->started))
		err = -ENODEV;
	else if (kmem_blk_snapshot_changes[what].writes && snaps->unsure)
		err = -EIO;
	else
		err = kmem_blk_snapshot_changes[what].try(kb, name, plan);
	mutex_unlock(&snaps->admin);
	return err;
}

/**
 * kmem_blk_snapshot_change - create or delete a snapshot, roll back to one, give it a disk
 * @kb: the device
 * @what: which of them
 * @text: label, or id, of the user; a newline ends it
 *
 * When it returns 0 it has happened, durably. Why not is logged.
 *
 * Pages that it takes are waited for with no lock held, and then it begins anew: others go on
 * meanwhile, and may give them.
 *
 * Context: sleeps; the disk is there. Return: 0; -EINVAL, -EEXIST, -ENOENT: what was written;
 * -EMLINK: too many; -EBUSY: the disk is in use; -EUCLEAN: the snapshot is damaged; -ENOSPC;
 * -ENOMEM; -EINTR; -ENODEV: the disk is coming or going; -EIO.
 */
int kmem_blk_snapshot_change(struct kmem_blk *kb, enum kmem_blk_snapshot_change what,
			     const char *text)
{
	char *name __free(kfree) = kstrndup(text, strcspn(text, "\n"), GFP_KERNEL);
	struct kmem_blk_snapshot_plan plan = {};
	int err;

	if (!name)
		return -ENOMEM;
	do {
		err = kmem_blk_snapshot_get(kb, &plan.pages) ?:
		      kmem_blk_snapshot_try(kb, what, name, &plan);
		kmem_blk_snapshot_put(kb, &plan.pages);
	} while (err == -EAGAIN && plan.pages.want);
	kmem_blk_snapshot_plan_drop(&plan);
	if (err)
		kmem_blk_snapshot_refused(kb, kmem_blk_snapshot_changes[what].done, name, err);
	/* Partitions appear, also where nobody listens to events. Nobody's lock is held. */
	if (what == KMEM_BLK_SNAPSHOT_ROLLBACK &&
	    test_bit(GD_NEED_PART_SCAN, &kb->disk->state))
		kmem_blk_rollback_scan(kb);
	return err;
}

/* Context: in &kmem_blk_snapshots.lock. */
static int kmem_blk_snapshot_show(const struct kmem_blk_snapshot *s, char *buf, int at)
{
	const struct kmem_blk_record *r = &s->record;
	int len;

	len = sysfs_emit_at(buf, at, "%llu %pUb %.*s %llu %llu ", kmem_blk_snapshot_id(s), r->uuid,
			    KMEM_PERSIST_LABEL_LEN, r->label[0] ? (const char *)r->label : "-",
			    le64_to_cpu(r->time),
			    le64_to_cpu(r->nr_lblks) << KMEM_PERSIST_BLOCK_SHIFT);
	if (s->state == KMEM_BLK_SNAPSHOT_DELETING)
		return len + sysfs_emit_at(buf, at + len, "deleting:%llu%%\n", s->has_tree ?
					   div64_u64(100 * READ_ONCE(s->pos),
						     s->map.nr_leaves) : 100);
	return len + sysfs_emit_at(buf, at + len, "%s\n",
				   s->state == KMEM_BLK_SNAPSHOT_UNSURE ? "unsure" :
				   kmem_blk_snapshot_is_damaged(s) ? "damaged" :
				   READ_ONCE(s->view) ? "active" : "ok");
}

/**
 * kmem_blk_snapshots_start - from now on snapshots may come and go
 * @kb: the device, whose disk is there
 *
 * Context: any.
 */
void kmem_blk_snapshots_start(struct kmem_blk *kb)
{
	WRITE_ONCE(kb->snapshots.started, true);
}

/**
 * kmem_blk_snapshots_show - list the snapshots
 * @kb: the device
 * @buf: page of sysfs
 *
 * Context: any. Return: bytes in @buf.
 */
int kmem_blk_snapshots_show(struct kmem_blk *kb, char *buf)
{
	const struct kmem_blk_snapshot *s;
	int len = 0;

	guard(spinlock)(&kb->snapshots.lock);
	list_for_each_entry(s, &kb->snapshots.list, node)
		len += kmem_blk_snapshot_show(s, buf, len);
	return len;
}

/**
 * kmem_blk_snapshots_init - get ready
 * @kb: the device
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int kmem_blk_snapshots_init(struct kmem_blk *kb)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;

	mutex_init(&snaps->admin);
	spin_lock_init(&snaps->lock);
	INIT_LIST_HEAD(&snaps->list);
	init_waitqueue_head(&snaps->gate);
	INIT_WORK(&snaps->work, kmem_blk_delete_work);
	snaps->dir = kvcalloc(2, sizeof(*snaps->dir), GFP_KERNEL);
	return snaps->dir ? 0 : -ENOMEM;
}

/**
 * kmem_blk_snapshots_exit - counterpart of kmem_blk_snapshots_init(), also without it
 * @kb: the device, whose disk is gone and whose map is not
 *
 * What was not yet deleted is free at the next attach.
 *
 * Context: sleeps.
 */
void kmem_blk_snapshots_exit(struct kmem_blk *kb)
{
	struct kmem_blk_snapshots *snaps = &kb->snapshots;
	struct kmem_blk_snapshot *s, *next;

	if (!snaps->dir)
		return;
	kmem_blk_snapshots_stop(snaps);
	list_for_each_entry_safe(s, next, &snaps->list, node) {
		if (s->has_tree)
			kmem_blk_map_detach(&s->map);
		kfree(s);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(snaps->spare); i++)
		if (snaps->spare[i])
			dax_kmem_free_pages(kb->kp, &snaps->spare[i], 1);
	kvfree(snaps->dpns);
	kvfree(snaps->dir);
	snaps->dir = NULL;
}

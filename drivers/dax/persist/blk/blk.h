/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Block device on DAX memory that is also system RAM: what its files share
 *
 * blk/disk.c: the plugin, the disk, its sysfs; concepts and life cycle
 * blk/io.c: what happens to a bio
 * blk/park.c: bios that wait
 * blk/pages.c: where pages come from and where they go
 * map/map.c: which page holds which block
 * map/verify.c: how a map is read and verified
 * map/twins.c: what an attach makes of two copies of a node
 * blk/scan.c: how that is done by many
 * blk/move.c: how data moves to other pages
 * blk/error.c: blocks that cannot be read any more
 * blk/snapshot.c: snapshots of the disk
 * blk/view.c: disks of those that are activated
 * map/family.c, map/member.c: trees that share leaves and pages
 * map/directory.c: which snapshots there are
 */
#ifndef _DAX_KMEM_BLK_H
#define _DAX_KMEM_BLK_H

#include <linux/atomic.h>
#include <linux/badblocks.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/cache.h>
#include <linux/mempool.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uuid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "../map/map.h"
#include "../../kmem_persist.h"

#define KMEM_BLK_SECTORS_SHIFT	(KMEM_PERSIST_BLOCK_SHIFT - SECTOR_SHIFT)
#define KMEM_BLK_SECTORS	BIT(KMEM_BLK_SECTORS_SHIFT)
/* Most blocks of one batch, and of an atomic write: 1 MiB. */
#define KMEM_BLK_BATCH		256U
#define KMEM_BLK_BATCH_BYTES	(KMEM_BLK_BATCH << KMEM_PERSIST_BLOCK_SHIFT)
/* Blocks whose pages are listed on the stack. */
#define KMEM_BLK_BATCH_STACK	32U

/*
 * Pages: blk/pages.c
 */

struct kmem_blk_mover;
struct kmem_blk_ring;

/**
 * struct kmem_blk_pages - recycling of pages of one device
 * @kp: the device
 * @map: its map
 * @rings: pages by CPU, each with cache lines of its own
 * @nr_rings: elements of @rings
 * @tight: the pool had nothing but its reserve the last time it was asked
 * @drain: everything has to go back to the pool, not only what is idle
 * @draining: which is under way
 * @work: takes idle pages back to the pool and frees dropped leaves
 * @drain_lock: held by who has taken pages from a ring to free them
 * @dead_lock: protects @dead and @nr_dead
 * @dead: dropped leaves that wait for their grace period, oldest first
 * @nr_dead: elements of @dead
 */
struct kmem_blk_pages {
	struct kmem_persist *kp;
	struct kmem_blk_map *map;
	struct kmem_blk_ring **rings;
	unsigned int nr_rings;
	bool tight;

	/* Off the lines that every I/O reads. */
	bool drain ____cacheline_aligned_in_smp;
	bool draining;
	struct delayed_work work;
	struct mutex drain_lock;	/* pages between ring and pool */
	/* protects the list of dropped leaves */
	spinlock_t dead_lock;
	struct list_head dead __guarded_by(&dead_lock);
	unsigned int nr_dead __guarded_by(&dead_lock);
};

/**
 * struct kmem_blk_ticket - place in a ring for pages that will be retired
 * @ring: which ring
 * @room: pages
 */
struct kmem_blk_ticket {
	struct kmem_blk_ring *ring;
	unsigned int room;
};

/**
 * struct kmem_blk_dead - a dropped leaf
 * @node: in &kmem_blk_pages.dead
 * @leaf_index: what it mapped
 * @dpn: its page
 * @cookie: grace period after which nobody reads through it
 */
struct kmem_blk_dead {
	struct list_head node;
	u64 leaf_index;
	u64 dpn;
	unsigned long cookie;
};

/**
 * struct kmem_blk_pages_count - pages that are neither in the map nor in the pool
 * @limbo: retired, some reader may still look at them
 * @fresh: from the pool, in stock
 */
struct kmem_blk_pages_count {
	u64 limbo;
	u64 fresh;
};

#define KMEM_BLK_GET_RESERVE	BIT(0)	/* metadata, swap, nodes */
#define KMEM_BLK_GET_OVERWRITE	BIT(1)	/* gives back as much as it takes */
#define KMEM_BLK_GET_NOWAIT	BIT(2)	/* never sleep */
#define KMEM_BLK_GET_META	BIT(3)	/* with RESERVE: of a filesystem */

int kmem_blk_pages_init(struct kmem_blk_pages *pages, struct kmem_persist *kp,
			struct kmem_blk_map *map);
void kmem_blk_pages_exit(struct kmem_blk_pages *pages);
int kmem_blk_pages_get(struct kmem_blk_pages *pages,
		       struct kmem_blk_ticket *ticket, u64 *dpns,
		       unsigned int nr, unsigned int flags);
int kmem_blk_pages_room(struct kmem_blk_pages *pages,
			struct kmem_blk_ticket *ticket, unsigned int room,
			unsigned int flags);
void kmem_blk_pages_put(struct kmem_blk_pages *pages, const u64 *dpns,
			unsigned int nr);
void kmem_blk_pages_retire(struct kmem_blk_pages *pages,
			   struct kmem_blk_ticket *ticket, const u64 *dpns,
			   unsigned int nr);
void kmem_blk_pages_return(struct kmem_blk_pages *pages,
			   struct kmem_blk_ticket *ticket);
void kmem_blk_pages_bury(struct kmem_blk_pages *pages, struct kmem_blk_dead *dead,
			 u64 leaf_index, u64 dpn);
bool kmem_blk_pages_crowded(const struct kmem_blk_pages *pages);
void kmem_blk_pages_kick(struct kmem_blk_pages *pages);
bool kmem_blk_pages_draining(const struct kmem_blk_pages *pages);
void kmem_blk_pages_reclaim(struct kmem_blk_pages *pages);
void kmem_blk_pages_count(const struct kmem_blk_pages *pages,
			  struct kmem_blk_pages_count *count);
int kmem_blk_pages_module_init(void);
void kmem_blk_pages_module_exit(void);

/*
 * Disk and I/O
 */

/**
 * struct kmem_blk_stats - per-CPU counters, since the disk was added
 * @cow_writes: blocks written that held data before
 * @first_writes: blocks written that held none
 * @discards: discards, and write zeroes that may unmap
 * @nospc_events: writes that failed for lack of space
 * @moved: blocks and nodes moved to other pages, so that theirs can be lent
 */
struct kmem_blk_stats {
	u64 cow_writes;
	u64 first_writes;
	u64 discards;
	u64 nospc_events;
	u64 moved;
};

/* Media errors that can wait for the work item. */
#define KMEM_BLK_ERRORS		16U

/**
 * struct kmem_blk_errors - media errors of one device
 * @bb: lost blocks, for people: the map knows better
 * @changed: its file, for who polls it; NULL while there is none
 * @work: makes blocks LOST
 * @lock: protects @nr and @pending
 * @nr: elements of @pending
 * @pending: blocks and pages whose read has failed
 */
struct kmem_blk_errors {
	struct badblocks bb;
	struct kernfs_node *changed;
	struct work_struct work;
	spinlock_t lock;	/* the list of errors */
	unsigned int nr;
	struct kmem_blk_map_move pending[KMEM_BLK_ERRORS];
};

/**
 * enum kmem_blk_wait - what a bio waits for; in this order they are served
 * @KMEM_BLK_WAIT_OVERWRITE: pages, of which it gives back as many
 * @KMEM_BLK_WAIT_META: pages for metadata in a new place
 * @KMEM_BLK_WAIT_FIRST: pages for other data in a new place
 * @KMEM_BLK_WAIT_ATOMIC: the same, all of them at once
 * @KMEM_BLK_WAIT_ERASE: not for pages: until old copies are gone
 * @KMEM_BLK_NR_WAITS: number of these
 */
enum kmem_blk_wait {
	KMEM_BLK_WAIT_OVERWRITE,
	KMEM_BLK_WAIT_META,
	KMEM_BLK_WAIT_FIRST,
	KMEM_BLK_WAIT_ATOMIC,
	KMEM_BLK_WAIT_ERASE,
	KMEM_BLK_NR_WAITS,
};

/**
 * struct kmem_blk_run - how far a bio has come
 * @done: blocks that are written already
 * @wait: what it has to wait for, if that is how it ended
 * @parked: it is the first of those that wait
 */
struct kmem_blk_run {
	u64 done;
	enum kmem_blk_wait wait;
	bool parked;
};

struct kmem_blk_park;

/**
 * struct kmem_blk_snapshots - snapshots of one device
 * @admin: held by who creates, deletes or rolls back
 * @lock: protects @list, and what of its entries is shown
 * @list: the snapshots, and trees that are being deleted
 * @gate: who waits until the gate of the family is open
 * @next_id: of the next snapshot; 0: there is no directory
 * @parent: the snapshot that the disk was made, or rolled back to, last
 * @pages: the directory and its twin, 0 for none
 * @spare: pages for the next ones, 0 for none
 * @other: the copy that does not count, or none more than the other, as an attach finds it; 0 for
 *	   none
 * @generation: of the directory, if that is above that of the superblock
 * @stale: the superblock refers to a copy of the directory that does not count
 * @hurt: a snapshot is damaged, and the directory does not say so yet
 * @stop: the worker has to come to an end
 * @started: the disk is there; before that nothing is changed
 * @away: it is just being rolled back, and cannot be opened; protected by its open_mutex
 * @unsure: the superblock could not be written: nothing is changed before the next attach
 * @waits: who changes something waits for move_lock
 * @dir: room for two copies of the directory
 * @work: deletes
 * @dpns: pages on their way to the pool
 */
struct kmem_blk_snapshots {
	struct mutex admin;		/* one change at a time */
	spinlock_t lock;		/* which trees there are */
	struct list_head list;
	wait_queue_head_t gate;
	u64 next_id;
	u64 parent;
	u64 pages[2];
	u64 spare[2];
	u64 other;
	u64 generation;
	bool stale;
	bool hurt;
	bool stop;
	bool started;
	bool away;
	bool unsure;
	bool waits;
	struct kmem_blk_directory *dir;
	struct work_struct work;
	u64 *dpns;
};

/**
 * struct kmem_blk - one block device
 * @kp: the device below
 * @media: how to write to it
 * @map: which page holds which block
 * @pages: where pages come from
 * @lists: of u64[KMEM_BLK_BATCH], for batches too large for the stack
 * @stats: counters
 * @disk: the disk
 * @id: its number
 * @uuid: of the format
 * @closing: no new openers; protected by open_mutex of @disk
 * @dying: bios must not wait any more, see kmem_blk_park_kill()
 * @mover: state of kmem_blk_move()
 * @move_lock: held while pages are on their way to other pages, or out of the map
 * @snapshots: of the disk
 * @no_space_timeout: seconds that a first write waits for space
 * @parked: for what bios wait in vain, a bit for each &enum kmem_blk_wait: nobody passes
 * @park: these bios
 * @errors: media errors
 */
struct kmem_blk {
	/* What every I/O reads and next to nobody writes. */
	struct kmem_persist *kp ____cacheline_aligned_in_smp;
	const struct kmem_media *media;
	struct kmem_blk_stats __percpu *stats;
	struct gendisk *disk;
	unsigned int no_space_timeout;
	unsigned int parked;
	bool dying;
	struct kmem_blk_map map;
	struct kmem_blk_pages pages;
	struct kmem_blk_errors errors;

	mempool_t lists ____cacheline_aligned_in_smp;
	struct kmem_blk_park *park;
	int id;
	uuid_t uuid;
	bool closing;
	struct kmem_blk_mover *mover;
	struct mutex move_lock;		/* old copies are in somebody's hands */
	struct kmem_blk_snapshots snapshots;
};

static inline struct kmem_blk_superblock *kmem_blk_sb(struct kmem_persist_superblock *sb)
{
	return (struct kmem_blk_superblock *)sb->plugin;
}

static inline u64 kmem_blk_first(const struct bio *bio)
{
	return bio->bi_iter.bi_sector >> KMEM_BLK_SECTORS_SHIFT;
}

static inline u64 kmem_blk_count(const struct bio *bio)
{
	return bio_sectors(bio) >> KMEM_BLK_SECTORS_SHIFT;
}

void kmem_blk_submit_bio(struct bio *bio);
blk_status_t kmem_blk_continue(struct kmem_blk *kb, struct bio *bio,
			       struct kmem_blk_run *run);
blk_status_t kmem_blk_read_tree(struct kmem_blk *kb, struct kmem_blk_map *map, struct bio *bio);
void kmem_blk_finish(struct kmem_blk *kb, struct bio *bio, blk_status_t status);

/* blk/park.c */
int kmem_blk_park_init(struct kmem_blk *kb);
void kmem_blk_park_exit(struct kmem_blk *kb);
blk_status_t kmem_blk_park(struct kmem_blk *kb, struct bio *bio, enum kmem_blk_wait wait);
bool kmem_blk_park_may_reclaim(struct kmem_blk *kb);
void kmem_blk_park_look(struct kmem_blk *kb);
void kmem_blk_park_kill(struct kmem_blk *kb);
void kmem_blk_park_stop(struct kmem_blk *kb);
u64 kmem_blk_park_bytes(const struct kmem_blk *kb, u64 *most);

/* blk/scan.c */
int kmem_blk_attach(struct kmem_blk_map *map, struct kmem_persist *kp,
		    const struct kmem_blk_superblock *bsb,
		    struct kmem_blk_map_error *error);

/* blk/error.c */
int kmem_blk_errors_init(struct kmem_blk *kb);
void kmem_blk_errors_exit(struct kmem_blk *kb);
void kmem_blk_errors_publish(struct kmem_blk *kb);
void kmem_blk_media_error(struct kmem_blk *kb, u64 lblk, u64 dpn);
void kmem_blk_clear_errors(struct kmem_blk *kb, u64 lblk, u64 nr_blocks);
void kmem_blk_errors_again(struct kmem_blk *kb);

/**
 * kmem_blk_written - blocks have new content, or none: they can be read again
 * @kb: the device
 * @lblk: first block
 * @nr: how many
 *
 * Context: does not sleep. Writers of other blocks do not meet at the lock of the list.
 */
static inline void kmem_blk_written(struct kmem_blk *kb, u64 lblk, u64 nr)
{
	if (unlikely(READ_ONCE(kb->errors.bb.count)))
		kmem_blk_clear_errors(kb, lblk, nr);
}

/* blk/move.c */
int kmem_blk_move_init(struct kmem_blk *kb);
void kmem_blk_move_exit(struct kmem_blk *kb);
long kmem_blk_move(struct kmem_persist *kp);

/* blk/snapshot.c */

/**
 * enum kmem_blk_snapshot_change - what is to be done with a snapshot
 * @KMEM_BLK_SNAPSHOT_CREATE: make one
 * @KMEM_BLK_SNAPSHOT_DELETE: forget it
 * @KMEM_BLK_SNAPSHOT_ROLLBACK: the disk becomes what it was
 * @KMEM_BLK_SNAPSHOT_ACTIVATE: it gets a disk
 * @KMEM_BLK_SNAPSHOT_DEACTIVATE: its disk goes
 */
enum kmem_blk_snapshot_change {
	KMEM_BLK_SNAPSHOT_CREATE,
	KMEM_BLK_SNAPSHOT_DELETE,
	KMEM_BLK_SNAPSHOT_ROLLBACK,
	KMEM_BLK_SNAPSHOT_ACTIVATE,
	KMEM_BLK_SNAPSHOT_DEACTIVATE,
};

int kmem_blk_snapshots_init(struct kmem_blk *kb);
void kmem_blk_snapshots_exit(struct kmem_blk *kb);
int kmem_blk_snapshots_attach(struct kmem_blk *kb, const struct kmem_persist_superblock *sb,
			      struct kmem_blk_map_error *error);
void kmem_blk_snapshots_note(struct kmem_blk *kb);
int kmem_blk_snapshots_settle(struct kmem_blk *kb);
int kmem_blk_snapshot_change(struct kmem_blk *kb, enum kmem_blk_snapshot_change what,
			     const char *text);
int kmem_blk_snapshots_show(struct kmem_blk *kb, char *buf);
void kmem_blk_snapshots_start(struct kmem_blk *kb);
int kmem_blk_snapshots_close(struct kmem_blk *kb);
void kmem_blk_snapshots_del_views(struct kmem_blk *kb);
bool kmem_blk_snapshots_left(struct kmem_blk *kb);

/* blk/view.c */
struct kmem_blk_view;

struct kmem_blk_view *kmem_blk_view_add(struct kmem_blk *kb, struct kmem_blk_map *map,
					const struct kmem_blk_record *record);
int kmem_blk_view_close(struct kmem_blk_view *view);
void kmem_blk_view_reopen(struct kmem_blk_view *view);
void kmem_blk_view_del(struct kmem_blk_view *view);

#endif /* _DAX_KMEM_BLK_H */

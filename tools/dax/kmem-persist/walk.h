/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Going through a map that may be damaged
 */
#ifndef _KMEM_PERSIST_WALK_H
#define _KMEM_PERSIST_WALK_H

#include "blkmap.h"
#include "directory.h"

enum walk_kind {
	WALK_DATA,	/* a block */
	WALK_LOST,	/* a block that was given up */
	WALK_NODE,	/* a node; what is below comes next */
	WALK_BAD,	/* not usable, nor is what is below */
	WALK_MEND,	/* one bit of it is wrong; what is below comes next */
	WALK_HOLE,	/* only what was to be mended */
	WALK_TWIN,	/* the two copies are not as they should be; what counts comes next */
};

/**
 * struct walk_entry - an entry that is not a hole
 * @kind: what it is
 * @in_node: WALK_BAD: the entry is good, but not the node that it refers to
 * @twice: something else refers to the same page, too
 * @shared: it is in a leaf that a tree before has, too: what it is was said there
 * @left: WALK_TWIN: both copies are good, a crash has left them like that
 * @holder: page of the node that holds it, 0 for the superblock, or the directory
 * @twin_holder: page of the twin of this node, the same if it has none
 * @level: its level
 * @index: its index on this level
 * @word: the entry
 * @twin_word: that in the twin
 * @mended: WALK_MEND: the entry without the wrong bit
 * @was: WALK_MEND: what it is then
 * @want: WALK_TWIN: what the entry has to be
 * @twin_want: WALK_TWIN, WALK_MEND: what that in the twin has to be
 * @dpn: the page it refers to
 * @twin_dpn: WALK_NODE: page of the twin of that node, the same if it has none
 * @lblk: first block that it stands for
 * @nr_lblks: how many; 0 if all are behind the end of the disk
 * @reason: what is wrong, of what walk_is_damaged()
 */
struct walk_entry {
	enum walk_kind kind;
	bool in_node;
	bool twice;
	bool shared;
	bool left;
	u64 holder;
	u64 twin_holder;
	unsigned int level;
	u64 index;
	u64 word;
	u64 twin_word;
	u64 mended;
	enum walk_kind was;
	u64 want;
	u64 twin_want;
	u64 dpn;
	u64 twin_dpn;
	u64 lblk;
	u64 nr_lblks;
	const char *reason;
};

/**
 * walk_word - an entry as others may see it
 * @e: the entry
 * @secrets: all of it
 *
 * Without its check: that of one good entry tells most of the seed.
 */
static inline u64 walk_word(const struct walk_entry *e, bool secrets)
{
	return secrets ? e->word : e->word & KMEM_BLK_ENTRY_LOW_MASK;
}

/**
 * struct walk_tree - a tree of the family
 * @record: of a snapshot; NULL: that of the disk
 * @map: what is known of the map
 * @root: entry of the root node
 * @root_twin: that of its twin, or 0
 * @roots: pages of the root node
 * @again: it was gone through
 * @claimed: pages that it refers to, and none before it. Those of the superblocks, and of the
 *	     directory, are the disk's
 * @leaves: leaves that no tree before has, by their index
 * @nr_leaves: how many
 * @room: for how many
 */
struct walk_tree {
	const struct kmem_blk_record *record;
	struct kmem_blk_map map;
	u64 root;
	u64 root_twin;
	struct kmem_blk_copies roots;
	bool again;
	unsigned long *claimed;
	struct walk_leaf {
		u64 index;
		u64 dpn;
	} *leaves;
	u64 nr_leaves;
	u64 room;
};

/* The disk, and snapshots. */
#define WALK_MAX_TREES	(1 + KMEM_BLK_MAX_SNAPSHOTS)

/**
 * struct walk - a family of trees on its way to be looked at
 * @kp: the device
 * @sb: its superblock
 * @snapshots: the directory, known after the first pass through the tree of the disk
 * @tree: that of the disk first
 * @nr_trees: how many
 * @t: the one that is gone through
 * @twice: pages that a tree refers to more than once
 * @nodes: pages that were visited as nodes in this pass
 * @mended: pages of blocks whose entries can be mended
 * @doubt: those of them that more than one such entry refers to
 * @kept: pages that are claimed because an entry can be mended
 * @given_up: pages of blocks that a repair which did not come to its end has given up
 * @shared: the leaf that is gone through is one that a tree before has, too
 * @peers: leaves at the same place that trees before have
 * @nr_peers: how many
 * @nr_data: pages of data
 * @nr_lost: lost blocks, each leaf counted once
 * @nr_nodes: nodes, and twins
 * @nr_bad: entries that are not usable as they are
 * @nr_mend: those of them that can be mended
 * @nr_twin: entries of which the two copies are not as they should be
 * @nr_twice: entries that refer to a page of another one, without the other
 * @entry: called for each entry
 * @arg: its argument
 * @buf: nodes, by level
 * @twin: their twins
 *
 * Two passes through a tree: the first counts and finds out which pages are referred to, and
 * only in the second is it known of each of two entries that they refer to the same page. One
 * tree after the other, that of the disk first: what two of them cannot both have is of the
 * one that comes first. But at one place, which is a level and an index, any number of trees
 * may have the same leaf, or the same page of data.
 */
struct walk {
	struct kmem_persist *kp;
	const struct kmem_persist_superblock *sb;
	struct snapshots snapshots;
	struct walk_tree tree[WALK_MAX_TREES];
	unsigned int nr_trees;
	struct walk_tree *t;
	unsigned long *twice;
	unsigned long *nodes;
	unsigned long *mended;
	unsigned long *doubt;
	unsigned long *kept;
	unsigned long *given_up;
	bool shared;
	u64 peers[WALK_MAX_TREES];
	unsigned int nr_peers;
	u64 nr_data;
	u64 nr_lost;
	u64 nr_nodes;
	u64 nr_bad;
	u64 nr_mend;
	u64 nr_twin;
	u64 nr_twice;
	void (*entry)(void *arg, const struct walk_entry *e);
	void *arg;
	__le64 buf[KMEM_BLK_MAX_LEVEL + 1][KMEM_BLK_NODE_ENTRIES];
	__le64 twin[KMEM_BLK_MAX_LEVEL + 1][KMEM_BLK_NODE_ENTRIES];
};

int walk_open(struct walk *w, struct kmem_persist *kp,
	      const struct kmem_persist_superblock *sb,
	      struct kmem_blk_map_error *error);
void walk_pass(struct walk *w, unsigned int tree,
	       void (*entry)(void *, const struct walk_entry *), void *arg);
void walk_both(struct walk *w, unsigned int tree,
	       void (*entry)(void *, const struct walk_entry *), void *arg);
bool walk_is_free(const struct walk *w, u64 dpn);
bool walk_is_root(const struct walk *w, const struct walk_entry *e);
void walk_close(struct walk *w);

static inline bool walk_is_damaged(const struct walk_entry *e)
{
	return e->kind == WALK_BAD || e->kind == WALK_MEND;
}

/* What it is, or will be when it is mended. */
static inline enum walk_kind walk_was(const struct walk_entry *e)
{
	return e->kind == WALK_MEND ? e->was : e->kind;
}

static inline u64 walk_bytes(u64 pages)
{
	return pages << KMEM_PERSIST_BLOCK_SHIFT;
}

#endif /* _KMEM_PERSIST_WALK_H */

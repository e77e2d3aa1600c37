// SPDX-License-Identifier: GPL-2.0
/*
 * Going through a map that may be damaged
 *
 * Each entry is verified by the kernel's code. Where the kernel stops at the first
 * that is wrong, this goes on with the next. A page is visited once as a node, so
 * that a pass comes to its end whatever the map holds.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include "out.h"
#include "walk.h"
#include "util.h"

/**
 * walk_open - prepare to go through a map
 * @w: filled
 * @kp: the device
 * @sb: its superblock, of type BLK
 * @error: filled if the superblock is refused
 *
 * Return: 0, or a negative errno if the superblock leads to no map.
 */
int walk_open(struct walk *w, struct kmem_persist *kp,
	      const struct kmem_persist_superblock *sb,
	      struct kmem_blk_map_error *error)
{
	const struct kmem_blk_superblock *bsb = (const void *)sb->plugin;
	int err;

	memset(w, 0, sizeof(*w));
	w->kp = kp;
	image_unclaim(kp);
	err = blkmap_open(&w->map, kp, bsb, error, &w->root_dpn);
	if (err)
		return err;
	w->root = le64_to_cpu(bsb->root);
	w->twice = bits_alloc(kp->nr_pages);
	w->mended = bits_alloc(kp->nr_pages);
	w->doubt = bits_alloc(kp->nr_pages);
	w->given_up = bits_alloc(kp->nr_pages);
	return 0;
}

/**
 * walk_close - end
 * @w: the walk
 */
void walk_close(struct walk *w)
{
	free(w->twice);
	free(w->nodes);
	free(w->mended);
	free(w->doubt);
	free(w->given_up);
	memset(w, 0, sizeof(*w));
}

static void walk_emit(struct walk *w, const struct walk_entry *e)
{
	if (!w->again && walk_is_damaged(e))
		w->nr_bad++;
	if (!w->again && e->kind == WALK_MEND)
		w->nr_mend++;
	if (w->entry)
		w->entry(w->arg, e);
}

static void walk_bad(struct walk *w, struct walk_entry *e, const char *reason)
{
	e->kind = WALK_BAD;
	e->reason = reason;
	walk_emit(w, e);
}

/* In the first pass: something refers to the page. */
static void walk_claim(struct walk *w, struct walk_entry *e)
{
	if (!w->again && dax_kmem_claim_page(w->kp, e->dpn)) {
		bits_test_and_set(w->twice, e->dpn);
		w->nr_twice++;
	}
	e->twice = bits_test(w->twice, e->dpn);
}

/* What is wrong with a node as a whole; NULL if entries are to be looked at. */
static const char *walk_node_fault(struct walk *w, unsigned int level, u64 base)
{
	const __le64 *buf = w->buf[level];
	const char *reason;
	u64 dpn;

	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i++)
		if (blkmap_verify(&w->map, level, base + i, le64_to_cpu(buf[i]),
				  &dpn, &reason) >= 0)
			return NULL;
	if (memcmp(buf, buf + 1, sizeof(w->buf[level]) - sizeof(*buf)))
		return "not one entry of the node belongs there";
	if (!buf[0])
		return "the node is all zeroes";
	if (!~buf[0])
		return "the node is all ones";
	return "not one entry of the node belongs there";
}

static void walk_node(struct walk *w, unsigned int level, u64 index, u64 dpn);

/* The node is its own, and in its buffer: it, and what is below. False if it is not. */
static bool walk_enter(struct walk *w, struct walk_entry *e)
{
	/* The root was claimed when the superblock was verified. */
	if (e->holder)
		walk_claim(w, e);
	else
		e->twice = bits_test(w->twice, e->dpn);
	if (bits_test_and_set(w->nodes, e->dpn))
		return false;
	e->in_node = false;
	if (!w->again)
		w->nr_nodes++;
	walk_emit(w, e);
	walk_node(w, e->level - 1, e->index, e->dpn);
	return true;
}

/* An entry that refers to a node, valid as such. */
static void walk_child(struct walk *w, struct walk_entry *e)
{
	const unsigned int level = e->level - 1;
	const void *node = dax_kmem_index_to_kaddr(w->kp, e->dpn);
	const char *fault;

	e->in_node = true;
	if (!node || kmem_media_read(&w->kp->media, w->buf[level], node,
				     sizeof(w->buf[level]))) {
		/* Nor is the page good for anything else. */
		dax_kmem_claim_page(w->kp, e->dpn);
		walk_bad(w, e, node ? "the node cannot be read: media error" :
				      "the node is behind the end of the file");
		return;
	}
	fault = walk_node_fault(w, level, e->index << KMEM_BLK_NODE_SHIFT);
	if (fault) {
		walk_bad(w, e, fault);
		return;
	}
	e->kind = WALK_NODE;
	if (!walk_enter(w, e))
		walk_bad(w, e, "page is referred to twice");
}

/* Is the page of an entry that is mended a node that belongs there? Most of it has to. */
static bool walk_confirms(struct walk *w, const struct walk_entry *e)
{
	const unsigned int level = e->level - 1;
	const void *node = dax_kmem_index_to_kaddr(w->kp, e->dpn);
	const __le64 *buf = w->buf[level];
	unsigned int nr = 0;
	const char *reason;
	u64 dpn;

	/* What lies behind the end of an image that was cut confirms nothing. */
	if (!node || bits_test(w->nodes, e->dpn) ||
	    kmem_media_read(&w->kp->media, w->buf[level], node, sizeof(w->buf[level])))
		return false;
	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i++)
		nr += blkmap_verify(&w->map, level, (e->index << KMEM_BLK_NODE_SHIFT) + i,
				    le64_to_cpu(buf[i]), &dpn, &reason) >= 0;
	return nr > KMEM_BLK_NODE_ENTRIES / 2;
}

/*
 * May a block have the page that its entry names when it is mended? Only if that is
 * nobody's: what is good does not pay for what is damaged. Where nobody keeps it, it must
 * not look free to the last one. Known in the second pass.
 */
static bool walk_may_have(struct walk *w, struct walk_entry *e)
{
	if (!w->again) {
		if (bits_test_and_set(w->mended, e->dpn))
			bits_test_and_set(w->doubt, e->dpn);
		return true;
	}
	if (image_is_claimed(w->kp, e->dpn)) {
		e->twice = bits_test(w->twice, e->dpn) || bits_test(w->given_up, e->dpn);
		return false;
	}
	e->twice = bits_test(w->doubt, e->dpn);
	return !e->twice;
}

/* A damaged entry. False if it is not one bit, or if there is a doubt. */
static bool walk_mend(struct walk *w, struct walk_entry *e)
{
	const char *reason;
	int type;

	e->mended = blkmap_mend(&w->map, e->level, e->index, e->word);
	if (!e->mended)
		return false;
	type = blkmap_verify(&w->map, e->level, e->index, e->mended, &e->dpn, &reason);
	if (type != KMEM_BLK_ENTRY_HOLE && !e->nr_lblks)
		return false;
	if (e->dpn && e->dpn == w->kp->older_backup)
		return false;
	e->kind = WALK_MEND;
	e->reason = "one bit is wrong";
	if (type == KMEM_BLK_ENTRY_HOLE || type == KMEM_BLK_ENTRY_LOST) {
		e->was = type == KMEM_BLK_ENTRY_HOLE ? WALK_HOLE : WALK_LOST;
		walk_emit(w, e);
		return true;
	}
	e->was = e->level ? WALK_NODE : WALK_DATA;
	if (e->level)
		return walk_confirms(w, e) && walk_enter(w, e);
	if (!walk_may_have(w, e))
		return false;
	walk_emit(w, e);
	return true;
}

/* Lost, but a repair did not come to its end that would have removed the page. */
static bool walk_is_given_up(const struct walk *w, const struct walk_entry *e)
{
	return !e->level && e->dpn && e->dpn < w->kp->nr_pages &&
	       e->word == blkmap_encode(&w->map, 0, e->index, KMEM_BLK_ENTRY_LOST,
					e->dpn);
}

static void walk_slot(struct walk *w, struct walk_entry *e)
{
	const char *reason = NULL;
	int type;

	type = blkmap_verify(&w->map, e->level, e->index, e->word, &e->dpn, &reason);
	if (type == KMEM_BLK_ENTRY_HOLE)
		return;
	e->lblk = e->index << KMEM_BLK_NODE_SHIFT * e->level;
	if (e->lblk < w->map.nr_lblks)
		e->nr_lblks = min(1ULL << KMEM_BLK_NODE_SHIFT * e->level,
				  w->map.nr_lblks - e->lblk);

	if (type < 0) {
		/* It still has its part in what became of the page. */
		if (walk_is_given_up(w, e)) {
			walk_claim(w, e);
			bits_test_and_set(w->given_up, e->dpn);
		} else if (walk_mend(w, e)) {
			return;
		}
		if (!e->twice)
			e->dpn = e->word & KMEM_BLK_ENTRY_DPN_MASK;
		walk_bad(w, e, reason);
	} else if (!e->nr_lblks) {
		walk_bad(w, e, "block behind the end of the disk");
	} else if (type == KMEM_BLK_ENTRY_LOST) {
		e->kind = WALK_LOST;
		if (!w->again)
			w->nr_lost += e->nr_lblks;
		walk_emit(w, e);
	} else if (e->dpn == w->kp->older_backup) {
		/* What is there is not for a node, or a block, to keep. */
		walk_bad(w, e, "page of the backup superblock");
	} else if (e->level) {
		walk_child(w, e);
	} else {
		walk_claim(w, e);
		e->kind = WALK_DATA;
		if (!w->again)
			w->nr_data++;
		if (w->again && e->twice)
			walk_bad(w, e, "page is referred to twice");
		else
			walk_emit(w, e);
	}
}

/* The node is in its buffer. Recursion ends at the leaves. */
static void walk_node(struct walk *w, unsigned int level, u64 index, u64 dpn)
{
	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i++) {
		struct walk_entry e = {
			.holder = dpn,
			.level = level,
			.index = (index << KMEM_BLK_NODE_SHIFT) + i,
			.word = le64_to_cpu(w->buf[level][i]),
		};

		walk_slot(w, &e);
	}
	if (!level)
		progress(index << KMEM_BLK_NODE_SHIFT, w->map.nr_lblks);
}

/**
 * walk_pass - go through the map once
 * @w: the walk
 * @entry: called for each entry that is not a hole, in order, or NULL
 * @arg: its argument
 */
void walk_pass(struct walk *w, void (*entry)(void *, const struct walk_entry *),
	       void *arg)
{
	struct walk_entry e = {
		.level = w->map.root_level + 1,
		.word = w->root,
		.dpn = w->root_dpn,
		.nr_lblks = w->map.nr_lblks,
	};

	w->entry = entry;
	w->arg = arg;
	free(w->nodes);
	w->nodes = bits_alloc(w->kp->nr_pages);
	walk_child(w, &e);
	w->again = true;
	progress(0, 0);
}

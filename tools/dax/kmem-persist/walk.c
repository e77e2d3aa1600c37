// SPDX-License-Identifier: GPL-2.0
/*
 * Going through a map that may be damaged
 *
 * Each entry is verified by the kernel's code. Where the kernel stops at the first
 * that is wrong, this goes on with the next. A page is visited once as a node, so
 * that a pass comes to its end whatever the map holds.
 *
 * Of a node with a twin both copies are read. As in the kernel the first counts where it is
 * good, entry by entry; nothing is damaged that one of them knows.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include "persist/map/entry.h"
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
	err = blkmap_open(&w->map, kp, bsb, error, &w->roots);
	if (err)
		return err;
	w->root = le64_to_cpu(bsb->root);
	w->root_twin = le64_to_cpu(bsb->root_twin);
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
	if (!w->again && e->kind == WALK_TWIN)
		w->nr_twin++;
	if (w->entry)
		w->entry(w->arg, e);
}

static void walk_bad(struct walk *w, struct walk_entry *e, const char *reason)
{
	e->kind = WALK_BAD;
	e->reason = reason;
	walk_emit(w, e);
}

/* In the first pass: something refers to the page. Returns whether something else does. */
static bool walk_claim_page(struct walk *w, u64 dpn)
{
	if (!w->again && dax_kmem_claim_page(w->kp, dpn)) {
		bits_test_and_set(w->twice, dpn);
		w->nr_twice++;
	}
	return bits_test(w->twice, dpn);
}

static void walk_claim(struct walk *w, struct walk_entry *e)
{
	e->twice = walk_claim_page(w, e->dpn);
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

static void walk_node(struct walk *w, unsigned int level, u64 index,
		      const struct kmem_blk_copies *copies);

/* The node is its own, and in its buffer: it, and what is below. False if it is not. */
static bool walk_enter(struct walk *w, struct walk_entry *e)
{
	const struct kmem_blk_copies copies = { e->dpn, e->twin_dpn };
	const bool twins = copies.dpn != copies.twin;

	walk_claim(w, e);
	if (bits_test_and_set(w->nodes, e->dpn))
		return false;
	/* A twin that is a node already was not taken for one, nor what cannot be read. */
	if (twins) {
		const unsigned int level = e->level - 1;

		if (kmem_media_read(&w->kp->media, w->twin[level],
				    dax_kmem_index_to_kaddr(w->kp, e->twin_dpn),
				    sizeof(w->twin[level])))
			memcpy(w->twin[level], w->buf[level], sizeof(w->twin[level]));
		e->twice |= walk_claim_page(w, e->twin_dpn);
		bits_test_and_set(w->nodes, e->twin_dpn);
	}
	e->in_node = false;
	if (!w->again)
		w->nr_nodes += 1 + twins;
	walk_emit(w, e);
	walk_node(w, e->level - 1, e->index, &copies);
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
	if (fault && e->twin_dpn == e->dpn) {
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

/*
 * Can a page be a copy of the node @index of @level? It can be read, is no other node, and
 * one entry at least belongs there: what proves nothing may be anybody's.
 */
static bool walk_may_be(struct walk *w, unsigned int level, u64 index, u64 dpn)
{
	const void *node = dax_kmem_index_to_kaddr(w->kp, dpn);

	return node && !bits_test(w->nodes, dpn) && dpn != w->kp->older_backup &&
	       !kmem_media_read(&w->kp->media, w->buf[level], node, sizeof(w->buf[level])) &&
	       !walk_node_fault(w, level, index << KMEM_BLK_NODE_SHIFT);
}

/* One bit is wrong in an entry: does it name a copy of a node without it? */
static u64 walk_mend_node(struct walk *w, unsigned int level, u64 index, u64 word)
{
	const u64 mended = blkmap_mend(&w->map, level, index, word);
	const u64 dpn = mended & KMEM_BLK_ENTRY_DPN_MASK;

	return kmem_blk_entry_type(mended) == KMEM_BLK_ENTRY_NODE + level - 1 &&
	       walk_may_be(w, level - 1, index, dpn) ? dpn : 0;
}

/* Of an entry of a node that can be mended: that in the twin, which is damaged, too. */
static void walk_mend_twin(struct walk *w, struct walk_entry *e)
{
	const u64 dpn = walk_mend_node(w, e->level, e->index, e->twin_word);

	if (!dpn || dpn == e->dpn)
		return;
	e->twin_dpn = dpn;
	e->twin_want = blkmap_mend(&w->map, e->level, e->index, e->twin_word);
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
	e->twin_want = e->mended;
	if (type == KMEM_BLK_ENTRY_HOLE || type == KMEM_BLK_ENTRY_LOST) {
		e->was = type == KMEM_BLK_ENTRY_HOLE ? WALK_HOLE : WALK_LOST;
		e->twin_want = e->mended;
		walk_emit(w, e);
		return true;
	}
	e->was = e->level ? WALK_NODE : WALK_DATA;
	e->twin_dpn = e->dpn;
	if (e->level > 1 && e->twin_holder != e->holder)
		walk_mend_twin(w, e);
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

/* Of two pages that may be copies of a node those that are, or both if none is. */
static void walk_pick(struct walk *w, unsigned int level, u64 index,
		      struct kmem_blk_copies *copies)
{
	bool first, second;

	if (copies->dpn == copies->twin)
		return;
	first = walk_may_be(w, level, index, copies->dpn);
	second = walk_may_be(w, level, index, copies->twin);
	if (!second)
		copies->twin = copies->dpn;
	else if (!first)
		copies->dpn = copies->twin;
}

static void walk_differ(struct walk *w, const struct walk_entry *e, u64 want, u64 twin_want,
			bool left)
{
	struct walk_entry twin = *e;

	twin.kind = WALK_TWIN;
	twin.left = left;
	twin.want = want;
	twin.twin_want = twin_want;
	twin.reason = left ? "not as in its twin, after a crash: the next attach settles that" :
			     "one copy is damaged, its twin is good";
	walk_emit(w, &twin);
}

/*
 * Which of the entries of a node and its twin counts? Says so if they are not as they have
 * to be. If neither is good, it is the one that can be mended.
 */
static void walk_choose(struct walk *w, struct walk_entry *e)
{
	const u64 twin = e->twin_word;
	const unsigned int level = e->level;
	struct kmem_blk_copies child;
	const u64 word = e->word;
	u64 want, twin_want;
	const char *reason;
	int type, second;

	type = blkmap_verify(&w->map, level, e->index, word, &child.dpn, &reason);
	second = blkmap_verify(&w->map, level, e->index, twin, &child.twin, &reason);
	if (type < 0 && second < 0) {
		if (!blkmap_mend(&w->map, level, e->index, word) &&
		    blkmap_mend(&w->map, level, e->index, twin)) {
			e->word = twin;
			e->twin_word = word;
		}
		return;
	}
	if (type < 0) {
		e->word = twin;
		child.dpn = level > 1 ? walk_mend_node(w, level, e->index, word) : 0;
		child.dpn = child.dpn ?: child.twin;
	} else if (second < 0 && level > 1) {
		child.twin = walk_mend_node(w, level, e->index, twin) ?: child.dpn;
	} else if (type != second || level == 1) {
		child.twin = child.dpn;
	}
	want = e->word;
	twin_want = e->word;
	if (level > 1 && kmem_blk_entry_type(e->word) == KMEM_BLK_ENTRY_NODE + level - 1 &&
	    e->nr_lblks) {
		walk_pick(w, level - 1, e->index, &child);
		want = blkmap_encode(&w->map, level, e->index,
				     KMEM_BLK_ENTRY_NODE + level - 1, child.dpn);
		twin_want = blkmap_encode(&w->map, level, e->index,
					  KMEM_BLK_ENTRY_NODE + level - 1, child.twin);
		e->word = want;
		e->twin_dpn = child.twin;
	}
	if (word != want || twin != twin_want)
		walk_differ(w, e, want, twin_want, word == want && second >= 0 &&
			    (second != type || level == 1));
}

static void walk_slot(struct walk *w, struct walk_entry *e)
{
	const char *reason = NULL;
	int type;

	e->lblk = e->index << KMEM_BLK_NODE_SHIFT * e->level;
	if (e->lblk < w->map.nr_lblks)
		e->nr_lblks = min(1ULL << KMEM_BLK_NODE_SHIFT * e->level,
				  w->map.nr_lblks - e->lblk);
	if (e->twin_holder != e->holder && e->word != e->twin_word)
		walk_choose(w, e);
	type = blkmap_verify(&w->map, e->level, e->index, e->word, &e->dpn, &reason);
	if (type == KMEM_BLK_ENTRY_HOLE)
		return;
	if (!e->twin_dpn)
		e->twin_dpn = e->dpn;

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
static void walk_node(struct walk *w, unsigned int level, u64 index,
		      const struct kmem_blk_copies *copies)
{
	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i++) {
		struct walk_entry e = {
			.holder = copies->dpn,
			.twin_holder = copies->twin,
			.level = level,
			.index = (index << KMEM_BLK_NODE_SHIFT) + i,
			.word = le64_to_cpu(w->buf[level][i]),
		};

		if (e.twin_holder != e.holder)
			e.twin_word = le64_to_cpu(w->twin[level][i]);
		walk_slot(w, &e);
	}
	if (!level)
		progress(index << KMEM_BLK_NODE_SHIFT, w->map.nr_lblks);
}

/* The superblock has a checksum: what it says of two roots is what was meant. */
static void walk_root(struct walk *w, struct walk_entry *e)
{
	struct kmem_blk_copies roots = w->roots;
	const unsigned int type = KMEM_BLK_ENTRY_NODE + w->map.root_level;
	u64 want, twin_want;

	if (w->map.root_level)
		walk_pick(w, w->map.root_level, 0, &roots);
	e->dpn = roots.dpn;
	e->twin_dpn = roots.twin;
	want = blkmap_encode(&w->map, e->level, 0, type, roots.dpn);
	/* Two that are the same are as good as one. */
	twin_want = roots.dpn == roots.twin && w->root_twin != want ? 0 :
		    blkmap_encode(&w->map, e->level, 0, type, roots.twin);
	if (want != w->root || twin_want != w->root_twin)
		walk_differ(w, e, want, twin_want, false);
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
		.nr_lblks = w->map.nr_lblks,
	};

	w->entry = entry;
	w->arg = arg;
	free(w->nodes);
	w->nodes = bits_alloc(w->kp->nr_pages);
	walk_root(w, &e);
	walk_child(w, &e);
	w->again = true;
	progress(0, 0);
}

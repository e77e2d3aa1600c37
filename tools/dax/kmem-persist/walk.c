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
 *
 * Snapshots are trees of the same family: what a tree before has at the same place is good, or
 * not, as it is there.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/bitops.h>
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
 * @sb: its superblock, of type BLK, which stays where it is
 * @error: filled if the superblock is refused
 *
 * Return: 0, or a negative errno if the superblock leads to no map.
 */
int walk_open(struct walk *w, struct kmem_persist *kp,
	      const struct kmem_persist_superblock *sb,
	      struct kmem_blk_map_error *error)
{
	struct walk_tree *t = &w->tree[0];
	int err;

	memset(w, 0, sizeof(*w));
	w->kp = kp;
	w->sb = sb;
	err = blkmap_open(&t->map, kp, sb, error, &t->roots);
	if (err)
		return err;
	t->root = le64_to_cpu(((const struct kmem_blk_superblock *)sb->plugin)->root);
	t->root_twin = le64_to_cpu(((const struct kmem_blk_superblock *)sb->plugin)->root_twin);
	w->nr_trees = 1;
	t->claimed = bits_alloc(kp->nr_pages);
	for (u64 dpn = 0; dpn < min(kp->first_page, kp->nr_pages); dpn++)
		bits_test_and_set(t->claimed, dpn);
	if (kp->older_backup)
		bits_test_and_set(t->claimed, kp->older_backup);
	w->twice = bits_alloc(kp->nr_pages);
	w->mended = bits_alloc(kp->nr_pages);
	w->doubt = bits_alloc(kp->nr_pages);
	w->kept = bits_alloc(kp->nr_pages);
	w->given_up = bits_alloc(kp->nr_pages);
	return 0;
}

/**
 * walk_close - end
 * @w: the walk
 */
void walk_close(struct walk *w)
{
	for (unsigned int i = 0; i < w->nr_trees; i++) {
		free(w->tree[i].leaves);
		free(w->tree[i].claimed);
	}
	free(w->twice);
	free(w->nodes);
	free(w->mended);
	free(w->doubt);
	free(w->kept);
	free(w->given_up);
	memset(w, 0, sizeof(*w));
}

static void walk_emit(struct walk *w, const struct walk_entry *e)
{
	if (!w->t->again) {
		w->nr_bad += walk_is_damaged(e);
		w->nr_mend += e->kind == WALK_MEND;
		w->nr_twin += e->kind == WALK_TWIN;
	}
	if (w->entry)
		w->entry(w->arg, e);
}

static void walk_bad(struct walk *w, struct walk_entry *e, const char *reason)
{
	e->kind = WALK_BAD;
	e->reason = reason;
	walk_emit(w, e);
}

/* Has a tree before this one a page? */
static bool walk_is_before(const struct walk *w, u64 dpn)
{
	for (const struct walk_tree *t = w->tree; t < w->t; t++)
		if (bits_test(t->claimed, dpn))
			return true;
	return false;
}

/**
 * walk_is_free - does nothing refer to a page?
 * @w: the walk, of which the first pass through all trees is done
 * @dpn: the page
 *
 * Return: whether that is so.
 */
bool walk_is_free(const struct walk *w, u64 dpn)
{
	for (unsigned int i = 0; i < w->nr_trees; i++)
		if (bits_test(w->tree[i].claimed, dpn))
			return false;
	return true;
}

/* Has tree @i a leaf at a place that no tree before has there? */
static bool walk_find_leaf(const struct walk *w, unsigned int i, u64 index, u64 *dpn)
{
	const struct walk_tree *t = &w->tree[i];
	u64 first = 0, end = t->nr_leaves;

	while (first < end) {
		const u64 at = first + (end - first) / 2;

		if (t->leaves[at].index < index)
			first = at + 1;
		else
			end = at;
	}
	if (first == t->nr_leaves || t->leaves[first].index != index)
		return false;
	*dpn = t->leaves[first].dpn;
	return true;
}

/* The leaves at a place that trees before have. Returns whether one of them is in that page. */
static bool walk_find_peers(struct walk *w, u64 index, u64 dpn)
{
	bool shared = false;

	w->nr_peers = 0;
	for (unsigned int i = 0; w->tree + i < w->t; i++) {
		u64 *peer = &w->peers[w->nr_peers];

		if (!walk_find_leaf(w, i, index, peer))
			continue;
		w->nr_peers++;
		shared |= *peer == dpn;
	}
	return shared;
}

/* A leaf that no tree before has. They come in order. */
static void walk_add_leaf(struct walk *w, u64 index, u64 dpn)
{
	struct walk_tree *t = w->t;

	if (t->nr_leaves == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->leaves = need_memory(realloc(t->leaves, t->room * sizeof(*t->leaves)));
	}
	t->leaves[t->nr_leaves++] = (struct walk_leaf) { index, dpn };
}

/*
 * Has a tree before the same block in the same page? An entry of which one bit is wrong has,
 * too: if it is mended it becomes this one.
 */
static bool walk_has_block(const struct walk *w, const struct walk_entry *e, u64 dpn)
{
	const u64 word = blkmap_encode(&w->t->map, 0, e->index, KMEM_BLK_ENTRY_DATA, dpn);

	for (unsigned int i = 0; i < w->nr_peers; i++) {
		const __le64 *peer = dax_kmem_index_to_kaddr(w->kp, w->peers[i]);
		__le64 found;

		if (!kmem_media_read(&w->kp->media, &found,
				     peer + e->index % KMEM_BLK_NODE_ENTRIES, sizeof(found)) &&
		    hweight64(le64_to_cpu(found) ^ word) <= 1)
			return true;
	}
	return false;
}

/* Does a page belong to a tree before, and not at this place? */
static bool walk_is_others(struct walk *w, const struct walk_entry *e, u64 dpn)
{
	if (!walk_is_before(w, dpn))
		return false;
	return e->level > 1 || (e->level ? !walk_find_peers(w, e->index, dpn) :
					   !walk_has_block(w, e, dpn));
}

/*
 * Something refers to a page that is no other tree's. Returns whether something else in the
 * tree does. It is its own then, if no tree before has it.
 */
static bool walk_claim_page(struct walk *w, u64 dpn)
{
	if (!walk_is_before(w, dpn) && bits_test_and_set(w->t->claimed, dpn) && !w->t->again) {
		bits_test_and_set(w->twice, dpn);
		w->nr_twice++;
	}
	return bits_test(w->twice, dpn);
}

static void walk_claim(struct walk *w, struct walk_entry *e)
{
	e->twice = walk_claim_page(w, e->dpn);
}

/* Is a page that was claimed one to be counted? */
static bool walk_counts(const struct walk *w, u64 dpn)
{
	return !w->t->again && bits_test(w->t->claimed, dpn);
}

/* What is wrong with a node as a whole; NULL if entries are to be looked at. */
static const char *walk_node_fault(struct walk *w, unsigned int level, u64 base)
{
	const __le64 *buf = w->buf[level];
	const char *reason;
	u64 dpn;

	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i++)
		if (blkmap_verify(&w->t->map, level, base + i, le64_to_cpu(buf[i]),
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

/* Is there anything in a leaf, which is in its buffer, behind the end of the disk? */
static bool walk_goes_on(const struct walk *w, const struct walk_entry *e)
{
	const u64 base = e->index << KMEM_BLK_NODE_SHIFT;
	const char *reason;
	u64 dpn;

	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i++)
		if (base + i >= w->t->map.nr_lblks &&
		    blkmap_verify(&w->t->map, 0, base + i, le64_to_cpu(w->buf[0][i]), &dpn,
				  &reason) != KMEM_BLK_ENTRY_HOLE)
			return true;
	return false;
}

/*
 * The node is its own, and in its buffer: it, and what is below. NULL, or why it is not, or is
 * a leaf of a tree before that goes on behind the end of this one.
 */
static const char *walk_enter(struct walk *w, struct walk_entry *e)
{
	const struct kmem_blk_copies copies = { e->dpn, e->twin_dpn };
	const bool twins = copies.dpn != copies.twin;
	const unsigned int level = e->level - 1;

	const char *const twice = "page is referred to twice";

	if (walk_is_others(w, e, e->dpn))
		return twice;
	walk_claim(w, e);
	if (bits_test_and_set(w->nodes, e->dpn))
		return twice;
	/* A twin that is a node already was not taken for one, nor what cannot be read. */
	if (twins) {
		if (kmem_media_read(&w->kp->media, w->twin[level],
				    dax_kmem_index_to_kaddr(w->kp, e->twin_dpn),
				    sizeof(w->twin[level])))
			memcpy(w->twin[level], w->buf[level], sizeof(w->twin[level]));
		e->twice |= walk_claim_page(w, e->twin_dpn);
		bits_test_and_set(w->nodes, e->twin_dpn);
	}
	if (!level) {
		w->shared = walk_find_peers(w, e->index, e->dpn);
		if (w->shared && walk_goes_on(w, e))
			return "block behind the end of the disk";
		if (!w->shared && !w->t->again)
			walk_add_leaf(w, e->index, e->dpn);
	}
	e->in_node = false;
	if (walk_counts(w, e->dpn))
		w->nr_nodes += 1 + twins;
	walk_emit(w, e);
	/* All of it is known in the first pass. */
	if (w->t->again || level || !w->shared)
		walk_node(w, level, e->index, &copies);
	return NULL;
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
		if (!walk_is_before(w, e->dpn))
			bits_test_and_set(w->t->claimed, e->dpn);
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
	fault = walk_enter(w, e);
	if (fault)
		walk_bad(w, e, fault);
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
		nr += blkmap_verify(&w->t->map, level, (e->index << KMEM_BLK_NODE_SHIFT) + i,
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
	const bool before = walk_is_before(w, e->dpn), kept = bits_test(w->kept, e->dpn);

	if (!w->t->again) {
		if (!before && bits_test_and_set(w->mended, e->dpn))
			bits_test_and_set(w->doubt, e->dpn);
		return true;
	}
	/* As a tree before has it. */
	if (before && (e->shared || !walk_is_others(w, e, e->dpn)))
		return !e->shared || kept || walk_has_block(w, e, e->dpn);
	if (before || (bits_test(w->t->claimed, e->dpn) && !kept)) {
		e->twice = bits_test(w->twice, e->dpn) || bits_test(w->given_up, e->dpn);
		return false;
	}
	e->twice = bits_test(w->doubt, e->dpn);
	if (!e->twice) {
		bits_test_and_set(w->t->claimed, e->dpn);
		bits_test_and_set(w->kept, e->dpn);
	}
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
	const u64 mended = blkmap_mend(&w->t->map, level, index, word);
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
	e->twin_want = blkmap_mend(&w->t->map, e->level, e->index, e->twin_word);
}

/* A damaged entry. False if it is not one bit, or if there is a doubt. */
static bool walk_mend(struct walk *w, struct walk_entry *e)
{
	const char *reason;
	int type;

	e->mended = blkmap_mend(&w->t->map, e->level, e->index, e->word);
	if (!e->mended)
		return false;
	type = blkmap_verify(&w->t->map, e->level, e->index, e->mended, &e->dpn, &reason);
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
		return walk_confirms(w, e) && !walk_enter(w, e);
	if (!walk_may_have(w, e))
		return false;
	walk_emit(w, e);
	return true;
}

/* Lost, but a repair did not come to its end that would have removed the page. */
static bool walk_is_given_up(const struct walk *w, const struct walk_entry *e)
{
	return !e->level && e->dpn && e->dpn < w->kp->nr_pages &&
	       e->word == blkmap_encode(&w->t->map, 0, e->index, KMEM_BLK_ENTRY_LOST,
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

	type = blkmap_verify(&w->t->map, level, e->index, word, &child.dpn, &reason);
	second = blkmap_verify(&w->t->map, level, e->index, twin, &child.twin, &reason);
	if (type < 0 && second < 0) {
		if (!blkmap_mend(&w->t->map, level, e->index, word) &&
		    blkmap_mend(&w->t->map, level, e->index, twin)) {
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
		want = blkmap_encode(&w->t->map, level, e->index,
				     KMEM_BLK_ENTRY_NODE + level - 1, child.dpn);
		twin_want = blkmap_encode(&w->t->map, level, e->index,
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
	if (e->lblk < w->t->map.nr_lblks)
		e->nr_lblks = min(1ULL << KMEM_BLK_NODE_SHIFT * e->level,
				  w->t->map.nr_lblks - e->lblk);
	if (e->twin_holder != e->holder && e->word != e->twin_word)
		walk_choose(w, e);
	type = blkmap_verify(&w->t->map, e->level, e->index, e->word, &e->dpn, &reason);
	if (type == KMEM_BLK_ENTRY_HOLE)
		return;
	if (!e->twin_dpn)
		e->twin_dpn = e->dpn;

	if (type < 0) {
		/* It still has its part in what became of the page. */
		if (walk_is_given_up(w, e)) {
			if (!walk_is_others(w, e, e->dpn))
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
		if (!w->t->again)
			w->nr_lost += e->nr_lblks;
		walk_emit(w, e);
	} else if (e->dpn == w->kp->older_backup) {
		/* What is there is not for a node, or a block, to keep. */
		walk_bad(w, e, "page of the backup superblock");
	} else if (e->level) {
		walk_child(w, e);
	} else if (walk_is_others(w, e, e->dpn)) {
		walk_bad(w, e, "page is referred to twice");
	} else {
		walk_claim(w, e);
		e->kind = WALK_DATA;
		w->nr_data += walk_counts(w, e->dpn);
		if (w->t->again && e->twice)
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
			.shared = !level && w->shared,
			.word = le64_to_cpu(w->buf[level][i]),
		};

		if (e.twin_holder != e.holder)
			e.twin_word = le64_to_cpu(w->twin[level][i]);
		walk_slot(w, &e);
	}
	if (!level)
		progress(index << KMEM_BLK_NODE_SHIFT, w->t->map.nr_lblks);
}

/* The superblock has a checksum: what it says of two roots is what was meant. */
static void walk_root(struct walk *w, struct walk_entry *e)
{
	struct kmem_blk_copies roots = w->t->roots;
	const unsigned int type = KMEM_BLK_ENTRY_NODE + w->t->map.root_level;
	u64 want, twin_want;

	if (w->t->map.root_level)
		walk_pick(w, w->t->map.root_level, 0, &roots);
	e->dpn = roots.dpn;
	e->twin_dpn = roots.twin;
	want = blkmap_encode(&w->t->map, e->level, 0, type, roots.dpn);
	/* Two that are the same are as good as one. */
	twin_want = roots.dpn == roots.twin && w->t->root_twin != want ? 0 :
		    blkmap_encode(&w->t->map, e->level, 0, type, roots.twin);
	if (want != w->t->root || twin_want != w->t->root_twin)
		walk_differ(w, e, want, twin_want, false);
}

/* The tree of the disk was gone through: which others are there? */
static void walk_find_trees(struct walk *w)
{
	const struct kmem_blk_directory *dir;

	snapshots_read(&w->snapshots, w->kp, w->sb, &w->tree[0].map, w->tree[0].claimed);
	dir = w->snapshots.use;
	for (u32 i = 0; dir && i < le32_to_cpu(dir->nr); i++) {
		struct walk_tree *t = &w->tree[w->nr_trees++];

		t->record = &dir->record[i];
		t->claimed = bits_alloc(w->kp->nr_pages);
		t->root = le64_to_cpu(t->record->root);
		t->roots.dpn = t->root & KMEM_BLK_ENTRY_DPN_MASK;
		t->roots.twin = t->roots.dpn;
		blkmap_resize(&t->map, &w->tree[0].map, le64_to_cpu(t->record->nr_lblks));
	}
}

/**
 * walk_is_root - is it the entry that refers to the root of a tree?
 * @w: the walk
 * @e: the entry
 *
 * Return: whether that is so.
 */
bool walk_is_root(const struct walk *w, const struct walk_entry *e)
{
	return e->level > w->t->map.root_level;
}

/**
 * walk_pass - go through a tree once
 * @w: the walk
 * @tree: which one; in the first pass all before it were gone through
 * @entry: called for each entry that is not a hole, in order, or NULL
 * @arg: its argument
 */
void walk_pass(struct walk *w, unsigned int tree,
	       void (*entry)(void *, const struct walk_entry *), void *arg)
{
	struct walk_tree *t = &w->tree[tree];
	struct walk_entry e = {
		.level = t->map.root_level + 1,
		.word = t->root,
		.nr_lblks = t->map.nr_lblks,
		.holder = t->record ? w->snapshots.dpn[w->snapshots.counts] : 0,
	};

	w->t = t;
	e.twin_holder = e.holder;
	w->entry = entry;
	w->arg = arg;
	w->shared = false;
	w->nr_peers = 0;
	free(w->nodes);
	w->nodes = bits_alloc(w->kp->nr_pages);
	if (t->roots.dpn) {
		walk_root(w, &e);
		walk_child(w, &e);
	} else {
		/* Nothing is left of a snapshot. */
		e.kind = WALK_LOST;
		walk_emit(w, &e);
	}
	if (!tree && !t->again)
		walk_find_trees(w);
	t->again = true;
	progress(0, 0);
}

/**
 * walk_both - go through a tree, and once more to tell all that is known then
 * @w: the walk
 * @tree: which one
 * @entry: called in the second pass
 * @arg: its argument
 */
void walk_both(struct walk *w, unsigned int tree,
	       void (*entry)(void *, const struct walk_entry *), void *arg)
{
	walk_pass(w, tree, NULL, NULL);
	walk_pass(w, tree, entry, arg);
}

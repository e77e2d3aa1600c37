// SPDX-License-Identifier: GPL-2.0
/*
 * Families: snapshots, clones and the live tree on one media, and all that a crash may leave
 *
 * Media and images: crash.h. Here are the operations of map/family.c, in the steps that their
 * callers take, and those of map/map.c through any member. Threads are coroutines; others
 * may run after each access to the media, each lock and unlock, and where something is
 * waited for: a lock, the gate, a grace period, another operation of the administrator.
 *
 * A scenario is played again and again: each thread as a whole at first, then with one
 * switch between threads at each place in turn, then with two. Each moment that was not met
 * before is a crash: all images of it, or a sample where they are too many.
 *
 * The superblock is one word that says which of the versions that were written it is: old or
 * new in an image. It refers to the live tree and has a record of each other member.
 *
 * Wanted of an image: all members of its superblock can be attached, in any order; each block
 * of each is one of the versions that it may have in that tree; that of a snapshot is what it
 * was when it was made, exactly, whatever happens to other members; an atomic group is there or
 * not; the pages in use are those that a walk over all members finds, each at one place, and
 * nodes above leaves in one member. Sometimes what is free is made garbage then, and one node
 * of the live tree cannot be read, then its twin, then none. Wanted of a read: the same, of
 * the block. At the end of a scenario nothing is left over.
 *
 * A page that nobody has any more is garbage as soon as no thread is in a read side critical
 * section that it was in when the page was retired, and is the first to be used again.
 *
 * One word is a scenario and an order of its threads:
 *
 *   x86:48:W0.0.2,C1.0:W0.0.1/D1:a12b3a
 *
 * rules; blocks of the live tree; operations before; those of thread a, of b ...; who makes how
 * many steps. With "reads:" before it others may run where an entry is looked at, too. Operations, S is a member, 0 the live tree:
 *
 *   W A U R  S.lblk.nr    write, atomic, discard, read
 *   X Q      S.lblk       drop a whole leaf; without, drain what is dead: later
 *   E                     drain all that is dead
 *   M        S.lblk.nr    move blocks;  L  S.lblk  move the leaf;  O  S.lblk  lose a block
 *   C F      S.source     make a member; F: its superblock cannot be written
 *   P D      S            delete: the record only; all (that is left)
 *   B K      S.source     roll back the live tree; S is the old one, being deleted; K: kept
 *   T        S.lblk.what  the leaf (1) of S that maps the block, or the node above it (2), or its
 *                         twin (3) cannot be read;  t  all can
 *   Y        n            somebody takes all pages but n; 0 and more: until
 *   y                     he gives them back
 * before the threads only:
 *   G        S.lblk.nr    the node, or leaf, that maps them is gone: LOST
 *   Z        S.blocks     the member is that small; attach
 *   I                     attach
 *
 * usage: family                            directed scenarios, then random ones
 *        family --deep SECONDS              all with two switches, then random ones
 *        family --replay WORD | --random NR one of them again, step by step
 *        family-mutants [--mutant NAME [--replay WORD | --random NR]]
 * KP_SAMPLE: which random ones, and where the second switch is.
 */
#ifndef NR_PAGES
#define NR_PAGES	64U
#endif
#include "crash.h"
#include <ctype.h>
#include <signal.h>
#include <time.h>
#include <ucontext.h>

enum {
	STACK_BYTES = 1 << 16,
	MAX_STEPS = 4000,
	MAX_WORD = 8000,
	NR_SLOTS = 8,
	NR_TREES = 16,
	NR_BLOCKS = 14,
	NR_SB = 40,
	MAX_OPS = 15,
	MAX_DEAD = 8,
};

/**
 * struct fop - an operation
 * @kind: its letter, 0 behind the last
 * @slot: the member
 * @a: block, source or number
 * @nr: blocks
 */
struct fop {
	char kind;
	u8 slot;
	u32 a;
	u32 nr;
};

struct fam {
	char name[64];
	u64 nr_lblks;
	struct fop init[MAX_OPS + 1];
	struct fop thread[MAX_THREADS][MAX_OPS + 1];
};

/* Others may run where an entry is looked at, too. */
static bool stop_at_reads;
/* Page that cannot be read, 0: all can; and could one not since the last attach? */
static u64 bad_page;
static bool was_bad;

static int fam_read_event(void *dst, const void *src, size_t len)
{
	if (bad_page && sim_word(src) / PAGE_WORDS == bad_page)
		return -EIO;
	memcpy(dst, src, len);
	if (stop_at_reads)
		sim_event("read", sim_word(src));
	return 0;
}

/* What is stored there is lost. */
static void fam_store(__le64 *dst, u64 val)
{
	if (bad_page && sim_word(dst) / PAGE_WORDS == bad_page)
		sim_event("store, lost", sim_word(dst));
	else
		sim_store(dst, val);
}

static void fam_copy_words(void *dst, const void *src, size_t len)
{
	if (bad_page && sim_word(dst) / PAGE_WORDS == bad_page)
		sim_event("copy, lost", sim_word(dst));
	else
		sim_copy(dst, src, len);
}

/* Who does not ask before it loads from there gets nonsense. */
static void bad_hide(bool hide)
{
	u64 *words = sim.live + bad_page * PAGE_WORDS;

	if (!bad_page)
		return;
	for (unsigned int i = 0; i < PAGE_WORDS; i++)
		words[i] = hide ? FAKE_GARBAGE : sim.durable[bad_page * PAGE_WORDS + i];
	for (unsigned int i = 0; i < sim.nr_pending && !hide; i++)
		if (sim.pending[i].word / PAGE_WORDS == bad_page)
			sim.live[sim.pending[i].word] = sim.pending[i].val;
}

static const struct media_ops fam_ops = {
	.copy = fam_copy_words,
	.store = fam_store,
	.wb = sim_wb,
	.fence = sim_fence,
	.passed = sim_passed,
	.read = fam_read_event,
};

/*
 * What is wanted
 */

/* A tree: what it is stays so, whatever member it is. */
struct tree {
	u64 nr_lblks;
	struct versions may[NR_BLOCKS];
};

/* The operation of a thread, see struct running. @committed: it is durable already. */
struct fam_run {
	char kind;
	bool committed;
	int tree;
	u32 lblk;
	u32 nr;
	u32 version;
	struct versions old[NR_BLOCKS];
	struct versions other[NR_BLOCKS];
};

static struct {
	unsigned int nr_trees;
	struct tree trees[NR_TREES];
	struct fam_run run[MAX_THREADS];
} want;

static u32 blocks[NR_BLOCKS];
static unsigned int nr_blocks;

/* What the word says that the superblock is. */
struct sb_record {
	u64 root;
	u64 nr_lblks;
	int tree;
	int slot;
};

struct sb {
	struct kmem_blk_superblock bsb;
	int live;
	unsigned int nr;
	struct sb_record record[NR_SLOTS];
};

static struct sb sbs[NR_SB];
/* The last one that was written. */
static unsigned int sb_now;

/* Members: [0] is the live one. */
static struct slot {
	struct world w;
	bool exists;
	bool dying;
	bool deleting;
	bool closing;
	int tree;
	unsigned int users;
} slots[NR_SLOTS];

static struct { int used; u64 leaf_index, page; } dead[MAX_DEAD];
static u64 hog[NR_PAGES];
static unsigned int nr_hog;
/* Who makes members, or deletes one; -1: nobody. */
static int admin, deleter;
static u32 version_base;

/* Mutants that are the caller's. */
static bool no_gate_grace, no_delete_grace, early_leave, old_size;

static bool run_covers(const struct fam_run *r, int tree, u32 lblk)
{
	return r->kind && r->tree == tree && lblk >= r->lblk && lblk < r->lblk + r->nr;
}

static void want_add(struct versions *v, char kind, u32 version)
{
	const u64 bit = BIT_ULL(version % 64);

	if (kind == 'W' || kind == 'A')
		v->data |= bit;
	else if (kind == 'U' || kind == 'X' || kind == 'Q')
		v->hole |= bit;
	else if (kind == 'O')
		v->lost |= bit;
}

/* Who changes a leaf that cannot be read, and that others have, loses what he does not write. */
static void want_gone(int tree, u32 lblk)
{
	for (unsigned int i = 0; i < nr_blocks; i++) {
		if (blocks[i] / LEAF != lblk / LEAF)
			continue;
		want.trees[tree].may[i].lost |= BIT_ULL(63);
		for (int o = 0; o < MAX_THREADS; o++)
			if (run_covers(&want.run[o], tree, blocks[i]))
				want.run[o].other[i].lost |= BIT_ULL(63);
	}
}

/* Is the leaf of a member that maps the block the one that cannot be read, and may be shared? */
static bool leaf_is_bad(const struct slot *slot, u32 lblk)
{
	const struct kmem_blk_map *map = &slot->w.map;

	return bad_page && lblk < map->nr_lblks && map->leaves[lblk / LEAF].dpn == bad_page &&
	       (admin >= 0 || !kmem_blk_map_is_alone(map));
}

/* ... and who is about to. */
static void want_gone_running(void)
{
	for (int t = 0; t < MAX_THREADS; t++)
		for (int i = 0; i < NR_SLOTS; i++)
			if (want.run[t].kind && want.run[t].kind != 'R' && slots[i].exists &&
			    slots[i].tree == want.run[t].tree &&
			    leaf_is_bad(&slots[i], want.run[t].lblk))
				want_gone(slots[i].tree, want.run[t].lblk);
}

static void want_begin(unsigned int t, char kind, int tree, u32 lblk, u32 nr, u32 version)
{
	struct fam_run *r = &want.run[t];

	memset(r, 0, sizeof(*r));
	for (unsigned int i = 0; i < nr_blocks; i++) {
		struct versions *may = &want.trees[tree].may[i];

		if (blocks[i] < lblk || blocks[i] >= lblk + nr)
			continue;
		for (int o = 0; o < MAX_THREADS; o++) {
			struct fam_run *other = &want.run[o];

			if (!run_covers(other, tree, blocks[i]))
				continue;
			want_add(&r->other[i], other->kind, other->version);
			want_add(&other->other[i], kind, version);
		}
		r->old[i] = *may;
		versions_remove(&r->old[i], &r->other[i]);
		if (kind == 'R')
			r->other[i] = *may;
		else
			want_add(may, kind, version);
	}
	r->kind = kind;
	r->tree = tree;
	r->lblk = lblk;
	r->nr = nr;
	r->version = version;
}

static void want_end(unsigned int t)
{
	struct fam_run *r = &want.run[t];

	for (unsigned int i = 0; i < nr_blocks && r->kind != 'R'; i++) {
		if (!run_covers(r, r->tree, blocks[i]))
			continue;
		versions_remove(&want.trees[r->tree].may[i], &r->old[i]);
		want_add(&want.trees[r->tree].may[i], r->kind, r->version);
	}
	memset(r, 0, sizeof(*r));
}

/* Nothing was done. */
static void want_undo(unsigned int t)
{
	struct fam_run *r = &want.run[t];

	for (unsigned int i = 0; i < nr_blocks; i++) {
		struct versions mine = {};

		if (!run_covers(r, r->tree, blocks[i]))
			continue;
		want_add(&mine, r->kind, r->version);
		versions_remove(&mine, &r->old[i]);
		versions_remove(&want.trees[r->tree].may[i], &mine);
		for (int o = 0; o < MAX_THREADS; o++)
			if (want.run[o].tree == r->tree)
				versions_remove(&want.run[o].other[i], &mine);
	}
	memset(r, 0, sizeof(*r));
}

/* Losses that are not over: a tree that comes meanwhile may have them, too. */
static struct { bool is; u32 at; s64 seen; u32 version; } losing[MAX_THREADS];

/* Each tree in which the block may have @seen may have lost it. */
static void want_lose(u32 at, s64 seen, u32 version, u16 *was_lost)
{
	losing[sim.thread].is = true;
	losing[sim.thread].at = at;
	losing[sim.thread].seen = seen;
	losing[sim.thread].version = version;
	*was_lost = 0;
	for (int tree = 0; tree < want.nr_trees; tree++) {
		struct versions *may = &want.trees[tree].may[at];

		if (may->lost)
			*was_lost |= BIT(tree);
		if (!(may->data >> (seen % 64) & 1))
			continue;
		may->lost |= BIT_ULL(version % 64);
		for (int o = 0; o < MAX_THREADS; o++)
			if (run_covers(&want.run[o], tree, blocks[at]))
				want.run[o].other[at].lost |= BIT_ULL(version % 64);
	}
}

static void want_lost(u32 at, s64 seen, u32 version, u16 was_lost, bool lost)
{
	const struct media_ops *ops = media_ops;

	media_ops = NULL;
	bad_hide(false);
	losing[sim.thread].is = false;
	for (int tree = 0; tree < want.nr_trees && !lost; tree++)
		if (!(was_lost >> tree & 1))
			want.trees[tree].may[at].lost &= ~BIT_ULL(version % 64);
	for (int s = 0; s < NR_SLOTS && lost; s++) {
		const int tree = slots[s].tree;
		struct versions *may = &want.trees[tree].may[at];

		if (!slots[s].exists || slots[s].dying || blocks[at] >= want.trees[tree].nr_lblks)
			continue;
		if (!(may->data >> (seen % 64) & 1))
			continue;
		if (world_get(&slots[s].w.map, blocks[at]) != seen) {
			bool running = false;

			/* Of two that overlap either may be the later one. */
			for (int o = 0; o < MAX_THREADS; o++)
				running |= run_covers(&want.run[o], tree, blocks[at]) &&
					   want.run[o].kind != 'R' &&
					   want.run[o].version % 64 == seen % 64;
			if (!running)
				may->data &= ~BIT_ULL(seen % 64);
		} else if (!(was_lost >> tree & 1)) {
			may->lost &= ~BIT_ULL(version % 64);
		}
	}
	bad_hide(true);
	media_ops = ops;
}

/* Is what a member holds one of the states that its tree may have? What is seen: in @seen. */
static unsigned int check_tree(const struct kmem_blk_map *map, int tree, s64 *seen)
{
	const struct tree *wanted = &want.trees[tree];
	unsigned int mapped = 0;

	if (map->nr_lblks != wanted->nr_lblks)
		violate("a member has another size", map->nr_lblks, wanted->nr_lblks);
	for (unsigned int i = 0; i < nr_blocks; i++) {
		seen[i] = 0;
		if (blocks[i] >= map->nr_lblks)
			continue;
		seen[i] = world_get(map, blocks[i]);
		if (seen[i] < 0 && seen[i] != WORLD_LOST)
			violate("a block is not whole", tree, blocks[i]);
		if (!versions_have(&wanted->may[i], seen[i]))
			violate("a version that was superseded or never written",
				tree * 10000 + blocks[i], seen[i]);
		mapped += seen[i] > 0;
	}
	for (int t = 0; t < MAX_THREADS; t++) {
		const struct fam_run *r = &want.run[t];
		unsigned int there = 0, not_there = 0;

		if (r->kind != 'A' || r->tree != tree)
			continue;
		for (unsigned int i = 0; i < nr_blocks; i++) {
			if (!run_covers(r, tree, blocks[i]))
				continue;
			if (seen[i] == r->version)
				there++;
			else if (!versions_have(&r->other[i], seen[i]))
				not_there++;
		}
		if (there && not_there)
			violate("an atomic group is torn", there, not_there);
	}
	return mapped;
}

/* By page: where it is referred to. */
static u32 walked[NR_PAGES];
static unsigned int nr_walked;

static void walk_page(u64 dpn, u32 place, bool shared)
{
	if (dpn < KMEM_PERSIST_FIRST_PAGE || dpn >= NR_PAGES)
		violate("a page outside the device", dpn, place);
	if (walked[dpn] && (walked[dpn] != place || !shared))
		violate("a page is referred to at two places", dpn, place);
	nr_walked += !walked[dpn];
	walked[dpn] = place;
}

static void walk_tree(const struct kmem_blk_map *map, int tree, unsigned int mapped)
{
	unsigned int found = 0, was, used;

	for (unsigned int level = 1; level <= map->root_level; level++) {
		for (u64 i = 0; i < kmem_blk_level_nodes(map->nr_lblks, level); i++) {
			const struct kmem_blk_node *node = &map->nodes[level][i];

			if (!node->ents)
				continue;
			walk_page(node->copies.dpn, 1, false);
			if (kmem_blk_node_has_twin(node))
				walk_page(node->copies.twin, 1, false);
		}
	}
	for (u64 i = 0; i < map->nr_leaves; i++) {
		const u64 *ents = (const u64 *)map->leaves[i].ents;

		if (!kmem_blk_map_leaf_exists(map, i))
			continue;
		walk_page(map->leaves[i].dpn, 1 << 20 | (u32)i, true);
		was = found;
		used = 0;
		for (u32 slot = 0; slot < LEAF; slot++) {
			used += kmem_blk_entry_type(ents[slot]) != KMEM_BLK_ENTRY_HOLE;
			if (kmem_blk_entry_type(ents[slot]) != KMEM_BLK_ENTRY_DATA)
				continue;
			walk_page(ents[slot] & KMEM_BLK_ENTRY_DPN_MASK,
				  2 << 20 | (u32)(i * LEAF + slot), true);
			found++;
		}
		if (map->leaves[i].nr_used != used || map->leaves[i].nr_data != found - was)
			violate("a leaf is counted wrong", tree, i);
	}
	if (found != mapped)
		violate("blocks that nobody wrote", tree, found);
}

static void walk_begin(void)
{
	memset(walked, 0, sizeof(walked));
	nr_walked = KMEM_PERSIST_FIRST_PAGE;
}

static void walk_end(const struct kmem_persist *kp)
{
	for (u64 dpn = KMEM_PERSIST_FIRST_PAGE; dpn < NR_PAGES; dpn++)
		/* What could not be read was not let go. */
		if (!!walked[dpn] != !!kp->used[dpn] &&
		    !(was_bad && kp == world.kp && kp->used[dpn]))
			violate(kp->used[dpn] ? "a page is used by nobody" :
				"a page of a member is free", dpn, kp->nr_used);
	if (nr_walked != kp->nr_used && !(was_bad && kp == world.kp))
		violate("used is not what is in the maps", kp->nr_used, nr_walked);
}

/* Global, so that a violation does not leak them. */
static struct kmem_blk_map image_maps[NR_SLOTS], twin_maps[NR_SLOTS];
static unsigned int nr_image_maps, nr_twin_maps;

static void detach_maps(struct kmem_blk_map *maps, unsigned int *nr)
{
	while (*nr)
		kmem_blk_map_detach(&maps[--*nr]);
}

/* A member of which nothing is in doubt: no crash leaves anything else. */
static int attach_whole(struct kmem_blk_map *map, struct kmem_blk_map *live, u64 nr_lblks,
			u64 root, struct kmem_blk_map_error *error)
{
	const int err = kmem_blk_member_attach(map, live, nr_lblks, root, error);

	if (err || !map->nr_gone)
		return err;
	kmem_blk_member_leave(map);
	kmem_blk_map_detach(map);
	return -EUCLEAN;
}

/* All members of a superblock; maps[1 + i] is that of record i. */
static void attach_maps(struct kmem_persist *kp, const struct sb *sb, struct kmem_blk_map *maps,
			unsigned int *nr, bool backwards)
{
	struct kmem_blk_map_error error;

	fake_kp_forget(kp);
	if (kmem_blk_map_attach(&maps[0], kp, &sb->bsb, &error))
		violate(error.reason, error.level, error.index);
	*nr = 1 + sb->nr;
	memset(&maps[1], 0, sb->nr * sizeof(*maps));
	for (unsigned int i = 0; i < sb->nr; i++) {
		const unsigned int at = backwards ? sb->nr - 1 - i : i;
		const struct sb_record *r = &sb->record[at];
		int err;

		err = attach_whole(&maps[1 + at], &maps[0], r->nr_lblks, r->root, &error);
		if (err) {
			/* It has undone what it has done. */
			*nr = 1 + (backwards ? 0 : i);
			violate(error.reason ?: "a member cannot be attached", r->tree, err);
		}
	}
}

static void check_maps(const struct kmem_persist *kp, const struct sb *sb,
		       const struct kmem_blk_map *maps)
{
	s64 seen[NR_BLOCKS];

	walk_begin();
	walk_tree(&maps[0], sb->live, check_tree(&maps[0], sb->live, seen));
	for (unsigned int i = 0; i < sb->nr; i++)
		walk_tree(&maps[1 + i], sb->record[i].tree,
			  check_tree(&maps[1 + i], sb->record[i].tree, seen));
	walk_end(kp);
}

/* See twin_attach(): with all members. */
static unsigned int fam_twin_attach(struct sb *sb, u64 *nodes)
{
	struct kmem_blk_map *live = &twin_maps[0];
	unsigned int nr = 0;

	attach_maps(twin_kp, sb, twin_maps, &nr_twin_maps, nr_twins & 1);
	check_maps(twin_kp, sb, twin_maps);
	if (map_settle(live, &sb->bsb))
		violate("what was attached cannot be settled", twin_bad, 0);
	for (u64 dpn = KMEM_PERSIST_FIRST_PAGE; dpn < NR_PAGES; dpn++)
		for (unsigned int i = 0; i < PAGE_WORDS; i++)
			if (!twin_kp->used[dpn] && dpn != twin_bad)
				twin_mem[dpn * PAGE_WORDS + i] = FAKE_GARBAGE;
	check_maps(twin_kp, sb, twin_maps);
	for (unsigned int level = 1; level <= live->root_level && nodes; level++) {
		for (u64 i = 0; i < kmem_blk_level_nodes(live->nr_lblks, level); i++) {
			const struct kmem_blk_node *node = &live->nodes[level][i];

			if (!node->ents)
				continue;
			if (!kmem_blk_node_has_twin(node))
				violate("a node without a twin", level, i);
			nodes[nr++] = node->copies.dpn;
			nodes[nr++] = node->copies.twin;
		}
	}
	detach_maps(twin_maps, &nr_twin_maps);
	return nr;
}

static void fam_twin_lose(const struct sb *sb, u64 dpn, u64 other)
{
	struct sb mine = *sb;

	twin_bad = dpn;
	fam_twin_attach(&mine, NULL);
	twin_bad = other;
	fam_twin_attach(&mine, NULL);
	twin_bad = 0;
	fam_twin_attach(&mine, NULL);
}

static void check_fam_twins(const struct sb *sb)
{
	static u64 settled[NR_WORDS];
	struct sb mine = *sb;
	u64 nodes[NR_PAGES];
	unsigned int nr;

	nr_twins++;
	media_ops = &twin_ops;
	twin_bad = 0;
	memcpy(twin_mem, image, sizeof(twin_mem));
	nr = fam_twin_attach(&mine, nodes);
	memcpy(settled, twin_mem, sizeof(twin_mem));
	for (unsigned int i = 0; i < nr; i++) {
		memcpy(twin_mem, image, sizeof(twin_mem));
		fam_twin_lose(sb, nodes[i], nodes[i ^ 1]);
		memcpy(twin_mem, settled, sizeof(twin_mem));
		fam_twin_lose(&mine, nodes[i], nodes[i ^ 1]);
	}
	media_ops = NULL;
}

/* Images since the run began, so that it is the same each time. */
static unsigned long nr_of_run;

static void check_fam_image(void)
{
	const struct sb *sb = &sbs[image[0]];

	if (image[0] >= NR_SB)
		abort();
	nr_images++;
	in_image = true;
	media_ops = NULL;
	attach_maps(image_kp, sb, image_maps, &nr_image_maps, (image[0] + sim.nr_pending) & 1);
	check_maps(image_kp, sb, image_maps);
	detach_maps(image_maps, &nr_image_maps);
	/* Where a page for another copy can be found. */
	if (!(++nr_of_run % twins_every) && image_kp->nr_used + 4 < NR_PAGES)
		check_fam_twins(sb);
	media_ops = &fam_ops;
	in_image = false;
}

/* Pages that matter: of all superblocks that there may be. */
static void reach_sb(u64 nr)
{
	const struct sb *sb = &sbs[nr];
	const unsigned int level = kmem_blk_root_level(le64_to_cpu(sb->bsb.nr_lblks));

	reach(level, 0, le64_to_cpu(sb->bsb.root) & KMEM_BLK_ENTRY_DPN_MASK);
	reach(level, 0, le64_to_cpu(sb->bsb.root_twin) & KMEM_BLK_ENTRY_DPN_MASK);
	for (unsigned int i = 0; i < sb->nr; i++)
		reach(kmem_blk_root_level(sb->record[i].nr_lblks), 0,
		      sb->record[i].root & KMEM_BLK_ENTRY_DPN_MASK);
}

static u64 sb_sum;

static u64 sum_of(u64 hash, const void *at, size_t len)
{
	const u64 *words = at;

	for (; len >= 8; len -= 8)
		hash = mix(hash, *words++);
	return hash;
}

static void reach_fam(void)
{
	sim_reachable[0] = true;
	reach_sb(sim.durable[0]);
	sb_sum = sum_of(0, &sbs[sim.durable[0]], sizeof(struct sb));
	for (unsigned int i = 0; i < sim.nr_pending; i++) {
		if (sim.pending[i].word)
			continue;
		reach_sb(sim.pending[i].val);
		sb_sum = sum_of(sb_sum, &sbs[sim.pending[i].val], sizeof(struct sb));
	}
}

/* Moments that were met, of any scenario; 0 stands for an empty place. */
static u64 *met;
static size_t met_size, met_nr;

static bool met_add(u64 val)
{
	size_t i;

	val += !val;
	for (i = val % met_size; met[i]; i = (i + 1) % met_size)
		if (met[i] == val)
			return false;
	met[i] = val;
	if (++met_nr * 2 > met_size) {
		u64 *old = met;
		size_t size = met_size;

		met_size *= 2;
		met_nr = 0;
		met = calloc(met_size, sizeof(u64));
		for (i = 0; i < size; i++)
			if (old[i])
				met_add(old[i]);
		free(old);
	}
	return true;
}

static void met_clear(void)
{
	free(met);
	met_size = 1 << 12;
	met_nr = 0;
	met = calloc(met_size, sizeof(u64));
}

/* Look at it in any case. */
static bool any_moment;

static bool moment_is_new(u64 pending)
{
	u64 hash = mix(pending, sb_sum);

	hash = sum_of(hash, want.trees, want.nr_trees * sizeof(struct tree));
	for (int t = 0; t < MAX_THREADS; t++)
		if (want.run[t].kind)
			hash = sum_of(hash, &want.run[t], sizeof(want.run[t]));
	for (u64 dpn = 1; dpn < NR_PAGES; dpn++)
		if (sim_reachable[dpn])
			hash = sum_of(hash + dpn, sim.durable + dpn * PAGE_WORDS, FAKE_PAGE);
	return met_add(hash) || any_moment;
}

/*
 * Threads
 */

/**
 * struct fthread - one that does not run now
 * @at: where it goes on
 * @lock: lock that it waits for
 * @until: what it waits for, and its argument
 * @grace: threads that have to leave their critical sections before it goes on
 * @done: no operation is left
 * @op: the one that runs
 */
struct fthread {
	jmp_buf at;
	const spinlock_t *lock;
	bool (*until)(long arg);
	long arg;
	u8 grace;
	bool done;
	int locks;
	int nesting;
	bool locks_off;
	unsigned int op;
};

static struct fthread threads[MAX_THREADS];
static char stacks[MAX_THREADS][STACK_BYTES] __attribute__((__aligned__(64)));
static jmp_buf scheduler;
static const struct fam *scenario;
static int current = -1;
static bool telling;
static u8 trace[MAX_STEPS];
/* At each step: who could have run. */
static u8 could[MAX_STEPS];
static unsigned int depth;
static unsigned long nr_runs, nr_steps;

/* No thread runs, and each access is a moment. */
static bool settling;

static void __attribute__((__noinline__)) let_others_run(void)
{
	if (!_setjmp(threads[current].at))
		_longjmp(scheduler, 1);
}

static void sim_event(const char *what, s64 word)
{
	const struct fop *op;

	if (current < 0) {
		if (settling)
			crash_here();
		return;
	}
	if (telling) {
		op = &scenario->thread[current][threads[current].op];
		printf("  %c: %c%u.%u: %s", 'a' + current, op->kind, op->slot, op->a, what);
		if (word >= 0)
			printf(" page %u, word %u", (u32)word / PAGE_WORDS,
			       (u32)word % PAGE_WORDS);
		if (word >= 0 && !strcmp(what, "store"))
			printf(" = type %u, page %llu", kmem_blk_entry_type(sim.live[word]),
			       (u64)(sim.live[word] & KMEM_BLK_ENTRY_DPN_MASK));
		if (sim.site)
			printf(" (%s:%d)", sim.site->func, sim.site->line);
		printf("\n");
	}
	sim.site = NULL;
	let_others_run();
}

static void lock_event(const char *what)
{
	sim_event(what, -1);
}

/* What is looked up before an update begins is not what it finds. */
static void rcu_event(const char *what)
{
	if (current >= 0 && media_ops)
		sim_event(what, -1);
}

static void lock_contended(const spinlock_t *lock)
{
	if (current < 0)
		abort();
	threads[current].lock = lock;
	sim_event("waits for the lock", -1);
}

static void wait_until(bool (*until)(long arg), long arg, const char *what)
{
	while (!until(arg)) {
		if (current < 0)
			abort();
		threads[current].until = until;
		threads[current].arg = arg;
		sim_event(what, -1);
	}
}

static bool thread_runs(unsigned int t)
{
	const struct fthread *th = &threads[t];

	return !th->done && !(th->lock && th->lock->locked) && !th->grace &&
	       !(th->until && !th->until(th->arg));
}

static u8 threads_that_read(void)
{
	u8 mask = 0;

	for (int t = 0; t < MAX_THREADS; t++)
		if (!threads[t].done && threads[t].nesting)
			mask |= BIT(t);
	return mask;
}

/* All other threads leave the critical sections that they are in. */
static void wait_for_grace(void)
{
	if (shim_rcu_nesting)
		violate("waits for readers and is one", 0, 0);
	if (current < 0)
		return;
	threads[current].grace = readers;
	sim_event("grace period", -1);
}

static void thread_main(void);

static void switch_to(unsigned int t, bool begin)
{
	static ucontext_t context;
	struct fthread *th = &threads[t];

	current = t;
	sim.thread = t;
	readers = threads_that_read() & ~BIT(t);
	shim_locks_held = th->locks;
	shim_rcu_nesting = th->nesting;
	shim_locks_off = th->locks_off;
	th->lock = NULL;
	th->until = NULL;
	if (!_setjmp(scheduler)) {
		if (!begin)
			_longjmp(th->at, 1);
		getcontext(&context);
		context.uc_stack.ss_sp = stacks[t];
		context.uc_stack.ss_size = STACK_BYTES;
		makecontext(&context, thread_main, 0);
		setcontext(&context);
	}
	th = &threads[current];
	th->locks = shim_locks_held;
	th->nesting = shim_rcu_nesting;
	th->locks_off = shim_locks_off;
	current = -1;
	shim_locks_held = 0;
	shim_rcu_nesting = 0;
	shim_locks_off = false;
	readers = threads_that_read();
	for (int o = 0; o < MAX_THREADS; o++)
		threads[o].grace &= readers;
	crash_grace(&world);
	/* What was freed last is used first. */
	world.kp->hint = 0;
}

/*
 * Operations
 */

static bool gate_is_open(long arg)
{
	return !READ_ONCE(slots[0].w.map.own.closed);
}

static void fam_closed(struct world *w)
{
	wait_until(gate_is_open, 0, "waits for the gate");
}

static bool is_nobody(long arg)
{
	return *(int *)arg < 0;
}

static void take(int *what)
{
	wait_until(is_nobody, (long)what, "waits for another one");
	*what = current < 0 ? MAX_THREADS : current;
}

static void give(int *what)
{
	*what = -1;
}

static bool is_unused(long arg)
{
	return !slots[arg].users;
}

static bool is_usable(long arg)
{
	return !slots[arg].closing || slots[arg].dying || !slots[arg].exists;
}

/* The superblock: durable on return. */
static void sb_write(const struct sb *sb)
{
	if (sb_now + 1 == NR_SB)
		abort();
	sbs[++sb_now] = *sb;
	sim_store((__le64 *)sim.live, sb_now);
	for (unsigned int i = 0; i < sim.nr_pending; i++)
		if (!sim.pending[i].word)
			sim.pending[i].bound |= BIT(sim.thread);
	kmem_media_fence(&world.kp->media);
}

static void fam_pause(void)
{
	sim_event("pause", -1);
}

static void fam_retire(struct world *w, const u64 *dpns, unsigned int nr)
{
	want.run[sim.thread].committed = true;
	crash_retire(w, dpns, nr);
}

static void slot_init(unsigned int s)
{
	struct world *w = &slots[s].w;

	w->kp = world.kp;
	w->retire = fam_retire;
	w->release = crash_free;
	w->put = world_put;
	w->pause = fam_pause;
	w->closed = fam_closed;
}

/* A new tree, which is what @map holds now: exactly. */
static int tree_new(const struct kmem_blk_map *map, int source)
{
	struct tree *tree = &want.trees[want.nr_trees];
	const struct media_ops *ops = media_ops;
	s64 seen[NR_BLOCKS];

	if (want.nr_trees == NR_TREES)
		abort();
	media_ops = NULL;
	bad_hide(false);
	check_tree(map, source, seen);
	bad_hide(true);
	media_ops = ops;
	memset(tree, 0, sizeof(*tree));
	tree->nr_lblks = map->nr_lblks;
	for (unsigned int i = 0; i < nr_blocks; i++)
		want_add(&tree->may[i], seen[i] == WORLD_LOST ? 'O' : seen[i] ? 'W' : 'U',
			 max(seen[i], 0));
	for (int t = 0; t < MAX_THREADS; t++)
		if (losing[t].is && tree->may[losing[t].at].data >> (losing[t].seen % 64) & 1)
			tree->may[losing[t].at].lost |= BIT_ULL(losing[t].version % 64);
	return want.nr_trees++;
}

static void sb_add(struct sb *sb, u64 root, u64 nr_lblks, int tree, int slot)
{
	if (sb->nr == NR_SLOTS)
		abort();
	sb->record[sb->nr++] = (struct sb_record) {
		.root = root, .nr_lblks = nr_lblks, .tree = tree, .slot = slot,
	};
}

static void sb_remove(struct sb *sb, int slot)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < sb->nr; i++)
		if (sb->record[i].slot != slot)
			sb->record[nr++] = sb->record[i];
	memset(&sb->record[nr], 0, (sb->nr - nr) * sizeof(sb->record[0]));
	sb->nr = nr;
}

/* The gate is closed and @slot is a copy of @source on return 0. */
static int fam_copy(unsigned int slot, unsigned int source, bool twins, u64 *dpns, u64 *nr)
{
	struct kmem_blk_map *map = &slots[slot].w.map, *from = &slots[source].w.map;
	struct kmem_blk_family *family = slots[0].w.map.family;
	u64 want_nr;
	int err;

	/* From now on others may have their leaves, too. */
	want_gone_running();
	err = kmem_blk_member_init(map, from);
	if (err)
		return err;
	for (;;) {
		want_nr = kmem_blk_member_nodes(from, twins);
		fam_pause();
		if (want_nr > NR_PAGES)
			violate("a member of too many nodes", want_nr, 0);
		*nr = dax_kmem_alloc_pages(world.kp, dpns, want_nr, 0);
		if (*nr < want_nr) {
			crash_free(&world, dpns, *nr);
			kmem_blk_map_detach(map);
			return -ENOSPC;
		}
		fam_pause();
		kmem_blk_gate_close(family);
		if (!no_gate_grace)
			wait_for_grace();
		err = kmem_blk_member_copy(map, from, dpns, nr, twins);
		if (!err)
			return 0;
		kmem_blk_gate_open(family);
		crash_free(&world, dpns, want_nr);
		if (err != -EAGAIN)
			violate("a member cannot be made", err, 0);
		fam_pause();
	}
}

static void free_nodes(unsigned int slot)
{
	u64 pos = 0, dpns[3];
	unsigned int nr;

	while ((nr = kmem_blk_member_take_nodes(&slots[slot].w.map, &pos, dpns,
						ARRAY_SIZE(dpns)))) {
		crash_free(&world, dpns, nr);
		fam_pause();
	}
	kmem_blk_map_detach(&slots[slot].w.map);
}

static int fam_create(unsigned int slot, unsigned int source, bool fails)
{
	struct kmem_blk_family *family = slots[0].w.map.family;
	u64 dpns[NR_PAGES], left;
	struct sb sb;
	int err, tree;

	take(&admin);
	if (slots[slot].exists || !slots[source].exists || slots[source].dying) {
		give(&admin);
		return 0;
	}
	slot_init(slot);
	err = fam_copy(slot, source, false, dpns, &left);
	if (err) {
		give(&admin);
		return err;
	}
	tree = tree_new(&slots[slot].w.map, slots[source].tree);
	if (fails) {
		/* It is in no record, and never will be. */
		fam_pause();
		free_nodes(slot);
	} else {
		sb = sbs[sb_now];
		sb_add(&sb, kmem_blk_root_word(&slots[slot].w.map, false),
		       slots[slot].w.map.nr_lblks, tree, slot);
		sb_write(&sb);
		err = kmem_blk_member_join(&slots[slot].w.map);
		if (err)
			violate("a member cannot join", slot, err);
		slots[slot].exists = true;
		slots[slot].dying = false;
		slots[slot].deleting = false;
		slots[slot].closing = false;
		slots[slot].users = 0;
		slots[slot].tree = tree;
	}
	kmem_blk_gate_open(family);
	fam_pause();
	crash_free(&world, dpns, left);
	give(&admin);
	return 0;
}

/* @slot becomes the old live tree. */
static int fam_rollback(unsigned int slot, unsigned int source, bool keep)
{
	struct kmem_blk_map *live = &slots[0].w.map;
	u64 dpns[NR_PAGES], left;
	struct sb sb;
	int err, tree;

	take(&admin);
	if (slots[slot].exists || !slots[source].exists || slots[source].dying || !source ||
	    slots[0].closing) {
		give(&admin);
		return 0;
	}
	slots[0].closing = true;
	wait_until(is_unused, 0, "waits for those who use it");
	slot_init(slot);
	err = fam_copy(slot, source, true, dpns, &left);
	if (err) {
		slots[0].closing = false;
		give(&admin);
		return err;
	}
	tree = tree_new(&slots[slot].w.map, slots[source].tree);
	sb = sbs[sb_now];
	sb.live = tree;
	if (!old_size)
		sb.bsb.nr_lblks = cpu_to_le64(slots[slot].w.map.nr_lblks);
	kmem_blk_map_roots(&slots[slot].w.map, &sb.bsb);
	if (keep)
		sb_add(&sb, kmem_blk_root_word(live, false), live->nr_lblks, slots[0].tree, slot);
	sb_write(&sb);
	err = kmem_blk_member_join(&slots[slot].w.map);
	if (err)
		violate("a member cannot join", slot, err);
	kmem_blk_member_exchange(&slots[slot].w.map);
	slots[slot].exists = true;
	slots[slot].dying = !keep;
	slots[slot].deleting = false;
	slots[slot].closing = false;
	slots[slot].users = 0;
	/* Updates that have not come by the gate yet are of the new tree. */
	for (int t = 0; t < MAX_THREADS; t++) {
		const struct fam_run run = want.run[t];

		if (!run.kind || run.tree != slots[0].tree || run.committed)
			continue;
		want_undo(t);
		if (run.lblk + run.nr <= live->nr_lblks)
			want_begin(t, run.kind, tree, run.lblk, run.nr, run.version);
		else
			violate("a write behind the end", t, run.lblk);
	}
	slots[slot].tree = slots[0].tree;
	slots[0].tree = tree;
	want_gone_running();
	kmem_blk_gate_open(live->family);
	slots[0].closing = false;
	fam_pause();
	crash_free(&world, dpns, left);
	give(&admin);
	return 0;
}

/* False if it is not there, or somebody else does it. */
static bool fam_delete_record(unsigned int slot)
{
	struct sb sb;

	if (!slots[slot].exists || slots[slot].dying || slots[slot].closing)
		return false;
	slots[slot].closing = true;
	wait_until(is_unused, slot, "waits for those who use it");
	take(&admin);
	sb = sbs[sb_now];
	sb_remove(&sb, slot);
	sb_write(&sb);
	slots[slot].dying = true;
	if (early_leave)
		kmem_blk_member_leave(&slots[slot].w.map);
	give(&admin);
	return true;
}

static void fam_delete(unsigned int slot)
{
	struct kmem_blk_map *map = &slots[slot].w.map;
	u64 dpns[LEAF + 1];
	unsigned int nr;
	int err;

	if (!slot || !slots[slot].exists || slots[slot].deleting)
		return;
	if (!slots[slot].dying && !fam_delete_record(slot))
		return;
	if (slots[slot].deleting)
		return;
	slots[slot].deleting = true;
	take(&deleter);
	for (u64 i = 0; i < map->nr_leaves; i++) {
		do {
			err = kmem_blk_member_drop_leaf(map, i, dpns, &nr);
		} while (world_was_closed(&slots[slot].w, err));
		if (err)
			violate("a leaf of a member cannot be dropped", i, err);
		if (nr > LEAF + 1)
			violate("more pages than a leaf has", nr, 0);
		if (no_delete_grace)
			crash_free(&world, dpns, nr);
		else
			crash_retire(&world, dpns, nr);
	}
	take(&admin);
	if (!early_leave)
		kmem_blk_member_leave(map);
	give(&admin);
	/*
	 * Left out, nothing is noticed here: who is in the family's list has no leaf any more, so
	 * that nobody looks at its nodes, and threads stop at no load of what else it has.
	 */
	wait_for_grace();
	free_nodes(slot);
	slots[slot].exists = false;
	slots[slot].dying = false;
	slots[slot].closing = false;
	slots[slot].deleting = false;
	give(&deleter);
}

static void fam_drain(void)
{
	for (unsigned int i = 0; i < MAX_DEAD; i++) {
		u64 page = dead[i].page;

		if (!dead[i].used || !page)
			continue;
		dead[i].page = 0;
		world_drain(&slots[0].w, dead[i].leaf_index, page);
		dead[i].used = 0;
	}
}

static int fam_drop(struct world *w, u64 leaf_index)
{
	u64 old_leaf;
	int err = world_drop_only(w, leaf_index, &old_leaf);

	if (err || !old_leaf)
		return err;
	for (unsigned int i = 0; i < MAX_DEAD; i++) {
		if (dead[i].used)
			continue;
		dead[i].used = 1;
		dead[i].leaf_index = leaf_index;
		dead[i].page = old_leaf;
		return 0;
	}
	abort();
}

static int block_at(u32 lblk)
{
	for (unsigned int i = 0; i < nr_blocks; i++)
		if (blocks[i] == lblk)
			return i;
	return -1;
}

static void fam_lose(unsigned int slot, u32 lblk, u32 version)
{
	struct kmem_blk_map *map = &slots[slot].w.map;
	const int at = block_at(lblk);
	bool lost = false, again;
	u16 was_lost;
	s64 seen;
	u64 dpn;

	do {
		again = false;
		rcu_read_lock();
		if (kmem_blk_map_lookup(map, lblk, &dpn) == KMEM_BLK_ENTRY_DATA) {
			seen = world_version(world.kp, dpn, lblk);
			want_lose(at, seen, version, &was_lost);
			fam_pause();
			lost = kmem_blk_map_lose(map, lblk, dpn);
			again = !lost && READ_ONCE(map->family->closed);
			want_lost(at, seen, version, was_lost, lost);
		}
		rcu_read_unlock();
		if (again)
			fam_closed(&slots[slot].w);
	} while (again);
	if (lost)
		crash_retire(&world, &dpn, 1);
}

static void fam_read(unsigned int t, unsigned int slot)
{
	const struct fam_run *r = &want.run[t];

	for (unsigned int i = 0; i < nr_blocks; i++) {
		s64 version = 0;
		u64 dpn;
		int type;

		if (!run_covers(r, r->tree, blocks[i]))
			continue;
		rcu_read_lock();
		type = kmem_blk_map_lookup(&slots[slot].w.map, blocks[i], &dpn);
		sim_event("lookup", -1);
		if (type == KMEM_BLK_ENTRY_DATA)
			version = world_version(world.kp, dpn, blocks[i]);
		else if (type == KMEM_BLK_ENTRY_LOST)
			version = WORLD_LOST;
		rcu_read_unlock();
		if (type == -EIO && was_bad)
			continue;
		if (type < 0)
			violate("a reader finds no entry", blocks[i], type);
		if (version == -1 || (!version && type == KMEM_BLK_ENTRY_DATA))
			violate("what is read is not whole", blocks[i], dpn);
		if (!versions_have(&r->other[i], version))
			violate("what is read was superseded or never written",
				r->tree * 10000 + blocks[i], version);
	}
}

static void fam_readable(void)
{
	bad_hide(false);
	bad_page = 0;
}

/* Attach what is durable, all is. What is free is somebody's RAM then. */
static void fam_attach(bool *may_fail)
{
	const struct sb *sb = &sbs[sim.durable[0]];
	static struct kmem_blk_map_error error;
	int err;

	fam_readable();
	sb_now = sim.durable[0];
	for (int s = NR_SLOTS; s--;) {
		if (slots[s].exists)
			kmem_blk_map_detach(&slots[s].w.map);
		memset(&slots[s], 0, sizeof(slots[s]));
		slot_init(s);
	}
	memset(dead, 0, sizeof(dead));
	memset(waiting, 0, sizeof(waiting));
	nr_hog = 0;
	was_bad = false;
	admin = -1;
	deleter = -1;
	fake_kp_forget(world.kp);
	err = kmem_blk_map_attach(&slots[0].w.map, world.kp, &sb->bsb, &error);
	if (err)
		violate(error.reason, error.level, error.index);
	slots[0].exists = true;
	slots[0].tree = sb->live;
	for (unsigned int i = 0; i < sb->nr; i++) {
		struct slot *slot = &slots[sb->record[i].slot];

		err = attach_whole(&slot->w.map, &slots[0].w.map, sb->record[i].nr_lblks,
				   sb->record[i].root, &error);
		if (err && may_fail) {
			*may_fail = true;
			return;
		}
		if (err)
			violate(error.reason ?: "a member cannot be attached",
				sb->record[i].tree, err);
		slot->exists = true;
		slot->tree = sb->record[i].tree;
	}
}

static void fam_settle(void)
{
	struct sb sb = sbs[sb_now];

	if (map_settle(&slots[0].w.map, &sb.bsb))
		violate("what was attached cannot be settled", 0, 0);
	if (memcmp(&sb.bsb, &sbs[sb_now].bsb, sizeof(sb.bsb)))
		sb_write(&sb);
}

static void fam_lend(void)
{
	for (u64 dpn = KMEM_PERSIST_FIRST_PAGE; dpn < NR_PAGES; dpn++)
		if (!world.kp->used[dpn])
			sim_forget_page(dpn);
}

static void fam_again(void)
{
	fam_attach(NULL);
	fam_settle();
	fam_lend();
}

/* See crash_gone(): of a member. */
static void fam_gone(unsigned int s, u32 lblk, u32 nr)
{
	const struct kmem_blk_map *map = &slots[s].w.map;
	u64 roots[2];
	unsigned int level = 0;
	struct sb *sb = &sbs[sb_now];

	if (!slots[s].exists)
		abort();
	fam_readable();
	roots[0] = le64_to_cpu(sb->bsb.root);
	roots[1] = le64_to_cpu(sb->bsb.root_twin);
	for (unsigned int i = 0; i < sb->nr; i++)
		if (s && sb->record[i].slot == s)
			roots[0] = roots[1] = sb->record[i].root;
	while (1ULL << KMEM_BLK_NODE_SHIFT * level < nr)
		level++;
	for (unsigned int i = 0; i < ARRAY_SIZE(roots); i++) {
		u64 word = roots[i];
		u64 *slot = NULL;

		for (unsigned int l = map->root_level + 1; l-- > level;) {
			if (kmem_blk_entry_type(word) != KMEM_BLK_ENTRY_NODE + l)
				return;
			slot = sim.live + (word & KMEM_BLK_ENTRY_DPN_MASK) * PAGE_WORDS +
			       (lblk >> KMEM_BLK_NODE_SHIFT * l) % LEAF;
			word = *slot;
		}
		*slot = kmem_blk_entry_encode(map->seed, level,
					      lblk >> KMEM_BLK_NODE_SHIFT * level,
					      KMEM_BLK_ENTRY_LOST, 0);
		sim.durable[slot - sim.live] = *slot;
	}
	for (unsigned int i = 0; i < nr_blocks; i++)
		if (blocks[i] >= lblk && blocks[i] < lblk + nr)
			want.trees[slots[s].tree].may[i] = (struct versions) { .lost = 1 };
	fam_again();
}

/* The root of a tree that has fewer levels: the node in its first entry. */
static u64 lower_root(u64 root, u64 from, u64 to)
{
	for (unsigned int level = kmem_blk_root_level(from); level > kmem_blk_root_level(to);
	     level--)
		root = sim.live[(root & KMEM_BLK_ENTRY_DPN_MASK) * PAGE_WORDS];
	return root;
}

/* The live tree, or another member, has always been that small: nothing is behind. */
static void fam_size(unsigned int s, u64 nr_lblks)
{
	struct sb sb = sbs[sb_now];
	const u64 was = want.trees[slots[s].tree].nr_lblks;

	for (unsigned int i = 0; i < sb.nr; i++) {
		if (sb.record[i].slot != s)
			continue;
		sb.record[i].nr_lblks = nr_lblks;
		sb.record[i].root = lower_root(sb.record[i].root, was, nr_lblks);
	}
	if (!s) {
		sb.bsb.nr_lblks = cpu_to_le64(nr_lblks);
		sb.bsb.root = cpu_to_le64(lower_root(le64_to_cpu(sb.bsb.root), was, nr_lblks));
		sb.bsb.root_twin = cpu_to_le64(lower_root(le64_to_cpu(sb.bsb.root_twin), was,
							  nr_lblks));
	}
	want.trees[slots[s].tree].nr_lblks = nr_lblks;
	for (unsigned int i = 0; i < nr_blocks; i++)
		if (blocks[i] >= nr_lblks)
			want.trees[slots[s].tree].may[i] = (struct versions) { .hole = 1 };
	sb_write(&sb);
	fam_again();
}

static void fam_hog(unsigned int leave)
{
	for (;;) {
		unsigned int unused = NR_PAGES - world.kp->nr_used;

		if (unused <= leave ||
		    !dax_kmem_alloc_pages(world.kp, &hog[nr_hog], 1, 0))
			return;
		nr_hog++;
	}
}

static bool nobody_reads(long arg)
{
	return !readers;
}

/* Not between the look whether it can be read and the store: who could tell? */
static void fam_bad(unsigned int s, u32 lblk, unsigned int what)
{
	const struct kmem_blk_map *map = &slots[s].w.map;
	const struct kmem_blk_node *node;

	wait_until(nobody_reads, 0, "waits for updates");
	if (bad_page || !slots[s].exists || slots[s].deleting || lblk >= map->nr_lblks)
		return;
	node = &map->nodes[1][lblk / LEAF / LEAF];
	if (what == 1)
		bad_page = map->leaves[lblk / LEAF].dpn;
	else if (node->ents)
		bad_page = what == 2 ? node->copies.dpn : node->copies.twin;
	was_bad |= bad_page;
	want_gone_running();
	bad_hide(true);
}

/* Who gets it next can use all of it. */
static void bad_is_free(u64 dpn)
{
	if (dpn == bad_page)
		bad_page = 0;
}

static bool op_is_of_blocks(char kind)
{
	return strchr("WAUXQRMLO", kind);
}

static void fam_op(const struct fop *op, unsigned int t, u32 version)
{
	struct slot *slot = &slots[op->slot];
	const u32 lblk = op->a;
	bool blocked = false;
	int err = 0;

	readers_at_begin[t] = readers;
	world.kp->hint = 0;
	if (telling && current < 0)
		printf("  before: %c%u.%u.%u\n", op->kind, op->slot, op->a, op->nr);
	if (op_is_of_blocks(op->kind)) {
		/* The mover and the errors' worker use a tree as others do. */
		if (op->slot || strchr("XQR", op->kind))
			wait_until(is_usable, op->slot, "waits until it can be used");
		if (!slot->exists || slot->dying || lblk + op->nr > slot->w.map.nr_lblks)
			return;
		/* Who writes to the live tree goes on with the one that comes in its place. */
		blocked = op->slot || strchr("XQR", op->kind);
		slot->users += blocked;
		if (strchr("WAUXQ", op->kind) && leaf_is_bad(slot, lblk))
			want_gone(slot->tree, lblk);
		if (op->kind != 'M' && op->kind != 'L' && op->kind != 'O')
			want_begin(t, op->kind, slot->tree, lblk, op->nr, version);
	}
	switch (op->kind) {
	case 'W':
		err = world_write(&slot->w, lblk, op->nr, 0, version);
		break;
	case 'A':
		err = world_write(&slot->w, lblk, op->nr, KMEM_BLK_UPDATE_ATOMIC, version);
		break;
	case 'U':
		err = world_discard(&slot->w, lblk, op->nr);
		break;
	case 'X':
		err = world_drop(&slot->w, lblk / LEAF);
		break;
	case 'Q':
		err = fam_drop(&slot->w, lblk / LEAF);
		break;
	case 'E':
		fam_drain();
		break;
	case 'R':
		fam_read(t, op->slot);
		break;
	case 'M':
		err = world_move(&slot->w, lblk, op->nr);
		break;
	case 'L':
		err = world_move_leaf(&slot->w, lblk / LEAF);
		break;
	case 'O':
		fam_lose(op->slot, lblk, version);
		break;
	case 'C':
	case 'F':
		err = fam_create(op->slot, op->a, op->kind == 'F');
		break;
	case 'B':
	case 'K':
		err = fam_rollback(op->slot, op->a, op->kind == 'K');
		break;
	case 'P':
		fam_delete_record(op->slot);
		break;
	case 'D':
		fam_delete(op->slot);
		break;
	case 'G':
		fam_gone(op->slot, lblk, op->nr);
		break;
	case 'Z':
		fam_size(op->slot, op->a);
		break;
	case 'I':
		fam_again();
		break;
	case 'T':
		fam_bad(op->slot, lblk, op->nr);
		break;
	case 't':
		fam_readable();
		break;
	case 'Y':
		fam_hog(op->slot);
		break;
	case 'y':
		crash_free(&world, hog, nr_hog);
		nr_hog = 0;
		break;
	default:
		abort();
	}
	if (err && err != -ENOSPC && !(err == -EIO && was_bad))
		violate("an operation failed", op->kind, err);
	crash_grace(&world);
	slot->users -= blocked;
	if (!want.run[t].kind)
		return;
	if (!err)
		want_end(t);
	else if (op->kind == 'X' || op->kind == 'Q')
		/* A half of it may be done. */
		memset(&want.run[t], 0, sizeof(want.run[t]));
	else
		want_undo(t);
}

static u32 fop_version(unsigned int thread, unsigned int nr)
{
	u64 used = 0;

	if (!version_base)
		return 16 * (thread + 1) + nr;
	/* Behind a crash: one that looks like no other. */
	for (int tree = 0; tree < want.nr_trees; tree++)
		for (unsigned int i = 0; i < nr_blocks; i++)
			used |= want.trees[tree].may[i].data;
	for (int t = 0; t < MAX_THREADS; t++) {
		used |= BIT_ULL(want.run[t].version % 64);
		for (unsigned int i = 0; i < nr_blocks; i++)
			used |= want.run[t].old[i].data | want.run[t].other[i].data;
	}
	do
		version_base++;
	while (~used && used >> (version_base % 64) & 1);
	return version_base;
}

static void thread_main(void)
{
	const unsigned int t = current;

	let_others_run();
	for (unsigned int i = 0; scenario->thread[t][i].kind; i++) {
		threads[t].op = i;
		fam_op(&scenario->thread[t][i], t, fop_version(t, i));
		sim_event("done", -1);
	}
	threads[t].done = true;
	_longjmp(scheduler, 1);
}

/*
 * A run
 */

static void blocks_add(const struct fop *op)
{
	for (; op->kind; op++) {
		if (!strchr("WAURMOG", op->kind))
			continue;
		for (u32 lblk = op->a; lblk < op->a + op->nr; lblk++) {
			/* Of a whole node only its ends: what else is there is not written. */
			if (op->kind == 'G' && lblk > op->a && lblk < op->a + op->nr - 1)
				continue;
			if (block_at(lblk) >= 0)
				continue;
			if (nr_blocks == NR_BLOCKS)
				abort();
			blocks[nr_blocks++] = lblk;
		}
	}
}

static void fam_start(const struct fam *s, bool arm)
{
	static u64 live[NR_WORDS] __attribute__((__aligned__(4096)));

	for (unsigned int i = 0; i < NR_WORDS; i++)
		live[i] = sim.durable[i] = FAKE_GARBAGE;
	sim.live = live;
	sim.nr_pending = 0;
	sim.thread = 0;
	sim.arm = arm;
	memset(&want, 0, sizeof(want));
	memset(losing, 0, sizeof(losing));
	memset(slots, 0, sizeof(slots));
	memset(sbs, 0, sizeof(sbs));
	memset(dead, 0, sizeof(dead));
	memset(waiting, 0, sizeof(waiting));
	nr_hog = 0;
	admin = -1;
	deleter = -1;
	version_base = 0;
	nr_blocks = 0;
	blocks_add(s->init);
	for (int t = 0; t < MAX_THREADS; t++)
		blocks_add(s->thread[t]);
	violation = NULL;
	bad_page = 0;
	in_image = false;
	settling = false;
	any_moment = false;
	shim_locks_held = 0;
	shim_rcu_nesting = 0;
	readers = 0;
	shim_locks_off = no_locks;
	media_ops = &fam_ops;

	world_new(&world, fake_kp_over((u8 *)live, NR_PAGES), s->nr_lblks);
	kmem_blk_map_detach(&world.map);
	world.kp->scribble = false;
	world.retire = crash_retire;
	world.release = crash_free;
	want.nr_trees = 1;
	want.trees[0].nr_lblks = s->nr_lblks;
	for (unsigned int i = 0; i < nr_blocks; i++)
		want.trees[0].may[i].hole = 1;
	sb_now = 0;
	sbs[0].bsb = world.bsb;
	sim.live[0] = sim.durable[0] = 0;
	fam_again();
	for (unsigned int i = 0; s->init[i].kind; i++)
		fam_op(&s->init[i], 0, 1 + i);
}

static void fam_stop(void)
{
	current = -1;
	shim_locks_held = 0;
	shim_rcu_nesting = 0;
	shim_locks_off = false;
	media_ops = NULL;
	detach_maps(image_maps, &nr_image_maps);
	detach_maps(twin_maps, &nr_twin_maps);
	for (int s = NR_SLOTS; s--;)
		kmem_blk_map_detach(&slots[s].w.map);
	fake_kp_delete(world.kp);
	world.kp = NULL;
}

static void threads_start(const struct fam *s)
{
	scenario = s;
	memset(threads, 0, sizeof(threads));
	for (int t = 0; t < MAX_THREADS; t++) {
		threads[t].locks_off = no_locks;
		threads[t].done = !s->thread[t][0].kind;
		if (!threads[t].done)
			switch_to(t, true);
	}
	sim.site = NULL;
	depth = 0;
}

/* All that nobody uses is gone, and what is there is what is wanted: as the CPU sees it. */
static void check_end(void)
{
	s64 seen[NR_BLOCKS];

	for (int t = 0; t < MAX_THREADS; t++)
		if (!threads[t].done)
			violate("a deadlock", t, threads[t].op);
	media_ops = NULL;
	fam_readable();
	for (unsigned int i = 0; i < nr_hog; i++)
		dax_kmem_free_pages(world.kp, &hog[i], 1);
	nr_hog = 0;
	for (unsigned int i = 0; i < MAX_DEAD; i++)
		if (dead[i].used)
			world_drain(&slots[0].w, dead[i].leaf_index, dead[i].page);
	memset(dead, 0, sizeof(dead));
	walk_begin();
	for (int s = 0; s < NR_SLOTS; s++) {
		if (!slots[s].exists)
			continue;
		/* What is being deleted may have dropped some leaves. */
		if (!slots[s].dying) {
			walk_tree(&slots[s].w.map, slots[s].tree,
				  check_tree(&slots[s].w.map, slots[s].tree, seen));
			continue;
		}
		check_tree(&slots[s].w.map, slots[s].tree, seen);
		for (unsigned int i = 0, n = 0; i < nr_blocks; i++) {
			n += seen[i] > 0;
			if (i == nr_blocks - 1)
				walk_tree(&slots[s].w.map, slots[s].tree, n);
		}
	}
	walk_end(world.kp);
	media_ops = &fam_ops;
}

/* Switches between threads that nothing forces: at which step, to whom. */
struct preempt {
	unsigned int at;
	u8 to;
};

/*
 * Play a scenario: @first begins; who can go on does, but for @preempts. With @steps that is
 * the order. With @chance of 1000: others go on at random, and it stops after @stop steps.
 * Returns false after a violation.
 */
static bool play(const struct fam *s, bool arm, unsigned int first,
		 const struct preempt *volatile preempts, volatile unsigned int nr, const u8 *steps,
		 unsigned int nr_order)
{
	volatile unsigned int who = first;

	nr_runs++;
	if (_setjmp(on_violation))
		goto out;
	fam_start(s, arm);
	threads_start(s);
	crash_here();
	for (;;) {
		unsigned int mask = 0;

		for (int t = 0; t < MAX_THREADS; t++)
			if (thread_runs(t))
				mask |= BIT(t);
		if (!mask)
			break;
		if (depth == MAX_STEPS)
			violate("this does not end", who, 0);
		if (steps) {
			if (depth == nr_order)
				goto out;
			who = steps[depth];
			if (!(mask >> who & 1)) {
				printf("  %c: cannot go on here: there is no such order\n",
				       'a' + who);
				goto out;
			}
		} else {
			if (nr && preempts->at == depth) {
				who = preempts->to;
				preempts++;
				nr--;
			}
			while (!(mask >> who & 1))
				who = (who + 1) % MAX_THREADS;
		}
		trace[depth] = who;
		could[depth] = mask;
		depth++;
		nr_steps++;
		switch_to(who, false);
		crash_here();
	}
	check_end();
out:
	fam_stop();
	return !violation;
}

/*
 * Words
 */

static char *put_fops(char *to, const struct fop *op)
{
	for (; op->kind; op++) {
		to += sprintf(to, "%c", op->kind);
		if (strchr("WAURMOGXQLT", op->kind))
			to += sprintf(to, "%u.%u", op->slot, op->a);
		else if (strchr("CFBKZ", op->kind))
			to += sprintf(to, "%u.%u", op->slot, op->a);
		else if (strchr("PDY", op->kind))
			to += sprintf(to, "%u", op->slot);
		if (strchr("WAURMGT", op->kind))
			to += sprintf(to, ".%u", op->nr);
		if (op[1].kind)
			*to++ = ',';
	}
	*to = 0;
	return to;
}

static const char *put_word(const struct fam *s, bool arm)
{
	static char word[MAX_WORD * 4];
	char *to = word;

	to += sprintf(to, "%s:%llu:", arm ? "arm64" : "x86", (unsigned long long)s->nr_lblks);
	to = put_fops(to, s->init);
	for (int t = 0; t < MAX_THREADS && s->thread[t][0].kind; t++) {
		*to++ = t ? '/' : ':';
		to = put_fops(to, s->thread[t]);
	}
	*to++ = ':';
	for (unsigned int i = 0, n; i < depth; i += n) {
		for (n = 1; i + n < depth && trace[i + n] == trace[i]; n++)
			;
		*to++ = 'a' + trace[i];
		if (n > 1)
			to += sprintf(to, "%u", n);
	}
	*to = 0;
	return word;
}

/* NULL if it is none. */
static const char *get_fops(const char *from, struct fop *op)
{
	unsigned int nr = 0;

	while (isalpha(*from)) {
		u32 number[3] = {};
		unsigned int n = 0;
		char *end;

		if (nr++ == MAX_OPS || !strchr("WAURMOGXQLCFBKZPDYyEITt", *from))
			return NULL;
		op->kind = *from++;
		while (isdigit(*from) && n < 3) {
			number[n++] = strtoul(from, &end, 10);
			from = end;
			if (*from == '.')
				from++;
		}
		if (number[0] >= (op->kind == 'Y' ? NR_PAGES : NR_SLOTS))
			return NULL;
		op->slot = number[0];
		op->a = number[1];
		op->nr = strchr("XQL", op->kind) ? LEAF : max(number[2], 1U);
		if (strchr("XQL", op->kind))
			op->a &= ~(LEAF - 1U);
		op++;
		from += *from == ',';
	}
	op->kind = 0;
	return from;
}

static bool get_word(const char *word, struct fam *s, bool *arm, u8 *steps, unsigned int *nr)
{
	unsigned long long nr_lblks;
	char rules[8];
	int used;

	memset(s, 0, sizeof(*s));
	*nr = 0;
	if (sscanf(word, "%7[a-z0-9]:%llu:%n", rules, &nr_lblks, &used) < 2 || !nr_lblks ||
	    nr_lblks > LARGE)
		return false;
	*arm = !strcmp(rules, "arm64");
	if (!*arm && strcmp(rules, "x86"))
		return false;
	s->nr_lblks = nr_lblks;
	word = get_fops(word + used, s->init);
	for (int t = 0; word && t < MAX_THREADS && *word == (t ? '/' : ':'); t++)
		word = get_fops(word + 1, s->thread[t]);
	if (!word || *word++ != ':')
		return false;
	while (*word >= 'a' && *word < 'a' + MAX_THREADS) {
		u8 t = *word++ - 'a';
		unsigned long n = 1;

		if (isdigit(*word))
			n = strtoul(word, (char **)&word, 10);
		while (n--) {
			if (*nr == MAX_STEPS)
				return false;
			steps[(*nr)++] = t;
		}
	}
	return !*word;
}

static bool replay(const char *word)
{
	static u8 steps[MAX_STEPS];
	struct fam s;
	unsigned int nr;
	bool arm, good, reads = !strncmp(word, "reads:", 6);

	if (!get_word(word + 6 * reads, &s, &arm, steps, &nr)) {
		fprintf(stderr, "this is no scenario: %s\n", word);
		exit(2);
	}
	met_clear();
	twins_every = 1;
	stop_at_reads = reads;
	telling = true;
	good = play(&s, arm, 0, NULL, 0, steps, nr);
	telling = false;
	if (!good) {
		printf("  %s\n", violation_text);
		for (unsigned int i = 0; in_image && i < nr_choices; i++) {
			const struct choice *c = &choices[i];

			for (unsigned int j = 0; j < c->nr; j++) {
				const struct pending *p = &sim.pending[c->pending[j]];

				printf("    %s: %s page %u, word %u = 0x%llx\n",
				       (c->subset ? image_choice[i] >> j & 1 :
						    j < image_choice[i]) ? "durable" : "lost",
				       p->bulk ? "copy" : "store", p->word / PAGE_WORDS,
				       p->word % PAGE_WORDS, (unsigned long long)p->val);
			}
		}
		for (int tree = 0; tree < want.nr_trees; tree++)
			for (unsigned int i = 0; i < nr_blocks; i++)
				printf("    tree %d, block %u: data %llx, hole %llx, lost %llx\n",
				       tree, blocks[i], want.trees[tree].may[i].data,
				       want.trees[tree].may[i].hole, want.trees[tree].may[i].lost);
	}
	printf("  %s after %u steps\n", good ? "nothing wrong" : "wrong", depth);
	return good;
}

/*
 * Scenarios
 */

/* Blocks of two leaves, and a snapshot of them; then the live tree has a leaf of its own. */
#define COMMON	"W0.0.2,W0.16.1,C1.0"
#define OWN	COMMON ",W0.1.1"

static const struct { const char *name, *word; } scenarios[] = {
	{ "one: snapshot, write, read", "48:W0.0.2:C1.0,W0.0.1,R1.0.1,R0.0.1" },
	{ "one: first write of a shared leaf", "48:" COMMON ":W0.0.1,W0.1.1" },
	{ "one: atomic in a shared leaf", "48:" COMMON ":A0.0.3,A0.0.2" },
	{ "one: discard in a shared leaf", "48:" COMMON ":U0.0.1,U0.1.1,W0.0.1" },
	{ "one: shared leaf dropped", "48:" COMMON ":X0.0,W0.0.1,D1" },
	{ "one: own leaf dropped beside the snapshot's", "48:" OWN ":X0.0,W0.2.1,D1,W0.0.1" },
	{ "one: write to a hole is not in the snapshot", "48:" COMMON ":W0.32.1,R1.32.1,W1.33.1,R0.33.1" },
	{ "one: writable clone", "48:" COMMON ":W1.0.1,W1.2.1,A1.0.2,U1.1.1,X1.16" },
	{ "one: moves", "48:" OWN ":M0.0.2,L0.0,M0.16.1,L0.16,M1.0.2,L1.0" },
	{ "one: losses", "48:" OWN ":O0.0,W0.0.1,O0.16,O1.1,W1.1.1" },
	{ "one: delete", "48:" OWN ":D1,W0.2.1" },
	{ "one: create fails", "48:" OWN ":F2.0,W0.0.1,C2.0,D2" },
	{ "one: rollback", "48:" OWN ":B2.1,W0.0.1,D2,W0.1.1" },
	{ "one: rollback, kept", "48:" OWN ":K2.1,W0.0.1,W2.0.1,D1,D2" },
	{ "one: rollback twice", "48:" OWN ":B2.1,D2,W0.0.1,B3.1,D3,W0.0.1" },
	{ "one: levels", "768:W0.0.1,W0.256.1:C1.0,W0.16.1,W0.512.1,W1.0.1,D1" },
	{ "one: levels, rollback", "768:W0.0.1,C1.0,W0.256.1:B2.1,W0.256.1,D2" },
	/* A1: who frees is not who stored */
	{ "A1: write, delete", "48:" OWN ":W0.0.1/D1" },
	{ "A1: two clones write", "48:" OWN ",C2.1,W2.1.1,D1:W0.0.1/W2.0.1" },
	{ "A1: discard, delete", "48:" OWN ":U0.0.1/D1" },
	{ "A1: clones, write and discard", "48:" OWN ",C2.1,W2.1.1,D1:W0.0.1/U2.0.1" },
	{ "A1: write, move by the other", "48:" OWN ",C2.1,W2.1.1,D1:W0.0.1/M2.0.1" },
	{ "A1: write, loss by the other", "48:" OWN ",C2.1,W2.1.1,D1:W0.0.1/O2.0" },
	{ "A1: atomic, delete", "48:" OWN ":A0.0.2/D1" },
	{ "A1: drop, delete", "48:" COMMON ":X0.0/D1" },
	{ "A1: pieces, delete", "48:" OWN ":X0.0/D1" },
	{ "A1: two writers, a delete", "48:" OWN ",C2.1,W2.1.1:W0.0.1/W2.0.1/D1" },
	/* A2: decided once */
	{ "A2: drained after a delete", "48:" OWN ":Q0.0,D1,W0.32.1,W0.33.1,E" },
	{ "A2: shared leaf dropped, drained later", "48:" COMMON ":Q0.0,D1,W0.32.1,E" },
	{ "A2: deleted, dropped, drained", "48:" OWN ":P1,Q0.0,D1,W0.32.1,E" },
	{ "A2: two threads", "48:" OWN ":Q0.0,E/D1,W0.32.1" },
	{ "A2: two threads, shared leaf", "48:" COMMON ":Q0.0,E/D1,W0.32.1" },
	{ "A2: alone, dropped, then a snapshot", "48:W0.0.2,W0.16.1:Q0.0,E/C1.0,W0.0.1" },
	/* A3: a set, not neighbours */
	{ "A3: rollback to the older of two", "48:" COMMON ",W0.0.1,C2.0,W0.0.1:B3.1,W0.16.1,D3" },
	{ "A3: clone of the older of two", "48:" COMMON ",W0.0.1,C2.0,W0.0.1:C3.1,W3.1.1,D2" },
	{ "A3: crash in a move", "48:" OWN ",C2.0,W0.2.1:M0.0.1,M0.1.1" },
	{ "A3: crash in a move of a leaf", "48:" COMMON ",C2.0,C3.1:L0.0,L3.16" },
	/* A4: what is being deleted counts; grace periods */
	{ "A4: two writes, delete", "48:" OWN ":W0.0.1,W0.0.1/D1" },
	{ "A4: reader, then write and delete", "48:" OWN ":R0.0.1/W0.0.1,D1" },
	{ "A4: reader of the live leaf, move", "48:" OWN ":R0.0.1/M0.0.1,D1" },
	{ "A4: reader of the clone", "48:" OWN ",C2.1:R2.0.1/D1,W2.0.1,D2" },
	{ "A4: record gone, write, delete", "48:" OWN ":P1,W0.0.1,D1" },
	{ "A4: reader, writer, deleter", "48:" OWN ":R0.0.1/W0.0.1/D1" },
	/* A5: moves and losses of all members under one hold */
	{ "A5: move, write", "48:" OWN ":M0.0.1/W0.0.1,W0.2.1" },
	{ "A5: move, create", "48:" OWN ":M0.0.1/C2.0,W0.1.1" },
	{ "A5: move, delete", "48:" OWN ":M0.0.1/D1,W0.2.1" },
	{ "A5: move through the snapshot, write", "48:" OWN ":M1.0.1/W0.0.1" },
	{ "A5: move in a shared leaf, its first write", "48:" COMMON ":M0.0.2/W0.0.1" },
	{ "A5: leaf moves, its first write", "48:" COMMON ":L0.0/W0.1.1" },
	{ "A5: leaf moves, create", "48:" COMMON ":L0.0/C2.0,W0.0.1" },
	{ "A5: leaf moves, delete", "48:" COMMON ":L0.0/D1,W0.0.1" },
	{ "A5: leaf moves, move", "48:" COMMON ":L0.0/M1.0.2" },
	{ "A5: loss, write", "48:" OWN ":O0.0/W0.0.1" },
	{ "A5: loss, write of the clone", "48:" OWN ",W1.1.1:O0.0/W1.0.1" },
	{ "A5: loss, create", "48:" OWN ":O0.0/C2.0" },
	{ "A5: loss, delete", "48:" OWN ":O0.0/D1" },
	{ "A5: loss, move", "48:" OWN ":O0.0/M1.0.1" },
	{ "A5: loss in a shared leaf, its first write", "48:" COMMON ":O0.0/W0.1.1" },
	{ "A5: move, write, create", "48:" OWN ":M0.0.1/W0.0.1/C2.0" },
	{ "A5: move, write, delete", "48:" OWN ":M0.0.1/W0.0.1/D1" },
	/* A6: nodes are each member's own */
	{ "A6: two leaves of one node", "48:" COMMON ":W0.0.1/W0.16.1" },
	{ "A6: the same leaf", "48:" COMMON ":W0.0.1/W0.1.1" },
	{ "A6: the same leaf, two members", "48:" COMMON ":W0.0.1/W1.0.1" },
	{ "A6: the same hole, two members", "48:" COMMON ":W0.32.1/W1.32.1" },
	{ "A6: a leaf moves, another is copied", "48:" COMMON ":L0.0/W0.16.1" },
	{ "A6: a node grows for two", "768:W0.0.1,C1.0:W0.256.1/W0.272.1" },
	{ "A6: two nodes grow", "768:W0.0.1,C1.0:W0.256.1/W1.256.1" },
	/* A7: the gate */
	{ "A7: write, create", "48:" OWN ":W0.0.1/C2.0" },
	{ "A7: first write of a shared leaf, create", "48:" COMMON ":W0.0.1/C2.0" },
	{ "A7: alone, write, create", "48:W0.0.2:W0.0.1/C1.0" },
	{ "A7: alone, first write, create", "48:W0.16.1:W0.0.1/C1.0" },
	{ "A7: alone, atomic, create", "48:W0.0.2:A0.0.2/C1.0" },
	{ "A7: alone, discard, create", "48:W0.0.2:U0.0.2/C1.0" },
	{ "A7: alone, drop, create", "48:W0.0.2:X0.0/C1.0" },
	{ "A7: alone, move, create", "48:W0.0.2:M0.0.2/C1.0" },
	{ "A7: alone, leaf moves, create", "48:W0.0.2:L0.0/C1.0" },
	{ "A7: alone, loss, create", "48:W0.0.2:O0.0/C1.0" },
	{ "A7: alone, a level grows, create", "768:W0.0.1:W0.256.1/C1.0" },
	{ "A7: a level grows, create", "768:W0.0.1,C1.0:W0.256.1/C2.0" },
	{ "A7: clone of a clone that is written", "48:" COMMON ":W1.0.1/C2.1" },
	{ "A7: write, create, read", "48:W0.0.2:W0.0.1/C1.0,R1.0.1/R0.0.1" },
	{ "A7: two writes, create", "48:W0.0.2:W0.0.1/C1.0,W1.1.1/W0.1.1" },
	{ "A7: write, create, delete", "48:" OWN ":W0.0.1/C2.0/D1" },
	{ "A7: create while deleting", "48:" OWN ",C2.0:D1/C3.0" },
	{ "A7: create, create", "48:" COMMON ":C2.0/C3.0/W0.0.1" },
	/* A8: no pages */
	{ "A8: full, discard, delete", "48:" COMMON ",Y0:U0.0.1,W0.16.1,D1,U0.0.1,W0.1.1" },
	{ "A8: one page, discard", "48:" COMMON ",Y1:U0.0.1,U0.1.1,W0.16.1,D1,W0.0.1" },
	{ "A8: full, drop, own leaf", "48:" OWN ",Y0:X0.0,X0.16,D1,W0.0.1" },
	{ "A8: full, create fails", "48:" COMMON ",Y0:C2.0,M0.0.1,L0.0,D1,W0.0.1" },
	{ "A8: full, rollback fails", "48:" OWN ",Y1:B2.1,D1,W0.0.1" },
	/* A11: readers */
	{ "A11: reader of the snapshot, writes", "48:" COMMON ":R1.0.2/W0.0.1,W1.0.1" },
	{ "A11: reader of the snapshot, drop", "48:" COMMON ":R1.0.2/X0.0,W0.0.1" },
	{ "A11: reader of both, leaf moves", "48:" COMMON ":R1.0.1,R0.0.1/L0.0,W0.32.1" },
	{ "A11: reader of a hole", "48:" COMMON ":R1.32.1,R0.33.1/W0.32.1,W1.33.1" },
	{ "A11: reader of a new snapshot", "48:" COMMON ":C2.0,R2.0.1/W0.0.1,W1.0.1" },
	/* A15: sizes */
	{ "A15: the snapshot ends in a leaf", "48:W0.0.1,W0.33.1,C1.0,Z1.40:W0.41.1,W0.33.1,D1" },
	{ "A15: ... two threads", "48:W0.0.1,W0.33.1,C1.0,Z1.40:W0.33.1/W1.33.1" },
	{ "A15: ... rolled back to", "48:W0.0.1,W0.33.1,C1.0,Z1.40,W0.41.1:B2.1,W0.33.1,D2" },
	{ "A15: the snapshot is a leaf less", "48:W0.0.1,W0.16.1,C1.0,Z1.32,W0.33.1:B2.1,W0.1.1,D2" },
	{ "A15: ... kept, and back", "48:W0.0.1,W0.16.1,C1.0,Z1.32,W0.33.1:K2.1,W2.34.1,B3.2,W0.35.1,D3" },
	{ "A15: the live tree is smaller", "48:W0.0.1,W0.16.1,C1.0,W1.33.1,Z0.20:W1.33.1,W0.0.1,X1.32,D1" },
	{ "A15: ... two threads", "48:W0.0.1,W0.16.1,C1.0,W1.33.1,C2.1,Z0.20:W1.33.1/W2.33.1" },
	{ "A15: ... moves and losses", "48:W0.0.1,W0.16.1,C1.0,W1.33.1,C2.1,Z0.20:M1.33.1,L2.32,O1.33,D2" },
	{ "A15: a level less", "768:W0.0.1,C1.0,Z1.48:W0.256.1,W1.1.1,W0.1.1,D1" },
	{ "A15: a level less, rolled back to", "768:W0.0.1,C1.0,Z1.256,W0.256.1:B2.1,W0.17.1,D2" },
	/* G5 */
	{ "G5: two deletes", "48:" OWN ",C2.0,W0.16.1:D1/D2" },
	{ "G5: two deletes, write", "48:" OWN ",C2.0,W0.16.1:D1/D2/W0.0.1" },
	{ "G5: deleted, moved, written", "48:" OWN ",C2.1:D1/M2.0.1/W0.0.1" },
	{ "G5: deleted, leaf moves", "48:" COMMON ",C2.1:D1/L2.0" },
	{ "G5: clone of a clone, the middle deleted", "48:" COMMON ",C2.1,W1.1.1,C3.1:D1,W3.0.1/W2.0.1" },
	{ "G5: rollback while deleting", "48:" OWN ",C2.0,W0.0.1:D2/B3.1,D3" },
	{ "G5: rollback, write through the clone", "48:" OWN ",C2.1:B3.1,D3/W2.0.1" },
	{ "G5: rollback, move", "48:" OWN ",C2.1:B3.1,W0.0.1/M2.0.1" },
	{ "G5: rollback, written meanwhile", "48:" OWN ":B2.1/W0.0.1" },
	{ "G5: rollback, atomic meanwhile", "48:" OWN ":B2.1,D2/A0.0.2" },
	{ "G5: rollback, discarded meanwhile", "48:" COMMON ":B2.1,D2/U0.0.1" },
	{ "G5: rollback, a leaf grows meanwhile", "48:" OWN ":B2.1,D2/W0.32.1" },
	{ "G5: rollback, a node grows meanwhile", "768:W0.0.1,C1.0:B2.1,D2/W0.256.1" },
	{ "G5: rollback, a node was there", "768:W0.0.1,C1.0,W0.256.1:B2.1,D2/W0.272.1" },
	{ "G5: rollback, moved meanwhile", "48:" OWN ":B2.1,W0.0.1/M0.0.1" },
	{ "G5: rollback, leaf moves meanwhile", "48:" OWN ":B2.1,W0.0.1/L0.0" },
	{ "G5: rollback, lost meanwhile", "48:" OWN ":B2.1,W0.0.1/O0.0" },
	{ "G5: rollback, deleted meanwhile", "48:" OWN ",C3.0,W0.0.1:B2.1,W0.1.1/D3" },
	{ "G5: rollback, kept, a node grows in both", "768:W0.0.1,C1.0:K2.1,W2.256.1/W0.256.1" },
	{ "G5: rollback, deleted, a clone writes", "48:" COMMON ",W0.0.1,C3.0,C4.0,W3.1.1,W0.0.1,P3:B2.1,W4.0.1/D3" },
	{ "G5: rollback to what is deleted", "48:" OWN ":B2.1/D1" },
	{ "G5: drained while created", "48:W0.0.2:Q0.0,W0.0.1,E/C1.0,W1.1.1" },
	/* G3: what cannot be read now, and can be again after the crash */
	{ "G3: a leaf of the snapshot, writes", "48:" OWN ",T1.0.1:W0.0.1,U0.1.1,W0.0.1,t,D1,W0.2.1" },
	{ "G3: a leaf of the snapshot, moves and losses", "48:" OWN ",T1.0.1:M0.0.2,O0.0,L0.0,t,M0.0.2" },
	{ "G3: a leaf of the snapshot, deleted", "48:" OWN ",T1.0.1:D1,W0.0.1,W0.2.1,W0.3.1" },
	{ "G3: a shared leaf", "48:" COMMON ",T1.0.1:W0.0.1,U0.0.1,X0.0,L0.0,M1.0.1,D1,t,W0.0.1" },
	{ "G3: a shared leaf, a clone of it", "48:" COMMON ",T1.0.1:C2.1,W2.0.1,t,W2.0.1,D1" },
	{ "G3: a node of the snapshot", "48:" OWN ",T1.0.2:L1.0,W1.0.1,M0.0.1,C2.1,t,W1.0.1,D1" },
	{ "G3: a node of the snapshot, its leaf moves", "48:" COMMON ",T1.0.2:L0.0,t,L0.0,W1.0.1" },
	{ "G3: a node of the live tree", "48:" COMMON ",T0.0.2:L1.0,W0.0.1,C2.0,X0.0,t,W0.0.1,D2" },
	{ "G3: the twin of a node", "48:" COMMON ",T0.0.3:L1.0,W0.0.1,C2.0,B3.1,t,W0.0.1,D2,D3" },
	{ "G3: two threads, a leaf of the snapshot", "48:" OWN ",T1.0.1:W0.0.1/D1,t" },
	{ "G3: two threads, a leaf of the clone", "48:" OWN ",C2.1,W2.1.1,T2.0.1:W0.0.1,D1/M1.0.1,t" },
	/* G8: an attach in between, then on */
	{ "G8: attached, write", "48:" OWN ",I:W0.0.1,W1.0.1,D1" },
	{ "G8: attached, write, delete", "48:" OWN ",I:W0.0.1/D1" },
	/* G10: LOST and HOLE at every level */
	{ "G10: a leaf of the live tree is gone", "48:" OWN ",G0.0.16:W0.0.1,U0.1.1,W1.1.1" },
	{ "G10: ... dropped", "48:" OWN ",G0.0.16:X0.0,D1,W0.0.1" },
	{ "G10: a leaf of the snapshot is gone", "48:" COMMON ",G1.0.16:W0.0.1,W1.1.1,D1" },
	{ "G10: gone, then a snapshot", "48:W0.0.2,G0.0.16:C1.0,W0.0.1,W1.1.1,U1.0.1,B2.1,D2" },
	{ "G10: gone, two writers", "48:W0.0.2,G0.0.16,C1.0:W0.0.1/W1.0.1" },
	{ "G10: gone, write, create", "48:W0.0.2,G0.0.16:W0.0.1/C1.0" },
	{ "G10: a node is gone, then a snapshot", "768:W0.0.1,G0.0.256:C1.0,W0.0.1,W1.0.1" },
	{ "G10: a node is gone, two grow", "768:W0.0.1,G0.0.256,C1.0:W0.0.1/W1.0.1" },
	{ "G10: a node of the snapshot is gone", "768:W0.0.1,C1.0,G1.0.256:W0.0.1,D1" },
	{ "G10: a lost block is shared", "48:" COMMON ",O0.0:W0.0.1,U1.0.1,D1" },
	{ "G10: a lost block, two threads", "48:" COMMON ",O0.0:W0.0.1/D1" },
};

static int nr_passed, nr_failed;

static void result(bool good, const char *what)
{
	printf("%s %d - family: %s\n", good ? "ok" : "not ok", nr_passed + nr_failed + 1, what);
	if (good)
		nr_passed++;
	else
		nr_failed++;
}

static void get_scenario(unsigned int i, struct fam *s)
{
	static u8 steps[1];
	char word[MAX_WORD];
	unsigned int nr;
	bool arm;

	snprintf(word, sizeof(word), "x86:%s:", scenarios[i].word);
	if (!get_word(word, s, &arm, steps, &nr)) {
		printf("this is no scenario: %s\n", word);
		exit(2);
	}
	snprintf(s->name, sizeof(s->name), "%s", scenarios[i].name);
}

static double seconds(void);

/* Of places for one switch more: each @stride-th. */
static unsigned int stride_1 = 1, stride_2 = 16;

/* No more places are tried behind that. */
static double deadline = 1e18;

static bool explore(const struct fam *s, bool arm, unsigned int first, struct preempt *preempts,
		    unsigned int nr, unsigned int max, unsigned int from)
{
	const unsigned int stride = nr ? stride_2 : stride_1;
	u8 *runs, *mask;
	unsigned int end;
	bool good;

	good = play(s, arm, first, preempts, nr, NULL, 0);
	if (!good || nr == max)
		return good;
	end = depth;
	runs = malloc(end);
	mask = malloc(end);
	memcpy(runs, trace, end);
	memcpy(mask, could, end);
	for (unsigned int at = from; at < end && good && seconds() < deadline; at++) {
		for (u8 t = 0; t < MAX_THREADS && good; t++) {
			if (t == runs[at] || !(mask[at] >> t & 1) || pick(stride))
				continue;
			preempts[nr] = (struct preempt) { .at = at, .to = t };
			good = explore(s, arm, first, preempts, nr + 1, max, at + 1);
		}
	}
	free(runs);
	free(mask);
	return good;
}

static unsigned int fam_threads(const struct fam *s)
{
	unsigned int nr = 0;

	while (nr < MAX_THREADS && s->thread[nr][0].kind)
		nr++;
	return nr;
}

/* With up to @max switches. */
static bool run_fam(const struct fam *s, bool arm, unsigned int max)
{
	struct preempt preempts[4];

	met_clear();
	nr_of_run = 0;
	for (unsigned int t = 0; t < fam_threads(s); t++)
		if (!explore(s, arm, t, preempts, 0, fam_threads(s) > 1 ? max : 0, 0))
			return false;
	return true;
}

static const char *program = "./run crash --family";

static void counterexample(const struct fam *s, bool arm)
{
	printf("  %s\n  replay: %s --replay %s%s\n", violation_text, program,
	       stop_at_reads ? "reads:" : "", put_word(s, arm));
}

static void on_signal(int sig)
{
	violate("the code under test dies", sig, 0);
}

static void print_counts(double since)
{
	printf("  %lu runs, %lu steps, %lu moments (%lu sampled), %lu images, %lu with twins; %.0f images/s\n",
	       nr_runs, nr_steps, nr_points, nr_sampled, nr_images, nr_twins,
	       nr_images / max(seconds() - since, 0.01));
}

/* @quiet: only run. */
static void run_scenarios(unsigned int max, bool quiet)
{
	const double end = deadline;
	struct fam s;

	for (unsigned int i = 0; i < ARRAY_SIZE(scenarios); i++) {
		bool good = true;

		/* To each its share of the time. */
		deadline = seconds() + (end - seconds()) / (ARRAY_SIZE(scenarios) - i);
		get_scenario(i, &s);
		for (int arm = 0; arm < 2 && good; arm++) {
			good = run_fam(&s, arm, max);
			if (!good)
				counterexample(&s, arm);
		}
		if (!quiet)
			result(good, s.name);
	}
	deadline = end;
}

/*
 * At random: scenarios, orders, and crashes that are for good
 */

static const u32 some_blocks[] = { 0, 1, 2, 16, 17, 33, 34, 256, 257, 272 };

static struct fop random_fop(u64 nr_lblks)
{
	/* Letters are as often as they are here. */
	static const char kinds[] = "WWWWWWWWWWWWWWWWAAAAAAUUUUUUXXQQEEMMMMMMLLLLOOOORRRRRRCCCCCCCCDDDDDDBBKKPPFFTt";
	const unsigned int nr = nr_lblks <= 48 ? 7 : ARRAY_SIZE(some_blocks);
	const bool other = pick(5) < 2;
	struct fop op = { .kind = kinds[pick(ARRAY_SIZE(kinds) - 1)], .nr = 1 };
	unsigned int there[NR_SLOTS], n = 0, not_there = 1 + pick(NR_SLOTS - 1);

	for (unsigned int s = 1; s < NR_SLOTS; s++) {
		if (slots[s].exists)
			there[n++] = s;
		else
			not_there = s;
	}
	if (strchr("CFBK", op.kind)) {
		op.slot = not_there;
		op.a = n && (pick(2) || strchr("BK", op.kind)) ? there[pick(n)] : 0;
		if (n > 4)
			op.kind = 'D';
	}
	if (op.kind == 'T') {
		op.slot = n && pick(2) ? there[pick(n)] : 0;
		op.a = some_blocks[pick(nr)];
		op.nr = 1 + pick(3);
	} else if (strchr("DP", op.kind)) {
		op.slot = n ? there[pick(n)] : not_there;
	} else if (op_is_of_blocks(op.kind)) {
		op.slot = other && n ? there[pick(n)] : 0;
		op.a = some_blocks[pick(nr)];
		if (strchr("WAUMR", op.kind))
			op.nr = 1 + pick(3);
		for (unsigned int i = 1; i < op.nr; i++)
			if (block_at(op.a + i) < 0 || (op.a + i) % LEAF == 0)
				op.nr = i;
		if (strchr("XQL", op.kind)) {
			op.a &= ~(LEAF - 1U);
			op.nr = LEAF;
		}
	}
	return op;
}

static void random_threads(struct fam *s)
{
	memset(s->thread, 0, sizeof(s->thread));
	for (int t = 0; t < 1 + pick(MAX_THREADS); t++)
		for (int i = 0; i < 1 + pick(3); i++)
			s->thread[t][i] = random_fop(s->nr_lblks);
}

/* Somebody goes on, until all are done or @stop steps are made. */
static void random_steps(unsigned int stop)
{
	const unsigned int often = 2 + pick(20);
	unsigned int who = 0;

	crash_here();
	while (depth < stop) {
		unsigned int mask = 0;

		for (int t = 0; t < MAX_THREADS; t++)
			if (thread_runs(t))
				mask |= BIT(t);
		if (!mask) {
			check_end();
			return;
		}
		if (depth == MAX_STEPS)
			violate("this does not end", who, 0);
		if (!pick(often))
			who = pick(MAX_THREADS);
		while (!(mask >> who & 1))
			who = (who + 1) % MAX_THREADS;
		trace[depth++] = who;
		nr_steps++;
		switch_to(who, false);
		crash_here();
	}
}

/* One of the images is what there is now: attach, and nothing of before is on its way. */
static void random_crash(void)
{
	struct tree trees[NR_SLOTS] = {};
	s64 seen[NR_BLOCKS];
	struct sb sb;
	int nr = 0;

	any_moment = true;
	crash_here();
	any_moment = false;
	fam_readable();
	crash_for_good();
	for (int t = 0; t < MAX_THREADS; t++)
		threads[t].done = true;
	memset(losing, 0, sizeof(losing));
	shim_locks_held = 0;
	shim_rcu_nesting = 0;
	readers = 0;
	fam_attach(NULL);
	/* Until that is done another crash may bring back what was interrupted, or not. */
	settling = true;
	fam_settle();
	settling = false;
	media_ops = NULL;
	walk_begin();
	for (int s = 0; s < NR_SLOTS; s++) {
		struct tree *tree = &trees[nr];

		if (!slots[s].exists)
			continue;
		walk_tree(&slots[s].w.map, slots[s].tree,
			  check_tree(&slots[s].w.map, slots[s].tree, seen));
		tree->nr_lblks = slots[s].w.map.nr_lblks;
		for (unsigned int i = 0; i < nr_blocks; i++)
			want_add(&tree->may[i], seen[i] == WORLD_LOST ? 'O' : seen[i] ? 'W' : 'U',
				 max(seen[i], 0));
		nr++;
	}
	walk_end(world.kp);
	/* What was seen is all that there is, and the superblock the first one. */
	sb = sbs[sb_now];
	memset(&want, 0, sizeof(want));
	memcpy(want.trees, trees, sizeof(trees));
	want.nr_trees = nr;
	nr = 0;
	for (int s = 0; s < NR_SLOTS; s++) {
		if (!slots[s].exists)
			continue;
		slots[s].tree = nr;
		if (!s)
			sb.live = nr;
		for (unsigned int i = 0; i < sb.nr; i++)
			if (s && sb.record[i].slot == s)
				sb.record[i].tree = nr;
		nr++;
	}
	memset(sbs, 0, sizeof(sbs));
	sbs[0] = sb;
	sb_now = 0;
	sim.live[0] = sim.durable[0] = 0;
	media_ops = &fam_ops;
	fam_lend();
	version_base += 64;
}

static unsigned long nr_crashes;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Returns false after a violation. */
static bool run_random(u32 seed)
{
	static struct fam s;
	static unsigned int rounds;
	bool large;

	stop_at_reads = false;
	pick_state = seed * 2654435761U + 1;
	pick(2);
	large = !pick(4);
	memset(&s, 0, sizeof(s));
	s.nr_lblks = large ? 768 : 48;
	/* All blocks are looked at. */
	for (unsigned int i = 0; i < (large ? ARRAY_SIZE(some_blocks) : 7); i++)
		s.thread[0][i] = (struct fop) { .kind = 'R', .a = some_blocks[i], .nr = 1 };
	met_clear();
	nr_of_run = 0;
	nr_runs++;
	if (_setjmp(on_violation))
		goto out;
	fam_start(&s, pick(2));
	/* Before: operations, one after the other. */
	for (int i = pick(10); i >= 0; i--) {
		const struct fop op = random_fop(s.nr_lblks);

		if (strchr("GZI", op.kind))
			continue;
		fam_op(&op, 0, 1 + i);
		if (!pick(12))
			fam_gone(0, some_blocks[pick(7)] & ~(LEAF - 1U), LEAF);
	}
	for (rounds = 1 + pick(5); rounds; rounds--) {
		random_threads(&s);
		threads_start(&s);
		random_steps(pick(4) ? MAX_STEPS + 1 : pick(150));
		random_crash();
		nr_crashes++;
	}
out:
	fam_stop();
	return !violation;
}

/* Returns how many seeds there were; the last one was bad if @good is false then. */
static unsigned int run_randoms(u32 first, unsigned int nr, double until, bool *good)
{
	unsigned int n = 0;

	*good = true;
	while (n < nr && seconds() < until && *good)
		*good = run_random(first + n++);
	return n;
}

/*
 * What no crash leaves, and no attach takes
 */

enum { R_GOOD, R_END, R_END_OWN, R_LIVE_ROOT, R_ROOT, R_BLOCK, R_NODE, R_LEAF, R_SIZE, NR_REFUSED };

static const char *const refused_names[] = {
	"as it is", "blocks behind its end, in a shared leaf", "blocks behind its end, in its own",
	"the root of the live tree", "the root of another member",
	"a page of another block", "a page that is a node", "a leaf of another place",
	"a size that is not possible",
};

static u64 *entry_of(unsigned int s, u32 lblk)
{
	return (u64 *)slots[s].w.map.leaves[lblk / LEAF].ents + lblk % LEAF;
}

static void put_entry(u64 *entry, unsigned int level, u64 index, unsigned int type, u64 dpn)
{
	*entry = kmem_blk_entry_encode(slots[0].w.map.seed, level, index, type, dpn);
	sim.durable[entry - sim.live] = *entry;
}

/* The first member is damaged in one way, and attached in both orders. */
static bool run_refused(bool quiet)
{
	struct fam s;
	volatile bool all = true;
	unsigned int nr;
	u8 steps[1];
	bool arm;

	get_word("x86:48:W0.0.2,W0.16.1,W0.33.1,C1.0,C2.0,W0.1.1,W1.17.1::", &s, &arm, steps, &nr);
	for (int what = 0; what < NR_REFUSED; what++) {
		static struct sb sb;
		static struct kmem_blk_map_error error;
		static struct kmem_blk_map *map;
		volatile bool good = true;

		if (_setjmp(on_violation)) {
			good = false;
			goto next;
		}
		fam_start(&s, false);
		sb = sbs[sb_now];
		map = &slots[1].w.map;
		if (what == R_END)
			sb.record[0].nr_lblks = 33;
		else if (what == R_END_OWN)
			sb.record[0].nr_lblks = 17;
		else if (what == R_LIVE_ROOT)
			sb.record[0].root = le64_to_cpu(sb.bsb.root);
		else if (what == R_ROOT)
			sb.record[0].root = sb.record[1].root;
		else if (what == R_BLOCK)
			put_entry(entry_of(1, 18), 0, 18, KMEM_BLK_ENTRY_DATA,
				  *entry_of(1, 0) & KMEM_BLK_ENTRY_DPN_MASK);
		else if (what == R_NODE)
			put_entry(entry_of(1, 18), 0, 18, KMEM_BLK_ENTRY_DATA,
				  slots[0].w.map.leaves[0].dpn);
		else if (what == R_LEAF)
			put_entry((u64 *)map->nodes[1][0].ents + 2, 1, 2, KMEM_BLK_ENTRY_NODE,
				  slots[0].w.map.leaves[0].dpn);
		else if (what == R_SIZE)
			sb.record[0].nr_lblks = 0;
		memcpy(image, sim.live, sizeof(image));
		media_ops = NULL;
		for (int backwards = 0; backwards < 2; backwards++) {
			unsigned int refused = 0;

			fake_kp_forget(image_kp);
			if (kmem_blk_map_attach(&image_maps[0], image_kp, &sb.bsb, &error))
				violate("the live tree is refused", what, 0);
			nr_image_maps = 1;
			for (int i = 0; i < 2 && !refused; i++) {
				const struct sb_record *r = &sb.record[backwards ? 1 - i : i];
				int err;

				memset(&image_maps[nr_image_maps], 0, sizeof(image_maps[0]));
				err = attach_whole(&image_maps[nr_image_maps], &image_maps[0],
						   r->nr_lblks, r->root, &error);
				if (err && err != -EUCLEAN)
					violate("refused otherwise", what, err);
				if (err && !error.reason)
					violate("refused without a reason", what, err);
				refused += !!err;
				nr_image_maps += !err;
			}
			if (refused != !!what)
				violate(what ? "it is not refused" : "it is refused", what,
					backwards);
			if (image_maps[0].own.nr != nr_image_maps)
				violate("members are counted wrong", what, image_maps[0].own.nr);
			detach_maps(image_maps, &nr_image_maps);
		}
next:
		fam_stop();
		if (!good)
			all = false;
		if (quiet && !good)
			return false;
		if (quiet)
			continue;
		if (!good)
			printf("  %s\n", violation_text);
		result(good, refused_names[what]);
	}
	return all;
}

/* One member more than there may be. */
static bool run_too_many(void)
{
	static struct kmem_blk_map maps[KMEM_BLK_MAX_MEMBERS];
	static unsigned int n;
	struct fam s;
	unsigned int nr;
	u64 dpns[NR_PAGES], left;
	u8 steps[1];
	bool arm;

	get_word("x86:48:W0.0.2,W0.16.1::", &s, &arm, steps, &nr);
	n = 0;
	if (_setjmp(on_violation))
		goto out;
	fam_start(&s, false);
	for (n = 0; n < KMEM_BLK_MAX_MEMBERS - 1; n++) {
		if (kmem_blk_member_init(&maps[n], &slots[0].w.map))
			violate("too few members", n, 0);
		left = dax_kmem_alloc_pages(world.kp, dpns, 1, 0);
		if (kmem_blk_member_copy(&maps[n], &slots[0].w.map, dpns, &left, false) || left)
			violate("a member cannot be made", n, left);
		if (kmem_blk_member_join(&maps[n]))
			violate("a member cannot join", n, 0);
	}
	if (kmem_blk_member_init(&maps[n], &slots[0].w.map) != -EMLINK)
		violate("too many members", n, 0);
	maps[n].family = &slots[0].w.map.own;
	if (kmem_blk_member_join(&maps[n]) != -EMLINK)
		violate("too many members", n, 0);
	/* All of them have the block: it is free when none has. */
	for (unsigned int i = 0; i < n; i++) {
		u64 free[LEAF + 1];

		if (kmem_blk_member_drop_leaf(&maps[i], 0, free, &nr) || nr)
			violate("what another member has is free", i, nr);
		kmem_blk_member_leave(&maps[i]);
	}
	if (world_drop(&slots[0].w, 0) || slots[0].w.map.own.nr != 1)
		violate("not alone any more", slots[0].w.map.own.nr, 0);
out:
	while (n)
		kmem_blk_map_detach(&maps[--n]);
	fam_stop();
	return !violation;
}

/* Without memory for a member all is as it was. */
static bool run_no_memory(void)
{
	static struct kmem_blk_map_error error;
	static unsigned int n;
	struct fam s;
	unsigned int nr;
	u8 steps[1];
	bool arm;

	get_word("x86:768:W0.0.2,W0.16.1,C1.0,W1.0.1,Z0.300::", &s, &arm, steps, &nr);
	if (_setjmp(on_violation))
		goto out;
	fam_start(&s, false);
	memcpy(image, sim.live, sizeof(image));
	media_ops = NULL;
	for (n = 1; n < 20; n++) {
		const struct sb_record *r = &sbs[sb_now].record[0];
		int err;

		fake_kp_forget(image_kp);
		nr_image_maps = 1;
		if (kmem_blk_map_attach(&image_maps[0], image_kp, &sbs[sb_now].bsb, &error))
			violate("the live tree is refused", n, 0);
		shim_alloc_fail = n;
		err = attach_whole(&image_maps[1], &image_maps[0], r->nr_lblks, r->root, &error);
		nr_image_maps += !err;
		if (err && (err != -ENOMEM || image_maps[0].own.nr != 1))
			violate("no memory", n, err);
		if (!err && shim_alloc_fail)
			break;
		if (!err)
			violate("memory that is not needed", n, 0);
		detach_maps(image_maps, &nr_image_maps);
	}
	shim_alloc_fail = 0;
	if (n < 5)
		violate("too little memory is needed", n, 0);
	check_maps(image_kp, &sbs[sb_now], image_maps);
	detach_maps(image_maps, &nr_image_maps);
	/* ... and for one that is made. */
	for (n = 1; n < 20; n++) {
		int err;

		shim_alloc_fail = n;
		err = kmem_blk_member_init(&image_maps[0], &slots[0].w.map);
		kmem_blk_map_detach(&image_maps[0]);
		if (!err)
			break;
		if (err != -ENOMEM || slots[0].w.map.own.nr != 2)
			violate("no memory", n, err);
	}
	if (n < 3)
		violate("too little memory is needed", n, 0);
out:
	shim_alloc_fail = 0;
	fam_stop();
	return !violation;
}

static void run_others(void)
{
	bool good = run_too_many();

	if (!good)
		printf("  %s\n", violation_text);
	result(good, "as many members as there may be");
	good = run_no_memory();
	if (!good)
		printf("  %s\n", violation_text);
	result(good, "no memory for a member");
}

/*
 * Mutants
 */

#ifdef MAP_MUTANTS
/* By the numbers in family.sed. */
static const char *const fam_mutants[] = {
	"as it is",
	"the fence behind the lock, with members",
	"who frees compares with nobody",
	"who frees compares with its neighbour",
	"who writes compares with nobody",
	"a lock for each member",
	"the gate without commits",
	"the gate without nodes that grow",
	"the gate without moves",
	"the gate without leaves that move",
	"the gate without losses",
	"the gate without dropped leaves",
	"the gate without deletes",
	"a shared leaf changed in place",
	"a leaf is free that another member has",
	"a leaf dropped whose pages others have",
	"a shared leaf dropped as if it was the only member's",
	"moves and losses of one member only",
	"a leaf moves for one member only",
	"shared pages are claimed twice",
	"attach compares with the live tree",
	"shared leaves are claimed twice",
	"attach looks for leaves in the live tree",
	"nothing is looked at behind the end of a member",
	"nodes of a member that are not durable",
	"a delete frees leaves that others have",
	"rolled back, the locks are those of before",
	"locks for the live tree only",
	"the first member is read before it is one",
	"whose a leaf is looked up before the gate",
	"what another member has, and cannot be read, is free",
	"what cannot be read of one member is changed in others",
	"a leaf moves though a node of one member cannot be read",
};

static const struct { bool *is; const char *name, *what; } fam_more[] = {
	{ &no_locks, "no-locks", "no locks" },
	{ &no_grace, "no-grace", "no grace periods" },
	{ &no_gate_grace, "no-gate-grace", "the gate without a grace period" },
	{ &no_delete_grace, "no-delete-grace", "leaves of a member freed without a grace period" },
	{ &early_leave, "early-leave", "a member is none as soon as it has no record" },
	{ &old_size, "old-size", "rolled back without the size" },
};

static unsigned int nr_mutants, nr_caught;

/* What notices: the first scenario, with as few switches as it takes. */
static bool fam_caught(bool first)
{
	static const struct { unsigned int max, stride; bool reads; const char *only; } passes[] = {
		{ 0 }, { 1 }, { 1, 1, true }, { 2, 16 }, { 2, 2, false, "G5" }, { 2, 4, true, "G5" },
	};
	unsigned int n = 0;
	struct fam s;
	bool good;

	if (!run_refused(true)) {
		printf("refused: %s\n", violation_text);
		return true;
	}
	/* As it is: the rest takes long, and is what the other program does. */
	for (unsigned int k = 0; k < (first ? 2 : ARRAY_SIZE(passes)); k++) {
		pick_state = 1;
		for (unsigned int i = 0; i < ARRAY_SIZE(scenarios); i++) {
			get_scenario(i, &s);
			if ((k && fam_threads(&s) == 1) ||
			    (passes[k].only && strncmp(passes[k].only, s.name, 2)))
				continue;
			stride_2 = passes[k].stride;
			stop_at_reads = passes[k].reads;
			good = run_fam(&s, false, passes[k].max);
			if (!good)
				printf("%s\n    %s\n    %s%s\n", s.name, violation_text,
				       stop_at_reads ? "reads:" : "", put_word(&s, false));
			stop_at_reads = false;
			if (!good)
				return true;
		}
	}
	n = run_randoms(1, 2000, 1e9, &good);
	if (!good)
		printf("at random\n    %s\n    --random %u\n", violation_text, n);
	return !good;
}

static void try_fam_mutant(const char *name, const char *what)
{
	nr_mutants++;
	printf("  --mutant %s, %s: ", name, what);
	if (fam_caught(false))
		nr_caught++;
	else
		printf("SURVIVES\n");
}

static bool set_fam_mutant(const char *name)
{
	if (isdigit(*name)) {
		mutant_nr = atoi(name);
		return mutant_nr < ARRAY_SIZE(fam_mutants);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(fam_more); i++)
		if (!strcmp(name, fam_more[i].name))
			return *fam_more[i].is = true;
	sim.leave_out = name;
	return strchr(name, ':');
}

static void run_fam_mutants(void)
{
	char name[100];
	bool good;

	/* As it is; that also shows where write backs and fences are. */
	good = !fam_caught(true);
	result(good, "the source of the mutants");
	if (!good)
		return;
	for (mutant_nr = 1; mutant_nr < ARRAY_SIZE(fam_mutants); mutant_nr++) {
		snprintf(name, sizeof(name), "%u", mutant_nr);
		try_fam_mutant(name, fam_mutants[mutant_nr]);
	}
	mutant_nr = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(fam_more); i++) {
		*fam_more[i].is = true;
		try_fam_mutant(fam_more[i].name, fam_more[i].what);
		*fam_more[i].is = false;
	}
	for (struct media_site *site = sim.sites; site; site = site->next) {
		/* Before the first operation, and where nothing else runs: crash.c. */
		if (strstr(site->func, "settle") || strstr(site->func, "heal") ||
		    strstr(site->func, "format") || !strcmp(site->func, "sb_write"))
			continue;
		snprintf(name, sizeof(name), "%s:%d", site->func, site->line);
		site->off = true;
		try_fam_mutant(name, site->what);
		site->off = false;
	}
	printf("  %u mutants, %u caught\n", nr_mutants, nr_caught);
	result(nr_caught == nr_mutants && nr_mutants >= 50, "every mutant is caught");
}
#else
static bool set_fam_mutant(const char *name)
{
	return false;
}
#endif

static void run_randoms_until(u32 first, unsigned int nr, double until)
{
	unsigned int n;
	bool good;

	n = run_randoms(first, nr, until, &good);
	printf("  %u scenarios at random, %lu crashes for good\n", n, nr_crashes);
	if (!good)
		printf("  %s\n  again: %s --random %u\n", violation_text, program, first + n - 1);
	result(good && nr_crashes > n / 2, "at random");
}

/* For stores.pl: see print_passed() in crash.c. */
static void print_passed(void)
{
	bool good;

	run_scenarios(0, true);
	run_randoms(1, 500, 1e9, &good);
	for (struct media_site *site = sim.sites; site; site = site->next)
		printf("%s:%d %s\n", site->func, site->line, site->what);
	for (struct media_site *site = sim.stores; site; site = site->next)
		printf("%s:%d %s\n", site->func, site->line, site->what);
}

int main(int argc, char **argv)
{
	struct sigaction action = {
		.sa_handler = on_signal, .sa_flags = SA_NODEFER,
	};
	const double begin = seconds();
	static char arg[200];
	u32 sample = strtoul(getenv("KP_SAMPLE") ?: "0", NULL, 10);

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGABRT, &action, NULL);
	shim_lock_event = lock_event;
	shim_lock_contended = lock_contended;
	shim_rcu_event = rcu_event;
	check_image = check_fam_image;
	reach_pages = reach_fam;
	page_is_free = bad_is_free;
	image_kp = fake_kp_over((u8 *)image, NR_PAGES);
	twin_kp = fake_kp_over((u8 *)twin_mem, NR_PAGES);
	twins_every = 64;
	if (argc > 2 && !strcmp(argv[1], "--mutant")) {
		if (!set_fam_mutant(argv[2])) {
			fprintf(stderr, "there is no mutant %s\n", argv[2]);
			return 2;
		}
		snprintf(arg, sizeof(arg), "./run crash --family --mutant %s", argv[2]);
		program = arg;
		argc -= 2;
		argv += 2;
	}
	if (argc == 2 && !strcmp(argv[1], "--passed")) {
		print_passed();
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "--replay"))
		return !replay(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "--random")) {
		telling = true;
		if (run_random(strtoul(argv[2], NULL, 10))) {
			printf("  nothing wrong\n");
			return 0;
		}
		printf("  %s\n", violation_text);
		return 1;
	}
	if (argc > 2 && !strcmp(argv[1], "--deep")) {
		const double end = begin + atoi(argv[2]);

		/* A quarter with two switches, one with stops at reads, the rest at random. */
		run_refused(false);
		run_others();
		stride_2 = 1;
		deadline = begin + (end - begin) / 4;
		run_scenarios(2, false);
		stop_at_reads = true;
		stride_2 = 16;
		deadline = begin + (end - begin) / 2;
		run_scenarios(2, false);
		stop_at_reads = false;
		run_randoms_until(1 + sample % 1000 * 4000000, ~0U, end);
#ifdef MAP_MUTANTS
	} else if (!*arg) {
		run_fam_mutants();
#endif
	} else {
		pick_state = sample;
		run_refused(false);
		run_others();
		run_scenarios(2, false);
		run_randoms_until(1 + sample % 1000 * 4000000, 20000, 1e9);
	}
	print_counts(begin);
	printf("%d passed, %d failed\n", nr_passed, nr_failed);
	return !!nr_failed;
}

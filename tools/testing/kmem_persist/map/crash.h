/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Simulated media, all that a crash may leave on it, and what is wanted of that
 *
 * Included by programs that decide when which thread runs: crash.c, interleave.c.
 * Each of them is told of every access (sim_event()), and may then ask for all
 * crashes of that moment (crash_here()).
 *
 * The media remembers what is not durable yet. All contents that a power failure
 * could leave at a moment are built, and the real attach is run on each. Rules, by
 * machine:
 *
 *  x86    cached stores to a line become durable in order: any prefix of them.
 *         Bulk copies bypass the cache: any subset of their words.
 *  arm64  every word on its own, in the order of the stores to it.
 *
 * A write back binds what the line holds now to the next fence of the same
 * thread; a fence makes durable what is bound to it, and the bulk copies of its
 * thread. Nothing else is ever certain.
 *
 * A page that leaves the map is filled with garbage at once: it is RAM now. Its
 * number is the first to be used again. Only where another thread is in an RCU
 * read side critical section does that wait until it has left it.
 *
 * Wanted of every image: attach accepts it and does so twice with the same
 * result; each block is the last version acknowledged or one that is being
 * written, as a whole; an atomic group is there or not; no garbage; the pages in
 * use are those of the map. Wanted of a read: the same, of the block.
 *
 * Twins: of each image the same is wanted when one node above the leaves cannot be read, be
 * it at once or after an attach has settled it and everything that nothing refers to is
 * garbage; when that attach has made a new copy, and the other one cannot be read then; and
 * again when all can be read once more, with old content. An attach leaves no node without a
 * second copy.
 *
 * Of two updates of a block that overlap in time either may be the later one.
 * Moves change nothing that is wanted: to the checks they do not exist.
 */
#ifndef _CRASH_H
#define _CRASH_H

#include "../shim/fake_kp.h"
#include <linux/spinlock.h>

#ifdef MAP_MUTANTS
static unsigned int mutant_nr;
#define mutant(nr)	(mutant_nr == (nr))

/* guard(unlocked)(true): locks taken in this scope keep nobody out. */
typedef bool class_unlocked_t;

static bool class_unlocked_ctor(bool unlocked)
{
	if (unlocked)
		shim_locks_off = true;
	return unlocked;
}

static void class_unlocked_dtor(bool *unlocked)
{
	if (*unlocked)
		shim_locks_off = false;
}

#include MAP_MUTANTS
#else
#include "../../../../drivers/dax/persist/map/map.c"
#include "../../../../drivers/dax/persist/map/verify.c"
#include "../../../../drivers/dax/persist/map/twins.c"
#include "../../../../drivers/dax/persist/map/family.c"
#include "../../../../drivers/dax/persist/map/member.c"
#endif
#include "world.h"
#include <setjmp.h>

#ifndef NR_PAGES
#define NR_PAGES	48U
#endif

/* Words that are not durable yet, and lines or words that may be old or new. */
#ifndef MAX_PENDING
#define MAX_PENDING	4096U
#define MAX_CHOICES	1024U
#endif

enum {
	LEAF = KMEM_BLK_NODE_ENTRIES,
	PAGE_WORDS = FAKE_PAGE / 8,
	NR_WORDS = NR_PAGES * PAGE_WORDS,
	LINE_WORDS = 8,
	NR_LINES = NR_WORDS / LINE_WORDS,
	MAX_THREADS = 3,
	/* More combinations than this are sampled. */
	MAX_EXACT = 1 << 12,
	NR_RANDOM = 256,
};

/* Sizes of a device, in blocks. */
enum {
	TINY = LEAF / 2,		/* the root is the leaf */
	SMALL = 3 * LEAF,		/* the parent of leaves is the root */
	LARGE = 3 * LEAF * LEAF,	/* there is a level between them */
	HUGE = 3 * LEAF * LEAF * LEAF,	/* there are two: only with small nodes */
};

/*
 * The media
 */

struct pending {
	u32 word;
	bool bulk;
	u8 thread;
	/* Threads whose next fence covers it. */
	u8 bound;
	u64 val;
};

static struct {
	u64 *live;			/* what the CPU sees */
	u64 durable[NR_WORDS];		/* what a crash leaves for certain */
	struct pending pending[MAX_PENDING];
	unsigned int nr_pending;
	unsigned int thread;
	bool arm;
	/* Changes with @durable and with what is wanted. */
	unsigned long generation;
	struct media_site *sites;
	/* The same of copies and stores: no mutants. */
	struct media_site *stores;
	/* Where the last write back or fence was. */
	const struct media_site *site;
	/* FUNCTION:LINE of a write back or fence that does nothing. */
	const char *leave_out;
	unsigned long events;
} sim;

/*
 * From the including program: an access was made, at @word or at no place (-1);
 * others may run here.
 */
static void sim_event(const char *what, s64 word);
/* ... and: is a moment with this hash of what is pending a new one? */
static bool moment_is_new(u64 pending);

static u32 sim_word(const void *addr)
{
	return (const u64 *)addr - sim.live;
}

static void sim_add(u32 word, u64 val, bool bulk)
{
	if (sim.nr_pending == MAX_PENDING)
		abort();
	sim.live[word] = val;
	sim.pending[sim.nr_pending++] = (struct pending) {
		.word = word,
		.val = val,
		/* arm64 copies through the cache and writes back. */
		.bulk = bulk && !sim.arm,
		.bound = bulk && sim.arm ? BIT(sim.thread) : 0,
		.thread = sim.thread,
	};
}

static void sim_copy(void *dst, const void *src, size_t len)
{
	u64 words[PAGE_WORDS];

	memcpy(words, src, len);
	for (unsigned int i = 0; i < len / 8; i++)
		sim_add(sim_word(dst) + i, words[i], true);
	sim_event("copy", sim_word(dst));
}

static void sim_store(__le64 *dst, u64 val)
{
	sim_add(sim_word(dst), val, false);
	sim_event("store", sim_word(dst));
}

static void sim_passed(struct media_site *site)
{
	if (site->hits++)
		return;
	site->next = sim.stores;
	sim.stores = site;
}

static void sim_seen(struct media_site *site)
{
	char name[100];

	sim.site = site;
	if (site->hits++)
		return;
	site->next = sim.sites;
	sim.sites = site;
	snprintf(name, sizeof(name), "%s:%d", site->func, site->line);
	site->off = sim.leave_out && !strcmp(sim.leave_out, name);
}

static void sim_wb(struct media_site *site, void *addr, size_t len)
{
	u32 first = sim_word(addr) / LINE_WORDS;
	u32 last = (sim_word(addr) + len / 8 - 1) / LINE_WORDS;

	sim_seen(site);
	for (unsigned int i = 0; i < sim.nr_pending && !site->off; i++) {
		struct pending *p = &sim.pending[i];

		if (!p->bulk && p->word / LINE_WORDS >= first &&
		    p->word / LINE_WORDS <= last)
			p->bound |= BIT(sim.thread);
	}
	sim_event(site->off ? "write back, left out" : "write back",
		  sim_word(addr));
}

static void sim_fence(struct media_site *site)
{
	static u8 later[NR_LINES];
	unsigned int kept = 0;

	sim_seen(site);
	if (site->off) {
		sim_event("fence, left out", -1);
		return;
	}
	/* In a line, what was stored before something bound is durable too. */
	for (unsigned int i = sim.nr_pending; i--;) {
		struct pending *p = &sim.pending[i];

		if (p->bulk)
			continue;
		if (p->bound & BIT(sim.thread))
			later[p->word / LINE_WORDS] = 1;
		else if (!sim.arm && later[p->word / LINE_WORDS])
			p->bound |= BIT(sim.thread);
	}
	for (unsigned int i = 0; i < sim.nr_pending; i++) {
		struct pending *p = &sim.pending[i];

		later[p->word / LINE_WORDS] = 0;
		if (p->bulk ? p->thread == sim.thread :
			      p->bound & BIT(sim.thread)) {
			sim.durable[p->word] = p->val;
			sim.generation++;
		} else {
			sim.pending[kept++] = *p;
		}
	}
	sim.nr_pending = kept;
	sim_event("fence", -1);
}

static u64 mix(u64 hash, u64 val)
{
	hash = (hash ^ val) * 0x9e3779b97f4a7c15UL;
	return hash ^ hash >> 29;
}

/*
 * Hash of what is pending, in @pages or everywhere (NULL); @bound: and of what
 * the next fence of each thread covers. Lines have no order among each other.
 */
static u64 sim_hash_pending(const bool *pages, bool bound)
{
	static u64 lines[NR_LINES];
	u64 sum = 0;

	for (unsigned int i = 0; i < sim.nr_pending; i++) {
		const struct pending *p = &sim.pending[i];
		u64 *line = &lines[p->word / LINE_WORDS];

		if (pages && !pages[p->word / PAGE_WORDS])
			continue;
		*line = mix(mix(*line, p->word + 1), p->val) + p->bulk;
		if (bound)
			*line = mix(*line, p->bound << 8 |
					   (p->bulk ? p->thread : 0));
	}
	for (unsigned int i = 0; i < sim.nr_pending; i++) {
		u64 *line = &lines[sim.pending[i].word / LINE_WORDS];

		if (*line)
			sum += mix(*line, 1);
		*line = 0;
	}
	return sum;
}

/* The page is somebody's RAM now. */
static void sim_forget_page(u64 dpn)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < PAGE_WORDS; i++) {
		sim.live[dpn * PAGE_WORDS + i] = FAKE_GARBAGE;
		sim.durable[dpn * PAGE_WORDS + i] = FAKE_GARBAGE;
	}
	for (unsigned int i = 0; i < sim.nr_pending; i++)
		if (sim.pending[i].word / PAGE_WORDS != dpn)
			sim.pending[kept++] = sim.pending[i];
	sim.nr_pending = kept;
	sim.generation++;
}

static const struct media_ops sim_ops = {
	.copy = sim_copy,
	.store = sim_store,
	.wb = sim_wb,
	.fence = sim_fence,
	.passed = sim_passed,
};

/*
 * What is wanted
 */

/*
 * LOSE: a block cannot be read; GONE: what a repair leaves where a node was damaged, only
 * before the threads. SINGLE: the node that maps the blocks has lost its second copy, or the root
 * if there are more; HEAL: an attach that makes it anew. From MOVE on: no update.
 */
enum op_kind {
	END, WRITE, ATOMIC, DISCARD, DROP, LOSE, GONE, MOVE, MOVE_LEAF, SINGLE, HEAL, READ
};

static const char *const op_names[] = {
	"END", "WRITE", "ATOMIC", "DISCARD", "DROP", "LOSE", "GONE", "MOVE", "MOVE_LEAF",
	"SINGLE", "HEAL", "READ",
};

struct op {
	enum op_kind kind;
	u32 lblk;
	u32 nr;
};

/* @small: there is so much to build and to attach that nodes have to be small. */
struct scenario {
	const char *name;
	u64 nr_lblks;
	struct op init[4];
	struct op thread[MAX_THREADS][5];
	bool small;
};

/*
 * Versions of a block: a bit for each, modulo 64. That of a discard is one of its
 * own, too, but all of them look the same: 0. So is that of a loss: WORLD_LOST.
 */
struct versions {
	u64 data;
	u64 hole;
	u64 lost;
};

/* Blocks that scenarios use, by a small number. */
#ifndef MAX_BLOCKS
#define MAX_BLOCKS	32U
#endif

/**
 * struct running - the operation of a thread
 * @op: what it is, NULL: none, or a move
 * @version: of what it writes
 * @old: by block: versions that are over when this one is acknowledged
 * @other: by block: versions of updates that overlap; what a read may find
 */
struct running {
	const struct op *op;
	u32 version;
	struct versions old[MAX_BLOCKS];
	struct versions other[MAX_BLOCKS];
};

static struct {
	unsigned int nr;
	u32 lblk[MAX_BLOCKS];
	/* Versions that may be seen. */
	struct versions may[MAX_BLOCKS];
	struct running running[MAX_THREADS];
} model;

static unsigned long nr_images, nr_points, nr_sampled;
static const char *violation;
static char violation_text[200];
static jmp_buf on_violation;

/*
 * Is it the turn of number @i, of which one in @n is looked at? The commit decides, as in
 * guest/check.sh: who is not run by ./run test, or with --deep, looks at all.
 */
static bool in_sample(unsigned int i, unsigned int n)
{
	const char *sample = getenv("KP_SAMPLE"), *deep = getenv("KP_DEEP");

	if (!sample || !*sample || (deep && *deep))
		return true;
	return (i + strtoul(sample, NULL, 10)) % n == 0;
}

static void __noreturn violate(const char *what, long a, long b)
{
	violation = what;
	snprintf(violation_text, sizeof(violation_text), "%s (%ld, %ld)", what, a,
		 b);
	_longjmp(on_violation, 1);
}

static bool op_covers(const struct op *op, u32 lblk)
{
	return op && lblk >= op->lblk && lblk < op->lblk + op->nr;
}

static bool op_updates(const struct op *op)
{
	return op && op->kind < MOVE;
}

static void versions_add(struct versions *v, const struct op *op, u32 version)
{
	if (op->kind < DISCARD)
		v->data |= BIT_ULL(version % 64);
	else if (op->kind < LOSE)
		v->hole |= BIT_ULL(version % 64);
	else
		v->lost |= BIT_ULL(version % 64);
}

static void versions_remove(struct versions *v, const struct versions *old)
{
	v->data &= ~old->data;
	v->hole &= ~old->hole;
	v->lost &= ~old->lost;
}

static bool versions_have(const struct versions *v, s64 seen)
{
	if (seen == WORLD_LOST)
		return v->lost;
	return seen ? v->data >> (seen % 64) & 1 : v->hole;
}

/* @thread begins an operation. */
static void model_begin(unsigned int thread, const struct op *op, u32 version)
{
	struct running *r = &model.running[thread];

	sim.generation++;
	memset(r, 0, sizeof(*r));
	if (op->kind >= MOVE && op->kind < READ)
		return;
	for (unsigned int i = 0; i < model.nr; i++) {
		struct versions *may = &model.may[i];

		if (!op_covers(op, model.lblk[i]))
			continue;
		for (int t = 0; t < MAX_THREADS; t++) {
			struct running *other = &model.running[t];

			if (!op_covers(other->op, model.lblk[i]))
				continue;
			if (op_updates(other->op))
				versions_add(&r->other[i], other->op,
					     other->version);
			if (op_updates(op))
				versions_add(&other->other[i], op, version);
		}
		r->old[i] = *may;
		versions_remove(&r->old[i], &r->other[i]);
		if (op_updates(op))
			versions_add(may, op, version);
		else
			r->other[i] = *may;
	}
	r->op = op;
	r->version = version;
}

/* It is acknowledged: from here on nothing older may be seen. */
static void model_end(unsigned int thread)
{
	struct running *r = &model.running[thread];

	sim.generation++;
	for (unsigned int i = 0; i < model.nr && op_updates(r->op); i++) {
		if (!op_covers(r->op, model.lblk[i]))
			continue;
		versions_remove(&model.may[i], &r->old[i]);
		versions_add(&model.may[i], r->op, r->version);
	}
	memset(r, 0, sizeof(*r));
}

/* A loss that was none: somebody else was faster. */
static void model_undo(unsigned int thread)
{
	struct running *r = &model.running[thread];

	sim.generation++;
	for (unsigned int i = 0; i < model.nr; i++) {
		struct versions mine = {};

		if (!op_covers(r->op, model.lblk[i]))
			continue;
		versions_add(&mine, r->op, r->version);
		/* An older one may have the same bit. */
		versions_remove(&mine, &r->old[i]);
		versions_remove(&model.may[i], &mine);
		for (int t = 0; t < MAX_THREADS; t++)
			versions_remove(&model.running[t].other[i], &mine);
	}
	memset(r, 0, sizeof(*r));
}

static void model_add(const struct op *op)
{
	/* What is below: its ends, and both sides of the first end of a leaf. */
	if (op->kind == GONE) {
		model_add(&(struct op) { LOSE, op->lblk, 2 });
		if (op->nr > LEAF)
			model_add(&(struct op) { LOSE, op->lblk + LEAF - 1, 2 });
		model_add(&(struct op) { LOSE, op->lblk + op->nr - 1, 1 });
		return;
	}
	for (u32 lblk = op->lblk; lblk < op->lblk + op->nr; lblk++) {
		unsigned int i;

		/* Of a whole leaf only what something else uses. */
		if (op->kind == DROP || op->kind == MOVE_LEAF || op->kind == SINGLE)
			return;
		for (i = 0; i < model.nr; i++)
			if (model.lblk[i] == lblk)
				break;
		if (i == MAX_BLOCKS)
			abort();
		if (i == model.nr) {
			model.may[i] = (struct versions) { .hole = 1 };
			model.lblk[model.nr++] = lblk;
		}
	}
}

static void model_init(const struct scenario *s)
{
	memset(&model, 0, sizeof(model));
	for (unsigned int i = 0; i < ARRAY_SIZE(s->init); i++)
		model_add(&s->init[i]);
	for (int t = 0; t < MAX_THREADS; t++)
		for (unsigned int i = 0; i < ARRAY_SIZE(s->thread[t]); i++)
			model_add(&s->thread[t][i]);
}

static struct world world;

/* Is what an attach found in an image one of the states that may be? */
static void check_map(const struct kmem_blk_map *map)
{
	s64 seen[MAX_BLOCKS];
	struct kmem_blk_map_count count;
	u64 mapped = 0;

	for (unsigned int i = 0; i < model.nr; i++) {
		seen[i] = world_get(map, model.lblk[i]);
		if (seen[i] < 0 && seen[i] != WORLD_LOST)
			violate("a block is not whole", model.lblk[i], 0);
		mapped += seen[i] > 0;
		if (!versions_have(&model.may[i], seen[i]))
			violate("a version that was superseded or never written",
				model.lblk[i], seen[i]);
	}

	kmem_blk_map_count(map, &count);
	if (count.mapped_blocks != mapped)
		violate("blocks that nobody wrote", count.mapped_blocks, mapped);
	if (map->kp->nr_used != KMEM_PERSIST_FIRST_PAGE + count.mapped_blocks + count.node_pages)
		violate("used is not what is in the map", map->kp->nr_used, 0);

	for (int t = 0; t < MAX_THREADS; t++) {
		const struct running *r = &model.running[t];
		unsigned int there = 0, not_there = 0;

		if (!r->op || r->op->kind != ATOMIC)
			continue;
		for (unsigned int i = 0; i < model.nr; i++) {
			if (!op_covers(r->op, model.lblk[i]))
				continue;
			if (seen[i] == r->version)
				there++;
			else if (!versions_have(&r->other[i], seen[i]))
				not_there++;
		}
		if (there && not_there)
			violate("an atomic group is torn", there, not_there);
	}
}

static u64 image[NR_WORDS] __attribute__((__aligned__(4096)));
static struct kmem_persist *image_kp;

/* Global, so that a violation does not leak it. */
static struct kmem_blk_map image_map;

static bool in_image;

/*
 * Twins
 */

/* A second device: what becomes of an image. */
static u64 twin_mem[NR_WORDS] __attribute__((__aligned__(4096)));
static struct kmem_persist *twin_kp;
static struct kmem_blk_map twin_map;
/* Page that cannot be read, 0: all can. */
static u64 twin_bad;
static unsigned long nr_twins;
/* A node has one copy, and no attach has changed that: see crash_single(). */
static bool may_be_single;

static int twin_read(void *dst, const void *src, size_t len)
{
	if (twin_bad && ((const u64 *)src - twin_mem) / PAGE_WORDS == twin_bad)
		return -EIO;
	memcpy(dst, src, len);
	return 0;
}

static const struct media_ops twin_ops = { .read = twin_read };

/*
 * Attached, settled, all that is free is lent. @nodes: pages of nodes above the leaves, the two
 * copies of one together. @single: by page, those that had one.
 */
static unsigned int twin_attach(struct kmem_blk_superblock *bsb, u64 *nodes, bool *single)
{
	struct kmem_blk_map_error error;
	unsigned int nr = 0;

	fake_kp_forget(twin_kp);
	if (kmem_blk_map_attach(&twin_map, twin_kp, bsb, &error))
		violate(error.reason, error.level, twin_bad);
	check_map(&twin_map);
	for (unsigned int level = 1; level <= twin_map.root_level && single; level++) {
		for (u64 i = 0; i < kmem_blk_level_nodes(twin_map.nr_lblks, level); i++) {
			const struct kmem_blk_node *node = &twin_map.nodes[level][i];

			if (!node->ents || kmem_blk_node_has_twin(node))
				continue;
			if (!may_be_single)
				violate("a node without a twin", level, i);
			single[node->copies.dpn] = true;
		}
	}
	if (map_settle(&twin_map, bsb))
		violate("what was attached cannot be settled", twin_bad, 0);
	for (u64 dpn = KMEM_PERSIST_FIRST_PAGE; dpn < NR_PAGES; dpn++)
		for (unsigned int i = 0; i < PAGE_WORDS; i++)
			if (!twin_kp->used[dpn] && dpn != twin_bad)
				twin_mem[dpn * PAGE_WORDS + i] = FAKE_GARBAGE;
	for (unsigned int level = 1; level <= twin_map.root_level; level++) {
		for (u64 i = 0; i < kmem_blk_level_nodes(twin_map.nr_lblks, level); i++) {
			const struct kmem_blk_node *node = &twin_map.nodes[level][i];

			if (node->ents && node->twin == node->ents)
				violate("a twin that is not made anew", level, i);
			if (!node->ents || !nodes)
				continue;
			nodes[nr++] = node->copies.dpn;
			nodes[nr++] = node->copies.twin;
		}
	}
	kmem_blk_map_detach(&twin_map);
	return nr;
}

/* One node cannot be read; then the other copy; then both can, and are as they were. */
static void twin_lose(struct kmem_blk_superblock bsb, u64 dpn, u64 other)
{
	twin_bad = dpn;
	twin_attach(&bsb, NULL, NULL);
	twin_bad = other;
	twin_attach(&bsb, NULL, NULL);
	twin_bad = 0;
	twin_attach(&bsb, NULL, NULL);
}

static void check_twins(void)
{
	static u64 settled[NR_WORDS];
	struct kmem_blk_superblock bsb = world.bsb;
	bool single[NR_PAGES] = {};
	u64 nodes[NR_PAGES];
	unsigned int nr;

	nr_twins++;
	media_ops = &twin_ops;
	twin_bad = 0;
	memcpy(twin_mem, image, sizeof(twin_mem));
	nr = twin_attach(&bsb, nodes, single);
	memcpy(settled, twin_mem, sizeof(twin_mem));
	for (unsigned int i = 0; i < nr; i++) {
		memcpy(twin_mem, image, sizeof(twin_mem));
		if (!single[nodes[i]] && !single[nodes[i ^ 1]])
			twin_lose(world.bsb, nodes[i], nodes[i ^ 1]);
		memcpy(twin_mem, settled, sizeof(twin_mem));
		twin_lose(bsb, nodes[i], nodes[i ^ 1]);
	}
	media_ops = NULL;
}

/* Of how many images that is looked at. */
static unsigned int twins_every = LEAF == 16 ? 1 : 128;

static void check_map_image(void)
{
	static u8 used[NR_PAGES];
	struct kmem_blk_map_error error;
	int held = shim_locks_held;

	nr_images++;
	in_image = true;
	shim_locks_held = 0;
	media_ops = NULL;
	/* Twice, sometimes. */
	for (int again = 0; again <= !(nr_images & 7); again++) {
		fake_kp_forget(image_kp);
		if (kmem_blk_map_attach(&image_map, image_kp, &world.bsb, &error))
			violate(error.reason, error.level, error.index);
		if (!again)
			memcpy(used, image_kp->used, sizeof(used));
		else if (memcmp(used, image_kp->used, sizeof(used)))
			violate("a second attach differs", 0, 0);
		check_map(&image_map);
		kmem_blk_map_detach(&image_map);
	}
	if (!(nr_images % twins_every))
		check_twins();
	media_ops = &sim_ops;
	shim_locks_held = held;
	in_image = false;
}

/*
 * All images of a moment
 */

/* What is done with an image. */
static void (*check_image)(void) = check_map_image;

/* One line or word: alternatives are the first n of @words, or any subset. */
struct choice {
	bool subset;
	unsigned int nr;
	u16 pending[64];
};

static struct choice choices[MAX_CHOICES];
static unsigned int nr_choices;

static bool sim_reachable[NR_PAGES];

/* All that an entry may be after a crash: durable or any store that is not. */
static void reach(unsigned int level, u64 index, u64 dpn)
{
	if (dpn < KMEM_PERSIST_FIRST_PAGE || dpn >= NR_PAGES || sim_reachable[dpn])
		return;
	sim_reachable[dpn] = true;
	if (level == ~0U)
		return;

	for (unsigned int slot = 0; slot < LEAF; slot++) {
		u64 word = sim.durable[dpn * PAGE_WORDS + slot];

		if (kmem_blk_entry_type(word) != KMEM_BLK_ENTRY_HOLE)
			reach(level - 1, 0, word & KMEM_BLK_ENTRY_DPN_MASK);
	}
	for (unsigned int i = 0; i < sim.nr_pending; i++) {
		u64 word = sim.pending[i].val;

		if (sim.pending[i].word / PAGE_WORDS == dpn &&
		    kmem_blk_entry_type(word) != KMEM_BLK_ENTRY_HOLE)
			reach(level - 1, 0, word & KMEM_BLK_ENTRY_DPN_MASK);
	}
}

static void add_choice(unsigned int key, unsigned int nth, bool subset)
{
	static unsigned int keys[MAX_CHOICES];
	unsigned int i;

	for (i = 0; i < nr_choices; i++)
		if (keys[i] == key && choices[i].subset == subset)
			break;
	if (i == nr_choices) {
		if (nr_choices == MAX_CHOICES)
			abort();
		keys[i] = key;
		choices[i].subset = subset;
		choices[i].nr = 0;
		nr_choices++;
	}
	if (choices[i].nr == ARRAY_SIZE(choices[i].pending))
		abort();
	choices[i].pending[choices[i].nr++] = nth;
}

static u64 alternatives(const struct choice *c)
{
	return c->subset ? 1ULL << min(c->nr, 40U) : c->nr + 1ULL;
}

static u32 pick_state = 1;

static u32 pick(u64 n)
{
	pick_state = pick_state * 1664525 + 1013904223;
	return (pick_state >> 8) % n;
}

/* The image that is looked at: by choice, which alternative. */
static u64 image_choice[MAX_CHOICES];

static void build_and_check(const u64 *chosen)
{
	/* Pending stores keep their order among each other. */
	static bool apply[MAX_PENDING];

	memset(apply, 0, sim.nr_pending);
	for (unsigned int i = 0; i < nr_choices; i++)
		for (unsigned int j = 0; j < choices[i].nr; j++)
			apply[choices[i].pending[j]] =
				choices[i].subset ? chosen[i] >> j & 1 :
						    j < chosen[i];
	for (unsigned int i = 0; i < sim.nr_pending; i++)
		if (apply[i])
			image[sim.pending[i].word] = sim.pending[i].val;
	check_image();
	for (unsigned int i = 0; i < sim.nr_pending; i++)
		image[sim.pending[i].word] = sim.durable[sim.pending[i].word];
}

static void reach_map(void)
{
	reach(world.map.root_level, 0,
	      le64_to_cpu(world.bsb.root) & KMEM_BLK_ENTRY_DPN_MASK);
	reach(world.map.root_level, 0,
	      le64_to_cpu(world.bsb.root_twin) & KMEM_BLK_ENTRY_DPN_MASK);
}

/* Marks the pages that matter. */
static void (*reach_pages)(void) = reach_map;

static void crash_here(void)
{
	u64 *chosen = image_choice;
	u64 product = 1;
	u32 before;

	memset(sim_reachable, 0, sizeof(sim_reachable));
	reach_pages();

	if (!moment_is_new(sim_hash_pending(sim_reachable, false)))
		return;
	nr_points++;

	nr_choices = 0;
	for (unsigned int i = 0; i < sim.nr_pending; i++) {
		const struct pending *p = &sim.pending[i];

		if (!sim_reachable[p->word / PAGE_WORDS])
			continue;
		if (sim.arm)
			add_choice(p->word, i, false);
		else if (p->bulk)
			add_choice(p->word / LINE_WORDS, i, true);
		else
			add_choice(p->word / LINE_WORDS, i, false);
	}
	memcpy(image, sim.durable, sizeof(image));
	for (unsigned int i = 0; i < nr_choices; i++) {
		chosen[i] = 0;
		if (product <= MAX_EXACT)
			product *= alternatives(&choices[i]);
	}
	if (product <= MAX_EXACT) {
		for (;;) {
			unsigned int i = 0;

			build_and_check(chosen);
			while (i < nr_choices &&
			       ++chosen[i] == alternatives(&choices[i]))
				chosen[i++] = 0;
			if (i == nr_choices)
				break;
		}
		return;
	}

	/* The same ones in each run: none, all, each missing, each alone, and at random. */
	before = pick_state;
	nr_sampled++;
	pick_state = 1;
	build_and_check(chosen);
	for (unsigned int i = 0; i < nr_choices; i++) {
		chosen[i] = alternatives(&choices[i]) - 1;
		build_and_check(chosen);
		chosen[i] = 0;
	}
	for (unsigned int i = 0; i < nr_choices; i++)
		chosen[i] = alternatives(&choices[i]) - 1;
	build_and_check(chosen);
	for (unsigned int i = 0; i < nr_choices; i++) {
		chosen[i] = 0;
		build_and_check(chosen);
		chosen[i] = alternatives(&choices[i]) - 1;
	}
	for (unsigned int n = 0; n < NR_RANDOM; n++) {
		for (unsigned int i = 0; i < nr_choices; i++)
			chosen[i] = pick(alternatives(&choices[i]));
		build_and_check(chosen);
	}
	pick_state = before;
}

/* One legal image, and on from there. */
static void crash_for_good(void)
{
	static u64 chosen[MAX_CHOICES];

	for (unsigned int i = 0; i < nr_choices; i++)
		chosen[i] = pick(alternatives(&choices[i]));
	for (unsigned int i = 0; i < nr_choices; i++)
		for (unsigned int j = 0; j < choices[i].nr; j++) {
			const struct pending *p;

			p = &sim.pending[choices[i].pending[j]];
			if (choices[i].subset ? chosen[i] >> j & 1 : j < chosen[i])
				sim.durable[p->word] = p->val;
		}
	memcpy(sim.live, sim.durable, sizeof(sim.durable));
	sim.nr_pending = 0;
	sim.generation++;
}

/*
 * Operations
 */

/* Threads that are in a read side critical section, without the one that runs. */
static u8 readers;
/* Of each page that was retired: which of them may still use it. */
static u8 waiting[NR_PAGES];
/* Mutants: locks keep nobody out; nobody waits for readers. */
static bool no_locks, no_grace;
/* Another: readers that came after the operation began do not count. */
static bool early_grace;
static u8 readers_at_begin[MAX_THREADS];

/* From the including program, or NULL: a page is nobody's any more. */
static void (*page_is_free)(u64 dpn);

static void crash_free(struct world *w, const u64 *dpns, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (!dpns[i])
			continue;
		if (!w->kp->used[dpns[i]] || waiting[dpns[i]])
			violate("a page is freed twice", dpns[i], 0);
		dax_kmem_free_pages(w->kp, &dpns[i], 1);
		sim_forget_page(dpns[i]);
		if (page_is_free)
			page_is_free(dpns[i]);
	}
}

/* Who is not in a critical section now waits for no page any more. */
static void crash_grace(struct world *w)
{
	for (u64 dpn = 0; dpn < NR_PAGES; dpn++) {
		if (!waiting[dpn])
			continue;
		waiting[dpn] &= readers;
		if (!waiting[dpn])
			crash_free(w, &dpn, 1);
	}
}

static void crash_retire(struct world *w, const u64 *dpns, unsigned int nr)
{
	u8 wait = no_grace ? 0 : readers;

	if (early_grace)
		wait &= readers_at_begin[sim.thread];
	if (shim_rcu_nesting)
		violate("waits for readers and is one", dpns[0], nr);
	crash_grace(w);
	for (unsigned int i = 0; i < nr; i++) {
		if (!dpns[i])
			continue;
		if (waiting[dpns[i]])
			violate("a page is freed twice", dpns[i], 1);
		if (wait)
			waiting[dpns[i]] = wait;
		else
			crash_free(w, &dpns[i], 1);
	}
	sim_event("retire", -1);
}

/* What a reader does: it may take its time between map and content. */
static void read_block(const struct running *r, unsigned int i)
{
	s64 version = 0;
	u64 dpn;
	int type;

	rcu_read_lock();
	type = kmem_blk_map_lookup(&world.map, model.lblk[i], &dpn);
	sim_event("lookup", -1);
	if (type == KMEM_BLK_ENTRY_DATA)
		version = world_version(world.kp, dpn, model.lblk[i]);
	else if (type == KMEM_BLK_ENTRY_LOST)
		version = WORLD_LOST;
	rcu_read_unlock();
	if (type < 0)
		violate("a reader finds no entry", model.lblk[i], type);
	if (version == -1 || (!version && type == KMEM_BLK_ENTRY_DATA))
		violate("what is read is not whole", model.lblk[i], dpn);
	if (!versions_have(&r->other[i], version))
		violate("what is read was superseded or never written",
			model.lblk[i], version);
}

/* Attach again. */
static void crash_attach(struct world *w)
{
	struct kmem_blk_map_error error;

	kmem_blk_map_detach(&w->map);
	fake_kp_forget(w->kp);
	if (kmem_blk_map_attach(&w->map, w->kp, &w->bsb, &error))
		violate(error.reason, error.level, error.index);
}

/* What is free is somebody's RAM now. */
static void crash_lend(struct world *w)
{
	for (u64 dpn = KMEM_PERSIST_FIRST_PAGE; dpn < NR_PAGES; dpn++)
		if (!w->kp->used[dpn])
			sim_forget_page(dpn);
}

/*
 * What a repair leaves of a node that cannot be read, and of all below it. False if there
 * is no entry that could refer to it.
 */
static bool crash_gone(struct world *w, const struct op *op)
{
	const __le64 roots[] = { w->bsb.root, w->bsb.root_twin ?: w->bsb.root };
	unsigned int level = 0;

	while (1ULL << KMEM_BLK_NODE_SHIFT * level < op->nr)
		level++;
	for (unsigned int i = 0; i < ARRAY_SIZE(roots); i++) {
		u64 word = le64_to_cpu(roots[i]);
		u64 *slot = NULL;

		for (unsigned int l = w->map.root_level + 1; l-- > level;) {
			if (l < w->map.root_level &&
			    kmem_blk_entry_type(word) != KMEM_BLK_ENTRY_NODE + l)
				return false;
			slot = sim.live + (word & KMEM_BLK_ENTRY_DPN_MASK) * PAGE_WORDS +
			       (op->lblk >> KMEM_BLK_NODE_SHIFT * l) % LEAF;
			word = *slot;
		}
		*slot = kmem_blk_entry_encode(w->map.seed, level,
					      op->lblk >> KMEM_BLK_NODE_SHIFT * level,
					      KMEM_BLK_ENTRY_LOST, 0);
		sim.durable[slot - sim.live] = *slot;
	}
	crash_attach(w);
	if (world_settle(w))
		violate("what was attached cannot be settled", 0, 0);
	crash_lend(w);
	return true;
}

/* What an attach leaves that has found no page for a copy. False if there is none to lose. */
static bool crash_single(struct world *w, const struct op *op)
{
	unsigned int level = 1;

	while (1ULL << KMEM_BLK_NODE_SHIFT * (level + 1) < op->nr)
		level++;
	if (level >= w->map.root_level) {
		if (!w->bsb.root_twin)
			return false;
		w->bsb.root_twin = 0;
	} else {
		const u64 index = op->lblk >> KMEM_BLK_NODE_SHIFT * (level + 1);
		const struct kmem_blk_node *parent =
			&w->map.nodes[level + 1][index >> KMEM_BLK_NODE_SHIFT];
		const unsigned int at = index & KMEM_BLK_NODE_MASK;
		u64 *slot = (u64 *)parent->twin + at;
		u64 word;

		if (!parent->ents || *slot == le64_to_cpu(parent->ents[at]))
			return false;
		word = le64_to_cpu(parent->ents[at]);
		*slot = word;
		sim.durable[slot - sim.live] = word;
	}
	crash_attach(w);
	if (!w->map.nr_single)
		violate("a copy is there that is not", level, 0);
	crash_lend(w);
	may_be_single = true;
	return true;
}

/* Nothing is lent before that is done. */
static void crash_heal(struct world *w)
{
	crash_attach(w);
	if (map_settle(&w->map, &w->bsb) || w->map.nr_single)
		violate("a copy cannot be made anew", w->map.nr_single, 0);
	may_be_single = false;
	crash_lend(w);
}

static void run_op(const struct op *op, unsigned int thread, u32 version)
{
	unsigned int before = sim.thread;
	bool nothing = false;
	int err = 0;

	sim.thread = thread;
	model_begin(thread, op, version);
	readers_at_begin[thread] = readers;
	/* What was freed last is used first. */
	world.kp->hint = 0;

	switch (op->kind) {
	case WRITE:
		err = world_write(&world, op->lblk, op->nr, 0, version);
		break;
	case ATOMIC:
		err = world_write(&world, op->lblk, op->nr,
				  KMEM_BLK_UPDATE_ATOMIC, version);
		break;
	case DISCARD:
		err = world_discard(&world, op->lblk, op->nr);
		break;
	case DROP:
		err = world_drop(&world, op->lblk / LEAF);
		break;
	case LOSE:
		nothing = !world_lose(&world, op->lblk);
		break;
	case GONE:
		if (!crash_gone(&world, op))
			abort();
		break;
	case SINGLE:
		if (!crash_single(&world, op))
			abort();
		break;
	case HEAL:
		crash_heal(&world);
		break;
	case MOVE:
		err = world_move(&world, op->lblk, op->nr);
		break;
	case MOVE_LEAF:
		err = world_move_leaf(&world, op->lblk / LEAF);
		break;
	case READ:
		for (unsigned int i = 0; i < model.nr; i++)
			if (op_covers(op, model.lblk[i]))
				read_block(&model.running[thread], i);
		break;
	case END:
		abort();
	}
	if (err)
		violate("an operation failed", op->kind, err);
	crash_grace(&world);
	if (nothing)
		model_undo(thread);
	else
		model_end(thread);
	sim_event("done", -1);
	sim.thread = before;
}

/* Blocks of the first operations are there, from the first version on. */
static u32 op_version(unsigned int thread, unsigned int nr)
{
	return 8 + 16 * thread + nr;
}

static void sim_pause(void)
{
	sim_event("pause", -1);
}

/* A new device with what was there before. On a violation: on_violation. */
static void sim_start(const struct scenario *s, bool arm)
{
	static u64 live[NR_WORDS] __attribute__((__aligned__(4096)));

	for (unsigned int i = 0; i < NR_WORDS; i++)
		live[i] = sim.durable[i] = FAKE_GARBAGE;
	sim.live = live;
	sim.nr_pending = 0;
	sim.thread = 0;
	sim.arm = arm;
	sim.generation += 1000;
	model_init(s);
	may_be_single = false;
	violation = NULL;
	in_image = false;
	shim_locks_held = 0;
	shim_rcu_nesting = 0;
	readers = 0;
	memset(waiting, 0, sizeof(waiting));

	shim_locks_off = no_locks;
	media_ops = &sim_ops;
	world_new(&world, fake_kp_over((u8 *)live, NR_PAGES), s->nr_lblks);
	world.kp->scribble = false;
	world.retire = crash_retire;
	world.release = crash_free;
	world.pause = sim_pause;
	for (unsigned int i = 0; i < ARRAY_SIZE(s->init) && s->init[i].kind; i++)
		run_op(&s->init[i], 0, 1 + i);
}

static void sim_stop(void)
{
	shim_locks_held = 0;
	shim_rcu_nesting = 0;
	shim_locks_off = false;
	media_ops = NULL;
	kmem_blk_map_detach(&image_map);
	kmem_blk_map_detach(&twin_map);
	kmem_blk_map_detach(&world.map);
	fake_kp_delete(world.kp);
}

/*
 * Mutants: what is left out
 */

#ifdef MAP_MUTANTS
/* By the numbers in mutants.sed. */
static const char *const mutant_names[] = {
	"as it is",
	"no compare in kmem_blk_find_entry(), of a move",
	"no word about what did not move",
	"no lock in kmem_blk_map_move()",
	"no compare in kmem_blk_map_move_leaf()",
	"no lock in kmem_blk_map_move_leaf()",
	"the fence of a new leaf behind the lock",
	"no look for a leaf that went meanwhile",
	"no lock in kmem_blk_map_commit()",
	"no look for a node that came meanwhile",
	"no lock in kmem_blk_grow()",
	"a new node used before it is durable",
	"no lock in kmem_blk_map_drop_leaf()",
	"two locks, in two orders",
	"a new node above the leaves full of holes, whatever it was",
	"a new leaf full of holes, whatever it was",
	"no look at what a staged leaf was full of",
	"no compare in kmem_blk_find_entry(), of a loss",
	"a leaf that is LOST further up as NULL",
	"no word about the blocks behind the end",
	"a new node that the second tree does not know",
	"a leaf that the second tree does not know",
	"what differs stays so",
	"the root's twin is forgotten",
	"a first copy that cannot be read counts",
	"a twin that cannot be read stays",
	"the twin counts",
	"the page of a twin is nobody's",
	"a leaf that only the second tree knows",
};
#endif

#endif

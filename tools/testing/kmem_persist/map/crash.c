// SPDX-License-Identifier: GPL-2.0
/*
 * Crashes at every store, with every content of the media that they allow
 *
 * The media remembers what is not durable yet. After each access of the code
 * under test, all contents that a power failure could leave at that moment are
 * built, and the real attach is run on each. Rules, by machine:
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
 * number is the first to be used again. Only where the other thread is in an RCU
 * read side critical section does that wait until it has left it.
 *
 * Wanted of every image: attach accepts it and does so twice with the same
 * result; each block is the last version acknowledged or one that is being
 * written, as a whole; an atomic group is there or not; no garbage; the pages in
 * use are those of the map.
 *
 * Threads: the second one runs as a whole after one access of the first, for
 * each access in turn. If it meets a lock there, that order does not exist and
 * is left out. (All interleavings are for a full search; it can use this media
 * and these checks.)
 *
 * Moves change nothing that is wanted: to the checks they do not exist.
 *
 * Mutants: each write back and each fence in the code under test is left out in
 * turn, all locks, and the grace periods. The checks must notice, in one of the
 * scenarios. What is no write back or fence, and not common to all, has to be
 * left out in the source (mutants.sed): that is a program of its own.
 *
 * Random scenarios: the same, for operations that nobody thought of. Restarts: a
 * device that crashes again and again and goes on from what it finds.
 */

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
#include "../../../../drivers/dax/kmem_blk_map.c"
#endif
#include "world.h"
#include <setjmp.h>

enum {
	NR_PAGES = 48,
	NR_WORDS = NR_PAGES * 512,
	LINE_WORDS = 8,
	MAX_PENDING = 4096,
	MAX_CHOICES = 512,
	/* More combinations than this are sampled. */
	MAX_EXACT = 1 << 12,
	NR_RANDOM = 256,
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
	unsigned long events;
} sim;

static void sim_event(void);

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
	u64 words[512];

	memcpy(words, src, len);
	for (unsigned int i = 0; i < len / 8; i++)
		sim_add(sim_word(dst) + i, words[i], true);
	sim_event();
}

static void sim_store(__le64 *dst, u64 val)
{
	sim_add(sim_word(dst), val, false);
	sim_event();
}

static void sim_seen(struct media_site *site)
{
	if (!site->hits++) {
		site->next = sim.sites;
		sim.sites = site;
	}
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
	sim_event();
}

static void sim_fence(struct media_site *site)
{
	static u8 later[NR_WORDS / LINE_WORDS];
	unsigned int kept = 0;

	sim_seen(site);
	if (site->off) {
		sim_event();
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
	sim_event();
}

/* The page is somebody's RAM now. */
static void sim_forget_page(u64 dpn)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < 512; i++) {
		sim.live[dpn * 512 + i] = FAKE_GARBAGE;
		sim.durable[dpn * 512 + i] = FAKE_GARBAGE;
	}
	for (unsigned int i = 0; i < sim.nr_pending; i++)
		if (sim.pending[i].word / 512 != dpn)
			sim.pending[kept++] = sim.pending[i];
	sim.nr_pending = kept;
	sim.generation++;
}

static const struct media_ops sim_ops = {
	.copy = sim_copy,
	.store = sim_store,
	.wb = sim_wb,
	.fence = sim_fence,
};

/*
 * What is wanted
 */

/* From MOVE on: no update. */
enum op_kind { END, WRITE, ATOMIC, DISCARD, DROP, MOVE, MOVE_LEAF };

struct op {
	enum op_kind kind;
	u32 lblk;
	u32 nr;
};

struct scenario {
	const char *name;
	u64 nr_lblks;
	struct op init[4];
	struct op thread[2][5];
};

/* Blocks that scenarios use, by a small number. */
enum { MAX_BLOCKS = 32 };

static struct {
	unsigned int nr;
	u32 lblk[MAX_BLOCKS];
	u32 acked[MAX_BLOCKS];
	/* Per thread: the operation that runs. */
	struct {
		const struct op *op;
		u32 version;
		/* Somebody else touched the block meanwhile. */
		bool shared[MAX_BLOCKS];
	} running[2];
} model;

static unsigned long nr_images, nr_points, nr_sampled;
static const char *violation;
static char violation_text[200];
static jmp_buf on_violation, on_contention;

static void __attribute__((noreturn)) violate(const char *what, long a, long b)
{
	violation = what;
	snprintf(violation_text, sizeof(violation_text), "%s (%ld, %ld)", what, a,
		 b);
	longjmp(on_violation, 1);
}

static bool op_covers(const struct op *op, u32 lblk)
{
	return op && lblk >= op->lblk && lblk < op->lblk + op->nr;
}

static void model_add(const struct op *op)
{
	for (u32 lblk = op->lblk; lblk < op->lblk + op->nr; lblk++) {
		unsigned int i;

		/* Of a whole leaf only what something else uses. */
		if (op->kind == DROP || op->kind == MOVE_LEAF)
			return;
		for (i = 0; i < model.nr; i++)
			if (model.lblk[i] == lblk)
				break;
		if (i == MAX_BLOCKS)
			abort();
		if (i == model.nr)
			model.lblk[model.nr++] = lblk;
	}
}

static struct world world;

/* Is what an attach found in an image one of the states that may be? */
static void check_map(const struct kmem_blk_map *map)
{
	s64 seen[MAX_BLOCKS];
	struct kmem_blk_map_count count;
	u64 mapped = 0;

	for (unsigned int i = 0; i < model.nr; i++) {
		bool good;

		seen[i] = world_get(map, model.lblk[i]);
		if (seen[i] < 0)
			violate("a block is not whole", model.lblk[i], 0);
		mapped += !!seen[i];
		good = seen[i] == model.acked[i];
		for (int t = 0; t < 2; t++)
			if (op_covers(model.running[t].op, model.lblk[i]) &&
			    seen[i] == model.running[t].version)
				good = true;
		if (!good)
			violate("a version that was superseded or never written",
				model.lblk[i], seen[i]);
	}

	kmem_blk_map_count(map, &count);
	if (count.mapped_blocks != mapped)
		violate("blocks that nobody wrote", count.mapped_blocks, mapped);
	if (map->kp->nr_used != 2 + count.mapped_blocks + count.node_pages)
		violate("used is not what is in the map", map->kp->nr_used, 0);

	for (int t = 0; t < 2; t++) {
		const struct op *op = model.running[t].op;
		unsigned int there = 0, not_there = 0;

		if (!op || op->kind != ATOMIC)
			continue;
		for (unsigned int i = 0; i < model.nr; i++) {
			if (!op_covers(op, model.lblk[i]) ||
			    model.running[t].shared[i])
				continue;
			if (seen[i] == model.running[t].version)
				there++;
			else
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

static void check_image(void)
{
	static u8 used[NR_PAGES];
	struct kmem_blk_map_error error;
	int held = shim_locks_held;

	nr_images++;
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
	media_ops = &sim_ops;
	shim_locks_held = held;
}

/*
 * All images of a moment
 */

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
	if (!dpn || dpn >= NR_PAGES - 1 || sim_reachable[dpn])
		return;
	sim_reachable[dpn] = true;
	if (level == ~0U)
		return;

	for (unsigned int slot = 0; slot < 512; slot++) {
		u64 word = sim.durable[dpn * 512 + slot];

		if (kmem_blk_entry_type(word) != KMEM_BLK_ENTRY_HOLE)
			reach(level - 1, 0, word & KMEM_BLK_ENTRY_DPN_MASK);
	}
	for (unsigned int i = 0; i < sim.nr_pending; i++) {
		u64 word = sim.pending[i].val;

		if (sim.pending[i].word / 512 == dpn &&
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

static bool checking;
/* Crash for good at this access, see restarts below. */
static unsigned long crash_at;
static jmp_buf on_crash;

static void crash_here(void)
{
	static unsigned long last_hash;
	static u64 chosen[MAX_CHOICES];
	unsigned long hash = sim.generation;
	u64 product = 1, root = le64_to_cpu(world.bsb.root);

	memset(sim_reachable, 0, sizeof(sim_reachable));
	reach(world.map.root_level, 0, root & KMEM_BLK_ENTRY_DPN_MASK);

	nr_choices = 0;
	for (unsigned int i = 0; i < sim.nr_pending; i++) {
		const struct pending *p = &sim.pending[i];

		if (!sim_reachable[p->word / 512])
			continue;
		hash = (hash ^ p->word ^ p->val) * 0x100000001b3UL;
		if (sim.arm)
			add_choice(p->word, i, false);
		else if (p->bulk)
			add_choice(p->word / LINE_WORDS, i, true);
		else
			add_choice(p->word / LINE_WORDS, i, false);
	}
	if (hash == last_hash)
		return;
	last_hash = hash;
	nr_points++;

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

	/* None, all, each missing, each alone, and at random. */
	nr_sampled++;
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
}

/*
 * Operations
 */

/* The thread that does not run is in a read side critical section. */
static bool other_reads;
/* Pages that wait until it is not. */
static u64 waiting[NR_PAGES];
static unsigned int nr_waiting;
/* A mutant: nobody waits. */
static bool no_grace;

static void crash_free(struct world *w, const u64 *dpns, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (!dpns[i])
			continue;
		if (!w->kp->used[dpns[i]])
			violate("a page is freed twice", dpns[i], 0);
		dax_kmem_free_pages(w->kp, &dpns[i], 1);
		sim_forget_page(dpns[i]);
	}
}

static void crash_grace_over(struct world *w)
{
	if (other_reads)
		return;
	crash_free(w, waiting, nr_waiting);
	nr_waiting = 0;
}

static void crash_retire(struct world *w, const u64 *dpns, unsigned int nr)
{
	if (shim_rcu_nesting)
		violate("waits for readers and is one", dpns[0], nr);
	crash_grace_over(w);
	if (other_reads && !no_grace) {
		for (unsigned int i = 0; i < nr; i++) {
			if (!dpns[i])
				continue;
			/* More than there are: one was retired twice. */
			if (nr_waiting == NR_PAGES)
				violate("a page is freed twice", dpns[i], 1);
			waiting[nr_waiting++] = dpns[i];
		}
	} else {
		crash_free(w, dpns, nr);
	}
	if (checking)
		crash_here();
}

static void run_op(const struct op *op, unsigned int thread, u32 version)
{
	unsigned int before = sim.thread;
	int err = 0;

	sim.thread = thread;
	if (op->kind >= DISCARD)
		version = 0;
	model.running[thread].op = op->kind < MOVE ? op : NULL;
	model.running[thread].version = version;
	memset(model.running[thread].shared, 0, MAX_BLOCKS);
	sim.generation++;
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
		err = world_drop(&world, op->lblk / 512);
		break;
	case MOVE:
		err = world_move(&world, op->lblk, op->nr);
		break;
	case MOVE_LEAF:
		err = world_move_leaf(&world, op->lblk / 512);
		break;
	case END:
		abort();
	}
	if (err)
		violate("an operation failed", op->kind, err);
	crash_grace_over(&world);

	/* Acknowledged: from here on nothing older may be seen. */
	for (unsigned int i = 0; i < model.nr; i++) {
		if (op->kind >= MOVE || !op_covers(op, model.lblk[i]))
			continue;
		model.acked[i] = version;
		if (model.running[thread].shared[i]) {
			s64 now = world_get(&world.map, model.lblk[i]);

			if (now < 0)
				violate("a block is not whole", model.lblk[i], -1);
			model.acked[i] = now;
		}
		model.running[!thread].shared[i] = true;
	}
	model.running[thread].op = NULL;
	sim.generation++;
	if (checking)
		crash_here();
	sim.thread = before;
}

static const struct scenario *current_scenario;
static unsigned long preempt_at;
static bool second_ran;

static void run_thread(unsigned int thread)
{
	const struct op *op = current_scenario->thread[thread];

	for (unsigned int i = 0; op[i].kind != END; i++)
		run_op(&op[i], thread, 10 + 100 * thread + i);
}

static void sim_event(void)
{
	sim.events++;
	if (sim.events == crash_at)
		longjmp(on_crash, 1);
	if (sim.events == preempt_at) {
		int held = shim_locks_held, nesting = shim_rcu_nesting;

		/* Nothing before this point differs from the run before. */
		checking = true;
		shim_locks_held = 0;
		shim_rcu_nesting = 0;
		other_reads = nesting;
		second_ran = true;
		run_thread(1);
		other_reads = false;
		shim_rcu_nesting = nesting;
		shim_locks_held = held;
	}
	if (checking)
		crash_here();
}

static void contended(void)
{
	longjmp(on_contention, 1);
}

static void world_end(void)
{
	kmem_blk_map_detach(&world.map);
	fake_kp_delete(world.kp);
}

/*
 * Run a scenario with thread 1 at access @at of thread 0, or without (0).
 * Returns the number of accesses, 0 after a violation.
 */
static unsigned long run_once(const struct scenario *s, unsigned long at, bool arm)
{
	static u64 live[NR_WORDS] __attribute__((__aligned__(4096)));
	volatile unsigned long events = 0;

	for (unsigned int i = 0; i < NR_WORDS; i++)
		live[i] = sim.durable[i] = FAKE_GARBAGE;
	sim.live = live;
	sim.nr_pending = 0;
	sim.thread = 0;
	sim.arm = arm;
	sim.generation += 1000;
	memset(&model, 0, sizeof(model));
	current_scenario = s;
	preempt_at = 0;
	second_ran = false;
	checking = false;
	violation = NULL;
	shim_locks_held = 0;
	shim_rcu_nesting = 0;
	other_reads = false;
	nr_waiting = 0;

	for (unsigned int i = 0; s->init[i].kind != END; i++)
		model_add(&s->init[i]);
	for (int t = 0; t < 2; t++)
		for (unsigned int i = 0; s->thread[t][i].kind != END; i++)
			model_add(&s->thread[t][i]);

	if (setjmp(on_violation))
		goto out;
	media_ops = &sim_ops;
	world_new(&world, fake_kp_over((u8 *)live, NR_PAGES), s->nr_lblks);
	world.kp->scribble = false;
	world.retire = crash_retire;
	world.release = crash_free;
	world.pause = sim_event;
	for (unsigned int i = 0; s->init[i].kind != END; i++)
		run_op(&s->init[i], 0, 1 + i);

	sim.events = 0;
	preempt_at = at;
	/* With a second thread the interesting part begins where it runs. */
	checking = !at;
	if (!at)
		crash_here();
	shim_lock_contended = contended;
	if (setjmp(on_contention))
		goto contention;
	run_thread(0);
	if (at && !second_ran) {
		preempt_at = 0;
		checking = true;
		run_thread(1);
	}
	if (!world_adds_up(&world))
		violate("a page is used by nobody", world.kp->nr_used, 0);
	events = sim.events;
contention:
	if (!events && !violation)
		events = 1;
out:
	shim_lock_contended = NULL;
	shim_locks_held = 0;
	shim_rcu_nesting = 0;
	media_ops = NULL;
	kmem_blk_map_detach(&image_map);
	world_end();
	return violation ? 0 : events;
}

/* All orders of a scenario; false after a violation. */
static bool run_scenario(const struct scenario *s, bool arm)
{
	struct scenario first = *s;
	unsigned long events;

	/* Thread 0 alone, for the number of its accesses. */
	memset(first.thread[1], 0, sizeof(first.thread[1]));
	events = run_once(&first, 0, arm);
	if (!events)
		return false;
	if (s->thread[1][0].kind == END)
		return true;
	for (unsigned long at = 1; at <= events; at++)
		if (!run_once(s, at, arm))
			return false;
	return true;
}

#define TINY	100			/* the root is the leaf */
#define SMALL	(3 * 512)		/* the parent of leaves is the root */
#define LARGE	(3 << 18)		/* there is a level between them */

static const struct scenario scenarios[] = {
	{ "first write", SMALL, {}, { { { WRITE, 0, 1 } } } },
	{ "first write, a level to grow", LARGE, {}, { { { WRITE, 0, 1 } } } },
	{ "overwrite", SMALL, { { WRITE, 0, 2 } }, { { { WRITE, 0, 1 } } } },
	{ "overwrite of many, two lines", SMALL, { { WRITE, 5, 3 } },
	  { { { WRITE, 4, 6 } } } },
	{ "pages are used again", SMALL, { { WRITE, 0, 2 } },
	  { { { WRITE, 0, 1 }, { WRITE, 0, 2 }, { WRITE, 1, 1 } } } },
	{ "discard, then write", SMALL, { { WRITE, 0, 3 } },
	  { { { DISCARD, 0, 2 }, { WRITE, 1, 1 } } } },
	{ "discard of the last block", SMALL, { { WRITE, 0, 2 } },
	  { { { DISCARD, 0, 2 }, { WRITE, 3, 1 } } } },
	{ "a leaf dropped, then written", SMALL, { { WRITE, 0, 2 } },
	  { { { DROP, 0, 512 }, { WRITE, 0, 1 } } } },
	{ "two leaves, one dropped", LARGE, { { WRITE, 0, 2 }, { WRITE, 512, 1 } },
	  { { { DROP, 0, 512 }, { WRITE, 513, 2 } } } },
	{ "atomic on blocks and a hole", SMALL, { { WRITE, 0, 2 }, { WRITE, 3, 1 } },
	  { { { ATOMIC, 0, 3 } } } },
	{ "atomic without a leaf", SMALL, {}, { { { ATOMIC, 0, 3 } } } },
	{ "atomic without a level", LARGE, {}, { { { ATOMIC, 510, 2 } } } },
	{ "atomic twice", SMALL, { { WRITE, 0, 4 } },
	  { { { ATOMIC, 0, 3 }, { ATOMIC, 1, 3 } } } },
	{ "atomic, overwrite, discard", SMALL, { { WRITE, 6, 4 } },
	  { { { ATOMIC, 6, 4 }, { WRITE, 7, 1 }, { DISCARD, 6, 4 } } } },
	{ "a bit of all", LARGE, { { WRITE, 0, 2 } },
	  { { { WRITE, 1 << 18, 2 }, { ATOMIC, 0, 2 }, { DROP, 0, 512 },
	      { ATOMIC, 1 << 18, 2 } } } },
	{ "move", SMALL, { { WRITE, 0, 2 } }, { { { MOVE, 0, 1 } } } },
	{ "move of many, two lines, holes", SMALL,
	  { { WRITE, 5, 2 }, { WRITE, 9, 1 } },
	  { { { MOVE, 4, 7 } } } },
	{ "moved, pages are used again", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 }, { WRITE, 0, 1 }, { MOVE, 0, 2 },
	      { DISCARD, 1, 1 } } } },
	{ "move, the root is the leaf", TINY, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 }, { MOVE_LEAF, 0, 512 }, { WRITE, 1, 1 } } } },
	{ "move of what is not there", SMALL, {},
	  { { { MOVE, 0, 1 }, { MOVE_LEAF, 0, 512 }, { WRITE, 0, 1 } } } },
	{ "move of a leaf, then write", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE_LEAF, 0, 512 }, { WRITE, 1, 2 } } } },
	{ "move of a leaf twice, a level above", LARGE,
	  { { WRITE, 0, 2 }, { WRITE, 512, 1 } },
	  { { { MOVE_LEAF, 0, 512 }, { MOVE_LEAF, 0, 512 }, { WRITE, 512, 1 } } } },
	{ "blocks and leaf move, all else", LARGE, { { WRITE, 0, 3 } },
	  { { { MOVE, 0, 3 }, { MOVE_LEAF, 0, 512 }, { ATOMIC, 1, 2 },
	      { DROP, 0, 512 } } } },
	{ "2T: same block", SMALL, { { WRITE, 0, 1 } },
	  { { { WRITE, 0, 1 } }, { { WRITE, 0, 1 } } } },
	{ "2T: same line", SMALL, { { WRITE, 0, 2 } },
	  { { { WRITE, 0, 1 } }, { { WRITE, 1, 1 } } } },
	{ "2T: same leaf is missing", SMALL, {},
	  { { { WRITE, 0, 1 } }, { { WRITE, 1, 1 } } } },
	{ "2T: two leaves, one line of the parent", SMALL, {},
	  { { { WRITE, 0, 1 } }, { { WRITE, 512, 1 } } } },
	{ "2T: same level is missing", LARGE, {},
	  { { { WRITE, 0, 1 } }, { { WRITE, 512, 1 } } } },
	{ "2T: same level and leaf are missing", LARGE, {},
	  { { { WRITE, 0, 1 } }, { { ATOMIC, 1, 2 } } } },
	{ "2T: write, leaf emptied", SMALL, { { WRITE, 0, 1 } },
	  { { { WRITE, 0, 1 } }, { { DISCARD, 0, 1 } } } },
	{ "2T: write elsewhere, leaf emptied", SMALL, { { WRITE, 0, 1 } },
	  { { { WRITE, 1, 1 } }, { { DISCARD, 0, 1 } } } },
	{ "2T: leaf emptied, write", SMALL, { { WRITE, 0, 1 } },
	  { { { DISCARD, 0, 1 } }, { { WRITE, 1, 1 } } } },
	{ "2T: leaf dropped, write", SMALL, { { WRITE, 0, 2 } },
	  { { { DROP, 0, 512 } }, { { WRITE, 1, 1 } } } },
	{ "2T: write, leaf dropped", SMALL, { { WRITE, 0, 2 } },
	  { { { WRITE, 1, 1 } }, { { DROP, 0, 512 } } } },
	{ "2T: atomic, write in the leaf", SMALL, { { WRITE, 0, 3 } },
	  { { { ATOMIC, 0, 2 } }, { { WRITE, 2, 1 } } } },
	{ "2T: write, atomic in the leaf", SMALL, { { WRITE, 0, 3 } },
	  { { { WRITE, 2, 1 } }, { { ATOMIC, 0, 2 } } } },
	{ "2T: write, atomic over it", SMALL, { { WRITE, 0, 3 } },
	  { { { WRITE, 1, 1 } }, { { ATOMIC, 0, 3 } } } },
	{ "2T: atomic, discard in the leaf", SMALL, { { WRITE, 0, 3 } },
	  { { { ATOMIC, 0, 2 } }, { { DISCARD, 2, 1 } } } },
	{ "2T: atomic, atomic", SMALL, { { WRITE, 0, 4 } },
	  { { { ATOMIC, 0, 2 } }, { { ATOMIC, 2, 2 } } } },
	{ "2T: atomic, leaf of the neighbour is missing", SMALL, { { WRITE, 0, 2 } },
	  { { { ATOMIC, 0, 2 } }, { { WRITE, 512, 1 } } } },
	{ "2T: move, write", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 } }, { { WRITE, 0, 1 } } } },
	{ "2T: move, written twice", SMALL, { { WRITE, 0, 1 } },
	  { { { MOVE, 0, 1 } }, { { WRITE, 0, 1 }, { WRITE, 0, 1 } } } },
	{ "2T: move, discard", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 } }, { { DISCARD, 1, 1 } } } },
	{ "2T: move, leaf emptied", SMALL, { { WRITE, 0, 1 } },
	  { { { MOVE, 0, 1 } }, { { DISCARD, 0, 1 } } } },
	{ "2T: move, leaf dropped and made again", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 } }, { { DROP, 0, 512 }, { WRITE, 0, 1 } } } },
	{ "2T: move, atomic over it", SMALL, { { WRITE, 0, 3 } },
	  { { { MOVE, 1, 2 } }, { { ATOMIC, 0, 2 } } } },
	{ "2T: move, move", SMALL, { { WRITE, 0, 3 } },
	  { { { MOVE, 0, 2 } }, { { MOVE, 1, 2 } } } },
	{ "2T: move, leaf moves", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 } }, { { MOVE_LEAF, 0, 512 } } } },
	{ "2T: write, move", SMALL, { { WRITE, 0, 2 } },
	  { { { WRITE, 0, 1 } }, { { MOVE, 0, 2 } } } },
	{ "2T: atomic, move", SMALL, { { WRITE, 0, 3 } },
	  { { { ATOMIC, 0, 2 } }, { { MOVE, 1, 2 } } } },
	{ "2T: discard, move", SMALL, { { WRITE, 0, 2 } },
	  { { { DISCARD, 0, 2 } }, { { MOVE, 0, 2 } } } },
	{ "2T: leaf dropped, move", SMALL, { { WRITE, 0, 2 } },
	  { { { DROP, 0, 512 } }, { { MOVE, 0, 2 } } } },
	{ "2T: leaf moves, write", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE_LEAF, 0, 512 } }, { { WRITE, 1, 1 } } } },
	{ "2T: leaf moves, atomic", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE_LEAF, 0, 512 } }, { { ATOMIC, 0, 2 }, { WRITE, 2, 1 } } } },
	{ "2T: leaf moves, dropped and made again", SMALL, { { WRITE, 0, 1 } },
	  { { { MOVE_LEAF, 0, 512 } }, { { DROP, 0, 512 }, { WRITE, 1, 1 } } } },
	{ "2T: leaf moves, move", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE_LEAF, 0, 512 } }, { { MOVE, 0, 2 } } } },
	{ "2T: leaf moves, leaf moves", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE_LEAF, 0, 512 } }, { { MOVE_LEAF, 0, 512 } } } },
	{ "2T: leaf moves, leaf of the neighbour is missing", SMALL,
	  { { WRITE, 0, 1 } },
	  { { { MOVE_LEAF, 0, 512 } }, { { WRITE, 512, 1 } } } },
	{ "2T: write, leaf moves", SMALL, { { WRITE, 0, 2 } },
	  { { { WRITE, 1, 2 } }, { { MOVE_LEAF, 0, 512 } } } },
	{ "2T: atomic, leaf moves", SMALL, { { WRITE, 0, 2 } },
	  { { { ATOMIC, 0, 2 } }, { { MOVE_LEAF, 0, 512 } } } },
	{ "2T: discard, leaf moves", SMALL, { { WRITE, 0, 2 } },
	  { { { DISCARD, 0, 2 } }, { { MOVE_LEAF, 0, 512 } } } },
	{ "2T: three and two", SMALL, { { WRITE, 0, 2 } },
	  { { { WRITE, 0, 1 }, { DISCARD, 1, 1 }, { WRITE, 1, 1 } },
	    { { WRITE, 1, 1 }, { ATOMIC, 2, 2 } } } },
};

static int nr_passed, nr_failed;

static void result(bool good, const char *what, const char *name)
{
	static int nr;

	printf("%s %d - crash: %s%s\n", good ? "ok" : "not ok", ++nr, what, name);
	if (good)
		nr_passed++;
	else
		nr_failed++;
}

/* The first scenario that notices what is left out now. */
static const char *caught_by(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(scenarios); i++)
		if (!run_scenario(&scenarios[i], false))
			return scenarios[i].name;
	return NULL;
}

static bool print_mutant(const char *what, const char *by)
{
	printf("  %s: %s\n", what, by ? by : "SURVIVES");
	if (by)
		printf("    %s\n", violation_text);
	return by;
}

static const char *run_mutant(bool *mutant)
{
	const char *by;

	*mutant = true;
	by = caught_by();
	*mutant = false;
	return by;
}

/* Leave out the locks, the grace periods, then one write back or fence at a time. */
static void run_mutants(void)
{
	unsigned int nr = 2, caught;
	const char *by;

	caught = print_mutant("no locks", run_mutant(&shim_locks_off));
	caught += print_mutant("no grace periods", run_mutant(&no_grace));
	for (struct media_site *site = sim.sites; site; site = site->next) {
		by = run_mutant(&site->off);
		printf("  no %s in %s():%d: %s\n", site->what, site->func,
		       site->line, by ? by : "SURVIVES");
		if (by)
			printf("    %s\n", violation_text);
		nr++;
		caught += !!by;
	}
	printf("  %u mutants, %u caught\n", nr, caught);
	result(nr >= 16 && caught == nr, "every mutant is caught", "");
}

#ifdef MAP_MUTANTS
/* The numbers are those in mutants.sed. */
static void run_source_mutants(void)
{
	static const char *const names[] = {
		"as it is",
		"no compare in kmem_blk_map_move()",
		"no word about what did not move",
		"no lock in kmem_blk_map_move()",
		"no compare in kmem_blk_map_move_leaf()",
		"no lock in kmem_blk_map_move_leaf()",
	};
	unsigned int caught = 0;

	/* With nothing left out it has to be as good as the original. */
	result(!caught_by(), "the source of the mutants", "");
	for (mutant_nr = 1; mutant_nr < ARRAY_SIZE(names); mutant_nr++) {
		caught += print_mutant(names[mutant_nr], caught_by());
		shim_locks_off = false;
	}
	printf("  %zu mutants, %u caught\n", ARRAY_SIZE(names) - 1, caught);
	result(caught == ARRAY_SIZE(names) - 1,
	       "every mutant in the source is caught", "");
}
#endif

/*
 * At random
 */

/* Blocks close to each other, to a line, to a leaf and to a node. */
static struct op random_op(bool large)
{
	static const u32 bases[] = { 0, 6, 510, 512, (1 << 18) - 2, 1 << 18 };
	u32 kinds = pick(100);
	struct op op = {
		.kind = kinds < 36 ? WRITE : kinds < 54 ? ATOMIC :
			kinds < 74 ? DISCARD : kinds < 82 ? DROP :
			kinds < 93 ? MOVE : MOVE_LEAF,
		.lblk = bases[pick(large ? 6 : 4)] + pick(2),
		.nr = 1 + pick(3),
	};

	op.nr = min(op.nr, 512 - op.lblk % 512);
	if (op.kind == DROP || op.kind == MOVE_LEAF) {
		op.lblk &= ~511U;
		op.nr = 512;
	}
	return op;
}

static void print_op(const struct op *op)
{
	static const char *const names[] = {
		"END", "WRITE", "ATOMIC", "DISCARD", "DROP", "MOVE", "MOVE_LEAF",
	};

	printf(" { %s, %u, %u }", names[op->kind], op->lblk, op->nr);
}

static void run_random(unsigned int nr)
{
	unsigned long images = nr_images;
	bool good = true;

	for (unsigned int n = 0; n < nr && good; n++) {
		bool large = pick(3) == 0;
		struct scenario s = {
			.name = "random",
			.nr_lblks = large ? LARGE : SMALL,
		};

		for (unsigned int i = pick(3); i--;) {
			s.init[i] = random_op(large);
			if (s.init[i].kind > ATOMIC)
				s.init[i].kind = WRITE, s.init[i].nr = 1;
		}
		for (unsigned int i = 1 + pick(3); i--;)
			s.thread[0][i] = random_op(large);
		for (unsigned int i = 1 + pick(2); i--;)
			s.thread[1][i] = random_op(large);

		good = run_scenario(&s, n & 1);
		if (good)
			continue;
		printf("  %s, scenario %u:", violation_text, n);
		for (unsigned int i = 0; s.init[i].kind != END; i++)
			print_op(&s.init[i]);
		for (int t = 0; t < 2; t++) {
			printf(", thread %d:", t);
			for (unsigned int i = 0; s.thread[t][i].kind != END; i++)
				print_op(&s.thread[t][i]);
		}
		printf("\n");
	}
	printf("  %u scenarios, %lu images\n", nr, nr_images - images);
	result(good, "random scenarios", "");
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

static void run_restarts(unsigned int nr)
{
	static struct scenario s = { .name = "restarts", .nr_lblks = LARGE };
	static struct op op;
	volatile unsigned int crashes = 0, version = 2;
	volatile bool good = true;
	struct kmem_blk_map_error error;

	/* A device, and blocks to look at. */
	good = run_once(&s, 0, false);
	memset(&model, 0, sizeof(model));
	for (unsigned int i = 0; i < 3; i++)
		model_add(&(struct op) { WRITE, i << 18, 4 });
	model_add(&(struct op) { WRITE, 508, 8 });
	model_add(&(struct op) { WRITE, 6, 4 });

	for (volatile unsigned int n = 0; n < nr && good; n++) {
		world.kp = fake_kp_over((u8 *)sim.live, NR_PAGES);
		world.kp->scribble = false;
		media_ops = NULL;
		if (setjmp(on_violation)) {
			printf("  %s, after %u crashes\n", violation_text, crashes);
			good = false;
			goto next;
		}
		if (kmem_blk_map_attach(&world.map, world.kp, &world.bsb, &error))
			violate(error.reason, error.level, error.index);
		check_map(&world.map);
		for (unsigned int i = 0; i < model.nr; i++)
			model.acked[i] = world_get(&world.map, model.lblk[i]);
		memset(model.running, 0, sizeof(model.running));

		/* Free pages are RAM: somebody else uses them before we do. */
		for (u64 dpn = 1; dpn < NR_PAGES - 1; dpn++)
			if (!world.kp->used[dpn])
				sim_forget_page(dpn);

		media_ops = &sim_ops;
		checking = false;
		sim.events = 0;
		crash_at = 1 + pick(n & 1 ? 300 : 30);
		if (setjmp(on_crash)) {
			/* Fills in the choices, checks them on the way. */
			crash_at = 0;
			crash_here();
			crash_for_good();
			crashes++;
			goto next;
		}
		for (;;) {
			u64 i = pick(model.nr);

			op = random_op(true);
			op.lblk = model.lblk[i];
			op.nr = i + 1 < model.nr &&
				model.lblk[i + 1] == op.lblk + 1 &&
				op.lblk % 512 != 511 ? 1 + pick(2) : 1;
			if (op.kind == DROP || op.kind == MOVE_LEAF) {
				op.lblk &= ~511U;
				op.nr = 512;
			}
			/* What a crash interrupts may be there: never again. */
			run_op(&op, 0, version++);
		}
next:
		crash_at = 0;
		media_ops = NULL;
		shim_locks_held = 0;
		shim_rcu_nesting = 0;
		kmem_blk_map_detach(&image_map);
		world_end();
	}
	printf("  %u crashes, %u operations\n", crashes, version - 2);
	result(good && crashes == nr, "crash, go on, crash", "");
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	image_kp = fake_kp_over((u8 *)image, NR_PAGES);
#ifdef MAP_MUTANTS
	run_source_mutants();
	fake_kp_delete(image_kp);
	printf("%d passed, %d failed\n", nr_passed, nr_failed);
	return !!nr_failed;
#endif
	for (int arm = 0; arm < 2; arm++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(scenarios); i++) {
			unsigned long images = nr_images, points = nr_points;
			bool good = run_scenario(&scenarios[i], arm);

			if (!good)
				printf("  %s\n", violation_text);
			if (argc > 1)
				printf("  %lu moments, %lu images\n",
				       nr_points - points, nr_images - images);
			result(good, arm ? "arm64, " : "x86, ", scenarios[i].name);
		}
	}
	printf("  %lu moments (%lu sampled), %lu images\n", nr_points, nr_sampled,
	       nr_images);
	run_random(400);
	run_restarts(1000);
	run_mutants();
	fake_kp_delete(image_kp);
	printf("%d passed, %d failed\n", nr_passed, nr_failed);
	return !!nr_failed;
}

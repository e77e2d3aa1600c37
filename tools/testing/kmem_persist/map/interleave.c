// SPDX-License-Identifier: GPL-2.0
/*
 * All orders of a few operations of up to three threads, and a crash at each moment
 *
 * Media, images and what is wanted: crash.h. A world is a small device, what is on
 * it, and what each thread does. Threads are coroutines; others may run after each
 * access to the media, each lock and unlock, and where an operation waits for
 * something else. All orders are tried, depth first. A state is all that has an
 * effect on what follows: media, map, pages, what is wanted, and the stack of each
 * thread. One that was met before is left out; so is a moment whose images were
 * checked already.
 *
 * A lock that is not free is waited for; if nobody can go on, that is a deadlock.
 * RCU: a page that is retired while others read is RAM when the last of them has
 * left its critical section. Loads and stores of threads take effect in the order
 * of the source: what may be reordered is only what becomes durable.
 *
 * A world and an order of its threads are one word, as the argument of --replay:
 *
 *   x86:48:W0.2:W0.1,R1.1/D0.1:a3b2a
 *
 * rules; blocks of the device; operations before; those of thread a, of b ...; who
 * makes how many steps. KIND LBLK.NR, kinds: see op_letters.
 *
 * usage: interleave [--mutant NAME]            small worlds
 *        interleave --deep FILE SECONDS        on with larger ones, from where FILE is
 *        interleave [--mutant NAME] --replay WORD
 * Mutants, by number, name or FUNCTION:LINE, are those that interleave-mutants lists.
 */

#include "crash.h"
#include <ctype.h>
#include <signal.h>
#include <time.h>
#include <ucontext.h>

enum {
	STACK_BYTES = 1 << 16,
	/* So far below let_others_run() nothing of a thread is left. */
	STACK_SLACK = 256,
	MAX_STEPS = 2000,
	MAX_WORD = 4000,
};

/*
 * Threads
 */

/**
 * struct thread - one that does not run now
 * @at: where it goes on
 * @sp: the lowest byte of its stack that is in use
 * @waits: lock that it waits for
 * @op: operations that are done
 * @locks: locks that it holds
 * @nesting: read side critical sections that it is in
 * @locks_off: a mutant: locks keep it not out
 */
struct thread {
	jmp_buf at;
	char *sp;
	const spinlock_t *waits;
	unsigned int op;
	int locks;
	int nesting;
	bool locks_off;
};

static struct thread threads[MAX_THREADS];
static char stacks[MAX_THREADS][STACK_BYTES] __attribute__((__aligned__(64)));
static jmp_buf scheduler;
static const struct scenario *scenario;
/* Who runs; -1: none of them. */
static int current = -1;
/* Say what happens. */
static bool telling;

static const char op_letters[] = ".WADXOGMLSHR";

/* Others may run, or nobody ever again. */
static void __attribute__((__noinline__)) let_others_run(void)
{
	struct thread *th = &threads[current];

	th->sp = (char *)__builtin_frame_address(0) - STACK_SLACK;
	if (!_setjmp(th->at))
		_longjmp(scheduler, 1);
}

static void thread_main(void)
{
	const unsigned int t = current;

	let_others_run();
	for (unsigned int i = 0; scenario->thread[t][i].kind != END; i++)
		run_op(&scenario->thread[t][i], t, op_version(t, i));
	abort();
}

static bool thread_done(unsigned int t)
{
	return scenario->thread[t][threads[t].op].kind == END;
}

static bool thread_runs(unsigned int t)
{
	const struct thread *th = &threads[t];

	return !thread_done(t) && !(th->waits && th->waits->locked);
}

static u8 threads_that_read(void)
{
	u8 mask = 0;

	for (int t = 0; t < MAX_THREADS; t++)
		if (threads[t].nesting)
			mask |= BIT(t);
	return mask;
}

static void switch_to(unsigned int t, void (*how)(struct thread *th))
{
	struct thread *th = &threads[t];

	current = t;
	sim.thread = t;
	readers = threads_that_read() & ~BIT(t);
	shim_locks_held = th->locks;
	shim_rcu_nesting = th->nesting;
	shim_locks_off = th->locks_off;
	th->waits = NULL;
	if (!_setjmp(scheduler))
		how(th);
	th = &threads[current];
	th->locks = shim_locks_held;
	th->nesting = shim_rcu_nesting;
	th->locks_off = shim_locks_off;
	/* What a function leaves behind is no difference between two states. */
	memset(th->sp - STACK_BYTES / 32, 0, STACK_BYTES / 32);
	current = -1;
	shim_locks_held = 0;
	shim_rcu_nesting = 0;
	shim_locks_off = false;
	readers = threads_that_read();
	crash_grace(&world);
	/* What was freed last is used first. */
	world.kp->hint = 0;
}

static void thread_resume(struct thread *th)
{
	_longjmp(th->at, 1);
}

static void thread_begin(struct thread *th)
{
	static ucontext_t context;

	getcontext(&context);
	context.uc_stack.ss_sp = stacks[th - threads];
	context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&context, thread_main, 0);
	setcontext(&context);
}

static void tell(const char *what, s64 word)
{
	const struct op *op = &scenario->thread[current][threads[current].op];

	printf("  %c: %s %u+%u: %s", 'a' + current, op_names[op->kind], op->lblk,
	       op->nr, what);
	if (word >= 0)
		printf(" page %u, word %u", (u32)word / PAGE_WORDS,
		       (u32)word % PAGE_WORDS);
	if (word >= 0 && !strcmp(what, "store"))
		printf(" = %s, page %llu",
		       kmem_blk_entry_type(sim.live[word]) ==
		       KMEM_BLK_ENTRY_HOLE ? "hole" :
		       kmem_blk_entry_type(sim.live[word]) ==
		       KMEM_BLK_ENTRY_DATA ? "data" :
		       kmem_blk_entry_type(sim.live[word]) ==
		       KMEM_BLK_ENTRY_LOST ? "lost" : "node",
		       (u64)(sim.live[word] & KMEM_BLK_ENTRY_DPN_MASK));
	if (sim.site)
		printf(" (%s:%d)", sim.site->func, sim.site->line);
	printf("\n");
}

static void sim_event(const char *what, s64 word)
{
	if (current >= 0) {
		if (telling)
			tell(what, word);
		sim.site = NULL;
		threads[current].op += !strcmp(what, "done");
		let_others_run();
	}
}

static void lock_event(const char *what)
{
	sim_event(what, -1);
}

static void lock_contended(const spinlock_t *lock)
{
	threads[current].waits = lock;
	sim_event("waits for the lock", -1);
}

/*
 * States
 */

/* Numbers that were met; 0 stands for an empty place. */
struct set {
	u64 *slots;
	size_t size, nr;
};

static struct set states, moments;

static void set_clear(struct set *set)
{
	free(set->slots);
	set->size = 1 << 10;
	set->slots = calloc(set->size, sizeof(u64));
	set->nr = 0;
}

/* False if it is there already. */
static bool set_add(struct set *set, u64 val)
{
	size_t i;

	val += !val;
	for (i = val % set->size; set->slots[i]; i = (i + 1) % set->size)
		if (set->slots[i] == val)
			return false;
	set->slots[i] = val;
	if (++set->nr * 2 > set->size) {
		struct set old = *set;

		set->size *= 2;
		set->slots = calloc(set->size, sizeof(u64));
		set->nr = 0;
		for (i = 0; i < old.size; i++)
			if (old.slots[i])
				set_add(set, old.slots[i]);
		free(old.slots);
	}
	return true;
}

/* What a state consists of, besides the order of what is pending. */
static void state_each(void (*part)(void *at, size_t len))
{
	part(threads, sizeof(threads));
	for (int t = 0; t < MAX_THREADS; t++)
		if (threads[t].sp)
			part(threads[t].sp,
			     stacks[t] + STACK_BYTES - threads[t].sp);
	part(&model, sizeof(model));
	part(waiting, sizeof(waiting));
	part(readers_at_begin, sizeof(readers_at_begin));
	part(sim.durable, sizeof(sim.durable));
	part(world.kp->used, NR_PAGES);
	part(&world.kp->nr_used, sizeof(world.kp->nr_used));
	part(world.map.leaves, world.map.nr_leaves * sizeof(*world.map.leaves));
	part(&world.map.tree_lock, sizeof(world.map.tree_lock));
	for (unsigned int level = 1; level <= world.map.root_level; level++)
		part(world.map.nodes[level], sizeof(*world.map.nodes[level]) *
		     kmem_blk_level_nodes(world.map.nr_lblks, level));
}

static u64 hash_of(u64 hash, const void *at, size_t len)
{
	const u8 *bytes = at;
	u64 val;

	for (; len >= 8; len -= 8, bytes += 8) {
		memcpy(&val, bytes, 8);
		hash = mix(hash, val);
	}
	for (; len; len--)
		hash = mix(hash, *bytes++);
	return hash;
}

static u64 state_sum;

static void state_hash_part(void *at, size_t len)
{
	state_sum = hash_of(state_sum, at, len);
}

static u64 state_hash(void)
{
	state_sum = sim_hash_pending(NULL, true);
	state_each(state_hash_part);
	return state_sum;
}

static bool moment_is_new(u64 pending)
{
	u64 hash = hash_of(pending, &model, sizeof(model));

	for (u64 dpn = 0; dpn < NR_PAGES; dpn++)
		if (sim_reachable[dpn])
			hash = hash_of(hash + dpn, sim.durable + dpn * PAGE_WORDS,
				       FAKE_PAGE);
	return set_add(&moments, hash);
}

/* States to come back to, one behind the other. */
static u8 store[64 << 20];
static size_t stored;

static void state_save_part(void *at, size_t len)
{
	if (stored + len > sizeof(store))
		abort();
	memcpy(store + stored, at, len);
	stored += len;
}

static void state_restore_part(void *at, size_t len)
{
	memcpy(at, store + stored, len);
	stored += len;
}

static void state_save(void)
{
	state_each(state_save_part);
	state_save_part(sim.live, NR_WORDS * sizeof(u64));
	state_save_part(&sim.nr_pending, sizeof(sim.nr_pending));
	state_save_part(sim.pending, sim.nr_pending * sizeof(*sim.pending));
}

static void state_restore(size_t from)
{
	stored = from;
	state_each(state_restore_part);
	state_restore_part(sim.live, NR_WORDS * sizeof(u64));
	state_restore_part(&sim.nr_pending, sizeof(sim.nr_pending));
	state_restore_part(sim.pending, sim.nr_pending * sizeof(*sim.pending));
}

/*
 * The search
 */

/* A world with more states is cut, and counted as such. */
static size_t max_states = 300000;
static u8 path[MAX_STEPS];
static unsigned int depth;
static unsigned long nr_worlds, nr_states, nr_steps, nr_cut;

/* Nobody goes on: is that because all are done? */
static void check_end(void)
{
	for (int t = 0; t < MAX_THREADS; t++)
		if (!thread_done(t))
			violate("a deadlock", t, threads[t].op);
	check_map(&world.map);
	if (!world_adds_up(&world))
		violate("a page is used by nobody", world.kp->nr_used, 0);
}

static void make_step(unsigned int t)
{
	if (depth == MAX_STEPS)
		violate("this does not end", t, threads[t].op);
	path[depth++] = t;
	nr_steps++;
	switch_to(t, thread_resume);
}

static void explore(void)
{
	size_t here = stored;
	bool any = false;

	state_save();
	for (int t = 0; t < MAX_THREADS; t++) {
		if (states.nr >= max_states)
			break;
		if (any)
			state_restore(here);
		if (!thread_runs(t))
			continue;
		any = true;
		make_step(t);
		if (set_add(&states, state_hash())) {
			nr_states++;
			crash_here();
			explore();
		}
		depth--;
	}
	if (!any && states.nr < max_states)
		check_end();
	stored = here;
}

/* One order, step by step. Says so where it does not exist. */
static void follow(const u8 *steps, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (!thread_runs(steps[i])) {
			printf("  %c: cannot go on here: there is no such order\n",
			       'a' + steps[i]);
			return;
		}
		make_step(steps[i]);
		crash_here();
	}
	for (int t = 0; t < MAX_THREADS; t++)
		if (thread_runs(t))
			return;
	check_end();
}

/* All orders of a world, or one. Returns false after a violation. */
static bool run_world(const struct scenario *s, bool arm, const u8 *steps,
		      unsigned int nr)
{
	scenario = s;
	depth = 0;
	stored = 0;
	nr_worlds++;
	set_clear(&states);
	set_clear(&moments);
	memset(threads, 0, sizeof(threads));
	memset(stacks, 0, sizeof(stacks));
	if (_setjmp(on_violation))
		goto out;
	sim_start(s, arm);
	for (int t = 0; t < MAX_THREADS; t++) {
		threads[t].locks_off = no_locks;
		if (!thread_done(t))
			switch_to(t, thread_begin);
	}
	sim.site = NULL;
	crash_here();
	if (steps)
		follow(steps, nr);
	else
		explore();
	nr_cut += states.nr >= max_states;
out:
	current = -1;
	sim_stop();
	return !violation;
}

static void on_signal(int sig)
{
	violate("the code under test dies", sig, 0);
}

/*
 * Worlds as words
 */

static char *put_ops(char *to, const struct op *op)
{
	for (; op->kind != END; op++)
		to += sprintf(to, "%c%u.%u%s", op_letters[op->kind], op->lblk,
			      op->nr, op[1].kind ? "," : "");
	return to;
}

/* A world and the steps of @path. */
static const char *put_world(const struct scenario *s, bool arm)
{
	static char word[MAX_WORD * 4];
	char *to = word;

	to += sprintf(to, "%s:%llu:", arm ? "arm64" : "x86",
		      (unsigned long long)s->nr_lblks);
	to = put_ops(to, s->init);
	for (int t = 0; t < MAX_THREADS && s->thread[t][0].kind; t++) {
		*to++ = t ? '/' : ':';
		to = put_ops(to, s->thread[t]);
	}
	*to++ = ':';
	for (unsigned int i = 0, n; i < depth; i += n) {
		for (n = 1; i + n < depth && path[i + n] == path[i]; n++)
			;
		*to++ = 'a' + path[i];
		if (n > 1)
			to += sprintf(to, "%u", n);
	}
	*to = 0;
	return word;
}

static const char *get_ops(const char *from, struct op *op, unsigned int max,
			   u64 nr_lblks)
{
	unsigned int used;

	while (isupper(*from) && max-- > 1) {
		const char *letter = strchr(op_letters, *from);

		if (!letter || sscanf(from + 1, "%u.%u%n", &op->lblk, &op->nr,
				      &used) < 2 || !op->nr ||
		    (u64)op->lblk + op->nr > nr_lblks ||
		    (op->lblk % LEAF + op->nr > LEAF && *letter != 'G'))
			return NULL;
		op->kind = letter - op_letters;
		op++;
		from += 1 + used;
		from += *from == ',';
	}
	return from;
}

/* False if it is none. The steps go to @steps. */
static bool get_world(const char *word, struct scenario *s, bool *arm, u8 *steps,
		      unsigned int *nr)
{
	unsigned long long nr_lblks;
	unsigned int used;
	char rules[8];

	memset(s, 0, sizeof(*s));
	*nr = 0;
	if (sscanf(word, "%7[a-z0-9]:%llu:%n", rules, &nr_lblks, &used) < 2 ||
	    !nr_lblks || nr_lblks > LARGE)
		return false;
	*arm = !strcmp(rules, "arm64");
	if (!*arm && strcmp(rules, "x86"))
		return false;
	s->nr_lblks = nr_lblks;
	word = get_ops(word + used, s->init, ARRAY_SIZE(s->init), nr_lblks);
	for (int t = 0; word && t < MAX_THREADS && *word == (t ? '/' : ':'); t++)
		word = get_ops(word + 1, s->thread[t], ARRAY_SIZE(s->thread[t]),
			       nr_lblks);
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

static void print_store(unsigned int nth, bool durable)
{
	const struct pending *p = &sim.pending[nth];

	printf("    %s: %s page %u, word %u = 0x%llx\n",
	       durable ? "durable" : "lost", p->bulk ? "copy" : "store",
	       p->word / PAGE_WORDS, p->word % PAGE_WORDS,
	       (unsigned long long)p->val);
}

/* What was wrong, and what would have been right. */
static void print_violation(void)
{
	printf("  %s\n", violation_text);
	if (in_image)
		printf("  in this image; of what was not durable for certain:\n");
	for (unsigned int i = 0; in_image && i < nr_choices; i++)
		for (unsigned int j = 0; j < choices[i].nr; j++)
			print_store(choices[i].pending[j], choices[i].subset ?
				    image_choice[i] >> j & 1 :
				    j < image_choice[i]);
	printf("  wanted, one of:\n");
	for (unsigned int i = 0; i < model.nr; i++) {
		printf("    block %u:%s%s", model.lblk[i],
		       model.may[i].hole ? " hole," : "",
		       model.may[i].lost ? " lost," : "");
		for (unsigned int version = 0; version < 64; version++) {
			if (!(model.may[i].data >> version & 1))
				continue;
			if (version < 8)
				printf(" version %u, from before;", version);
			else
				printf(" version %u, of %c's operation %u;",
				       version, 'a' + (version - 8) / 16,
				       (version - 8) % 16 + 1);
		}
		printf("\n");
	}
}

static const char *mutant_arg = "";

static bool replay(const char *word)
{
	static u8 steps[MAX_STEPS];
	struct scenario s;
	unsigned int nr;
	bool arm, good;

	if (!get_world(word, &s, &arm, steps, &nr)) {
		fprintf(stderr, "this is no world: %s\n", word);
		exit(2);
	}
	telling = true;
	good = run_world(&s, arm, steps, nr);
	telling = false;
	if (!good)
		print_violation();
	printf("  %s after %u steps\n", good ? "nothing wrong" : "wrong", depth);
	return good;
}

/*
 * Which worlds
 */

static const struct op alphabet[] = {
	{ WRITE, 0, 1 }, { DISCARD, 0, 1 }, { ATOMIC, 0, 2 }, { MOVE, 0, 2 },
	{ MOVE_LEAF, 0, LEAF }, { DROP, 0, LEAF }, { READ, 0, 1 },
	{ WRITE, LEAF, 1 }, { WRITE, 1, 1 }, { DISCARD, 0, 2 }, { WRITE, 0, 2 },
	{ LOSE, 0, 1 },
};

static const struct {
	u64 nr_lblks;
	struct op init[2];
} setups[] = {
	{ SMALL, { { WRITE, 0, 2 } } }, { SMALL, { } }, { LARGE, { } },
	{ SMALL, { { WRITE, 0, 1 } } }, { SMALL, { { WRITE, 0, 1 }, { GONE, 0, LEAF } } },
	{ LARGE, { { WRITE, 0, 1 }, { GONE, 0, LEAF * LEAF } } },
	{ LEAF + 2, { { WRITE, LEAF, 1 }, { GONE, LEAF, 2 } } },
};

/**
 * struct shape - threads and how many operations each of them makes
 * @threads: how many
 * @ops: operations of each
 * @max: without --deep no more worlds when so many states were met
 */
static const struct shape {
	unsigned int threads;
	unsigned int ops;
	u64 max;
} shapes[] = {
	{ 1, 1, ~0ULL }, { 1, 2, 4000 }, { 2, 1, ~0ULL }, { 3, 1, 200000 },
	{ 2, 2, 200000 }, { 2, 3, 0 }, { 3, 2, 0 }, { 3, 3, 0 },
};

static u64 shape_worlds(const struct shape *shape)
{
	u64 nr = 2 * ARRAY_SIZE(setups);

	for (unsigned int i = 0; i < shape->threads * shape->ops; i++)
		nr *= ARRAY_SIZE(alphabet);
	return nr;
}

/* False if it is the same as another one, with the threads in another order. */
static bool shape_world(const struct shape *shape, u64 nr, struct scenario *s,
			bool *arm)
{
	u64 last = 0;

	/* Neighbours are much alike: far ones come next. */
	nr = nr * 1000003 % shape_worlds(shape);
	memset(s, 0, sizeof(*s));
	*arm = nr % 2;
	nr /= 2;
	s->nr_lblks = setups[nr % ARRAY_SIZE(setups)].nr_lblks;
	memcpy(s->init, setups[nr % ARRAY_SIZE(setups)].init, sizeof(setups[0].init));
	nr /= ARRAY_SIZE(setups);
	for (unsigned int t = 0; t < shape->threads; t++) {
		u64 this = 0;

		for (unsigned int i = 0; i < shape->ops; i++) {
			this = this * ARRAY_SIZE(alphabet) +
			       nr % ARRAY_SIZE(alphabet);
			s->thread[t][i] = alphabet[nr % ARRAY_SIZE(alphabet)];
			nr /= ARRAY_SIZE(alphabet);
		}
		if (this < last)
			return false;
		last = this;
	}
	return true;
}

static void counterexample(const struct scenario *s, bool arm)
{
	char *word = strdup(put_world(s, arm));

	printf("  %s\n", violation_text);
	replay(word);
	printf("  replay: ./run crash%s --replay %s\n", mutant_arg, word);
	free(word);
}

static int nr_passed, nr_failed;

static void result(bool good, const char *what)
{
	printf("%s %d - interleave: %s\n", good ? "ok" : "not ok",
	       nr_passed + nr_failed + 1, what);
	if (good)
		nr_passed++;
	else
		nr_failed++;
}

/* Small worlds of one shape. False after a violation, whose world is in *@s. */
static bool run_shape(const struct shape *shape, struct scenario *s, bool *arm)
{
	const u64 nr = shape_worlds(shape), was = nr_states;

	for (u64 i = 0; i < nr && nr_states - was < shape->max; i++)
		if (shape_world(shape, i, s, arm) &&
		    !run_world(s, *arm, NULL, 0))
			return false;
	return true;
}

static void print_counts(void)
{
	printf("  %lu worlds (%lu cut), %lu states, %lu steps, ", nr_worlds, nr_cut,
	       nr_states, nr_steps);
	printf("%lu moments (%lu sampled), %lu images\n", nr_points, nr_sampled,
	       nr_images);
}

static void run_small(void)
{
	struct scenario s;
	char what[100];
	bool arm, good;

	for (unsigned int i = 0; i < ARRAY_SIZE(shapes); i++) {
		unsigned long worlds = nr_worlds, was = nr_states;

		if (!shapes[i].max)
			continue;
		good = run_shape(&shapes[i], &s, &arm);
		if (!good)
			counterexample(&s, arm);
		snprintf(what, sizeof(what), "threads: %u, operations of each: %u",
			 shapes[i].threads, shapes[i].ops);
		printf("  %lu worlds, %lu states\n", nr_worlds - worlds,
		       nr_states - was);
		result(good, what);
		if (!good)
			break;
	}
	print_counts();
}

/*
 * For hours. The file says how far it is: shape, world, and the counts.
 */
static bool run_deep(const char *file, unsigned long seconds)
{
	time_t start = time(NULL), said = start, now;
	unsigned long images = 0, done = 0, all_states = 0, cut = 0;
	unsigned long long i = 0;
	unsigned int k = 0;
	char tmp[4096];
	FILE *f;

	max_states = 4000000;
	f = fopen(file, "r");
	if (f) {
		if (fscanf(f, "%u %llu %lu %lu %lu %lu", &k, &i, &done, &cut,
			   &all_states, &images) != 6)
			k = 0, i = 0;
		fclose(f);
		printf("  goes on: %lu worlds, %lu states, %lu images before\n",
		       done, all_states, images);
	}
	for (; k < ARRAY_SIZE(shapes); k++, i = 0) {
		for (; i < shape_worlds(&shapes[k]); i++) {
			struct scenario s;
			bool arm;

			now = time(NULL);
			if (now - said >= 20 || now - start >= (time_t)seconds) {
				said = now;
				printf("  %u threads, %u operations: %.3f %%, ",
				       shapes[k].threads, shapes[k].ops,
				       100.0 * i / shape_worlds(&shapes[k]));
				printf("%lu worlds (%lu cut), %lu states, %lu images\n",
				       done + nr_worlds, cut + nr_cut,
				       all_states + nr_states,
				       images + nr_images);
			}
			if (now - start >= (time_t)seconds)
				return true;
			if (!shape_world(&shapes[k], i, &s, &arm))
				continue;
			if (!run_world(&s, arm, NULL, 0)) {
				counterexample(&s, arm);
				return false;
			}
			/* A world that was not finished is begun again. */
			snprintf(tmp, sizeof(tmp), "%s.new", file);
			f = fopen(tmp, "w");
			if (!f || fprintf(f, "%u %llu %lu %lu %lu %lu\n", k,
					  i + 1, done + nr_worlds, cut + nr_cut,
					  all_states + nr_states,
					  images + nr_images) < 0 ||
			    fclose(f) || rename(tmp, file)) {
				perror(file);
				return false;
			}
		}
	}
	printf("  that was all\n");
	return true;
}

/*
 * Mutants
 */

#ifdef MAP_MUTANTS
static const char *const names_more[] = { "no-locks", "no-grace", "early-grace" };
static bool *const more[] = { &no_locks, &no_grace, &early_grace };

static bool set_mutant(const char *name)
{
	if (isdigit(*name)) {
		mutant_nr = atoi(name);
		return mutant_nr < ARRAY_SIZE(mutant_names);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(more); i++)
		if (!strcmp(name, names_more[i]))
			return *more[i] = true;
	sim.leave_out = name;
	return strchr(name, ':');
}

static unsigned int nr_mutants, nr_caught, nr_threads[MAX_THREADS + 1];

static void try_mutant(const char *name, const char *what)
{
	struct scenario s;
	bool arm;

	nr_mutants++;
	printf("  --mutant %s%s%s: ", name, *what ? ", " : "", what);
	for (unsigned int i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (run_shape(&shapes[i], &s, &arm))
			continue;
		printf("%u thread%s\n    %s\n    %s\n", shapes[i].threads,
		       shapes[i].threads > 1 ? "s" : "", violation_text,
		       put_world(&s, arm));
		nr_caught++;
		nr_threads[shapes[i].threads]++;
		return;
	}
	printf("SURVIVES\n");
}

static void run_mutants(void)
{
	struct scenario s;
	char name[100];
	bool arm, good;

	/* As it is; that also shows where write backs and fences are. */
	good = run_shape(&shapes[0], &s, &arm) && run_shape(&shapes[1], &s, &arm);
	if (!good)
		counterexample(&s, arm);
	result(good, "the source of the mutants");
	for (mutant_nr = 1; mutant_nr < ARRAY_SIZE(mutant_names); mutant_nr++) {
		snprintf(name, sizeof(name), "%u", mutant_nr);
		try_mutant(name, mutant_names[mutant_nr]);
	}
	mutant_nr = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(more); i++) {
		*more[i] = true;
		try_mutant(names_more[i], "");
		*more[i] = false;
	}
	for (struct media_site *site = sim.sites; site; site = site->next) {
		/* Nobody runs while twins are settled, or made anew: crash.c. */
		if (strstr(site->func, "settle") || strstr(site->func, "heal"))
			continue;
		snprintf(name, sizeof(name), "%s:%d", site->func, site->line);
		site->off = true;
		try_mutant(name, site->what);
		site->off = false;
	}
	printf("  %u mutants, %u caught: %u with one thread, %u with two, %u with three\n",
	       nr_mutants, nr_caught, nr_threads[1], nr_threads[2],
	       nr_threads[3]);
	result(nr_caught == nr_mutants && nr_mutants >= 30,
	       "every mutant is caught");
	result(nr_mutants - nr_threads[1] >= 12, "some only by interleaving");
}
#else
static bool set_mutant(const char *name)
{
	return false;
}

static void run_mutants(void)
{
	run_small();
}
#endif

int main(int argc, char **argv)
{
	struct sigaction action = {
		.sa_handler = on_signal, .sa_flags = SA_NODEFER,
	};
	bool mutant = argc > 2 && !strcmp(argv[1], "--mutant");
	char arg[200] = "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGABRT, &action, NULL);
	shim_lock_event = lock_event;
	shim_lock_contended = lock_contended;
	image_kp = fake_kp_over((u8 *)image, NR_PAGES);
	twin_kp = fake_kp_over((u8 *)twin_mem, NR_PAGES);
	twins_every = 16;
	if (mutant) {
		if (!set_mutant(argv[2])) {
			fprintf(stderr, "there is no mutant %s\n", argv[2]);
			return 2;
		}
		snprintf(arg, sizeof(arg), " --mutant %s", argv[2]);
		mutant_arg = arg;
		argc -= 2;
		argv += 2;
	}
	if (argc == 3 && !strcmp(argv[1], "--replay"))
		return !replay(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "--deep"))
		result(run_deep(argv[2], strtoul(argv[3], NULL, 10)), "deep");
	else if (mutant)
		run_small();
	else
		run_mutants();
	printf("%d passed, %d failed\n", nr_passed, nr_failed);
	return !!nr_failed;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Crashes at every store, with every content of the media that they allow
 *
 * Media, images and what is wanted: crash.h. Here are scenarios. The second thread
 * runs as a whole after one access of the first, for each access in turn. If it
 * meets a lock there, that order does not exist and is left out. All orders, of
 * smaller devices, are tried by interleave.c.
 *
 * Mutants: each write back and each fence in the code under test is left out in
 * turn, all locks, and the grace periods. The checks must notice, in one of the
 * scenarios. What is no write back or fence, and not common to all, has to be
 * left out in the source (mutants.sed): that is a program of its own.
 *
 * Random scenarios: the same, for operations that nobody thought of. Restarts: a
 * device that crashes again and again and goes on from what it finds.
 */

#include "crash.h"

/* Built with sanitizers: all scenarios, but few at random, and no mutants. */
#ifndef FEW
#define FEW	0
#endif

static bool checking;
/* Crash for good at this access, see restarts below. */
static unsigned long crash_at;
static jmp_buf on_crash, on_contention;

static bool moment_is_new(u64 pending)
{
	static u64 last;
	u64 hash = mix(pending, sim.generation);
	bool is_new = hash != last;

	last = hash;
	return is_new;
}

static const struct scenario *current_scenario;
static unsigned long preempt_at;
static bool second_ran;

static void run_thread(unsigned int thread)
{
	const struct op *op = current_scenario->thread[thread];

	for (unsigned int i = 0; op[i].kind != END; i++)
		run_op(&op[i], thread, op_version(thread, i));
}

static void sim_event(const char *what, s64 word)
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
		readers = nesting ? BIT(0) : 0;
		second_ran = true;
		run_thread(1);
		readers = 0;
		shim_rcu_nesting = nesting;
		shim_locks_held = held;
	}
	if (checking)
		crash_here();
}

static void contended(const spinlock_t *lock)
{
	longjmp(on_contention, 1);
}

/*
 * Run a scenario with thread 1 at access @at of thread 0, or without (0).
 * Returns the number of accesses, 0 after a violation.
 */
static unsigned long run_once(const struct scenario *s, unsigned long at, bool arm)
{
	volatile unsigned long events = 0;

	current_scenario = s;
	preempt_at = 0;
	second_ran = false;
	checking = false;
	if (_setjmp(on_violation))
		goto out;
	sim_start(s, arm);

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
	sim_stop();
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
	  { { { DROP, 0, LEAF }, { WRITE, 0, 1 } } } },
	{ "two leaves, one dropped", LARGE, { { WRITE, 0, 2 }, { WRITE, LEAF, 1 } },
	  { { { DROP, 0, LEAF }, { WRITE, LEAF + 1, 2 } } } },
	{ "atomic on blocks and a hole", SMALL, { { WRITE, 0, 2 }, { WRITE, 3, 1 } },
	  { { { ATOMIC, 0, 3 } } } },
	{ "atomic without a leaf", SMALL, {}, { { { ATOMIC, 0, 3 } } } },
	{ "atomic without a level", LARGE, {}, { { { ATOMIC, LEAF - 2, 2 } } } },
	{ "atomic twice", SMALL, { { WRITE, 0, 4 } },
	  { { { ATOMIC, 0, 3 }, { ATOMIC, 1, 3 } } } },
	{ "atomic, overwrite, discard", SMALL, { { WRITE, 6, 4 } },
	  { { { ATOMIC, 6, 4 }, { WRITE, 7, 1 }, { DISCARD, 6, 4 } } } },
	{ "a bit of all", LARGE, { { WRITE, 0, 2 } },
	  { { { WRITE, LEAF * LEAF, 2 }, { ATOMIC, 0, 2 }, { DROP, 0, LEAF },
	      { ATOMIC, LEAF * LEAF, 2 } } } },
	{ "move", SMALL, { { WRITE, 0, 2 } }, { { { MOVE, 0, 1 } } } },
	{ "move of many, two lines, holes", SMALL,
	  { { WRITE, 5, 2 }, { WRITE, 9, 1 } },
	  { { { MOVE, 4, 7 } } } },
	{ "moved, pages are used again", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 }, { WRITE, 0, 1 }, { MOVE, 0, 2 },
	      { DISCARD, 1, 1 } } } },
	{ "move, the root is the leaf", TINY, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 }, { MOVE_LEAF, 0, LEAF }, { WRITE, 1, 1 } } } },
	{ "move of what is not there", SMALL, {},
	  { { { MOVE, 0, 1 }, { MOVE_LEAF, 0, LEAF }, { WRITE, 0, 1 } } } },
	{ "move of a leaf, then write", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE_LEAF, 0, LEAF }, { WRITE, 1, 2 } } } },
	{ "move of a leaf twice, a level above", LARGE,
	  { { WRITE, 0, 2 }, { WRITE, LEAF, 1 } },
	  { { { MOVE_LEAF, 0, LEAF }, { MOVE_LEAF, 0, LEAF }, { WRITE, LEAF, 1 } } } },
	{ "blocks and leaf move, all else", LARGE, { { WRITE, 0, 3 } },
	  { { { MOVE, 0, 3 }, { MOVE_LEAF, 0, LEAF }, { ATOMIC, 1, 2 },
	      { DROP, 0, LEAF } } } },
	{ "2T: same block", SMALL, { { WRITE, 0, 1 } },
	  { { { WRITE, 0, 1 } }, { { WRITE, 0, 1 } } } },
	{ "2T: same line", SMALL, { { WRITE, 0, 2 } },
	  { { { WRITE, 0, 1 } }, { { WRITE, 1, 1 } } } },
	{ "2T: same leaf is missing", SMALL, {},
	  { { { WRITE, 0, 1 } }, { { WRITE, 1, 1 } } } },
	{ "2T: two leaves, one line of the parent", SMALL, {},
	  { { { WRITE, 0, 1 } }, { { WRITE, LEAF, 1 } } } },
	{ "2T: same level is missing", LARGE, {},
	  { { { WRITE, 0, 1 } }, { { WRITE, LEAF, 1 } } } },
	{ "2T: same level and leaf are missing", LARGE, {},
	  { { { WRITE, 0, 1 } }, { { ATOMIC, 1, 2 } } } },
	{ "2T: write, leaf emptied", SMALL, { { WRITE, 0, 1 } },
	  { { { WRITE, 0, 1 } }, { { DISCARD, 0, 1 } } } },
	{ "2T: write elsewhere, leaf emptied", SMALL, { { WRITE, 0, 1 } },
	  { { { WRITE, 1, 1 } }, { { DISCARD, 0, 1 } } } },
	{ "2T: leaf emptied, write", SMALL, { { WRITE, 0, 1 } },
	  { { { DISCARD, 0, 1 } }, { { WRITE, 1, 1 } } } },
	{ "2T: leaf dropped, write", SMALL, { { WRITE, 0, 2 } },
	  { { { DROP, 0, LEAF } }, { { WRITE, 1, 1 } } } },
	{ "2T: write, leaf dropped", SMALL, { { WRITE, 0, 2 } },
	  { { { WRITE, 1, 1 } }, { { DROP, 0, LEAF } } } },
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
	  { { { ATOMIC, 0, 2 } }, { { WRITE, LEAF, 1 } } } },
	{ "2T: move, write", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 } }, { { WRITE, 0, 1 } } } },
	{ "2T: move, written twice", SMALL, { { WRITE, 0, 1 } },
	  { { { MOVE, 0, 1 } }, { { WRITE, 0, 1 }, { WRITE, 0, 1 } } } },
	{ "2T: move, discard", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 } }, { { DISCARD, 1, 1 } } } },
	{ "2T: move, leaf emptied", SMALL, { { WRITE, 0, 1 } },
	  { { { MOVE, 0, 1 } }, { { DISCARD, 0, 1 } } } },
	{ "2T: move, leaf dropped and made again", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 } }, { { DROP, 0, LEAF }, { WRITE, 0, 1 } } } },
	{ "2T: move, atomic over it", SMALL, { { WRITE, 0, 3 } },
	  { { { MOVE, 1, 2 } }, { { ATOMIC, 0, 2 } } } },
	{ "2T: move, move", SMALL, { { WRITE, 0, 3 } },
	  { { { MOVE, 0, 2 } }, { { MOVE, 1, 2 } } } },
	{ "2T: move, leaf moves", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 } }, { { MOVE_LEAF, 0, LEAF } } } },
	{ "2T: write, move", SMALL, { { WRITE, 0, 2 } },
	  { { { WRITE, 0, 1 } }, { { MOVE, 0, 2 } } } },
	{ "2T: atomic, move", SMALL, { { WRITE, 0, 3 } },
	  { { { ATOMIC, 0, 2 } }, { { MOVE, 1, 2 } } } },
	{ "2T: discard, move", SMALL, { { WRITE, 0, 2 } },
	  { { { DISCARD, 0, 2 } }, { { MOVE, 0, 2 } } } },
	{ "2T: leaf dropped, move", SMALL, { { WRITE, 0, 2 } },
	  { { { DROP, 0, LEAF } }, { { MOVE, 0, 2 } } } },
	{ "2T: leaf moves, write", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE_LEAF, 0, LEAF } }, { { WRITE, 1, 1 } } } },
	{ "2T: leaf moves, atomic", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE_LEAF, 0, LEAF } }, { { ATOMIC, 0, 2 }, { WRITE, 2, 1 } } } },
	{ "2T: leaf moves, dropped and made again", SMALL, { { WRITE, 0, 1 } },
	  { { { MOVE_LEAF, 0, LEAF } }, { { DROP, 0, LEAF }, { WRITE, 1, 1 } } } },
	{ "2T: leaf moves, move", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE_LEAF, 0, LEAF } }, { { MOVE, 0, 2 } } } },
	{ "2T: leaf moves, leaf moves", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE_LEAF, 0, LEAF } }, { { MOVE_LEAF, 0, LEAF } } } },
	{ "2T: leaf moves, leaf of the neighbour is missing", SMALL,
	  { { WRITE, 0, 1 } },
	  { { { MOVE_LEAF, 0, LEAF } }, { { WRITE, LEAF, 1 } } } },
	{ "2T: write, leaf moves", SMALL, { { WRITE, 0, 2 } },
	  { { { WRITE, 1, 2 } }, { { MOVE_LEAF, 0, LEAF } } } },
	{ "2T: atomic, leaf moves", SMALL, { { WRITE, 0, 2 } },
	  { { { ATOMIC, 0, 2 } }, { { MOVE_LEAF, 0, LEAF } } } },
	{ "2T: discard, leaf moves", SMALL, { { WRITE, 0, 2 } },
	  { { { DISCARD, 0, 2 } }, { { MOVE_LEAF, 0, LEAF } } } },
	{ "a block is lost", SMALL, { { WRITE, 0, 2 } }, { { { LOSE, 0, 1 } } } },
	{ "a block is lost, its page is used again", SMALL, { { WRITE, 0, 2 } },
	  { { { LOSE, 0, 1 }, { WRITE, 1, 1 }, { LOSE, 1, 1 }, { WRITE, 0, 1 } } } },
	{ "lost, the root is the leaf", TINY, { { WRITE, 0, 2 } },
	  { { { LOSE, 1, 1 }, { DISCARD, 0, 2 }, { WRITE, 1, 1 } } } },
	{ "what is no block is not lost", SMALL, { { WRITE, 0, 1 } },
	  { { { LOSE, 1, 1 }, { DISCARD, 0, 1 }, { LOSE, 0, 1 } } } },
	{ "lost, moved, emptied, dropped", LARGE, { { WRITE, 0, 3 } },
	  { { { LOSE, 0, 1 }, { MOVE, 0, 3 }, { MOVE_LEAF, 0, LEAF }, { DISCARD, 0, 3 } } } },
	{ "lost, atomic over it, dropped", LARGE, { { WRITE, 0, 3 } },
	  { { { LOSE, 1, 1 }, { ATOMIC, 0, 3 }, { LOSE, 2, 1 }, { DROP, 0, LEAF } } } },
	{ "a leaf is gone: write", SMALL, { { WRITE, 0, 2 }, { GONE, 0, LEAF } },
	  { { { WRITE, 0, 1 }, { WRITE, 1, 2 } } } },
	{ "a leaf is gone: atomic", LARGE, { { WRITE, 0, 2 }, { GONE, 0, LEAF } },
	  { { { ATOMIC, 0, 3 }, { DISCARD, 1, 1 } } } },
	{ "a leaf is gone: discard", SMALL, { { WRITE, 0, 2 }, { GONE, 0, LEAF } },
	  { { { DISCARD, 0, 2 }, { WRITE, 1, 1 } } } },
	{ "a leaf is gone: dropped, then written", LARGE,
	  { { WRITE, 0, 2 }, { GONE, 0, LEAF } },
	  { { { DROP, 0, LEAF }, { WRITE, 1, 1 } } } },
	{ "a leaf is gone: nothing moves, nothing is lost", SMALL,
	  { { WRITE, 0, 2 }, { WRITE, LEAF, 1 }, { GONE, 0, LEAF } },
	  { { { MOVE, 0, 2 }, { MOVE_LEAF, 0, LEAF }, { LOSE, 0, 1 }, { WRITE, LEAF, 1 } } } },
	{ "the last leaf is gone, shorter: all of it is discarded", SMALL + 2,
	  { { WRITE, SMALL, 2 }, { GONE, SMALL, 2 } },
	  { { { WRITE, SMALL + 1, 1 }, { DISCARD, SMALL, 2 } } } },
	{ "the last leaf is gone, shorter: discarded at once", SMALL + 2,
	  { { WRITE, SMALL, 2 }, { GONE, SMALL, 2 } },
	  { { { DISCARD, SMALL, 2 }, { WRITE, SMALL, 1 } } } },
	{ "a node is gone: write", LARGE, { { WRITE, 0, 2 }, { GONE, 0, LEAF * LEAF } },
	  { { { WRITE, 0, 1 }, { WRITE, LEAF, 2 }, { WRITE, LEAF * LEAF, 1 } } } },
	{ "a node is gone: atomic", LARGE, { { WRITE, 0, 2 }, { GONE, 0, LEAF * LEAF } },
	  { { { ATOMIC, LEAF - 2, 2 } } }, .small = true },
	{ "a node is gone: discard", LARGE, { { WRITE, 0, 2 }, { GONE, 0, LEAF * LEAF } },
	  { { { DISCARD, 1, 2 }, { DISCARD, LEAF, 1 } } }, .small = true },
	{ "a node is gone: a leaf dropped, then another", LARGE,
	  { { WRITE, 0, 2 }, { GONE, 0, LEAF * LEAF } },
	  { { { DROP, LEAF, LEAF }, { DROP, 0, LEAF }, { WRITE, 0, 1 } } }, .small = true },
	{ "first write, two levels to grow", HUGE, {}, { { { WRITE, 0, 1 } } }, .small = true },
	{ "atomic, two levels to grow", HUGE, {}, { { { ATOMIC, LEAF - 2, 2 } } }, .small = true },
	{ "the highest node is gone: write", HUGE,
	  { { WRITE, 0, 2 }, { GONE, 0, LEAF * LEAF * LEAF } },
	  { { { WRITE, 0, 1 }, { WRITE, LEAF * LEAF, 1 } } }, .small = true },
	{ "the highest node is gone: discard", HUGE,
	  { { WRITE, 0, 2 }, { GONE, 0, LEAF * LEAF * LEAF } },
	  { { { DISCARD, 0, 1 }, { DROP, LEAF, LEAF } } }, .small = true },
	{ "the root has one copy: made anew", SMALL, { { WRITE, 0, 2 }, { SINGLE, 0, SMALL } },
	  { { { HEAL }, { WRITE, LEAF, 1 }, { WRITE, 0, 1 } } } },
	{ "a node has one copy: made anew", LARGE,
	  { { WRITE, 0, 2 }, { SINGLE, 0, LEAF * LEAF } },
	  { { { HEAL }, { MOVE_LEAF, 0, LEAF }, { WRITE, 0, 1 } } }, .small = true },
	{ "two nodes have one copy", LARGE,
	  { { WRITE, 0, 1 }, { WRITE, LEAF * LEAF, 1 }, { SINGLE, 0, LEAF * LEAF },
	    { SINGLE, LEAF * LEAF, LEAF * LEAF } },
	  { { { HEAL }, { DROP, 0, LEAF }, { WRITE, LEAF, 1 } } }, .small = true },
	{ "the root and all below has one copy", LARGE,
	  { { WRITE, 0, 2 }, { WRITE, LEAF * LEAF, 1 }, { SINGLE, 0, LARGE } },
	  { { { HEAL }, { WRITE, 2 * LEAF * LEAF, 1 }, { WRITE, LEAF, 1 } } }, .small = true },
	{ "a node with all below it has one copy", HUGE,
	  { { WRITE, 0, 2 }, { SINGLE, 0, LEAF * LEAF * LEAF } },
	  { { { HEAL }, { WRITE, LEAF * LEAF, 1 } } }, .small = true },
	{ "one copy, no page for another, then one", LARGE,
	  { { WRITE, 0, 2 }, { SINGLE, 0, LEAF * LEAF } },
	  { { { WRITE, LEAF, 1 }, { ATOMIC, 0, 2 }, { DROP, LEAF, LEAF }, { HEAL } } },
	  .small = true },
	{ "the root has one copy, a level grows", LARGE,
	  { { WRITE, 0, 2 }, { SINGLE, 0, LARGE } },
	  { { { WRITE, LEAF * LEAF, 1 }, { MOVE, 0, 2 }, { HEAL }, { WRITE, LEAF, 1 } } },
	  .small = true },
	{ "2T: write, lost", SMALL, { { WRITE, 0, 2 } },
	  { { { WRITE, 0, 1 } }, { { LOSE, 0, 1 } } } },
	{ "2T: lost, write", SMALL, { { WRITE, 0, 2 } },
	  { { { LOSE, 0, 1 } }, { { WRITE, 0, 1 } } } },
	{ "2T: lost, its neighbour in the line", SMALL, { { WRITE, 0, 2 } },
	  { { { LOSE, 0, 1 } }, { { WRITE, 1, 1 } } } },
	{ "2T: lost, atomic", SMALL, { { WRITE, 0, 2 } },
	  { { { LOSE, 0, 1 } }, { { ATOMIC, 0, 2 } } } },
	{ "2T: atomic, lost", SMALL, { { WRITE, 0, 3 } },
	  { { { ATOMIC, 0, 2 } }, { { LOSE, 2, 1 } } } },
	{ "2T: lost, leaf emptied", SMALL, { { WRITE, 0, 1 } },
	  { { { LOSE, 0, 1 } }, { { DISCARD, 0, 1 } } } },
	{ "2T: lost, leaf dropped and made again", SMALL, { { WRITE, 0, 2 } },
	  { { { LOSE, 0, 1 } }, { { DROP, 0, LEAF }, { WRITE, 0, 1 } } } },
	{ "2T: lost, move", SMALL, { { WRITE, 0, 2 } },
	  { { { LOSE, 0, 1 } }, { { MOVE, 0, 2 } } } },
	{ "2T: move, lost", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE, 0, 2 } }, { { LOSE, 0, 1 } } } },
	{ "2T: leaf moves, lost", SMALL, { { WRITE, 0, 2 } },
	  { { { MOVE_LEAF, 0, LEAF } }, { { LOSE, 0, 1 } } } },
	{ "2T: lost, lost", SMALL, { { WRITE, 0, 2 } },
	  { { { LOSE, 0, 1 } }, { { LOSE, 0, 1 } } } },
	{ "2T: a leaf is gone: write, write", SMALL, { { WRITE, 0, 2 }, { GONE, 0, LEAF } },
	  { { { WRITE, 0, 1 } }, { { WRITE, 1, 1 } } } },
	{ "2T: a leaf is gone: write, discard", SMALL, { { WRITE, 0, 2 }, { GONE, 0, LEAF } },
	  { { { WRITE, 0, 1 } }, { { DISCARD, 1, 1 } } } },
	{ "2T: a leaf is gone: write, dropped", SMALL, { { WRITE, 0, 2 }, { GONE, 0, LEAF } },
	  { { { WRITE, 0, 1 } }, { { DROP, 0, LEAF } } } },
	{ "2T: a leaf is gone: discard, dropped", SMALL,
	  { { WRITE, 0, 2 }, { GONE, 0, LEAF } },
	  { { { DISCARD, 0, 1 } }, { { DROP, 0, LEAF } } } },
	{ "2T: a leaf is gone: atomic, dropped and made again", SMALL,
	  { { WRITE, 0, 2 }, { GONE, 0, LEAF } },
	  { { { ATOMIC, 0, 2 } }, { { DROP, 0, LEAF }, { WRITE, 2, 1 } } } },
	{ "2T: a node is gone: write, write", LARGE,
	  { { WRITE, 0, 2 }, { GONE, 0, LEAF * LEAF } },
	  { { { WRITE, 0, 1 } }, { { WRITE, LEAF, 1 } } }, .small = true },
	{ "2T: a node is gone: write, dropped", LARGE,
	  { { WRITE, 0, 2 }, { GONE, 0, LEAF * LEAF } },
	  { { { WRITE, 0, 1 } }, { { DROP, 0, LEAF } } }, .small = true },
	{ "2T: three and two", SMALL, { { WRITE, 0, 2 } },
	  { { { WRITE, 0, 1 }, { DISCARD, 1, 1 }, { WRITE, 1, 1 } },
	    { { WRITE, 1, 1 }, { ATOMIC, 2, 2 } } } },
};

static int nr_passed, nr_failed;

static bool run_restarts(unsigned int nr, bool quiet);

static void result(bool good, const char *what, const char *name)
{
	static int nr;

	printf("%s %d - crash: %s%s\n", good ? "ok" : "not ok", ++nr, what, name);
	if (good)
		nr_passed++;
	else
		nr_failed++;
}

static bool is_possible(const struct scenario *s)
{
	return !s->small || LEAF == 16;
}

/* The first scenario that notices what is left out now. */
static const char *caught_by(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(scenarios); i++)
		if (is_possible(&scenarios[i]) && !run_scenario(&scenarios[i], false))
			return scenarios[i].name;
	/* What is stored behind an attach. */
	pick_state = 1;
	return run_restarts(300, true) ? NULL : "crash, go on, crash";
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

	caught = print_mutant("no locks", run_mutant(&no_locks));
	caught += print_mutant("no grace periods", run_mutant(&no_grace));
	for (struct media_site *site = sim.sites; site; site = site->next) {
		/* It takes each image, and small nodes, to see what is not settled, or made. */
		if (LEAF != 16 && (strstr(site->func, "settle") || strstr(site->func, "heal")))
			continue;
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
/* The others need more than a second thread as a whole: interleave.c. */
static void run_source_mutants(void)
{
	static const unsigned int nrs[] = { 1, 2, 3, 4, 5, 14, 15, 16, 17, 18, 19,
					    20, 21, 22, 23, 24, 25, 26, 27, 28 };
	unsigned int caught = 0;

	/* With nothing left out it has to be as good as the original. */
	result(!caught_by(), "the source of the mutants", "");
	for (unsigned int i = 0; i < ARRAY_SIZE(nrs); i++) {
		mutant_nr = nrs[i];
		caught += print_mutant(mutant_names[mutant_nr], caught_by());
	}
	printf("  %zu mutants, %u caught\n", ARRAY_SIZE(nrs), caught);
	result(caught == ARRAY_SIZE(nrs), "every mutant in the source is caught", "");
}
#endif

/*
 * At random
 */

/* Blocks close to each other, to a line, to a leaf and to a node. */
static struct op random_op(bool large)
{
	static const u32 bases[] = {
		0, 6, LEAF - 2, LEAF, LEAF * LEAF - 2, LEAF * LEAF
	};
	u32 kinds = pick(100);
	struct op op = {
		.kind = kinds < 34 ? WRITE : kinds < 50 ? ATOMIC :
			kinds < 70 ? DISCARD : kinds < 78 ? DROP :
			kinds < 86 ? LOSE : kinds < 95 ? MOVE : MOVE_LEAF,
		.lblk = bases[pick(large ? 6 : 4)] + pick(2),
		.nr = 1 + pick(3),
	};

	op.nr = op.kind == LOSE ? 1 : min(op.nr, LEAF - op.lblk % LEAF);
	if (op.kind == DROP || op.kind == MOVE_LEAF) {
		op.lblk &= ~(LEAF - 1U);
		op.nr = LEAF;
	}
	return op;
}

/* Something is gone that has held the block. */
static struct op random_loss(u32 lblk, bool large)
{
	const u32 nr = large && LEAF == 16 && pick(2) ? LEAF * LEAF : LEAF;

	return (struct op) { .kind = GONE, .lblk = lblk & ~(nr - 1), .nr = nr };
}

static void print_op(const struct op *op)
{
	printf(" { %s, %u, %u }", op_names[op->kind], op->lblk, op->nr);
}

static void run_random(unsigned int nr)
{
	unsigned long images = nr_images;
	unsigned int tried = 0;
	bool good = true;

	for (unsigned int n = 0; n < nr && good; n++) {
		bool large = pick(3) == 0;
		struct scenario s = {
			.name = "random",
			.nr_lblks = large ? LARGE : SMALL,
		};

		for (unsigned int i = pick(3), last = i; i--;) {
			s.init[i] = random_op(large);
			if (s.init[i].kind > ATOMIC)
				s.init[i].kind = WRITE, s.init[i].nr = 1;
			if (!i && !pick(3))
				s.init[last] = random_loss(s.init[0].lblk, large);
		}
		for (unsigned int i = 1 + pick(3); i--;)
			s.thread[0][i] = random_op(large);
		for (unsigned int i = 1 + pick(2); i--;)
			s.thread[1][i] = random_op(large);

		if (!in_sample(n, 3))
			continue;
		tried++;
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
	printf("  %u of %u scenarios, %lu images\n", tried, nr, nr_images - images);
	result(good && tried >= nr / 3, "random scenarios", "");
}

/* Returns whether all was well; @quiet: and nothing else. */
static bool run_restarts(unsigned int nr, bool quiet)
{
	static struct scenario s = { .name = "restarts", .nr_lblks = LARGE };
	static struct op op;
	volatile unsigned int crashes = 0, version = 2, lost = 0, settled = 0, healed = 0;
	volatile bool good = true;
	struct kmem_blk_map_error error;

	/* A device, and blocks to look at. */
	good = run_once(&s, 0, false);
	model_init(&s);
	for (unsigned int i = 0; i < 3; i++)
		model_add(&(struct op) { WRITE, i * LEAF * LEAF, 4 });
	model_add(&(struct op) { WRITE, LEAF - 4, 8 });
	model_add(&(struct op) { WRITE, 6, 4 });

	for (volatile unsigned int n = 0; n < nr && good; n++) {
		world.kp = fake_kp_over((u8 *)sim.live, NR_PAGES);
		world.kp->scribble = false;
		media_ops = NULL;
		if (_setjmp(on_violation)) {
			if (!quiet)
				printf("  %s, after %u crashes\n", violation_text, crashes);
			good = false;
			goto next;
		}
		if (kmem_blk_map_attach(&world.map, world.kp, &world.bsb, &error))
			violate(error.reason, error.level, error.index);
		check_map(&world.map);

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
		/* Until that is done a crash may bring back what was interrupted, or not. */
		if (world_settle(&world))
			violate("what was attached cannot be settled", 0, 0);
		settled += !!sim.events;
		healed += world.map.nr_healed;
		may_be_single = world.map.nr_single;
		media_ops = NULL;
		if (!pick(8)) {
			op = random_loss(model.lblk[pick(model.nr)], true);
			lost += crash_gone(&world, &op);
		}
		if (!pick(8)) {
			op = (struct op) { SINGLE, model.lblk[pick(model.nr)],
					   pick(3) ? LEAF * LEAF : LARGE };
			crash_single(&world, &op);
		}
		for (unsigned int i = 0; i < model.nr; i++) {
			s64 seen = world_get(&world.map, model.lblk[i]);

			op.kind = seen == WORLD_LOST ? LOSE : seen ? WRITE : DISCARD;
			memset(&model.may[i], 0, sizeof(model.may[i]));
			versions_add(&model.may[i], &op, seen);
		}
		memset(model.running, 0, sizeof(model.running));

		/* Free pages are RAM: somebody else uses them before we do. */
		for (u64 dpn = KMEM_PERSIST_FIRST_PAGE; dpn < NR_PAGES; dpn++)
			if (!world.kp->used[dpn])
				sim_forget_page(dpn);

		media_ops = &sim_ops;
		for (;;) {
			u64 i = pick(model.nr);

			op = random_op(true);
			op.lblk = model.lblk[i];
			op.nr = i + 1 < model.nr &&
				model.lblk[i + 1] == op.lblk + 1 &&
				op.lblk % LEAF != LEAF - 1 ? 1 + pick(2) : 1;
			if (op.kind == LOSE)
				op.nr = 1;
			if (op.kind == DROP || op.kind == MOVE_LEAF) {
				op.lblk &= ~(LEAF - 1U);
				op.nr = LEAF;
			}
			/* What a crash interrupts may be there: never again. */
			run_op(&op, 0, version++);
		}
next:
		crash_at = 0;
		sim_stop();
	}
	if (quiet)
		return good;
	printf("  %u crashes, %u operations, %u times something was gone, %u times twins were settled, %u copies were made\n",
	       crashes, version - 2, lost, settled, healed);
	result(good && crashes == nr && lost > nr / 20 && settled > nr / 50 &&
	       healed > nr / 20,
	       "crash, go on, crash", "");
	return good;
}

/* For stores.pl: what the operations of the scenarios have passed. */
static void print_passed(void)
{
	caught_by();
	for (struct media_site *site = sim.sites; site; site = site->next)
		printf("%s:%d %s\n", site->func, site->line, site->what);
	for (struct media_site *site = sim.stores; site; site = site->next)
		printf("%s:%d %s\n", site->func, site->line, site->what);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	image_kp = fake_kp_over((u8 *)image, NR_PAGES);
	twin_kp = fake_kp_over((u8 *)twin_mem, NR_PAGES);
	if (argc > 1 && !strcmp(argv[1], "--passed")) {
		print_passed();
		return 0;
	}
#ifdef MAP_MUTANTS
	run_source_mutants();
	fake_kp_delete(image_kp);
	fake_kp_delete(twin_kp);
	printf("%d passed, %d failed\n", nr_passed, nr_failed);
	return !!nr_failed;
#endif
	for (int arm = 0; arm < 2; arm++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(scenarios); i++) {
			unsigned long images = nr_images, points = nr_points;
			bool good;

			/* By the rules of one machine or none; the rest at another commit. */
			if (!is_possible(&scenarios[i]) || !in_sample(i + 2 * arm, 4))
				continue;
			good = run_scenario(&scenarios[i], arm);
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
	run_random(FEW ? 60 : 400);
	run_restarts(1000, false);
	if (!FEW)
		run_mutants();
	fake_kp_delete(image_kp);
	fake_kp_delete(twin_kp);
	printf("%d passed, %d failed\n", nr_passed, nr_failed);
	return !!nr_failed;
}

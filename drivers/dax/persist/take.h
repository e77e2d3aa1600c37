/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pageblocks are taken from the page allocator: take.c
 */
#ifndef _DAX_KMEM_PERSIST_TAKE_H
#define _DAX_KMEM_PERSIST_TAKE_H

#include <linux/types.h>
#include <linux/wait.h>
#include "pool.h"

struct task_struct;

/* Most units to take at once. */
#define KMEM_TAKE_BATCH		16U

/**
 * enum kmem_refusal - why memory was not taken, as persist/refused_* show it
 * @KMEM_REFUSED_NOT: there is nothing against it
 * @KMEM_REFUSED_PINNED: somebody has a reference to a page
 * @KMEM_REFUSED_LOCKED: a page is locked
 * @KMEM_REFUSED_WRITEBACK: a page is under writeback
 * @KMEM_REFUSED_ISOLATED: somebody else moves a page, or it is about to be listed
 * @KMEM_REFUSED_HUGETLB: a free page of hugetlbfs, which is the administrator's
 * @KMEM_REFUSED_POISON: memory_failure() has given a page up
 * @KMEM_REFUSED_KERNEL: a page of the kernel or of a driver
 * @KMEM_REFUSED_BUSY: none of these, but moving it failed
 * @KMEM_REFUSED_SLOW: moving it takes too long
 * @KMEM_REFUSED_NO_MEMORY: there is no place to move it to
 * @KMEM_REFUSED_RAM_FLOOR: ram_floor_bytes
 * @KMEM_REFUSED_NODE_FLOOR: node_floor_bytes
 * @KMEM_REFUSED_LIMIT: limit_bytes
 * @KMEM_REFUSED_METADATA: metadata_bytes beyond that
 * @KMEM_NR_REFUSALS: number of reasons
 *
 * The first ones are of single pages: a pageblock that has one cannot be taken.
 */
enum kmem_refusal {
	KMEM_REFUSED_NOT,
	KMEM_REFUSED_PINNED,
	KMEM_REFUSED_LOCKED,
	KMEM_REFUSED_WRITEBACK,
	KMEM_REFUSED_ISOLATED,
	KMEM_REFUSED_HUGETLB,
	KMEM_REFUSED_POISON,
	KMEM_REFUSED_KERNEL,
	KMEM_REFUSED_BUSY,
	KMEM_REFUSED_SLOW,
	KMEM_REFUSED_NO_MEMORY,
	KMEM_REFUSED_RAM_FLOOR,
	KMEM_REFUSED_NODE_FLOOR,
	KMEM_REFUSED_LIMIT,
	KMEM_REFUSED_METADATA,
	KMEM_NR_REFUSALS,
};

/**
 * enum kmem_step - what the worker of the exchange has come to
 * @KMEM_STEP_DONE: there is nothing to do
 * @KMEM_STEP_MOVED: memory has changed hands
 * @KMEM_STEP_LOOKED: nothing here, but there are more places to look at
 * @KMEM_STEP_FAILED: an attempt failed, another may not
 * @KMEM_STEP_LIMITED: there were enough attempts that failed
 * @KMEM_STEP_NOWHERE: nothing is lent that could be taken
 * @KMEM_STEP_NO_MEMORY: there is no place for what would have to move
 * @KMEM_STEP_SHORT: there is not so much RAM that storage may have more
 */
enum kmem_step {
	KMEM_STEP_DONE,
	KMEM_STEP_MOVED,
	KMEM_STEP_LOOKED,
	KMEM_STEP_FAILED,
	KMEM_STEP_LIMITED,
	KMEM_STEP_NOWHERE,
	KMEM_STEP_NO_MEMORY,
	KMEM_STEP_SHORT,
};

/**
 * struct kmem_take - the one who takes memory back for a device
 * @pool: its pool
 * @wait: woken when units are TAKING no more
 * @cursor: unit to look at next
 * @run: units to take at once; halves on failure, doubles on success
 * @scanned: units stepped over since the last one in ZONE_MOVABLE
 * @vain: units that could not be taken since the last success
 * @failed: attempts that failed since the last success, or pause
 * @slow: attempts that took too long for the unit at @cursor
 * @taker: who takes memory right now
 * @short_of_ram: ram_floor_bytes was reached, wait until there is a little more
 * @is_short: this device has its share of the attempts that may fail
 * @refused: why memory was not taken, and how often
 * @refused_lately: the same, since the last success
 * @ram_floor: available RAM below which nothing is taken, pages; U64_MAX for the
 *	       default
 * @node_floor: nothing is taken below so many lent pages
 * @nr_taken: pages ever taken from the page allocator
 * @nr_busy: attempts to take memory that failed
 * @nr_takes: attempts that did not
 * @take_ns: what they cost
 * @busy_ns: what failing cost
 *
 * The worker's of the exchange, without a lock; kmem_take_begin() before it begins. Counters
 * of what is refused are counted by others, too, and settings set by them: each is one word.
 */
struct kmem_take {
	struct kmem_pool *pool;
	wait_queue_head_t wait;
	unsigned long cursor;
	unsigned int run;
	unsigned long scanned;
	unsigned long vain;
	unsigned long failed;
	unsigned int slow;
	struct task_struct *taker;
	bool short_of_ram;
	bool is_short;
	u64 refused[KMEM_NR_REFUSALS];
	u64 refused_lately[KMEM_NR_REFUSALS];
	u64 ram_floor;
	u64 node_floor;
	u64 nr_taken;
	u64 nr_busy;
	u64 nr_takes;
	u64 take_ns;
	u64 busy_ns;
};

void kmem_take_init(struct kmem_take *take, struct kmem_pool *pool);
void kmem_take_begin(struct kmem_take *take);
enum kmem_step kmem_take(struct kmem_take *take, u64 wanted);
void kmem_take_short(struct kmem_take *take, bool is_short);
void kmem_take_wait(struct kmem_take *take, unsigned long first, unsigned long nr);
u64 kmem_take_ram_floor(const struct kmem_take *take);
void kmem_take_note_limit(struct kmem_take *take);
void kmem_take_report(struct kmem_take *take);
void kmem_take_report_metadata(struct kmem_take *take, bool limited);
void kmem_take_exit(void);

#endif /* _DAX_KMEM_PERSIST_TAKE_H */

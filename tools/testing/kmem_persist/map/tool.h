/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kmem-persist as functions: a repair, and a check that tells what it has seen
 */
#ifndef _TOOL_H
#define _TOOL_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/kmem_persist.h>

enum tool_kind { TOOL_DATA, TOOL_LOST, TOOL_BAD };

/**
 * struct tool_run - blocks of the disk that are alike
 * @lblk: the first one
 * @nr: how many, of data: 1
 * @kind: what they are
 * @dpn: of data: its page
 */
struct tool_run {
	u64 lblk;
	u64 nr;
	u64 kind;
	u64 dpn;
};

/* As many as two leaves can have. */
#define TOOL_RUNS	1024

/**
 * struct tool_found - what a check has found
 * @why: why the device is held; NULL: it is not
 * @nr_errors: as check says
 * @nr_bad: entries that are damaged, or refer to a page twice
 * @nr_mend: those of which one bit is wrong
 * @nr_twin: entries of which the two copies are not as they should be
 * @sb: the superblock that counts
 * @nr_data: elements of @data
 * @data: blocks whose page is their own
 * @nr_lost: elements of @lost
 * @lost: blocks that are lost
 * @nr_bad_runs: elements of @bad
 * @bad: blocks that repair gives up
 */
struct tool_found {
	const char *why;
	u64 nr_errors;
	u64 nr_bad;
	u64 nr_mend;
	u64 nr_twin;
	struct kmem_persist_superblock sb;
	unsigned int nr_data;
	struct tool_run data[TOOL_RUNS];
	unsigned int nr_lost;
	struct tool_run lost[TOOL_RUNS];
	unsigned int nr_bad_runs;
	struct tool_run bad[TOOL_RUNS];
};

/* One of the rules in tool.sed is left out; 0: none. */
extern unsigned int tool_mutant;

/* Exit status, or -1 if the tool gave up on the way. */
int tool_repair(u8 *mem, u64 nr_pages);
int tool_check(u8 *mem, u64 nr_pages, struct tool_found *found);

/* The tool's own exit(). */
void __noreturn tool_exit(int status);

#endif

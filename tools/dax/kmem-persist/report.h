/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Findings
 */
#ifndef _KMEM_PERSIST_REPORT_H
#define _KMEM_PERSIST_REPORT_H

#include <linux/compiler.h>
#include "sb.h"
#include "walk.h"

/**
 * struct report - what was found
 * @nr_errors: what is wrong
 * @nr_notes: what is worth knowing
 * @quiet: only count
 * @snapshot: it is about that one, NULL: about the disk
 * @run: entries that are alike and follow one another, not reported yet
 * @run_nr: how many
 * @run_is_error: they are errors
 */
struct report {
	u64 nr_errors;
	u64 nr_notes;
	bool quiet;
	const struct kmem_blk_record *snapshot;
	struct walk_entry run;
	u64 run_nr;
	bool run_is_error;
};

void report_sb(struct report *r, bool is_error, const char *copy, u64 dpn,
	       const char *field, const char *fmt, ...)
	__printf(6, 7);
void report_map(struct report *r, const struct kmem_blk_map_error *error);
void report_directory(struct report *r, bool is_error, u64 dpn, const char *fmt, ...)
	__printf(4, 5);
void report_snapshot(struct report *r, const char *text);
void report_entry(struct report *r, bool is_error, const struct walk_entry *e,
		  const char *reason);
void report_flush(struct report *r);

/**
 * struct ranges - ranges of the block device that follow one another
 * @first: first block of the last range
 * @nr: blocks of it, 0 if there is none yet
 * @total: blocks of all
 * @print: say them
 */
struct ranges {
	u64 first;
	u64 nr;
	u64 total;
	bool print;
};

void ranges_add(struct ranges *r, u64 lblk, u64 nr);
void ranges_end(struct ranges *r);

#endif /* _KMEM_PERSIST_REPORT_H */

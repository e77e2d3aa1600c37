// SPDX-License-Identifier: GPL-2.0
/*
 * kmem-persist as functions
 *
 * This file sees the tool's headers, and repair.c those of the tests: what has the same
 * name is not the same.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include "check.h"
#include "out.h"
#include "tool.h"

unsigned int tool_mutant;

static jmp_buf tool_end;

/* The tool's exit(). */
void tool_exit(int status)
{
	_longjmp(tool_end, 1);
}

static void tool_add(struct tool_run *runs, unsigned int *nr, const struct walk_entry *e,
		     u64 kind)
{
	struct tool_run *last = *nr ? &runs[*nr - 1] : NULL;

	if (!e->nr_lblks)
		return;
	if (last && kind != TOOL_DATA && last->lblk + last->nr == e->lblk) {
		last->nr += e->nr_lblks;
		return;
	}
	if (*nr == TOOL_RUNS)
		abort();
	runs[(*nr)++] = (struct tool_run) {
		.lblk = e->lblk, .nr = e->nr_lblks, .kind = kind,
		.dpn = kind == TOOL_DATA ? e->dpn : 0,
	};
}

static void tool_entry(void *arg, const struct walk_entry *e)
{
	struct tool_found *f = arg;

	switch (e->kind) {
	case WALK_DATA:
		tool_add(f->data, &f->nr_data, e, TOOL_DATA);
		break;
	case WALK_LOST:
		tool_add(f->lost, &f->nr_lost, e, TOOL_LOST);
		break;
	case WALK_BAD:
		f->nr_bad++;
		tool_add(f->bad, &f->nr_bad_runs, e, TOOL_BAD);
		break;
	case WALK_MEND:
		f->nr_bad++;
		f->nr_mend++;
		break;
	case WALK_TWIN:
		f->nr_twin++;
		break;
	default:
		break;
	}
}

/**
 * tool_repair - what repair --yes does
 * @mem: the device
 * @nr_pages: its size
 *
 * Return: exit status, -1 if it ended before its time.
 */
int tool_repair(u8 *mem, u64 nr_pages)
{
	struct kmem_persist kp;

	if (_setjmp(tool_end))
		return -1;
	image_over(&kp, "device", mem, nr_pages);
	kp.media.need_wb = true;
	out_init(false);
	nr_pages = repair_device(&kp, false, false);
	image_close(&kp);
	return nr_pages;
}

/**
 * tool_check - what check finds
 * @mem: the device
 * @nr_pages: its size
 * @found: filled
 *
 * Return: 0, -1 if it ended before its time.
 */
int tool_check(u8 *mem, u64 nr_pages, struct tool_found *found)
{
	static struct check c;
	struct kmem_persist kp;

	found->why = NULL;
	found->nr_bad = 0;
	found->nr_mend = 0;
	found->nr_twin = 0;
	found->nr_data = 0;
	found->nr_lost = 0;
	found->nr_bad_runs = 0;
	if (_setjmp(tool_end))
		return -1;
	image_over(&kp, "device", mem, nr_pages);
	check_open(&c, &kp, true);
	found->nr_errors = c.r.nr_errors;
	if (c.s.rc)
		found->why = c.s.why ?: "there is no superblock";
	else if (c.map_refused)
		found->why = "there is no map";
	else
		found->sb = c.s.use->sb;
	/* Only now it is known what is referred to twice. */
	if (c.has_map)
		walk_pass(&c.w, 0, tool_entry, found);
	check_close(&c);
	image_close(&kp);
	return 0;
}

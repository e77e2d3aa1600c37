// SPDX-License-Identifier: GPL-2.0
/*
 * Findings: a line for each, with its place
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "out.h"
#include "report.h"

static void report_count(struct report *r, bool is_error)
{
	if (is_error)
		r->nr_errors++;
	else
		r->nr_notes++;
}

static const char *report_severity(bool is_error)
{
	return is_error ? "error" : "note";
}

/**
 * report_sb - something about the superblock
 * @r: the report
 * @is_error: it is wrong; otherwise only worth knowing
 * @copy: which copy, NULL if it is about both; then the next two do not matter
 * @dpn: its page
 * @field: field, or what is meant
 * @fmt: what about it
 */
void report_sb(struct report *r, bool is_error, const char *copy, u64 dpn,
	       const char *field, const char *fmt, ...)
{
	char text[256];
	va_list args;

	report_flush(r);
	report_count(r, is_error);
	if (r->quiet)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	if (!out_is_json()) {
		if (copy)
			say("%s: %s superblock, page %llu, %s: %s",
			    report_severity(is_error), copy, dpn, field, text);
		else
			say("%s: superblock: %s", report_severity(is_error), text);
		return;
	}
	out_open(NULL);
	out_str("severity", "%s", report_severity(is_error));
	out_str("object", "superblock");
	if (copy) {
		out_str("copy", "%s", copy);
		out_u64("dpn", dpn);
		out_str("field", "%s", field);
	}
	out_str("text", "%s", text);
	out_close();
}

/**
 * report_map - the kernel's verdict on the plugin's part of the superblock
 * @r: the report
 * @error: the verdict
 */
void report_map(struct report *r, const struct kmem_blk_map_error *error)
{
	report_flush(r);
	report_count(r, true);
	if (r->quiet)
		return;
	if (!out_is_json()) {
		say("error: %s: %s: found %#llx, wanted %#llx", error->object,
		    error->reason, error->found, error->wanted);
		return;
	}
	out_open(NULL);
	out_str("severity", "error");
	out_str("object", "%s", error->object);
	out_str("text", "%s", error->reason);
	out_hex("found", error->found);
	out_hex("wanted", error->wanted);
	out_close();
}

/**
 * report_directory - something about a copy of the directory of snapshots
 * @r: the report
 * @is_error: it is wrong; otherwise only worth knowing
 * @dpn: its page, 0 if there is none
 * @fmt: what about it
 */
void report_directory(struct report *r, bool is_error, u64 dpn, const char *fmt, ...)
{
	char text[256];
	va_list args;

	report_flush(r);
	report_count(r, is_error);
	if (r->quiet)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!out_is_json()) {
		say("%s: directory of snapshots, page %llu: %s", report_severity(is_error), dpn,
		    text);
		return;
	}
	out_open(NULL);
	out_str("severity", "%s", report_severity(is_error));
	out_str("object", "directory");
	out_u64("dpn", dpn);
	out_str("text", "%s", text);
	out_close();
}

/* Whose finding it is. */
static void report_whose(const struct report *r)
{
	if (!r->snapshot)
		return;
	if (out_is_json())
		out_u64("snapshot", le64_to_cpu(r->snapshot->id));
	else
		printf("snapshot %llu (%.*s): ", le64_to_cpu(r->snapshot->id),
		       KMEM_PERSIST_LABEL_LEN, r->snapshot->label);
}

/**
 * report_snapshot - a note about the snapshot that the report is about
 * @r: the report
 * @text: what about it
 */
void report_snapshot(struct report *r, const char *text)
{
	report_flush(r);
	report_count(r, false);
	if (r->quiet)
		return;
	if (out_is_json()) {
		out_open(NULL);
		out_str("severity", "%s", report_severity(false));
		out_str("object", "snapshot");
		report_whose(r);
		out_str("text", "%s", text);
		out_close();
		return;
	}
	printf("%s: ", report_severity(false));
	report_whose(r);
	say("%s", text);
}

static const char *report_object(const struct walk_entry *e)
{
	if (e->in_node)
		return e->level > 1 ? "node" : "leaf";
	return e->level ? "entry of a node" : "entry of a leaf";
}

static void report_run(const struct report *r)
{
	const struct walk_entry *e = &r->run;
	const u64 nr_lblks = e->nr_lblks;
	const char *object = report_object(e);

	if (out_is_json()) {
		out_open(NULL);
		out_str("severity", "%s", report_severity(r->run_is_error));
		out_str("object", "%s", object);
		report_whose(r);
		out_u64("holder_dpn", e->holder);
		out_u64("level", e->level);
		out_u64("index", e->index);
		out_u64("entries", r->run_nr);
		out_u64("lblk", e->lblk);
		out_u64("blocks", nr_lblks);
		out_hex("word", walk_word(e, false));
		out_u64("dpn", e->dpn);
		out_str("text", "%s", e->reason);
		out_close();
		return;
	}
	printf("%s: ", report_severity(r->run_is_error));
	report_whose(r);
	printf("%s", object);
	if (e->in_node)
		printf(" in page %llu, referred to by", e->dpn);
	else
		printf(",");
	printf(" page %llu level %u index %llu", e->holder, e->level, e->index);
	if (r->run_nr > 1)
		printf("-%llu", e->index + r->run_nr - 1);
	if (nr_lblks)
		printf(", bytes %llu-%llu", walk_bytes(e->lblk),
		       walk_bytes(e->lblk + nr_lblks) - 1);
	else
		printf(", behind the end");
	printf(": %s", e->reason);
	if (e->kind != WALK_LOST)
		printf(": entry 0x%llx", walk_word(e, false));
	if (!e->in_node && r->run_nr == 1 && e->dpn)
		printf(", page %llu", e->dpn);
	putchar('\n');
}

/**
 * report_flush - report what was held back
 * @r: the report
 */
void report_flush(struct report *r)
{
	if (r->run_nr && !r->quiet)
		report_run(r);
	r->run_nr = 0;
}

/* Does an entry follow those that were held back? Lost blocks do across leaves, too. */
static bool report_is_next(const struct report *r, const struct walk_entry *e)
{
	const struct walk_entry *run = &r->run;

	return !run->in_node && !e->in_node && run->level == e->level &&
	       run->index + r->run_nr == e->index &&
	       !run->nr_lblks == !e->nr_lblks && run->kind == e->kind &&
	       (run->holder == e->holder || e->kind == WALK_LOST);
}

/**
 * report_entry - something about an entry of the map
 * @r: the report
 * @is_error: it is wrong; otherwise only worth knowing
 * @e: the entry
 * @reason: what about it
 *
 * Entries that follow one another with the same reason become one line.
 */
void report_entry(struct report *r, bool is_error, const struct walk_entry *e,
		  const char *reason)
{
	struct walk_entry *run = &r->run;

	if (r->run_nr && report_is_next(r, e) && r->run_is_error == is_error &&
	    !strcmp(run->reason, reason)) {
		run->nr_lblks += e->nr_lblks;
		r->run_nr++;
		return;
	}
	report_flush(r);
	report_count(r, is_error);
	*run = *e;
	run->reason = reason;
	r->run_nr = 1;
	r->run_is_error = is_error;
}

static void ranges_flush(struct ranges *r)
{
	if (!r->nr || !r->print)
		return;
	if (out_is_json()) {
		out_open(NULL);
		out_u64("offset", walk_bytes(r->first));
		out_u64("length", walk_bytes(r->nr));
		out_close();
	} else {
		say("  bytes %llu-%llu, %llu blocks", walk_bytes(r->first),
		    walk_bytes(r->first + r->nr) - 1, r->nr);
	}
}

/**
 * ranges_add - one more range, behind all before
 * @r: the ranges
 * @lblk: first block
 * @nr: blocks
 */
void ranges_add(struct ranges *r, u64 lblk, u64 nr)
{
	if (!nr)
		return;
	r->total += nr;
	if (r->nr && r->first + r->nr == lblk) {
		r->nr += nr;
		return;
	}
	ranges_flush(r);
	r->first = lblk;
	r->nr = nr;
}

/**
 * ranges_end - that was all
 * @r: the ranges
 */
void ranges_end(struct ranges *r)
{
	ranges_flush(r);
	r->nr = 0;
}

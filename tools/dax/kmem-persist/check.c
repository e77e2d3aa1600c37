// SPDX-License-Identifier: GPL-2.0
/*
 * Is everything as the format demands?
 *
 * An error is what a kernel holds a device for, or what no kernel writes. A note is
 * worth knowing: what a newer version may have written, and what a crash leaves.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <linux/compiler.h>
#include "check.h"
#include "cmd.h"
#include "out.h"
#include "persist/utf8.h"
#include "util.h"

/**
 * need_superblock - end if there is none that can be used
 * @kp: the device
 * @s: what was found
 */
void need_superblock(const struct kmem_persist *kp, const struct sb_search *s)
{
	if (s->rc == -ENODATA)
		die(EXIT_OPERATIONAL, "%s: there is no superblock", kp->name);
	if (s->rc)
		die(EXIT_UNCORRECTED, "%s: %s; 'kmem-persist check' tells more",
		    kp->name, s->why);
}

/**
 * need_ours - end unless it is a superblock of today, where it should be
 * @kp: the device
 * @s: what was found
 */
void need_ours(const struct kmem_persist *kp, const struct sb_search *s)
{
	need_superblock(kp, s);
	if (s->older)
		die(EXIT_UNCORRECTED, "%s: %s", kp->name, SB_OLDER);
}

/*
 * The copies
 */

/* Every field in which a copy differs from the other. */
static bool check_differences(struct check *c, const struct sb_copy *copy,
			      const struct sb_copy *other, bool is_error)
{
	const struct sb_field *f = NULL;
	bool differ = false;

	while ((f = sb_next_field(f, &other->sb))) {
		/* They have to. */
		if (!strcmp(f->name, "this_dpn") || !strcmp(f->name, "csum"))
			continue;
		if (!memcmp((u8 *)&copy->sb + f->off, (u8 *)&other->sb + f->off,
			    f->size))
			continue;
		differ = true;
		if (f->size > sizeof(u64) || f->kind == SB_SECRET || f->kind == SB_ENTRY)
			report_sb(&c->r, is_error, copy->name, copy->dpn, f->name,
				  "is not as in the %s", other->name);
		else
			report_sb(&c->r, is_error, copy->name, copy->dpn, f->name,
				  "is %#llx, %#llx in the %s",
				  sb_field_value(f, &copy->sb),
				  sb_field_value(f, &other->sb), other->name);
	}
	return differ;
}

static void check_copy(struct check *c, const struct sb_copy *copy)
{
	const struct sb_copy *use = c->s.use;
	/* Where no copy is, the next attach or update makes one. */
	const bool is_error = !use || c->s.given ||
			      le64_to_cpu(use->sb.places) >> (copy - c->s.copy) & 1;

	if (!sb_is_missing(&c->s, copy))
		return;
	c->bad_copy |= is_error;
	if (copy->rc == -EIO)
		report_sb(&c->r, is_error, copy->name, copy->dpn, "media",
			  "cannot be read");
	else
		report_sb(&c->r, is_error, copy->name, copy->dpn, copy->fault.field,
			  "found %#llx, wanted %#llx", copy->fault.found,
			  copy->fault.wanted);
	if (copy->rc == -EUCLEAN && use)
		check_differences(c, copy, use, false);
}

/* A good copy that is not the one that counts. */
static void check_older(struct check *c, const struct sb_copy *copy)
{
	const struct sb_copy *use = c->s.use;
	const u64 found = le64_to_cpu(copy->sb.generation);
	const u64 wanted = le64_to_cpu(use->sb.generation);

	if (copy->rc || copy == use || found == wanted)
		return;
	if (found + KMEM_SB_MAX_TRIES >= wanted) {
		report_sb(&c->r, false, copy->name, copy->dpn, "generation",
			  "is %llu, %llu in the %s, which counts: an update was interrupted",
			  found, wanted, use->name);
		return;
	}
	c->bad_copy = true;
	report_sb(&c->r, true, copy->name, copy->dpn, "generation",
		  "is %llu, %llu in the %s, which counts: it has missed updates",
		  found, wanted, use->name);
}

/* Why it is held although there are good copies: what can be told of them. */
static void check_doubt(struct check *c)
{
	const struct sb_copy *first = NULL;

	for (unsigned int i = 0; i < c->s.nr; i++) {
		const struct sb_copy *copy = &c->s.copy[i];

		if (copy->rc)
			continue;
		report_sb(&c->r, false, copy->name, copy->dpn, "generation", "is %llu",
			  le64_to_cpu(copy->sb.generation));
		if (first && first->sb.generation == copy->sb.generation)
			check_differences(c, copy, first, true);
		if (!first || le64_to_cpu(first->sb.generation) <
			      le64_to_cpu(copy->sb.generation))
			first = copy;
	}
}

/*
 * The fields of the copy that counts, beyond what makes it valid
 */

static void __printf(4, 5)
check_say(struct check *c, bool is_error, const char *field, const char *fmt, ...)
{
	char text[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	report_sb(&c->r, is_error, c->s.use->name, c->s.use->dpn, field, "%s", text);
}

static void check_text(struct check *c, const char *field, const u8 *text,
		       size_t size)
{
	size_t len = strnlen((const char *)text, size);

	if (dax_persist_utf8_len(text, len) != len)
		check_say(c, false, field, "byte %zu is not UTF-8",
			  dax_persist_utf8_len(text, len));
	for (; len < size; len++) {
		if (text[len]) {
			check_say(c, false, field, "byte %zu behind the end is not zero",
				  len);
			return;
		}
	}
}

static void check_state(struct check *c, u32 state)
{
	const u32 known = 2 * KMEM_PERSIST_STATE_REMNANTS - 1;

	if (!(state & KMEM_PERSIST_STATE_CLEAN))
		check_say(c, false, "state",
			  "not CLEAN: in use, or the last use ended with a crash; nothing has to be done");
	if (state & KMEM_PERSIST_STATE_ERRORS)
		check_say(c, true, "state", "ERRORS: an error was seen; repair clears it");
	if (state & KMEM_PERSIST_STATE_NEEDS_CHECK)
		check_say(c, true, "state",
			  "NEEDS_CHECK: the kernel holds the device until repair has cleared it");
	if (state & KMEM_PERSIST_STATE_FORMATTING)
		check_say(c, true, "state",
			  "FORMATTING: a format did not come to its end; format it again");
	if (state & KMEM_PERSIST_STATE_READONLY)
		check_say(c, true, "state",
			  "READONLY: the kernel holds the device; extract can save its data");
	if (state & KMEM_PERSIST_STATE_REMNANTS)
		check_say(c, false, "state",
			  "REMNANTS: pages without data may hold old data");
	if (state & ~known)
		check_say(c, false, "state", "bits %#x are not known", state & ~known);
}

static void check_fields(struct check *c)
{
	const struct kmem_persist_superblock *sb = &c->s.use->sb;
	const u64 dev_bytes = le64_to_cpu(sb->dev_bytes);
	const u64 bytes = walk_bytes(c->kp->nr_pages);
	const struct sb_field *f = NULL;

	while ((f = sb_next_field(f, sb)))
		if (f->kind == SB_ZERO && sb_field_value(f, sb))
			check_say(c, false, f->name,
				  "not zero: of a newer version, or damaged before it was written");
	if (le16_to_cpu(sb->version_minor) > KMEM_PERSIST_VERSION_MINOR)
		check_say(c, false, "version_minor", "%u is newer than this program",
			  le16_to_cpu(sb->version_minor));
	if (sb->feat_compat)
		check_say(c, false, "feat_compat", "%#llx is not known and not needed",
			  le64_to_cpu(sb->feat_compat));
	if (dev_bytes < bytes)
		check_say(c, false, "dev_bytes", "%llu, the device has %llu: it has grown",
			  dev_bytes, bytes);
	if (!sb->generation)
		check_say(c, false, "generation", "is 0, a format begins with 1");
	check_text(c, "creator", sb->creator, sizeof(sb->creator));
	if (le32_to_cpu(sb->unclean_count) > le32_to_cpu(sb->attach_count))
		check_say(c, false, "unclean_count", "%u of %u attaches",
			  le32_to_cpu(sb->unclean_count),
			  le32_to_cpu(sb->attach_count));
	if (sb->error_count)
		check_say(c, false, "error_count", "%u, the last one at page %llu",
			  le32_to_cpu(sb->error_count),
			  le64_to_cpu(sb->error_last_dpn));
	if (le64_to_cpu(sb->reserve_bytes) > bytes / 2)
		check_say(c, false, "reserve_bytes",
			  "%llu is more than half of the device",
			  le64_to_cpu(sb->reserve_bytes));
	if (le64_to_cpu(sb->limit_bytes) > bytes)
		check_say(c, false, "limit_bytes", "%llu is more than the device",
			  le64_to_cpu(sb->limit_bytes));
	check_state(c, le32_to_cpu(sb->state));
	if (sb_is_copy(c->kp, sb))
		check_say(c, true, "ns_uuid",
			  "is not that of this namespace: the kernel holds the device; see adopt");
	if (!sb_type_name(le32_to_cpu(sb->type)))
		check_say(c, true, "type",
			  "%u is not known to this program: its data was not checked",
			  le32_to_cpu(sb->type));
}

/*
 * The map
 */

/* First pass. */
static void check_entry(void *arg, const struct walk_entry *e)
{
	struct check *c = arg;

	if (walk_is_damaged(e))
		report_entry(&c->r, true, e, e->reason);
	else if (e->kind == WALK_TWIN)
		report_entry(&c->r, !e->left, e, e->reason);
	else if (e->kind == WALK_LOST)
		report_entry(&c->r, false, e, c->r.snapshot ? "lost" :
			     "lost: reads fail until it is written");
}

/* Second pass: all who refer to the same pages. */
static void check_twice(void *arg, const struct walk_entry *e)
{
	struct check *c = arg;

	if (!e->twice || e->shared || (e->kind == WALK_BAD && e->in_node))
		return;
	report_entry(&c->r, true, e, e->kind == WALK_NODE ?
		     "page is referred to twice, here as a node" :
		     "page is referred to twice");
}

static void check_count(struct check *c, const char *field, __le64 count, u64 wanted)
{
	u64 found = le64_to_cpu(count);

	if (found == KMEM_BLK_COUNT_UNKNOWN || found == wanted)
		return;
	c->bad_counts = true;
	check_say(c, false, field, "is %llu, the map has %llu: the next detach corrects it",
		  found, wanted);
}

static void check_counts(struct check *c)
{
	const struct kmem_persist_superblock *sb = &c->s.use->sb;
	const struct kmem_blk_superblock *bsb = sb_blk(sb);

	c->nr_data = c->w.nr_data;
	c->nr_nodes = c->w.nr_nodes;
	c->loses = c->w.nr_bad != c->w.nr_mend || c->w.nr_twice;
	/* Of a damaged map there is no right number. */
	if (!(le32_to_cpu(sb->state) & KMEM_PERSIST_STATE_CLEAN) || c->w.nr_bad ||
	    c->w.nr_twice)
		return;
	check_count(c, "mapped_blocks", bsb->mapped_blocks, c->nr_data);
	check_count(c, "node_pages", bsb->node_pages, c->nr_nodes);
}

static void check_directory(struct check *c)
{
	const struct snapshots *s = &c->w.snapshots;

	if (s->rc == -ENOENT)
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(s->copy); i++) {
		const bool is_error = s->verdict[i] != -ENOENT;

		if (s->use ? !snapshots_is_missing(s, i) : !s->verdict[i])
			continue;
		if (!is_error)
			report_directory(&c->r, false, 0,
					 "there is no second copy; the next attach makes one");
		else if (s->verdict[i])
			report_directory(&c->r, true, s->dpn[i], "%s", s->reason[i]);
		else
			report_directory(&c->r, true, s->dpn[i],
					 "generation is %llu, %llu in the other copy",
					 le64_to_cpu(s->copy[i].generation),
					 le64_to_cpu(s->use->generation));
		c->bad_directory |= is_error;
	}
	if (s->why)
		report_sb(&c->r, true, NULL, 0, NULL, "%s; the kernel holds the device", s->why);
}

static void check_tree(struct check *c, unsigned int tree)
{
	const u64 known = c->w.nr_twice + c->w.nr_mend;

	c->r.snapshot = c->w.tree[tree].record;
	if (c->r.snapshot && snapshot_is_damaged(c->r.snapshot))
		report_snapshot(&c->r, "DAMAGED: not all of it is there any more");
	walk_pass(&c->w, tree, check_entry, c);
	/* What comes later depends on what can be mended, too. */
	if (c->w.nr_twice + c->w.nr_mend != known)
		walk_pass(&c->w, tree, check_twice, c);
	report_flush(&c->r);
	c->r.snapshot = NULL;
}

static void check_map(struct check *c)
{
	struct kmem_blk_map_error error;

	if (walk_open(&c->w, c->kp, &c->s.use->sb, &error)) {
		c->map_refused = true;
		report_map(&c->r, &error);
		return;
	}
	c->has_map = true;
	check_tree(c, 0);
	check_counts(c);
	check_directory(c);
	for (unsigned int i = 1; i < c->w.nr_trees; i++)
		check_tree(c, i);
}

/**
 * check_open_at - check a device
 * @c: filled
 * @kp: the device
 * @quiet: report nothing, only count
 * @at: page of its superblock, SB_AT_PLACES if it is where it should be
 *
 * Writes nothing to the device.
 */
void check_open_at(struct check *c, struct kmem_persist *kp, bool quiet, u64 at)
{
	memset(c, 0, sizeof(*c));
	c->kp = kp;
	c->r.quiet = quiet;
	sb_search_at(kp, &c->s, at);
	if (c->s.rc == -ENODATA)
		return;
	for (unsigned int i = 0; i < c->s.nr && !c->s.older; i++)
		check_copy(c, &c->s.copy[i]);
	if (c->s.rc) {
		check_doubt(c);
		report_sb(&c->r, true, NULL, 0, NULL,
			  "%s; the kernel holds the device", c->s.why);
		return;
	}
	if (c->s.older)
		check_say(c, true, "key", "%s; the kernel holds the device", SB_OLDER);
	else if (c->s.given)
		check_say(c, true, "place", "no kernel looks for a superblock here");
	else
		for (unsigned int i = 0; i < c->s.nr; i++)
			check_older(c, &c->s.copy[i]);
	check_fields(c);
	if (le32_to_cpu(c->s.use->sb.type) == KMEM_PERSIST_TYPE_BLK)
		check_map(c);
}

/**
 * check_open - check a device whose superblock is where it should be
 * @c: filled
 * @kp: the device
 * @quiet: report nothing, only count
 */
void check_open(struct check *c, struct kmem_persist *kp, bool quiet)
{
	check_open_at(c, kp, quiet, SB_AT_PLACES);
}

/**
 * check_show - whose data is it, and how much?
 * @c: the check, with a superblock that can be used
 *
 * For who is about to say yes.
 */
void check_show(const struct check *c)
{
	const struct kmem_persist_superblock *sb = &c->s.use->sb;

	out_uuid("uuid", sb->uuid);
	out_text("label", sb->label, sb_text_len(sb->label, sizeof(sb->label)));
	out_uuid("ns_uuid", sb->ns_uuid);
	out_time("format_time", le64_to_cpu(sb->format_time));
	out_time("attach_time", le64_to_cpu(sb->attach_time));
	out_time("detach_time", le64_to_cpu(sb->detach_time));
	if (c->has_map)
		out_bytes("data_bytes", walk_bytes(c->w.nr_data));
}

/**
 * check_close - forget a check
 * @c: the check
 */
void check_close(struct check *c)
{
	if (c->has_map)
		walk_close(&c->w);
	memset(c, 0, sizeof(*c));
}

static void check_summary(const struct check *c)
{
	const u64 pages = c->kp->nr_pages;
	const struct walk *w = &c->w;

	if (out_is_json()) {
		out_open("summary");
		out_u64("errors", c->r.nr_errors);
		out_u64("notes", c->r.nr_notes);
		out_u64("pages", pages);
		if (c->has_map) {
			out_u64("data_blocks", w->nr_data);
			out_u64("lost_blocks", w->nr_lost);
			out_u64("node_pages", w->nr_nodes);
			out_u64("snapshots", w->nr_trees - 1);
		}
		out_close();
		return;
	}
	if (c->has_map)
		say("%llu blocks of data, %llu lost, %llu nodes; %llu pages",
		    w->nr_data, w->nr_lost, w->nr_nodes, pages);
	if (c->has_map && w->nr_trees > 1)
		say("all of that with %u snapshot%s", w->nr_trees - 1,
		    w->nr_trees > 2 ? "s" : "");
	say("%s: %llu error%s, %llu note%s", c->kp->name,
	    c->r.nr_errors, c->r.nr_errors == 1 ? "" : "s",
	    c->r.nr_notes, c->r.nr_notes == 1 ? "" : "s");
}

/**
 * cmd_check - kmem-persist check
 * @o: options
 *
 * Return: exit status.
 */
int cmd_check(const struct options *o)
{
	struct kmem_persist kp;
	struct check c;
	u64 errors;

	image_open(&kp, o->device, false, &o->where);
	if (out_is_json())
		out_list("findings");
	check_open_at(&c, &kp, false, o->at);
	if (out_is_json())
		out_close();
	if (c.s.rc == -ENODATA)
		need_superblock(&kp, &c.s);
	check_summary(&c);
	errors = c.r.nr_errors;
	check_close(&c);
	image_close(&kp);
	return errors ? EXIT_UNCORRECTED : EXIT_CLEAN;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * All that the superblocks and the map say
 */
#include <errno.h>
#include <stdio.h>
#include <linux/compiler.h>
#include "check.h"
#include "cmd.h"
#include "out.h"
#include "util.h"

/* Blocks that follow one another, on the disk and on the device. */
struct dump {
	struct walk_entry run;
	u64 nr;
	unsigned int root_level;
	unsigned int depth;
	bool bad;
};

static void dump_copy(const struct sb_copy *copy)
{
	const struct sb_field *f = NULL;

	out_open(out_is_json() ? NULL : copy->name);
	if (out_is_json())
		out_str("copy", "%s", copy->name);
	out_u64("dpn", copy->dpn);
	if (!copy->rc)
		out_str("verdict", "good");
	else if (copy->older)
		out_str("verdict", "good, of the older format");
	else if (copy->rc == -EIO)
		out_str("verdict", "cannot be read");
	else
		out_str("verdict", "%s: found %#llx, wanted %#llx", copy->fault.field,
			copy->fault.found, copy->fault.wanted);
	/* Without a magic the fields are anything. */
	if (kmem_sb_has_magic(&copy->sb))
		while ((f = sb_next_field(f, &copy->sb)))
			sb_out_field(f, &copy->sb);
	out_close();
}

static const char *dump_kind(const struct walk_entry *e)
{
	switch (e->kind) {
	case WALK_DATA:
		return "data";
	case WALK_LOST:
		return "lost";
	case WALK_NODE:
		return "node";
	case WALK_BAD:
	case WALK_MEND:
		return "bad";
	case WALK_TWIN:
		return "twin";
	case WALK_HOLE:
		break;
	}
	return "";
}

static void dump_flush(struct dump *d)
{
	const struct walk_entry *e = &d->run;

	if (!d->nr)
		return;
	if (out_is_json()) {
		out_open(NULL);
		out_str("kind", "%s", dump_kind(e));
		out_u64("level", e->level);
		out_u64("index", e->index);
		out_u64("lblk", e->lblk);
		out_u64("blocks", e->nr_lblks);
		if (walk_is_damaged(e) || e->kind == WALK_TWIN) {
			out_hex("word", walk_word(e, out_shows_secrets()));
			out_str("reason", "%s", e->reason);
		}
		if (e->kind != WALK_LOST)
			out_u64("dpn", e->dpn);
		if (e->kind == WALK_NODE && e->twin_dpn != e->dpn)
			out_u64("twin_dpn", e->twin_dpn);
		out_close();
		d->nr = 0;
		return;
	}
	printf("%*s%s", 2 * (int)(d->depth + d->root_level + 2 - e->level), "", dump_kind(e));
	if (e->kind == WALK_NODE && e->twin_dpn != e->dpn)
		printf(" level %u index %llu page %llu twin %llu\n", e->level - 1, e->index,
		       e->dpn, e->twin_dpn);
	else if (e->kind == WALK_NODE)
		printf(" level %u index %llu page %llu\n", e->level - 1, e->index,
		       e->dpn);
	else if (walk_is_damaged(e) || e->kind == WALK_TWIN)
		printf(" level %u index %llu blocks %llu-%llu entry %#llx: %s\n",
		       e->level, e->index, e->lblk,
		       e->lblk + (e->nr_lblks ? e->nr_lblks - 1 : 0),
		       walk_word(e, out_shows_secrets()), e->reason);
	else if (e->kind == WALK_LOST)
		printf(" blocks %llu-%llu\n", e->lblk, e->lblk + e->nr_lblks - 1);
	else
		printf(" blocks %llu-%llu pages %llu-%llu\n", e->lblk,
		       e->lblk + e->nr_lblks - 1, e->dpn, e->dpn + d->nr - 1);
	d->nr = 0;
}

static void dump_entry(void *arg, const struct walk_entry *e)
{
	struct dump *d = arg;
	struct walk_entry *run = &d->run;

	d->bad |= walk_is_damaged(e) || (e->kind == WALK_TWIN && !e->left);
	if (d->nr && run->kind == e->kind && run->holder == e->holder &&
	    run->level == e->level && run->lblk + run->nr_lblks == e->lblk &&
	    (e->kind == WALK_LOST ||
	     (e->kind == WALK_DATA && run->dpn + d->nr == e->dpn))) {
		run->nr_lblks += e->nr_lblks;
		d->nr++;
		return;
	}
	dump_flush(d);
	*run = *e;
	d->nr = 1;
}

static void dump_directory(const struct snapshots *s)
{
	if (s->rc == -ENOENT)
		return;
	out_list("directory");
	for (unsigned int i = 0; i < ARRAY_SIZE(s->copy); i++) {
		const struct kmem_blk_directory *dir = &s->copy[i];

		if (!s->dpn[i])
			continue;
		out_open(out_is_json() ? NULL : i ? "second" : "first");
		out_u64("dpn", s->dpn[i]);
		out_str("verdict", "%s", s->verdict[i] ? s->reason[i] : "good");
		if (!s->verdict[i]) {
			out_u64("generation", le64_to_cpu(dir->generation));
			out_u64("next_id", le64_to_cpu(dir->next_id));
			out_u64("parent", le64_to_cpu(dir->parent));
			out_u64("nr", le32_to_cpu(dir->nr));
		}
		out_close();
	}
	out_close();
	if (s->why)
		out_str("held", "%s", s->why);
}

/* The second pass tells all. */
static void dump_tree(struct dump *d, struct walk *w, unsigned int tree)
{
	d->root_level = w->tree[tree].map.root_level;
	d->depth = tree ? 2 : 0;
	out_list("map");
	walk_pass(w, tree, dump_entry, d);
	dump_flush(d);
	out_close();
}

static void dump_snapshots(struct dump *d, struct walk *w)
{
	if (w->snapshots.use)
		out_list("snapshots");
	for (unsigned int i = 1; i < w->nr_trees; i++) {
		char key[32];

		snprintf(key, sizeof(key), "%llu", le64_to_cpu(w->tree[i].record->id));
		out_open(out_is_json() ? NULL : key);
		snapshots_out(w->tree[i].record);
		out_u64("generation", le64_to_cpu(w->tree[i].record->generation));
		walk_pass(w, i, NULL, NULL);
		dump_tree(d, w, i);
		out_close();
	}
	if (w->snapshots.use)
		out_close();
}

static int dump_map(struct kmem_persist *kp, const struct sb_search *s)
{
	struct kmem_blk_map_error error;
	struct dump d = {};
	struct walk w;

	if (s->rc || le32_to_cpu(s->use->sb.type) != KMEM_PERSIST_TYPE_BLK)
		return EXIT_CLEAN;
	if (walk_open(&w, kp, &s->use->sb, &error)) {
		out_str("map_error", "%s: %s: found %#llx, wanted %#llx", error.object,
			error.reason, error.found, error.wanted);
		return EXIT_UNCORRECTED;
	}
	walk_pass(&w, 0, NULL, NULL);
	dump_tree(&d, &w, 0);
	dump_directory(&w.snapshots);
	for (unsigned int i = 0; i < 2 && w.snapshots.use; i++)
		d.bad |= w.snapshots.verdict[i] != -ENOENT &&
			 snapshots_is_missing(&w.snapshots, i);
	d.bad |= !!w.snapshots.why;
	dump_snapshots(&d, &w);
	walk_close(&w);
	return d.bad ? EXIT_UNCORRECTED : EXIT_CLEAN;
}

/**
 * cmd_dump - kmem-persist dump
 * @o: options
 *
 * Return: exit status.
 */
int cmd_dump(const struct options *o)
{
	const bool all = !o->superblocks && !o->map;
	int status = EXIT_CLEAN;
	struct kmem_persist kp;
	struct sb_search s;

	image_open(&kp, o->device, false, &o->where);
	sb_search_at(&kp, &s, o->at);
	if (s.rc == -ENODATA)
		need_superblock(&kp, &s);
	if (all || o->superblocks) {
		out_list("superblocks");
		for (unsigned int i = 0; i < s.nr && !(s.older && i); i++) {
			dump_copy(&s.copy[i]);
			if (sb_is_missing(&s, &s.copy[i]))
				status = EXIT_UNCORRECTED;
		}
		out_close();
	}
	if (s.rc)
		status = EXIT_UNCORRECTED;
	if (all || o->map)
		status |= dump_map(&kp, &s);
	image_close(&kp);
	return status;
}

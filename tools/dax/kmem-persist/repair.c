// SPDX-License-Identifier: GPL-2.0
/*
 * Repair: what is damaged is given up and said to be lost, nothing else changes
 *
 * A superblock is written from its good copy. An entry of which one bit is wrong is
 * mended: its check says which, and it names a node that proves to belong there, or a
 * page that nobody else has, or none. Any other entry that cannot be used, or that
 * refers to a node that cannot, becomes LOST: reading what it stands for is an error
 * until it is written, for nobody knows what it was, and zeroes would be a lie. Of a
 * page that several blocks refer to nobody knows whose it is: all of them are lost. A
 * node proves by its checks where it belongs, so it stays when a block refers to its
 * page. Nothing of this takes a page. Of nodes with twins nothing is damaged that one of
 * both knows: the other becomes the same. Unless there is nothing in it that belongs there:
 * then it is referred to no more. A page that proves nothing may be anybody's, and is not
 * written to; an attach, which knows of each page whether it is free, makes a new one.
 *
 * A copy of the directory of snapshots is written from the good one, both in pages that
 * nothing refers to. Trees of snapshots are repaired as that of the disk; the record of one
 * that has lost something says so before. What of it is in a leaf that another tree has, too,
 * is as it is there. If no copy of the directory is good nobody knows which pages snapshots
 * have: all of them are given up, or nothing is touched.
 *
 * Order: REMNANTS, and what the directory is, in the superblock; entries, each of which is a
 * step of its own; fence; the rest of the superblock. Wherever this ends, what was good is.
 *
 * Of entries that refer to the same page the last one must not look as if the page had
 * always been its own. First each becomes LOST and keeps the page, which no map may have,
 * and there is a fence: whoever comes then still finds the page referred to twice.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/compiler.h>
#include "check.h"
#include "cmd.h"
#include "out.h"
#include "util.h"

/**
 * struct repair_step - an entry to be stored
 * @holder: page of its node
 * @twin_holder: page of the twin of its node, or the same
 * @level: its level
 * @index: its index on this level
 * @lblk: first block that it stands for
 * @nr_lblks: how many; 0: it is behind the end
 * @word: what is stored
 * @twin_word: what is stored into the twin
 * @shared: page that other entries refer to, too, or 0
 */
struct repair_step {
	u64 holder;
	u64 twin_holder;
	unsigned int level;
	u64 index;
	u64 lblk;
	u64 nr_lblks;
	u64 word;
	u64 twin_word;
	u64 shared;
};

/**
 * struct repair - what is to be done
 * @c: the check that found it
 * @steps: entries to be stored
 * @nr_steps: how many
 * @nr_mend: those that only get one bit right, or become what their twin is
 * @room: for how many
 * @lost: what is lost
 * @no_root: the map has no root node any more
 * @roots: entries of the superblock that have to change, or zeroes
 * @directory: that of the snapshots has to be written; it is in &walk.snapshots
 * @lost_in_snapshots: blocks that they lose
 * @drop: give up all snapshots, if no copy of their directory is good
 */
struct repair {
	struct check *c;
	struct repair_step *steps;
	size_t nr_steps;
	size_t nr_mend;
	size_t room;
	struct ranges lost;
	bool no_root;
	__le64 roots[2];
	bool directory;
	u64 lost_in_snapshots;
	bool drop;
};

/*
 * An entry that is given up costs what is below: of a node that cannot be found nothing
 * else is known. Behind the end of the disk there was nothing.
 */
static u64 repair_word(const struct repair *r, const struct walk_entry *e)
{
	if (e->kind == WALK_MEND)
		return e->mended;
	return blkmap_encode(&r->c->w.tree[0].map, e->level, e->index,
			     e->nr_lblks ? KMEM_BLK_ENTRY_LOST : KMEM_BLK_ENTRY_HOLE, 0);
}

static void repair_lose(void *arg, const struct walk_entry *e)
{
	if (e->kind == WALK_BAD)
		ranges_add(arg, e->lblk, e->nr_lblks);
}

/* Of a snapshot nothing is left, then. */
static void repair_lose_root(struct repair *r, const struct walk_entry *e)
{
	struct walk *w = &r->c->w;
	struct kmem_blk_record *record;

	if (!w->t->record) {
		r->no_root = true;
		return;
	}
	record = &w->snapshots.copy[w->snapshots.counts].record[w->t - w->tree - 1];
	record->root = cpu_to_le64(blkmap_encode(&w->t->map, e->level, 0,
						 KMEM_BLK_ENTRY_HOLE, 0));
	repair_lose(&r->lost, e);
}

static void repair_collect(void *arg, const struct walk_entry *e)
{
	struct repair *r = arg;
	u64 word;

	if (!walk_is_damaged(e) && e->kind != WALK_TWIN)
		return;
	if (walk_is_root(&r->c->w, e) && e->kind == WALK_TWIN) {
		r->roots[0] = cpu_to_le64(e->want);
		r->roots[1] = cpu_to_le64(e->twin_want);
		return;
	}
	if (walk_is_root(&r->c->w, e)) {
		repair_lose_root(r, e);
		return;
	}
	/* There is a step of a tree before. */
	if (e->shared) {
		repair_lose(&r->lost, e);
		return;
	}
	if (r->nr_steps == r->room) {
		r->room = r->room ? 2 * r->room : 64;
		r->steps = need_memory(realloc(r->steps,
					       r->room * sizeof(*r->steps)));
	}
	word = e->kind == WALK_TWIN ? e->want : repair_word(r, e);
	r->steps[r->nr_steps++] = (struct repair_step) {
		.holder = e->holder, .twin_holder = e->twin_holder,
		.level = e->level, .index = e->index,
		.lblk = e->lblk, .nr_lblks = e->nr_lblks,
		.word = word,
		.twin_word = e->kind == WALK_BAD ? word : e->twin_want,
		.shared = e->twice && !e->level ? e->dpn : 0,
	};
	if (e->kind == WALK_MEND || e->kind == WALK_TWIN)
		r->nr_mend++;
	repair_lose(&r->lost, e);
}

static void repair_store(struct repair *r, const struct repair_step *step, u64 holder,
			 u64 word)
{
	const struct kmem_media *media = &r->c->kp->media;
	__le64 *slot = dax_kmem_index_to_kaddr(r->c->kp, holder);
	__le64 now;

	slot += step->index % KMEM_BLK_NODE_ENTRIES;
	/* Of two copies one is mostly good. */
	if (!kmem_media_read(media, &now, slot, sizeof(now)) && le64_to_cpu(now) == word)
		return;
	kmem_media_store(media, slot, word);
	kmem_media_wb(media, slot, sizeof(*slot));
}

/* Lost, with its page. */
static void repair_share(struct repair *r, const struct repair_step *step)
{
	if (step->shared)
		repair_store(r, step, step->holder,
			     blkmap_encode(&r->c->w.tree[0].map, 0, step->index,
					   KMEM_BLK_ENTRY_LOST, step->shared));
}

static void repair_map(struct repair *r)
{
	const struct kmem_media *media = &r->c->kp->media;

	if (!r->nr_steps)
		return;
	for (size_t i = 0; i < r->nr_steps; i++)
		repair_share(r, &r->steps[i]);
	/* Nobody has a page for his own before nobody else has it. */
	kmem_media_fence(media);
	for (size_t i = 0; i < r->nr_steps; i++) {
		const struct repair_step *step = &r->steps[i];

		repair_store(r, step, step->holder, step->word);
		if (step->twin_holder != step->holder)
			repair_store(r, step, step->twin_holder, step->twin_word);
		progress(i, r->nr_steps);
	}
	kmem_media_fence(media);
	progress(0, 0);
}

/*
 * Before the map: pages that it gives up hold old data. That has to be known when this
 * ends early, for a second repair may find nothing to give up. So does which snapshots are
 * damaged, and a directory comes with a superblock.
 */
static void repair_before(struct repair *r)
{
	struct kmem_persist_superblock sb = r->c->s.use->sb;
	struct walk *w = &r->c->w;
	u32 state = le32_to_cpu(sb.state);

	if (r->nr_steps != r->nr_mend || r->lost_in_snapshots || r->drop)
		state |= KMEM_PERSIST_STATE_REMNANTS;
	if (state == le32_to_cpu(sb.state) && !r->directory)
		return;
	sb.state = cpu_to_le32(state);
	if (r->directory)
		snapshots_write(w, r->drop ? NULL : &w->snapshots.copy[w->snapshots.counts], &sb);
	sb_update(r->c->kp, &r->c->s, &sb);
	/* It is another one now. */
	sb_search(r->c->kp, &r->c->s);
	need_superblock(r->c->kp, &r->c->s);
}

/* After the map: counts, and what asks for a check. */
static void repair_superblock(struct repair *r)
{
	struct kmem_persist_superblock sb = r->c->s.use->sb;
	struct kmem_blk_superblock *bsb = (void *)sb.plugin;
	u32 state = le32_to_cpu(sb.state);
	struct check now;

	/* What was not checked may still need it. */
	if (sb_type_name(le32_to_cpu(sb.type)))
		state &= ~CHECK_STATE_ASKS;

	if (r->roots[0]) {
		bsb->root = r->roots[0];
		bsb->root_twin = r->roots[1];
	}
	/* What only needs its other copies keeps its generation. */
	if (!r->nr_steps && !r->roots[0] && !r->c->bad_counts && state == le32_to_cpu(sb.state) &&
	    !sb_is_complete(&r->c->s)) {
		sb_restore(r->c->kp, &r->c->s);
		return;
	}
	if (r->c->has_map && state & KMEM_PERSIST_STATE_CLEAN) {
		check_open(&now, r->c->kp, true);
		bsb->mapped_blocks = cpu_to_le64(now.nr_data);
		bsb->node_pages = cpu_to_le64(now.nr_nodes);
		check_close(&now);
	}
	sb.state = cpu_to_le32(state);
	sb_update(r->c->kp, &r->c->s, &sb);
}

/* Why nothing can be done; NULL if something can. */
static const char *repair_obstacle(struct repair *r)
{
	const struct check *c = r->c;
	u32 state;

	if (c->s.rc)
		return c->s.why;
	if (c->s.older)
		return SB_OLDER;
	state = le32_to_cpu(c->s.use->sb.state);
	if (state & KMEM_PERSIST_STATE_FORMATTING)
		return "a format did not come to its end; format it again";
	if (state & KMEM_PERSIST_STATE_READONLY)
		return "the superblock says that nothing may be written; see extract";
	if (c->map_refused)
		return "the superblock leads to no map; format it again";
	if (r->no_root)
		return "the root node of the map is gone, all of the disk is lost; format it again";
	if (c->w.snapshots.why && !r->drop)
		return c->w.snapshots.why;
	if (!c->bad_copy && !c->bad_counts && !r->nr_steps && !r->roots[0] && !r->directory &&
	    (!(state & CHECK_STATE_ASKS) ||
	     !sb_type_name(le32_to_cpu(c->s.use->sb.type))))
		return "nothing of that can be repaired";
	return NULL;
}

static void repair_plan(struct repair *r)
{
	const struct check *c = r->c;

	if (out_is_json()) {
		out_list("actions");
		if (c->bad_copy)
			out_str(NULL, "superblock copy");
		if (r->nr_steps || r->roots[0])
			out_str(NULL, "map entries");
		if (r->directory)
			out_str(NULL, r->drop ? "no snapshots" : "directory of snapshots");
		if (c->bad_counts)
			out_str(NULL, "counts");
		out_close();
		return;
	}
	if (c->bad_copy)
		say("superblock: written again from the %s", c->s.use->name);
	if (r->nr_steps)
		say("map: %zu entries, %zu of them mended", r->nr_steps, r->nr_mend);
	if (r->directory)
		say(r->drop ? "snapshots: all are given up" :
			      "directory of snapshots: written anew");
	if (c->bad_counts)
		say("superblock: counts as found in the map");
	if (r->roots[0])
		say("superblock: refers to the copy of the root node that is good");
}

/* What is to be done in a tree. */
static void repair_look_at(struct repair *r, unsigned int tree)
{
	const size_t first = r->nr_steps;

	walk_pass(&r->c->w, tree, repair_collect, r);
	/* Of the page of a node there is no doubt. */
	for (size_t i = first; i < r->nr_steps; i++)
		if (bits_test(r->c->w.nodes, r->steps[i].shared))
			r->steps[i].shared = 0;
}

/* What a snapshot loses is lost for good. */
static void repair_look_snapshot(struct repair *r, unsigned int tree)
{
	struct snapshots *s = &r->c->w.snapshots;
	struct kmem_blk_record *record = &s->copy[s->counts].record[tree - 1];
	struct ranges lost = { .print = true };

	r->lost = (struct ranges) {};
	repair_look_at(r, tree);
	if (!r->lost.total)
		return;
	r->lost_in_snapshots += r->lost.total;
	r->directory = true;
	record->flags |= cpu_to_le64(KMEM_BLK_SNAPSHOT_DAMAGED);
	if (out_is_json()) {
		out_open(NULL);
		out_u64("id", le64_to_cpu(record->id));
		out_list("lost");
	} else {
		say("lost in snapshot %llu (%.*s):", le64_to_cpu(record->id),
		    KMEM_PERSIST_LABEL_LEN, record->label);
	}
	walk_pass(&r->c->w, tree, repair_lose, &lost);
	ranges_end(&lost);
	if (out_is_json()) {
		out_close();
		out_close();
	}
}

/* Find out what to do, and say what is lost. */
static void repair_look(struct repair *r)
{
	struct walk *w = &r->c->w;

	r->lost.print = true;
	if (out_is_json())
		out_list("lost");
	else if (r->c->loses)
		say("lost, as offsets in the block device:");
	if (r->c->has_map)
		repair_look_at(r, 0);
	ranges_end(&r->lost);
	if (out_is_json())
		out_close();
	out_bytes("lost_bytes", walk_bytes(r->lost.total));
	r->drop &= r->c->has_map && w->snapshots.rc == -EUCLEAN;
	r->directory = r->drop || (w->snapshots.use && r->c->bad_directory);
	if (!r->c->has_map || !w->snapshots.use)
		return;
	if (out_is_json())
		out_list("snapshots");
	for (unsigned int i = 1; i < w->nr_trees; i++)
		repair_look_snapshot(r, i);
	if (out_is_json())
		out_close();
}

/**
 * repair_apply - write what was planned
 * @r: the repair
 *
 * Return: exit status.
 */
static int repair_apply(struct repair *r)
{
	struct check now;
	u64 errors;

	repair_before(r);
	repair_map(r);
	repair_superblock(r);
	check_open(&now, r->c->kp, true);
	errors = now.r.nr_errors;
	check_close(&now);
	out_bool("written", true);
	if (errors)
		say("%s: errors are left, check tells more", r->c->kp->name);
	else
		say("%s: repaired", r->c->kp->name);
	return errors ? EXIT_UNCORRECTED : EXIT_CORRECTED;
}

static int repair_run(struct check *c, bool dry_run, bool drop_snapshots)
{
	struct repair r = { .c = c, .drop = drop_snapshots };
	const char *obstacle;
	int status;

	if (!c->r.nr_errors && !c->bad_counts) {
		out_bool("written", false);
		say("%s: nothing to repair", c->kp->name);
		return EXIT_CLEAN;
	}
	if (!c->s.rc)
		check_show(c);
	repair_look(&r);
	obstacle = repair_obstacle(&r);
	if (obstacle) {
		out_bool("written", false);
		out_str("obstacle", "%s", obstacle);
		status = EXIT_UNCORRECTED;
	} else {
		repair_plan(&r);
		if (dry_run) {
			out_bool("written", false);
			say("%s: nothing was written (dry run)", c->kp->name);
			status = EXIT_UNCORRECTED;
		} else {
			status = repair_apply(&r);
		}
	}
	free(r.steps);
	return status;
}

/**
 * repair_device - check and repair
 * @kp: the device, writable unless @dry_run
 * @dry_run: only say what would be done
 * @drop_snapshots: all, if nobody can tell which there are
 *
 * Return: exit status.
 */
int repair_device(struct kmem_persist *kp, bool dry_run, bool drop_snapshots)
{
	struct check c;
	int status;

	if (out_is_json())
		out_list("findings");
	check_open(&c, kp, false);
	if (out_is_json())
		out_close();
	if (c.s.rc == -ENODATA)
		need_superblock(kp, &c.s);
	status = repair_run(&c, dry_run, drop_snapshots);
	check_close(&c);
	return status;
}

/*
 * Of copies among which nobody can decide, or that may not be the newest, somebody has
 * chosen one. Returns false if nothing was written.
 */
static bool repair_use(struct kmem_persist *kp, u64 page, bool dry_run)
{
	struct sb_search s;
	unsigned int i;

	sb_search(kp, &s);
	for (i = 0; i < s.nr && s.copy[i].dpn != page; i++)
		;
	if (i == s.nr)
		die(EXIT_USAGE, "--use %llu: no superblock is there; pages 0, 1, 510 and 511 may have one",
		    page);
	if (s.copy[i].rc || s.older)
		die(EXIT_UNCORRECTED, "%s: the superblock at page %llu is not good; 'kmem-persist check' tells more",
		    kp->name, page);
	out_u64("use", page);
	out_u64("use_generation", le64_to_cpu(s.copy[i].sb.generation));
	out_uuid("use_uuid", s.copy[i].sb.uuid);
	if (dry_run)
		return false;
	sb_use(kp, &s, i);
	return true;
}

/**
 * cmd_repair - kmem-persist repair
 * @o: options
 *
 * Return: exit status.
 */
int cmd_repair(const struct options *o)
{
	struct kmem_persist kp;
	int status;

	if (o->yes == o->dry_run)
		die(EXIT_USAGE,
		    "repair changes the device: add --yes, or --dry-run to see what it would do");
	image_open(&kp, o->device, !o->dry_run, &o->where);
	if (o->use != SB_AT_PLACES && !repair_use(&kp, o->use, o->dry_run)) {
		out_bool("written", false);
		image_close(&kp);
		return EXIT_UNCORRECTED;
	}
	status = repair_device(&kp, o->dry_run, o->drop_snapshots);
	if (o->use != SB_AT_PLACES && status == EXIT_CLEAN)
		status = EXIT_CORRECTED;
	image_close(&kp);
	return status;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The directory of snapshots: which there are
 *
 * What a directory is, and which of two copies counts, is decided by the kernel's code.
 */
#include <errno.h>
#include <string.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include "directory.h"
#include "out.h"
#include "sb.h"
#include "util.h"
#include "walk.h"

static void snapshots_load(struct snapshots *s, struct kmem_persist *kp,
			   const struct kmem_persist_superblock *sb,
			   const struct kmem_blk_map *map, unsigned int i)
{
	const void *page = dax_kmem_index_to_kaddr(kp, s->dpn[i]);

	s->reason[i] = "cannot be read";
	s->verdict[i] = -EIO;
	if (page && !kmem_media_read(&kp->media, &s->copy[i], page, sizeof(s->copy[i])))
		s->verdict[i] = kmem_blk_directory_verify(map, &s->copy[i], sb->key, s->dpn[i],
							  &s->reason[i]);
}

/**
 * snapshots_read - read the directory
 * @s: filled
 * @kp: the device
 * @sb: its superblock
 * @map: the tree of the disk, as blkmap_open() fills it
 * @claimed: pages of that tree, and then those of the directory, too; or NULL
 */
void snapshots_read(struct snapshots *s, struct kmem_persist *kp,
		    const struct kmem_persist_superblock *sb, const struct kmem_blk_map *map,
		    unsigned long *claimed)
{
	const struct kmem_blk_superblock *bsb = (const void *)sb->plugin;
	int chosen;

	memset(s, 0, sizeof(*s));
	s->rc = -ENOENT;
	if (!(le64_to_cpu(sb->feat_incompat) & KMEM_BLK_INCOMPAT_SNAPSHOTS))
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(s->copy); i++) {
		const int type = blkmap_verify(map, KMEM_BLK_LEVEL_SB, 1 + i,
					       le64_to_cpu(bsb->reserved_root[i]), &s->dpn[i],
					       &s->reason[i]);

		s->verdict[i] = -ENOENT;
		/* Who has one has the first. */
		if (type < 0 || (!i && type == KMEM_BLK_ENTRY_HOLE)) {
			s->rc = -EPROTONOSUPPORT;
			s->why = "what refers to the directory of snapshots is of a newer format";
			return;
		}
		if (type == KMEM_BLK_ENTRY_HOLE)
			continue;
		snapshots_load(s, kp, sb, map, i);
		if (claimed && bits_test_and_set(claimed, s->dpn[i])) {
			s->verdict[i] = -EUCLEAN;
			s->reason[i] = "page is referred to twice";
		}
	}
	chosen = kmem_blk_directory_choose(s->copy, s->verdict);
	s->rc = min(chosen, 0);
	if (chosen >= 0) {
		s->counts = chosen;
		s->use = &s->copy[chosen];
	} else if (chosen == -EPROTONOSUPPORT) {
		s->why = "the directory of snapshots is of a newer format";
	} else if (!s->verdict[0] && !s->verdict[1]) {
		s->why = "the copies of the directory of snapshots differ, and nobody knows which one counts";
	} else {
		s->why = "no good copy of the directory of snapshots is left";
	}
}

/**
 * snapshots_is_missing - has a copy to be written anew?
 * @s: the directory, a copy of which counts
 * @i: which copy
 *
 * Return: whether it is not as the one that counts.
 */
bool snapshots_is_missing(const struct snapshots *s, unsigned int i)
{
	return s->verdict[i] || s->copy[i].generation != s->use->generation;
}

/**
 * snapshots_find - the snapshot that somebody means
 * @s: the directory
 * @name: its label, or its id
 *
 * Return: its record, NULL if there is none.
 */
const struct kmem_blk_record *snapshots_find(const struct snapshots *s, const char *name)
{
	const struct kmem_blk_record *found = NULL;
	u64 id;
	const bool is_id = parse_u64(name, &id);

	for (u32 i = 0; s->use && i < le32_to_cpu(s->use->nr); i++) {
		const struct kmem_blk_record *r = &s->use->record[i];

		if (!strncmp((const char *)r->label, name, sizeof(r->label)))
			return r;
		if (is_id && le64_to_cpu(r->id) == id)
			found = r;
	}
	return found;
}

/**
 * snapshots_out - say what a record holds
 * @r: the record
 */
void snapshots_out(const struct kmem_blk_record *r)
{
	out_u64("id", le64_to_cpu(r->id));
	out_uuid("uuid", r->uuid);
	out_text("label", r->label, sb_text_len(r->label, sizeof(r->label)));
	out_time("time", le64_to_cpu(r->time));
	out_bytes("disk_bytes", walk_bytes(le64_to_cpu(r->nr_lblks)));
	out_u64("parent", le64_to_cpu(r->parent));
	out_bool("damaged", snapshot_is_damaged(r));
}

/* A copy in a page below @end that no tree has, and that takes it. Returns 0 if there is none. */
static u64 snapshots_put(const struct walk *w, struct kmem_blk_directory *dir, u64 end)
{
	struct kmem_persist *kp = w->kp;

	struct kmem_blk_directory copy;

	for (u64 dpn = end; --dpn >= kp->first_page;) {
		void *page = dax_kmem_index_to_kaddr(kp, dpn);

		if (!walk_is_free(w, dpn))
			continue;
		kmem_blk_directory_seal(dir, w->sb->key, dpn);
		kmem_media_copy_past(&kp->media, page, dir, sizeof(*dir));
		kmem_media_fence(&kp->media);
		if (!kmem_media_read(&kp->media, &copy, page, sizeof(copy)) &&
		    !memcmp(&copy, dir, sizeof(copy)))
			return dpn;
	}
	return 0;
}

/**
 * snapshots_write - write both copies of a directory, in pages that nothing refers to
 * @w: a walk through all trees
 * @dir: the directory; NULL: there is none any more
 * @sb: superblock that is to refer to it, changed, but not written
 *
 * Nothing has happened before the superblock is written. Does not return if there is no page.
 */
void snapshots_write(const struct walk *w, struct kmem_blk_directory *dir,
		     struct kmem_persist_superblock *sb)
{
	struct kmem_blk_superblock *bsb = (void *)sb->plugin;
	u64 pages[2] = {}, end = w->kp->nr_there;

	if (!dir)
		sb->feat_incompat &= ~cpu_to_le64(KMEM_BLK_INCOMPAT_SNAPSHOTS);
	else
		dir->generation = cpu_to_le64(max(le64_to_cpu(sb->generation),
						  le64_to_cpu(dir->generation)) + 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(pages) && dir && end; i++) {
		pages[i] = snapshots_put(w, dir, end);
		end = pages[i];
	}
	if (dir && !pages[0])
		die(EXIT_OPERATIONAL, "%s: no free page takes the directory of snapshots",
		    w->kp->name);
	kmem_blk_directory_words(w->tree[0].map.seed, pages, bsb->reserved_root);
}

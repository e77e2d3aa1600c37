// SPDX-License-Identifier: GPL-2.0
/*
 * The map of a kmem block device is read, verified and claimed
 */

/**
 * DOC: Verification of the map
 *
 * What is on the media is not trusted: nothing of a map is used before all of it has
 * been read and every entry verified, by its check and by what is possible at its
 * place, and before every page that it refers to has been claimed, once. Nothing is
 * written. The first doubt ends it; &struct kmem_blk_map_error says what it was.
 *
 * Of a node that has a twin both copies are read. The first one counts, entry by entry,
 * where it can be read and the entry is good, the other one where not; it is in doubt what
 * neither knows. Both copies of a child are claimed where both can be read.
 *
 * Members of a family: the live tree is read first, then one after the other, in any order.
 * What another member has at the same place, a leaf or a block, is claimed and verified
 * already, and is looked at only for where this member ends; all else has to be its own.
 * A doubt about the live tree ends the attach. One about another member costs that member
 * what is in doubt, a leaf or whatever else an entry in its own nodes refers to: it is LOST
 * there, first in DRAM, and by kmem_blk_map_settle() on the media, before anything is lent.
 * What only that part referred to is claimed by nobody, and free. So nothing of a leaf is
 * claimed before all of it is known to be good: another member may have pages of it.
 *
 * Here one scanner reads all of a map or a part of it. Who lets many scan together is
 * blk/scan.c; like map/map.c this file knows neither block layer nor page
 * allocator and is also compiled in userspace.
 */

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include "entry.h"
#include "map.h"

static int kmem_blk_refuse(struct kmem_blk_map_error *error, const char *object,
			   u64 dpn, unsigned int level, u64 index, u64 found,
			   u64 wanted, const char *reason)
{
	*error = (struct kmem_blk_map_error) {
		.object = object,
		.reason = reason,
		.dpn = dpn,
		.level = level,
		.index = index,
		.found = found,
		.wanted = wanted,
	};
	return -EUCLEAN;
}

/* The log is not only for root: a check, be it right or what it should be, tells the seed. */
static int kmem_blk_refuse_entry(struct kmem_blk_map_error *error, const char *object,
				 u64 holder, unsigned int level, u64 index, u64 word,
				 const char *reason)
{
	return kmem_blk_refuse(error, object, holder, level, index,
			       word & KMEM_BLK_ENTRY_LOW_MASK, 0, reason);
}

static int kmem_blk_verify(const struct kmem_blk_map *map,
			   struct kmem_blk_map_error *error, const char *object,
			   u64 holder, unsigned int level, u64 index, u64 word,
			   u64 *dpn)
{
	const char *reason;
	int type = kmem_blk_entry_verify(map, level, index, word, dpn, &reason);

	if (type < 0 && kmem_blk_entry_mend(map, level, index, word))
		reason = "one bit is wrong";
	return type >= 0 ? type : kmem_blk_refuse_entry(error, object, holder, level,
							index, word, reason);
}

static int kmem_blk_claim(const struct kmem_blk_map *map,
			  struct kmem_blk_map_error *error, const char *object,
			  u64 holder, unsigned int level, u64 index, u64 word,
			  u64 dpn)
{
	int err = dax_kmem_claim_page(map->kp, dpn);

	if (!err)
		return 0;
	kmem_blk_refuse_entry(error, object, holder, level, index, word,
			      err == -EEXIST ? "page is referred to twice" :
					       "page cannot be claimed");
	return err == -EEXIST ? -EUCLEAN : err;
}

/*
 * Scan: every node is read and every entry verified, with all that it takes for that.
 *
 * The check of an entry is linear: that of (index, low) is that of the index of the
 * first entry of the leaf, XOR the differences that the slot, the upper bits of the
 * low word and its lower bits make, each on its own. Pages of neighbouring blocks are
 * mostly neighbours. So per entry it takes two small tables, and per run of entries
 * that differ in the lower bits of the low word only, one crc32c(). Such a run is also
 * what the pool claims at once.
 */
struct kmem_blk_scan {
	struct kmem_blk_map *map;
	struct kmem_blk_map_error *error;
	u64 nr_nodes;
	u64 nr_mended;
	u64 nr_single;
	struct kmem_blk_copies *parts;
	bool shared;		/* others claim pages at the same time */
	bool dry;		/* nothing is claimed yet */
	/* what a slot, and the lower bits of the low word, add to a check */
	u32 slot_crc[KMEM_BLK_NODE_ENTRIES];
	u32 page_crc[KMEM_GROUP_PAGES];
	/* runs of the leaf that are not claimed yet, and where they begin */
	unsigned int nr_groups;
	u16 slots[KMEM_BLK_NODE_ENTRIES];
	struct kmem_page_group groups[KMEM_BLK_NODE_ENTRIES];
	/* one buffer per level, because a node is read before its children */
	__le64 buf[KMEM_BLK_MAX_LEVEL + 1][KMEM_BLK_NODE_ENTRIES];
	/* the same for twins */
	__le64 twin[KMEM_BLK_MAX_LEVEL + 1][KMEM_BLK_NODE_ENTRIES];
};

/* The run of entries of a leaf that a scan has reached. */
struct kmem_blk_scan_run {
	u64 key;		/* upper bits of the low word */
	u64 group;		/* see &kmem_page_group.nr */
	u32 crc;
	bool claims;		/* blocks of data, in pages that may hold some */
	unsigned int slot;	/* where it begins */
	unsigned long pages;	/* see &kmem_page_group.pages */
};

/* No low word has such upper bits. */
#define KMEM_BLK_SCAN_NO_RUN	(~0ULL)

static u32 kmem_blk_low_crc(u64 low)
{
	__le64 word = cpu_to_le64(low);

	return crc32c(0, &word, sizeof(word));
}

/*
 * Does a member that was read before have the same block, known to be good? Only where that
 * has a leaf, too; what cannot be read any more is not known.
 */
static bool kmem_blk_scan_knows(const struct kmem_blk_scan *scan, u64 lblk, u64 word)
{
	const struct kmem_blk_map *map = scan->map;
	const u64 leaf_index = kmem_blk_map_leaf_index(lblk);

	for (unsigned int i = 0; i < KMEM_BLK_MAX_MEMBERS; i++) {
		const struct kmem_blk_map *other = map->family->member[i];
		const __le64 *entry;

		if (!other || other == map || leaf_index >= other->nr_leaves ||
		    !kmem_blk_map_leaf_exists(other, leaf_index))
			continue;
		entry = rcu_dereference_protected(other->leaves[leaf_index].ents, true) +
			(lblk & KMEM_BLK_NODE_MASK);
		if (!kmem_media_probe(map->media, entry, sizeof(*entry)) &&
		    le64_to_cpu(READ_ONCE(*entry)) == word)
			return true;
	}
	return false;
}

/* All runs so far. What cannot be claimed is named, by the first that refers to it. */
static int kmem_blk_scan_claim(struct kmem_blk_scan *scan, u64 base, u64 holder)
{
	unsigned int nr = scan->nr_groups;
	unsigned int claimed;
	int err = 0;

	scan->nr_groups = 0;
	if (scan->dry)
		return 0;
	claimed = dax_kmem_claim_groups(scan->map->kp, scan->groups, nr, scan->shared);
	if (likely(claimed == nr))
		return 0;
	for (unsigned int slot = scan->slots[claimed];
	     slot < KMEM_BLK_NODE_ENTRIES && !err; slot++) {
		u64 word = le64_to_cpu(scan->buf[0][slot]);

		if (kmem_blk_scan_knows(scan, base + slot, word))
			continue;
		err = kmem_blk_claim(scan->map, scan->error, "entry of a leaf", holder,
				     0, base + slot, word,
				     word & KMEM_BLK_ENTRY_DPN_MASK);
	}
	return WARN_ON_ONCE(!err) ? -EUCLEAN : err;
}

static void kmem_blk_scan_end_run(struct kmem_blk_scan *scan,
				  struct kmem_blk_scan_run *run)
{
	const unsigned int nr = scan->nr_groups;

	if (run->pages) {
		scan->slots[nr] = run->slot;
		scan->groups[nr].nr = run->group;
		scan->groups[nr].pages = run->pages;
		scan->nr_groups = nr + 1;
	}
	run->pages = 0;
	run->key = KMEM_BLK_SCAN_NO_RUN;
}

/* @leaf_crc is that of the first entry of the leaf, with a low word of 0. */
static void kmem_blk_scan_start_run(const struct kmem_blk_map *map,
				    struct kmem_blk_scan_run *run,
				    unsigned int slot, u64 low, u32 leaf_crc)
{
	run->key = low / KMEM_GROUP_PAGES;
	run->crc = leaf_crc ^ kmem_blk_low_crc(run->key * KMEM_GROUP_PAGES);
	run->group = (low & KMEM_BLK_ENTRY_DPN_MASK) / KMEM_GROUP_PAGES;
	run->slot = slot;
	/* What is close to an end is looked at one by one. */
	run->claims = kmem_blk_entry_type(low) == KMEM_BLK_ENTRY_DATA &&
		      run->group * KMEM_GROUP_PAGES >= KMEM_PERSIST_FIRST_PAGE &&
		      (run->group + 1) * KMEM_GROUP_PAGES <= map->nr_pages;
}

/* One entry that is no hole, or is not known to be one. Returns its type. */
static int kmem_blk_scan_entry(struct kmem_blk_scan *scan, u64 holder,
			       unsigned int level, u64 index, u64 word, u64 *child)
{
	const char *object = level ? "entry of a node" : "entry of a leaf";
	const struct kmem_blk_map *map = scan->map;
	int type, err;

	type = kmem_blk_verify(map, scan->error, object, holder, level, index, word,
			       child);
	if (type < 0 || type == KMEM_BLK_ENTRY_HOLE)
		return type;
	if (index << (KMEM_BLK_NODE_SHIFT * level) >= map->nr_lblks)
		return kmem_blk_refuse_entry(scan->error, object, holder, level, index,
					     word, "block behind the end of the disk");
	if (type == KMEM_BLK_ENTRY_LOST || scan->dry)
		return type;
	err = kmem_blk_claim(map, scan->error, object, holder, level, index, word,
			     *child);
	return err ?: type;
}

/* Is what is in doubt lost, rather than the attach ended by it? */
static bool kmem_blk_scan_loses(const struct kmem_blk_scan *scan)
{
	return scan->map->family->member[0] != scan->map;
}

static int kmem_blk_scan_read(struct kmem_blk_scan *scan, unsigned int level,
			      u64 base, u64 dpn, __le64 *buf)
{
	const __le64 *node = dax_kmem_index_to_kaddr(scan->map->kp, dpn);

	scan->nr_nodes++;
	if (node && !kmem_media_read(scan->map->media, buf, node, KMEM_BLK_NODE_BYTES))
		return 0;
	/* The attach goes on: it counts, and nobody shall get the page next. */
	if (node && kmem_blk_scan_loses(scan))
		dax_kmem_media_error(scan->map->kp, dpn);
	kmem_blk_refuse(scan->error, level ? "node" : "leaf", dpn, level, base, 0, 0,
			node ? "media error" : "page not accessible");
	return -EIO;
}

/* The entries of the leaf @index in page @dpn, which was read: what they are, and claim them. */
static int kmem_blk_scan_entries(struct kmem_blk_scan *scan, u64 index, u64 dpn,
				 unsigned int *nr_data, unsigned int *nr_lost)
{
	struct kmem_blk_scan_run run = { .key = KMEM_BLK_SCAN_NO_RUN };
	const struct kmem_blk_map *map = scan->map;
	const u64 base = index << KMEM_BLK_NODE_SHIFT;
	const u32 leaf_crc = kmem_blk_entry_crc(map->seed, 0, base, 0);
	const bool whole = base + KMEM_BLK_NODE_ENTRIES <= map->nr_lblks;
	const bool others = kmem_blk_family_has_any(map, index);
	int err;

	*nr_data = 0;
	*nr_lost = 0;
	for (unsigned int slot = 0; slot < KMEM_BLK_NODE_ENTRIES; slot++) {
		const u64 word = le64_to_cpu(scan->buf[0][slot]);
		const u64 low = word & KMEM_BLK_ENTRY_LOW_MASK;
		unsigned long page = BIT(low % KMEM_GROUP_PAGES);
		u64 child;
		u32 crc;

		if (unlikely(others) && base + slot < map->nr_lblks &&
		    kmem_blk_scan_knows(scan, base + slot, word)) {
			*nr_data += kmem_blk_entry_type(word) == KMEM_BLK_ENTRY_DATA;
			*nr_lost += kmem_blk_entry_type(word) == KMEM_BLK_ENTRY_LOST;
			continue;
		}
		if (low / KMEM_GROUP_PAGES != run.key) {
			kmem_blk_scan_end_run(scan, &run);
			kmem_blk_scan_start_run(map, &run, slot, low, leaf_crc);
		}
		crc = run.crc ^ scan->slot_crc[slot] ^
		      scan->page_crc[low % KMEM_GROUP_PAGES];
		if (likely(kmem_blk_crc_check(crc) == word >> KMEM_BLK_ENTRY_CHECK_SHIFT)) {
			if (likely(run.claims && whole && !(run.pages & page))) {
				run.pages |= page;
				(*nr_data)++;
				continue;
			}
			/* A hole. */
			if (!low)
				continue;
		}

		/* Something else, or something wrong; what comes first is told. */
		kmem_blk_scan_end_run(scan, &run);
		err = kmem_blk_scan_claim(scan, base, dpn);
		if (err)
			return err;
		err = kmem_blk_scan_entry(scan, dpn, 0, base + slot, word, &child);
		if (err < 0)
			return err;
		*nr_data += err == KMEM_BLK_ENTRY_DATA;
		*nr_lost += err == KMEM_BLK_ENTRY_LOST;
	}
	kmem_blk_scan_end_run(scan, &run);
	return kmem_blk_scan_claim(scan, base, dpn);
}

/* The leaf @index in page @dpn, claimed already. */
static int kmem_blk_scan_leaf(struct kmem_blk_scan *scan, u64 index, u64 dpn)
{
	struct kmem_blk_map *map = scan->map;
	struct kmem_blk_leaf *leaf = &map->leaves[index];
	unsigned int nr_data, nr_lost;
	int err;

	err = kmem_blk_scan_read(scan, 0, index << KMEM_BLK_NODE_SHIFT, dpn, scan->buf[0]);
	if (!err && kmem_blk_scan_loses(scan)) {
		scan->dry = true;
		err = kmem_blk_scan_entries(scan, index, dpn, &nr_data, &nr_lost);
		scan->dry = false;
	}
	if (!err)
		err = kmem_blk_scan_entries(scan, index, dpn, &nr_data, &nr_lost);
	if (err)
		return err;

	scoped_guard(spinlock, kmem_blk_leaf_lock(map, index)) {
		leaf->nr_used = nr_data + nr_lost;
		leaf->nr_data = nr_data;
		leaf->dpn = dpn;
		rcu_assign_pointer(leaf->ents,
				   (__le64 *)dax_kmem_index_to_kaddr(map->kp, dpn));
	}
	cond_resched();
	return 0;
}

/* The member that was read before and has the leaf @index in the same page, or NULL. */
static const struct kmem_blk_map *kmem_blk_scan_sharer(const struct kmem_blk_map *map,
						       u64 index, u64 dpn)
{
	if (!kmem_blk_family_has_leaf(map, index, dpn))
		return NULL;
	for (unsigned int i = 0; i < KMEM_BLK_MAX_MEMBERS; i++) {
		const struct kmem_blk_map *other = map->family->member[i];

		if (other && other != map && index < other->nr_leaves &&
		    other->leaves[index].dpn == dpn)
			return other;
	}
	return NULL;
}

/*
 * The leaf @index in page @dpn, which another member has, too: all in it is verified and
 * claimed. But here the disk may end in it.
 */
static int kmem_blk_scan_shared_leaf(struct kmem_blk_scan *scan, u64 index, u64 dpn,
				     const struct kmem_blk_map *other)
{
	struct kmem_blk_map *map = scan->map;
	struct kmem_blk_leaf *leaf = &map->leaves[index];
	const unsigned int end = kmem_blk_map_leaf_blocks(map, index);
	const u64 base = index << KMEM_BLK_NODE_SHIFT;
	u64 child;
	int err;

	if (end < KMEM_BLK_NODE_ENTRIES) {
		err = kmem_blk_scan_read(scan, 0, base, dpn, scan->buf[0]);
		if (err)
			return err;
	}
	for (unsigned int slot = end; slot < KMEM_BLK_NODE_ENTRIES; slot++) {
		const u64 word = le64_to_cpu(scan->buf[0][slot]);

		err = kmem_blk_verify(map, scan->error, "entry of a leaf", dpn, 0, base + slot,
				      word, &child);
		if (err == KMEM_BLK_ENTRY_HOLE)
			continue;
		return err < 0 ? err :
		       kmem_blk_refuse_entry(scan->error, "entry of a leaf", dpn, 0,
					     base + slot, word,
					     "block behind the end of the disk");
	}
	leaf->nr_used = other->leaves[index].nr_used;
	leaf->nr_data = other->leaves[index].nr_data;
	leaf->dpn = dpn;
	rcu_assign_pointer(leaf->ents, dax_kmem_index_to_kaddr(map->kp, dpn));
	return 0;
}

/* All leaves below an entry of @level that is LOST. */
static void kmem_blk_scan_lost(struct kmem_blk_map *map, unsigned int level, u64 index)
{
	const unsigned int shift = KMEM_BLK_NODE_SHIFT * (level - 1);
	const u64 end = min((index + 1) << shift, map->nr_leaves);

	for (u64 i = index << shift; i < end; i++) {
		struct kmem_blk_leaf *leaf = &map->leaves[i];

		scoped_guard(spinlock, kmem_blk_leaf_lock(map, i)) {
			leaf->nr_used = kmem_blk_map_leaf_blocks(map, i);
			rcu_assign_pointer(leaf->ents, (__le64 *)kmem_blk_lost_leaf);
		}
		if (!(i & KMEM_BLK_NODE_MASK))
			cond_resched();
	}
}

/* Can a node be read? Whoever cannot be is not used for anything else either. */
static bool kmem_blk_readable(const struct kmem_blk_map *map, u64 dpn)
{
	const void *node = dax_kmem_index_to_kaddr(map->kp, dpn);

	if (!node)
		return false;
	if (!kmem_media_probe(map->media, node, KMEM_BLK_NODE_BYTES))
		return true;
	dax_kmem_media_error(map->kp, dpn);
	return false;
}

/*
 * A node that is in use. It is not marked as bad: one line of it may be, and the entries in
 * the others count. Who comes by the same one again and again is counted once.
 */
static void kmem_blk_blame(struct kmem_blk_map *map, u64 dpn)
{
	const void *node = dax_kmem_index_to_kaddr(map->kp, dpn);

	if (READ_ONCE(map->blamed) == dpn || dax_kmem_page_is_bad(map->kp, dpn) ||
	    !kmem_media_probe(map->media, node, KMEM_BLK_NODE_BYTES))
		return;
	WRITE_ONCE(map->blamed, dpn);
	dax_kmem_count_error(map->kp, dpn);
}

/**
 * kmem_blk_map_blame - whatever does not go, which nodes are the reason?
 * @map: the map
 * @lblk: a block that could not be looked up or changed: -EIO
 *
 * Those on the way to it, both copies, that cannot be read now are counted. Not while the
 * lock of a leaf or of the tree is held, and therefore not where the error is met.
 *
 * Context: any but interrupts.
 */
void kmem_blk_map_blame(struct kmem_blk_map *map, u64 lblk)
{
	const u64 leaf_index = kmem_blk_map_leaf_index(lblk);
	u64 dpn = 0;

	/* What it looks at may go meanwhile, but is nobody else's before we are done. */
	guard(rcu)();
	for (unsigned int level = map->root_level; level; level--) {
		const u64 index = lblk >> KMEM_BLK_NODE_SHIFT * (level + 1);
		const struct kmem_blk_node *node = &map->nodes[level][index];

		if (!kmem_blk_node_exists(node))
			return;
		kmem_blk_blame(map, node->copies.dpn);
		if (kmem_blk_node_has_twin(node))
			kmem_blk_blame(map, node->copies.twin);
	}
	scoped_guard(spinlock, kmem_blk_leaf_lock(map, leaf_index))
		if (kmem_blk_map_leaf_exists(map, leaf_index))
			dpn = map->leaves[leaf_index].dpn;
	if (dpn)
		kmem_blk_blame(map, dpn);
}

/*
 * Of two copies of a node those that can be read: nobody claims, or refers to, another one
 * any more. Returns whether that is one. If neither can be read, reading it tells.
 */
static bool kmem_blk_pick(const struct kmem_blk_map *map, struct kmem_blk_copies *copies)
{
	if (copies->dpn == copies->twin)
		return false;
	if (!kmem_blk_readable(map, copies->twin))
		copies->twin = copies->dpn;
	else if (!kmem_blk_readable(map, copies->dpn))
		copies->dpn = copies->twin;
	return copies->dpn == copies->twin;
}

/*
 * Which of the entries at one slot of two copies counts? What both refer to, if that is a
 * node. *@holder: the pages of the node that holds them; the first becomes that of the entry.
 */
static u64 kmem_blk_scan_choose(struct kmem_blk_scan *scan, unsigned int level, u64 index,
				struct kmem_blk_copies *holder,
				struct kmem_blk_copies *child)
{
	const struct kmem_blk_map *map = scan->map;
	const unsigned int slot = index & KMEM_BLK_NODE_MASK;
	const u64 word = le64_to_cpu(scan->buf[level][slot]);
	const u64 twin = le64_to_cpu(scan->twin[level][slot]);
	int type, twin_type;
	const char *reason;

	if (holder->dpn == holder->twin || likely(word == twin)) {
		child->dpn = word & KMEM_BLK_ENTRY_DPN_MASK;
		child->twin = child->dpn;
		return word;
	}
	type = kmem_blk_entry_verify(map, level, index, word, &child->dpn, &reason);
	twin_type = kmem_blk_entry_verify(map, level, index, twin, &child->twin, &reason);
	scan->nr_mended += (type < 0) != (twin_type < 0);
	if (type < 0 && twin_type >= 0) {
		holder->dpn = holder->twin;
		child->dpn = child->twin;
		return twin;
	}
	/* Twins of leaves there are none. */
	if (type < 0 || type != twin_type || level == 1)
		child->twin = child->dpn;
	return word;
}

static int kmem_blk_scan_node(struct kmem_blk_scan *scan, unsigned int level, u64 index,
			      const struct kmem_blk_copies *copies);

/* The entry @index of a node of @level, and everything below, if there is no doubt. */
static int kmem_blk_scan_child(struct kmem_blk_scan *scan, unsigned int level, u64 index,
			       struct kmem_blk_copies holder)
{
	struct kmem_blk_map *map = scan->map;
	const u64 twin_holder = holder.twin;
	const struct kmem_blk_map *sharer;
	struct kmem_blk_copies child;
	u64 word, dpn;
	int err;

	word = kmem_blk_scan_choose(scan, level, index, &holder, &child);
	sharer = level == 1 && index < map->nr_leaves ?
		 kmem_blk_scan_sharer(map, index, child.dpn) : NULL;
	if (sharer && word == kmem_blk_entry_encode(map->seed, 1, index, KMEM_BLK_ENTRY_NODE,
						    child.dpn))
		return kmem_blk_scan_shared_leaf(scan, index, child.dpn, sharer);
	if (kmem_blk_entry_type(word) == KMEM_BLK_ENTRY_NODE + level - 1)
		scan->nr_mended += kmem_blk_pick(map, &child);
	else
		child.twin = child.dpn;
	if (child.dpn != child.twin) {
		const __le64 *twin = &scan->twin[level][index & KMEM_BLK_NODE_MASK];

		err = kmem_blk_claim(map, scan->error, "entry of a node", twin_holder, level,
				     index, le64_to_cpu(*twin), child.twin);
		if (err)
			return err;
	}
	if (child.dpn != (word & KMEM_BLK_ENTRY_DPN_MASK)) {
		/* The first copy of the child cannot be read: the entry is not believed. */
		word = le64_to_cpu(scan->twin[level][index & KMEM_BLK_NODE_MASK]);
		holder.dpn = twin_holder;
	}
	err = kmem_blk_scan_entry(scan, holder.dpn, level, index, word, &dpn);
	if (err < 0)
		return err;
	if (err == KMEM_BLK_ENTRY_HOLE)
		return 0;
	if (err == KMEM_BLK_ENTRY_LOST) {
		kmem_blk_scan_lost(map, level, index);
		return 0;
	}
	return kmem_blk_scan_node(scan, level - 1, index, &child);
}

/*
 * The node @index of @level, claimed already, and everything below; if parts are wanted,
 * only down to them. Recursion ends after KMEM_BLK_MAX_LEVEL + 1 levels.
 */
static int kmem_blk_scan_node(struct kmem_blk_scan *scan, unsigned int level, u64 index,
			      const struct kmem_blk_copies *copies)
{
	struct kmem_blk_map *map = scan->map;
	const u64 base = index << KMEM_BLK_NODE_SHIFT;
	struct kmem_blk_node *node;
	int err;

	if (!level)
		return kmem_blk_scan_leaf(scan, index, copies->dpn);
	if (scan->parts && level == KMEM_BLK_PART_LEVEL) {
		scan->parts[index] = *copies;
		return 0;
	}
	err = kmem_blk_scan_read(scan, level, base, copies->dpn, scan->buf[level]);
	if (!err && copies->twin != copies->dpn)
		err = kmem_blk_scan_read(scan, level, base, copies->twin, scan->twin[level]);
	if (err)
		return err;

	for (unsigned int slot = 0; slot < KMEM_BLK_NODE_ENTRIES; slot++) {
		err = kmem_blk_scan_child(scan, level, base + slot, *copies);
		if (unlikely(err) && (err == -EUCLEAN || err == -EIO) &&
		    kmem_blk_scan_loses(scan)) {
			kmem_blk_scan_lost(map, level, base + slot);
			map->nr_gone++;
			err = 0;
		}
		if (err)
			return err;
	}
	node = &map->nodes[level][index];
	node->ents = dax_kmem_index_to_kaddr(map->kp, copies->dpn);
	node->twin = dax_kmem_index_to_kaddr(map->kp, copies->twin);
	node->copies = *copies;
	scan->nr_single += copies->dpn == copies->twin;
	cond_resched();
	return 0;
}

/**
 * kmem_blk_scan_alloc - what one scanner needs
 * @map: the map, from kmem_blk_map_open()
 * @error: filled by what the scanner refuses
 *
 * Context: may sleep. Return: the scanner, NULL without memory.
 */
struct kmem_blk_scan *kmem_blk_scan_alloc(struct kmem_blk_map *map,
					  struct kmem_blk_map_error *error)
{
	struct kmem_blk_scan *scan = kvmalloc(sizeof(*scan), GFP_KERNEL);

	if (!scan)
		return NULL;
	/* The rest, most of it, is written before it is read. */
	scan->map = map;
	scan->error = error;
	scan->nr_nodes = 0;
	scan->nr_mended = 0;
	scan->nr_single = 0;
	scan->parts = NULL;
	scan->shared = false;
	scan->dry = false;
	scan->nr_groups = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(scan->slot_crc); i++)
		scan->slot_crc[i] = kmem_blk_entry_crc(0, 0, i, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(scan->page_crc); i++)
		scan->page_crc[i] = kmem_blk_low_crc(i);
	return scan;
}

/**
 * kmem_blk_scan_free - a scanner has done its part
 * @scan: the scanner, or NULL
 *
 * What it has read is added to &kmem_blk_map.nr_scanned, what it has found to nr_mended
 * and nr_single.
 *
 * Context: may sleep; nobody else frees a scanner of the same map.
 */
void kmem_blk_scan_free(struct kmem_blk_scan *scan)
{
	if (scan) {
		scan->map->nr_scanned += scan->nr_nodes;
		scan->map->nr_mended += scan->nr_mended;
		scan->map->nr_single += scan->nr_single;
	}
	kvfree(scan);
}

/**
 * kmem_blk_scan_top - read and verify what is above the parts of a map
 * @scan: a scanner
 * @root: pages of the root, from kmem_blk_map_open()
 * @parts: filled: pages of the parts, claimed, [kmem_blk_map_nr_parts()]; 0 where there
 *	   is none
 *
 * Context: may sleep. Return: as kmem_blk_map_attach().
 */
int kmem_blk_scan_top(struct kmem_blk_scan *scan, const struct kmem_blk_copies *root,
		      struct kmem_blk_copies *parts)
{
	int err;

	scan->parts = parts;
	err = kmem_blk_scan_node(scan, scan->map->root_level, 0, root);
	scan->parts = NULL;
	return err;
}

/**
 * kmem_blk_scan_part - read and verify one part of a map, claim all its pages
 * @scan: a scanner
 * @part: which part
 * @copies: its pages
 *
 * Context: may sleep; others may scan other parts. If several parts cannot be scanned,
 * or refer to the same page, which one is told depends on who comes first.
 * Return: as kmem_blk_map_attach().
 */
int kmem_blk_scan_part(struct kmem_blk_scan *scan, u64 part,
		       const struct kmem_blk_copies *copies)
{
	scan->shared = true;
	return kmem_blk_scan_node(scan, KMEM_BLK_PART_LEVEL, part, copies);
}

/* @nr leaves, with locks, that are not there. */
static struct kmem_blk_leaf *kmem_blk_leaves_alloc(u64 nr)
{
	/* A size that was read from the media may be too much: no warning. */
	struct kmem_blk_leaf *leaves = kvcalloc(nr, sizeof(*leaves),
						GFP_KERNEL | __GFP_NOWARN);

	for (u64 i = 0; leaves && i < nr; i++) {
		spin_lock_init(&leaves[i].lock);
		if (!(i & KMEM_BLK_NODE_MASK))
			cond_resched();
	}
	return leaves;
}

/*
 * The live tree has a lock for each leaf of the largest member; any member may become the
 * live tree.
 */
static int kmem_blk_map_alloc(struct kmem_blk_map *map)
{
	struct kmem_blk_family *family = map->family;

	family->nr_locks = max(family->nr_locks, map->nr_leaves);
	map->leaves = kmem_blk_leaves_alloc(family->nr_locks);
	if (!map->leaves)
		return -ENOMEM;
	map->locks = family->member[0]->leaves;

	for (unsigned int level = 1; level <= map->root_level; level++) {
		map->nodes[level] = kvcalloc(kmem_blk_level_nodes(map->nr_lblks,
								  level),
					     sizeof(*map->nodes[level]),
					     GFP_KERNEL | __GFP_NOWARN);
		if (!map->nodes[level])
			return -ENOMEM;
	}
	return 0;
}

/* One of the entries of the superblock that refer to a root. */
static int kmem_blk_verify_root(const struct kmem_blk_map *map,
				struct kmem_blk_map_error *error, const char *object,
				__le64 root, u64 *dpn)
{
	const unsigned int level = map->root_level + 1;
	const u64 word = le64_to_cpu(root);
	int type = kmem_blk_verify(map, error, object, 0, level, 0, word, dpn);

	if (type < 0)
		return type;
	/* LOST is of no use here: there would be no node to write the first block to. */
	if (type == KMEM_BLK_ENTRY_HOLE || type == KMEM_BLK_ENTRY_LOST)
		return kmem_blk_refuse_entry(error, object, 0, level, 0, word,
					     "there is no root node");
	return 0;
}

/* Every field of the plugin part, before the first node is touched. */
static int kmem_blk_verify_sb(struct kmem_blk_map *map,
			      const struct kmem_blk_superblock *bsb,
			      struct kmem_blk_map_error *error,
			      struct kmem_blk_copies *root)
{
	const __le64 holes[] = {
		bsb->badlist, bsb->reserved_root[0], bsb->reserved_root[1],
	};
	int err;

	map->nr_lblks = le64_to_cpu(bsb->nr_lblks);
	map->seed = le32_to_cpu(bsb->entry_seed);
	if (le32_to_cpu(bsb->node_shift) != KMEM_BLK_NODE_SHIFT)
		return kmem_blk_refuse(error, "superblock, node_shift", 0, 0, 0,
				       le32_to_cpu(bsb->node_shift),
				       KMEM_BLK_NODE_SHIFT, "not supported");
	if (!kmem_blk_nr_lblks_valid(map->nr_lblks))
		return kmem_blk_refuse(error, "superblock, nr_lblks", 0, 0, 0,
				       map->nr_lblks, 0, "size not possible");
	map->root_level = kmem_blk_root_level(map->nr_lblks);
	map->nr_leaves = kmem_blk_level_nodes(map->nr_lblks, 0);

	/* All of it has a good checksum: what is not known is not damaged. */
	for (int i = 0; i < ARRAY_SIZE(holes); i++) {
		if (le64_to_cpu(holes[i]) ==
		    kmem_blk_entry_encode(map->seed, KMEM_BLK_LEVEL_SB, i,
					  KMEM_BLK_ENTRY_HOLE, 0))
			continue;
		kmem_blk_refuse_entry(error, "superblock, reserved entry", 0,
				      KMEM_BLK_LEVEL_SB, i, le64_to_cpu(holes[i]),
				      "newer format");
		return -EPROTONOSUPPORT;
	}
	err = kmem_blk_verify_root(map, error, "superblock, root", bsb->root, &root->dpn);
	root->twin = root->dpn;
	if (err || !bsb->root_twin)
		return err;
	if (!map->root_level)
		return kmem_blk_refuse_entry(error, "superblock, root_twin", 0, 1, 0,
					     le64_to_cpu(bsb->root_twin),
					     "a leaf has no twin");
	return kmem_blk_verify_root(map, error, "superblock, root_twin", bsb->root_twin,
				    &root->twin);
}

/* The root is not below any node that could claim it. */
static int kmem_blk_claim_root(const struct kmem_blk_map *map,
			       struct kmem_blk_map_error *error,
			       const struct kmem_blk_superblock *bsb,
			       const struct kmem_blk_copies *root)
{
	int err = kmem_blk_claim(map, error, "superblock, root", 0, map->root_level + 1, 0,
				 le64_to_cpu(bsb->root), root->dpn);

	if (err || root->twin == root->dpn)
		return err;
	return kmem_blk_claim(map, error, "superblock, root_twin", 0, map->root_level + 1, 0,
			      le64_to_cpu(bsb->root_twin), root->twin);
}

/**
 * kmem_blk_map_nr_parts - parts that scanners may take turns with
 * @map: the map, from kmem_blk_map_open()
 *
 * A part is a node above leaves with all below it: 1 GiB of logical space.
 *
 * Return: the number of parts; 0 if the map is a leaf.
 */
u64 kmem_blk_map_nr_parts(const struct kmem_blk_map *map)
{
	return map->root_level < KMEM_BLK_PART_LEVEL ? 0 :
	       kmem_blk_level_nodes(map->nr_lblks, KMEM_BLK_PART_LEVEL);
}

/**
 * kmem_blk_map_open - begin to attach: verify the superblock, claim the root
 * @map: filled; kmem_blk_map_detach() also after an error
 * @kp: the device
 * @bsb: plugin part of the superblock
 * @error: filled if the return value is -EUCLEAN
 * @root: pages of the root, those that can be read
 *
 * Context: may sleep; nobody else uses the map or the media.
 * Return: as kmem_blk_map_attach().
 */
int kmem_blk_map_open(struct kmem_blk_map *map, struct kmem_persist *kp,
		      const struct kmem_blk_superblock *bsb,
		      struct kmem_blk_map_error *error, struct kmem_blk_copies *root)
{
	int err;

	memset(map, 0, sizeof(*map));
	memset(error, 0, sizeof(*error));
	map->kp = kp;
	map->media = kmem_persist_media(kp);
	map->nr_pages = dax_kmem_num_pages(kp);
	spin_lock_init(&map->tree_lock);

	map->family = &map->own;
	map->own.nr = 1;
	spin_lock_init(&map->own.lock);
	map->own.member[0] = map;

	err = kmem_blk_verify_sb(map, bsb, error, root);
	if (err)
		return err;
	map->nr_mended += kmem_blk_pick(map, root);
	err = kmem_blk_claim_root(map, error, bsb, root);
	return err ?: kmem_blk_map_alloc(map);
}

/**
 * kmem_blk_map_init - what another tree of a family needs in DRAM
 * @map: filled; kmem_blk_map_detach() undoes it, also after an error
 * @source: a member of the family
 * @nr_lblks: logical size in blocks, a possible one; the largest member is not smaller
 *
 * Context: may sleep. Return: 0 or -ENOMEM.
 */
int kmem_blk_map_init(struct kmem_blk_map *map, const struct kmem_blk_map *source,
		      u64 nr_lblks)
{
	memset(map, 0, sizeof(*map));
	map->kp = source->kp;
	map->media = source->media;
	map->family = source->family;
	map->nr_pages = source->nr_pages;
	map->seed = source->seed;
	map->nr_lblks = nr_lblks;
	map->root_level = kmem_blk_root_level(nr_lblks);
	map->nr_leaves = kmem_blk_level_nodes(nr_lblks, 0);
	spin_lock_init(&map->tree_lock);
	return kmem_blk_map_alloc(map);
}

/* Locks for a member that is larger than those before. Nobody has one. */
static int kmem_blk_family_make_room(struct kmem_blk_family *family, u64 nr_leaves)
{
	struct kmem_blk_map *live = family->member[0];
	struct kmem_blk_leaf *leaves;

	if (nr_leaves <= family->nr_locks)
		return 0;
	leaves = kmem_blk_leaves_alloc(nr_leaves);
	if (!leaves)
		return -ENOMEM;
	for (u64 i = 0; i < live->nr_leaves; i++) {
		leaves[i].nr_used = live->leaves[i].nr_used;
		leaves[i].nr_data = live->leaves[i].nr_data;
		leaves[i].dpn = live->leaves[i].dpn;
		leaves[i].ents = live->leaves[i].ents;
	}
	kvfree(live->leaves);
	live->leaves = leaves;
	family->nr_locks = nr_leaves;
	for (unsigned int i = 0; i < KMEM_BLK_MAX_MEMBERS; i++)
		if (family->member[i])
			family->member[i]->locks = leaves;
	return 0;
}

/**
 * kmem_blk_member_attach - read and verify another member of a family, claim its pages
 * @map: filled; kmem_blk_map_detach() is for a successful attach only
 * @live: the live tree, attached
 * @nr_lblks: logical size in blocks, from the record of the member
 * @root: the entry that refers to its root
 * @error: filled if the return value is -EUCLEAN or -EIO
 *
 * It becomes a member. Members may be attached in any order. Writes nothing. What is in
 * doubt is LOST in it, and counted in &kmem_blk_map.nr_gone: kmem_blk_map_settle() has to
 * follow, before anything is lent.
 *
 * Context: may sleep; nobody else uses the family or the media.
 * Return: 0; -EUCLEAN or -EIO if that is all of it: it is no member; -ENOMEM; -EMLINK if there
 * are KMEM_BLK_MAX_MEMBERS; another error of dax_kmem_claim_page().
 */
int kmem_blk_member_attach(struct kmem_blk_map *map, struct kmem_blk_map *live,
			   u64 nr_lblks, u64 root, struct kmem_blk_map_error *error)
{
	struct kmem_blk_scan *scan = NULL;
	struct kmem_blk_copies copies;
	int err;

	memset(map, 0, sizeof(*map));
	memset(error, 0, sizeof(*error));
	if (!kmem_blk_nr_lblks_valid(nr_lblks) || !kmem_blk_root_level(nr_lblks))
		return kmem_blk_refuse(error, "record, nr_lblks", 0, 0, 0, nr_lblks, 0,
				       "size not possible");
	err = kmem_blk_family_make_room(live->family, kmem_blk_level_nodes(nr_lblks, 0)) ?:
	      kmem_blk_map_init(map, live, nr_lblks);
	if (!err)
		err = kmem_blk_verify_root(map, error, "record, root", cpu_to_le64(root),
					   &copies.dpn);
	if (!err)
		err = kmem_blk_claim(map, error, "record, root", 0, map->root_level + 1, 0,
				     root, copies.dpn);
	/* Who is alone in its family looks for nothing in others. */
	err = err ?: kmem_blk_member_join(map);
	if (!err) {
		copies.twin = copies.dpn;
		scan = kmem_blk_scan_alloc(map, error);
		err = scan ? kmem_blk_scan_node(scan, map->root_level, 0, &copies) : -ENOMEM;
		kmem_blk_scan_free(scan);
		if (err)
			kmem_blk_member_leave(map);
	}
	if (err)
		kmem_blk_map_detach(map);
	return err;
}

/**
 * kmem_blk_map_attach - read and verify a map, claim all its pages
 * @map: filled; kmem_blk_map_detach() is for a successful attach only
 * @kp: the device
 * @bsb: plugin part of the superblock
 * @error: filled if the return value is -EUCLEAN or -EIO
 *
 * Writes nothing. Pages claimed by an attach that fails stay claimed: the device
 * is held as a whole then.
 *
 * Context: may sleep; nobody else uses the map or the media.
 * Return: 0; -EUCLEAN if anything is not as it must be; -EIO on media errors;
 * -ENOMEM; another error of dax_kmem_claim_page().
 */
int kmem_blk_map_attach(struct kmem_blk_map *map, struct kmem_persist *kp,
			const struct kmem_blk_superblock *bsb,
			struct kmem_blk_map_error *error)
{
	struct kmem_blk_scan *scan = NULL;
	struct kmem_blk_copies root;
	int err;

	err = kmem_blk_map_open(map, kp, bsb, error, &root);
	if (!err) {
		scan = kmem_blk_scan_alloc(map, error);
		err = scan ? kmem_blk_scan_node(scan, map->root_level, 0, &root) :
			     -ENOMEM;
		kmem_blk_scan_free(scan);
	}
	if (err)
		kmem_blk_map_detach(map);
	return err;
}

/**
 * kmem_blk_map_detach - forget a map
 * @map: the map; the live tree is the last of its family
 *
 * Context: may sleep; nobody uses the map any more.
 */
void kmem_blk_map_detach(struct kmem_blk_map *map)
{
	for (unsigned int level = 1; level <= KMEM_BLK_MAX_LEVEL; level++)
		kvfree(map->nodes[level]);
	kvfree(map->leaves);
	memset(map, 0, sizeof(*map));
}

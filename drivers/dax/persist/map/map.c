// SPDX-License-Identifier: GPL-2.0
/*
 * The map of a kmem block device
 */

/**
 * DOC: Map of a kmem block device
 *
 * Concepts
 * ========
 *
 * The media holds a radix tree of nodes, 512 entries each. An entry is one word
 * that carries its own check, bound to its place and to this format. An entry
 * of a leaf (level 0) says where one block of data is; there is no other state:
 * what the tree does not refer to is free. Hence nothing can leak across a
 * crash, there is no log and an attach has nothing to repair.
 *
 * DRAM holds an array with the address of every leaf, so that a lookup is two
 * loads, and per level above the leaves an array with the address of every node,
 * so that a writer finds the parent's entry without walking the media. Nodes
 * are made on demand. A leaf goes when its last block goes. A node above the
 * leaves stays: that is one page per GiB that was ever used.
 *
 * A node above the leaves, whose loss would take a GiB or more, has a *twin*: a second
 * page that says the same. Twins are a tree of their own: its root is root_twin of the
 * superblock, its nodes refer to twins, down to the leaves, which both trees have in
 * common. Where a node has no twin both trees refer to the same page. Each change of a
 * node is stored into both copies, with the same fence. Lookups and updates of leaves
 * know nothing of twins.
 *
 * The first copy counts where it can be read and its entry is good, otherwise the other
 * one: entry by entry. So it does not matter which of both became durable before a crash.
 * What an attach makes of two copies, and of one, is in map/twins.c.
 *
 * While attached, a node of which one copy cannot be read takes no new leaves and lets
 * none go: it would be stored to one copy only, and nobody could tell which. The next
 * attach settles that.
 *
 * Where an entry above the leaves is LOST, all blocks below are, and there are no
 * nodes. Those leaves are kmem_blk_lost_leaf in DRAM. The first update below makes
 * nodes, full of LOST entries but for what it is about; of a discard, too.
 *
 * Life cycle
 * ==========
 *
 *  1. format: an empty root node and the plugin part of the superblock.
 *  2. attach: the whole tree is read, every entry verified, every page claimed.
 *     Writes nothing. The first doubt ends it; damage is never guessed around.
 *     Then twins are settled.
 *  3. lookups and updates, see &struct kmem_blk_update.
 *  4. detach: forgets. The media is always consistent, nothing is written.
 *
 * Ordering
 * ========
 *
 * The rules by which the media survives a crash at any moment. Each call below
 * that stores to the media, and each fence, names the rule that it obeys, and its
 * partner; "or" where it depends on the caller. All of them are listed in
 * Documentation/driver-api/dax-kmem-persist.rst.
 *
 *  R1 *durable before publish*: an entry is stored after the fence that made
 *     durable what it refers to. A page of data or a node built aside is covered
 *     by the writer's first fence, the one before kmem_blk_map_commit().
 *  R2 *durable before free*: a page leaves the map by the store of an entry, a
 *     write back and a fence, all by the same task, before anybody is told that
 *     it may be freed. kmem_blk_map_commit() and kmem_blk_map_drop_leaf() return
 *     behind that fence; it is also what makes the change durable before it is
 *     acknowledged. The fence of another CPU would not do.
 *  R3 *linked before used*: an entry is stored into a node only if the node is
 *     durably referred to: the fence that follows the store of the parent's
 *     entry is inside the lock (of the leaf; of the tree for nodes above), and
 *     the address of the node is published after it. Otherwise a second writer
 *     could acknowledge a block in a node that a crash takes away, and a leaf
 *     that is replaced could get a write that its copy has not.
 *  R4 *last reference first*: readers run without locks. What they may still
 *     see is freed or reused only after an RCU grace period that began after
 *     the store that took it away. The map does not wait; its caller does.
 *
 *  R9 *twins*: a node is durably referred to by the second tree before by the first, so
 *     that none that counts is without its twin. Copies of nodes that differ are made
 *     equal, and a fence follows, before memory of the device is lent.
 *
 * A write back happens under the lock of the leaf: it binds the current content
 * of the line. If another writer replaces the same entry after the unlock, its
 * own write back and fence make the newer entry durable before it retires the
 * page of the older one.
 *
 * Readers
 * =======
 *
 * kmem_blk_map_lookup() loads the address of the leaf (pairs with
 * rcu_assign_pointer() at each publication of a leaf) and the entry; both are
 * single words and change as a whole. The load of the data depends on the
 * address from the entry; the writer's fence between data and entry (R1) is its
 * partner.
 *
 * Lock order
 * ==========
 *
 * &kmem_blk_leaf.lock and &kmem_blk_map.tree_lock are leaf locks: neither is
 * taken under the other and nothing is taken under them.
 */

#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "entry.h"
#include "map.h"

/* Entries that are built on the stack before they go to the media. */
#define KMEM_BLK_CHUNK		8U
/* Entries of a leaf that are copied at once. */
#define KMEM_BLK_COPY_CHUNK	64U

/*
 * Stands in for every leaf that is not there because it is LOST: a NULL would read as
 * zeroes. Its words have no check, for they are at many places at once: whoever
 * verifies one looks whether it is here before calling it damaged.
 */
const __le64 kmem_blk_lost_leaf[KMEM_BLK_NODE_ENTRIES] = {
	[0 ... KMEM_BLK_NODE_ENTRIES - 1] =
		cpu_to_le64((u64)KMEM_BLK_ENTRY_LOST << KMEM_BLK_ENTRY_TYPE_SHIFT),
};

/**
 * kmem_blk_map_node_pages - nodes and twins of a tree that is mapped completely
 * @nr_lblks: logical size in blocks, not 0
 *
 * Return: the number of pages.
 */
u64 kmem_blk_map_node_pages(u64 nr_lblks)
{
	u64 nr = 0;

	for (int level = 0; level <= kmem_blk_root_level(nr_lblks); level++)
		nr += kmem_blk_level_nodes(nr_lblks, level) << !!level;
	return nr;
}

/**
 * kmem_blk_map_max_lblks - blocks that fit into a number of pages
 * @nr_pages: pages for blocks and nodes
 *
 * Return: a number of blocks that fits together with all its nodes, 0 if none
 * does. Less than optimal by the nodes of the nodes at most.
 */
u64 kmem_blk_map_max_lblks(u64 nr_pages)
{
	u64 nodes;

	if (!nr_pages)
		return 0;
	nodes = kmem_blk_map_node_pages(nr_pages);
	/* The array of leaves is one allocation. */
	return min(nr_pages > nodes ? nr_pages - nodes : 0,
		   (u64)(INT_MAX / sizeof(struct kmem_blk_leaf)) << KMEM_BLK_NODE_SHIFT);
}

/**
 * struct kmem_blk_node_content - what is to be in a node that nothing refers to yet
 * @level: its level
 * @index: its index on its level
 * @fill: what entries are that nothing else is said of, HOLE or LOST
 * @end: entries of this level that the disk has; those behind are holes
 * @first: first slot of blocks that are not like that
 * @nr: how many
 * @type: what they are, HOLE or DATA
 * @pages: their pages, [nr], of DATA
 */
struct kmem_blk_node_content {
	unsigned int level;
	u64 index;
	unsigned int fill;
	u64 end;
	unsigned int first;
	unsigned int nr;
	unsigned int type;
	const u64 *pages;
};

static u64 kmem_blk_node_word(const struct kmem_blk_node_content *c, u32 seed,
			      unsigned int slot)
{
	const u64 index = (c->index << KMEM_BLK_NODE_SHIFT) + slot;
	unsigned int type = index < c->end ? c->fill : KMEM_BLK_ENTRY_HOLE;
	u64 dpn = 0;

	if (slot >= c->first && slot - c->first < c->nr) {
		type = c->type;
		if (type == KMEM_BLK_ENTRY_DATA)
			dpn = c->pages[slot - c->first];
	}
	return kmem_blk_entry_encode(seed, c->level, index, type, dpn);
}

/*
 * Fill a page that nothing refers to yet with entries. Durable after the caller's next
 * fence, and no entry may refer to the page before.
 */
static void kmem_blk_node_build(const struct kmem_media *media, __le64 *node, u32 seed,
				const struct kmem_blk_node_content *c)
{
	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i += KMEM_BLK_CHUNK) {
		__le64 chunk[KMEM_BLK_CHUNK];

		for (unsigned int j = 0; j < KMEM_BLK_CHUNK; j++)
			chunk[j] = cpu_to_le64(kmem_blk_node_word(c, seed, i + j));
		/*
		 * Ordering: R1, pairs with the fence in kmem_blk_map_format(),
		 * kmem_blk_grow() or kmem_blk_change()
		 */
		kmem_media_copy(media, node + i, chunk, sizeof(chunk));
	}
}

/**
 * kmem_blk_map_format - lay out an empty map
 * @kp: the device
 * @bsb: plugin part of the superblock, filled
 * @nr_lblks: logical size in blocks
 * @seed: random
 * @root: page for the root node, and for its twin, which it needs unless it is a leaf
 *
 * The root node is durable on return; the superblock is the caller's to write.
 *
 * Context: may sleep, no locks needed.
 * Return: 0, or -EINVAL if the size is not possible or the page does not exist.
 */
int kmem_blk_map_format(struct kmem_persist *kp, struct kmem_blk_superblock *bsb,
			u64 nr_lblks, u32 seed, const struct kmem_blk_copies *root)
{
	const struct kmem_media *media = kmem_persist_media(kp);
	__le64 *node = dax_kmem_index_to_kaddr(kp, root->dpn);
	__le64 *twin = dax_kmem_index_to_kaddr(kp, root->twin);
	struct kmem_blk_node_content content = { .fill = KMEM_BLK_ENTRY_HOLE };
	unsigned int level;
	u64 holes[3];

	if (!node || !twin || !kmem_blk_nr_lblks_valid(nr_lblks))
		return -EINVAL;
	level = kmem_blk_root_level(nr_lblks);
	content.level = level;
	kmem_blk_node_build(media, node, seed, &content);
	if (level)
		kmem_blk_node_build(media, twin, seed, &content);
	/* Ordering: R6, pairs with the store in kmem_sb_write_magic() */
	kmem_media_fence(media);

	for (int i = 0; i < ARRAY_SIZE(holes); i++)
		holes[i] = kmem_blk_entry_encode(seed, KMEM_BLK_LEVEL_SB, i,
						 KMEM_BLK_ENTRY_HOLE, 0);
	memset(bsb, 0, sizeof(*bsb));
	bsb->nr_lblks = cpu_to_le64(nr_lblks);
	bsb->root = cpu_to_le64(kmem_blk_entry_encode(seed, level + 1, 0,
						      KMEM_BLK_ENTRY_NODE + level,
						      root->dpn));
	if (level)
		bsb->root_twin = cpu_to_le64(kmem_blk_entry_encode(seed, level + 1, 0,
								   KMEM_BLK_ENTRY_NODE +
								   level, root->twin));
	bsb->entry_seed = cpu_to_le32(seed);
	bsb->node_shift = cpu_to_le32(KMEM_BLK_NODE_SHIFT);
	bsb->node_pages = cpu_to_le64(1 + !!level);
	bsb->badlist = cpu_to_le64(holes[0]);
	bsb->reserved_root[0] = cpu_to_le64(holes[1]);
	bsb->reserved_root[1] = cpu_to_le64(holes[2]);
	return 0;
}

static void kmem_blk_count_leaf(const struct kmem_blk_map *map, u64 leaf_index,
				struct kmem_blk_map_count *count)
{
	const struct kmem_blk_leaf *leaf = &map->leaves[leaf_index];
	unsigned int nr_data = READ_ONCE(leaf->nr_data);
	unsigned int nr_used = READ_ONCE(leaf->nr_used);

	if (kmem_blk_map_leaf_is_hole(map, leaf_index))
		return;
	count->node_pages += kmem_blk_map_leaf_exists(map, leaf_index);
	count->mapped_blocks += nr_data;
	count->lost_blocks += nr_used - min(nr_data, nr_used);
}

/*
 * Some nodes, or leaves, of a level, from *@pos on; false if there are no more. Between two
 * calls the tree may be exchanged, and its arrays go: not while the gate is open, and we are
 * in a read side critical section.
 */
static bool kmem_blk_count_some(const struct kmem_blk_map *map, unsigned int level, u64 *pos,
				struct kmem_blk_map_count *count)
{
	u64 end;

	guard(rcu)();
	if (kmem_blk_map_enter(map))
		return true;
	if (level > map->root_level)
		return false;
	end = min(kmem_blk_level_nodes(map->nr_lblks, level), *pos + KMEM_BLK_NODE_ENTRIES);
	for (; *pos < end; (*pos)++) {
		const struct kmem_blk_node *node;

		if (!level) {
			kmem_blk_count_leaf(map, *pos, count);
			continue;
		}
		node = &map->nodes[level][*pos];
		if (kmem_blk_node_exists(node))
			count->node_pages += 1 + kmem_blk_node_has_twin(node);
	}
	return *pos < kmem_blk_level_nodes(map->nr_lblks, level);
}

/**
 * kmem_blk_map_count - count what the map holds
 * @map: the map
 * @count: filled
 *
 * Sums up the leaves, so that updates need no shared counter. Not exact while
 * updates run.
 *
 * Context: may sleep.
 */
void kmem_blk_map_count(const struct kmem_blk_map *map,
			struct kmem_blk_map_count *count)
{
	memset(count, 0, sizeof(*count));
	for (unsigned int level = 0; level <= KMEM_BLK_MAX_LEVEL; level++)
		for (u64 pos = 0; kmem_blk_count_some(map, level, &pos, count);)
			cond_resched();
}

/**
 * kmem_blk_map_lookup - find the page of a block
 * @map: the map
 * @lblk: logical block, below &kmem_blk_map.nr_lblks
 * @dpn: out: its page, if there is one
 *
 * The page is the block's for as long as the caller stays in the RCU read side
 * critical section. The entry is verified.
 *
 * Context: in an RCU read side critical section.
 * Return: KMEM_BLK_ENTRY_HOLE, KMEM_BLK_ENTRY_DATA or KMEM_BLK_ENTRY_LOST;
 * -EUCLEAN if the entry is damaged, -EIO if it cannot be read.
 */
int kmem_blk_map_lookup(const struct kmem_blk_map *map, u64 lblk, u64 *dpn)
{
	const struct kmem_blk_leaf *leaf;
	const __le64 *ents, *entry;
	const char *reason;
	int type;
	u64 word;

	leaf = &map->leaves[kmem_blk_map_leaf_index(lblk)];
	ents = rcu_dereference(leaf->ents);
	if (!ents)
		return KMEM_BLK_ENTRY_HOLE;
	entry = &ents[lblk & KMEM_BLK_NODE_MASK];
	if (unlikely(kmem_media_probe(map->media, entry, sizeof(*entry))))
		return -EIO;
	word = le64_to_cpu(READ_ONCE(*entry));
	type = kmem_blk_entry_verify(map, 0, lblk, word, dpn, &reason);
	if (unlikely(type < 0) && ents == kmem_blk_lost_leaf)
		return KMEM_BLK_ENTRY_LOST;
	return type;
}

/* Does an update of a block give a page back? Not one that another member has, too. */
static bool kmem_blk_gives_back(const struct kmem_blk_map *map, u64 lblk)
{
	u64 dpn;

	return kmem_blk_map_lookup(map, lblk, &dpn) == KMEM_BLK_ENTRY_DATA &&
	       !kmem_blk_family_has_entry(map, lblk,
					  kmem_blk_entry_encode(map->seed, 0, lblk,
								KMEM_BLK_ENTRY_DATA, dpn));
}

/**
 * kmem_blk_map_run - how many blocks are alike?
 * @map: the map
 * @lblk: first block
 * @nr: blocks to look at, not 0
 * @mapped: out: whether @lblk holds data that no other member has, so that an update gives a
 *	    page back
 *
 * Context: any; takes the RCU read lock.
 * Return: the number of blocks from @lblk that are like it, at least 1.
 */
unsigned int kmem_blk_map_run(const struct kmem_blk_map *map, u64 lblk,
			      unsigned int nr, bool *mapped)
{
	unsigned int i;

	guard(rcu)();
	*mapped = kmem_blk_gives_back(map, lblk);
	for (i = 1; i < nr; i++)
		if (kmem_blk_gives_back(map, lblk + i) != *mapped)
			break;
	return i;
}

/**
 * kmem_blk_map_replaceable - can a leaf be replaced or dropped by one store?
 * @map: the map
 *
 * Not where the leaf is the root, for it has no parent on the media. (No device
 * that this kernel formats is that small.)
 *
 * Return: true if KMEM_BLK_UPDATE_ATOMIC works for more than one block, and
 * kmem_blk_map_drop_leaf() works.
 */
bool kmem_blk_map_replaceable(const struct kmem_blk_map *map)
{
	return map->root_level > 0;
}

/* The node above a leaf; NULL: not there yet, or none at all. */
static const struct kmem_blk_node *kmem_blk_parent(const struct kmem_blk_map *map,
						   u64 leaf_index)
{
	const struct kmem_blk_node *node;

	if (!map->root_level)
		return NULL;
	node = &map->nodes[1][leaf_index >> KMEM_BLK_NODE_SHIFT];
	return kmem_blk_node_exists(node) ? node : NULL;
}

/* Can an entry of a node be changed in both copies? */
static int kmem_blk_node_probe(const struct kmem_blk_map *map,
			       const struct kmem_blk_node *node, unsigned int slot)
{
	int err = kmem_media_probe(map->media, node->ents + slot, sizeof(*node->ents));

	if (!err && kmem_blk_node_has_twin(node))
		err = kmem_media_probe(map->media, node->twin + slot, sizeof(*node->twin));
	return err;
}

/* Can the leaf that the parent refers to, which exists, be exchanged? */
static int kmem_blk_parent_probe(const struct kmem_blk_map *map, u64 leaf_index)
{
	return kmem_blk_node_probe(map, kmem_blk_parent(map, leaf_index),
				   leaf_index & KMEM_BLK_NODE_MASK);
}

/**
 * kmem_blk_map_droppable - does kmem_blk_map_drop_leaf() work?
 * @map: the map
 * @leaf_index: which leaf
 *
 * Not where the leaf has no parent: where it is the root, or is LOST further up. Then
 * its blocks have to be unmapped one by one, which makes the nodes that lack.
 *
 * Context: any. Return: true if it works, and will from now on.
 */
bool kmem_blk_map_droppable(const struct kmem_blk_map *map, u64 leaf_index)
{
	guard(rcu)();
	return kmem_blk_parent(map, leaf_index);
}

static bool kmem_blk_wants_copy(const struct kmem_blk_update *u)
{
	return (u->flags & KMEM_BLK_UPDATE_ATOMIC) && u->nr > 1;
}

/*
 * What all entries are that would be in a leaf that is not there, and in the nodes that
 * lack above it: a node comes before anything changes below it.
 */
static unsigned int kmem_blk_leaf_fill(const struct kmem_blk_map *map, u64 leaf_index)
{
	return kmem_blk_map_leaf_is_lost(map, leaf_index) ? KMEM_BLK_ENTRY_LOST :
							    KMEM_BLK_ENTRY_HOLE;
}

/* Does another member have the leaf, too? Whoever changes it has to look again. */
static bool kmem_blk_leaf_looks_shared(const struct kmem_blk_map *map, u64 leaf_index)
{
	if (kmem_blk_map_is_alone(map))
		return false;
	guard(rcu)();
	return kmem_blk_family_has_leaf(map, leaf_index,
					READ_ONCE(map->leaves[leaf_index].dpn));
}

/* Nothing has to be done for it, or to have been there. */
static bool kmem_blk_unmaps_hole(const struct kmem_blk_update *u, unsigned int fill)
{
	return (u->flags & KMEM_BLK_UPDATE_HOLE) && fill == KMEM_BLK_ENTRY_HOLE;
}

/**
 * kmem_blk_map_nodes_wanted - pages that an update lacks to go on
 * @map: the map
 * @u: the update
 *
 * Context: any.
 * Return: how many pages to add to &kmem_blk_update.spare before
 * kmem_blk_map_stage(), 0 for most updates.
 */
unsigned int kmem_blk_map_nodes_wanted(const struct kmem_blk_map *map,
				       const struct kmem_blk_update *u)
{
	u64 leaf_index = kmem_blk_map_leaf_index(u->lblk);
	unsigned int nr = 0;

	guard(rcu)();
	if (kmem_blk_map_leaf_exists(map, leaf_index)) {
		nr = kmem_blk_wants_copy(u) || kmem_blk_leaf_looks_shared(map, leaf_index);
	} else if (!kmem_blk_unmaps_hole(u, kmem_blk_leaf_fill(map, leaf_index))) {
		const struct kmem_blk_node *parent = NULL;

		nr = 1;
		for (unsigned int level = map->root_level; level; level--) {
			u64 index = u->lblk >> (KMEM_BLK_NODE_SHIFT * (level + 1));
			const struct kmem_blk_node *node = &map->nodes[level][index];

			if (kmem_blk_node_exists(node))
				parent = node;
			else
				nr += 1 + kmem_blk_node_has_twin(parent);
		}
	}
	if (u->leaf && nr)
		nr--;
	return nr > u->nr_spare ? nr - u->nr_spare : 0;
}

/*
 * Make the node @index of @level, whose parent exists, out of two pages, or of one if its
 * parent has no twin. It says of all that is below what its parent has said of it: @fill.
 */
static int kmem_blk_grow(struct kmem_blk_map *map, unsigned int level, u64 index,
			 const struct kmem_blk_copies *copies, unsigned int fill)
{
	const struct kmem_blk_node_content content = {
		.level = level,
		.index = index,
		.fill = fill,
		.end = kmem_blk_level_nodes(map->nr_lblks, level - 1),
	};
	const struct kmem_blk_node *parent =
		&map->nodes[level + 1][index >> KMEM_BLK_NODE_SHIFT];
	const struct kmem_media *media = map->media;
	__le64 *ents = dax_kmem_index_to_kaddr(map->kp, copies->dpn);
	__le64 *twin = dax_kmem_index_to_kaddr(map->kp, copies->twin);
	struct kmem_blk_node *node = &map->nodes[level][index];
	const unsigned int at = index & KMEM_BLK_NODE_MASK;
	int err;

	if (WARN_ON_ONCE(!ents || !twin))
		return -EIO;
	kmem_blk_node_build(media, ents, map->seed, &content);
	if (twin != ents)
		kmem_blk_node_build(media, twin, map->seed, &content);
	/* Ordering: R1, pairs with the store below */
	kmem_media_fence(media);

	guard(spinlock)(&map->tree_lock);
	if (node->ents)
		return -EEXIST;
	err = kmem_blk_node_probe(map, parent, at);
	if (err)
		return err;
	if (kmem_blk_node_has_twin(parent)) {
		/* Ordering: R1, pairs with the fence above; R9, with the fence below */
		kmem_media_store(media, &parent->twin[at],
				 kmem_blk_entry_encode(map->seed, level + 1, index,
						       KMEM_BLK_ENTRY_NODE + level,
						       copies->twin));
		kmem_media_wb(media, &parent->twin[at], sizeof(*ents));
		/*
		 * The first copy counts: what it knows has a twin. Ordering: R9, pairs
		 * with the store below
		 */
		kmem_media_fence(media);
	}
	/* Ordering: R1, pairs with the fence above; R3, with the fence below */
	kmem_media_store(media, &parent->ents[at],
			 kmem_blk_entry_encode(map->seed, level + 1, index,
					       KMEM_BLK_ENTRY_NODE + level, copies->dpn));
	kmem_media_wb(media, &parent->ents[at], sizeof(*ents));
	/* Ordering: R3, pairs with the store in kmem_blk_leaf_link() or kmem_blk_grow() */
	kmem_media_fence(media);
	node->twin = twin;
	node->copies = *copies;
	/* Pairs with smp_load_acquire() in kmem_blk_node_exists(). */
	smp_store_release(&node->ents, ents);
	return 0;
}

/**
 * kmem_blk_map_stage - make the nodes that an update needs
 * @map: the map
 * @u: the update, with kmem_blk_map_nodes_wanted() pages in it
 *
 * Nodes above the leaf are linked, for good; a new leaf is built aside and waits
 * for the caller's fence and kmem_blk_map_commit().
 *
 * Context: process context, does not sleep; &kmem_blk_update belongs to the
 * caller.
 * Return: 0; -EAGAIN if pages lack because the tree changed meanwhile; -EIO if a
 * page is not accessible; -EOPNOTSUPP without kmem_blk_map_replaceable(); -EBUSY: the gate
 * is closed.
 */
int kmem_blk_map_stage(struct kmem_blk_map *map, struct kmem_blk_update *u)
{
	u64 leaf_index = kmem_blk_map_leaf_index(u->lblk);
	struct kmem_blk_node_content content = {
		.index = leaf_index,
		.first = u->lblk & KMEM_BLK_NODE_MASK,
		.nr = u->nr,
		.type = u->flags & KMEM_BLK_UPDATE_HOLE ? KMEM_BLK_ENTRY_HOLE :
							  KMEM_BLK_ENTRY_DATA,
		.pages = u->pages,
	};
	unsigned int fill;
	__le64 *node;
	bool exists;
	int err;

	/* Whose nodes these are cannot be exchanged before this is over. */
	guard(rcu)();
	err = kmem_blk_map_enter(map);
	if (err)
		return err;
	content.end = map->nr_lblks;
	exists = kmem_blk_map_leaf_exists(map, leaf_index);
	fill = kmem_blk_leaf_fill(map, leaf_index);
	if (!exists && kmem_blk_unmaps_hole(u, fill))
		return 0;
	if (kmem_blk_wants_copy(u) && !kmem_blk_map_replaceable(map))
		return -EOPNOTSUPP;

	for (unsigned int level = map->root_level; !exists && level-- > 1;) {
		u64 index = u->lblk >> (KMEM_BLK_NODE_SHIFT * (level + 1));
		const struct kmem_blk_node *parent;
		struct kmem_blk_copies copies;
		unsigned int nr;

		if (kmem_blk_node_exists(&map->nodes[level][index]))
			continue;
		/* It exists: the root always does, and others are made from above. */
		parent = &map->nodes[level + 1][index >> KMEM_BLK_NODE_SHIFT];
		nr = 1 + kmem_blk_node_has_twin(parent);
		if (u->nr_spare < nr)
			return -EAGAIN;
		copies.dpn = u->spare[u->nr_spare - 1];
		copies.twin = u->spare[u->nr_spare - nr];
		err = kmem_blk_grow(map, level, index, &copies, fill);
		if (!err)
			u->nr_spare -= nr;
		else if (err != -EEXIST)
			return err;
	}

	if (!u->leaf && (!exists || kmem_blk_wants_copy(u) ||
			 kmem_blk_leaf_looks_shared(map, leaf_index))) {
		if (!u->nr_spare)
			return -EAGAIN;
		u->leaf = u->spare[--u->nr_spare];
	}
	if (exists || u->staged)
		return 0;

	node = dax_kmem_index_to_kaddr(map->kp, u->leaf);
	if (WARN_ON_ONCE(!node))
		return -EIO;
	/* Durable behind the caller's fence, before kmem_blk_map_commit(). */
	content.fill = fill;
	kmem_blk_node_build(map->media, node, map->seed, &content);
	u->fill = fill;
	u->staged = true;
	return 0;
}

/* Account for an entry that comes (@by 1) or goes (@by -1). */
static void kmem_blk_leaf_account(struct kmem_blk_leaf *leaf, u64 word, int by)
	__must_hold(&leaf->lock)
{
	unsigned int type = kmem_blk_entry_type(word);

	if (type != KMEM_BLK_ENTRY_HOLE)
		WRITE_ONCE(leaf->nr_used, leaf->nr_used + by);
	if (type == KMEM_BLK_ENTRY_DATA)
		WRITE_ONCE(leaf->nr_data, leaf->nr_data + by);
}

/*
 * Exchange the leaf that the parent refers to, after kmem_blk_parent_probe(): @node in page
 * @dpn, or none (NULL and 0). Returns the page of the leaf that was there.
 */
static u64 kmem_blk_leaf_link(struct kmem_blk_map *map,
			      struct kmem_blk_leaf *leaf, u64 leaf_index,
			      __le64 *node, u64 dpn)
	__must_hold(&leaf->lock)
{
	const struct kmem_blk_node *parent = kmem_blk_parent(map, leaf_index);
	unsigned int type = node ? KMEM_BLK_ENTRY_NODE : KMEM_BLK_ENTRY_HOLE;
	const u64 word = kmem_blk_entry_encode(map->seed, 1, leaf_index, type, dpn);
	const unsigned int at = leaf_index & KMEM_BLK_NODE_MASK;
	const struct kmem_media *media = map->media;
	u64 old = leaf->dpn;

	/*
	 * A leaf comes, and an old one leaves the map with what left it before.
	 * Ordering: R1, pairs with the fence in kmem_blk_change(),
	 * kmem_blk_commit_copy() or kmem_blk_map_move_leaf(); R2, with the
	 * fence below
	 */
	kmem_media_store(media, &parent->ents[at], word);
	kmem_media_wb(media, &parent->ents[at], sizeof(*parent->ents));
	if (kmem_blk_node_has_twin(parent)) {
		kmem_media_store(media, &parent->twin[at], word);
		kmem_media_wb(media, &parent->twin[at], sizeof(*parent->twin));
	}
	/*
	 * Inside the lock, for the next writer of this leaf. Ordering: R3, pairs
	 * with the store in kmem_blk_leaf_swap() or kmem_blk_change_entry();
	 * R2, with the free in kmem_blk_retire(),
	 * kmem_blk_discard_leaf() or kmem_blk_move_free_old()
	 */
	kmem_media_fence(media);
	leaf->dpn = dpn;
	/* Pairs with rcu_dereference() in kmem_blk_map_lookup(). */
	rcu_assign_pointer(leaf->ents, node);
	return old;
}

/*
 * Does the leaf really hold nothing? Counters lie when an entry is damaged, and
 * a leaf with data must never go.
 */
static bool kmem_blk_leaf_empty(const struct kmem_blk_map *map,
				const struct kmem_blk_leaf *leaf,
				const __le64 *ents, u64 leaf_index)
	__must_hold(&leaf->lock)
{
	u64 base = leaf_index << KMEM_BLK_NODE_SHIFT;

	if (leaf->nr_used || kmem_media_probe(map->media, ents, KMEM_BLK_NODE_BYTES))
		return false;
	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i++)
		if (le64_to_cpu(READ_ONCE(ents[i])) !=
		    kmem_blk_entry_encode(map->seed, 0, base + i,
					  KMEM_BLK_ENTRY_HOLE, 0))
			return false;
	return true;
}

/*
 * Some entries of a leaf to a copy of it that nothing refers to yet. -EIO if one of them
 * cannot be read.
 */
static int kmem_blk_leaf_copy(const struct kmem_blk_map *map, __le64 *copy,
			      const __le64 *ents, unsigned int first, unsigned int nr)
{
	const struct kmem_media *media = map->media;
	__le64 chunk[KMEM_BLK_COPY_CHUNK];

	while (nr) {
		const unsigned int now = min(nr, KMEM_BLK_COPY_CHUNK);

		if (kmem_media_read(media, chunk, ents + first, now * sizeof(*ents)))
			return -EIO;
		/*
		 * Ordering: R1, pairs with the fence in kmem_blk_commit_copy() or
		 * kmem_blk_map_move_leaf()
		 */
		kmem_media_copy(media, copy + first, chunk, now * sizeof(*ents));
		first += now;
		nr -= now;
	}
	return 0;
}

/*
 * All entries of a leaf that another member has, too, to a copy of it that nothing refers to
 * yet. The leaf will never be changed here, so what cannot be read of it is LOST in the copy,
 * or no block of the leaf could be written any more. Returns the copy.
 */
static __le64 *kmem_blk_leaf_rescue(struct kmem_blk_map *map, struct kmem_blk_leaf *leaf,
				    u64 leaf_index, __le64 *copy, const __le64 *ents,
				    struct kmem_blk_update *u)
	__must_hold(&leaf->lock)
{
	const struct kmem_blk_node_content lost = {
		.index = leaf_index,
		.fill = KMEM_BLK_ENTRY_LOST,
		.end = map->nr_lblks,
	};
	unsigned int nr_used = 0, nr_data = 0;
	const struct kmem_media *media = map->media;
	__le64 chunk[KMEM_BLK_CHUNK];

	for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i += KMEM_BLK_CHUNK) {
		const bool bad = kmem_media_read(media, chunk, ents + i, sizeof(chunk));

		u->nr_damaged += bad;
		for (unsigned int j = 0; j < KMEM_BLK_CHUNK; j++) {
			unsigned int type;

			if (bad)
				chunk[j] = cpu_to_le64(kmem_blk_node_word(&lost, map->seed, i + j));
			type = kmem_blk_entry_type(le64_to_cpu(chunk[j]));
			nr_used += type != KMEM_BLK_ENTRY_HOLE;
			nr_data += type == KMEM_BLK_ENTRY_DATA;
		}
		/* Ordering: R1, pairs with the fence in kmem_blk_commit_copy() */
		kmem_media_copy(media, copy + i, chunk, sizeof(chunk));
	}
	if (unlikely(u->nr_damaged)) {
		kmem_blk_map_doubt(map);
		WRITE_ONCE(leaf->nr_used, nr_used);
		WRITE_ONCE(leaf->nr_data, nr_data);
	}
	return copy;
}

/*
 * Swap the new entries (in u->pages, encoded) with the old ones. @ents is the
 * leaf, @copy where the result goes: the leaf itself, word by word, or a copy of
 * it that nothing refers to yet. -EIO if what that takes cannot be read: nothing has
 * changed then.
 */
static int kmem_blk_leaf_swap(struct kmem_blk_map *map, struct kmem_blk_leaf *leaf,
			      __le64 *ents, __le64 *copy, struct kmem_blk_update *u)
	__must_hold(&leaf->lock)
{
	const struct kmem_media *media = map->media;
	unsigned int first = u->lblk & KMEM_BLK_NODE_MASK;
	unsigned int end = first + u->nr;
	u64 *pages = u->pages;
	int err;

	err = kmem_media_probe(media, ents + first, u->nr * sizeof(*ents));
	if (!err && copy != ents)
		err = kmem_blk_leaf_copy(map, copy, ents, 0, first) ?:
		      kmem_blk_leaf_copy(map, copy, ents, end, KMEM_BLK_NODE_ENTRIES - end);
	if (unlikely(err))
		return err;
	for (unsigned int i = 0; i < end - first; i++) {
		u64 old = le64_to_cpu(READ_ONCE(ents[first + i]));
		u64 new = pages[i];

		/*
		 * Ordering: R1, pairs with the fence in kmem_blk_change(); R2, with
		 * the fence in kmem_blk_commit_fenced() or kmem_blk_leaf_link()
		 */
		if (copy != ents || old != new)
			kmem_media_store(media, copy + first + i, new);
		if (kmem_blk_entry_type(old) != kmem_blk_entry_type(new)) {
			kmem_blk_leaf_account(leaf, old, -1);
			kmem_blk_leaf_account(leaf, new, 1);
		}
		pages[i] = old;
		/* No entry: for who decides what is free it would be none that was there. */
		if (unlikely(!old)) {
			u->nr_damaged++;
			kmem_blk_map_doubt(map);
		}
	}
	/*
	 * Ordering: R2, pairs with the fence in kmem_blk_commit_fenced() or
	 * kmem_blk_leaf_link()
	 */
	kmem_media_wb(media, copy + first, u->nr * sizeof(*ents));
	return 0;
}

/* Under the lock of the leaf, which is not there: a new one, or none still. */
static int kmem_blk_commit_new(struct kmem_blk_map *map, struct kmem_blk_leaf *leaf,
			       u64 leaf_index, struct kmem_blk_update *u)
	__must_hold(&leaf->lock)
{
	const unsigned int fill = kmem_blk_leaf_fill(map, leaf_index);
	const unsigned int nr_data = u->flags & KMEM_BLK_UPDATE_HOLE ? 0 : u->nr;
	unsigned int nr_used = nr_data;
	int err;

	if (kmem_blk_unmaps_hole(u, fill))
		goto out;
	/* It was there when we staged, or was something else, or the tree was: once more. */
	if (!u->staged || u->fill != fill || !kmem_blk_parent(map, leaf_index)) {
		u->staged = false;
		return -EAGAIN;
	}
	err = kmem_blk_parent_probe(map, leaf_index);
	if (unlikely(err))
		return err;
	if (fill == KMEM_BLK_ENTRY_LOST)
		nr_used += kmem_blk_map_leaf_blocks(map, leaf_index) - u->nr;
	if (nr_used) {
		kmem_blk_leaf_link(map, leaf, leaf_index,
				   dax_kmem_index_to_kaddr(map->kp, u->leaf), u->leaf);
		u->leaf = 0;
	} else {
		kmem_blk_leaf_link(map, leaf, leaf_index, NULL, 0);
	}
	WRITE_ONCE(leaf->nr_used, nr_used);
	WRITE_ONCE(leaf->nr_data, nr_data);
out:
	memset(u->pages, 0, u->nr * sizeof(*u->pages));
	return 0;
}

/* Of what has left the map, leave alone what another member has. */
static void kmem_blk_commit_keep(const struct kmem_blk_map *map, struct kmem_blk_update *u)
{
	if (kmem_blk_map_is_alone(map))
		return;
	for (unsigned int i = 0; i < u->nr; i++)
		if (kmem_blk_family_has_entry(map, u->lblk + i, u->pages[i]))
			u->pages[i] = 0;
}

/* Are all entries that an update is about as it wants them? Not if they cannot be read. */
static bool kmem_blk_commit_changes_nothing(const struct kmem_blk_map *map,
					    const __le64 *ents,
					    const struct kmem_blk_update *u)
{
	ents += u->lblk & KMEM_BLK_NODE_MASK;
	if (kmem_media_probe(map->media, ents, u->nr * sizeof(*ents)))
		return false;
	for (unsigned int i = 0; i < u->nr; i++)
		if (le64_to_cpu(READ_ONCE(ents[i])) != u->pages[i])
			return false;
	return true;
}

/*
 * Under the lock of the leaf, which is there: a copy of it with the new entries, or none if
 * nothing is left, takes its place. @shared: another member has it, and all that it refers to.
 */
static int kmem_blk_commit_copy(struct kmem_blk_map *map, struct kmem_blk_leaf *leaf,
				u64 leaf_index, struct kmem_blk_update *u, bool shared)
	__must_hold(&leaf->lock)
{
	__le64 *ents = kmem_blk_leaf_ents(map, leaf_index);
	__le64 *node;
	u64 old;
	int err;

	if (shared && (u->flags & KMEM_BLK_UPDATE_HOLE) &&
	    kmem_blk_commit_changes_nothing(map, ents, u)) {
		memset(u->pages, 0, u->nr * sizeof(*u->pages));
		return 0;
	}
	/* It was not there, or not shared, when we looked. */
	if (!u->leaf)
		return -EAGAIN;
	u->staged = false;
	node = dax_kmem_index_to_kaddr(map->kp, u->leaf);
	err = kmem_blk_parent_probe(map, leaf_index);
	if (err)
		return err;
	if (shared)
		ents = kmem_blk_leaf_rescue(map, leaf, leaf_index, node, ents, u);
	err = kmem_blk_leaf_swap(map, leaf, ents, node, u);
	if (err)
		return err;
	if (kmem_blk_leaf_empty(map, leaf, node, leaf_index)) {
		old = kmem_blk_leaf_link(map, leaf, leaf_index, NULL, 0);
	} else {
		/* Ordering: R1, pairs with the store in kmem_blk_leaf_link() */
		kmem_media_fence(map->media);
		old = kmem_blk_leaf_link(map, leaf, leaf_index, node, u->leaf);
		u->leaf = 0;
	}
	if (shared) {
		memset(u->pages, 0, u->nr * sizeof(*u->pages));
	} else {
		kmem_blk_commit_keep(map, u);
		u->old_leaf = old;
	}
	return 0;
}

/* Under the lock of the leaf. @fenced: what was stored is durable already. */
static int kmem_blk_commit_locked(struct kmem_blk_map *map,
				  struct kmem_blk_leaf *leaf, u64 leaf_index,
				  struct kmem_blk_update *u, bool *fenced)
	__must_hold(&leaf->lock)
{
	__le64 *ents = kmem_blk_leaf_ents(map, leaf_index);
	bool shared;
	int err;

	if (!kmem_blk_map_leaf_exists(map, leaf_index)) {
		*fenced = true;
		return kmem_blk_commit_new(map, leaf, leaf_index, u);
	}
	shared = !kmem_blk_map_is_alone(map) &&
		 kmem_blk_family_has_leaf(map, leaf_index, leaf->dpn);
	if (shared || (kmem_blk_wants_copy(u) && !(u->flags & KMEM_BLK_UPDATE_HOLE))) {
		*fenced = true;
		return kmem_blk_commit_copy(map, leaf, leaf_index, u, shared);
	}

	err = kmem_blk_leaf_swap(map, leaf, ents, ents, u);
	if (unlikely(err))
		return err;
	/* An empty leaf that has to stay is one like others. */
	if ((u->flags & KMEM_BLK_UPDATE_HOLE) && map->root_level &&
	    kmem_blk_leaf_empty(map, leaf, ents, leaf_index) &&
	    !kmem_blk_parent_probe(map, leaf_index)) {
		u->old_leaf = kmem_blk_leaf_link(map, leaf, leaf_index, NULL, 0);
		*fenced = true;
	}
	kmem_blk_commit_keep(map, u);
	return 0;
}

/* From the look at the gate until it is durable. */
static int kmem_blk_commit_fenced(struct kmem_blk_map *map, struct kmem_blk_update *u)
{
	u64 leaf_index = kmem_blk_map_leaf_index(u->lblk);
	struct kmem_blk_leaf *leaf;
	bool fenced = false;
	int err;

	guard(rcu)();
	err = kmem_blk_map_enter(map);
	if (err)
		return err;
	/* Not before: it may have become another tree's. */
	leaf = &map->leaves[leaf_index];
	scoped_guard(spinlock, kmem_blk_leaf_lock(map, leaf_index)) {
		err = kmem_blk_commit_locked(map, leaf, leaf_index, u, &fenced);
		/* Ordering: R10, pairs with the free in kmem_blk_retire() */
		if (!err && !fenced && !kmem_blk_map_is_alone(map)) {
			kmem_media_fence(map->media);
			fenced = true;
		}
	}
	/* Ordering: R2, pairs with the free in kmem_blk_retire() */
	if (!err && !fenced)
		kmem_media_fence(map->media);
	return err;
}

/**
 * kmem_blk_map_commit - make an update visible and durable
 * @map: the map
 * @u: the update, staged; content and nodes are durable (the caller's fence)
 *
 * On success the update is durable: it may be acknowledged, and &pages and
 * &old_leaf may be freed after an RCU grace period that begins now. Otherwise
 * nothing has changed and &pages are still the new ones.
 *
 * Context: process context, does not sleep.
 * Return: 0; -EAGAIN if nodes lack: kmem_blk_map_nodes_wanted() again; -EIO if the leaf,
 * or what refers to it, cannot be read; -EBUSY: the gate is closed.
 */
int kmem_blk_map_commit(struct kmem_blk_map *map, struct kmem_blk_update *u)
{
	unsigned int type = u->flags & KMEM_BLK_UPDATE_HOLE ?
			    KMEM_BLK_ENTRY_HOLE : KMEM_BLK_ENTRY_DATA;
	int err;

	/* Checks are computed before the lock is taken and after it is gone. */
	for (unsigned int i = 0; i < u->nr; i++)
		u->pages[i] = kmem_blk_entry_encode(map->seed, 0, u->lblk + i, type,
						    type == KMEM_BLK_ENTRY_DATA ?
						    u->pages[i] : 0);

	err = kmem_blk_commit_fenced(map, u);
	if (err) {
		for (unsigned int i = 0; i < u->nr; i++)
			u->pages[i] &= KMEM_BLK_ENTRY_DPN_MASK;
		return err;
	}
	for (unsigned int i = 0; i < u->nr; i++) {
		const char *reason;
		u64 dpn;
		int old;

		/* Cleared: there was no leaf, or another member has it. */
		if (!u->pages[i])
			continue;
		old = kmem_blk_entry_verify(map, 0, u->lblk + i, u->pages[i], &dpn,
					    &reason);
		u->pages[i] = old == KMEM_BLK_ENTRY_DATA ? dpn : 0;
		if (old < 0) {
			u->nr_damaged++;
			kmem_blk_map_doubt(map);
		}
	}
	return 0;
}

/**
 * kmem_blk_map_unused - pages that an update did not need after all
 * @u: the update, which forgets them
 * @dpns: filled; room for KMEM_BLK_MAX_SPARE + 1 pages
 *
 * Nothing on the media and no reader has ever referred to them.
 *
 * Return: the number of pages.
 */
unsigned int kmem_blk_map_unused(struct kmem_blk_update *u, u64 *dpns)
{
	unsigned int nr = 0;

	while (u->nr_spare)
		dpns[nr++] = u->spare[--u->nr_spare];
	if (u->leaf)
		dpns[nr++] = u->leaf;
	u->leaf = 0;
	u->staged = false;
	return nr;
}

/*
 * Where a member has the entry @old of a block; NULL if it has another one. *@doubt if that
 * cannot be read, or is damaged and may have been @old.
 */
static __le64 *kmem_blk_find_entry(const struct kmem_blk_map *map, u64 lblk, u64 old,
				   bool *doubt)
{
	const u64 leaf_index = kmem_blk_map_leaf_index(lblk);
	__le64 *entry;
	u64 word;

	if (leaf_index >= map->nr_leaves)
		return NULL;
	entry = kmem_blk_leaf_ents(map, leaf_index);
	if (!entry)
		return NULL;
	entry += lblk & KMEM_BLK_NODE_MASK;
	if (kmem_media_probe(map->media, entry, sizeof(*entry))) {
		*doubt = true;
		return NULL;
	}
	word = le64_to_cpu(READ_ONCE(*entry));
	if (kmem_blk_entry_doubts(old, word))
		*doubt = true;
	return word == old ? entry : NULL;
}

/*
 * Under the lock of the leaf: the entry @old of a block becomes @new, in all members that
 * have it. False if none has, or if there is a doubt about one: nothing was done.
 */
static bool kmem_blk_change_entry(struct kmem_blk_map *map, u64 lblk, u64 old, u64 new)
{
	const u64 leaf_index = kmem_blk_map_leaf_index(lblk);
	const struct kmem_media *media = map->media;
	bool doubt = false;
	u32 have = 0;

	for (unsigned int i = 0; i < KMEM_BLK_MAX_MEMBERS; i++) {
		struct kmem_blk_map *member = READ_ONCE(map->family->member[i]);

		if (member && kmem_blk_find_entry(member, lblk, old, &doubt))
			have |= BIT(i);
	}
	if (!have || doubt)
		return false;
	for (unsigned int i = 0; i < KMEM_BLK_MAX_MEMBERS; i++) {
		struct kmem_blk_map *member = READ_ONCE(map->family->member[i]);
		__le64 *entry;

		if (!(have & BIT(i)))
			continue;
		/* NULL: done already, for a member that has the same leaf. */
		entry = kmem_blk_find_entry(member, lblk, old, &doubt);
		if (entry) {
			/*
			 * Ordering: R1, pairs with the fence in kmem_blk_move_some(); R2,
			 * with the fence in kmem_blk_map_move() or kmem_blk_map_lose()
			 */
			kmem_media_store(media, entry, new);
			kmem_media_wb(media, entry, sizeof(*entry));
		}
		if (kmem_blk_entry_type(old) != kmem_blk_entry_type(new)) {
			kmem_blk_leaf_account(&member->leaves[leaf_index], old, -1);
			kmem_blk_leaf_account(&member->leaves[leaf_index], new, 1);
		}
	}
	return true;
}

/**
 * kmem_blk_map_move - let blocks of one leaf live in other pages
 * @map: a member that has them; they move in all members that do
 * @moves: the blocks, all in one leaf; their content at its new place is durable
 *	   (the caller's fence)
 * @nr: elements of @moves
 *
 * Durable on return. After an RCU grace period that begins now the pages that were
 * left may be freed; those that were not needed, at once. Nothing moves while the gate is
 * closed.
 *
 * Context: does not sleep; in an RCU read side critical section that began before
 * the old pages were looked up, or an entry could be equal and not the same.
 */
void kmem_blk_map_move(struct kmem_blk_map *map, struct kmem_blk_map_move *moves,
		       unsigned int nr)
{
	const bool closed = kmem_blk_map_enter(map);

	guard(spinlock)(kmem_blk_leaf_lock(map, kmem_blk_map_leaf_index(moves[0].lblk)));
	for (unsigned int i = 0; i < nr; i++) {
		struct kmem_blk_map_move *move = &moves[i];
		u64 old = kmem_blk_entry_encode(map->seed, 0, move->lblk,
						KMEM_BLK_ENTRY_DATA, move->from);
		u64 new = kmem_blk_entry_encode(map->seed, 0, move->lblk,
						KMEM_BLK_ENTRY_DATA, move->to);

		if (closed || !kmem_blk_change_entry(map, move->lblk, old, new))
			move->from = 0;
	}
	/*
	 * Ordering: R2, pairs with the free in kmem_blk_move_free_old(); R10, with the free
	 * in kmem_blk_retire()
	 */
	kmem_media_fence(map->media);
}

/**
 * kmem_blk_map_lose - say that the content of a block cannot be read any more
 * @map: a member that has it; it is lost in all members that have the page
 * @lblk: the block
 * @dpn: its page
 *
 * It is LOST until it is written: that is known after a restart, too, and not taken
 * for a hole. Durable on return. After an RCU grace period that begins now the page
 * may be freed.
 *
 * Context: process context, does not sleep. If the page became free and was used for the
 * block again since it was looked up its errors were cleared in between: it is known to be
 * bad since before that RCU read side critical section ended, and is not handed out as
 * long as it is.
 * Return: false if it is not its page any more, or not bad any more, or if the map cannot
 * be read, or the gate is closed; then nothing was done.
 */
bool kmem_blk_map_lose(struct kmem_blk_map *map, u64 lblk, u64 dpn)
{
	u64 old = kmem_blk_entry_encode(map->seed, 0, lblk, KMEM_BLK_ENTRY_DATA,
					dpn);
	u64 new = kmem_blk_entry_encode(map->seed, 0, lblk, KMEM_BLK_ENTRY_LOST, 0);

	guard(rcu)();
	if (kmem_blk_map_enter(map))
		return false;
	guard(spinlock)(kmem_blk_leaf_lock(map, kmem_blk_map_leaf_index(lblk)));
	/* If it is the block's, it is while the lock is held, so it is not being cleared. */
	if (!dax_kmem_page_is_bad(map->kp, dpn) ||
	    !kmem_blk_change_entry(map, lblk, old, new))
		return false;
	/*
	 * Ordering: R2, pairs with the free in kmem_blk_errors_work(); R10, with the free in
	 * kmem_blk_retire()
	 */
	kmem_media_fence(map->media);
	return true;
}

/**
 * kmem_blk_map_leaf_page - the page of a leaf
 * @map: the map
 * @leaf_index: which leaf
 *
 * Context: process context, does not sleep.
 * Return: its page, 0 if there is no leaf, or none that can move.
 */
u64 kmem_blk_map_leaf_page(struct kmem_blk_map *map, u64 leaf_index)
{
	guard(rcu)();
	guard(spinlock)(kmem_blk_leaf_lock(map, leaf_index));
	if (!map->root_level || !kmem_blk_map_leaf_exists(map, leaf_index))
		return 0;
	return map->leaves[leaf_index].dpn;
}

/**
 * kmem_blk_map_move_leaf - let a leaf live in another page
 * @map: a member that has it; it moves in all members that do
 * @leaf_index: which leaf
 * @from: its page
 * @to: its new page, not written yet
 *
 * Durable on return. After an RCU grace period that begins now @from may be freed.
 *
 * Context: process context, does not sleep.
 * Return: 0; -EAGAIN if @from is not its page any more, -EIO if it cannot be read or @to
 * is not accessible, -EBUSY: the gate is closed; then nothing was done and @to may be freed
 * at once.
 */
int kmem_blk_map_move_leaf(struct kmem_blk_map *map, u64 leaf_index, u64 from,
			   u64 to)
{
	__le64 *node = dax_kmem_index_to_kaddr(map->kp, to);
	u32 have = 0;
	int err;

	if (WARN_ON_ONCE(!node || !map->root_level))
		return -EIO;

	guard(rcu)();
	err = kmem_blk_map_enter(map);
	if (err)
		return err;
	guard(spinlock)(kmem_blk_leaf_lock(map, leaf_index));
	if (!kmem_blk_map_leaf_exists(map, leaf_index) ||
	    map->leaves[leaf_index].dpn != from)
		return -EAGAIN;
	if (kmem_blk_leaf_copy(map, node, kmem_blk_leaf_ents(map, leaf_index), 0,
			       KMEM_BLK_NODE_ENTRIES))
		return -EIO;
	for (unsigned int i = 0; i < KMEM_BLK_MAX_MEMBERS; i++) {
		struct kmem_blk_map *member = READ_ONCE(map->family->member[i]);

		if (!member || leaf_index >= member->nr_leaves ||
		    member->leaves[leaf_index].dpn != from)
			continue;
		if (kmem_blk_parent_probe(member, leaf_index))
			return -EIO;
		have |= BIT(i);
	}
	/* Ordering: R1, pairs with the store in kmem_blk_leaf_link() */
	kmem_media_fence(map->media);
	for (unsigned int i = 0; i < KMEM_BLK_MAX_MEMBERS; i++) {
		struct kmem_blk_map *member = READ_ONCE(map->family->member[i]);

		if (have & BIT(i))
			kmem_blk_leaf_link(member, &member->leaves[leaf_index], leaf_index,
					   node, to);
	}
	return 0;
}

/**
 * kmem_blk_map_drop_leaf - unmap all blocks of a leaf
 * @map: the map
 * @leaf_index: which leaf
 * @old_leaf: out: its page, 0 if there was no leaf, or if another member has it
 *
 * One store, whatever the leaf holds. Durable on return. After an RCU grace
 * period that begins now the pages that kmem_blk_map_dead_pages() finds may be
 * freed, and then the leaf.
 *
 * Context: process context, does not sleep.
 * Return: 0; -EOPNOTSUPP without kmem_blk_map_droppable(), or if another member has a leaf
 * there that may refer to the same pages: it has to be unmapped block by block; -EIO if what
 * refers to it cannot be read; -EBUSY: the gate is closed. Nothing was done then.
 */
int kmem_blk_map_drop_leaf(struct kmem_blk_map *map, u64 leaf_index,
			   u64 *old_leaf)
{
	struct kmem_blk_leaf *leaf;
	bool shared;
	u64 old;
	int err;

	*old_leaf = 0;
	if (!map->root_level)
		return -EOPNOTSUPP;

	guard(rcu)();
	err = kmem_blk_map_enter(map);
	if (err)
		return err;
	leaf = &map->leaves[leaf_index];
	guard(spinlock)(kmem_blk_leaf_lock(map, leaf_index));
	if (kmem_blk_map_leaf_is_hole(map, leaf_index))
		return 0;
	if (!kmem_blk_map_droppable(map, leaf_index))
		return -EOPNOTSUPP;
	shared = kmem_blk_map_leaf_exists(map, leaf_index) &&
		 kmem_blk_family_has_leaf(map, leaf_index, leaf->dpn);
	if (!shared && kmem_blk_map_leaf_exists(map, leaf_index) &&
	    kmem_blk_family_has_any(map, leaf_index))
		return -EOPNOTSUPP;
	if (kmem_blk_parent_probe(map, leaf_index))
		return -EIO;
	old = kmem_blk_leaf_link(map, leaf, leaf_index, NULL, 0);
	*old_leaf = shared ? 0 : old;
	WRITE_ONCE(leaf->nr_used, 0);
	WRITE_ONCE(leaf->nr_data, 0);
	return 0;
}

/**
 * kmem_blk_map_dead_pages - pages that a dropped leaf refers to
 * @map: the map
 * @leaf_index: which leaf it was
 * @old_leaf: its page
 * @pos: where to go on; 0 at first, KMEM_BLK_NODE_ENTRIES when all is done
 * @dpns: filled
 * @nr: room in @dpns
 *
 * Damaged entries, and those that cannot be read, are passed over: their pages stay
 * out of use until the next attach, which knows that nothing refers to them.
 *
 * Context: any; nobody else uses the dropped leaf.
 * Return: the number of pages.
 */
unsigned int kmem_blk_map_dead_pages(struct kmem_blk_map *map,
				     u64 leaf_index, u64 old_leaf,
				     unsigned int *pos, u64 *dpns,
				     unsigned int nr)
{
	const __le64 *ents = dax_kmem_index_to_kaddr(map->kp, old_leaf);
	unsigned int found = 0;

	if (WARN_ON_ONCE(!ents)) {
		*pos = KMEM_BLK_NODE_ENTRIES;
		return 0;
	}
	for (; *pos < KMEM_BLK_NODE_ENTRIES && found < nr; (*pos)++) {
		u64 lblk = (leaf_index << KMEM_BLK_NODE_SHIFT) + *pos;
		const char *reason;
		u64 dpn = 0;
		__le64 word;
		int type;

		type = kmem_media_read(map->media, &word, &ents[*pos], sizeof(word)) ?:
		       kmem_blk_entry_verify(map, 0, lblk, le64_to_cpu(word), &dpn, &reason);
		if (type == KMEM_BLK_ENTRY_DATA)
			dpns[found++] = dpn;
		else if (type < 0)
			kmem_blk_map_doubt(map);
	}
	return found;
}

#if IS_ENABLED(CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST)
#include "../tests/map_kunit.h"
#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The map of a kmem block device: which page of the device holds which block
 *
 * Concepts, life cycle and lock order: map/map.c. Bytes on the media:
 * include/uapi/linux/kmem_persist.h. Neither this header nor the files behind it
 * know block layer or page allocator: all are also compiled in userspace.
 */
#ifndef _DAX_KMEM_BLK_MAP_H
#define _DAX_KMEM_BLK_MAP_H

#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/kmem_persist.h>
#include "../../kmem_persist.h"

/**
 * struct kmem_blk_leaf - one leaf of the map, 2 MiB of logical space
 * @lock: of the live tree: protects every change of the leaves at this place in all members
 *	  of the family, of their entries on the media and of the entries of their
 *	  parents that refer to them. Who holds it knows that @ents is the leaf that the
 *	  media refers to. Never held while sleeping. See kmem_blk_leaf_lock().
 * @nr_used: entries that are not holes
 * @nr_data: entries that refer to a block of data
 * @ents: the entries on the media; NULL if there is no leaf because the entry of its
 *	  parent is a hole, kmem_blk_lost_leaf if that is LOST, or one further up is.
 *	  Readers follow it under RCU; who takes it away leaves the page alone until a
 *	  grace period is over.
 * @dpn: page of @ents, 0 if there is no leaf
 *
 * 24 bytes per 2 MiB, 12 MiB per TiB.
 */
struct kmem_blk_leaf {
	/* protects all below, and the parent's entry */
	spinlock_t lock;
	u16 nr_used;
	u16 nr_data;
	__le64 __rcu *ents;
	u64 dpn;
};

/**
 * struct kmem_blk_copies - pages of the two copies of a node above the leaves
 * @dpn: the one that counts
 * @twin: its twin; the same if it has none
 */
struct kmem_blk_copies {
	u64 dpn;
	u64 twin;
};

/**
 * struct kmem_blk_node - a node above the leaves
 * @ents: its entries, NULL if there is no node. Set once, when all else is, the node is
 *	  durable and durably referred to.
 * @twin: those of its twin; equal to @ents if it has none
 * @copies: their pages
 *
 * 32 bytes per GiB.
 */
struct kmem_blk_node {
	__le64 *ents;
	__le64 *twin;
	struct kmem_blk_copies copies;
};

/* Members of a family, with the live tree and those that are being deleted. */
#define KMEM_BLK_MAX_MEMBERS	16U

struct kmem_blk_map;

/**
 * struct kmem_blk_family - the trees of a device
 * @nr: members
 * @nr_locks: leaves that the live tree has in DRAM, at least those of the largest member
 * @closed: the gate: nobody changes a map
 * @damaged: a page with data is out of use and nobody knows which: an entry was damaged, or
 *	     could not be read; nor are counts exact any more
 * @lock: protects @nr and @member from others who change them
 * @member: the members, [0] is the live tree; NULL where there is none. Changed while
 *	    the gate is closed, but for one that goes: then it holds nothing any more, and
 *	    who still sees it is in an RCU read side critical section.
 *
 * See map/family.c, and map/member.c for how members come and go.
 */
struct kmem_blk_family {
	unsigned int nr;
	bool closed;
	bool damaged;
	u64 nr_locks;
	/* protects who is a member */
	spinlock_t lock;
	struct kmem_blk_map *member[KMEM_BLK_MAX_MEMBERS];
};

/**
 * struct kmem_blk_map - a tree: the live one of a device, or another member of its family
 * @kp: the device
 * @media: how to write to it
 * @family: all trees of the device; that of the live tree is &own
 * @locks: the leaves of the live tree, for their locks
 * @nr_lblks: logical size in blocks; may exceed the device
 * @nr_leaves: elements of @leaves
 * @nr_pages: pages of the device
 * @nr_scanned: nodes that were read to attach
 * @nr_mended: of how many nodes and entries above the leaves, when they were read to attach,
 *	       one copy was good and the other was not
 * @nr_single: nodes above the leaves without a second copy, when they were read to attach, or
 *	       since that was tried to change
 * @nr_healed: of those, nodes that have got one
 * @nr_gone: entries of a member that is not the live tree of which, when they were read to
 *	     attach, what they refer to was in doubt, and is LOST
 * @blamed: page of the node that was counted last as one that cannot be read, 0 for none
 * @seed: of the checks of this format
 * @root_level: level of the root node, 0 to KMEM_BLK_MAX_LEVEL
 * @leaves: every leaf, existing or not
 * @tree_lock: serializes the creation of nodes above the leaves. Taken alone,
 *	       never with the lock of a leaf.
 * @nodes: per level above the leaves, every node. Changed under @tree_lock; nodes above
 *	   the leaves live until the device is detached, or their member is deleted.
 * @own: of the live tree
 */
struct kmem_blk_map {
	struct kmem_persist *kp;
	const struct kmem_media *media;
	struct kmem_blk_family *family;
	struct kmem_blk_leaf *locks;
	u64 nr_lblks;
	u64 nr_leaves;
	u64 nr_pages;
	u64 nr_scanned;
	u64 nr_mended;
	u64 nr_single;
	u64 nr_healed;
	u64 nr_gone;
	u64 blamed;
	u32 seed;
	unsigned int root_level;
	struct kmem_blk_leaf *leaves;
	/* serializes the creation of nodes above the leaves */
	spinlock_t tree_lock;
	struct kmem_blk_node *nodes[KMEM_BLK_MAX_LEVEL + 1];
	struct kmem_blk_family own;
};

/**
 * struct kmem_blk_map_error - why a map was refused
 * @object: what was looked at
 * @reason: what is wrong with it
 * @dpn: page that holds the entry; 0 is the superblock
 * @level: level of the entry
 * @index: index of the entry on its level
 * @found: the entry, or the number, as it is on the media
 * @wanted: what it should have been, 0 if that is not one value
 */
struct kmem_blk_map_error {
	const char *object;
	const char *reason;
	u64 dpn;
	unsigned int level;
	u64 index;
	u64 found;
	u64 wanted;
};

/**
 * struct kmem_blk_map_count - what the map holds
 * @mapped_blocks: blocks of data
 * @lost_blocks: blocks that cannot be read until they are written
 * @node_pages: nodes of all levels, and twins
 */
struct kmem_blk_map_count {
	u64 mapped_blocks;
	u64 lost_blocks;
	u64 node_pages;
};

/* Level of the nodes that scanners take turns with, and what one maps: 1 GiB. */
#define KMEM_BLK_PART_LEVEL	1U
#define KMEM_BLK_PART_BLOCKS	BIT_ULL(KMEM_BLK_NODE_SHIFT * (KMEM_BLK_PART_LEVEL + 1))

/* Nodes that an update can lack: of each level below the root, above the leaves twice. */
#define KMEM_BLK_MAX_SPARE	(2 * KMEM_BLK_MAX_LEVEL - 1)

#define KMEM_BLK_UPDATE_ATOMIC	BIT(0)	/* all blocks or none after a crash */
#define KMEM_BLK_UPDATE_HOLE	BIT(1)	/* unmap */

/**
 * struct kmem_blk_update - change of consecutive blocks of one leaf
 * @lblk: first block
 * @nr: blocks, all in one leaf
 * @flags: KMEM_BLK_UPDATE_*
 * @nr_spare: pages in @spare
 * @nr_damaged: out: replaced entries that were damaged. What they referred to
 *		is unknown and therefore never freed before the next attach.
 * @staged: the new leaf is written and only waits to be referred to
 * @fill: what its entries are that the update is not about, HOLE or LOST: what they
 *	  have been without a leaf
 * @leaf: page for a new leaf, 0 if there is none
 * @old_leaf: out: page of a leaf that no member refers to any more, 0 if there is
 *	      none; its entries refer to nothing that is not accounted for
 * @spare: pages for nodes
 * @pages: in: the pages with the new content, [nr]. Out, once the update is
 *	   committed: the pages with the old content, 0 where there was none, or where
 *	   another member of the family has it
 *
 * Steps, for a writer that fills whole pages first:
 *  1. kmem_blk_map_nodes_wanted() pages into @spare
 *  2. kmem_blk_map_stage()
 *  3. kmem_media_fence(): content and nodes are durable
 *  4. kmem_blk_map_commit(); -EAGAIN: the leaf came or went meanwhile, go to 1
 *  5. retire @pages and @old_leaf, give back kmem_blk_map_unused()
 * An update that only unmaps goes straight to step 4; it lacks nodes only where all
 * that was below an entry is LOST, or another member has the leaf.
 * -EBUSY: the gate of the family is closed; again when it is open.
 */
struct kmem_blk_update {
	u64 lblk;
	unsigned int nr;
	unsigned int flags;
	unsigned int nr_spare;
	unsigned int nr_damaged;
	bool staged;
	u8 fill;
	u64 leaf;
	u64 old_leaf;
	u64 spare[KMEM_BLK_MAX_SPARE];
	u64 *pages;
};

/**
 * struct kmem_blk_map_move - one block that moves to another page
 * @lblk: the block
 * @from: its page. Out: 0 if it was not its page any more, and nothing was done
 * @to: its new page
 */
struct kmem_blk_map_move {
	u64 lblk;
	u64 from;
	u64 to;
};

struct kmem_blk_scan;

/* map/map.c */
extern const __le64 kmem_blk_lost_leaf[KMEM_BLK_NODE_ENTRIES];
u64 kmem_blk_map_node_pages(u64 nr_lblks);
u64 kmem_blk_map_max_lblks(u64 nr_pages);
int kmem_blk_map_format(struct kmem_persist *kp, struct kmem_blk_superblock *bsb,
			u64 nr_lblks, u32 seed, const struct kmem_blk_copies *root);
void kmem_blk_map_count(const struct kmem_blk_map *map,
			struct kmem_blk_map_count *count);

int kmem_blk_map_lookup(const struct kmem_blk_map *map, u64 lblk, u64 *dpn);
unsigned int kmem_blk_map_run(const struct kmem_blk_map *map, u64 lblk,
			      unsigned int nr, bool *mapped);
bool kmem_blk_map_replaceable(const struct kmem_blk_map *map);
bool kmem_blk_map_droppable(const struct kmem_blk_map *map, u64 leaf_index);
unsigned int kmem_blk_map_nodes_wanted(const struct kmem_blk_map *map,
				       const struct kmem_blk_update *u);
int kmem_blk_map_stage(struct kmem_blk_map *map, struct kmem_blk_update *u);
int kmem_blk_map_commit(struct kmem_blk_map *map, struct kmem_blk_update *u);
unsigned int kmem_blk_map_unused(struct kmem_blk_update *u, u64 *dpns);
void kmem_blk_map_move(struct kmem_blk_map *map, struct kmem_blk_map_move *moves,
		       unsigned int nr);
bool kmem_blk_map_lose(struct kmem_blk_map *map, u64 lblk, u64 dpn);
u64 kmem_blk_map_leaf_page(struct kmem_blk_map *map, u64 leaf_index);
int kmem_blk_map_move_leaf(struct kmem_blk_map *map, u64 leaf_index, u64 from,
			   u64 to);
int kmem_blk_map_drop_leaf(struct kmem_blk_map *map, u64 leaf_index,
			   u64 *old_leaf);
unsigned int kmem_blk_map_dead_pages(struct kmem_blk_map *map,
				     u64 leaf_index, u64 old_leaf,
				     unsigned int *pos, u64 *dpns,
				     unsigned int nr);

/* map/family.c */
bool kmem_blk_family_has_leaf(const struct kmem_blk_map *map, u64 leaf_index, u64 dpn);
bool kmem_blk_family_has_any(const struct kmem_blk_map *map, u64 leaf_index);
bool kmem_blk_family_has_entry(const struct kmem_blk_map *map, u64 lblk, u64 word);
void kmem_blk_gate_close(struct kmem_blk_family *family);
void kmem_blk_gate_open(struct kmem_blk_family *family);
int kmem_blk_member_join(struct kmem_blk_map *map);
void kmem_blk_member_leave(struct kmem_blk_map *map);

/* map/member.c */
u64 kmem_blk_member_nodes(const struct kmem_blk_map *source, bool twins);
int kmem_blk_member_init(struct kmem_blk_map *map, const struct kmem_blk_map *source);
int kmem_blk_member_copy(struct kmem_blk_map *map, const struct kmem_blk_map *source,
			 u64 *dpns, u64 *nr, bool twins);
void kmem_blk_member_exchange(struct kmem_blk_map *map);
int kmem_blk_member_drop_leaf(struct kmem_blk_map *map, u64 leaf_index, u64 *dpns,
			      unsigned int *nr);
int kmem_blk_member_check_leaf(struct kmem_blk_map *map, u64 leaf_index);
unsigned int kmem_blk_member_take_nodes(struct kmem_blk_map *map, u64 *pos, u64 *dpns,
					unsigned int nr);

/* map/directory.c */
void kmem_blk_directory_words(u32 seed, const u64 *pages, __le64 *words);
void kmem_blk_directory_seal(struct kmem_blk_directory *dir, const u8 *key, u64 this_dpn);
int kmem_blk_directory_verify(const struct kmem_blk_map *map,
			      const struct kmem_blk_directory *dir, const u8 *key,
			      u64 this_dpn, const char **reason);
int kmem_blk_directory_choose(const struct kmem_blk_directory *copies, const int *verdicts);
int kmem_blk_directory_read(const struct kmem_blk_map *map,
			    const struct kmem_persist_superblock *sb,
			    struct kmem_blk_directory *copies, u64 *pages, bool *stale,
			    struct kmem_blk_map_error *error);
bool kmem_blk_directory_put(const struct kmem_blk_map *map, struct kmem_blk_directory *dir,
			    const u8 *key, u64 dpn);

/* map/verify.c */
int kmem_blk_map_attach(struct kmem_blk_map *map, struct kmem_persist *kp,
			const struct kmem_blk_superblock *bsb,
			struct kmem_blk_map_error *error);
int kmem_blk_map_open(struct kmem_blk_map *map, struct kmem_persist *kp,
		      const struct kmem_blk_superblock *bsb,
		      struct kmem_blk_map_error *error, struct kmem_blk_copies *root);
int kmem_blk_map_init(struct kmem_blk_map *map, const struct kmem_blk_map *source,
		      u64 nr_lblks);
int kmem_blk_member_attach(struct kmem_blk_map *map, struct kmem_blk_map *live,
			   u64 nr_lblks, u64 root, struct kmem_blk_map_error *error);
u64 kmem_blk_map_nr_parts(const struct kmem_blk_map *map);
struct kmem_blk_scan *kmem_blk_scan_alloc(struct kmem_blk_map *map,
					  struct kmem_blk_map_error *error);
void kmem_blk_scan_free(struct kmem_blk_scan *scan);
int kmem_blk_scan_top(struct kmem_blk_scan *scan, const struct kmem_blk_copies *root,
		      struct kmem_blk_copies *parts);
int kmem_blk_scan_part(struct kmem_blk_scan *scan, u64 part,
		       const struct kmem_blk_copies *copies);
void kmem_blk_map_detach(struct kmem_blk_map *map);
void kmem_blk_map_blame(struct kmem_blk_map *map, u64 lblk);

/* map/twins.c */
void kmem_blk_settled_copy(const struct kmem_blk_map *map, unsigned int level,
			   u64 node_index, __le64 *ents, bool twin);
u64 kmem_blk_root_word(const struct kmem_blk_map *map, bool twin);
void kmem_blk_map_roots(const struct kmem_blk_map *map, struct kmem_blk_superblock *bsb);
int kmem_blk_map_settle(struct kmem_blk_map *map);
int kmem_blk_map_heal(struct kmem_blk_map *map);

/**
 * kmem_blk_node_exists - is there a node?
 * @node: the node
 *
 * Return: true if so, and all else of it is there to be looked at.
 */
static inline bool kmem_blk_node_exists(const struct kmem_blk_node *node)
{
	/* Pairs with smp_store_release() in kmem_blk_grow(). */
	return smp_load_acquire(&node->ents);
}

/**
 * kmem_blk_node_has_twin - is a node there twice?
 * @node: a node that exists
 *
 * Return: true if it has a second copy.
 */
static inline bool kmem_blk_node_has_twin(const struct kmem_blk_node *node)
{
	return node->twin != node->ents;
}

/**
 * kmem_blk_leaf_lock - what protects the leaves at one place in all members
 * @map: any of them
 * @leaf_index: which leaf
 *
 * Return: the lock.
 */
static inline spinlock_t *kmem_blk_leaf_lock(const struct kmem_blk_map *map,
					     u64 leaf_index)
{
	return &map->locks[leaf_index].lock;
}

/**
 * kmem_blk_leaf_ents - the leaf that the media refers to
 * @map: a member
 * @leaf_index: which leaf
 *
 * Context: kmem_blk_leaf_lock(). Return: as &kmem_blk_leaf.ents.
 */
static inline __le64 *kmem_blk_leaf_ents(const struct kmem_blk_map *map, u64 leaf_index)
{
	return rcu_dereference_protected(map->leaves[leaf_index].ents,
					 lockdep_is_held(kmem_blk_leaf_lock(map, leaf_index)));
}

/**
 * kmem_blk_map_enter - may a map be changed?
 * @map: the map
 *
 * Context: an RCU read side critical section that goes on until the change is durable.
 * Return: 0; -EBUSY: the gate is closed.
 */
static inline int kmem_blk_map_enter(const struct kmem_blk_map *map)
{
	/* Pairs with smp_store_release() in kmem_blk_gate_open(): whose members are seen. */
	return unlikely(smp_load_acquire(&map->family->closed)) ? -EBUSY : 0;
}

/**
 * kmem_blk_map_doubt - a page with data is out of use, and nobody knows which
 * @map: any member of the family
 *
 * Context: any.
 */
static inline void kmem_blk_map_doubt(const struct kmem_blk_map *map)
{
	WRITE_ONCE(map->family->damaged, true);
}

/**
 * kmem_blk_map_is_damaged - are there pages with data that nobody knows?
 * @map: any member of the family
 *
 * Context: any. Return: true if so: they are free at the next attach.
 */
static inline bool kmem_blk_map_is_damaged(const struct kmem_blk_map *map)
{
	return READ_ONCE(map->family->damaged);
}

/**
 * kmem_blk_map_is_alone - is there no other member?
 * @map: the map
 *
 * Context: stays true only where the gate cannot be closed: in the RCU read side critical
 * section of an update. Return: true if not.
 */
static inline bool kmem_blk_map_is_alone(const struct kmem_blk_map *map)
{
	return READ_ONCE(map->family->nr) == 1;
}

/**
 * kmem_blk_map_leaf_index - leaf that maps a block
 * @lblk: logical block
 *
 * Return: the index of the leaf.
 */
static inline u64 kmem_blk_map_leaf_index(u64 lblk)
{
	return lblk >> KMEM_BLK_NODE_SHIFT;
}

/**
 * kmem_blk_map_peek - where the entry of a block is
 * @map: the map
 * @lblk: the block
 *
 * For hints, such as what to prefetch: nobody has verified the entry, or knows that it
 * can be read.
 *
 * Context: an RCU read side critical section. Return: NULL if there is no leaf.
 */
static inline const __le64 *kmem_blk_map_peek(const struct kmem_blk_map *map, u64 lblk)
{
	const __le64 *ents;

	ents = rcu_dereference(map->leaves[kmem_blk_map_leaf_index(lblk)].ents);
	return ents ? &ents[lblk & (KMEM_BLK_NODE_ENTRIES - 1)] : NULL;
}

/**
 * kmem_blk_map_leaf_is_hole - does a leaf hold nothing because there is none?
 * @map: the map
 * @leaf_index: which leaf
 *
 * Only a hint without the lock of the leaf.
 *
 * Return: true if all of its blocks are holes, and there is no page that says so.
 */
static inline bool kmem_blk_map_leaf_is_hole(const struct kmem_blk_map *map,
					     u64 leaf_index)
{
	return !rcu_access_pointer(map->leaves[leaf_index].ents);
}

/**
 * kmem_blk_map_leaf_is_lost - is a leaf lost as a whole?
 * @map: the map
 * @leaf_index: which leaf
 *
 * Only a hint without the lock of the leaf.
 *
 * Return: true if all of its blocks are LOST, and there is no page that says so.
 */
static inline bool kmem_blk_map_leaf_is_lost(const struct kmem_blk_map *map,
					     u64 leaf_index)
{
	return rcu_access_pointer(map->leaves[leaf_index].ents) == kmem_blk_lost_leaf;
}

/**
 * kmem_blk_map_leaf_exists - is there a leaf?
 * @map: the map
 * @leaf_index: which leaf
 *
 * Only a hint without the lock of the leaf.
 *
 * Return: true if the leaf has a page.
 */
static inline bool kmem_blk_map_leaf_exists(const struct kmem_blk_map *map,
					    u64 leaf_index)
{
	return !kmem_blk_map_leaf_is_hole(map, leaf_index) &&
	       !kmem_blk_map_leaf_is_lost(map, leaf_index);
}

/**
 * kmem_blk_map_leaf_blocks - blocks of the disk in a leaf
 * @map: the map
 * @leaf_index: which leaf
 *
 * Return: their number, less than that of entries only in the last leaf.
 */
static inline unsigned int kmem_blk_map_leaf_blocks(const struct kmem_blk_map *map,
						    u64 leaf_index)
{
	return min(map->nr_lblks - (leaf_index << KMEM_BLK_NODE_SHIFT),
		   (u64)KMEM_BLK_NODE_ENTRIES);
}

#endif /* _DAX_KMEM_BLK_MAP_H */

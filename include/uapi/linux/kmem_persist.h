/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Format on the media of persistent data in DAX memory that is also system RAM
 *
 * This header is the contract between the kernel, the userspace tools and every
 * device ever formatted. All integers are little-endian. Documentation:
 * Documentation/driver-api/dax-kmem-persist-format.rst
 */
#ifndef _UAPI_LINUX_KMEM_PERSIST_H
#define _UAPI_LINUX_KMEM_PERSIST_H

#include <linux/types.h>

/*
 * Pages of the device are addressed by device page number (dpn): the offset in
 * the raw DAX device, over all its ranges and before any alignment, divided by
 * KMEM_PERSIST_BLOCK_SIZE.
 */
#define KMEM_PERSIST_MAGIC		0x4b4d454d50455253ULL	/* "KMEMPERS" */
#define KMEM_PERSIST_VERSION_MAJOR	1
#define KMEM_PERSIST_VERSION_MINOR	0
#define KMEM_PERSIST_BLOCK_SHIFT	12
#define KMEM_PERSIST_BLOCK_SIZE		(1U << KMEM_PERSIST_BLOCK_SHIFT)
#define KMEM_PERSIST_CSUM_CRC32C	1
#define KMEM_PERSIST_LABEL_LEN		64
#define KMEM_PERSIST_KEY_LEN		16
#define KMEM_PERSIST_PLUGIN_LEN		3584

/*
 * Superblocks are at four places and nowhere else, whatever the device or its memory
 * blocks look like; a mask of places has a bit for each, in this order. What lies below
 * KMEM_PERSIST_FIRST_PAGE is never data or metadata of a plugin.
 */
#define KMEM_PERSIST_PLACES		{ 0, 1, 510, 511 }
#define KMEM_PERSIST_NR_PLACES		4
#define KMEM_PERSIST_FIRST_PAGE		512
#define KMEM_PERSIST_MIN_PAGES		1024
#define KMEM_PERSIST_PLACES_ALL		0xfULL

/* Plugin types. */
#define KMEM_PERSIST_TYPE_NONE		0	/* keeps nothing but the superblock */
#define KMEM_PERSIST_TYPE_BLK		1	/* block device */

/* Bits of kmem_persist_superblock.state. */
#define KMEM_PERSIST_STATE_CLEAN	(1U << 0)	/* detached in order */
#define KMEM_PERSIST_STATE_ERRORS	(1U << 1)	/* an error was seen */
#define KMEM_PERSIST_STATE_NEEDS_CHECK	(1U << 2)	/* not attached until checked */
#define KMEM_PERSIST_STATE_FORMATTING	(1U << 3)	/* format did not end */
#define KMEM_PERSIST_STATE_READONLY	(1U << 4)	/* never written again */
#define KMEM_PERSIST_STATE_REMNANTS	(1U << 5)	/* free pages may hold old data */

/* Bits of kmem_persist_superblock.feat_ro_compat. */
#define KMEM_PERSIST_RO_ZERO_ON_FREE	(1ULL << 0)	/* data is erased when it goes */

/* Bits of kmem_persist_superblock.feat_incompat. */
#define KMEM_BLK_INCOMPAT_SNAPSHOTS	(1ULL << 32)	/* there is a directory of snapshots */

/**
 * struct kmem_persist_area - consecutive pages of the device
 * @dpn: the first one
 * @pages: how many, zero for none
 */
struct kmem_persist_area {
	__le64 dpn;
	__le64 pages;
};

/**
 * struct kmem_persist_superblock - at the places, see KMEM_PERSIST_PLACES
 * @magic: KMEM_PERSIST_MAGIC; the last eight bytes written by a format
 * @type: plugin that owns the data, KMEM_PERSIST_TYPE_*
 * @csum: crc32c of the whole block (seed and final inversion of all ones),
 *        computed with this field zero
 * @version_major: a reader refuses every other major version
 * @version_minor: informative
 * @block_shift: KMEM_PERSIST_BLOCK_SHIFT; must equal the kernel's PAGE_SHIFT
 * @csum_type: KMEM_PERSIST_CSUM_CRC32C
 * @zero0: zero
 * @feat_compat: unknown bits are ignored
 * @feat_ro_compat: unknown bits: data may be read, nothing is released
 * @feat_incompat: unknown bits: the device is held; low half belongs to the
 *                 framework, high half to the plugin, in all three
 * @uuid: of this format
 * @ns_uuid: of the info block of the namespace the format was made on, zero when it had
 *           none
 * @label: UTF-8, NUL padded
 * @generation: plus one per update; of two valid copies the higher wins
 * @this_dpn: where this copy lives
 * @places: mask of the places that carry a copy of this generation
 * @dev_bytes: size of the raw device
 * @state: KMEM_PERSIST_STATE_*
 * @memblock_mib: memory block size of the formatting kernel, MiB, diagnostic
 * @format_time: seconds since the epoch
 * @attach_time: last attach, seconds since the epoch
 * @detach_time: last clean detach, seconds since the epoch
 * @attach_count: attaches since the format
 * @unclean_count: attaches that found the device not cleanly detached
 * @error_count: errors since the format
 * @error_last: errno of the last error
 * @error_first_time: seconds since the epoch
 * @error_last_time: seconds since the epoch
 * @error_first_dpn: page of the first error
 * @error_last_dpn: page of the last error
 * @reserve_bytes: default of the reserve, 0 = let the kernel choose
 * @limit_bytes: default limit of what storage takes, 0 = none
 * @boot_id: boot that attached last
 * @creator: text, NUL padded
 * @meta_uuid: of the format, never changed; zero: the same as @uuid
 * @use_bytes: zero; reserved for the part of @dev_bytes that may be used
 * @zero1: zero
 * @reserved_area: zero; reserved for pages that are neither data nor metadata of a plugin
 * @key: secret of the format, random and never zero: only in superblocks and marker
 * @desc_first: zero; reserved for the page with which groups of pages begin
 * @zero2: zero
 * @plugin: of the plugin
 */
struct kmem_persist_superblock {
	__le64 magic;
	__le32 type;
	__le32 csum;
	__le16 version_major;
	__le16 version_minor;
	__u8   block_shift;
	__u8   csum_type;
	__le16 zero0;
	__le64 feat_compat;
	__le64 feat_ro_compat;
	__le64 feat_incompat;
	__u8   uuid[16];
	__u8   ns_uuid[16];
	__u8   label[KMEM_PERSIST_LABEL_LEN];
	__le64 generation;
	__le64 this_dpn;
	__le64 places;
	__le64 dev_bytes;
	__le32 state;
	__le32 memblock_mib;
	__le64 format_time;
	__le64 attach_time;
	__le64 detach_time;
	__le32 attach_count;
	__le32 unclean_count;
	__le32 error_count;
	__le32 error_last;
	__le64 error_first_time;
	__le64 error_last_time;
	__le64 error_first_dpn;
	__le64 error_last_dpn;
	__le64 reserve_bytes;
	__le64 limit_bytes;
	__u8   boot_id[16];
	__u8   creator[32];
	__u8   meta_uuid[16];
	__le64 use_bytes;
	__u8   zero1[8];
	struct kmem_persist_area reserved_area[2];
	__u8   key[KMEM_PERSIST_KEY_LEN];
	__le64 desc_first;
	__u8   zero2[104];
	__u8   plugin[KMEM_PERSIST_PLUGIN_LEN];
};

#define KMEM_PERSIST_MARKER_MAGIC	0x4b4d454d4d41524bULL	/* "KMEMMARK" */

/**
 * struct kmem_persist_marker - first block of the namespace, in front of its info block
 * @magic: KMEM_PERSIST_MARKER_MAGIC
 * @csum: crc32c of the whole block as that of the superblock
 * @flags: zero
 * @ns_uuid: of the info block of the namespace
 * @meta_uuid: of the format that is on the namespace
 * @key: of that format
 * @zero: zero
 *
 * It lies outside the DAX device, where neither who uses the device nor who uses its
 * memory can write. Written last of all by a format, and the first to go.
 */
struct kmem_persist_marker {
	__le64 magic;
	__le32 csum;
	__le32 flags;
	__u8   ns_uuid[16];
	__u8   meta_uuid[16];
	__u8   key[KMEM_PERSIST_KEY_LEN];
	__u8   zero[4032];
};

/*
 * BLK: a radix tree of KMEM_PERSIST_BLOCK_SIZE nodes, KMEM_BLK_NODE_ENTRIES
 * entries each and no header. A node of level 0 (leaf) maps 2 MiB, of level 1
 * 1 GiB, and so on. Nodes above the leaves have twins, a second tree above the same
 * leaves. An entry is one aligned word, the unit of power-fail atomicity:
 *
 *   bits 39..0   dpn
 *   bits 43..40  type, KMEM_BLK_ENTRY_*
 *   bits 63..44  check: the upper 20 bits of crc32c (no final inversion) seeded
 *                with entry_seed over two little-endian words, first
 *                level << 56 | index of the entry on its level, then the entry
 *                with the check zero; a check of 0 is stored as 0xfffff
 *
 * The index of an entry on its level is the logical block number >> (9 * level).
 * The entries of the superblock other than the roots have level KMEM_BLK_LEVEL_SB
 * and index 0 (badlist), 1 and 2 (reserved_root) in their check; what they refer to
 * is no node. All zeroes and all ones are never valid.
 */
#define KMEM_BLK_NODE_SHIFT	9
#define KMEM_BLK_NODE_ENTRIES	(1U << KMEM_BLK_NODE_SHIFT)
#define KMEM_BLK_MAX_LEVEL	3
#define KMEM_BLK_LEVEL_SB	0xff

#define KMEM_BLK_ENTRY_DPN_MASK		((1ULL << 40) - 1)
#define KMEM_BLK_ENTRY_TYPE_SHIFT	40
#define KMEM_BLK_ENTRY_TYPE_MASK	0xfULL
#define KMEM_BLK_ENTRY_CHECK_SHIFT	44
#define KMEM_BLK_ENTRY_LOW_MASK		((1ULL << KMEM_BLK_ENTRY_CHECK_SHIFT) - 1)

#define KMEM_BLK_ENTRY_HOLE	0	/* reads as zeroes; dpn is zero */
#define KMEM_BLK_ENTRY_DATA	1	/* a block of data */
#define KMEM_BLK_ENTRY_LOST	2	/* reads fail until written; dpn is zero */
#define KMEM_BLK_ENTRY_HUGE	3	/* reserved */
#define KMEM_BLK_ENTRY_NODE	4	/* plus the level of the child node, 4..7 */
#define KMEM_BLK_ENTRY_PAGE	15	/* of the superblock only: a page that is no node */

#define KMEM_BLK_COUNT_UNKNOWN	(~0ULL)

/**
 * struct kmem_blk_superblock - plugin part of the superblock of type BLK
 * @nr_lblks: logical size in blocks; may exceed the device
 * @root: entry of the root node; its level is that of the smallest tree that
 *        holds @nr_lblks, its place in the check is one level above the root,
 *        index 0
 * @entry_seed: random, per format
 * @node_shift: KMEM_BLK_NODE_SHIFT
 * @mapped_blocks: at the last clean detach, or KMEM_BLK_COUNT_UNKNOWN
 * @node_pages: with twins, at the last clean detach, or KMEM_BLK_COUNT_UNKNOWN
 * @badlist: HOLE; reserved for the list of pages with media errors
 * @reserved_root: the directory of snapshots and its twin, PAGE; HOLE without snapshots,
 *		   and [1] if there is no twin
 * @root_twin: entry of the root of the second tree, its place in the check is that of
 *             @root; zero: no node has a twin
 * @zero: zero
 */
struct kmem_blk_superblock {
	__le64 nr_lblks;
	__le64 root;
	__le32 entry_seed;
	__le32 node_shift;
	__le64 mapped_blocks;
	__le64 node_pages;
	__le64 badlist;
	__le64 reserved_root[2];
	__le64 root_twin;
	__u8   zero[KMEM_PERSIST_PLUGIN_LEN - 72];
};

#define KMEM_BLK_DIRECTORY_MAGIC	0x4b4d454d534e4150ULL	/* "KMEMSNAP" */
#define KMEM_BLK_MAX_SNAPSHOTS		15U

/* Bits of kmem_blk_record.flags. */
#define KMEM_BLK_SNAPSHOT_DAMAGED	(1ULL << 0)	/* not all of it is there any more */

/**
 * struct kmem_blk_record - a snapshot
 * @root: entry of the root of its tree, as that of the superblock; HOLE: nothing is left
 * @root_twin: zero; reserved for a second tree
 * @nr_lblks: logical size in blocks
 * @id: not zero, never used again on the device
 * @parent: the snapshot that the disk was made, or rolled back to, last before; zero for none.
 *	    It may be gone.
 * @flags: KMEM_BLK_SNAPSHOT_*
 * @time: seconds since the epoch
 * @generation: of the directory that had it first
 * @uuid: of its own
 * @label: UTF-8 without blanks and slashes, NUL padded, not empty
 * @zero: zero
 */
struct kmem_blk_record {
	__le64 root;
	__le64 root_twin;
	__le64 nr_lblks;
	__le64 id;
	__le64 parent;
	__le64 flags;
	__le64 time;
	__le64 generation;
	__u8   uuid[16];
	__u8   label[KMEM_PERSIST_LABEL_LEN];
	__u8   zero[112];
};

/**
 * struct kmem_blk_directory - of snapshots, one page
 * @magic: KMEM_BLK_DIRECTORY_MAGIC
 * @csum: crc32c over the key of the format, then the whole block with this field zero
 *	  (seed and final inversion of all ones)
 * @nr: records
 * @this_dpn: where this copy lives
 * @generation: that of the superblock that refers to it first, or a lower one; of two valid
 *		copies the higher one counts
 * @next_id: above all ids that there ever were
 * @parent: the snapshot that the disk was made, or rolled back to, last; zero for none
 * @next: zero; reserved for more pages
 * @zero: zero
 * @record: in the order of their ids; zero behind @nr
 */
struct kmem_blk_directory {
	__le64 magic;
	__le32 csum;
	__le32 nr;
	__le64 this_dpn;
	__le64 generation;
	__le64 next_id;
	__le64 parent;
	__le64 next;
	__u8   zero[200];
	struct kmem_blk_record record[KMEM_BLK_MAX_SNAPSHOTS];
};

/*
 * Pinned at build time wherever the compiler can: the bytes outlive the kernel
 * that wrote them.
 */
#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define __KMEM_PERSIST_AT(_struct, _field, _off) \
	_Static_assert(__builtin_offsetof(struct _struct, _field) == (_off), \
		       #_struct "." #_field " moved")

_Static_assert(sizeof(struct kmem_persist_superblock) == KMEM_PERSIST_BLOCK_SIZE,
	       "superblock is one block");
__KMEM_PERSIST_AT(kmem_persist_superblock, magic, 0x000);
__KMEM_PERSIST_AT(kmem_persist_superblock, type, 0x008);
__KMEM_PERSIST_AT(kmem_persist_superblock, csum, 0x00c);
__KMEM_PERSIST_AT(kmem_persist_superblock, version_major, 0x010);
__KMEM_PERSIST_AT(kmem_persist_superblock, version_minor, 0x012);
__KMEM_PERSIST_AT(kmem_persist_superblock, block_shift, 0x014);
__KMEM_PERSIST_AT(kmem_persist_superblock, csum_type, 0x015);
__KMEM_PERSIST_AT(kmem_persist_superblock, zero0, 0x016);
__KMEM_PERSIST_AT(kmem_persist_superblock, feat_compat, 0x018);
__KMEM_PERSIST_AT(kmem_persist_superblock, feat_ro_compat, 0x020);
__KMEM_PERSIST_AT(kmem_persist_superblock, feat_incompat, 0x028);
__KMEM_PERSIST_AT(kmem_persist_superblock, uuid, 0x030);
__KMEM_PERSIST_AT(kmem_persist_superblock, ns_uuid, 0x040);
__KMEM_PERSIST_AT(kmem_persist_superblock, label, 0x050);
__KMEM_PERSIST_AT(kmem_persist_superblock, generation, 0x090);
__KMEM_PERSIST_AT(kmem_persist_superblock, this_dpn, 0x098);
__KMEM_PERSIST_AT(kmem_persist_superblock, places, 0x0a0);
__KMEM_PERSIST_AT(kmem_persist_superblock, dev_bytes, 0x0a8);
__KMEM_PERSIST_AT(kmem_persist_superblock, state, 0x0b0);
__KMEM_PERSIST_AT(kmem_persist_superblock, memblock_mib, 0x0b4);
__KMEM_PERSIST_AT(kmem_persist_superblock, format_time, 0x0b8);
__KMEM_PERSIST_AT(kmem_persist_superblock, attach_time, 0x0c0);
__KMEM_PERSIST_AT(kmem_persist_superblock, detach_time, 0x0c8);
__KMEM_PERSIST_AT(kmem_persist_superblock, attach_count, 0x0d0);
__KMEM_PERSIST_AT(kmem_persist_superblock, unclean_count, 0x0d4);
__KMEM_PERSIST_AT(kmem_persist_superblock, error_count, 0x0d8);
__KMEM_PERSIST_AT(kmem_persist_superblock, error_last, 0x0dc);
__KMEM_PERSIST_AT(kmem_persist_superblock, error_first_time, 0x0e0);
__KMEM_PERSIST_AT(kmem_persist_superblock, error_last_time, 0x0e8);
__KMEM_PERSIST_AT(kmem_persist_superblock, error_first_dpn, 0x0f0);
__KMEM_PERSIST_AT(kmem_persist_superblock, error_last_dpn, 0x0f8);
__KMEM_PERSIST_AT(kmem_persist_superblock, reserve_bytes, 0x100);
__KMEM_PERSIST_AT(kmem_persist_superblock, limit_bytes, 0x108);
__KMEM_PERSIST_AT(kmem_persist_superblock, boot_id, 0x110);
__KMEM_PERSIST_AT(kmem_persist_superblock, creator, 0x120);
__KMEM_PERSIST_AT(kmem_persist_superblock, meta_uuid, 0x140);
__KMEM_PERSIST_AT(kmem_persist_superblock, use_bytes, 0x150);
__KMEM_PERSIST_AT(kmem_persist_superblock, zero1, 0x158);
__KMEM_PERSIST_AT(kmem_persist_superblock, reserved_area, 0x160);
__KMEM_PERSIST_AT(kmem_persist_superblock, key, 0x180);
__KMEM_PERSIST_AT(kmem_persist_superblock, desc_first, 0x190);
__KMEM_PERSIST_AT(kmem_persist_superblock, zero2, 0x198);
__KMEM_PERSIST_AT(kmem_persist_superblock, plugin, 0x200);

_Static_assert(sizeof(struct kmem_persist_marker) == KMEM_PERSIST_BLOCK_SIZE,
	       "marker is one block");
__KMEM_PERSIST_AT(kmem_persist_marker, magic, 0x000);
__KMEM_PERSIST_AT(kmem_persist_marker, csum, 0x008);
__KMEM_PERSIST_AT(kmem_persist_marker, flags, 0x00c);
__KMEM_PERSIST_AT(kmem_persist_marker, ns_uuid, 0x010);
__KMEM_PERSIST_AT(kmem_persist_marker, meta_uuid, 0x020);
__KMEM_PERSIST_AT(kmem_persist_marker, key, 0x030);
__KMEM_PERSIST_AT(kmem_persist_marker, zero, 0x040);

_Static_assert(sizeof(struct kmem_blk_superblock) == KMEM_PERSIST_PLUGIN_LEN,
	       "BLK fills the plugin part");
__KMEM_PERSIST_AT(kmem_blk_superblock, nr_lblks, 0x00);
__KMEM_PERSIST_AT(kmem_blk_superblock, root, 0x08);
__KMEM_PERSIST_AT(kmem_blk_superblock, entry_seed, 0x10);
__KMEM_PERSIST_AT(kmem_blk_superblock, node_shift, 0x14);
__KMEM_PERSIST_AT(kmem_blk_superblock, mapped_blocks, 0x18);
__KMEM_PERSIST_AT(kmem_blk_superblock, node_pages, 0x20);
__KMEM_PERSIST_AT(kmem_blk_superblock, badlist, 0x28);
__KMEM_PERSIST_AT(kmem_blk_superblock, reserved_root, 0x30);
__KMEM_PERSIST_AT(kmem_blk_superblock, root_twin, 0x40);
__KMEM_PERSIST_AT(kmem_blk_superblock, zero, 0x48);

_Static_assert(sizeof(struct kmem_blk_record) == 256, "a record has 256 bytes");
__KMEM_PERSIST_AT(kmem_blk_record, root, 0x00);
__KMEM_PERSIST_AT(kmem_blk_record, root_twin, 0x08);
__KMEM_PERSIST_AT(kmem_blk_record, nr_lblks, 0x10);
__KMEM_PERSIST_AT(kmem_blk_record, id, 0x18);
__KMEM_PERSIST_AT(kmem_blk_record, parent, 0x20);
__KMEM_PERSIST_AT(kmem_blk_record, flags, 0x28);
__KMEM_PERSIST_AT(kmem_blk_record, time, 0x30);
__KMEM_PERSIST_AT(kmem_blk_record, generation, 0x38);
__KMEM_PERSIST_AT(kmem_blk_record, uuid, 0x40);
__KMEM_PERSIST_AT(kmem_blk_record, label, 0x50);
__KMEM_PERSIST_AT(kmem_blk_record, zero, 0x90);

_Static_assert(sizeof(struct kmem_blk_directory) == KMEM_PERSIST_BLOCK_SIZE,
	       "directory is one block");
__KMEM_PERSIST_AT(kmem_blk_directory, magic, 0x000);
__KMEM_PERSIST_AT(kmem_blk_directory, csum, 0x008);
__KMEM_PERSIST_AT(kmem_blk_directory, nr, 0x00c);
__KMEM_PERSIST_AT(kmem_blk_directory, this_dpn, 0x010);
__KMEM_PERSIST_AT(kmem_blk_directory, generation, 0x018);
__KMEM_PERSIST_AT(kmem_blk_directory, next_id, 0x020);
__KMEM_PERSIST_AT(kmem_blk_directory, parent, 0x028);
__KMEM_PERSIST_AT(kmem_blk_directory, next, 0x030);
__KMEM_PERSIST_AT(kmem_blk_directory, zero, 0x038);
__KMEM_PERSIST_AT(kmem_blk_directory, record, 0x100);
#endif

#endif /* _UAPI_LINUX_KMEM_PERSIST_H */

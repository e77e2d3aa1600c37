// SPDX-License-Identifier: GPL-2.0
/*
 * Finding, describing and updating the superblock
 *
 * What is valid is decided by the kernel's kmem_persist_format.c. Which copy counts
 * and where one may be is as in kmem_persist_search.c.
 */
#include <errno.h>
#include <string.h>
#include <linux/compiler.h>
#include "out.h"
#include "persist_utf8.h"
#include "sb.h"
#include "util.h"

#define PAGES(bytes)	((u64)(bytes) >> KMEM_PERSIST_BLOCK_SHIFT)
/* The memory block sizes with which the beginning of a device moves. */
#define SB_MIN_BLOCK	(128ULL << 20)
#define SB_MAX_BLOCK	(2ULL << 30)
/* Namespaces begin at multiples of that. */
#define SB_GRID		(2ULL << 20)

#define FIELD(_name, _kind) { #_name, _kind, \
	offsetof(struct kmem_persist_superblock, _name), \
	sizeof(((struct kmem_persist_superblock *)0)->_name), false }
#define BLK_AT(_name, _kind, _text) { _text, _kind, \
	offsetof(struct kmem_persist_superblock, plugin) + \
	offsetof(struct kmem_blk_superblock, _name), \
	sizeof(((struct kmem_blk_superblock *)0)->_name), true }
#define BLK_FIELD(_name, _kind)	BLK_AT(_name, _kind, #_name)

/**
 * sb_fields - all fields of the superblock, in order, without a gap
 */
const struct sb_field sb_fields[] = {
	FIELD(magic, SB_HEX),
	FIELD(type, SB_NUMBER),
	FIELD(csum, SB_HEX),
	FIELD(version_major, SB_NUMBER),
	FIELD(version_minor, SB_NUMBER),
	FIELD(block_shift, SB_NUMBER),
	FIELD(csum_type, SB_NUMBER),
	FIELD(zero0, SB_ZERO),
	FIELD(feat_compat, SB_HEX),
	FIELD(feat_ro_compat, SB_HEX),
	FIELD(feat_incompat, SB_HEX),
	FIELD(uuid, SB_UUID),
	FIELD(ns_uuid, SB_UUID),
	FIELD(label, SB_TEXT),
	FIELD(generation, SB_NUMBER),
	FIELD(this_dpn, SB_NUMBER),
	FIELD(backup_dpn, SB_NUMBER),
	FIELD(dev_bytes, SB_BYTES),
	FIELD(state, SB_STATE),
	FIELD(memblock_mib, SB_NUMBER),
	FIELD(format_time, SB_TIME),
	FIELD(attach_time, SB_TIME),
	FIELD(detach_time, SB_TIME),
	FIELD(attach_count, SB_NUMBER),
	FIELD(unclean_count, SB_NUMBER),
	FIELD(error_count, SB_NUMBER),
	FIELD(error_last, SB_NUMBER),
	FIELD(error_first_time, SB_TIME),
	FIELD(error_last_time, SB_TIME),
	FIELD(error_first_dpn, SB_NUMBER),
	FIELD(error_last_dpn, SB_NUMBER),
	FIELD(reserve_bytes, SB_BYTES),
	FIELD(limit_bytes, SB_BYTES),
	FIELD(boot_id, SB_UUID),
	FIELD(creator, SB_TEXT),
	FIELD(zero1, SB_ZERO),
	BLK_FIELD(nr_lblks, SB_NUMBER),
	BLK_FIELD(root, SB_HEX),
	BLK_FIELD(entry_seed, SB_HEX),
	BLK_FIELD(node_shift, SB_NUMBER),
	BLK_FIELD(mapped_blocks, SB_COUNT),
	BLK_FIELD(node_pages, SB_COUNT),
	BLK_FIELD(badlist, SB_HEX),
	BLK_AT(reserved_root[0], SB_HEX, "reserved_root0"),
	BLK_AT(reserved_root[1], SB_HEX, "reserved_root1"),
	BLK_FIELD(zero, SB_ZERO),
	/* What the plugin's part is where it has no fields. */
	FIELD(plugin, SB_ZERO),
	{},
};

/**
 * sb_next_field - go through the fields
 * @f: the last one, NULL for the first
 * @sb: superblock whose fields are meant
 *
 * Return: the next field, NULL if that was the last.
 */
const struct sb_field *sb_next_field(const struct sb_field *f,
				     const struct kmem_persist_superblock *sb)
{
	const bool blk = le32_to_cpu(sb->type) == KMEM_PERSIST_TYPE_BLK;

	for (f = f ? f + 1 : sb_fields; f->name; f++) {
		bool plugin = f->off >= offsetof(struct kmem_persist_superblock,
						 plugin);

		if (!plugin || blk == f->blk)
			return f;
	}
	return NULL;
}

/**
 * sb_field_value - a field as a number
 * @f: the field
 * @sb: the superblock
 *
 * Return: the number; of what is longer than a word, whether it is not zero.
 */
u64 sb_field_value(const struct sb_field *f, const struct kmem_persist_superblock *sb)
{
	const u8 *p = (const u8 *)sb + f->off;
	u64 val = 0;

	for (size_t i = 0; i < f->size; i++) {
		if (f->size <= sizeof(val))
			val |= (u64)p[i] << 8 * i;
		else if (p[i])
			return 1;
	}
	return val;
}

/**
 * sb_text_len - length of a text in the superblock
 * @text: the text
 * @size: room for it
 *
 * Return: bytes before the first NUL that are UTF-8.
 */
size_t sb_text_len(const u8 *text, size_t size)
{
	return dax_persist_utf8_len(text, strnlen((const char *)text, size));
}

static void sb_out_state(const char *key, u32 state)
{
	static const char * const names[] = {
		"CLEAN", "ERRORS", "NEEDS_CHECK", "FORMATTING", "READONLY",
		"REMNANTS",
	};
	char text[128] = "";

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(state >> i & 1))
			continue;
		if (*text)
			strcat(text, " ");
		strcat(text, names[i]);
		state &= ~(1U << i);
	}
	if (state)
		sprintf(text + strlen(text), "%s%#x", *text ? " " : "", state);
	out_str(key, "%s", text);
}

/**
 * sb_out_field - say what a field holds
 * @f: the field
 * @sb: the superblock
 *
 * Nothing is said about fields that are zero and belong to later versions.
 */
void sb_out_field(const struct sb_field *f, const struct kmem_persist_superblock *sb)
{
	const u8 *p = (const u8 *)sb + f->off;
	u64 val = sb_field_value(f, sb);

	switch (f->kind) {
	case SB_NUMBER:
		out_u64(f->name, val);
		break;
	case SB_HEX:
		out_hex(f->name, val);
		break;
	case SB_BYTES:
		out_bytes(f->name, val);
		break;
	case SB_TIME:
		out_time(f->name, val);
		break;
	case SB_UUID:
		out_uuid(f->name, p);
		break;
	case SB_TEXT:
		out_text(f->name, p, sb_text_len(p, f->size));
		break;
	case SB_STATE:
		sb_out_state(f->name, val);
		break;
	case SB_COUNT:
		if (val == KMEM_BLK_COUNT_UNKNOWN)
			out_null(f->name, "not known");
		else
			out_u64(f->name, val);
		break;
	case SB_ZERO:
		if (val)
			out_str(f->name, "not zero");
		break;
	}
}

/**
 * sb_type_name - name of a type
 * @type: KMEM_PERSIST_TYPE_*
 *
 * Return: its name, NULL if we do not know it.
 */
const char *sb_type_name(u32 type)
{
	switch (type) {
	case KMEM_PERSIST_TYPE_NONE:
		return "none";
	case KMEM_PERSIST_TYPE_BLK:
		return "blk";
	}
	return NULL;
}

/**
 * sb_blk - the part of BLK
 * @sb: superblock of type BLK
 *
 * Return: the part.
 */
const struct kmem_blk_superblock *sb_blk(const struct kmem_persist_superblock *sb)
{
	return (const struct kmem_blk_superblock *)sb->plugin;
}

/**
 * sb_is_copy - was it made on another namespace?
 * @kp: the device
 * @sb: its superblock
 *
 * Return: true if both namespaces are known and differ. The kernel holds a device then.
 */
bool sb_is_copy(const struct kmem_persist *kp,
		const struct kmem_persist_superblock *sb)
{
	static const u8 unknown[sizeof(sb->ns_uuid)];

	return memcmp(sb->ns_uuid, unknown, sizeof(unknown)) &&
	       memcmp(kp->ns_uuid, unknown, sizeof(unknown)) &&
	       memcmp(sb->ns_uuid, kp->ns_uuid, sizeof(sb->ns_uuid));
}

/*
 * Where superblocks may be
 */

static bool sb_add_place(const struct kmem_persist *kp, u64 dpn, u64 *dpns,
			 unsigned int *nr)
{
	if (dpn >= kp->nr_pages || *nr == SB_MAX_PLACES)
		return false;
	for (unsigned int i = 0; i < *nr; i++)
		if (dpns[i] == dpn)
			return false;
	dpns[(*nr)++] = dpn;
	return true;
}

/**
 * sb_places - where a kernel may have put, or may look for, a superblock
 * @kp: the device
 * @dpns: filled, room for SB_MAX_PLACES
 *
 * First and last page, and what some kernel may have taken for the beginning, which
 * depends on the physical address. Of a file nobody knows that: each multiple of
 * 2 MiB of the first 2 GiB then.
 *
 * Return: the number of places.
 */
unsigned int sb_places(const struct kmem_persist *kp, u64 *dpns)
{
	unsigned int nr = 0;

	sb_add_place(kp, 0, dpns, &nr);
	sb_add_place(kp, kp->nr_pages - 1, dpns, &nr);
	for (unsigned int i = 0; i < kp->nr_ranges; i++) {
		const struct image_range *r = &kp->ranges[i];

		for (u64 size = SB_MIN_BLOCK; size <= SB_MAX_BLOCK; size *= 2) {
			u64 off = -r->start & (size - 1);

			if (off < r->bytes)
				sb_add_place(kp, r->dpn + PAGES(off), dpns, &nr);
		}
	}
	if (!kp->nr_ranges)
		for (u64 off = SB_GRID; off < SB_MAX_BLOCK; off += SB_GRID)
			sb_add_place(kp, PAGES(off), dpns, &nr);
	return nr;
}

/**
 * sb_place_has_magic - does a page claim to be a superblock?
 * @kp: the device
 * @dpn: the page
 *
 * Return: whether it does. What cannot be read does not.
 */
bool sb_place_has_magic(const struct kmem_persist *kp, u64 dpn)
{
	const struct kmem_persist_superblock *place;
	struct kmem_persist_superblock sb = {};

	place = dax_kmem_index_to_kaddr(kp, dpn);
	if (!place || kmem_media_read(&kp->media, &sb.magic, &place->magic,
				      sizeof(sb.magic)))
		return false;
	return kmem_sb_has_magic(&sb);
}

/**
 * sb_erase_places - make all places carry no magic
 * @kp: the device
 * @s: what was found
 */
void sb_erase_places(struct kmem_persist *kp, const struct sb_search *s)
{
	u64 dpns[SB_MAX_PLACES];
	unsigned int nr = sb_places(kp, dpns);

	for (unsigned int i = 0; i < ARRAY_SIZE(s->copy); i++)
		sb_add_place(kp, s->copy[i].dpn, dpns, &nr);
	for (unsigned int i = 0; i < nr; i++)
		if (sb_place_has_magic(kp, dpns[i]))
			kmem_sb_erase(&kp->media,
				      dax_kmem_index_to_kaddr(kp, dpns[i]));
}

/*
 * Which copy counts
 */

/**
 * sb_is_lost - may the other copy stand in for this one?
 * @copy: the copy
 *
 * Return: true if nothing is there, or nothing that is whole.
 */
bool sb_is_lost(const struct sb_copy *copy)
{
	return copy->rc == -ENODATA || copy->rc == -EUCLEAN || copy->rc == -EIO;
}

static void sb_read(struct kmem_persist *kp, struct sb_copy *copy, u64 dpn)
{
	memset(&copy->sb, 0, sizeof(copy->sb));
	copy->dpn = dpn;
	copy->rc = kmem_media_read(&kp->media, &copy->sb,
				   dax_kmem_index_to_kaddr(kp, dpn),
				   sizeof(copy->sb));
	if (copy->rc) {
		copy->fault = (struct kmem_sb_fault) { .field = "media" };
		return;
	}
	copy->rc = kmem_sb_verify(&copy->sb, dpn, kp->nr_pages, &copy->fault);
}

/* The device may have grown, and what is left of the primary says from what. */
static void sb_read_old_backup(struct kmem_persist *kp, struct sb_search *s)
{
	u64 dpn = le64_to_cpu(s->copy[0].sb.backup_dpn);
	struct sb_copy copy = { .name = s->copy[1].name };

	if (s->copy[0].rc != -EUCLEAN || s->copy[1].rc != -ENODATA ||
	    !dpn || dpn >= kp->nr_pages)
		return;
	sb_read(kp, &copy, dpn);
	if (!copy.rc)
		s->copy[1] = copy;
}

static void sb_choose(struct sb_search *s)
{
	struct sb_copy *primary = &s->copy[0], *backup = &s->copy[1];

	s->rc = 0;
	if (!primary->rc && !backup->rc) {
		if (!kmem_sb_same_format(&primary->sb, &backup->sb)) {
			s->rc = -EUCLEAN;
			s->why = "the copies of the superblock are of different formats";
			return;
		}
		s->use = le64_to_cpu(primary->sb.generation) >=
			 le64_to_cpu(backup->sb.generation) ? primary : backup;
		return;
	}
	if (!primary->rc && sb_is_lost(backup)) {
		s->use = primary;
		return;
	}
	if (!backup->rc && sb_is_lost(primary)) {
		s->use = backup;
		return;
	}
	s->rc = -EUCLEAN;
	s->why = "no good copy of the superblock is left";
	if (primary->rc == -EPROTONOSUPPORT || backup->rc == -EPROTONOSUPPORT)
		s->why = "the superblock is of a version that this program does not know";
	else if (primary->rc == -ENODATA && backup->rc == -ENODATA)
		s->rc = -ENODATA;
}

/**
 * sb_search - find the superblock
 * @kp: the device
 * @s: filled
 */
void sb_search(struct kmem_persist *kp, struct sb_search *s)
{
	struct sb_copy *primary = &s->copy[0], *backup = &s->copy[1];
	u64 dpns[SB_MAX_PLACES];
	unsigned int nr;

	memset(s, 0, sizeof(*s));
	primary->name = "primary";
	backup->name = "backup";
	sb_read(kp, primary, 0);
	sb_read(kp, backup, primary->rc ? kp->nr_pages - 1 :
					  le64_to_cpu(primary->sb.backup_dpn));
	sb_read_old_backup(kp, s);
	sb_choose(s);
	if (s->rc != -ENODATA)
		return;

	nr = sb_places(kp, dpns);
	for (unsigned int i = 0; i < nr && !s->elsewhere; i++)
		if (sb_place_has_magic(kp, dpns[i]))
			s->elsewhere = dpns[i];
	if (s->elsewhere) {
		s->rc = -EUCLEAN;
		s->why = "the device does not begin here; was the namespace moved?";
	}
}

/*
 * Updates
 */

/**
 * sb_restore - write the copy that is not there, or is old, from the one that counts
 * @kp: the device
 * @s: what was found, with a copy that counts
 *
 * Only the other copy is written: whatever happens, the good one stays.
 */
void sb_restore(struct kmem_persist *kp, struct sb_search *s)
{
	struct sb_copy *other = s->use == &s->copy[0] ? &s->copy[1] : &s->copy[0];
	struct kmem_persist_superblock sb = s->use->sb;
	const u64 dpn = other == &s->copy[0] ? 0 : le64_to_cpu(sb.backup_dpn);

	kmem_sb_restore(&kp->media, &sb, dax_kmem_index_to_kaddr(kp, dpn), dpn);
}

/**
 * sb_update - write both copies
 * @kp: the device
 * @s: what was found, with a copy that counts
 * @sb: the new content
 *
 * If one copy is lost, or the primary is old, it is restored first: kmem_sb_write()
 * relies on two, and an old one must not be all that is left while it writes the other.
 */
void sb_update(struct kmem_persist *kp, struct sb_search *s,
	       const struct kmem_persist_superblock *sb)
{
	struct kmem_persist_superblock new = *sb;

	if (s->copy[0].rc || s->copy[1].rc || s->use == &s->copy[1])
		sb_restore(kp, s);
	kmem_sb_write(&kp->media, &new, dax_kmem_index_to_kaddr(kp, 0),
		      dax_kmem_index_to_kaddr(kp, le64_to_cpu(new.backup_dpn)));
}

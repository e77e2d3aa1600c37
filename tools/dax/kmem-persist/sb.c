// SPDX-License-Identifier: GPL-2.0
/*
 * Finding, describing and updating the superblock
 *
 * What is valid is decided by the kernel's persist/format.c, and so is where one may
 * be: at the places of the format and nowhere else. At any other page there may be what
 * somebody has written into a file, and nothing on the media says otherwise.
 */
#include <errno.h>
#include <string.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include "out.h"
#include "persist/utf8.h"
#include "sb.h"
#include "sha256.h"
#include "util.h"

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
	FIELD(places, SB_HEX),
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
	FIELD(meta_uuid, SB_UUID),
	FIELD(use_bytes, SB_ZERO),
	FIELD(zero1, SB_ZERO),
	FIELD(reserved_area, SB_ZERO),
	FIELD(key, SB_SECRET),
	FIELD(desc_first, SB_ZERO),
	FIELD(zero2, SB_ZERO),
	BLK_FIELD(nr_lblks, SB_NUMBER),
	BLK_FIELD(root, SB_ENTRY),
	BLK_FIELD(entry_seed, SB_SECRET),
	BLK_FIELD(node_shift, SB_NUMBER),
	BLK_FIELD(mapped_blocks, SB_COUNT),
	BLK_FIELD(node_pages, SB_COUNT),
	BLK_FIELD(badlist, SB_ENTRY),
	BLK_AT(reserved_root[0], SB_ENTRY, "reserved_root0"),
	BLK_AT(reserved_root[1], SB_ENTRY, "reserved_root1"),
	BLK_FIELD(root_twin, SB_ENTRY),
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
 * Nothing is said about fields that are zero and belong to later versions, and secrets
 * only to who asked for them.
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
	case SB_ENTRY:
		out_hex(f->name, out_shows_secrets() ? val : val & KMEM_BLK_ENTRY_LOW_MASK);
		break;
	case SB_SECRET:
		out_secret(f->name, p, f->size);
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
 * sb_is_copy - was it made on another namespace, or on none?
 * @kp: the device
 * @sb: its superblock
 *
 * Return: true if the namespace is known and not that of the superblock. It does not
 * count then.
 */
bool sb_is_copy(const struct kmem_persist *kp,
		const struct kmem_persist_superblock *sb)
{
	static const u8 unknown[sizeof(sb->ns_uuid)];

	return memcmp(kp->ns_uuid, unknown, sizeof(unknown)) &&
	       memcmp(sb->ns_uuid, kp->ns_uuid, sizeof(sb->ns_uuid));
}

/**
 * sb_accept - what makes a kernel accept a device that is no namespace
 * @sb: its superblock
 * @text: filled, SB_ACCEPT_LEN bytes
 *
 * The uuid is public. The hash can be public, too: only who has the key can make a
 * superblock that it belongs to.
 */
void sb_accept(const struct kmem_persist_superblock *sb, char *text)
{
	u8 what[sizeof(sb->key) + sizeof(sb->uuid)], hash[SHA256_LEN];

	memcpy(what, sb->key, sizeof(sb->key));
	memcpy(what + sizeof(sb->key), sb->uuid, sizeof(sb->uuid));
	sha256(what, sizeof(what), hash);
	text += text_uuid(text, sb->uuid);
	*text++ = ':';
	text_hex(text, hash, 16);
}

/*
 * What is at the places
 */

static int sb_read_magic(const struct kmem_persist *kp, u64 dpn,
			 struct kmem_persist_superblock *sb)
{
	const struct kmem_persist_superblock *place = dax_kmem_index_to_kaddr(kp, dpn);

	memset(sb, 0, sizeof(*sb));
	return place ? kmem_media_read(&kp->media, &sb->magic, &place->magic,
				       sizeof(sb->magic)) : 0;
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
	struct kmem_persist_superblock sb;

	return !sb_read_magic(kp, dpn, &sb) && kmem_sb_has_magic(&sb);
}

/**
 * sb_erase_places - make all places carry no magic
 * @kp: the device
 *
 * What has none stays as it is: it may be data of the older format. Does not return if a
 * place cannot be erased, as what is there may come back.
 */
void sb_erase_places(struct kmem_persist *kp)
{
	for (unsigned int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		struct kmem_persist_superblock sb;

		if (!sb_read_magic(kp, kmem_sb_places[i], &sb) && !kmem_sb_has_magic(&sb))
			continue;
		if (kmem_sb_erase(&kp->media,
				  dax_kmem_index_to_kaddr(kp, kmem_sb_places[i])))
			die(EXIT_OPERATIONAL,
			    "%s: page %llu, where superblocks are, cannot be erased; see ndctl clear-errors",
			    kp->name, kmem_sb_places[i]);
	}
}

/*
 * Which copy counts
 */

/*
 * The older format had its backup on the last page, and the superblock said where; the
 * field is the mask of places now. All else of it is as it was.
 */
static bool sb_is_good_older(const struct kmem_persist *kp, const struct sb_copy *copy)
{
	const struct kmem_persist_superblock *sb = &copy->sb;
	const u64 pages = le64_to_cpu(sb->dev_bytes) >> KMEM_PERSIST_BLOCK_SHIFT;
	const u64 backup = le64_to_cpu(sb->places);

	return copy->rc == -EPROTONOSUPPORT && kmem_sb_is_older(sb) &&
	       le16_to_cpu(sb->version_major) == KMEM_PERSIST_VERSION_MAJOR &&
	       !sb->feat_incompat && sb->csum_type == KMEM_PERSIST_CSUM_CRC32C &&
	       sb->block_shift == KMEM_PERSIST_BLOCK_SHIFT &&
	       le64_to_cpu(sb->this_dpn) == copy->dpn && pages <= kp->nr_pages &&
	       backup && backup < pages && (!copy->dpn || copy->dpn == backup);
}

static void sb_read(struct kmem_persist *kp, struct sb_copy *copy, u64 dpn, u64 this_dpn)
{
	const void *place = dax_kmem_index_to_kaddr(kp, dpn);

	memset(&copy->sb, 0, sizeof(copy->sb));
	copy->dpn = dpn;
	if (!place) {
		copy->rc = -ENODATA;
		copy->fault = (struct kmem_sb_fault) {
			.field = "no such page", .found = kp->nr_pages, .wanted = dpn + 1,
		};
		return;
	}
	copy->rc = kmem_media_read(&kp->media, &copy->sb, place, sizeof(copy->sb));
	if (copy->rc) {
		copy->fault = (struct kmem_sb_fault) { .field = "media" };
		return;
	}
	/* It says itself where it was. */
	if (this_dpn == SB_AT_PLACES && kmem_sb_has_magic(&copy->sb))
		this_dpn = le64_to_cpu(copy->sb.this_dpn);
	copy->rc = kmem_sb_verify(&copy->sb, this_dpn, kp->nr_pages, &copy->fault);
	copy->older = sb_is_good_older(kp, copy);
}

/* Some copy is valid: which one is to be used is decided as the kernel does it. */
static void sb_choose_valid(struct sb_search *s, unsigned int counts, unsigned int unreadable)
{
	struct kmem_persist_superblock copies[KMEM_PERSIST_NR_PLACES];
	int best;

	for (unsigned int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		copies[i] = s->copy[i].sb;
	best = kmem_sb_choose(copies, counts, unreadable, &s->set);
	if (best >= 0) {
		s->use = &s->copy[best];
		return;
	}
	s->rc = -EUCLEAN;
	if (best == KMEM_SB_TWO_FORMATS)
		s->why = "the copies of the superblock are of different formats";
	else if (best == KMEM_SB_TWO_CONTENTS)
		s->why = "two copies of the superblock are of one generation and differ; repair --use PAGE takes one of them";
	else
		s->why = "the newest superblock may be one that cannot be read; repair --use PAGE takes one that can";
}

static void sb_choose(struct sb_search *s)
{
	unsigned int counts = 0, unreadable = 0;
	bool unknown = false, empty = true;

	/* There may be data at the other places. */
	if (s->copy[0].older) {
		s->use = &s->copy[0];
		s->older = true;
		return;
	}
	for (unsigned int i = 0; i < s->nr; i++) {
		if (!s->copy[i].rc)
			counts |= BIT(i);
		else if (s->copy[i].rc == -EIO)
			unreadable |= BIT(i);
		unknown |= s->copy[i].rc == -EPROTONOSUPPORT;
		empty &= s->copy[i].rc == -ENODATA;
	}
	if (counts && !unknown) {
		sb_choose_valid(s, counts, unreadable);
		return;
	}
	s->rc = empty ? -ENODATA : -EUCLEAN;
	s->why = unknown ? "the superblock is of a version that this program does not know" :
			   "no good copy of the superblock is left";
}

/* Which pages a map may have depends on the format. */
static void sb_set_first_page(struct kmem_persist *kp, const struct sb_search *s)
{
	kp->first_page = s->older ? 1 : KMEM_PERSIST_FIRST_PAGE;
	kp->older_backup = s->older ? le64_to_cpu(s->use->sb.places) : 0;
}

/**
 * sb_search - find the superblock
 * @kp: the device
 * @s: filled
 */
void sb_search(struct kmem_persist *kp, struct sb_search *s)
{
	static const char * const names[KMEM_PERSIST_NR_PLACES] = {
		"primary", "second", "third", "backup",
	};

	memset(s, 0, sizeof(*s));
	s->nr = ARRAY_SIZE(s->copy);
	for (unsigned int i = 0; i < s->nr; i++) {
		s->copy[i].name = names[i];
		s->set.place[i] = dax_kmem_index_to_kaddr(kp, kmem_sb_places[i]);
		sb_read(kp, &s->copy[i], kmem_sb_places[i], kmem_sb_places[i]);
	}
	sb_choose(s);
	sb_set_first_page(kp, s);
}

/**
 * sb_search_at - take what a page holds for the superblock
 * @kp: the device, not writable
 * @s: filled
 * @dpn: the page; SB_AT_PLACES: look where superblocks are
 *
 * For who knows what he does: anybody may have written that page.
 */
void sb_search_at(struct kmem_persist *kp, struct sb_search *s, u64 dpn)
{
	struct sb_copy *copy = &s->copy[0];

	if (dpn == SB_AT_PLACES) {
		sb_search(kp, s);
		return;
	}
	memset(s, 0, sizeof(*s));
	s->nr = 1;
	s->given = true;
	copy->name = "given";
	sb_read(kp, copy, dpn, SB_AT_PLACES);
	s->older = copy->older;
	if (!copy->rc || copy->older) {
		s->use = copy;
	} else if (copy->rc == -ENODATA) {
		s->rc = -ENODATA;
	} else {
		s->rc = -EUCLEAN;
		s->why = "the page that was given holds no good superblock";
	}
	sb_set_first_page(kp, s);
}

/*
 * Updates
 */

/**
 * sb_is_missing - is there no good copy where one should be?
 * @s: what was found
 * @copy: one of the copies
 *
 * Return: true if it is not good, unless nothing is there and nothing has to be.
 */
bool sb_is_missing(const struct sb_search *s, const struct sb_copy *copy)
{
	if (copy->rc != -ENODATA || !s->use || s->given)
		return copy->rc;
	return le64_to_cpu(s->use->sb.places) >> (copy - s->copy) & 1;
}

/**
 * sb_is_complete - is it at all places that it names?
 * @s: what was found, with a copy that counts
 *
 * Return: whether that is so. A place that the device does not have does not count.
 */
bool sb_is_complete(const struct sb_search *s)
{
	const u64 mask = le64_to_cpu(s->use->sb.places);

	for (unsigned int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		if (mask >> i & 1 && s->set.place[i] && !(s->set.holds >> i & 1))
			return false;
	return true;
}

/**
 * sb_restore - write the copies that are not there, or are old, from the one that counts
 * @kp: the device
 * @s: what was found, with a copy that counts
 *
 * Only others are written: whatever happens, the good one stays.
 */
void sb_restore(struct kmem_persist *kp, struct sb_search *s)
{
	struct kmem_persist_superblock sb = s->use->sb;

	kmem_sb_restore(&kp->media, &sb, &s->set);
}

/**
 * sb_update - write all copies
 * @kp: the device
 * @s: what was found, with a copy that counts
 * @sb: the new content
 *
 * Does not return if it is not durable. What is lost is restored first.
 */
void sb_update(struct kmem_persist *kp, struct sb_search *s,
	       const struct kmem_persist_superblock *sb)
{
	struct kmem_persist_superblock new = *sb;

	sb_restore(kp, s);
	if (kmem_sb_write(&kp->media, &new, &s->set))
		die(EXIT_OPERATIONAL,
		    "%s: fewer than %u places take the superblock; see ndctl clear-errors",
		    kp->name, KMEM_SB_LEAST);
}

/**
 * sb_seen - the highest generation that was seen
 * @s: what was found
 *
 * Of copies that are valid, or would have been once. Who begins above it is never older.
 *
 * Return: the generation, 0 if there is none.
 */
u64 sb_seen(const struct sb_search *s)
{
	u64 seen = 0;

	for (unsigned int i = 0; i < s->nr; i++)
		if (!s->copy[i].rc || s->copy[i].older)
			seen = max(seen, le64_to_cpu(s->copy[i].sb.generation));
	return seen;
}

/**
 * sb_use - somebody has said which copy is the one
 * @kp: the device, writable
 * @s: what was found
 * @i: place of the copy, which is good
 *
 * All others are overwritten; that one is the last.
 */
void sb_use(struct kmem_persist *kp, struct sb_search *s, unsigned int i)
{
	struct kmem_persist_superblock sb = s->copy[i].sb;

	sb.generation = cpu_to_le64(sb_seen(s));
	s->set.holds = BIT(i);
	s->set.hidden = true;
	if (kmem_sb_write(&kp->media, &sb, &s->set))
		die(EXIT_OPERATIONAL,
		    "%s: fewer than %u places take the superblock; see ndctl clear-errors",
		    kp->name, KMEM_SB_LEAST);
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finding, describing and updating the superblock
 */
#ifndef _KMEM_PERSIST_SB_H
#define _KMEM_PERSIST_SB_H

#include "image.h"
#include "persist/format.h"

/**
 * struct sb_copy - one copy of the superblock
 * @name: "primary", "second", "third", "backup"; "given" if somebody has said where it is
 * @dpn: where it was looked for
 * @rc: verdict of kmem_sb_verify(), or -EIO for a media error
 * @fault: what is wrong with it
 * @older: of the older format, and good as such; @rc is -EPROTONOSUPPORT
 * @sb: the copy
 */
struct sb_copy {
	const char *name;
	u64 dpn;
	int rc;
	struct kmem_sb_fault fault;
	bool older;
	struct kmem_persist_superblock sb;
};

/**
 * struct sb_search - what is at the places where superblocks are
 * @copy: at the places, or the one that was given
 * @nr: elements of @copy
 * @rc: 0: @use counts, or is to be read. -ENODATA: there is none at all. -EUCLEAN: the
 *	kernel would hold the device
 * @use: the copy that counts, NULL unless @rc is 0
 * @older: @use is of the older format: the kernel holds the device, and nothing is
 *	   written
 * @given: @use is not where a superblock is looked for, and nothing is written
 * @why: why the device would be held
 * @set: where copies are, and which of them hold what @use does
 */
struct sb_search {
	struct sb_copy copy[KMEM_PERSIST_NR_PLACES];
	unsigned int nr;
	int rc;
	struct sb_copy *use;
	bool older;
	bool given;
	const char *why;
	struct kmem_sb_set set;
};

#define SB_OLDER \
	"it is of an older format, nothing is written to it; extract saves its data, format makes it anew"

/* Not a page: look at the places. */
#define SB_AT_PLACES	(~0ULL)

void sb_search(struct kmem_persist *kp, struct sb_search *s);
void sb_search_at(struct kmem_persist *kp, struct sb_search *s, u64 dpn);
bool sb_place_has_magic(const struct kmem_persist *kp, u64 dpn);
void sb_erase_places(struct kmem_persist *kp);
bool sb_is_missing(const struct sb_search *s, const struct sb_copy *copy);
bool sb_is_complete(const struct sb_search *s);
u64 sb_seen(const struct sb_search *s);
void sb_use(struct kmem_persist *kp, struct sb_search *s, unsigned int i);
void sb_restore(struct kmem_persist *kp, struct sb_search *s);
void sb_update(struct kmem_persist *kp, struct sb_search *s,
	       const struct kmem_persist_superblock *sb);
bool sb_is_copy(const struct kmem_persist *kp,
		const struct kmem_persist_superblock *sb);
const struct kmem_blk_superblock *sb_blk(const struct kmem_persist_superblock *sb);
const char *sb_type_name(u32 type);

/* UUID:HASH and NUL. */
#define SB_ACCEPT_LEN	(36 + 1 + 32 + 1)

enum sb_field_kind {
	SB_NUMBER, SB_HEX, SB_BYTES, SB_TIME, SB_UUID, SB_TEXT, SB_STATE,
	SB_COUNT,	/* all ones: not known */
	SB_ENTRY,	/* of the map: its check tells the seed */
	SB_SECRET,	/* who knows it can make what passes for ours */
	SB_ZERO,	/* of this version */
};

/**
 * struct sb_field - a field of the superblock
 * @name: as in the header of the format
 * @kind: what it is
 * @off: where it is in the superblock
 * @size: bytes
 * @blk: only with type BLK
 */
struct sb_field {
	const char *name;
	enum sb_field_kind kind;
	size_t off;
	size_t size;
	bool blk;
};

extern const struct sb_field sb_fields[];

const struct sb_field *sb_next_field(const struct sb_field *f,
				     const struct kmem_persist_superblock *sb);
u64 sb_field_value(const struct sb_field *f, const struct kmem_persist_superblock *sb);
size_t sb_text_len(const u8 *text, size_t size);
void sb_accept(const struct kmem_persist_superblock *sb, char *text);
void sb_out_field(const struct sb_field *f, const struct kmem_persist_superblock *sb);

#endif /* _KMEM_PERSIST_SB_H */

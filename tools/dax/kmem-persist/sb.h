/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finding, describing and updating the superblock
 */
#ifndef _KMEM_PERSIST_SB_H
#define _KMEM_PERSIST_SB_H

#include "image.h"
#include "kmem_persist_format.h"

/**
 * struct sb_copy - one copy of the superblock
 * @name: "primary" or "backup"
 * @dpn: where it was looked for
 * @rc: verdict of kmem_sb_verify(), or -EIO for a media error
 * @fault: what is wrong with it
 * @sb: the copy
 */
struct sb_copy {
	const char *name;
	u64 dpn;
	int rc;
	struct kmem_sb_fault fault;
	struct kmem_persist_superblock sb;
};

/**
 * struct sb_search - what is in the places where superblocks may be
 * @copy: primary and backup
 * @rc: 0: @use counts. -ENODATA: there is none at all. -EUCLEAN: the kernel would
 *	hold the device
 * @use: the copy that counts, NULL unless @rc is 0
 * @why: why the device would be held
 * @elsewhere: page of a magic in a place that may once have been the beginning, 0
 *	       if there is none
 */
struct sb_search {
	struct sb_copy copy[2];
	int rc;
	struct sb_copy *use;
	const char *why;
	u64 elsewhere;
};

#define SB_MAX_PLACES	1200

void sb_search(struct kmem_persist *kp, struct sb_search *s);
bool sb_is_lost(const struct sb_copy *copy);
unsigned int sb_places(const struct kmem_persist *kp, u64 *dpns);
bool sb_place_has_magic(const struct kmem_persist *kp, u64 dpn);
void sb_erase_places(struct kmem_persist *kp, const struct sb_search *s);
void sb_restore(struct kmem_persist *kp, struct sb_search *s);
void sb_update(struct kmem_persist *kp, struct sb_search *s,
	       const struct kmem_persist_superblock *sb);
bool sb_is_copy(const struct kmem_persist *kp,
		const struct kmem_persist_superblock *sb);
const struct kmem_blk_superblock *sb_blk(const struct kmem_persist_superblock *sb);
const char *sb_type_name(u32 type);

enum sb_field_kind {
	SB_NUMBER, SB_HEX, SB_BYTES, SB_TIME, SB_UUID, SB_TEXT, SB_STATE,
	SB_COUNT,	/* all ones: not known */
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
void sb_out_field(const struct sb_field *f, const struct kmem_persist_superblock *sb);

#endif /* _KMEM_PERSIST_SB_H */

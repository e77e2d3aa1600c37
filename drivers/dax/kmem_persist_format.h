/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The superblock: reading, verifying and writing it
 *
 * Pure: works on memory and through the media calls only, and builds in
 * userspace unchanged.
 */
#ifndef _DAX_KMEM_PERSIST_FORMAT_H
#define _DAX_KMEM_PERSIST_FORMAT_H

#include <linux/types.h>
#include <linux/kmem_persist.h>
#include "kmem_persist_media.h"

/* The pages of the copies that are written, see KMEM_PERSIST_PLACES_USED. */
#define KMEM_SB_PRIMARY_DPN	0ULL
#define KMEM_SB_BACKUP_DPN	(KMEM_PERSIST_FIRST_PAGE - 1ULL)

/* Incompatible feature bits this kernel understands; the high half is BLK's. */
#define KMEM_SB_INCOMPAT_KNOWN	0ULL
#define KMEM_SB_RO_COMPAT_KNOWN	KMEM_PERSIST_RO_ZERO_ON_FREE

/**
 * struct kmem_sb_fault - why a superblock was refused
 * @field: name of the offending field
 * @found: what it said
 * @wanted: what it should have said
 */
struct kmem_sb_fault {
	const char *field;
	u64 found;
	u64 wanted;
};

extern const u64 kmem_sb_places[KMEM_PERSIST_NR_PLACES];

bool kmem_sb_has_magic(const struct kmem_persist_superblock *sb);
u32 kmem_sb_csum(const struct kmem_persist_superblock *sb);
int kmem_sb_verify(const struct kmem_persist_superblock *sb, u64 this_dpn,
		   u64 dev_pages, struct kmem_sb_fault *fault);
bool kmem_sb_is_older(const struct kmem_persist_superblock *sb);
const u8 *kmem_sb_meta_uuid(const struct kmem_persist_superblock *sb);
bool kmem_sb_same_format(const struct kmem_persist_superblock *a,
			 const struct kmem_persist_superblock *b);
void kmem_sb_init(struct kmem_persist_superblock *sb, u32 type, u64 dev_pages);
void kmem_sb_restore(const struct kmem_media *media,
		     struct kmem_persist_superblock *sb, void *place, u64 this_dpn);
void kmem_sb_write(const struct kmem_media *media,
		   struct kmem_persist_superblock *sb,
		   void *primary, void *backup);
void kmem_sb_erase(const struct kmem_media *media, void *place);
void kmem_sb_write_first(const struct kmem_media *media,
			 struct kmem_persist_superblock *sb,
			 void *primary, void *backup);
void kmem_marker_init(struct kmem_persist_marker *m,
		      const struct kmem_persist_superblock *sb, const u8 *ns_uuid);
int kmem_marker_verify(const struct kmem_persist_marker *m, const u8 *ns_uuid);
bool kmem_sb_counts(const struct kmem_persist_superblock *sb,
		    const struct kmem_persist_marker *m);

#endif /* _DAX_KMEM_PERSIST_FORMAT_H */

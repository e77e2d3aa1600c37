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
#include "media.h"

/* Copies that an update has to reach: of all places, and if there are no more. */
#define KMEM_SB_ENOUGH		3U
#define KMEM_SB_LEAST		2U
/* An update that does not reach a place begins again, with the next generation. */
#define KMEM_SB_MAX_TRIES	KMEM_PERSIST_NR_PLACES

/* Incompatible feature bits this kernel understands; the high half is BLK's. */
#define KMEM_SB_INCOMPAT_KNOWN	0ULL
#define KMEM_SB_INCOMPAT_BLK	KMEM_BLK_INCOMPAT_SNAPSHOTS
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

/**
 * struct kmem_sb_set - the copies of a superblock on the media
 * @place: where they are; NULL for a page that the device does not have
 * @holds: mask of the places that hold the current generation
 * @bad: mask of the places that did not take what was written there, until the next bind
 * @hidden: there are places that could not be read: they may hold a generation above
 */
struct kmem_sb_set {
	void *place[KMEM_PERSIST_NR_PLACES];
	unsigned int holds;
	unsigned int bad;
	bool hidden;
};

/**
 * enum kmem_sb_choice - why none of the copies can be chosen, see kmem_sb_choose()
 * @KMEM_SB_TWO_FORMATS: those that count are of two formats
 * @KMEM_SB_TWO_CONTENTS: two with the highest generation differ
 * @KMEM_SB_HIDDEN: there may be a later one at places that cannot be read
 */
enum kmem_sb_choice {
	KMEM_SB_TWO_FORMATS = -1,
	KMEM_SB_TWO_CONTENTS = -2,
	KMEM_SB_HIDDEN = -3,
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
int kmem_sb_choose(const struct kmem_persist_superblock *copies, unsigned int counts,
		   unsigned int unreadable, struct kmem_sb_set *set);
bool kmem_sb_writable(const struct kmem_sb_set *set);
void kmem_sb_restore(const struct kmem_media *media,
		     struct kmem_persist_superblock *sb, struct kmem_sb_set *set);
int kmem_sb_write(const struct kmem_media *media,
		  struct kmem_persist_superblock *sb, struct kmem_sb_set *set);
int kmem_sb_erase(const struct kmem_media *media, void *place);
int kmem_sb_write_first(const struct kmem_media *media,
			struct kmem_persist_superblock *sb, struct kmem_sb_set *set);
void kmem_marker_init(struct kmem_persist_marker *m,
		      const struct kmem_persist_superblock *sb, const u8 *ns_uuid);
int kmem_marker_verify(const struct kmem_persist_marker *m, const u8 *ns_uuid);
bool kmem_sb_counts(const struct kmem_persist_superblock *sb,
		    const struct kmem_persist_marker *m);

#endif /* _DAX_KMEM_PERSIST_FORMAT_H */

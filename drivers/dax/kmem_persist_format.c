// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: superblock of persistent KMEM DAX
 *
 * One block at each of the places that the format names, at present at page 0 (primary)
 * and page 511 (backup). Nothing is looked for at any other page: what lies there may
 * have been somebody's RAM, or be somebody's file. Each copy says where it lives, which
 * places have one, how large the device was, and carries a generation. Copies are only
 * compared with copies of the same format, the one with the same meta_uuid and key; of two
 * valid ones the higher generation counts.
 *
 * That a copy is valid says nothing about who wrote it. On a namespace it counts if the
 * marker, which lies in front of the device where only the kernel can write, names the same
 * namespace, format and key.
 *
 * Update: the backup with the next generation, fence, then the primary, fence.
 * A crash leaves at least one of the copies whole, because the second is not
 * touched before the first is durable. A primary that was found lost, or old, is
 * restored before.
 *
 * Format: the marker is erased, fence; the magic of every place that carries one is
 * cleared, fence; then the bodies of both copies, fence; the eight bytes of each magic,
 * fence; the marker comes last. Without a magic the device counts as not formatted; with
 * one of the two it is complete, because everything else was durable before; with the
 * marker it is attached.
 *
 * The rules R5 to R7 that are named below are in
 * Documentation/driver-api/dax-kmem-persist-format.rst.
 */
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include "kmem_persist_format.h"
#include "persist_utf8.h"

const u64 kmem_sb_places[KMEM_PERSIST_NR_PLACES] = KMEM_PERSIST_PLACES;

/**
 * kmem_sb_has_magic - does a block claim to be a superblock?
 * @sb: the block
 *
 * Context: any.
 */
bool kmem_sb_has_magic(const struct kmem_persist_superblock *sb)
{
	return le64_to_cpu(sb->magic) == KMEM_PERSIST_MAGIC;
}

/**
 * kmem_sb_csum - checksum of a superblock
 * @sb: the superblock; the value of its checksum field does not matter
 *
 * Context: any. Return: crc32c over the block with the field zero.
 */
u32 kmem_sb_csum(const struct kmem_persist_superblock *sb)
{
	const size_t at = offsetof(struct kmem_persist_superblock, csum);
	const size_t end = at + sizeof(sb->csum);
	const __le32 zero = 0;
	u32 crc = ~0U;

	crc = crc32c(crc, sb, at);
	crc = crc32c(crc, &zero, sizeof(zero));
	crc = crc32c(crc, (const u8 *)sb + end, sizeof(*sb) - end);
	return ~crc;
}

/**
 * kmem_sb_is_older - is this of a layout that is not written any more?
 * @sb: valid but for that
 *
 * Superblocks without a key had their backup on the last page, and data may lie where
 * superblocks are now.
 *
 * Context: any.
 */
bool kmem_sb_is_older(const struct kmem_persist_superblock *sb)
{
	return !memchr_inv(sb->key, 0, sizeof(sb->key));
}

/* Is @dpn a place, and @mask says that it has a copy? */
static bool kmem_sb_mask_has(u64 mask, u64 dpn)
{
	unsigned int i;

	for (i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		if (kmem_sb_places[i] == dpn)
			return mask >> i & 1;
	return false;
}

/* As dax_persist_label_parse() takes it, or empty: it becomes the name of a link. */
static bool kmem_sb_label_valid(const u8 *label)
{
	size_t len = strnlen((const char *)label, KMEM_PERSIST_LABEL_LEN);

	return len < KMEM_PERSIST_LABEL_LEN &&
	       !memchr_inv(label + len, 0, KMEM_PERSIST_LABEL_LEN - len) &&
	       dax_persist_utf8_len(label, len) == len &&
	       !memchr(label, ' ', len) && !memchr(label, '/', len);
}

static int kmem_sb_refuse(struct kmem_sb_fault *fault, int err,
			  const char *field, u64 found, u64 wanted)
{
	fault->field = field;
	fault->found = found;
	fault->wanted = wanted;
	return err;
}

/**
 * kmem_sb_verify - check one copy of the superblock
 * @sb: copy in memory
 * @this_dpn: where it was read
 * @dev_pages: size of the real device in pages
 * @fault: what is wrong, set unless 0 is returned
 *
 * In the order of trust: magic, checksum, then version and features, then the
 * fields that depend on them. Nothing in @sb may be used before this returned 0.
 *
 * Context: any.
 * Return: 0; -ENODATA without magic; -EUCLEAN if damaged or in a wrong place;
 * -EPROTONOSUPPORT if intact but of a version or with features unknown to us, or
 * kmem_sb_is_older().
 */
int kmem_sb_verify(const struct kmem_persist_superblock *sb, u64 this_dpn,
		   u64 dev_pages, struct kmem_sb_fault *fault)
{
	const u64 dev_bytes = le64_to_cpu(sb->dev_bytes);
	const u64 places = le64_to_cpu(sb->places);
	const u64 incompat = le64_to_cpu(sb->feat_incompat);
	const u64 ro_compat = le64_to_cpu(sb->feat_ro_compat);

	if (!kmem_sb_has_magic(sb))
		return kmem_sb_refuse(fault, -ENODATA, "magic",
				      le64_to_cpu(sb->magic), KMEM_PERSIST_MAGIC);
	if (le32_to_cpu(sb->csum) != kmem_sb_csum(sb))
		return kmem_sb_refuse(fault, -EUCLEAN, "checksum",
				      le32_to_cpu(sb->csum), kmem_sb_csum(sb));
	if (le16_to_cpu(sb->version_major) != KMEM_PERSIST_VERSION_MAJOR)
		return kmem_sb_refuse(fault, -EPROTONOSUPPORT, "major version",
				      le16_to_cpu(sb->version_major),
				      KMEM_PERSIST_VERSION_MAJOR);
	if (incompat & ~KMEM_SB_INCOMPAT_KNOWN)
		return kmem_sb_refuse(fault, -EPROTONOSUPPORT,
				      "incompatible features", incompat,
				      KMEM_SB_INCOMPAT_KNOWN);
	if (ro_compat & ~KMEM_SB_RO_COMPAT_KNOWN)
		return kmem_sb_refuse(fault, -EPROTONOSUPPORT,
				      "read-only features", ro_compat,
				      KMEM_SB_RO_COMPAT_KNOWN);
	if (sb->csum_type != KMEM_PERSIST_CSUM_CRC32C)
		return kmem_sb_refuse(fault, -EPROTONOSUPPORT, "checksum type",
				      sb->csum_type, KMEM_PERSIST_CSUM_CRC32C);
	if (sb->block_shift != KMEM_PERSIST_BLOCK_SHIFT)
		return kmem_sb_refuse(fault, -EPROTONOSUPPORT, "block shift",
				      sb->block_shift, KMEM_PERSIST_BLOCK_SHIFT);
	if (kmem_sb_is_older(sb))
		return kmem_sb_refuse(fault, -EPROTONOSUPPORT, "older format, key", 0, 1);
	/* Who writes more copies also compares more. */
	if (places != KMEM_PERSIST_PLACES_USED)
		return kmem_sb_refuse(fault, -EPROTONOSUPPORT, "places", places,
				      KMEM_PERSIST_PLACES_USED);
	if (le64_to_cpu(sb->this_dpn) != this_dpn || !kmem_sb_mask_has(places, this_dpn))
		return kmem_sb_refuse(fault, -EUCLEAN, "place of this copy",
				      le64_to_cpu(sb->this_dpn), this_dpn);
	if (dev_bytes & (KMEM_PERSIST_BLOCK_SIZE - 1) ||
	    dev_bytes >> KMEM_PERSIST_BLOCK_SHIFT > dev_pages)
		return kmem_sb_refuse(fault, -EUCLEAN, "device size", dev_bytes,
				      dev_pages << KMEM_PERSIST_BLOCK_SHIFT);
	if (dev_bytes >> KMEM_PERSIST_BLOCK_SHIFT < KMEM_PERSIST_MIN_PAGES)
		return kmem_sb_refuse(fault, -EUCLEAN, "device size", dev_bytes,
				      (u64)KMEM_PERSIST_MIN_PAGES << KMEM_PERSIST_BLOCK_SHIFT);
	/* Both are names that everybody sees. */
	if (!memchr_inv(sb->uuid, 0, sizeof(sb->uuid)))
		return kmem_sb_refuse(fault, -EUCLEAN, "uuid", 0, 1);
	if (!kmem_sb_label_valid(sb->label))
		return kmem_sb_refuse(fault, -EUCLEAN, "label", 0, 0);
	return 0;
}

/**
 * kmem_sb_meta_uuid - what tells one format from another
 * @sb: the superblock
 *
 * The uuid can be changed later, this cannot.
 *
 * Context: any. Return: 16 bytes in @sb.
 */
const u8 *kmem_sb_meta_uuid(const struct kmem_persist_superblock *sb)
{
	return memchr_inv(sb->meta_uuid, 0, sizeof(sb->meta_uuid)) ? sb->meta_uuid :
								      sb->uuid;
}

/**
 * kmem_sb_same_format - are two valid superblocks copies of one another?
 * @a: one
 * @b: the other
 *
 * Context: any.
 */
bool kmem_sb_same_format(const struct kmem_persist_superblock *a,
			 const struct kmem_persist_superblock *b)
{
	return !memcmp(kmem_sb_meta_uuid(a), kmem_sb_meta_uuid(b), sizeof(a->meta_uuid)) &&
	       !memcmp(a->key, b->key, sizeof(a->key));
}

/**
 * kmem_sb_init - fill in a superblock for an empty device
 * @sb: the superblock
 * @type: plugin, KMEM_PERSIST_TYPE_*
 * @dev_pages: size of the device in pages
 *
 * Everything the format fixes; identity, key, times and the plugin part are the
 * caller's. Context: any.
 */
void kmem_sb_init(struct kmem_persist_superblock *sb, u32 type, u64 dev_pages)
{
	memset(sb, 0, sizeof(*sb));
	sb->magic = cpu_to_le64(KMEM_PERSIST_MAGIC);
	sb->type = cpu_to_le32(type);
	sb->version_major = cpu_to_le16(KMEM_PERSIST_VERSION_MAJOR);
	sb->version_minor = cpu_to_le16(KMEM_PERSIST_VERSION_MINOR);
	sb->block_shift = KMEM_PERSIST_BLOCK_SHIFT;
	sb->csum_type = KMEM_PERSIST_CSUM_CRC32C;
	sb->dev_bytes = cpu_to_le64(dev_pages << KMEM_PERSIST_BLOCK_SHIFT);
	sb->places = cpu_to_le64(KMEM_PERSIST_PLACES_USED);
}

static void kmem_sb_seal(struct kmem_persist_superblock *sb, u64 this_dpn)
{
	sb->this_dpn = cpu_to_le64(this_dpn);
	sb->csum = cpu_to_le32(kmem_sb_csum(sb));
}

/**
 * kmem_sb_restore - write the copy that was lost
 * @media: the media
 * @sb: the superblock
 * @place: place of the copy on the media
 * @this_dpn: its page, KMEM_SB_PRIMARY_DPN or KMEM_SB_BACKUP_DPN
 *
 * Before kmem_sb_write(), which relies on two good copies: it writes one while the
 * other one is whole.
 *
 * Context: never sleeps. Durable on return.
 */
void kmem_sb_restore(const struct kmem_media *media,
		     struct kmem_persist_superblock *sb, void *place, u64 this_dpn)
{
	kmem_sb_seal(sb, this_dpn);
	/* Ordering: R5, pairs with the copy in kmem_sb_write() */
	kmem_media_copy(media, place, sb, sizeof(*sb));
	kmem_media_fence(media);
}

/**
 * kmem_sb_write - update both copies
 * @media: the media
 * @sb: the new superblock; its generation is raised here
 * @primary: place of the primary on the media
 * @backup: place of the backup on the media
 *
 * Both copies are good, and the primary is not an older one: see kmem_sb_restore().
 *
 * Context: never sleeps; the caller serializes updates. On return the update is
 * durable; a crash before leaves either the old or the new one.
 */
void kmem_sb_write(const struct kmem_media *media,
		   struct kmem_persist_superblock *sb,
		   void *primary, void *backup)
{
	le64_add_cpu(&sb->generation, 1);

	kmem_sb_seal(sb, KMEM_SB_BACKUP_DPN);
	/* Ordering: R5, pairs with the copy below. The primary is not touched before. */
	kmem_media_copy(media, backup, sb, sizeof(*sb));
	kmem_media_fence(media);

	kmem_sb_seal(sb, KMEM_SB_PRIMARY_DPN);
	/* Ordering: R5, pairs with the copy above. That of the next update. */
	kmem_media_copy(media, primary, sb, sizeof(*sb));
	kmem_media_fence(media);
}

static void kmem_sb_write_body(const struct kmem_media *media,
			       const struct kmem_persist_superblock *sb,
			       void *place)
{
	const size_t at = sizeof(sb->magic);

	/* Ordering: R6, pairs with the fence in kmem_sb_write_first() */
	kmem_media_copy(media, (u8 *)place + at, (const u8 *)sb + at,
			sizeof(*sb) - at);
}

/* Write back included, the fence is the caller's. */
static void kmem_sb_write_magic(const struct kmem_media *media, void *place,
				u64 magic)
{
	struct kmem_persist_superblock *sb = place;

	/*
	 * Ordering: R6, pairs with the fence in kmem_sb_write_first() or
	 * kmem_blk_map_format(); R7, with the fence in kmem_sb_erase()
	 */
	kmem_media_store(media, &sb->magic, magic);
	kmem_media_wb(media, &sb->magic, sizeof(sb->magic));
}

/**
 * kmem_sb_erase - make a block carry no magic
 * @media: the media
 * @place: the block on the media
 *
 * Context: never sleeps. Durable on return.
 */
void kmem_sb_erase(const struct kmem_media *media, void *place)
{
	kmem_sb_write_magic(media, place, 0);
	/* Ordering: R7, pairs with the copy in kmem_sb_write_body() */
	kmem_media_fence(media);
}

/**
 * kmem_sb_write_first - write the superblock of a new format
 * @media: the media
 * @sb: the superblock; its generation, the highest one that was found on the device or 0,
 *	is raised here
 * @primary: place of the primary on the media
 * @backup: place of the backup on the media
 *
 * Everything that @sb refers to has to be durable, and all places that carried
 * a magic erased. Context: never sleeps. Durable on return.
 */
void kmem_sb_write_first(const struct kmem_media *media,
			 struct kmem_persist_superblock *sb,
			 void *primary, void *backup)
{
	le64_add_cpu(&sb->generation, 1);

	kmem_sb_seal(sb, KMEM_SB_BACKUP_DPN);
	kmem_sb_write_body(media, sb, backup);
	kmem_sb_seal(sb, KMEM_SB_PRIMARY_DPN);
	kmem_sb_write_body(media, sb, primary);
	/*
	 * A magic says that everything else is there. Ordering: R6, pairs with the
	 * store in kmem_sb_write_magic()
	 */
	kmem_media_fence(media);

	kmem_sb_write_magic(media, backup, KMEM_PERSIST_MAGIC);
	kmem_sb_write_magic(media, primary, KMEM_PERSIST_MAGIC);
	/* Ordering: R5, pairs with the copy in kmem_sb_write() */
	kmem_media_fence(media);
}

static u32 kmem_marker_csum(const struct kmem_persist_marker *m)
{
	const size_t at = offsetof(struct kmem_persist_marker, csum);
	const size_t end = at + sizeof(m->csum);
	const __le32 zero = 0;
	u32 crc = ~0U;

	crc = crc32c(crc, m, at);
	crc = crc32c(crc, &zero, sizeof(zero));
	crc = crc32c(crc, (const u8 *)m + end, sizeof(*m) - end);
	return ~crc;
}

/**
 * kmem_marker_init - fill in the marker of a format
 * @m: the marker
 * @sb: superblock of the format, with its identity and key
 * @ns_uuid: of the info block of the namespace, 16 bytes, not zero
 *
 * Context: any.
 */
void kmem_marker_init(struct kmem_persist_marker *m,
		      const struct kmem_persist_superblock *sb, const u8 *ns_uuid)
{
	memset(m, 0, sizeof(*m));
	m->magic = cpu_to_le64(KMEM_PERSIST_MARKER_MAGIC);
	memcpy(m->ns_uuid, ns_uuid, sizeof(m->ns_uuid));
	memcpy(m->meta_uuid, kmem_sb_meta_uuid(sb), sizeof(m->meta_uuid));
	memcpy(m->key, sb->key, sizeof(m->key));
	m->csum = cpu_to_le32(kmem_marker_csum(m));
}

/**
 * kmem_marker_verify - is there a marker of this namespace?
 * @m: what was read at its place
 * @ns_uuid: of the info block of the namespace, 16 bytes
 *
 * Context: any. Return: 0; -ENODATA without a magic; -EUCLEAN if it is damaged, or was
 * not made for this namespace: then it is as good as none.
 */
int kmem_marker_verify(const struct kmem_persist_marker *m, const u8 *ns_uuid)
{
	if (le64_to_cpu(m->magic) != KMEM_PERSIST_MARKER_MAGIC)
		return -ENODATA;
	if (le32_to_cpu(m->csum) != kmem_marker_csum(m) ||
	    !memchr_inv(m->ns_uuid, 0, sizeof(m->ns_uuid)) ||
	    memcmp(m->ns_uuid, ns_uuid, sizeof(m->ns_uuid)))
		return -EUCLEAN;
	return 0;
}

/**
 * kmem_sb_counts - does a valid copy belong to the format that the marker names?
 * @sb: the copy
 * @m: marker, verified
 *
 * Context: any.
 */
bool kmem_sb_counts(const struct kmem_persist_superblock *sb,
		    const struct kmem_persist_marker *m)
{
	return !memcmp(sb->ns_uuid, m->ns_uuid, sizeof(m->ns_uuid)) &&
	       !memcmp(kmem_sb_meta_uuid(sb), m->meta_uuid, sizeof(m->meta_uuid)) &&
	       !memcmp(sb->key, m->key, sizeof(m->key));
}

#include "tests/kmem_persist_format_kunit.h"

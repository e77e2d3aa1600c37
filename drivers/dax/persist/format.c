// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: superblock of persistent KMEM DAX
 *
 * One block at each of the places that the format names. Nothing is looked for at any
 * other page: what lies there may have been somebody's RAM, or be somebody's file. Each
 * copy says where it lives, which places have one, how large the device was, and carries
 * a generation. Copies are only compared with copies of the same format, the one with the
 * same meta_uuid and key; of those the highest generation counts.
 *
 * That a copy is valid says nothing about who wrote it. On a namespace it counts if the
 * marker, which lies in front of the device where only the kernel can write, names the same
 * namespace, format and key.
 *
 * Update: one place after the other, those that hold the current generation first, each
 * with a fence, and read back past the caches. A place that did not take it is left out,
 * and the update begins again, with the next generation and a mask without that place. It
 * has happened when all places of its mask hold it, and these are at least two, one of
 * which had the generation before. Only then may be freed what it makes unreachable: an
 * older copy that comes back refers to nothing that is gone.
 *
 * So a generation that has happened is on three places, and as long as fewer than two
 * places cannot be read one of them is found. If it is not complete, and two or more cannot
 * be read, there may have been a later one, and nobody can tell: the device is held,
 * kmem-persist repair --use is the way out. A crash leaves the old generation or the new
 * one. What it left incomplete is completed before anything that depends on it: see
 * kmem_sb_restore().
 *
 * Format: the marker is erased, fence; the magic of every place is cleared, fence, and read
 * back; then the bodies of all copies, fence; the eight bytes of each magic, fence; the
 * marker comes last. Without a magic the device counts as not formatted; with one of them
 * it is complete, because everything else was durable before; with the marker it is
 * attached.
 *
 * The rules R5 to R7 that are named below are in
 * Documentation/driver-api/dax-kmem-persist-format.rst.
 */
#include <linux/bitops.h>
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include "format.h"
#include "utf8.h"

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

/*
 * What later versions may use, or NULL: not damage, as the checksum is right, but something
 * that this code would have to know.
 */
static const char *kmem_sb_reserved(const struct kmem_persist_superblock *sb)
{
	if (sb->use_bytes)
		return "newer format, use_bytes";
	if (memchr_inv(sb->reserved_area, 0, sizeof(sb->reserved_area)))
		return "newer format, reserved_area";
	if (sb->desc_first)
		return "newer format, desc_first";
	if (sb->zero0 || memchr_inv(sb->zero1, 0, sizeof(sb->zero1)) ||
	    memchr_inv(sb->zero2, 0, sizeof(sb->zero2)))
		return "newer format, reserved bytes";
	return NULL;
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
	const u64 known = KMEM_SB_INCOMPAT_KNOWN |
			  (le32_to_cpu(sb->type) == KMEM_PERSIST_TYPE_BLK ? KMEM_SB_INCOMPAT_BLK :
									    0);
	const char *reserved = kmem_sb_reserved(sb);
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
	if (incompat & ~known)
		return kmem_sb_refuse(fault, -EPROTONOSUPPORT,
				      "incompatible features", incompat, known);
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
	if (reserved)
		return kmem_sb_refuse(fault, -EPROTONOSUPPORT, reserved, 1, 0);
	/* Who knows more places also compares more. */
	if (places & ~KMEM_PERSIST_PLACES_ALL)
		return kmem_sb_refuse(fault, -EPROTONOSUPPORT, "places", places,
				      KMEM_PERSIST_PLACES_ALL);
	if (hweight64(places) < KMEM_SB_LEAST)
		return kmem_sb_refuse(fault, -EUCLEAN, "places", places,
				      KMEM_PERSIST_PLACES_ALL);
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
	if (!dax_persist_label_valid(sb->label, sizeof(sb->label)))
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
	sb->places = cpu_to_le64(KMEM_PERSIST_PLACES_ALL);
}

static void kmem_sb_seal(struct kmem_persist_superblock *sb, u64 this_dpn)
{
	sb->this_dpn = cpu_to_le64(this_dpn);
	sb->csum = cpu_to_le32(kmem_sb_csum(sb));
}

/* All but where it is, and the checksum, which depends on that. */
static bool kmem_sb_same_content(const struct kmem_persist_superblock *a,
				 const struct kmem_persist_superblock *b)
{
	const size_t csum = offsetof(struct kmem_persist_superblock, csum);
	const size_t after_csum = csum + sizeof(a->csum);
	const size_t dpn = offsetof(struct kmem_persist_superblock, this_dpn);
	const size_t after_dpn = dpn + sizeof(a->this_dpn);
	const u8 *x = (const u8 *)a, *y = (const u8 *)b;

	return !memcmp(x, y, csum) && !memcmp(x + after_csum, y + after_csum, dpn - after_csum) &&
	       !memcmp(x + after_dpn, y + after_dpn, sizeof(*a) - after_dpn);
}

/* The place with the highest generation, or why there is none. */
static int kmem_sb_newest(const struct kmem_persist_superblock *copies, unsigned int counts)
{
	int best = -1;

	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		if (!(counts >> i & 1))
			continue;
		if (best >= 0 && !kmem_sb_same_format(&copies[i], &copies[best]))
			return KMEM_SB_TWO_FORMATS;
		if (best < 0 || le64_to_cpu(copies[i].generation) >
				le64_to_cpu(copies[best].generation))
			best = i;
	}
	return best;
}

/**
 * kmem_sb_choose - which copy is to be used?
 * @copies: what was read, for each place
 * @counts: mask of the places whose copy is valid and counts, at least one
 * @unreadable: mask of the places that could not be read
 * @set: @holds and @hidden are filled
 *
 * A generation that has happened is at two places at least, mostly at three or four, and
 * at one of those that the one before names. So a later one than the highest that is found
 * is only possible if some place of its mask does not hold it, and two or more places
 * cannot be read.
 *
 * Context: any. Return: the place, or &enum kmem_sb_choice.
 */
int kmem_sb_choose(const struct kmem_persist_superblock *copies, unsigned int counts,
		   unsigned int unreadable, struct kmem_sb_set *set)
{
	const int best = kmem_sb_newest(copies, counts);

	if (best < 0)
		return best;
	set->holds = 0;
	set->hidden = unreadable;
	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		if (!(counts >> i & 1) || copies[i].generation != copies[best].generation)
			continue;
		if (!kmem_sb_same_content(&copies[i], &copies[best]))
			return KMEM_SB_TWO_CONTENTS;
		set->holds |= BIT(i);
	}
	if (!(le64_to_cpu(copies[best].places) & ~set->holds))
		return best;
	return hweight32(unreadable) < 2 ? best : KMEM_SB_HIDDEN;
}

/* Does the media hold what was written there, all of it? */
static bool kmem_sb_reads_back(const struct kmem_media *media,
			       const struct kmem_persist_superblock *sb, const void *place)
{
	u8 part[256];

	for (size_t at = 0; at < sizeof(*sb); at += sizeof(part))
		if (kmem_media_read(media, part, place + at, sizeof(part)) ||
		    memcmp(part, (const u8 *)sb + at, sizeof(part)))
			return false;
	return true;
}

/* Write one copy. Returns false if its place does not take it. */
static bool kmem_sb_put(const struct kmem_media *media,
			struct kmem_persist_superblock *sb, struct kmem_sb_set *set, int i)
{
	kmem_sb_seal(sb, kmem_sb_places[i]);
	set->holds &= ~BIT(i);
	/* Ordering: R5, pairs with the copy in kmem_sb_put(). No other place is touched before. */
	kmem_media_copy_past(media, set->place[i], sb, sizeof(*sb));
	kmem_media_fence(media);
	if (kmem_sb_reads_back(media, sb, set->place[i]))
		return true;
	set->bad |= BIT(i);
	return false;
}

/* Those that can be written to, as far as that is known. */
static unsigned int kmem_sb_usable(const struct kmem_sb_set *set)
{
	unsigned int mask = 0;

	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		if (set->place[i])
			mask |= BIT(i);
	return mask & ~set->bad;
}

/* A place that is bad stays so: who tries again fails, and writes nothing. */
static bool kmem_sb_suffice(unsigned int mask, unsigned int holds)
{
	return hweight32(mask) >= KMEM_SB_LEAST && mask & holds;
}

/**
 * kmem_sb_writable - can kmem_sb_write() succeed, as far as that is known?
 * @set: the copies
 *
 * Context: any; nobody changes @set.
 */
bool kmem_sb_writable(const struct kmem_sb_set *set)
{
	return kmem_sb_suffice(kmem_sb_usable(set), set->holds);
}

/**
 * kmem_sb_restore - write the copies that were lost, or are old
 * @media: the media
 * @sb: the superblock, as it was chosen
 * @set: from kmem_sb_choose()
 *
 * Before the first kmem_sb_write(), which touches the copies that are whole. A generation
 * that was chosen has to be one that has happened before anything is done on the strength
 * of it, or what is older comes back when its places get lost.
 *
 * Context: never sleeps. Durable on return, as far as the places take it.
 */
void kmem_sb_restore(const struct kmem_media *media,
		     struct kmem_persist_superblock *sb, struct kmem_sb_set *set)
{
	const unsigned int lost = le64_to_cpu(sb->places) & kmem_sb_usable(set) & ~set->holds;

	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		if (lost >> i & 1 && kmem_sb_put(media, sb, set, i))
			set->holds |= BIT(i);
}

/* Returns false if some place of @mask does not take it. */
static bool kmem_sb_put_all(const struct kmem_media *media,
			    struct kmem_persist_superblock *sb, struct kmem_sb_set *set,
			    unsigned int mask, unsigned int first)
{
	for (int i = 0; i < 2 * KMEM_PERSIST_NR_PLACES; i++) {
		const int place = i % KMEM_PERSIST_NR_PLACES;
		const unsigned int now = i < KMEM_PERSIST_NR_PLACES ? first : ~first;

		if ((mask & now) >> place & 1 && !kmem_sb_put(media, sb, set, place))
			return false;
	}
	return true;
}

/**
 * kmem_sb_write - update the superblock
 * @media: the media
 * @sb: the new superblock; generation and places are filled in here
 * @set: its copies; what is lost was restored, see kmem_sb_restore()
 *
 * What @sb refers to has to be durable. What it no longer refers to may be freed after
 * this has returned 0, not before.
 *
 * Context: never sleeps; the caller serializes updates.
 * Return: 0, and the update is durable, a crash before leaves either the old or the new
 * one; -EIO if too few places take it: it has not happened, but the next attach may still
 * find it.
 */
int kmem_sb_write(const struct kmem_media *media,
		  struct kmem_persist_superblock *sb, struct kmem_sb_set *set)
{
	const unsigned int old = set->holds;
	/* The only one that is whole is not touched before there is another. */
	const unsigned int first = hweight32(old) < KMEM_SB_LEAST ? ~old : old;
	unsigned int mask;

	/* Above all that may have been tried before, where nobody could read it. */
	if (set->hidden)
		le64_add_cpu(&sb->generation, KMEM_SB_MAX_TRIES);
	do {
		mask = kmem_sb_usable(set);
		if (!kmem_sb_suffice(mask, old))
			return -EIO;
		le64_add_cpu(&sb->generation, 1);
		sb->places = cpu_to_le64(mask);
	} while (!kmem_sb_put_all(media, sb, set, mask, first));
	set->holds = mask;
	set->hidden = false;
	return 0;
}

static void kmem_sb_write_body(const struct kmem_media *media,
			       const struct kmem_persist_superblock *sb,
			       void *place)
{
	const size_t at = sizeof(sb->magic);

	/* Ordering: R6, pairs with the fence in kmem_sb_write_first() */
	kmem_media_copy_past(media, (u8 *)place + at, (const u8 *)sb + at,
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
 * Context: never sleeps. Durable on return. Return: 0; -EIO if that cannot be read back
 * (perhaps from a cache: kmem_sb_write() tells for certain): it may still be there.
 */
int kmem_sb_erase(const struct kmem_media *media, void *place)
{
	const struct kmem_persist_superblock *sb = place;
	__le64 magic;

	kmem_sb_write_magic(media, place, 0);
	/* Ordering: R7, pairs with the copy in kmem_sb_write_body() */
	kmem_media_fence(media);
	return kmem_media_read(media, &magic, &sb->magic, sizeof(magic)) || magic ? -EIO : 0;
}

/**
 * kmem_sb_write_first - write the superblock of a new format
 * @media: the media
 * @sb: the superblock; its generation, the highest one that was found on the device or 0,
 *	is raised here
 * @set: where its copies go
 *
 * Everything that @sb refers to has to be durable, and all places erased.
 *
 * Context: never sleeps. Durable on return.
 * Return: 0, all places hold it; -EIO if one does not take it.
 */
int kmem_sb_write_first(const struct kmem_media *media,
			struct kmem_persist_superblock *sb, struct kmem_sb_set *set)
{
	unsigned int mask;

	set->bad = 0;
	set->hidden = false;
	mask = kmem_sb_usable(set);
	sb->places = cpu_to_le64(mask);
	le64_add_cpu(&sb->generation, 1);

	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		if (!(mask >> i & 1))
			continue;
		kmem_sb_seal(sb, kmem_sb_places[i]);
		kmem_sb_write_body(media, sb, set->place[i]);
	}
	/*
	 * A magic says that everything else is there. Ordering: R6, pairs with the
	 * store in kmem_sb_write_magic()
	 */
	kmem_media_fence(media);

	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		if (mask >> i & 1)
			kmem_sb_write_magic(media, set->place[i], KMEM_PERSIST_MAGIC);
	/* Ordering: R5, pairs with the copy in kmem_sb_put() */
	kmem_media_fence(media);

	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		if (!(mask >> i & 1))
			continue;
		kmem_sb_seal(sb, kmem_sb_places[i]);
		if (!kmem_sb_reads_back(media, sb, set->place[i]))
			return -EIO;
	}
	set->holds = mask;
	return 0;
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

#include "tests/format_kunit.h"

// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: finding the superblock, before there is a direct map
 *
 * What is valid, what of that counts, and which of these is the newest, in this order:
 * trust.c says what may decide about data. Until a superblock counts nothing
 * of it is used or shown but the name of the field that is wrong.
 */
#include <crypto/sha2.h>
#include <linux/mm.h>
#include "../dax-private.h"
#include "search.h"

/**
 * struct kmem_sb_search - what was found at the places
 * @look: the content
 * @rc: verdicts, see kmem_sb_verify(); or -EIO for a media error
 * @fault: what is wrong
 */
struct kmem_sb_search {
	struct kmem_look *look;
	int rc[KMEM_PERSIST_NR_PLACES];
	struct kmem_sb_fault fault[KMEM_PERSIST_NR_PLACES];
};

/**
 * kmem_identity_hold - a device has to be held
 * @id: the device
 * @why: in a word
 * @fmt: and for people
 *
 * Context: any.
 */
void kmem_identity_hold(struct kmem_identity *id, enum kmem_held why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vscnprintf(id->reason, sizeof(id->reason), fmt, args);
	va_end(args);
	id->held = why;
}

/**
 * kmem_search_hash - what names a format without giving its key away
 * @sb: its superblock
 * @hash: receives it, DAX_PERSIST_HASH_LEN bytes
 *
 * Who knows the uuid, which is public, can not make a superblock that has this hash.
 *
 * Context: any.
 */
void kmem_search_hash(const struct kmem_persist_superblock *sb, u8 *hash)
{
	u8 text[sizeof(sb->key) + sizeof(sb->uuid)], digest[SHA256_DIGEST_SIZE];

	memcpy(text, sb->key, sizeof(sb->key));
	memcpy(text + sizeof(sb->key), sb->uuid, sizeof(sb->uuid));
	sha256(text, sizeof(text), digest);
	memcpy(hash, digest, DAX_PERSIST_HASH_LEN);
	memzero_explicit(text, sizeof(text));
}

static bool kmem_sb_is_accepted(const struct kmem_persist_superblock *sb,
				const struct dax_persist_accept *accept)
{
	u8 hash[DAX_PERSIST_HASH_LEN];
	uuid_t uuid;

	import_uuid(&uuid, sb->uuid);
	if (accept->kind != DAX_PERSIST_ACCEPT_UUID || !uuid_equal(&uuid, &accept->uuid))
		return false;
	if (!accept->has_hash)
		return true;
	kmem_search_hash(sb, hash);
	return !memcmp(hash, accept->hash, sizeof(hash));
}

/* @sb is valid. Does anybody vouch for it? */
static bool kmem_sb_search_counts(const struct kmem_identity *id,
				  const struct kmem_look *look,
				  const struct kmem_persist_superblock *sb,
				  const char *list)
{
	const struct dax_persist_accept *accept = &id->dev_dax->persist_accept;
	struct dax_persist_accept listed;

	if (accept->kind == DAX_PERSIST_ACCEPT_UUID &&
	    (accept->has_hash || !look->trust.anonymous))
		return kmem_sb_is_accepted(sb, accept);
	if (!look->trust.anonymous)
		return look->trust.marker == KMEM_MARKER_VALID &&
		       kmem_sb_counts(sb, &look->marker);
	while (kmem_persist_next_accept(&list, &listed))
		if (kmem_sb_is_accepted(sb, &listed))
			return true;
	return false;
}

static void kmem_sb_search_judge(struct kmem_identity *id, struct kmem_sb_search *s,
				 const char *list)
{
	const struct dax_persist_accept *accept = &id->dev_dax->persist_accept;
	struct kmem_trust *trust = &s->look->trust;
	struct dax_persist_accept listed;
	const char *rest = list;
	u8 ns_uuid[UUID_SIZE];

	export_uuid(ns_uuid, &s->look->info.uuid);
	if (trust->marker == KMEM_MARKER_VALID &&
	    kmem_marker_verify(&s->look->marker, ns_uuid))
		trust->marker = KMEM_MARKER_FOREIGN;
	trust->listed = trust->anonymous &&
			(accept->has_hash || kmem_persist_next_accept(&rest, &listed));

	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		const struct kmem_persist_superblock *sb = &s->look->sb[i];

		if (trust->copy[i] == KMEM_COPY_UNREADABLE) {
			s->rc[i] = -EIO;
			s->fault[i].field = "media";
			continue;
		}
		s->rc[i] = kmem_sb_verify(sb, kmem_sb_places[i],
					  kmem_persist_dev_blocks(id->dev_dax),
					  &s->fault[i]);
		if (s->rc[i])
			continue;
		id->seen = max(id->seen, le64_to_cpu(sb->generation));
		if (kmem_sb_search_counts(id, s->look, sb, list))
			trust->copy[i] = KMEM_COPY_COUNTS;
		else
			s->fault[i].field = "of another format";
	}
}

/* The place of an intact superblock that only another kernel understands, or -1. */
static int kmem_sb_search_unknown(const struct kmem_sb_search *s)
{
	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		if (s->rc[i] == -EPROTONOSUPPORT)
			return i;
	return -1;
}

/* What is wrong at each place. */
static const char *kmem_sb_search_faults(const struct kmem_sb_search *s, char *text,
					 size_t size)
{
	int len = 0;

	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		len += scnprintf(text + len, size - len, "%spage %llu: %s", i ? ", " : "",
				 kmem_sb_places[i], s->fault[i].field ?: "good");
	return text;
}

static int kmem_sb_search_hold(struct kmem_identity *id, const struct kmem_sb_search *s,
			       enum kmem_trust_verdict verdict)
{
	const int unknown = kmem_sb_search_unknown(s);
	char faults[160];

	switch (verdict) {
	case KMEM_TRUST_LOST:
		if (unknown >= 0)
			break;
		kmem_identity_hold(id, KMEM_HELD_LOST,
				   "the namespace is formatted, but no superblock of that format is good (%s); run kmem-persist check",
				   kmem_sb_search_faults(s, faults, sizeof(faults)));
		return -EUCLEAN;
	case KMEM_TRUST_NOT_HERE:
		if (unknown >= 0)
			break;
		kmem_identity_hold(id, KMEM_HELD_ACCEPT,
				   "no good superblock here is what persist_accept names (%s); run kmem-persist check",
				   kmem_sb_search_faults(s, faults, sizeof(faults)));
		return -EUCLEAN;
	case KMEM_TRUST_MARKER:
		kmem_identity_hold(id, KMEM_HELD_MARKER,
				   "there is a superblock, but the marker of the namespace is %s; kmem-persist adopt takes it, kmem-persist wipe removes it",
				   s->look->trust.marker == KMEM_MARKER_UNREADABLE ?
				   "unreadable" : "damaged or that of another namespace");
		return -EUCLEAN;
	case KMEM_TRUST_FOREIGN:
		kmem_identity_hold(id, KMEM_HELD_FOREIGN,
				   "not formatted on this namespace, but there is a superblock; kmem-persist adopt takes it, kmem-persist wipe removes it");
		return -EUCLEAN;
	case KMEM_TRUST_UNREADABLE:
		kmem_identity_hold(id, KMEM_HELD_UNREADABLE,
				   "nothing that tells whether there is data can be read; see ndctl list -M");
		return -EUCLEAN;
	case KMEM_TRUST_PLAIN:
	case KMEM_TRUST_ATTACH:
		return 0;
	}
	kmem_identity_hold(id, KMEM_HELD_VERSION,
			   "superblock at page %llu not usable, %s: found %#llx, wanted %#llx; use a kernel that knows it",
			   kmem_sb_places[unknown], s->fault[unknown].field,
			   s->fault[unknown].found, s->fault[unknown].wanted);
	return -EUCLEAN;
}

static int kmem_sb_search_doubt(struct kmem_identity *id, const struct kmem_sb_search *s,
				int choice)
{
	char faults[160];

	kmem_sb_search_faults(s, faults, sizeof(faults));
	if (choice == KMEM_SB_TWO_FORMATS)
		kmem_identity_hold(id, KMEM_HELD_DOUBT,
				   "superblocks differ in format (%s); run kmem-persist check",
				   faults);
	else if (choice == KMEM_SB_TWO_CONTENTS)
		kmem_identity_hold(id, KMEM_HELD_DOUBT,
				   "two superblocks are of one generation and differ (%s); kmem-persist check tells in what, kmem-persist repair --use takes one of them",
				   faults);
	else
		kmem_identity_hold(id, KMEM_HELD_DOUBT,
				   "the newest superblock may be one that cannot be read (%s); see ndctl list -M, or kmem-persist repair --use takes one that can",
				   faults);
	return -EUCLEAN;
}

/* A copy of the mask that is only old was not reached by the last update: no fault. */
static void kmem_sb_search_report(const struct kmem_identity *id,
				  const struct kmem_sb_search *s,
				  const struct kmem_persist_superblock *best)
{
	for (int i = 0; !id->quiet && i < KMEM_PERSIST_NR_PLACES; i++)
		if (le64_to_cpu(best->places) >> i & 1 &&
		    s->look->trust.copy[i] != KMEM_COPY_COUNTS)
			dev_warn(&id->dev_dax->dev, "superblock at page %llu damaged (%s: found %#llx, wanted %#llx), rewritten at attach\n",
				 kmem_sb_places[i], s->fault[i].field,
				 s->fault[i].found, s->fault[i].wanted);
}

/* There is a copy that counts: take the newest one. */
static int kmem_sb_search_choose(struct kmem_identity *id, const struct kmem_sb_search *s)
{
	unsigned int counts = 0, unreadable = 0;
	int best;

	/* What only another kernel understands may be newer. */
	if (kmem_sb_search_unknown(s) >= 0)
		return kmem_sb_search_hold(id, s, KMEM_TRUST_LOST);
	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		if (s->look->trust.copy[i] == KMEM_COPY_COUNTS)
			counts |= BIT(i);
		else if (s->look->trust.copy[i] == KMEM_COPY_UNREADABLE)
			unreadable |= BIT(i);
	}
	best = kmem_sb_choose(s->look->sb, counts, unreadable, &id->set);
	if (best < 0)
		return kmem_sb_search_doubt(id, s, best);
	kmem_sb_search_report(id, s, &s->look->sb[best]);
	id->sb = s->look->sb[best];
	return 0;
}

/**
 * kmem_search - find the superblock
 * @id: what is known about the device
 * @look: what is on it
 * @list: formats that the command line accepts
 *
 * Context: sleeps; no memory of the device is added yet. Writes nothing.
 * Return: 0 with the copy to use in @id->sb; -ENODATA if the device is plain; -EUCLEAN if
 * it has to be held, which is done.
 */
int kmem_search(struct kmem_identity *id, struct kmem_look *look, const char *list)
{
	struct kmem_sb_search s = { .look = look };
	enum kmem_trust_verdict verdict;

	kmem_sb_search_judge(id, &s, list);
	verdict = kmem_trust_decide(&look->trust);
	if (verdict == KMEM_TRUST_PLAIN)
		return -ENODATA;
	if (verdict != KMEM_TRUST_ATTACH)
		return kmem_sb_search_hold(id, &s, verdict);
	id->vouched = look->trust.accept == DAX_PERSIST_ACCEPT_UUID;
	return kmem_sb_search_choose(id, &s);
}

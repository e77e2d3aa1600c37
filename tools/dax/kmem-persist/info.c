// SPDX-License-Identifier: GPL-2.0
/*
 * What a device is, at a glance
 */
#include <errno.h>
#include <stdio.h>
#include <linux/compiler.h>
#include "check.h"
#include "cmd.h"
#include "out.h"
#include "util.h"

static void info_copy(const struct sb_copy *copy)
{
	if (!copy->rc || copy->older)
		out_str(copy->name, "page %llu, good%s, generation %llu", copy->dpn,
			copy->older ? " as one of the older format" : "",
			le64_to_cpu(copy->sb.generation));
	else if (copy->rc == -EIO)
		out_str(copy->name, "page %llu, cannot be read", copy->dpn);
	else
		out_str(copy->name, "page %llu, not good: %s: found %#llx, wanted %#llx",
			copy->dpn, copy->fault.field, copy->fault.found,
			copy->fault.wanted);
}

/* Before the device, in a file that has all of the namespace. */
static void info_marker(const struct kmem_persist *kp, const struct sb_search *s)
{
	struct kmem_persist_marker m;
	const char *verdict;

	switch (image_marker(kp, &m)) {
	case 0:
		verdict = s->use && kmem_sb_counts(&s->use->sb, &m) ?
			  "of this format" : "of another format";
		break;
	case -ENODATA:
		verdict = "none";
		break;
	case -EIO:
		verdict = "cannot be read";
		break;
	default:
		verdict = "damaged, or of another namespace";
	}
	out_str("marker", "%s", verdict);
}

static void info_fields(const struct kmem_persist_superblock *sb)
{
	const u32 type = le32_to_cpu(sb->type);
	const char *name = sb_type_name(type);
	const struct kmem_blk_superblock *bsb = sb_blk(sb);
	const struct sb_field *f = NULL;

	out_u64("type", type);
	out_str("type_name", "%s", name ? name : "not known");
	while ((f = sb_next_field(f, sb))) {
		switch (f->kind) {
		case SB_UUID:
		case SB_TEXT:
		case SB_STATE:
		case SB_TIME:
			/* What never happened is left out. */
			if (sb_field_value(f, sb) || f->kind == SB_STATE)
				sb_out_field(f, sb);
			break;
		case SB_SECRET:
			if (out_shows_secrets())
				sb_out_field(f, sb);
			break;
		default:
			break;
		}
	}
	out_u64("attach_count", le32_to_cpu(sb->attach_count));
	out_u64("unclean_count", le32_to_cpu(sb->unclean_count));
	out_bool("zero_on_free", le64_to_cpu(sb->feat_ro_compat) &
				 KMEM_PERSIST_RO_ZERO_ON_FREE);
	if (sb->reserve_bytes)
		out_bytes("reserve_bytes", le64_to_cpu(sb->reserve_bytes));
	if (sb->limit_bytes)
		out_bytes("limit_bytes", le64_to_cpu(sb->limit_bytes));
	if (type != KMEM_PERSIST_TYPE_BLK)
		return;
	out_bytes("disk_bytes", walk_bytes(le64_to_cpu(bsb->nr_lblks)));
	if (le64_to_cpu(bsb->mapped_blocks) == KMEM_BLK_COUNT_UNKNOWN)
		out_null("mapped_bytes", "not known before the next clean detach; check counts");
	else
		out_bytes("mapped_bytes",
			  walk_bytes(le64_to_cpu(bsb->mapped_blocks)));
}

/* Returns whether the kernel would hold the device for them. */
static bool info_snapshots(struct kmem_persist *kp, const struct kmem_persist_superblock *sb)
{
	struct kmem_blk_map_error error;
	struct kmem_blk_copies roots;
	struct snapshots snapshots;
	struct kmem_blk_map map;

	if (le32_to_cpu(sb->type) != KMEM_PERSIST_TYPE_BLK ||
	    blkmap_open(&map, kp, sb, &error, &roots))
		return false;
	snapshots_read(&snapshots, kp, sb, &map, NULL);
	if (snapshots.why)
		out_str("held", "%s", snapshots.why);
	if (!snapshots.use)
		return snapshots.why;
	out_list("snapshots");
	for (u32 i = 0; i < le32_to_cpu(snapshots.use->nr); i++) {
		char key[32];

		snprintf(key, sizeof(key), "%llu", le64_to_cpu(snapshots.use->record[i].id));
		out_open(out_is_json() ? NULL : key);
		snapshots_out(&snapshots.use->record[i]);
		out_close();
	}
	out_close();
	return false;
}

/**
 * cmd_info - kmem-persist info
 * @o: options
 *
 * Return: exit status.
 */
int cmd_info(const struct options *o)
{
	char accept[SB_ACCEPT_LEN];
	struct kmem_persist kp;
	struct sb_search s;
	int status;

	image_open(&kp, o->device, false, &o->where);
	sb_search_at(&kp, &s, o->at);
	if (s.rc == -ENODATA)
		need_superblock(&kp, &s);
	out_bytes("dev_bytes", walk_bytes(kp.nr_pages));
	if (kp.offset)
		out_u64("offset", kp.offset);
	for (unsigned int i = 0; i < s.nr && !(s.older && i); i++)
		info_copy(&s.copy[i]);
	if (kp.namespace)
		info_marker(&kp, &s);
	if (s.rc || s.older)
		out_str("held", "%s", s.rc ? s.why : SB_OLDER);
	if (!s.rc)
		info_fields(&s.use->sb);
	if (!s.rc && !s.older) {
		sb_accept(&s.use->sb, accept);
		out_str("accept", "%s", accept);
	}
	status = s.rc || s.older || info_snapshots(&kp, &s.use->sb) ? EXIT_UNCORRECTED :
								      EXIT_CLEAN;
	image_close(&kp);
	return status;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Format, label, adopt and wipe: what writes superblocks
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/random.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include "check.h"
#include "cmd.h"
#include "format.h"
#include "persist/map/entry.h"
#include "out.h"
#include "policy.h"
#include "persist/utf8.h"
#include "util.h"

#define FORMAT_CREATOR	"kmem-persist " KMEM_PERSIST_TOOL_VERSION
/* Disks that the kernel makes are multiples of that. */
#define FORMAT_LBLKS	256

static void format_random(void *buf, size_t len)
{
	if (getrandom(buf, len, 0) != (ssize_t)len)
		die(EXIT_OPERATIONAL, "no random numbers: %s", strerror(errno));
}

static u32 format_type(const struct options *o)
{
	u64 type;

	if (!o->type)
		return KMEM_PERSIST_TYPE_BLK;
	for (type = 0; sb_type_name(type); type++)
		if (!strcmp(o->type, sb_type_name(type)))
			return type;
	if (!parse_u64(o->type, &type) || type > ~0U || !sb_type_name(type))
		die(EXIT_USAGE, "--type %s: not known; give none or blk", o->type);
	return type;
}

/* Seconds since the epoch, or what reproducible builds want. */
static u64 format_time(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	u64 now;

	if (!epoch)
		return time(NULL);
	if (!parse_u64(epoch, &now))
		die(EXIT_USAGE, "SOURCE_DATE_EPOCH=%s: not a number", epoch);
	return now;
}

/* One that was typed. All zeroes is none. */
static void format_parse_uuid(const char *option, const char *text, u8 *uuid)
{
	static const u8 none[16];

	if (!parse_uuid(text, uuid))
		die(EXIT_USAGE,
		    "%s %s: not a UUID like 01234567-89ab-cdef-0123-456789abcdef",
		    option, text);
	if (!memcmp(uuid, none, sizeof(none)))
		die(EXIT_USAGE, "%s %s: all zeroes is none", option, text);
}

/**
 * format_new_uuid - a UUID that nobody has
 * @uuid: filled, 16 bytes
 */
void format_new_uuid(u8 *uuid)
{
	format_random(uuid, 16);
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

static void format_uuid(const struct options *o, u8 *uuid)
{
	if (o->uuid)
		format_parse_uuid("--uuid", o->uuid, uuid);
	else
		format_new_uuid(uuid);
}

/**
 * format_label - set the label, if it is one
 * @sb: the superblock
 * @label: somebody's wish
 */
void format_label(struct kmem_persist_superblock *sb, const char *label)
{
	const size_t len = strlen(label), max = sizeof(sb->label) - 1;
	const size_t good = dax_persist_utf8_len((const u8 *)label, len);
	const size_t name = strcspn(label, " /");

	/* As the kernel takes it: it becomes the name of a link. */
	if (len > max)
		die(EXIT_USAGE, "label: has %zu bytes, %zu is the limit", len, max);
	if (good != len)
		die(EXIT_USAGE, "label: byte %zu is not UTF-8, or a control character",
		    good);
	if (name != len)
		die(EXIT_USAGE, "label: byte %zu is a blank or a slash", name);
	memset(sb->label, 0, sizeof(sb->label));
	memcpy(sb->label, label, len);
}

/* RAM that the kernel takes for the leaves of a map, in one allocation. */
static u64 format_map_ram(u64 nr_lblks)
{
	return kmem_blk_level_nodes(nr_lblks, 0) * sizeof(struct kmem_blk_leaf);
}

/**
 * format_nr_lblks - how large is the disk to be?
 * @o: options
 * @kp: the device
 *
 * Return: blocks.
 */
u64 format_nr_lblks(const struct options *o, const struct kmem_persist *kp)
{
	/* More is not attached by any kernel. */
	const u64 max = kmem_blk_map_max_lblks(IMAGE_MAX_PAGES);
	/* As much as fits beside superblocks and what the kernel reserves at most. */
	u64 pages = kp->nr_pages - KMEM_PERSIST_FIRST_PAGE;
	u64 bytes, nr;

	pages -= pages / 100;
	if (!o->size) {
		nr = kmem_blk_map_max_lblks(pages);
		return nr - (nr < FORMAT_LBLKS ? 0 : nr % FORMAT_LBLKS);
	}
	if (!parse_bytes(o->size, &bytes))
		die(EXIT_USAGE,
		    "--size %s: not a number of bytes, with K, M, G or T behind it or not",
		    o->size);
	if (!bytes || bytes % KMEM_PERSIST_BLOCK_SIZE)
		die(EXIT_USAGE, "--size %s: not a multiple of %u", o->size,
		    KMEM_PERSIST_BLOCK_SIZE);
	nr = bytes >> KMEM_PERSIST_BLOCK_SHIFT;
	if (nr > max)
		die(EXIT_USAGE,
		    "--size %s: the map of such a disk takes %llu MiB of RAM in one piece while it is in use, a kernel has pieces of up to 2047 MiB: %llu TiB is the most",
		    o->size, format_map_ram(nr) >> 20, walk_bytes(max) >> 40);
	return nr;
}

static u32 format_seed(const struct options *o)
{
	u64 seed;
	u32 random;

	if (!o->seed) {
		format_random(&random, sizeof(random));
		return random;
	}
	if (!parse_u64(o->seed, &seed) || seed > ~0U)
		die(EXIT_USAGE, "--seed %s: not a number of 32 bits", o->seed);
	return seed;
}

/* A magic anywhere is somebody's data. */
static void format_refuse(const struct kmem_persist *kp, const struct sb_search *s)
{
	if (s->rc != -ENODATA)
		die(EXIT_OPERATIONAL,
		    "%s: has a superblock already; --force destroys what it describes",
		    kp->name);
}

/* A format begins above all that it has seen: what of that stays can never be newer. */
static __le64 format_generation(const struct sb_search *s)
{
	const u64 seen = sb_seen(s);

	return cpu_to_le64(seen == ~0ULL ? 0 : seen);
}

/*
 * On a namespace a superblock counts only if the kernel knows of it. It is told here what
 * to expect when it gets the device next; a kernel that does not ask is none of ours.
 */
static void format_tell_kernel(const struct kmem_persist *kp, const char *what)
{
	int err;

	if (!*kp->sysfs)
		return;
	err = image_accept(kp, what);
	if (err && err != -ENOENT)
		die(EXIT_OPERATIONAL, "%s: %s/persist_accept cannot be written: %s",
		    kp->name, kp->sysfs, strerror(-err));
	out_bool("kernel_told", !err);
}

static void format_accept(const struct kmem_persist *kp,
			  const struct kmem_persist_superblock *sb)
{
	char accept[SB_ACCEPT_LEN];

	sb_accept(sb, accept);
	out_str("accept", "%s", accept);
	format_tell_kernel(kp, accept);
}

/**
 * format_open - open what is to be formatted, and make its superblock
 * @f: filled, but for the disk
 * @o: options
 * @type: KMEM_PERSIST_TYPE_*
 *
 * Nothing is written.
 */
void format_open(struct format *f, const struct options *o, u32 type)
{
	struct kmem_persist_superblock *sb = &f->sb;
	struct kmem_persist *kp = &f->kp;

	image_open(kp, o->device, !o->dry_run, &o->where);
	sb_search(kp, &f->s);
	if (!o->force)
		format_refuse(kp, &f->s);
	if (kp->nr_pages < KMEM_PERSIST_MIN_PAGES)
		die(EXIT_OPERATIONAL, "%s: %llu pages are too few, a device has at least %u",
		    kp->name, kp->nr_pages, KMEM_PERSIST_MIN_PAGES);
	kmem_sb_init(sb, type, kp->nr_pages);
	sb->generation = format_generation(&f->s);
	format_random(sb->key, sizeof(sb->key));
	format_uuid(o, sb->uuid);
	memcpy(sb->ns_uuid, kp->ns_uuid, sizeof(sb->ns_uuid));
	sb->format_time = cpu_to_le64(format_time());
	sb->state = cpu_to_le32(KMEM_PERSIST_STATE_CLEAN);
	memcpy(sb->creator, FORMAT_CREATOR, sizeof(FORMAT_CREATOR) - 1);
	if (o->label)
		format_label(sb, o->label);
	f->nr_lblks = 0;
}

/*
 * What a device was known by on this machine: empty for a file, and where nobody can tell.
 * Other kernels are kept from it until it is really gone.
 */
static void format_known_uuid(const struct kmem_persist *kp, const struct sb_search *s,
			      char *uuid)
{
	*uuid = '\0';
	if (*kp->sysfs && !s->rc)
		text_uuid(uuid, s->use->sb.uuid);
}

/**
 * format_erase - from here on what was there is lost
 * @f: the device, writable; the map of its disk, if it has one, is empty then
 * @o: options
 */
void format_erase(struct format *f, const struct options *o)
{
	static const struct kmem_blk_copies root = { FORMAT_ROOT_DPN, FORMAT_ROOT_TWIN };
	const u32 seed = f->nr_lblks ? format_seed(o) : 0;
	char uuid[37];

	format_known_uuid(&f->kp, &f->s, uuid);
	sb_erase_places(&f->kp);
	known_remove(uuid);
	if (f->nr_lblks && kmem_blk_map_format(&f->kp, (void *)f->sb.plugin, f->nr_lblks,
					       seed, &root))
		die(EXIT_OPERATIONAL, "%s: the map cannot be laid out", f->kp.name);
}

/**
 * format_write - write the superblock: now there is something
 * @f: the device, on which all that the superblock leads to is durable
 */
void format_write(struct format *f)
{
	if (kmem_sb_write_first(&f->kp.media, &f->sb, &f->s.set))
		die(EXIT_OPERATIONAL,
		    "%s: a place does not take the superblock; see ndctl clear-errors",
		    f->kp.name);
}

/**
 * format_show - what was, or would be, made; and tell the kernel
 * @f: the device
 * @o: options
 */
void format_show(const struct format *f, const struct options *o)
{
	out_str("type_name", "%s", sb_type_name(le32_to_cpu(f->sb.type)));
	out_uuid("uuid", f->sb.uuid);
	out_bytes("dev_bytes", walk_bytes(f->kp.nr_pages));
	if (f->nr_lblks) {
		out_bytes("disk_bytes", walk_bytes(f->nr_lblks));
		out_bytes("map_ram_bytes", format_map_ram(f->nr_lblks));
	}
	out_bool("written", !o->dry_run);
	if (!o->dry_run)
		format_accept(&f->kp, &f->sb);
}

/**
 * cmd_format - kmem-persist format
 * @o: options
 *
 * Return: exit status.
 */
int cmd_format(const struct options *o)
{
	const u32 type = format_type(o);
	struct format f;

	if (type != KMEM_PERSIST_TYPE_BLK && (o->size || o->seed))
		die(EXIT_USAGE, "--size and --seed are for type blk");
	format_open(&f, o, type);
	if (type == KMEM_PERSIST_TYPE_BLK)
		f.nr_lblks = format_nr_lblks(o, &f.kp);
	if (!o->dry_run) {
		format_erase(&f, o);
		format_write(&f);
	}
	format_show(&f, o);
	image_close(&f.kp);
	return EXIT_CLEAN;
}

static void need_writable_sb(const struct kmem_persist *kp, const struct sb_search *s)
{
	need_ours(kp, s);
	if (le32_to_cpu(s->use->sb.state) & KMEM_PERSIST_STATE_READONLY)
		die(EXIT_OPERATIONAL,
		    "%s: its superblock says that nothing may be written", kp->name);
}

/* What adopt changes on the media: of a device nothing, if nobody wants a new uuid. */
static void adopt_change(const struct options *o, struct kmem_persist_superblock *sb)
{
	if (o->new_uuid || o->uuid) {
		memcpy(sb->meta_uuid, kmem_sb_meta_uuid(sb), sizeof(sb->meta_uuid));
		format_uuid(o, sb->uuid);
	}
	if (o->ns_uuid)
		format_parse_uuid("--ns-uuid", o->ns_uuid, sb->ns_uuid);
}

/* From now on it is data of this machine, under its new UUID, that others are kept from. */
static void adopt_know(const struct kmem_persist *kp, const struct kmem_persist_superblock *was,
		       const struct kmem_persist_superblock *sb)
{
	struct dax_dev d;
	char uuid[37];

	if (!*kp->sysfs || !dax_name(&d, kp->name))
		return;
	text_uuid(uuid, sb->uuid);
	known_add(&d, uuid);
	if (!memcmp(was->uuid, sb->uuid, sizeof(sb->uuid)))
		return;
	text_uuid(uuid, was->uuid);
	known_remove(uuid);
}

/**
 * cmd_adopt - kmem-persist adopt
 * @o: options
 *
 * Somebody who has seen what is on a device says that it belongs there: after a
 * namespace was made again, or what was saved was copied back.
 *
 * Return: exit status.
 */
int cmd_adopt(const struct options *o)
{
	const bool change = o->new_uuid || o->uuid || o->ns_uuid;
	struct kmem_persist_superblock was, sb;
	struct kmem_persist kp;
	struct check c;

	image_open(&kp, o->device, o->yes && change, &o->where);
	check_open(&c, &kp, true);
	need_ours(&kp, &c.s);
	check_show(&c);
	if (*kp.sysfs && o->ns_uuid)
		die(EXIT_USAGE, "--ns-uuid is for files, the kernel knows that of a device");
	if (!*kp.sysfs && !change)
		die(EXIT_USAGE,
		    "%s: is a file, no kernel asks for it; --new-uuid and --ns-uuid change it",
		    kp.name);
	if (o->yes == o->dry_run)
		die(EXIT_USAGE,
		    "if that is what belongs there: add --yes, or --dry-run to change nothing");
	if (change)
		need_writable_sb(&kp, &c.s);

	was = c.s.use->sb;
	sb = was;
	adopt_change(o, &sb);
	if (o->yes && change)
		sb_update(&kp, &c.s, &sb);
	if (change) {
		out_uuid("adopted_uuid", sb.uuid);
		out_uuid("adopted_ns_uuid", sb.ns_uuid);
	}
	if (o->yes) {
		adopt_know(&kp, &was, &sb);
		format_accept(&kp, &sb);
	}
	out_bool("written", o->yes);
	check_close(&c);
	image_close(&kp);
	return EXIT_CLEAN;
}

/**
 * cmd_label - kmem-persist label
 * @o: options
 *
 * Return: exit status.
 */
int cmd_label(const struct options *o)
{
	const bool write = o->arg && !o->dry_run;
	struct kmem_persist_superblock sb;
	struct kmem_persist kp;
	struct sb_search s;

	image_open(&kp, o->device, write, &o->where);
	sb_search(&kp, &s);
	need_superblock(&kp, &s);
	sb = s.use->sb;
	if (o->arg) {
		need_writable_sb(&kp, &s);
		format_label(&sb, o->arg);
	}
	if (write)
		sb_update(&kp, &s, &sb);
	out_text("label", sb.label, sb_text_len(sb.label, sizeof(sb.label)));
	if (o->arg)
		out_bool("written", write);
	image_close(&kp);
	return EXIT_CLEAN;
}

/* Is there anything that somebody may want back? */
static const char *wipe_data(struct kmem_persist *kp)
{
	const char *why = NULL;
	struct check c;

	check_open(&c, kp, true);
	if (c.s.rc == -ENODATA)
		why = NULL;
	else if (c.s.rc)
		why = "nobody can tell what is on it";
	else if (!sb_type_name(le32_to_cpu(c.s.use->sb.type)))
		why = "it is of a type that is not known";
	else if (c.map_refused || c.w.nr_bad)
		why = "its map is damaged, but there is one";
	else if (c.w.nr_data || c.w.nr_lost)
		why = "its disk holds data";
	check_close(&c);
	return why;
}

/* That of a device is out of reach: the kernel erases it when it is told. */
static void wipe_marker(const struct kmem_persist *kp)
{
	int err;

	format_tell_kernel(kp, "none");
	err = kp->namespace ? image_unmark(kp) : 0;
	if (err)
		die(EXIT_OPERATIONAL, "%s: the marker cannot be erased: %s", kp->name,
		    strerror(-err));
}

/**
 * cmd_wipe - kmem-persist wipe
 * @o: options
 *
 * Return: exit status.
 */
int cmd_wipe(const struct options *o)
{
	struct kmem_persist kp;
	struct sb_search s;
	const char *why;
	char uuid[37];

	image_open(&kp, o->device, !o->dry_run, &o->where);
	why = o->force ? NULL : wipe_data(&kp);
	if (why)
		die(EXIT_OPERATIONAL, "%s: %s; --force wipes it all the same", kp.name,
		    why);

	out_list("erased");
	for (unsigned int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		if (sb_place_has_magic(&kp, kmem_sb_places[i]))
			out_u64(out_is_json() ? NULL : "page", kmem_sb_places[i]);
	out_close();
	if (!o->dry_run) {
		sb_search(&kp, &s);
		format_known_uuid(&kp, &s, uuid);
		/* First: with it, and no superblock, the device would be held. */
		wipe_marker(&kp);
		sb_erase_places(&kp);
		known_remove(uuid);
	}
	out_bool("written", !o->dry_run);
	image_close(&kp);
	return EXIT_CLEAN;
}

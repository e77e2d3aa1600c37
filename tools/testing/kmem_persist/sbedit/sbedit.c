// SPDX-License-Identifier: GPL-2.0
/*
 * sbedit - look at and damage what persistent KMEM DAX has left in the image of
 * an NVDIMM; for tests. It shares the header of the format with the kernel and no
 * code: it is a second reading of the format's description.
 *
 * COPY is primary, second, third, backup, or all of them: both. Numbers may be decimal or 0x.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/kmem_persist.h>
#include "../guest/crc32c.h"

#define BLOCK		KMEM_PERSIST_BLOCK_SIZE
#define LABEL_AREA	131072	/* of QEMU's NVDIMM, the end of the image */

static const char usage[] =
"usage: sbedit IMAGE COMMAND\n"
"  info                     where the DAX device is in the image\n"
"  show COPY                all fields, one FIELD=VALUE a line\n"
"  get COPY FIELD\n"
"  set COPY FIELD=VALUE...  and make the checksum right again\n"
"  damage COPY [OFFSET]     flip a bit and leave the checksum\n"
"  wipe COPY                zero it\n"
"  marker                   is there a marker, and of which format?\n"
"  mark                     write the marker for the primary\n"
"  unmark                   zero it\n"
"  magic OFFSET             write a magic there, bytes from the start of the image\n"
"  flip DPN OFFSET          flip a bit of any page\n"
"  check                    is everything as the format demands, map included?\n"
"  root                     dpn of the root node of the map\n"
"  directory                dpns of the directory of snapshots and its twin, 0 for none\n"
"  snapshot LABEL           dpn of its root\n"
"  extract FILE [LABEL]     write the disk that the map, or a snapshot, describes\n";

static int fd;
static uint64_t dev_off, dev_pages;
static uint8_t ns_uuid[16];

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("sbedit: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

static unsigned int nr_faults;

static void __attribute__((format(printf, 1, 2))) fault(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("sbedit: check: ", stdout);
	vfprintf(stdout, fmt, args);
	fputc('\n', stdout);
	va_end(args);
	nr_faults++;
}

static uint64_t number(const char *s)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(s, &end, 0);
	if (errno || end == s || *end)
		die("'%s' is not a number", s);
	return n;
}

static void image_read(uint64_t off, void *buf, size_t len)
{
	if (pread(fd, buf, len, off) != (ssize_t)len)
		die("cannot read %zu bytes at %llu", len, (unsigned long long)off);
}

static void image_write(uint64_t off, const void *buf, size_t len)
{
	if (pwrite(fd, buf, len, off) != (ssize_t)len)
		die("cannot write %zu bytes at %llu", len, (unsigned long long)off);
}

static void page_read(uint64_t dpn, void *buf)
{
	if (dpn >= dev_pages)
		die("page %llu is not in the device", (unsigned long long)dpn);
	image_read(dev_off + dpn * BLOCK, buf, BLOCK);
}

static void page_write(uint64_t dpn, const void *buf)
{
	if (dpn >= dev_pages)
		die("page %llu is not in the device", (unsigned long long)dpn);
	image_write(dev_off + dpn * BLOCK, buf, BLOCK);
}

/* The namespace is the whole image but the labels; its info block says more. */
static void find_device(void)
{
	struct {
		char signature[16];
		uint8_t uuid[16], parent_uuid[16];
		uint32_t flags;
		uint16_t major, minor;
		uint64_t dataoff;
		uint64_t npfns;
		uint32_t mode, start_pad, end_trunc;
	} info;
	struct stat st;

	if (fstat(fd, &st))
		die("cannot stat the image");
	image_read(4096, &info, sizeof(info));
	if (memcmp(info.signature, "NVDIMM_DAX_INFO", 16))
		die("there is no devdax namespace in the image");
	memcpy(ns_uuid, info.uuid, sizeof(ns_uuid));
	dev_off = le64toh(info.dataoff) + le32toh(info.start_pad);
	dev_pages = (st.st_size - LABEL_AREA - le32toh(info.end_trunc) - dev_off) /
		    BLOCK;
}

static uint32_t sb_csum(const struct kmem_persist_superblock *sb)
{
	struct kmem_persist_superblock copy = *sb;

	copy.csum = 0;
	return ~crc32c(~0U, &copy, sizeof(copy));
}

/* Fields by name. */

#define FIELD(_name) { #_name, offsetof(struct kmem_persist_superblock, _name), \
		       sizeof(((struct kmem_persist_superblock *)0)->_name) }
#define BLK_FIELD(_name) { #_name, \
	offsetof(struct kmem_persist_superblock, plugin) + \
	offsetof(struct kmem_blk_superblock, _name), \
	sizeof(((struct kmem_blk_superblock *)0)->_name) }

static const struct field {
	const char *name;
	size_t off, size;
} fields[] = {
	FIELD(magic), FIELD(type), FIELD(csum), FIELD(version_major),
	FIELD(version_minor), FIELD(block_shift), FIELD(csum_type), FIELD(zero0),
	FIELD(feat_compat), FIELD(feat_ro_compat), FIELD(feat_incompat),
	FIELD(uuid), FIELD(ns_uuid), FIELD(label), FIELD(generation),
	FIELD(this_dpn), FIELD(places), FIELD(dev_bytes), FIELD(state),
	FIELD(use_bytes), FIELD(desc_first),
	FIELD(memblock_mib), FIELD(format_time), FIELD(attach_time),
	FIELD(detach_time), FIELD(attach_count), FIELD(unclean_count),
	FIELD(error_count), FIELD(error_last), FIELD(error_first_time),
	FIELD(error_last_time), FIELD(error_first_dpn), FIELD(error_last_dpn),
	FIELD(reserve_bytes), FIELD(limit_bytes), FIELD(boot_id), FIELD(creator),
	FIELD(meta_uuid), FIELD(key),
	BLK_FIELD(nr_lblks), BLK_FIELD(root), BLK_FIELD(entry_seed),
	BLK_FIELD(node_shift), BLK_FIELD(mapped_blocks), BLK_FIELD(node_pages),
	BLK_FIELD(badlist),
	{ NULL },
};

static const struct field *find_field(const char *name, size_t len)
{
	const struct field *f;

	for (f = fields; f->name; f++)
		if (strlen(f->name) == len && !memcmp(f->name, name, len))
			return f;
	die("there is no field '%.*s'", (int)len, name);
}

static void print_field(const struct kmem_persist_superblock *sb,
			const struct field *f)
{
	const uint8_t *p = (const uint8_t *)sb + f->off;
	uint64_t val = 0;
	size_t i;

	if (f->size == 16) {
		for (i = 0; i < 16; i++)
			printf("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			       p[i]);
	} else if (f->size > 8) {
		printf("%.*s", (int)f->size, p);
	} else {
		memcpy(&val, p, f->size);
		val = le64toh(val);
		if (f->off == 0 || f->off == offsetof(struct kmem_persist_superblock, csum))
			printf("%#llx", (unsigned long long)val);
		else
			printf("%llu", (unsigned long long)val);
	}
	putchar('\n');
}

static void set_field(struct kmem_persist_superblock *sb, const char *arg)
{
	const char *eq = strchr(arg, '=');
	const struct field *f;
	uint64_t val;
	uint8_t *p;
	int i;

	if (!eq)
		die("'%s' is not FIELD=VALUE", arg);
	f = find_field(arg, eq - arg);
	p = (uint8_t *)sb + f->off;
	/* What is no UUID is text. */
	if (f->size == 16 && strspn(eq + 1, "0123456789abcdef-") == strlen(eq + 1)) {
		for (eq++, i = 0; i < 32; eq++) {
			const char *digits = "0123456789abcdef", *digit;

			if (*eq == '-')
				continue;
			digit = *eq ? strchr(digits, *eq) : NULL;
			if (!digit)
				die("'%s': not 32 digits", arg);
			p[i / 2] = p[i / 2] << 4 | (digit - digits);
			i++;
		}
	} else if (f->size > 8) {
		memset(p, 0, f->size);
		memcpy(p, eq + 1, strnlen(eq + 1, f->size));
	} else {
		val = htole64(number(eq + 1));
		memcpy(p, &val, f->size);
	}
}

#define NR_COPIES	KMEM_PERSIST_NR_PLACES

static const char *const copy_names[NR_COPIES] = { "primary", "second", "third", "backup" };

/* A bit per copy. */
static int which_copy(const char *name)
{
	for (int i = 0; i < NR_COPIES; i++)
		if (!strcmp(name, copy_names[i]))
			return 1 << i;
	if (!strcmp(name, "both"))
		return (1 << NR_COPIES) - 1;
	die("there is no copy '%s'", name);
}

static uint64_t copy_dpn(int copy)
{
	static const uint64_t places[NR_COPIES] = KMEM_PERSIST_PLACES;

	return places[copy];
}

/* The marker is at the beginning of the namespace, which is that of the image. */

static const uint8_t *meta_uuid(const struct kmem_persist_superblock *s)
{
	static const uint8_t zero[16];

	return memcmp(s->meta_uuid, zero, sizeof(zero)) ? s->meta_uuid : s->uuid;
}

static uint32_t marker_csum(const struct kmem_persist_marker *m)
{
	struct kmem_persist_marker copy = *m;

	copy.csum = 0;
	return ~crc32c(~0U, &copy, sizeof(copy));
}

static void marker_show(const struct kmem_persist_superblock *s)
{
	struct kmem_persist_marker m;

	image_read(0, &m, sizeof(m));
	if (le64toh(m.magic) != KMEM_PERSIST_MARKER_MAGIC)
		puts("none");
	else if (le32toh(m.csum) != marker_csum(&m))
		puts("damaged");
	else if (memcmp(m.ns_uuid, ns_uuid, sizeof(ns_uuid)))
		puts("of another namespace");
	else if (memcmp(m.meta_uuid, meta_uuid(s), sizeof(m.meta_uuid)) ||
		 memcmp(m.key, s->key, sizeof(m.key)))
		puts("of another format");
	else
		puts("good");
}

static void marker_write(const struct kmem_persist_superblock *s)
{
	struct kmem_persist_marker m = { .magic = htole64(KMEM_PERSIST_MARKER_MAGIC) };

	if (s) {
		memcpy(m.ns_uuid, ns_uuid, sizeof(m.ns_uuid));
		memcpy(m.meta_uuid, meta_uuid(s), sizeof(m.meta_uuid));
		memcpy(m.key, s->key, sizeof(m.key));
		m.csum = htole32(marker_csum(&m));
	} else {
		memset(&m, 0, sizeof(m));
	}
	image_write(0, &m, sizeof(m));
}

/*
 * Check of the map.
 */

static struct kmem_persist_superblock sb;
static struct kmem_blk_superblock *bsb = (void *)sb.plugin;
static uint8_t *seen;		/* a byte per page */
static uint64_t *place;		/* of what trees may have in common: where it is referred to */
static bool shares;		/* a tree beside that of the disk */
static uint64_t nr_lblks;
static uint64_t nr_data, nr_lost, nr_nodes, nr_differ;
static int out_fd = -1, out_wanted = -1;
static const char *out_label;
static uint64_t out_lblks;

static void refer(uint64_t dpn, const char *what, uint64_t index)
{
	if (dpn >= dev_pages)
		fault("%s %llu: page %llu is not in the device", what,
		      (unsigned long long)index, (unsigned long long)dpn);
	else if (seen[dpn]++)
		fault("%s %llu: page %llu is referred to twice", what,
		      (unsigned long long)index, (unsigned long long)dpn);
}

/* A leaf or a block: of any number of trees, at one place. Returns whether it was met before. */
static bool refer_shared(uint64_t dpn, const char *what, unsigned int level, uint64_t index)
{
	const uint64_t at = (uint64_t)(level + 1) << 56 | index;

	if (shares && dpn < dev_pages && seen[dpn] && place[dpn] == at)
		return true;
	refer(dpn, what, index);
	if (dpn < dev_pages)
		place[dpn] = at;
	return false;
}

static uint32_t entry_check(uint64_t entry, unsigned int level, uint64_t index)
{
	uint64_t words[2] = {
		htole64((uint64_t)level << 56 | index),
		htole64(entry & KMEM_BLK_ENTRY_LOW_MASK),
	};
	uint32_t check = crc32c(le32toh(bsb->entry_seed), words, sizeof(words)) >> 12;

	return check ? check : 0xfffff;
}

/* Returns the type, -1 if the entry is damaged. */
static int entry_type(uint64_t entry, unsigned int level, uint64_t index)
{
	int type = entry >> KMEM_BLK_ENTRY_TYPE_SHIFT & KMEM_BLK_ENTRY_TYPE_MASK;
	uint64_t dpn = entry & KMEM_BLK_ENTRY_DPN_MASK;

	if (entry >> KMEM_BLK_ENTRY_CHECK_SHIFT != entry_check(entry, level, index)) {
		fault("entry %llu of level %u: %#llx has a wrong check",
		      (unsigned long long)index, level, (unsigned long long)entry);
		return -1;
	}
	if (type < KMEM_BLK_ENTRY_NODE && type != KMEM_BLK_ENTRY_DATA && dpn) {
		fault("entry %llu of level %u: %#llx refers to a page",
		      (unsigned long long)index, level, (unsigned long long)entry);
		return -1;
	}
	return type;
}

static void walk(uint64_t entry, unsigned int level, uint64_t index);

static void walk_node(uint64_t dpn, unsigned int level, uint64_t index)
{
	uint64_t ents[KMEM_BLK_NODE_ENTRIES];
	bool known = false;
	unsigned int i;

	if (level)
		refer(dpn, "node", index);
	else
		known = refer_shared(dpn, "leaf", 0x40, index);
	if (dpn >= dev_pages)
		return;
	nr_nodes += !known;
	page_read(dpn, ents);
	for (i = 0; i < KMEM_BLK_NODE_ENTRIES; i++) {
		uint64_t at = index << KMEM_BLK_NODE_SHIFT | i;

		/* Behind the end of the disk there is nothing to look at. */
		if (at << 9 * level < nr_lblks)
			walk(le64toh(ents[i]), level, at);
	}
}

/*
 * The second tree, above the same leaves: node @index of @level in page @twin is that in
 * page @dpn. Only a crash leaves them different, or a node that has lost its twin.
 */
static void walk_twin(uint64_t dpn, uint64_t twin, unsigned int level, uint64_t index)
{
	uint64_t ents[KMEM_BLK_NODE_ENTRIES], twins[KMEM_BLK_NODE_ENTRIES];
	unsigned int i;

	if (dpn == twin || !level)
		return;
	refer(twin, "twin of node", index);
	if (dpn >= dev_pages || twin >= dev_pages)
		return;
	nr_nodes++;
	page_read(dpn, ents);
	page_read(twin, twins);
	for (i = 0; i < KMEM_BLK_NODE_ENTRIES; i++) {
		uint64_t at = index << KMEM_BLK_NODE_SHIFT | i;
		uint64_t a = le64toh(ents[i]), b = le64toh(twins[i]);
		int type = entry_type(b, level, at);

		if (type != (int)(a >> KMEM_BLK_ENTRY_TYPE_SHIFT & KMEM_BLK_ENTRY_TYPE_MASK) ||
		    (level == 1 && a != b)) {
			nr_differ++;
			continue;
		}
		if (level > 1 && type >= KMEM_BLK_ENTRY_NODE)
			walk_twin(a & KMEM_BLK_ENTRY_DPN_MASK, b & KMEM_BLK_ENTRY_DPN_MASK,
				  level - 1, at);
	}
}

/* An entry at @index of @level. */
static void walk(uint64_t entry, unsigned int level, uint64_t index)
{
	int type = entry_type(entry, level, index);
	uint64_t dpn = entry & KMEM_BLK_ENTRY_DPN_MASK;
	uint8_t block[BLOCK];

	if (type <= KMEM_BLK_ENTRY_HOLE)
		return;
	if (type == KMEM_BLK_ENTRY_LOST) {
		uint64_t nr = 1ULL << KMEM_BLK_NODE_SHIFT * level, first = index * nr;
		uint64_t end = nr_lblks;

		nr_lost += first + nr <= end ? nr : end - first;
		return;
	}
	if (level) {
		if (type != KMEM_BLK_ENTRY_NODE + (int)level - 1)
			fault("entry %llu of level %u: type %d",
			      (unsigned long long)index, level, type);
		else
			walk_node(dpn, level - 1, index);
		return;
	}
	if (type != KMEM_BLK_ENTRY_DATA) {
		fault("block %llu: type %d", (unsigned long long)index, type);
		return;
	}
	nr_data += !refer_shared(dpn, "block", 0, index);
	if (out_fd >= 0 && dpn < dev_pages) {
		page_read(dpn, block);
		if (pwrite(out_fd, block, BLOCK, index * BLOCK) != BLOCK)
			die("cannot write the disk");
	}
}

static unsigned int root_level(void)
{
	unsigned int level = 0;

	while (level < KMEM_BLK_MAX_LEVEL && nr_lblks > 1ULL << 9 * (level + 1))
		level++;
	return level;
}

static uint64_t directory_dpn(int i)
{
	return le64toh(bsb->reserved_root[i]) & KMEM_BLK_ENTRY_DPN_MASK;
}

static uint32_t directory_csum(const struct kmem_blk_directory *dir)
{
	struct kmem_blk_directory copy = *dir;

	copy.csum = 0;
	return ~crc32c(crc32c(~0U, sb.key, sizeof(sb.key)), &copy, sizeof(copy));
}

/* What the superblock says of a directory, and one copy of it. False if there is none. */
static bool directory_read(struct kmem_blk_directory *dir)
{
	const bool wanted = le64toh(sb.feat_incompat) & KMEM_BLK_INCOMPAT_SNAPSHOTS;
	struct kmem_blk_directory copies[2];

	for (int i = 0; i < 2; i++) {
		int type = entry_type(le64toh(bsb->reserved_root[i]), KMEM_BLK_LEVEL_SB, 1 + i);

		if (type != (wanted ? KMEM_BLK_ENTRY_PAGE : KMEM_BLK_ENTRY_HOLE)) {
			fault("reserved_root[%d]: type %d", i, type);
			return false;
		}
		if (!wanted)
			continue;
		refer(directory_dpn(i), "directory", i);
		page_read(directory_dpn(i), &copies[i]);
		if (le64toh(copies[i].magic) != KMEM_BLK_DIRECTORY_MAGIC ||
		    le64toh(copies[i].this_dpn) != directory_dpn(i) ||
		    le32toh(copies[i].csum) != directory_csum(&copies[i]) ||
		    le32toh(copies[i].nr) > KMEM_BLK_MAX_SNAPSHOTS ||
		    le64toh(copies[i].generation) > le64toh(sb.generation)) {
			fault("copy %d of the directory is damaged", i);
			return false;
		}
	}
	if (wanted && memcmp(&copies[0].generation, &copies[1].generation,
			     BLOCK - offsetof(struct kmem_blk_directory, generation)))
		fault("the copies of the directory differ");
	*dir = copies[0];
	return wanted;
}

static void check_snapshots(void)
{
	struct kmem_blk_directory dir;

	if (!directory_read(&dir))
		return;
	shares = true;
	for (uint32_t i = 0; i < le32toh(dir.nr); i++) {
		const struct kmem_blk_record *r = &dir.record[i];
		const uint64_t root = le64toh(r->root);
		unsigned int level;
		int type;

		nr_lblks = le64toh(r->nr_lblks);
		level = root_level();
		type = entry_type(root, level + 1, 0);
		if (type == KMEM_BLK_ENTRY_HOLE && le64toh(r->flags) & KMEM_BLK_SNAPSHOT_DAMAGED)
			continue;
		if (type != KMEM_BLK_ENTRY_NODE + (int)level || !level || r->root_twin) {
			fault("snapshot %llu: type %d, level is %u",
			      (unsigned long long)le64toh(r->id), type, level);
			continue;
		}
		out_fd = out_label && !strncmp((const char *)r->label, out_label,
					       sizeof(r->label)) ? out_wanted : -1;
		walk_node(root & KMEM_BLK_ENTRY_DPN_MASK, level, 0);
		if (out_fd >= 0)
			out_lblks = nr_lblks;
	}
}

static void check_map(void)
{
	uint64_t entry = le64toh(bsb->root), twin = le64toh(bsb->root_twin);
	unsigned int level;
	int type;

	nr_lblks = le64toh(bsb->nr_lblks);
	out_lblks = nr_lblks;
	level = root_level();
	if (!bsb->nr_lblks)
		fault("nr_lblks is 0");
	if (le32toh(bsb->node_shift) != KMEM_BLK_NODE_SHIFT)
		fault("node_shift is %u", le32toh(bsb->node_shift));
	entry_type(le64toh(bsb->badlist), KMEM_BLK_LEVEL_SB, 0);
	type = entry_type(entry, level + 1, 0);
	if (type != KMEM_BLK_ENTRY_NODE + (int)level)
		fault("root: type %d, level is %u", type, level);
	else
		walk_node(entry & KMEM_BLK_ENTRY_DPN_MASK, level, 0);
	if (bsb->root_twin) {
		type = entry_type(twin, level + 1, 0);
		if (type != KMEM_BLK_ENTRY_NODE + (int)level || !level)
			fault("root_twin: type %d, level is %u", type, level);
		else
			walk_twin(entry & KMEM_BLK_ENTRY_DPN_MASK,
				  twin & KMEM_BLK_ENTRY_DPN_MASK, level, 0);
	}
	if (nr_differ && le32toh(sb.state) & KMEM_PERSIST_STATE_CLEAN)
		fault("%llu entries of twins differ", (unsigned long long)nr_differ);

	if (le64toh(bsb->mapped_blocks) != KMEM_BLK_COUNT_UNKNOWN &&
	    le64toh(bsb->mapped_blocks) != nr_data &&
	    le32toh(sb.state) & KMEM_PERSIST_STATE_CLEAN)
		fault("mapped_blocks is %llu, the map has %llu",
		      (unsigned long long)le64toh(bsb->mapped_blocks),
		      (unsigned long long)nr_data);
	if (le64toh(bsb->node_pages) != KMEM_BLK_COUNT_UNKNOWN &&
	    le64toh(bsb->node_pages) != nr_nodes &&
	    le32toh(sb.state) & KMEM_PERSIST_STATE_CLEAN)
		fault("node_pages is %llu, the map has %llu",
		      (unsigned long long)le64toh(bsb->node_pages),
		      (unsigned long long)nr_nodes);
}

static int check_copy(int copy, struct kmem_persist_superblock *s)
{
	const char *name = copy_names[copy];
	size_t i;

	page_read(copy_dpn(copy), s);
	if (le64toh(s->magic) != KMEM_PERSIST_MAGIC) {
		fault("%s: no magic", name);
		return -1;
	}
	if (le32toh(s->csum) != sb_csum(s)) {
		fault("%s: checksum %#x, wanted %#x", name, le32toh(s->csum), sb_csum(s));
		return -1;
	}
	if (le16toh(s->version_major) != 1 || le16toh(s->version_minor) != 0)
		fault("%s: version %u.%u", name, le16toh(s->version_major),
		      le16toh(s->version_minor));
	if (s->block_shift != 12 || s->csum_type != 1 || s->zero0)
		fault("%s: block_shift, csum_type or zero0", name);
	if (s->feat_compat || (le64toh(s->feat_incompat) & ~KMEM_BLK_INCOMPAT_SNAPSHOTS) ||
	    (le64toh(s->feat_ro_compat) & ~KMEM_PERSIST_RO_ZERO_ON_FREE))
		fault("%s: features of no released version", name);
	if (le64toh(s->this_dpn) != copy_dpn(copy))
		fault("%s: this_dpn is %llu", name,
		      (unsigned long long)le64toh(s->this_dpn));
	if (le64toh(s->places) & ~KMEM_PERSIST_PLACES_ALL ||
	    !(le64toh(s->places) >> copy & 1))
		fault("%s: places is %#llx", name,
		      (unsigned long long)le64toh(s->places));
	for (i = 0; i < sizeof(s->key) && !s->key[i]; i++)
		;
	if (i == sizeof(s->key))
		fault("%s: the key is zero", name);
	if (le64toh(s->dev_bytes) != dev_pages * BLOCK)
		fault("%s: dev_bytes is %llu", name,
		      (unsigned long long)le64toh(s->dev_bytes));
	for (i = 0; i < sizeof(s->zero1); i++)
		if (s->zero1[i])
			fault("%s: byte %zu of zero1 is not zero", name, i);
	if (s->use_bytes || s->desc_first)
		fault("%s: use_bytes or desc_first is not zero", name);
	for (i = 0; i < sizeof(s->reserved_area); i++)
		if (((const uint8_t *)s->reserved_area)[i])
			fault("%s: byte %zu of reserved_area is not zero", name, i);
	for (i = 0; i < sizeof(s->zero2); i++)
		if (s->zero2[i])
			fault("%s: byte %zu of zero2 is not zero", name, i);
	return 0;
}

static void check(void)
{
	struct kmem_persist_superblock other;
	bool any = false;
	int64_t ahead;
	uint64_t i;

	for (int copy = 0; copy < NR_COPIES; copy++) {
		if (check_copy(copy, &other))
			continue;
		if (any && memcmp(sb.uuid, other.uuid, sizeof(sb.uuid)))
			fault("the copies differ in uuid");
		/* A crash in an update leaves some with the one before. */
		ahead = le64toh(other.generation) - le64toh(sb.generation);
		if (any && (ahead > 1 || ahead < -1))
			fault("generation of the %s is %llu, of one before %llu",
			      copy_names[copy], (unsigned long long)le64toh(other.generation),
			      (unsigned long long)le64toh(sb.generation));
		if (!any || le64toh(other.generation) > le64toh(sb.generation))
			sb = other;
		any = true;
	}
	if (!any)
		return;

	seen = calloc(dev_pages, 1);
	place = calloc(dev_pages, sizeof(*place));
	if (!seen || !place)
		die("no memory");
	for (i = 0; i < KMEM_PERSIST_FIRST_PAGE; i++)
		refer(i, "superblocks", 0);
	if (le32toh(sb.type) == KMEM_PERSIST_TYPE_BLK) {
		check_map();
		check_snapshots();
	}
}

static void extract(const char *name, const char *label)
{
	out_wanted = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (out_wanted < 0)
		die("cannot make %s", name);
	out_label = label;
	out_fd = label ? -1 : out_wanted;
	check();
	if (ftruncate(out_wanted, out_lblks * BLOCK))
		die("cannot write %s", name);
}

static void snapshot_root(const char *label)
{
	struct kmem_blk_directory dir;

	page_read(directory_dpn(0), &dir);
	for (uint32_t i = 0; i < le32toh(dir.nr); i++)
		if (!strncmp((const char *)dir.record[i].label, label,
			     sizeof(dir.record[i].label)))
			printf("%llu\n", (unsigned long long)(le64toh(dir.record[i].root) &
							      KMEM_BLK_ENTRY_DPN_MASK));
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 2 ? argv[2] : "";
	int copies, copy, i, args = argc - 3;
	const struct field *f;
	uint8_t page[BLOCK];
	uint64_t off;

	if (argc < 3) {
		fputs(usage, stderr);
		return 2;
	}
	fd = open(argv[1], O_RDWR);
	if (fd < 0)
		die("cannot open %s: %s", argv[1], strerror(errno));
	if (!strcmp(cmd, "magic") && args == 1) {
		const uint64_t magic = htole64(KMEM_PERSIST_MAGIC);

		image_write(number(argv[3]), &magic, sizeof(magic));
		return 0;
	}

	find_device();
	if (!strcmp(cmd, "info") && !args) {
		printf("offset=%llu\npages=%llu\nbytes=%llu\n",
		       (unsigned long long)dev_off, (unsigned long long)dev_pages,
		       (unsigned long long)dev_pages * BLOCK);
		return 0;
	}
	if (!strcmp(cmd, "flip") && args == 2) {
		off = number(argv[4]) % BLOCK;
		page_read(number(argv[3]), page);
		page[off] ^= 0x10;
		page_write(number(argv[3]), page);
		return 0;
	}
	if ((!strcmp(cmd, "check") && !args) ||
	    (!strcmp(cmd, "extract") && (args == 1 || args == 2))) {
		if (args)
			extract(argv[3], argv[4]);
		else
			check();
		printf("type %u, %llu blocks, %llu lost, %llu nodes, %u faults\n",
		       le32toh(sb.type), (unsigned long long)nr_data,
		       (unsigned long long)nr_lost, (unsigned long long)nr_nodes,
		       nr_faults);
		return nr_faults ? 1 : 0;
	}
	if ((!strcmp(cmd, "root") || !strcmp(cmd, "twin")) && !args) {
		page_read(0, &sb);
		printf("%llu\n",
		       (unsigned long long)(le64toh(*cmd == 'r' ? bsb->root : bsb->root_twin) &
					    KMEM_BLK_ENTRY_DPN_MASK));
		return 0;
	}
	if (!strcmp(cmd, "snapshot") && args == 1) {
		page_read(0, &sb);
		snapshot_root(argv[3]);
		return 0;
	}
	if (!args) {
		page_read(0, &sb);
		if (!strcmp(cmd, "directory"))
			printf("%llu %llu\n", (unsigned long long)directory_dpn(0),
			       (unsigned long long)directory_dpn(1));
		else if (!strcmp(cmd, "marker"))
			marker_show(&sb);
		else if (!strcmp(cmd, "mark"))
			marker_write(&sb);
		else if (!strcmp(cmd, "unmark"))
			marker_write(NULL);
		else
			args = -1;
		if (!args)
			return 0;
	}
	if (args < 1) {
		fputs(usage, stderr);
		return 2;
	}

	copies = which_copy(argv[3]);
	for (copy = 0; copy < NR_COPIES; copy++) {
		if (!(copies >> copy & 1))
			continue;
		page_read(copy_dpn(copy), &sb);
		if (!strcmp(cmd, "show")) {
			for (f = fields; f->name; f++) {
				printf("%s=", f->name);
				print_field(&sb, f);
			}
			continue;
		} else if (!strcmp(cmd, "get") && args == 2) {
			print_field(&sb, find_field(argv[4], strlen(argv[4])));
			continue;
		} else if (!strcmp(cmd, "set") && args >= 2) {
			for (i = 4; i < argc; i++)
				set_field(&sb, argv[i]);
			sb.csum = htole32(sb_csum(&sb));
		} else if (!strcmp(cmd, "damage")) {
			off = args > 1 ? number(argv[4]) % BLOCK : 0x300;
			((uint8_t *)&sb)[off] ^= 0x10;
		} else if (!strcmp(cmd, "wipe")) {
			memset(&sb, 0, sizeof(sb));
		} else {
			fputs(usage, stderr);
			return 2;
		}
		page_write(copy_dpn(copy), &sb);
	}
	return 0;
}

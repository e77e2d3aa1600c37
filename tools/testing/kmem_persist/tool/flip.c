// SPDX-License-Identifier: GPL-2.0
/*
 * flip - every bit of the metadata of a small image changed, one at a time
 *
 * flip IMAGE: with the files of kmem-persist, in memory, nothing is written to IMAGE.
 *
 * - As it is: check reports every bit, and the kernel's attach refuses every bit of
 *   the map.
 * - With checksums that are right again, as after an error in a program: of the map,
 *   check finds an error exactly where the kernel does; of the superblock, whatever
 *   the kernel holds a device for is an error, and what check says nothing about is
 *   in the list of fields that are not checked (kmem-persist.8).
 * - Each entry damaged, and repaired: check finds nothing then, what the entry stood
 *   for is lost, and nothing else.
 * - Of an image with snapshots: every bit of both copies of the directory, and of the nodes of
 *   snapshots, and none of what is above; with checksums that are right again, too. What check
 *   says nothing about is in a list of fields. One copy that is damaged is repaired, both are
 *   not touched.
 * - Whatever a power failure leaves of what a repair writes between two fences, one
 *   superblock is whole, and no entry refers to a node that is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/compiler.h>
#include <linux/rcupdate.h>
#include "check.h"

#define PAGE	KMEM_PERSIST_BLOCK_SIZE

static struct kmem_persist kp;
static u8 *mem, *saved;
static size_t bytes;
static unsigned int nr_passed, nr_failed;

/* What holds the map, as the walk finds it. */
struct node {
	u64 dpn;
	unsigned int level;
	u64 index;
	u64 twin;
};

static struct node nodes[64];
static unsigned int nr_nodes;

static void __noreturn die(const char *text)
{
	fprintf(stderr, "flip: %s\n", text);
	exit(1);
}

static void result(const char *name, u64 nr, u64 bad)
{
	fprintf(stderr, "%s - flip: %s: %llu tried, %llu wrong\n",
		bad || !nr ? "not ok" : "ok", name, nr, bad);
	if (bad || !nr)
		nr_failed++;
	else
		nr_passed++;
}

static bool has_twin(unsigned int i)
{
	return nodes[i].twin != nodes[i].dpn;
}

static void find_node(void *arg, const struct walk_entry *e)
{
	(void)arg;
	if (e->kind != WALK_NODE)
		return;
	if (nr_nodes == ARRAY_SIZE(nodes))
		die("too many nodes: a smaller image");
	nodes[nr_nodes++] = (struct node) { e->dpn, e->level - 1, e->index, e->twin_dpn };
}

/* What check says: -1 for errors, 1 for notes, 0 for nothing. */
static int verdict(void)
{
	struct check c;
	int say;

	check_open(&c, &kp, true);
	say = c.r.nr_errors ? -1 : !!c.r.nr_notes;
	if (c.s.rc == -ENODATA)
		say = -1;
	check_close(&c);
	return say;
}

/* What the kernel says of the map. */
static bool kernel_accepts(const struct kmem_persist_superblock *sb)
{
	const struct kmem_blk_superblock *bsb = (const void *)sb->plugin;
	struct kmem_blk_map_error error;
	struct kmem_blk_map map;

	image_unclaim(&kp);
	if (kmem_blk_map_attach(&map, &kp, bsb, &error))
		return false;
	kmem_blk_map_detach(&map);
	return true;
}

/* What the kernel says of the device. */
static bool kernel_attaches(void)
{
	const u32 held = KMEM_PERSIST_STATE_NEEDS_CHECK | KMEM_PERSIST_STATE_READONLY;
	const struct kmem_persist_superblock *sb = NULL;
	struct kmem_sb_fault fault;

	/* All have been changed alike. */
	for (unsigned int i = 0; i < KMEM_PERSIST_NR_PLACES && !sb; i++) {
		sb = (void *)(mem + kmem_sb_places[i] * PAGE);
		if (kmem_sb_verify(sb, kmem_sb_places[i], kp.nr_pages, &fault))
			sb = NULL;
	}
	if (!sb)
		return false;
	if (le32_to_cpu(sb->state) & held)
		return false;
	return le32_to_cpu(sb->type) == KMEM_PERSIST_TYPE_NONE ||
	       (le32_to_cpu(sb->type) == KMEM_PERSIST_TYPE_BLK && kernel_accepts(sb));
}

static void raw(void)
{
	u64 nr = 0, bad = 0;

	for (unsigned int n = 0; n < 2 * nr_nodes + KMEM_PERSIST_NR_PLACES; n++) {
		const unsigned int i = n < 2 * nr_nodes ? n / 2 : n - nr_nodes;
		const bool twins = i < nr_nodes && has_twin(i);
		u64 dpn = i >= nr_nodes ? kmem_sb_places[i - nr_nodes] :
			  n % 2 ? nodes[i].twin : nodes[i].dpn;

		if (i < nr_nodes && n % 2 && !twins)
			continue;

		for (unsigned int bit = 0; bit < 8 * PAGE; bit++) {
			u8 *byte = mem + dpn * PAGE + bit / 8;

			*byte ^= 1 << bit % 8;
			if (verdict() >= 0) {
				fprintf(stderr, "  page %llu bit %u: not reported\n",
					dpn, bit);
				bad++;
			}
			/* One bit of each byte: it says the same of all. */
			if (i < nr_nodes && !(bit % 9) &&
			    kernel_accepts((void *)saved) != twins) {
				fprintf(stderr, "  page %llu bit %u: kernel\n",
					dpn, bit);
				bad++;
			}
			*byte ^= 1 << bit % 8;
			nr++;
		}
	}
	result("every bit", nr, bad);
}

static void map_sealed(void)
{
	struct kmem_blk_map_error error;
	u64 nr = 0, bad = 0, refused = 0;
	struct kmem_blk_copies root;
	struct kmem_blk_map map;

	image_unclaim(&kp);
	if (blkmap_open(&map, &kp, (void *)saved, &error, &root))
		die("no map");
	for (unsigned int i = 0; i < nr_nodes; i++) {
		__le64 *ents = (void *)(mem + nodes[i].dpn * PAGE);

		for (unsigned int j = 0; j < KMEM_BLK_NODE_ENTRIES; j++) {
			u64 index = (nodes[i].index << KMEM_BLK_NODE_SHIFT) + j;
			u64 old = le64_to_cpu(ents[j]);

			for (unsigned int bit = 0; bit < 44; bit++) {
				u64 word = blkmap_reseal(&map, nodes[i].level, index,
							 old ^ 1ULL << bit);
				bool kernel;

				ents[j] = cpu_to_le64(word);
				kernel = kernel_accepts((void *)saved);
				/* What its twin knows is damaged, but no doubt. */
				if (has_twin(i) ? !kernel && verdict() >= 0 :
						  kernel != (verdict() >= 0)) {
					fprintf(stderr, "  page %llu entry %u bit %u: kernel %d\n",
						nodes[i].dpn, j, bit, kernel);
					bad++;
				}
				refused += !kernel;
				nr++;
			}
			ents[j] = cpu_to_le64(old);
		}
	}
	fprintf(stderr, "  %llu refused by both\n", refused);
	result("every bit of an entry, its check right again", nr, bad);
}

static const char * const not_checked[] = {
	"uuid", "ns_uuid", "label", "generation", "memblock_mib", "format_time",
	"attach_time", "detach_time", "attach_count", "unclean_count", "error_last",
	"error_first_time", "error_last_time", "error_first_dpn", "error_last_dpn",
	"reserve_bytes", "limit_bytes", "boot_id", "creator", "nr_lblks",
	"feat_ro_compat", "meta_uuid", "key",
};

static bool is_checked(size_t off)
{
	const struct sb_field *f = NULL;

	while ((f = sb_next_field(f, (void *)saved))) {
		if (off < f->off || off >= f->off + f->size)
			continue;
		for (unsigned int i = 0; i < ARRAY_SIZE(not_checked); i++)
			if (!strcmp(f->name, not_checked[i]))
				return false;
		return true;
	}
	die("a byte of the superblock is no field");
}

static void seal(u64 dpn)
{
	struct kmem_persist_superblock *sb = (void *)(mem + dpn * PAGE);

	sb->csum = cpu_to_le32(kmem_sb_csum(sb));
}

static void sb_sealed(void)
{
	const u64 *copies = kmem_sb_places;
	u64 nr = 0, bad = 0, silent = 0;

	for (unsigned int bit = 0; bit < 8 * PAGE; bit++) {
		int says;

		for (unsigned int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
			mem[copies[i] * PAGE + bit / 8] ^= 1 << bit % 8;
			seal(copies[i]);
		}
		says = verdict();
		if ((says >= 0 && !kernel_attaches()) ||
		    (!says && is_checked(bit / 8) && bit / 32 != 3)) {
			fprintf(stderr, "  byte %#x bit %u: check says %d\n", bit / 8,
				bit % 8, says);
			bad++;
		}
		silent += !says;
		nr++;
		for (unsigned int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
			memcpy(mem + copies[i] * PAGE, saved + copies[i] * PAGE, PAGE);
	}
	fprintf(stderr, "  %llu in fields that are not checked\n", silent);
	result("every bit of all superblocks, checksums right again", nr, bad);
}

static u64 entry_blocks(unsigned int level)
{
	return 1ULL << KMEM_BLK_NODE_SHIFT * level;
}

/* Are all blocks as they were, but for those from @lost on? */
static bool only_lost(const struct kmem_blk_map *before, u64 lost, u64 nr)
{
	const struct kmem_persist_superblock *sb = (void *)mem;
	struct kmem_blk_map_error error;
	struct kmem_blk_map now;
	bool good = true;

	image_unclaim(&kp);
	if (kmem_blk_map_attach(&now, &kp, sb_blk(sb), &error))
		return false;
	for (u64 leaf = 0; good && leaf < now.nr_leaves; leaf++) {
		u64 lblk = leaf << KMEM_BLK_NODE_SHIFT;

		if (kmem_blk_map_leaf_is_hole(before, leaf) &&
		    kmem_blk_map_leaf_is_hole(&now, leaf) &&
		    (lblk + KMEM_BLK_NODE_ENTRIES <= lost || lblk >= lost + nr))
			continue;
		for (unsigned int i = 0; good && i < KMEM_BLK_NODE_ENTRIES; i++, lblk++) {
			u64 was = 0, is = 0;
			int type;

			if (lblk >= now.nr_lblks)
				break;
			type = kmem_blk_map_lookup(&now, lblk, &is);

			if (lblk >= lost && lblk < lost + nr)
				good = type == KMEM_BLK_ENTRY_LOST;
			else
				good = type == kmem_blk_map_lookup(before, lblk, &was) &&
				       is == was;
		}
	}
	kmem_blk_map_detach(&now);
	return good;
}

/* In all copies, or in one of two. */
static void damage(unsigned int i, unsigned int j, bool many, bool all)
{
	const u64 pages[] = { nodes[i].dpn, nodes[i].twin };

	for (unsigned int n = 0; n < (all && has_twin(i) ? 2 : 1); n++) {
		u8 *entry = mem + pages[all ? n : j % 2] * PAGE + 8 * j;

		entry[j % 8] ^= 1 << j / 8 % 8;
		if (many)
			entry[(j + 3) % 8] ^= 0x5a;
	}
}

/*
 * One bit is mended, and nothing is lost; of many bits there is nothing to be made, but
 * where there is another copy.
 */
static void repairs(bool many, bool all)
{
	static struct kmem_persist old;
	struct kmem_blk_map_error error;
	struct kmem_blk_map before;
	u64 nr = 0, bad = 0;

	/* The map as it was, on a copy that nobody touches. */
	if (image_over(&old, "saved", saved, bytes / PAGE) ||
	    kmem_blk_map_attach(&before, &old, sb_blk((void *)saved), &error))
		die("no map");
	for (unsigned int i = 0; i < nr_nodes; i++) {
		for (unsigned int j = 0; j < KMEM_BLK_NODE_ENTRIES; j++) {
			u64 index = (nodes[i].index << KMEM_BLK_NODE_SHIFT) + j;
			u64 lblk = index << KMEM_BLK_NODE_SHIFT * nodes[i].level;
			int status;

			if (!all && !has_twin(i))
				continue;
			damage(i, j, many, all);
			status = repair_device(&kp, false, false);
			if (status != 1 || verdict() < 0 ||
			    !only_lost(&before, lblk,
				       many && all ? entry_blocks(nodes[i].level) : 0)) {
				fprintf(stderr, "  page %llu entry %u: status %d\n",
					nodes[i].dpn, j, status);
				bad++;
			}
			nr++;
			memcpy(mem, saved, bytes);
		}
	}
	kmem_blk_map_detach(&before);
	image_close(&old);
	result(!all ? "every entry of a copy damaged and repaired" :
	       many ? "every entry damaged and repaired" :
		      "a bit of every entry damaged and mended", nr, bad);
}

/* What was durable at the last fence. */
static u8 *durable;
static struct node durable_nodes[ARRAY_SIZE(nodes)];
static unsigned int nr_durable_nodes;
static u64 nr_fences, bad_fences;

static bool changed(u64 dpn)
{
	return memcmp(mem + dpn * PAGE, durable + dpn * PAGE, PAGE);
}

static bool was_node(u64 dpn)
{
	for (unsigned int i = 0; i < nr_durable_nodes; i++)
		if (durable_nodes[i].dpn == dpn)
			return true;
	return false;
}

/* A copy that was written since may hold anything. */
static void fence_superblocks(void)
{
	const u64 *copies = kmem_sb_places;
	struct sb_search s;

	for (unsigned int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		if (changed(copies[i]))
			mem[copies[i] * PAGE + 0x300] ^= 1;
	sb_search(&kp, &s);
	bad_fences += !!s.rc;
	for (unsigned int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		if (changed(copies[i]))
			mem[copies[i] * PAGE + 0x300] ^= 1;
}

/* A node that was not linked at the last fence has to be written before it. */
static void fence_nodes(void)
{
	struct kmem_blk_map_error error;
	struct sb_search s;
	struct walk w;

	sb_search(&kp, &s);
	if (s.rc)
		return;
	nr_nodes = 0;
	if (walk_open(&w, &kp, &s.use->sb, &error))
		die("no map");
	walk_pass(&w, 0, find_node, NULL);
	walk_close(&w);
	for (unsigned int i = 0; nr_durable_nodes && i < nr_nodes; i++)
		bad_fences += !was_node(nodes[i].dpn) && changed(nodes[i].dpn);
	memcpy(durable_nodes, nodes, sizeof(nodes));
	nr_durable_nodes = nr_nodes;
}

static int fence(struct device *dev)
{
	(void)dev;
	nr_fences++;
	fence_superblocks();
	fence_nodes();
	memcpy(durable, mem, bytes);
	return 0;
}

static void orders(void)
{
	const u64 pages[] = { kp.nr_pages, 0, 511 };
	struct node all[ARRAY_SIZE(nodes)];
	const unsigned int nr = nr_nodes;
	u64 bad = 0;

	durable = aligned_alloc(PAGE, bytes);
	memcpy(all, nodes, sizeof(all));
	/* An entry of each node, and one of the superblocks. */
	for (unsigned int i = 0; i < nr; i++) {
		for (unsigned int j = 0; j < ARRAY_SIZE(pages); j++) {
			/* Of the root only the short part of the disk: few nodes. */
			unsigned int slot = all[i].level > 1 ? 1 : 5;

			mem[all[i].dpn * PAGE + 8 * slot] ^= 1;
			if (pages[j] < kp.nr_pages)
				mem[pages[j] * PAGE + 0x60] ^= 1;
			memcpy(durable, mem, bytes);
			nr_durable_nodes = 0;
			fence_nodes();
			kp.media.flush = fence;
			bad += repair_device(&kp, false, false) != 1;
			kp.media.flush = NULL;
			bad += verdict() < 0;
			memcpy(mem, saved, bytes);
		}
	}
	fprintf(stderr, "  %llu fences\n", nr_fences);
	result("order of what is written", nr_fences, bad + bad_fences);
	free(durable);
}

/*
 * Snapshots
 */

static struct kmem_blk_directory *directory[2];
static struct kmem_blk_map live;

static const u8 *key(void)
{
	return ((struct kmem_persist_superblock *)saved)->key;
}

static void directory_raw(void)
{
	u64 nr = 0, bad = 0;

	for (unsigned int i = 0; i < 2 + nr_nodes; i++) {
		u8 *page = i < 2 ? (u8 *)directory[i] : mem + nodes[i - 2].dpn * PAGE;

		/* Of nodes one bit of each byte. */
		for (unsigned int bit = 0; bit < 8 * PAGE; bit += i < 2 ? 1 : 9) {
			page[bit / 8] ^= 1 << bit % 8;
			if (verdict() >= 0) {
				fprintf(stderr, "  page %zu bit %u: not reported\n",
					(page - mem) / PAGE, bit);
				bad++;
			}
			page[bit / 8] ^= 1 << bit % 8;
			nr++;
		}
	}
	result("every bit of the directory, and of nodes of snapshots", nr, bad);
}

/* May a bit be another one, and nobody notices? */
static bool directory_is_free(unsigned int off)
{
	static const size_t dir[] = {
		offsetof(struct kmem_blk_directory, generation),
		offsetof(struct kmem_blk_directory, next_id),
		offsetof(struct kmem_blk_directory, parent),
	};
	static const size_t record[] = {
		offsetof(struct kmem_blk_record, nr_lblks), offsetof(struct kmem_blk_record, id),
		offsetof(struct kmem_blk_record, parent), offsetof(struct kmem_blk_record, time),
		offsetof(struct kmem_blk_record, generation),
	};
	const size_t first = offsetof(struct kmem_blk_directory, record);
	const size_t at = (off - first) % sizeof(struct kmem_blk_record);

	for (unsigned int i = 0; off < first && i < ARRAY_SIZE(dir); i++)
		if (off >= dir[i] && off < dir[i] + 8)
			return true;
	for (unsigned int i = 0; off >= first && i < ARRAY_SIZE(record); i++)
		if (at >= record[i] && at < record[i] + 8)
			return true;
	return off >= first && at >= offsetof(struct kmem_blk_record, uuid) &&
	       at < offsetof(struct kmem_blk_record, zero);
}

/* In one copy, a bit of each byte, or in both: what the kernel would say, too. */
static void directory_sealed(void)
{
	u64 nr = 0, bad = 0, silent = 0;

	for (unsigned int n = 0; n < 3 * 8 * PAGE; n += n < 2 * 8 * PAGE - 9 ? 9 : 1) {
		const unsigned int copies = 1 + n / (8 * PAGE), bit = n % (8 * PAGE);
		int verdicts[2], says, kernel;
		const char *reason;

		for (unsigned int i = 0; i < 2; i++) {
			const u64 dpn = ((u8 *)directory[i] - mem) / PAGE;

			if (copies >> i & 1)
				((u8 *)directory[i])[bit / 8] ^= 1 << bit % 8;
			/* Not what it makes right itself. */
			if (copies >> i & 1 && bit / 8 >= offsetof(struct kmem_blk_directory, nr) &&
			    bit / 64 != offsetof(struct kmem_blk_directory, this_dpn) / 8)
				kmem_blk_directory_seal(directory[i], key(), dpn);
			verdicts[i] = kmem_blk_directory_verify(&live, directory[i], key(), dpn,
								&reason);
		}
		kernel = kmem_blk_directory_choose((struct kmem_blk_directory[2]) {
			*directory[0], *directory[1] }, verdicts);
		says = verdict();
		if (says >= 0 && (kernel < 0 || copies < 3 || !directory_is_free(bit / 8)) &&
		    /* DAMAGED */
		    !(says && copies == 3 && kernel >= 0)) {
			fprintf(stderr, "  copies %u byte %#x bit %u: check says %d, kernel %d\n",
				copies, bit / 8, bit % 8, says, kernel);
			bad++;
		}
		silent += !says;
		nr++;
		for (unsigned int i = 0; i < 2; i++)
			memcpy(directory[i], saved + ((u8 *)directory[i] - mem), PAGE);
	}
	fprintf(stderr, "  %llu in fields that are not checked\n", silent);
	result("every bit of the directory, checksums right again", nr, bad);
}

static void directory_repairs(void)
{
	u64 nr = 0, bad = 0;

	for (unsigned int n = 0; n < 3 * PAGE; n += 7) {
		const unsigned int copies = 1 + n / PAGE;
		int status;

		for (unsigned int i = 0; i < 2; i++)
			if (copies >> i & 1)
				((u8 *)directory[i])[n % PAGE] ^= 0x20;
		status = repair_device(&kp, false, false);
		if (copies < 3) {
			bad += status != 1 || verdict();
		} else {
			bad += status != 4;
			for (unsigned int i = 0; i < 2; i++)
				((u8 *)directory[i])[n % PAGE] ^= 0x20;
			bad += !!memcmp(mem, saved, bytes);
		}
		nr++;
		memcpy(mem, saved, bytes);
	}
	result("each copy of the directory damaged and repaired, both not touched", nr, bad);
}

static void snapshots(const struct check *c)
{
	const struct kmem_blk_superblock *bsb = sb_blk((void *)saved);

	live = c->w.tree[0].map;
	for (unsigned int i = 0; i < 2; i++)
		directory[i] = (void *)(mem + (le64_to_cpu(bsb->reserved_root[i]) &
					       KMEM_BLK_ENTRY_DPN_MASK) * PAGE);
	directory_raw();
	directory_sealed();
	if (!freopen("/dev/null", "w", stdout))
		die("cannot open /dev/null");
	directory_repairs();
}

static int end(void)
{
	fprintf(stderr, "%u passed, %u failed\n", nr_passed, nr_failed);
	return nr_failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct check c;
	struct stat st;
	int fd;

	if (argc != 2)
		die("which image?");
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		die("cannot open the image");
	bytes = st.st_size;
	mem = aligned_alloc(PAGE, bytes);
	saved = aligned_alloc(PAGE, bytes);
	if (!mem || !saved || read(fd, mem, bytes) != (ssize_t)bytes)
		die("cannot read the image");
	memcpy(saved, mem, bytes);
	if (image_over(&kp, "image", mem, bytes / PAGE))
		die("too small");
	check_open(&c, &kp, true);
	if (c.r.nr_errors || !c.has_map)
		die("the image has errors");
	if (c.w.nr_trees > 1) {
		for (unsigned int i = 1; i < c.w.nr_trees; i++)
			walk_pass(&c.w, i, find_node, NULL);
		snapshots(&c);
		check_close(&c);
		return end();
	}
	walk_pass(&c.w, 0, find_node, NULL);
	check_close(&c);

	raw();
	map_sealed();
	sb_sealed();
	/* Repair talks. */
	if (!freopen("/dev/null", "w", stdout))
		die("cannot open /dev/null");
	repairs(false, true);
	repairs(true, true);
	repairs(true, false);
	orders();
	return end();
}

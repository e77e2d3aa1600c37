// SPDX-License-Identifier: GPL-2.0
/*
 * blocks - write blocks to an image that kmem-persist has formatted, with the code of
 * the kernel: what a kernel would have left there
 *
 *   blocks IMAGE STEP...
 *   write LBLK NR      as a program would
 *   atomic LBLK NR     all or nothing: the leaf is replaced
 *   discard LBLK NR
 *   page DPN           take pages from here on
 *   snapshot LABEL     of the disk as it is now
 *   crash              do not detach
 * and what no kernel does, at the end:
 *   point LEVEL INDEX DPN     an entry with a good check that refers to DPN
 *
 * A block holds "block N" at its beginning and at its end. Times are from
 * SOURCE_DATE_EPOCH.
 */
#include "../shim/fake_kp.h"
#include "../../../../drivers/dax/persist/map/map.c"
#include "../../../../drivers/dax/persist/map/verify.c"
#include "../../../../drivers/dax/persist/map/twins.c"
#include "../../../../drivers/dax/persist/map/family.c"
#include "../../../../drivers/dax/persist/map/member.c"
#include "../../../../drivers/dax/persist/map/directory.c"
#include "../../../../drivers/dax/persist/format.c"
#include "../map/world.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct kmem_persist_superblock *sb;
static struct kmem_persist *kp;
static struct kmem_blk_directory dir;
static struct kmem_blk_map members[KMEM_BLK_MAX_SNAPSHOTS];

static void __noreturn die(const char *text)
{
	fprintf(stderr, "blocks: %s\n", text);
	exit(1);
}

static u64 number(const char *s)
{
	char *end;
	u64 n;

	if (!s)
		die("a number is missing");
	n = strtoull(s, &end, 0);
	if (!*s || *end)
		die("not a number");
	return n;
}

static void put(struct world *w, u64 dpn, u64 lblk, u64 version)
{
	char page[FAKE_PAGE] = "";
	int len = snprintf(page, 32, "block %llu\n", lblk);

	memcpy(page + FAKE_PAGE - len, page, len);
	kmem_media_copy(&w->kp->media, dax_kmem_index_to_kaddr(w->kp, dpn), page,
			sizeof(page));
}

static void update_sb(void)
{
	struct kmem_persist_superblock new = *sb;
	struct kmem_sb_set set = { .holds = KMEM_PERSIST_PLACES_ALL };

	for (unsigned int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		set.place[i] = dax_kmem_index_to_kaddr(kp, kmem_sb_places[i]);
	if (kmem_sb_write(&kp->media, &new, &set))
		die("the superblock cannot be written");
}

static __le64 now(u64 after)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	return cpu_to_le64((epoch ? number(epoch) : 0) + after);
}

static u64 directory_page(unsigned int i)
{
	const struct kmem_blk_superblock *bsb = (void *)sb->plugin;

	return le64_to_cpu(bsb->reserved_root[i]) & KMEM_BLK_ENTRY_DPN_MASK;
}

/* The first copy has to be good. */
static void attach_snapshots(struct world *w)
{
	struct kmem_blk_map_error error;
	const char *reason;

	for (unsigned int i = 0; i < 2; i++)
		if (dax_kmem_claim_page(kp, directory_page(i)))
			die("the page of a directory has another owner");
	memcpy(&dir, dax_kmem_index_to_kaddr(kp, directory_page(0)), sizeof(dir));
	if (kmem_blk_directory_verify(&w->map, &dir, sb->key, directory_page(0), &reason))
		die(reason);
	for (unsigned int i = 0; i < le32_to_cpu(dir.nr); i++)
		if (kmem_blk_member_attach(&members[i], &w->map,
					   le64_to_cpu(dir.record[i].nr_lblks),
					   le64_to_cpu(dir.record[i].root), &error))
			die(error.reason);
}

static void attach(struct world *w)
{
	struct kmem_blk_superblock *bsb = (void *)sb->plugin, alone = *bsb;
	static const u64 none[2];
	struct kmem_blk_map_error error;
	struct kmem_sb_fault fault;

	if (kmem_sb_verify(sb, 0, kp->nr_pages, &fault))
		die("no good superblock");
	kmem_blk_directory_words(le32_to_cpu(bsb->entry_seed), none, alone.reserved_root);
	if (kmem_blk_map_attach(&w->map, kp, &alone, &error))
		die(error.reason);
	if (sb->feat_incompat)
		attach_snapshots(w);
	if (map_settle(&w->map, bsb))
		die("the map cannot be settled");
	bsb->mapped_blocks = cpu_to_le64(KMEM_BLK_COUNT_UNKNOWN);
	bsb->node_pages = cpu_to_le64(KMEM_BLK_COUNT_UNKNOWN);
	sb->state &= ~cpu_to_le32(KMEM_PERSIST_STATE_CLEAN);
	sb->attach_count = cpu_to_le32(le32_to_cpu(sb->attach_count) + 1);
	sb->attach_time = now(60);
	update_sb();
	memcpy(sb, kp->mem, sizeof(*sb));
}

static void detach(struct world *w)
{
	struct kmem_blk_superblock *bsb = (void *)sb->plugin;
	struct kmem_blk_map_count count;

	kmem_blk_map_count(&w->map, &count);
	bsb->mapped_blocks = cpu_to_le64(count.mapped_blocks);
	bsb->node_pages = cpu_to_le64(count.node_pages);
	sb->state |= cpu_to_le32(KMEM_PERSIST_STATE_CLEAN);
	sb->detach_time = now(120);
	update_sb();
}

static void take(struct world *w, u64 *dpns, u64 nr)
{
	if (dax_kmem_alloc_pages(kp, dpns, nr, 0) != nr)
		die("no space");
}

static void snapshot(struct world *w, const char *label)
{
	const u64 old[] = { directory_page(0), directory_page(1) };
	const unsigned int nr = le32_to_cpu(dir.nr);
	struct kmem_blk_record *r = &dir.record[nr];
	u64 nodes[64], dpns[2], left;
	u64 id;

	if (!label || nr == KMEM_BLK_MAX_SNAPSHOTS || kmem_blk_member_init(&members[nr], &w->map))
		die("no snapshot is possible");
	left = kmem_blk_member_nodes(&w->map, false);
	if (left > ARRAY_SIZE(nodes))
		die("too many nodes");
	take(w, nodes, left);
	if (kmem_blk_member_copy(&members[nr], &w->map, nodes, &left, false) ||
	    kmem_blk_member_join(&members[nr]))
		die("the nodes cannot be copied");

	id = nr ? le64_to_cpu(dir.next_id) : le64_to_cpu(sb->generation);
	r->root = cpu_to_le64(kmem_blk_root_word(&members[nr], false));
	r->nr_lblks = cpu_to_le64(w->map.nr_lblks);
	r->id = cpu_to_le64(id);
	r->parent = dir.parent;
	r->time = now(90 + id);
	r->generation = cpu_to_le64(le64_to_cpu(sb->generation) + 1);
	memset(r->uuid, id, sizeof(r->uuid));
	snprintf((char *)r->label, sizeof(r->label), "%s", label);
	dir.nr = cpu_to_le32(nr + 1);
	dir.next_id = cpu_to_le64(id + 1);
	dir.parent = cpu_to_le64(id);
	dir.generation = r->generation;
	take(w, dpns, 2);
	for (unsigned int i = 0; i < 2; i++) {
		kmem_blk_directory_seal(&dir, sb->key, dpns[i]);
		kmem_media_copy(&kp->media, dax_kmem_index_to_kaddr(kp, dpns[i]), &dir,
				sizeof(dir));
	}
	kmem_media_fence(&kp->media);
	kmem_blk_directory_words(w->map.seed, dpns,
				 ((struct kmem_blk_superblock *)sb->plugin)->reserved_root);
	sb->feat_incompat = cpu_to_le64(KMEM_BLK_INCOMPAT_SNAPSHOTS);
	update_sb();
	memcpy(sb, kp->mem, sizeof(*sb));
	if (old[0])
		dax_kmem_free_pages(kp, old, 2);
}

static void point(struct world *w, unsigned int level, u64 index, u64 dpn)
{
	unsigned int type = level ? KMEM_BLK_ENTRY_NODE + level - 1 :
				    KMEM_BLK_ENTRY_DATA;
	u64 node = index >> KMEM_BLK_NODE_SHIFT;
	const u64 word = kmem_blk_entry_encode(w->map.seed, level, index, type, dpn);
	__le64 *ents = level ? w->map.nodes[level][node].ents : w->map.leaves[node].ents;
	__le64 *twin = level ? w->map.nodes[level][node].twin : ents;

	ents[index & KMEM_BLK_NODE_MASK] = cpu_to_le64(word);
	twin[index & KMEM_BLK_NODE_MASK] = cpu_to_le64(word);
}

/* In steps that do not cross a leaf. */
static void each_leaf(struct world *w, u64 lblk, u64 nr,
		      int (*step)(struct world *w, u64 lblk, unsigned int nr))
{
	while (nr) {
		u64 n = min(nr, KMEM_BLK_NODE_ENTRIES - (lblk & KMEM_BLK_NODE_MASK));

		if (step(w, lblk, n))
			die("no space");
		lblk += n;
		nr -= n;
	}
}

static int step_write(struct world *w, u64 lblk, unsigned int nr)
{
	return world_write(w, lblk, nr, 0, 1);
}

static int step_atomic(struct world *w, u64 lblk, unsigned int nr)
{
	return world_write(w, lblk, nr, KMEM_BLK_UPDATE_ATOMIC, 1);
}

int main(int argc, char **argv)
{
	static struct kmem_persist_superblock copy;
	bool crash = false;
	struct world w;
	struct stat st;
	void *mem;
	int fd;

	if (argc < 2)
		die("which image?");
	fd = open(argv[1], O_RDWR);
	if (fd < 0 || fstat(fd, &st))
		die("cannot open the image");
	mem = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		die("cannot map the image");
	kp = fake_kp_over(mem, st.st_size / FAKE_PAGE);
	kp->scribble = false;
	copy = *(struct kmem_persist_superblock *)mem;
	sb = &copy;
	world_init(&w, kp);
	w.put = put;
	attach(&w);

	/* argv ends with NULL, for which number() dies. */
	for (char **arg = argv + 2; *arg; arg++) {
		if (!strcmp(*arg, "write")) {
			each_leaf(&w, number(arg[1]), number(arg[2]), step_write);
			arg += 2;
		} else if (!strcmp(*arg, "atomic")) {
			each_leaf(&w, number(arg[1]), number(arg[2]), step_atomic);
			arg += 2;
		} else if (!strcmp(*arg, "discard")) {
			each_leaf(&w, number(arg[1]), number(arg[2]), world_discard);
			arg += 2;
		} else if (!strcmp(*arg, "page")) {
			kp->hint = number(arg[1]);
			arg++;
		} else if (!strcmp(*arg, "snapshot")) {
			snapshot(&w, arg[1]);
			arg++;
		} else if (!strcmp(*arg, "crash")) {
			crash = true;
		} else if (!strcmp(*arg, "point")) {
			point(&w, number(arg[1]), number(arg[2]), number(arg[3]));
			arg += 3;
		} else {
			die("no such step");
		}
	}
	if (!crash)
		detach(&w);
	for (unsigned int i = le32_to_cpu(dir.nr); i--;)
		kmem_blk_map_detach(&members[i]);
	kmem_blk_map_detach(&w.map);
	fake_kp_delete(kp);
	return 0;
}

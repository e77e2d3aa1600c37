// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of drivers/dax/persist/map/map.c: what it does while nothing fails,
 * what it refuses, and threads.
 */

/* The KUnit tests beside the code run here too. */
#define SHIM_KUNIT 1
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../shim/fake_kp.h"
#include "../../../../drivers/dax/persist/map/map.c"
#include "../../../../drivers/dax/persist/map/verify.c"
#include "../../../../drivers/dax/persist/map/twins.c"
#include "../../../../drivers/dax/persist/map/family.c"
#include "../../../../drivers/dax/persist/map/member.c"
#include "../../../../drivers/dax/persist/map/directory.c"
#include "world.h"
#include <linux/slab.h>
#include <pthread.h>
#include <time.h>

static int nr_passed, nr_failed;
static bool failed;

#define EXPECT(cond) do {						\
	if (!(cond)) {							\
		printf("  %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		failed = true;						\
	}								\
} while (0)

/* Three levels: leaves, nodes of 1 GiB, and a root of which a bit is used. */
#define NR_LBLKS	((3ULL << 18) + 1000)
#define NR_PAGES	1024

static void world_delete(struct world *w)
{
	free(w->kp->mem);
	fake_kp_delete(w->kp);
	kmem_blk_map_detach(&w->map);
}

/* Attach a second time and compare what both see. */
static bool same_again(struct world *w, const u64 *lblks, unsigned int nr)
{
	struct kmem_persist *kp = fake_kp_over(w->kp->mem, w->kp->nr_pages);
	struct kmem_blk_map_error error;
	struct kmem_blk_map_count a, b;
	struct kmem_blk_map map;
	bool same;

	same = !kmem_blk_map_attach(&map, kp, &w->bsb, &error);
	if (same) {
		same = !memcmp(kp->used, w->kp->used, kp->nr_pages);
		kmem_blk_map_count(&map, &a);
		kmem_blk_map_count(&w->map, &b);
		same = same && !memcmp(&a, &b, sizeof(a));
		for (unsigned int i = 0; i < nr; i++)
			same = same && world_get(&map, lblks[i]) ==
				       world_get(&w->map, lblks[i]);
		kmem_blk_map_detach(&map);
	} else {
		printf("  attach: %s: %s\n", error.object, error.reason);
	}
	fake_kp_delete(kp);
	return same;
}

static void test_empty(void)
{
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(w.map.root_level == 2);
	EXPECT(w.kp->nr_used == 4);
	EXPECT(world_get(&w.map, 0) == 0);
	EXPECT(world_get(&w.map, NR_LBLKS - 1) == 0);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, NULL, 0));
	world_delete(&w);
}

static void test_grow_and_overwrite(void)
{
	static const u64 lblks[] = {
		0, 1, 511, 512, 513, 1 << 18, (1 << 18) - 1, 2 << 18,
		NR_LBLKS - 1,
	};
	struct world w;
	u64 used;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	for (unsigned int i = 0; i < ARRAY_SIZE(lblks); i++) {
		EXPECT(!world_write(&w, lblks[i], 1, 0, i + 1));
		EXPECT(world_adds_up(&w));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(lblks); i++)
		EXPECT(world_get(&w.map, lblks[i]) == i + 1);
	/* 6 leaves, 4 nodes of 1 GiB and the root, all of them twice, 9 blocks, 2 superblocks. */
	EXPECT(w.kp->nr_used == 6 + 2 * (4 + 1) + 9 + 2);
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));

	used = w.kp->nr_used;
	for (unsigned int i = 0; i < ARRAY_SIZE(lblks); i++)
		EXPECT(!world_write(&w, lblks[i], 1, 0, i + 100));
	for (unsigned int i = 0; i < ARRAY_SIZE(lblks); i++)
		EXPECT(world_get(&w.map, lblks[i]) == i + 100);
	EXPECT(w.kp->nr_used == used);
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));
	world_delete(&w);
}

static void test_discard(void)
{
	static const u64 lblks[] = { 0, 7, 8, 15, 16, 511, 512, 1023 };
	struct world w;

	world_new(&w, fake_kp_new(2 * NR_PAGES), NR_LBLKS);
	EXPECT(!world_discard(&w, 0, 512));
	EXPECT(!world_drop(&w, 0));
	EXPECT(w.kp->nr_used == 4);

	EXPECT(!world_write(&w, 0, 256, 0, 1));
	EXPECT(!world_write(&w, 256, 256, 0, 1));
	EXPECT(!world_write(&w, 512, 512, 0, 2));
	EXPECT(!world_discard(&w, 8, 8));
	EXPECT(!world_discard(&w, 0, 1));
	EXPECT(world_get(&w.map, 0) == 0);
	EXPECT(world_get(&w.map, 7) == 1);
	EXPECT(world_get(&w.map, 8) == 0);
	EXPECT(world_get(&w.map, 15) == 0);
	EXPECT(world_get(&w.map, 16) == 1);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));

	/* The last block takes the leaf along. */
	EXPECT(!world_discard(&w, 0, 511));
	EXPECT(kmem_blk_map_leaf_exists(&w.map, 0));
	EXPECT(!world_discard(&w, 511, 1));
	EXPECT(!kmem_blk_map_leaf_exists(&w.map, 0));
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));

	/* One store for all of a leaf. */
	EXPECT(!world_drop(&w, 1));
	EXPECT(world_get(&w.map, 512) == 0);
	/* Superblocks, root, one node of 1 GiB, their twins. */
	EXPECT(w.kp->nr_used == 6);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));

	/* And it can be used again. */
	EXPECT(!world_write(&w, 600, 1, 0, 3));
	EXPECT(world_get(&w.map, 600) == 3);
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));
	world_delete(&w);
}

static void test_atomic(void)
{
	static const u64 lblks[] = { 0, 3, 4, 5, 99, 100, 355, 356, 511 };
	struct world w;
	u64 leaf;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	/* On a hole the new leaf is what makes it atomic. */
	EXPECT(!world_write(&w, 3, 2, KMEM_BLK_UPDATE_ATOMIC, 1));
	leaf = w.map.leaves[0].dpn;
	EXPECT(!world_write(&w, 99, 1, 0, 2));
	EXPECT(w.map.leaves[0].dpn == leaf);
	/* On a leaf its copy. */
	EXPECT(!world_write(&w, 100, 256, KMEM_BLK_UPDATE_ATOMIC, 3));
	EXPECT(w.map.leaves[0].dpn != leaf);
	EXPECT(!world_write(&w, 0, 4, KMEM_BLK_UPDATE_ATOMIC, 4));
	EXPECT(!world_write(&w, 500, 12, KMEM_BLK_UPDATE_ATOMIC, 5));
	/* One block is atomic anyway. */
	leaf = w.map.leaves[0].dpn;
	EXPECT(!world_write(&w, 4, 1, KMEM_BLK_UPDATE_ATOMIC, 6));
	EXPECT(w.map.leaves[0].dpn == leaf);

	EXPECT(world_get(&w.map, 3) == 4);
	EXPECT(world_get(&w.map, 4) == 6);
	EXPECT(world_get(&w.map, 5) == 0);
	EXPECT(world_get(&w.map, 99) == 2);
	EXPECT(world_get(&w.map, 100) == 3);
	EXPECT(world_get(&w.map, 355) == 3);
	EXPECT(world_get(&w.map, 511) == 5);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));
	world_delete(&w);
}

/* The leaf comes or goes between the steps of an update. */
static void test_races_of_steps(void)
{
	struct kmem_persist *kp = fake_kp_new(NR_PAGES);
	u64 page;
	struct kmem_blk_update u = { .lblk = 5, .nr = 1, .pages = &page };
	struct world w;

	world_new(&w, kp, NR_LBLKS);
	dax_kmem_alloc_pages(kp, &page, 1, 0);
	world_put(&w, page, 5, 1);

	/* Pages lack. */
	EXPECT(kmem_blk_map_nodes_wanted(&w.map, &u) == 3);
	EXPECT(kmem_blk_map_stage(&w.map, &u) == -EAGAIN);
	u.nr_spare = dax_kmem_alloc_pages(kp, u.spare, 1, 0);
	EXPECT(kmem_blk_map_nodes_wanted(&w.map, &u) == 2);
	EXPECT(kmem_blk_map_stage(&w.map, &u) == -EAGAIN && u.nr_spare == 1);
	u.nr_spare += dax_kmem_alloc_pages(kp, u.spare + 1, 1, 0);
	EXPECT(kmem_blk_map_nodes_wanted(&w.map, &u) == 1);
	EXPECT(kmem_blk_map_stage(&w.map, &u) == -EAGAIN);
	/* The node above was made of them, and stays. */
	EXPECT(u.nr_spare == 0);
	EXPECT(kmem_blk_map_nodes_wanted(&w.map, &u) == 1);
	u.nr_spare = dax_kmem_alloc_pages(kp, u.spare, 1, 0);
	EXPECT(!kmem_blk_map_stage(&w.map, &u));
	EXPECT(u.staged && u.leaf);

	/* Somebody else makes the leaf first: ours is not needed. */
	EXPECT(!world_write(&w, 6, 1, 0, 2));
	EXPECT(!kmem_blk_map_commit(&w.map, &u));
	EXPECT(u.leaf && !page);
	world_unused(&w, &u);
	EXPECT(world_get(&w.map, 5) == 1);
	EXPECT(world_get(&w.map, 6) == 2);
	EXPECT(world_adds_up(&w));

	/* Somebody else takes the leaf away after we looked. */
	u = (struct kmem_blk_update) { .lblk = 5, .nr = 1, .pages = &page };
	dax_kmem_alloc_pages(kp, &page, 1, 0);
	world_put(&w, page, 5, 3);
	EXPECT(!kmem_blk_map_nodes_wanted(&w.map, &u));
	EXPECT(!kmem_blk_map_stage(&w.map, &u));
	EXPECT(!world_drop(&w, 0));
	EXPECT(kmem_blk_map_commit(&w.map, &u) == -EAGAIN);
	EXPECT(world_version(kp, page, 5) == 3);
	EXPECT(kmem_blk_map_nodes_wanted(&w.map, &u) == 1);
	u.nr_spare = dax_kmem_alloc_pages(kp, u.spare, 1, 0);
	EXPECT(!kmem_blk_map_stage(&w.map, &u));
	EXPECT(!kmem_blk_map_commit(&w.map, &u));
	world_unused(&w, &u);
	EXPECT(world_get(&w.map, 5) == 3);
	EXPECT(world_get(&w.map, 6) == 0);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, NULL, 0));
	world_delete(&w);
}

/* The root is the leaf. */
static void test_tiny(void)
{
	static const u64 lblks[] = { 0, 1, 2, 99 };
	u64 pages[2] = { 9, 10 };
	struct kmem_blk_update u = {
		.lblk = 0, .nr = 2, .flags = KMEM_BLK_UPDATE_ATOMIC,
		.pages = pages,
	};
	struct world w;

	world_new(&w, fake_kp_new(64), 100);
	EXPECT(w.map.root_level == 0);
	EXPECT(kmem_blk_map_leaf_exists(&w.map, 0));
	EXPECT(!kmem_blk_map_replaceable(&w.map));
	EXPECT(kmem_blk_map_stage(&w.map, &u) == -EOPNOTSUPP);
	EXPECT(world_drop(&w, 0) == -EOPNOTSUPP);
	EXPECT(!world_write(&w, 0, 2, 0, 1));
	EXPECT(!world_write(&w, 99, 1, 0, 2));
	EXPECT(!world_discard(&w, 0, 100));
	EXPECT(kmem_blk_map_leaf_exists(&w.map, 0));
	EXPECT(!world_write(&w, 1, 1, 0, 3));
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));
	world_delete(&w);
}

static u64 page_of(struct world *w, u64 lblk)
{
	u64 dpn = 0;

	rcu_read_lock();
	if (kmem_blk_map_lookup(&w->map, lblk, &dpn) != KMEM_BLK_ENTRY_DATA)
		dpn = 0;
	rcu_read_unlock();
	return dpn;
}

static void move_prepare(struct world *w, struct kmem_blk_map_move *move,
			 u64 lblk)
{
	move->lblk = lblk;
	move->from = page_of(w, lblk);
	dax_kmem_alloc_pages(w->kp, &move->to, 1, 0);
	world_copy(w, move->to, move->from);
}

static void test_move(void)
{
	static const u64 lblks[] = { 0, 1, 7, 8, 9, 10, 511, 512 };
	struct kmem_blk_map_move moves[4];
	struct kmem_blk_map_count before, after;
	u64 pages[6], used, to, leaf;
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 7, 4, 0, 1));
	EXPECT(!world_write(&w, 0, 1, 0, 2));
	EXPECT(!world_write(&w, 511, 1, 0, 3));
	EXPECT(!world_write(&w, 512, 1, 0, 4));
	kmem_blk_map_count(&w.map, &before);
	used = w.kp->nr_used;
	leaf = w.map.leaves[0].dpn;

	/* All that is mapped; holes and the other leaf stay. */
	pages[0] = page_of(&w, 0);
	for (unsigned int i = 0; i < 4; i++)
		pages[1 + i] = page_of(&w, 7 + i);
	pages[5] = page_of(&w, 512);
	EXPECT(!world_move(&w, 0, 512));
	EXPECT(page_of(&w, 0) && page_of(&w, 0) != pages[0]);
	for (unsigned int i = 0; i < 4; i++)
		EXPECT(page_of(&w, 7 + i) && page_of(&w, 7 + i) != pages[1 + i]);
	for (unsigned int i = 0; i < 5; i++)
		EXPECT(!w.kp->used[pages[i]]);
	EXPECT(page_of(&w, 512) == pages[5]);
	EXPECT(w.map.leaves[0].dpn == leaf);
	for (unsigned int i = 0; i < 4; i++)
		EXPECT(world_get(&w.map, 7 + i) == 1);
	EXPECT(world_get(&w.map, 0) == 2);
	EXPECT(world_get(&w.map, 1) == 0);
	EXPECT(world_get(&w.map, 511) == 3);
	EXPECT(world_get(&w.map, 512) == 4);
	kmem_blk_map_count(&w.map, &after);
	EXPECT(!memcmp(&before, &after, sizeof(before)));
	EXPECT(w.kp->nr_used == used);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));

	/* A writer is faster with one, a discard with another. */
	for (unsigned int i = 0; i < 4; i++)
		move_prepare(&w, &moves[i], 7 + i);
	pages[0] = moves[0].from;
	pages[3] = moves[3].from;
	EXPECT(!world_write(&w, 8, 1, 0, 5));
	EXPECT(!world_discard(&w, 9, 1));
	kmem_blk_map_count(&w.map, &before);
	to = page_of(&w, 8);
	kmem_blk_map_move(&w.map, moves, 4);
	EXPECT(moves[0].from == pages[0] && page_of(&w, 7) == moves[0].to);
	EXPECT(!moves[1].from && page_of(&w, 8) == to);
	EXPECT(!moves[2].from && !page_of(&w, 9));
	EXPECT(moves[3].from == pages[3] && page_of(&w, 10) == moves[3].to);
	kmem_blk_map_count(&w.map, &after);
	EXPECT(!memcmp(&before, &after, sizeof(before)));
	for (unsigned int i = 0; i < 4; i++)
		dax_kmem_free_pages(w.kp, moves[i].from ? &moves[i].from :
				    &moves[i].to, 1);
	EXPECT(world_get(&w.map, 7) == 1);
	EXPECT(world_get(&w.map, 8) == 5);
	EXPECT(world_get(&w.map, 9) == 0);
	EXPECT(world_get(&w.map, 10) == 1);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));

	/* A damaged entry is nobody's; its page is not freed. */
	move_prepare(&w, &moves[0], 7);
	w.map.leaves[0].ents[7] ^= 1;
	kmem_blk_map_move(&w.map, moves, 1);
	EXPECT(!moves[0].from);
	w.map.leaves[0].ents[7] ^= 1;
	dax_kmem_free_pages(w.kp, &moves[0].to, 1);
	EXPECT(world_get(&w.map, 7) == 1);

	/* The leaf goes away. */
	move_prepare(&w, &moves[0], 0);
	move_prepare(&w, &moves[1], 511);
	EXPECT(!world_drop(&w, 0));
	kmem_blk_map_move(&w.map, moves, 2);
	EXPECT(!moves[0].from && !moves[1].from);
	EXPECT(!kmem_blk_map_leaf_exists(&w.map, 0));
	dax_kmem_free_pages(w.kp, &moves[0].to, 1);
	dax_kmem_free_pages(w.kp, &moves[1].to, 1);
	EXPECT(world_get(&w.map, 0) == 0);
	EXPECT(world_get(&w.map, 512) == 4);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));
	world_delete(&w);
}

static void test_move_leaf(void)
{
	static const u64 lblks[] = { 0, 1, 300, 511, 512, 513 };
	struct kmem_blk_map_count before, after;
	u64 used, from, other, to;
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	/* No leaf, and no parent. */
	EXPECT(!kmem_blk_map_leaf_page(&w.map, 0));
	EXPECT(!world_move_leaf(&w, 0));
	dax_kmem_alloc_pages(w.kp, &to, 1, 0);
	EXPECT(kmem_blk_map_move_leaf(&w.map, 0, 5, to) == -EAGAIN);
	EXPECT(!kmem_blk_map_leaf_exists(&w.map, 0));

	EXPECT(!world_write(&w, 0, 2, 0, 1));
	EXPECT(!world_write(&w, 300, 1, 0, 2));
	EXPECT(!world_write(&w, 511, 1, 0, 3));
	EXPECT(!world_write(&w, 512, 1, 0, 4));
	kmem_blk_map_count(&w.map, &before);
	used = w.kp->nr_used;
	from = kmem_blk_map_leaf_page(&w.map, 0);
	other = kmem_blk_map_leaf_page(&w.map, 1);
	EXPECT(from == w.map.leaves[0].dpn);
	EXPECT(!kmem_blk_map_move_leaf(&w.map, 0, from, to));
	dax_kmem_free_pages(w.kp, &from, 1);
	EXPECT(kmem_blk_map_leaf_page(&w.map, 0) == to);
	EXPECT(kmem_blk_map_leaf_page(&w.map, 1) == other);
	EXPECT((u8 *)w.map.leaves[0].ents == w.kp->mem + to * FAKE_PAGE);
	kmem_blk_map_count(&w.map, &after);
	EXPECT(!memcmp(&before, &after, sizeof(before)));
	EXPECT(w.kp->nr_used == used - 1);
	EXPECT(world_get(&w.map, 1) == 1);
	EXPECT(world_get(&w.map, 2) == 0);
	EXPECT(world_get(&w.map, 300) == 2);
	EXPECT(world_get(&w.map, 511) == 3);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));

	/* Its page was another one, or is another one by now. */
	dax_kmem_alloc_pages(w.kp, &to, 1, 0);
	EXPECT(kmem_blk_map_move_leaf(&w.map, 0, from, to) == -EAGAIN);
	EXPECT(kmem_blk_map_move_leaf(&w.map, 0, other, to) == -EAGAIN);
	EXPECT(kmem_blk_map_move_leaf(&w.map, 0, 0, to) == -EAGAIN);
	from = kmem_blk_map_leaf_page(&w.map, 0);
	EXPECT(!world_write(&w, 0, 2, KMEM_BLK_UPDATE_ATOMIC, 5));
	EXPECT(kmem_blk_map_move_leaf(&w.map, 0, from, to) == -EAGAIN);
	from = kmem_blk_map_leaf_page(&w.map, 0);
	EXPECT(!world_drop(&w, 0));
	EXPECT(kmem_blk_map_move_leaf(&w.map, 0, from, to) == -EAGAIN);
	EXPECT(!kmem_blk_map_leaf_page(&w.map, 0));
	dax_kmem_free_pages(w.kp, &to, 1);
	EXPECT(world_adds_up(&w));

	/* What is written afterwards is written to the new one. */
	EXPECT(!world_move_leaf(&w, 1));
	EXPECT(kmem_blk_map_leaf_page(&w.map, 1) != other);
	EXPECT(!world_write(&w, 513, 1, 0, 6));
	EXPECT(!world_move(&w, 512, 2));
	EXPECT(world_get(&w.map, 512) == 4);
	EXPECT(world_get(&w.map, 513) == 6);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));
	EXPECT(!world_discard(&w, 512, 2));
	EXPECT(!kmem_blk_map_leaf_exists(&w.map, 1));
	EXPECT(world_adds_up(&w));
	world_delete(&w);

	/* The root stays where it is: the superblock refers to it. */
	world_new(&w, fake_kp_new(64), 100);
	EXPECT(!world_write(&w, 0, 2, 0, 1));
	from = w.map.leaves[0].dpn;
	EXPECT(!kmem_blk_map_leaf_page(&w.map, 0));
	EXPECT(!world_move_leaf(&w, 0));
	EXPECT(w.map.leaves[0].dpn == from);
	other = page_of(&w, 1);
	EXPECT(!world_move(&w, 0, 2));
	EXPECT(page_of(&w, 1) != other && world_get(&w.map, 1) == 1);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, 2));
	world_delete(&w);
}

/* The largest tree: four levels, more than the device by far. */
static void test_tall(void)
{
	u64 lblks[] = { 0, (1ULL << 27) + 5, (1ULL << 27) + 512 };
	struct world w;

	world_new(&w, fake_kp_new(64), (1ULL << 27) + 1000);
	EXPECT(w.map.root_level == 3);
	for (unsigned int i = 0; i < ARRAY_SIZE(lblks); i++)
		EXPECT(!world_write(&w, lblks[i], 1, 0, i + 1));
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));
	world_delete(&w);
}

static void test_no_space(void)
{
	struct world w;
	int err = 0;
	u64 n;

	world_new(&w, fake_kp_new(40), NR_LBLKS);
	for (n = 0; !err; n++)
		err = world_write(&w, n * 512, 1, 0, 1);
	EXPECT(err == -ENOSPC);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, NULL, 0));
	/* No page leaks on the way: all is free when all is unmapped. */
	for (u64 i = 0; i < n; i++)
		EXPECT(!world_drop(&w, i));
	EXPECT(w.kp->nr_used == 2 + 2 * 2);
	world_delete(&w);
}

/*
 * Damage
 */

static int attach_error(struct world *w, struct kmem_blk_map_error *error)
{
	struct kmem_persist *kp = fake_kp_over(w->kp->mem, w->kp->nr_pages);
	u8 *before = malloc(kp->nr_pages * FAKE_PAGE);
	struct kmem_blk_map map;
	int err;

	memcpy(before, kp->mem, kp->nr_pages * FAKE_PAGE);
	err = kmem_blk_map_attach(&map, kp, &w->bsb, error);
	if (!err)
		kmem_blk_map_detach(&map);
	/* Neither success nor failure may write. */
	EXPECT(!memcmp(before, kp->mem, kp->nr_pages * FAKE_PAGE));
	free(before);
	fake_kp_delete(kp);
	return err;
}

/* The other page of a node; of a leaf the page itself. */
static u64 twin_of(const struct world *w, u64 dpn)
{
	for (unsigned int level = 1; level <= w->map.root_level; level++)
		for (u64 i = 0; i < kmem_blk_level_nodes(w->map.nr_lblks, level); i++)
			if (w->map.nodes[level][i].copies.dpn == dpn)
				return w->map.nodes[level][i].copies.twin;
	return dpn;
}

static u64 *word_at(const struct world *w, u64 dpn, unsigned int slot)
{
	return (u64 *)(w->kp->mem + dpn * FAKE_PAGE) + slot;
}

/* In both copies. */
static void refuse(struct world *w, u64 dpn, unsigned int slot, u64 word,
		   const char *reason)
{
	u64 *entry = word_at(w, dpn, slot), *twin = word_at(w, twin_of(w, dpn), slot);
	struct kmem_blk_map_error error;
	u64 old = *entry, old_twin = *twin;

	*entry = word;
	*twin = word;
	EXPECT(attach_error(w, &error) == -EUCLEAN);
	EXPECT(error.reason && strstr(error.reason, reason));
	if (error.reason && !strstr(error.reason, reason))
		printf("  \"%s\" instead of \"%s\"\n", error.reason, reason);
	EXPECT(error.dpn == dpn);
	/* but for its check */
	EXPECT(error.found == (word & KMEM_BLK_ENTRY_LOW_MASK));
	*entry = old;
	*twin = old_twin;
}

#define ENTRY(...) kmem_blk_entry_encode(__VA_ARGS__)

static void test_damage_refused(void)
{
	struct kmem_blk_map_error error;
	struct kmem_blk_superblock bsb;
	u64 root, node, leaf, data, page;
	struct world w;
	u32 seed;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 2, 0, 1));
	EXPECT(!world_write(&w, 512, 1, 0, 1));
	seed = w.map.seed;
	root = le64_to_cpu(w.bsb.root) & KMEM_BLK_ENTRY_DPN_MASK;
	node = w.map.nodes[1][0].copies.dpn;
	leaf = w.map.leaves[0].dpn;
	rcu_read_lock();
	EXPECT(kmem_blk_map_lookup(&w.map, 0, &data) == KMEM_BLK_ENTRY_DATA);
	rcu_read_unlock();

	refuse(&w, leaf, 0, 0, "check");
	refuse(&w, leaf, 0, ~0ULL, "check");
	refuse(&w, leaf, 100, 0, "check");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 1, KMEM_BLK_ENTRY_DATA, data), "check");
	refuse(&w, leaf, 0, ENTRY(seed, 1, 0, KMEM_BLK_ENTRY_DATA, data), "check");
	refuse(&w, leaf, 0, ENTRY(~seed, 0, 0, KMEM_BLK_ENTRY_DATA, data), "check");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 0, KMEM_BLK_ENTRY_HOLE, 9), "names a page");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 0, KMEM_BLK_ENTRY_LOST, 9), "names a page");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 0, KMEM_BLK_ENTRY_HUGE, 9), "type");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 0, KMEM_BLK_ENTRY_NODE, 9), "type");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 0, 12, 9), "type");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 0, KMEM_BLK_ENTRY_DATA, 0), "outside");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 0, KMEM_BLK_ENTRY_DATA, 1), "outside");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 0, KMEM_BLK_ENTRY_DATA, NR_PAGES),
	       "outside");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 0, KMEM_BLK_ENTRY_DATA,
				  KMEM_BLK_ENTRY_DPN_MASK), "outside");
	refuse(&w, node, 0, ENTRY(seed, 1, 0, KMEM_BLK_ENTRY_DATA, leaf), "type");
	refuse(&w, node, 0, ENTRY(seed, 1, 0, KMEM_BLK_ENTRY_LOST, leaf), "names a page");
	refuse(&w, node, 0, ENTRY(seed, 1, 0, KMEM_BLK_ENTRY_NODE + 1, leaf),
	       "type");

	/* Referred to twice: data, leaf, node, root, in every combination. */
	refuse(&w, leaf, 1, ENTRY(seed, 0, 1, KMEM_BLK_ENTRY_DATA, data), "twice");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 0, KMEM_BLK_ENTRY_DATA, leaf), "twice");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 0, KMEM_BLK_ENTRY_DATA, node), "twice");
	refuse(&w, leaf, 0, ENTRY(seed, 0, 0, KMEM_BLK_ENTRY_DATA, root), "twice");
	refuse(&w, node, 1, ENTRY(seed, 1, 1, KMEM_BLK_ENTRY_NODE, leaf), "twice");
	refuse(&w, node, 7, ENTRY(seed, 1, 7, KMEM_BLK_ENTRY_NODE, node), "twice");
	refuse(&w, root, 1, ENTRY(seed, 2, 1, KMEM_BLK_ENTRY_NODE + 1, root),
	       "twice");

	/* Behind the end of the disk: 3 nodes and 1000 blocks are there. */
	page = NR_PAGES / 2;
	refuse(&w, root, 4, ENTRY(seed, 2, 4, KMEM_BLK_ENTRY_NODE + 1, page),
	       "behind the end");
	refuse(&w, root, 4, ENTRY(seed, 2, 4, KMEM_BLK_ENTRY_LOST, 0), "behind the end");
	/* A node of garbage, as freed memory is. */
	{
		u64 *entry = word_at(&w, node, 9), *twin = word_at(&w, twin_of(&w, node), 9);
		u64 old = *entry;

		*entry = ENTRY(seed, 1, 9, KMEM_BLK_ENTRY_NODE, page);
		*twin = *entry;
		EXPECT(attach_error(&w, &error) == -EUCLEAN);
		EXPECT(error.dpn == page &&
		       error.found == (FAKE_GARBAGE & KMEM_BLK_ENTRY_LOW_MASK));
		*entry = old;
		*twin = old;
	}

	/* The superblock. */
	bsb = w.bsb;
#define REFUSE_SB(change)	REFUSE_SB_AS(-EUCLEAN, change)
#define REFUSE_SB_AS(err, change) do {					\
	change;								\
	EXPECT(attach_error(&w, &error) == (err));			\
	EXPECT(error.reason);						\
	w.bsb = bsb;							\
} while (0)
	REFUSE_SB(w.bsb.node_shift = 8);
	REFUSE_SB(w.bsb.nr_lblks = 0);
	REFUSE_SB(w.bsb.nr_lblks = ~0ULL);
	REFUSE_SB(w.bsb.nr_lblks = (1ULL << 36) + 1);
	REFUSE_SB(w.bsb.nr_lblks = 512);
	REFUSE_SB_AS(-EPROTONOSUPPORT, w.bsb.entry_seed++);
	REFUSE_SB(w.bsb.root = 0);
	REFUSE_SB(w.bsb.root = ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_HOLE, 0));
	REFUSE_SB(w.bsb.root = ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_NODE + 1, root));
	REFUSE_SB(w.bsb.root = ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_NODE + 2, 0));
	/* Not one entry belongs there, and the twin has all of them. */
	w.bsb.root = ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_NODE + 2, node);
	EXPECT(!attach_error(&w, &error));
	REFUSE_SB(w.bsb.root_twin = 0;
		  w.bsb.root = ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_NODE + 2, node));
	REFUSE_SB_AS(-EPROTONOSUPPORT, w.bsb.badlist = 0);
	REFUSE_SB_AS(-EPROTONOSUPPORT, w.bsb.badlist = w.bsb.reserved_root[0]);
	REFUSE_SB_AS(-EPROTONOSUPPORT,
		     w.bsb.reserved_root[1] = ENTRY(seed, KMEM_BLK_LEVEL_SB, 2,
						    KMEM_BLK_ENTRY_DATA, page));
	REFUSE_SB(w.bsb.root_twin++);
	REFUSE_SB(w.bsb.root_twin = ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_HOLE, 0));
	REFUSE_SB(w.bsb.root_twin = ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_LOST, 0));
	REFUSE_SB(w.bsb.root_twin = ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_NODE + 1, root));
	REFUSE_SB(w.bsb.root_twin = ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_NODE + 2, node));
	/* A page of one tree in the other one. */
	REFUSE_SB(*word_at(&w, twin_of(&w, root), 0) =
			  ENTRY(seed, 2, 0, KMEM_BLK_ENTRY_NODE + 1, leaf));
	*word_at(&w, twin_of(&w, root), 0) =
		ENTRY(seed, 2, 0, KMEM_BLK_ENTRY_NODE + 1, twin_of(&w, node));
	EXPECT(!attach_error(&w, &error));
	world_delete(&w);
}

/* In parts, the last first: returns the first error. */
static int attach_parts(struct world *w, struct kmem_blk_map_count *count,
			struct kmem_blk_map_error *error, u64 *nr_scanned)
{
	struct kmem_persist *kp = fake_kp_over(w->kp->mem, w->kp->nr_pages);
	struct kmem_blk_scan *scan;
	struct kmem_blk_map map;
	struct kmem_blk_copies root, *parts;
	int err;

	err = kmem_blk_map_open(&map, kp, &w->bsb, error, &root);
	EXPECT(!err);
	parts = calloc(kmem_blk_map_nr_parts(&map), sizeof(*parts));
	scan = kmem_blk_scan_alloc(&map, error);
	err = kmem_blk_scan_top(scan, &root, parts);
	for (u64 i = kmem_blk_map_nr_parts(&map); i-- && !err;)
		if (parts[i].dpn)
			err = kmem_blk_scan_part(scan, i, &parts[i]);
	kmem_blk_scan_free(scan);
	*nr_scanned = map.nr_scanned;
	if (!err)
		kmem_blk_map_count(&map, count);
	kmem_blk_map_detach(&map);
	free(parts);
	fake_kp_delete(kp);
	return err;
}

/* Many or one: the same map, and a page of two parts is noticed in any order. */
static void test_parts(void)
{
	const u64 second = KMEM_BLK_PART_BLOCKS;
	struct kmem_blk_map_count one, many;
	struct kmem_blk_map_error error;
	u64 *entry, old, nr_scanned;
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 3, 0, 1));
	EXPECT(!world_write(&w, 512, 1, 0, 1));
	EXPECT(!world_write(&w, second, 2, 0, 1));
	kmem_blk_map_count(&w.map, &one);
	EXPECT(!attach_parts(&w, &many, &error, &nr_scanned));
	EXPECT(!memcmp(&one, &many, sizeof(one)));
	EXPECT(nr_scanned == one.node_pages);

	entry = (u64 *)(w.kp->mem +
			w.map.leaves[kmem_blk_map_leaf_index(second)].dpn * FAKE_PAGE);
	old = *entry;
	*entry = kmem_blk_entry_encode(w.map.seed, 0, second, KMEM_BLK_ENTRY_DATA,
				       page_of(&w, 1));
	/* The last part comes first: then the other one is told. */
	EXPECT(attach_parts(&w, &many, &error, &nr_scanned) == -EUCLEAN);
	EXPECT(strstr(error.reason, "twice") && error.index == 1);
	/* Alone, it is always what comes later in the map. */
	EXPECT(attach_error(&w, &error) == -EUCLEAN);
	EXPECT(strstr(error.reason, "twice") && error.index == second);
	*entry = old;
	world_delete(&w);
}

/* A seed for which nothing is left of the check of an entry but its replacement. */
static u32 seed_without_check(u64 index, u64 low)
{
	u32 seed = 0;

	while (kmem_blk_entry_crc(seed, 0, index, low) >> 12)
		seed++;
	return seed;
}

/* One of 2^20 entries has a check that would be 0. */
static void test_no_check(void)
{
	struct kmem_blk_map_error error;
	u64 low, good, leaf;
	struct world w;

	/* a hole */
	world_new_seed(&w, fake_kp_new(NR_PAGES), NR_LBLKS, seed_without_check(7, 0));
	EXPECT(!world_write(&w, 0, 2, 0, 1));
	leaf = w.map.leaves[0].dpn;
	good = 0xfffffULL << KMEM_BLK_ENTRY_CHECK_SHIFT;
	EXPECT(((u64 *)(w.kp->mem + leaf * FAKE_PAGE))[7] == good);
	EXPECT(!attach_error(&w, &error));
	refuse(&w, leaf, 7, 0, "check");
	low = (u64)KMEM_BLK_ENTRY_DATA << KMEM_BLK_ENTRY_TYPE_SHIFT | page_of(&w, 1);
	world_delete(&w);

	/* a block of data, which comes to the same page */
	world_new_seed(&w, fake_kp_new(NR_PAGES), NR_LBLKS, seed_without_check(1, low));
	EXPECT(!world_write(&w, 0, 2, 0, 1));
	leaf = w.map.leaves[0].dpn;
	good = 0xfffffULL << KMEM_BLK_ENTRY_CHECK_SHIFT | low;
	EXPECT(((u64 *)(w.kp->mem + leaf * FAKE_PAGE))[1] == good);
	EXPECT(!attach_error(&w, &error));
	refuse(&w, leaf, 1, low, "check");
	world_delete(&w);
}

/* What cannot be read any more is said to be lost, and nothing else. */
static void test_lose(void)
{
	static const u64 lblks[] = { 0, 1, 2, 512 };
	struct kmem_blk_map_count count;
	u64 dpn, page;
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!kmem_blk_map_lose(&w.map, 0, 9));
	EXPECT(!world_write(&w, 0, 3, 0, 1));
	page = page_of(&w, 1);
	/* It is somewhere else, or another block is there. */
	EXPECT(!kmem_blk_map_lose(&w.map, 1, page + 1));
	EXPECT(!kmem_blk_map_lose(&w.map, 3, page));
	/* It was cleared meanwhile, and is the block's again. */
	w.kp->cleared = true;
	EXPECT(!kmem_blk_map_lose(&w.map, 1, page));
	w.kp->cleared = false;
	EXPECT(kmem_blk_map_lose(&w.map, 1, page));
	EXPECT(!kmem_blk_map_lose(&w.map, 1, page));
	dax_kmem_free_pages(w.kp, &page, 1);
	EXPECT(kmem_blk_map_lookup(&w.map, 1, &dpn) == KMEM_BLK_ENTRY_LOST);
	EXPECT(world_get(&w.map, 0) == 1 && world_get(&w.map, 2) == 1);
	kmem_blk_map_count(&w.map, &count);
	EXPECT(count.mapped_blocks == 2 && count.lost_blocks == 1);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));

	/* It keeps its leaf until it is written or discarded. */
	EXPECT(!world_discard(&w, 0, 1));
	EXPECT(!world_discard(&w, 2, 1));
	EXPECT(kmem_blk_map_leaf_exists(&w.map, 0));
	EXPECT(!world_write(&w, 1, 1, 0, 2));
	EXPECT(world_get(&w.map, 1) == 2);
	page = page_of(&w, 1);
	EXPECT(kmem_blk_map_lose(&w.map, 1, page));
	dax_kmem_free_pages(w.kp, &page, 1);
	EXPECT(!world_discard(&w, 1, 1));
	EXPECT(!kmem_blk_map_leaf_exists(&w.map, 0));
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));
	world_delete(&w);
}

/* One wrong bit is found, of each entry; of two nothing is made. */
static void test_mend(void)
{
	static const unsigned int types[] = {
		KMEM_BLK_ENTRY_HOLE, KMEM_BLK_ENTRY_LOST, KMEM_BLK_ENTRY_DATA,
	};
	struct kmem_blk_map map = { .nr_pages = KMEM_BLK_ENTRY_DPN_MASK, .seed = 0x1234567 };
	unsigned long nr = 0;

	for (unsigned int i = 0; i < 48; i++) {
		const unsigned int level = i % 4;
		unsigned int type = types[i / 4 % 3];
		const u64 any = i * 0x9e3779b97f4a7c15ULL >> 32;
		u64 index = any >> level * 8, dpn, word;
		const char *reason;

		dpn = type == KMEM_BLK_ENTRY_DATA ?
		      KMEM_PERSIST_FIRST_PAGE + (any >> i / 2) : 0;
		if (type == KMEM_BLK_ENTRY_DATA && level)
			type = KMEM_BLK_ENTRY_NODE + level - 1;
		word = ENTRY(map.seed, level, index, type, dpn);
		EXPECT(kmem_blk_entry_verify(&map, level, index, word, &dpn, &reason) >= 0);
		/* A check that was computed as 0 is not that of the code. */
		if (word >> KMEM_BLK_ENTRY_CHECK_SHIFT == 0xfffff)
			continue;
		EXPECT(!kmem_blk_entry_mend(&map, level, index, word));
		for (unsigned int a = 0; a < 64; a++) {
			EXPECT(kmem_blk_entry_mend(&map, level, index, word ^ BIT_ULL(a)) == word);
			for (unsigned int b = 0; b < a; b++, nr++)
				EXPECT(!kmem_blk_entry_mend(&map, level, index,
							    word ^ BIT_ULL(a) ^ BIT_ULL(b)));
		}
	}
	/* Behind the end of the device, and where superblocks are, there was nothing. */
	map.nr_pages = NR_PAGES;
	EXPECT(!kmem_blk_entry_mend(&map, 0, 1, 1 ^ ENTRY(map.seed, 0, 1, KMEM_BLK_ENTRY_DATA,
							  NR_PAGES)));
	EXPECT(!kmem_blk_entry_mend(&map, 0, 1, 1 ^ ENTRY(map.seed, 0, 1, KMEM_BLK_ENTRY_DATA,
							  KMEM_PERSIST_FIRST_PAGE - 1)));
	printf("  %lu pairs of bits\n", nr);
}

/* Entries above the leaves that are LOST. */
static void test_gone(void)
{
	static const u64 lblks[] = { 0, 1, 511, 512, 1023, 1 << 18, (1 << 18) + 512 };
	const u64 nr_lblks = (1 << 18) + 513;
	struct kmem_blk_map_error error;
	struct kmem_blk_map_count count;
	struct kmem_blk_superblock bsb;
	u64 *root, *twin, old_leaf, dpn;
	struct world w;
	bool mapped;

	world_new(&w, fake_kp_new(NR_PAGES), nr_lblks);
	root = (u64 *)w.map.nodes[2][0].ents;
	twin = (u64 *)w.map.nodes[2][0].twin;
	for (u64 i = 0; i < 2; i++) {
		root[i] = ENTRY(w.map.seed, 2, i, KMEM_BLK_ENTRY_LOST, 0);
		twin[i] = root[i];
	}
	kmem_blk_map_detach(&w.map);
	fake_kp_forget(w.kp);
	bsb = w.bsb;
	w.bsb.root = cpu_to_le64(ENTRY(le32_to_cpu(bsb.entry_seed), 3, 0,
				       KMEM_BLK_ENTRY_LOST, 0));
	EXPECT(attach_error(&w, &error) == -EUCLEAN);
	w.bsb = bsb;
	fake_kp_forget(w.kp);
	EXPECT(!kmem_blk_map_attach(&w.map, w.kp, &w.bsb, &error));
	kmem_blk_map_count(&w.map, &count);
	EXPECT(count.lost_blocks == nr_lblks && !count.mapped_blocks);
	EXPECT(count.node_pages == 2 && world_adds_up(&w));
	EXPECT(!kmem_blk_map_leaf_exists(&w.map, 0) && kmem_blk_map_leaf_is_lost(&w.map, 0));
	EXPECT(!kmem_blk_map_leaf_page(&w.map, 0));
	for (unsigned int i = 0; i < ARRAY_SIZE(lblks); i++)
		EXPECT(world_get(&w.map, lblks[i]) == WORLD_LOST);
	EXPECT(kmem_blk_map_run(&w.map, 0, 512, &mapped) == 512 && !mapped);
	EXPECT(!kmem_blk_map_lose(&w.map, 0, 0));
	EXPECT(kmem_blk_map_move_leaf(&w.map, 0, 0, 9) == -EAGAIN);
	EXPECT(!kmem_blk_map_droppable(&w.map, 0));
	EXPECT(kmem_blk_map_drop_leaf(&w.map, 0, &old_leaf) == -EOPNOTSUPP);

	/* The first block makes two nodes, and the rest of them says what was said. */
	EXPECT(!world_write(&w, 1, 1, 0, 5));
	kmem_blk_map_count(&w.map, &count);
	EXPECT(count.lost_blocks == nr_lblks - 1 && count.node_pages == 5);
	EXPECT(world_get(&w.map, 1) == 5 && world_get(&w.map, 0) == WORLD_LOST);
	EXPECT(world_get(&w.map, 512) == WORLD_LOST);
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));

	/* With a parent a leaf is dropped at once, without one its blocks are. */
	EXPECT(!kmem_blk_map_drop_leaf(&w.map, 1, &old_leaf) && !old_leaf);
	EXPECT(!world_get(&w.map, 512) && !world_get(&w.map, 1023));
	EXPECT(!world_drop(&w, (1 << 18) / 512));
	EXPECT(!world_get(&w.map, 1 << 18) && world_get(&w.map, (1 << 18) + 512) == WORLD_LOST);
	kmem_blk_map_count(&w.map, &count);
	EXPECT(count.lost_blocks == nr_lblks - 1 - 512 - 512 && count.node_pages == 7);

	/* The last leaf has one block. */
	EXPECT(!world_discard(&w, (1 << 18) + 512, 1));
	kmem_blk_map_count(&w.map, &count);
	EXPECT(count.lost_blocks == nr_lblks - 1 - 512 - 512 - 1 && count.node_pages == 7);
	EXPECT(kmem_blk_map_leaf_is_hole(&w.map, w.map.nr_leaves - 1));
	EXPECT(kmem_blk_map_lookup(&w.map, 1, &dpn) == KMEM_BLK_ENTRY_DATA);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));
	world_delete(&w);
}

static void test_runs(void)
{
	struct world w;
	bool mapped;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 3, 2, 0, 1));
	EXPECT(kmem_blk_map_run(&w.map, 0, 512, &mapped) == 3 && !mapped);
	EXPECT(kmem_blk_map_run(&w.map, 3, 509, &mapped) == 2 && mapped);
	EXPECT(kmem_blk_map_run(&w.map, 4, 1, &mapped) == 1 && mapped);
	EXPECT(kmem_blk_map_run(&w.map, 5, 507, &mapped) == 507 && !mapped);
	world_delete(&w);
}

static struct world *grower;

/* Another task makes the same nodes, while ours are on their way. */
static void grow_meanwhile(struct media_site *site)
{
	struct world *w = grower;

	if (!w || strcmp(site->func, "kmem_blk_grow"))
		return;
	grower = NULL;
	EXPECT(!world_write(w, 700, 1, 0, 2));
}

static void test_nodes_at_once(void)
{
	static const struct media_ops ops = { .fence = grow_meanwhile };
	static const u64 lblks[] = { 0, 699, 700, 701, 1024 };
	u64 page = 0;
	struct kmem_blk_update u = {
		.lblk = 5, .nr = 1, .flags = KMEM_BLK_UPDATE_HOLE, .pages = &page,
	};
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	media_ops = &ops;
	grower = &w;
	EXPECT(!world_write(&w, 1024, 1, 0, 1));
	media_ops = NULL;
	EXPECT(!grower);
	EXPECT(world_get(&w.map, 700) == 2 && world_get(&w.map, 1024) == 1);
	/* One node of 1 GiB, and the pages that were for another are free again. */
	EXPECT(w.kp->nr_used == 2 + 2 * 2 + 2 + 2);
	EXPECT(world_adds_up(&w));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));

	/* What only unmaps needs no nodes, also where there are none. */
	EXPECT(!kmem_blk_map_nodes_wanted(&w.map, &u));
	EXPECT(!kmem_blk_map_stage(&w.map, &u));
	EXPECT(!kmem_blk_map_commit(&w.map, &u) && !page);
	EXPECT(w.kp->nr_used == 2 + 2 * 2 + 2 + 2);
	world_delete(&w);
}

/* A copy of the leaf is wanted, and there is no page for it. */
static void test_no_copy(void)
{
	struct world w;
	u64 pages[2];
	struct kmem_blk_update u = {
		.lblk = 0, .nr = 2, .flags = KMEM_BLK_UPDATE_ATOMIC, .pages = pages,
	};

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 1, 0, 1));
	EXPECT(dax_kmem_alloc_pages(w.kp, pages, 2, 0) == 2);
	EXPECT(kmem_blk_map_commit(&w.map, &u) == -EAGAIN);
	EXPECT(world_get(&w.map, 0) == 1 && world_get(&w.map, 1) == 0);
	/* They are still there to be tried again. */
	EXPECT(w.kp->used[pages[0]] && w.kp->used[pages[1]]);
	dax_kmem_free_pages(w.kp, pages, 2);
	world_delete(&w);
}

static void test_not_possible(void)
{
	struct kmem_persist *kp = fake_kp_new(64);
	struct kmem_blk_superblock bsb;
	struct kmem_blk_map map = {};
	struct kmem_blk_copies root = { 5, 6 }, one = { 64, 6 }, other = { 5, 64 };

	EXPECT(kmem_blk_map_format(kp, &bsb, 0, 1, &root) == -EINVAL);
	EXPECT(kmem_blk_map_format(kp, &bsb, (1ULL << 36) + 1, 1, &root) == -EINVAL);
	EXPECT(kmem_blk_map_format(kp, &bsb, 100, 1, &one) == -EINVAL);
	EXPECT(kmem_blk_map_format(kp, &bsb, 1000, 1, &other) == -EINVAL);
	EXPECT(!kmem_blk_map_format(kp, &bsb, 1ULL << 36, 1, &root));
	/* The root has a twin, unless it is a leaf. */
	EXPECT(le64_to_cpu(bsb.node_pages) == 2);
	/* The root is a leaf. */
	EXPECT(!kmem_blk_map_format(kp, &bsb, 100, 1, &root) && !bsb.root_twin);
	EXPECT(le64_to_cpu(bsb.node_pages) == 1);
	map.nr_lblks = 100;
	EXPECT(kmem_blk_map_nr_parts(&map) == 0);
	map.nr_lblks = (3ULL << 18) + 1;
	map.root_level = kmem_blk_root_level(map.nr_lblks);
	EXPECT(kmem_blk_map_nr_parts(&map) == 4);
	free(kp->mem);
	fake_kp_delete(kp);
}

/* Every allocation of an attach fails once. */
static void test_no_memory(void)
{
	struct kmem_blk_map_error error;
	struct kmem_blk_superblock bsb;
	unsigned int nr;
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 2, 0, 1));
	for (nr = 1; nr < 100; nr++) {
		shim_alloc_fail = nr;
		if (!attach_error(&w, &error))
			break;
		EXPECT(!shim_alloc_fail);
	}
	/* Leaves, two levels of nodes, buffers. */
	EXPECT(nr == 5);
	shim_alloc_fail = 0;

	/* More leaves than there can be, although the format has them. */
	bsb = w.bsb;
	w.bsb.nr_lblks = cpu_to_le64(1ULL << 36);
	w.bsb.root = cpu_to_le64(kmem_blk_entry_encode(w.map.seed, 4, 0,
						       KMEM_BLK_ENTRY_NODE + 3, 5));
	w.bsb.root_twin = 0;
	EXPECT(attach_error(&w, &error) == -ENOMEM);
	w.bsb = bsb;
	EXPECT(!attach_error(&w, &error));
	world_delete(&w);
}

static const void *media_error_at;

static int media_error_read(void *dst, const void *src, size_t len)
{
	if (media_error_at >= src && media_error_at < src + len)
		return 1;
	memcpy(dst, src, len);
	return 0;
}

/* A page with an error: whoever loads from it without asking dies, as a machine would. */
static u8 *poison;
static size_t poison_len = FAKE_PAGE;

static int poison_read(void *dst, const void *src, size_t len)
{
	if (poison && (u8 *)src + len > poison && (u8 *)src < poison + poison_len)
		return -EIO;
	memcpy(dst, src, len);
	return 0;
}

static void set_poison(void *page, bool on)
{
	poison = on ? page : NULL;
	EXPECT(!mprotect(page, FAKE_PAGE, on ? PROT_NONE : PROT_READ | PROT_WRITE));
}

static void test_poison(void)
{
	static const struct media_ops ops = { .read = poison_read };
	static const u64 lblks[] = { 0, 1, 2, 3, 512, 513 };
	struct kmem_blk_map_move move = { .lblk = 0 };
	u64 used, leaf, old_leaf, dpn, dpns[8];
	unsigned int pos = 0;
	struct world w;
	bool mapped;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 3, 0, 1) && !world_write(&w, 512, 2, 0, 1));
	move.from = page_of(&w, 0);
	leaf = w.map.leaves[0].dpn;
	used = w.kp->nr_used;
	media_ops = &ops;
	set_poison(w.kp->mem + leaf * FAKE_PAGE, true);

	EXPECT(kmem_blk_map_lookup(&w.map, 0, &dpn) == -EIO);
	EXPECT(kmem_blk_map_lookup(&w.map, 100, &dpn) == -EIO);
	EXPECT(kmem_blk_map_run(&w.map, 0, 9, &mapped) == 9 && !mapped);
	EXPECT(world_write(&w, 0, 1, 0, 2) == -EIO);
	EXPECT(world_write(&w, 3, 2, 0, 2) == -EIO);
	EXPECT(world_write(&w, 1, 2, KMEM_BLK_UPDATE_ATOMIC, 2) == -EIO);
	EXPECT(world_discard(&w, 0, 3) == -EIO);
	EXPECT(!world_lose(&w, 0) && !kmem_blk_map_lose(&w.map, 0, move.from));
	EXPECT(!world_move(&w, 0, 3) && world_move_leaf(&w, 0) == -EIO);
	EXPECT(dax_kmem_alloc_pages(w.kp, &move.to, 1, 0) == 1);
	kmem_blk_map_move(&w.map, &move, 1);
	EXPECT(!move.from);
	dax_kmem_free_pages(w.kp, &move.to, 1);
	EXPECT(w.kp->nr_used == used && world_adds_up(&w));
	/* Nothing else is. */
	EXPECT(world_get(&w.map, 512) == 1 && !world_write(&w, 513, 1, 0, 2));

	/* It was a page, and is one. */
	set_poison(poison, false);
	EXPECT(world_get(&w.map, 2) == 1 && same_again(&w, lblks, ARRAY_SIZE(lblks)));

	/* Only a line of holes: the leaf stays, as nobody can tell that it is empty. */
	poison = w.kp->mem + leaf * FAKE_PAGE + 300 * 8;
	poison_len = 64;
	EXPECT(world_get(&w.map, 2) == 1 && !world_discard(&w, 0, 3));
	EXPECT(kmem_blk_map_leaf_exists(&w.map, 0) && w.map.leaves[0].nr_used == 0);
	EXPECT(!world_write(&w, 0, 3, 0, 2) && world_write(&w, 300, 1, 0, 2) == -EIO);
	poison_len = FAKE_PAGE;

	/* It goes, and what it refers to is unknown, but not free. */
	set_poison(w.kp->mem + leaf * FAKE_PAGE, true);
	w.kp->cleared = true;
	kmem_blk_map_blame(&w.map, 512);
	EXPECT(!w.kp->nr_errors);
	kmem_blk_map_blame(&w.map, 2);
	EXPECT(w.kp->nr_errors == 1 && w.kp->error == leaf);
	/* Counted once, and not marked as bad: a line of it may be all that is. */
	kmem_blk_map_blame(&w.map, 2);
	EXPECT(w.kp->nr_errors == 1 && w.kp->bad != leaf);
	w.kp->cleared = false;
	EXPECT(!kmem_blk_map_drop_leaf(&w.map, 0, &old_leaf) && old_leaf == leaf);
	EXPECT(!kmem_blk_map_dead_pages(&w.map, 0, leaf, &pos, dpns, ARRAY_SIZE(dpns)));
	EXPECT(pos == KMEM_BLK_NODE_ENTRIES && kmem_blk_map_is_damaged(&w.map));
	set_poison(poison, false);
	EXPECT(world_get(&w.map, 0) == 0 && !world_write(&w, 1, 1, 0, 3));

	media_ops = NULL;
	world_delete(&w);
}

/* Of a node one copy cannot be read: @twin: the other one. @level: 2 is the root. */
static void lose_copy(unsigned int level, bool twin)
{
	static const struct media_ops ops = { .read = poison_read };
	static const u64 lblks[] = { 0, 1, 511, 512, 513, 1024, 1536, 1 << 18 };
	struct kmem_blk_map_count before, after;
	struct kmem_blk_map_error error;
	struct kmem_blk_node node;
	struct world w;
	u64 used, old_leaf;
	__le64 root_twin;
	u8 *bad;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 3, 0, 1) && !world_write(&w, 512, 2, 0, 2));
	EXPECT(!world_write(&w, 1024, 1, 0, 3));
	node = w.map.nodes[level][0];
	bad = (u8 *)(twin ? node.twin : node.ents);
	root_twin = w.bsb.root_twin;
	kmem_blk_map_count(&w.map, &before);
	used = w.kp->nr_used;
	/* Who is blamed for nothing is nobody. */
	media_ops = &ops;
	kmem_blk_map_blame(&w.map, 512);
	EXPECT(!w.kp->nr_errors);
	set_poison(bad, true);

	/* What is there goes on; leaves neither come nor go, in either copy. */
	EXPECT(world_get(&w.map, 0) == 1 && !world_write(&w, 0, 1, 0, 4));
	if (level == 1) {
		EXPECT(world_write(&w, 1536, 1, 0, 5) == -EIO);
		EXPECT(world_write(&w, 512, 2, KMEM_BLK_UPDATE_ATOMIC, 5) == -EIO);
		EXPECT(kmem_blk_map_drop_leaf(&w.map, 1, &old_leaf) == -EIO && !old_leaf);
		EXPECT(world_move_leaf(&w, 1) == -EIO);
		EXPECT(!world_discard(&w, 1024, 1));
		EXPECT(kmem_blk_map_leaf_exists(&w.map, 2));
		EXPECT(!world_write(&w, 1024, 1, 0, 3));
	} else {
		EXPECT(world_write(&w, 1 << 18, 1, 0, 5) == -EIO);
	}
	EXPECT(w.kp->nr_used == used && world_adds_up(&w));
	/* Whoever gets an error looks who it was; of what is known that is known. */
	kmem_blk_map_blame(&w.map, level == 1 ? 512 : 1 << 18);
	EXPECT(!w.kp->nr_errors);
	w.kp->cleared = true;
	kmem_blk_map_blame(&w.map, level == 1 ? 512 : 1 << 18);
	EXPECT(w.kp->nr_errors == 1 && w.kp->mem + w.kp->error * FAKE_PAGE == bad);
	EXPECT(w.kp->mem + w.kp->bad * FAKE_PAGE != bad);
	w.kp->cleared = false;
	w.kp->nr_errors = 0;
	kmem_blk_map_detach(&w.map);

	/* All is there, but for the page. */
	fake_kp_forget(w.kp);
	EXPECT(!kmem_blk_map_attach(&w.map, w.kp, &w.bsb, &error));
	EXPECT(w.map.nr_mended == 1 && w.kp->nr_errors == 1);
	kmem_blk_map_count(&w.map, &after);
	EXPECT(after.mapped_blocks == before.mapped_blocks);
	EXPECT(after.node_pages + level == before.node_pages);
	EXPECT(world_adds_up(&w) && w.map.nr_single == level);

	/* It, and what was below, is made anew, elsewhere: nobody ever looks there again. */
	EXPECT(!world_settle(&w) && w.map.nr_healed == level && !w.map.nr_single);
	kmem_blk_map_count(&w.map, &after);
	EXPECT(!memcmp(&before, &after, sizeof(before)) && world_adds_up(&w));
	EXPECT(world_get(&w.map, 0) == 4 && world_get(&w.map, 513) == 2);
	EXPECT(w.map.nodes[level][0].ents == (twin ? node.ents : node.twin));
	EXPECT((u8 *)w.map.nodes[level][0].twin != bad);
	EXPECT((w.bsb.root_twin != root_twin) == (level == 2));
	set_poison(bad, false);
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));

	/* So that it takes the other one. */
	bad = (u8 *)w.map.nodes[level][0].ents;
	set_poison(bad, true);
	kmem_blk_map_detach(&w.map);
	fake_kp_forget(w.kp);
	EXPECT(!kmem_blk_map_attach(&w.map, w.kp, &w.bsb, &error) && w.map.nr_single == level);
	EXPECT(!world_settle(&w) && w.map.nr_healed == level && world_adds_up(&w));
	EXPECT(world_get(&w.map, 0) == 4 && world_get(&w.map, 513) == 2);
	set_poison(bad, false);
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));
	EXPECT(!world_write(&w, 1536, 1, 0, 5) && !world_drop(&w, 1));
	EXPECT(!world_write(&w, 1 << 18, 1, 0, 6));
	EXPECT(same_again(&w, lblks, ARRAY_SIZE(lblks)));
	EXPECT(world_get(&w.map, 1536) == 5 && world_get(&w.map, 512) == 0);
	media_ops = NULL;
	world_delete(&w);
}

static void test_lost_copies(void)
{
	for (unsigned int level = 1; level <= 2; level++) {
		lose_copy(level, false);
		lose_copy(level, true);
	}
}

/* Both copies of a node cannot be read, one after the other, and as they are settled. */
static void test_no_copy_left(void)
{
	static const struct media_ops ops = { .read = poison_read };
	struct kmem_blk_map_error error;
	struct kmem_blk_node node;
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 3, 0, 1));
	node = w.map.nodes[1][0];
	media_ops = &ops;
	poison = (u8 *)node.ents;
	kmem_blk_map_detach(&w.map);
	fake_kp_forget(w.kp);
	EXPECT(!kmem_blk_map_attach(&w.map, w.kp, &w.bsb, &error));
	poison = (u8 *)node.twin;
	EXPECT(kmem_blk_map_settle(&w.map) == -EIO);
	poison = (u8 *)node.ents;
	/* There is no page for another one. */
	memset(w.kp->used, 1, w.kp->nr_pages);
	EXPECT(!world_settle(&w) && w.map.nr_single == 1 && !w.map.nr_healed);
	poison = (u8 *)node.twin;
	EXPECT(attach_error(&w, &error) == -EIO && error.dpn == node.copies.twin);
	/* Now there is. */
	poison = NULL;
	kmem_blk_map_detach(&w.map);
	fake_kp_forget(w.kp);
	EXPECT(!kmem_blk_map_attach(&w.map, w.kp, &w.bsb, &error) && w.map.nr_single == 1);
	EXPECT(!world_settle(&w) && !w.map.nr_single);
	poison = (u8 *)node.twin;
	EXPECT(!attach_error(&w, &error));
	poison = NULL;
	media_ops = NULL;
	world_delete(&w);
}

/* Attach with @nr free pages, from @first on. */
static void attach_with(struct world *w, u64 first, u64 nr)
{
	struct kmem_blk_map_error error;
	u64 used;

	kmem_blk_map_detach(&w->map);
	fake_kp_forget(w->kp);
	EXPECT(!kmem_blk_map_attach(&w->map, w->kp, &w->bsb, &error));
	used = w->kp->nr_used;
	memset(w->kp->used, 1, first);
	memset(w->kp->used + first + nr, 1, w->kp->nr_pages - first - nr);
	EXPECT(!world_settle(w));
	/* Those are gone that it took. */
	EXPECT(w->kp->nr_used == used + w->map.nr_healed && world_adds_up(w));
}

/* Copies are made from the root down, as far as there are pages that are good. */
static void test_few_pages(void)
{
	static const u64 lblks[] = { 0, 1, 512, 1 << 18, 2 << 18 };
	static const struct media_ops ops = { .read = poison_read };
	const u64 first = NR_PAGES - 100;
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	for (unsigned int i = 0; i < ARRAY_SIZE(lblks); i++)
		EXPECT(!world_write(&w, lblks[i], 1, 0, i + 1));
	w.bsb.root_twin = 0;
	attach_with(&w, first, 0);
	EXPECT(w.map.nr_single == 4 && !w.map.nr_healed && !w.bsb.root_twin);

	/* Eight pages in a row are not tried. */
	media_ops = &ops;
	poison = w.kp->mem + first * FAKE_PAGE;
	poison_len = 8 * FAKE_PAGE;
	attach_with(&w, first, 9);
	EXPECT(w.map.nr_single == 4 && !w.bsb.root_twin && w.kp->nr_errors == 8);

	/* The root, then one of those below it. */
	poison_len = 7 * FAKE_PAGE;
	attach_with(&w, first, 8);
	EXPECT(w.map.nr_single == 3 && w.map.nr_healed == 1 && w.kp->nr_errors == 8 + 7 + 8);
	EXPECT((le64_to_cpu(w.bsb.root_twin) & KMEM_BLK_ENTRY_DPN_MASK) == first + 7);
	poison_len = FAKE_PAGE;
	attach_with(&w, first, 2);
	EXPECT(w.map.nr_single == 2 && w.map.nr_healed == 1 && w.kp->nr_errors > 23);
	EXPECT(w.map.nodes[1][0].copies.twin == first + 1);
	poison = NULL;
	media_ops = NULL;
	attach_with(&w, first, 20);
	EXPECT(!w.map.nr_single && w.map.nr_healed == 2);
	/* In use as others are. */
	EXPECT(!world_write(&w, 0, 2, KMEM_BLK_UPDATE_ATOMIC, 5) && !world_drop(&w, 1));
	attach_with(&w, first, 20);
	EXPECT(!w.map.nr_single && !w.map.nr_healed && !w.map.nr_mended);
	EXPECT(world_get(&w.map, 0) == 5 && world_get(&w.map, 512) == 0);
	for (unsigned int i = 3; i < ARRAY_SIZE(lblks); i++)
		EXPECT(world_get(&w.map, lblks[i]) == i + 1);
	world_delete(&w);
}

/* Each word of each copy, damaged alone: nothing is lost, and all is as it was afterwards. */
static void test_words_of_copies(void)
{
	static const u64 lblks[] = { 0, 512, 1 << 18 };
	static const u64 bad[] = { 0, ~0ULL, 0x123456789abcdefULL };
	struct kmem_blk_map_error error;
	struct world w;
	u8 *before;

	world_new(&w, fake_kp_new(32), NR_LBLKS);
	for (unsigned int i = 0; i < ARRAY_SIZE(lblks); i++)
		EXPECT(!world_write(&w, lblks[i], 1, 0, i + 1));
	EXPECT(!kmem_blk_map_settle(&w.map));
	before = malloc(32 * FAKE_PAGE);
	memcpy(before, w.kp->mem, 32 * FAKE_PAGE);
	for (unsigned int n = 0; n < 2 * 2 * KMEM_BLK_NODE_ENTRIES; n++) {
		const struct kmem_blk_node *node = &w.map.nodes[1 + n / 2 % 2][0];
		__le64 *ents = n % 2 ? node->twin : node->ents;
		const unsigned int slot = n / 4;

		ents[slot] = bad[n % 3];
		kmem_blk_map_detach(&w.map);
		fake_kp_forget(w.kp);
		EXPECT(!kmem_blk_map_attach(&w.map, w.kp, &w.bsb, &error));
		EXPECT(w.map.nr_mended == 1);
		EXPECT(!world_settle(&w) && world_adds_up(&w));
		for (unsigned int i = 0; i < ARRAY_SIZE(lblks); i++)
			EXPECT(world_get(&w.map, lblks[i]) == i + 1);
		/* But for a node whose page only the entry knew. */
		if (n / 2 % 2 == 0 || slot >= 2)
			EXPECT(!memcmp(before, w.kp->mem, 32 * FAKE_PAGE));
		memcpy(w.kp->mem, before, 32 * FAKE_PAGE);
	}
	kmem_blk_map_detach(&w.map);
	fake_kp_forget(w.kp);
	EXPECT(!kmem_blk_map_attach(&w.map, w.kp, &w.bsb, &error) && !w.map.nr_mended);
	free(before);
	world_delete(&w);
}

/* A device whose nodes have no twins works, and they come when there are pages. */
static void test_without_twins(void)
{
	static const u64 lblks[] = { 0, 1, 512, 1 << 18 };
	struct kmem_blk_map_error error;
	struct kmem_blk_map_count count;
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	for (unsigned int again = 0; again < 2; again++) {
		w.bsb.root_twin = again ? w.bsb.root : 0;
		kmem_blk_map_detach(&w.map);
		fake_kp_forget(w.kp);
		EXPECT(!kmem_blk_map_attach(&w.map, w.kp, &w.bsb, &error));
		memset(w.kp->used, 1, NR_PAGES);
		EXPECT(!world_settle(&w) && !w.bsb.root_twin && !w.map.nr_mended);
		memset(w.kp->used + NR_PAGES / 2, 0, NR_PAGES / 2);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(lblks); i++)
		EXPECT(!world_write(&w, lblks[i], 1, 0, i + 1));
	kmem_blk_map_count(&w.map, &count);
	EXPECT(count.node_pages == 3 + 1 + 2 && world_adds_up(&w));
	EXPECT(!world_drop(&w, 1));
	kmem_blk_map_detach(&w.map);
	fake_kp_forget(w.kp);
	EXPECT(!kmem_blk_map_attach(&w.map, w.kp, &w.bsb, &error) && w.map.nr_single == 3);
	EXPECT(!world_settle(&w) && w.map.nr_healed == 3 && w.bsb.root_twin);
	EXPECT(world_adds_up(&w) && same_again(&w, lblks, ARRAY_SIZE(lblks)));
	world_delete(&w);

	/* Nor do leaves have twins. */
	world_new(&w, fake_kp_new(NR_PAGES), 100);
	w.bsb.root_twin = w.bsb.root;
	EXPECT(attach_error(&w, &error) == -EUCLEAN);
	world_delete(&w);
}

/* A second tree of the same leaves. */
static void add_member(struct world *w, struct kmem_blk_map *m)
{
	u64 dpns[16], nr, old;

	EXPECT(!kmem_blk_member_init(m, &w->map));
	nr = kmem_blk_member_nodes(&w->map, false);
	EXPECT(nr <= 16 && dax_kmem_alloc_pages(w->kp, dpns, nr, 0) == nr);
	kmem_blk_gate_close(w->map.family);
	EXPECT(kmem_blk_map_drop_leaf(&w->map, 0, &old) == -EBUSY);
	EXPECT(!kmem_blk_member_copy(m, &w->map, dpns, &nr, false) && !nr);
	EXPECT(!kmem_blk_member_join(m));
	kmem_blk_gate_open(w->map.family);
}

/* What may be another tree's is not free, and what only looks like its is no part of it. */
static void test_member_doubts(void)
{
	struct kmem_blk_map_error error;
	struct kmem_blk_map member;
	struct world w;
	u64 dpn, root, *word;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 3, 0, 1) && !world_write(&w, NR_LBLKS - 1, 1, 0, 1));
	add_member(&w, &member);
	EXPECT(!world_write(&w, 0, 1, 0, 2));
	EXPECT(world_get(&w.map, 0) == 2 && world_get(&member, 0) == 1);

	/* One bit is wrong there: it may still be the same page. */
	dpn = page_of(&w, 1);
	word = (u64 *)member.leaves[0].ents + 1;
	*word ^= 1ULL << 50;
	EXPECT(!kmem_blk_map_is_damaged(&w.map));
	EXPECT(!world_move(&w, 1, 1) && page_of(&w, 1) == dpn);
	EXPECT(!world_write(&w, 1, 1, 0, 2));
	EXPECT(w.kp->used[dpn] && kmem_blk_map_is_damaged(&w.map));
	*word ^= 1ULL << 50;
	EXPECT(world_get(&member, 1) == 1 && world_get(&w.map, 1) == 2);

	/* A leaf that the live tree has, too, but behind the end of this one. */
	root = kmem_blk_root_word(&member, false);
	kmem_blk_map_detach(&member);
	kmem_blk_map_detach(&w.map);
	fake_kp_forget(w.kp);
	EXPECT(!kmem_blk_map_attach(&w.map, w.kp, &w.bsb, &error));
	EXPECT(!kmem_blk_member_attach(&member, &w.map, NR_LBLKS - KMEM_BLK_NODE_ENTRIES,
				       root, &error));
	EXPECT(member.nr_gone == 1);
	EXPECT(error.reason && !strcmp(error.reason, "block behind the end of the disk"));
	kmem_blk_map_detach(&member);
	kmem_blk_map_detach(&w.map);
	fake_kp_forget(w.kp);
	EXPECT(!kmem_blk_map_attach(&w.map, w.kp, &w.bsb, &error));
	EXPECT(!kmem_blk_member_attach(&member, &w.map, NR_LBLKS, root, &error));
	EXPECT(world_get(&member, 0) == 1 && world_get(&member, NR_LBLKS - 1) == 1);
	kmem_blk_map_detach(&member);
	world_delete(&w);
}

/* A tree whose arrays came before the disk was rolled back has the locks of the disk as it is. */
static void test_member_late(void)
{
	struct kmem_blk_map late, old;
	u64 dpns[32], nr;
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 3, 0, 1));
	EXPECT(!kmem_blk_member_init(&late, &w.map) && !kmem_blk_member_init(&old, &w.map));
	nr = kmem_blk_member_nodes(&w.map, true);
	EXPECT(nr <= 32 && dax_kmem_alloc_pages(w.kp, dpns, nr, 0) == nr);
	kmem_blk_gate_close(w.map.family);
	EXPECT(!kmem_blk_member_copy(&old, &w.map, dpns, &nr, true) && !kmem_blk_member_join(&old));
	kmem_blk_member_exchange(&old);
	kmem_blk_member_leave(&old);
	kmem_blk_map_detach(&old);
	nr = kmem_blk_member_nodes(&w.map, false);
	EXPECT(nr <= 32 && dax_kmem_alloc_pages(w.kp, dpns, nr, 0) == nr);
	EXPECT(!kmem_blk_member_copy(&late, &w.map, dpns, &nr, false));
	EXPECT(!kmem_blk_member_join(&late) && late.locks == w.map.leaves);
	kmem_blk_gate_open(w.map.family);
	EXPECT(!world_move(&w, 1, 1) && world_get(&late, 1) == 1 && world_get(&w.map, 1) == 1);
	kmem_blk_map_detach(&late);
	world_delete(&w);
}

/* Attach the tree of the disk and another one. Returns what that says. */
static int attach_both(struct world *w, struct kmem_blk_map *m, u64 root)
{
	struct kmem_blk_map_error error;

	kmem_blk_map_detach(&w->map);
	fake_kp_forget(w->kp);
	EXPECT(!kmem_blk_map_attach(&w->map, w->kp, &w->bsb, &error));
	return kmem_blk_member_attach(m, &w->map, NR_LBLKS, root, &error);
}

/* What is in doubt in another tree is lost in it, for good, and nothing else is. */
static void test_member_gone(void)
{
	static const struct media_ops ops = { .read = poison_read };
	struct kmem_blk_map member, second;
	struct kmem_blk_map_error error;
	u64 dpn, leaf, node, root, root2;
	struct world w;
	u64 *word;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 3, 0, 1) && !world_write(&w, 512, 1, 0, 1) &&
	       !world_write(&w, NR_LBLKS - 1, 1, 0, 1));
	dpn = page_of(&w, 0);
	add_member(&w, &member);
	EXPECT(!world_write(&w, 0, 1, 0, 2) && !world_write(&w, 512, 1, 0, 2));
	root = kmem_blk_root_word(&member, false);
	leaf = member.leaves[0].dpn;
	node = member.nodes[1][3].copies.dpn;

	/* A word of its own leaf: the pages before it, in the same leaf, are nobody's. */
	word = word_at(&w, leaf, 1);
	*word ^= 3ULL << 50;
	kmem_blk_map_detach(&member);
	EXPECT(!attach_both(&w, &member, root) && member.nr_gone == 1);
	EXPECT(world_get(&member, 0) == WORLD_LOST && world_get(&member, 511) == WORLD_LOST);
	EXPECT(world_get(&member, 512) == 1 && world_get(&member, NR_LBLKS - 1) == 1);
	EXPECT(world_get(&w.map, 0) == 2 && world_get(&w.map, 1) == 1);
	EXPECT(!w.kp->used[dpn] && w.kp->used[page_of(&w, 1)]);
	EXPECT(!kmem_blk_map_settle(&member));
	/* Whatever comes back there. */
	*word ^= 3ULL << 50;
	kmem_blk_map_detach(&member);
	EXPECT(!attach_both(&w, &member, root) && !member.nr_gone);
	EXPECT(world_get(&member, 0) == WORLD_LOST && world_get(&member, 512) == 1);
	EXPECT(!w.kp->used[dpn] && !w.kp->used[leaf]);

	/* A page of another tree in a leaf costs this one the leaf, and not the other one. */
	dpn = page_of(&w, 2);
	word = word_at(&w, member.leaves[1].dpn, 9);
	*word = ENTRY(w.map.seed, 0, 521, KMEM_BLK_ENTRY_DATA, dpn);
	kmem_blk_map_detach(&member);
	EXPECT(!attach_both(&w, &member, root) && member.nr_gone == 1);
	EXPECT(world_get(&member, 512) == WORLD_LOST && world_get(&w.map, 2) == 1);
	EXPECT(!kmem_blk_map_settle(&member));

	/* A node that cannot be read, and then can be. */
	media_ops = &ops;
	set_poison(w.kp->mem + node * FAKE_PAGE, true);
	kmem_blk_map_detach(&member);
	EXPECT(!attach_both(&w, &member, root) && member.nr_gone == 1);
	EXPECT(world_get(&member, NR_LBLKS - 1) == WORLD_LOST);
	EXPECT(world_get(&w.map, NR_LBLKS - 1) == 1);
	EXPECT(!kmem_blk_map_settle(&member));
	set_poison(poison, false);
	kmem_blk_map_detach(&member);
	EXPECT(!attach_both(&w, &member, root) && !member.nr_gone);
	EXPECT(world_get(&member, NR_LBLKS - 1) == WORLD_LOST && !w.kp->used[node]);

	/* A root: it is no member, and the others know nothing of it. */
	add_member(&w, &second);
	root2 = kmem_blk_root_word(&second, false);
	kmem_blk_map_detach(&second);
	set_poison(w.kp->mem + (root & KMEM_BLK_ENTRY_DPN_MASK) * FAKE_PAGE, true);
	kmem_blk_map_detach(&member);
	EXPECT(attach_both(&w, &member, root) == -EIO && w.map.own.nr == 1);
	EXPECT(!kmem_blk_member_attach(&second, &w.map, NR_LBLKS, root2, &error));
	EXPECT(!second.nr_gone && world_get(&second, 0) == 2 && w.map.own.nr == 2);
	set_poison(poison, false);
	media_ops = NULL;
	kmem_blk_map_detach(&second);
	world_delete(&w);
}

/* Poison in a leaf of two trees: the disk gets another one, without what cannot be read. */
static void test_member_poison(void)
{
	static const struct media_ops ops = { .read = poison_read };
	struct kmem_blk_map member;
	struct world w;
	u64 dpn, used;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 20, 0, 1));
	dpn = page_of(&w, 8);
	add_member(&w, &member);
	media_ops = &ops;
	poison_len = 64;
	poison = (u8 *)w.map.leaves[0].ents + 64;
	EXPECT(!kmem_blk_map_is_damaged(&w.map));
	used = w.kp->nr_used;
	EXPECT(!world_write(&w, 9, 1, 0, 2));
	EXPECT(kmem_blk_map_is_damaged(&w.map) && w.kp->nr_used == used + 2);
	EXPECT(world_get(&w.map, 9) == 2 && world_get(&w.map, 8) == WORLD_LOST);
	EXPECT(world_get(&w.map, 7) == 1 && world_get(&w.map, 16) == 1);
	EXPECT(w.map.leaves[0].nr_used == 20 && w.map.leaves[0].nr_data == 13);
	EXPECT(world_get(&member, 9) == -1 && world_get(&member, 7) == 1);
	EXPECT(w.kp->used[dpn] && !world_write(&w, 8, 1, 0, 3) && world_get(&w.map, 8) == 3);
	/* Nobody knows that the other one has not the same page. */
	dpn = page_of(&w, 9);
	EXPECT(!world_write(&w, 9, 1, 0, 3) && w.kp->used[dpn]);
	poison = NULL;
	poison_len = FAKE_PAGE;
	media_ops = NULL;
	EXPECT(world_get(&member, 8) == 1);
	kmem_blk_map_detach(&member);
	world_delete(&w);
}

/* What cannot be read as a leaf or a node any more: no disk is made of it, and it is not lent. */
static void test_member_unreadable(void)
{
	static const struct media_ops ops = { .read = poison_read };
	u64 dpn, pos = 0, dpns[KMEM_BLK_NODE_ENTRIES + 1];
	struct kmem_blk_map member;
	unsigned int nr;
	struct world w;
	u64 *word;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 20, 0, 1) && !world_write(&w, 512, 1, 0, 1));
	add_member(&w, &member);
	EXPECT(!world_write(&w, 0, 1, 0, 2));
	for (u64 i = 0; i < member.nr_leaves; i++)
		EXPECT(!kmem_blk_member_check_leaf(&member, i));
	word = word_at(&w, member.leaves[0].dpn, 511);
	*word ^= 1;
	EXPECT(kmem_blk_member_check_leaf(&member, 0) == -EUCLEAN);
	EXPECT(!kmem_blk_member_check_leaf(&w.map, 0) && !kmem_blk_member_check_leaf(&member, 1));
	*word ^= 1;
	EXPECT(!kmem_blk_member_check_leaf(&member, 0) && !w.kp->bad);

	media_ops = &ops;
	poison_len = 64;
	poison = (u8 *)member.leaves[0].ents + 64;
	dpn = member.leaves[0].dpn;
	EXPECT(kmem_blk_member_check_leaf(&member, 0) == -EIO);
	EXPECT(!kmem_blk_member_drop_leaf(&member, 0, dpns, &nr));
	/* The block that was written since, and the leaf, which counts as one error. */
	EXPECT(nr == 2 && dpns[1] == dpn && w.kp->bad == dpn && w.kp->nr_errors == 1);
	EXPECT(kmem_blk_map_is_damaged(&w.map));
	poison = (u8 *)member.nodes[1][0].ents + 128;
	dpn = member.nodes[1][0].copies.dpn;
	nr = kmem_blk_member_take_nodes(&member, &pos, dpns, ARRAY_SIZE(dpns));
	EXPECT(nr && w.kp->bad == dpn && w.kp->nr_errors == 2);
	poison = NULL;
	poison_len = FAKE_PAGE;
	media_ops = NULL;
	kmem_blk_map_detach(&member);
	world_delete(&w);
}

/* To the space policy a block that another tree has gives nothing back. */
static void test_member_runs(void)
{
	struct kmem_blk_map member;
	struct world w;
	bool mapped;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 8, 0, 1));
	EXPECT(kmem_blk_map_run(&w.map, 0, 9, &mapped) == 8 && mapped);
	add_member(&w, &member);
	EXPECT(kmem_blk_map_run(&w.map, 0, 9, &mapped) == 9 && !mapped);
	EXPECT(!world_write(&w, 2, 3, 0, 2));
	EXPECT(kmem_blk_map_run(&w.map, 0, 9, &mapped) == 2 && !mapped);
	EXPECT(kmem_blk_map_run(&w.map, 2, 7, &mapped) == 3 && mapped);
	EXPECT(kmem_blk_map_run(&w.map, 5, 4, &mapped) == 4 && !mapped);
	kmem_blk_map_detach(&member);
	world_delete(&w);
}

/* A tree that is larger than that of the disk: it has locks for all of it. */
static void test_member_larger(void)
{
	struct kmem_blk_map_error error;
	struct kmem_blk_map member;
	struct world w;
	u64 root;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 2, 0, 1) && !world_write(&w, NR_LBLKS - 1, 1, 0, 1));
	add_member(&w, &member);
	EXPECT(!world_discard(&w, NR_LBLKS - 1, 1));
	EXPECT(!world_get(&w.map, NR_LBLKS - 1) && world_get(&member, NR_LBLKS - 1) == 1);
	root = kmem_blk_root_word(&member, false);
	kmem_blk_map_detach(&member);
	kmem_blk_map_detach(&w.map);
	fake_kp_forget(w.kp);

	w.bsb.nr_lblks = cpu_to_le64(NR_LBLKS - KMEM_BLK_NODE_ENTRIES);
	EXPECT(!kmem_blk_map_attach(&w.map, w.kp, &w.bsb, &error));
	EXPECT(w.map.own.nr_locks == w.map.nr_leaves);
	EXPECT(!kmem_blk_member_attach(&member, &w.map, NR_LBLKS, root, &error));
	EXPECT(w.map.own.nr_locks == member.nr_leaves && member.nr_leaves > w.map.nr_leaves);
	EXPECT(member.locks == w.map.locks && w.map.locks == w.map.leaves);
	EXPECT(!world_write(&w, 1, 1, 0, 2) && world_get(&w.map, 1) == 2);
	EXPECT(world_get(&member, 1) == 1 && world_get(&member, NR_LBLKS - 1) == 1);
	kmem_blk_map_detach(&member);
	world_delete(&w);
}

static const u8 dir_key[KMEM_PERSIST_KEY_LEN] = "not so secret";

/* A directory of two snapshots, in page 500. */
static void dir_make(struct kmem_blk_directory *dir, u32 seed)
{
	memset(dir, 0, sizeof(*dir));
	dir->nr = cpu_to_le32(2);
	dir->generation = cpu_to_le64(7);
	dir->next_id = cpu_to_le64(4);
	dir->parent = cpu_to_le64(3);
	for (unsigned int i = 0; i < 2; i++) {
		struct kmem_blk_record *r = &dir->record[i];

		r->root = cpu_to_le64(ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_NODE + 2, 600 + i));
		r->nr_lblks = cpu_to_le64(NR_LBLKS);
		r->id = cpu_to_le64(1 + 2 * i);
		r->parent = cpu_to_le64(i);
		r->generation = cpu_to_le64(6 + i);
		r->uuid[0] = 1 + i;
		strcpy((char *)r->label, i ? "z\xc3\xbcrich" : "a");
	}
	kmem_blk_directory_seal(dir, dir_key, 500);
}

/* Nothing is taken for a directory that is none; which of two counts. */
static void test_directory(void)
{
	const u32 seed = 42;
	const struct kmem_blk_map map = { .seed = seed, .nr_pages = NR_PAGES };
	const int both[] = { 0, 0 }, first[] = { 0, -EIO }, second[] = { -EUCLEAN, 0 };
	const int none[] = { -EUCLEAN, -EIO }, newer[] = { 0, -EPROTONOSUPPORT };
	struct kmem_blk_directory dir, copies[2];
	const char *reason;
	u8 key[KMEM_PERSIST_KEY_LEN];

	dir_make(&dir, seed);
	EXPECT(!kmem_blk_directory_verify(&map, &dir, dir_key, 500, &reason));
	EXPECT(kmem_blk_directory_verify(&map, &dir, dir_key, 501, &reason) == -EUCLEAN);
	memcpy(key, dir_key, sizeof(key));
	key[0]++;
	EXPECT(kmem_blk_directory_verify(&map, &dir, key, 500, &reason) == -EUCLEAN);
	/* Each bit is in the checksum. */
	for (unsigned int i = 0; i < 8 * sizeof(dir); i++) {
		((u8 *)&dir)[i / 8] ^= 1 << i % 8;
		EXPECT(kmem_blk_directory_verify(&map, &dir, dir_key, 500, &reason) ==
		       -EUCLEAN);
		((u8 *)&dir)[i / 8] ^= 1 << i % 8;
	}

#define DIR_AS(err, text, change) do {					\
	dir_make(&dir, seed);						\
	change;								\
	kmem_blk_directory_seal(&dir, dir_key, 500);			\
	reason = "";							\
	EXPECT(kmem_blk_directory_verify(&map, &dir, dir_key, 500, &reason) == (err)); \
	EXPECT(!(err) || strstr(reason, text));				\
} while (0)
#define DIR_BAD(text, change)	DIR_AS(-EUCLEAN, text, change)
#define DIR_NEWER(change)	DIR_AS(-EPROTONOSUPPORT, "newer", change)
#define R1	(dir.record[1])
	DIR_AS(0, "", memset(dir.record, 0, sizeof(dir.record)); dir.nr = 0);
	DIR_AS(0, "", R1.flags = cpu_to_le64(KMEM_BLK_SNAPSHOT_DAMAGED));
	DIR_AS(0, "", R1.flags = cpu_to_le64(KMEM_BLK_SNAPSHOT_DAMAGED);
	       R1.root = cpu_to_le64(ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_HOLE, 0)));
	DIR_AS(0, "", memset(R1.label, 'x', sizeof(R1.label) - 1));
	DIR_NEWER(dir.next = 1);
	DIR_NEWER(dir.zero[199] = 1);
	DIR_NEWER(dir.nr = cpu_to_le32(16));
	DIR_NEWER(dir.nr = cpu_to_le32(~0U));
	DIR_NEWER(dir.nr = cpu_to_le32(1));
	DIR_NEWER(dir.record[14].zero[111] = 1);
	DIR_NEWER(R1.root_twin = R1.root);
	DIR_NEWER(R1.flags = cpu_to_le64(2));
	DIR_NEWER(R1.zero[0] = 1);
	DIR_BAD("generation", dir.generation = 0);
	DIR_BAD("next_id", dir.parent = dir.next_id);
	DIR_BAD("record", dir.next_id = cpu_to_le64(3); dir.parent = 0);
	DIR_BAD("record", R1.id = 0);
	DIR_BAD("record", R1.parent = R1.id);
	DIR_BAD("distinct", R1.id = cpu_to_le64(1); R1.parent = 0);
	DIR_BAD("record", R1.generation = 0);
	DIR_BAD("record", R1.generation = cpu_to_le64(8));
	DIR_BAD("record", R1.uuid[0] = 0);
	DIR_BAD("distinct", R1.uuid[0] = 1);
	DIR_BAD("record", R1.label[0] = 0);
	DIR_BAD("record", R1.label[0] = ' ');
	DIR_BAD("record", R1.label[0] = '/');
	DIR_BAD("record", R1.label[1] = 'x');
	DIR_BAD("record", R1.label[63] = 'x');
	DIR_BAD("record", memset(R1.label, 'x', sizeof(R1.label)));
	DIR_BAD("record", R1.nr_lblks = 0);
	DIR_BAD("record", R1.nr_lblks = cpu_to_le64(512));
	DIR_BAD("record", R1.nr_lblks = cpu_to_le64((1ULL << 36) + 1));
	DIR_BAD("record", R1.nr_lblks = cpu_to_le64(513));
	DIR_BAD("record", R1.root = 0);
	DIR_BAD("distinct", R1.root = dir.record[0].root);
	DIR_BAD("record", R1.root = cpu_to_le64(ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_NODE + 2,
						       NR_PAGES)));
	DIR_BAD("record", R1.root = cpu_to_le64(ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_PAGE, 601)));
	DIR_BAD("record", R1.root = cpu_to_le64(ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_HOLE, 0)));
	DIR_BAD("record", R1.flags = cpu_to_le64(KMEM_BLK_SNAPSHOT_DAMAGED);
		R1.root = cpu_to_le64(ENTRY(seed, 3, 0, KMEM_BLK_ENTRY_LOST, 0)));

	dir_make(&copies[0], seed);
	dir_make(&copies[1], seed);
	kmem_blk_directory_seal(&copies[1], dir_key, 501);
	EXPECT(kmem_blk_directory_choose(copies, both) == 0);
	EXPECT(kmem_blk_directory_choose(copies, first) == 0);
	EXPECT(kmem_blk_directory_choose(copies, second) == 1);
	EXPECT(kmem_blk_directory_choose(copies, none) == -EUCLEAN);
	EXPECT(kmem_blk_directory_choose(copies, newer) == -EPROTONOSUPPORT);
	copies[1].record[1].time = 1;
	EXPECT(kmem_blk_directory_choose(copies, both) == -EUCLEAN);
	copies[1].generation = cpu_to_le64(8);
	EXPECT(kmem_blk_directory_choose(copies, both) == 1);
	copies[0].generation = cpu_to_le64(9);
	EXPECT(kmem_blk_directory_choose(copies, both) == 0);
	EXPECT(kmem_blk_directory_choose(copies, second) == 1);
}

/* The directory on the media: both copies, one of them, none. */
static void test_directory_pages(void)
{
	static struct kmem_persist_superblock sb;
	struct kmem_blk_superblock *bsb = (void *)sb.plugin;
	static struct kmem_blk_directory dir, copies[2];
	struct kmem_blk_map_error error;
	u64 dpns[2], pages[2], none[2] = {};
	struct world w;
	bool stale;

#define READ(rc) do {							\
	stale = false;							\
	for (unsigned int i = 0; i < 2; i++)				\
		w.kp->used[dpns[i]] = 0;				\
	memset(&error, 0, sizeof(error));				\
	EXPECT(kmem_blk_directory_read(&w.map, &sb, copies, pages, &stale, &error) == (rc)); \
	EXPECT(!!error.reason == ((rc) < 0 && (rc) != -ENOENT));	\
} while (0)
	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(dax_kmem_alloc_pages(w.kp, dpns, 2, 0) == 2);
	memcpy(sb.key, dir_key, sizeof(sb.key));
	*bsb = w.bsb;
	READ(-ENOENT);
	EXPECT(!pages[0] && !pages[1]);
	dir_make(&dir, w.map.seed);
	for (unsigned int i = 0; i < 2; i++)
		EXPECT(kmem_blk_directory_put(&w.map, &dir, sb.key, dpns[i]));
	sb.feat_incompat = cpu_to_le64(KMEM_BLK_INCOMPAT_SNAPSHOTS);
	READ(-EPROTONOSUPPORT);
	kmem_blk_directory_words(w.map.seed, dpns, bsb->reserved_root);
	READ(0);
	EXPECT(!stale && pages[0] == dpns[0] && pages[1] == dpns[1]);
	EXPECT(w.kp->used[dpns[0]] && w.kp->used[dpns[1]]);
	EXPECT(copies[0].record[1].id == dir.record[1].id);

	*word_at(&w, dpns[1], 9) ^= 1;
	READ(0);
	EXPECT(stale && w.kp->used[dpns[1]]);
	*word_at(&w, dpns[0], 9) ^= 1;
	READ(-EUCLEAN);
	*word_at(&w, dpns[1], 9) ^= 1;
	READ(1);
	EXPECT(stale);
	/* One that is older is as good as none, but not if it is all that there is. */
	dir.generation = cpu_to_le64(8);
	EXPECT(kmem_blk_directory_put(&w.map, &dir, sb.key, dpns[0]));
	READ(0);
	EXPECT(stale);
	bsb->reserved_root[1] = w.bsb.reserved_root[1];
	READ(0);
	EXPECT(stale && !pages[1]);
	bsb->reserved_root[1] = bsb->reserved_root[0];
	READ(-EPROTONOSUPPORT);
	pages[0] = dpns[0];
	pages[1] = dpns[0];
	kmem_blk_directory_words(w.map.seed, pages, bsb->reserved_root);
	READ(-EUCLEAN);
	/* Who knows of none does not get so far. */
	w.bsb = *bsb;
	EXPECT(attach_error(&w, &error) == -EPROTONOSUPPORT);
	kmem_blk_directory_words(w.map.seed, none, w.bsb.reserved_root);
	EXPECT(!attach_error(&w, &error));
	world_delete(&w);
}

/* A word of zeroes, which poison that was cleared leaves, named a page, too. */
static void test_cleared_word(void)
{
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 3, 0, 1));
	((u64 *)w.map.leaves[0].ents)[1] = 0;
	EXPECT(!kmem_blk_map_is_damaged(&w.map));
	EXPECT(!world_write(&w, 1, 1, 0, 2) && world_get(&w.map, 1) == 2);
	EXPECT(kmem_blk_map_is_damaged(&w.map));
	world_delete(&w);
}

/* Each of those reads in turn looks for no error. */
static void test_poison_mutants(void)
{
	unsigned int nr = 0, caught = 0;

	for (struct media_site *site = media_reads; site; site = site->next, nr++) {
		pid_t pid = fork();
		int status = 0;

		if (!pid) {
			stdout = freopen("/dev/null", "w", stdout);
			stderr = freopen("/dev/null", "w", stderr);
			site->off = true;
			test_poison();
			test_lost_copies();
			test_no_copy_left();
			test_few_pages();
			test_member_poison();
			test_member_unreadable();
			_exit(failed);
		}
		EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
		caught += !!status;
		if (!status)
			printf("  SURVIVES: no look for errors in %s():%d\n", site->func,
			       site->line);
	}
	printf("  %u mutants, %u caught\n", nr, caught);
	EXPECT(nr == 18 && caught == nr);
}

static void test_media_error(void)
{
	static const struct media_ops ops = { .read = media_error_read };
	struct kmem_blk_map_error error;
	struct world w;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 1, 0, 1));
	media_ops = &ops;
	media_error_at = w.kp->mem + w.map.leaves[0].dpn * FAKE_PAGE + 1000;
	EXPECT(attach_error(&w, &error) == -EIO && !error.found && !error.wanted);
	EXPECT(error.dpn == w.map.leaves[0].dpn);
	media_error_at = (u8 *)w.map.nodes[2][0].ents + 8;
	EXPECT(!attach_error(&w, &error));
	media_error_at = (u8 *)w.map.nodes[2][0].twin + 8;
	EXPECT(!attach_error(&w, &error));
	media_ops = NULL;
	EXPECT(!attach_error(&w, &error));
	world_delete(&w);
}

/* Damage that comes while the map is in use. */
static void test_damage_at_run_time(void)
{
	u64 dpn, pages[2] = { 0, 0 };
	struct kmem_blk_update u = {
		.lblk = 0, .nr = 2, .pages = pages,
		.flags = KMEM_BLK_UPDATE_HOLE,
	};
	struct world w;
	u64 *ents;
	u64 used;

	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 3, 0, 1));
	used = w.kp->nr_used;
	ents = (u64 *)w.map.leaves[0].ents;
	ents[0] ^= 1;
	rcu_read_lock();
	EXPECT(kmem_blk_map_lookup(&w.map, 0, &dpn) == -EUCLEAN);
	EXPECT(kmem_blk_map_lookup(&w.map, 1, &dpn) == KMEM_BLK_ENTRY_DATA);
	rcu_read_unlock();
	/* Written over, it is whole again; the page it named is not freed. */
	EXPECT(!world_write(&w, 0, 1, 0, 2));
	EXPECT(world_get(&w.map, 0) == 2);
	EXPECT(w.kp->nr_used == used + 1);

	/* Entries whose type flipped to a hole: the counters lie now. */
	ents[2] &= ~(KMEM_BLK_ENTRY_TYPE_MASK << KMEM_BLK_ENTRY_TYPE_SHIFT);
	w.map.leaves[0].nr_used = 2;
	EXPECT(!kmem_blk_map_commit(&w.map, &u));
	EXPECT(w.map.leaves[0].nr_used == 0);
	EXPECT(u.nr_damaged == 0 && pages[0] && pages[1]);
	/* A leaf with damage in it never goes by itself. */
	EXPECT(kmem_blk_map_leaf_exists(&w.map, 0));
	u = (struct kmem_blk_update) {
		.lblk = 2, .nr = 1, .pages = pages,
		.flags = KMEM_BLK_UPDATE_HOLE,
	};
	EXPECT(!kmem_blk_map_commit(&w.map, &u));
	EXPECT(u.nr_damaged == 1 && !pages[0]);
	world_delete(&w);

	/* Of a leaf that goes, too, what is damaged is not freed. */
	world_new(&w, fake_kp_new(NR_PAGES), NR_LBLKS);
	EXPECT(!world_write(&w, 0, 3, 0, 1));
	dpn = page_of(&w, 1);
	((u64 *)w.map.leaves[0].ents)[1] ^= 1;
	EXPECT(!kmem_blk_map_is_damaged(&w.map));
	EXPECT(!world_drop(&w, 0));
	EXPECT(kmem_blk_map_is_damaged(&w.map));
	EXPECT(w.kp->used[dpn] && w.kp->nr_used == 2 + 2 * 2 + 1);
	world_delete(&w);
}

/* A small image of which every byte is used by something. */
static void test_every_byte(void)
{
	static const u64 lblks[] = { 0, 1, 300, 511, 512, 1 << 18 };
	struct kmem_blk_superblock bsb;
	unsigned long accepted = 0, refused = 0;
	struct world w;
	u8 *sb;

	world_new(&w, fake_kp_new(32), NR_LBLKS);
	for (unsigned int i = 0; i < ARRAY_SIZE(lblks); i++)
		EXPECT(!world_write(&w, lblks[i], 1, 0, i + 1));
	bsb = w.bsb;

	for (unsigned long i = 0; i < w.kp->nr_pages * FAKE_PAGE + 64; i++) {
		struct kmem_persist *kp;
		struct kmem_blk_map_error error;
		struct kmem_blk_map map;
		u8 *byte, old;
		int err;

		sb = (u8 *)&w.bsb;
		byte = i < 64 ? sb + i : w.kp->mem + i - 64;
		/* Pages of data and free ones say nothing about the map. */
		if (i >= 64 && (i & 63) && *byte == (FAKE_GARBAGE >> (i % 8 * 8) & 255))
			continue;
		old = *byte;
		*byte ^= 1 << (i % 8);
		kp = fake_kp_over(w.kp->mem, w.kp->nr_pages);
		err = kmem_blk_map_attach(&map, kp, &w.bsb, &error);
		if (err) {
			refused++;
		} else {
			accepted++;
			/* Then the map says the same as before. */
			for (unsigned int j = 0; j < ARRAY_SIZE(lblks); j++) {
				u64 a = 0, b = 0;

				rcu_read_lock();
				EXPECT(kmem_blk_map_lookup(&map, lblks[j], &a) ==
				       kmem_blk_map_lookup(&w.map, lblks[j], &b));
				rcu_read_unlock();
				EXPECT(a == b);
			}
			/* Of a node that one damaged entry names the other one is used. */
			EXPECT(kp->nr_used == w.kp->nr_used ||
			       kp->nr_used + 1 == w.kp->nr_used);
			kmem_blk_map_detach(&map);
		}
		fake_kp_delete(kp);
		*byte = old;
	}
	EXPECT(!memcmp(&bsb, &w.bsb, sizeof(bsb)));
	/* 3 leaves, none of whose bytes may change, and 3 nodes in two copies, all may. */
	EXPECT(refused >= 3 * FAKE_PAGE && refused < 4 * FAKE_PAGE);
	EXPECT(accepted >= 6 * FAKE_PAGE);
	printf("  %lu images refused, %lu mean the same\n", refused, accepted);
	world_delete(&w);
}

/*
 * At random
 */

static u32 random_state = 1;

static u32 random_below(u32 n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (u64)(random_state >> 4) * n >> 28;
}

/* All operations against an array. */
static void test_random(void)
{
	enum { BLOCKS = 6 * 512 };
	static u32 model[BLOCKS];
	unsigned long nospc = 0;
	struct world w;

	memset(model, 0, sizeof(model));
	world_new(&w, fake_kp_new(1500), BLOCKS);
	for (u32 step = 1; step <= 60000 && !failed; step++) {
		u32 lblk = random_below(BLOCKS), nr = 1 + random_below(40);
		u32 op = random_below(100);
		int err = 0;

		nr = min(nr, 512 - lblk % 512);
		if (op < 8) {
			err = op < 6 ? world_move(&w, lblk, nr) :
				       world_move_leaf(&w, lblk / 512);
			nospc += err == -ENOSPC;
			EXPECT(!err || err == -ENOSPC);
			nr = 0;
			err = 0;
		} else if (op < 50) {
			err = world_write(&w, lblk, nr, 0, step);
		} else if (op < 60) {
			err = world_write(&w, lblk, nr, KMEM_BLK_UPDATE_ATOMIC,
					  step);
		} else if (op < 97) {
			err = world_discard(&w, lblk, nr);
		} else {
			lblk -= lblk % 512;
			nr = 512;
			err = world_drop(&w, lblk / 512);
		}
		if (err == -ENOSPC) {
			nospc++;
			continue;
		}
		EXPECT(!err);
		for (u32 i = 0; i < nr; i++)
			model[lblk + i] = op < 60 ? step : 0;
		if (step % 64)
			continue;
		EXPECT(world_adds_up(&w));
		for (u32 i = 0; i < BLOCKS; i++)
			EXPECT(world_get(&w.map, i) == model[i]);
		if (step % 1024 == 0)
			EXPECT(same_again(&w, NULL, 0));
	}
	EXPECT(nospc);
	world_delete(&w);
}

/*
 * Threads
 */

enum { T_BLOCKS = 3 * 512, T_WRITERS = 3, T_READERS = 2 };

static struct {
	struct world w;
	bool stop;
	bool bad;
	unsigned long ops, reads;
} stress;

/* Pages that wait for a grace period. */
static __thread u64 limbo[2048];
static __thread unsigned int nr_limbo;

static void stress_drain(struct world *w)
{
	synchronize_rcu();
	if (nr_limbo)
		dax_kmem_free_pages(w->kp, limbo, nr_limbo);
	nr_limbo = 0;
}

static void stress_retire(struct world *w, const u64 *dpns, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (dpns[i])
			limbo[nr_limbo++] = dpns[i];
	if (nr_limbo > 1024)
		stress_drain(w);
}

static void *stress_writer(void *arg)
{
	unsigned int seed = (unsigned long)arg, ops = 0;
	struct world *w = &stress.w;

	while (!READ_ONCE(stress.stop)) {
		u32 lblk = rand_r(&seed) % T_BLOCKS;
		u32 nr = 1 + rand_r(&seed) % 8, op = rand_r(&seed) % 100;
		int err = 0;

		nr = min(nr, 512 - lblk % 512);
		if (op < 10)
			err = world_move(w, lblk, nr);
		else if (op < 14)
			err = world_move_leaf(w, lblk / 512);
		else if (op < 50)
			err = world_write(w, lblk, nr, 0, 1 + ops % 1000000);
		else if (op < 65)
			err = world_write(w, lblk, nr, KMEM_BLK_UPDATE_ATOMIC,
					  1 + ops % 1000000);
		else if (op < 90)
			err = world_discard(w, lblk, nr);
		else
			err = world_drop(w, lblk / 512);
		if (err == -ENOSPC)
			stress_drain(w);
		else if (err)
			WRITE_ONCE(stress.bad, true);
		ops++;
	}
	stress_drain(w);
	__atomic_fetch_add(&stress.ops, ops, __ATOMIC_RELAXED);
	return NULL;
}

static void *stress_reader(void *arg)
{
	unsigned int seed = (unsigned long)arg;
	unsigned long reads = 0;

	while (!READ_ONCE(stress.stop)) {
		if (world_get(&stress.w.map, rand_r(&seed) % T_BLOCKS) < 0)
			WRITE_ONCE(stress.bad, true);
		reads++;
	}
	__atomic_fetch_add(&stress.reads, reads, __ATOMIC_RELAXED);
	return NULL;
}

/*
 * Freed pages are scribbled: a reader that is too late, or a page used twice,
 * shows as a block that is not whole.
 */
static void test_threads(void)
{
	pthread_t threads[T_WRITERS + T_READERS];
	struct timespec pause = { .tv_sec = 4 };
	struct world *w = &stress.w;

	/* Small, so that pages are reused at once. */
	world_new(w, fake_kp_new(T_BLOCKS + 1200), T_BLOCKS);
	w->retire = stress_retire;
	for (unsigned long i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, i < T_WRITERS ? stress_writer :
			       stress_reader, (void *)(i + 1));
	nanosleep(&pause, NULL);
	WRITE_ONCE(stress.stop, true);
	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	printf("  %lu updates, %lu reads\n", stress.ops, stress.reads);
	EXPECT(!stress.bad);
	EXPECT(stress.ops > 1000 && stress.reads > 1000);
	EXPECT(world_adds_up(w));
	EXPECT(same_again(w, NULL, 0));
	for (u64 i = 0; i < T_BLOCKS / 512; i++) {
		EXPECT(!world_drop(w, i));
		stress_drain(w);
	}
	EXPECT(w->kp->nr_used == 4);
	world_delete(w);
}

static void test_kunit(void)
{
	for (struct kunit_case *c = shim_kunit_suite->test_cases; c->run; c++) {
		struct kunit test = { false };

		c->run(&test);
		EXPECT(!test.failed);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "the KUnit suite of the map", test_kunit },
	{ "an empty map", test_empty },
	{ "grow and overwrite", test_grow_and_overwrite },
	{ "discard", test_discard },
	{ "atomic groups", test_atomic },
	{ "leaves that come and go between steps", test_races_of_steps },
	{ "a map of one leaf", test_tiny },
	{ "a map of four levels", test_tall },
	{ "blocks move", test_move },
	{ "a leaf moves", test_move_leaf },
	{ "blocks that are lost", test_lose },
	{ "all that is below an entry is lost", test_gone },
	{ "one wrong bit", test_mend },
	{ "a map in parts", test_parts },
	{ "an entry whose check would be 0", test_no_check },
	{ "blocks that are alike", test_runs },
	{ "two make the same node", test_nodes_at_once },
	{ "one copy of a node cannot be read", test_lost_copies },
	{ "none of them can", test_no_copy_left },
	{ "each word of each copy", test_words_of_copies },
	{ "nodes without twins", test_without_twins },
	{ "trees that may have the same page", test_member_doubts },
	{ "a tree that joins after a rollback", test_member_late },
	{ "a tree that is larger than the disk", test_member_larger },
	{ "what is in doubt in a tree beside the disk", test_member_gone },
	{ "poison in a leaf of two trees", test_member_poison },
	{ "a tree that goes and cannot be read", test_member_unreadable },
	{ "blocks that another tree has", test_member_runs },
	{ "the directory of snapshots", test_directory },
	{ "both copies of the directory", test_directory_pages },
	{ "a word that was cleared", test_cleared_word },
	{ "few pages for copies of nodes", test_few_pages },
	{ "no page for a copy", test_no_copy },
	{ "out of pages", test_no_space },
	{ "formats that are not possible", test_not_possible },
	{ "out of memory", test_no_memory },
	{ "damage is refused", test_damage_refused },
	{ "media errors at run time", test_poison },
	{ "media errors at run time, mutants", test_poison_mutants },
	{ "media errors are refused", test_media_error },
	{ "damage at run time", test_damage_at_run_time },
	{ "every byte of an image changed", test_every_byte },
	{ "60000 random operations", test_random },
	{ "threads", test_threads },
};

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(tests); i++) {
		failed = false;
		tests[i].run();
		printf("%s %u - map: %s\n", failed ? "not ok" : "ok", i + 1,
		       tests[i].name);
		if (failed)
			nr_failed++;
		else
			nr_passed++;
	}
	printf("%d passed, %d failed\n", nr_passed, nr_failed);
	return !!nr_failed;
}

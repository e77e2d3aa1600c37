/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests of the parts of the map that need no device. The map as a whole is
 * tested in userspace: tools/testing/kmem_persist/map/.
 */
#ifndef _DAX_KMEM_BLK_MAP_KUNIT_H
#define _DAX_KMEM_BLK_MAP_KUNIT_H

#include <kunit/test.h>

#define KMEM_BLK_TEST_SEED	0x12345678

/* A map that knows its geometry and nothing else. */
static const struct kmem_blk_map kmem_blk_test_map = {
	.seed = KMEM_BLK_TEST_SEED,
	.nr_pages = 2000,
	.nr_lblks = 1 << 20,
	.root_level = 2,
};

static int kmem_blk_test_verify(unsigned int level, u64 index, u64 word)
{
	const char *reason;
	u64 dpn;

	return kmem_blk_entry_verify(&kmem_blk_test_map, level, index, word, &dpn,
				     &reason);
}

/* Values that every other implementation of the format must produce too. */
static void kmem_blk_test_golden(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, crc32c(~0, "123456789", 9) ^ ~0U, 0xe3069283U);
	KUNIT_EXPECT_EQ(test,
			kmem_blk_entry_encode(KMEM_BLK_TEST_SEED, 0, 0,
					      KMEM_BLK_ENTRY_HOLE, 0),
			0x8d97c00000000000ULL);
	KUNIT_EXPECT_EQ(test,
			kmem_blk_entry_encode(KMEM_BLK_TEST_SEED, 0, 777,
					      KMEM_BLK_ENTRY_DATA, 42),
			0x26efe1000000002aULL);
	KUNIT_EXPECT_EQ(test,
			kmem_blk_entry_encode(KMEM_BLK_TEST_SEED, 2, 1,
					      KMEM_BLK_ENTRY_NODE + 1, 999),
			0xc8c86500000003e7ULL);
}

static void kmem_blk_test_entry(struct kunit *test)
{
	u64 word = kmem_blk_entry_encode(KMEM_BLK_TEST_SEED, 0, 777,
					 KMEM_BLK_ENTRY_DATA, 542);

	KUNIT_EXPECT_EQ(test, kmem_blk_test_verify(0, 777, word),
			KMEM_BLK_ENTRY_DATA);
	/* Bound to its place. */
	KUNIT_EXPECT_LT(test, kmem_blk_test_verify(0, 778, word), 0);
	KUNIT_EXPECT_LT(test, kmem_blk_test_verify(1, 777, word), 0);
	/* No single bit may change. */
	for (int bit = 0; bit < 64; bit++)
		KUNIT_EXPECT_LT(test,
				kmem_blk_test_verify(0, 777, word ^ BIT_ULL(bit)),
				0);
	/* What cleared and erased media read as. */
	KUNIT_EXPECT_LT(test, kmem_blk_test_verify(0, 777, 0), 0);
	KUNIT_EXPECT_LT(test, kmem_blk_test_verify(0, 777, ~0ULL), 0);
}

/* Sealed correctly, but not possible where they stand. */
static void kmem_blk_test_impossible(struct kunit *test)
{
	static const struct {
		unsigned int level;
		unsigned int type;
		u64 dpn;
		int wanted;
	} cases[] = {
		{ 0, KMEM_BLK_ENTRY_HOLE, 0, KMEM_BLK_ENTRY_HOLE },
		{ 0, KMEM_BLK_ENTRY_LOST, 0, KMEM_BLK_ENTRY_LOST },
		{ 0, KMEM_BLK_ENTRY_DATA, KMEM_PERSIST_FIRST_PAGE, KMEM_BLK_ENTRY_DATA },
		{ 0, KMEM_BLK_ENTRY_DATA, 1999, KMEM_BLK_ENTRY_DATA },
		{ 1, KMEM_BLK_ENTRY_NODE, 515, KMEM_BLK_ENTRY_NODE },
		{ 3, KMEM_BLK_ENTRY_NODE + 2, 515, KMEM_BLK_ENTRY_NODE + 2 },
		/* a page where there is none */
		{ 0, KMEM_BLK_ENTRY_HOLE, 515, -EUCLEAN },
		{ 0, KMEM_BLK_ENTRY_LOST, 515, -EUCLEAN },
		/* the places of superblocks, and what is behind the end */
		{ 0, KMEM_BLK_ENTRY_DATA, 0, -EUCLEAN },
		{ 0, KMEM_BLK_ENTRY_DATA, KMEM_PERSIST_FIRST_PAGE - 1, -EUCLEAN },
		{ 1, KMEM_BLK_ENTRY_NODE, KMEM_PERSIST_FIRST_PAGE - 1, -EUCLEAN },
		{ 0, KMEM_BLK_ENTRY_DATA, 2000, -EUCLEAN },
		{ 0, KMEM_BLK_ENTRY_DATA, KMEM_BLK_ENTRY_DPN_MASK, -EUCLEAN },
		/* the wrong level, and what is not known */
		{ 0, KMEM_BLK_ENTRY_HUGE, 515, -EUCLEAN },
		{ 0, KMEM_BLK_ENTRY_NODE, 515, -EUCLEAN },
		{ 1, KMEM_BLK_ENTRY_DATA, 515, -EUCLEAN },
		{ 1, KMEM_BLK_ENTRY_LOST, 0, KMEM_BLK_ENTRY_LOST },
		{ 1, KMEM_BLK_ENTRY_LOST, 515, -EUCLEAN },
		{ KMEM_BLK_MAX_LEVEL, KMEM_BLK_ENTRY_LOST, 0, KMEM_BLK_ENTRY_LOST },
		{ KMEM_BLK_LEVEL_SB, KMEM_BLK_ENTRY_LOST, 0, -EUCLEAN },
		{ 1, KMEM_BLK_ENTRY_NODE + 1, 515, -EUCLEAN },
		{ 2, KMEM_BLK_ENTRY_NODE, 515, -EUCLEAN },
		{ 0, 8, 515, -EUCLEAN },
		{ 0, 15, 515, -EUCLEAN },
		/* the reserved entries of the superblock */
		{ KMEM_BLK_LEVEL_SB, KMEM_BLK_ENTRY_HOLE, 0, KMEM_BLK_ENTRY_HOLE },
		{ KMEM_BLK_LEVEL_SB, KMEM_BLK_ENTRY_DATA, 515, -EUCLEAN },
		{ KMEM_BLK_LEVEL_SB, KMEM_BLK_ENTRY_PAGE, 515, KMEM_BLK_ENTRY_PAGE },
		{ KMEM_BLK_LEVEL_SB, KMEM_BLK_ENTRY_PAGE, 2000, -EUCLEAN },
		{ 1, KMEM_BLK_ENTRY_PAGE, 515, -EUCLEAN },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 word = kmem_blk_entry_encode(KMEM_BLK_TEST_SEED, cases[i].level,
						 7, cases[i].type, cases[i].dpn);

		KUNIT_EXPECT_EQ_MSG(test,
				    kmem_blk_test_verify(cases[i].level, 7, word),
				    cases[i].wanted, "level %u type %u dpn %llu",
				    cases[i].level, cases[i].type, cases[i].dpn);
	}
}

static void kmem_blk_test_geometry(struct kunit *test)
{
	static const struct {
		u64 nr_lblks;
		unsigned int level;
		u64 nodes;
	} cases[] = {
		{ 1, 0, 1 },
		{ 512, 0, 1 },
		{ 513, 1, 2 + 2 * 1 },
		{ 1 << 18, 1, 512 + 2 * 1 },
		{ (1 << 18) + 1, 2, 513 + 2 * (2 + 1) },
		{ 1ULL << 27, 2, (1 << 18) + 2 * (512 + 1) },
		{ 1ULL << 36, 3, (1 << 27) + 2 * ((1 << 18) + 512 + 1) },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 nr = cases[i].nr_lblks;

		KUNIT_EXPECT_TRUE(test, kmem_blk_nr_lblks_valid(nr));
		KUNIT_EXPECT_EQ(test, kmem_blk_root_level(nr), cases[i].level);
		KUNIT_EXPECT_EQ(test, kmem_blk_map_node_pages(nr), cases[i].nodes);
	}
	KUNIT_EXPECT_FALSE(test, kmem_blk_nr_lblks_valid(0));
	KUNIT_EXPECT_FALSE(test, kmem_blk_nr_lblks_valid((1ULL << 36) + 1));

	/* Everything fits, and little is given away. */
	for (u64 pages = 3; pages < 1ULL << 30; pages = pages * 3 + 1) {
		u64 nr = kmem_blk_map_max_lblks(pages);

		KUNIT_EXPECT_LE(test, nr + kmem_blk_map_node_pages(nr), pages);
		KUNIT_EXPECT_GE(test, nr + kmem_blk_map_node_pages(nr) + 8 +
				pages / (512 * 256), pages);
	}
	KUNIT_EXPECT_EQ(test, kmem_blk_map_max_lblks(0), 0);
	KUNIT_EXPECT_EQ(test, kmem_blk_map_max_lblks(1), 0);
}

static u64 kmem_blk_test_leaf_entry(unsigned int lblk, unsigned int type, u64 dpn)
{
	return kmem_blk_entry_encode(KMEM_BLK_TEST_SEED, 0, lblk, type, dpn);
}

/* Blocks move only from where they still are. One leaf, in plain memory. */
static void kmem_blk_test_move(struct kunit *test)
{
	static const struct kmem_media media;
	static __le64 ents[KMEM_BLK_NODE_ENTRIES];
	struct kmem_blk_leaf leaf = { .nr_used = 4, .nr_data = 3, .dpn = 5 };
	struct kmem_blk_map map = kmem_blk_test_map;
	struct kmem_blk_map_move moves[] = {
		{ .lblk = 0, .from = 10, .to = 20 },
		/* written meanwhile */
		{ .lblk = 1, .from = 11, .to = 21 },
		/* unmapped meanwhile */
		{ .lblk = 2, .from = 12, .to = 22 },
		/* lost */
		{ .lblk = 3, .from = 13, .to = 23 },
		{ .lblk = 511, .from = 14, .to = 24 },
	};
	const u64 before[] = {
		kmem_blk_test_leaf_entry(0, KMEM_BLK_ENTRY_DATA, 10),
		kmem_blk_test_leaf_entry(1, KMEM_BLK_ENTRY_DATA, 31),
		kmem_blk_test_leaf_entry(2, KMEM_BLK_ENTRY_HOLE, 0),
		kmem_blk_test_leaf_entry(3, KMEM_BLK_ENTRY_LOST, 0),
		kmem_blk_test_leaf_entry(511, KMEM_BLK_ENTRY_DATA, 14),
	};

	for (int i = 0; i < ARRAY_SIZE(moves); i++)
		ents[moves[i].lblk] = cpu_to_le64(before[i]);
	spin_lock_init(&leaf.lock);
	rcu_assign_pointer(leaf.ents, ents);
	map.media = &media;
	map.leaves = &leaf;
	map.locks = &leaf;
	map.nr_leaves = 1;
	map.family = &map.own;
	map.own = (struct kmem_blk_family){ .nr = 1, .member[0] = &map };

	kmem_blk_map_move(&map, moves, ARRAY_SIZE(moves));
	KUNIT_EXPECT_EQ(test, moves[0].from, 10);
	KUNIT_EXPECT_EQ(test, moves[4].from, 14);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(ents[0]),
			kmem_blk_test_leaf_entry(0, KMEM_BLK_ENTRY_DATA, 20));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(ents[511]),
			kmem_blk_test_leaf_entry(511, KMEM_BLK_ENTRY_DATA, 24));
	for (int i = 1; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, moves[i].from, 0);
		KUNIT_EXPECT_EQ(test, le64_to_cpu(ents[i]), before[i]);
	}
	KUNIT_EXPECT_EQ(test, leaf.nr_used, 4);
	KUNIT_EXPECT_EQ(test, leaf.nr_data, 3);

	/* A leaf can move, but not the root, nor one that is not there. */
	KUNIT_EXPECT_EQ(test, kmem_blk_map_leaf_page(&map, 0), 5);
	map.root_level = 0;
	KUNIT_EXPECT_EQ(test, kmem_blk_map_leaf_page(&map, 0), 0);
	map.root_level = 2;
	rcu_assign_pointer(leaf.ents, NULL);
	KUNIT_EXPECT_EQ(test, kmem_blk_map_leaf_page(&map, 0), 0);
	kmem_blk_map_move(&map, moves, 1);
	KUNIT_EXPECT_EQ(test, moves[0].from, 0);
}

static struct kunit_case kmem_blk_map_cases[] = {
	KUNIT_CASE(kmem_blk_test_golden),
	KUNIT_CASE(kmem_blk_test_entry),
	KUNIT_CASE(kmem_blk_test_impossible),
	KUNIT_CASE(kmem_blk_test_geometry),
	KUNIT_CASE(kmem_blk_test_move),
	{}
};

static struct kunit_suite kmem_blk_map_suite = {
	.name = "kmem_blk_map",
	.test_cases = kmem_blk_map_cases,
};

kunit_test_suite(kmem_blk_map_suite);

#endif /* _DAX_KMEM_BLK_MAP_KUNIT_H */

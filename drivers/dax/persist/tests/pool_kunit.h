/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit tests of the pool and the states of units, included at the end of
 * pool.c. The device has no memory: the pool never touches it.
 */
#ifdef CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST

#ifndef _DAX_KMEM_PERSIST_POOL_KUNIT_H
#define _DAX_KMEM_PERSIST_POOL_KUNIT_H

#include <kunit/test.h>

#define KMEM_POOL_TEST_BLOCKS	8

/* How often the pool has asked those above it for something. */
static struct {
	unsigned int unbalanced;
	unsigned int hurry;
	unsigned int scattered;
	unsigned int level;
	unsigned int idle;
} kmem_pool_test_asked;

static void kmem_pool_test_unbalanced(struct kmem_pool *pool, bool hurry)
{
	kmem_pool_test_asked.unbalanced++;
	kmem_pool_test_asked.hurry += hurry;
}

static void kmem_pool_test_scattered(struct kmem_pool *pool)
{
	kmem_pool_test_asked.scattered++;
}

static void kmem_pool_test_level(struct kmem_pool *pool)
{
	lockdep_assert_held(&pool->lock);
	kmem_pool_test_asked.level++;
}

static void kmem_pool_test_idle(struct kmem_pool *pool)
{
	lockdep_assert_held(&pool->lock);
	kmem_pool_test_asked.idle++;
}

static const struct kmem_pool_ops kmem_pool_test_ops = {
	.unbalanced = kmem_pool_test_unbalanced,
	.scattered = kmem_pool_test_scattered,
	.level_changed = kmem_pool_test_level,
	.bad_idle = kmem_pool_test_idle,
};

static void kmem_pool_test_free(void *data)
{
	kmem_pool_destroy(data);
}

/* An unaligned head of one unit and a bit, and eight units that can be lent. */
static struct kmem_pool *kmem_pool_test_make(struct kunit *test)
{
	const u64 head = pageblock_nr_pages + 7;
	struct kmem_segments *segs;
	struct kmem_pool *pool;

	pool = kunit_kzalloc(test, sizeof(*pool), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pool);
	segs = kunit_kzalloc(test, sizeof(*segs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, segs);
	segs->segments = kunit_kcalloc(test, 2, sizeof(*segs->segments), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, segs->segments);

	segs->segments[0].first_dpn = head;
	segs->segments[0].nr_pages = KMEM_POOL_TEST_BLOCKS * pageblock_nr_pages;
	segs->segments[0].hotplug = true;
	segs->segments[1].nr_pages = head;
	segs->num_segments = 2;
	/* Any pages will do: nobody looks at more than their flags. */
	segs->segments[0].phys = page_to_phys(ZERO_PAGE(0));
	segs->nr_pages = head + segs->segments[0].nr_pages;
	segs->bad = kunit_kcalloc(test, BITS_TO_LONGS(segs->nr_pages), sizeof(long),
				  GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, segs->bad);

	KUNIT_ASSERT_EQ(test, kunit_add_action(test, kmem_pool_test_free, pool), 0);
	KUNIT_ASSERT_EQ(test, kmem_pool_init(pool, segs, &kmem_pool_test_ops), 0);
	KUNIT_ASSERT_EQ(test, kmem_pool_begin_claims(pool), 0);
	/* Superblocks are none of the tests' business, but of one. */
	bitmap_zero(pool->claims, segs->nr_pages);
	memset(&kmem_pool_test_asked, 0, sizeof(kmem_pool_test_asked));
	return pool;
}

static void kmem_pool_test_set(struct kmem_pool *pool, unsigned int unit,
			       enum kmem_unit_state state)
{
	guard(mutex)(&pool->units_lock);
	guard(spinlock)(&pool->lock);
	kmem_unit_set_state(pool, &pool->units[unit], state);
}

static void kmem_pool_test_online(struct kmem_pool *pool)
{
	unsigned int i;

	for (i = 0; i < KMEM_POOL_TEST_BLOCKS; i++)
		kmem_pool_test_set(pool, i, KMEM_UNIT_POOL);
}

static struct kmem_unit *kmem_pool_test_lend(struct kmem_pool *pool)
{
	guard(mutex)(&pool->units_lock);
	return kmem_pool_lend_unit(pool);
}

static struct kmem_usage kmem_pool_test_usage(struct kunit *test,
					      struct kmem_pool *pool)
{
	struct kmem_usage u;

	kmem_pool_usage(pool, &u);
	KUNIT_EXPECT_EQ(test, u.capacity,
			u.stored + u.pool + u.lent + u.absent + u.bad);
	return u;
}

static void kmem_pool_test_claim(struct kunit *test)
{
	struct kmem_pool *pool = kmem_pool_test_make(test);
	struct kmem_usage u;
	u64 dpn;

	/* Closed until it is known what is used. */
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &dpn, 1, KMEM_ALLOC_RESERVE), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).stored, pool->segs->nr_pages);

	KUNIT_EXPECT_EQ(test, kmem_pool_claim_page(pool, 0), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_claim_page(pool, 0), -EEXIST);
	KUNIT_EXPECT_EQ(test, kmem_pool_claim_page(pool, pool->segs->nr_pages - 1), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_claim_page(pool, pool->segs->nr_pages), -ERANGE);
	KUNIT_EXPECT_EQ(test, kmem_pool_adopt(pool), 0);

	u = kmem_pool_test_usage(test, pool);
	KUNIT_EXPECT_EQ(test, u.stored, 2);
	KUNIT_EXPECT_EQ(test, u.absent, pool->segs->nr_pages - 2);
}

/* Every page once, the fullest unit first, the reserve only for who may. */
static void kmem_pool_test_alloc(struct kunit *test)
{
	struct kmem_pool *pool = kmem_pool_test_make(test);
	struct kmem_unit *unit;
	u64 *dpns, one, i, nr;

	KUNIT_ASSERT_EQ(test, kmem_pool_adopt(pool), 0);
	dpns = kunit_kcalloc(test, pool->segs->nr_pages, sizeof(*dpns), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dpns);

	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, dpns, 10, 0), 10);
	unit = kmem_pool_unit(pool, dpns[0]);
	for (i = 1; i < 10; i++)
		KUNIT_EXPECT_PTR_EQ(test, kmem_pool_unit(pool, dpns[i]), unit);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, dpns + 10, 1, 0), 1);
	KUNIT_EXPECT_PTR_EQ(test, kmem_pool_unit(pool, dpns[10]), unit);

	nr = 11 + kmem_pool_alloc(pool, dpns + 11, pool->segs->nr_pages - 11, 0);
	KUNIT_EXPECT_EQ(test, nr, pool->segs->nr_pages - pool->reserve);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, 0), 0);
	nr += kmem_pool_alloc(pool, dpns + nr, pool->segs->nr_pages - nr,
				   KMEM_ALLOC_RESERVE);
	KUNIT_EXPECT_EQ(test, nr, pool->segs->nr_pages - pool->reserve / 2);
	nr += kmem_pool_alloc(pool, dpns + nr, pool->segs->nr_pages - nr,
				   KMEM_ALLOC_OVERWRITE);
	KUNIT_EXPECT_EQ(test, nr, pool->segs->nr_pages);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).stored, pool->segs->nr_pages);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, KMEM_ALLOC_OVERWRITE), 0);

	/* All different: each can be freed, and then nothing is left. */
	kmem_pool_free(pool, dpns, nr);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).stored, 0);
	for (i = 0; i < pool->segs->nr_pages; i++)
		if (test_bit(i, pool->used))
			KUNIT_FAIL(test, "page %llu", i);
}

static void kmem_pool_test_lending(struct kunit *test)
{
	struct kmem_pool *pool = kmem_pool_test_make(test);
	struct kmem_unit *unit;
	u64 dpn, lent = 0;

	/* One page in use in the first of the units that could be lent. */
	dpn = pool->segs->segments[0].first_dpn;
	KUNIT_EXPECT_EQ(test, kmem_pool_claim_page(pool, dpn), 0);
	KUNIT_ASSERT_EQ(test, kmem_pool_adopt(pool), 0);
	pool->reserve = pageblock_nr_pages;
	pool->slack = pageblock_nr_pages;

	KUNIT_EXPECT_NULL(test, kmem_pool_test_lend(pool));
	kmem_pool_test_online(pool);
	pool->units[1].frozen = true;
	while ((unit = kmem_pool_test_lend(pool))) {
		KUNIT_EXPECT_PTR_NE(test, unit, &pool->units[0]);
		KUNIT_EXPECT_PTR_NE(test, unit, &pool->units[1]);
		KUNIT_EXPECT_TRUE(test, unit->state == KMEM_UNIT_RAM);
		lent += unit->nr_pages;
	}
	/* Head, first and frozen unit leave more than the target of two units. */
	KUNIT_EXPECT_EQ(test, lent, (KMEM_POOL_TEST_BLOCKS - 2) * pageblock_nr_pages);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).lent, lent);
	KUNIT_EXPECT_EQ(test, kmem_pool_shortage(pool), 0);

	pool->slack = KMEM_POOL_TEST_BLOCKS * pageblock_nr_pages;
	KUNIT_EXPECT_GT(test, kmem_pool_shortage(pool), 0);
	KUNIT_EXPECT_TRUE(test, kmem_pool_is_low(pool));
	kmem_pool_test_set(pool, 2, KMEM_UNIT_POOL);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).lent,
			lent - pageblock_nr_pages);
	kmem_pool_test_set(pool, 3, KMEM_UNIT_ABSENT);
	kmem_pool_test_usage(test, pool);
}

/* A bad page is nobody's, whenever it becomes known; while it holds data it stays. */
static void kmem_pool_test_bad(struct kunit *test)
{
	struct kmem_pool *pool = kmem_pool_test_make(test);
	u64 dpns[4] = {}, dpn, nr_free;
	struct kmem_usage usage;
	struct kmem_unit *unit;

	/* Known from the beginning: one that is free, one that holds data. */
	kmem_bad_note(pool->segs, pool->units[0].first_dpn + 5);
	kmem_bad_note(pool->segs, pool->units[1].first_dpn);
	dpn = pool->units[1].first_dpn;
	KUNIT_EXPECT_EQ(test, kmem_pool_claim_page(pool, dpn), 0);
	KUNIT_ASSERT_EQ(test, kmem_pool_adopt(pool), 0);
	usage = kmem_pool_test_usage(test, pool);
	KUNIT_EXPECT_EQ(test, usage.bad, 1);
	KUNIT_EXPECT_EQ(test, usage.stored, 1);

	/* Neither of their units is ever lent, even when the data is gone. */
	kmem_pool_free(pool, &dpn, 1);
	usage = kmem_pool_test_usage(test, pool);
	KUNIT_EXPECT_EQ(test, usage.bad, 2);
	KUNIT_EXPECT_EQ(test, usage.stored, 0);
	pool->reserve = 0;
	pool->slack = 0;
	kmem_pool_test_online(pool);
	while ((unit = kmem_pool_test_lend(pool))) {
		KUNIT_EXPECT_PTR_NE(test, unit, &pool->units[0]);
		KUNIT_EXPECT_PTR_NE(test, unit, &pool->units[1]);
	}
	KUNIT_EXPECT_EQ(test, kmem_unit_sparseness(pool, &pool->units[0]), -1);

	/* Found later: in use, and in a unit that comes back. */
	KUNIT_ASSERT_EQ(test, kmem_pool_alloc(pool, dpns, 4, 0), 4);
	kmem_bad_note(pool->segs, dpns[2]);
	kmem_bad_note(pool->segs, pool->units[3].first_dpn + 1);
	kmem_pool_free(pool, dpns, 4);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).bad, 3);
	kmem_pool_test_set(pool, 3, KMEM_UNIT_POOL);
	scoped_guard(spinlock, &pool->lock)
		kmem_unit_claim_bad(pool, &pool->units[3]);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).bad, 4);

	/* And after a detach that was taken back: none of it holds data. */
	usage = kmem_pool_test_usage(test, pool);
	KUNIT_ASSERT_EQ(test, kmem_pool_begin_claims(pool), 0);
	bitmap_zero(pool->claims, pool->segs->nr_pages);
	KUNIT_EXPECT_EQ(test, kmem_pool_adopt(pool), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).bad, usage.bad);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).stored, usage.stored);

	/* None of them is handed out, whatever is taken. */
	pool->limit = U64_MAX;
	for (nr_free = 0; kmem_pool_alloc(pool, &dpn, 1, KMEM_ALLOC_OVERWRITE);
	     nr_free++)
		KUNIT_EXPECT_FALSE(test, kmem_bad_is(pool->segs, dpn));
	KUNIT_EXPECT_EQ(test, nr_free, usage.pool + usage.absent);
}

/* Looking at all of the device, as each run of the worker does. */
static bool kmem_pool_test_to_clear(struct kmem_pool *pool, u64 *dpn)
{
	u64 pos = 0;

	return kmem_pool_get_to_clear(pool, &pos, dpn);
}

/* A bad page that holds nothing is cleared once; then anybody may have it. */
static void kmem_pool_test_clear(struct kunit *test)
{
	struct kmem_pool *pool = kmem_pool_test_make(test);
	u64 dpns[2] = {}, dpn, tail;
	struct kmem_usage usage;

	pool->limit = U64_MAX;
	tail = pool->segs->segments[1].first_dpn + 3;
	kmem_bad_note(pool->segs, tail);
	KUNIT_ASSERT_EQ(test, kmem_pool_adopt(pool), 0);
	kmem_pool_test_online(pool);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).bad, 1);

	/* Not while there is no plugin. */
	KUNIT_EXPECT_FALSE(test, kmem_pool_test_to_clear(pool, &dpn));
	kmem_pool_set_may_clear(pool, true);
	/* What holds data is not cleared. */
	KUNIT_ASSERT_EQ(test, kmem_pool_alloc(pool, dpns, 2, 0), 2);
	kmem_bad_note(pool->segs, dpns[0]);
	KUNIT_ASSERT_TRUE(test, kmem_pool_test_to_clear(pool, &dpn));
	KUNIT_EXPECT_EQ(test, dpn, tail);
	KUNIT_EXPECT_FALSE(test, kmem_pool_test_to_clear(pool, &dpn));
	kmem_pool_free(pool, dpns, 2);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).bad, 2);
	KUNIT_ASSERT_TRUE(test, kmem_pool_test_to_clear(pool, &dpn));
	KUNIT_EXPECT_EQ(test, dpn, dpns[0]);
	KUNIT_EXPECT_FALSE(test, kmem_pool_test_to_clear(pool, &dpn));

	usage = kmem_pool_test_usage(test, pool);
	KUNIT_EXPECT_TRUE(test, kmem_pool_free_cleared(pool, dpn));
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).bad, 1);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).stored, usage.stored);
	KUNIT_EXPECT_FALSE(test, kmem_bad_is(pool->segs, dpns[0]));
	KUNIT_EXPECT_FALSE(test, test_bit(dpns[0], pool->used));
	KUNIT_EXPECT_TRUE(test, kmem_bad_is(pool->segs, tail));
	/* Bad again, it stays so. */
	kmem_bad_note(pool->segs, dpns[0]);
	scoped_guard(spinlock, &pool->lock)
		kmem_unit_claim_bad(pool, kmem_pool_unit(pool, dpns[0]));
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).bad, 2);
	KUNIT_EXPECT_FALSE(test, kmem_pool_test_to_clear(pool, &dpn));

	/* In memory that is not online nobody knows who has taken it. */
	dpn = pool->units[1].first_dpn;
	kmem_pool_test_set(pool, 1, KMEM_UNIT_ABSENT);
	kmem_bad_note(pool->segs, dpn);
	scoped_guard(spinlock, &pool->lock)
		kmem_unit_claim_bad(pool, &pool->units[1]);
	KUNIT_EXPECT_FALSE(test, kmem_pool_test_to_clear(pool, &dpn));
	kmem_pool_test_set(pool, 1, KMEM_UNIT_POOL);
	KUNIT_EXPECT_TRUE(test, kmem_pool_test_to_clear(pool, &dpn));
	/* And who forgets what is used forgets that, too. */
	__set_bit(dpn, pool->to_clear);
	pool->nr_to_clear++;
	kmem_pool_close(pool);
	KUNIT_EXPECT_EQ(test, pool->nr_to_clear, 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).stored, pool->segs->nr_pages);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, dpns, 1, KMEM_ALLOC_OVERWRITE), 0);
	KUNIT_EXPECT_FALSE(test, kmem_pool_test_to_clear(pool, &dpn));
}

/* What cannot be cleared now keeps nothing out that can, however much it is. */
static void kmem_pool_test_clear_many(struct kunit *test)
{
	struct kmem_pool *pool = kmem_pool_test_make(test);
	const u64 nr = 3 * pageblock_nr_pages;
	u64 dpn, pos = 0, done = 0;

	/* Three units that stay offline, and one page before and one behind them. */
	for (u64 i = 0; i < nr; i++)
		kmem_bad_note(pool->segs, pool->units[2].first_dpn + i);
	kmem_bad_note(pool->segs, pool->units[0].first_dpn);
	kmem_bad_note(pool->segs, pool->units[7].first_dpn + 1);
	KUNIT_ASSERT_EQ(test, kmem_pool_adopt(pool), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).bad, nr + 2);
	KUNIT_EXPECT_EQ(test, pool->nr_to_clear, nr + 2);
	kmem_pool_set_may_clear(pool, true);
	KUNIT_EXPECT_FALSE(test, kmem_pool_test_to_clear(pool, &dpn));
	kmem_pool_test_set(pool, 0, KMEM_UNIT_POOL);
	kmem_pool_test_set(pool, 7, KMEM_UNIT_POOL);
	KUNIT_EXPECT_TRUE(test, kmem_pool_get_to_clear(pool, &pos, &dpn));
	KUNIT_EXPECT_EQ(test, dpn, pool->units[0].first_dpn);
	KUNIT_EXPECT_TRUE(test, kmem_pool_get_to_clear(pool, &pos, &dpn));
	KUNIT_EXPECT_EQ(test, dpn, pool->units[7].first_dpn + 1);
	KUNIT_EXPECT_FALSE(test, kmem_pool_get_to_clear(pool, &pos, &dpn));
	/* They were not forgotten meanwhile. */
	kmem_pool_test_online(pool);
	while (done < KMEM_CLEAR_MAX && kmem_pool_test_to_clear(pool, &dpn))
		done++;
	KUNIT_EXPECT_EQ(test, done, min(nr, KMEM_CLEAR_MAX));
	KUNIT_EXPECT_EQ(test, pool->nr_to_clear, nr - done);
}

/* Data in memory that is lent is refused, and nothing has changed then. */
static void kmem_pool_test_again(struct kunit *test)
{
	struct kmem_pool *pool = kmem_pool_test_make(test);
	struct kmem_usage before, after;

	KUNIT_EXPECT_EQ(test, kmem_pool_claim_page(pool, 3), 0);
	KUNIT_ASSERT_EQ(test, kmem_pool_adopt(pool), 0);
	KUNIT_EXPECT_NULL(test, pool->claims);
	kmem_pool_test_online(pool);
	kmem_pool_test_set(pool, 5, KMEM_UNIT_RAM);
	before = kmem_pool_test_usage(test, pool);

	/* What lies where superblocks are is nobody's, whatever is claimed. */
	KUNIT_ASSERT_EQ(test, kmem_pool_begin_claims(pool), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_claim_page(pool, KMEM_PERSIST_FIRST_PAGE - 1), -EEXIST);
	KUNIT_EXPECT_EQ(test, kmem_pool_claim_page(pool, pool->units[5].first_dpn + 1), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_adopt(pool), -EUCLEAN);
	kmem_pool_drop_claims(pool);
	after = kmem_pool_test_usage(test, pool);
	KUNIT_EXPECT_MEMEQ(test, &before, &after, sizeof(before));
	KUNIT_EXPECT_TRUE(test, test_bit(3, pool->used));

	/* What was not claimed is free; what is lent stays lent. */
	KUNIT_ASSERT_EQ(test, kmem_pool_begin_claims(pool), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_claim_page(pool, pool->units[4].first_dpn), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_adopt(pool), 0);
	after = kmem_pool_test_usage(test, pool);
	KUNIT_EXPECT_EQ(test, after.stored, KMEM_PERSIST_FIRST_PAGE + 1);
	KUNIT_EXPECT_EQ(test, after.lent, before.lent);
}

/* A memory block comes, its units are lent and taken, and it goes; others ask for pages. */
static void kmem_pool_test_hands(struct kunit *test)
{
	struct kmem_pool *pool = kmem_pool_test_make(test);
	struct kmem_unit *units = pool->units;
	struct kmem_usage u;
	u64 dpn;

	KUNIT_ASSERT_EQ(test, kmem_pool_adopt(pool), 0);
	pool->reserve = 0;
	pool->slack = 0;
	kmem_pool_online(pool, 0, 4, true);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).pool, 4 * pageblock_nr_pages);
	KUNIT_EXPECT_TRUE(test, units[3].movable);
	KUNIT_EXPECT_TRUE(test, units[4].state == KMEM_UNIT_ABSENT);

	/* Lent, but not what is going offline; and never what is not there. */
	mutex_lock(&pool->units_lock);
	kmem_pool_set_frozen(pool, 3, 1, true);
	for (int i = 0; i < 3; i++)
		KUNIT_EXPECT_NOT_NULL(test, kmem_pool_lend_unit(pool));
	KUNIT_EXPECT_NULL(test, kmem_pool_lend_unit(pool));
	KUNIT_EXPECT_FALSE(test, kmem_pool_lend_like(pool, &units[3], &units[2]));
	kmem_pool_set_frozen(pool, 3, 1, false);
	KUNIT_EXPECT_TRUE(test, kmem_pool_lend_like(pool, &units[3], &units[2]));
	KUNIT_EXPECT_FALSE(test, kmem_pool_lend_like(pool, &units[4], &units[3]));
	KUNIT_EXPECT_FALSE(test, kmem_pool_is_last_online(pool, 0, 3));
	KUNIT_EXPECT_TRUE(test, kmem_pool_is_last_online(pool, 0, 4));
	/* It was not fit for it: neither lent, nor lost. */
	kmem_pool_lend_failed(pool, &units[3]);
	KUNIT_EXPECT_TRUE(test, units[3].state == KMEM_UNIT_POOL);
	kmem_pool_take_begin(pool, units, 2);
	mutex_unlock(&pool->units_lock);

	/* Two are being taken: they count as lent, and one fails. */
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).lent, 3 * pageblock_nr_pages);
	KUNIT_EXPECT_TRUE(test, kmem_pool_is_taking(pool, 1, 3));
	kmem_pool_take_failed(pool, &units[1], 1);
	KUNIT_EXPECT_FALSE(test, kmem_pool_is_taking(pool, 1, 3));
	KUNIT_EXPECT_TRUE(test, units[1].state == KMEM_UNIT_RAM);
	/* What is bad there is withheld before anybody can get it. */
	kmem_bad_note(pool->segs, units[0].first_dpn + 1);
	kmem_pool_take_done(pool, units, 1);
	KUNIT_EXPECT_TRUE(test, units[0].state == KMEM_UNIT_POOL);
	KUNIT_EXPECT_TRUE(test, units[0].exposed);
	u = kmem_pool_test_usage(test, pool);
	KUNIT_EXPECT_EQ(test, u.lent, 2 * pageblock_nr_pages);
	KUNIT_EXPECT_EQ(test, u.bad, 1);

	/* The same for what the region finds later, where nobody has it. */
	kmem_bad_note(pool->segs, units[0].first_dpn + 2);
	kmem_bad_note(pool->segs, units[1].first_dpn + 2);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_asked.idle, 0);
	kmem_pool_set_may_clear(pool, true);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_asked.idle, 1);
	kmem_pool_withdraw_bad(pool);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, pool).bad, 2);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_asked.idle, 2);

	/* Whoever waits is heard, and whoever frees something. */
	KUNIT_EXPECT_EQ(test, kmem_pool_test_asked.hurry, 0);
	kmem_pool_wait_begin(pool, 3 * pageblock_nr_pages);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_asked.hurry, 1);
	KUNIT_EXPECT_EQ(test, pool->nr_wanted, 3 * pageblock_nr_pages);
	kmem_pool_wait_end(pool, 3 * pageblock_nr_pages);
	KUNIT_EXPECT_EQ(test, pool->nr_wanted, 0);
	kmem_pool_changed(pool);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_asked.hurry, 2);
	pool->lend = true;
	KUNIT_ASSERT_EQ(test, kmem_pool_alloc(pool, &dpn, 1, 0), 1);
	kmem_pool_test_asked.unbalanced = 0;
	kmem_pool_free(pool, &dpn, 1);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_asked.unbalanced, 1);
	pool->lend = false;

	/* Gone, whoever had it; only what was used is stored still. */
	kmem_pool_offline(pool, 0, 4);
	u = kmem_pool_test_usage(test, pool);
	KUNIT_EXPECT_EQ(test, u.pool + u.lent + u.stored, 0);
	KUNIT_EXPECT_EQ(test, u.bad, 3);
	KUNIT_EXPECT_FALSE(test, units[0].exposed);
}

static void kmem_pool_test_states(struct kunit *test)
{
	static const bool legal[KMEM_UNIT_NR_STATES][KMEM_UNIT_NR_STATES] = {
		[KMEM_UNIT_ABSENT] = { [KMEM_UNIT_POOL] = true },
		[KMEM_UNIT_POOL] = { [KMEM_UNIT_ABSENT] = true,
				     [KMEM_UNIT_MOVING] = true,
				     [KMEM_UNIT_RAM] = true },
		[KMEM_UNIT_MOVING] = { [KMEM_UNIT_ABSENT] = true,
				       [KMEM_UNIT_POOL] = true },
		[KMEM_UNIT_RAM] = { [KMEM_UNIT_ABSENT] = true,
				    [KMEM_UNIT_POOL] = true,
				    [KMEM_UNIT_TAKING] = true },
		[KMEM_UNIT_TAKING] = { [KMEM_UNIT_POOL] = true,
				       [KMEM_UNIT_RAM] = true },
	};
	unsigned int from, to;

	for (from = 0; from < KMEM_UNIT_NR_STATES; from++)
		for (to = 0; to < KMEM_UNIT_NR_STATES; to++)
			if (from != to)
				KUNIT_EXPECT_EQ_MSG(test, legal[from][to],
						    kmem_unit_may_become(from, to),
						    "%u to %u", from, to);
}

/* What may be used, what is kept, and what users are told about it. */
static void kmem_pool_test_limits(struct kunit *test)
{
	struct kmem_pool *pool = kmem_pool_test_make(test);
	const u64 nr = 4 * pageblock_nr_pages;
	struct kmem_unit *unit;
	u64 *dpns, *extra, one, more;

	dpns = kunit_kcalloc(test, nr, sizeof(*dpns), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dpns);
	extra = kunit_kcalloc(test, pool->reserve, sizeof(*extra), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, extra);
	pool->low_water = 16;
	pool->limit = nr;
	pool->slack = pageblock_nr_pages;
	KUNIT_ASSERT_EQ(test, kmem_pool_adopt(pool), 0);
	KUNIT_EXPECT_EQ(test, pool->space, KMEM_SPACE_OK);

	/* The limit, for all but overwrites and moves. */
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, dpns, nr - 16, 0), nr - 16);
	KUNIT_EXPECT_EQ(test, pool->space, KMEM_SPACE_OK);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, dpns + nr - 16, 17, 0), 16);
	KUNIT_EXPECT_EQ(test, pool->space, KMEM_SPACE_LOW);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, KMEM_ALLOC_MOVE), 1);
	kmem_pool_free(pool, &one, 1);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, KMEM_ALLOC_OVERWRITE), 1);
	kmem_pool_free(pool, &one, 1);
	/* Half of the reserve, beyond the limit as well. */
	more = pool->reserve / 2;
	KUNIT_ASSERT_GT(test, more, 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, extra, more, KMEM_ALLOC_RESERVE),
			more);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, KMEM_ALLOC_RESERVE), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, KMEM_ALLOC_OVERWRITE), 1);
	kmem_pool_free(pool, &one, 1);
	kmem_pool_free(pool, extra, more);

	/* "none" ends when somebody gets a page, "low" an eighth above the mark. */
	KUNIT_EXPECT_EQ(test, kmem_pool_no_space(pool), KMEM_POOL_LACK_LIMIT);
	KUNIT_EXPECT_EQ(test, kmem_pool_no_space(pool), KMEM_POOL_LACK_NEWS);
	KUNIT_EXPECT_EQ(test, pool->space, KMEM_SPACE_NONE);
	kmem_pool_free(pool, dpns, 17);
	KUNIT_EXPECT_EQ(test, pool->space, KMEM_SPACE_NONE);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, dpns, 1, 0), 1);
	KUNIT_EXPECT_EQ(test, pool->space, KMEM_SPACE_LOW);
	kmem_pool_free(pool, dpns, 1);
	KUNIT_EXPECT_EQ(test, pool->space, KMEM_SPACE_LOW);
	kmem_pool_free(pool, dpns + 17, 1);
	KUNIT_EXPECT_EQ(test, pool->space, KMEM_SPACE_OK);
	kmem_pool_free(pool, dpns + 18, nr - 18);

	/* What is kept stays in the pool, no less and hardly more. */
	kmem_pool_test_online(pool);
	pool->reserve = pageblock_nr_pages;
	pool->keep = 6 * pageblock_nr_pages;
	while ((unit = kmem_pool_test_lend(pool)))
		;
	KUNIT_EXPECT_GE(test, kmem_pool_available(pool), pool->keep);
	KUNIT_EXPECT_LT(test, kmem_pool_available(pool),
			pool->keep + pageblock_nr_pages);
	KUNIT_EXPECT_EQ(test, kmem_pool_shortage(pool), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_empty_pages(pool), 0);

	/* Short of RAM, the slack goes; the reserve stays. */
	pool->keep = 0;
	pool->squeezed = jiffies + HZ * 1000;
	while ((unit = kmem_pool_test_lend(pool)))
		;
	KUNIT_EXPECT_GE(test, kmem_pool_available(pool), pool->reserve);
	KUNIT_EXPECT_LT(test, kmem_pool_available(pool),
			pool->reserve + 2 * pageblock_nr_pages);
}

/* The bound of metadata by default, and as it is set. */
static void kmem_pool_test_metadata_default(struct kunit *test)
{
	struct kmem_pool *pool = kmem_pool_test_make(test);
	const u64 nr_pages = pool->segs->nr_pages, mib = SZ_1M >> PAGE_SHIFT;

	KUNIT_EXPECT_EQ(test, kmem_pool_metadata(pool), nr_pages / 8);
	pool->segs->nr_pages = 64 * SZ_1K * mib;
	KUNIT_EXPECT_EQ(test, kmem_pool_metadata(pool), (2 * SZ_1K + 64) * mib);
	/* More than ext4 has of inode tables and journal: 1 GiB and 512 MiB. */
	KUNIT_EXPECT_GT(test, kmem_pool_metadata(pool), (SZ_1K + 512) * mib);
	pool->limit = 32 * SZ_1K * mib;
	KUNIT_EXPECT_EQ(test, kmem_pool_metadata(pool), (2 * SZ_1K + 64) * mib);
	pool->limit = 256 * mib;
	KUNIT_EXPECT_EQ(test, kmem_pool_metadata(pool), 64 * mib);
	pool->metadata = 0;
	KUNIT_EXPECT_EQ(test, kmem_pool_metadata(pool), 0);
	pool->metadata = SZ_1K * mib;
	KUNIT_EXPECT_EQ(test, kmem_pool_metadata(pool), SZ_1K * mib);
	pool->segs->nr_pages = nr_pages;
}

/* Metadata goes beyond the limit: so far, and not a page further. */
static void kmem_pool_test_metadata(struct kunit *test)
{
	struct kmem_pool *pool = kmem_pool_test_make(test);
	const u64 nr = 2 * pageblock_nr_pages, more = 100;
	u64 *data, *meta, nr_meta, half, one;

	data = kunit_kcalloc(test, nr, sizeof(*data), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, data);
	meta = kunit_kcalloc(test, pool->segs->nr_pages, sizeof(*meta), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, meta);
	pool->limit = nr;
	pool->metadata = more;
	half = pool->reserve / 2;
	KUNIT_ASSERT_GT(test, half, 0);
	KUNIT_ASSERT_LT(test, half, more);
	KUNIT_ASSERT_EQ(test, kmem_pool_adopt(pool), 0);

	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, data, nr, 0), nr);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_beyond_limit(pool), 0);
	/* Swap and nodes stay where they were. */
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, meta, more, KMEM_ALLOC_RESERVE), half);
	KUNIT_EXPECT_EQ(test, kmem_pool_beyond_limit(pool), half);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, meta + half, more, KMEM_ALLOC_META),
			more - half);
	KUNIT_EXPECT_EQ(test, kmem_pool_beyond_limit(pool), more);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, KMEM_ALLOC_META), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, KMEM_ALLOC_RESERVE), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, KMEM_ALLOC_MOVE), 1);
	kmem_pool_free(pool, &one, 1);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, KMEM_ALLOC_OVERWRITE), 1);
	kmem_pool_free(pool, &one, 1);

	/* What is freed, of either kind, makes room, for data not before it is below. */
	kmem_pool_free(pool, meta, 10);
	KUNIT_EXPECT_EQ(test, kmem_pool_beyond_limit(pool), more - 10);
	kmem_pool_free(pool, data, 5);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, meta + more, 20, KMEM_ALLOC_META), 15);
	KUNIT_EXPECT_EQ(test, kmem_pool_beyond_limit(pool), more);
	kmem_pool_free(pool, meta + 10, more + 5);
	KUNIT_EXPECT_EQ(test, kmem_pool_beyond_limit(pool), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, data, 10, 0), 5);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, meta, more + 1, KMEM_ALLOC_META), more);

	/* That data waited in vain says nothing about metadata. */
	KUNIT_EXPECT_EQ(test, kmem_pool_no_space(pool), KMEM_POOL_LACK_LIMIT);
	KUNIT_EXPECT_FALSE(test, kmem_pool_has_space(pool, 0));
	KUNIT_EXPECT_TRUE(test, kmem_pool_has_space(pool, KMEM_ALLOC_META));
	KUNIT_EXPECT_EQ(test, kmem_pool_no_metadata(pool), KMEM_POOL_LACK_LIMIT);
	KUNIT_EXPECT_EQ(test, kmem_pool_no_metadata(pool), KMEM_POOL_LACK_NEWS);
	KUNIT_EXPECT_FALSE(test, kmem_pool_has_space(pool, KMEM_ALLOC_META));
	/* It ends when some is had, or when there is much. */
	kmem_pool_free(pool, meta, 1);
	KUNIT_EXPECT_FALSE(test, kmem_pool_has_space(pool, KMEM_ALLOC_META));
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, meta, 1, KMEM_ALLOC_META), 1);
	KUNIT_EXPECT_TRUE(test, kmem_pool_has_space(pool, KMEM_ALLOC_META));
	KUNIT_EXPECT_FALSE(test, kmem_pool_has_space(pool, 0));
	KUNIT_EXPECT_EQ(test, kmem_pool_no_metadata(pool), KMEM_POOL_LACK_LIMIT);
	pool->metadata = more + KMEM_POOL_ENOUGH;
	kmem_pool_free(pool, meta, 1);
	KUNIT_EXPECT_TRUE(test, kmem_pool_has_space(pool, KMEM_ALLOC_META));

	/* In the pool, never more than half of the reserve; who has that needs RAM. */
	pool->metadata = pool->segs->nr_pages;
	pool->metadata_lacks = jiffies;
	nr_meta = kmem_pool_available(pool) - half;
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, meta + more, nr_meta, KMEM_ALLOC_META),
			nr_meta);
	KUNIT_EXPECT_FALSE(test, kmem_pool_lacks_metadata(pool));
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, KMEM_ALLOC_RESERVE), 0);
	KUNIT_EXPECT_FALSE(test, kmem_pool_lacks_metadata(pool));
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, KMEM_ALLOC_META), 0);
	KUNIT_EXPECT_TRUE(test, kmem_pool_lacks_metadata(pool));
	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, &one, 1, KMEM_ALLOC_OVERWRITE), 1);
	kmem_pool_free(pool, meta, KMEM_POOL_META_FEW + 2);
	KUNIT_EXPECT_FALSE(test, kmem_pool_lacks_metadata(pool));
}

/* A sparse unit is emptied: nothing new goes there, and then it can be lent. */
static void kmem_pool_test_moving(struct kunit *test)
{
	struct kmem_pool *pool = kmem_pool_test_make(test);
	struct kmem_unit *unit;
	u64 dpns[3], to[3], first, need = 0;
	unsigned int i;

	first = pool->segs->segments[0].first_dpn;
	/* Unit 0 is half full, unit 1 holds three pages. */
	for (i = 0; i < pageblock_nr_pages / 2; i++)
		KUNIT_EXPECT_EQ(test, kmem_pool_claim_page(pool, first + i), 0);
	for (i = 0; i < 3; i++) {
		dpns[i] = first + pageblock_nr_pages + 7 * i;
		KUNIT_EXPECT_EQ(test, kmem_pool_claim_page(pool, dpns[i]), 0);
	}
	KUNIT_ASSERT_EQ(test, kmem_pool_adopt(pool), 0);
	kmem_pool_test_online(pool);
	pool->reserve = 0;
	pool->slack = 0;
	while ((unit = kmem_pool_test_lend(pool)))
		;
	KUNIT_EXPECT_EQ(test, pool->nr_moving, 0);
	pool->lend = true;
	KUNIT_EXPECT_GT(test, kmem_pool_scattered(pool), pageblock_nr_pages);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_asked.scattered, 0);
	kmem_pool_look(pool);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_asked.scattered, 1);

	unit = &pool->units[1];
	KUNIT_EXPECT_GT(test, kmem_unit_sparseness(pool, unit),
			kmem_unit_sparseness(pool, &pool->units[0]));
	KUNIT_EXPECT_LT(test, kmem_unit_sparseness(pool, &pool->units[2]), 0);
	scoped_guard(mutex, &pool->units_lock) {
		/* No room for the data of all those before it. */
		need = kmem_pool_available(pool) - unit->nr_pages + 1;
		KUNIT_EXPECT_FALSE(test, kmem_pool_start_moving(pool, unit, &need));
		need = 0;
		KUNIT_EXPECT_TRUE(test, kmem_pool_start_moving(pool, unit, &need));
	}
	KUNIT_EXPECT_EQ(test, need, 3);
	KUNIT_EXPECT_TRUE(test, unit->state == KMEM_UNIT_MOVING);
	KUNIT_EXPECT_EQ(test, pool->nr_moving, 1);
	KUNIT_EXPECT_TRUE(test, kmem_pool_page_moves(pool, dpns[0]));
	KUNIT_EXPECT_FALSE(test, kmem_pool_page_moves(pool, first));
	kmem_pool_test_usage(test, pool);

	KUNIT_EXPECT_EQ(test, kmem_pool_alloc(pool, to, 3, KMEM_ALLOC_MOVE), 3);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_FALSE(test, kmem_pool_page_moves(pool, to[i]));
	kmem_pool_free(pool, dpns, 3);
	KUNIT_EXPECT_EQ(test, kmem_pool_end_moving(pool, true), 1);
	KUNIT_EXPECT_FALSE(test, unit->stuck);
	KUNIT_EXPECT_EQ(test, pool->nr_moving, 0);
	KUNIT_EXPECT_PTR_EQ(test, kmem_pool_test_lend(pool), &pool->units[1]);
	kmem_pool_test_usage(test, pool);

	/* What is stuck, or holds superblocks, is not chosen. */
	KUNIT_EXPECT_GE(test, kmem_unit_sparseness(pool, &pool->units[0]), 0);
	kmem_pool_test_set(pool, 0, KMEM_UNIT_MOVING);
	KUNIT_EXPECT_EQ(test, kmem_pool_end_moving(pool, false), 0);
	KUNIT_EXPECT_GE(test, kmem_unit_sparseness(pool, &pool->units[0]), 0);
	kmem_pool_test_set(pool, 0, KMEM_UNIT_MOVING);
	KUNIT_EXPECT_EQ(test, kmem_pool_end_moving(pool, true), 0);
	KUNIT_EXPECT_LT(test, kmem_unit_sparseness(pool, &pool->units[0]), 0);
	kmem_pool_unstick(pool);
	KUNIT_EXPECT_GE(test, kmem_unit_sparseness(pool, &pool->units[0]), 0);
	KUNIT_EXPECT_FALSE(test, kmem_unit_has_sb(&pool->units[0]));
	unit = kmem_pool_unit(pool, KMEM_PERSIST_FIRST_PAGE - 1);
	KUNIT_EXPECT_TRUE(test, kmem_unit_has_sb(unit));
}

KUNIT_DEFINE_ACTION_WRAPPER(kmem_pool_test_vfree, vfree, const void *);

/* What is not erased yet may be the plugin's, but nobody else's. */
static void kmem_pool_test_unerased(struct kunit *test)
{
	const size_t unit_bytes = pageblock_nr_pages << PAGE_SHIFT;
	struct kmem_pool *pool = kmem_pool_test_make(test);
	char *mem = vmalloc(KMEM_POOL_TEST_BLOCKS * unit_bytes);
	struct kmem_unit *unit = &pool->units[0];
	u64 pos = unit->first_dpn;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, kmem_pool_test_vfree,
							mem), 0);
	memset64((u64 *)mem, 0x5a5a5a5a5a5a5a5a, 2 * unit_bytes / sizeof(u64));
	pool->segs->segments[0].kaddr = mem;
	kmem_pool_test_online(pool);
	KUNIT_ASSERT_EQ(test, kmem_pool_claim_page(pool, pos + 1), 0);
	KUNIT_ASSERT_EQ(test, kmem_pool_adopt(pool), 0);
	pool->reserve = 0;
	pool->slack = 0;

	KUNIT_EXPECT_TRUE(test, kmem_pool_set_unerased(pool, true));
	KUNIT_EXPECT_EQ(test, pool->nr_unerased, pool->nr_units);
	KUNIT_EXPECT_NULL(test, kmem_pool_test_lend(pool));
	KUNIT_EXPECT_EQ(test, kmem_pool_empty_pages(pool), 0);
	kmem_pool_test_usage(test, pool);

	while (!kmem_pool_erase_some(pool, unit, &pos))
		kmem_pool_test_usage(test, pool);
	KUNIT_EXPECT_FALSE(test, unit->unerased);
	KUNIT_EXPECT_NULL(test, memchr_inv(mem, 0, PAGE_SIZE));
	/* Data is not touched, nor is the next unit. */
	KUNIT_EXPECT_NULL(test, memchr_inv(mem + PAGE_SIZE, 0x5a, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(mem + 2 * PAGE_SIZE, 0,
					   unit_bytes - 2 * PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(mem + unit_bytes, 0x5a, unit_bytes));
	KUNIT_EXPECT_EQ(test, unit->nr_free, unit->nr_pages - 1);
	kmem_pool_test_usage(test, pool);

	unit = &pool->units[1];
	pos = unit->first_dpn;
	KUNIT_EXPECT_NULL(test, kmem_pool_test_lend(pool));
	while (!kmem_pool_erase_some(pool, unit, &pos))
		;
	KUNIT_EXPECT_PTR_EQ(test, kmem_pool_test_lend(pool), unit);
	KUNIT_EXPECT_NULL(test, kmem_pool_test_lend(pool));

	/* What is lent cannot be erased any more. */
	KUNIT_EXPECT_FALSE(test, kmem_pool_set_unerased(pool, true));
	KUNIT_EXPECT_FALSE(test, unit->unerased);
	kmem_pool_set_unerased(pool, false);
	KUNIT_EXPECT_EQ(test, pool->nr_unerased, 0);
	KUNIT_EXPECT_NOT_NULL(test, kmem_pool_test_lend(pool));
	kmem_pool_test_usage(test, pool);
}

static struct kunit_case kmem_pool_test_cases[] = {
	KUNIT_CASE(kmem_pool_test_claim),
	KUNIT_CASE(kmem_pool_test_alloc),
	KUNIT_CASE(kmem_pool_test_lending),
	KUNIT_CASE(kmem_pool_test_again),
	KUNIT_CASE(kmem_pool_test_bad),
	KUNIT_CASE(kmem_pool_test_clear),
	KUNIT_CASE(kmem_pool_test_clear_many),
	KUNIT_CASE(kmem_pool_test_hands),
	KUNIT_CASE(kmem_pool_test_states),
	KUNIT_CASE(kmem_pool_test_limits),
	KUNIT_CASE(kmem_pool_test_metadata_default),
	KUNIT_CASE(kmem_pool_test_metadata),
	KUNIT_CASE(kmem_pool_test_moving),
	KUNIT_CASE(kmem_pool_test_unerased),
	{}
};

static struct kunit_suite kmem_pool_test_suite = {
	.name = "kmem_persist_pool",
	.test_cases = kmem_pool_test_cases,
};

kunit_test_suite(kmem_pool_test_suite);

#endif /* _DAX_KMEM_PERSIST_POOL_KUNIT_H */
#endif /* CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST */

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

static void kmem_pool_test_no_work(struct work_struct *work)
{
}

static void kmem_pool_test_free(void *data)
{
	struct kmem_persist *kp = data;

	cancel_delayed_work_sync(&kp->space_work);
	kmem_pool_destroy(kp);
}

/* An unaligned head of one unit and a bit, and eight units that can be lent. */
static struct kmem_persist *kmem_pool_test_make(struct kunit *test)
{
	const u64 head = pageblock_nr_pages + 7;
	struct kmem_persist *kp;

	kp = kunit_kzalloc(test, sizeof(*kp), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, kp);
	kp->segments = kunit_kcalloc(test, 2, sizeof(*kp->segments), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, kp->segments);

	kp->segments[0].first_dpn = head;
	kp->segments[0].nr_pages = KMEM_POOL_TEST_BLOCKS * pageblock_nr_pages;
	kp->segments[0].hotplug = true;
	kp->segments[1].nr_pages = head;
	kp->num_segments = 2;
	/* Any pages will do: nobody looks at more than their flags. */
	kp->segments[0].phys = page_to_phys(ZERO_PAGE(0));
	kp->nr_pages = head + kp->segments[0].nr_pages;
	kp->bad = kunit_kcalloc(test, BITS_TO_LONGS(kp->nr_pages), sizeof(long),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, kp->bad);
	mutex_init(&kp->exchange_lock);
	INIT_DELAYED_WORK(&kp->space_work, kmem_pool_test_no_work);
	kp->sb = kunit_kzalloc(test, sizeof(*kp->sb), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, kp->sb);

	KUNIT_ASSERT_EQ(test, kmem_pool_init(kp), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, kmem_pool_test_free,
							kp), 0);
	kmem_pool_forget(kp);
	return kp;
}

static void kmem_pool_test_set(struct kmem_persist *kp, unsigned int unit,
			       enum kmem_unit_state state)
{
	guard(mutex)(&kp->exchange_lock);
	guard(spinlock)(&kp->pool_lock);
	kmem_unit_set_state(kp, &kp->units[unit], state);
}

static void kmem_pool_test_online(struct kmem_persist *kp)
{
	unsigned int i;

	for (i = 0; i < KMEM_POOL_TEST_BLOCKS; i++)
		kmem_pool_test_set(kp, i, KMEM_UNIT_POOL);
}

static struct kmem_unit *kmem_pool_test_lend(struct kmem_persist *kp)
{
	guard(mutex)(&kp->exchange_lock);
	return kmem_pool_lend_unit(kp);
}

static struct kmem_usage kmem_pool_test_usage(struct kunit *test,
					      struct kmem_persist *kp)
{
	struct kmem_usage u;

	kmem_pool_usage(kp, &u);
	KUNIT_EXPECT_EQ(test, u.capacity,
			u.stored + u.pool + u.lent + u.absent + u.bad);
	return u;
}

static void kmem_pool_test_claim(struct kunit *test)
{
	struct kmem_persist *kp = kmem_pool_test_make(test);
	struct kmem_usage u;
	u64 dpn;

	/* Closed until it is known what is used. */
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, &dpn, 1, KMEM_ALLOC_RESERVE), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).stored, kp->nr_pages);

	KUNIT_EXPECT_EQ(test, dax_kmem_claim_page(kp, 0), 0);
	KUNIT_EXPECT_EQ(test, dax_kmem_claim_page(kp, 0), -EEXIST);
	KUNIT_EXPECT_EQ(test, dax_kmem_claim_page(kp, kp->nr_pages - 1), 0);
	KUNIT_EXPECT_EQ(test, dax_kmem_claim_page(kp, kp->nr_pages), -ERANGE);
	KUNIT_EXPECT_EQ(test, kmem_pool_rebuild(kp), 0);

	u = kmem_pool_test_usage(test, kp);
	KUNIT_EXPECT_EQ(test, u.stored, 2);
	KUNIT_EXPECT_EQ(test, u.absent, kp->nr_pages - 2);
}

/* Every page once, the fullest unit first, the reserve only for who may. */
static void kmem_pool_test_alloc(struct kunit *test)
{
	struct kmem_persist *kp = kmem_pool_test_make(test);
	struct kmem_unit *unit;
	u64 *dpns, one, i, nr;

	KUNIT_ASSERT_EQ(test, kmem_pool_rebuild(kp), 0);
	dpns = kunit_kcalloc(test, kp->nr_pages, sizeof(*dpns), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dpns);

	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, dpns, 10, 0), 10);
	unit = kmem_pool_unit(kp, dpns[0]);
	for (i = 1; i < 10; i++)
		KUNIT_EXPECT_PTR_EQ(test, kmem_pool_unit(kp, dpns[i]), unit);
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, dpns + 10, 1, 0), 1);
	KUNIT_EXPECT_PTR_EQ(test, kmem_pool_unit(kp, dpns[10]), unit);

	nr = 11 + dax_kmem_alloc_pages(kp, dpns + 11, kp->nr_pages - 11, 0);
	KUNIT_EXPECT_EQ(test, nr, kp->nr_pages - kp->reserve);
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, &one, 1, 0), 0);
	nr += dax_kmem_alloc_pages(kp, dpns + nr, kp->nr_pages - nr,
				   KMEM_ALLOC_RESERVE);
	KUNIT_EXPECT_EQ(test, nr, kp->nr_pages - kp->reserve / 2);
	nr += dax_kmem_alloc_pages(kp, dpns + nr, kp->nr_pages - nr,
				   KMEM_ALLOC_OVERWRITE);
	KUNIT_EXPECT_EQ(test, nr, kp->nr_pages);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).stored, kp->nr_pages);
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, &one, 1, KMEM_ALLOC_OVERWRITE), 0);

	/* All different: each can be freed, and then nothing is left. */
	dax_kmem_free_pages(kp, dpns, nr);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).stored, 0);
	for (i = 0; i < kp->nr_pages; i++)
		if (kmem_pool_is_used(kp, i))
			KUNIT_FAIL(test, "page %llu", i);
}

static void kmem_pool_test_lending(struct kunit *test)
{
	struct kmem_persist *kp = kmem_pool_test_make(test);
	struct kmem_unit *unit;
	u64 dpn, lent = 0;

	/* One page in use in the first of the units that could be lent. */
	dpn = kp->segments[0].first_dpn;
	KUNIT_EXPECT_EQ(test, dax_kmem_claim_page(kp, dpn), 0);
	KUNIT_ASSERT_EQ(test, kmem_pool_rebuild(kp), 0);
	kp->reserve = pageblock_nr_pages;
	kp->slack = pageblock_nr_pages;

	KUNIT_EXPECT_NULL(test, kmem_pool_test_lend(kp));
	kmem_pool_test_online(kp);
	kp->units[1].frozen = true;
	while ((unit = kmem_pool_test_lend(kp))) {
		KUNIT_EXPECT_PTR_NE(test, unit, &kp->units[0]);
		KUNIT_EXPECT_PTR_NE(test, unit, &kp->units[1]);
		KUNIT_EXPECT_TRUE(test, unit->state == KMEM_UNIT_RAM);
		lent += unit->nr_pages;
	}
	/* Head, first and frozen unit leave more than the target of two units. */
	KUNIT_EXPECT_EQ(test, lent, (KMEM_POOL_TEST_BLOCKS - 2) * pageblock_nr_pages);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).lent, lent);
	KUNIT_EXPECT_EQ(test, kmem_pool_shortage(kp), 0);

	kp->slack = KMEM_POOL_TEST_BLOCKS * pageblock_nr_pages;
	KUNIT_EXPECT_GT(test, kmem_pool_shortage(kp), 0);
	KUNIT_EXPECT_TRUE(test, kmem_pool_is_low(kp));
	kmem_pool_test_set(kp, 2, KMEM_UNIT_POOL);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).lent,
			lent - pageblock_nr_pages);
	kmem_pool_test_set(kp, 3, KMEM_UNIT_ABSENT);
	kmem_pool_test_usage(test, kp);
}

/* A bad page is nobody's, whenever it becomes known; while it holds data it stays. */
static void kmem_pool_test_bad(struct kunit *test)
{
	struct kmem_persist *kp = kmem_pool_test_make(test);
	u64 dpns[4] = {}, dpn, nr_free;
	struct kmem_pool_saved *saved;
	struct kmem_usage usage;
	struct kmem_unit *unit;

	/* Known from the beginning: one that is free, one that holds data. */
	kmem_bad_note(kp, kp->units[0].first_dpn + 5);
	kmem_bad_note(kp, kp->units[1].first_dpn);
	dpn = kp->units[1].first_dpn;
	KUNIT_EXPECT_EQ(test, dax_kmem_claim_page(kp, dpn), 0);
	KUNIT_ASSERT_EQ(test, kmem_pool_rebuild(kp), 0);
	usage = kmem_pool_test_usage(test, kp);
	KUNIT_EXPECT_EQ(test, usage.bad, 1);
	KUNIT_EXPECT_EQ(test, usage.stored, 1);

	/* Neither of their units is ever lent, even when the data is gone. */
	dax_kmem_free_pages(kp, &dpn, 1);
	usage = kmem_pool_test_usage(test, kp);
	KUNIT_EXPECT_EQ(test, usage.bad, 2);
	KUNIT_EXPECT_EQ(test, usage.stored, 0);
	kp->reserve = 0;
	kp->slack = 0;
	kmem_pool_test_online(kp);
	while ((unit = kmem_pool_test_lend(kp))) {
		KUNIT_EXPECT_PTR_NE(test, unit, &kp->units[0]);
		KUNIT_EXPECT_PTR_NE(test, unit, &kp->units[1]);
	}
	KUNIT_EXPECT_EQ(test, kmem_unit_sparseness(kp, &kp->units[0]), -1);

	/* Found later: in use, and in a unit that comes back. */
	KUNIT_ASSERT_EQ(test, dax_kmem_alloc_pages(kp, dpns, 4, 0), 4);
	kmem_bad_note(kp, dpns[2]);
	kmem_bad_note(kp, kp->units[3].first_dpn + 1);
	dax_kmem_free_pages(kp, dpns, 4);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).bad, 3);
	kmem_pool_test_set(kp, 3, KMEM_UNIT_POOL);
	scoped_guard(spinlock, &kp->pool_lock)
		kmem_unit_claim_bad(kp, &kp->units[3]);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).bad, 4);

	/* And after a detach that was taken back. */
	saved = kmem_pool_save(kp);
	KUNIT_ASSERT_NOT_NULL(test, saved);
	usage = kmem_pool_test_usage(test, kp);
	kmem_pool_forget(kp);
	kmem_pool_restore(kp, saved);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).bad, usage.bad);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).stored, usage.stored);

	/* None of them is handed out, whatever is taken. */
	kp->limit = U64_MAX;
	for (nr_free = 0; dax_kmem_alloc_pages(kp, &dpn, 1, KMEM_ALLOC_OVERWRITE);
	     nr_free++)
		KUNIT_EXPECT_FALSE(test, dax_kmem_page_is_bad(kp, dpn));
	KUNIT_EXPECT_EQ(test, nr_free, usage.pool + usage.absent);
}

/* A bad page that holds nothing is cleared once; then anybody may have it. */
static void kmem_pool_test_clear(struct kunit *test)
{
	struct kmem_persist *kp = kmem_pool_test_make(test);
	u64 dpns[2] = {}, dpn, tail;
	struct kmem_usage usage;

	kp->to_clear = kunit_kcalloc(test, 1024, sizeof(*kp->to_clear), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, kp->to_clear);
	kp->cleared = kunit_kcalloc(test, 1024, sizeof(*kp->cleared), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, kp->cleared);
	kp->limit = U64_MAX;
	mutex_init(&kp->bad_lock);
	INIT_DELAYED_WORK(&kp->clear_work, kmem_pool_test_no_work);
	tail = kp->segments[1].first_dpn + 3;
	kmem_bad_note(kp, tail);
	KUNIT_ASSERT_EQ(test, kmem_pool_rebuild(kp), 0);
	kmem_pool_test_online(kp);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).bad, 1);

	/* Not while there is no plugin. */
	KUNIT_EXPECT_FALSE(test, kmem_pool_get_to_clear(kp, &dpn));
	kp->may_clear = true;
	/* What holds data is not cleared. */
	KUNIT_ASSERT_EQ(test, dax_kmem_alloc_pages(kp, dpns, 2, 0), 2);
	kmem_bad_note(kp, dpns[0]);
	KUNIT_ASSERT_TRUE(test, kmem_pool_get_to_clear(kp, &dpn));
	KUNIT_EXPECT_EQ(test, dpn, tail);
	KUNIT_EXPECT_FALSE(test, kmem_pool_get_to_clear(kp, &dpn));
	dax_kmem_free_pages(kp, dpns, 2);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).bad, 2);
	KUNIT_ASSERT_TRUE(test, kmem_pool_get_to_clear(kp, &dpn));
	KUNIT_EXPECT_EQ(test, dpn, dpns[0]);
	KUNIT_EXPECT_FALSE(test, kmem_pool_get_to_clear(kp, &dpn));

	usage = kmem_pool_test_usage(test, kp);
	scoped_guard(mutex, &kp->bad_lock)
		KUNIT_EXPECT_TRUE(test, kmem_pool_free_cleared(kp, dpn));
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).bad, 1);
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).stored, usage.stored);
	KUNIT_EXPECT_FALSE(test, dax_kmem_page_is_bad(kp, dpns[0]));
	KUNIT_EXPECT_FALSE(test, kmem_pool_is_used(kp, dpns[0]));
	KUNIT_EXPECT_TRUE(test, dax_kmem_page_is_bad(kp, tail));
	/* Bad again, it stays so. */
	kmem_bad_note(kp, dpns[0]);
	scoped_guard(spinlock, &kp->pool_lock)
		kmem_unit_claim_bad(kp, kmem_pool_unit(kp, dpns[0]));
	KUNIT_EXPECT_EQ(test, kmem_pool_test_usage(test, kp).bad, 2);
	KUNIT_EXPECT_FALSE(test, kmem_pool_get_to_clear(kp, &dpn));

	/* In memory that is not online nobody knows who has taken it. */
	dpn = kp->units[1].first_dpn;
	kmem_pool_test_set(kp, 1, KMEM_UNIT_ABSENT);
	kmem_bad_note(kp, dpn);
	scoped_guard(spinlock, &kp->pool_lock)
		kmem_unit_claim_bad(kp, &kp->units[1]);
	KUNIT_EXPECT_FALSE(test, kmem_pool_get_to_clear(kp, &dpn));
	kmem_pool_test_set(kp, 1, KMEM_UNIT_POOL);
	KUNIT_EXPECT_TRUE(test, kmem_pool_get_to_clear(kp, &dpn));
	/* And who forgets what is used forgets that, too. */
	scoped_guard(spinlock, &kp->pool_lock)
		kmem_bad_idle(kp, dpn);
	kmem_pool_forget(kp);
	KUNIT_EXPECT_FALSE(test, kmem_pool_get_to_clear(kp, &dpn));
	cancel_delayed_work_sync(&kp->clear_work);
}

/* Data in memory that is lent is refused, and the saved state comes back. */
static void kmem_pool_test_again(struct kunit *test)
{
	struct kmem_persist *kp = kmem_pool_test_make(test);
	struct kmem_pool_saved *saved;
	struct kmem_usage before, after;

	KUNIT_EXPECT_EQ(test, dax_kmem_claim_page(kp, 3), 0);
	KUNIT_ASSERT_EQ(test, kmem_pool_rebuild(kp), 0);
	kmem_pool_test_online(kp);
	kmem_pool_test_set(kp, 5, KMEM_UNIT_RAM);
	before = kmem_pool_test_usage(test, kp);
	saved = kmem_pool_save(kp);
	KUNIT_ASSERT_NOT_NULL(test, saved);

	kmem_pool_forget(kp);
	KUNIT_EXPECT_EQ(test, dax_kmem_claim_page(kp, kp->units[5].first_dpn + 1), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_rebuild(kp), -EUCLEAN);

	kmem_pool_restore(kp, saved);
	after = kmem_pool_test_usage(test, kp);
	KUNIT_EXPECT_MEMEQ(test, &before, &after, sizeof(before));
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
	struct kmem_persist *kp = kmem_pool_test_make(test);
	const u64 nr = 4 * pageblock_nr_pages;
	struct kmem_unit *unit;
	u64 *dpns, *extra, one, more;

	dpns = kunit_kcalloc(test, nr, sizeof(*dpns), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dpns);
	extra = kunit_kcalloc(test, kp->reserve, sizeof(*extra), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, extra);
	kp->low_water = 16;
	kp->limit = nr;
	kp->slack = pageblock_nr_pages;
	KUNIT_ASSERT_EQ(test, kmem_pool_rebuild(kp), 0);
	KUNIT_EXPECT_EQ(test, kp->space, KMEM_SPACE_OK);

	/* The limit, for all but overwrites and moves. */
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, dpns, nr - 16, 0), nr - 16);
	KUNIT_EXPECT_EQ(test, kp->space, KMEM_SPACE_OK);
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, dpns + nr - 16, 17, 0), 16);
	KUNIT_EXPECT_EQ(test, kp->space, KMEM_SPACE_LOW);
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, &one, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, &one, 1, KMEM_ALLOC_MOVE), 1);
	dax_kmem_free_pages(kp, &one, 1);
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, &one, 1, KMEM_ALLOC_OVERWRITE), 1);
	dax_kmem_free_pages(kp, &one, 1);
	/* Metadata has half of the reserve, beyond the limit as well. */
	more = kp->reserve / 2;
	KUNIT_ASSERT_GT(test, more, 0);
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, extra, more, KMEM_ALLOC_RESERVE),
			more);
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, &one, 1, KMEM_ALLOC_RESERVE), 0);
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, &one, 1, KMEM_ALLOC_OVERWRITE), 1);
	dax_kmem_free_pages(kp, &one, 1);
	dax_kmem_free_pages(kp, extra, more);

	/* "none" ends when somebody gets a page, "low" an eighth above the mark. */
	dax_kmem_no_space(kp);
	KUNIT_EXPECT_FALSE(test, dax_kmem_has_space(kp));
	dax_kmem_free_pages(kp, dpns, 17);
	KUNIT_EXPECT_FALSE(test, dax_kmem_has_space(kp));
	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, dpns, 1, 0), 1);
	KUNIT_EXPECT_EQ(test, kp->space, KMEM_SPACE_LOW);
	dax_kmem_free_pages(kp, dpns, 1);
	KUNIT_EXPECT_EQ(test, kp->space, KMEM_SPACE_LOW);
	dax_kmem_free_pages(kp, dpns + 17, 1);
	KUNIT_EXPECT_EQ(test, kp->space, KMEM_SPACE_OK);
	dax_kmem_free_pages(kp, dpns + 18, nr - 18);

	/* What is kept stays in the pool, no less and hardly more. */
	kmem_pool_test_online(kp);
	kp->reserve = pageblock_nr_pages;
	kp->keep = 6 * pageblock_nr_pages;
	while ((unit = kmem_pool_test_lend(kp)))
		;
	KUNIT_EXPECT_GE(test, kmem_pool_available(kp), kp->keep);
	KUNIT_EXPECT_LT(test, kmem_pool_available(kp),
			kp->keep + pageblock_nr_pages);
	KUNIT_EXPECT_EQ(test, kmem_pool_shortage(kp), 0);
	KUNIT_EXPECT_EQ(test, kmem_pool_empty_pages(kp), 0);

	/* Short of RAM, the slack goes; the reserve stays. */
	kp->keep = 0;
	kp->squeezed = jiffies + HZ * 1000;
	while ((unit = kmem_pool_test_lend(kp)))
		;
	KUNIT_EXPECT_GE(test, kmem_pool_available(kp), kp->reserve);
	KUNIT_EXPECT_LT(test, kmem_pool_available(kp),
			kp->reserve + 2 * pageblock_nr_pages);
}

/* A sparse unit is emptied: nothing new goes there, and then it can be lent. */
static void kmem_pool_test_moving(struct kunit *test)
{
	struct kmem_persist *kp = kmem_pool_test_make(test);
	struct kmem_unit *unit;
	u64 dpns[3], to[3], first, need = 0;
	unsigned int i;

	first = kp->segments[0].first_dpn;
	/* Unit 0 is half full, unit 1 holds three pages. */
	for (i = 0; i < pageblock_nr_pages / 2; i++)
		KUNIT_EXPECT_EQ(test, dax_kmem_claim_page(kp, first + i), 0);
	for (i = 0; i < 3; i++) {
		dpns[i] = first + pageblock_nr_pages + 7 * i;
		KUNIT_EXPECT_EQ(test, dax_kmem_claim_page(kp, dpns[i]), 0);
	}
	KUNIT_ASSERT_EQ(test, kmem_pool_rebuild(kp), 0);
	kmem_pool_test_online(kp);
	kp->reserve = 0;
	kp->slack = 0;
	while ((unit = kmem_pool_test_lend(kp)))
		;
	KUNIT_EXPECT_FALSE(test, dax_kmem_is_moving(kp));
	kp->lend = true;
	KUNIT_EXPECT_GT(test, kmem_pool_scattered(kp), pageblock_nr_pages);
	/* Or works would be queued that are not there. */
	kp->lend = false;

	unit = &kp->units[1];
	KUNIT_EXPECT_GT(test, kmem_unit_sparseness(kp, unit),
			kmem_unit_sparseness(kp, &kp->units[0]));
	KUNIT_EXPECT_LT(test, kmem_unit_sparseness(kp, &kp->units[2]), 0);
	scoped_guard(mutex, &kp->exchange_lock) {
		/* No room for the data of all those before it. */
		need = kmem_pool_available(kp) - unit->nr_pages + 1;
		KUNIT_EXPECT_FALSE(test, kmem_pool_start_moving(kp, unit, &need));
		need = 0;
		KUNIT_EXPECT_TRUE(test, kmem_pool_start_moving(kp, unit, &need));
	}
	KUNIT_EXPECT_EQ(test, need, 3);
	KUNIT_EXPECT_TRUE(test, unit->state == KMEM_UNIT_MOVING);
	KUNIT_EXPECT_TRUE(test, dax_kmem_is_moving(kp));
	KUNIT_EXPECT_TRUE(test, dax_kmem_page_moves(kp, dpns[0]));
	KUNIT_EXPECT_FALSE(test, dax_kmem_page_moves(kp, first));
	kmem_pool_test_usage(test, kp);

	KUNIT_EXPECT_EQ(test, dax_kmem_alloc_pages(kp, to, 3, KMEM_ALLOC_MOVE), 3);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_FALSE(test, dax_kmem_page_moves(kp, to[i]));
	dax_kmem_free_pages(kp, dpns, 3);
	kmem_pool_test_set(kp, 1, KMEM_UNIT_POOL);
	KUNIT_EXPECT_FALSE(test, dax_kmem_is_moving(kp));
	KUNIT_EXPECT_PTR_EQ(test, kmem_pool_test_lend(kp), &kp->units[1]);
	kmem_pool_test_usage(test, kp);

	/* What is stuck, or holds superblocks, is not chosen. */
	KUNIT_EXPECT_GE(test, kmem_unit_sparseness(kp, &kp->units[0]), 0);
	kp->units[0].stuck = true;
	KUNIT_EXPECT_LT(test, kmem_unit_sparseness(kp, &kp->units[0]), 0);
	kp->units[0].stuck = false;
	KUNIT_EXPECT_FALSE(test, kmem_unit_has_sb(&kp->units[0]));
	KUNIT_EXPECT_TRUE(test, kmem_unit_has_sb(kmem_pool_unit(kp, KMEM_PERSIST_FIRST_PAGE - 1)));
}

KUNIT_DEFINE_ACTION_WRAPPER(kmem_pool_test_vfree, vfree, const void *);

/* What is not erased yet may be the plugin's, but nobody else's. */
static void kmem_pool_test_unerased(struct kunit *test)
{
	const size_t unit_bytes = pageblock_nr_pages << PAGE_SHIFT;
	struct kmem_persist *kp = kmem_pool_test_make(test);
	char *mem = vmalloc(KMEM_POOL_TEST_BLOCKS * unit_bytes);
	struct kmem_unit *unit = &kp->units[0];
	u64 pos = unit->first_dpn;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, kmem_pool_test_vfree,
							mem), 0);
	memset64((u64 *)mem, 0x5a5a5a5a5a5a5a5a, 2 * unit_bytes / sizeof(u64));
	kp->segments[0].kaddr = mem;
	kmem_pool_test_online(kp);
	KUNIT_ASSERT_EQ(test, dax_kmem_claim_page(kp, pos + 1), 0);
	KUNIT_ASSERT_EQ(test, kmem_pool_rebuild(kp), 0);
	kp->reserve = 0;
	kp->slack = 0;

	KUNIT_EXPECT_TRUE(test, kmem_pool_set_unerased(kp, true));
	KUNIT_EXPECT_EQ(test, kp->nr_unerased, kp->nr_units);
	KUNIT_EXPECT_NULL(test, kmem_pool_test_lend(kp));
	KUNIT_EXPECT_EQ(test, kmem_pool_empty_pages(kp), 0);
	kmem_pool_test_usage(test, kp);

	while (!kmem_pool_erase_some(kp, unit, &pos))
		kmem_pool_test_usage(test, kp);
	KUNIT_EXPECT_FALSE(test, unit->unerased);
	KUNIT_EXPECT_NULL(test, memchr_inv(mem, 0, PAGE_SIZE));
	/* Data is not touched, nor is the next unit. */
	KUNIT_EXPECT_NULL(test, memchr_inv(mem + PAGE_SIZE, 0x5a, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(mem + 2 * PAGE_SIZE, 0,
					   unit_bytes - 2 * PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(mem + unit_bytes, 0x5a, unit_bytes));
	KUNIT_EXPECT_EQ(test, unit->nr_free, unit->nr_pages - 1);
	kmem_pool_test_usage(test, kp);

	unit = &kp->units[1];
	pos = unit->first_dpn;
	KUNIT_EXPECT_NULL(test, kmem_pool_test_lend(kp));
	while (!kmem_pool_erase_some(kp, unit, &pos))
		;
	KUNIT_EXPECT_PTR_EQ(test, kmem_pool_test_lend(kp), unit);
	KUNIT_EXPECT_NULL(test, kmem_pool_test_lend(kp));

	/* What is lent cannot be erased any more. */
	KUNIT_EXPECT_FALSE(test, kmem_pool_set_unerased(kp, true));
	KUNIT_EXPECT_FALSE(test, unit->unerased);
	kmem_pool_set_unerased(kp, false);
	KUNIT_EXPECT_EQ(test, kp->nr_unerased, 0);
	KUNIT_EXPECT_NOT_NULL(test, kmem_pool_test_lend(kp));
	kmem_pool_test_usage(test, kp);
}

static struct kunit_case kmem_pool_test_cases[] = {
	KUNIT_CASE(kmem_pool_test_claim),
	KUNIT_CASE(kmem_pool_test_alloc),
	KUNIT_CASE(kmem_pool_test_lending),
	KUNIT_CASE(kmem_pool_test_again),
	KUNIT_CASE(kmem_pool_test_bad),
	KUNIT_CASE(kmem_pool_test_clear),
	KUNIT_CASE(kmem_pool_test_states),
	KUNIT_CASE(kmem_pool_test_limits),
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

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit tests of the queues of parked bios, included at the end of blk/park.c
 */
#ifdef CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST

#ifndef _DAX_KMEM_BLK_PARK_KUNIT_H
#define _DAX_KMEM_BLK_PARK_KUNIT_H

#include <kunit/test.h>

#define KMEM_PARK_TEST_NR	200
#define KMEM_PARK_TEST_STEP	100UL
#define KMEM_PARK_TEST_TIMEOUT	(KMEM_BLK_BUCKET_STEPS * KMEM_PARK_TEST_STEP)

/* Bios of a queue: their sector says when they came, in jiffies after @start. */
struct kmem_park_test {
	struct kmem_blk_queue queue;
	unsigned long start;
	struct bio bios[KMEM_PARK_TEST_NR];
	unsigned int nr;
};

static struct kmem_park_test *kmem_park_test_alloc(struct kunit *test)
{
	struct kmem_park_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	/* jiffies overflow on the way. */
	t->start = -300UL;
	return t;
}

static struct bio *kmem_park_test_add(struct kmem_park_test *t, unsigned long came)
{
	struct bio *bio = &t->bios[t->nr++];

	bio->bi_iter.bi_sector = came;
	kmem_blk_queue_add(&t->queue, bio, t->start + came, KMEM_PARK_TEST_TIMEOUT);
	return bio;
}

/* All are there, in the order of their buckets, and each in one of its time. */
static void kmem_park_test_drain(struct kunit *test, struct kmem_park_test *t)
{
	unsigned long before = t->start;
	struct bio *bio;

	while ((bio = bio_list_pop(&t->queue.bios))) {
		const struct kmem_blk_bucket bucket = kmem_blk_bucket_pop(&t->queue);
		const unsigned long came = t->start + bio->bi_iter.bi_sector;

		KUNIT_EXPECT_FALSE(test, time_before(came, bucket.first));
		KUNIT_EXPECT_FALSE(test, time_after(came, bucket.last));
		KUNIT_EXPECT_LE(test, bucket.last - bucket.first, KMEM_PARK_TEST_STEP);
		KUNIT_EXPECT_FALSE(test, time_before(bucket.first, before));
		before = bucket.first;
		t->nr--;
	}
	KUNIT_EXPECT_EQ(test, t->nr, 0);
	KUNIT_EXPECT_EQ(test, t->queue.nr_buckets, 0);
}

/* Who comes now is the last. */
static void kmem_park_test_now(struct kunit *test)
{
	struct kmem_park_test *t = kmem_park_test_alloc(test);

	for (int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < KMEM_PARK_TEST_NR; i++) {
			struct bio *bio = kmem_park_test_add(t, i * 7);

			KUNIT_EXPECT_PTR_EQ(test, t->queue.bios.tail, bio);
		}
		KUNIT_EXPECT_LE(test, t->queue.nr_buckets, KMEM_BLK_BUCKET_STEPS);
		kmem_park_test_drain(test, t);
	}
}

/* Some have waited in another queue, for different times. */
static void kmem_park_test_before(struct kunit *test)
{
	struct kmem_park_test *t = kmem_park_test_alloc(test);

	for (int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < KMEM_PARK_TEST_NR; i++)
			kmem_park_test_add(t, i % 3 ? i * 7 : i * (7 - round - 1));
		kmem_park_test_drain(test, t);
	}
	/* The first of all, while nobody works on the one that was that. */
	kmem_park_test_add(t, 900);
	t->queue.done = 3;
	KUNIT_EXPECT_PTR_EQ(test, kmem_park_test_add(t, 100), t->queue.bios.head);
	KUNIT_EXPECT_EQ(test, t->queue.done, 0);
	kmem_park_test_drain(test, t);
}

/* The one that somebody has in his hands stays the first. */
static void kmem_park_test_busy(struct kunit *test)
{
	struct kmem_park_test *t = kmem_park_test_alloc(test);
	struct bio *first = kmem_park_test_add(t, 900), *second;

	t->queue.done = 3;
	t->queue.busy = true;
	second = kmem_park_test_add(t, 1200);
	kmem_park_test_add(t, 100);
	KUNIT_EXPECT_PTR_EQ(test, t->queue.bios.head, first);
	KUNIT_EXPECT_EQ(test, t->queue.done, 3);
	KUNIT_EXPECT_PTR_EQ(test, t->queue.bios.tail, second);
	KUNIT_EXPECT_EQ(test, t->queue.nr_buckets, 2);
	KUNIT_EXPECT_EQ(test, kmem_blk_bucket(&t->queue, 0)->nr, 2);
}

static struct kunit_case kmem_park_test_cases[] = {
	KUNIT_CASE(kmem_park_test_now),
	KUNIT_CASE(kmem_park_test_before),
	KUNIT_CASE(kmem_park_test_busy),
	{}
};

static struct kunit_suite kmem_park_test_suite = {
	.name = "kmem_blk_park",
	.test_cases = kmem_park_test_cases,
};

kunit_test_suite(kmem_park_test_suite);

#endif /* _DAX_KMEM_BLK_PARK_KUNIT_H */
#endif /* CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST */

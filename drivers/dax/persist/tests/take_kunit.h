/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit tests of what is shared by all who take memory, included at the end of take.c
 */
#ifdef CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST

#ifndef _DAX_KMEM_PERSIST_TAKE_KUNIT_H
#define _DAX_KMEM_PERSIST_TAKE_KUNIT_H

#include <kunit/test.h>

static void kmem_take_test_fails(struct kmem_take *take, unsigned int times)
{
	while (times--)
		kmem_take_note_failure(take);
}

/* How many of the failures that are remembered become a second old. */
static void kmem_take_test_age(unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		kmem_take_failures[i].time = jiffies - HZ;
}

/* 20 a second on the machine, of which each device that is short has its share. */
static void kmem_take_test_failures(struct kunit *test)
{
	struct kmem_take *a, *b;

	/* Nobody takes while the module is loaded, and they are forgotten in a second. */
	a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_NOT_NULL(test, b);
	if (atomic_read(&kmem_take_devices))
		kunit_skip(test, "a device is short of memory");
	memset(kmem_take_failures, 0, sizeof(kmem_take_failures));
	kmem_take_next = 0;

	kmem_take_short(a, true);
	kmem_take_short(a, true);
	KUNIT_EXPECT_EQ(test, atomic_read(&kmem_take_devices), 1);
	KUNIT_EXPECT_TRUE(test, kmem_take_may_fail(a));
	kmem_take_test_fails(a, KMEM_TAKE_FAILURES - 1);
	KUNIT_EXPECT_TRUE(test, kmem_take_may_fail(a));
	kmem_take_test_fails(a, 1);
	KUNIT_EXPECT_FALSE(test, kmem_take_may_fail(a));

	/* Another one has half of them, when there is room for both again. */
	kmem_take_short(b, true);
	KUNIT_EXPECT_FALSE(test, kmem_take_may_fail(b));
	kmem_take_test_age(KMEM_TAKE_FAILURES / 2);
	KUNIT_EXPECT_FALSE(test, kmem_take_may_fail(a));
	KUNIT_EXPECT_TRUE(test, kmem_take_may_fail(b));
	kmem_take_test_fails(b, KMEM_TAKE_FAILURES / 2 - 2);
	KUNIT_EXPECT_TRUE(test, kmem_take_may_fail(b));
	/* The attempt of each that may be under way is counted as well. */
	kmem_take_test_fails(b, 1);
	KUNIT_EXPECT_FALSE(test, kmem_take_may_fail(b));
	kmem_take_test_age(KMEM_TAKE_FAILURES);
	KUNIT_EXPECT_TRUE(test, kmem_take_may_fail(a));
	KUNIT_EXPECT_TRUE(test, kmem_take_may_fail(b));

	kmem_take_short(a, false);
	kmem_take_short(b, false);
	KUNIT_EXPECT_EQ(test, atomic_read(&kmem_take_devices), 0);
	memset(kmem_take_failures, 0, sizeof(kmem_take_failures));
}

static struct kunit_case kmem_take_test_cases[] = {
	KUNIT_CASE(kmem_take_test_failures),
	{}
};

static struct kunit_suite kmem_take_test_suite = {
	.name = "kmem_persist_take",
	.test_cases = kmem_take_test_cases,
};

kunit_test_suite(kmem_take_test_suite);

#endif /* _DAX_KMEM_PERSIST_TAKE_KUNIT_H */
#endif /* CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST */

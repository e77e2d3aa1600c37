/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit tests of the plugin registry, included at the end of
 * registry.c
 */
#ifdef CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST

#ifndef _DAX_KMEM_PERSIST_REGISTRY_KUNIT_H
#define _DAX_KMEM_PERSIST_REGISTRY_KUNIT_H

#include <kunit/test.h>

/* A type no real plugin has. */
#define KMEM_TYPE_TEST	0x7e57U

static int kmem_type_test_probe(struct kmem_persist *kp,
				const struct kmem_persist_superblock *sb)
{
	return 0;
}

static int kmem_type_test_cleanup(struct kmem_persist *kp, bool force)
{
	return 0;
}

static struct kmem_persist_ops kmem_type_test_ops = {
	.type = KMEM_TYPE_TEST,
	.name = "test",
	.owner = THIS_MODULE,
	.probe = kmem_type_test_probe,
	.cleanup = kmem_type_test_cleanup,
};

static void kmem_type_test_register(struct kunit *test)
{
	struct kmem_persist_ops twin = kmem_type_test_ops;
	struct kmem_persist_ops bad = { .type = KMEM_TYPE_TEST, .name = "bad" };

	KUNIT_EXPECT_EQ(test, kmem_persist_type_register(&bad), -EINVAL);
	KUNIT_EXPECT_EQ(test, kmem_persist_type_unregister(&kmem_type_test_ops),
			-ENOENT);
	KUNIT_ASSERT_EQ(test, kmem_persist_type_register(&kmem_type_test_ops), 0);
	KUNIT_EXPECT_EQ(test, kmem_persist_type_register(&twin), -EEXIST);
	KUNIT_EXPECT_EQ(test, kmem_persist_type_unregister(&twin), -ENOENT);
	KUNIT_EXPECT_EQ(test, kmem_persist_type_unregister(&kmem_type_test_ops), 0);
	KUNIT_EXPECT_NULL(test, kmem_persist_type_try_get(KMEM_TYPE_TEST));
}

static void kmem_type_test_busy(struct kunit *test)
{
	struct kmem_persist_ops *ops;

	KUNIT_ASSERT_EQ(test, kmem_persist_type_register(&kmem_type_test_ops), 0);
	ops = kmem_persist_type_get(KMEM_TYPE_TEST);
	KUNIT_EXPECT_PTR_EQ(test, ops, &kmem_type_test_ops);
	if (ops) {
		KUNIT_EXPECT_EQ(test, ops->ref_count, 1);
		KUNIT_EXPECT_EQ(test, kmem_persist_type_unregister(ops), -EBUSY);
		kmem_persist_type_put(ops);
	}
	KUNIT_EXPECT_EQ(test, kmem_persist_type_unregister(&kmem_type_test_ops), 0);
}

static struct kunit_case kmem_type_test_cases[] = {
	KUNIT_CASE(kmem_type_test_register),
	KUNIT_CASE(kmem_type_test_busy),
	{}
};

static struct kunit_suite kmem_type_test_suite = {
	.name = "kmem_persist_registry",
	.test_cases = kmem_type_test_cases,
};

kunit_test_suite(kmem_type_test_suite);

#endif /* _DAX_KMEM_PERSIST_REGISTRY_KUNIT_H */
#endif /* CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST */

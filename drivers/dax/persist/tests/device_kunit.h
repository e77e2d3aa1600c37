/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit tests of what is told about a device, included at the end of device.c
 */
#ifdef CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST

#ifndef _DAX_KMEM_PERSIST_DEVICE_KUNIT_H
#define _DAX_KMEM_PERSIST_DEVICE_KUNIT_H

#include <kunit/device.h>
#include <kunit/test.h>

/* A device of which only its life cycle is there, and nobody knows anything. */
static struct kmem_persist *kmem_device_test_new(struct kunit *test)
{
	struct kmem_persist *kp = kunit_kzalloc(test, sizeof(*kp), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, kp);
	kp->super.sb = kunit_kzalloc(test, sizeof(*kp->super.sb), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, kp->super.sb);
	kp->dev = kunit_device_register(test, "kmem_device_test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kp->dev);
	mutex_init(&kp->lock);
	spin_lock_init(&kp->text_lock);
	INIT_WORK(&kp->attach_work, kmem_persist_attach_work);
	kp->state_told = -1;
	return kp;
}

/* A plugin comes while the device is being bound. */
static void kmem_device_test_too_early(struct kunit *test)
{
	struct kmem_persist *kp = kmem_device_test_new(test);

	kmem_persist_attach_work(&kp->attach_work);
	KUNIT_EXPECT_EQ(test, kp->state_told, -1);
}

/* Who only knows the first reason looks for the wrong thing. */
static void kmem_device_test_reason(struct kunit *test)
{
	struct kmem_persist *kp = kmem_device_test_new(test);

	guard(mutex)(&kp->lock);
	kmem_persist_because(kp, "no plugin");
	kmem_persist_tell_state(kp);
	KUNIT_EXPECT_EQ(test, kp->state_told, KMEM_PERSIST_HELD);
	KUNIT_EXPECT_FALSE(test, kp->reason_untold);
	kmem_persist_because(kp, "no plugin");
	KUNIT_EXPECT_FALSE(test, kp->reason_untold);
	kmem_persist_because(kp, "it refuses the data");
	KUNIT_EXPECT_TRUE(test, kp->reason_untold);
	kmem_persist_tell_state(kp);
	KUNIT_EXPECT_FALSE(test, kp->reason_untold);
}

static struct kunit_case kmem_device_test_cases[] = {
	KUNIT_CASE(kmem_device_test_too_early),
	KUNIT_CASE(kmem_device_test_reason),
	{}
};

static struct kunit_suite kmem_device_test_suite = {
	.name = "kmem_persist_device",
	.test_cases = kmem_device_test_cases,
};

kunit_test_suite(kmem_device_test_suite);

#endif /* _DAX_KMEM_PERSIST_DEVICE_KUNIT_H */
#endif /* CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST */

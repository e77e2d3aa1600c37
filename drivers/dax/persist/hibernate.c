// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: no hibernation while a device is in use
 *
 * The image would remember which pages hold data, and the device would have gone on without
 * it.
 */
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/notifier.h>
#include <linux/rwsem.h>
#include <linux/suspend.h>
#include "hibernate.h"
#include "registry.h"

/* Held for reading by who attaches: nobody is half way when it is asked who has. */
static DECLARE_RWSEM(kmem_hibernate_sem);
static bool kmem_hibernate_on;

/**
 * kmem_hibernate_attach_begin - may a device be put into service?
 *
 * Context: sleeps. Return: true, then kmem_hibernate_attach_end() has to follow; false while
 * the system is being hibernated: kmem_registry_retry_waiting() will be called.
 */
bool kmem_hibernate_attach_begin(void)
{
	down_read(&kmem_hibernate_sem);
	if (!kmem_hibernate_on)
		return true;
	up_read(&kmem_hibernate_sem);
	return false;
}

/**
 * kmem_hibernate_attach_end - counterpart of kmem_hibernate_attach_begin()
 *
 * Context: any.
 */
void kmem_hibernate_attach_end(void)
{
	up_read(&kmem_hibernate_sem);
}

static void kmem_hibernate_set(bool hibernates)
{
	guard(rwsem_write)(&kmem_hibernate_sem);
	kmem_hibernate_on = hibernates;
}

static int kmem_hibernate_prepare(void)
{
	struct device *dev;

	kmem_hibernate_set(true);
	dev = kmem_registry_any_active();
	if (!dev)
		return 0;
	dev_err(dev, "in use, the system cannot be hibernated: take the device back to devdax first\n");
	put_device(dev);
	kmem_hibernate_set(false);
	kmem_registry_retry_waiting();
	return -EBUSY;
}

static int kmem_hibernate_pm(struct notifier_block *nb, unsigned long action, void *unused)
{
	switch (action) {
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		return notifier_from_errno(kmem_hibernate_prepare());
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		kmem_hibernate_set(false);
		kmem_registry_retry_waiting();
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block kmem_hibernate_pm_nb = {
	.notifier_call = kmem_hibernate_pm,
	.priority = INT_MAX,
};

/**
 * kmem_hibernate_init - start watching
 *
 * Context: sleeps. Return: 0 or a negative errno.
 */
int kmem_hibernate_init(void)
{
	return register_pm_notifier(&kmem_hibernate_pm_nb);
}

/**
 * kmem_hibernate_exit - stop watching
 *
 * Context: sleeps.
 */
void kmem_hibernate_exit(void)
{
	unregister_pm_notifier(&kmem_hibernate_pm_nb);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: what must not be done to data, or on top of it
 *
 * Devices that carry our data but must not be used on this system, or not this way,
 * are held. The system is not hibernated while a device is in use: the image would
 * remember which pages hold data, and the device would have gone on without it.
 */
#include <linux/cc_platform.h>
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/rwsem.h>
#include <linux/suspend.h>
#include "private.h"

/**
 * kmem_persist_guard - may the device be used here?
 * @kp: the device, that nobody else knows yet; its superblock is read, or it is to be
 *	formatted
 *
 * Context: sleeps. Return: true; or false, and it is held.
 */
bool kmem_persist_guard(struct kmem_persist *kp)
{
	const u32 state = kp->format_type < 0 ? le32_to_cpu(kp->sb->state) : 0;

	if (PAGE_SIZE != KMEM_PERSIST_BLOCK_SIZE)
		kmem_persist_hold(kp,
				  "page size is %lu, the format needs %u; use a kernel that has it",
				  PAGE_SIZE, KMEM_PERSIST_BLOCK_SIZE);
	else if (cc_platform_has(CC_ATTR_MEM_ENCRYPT))
		kmem_persist_hold(kp,
				  "memory encryption is active, pmem is not encrypted; boot without it");
	else if (kp->info.persistence == DAX_PERSISTENCE_ASYNC)
		kmem_persist_hold(kp, "region is asynchronous, not supported");
	else if (kp->info.read_only)
		kmem_persist_hold(kp,
				  "region is read-only or its modules are not armed; see ndctl list -RDH");
	else if (state & KMEM_PERSIST_STATE_NEEDS_CHECK)
		kmem_persist_hold(kp,
				  "superblock says that a check is needed; run kmem-persist repair");
	else if (state & KMEM_PERSIST_STATE_READONLY)
		kmem_persist_hold(kp,
				  "superblock says that nothing may be written; kmem-persist extract saves the data");
	else if (kp->nr_pages < KMEM_PERSIST_MIN_PAGES)
		kmem_persist_hold(kp, "the device has %llu pages, the format needs %u",
				  kp->nr_pages, KMEM_PERSIST_MIN_PAGES);
	else
		return true;
	return false;
}

/* Held for reading by who attaches: nobody is half way when it is asked who has. */
static DECLARE_RWSEM(kmem_guard_sem);
static bool kmem_guard_hibernates;

/**
 * kmem_guard_attach_begin - may a device be put into service?
 *
 * Context: sleeps. Return: true, then kmem_guard_attach_end() has to follow; false while
 * the system is being hibernated: kmem_persist_retry_waiting() will be called.
 */
bool kmem_guard_attach_begin(void)
{
	down_read(&kmem_guard_sem);
	if (!kmem_guard_hibernates)
		return true;
	up_read(&kmem_guard_sem);
	return false;
}

/**
 * kmem_guard_attach_end - counterpart of kmem_guard_attach_begin()
 *
 * Context: any.
 */
void kmem_guard_attach_end(void)
{
	up_read(&kmem_guard_sem);
}

static void kmem_guard_set(bool hibernates)
{
	guard(rwsem_write)(&kmem_guard_sem);
	kmem_guard_hibernates = hibernates;
}

static int kmem_guard_prepare(void)
{
	struct device *dev;

	kmem_guard_set(true);
	dev = kmem_persist_any_active();
	if (!dev)
		return 0;
	dev_err(dev, "in use, the system cannot be hibernated: take the device back to devdax first\n");
	put_device(dev);
	kmem_guard_set(false);
	kmem_persist_retry_waiting();
	return -EBUSY;
}

static int kmem_guard_pm(struct notifier_block *nb, unsigned long action, void *unused)
{
	switch (action) {
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		return notifier_from_errno(kmem_guard_prepare());
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		kmem_guard_set(false);
		kmem_persist_retry_waiting();
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block kmem_guard_pm_nb = {
	.notifier_call = kmem_guard_pm,
	.priority = INT_MAX,
};

/**
 * kmem_guard_init - start watching
 *
 * Context: sleeps. Return: 0 or a negative errno.
 */
int kmem_guard_init(void)
{
	return register_pm_notifier(&kmem_guard_pm_nb);
}

/**
 * kmem_guard_exit - stop watching
 *
 * Context: sleeps.
 */
void kmem_guard_exit(void)
{
	unregister_pm_notifier(&kmem_guard_pm_nb);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: all plugins, and all devices, of persistent KMEM DAX
 *
 * Plugins:
 *
 * A list under a mutex. An entry is in use while devices are attached to it:
 * they are counted, the plugin's module is pinned, and the entry cannot be
 * unregistered. A plugin that is not there is asked for by its alias
 * kmem-persist-type-<N>; when one comes, devices that wait for it attach.
 *
 * Devices are on a list from before their memory is added until it is gone, or for ever
 * if it could not be removed. Nothing is done under the lock of either list: whoever is at
 * work on a device holds up nobody who looks for another one.
 */
#include <linux/async.h>
#include <linux/cleanup.h>
#include <linux/kmod.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/string.h>
#include "../dax-private.h"
#include "../kmem_persist.h"
#include "persist.h"
#include "registry.h"

static LIST_HEAD(kmem_persist_types);
static DEFINE_MUTEX(kmem_persist_types_lock);	/* the list and the counts */

static LIST_HEAD(kmem_registry_devices);
static DEFINE_MUTEX(kmem_registry_lock);	/* the list; nothing is done under it */

static struct kmem_persist_ops *kmem_persist_type_find(u32 type)
{
	struct kmem_persist_ops *ops;

	lockdep_assert_held(&kmem_persist_types_lock);
	list_for_each_entry(ops, &kmem_persist_types, next)
		if (ops->type == type)
			return ops;
	return NULL;
}

/**
 * kmem_persist_type_register - announce a plugin
 * @ops: the plugin; stays with the framework until unregistered
 *
 * Context: sleeps. Return: 0; -EINVAL if @ops is incomplete; -EEXIST if its type
 * is taken.
 */
int kmem_persist_type_register(struct kmem_persist_ops *ops)
{
	if (!ops->name || !ops->probe || !ops->cleanup)
		return -EINVAL;

	scoped_guard(mutex, &kmem_persist_types_lock) {
		if (kmem_persist_type_find(ops->type))
			return -EEXIST;
		ops->ref_count = 0;
		list_add_tail(&ops->next, &kmem_persist_types);
	}

	kmem_registry_retry_waiting();
	return 0;
}
EXPORT_SYMBOL_GPL(kmem_persist_type_register);

/**
 * kmem_persist_type_unregister - take a plugin back
 * @ops: the plugin
 *
 * Context: sleeps. Return: 0; -EBUSY while devices are attached to it; -ENOENT if
 * it is not registered.
 */
int kmem_persist_type_unregister(struct kmem_persist_ops *ops)
{
	guard(mutex)(&kmem_persist_types_lock);
	if (kmem_persist_type_find(ops->type) != ops)
		return -ENOENT;
	if (ops->ref_count)
		return -EBUSY;
	list_del(&ops->next);
	return 0;
}
EXPORT_SYMBOL_GPL(kmem_persist_type_unregister);

static struct kmem_persist_ops *kmem_persist_type_try_get(u32 type)
{
	struct kmem_persist_ops *ops;

	guard(mutex)(&kmem_persist_types_lock);
	ops = kmem_persist_type_find(type);
	if (!ops || !try_module_get(ops->owner))
		return NULL;
	ops->ref_count++;
	return ops;
}

/**
 * kmem_persist_type_get - find a plugin and pin it
 * @type: what the superblock says
 *
 * Loads the plugin's module when it is not there; not from an asynchronous
 * probe, which loading a module waits for.
 *
 * Context: sleeps. Return: the plugin or NULL.
 */
struct kmem_persist_ops *kmem_persist_type_get(u32 type)
{
	struct kmem_persist_ops *ops = kmem_persist_type_try_get(type);

	if (ops || current_is_async())
		return ops;
	request_module("kmem-persist-type-%u", type);
	return kmem_persist_type_try_get(type);
}

/**
 * kmem_persist_type_put - let go of a plugin
 * @ops: from kmem_persist_type_get()
 *
 * Context: sleeps.
 */
void kmem_persist_type_put(struct kmem_persist_ops *ops)
{
	guard(mutex)(&kmem_persist_types_lock);
	if (!WARN_ON_ONCE(!ops->ref_count))
		ops->ref_count--;
	module_put(ops->owner);
}

/*
 * Devices
 */

/**
 * kmem_registry_add - there is another device
 * @kp: the device
 *
 * Context: sleeps.
 */
void kmem_registry_add(struct kmem_persist *kp)
{
	guard(mutex)(&kmem_registry_lock);
	list_add_tail(&kp->node, &kmem_registry_devices);
	/* For what the region has found since it was asked. */
	kmem_region_ask(&kp->region);
}

/**
 * kmem_registry_del - a device goes
 * @kp: the device; nobody finds it any more
 *
 * Context: sleeps.
 */
void kmem_registry_del(struct kmem_persist *kp)
{
	guard(mutex)(&kmem_registry_lock);
	list_del(&kp->node);
}

/**
 * kmem_registry_abandon - a device goes, and memory of it stays
 * @kp: the device; nobody asks it for anything any more
 *
 * Context: sleeps.
 */
void kmem_registry_abandon(struct kmem_persist *kp)
{
	guard(mutex)(&kmem_registry_lock);
	kp->abandoned = true;
}

/**
 * kmem_registry_has_left_over - is memory of an earlier binding of a device still there?
 * @dev_dax: the device
 *
 * It is still looked after: nobody else may use any of the device until the next boot.
 *
 * Context: sleeps.
 */
bool kmem_registry_has_left_over(const struct dev_dax *dev_dax)
{
	const struct kmem_persist *kp;
	int r;

	guard(mutex)(&kmem_registry_lock);
	list_for_each_entry(kp, &kmem_registry_devices, node)
		for (r = 0; r < dev_dax->nr_range; r++)
			if (kmem_segments_overlap(&kp->segs, &dev_dax->ranges[r].range))
				return true;
	return false;
}

/**
 * kmem_registry_retry_waiting - what they wait for may be there: let devices attach
 *
 * Context: sleeps; does not wait for the attaching.
 */
void kmem_registry_retry_waiting(void)
{
	struct kmem_persist *kp;

	guard(mutex)(&kmem_registry_lock);
	list_for_each_entry(kp, &kmem_registry_devices, node)
		if (!kp->abandoned)
			queue_work(system_dfl_long_wq, &kp->attach_work);
}

/**
 * kmem_registry_any_active - is any device in use?
 *
 * Context: sleeps. Return: its DAX device, with a reference; NULL if there is none.
 */
struct device *kmem_registry_any_active(void)
{
	struct kmem_persist *kp;

	guard(mutex)(&kmem_registry_lock);
	list_for_each_entry(kp, &kmem_registry_devices, node)
		if (READ_ONCE(kp->state) == KMEM_PERSIST_ACTIVE)
			return get_device(kp->dev);
	return NULL;
}

/**
 * kmem_registry_own_uuid - one device with a uuid at a time
 * @kp: the device
 * @uuid: the uuid, as links and users know devices by it
 * @other: receives the name of another device that has it
 * @size: size of @other
 *
 * From before it is attached until its memory is gone. Context: sleeps. Return: false if
 * another one has it.
 */
bool kmem_registry_own_uuid(struct kmem_persist *kp, const uuid_t *uuid, char *other,
			    size_t size)
{
	const struct kmem_persist *owner;

	guard(mutex)(&kmem_registry_lock);
	list_for_each_entry(owner, &kmem_registry_devices, node) {
		if (owner == kp || !uuid_equal(&owner->owned_uuid, uuid))
			continue;
		strscpy(other, dev_name(owner->dev), size);
		return false;
	}
	uuid_copy(&kp->owned_uuid, uuid);
	return true;
}

/**
 * kmem_registry_disown_uuid - another device may have its uuid
 * @kp: the device
 *
 * Context: sleeps.
 */
void kmem_registry_disown_uuid(struct kmem_persist *kp)
{
	guard(mutex)(&kmem_registry_lock);
	uuid_copy(&kp->owned_uuid, &uuid_null);
}

/* A region may know of more bad pages. */
static int kmem_registry_new_bad(struct notifier_block *nb, unsigned long action, void *parent)
{
	struct kmem_persist *kp;

	guard(mutex)(&kmem_registry_lock);
	list_for_each_entry(kp, &kmem_registry_devices, node)
		if (!kp->abandoned && kp->dev->parent == parent)
			kmem_region_ask(&kp->region);
	return NOTIFY_OK;
}

static struct notifier_block kmem_registry_bad_nb = {
	.notifier_call = kmem_registry_new_bad,
};

/**
 * kmem_registry_listen - be told of what regions find
 *
 * Context: sleeps. Return: 0 or a negative errno.
 */
int kmem_registry_listen(void)
{
	return dax_new_bad_register(&kmem_registry_bad_nb);
}

/**
 * kmem_registry_unlisten - counterpart of kmem_registry_listen()
 *
 * Context: sleeps.
 */
void kmem_registry_unlisten(void)
{
	dax_new_bad_unregister(&kmem_registry_bad_nb);
}

#include "tests/registry_kunit.h"

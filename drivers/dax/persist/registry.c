// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: plugins of persistent KMEM DAX
 *
 * A list under a mutex. An entry is in use while devices are attached to it:
 * they are counted, the plugin's module is pinned, and the entry cannot be
 * unregistered. A plugin that is not there is asked for by its alias
 * kmem-persist-type-<N>; when one comes, devices that wait for it attach.
 */
#include <linux/async.h>
#include <linux/cleanup.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include "private.h"

static LIST_HEAD(kmem_persist_types);
static DEFINE_MUTEX(kmem_persist_types_lock);	/* the list and the counts */

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

	kmem_persist_retry_waiting();
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

#include "tests/registry_kunit.h"

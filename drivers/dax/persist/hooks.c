// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: what the hotplug driver calls
 *
 * Here the parts above the life cycle are wired, too: what users see of a device, the lists
 * it is on, and the module.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "../dax-private.h"
#include "device.h"
#include "exchange.h"
#include "hibernate.h"
#include "hooks.h"
#include "identify.h"
#include "inject.h"
#include "persist.h"
#include "registry.h"
#include "sysfs.h"

/* How long a system that goes down waits for who is at work on a device. */
#define KMEM_SHUTDOWN_TRIES	100U
#define KMEM_SHUTDOWN_PAUSE	10	/* ms */

static struct dentry *kmem_persist_debugfs;

static int kmem_persist_refuse_stuck(const struct dev_dax *dev_dax)
{
	dev_err(&dev_dax->dev, "memory of an earlier binding is stuck online, reboot to use the device\n");
	return -EBUSY;
}

/**
 * kmem_persist_prepare - look whether a DAX device carries persistent data
 * @dev_dax: the device; no memory of it is added yet
 * @request: whether to format; its @force is cleared when it was used
 *
 * Context: sleeps; the device's lock is held.
 * Return: the device, to be added with MHP_ALLOCATE; NULL if it is plain, then nothing on
 * it looks like data any more; an ERR_PTR() if it must not be bound: -EPROTONOSUPPORT for
 * a format nobody knows, -EPERM in a kdump kernel, -EBUSY while memory of an earlier
 * binding is stuck, -EINVAL for a persist_accept that is not enough, -EIO if a marker
 * cannot be erased, -ENOMEM.
 */
struct kmem_persist *
kmem_persist_prepare(struct dev_dax *dev_dax,
		     struct kmem_persist_format_request *request)
{
	struct kmem_identity *id __free(kfree_sensitive) = kzalloc_obj(*id);
	struct kmem_persist *kp;
	int rc;

	if (!id)
		return ERR_PTR(-ENOMEM);
	if (kmem_registry_has_left_over(dev_dax))
		return ERR_PTR(kmem_persist_refuse_stuck(dev_dax));
	/* Only plain memory gets stuck and is forgotten: kmem knows what to do then. */
	if (kmem_persist_is_ram(dev_dax, KMEM_PERSIST_FIRST_PAGE))
		return NULL;

	rc = kmem_identify(id, dev_dax, request);
	/* A plain device is used without the range that is stuck. */
	if (!rc && kmem_persist_is_ram(dev_dax, U64_MAX))
		rc = kmem_persist_refuse_stuck(dev_dax);
	if (rc)
		return rc == -ENODATA ? NULL : ERR_PTR(rc);

	kp = kmem_device_create(id);
	if (IS_ERR(kp))
		return kp;
	rc = kmem_persist_sysfs_add(kp, kmem_persist_debugfs);
	if (rc) {
		kmem_device_destroy(kp);
		return ERR_PTR(rc);
	}
	kmem_registry_add(kp);
	return kp;
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_prepare, "kmem");

/**
 * kmem_persist_found_begin - get what is needed to look at a DAX device
 * @accept: formats that the command line accepts; copied
 *
 * Context: sleeps, for memory. Return: it, or NULL.
 */
void *kmem_persist_found_begin(const char *accept)
{
	struct kmem_found *work = kvzalloc_obj(*work);

	if (work)
		strscpy(work->accept, accept);
	return work;
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_found_begin, "kmem");

/**
 * kmem_persist_found - what a DAX device carries, in a few words
 * @dev_dax: the device; not bound to kmem, and it will not be meanwhile
 * @work: from kmem_persist_found_begin(), for one device
 * @text: receives what persist_found says
 * @size: of @text
 *
 * Context: sleeps, not for long; writes nothing.
 * Return: true if it costs nobody anything to look again.
 */
bool kmem_persist_found(struct dev_dax *dev_dax, void *work, char *text, size_t size)
{
	return kmem_identify_found(dev_dax, work, text, size);
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_found, "kmem");

/**
 * kmem_persist_found_end - counterpart of kmem_persist_found_begin()
 * @work: what it has returned; there are keys in it
 *
 * Context: sleeps.
 */
void kmem_persist_found_end(void *work)
{
	kvfree_sensitive(work, sizeof(struct kmem_found));
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_found_end, "kmem");

/**
 * kmem_persist_attach - the memory was added: put the device into service
 * @kp: from kmem_persist_prepare(), may be NULL
 * @added: per range of the device, not NULL if its memory was added
 *
 * Also after a failed unplug. A device that cannot be put into service is held.
 *
 * Context: sleeps.
 */
void kmem_persist_attach(struct kmem_persist *kp, struct resource *const *added)
{
	if (kp)
		kmem_device_attach(kp, added);
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_attach, "kmem");

/**
 * kmem_persist_detach - take the device out of service
 * @kp: the device, may be NULL
 * @force: also if it is in use: its users get errors, its data stays intact
 *
 * To be called before memory is removed. Context: sleeps. Return: 0; -EBUSY if in use,
 * never with @force.
 */
int kmem_persist_detach(struct kmem_persist *kp, bool force)
{
	return kp ? kmem_device_detach(kp, force) : 0;
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_detach, "kmem");

/**
 * kmem_persist_shutdown - the system goes down
 * @kp: the device, may be NULL
 *
 * What was acknowledged is durable already; a device that is not in use is also
 * marked clean. Nothing is worth a machine that does not go down: this waits a moment
 * for whoever is at work on the device, as moving data ends when it is told to, and no
 * longer.
 *
 * Context: sleeps; what keeps @kp from being destroyed is held.
 */
void kmem_persist_shutdown(struct kmem_persist *kp)
{
	unsigned int tries;

	for (tries = 0; kp && tries < KMEM_SHUTDOWN_TRIES; tries++) {
		if (kmem_device_try_detach(kp))
			return;
		msleep(KMEM_SHUTDOWN_PAUSE);
	}
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_shutdown, "kmem");

/**
 * kmem_persist_destroy - the memory is gone
 * @kp: the device, detached; may be NULL
 *
 * Context: sleeps.
 */
void kmem_persist_destroy(struct kmem_persist *kp)
{
	if (!kp)
		return;
	/* A plugin that is just being registered may still find the device. */
	kmem_registry_del(kp);
	kmem_persist_sysfs_del(kp);
	kmem_device_destroy(kp);
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_destroy, "kmem");

/**
 * kmem_persist_abandon - memory blocks of the device stay behind
 * @kp: the device, detached; may be NULL
 *
 * Until the next boot: whenever such a block goes online, its pages with data are
 * kept back and the others are lent, as long as this module is there; therefore
 * the module stays, too.
 *
 * Context: sleeps.
 */
void kmem_persist_abandon(struct kmem_persist *kp)
{
	if (!kp)
		return;
	kmem_registry_abandon(kp);
	kmem_persist_sysfs_del(kp);
	kmem_device_retire(kp);
	/* For its name: it may be gone before the memory is. */
	get_device(kp->dev);
	__module_get(THIS_MODULE);
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_abandon, "kmem");

static int __init kmem_persist_init(void)
{
	int rc;

	kmem_device_init();
	kmem_persist_debugfs = debugfs_create_dir("kmem_persist", NULL);
	rc = kmem_inject_init(kmem_persist_debugfs);
	if (rc)
		goto err_debugfs;
	rc = kmem_exchange_begin();
	if (rc)
		goto err_inject;
	rc = kmem_registry_listen();
	if (rc)
		goto err_exchange;
	rc = kmem_hibernate_init();
	if (rc)
		goto err_listen;
	return 0;

err_listen:
	kmem_registry_unlisten();
err_exchange:
	kmem_exchange_end();
err_inject:
	kmem_inject_exit();
err_debugfs:
	debugfs_remove_recursive(kmem_persist_debugfs);
	return rc;
}
module_init(kmem_persist_init);

static void __exit kmem_persist_exit(void)
{
	kmem_hibernate_exit();
	kmem_registry_unlisten();
	kmem_exchange_end();
	debugfs_remove_recursive(kmem_persist_debugfs);
	kmem_inject_exit();
}
module_exit(kmem_persist_exit);

MODULE_DESCRIPTION("KMEM DAX: persistent data in memory that is also system RAM");
MODULE_LICENSE("GPL");

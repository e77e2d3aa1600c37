// SPDX-License-Identifier: GPL-2.0
/*
 * What is left of persistent KMEM DAX without CONFIG_DEV_DAX_KMEM_PERSIST
 *
 * A kernel that cannot use the data does not destroy it either.
 */
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "dax-private.h"
#include "kmem_persist_places.h"

/**
 * kmem_persist_prepare - look whether a DAX device carries persistent data
 * @dev_dax: the device; no memory of it is added yet
 * @request: whether to use it in spite of that; its @ignore is cleared when it was used
 *
 * Context: sleeps; the device's lock is held.
 * Return: NULL for a plain device; an ERR_PTR() if it must not be bound: -EPERM
 * because of its data, -EIO if it cannot be known whether there is some, -EBUSY if
 * memory of an earlier binding is stuck, -ENOMEM.
 */
struct kmem_persist *
kmem_persist_prepare(struct dev_dax *dev_dax,
		     struct kmem_persist_format_request *request)
{
	struct kmem_persist_superblock *sb __free(kfree) = kzalloc_obj(*sb);
	u64 block;
	int rc;

	if (!sb)
		return ERR_PTR(-ENOMEM);
	if (kmem_persist_is_ram(dev_dax)) {
		dev_err(&dev_dax->dev, "memory of an earlier binding is stuck online, reboot to use the device\n");
		return ERR_PTR(-EBUSY);
	}
	rc = kmem_persist_find_magic(dev_dax, sb, &block);
	if (rc == -ENODATA || kmem_persist_sacrifice(dev_dax, request))
		return NULL;
	if (rc) {
		dev_err(&dev_dax->dev, "cannot look for a superblock: %pe; to use it all the same, set kmem.persist_ignore\n",
			ERR_PTR(rc));
		return ERR_PTR(rc);
	}
	dev_err(&dev_dax->dev, "carries persistent data (superblock at block %llu) that this kernel would destroy, not bound: it needs CONFIG_DEV_DAX_KMEM_PERSIST; to lose the data, set kmem.persist_ignore\n",
		block);
	return ERR_PTR(-EPERM);
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_prepare, "kmem");

MODULE_DESCRIPTION("KMEM DAX: guard of persistent data");
MODULE_LICENSE("GPL");

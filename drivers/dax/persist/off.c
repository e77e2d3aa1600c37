// SPDX-License-Identifier: GPL-2.0
/*
 * What is left of persistent KMEM DAX without CONFIG_DEV_DAX_KMEM_PERSIST
 *
 * A kernel that cannot use the data does not destroy it either. It does not look at what is
 * in a superblock: one that may be data is enough.
 */
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "../dax-private.h"
#include "hooks.h"
#include "places.h"

/*
 * Does the command line say that this is data? The uuid of the superblock is enough to
 * leave it alone, its hash would be needed to believe it.
 */
static bool kmem_off_is_accepted(const struct kmem_persist_superblock *sb, const char *list)
{
	struct dax_persist_accept accept;
	uuid_t uuid;

	import_uuid(&uuid, sb->uuid);
	while (kmem_persist_next_accept(&list, &accept))
		if (uuid_equal(&uuid, &accept.uuid))
			return true;
	return false;
}

/**
 * kmem_persist_prepare - look whether a DAX device carries persistent data
 * @dev_dax: the device; no memory of it is added yet
 * @request: what the command line accepts
 *
 * Context: sleeps; the device's lock is held.
 * Return: NULL for a plain device, on which nothing looks like data any more; an ERR_PTR()
 * if it must not be bound: -EPERM because of its data, -EIO if it cannot be known whether
 * there is some, -ENOMEM.
 */
struct kmem_persist *
kmem_persist_prepare(struct dev_dax *dev_dax,
		     struct kmem_persist_format_request *request)
{
	struct kmem_look *look __free(kvfree) = kvzalloc_obj(*look);
	struct kmem_trust *trust;
	int i, rc;

	if (!look)
		return ERR_PTR(-ENOMEM);
	/* Only plain memory gets stuck here: kmem knows what to do then. */
	if (kmem_persist_is_ram(dev_dax, KMEM_PERSIST_FIRST_PAGE))
		return NULL;
	rc = kmem_persist_look(dev_dax, look);
	if (rc)
		return ERR_PTR(rc);
	if (kmem_persist_is_rescued(dev_dax, look, false))
		return ERR_PTR(-EPERM);

	trust = &look->trust;
	trust->listed = trust->anonymous && !sysfs_streq(request->accept, "");
	for (i = 0; trust->listed && i < KMEM_PERSIST_NR_PLACES; i++)
		if (trust->copy[i] == KMEM_COPY_MAGIC &&
		    kmem_off_is_accepted(&look->sb[i], request->accept))
			trust->copy[i] = KMEM_COPY_COUNTS;

	switch (kmem_trust_decide(trust)) {
	case KMEM_TRUST_PLAIN:
		rc = kmem_persist_forget(dev_dax, look);
		if (!rc)
			dev_dax->persist_accept = (struct dax_persist_accept){};
		return ERR_PTR(rc);
	case KMEM_TRUST_UNREADABLE:
		dev_err(&dev_dax->dev, "nothing that tells whether there is data can be read, not bound; to use it all the same, write none to persist_accept\n");
		return ERR_PTR(-EIO);
	default:
		dev_err(&dev_dax->dev, "carries persistent data that this kernel would destroy, not bound: it needs CONFIG_DEV_DAX_KMEM_PERSIST; to lose the data, write none to persist_accept\n");
		return ERR_PTR(-EPERM);
	}
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_prepare, "kmem");

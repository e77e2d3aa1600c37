// SPDX-License-Identifier: GPL-2.0
/*
 * What is left of persistent KMEM DAX without CONFIG_DEV_DAX_KMEM_PERSIST
 *
 * A kernel that cannot use the data does not destroy it either. It does not look at what is
 * in a superblock: one that may be data is enough.
 */
#include <linux/cleanup.h>
#include <linux/crash_dump.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "../dax-private.h"
#include "hooks.h"
#include "places.h"

/* What it takes to look at a device that is not bound. */
struct kmem_off_found {
	struct kmem_look look;
	char accept[sizeof_field(struct kmem_persist_format_request, accept)];
};

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

static enum kmem_trust_verdict kmem_off_decide(struct kmem_look *look, const char *list)
{
	struct kmem_trust *trust = &look->trust;

	trust->listed = trust->anonymous && !sysfs_streq(list, "");
	for (int i = 0; trust->listed && i < KMEM_PERSIST_NR_PLACES; i++)
		if (trust->copy[i] == KMEM_COPY_MAGIC && kmem_off_is_accepted(&look->sb[i], list))
			trust->copy[i] = KMEM_COPY_COUNTS;
	return kmem_trust_decide(trust);
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
	struct kmem_look *look __free(kmem_look) = kvzalloc_obj(*look);
	int rc;

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

	switch (kmem_off_decide(look, request->accept)) {
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

/**
 * kmem_persist_found_begin - get what is needed to look at a DAX device
 * @accept: formats that the command line accepts; copied
 *
 * Context: sleeps, for memory. Return: it, or NULL.
 */
void *kmem_persist_found_begin(const char *accept)
{
	struct kmem_off_found *work = kvzalloc_obj(*work);

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
	struct kmem_off_found *found = work;
	struct kmem_look *look = &found->look;

	strscpy(text, "unknown", size);
	if (is_kdump_kernel() || kmem_persist_is_ram(dev_dax, U64_MAX) ||
	    kmem_persist_look(dev_dax, look))
		return true;

	switch (kmem_off_decide(look, found->accept)) {
	case KMEM_TRUST_PLAIN:
		strscpy(text, kmem_trust_is_unaccepted(&look->trust) ? "unaccepted" : "none",
			size);
		break;
	case KMEM_TRUST_UNREADABLE:
		strscpy(text, "held unreadable", size);
		break;
	default:
		strscpy(text, "held unsupported", size);
	}
	return !look->failed;
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
	kvfree_sensitive(work, sizeof(struct kmem_off_found));
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_found_end, "kmem");

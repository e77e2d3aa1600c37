// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: what a device is, and what was asked for
 *
 * Before any memory of a device is added: is it plain, or does it carry data; is it to be
 * formatted; and may that be used on this system, this way? Nothing is written but what
 * makes a plain device look plain.
 */
#include <linux/cc_platform.h>
#include <linux/cleanup.h>
#include <linux/crash_dump.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sprintf.h>
#include <linux/string.h>
#include <linux/uuid.h>
#include "../dax-private.h"
#include "identify.h"
#include "registry.h"

/* Is what the parameters ask for about this device? */
static bool kmem_identify_is_meant(const struct kmem_identity *id,
				   const struct kmem_persist_format_request *request,
				  bool named)
{
	const char *device = request->device;
	uuid_t uuid;

	/* What is written to the parameter keeps its newline. */
	if (sysfs_streq(device, ""))
		return !named;
	return sysfs_streq(device, dev_name(&id->dev_dax->dev)) ||
	       (!id->anonymous && !uuid_parse(device, &uuid) &&
		uuid_equal(&uuid, &id->info.uuid));
}

/*
 * What was asked for this device. A region that binds itself to kmem (CXL RAM,
 * soft-reserved memory) is only formatted if it was named: nobody chose it.
 */
static int kmem_identify_asked_format(const struct kmem_identity *id,
				      const struct kmem_persist_format_request *request)
{
	const struct dev_dax *dev_dax = id->dev_dax;
	const bool named = request->type_named ||
			   dev_dax->region->res.flags & IORESOURCE_DAX_KMEM;

	if (dev_dax->persist_format.type >= 0)
		return dev_dax->persist_format.type;
	return kmem_identify_is_meant(id, request, named) ? request->type : -1;
}

/* For who relied on it. */
static void kmem_identify_say_not_asked(const struct kmem_identity *id,
					const struct kmem_persist_format_request *request)
{
	if (request->type >= 0 && request->type_named && sysfs_streq(request->device, "") &&
	    !(id->dev_dax->region->res.flags & IORESOURCE_DAX_KMEM))
		dev_info(&id->dev_dax->dev, "kmem.persist_format_type on the command line needs kmem.persist_format_device\n");
}

static int kmem_identify_check_type(const struct kmem_identity *id, int type)
{
	struct kmem_persist_ops *ops = kmem_persist_type_get(type);

	if (!ops) {
		dev_err(&id->dev_dax->dev, "asked to format with type %d, but no plugin for it can be loaded: correct the type, or install its module\n",
			type);
		return -EPROTONOSUPPORT;
	}
	kmem_persist_type_put(ops);
	return 0;
}

/* What must not be done to data, or on top of it. */
static void kmem_identify_guard(struct kmem_identity *id)
{
	const u32 state = id->format_type < 0 ? le32_to_cpu(id->sb.state) : 0;
	const u64 nr_pages = kmem_persist_dev_pages(id->dev_dax);

	if (PAGE_SIZE != KMEM_PERSIST_BLOCK_SIZE)
		kmem_identity_hold(id, KMEM_HELD_PLATFORM,
				   "page size is %lu, the format needs %u; use a kernel that has it",
				   PAGE_SIZE, KMEM_PERSIST_BLOCK_SIZE);
	else if (cc_platform_has(CC_ATTR_MEM_ENCRYPT))
		kmem_identity_hold(id, KMEM_HELD_PLATFORM,
				   "memory encryption is active, pmem is not encrypted; boot without it");
	else if (id->info.persistence == DAX_PERSISTENCE_ASYNC)
		kmem_identity_hold(id, KMEM_HELD_PLATFORM,
				   "region is asynchronous, not supported");
	else if (id->info.read_only)
		kmem_identity_hold(id, KMEM_HELD_READONLY,
				   "region is read-only or its modules are not armed; see ndctl list -RDH");
	else if (state & KMEM_PERSIST_STATE_NEEDS_CHECK)
		kmem_identity_hold(id, KMEM_HELD_CHECK,
				   "superblock says that a check is needed; run kmem-persist repair");
	else if (state & KMEM_PERSIST_STATE_READONLY)
		kmem_identity_hold(id, KMEM_HELD_CHECK,
				   "superblock says that nothing may be written; kmem-persist extract saves the data");
	else if (nr_pages < KMEM_PERSIST_MIN_PAGES)
		kmem_identity_hold(id, KMEM_HELD_SMALL,
				   "the device has %llu pages, the format needs %u",
				   nr_pages, KMEM_PERSIST_MIN_PAGES);
}

/* A uuid is public: of a device that is no namespace it says nothing. */
static bool kmem_identify_lacks_hash(const struct kmem_identity *id)
{
	const struct dax_persist_accept *accept = &id->dev_dax->persist_accept;

	return id->anonymous && accept->kind == DAX_PERSIST_ACCEPT_UUID && !accept->has_hash;
}

/**
 * kmem_identify - decide what a device is
 * @id: receives it
 * @dev_dax: the device, that nobody else knows yet
 * @request: what the parameters of the module ask for; its force is cleared when it was
 *	     used
 *
 * Context: sleeps; no memory of the device is added yet.
 * Return: 0 if it is ours, held or not; -ENODATA if it is plain, then nothing on it looks
 * like data any more; another errno to refuse it.
 */
int kmem_identify(struct kmem_identity *id, struct dev_dax *dev_dax,
		  struct kmem_persist_format_request *request)
{
	struct kmem_look *look __free(kmem_look) = kvzalloc_obj(*look);
	struct dax_persist_accept *accept = &dev_dax->persist_accept;
	bool force;
	int asked, rc;

	id->dev_dax = dev_dax;
	id->format_type = -1;
	if (!look)
		return -ENOMEM;
	rc = kmem_persist_look(dev_dax, look);
	if (rc)
		return rc;
	id->info = look->info;
	id->anonymous = look->trust.anonymous;
	asked = kmem_identify_asked_format(id, request);
	if (kmem_persist_is_rescued(dev_dax, look, asked >= 0))
		return -EPERM;
	if (kmem_identify_lacks_hash(id)) {
		dev_err(&dev_dax->dev, "persist_accept: not a namespace, a uuid alone is not enough; not bound\n");
		return -EINVAL;
	}

	rc = kmem_search(id, look, request->accept);
	if (rc == -ENODATA && asked < 0) {
		kmem_identify_say_not_asked(id, request);
		rc = kmem_persist_forget(dev_dax, look);
		if (!rc)
			*accept = (struct dax_persist_accept){};
		return rc ?: -ENODATA;
	}

	force = request->force && kmem_identify_is_meant(id, request, request->force_named);
	if (rc == -ENODATA || (asked >= 0 && force)) {
		rc = kmem_identify_check_type(id, asked);
		if (rc)
			return rc;
		if (id->held)
			dev_warn(&dev_dax->dev, "it would be held: %s\n", id->reason);
		id->format_type = asked;
		id->held = KMEM_HELD_NOT;
		id->vouched = false;
		if (force) {
			dev_warn(&dev_dax->dev, "formatting by force, what the device carries is lost\n");
			request->force = false;
		}
	} else if (asked >= 0 && !id->held) {
		dev_info(&dev_dax->dev, "already formatted with type %u, not formatted again\n",
			 le32_to_cpu(id->sb.type));
	}
	if (!id->held)
		kmem_identify_guard(id);
	return 0;
}

/* What persist_found says behind "held". */
static const char * const kmem_identify_held[] = {
	[KMEM_HELD_LOST] = "lost",
	[KMEM_HELD_ACCEPT] = "accept",
	[KMEM_HELD_MARKER] = "marker",
	[KMEM_HELD_FOREIGN] = "foreign",
	[KMEM_HELD_UNREADABLE] = "unreadable",
	[KMEM_HELD_VERSION] = "version",
	[KMEM_HELD_DOUBT] = "doubt",
	[KMEM_HELD_PLATFORM] = "platform",
	[KMEM_HELD_READONLY] = "readonly",
	[KMEM_HELD_CHECK] = "check",
	[KMEM_HELD_SMALL] = "small",
};

static void kmem_identify_print(const struct kmem_identity *id, char *text, size_t size)
{
	const u32 type = le32_to_cpu(id->sb.type);

	if (id->held)
		scnprintf(text, size, "held %s", kmem_identify_held[id->held]);
	else if (type == KMEM_PERSIST_TYPE_NONE)
		scnprintf(text, size, "data none %pUb", id->sb.uuid);
	else if (type == KMEM_PERSIST_TYPE_BLK)
		scnprintf(text, size, "data blk %pUb", id->sb.uuid);
	else
		scnprintf(text, size, "data %u %pUb", type, id->sb.uuid);
}

/**
 * kmem_identify_found - what would a device be, were it bound now, and no format asked for?
 * @dev_dax: the device, that stays unbound meanwhile
 * @found: for this device; zeroed, but for the list
 * @text: receives persist_found
 * @size: of @text
 *
 * Nothing is formatted, erased, loaded or said.
 *
 * Context: sleeps; reads five pages at most, and writes nothing.
 * Return: true if it costs nobody anything to look again.
 */
bool kmem_identify_found(struct dev_dax *dev_dax, struct kmem_found *found, char *text,
			 size_t size)
{
	struct kmem_identity *id = &found->id;
	struct kmem_look *look = &found->look;
	int rc;

	strscpy(text, "unknown", size);
	if (is_kdump_kernel() || kmem_persist_is_ram(dev_dax, U64_MAX) ||
	    kmem_persist_look(dev_dax, look))
		return true;

	id->dev_dax = dev_dax;
	id->format_type = -1;
	id->quiet = true;
	id->info = look->info;
	id->anonymous = look->trust.anonymous;
	rc = kmem_search(id, look, found->accept);
	if (kmem_identify_lacks_hash(id))
		id->held = KMEM_HELD_ACCEPT;
	else if (!rc)
		kmem_identify_guard(id);
	if (id->held || !rc)
		kmem_identify_print(id, text, size);
	else
		strscpy(text, kmem_trust_is_unaccepted(&look->trust) ? "unaccepted" : "none",
			size);
	return !look->failed;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: places where a superblock may be, and the marker of the namespace
 *
 * The places are four blocks of 4096 bytes of the raw device, the same whatever the
 * device and its memory blocks look like, and no other place is ever looked at: not the
 * end of the device, not where the media says. Users' data is never on one of them, or
 * who writes a file would write a superblock.
 *
 * Pages are mapped one by one: there is no direct map yet. What the region reports as bad
 * is not touched, as not every machine survives that. Also built without
 * CONFIG_DEV_DAX_KMEM_PERSIST, see off.c.
 */
#include <linux/cleanup.h>
#include <linux/crash_dump.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include "../bus.h"
#include "../dax-private.h"
#include "inject.h"
#include "places.h"

static const u64 kmem_places[KMEM_PERSIST_NR_PLACES] = KMEM_PERSIST_PLACES;

/*
 * The smallest section of any configuration of the architecture: memory that kmem makes
 * RAM of begins at a multiple of it, whatever kernel that is. Where it is smaller than it
 * had to be, fewer devices are taken to have a first MiB that was never RAM.
 */
#define KMEM_SMALLEST_SECTION						\
	(IS_ENABLED(CONFIG_X86_64) || IS_ENABLED(CONFIG_ARM64) ||	\
	 IS_ENABLED(CONFIG_RISCV) ? SZ_128M : SZ_16M)

/**
 * kmem_persist_dev_pages - size of a device
 * @dev_dax: the device
 *
 * Context: any. Return: pages, all ranges counted.
 */
u64 kmem_persist_dev_pages(const struct dev_dax *dev_dax)
{
	u64 pages = 0;
	int i;

	for (i = 0; i < dev_dax->nr_range; i++) {
		const struct dev_dax_range *r = &dev_dax->ranges[i];

		pages = max_t(u64, pages,
			      r->pgoff + PHYS_PFN(range_len(&r->range)));
	}
	return pages;
}

/**
 * kmem_persist_dev_blocks - size of a device, as the format counts it
 * @dev_dax: the device
 *
 * A page of the format has 4096 bytes, whatever that of the machine is: what superblocks
 * say is to be understood on any, if only to say that the machine does not fit.
 *
 * Context: any. Return: blocks, all ranges counted.
 */
u64 kmem_persist_dev_blocks(const struct dev_dax *dev_dax)
{
	return kmem_persist_dev_pages(dev_dax) << (PAGE_SHIFT - KMEM_PERSIST_BLOCK_SHIFT);
}

/**
 * kmem_persist_is_ram - is some memory of a device RAM already?
 * @dev_dax: the device, which is about to be bound
 * @pages: of its first so many pages, U64_MAX for all of it
 *
 * What an earlier binding has left behind, for instance: it is somebody's, and not to
 * be looked at.
 *
 * Context: any.
 */
bool kmem_persist_is_ram(const struct dev_dax *dev_dax, u64 pages)
{
	int i;

	for (i = 0; i < dev_dax->nr_range; i++) {
		const struct range *range = &dev_dax->ranges[i].range;

		if (dev_dax->ranges[i].pgoff < pages &&
		    region_intersects(range->start, range_len(range),
				      IORESOURCE_SYSTEM_RAM,
				      IORES_DESC_NONE) != REGION_DISJOINT)
			return true;
	}
	return false;
}

/*
 * A DAX device over a namespace is always the same bytes of that namespace, and the
 * namespace has an info block, which it keeps as long as that is so. Others (soft-reserved
 * memory, CXL RAM, memmap= and what else is not persistent) may have been cut otherwise,
 * or have been RAM altogether, at the last boot.
 */
static bool kmem_persist_is_namespace(const struct dev_dax *dev_dax,
				      const struct dax_region_info *info)
{
	int i;

	if (!(dev_dax->region->res.flags & IORESOURCE_DAX_STATIC) || !info->front ||
	    uuid_is_null(&info->uuid))
		return false;
	for (i = 0; i < dev_dax->nr_range; i++) {
		const struct range *range = &dev_dax->ranges[i].range;

		if (region_intersects(range->start, range_len(range), IORESOURCE_MEM,
				      IORES_DESC_PERSISTENT_MEMORY) != REGION_INTERSECTS)
			return false;
	}
	return true;
}

/* Do the pages that are never data end before memory blocks can begin? */
static bool kmem_persist_is_apart(const struct dev_dax *dev_dax)
{
	const u64 need = KMEM_PERSIST_FIRST_PAGE << KMEM_PERSIST_BLOCK_SHIFT;
	const struct dev_dax_range *r = dev_dax->ranges;

	return dev_dax->nr_range && !r->pgoff && range_len(&r->range) >= need &&
	       ALIGN(r->range.start, KMEM_SMALLEST_SECTION) - r->range.start >= need;
}

/* Places are blocks of 4096 bytes, whatever the size of a page is. */
static phys_addr_t kmem_place_phys(const struct dev_dax *dev_dax, u64 block)
{
	const u64 offset = block << KMEM_PERSIST_BLOCK_SHIFT;
	int i;

	for (i = 0; i < dev_dax->nr_range; i++) {
		const struct dev_dax_range *r = &dev_dax->ranges[i];
		const u64 start = (u64)r->pgoff << PAGE_SHIFT;

		if (offset >= start && offset - start < range_len(&r->range))
			return r->range.start + (offset - start);
	}
	return 0;
}

static bool kmem_place_is_bad(struct dev_dax *dev_dax, phys_addr_t phys)
{
	const struct range place = {
		.start = phys,
		.end = phys + KMEM_PERSIST_BLOCK_SIZE - 1,
	};
	struct device *region = dev_dax->dev.parent;
	struct range bad;

	return kmem_inject_next_bad(region, &place, &bad) ||
	       (dev_dax->ops && dev_dax->ops->next_bad &&
		dev_dax->ops->next_bad(region, &place, &bad));
}

/* Returns 0, -EIO for a media error, known or found (*@failed), or -ENOMEM. */
static int kmem_place_read(struct dev_dax *dev_dax, phys_addr_t phys, void *buf, bool *failed)
{
	const struct kmem_media media = {};
	void *addr;
	int rc;

	if (kmem_place_is_bad(dev_dax, phys))
		return -EIO;
	addr = memremap(phys, KMEM_PERSIST_BLOCK_SIZE, MEMREMAP_WB);
	if (!addr)
		return -ENOMEM;
	rc = kmem_inject_is_poisoned(phys) ? -EIO :
		kmem_media_read(&media, buf, addr, KMEM_PERSIST_BLOCK_SIZE);
	memunmap(addr);
	*failed = *failed || rc;
	return rc;
}

static void kmem_place_init_media(struct dev_dax *dev_dax, struct kmem_media *media)
{
	*media = (struct kmem_media){ .need_wb = true };
	if (dev_dax->ops) {
		media->flush = dev_dax->ops->flush;
		media->flush_dev = dev_dax->dev.parent;
	}
}

/*
 * Superblock and marker both begin with their magic. What cannot be read back may be there
 * as it was; what can may be read from a cache.
 */
static int kmem_place_set_magic(struct dev_dax *dev_dax, phys_addr_t phys, u64 val)
{
	struct kmem_media media;
	__le64 *magic, found;
	int rc;

	magic = memremap(phys, KMEM_PERSIST_BLOCK_SIZE, MEMREMAP_WB);
	if (!magic)
		return -ENOMEM;
	kmem_place_init_media(dev_dax, &media);
	/*
	 * Ordering: R6, pairs with the fence in kmem_persist_write_marker(); R7, with the
	 * copy in kmem_persist_write_marker()
	 */
	kmem_media_store(&media, magic, val);
	kmem_media_wb(&media, magic, sizeof(*magic));
	kmem_media_fence(&media);
	rc = kmem_media_read(&media, &found, magic, sizeof(found));
	memunmap(magic);
	return rc || le64_to_cpu(found) != val ? -EIO : 0;
}

static int kmem_place_erase(struct dev_dax *dev_dax, phys_addr_t phys)
{
	return kmem_place_set_magic(dev_dax, phys, 0);
}

/**
 * kmem_persist_look - what is on a device?
 * @dev_dax: the device; no memory of it is added, and none is RAM
 * @look: receives it
 *
 * Context: sleeps. Writes nothing. Return: 0 or -ENOMEM.
 */
int kmem_persist_look(struct dev_dax *dev_dax, struct kmem_look *look)
{
	struct kmem_trust *trust = &look->trust;
	int i, rc;

	memset(look, 0, sizeof(*look));
	if (dev_dax->ops)
		dev_dax->ops->info(dev_dax->dev.parent, &look->info);
	trust->accept = dev_dax->persist_accept.kind;
	trust->anonymous = !kmem_persist_is_namespace(dev_dax, &look->info);
	trust->apart = !trust->anonymous && kmem_persist_is_apart(dev_dax);

	if (!trust->anonymous) {
		uuid_t uuid;

		rc = kmem_place_read(dev_dax, look->info.front, &look->marker,
				     &look->failed);
		if (rc == -ENOMEM)
			return rc;
		import_uuid(&uuid, look->marker.ns_uuid);
		if (rc)
			trust->marker = KMEM_MARKER_UNREADABLE;
		else if (le64_to_cpu(look->marker.magic) != KMEM_PERSIST_MARKER_MAGIC)
			trust->marker = KMEM_MARKER_NONE;
		else if (uuid_equal(&uuid, &look->info.uuid))
			trust->marker = KMEM_MARKER_VALID;
		else
			trust->marker = KMEM_MARKER_FOREIGN;
	}
	for (i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		const phys_addr_t phys = kmem_place_phys(dev_dax, kmem_places[i]);

		rc = phys ? kmem_place_read(dev_dax, phys, &look->sb[i], &look->failed) : 0;
		if (rc == -ENOMEM)
			return rc;
		if (rc)
			trust->copy[i] = KMEM_COPY_UNREADABLE;
		else if (le64_to_cpu(look->sb[i].magic) == KMEM_PERSIST_MAGIC)
			trust->copy[i] = KMEM_COPY_MAGIC;
	}
	return 0;
}

/**
 * kmem_persist_is_rescued - is this a kdump kernel, and the device not its business?
 * @dev_dax: the device
 * @look: what is on it
 * @asked: a format was asked for
 *
 * Such a kernel has its own command line, it runs because something went wrong, and what
 * it could use as RAM is what is to be rescued. Asked before anything else: here nothing
 * is plain, nor erased, as long as there is a doubt.
 *
 * Context: any. Return: true, and it was logged.
 */
bool kmem_persist_is_rescued(struct dev_dax *dev_dax, const struct kmem_look *look,
			     bool asked)
{
	if (!is_kdump_kernel() || (!asked && look->trust.marker == KMEM_MARKER_NONE &&
				   !kmem_trust_has_magic(&look->trust)))
		return false;
	dev_warn(&dev_dax->dev, "not bound in a kdump kernel, for its persistent data\n");
	return true;
}

/* Where the marker of a namespace is, 0 if that page is bad. */
static phys_addr_t kmem_marker_phys(struct dev_dax *dev_dax)
{
	struct dax_region_info info = {};

	dev_dax->ops->info(dev_dax->dev.parent, &info);
	return kmem_place_is_bad(dev_dax, info.front) ? 0 : info.front;
}

/**
 * kmem_persist_open_marker - the format on the device is about to get a marker
 * @dev_dax: the device, over a namespace
 *
 * For a format that is there and stays. Until kmem_persist_write_marker() has come to its
 * end the device has to be held, neither plain nor attached: so the magic is there first,
 * in front of what is no marker of this format.
 *
 * Context: sleeps. Durable on return. Return: 0; -EIO for a media error; -ENOMEM.
 */
int kmem_persist_open_marker(struct dev_dax *dev_dax)
{
	const phys_addr_t phys = kmem_marker_phys(dev_dax);

	return phys ? kmem_place_set_magic(dev_dax, phys, KMEM_PERSIST_MARKER_MAGIC) : -EIO;
}

/**
 * kmem_persist_write_marker - the namespace has, or no longer has, a format
 * @dev_dax: the device, over a namespace
 * @marker: the marker, complete; NULL to erase it
 *
 * All of it but the magic is written, then the magic if it is not there: it is after
 * kmem_persist_open_marker(). What is not complete has no good checksum.
 *
 * Context: sleeps. Durable on return. Return: 0; -EIO for a media error; -ENOMEM.
 */
int kmem_persist_write_marker(struct dev_dax *dev_dax,
			      const struct kmem_persist_marker *marker)
{
	const size_t at = sizeof(marker->magic);
	const phys_addr_t phys = kmem_marker_phys(dev_dax);
	struct kmem_persist_marker *place;
	struct kmem_media media;
	u8 back[128];
	int rc = 0;

	if (!phys)
		return -EIO;
	if (!marker)
		return kmem_place_erase(dev_dax, phys);

	place = memremap(phys, sizeof(*place), MEMREMAP_WB);
	if (!place)
		return -ENOMEM;
	kmem_place_init_media(dev_dax, &media);
	/*
	 * Ordering: R6, pairs with the store in kmem_place_set_magic(). All of the format is
	 * durable, too.
	 */
	kmem_media_copy_past(&media, (u8 *)place + at, (const u8 *)marker + at,
			     sizeof(*place) - at);
	kmem_media_fence(&media);
	for (size_t i = at; !rc && i < sizeof(*place); i += sizeof(back)) {
		const size_t len = min(sizeof(back), sizeof(*place) - i);

		if (kmem_media_read(&media, back, (u8 *)place + i, len) ||
		    memcmp(back, (const u8 *)marker + i, len))
			rc = -EIO;
	}
	memunmap(place);
	memzero_explicit(back, sizeof(back));
	if (rc)
		return rc;
	return kmem_place_set_magic(dev_dax, phys, le64_to_cpu(marker->magic));
}

/**
 * kmem_persist_forget - a device becomes plain memory: nothing may speak for data any more
 * @dev_dax: the device; no memory of it is added
 * @look: what is on it
 *
 * What is lent is somebody's: if what looks like a superblock survived that, the next
 * kernel, or one that root tells to accept it, would take his pages for data. A device
 * with neither marker nor magic is not written to.
 *
 * Context: sleeps. Durable on return.
 * Return: 0; -EIO or -ENOMEM, then the memory must not be used.
 */
int kmem_persist_forget(struct dev_dax *dev_dax, const struct kmem_look *look)
{
	const struct kmem_trust *trust = &look->trust;
	int i, rc = 0, nr = 0;

	/* First: with it, and half of the places erased, the device would be held. */
	if (trust->marker == KMEM_MARKER_VALID || trust->marker == KMEM_MARKER_FOREIGN)
		rc = kmem_persist_write_marker(dev_dax, NULL);
	for (i = 0; !rc && i < KMEM_PERSIST_NR_PLACES; i++) {
		if (trust->copy[i] != KMEM_COPY_MAGIC &&
		    trust->copy[i] != KMEM_COPY_COUNTS)
			continue;
		rc = kmem_place_erase(dev_dax,
				      kmem_place_phys(dev_dax, kmem_places[i]));
		nr++;
	}
	if (rc)
		dev_err(&dev_dax->dev, "cannot erase what looks like a superblock: %pe; not bound\n",
			ERR_PTR(rc));
	else if (trust->accept == DAX_PERSIST_ACCEPT_PLAIN)
		dev_warn(&dev_dax->dev, "persist_accept: becomes plain memory, persistent data on it is lost\n");
	else if (nr)
		dev_warn(&dev_dax->dev, "plain memory: what looks like a superblock is in memory that may have been RAM, not believed and erased\n");
	return rc;
}

/**
 * kmem_persist_next_accept - the next format that the command line accepts
 * @list: what follows in the parameter; moves on
 * @accept: receives it
 *
 * What is no UUID:HASH is passed over. Context: any. Return: false at the end.
 */
bool kmem_persist_next_accept(const char **list, struct dax_persist_accept *accept)
{
	while (**list) {
		const char *word = *list;
		const size_t len = strcspn(word, ",\n");

		*list += len + !!word[len];
		if (!dax_persist_accept_parse(word, len, accept) && accept->has_hash)
			return true;
	}
	return false;
}

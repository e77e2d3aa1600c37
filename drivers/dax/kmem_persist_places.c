// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: places where a superblock may be
 *
 * The first and the last page of the raw device, and, because the layout of a device
 * may have changed since it was formatted, every place that any kernel may have taken
 * for the start of the memory that is hotplugged. "There is no superblock" may be said
 * only when none of them carries the magic.
 *
 * Pages are mapped one by one: there is no direct map yet. Also built without
 * CONFIG_DEV_DAX_KMEM_PERSIST, see kmem_persist_off.c.
 */
#include <linux/io.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include "bus.h"
#include "dax-private.h"
#include "kmem_persist_inject.h"
#include "kmem_persist_places.h"

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
 * kmem_persist_is_ram - is some memory of a device RAM already?
 * @dev_dax: the device, which is about to be bound
 *
 * What an earlier binding has left behind, for instance: it is somebody's, and not to
 * be looked at.
 *
 * Context: any.
 */
bool kmem_persist_is_ram(const struct dev_dax *dev_dax)
{
	int i;

	for (i = 0; i < dev_dax->nr_range; i++) {
		const struct range *range = &dev_dax->ranges[i].range;

		if (region_intersects(range->start, range_len(range),
				      IORESOURCE_SYSTEM_RAM,
				      IORES_DESC_NONE) != REGION_DISJOINT)
			return true;
	}
	return false;
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

/**
 * kmem_persist_read_block - read a block of a device that has no direct map
 * @dev_dax: the device
 * @block: the block, of 4096 bytes
 * @sb: receives its content
 *
 * Context: sleeps.
 * Return: 0; -EIO for a media error, known or found; -ERANGE if it is not a block of
 * the device; -ENOMEM if it cannot be mapped.
 */
int kmem_persist_read_block(struct dev_dax *dev_dax, u64 block,
			    struct kmem_persist_superblock *sb)
{
	const phys_addr_t phys = kmem_place_phys(dev_dax, block);
	const struct kmem_media media = {};
	void *addr;
	int rc;

	if (!phys)
		return -ERANGE;
	if (kmem_place_is_bad(dev_dax, phys))
		return -EIO;
	addr = memremap(phys, sizeof(*sb), MEMREMAP_WB);
	if (!addr)
		return -ENOMEM;
	rc = kmem_media_read(&media, sb, addr, sizeof(*sb));
	memunmap(addr);
	return rc;
}

static u64 kmem_place_last(const struct dev_dax *dev_dax)
{
	return (kmem_persist_dev_pages(dev_dax) <<
		(PAGE_SHIFT - KMEM_PERSIST_BLOCK_SHIFT)) - 1;
}

/**
 * kmem_persist_visit_places - visit all places where a superblock may be
 * @dev_dax: the device
 * @fn: called for each; some come more than once
 * @arg: passed on to @fn
 *
 * Context: that of @fn. Return: what @fn returned, if that ended the visit; or 0.
 */
int kmem_persist_visit_places(struct dev_dax *dev_dax, kmem_place_fn fn, void *arg)
{
	u64 size;
	int i, rc;

	rc = fn(dev_dax, 0, arg) ?: fn(dev_dax, kmem_place_last(dev_dax), arg);
	for (i = 0; !rc && i < dev_dax->nr_range; i++) {
		const struct dev_dax_range *r = &dev_dax->ranges[i];
		const u64 start = r->range.start;

		for (size = MIN_MEMORY_BLOCK_SIZE; !rc && size <= SZ_2G; size *= 2) {
			const u64 off = ALIGN(start, size) - start;

			if (off < range_len(&r->range))
				rc = fn(dev_dax, (((u64)r->pgoff << PAGE_SHIFT) + off) >>
					KMEM_PERSIST_BLOCK_SHIFT, arg);
		}
	}
	return rc;
}

struct kmem_place_search {
	struct kmem_persist_superblock *buf;
	u64 block;
	int err;
};

static int kmem_place_has_magic(struct dev_dax *dev_dax, u64 block, void *arg)
{
	struct kmem_place_search *search = arg;
	int rc = kmem_persist_read_block(dev_dax, block, search->buf);

	/* The first and the last block must be known, others may be. */
	if (rc == -ENOMEM || (rc && (!block || block == kmem_place_last(dev_dax))))
		search->err = rc;
	if (rc || le64_to_cpu(search->buf->magic) != KMEM_PERSIST_MAGIC)
		return 0;
	search->block = block;
	return 1;
}

/**
 * kmem_persist_find_magic - does any place carry the magic?
 * @dev_dax: the device
 * @buf: scratch
 * @block: receives the place
 *
 * Context: sleeps.
 * Return: 0 if there is one; -ENODATA if there is certainly none; -EIO or -ENOMEM if
 * it cannot be known.
 */
int kmem_persist_find_magic(struct dev_dax *dev_dax,
			    struct kmem_persist_superblock *buf, u64 *block)
{
	struct kmem_place_search search = { .buf = buf };

	if (!kmem_persist_visit_places(dev_dax, kmem_place_has_magic, &search))
		return search.err ?: -ENODATA;
	*block = search.block;
	return 0;
}

/* What cannot be read is written all the same. Returns the place of the backup. */
static u64 kmem_place_wipe_one(struct dev_dax *dev_dax, u64 block)
{
	const phys_addr_t phys = kmem_place_phys(dev_dax, block);
	const struct kmem_media media = { .need_wb = true };
	struct kmem_persist_superblock *sb;
	__le64 magic, backup = 0;

	sb = phys ? memremap(phys, sizeof(*sb), MEMREMAP_WB) : NULL;
	if (!sb)
		return 0;
	if (kmem_media_read(&media, &magic, &sb->magic, sizeof(magic)) ||
	    le64_to_cpu(magic) == KMEM_PERSIST_MAGIC) {
		if (kmem_media_read(&media, &backup, &sb->backup_dpn, sizeof(backup)))
			backup = 0;
		/* Ordering: R7, pairs with the flush in kmem_persist_sacrifice() */
		kmem_media_store(&media, &sb->magic, 0);
		kmem_media_wb(&media, &sb->magic, sizeof(sb->magic));
		kmem_media_fence(&media);
	}
	memunmap(sb);
	return le64_to_cpu(backup);
}

static int kmem_place_wipe(struct dev_dax *dev_dax, u64 block, void *arg)
{
	/* On a device that has grown the backup is not the last block. */
	const u64 backup = kmem_place_wipe_one(dev_dax, block);

	if (backup)
		kmem_place_wipe_one(dev_dax, backup);
	return 0;
}

/**
 * kmem_persist_sacrifice - make a plain device of one that carries data, by request
 * @dev_dax: the device
 * @request: what the module parameters ask for; @ignore is cleared when it was used
 *
 * Whoever uses the device as RAM destroys the data, but not for sure the superblocks:
 * therefore they go now, or the next kernel would believe them.
 *
 * Context: sleeps. Return: true if the device may be used as plain memory.
 */
bool kmem_persist_sacrifice(struct dev_dax *dev_dax,
			    struct kmem_persist_format_request *request)
{
	if (!sysfs_streq(request->ignore, dev_name(&dev_dax->dev)))
		return false;
	request->ignore[0] = '\0';
	dev_warn(&dev_dax->dev, "kmem.persist_ignore: becomes plain memory, its persistent data is lost\n");
	kmem_persist_visit_places(dev_dax, kmem_place_wipe, NULL);
	if (dev_dax->ops && dev_dax->ops->flush)
		dev_dax->ops->flush(dev_dax->dev.parent);
	return true;
}

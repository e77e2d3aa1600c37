// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: finding the superblock, before there is a direct map
 *
 * The first and the last page of the raw device are mapped one by one. "There is no
 * superblock" may be said only when no place that any kernel may have taken for the
 * start of the device carries the magic.
 */
#include <linux/cleanup.h>
#include <linux/io.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "dax-private.h"
#include "kmem_persist_private.h"

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

static int kmem_persist_read_page(struct dev_dax *dev_dax, u64 dpn,
				  struct kmem_persist_superblock *sb)
{
	const struct kmem_media media = {};
	phys_addr_t phys;
	void *addr;
	int rc;

	phys = dax_pgoff_to_phys(dev_dax, dpn, PAGE_SIZE);
	if (phys == (phys_addr_t)-1)
		return -ERANGE;

	addr = memremap(phys, PAGE_SIZE, MEMREMAP_WB);
	if (!addr)
		return -ENOMEM;
	rc = kmem_media_read(&media, sb, addr, sizeof(*sb));
	memunmap(addr);
	return rc;
}

/**
 * kmem_persist_start_dpn - a place that a kernel may have taken for the start
 * @r: range of the device
 * @block_size: size of memory blocks, with which such a place moves
 *
 * Context: any. Return: the page.
 */
u64 kmem_persist_start_dpn(const struct dev_dax_range *r, u64 block_size)
{
	return r->pgoff + PHYS_PFN(ALIGN(r->range.start, block_size) -
				   r->range.start);
}

/* Does such a place carry the magic? */
static bool kmem_persist_elsewhere(struct dev_dax *dev_dax,
				   struct kmem_persist_superblock *buf,
				   u64 *found)
{
	u64 size;
	int i;

	for (i = 0; i < dev_dax->nr_range; i++) {
		const struct dev_dax_range *r = &dev_dax->ranges[i];

		for (size = MIN_MEMORY_BLOCK_SIZE; size <= SZ_2G; size *= 2) {
			const u64 dpn = kmem_persist_start_dpn(r, size);

			if (kmem_persist_read_page(dev_dax, dpn, buf))
				continue;
			if (kmem_sb_has_magic(buf)) {
				*found = dpn;
				return true;
			}
		}
	}
	return false;
}

/**
 * struct kmem_sb_search - what was found where superblocks may be
 * @primary: copy at dpn 0
 * @backup: copy at @backup_dpn
 * @buf: scratch
 * @backup_dpn: where the backup is looked for
 * @rc: verdicts, see kmem_sb_verify(); or -EIO for a media error
 * @fault: what is wrong with them
 */
struct kmem_sb_search {
	struct kmem_persist_superblock primary;
	struct kmem_persist_superblock backup;
	struct kmem_persist_superblock buf;
	u64 backup_dpn;
	int rc[2];
	struct kmem_sb_fault fault[2];
};

static int kmem_persist_read_sb(struct dev_dax *dev_dax, u64 dpn,
				struct kmem_persist_superblock *sb,
				struct kmem_sb_fault *fault)
{
	int rc = kmem_persist_read_page(dev_dax, dpn, sb);

	if (rc == -EIO)
		*fault = (struct kmem_sb_fault){ .field = "media" };
	return rc ?: kmem_sb_verify(sb, dpn, kmem_persist_dev_pages(dev_dax),
				    fault);
}

/* Nothing there, or not readable any more: the other copy may stand in. */
static bool kmem_sb_is_lost(int rc)
{
	return rc == -ENODATA || rc == -EUCLEAN || rc == -EIO;
}

/**
 * kmem_persist_search - find the superblock
 * @kp: the device, that nobody else knows yet
 *
 * Context: sleeps; no memory of the device is added yet.
 * Return: 0 with the copy to use in @kp->sb; -ENODATA if there is certainly none;
 * -EUCLEAN if the device has to be held, which is done; another errno if the
 * device could not be looked at.
 */
int kmem_persist_search(struct kmem_persist *kp)
{
	struct kmem_sb_search *s __free(kfree) = kzalloc_obj(*s);
	struct dev_dax *dev_dax = kp->dev_dax;
	u64 dpn;

	if (!s)
		return -ENOMEM;

	s->rc[0] = kmem_persist_read_sb(dev_dax, 0, &s->primary, &s->fault[0]);
	if (s->rc[0] && s->rc[0] != -EPROTONOSUPPORT && !kmem_sb_is_lost(s->rc[0]))
		return s->rc[0];

	s->backup_dpn = s->rc[0] ? kp->nr_pages - 1 :
				   le64_to_cpu(s->primary.backup_dpn);
	s->rc[1] = kmem_persist_read_sb(dev_dax, s->backup_dpn, &s->backup,
					&s->fault[1]);
	if (s->rc[1] && s->rc[1] != -EPROTONOSUPPORT && !kmem_sb_is_lost(s->rc[1]))
		return s->rc[1];

	if (!s->rc[0] && !s->rc[1] &&
	    !kmem_sb_same_format(&s->primary, &s->backup)) {
		kmem_persist_hold(kp, "superblock and backup at page %llu differ in format",
				  s->backup_dpn);
		return -EUCLEAN;
	}

	if (!s->rc[0] && !s->rc[1]) {
		*kp->sb = le64_to_cpu(s->primary.generation) >=
			  le64_to_cpu(s->backup.generation) ?
			  s->primary : s->backup;
		return 0;
	}
	if (!s->rc[0] && kmem_sb_is_lost(s->rc[1])) {
		dev_warn(kp->dev, "backup superblock at page %llu damaged (%s: found %#llx, wanted %#llx), rewritten from the primary at attach\n",
			 s->backup_dpn, s->fault[1].field, s->fault[1].found,
			 s->fault[1].wanted);
		*kp->sb = s->primary;
		return 0;
	}
	if (!s->rc[1] && kmem_sb_is_lost(s->rc[0])) {
		dev_warn(kp->dev, "superblock damaged (%s: found %#llx, wanted %#llx), rewritten from the backup at page %llu at attach\n",
			 s->fault[0].field, s->fault[0].found,
			 s->fault[0].wanted, s->backup_dpn);
		*kp->sb = s->backup;
		return 0;
	}

	if (s->rc[0] == -ENODATA && s->rc[1] == -ENODATA) {
		if (!kmem_persist_elsewhere(dev_dax, &s->buf, &dpn))
			return -ENODATA;
		kmem_persist_hold(kp, "superblock at page %llu, not 0; namespace moved?",
				  dpn);
		return -EUCLEAN;
	}

	/* What speaks of the version comes before what is merely damaged. */
	dpn = s->rc[0] == -EPROTONOSUPPORT || s->rc[1] == -ENODATA ? 0 : 1;
	if (s->rc[0] != -EPROTONOSUPPORT && s->rc[1] == -EPROTONOSUPPORT)
		dpn = 1;
	else if (s->rc[0] != -ENODATA)
		dpn = 0;
	kmem_persist_hold(kp, "%s superblock not usable, %s: found %#llx, wanted %#llx; %s",
			  dpn ? "backup" : "primary", s->fault[dpn].field,
			  s->fault[dpn].found, s->fault[dpn].wanted,
			  s->rc[dpn] == -EPROTONOSUPPORT ?
			  "use a kernel that knows it" : "no good copy is left");
	return -EUCLEAN;
}

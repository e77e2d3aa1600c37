/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Media errors, and long work, on demand: inject.c
 */
#ifndef _DAX_KMEM_PERSIST_INJECT_H
#define _DAX_KMEM_PERSIST_INJECT_H

#include <linux/bits.h>
#include <linux/types.h>

struct dentry;
struct device;
struct range;

#define KMEM_PAUSE_ATTACH	BIT(0)	/* before the plugin starts */
#define KMEM_PAUSE_DETACH	BIT(1)	/* before the plugin is asked to leave */
#define KMEM_PAUSE_COMPACT	BIT(2)	/* before the plugin is asked to move data */
#define KMEM_PAUSE_SCRUB	BIT(3)	/* before some pages are erased */
#define KMEM_PAUSE_VISIT	BIT(4)	/* in the memory notifier of a device, going offline */
#define KMEM_PAUSE_TAKE		BIT(5)	/* before what is in a pageblock is moved */
#define KMEM_PAUSE_SETTLE	BIT(6)	/* between the scan and what it has left to settle */
#define KMEM_PAUSE_CLEAR	BIT(7)	/* before a page that was cleared is free */
#define KMEM_PAUSE_GIVE		BIT(8)	/* between two steps of lending all there is */
#define KMEM_PAUSE_PLUGIN	BIT(9)	/* of a plugin, before some of what takes long */
#define KMEM_PAUSE_PLUGIN_DONE	BIT(10)	/* of a plugin, after it */

#define KMEM_CLEARS_SAYS	BIT(0)	/* says that it has cleared them */
#define KMEM_CLEARS_KNOWN	BIT(1)	/* does not know them as bad any more */
#define KMEM_CLEARS_POISON	BIT(2)	/* reads of them do not fail any more */

#ifdef CONFIG_DEV_DAX_KMEM_PERSIST_INJECT
int kmem_inject_init(struct dentry *dir);
void kmem_inject_exit(void);
bool kmem_inject_next_bad(struct device *dev, const struct range *in,
			  struct range *bad);
bool kmem_inject_is_poisoned(phys_addr_t phys);
void kmem_inject_pause(u32 kind, const bool *stop);
bool kmem_inject_starves(void);
bool kmem_inject_clears(void);
bool kmem_inject_clear_bad(struct device *dev, const struct range *bad);

static inline bool kmem_inject_enabled(void)
{
	return true;
}
#else
static inline int kmem_inject_init(struct dentry *dir)
{
	return 0;
}

static inline void kmem_inject_exit(void)
{
}

static inline bool kmem_inject_next_bad(struct device *dev, const struct range *in,
					struct range *bad)
{
	return false;
}

static inline bool kmem_inject_is_poisoned(phys_addr_t phys)
{
	return false;
}

static inline void kmem_inject_pause(u32 kind, const bool *stop)
{
}

static inline bool kmem_inject_starves(void)
{
	return false;
}

static inline bool kmem_inject_clears(void)
{
	return false;
}

static inline bool kmem_inject_clear_bad(struct device *dev, const struct range *bad)
{
	return false;
}

static inline bool kmem_inject_enabled(void)
{
	return false;
}
#endif /* CONFIG_DEV_DAX_KMEM_PERSIST_INJECT */

#endif /* _DAX_KMEM_PERSIST_INJECT_H */

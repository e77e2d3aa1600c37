/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Persistent data in DAX memory that is also system RAM: what plugins may use
 *
 * Concepts and life cycle: persist/device.c. What the hotplug driver calls is
 * in persist/hooks.h; persist/layers says what may know what.
 */
#ifndef _DAX_KMEM_PERSIST_H
#define _DAX_KMEM_PERSIST_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/kmem_persist.h>
#include "persist/media.h"
#include "persist/pages.h"

struct device;
struct kmem_persist;
struct module;
struct wait_queue_entry;

/**
 * struct kmem_persist_ops - a plugin: one way of keeping data on a device
 * @type: what the superblock says, KMEM_PERSIST_TYPE_*
 * @name: for people
 * @owner: pinned while a device uses the plugin
 * @format: lay out an empty device. May allocate pages, fills
 *	    kmem_persist_superblock.plugin of @sb and makes everything but @sb
 *	    durable; the framework writes @sb. Optional.
 * @probe: find the data. Claims every page that holds some with
 *	   dax_kmem_claim_page() and writes nothing to the media: when it has
 *	   returned 0, the framework lends what was not claimed. May change its
 *	   part of kmem_persist_sb(), which the framework writes next.
 * @min_reserve: pages of the reserve without which a device of @nr_pages pages cannot do
 *		 what the plugin promises. Optional.
 * @settle: write what has to be on the media before memory of the device is lent, after
 *	    the superblock was written. May allocate pages. Returns 1 if it has changed its
 *	    part of kmem_persist_sb(), which the framework writes then, before anything is
 *	    lent; otherwise 0 or a negative errno. Optional; after an error @cleanup is
 *	    called with force, nothing is lent, and the superblock is not written again.
 * @start: go into service. The pool is open. Optional; after an error @cleanup
 *	   is called with force.
 * @move: move data out of pages for which dax_kmem_page_moves() is true, as far
 *	  as that is possible, until all is looked at or dax_kmem_is_moving() is
 *	  false. What was moved is durable at its new place before its old page
 *	  is freed; when it returns, all such pages are freed, past any cache of
 *	  the plugin. Does not wait for pages. Returns the pages moved or a
 *	  negative errno. Optional: without it data stays where it is.
 * @event: send uevents with the given environment (KMEM_EVENT and more) for what
 *	   users see of the plugin. Optional.
 * @cleanup: detach. Returns -EBUSY and changes nothing when in use, unless
 *	     @force, which must succeed. May change its part of
 *	     kmem_persist_sb(), which the framework writes afterwards.
 * @next: framework's, list of all plugins
 * @ref_count: framework's, devices attached to the plugin
 *
 * All operations may sleep and are called one at a time, with the device's life cycle
 * lock held; but @move and @event, which may run while users change settings, at the
 * same time, and without that lock. Neither runs during any other operation.
 *
 * @move is asked for many pages at once and not page by page, because only the
 * plugin's metadata knows who refers to a page: one look through all of it is
 * cheaper than a way back from every page to its owner.
 */
struct kmem_persist_ops {
	u32 type;
	const char *name;
	struct module *owner;
	int (*format)(struct kmem_persist *kp,
		      struct kmem_persist_superblock *sb);
	int (*probe)(struct kmem_persist *kp,
		     const struct kmem_persist_superblock *sb);
	u64 (*min_reserve)(u64 nr_pages);
	int (*settle)(struct kmem_persist *kp);
	int (*start)(struct kmem_persist *kp);
	long (*move)(struct kmem_persist *kp);
	void (*event)(struct kmem_persist *kp, char *envp[]);
	int (*cleanup)(struct kmem_persist *kp, bool force);

	struct list_head next;
	unsigned int ref_count;
};

int kmem_persist_type_register(struct kmem_persist_ops *ops);
int kmem_persist_type_unregister(struct kmem_persist_ops *ops);

/* The device. */
struct device *kmem_persist_dev(const struct kmem_persist *kp);
const struct kmem_media *kmem_persist_media(const struct kmem_persist *kp);
struct kmem_persist_superblock *kmem_persist_sb(struct kmem_persist *kp);
int kmem_persist_try_change(struct kmem_persist *kp);
int kmem_persist_write_change(struct kmem_persist *kp);
void kmem_persist_end_change(struct kmem_persist *kp);
void kmem_persist_stand_still(bool done, const bool *stop);
void kmem_persist_set_priv(struct kmem_persist *kp, void *priv);
void *kmem_persist_priv(const struct kmem_persist *kp);
void kmem_persist_get_user(struct kmem_persist *kp);
void kmem_persist_put_user(struct kmem_persist *kp);
u64 kmem_persist_reserve_pages(const struct kmem_persist *kp);

/* Pages: see persist/pages.h, too. */
u64 dax_kmem_num_pages(const struct kmem_persist *kp);
u64 dax_kmem_num_lent(const struct kmem_persist *kp);
void *dax_kmem_index_to_kaddr(const struct kmem_persist *kp, u64 dpn);
int dax_kmem_claim_page(struct kmem_persist *kp, u64 dpn);
unsigned int dax_kmem_claim_groups(struct kmem_persist *kp,
				   const struct kmem_page_group *groups,
				   unsigned int nr, bool shared);
void dax_kmem_unclaim(struct kmem_persist *kp);
void dax_kmem_scanned(struct kmem_persist *kp, u64 bytes);
unsigned int dax_kmem_alloc_pages(struct kmem_persist *kp, u64 *dpns,
				  unsigned int nr, unsigned int flags);
void dax_kmem_free_pages(struct kmem_persist *kp, const u64 *dpns,
			 unsigned int nr);
void dax_kmem_add_waiter(struct kmem_persist *kp, struct wait_queue_entry *entry);
void dax_kmem_del_waiter(struct kmem_persist *kp, struct wait_queue_entry *entry);
void dax_kmem_wait_begin(struct kmem_persist *kp, unsigned int nr);
void dax_kmem_wait_end(struct kmem_persist *kp, unsigned int nr, unsigned long start,
		       bool got);
void *dax_kmem_alloc_kaddr(struct kmem_persist *kp, u64 *dpn, unsigned int flags);
void dax_kmem_lend(struct kmem_persist *kp);
bool dax_kmem_zero_on_free(const struct kmem_persist *kp);
bool dax_kmem_erases(const struct kmem_persist *kp);
void dax_kmem_no_space(struct kmem_persist *kp, unsigned int flags);
bool dax_kmem_has_space(const struct kmem_persist *kp, unsigned int flags);
bool dax_kmem_is_moving(const struct kmem_persist *kp);
bool dax_kmem_page_moves(const struct kmem_persist *kp, u64 dpn);
bool dax_kmem_has_bad(const struct kmem_persist *kp);
bool dax_kmem_page_is_bad(const struct kmem_persist *kp, u64 dpn);
void dax_kmem_count_error(struct kmem_persist *kp, u64 dpn);
void dax_kmem_media_error(struct kmem_persist *kp, u64 dpn);
void dax_kmem_mark_bad(struct kmem_persist *kp, u64 dpn);

#endif /* _DAX_KMEM_PERSIST_H */

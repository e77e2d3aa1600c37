// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: persistent data in DAX memory that is also system RAM
 *
 * Storage owns every page of the device and lends what it does not use to the
 * kernel as RAM. A superblock at the start of the device says which plugin keeps
 * data on it; the plugin says which pages hold data; all others go to the page
 * allocator. While the system runs the boundary moves in both directions, in
 * pageblocks, and no memory block has to go offline for it.
 *
 * Life of a device, driven by the hotplug driver (kmem.c):
 *
 *  1. kmem_persist_prepare() reads the superblock before any memory is added.
 *     No superblock and no format asked for: the device is plain, and none of
 *     this concerns it. Anything that is not understood: the device is *held*,
 *     its memory is added but nothing is released and nothing is written.
 *  2. The memory is added with MHP_ALLOCATE: whenever a block goes online its
 *     pages stay with us.
 *  3. kmem_persist_attach() finds the plugin, formats if that was asked for, lets
 *     the plugin claim the pages with data, and lends the rest.
 *  4. kmem_persist_detach() is called before the memory is removed. The plugin
 *     refuses when it is in use, or is forced out.
 *  5. kmem_persist_destroy() when the memory is gone; or, when memory blocks could
 *     not be removed, kmem_persist_abandon(): what is known about them stays, so
 *     that they are safe whenever they go online again.
 *
 * On any doubt about data: release nothing, write nothing.
 */
#include <linux/async.h>
#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/ratelimit.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/timekeeping.h>
#include <linux/utsname.h>
#include <linux/uuid.h>
#include <linux/wait_bit.h>
#include "../dax-private.h"
#include "private.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* How long a system that goes down waits for who is at work on a device. */
#define KMEM_SHUTDOWN_TRIES	100U
#define KMEM_SHUTDOWN_PAUSE	10	/* ms */

static LIST_HEAD(kmem_persist_devices);
static DEFINE_MUTEX(kmem_persist_devices_lock);	/* the list; nothing is done under it */

static uuid_t kmem_persist_boot_id;

static struct dentry *kmem_persist_debugfs;

/**
 * kmem_persist_dev - the DAX device, for messages
 * @kp: the device
 *
 * Context: any.
 */
struct device *kmem_persist_dev(const struct kmem_persist *kp)
{
	return kp->dev;
}
EXPORT_SYMBOL_GPL(kmem_persist_dev);

/**
 * kmem_persist_media - what the media calls need
 * @kp: the device
 *
 * Context: any.
 */
const struct kmem_media *kmem_persist_media(const struct kmem_persist *kp)
{
	return &kp->media;
}
EXPORT_SYMBOL_GPL(kmem_persist_media);

/**
 * kmem_persist_sb - the superblock that is written next
 * @kp: the device
 *
 * Context: from the plugin's operations that may change it.
 */
struct kmem_persist_superblock *kmem_persist_sb(struct kmem_persist *kp)
{
	return kp->sb_next;
}
EXPORT_SYMBOL_GPL(kmem_persist_sb);

/**
 * kmem_persist_read_only - must nothing be written to the device?
 * @kp: the device
 *
 * Context: any.
 */
bool kmem_persist_read_only(const struct kmem_persist *kp)
{
	return kp->info.read_only ||
	       le32_to_cpu(kp->sb->state) & KMEM_PERSIST_STATE_READONLY;
}
EXPORT_SYMBOL_GPL(kmem_persist_read_only);

/**
 * kmem_persist_set_priv - remember the plugin's data
 * @kp: the device
 * @priv: the data
 *
 * Context: from the plugin's operations.
 */
void kmem_persist_set_priv(struct kmem_persist *kp, void *priv)
{
	kp->priv = priv;
}
EXPORT_SYMBOL_GPL(kmem_persist_set_priv);

/**
 * kmem_persist_priv - the plugin's data
 * @kp: the device
 *
 * Context: any.
 */
void *kmem_persist_priv(const struct kmem_persist *kp)
{
	return kp->priv;
}
EXPORT_SYMBOL_GPL(kmem_persist_priv);

/**
 * kmem_persist_get_user - somebody begins to use the data
 * @kp: the device
 *
 * While there are users, no memory block of the device goes offline, unless that was
 * allowed: tools that take a device back offline all of it before they unbind it,
 * which cannot fail any more. Context: any.
 */
void kmem_persist_get_user(struct kmem_persist *kp)
{
	atomic_inc(&kp->users);
}
EXPORT_SYMBOL_GPL(kmem_persist_get_user);

/**
 * kmem_persist_put_user - counterpart of kmem_persist_get_user()
 * @kp: the device
 *
 * Context: any.
 */
void kmem_persist_put_user(struct kmem_persist *kp)
{
	atomic_dec(&kp->users);
}
EXPORT_SYMBOL_GPL(kmem_persist_put_user);

/**
 * kmem_persist_lock_active - take the life cycle lock of a device that is in service
 * @kp: the device
 *
 * For who changes settings. While the device is active nothing takes long under the
 * lock but taking it out of service.
 *
 * Context: sleeps. Return: 0, with kmem_persist.lock held; -ENODEV if there is no plugin
 * whose business settings would be; -EINTR.
 */
int kmem_persist_lock_active(struct kmem_persist *kp)
{
	int rc;

	/* Who attaches it holds the lock, perhaps for long. */
	if (READ_ONCE(kp->state) == KMEM_PERSIST_ACTIVE) {
		rc = mutex_lock_interruptible(&kp->lock);
		if (rc)
			return rc;
		if (kp->state == KMEM_PERSIST_ACTIVE)
			return 0;
		mutex_unlock(&kp->lock);
	}
	dev_warn(kp->dev, "settings are refused while the device is not active, see persist/state and persist/reason\n");
	return -ENODEV;
}

/**
 * kmem_persist_hold - hold the device back, for good unless a plugin can still come
 * @kp: the device
 * @fmt: why, for persist/reason and the log
 *
 * Context: may sleep; kmem_persist.lock held, or nobody else knows @kp yet.
 */
void kmem_persist_hold(struct kmem_persist *kp, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	scoped_guard(spinlock, &kp->text_lock)
		vscnprintf(kp->reason, sizeof(kp->reason), fmt, args);
	va_end(args);

	kp->state = KMEM_PERSIST_HELD;
	dev_warn(kp->dev, "held, nothing is released and nothing written: %s\n",
		 kp->reason);
}

/*
 * Segments.
 */

static int kmem_segment_cmp(const void *a, const void *b)
{
	const struct kmem_segment *x = a, *y = b;

	/* Largest first: most look-ups end at the first. */
	if (x->nr_pages != y->nr_pages)
		return x->nr_pages > y->nr_pages ? -1 : 1;
	return 0;
}

static void kmem_persist_add_segment(struct kmem_persist *kp, int range,
				     u64 start, u64 end, bool hotplug)
{
	const struct dev_dax_range *r = &kp->dev_dax->ranges[range];

	if (start >= end)
		return;
	kp->segments[kp->num_segments++] = (struct kmem_segment){
		.first_dpn = r->pgoff + PHYS_PFN(start - r->range.start),
		.nr_pages = PHYS_PFN(end - start),
		.phys = start,
		.range = range,
		.hotplug = hotplug,
	};
}

static int kmem_segment_remap(struct kmem_segment *seg)
{
	seg->kaddr = memremap(seg->phys, seg->nr_pages << PAGE_SHIFT,
			      MEMREMAP_WB);
	if (!seg->kaddr)
		return -ENOMEM;
	seg->remapped = true;
	return 0;
}

static int kmem_persist_init_segments(struct kmem_persist *kp)
{
	const struct dev_dax *dev_dax = kp->dev_dax;
	unsigned int i;
	int rc;

	kp->segments = kzalloc_objs(*kp->segments, 3 * dev_dax->nr_range);
	if (!kp->segments)
		return -ENOMEM;

	for (i = 0; i < dev_dax->nr_range; i++) {
		const struct range *raw = &dev_dax->ranges[i].range;
		struct range mid = memory_block_aligned_range(raw);

		if (mid.start >= mid.end) {
			kmem_persist_add_segment(kp, i, raw->start,
						 raw->end + 1, false);
			continue;
		}
		kmem_persist_add_segment(kp, i, raw->start, mid.start, false);
		kmem_persist_add_segment(kp, i, mid.start, mid.end + 1, true);
		kmem_persist_add_segment(kp, i, mid.end + 1, raw->end + 1, false);
	}
	sort(kp->segments, kp->num_segments, sizeof(*kp->segments),
	     kmem_segment_cmp, NULL);

	for (i = 0; i < kp->num_segments; i++) {
		if (kp->segments[i].hotplug)
			continue;
		rc = kmem_segment_remap(&kp->segments[i]);
		if (rc)
			return rc;
	}
	return 0;
}

static void kmem_persist_unmap(struct kmem_persist *kp)
{
	unsigned int i;

	for (i = 0; i < kp->num_segments; i++)
		if (kp->segments[i].remapped)
			memunmap(kp->segments[i].kaddr);
	kfree(kp->segments);
}

/* A range that could not be added may hold data, and may be somebody else's. */
static int kmem_persist_map_added(struct kmem_persist *kp,
				  struct resource *const *added)
{
	unsigned int i;

	for (i = 0; i < kp->num_segments; i++) {
		struct kmem_segment *seg = &kp->segments[i];

		if (!seg->hotplug)
			continue;
		if (!added[seg->range])
			return -EBUSY;
		seg->kaddr = __va(seg->phys);
	}
	return 0;
}

/*
 * Attach and detach.
 */

/**
 * kmem_persist_change_sb - begin to change the superblock
 * @kp: the device
 *
 * Ends with kmem_persist_write_sb(); without that nothing has happened, and who begins
 * next begins from what is on the media. Context: kmem_persist.lock held.
 * Return: a copy that may be changed.
 */
struct kmem_persist_superblock *kmem_persist_change_sb(struct kmem_persist *kp)
{
	lockdep_assert_held(&kp->lock);
	*kp->sb_next = *kp->sb;
	return kp->sb_next;
}

/* What was written is the superblock now, with so many of the errors. */
static void kmem_persist_adopt_sb(struct kmem_persist *kp, u64 errors)
{
	guard(spinlock)(&kp->pool_lock);
	guard(spinlock)(&kp->text_lock);
	*kp->sb = *kp->sb_next;
	kp->errors.count -= errors;
}

/* Pages of a mask of places, as text. */
static const char *kmem_persist_places_text(unsigned int mask, char *text, size_t size)
{
	int len = 0;

	*text = '\0';
	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		if (mask >> i & 1)
			len += scnprintf(text + len, size - len, "%s%llu", len ? ", " : "",
					 kmem_sb_places[i]);
	return text;
}

/* Said once for each place that is lost while the device is bound. */
static void kmem_persist_say_places(struct kmem_persist *kp)
{
	const unsigned int holds = hweight32(kp->sb_set.holds);
	char text[32];

	if (!(kp->sb_set.bad & ~kp->sb_said))
		return;
	kp->sb_said = kp->sb_set.bad;
	kmem_persist_places_text(kp->sb_set.bad, text, sizeof(text));
	if (holds >= KMEM_SB_ENOUGH)
		dev_warn(kp->dev, "no superblock can be written to page %s, %u copies are left; see ndctl clear-errors\n",
			 text, holds);
	else
		dev_err(kp->dev, "degraded: no superblock can be written to page %s, %u copies are left, one more and nothing can be changed; see ndctl clear-errors\n",
			text, holds);
}

/**
 * kmem_persist_write_sb - update the superblock
 * @kp: the device
 *
 * What was changed since kmem_persist_change_sb(), and what has to be known about errors.
 * Until this returns 0 everything that the superblock has referred to stays as it is.
 *
 * Context: may sleep; kmem_persist.lock held.
 * Return: 0, it is durable, and @kp->sb; -EIO if too few places take it: logged, and
 * @kp->sb is what it was.
 */
int kmem_persist_write_sb(struct kmem_persist *kp)
{
	struct kmem_errors errors;
	int rc;

	lockdep_assert_held(&kp->lock);
	kmem_bad_merge_errors(kp, &errors);
	rc = kmem_sb_write(&kp->media, kp->sb_next, &kp->sb_set);
	WRITE_ONCE(kp->sb_copies, rc ? KMEM_PERSIST_NR_PLACES - hweight32(kp->sb_set.bad) :
				       hweight32(kp->sb_set.holds));
	if (rc) {
		dev_err(kp->dev, "the superblock cannot be updated: fewer than %u places take it (found %u); see ndctl clear-errors, and bind the device again\n",
			KMEM_SB_LEAST, kp->sb_copies);
		return rc;
	}
	kmem_persist_say_places(kp);
	kmem_persist_adopt_sb(kp, errors.count);
	return 0;
}

/* Where the copies are, now that the memory of the device is mapped. */
static void kmem_persist_find_places(struct kmem_persist *kp)
{
	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		kp->sb_set.place[i] = dax_kmem_index_to_kaddr(kp, kmem_sb_places[i]);
	kp->sb_set.bad = 0;
}

/**
 * dax_kmem_unclaim - nothing is known to hold data, but the pages of the superblocks
 * @kp: the device
 *
 * Only from &kmem_persist_ops.probe, to look for the data once more. What lies below
 * KMEM_PERSIST_FIRST_PAGE is never lent or handed out, whether or not there is a copy: what
 * a user writes must not be able to lie where a superblock is looked for.
 *
 * Context: may sleep.
 */
void dax_kmem_unclaim(struct kmem_persist *kp)
{
	/* All that is not claimed would be lent. */
	if (WARN_ON_ONCE(READ_ONCE(kp->lend)))
		return;
	kmem_pool_forget(kp);
	for (u64 dpn = 0; dpn < KMEM_PERSIST_FIRST_PAGE; dpn++)
		dax_kmem_claim_page(kp, dpn);
}
EXPORT_SYMBOL_GPL(dax_kmem_unclaim);

/**
 * dax_kmem_scanned - say how much was read to find the data
 * @kp: the device
 * @bytes: how much
 *
 * Only from &kmem_persist_ops.probe. Users see it.
 *
 * Context: any.
 */
void dax_kmem_scanned(struct kmem_persist *kp, u64 bytes)
{
	WRITE_ONCE(kp->scan_bytes, bytes);
}
EXPORT_SYMBOL_GPL(dax_kmem_scanned);

/* For a format: what stays could come back one day. */
static int kmem_persist_erase_all(struct kmem_persist *kp)
{
	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		if (!kmem_sb_erase(&kp->media, kp->sb_set.place[i]))
			continue;
		dev_err(kp->dev, "page %llu, where superblocks are, cannot be erased; see ndctl clear-errors\n",
			kmem_sb_places[i]);
		return -EIO;
	}
	return 0;
}

/*
 * The format that is in @kp->sb, and durable, is the one of this device from now on: the
 * marker says so, and where there is none the device remembers it until the next boot,
 * which needs to be told.
 */
static int kmem_persist_vouch(struct kmem_persist *kp)
{
	struct dax_persist_accept *accept = &kp->dev_dax->persist_accept;
	struct kmem_persist_marker *marker __free(kfree) = NULL;
	u8 ns_uuid[UUID_SIZE];
	int rc;

	kp->vouched = false;
	if (kp->anonymous) {
		accept->kind = DAX_PERSIST_ACCEPT_UUID;
		accept->has_hash = true;
		import_uuid(&accept->uuid, kp->sb->uuid);
		kmem_persist_hash(kp->sb, accept->hash);
		dev_notice(kp->dev, "not a namespace: kept over the next boot only with kmem.persist_accept=%pUb:%16phN on its command line\n",
			   &accept->uuid, accept->hash);
		return 0;
	}
	marker = kzalloc_obj(*marker);
	if (!marker)
		return -ENOMEM;
	export_uuid(ns_uuid, &kp->info.uuid);
	kmem_marker_init(marker, kp->sb, ns_uuid);
	rc = kmem_persist_write_marker(kp->dev_dax, marker);
	memzero_explicit(marker, sizeof(*marker));
	if (!rc)
		*accept = (struct dax_persist_accept){};
	return rc;
}

/*
 * One device with a uuid at a time, as links and users know devices by it. From before it
 * is attached until its memory is gone. Returns false if another one has it.
 */
static bool kmem_persist_own_uuid(struct kmem_persist *kp, const uuid_t *uuid)
{
	struct kmem_persist *other;

	guard(mutex)(&kmem_persist_devices_lock);
	list_for_each_entry(other, &kmem_persist_devices, node) {
		if (other == kp || !uuid_equal(&other->owned_uuid, uuid))
			continue;
		kmem_persist_hold(kp,
				  "%s has the same uuid and is in use; detach that one, or give one of them a new uuid with kmem-persist",
				  dev_name(other->dev));
		return false;
	}
	uuid_copy(&kp->owned_uuid, uuid);
	return true;
}

static void kmem_persist_disown_uuid(struct kmem_persist *kp)
{
	guard(mutex)(&kmem_persist_devices_lock);
	uuid_copy(&kp->owned_uuid, &uuid_null);
}

/* The uuid that the device has, or that its format will have. */
static void kmem_persist_choose_uuid(const struct kmem_persist *kp, uuid_t *uuid)
{
	const struct dax_persist_request *asked = &kp->dev_dax->persist_format;

	if (kp->format_type < 0)
		import_uuid(uuid, kp->sb->uuid);
	else if (asked->type >= 0 && !uuid_is_null(&asked->uuid))
		uuid_copy(uuid, &asked->uuid);
	else
		uuid_gen(uuid);
}

static int kmem_persist_format(struct kmem_persist *kp,
			       struct kmem_persist_ops *ops)
{
	const struct dax_persist_request *asked = &kp->dev_dax->persist_format;
	struct kmem_persist_superblock *sb = kmem_persist_change_sb(kp);
	int rc;

	/* Nobody vouches for what is half gone. */
	if (!kp->anonymous) {
		rc = kmem_persist_write_marker(kp->dev_dax, NULL);
		if (rc)
			return rc;
	}
	rc = kmem_persist_erase_all(kp);
	if (rc)
		return rc;

	kmem_sb_init(sb, ops->type, kp->nr_pages);
	/* What stays of another format, and is read one day, is not newer. */
	sb->generation = cpu_to_le64(kp->sb_seen);
	export_uuid(sb->uuid, &kp->owned_uuid);
	export_uuid(sb->meta_uuid, &kp->owned_uuid);
	do
		get_random_bytes(sb->key, sizeof(sb->key));
	while (kmem_sb_is_older(sb));
	if (asked->type >= 0)
		memcpy(sb->label, asked->label, sizeof(sb->label));
	if (!kp->anonymous)
		export_uuid(sb->ns_uuid, &kp->info.uuid);
	sb->memblock_mib = cpu_to_le32(memory_block_size_bytes() / SZ_1M);
	sb->format_time = cpu_to_le64(ktime_get_real_seconds());
	sb->state = cpu_to_le32(KMEM_PERSIST_STATE_CLEAN);
	scnprintf(sb->creator, sizeof(sb->creator), "Linux %s",
		  init_utsname()->release);

	dax_kmem_unclaim(kp);
	rc = kmem_pool_rebuild(kp);
	if (!rc && ops->format)
		rc = ops->format(kp, sb);
	if (rc)
		return rc;

	rc = kmem_sb_write_first(&kp->media, sb, &kp->sb_set);
	if (rc)
		return rc;
	kmem_persist_adopt_sb(kp, 0);
	rc = kmem_persist_vouch(kp);
	if (rc)
		return rc;
	kp->format_type = -1;
	kp->dev_dax->persist_format = (struct dax_persist_request){ .type = -1 };
	dev_info(kp->dev, "formatted with type %u (%s), uuid %pUb\n", ops->type,
		 ops->name, sb->uuid);
	return 0;
}

/* What the device remembers of its settings; the rest is as ever. */
static void kmem_persist_load_settings(struct kmem_persist *kp)
{
	const u64 reserve = le64_to_cpu(kp->sb->reserve_bytes) >> PAGE_SHIFT;
	const u64 limit = le64_to_cpu(kp->sb->limit_bytes) >> PAGE_SHIFT;

	if (reserve && reserve < kp->min_reserve)
		dev_warn(kp->dev, "the reserve of %llu bytes, as it was set, is too small: %llu are used, set it anew\n",
			 reserve << PAGE_SHIFT, kp->min_reserve << PAGE_SHIFT);
	WRITE_ONCE(kp->reserve, reserve ? clamp(reserve, kp->min_reserve, kp->nr_pages / 2) :
					  kmem_pool_default_reserve(kp));
	WRITE_ONCE(kp->limit, limit ?: U64_MAX);
	WRITE_ONCE(kp->zero_on_free, le64_to_cpu(kp->sb->feat_ro_compat) &
				     KMEM_PERSIST_RO_ZERO_ON_FREE);
}

/*
 * The superblock says from now on that the device is in use. What it said before is first
 * made complete.
 */
static int kmem_persist_mark_attached(struct kmem_persist *kp)
{
	struct kmem_persist_superblock *sb = kp->sb_next;
	u32 state = le32_to_cpu(sb->state);

	if (!(state & KMEM_PERSIST_STATE_CLEAN))
		le32_add_cpu(&sb->unclean_count, 1);
	sb->state = cpu_to_le32(state & ~KMEM_PERSIST_STATE_CLEAN);
	le32_add_cpu(&sb->attach_count, 1);
	sb->attach_time = cpu_to_le64(ktime_get_real_seconds());
	export_uuid(sb->boot_id, &kmem_persist_boot_id);
	if (kp->vouched && !kp->anonymous)
		export_uuid(sb->ns_uuid, &kp->info.uuid);
	if (kp->info.persistence == DAX_PERSISTENCE_NONE)
		dev_warn(kp->dev, "what is written may be lost when power fails: nothing says that the region is persistent\n");
	kmem_sb_restore(&kp->media, kp->sb, &kp->sb_set);
	return kmem_persist_write_sb(kp);
}

/*
 * From now on it is ours, and in use. If root vouches for it, each step leaves what is held
 * until root says it again: the marker is there first, but not valid.
 */
static int kmem_persist_take_over(struct kmem_persist *kp)
{
	int rc = 0;

	if (kp->vouched && !kp->anonymous)
		rc = kmem_persist_open_marker(kp->dev_dax);
	if (!rc)
		rc = kmem_persist_mark_attached(kp);
	if (!rc && kp->vouched)
		rc = kmem_persist_vouch(kp);
	return rc;
}

/*
 * Metadata is in one version when this returns 0, and nothing else is referred to. @reading:
 * is it the plugin that could not do its part, for what it cannot read any more?
 */
static int kmem_persist_settle(struct kmem_persist *kp, struct kmem_persist_ops *ops,
			       bool *reading)
{
	int rc;

	if (!ops->settle)
		return 0;
	kmem_persist_change_sb(kp);
	rc = ops->settle(kp);
	*reading = rc < 0;
	return rc > 0 ? kmem_persist_write_sb(kp) : rc;
}

static void kmem_persist_mark_detached(struct kmem_persist *kp)
{
	struct kmem_persist_superblock *sb = kp->sb_next;

	sb->state = cpu_to_le32(le32_to_cpu(sb->state) |
				KMEM_PERSIST_STATE_CLEAN);
	sb->detach_time = cpu_to_le64(ktime_get_real_seconds());
	kmem_persist_write_sb(kp);
}

static int kmem_persist_probe(struct kmem_persist *kp, struct kmem_persist_ops *ops)
{
	const u64 start = ktime_get_ns();
	int rc;

	WRITE_ONCE(kp->scan_bytes, 0);
	rc = ops->probe(kp, kp->sb_next);
	WRITE_ONCE(kp->scan_ns, ktime_get_ns() - start);
	if (rc)
		WRITE_ONCE(kp->scan_bytes, 0);
	return rc;
}

/* Let the plugin find its data. Nothing is written unless that is a format. */
static int kmem_persist_find_data(struct kmem_persist *kp,
				  struct kmem_persist_ops *ops)
{
	uuid_t uuid;
	int rc;

	kmem_persist_choose_uuid(kp, &uuid);
	if (!kmem_persist_own_uuid(kp, &uuid))
		return -EEXIST;
	kmem_persist_find_places(kp);
	kp->min_reserve = ops->min_reserve ? ops->min_reserve(kp->nr_pages) : 0;
	WRITE_ONCE(kp->reserve, kmem_pool_default_reserve(kp));
	if (kp->format_type >= 0) {
		rc = kmem_persist_format(kp, ops);
		if (rc) {
			kmem_persist_hold(kp,
					  "formatting with type %u (%s) failed: %pe; remove the cause and bind it again",
					  ops->type, ops->name, ERR_PTR(rc));
			return rc;
		}
	}

	kmem_persist_load_settings(kp);
	/* It may have grown since. Pages behind the old end hold no data. */
	kmem_persist_change_sb(kp)->dev_bytes =
		cpu_to_le64(kp->nr_pages << KMEM_PERSIST_BLOCK_SHIFT);
	dax_kmem_unclaim(kp);
	rc = kmem_persist_probe(kp, ops);
	if (rc) {
		kmem_persist_hold(kp, "type %u (%s) refuses the data: %pe; the log has details",
				  ops->type, ops->name, ERR_PTR(rc));
		return rc;
	}

	rc = kmem_pool_rebuild(kp);
	if (rc) {
		kmem_persist_hold(kp, "data was found in memory that is lent: %pe; reboot",
				  ERR_PTR(rc));
		ops->cleanup(kp, true);
	}
	return rc;
}

/* From now on who does not hold the life cycle lock may call the plugin. */
static void kmem_persist_publish(struct kmem_persist *kp,
				 struct kmem_persist_ops *ops)
{
	scoped_guard(rwsem_write, &kp->plugin_sem)
		kp->ops = ops;
	/* What changed while nobody could be told, or could do anything about it. */
	kmem_pressure_space_changed(kp);
	if (kmem_pool_is_scattered(kp))
		kmem_compact_kick(kp);
	kmem_scrub_start(kp);
	kmem_bad_clear_start(kp);
}

/*
 * The device does not take what an attach has to write, or (@reading) a node of the map that
 * could be read a moment ago cannot be read now: the next attach knows, and uses its twin.
 */
static void kmem_persist_not_taken(struct kmem_persist *kp, int rc, bool reading, bool again)
{
	if (again) {
		scoped_guard(spinlock, &kp->text_lock)
			scnprintf(kp->reason, sizeof(kp->reason),
				  "superblock or map cannot be written: %pe", ERR_PTR(rc));
		return;
	}
	kmem_pool_forget(kp);
	if (reading)
		kmem_persist_hold(kp,
				  "a node of the map can no longer be read: %pe; unbind the device and bind it again",
				  ERR_PTR(rc));
	else
		kmem_persist_hold(kp,
				  "superblock or marker of the namespace cannot be written: %pe; see ndctl clear-errors",
				  ERR_PTR(rc));
}

static int kmem_persist_attach_ops(struct kmem_persist *kp,
				   struct kmem_persist_ops *ops)
{
	const bool again = kp->state == KMEM_PERSIST_DETACHED;
	struct kmem_pool_saved *saved = NULL;
	bool clean, reading = false;
	int rc;

	kmem_exchange_stop(kp);
	/* After a failed unplug: what is lent must stay accounted for. */
	if (again) {
		saved = kmem_pool_save(kp);
		if (!saved) {
			scoped_guard(spinlock, &kp->text_lock)
				strscpy(kp->reason, "no memory to remember what is lent");
			kmem_exchange_start(kp);
			return -ENOMEM;
		}
	}
	rc = kmem_persist_find_data(kp, ops);
	if (rc && again) {
		kmem_pool_restore(kp, saved);
		kp->state = KMEM_PERSIST_DETACHED;
		kmem_exchange_start(kp);
		return rc;
	}
	kvfree(saved);
	if (rc) {
		kmem_pool_forget(kp);
		return rc;
	}

	clean = le32_to_cpu(kp->sb->state) & KMEM_PERSIST_STATE_CLEAN;
	kmem_scrub_prepare(kp, clean);
	rc = kmem_persist_take_over(kp);
	if (!rc)
		rc = kmem_persist_settle(kp, ops, &reading);
	/*
	 * What is lent must stay accounted for here, too. No more is lent: what only an old
	 * superblock, or one copy of a node, refers to is free, and may be believed one day.
	 */
	if (rc) {
		ops->cleanup(kp, true);
		kmem_persist_not_taken(kp, rc, reading, again);
		return rc;
	}
	WRITE_ONCE(kp->compact_stop, false);
	kmem_exchange_start(kp);
	kmem_copy_choose(kp);
	kmem_inject_pause(KMEM_PAUSE_ATTACH, NULL);

	/* From here on it does not take long, and settings wait for it. */
	WRITE_ONCE(kp->state, KMEM_PERSIST_ACTIVE);
	rc = ops->start ? ops->start(kp) : 0;
	if (!rc) {
		kmem_persist_publish(kp, ops);
		return 0;
	}

	/* The data is known and safe, so what was lent may stay lent. */
	kmem_persist_change_sb(kp);
	ops->cleanup(kp, true);
	kmem_persist_mark_detached(kp);
	WRITE_ONCE(kp->state, KMEM_PERSIST_DETACHED);
	scoped_guard(spinlock, &kp->text_lock)
		scnprintf(kp->reason, sizeof(kp->reason), "type %u (%s) could not start: %pe",
			  ops->type, ops->name, ERR_PTR(rc));
	return rc;
}

static void kmem_persist_attach_type(struct kmem_persist *kp, u32 type)
{
	struct kmem_persist_ops *ops;
	struct kmem_usage usage;
	int rc;

	ops = kmem_persist_type_get(type);
	kp->waiting = !ops;
	if (!ops) {
		kmem_persist_hold(kp, "no plugin for type %u; load its module",
				  type);
		if (current_is_async())
			queue_work(system_dfl_long_wq, &kp->attach_work);
		return;
	}
	rc = kmem_persist_attach_ops(kp, ops);
	trace_kmem_persist_attach(kp->dev, type, rc);
	if (rc) {
		if (kp->state == KMEM_PERSIST_HELD)
			kmem_persist_disown_uuid(kp);
		kmem_persist_type_put(ops);
		if (kp->state == KMEM_PERSIST_DETACHED)
			dev_err(kp->dev, "stays detached, its data untouched: %s; unplug it, and plug it again\n",
				kp->reason);
		return;
	}
	scoped_guard(spinlock, &kp->text_lock)
		kp->reason[0] = '\0';

	kmem_pool_usage(kp, &usage);
	dev_info(kp->dev, "attached, type %u (%s), uuid %pUb: %llu MiB, %llu MiB hold data, %llu MiB lent as RAM\n",
		 ops->type, ops->name, kp->sb->uuid,
		 usage.capacity >> (20 - PAGE_SHIFT),
		 usage.stored >> (20 - PAGE_SHIFT),
		 usage.lent >> (20 - PAGE_SHIFT));
}

/* Attach if that is possible now; otherwise the device is held. */
static void kmem_persist_try_attach(struct kmem_persist *kp)
{
	const u32 type = kp->format_type >= 0 ? kp->format_type :
						le32_to_cpu(kp->sb->type);

	lockdep_assert_held(&kp->lock);
	if (kp->doomed || kp->state == KMEM_PERSIST_ACTIVE)
		return;

	if (kmem_guard_attach_begin()) {
		kmem_persist_attach_type(kp, type);
		kmem_guard_attach_end();
	} else {
		kp->waiting = true;
		kmem_persist_hold(kp, "the system is being hibernated; attaches when that is over");
	}
}

static void kmem_persist_attach_work(struct work_struct *work)
{
	struct kmem_persist *kp = container_of(work, struct kmem_persist,
					       attach_work);

	guard(mutex)(&kp->lock);
	if (kp->waiting)
		kmem_persist_try_attach(kp);
}

/**
 * kmem_persist_retry_waiting - what they wait for may be there: let devices attach
 *
 * Context: sleeps; does not wait for the attaching.
 */
void kmem_persist_retry_waiting(void)
{
	struct kmem_persist *kp;

	guard(mutex)(&kmem_persist_devices_lock);
	list_for_each_entry(kp, &kmem_persist_devices, node)
		if (!kp->abandoned)
			queue_work(system_dfl_long_wq, &kp->attach_work);
}

/**
 * kmem_persist_ask_bad - a region may know of more bad pages
 * @parent: its parent device
 *
 * Context: sleeps; does not wait for who is at work on a device.
 */
void kmem_persist_ask_bad(const struct device *parent)
{
	struct kmem_persist *kp;

	guard(mutex)(&kmem_persist_devices_lock);
	list_for_each_entry(kp, &kmem_persist_devices, node)
		if (!kp->abandoned && kp->dev->parent == parent)
			queue_work(system_dfl_long_wq, &kp->ask_work);
}

/*
 * The device that a page frame belongs to, and its unit there. The device does not go
 * away until kmem_persist_put_visited().
 */
static struct kmem_persist *kmem_persist_get_visited(unsigned long pfn,
						     unsigned long *unit)
{
	struct kmem_persist *kp;
	unsigned int i;

	guard(mutex)(&kmem_persist_devices_lock);
	list_for_each_entry(kp, &kmem_persist_devices, node) {
		for (i = 0; i < kp->num_segments; i++) {
			const struct kmem_segment *seg = &kp->segments[i];
			const unsigned long first = PHYS_PFN(seg->phys);

			if (!seg->hotplug || pfn < first ||
			    pfn >= first + seg->nr_pages)
				continue;
			*unit = seg->first_unit + (pfn - first) / pageblock_nr_pages;
			atomic_inc(&kp->visitors);
			return kp;
		}
	}
	return NULL;
}

static void kmem_persist_put_visited(struct kmem_persist *kp)
{
	if (atomic_dec_and_test(&kp->visitors))
		wake_up_var(&kp->visitors);
}

/**
 * kmem_persist_visit_block - a memory block may belong to a device
 * @start_pfn: first page of the block
 * @nr_pages: size of the block
 * @fn: called for the device and the range of its units in the block
 *
 * A block belongs to one device, if to any. @fn may wait for what is being done to this
 * device, but nobody who looks for another one waits for that: the lock of the list is
 * not held.
 *
 * Context: sleeps; memory hotplug locks held. Return: 0, or what @fn returned.
 */
int kmem_persist_visit_block(unsigned long start_pfn, unsigned long nr_pages,
			     kmem_unit_fn fn)
{
	struct kmem_persist *kp;
	unsigned long unit;
	int rc;

	kp = kmem_persist_get_visited(start_pfn, &unit);
	if (!kp)
		return 0;
	kmem_inject_pause(KMEM_PAUSE_VISIT, NULL);
	rc = fn(kp, unit, nr_pages / pageblock_nr_pages);
	kmem_persist_put_visited(kp);
	return rc;
}

/**
 * kmem_persist_any_active - is any device in use?
 *
 * Context: sleeps. Return: its DAX device, with a reference; NULL if there is none.
 */
struct device *kmem_persist_any_active(void)
{
	struct kmem_persist *kp;

	guard(mutex)(&kmem_persist_devices_lock);
	list_for_each_entry(kp, &kmem_persist_devices, node)
		if (READ_ONCE(kp->state) == KMEM_PERSIST_ACTIVE)
			return get_device(kp->dev);
	return NULL;
}

/*
 * Memory blocks of an earlier binding that could not be removed are still looked
 * after: nobody else may use any of the device until the next boot.
 */
static bool kmem_persist_is_left_over(const struct dev_dax *dev_dax)
{
	const struct kmem_persist *kp;
	unsigned int i;
	int r;

	guard(mutex)(&kmem_persist_devices_lock);
	list_for_each_entry(kp, &kmem_persist_devices, node)
		for (i = 0; i < kp->num_segments; i++)
			for (r = 0; r < dev_dax->nr_range; r++) {
				const struct kmem_segment *seg = &kp->segments[i];
				const struct range range = {
					.start = seg->phys,
					.end = seg->phys +
					       (seg->nr_pages << PAGE_SHIFT) - 1,
				};

				if (range_overlaps(&range,
						   &dev_dax->ranges[r].range))
					return true;
			}
	return false;
}

static void kmem_persist_free(struct kmem_persist *kp)
{
	kmem_pool_destroy(kp);
	kmem_bad_exit(kp);
	kmem_persist_unmap(kp);
	kfree(kp->sb_next);
	kfree(kp->sb);
	kfree(kp);
}

static struct kmem_persist *kmem_persist_alloc(struct dev_dax *dev_dax)
{
	struct kmem_persist *kp = kzalloc_obj(*kp);

	if (!kp)
		return NULL;
	kp->sb = kzalloc_obj(*kp->sb);
	kp->sb_next = kzalloc_obj(*kp->sb_next);
	if (!kp->sb || !kp->sb_next) {
		kfree(kp->sb_next);
		kfree(kp->sb);
		kfree(kp);
		return NULL;
	}

	kp->dev = &dev_dax->dev;
	kp->dev_dax = dev_dax;
	kp->nr_pages = kmem_persist_dev_pages(dev_dax);
	kp->format_type = -1;
	if (dev_dax->ops)
		dev_dax->ops->info(kp->dev->parent, &kp->info);
	kp->media.need_wb = kp->info.persistence != DAX_PERSISTENCE_CACHE;
	if (kp->info.has_flush) {
		kp->media.flush = dev_dax->ops->flush;
		kp->media.flush_dev = kp->dev->parent;
	}
	mutex_init(&kp->lock);
	init_rwsem(&kp->plugin_sem);
	spin_lock_init(&kp->text_lock);
	mutex_init(&kp->exchange_lock);
	mutex_init(&kp->bad_lock);
	mutex_init(&kp->compact_lock);
	ratelimit_state_init(&kp->offline_said, HZ, 1);
	INIT_LIST_HEAD(&kp->node);
	INIT_WORK(&kp->attach_work, kmem_persist_attach_work);
	INIT_WORK(&kp->scrub_work, kmem_scrub_work);
	INIT_WORK(&kp->ask_work, kmem_bad_ask_work);
	INIT_DELAYED_WORK(&kp->bad_work, kmem_bad_work);
	INIT_DELAYED_WORK(&kp->clear_work, kmem_bad_clear_work);
	INIT_DELAYED_WORK(&kp->work, kmem_exchange_work);
	INIT_DELAYED_WORK(&kp->compact_work, kmem_compact_work);
	kp->compact_unstick = jiffies;
	return kp;
}

/* Is what the parameters ask for about this device? */
static bool kmem_persist_is_meant(const struct kmem_persist *kp,
				  const struct kmem_persist_format_request *request,
				  bool named)
{
	const char *device = request->device;
	uuid_t uuid;

	/* What is written to the parameter keeps its newline. */
	if (sysfs_streq(device, ""))
		return !named;
	return sysfs_streq(device, dev_name(kp->dev)) ||
	       (!kp->anonymous && !uuid_parse(device, &uuid) &&
		uuid_equal(&uuid, &kp->info.uuid));
}

/*
 * What was asked for this device. A region that binds itself to kmem (CXL RAM,
 * soft-reserved memory) is only formatted if it was named: nobody chose it.
 */
static int kmem_persist_asked_format(const struct kmem_persist *kp,
				     const struct kmem_persist_format_request *request)
{
	const struct dev_dax *dev_dax = kp->dev_dax;
	const bool named = request->type_named ||
			   dev_dax->region->res.flags & IORESOURCE_DAX_KMEM;

	if (dev_dax->persist_format.type >= 0)
		return dev_dax->persist_format.type;
	return kmem_persist_is_meant(kp, request, named) ? request->type : -1;
}

/* For who relied on it. */
static void kmem_persist_say_not_asked(const struct kmem_persist *kp,
				       const struct kmem_persist_format_request *request)
{
	if (request->type >= 0 && request->type_named && sysfs_streq(request->device, "") &&
	    !(kp->dev_dax->region->res.flags & IORESOURCE_DAX_KMEM))
		dev_info(kp->dev, "kmem.persist_format_type on the command line needs kmem.persist_format_device\n");
}

static int kmem_persist_check_type(struct kmem_persist *kp, int type)
{
	struct kmem_persist_ops *ops = kmem_persist_type_get(type);

	if (!ops) {
		dev_err(kp->dev, "asked to format with type %d, but no plugin for it can be loaded: correct the type, or install its module\n",
			type);
		return -EPROTONOSUPPORT;
	}
	kmem_persist_type_put(ops);
	return 0;
}

/*
 * Decide what the device is. Returns 0 if it is ours, -ENODATA if it is plain,
 * another errno to refuse it.
 */
static int kmem_persist_identify(struct kmem_persist *kp,
				 struct kmem_persist_format_request *request)
{
	struct kmem_look *look __free(kvfree) = kvzalloc_obj(*look);
	struct dax_persist_accept *accept = &kp->dev_dax->persist_accept;
	bool force;
	int asked, rc;

	if (!look)
		return -ENOMEM;
	rc = kmem_persist_look(kp->dev_dax, look);
	if (rc)
		return rc;
	kp->anonymous = look->trust.anonymous;
	asked = kmem_persist_asked_format(kp, request);
	if (kmem_persist_is_rescued(kp->dev_dax, look, asked >= 0))
		return -EPERM;
	if (look->trust.anonymous && accept->kind == DAX_PERSIST_ACCEPT_UUID &&
	    !accept->has_hash) {
		dev_err(kp->dev, "persist_accept: not a namespace, a uuid alone is not enough; not bound\n");
		return -EINVAL;
	}

	rc = kmem_persist_search(kp, look, request->accept);
	if (rc == -ENODATA && asked < 0) {
		kmem_persist_say_not_asked(kp, request);
		rc = kmem_persist_forget(kp->dev_dax, look);
		if (!rc)
			*accept = (struct dax_persist_accept){};
		return rc ?: -ENODATA;
	}
	if (rc && rc != -ENODATA && rc != -EUCLEAN)
		return rc;

	force = request->force && kmem_persist_is_meant(kp, request, request->force_named);
	kp->doomed = rc == -EUCLEAN;
	if (rc == -ENODATA || (asked >= 0 && force)) {
		rc = kmem_persist_check_type(kp, asked);
		if (rc)
			return rc;
		kp->format_type = asked;
		kp->doomed = false;
		kp->vouched = false;
		if (force) {
			dev_warn(kp->dev, "formatting by force, what the device carries is lost\n");
			request->force = false;
		}
	} else if (asked >= 0 && !kp->doomed) {
		dev_info(kp->dev, "already formatted with type %u, not formatted again\n",
			 le32_to_cpu(kp->sb->type));
	}
	return 0;
}

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
	struct kmem_persist *kp;
	int rc;

	if (kmem_persist_is_left_over(dev_dax))
		return ERR_PTR(kmem_persist_refuse_stuck(dev_dax));
	/* Only plain memory gets stuck and is forgotten: kmem knows what to do then. */
	if (kmem_persist_is_ram(dev_dax, KMEM_PERSIST_FIRST_PAGE))
		return NULL;

	kp = kmem_persist_alloc(dev_dax);
	if (!kp)
		return ERR_PTR(-ENOMEM);

	rc = kmem_persist_identify(kp, request);
	/* A plain device is used without the range that is stuck. */
	if (!rc && kmem_persist_is_ram(dev_dax, U64_MAX))
		rc = kmem_persist_refuse_stuck(dev_dax);
	if (rc)
		goto err_free;
	rc = kmem_bad_init(kp);
	if (rc)
		goto err_free;
	kp->doomed = kp->doomed || !kmem_persist_guard(kp);

	rc = kmem_persist_init_segments(kp);
	if (rc)
		goto err_free;
	rc = kmem_pool_init(kp);
	if (rc)
		goto err_free;

	rc = kmem_pressure_init(kp);
	if (rc)
		goto err_free;
	rc = kmem_persist_sysfs_add(kp, kmem_persist_debugfs);
	if (rc) {
		kmem_pressure_exit(kp);
		goto err_free;
	}

	/* From here on the notifier knows it, as adding memory may online it. */
	scoped_guard(mutex, &kmem_persist_devices_lock) {
		list_add_tail(&kp->node, &kmem_persist_devices);
		/* For what the region has found since it was asked. */
		queue_work(system_dfl_long_wq, &kp->ask_work);
	}
	return kp;

err_free:
	kmem_persist_free(kp);
	return rc == -ENODATA ? NULL : ERR_PTR(rc);
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_prepare, "kmem");

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
	int rc;

	if (!kp)
		return;

	guard(mutex)(&kp->lock);
	rc = kmem_persist_map_added(kp, added);
	if (rc) {
		kmem_persist_hold(kp,
				  "not all of its memory could be added: %pe; see the lines before",
				  ERR_PTR(rc));
		kp->doomed = true;
	}
	kmem_persist_try_attach(kp);
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_attach, "kmem");

/* Nobody else calls the plugin. */
static int kmem_persist_detach_locked(struct kmem_persist *kp, bool force)
{
	struct kmem_persist_ops *ops = kp->ops;
	int rc;

	lockdep_assert_held(&kp->lock);
	lockdep_assert_held_write(&kp->plugin_sem);
	kp->waiting = false;
	if (kp->state != KMEM_PERSIST_ACTIVE)
		return 0;

	kmem_inject_pause(KMEM_PAUSE_DETACH, NULL);
	kmem_persist_change_sb(kp);
	kmem_scrub_settle(kp);
	rc = ops->cleanup(kp, force);
	trace_kmem_persist_detach(kp->dev, force, rc);
	if (rc)
		return rc;

	/* Users that were forced out are nobody's any more. */
	atomic_set(&kp->users, 0);
	kmem_scrub_stop(kp);
	kmem_bad_clear_stop(kp);
	kmem_persist_mark_detached(kp);
	WRITE_ONCE(kp->state, KMEM_PERSIST_DETACHED);
	kp->ops = NULL;
	kmem_persist_type_put(ops);
	dev_info(kp->dev, "detached\n");
	return 0;
}

/**
 * kmem_persist_detach - take the device out of service
 * @kp: the device, may be NULL
 * @force: also if it is in use: its users get errors, its data stays intact
 *
 * To be called before memory is removed. Which pages hold data stays known: memory
 * that goes online again because the removal failed is lent as before.
 *
 * Context: sleeps. Return: 0; -EBUSY if in use, never with @force.
 */
int kmem_persist_detach(struct kmem_persist *kp, bool force)
{
	int rc;

	if (!kp)
		return 0;

	kmem_compact_stop(kp);
	guard(mutex)(&kp->lock);
	scoped_guard(rwsem_write, &kp->plugin_sem)
		rc = kmem_persist_detach_locked(kp, force);
	WRITE_ONCE(kp->compact_stop, false);
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_detach, "kmem");

/* Returns false if somebody is doing something with the device. */
static bool kmem_persist_try_detach(struct kmem_persist *kp)
{
	if (!mutex_trylock(&kp->lock))
		return false;
	if (!down_write_trylock(&kp->plugin_sem)) {
		mutex_unlock(&kp->lock);
		return false;
	}
	kmem_persist_detach_locked(kp, false);
	up_write(&kp->plugin_sem);
	mutex_unlock(&kp->lock);
	return true;
}

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

	if (!kp)
		return;
	kmem_compact_stop(kp);
	for (tries = 0; tries < KMEM_SHUTDOWN_TRIES; tries++) {
		if (kmem_persist_try_detach(kp))
			return;
		msleep(KMEM_SHUTDOWN_PAUSE);
	}
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_shutdown, "kmem");

static void kmem_persist_retire(struct kmem_persist *kp)
{
	cancel_work_sync(&kp->attach_work);
	/* Before what it queues. */
	cancel_delayed_work_sync(&kp->clear_work);
	cancel_work_sync(&kp->ask_work);
	cancel_delayed_work_sync(&kp->bad_work);
	kmem_pressure_exit(kp);
	kmem_persist_sysfs_del(kp);
}

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
	scoped_guard(mutex, &kmem_persist_devices_lock)
		list_del(&kp->node);
	wait_var_event(&kp->visitors, !atomic_read(&kp->visitors));
	/* What is exchanged is reported. */
	kmem_exchange_stop(kp);
	kmem_persist_retire(kp);
	kmem_persist_free(kp);
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

	scoped_guard(mutex, &kmem_persist_devices_lock)
		kp->abandoned = true;
	kmem_persist_retire(kp);
	/* For its name: it may be gone before the memory is. */
	get_device(kp->dev);
	__module_get(THIS_MODULE);
}
EXPORT_SYMBOL_FOR_MODULES(kmem_persist_abandon, "kmem");

static int __init kmem_persist_init(void)
{
	int rc;

	uuid_gen(&kmem_persist_boot_id);
	kmem_persist_debugfs = debugfs_create_dir("kmem_persist", NULL);
	rc = kmem_inject_init(kmem_persist_debugfs);
	if (rc)
		goto err_debugfs;
	rc = kmem_exchange_init();
	if (rc)
		goto err_inject;
	rc = kmem_bad_listen();
	if (rc)
		goto err_exchange;
	rc = kmem_guard_init();
	if (rc)
		goto err_listen;
	return 0;

err_listen:
	kmem_bad_unlisten();
err_exchange:
	kmem_exchange_exit();
err_inject:
	kmem_inject_exit();
err_debugfs:
	debugfs_remove_recursive(kmem_persist_debugfs);
	return rc;
}
module_init(kmem_persist_init);

static void __exit kmem_persist_exit(void)
{
	kmem_guard_exit();
	kmem_bad_unlisten();
	kmem_exchange_exit();
	debugfs_remove_recursive(kmem_persist_debugfs);
	kmem_inject_exit();
}
module_exit(kmem_persist_exit);

MODULE_DESCRIPTION("KMEM DAX: persistent data in memory that is also system RAM");
MODULE_LICENSE("GPL");

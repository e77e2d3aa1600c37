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
 *
 * Each change of persist/state, and of persist/reason while it stays, is a uevent of the
 * device, when all that belongs to it is done. A system that goes down tells nobody.
 *
 * Users see how much the plugin can still get, if all that is lent comes back, in
 * persist/space, which can be polled, and as uevents of the device, and of what the plugin
 * makes of it: "ok", "low" below the low-water mark, "none" when somebody waited for pages
 * in vain. Who writes and discards at the limit could change that as fast as he writes:
 * nobody is told more often than once a second, and then the last state.
 */
#include <linux/async.h>
#include <linux/cleanup.h>
#include <linux/kobject.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>
#include <linux/utsname.h>
#include <linux/uuid.h>
#include "../dax-private.h"
#include "../kmem_persist.h"
#include "copy.h"
#include "device.h"
#include "hibernate.h"
#include "inject.h"
#include "persist.h"
#include "registry.h"
#include "search.h"
#include "trace.h"

/* Between two reports of the space that is left. */
#define KMEM_SPACE_PAUSE	HZ
/* When the plugin is coming or going. */
#define KMEM_SPACE_RETRY	(HZ / 10)

static uuid_t kmem_persist_boot_id;

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

__printf(2, 0)
static void kmem_persist_set_reason(struct kmem_persist *kp, const char *fmt, va_list args)
{
	char text[sizeof(kp->reason)];

	vscnprintf(text, sizeof(text), fmt, args);
	guard(spinlock)(&kp->text_lock);
	if (!strcmp(text, kp->reason))
		return;
	strscpy(kp->reason, text);
	kp->reason_untold = true;
}

/* Why it is not active, for persist/reason. */
__printf(2, 3)
static void kmem_persist_because(struct kmem_persist *kp, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	kmem_persist_set_reason(kp, fmt, args);
	va_end(args);
}

/* Hold the device back, for good unless a plugin can still come. */
__printf(2, 3)
static void kmem_persist_hold(struct kmem_persist *kp, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	kmem_persist_set_reason(kp, fmt, args);
	va_end(args);

	kp->state = KMEM_PERSIST_HELD;
	dev_warn(kp->dev, "held, nothing is released and nothing written: %s\n",
		 kp->reason);
}

/*
 * What has become of the device, and why, for who listens. The lock is held, so that the last
 * that is said is how it is; I/O waits for neither this lock nor what is allocated here.
 */
static void kmem_persist_tell_state(struct kmem_persist *kp)
{
	static const char * const names[] = {
		[KMEM_PERSIST_HELD] = "KMEM_EVENT=held",
		[KMEM_PERSIST_ACTIVE] = "KMEM_EVENT=active",
		[KMEM_PERSIST_DETACHED] = "KMEM_EVENT=detached",
	};
	char event[32], reason[sizeof(kp->reason) + 16], uuid[UUID_STRING_LEN + 16];
	char *envp[4] = { event };
	unsigned int noio, nr = 1;

	lockdep_assert_held(&kp->lock);
	if (kp->state_told == kp->state && !kp->reason_untold)
		return;
	kp->state_told = kp->state;
	kp->reason_untold = false;

	strscpy(event, names[kp->state]);
	scoped_guard(spinlock, &kp->text_lock) {
		scnprintf(reason, sizeof(reason), "KMEM_REASON=%s", kp->reason);
		if (kp->reason[0])
			envp[nr++] = reason;
	}
	/* What a device is called that nobody vouches for is not shown. */
	scnprintf(uuid, sizeof(uuid), "KMEM_UUID=%pUb", kp->super.sb->uuid);
	if (kp->state != KMEM_PERSIST_HELD)
		envp[nr++] = uuid;

	noio = memalloc_noio_save();
	kobject_uevent_env(&kp->dev->kobj, KOBJ_CHANGE, envp);
	memalloc_noio_restore(noio);
}

/*
 * Space
 */

static void kmem_persist_space_log(struct kmem_persist *kp, enum kmem_space space,
				   u64 free)
{
	switch (space) {
	case KMEM_SPACE_NONE:
		dev_warn_ratelimited(kp->dev, "out of space with %llu MiB stored: writes to new blocks fail until data is discarded, RAM is given back or limit_bytes is raised\n",
				     READ_ONCE(kp->pool.nr_used) >> (20 - PAGE_SHIFT));
		break;
	case KMEM_SPACE_LOW:
		dev_warn_ratelimited(kp->dev, "space is low: %llu MiB are left for data, low_water_bytes is %llu MiB: discard data, or raise limit_bytes if it is set\n",
				     free >> 20,
				     READ_ONCE(kp->pool.low_water) >> (20 - PAGE_SHIFT));
		break;
	default:
		dev_info_ratelimited(kp->dev, "space again: %llu MiB are left for data\n",
				     free >> 20);
	}
}

static void kmem_persist_space_report(struct kmem_persist *kp)
{
	static const char * const events[] = {
		[KMEM_SPACE_OK] = "space_ok",
		[KMEM_SPACE_LOW] = "low_water",
		[KMEM_SPACE_NONE] = "no_space",
	};
	const enum kmem_space space = READ_ONCE(kp->pool.space);
	const u64 free = kmem_pool_reachable(&kp->pool) << PAGE_SHIFT;
	char event[32], bytes[32], uuid[UUID_STRING_LEN + 16];
	char *envp[4];

	/* There and back, or two steps at once, while nobody was told. */
	if (space == kp->space_told)
		return;
	kp->space_told = space;
	WRITE_ONCE(kp->space_next, jiffies + KMEM_SPACE_PAUSE);

	envp[0] = event;
	envp[1] = bytes;
	envp[2] = uuid;
	envp[3] = NULL;
	scnprintf(event, sizeof(event), "KMEM_EVENT=%s", events[space]);
	scnprintf(bytes, sizeof(bytes), "KMEM_FREE=%llu", free);
	scnprintf(uuid, sizeof(uuid), "KMEM_UUID=%pUb", kp->super.sb->uuid);

	trace_kmem_persist_space(kp->dev, events[space], free);
	kmem_persist_space_log(kp, space, free);
	sysfs_notify(&kp->dev->kobj, "persist", "space");
	kobject_uevent_env(&kp->dev->kobj, KOBJ_CHANGE, envp);
	if (kp->ops->event)
		kp->ops->event(kp, envp);
}

/*
 * Whoever sends events needs memory: none of the locks that settings need is held, and as
 * detach waits for this, it does not wait for bios, which may wait for space.
 */
static void kmem_persist_space_work(struct work_struct *work)
{
	struct kmem_persist *kp = container_of(to_delayed_work(work),
					       struct kmem_persist, space_work);
	unsigned int noio;

	if (!down_read_trylock(&kp->plugin_sem)) {
		queue_delayed_work(system_dfl_wq, &kp->space_work, KMEM_SPACE_RETRY);
		return;
	}
	noio = memalloc_noio_save();
	if (kp->ops)
		kmem_persist_space_report(kp);
	memalloc_noio_restore(noio);
	up_read(&kp->plugin_sem);
}

/* Users are told, soon. Context: any. */
static void kmem_persist_space_changed(struct kmem_persist *kp)
{
	const unsigned long next = READ_ONCE(kp->space_next), now = jiffies;

	queue_delayed_work(system_dfl_wq, &kp->space_work,
			   time_before(now, next) ? next - now : 0);
}

/* So that read errors are not forgotten when the log is. */
static void kmem_persist_errors_work(struct work_struct *work)
{
	struct kmem_persist *kp = container_of(to_delayed_work(work),
					       struct kmem_persist, errors_work);

	guard(mutex)(&kp->lock);
	/* Somebody else may have written the superblock since. */
	if (kp->state != KMEM_PERSIST_ACTIVE || !kmem_super_has_news(&kp->super))
		return;
	kmem_super_change(&kp->super);
	kmem_super_write(&kp->super);
}

/*
 * Attach and detach.
 */

/*
 * The format that is in @kp->super.sb, and durable, is the one of this device from now on: the
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
		import_uuid(&accept->uuid, kp->super.sb->uuid);
		kmem_search_hash(kp->super.sb, accept->hash);
		dev_notice(kp->dev, "not a namespace: kept over the next boot only with kmem.persist_accept=%pUb:%16phN on its command line\n",
			   &accept->uuid, accept->hash);
		return 0;
	}
	marker = kzalloc_obj(*marker);
	if (!marker)
		return -ENOMEM;
	export_uuid(ns_uuid, &kp->info.uuid);
	kmem_marker_init(marker, kp->super.sb, ns_uuid);
	rc = kmem_persist_write_marker(kp->dev_dax, marker);
	memzero_explicit(marker, sizeof(*marker));
	if (!rc)
		*accept = (struct dax_persist_accept){};
	return rc;
}

/* The uuid that the device has, or that its format will have. */
static void kmem_persist_choose_uuid(const struct kmem_persist *kp, uuid_t *uuid)
{
	const struct dax_persist_request *asked = &kp->dev_dax->persist_format;

	if (kp->format_type < 0)
		import_uuid(uuid, kp->super.sb->uuid);
	else if (asked->type >= 0 && !uuid_is_null(&asked->uuid))
		uuid_copy(uuid, &asked->uuid);
	else
		uuid_gen(uuid);
}

static int kmem_persist_format(struct kmem_persist *kp,
			       struct kmem_persist_ops *ops)
{
	const struct dax_persist_request *asked = &kp->dev_dax->persist_format;
	struct kmem_persist_superblock *sb = kmem_super_change(&kp->super);
	int rc;

	/* Nobody vouches for what is half gone. */
	if (!kp->anonymous) {
		rc = kmem_persist_write_marker(kp->dev_dax, NULL);
		if (rc)
			return rc;
	}
	rc = kmem_super_erase(&kp->super);
	if (rc)
		return rc;

	kmem_sb_init(sb, ops->type, kp->segs.nr_pages);
	/* What stays of another format, and is read one day, is not newer. */
	sb->generation = cpu_to_le64(kp->seen);
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

	rc = kmem_pool_begin_claims(&kp->pool);
	if (!rc)
		rc = kmem_pool_adopt(&kp->pool);
	if (!rc && ops->format)
		rc = ops->format(kp, sb);
	if (rc)
		return rc;

	rc = kmem_super_write_first(&kp->super);
	if (rc)
		return rc;
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
	const u64 reserve = le64_to_cpu(kp->super.sb->reserve_bytes) >> PAGE_SHIFT;
	const u64 limit = le64_to_cpu(kp->super.sb->limit_bytes) >> PAGE_SHIFT;
	struct kmem_pool *pool = &kp->pool;

	if (reserve && reserve < pool->min_reserve)
		dev_warn(kp->dev, "the reserve of %llu bytes, as it was set, is too small: %llu are used, set it anew\n",
			 reserve << PAGE_SHIFT, pool->min_reserve << PAGE_SHIFT);
	if (reserve)
		WRITE_ONCE(pool->reserve, clamp(reserve, pool->min_reserve,
						kp->segs.nr_pages / 2));
	else
		WRITE_ONCE(pool->reserve, kmem_pool_default_reserve(pool));
	WRITE_ONCE(pool->limit, limit ?: U64_MAX);
	WRITE_ONCE(pool->zero_on_free, le64_to_cpu(kp->super.sb->feat_ro_compat) &
				       KMEM_PERSIST_RO_ZERO_ON_FREE);
}

/*
 * The superblock says from now on that the device is in use. What it said before is first
 * made complete.
 */
static int kmem_persist_mark_attached(struct kmem_persist *kp)
{
	struct kmem_persist_superblock *sb = kp->super.next;
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
	kmem_sb_restore(&kp->segs.media, kp->super.sb, &kp->super.set);
	return kmem_super_write(&kp->super);
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

/* What was on its way when it was last in use, or is left of before, is erased first. */
static void kmem_persist_prepare_scrub(struct kmem_persist *kp)
{
	const __le32 remnants = cpu_to_le32(KMEM_PERSIST_STATE_REMNANTS);
	const __le32 clean = cpu_to_le32(KMEM_PERSIST_STATE_CLEAN);
	const bool needed = kp->pool.zero_on_free &&
			    (!(kp->super.sb->state & clean) || kp->super.next->state & remnants);

	if (needed)
		kp->super.next->state |= remnants;
	kmem_scrub_prepare(&kp->scrub, needed, kmem_super_errors(&kp->super, NULL));
}

/*
 * Metadata is in one version when this returns 0, and nothing else is referred to. @reading:
 * is it the plugin that could not do its part, for what it cannot read any more? It may not have
 * been able to write the superblock, either.
 */
static int kmem_persist_settle(struct kmem_persist *kp, struct kmem_persist_ops *ops,
			       bool *reading)
{
	int rc;

	if (!ops->settle)
		return 0;
	kmem_inject_pause(KMEM_PAUSE_SETTLE, NULL);
	kmem_super_change(&kp->super);
	rc = ops->settle(kp);
	*reading = rc < 0 && rc != -ENOSPC && kp->super.copies >= KMEM_SB_LEAST;
	return rc > 0 ? kmem_super_write(&kp->super) : rc;
}

static void kmem_persist_mark_detached(struct kmem_persist *kp)
{
	struct kmem_persist_superblock *sb = kp->super.next;

	sb->state = cpu_to_le32(le32_to_cpu(sb->state) |
				KMEM_PERSIST_STATE_CLEAN);
	sb->detach_time = cpu_to_le64(ktime_get_real_seconds());
	kmem_super_write(&kp->super);
}

static int kmem_persist_probe(struct kmem_persist *kp, struct kmem_persist_ops *ops)
{
	const u64 start = ktime_get_ns();
	int rc;

	WRITE_ONCE(kp->scan_bytes, 0);
	rc = ops->probe(kp, kp->super.next);
	WRITE_ONCE(kp->scan_ns, ktime_get_ns() - start);
	if (rc)
		WRITE_ONCE(kp->scan_bytes, 0);
	return rc;
}

/* Let the plugin find its data. Nothing is written unless that is a format. */
static int kmem_persist_find_data(struct kmem_persist *kp,
				  struct kmem_persist_ops *ops)
{
	char other[32];
	uuid_t uuid;
	int rc;

	kmem_persist_choose_uuid(kp, &uuid);
	if (!kmem_registry_own_uuid(kp, &uuid, other, sizeof(other))) {
		kmem_persist_hold(kp,
				  "%s has the same uuid and is in use; detach that one, or give one of them a new uuid with kmem-persist",
				  other);
		return -EEXIST;
	}
	kmem_super_find_places(&kp->super);
	kp->pool.min_reserve = ops->min_reserve ? ops->min_reserve(kp->segs.nr_pages) : 0;
	WRITE_ONCE(kp->pool.reserve, kmem_pool_default_reserve(&kp->pool));
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
	kmem_super_change(&kp->super)->dev_bytes =
		cpu_to_le64(kp->segs.nr_pages << KMEM_PERSIST_BLOCK_SHIFT);
	rc = kmem_pool_begin_claims(&kp->pool);
	if (rc) {
		kmem_persist_hold(kp,
				  "no memory to look for data: %pe; unbind the device and bind it again",
				  ERR_PTR(rc));
		return rc;
	}
	rc = kmem_persist_probe(kp, ops);
	if (rc) {
		kmem_persist_hold(kp, "type %u (%s) refuses the data: %pe; the log has details",
				  ops->type, ops->name, ERR_PTR(rc));
		return rc;
	}

	rc = kmem_pool_adopt(&kp->pool);
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
	kmem_persist_space_changed(kp);
	kmem_compact_block(&kp->compact);
	kmem_compact_unblock(&kp->compact, ops->move, kp);
	kmem_scrub_start(&kp->scrub);
	kmem_region_begin_clearing(&kp->region);
}

/*
 * The device does not take what an attach has to write, or (@reading) a node of the map that
 * could be read a moment ago cannot be read now: the next attach knows, and uses its twin.
 */
static void kmem_persist_not_taken(struct kmem_persist *kp, int rc, bool reading, bool again)
{
	if (rc == -ENOSPC) {
		if (!again) {
			kmem_pool_close(&kp->pool);
			kmem_persist_hold(kp, "no free page for metadata that is written anew: %pe",
					  ERR_PTR(rc));
		} else {
			kmem_persist_because(kp,
					     "no free page for metadata that is written anew: %pe",
					     ERR_PTR(rc));
		}
		return;
	}
	if (again && reading) {
		kmem_persist_because(kp, "a node of the map can no longer be read: %pe",
				     ERR_PTR(rc));
		return;
	}
	if (again) {
		kmem_persist_because(kp, "superblock or marker cannot be written: %pe",
				     ERR_PTR(rc));
		return;
	}
	kmem_pool_close(&kp->pool);
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
	/* After a failed unplug. Its plugin may have been gone for a while since. */
	const bool again = kp->state == KMEM_PERSIST_DETACHED || kmem_pool_lent(&kp->pool);
	const bool lends = READ_ONCE(kp->pool.lend);
	bool reading = false;
	int rc;

	kmem_exchange_stop(&kp->exchange);
	kmem_compact_cancel(&kp->compact);
	rc = kmem_persist_find_data(kp, ops);
	if (rc) {
		kmem_pool_drop_claims(&kp->pool);
		if (!again) {
			kmem_pool_close(&kp->pool);
			return rc;
		}
		/* What is lent is still accounted for; no more is, if that was so before. */
		kp->state = KMEM_PERSIST_DETACHED;
		if (lends)
			kmem_exchange_start(&kp->exchange);
		return rc;
	}

	kmem_persist_prepare_scrub(kp);
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
	kmem_exchange_start(&kp->exchange);
	kmem_copy_choose(&kp->pool);
	kmem_inject_pause(KMEM_PAUSE_ATTACH, NULL);

	/* From here on it does not take long, and settings wait for it. */
	WRITE_ONCE(kp->state, KMEM_PERSIST_ACTIVE);
	rc = ops->start ? ops->start(kp) : 0;
	if (!rc) {
		kmem_persist_publish(kp, ops);
		return 0;
	}

	/* The data is known and safe, so what was lent may stay lent. */
	kmem_super_change(&kp->super);
	ops->cleanup(kp, true);
	kmem_persist_mark_detached(kp);
	WRITE_ONCE(kp->state, KMEM_PERSIST_DETACHED);
	kmem_persist_because(kp, "type %u (%s) could not start: %pe",
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
			kmem_registry_disown_uuid(kp);
		kmem_persist_type_put(ops);
		if (kp->state == KMEM_PERSIST_DETACHED)
			dev_err(kp->dev, "stays detached, its data untouched: %s; unplug it, and plug it again\n",
				kp->reason);
		return;
	}
	scoped_guard(spinlock, &kp->text_lock)
		kp->reason[0] = '\0';

	kmem_pool_usage(&kp->pool, &usage);
	dev_info(kp->dev, "attached, type %u (%s), uuid %pUb: %llu MiB, %llu MiB hold data, %llu MiB lent as RAM\n",
		 ops->type, ops->name, kp->super.sb->uuid,
		 usage.capacity >> (20 - PAGE_SHIFT),
		 usage.stored >> (20 - PAGE_SHIFT),
		 usage.lent >> (20 - PAGE_SHIFT));
}

/* Attach if that is possible now; otherwise the device is held. */
static void kmem_persist_try_attach(struct kmem_persist *kp)
{
	const u32 type = kp->format_type >= 0 ? kp->format_type :
						le32_to_cpu(kp->super.sb->type);

	lockdep_assert_held(&kp->lock);
	if (kp->doomed || kp->state == KMEM_PERSIST_ACTIVE)
		return;

	if (kmem_hibernate_attach_begin()) {
		kmem_persist_attach_type(kp, type);
		kmem_hibernate_attach_end();
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
	/* Others are queued, too: what becomes of one that is being bound is not known yet. */
	if (!kp->waiting)
		return;
	kmem_persist_try_attach(kp);
	kmem_persist_tell_state(kp);
}

/*
 * What the parts ask of one another: all of it is wired here.
 */

static void kmem_persist_unbalanced(struct kmem_pool *pool, bool hurry)
{
	struct kmem_persist *kp = container_of(pool, struct kmem_persist, pool);

	kmem_exchange_kick(&kp->exchange, hurry);
}

static void kmem_persist_scattered(struct kmem_pool *pool)
{
	struct kmem_persist *kp = container_of(pool, struct kmem_persist, pool);

	kmem_compact_kick(&kp->compact);
}

static void kmem_persist_level_changed(struct kmem_pool *pool)
{
	kmem_persist_space_changed(container_of(pool, struct kmem_persist, pool));
}

static void kmem_persist_bad_idle(struct kmem_pool *pool)
{
	struct kmem_persist *kp = container_of(pool, struct kmem_persist, pool);

	kmem_region_clear(&kp->region);
}

static const struct kmem_pool_ops kmem_persist_pool_ops = {
	.unbalanced = kmem_persist_unbalanced,
	.scattered = kmem_persist_scattered,
	.level_changed = kmem_persist_level_changed,
	.bad_idle = kmem_persist_bad_idle,
};

static void kmem_persist_free(struct kmem_persist *kp)
{
	kmem_super_exit(&kp->super);
	kmem_pool_destroy(&kp->pool);
	kmem_bad_exit(&kp->segs);
	kmem_segments_exit(&kp->segs);
	kfree(kp);
}

static int kmem_persist_init_parts(struct kmem_persist *kp)
{
	int rc;

	rc = kmem_segments_init(&kp->segs, kp->dev_dax, &kp->info);
	if (!rc)
		rc = kmem_bad_init(&kp->segs);
	if (!rc)
		rc = kmem_pool_init(&kp->pool, &kp->segs, &kmem_persist_pool_ops);
	if (!rc)
		rc = kmem_super_init(&kp->super, &kp->segs, &kp->lock);
	if (rc)
		return rc;
	kmem_region_init(&kp->region, kp->dev_dax, &kp->segs, &kp->pool);
	kmem_take_init(&kp->take, &kp->pool);
	kmem_compact_init(&kp->compact, &kp->exchange);
	kmem_scrub_init(&kp->scrub, &kp->pool);
	return 0;
}

/**
 * kmem_device_create - a device that is not plain
 * @id: what is known about it
 *
 * Context: sleeps; no memory of it is added yet.
 * Return: the device, which the memory notifier knows from now on, as adding memory may
 * online it; or an ERR_PTR().
 */
struct kmem_persist *kmem_device_create(const struct kmem_identity *id)
{
	struct kmem_persist *kp = kzalloc_obj(*kp);
	int rc;

	if (!kp)
		return ERR_PTR(-ENOMEM);
	kp->dev_dax = id->dev_dax;
	kp->dev = &id->dev_dax->dev;
	kp->info = id->info;
	kp->format_type = id->format_type;
	kp->state_told = -1;
	kp->anonymous = id->anonymous;
	kp->vouched = id->vouched;
	kp->seen = id->seen;
	mutex_init(&kp->lock);
	init_rwsem(&kp->plugin_sem);
	spin_lock_init(&kp->text_lock);
	INIT_LIST_HEAD(&kp->node);
	INIT_WORK(&kp->attach_work, kmem_persist_attach_work);
	INIT_DELAYED_WORK(&kp->errors_work, kmem_persist_errors_work);
	INIT_DELAYED_WORK(&kp->space_work, kmem_persist_space_work);
	kp->space_next = jiffies;

	rc = kmem_persist_init_parts(kp);
	if (rc)
		goto err_free;
	*kp->super.sb = id->sb;
	kp->super.set = id->set;
	kp->doomed = id->held;
	if (id->held)
		kmem_persist_hold(kp, "%s", id->reason);

	rc = kmem_exchange_init(&kp->exchange, &kp->pool, &kp->take);
	if (rc)
		goto err_free;
	rc = kmem_pressure_init(&kp->pressure, &kp->exchange, kp->dev_dax->target_node);
	if (!rc)
		return kp;

	kmem_exchange_exit(&kp->exchange);
err_free:
	kmem_persist_free(kp);
	return ERR_PTR(rc);
}

/**
 * kmem_device_attach - the memory was added: put the device into service
 * @kp: the device
 * @added: per range of the device, not NULL if its memory was added
 *
 * Also after a failed unplug. A device that cannot be put into service is held.
 *
 * Context: sleeps.
 */
void kmem_device_attach(struct kmem_persist *kp, struct resource *const *added)
{
	int rc;

	guard(mutex)(&kp->lock);
	rc = kmem_segments_map_added(&kp->segs, added);
	if (rc) {
		kmem_persist_hold(kp,
				  "not all of its memory could be added: %pe; see the lines before",
				  ERR_PTR(rc));
		kp->doomed = true;
	}
	kmem_persist_try_attach(kp);
	kmem_persist_tell_state(kp);
}

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
	kmem_super_change(&kp->super);
	if (kmem_scrub_is_done(&kp->scrub, kmem_super_errors(&kp->super, NULL)))
		kp->super.next->state &= ~cpu_to_le32(KMEM_PERSIST_STATE_REMNANTS);
	rc = ops->cleanup(kp, force);
	trace_kmem_persist_detach(kp->dev, force, rc);
	if (rc)
		return rc;

	/* Users that were forced out are nobody's any more. */
	atomic_set(&kp->exchange.users, 0);
	kmem_scrub_stop(&kp->scrub);
	kmem_region_stop_clearing(&kp->region);
	kmem_persist_mark_detached(kp);
	WRITE_ONCE(kp->state, KMEM_PERSIST_DETACHED);
	kp->ops = NULL;
	kmem_persist_type_put(ops);
	dev_info(kp->dev, "detached\n");
	return 0;
}

/**
 * kmem_device_detach - take the device out of service
 * @kp: the device
 * @force: also if it is in use: its users get errors, its data stays intact
 *
 * To be called before memory is removed. Which pages hold data stays known: memory
 * that goes online again because the removal failed is lent as before.
 *
 * Context: sleeps. Return: 0; -EBUSY if in use, never with @force.
 */
int kmem_device_detach(struct kmem_persist *kp, bool force)
{
	int rc;

	guard(mutex)(&kp->lock);
	kmem_compact_block(&kp->compact);
	scoped_guard(rwsem_write, &kp->plugin_sem)
		rc = kmem_persist_detach_locked(kp, force);
	kmem_compact_unblock(&kp->compact, kp->ops ? kp->ops->move : NULL, kp);
	kmem_persist_tell_state(kp);
	return rc;
}

/**
 * kmem_device_try_detach - the same for a system that goes down, and waits for nobody
 * @kp: the device
 *
 * Moving data is told to end, for good. Context: sleeps. Return: false if somebody is doing
 * something with the device.
 */
bool kmem_device_try_detach(struct kmem_persist *kp)
{
	bool done = false;

	if (!kmem_compact_try_block(&kp->compact))
		return false;
	if (mutex_trylock(&kp->lock)) {
		if (down_write_trylock(&kp->plugin_sem)) {
			kmem_persist_detach_locked(kp, false);
			up_write(&kp->plugin_sem);
			done = true;
		}
		mutex_unlock(&kp->lock);
	}
	/* Whatever came of it, nothing is moved any more. */
	kmem_compact_unblock(&kp->compact, NULL, kp);
	return done;
}

/**
 * kmem_device_retire - nobody asks for anything any more
 * @kp: the device, detached
 *
 * What is exchanged still, is reported no more. Context: sleeps.
 */
void kmem_device_retire(struct kmem_persist *kp)
{
	cancel_work_sync(&kp->attach_work);
	kmem_region_exit(&kp->region);
	cancel_delayed_work_sync(&kp->errors_work);
	kmem_pressure_exit(&kp->pressure);
	cancel_delayed_work_sync(&kp->space_work);
}

/**
 * kmem_device_destroy - the memory is gone
 * @kp: the device, that nobody knows any more
 *
 * Context: sleeps.
 */
void kmem_device_destroy(struct kmem_persist *kp)
{
	kmem_exchange_exit(&kp->exchange);
	kmem_exchange_stop(&kp->exchange);
	kmem_compact_cancel(&kp->compact);
	kmem_device_retire(kp);
	kmem_persist_free(kp);
}

/**
 * kmem_device_init - before there is any device
 *
 * Context: any.
 */
void kmem_device_init(void)
{
	uuid_gen(&kmem_persist_boot_id);
}

#include "tests/device_kunit.h"

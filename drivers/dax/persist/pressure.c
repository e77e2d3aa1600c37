// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: when RAM or room for data runs short
 *
 * RAM is short: the shrinker of a device returns pageblocks that hold no data, up
 * to the reserve and what is kept for the plugin; so does the OOM notifier before
 * anybody is killed. For some time the device then does without its slack. Both
 * may run in the middle of anything, so they allocate nothing and wait for no page to
 * move: nobody does so with exchange_lock held.
 *
 * Room for data is short: what the plugin can still get if all that is lent comes
 * back is compared with the low-water mark; the state changes to "low", and to
 * "none" when somebody waited for pages in vain. Users see it in persist/space,
 * which can be polled, and as uevents of the device, and of what the plugin makes
 * of it. Who writes and discards at the limit could change the state as fast as he
 * writes: nobody is told more often than once a second, and then the last state.
 */
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/swap.h>
#include <linux/sysfs.h>
#include "../dax-private.h"
#include "private.h"
#include "trace.h"

/* No slack for so long after somebody was short of RAM. */
#define KMEM_PRESSURE_SQUEEZE	(10 * HZ)
/* Between two reports of the space that is left. */
#define KMEM_SPACE_PAUSE	HZ
/* When the plugin is coming or going. */
#define KMEM_SPACE_RETRY	(HZ / 10)

/**
 * kmem_pressure_squeeze - do without slack for some time
 * @kp: the device
 *
 * Context: any.
 */
void kmem_pressure_squeeze(struct kmem_persist *kp)
{
	WRITE_ONCE(kp->squeezed, jiffies + KMEM_PRESSURE_SQUEEZE);
}

static unsigned long kmem_shrink_count(struct shrinker *shrinker,
				       struct shrink_control *sc)
{
	const struct kmem_persist *kp = shrinker->private_data;

	if (sc->nid != kp->dev_dax->target_node)
		return SHRINK_EMPTY;
	return kmem_pool_empty_pages(kp) ?: SHRINK_EMPTY;
}

static unsigned long kmem_shrink_scan(struct shrinker *shrinker,
				      struct shrink_control *sc)
{
	struct kmem_persist *kp = shrinker->private_data;
	unsigned long freed;

	/* What it got it would have to take again. */
	if (READ_ONCE(kp->taker) == current)
		return SHRINK_STOP;
	kmem_pressure_squeeze(kp);
	freed = kmem_exchange_try_give(kp, sc->nr_to_scan);
	mm_account_reclaimed_pages(freed);
	sc->nr_scanned = freed;
	return freed ?: SHRINK_STOP;
}

static int kmem_oom_notify(struct notifier_block *nb, unsigned long action,
			   void *arg)
{
	struct kmem_persist *kp = container_of(nb, struct kmem_persist, oom_nb);
	unsigned long *freed = arg;

	kmem_pressure_squeeze(kp);
	/* Nobody is killed beside memory that nobody needs. */
	*freed += kmem_exchange_give_all(kp);
	return NOTIFY_OK;
}

static void kmem_space_log(struct kmem_persist *kp, enum kmem_space space,
			   u64 free)
{
	switch (space) {
	case KMEM_SPACE_NONE:
		dev_warn_ratelimited(kp->dev, "out of space with %llu MiB stored: writes to new blocks fail until data is discarded, RAM is given back or limit_bytes is raised\n",
				     READ_ONCE(kp->nr_used) >> (20 - PAGE_SHIFT));
		break;
	case KMEM_SPACE_LOW:
		dev_warn_ratelimited(kp->dev, "space is low: %llu MiB are left for data, low_water_bytes is %llu MiB: discard data, or raise limit_bytes if it is set\n",
				     free >> 20,
				     READ_ONCE(kp->low_water) >> (20 - PAGE_SHIFT));
		break;
	default:
		dev_info_ratelimited(kp->dev, "space again: %llu MiB are left for data\n",
				     free >> 20);
	}
}

static void kmem_space_report(struct kmem_persist *kp)
{
	static const char * const events[] = {
		[KMEM_SPACE_OK] = "space_ok",
		[KMEM_SPACE_LOW] = "low_water",
		[KMEM_SPACE_NONE] = "no_space",
	};
	const enum kmem_space space = READ_ONCE(kp->space);
	const u64 free = kmem_pool_reachable(kp) << PAGE_SHIFT;
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
	scnprintf(uuid, sizeof(uuid), "KMEM_UUID=%pUb", kp->sb->uuid);

	trace_kmem_persist_space(kp->dev, events[space], free);
	kmem_space_log(kp, space, free);
	sysfs_notify(&kp->dev->kobj, "persist", "space");
	kobject_uevent_env(&kp->dev->kobj, KOBJ_CHANGE, envp);
	if (kp->ops->event)
		kp->ops->event(kp, envp);
}

/*
 * Whoever sends events needs memory: none of the locks that settings need is held, and as
 * detach waits for this, it does not wait for bios, which may wait for space.
 */
static void kmem_space_work(struct work_struct *work)
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
		kmem_space_report(kp);
	memalloc_noio_restore(noio);
	up_read(&kp->plugin_sem);
}

/**
 * kmem_pressure_space_changed - tell users, soon
 * @kp: the device
 *
 * Context: any.
 */
void kmem_pressure_space_changed(struct kmem_persist *kp)
{
	const unsigned long next = READ_ONCE(kp->space_next), now = jiffies;

	queue_delayed_work(system_dfl_wq, &kp->space_work,
			   time_before(now, next) ? next - now : 0);
}

/**
 * kmem_pressure_init - watch out for shortage
 * @kp: the device
 *
 * Context: sleeps. Return: 0 or a negative errno.
 */
int kmem_pressure_init(struct kmem_persist *kp)
{
	int rc;

	INIT_DELAYED_WORK(&kp->space_work, kmem_space_work);
	kp->space_next = jiffies;
	kp->shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "kmem-persist:%s",
				      dev_name(kp->dev));
	if (!kp->shrinker)
		return -ENOMEM;
	kp->shrinker->count_objects = kmem_shrink_count;
	kp->shrinker->scan_objects = kmem_shrink_scan;
	kp->shrinker->private_data = kp;
	kp->shrinker->batch = pageblock_nr_pages;
	shrinker_register(kp->shrinker);

	kp->oom_nb.notifier_call = kmem_oom_notify;
	rc = register_oom_notifier(&kp->oom_nb);
	if (rc)
		shrinker_free(kp->shrinker);
	return rc;
}

/**
 * kmem_pressure_exit - counterpart of kmem_pressure_init()
 * @kp: the device
 *
 * Context: sleeps; not under kmem_persist.plugin_sem.
 */
void kmem_pressure_exit(struct kmem_persist *kp)
{
	unregister_oom_notifier(&kp->oom_nb);
	shrinker_free(kp->shrinker);
	cancel_delayed_work_sync(&kp->space_work);
}

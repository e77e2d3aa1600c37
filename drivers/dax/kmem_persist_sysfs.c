// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: persist/ below a DAX device in sysfs
 *
 * Exists for devices that carry persistent data; a plain device shows nothing.
 * Documentation/ABI/testing/sysfs-bus-dax-persist describes the files.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include "kmem_persist_private.h"

struct kmem_persist_attribute {
	struct attribute attr;
	ssize_t (*show)(struct kmem_persist *kp, char *buf);
};

#define KMEM_PERSIST_ATTR_RO(_name)					\
static const struct kmem_persist_attribute kmem_persist_attr_##_name = {	\
	.attr = { .name = __stringify(_name), .mode = 0444 },		\
	.show = _name##_show,						\
}

/* Held without a superblock that could be used: nothing to show. */
static bool kmem_persist_has_sb(const struct kmem_persist *kp)
{
	return kmem_sb_has_magic(kp->sb);
}

static ssize_t type_show(struct kmem_persist *kp, char *buf)
{
	if (!kmem_persist_has_sb(kp))
		return sysfs_emit(buf, "unknown\n");
	return sysfs_emit(buf, "%u\n", le32_to_cpu(kp->sb->type));
}
KMEM_PERSIST_ATTR_RO(type);

static ssize_t uuid_show(struct kmem_persist *kp, char *buf)
{
	if (!kmem_persist_has_sb(kp))
		return sysfs_emit(buf, "unknown\n");
	return sysfs_emit(buf, "%pUb\n", kp->sb->uuid);
}
KMEM_PERSIST_ATTR_RO(uuid);

static ssize_t label_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%.*s\n", KMEM_PERSIST_LABEL_LEN, kp->sb->label);
}
KMEM_PERSIST_ATTR_RO(label);

static ssize_t state_show(struct kmem_persist *kp, char *buf)
{
	static const char * const names[] = {
		[KMEM_PERSIST_HELD] = "held",
		[KMEM_PERSIST_ACTIVE] = "active",
		[KMEM_PERSIST_DETACHED] = "detached",
	};

	return sysfs_emit(buf, "%s\n", names[READ_ONCE(kp->state)]);
}
KMEM_PERSIST_ATTR_RO(state);

static ssize_t reason_show(struct kmem_persist *kp, char *buf)
{
	guard(mutex)(&kp->lock);
	return sysfs_emit(buf, "%s\n", kp->reason);
}
KMEM_PERSIST_ATTR_RO(reason);

static ssize_t persistence_show(struct kmem_persist *kp, char *buf)
{
	static const char * const names[] = {
		[DAX_PERSISTENCE_NONE] = "none",
		[DAX_PERSISTENCE_MEMORY] = "memory",
		[DAX_PERSISTENCE_CACHE] = "cache",
		[DAX_PERSISTENCE_ASYNC] = "async",
	};

	return sysfs_emit(buf, "%s\n", names[kp->info.persistence]);
}
KMEM_PERSIST_ATTR_RO(persistence);

static ssize_t reserved_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", kp->reserve << PAGE_SHIFT);
}
KMEM_PERSIST_ATTR_RO(reserved);

#define KMEM_PERSIST_USAGE_ATTR(_name)					\
static ssize_t _name##_show(struct kmem_persist *kp, char *buf)		\
{									\
	struct kmem_usage usage;					\
									\
	kmem_pool_usage(kp, &usage);					\
	return sysfs_emit(buf, "%llu\n", usage._name << PAGE_SHIFT);	\
}									\
KMEM_PERSIST_ATTR_RO(_name)

KMEM_PERSIST_USAGE_ATTR(capacity);
KMEM_PERSIST_USAGE_ATTR(stored);
KMEM_PERSIST_USAGE_ATTR(pool);
KMEM_PERSIST_USAGE_ATTR(lent);
KMEM_PERSIST_USAGE_ATTR(absent);
KMEM_PERSIST_USAGE_ATTR(bad);

/* All of the above at one moment, so that the sum can be checked. */
static ssize_t usage_show(struct kmem_persist *kp, char *buf)
{
	struct kmem_usage usage;

	kmem_pool_usage(kp, &usage);
	return sysfs_emit(buf,
			  "capacity %llu\nstored %llu\npool %llu\nlent %llu\nabsent %llu\nbad %llu\n",
			  usage.capacity << PAGE_SHIFT,
			  usage.stored << PAGE_SHIFT,
			  usage.pool << PAGE_SHIFT,
			  usage.lent << PAGE_SHIFT,
			  usage.absent << PAGE_SHIFT,
			  usage.bad << PAGE_SHIFT);
}
KMEM_PERSIST_ATTR_RO(usage);

static ssize_t exchange_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "taken %llu\ngiven %llu\nbusy %llu\n",
			  READ_ONCE(kp->nr_taken) << PAGE_SHIFT,
			  READ_ONCE(kp->nr_given) << PAGE_SHIFT,
			  READ_ONCE(kp->nr_busy));
}
KMEM_PERSIST_ATTR_RO(exchange);

static const struct attribute *const kmem_persist_attrs[] = {
	&kmem_persist_attr_type.attr,
	&kmem_persist_attr_uuid.attr,
	&kmem_persist_attr_label.attr,
	&kmem_persist_attr_state.attr,
	&kmem_persist_attr_reason.attr,
	&kmem_persist_attr_persistence.attr,
	&kmem_persist_attr_capacity.attr,
	&kmem_persist_attr_stored.attr,
	&kmem_persist_attr_pool.attr,
	&kmem_persist_attr_lent.attr,
	&kmem_persist_attr_absent.attr,
	&kmem_persist_attr_bad.attr,
	&kmem_persist_attr_reserved.attr,
	&kmem_persist_attr_usage.attr,
	&kmem_persist_attr_exchange.attr,
	NULL,
};

/*
 * The kobject lives and dies with &struct kmem_persist: kobject_del() waits for
 * readers of the files, and there are no other references.
 */
static void kmem_persist_kobj_release(struct kobject *kobj)
{
	struct kmem_persist *kp = container_of(kobj, struct kmem_persist, kobj);

	complete(&kp->kobj_gone);
}

static ssize_t kmem_persist_attr_show(struct kobject *kobj,
				      struct attribute *attr, char *buf)
{
	const struct kmem_persist_attribute *a =
		container_of_const(attr, struct kmem_persist_attribute, attr);

	return a->show(container_of(kobj, struct kmem_persist, kobj), buf);
}

static const struct sysfs_ops kmem_persist_sysfs_ops = {
	.show = kmem_persist_attr_show,
};

static const struct kobj_type kmem_persist_ktype = {
	.release = kmem_persist_kobj_release,
	.sysfs_ops = &kmem_persist_sysfs_ops,
};

/**
 * kmem_persist_sysfs_add - create persist/
 * @kp: the device
 *
 * Context: sleeps. Return: 0 or a negative errno.
 */
int kmem_persist_sysfs_add(struct kmem_persist *kp)
{
	int rc;

	init_completion(&kp->kobj_gone);
	rc = kobject_init_and_add(&kp->kobj, &kmem_persist_ktype,
				  &kp->dev->kobj, "persist");
	if (!rc)
		rc = sysfs_create_files(&kp->kobj,
					(const struct attribute **)kmem_persist_attrs);
	if (rc)
		kmem_persist_sysfs_del(kp);
	return rc;
}

/**
 * kmem_persist_sysfs_del - remove persist/
 * @kp: the device
 *
 * On return nobody reads a file of it any more. Context: sleeps; not under
 * kmem_persist.lock.
 */
void kmem_persist_sysfs_del(struct kmem_persist *kp)
{
	kobject_del(&kp->kobj);
	kobject_put(&kp->kobj);
	wait_for_completion(&kp->kobj_gone);
}

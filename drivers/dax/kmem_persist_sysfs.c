// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: persist/ below a DAX device in sysfs
 *
 * Exists for devices that carry persistent data; a plain device shows nothing.
 * Documentation/ABI/testing/sysfs-bus-dax-persist describes the files.
 *
 * One value a file, but for tables of numbers of one kind that only together, and at one
 * moment, say something.
 *
 * Who reads a file changes nothing, on the media or elsewhere, and waits for nothing
 * that may take long: the life cycle lock is not for readers. Who writes one waits for
 * other settings, and for the device to be taken out of service if that has begun.
 */
#include <linux/cleanup.h>
#include <linux/kstrtox.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/time64.h>
#include "kmem_persist_private.h"

struct kmem_persist_attribute {
	struct attribute attr;
	ssize_t (*show)(struct kmem_persist *kp, char *buf);
	int (*store)(struct kmem_persist *kp, const char *buf);
};

#define KMEM_PERSIST_ATTR_RO(_name)					\
static const struct kmem_persist_attribute kmem_persist_attr_##_name = {	\
	.attr = { .name = __stringify(_name), .mode = 0444 },		\
	.show = _name##_show,						\
}

#define KMEM_PERSIST_ATTR_RW(_name)					\
static const struct kmem_persist_attribute kmem_persist_attr_##_name = {	\
	.attr = { .name = __stringify(_name), .mode = 0644 },		\
	.show = _name##_show,						\
	.store = _name##_store,						\
}

#define KMEM_PERSIST_ATTR_WO(_name)					\
static const struct kmem_persist_attribute kmem_persist_attr_##_name = {	\
	.attr = { .name = __stringify(_name), .mode = 0200 },		\
	.store = _name##_store,						\
}

/* Held without a superblock that could be used: nothing to show. */
static bool kmem_persist_has_sb(const struct kmem_persist *kp)
{
	return kmem_sb_has_magic(kp->sb);
}

static ssize_t type_show(struct kmem_persist *kp, char *buf)
{
	guard(spinlock)(&kp->text_lock);
	if (!kmem_persist_has_sb(kp))
		return sysfs_emit(buf, "unknown\n");
	return sysfs_emit(buf, "%u\n", le32_to_cpu(kp->sb->type));
}
KMEM_PERSIST_ATTR_RO(type);

static ssize_t uuid_show(struct kmem_persist *kp, char *buf)
{
	guard(spinlock)(&kp->text_lock);
	if (!kmem_persist_has_sb(kp))
		return sysfs_emit(buf, "unknown\n");
	return sysfs_emit(buf, "%pUb\n", kp->sb->uuid);
}
KMEM_PERSIST_ATTR_RO(uuid);

static ssize_t label_show(struct kmem_persist *kp, char *buf)
{
	guard(spinlock)(&kp->text_lock);
	return sysfs_emit(buf, "%.*s\n", KMEM_PERSIST_LABEL_LEN, kp->sb->label);
}

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
	const unsigned int nr = READ_ONCE(kp->sb_copies);

	if (READ_ONCE(kp->state) == KMEM_PERSIST_ACTIVE && nr < KMEM_SB_ENOUGH)
		return sysfs_emit(buf,
				  "degraded: only %u places take the superblock; see ndctl clear-errors\n",
				  nr);
	guard(spinlock)(&kp->text_lock);
	return sysfs_emit(buf, "%s\n", kp->reason);
}
KMEM_PERSIST_ATTR_RO(reason);

static ssize_t superblocks_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(kp->sb_copies));
}
KMEM_PERSIST_ATTR_RO(superblocks);

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

/*
 * Settings. Numbers of bytes, with the suffixes K, M, G and T, rounded up to
 * pages.
 */

static int kmem_persist_parse_pages(struct kmem_persist *kp, const char *name,
				    const char *buf, u64 max, u64 *pages)
{
	const size_t digits = strspn(buf, "0123456789");
	char number[24], *end;
	u64 bytes;
	int rc;

	/* memparse() would not notice an overflow. */
	if (!digits || digits >= sizeof(number))
		return digits ? -ERANGE : -EINVAL;
	memcpy(number, buf, digits);
	number[digits] = '\0';
	rc = kstrtoull(number, 10, &bytes);
	if (rc)
		return rc;
	number[0] = '1';
	number[1] = buf[digits];
	number[2] = '\0';
	if (check_mul_overflow(bytes, memparse(number, &end), &bytes))
		return -ERANGE;
	if (*skip_spaces(buf + digits + (end - number - 1)))
		return -EINVAL;
	if (bytes <= max << PAGE_SHIFT) {
		*pages = DIV_ROUND_UP_ULL(bytes, PAGE_SIZE);
		return 0;
	}
	dev_warn(kp->dev, "%s: %llu is more than the %llu bytes that are possible\n",
		 name, bytes, max << PAGE_SHIFT);
	return -ERANGE;
}

static int label_store(struct kmem_persist *kp, const char *buf)
{
	char label[KMEM_PERSIST_LABEL_LEN];
	char event[] = "KMEM_EVENT=label";
	char *envp[2] = { event };
	int rc;

	rc = dax_persist_label_parse(buf, strcspn(buf, "\n"), label);
	if (rc)
		return rc;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	memcpy(kmem_persist_change_sb(kp)->label, label, sizeof(label));
	rc = kmem_persist_write_sb(kp);
	if (!rc && kp->ops->event)
		kp->ops->event(kp, envp);
	mutex_unlock(&kp->lock);
	return rc;
}
KMEM_PERSIST_ATTR_RW(label);

/* The pool has to look at its new settings. */
static void kmem_persist_settings_changed(struct kmem_persist *kp)
{
	scoped_guard(spinlock, &kp->pool_lock)
		kmem_pool_note_space(kp, false);
	wake_up_all(&kp->wait);
	kmem_exchange_hurry(kp);
}

static ssize_t reserve_bytes_show(struct kmem_persist *kp, char *buf)
{
	guard(spinlock)(&kp->text_lock);
	return sysfs_emit(buf, "%llu\n", le64_to_cpu(kp->sb->reserve_bytes));
}

static int reserve_bytes_store(struct kmem_persist *kp, const char *buf)
{
	u64 pages;
	int rc;

	rc = kmem_persist_parse_pages(kp, "reserve_bytes", buf, kp->nr_pages / 2,
				      &pages);
	if (rc)
		return rc;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	if (pages && pages < kp->min_reserve) {
		dev_warn(kp->dev, "reserve_bytes: %llu is less than the %llu bytes that are needed\n",
			 pages << PAGE_SHIFT, kp->min_reserve << PAGE_SHIFT);
		rc = -ERANGE;
	} else {
		kmem_persist_change_sb(kp)->reserve_bytes = cpu_to_le64(pages << PAGE_SHIFT);
		rc = kmem_persist_write_sb(kp);
	}
	if (!rc) {
		WRITE_ONCE(kp->reserve, pages ?: kmem_pool_default_reserve(kp));
		kmem_persist_settings_changed(kp);
	}
	mutex_unlock(&kp->lock);
	return rc;
}
KMEM_PERSIST_ATTR_RW(reserve_bytes);

static ssize_t limit_bytes_show(struct kmem_persist *kp, char *buf)
{
	guard(spinlock)(&kp->text_lock);
	return sysfs_emit(buf, "%llu\n", le64_to_cpu(kp->sb->limit_bytes));
}

static int limit_bytes_store(struct kmem_persist *kp, const char *buf)
{
	u64 pages;
	int rc;

	rc = kmem_persist_parse_pages(kp, "limit_bytes", buf, kp->nr_pages,
				      &pages);
	if (rc)
		return rc;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	kmem_persist_change_sb(kp)->limit_bytes = cpu_to_le64(pages << PAGE_SHIFT);
	rc = kmem_persist_write_sb(kp);
	if (!rc) {
		WRITE_ONCE(kp->limit, pages ?: U64_MAX);
		kmem_persist_settings_changed(kp);
	}
	mutex_unlock(&kp->lock);
	return rc;
}
KMEM_PERSIST_ATTR_RW(limit_bytes);

static ssize_t keep_bytes_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(kp->keep) << PAGE_SHIFT);
}

static int keep_bytes_store(struct kmem_persist *kp, const char *buf)
{
	u64 pages;
	int rc;

	rc = kmem_persist_parse_pages(kp, "keep_bytes", buf, kp->nr_pages, &pages);
	if (rc)
		return rc;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	WRITE_ONCE(kp->keep, pages);
	kmem_persist_settings_changed(kp);
	mutex_unlock(&kp->lock);
	return 0;
}
KMEM_PERSIST_ATTR_RW(keep_bytes);

static ssize_t ram_floor_bytes_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", kmem_take_ram_floor(kp) << PAGE_SHIFT);
}

static int ram_floor_bytes_store(struct kmem_persist *kp, const char *buf)
{
	u64 pages;
	int rc;

	rc = kmem_persist_parse_pages(kp, "ram_floor_bytes", buf,
				      U64_MAX >> (PAGE_SHIFT + 1), &pages);
	if (rc)
		return rc;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	WRITE_ONCE(kp->ram_floor, pages);
	kmem_persist_settings_changed(kp);
	mutex_unlock(&kp->lock);
	return 0;
}
KMEM_PERSIST_ATTR_RW(ram_floor_bytes);

static ssize_t node_floor_bytes_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(kp->node_floor) << PAGE_SHIFT);
}

static int node_floor_bytes_store(struct kmem_persist *kp, const char *buf)
{
	u64 pages;
	int rc;

	rc = kmem_persist_parse_pages(kp, "node_floor_bytes", buf, kp->nr_pages,
				      &pages);
	if (rc)
		return rc;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	WRITE_ONCE(kp->node_floor, pages);
	kmem_persist_settings_changed(kp);
	mutex_unlock(&kp->lock);
	return 0;
}
KMEM_PERSIST_ATTR_RW(node_floor_bytes);

static ssize_t low_water_bytes_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(kp->low_water) << PAGE_SHIFT);
}

static int low_water_bytes_store(struct kmem_persist *kp, const char *buf)
{
	u64 pages;
	int rc;

	rc = kmem_persist_parse_pages(kp, "low_water_bytes", buf, kp->nr_pages,
				      &pages);
	if (rc)
		return rc;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	WRITE_ONCE(kp->low_water, pages);
	kmem_persist_settings_changed(kp);
	mutex_unlock(&kp->lock);
	return 0;
}
KMEM_PERSIST_ATTR_RW(low_water_bytes);

static ssize_t zero_on_free_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(kp->zero_on_free));
}

static int kmem_persist_set_zero_on_free(struct kmem_persist *kp, bool on)
{
	struct kmem_persist_superblock *sb = kmem_persist_change_sb(kp);
	int rc;

	if (on) {
		/* What was freed before is erased after the next attach. */
		sb->feat_ro_compat |= cpu_to_le64(KMEM_PERSIST_RO_ZERO_ON_FREE);
		sb->state |= cpu_to_le32(KMEM_PERSIST_STATE_REMNANTS);
	} else {
		sb->feat_ro_compat &= ~cpu_to_le64(KMEM_PERSIST_RO_ZERO_ON_FREE);
	}
	/* Whoever is erasing does not erase all, whether or not it is on at its end. */
	scoped_guard(spinlock, &kp->pool_lock) {
		kp->scrub_partly = true;
		WRITE_ONCE(kp->no_remnants, false);
	}
	rc = kmem_persist_write_sb(kp);
	if (!rc)
		WRITE_ONCE(kp->zero_on_free, on);
	return rc;
}

static int zero_on_free_store(struct kmem_persist *kp, const char *buf)
{
	bool on;
	int rc;

	rc = kstrtobool(buf, &on);
	if (rc)
		return rc;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	if (on != kp->zero_on_free)
		rc = kmem_persist_set_zero_on_free(kp, on);
	mutex_unlock(&kp->lock);
	return rc;
}
KMEM_PERSIST_ATTR_RW(zero_on_free);

static ssize_t copy_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, READ_ONCE(kp->media.cached) ? "nontemporal [cached]\n" :
			  "[nontemporal] cached\n");
}

static int copy_store(struct kmem_persist *kp, const char *buf)
{
	static const char * const names[] = { "nontemporal", "cached" };
	int way = sysfs_match_string(names, buf), rc;

	if (way < 0)
		return way;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	WRITE_ONCE(kp->media.cached, way);
	mutex_unlock(&kp->lock);
	return 0;
}
KMEM_PERSIST_ATTR_RW(copy);

static ssize_t space_show(struct kmem_persist *kp, char *buf)
{
	static const char * const names[] = {
		[KMEM_SPACE_OK] = "ok",
		[KMEM_SPACE_LOW] = "low",
		[KMEM_SPACE_NONE] = "none",
	};

	return sysfs_emit(buf, "%s\n", names[READ_ONCE(kp->space)]);
}
KMEM_PERSIST_ATTR_RO(space);

/* Whether memory blocks may go offline while the data is in use. */
static ssize_t offline_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, READ_ONCE(kp->offline_allowed) ? "refused [allowed]\n" :
			  "[refused] allowed\n");
}

static int offline_store(struct kmem_persist *kp, const char *buf)
{
	static const char * const names[] = { "refused", "allowed" };
	int allowed = sysfs_match_string(names, buf);

	if (allowed < 0)
		return allowed;
	WRITE_ONCE(kp->offline_allowed, allowed);
	return 0;
}
KMEM_PERSIST_ATTR_RW(offline);

/* Free, but not RAM before it is erased. An upper bound: some of it is in use again. */
static ssize_t unerased_show(struct kmem_persist *kp, char *buf)
{
	const u64 pages = (u64)READ_ONCE(kp->nr_unerased) * pageblock_nr_pages;

	return sysfs_emit(buf, "%llu\n", min(pages, kp->nr_pages) << PAGE_SHIFT);
}
KMEM_PERSIST_ATTR_RO(unerased);

static int give_back_store(struct kmem_persist *kp, const char *buf)
{
	bool now;
	int rc;

	rc = kstrtobool(buf, &now);
	if (rc)
		return rc;
	if (!now)
		return 0;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	mutex_unlock(&kp->lock);
	kmem_pressure_squeeze(kp);
	return kmem_compact_now(kp);
}
KMEM_PERSIST_ATTR_WO(give_back);

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
	return sysfs_emit(buf,
			  "taken %llu\ngiven %llu\nbusy %llu\nmoved %llu\n"
			  "takes %llu\ntake_ns %llu\nbusy_ns %llu\ngive_ns %llu\n",
			  READ_ONCE(kp->nr_taken) << PAGE_SHIFT,
			  READ_ONCE(kp->nr_given) << PAGE_SHIFT,
			  READ_ONCE(kp->nr_busy),
			  READ_ONCE(kp->nr_moved) << PAGE_SHIFT,
			  READ_ONCE(kp->nr_takes),
			  READ_ONCE(kp->take_ns),
			  READ_ONCE(kp->busy_ns),
			  READ_ONCE(kp->give_ns));
}
KMEM_PERSIST_ATTR_RO(exchange);

static ssize_t refused_show(struct kmem_persist *kp, char *buf)
{
	const u64 *n = kp->refused;

	return sysfs_emit(buf,
			  "pinned %llu\nlocked %llu\nwriteback %llu\nisolated %llu\n"
			  "hugetlb %llu\npoison %llu\nkernel %llu\nbusy %llu\nslow %llu\n"
			  "no_memory %llu\nram_floor %llu\nnode_floor %llu\nlimit %llu\n",
			  READ_ONCE(n[KMEM_REFUSED_PINNED]),
			  READ_ONCE(n[KMEM_REFUSED_LOCKED]),
			  READ_ONCE(n[KMEM_REFUSED_WRITEBACK]),
			  READ_ONCE(n[KMEM_REFUSED_ISOLATED]),
			  READ_ONCE(n[KMEM_REFUSED_HUGETLB]),
			  READ_ONCE(n[KMEM_REFUSED_POISON]),
			  READ_ONCE(n[KMEM_REFUSED_KERNEL]),
			  READ_ONCE(n[KMEM_REFUSED_BUSY]),
			  READ_ONCE(n[KMEM_REFUSED_SLOW]),
			  READ_ONCE(n[KMEM_REFUSED_NO_MEMORY]),
			  READ_ONCE(n[KMEM_REFUSED_RAM_FLOOR]),
			  READ_ONCE(n[KMEM_REFUSED_NODE_FLOOR]),
			  READ_ONCE(n[KMEM_REFUSED_LIMIT]));
}
KMEM_PERSIST_ATTR_RO(refused);

/* Rounded up: not 0 after a scan. */
static ssize_t scan_ms_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  DIV_ROUND_UP_ULL(READ_ONCE(kp->scan_ns), NSEC_PER_MSEC));
}
KMEM_PERSIST_ATTR_RO(scan_ms);

static ssize_t scan_bytes_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(kp->scan_bytes));
}
KMEM_PERSIST_ATTR_RO(scan_bytes);

static ssize_t errors_show(struct kmem_persist *kp, char *buf)
{
	struct kmem_errors all;

	/* Also what the superblock will know when kmem_bad_work() has written it. */
	kmem_bad_show_errors(kp, &all);
	return sysfs_emit(buf,
			  "known_bad %llu\ncount %llu\nfirst_time %llu\n"
			  "first_page %llu\nlast_time %llu\nlast_page %llu\n"
			  "cleared %llu\n",
			  READ_ONCE(kp->nr_known_bad), all.count,
			  (u64)all.first_time, all.first_dpn,
			  (u64)all.last_time, all.last_dpn, READ_ONCE(kp->nr_cleared));
}
KMEM_PERSIST_ATTR_RO(errors);

static const struct attribute *const kmem_persist_attrs[] = {
	&kmem_persist_attr_type.attr,
	&kmem_persist_attr_uuid.attr,
	&kmem_persist_attr_label.attr,
	&kmem_persist_attr_state.attr,
	&kmem_persist_attr_reason.attr,
	&kmem_persist_attr_superblocks.attr,
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
	&kmem_persist_attr_refused.attr,
	&kmem_persist_attr_scan_ms.attr,
	&kmem_persist_attr_scan_bytes.attr,
	&kmem_persist_attr_errors.attr,
	&kmem_persist_attr_reserve_bytes.attr,
	&kmem_persist_attr_limit_bytes.attr,
	&kmem_persist_attr_keep_bytes.attr,
	&kmem_persist_attr_ram_floor_bytes.attr,
	&kmem_persist_attr_node_floor_bytes.attr,
	&kmem_persist_attr_low_water_bytes.attr,
	&kmem_persist_attr_zero_on_free.attr,
	&kmem_persist_attr_unerased.attr,
	&kmem_persist_attr_offline.attr,
	&kmem_persist_attr_copy.attr,
	&kmem_persist_attr_space.attr,
	&kmem_persist_attr_give_back.attr,
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

static ssize_t kmem_persist_attr_store(struct kobject *kobj,
				       struct attribute *attr, const char *buf,
				       size_t count)
{
	const struct kmem_persist_attribute *a =
		container_of_const(attr, struct kmem_persist_attribute, attr);
	int rc;

	rc = a->store(container_of(kobj, struct kmem_persist, kobj), buf);
	return rc ?: count;
}

static const struct sysfs_ops kmem_persist_sysfs_ops = {
	.show = kmem_persist_attr_show,
	.store = kmem_persist_attr_store,
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

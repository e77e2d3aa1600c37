// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: persist/ below a DAX device in sysfs, and tables in debugfs
 *
 * Exists for devices that carry persistent data; a plain device shows nothing.
 * Documentation/ABI/testing/sysfs-bus-dax-persist describes the files. They are a group
 * of attributes of the device, which is there before it says that it is bound.
 *
 * One value a file. Tables of numbers that only together, and of one moment, say
 * something are for people, and for tests: in debugfs, kmem_persist/daxX.Y/.
 *
 * Who reads a file changes nothing, on the media or elsewhere, and waits for nothing
 * that may take long: the life cycle lock is not for readers. Who writes one waits for
 * other settings, and for the device to be taken out of service if that has begun.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/time64.h>
#include "../dax-private.h"
#include "../kmem_persist.h"
#include "device.h"
#include "persist.h"
#include "sysfs.h"

/**
 * struct kmem_persist_attribute - a file in persist/
 * @attr: for the device
 * @show: print its value
 * @store: change it; returns 0 or a negative errno
 */
struct kmem_persist_attribute {
	struct device_attribute attr;
	ssize_t (*show)(struct kmem_persist *kp, char *buf);
	int (*store)(struct kmem_persist *kp, const char *buf);
};

/* There are files only as long as there is what they are about. */
static ssize_t kmem_persist_attr_show(struct device *dev, struct device_attribute *attr,
				      char *buf)
{
	const struct kmem_persist_attribute *a =
		container_of_const(attr, struct kmem_persist_attribute, attr);

	return a->show(to_dev_dax(dev)->persist, buf);
}

static ssize_t kmem_persist_attr_store(struct device *dev, struct device_attribute *attr,
				       const char *buf, size_t count)
{
	const struct kmem_persist_attribute *a =
		container_of_const(attr, struct kmem_persist_attribute, attr);

	return a->store(to_dev_dax(dev)->persist, buf) ?: count;
}

#define KMEM_PERSIST_ATTR_RO(_name)					\
static struct kmem_persist_attribute kmem_persist_attr_##_name = {	\
	.attr = __ATTR(_name, 0444, kmem_persist_attr_show, NULL),	\
	.show = _name##_show,						\
}

#define KMEM_PERSIST_ATTR_RW(_name)					\
static struct kmem_persist_attribute kmem_persist_attr_##_name = {	\
	.attr = __ATTR(_name, 0644, kmem_persist_attr_show,		\
		       kmem_persist_attr_store),			\
	.show = _name##_show,						\
	.store = _name##_store,						\
}

#define KMEM_PERSIST_ATTR_WO(_name)					\
static struct kmem_persist_attribute kmem_persist_attr_##_name = {	\
	.attr = __ATTR(_name, 0200, NULL, kmem_persist_attr_store),	\
	.store = _name##_store,						\
}

/* Held without a superblock that could be used: nothing to show. */
static bool kmem_persist_has_sb(const struct kmem_persist *kp)
{
	return kmem_sb_has_magic(kp->super.sb);
}

static ssize_t type_show(struct kmem_persist *kp, char *buf)
{
	guard(spinlock)(&kp->super.text);
	if (!kmem_persist_has_sb(kp))
		return sysfs_emit(buf, "unknown\n");
	return sysfs_emit(buf, "%u\n", le32_to_cpu(kp->super.sb->type));
}
KMEM_PERSIST_ATTR_RO(type);

static ssize_t uuid_show(struct kmem_persist *kp, char *buf)
{
	guard(spinlock)(&kp->super.text);
	if (!kmem_persist_has_sb(kp))
		return sysfs_emit(buf, "unknown\n");
	return sysfs_emit(buf, "%pUb\n", kp->super.sb->uuid);
}
KMEM_PERSIST_ATTR_RO(uuid);

static ssize_t label_show(struct kmem_persist *kp, char *buf)
{
	guard(spinlock)(&kp->super.text);
	return sysfs_emit(buf, "%.*s\n", KMEM_PERSIST_LABEL_LEN, kp->super.sb->label);
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
	const unsigned int nr = READ_ONCE(kp->super.copies);

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
	return sysfs_emit(buf, "%u\n", READ_ONCE(kp->super.copies));
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
	return sysfs_emit(buf, "%llu\n", READ_ONCE(kp->pool.reserve) << PAGE_SHIFT);
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
	memcpy(kmem_super_change(&kp->super)->label, label, sizeof(label));
	rc = kmem_super_write(&kp->super);
	if (!rc && kp->ops->event)
		kp->ops->event(kp, envp);
	mutex_unlock(&kp->lock);
	return rc;
}
KMEM_PERSIST_ATTR_RW(label);

/* A number of pages that is forgotten when the device is unbound. */
static int kmem_persist_set_pages(struct kmem_persist *kp, const char *name,
				  const char *buf, u64 max, u64 *setting)
{
	u64 pages;
	int rc;

	rc = kmem_persist_parse_pages(kp, name, buf, max, &pages);
	if (rc)
		return rc;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	WRITE_ONCE(*setting, pages);
	kmem_pool_changed(&kp->pool);
	mutex_unlock(&kp->lock);
	return 0;
}

static ssize_t reserve_bytes_show(struct kmem_persist *kp, char *buf)
{
	guard(spinlock)(&kp->super.text);
	return sysfs_emit(buf, "%llu\n", le64_to_cpu(kp->super.sb->reserve_bytes));
}

static int reserve_bytes_store(struct kmem_persist *kp, const char *buf)
{
	u64 pages;
	int rc;

	rc = kmem_persist_parse_pages(kp, "reserve_bytes", buf, kp->segs.nr_pages / 2,
				      &pages);
	if (rc)
		return rc;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	if (pages && pages < kp->pool.min_reserve) {
		dev_warn(kp->dev, "reserve_bytes: %llu is less than the %llu bytes that are needed\n",
			 pages << PAGE_SHIFT, kp->pool.min_reserve << PAGE_SHIFT);
		rc = -ERANGE;
	} else {
		kmem_super_change(&kp->super)->reserve_bytes = cpu_to_le64(pages << PAGE_SHIFT);
		rc = kmem_super_write(&kp->super);
	}
	if (!rc) {
		WRITE_ONCE(kp->pool.reserve, pages ?: kmem_pool_default_reserve(&kp->pool));
		kmem_pool_changed(&kp->pool);
	}
	mutex_unlock(&kp->lock);
	return rc;
}
KMEM_PERSIST_ATTR_RW(reserve_bytes);

static ssize_t limit_bytes_show(struct kmem_persist *kp, char *buf)
{
	guard(spinlock)(&kp->super.text);
	return sysfs_emit(buf, "%llu\n", le64_to_cpu(kp->super.sb->limit_bytes));
}

static int limit_bytes_store(struct kmem_persist *kp, const char *buf)
{
	u64 pages;
	int rc;

	rc = kmem_persist_parse_pages(kp, "limit_bytes", buf, kp->segs.nr_pages,
				      &pages);
	if (rc)
		return rc;
	rc = kmem_persist_lock_active(kp);
	if (rc)
		return rc;
	kmem_super_change(&kp->super)->limit_bytes = cpu_to_le64(pages << PAGE_SHIFT);
	rc = kmem_super_write(&kp->super);
	if (!rc) {
		WRITE_ONCE(kp->pool.limit, pages ?: U64_MAX);
		kmem_pool_changed(&kp->pool);
	}
	mutex_unlock(&kp->lock);
	return rc;
}
KMEM_PERSIST_ATTR_RW(limit_bytes);

static ssize_t metadata_bytes_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", kmem_pool_metadata(&kp->pool) << PAGE_SHIFT);
}

static int metadata_bytes_store(struct kmem_persist *kp, const char *buf)
{
	return kmem_persist_set_pages(kp, "metadata_bytes", buf, kp->segs.nr_pages,
				      &kp->pool.metadata);
}
KMEM_PERSIST_ATTR_RW(metadata_bytes);

static ssize_t keep_bytes_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(kp->pool.keep) << PAGE_SHIFT);
}

static int keep_bytes_store(struct kmem_persist *kp, const char *buf)
{
	return kmem_persist_set_pages(kp, "keep_bytes", buf, kp->segs.nr_pages,
				      &kp->pool.keep);
}
KMEM_PERSIST_ATTR_RW(keep_bytes);

static ssize_t ram_floor_bytes_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", kmem_take_ram_floor(&kp->take) << PAGE_SHIFT);
}

static int ram_floor_bytes_store(struct kmem_persist *kp, const char *buf)
{
	return kmem_persist_set_pages(kp, "ram_floor_bytes", buf,
				      U64_MAX >> (PAGE_SHIFT + 1), &kp->take.ram_floor);
}
KMEM_PERSIST_ATTR_RW(ram_floor_bytes);

static ssize_t node_floor_bytes_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(kp->take.node_floor) << PAGE_SHIFT);
}

static int node_floor_bytes_store(struct kmem_persist *kp, const char *buf)
{
	return kmem_persist_set_pages(kp, "node_floor_bytes", buf, kp->segs.nr_pages,
				      &kp->take.node_floor);
}
KMEM_PERSIST_ATTR_RW(node_floor_bytes);

static ssize_t low_water_bytes_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(kp->pool.low_water) << PAGE_SHIFT);
}

static int low_water_bytes_store(struct kmem_persist *kp, const char *buf)
{
	return kmem_persist_set_pages(kp, "low_water_bytes", buf, kp->segs.nr_pages,
				      &kp->pool.low_water);
}
KMEM_PERSIST_ATTR_RW(low_water_bytes);

static ssize_t zero_on_free_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(kp->pool.zero_on_free));
}

static int kmem_persist_set_zero_on_free(struct kmem_persist *kp, bool on)
{
	struct kmem_persist_superblock *sb = kmem_super_change(&kp->super);
	int rc;

	if (on) {
		/* What was freed before is erased after the next attach. */
		sb->feat_ro_compat |= cpu_to_le64(KMEM_PERSIST_RO_ZERO_ON_FREE);
		sb->state |= cpu_to_le32(KMEM_PERSIST_STATE_REMNANTS);
	} else {
		sb->feat_ro_compat &= ~cpu_to_le64(KMEM_PERSIST_RO_ZERO_ON_FREE);
	}
	kmem_pool_erase_partly(&kp->pool);
	rc = kmem_super_write(&kp->super);
	if (!rc)
		WRITE_ONCE(kp->pool.zero_on_free, on);
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
	if (on != kp->pool.zero_on_free)
		rc = kmem_persist_set_zero_on_free(kp, on);
	mutex_unlock(&kp->lock);
	return rc;
}
KMEM_PERSIST_ATTR_RW(zero_on_free);

static ssize_t copy_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, READ_ONCE(kp->segs.media.cached) ? "nontemporal [cached]\n" :
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
	WRITE_ONCE(kp->segs.media.cached, way);
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

	return sysfs_emit(buf, "%s\n", names[READ_ONCE(kp->pool.space)]);
}
KMEM_PERSIST_ATTR_RO(space);

/* Whether memory blocks may go offline while the data is in use. */
static ssize_t offline_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, READ_ONCE(kp->exchange.offline_allowed) ? "refused [allowed]\n" :
			  "[refused] allowed\n");
}

static int offline_store(struct kmem_persist *kp, const char *buf)
{
	static const char * const names[] = { "refused", "allowed" };
	int allowed = sysfs_match_string(names, buf);

	if (allowed < 0)
		return allowed;
	WRITE_ONCE(kp->exchange.offline_allowed, allowed);
	return 0;
}
KMEM_PERSIST_ATTR_RW(offline);

/* Free, but not RAM before it is erased. An upper bound: some of it is in use again. */
static ssize_t unerased_show(struct kmem_persist *kp, char *buf)
{
	const u64 pages = (u64)READ_ONCE(kp->pool.nr_unerased) * pageblock_nr_pages;

	return sysfs_emit(buf, "%llu\n", min(pages, kp->segs.nr_pages) << PAGE_SHIFT);
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
	return kmem_compact_now(&kp->compact);
}
KMEM_PERSIST_ATTR_WO(give_back);

#define KMEM_PERSIST_USAGE_ATTR(_name)					\
static ssize_t _name##_show(struct kmem_persist *kp, char *buf)		\
{									\
	struct kmem_usage usage;					\
									\
	kmem_pool_usage(&kp->pool, &usage);					\
	return sysfs_emit(buf, "%llu\n", usage._name << PAGE_SHIFT);	\
}									\
KMEM_PERSIST_ATTR_RO(_name)

KMEM_PERSIST_USAGE_ATTR(capacity);
KMEM_PERSIST_USAGE_ATTR(stored);
KMEM_PERSIST_USAGE_ATTR(pool);
KMEM_PERSIST_USAGE_ATTR(lent);
KMEM_PERSIST_USAGE_ATTR(absent);
KMEM_PERSIST_USAGE_ATTR(bad);

/* What is told with the events about space, too. */
static ssize_t free_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", kmem_pool_reachable(&kp->pool) << PAGE_SHIFT);
}
KMEM_PERSIST_ATTR_RO(free);

static ssize_t beyond_limit_show(struct kmem_persist *kp, char *buf)
{
	return sysfs_emit(buf, "%llu\n", kmem_pool_beyond_limit(&kp->pool) << PAGE_SHIFT);
}
KMEM_PERSIST_ATTR_RO(beyond_limit);

#define KMEM_PERSIST_COUNTER_ATTR(_name, _member, _shift)		\
static ssize_t _name##_show(struct kmem_persist *kp, char *buf)		\
{									\
	return sysfs_emit(buf, "%llu\n", READ_ONCE(kp->_member) << (_shift)); \
}									\
KMEM_PERSIST_ATTR_RO(_name)

KMEM_PERSIST_COUNTER_ATTR(taken, take.nr_taken, PAGE_SHIFT);
KMEM_PERSIST_COUNTER_ATTR(given, exchange.nr_given, PAGE_SHIFT);
KMEM_PERSIST_COUNTER_ATTR(moved, compact.nr_moved, PAGE_SHIFT);
KMEM_PERSIST_COUNTER_ATTR(known_bad, region.nr_known_bad, 0);
KMEM_PERSIST_COUNTER_ATTR(cleared, pool.nr_cleared, 0);

KMEM_PERSIST_COUNTER_ATTR(refused_pinned, take.refused[KMEM_REFUSED_PINNED], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_locked, take.refused[KMEM_REFUSED_LOCKED], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_writeback, take.refused[KMEM_REFUSED_WRITEBACK], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_isolated, take.refused[KMEM_REFUSED_ISOLATED], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_hugetlb, take.refused[KMEM_REFUSED_HUGETLB], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_poison, take.refused[KMEM_REFUSED_POISON], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_kernel, take.refused[KMEM_REFUSED_KERNEL], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_busy, take.refused[KMEM_REFUSED_BUSY], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_slow, take.refused[KMEM_REFUSED_SLOW], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_no_memory, take.refused[KMEM_REFUSED_NO_MEMORY], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_ram_floor, take.refused[KMEM_REFUSED_RAM_FLOOR], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_node_floor, take.refused[KMEM_REFUSED_NODE_FLOOR], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_limit, take.refused[KMEM_REFUSED_LIMIT], 0);
KMEM_PERSIST_COUNTER_ATTR(refused_metadata, take.refused[KMEM_REFUSED_METADATA], 0);

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

/* Also what the superblock will know when kmem_super_write() has written it. */
#define KMEM_PERSIST_ERROR_ATTR(_name, _member)				\
static ssize_t _name##_show(struct kmem_persist *kp, char *buf)		\
{									\
	struct kmem_errors all;						\
									\
	kmem_super_errors(&kp->super, &all);					\
	return sysfs_emit(buf, "%llu\n", (u64)all._member);		\
}									\
KMEM_PERSIST_ATTR_RO(_name)

KMEM_PERSIST_ERROR_ATTR(errors_count, count);
KMEM_PERSIST_ERROR_ATTR(first_error_time, first_time);
KMEM_PERSIST_ERROR_ATTR(first_error_page, first_dpn);
KMEM_PERSIST_ERROR_ATTR(last_error_time, last_time);
KMEM_PERSIST_ERROR_ATTR(last_error_page, last_dpn);

static struct attribute *kmem_persist_attrs[] = {
	&kmem_persist_attr_type.attr.attr,
	&kmem_persist_attr_uuid.attr.attr,
	&kmem_persist_attr_label.attr.attr,
	&kmem_persist_attr_state.attr.attr,
	&kmem_persist_attr_reason.attr.attr,
	&kmem_persist_attr_superblocks.attr.attr,
	&kmem_persist_attr_persistence.attr.attr,
	&kmem_persist_attr_capacity.attr.attr,
	&kmem_persist_attr_stored.attr.attr,
	&kmem_persist_attr_pool.attr.attr,
	&kmem_persist_attr_lent.attr.attr,
	&kmem_persist_attr_absent.attr.attr,
	&kmem_persist_attr_bad.attr.attr,
	&kmem_persist_attr_reserved.attr.attr,
	&kmem_persist_attr_free.attr.attr,
	&kmem_persist_attr_beyond_limit.attr.attr,
	&kmem_persist_attr_taken.attr.attr,
	&kmem_persist_attr_given.attr.attr,
	&kmem_persist_attr_moved.attr.attr,
	&kmem_persist_attr_refused_pinned.attr.attr,
	&kmem_persist_attr_refused_locked.attr.attr,
	&kmem_persist_attr_refused_writeback.attr.attr,
	&kmem_persist_attr_refused_isolated.attr.attr,
	&kmem_persist_attr_refused_hugetlb.attr.attr,
	&kmem_persist_attr_refused_poison.attr.attr,
	&kmem_persist_attr_refused_kernel.attr.attr,
	&kmem_persist_attr_refused_busy.attr.attr,
	&kmem_persist_attr_refused_slow.attr.attr,
	&kmem_persist_attr_refused_no_memory.attr.attr,
	&kmem_persist_attr_refused_ram_floor.attr.attr,
	&kmem_persist_attr_refused_node_floor.attr.attr,
	&kmem_persist_attr_refused_limit.attr.attr,
	&kmem_persist_attr_refused_metadata.attr.attr,
	&kmem_persist_attr_scan_ms.attr.attr,
	&kmem_persist_attr_scan_bytes.attr.attr,
	&kmem_persist_attr_known_bad.attr.attr,
	&kmem_persist_attr_cleared.attr.attr,
	&kmem_persist_attr_errors_count.attr.attr,
	&kmem_persist_attr_first_error_time.attr.attr,
	&kmem_persist_attr_first_error_page.attr.attr,
	&kmem_persist_attr_last_error_time.attr.attr,
	&kmem_persist_attr_last_error_page.attr.attr,
	&kmem_persist_attr_reserve_bytes.attr.attr,
	&kmem_persist_attr_limit_bytes.attr.attr,
	&kmem_persist_attr_metadata_bytes.attr.attr,
	&kmem_persist_attr_keep_bytes.attr.attr,
	&kmem_persist_attr_ram_floor_bytes.attr.attr,
	&kmem_persist_attr_node_floor_bytes.attr.attr,
	&kmem_persist_attr_low_water_bytes.attr.attr,
	&kmem_persist_attr_zero_on_free.attr.attr,
	&kmem_persist_attr_unerased.attr.attr,
	&kmem_persist_attr_offline.attr.attr,
	&kmem_persist_attr_copy.attr.attr,
	&kmem_persist_attr_space.attr.attr,
	&kmem_persist_attr_give_back.attr.attr,
	NULL,
};

static const struct attribute_group kmem_persist_group = {
	.name = "persist",
	.attrs = kmem_persist_attrs,
};

/*
 * debugfs
 */

/* All of one moment, so that the sum can be checked. */
static int usage_show(struct seq_file *m, void *unused)
{
	struct kmem_persist *kp = m->private;
	struct kmem_usage usage;

	kmem_pool_usage(&kp->pool, &usage);
	seq_printf(m, "capacity %llu\nstored %llu\npool %llu\nlent %llu\nabsent %llu\nbad %llu\n",
		   usage.capacity << PAGE_SHIFT, usage.stored << PAGE_SHIFT,
		   usage.pool << PAGE_SHIFT, usage.lent << PAGE_SHIFT,
		   usage.absent << PAGE_SHIFT, usage.bad << PAGE_SHIFT);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(usage);

static int exchange_show(struct seq_file *m, void *unused)
{
	const struct kmem_persist *kp = m->private;

	seq_printf(m, "taken %llu\ngiven %llu\nbusy %llu\nmoved %llu\n",
		   READ_ONCE(kp->take.nr_taken) << PAGE_SHIFT,
		   READ_ONCE(kp->exchange.nr_given) << PAGE_SHIFT, READ_ONCE(kp->take.nr_busy),
		   READ_ONCE(kp->compact.nr_moved) << PAGE_SHIFT);
	seq_printf(m, "takes %llu\ntake_ns %llu\nbusy_ns %llu\ngive_ns %llu\n",
		   READ_ONCE(kp->take.nr_takes), READ_ONCE(kp->take.take_ns),
		   READ_ONCE(kp->take.busy_ns), READ_ONCE(kp->exchange.give_ns));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(exchange);

/**
 * kmem_persist_sysfs_add - create persist/, and the tables
 * @kp: the device
 * @tables: where these are
 *
 * Context: sleeps. Return: 0 or a negative errno.
 */
int kmem_persist_sysfs_add(struct kmem_persist *kp, struct dentry *tables)
{
	int rc;

	kp->dev_dax->persist = kp;
	rc = sysfs_create_group(&kp->dev->kobj, &kmem_persist_group);
	if (rc) {
		kp->dev_dax->persist = NULL;
		return rc;
	}
	kp->tables = debugfs_create_dir(dev_name(kp->dev), tables);
	debugfs_create_file("usage", 0444, kp->tables, kp, &usage_fops);
	debugfs_create_file("exchange", 0444, kp->tables, kp, &exchange_fops);
	return 0;
}

/**
 * kmem_persist_sysfs_del - remove persist/, and the tables
 * @kp: the device
 *
 * On return nobody reads a file of it any more. Context: sleeps; not under
 * kmem_persist.lock.
 */
void kmem_persist_sysfs_del(struct kmem_persist *kp)
{
	debugfs_remove_recursive(kp->tables);
	sysfs_remove_group(&kp->dev->kobj, &kmem_persist_group);
	kp->dev_dax->persist = NULL;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: the superblock of a device that is in service
 *
 * There is one that is on the media, and one that is being prepared: who wants to change
 * something begins with the former, and until the latter is durable nothing has happened.
 * Read errors are counted at once, and carried over with whatever is written next, or by
 * a work item of the device, not too often.
 *
 * Who may change it is a matter of the life cycle, whose lock it is: device.c.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include "super.h"

/**
 * kmem_super_init - a superblock that is empty
 * @super: to be filled, all zeroes; kmem_super_exit() has to follow, whatever this returns
 * @segs: the device
 * @lock: whoever changes it holds this
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int kmem_super_init(struct kmem_super *super, const struct kmem_segments *segs,
		    struct mutex *lock)
{
	super->segs = segs;
	super->lock = lock;
	spin_lock_init(&super->text);
	super->sb = kzalloc_obj(*super->sb);
	super->next = kzalloc_obj(*super->next);
	return super->sb && super->next ? 0 : -ENOMEM;
}

/**
 * kmem_super_exit - counterpart of kmem_super_init(), even if it failed
 * @super: the superblock
 *
 * Context: any.
 */
void kmem_super_exit(struct kmem_super *super)
{
	kfree_sensitive(super->sb);
	kfree_sensitive(super->next);
}

/**
 * kmem_super_find_places - find out where the copies are
 * @super: the superblock
 *
 * Context: any; the memory of the device is mapped now.
 */
void kmem_super_find_places(struct kmem_super *super)
{
	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		super->set.place[i] = kmem_segments_kaddr(super->segs, kmem_sb_places[i]);
	super->set.bad = 0;
}

/**
 * kmem_super_change - begin to change the superblock
 * @super: the superblock
 *
 * Ends with kmem_super_write(); without that nothing has happened, and who begins
 * next begins from what is on the media. Context: kmem_super.lock held.
 * Return: a copy that may be changed.
 */
struct kmem_persist_superblock *kmem_super_change(struct kmem_super *super)
{
	lockdep_assert_held(super->lock);
	*super->next = *super->sb;
	return super->next;
}

/* What was written is the superblock now, with so many of the errors. */
static void kmem_super_adopt(struct kmem_super *super, u64 errors)
{
	guard(spinlock)(&super->text);
	*super->sb = *super->next;
	super->errors.count -= errors;
}

/* Pages of a mask of places, as text. */
static const char *kmem_super_places_text(unsigned int mask, char *text, size_t size)
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
static void kmem_super_say_places(struct kmem_super *super)
{
	const unsigned int holds = hweight32(super->set.holds);
	char text[32];

	if (!(super->set.bad & ~super->said))
		return;
	super->said = super->set.bad;
	kmem_super_places_text(super->set.bad, text, sizeof(text));
	if (holds >= KMEM_SB_ENOUGH)
		dev_warn(super->segs->dev, "no superblock can be written to page %s, %u copies are left; see ndctl clear-errors\n",
			 text, holds);
	else
		dev_err(super->segs->dev, "degraded: no superblock can be written to page %s, %u copies are left, one more and nothing can be changed; see ndctl clear-errors\n",
			text, holds);
}

/* Errors that are not known yet; they are also remembered until that is durable. */
static u64 kmem_super_merge_errors(struct kmem_super *super)
{
	struct kmem_persist_superblock *sb = super->next;
	struct kmem_errors new;

	scoped_guard(spinlock, &super->text) {
		new = super->errors;
	}
	if (!new.count)
		return 0;
	if (!sb->error_count) {
		sb->error_first_time = cpu_to_le64(new.first_time);
		sb->error_first_dpn = cpu_to_le64(new.first_dpn);
	}
	sb->error_count = cpu_to_le32(min_t(u64, U32_MAX,
					    (u64)le32_to_cpu(sb->error_count) + new.count));
	sb->error_last = cpu_to_le32(EIO);
	sb->error_last_time = cpu_to_le64(new.last_time);
	sb->error_last_dpn = cpu_to_le64(new.last_dpn);
	sb->state |= cpu_to_le32(KMEM_PERSIST_STATE_ERRORS);
	/* What cannot be read may not have been erased either. */
	if (sb->feat_ro_compat & cpu_to_le64(KMEM_PERSIST_RO_ZERO_ON_FREE))
		sb->state |= cpu_to_le32(KMEM_PERSIST_STATE_REMNANTS);
	return new.count;
}

/**
 * kmem_super_write - update the superblock
 * @super: the superblock
 *
 * What was changed since kmem_super_change(), and what has to be known about errors.
 * Until this returns 0 everything that the superblock has referred to stays as it is.
 *
 * Context: may sleep; kmem_super.lock held.
 * Return: 0, it is durable, and @super->sb; -EIO if too few places take it: logged, and
 * @super->sb is what it was.
 */
int kmem_super_write(struct kmem_super *super)
{
	u64 errors;
	int rc;

	lockdep_assert_held(super->lock);
	errors = kmem_super_merge_errors(super);
	rc = kmem_sb_write(&super->segs->media, super->next, &super->set);
	WRITE_ONCE(super->copies, rc ? KMEM_PERSIST_NR_PLACES - hweight32(super->set.bad) :
				       hweight32(super->set.holds));
	if (rc) {
		dev_err(super->segs->dev, "the superblock cannot be updated: fewer than %u places take it (found %u); see ndctl clear-errors, and bind the device again\n",
			KMEM_SB_LEAST, super->copies);
		return rc;
	}
	kmem_super_say_places(super);
	kmem_super_adopt(super, errors);
	return 0;
}

/**
 * kmem_super_write_first - write the superblock of a new format
 * @super: the superblock; what was at its places is erased
 *
 * Context: may sleep; kmem_super.lock held.
 * Return: 0, it is durable, and @super->sb; or a negative errno.
 */
int kmem_super_write_first(struct kmem_super *super)
{
	int rc;

	lockdep_assert_held(super->lock);
	rc = kmem_sb_write_first(&super->segs->media, super->next, &super->set);
	if (!rc)
		kmem_super_adopt(super, 0);
	return rc;
}

/**
 * kmem_super_erase - erase all places, for a format: what stays could come back one day
 * @super: the superblock
 *
 * Context: may sleep. Return: 0, or -EIO, which is logged.
 */
int kmem_super_erase(struct kmem_super *super)
{
	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		if (!kmem_sb_erase(&super->segs->media, super->set.place[i]))
			continue;
		dev_err(super->segs->dev, "page %llu, where superblocks are, cannot be erased; see ndctl clear-errors\n",
			kmem_sb_places[i]);
		return -EIO;
	}
	return 0;
}

/**
 * kmem_super_count_error - a read of a page has failed
 * @super: the superblock, that learns it with what is written next
 * @dpn: the page
 *
 * Context: any but interrupts.
 */
void kmem_super_count_error(struct kmem_super *super, u64 dpn)
{
	const time64_t now = ktime_get_real_seconds();

	guard(spinlock)(&super->text);
	if (!super->errors.count++) {
		super->errors.first_dpn = dpn;
		super->errors.first_time = now;
	}
	super->errors.last_dpn = dpn;
	super->errors.last_time = now;
}

/**
 * kmem_super_errors - all errors since the device was formatted
 * @super: the superblock
 * @all: receives them, may be NULL
 *
 * Those that the superblock knows, and those that it will know soon. Changes nothing.
 *
 * Context: any but interrupts. Return: their number.
 */
u64 kmem_super_errors(struct kmem_super *super, struct kmem_errors *all)
{
	const struct kmem_persist_superblock *sb = super->sb;
	struct kmem_errors sum;

	guard(spinlock)(&super->text);
	sum = super->errors;
	if (sb->error_count) {
		sum.first_time = le64_to_cpu(sb->error_first_time);
		sum.first_dpn = le64_to_cpu(sb->error_first_dpn);
	}
	if (!sum.count) {
		sum.last_time = le64_to_cpu(sb->error_last_time);
		sum.last_dpn = le64_to_cpu(sb->error_last_dpn);
	}
	sum.count += le32_to_cpu(sb->error_count);
	if (all)
		*all = sum;
	return sum.count;
}

/**
 * kmem_super_has_news - are there errors that the superblock does not know?
 * @super: the superblock
 *
 * Context: any but interrupts.
 */
bool kmem_super_has_news(struct kmem_super *super)
{
	guard(spinlock)(&super->text);
	return super->errors.count;
}

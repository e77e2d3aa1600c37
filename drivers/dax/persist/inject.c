// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: injection of media errors and of long work, for tests
 *
 * Emulated memory has no errors, and little of it. Below
 * /sys/kernel/debug/kmem_persist/:
 *
 *  known    what regions say about bad pages when a device is bound
 *  poison   reads of these pages fail
 *  clears   what an imaginary region does when it is asked to clear pages, KMEM_CLEARS_*;
 *           0: it is not asked, the real one is
 *  pause    which kinds of work stand still, KMEM_PAUSE_*, holding what they hold; ten
 *           minutes at most
 *  paused   which of them do so now
 *  starve   pools have no free pages, Y or N
 *
 * For the first two, one line for each range of pages: the first page frame number and
 * the number of pages, 512 at most, as in the badblocks file of a disk. Writing such a
 * line adds a range, writing it with a minus sign in front takes it away. The calls below
 * are made where the region is asked and where the machine would have its say, and
 * nowhere else.
 */
#include <linux/atomic.h>
#include <linux/badblocks.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/range.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include "inject.h"

static struct badblocks kmem_inject_known;
static struct badblocks kmem_inject_poison;
static u32 kmem_inject_paused_kinds;
static atomic_t kmem_inject_pausing;
static bool kmem_inject_starve;
static u32 kmem_inject_how_clear;

/* Tests that fail shall end. */
#define KMEM_INJECT_PAUSE_MAX	(600 * HZ)

/**
 * kmem_inject_next_bad - &dax_region_ops.next_bad of an imaginary region
 * @dev: does not matter
 * @in: where to look
 * @bad: receives the first range of bad memory
 *
 * Context: any. Return: true if there is one.
 */
bool kmem_inject_next_bad(struct device *dev, const struct range *in,
			  struct range *bad)
{
	const unsigned long first = PHYS_PFN(in->start);
	sector_t pfn, nr;

	/* Its table may be empty, but not the range too large for an int. */
	if (!kmem_inject_known.count ||
	    !badblocks_check(&kmem_inject_known, first,
			     min(PHYS_PFN(in->end) - first + 1, INT_MAX), &pfn, &nr))
		return false;
	bad->start = PFN_PHYS(pfn);
	bad->end = PFN_PHYS(pfn + nr) - 1;
	return true;
}

/**
 * kmem_inject_is_poisoned - would a read of a page fail?
 * @phys: its physical address
 *
 * Context: any.
 */
bool kmem_inject_is_poisoned(phys_addr_t phys)
{
	sector_t pfn, nr;

	return kmem_inject_poison.count &&
	       badblocks_check(&kmem_inject_poison, PHYS_PFN(phys), 1, &pfn, &nr);
}

/**
 * kmem_inject_clears - is the imaginary region asked to clear pages?
 *
 * Context: any.
 */
bool kmem_inject_clears(void)
{
	return READ_ONCE(kmem_inject_how_clear);
}

/**
 * kmem_inject_clear_bad - &dax_region_ops.clear_bad of an imaginary region
 * @dev: does not matter
 * @bad: the pages
 *
 * Context: sleeps. Return: true if it says that they are cleared.
 */
bool kmem_inject_clear_bad(struct device *dev, const struct range *bad)
{
	const u32 how = READ_ONCE(kmem_inject_how_clear);
	const u64 pfn = PHYS_PFN(bad->start), nr = PHYS_PFN(range_len(bad));

	if (how & KMEM_CLEARS_KNOWN)
		badblocks_clear(&kmem_inject_known, pfn, nr);
	if (how & KMEM_CLEARS_POISON)
		badblocks_clear(&kmem_inject_poison, pfn, nr);
	return how & KMEM_CLEARS_SAYS;
}

/**
 * kmem_inject_starves - shall the pools seem to be empty?
 *
 * Context: any.
 */
bool kmem_inject_starves(void)
{
	return READ_ONCE(kmem_inject_starve);
}

/**
 * kmem_inject_pause - stand still, as if there were much to do, if that was asked for
 * @kind: of work, one of KMEM_PAUSE_*
 * @stop: what tells this work to end, may be NULL
 *
 * Context: sleeps.
 */
void kmem_inject_pause(u32 kind, const bool *stop)
{
	const unsigned long end = jiffies + KMEM_INJECT_PAUSE_MAX;

	while (READ_ONCE(kmem_inject_paused_kinds) & kind &&
	       !(stop && READ_ONCE(*stop)) && time_before(jiffies, end)) {
		atomic_or(kind, &kmem_inject_pausing);
		schedule_timeout_idle(max(HZ / 50, 1));
	}
	atomic_andnot(kind, &kmem_inject_pausing);
}

static int kmem_inject_show(struct seq_file *file, void *unused)
{
	char *page __free(kfree) = kzalloc(PAGE_SIZE, GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	badblocks_show(file->private, page, 0);
	seq_puts(file, page);
	return 0;
}

static int kmem_inject_open(struct inode *inode, struct file *file)
{
	return single_open(file, kmem_inject_show, inode->i_private);
}

static ssize_t kmem_inject_write(struct file *file, const char __user *ubuf,
				 size_t len, loff_t *pos)
{
	struct seq_file *seq = file->private_data;
	struct badblocks *bb = seq->private;
	unsigned long long pfn, nr;
	char buf[64];
	bool ok;

	if (len >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, ubuf, len))
		return -EFAULT;
	buf[len] = '\0';
	if (sscanf(buf[0] == '-' ? buf + 1 : buf, "%llu %llu", &pfn, &nr) != 2 ||
	    !nr || nr > BB_MAX_LEN)
		return -EINVAL;
	if (buf[0] == '-')
		ok = badblocks_clear(bb, pfn, nr);
	else
		ok = badblocks_set(bb, pfn, nr, 1);
	return ok ? len : -ENOSPC;
}

static const struct file_operations kmem_inject_fops = {
	.owner = THIS_MODULE,
	.open = kmem_inject_open,
	.read = seq_read,
	.write = kmem_inject_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/**
 * kmem_inject_init - make the files
 * @dir: where
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int kmem_inject_init(struct dentry *dir)
{
	if (badblocks_init(&kmem_inject_known, 1))
		return -ENOMEM;
	if (badblocks_init(&kmem_inject_poison, 1)) {
		badblocks_exit(&kmem_inject_known);
		return -ENOMEM;
	}
	debugfs_create_file("known", 0600, dir, &kmem_inject_known,
			    &kmem_inject_fops);
	debugfs_create_file("poison", 0600, dir, &kmem_inject_poison,
			    &kmem_inject_fops);
	debugfs_create_u32("clears", 0600, dir, &kmem_inject_how_clear);
	debugfs_create_u32("pause", 0600, dir, &kmem_inject_paused_kinds);
	debugfs_create_atomic_t("paused", 0400, dir, &kmem_inject_pausing);
	debugfs_create_bool("starve", 0600, dir, &kmem_inject_starve);
	return 0;
}

/**
 * kmem_inject_exit - forget all errors
 *
 * Context: sleeps; there are no devices and no files.
 */
void kmem_inject_exit(void)
{
	badblocks_exit(&kmem_inject_known);
	badblocks_exit(&kmem_inject_poison);
}

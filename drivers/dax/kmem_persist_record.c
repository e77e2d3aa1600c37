// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: recorder of what is done to the media, for tests
 *
 * /sys/kernel/debug/kmem_persist/record takes a number of MiB: the next device that is
 * bound is recorded, from before it is formatted or attached until it is gone, or until
 * so much has been logged. Reading gives the log, see &struct kmem_record. It is enough
 * to rebuild, without any image of the device, what a power failure could have left
 * behind at any moment.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include "kmem_persist_private.h"
#include "kmem_persist_record.h"

#define KMEM_RECORD_MAX		SZ_1G

/* Protects which log there is and who uses it, not what is in it. */
static DEFINE_MUTEX(kmem_record_mutex);

/* Protects kmem_record_used and what comes next. */
static DEFINE_RAW_SPINLOCK(kmem_record_lock);

static u8 *kmem_record_log;
static size_t kmem_record_size;
static size_t kmem_record_used;
static const struct kmem_persist *kmem_record_kp;

static void kmem_record_put(enum kmem_record_op op, u64 pos, size_t len,
			    const void *data, size_t bytes)
{
	struct kmem_record *rec = (void *)(kmem_record_log + kmem_record_used);

	*rec = (struct kmem_record){
		.op = cpu_to_le32(op),
		.task = cpu_to_le32(task_pid_nr(current)),
		.pos = cpu_to_le64(pos),
		.len = cpu_to_le32(len),
		.bytes = cpu_to_le32(bytes),
	};
	memcpy(rec + 1, data, bytes);
	/* Pairs with kmem_record_read(). */
	smp_store_release(&kmem_record_used,
			  kmem_record_used + sizeof(*rec) + round_up(bytes, 8));
}

/**
 * kmem_record_append - log something about the device that is recorded
 * @op: what
 * @pos: where
 * @len: how much
 * @data: what belongs to it
 * @bytes: size of @data
 *
 * Context: any, task context; a raw spinlock.
 */
void kmem_record_append(enum kmem_record_op op, u64 pos, size_t len,
			const void *data, size_t bytes)
{
	const size_t size = sizeof(struct kmem_record) + round_up(bytes, 8);

	guard(raw_spinlock_irqsave)(&kmem_record_lock);
	if (!kmem_record_size)
		return;
	/* One more is for the end. */
	if (kmem_record_size - kmem_record_used <
	    size + sizeof(struct kmem_record)) {
		kmem_record_put(KMEM_RECORD_FULL, 0, 0, NULL, 0);
		kmem_record_size = 0;
		return;
	}
	kmem_record_put(op, pos, len, data, bytes);
}
EXPORT_SYMBOL_FOR_MODULES(kmem_record_append, "kmem_blk");

/**
 * kmem_record_media - log something that is about to be done to the media
 * @media: the media, that of the device that is recorded
 * @op: what
 * @addr: kernel address on the media, or NULL
 * @data: what is stored there, or NULL
 * @len: bytes
 *
 * Context: any, task context; a raw spinlock.
 */
void kmem_record_media(const struct kmem_media *media, enum kmem_record_op op,
		       const void *addr, const void *data, size_t len)
{
	const struct kmem_persist *kp = container_of(media, struct kmem_persist,
						     media);
	u64 pos = 0;
	unsigned int i;

	for (i = 0; addr && i < kp->num_segments; i++) {
		const struct kmem_segment *seg = &kp->segments[i];

		if (seg->kaddr && addr >= seg->kaddr &&
		    addr < seg->kaddr + PFN_PHYS(seg->nr_pages)) {
			pos = PFN_PHYS(seg->first_dpn) + (addr - seg->kaddr);
			break;
		}
	}
	kmem_record_append(op, pos, len, data, data ? len : 0);
}
EXPORT_SYMBOL_FOR_MODULES(kmem_record_media, "kmem_blk,kmem_none");

/**
 * kmem_record_start - a device is there, which is recorded if that is wanted
 * @kp: the device
 *
 * Context: sleeps; nobody else knows the device.
 */
void kmem_record_start(struct kmem_persist *kp)
{
	guard(mutex)(&kmem_record_mutex);
	if (!kmem_record_log || kmem_record_kp || kmem_record_used)
		return;
	kmem_record_kp = kp;
	kmem_record_append(KMEM_RECORD_START, PFN_PHYS(kp->nr_pages), PAGE_SIZE,
			   NULL, 0);
	kp->media.record = true;
	dev_info(kp->dev, "what is done to its media is recorded\n");
}

/**
 * kmem_record_stop - a device goes
 * @kp: the device, recorded or not
 *
 * Context: sleeps; nobody else knows the device.
 */
void kmem_record_stop(struct kmem_persist *kp)
{
	guard(mutex)(&kmem_record_mutex);
	if (kmem_record_kp == kp)
		kmem_record_kp = NULL;
}

static ssize_t kmem_record_read(struct file *file, char __user *buf, size_t count,
				loff_t *pos)
{
	size_t used;

	guard(mutex)(&kmem_record_mutex);
	/* Pairs with kmem_record_put(). */
	used = smp_load_acquire(&kmem_record_used);
	return simple_read_from_buffer(buf, count, pos, kmem_record_log, used);
}

static ssize_t kmem_record_write(struct file *file, const char __user *buf,
				 size_t count, loff_t *pos)
{
	unsigned int mib;
	int rc;

	rc = kstrtouint_from_user(buf, count, 0, &mib);
	if (rc)
		return rc;
	if (mib > KMEM_RECORD_MAX / SZ_1M)
		return -EINVAL;

	guard(mutex)(&kmem_record_mutex);
	if (kmem_record_kp)
		return -EBUSY;
	scoped_guard(raw_spinlock_irqsave, &kmem_record_lock) {
		kmem_record_size = 0;
		kmem_record_used = 0;
	}
	vfree(kmem_record_log);
	kmem_record_log = mib ? vzalloc((size_t)mib * SZ_1M) : NULL;
	if (mib && !kmem_record_log)
		return -ENOMEM;
	scoped_guard(raw_spinlock_irqsave, &kmem_record_lock)
		kmem_record_size = (size_t)mib * SZ_1M;
	return count;
}

static const struct file_operations kmem_record_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = kmem_record_read,
	.write = kmem_record_write,
	.llseek = default_llseek,
};

/**
 * kmem_record_init - make the file
 * @dir: where
 *
 * Context: sleeps.
 */
void kmem_record_init(struct dentry *dir)
{
	debugfs_create_file("record", 0600, dir, NULL, &kmem_record_fops);
}

/**
 * kmem_record_exit - forget the log
 *
 * Context: sleeps; there are no devices and no file.
 */
void kmem_record_exit(void)
{
	vfree(kmem_record_log);
}

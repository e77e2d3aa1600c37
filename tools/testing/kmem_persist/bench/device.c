// SPDX-License-Identifier: GPL-2.0
/*
 * A kmem block device in plain memory: the framework's side, and the disk
 *
 * What the driver calls for every bio costs what it costs in the framework. The pool is
 * simpler than the framework's: one bitmap, searched from where a page was found last,
 * under one lock. It is asked for 64 pages at a time.
 */

#include "device.h"
#include <sys/mman.h>

/**
 * bench_memory - memory as the kernel maps it, in large pages where possible
 * @bytes: how much
 */
void *bench_memory(size_t bytes)
{
	const size_t huge = 2UL << 20;
	size_t size = (bytes + huge - 1) & ~(huge - 1);
	u8 *mem = mmap(NULL, size + huge, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	mem = (u8 *)(((unsigned long)mem + huge - 1) & ~(huge - 1));
	madvise(mem, size, MADV_HUGEPAGE);
	return mem;
}

/**
 * bench_kp_new - a device
 * @mem: its memory
 * @nr_pages: its size, a multiple of 64
 */
struct kmem_persist *bench_kp_new(u8 *mem, u64 nr_pages)
{
	struct kmem_persist *kp = calloc(1, sizeof(*kp));

	kp->nr_pages = nr_pages;
	kp->kaddr = mem;
	kp->media.need_wb = true;
	kp->used = bench_memory(nr_pages / 8);
	bench_kp_forget(kp);
	return kp;
}

/**
 * bench_kp_forget - forget what is in use, as before an attach
 * @kp: the device
 */
void bench_kp_forget(struct kmem_persist *kp)
{
	memset(kp->used, 0, kp->nr_pages / 8);
	for (u64 dpn = 0; dpn < KMEM_PERSIST_FIRST_PAGE; dpn++)
		dax_kmem_claim_page(kp, dpn);
	kp->hint = 0;
}

/**
 * bench_kp_delete - forget a device, but not its memory
 * @kp: the device
 */
void bench_kp_delete(struct kmem_persist *kp)
{
	munmap(kp->used, kp->nr_pages / 8);
	free(kp);
}

u64 dax_kmem_num_pages(const struct kmem_persist *kp)
{
	return kp->nr_pages;
}

void *dax_kmem_index_to_kaddr(const struct kmem_persist *kp, u64 dpn)
{
	return dpn < kp->nr_pages ? kp->kaddr + (dpn << PAGE_SHIFT) : NULL;
}

const struct kmem_media *kmem_persist_media(const struct kmem_persist *kp)
{
	return &kp->media;
}

/* test_and_set_bit() of the kernel. */
int dax_kmem_claim_page(struct kmem_persist *kp, u64 dpn)
{
	bool was;

	if (dpn >= kp->nr_pages)
		return -ERANGE;
	asm volatile("lock; btsq %2, %0" : "+m" (*kp->used), "=@ccc" (was) : "Ir" (dpn) :
		     "memory");
	return was ? -EEXIST : 0;
}

unsigned int dax_kmem_claim_groups(struct kmem_persist *kp,
				   const struct kmem_page_group *groups,
				   unsigned int nr, bool shared)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		prefetchw(&kp->used[groups[i].nr]);
	for (i = 0; i < nr; i++) {
		unsigned long *word = &kp->used[groups[i].nr];
		unsigned long old = READ_ONCE(*word);

		if (!shared) {
			if (old & groups[i].pages)
				return i;
			WRITE_ONCE(*word, old | groups[i].pages);
			continue;
		}
		do {
			if (old & groups[i].pages)
				return i;
		} while (!__atomic_compare_exchange_n(word, &old, old | groups[i].pages,
						      false, __ATOMIC_SEQ_CST,
						      __ATOMIC_RELAXED));
	}
	return i;
}

unsigned int dax_kmem_alloc_pages(struct kmem_persist *kp, u64 *dpns,
				  unsigned int nr, unsigned int flags)
{
	unsigned int got = 0;

	guard(spinlock)(&kp->lock);
	for (u64 words = 0; words <= kp->nr_pages / 64; words++) {
		unsigned long *word = &kp->used[kp->hint / 64];

		while (~*word && got < nr) {
			unsigned int bit = __builtin_ctzl(~*word);

			*word |= 1UL << bit;
			dpns[got++] = (kp->hint & ~63ULL) + bit;
		}
		if (got == nr)
			break;
		kp->hint = (kp->hint / 64 + 1) * 64 % kp->nr_pages;
	}
	return got;
}

void dax_kmem_free_pages(struct kmem_persist *kp, const u64 *dpns, unsigned int nr)
{
	guard(spinlock)(&kp->lock);
	for (unsigned int i = 0; i < nr; i++) {
		WARN_ON_ONCE(!(kp->used[dpns[i] / 64] >> (dpns[i] % 64) & 1));
		kp->used[dpns[i] / 64] &= ~(1UL << (dpns[i] % 64));
	}
}

bool dax_kmem_zero_on_free(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->zero_on_free);
}

bool dax_kmem_erases(const struct kmem_persist *kp)
{
	return dax_kmem_zero_on_free(kp);
}

bool dax_kmem_is_moving(const struct kmem_persist *kp)
{
	return READ_ONCE(kp->moving);
}

bool dax_kmem_page_moves(const struct kmem_persist *kp, u64 dpn)
{
	return false;
}

bool dax_kmem_has_bad(const struct kmem_persist *kp)
{
	return unlikely(READ_ONCE(kp->has_bad));
}

bool dax_kmem_page_is_bad(const struct kmem_persist *kp, u64 dpn)
{
	return false;
}

bool dax_kmem_has_space(const struct kmem_persist *kp, unsigned int flags)
{
	return true;
}

void dax_kmem_lend(struct kmem_persist *kp)
{
}

/* persist/blk/park.c: nobody waits here. */
blk_status_t kmem_blk_park(struct kmem_blk *kb, struct bio *bio, enum kmem_blk_wait wait)
{
	WARN_ON_ONCE(true);
	return BLK_STS_NOSPC;
}

bool kmem_blk_park_may_reclaim(struct kmem_blk *kb)
{
	return false;
}

/* persist/blk/error.c, while there is no error. */
void kmem_blk_clear_errors(struct kmem_blk *kb, u64 lblk, u64 nr)
{
	WARN_ON_ONCE(true);
}

void kmem_blk_media_error(struct kmem_blk *kb, u64 lblk, u64 dpn)
{
	WARN_ON_ONCE(true);
}

void dax_kmem_count_error(struct kmem_persist *kp, u64 dpn)
{
	WARN_ON_ONCE(true);
}

void dax_kmem_media_error(struct kmem_persist *kp, u64 dpn)
{
	WARN_ON_ONCE(true);
}

void dax_kmem_mark_bad(struct kmem_persist *kp, u64 dpn)
{
	WARN_ON_ONCE(true);
}

/**
 * bench_device_init - format and attach
 * @dev: filled
 * @mem: its memory
 * @nr_pages: its size
 * @nr_lblks: size of the disk
 */
void bench_device_init(struct bench_device *dev, u8 *mem, u64 nr_pages, u64 nr_lblks)
{
	struct kmem_blk_map_error error;
	struct kmem_blk *kb = &dev->kb;
	struct kmem_blk_copies root;
	int err;

	memset(dev, 0, sizeof(*dev));
	dev->kp = bench_kp_new(mem, nr_pages);
	dax_kmem_alloc_pages(dev->kp, &root.dpn, 1, 0);
	dax_kmem_alloc_pages(dev->kp, &root.twin, 1, 0);
	err = kmem_blk_map_format(dev->kp, &dev->bsb, nr_lblks, 0x5eed, &root);
	bench_kp_forget(dev->kp);
	if (!err)
		err = kmem_blk_map_attach(&kb->map, dev->kp, &dev->bsb, &error);
	if (!err)
		err = kmem_blk_pages_module_init();
	if (!err)
		err = kmem_blk_pages_init(&kb->pages, dev->kp, &kb->map);
	if (err) {
		fprintf(stderr, "format and attach: %d\n", err);
		exit(1);
	}
	kb->kp = dev->kp;
	kb->media = &dev->kp->media;
	kb->stats = calloc(BENCH_CPUS, 64);
	kb->disk = &dev->disk;
	kb->no_space_timeout = 60;
	for (unsigned int i = 0; i < BENCH_CPUS; i++)
		kb->lists.list[i] = calloc(KMEM_BLK_BATCH, sizeof(u64));
	dev->disk.private_data = kb;
	dev->disk.queue = &dev->queue;
	dev->bdev.bd_disk = &dev->disk;
}

/**
 * bench_user_init - somebody who sends bios
 * @user: filled
 * @seed: of what is random, not 0
 */
void bench_user_init(struct bench_user *user, u64 seed)
{
	memset(user, 0, sizeof(*user));
	user->buf = bench_memory(BENCH_BUF_PAGES * PAGE_SIZE);
	memset(user->buf, 0x5a, BENCH_BUF_PAGES * PAGE_SIZE);
	user->rnd = seed * 0x9e3779b97f4a7c15ULL;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* A kmem block device in plain memory: the framework's side, the disk and its bios. */
#ifndef _BENCH_DEVICE_H
#define _BENCH_DEVICE_H

#include "kernel.h"
#include "../../../../drivers/dax/persist/blk/blk.h"

/* Most blocks of a bio here. */
#define BENCH_BIO_BLOCKS	256
/* Pages that the bios of a thread read from or write to, in turn. */
#define BENCH_BUF_PAGES		256

/**
 * struct kmem_persist - the framework's side of a device
 * @nr_pages: its size
 * @kaddr: its memory
 * @used: a bit per page
 * @lock: protects @used and @hint when the device runs
 * @hint: where to look for a free page
 * @media: as the framework has it
 * @zero_on_free: never set, as the rest; looked at as the framework does
 * @moving: is data being moved?
 * @has_bad: are there bad pages?
 */
struct kmem_persist {
	u64 nr_pages;
	u8 *kaddr;
	unsigned long *used;
	spinlock_t lock;	/* protects used and hint */
	u64 hint;
	struct kmem_media media;
	bool zero_on_free;
	bool moving;
	bool has_bad;
};

/**
 * struct bench_device - a disk on such a device
 * @kp: the device
 * @kb: the disk, as its driver knows it
 * @bdev: as users know it
 * @disk: in between
 * @queue: has no statistics
 * @bsb: plugin's part of the superblock
 */
struct bench_device {
	struct kmem_persist *kp;
	struct kmem_blk kb;
	struct block_device bdev;
	struct gendisk disk;
	struct request_queue queue;
	struct kmem_blk_superblock bsb;
};

/**
 * struct bench_user - who sends bios
 * @bio: the one bio, used again and again
 * @bvecs: its pages
 * @buf: where they are
 * @next: page of @buf that is next
 * @rnd: state of a random number generator
 */
struct bench_user {
	struct bio bio;
	struct bio_vec bvecs[BENCH_BIO_BLOCKS];
	struct page *buf;
	unsigned int next;
	u64 rnd;
};

void *bench_memory(size_t bytes);
struct kmem_persist *bench_kp_new(u8 *mem, u64 nr_pages);
void bench_kp_forget(struct kmem_persist *kp);
void bench_kp_delete(struct kmem_persist *kp);
void bench_device_init(struct bench_device *dev, u8 *mem, u64 nr_pages, u64 nr_lblks);
void bench_user_init(struct bench_user *user, u64 seed);

static inline u64 bench_random(struct bench_user *user)
{
	user->rnd ^= user->rnd << 13;
	user->rnd ^= user->rnd >> 7;
	user->rnd ^= user->rnd << 17;
	return user->rnd;
}

/* The next pages of the user's buffer. */
static inline struct page *bench_buf(struct bench_user *user, unsigned int nr)
{
	struct page *page;

	if (user->next + nr > BENCH_BUF_PAGES)
		user->next = 0;
	page = &user->buf[user->next];
	user->next += nr;
	return page;
}

/* A bio for @nr blocks from @lblk; with data if @page is not NULL. */
static inline struct bio *bench_bio(struct bench_device *dev, struct bench_user *user,
				    blk_opf_t opf, u64 lblk, unsigned int nr,
				    struct page *page)
{
	struct bio *bio = &user->bio;

	bio->bi_bdev = &dev->bdev;
	bio->bi_opf = opf;
	bio->bi_status = BLK_STS_OK;
	bio->bi_iter = (struct bvec_iter) {
		.bi_sector = lblk << (PAGE_SHIFT - SECTOR_SHIFT),
		.bi_size = nr << PAGE_SHIFT,
	};
	bio->bi_io_vec = user->bvecs;
	for (unsigned int i = 0; page && i < nr; i++)
		user->bvecs[i] = (struct bio_vec) {
			.bv_page = page + i,
			.bv_len = PAGE_SIZE,
		};
	return bio;
}

/* Ends the program if the disk refuses it. */
static inline void bench_submit(struct bio *bio)
{
	kmem_blk_submit_bio(bio);
	if (unlikely(bio->bi_status)) {
		fprintf(stderr, "bio %#x failed: %u\n", bio->bi_opf, bio->bi_status);
		abort();
	}
}

#endif

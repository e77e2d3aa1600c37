// SPDX-License-Identifier: GPL-2.0
/*
 * Models of what a kmem block device is measured against
 *
 * bare: a copy past the caches and one fence. Nothing durable can be faster.
 *
 * pmem: drivers/nvdimm/pmem.c. A copy in place, page by page; a bio with FUA, or a flush,
 * ends in nvdimm_flush(). Blocks may be torn by a crash.
 *
 * btt: drivers/nvdimm/btt.c with sectors of 4 KiB and no integrity data, per block:
 *	1. take the lane of this CPU, a mutex
 *	2. wait for readers of the lane's free block: look at all lanes
 *	3. write the data there
 *	4. take the lock of the map entry, read it
 *	5. write the first, then the second half of a log entry
 *	6. write the map entry
 * Each of the four writes is a copy past the caches and nvdimm_flush(). A read takes the
 * lane, reads the map entry, announces the block, reads the entry again, copies.
 *
 * nvdimm_flush() of a region without flush hints is two fences and some arithmetic.
 * Left out everywhere: media errors beyond one look at their number, error paths.
 */

#include "models.h"

#define BTT_LANES	256
#define BTT_NORMAL	(3U << 30)
#define BTT_RTT_VALID	(1U << 31)

struct btt_log {
	u32 lba, old_map, new_map, seq;
};

struct btt_lane {
	struct mutex lock ____cacheline_aligned_in_smp;
	u32 block;
	u32 sub;
	u32 seq;
	bool has_err;
};

struct btt_lock {
	spinlock_t lock ____cacheline_aligned_in_smp;
};

/* Flush hints of the region: none. */
static u64 *flush_hints[1];
static volatile unsigned int nr_flush_mappings = 1;

static noinline int nvdimm_flush(void)
{
	unsigned int idx = bench_this.flush_idx + bench_this.cpu;

	idx = bench_this.flush_idx += (idx * 0x61c88647U) >> 24;
	pmem_wmb();
	for (unsigned int i = 0; i < nr_flush_mappings; i++)
		if (READ_ONCE(flush_hints[i]))
			WRITE_ONCE(flush_hints[i][idx], 1);
	/* For the hints, whether there are any or not. */
	wmb();
	return 0;
}

void bare_write(void *dst, const void *src, unsigned int len)
{
	memcpy_flushcache(dst, src, len);
	/* Durable behind this. */
	wmb();
}

void bare_read(void *dst, const void *src, unsigned int len)
{
	copy_mc_to_kernel(dst, src, len);
}

#define for_each_segment(bv, bio, iter) \
	for ((iter) = (bio)->bi_iter; \
	     (iter).bi_size && ((bv) = bio_iter_iovec(bio, iter), true); \
	     bio_advance_iter_single(bio, &(iter), (bv).bv_len))

void pmem_write(u8 *media, const struct bio *bio, bool fua)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	for_each_segment(bv, bio, iter)
		memcpy_flushcache(media + (iter.bi_sector << SECTOR_SHIFT),
				  bvec_kmap_local(&bv), bv.bv_len);
	if (fua)
		nvdimm_flush();
}

void pmem_read(const u8 *media, const struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	for_each_segment(bv, bio, iter)
		copy_mc_to_kernel(bvec_kmap_local(&bv),
				  media + (iter.bi_sector << SECTOR_SHIFT), bv.bv_len);
}

static noinline int btt_write_bytes(struct btt *btt, void *dst, const void *src,
				    size_t len)
{
	if (unlikely(READ_ONCE(btt->nr_bad)))
		return -EIO;
	memcpy_flushcache(dst, src, len);
	return nvdimm_flush();
}

static noinline int btt_read_bytes(struct btt *btt, void *dst, const void *src,
				   size_t len)
{
	if (unlikely(READ_ONCE(btt->nr_bad)))
		return -EIO;
	return copy_mc_to_kernel(dst, src, len) ? -EIO : 0;
}

static struct btt_lane *btt_lane_get(struct btt *btt)
{
	struct btt_lane *lane = &btt->lanes[raw_smp_processor_id() % BTT_LANES];

	mutex_lock(&lane->lock);
	return lane;
}

static u32 btt_map_read(struct btt *btt, u32 lblk)
{
	u32 raw;

	btt_read_bytes(btt, &raw, &btt->map[lblk], sizeof(raw));
	return raw & ~BTT_NORMAL;
}

static void btt_log_write(struct btt *btt, struct btt_lane *lane,
			  const struct btt_log *log)
{
	u64 *slot = (u64 *)&btt->log[(lane - btt->lanes) * 4 + lane->sub];
	const u64 *halves = (const u64 *)log;

	btt_write_bytes(btt, &slot[0], &halves[0], sizeof(u64));
	btt_write_bytes(btt, &slot[1], &halves[1], sizeof(u64));
	lane->sub = 1 - lane->sub;
	if (++lane->seq == 4)
		lane->seq = 1;
	lane->block = log->old_map;
}

static void btt_write_block(struct btt *btt, u32 lblk, const void *src)
{
	struct btt_lane *lane = btt_lane_get(btt);
	u32 block = lane->block, mapping;
	struct btt_log log;
	spinlock_t *lock;

	if (unlikely(READ_ONCE(lane->has_err) || READ_ONCE(btt->nr_bad)))
		abort();
	for (unsigned int i = 0; i < BTT_LANES; i++)
		while (READ_ONCE(btt->rtt[i]) == (BTT_RTT_VALID | block))
			cpu_relax();
	btt_write_bytes(btt, btt->data + (u64)block * PAGE_SIZE, src, PAGE_SIZE);

	lock = &btt->map_locks[lblk * sizeof(u32) / 64 % BTT_LANES].lock;
	spin_lock(lock);
	log.lba = lblk;
	log.old_map = btt_map_read(btt, lblk);
	log.new_map = block;
	log.seq = lane->seq;
	btt_log_write(btt, lane, &log);
	mapping = block | BTT_NORMAL;
	btt_write_bytes(btt, &btt->map[lblk], &mapping, sizeof(mapping));
	spin_unlock(lock);
	mutex_unlock(&lane->lock);
}

static void btt_read_block(struct btt *btt, u32 lblk, void *dst)
{
	struct btt_lane *lane = btt_lane_get(btt);
	u32 *rtt = &btt->rtt[lane - btt->lanes];
	u32 block = btt_map_read(btt, lblk), again;

	for (;;) {
		WRITE_ONCE(*rtt, BTT_RTT_VALID | block);
		barrier();
		again = btt_map_read(btt, lblk);
		if (again == block)
			break;
		block = again;
	}
	btt_read_bytes(btt, dst, btt->data + (u64)block * PAGE_SIZE, PAGE_SIZE);
	WRITE_ONCE(*rtt, 0);
	mutex_unlock(&lane->lock);
}

void btt_write(struct btt *btt, const struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	for_each_segment(bv, bio, iter)
		btt_write_block(btt, iter.bi_sector >> (PAGE_SHIFT - SECTOR_SHIFT),
				bvec_kmap_local(&bv));
}

void btt_read(struct btt *btt, const struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	for_each_segment(bv, bio, iter)
		btt_read_block(btt, iter.bi_sector >> (PAGE_SHIFT - SECTOR_SHIFT),
			       bvec_kmap_local(&bv));
}

/**
 * btt_bytes - memory that a table takes
 * @nr_lblks: its size
 */
size_t btt_bytes(u32 nr_lblks)
{
	return (nr_lblks + BTT_LANES) * (PAGE_SIZE + sizeof(u32)) + 2 * PAGE_SIZE +
	       BTT_LANES * 64;
}

/**
 * btt_init - format a table
 * @btt: filled
 * @mem: btt_bytes() of memory
 * @nr_lblks: its size
 */
void btt_init(struct btt *btt, u8 *mem, u32 nr_lblks)
{
	memset(btt, 0, sizeof(*btt));
	btt->nr_lblks = nr_lblks;
	btt->data = mem;
	mem += (nr_lblks + BTT_LANES) * PAGE_SIZE;
	btt->log = (struct btt_log *)mem;
	mem += BTT_LANES * 64;
	btt->map = (u32 *)mem;
	for (u32 i = 0; i < nr_lblks; i++)
		btt->map[i] = i | BTT_NORMAL;
	btt->lanes = aligned_alloc(64, BTT_LANES * sizeof(*btt->lanes));
	memset(btt->lanes, 0, BTT_LANES * sizeof(*btt->lanes));
	for (unsigned int i = 0; i < BTT_LANES; i++) {
		btt->lanes[i].block = nr_lblks + i;
		btt->lanes[i].seq = 1;
	}
	btt->rtt = aligned_alloc(64, BTT_LANES * sizeof(u32));
	memset(btt->rtt, 0, BTT_LANES * sizeof(u32));
	btt->map_locks = aligned_alloc(64, BTT_LANES * sizeof(*btt->map_locks));
	memset(btt->map_locks, 0, BTT_LANES * sizeof(*btt->map_locks));
}

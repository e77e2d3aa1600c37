// SPDX-License-Identifier: GPL-2.0
/*
 * What reaches the media for one operation: fences, cache lines written back, bytes
 * stored past the caches and through them
 *
 * Counted by the simulated media, so the same on every machine. Averages over many
 * operations on a device in steady state. Prints lines of fields with tabs between them,
 * for report.awk:
 *	count	OPERATION	WHAT	BLOCKS	FENCES	LINES	PAST	CACHED	MEDIA
 * MEDIA is what the media has to write, in bytes, if it writes whole cache lines: those
 * that are written back, and those that a copy past the caches touches.
 */

#define _GNU_SOURCE
#include "device.h"
#include "models.h"

#define NR_PAGES	(96ULL << 8)
#define NR_LBLKS	(64ULL << 8)
#define MIB_BLOCKS	256U

static struct bench_device dev;
static struct btt btt;
static struct bench_user user;

static struct counts {
	u64 fences, lines, past, cached, media;
} counts;

static u64 lines(const void *addr, size_t len)
{
	unsigned long start = (unsigned long)addr;

	return (start + len - 1) / 64 - start / 64 + 1;
}

static void count_copy(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	counts.past += len;
	counts.media += lines(dst, len) * 64;
}

static void count_store(__le64 *dst, u64 val)
{
	*dst = val;
	counts.cached += sizeof(*dst);
}

static void count_wb(struct media_site *site, void *addr, size_t len)
{
	counts.lines += lines(addr, len);
	counts.media += lines(addr, len) * 64;
}

static void count_fence(struct media_site *site)
{
	counts.fences++;
}

static const struct media_ops count_ops = {
	.copy = count_copy,
	.store = count_store,
	.wb = count_wb,
	.fence = count_fence,
};

static void report(const char *op, const char *what, unsigned int blocks, u64 nr)
{
	printf("count\t%s\t%s\t%u\t%.3f\t%.3f\t%.1f\t%.1f\t%.1f\n", op, what, blocks,
	       (double)counts.fences / nr, (double)counts.lines / nr,
	       (double)counts.past / nr, (double)counts.cached / nr,
	       (double)counts.media / nr);
}

static void kmem(blk_opf_t opf, u64 lblk, unsigned int nr)
{
	struct page *page = opf == REQ_OP_DISCARD ? NULL : bench_buf(&user, nr);

	bench_submit(bench_bio(&dev, &user, opf, lblk, nr, page));
	bench_quiescent();
}

/* Every block of the disk, in bios of @nr blocks. */
static void kmem_all(const char *op, const char *what, blk_opf_t opf, unsigned int nr)
{
	memset(&counts, 0, sizeof(counts));
	for (u64 lblk = 0; lblk < NR_LBLKS; lblk += nr)
		kmem(opf, lblk, nr);
	report(op, what, nr, NR_LBLKS / nr);
	kmem_blk_pages_reclaim(&dev.kb.pages);
	bench_work(&dev.kb.pages.work);
}

static void model_all(const char *op, const char *what, unsigned int nr, bool fua,
		      bool is_btt)
{
	memset(&counts, 0, sizeof(counts));
	for (u64 lblk = 0; lblk < NR_LBLKS; lblk += nr) {
		struct bio *bio = bench_bio(&dev, &user, REQ_OP_WRITE, lblk, nr,
					    bench_buf(&user, nr));

		if (is_btt)
			btt_write(&btt, bio);
		else
			pmem_write(btt.data, bio, fua);
	}
	report(op, what, nr, NR_LBLKS / nr);
}

static void models_all(const char *op, unsigned int nr, bool atomic)
{
	model_all(op, atomic ? "pmem, not atomic" : "pmem", nr, false, false);
	model_all(op, atomic ? "pmem with FUA, not atomic" : "pmem with FUA", nr, true,
		  false);
	model_all(op, atomic ? "BTT, not atomic" : "BTT", nr, false, true);
}

int main(void)
{
	media_ops = &count_ops;
	bench_rcu_online(true);
	bench_user_init(&user, 1);
	bench_device_init(&dev, bench_memory(NR_PAGES * PAGE_SIZE), NR_PAGES, NR_LBLKS);
	btt_init(&btt, bench_memory(btt_bytes(NR_LBLKS)), NR_LBLKS);

	kmem_all("first write of 4 KiB", "kmem", REQ_OP_WRITE, 1);
	models_all("first write of 4 KiB", 1, false);
	kmem_all("overwrite 4 KiB", "kmem", REQ_OP_WRITE, 1);
	models_all("overwrite 4 KiB", 1, false);
	kmem_all("atomic write of 64 KiB", "kmem", REQ_OP_WRITE | REQ_ATOMIC, 16);
	models_all("atomic write of 64 KiB", 16, true);
	kmem_all("overwrite 1 MiB", "kmem", REQ_OP_WRITE, MIB_BLOCKS);
	models_all("overwrite 1 MiB", MIB_BLOCKS, false);
	kmem_all("read 4 KiB", "kmem", REQ_OP_READ, 1);
	kmem_all("discard 1 MiB", "kmem", REQ_OP_DISCARD, MIB_BLOCKS);
	kmem_all("first write of 1 MiB", "kmem", REQ_OP_WRITE, MIB_BLOCKS);
	models_all("first write of 1 MiB", MIB_BLOCKS, false);
	kmem_all("discard 2 MiB", "kmem", REQ_OP_DISCARD, KMEM_BLK_NODE_ENTRIES);
	return 0;
}

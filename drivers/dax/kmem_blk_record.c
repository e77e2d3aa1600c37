// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: what users of a disk are promised, for the recorder
 *
 * Of each bio that changes blocks, what they will hold, and when its sender is told
 * that they do.
 */
#include <linux/bio.h>
#include <linux/crc32.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "kmem_blk.h"
#include "kmem_blk_record.h"
#include "kmem_persist_record.h"

static bool kmem_blk_is_recorded(const struct kmem_blk *kb, const struct bio *bio)
{
	return unlikely(READ_ONCE(kb->media->record)) && op_is_write(bio_op(bio)) &&
	       bio_sectors(bio);
}

static void kmem_blk_record_content(struct bio *bio, __le32 *crcs)
{
	struct bvec_iter iter = bio->bi_iter;
	const unsigned int nr = kmem_blk_count(bio);
	unsigned int i, left;

	for (i = 0; i < nr; i++) {
		u32 crc = ~0U;

		for (left = KMEM_PERSIST_BLOCK_SIZE; left; ) {
			struct bio_vec bv = bio_iter_iovec(bio, iter);
			const unsigned int len = min(bv.bv_len, left);
			void *src = bvec_kmap_local(&bv);

			crc = crc32c(crc, src, len);
			kunmap_local(src);
			bio_advance_iter_single(bio, &iter, len);
			left -= len;
		}
		crcs[i] = cpu_to_le32(crc);
	}
}

static void kmem_blk_record_zeroes(const struct bio *bio, __le32 *crcs)
{
	const u32 crc = crc32c(~0U, page_address(ZERO_PAGE(0)),
			       KMEM_PERSIST_BLOCK_SIZE);
	const unsigned int nr = kmem_blk_count(bio);
	unsigned int i;

	for (i = 0; i < nr; i++)
		crcs[i] = cpu_to_le32(crc);
}

/**
 * kmem_blk_record_begin - a bio is about to be carried out
 * @kb: the disk
 * @bio: the bio, with content that does not change any more
 *
 * Context: as kmem_blk_submit_bio(), but allocates as if that could not fail.
 */
void kmem_blk_record_begin(const struct kmem_blk *kb, struct bio *bio)
{
	__le32 *crcs;

	if (!kmem_blk_is_recorded(kb, bio))
		return;
	crcs = kvmalloc_array(kmem_blk_count(bio), sizeof(*crcs),
			      GFP_NOIO | __GFP_NOFAIL);
	if (bio_op(bio) == REQ_OP_WRITE)
		kmem_blk_record_content(bio, crcs);
	else
		kmem_blk_record_zeroes(bio, crcs);
	kmem_record_append(KMEM_RECORD_BEGIN, kmem_blk_first(bio),
			   kmem_blk_count(bio), crcs,
			   kmem_blk_count(bio) * sizeof(*crcs));
	kvfree(crcs);
}

/**
 * kmem_blk_record_end - a bio has been carried out
 * @kb: the disk
 * @bio: the bio, whose sender does not know yet
 * @status: what it will know
 *
 * Context: as kmem_blk_submit_bio().
 */
void kmem_blk_record_end(const struct kmem_blk *kb, struct bio *bio,
			 blk_status_t status)
{
	if (kmem_blk_is_recorded(kb, bio))
		kmem_record_append(status ? KMEM_RECORD_FAILED : KMEM_RECORD_END,
				   kmem_blk_first(bio), kmem_blk_count(bio), NULL, 0);
}

/* SPDX-License-Identifier: GPL-2.0 */
/* What a kmem block device is measured against. */
#ifndef _BENCH_MODELS_H
#define _BENCH_MODELS_H

#include "kernel.h"

/**
 * struct btt - model of a block translation table, one arena
 * @data: blocks
 * @map: where each logical block is, on the media
 * @log: two entries per lane, on the media
 * @lanes: in DRAM, per lane
 * @rtt: in DRAM, per lane: the block that is being read
 * @map_locks: in DRAM
 * @nr_lblks: size
 * @nr_bad: known media errors: none
 */
struct btt {
	u8 *data;
	u32 *map;
	struct btt_log *log;
	struct btt_lane *lanes;
	u32 *rtt;
	struct btt_lock *map_locks;
	u32 nr_lblks;
	int nr_bad;
};

void bare_write(void *dst, const void *src, unsigned int len);
void bare_read(void *dst, const void *src, unsigned int len);

void pmem_write(u8 *media, const struct bio *bio, bool fua);
void pmem_read(const u8 *media, const struct bio *bio);

size_t btt_bytes(u32 nr_lblks);
void btt_init(struct btt *btt, u8 *mem, u32 nr_lblks);
void btt_write(struct btt *btt, const struct bio *bio);
void btt_read(struct btt *btt, const struct bio *bio);

#endif

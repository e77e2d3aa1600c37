/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The map of BLK: the kernel's code, and what of it is static there
 */
#ifndef _KMEM_PERSIST_BLKMAP_H
#define _KMEM_PERSIST_BLKMAP_H

#include "image.h"
#include "persist/map/map.h"

int blkmap_open(struct kmem_blk_map *map, struct kmem_persist *kp,
		const struct kmem_persist_superblock *sb,
		struct kmem_blk_map_error *error, struct kmem_blk_copies *root);
void blkmap_resize(struct kmem_blk_map *map, const struct kmem_blk_map *live, u64 nr_lblks);
int blkmap_verify(const struct kmem_blk_map *map, unsigned int level, u64 index,
		  u64 word, u64 *dpn, const char **reason);
u64 blkmap_mend(const struct kmem_blk_map *map, unsigned int level, u64 index, u64 word);
u64 blkmap_encode(const struct kmem_blk_map *map, unsigned int level, u64 index,
		  unsigned int type, u64 dpn);
u64 blkmap_reseal(const struct kmem_blk_map *map, unsigned int level, u64 index,
		  u64 word);

#endif /* _KMEM_PERSIST_BLKMAP_H */

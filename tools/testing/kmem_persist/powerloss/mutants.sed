# SPDX-License-Identifier: GPL-2.0
# Mistakes in kmem_blk that crash images have to show, see kernel_mutants() in
# lib/kernel.sh: one fence or one write back is left out. "N what": the first is the number.
#
# mutant 1 no fence between data and map
# mutant 2 entries are not written back
# mutant 3 no fence before a write is acknowledged
# mutant 4 the parent's entry is not written back
# mutant 5 no fence after the parent's entry
# mutant 6 no fence between the copy of a leaf and the parent's entry
# mutant 7 data stays in the cache
# mutant 8 no fence between what is moved and the map
# mutant 9 the last line of what is copied is not written back
/^static int kmem_blk_change(/,/^}/ s/kmem_media_fence(/if (!mutant(1)) &/
/^static int kmem_blk_leaf_swap(/,/^}/ s/kmem_media_wb(/if (!mutant(2)) &/
/^static int kmem_blk_commit_fenced(/,/^}/ s/^\tif (!err \&\& !fenced)/\tif (!err \&\& !fenced \&\& !mutant(3))/
/^static u64 kmem_blk_leaf_link(/,/^}/ {
	s/kmem_media_wb(/if (!mutant(4)) &/
	s/kmem_media_fence(/if (!mutant(5)) &/
}
/^static int kmem_blk_commit_copy(/,/^}/ s/kmem_media_fence(/if (!mutant(6)) &/
/^static void kmem_blk_copy_in(/,/^}/ s/kmem_media_copy(kb->media, dst, src, len);/if (mutant(7)) memcpy(dst, src, len); else if (mutant(9)) { memcpy(dst, src, len); arch_wb_cache_pmem(dst, len - 64); } else &/
/^static int kmem_blk_move_some(/,/^}/ s/kmem_media_fence(/if (!mutant(8)) &/

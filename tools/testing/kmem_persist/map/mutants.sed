# SPDX-License-Identifier: GPL-2.0
# kmem_blk_map.c with parts that a test program can leave out, see crash.c
/^void kmem_blk_map_move(/,/^}/ {
	s/le64_to_cpu(READ_ONCE(ents\[i_leaf\])) != old/(!mutant(1) \&\& &)/
	s/move->from = 0;/move->from *= mutant(2);/
	s/^\tscoped_guard(spinlock, &leaf->lock) {/\tguard(unlocked)(mutant(3));\n&/
}
/^int kmem_blk_map_move_leaf(/,/^}/ {
	s/leaf->dpn != from/(!mutant(4) \&\& &)/
	s/^\tguard(spinlock)(&leaf->lock);/\tguard(unlocked)(mutant(5));\n&/
}

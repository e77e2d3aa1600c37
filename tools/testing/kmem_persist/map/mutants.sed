# SPDX-License-Identifier: GPL-2.0
# persist/map/*.c with parts that a test program can leave out, see crash.h
/^static __le64 \*kmem_blk_find_entry(/,/^}/ {
	s/word == old/(mutant(1) || mutant(17) || &)/
}
/^void kmem_blk_map_move(/,/^}/ {
	s/move->from = 0;/move->from *= mutant(2);/
	s/^\tguard(spinlock)(kmem_blk_leaf_lock/\tguard(unlocked)(mutant(3));\n&/
}
/^int kmem_blk_map_move_leaf(/,/^}/ {
	s/map->leaves\[leaf_index\].dpn != from/(!mutant(4) \&\& &)/
	s/^\tguard(spinlock)(kmem_blk_leaf_lock/\tguard(unlocked)(mutant(5));\n&/
}
/^static u64 kmem_blk_leaf_link(/,/^}/ {
	s/^\tkmem_media_fence(media);/\tif (!(mutant(6) \&\& node \&\& !old))\n\t&/
	s/^\tkmem_media_store(media, &parent->ents\[at\], word);/\tif (!mutant(28))\n\t&/
	s/^\t\tkmem_media_store(media, &parent->twin\[at\], word);/\t\tif (!mutant(21))\n\t&/
}
/^static int kmem_blk_settle_copy(/,/^}/ s/^\t\tkmem_media_store(/\t\tif (!mutant(22))\n\t&/
/^void kmem_blk_map_roots(/,/^}/ s/kmem_blk_root_word(map, true)/kmem_blk_root_word(map, !mutant(23))/
/^static bool kmem_blk_pick(/,/^}/ {
	s/copies->dpn = copies->twin;/copies->dpn = mutant(24) ? copies->dpn : copies->twin;/
	s/copies->twin = copies->dpn;/copies->twin = mutant(25) ? copies->twin : copies->dpn;/
}
/^static u64 kmem_blk_scan_choose(/,/^}/ s/^\tif (type < 0 \&\& twin_type >= 0) {/\tif ((type < 0 || mutant(26)) \&\& twin_type >= 0) {/
/^static int kmem_blk_scan_child(/,/^}/ s/^\tif (child.dpn != child.twin) {/\tif (child.dpn != child.twin \&\& !mutant(27)) {/

/^static int kmem_blk_commit_new(/,/^}/ {
	s/(!u->staged || u->fill != fill/((!u->staged \&\& !mutant(7)) || (u->fill != fill \&\& !mutant(16))/
}
/^static int kmem_blk_commit_locked(/,/^}/ {
	s/^\tif (!kmem_blk_map_leaf_exists(map, leaf_index)) {/\tif (mutant(13)) {\n\t\tguard(spinlock)(\&map->tree_lock);\n\t}\n&/
}
/^static int kmem_blk_commit_fenced(/,/^}/ {
	s/^\tscoped_guard(spinlock, kmem_blk_leaf_lock/\tguard(unlocked)(mutant(8));\n&/
	s/^\tif (!err \&\& !fenced)/\tif (!err \&\& (!fenced || mutant(6)))/
}
/^static int kmem_blk_grow(/,/^}/ {
	s/^\tif (node->ents)/\tif (mutant(13)) {\n\t\tguard(spinlock)(\&map->leaves[0].lock);\n\t}\n&/
	s/if (node->ents)/if (node->ents \&\& !mutant(9))/
	s/^\tguard(spinlock)(&map->tree_lock);/\tguard(unlocked)(mutant(10));\n&/
	s/^\terr = kmem_blk_node_probe(.*/\tif (mutant(11)) {\n\t\tnode->twin = twin;\n\t\tnode->copies = *copies;\n\t\tsmp_store_release(\&node->ents, ents);\n\t}\n&/
	s/^\t\tkmem_media_store(media, &parent->twin\[at\],/\t\tif (!mutant(20))\n\t&/
}
/^int kmem_blk_map_drop_leaf(/,/^}/ {
	s/^\tguard(spinlock)(kmem_blk_leaf_lock/\tguard(unlocked)(mutant(12));\n&/
}
/^static int kmem_blk_grow(/,/^}/ s/\.fill = fill,/.fill = mutant(14) ? KMEM_BLK_ENTRY_HOLE : fill,/
/^int kmem_blk_map_stage(/,/^}/ s/content\.fill = fill;/content.fill = mutant(15) ? KMEM_BLK_ENTRY_HOLE : fill;/
/^static void kmem_blk_scan_lost(/,/^}/ s/(__le64 \*)kmem_blk_lost_leaf/mutant(18) ? NULL : &/
/^static u64 kmem_blk_node_word(/,/^}/ s/index < c->end/(mutant(19) || &)/

# SPDX-License-Identifier: GPL-2.0
# persist/map/*.c with parts of families that a test program can leave out, see family.c
/^static int kmem_blk_commit_fenced(/,/^}/ {
	s/!fenced \&\& !kmem_blk_map_is_alone(map)/& \&\& !mutant(1)/
	s/^\terr = kmem_blk_map_enter(map);/\terr = mutant(6) ? 0 : kmem_blk_map_enter(map);/
}
/^bool kmem_blk_family_has_entry(/,/^}/ {
	s/if (kmem_blk_map_is_alone(map))/if (mutant(2) || kmem_blk_map_is_alone(map))/
	s/i < KMEM_BLK_MAX_MEMBERS/i < (mutant(3) ? 2 : KMEM_BLK_MAX_MEMBERS)/
	s/found = kmem_media_probe(/found = !mutant(30) \&\& kmem_media_probe(/
}
/^static void kmem_blk_commit_keep(/,/^}/ s/if (kmem_blk_map_is_alone(map))/if (mutant(4) || kmem_blk_map_is_alone(map))/
/^static int kmem_blk_map_alloc(/,/^}/ {
	s/family->nr_locks = max(/family->nr_locks = mutant(27) ? map->nr_leaves : max(/
}
/^int kmem_blk_member_join(/,/^}/ s/map->locks = family->member\[0\]->leaves;/map->locks = mutant(5) ? map->leaves : family->member[0]->leaves;/
/^int kmem_blk_map_stage(/,/^}/ s/^\terr = kmem_blk_map_enter(map);/\terr = mutant(7) ? 0 : kmem_blk_map_enter(map);/
/^void kmem_blk_map_move(/,/^}/ s/closed = kmem_blk_map_enter(map);/closed = !mutant(8) \&\& kmem_blk_map_enter(map);/
/^int kmem_blk_map_move_leaf(/,/^}/ {
	s/^\terr = kmem_blk_map_enter(map);/\terr = mutant(9) ? 0 : kmem_blk_map_enter(map);/
	s/if (kmem_blk_parent_probe(member, leaf_index))/if (!mutant(32) \&\& kmem_blk_parent_probe(member, leaf_index))/
	s/if (!member || leaf_index/if (!member || (mutant(18) \&\& member != map) || leaf_index/
}
/^bool kmem_blk_map_lose(/,/^}/ s/^\tif (kmem_blk_map_enter(map))/\tif (!mutant(10) \&\& kmem_blk_map_enter(map))/
/^int kmem_blk_map_drop_leaf(/,/^}/ {
	s/^\terr = kmem_blk_map_enter(map);/\terr = mutant(11) ? 0 : kmem_blk_map_enter(map);/
	s/^\tif (!shared \&\&/\tif (!mutant(15) \&\& !shared \&\&/
	s/shared ? 0 : old/shared \&\& !mutant(16) ? 0 : old/
}
/^int kmem_blk_member_drop_leaf(/,/^}/ {
	s/^\terr = kmem_blk_map_enter(map);/\terr = mutant(12) ? 0 : kmem_blk_map_enter(map);/
	s/!kmem_blk_family_has_leaf(map, leaf_index, leaf->dpn))/(mutant(25) || !kmem_blk_family_has_leaf(map, leaf_index, leaf->dpn)))/
}
/^static int kmem_blk_commit_locked(/,/^}/ s/if (shared || (kmem_blk_wants_copy/if ((shared \&\& !mutant(13)) || (kmem_blk_wants_copy/
/^static int kmem_blk_commit_copy(/,/^}/ s/^\tif (shared) {/\tif (shared \&\& !mutant(14)) {/
/^static bool kmem_blk_change_entry(/,/^}/ s/if (!have || doubt)/if (!have || (doubt \&\& !mutant(31)))/
/^static bool kmem_blk_change_entry(/,/^}/ s/if (member \&\& kmem_blk_find_entry/if (member \&\& !(mutant(17) \&\& member != map) \&\& kmem_blk_find_entry/
/^static bool kmem_blk_scan_knows(/,/^}/ s/i < KMEM_BLK_MAX_MEMBERS/i < (mutant(19) ? 0 : mutant(20) ? 1 : KMEM_BLK_MAX_MEMBERS)/
/^static const struct kmem_blk_map \*kmem_blk_scan_sharer(/,/^}/ s/i < KMEM_BLK_MAX_MEMBERS/i < (mutant(21) ? 0 : mutant(22) ? 1 : KMEM_BLK_MAX_MEMBERS)/
/^static int kmem_blk_scan_shared_leaf(/,/^}/ s/slot = end;/slot = mutant(23) ? KMEM_BLK_NODE_ENTRIES : end;/
/^int kmem_blk_member_copy(/,/^}/ s/^\tkmem_media_fence(/\tif (!mutant(24))\n\t&/
/^void kmem_blk_member_exchange(/,/^}/ s/if (family->member\[i\])/if (!mutant(26) \&\& family->member[i])/
/^int kmem_blk_member_attach(/,/^}/ s/err = err ?: kmem_blk_member_join(map);/err = err ?: mutant(28) ? 0 : kmem_blk_member_join(map);/
/^static int kmem_blk_commit_fenced(/,/^}/ s/^\tstruct kmem_blk_leaf \*leaf;/\tstruct kmem_blk_leaf *early = \&map->leaves[leaf_index], *leaf;/
/^static int kmem_blk_commit_fenced(/,/^}/ s/^\tleaf = &map->leaves\[leaf_index\];/\tleaf = mutant(29) ? early : \&map->leaves[leaf_index];/

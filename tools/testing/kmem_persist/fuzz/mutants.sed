# SPDX-License-Identifier: GPL-2.0
# Mistakes that a target has to find. "N TARGET what": the first is the number.
#
# mutant 1 sb: the checksum of the superblock is not looked at
# mutant 2 sb: a superblock may be at any page
# mutant 3 node: an entry may refer to a page behind the end
# mutant 4 node: an entry may refer to a superblock
# mutant 5 map: a page may be referred to twice
# mutant 6 map: a block may be behind the end of the disk
# mutant 7 map: a lost block is not counted as used
# mutant 8 request: a label may have a byte too many
# mutant 9 request: a label may have slashes
# mutant 10 request: a number of bytes may overflow
# mutant 11 tool: what was lost becomes a hole
# mutant 12 tool: a page that is referred to twice is not noticed
# mutant 13 args: quotes in JSON
# mutant 14 args: a size may overflow
# mutant 15 sb: a marker is anybody's
# mutant 16 sb: a label is not looked at
# mutant 17 request: a uuid of zeroes is accepted
# mutant 18 map: what is lost above the leaves reads as zeroes
# mutant 19 map: the entry of a twin counts
# mutant 20 map: the page of a twin is nobody's
# mutant 21 stream: blocks may come in any order
# mutant 22 stream: what the end says is not looked at
# mutant 23 stream: a record of lost blocks is not counted
# mutant 24 directory: the key is not in the checksum
# mutant 25 directory: ids may be in any order
# mutant 26 directory: a root may be a hole
# mutant 27 directory: what is behind the last record is not looked at
# mutant 28 tool: a page of the disk may be at another place in a snapshot
/^int kmem_sb_verify(/,/^}/ {
	s/le32_to_cpu(sb->csum) != kmem_sb_csum(sb)/!mutant(1) \&\& &/
	s/!kmem_sb_mask_has(places, this_dpn)/(!mutant(2) \&\& &)/
}
/^\(static inline \)\?int kmem_blk_entry_verify(/,/^}/ {
	s/\*dpn >= map->nr_pages/(*dpn >= map->nr_pages + mutant(3))/
	s/(\*dpn < KMEM_PERSIST_FIRST_PAGE ||/((!mutant(4) \&\& *dpn < KMEM_PERSIST_FIRST_PAGE) ||/
}
/^static int kmem_blk_claim(/,/^}/ s/if (!err)/if (!err || mutant(5))/
/^static int kmem_blk_scan_entry(/,/^}/ s/>= map->nr_lblks)/>= map->nr_lblks + 511 * mutant(6))/
/^static void kmem_blk_leaf_account(/,/^}/ s/type != KMEM_BLK_ENTRY_HOLE/& \&\& !(mutant(7) \&\& type == KMEM_BLK_ENTRY_LOST)/
/^int dax_persist_label_parse(/,/^}/ {
	s/len >= KMEM_PERSIST_LABEL_LEN/len >= KMEM_PERSIST_LABEL_LEN + mutant(8)/
	s/text\[i\] == '\/'/(!mutant(9) \&\& &)/
}
s/check_mul_overflow(bytes, memparse(number, &end), &bytes)/check_mul_overflow(bytes, memparse(number, \&end), \&bytes) \&\& !mutant(10)/
/^static u64 repair_word(/,/^}/ s/->nr_lblks ?/->nr_lblks \&\& !mutant(11) ?/
/^static bool walk_claim_page(/,/^}/ s/!w->t->again) {/!w->t->again \&\& !mutant(12)) {/
/^static void out_quoted(/,/^}/ s/c == '"'/(c == '"' \&\& !mutant(13))/
/^bool parse_bytes(/,/^}/ s/\*val > ~0ULL >> shift/(!mutant(14) \&\& &)/
/^int kmem_marker_verify(/,/^}/ s/memcmp(m->ns_uuid, ns_uuid, sizeof(m->ns_uuid))/(!mutant(15) \&\& &)/
/^int kmem_sb_verify(/,/^}/ s/!dax_persist_label_valid(sb->label/!mutant(16) \&\& &/
/^int dax_persist_accept_parse(/,/^}/ s/uuid_is_null(&accept->uuid)/(!mutant(17) \&\& &)/
/^static void kmem_blk_scan_lost(/,/^}/ s/(__le64 \*)kmem_blk_lost_leaf/mutant(18) ? NULL : &/
/^static u64 kmem_blk_scan_choose(/,/^}/ s/if (type < 0 && twin_type >= 0)/if ((type < 0 || mutant(19)) \&\& twin_type >= 0)/
/^static int kmem_blk_scan_child(/,/^}/ s/if (child.dpn != child.twin) {/if (child.dpn != child.twin \&\& !mutant(20)) {/
/^static void import_stream(/,/^}/ {
	s/lblk < im->done ||/(lblk < im->done \&\& !mutant(21)) ||/
	s/le64_to_cpu(r.lblk) != im->copied/!mutant(22) \&\& (&/
	s/le64_to_cpu(r.nr) != im->lost)/&)/
}
/^static void import_lost(/,/^}/ s/im->lost += nr;/im->lost += mutant(23) ? 0 : nr;/
/^static u32 kmem_blk_directory_csum(/,/^}/ s/crc = crc32c(crc, key, KMEM_PERSIST_KEY_LEN);/if (!mutant(24)) &/
/^static bool kmem_blk_record_distinct(/,/^}/ s/le64_to_cpu(a->id) < le64_to_cpu(b->id)/(mutant(25) || &)/
/^static bool kmem_blk_record_possible(/,/^}/ s/return le64_to_cpu(r->flags)/return mutant(26) || le64_to_cpu(r->flags)/
/^int kmem_blk_directory_verify(/,/^}/ s/(nr < KMEM_BLK_MAX_SNAPSHOTS/(!mutant(27) \&\& nr < KMEM_BLK_MAX_SNAPSHOTS/
/^static bool walk_is_others(/,/^}/ s/if (!walk_is_before(w, dpn))/if (mutant(28) || !walk_is_before(w, dpn))/

# SPDX-License-Identifier: GPL-2.0
# persist/format.c with parts that super.c can leave out
/^static bool kmem_sb_put(/,/^}/ {
	s/^\tif (kmem_sb_reads_back(/\tif (mutant(1) || kmem_sb_reads_back(/
}
/^static bool kmem_sb_suffice(/,/^}/ {
	s/hweight32(mask) >= KMEM_SB_LEAST/hweight32(mask) >= (mutant(2) ? 1 : KMEM_SB_LEAST)/
	s/mask & holds/(mutant(3) || mask \& holds)/
}
/^int kmem_sb_write(/,/^}/ {
	s/first = hweight32(old) < KMEM_SB_LEAST/first = !mutant(4) \&\& hweight32(old) < KMEM_SB_LEAST/
	s/if (set->hidden)/if (set->hidden \&\& !mutant(5))/
	s/while (\(!kmem_sb_put_all(.*)\));/while (\1 \&\& !mutant(6));/
}
/^void kmem_sb_restore(/,/^}/ {
	s/if (lost >> i & 1/if (!mutant(7) \&\& lost >> i \& 1/
}
/^int kmem_sb_choose(/,/^}/ {
	s/hweight32(unreadable) < 2/(mutant(8) || hweight32(unreadable) < 2)/
	s/if (!kmem_sb_same_content(/if (!mutant(9) \&\& !kmem_sb_same_content(/
}
/^static int kmem_sb_newest(/,/^}/ {
	s/best >= 0 && !kmem_sb_same_format/best >= 0 \&\& !mutant(10) \&\& !kmem_sb_same_format/
	s/^\t\tif (best < 0 ||/\t\tif (best < 0 || mutant(11) ||/
}
/^int kmem_sb_erase(/,/^}/ {
	s/return kmem_media_read(/return mutant(12) ? 0 : kmem_media_read(/
}
/^int kmem_sb_write_first(/,/^}/ {
	s/if (!kmem_sb_reads_back(/if (!mutant(13) \&\& !kmem_sb_reads_back(/
}

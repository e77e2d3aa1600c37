// SPDX-License-Identifier: GPL-2.0
/* The format once more, as its documentation has it. */
#include "fuzz.h"
#include <locale.h>
#include <stdarg.h>
#include <unistd.h>
#include <wchar.h>

/**
 * fuzz_stderr - say something, whatever has become of stderr
 * @fmt: what
 */
void fuzz_stderr(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vdprintf(STDERR_FILENO, fmt, args);
	va_end(args);
}

/**
 * ref_crc - crc32c, a bit at a time, with what that makes of each byte remembered
 * @crc: what to start with
 * @p: data
 * @len: its length
 *
 * Return: the checksum, not inverted.
 */
u32 ref_crc(u32 crc, const void *p, size_t len)
{
	static u32 of_byte[256];
	const u8 *byte = p;

	if (!of_byte[1]) {
		for (u32 i = 0; i < 256; i++) {
			of_byte[i] = i;
			for (int bit = 0; bit < 8; bit++)
				of_byte[i] = of_byte[i] >> 1 ^
					     (of_byte[i] & 1 ? 0x82f63b78 : 0);
		}
	}
	while (len--)
		crc = of_byte[(crc ^ *byte++) & 0xff] ^ crc >> 8;
	return crc;
}

/**
 * ref_sb_csum - checksum of a superblock
 * @sb: the superblock
 *
 * Return: what its field has to be.
 */
u32 ref_sb_csum(const u8 *sb)
{
	u8 copy[REF_PAGE];

	memcpy(copy, sb, REF_PAGE);
	ref_put(copy, 0x00c, 4, 0);
	return ~ref_crc(~0U, copy, REF_PAGE);
}

/**
 * ref_sb_seal - make the checksum of a superblock right
 * @sb: the superblock
 */
void ref_sb_seal(u8 *sb)
{
	ref_put(sb, 0x00c, 4, ref_sb_csum(sb));
}

/* UTF-8 as the C library reads it, without what is no letter; zeroes behind it. */
static bool ref_label_good(const u8 *label)
{
	const char *at = (const char *)label;
	static locale_t utf8;
	locale_t old;
	bool good = label[63] == 0;
	mbstate_t state = {};

	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", 0);
	MUST(utf8);
	old = uselocale(utf8);
	while (good && *at) {
		wchar_t c;
		const size_t len = mbrtowc(&c, at, (const char *)label + 64 - at, &state);

		good = len <= 4 && c >= 0x20 && (c < 0x7f || c >= 0xa0) && c != ' ' &&
		       c != '/' && !(c >= 0xd800 && c < 0xe000) && c <= 0x10ffff;
		at += good ? len : 0;
	}
	uselocale(old);
	for (; good && at < (const char *)label + 64; at++)
		good = !*at;
	return good;
}

/* At two places at least, at this one, and at none that nobody knows. */
static bool ref_places_good(u64 mask, u64 dpn)
{
	return mask < 16 && (mask & (mask - 1)) &&
	       ((mask & 1 && !dpn) || (mask & 8 && dpn == REF_BACKUP));
}

/**
 * ref_reserved_is_zero - is what later versions may use not used?
 * @sb: a superblock
 *
 * Return: whether that is so.
 */
bool ref_reserved_is_zero(const u8 *sb)
{
	for (unsigned int i = 0x150; i < 0x200; i++)
		if (sb[i] && (i < 0x180 || i >= 0x190))
			return false;
	return !ref_get(sb, 0x016, 2);
}

/**
 * ref_sb_good - is that a superblock?
 * @sb: what is there
 * @dpn: where
 * @nr_pages: size of the device
 *
 * Return: whether a kernel of version 1.0 may use it.
 */
bool ref_sb_good(const u8 *sb, u64 dpn, u64 nr_pages)
{
	const u64 bytes = ref_get(sb, 0x0a8, 8);

	return ref_get(sb, 0x000, 8) == REF_MAGIC &&
	       ref_get(sb, 0x00c, 4) == ref_sb_csum(sb) &&
	       ref_get(sb, 0x010, 2) == 1 &&
	       ref_get(sb, 0x014, 1) == 12 && ref_get(sb, 0x015, 1) == 1 &&
	       /* Of the features that cannot be ignored there are two: erasing, snapshots of BLK. */
	       !(ref_get(sb, 0x020, 8) & ~1ULL) &&
	       !(ref_get(sb, 0x028, 8) & ~(ref_get(sb, 0x008, 4) == 1 ? 1ULL << 32 : 0)) &&
	       (ref_get(sb, 0x180, 8) || ref_get(sb, 0x188, 8)) &&
	       ref_get(sb, 0x098, 8) == dpn && ref_places_good(ref_get(sb, 0x0a0, 8), dpn) &&
	       ref_reserved_is_zero(sb) &&
	       bytes % REF_PAGE == 0 && bytes / REF_PAGE <= nr_pages &&
	       bytes / REF_PAGE >= REF_LEAST &&
	       (ref_get(sb, 0x030, 8) || ref_get(sb, 0x038, 8)) &&
	       ref_label_good(sb + 0x050);
}

/**
 * ref_seal - an entry with its check
 * @seed: of the format
 * @level: of the entry
 * @index: of the entry on its level
 * @low: the entry without its check
 *
 * Return: the entry.
 */
u64 ref_seal(u32 seed, unsigned int level, u64 index, u64 low)
{
	u8 words[16];
	u64 check;

	ref_put(words, 0, 8, (u64)level << 56 | index);
	ref_put(words, 8, 8, low);
	check = ref_crc(seed, words, sizeof(words)) >> 12;
	return (check ? check : 0xfffff) << 44 | low;
}

/**
 * ref_entry_good - is that an entry?
 * @seed: of the format
 * @level: where it is
 * @index: where it is
 * @word: what is there
 * @nr_pages: size of the device
 *
 * Return: whether it is one that a kernel of version 1.0 knows.
 */
bool ref_entry_good(u32 seed, unsigned int level, u64 index, u64 word, u64 nr_pages)
{
	const u64 dpn = word & ((1ULL << 40) - 1);
	const unsigned int type = word >> 40 & 15;

	if (ref_seal(seed, level, index, word & ((1ULL << 44) - 1)) != word)
		return false;
	if (type == 0)
		return !dpn;
	if (level <= 3 && type == 2)
		return !dpn;
	if (level == 0xff ? type != 15 :
	    level == 0 ? type != 1 : level > 4 || type != 3 + level)
		return false;
	/* Not a superblock. */
	return dpn >= REF_FIRST && dpn < nr_pages;
}

/**
 * ref_root_level - height of a tree
 * @nr_lblks: blocks of the disk
 *
 * Return: the level of its root.
 */
unsigned int ref_root_level(u64 nr_lblks)
{
	if (nr_lblks <= 1ULL << 9)
		return 0;
	if (nr_lblks <= 1ULL << 18)
		return 1;
	return nr_lblks <= 1ULL << 27 ? 2 : 3;
}

/**
 * ref_directory_csum - checksum of a copy of the directory of snapshots
 * @dir: the copy
 * @key: of the format
 *
 * Return: what its field has to be.
 */
u32 ref_directory_csum(const u8 *dir, const u8 *key)
{
	u8 copy[REF_PAGE];

	memcpy(copy, dir, REF_PAGE);
	ref_put(copy, 0x008, 4, 0);
	return ~ref_crc(ref_crc(~0U, key, 16), copy, REF_PAGE);
}

static bool ref_is_zero(const u8 *p, size_t len)
{
	while (len && !p[len - 1])
		len--;
	return !len;
}

/* A record by itself. */
static bool ref_record_good(const u8 *dir, const u8 *r, u32 seed, u64 nr_pages)
{
	const u64 root = ref_get(r, 0x000, 8), nr_lblks = ref_get(r, 0x010, 8);
	const u64 id = ref_get(r, 0x018, 8), generation = ref_get(r, 0x038, 8);

	return id && id < ref_get(dir, 0x020, 8) && ref_get(r, 0x020, 8) < id &&
	       generation && generation <= ref_get(dir, 0x018, 8) &&
	       !ref_is_zero(r + 0x040, 16) && r[0x050] && ref_label_good(r + 0x050) &&
	       nr_lblks > 512 && nr_lblks <= 1ULL << 36 &&
	       ref_entry_good(seed, ref_root_level(nr_lblks) + 1, 0, root, nr_pages) &&
	       /* Never LOST; a hole only if it is damaged. */
	       ((root >> 40 & 15) >= 4 || (!(root >> 40 & 15) && ref_get(r, 0x028, 8) & 1));
}

/**
 * ref_directory - what is a copy of the directory of snapshots?
 * @dir: what is there
 * @key: of the format
 * @dpn: where
 * @seed: of the format
 * @nr_pages: size of the device
 *
 * Return: REF_GOOD, REF_DAMAGED or REF_NEWER.
 */
int ref_directory(const u8 *dir, const u8 *key, u64 dpn, u32 seed, u64 nr_pages)
{
	const u64 mask = (1ULL << 40) - 1, nr = ref_get(dir, 0x00c, 4);
	const u8 *r = dir + 0x100;

	if (ref_get(dir, 0x000, 8) != 0x4b4d454d534e4150ULL ||
	    ref_get(dir, 0x010, 8) != dpn ||
	    ref_get(dir, 0x008, 4) != ref_directory_csum(dir, key))
		return REF_DAMAGED;
	if (nr > 15 || !ref_is_zero(dir + 0x030, 0x100 - 0x030) ||
	    !ref_is_zero(r + 256 * nr, REF_PAGE - 0x100 - 256 * nr))
		return REF_NEWER;
	for (u64 i = 0; i < nr; i++, r += 256)
		if (ref_get(r, 0x008, 8) || ref_get(r, 0x028, 8) > 1 ||
		    !ref_is_zero(r + 0x090, 112))
			return REF_NEWER;
	if (!ref_get(dir, 0x018, 8) || ref_get(dir, 0x028, 8) >= ref_get(dir, 0x020, 8))
		return REF_DAMAGED;
	r = dir + 0x100;
	for (u64 i = 0; i < nr; i++) {
		const u8 *a = r + 256 * i;

		if (!ref_record_good(dir, a, seed, nr_pages))
			return REF_DAMAGED;
		for (const u8 *b = r; b < a; b += 256)
			if (ref_get(b, 0x018, 8) >= ref_get(a, 0x018, 8) ||
			    !memcmp(a + 0x040, b + 0x040, 16) ||
			    (ref_get(a, 0, 8) & mask &&
			     !((ref_get(a, 0, 8) ^ ref_get(b, 0, 8)) & mask)))
				return REF_DAMAGED;
	}
	return REF_GOOD;
}

static bool ref_claim(struct ref_map *map, u64 dpn)
{
	if (dpn < REF_FIRST || dpn >= map->nr_pages || map->used[dpn])
		return false;
	map->used[dpn] = 1;
	return true;
}

/* What counts at a place of a node above the leaves, of which there are two copies. */
static u64 ref_word(const struct ref_map *map, unsigned int level, u64 at, u64 page, u64 twin,
		    u64 *child, u64 *child_twin)
{
	const u64 mask = (1ULL << 40) - 1;
	u64 a = ref_get(map->mem + page * REF_PAGE, at % 512 * 8, 8);
	const u64 b = ref_get(map->mem + twin * REF_PAGE, at % 512 * 8, 8);
	const bool good = ref_entry_good(map->seed, level, at, a, map->nr_pages);
	const bool twin_good = ref_entry_good(map->seed, level, at, b, map->nr_pages);

	if (!good && twin_good)
		a = b;
	*child = a & mask;
	*child_twin = level > 1 && twin_good && (a >> 40 & 15) >= 4 && (b >> 40 & 15) >= 4 ?
		      b & mask : *child;
	return a;
}

static bool ref_node(struct ref_map *map, unsigned int level, u64 index, u64 dpn, u64 twin)
{
	map->nr_nodes += 1 + (dpn != twin);
	for (unsigned int i = 0; i < 512; i++) {
		const u64 at = index * 512 + i;
		u64 child, child_twin;
		const u64 word = ref_word(map, level, at, dpn, twin, &child, &child_twin);

		if (!ref_entry_good(map->seed, level, at, word, map->nr_pages))
			return false;
		if (!(word >> 40 & 15))
			continue;
		if (at << 9 * level >= map->nr_lblks)
			return false;
		if ((word >> 40 & 15) == 2) {
			const u64 first = at << 9 * level, nr = 1ULL << 9 * level;

			map->nr_lost += nr < map->nr_lblks - first ? nr :
								     map->nr_lblks - first;
			continue;
		}
		if (!ref_claim(map, child) ||
		    (child != child_twin && !ref_claim(map, child_twin)))
			return false;
		if (level) {
			if (!ref_node(map, level - 1, at, child, child_twin))
				return false;
			continue;
		}
		map->nr_data++;
		map->used[child] = 2;
		map->lblk[child] = at;
	}
	return true;
}

/* An entry of the superblock that refers to a root: there has to be something. */
static bool ref_root_good(const struct ref_map *map, u64 root)
{
	return ref_entry_good(map->seed, map->root_level + 1, 0, root, map->nr_pages) &&
	       (root >> 40 & 15) >= 4;
}

/**
 * ref_map_read - read a map
 * @map: filled
 * @mem: the device
 * @nr_pages: its size, IMAGE_PAGES at most
 * @blk: the part of BLK in the superblock
 *
 * Return: whether there is nothing wrong with it.
 */
bool ref_map_read(struct ref_map *map, const u8 *mem, u64 nr_pages, const u8 *blk)
{
	static const u8 holes[] = { 0x28, 0x30, 0x38 };
	const u64 root = ref_get(blk, 0x08, 8), twin = ref_get(blk, 0x40, 8);

	memset(map, 0, sizeof(*map));
	map->mem = mem;
	map->nr_pages = nr_pages;
	map->nr_lblks = ref_get(blk, 0x00, 8);
	map->seed = ref_get(blk, 0x10, 4);
	map->root = root & ((1ULL << 40) - 1);
	if (ref_get(blk, 0x14, 4) != 9 || !map->nr_lblks ||
	    map->nr_lblks > 1ULL << 36)
		return false;
	map->root_level = ref_root_level(map->nr_lblks);
	for (unsigned int i = 0; i < 3; i++)
		if (ref_get(blk, holes[i], 8) != ref_seal(map->seed, 0xff, i, 0))
			return false;
	map->root_twin = twin ? twin & ((1ULL << 40) - 1) : map->root;
	return ref_root_good(map, root) &&
	       (!twin || (map->root_level && ref_root_good(map, twin))) &&
	       ref_claim(map, map->root) &&
	       (map->root_twin == map->root || ref_claim(map, map->root_twin)) &&
	       ref_node(map, map->root_level, 0, map->root, map->root_twin);
}

/**
 * ref_map_lookup - what is a block?
 * @map: the map, nothing wrong with it
 * @lblk: the block
 * @dpn: filled with its page
 *
 * Return: REF_HOLE, REF_DATA or REF_LOST.
 */
int ref_map_lookup(const struct ref_map *map, u64 lblk, u64 *dpn)
{
	u64 page = map->root, twin = map->root_twin;

	for (unsigned int level = map->root_level; ; level--) {
		const u64 word = ref_word(map, level, lblk >> 9 * level, page, twin, &page,
					  &twin);

		if (!(word >> 40 & 15))
			return REF_HOLE;
		if ((word >> 40 & 15) == 2)
			return REF_LOST;
		if (level)
			continue;
		*dpn = page;
		return word >> 40 & 15;
	}
}

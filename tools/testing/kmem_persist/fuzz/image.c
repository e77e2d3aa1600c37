// SPDX-License-Identifier: GPL-2.0
/*
 * A device out of an input: so that a change of a byte of the input is a change of
 * what a device says, and not, nearly always, a checksum that is wrong
 *
 * The input is a number of pages, less 2, and steps. Each begins with a byte that says
 * which; numbers are little-endian, pages are taken modulo their number.
 *
 * Of that, the last page stands for the second one, which is the backup's, and all others
 * but the first for the next one.
 *
 *  0             the end of the image; a target reads on behind it
 *  1 FORMAT      type:1 seed:4 nr_lblks:5 root:1 grown:1; both superblocks, and a root
 *                without entries. The device had so many pages less.
 *  2 NODE        page:1 level:1 index:4; a node without entries
 *  3 LINK        page:1 slot:2 type:1 dpn:2; an entry with a good check
 *  4 CHILD       page:1 slot:2 child:1; the same, to a node, which it makes
 *  5 RUN         page:1 slot:2 nr:1 dpn:2; entries of data
 *  6 WORD        page:1 slot:2 word:8; an entry as it is
 *  7 SEAL        page:1 slot:2; the check of that is right then
 *  8 RAW         page:1 offset:2 length:2 bytes
 *  9 FIELD       copies:1 offset:2 size:1 value:8; of the superblock, checksum right
 * 10 CSUM        copies:1; checksums of superblocks are right then
 * 11 COPY        page:1 page:1; the first becomes like the second
 * 12 FILL        page:1 byte:1
 * 13 PLACE       page:1 level:1 index:4; the node there is that one
 * 14 LOST        page:1 slot:2 nr:1; entries of lost blocks
 * 15 TWIN        page:1 how:1; the twin of the root: as the root is now, empty, or anything
 * 16 SNAPSHOT    page:1 page:1 page:1 how:1 nr_lblks:5; one more in a directory, whose
 *                copies are in the first two, or no copy is in the second if it is the first.
 *                Its root is in the third: as the root is now, empty, or anything
 */
#include "fuzz.h"

enum {
	END, FORMAT, NODE, LINK, CHILD, RUN, WORD, SEAL, RAW, FIELD, CSUM, COPY,
	FILL, PLACE, LOST, TWIN, SNAPSHOT, NR_STEPS,
};

/**
 * struct maker - an image that is being made
 * @img: the image
 * @level: of the node in each page
 * @index: of that node on its level
 */
struct maker {
	struct image *img;
	u8 level[IMAGE_PAGES];
	u32 index[IMAGE_PAGES];
};

static u8 *make_page(struct maker *m, u64 dpn)
{
	return m->img->mem + dpn * IMAGE_PAGE;
}

/* The page of a device for a page of the input. */
static u64 make_dpn(const struct maker *m, u64 page)
{
	if (!page || page >= m->img->nr_pages)
		return page;
	return page == m->img->nr_pages - 1 ? REF_BACKUP : page + 1;
}

static u64 read_page(struct maker *m, struct input *in)
{
	return make_dpn(m, in_u8(in) % m->img->nr_pages);
}

/* The seed is where a kernel finds it. */
static u32 make_seed(struct maker *m)
{
	return ref_get(make_page(m, 0), 0x210, 4);
}

static void make_entry(struct maker *m, u64 page, unsigned int slot, u64 low)
{
	const u64 at = (u64)m->index[page] * 512 + slot % 512;

	ref_put(make_page(m, page), slot % 512 * 8, 8,
		ref_seal(make_seed(m), m->level[page], at, low));
}

static void make_node(struct maker *m, u64 page, unsigned int level, u32 index)
{
	m->level[page] = level;
	m->index[page] = index;
	for (unsigned int i = 0; i < 512; i++)
		make_entry(m, page, i, 0);
}

static void make_format(struct maker *m, struct input *in)
{
	const unsigned int type = in_u8(in);
	const u32 seed = in_number(in, 4);
	const u64 nr_lblks = in_number(in, 5);
	const u64 root = read_page(m, in);
	const unsigned int grown = in_u8(in);
	const u64 nr = grown + 2 > m->img->nr_pages ? 2 : m->img->nr_pages - grown;
	unsigned int level = ref_root_level(nr_lblks);
	u8 *sb = make_page(m, 0);

	memset(sb, 0, IMAGE_PAGE);
	ref_put(sb, 0x210, 4, seed);
	if (type == 1)
		make_node(m, root, level, 0);
	ref_put(sb, 0x000, 8, REF_MAGIC);
	ref_put(sb, 0x008, 4, type);
	ref_put(sb, 0x010, 2, 1);
	ref_put(sb, 0x014, 2, 0x10c);
	ref_put(sb, 0x030, 4, seed);
	ref_put(sb, 0x03c, 4, 1);
	ref_put(sb, 0x180, 8, ~0ULL - seed);
	ref_put(sb, 0x090, 8, 1);
	ref_put(sb, 0x0a0, 8, REF_PLACES);
	ref_put(sb, 0x0a8, 8, nr * IMAGE_PAGE);
	ref_put(sb, 0x0b0, 4, 1);
	if (type == 1) {
		ref_put(sb, 0x200, 8, nr_lblks);
		ref_put(sb, 0x208, 8, ref_seal(seed, level + 1, 0,
					       (4ULL + level) << 40 | root));
		ref_put(sb, 0x214, 4, 9);
		ref_put(sb, 0x218, 8, ~0ULL);
		ref_put(sb, 0x220, 8, ~0ULL);
		for (unsigned int i = 0; i < 3; i++)
			ref_put(sb, 0x228 + 8 * i, 8, ref_seal(seed, 0xff, i, 0));
	}
	memcpy(make_page(m, REF_BACKUP), sb, IMAGE_PAGE);
	ref_sb_seal(sb);
	sb = make_page(m, REF_BACKUP);
	ref_put(sb, 0x098, 8, REF_BACKUP);
	ref_sb_seal(sb);
}

static void make_child(struct maker *m, struct input *in)
{
	const u64 page = read_page(m, in);
	const unsigned int slot = in_u16(in) % 512, level = m->level[page];
	const u64 child = read_page(m, in);

	if (!level || child == page)
		return;
	make_entry(m, page, slot, (u64)(3 + level) << 40 | child);
	make_node(m, child, level - 1, m->index[page] * 512 + slot);
}

static void make_run(struct maker *m, struct input *in)
{
	const u64 page = read_page(m, in);
	const unsigned int slot = in_u16(in), nr = in_u8(in);
	const u64 dpn = in_u16(in);

	for (unsigned int i = 0; i < nr; i++)
		make_entry(m, page, slot + i, 1ULL << 40 | make_dpn(m, dpn + i));
}

static void make_lost(struct maker *m, struct input *in)
{
	const u64 page = read_page(m, in);
	const unsigned int slot = in_u16(in), nr = in_u8(in);

	for (unsigned int i = 0; i < nr; i++)
		make_entry(m, page, slot + i, 2ULL << 40);
}

static void make_raw(struct maker *m, struct input *in)
{
	u8 *p = make_page(m, read_page(m, in));
	const unsigned int off = in_u16(in) % IMAGE_PAGE;
	const u8 *bytes;
	size_t len;

	bytes = in_bytes(in, in_u16(in), &len);
	memcpy(p + off, bytes, len < IMAGE_PAGE - off ? len : IMAGE_PAGE - off);
}

/* Bit 0: the primary, bit 1: the backup. */
static void make_field(struct maker *m, struct input *in, bool field)
{
	const unsigned int copies = in_u8(in);
	const unsigned int off = field ? in_u16(in) % (IMAGE_PAGE - 8) : 0;
	const unsigned int size = field ? in_u8(in) % 9 : 0;
	const u64 val = field ? in_number(in, size) : 0;

	for (unsigned int i = 0; i < 2; i++) {
		u8 *sb = make_page(m, i ? REF_BACKUP : 0);

		if (!(copies >> i & 1))
			continue;
		ref_put(sb, off, size, val);
		ref_sb_seal(sb);
	}
}

static void make_twin(struct maker *m, struct input *in)
{
	const u64 page = read_page(m, in), root = ref_get(make_page(m, 0), 0x208, 8);
	const u64 dpn = root & ((1ULL << 40) - 1);
	const unsigned int level = (root >> 40 & 15) - 4, how = in_u8(in) % 3;

	if (page < REF_FIRST || level > 3 || dpn >= m->img->nr_pages)
		return;
	m->level[page] = level;
	m->index[page] = 0;
	if (!how)
		memmove(make_page(m, page), make_page(m, dpn), IMAGE_PAGE);
	else if (how == 1)
		make_node(m, page, level, 0);
	for (unsigned int i = 0; i < 2; i++) {
		u8 *sb = make_page(m, i ? REF_BACKUP : 0);

		ref_put(sb, 0x240, 8, ref_seal(make_seed(m), level + 1, 0,
					       (4ULL + level) << 40 | page));
		ref_sb_seal(sb);
	}
}

/* A record of its own, behind those that are there. */
static void make_record(struct maker *m, u8 *dir, u64 root, u64 nr_lblks)
{
	const u64 nr = ref_get(dir, 0x00c, 4) % 15, id = 1 + nr;
	const unsigned int level = ref_root_level(nr_lblks);
	u8 *r = dir + 0x100 + nr * 256;

	ref_put(dir, 0x00c, 4, nr + 1);
	ref_put(dir, 0x018, 8, 1);
	ref_put(dir, 0x020, 8, id + 1);
	ref_put(r, 0x000, 8, ref_seal(make_seed(m), level + 1, 0, (4ULL + level) << 40 | root));
	ref_put(r, 0x010, 8, nr_lblks);
	ref_put(r, 0x018, 8, id);
	ref_put(r, 0x038, 8, 1);
	r[0x040] = id;
	r[0x050] = 'a' + nr;
}

static void make_snapshot(struct maker *m, struct input *in)
{
	const u64 pages[] = { read_page(m, in), read_page(m, in) };
	const u64 root = read_page(m, in), now = ref_get(make_page(m, 0), 0x208, 8);
	const u64 dpn = now & ((1ULL << 40) - 1);
	const unsigned int how = in_u8(in) % 3;
	u64 nr_lblks = in_number(in, 5);
	u8 key[16];

	if (pages[0] < REF_FIRST || pages[1] < REF_FIRST || root < REF_FIRST ||
	    dpn >= m->img->nr_pages)
		return;
	nr_lblks = nr_lblks ? nr_lblks : ref_get(make_page(m, 0), 0x200, 8);
	if (how < 2)
		make_node(m, root, ref_root_level(nr_lblks), 0);
	if (!how)
		memmove(make_page(m, root), make_page(m, dpn), IMAGE_PAGE);
	make_record(m, make_page(m, pages[0]), root, nr_lblks);
	memcpy(key, make_page(m, 0) + 0x180, sizeof(key));
	memmove(make_page(m, pages[1]), make_page(m, pages[0]), IMAGE_PAGE);
	for (unsigned int i = 0; i < 2; i++) {
		u8 *dir = make_page(m, pages[i]), *sb = make_page(m, i ? REF_BACKUP : 0);

		ref_put(dir, 0x000, 8, 0x4b4d454d534e4150ULL);
		ref_put(dir, 0x010, 8, pages[i]);
		ref_put(dir, 0x008, 4, ref_directory_csum(dir, key));
		ref_put(sb, 0x028, 8, 1ULL << 32);
		for (unsigned int j = 0; j < 2; j++)
			ref_put(sb, 0x230 + 8 * j, 8,
				ref_seal(make_seed(m), 0xff, 1 + j,
					 j && pages[0] == pages[1] ? 0 : 15ULL << 40 | pages[j]));
		ref_sb_seal(sb);
	}
}

static void make_step(struct maker *m, unsigned int step, struct input *in)
{
	unsigned int slot;
	u64 page, low;

	switch (step) {
	case FORMAT:
		make_format(m, in);
		break;
	case NODE:
	case PLACE:
		page = read_page(m, in);
		/* No level above that of the root's entry. */
		m->level[page] = in_u8(in) % 5;
		m->index[page] = in_number(in, 4);
		if (step == NODE)
			make_node(m, page, m->level[page], m->index[page]);
		break;
	case LINK:
		page = read_page(m, in);
		slot = in_u16(in);
		low = (u64)(in_u8(in) & 15) << 40;
		make_entry(m, page, slot, low | make_dpn(m, in_u16(in)));
		break;
	case CHILD:
		make_child(m, in);
		break;
	case RUN:
		make_run(m, in);
		break;
	case LOST:
		make_lost(m, in);
		break;
	case WORD:
		page = read_page(m, in);
		slot = in_u16(in) % 512;
		ref_put(make_page(m, page), slot * 8, 8, in_number(in, 8));
		break;
	case SEAL:
		page = read_page(m, in);
		slot = in_u16(in) % 512;
		make_entry(m, page, slot, ref_get(make_page(m, page), slot * 8, 8) &
						  ((1ULL << 44) - 1));
		break;
	case RAW:
		make_raw(m, in);
		break;
	case FIELD:
	case CSUM:
		make_field(m, in, step == FIELD);
		break;
	case COPY:
		page = read_page(m, in);
		memmove(make_page(m, page), make_page(m, read_page(m, in)),
			IMAGE_PAGE);
		break;
	case TWIN:
		make_twin(m, in);
		break;
	case SNAPSHOT:
		make_snapshot(m, in);
		break;
	case FILL:
		page = read_page(m, in);
		memset(make_page(m, page), in_u8(in), IMAGE_PAGE);
		break;
	}
}

/**
 * image_make - make a device
 * @img: filled
 * @in: the input; what is behind the image is left
 */
void image_make(struct image *img, struct input *in)
{
	struct maker m = { .img = img };
	unsigned int step;

	img->nr_pages = in_u8(in) + 2;
	if (img->nr_pages > IMAGE_PAGES)
		img->nr_pages = IMAGE_PAGES;
	img->mem = aligned_alloc(IMAGE_PAGE, img->nr_pages * IMAGE_PAGE);
	MUST(img->mem);
	memset(img->mem, 0, img->nr_pages * IMAGE_PAGE);
	while (in_left(in)) {
		step = in_u8(in) % NR_STEPS;
		if (step == END)
			break;
		make_step(&m, step, in);
	}
}

/**
 * image_free - forget a device
 * @img: the device
 */
void image_free(struct image *img)
{
	free(img->mem);
	img->mem = NULL;
}

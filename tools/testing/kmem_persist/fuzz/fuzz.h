/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What fuzz targets share: reading the input, what has to be true, images
 *
 * A target is a function of the input alone, so that an input that fails once fails
 * always. What ends before it is wanted reads as zeroes.
 */
#ifndef _FUZZ_H
#define _FUZZ_H

#include <linux/compiler.h>
#include <string.h>

typedef unsigned __int128 u128;
typedef __int128 s128;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define MUST(cond) do {							\
	if (!(cond)) {							\
		fuzz_stderr("%s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort();						\
	}								\
} while (0)

/* Whatever has become of stderr. */
void fuzz_stderr(const char *fmt, ...) __printf(1, 2);

/**
 * struct input - what is left of the input
 * @p: next byte
 * @end: behind the last one
 */
struct input {
	const u8 *p;
	const u8 *end;
};

static inline size_t in_left(const struct input *in)
{
	return in->end - in->p;
}

/* A number of @bytes bytes. */
static inline u64 in_number(struct input *in, unsigned int bytes)
{
	u64 val = 0;

	for (unsigned int i = 0; i < bytes && in->p < in->end; i++)
		val |= (u64)*in->p++ << 8 * i;
	return val;
}

static inline u8 in_u8(struct input *in)
{
	return in_number(in, 1);
}

static inline u16 in_u16(struct input *in)
{
	return in_number(in, 2);
}

/* A piece of at most @want bytes. */
static inline const u8 *in_bytes(struct input *in, size_t want, size_t *len)
{
	const u8 *p = in->p;

	*len = want < in_left(in) ? want : in_left(in);
	in->p += *len;
	return p;
}

#define IMAGE_PAGES	256
#define IMAGE_PAGE	4096UL

/**
 * struct image - a device, as an input describes it
 * @mem: its pages
 * @nr_pages: how many
 */
struct image {
	u8 *mem;
	u64 nr_pages;
};

void image_make(struct image *img, struct input *in);
void image_free(struct image *img);

/*
 * The format once more, as its documentation has it: no code of the kernel's. Offsets
 * are those of the document.
 */

#define REF_PAGE	4096
#define REF_MAGIC	0x4b4d454d50455253ULL
/* Of the format for devices of a few pages, shim/small.sed. */
#define REF_BACKUP	1
#define REF_FIRST	2
#define REF_LEAST	4
#define REF_PLACES	9

static inline u64 ref_get(const u8 *p, unsigned int off, unsigned int bytes)
{
	u64 val = 0;

	for (unsigned int i = 0; i < bytes; i++)
		val |= (u64)p[off + i] << 8 * i;
	return val;
}

static inline void ref_put(u8 *p, unsigned int off, unsigned int bytes, u64 val)
{
	for (unsigned int i = 0; i < bytes; i++)
		p[off + i] = val >> 8 * i;
}

u32 ref_crc(u32 crc, const void *p, size_t len);
u32 ref_sb_csum(const u8 *sb);
void ref_sb_seal(u8 *sb);
bool ref_reserved_is_zero(const u8 *sb);
bool ref_sb_good(const u8 *sb, u64 dpn, u64 nr_pages);
u64 ref_seal(u32 seed, unsigned int level, u64 index, u64 low);
bool ref_entry_good(u32 seed, unsigned int level, u64 index, u64 word, u64 nr_pages);
unsigned int ref_root_level(u64 nr_lblks);

enum { REF_GOOD, REF_DAMAGED, REF_NEWER };
u32 ref_directory_csum(const u8 *dir, const u8 *key);
int ref_directory(const u8 *dir, const u8 *key, u64 dpn, u32 seed, u64 nr_pages);

/* Types of entries. */
enum { REF_HOLE, REF_DATA, REF_LOST };

/**
 * struct ref_map - a map, read by the document
 * @mem: the device
 * @nr_pages: its size
 * @seed: of its checks
 * @nr_lblks: size of the disk
 * @root: page of the root
 * @root_twin: page of its twin, or @root
 * @root_level: its level
 * @used: a byte per page: something refers to it
 * @nr_data: blocks of data
 * @nr_lost: lost blocks
 * @nr_nodes: nodes and twins
 * @lblk: block that is in a page, where @used is 2
 */
struct ref_map {
	const u8 *mem;
	u64 nr_pages;
	u32 seed;
	u64 nr_lblks;
	u64 root;
	u64 root_twin;
	unsigned int root_level;
	u8 used[IMAGE_PAGES];
	u64 nr_data;
	u64 nr_lost;
	u64 nr_nodes;
	u64 lblk[IMAGE_PAGES];
};

bool ref_map_read(struct ref_map *map, const u8 *mem, u64 nr_pages, const u8 *blk);
int ref_map_lookup(const struct ref_map *map, u64 lblk, u64 *dpn);

#endif

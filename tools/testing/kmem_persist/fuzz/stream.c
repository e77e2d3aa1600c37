// SPDX-License-Identifier: GPL-2.0
/*
 * Target: the content of a disk on its way: kmem-persist import, and extract of what came
 * out of it
 *
 * Input: pages:1 options:1, then steps that make a stream, so that a change of a byte of
 * the input is a change of what a stream says, and not a checksum that is wrong. Each
 * begins with a byte that says which; numbers are little-endian.
 *
 *  0 END                       a record that ends it, with the right counts
 *  1 DATA   lblk:5 nr:1 fill:1 blocks, of zeroes if fill is 0
 *  2 LOST   lblk:5 nr:5
 *  3 RECORD type:4 lblk:8 nr:8 zero:4; any, its check is right
 *  4 RAW    len:1 bytes
 *  5 CUT    nr:2; so many bytes less
 *  6 FLIP   back:2 bits:1; a byte, counted from the end
 *  7 HEAD   version:4 nr_lblks:8 len:1 label; nothing is before it
 *
 * What a stream says is read here by what tools/dax/kmem-persist/stream.h says about it,
 * and by no code of the tool's.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "run_tool.h"

#define MAX_STREAM	(256 * IMAGE_PAGE)
#define MAX_RECORDS	64
#define HEAD_BYTES	104
#define RECORD_BYTES	32
#define BATCH		256

enum { END, DATA, LOST, RECORD, RAW, CUT, FLIP, HEAD, NR_STEPS };
enum { HAS_SIZE = 1, HAS_DISK = 2, HAS_FORCE = 4, IS_CUT = 8, HAS_KIND = 16 };

/**
 * struct stream - a stream under construction
 * @bytes: what there is of it
 * @len: so many bytes
 * @chain: check of what comes next
 * @data: blocks of data
 * @lost: lost blocks
 */
struct stream {
	u8 *bytes;
	size_t len;
	u32 chain;
	u64 data;
	u64 lost;
};

/**
 * struct told - what a stream says
 * @good: it is a whole one, and all of it is right
 * @nr_lblks: size of the disk
 * @nr: records with blocks
 * @data: blocks of data
 * @lost: lost blocks
 * @r: the records; @block is NULL for lost ones
 */
struct told {
	bool good;
	u64 nr_lblks;
	unsigned int nr;
	u64 data;
	u64 lost;
	struct {
		u64 lblk;
		u64 nr;
		const u8 *block;
	} r[MAX_RECORDS];
};

static void put(struct stream *s, const void *bytes, size_t len)
{
	if (len > MAX_STREAM - s->len)
		len = MAX_STREAM - s->len;
	memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
}

static void put_head(struct stream *s, u32 version, u64 nr_lblks, const u8 *label,
		     size_t len)
{
	u8 head[HEAD_BYTES] = "KMEMDISK";

	ref_put(head, 8, 4, version);
	memcpy(head + 32, label, len < 64 ? len : 64);
	ref_put(head, 96, 8, nr_lblks);
	s->chain = ref_crc(~0U, head, sizeof(head));
	ref_put(head, 12, 4, s->chain);
	s->len = 0;
	s->data = 0;
	s->lost = 0;
	put(s, head, sizeof(head));
}

static void put_record(struct stream *s, u32 type, u32 data_csum, u64 lblk, u64 nr, u32 zero)
{
	u8 r[RECORD_BYTES];

	ref_put(r, 0, 4, type);
	ref_put(r, 4, 4, data_csum);
	ref_put(r, 8, 8, lblk);
	ref_put(r, 16, 8, nr);
	ref_put(r, 24, 4, zero);
	s->chain = ref_crc(s->chain, r, 28);
	ref_put(r, 28, 4, s->chain);
	put(s, r, sizeof(r));
}

static void put_data(struct stream *s, u64 lblk, unsigned int nr, u8 fill)
{
	static u8 buf[4][IMAGE_PAGE];

	nr = nr % 4 + 1;
	for (unsigned int i = 0; i < nr; i++) {
		memset(buf[i], fill, IMAGE_PAGE);
		/* Blocks that are the same would hide that they are mixed up. */
		if (fill)
			ref_put(buf[i], 8, 8, lblk + i);
	}
	put_record(s, 1, ref_crc(~0U, buf, nr * IMAGE_PAGE), lblk, nr, 0);
	put(s, buf, nr * IMAGE_PAGE);
	s->data += nr;
}

static void make_step(struct stream *s, unsigned int step, struct input *in)
{
	u64 a, b, c;
	const u8 *bytes;
	size_t len;

	switch (step) {
	case END:
		put_record(s, 3, 0, s->data, s->lost, 0);
		break;
	case DATA:
		a = in_number(in, 5);
		b = in_u8(in);
		put_data(s, a, b, in_u8(in));
		break;
	case LOST:
		a = in_number(in, 5);
		b = in_number(in, 5);
		put_record(s, 2, 0, a, b, 0);
		s->lost += b;
		break;
	case RECORD:
		a = in_number(in, 4);
		b = in_number(in, 8);
		c = in_number(in, 8);
		put_record(s, a, 0, b, c, in_number(in, 4));
		break;
	case RAW:
		bytes = in_bytes(in, in_u8(in), &len);
		put(s, bytes, len);
		break;
	case CUT:
		a = in_u16(in);
		s->len -= a < s->len ? a : s->len;
		break;
	case FLIP:
		a = in_u16(in);
		b = in_u8(in);
		if (a < s->len)
			s->bytes[s->len - 1 - a] ^= b;
		break;
	case HEAD:
		a = in_number(in, 4);
		b = in_number(in, 8);
		bytes = in_bytes(in, in_u8(in) % 65, &len);
		put_head(s, a, b, bytes, len);
		break;
	}
}

/* What does it say? No more records than there is room for: such a one is not looked at. */
static bool hear(struct told *t, const u8 *p, size_t len)
{
	const u8 *end = p + len;
	u8 head[HEAD_BYTES];
	u64 done = 0;
	u32 chain;

	memset(t, 0, sizeof(*t));
	if (len < HEAD_BYTES || memcmp(p, "KMEMDISK", 8))
		return true;
	memcpy(head, p, sizeof(head));
	ref_put(head, 12, 4, 0);
	chain = ref_crc(~0U, head, sizeof(head));
	if (ref_get(p, 12, 4) != chain || ref_get(p, 8, 4) != 1)
		return true;
	t->nr_lblks = ref_get(p, 96, 8);
	for (p += HEAD_BYTES; end - p >= RECORD_BYTES; ) {
		const u64 type = ref_get(p, 0, 4), lblk = ref_get(p, 8, 8);
		const u64 nr = ref_get(p, 16, 8);
		const u32 data_csum = ref_get(p, 4, 4);

		chain = ref_crc(chain, p, 28);
		if (ref_get(p, 28, 4) != chain)
			return true;
		p += RECORD_BYTES;
		if (type == 3) {
			t->good = lblk == t->data && nr == t->lost && p == end;
			return true;
		}
		if ((type != 1 && type != 2) || !nr || lblk < done ||
		    (u128)lblk + nr > t->nr_lblks)
			return true;
		if (t->nr == MAX_RECORDS)
			return false;
		t->r[t->nr].lblk = lblk;
		t->r[t->nr].nr = nr;
		t->r[t->nr].block = type == 1 ? p : NULL;
		t->nr++;
		done = lblk + nr;
		if (type == 2) {
			t->lost += nr;
			continue;
		}
		if (nr > BATCH || (u64)(end - p) < nr * IMAGE_PAGE ||
		    ref_crc(~0U, p, nr * IMAGE_PAGE) != data_csum)
			return true;
		t->data += nr;
		p += nr * IMAGE_PAGE;
	}
	return true;
}

/*
 * Runs
 */

static struct image img;

/* With @in as stdin and @out as stdout, -1: as they are. The order of @args may change. */
static void run(struct ran *r, int in, int out, char *const *args)
{
	char *argv[16];
	const int was_in = dup(STDIN_FILENO), was_out = dup(STDOUT_FILENO);
	const int next = dup(STDOUT_FILENO);
	int argc = 0;

	MUST(was_in >= 0 && was_out >= 0 && next >= 0);
	close(next);
	while (args[argc]) {
		argv[argc] = args[argc];
		argc++;
	}
	argv[argc] = NULL;
	if (in >= 0)
		MUST(!lseek(in, 0, SEEK_SET) && dup2(in, STDIN_FILENO) == STDIN_FILENO);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	run_tool_image = &img;
	run_tool(r, argc, argv);
	/* What it had open when it ended. */
	close(next);
	dup2(was_in, STDIN_FILENO);
	dup2(was_out, STDOUT_FILENO);
	close(was_in);
	close(was_out);
	MUST(r->status == 0 || r->status == 4 || r->status == 8 || r->status == 16);
	if (r->status >= 8)
		MUST(r->err_len && strchr(r->err, '\n') == r->err + r->err_len - 1);
}

static bool is_zero(const u8 *block)
{
	return !block[0] && !memcmp(block, block + 1, IMAGE_PAGE - 1);
}

/* The disk has what the stream says, and nothing else. */
static void check_disk(const struct told *t)
{
	static struct ref_map map;
	u64 dpn = 0;

	MUST(ref_sb_good(img.mem, 0, img.nr_pages));
	MUST(ref_sb_good(img.mem + REF_BACKUP * IMAGE_PAGE, REF_BACKUP, img.nr_pages));
	MUST(ref_map_read(&map, img.mem, img.nr_pages, img.mem + 0x200));
	MUST(map.nr_lblks >= t->nr_lblks);
	MUST(map.nr_data == t->data && map.nr_lost == t->lost);
	for (unsigned int i = 0; i < t->nr; i++) {
		const u64 first = t->r[i].lblk, nr = t->r[i].nr;

		if (!t->r[i].block) {
			MUST(ref_map_lookup(&map, first, &dpn) == REF_LOST);
			MUST(ref_map_lookup(&map, first + nr / 2, &dpn) == REF_LOST);
			MUST(ref_map_lookup(&map, first + nr - 1, &dpn) == REF_LOST);
			continue;
		}
		for (u64 j = 0; j < nr; j++) {
			MUST(ref_map_lookup(&map, first + j, &dpn) == REF_DATA);
			MUST(!memcmp(img.mem + dpn * IMAGE_PAGE,
				     t->r[i].block + j * IMAGE_PAGE, IMAGE_PAGE));
		}
	}
}

/* The disk becomes a stream again: it says the same, but for blocks of zeroes. */
static void check_again(const struct told *t, const u8 *uuid)
{
	char *argv[] = { "kmem-persist", "extract", "image", "-", NULL };
	const int fd = memfd_create("stream", 0);
	static struct told again;
	unsigned int at = 0;
	u64 zeroes = 0, skip = 0;
	struct ran r;
	off_t len;
	u8 *bytes;

	MUST(fd >= 0);
	run(&r, -1, fd, argv);
	MUST(r.status == (t->lost ? 4 : 0));
	len = lseek(fd, 0, SEEK_END);
	bytes = malloc(len + 1);
	MUST(bytes && pread(fd, bytes, len, 0) == len);
	MUST(len >= HEAD_BYTES && !memcmp(bytes + 16, uuid, 16));
	if (hear(&again, bytes, len)) {
		MUST(again.good && again.nr_lblks >= t->nr_lblks && again.lost == t->lost);
		for (unsigned int i = 0; i < t->nr; i++) {
			for (u64 j = 0; t->r[i].block && j < t->r[i].nr; j++) {
				const u8 *block = t->r[i].block + j * IMAGE_PAGE;

				if (is_zero(block)) {
					zeroes++;
					continue;
				}
				while (at < again.nr && (!again.r[at].block ||
							 skip == again.r[at].nr)) {
					at++;
					skip = 0;
				}
				MUST(at < again.nr);
				MUST(again.r[at].lblk + skip == t->r[i].lblk + j);
				MUST(!memcmp(again.r[at].block + skip * IMAGE_PAGE, block,
					     IMAGE_PAGE));
				skip++;
			}
		}
		MUST(again.data + zeroes == t->data);
	}
	free(bytes);
	run_tool_free(&r);
	close(fd);
}

static void check_refused(const struct ran *r, const struct told *t, bool known)
{
	if (!known || !t->good)
		return;
	/* Nothing is wrong with it: it does not fit, or its label is none. */
	MUST(strstr(r->err, "holds more than") || strstr(r->err, "no disk has") ||
	     strstr(r->err, "--size") || strstr(r->err, "its label is none") ||
	     strstr(r->err, "has a superblock already") || strstr(r->err, "too few") ||
	     strstr(r->err, "map cannot be laid out"));
}

static void run_import(struct stream *s, unsigned int options)
{
	char *argv[] = {
		"kmem-persist", "import", "image", "-", "--json", NULL, NULL, NULL, NULL, NULL,
	};
	const bool is_stream = s->len >= 8 && !memcmp(s->bytes, "KMEMDISK", 8);
	const int fd = memfd_create("stream", 0);
	u8 *before = malloc(img.nr_pages * IMAGE_PAGE);
	unsigned int argc = 5, dry_arg;
	static struct told t;
	static struct json j;
	struct ran dry, r;
	bool known;

	MUST(fd >= 0 && before);
	MUST(write(fd, s->bytes, s->len) == (ssize_t)s->len);
	memcpy(before, img.mem, img.nr_pages * IMAGE_PAGE);
	known = hear(&t, s->bytes, s->len);

	if (options & HAS_SIZE)
		argv[argc++] = "--size=256M";
	if (options & HAS_FORCE)
		argv[argc++] = "--force";
	if (options & HAS_KIND)
		argv[argc++] = "--stream";
	dry_arg = argc;
	argv[dry_arg] = "--dry-run";
	run(&dry, fd, -1, argv);
	MUST(!memcmp(before, img.mem, img.nr_pages * IMAGE_PAGE));
	argv[dry_arg] = NULL;
	run(&r, fd, -1, argv);
	MUST(r.status == dry.status);
	if (r.status != 16)
		MUST(json_parse(&j, r.out, r.out_len) && j.status == r.status);

	if (r.status >= 8) {
		check_refused(&r, &t, known);
		/* It was read before anything was lost. */
		if (is_stream || options & HAS_KIND)
			MUST(!memcmp(before, img.mem, img.nr_pages * IMAGE_PAGE) ||
			     strstr(r.err, "map cannot be laid out"));
		/* Who does not know another way out is told of one. */
		if (is_stream && !(options & HAS_KIND) && strstr(r.err, "nothing was written"))
			MUST(strstr(r.err, "--raw"));
		/* There is the old disk, or none. */
		if (memcmp(before, img.mem, img.nr_pages * IMAGE_PAGE)) {
			MUST(!ref_sb_good(img.mem, 0, img.nr_pages));
			MUST(!ref_sb_good(img.mem + REF_BACKUP * IMAGE_PAGE, REF_BACKUP,
					  img.nr_pages));
		}
	} else {
		MUST(is_stream || !(options & HAS_KIND));
		if (!is_stream || !known)
			goto out;
		MUST(t.good);
		MUST(r.status == (t.lost ? 4 : 0));
		check_disk(&t);
		check_again(&t, img.mem + 0x030);
	}
out:
	run_tool_free(&dry);
	run_tool_free(&r);
	free(before);
	close(fd);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };
	struct stream s = { .bytes = malloc(MAX_STREAM) };
	unsigned int options;

	MUST(s.bytes);
	setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
	img.nr_pages = in_u8(&in) + 2;
	if (img.nr_pages > IMAGE_PAGES)
		img.nr_pages = IMAGE_PAGES;
	img.mem = aligned_alloc(IMAGE_PAGE, img.nr_pages * IMAGE_PAGE);
	MUST(img.mem);
	memset(img.mem, 0, img.nr_pages * IMAGE_PAGE);
	options = in_u8(&in);

	put_head(&s, 1, 1024, (const u8 *)"stream", 6);
	if (options & HAS_DISK) {
		put_record(&s, 3, 0, 0, 0, 0);
		run_import(&s, 0);
		put_head(&s, 1, 1024, (const u8 *)"stream", 6);
	}
	while (in_left(&in))
		make_step(&s, in_u8(&in) % NR_STEPS, &in);
	if (!(options & IS_CUT))
		make_step(&s, END, &in);
	run_import(&s, options);
	free(s.bytes);
	image_free(&img);
	return 0;
}

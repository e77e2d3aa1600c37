// SPDX-License-Identifier: GPL-2.0
/*
 * replay - rebuild from a log of the kernel's recorder what power failures could have
 * left, and look at each with the kernel's own code
 *
 *   replay [OPTION...] LOG
 *   -s SEED       of what is chosen at random
 *   -r N          images with random stores at each fence, besides those with none and
 *                 with all that is pending (1)
 *   -w N -o NAME  write N of the images, spread evenly, to NAME.0 and so on
 *   -x fence|wb   do not believe in them: what is wrong then must be noticed
 *
 * The device starts as garbage: all that counts is in the log. Rules: a bulk copy is
 * durable with the next fence of its task; before, any of its words may be. Stores to a
 * cache line become durable in order: when a line that was written back has seen a
 * fence of the task that did so, or at any moment before. A page that is freed is
 * garbage at once.
 *
 * Wanted of every image, from the first one that is formatted: a good superblock; the
 * map can be attached; each block holds what it was last said to hold, or what somebody
 * was writing and not yet told that it is done. A run of failures ends the program.
 *
 * Prints what was looked at. Exit status: 0; 1 if an image is not good; 2 for a log that
 * makes no sense.
 */
#include "../shim/fake_kp.h"
#include "../../../../drivers/dax/kmem_blk_map.c"
#include "../../../../drivers/dax/kmem_blk_verify.c"
#include "../../../../drivers/dax/kmem_persist_format.c"
#include "../../../../drivers/dax/kmem_persist_record.h"
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE		64UL
#define MAX_BINDERS	16
#define MAX_FAILURES	10
#define NEVER		(~0ULL)

/**
 * struct pending - something on its way to the media
 * @pos: where
 * @len: bytes
 * @task: who copied it
 * @binders: for a store: tasks whose next fence it is bound to
 * @nr_binders: how many
 * @copy: a bulk copy, not a cached store
 * @done: it has arrived
 * @data: what
 */
struct pending {
	u64 pos;
	u32 len;
	u32 task;
	u32 binders[MAX_BINDERS];
	u8 nr_binders;
	bool copy;
	bool done;
	const u8 *data;
};

/**
 * struct content - what a block may hold
 * @crc: of it
 * @task: who writes it
 * @begin: when that began
 * @end: when its sender knew, or NEVER
 */
struct content {
	u32 crc;
	u32 task;
	u64 begin;
	u64 end;
};

struct block {
	struct content *c;
	unsigned int nr;
};

static struct kmem_persist *kp;
static struct pending *pend;
static size_t nr_pend, max_pend;
static struct block *blocks;
static u64 nr_blocks;
static u32 *page_crc;
static u8 *page_known;
static u32 zero_crc;
static bool formatted, finished;
static u64 now, fences, images, checked, nr_ops, failures;
static u64 seed = 1;
static unsigned int nr_random = 1, nr_write;
static const char *write_name;
static bool no_fence, no_wb;

static void __noreturn die(const char *text)
{
	fprintf(stderr, "replay: record %llu: %s\n", now, text);
	exit(2);
}

static u64 random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void touch(u64 pos, u64 len)
{
	for (u64 dpn = pos / FAKE_PAGE; dpn * FAKE_PAGE < pos + len; dpn++)
		page_known[dpn] = 0;
}

static void put(u64 pos, const void *data, u64 len)
{
	memcpy(kp->mem + pos, data, len);
	touch(pos, len);
}

/* What is on its way */

static bool same_line(const struct pending *a, const struct pending *b)
{
	return a->pos / LINE <= (b->pos + b->len - 1) / LINE &&
	       b->pos / LINE <= (a->pos + a->len - 1) / LINE;
}

static void arrive(size_t i)
{
	/* Older stores to the line are in it. */
	for (size_t j = 0; j < i; j++)
		if (!pend[j].done && !pend[j].copy && !pend[i].copy &&
		    same_line(&pend[j], &pend[i]))
			arrive(j);
	put(pend[i].pos, pend[i].data, pend[i].len);
	pend[i].done = true;
}

static void forget_done(void)
{
	size_t n = 0;

	for (size_t i = 0; i < nr_pend; i++)
		if (!pend[i].done)
			pend[n++] = pend[i];
	nr_pend = n;
}

static void add_pending(const struct kmem_record *rec, bool copy)
{
	struct pending *p;

	if (nr_pend == max_pend) {
		max_pend = max_pend ? 2 * max_pend : 1024;
		pend = realloc(pend, max_pend * sizeof(*pend));
	}
	p = &pend[nr_pend++];
	*p = (struct pending){
		.pos = le64_to_cpu(rec->pos),
		.len = le32_to_cpu(rec->len),
		.task = le32_to_cpu(rec->task),
		.copy = copy,
		.data = (const u8 *)(rec + 1),
	};
	if (p->pos % 8 || p->len % 8 || p->pos + p->len > kp->nr_pages * FAKE_PAGE ||
	    p->len != le32_to_cpu(rec->bytes))
		die("a store that is none");
	if (!copy)
		return;
	/* What goes past the cache writes back the lines that it meets there. */
	for (size_t i = 0; i + 1 < nr_pend; i++)
		if (!pend[i].done && !pend[i].copy && same_line(&pend[i], p))
			arrive(i);
	forget_done();
}

static bool is_bound(const struct pending *p, u32 task)
{
	if (p->copy)
		return p->task == task;
	for (unsigned int i = 0; i < p->nr_binders; i++)
		if (p->binders[i] == task)
			return true;
	return false;
}

static void write_back(const struct kmem_record *rec)
{
	const struct pending lines = {
		.pos = le64_to_cpu(rec->pos),
		.len = max(le32_to_cpu(rec->len), 1U),
	};
	const u32 task = le32_to_cpu(rec->task);

	for (size_t i = 0; i < nr_pend; i++) {
		struct pending *p = &pend[i];

		if (p->copy || !same_line(p, &lines))
			continue;
		if (is_bound(p, task))
			continue;
		if (p->nr_binders == MAX_BINDERS)
			die("too many tasks write back the same line");
		p->binders[p->nr_binders++] = task;
	}
}

static void fence(u32 task)
{
	for (size_t i = 0; i < nr_pend; i++)
		if (!pend[i].done && is_bound(&pend[i], task))
			arrive(i);
	forget_done();
}

static void scribble(u64 pos)
{
	u64 *words = (u64 *)(kp->mem + pos);

	if (pos % FAKE_PAGE || pos >= kp->nr_pages * FAKE_PAGE)
		die("a page that is none");
	for (unsigned int i = 0; i < FAKE_PAGE / 8; i++)
		words[i] = FAKE_GARBAGE;
	touch(pos, FAKE_PAGE);
	for (size_t i = 0; i < nr_pend; i++)
		if (pend[i].pos / FAKE_PAGE == pos / FAKE_PAGE)
			pend[i].done = true;
	forget_done();
}

/* What users may expect */

static void add_content(u64 lblk, struct content c)
{
	struct block *b = &blocks[lblk];

	b->c = realloc(b->c, (b->nr + 1) * sizeof(*b->c));
	b->c[b->nr++] = c;
}

static void begin(const struct kmem_record *rec)
{
	const __le32 *crcs = (const __le32 *)(rec + 1);
	const u64 lblk = le64_to_cpu(rec->pos), nr = le32_to_cpu(rec->len);

	if (le32_to_cpu(rec->bytes) != nr * sizeof(*crcs) || lblk + nr > nr_blocks)
		die("blocks that are none");
	for (u64 i = 0; i < nr; i++) {
		/* Nobody ever wrote there. */
		if (!blocks[lblk + i].nr)
			add_content(lblk + i, (struct content){ .crc = zero_crc });
		add_content(lblk + i, (struct content){
			.crc = le32_to_cpu(crcs[i]),
			.task = le32_to_cpu(rec->task),
			.begin = now,
			.end = NEVER,
		});
	}
}

static struct content *in_flight(struct block *b, u32 task)
{
	for (unsigned int i = b->nr; i-- > 0; )
		if (b->c[i].task == task && b->c[i].end == NEVER)
			return &b->c[i];
	die("an end without a beginning");
}

static void end(const struct kmem_record *rec, bool failed)
{
	const u64 lblk = le64_to_cpu(rec->pos), nr = le32_to_cpu(rec->len);

	if (lblk + nr > nr_blocks)
		die("blocks that are none");
	for (u64 i = 0; i < nr; i++) {
		struct block *b = &blocks[lblk + i];
		struct content *w = in_flight(b, le32_to_cpu(rec->task));
		const u64 since = w->begin;
		unsigned int n = 0;

		w->end = now;
		if (failed)
			continue;
		for (unsigned int j = 0; j < b->nr; j++)
			if (b->c[j].end >= since)
				b->c[n++] = b->c[j];
		b->nr = n;
	}
}

static bool may_hold(const struct block *b, u32 crc)
{
	if (!b->nr)
		return crc == zero_crc;
	for (unsigned int i = 0; i < b->nr; i++)
		if (b->c[i].crc == crc)
			return true;
	return false;
}

/* Looking at an image */

static void __printf(1, 2) fail(const char *fmt, ...)
{
	va_list args;

	printf("record %llu: ", now);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	if (++failures == MAX_FAILURES)
		finished = true;
}

static const struct kmem_persist_superblock *superblock(void)
{
	const struct kmem_persist_superblock *use = NULL;
	struct kmem_sb_fault fault;

	for (unsigned int i = 0; i < KMEM_PERSIST_NR_PLACES; i++) {
		const struct kmem_persist_superblock *sb =
			dax_kmem_index_to_kaddr(kp, kmem_sb_places[i]);

		if (kmem_sb_verify(sb, kmem_sb_places[i], kp->nr_pages, &fault))
			continue;
		if (!use || le64_to_cpu(sb->generation) > le64_to_cpu(use->generation))
			use = sb;
	}
	return use;
}

static u32 crc_of(u64 dpn)
{
	if (!page_known[dpn]) {
		page_crc[dpn] = crc32c(~0U, dax_kmem_index_to_kaddr(kp, dpn), FAKE_PAGE);
		page_known[dpn] = 1;
	}
	return page_crc[dpn];
}

static void look_at_blocks(const struct kmem_blk_map *map)
{
	for (u64 lblk = 0; lblk < map->nr_lblks && !finished; lblk++) {
		u64 dpn;
		int type = kmem_blk_map_lookup(map, lblk, &dpn);
		u32 crc = zero_crc;

		if (type == KMEM_BLK_ENTRY_DATA)
			crc = crc_of(dpn);
		else if (type != KMEM_BLK_ENTRY_HOLE)
			fail("block %llu is lost", lblk);
		if (!may_hold(&blocks[lblk], crc))
			fail("block %llu holds what nobody wrote, or wrote long ago", lblk);
		checked++;
	}
}

static void look(bool durable)
{
	const struct kmem_persist_superblock *sb = superblock();
	struct kmem_blk_map_error error;
	struct kmem_blk_map map;
	int err;

	images++;
	if (!sb) {
		if (formatted)
			fail("no good superblock");
		return;
	}
	fake_kp_forget(kp);
	err = kmem_blk_map_attach(&map, kp, (const void *)sb->plugin, &error);
	if (err) {
		fail("the map cannot be attached (%d)", err);
		return;
	}
	formatted |= durable;
	if (!nr_blocks) {
		nr_blocks = map.nr_lblks;
		blocks = calloc(nr_blocks, sizeof(*blocks));
	}
	look_at_blocks(&map);
	kmem_blk_map_detach(&map);
}

/*
 * What is pending, as the seed decides: all, none, or some of it; and back. What lies
 * below is kept in the order in which it was covered.
 */
struct undo {
	u64 pos;
	u64 word;
};

static struct undo *undos;
static size_t nr_undos, max_undos;

static void put_word(u64 pos, u64 word)
{
	if (nr_undos == max_undos) {
		max_undos = max_undos ? 2 * max_undos : 4096;
		undos = realloc(undos, max_undos * sizeof(*undos));
	}
	undos[nr_undos].pos = pos;
	memcpy(&undos[nr_undos++].word, kp->mem + pos, sizeof(word));
	put(pos, &word, sizeof(word));
}

static bool held_back(size_t i, const u8 *chosen)
{
	for (size_t j = 0; j < i; j++)
		if (!pend[j].copy && !chosen[j] && same_line(&pend[j], &pend[i]))
			return true;
	return false;
}

static void choose(bool all)
{
	u8 *chosen = calloc(nr_pend + 1, 1);

	for (size_t i = 0; i < nr_pend; i++) {
		const struct pending *p = &pend[i];
		/* Many are torn, but not most. */
		const bool whole = all || random64() % 4;
		const bool any = all || random64() % 2;

		if (!any || (!p->copy && held_back(i, chosen)))
			continue;
		chosen[i] = 1;
		for (u32 at = 0; at < p->len; at += 8) {
			u64 word;

			if (!whole && p->copy && random64() % 2)
				continue;
			memcpy(&word, p->data + at, sizeof(word));
			put_word(p->pos + at, word);
		}
	}
	free(chosen);
}

static void undo(void)
{
	while (nr_undos) {
		nr_undos--;
		put(undos[nr_undos].pos, &undos[nr_undos].word, 8);
	}
}

static void write_image(unsigned int nr)
{
	char name[4096];
	int fd;

	snprintf(name, sizeof(name), "%s.%u", write_name, nr);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || ftruncate(fd, kp->nr_pages * FAKE_PAGE))
		die("cannot write an image");
	for (u64 dpn = 0; dpn < kp->nr_pages; dpn++) {
		const u8 *page = dax_kmem_index_to_kaddr(kp, dpn);

		/* What is all garbage may as well be a hole. */
		if (*(const u64 *)page == FAKE_GARBAGE &&
		    !memcmp(page, page + 8, FAKE_PAGE - 8))
			continue;
		if (pwrite(fd, page, FAKE_PAGE, dpn * FAKE_PAGE) != FAKE_PAGE)
			die("cannot write an image");
	}
	close(fd);
}

static void crash(u64 all_fences)
{
	static unsigned int written;
	const bool want = formatted && nr_write && written < nr_write &&
			  fences * nr_write >= all_fences * (written + 1);

	look(true);
	for (unsigned int i = 0; i <= nr_random && !finished; i++) {
		choose(!i);
		look(false);
		if (want && i == nr_random)
			write_image(written++);
		undo();
	}
}

static void device(const struct kmem_record *rec)
{
	const u64 size = le64_to_cpu(rec->pos);
	u8 *mem;

	if (kp || le32_to_cpu(rec->len) != FAKE_PAGE || !size || size % FAKE_PAGE)
		die("this cannot be replayed");
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		die("no memory");
	for (u64 i = 0; i < size; i += 8)
		*(u64 *)(mem + i) = FAKE_GARBAGE;
	kp = fake_kp_over(mem, size / FAKE_PAGE);
	page_crc = calloc(kp->nr_pages, sizeof(*page_crc));
	page_known = calloc(kp->nr_pages, 1);
	zero_crc = crc32c(~0U, memset(calloc(1, FAKE_PAGE), 0, FAKE_PAGE), FAKE_PAGE);
}

static void step(const struct kmem_record *rec, u64 all_fences)
{
	const u32 op = le32_to_cpu(rec->op);

	if (!kp && op != KMEM_RECORD_START)
		die("the log does not begin with a device");
	nr_ops++;
	switch (op) {
	case KMEM_RECORD_START:
		device(rec);
		break;
	case KMEM_RECORD_COPY:
		add_pending(rec, true);
		break;
	case KMEM_RECORD_STORE:
		add_pending(rec, false);
		break;
	case KMEM_RECORD_WB:
		if (!no_wb)
			write_back(rec);
		break;
	case KMEM_RECORD_FENCE:
		fences++;
		crash(all_fences);
		if (!no_fence)
			fence(le32_to_cpu(rec->task));
		break;
	case KMEM_RECORD_FREE:
		scribble(le64_to_cpu(rec->pos));
		break;
	case KMEM_RECORD_BEGIN:
		begin(rec);
		break;
	case KMEM_RECORD_END:
		end(rec, false);
		break;
	case KMEM_RECORD_FAILED:
		end(rec, true);
		break;
	case KMEM_RECORD_FULL:
		printf("the log was full\n");
		finished = true;
		break;
	default:
		die("an operation that is none");
	}
}

static const struct kmem_record *next(const struct kmem_record *rec)
{
	return (const void *)(rec + 1) + (le32_to_cpu(rec->bytes) + 7) / 8 * 8;
}

static bool has_next(const struct kmem_record *rec, const void *eof)
{
	return (const void *)(rec + 1) <= eof && rec->op &&
	       (const void *)next(rec) <= eof;
}

static u64 count_fences(const struct kmem_record *rec, const void *eof)
{
	u64 n = 0;

	for (; has_next(rec, eof); rec = next(rec))
		n += le32_to_cpu(rec->op) == KMEM_RECORD_FENCE;
	return n;
}

int main(int argc, char **argv)
{
	const struct kmem_record *rec;
	const void *log, *eof;
	struct stat st;
	u64 all_fences;
	int opt, fd;

	while ((opt = getopt(argc, argv, "s:r:w:o:x:")) != -1) {
		switch (opt) {
		case 's':
			seed = strtoull(optarg, NULL, 0) | 1ULL << 63;
			break;
		case 'r':
			nr_random = strtoul(optarg, NULL, 0);
			break;
		case 'w':
			nr_write = strtoul(optarg, NULL, 0);
			break;
		case 'o':
			write_name = optarg;
			break;
		case 'x':
			no_fence = !strcmp(optarg, "fence");
			no_wb = !strcmp(optarg, "wb");
			break;
		default:
			return 2;
		}
	}
	if (optind + 1 != argc || (nr_write && !write_name))
		die("usage: replay [-s SEED] [-r N] [-w N -o NAME] [-x fence|wb] LOG");
	fd = open(argv[optind], O_RDONLY);
	if (fd < 0 || fstat(fd, &st) || !st.st_size)
		die("cannot read the log");
	log = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (log == MAP_FAILED)
		die("cannot read the log");
	eof = log + st.st_size;
	all_fences = count_fences(log, eof);

	/* It may have been read while somebody wrote, or lie on something larger. */
	for (rec = log; has_next(rec, eof) && !finished; rec = next(rec)) {
		now++;
		step(rec, all_fences);
	}
	printf("%llu records, %llu fences, %llu images, %llu blocks looked at, %llu failures\n",
	       nr_ops, fences, images, checked, failures);
	if (!formatted && !failures)
		die("there never was a map");
	return failures ? 1 : 0;
}

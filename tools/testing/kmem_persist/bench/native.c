// SPDX-License-Identifier: GPL-2.0
/*
 * How fast is a kmem block device on plain memory, and what is the limit?
 *
 * What is compared takes turns, in rounds of about a millisecond, so that a machine
 * whose speed varies does so for all. Reported are medians over rounds, and medians of
 * ratios within a round.
 *
 * Prints lines of fields with tabs between them, for report.awk:
 *	fact	NAME	VALUE
 *	result	PART	OPERATION	WHAT	UNIT	MEDIAN	QUARTILE1	QUARTILE3
 *		BAR	NOTE
 */

#define _GNU_SOURCE
#include "device.h"
#include "models.h"
#include <linux/crc32.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS	2001
/* A machine that does other things does not get there: enough is enough, in ns. */
#define MAX_TIME	10e9
#define MIN_ROUNDS	5
#define MAX_VARIANTS	4
/* Leaves at the end of the disk, per thread, that are written and discarded. */
#define SCRATCH_LEAVES	8U
#define SCRATCH_BLOCKS	(SCRATCH_LEAVES * KMEM_BLK_NODE_ENTRIES)
#define MIB_BLOCKS	256U

static unsigned int nr_rounds = 201;
static struct bench_device dev;
static struct btt btt;
static u64 nr_blocks;
static struct bench_user users[BENCH_CPUS];
static int cpus[BENCH_CPUS];
static unsigned int nr_cpus;

static double clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static double now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/*
 * What is measured: @nr operations each
 */

typedef void (*body_fn)(struct bench_user *user, unsigned int nr);

static struct bio *random_bio(struct bench_user *user, blk_opf_t opf, unsigned int nr)
{
	u64 lblk = bench_random(user) % (nr_blocks / nr) * nr;

	return bench_bio(&dev, user, opf, lblk, nr, bench_buf(user, nr));
}

static void random_bare(struct bench_user *user, unsigned int nr, bool write)
{
	u8 *media = btt.data + bench_random(user) % (nr_blocks / nr) * nr * PAGE_SIZE;
	struct page *page = bench_buf(user, nr);

	if (write)
		bare_write(media, page, nr * PAGE_SIZE);
	else
		bare_read(page, media, nr * PAGE_SIZE);
}

#define BODY(name, call)						\
static void name(struct bench_user *user, unsigned int nr)		\
{									\
	for (unsigned int i = 0; i < nr; i++) {				\
		call;							\
		bench_quiescent();					\
	}								\
}

BODY(write_kmem, bench_submit(random_bio(user, REQ_OP_WRITE, 1)))
BODY(write_bare, random_bare(user, 1, true))
BODY(write_pmem, pmem_write(btt.data, random_bio(user, REQ_OP_WRITE, 1), true))
BODY(write_btt, btt_write(&btt, random_bio(user, REQ_OP_WRITE, 1)))

BODY(read_kmem, bench_submit(random_bio(user, REQ_OP_READ, 1)))
BODY(read_bare, random_bare(user, 1, false))
BODY(read_pmem, pmem_read(btt.data, random_bio(user, REQ_OP_READ, 1)))
BODY(read_btt, btt_read(&btt, random_bio(user, REQ_OP_READ, 1)))

BODY(atomic_kmem, bench_submit(random_bio(user, REQ_OP_WRITE | REQ_ATOMIC, 16)))
BODY(atomic_bare, random_bare(user, 16, true))
BODY(atomic_pmem, pmem_write(btt.data, random_bio(user, REQ_OP_WRITE, 16), true))
BODY(atomic_btt, btt_write(&btt, random_bio(user, REQ_OP_WRITE, 16)))

BODY(mib_kmem, bench_submit(random_bio(user, REQ_OP_WRITE, MIB_BLOCKS)))
BODY(mib_bare, random_bare(user, MIB_BLOCKS, true))
BODY(mib_pmem, pmem_write(btt.data, random_bio(user, REQ_OP_WRITE, MIB_BLOCKS), true))
BODY(mib_btt, btt_write(&btt, random_bio(user, REQ_OP_WRITE, MIB_BLOCKS)))

BODY(mib_read_kmem, bench_submit(random_bio(user, REQ_OP_READ, MIB_BLOCKS)))
BODY(mib_read_bare, random_bare(user, MIB_BLOCKS, false))
BODY(mib_read_pmem, pmem_read(btt.data, random_bio(user, REQ_OP_READ, MIB_BLOCKS)))
BODY(mib_read_btt, btt_read(&btt, random_bio(user, REQ_OP_READ, MIB_BLOCKS)))

static u64 scratch(const struct bench_user *user)
{
	return nr_blocks + (user - users) * SCRATCH_BLOCKS;
}

/* Every block of the scratch leaves once, in no order. */
static void first_kmem(struct bench_user *user, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		u64 lblk = scratch(user) + i * 2654435761U % SCRATCH_BLOCKS;

		bench_submit(bench_bio(&dev, user, REQ_OP_WRITE, lblk, 1,
				       bench_buf(user, 1)));
		bench_quiescent();
	}
}

static void discard_kmem(struct bench_user *user, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		bench_submit(bench_bio(&dev, user, REQ_OP_DISCARD,
				       scratch(user) + i * MIB_BLOCKS, MIB_BLOCKS,
				       NULL));
		bench_quiescent();
	}
}

static void discard_leaf_kmem(struct bench_user *user, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		bench_submit(bench_bio(&dev, user, REQ_OP_DISCARD,
				       scratch(user) + i * KMEM_BLK_NODE_ENTRIES,
				       KMEM_BLK_NODE_ENTRIES, NULL));
		bench_quiescent();
	}
}

/* Not measured: a round begins with scratch leaves that are empty, or full. */

static void scratch_empty(void)
{
	for (unsigned int i = 0; i < nr_cpus; i++)
		discard_leaf_kmem(&users[i], SCRATCH_LEAVES);
	kmem_blk_pages_reclaim(&dev.kb.pages);
}

static void scratch_full(void)
{
	scratch_empty();
	for (unsigned int i = 0; i < nr_cpus; i++)
		for (unsigned int j = 0; j < SCRATCH_BLOCKS; j += MIB_BLOCKS) {
			bench_submit(bench_bio(&dev, &users[i], REQ_OP_WRITE,
					       scratch(&users[i]) + j, MIB_BLOCKS,
					       bench_buf(&users[i], MIB_BLOCKS)));
			bench_quiescent();
		}
	kmem_blk_pages_reclaim(&dev.kb.pages);
}

/*
 * First one thread for all rounds, because what another one has left in its caches is
 * expensive, and in processor time, because nothing of it ever sleeps; then, to see how
 * that scales, one and two in turn.
 */
enum { ALONE, BOTH, IN_TURN, NR_MODES };

struct variant {
	const char *name;
	body_fn body;
	const char *bar;		/* of kmem divided by it */
	double ns[NR_MODES][MAX_ROUNDS];
};

/* The first is kmem, the second the limit, if there is one. */
static struct op {
	const char *name;
	unsigned int nr;
	void (*prepare)(void);
	unsigned int nr_alone, nr_scaling;	/* rounds */
	struct variant variants[MAX_VARIANTS];
} ops[] = {
	{
		.name = "overwrite 4 KiB", .nr = 1000,
		.variants = {
			{ "kmem", write_kmem },
			{ "bare copy + fence", write_bare, "<= 1.6" },
			{ "pmem with FUA", write_pmem },
			{ "BTT", write_btt, "<= 0.75" },
		},
	}, {
		.name = "first write of 4 KiB", .nr = SCRATCH_BLOCKS,
		.prepare = scratch_empty,
		.variants = {
			{ "kmem", first_kmem },
			{ "bare copy + fence", write_bare },
		},
	}, {
		.name = "read 4 KiB", .nr = 1000,
		.variants = {
			{ "kmem", read_kmem },
			{ "bare copy", read_bare, "<= 1.15" },
			{ "pmem", read_pmem },
			{ "BTT", read_btt },
		},
	}, {
		/* before anything that writes neighbours together */
		.name = "read 1 MiB", .nr = 10,
		.variants = {
			{ "kmem", mib_read_kmem },
			{ "bare copy", mib_read_bare },
			{ "pmem", mib_read_pmem },
			{ "BTT", mib_read_btt },
		},
	}, {
		.name = "atomic write of 64 KiB", .nr = 100,
		.variants = {
			{ "kmem", atomic_kmem },
			{ "bare copy + fence", atomic_bare },
			{ "pmem, not atomic", atomic_pmem },
			{ "BTT, not atomic", atomic_btt },
		},
	}, {
		.name = "write 1 MiB", .nr = 10,
		.variants = {
			{ "kmem", mib_kmem },
			{ "bare copy + fence", mib_bare },
			{ "pmem with FUA", mib_pmem },
			{ "BTT", mib_btt },
		},
	}, {
		.name = "discard 1 MiB", .nr = SCRATCH_BLOCKS / MIB_BLOCKS,
		.prepare = scratch_full,
		.variants = { { "kmem", discard_kmem } },
	}, {
		.name = "discard 2 MiB", .nr = SCRATCH_LEAVES,
		.prepare = scratch_full,
		.variants = { { "kmem", discard_leaf_kmem } },
	},
};

/*
 * One or two threads. The second sleeps while it has nothing to do.
 */

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	body_fn body;
	unsigned int nr;
	unsigned int ready;
	double start, end;
} second = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

static void pin(unsigned int i)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpus[i], &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	bench_this.cpu = i;
	bench_this.percpu = i * 64;
}

/* Both are here: begin. */
static void meet(void)
{
	__atomic_add_fetch(&second.ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&second.ready, __ATOMIC_SEQ_CST) < 2)
		cpu_relax();
}

static void *second_main(void *unused)
{
	pin(1);
	for (;;) {
		body_fn body;
		double start;

		pthread_mutex_lock(&second.lock);
		while (!second.body)
			pthread_cond_wait(&second.wake, &second.lock);
		body = second.body;
		pthread_mutex_unlock(&second.lock);
		bench_rcu_online(true);
		meet();
		start = now();
		body(&users[1], second.nr);
		bench_rcu_online(false);
		second.start = start;
		second.end = now();
		pthread_mutex_lock(&second.lock);
		second.body = NULL;
		pthread_cond_broadcast(&second.wake);
		pthread_mutex_unlock(&second.lock);
	}
	return NULL;
}

/* Nanoseconds per operation of all threads together. */
static double measure(body_fn body, unsigned int nr, int mode)
{
	clockid_t id = mode == ALONE ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
	unsigned int nr_threads = mode == BOTH ? 2 : 1;
	double start, end;

	if (nr_threads == 2) {
		second.nr = nr;
		second.ready = 0;
		pthread_mutex_lock(&second.lock);
		second.body = body;
		pthread_cond_broadcast(&second.wake);
		pthread_mutex_unlock(&second.lock);
		meet();
	}
	start = clock_ns(id);
	body(&users[0], nr);
	end = clock_ns(id);
	if (nr_threads == 2) {
		/* The other one must not wait for our quiescent states. */
		bench_rcu_online(false);
		pthread_mutex_lock(&second.lock);
		while (second.body)
			pthread_cond_wait(&second.wake, &second.lock);
		pthread_mutex_unlock(&second.lock);
		bench_rcu_online(true);
		start = start < second.start ? start : second.start;
		end = end > second.end ? end : second.end;
	}
	return (end - start) / ((double)nr * nr_threads);
}

static void measure_round(struct op *op, unsigned int round, int mode)
{
	unsigned int nr_variants = 0;

	while (nr_variants < MAX_VARIANTS && op->variants[nr_variants].name)
		nr_variants++;
	for (unsigned int i = 0; i < nr_variants; i++) {
		/* Nobody is always the one that comes after the same. */
		struct variant *v = &op->variants[(i + round) % nr_variants];

		if (op->prepare)
			op->prepare();
		v->ns[mode][round] = measure(v->body, op->nr, mode);
		bench_work(&dev.kb.pages.work);
	}
}

static bool enough(double start, unsigned int round)
{
	return round >= MIN_ROUNDS && now() - start > MAX_TIME;
}

static void measure_op(struct op *op)
{
	double start = now();

	op->nr_alone = 0;
	op->nr_scaling = 0;
	while (op->nr_alone < nr_rounds && !enough(start, op->nr_alone))
		measure_round(op, op->nr_alone++, ALONE);
	start = now();
	while (nr_cpus > 1 && op->nr_scaling < nr_rounds &&
	       !enough(start, op->nr_scaling)) {
		measure_round(op, op->nr_scaling, IN_TURN);
		measure_round(op, op->nr_scaling++, BOTH);
	}
}

/*
 * Results
 */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double result(const char *op, const char *what, const char *unit,
		     const double *values, unsigned int nr, const char *bar,
		     const char *note)
{
	static double sorted[MAX_ROUNDS];

	memcpy(sorted, values, nr * sizeof(*values));
	qsort(sorted, nr, sizeof(*sorted), compare);
	printf("result\tnative\t%s\t%s\t%s\t%.4g\t%.4g\t%.4g\t%s\t%s\n", op, what, unit,
	       sorted[nr / 2], sorted[nr / 4], sorted[nr * 3 / 4], bar ? bar : "",
	       note);
	return sorted[nr / 2];
}

static double ratio(const char *op, const char *what, const double *a, const double *b,
		    unsigned int nr, const char *bar, const char *note)
{
	static double values[MAX_ROUNDS];

	for (unsigned int i = 0; i < nr; i++)
		values[i] = a[i] / b[i];
	return result(op, what, "x", values, nr, bar, note);
}

/*
 * Two threads that copy and do nothing else have nothing to wait for: if that is not
 * nearly twice as fast, nothing can be said about others. Why not?
 */
static const char *invalid(const struct variant *bare, unsigned int nr)
{
	static double scale[MAX_ROUNDS];

	for (unsigned int i = 0; i < nr; i++)
		scale[i] = bare->ns[IN_TURN][i] / bare->ns[BOTH][i];
	qsort(scale, nr, sizeof(*scale), compare);
	if (scale[nr * 3 / 4] > 1.25 * scale[nr / 4])
		return "noisy: not valid";
	if (scale[nr / 2] < 1.8)
		return "the memory is the limit: not valid";
	return "";
}

static void report_op(struct op *op)
{
	struct variant *kmem = &op->variants[0], *bare = &op->variants[1];
	const char *note = "";
	unsigned int nr_bare = op->nr_scaling;
	char name[64], what[64];

	if (!bare->name) {
		bare = &ops[0].variants[1];
		nr_bare = ops[0].nr_scaling;
	}
	if (nr_cpus > 1)
		note = invalid(bare, nr_bare);
	for (unsigned int t = ALONE; t <= (nr_cpus > 1 ? BOTH : ALONE); t++) {
		unsigned int nr = t == ALONE ? op->nr_alone : op->nr_scaling;
		const char *n = t ? note : "";

		snprintf(name, sizeof(name), "%s, %u thread%s", op->name, t + 1,
			 t ? "s" : "");
		for (unsigned int i = 0; i < MAX_VARIANTS && op->variants[i].name; i++)
			result(name, op->variants[i].name, "ns",
			       op->variants[i].ns[t], nr, NULL, n);
		for (unsigned int i = 1; i < MAX_VARIANTS && op->variants[i].name; i++) {
			snprintf(what, sizeof(what), "kmem / %s", op->variants[i].name);
			ratio(name, what, kmem->ns[t], op->variants[i].ns[t], nr,
			      t ? NULL : op->variants[i].bar, n);
		}
		if (!t)
			continue;
		ratio(name, "kmem, 2 threads / 1", kmem->ns[IN_TURN], kmem->ns[BOTH], nr,
		      ">= 1.8", note);
		if (op->variants[1].name)
			ratio(name, "bare, 2 threads / 1", bare->ns[IN_TURN],
			      bare->ns[BOTH], nr, NULL, note);
	}
}

/* Time that somebody else had our processors, in ticks; -1: not known. */
static long stolen(void)
{
	FILE *f = fopen("/proc/stat", "r");
	unsigned long v[8];
	long ticks = -1;

	if (!f)
		return -1;
	if (fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &v[0], &v[1], &v[2], &v[3],
		   &v[4], &v[5], &v[6], &v[7]) == 8)
		ticks = v[7];
	fclose(f);
	return ticks;
}

/*
 * The scan of an attach: a TiB whose map is partly mapped, in memory that has room for
 * the nodes only. The bitmap of used pages is that of the whole TiB.
 */

#define SCAN_PAGES	(1ULL << 28)

/* Any order of the pages of the device, 14 bits by 14 bits. */
static u64 scramble(u64 i)
{
	u32 left = i >> 14, right = i & 0x3fff;

	for (u32 round = 1; round <= 4; round++) {
		u32 next = left ^ (((right * 0x9e3779b1U + round) * 0x85ebca6bU) >> 18);

		left = right;
		right = next;
	}
	return (u64)left << 14 | right;
}

struct scan {
	struct kmem_persist *kp;
	struct kmem_blk_superblock bsb;
};

static void scan_attach(struct scan *scan, struct kmem_blk_map *map)
{
	struct kmem_blk_map_error error = { .object = "", .reason = "" };
	int err = kmem_blk_map_attach(map, scan->kp, &scan->bsb, &error);

	if (err) {
		fprintf(stderr, "attach: %d, %s: %s\n", err, error.object, error.reason);
		exit(1);
	}
}

static double scan_time(struct scan *scan)
{
	struct kmem_blk_map map;
	double start;

	/* It takes many time slices: only ours count. */
	bench_kp_forget(scan->kp);
	start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	scan_attach(scan, &map);
	start = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	kmem_blk_map_detach(&map);
	return start;
}

static void scan_write_leaf(struct scan *scan, struct kmem_blk_map *map, u64 leaf,
			    u64 *pages)
{
	struct kmem_blk_update u = {
		.lblk = leaf << KMEM_BLK_NODE_SHIFT, .nr = KMEM_BLK_NODE_ENTRIES,
		.pages = pages,
	};
	u64 dpns[KMEM_BLK_MAX_LEVEL + 2];

	u.nr_spare = kmem_blk_map_nodes_wanted(map, &u);
	if (dax_kmem_alloc_pages(scan->kp, u.spare, u.nr_spare, 0) != u.nr_spare ||
	    kmem_blk_map_stage(map, &u) || kmem_blk_map_commit(map, &u)) {
		fprintf(stderr, "the map cannot be filled\n");
		exit(1);
	}
	kmem_blk_map_unused(&u, dpns);
}

static void scan_init(struct scan *scan, u64 nr_mapped, bool is_random)
{
	const u64 nr_nodes = nr_mapped / KMEM_BLK_NODE_ENTRIES * 520 / 512 + 64;
	struct kmem_blk_map map;
	struct kmem_blk_copies root;
	u64 next = 0;

	scan->kp = bench_kp_new(bench_memory(nr_nodes * PAGE_SIZE), SCAN_PAGES);
	dax_kmem_alloc_pages(scan->kp, &root.dpn, 1, 0);
	dax_kmem_alloc_pages(scan->kp, &root.twin, 1, 0);
	kmem_blk_map_format(scan->kp, &scan->bsb, kmem_blk_map_max_lblks(SCAN_PAGES - 2),
			    0x5eed, &root);
	bench_kp_forget(scan->kp);
	scan_attach(scan, &map);
	for (u64 leaf = 0; leaf < nr_mapped / KMEM_BLK_NODE_ENTRIES; leaf++) {
		u64 pages[KMEM_BLK_NODE_ENTRIES];

		for (unsigned int i = 0; i < KMEM_BLK_NODE_ENTRIES; i++) {
			do {
				pages[i] = is_random ? scramble(next) : next;
				next++;
			} while (pages[i] < nr_nodes || pages[i] == SCAN_PAGES - 1);
		}
		scan_write_leaf(scan, &map, leaf, pages);
	}
	kmem_blk_map_detach(&map);
}

static void scan_report(const char *name, struct scan *scan, struct scan *empty,
			double scale, const char *bar)
{
	double times[9];

	for (unsigned int i = 0; i < ARRAY_SIZE(times); i++) {
		double fixed = scan_time(empty);

		times[i] = (fixed + (scan_time(scan) - fixed) * scale) / 1e9;
	}
	result("scan of 1 TiB, all mapped", name, "s", times, ARRAY_SIZE(times), bar, "");
}

static void scan_all(u64 nr_mapped)
{
	const double scale = (double)SCAN_PAGES / nr_mapped;
	struct scan empty, sequential, random;

	scan_init(&empty, 0, false);
	scan_init(&sequential, nr_mapped, false);
	scan_init(&random, nr_mapped, true);
	scan_report("sequential", &sequential, &empty, scale, "<= 0.7");
	scan_report("random", &random, &empty, scale, "<= 2");
	printf("fact\tscan\t%llu GiB of the TiB mapped, all of its bitmap of %llu MiB there, scaled by mapped blocks\n",
	       nr_mapped >> 18, SCAN_PAGES >> 23);
}

static void fill(void)
{
	const u64 all = nr_blocks + nr_cpus * SCRATCH_BLOCKS;

	for (u64 lblk = 0; lblk < all; lblk += MIB_BLOCKS) {
		bench_submit(bench_bio(&dev, &users[0], REQ_OP_WRITE, lblk, MIB_BLOCKS,
				       bench_buf(&users[0], MIB_BLOCKS)));
		bench_quiescent();
	}
	/* As it is after a while. */
	write_kmem(&users[0], nr_blocks);
	write_btt(&users[0], nr_blocks);
}

static void usage(void)
{
	fprintf(stderr,
		"usage: native [-r ROUNDS] [-s MIB] [-m MAPPED_GIB] [-o OPERATION]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	u64 mib = 1024, mapped_gib = 128;
	const char *only = NULL;
	struct rusage before, after;
	cpu_set_t set;
	u8 *models_mem;
	long steal;
	int opt;

	while ((opt = getopt(argc, argv, "r:s:m:o:")) != -1) {
		switch (opt) {
		case 'r':
			nr_rounds = atoi(optarg);
			break;
		case 's':
			mib = atoi(optarg);
			break;
		case 'm':
			mapped_gib = atoi(optarg);
			break;
		case 'o':
			only = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind != argc || !nr_rounds || nr_rounds > MAX_ROUNDS || mib < 256 ||
	    mib > 65536 || !mapped_gib || mapped_gib > 1000)
		usage();
	setvbuf(stdout, NULL, _IOLBF, 0);

	sched_getaffinity(0, sizeof(set), &set);
	for (int i = 0; i < CPU_SETSIZE && nr_cpus < BENCH_CPUS; i++)
		if (CPU_ISSET(i, &set))
			cpus[nr_cpus++] = i;
	pin(0);
	bench_rcu_online(true);
	for (unsigned int i = 0; i < nr_cpus; i++)
		bench_user_init(&users[i], i + 1);
	/* An eighth stays free. */
	nr_blocks = ((mib << 8) / 8 * 7 & ~(u64)(KMEM_BLK_NODE_ENTRIES - 1)) -
		    nr_cpus * SCRATCH_BLOCKS;
	bench_device_init(&dev, bench_memory(mib << 20), mib << 8,
			  nr_blocks + nr_cpus * SCRATCH_BLOCKS);
	models_mem = bench_memory(btt_bytes(nr_blocks));
	/* No page of it is the zero page. */
	memset(models_mem, 0x5a, btt_bytes(nr_blocks));
	btt_init(&btt, models_mem, nr_blocks);
	fill();
	if (nr_cpus > 1)
		pthread_create(&second.thread, NULL, second_main, NULL);

	getrusage(RUSAGE_SELF, &before);
	steal = stolen();
	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
		/* The first is what others are compared with. */
		if (i && only && !strstr(ops[i].name, only))
			continue;
		fprintf(stderr, "native: %s\n", ops[i].name);
		measure_op(&ops[i]);
		report_op(&ops[i]);
	}
	getrusage(RUSAGE_SELF, &after);
	printf("fact\tdevice\t%llu MiB, %llu MiB of it written, %u rounds or 10 s\n", mib,
	       nr_blocks >> 8, nr_rounds);
	printf("fact\tthreads\t%u\n", nr_cpus);
	printf("fact\tinvoluntary context switches\t%ld\n",
	       after.ru_nivcsw - before.ru_nivcsw);
	if (steal >= 0)
		printf("fact\tticks stolen from this machine\t%ld\n", stolen() - steal);
	printf("fact\twaits for a grace period\t%lu\n", bench_rcu_waits);

	if (!only || strstr("scan", only)) {
		fprintf(stderr, "native: scan\n");
		scan_all(mapped_gib << 18);
	}
	return 0;
}

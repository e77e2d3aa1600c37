// SPDX-License-Identifier: GPL-2.0
/*
 * Crashes while superblocks are written: the kernel's own file, on the media and with
 * all the images of crash.h
 *
 * The last page stands for the marker, which is no page of the device. A superblock
 * carries its version in attach_count. Wanted of every image:
 *
 *  - One copy is good at least, or none has a magic and that is allowed at this moment.
 *  - The good copy that counts has a version that is allowed: the last one whose write
 *    has returned, or one that is being written.
 *  - A format leaves no damaged copy, whatever was there before, and never two good
 *    copies of two formats.
 *  - There is no marker that belongs to no copy: such a device is held. A copy without
 *    the marker is found only while a format, or a wipe, has not come to its end.
 *
 * After an image, a device is attached: what is lost is restored, and "in use" is
 * written. All crashes of that are looked at, too, for many of the images.
 *
 * Mutants: each write back and each fence, and a marker that goes too late, or comes too
 * early.
 */
#define NR_PAGES	5U
#include "crash.h"
#include "../../../../drivers/dax/kmem_persist_format.c"

#define BACKUP_DPN	KMEM_SB_BACKUP_DPN
#define DEV_PAGES	(NR_PAGES - 1)
#define MARKER		(NR_PAGES - 1)

static const struct kmem_media media = { .need_wb = true };
/* Versions that may be found, a bit for each; 0: not formatted. */
static unsigned int allowed;
/* Each copy is good, or has no magic. */
static bool clean;
/* The marker is there, and it may be so or not. */
static bool marked, marking;
static const u8 ns_uuid[16] = "a namespace";
/* Images that a device is attached from afterwards. */
static struct {
	u64 words[NR_WORDS];
	unsigned int allowed;
	bool marked;
} later[64];
static unsigned int nr_later;
static bool collect;
static u64 live[NR_WORDS] __attribute__((__aligned__(4096)));

static bool moment_is_new(u64 pending)
{
	return true;
}

static void sim_event(const char *what, s64 word)
{
	sim.events++;
	crash_here();
}

static void reach_superblocks(void)
{
	sim_reachable[0] = true;
	sim_reachable[BACKUP_DPN] = true;
	sim_reachable[MARKER] = true;
}

/* What is found on @words: the version, -1 for damage. */
static int find_version(const u64 *words, struct kmem_persist_superblock *best,
			bool *good)
{
	static const u64 dpns[] = { 0, BACKUP_DPN };
	struct kmem_persist_superblock sb, other = {};
	bool any = false, damaged = false;
	struct kmem_sb_fault fault;

	for (unsigned int i = 0; i < 2; i++) {
		int err;

		memcpy(&sb, words + dpns[i] * PAGE_WORDS, sizeof(sb));
		err = kmem_sb_verify(&sb, dpns[i], DEV_PAGES, &fault);
		good[i] = !err;
		damaged |= err && err != -ENODATA;
		if (err)
			continue;
		if (any && !kmem_sb_same_format(&sb, &other))
			violate("two formats", 0, 0);
		if (!any || le64_to_cpu(sb.generation) > le64_to_cpu(best->generation))
			*best = sb;
		other = sb;
		any = true;
	}
	if (damaged && clean)
		violate("a format leaves damage", good[0], good[1]);
	if (any)
		return le32_to_cpu(best->attach_count);
	return damaged ? -1 : 0;
}

/* What a kernel makes of it. */
static void check_marker(const u64 *words, const struct kmem_persist_superblock *best,
			 const bool *good)
{
	struct kmem_persist_marker m;
	bool there;

	memcpy(&m, words + MARKER * PAGE_WORDS, sizeof(m));
	there = !kmem_marker_verify(&m, ns_uuid);
	if (there && !((good[0] || good[1]) && kmem_sb_counts(best, &m)))
		violate("a marker of nothing: held", good[0], good[1]);
	if (!marking && there != marked)
		violate("a marker that should not be there, or the other way round", there,
			marked);
}

static void check_super_image(void)
{
	struct kmem_persist_superblock sb;
	bool good[2];
	int version;

	nr_images++;
	version = find_version(image, &sb, good);
	if (version < 0)
		violate("no copy is good", 0, 0);
	if (!(allowed >> version & 1))
		violate("a version that was superseded or never written", version,
			allowed);
	check_marker(image, &sb, good);
	/* Of those that differ from a state that was finished, some. */
	if (collect && version && !marking && nr_images % 97 == 0 && nr_later < ARRAY_SIZE(later)) {
		memcpy(later[nr_later].words, image, sizeof(image));
		later[nr_later].marked = marked;
		later[nr_later++].allowed = BIT(version);
	}
}

static void begin(const u64 *words, bool arm)
{
	for (unsigned int i = 0; i < NR_WORDS; i++)
		sim.durable[i] = words ? words[i] : FAKE_GARBAGE;
	memcpy(live, sim.durable, sizeof(live));
	sim.live = live;
	sim.nr_pending = 0;
	sim.thread = 0;
	sim.arm = arm;
	media_ops = &sim_ops;
}

static void *place(u64 dpn)
{
	return live + dpn * PAGE_WORDS;
}

static void new_super(struct kmem_persist_superblock *sb, u8 format, u32 version)
{
	kmem_sb_init(sb, KMEM_PERSIST_TYPE_BLK, DEV_PAGES);
	memset(sb->uuid, format, sizeof(sb->uuid));
	memset(sb->key, 0x80 + format, sizeof(sb->key));
	memcpy(sb->ns_uuid, ns_uuid, sizeof(sb->ns_uuid));
	sb->attach_count = cpu_to_le32(version);
	/* Not all of it is zeroes. */
	memset(sb->plugin, 0x40 + version, 64);
}

/* A step of somebody: what may be found from now on, and what after it. */
#define STEP(during, after, call) do {	\
	allowed = (during);		\
	call;				\
	allowed = (after);		\
	crash_here();			\
} while (0)

static void update(struct kmem_persist_superblock *sb)
{
	const u32 version = le32_to_cpu(sb->attach_count);

	sb->attach_count = cpu_to_le32(version + 1);
	sb->state ^= cpu_to_le32(KMEM_PERSIST_STATE_CLEAN);
	STEP(BIT(version) | BIT(version + 1), BIT(version + 1),
	     kmem_sb_write(&media, sb, place(0), place(BACKUP_DPN)));
}

/* The namespace's place, as the kernel writes it: all of it, and then it is durable. */
static void put_marker(const struct kmem_persist_superblock *sb)
{
	struct kmem_persist_marker m = {};
	const unsigned int same = allowed;

	if (sb)
		kmem_marker_init(&m, sb, ns_uuid);
	marking = true;
	kmem_media_copy(&media, place(MARKER), &m, sizeof(m));
	STEP(same, same, kmem_media_fence(&media));
	marked = sb;
	marking = false;
	crash_here();
}

static void format(struct kmem_persist_superblock *sb, u8 uuid, u32 version)
{
	new_super(sb, uuid, version);
	clean = true;
	STEP(BIT(0) | BIT(version), BIT(version),
	     kmem_sb_write_first(&media, sb, place(0), place(BACKUP_DPN)));
	clean = false;
	put_marker(sb);
}

static void scenario_format(void)
{
	struct kmem_persist_superblock sb;

	format(&sb, 1, 1);
	update(&sb);
	update(&sb);
}

static void scenario_again(void)
{
	struct kmem_persist_superblock sb;

	format(&sb, 1, 1);
	update(&sb);
	put_marker(NULL);
	clean = true;
	STEP(BIT(2), BIT(2), kmem_sb_erase(&media, place(0)));
	STEP(BIT(2) | BIT(0), BIT(0), kmem_sb_erase(&media, place(BACKUP_DPN)));
	format(&sb, 2, 3);
	update(&sb);
}

/* As the kernel does when it attaches a device. */
static void recover(void)
{
	struct kmem_persist_superblock sb;
	bool good[2];
	int version = find_version(live, &sb, good);

	if (version <= 0)
		violate("nothing to attach", version, 0);
	for (unsigned int i = 0; i < 2; i++) {
		const struct kmem_persist_superblock *copy = place(i ? BACKUP_DPN : 0);

		if (!good[i] || copy->generation != sb.generation)
			STEP(BIT(version), BIT(version),
			     kmem_sb_restore(&media, &sb, place(i ? BACKUP_DPN : 0),
					     i ? BACKUP_DPN : 0));
	}
	update(&sb);
	update(&sb);
}

static void scenario_lost(u64 dpn)
{
	struct kmem_persist_superblock sb;

	format(&sb, 1, 1);
	update(&sb);
	for (unsigned int i = dpn * PAGE_WORDS; i < (dpn + 1) * PAGE_WORDS; i += 3)
		sim.durable[i] = ~0ULL;
	memcpy(live, sim.durable, sizeof(live));
	recover();
}

static void scenario_primary_lost(void)
{
	scenario_lost(0);
}

static void scenario_backup_lost(void)
{
	scenario_lost(BACKUP_DPN);
}

/* Mutants: what these do must not be right. */
static void scenario_marker_last_to_go(void)
{
	struct kmem_persist_superblock sb;

	format(&sb, 1, 1);
	STEP(BIT(1), BIT(1), kmem_sb_erase(&media, place(0)));
	STEP(BIT(1) | BIT(0), BIT(0), kmem_sb_erase(&media, place(BACKUP_DPN)));
	put_marker(NULL);
}

static void scenario_marker_first_to_come(void)
{
	struct kmem_persist_superblock sb;

	new_super(&sb, 1, 1);
	allowed = BIT(0);
	put_marker(&sb);
	format(&sb, 1, 1);
}

static void scenario_marker_stays(void)
{
	struct kmem_persist_superblock sb;

	format(&sb, 1, 1);
	STEP(BIT(1), BIT(1), kmem_sb_erase(&media, place(0)));
	STEP(BIT(1) | BIT(0), BIT(0), kmem_sb_erase(&media, place(BACKUP_DPN)));
	format(&sb, 2, 2);
}

static const struct {
	const char *name;
	void (*run)(void);
} marker_mutants[] = {
	{ "the marker goes last", scenario_marker_last_to_go },
	{ "the marker comes first", scenario_marker_first_to_come },
	{ "the marker of another format stays", scenario_marker_stays },
};

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{ "a format, and updates", scenario_format },
	{ "a format over another one", scenario_again },
	{ "the primary is lost", scenario_primary_lost },
	{ "the backup is lost", scenario_backup_lost },
};

/* Violations are in @violation. */
static void run(void (*scenario)(void), const u64 *words, bool arm)
{
	violation = NULL;
	clean = false;
	marking = false;
	if (scenario)
		marked = false;
	if (!_setjmp(on_violation)) {
		begin(words, arm);
		if (scenario)
			scenario();
		else
			recover();
	}
	media_ops = NULL;
}

/* All scenarios, by the rules of a machine, until something is wrong. */
static bool all_right(bool arm, const char **where)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(scenarios); i++) {
		*where = scenarios[i].name;
		run(scenarios[i].run, NULL, arm);
		if (violation)
			return false;
	}
	return true;
}

static unsigned int passed, failed;

static void result(bool ok, const char *name)
{
	printf("%sok %u - super: %s\n", ok ? "" : "not ", passed + failed + 1, name);
	if (!ok)
		printf("  %s\n", violation ? violation_text : "not noticed");
	passed += ok;
	failed += !ok;
}

int main(void)
{
	unsigned int nr_sites = 0;
	const char *where;

	check_image = check_super_image;
	reach_pages = reach_superblocks;
	for (int arm = 0; arm < 2; arm++) {
		char name[80];

		nr_later = 0;
		collect = true;
		for (unsigned int i = 0; i < ARRAY_SIZE(scenarios); i++) {
			run(scenarios[i].run, NULL, arm);
			snprintf(name, sizeof(name), "%s, %s", scenarios[i].name,
				 arm ? "arm64" : "x86");
			result(!violation, name);
		}
		collect = false;
		for (unsigned int i = 0; i < nr_later; i++) {
			allowed = later[i].allowed;
			marked = later[i].marked;
			run(NULL, later[i].words, arm);
			if (violation)
				break;
		}
		snprintf(name, sizeof(name), "attached from %u of the images, %s",
			 nr_later, arm ? "arm64" : "x86");
		result(!violation && nr_later == ARRAY_SIZE(later), name);
	}

	for (unsigned int i = 0; i < ARRAY_SIZE(marker_mutants); i++) {
		char name[80];

		run(marker_mutants[i].run, NULL, false);
		snprintf(name, sizeof(name), "mutant: %s", marker_mutants[i].name);
		result(violation, name);
		printf("  %s\n", violation ? violation_text : "");
	}
	for (struct media_site *site = sim.sites; site; site = site->next) {
		char name[120];

		if (strncmp(site->func, "kmem_sb_", 8))
			continue;
		nr_sites++;
		site->off = true;
		snprintf(name, sizeof(name), "mutant: no %s in %s(), line %d",
			 site->what, site->func, site->line);
		result(!all_right(false, &where), name);
		printf("  %s: %s\n", where, violation ? violation_text : "");
		site->off = false;
	}
	violation = NULL;
	result(nr_sites == 7, "all write backs and fences of the file were passed");
	printf("%lu images\n%u passed, %u failed\n", nr_images, passed, failed);
	return failed > 0;
}

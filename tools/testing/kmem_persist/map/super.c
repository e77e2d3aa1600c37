// SPDX-License-Identifier: GPL-2.0
/*
 * Crashes while superblocks are written, and places that cannot be read or written: the
 * kernel's own files, on the media and with all the images of crash.h
 *
 * The device consists of the four places; the page behind them stands for the marker. A
 * superblock carries its version in attach_count. What becomes of an image is what
 * persist/search.c makes of it: nothing is decided here. Wanted:
 *
 *  - The device is attached with a version that is allowed: the last one whose write has
 *    returned, or one that is being written; or it is plain, or held, where that is
 *    allowed. With one more place that cannot be read it is the same; with more it may be
 *    held as well, but never attached with a version that was superseded.
 *  - A format leaves no damaged copy, whatever was there before.
 *  - A write that has returned an error has changed nothing that is wanted.
 *
 * So what a superseded version refers to may be freed when the write has returned.
 *
 * Places are sick: some drop what is stored to them, others take it and cannot be read.
 * Both can be read after the crash. After an image a device is attached: what is lost is
 * restored, and "in use" is written; all crashes of that are looked at, too.
 *
 * Mutants: each write back and each fence, what super.sed leaves out, and a marker that
 * goes too late, or comes too early.
 */
#define NR_PAGES	5U
#define MAX_PENDING	16384U
#define MAX_CHOICES	4096U
#include "crash.h"

#ifdef SUPER_MUTANTS
static unsigned int mutant_nr;
#define mutant(nr)	(mutant_nr == (nr))
#include SUPER_MUTANTS
#else
#include "../../../../drivers/dax/persist/format.c"
#endif

#include "../../../../drivers/dax/persist/trust.c"
#include "../../../../drivers/dax/persist/search.c"

#define NR_PLACES	KMEM_PERSIST_NR_PLACES
#define DEV_PAGES	(NR_PAGES - 1)
#define MARKER		(NR_PAGES - 1)
/* Bits of what may be found, beside those of versions. */
#define PLAIN		BIT(0)
#define HELD		BIT(31)

static const struct kmem_media media = { .need_wb = true };
static const u8 ns_uuid[16] = "a namespace", other_ns_uuid[16] = "another one";
static unsigned int allowed;
/* Each copy is good, or has no magic; each is good. */
static bool clean, complete;
/* Masks of places that are sick: stores are dropped; reads fail. */
static unsigned int dead, blind;
/* With one place that cannot be read it may be held, too. */
static bool on_the_edge;
static struct kmem_sb_set set;
/* Images that a device is attached from afterwards. */
static struct {
	u64 words[NR_WORDS];
	unsigned int allowed;
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
	for (unsigned int i = 0; i < NR_PAGES; i++)
		sim_reachable[i] = true;
}

static bool is_sick(unsigned int mask, const void *at)
{
	const unsigned int page = sim_word(at) / PAGE_WORDS;

	return page < NR_PLACES && mask >> page & 1;
}

static void super_copy(void *dst, const void *src, size_t len)
{
	if (!is_sick(dead, dst))
		sim_copy(dst, src, len);
}

static void super_store(__le64 *dst, u64 val)
{
	if (!is_sick(dead, dst))
		sim_store(dst, val);
}

static int super_read(void *dst, const void *src, size_t len)
{
	if (is_sick(blind, src))
		return -EIO;
	memcpy(dst, src, len);
	return 0;
}

static const struct media_ops super_ops = {
	.copy = super_copy,
	.store = super_store,
	.wb = sim_wb,
	.fence = sim_fence,
	.read = super_read,
};

/*
 * What the kernel makes of it. @bad: places that cannot be read. The namespace may have
 * been RAM: without a marker nothing is believed.
 */
static int search(const u64 *words, unsigned int bad, struct kmem_identity *id,
		  const u8 *accept)
{
	static struct kmem_look look;
	static struct dev_dax dev_dax;
	int rc;

	memset(&look, 0, sizeof(look));
	memset(id, 0, sizeof(*id));
	dev_dax = (struct dev_dax) { .blocks = DEV_PAGES };
	id->dev_dax = &dev_dax;
	memcpy(&look.info.uuid, ns_uuid, sizeof(ns_uuid));
	if (accept) {
		dev_dax.persist_accept.kind = DAX_PERSIST_ACCEPT_UUID;
		memcpy(&dev_dax.persist_accept.uuid, accept, 16);
	}
	look.trust.accept = dev_dax.persist_accept.kind;
	memcpy(&look.marker, words + MARKER * PAGE_WORDS, sizeof(look.marker));
	if (le64_to_cpu(look.marker.magic) == KMEM_PERSIST_MARKER_MAGIC)
		look.trust.marker = memcmp(look.marker.ns_uuid, ns_uuid, sizeof(ns_uuid)) ?
				    KMEM_MARKER_FOREIGN : KMEM_MARKER_VALID;
	for (unsigned int i = 0; i < NR_PLACES; i++) {
		memcpy(&look.sb[i], words + i * PAGE_WORDS, sizeof(look.sb[i]));
		if (bad >> i & 1)
			look.trust.copy[i] = KMEM_COPY_UNREADABLE;
		else if (kmem_sb_has_magic(&look.sb[i]))
			look.trust.copy[i] = KMEM_COPY_MAGIC;
	}
	rc = kmem_search(id, &look, "");
	if (id->held && !id->reason[0])
		violate("held, and nobody is told why", bad, 0);
	return rc;
}

/* The same, as a bit of @allowed. */
static unsigned int find(const u64 *words, unsigned int bad)
{
	struct kmem_identity id;

	switch (search(words, bad, &id, NULL)) {
	case 0:
		return BIT(le32_to_cpu(id.sb.attach_count));
	case -ENODATA:
		return PLAIN;
	default:
		if (!id.held)
			violate("neither attached, plain nor held", bad, 0);
		return HELD;
	}
}

static void check_clean(void)
{
	struct kmem_persist_superblock sb;
	struct kmem_sb_fault fault;

	for (unsigned int i = 0; i < NR_PLACES; i++) {
		memcpy(&sb, image + i * PAGE_WORDS, sizeof(sb));
		switch (kmem_sb_verify(&sb, i, DEV_PAGES, &fault)) {
		case 0:
			break;
		case -ENODATA:
			if (complete)
				violate("a format has returned and is not durable", i, 0);
			break;
		default:
			violate("a format leaves damage", i, 0);
		}
	}
}

static void check_super_image(void)
{
	/* All sets of places that cannot be read, in turn. */
	const unsigned int bad = nr_images % BIT(NR_PLACES);
	unsigned int found, may = allowed;

	nr_images++;
	if (clean)
		check_clean();
	found = find(image, 0);
	if (!(found & allowed))
		violate("not what was the last, or is being written", found, allowed);
	/* Of those that differ from a state that was finished, some. */
	if (collect && !(found & (PLAIN | HELD)) && nr_images % 97 == 0 &&
	    nr_later < ARRAY_SIZE(later)) {
		memcpy(later[nr_later].words, image, sizeof(image));
		later[nr_later++].allowed = found;
	}
	if (hweight32(bad) == 1 && on_the_edge)
		return;
	if (hweight32(bad) > 1 || allowed & PLAIN)
		may |= HELD;
	/* Nothing at all can be read, and no valid marker says that there was something. */
	if (bad == BIT(NR_PLACES) - 1 && allowed & HELD)
		may |= PLAIN;
	found = find(image, bad);
	if (!(found & may))
		violate(hweight32(bad) > 1 ? "with bad places a version that was superseded" :
					     "with a bad place not old or new", found, bad);
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
	media_ops = &super_ops;
	memset(&set, 0, sizeof(set));
	for (unsigned int i = 0; i < NR_PLACES; i++)
		set.place[i] = live + i * PAGE_WORDS;
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

static void next_version(struct kmem_persist_superblock *sb)
{
	sb->attach_count = cpu_to_le32(le32_to_cpu(sb->attach_count) + 1);
	sb->state ^= cpu_to_le32(KMEM_PERSIST_STATE_CLEAN);
}

/* @wanted: what it has to return. */
static void update(struct kmem_persist_superblock *sb, int wanted)
{
	const unsigned int old = allowed;
	unsigned int now;
	int rc;

	next_version(sb);
	now = BIT(le32_to_cpu(sb->attach_count));
	allowed = old | now;
	rc = kmem_sb_write(&media, sb, &set);
	if (rc != wanted)
		violate("an update returns what it should not", rc, wanted);
	/* One that has failed may be found all the same. */
	if (!rc)
		allowed = now;
	crash_here();
}

/* The kernel's own functions that write the marker; its page is mapped already. */
typedef unsigned long phys_addr_t;
#define MEMREMAP_WB			0
#define memremap(_phys, _len, _how)	((void *)(_phys))
#define memunmap(_at)			((void)(_at))

static phys_addr_t kmem_marker_phys(struct dev_dax *dev_dax)
{
	return (phys_addr_t)(live + MARKER * PAGE_WORDS);
}

static void kmem_place_init_media(struct dev_dax *dev_dax, struct kmem_media *m)
{
	*m = media;
}

#include "marker.c"

static void write_marker(const struct kmem_persist_marker *m)
{
	int rc = kmem_persist_write_marker(NULL, m);

	if (rc)
		violate("a marker is not written", rc, 0);
}

static void open_marker(void)
{
	int rc = kmem_persist_open_marker(NULL);

	if (rc)
		violate("a marker is not opened", rc, 0);
}

static void put_marker(const struct kmem_persist_superblock *sb, unsigned int during,
		       unsigned int after)
{
	struct kmem_persist_marker m = {};

	if (sb)
		kmem_marker_init(&m, sb, ns_uuid);
	STEP(during, after, write_marker(sb ? &m : NULL));
}

static void format(struct kmem_persist_superblock *sb, u8 uuid, u32 version)
{
	const u64 seen = le64_to_cpu(sb->generation);

	new_super(sb, uuid, version);
	sb->generation = cpu_to_le64(seen);
	clean = true;
	STEP(PLAIN, PLAIN, if (kmem_sb_write_first(&media, sb, &set))
				   violate("a format fails", 0, 0));
	/* There may be nothing behind it that has a fence: not all devices have a marker. */
	complete = true;
	crash_here();
	clean = complete = false;
	put_marker(sb, PLAIN | BIT(version), BIT(version));
}

static void erase_all(void)
{
	for (unsigned int i = 0; i < NR_PLACES; i++)
		STEP(PLAIN, PLAIN, if (kmem_sb_erase(&media, set.place[i]))
					   violate("a place is not erased", i, 0));
}

static struct kmem_persist_superblock start_sb;

/* A device that has seen some updates. */
static void start(void)
{
	memset(&start_sb, 0, sizeof(start_sb));
	format(&start_sb, 1, 1);
	update(&start_sb, 0);
}

static void scenario_format(void)
{
	start();
	update(&start_sb, 0);
}

static void scenario_again(void)
{
	start();
	put_marker(NULL, BIT(2) | PLAIN, PLAIN);
	clean = true;
	erase_all();
	format(&start_sb, 2, 3);
	update(&start_sb, 0);
}

/*
 * What was chosen is made complete. Until then a copy that gets lost may bring back what
 * was before; nothing has been done that it would be missed for.
 */
static void restore(struct kmem_persist_superblock *sb)
{
	const unsigned int chosen = find(live, 0);

	for (unsigned int i = 0; i < NR_PLACES; i++)
		allowed |= find(live, BIT(i)) & ~HELD;
	kmem_sb_restore(&media, sb, &set);
	allowed = chosen;
	crash_here();
}

/* As the kernel does when it attaches a device; @bad: what it cannot read. */
static void recover(unsigned int bad)
{
	struct kmem_persist_superblock sb;
	struct kmem_identity id;

	if (search(live, bad, &id, NULL))
		violate("nothing to attach", bad, 0);
	sb = id.sb;
	set.holds = id.set.holds;
	set.hidden = id.set.hidden;
	set.bad = 0;
	restore(&sb);
	update(&sb, 0);
	update(&sb, 0);
}

static void damage(unsigned int page)
{
	for (unsigned int i = page * PAGE_WORDS; i < (page + 1) * PAGE_WORDS; i += 3)
		sim.durable[i] = ~0ULL;
	memcpy(live, sim.durable, sizeof(live));
}

static void scenario_lost(void)
{
	for (unsigned int i = 0; i < NR_PLACES; i++) {
		begin(NULL, sim.arm);
		start();
		damage(i);
		recover(0);
	}
}

/* What a crash in an update leaves: some have the next one. */
static void scenario_interrupted(void)
{
	for (unsigned int nr = 1; nr < NR_PLACES; nr++) {
		begin(NULL, sim.arm);
		start();
		next_version(&start_sb);
		le64_add_cpu(&start_sb.generation, 1);
		allowed |= BIT(3);
		for (unsigned int i = 0; i < nr; i++)
			kmem_sb_put(&media, &start_sb, &set, i);
		recover(0);
	}
}

/* Stores to a place are lost, or it cannot be read any more, and then once more. */
static void scenario_sick(void)
{
	for (unsigned int i = 0; i < 2 * NR_PLACES; i++) {
		const unsigned int place = BIT(i % NR_PLACES);

		dead = blind = 0;
		begin(NULL, sim.arm);
		start();
		*(i < NR_PLACES ? &dead : &blind) = place;
		update(&start_sb, 0);
		update(&start_sb, 0);
		/* It is well again, and older. */
		dead = blind = 0;
		recover(0);
	}
}

/* Two of them: it still works, but one more bad place may be one too many. */
static void scenario_degraded(void)
{
	for (unsigned int mask = 0; mask < BIT(NR_PLACES); mask++) {
		if (hweight32(mask) != 2)
			continue;
		on_the_edge = false;
		dead = blind = 0;
		begin(NULL, sim.arm);
		start();
		on_the_edge = true;
		dead = mask;
		update(&start_sb, 0);
		blind = mask;
		update(&start_sb, 0);
		recover(mask);
	}
}

/* Three: nothing may be said to have happened, once and again. */
static void scenario_too_few(void)
{
	for (unsigned int i = 0; i < NR_PLACES; i++) {
		dead = 0;
		begin(NULL, sim.arm);
		start();
		dead = (BIT(NR_PLACES) - 1) & ~BIT(i);
		update(&start_sb, -EIO);
		update(&start_sb, -EIO);
	}
}

/* Who had it before must be among those who have it. */
static void scenario_others(void)
{
	start();
	dead = BIT(0) | BIT(1);
	update(&start_sb, 0);
	on_the_edge = true;
	/* Now the first two are back, and those that were used are not. */
	set.bad = 0;
	dead = BIT(2) | BIT(3);
	update(&start_sb, -EIO);
}

/* A device of two places, one of which is lost for good. */
static void scenario_two_places(void)
{
	struct kmem_persist_superblock sb;
	struct kmem_identity id;

	start();
	set.place[1] = set.place[2] = NULL;
	update(&start_sb, 0);
	set.place[1] = live + PAGE_WORDS;
	set.place[2] = live + 2 * PAGE_WORDS;
	damage(3);
	dead = BIT(3);
	on_the_edge = true;
	if (search(live, 0, &id, NULL))
		violate("nothing to attach", 0, 0);
	sb = id.sb;
	set.holds = id.set.holds;
	set.bad = 0;
	kmem_sb_restore(&media, &sb, &set);
	update(&sb, 0);
}

/* An update was interrupted, and its only copy is not seen before it is seen again. */
static void scenario_comes_back(void)
{
	struct kmem_persist_superblock sb, lost;
	struct kmem_identity id;

	start();
	lost = sb = start_sb;
	next_version(&lost);
	le64_add_cpu(&lost.generation, 1);
	kmem_sb_seal(&lost, 0);
	dead = blind = BIT(0);
	memcpy(live, &lost, sizeof(lost));
	memcpy(sim.durable, &lost, sizeof(lost));
	allowed |= BIT(3);
	on_the_edge = true;
	if (search(live, blind, &id, NULL) || id.sb.generation != sb.generation)
		violate("not the one that can be read", 0, 0);
	sb = id.sb;
	set.holds = id.set.holds;
	set.hidden = id.set.hidden;
	set.bad = 0;
	kmem_sb_restore(&media, &sb, &set);
	/* Not what the other one says. */
	memset(sb.label, 'x', 1);
	update(&sb, 0);
}

/* Root vouches for what is there, on a namespace that was made again. */
static void scenario_adopt(void)
{
	struct kmem_identity id;
	struct kmem_persist_superblock sb;

	memset(&start_sb, 0, sizeof(start_sb));
	new_super(&start_sb, 1, 1);
	memcpy(start_sb.ns_uuid, other_ns_uuid, sizeof(other_ns_uuid));
	STEP(PLAIN, PLAIN, if (kmem_sb_write_first(&media, &start_sb, &set))
				   violate("a format fails", 0, 0));
	for (int marker = 0; marker < 2; marker++) {
		/* Without a marker at first, then while it is not complete. */
		if (search(live, 0, &id, start_sb.uuid) || !id.vouched)
			violate("root is not believed", marker, 0);
		sb = id.sb;
		STEP(PLAIN | HELD, HELD, open_marker());
		memcpy(sb.ns_uuid, ns_uuid, sizeof(ns_uuid));
		set.holds = id.set.holds;
		kmem_sb_restore(&media, &sb, &set);
		sb.attach_count = cpu_to_le32(2 + marker);
		allowed = HELD;
		if (kmem_sb_write(&media, &sb, &set))
			violate("an update fails", 0, 0);
		crash_here();
	}
	put_marker(&sb, HELD | BIT(3), BIT(3));
	recover(0);
}

/* What the tool does with a new uuid: the format is the same. */
static void scenario_new_uuid(void)
{
	start();
	memcpy(start_sb.meta_uuid, kmem_sb_meta_uuid(&start_sb), 16);
	memset(start_sb.uuid, 0x77, 16);
	update(&start_sb, 0);
	recover(0);
}

/* What must not be decided by chance. */
static void scenario_doubt(void)
{
	struct kmem_persist_superblock twin;
	struct kmem_identity id;

	start();
	twin = start_sb;
	twin.label[0] = 'x';
	kmem_sb_seal(&twin, 1);
	memcpy(live + PAGE_WORDS, &twin, sizeof(twin));
	if (find(live, 0) != HELD)
		violate("one generation, two contents: not held", 0, 0);
	if (find(live, BIT(1)) != BIT(2))
		violate("without one of them: not attached", 0, 0);
	/* A copy of another format counts for nothing, whatever its generation. */
	twin = start_sb;
	twin.key[0]++;
	le64_add_cpu(&twin.generation, 100);
	kmem_sb_seal(&twin, 1);
	memcpy(live + PAGE_WORDS, &twin, sizeof(twin));
	if (find(live, 0) != BIT(2))
		violate("a copy with another key counts", 0, 0);
	/* Root has said a uuid, which is public: both have it. */
	if (search(live, 0, &id, start_sb.uuid) != -EUCLEAN || !id.held)
		violate("two formats of one uuid: not held", 0, 0);
	memcpy(live + PAGE_WORDS, live, PAGE_WORDS * 8);
	set.holds &= ~BIT(1);
	kmem_sb_restore(&media, &start_sb, &set);
	crash_here();
}

/* A newer kernel was here, and an update of it reached one place: that may be the newest. */
static void scenario_newer(void)
{
	struct kmem_persist_superblock newer;
	struct kmem_identity id;
	char where[64];

	for (unsigned int i = 0; i < NR_PLACES; i++) {
		begin(NULL, sim.arm);
		start();
		newer = start_sb;
		newer.version_major = cpu_to_le16(KMEM_PERSIST_VERSION_MAJOR + 1);
		le64_add_cpu(&newer.generation, 1);
		kmem_sb_seal(&newer, kmem_sb_places[i]);
		memcpy(live + i * PAGE_WORDS, &newer, sizeof(newer));
		if (find(live, 0) != HELD)
			violate("a copy of a newer format: not held", i, 0);
		search(live, 0, &id, NULL);
		snprintf(where, sizeof(where), "superblock at page %llu not usable, major version:",
			 (unsigned long long)kmem_sb_places[i]);
		if (strncmp(id.reason, where, strlen(where)))
			violate("a copy of a newer format: it is not said which one", i, 0);
	}
}

/* One copy is damaged: the others count, and the log names it once. */
static void scenario_damaged(void)
{
	struct kmem_identity id;
	char where[64];

	for (unsigned int i = 0; i < NR_PLACES; i++) {
		begin(NULL, sim.arm);
		start();
		nr_warned = 0;
		if (search(live, 0, &id, NULL) || nr_warned)
			violate("a good device: something is said", i, nr_warned);
		/* A byte of what is not used. */
		live[i * PAGE_WORDS + PAGE_WORDS - 1] ^= 1;
		snprintf(where, sizeof(where), "superblock at page %llu damaged (",
			 (unsigned long long)kmem_sb_places[i]);
		if (search(live, 0, &id, NULL))
			violate("a damaged copy: not attached", i, 0);
		if (nr_warned != 1 || strncmp(warned, where, strlen(where)))
			violate("a damaged copy: not said, or not which one", i, nr_warned);
	}
}

/* Generations that may be where nobody could read are skipped, once. */
static void scenario_hidden(void)
{
	u64 before;

	begin(NULL, sim.arm);
	start();
	before = le64_to_cpu(start_sb.generation);
	set.hidden = true;
	if (kmem_sb_write(&media, &start_sb, &set) ||
	    le64_to_cpu(start_sb.generation) != before + KMEM_SB_MAX_TRIES + 1)
		violate("a hidden generation is not skipped", le64_to_cpu(start_sb.generation), before);
	before = le64_to_cpu(start_sb.generation);
	if (kmem_sb_write(&media, &start_sb, &set) ||
	    le64_to_cpu(start_sb.generation) != before + 1)
		violate("a hidden generation is skipped twice", le64_to_cpu(start_sb.generation), before);
}

/* Who knows the uuid does not know the hash, who knows the key does. */
static void scenario_hash(void)
{
	u8 text[sizeof(start_sb.key) + sizeof(start_sb.uuid)];
	u8 want[SHA256_DIGEST_SIZE], hash[DAX_PERSIST_HASH_LEN];

	begin(NULL, sim.arm);
	start();
	for (unsigned int i = 0; i < sizeof(text); i++)
		text[i] = 3 * i + 1;
	memcpy(start_sb.key, text, sizeof(start_sb.key));
	memcpy(start_sb.uuid, text + sizeof(start_sb.key), sizeof(start_sb.uuid));
	sha256(text, sizeof(text), want);
	kmem_search_hash(&start_sb, hash);
	if (memcmp(hash, want, sizeof(hash)))
		violate("a hash that is not that of key and uuid", 0, 0);
}

/* Formats that do not reach a place say so. */
static void scenario_format_fails(void)
{
	struct kmem_persist_superblock sb;

	for (unsigned int i = 0; i < 2 * NR_PLACES; i++) {
		dead = blind = 0;
		begin(NULL, sim.arm);
		start();
		put_marker(NULL, BIT(2) | PLAIN, PLAIN);
		*(i < NR_PLACES ? &dead : &blind) = BIT(i % NR_PLACES);
		new_super(&sb, 2, 3);
		STEP(PLAIN, PLAIN,
		     if (kmem_sb_erase(&media, set.place[i % NR_PLACES]) != -EIO)
			     violate("a place says that it is erased", i, 0));
		STEP(PLAIN, PLAIN, if (kmem_sb_write_first(&media, &sb, &set) != -EIO)
					   violate("a format says that it is complete", i, 0));

		/* It names those that it has, on a device that has no such place. */
		dead = blind = 0;
		set.place[i % NR_PLACES] = NULL;
		new_super(&sb, 2, 3);
		STEP(PLAIN, PLAIN, if (kmem_sb_write_first(&media, &sb, &set))
					   violate("a format of fewer places fails", i, 0));
		if (le64_to_cpu(sb.places) != (KMEM_PERSIST_PLACES_ALL & ~BIT(i % NR_PLACES)))
			violate("a format names places that it has not", sb.places, i);
	}
}

/* Mutants: what these do must not be right. */
static void scenario_marker_last_to_go(void)
{
	start();
	allowed = BIT(2);
	for (unsigned int i = 0; i < NR_PLACES; i++)
		kmem_sb_erase(&media, set.place[i]);
	put_marker(NULL, PLAIN, PLAIN);
}

static void scenario_marker_first_to_come(void)
{
	struct kmem_persist_superblock sb;

	new_super(&sb, 1, 1);
	put_marker(&sb, PLAIN, PLAIN);
	format(&sb, 1, 1);
}

static void scenario_marker_stays(void)
{
	start();
	erase_all();
	format(&start_sb, 2, 2);
}

/* The marker is erased before it is written anew: it is plain in between. */
static void scenario_adopt_unopened(void)
{
	start();
	put_marker(NULL, HELD | BIT(2), HELD);
	put_marker(&start_sb, HELD, BIT(2));
}

/* What it refers to is freed when the first copy is written. */
static void scenario_free_early(void)
{
	start();
	next_version(&start_sb);
	le64_add_cpu(&start_sb.generation, 1);
	allowed |= BIT(3);
	kmem_sb_put(&media, &start_sb, &set, 0);
	allowed = BIT(3);
	crash_here();
	crash_here();
	/* All sets of bad places come up. */
	for (unsigned int i = 0; i < 16; i++)
		crash_here();
}

struct super_scenario {
	const char *name;
	void (*run)(void);
};

static const struct super_scenario scenarios[] = {
	{ "a format, and updates", scenario_format },
	{ "a format over another one", scenario_again },
	{ "a copy is lost", scenario_lost },
	{ "an update that was interrupted", scenario_interrupted },
	{ "a place is sick", scenario_sick },
	{ "two places are sick", scenario_degraded },
	{ "three places are sick", scenario_too_few },
	{ "all places of before are sick", scenario_others },
	{ "two copies, one is lost for good", scenario_two_places },
	{ "a copy comes back", scenario_comes_back },
	{ "adopt", scenario_adopt },
	{ "a new uuid", scenario_new_uuid },
	{ "doubts", scenario_doubt },
	{ "a copy of a newer format", scenario_newer },
	{ "a damaged copy", scenario_damaged },
	{ "hidden generations", scenario_hidden },
	{ "what a key is known by", scenario_hash },
	{ "a format that fails", scenario_format_fails },
};

/* Violations are in @violation. */
static void run(void (*scenario)(void), const u64 *words, bool arm)
{
	violation = NULL;
	clean = complete = false;
	on_the_edge = false;
	dead = blind = 0;
	if (!_setjmp(on_violation)) {
		begin(words, arm);
		if (scenario)
			scenario();
		else
			recover(0);
	}
	dead = blind = 0;
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

/* Built with sanitizers: all scenarios of one machine, and no mutants. */
#ifndef FEW
#define FEW	0
#endif

static unsigned int passed, failed;

static void result(bool ok, const char *name)
{
	printf("%sok %u - super: %s\n", ok ? "" : "not ", passed + failed + 1, name);
	if (!ok)
		printf("  %s\n", violation ? violation_text : "not noticed");
	passed += ok;
	failed += !ok;
}

#ifdef SUPER_MUTANTS
int main(void)
{
	const char *where;
	unsigned int nr;

	setvbuf(stdout, NULL, _IOLBF, 0);
	check_image = check_super_image;
	reach_pages = reach_superblocks;
	for (nr = 1; nr <= NR_SUPER_MUTANTS; nr++) {
		char name[40];

		mutant_nr = nr;
		snprintf(name, sizeof(name), "mutant %u of super.sed", nr);
		result(!all_right(false, &where), name);
		printf("  %s: %s\n", where, violation ? violation_text : "");
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed > 0;
}
#else
static const struct super_scenario marker_mutants[] = {
	{ "the marker goes last", scenario_marker_last_to_go },
	{ "the marker comes first", scenario_marker_first_to_come },
	{ "the marker of another format stays", scenario_marker_stays },
	{ "adopt: no marker for a moment", scenario_adopt_unopened },
	{ "freed after the first copy", scenario_free_early },
};

static void attach_later(bool arm)
{
	char name[80];

	for (unsigned int i = 0; i < nr_later; i++) {
		allowed = later[i].allowed;
		run(NULL, later[i].words, arm);
		if (violation)
			break;
	}
	snprintf(name, sizeof(name), "attached from %u of the images, %s", nr_later,
		 arm ? "arm64" : "x86");
	result(!violation && nr_later == ARRAY_SIZE(later), name);
}

int main(void)
{
	unsigned int nr_sites = 0;
	const char *where;
	char name[120];

	setvbuf(stdout, NULL, _IOLBF, 0);
	check_image = check_super_image;
	reach_pages = reach_superblocks;
	for (int arm = 0; arm < (FEW ? 1 : 2); arm++) {
		if (!FEW && !in_sample(arm, 2))
			continue;
		nr_later = 0;
		for (unsigned int i = 0; i < ARRAY_SIZE(scenarios); i++) {
			collect = i == 0 || i == 2;
			run(scenarios[i].run, NULL, arm);
			collect = false;
			snprintf(name, sizeof(name), "%s, %s", scenarios[i].name,
				 arm ? "arm64" : "x86");
			result(!violation, name);
		}
		if (!FEW)
			attach_later(arm);
	}
	if (FEW)
		goto out;

	for (unsigned int i = 0; i < ARRAY_SIZE(marker_mutants); i++) {
		run(marker_mutants[i].run, NULL, false);
		snprintf(name, sizeof(name), "mutant: %s", marker_mutants[i].name);
		result(violation, name);
		printf("  %s\n", violation ? violation_text : "");
	}
	for (struct media_site *site = sim.sites; site; site = site->next) {
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
	result(nr_sites == 5, "all write backs and fences of the file were passed");
out:
	printf("%lu images\n%u passed, %u failed\n", nr_images, passed, failed);
	return failed > 0;
}
#endif

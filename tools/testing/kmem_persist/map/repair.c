// SPDX-License-Identifier: GPL-2.0
/*
 * Crashes while kmem-persist repairs a device: the tool's own files, on the media and
 * with all the images of crash.h
 *
 * A device is damaged and repaired. Wanted of every image:
 *
 *  - A check comes to its end and finds a superblock that counts, none that was
 *    superseded. Blocks that were good are good, in their pages and with their content,
 *    and there is no other data than what is mended, which is what it was before it was
 *    damaged: what was given up does not come back. No block is lost that a repair
 *    without a crash does not lose.
 *  - What asks for a check stays until the map has no damage.
 *  - A second repair comes to its end. What it leaves is, entries and superblock, what
 *    a repair without a crash leaves, and a check finds no error.
 *  - After the tool has said that it is done, all that is so without a second repair.
 *
 * Of some images the second repair is looked at in the same way.
 *
 * Mutants: of each repair, every write back and fence that has anything to do. Left out
 * alone, a write back is always noticed, and so is the last fence. Some fences are not,
 * where the next one comes early enough:
 *
 *  - Of an update of the superblock that is not the last thing, the second: the fence
 *    before the entries comes before anything that relies on it.
 *  - That of a backup that is restored before an update, which begins with it again.
 *  - The one between entries and superblock, where nothing has asked for a check: the
 *    kernel holds the device for the damage, and a second repair sees it, too.
 *
 * So each of them has to be noticed in one of the cases.
 */
#define NR_PAGES	24U
#include "crash.h"
#include "../../../../drivers/dax/persist/format.c"
#include "tool.h"

/* The device has two of the places, see ../shim/small.sed. */
#define BACKUP_DPN	1U
#define GENERATION	9
#define ASKS		(KMEM_PERSIST_STATE_ERRORS | KMEM_PERSIST_STATE_NEEDS_CHECK)
#define CLEAN		KMEM_PERSIST_STATE_CLEAN

/* What a scenario begins with, what the tool says of it, and what is to come of it. */
static u64 start[NR_WORDS] __attribute__((__aligned__(4096)));
static struct tool_found intact, was, wanted;
static u64 live[NR_WORDS] __attribute__((__aligned__(4096)));
static bool done;
static FILE *results;

/* Images that were looked at, by their hash. */
static u64 seen[1 << 18];
static unsigned int nr_seen;
/* Some of them, to be repaired with crashes, too. */
static u64 later[8][NR_WORDS];
static unsigned int nr_later, nr_second;
static bool collect;

const char *__asan_default_options(void);
/* What is interrupted leaves its memory behind. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static bool moment_is_new(u64 pending)
{
	return true;
}

static void sim_event(const char *what, s64 word)
{
	sim.events++;
	crash_here();
}

static void reach_device(void)
{
	reach_map();
	sim_reachable[0] = true;
	sim_reachable[BACKUP_DPN] = true;
}

/* Words that are what they were, for certain, are no choice: most of a superblock. */
static void repair_copy(void *dst, const void *src, size_t len)
{
	const u32 first = sim_word(dst);
	u64 words[PAGE_WORDS];

	memcpy(words, src, len);
	for (u32 i = 0; i < len / 8; i++) {
		bool same = sim.live[first + i] == words[i] &&
			    sim.durable[first + i] == words[i];

		for (unsigned int j = 0; j < sim.nr_pending && same; j++)
			same = sim.pending[j].word != first + i;
		if (!same)
			sim_add(first + i, words[i], true);
	}
	sim_event("copy", first);
}

/*
 * Mutants: the nth write back or fence of a repair that has anything to do is left out
 */

/**
 * struct mutant - where something was left out
 * @site: where that is
 * @tried: times
 * @noticed: those that were noticed
 */
static struct mutant {
	const struct media_site *site;
	unsigned int tried;
	unsigned int noticed;
} mutants[32];

static unsigned int nr_passed, leave_out;
static const struct media_site *left_out;
/* The line of a write back that was left out, until the next fence; -1: none. */
static s64 left_line;
/* Another write back of the line has come before that: nothing was left out. */
static bool made_up;

static void pass(struct media_site *site, bool needed)
{
	site->off = needed && ++nr_passed == leave_out;
	if (site->off)
		left_out = site;
}

static void repair_wb(struct media_site *site, void *addr, size_t len)
{
	const u32 first = sim_word(addr) / LINE_WORDS;
	const u32 last = (sim_word(addr) + len / 8 - 1) / LINE_WORDS;
	bool needed = false;

	for (unsigned int i = 0; i < sim.nr_pending; i++) {
		const struct pending *p = &sim.pending[i];
		const u32 line = p->word / LINE_WORDS;

		needed |= line >= first && line <= last && !p->bulk && !p->bound;
	}
	pass(site, needed);
	if (site->off)
		left_line = first;
	sim_wb(site, addr, len);
}

static void repair_fence(struct media_site *site)
{
	bool needed = false;

	made_up |= left_line >= 0;
	for (unsigned int i = 0; i < sim.nr_pending; i++) {
		const struct pending *p = &sim.pending[i];

		needed |= p->bulk || p->bound;
		if (p->word / LINE_WORDS == left_line && !p->bound)
			made_up = false;
	}
	left_line = -1;
	pass(site, needed);
	sim_fence(site);
}

static const struct media_ops repair_ops = {
	.copy = repair_copy,
	.store = sim_store,
	.wb = repair_wb,
	.fence = repair_fence,
};

static bool image_is_new(void)
{
	u64 hash = done + 1, at;

	for (unsigned int i = 0; i < NR_WORDS; i++)
		if (image[i] != start[i])
			hash += mix(mix(1, i), image[i]);
	at = mix(hash, 1);
	for (;; at++) {
		at %= ARRAY_SIZE(seen);
		if (seen[at] == hash)
			return false;
		if (!seen[at])
			break;
	}
	if (++nr_seen > ARRAY_SIZE(seen) / 2)
		abort();
	seen[at] = hash;
	return true;
}

/* Apart from what differs by the number of updates. */
static bool same_super(struct kmem_persist_superblock a,
		       struct kmem_persist_superblock b)
{
	a.generation = 0;
	a.csum = 0;
	a.this_dpn = 0;
	b.generation = 0;
	b.csum = 0;
	b.this_dpn = 0;
	return !memcmp(&a, &b, sizeof(a));
}

static bool in_runs(const struct tool_run *runs, unsigned int nr, u64 lblk, u64 blocks)
{
	for (unsigned int i = 0; i < nr; i++)
		if (lblk >= runs[i].lblk && lblk + blocks <= runs[i].lblk + runs[i].nr)
			return true;
	return false;
}

/* Are all blocks of one of @of, too, in the same pages? */
static bool is_part(const struct tool_found *f, const struct tool_found *of)
{
	for (unsigned int i = 0, j = 0; i < f->nr_data; i++, j++) {
		while (j < of->nr_data && of->data[j].lblk < f->data[i].lblk)
			j++;
		if (j == of->nr_data ||
		    memcmp(&f->data[i], &of->data[j], sizeof(f->data[i])))
			return false;
	}
	return true;
}

/* What was good is, and nothing else but what was mended. */
static void check_data(const struct tool_found *f, const u64 *words)
{
	if (!is_part(f, &wanted))
		violate("a block that was given up is back", f->nr_data, wanted.nr_data);
	if (!is_part(&was, f))
		violate("a block that was good is not", f->nr_data, was.nr_data);
	for (unsigned int i = 0; i < f->nr_data; i++) {
		const u64 at = f->data[i].dpn * PAGE_WORDS;

		if (memcmp(words + at, start + at, FAKE_PAGE))
			violate("the content of a block has changed", f->data[i].lblk,
				f->data[i].dpn);
	}
}

/* As a repair without a crash leaves it. */
static void check_end(const struct tool_found *f, const u64 *words)
{
	if (f->why)
		violate(f->why, 1, 0);
	if (f->nr_errors)
		violate("not all is repaired", f->nr_errors, f->nr_bad);
	check_data(f, words);
	if (!is_part(&wanted, f))
		violate("a block that could be mended is not", f->nr_data, wanted.nr_data);
	if (f->nr_lost != wanted.nr_lost ||
	    memcmp(f->lost, wanted.lost, f->nr_lost * sizeof(f->lost[0])))
		violate("other blocks are lost", f->nr_lost, wanted.nr_lost);
	if (!same_super(f->sb, wanted.sb))
		violate("another superblock", le32_to_cpu(f->sb.state),
			le32_to_cpu(wanted.sb.state));
}

static void check_repair_image(void)
{
	static u64 work[NR_WORDS] __attribute__((__aligned__(4096)));
	static struct tool_found f;
	int status;

	if (!image_is_new())
		return;
	nr_images++;
	media_ops = NULL;
	if (tool_check((u8 *)image, NR_PAGES, &f))
		violate("check gives up", 0, 0);
	if (done)
		check_end(&f, image);
	if (done && f.nr_twin)
		violate("two copies of a node are not the same", f.nr_twin, 0);
	if (f.why)
		violate(f.why, 0, 0);
	if (le64_to_cpu(f.sb.generation) < le64_to_cpu(was.sb.generation))
		violate("an old superblock counts", le64_to_cpu(f.sb.generation),
			le64_to_cpu(was.sb.generation));
	if (f.nr_bad && (le32_to_cpu(was.sb.state) & ~le32_to_cpu(f.sb.state)) & ASKS)
		violate("damage that nothing asks to be checked", f.nr_bad, 0);
	check_data(&f, image);
	for (unsigned int i = 0; i < f.nr_lost; i++)
		if (!in_runs(wanted.lost, wanted.nr_lost, f.lost[i].lblk, f.lost[i].nr))
			violate("blocks are lost", f.lost[i].lblk, f.lost[i].nr);

	memcpy(work, image, sizeof(work));
	status = tool_repair((u8 *)work, NR_PAGES);
	if (status != 0 && status != 1)
		violate("a second repair ends with", status, 0);
	if (tool_check((u8 *)work, NR_PAGES, &f))
		violate("check gives up", 1, 0);
	check_end(&f, work);
	media_ops = &repair_ops;
	if (collect && nr_later < ARRAY_SIZE(later) && nr_seen % 5 == 2)
		memcpy(later[nr_later++], image, sizeof(image));
}

/* A repair that may end at any moment, from @words on. */
static void repair(const u64 *words, bool arm)
{
	int status;

	memcpy(sim.durable, words, sizeof(sim.durable));
	memcpy(live, words, sizeof(live));
	memset(seen, 0, sizeof(seen));
	nr_seen = 0;
	sim.live = live;
	sim.nr_pending = 0;
	sim.thread = 0;
	sim.arm = arm;
	violation = NULL;
	done = false;
	nr_passed = 0;
	left_line = -1;
	made_up = false;
	media_ops = &repair_ops;
	if (!_setjmp(on_violation)) {
		crash_here();
		status = tool_repair((u8 *)live, NR_PAGES);
		if (status != 0 && status != 1)
			violate("the repair ends with", status, 0);
		done = true;
		crash_here();
	}
	media_ops = NULL;
}

/*
 * Damage
 */

static u64 root_dpn(void)
{
	return le64_to_cpu(world.bsb.root) & KMEM_BLK_ENTRY_DPN_MASK;
}

/* An entry, in the first or in the second tree. */
static u64 *slot_in(u64 dpn, unsigned int level, u64 index)
{
	for (unsigned int l = world.map.root_level; l > level; l--) {
		u64 at = index >> KMEM_BLK_NODE_SHIFT * (l - level);

		dpn = start[dpn * PAGE_WORDS + at % LEAF] & KMEM_BLK_ENTRY_DPN_MASK;
	}
	return &start[dpn * PAGE_WORDS + index % LEAF];
}

static u64 *slot(unsigned int level, u64 index)
{
	return slot_in(root_dpn(), level, index);
}

static u64 *twin_slot(unsigned int level, u64 index)
{
	return slot_in(le64_to_cpu(world.bsb.root_twin ?: world.bsb.root) &
		       KMEM_BLK_ENTRY_DPN_MASK, level, index);
}

/* Bits of an entry, in all copies. */
static void flip(unsigned int level, u64 index, u64 bits)
{
	u64 *at = slot(level, index), *twin = twin_slot(level, index);

	*at ^= bits;
	if (twin != at)
		*twin ^= bits;
}

static u64 *node(unsigned int level, u64 index)
{
	return slot(level, index * LEAF);
}

static u64 page_of(u64 lblk)
{
	return *slot(0, lblk) & KMEM_BLK_ENTRY_DPN_MASK;
}

static void refer(u64 lblk, u64 dpn)
{
	*slot(0, lblk) = kmem_blk_entry_encode(world.map.seed, 0, lblk,
					       KMEM_BLK_ENTRY_DATA, dpn);
}

static void put_super(u64 dpn, u64 generation, u32 state, u32 attaches)
{
	struct kmem_persist_superblock sb;
	struct kmem_blk_superblock *bsb = (void *)sb.plugin;
	struct kmem_blk_map_count count;

	kmem_sb_init(&sb, KMEM_PERSIST_TYPE_BLK, NR_PAGES);
	/* The others are behind the end. */
	sb.places = cpu_to_le64(0x9);
	memset(sb.uuid, 0x11, sizeof(sb.uuid));
	memset(sb.key, 0x22, sizeof(sb.key));
	sb.generation = cpu_to_le64(generation);
	sb.state = cpu_to_le32(state);
	sb.attach_count = cpu_to_le32(attaches);
	*bsb = world.bsb;
	bsb->mapped_blocks = cpu_to_le64(KMEM_BLK_COUNT_UNKNOWN);
	bsb->node_pages = cpu_to_le64(KMEM_BLK_COUNT_UNKNOWN);
	if (state & CLEAN) {
		kmem_blk_map_count(&world.map, &count);
		bsb->mapped_blocks = cpu_to_le64(count.mapped_blocks);
		bsb->node_pages = cpu_to_le64(count.node_pages);
	}
	kmem_sb_seal(&sb, dpn);
	memcpy(start + dpn * PAGE_WORDS, &sb, sizeof(sb));
}

static void break_super(u64 dpn)
{
	for (unsigned int i = 3; i < PAGE_WORDS; i += 101)
		start[dpn * PAGE_WORDS + i] ^= 0xff00;
}

/* So much of a word that nobody can tell what it was. */
#define MANY_BITS	0xb5ULL

static void one_entry(void)
{
	*slot(0, 1) ^= MANY_BITS;
}

static void one_bit(void)
{
	*slot(0, 1) ^= 4;
}

static void one_bit_of_holes(void)
{
	*slot(0, 7) ^= 1ULL << 41;
	flip(1, 2, 1ULL << 41);
	flip(1, 4, 1);
}

/* Two ways down, and what is at their end. */
static void one_bit_above(void)
{
	*slot(0, 1) ^= 1ULL << 50;
	*slot(0, LEAF) ^= MANY_BITS;
	flip(1, 0, 1ULL << 63);
	flip(1, 1, 2);
}

static void one_bit_and_bad_leaf(void)
{
	memset(node(0, 1), 0, FAKE_PAGE);
	flip(1, 1, 2);
}

static void more_entries(void)
{
	*slot(0, 0) = ~0ULL;
	*slot(0, 2) ^= MANY_BITS << 40;
	*slot(0, 100) = 0;
}

static void behind_the_end(void)
{
	one_entry();
	*slot(0, TINY + 3) = kmem_blk_entry_encode(world.map.seed, 0, TINY + 3,
						   KMEM_BLK_ENTRY_LOST, 0);
}

/* The leaf is gone, and every page that could be a new one is an old copy of it. */
static void one_leaf(void)
{
	u64 *leaf = node(0, 1);

	for (u64 dpn = KMEM_PERSIST_FIRST_PAGE; dpn < NR_PAGES; dpn++)
		if (!world.kp->used[dpn] || dpn == page_of(LEAF) ||
		    dpn == page_of(LEAF + 1))
			memcpy(start + dpn * PAGE_WORDS, leaf, FAKE_PAGE);
	memset(leaf, 0, FAKE_PAGE);
}

static void inner_node(void)
{
	u64 *ents = node(1, 1), *twin = twin_slot(1, LEAF);

	memset(ents, 0xff, FAKE_PAGE);
	memset(twin, 0xff, FAKE_PAGE);
}

/* One copy of a node, or of what is in it: nothing is lost. */
static void a_copy(void)
{
	memset(node(1, 1), 0xff, FAKE_PAGE);
}

static void a_twin(void)
{
	memset(twin_slot(1, LEAF), 0, FAKE_PAGE);
}

static void copy_of_root(void)
{
	memset(slot(2, 0), 0, FAKE_PAGE);
}

static void twin_of_root(void)
{
	for (unsigned int i = 0; i < LEAF; i++)
		*twin_slot(2, i) = FAKE_GARBAGE;
}

static void words_of_copies(void)
{
	*slot(0, 1) ^= MANY_BITS;
	*twin_slot(1, 0) ^= MANY_BITS;
	*slot(1, 1) = 0;
	*twin_slot(1, 7) = ~0ULL;
	*slot(2, 5) ^= 1;
	*twin_slot(2, 0) ^= MANY_BITS;
}

/* Each of two nodes has another good copy. */
static void copies_of_two(void)
{
	memset(twin_slot(1, LEAF), 0, FAKE_PAGE);
	memset(slot(1, 0), 0, FAKE_PAGE);
}

/* What a crash left, and damage: the first copy counts. */
static void differ_and_entry(void)
{
	*twin_slot(1, 1) = kmem_blk_entry_encode(world.map.seed, 1, 1, KMEM_BLK_ENTRY_HOLE, 0);
	one_entry();
}

/* The page of a block as that of a twin. */
static void twin_is_block(void)
{
	*twin_slot(2, 0) = kmem_blk_entry_encode(world.map.seed, 2, 0, KMEM_BLK_ENTRY_NODE + 1,
						 page_of(1));
}

static void twice_in_leaf(void)
{
	refer(200, page_of(1));
}

static void twice_in_line(void)
{
	refer(3, page_of(1));
}

static void twice_in_leaves(void)
{
	refer(LEAF + 1, page_of(1));
}

static void three_times(void)
{
	refer(LEAF + 1, page_of(1));
	refer(2 * LEAF, page_of(1));
	refer(100, page_of(LEAF));
}

static void page_of_node(void)
{
	refer(1, (node(0, 1) - start) / PAGE_WORDS);
	refer(LEAF + 1, root_dpn());
}

static void twice_and_leaf(void)
{
	twice_in_leaf();
	one_leaf();
}

/* Who is good keeps the page. */
static void one_bit_of_anothers(void)
{
	refer(1, page_of(0));
	*slot(0, 1) ^= 1ULL << 45;
}

/* Nobody knows which of them has it. */
static void one_bit_twice(void)
{
	refer(LEAF + 1, page_of(1));
	*slot(0, 1) ^= 1ULL << 45;
	*slot(0, LEAF + 1) ^= 1ULL << 46;
}

/* Two of them look as if they were good, and none is. */
static void one_bit_of_twos(void)
{
	refer(LEAF + 1, page_of(1));
	refer(2, page_of(1));
	*slot(0, 1) ^= 1ULL << 45;
}

static void nothing(void)
{
}

static void primary(void)
{
	break_super(0);
}

static void primary_erased(void)
{
	memset(start, 0, FAKE_PAGE);
}

static void backup(void)
{
	break_super(BACKUP_DPN);
}

static void primary_and_entry(void)
{
	break_super(0);
	one_entry();
}

static void backup_and_twice(void)
{
	break_super(BACKUP_DPN);
	twice_in_leaves();
}

/* What a crash in an update leaves. */
static void old_primary_and_entry(void)
{
	put_super(0, GENERATION - 1, CLEAN, 1);
	one_entry();
}

static void old_primary(void)
{
	put_super(0, GENERATION - 1 - KMEM_SB_MAX_TRIES, CLEAN, 1);
}

static void old_backup_and_entry(void)
{
	put_super(BACKUP_DPN, GENERATION - 1, CLEAN, 1);
	one_entry();
}

static void all_of_it(void)
{
	old_primary();
	one_leaf();
	twice_in_line();
	*slot(0, 0) = ~0ULL;
}

static const struct case_of {
	const char *name;
	u64 nr_lblks;
	u32 state;
	void (*damage)(void);
	unsigned int nr_mend;
	bool bit;
} cases[] = {
	{ "an entry of a leaf", TINY, 0, one_entry },
	{ "an entry, and a check is asked for", TINY, CLEAN | ASKS, one_entry },
	{ "more entries, and counts", TINY, CLEAN, more_entries },
	{ "an entry behind the end", TINY, CLEAN, behind_the_end },
	{ "one bit", TINY, 0, one_bit, 1, true },
	{ "one bit of holes", LEAF * 16, CLEAN | ASKS, one_bit_of_holes, 3, true },
	{ "one bit of entries above others", SMALL, CLEAN, one_bit_above, 3, true },
	{ "one bit, the leaf is gone", SMALL, CLEAN, one_bit_and_bad_leaf, 0, true },
	{ "one bit, the page is another's", TINY, CLEAN | ASKS, one_bit_of_anothers, 0,
	  true },
	{ "one bit, one page, twice", SMALL, ASKS, one_bit_twice, 0, true },
	{ "one bit, the page is that of two others", SMALL, 0, one_bit_of_twos, 0,
	  true },
	{ "a leaf", SMALL, CLEAN | ASKS, one_leaf },
	{ "a node and a leaf below it", LEAF * LEAF + LEAF, ASKS, inner_node },
	{ "a copy of a node", LEAF * LEAF + LEAF, CLEAN | ASKS, a_copy },
	{ "a twin of a node", LEAF * LEAF + LEAF, CLEAN, a_twin },
	{ "a copy of the root", LEAF * LEAF + LEAF, CLEAN | ASKS, copy_of_root },
	{ "the twin of the root", LEAF * LEAF + LEAF, 0, twin_of_root },
	{ "words of copies", LEAF * LEAF + LEAF, CLEAN | ASKS, words_of_copies },
	{ "other copies of two nodes", LEAF * LEAF + LEAF, 0, copies_of_two },
	{ "twins differ, and an entry", SMALL, CLEAN, differ_and_entry },
	{ "the page of a block as that of a twin", LEAF * LEAF + LEAF, ASKS, twin_is_block },
	{ "a page of two blocks of a leaf", SMALL, ASKS, twice_in_leaf },
	{ "a page of two blocks of a line", SMALL, CLEAN, twice_in_line },
	{ "a page of two blocks of two leaves", SMALL, 0, twice_in_leaves },
	{ "a page of three blocks, another of two", SMALL, CLEAN | ASKS, three_times },
	{ "a node's page of a block", SMALL, CLEAN, page_of_node },
	{ "a page of two blocks, and a leaf", SMALL, CLEAN, twice_and_leaf },
	{ "a check is asked for", TINY, CLEAN | ASKS, nothing },
	{ "the primary superblock", TINY, CLEAN, primary },
	{ "the primary superblock, zeroes", TINY, ASKS, primary_erased },
	{ "the backup superblock", TINY, CLEAN, backup },
	{ "the primary, and an entry", TINY, CLEAN, primary_and_entry },
	{ "the backup, and a page of two blocks", SMALL, CLEAN | ASKS, backup_and_twice },
	{ "an old primary, and an entry", TINY, CLEAN | ASKS, old_primary_and_entry },
	{ "a primary that has missed updates", TINY, CLEAN, old_primary },
	{ "an old backup, and an entry", TINY, CLEAN, old_backup_and_entry },
	{ "all of it", SMALL, CLEAN | ASKS, all_of_it },
};

/* What a repair without a crash makes of it. */
static void expect(unsigned int nr_mend)
{
	static u64 work[NR_WORDS] __attribute__((__aligned__(4096)));
	int status;

	if (tool_check((u8 *)start, NR_PAGES, &was) || was.why || !was.nr_errors)
		abort();
	memcpy(work, start, sizeof(work));
	status = tool_repair((u8 *)work, NR_PAGES);
	if (status != 1 || tool_check((u8 *)work, NR_PAGES, &wanted))
		violate("repair without a crash", status, 0);
	check_end(&wanted, work);
	if (was.nr_mend != nr_mend)
		violate("as many can be mended", was.nr_mend, nr_mend);
	if (!is_part(&wanted, &intact))
		violate("what was mended is not what it was", wanted.nr_data, was.nr_data);
	/* Lost is what was, and what is given up. */
	for (unsigned int i = 0; i < wanted.nr_lost; i++)
		for (u64 n = 0; n < wanted.lost[i].nr; n++)
			if (!in_runs(was.lost, was.nr_lost, wanted.lost[i].lblk + n, 1) &&
			    !in_runs(was.bad, was.nr_bad_runs, wanted.lost[i].lblk + n, 1))
				violate("lost without damage", wanted.lost[i].lblk + n, 0);
}

static void make(const struct case_of *c)
{
	static const u32 lblks[] = { 0, 1, 2, LEAF, LEAF + 1, 2 * LEAF };

	violation = NULL;
	media_ops = NULL;
	for (unsigned int i = 0; i < NR_WORDS; i++)
		start[i] = FAKE_GARBAGE;
	world_new(&world, fake_kp_over((u8 *)start, NR_PAGES), c->nr_lblks);
	for (unsigned int i = 0; i < ARRAY_SIZE(lblks); i++)
		if (lblks[i] < c->nr_lblks && world_write(&world, lblks[i], 1, 0, 1))
			abort();
	if (c->nr_lblks > LEAF * LEAF && world_write(&world, LEAF * LEAF + 7, 1, 0, 1))
		abort();
	put_super(0, GENERATION, c->state, 2);
	put_super(BACKUP_DPN, GENERATION, c->state, 2);
	if (tool_check((u8 *)start, NR_PAGES, &intact) || intact.why)
		abort();
	c->damage();
	if (!_setjmp(on_violation))
		expect(c->nr_mend);
}

static void unmake(void)
{
	kmem_blk_map_detach(&world.map);
	fake_kp_delete(world.kp);
}

static unsigned int passed, failed;

static void result(bool ok, const char *name)
{
	fprintf(results, "%sok %u - repair: %s\n", ok ? "" : "not ", passed + failed + 1,
		name);
	if (!ok)
		fprintf(results, "  %s\n", violation ? violation_text : "not noticed");
	passed += ok;
	failed += !ok;
}

/* Ends with a violation, or none. */
static void try_repairs(const struct case_of *c)
{
	make(c);
	nr_later = 0;
	for (int arm = 0; arm < 2 && !violation; arm++) {
		if (!in_sample(c - cases + arm, 2))
			continue;
		collect = true;
		repair(start, arm);
		collect = false;
		for (; nr_later && !violation; nr_second++)
			repair(later[--nr_later], arm);
	}
	unmake();
}

static struct mutant *mutant_at(const struct media_site *site)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(mutants); i++) {
		if (!mutants[i].site)
			mutants[i].site = site;
		if (mutants[i].site == site)
			return &mutants[i];
	}
	abort();
}

/* Each write back and fence of a case is left out in turn. Returns whether that is well. */
static bool try_mutants(const struct case_of *c)
{
	bool last = false, all = true;

	make(c);
	for (leave_out = 1; ; leave_out++) {
		struct mutant *m;

		left_out = NULL;
		repair(start, false);
		if (left_out && !violation)
			repair(start, true);
		if (!left_out)
			break;
		if (made_up && !violation)
			continue;
		m = mutant_at(left_out);
		m->tried++;
		m->noticed += !!violation;
		last = violation;
		all &= last || !strcmp(left_out->what, "fence");
	}
	leave_out = 0;
	unmake();
	return last && all;
}

/*
 * Each bit of entries of each level and of each kind: the kernel says that it is one bit,
 * and after a repair the map is what it was, in every word.
 */
enum { BITS = 4 * 3 * 64 };

static void try_bit(struct kmem_persist *kp, const u64 *good, unsigned int nr)
{
	const unsigned int level = nr % 4, kind = nr / 4 % 3, bit = nr / 12;
	const u64 index = kind == 2 && !level ? 5 : kind == 1 ? 7 : kind;
	const u64 at = slot(level, index) - start, twin = twin_slot(level, index) - start;
	u64 *work = (u64 *)kp->mem;
	struct kmem_blk_map_error error;
	static struct tool_found f;

	memcpy(work, good, NR_WORDS * sizeof(*work));
	work[at] ^= BIT_ULL(bit);
	if (twin != at)
		work[twin] ^= BIT_ULL(bit);
	fake_kp_forget(kp);
	if (!kind && (kmem_blk_map_attach(&image_map, kp, &world.bsb, &error) != -EUCLEAN ||
		      strcmp(error.reason, "one bit is wrong") || error.level != level ||
		      error.index != index ||
		      error.found != (work[at] & KMEM_BLK_ENTRY_LOW_MASK)))
		violate("the kernel says", level, bit);
	if (tool_check((u8 *)work, NR_PAGES, &f) || f.nr_bad != 1 || f.nr_mend != 1)
		violate("check says", level, bit);
	if (tool_repair((u8 *)work, NR_PAGES) != 1)
		violate("repair", level, bit);
	for (u64 dpn = KMEM_PERSIST_FIRST_PAGE; dpn < NR_PAGES; dpn++)
		if (memcmp(work + dpn * PAGE_WORDS, good + dpn * PAGE_WORDS, FAKE_PAGE))
			violate("mended, but not what it was", level, bit);
}

static void try_bits(void)
{
	static const struct case_of tall = { "", HUGE, ASKS, nothing, 0 };
	static u64 good[NR_WORDS], work[NR_WORDS] __attribute__((__aligned__(4096)));
	struct kmem_persist *kp = fake_kp_over((u8 *)work, NR_PAGES);
	static unsigned int nr;

	make(&tall);
	for (unsigned int level = 1; level < 4; level++)
		*slot(level, 2) = *twin_slot(level, 2) =
			kmem_blk_entry_encode(world.map.seed, level, 2,
					      KMEM_BLK_ENTRY_LOST, 0);
	*slot(0, 5) = kmem_blk_entry_encode(world.map.seed, 0, 5, KMEM_BLK_ENTRY_LOST, 0);
	memcpy(good, start, sizeof(good));
	if (!_setjmp(on_violation))
		for (; nr < BITS; nr++)
			try_bit(kp, good, nr);
	fake_kp_delete(kp);
	unmake();
	result(!violation && nr == BITS, "each bit of entries of each level and kind");
}

/* Rules about what may be mended, left out of the tool: tool.sed. */
static bool try_tool_mutants(void)
{
	static const char *const names[] = {
		"", "a page that is another's is taken", "who shares a page does not say so",
		"the first of two gets the page", "any page will do as a node",
	};
	bool all = true;

	for (tool_mutant = 1; tool_mutant < ARRAY_SIZE(names); tool_mutant++) {
		const char *by = NULL;

		for (unsigned int i = 0; i < ARRAY_SIZE(cases) && !by; i++) {
			if (!cases[i].bit)
				continue;
			try_repairs(&cases[i]);
			if (violation)
				by = cases[i].name;
		}
		fprintf(results, "  %s: %s\n", names[tool_mutant], by ?: "SURVIVES");
		all &= !!by;
	}
	tool_mutant = 0;
	violation = NULL;
	return all;
}

int main(void)
{
	unsigned int nr_sites = 0, nr_mutants = 0, nr_noticed = 0;
	bool all = true;

	results = stdout;
	setvbuf(results, NULL, _IOLBF, 0);
	stdout = fopen("/dev/null", "w");
	if (!stdout)
		return 1;
	check_image = check_repair_image;
	reach_pages = reach_device;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		try_repairs(&cases[i]);
		result(!violation, cases[i].name);
	}
	try_bits();
	violation = NULL;
	result(nr_second >= 4 * ARRAY_SIZE(cases), "second repairs, too");
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		all &= try_mutants(&cases[i]);
	violation = NULL;
	result(all, "mutants: each write back, and the last fence");
	result(try_tool_mutants(), "mutants: what may be mended");
	for (const struct mutant *m = mutants; m->site; m++) {
		char name[120];

		nr_sites++;
		nr_mutants += m->tried;
		nr_noticed += m->noticed;
		snprintf(name, sizeof(name), "mutants: no %s in %s(), line %d: %u of %u noticed",
			 m->site->what, m->site->func, m->site->line, m->noticed,
			 m->tried);
		result(m->noticed, name);
	}
	/* Three of the tool, one of the kernel's file. */
	result(nr_sites == 4, "all write backs and fences were passed");
	fprintf(results, "%lu images, %u second repairs; left out: %u, noticed %u\n", nr_images,
		nr_second, nr_mutants, nr_noticed);
	fprintf(results, "%u passed, %u failed\n", passed, failed);
	return failed > 0;
}

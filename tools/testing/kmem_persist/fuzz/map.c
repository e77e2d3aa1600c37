// SPDX-License-Identifier: GPL-2.0
/*
 * Target: a whole device with a map, as the kernel attaches and uses it
 *
 * Input: an image (image.c), then updates: kind:1 block:3 number:1.
 */
#include "../shim/fake_kp.h"
#include "persist/map/map.c"
#include "persist/map/verify.c"
#include "persist/map/family.c"
#include "persist/map/twins.c"
#include "../map/world.h"
#include "fuzz.h"

/* Blocks that updates change; what comes later counts. */
#define MAX_CHANGES	512

struct change {
	u64 lblk;
	u64 nr;
	/* Content is that version, or REF_HOLE, REF_LOST or, after moves, as before. */
	int type;
	u64 version;
};

static struct {
	struct image img;
	u8 *before;
	struct ref_map ref;
	struct change change[MAX_CHANGES];
	unsigned int nr_changes;
} f;

/* What no kernel of this size can have. */
static bool too_large(u64 nr_lblks)
{
	return (nr_lblks + 511) / 512 > SHIM_ALLOC_MAX / sizeof(struct kmem_blk_leaf);
}

static bool unchanged(void)
{
	return !memcmp(f.before, f.img.mem, f.img.nr_pages * IMAGE_PAGE);
}

/* Are the pages that were claimed those that the map has? */
static bool claims_match(const struct kmem_persist *kp)
{
	for (u64 i = REF_FIRST; i < kp->nr_pages; i++)
		if (!kp->used[i] != !f.ref.used[i])
			return false;
	return kp->nr_used == REF_FIRST + f.ref.nr_data + f.ref.nr_nodes;
}

/* A block as it was in the beginning. */
static void check_first(const struct kmem_blk_map *map, u64 lblk)
{
	u64 is = 0, was = 0;
	int type;

	type = kmem_blk_map_lookup(map, lblk, &is);
	MUST(type == ref_map_lookup(&f.ref, lblk, &was));
	MUST(is == was);
}

/* Every block that is in a page, and what is beside it. */
static void check_lookups(const struct kmem_blk_map *map)
{
	static const s64 beside[] = { -512, -1, 0, 1, 512 };
	bool mapped;

	for (u64 dpn = 0; dpn < f.ref.nr_pages; dpn++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(beside); i++) {
			u64 lblk = f.ref.lblk[dpn] + beside[i];

			if (f.ref.used[dpn] == 2 && lblk < map->nr_lblks)
				check_first(map, lblk);
		}
		if (f.ref.used[dpn] == 2) {
			MUST(kmem_blk_map_run(map, f.ref.lblk[dpn], 1, &mapped) == 1);
			MUST(mapped);
		}
	}
	check_first(map, 0);
	check_first(map, map->nr_lblks - 1);
}

/* Attach twice; neither writes. Returns false if the map is refused. */
static bool attach(struct world *w)
{
	struct kmem_blk_map_error error[2];
	struct kmem_blk_map_count count;
	struct kmem_blk_map second, *map[2] = { &w->map, &second };
	struct kmem_persist *kp[2];
	bool good;
	int err[2];

	for (unsigned int i = 0; i < 2; i++) {
		kp[i] = fake_kp_over(f.img.mem, f.img.nr_pages);
		err[i] = kmem_blk_map_attach(map[i], kp[i], &w->bsb, &error[i]);
		MUST(unchanged());
	}
	MUST(err[0] == err[1]);
	MUST(!memcmp(&error[0], &error[1], sizeof(error[0])));
	MUST(!memcmp(kp[0]->used, kp[1]->used, f.img.nr_pages));
	good = ref_map_read(&f.ref, f.before, f.img.nr_pages, (const u8 *)&w->bsb);
	if (err[0] == -ENOMEM) {
		MUST(too_large(f.ref.nr_lblks));
		good = false;
	} else {
		MUST(good == !err[0]);
		MUST(good || ((err[0] == -EUCLEAN || err[0] == -EPROTONOSUPPORT) &&
			      error[0].reason));
	}
	fake_kp_delete(kp[1]);
	if (!good) {
		fake_kp_delete(kp[0]);
		return false;
	}
	kmem_blk_map_detach(map[1]);
	MUST(claims_match(kp[0]));
	kmem_blk_map_count(map[0], &count);
	MUST(count.mapped_blocks == f.ref.nr_data);
	MUST(count.lost_blocks == f.ref.nr_lost);
	MUST(count.node_pages == f.ref.nr_nodes);
	check_lookups(map[0]);
	w->kp = kp[0];
	MUST(!world_settle(w));
	return true;
}

/*
 * Updates
 */

static void changed(u64 lblk, u64 nr, int type, u64 version)
{
	f.change[f.nr_changes++] = (struct change) { lblk, nr, type, version };
}

/* What a block has to be, from the last change of it. */
static void check_block(const struct world *w, u64 lblk)
{
	const struct change *c = NULL;
	u64 is = 0, was = 0;
	int type, first;

	for (unsigned int i = f.nr_changes; i-- && !c;)
		if (lblk >= f.change[i].lblk && lblk < f.change[i].lblk + f.change[i].nr)
			c = &f.change[i];
	type = kmem_blk_map_lookup(&w->map, lblk, &is);
	if (c) {
		MUST(type == c->type);
		if (type == REF_DATA)
			MUST(world_version(w->kp, is, lblk) == (s64)c->version);
		return;
	}
	/* Wherever it is now: as it was. */
	first = ref_map_lookup(&f.ref, lblk, &was);
	MUST(type == first);
	if (type == REF_DATA) {
		const u8 *a = f.before + was * IMAGE_PAGE;
		const u8 *b = dax_kmem_index_to_kaddr(w->kp, is);

		MUST(!memcmp(a, b, 8) && !memcmp(a + 4088, b + 4088, 8));
	}
}

/* Whoever attaches now sees the same as who is attached. */
static void check_again(const struct world *w)
{
	struct kmem_persist *kp = fake_kp_over(f.img.mem, f.img.nr_pages);
	struct kmem_blk_map_count count, again;
	struct kmem_blk_map_error error;
	struct kmem_blk_map map;

	MUST(!kmem_blk_map_attach(&map, kp, &w->bsb, &error));
	kmem_blk_map_count(&w->map, &count);
	kmem_blk_map_count(&map, &again);
	MUST(!memcmp(&count, &again, sizeof(count)));
	MUST(!memcmp(kp->used, w->kp->used, kp->nr_pages));
	kmem_blk_map_detach(&map);
	fake_kp_delete(kp);
}

static void check_blocks(const struct world *w)
{
	struct kmem_blk_map_count count;

	for (u64 dpn = 0; dpn < f.ref.nr_pages; dpn++)
		if (f.ref.used[dpn] == 2)
			check_block(w, f.ref.lblk[dpn]);
	for (unsigned int i = 0; i < f.nr_changes; i++) {
		check_block(w, f.change[i].lblk);
		check_block(w, f.change[i].lblk + f.change[i].nr - 1);
	}
	MUST(world_adds_up(w));
	kmem_blk_map_count(&w->map, &count);
	MUST(count.mapped_blocks + count.node_pages <= f.img.nr_pages);
	check_again(w);
}

static bool lose(struct world *w, u64 lblk)
{
	u64 dpn;

	if (kmem_blk_map_lookup(&w->map, lblk, &dpn) != KMEM_BLK_ENTRY_DATA ||
	    !kmem_blk_map_lose(&w->map, lblk, dpn))
		return false;
	MUST(!kmem_blk_map_lose(&w->map, lblk, dpn));
	w->retire(w, &dpn, 1);
	return true;
}

static void update(struct world *w, struct input *in)
{
	const unsigned int kind = in_u8(in) % 8;
	u64 lblk = in_number(in, 3) % w->map.nr_lblks;
	unsigned int nr = 1 + in_u8(in) % 64;
	const u64 version = 1 + f.nr_changes;
	int err = 0;

	/* Blocks at the end of a large disk, too. */
	if (kind & 1)
		lblk = w->map.nr_lblks - 1 - lblk;
	nr = min(nr, 512 - lblk % 512);
	nr = min((u64)nr, w->map.nr_lblks - lblk);
	switch (kind / 2 * 2 + nr % 2) {
	case 0:
	case 1:
		err = world_write(w, lblk, nr, 0, version);
		if (!err)
			changed(lblk, nr, REF_DATA, version);
		break;
	case 2:
		err = world_write(w, lblk, nr, KMEM_BLK_UPDATE_ATOMIC, version);
		if (!err)
			changed(lblk, nr, REF_DATA, version);
		else if (!w->map.root_level && nr > 1)
			MUST(err == -EOPNOTSUPP || err == -ENOSPC);
		break;
	case 3:
		if (lose(w, lblk))
			changed(lblk, 1, REF_LOST, 0);
		break;
	case 4:
		/* Below an entry that is LOST it takes nodes. */
		err = world_discard(w, lblk, nr);
		MUST(!err || err == -ENOSPC);
		if (!err)
			changed(lblk, nr, REF_HOLE, 0);
		break;
	case 5:
		lblk -= lblk % 512;
		/* That would be two updates, of which one may not be possible. */
		if (w->map.root_level && !kmem_blk_map_droppable(&w->map, lblk / 512))
			break;
		err = world_drop(w, lblk / 512);
		MUST(err == (w->map.root_level ? 0 : -EOPNOTSUPP));
		if (!err)
			changed(lblk, min(512ULL, w->map.nr_lblks - lblk), REF_HOLE, 0);
		break;
	case 6:
		err = world_move(w, lblk, nr);
		break;
	case 7:
		err = world_move_leaf(w, lblk / 512);
		break;
	}
	MUST(!err || err == -ENOSPC || err == -EOPNOTSUPP);
}

/* Nothing is left behind when all blocks are unmapped. */
static void empty(struct world *w)
{
	struct kmem_blk_map_count count;

	/* It may take more nodes than there are pages. */
	for (u64 leaf = 0; leaf < w->map.nr_leaves; leaf++)
		if (kmem_blk_map_leaf_is_lost(&w->map, leaf) &&
		    !kmem_blk_map_droppable(&w->map, leaf))
			return;
	for (u64 leaf = 0; leaf < w->map.nr_leaves; leaf++) {
		u64 lblk = leaf * 512;

		if (kmem_blk_map_leaf_is_hole(&w->map, leaf))
			continue;
		if ((leaf & 1 && kmem_blk_map_leaf_exists(&w->map, leaf)) ||
		    !w->map.root_level)
			MUST(!world_discard(w, lblk, min(512ULL, w->map.nr_lblks - lblk)));
		else
			MUST(!world_drop(w, leaf));
	}
	kmem_blk_map_count(&w->map, &count);
	MUST(!count.mapped_blocks && !count.lost_blocks);
	MUST(w->kp->nr_used == REF_FIRST + count.node_pages);
	MUST(!kmem_blk_map_is_damaged(&w->map));
	check_again(w);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };
	struct world w;

	image_make(&f.img, &in);
	f.before = malloc(f.img.nr_pages * IMAGE_PAGE);
	MUST(f.before);
	memcpy(f.before, f.img.mem, f.img.nr_pages * IMAGE_PAGE);
	f.nr_changes = 0;

	world_init(&w, NULL);
	memcpy(&w.bsb, f.img.mem + 0x200, sizeof(w.bsb));
	if (attach(&w)) {
		while (in_left(&in) && f.nr_changes < MAX_CHANGES)
			update(&w, &in);
		check_blocks(&w);
		empty(&w);
		kmem_blk_map_detach(&w.map);
		fake_kp_delete(w.kp);
	}
	free(f.before);
	image_free(&f.img);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Target: kmem-persist on a whole device, and whether it agrees with the kernel
 *
 * Input: an image (image.c), then what to do: command:1 options:1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "check.h"
#include "persist/map/map.h"
#include "run_tool.h"

#define MAX_BLOCKS	(IMAGE_PAGES + 8)

/* Blocks of data that are one's own, and ranges that are lost. */
struct look {
	unsigned int nr_data;
	struct {
		u64 lblk;
		u64 dpn;
	} data[MAX_BLOCKS];
	u64 nr_lost;
	u64 nr_bad;
	bool has_map;
};

static struct image img;
static u8 *before;

static bool unchanged(void)
{
	return !memcmp(before, img.mem, img.nr_pages * IMAGE_PAGE);
}

static void device(struct kmem_persist *kp)
{
	MUST(!image_over(kp, "image", img.mem, img.nr_pages));
}

/*
 * What the kernel does: kmem_search(), kmem_identify(), kmem_blk_probe()
 */

struct kernel {
	/* -ENODATA: not formatted, -EUCLEAN: held. */
	int rc;
	int rc_map;
	/* Snapshots that lose something. */
	unsigned int nr_hurt;
	struct kmem_persist_superblock sb;
};

static int kernel_read(u64 dpn, struct kmem_persist_superblock *sb)
{
	struct kmem_sb_fault fault;

	if (dpn >= img.nr_pages)
		return -ERANGE;
	memcpy(sb, img.mem + dpn * IMAGE_PAGE, sizeof(*sb));
	return kmem_sb_verify(sb, dpn, img.nr_pages, &fault);
}

static int kernel_search(struct kmem_persist_superblock *sb)
{
	/* The other places are not in so small a device. */
	struct kmem_persist_superblock copy[4] = {};
	struct kmem_sb_set set;
	unsigned int counts = 0;
	int rc[2], best;

	rc[0] = kernel_read(0, &copy[0]);
	rc[1] = kernel_read(REF_BACKUP, &copy[3]);
	if (rc[0] == -ENODATA && rc[1] == -ENODATA)
		return -ENODATA;
	if (rc[0] == -EPROTONOSUPPORT || rc[1] == -EPROTONOSUPPORT)
		return -EUCLEAN;
	counts = (rc[0] ? 0 : 1) | (rc[1] ? 0 : 8);
	best = counts ? kmem_sb_choose(copy, counts, 0, &set) : -1;
	if (best < 0)
		return -EUCLEAN;
	*sb = copy[best];
	return 0;
}

/* The snapshots of a disk that is attached. */
static int kernel_members(struct kernel *k, struct kmem_blk_map *live)
{
	static struct kmem_blk_map members[KMEM_BLK_MAX_SNAPSHOTS];
	static struct kmem_blk_directory copies[2];
	struct kmem_blk_map_error error;
	unsigned int nr = 0;
	bool stale;
	u64 pages[2];
	int chosen, rc = 0;

	chosen = kmem_blk_directory_read(live, &k->sb, copies, pages, &stale, &error);
	if (chosen < 0)
		return chosen == -ENOENT ? 0 : chosen;
	for (u32 i = 0; i < le32_to_cpu(copies[chosen].nr) && rc != -ENOMEM; i++) {
		const struct kmem_blk_record *r = &copies[chosen].record[i];

		/* A hole. */
		if (!(le64_to_cpu(r->root) & KMEM_BLK_ENTRY_DPN_MASK))
			continue;
		rc = kmem_blk_member_attach(&members[nr], live, le64_to_cpu(r->nr_lblks),
					    le64_to_cpu(r->root), &error);
		k->nr_hurt += rc || members[nr].nr_gone;
		nr += !rc;
	}
	while (nr--)
		kmem_blk_map_detach(&members[nr]);
	return rc == -ENOMEM ? rc : 0;
}

static int kernel_probe(struct kernel *k)
{
	struct kmem_blk_superblock bsb = *(const struct kmem_blk_superblock *)k->sb.plugin;
	static const u64 none[2];
	struct kmem_blk_map_error error;
	struct kmem_persist kp;
	struct kmem_blk_map map;
	int rc;

	if (le64_to_cpu(k->sb.feat_incompat) & KMEM_BLK_INCOMPAT_SNAPSHOTS)
		kmem_blk_directory_words(le32_to_cpu(bsb.entry_seed), none, bsb.reserved_root);
	device(&kp);
	rc = kmem_blk_map_attach(&map, &kp, &bsb, &error);
	if (!rc) {
		rc = kernel_members(k, &map);
		kmem_blk_map_detach(&map);
	}
	image_close(&kp);
	return rc;
}

static void kernel_look(struct kernel *k)
{
	const u32 held = KMEM_PERSIST_STATE_NEEDS_CHECK | KMEM_PERSIST_STATE_READONLY;

	k->rc_map = 0;
	k->nr_hurt = 0;
	k->rc = kernel_search(&k->sb);
	if (k->rc)
		return;
	if (le32_to_cpu(k->sb.type) == KMEM_PERSIST_TYPE_BLK)
		k->rc_map = kernel_probe(k);
	if (le32_to_cpu(k->sb.state) & held || k->rc_map ||
	    le32_to_cpu(k->sb.type) > KMEM_PERSIST_TYPE_BLK)
		k->rc = -EUCLEAN;
}

/* Is there a doubt about the disk itself, or the directory? And do its copies differ? */
static bool is_bad(struct kmem_persist *kp, const struct kmem_persist_superblock *sb,
		   bool *differ)
{
	struct kmem_blk_map_error error;
	static struct walk w;
	bool bad;

	if (walk_open(&w, kp, sb, &error))
		return true;
	walk_pass(&w, 0, NULL, NULL);
	bad = w.nr_bad || w.nr_twice || w.snapshots.why;
	*differ = w.nr_twin || (w.snapshots.use && (w.snapshots.verdict[0] ||
						    w.snapshots.verdict[1]));
	walk_close(&w);
	return bad;
}

/* Whatever the kernel holds a device for is an error, and a map is one or it is not. */
static void check_agrees(void)
{
	struct kmem_persist kp;
	struct kernel k;
	struct check c;

	kernel_look(&k);
	device(&kp);
	check_open(&c, &kp, true);
	MUST(unchanged());
	if (k.rc == -ENODATA || c.s.rc == -ENODATA)
		MUST(k.rc == c.s.rc);
	else if (!c.r.nr_errors)
		MUST((!k.rc && !k.nr_hurt) || k.rc_map == -ENOMEM);
	/* The tool reads the older format, too. */
	MUST(!c.s.rc == (!k.rc || !!c.s.use));
	MUST(!c.s.older || (k.rc == -EUCLEAN && c.r.nr_errors));
	if (!c.s.rc && !c.s.older && k.rc_map != -ENOMEM &&
	    le32_to_cpu(c.s.use->sb.type) == KMEM_PERSIST_TYPE_BLK) {
		MUST(!memcmp(&k.sb, &c.s.use->sb, sizeof(k.sb)));
		const bool refused = k.rc_map == -EUCLEAN || k.rc_map == -EPROTONOSUPPORT;
		bool differ = false;
		const bool bad = is_bad(&kp, &c.s.use->sb, &differ);

		/* A page that is no twin, and somebody else's, is no doubt to the tool. */
		MUST(refused || !bad);
		MUST(bad || !refused || differ);
		MUST(!k.nr_hurt || c.r.nr_errors);
	}
	check_close(&c);
	image_close(&kp);
}

/*
 * The map as check goes through it
 */

static void look_count(void *arg, const struct walk_entry *e)
{
	struct look *l = arg;

	l->nr_bad += walk_is_damaged(e);
	if (walk_was(e) == WALK_LOST)
		l->nr_lost += e->nr_lblks;
	if (walk_was(e) != WALK_DATA || e->twice)
		return;
	MUST(l->nr_data < MAX_BLOCKS && e->dpn < img.nr_pages);
	l->data[l->nr_data].lblk = e->lblk;
	l->data[l->nr_data++].dpn = e->dpn;
}

static void look(struct look *l)
{
	struct kmem_blk_map_error error;
	struct kmem_persist kp;
	struct sb_search s;
	struct walk w;

	memset(l, 0, sizeof(*l));
	device(&kp);
	sb_search(&kp, &s);
	if (!s.rc && le32_to_cpu(s.use->sb.type) == KMEM_PERSIST_TYPE_BLK &&
	    !walk_open(&w, &kp, &s.use->sb, &error)) {
		l->has_map = true;
		walk_both(&w, 0, look_count, l);
		walk_close(&w);
	}
	image_close(&kp);
}

/*
 * Runs
 */

/* One more option, of all but check. */
static char *run_more;

static void run(struct ran *r, struct json *j, const char *command, const char *option,
		const char *arg)
{
	char *argv[] = {
		"kmem-persist", (char *)command, "image", (char *)option, (char *)arg,
		NULL, NULL,
	};
	int argc = 5;

	if (!arg)
		argc--;
	/* An argument without an option. */
	if (!option) {
		argv[3] = argv[4];
		argc--;
	}
	if (run_more && strcmp(command, "check"))
		argv[argc++] = run_more;
	argv[argc] = NULL;
	run_tool_image = &img;
	run_tool(r, argc, argv);
	MUST(r->status == 0 || r->status == 1 || r->status == 4 || r->status == 8);
	/* One line says why, if it could not be done. */
	MUST(r->err_len == 0 || strchr(r->err, '\n') == r->err + r->err_len - 1);
	if (!j)
		return;
	MUST(json_parse(j, r->out, r->out_len));
	MUST(j->status == r->status);
}

/* For people, then for programs: they say the same, and nothing is written. */
static void run_reader(const char *command)
{
	struct ran text, json;
	static struct json j;

	run(&text, NULL, command, NULL, NULL);
	run(&json, &j, command, "--json", NULL);
	MUST(text.status == json.status);
	MUST(unchanged());
	run_tool_free(&text);
	run_tool_free(&json);
}

static bool in_lost(const struct json *j, u64 lblk)
{
	for (unsigned int i = 0; i < j->nr_lost; i++)
		if (lblk * IMAGE_PAGE >= j->lost[i].offset &&
		    lblk * IMAGE_PAGE - j->lost[i].offset < j->lost[i].length)
			return true;
	return false;
}

static bool in_data(const struct look *l, u64 lblk, u64 *dpn)
{
	for (unsigned int i = 0; i < l->nr_data; i++) {
		if (l->data[i].lblk == lblk) {
			*dpn = l->data[i].dpn;
			return true;
		}
	}
	return false;
}

/* What was good is as it was, what is said to be lost is lost, and nothing else. */
static void check_repaired(const struct look *was, const struct json *j)
{
	static struct look is;
	u64 lost = 0, dpn;

	look(&is);
	MUST(!is.nr_bad);
	if (!was->has_map)
		return;
	for (unsigned int i = 0; i < j->nr_lost; i++)
		lost += j->lost[i].length / IMAGE_PAGE;
	for (unsigned int i = 0; i < was->nr_data; i++) {
		const u64 lblk = was->data[i].lblk;

		MUST(!in_lost(j, lblk));
		MUST(in_data(&is, lblk, &dpn) && dpn == was->data[i].dpn);
		MUST(!memcmp(img.mem + dpn * IMAGE_PAGE, before + dpn * IMAGE_PAGE,
			     IMAGE_PAGE));
	}
	MUST(is.nr_data == was->nr_data);
	/* The list is cut off where it is long. */
	if (j->nr_lost < ARRAY_SIZE(j->lost) - 1)
		MUST(is.nr_lost == was->nr_lost + lost);
}

static void run_repair(void)
{
	static struct json dry, j;
	struct ran r, again, plan;
	static struct look was;
	struct kernel k;

	look(&was);
	run(&plan, &dry, "repair", "--json", "--dry-run");
	MUST(unchanged() && !dry.written);
	run(&r, &j, "repair", "--json", "--yes");
	MUST(j.written == (r.status == 1) || r.status == 4);
	if (!j.written) {
		MUST(unchanged());
		MUST(r.status == plan.status);
	} else {
		MUST(plan.status == 4);
		MUST(dry.nr_lost == j.nr_lost &&
		     !memcmp(dry.lost, j.lost, sizeof(j.lost[0]) * j.nr_lost));
		check_repaired(&was, &j);
	}
	if (r.status <= 1) {
		kernel_look(&k);
		MUST((!k.rc && !k.nr_hurt) || k.rc_map == -ENOMEM);
		memcpy(before, img.mem, img.nr_pages * IMAGE_PAGE);
		run(&again, &j, "repair", "--json", "--yes");
		MUST(again.status == 0 && !j.written && unchanged());
		run_tool_free(&again);
		run(&again, &j, "check", "--json", NULL);
		MUST(again.status == 0);
		run_tool_free(&again);
	}
	run_tool_free(&plan);
	run_tool_free(&r);
}

/* What is in the file, and how much there is that could be. */
static void run_extract(void)
{
	static struct look was;
	static struct json j;
	u8 block[IMAGE_PAGE];
	char name[64];
	struct ran r;
	u64 dpn;
	int fd;

	fd = memfd_create("extract", 0);
	MUST(fd >= 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	look(&was);
	{
		char *argv[] = {
			"kmem-persist", "extract", "image", name, "--force", "--json", NULL,
		};

		run_tool_image = &img;
		run_tool(&r, 6, argv);
	}
	MUST(unchanged());
	MUST(json_parse(&j, r.out, r.out_len) && j.status == r.status);
	if (r.status == 8 || !was.has_map)
		goto out;
	if (!was.nr_bad)
		MUST(r.status == (was.nr_lost ? 4 : 0));
	for (unsigned int i = 0; i < was.nr_data; i++) {
		const u64 at = was.data[i].lblk * IMAGE_PAGE;

		MUST(pread(fd, block, sizeof(block), at) == sizeof(block));
		MUST(!memcmp(block, img.mem + was.data[i].dpn * IMAGE_PAGE,
			     sizeof(block)));
	}
	/* Nothing else is in it. */
	for (off_t at = 0; (at = lseek(fd, at, SEEK_DATA)) >= 0; at += IMAGE_PAGE) {
		MUST(pread(fd, block, sizeof(block), at) == sizeof(block));
		MUST(in_data(&was, at / IMAGE_PAGE, &dpn));
	}
out:
	run_tool_free(&r);
	close(fd);
}

/* What writes superblocks: a device that was good is good afterwards. */
static void run_writer(const char *command, const char *option, const char *arg)
{
	struct kernel was, is;
	struct json j;
	struct ran r;

	kernel_look(&was);
	run(&r, &j, command, option, arg);
	if (r.status) {
		MUST(unchanged());
	} else {
		kernel_look(&is);
		if (!strcmp(command, "wipe"))
			MUST(is.rc == -ENODATA);
		else if (!strcmp(command, "format"))
			MUST(!is.rc || is.rc_map == -ENOMEM);
		else
			MUST(!is.rc || is.rc == was.rc);
	}
	run_tool_free(&r);
}

/* Which there are, or what has changed since the first one. */
static void run_snapshot(const char *what)
{
	char *argv[] = { "kmem-persist", "snapshot", (char *)what, "image", "--json", "a", NULL };
	static struct json j;
	struct ran r;

	run_tool_image = &img;
	run_tool(&r, strcmp(what, "diff") ? 5 : 6, argv);
	MUST(unchanged());
	MUST(r.status == 0 || r.status == 4 || r.status == 8);
	MUST(json_parse(&j, r.out, r.out_len) && j.status == r.status);
	run_tool_free(&r);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };
	unsigned int command;
	bool force;

	setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
	image_make(&img, &in);
	before = malloc(img.nr_pages * IMAGE_PAGE);
	MUST(before);
	memcpy(before, img.mem, img.nr_pages * IMAGE_PAGE);

	check_agrees();
	command = in_u8(&in);
	force = in_u8(&in) & 1;
	switch (command % 11) {
	case 0:
	case 1:
		run_repair();
		break;
	case 2:
		run_reader("dump");
		break;
	case 3:
		run_reader("info");
		break;
	case 4:
		run_extract();
		break;
	case 5:
		run_writer("label", "--json", "name");
		break;
	case 6:
		run_writer("wipe", "--json", force ? "--force" : NULL);
		break;
	case 7:
		run_writer("format", "--json", force ? "--force" : NULL);
		break;
	case 8:
		run_reader("check");
		run_more = "--yes";
		run_writer("adopt", "--json", force ? "--new-uuid" :
			   "--ns-uuid=6b6d656d-0000-4000-8000-000000000001");
		run_more = NULL;
		break;
	case 9:
		run_snapshot(force ? "list" : "diff");
		break;
	case 10:
		run_more = "--drop-snapshots";
		run_repair();
		run_more = NULL;
		break;
	}
	free(before);
	image_free(&img);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Devices in use: what the kernel says about them in sysfs
 *
 * Nothing is opened but attributes that anybody may read, and no device. What cannot be
 * read is said to be not known.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include "cmd.h"
#include "in_use.h"
#include "out.h"
#include "sb.h"
#include "sysfs.h"
#include "users.h"
#include "util.h"

/* Numbers in files of persist/, and what they are called in the output. */
struct number {
	const char *file;
	const char *name;
};

static const struct number errors[] = {
	{ "known_bad", "known_bad" }, { "errors_count", "count" },
	{ "first_error_time", "first_time" }, { "first_error_page", "first_page" },
	{ "last_error_time", "last_time" }, { "last_error_page", "last_page" },
	{ "cleared", "cleared" },
};

static const struct number refused[] = {
	{ "refused_pinned", "pinned" }, { "refused_locked", "locked" },
	{ "refused_writeback", "writeback" }, { "refused_isolated", "isolated" },
	{ "refused_hugetlb", "hugetlb" }, { "refused_poison", "poison" },
	{ "refused_kernel", "kernel" }, { "refused_busy", "busy" },
	{ "refused_slow", "slow" }, { "refused_no_memory", "no_memory" },
	{ "refused_ram_floor", "ram_floor" }, { "refused_node_floor", "node_floor" },
	{ "refused_limit", "limit" }, { "refused_metadata", "metadata" },
};

static const struct number exchange[] = {
	{ "taken", "taken" }, { "given", "given" }, { "moved", "moved" },
};

/* Numbers of the disk. */
static const char * const disk_numbers[] = {
	"mapped_bytes", "meta_bytes", "lost_bytes", "limbo_bytes", "fresh_bytes",
	"first_writes", "cow_writes", "discards", "moved", "nospc_events",
	"no_space_timeout",
};

/* Settings in bytes, as the ABI has them. */
static const char * const settings[] = {
	"reserve_bytes", "limit_bytes", "metadata_bytes", "keep_bytes", "ram_floor_bytes",
	"node_floor_bytes", "low_water_bytes",
};

/* For @status: what monitoring is to wake somebody for. */
#define STATUS_ATTENTION	EXIT_CORRECTED
#define STATUS_NO_DATA		EXIT_UNCORRECTED

/* Anybody may choose where something is mounted: a terminal gets no control characters. */
static void show_user(const char *kind, const char *disk, const char *name, void *arg)
{
	(void)arg;
	if (!out_is_json()) {
		char text[256];

		snprintf(text, sizeof(text), "%s", name);
		say("      %s on %s: %s", kind, disk, text_printable(text));
		return;
	}
	out_open(NULL);
	out_str("kind", "%s", kind);
	out_str("disk", "%s", disk);
	out_str("name", "%s", name);
	out_close();
}

static void show_users(const struct in_use *d)
{
	out_list("users");
	users_of_disk(d->disk_dir, d->disk, show_user, NULL);
	out_close();
}

/*
 * What is wrong
 */

struct problem {
	const char *word;
	int status;
	const char *advice;
};

static const struct problem problems[] = {
	{ "held", STATUS_NO_DATA,
	  "nothing was changed; see the reason, and 'Held, or detached' in the guide. 'daxctl reconfigure-device --mode=devdax' gives the device back, 'kmem-persist check' looks at it then" },
	{ "no_plugin", STATUS_NO_DATA,
	  "load the module of its type (modprobe kmem_blk); the device becomes active by itself" },
	{ "detached", STATUS_NO_DATA,
	  "the data is not in use; remove the cause, unplug the device (echo unplugged >state) and bind it again" },
	{ "no_space", STATUS_ATTENTION,
	  "writes to new blocks fail: delete files and run fstrim, stop programs that use the node, or raise limit_bytes; refused tells what stood in the way" },
	{ "low_space", STATUS_ATTENTION,
	  "delete files and run fstrim before the disk is full, or raise limit_bytes if it is set" },
	{ "lost_blocks", STATUS_ATTENTION,
	  "reads of these blocks fail until they are written: restore the files that they belong to" },
	{ "bad_pages", STATUS_ATTENTION,
	  "they are not used; see ndctl list -M, and think of another module" },
	{ "read_only", STATUS_ATTENTION,
	  "somebody has set the disk read-only (blockdev --setrw)" },
};

static bool has_problem(const struct in_use *d, const char *word)
{
	const bool held = !strcmp(d->state, "held");
	const bool no_plugin = held && !strncmp(d->reason, "no plugin", 9);
	u64 ro;

	if (!strcmp(word, "no_plugin"))
		return no_plugin;
	if (!strcmp(word, "held"))
		return held && !no_plugin;
	if (!strcmp(word, "detached"))
		return strcmp(d->state, "active") && !held;
	if (!strcmp(word, "no_space"))
		return !strcmp(d->space, "none");
	if (!strcmp(word, "low_space"))
		return !strcmp(d->space, "low");
	if (!strcmp(word, "lost_blocks"))
		return d->lost;
	if (!strcmp(word, "bad_pages"))
		return d->known_bad || d->usage[BAD];
	return *d->disk && sysfs_u64(d->disk_dir, "ro", &ro) && ro;
}

static int show_problems(const struct in_use *d)
{
	int status = EXIT_CLEAN;

	out_list("problems");
	for (unsigned int i = 0; i < ARRAY_SIZE(problems); i++) {
		if (!has_problem(d, problems[i].word))
			continue;
		status = max(status, problems[i].status);
		if (out_is_json()) {
			out_open(NULL);
			out_str("problem", "%s", problems[i].word);
			out_str("advice", "%s", problems[i].advice);
			out_close();
		} else {
			out_str(problems[i].word, "%s", problems[i].advice);
		}
	}
	out_close();
	return status;
}

/*
 * All of a device
 */

static void show_bytes(const char *key, bool known, u64 val)
{
	if (known)
		out_bytes(key, val);
	else
		out_null(key, "not known");
}

static void show_numbers(const struct in_use *d, const char *key,
			 const struct number *numbers, unsigned int nr)
{
	u64 val;

	out_open(key);
	for (unsigned int i = 0; i < nr; i++) {
		if (sysfs_u64(d->persist, numbers[i].file, &val))
			out_u64(numbers[i].name, val);
		else
			out_null(numbers[i].name, "not known");
	}
	out_close();
}

static void show_attr(const char *dir, const char *attr, const char *key)
{
	char text[128];

	if (sysfs_text(dir, attr, text, sizeof(text)))
		out_str(key, "%s", text);
	else
		out_null(key, "not known");
}

static void show_type(const struct in_use *d)
{
	const char *name;
	u64 type;

	if (!sysfs_u64(d->persist, "type", &type)) {
		out_null("type", "not known");
		return;
	}
	out_u64("type", type);
	name = type <= ~0U ? sb_type_name(type) : NULL;
	out_str("type_name", "%s", name ? name : "not known");
}

static void show_settings(const struct in_use *d)
{
	u64 val = 0;
	bool known;

	known = sysfs_u64(d->persist, "reserved", &val);
	show_bytes("reserved_bytes", known, val);
	for (unsigned int i = 0; i < ARRAY_SIZE(settings); i++) {
		known = sysfs_u64(d->persist, settings[i], &val);
		show_bytes(settings[i], known, val);
	}
}

static void show_disk(const struct in_use *d)
{
	char file[40];
	u64 val = 0;
	bool known;

	if (!*d->disk) {
		out_null("disk", "none");
		return;
	}
	out_open("disk");
	out_str("name", "%s", d->disk);
	known = sysfs_u64(d->disk_dir, "size", &val);
	show_bytes("disk_bytes", known, val << 9);
	for (unsigned int i = 0; i < ARRAY_SIZE(disk_numbers); i++) {
		const char *name = disk_numbers[i];

		snprintf(file, sizeof(file), "kmem/%s", name);
		if (!sysfs_u64(d->disk_dir, file, &val))
			out_null(name, "not known");
		else if (strstr(name, "_bytes"))
			out_bytes(name, val);
		else
			out_u64(name, val);
	}
	show_users(d);
	out_close();
}

static int show_device(const struct in_use *d)
{
	char key[32];
	int status;
	u64 node;

	out_open(out_is_json() ? NULL : d->name);
	if (out_is_json())
		out_str("name", "%s", d->name);
	out_str("state", "%s", d->state);
	out_str("reason", "%s", d->reason);
	status = show_problems(d);
	out_str("uuid", "%s", d->uuid);
	out_text("label", (const u8 *)d->label, strlen(d->label));
	show_type(d);
	if (sysfs_u64(d->dir, "target_node", &node))
		out_u64("node", node);
	else
		out_null("node", "not known");
	show_attr(d->persist, "persistence", "persistence");
	for (unsigned int i = 0; i < NR_USAGE; i++) {
		snprintf(key, sizeof(key), "%s_bytes", in_use_names[i]);
		show_bytes(key, d->has_usage, d->usage[i]);
	}
	show_attr(d->persist, "space", "space");
	show_bytes("free_bytes", d->has_usage, d->free);
	show_bytes("avail_bytes", d->has_usage, d->avail);
	show_settings(d);
	show_numbers(d, "errors", errors, ARRAY_SIZE(errors));
	show_numbers(d, "refused", refused, ARRAY_SIZE(refused));
	show_numbers(d, "exchange", exchange, ARRAY_SIZE(exchange));
	show_disk(d);
	out_close();
	return status;
}

static int list_device(const struct in_use *d)
{
	char size[16], stored[16], lent[16], avail[16];

	if (out_is_json()) {
		out_open(NULL);
		out_str("name", "%s", d->name);
		out_str("state", "%s", d->state);
		out_str("uuid", "%s", d->uuid);
		out_text("label", (const u8 *)d->label, strlen(d->label));
		for (unsigned int i = CAPACITY; i <= LENT; i++) {
			char key[32];

			snprintf(key, sizeof(key), "%s_bytes", in_use_names[i]);
			show_bytes(key, d->has_usage, d->usage[i]);
		}
		show_bytes("avail_bytes", d->has_usage, d->avail);
		if (*d->disk)
			out_str("disk", "%s", d->disk);
		else
			out_null("disk", "none");
		out_close();
		return EXIT_CLEAN;
	}
	text_bytes(size, d->usage[CAPACITY]);
	text_bytes(stored, d->usage[STORED]);
	text_bytes(lent, d->usage[LENT]);
	text_bytes(avail, d->avail);
	say("%-8s %-8s %10s %10s %10s %10s %-8s %s", d->name, d->state, size, stored, lent,
	    avail, *d->disk ? d->disk : "-", *d->label ? d->label : d->uuid);
	return EXIT_CLEAN;
}

/*
 * All devices
 */

/* Shows those that are wanted; fails if somebody is wanted who is not there. */
static int each_device(const char *what, int (*show)(const struct in_use *d))
{
	int status = EXIT_CLEAN, nr, nr_shown = 0;
	struct dirent **names;
	struct in_use d;

	nr = sysfs_dax_devices(&names);
	for (int i = 0; i < nr; i++) {
		if (in_use_read(&d, names[i]->d_name) && (!what || in_use_is(&d, what))) {
			status = max(status, show(&d));
			nr_shown++;
		}
	}
	sysfs_free_names(names, nr);
	if (!nr_shown && what)
		die(EXIT_OPERATIONAL, IN_USE_NONE, what);
	if (!nr_shown)
		say("no device with persistent data is in use");
	return status;
}

/**
 * cmd_status - kmem-persist status
 * @o: options
 *
 * Return: exit status.
 */
int cmd_status(const struct options *o)
{
	int status;

	if (out_is_json())
		out_list("devices");
	status = each_device(o->device, show_device);
	if (out_is_json())
		out_close();
	return status;
}

/**
 * cmd_list - kmem-persist list
 * @o: options
 *
 * Return: exit status.
 */
int cmd_list(const struct options *o)
{
	(void)o;
	if (out_is_json())
		out_list("devices");
	else
		say("%-8s %-8s %10s %10s %10s %10s %-8s %s", "device", "state", "size",
		    "stored", "lent", "avail", "disk", "label");
	each_device(NULL, list_device);
	if (out_is_json())
		out_close();
	return EXIT_CLEAN;
}

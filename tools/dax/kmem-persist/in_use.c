// SPDX-License-Identifier: GPL-2.0
/*
 * A device in use: what the kernel says about it in sysfs
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <linux/minmax.h>
#include "in_use.h"
#include "sysfs.h"
#include "util.h"

const char * const in_use_names[NR_USAGE] = {
	"capacity", "stored", "pool", "lent", "absent", "bad",
};

/* Times to look at these files until they add up: they are not of one moment. */
#define USAGE_TRIES	20

/* In bytes; lines of procfs are in KiB: "NAME:  NUMBER kB". */
static u64 memory(const char *name)
{
	const size_t len = strlen(name);
	char text[8192], *next = text, *line;
	u64 kib;

	if (!sysfs_text(procfs_root(), "meminfo", text, sizeof(text)))
		return 0;
	while ((line = strsep(&next, "\n"))) {
		if (strncmp(line, name, len) || line[len] != ':')
			continue;
		line += len + 1;
		line += strspn(line, " ");
		line[strcspn(line, " ")] = '\0';
		return parse_u64(line, &kib) ? kib << 10 : 0;
	}
	return 0;
}

static u64 less(u64 a, u64 b)
{
	return a > b ? a - b : 0;
}

static u64 setting(const struct in_use *d, const char *name)
{
	u64 val;

	return sysfs_u64(d->persist, name, &val) ? val : 0;
}

/* All that is somewhere is the capacity, or a page went from one place to another. */
static void read_usage(struct in_use *d)
{
	u64 sum = ~d->usage[CAPACITY];

	for (int try = 0; try < USAGE_TRIES && sum != d->usage[CAPACITY]; try++) {
		sum = 0;
		for (unsigned int i = 0; i < NR_USAGE; i++) {
			if (!sysfs_u64(d->persist, in_use_names[i], &d->usage[i]))
				return;
			sum += i == CAPACITY ? 0 : d->usage[i];
		}
	}
	d->has_usage = true;
}

/* What the floors leave of persist/free. */
static void read_space(struct in_use *d)
{
	const u64 limit = setting(d, "limit_bytes"), reserved = setting(d, "reserved");
	const u64 ready = d->usage[POOL] + d->usage[ABSENT];
	u64 below = ~0ULL, take, ram;

	if (limit)
		below = less(limit, d->usage[STORED]);
	sysfs_u64(d->persist, "free", &d->free);
	ram = less(memory("MemAvailable"), memory("Dirty") + memory("Writeback"));
	take = min(less(d->usage[LENT], setting(d, "node_floor_bytes")),
		   less(ram, setting(d, "ram_floor_bytes")));
	d->avail = min(less(ready + take, reserved), below);
}

static void read_disk(struct in_use *d)
{
	char path[sizeof(d->dir) + 8];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/block", d->dir);
	dir = opendir(path);
	if (!dir)
		return;
	/* Not that of a snapshot, kmem<N>s<ID>. */
	while ((e = readdir(dir)))
		if (!strncmp(e->d_name, "kmem", 4) && !strchr(e->d_name + 4, 's'))
			snprintf(d->disk, sizeof(d->disk), "%.63s", e->d_name);
	closedir(dir);
	if (!*d->disk)
		return;
	snprintf(d->disk_dir, sizeof(d->disk_dir), "%s/%s", path, d->disk);
	sysfs_u64(d->disk_dir, "kmem/lost_bytes", &d->lost);
}

/**
 * in_use_read - read what the kernel says about a device
 * @d: filled
 * @name: of the device
 *
 * Return: whether there is persistent data that somebody uses.
 */
bool in_use_read(struct in_use *d, const char *name)
{
	memset(d, 0, sizeof(*d));
	snprintf(d->name, sizeof(d->name), "%.63s", name);
	if (snprintf(d->dir, sizeof(d->dir), "%s/bus/dax/devices/%s", sysfs_root(),
		     d->name) >= (int)sizeof(d->dir))
		return false;
	snprintf(d->persist, sizeof(d->persist), "%s/persist", d->dir);
	if (!sysfs_text(d->persist, "state", d->state, sizeof(d->state)))
		return false;
	sysfs_text(d->persist, "reason", d->reason, sizeof(d->reason));
	sysfs_text(d->persist, "space", d->space, sizeof(d->space));
	sysfs_text(d->persist, "uuid", d->uuid, sizeof(d->uuid));
	sysfs_text(d->persist, "label", d->label, sizeof(d->label));
	sysfs_u64(d->persist, "known_bad", &d->known_bad);
	read_usage(d);
	if (d->has_usage && !strcmp(d->state, "active"))
		read_space(d);
	read_disk(d);
	return true;
}

/**
 * in_use_is - is that what somebody calls a device?
 * @d: the device
 * @what: name, UUID, label or disk
 *
 * Return: whether it is.
 */
bool in_use_is(const struct in_use *d, const char *what)
{
	if (!strncmp(what, "/dev/", 5))
		what += 5;
	return !strcmp(what, d->name) || !strcasecmp(what, d->uuid) ||
	       (*d->label && !strcmp(what, d->label)) ||
	       (*d->disk && !strcmp(what, d->disk));
}

/**
 * in_use_find - the one device in use that somebody means
 * @d: filled
 * @what: what he calls it
 *
 * Does not return if there is none, or another one with this label.
 */
void in_use_find(struct in_use *d, const char *what)
{
	struct dirent **names;
	struct in_use one;
	int nr, found = 0;

	nr = sysfs_dax_devices(&names);
	for (int i = 0; i < nr; i++) {
		if (!in_use_read(&one, names[i]->d_name) || !in_use_is(&one, what))
			continue;
		*d = one;
		found++;
	}
	sysfs_free_names(names, nr);
	if (!found)
		die(EXIT_OPERATIONAL, IN_USE_NONE, what);
	if (found > 1)
		die(EXIT_OPERATIONAL, "%s: %d devices are called like that; 'kmem-persist list' shows their names",
		    what, found);
}

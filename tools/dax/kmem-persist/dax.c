// SPDX-License-Identifier: GPL-2.0
/*
 * A DAX device by its name: driver, memory, and what is found on it
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "dax.h"
#include "out.h"
#include "run.h"
#include "sb.h"
#include "sysfs.h"
#include "util.h"

/* How long a driver may take that is loaded as an effect of the same event as we are. */
#define DAX_WAIT_MS	5000
#define DAX_STEP_MS	100

/**
 * dax_name - the device that somebody names
 * @d: filled
 * @what: daxX.Y, or that with dev/ or /dev/ before it
 *
 * Return: whether that is a name of one; it need not exist.
 */
bool dax_name(struct dax_dev *d, const char *what)
{
	unsigned int region, id;
	char again[sizeof(d->name)];

	if (*what == '/')
		what++;
	if (!strncmp(what, "dev/", 4))
		what += 4;
	/* By writing it again: nothing but that is a name, and no path. */
	if (sscanf(what, "dax%9u.%9u", &region, &id) != 2)
		return false;
	snprintf(again, sizeof(again), "dax%u.%u", region, id);
	if (strcmp(what, again))
		return false;
	snprintf(d->name, sizeof(d->name), "%s", again);
	return snprintf(d->dir, sizeof(d->dir), "%s/bus/dax/devices/%s", sysfs_root(),
			again) < (int)sizeof(d->dir) &&
	       snprintf(d->node, sizeof(d->node), "%s/dev/%s", files_root(),
			again) < (int)sizeof(d->node);
}

/**
 * dax_exists - is there such a device?
 * @d: the device
 *
 * Return: whether there is.
 */
bool dax_exists(const struct dax_dev *d)
{
	return !access(d->dir, F_OK);
}

/**
 * dax_instance - which of all devices that ever have this name
 * @d: the device
 *
 * Return: a number that another one does not have at the same time, 0 for none.
 */
u64 dax_instance(const struct dax_dev *d)
{
	char path[sizeof(d->dir) + 2];
	struct stat st;

	/* Of the device and not of the link to it. */
	snprintf(path, sizeof(path), "%s/.", d->dir);
	return stat(path, &st) ? 0 : st.st_ino;
}

/**
 * dax_has - does it have an attribute?
 * @d: the device
 * @attr: which
 *
 * Return: whether it does.
 */
bool dax_has(const struct dax_dev *d, const char *attr)
{
	char path[sizeof(d->dir) + 64];

	snprintf(path, sizeof(path), "%s/%s", d->dir, attr);
	return !access(path, F_OK);
}

/**
 * dax_driver - its driver
 * @d: the device
 * @name: filled, empty if there is none
 * @size: room for it
 */
void dax_driver(const struct dax_dev *d, char *name, size_t size)
{
	char link[sizeof(d->dir) + 8], to[PATH_MAX], *base;
	ssize_t len;

	snprintf(link, sizeof(link), "%s/driver", d->dir);
	len = readlink(link, to, sizeof(to) - 1);
	to[len < 0 ? 0 : len] = '\0';
	base = strrchr(to, '/');
	snprintf(name, size, "%s", base ? base + 1 : to);
}

/**
 * dax_is_bound - is that its driver?
 * @d: the device
 * @driver: name of it
 *
 * Return: whether it is.
 */
bool dax_is_bound(const struct dax_dev *d, const char *driver)
{
	char name[64];

	dax_driver(d, name, sizeof(name));
	return !strcmp(name, driver);
}

/**
 * dax_driver_store - tell a driver about a device
 * @d: the device
 * @driver: its name
 * @attr: bind, unbind, new_id or remove_id
 *
 * Return: 0 or a negative errno.
 */
int dax_driver_store(const struct dax_dev *d, const char *driver, const char *attr)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/bus/dax/drivers/%s", sysfs_root(), driver);
	return sysfs_store(dir, attr, d->name);
}

/**
 * dax_wait - give device_dax a device that has no driver
 * @d: the device
 *
 * What tells us of a device comes before it is probed, and what loads the driver runs at
 * the same time as we do. Binding is refused for a while then (EAGAIN).
 *
 * Return: whether it has a driver.
 */
bool dax_wait(const struct dax_dev *d)
{
	static const char * const load[] = { "modprobe", "-q", "device_dax", NULL };
	const struct timespec step = { .tv_nsec = DAX_STEP_MS * 1000000L };
	char name[64];

	dax_driver(d, name, sizeof(name));
	if (*name)
		return true;
	run_program(load, RUN_QUIET);
	for (int ms = 0; ms < DAX_WAIT_MS; ms += DAX_STEP_MS) {
		dax_driver(d, name, sizeof(name));
		if (*name || !dax_driver_store(d, "device_dax", "bind"))
			return true;
		if (!dax_exists(d))
			return false;
		nanosleep(&step, NULL);
	}
	dax_driver(d, name, sizeof(name));
	return *name;
}

/**
 * dax_namespace_uuid - UUID of the info block of its namespace
 * @d: the device
 * @uuid: filled, empty if there is none
 * @size: room for it
 *
 * Return: whether there is one.
 */
bool dax_namespace_uuid(const struct dax_dev *d, char *uuid, size_t size)
{
	char up[sizeof(d->dir) + 4];
	u8 bytes[16];

	*uuid = '\0';
	if (!dax_is_namespace(d))
		return false;
	snprintf(up, sizeof(up), "%s/..", d->dir);
	if (sysfs_text(up, "uuid", uuid, size) && parse_uuid(uuid, bytes))
		return true;
	*uuid = '\0';
	return false;
}

/**
 * dax_is_namespace - is it a namespace of an NVDIMM?
 * @d: the device
 *
 * Return: whether it is: others may have been RAM, all of them.
 */
bool dax_is_namespace(const struct dax_dev *d)
{
	char up[sizeof(d->dir) + 4], text[64];

	/* The link is followed first. */
	snprintf(up, sizeof(up), "%s/..", d->dir);
	return sysfs_text(up, "namespace", text, sizeof(text));
}

/*
 * What is on it
 */

/* In a process of its own: what cannot be opened or read ends it. */
static void dax_search(const struct dax_dev *d, struct dax_found *f)
{
	const struct image_where where = {};
	struct kmem_persist kp;
	struct sb_search s;

	image_open(&kp, d->node, false, &where);
	sb_search(&kp, &s);
	f->kind = s.rc == -ENODATA ? DAX_NONE : DAX_HELD;
}

static void dax_search_child(const struct dax_dev *d, int out, int err)
{
	struct dax_found got;

	/* What die() says is why. */
	dup2(err, STDERR_FILENO);
	out_init(false);
	memset(&got, 0, sizeof(got));
	dax_search(d, &got);
	_exit(write(out, &got, sizeof(got)) != sizeof(got));
}

/**
 * dax_look_at_media - is there anything on it that looks like a superblock?
 * @d: the device
 * @f: filled: DAX_NONE, DAX_HELD if there is, or DAX_UNKNOWN
 *
 * For who has to know under a kernel that does not: not for putting data to use, as what a
 * kernel makes of it is another question. device_dax gets the device if it has no driver.
 */
void dax_look_at_media(const struct dax_dev *d, struct dax_found *f)
{
	static const char prefix[] = "kmem-persist: ";
	struct dax_found got;
	char why[sizeof(f->why)];
	int out[2], err[2], status;
	ssize_t len = -1, why_len;
	pid_t pid;

	memset(f, 0, sizeof(*f));
	f->kind = DAX_UNKNOWN;
	snprintf(f->why, sizeof(f->why), "it has no driver that lets it be read");
	if (!dax_wait(d))
		return;
	snprintf(f->why, sizeof(f->why), "it cannot be looked at");
	if (pipe2(out, O_CLOEXEC))
		return;
	if (pipe2(err, O_CLOEXEC)) {
		close(out[0]);
		close(out[1]);
		return;
	}
	fflush(stdout);
	pid = fork();
	if (!pid)
		dax_search_child(d, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	if (pid > 0) {
		len = read(out[0], &got, sizeof(got));
		why_len = read(err[0], why, sizeof(why) - 1);
		why[why_len < 0 ? 0 : why_len] = '\0';
		why[strcspn(why, "\n")] = '\0';
		if (!strncmp(why, prefix, strlen(prefix)))
			snprintf(f->why, sizeof(f->why), "%s", why + strlen(prefix));
	}
	close(out[0]);
	close(err[0]);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && len == sizeof(got) &&
	    WIFEXITED(status) && !WEXITSTATUS(status))
		*f = got;
}

/**
 * dax_look - what is on a device that is not in use?
 * @d: the device
 * @f: filled
 * @load: kmem, which is the one that knows, may be loaded for that: a kernel that has the
 *	attribute destroys nothing
 *
 * The kernel says so. It is not guessed what it would say: what a guess calls data, a kernel
 * may make plain memory of.
 */
void dax_look(const struct dax_dev *d, struct dax_found *f, bool load)
{
	static const char * const kmem[] = { "modprobe", "-q", "kmem", NULL };
	char text[128], word[32], first[64], second[64];
	u8 uuid[16];
	int nr;

	memset(f, 0, sizeof(*f));
	f->kind = DAX_UNKNOWN;
	if (!sysfs_text(d->dir, "persist_found", text, sizeof(text))) {
		snprintf(f->why, sizeof(f->why), "this kernel does not say (persist_found)");
		return;
	}
	if (!strcmp(text, "unknown") && load) {
		run_program(kmem, RUN_QUIET);
		sysfs_text(d->dir, "persist_found", text, sizeof(text));
	}
	nr = sscanf(text, "%31s %63s %63s", word, first, second);
	snprintf(f->why, sizeof(f->why), "the kernel says '%s'", text);
	if (nr == 1 && !strcmp(word, "none")) {
		f->kind = DAX_NONE;
	} else if (nr == 1 && !strcmp(word, "unaccepted")) {
		f->kind = DAX_UNACCEPTED;
	} else if (nr >= 1 && !strcmp(word, "held")) {
		f->kind = DAX_HELD;
		snprintf(f->why, sizeof(f->why), "%s", text + strlen("held") + (nr > 1));
	} else if (nr == 3 && !strcmp(word, "data") && parse_uuid(second, uuid)) {
		f->kind = DAX_DATA;
		snprintf(f->type, sizeof(f->type), "%.31s", first);
		text_uuid(f->uuid, uuid);
	}
}

/*
 * Its memory
 */

/* Blocks in a range of addresses, of which none but the device has a part. */
static void dax_range(struct dax_blocks *b, u64 start, u64 end, bool bring_online)
{
	char dir[PATH_MAX], text[64];

	for (u64 nr = (start + b->size - 1) / b->size; (nr + 1) * b->size <= end; nr++) {
		b->possible++;
		snprintf(dir, sizeof(dir), "%s/devices/system/memory/memory%llu",
			 sysfs_root(), nr);
		if (!sysfs_text(dir, "state", text, sizeof(text)))
			continue;
		b->nr++;
		if (bring_online && !strcmp(text, "offline")) {
			if (sysfs_store(dir, "state", "online_movable"))
				b->failed++;
			sysfs_text(dir, "state", text, sizeof(text));
		}
		if (strcmp(text, "online"))
			continue;
		b->online++;
		/* Of what is online it is the one zone that it is in. */
		b->movable += sysfs_text(dir, "valid_zones", text, sizeof(text)) &&
			      !strncmp(text, "Movable", strlen("Movable"));
	}
}

static bool dax_u64_hex(const char *dir, const char *name, u64 *val)
{
	char text[64];
	char *end;

	if (!sysfs_text(dir, name, text, sizeof(text)) || !isxdigit((unsigned char)*text))
		return false;
	errno = 0;
	*val = strtoull(text, &end, 0);
	return !errno && !*end;
}

/**
 * dax_blocks - its memory blocks
 * @d: the device
 * @b: filled
 * @bring_online: first bring online, in ZONE_MOVABLE, what is not
 *
 * Root only may know where memory is.
 */
void dax_blocks(const struct dax_dev *d, struct dax_blocks *b, bool bring_online)
{
	char dir[PATH_MAX], text[64];
	u64 start, end, size;
	int nr = 0;

	memset(b, 0, sizeof(*b));
	snprintf(dir, sizeof(dir), "%s/devices/system/memory", sysfs_root());
	if (!sysfs_text(dir, "block_size_bytes", text, sizeof(text)))
		return;
	/* Without 0x. */
	b->size = strtoull(text, NULL, 16);
	if (!b->size)
		return;
	for (;; nr++) {
		snprintf(dir, sizeof(dir), "%s/mapping%d", d->dir, nr);
		if (!dax_u64_hex(dir, "start", &start) || !dax_u64_hex(dir, "end", &end))
			break;
		b->known = true;
		dax_range(b, start, end + 1, bring_online);
	}
	if (nr || !dax_u64_hex(d->dir, "resource", &start) || !start ||
	    !sysfs_u64(d->dir, "size", &size))
		return;
	b->known = true;
	dax_range(b, start, start + size, bring_online);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Regions of CXL memory, which are to be made again at each boot
 *
 *   /etc/kmem-persist/cxl/UUID.conf	how one is made
 *
 * The devices do not say what regions they are part of, and where no firmware has made a
 * region before the kernel runs nobody else does. The order of the devices matters as much
 * as which they are: each page is on all of them.
 *
 * By sysfs alone. What is there already is somebody's, complete or not, and left alone.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "attach.h"
#include "cmd.h"
#include "cxl.h"
#include "out.h"
#include "policy.h"
#include "sysfs.h"
#include "util.h"

#define CXL_CONF	"/etc/kmem-persist/cxl"
#define CXL_SUFFIX	".conf"

/* Others make regions, too, and the name of the next one is taken. */
#define CXL_TRIES	10

static void cxl_dir(char *dir, const char *name)
{
	snprintf(dir, PATH_MAX / 2, "%s/bus/cxl/devices/%.64s", sysfs_root(), name);
}

/* What has a name like that. */
static int cxl_names(struct dirent ***names, int (*filter)(const struct dirent *e))
{
	char dir[PATH_MAX / 2];
	int nr;

	cxl_dir(dir, "");
	*names = NULL;
	nr = scandir(dir, names, filter, versionsort);
	return nr < 0 ? 0 : nr;
}

static int cxl_is_region(const struct dirent *e)
{
	return !strncmp(e->d_name, "region", strlen("region"));
}

static int cxl_is_decoder(const struct dirent *e)
{
	return !strncmp(e->d_name, "decoder", strlen("decoder"));
}

static int cxl_is_first_decoder(const struct dirent *e)
{
	unsigned int port, id;

	return sscanf(e->d_name, "decoder%u.%u", &port, &id) == 2 && !id;
}

/* Serial number of the memory device that an endpoint is of. */
static bool cxl_serial(const char *endpoint, u64 *serial)
{
	char dir[PATH_MAX];

	cxl_dir(dir, endpoint);
	strcat(dir, "/uport");
	return sysfs_u64(dir, "serial", serial);
}

/* Where a decoder of an endpoint is: decoderE.N of endpointE. */
static bool cxl_endpoint_of(const char *decoder, char *endpoint, size_t size)
{
	unsigned int port, id;

	return sscanf(decoder, "decoder%u.%u", &port, &id) == 2 &&
	       snprintf(endpoint, size, "endpoint%u", port) < (int)size;
}

/* The endpoints of devices with this serial number, with decoders. Returns how many. */
static unsigned int cxl_find_endpoint(u64 serial, char *endpoint, size_t size)
{
	unsigned int found = 0;
	struct dirent **names;
	char its_name[32];
	u64 its;
	int nr;

	nr = cxl_names(&names, cxl_is_first_decoder);
	for (int i = 0; i < nr; i++) {
		if (!cxl_endpoint_of(names[i]->d_name, its_name, sizeof(its_name)) ||
		    !cxl_serial(its_name, &its) || its != serial)
			continue;
		found++;
		snprintf(endpoint, size, "%s", its_name);
	}
	sysfs_free_names(names, nr);
	return found;
}

/*
 * What there is
 */

static bool cxl_read_target(const char *region, unsigned int i, struct cxl_target *t)
{
	char dir[PATH_MAX], attr[32], decoder[64], endpoint[32];

	cxl_dir(dir, region);
	snprintf(attr, sizeof(attr), "target%u", i);
	if (!sysfs_text(dir, attr, decoder, sizeof(decoder)) ||
	    !cxl_endpoint_of(decoder, endpoint, sizeof(endpoint)) ||
	    !cxl_serial(endpoint, &t->serial))
		return false;
	cxl_dir(dir, decoder);
	return sysfs_u64(dir, "dpa_resource", &t->start) &&
	       sysfs_u64(dir, "dpa_size", &t->size);
}

static bool cxl_read_region(const char *name, struct cxl_region *r)
{
	char dir[PATH_MAX / 2], up[PATH_MAX], mode[16];
	u64 nr;

	memset(r, 0, sizeof(*r));
	cxl_dir(dir, name);
	if (!sysfs_text(dir, "mode", mode, sizeof(mode)) ||
	    !sysfs_u64(dir, "interleave_granularity", &r->granularity) ||
	    !sysfs_u64(dir, "interleave_ways", &nr) || !nr || nr > CXL_TARGETS)
		return false;
	r->persistent = !strcmp(mode, "pmem");
	if ((r->persistent && !sysfs_text(dir, "uuid", r->uuid, sizeof(r->uuid))) ||
	    !sysfs_u64(dir, "resource", &r->start))
		return false;
	/* It is a child of the window; the link is followed first. */
	snprintf(up, sizeof(up), "%s/..", dir);
	if (!sysfs_u64(up, "start", &r->window[0]) || !sysfs_u64(up, "size", &r->window[1]))
		return false;
	for (; r->nr < nr; r->nr++)
		if (!cxl_read_target(name, r->nr, &r->target[r->nr]))
			return false;
	return true;
}

/**
 * cxl_region_of - how the region of a device is made
 * @what: regionN, namespaceN.M or daxN.M: all have the number of the region
 * @r: filled, but for the UUID of one that is not persistent
 * @why: filled, if it is none of CXL memory, or cannot be made again
 * @size: room for that
 *
 * Return: whether it was found out.
 */
bool cxl_region_of(const char *what, struct cxl_region *r, char *why, size_t size)
{
	char name[32], dir[PATH_MAX];

	snprintf(name, sizeof(name), "region%u",
		 (unsigned int)strtoul(what + strcspn(what, "0123456789"), NULL, 10));
	cxl_dir(dir, name);
	if (access(dir, F_OK)) {
		snprintf(why, size, "it is no CXL memory");
		return false;
	}
	if (!cxl_read_region(name, r)) {
		snprintf(why, size, "how the CXL region %s is made cannot be read", name);
		return false;
	}
	if (r->persistent && strspn(r->uuid, "0-") == strlen(r->uuid)) {
		snprintf(why, size, "the CXL region %s has no UUID: firmware makes it at each boot",
			 name);
		return false;
	}
	for (unsigned int i = 0; i < r->nr; i++) {
		if (r->target[i].serial &&
		    cxl_find_endpoint(r->target[i].serial, name, sizeof(name)) == 1)
			continue;
		snprintf(why, size, "serial number %#llx of a CXL device is not one of its own",
			 r->target[i].serial);
		return false;
	}
	return true;
}

/*
 * What is remembered
 */

/**
 * cxl_remember - have a region made again at each boot
 * @r: how
 *
 * Return: 0 or a negative errno.
 */
int cxl_remember(const struct cxl_region *r)
{
	char name[64], text[4096];
	size_t len;

	len = snprintf(text, sizeof(text),
		       "# a CXL region that is made again at boot: see kmem-persist(8)\n"
		       "uuid = %s\ntype = %s\ngranularity = %llu\nwindow = %#llx %llu\nresource = %#llx\n"
		       "# serial number and where in it, in hexadecimal, how much of it; in the order of their positions\n",
		       r->uuid, r->persistent ? "pmem" : "ram", r->granularity,
		       r->window[0], r->window[1], r->start);
	for (unsigned int i = 0; i < r->nr; i++)
		len += snprintf(text + len, sizeof(text) - len, "memdev = %#llx %#llx %llu\n",
				r->target[i].serial, r->target[i].start, r->target[i].size);
	snprintf(name, sizeof(name), "%s" CXL_SUFFIX, r->uuid);
	return policy_write(CXL_CONF, name, text);
}

/* Returns whether the line is as it should be. */
static bool cxl_line(struct cxl_region *r, char *line)
{
	struct cxl_target *t = &r->target[r->nr];
	char word[8];
	u8 uuid[16];
	int end = 0;

	line[strcspn(line, "#")] = '\0';
	if (!line[strspn(line, " \t\n")])
		return true;
	if (sscanf(line, " uuid = %36s %n", r->uuid, &end) == 1 && end)
		return !line[end] && parse_uuid(r->uuid, uuid);
	if (sscanf(line, " type = %7s %n", word, &end) == 1 && end) {
		r->persistent = !strcmp(word, "pmem");
		return !line[end] && (r->persistent || !strcmp(word, "ram"));
	}
	if (sscanf(line, " granularity = %llu %n", &r->granularity, &end) == 1 && end)
		return !line[end];
	if (sscanf(line, " window = %llx %llu %n", &r->window[0], &r->window[1], &end) == 2 &&
	    end)
		return !line[end];
	if (sscanf(line, " resource = %llx %n", &r->start, &end) == 1 && end)
		return !line[end];
	return r->nr < CXL_TARGETS &&
	       sscanf(line, " memdev = %llx %llx %llu %n", &t->serial, &t->start, &t->size,
		      &end) == 3 &&
	       !line[end] && t->size && ++r->nr;
}

static bool cxl_read_conf(const char *name, struct cxl_region *r, char *why, size_t size)
{
	char *line = NULL, path[PATH_MAX];
	unsigned int nr = 0;
	size_t room = 0;
	bool ok = true;
	FILE *f;

	memset(r, 0, sizeof(*r));
	policy_path(path, CXL_CONF, name);
	f = fopen(path, "re");
	if (!f) {
		snprintf(why, size, "cannot be read: %s", strerror(errno));
		return false;
	}
	while (ok && getline(&line, &room, f) > 0) {
		nr++;
		ok = cxl_line(r, line);
	}
	if (!ok) {
		snprintf(why, size, "line %u is wrong", nr);
	} else if (ferror(f)) {
		snprintf(why, size, "cannot be read");
		ok = false;
	} else if (!*r->uuid || !r->granularity || !r->start || !r->nr) {
		snprintf(why, size, "is not complete");
		ok = false;
	}
	free(line);
	fclose(f);
	return ok;
}

/*
 * Making it
 */

/**
 * struct cxl_work - a region that is being made
 * @r: how
 * @decoder: of the devices, in the order of their positions
 * @nr: how many of these have memory reserved for it
 * @name: of the region
 * @text: what became of it, for people
 */
struct cxl_work {
	const struct cxl_region *r;
	char decoder[CXL_TARGETS][64];
	unsigned int nr;
	char name[32];
	char text[512];
};

enum cxl_result {
	CXL_MADE,	/* now */
	CXL_THERE,	/* it was there before */
	CXL_WAITS,	/* for devices */
	CXL_LATER,	/* for another region */
	CXL_FAILED,
};

__printf(3, 4)
static enum cxl_result cxl_ends(struct cxl_work *w, enum cxl_result result,
				const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, args);
	va_end(args);
	return result;
}

static bool cxl_same(const struct cxl_region *a, const struct cxl_region *b)
{
	return a->persistent == b->persistent && a->granularity == b->granularity &&
	       a->nr == b->nr &&
	       !memcmp(a->target, b->target, a->nr * sizeof(a->target[0]));
}

/* It, or one that has some of its memory. Returns CXL_WAITS if there is none. */
static enum cxl_result cxl_find(struct cxl_work *w)
{
	enum cxl_result result = CXL_WAITS;
	struct cxl_region other;
	struct dirent **names;
	char dir[PATH_MAX];
	int nr;

	nr = cxl_names(&names, cxl_is_region);
	for (int i = 0; i < nr && result == CXL_WAITS; i++) {
		if (!cxl_read_region(names[i]->d_name, &other))
			continue;
		cxl_dir(dir, names[i]->d_name);
		strcat(dir, "/driver");
		/* Firmware gives it no UUID, and others another one: nothing depends on it. */
		if (cxl_same(&other, w->r))
			result = cxl_ends(w, CXL_THERE, "it is there%s: %s",
					  access(dir, F_OK) ? ", but disabled" : "",
					  names[i]->d_name);
		else if (other.persistent && !strcmp(other.uuid, w->r->uuid))
			result = cxl_ends(w, CXL_FAILED,
					  "%s has its UUID, and is made in another way",
					  names[i]->d_name);
	}
	sysfs_free_names(names, nr);
	return result;
}

/* The first decoder of an endpoint that nobody uses: they are used in order. */
static bool cxl_find_decoder(const char *endpoint, char *decoder, size_t size)
{
	char dir[PATH_MAX], its[32];
	struct dirent **names;
	bool found = false;
	u64 used;
	int nr;

	nr = cxl_names(&names, cxl_is_decoder);
	for (int i = 0; i < nr && !found; i++) {
		cxl_dir(dir, names[i]->d_name);
		found = cxl_endpoint_of(names[i]->d_name, its, sizeof(its)) &&
			!strcmp(its, endpoint) && sysfs_u64(dir, "dpa_size", &used) && !used;
		snprintf(decoder, size, "%.63s", names[i]->d_name);
	}
	sysfs_free_names(names, nr);
	return found;
}

static int cxl_store(const char *device, const char *attr, const char *fmt, ...)
	__printf(3, 4);

static int cxl_store(const char *device, const char *attr, const char *fmt, ...)
{
	char dir[PATH_MAX], text[64];
	va_list args;

	cxl_dir(dir, device);
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return sysfs_store(dir, attr, text);
}

/* Nobody else shall wait for memory that nobody uses. */
static void cxl_release(struct cxl_work *w)
{
	while (w->nr)
		cxl_store(w->decoder[--w->nr], "dpa_size", "0");
}

/* All of them, before anything is taken of one. */
static enum cxl_result cxl_find_devices(struct cxl_work *w, char (*endpoint)[32])
{
	for (unsigned int i = 0; i < w->r->nr; i++) {
		const u64 serial = w->r->target[i].serial;

		switch (cxl_find_endpoint(serial, endpoint[i], sizeof(endpoint[i]))) {
		case 0:
			return cxl_ends(w, CXL_WAITS,
					"the device with serial number %#llx is not there", serial);
		case 1:
			break;
		default:
			return cxl_ends(w, CXL_FAILED, "several devices have serial number %#llx",
					serial);
		}
	}
	return CXL_MADE;
}

/*
 * The memory of a device is handed out from its beginning: what begins later has to come
 * later.
 */
static enum cxl_result cxl_reserve(struct cxl_work *w)
{
	const struct cxl_region *r = w->r;
	char endpoint[CXL_TARGETS][32], dir[PATH_MAX];
	enum cxl_result result;
	u64 start;
	int err;

	result = cxl_find_devices(w, endpoint);
	for (; result == CXL_MADE && w->nr < r->nr; w->nr++) {
		const struct cxl_target *t = &r->target[w->nr];
		char *decoder = w->decoder[w->nr];

		if (!cxl_find_decoder(endpoint[w->nr], decoder, sizeof(w->decoder[0])))
			return cxl_ends(w, CXL_FAILED, "%s has no decoder left", endpoint[w->nr]);
		err = cxl_store(decoder, "mode", r->persistent ? "pmem" : "ram");
		err = err ?: cxl_store(decoder, "dpa_size", "%llu", t->size);
		if (err)
			return cxl_ends(w, CXL_FAILED, "%s does not take %llu bytes: %s",
					decoder, t->size, strerror(-err));
		cxl_dir(dir, decoder);
		if (!sysfs_u64(dir, "dpa_resource", &start) || start != t->start) {
			w->nr++;
			return cxl_ends(w, CXL_LATER,
					"what lies before it on the device with serial number %#llx has to come first",
					t->serial);
		}
	}
	return result;
}

/* An empty one, of a window. */
static int cxl_create(struct cxl_work *w, const char *window)
{
	char dir[PATH_MAX], attr[32];
	int err = -ENOENT;

	cxl_dir(dir, window);
	snprintf(attr, sizeof(attr), "create_%s_region", w->r->persistent ? "pmem" : "ram");
	for (int try = 0; try < CXL_TRIES; try++) {
		if (!sysfs_text(dir, attr, w->name, sizeof(w->name)))
			return -ENOENT;
		err = sysfs_store(dir, attr, w->name);
		if (err != -EBUSY)
			break;
	}
	return err;
}

/*
 * Where several host bridges are interleaved, which of them is the first one may depend on the
 * address. Who was there before has to be there again, so that the same is free.
 */
static bool cxl_is_where_it_was(const struct cxl_work *w, const char *window)
{
	char dir[PATH_MAX];
	u64 ways, start;

	cxl_dir(dir, window);
	if (sysfs_u64(dir, "interleave_ways", &ways) && ways == 1)
		return true;
	cxl_dir(dir, w->name);
	return sysfs_u64(dir, "resource", &start) && start == w->r->start;
}

/* What has failed, and how, is in the text. */
static enum cxl_result cxl_build(struct cxl_work *w, const char *window)
{
	enum cxl_result result = CXL_FAILED;
	const struct cxl_region *r = w->r;
	const char *step = "uuid";
	char attr[32];
	u64 size = 0;
	int err;

	for (unsigned int i = 0; i < r->nr; i++)
		size += r->target[i].size;
	/* The newline belongs to it. */
	err = r->persistent ? cxl_store(w->name, step, "%s\n", r->uuid) : 0;
	if (!err)
		err = cxl_store(w->name, step = "interleave_granularity", "%llu",
				r->granularity);
	if (!err)
		err = cxl_store(w->name, step = "interleave_ways", "%u", r->nr);
	if (!err)
		err = cxl_store(w->name, step = "size", "%llu", size);
	if (!err && !cxl_is_where_it_was(w, window)) {
		step = "the addresses of before";
		err = -EADDRNOTAVAIL;
		result = CXL_LATER;
	}
	for (unsigned int i = 0; i < r->nr && !err; i++) {
		snprintf(attr, sizeof(attr), "target%u", i);
		err = cxl_store(w->name, step = attr, "%s", w->decoder[i]);
	}
	if (!err)
		err = cxl_store(w->name, step = "commit", "1");
	if (!err) {
		char dir[PATH_MAX];

		snprintf(dir, sizeof(dir), "%s/bus/cxl/drivers/cxl_region", sysfs_root());
		step = "bind";
		err = sysfs_store(dir, step, w->name);
	}
	if (!err)
		return cxl_ends(w, CXL_MADE, "made: %s", w->name);
	/* Of the window that it was in, which is the first. */
	if (!*w->text)
		cxl_ends(w, result, "%s of %s: %s", step, window, strerror(-err));
	cxl_store(window, "delete_region", "%s", w->name);
	return result;
}

/* In the window that it was in, or in another one. */
static enum cxl_result cxl_build_anywhere(struct cxl_work *w)
{
	enum cxl_result result = CXL_FAILED, now;
	struct dirent **names;
	char dir[PATH_MAX];
	u64 start, size;
	int nr;

	nr = cxl_names(&names, cxl_is_decoder);
	for (int i = 0; i < 2 * nr && result != CXL_MADE; i++) {
		const char *window = names[i % nr]->d_name;
		const bool first = i < nr;
		bool as_before;

		cxl_dir(dir, window);
		as_before = sysfs_u64(dir, "start", &start) &&
			    sysfs_u64(dir, "size", &size) &&
			    start == w->r->window[0] && size == w->r->window[1];
		if (as_before != first || cxl_create(w, window))
			continue;
		now = cxl_build(w, window);
		if (now == CXL_MADE || result == CXL_FAILED)
			result = now;
	}
	sysfs_free_names(names, nr);
	if (!*w->text)
		cxl_ends(w, CXL_FAILED, "no window takes such regions");
	return result;
}

/*
 * What is on memory that is not persistent would become RAM of all as soon as it is there,
 * unless the command line says what it is.
 */
static bool cxl_may_be_made(struct cxl_work *w)
{
	char dir[PATH_MAX], text[4096], why[256];

	if (w->r->persistent)
		return true;
	if (!attach_load(why, sizeof(why))) {
		cxl_ends(w, CXL_FAILED, "%s", why);
		return false;
	}
	snprintf(dir, sizeof(dir), "%s/module/kmem/parameters", sysfs_root());
	if (sysfs_text(dir, "persist_accept", text, sizeof(text)) && strstr(text, w->r->uuid))
		return true;
	cxl_ends(w, CXL_FAILED,
		 "kmem.persist_accept= on the command line of the kernel does not name what is on it, which would be lost");
	return false;
}

static enum cxl_result cxl_make(struct cxl_work *w)
{
	enum cxl_result result;

	result = cxl_find(w);
	if (result != CXL_WAITS)
		return result;
	if (!cxl_may_be_made(w))
		return CXL_FAILED;
	result = cxl_reserve(w);
	if (result == CXL_MADE)
		result = cxl_build_anywhere(w);
	if (result != CXL_MADE)
		cxl_release(w);
	return result;
}

static int cxl_is_conf(const struct dirent *e)
{
	const size_t len = strlen(e->d_name);

	return *e->d_name != '.' && len > strlen(CXL_SUFFIX) &&
	       !strcmp(e->d_name + len - strlen(CXL_SUFFIX), CXL_SUFFIX);
}

static void cxl_tell(const char *name, enum cxl_result result, const char *text)
{
	static const char * const words[] = { "made", "there", "waits", "waits", "failed" };

	if (out_is_json()) {
		out_open(NULL);
		out_str("name", "%s", name);
		out_str("result", "%s", words[result]);
		out_str("text", "%s", text);
		out_close();
	}
	if (result == CXL_FAILED)
		warn("%s/%s: %s", CXL_CONF, name, text);
	else
		say("%s: %s", name, text);
}

/**
 * struct cxl_files - what is remembered
 * @names: of the files; empty: done with
 * @nr: how many
 * @last: nothing waits for others of them any more
 * @waits: for a device; it may be that what others wait for comes with it
 * @ok: nothing has failed
 */
struct cxl_files {
	struct dirent **names;
	int nr;
	bool last;
	bool waits;
	bool ok;
};

/* All that are left of them. Returns whether one was made. */
static bool cxl_pass(struct cxl_files *f)
{
	const bool waited = f->waits;
	struct cxl_region r;
	bool made = false;
	char why[256];

	f->waits = false;
	for (int i = 0; i < f->nr; i++) {
		struct cxl_work w = { .r = &r };
		enum cxl_result result = CXL_FAILED;
		char *name = f->names[i]->d_name;

		if (!*name)
			continue;
		if (cxl_read_conf(name, &r, why, sizeof(why)))
			result = cxl_make(&w);
		else
			cxl_ends(&w, CXL_FAILED, "%s", why);
		f->waits = f->waits || result == CXL_WAITS;
		if ((result == CXL_WAITS || result == CXL_LATER) && !f->last)
			continue;
		if (result == CXL_LATER && !waited)
			result = CXL_FAILED;
		made = made || result == CXL_MADE;
		f->ok = f->ok && result != CXL_FAILED;
		cxl_tell(name, result, text_printable(w.text));
		*name = '\0';
	}
	return made;
}

/**
 * cxl_make_regions - make those that are remembered, and are not there
 *
 * Those whose devices have not come yet wait for the next one that calls this.
 *
 * Return: whether none has failed.
 */
bool cxl_make_regions(void)
{
	struct cxl_files f = { .ok = true };
	sigset_t all, before;
	char path[PATH_MAX];
	int lock;

	if (out_is_json())
		out_list("regions");
	policy_path(path, CXL_CONF, "");
	f.nr = scandir(path, &f.names, cxl_is_conf, alphasort);
	if (f.nr < 0)
		goto out;
	/* Who is at it brings it to an end first, and then there is nothing left to do. */
	lock = policy_lock("cxl");
	if (lock < 0)
		die(EXIT_OPERATIONAL, "cxl: cannot be locked: %s", strerror(-lock));
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	while (cxl_pass(&f))
		;
	f.last = true;
	cxl_pass(&f);
	sigprocmask(SIG_SETMASK, &before, NULL);
	sysfs_free_names(f.names, f.nr);
	close(lock);
out:
	if (out_is_json())
		out_close();
	return f.ok;
}

/* Of a region that is in use, by whatever. */
static void cxl_remember_region(const char *name)
{
	struct cxl_region r;
	char why[256];
	int err;

	if (strncmp(name, "region", strlen("region")))
		die(EXIT_USAGE, "--remember wants a region, not '%s'", name);
	if (!cxl_region_of(name, &r, why, sizeof(why)))
		die(EXIT_OPERATIONAL, "%s: %s", name, why);
	if (!r.persistent)
		die(EXIT_OPERATIONAL,
		    "%s: is not persistent: only setup --cxl knows what will be on it", name);
	err = cxl_remember(&r);
	if (err)
		die(EXIT_OPERATIONAL, "%s cannot be written: %s", CXL_CONF, strerror(-err));
	say("%s: %s/%s" CXL_SUFFIX, name, CXL_CONF, r.uuid);
}

/**
 * cmd_cxl_regions - kmem-persist cxl-regions
 * @o: options
 *
 * Return: exit status.
 */
int cmd_cxl_regions(const struct options *o)
{
	if (o->remember) {
		cxl_remember_region(o->remember);
		return EXIT_CLEAN;
	}
	return cxl_make_regions() ? EXIT_CLEAN : 1;
}

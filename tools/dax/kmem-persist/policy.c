// SPDX-License-Identifier: GPL-2.0
/*
 * Which devices are attached without being named, and what is remembered about them
 *
 *   /etc/kmem-persist.conf          what somebody wants
 *   /etc/kmem-persist/known/UUID    what was attached here before: a file per format
 *   /run/kmem-persist/NAME          locked by who attaches or detaches
 *   /run/kmem-persist/detached/NAME somebody has taken this device out of use
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "policy.h"
#include "sysfs.h"
#include "util.h"

#define POLICY_CONF	"/etc/kmem-persist.conf"
#define POLICY_ETC	"/etc/kmem-persist"
#define POLICY_KNOWN	"/etc/kmem-persist/known"
#define POLICY_RUN	"/run/kmem-persist"
#define POLICY_DETACHED	"/run/kmem-persist/detached"

/**
 * policy_path - where a file is
 * @path: filled, PATH_MAX bytes
 * @dir: its folder, from / on
 * @name: its name; empty: the folder
 */
void policy_path(char *path, const char *dir, const char *name)
{
	snprintf(path, PATH_MAX, "%s%s%s%s", files_root(), dir, *name ? "/" : "", name);
}

static bool policy_text(const char *dir, const char *name, char *text, size_t size)
{
	char path[PATH_MAX];

	policy_path(path, dir, "");
	return sysfs_text(path, name, text, size);
}

static int policy_mkdir(const char *dir)
{
	char path[PATH_MAX];

	policy_path(path, dir, "");
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

/* A word of the command line of the kernel. */
static bool policy_on_command_line(const char *word)
{
	char text[4096], *next = text, *w;

	if (!sysfs_text(procfs_root(), "cmdline", text, sizeof(text)))
		return false;
	while ((w = strsep(&next, "\n ")))
		if (!strcmp(w, word))
			return true;
	return false;
}

/*
 * The configuration
 */

enum policy_attach { ATTACH_ALL, ATTACH_KNOWN, ATTACH_NONE };

/**
 * struct policy_conf - what is in it
 * @attach: for all
 * @no: the device that is asked about has a section that says no
 * @fault: why it cannot be used, empty if it can
 */
struct policy_conf {
	enum policy_attach attach;
	bool no;
	char fault[160];
};

static char *policy_trim(char *s)
{
	size_t len;

	s += strspn(s, " \t");
	len = strlen(s);
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	s[len] = '\0';
	return s;
}

/* Returns whether the line is as it should be. */
static bool policy_line(struct policy_conf *conf, char *line, const char *uuid,
			bool *section, bool *ours)
{
	char *value;
	u8 bytes[16];

	line[strcspn(line, "#")] = '\0';
	line = policy_trim(line);
	if (!*line)
		return true;
	if (*line == '[') {
		char *end = strchr(line, ']');

		if (!end || end[1])
			return false;
		*end = '\0';
		line = policy_trim(line + 1);
		*section = true;
		*ours = !strcasecmp(line, uuid);
		return parse_uuid(line, bytes);
	}
	value = strchr(line, '=');
	if (!value)
		return false;
	*value = '\0';
	value = policy_trim(value + 1);
	if (strcmp(policy_trim(line), "attach"))
		return false;
	if (*section) {
		if (*ours)
			conf->no = !strcmp(value, "no");
		return !strcmp(value, "no") || !strcmp(value, "yes");
	}
	if (!strcmp(value, "all"))
		conf->attach = ATTACH_ALL;
	else if (!strcmp(value, "known"))
		conf->attach = ATTACH_KNOWN;
	else if (!strcmp(value, "none"))
		conf->attach = ATTACH_NONE;
	else
		return false;
	return true;
}

static void policy_read(struct policy_conf *conf, const char *uuid)
{
	bool section = false, ours = false;
	char path[PATH_MAX], *line = NULL;
	unsigned int nr = 0;
	size_t room = 0;
	FILE *f;

	memset(conf, 0, sizeof(*conf));
	policy_path(path, POLICY_CONF, "");
	f = fopen(path, "re");
	if (!f && errno != ENOENT)
		snprintf(conf->fault, sizeof(conf->fault), "%s cannot be read: %s",
			 POLICY_CONF, strerror(errno));
	if (!f)
		return;
	while (!*conf->fault && getline(&line, &room, f) > 0) {
		nr++;
		if (!policy_line(conf, line, uuid, &section, &ours))
			snprintf(conf->fault, sizeof(conf->fault),
				 "%s: line %u is wrong", POLICY_CONF, nr);
	}
	if (!*conf->fault && ferror(f))
		snprintf(conf->fault, sizeof(conf->fault), "%s cannot be read",
			 POLICY_CONF);
	free(line);
	fclose(f);
}

/*
 * What was attached here before
 */

/* A file for each; others that lie there are nobody's. */
static int known_is_one(const struct dirent *e)
{
	u8 bytes[16];

	return parse_uuid(e->d_name, bytes);
}

static bool known_has_namespace(const char *name, const char *ns)
{
	char text[512], *next = text, *line;
	char want[64];

	snprintf(want, sizeof(want), "namespace = %s", ns);
	if (!policy_text(POLICY_KNOWN, name, text, sizeof(text)))
		return false;
	while ((line = strsep(&next, "\n")))
		if (!strcmp(line, want))
			return true;
	return false;
}

/* By its UUID, or, where that cannot be read, by its namespace. */
static bool known_has(const struct dax_dev *d, const char *uuid)
{
	char path[PATH_MAX], ns[40];
	struct dirent **names;
	bool found = false;
	int nr;

	if (*uuid) {
		policy_path(path, POLICY_KNOWN, uuid);
		return !access(path, F_OK);
	}
	if (!dax_namespace_uuid(d, ns, sizeof(ns)))
		return false;
	policy_path(path, POLICY_KNOWN, "");
	nr = scandir(path, &names, known_is_one, alphasort);
	for (int i = 0; i < nr; i++) {
		found = found || known_has_namespace(names[i]->d_name, ns);
		free(names[i]);
	}
	if (nr >= 0)
		free(names);
	return found;
}

/* What a folder has is on the disk. */
static int policy_sync(const char *dir)
{
	char path[PATH_MAX];
	int fd, err;

	policy_path(path, dir, "");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Some filesystems have nothing to do for that. */
	err = fsync(fd) && errno != EINVAL ? -errno : 0;
	close(fd);
	return err;
}

/**
 * policy_write - write a file, in one step
 * @dir: its folder, below POLICY_ETC; made if it is not there
 * @name: its name
 * @text: what is in it
 *
 * It is there without power, too, when this returns 0.
 *
 * Return: 0 or a negative errno.
 */
int policy_write(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX], tmp[PATH_MAX + 8];
	int fd, err;
	FILE *f;

	err = policy_mkdir(POLICY_ETC) ?: policy_mkdir(dir);
	if (err)
		return err;
	policy_path(path, dir, name);
	snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path);
	fd = mkstemp(tmp);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return -errno;
	err = fputs(text, f) < 0 || fflush(f) || fchmod(fd, 0644) || fsync(fd) ? -errno : 0;
	err = fclose(f) && !err ? -errno : err;
	if (!err && rename(tmp, path))
		err = -errno;
	if (err)
		unlink(tmp);
	return err ?: policy_sync(dir) ?: policy_sync(POLICY_ETC);
}

/**
 * known_add - remember that a device is attached here
 * @d: the device
 * @uuid: of its format
 *
 * Where that cannot be written it is done the next time, as in an initramfs.
 */
void known_add(const struct dax_dev *d, const char *uuid)
{
	char path[PATH_MAX], text[512], ns[40], date[64] = "";
	const time_t now = time(NULL);
	struct tm tm;
	u8 bytes[16];
	int err;

	if (!parse_uuid(uuid, bytes))
		return;
	policy_path(path, POLICY_KNOWN, uuid);
	if (!access(path, F_OK))
		return;
	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	dax_namespace_uuid(d, ns, sizeof(ns));
	snprintf(text, sizeof(text),
		 "# attached here: see load-kmem, and kmem-persist(8)\n"
		 "uuid = %s\nnamespace = %s\nanonymous = %s\ndate = %s\n", uuid,
		 *ns ? ns : "none", dax_is_namespace(d) ? "no" : "yes", date);
	/* Who loses power is to be kept from the data, too. */
	err = policy_write(POLICY_KNOWN, uuid, text);
	if (err && err != -EROFS)
		warn("%s: %s cannot be written: %s; older kernels are not kept from the data",
		     d->name, path, strerror(-err));
}

/**
 * known_remove - forget a format: it is gone
 * @uuid: of it
 */
void known_remove(const char *uuid)
{
	char path[PATH_MAX];
	u8 bytes[16];

	if (!parse_uuid(uuid, bytes))
		return;
	policy_path(path, POLICY_KNOWN, uuid);
	unlink(path);
}

/**
 * known_each - those that were attached here, and are not now
 * @is_there: asked about each, by the UUID of its format
 *
 * Return: how many of them are not there.
 */
unsigned int known_each(bool (*is_there)(const char *uuid))
{
	struct dirent **names;
	unsigned int missing = 0;
	char path[PATH_MAX];
	int nr;

	policy_path(path, POLICY_KNOWN, "");
	nr = scandir(path, &names, known_is_one, alphasort);
	for (int i = 0; i < nr; i++) {
		missing += !is_there(names[i]->d_name);
		free(names[i]);
	}
	if (nr >= 0)
		free(names);
	return missing;
}

/*
 * For this boot
 */

/**
 * policy_set_detached - remember that somebody has taken a device out of use
 * @d: the device
 * @detached: he has; or no more
 *
 * That is about this device, not about another one that comes with its name.
 */
void policy_set_detached(const struct dax_dev *d, bool detached)
{
	char path[PATH_MAX];
	FILE *f;

	policy_path(path, POLICY_DETACHED, d->name);
	if (!detached) {
		unlink(path);
		return;
	}
	policy_mkdir(POLICY_RUN);
	policy_mkdir(POLICY_DETACHED);
	f = fopen(path, "we");
	if (f)
		fprintf(f, "%llu\n", dax_instance(d));
	if (!f || fclose(f))
		warn("%s cannot be written: %s; an event of the device attaches it again",
		     path, strerror(errno));
}

static bool policy_is_detached(const struct dax_dev *d)
{
	char dir[PATH_MAX];
	u64 instance;

	policy_path(dir, POLICY_DETACHED, "");
	return sysfs_u64(dir, d->name, &instance) && instance == dax_instance(d);
}

/**
 * policy_lock - nobody else attaches or detaches a device meanwhile
 * @name: of the device
 *
 * Waits. Return: what the lock ends with when it is closed, or a negative errno.
 */
int policy_lock(const char *name)
{
	char path[PATH_MAX];
	int fd, err;

	err = policy_mkdir(POLICY_RUN);
	if (err)
		return err;
	policy_path(path, POLICY_RUN, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX)) {
		if (errno == EINTR)
			continue;
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/**
 * policy_of - is a device attached without being named?
 * @d: the device
 * @f: what is on it
 * @why: filled, if it is not
 * @size: room for that
 *
 * Return: POLICY_*.
 */
enum policy policy_of(const struct dax_dev *d, const struct dax_found *f, char *why,
		      size_t size)
{
	struct policy_conf conf;

	if (policy_on_command_line("kmem_persist.attach=0")) {
		snprintf(why, size, "kmem_persist.attach=0 is on the command line");
		return POLICY_LEAVE;
	}
	if (policy_is_detached(d)) {
		snprintf(why, size,
			 "somebody has detached it; 'kmem-persist attach' attaches it again");
		return POLICY_LEAVE;
	}
	policy_read(&conf, f->uuid);
	if (*conf.fault) {
		snprintf(why, size, "%s; it is not attached", conf.fault);
		return POLICY_FAULT;
	}
	if (conf.no || conf.attach == ATTACH_NONE) {
		snprintf(why, size, "%s says so", POLICY_CONF);
		return POLICY_LEAVE;
	}
	if (conf.attach == ATTACH_KNOWN && !known_has(d, f->uuid)) {
		snprintf(why, size,
			 "it was never attached here, and %s wants only what was; 'kmem-persist attach' attaches it",
			 POLICY_CONF);
		return POLICY_LEAVE;
	}
	return POLICY_ATTACH;
}

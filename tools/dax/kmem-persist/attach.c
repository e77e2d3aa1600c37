// SPDX-License-Identifier: GPL-2.0
/*
 * Putting the data of a device to use, and taking it out of use
 *
 * By sysfs alone. At each step the program may be killed, or the power fail: what is left
 * then is a device that can be attached again, by the same command.
 *
 * A kernel that does not know persistent data is never told to take a device: it would
 * make RAM of it. That it knows is seen in the kernel, not on the media: an attribute of the
 * device, and a parameter of the module that is loaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "attach.h"
#include "cmd.h"
#include "cxl.h"
#include "in_use.h"
#include "out.h"
#include "policy.h"
#include "run.h"
#include "sysfs.h"
#include "users.h"
#include "util.h"

/* A device that is just being added is refused for a while. */
#define ATTACH_TRIES		50
#define ATTACH_STEP_NS		100000000L

/*
 * Who wants to know
 */

/* For systemctl status: one line, if it was systemd who started us. */
static void attach_notify(const char *text)
{
	const char *path = secure_getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char line[1024 + 16];
	socklen_t len;
	int fd;

	if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(to.sun_path))
		return;
	len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
	memcpy(to.sun_path, path, strlen(path));
	if (*path == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	snprintf(line, sizeof(line), "STATUS=%s", text);
	/* Nobody may listen: that is no fault of ours. */
	if (sendto(fd, line, strlen(line), MSG_NOSIGNAL, (struct sockaddr *)&to, len) < 0)
		errno = 0;
	close(fd);
}

/**
 * struct attach_log - the log of the kernel, from some moment on
 * @fd: of it, -1 if it cannot be read
 */
struct attach_log {
	int fd;
};

static void attach_log_open(struct attach_log *log)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/dev/kmsg", files_root());
	log->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log->fd >= 0)
		lseek(log->fd, 0, SEEK_END);
}

/* What a line says about a device, as drivers have it: "6,339,5140900,-;kmem dax0.0: TEXT". */
static const char *attach_log_text(const char *line, const struct dax_dev *d)
{
	const size_t len = strlen(d->name);
	const char *text = strchr(line, ';');

	if (!text)
		return NULL;
	text += strcspn(text, " ");
	if (*text++ != ' ' || strncmp(text, d->name, len) || strncmp(text + len, ": ", 2))
		return NULL;
	return text + len + 2;
}

/*
 * The last line about a device since then; the rest is ended. What the kernel adds to it says
 * that it comes from a driver, and not from who writes to the log.
 */
static bool attach_log_last(struct attach_log *log, const struct dax_dev *d, char *text,
			    size_t size)
{
	char record[8192], *next, *line;
	const char *about = NULL;
	ssize_t len;

	*text = '\0';
	if (log->fd < 0)
		return false;
	for (;;) {
		len = read(log->fd, record, sizeof(record) - 1);
		/* Records that were overwritten meanwhile. */
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			break;
		record[len] = '\0';
		next = record;
		about = NULL;
		while ((line = strsep(&next, "\n"))) {
			if (*line != ' ')
				about = attach_log_text(line, d);
			else if (about && !strcmp(line, " SUBSYSTEM=dax"))
				snprintf(text, size, "%s", about);
		}
	}
	close(log->fd);
	log->fd = -1;
	return *text;
}

/*
 * Who has the device
 */

/**
 * struct attach_names - users, as a text
 * @text: their names
 * @size: room for them
 * @nr: how many
 */
struct attach_names {
	char *text;
	size_t size;
	unsigned int nr;
};

static void attach_add_name(const char *kind, const char *what, const char *name, void *arg)
{
	struct attach_names *names = arg;
	const size_t len = strlen(names->text);
	char clean[256];

	snprintf(clean, sizeof(clean), "%s", name);
	snprintf(names->text + len, names->size - len, "%s%s %s: %s",
		 names->nr ? ", " : "", what, kind, text_printable(clean));
	names->nr++;
}

/**
 * attach_hold_node - keep others that look from opening a device
 * @d: the device, which device_dax has
 * @why: filled, if somebody uses it
 * @size: room for that
 *
 * Binding it to another driver takes mappings away from who uses it.
 *
 * Return: what they are kept out with, to be closed; -EBUSY if somebody uses it, another
 * negative errno if it cannot be opened.
 */
int attach_hold_node(const struct dax_dev *d, char *why, size_t size)
{
	struct attach_names names = { .text = why, .size = size };
	struct stat st;
	int fd, err;

	fd = open(d->node, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
		snprintf(why, size, "%s cannot be opened: %s", d->node, strerror(errno));
		if (fd >= 0)
			close(fd);
		return err;
	}
	*why = '\0';
	users_of_file(&st, d->name, attach_add_name, &names);
	if (flock(fd, LOCK_EX | LOCK_NB) && !names.nr)
		attach_add_name("locked", d->name, "by a process", &names);
	if (!names.nr)
		return fd;
	close(fd);
	return -EBUSY;
}

/*
 * Attaching
 */

/**
 * attach_load - load the driver
 * @why: filled, if it cannot be used
 * @size: room for that
 *
 * One that was built for another kernel under the same name does not know what is on a
 * device.
 *
 * Return: whether it is there, and knows.
 */
bool attach_load(char *why, size_t size)
{
	static const char * const load[] = { "modprobe", "kmem", NULL };
	char dir[PATH_MAX], text[4096];
	int status;

	status = run_program(load, RUN_SHOWN);
	snprintf(dir, sizeof(dir), "%s/module/kmem/parameters", sysfs_root());
	if (sysfs_text(dir, "persist_accept", text, sizeof(text)))
		return true;
	if (status)
		snprintf(why, size, "kmem cannot be loaded (modprobe ended with %d)",
			 status);
	else
		snprintf(why, size,
			 "the kmem that is loaded is of another kernel, which would destroy the data");
	return false;
}

static void attach_load_plugin(const struct attach *a)
{
	char module[64];
	const char * const load[] = { "modprobe", "-q", module, NULL };

	/* The kernel asks for it, too; but not every initramfs lets it. */
	if (!*a->found.type)
		return;
	snprintf(module, sizeof(module), "kmem_%s", a->found.type);
	run_program(load, RUN_QUIET);
}

static bool attach_is_unplugged(const struct dax_dev *d)
{
	char text[32];

	return sysfs_text(d->dir, "state", text, sizeof(text)) &&
	       !strcmp(text, "unplugged");
}

/* What a device is that kmem has. */
static enum attach_result attach_in_use(struct attach *a)
{
	struct in_use u;

	if (in_use_read(&u, a->d.name)) {
		snprintf(a->found.uuid, sizeof(a->found.uuid), "%.36s", u.uuid);
		if (!strcmp(u.state, "active")) {
			snprintf(a->text, sizeof(a->text), "active%s%s",
				 *u.reason ? ", " : "", u.reason);
			return ATTACH_DONE;
		}
		snprintf(a->text, sizeof(a->text), "%s: %s", u.state,
			 *u.reason ? u.reason : "nobody says why");
		return ATTACH_FAILED;
	}
	snprintf(a->text, sizeof(a->text), "kmem has it, as plain memory%s",
		 attach_is_unplugged(&a->d) ? " or unplugged" : "");
	return ATTACH_NOTHING;
}

/* Somebody has asked for a format: then there need be nothing on it. */
static bool attach_wants_format(const struct attach *a)
{
	char text[256];

	return a->asked &&
	       sysfs_text(a->d.dir, "persist_format", text, sizeof(text)) &&
	       *text && *text != '-';
}

static enum attach_result attach_by_found(struct attach *a)
{
	switch (a->found.kind) {
	case DAX_DATA:
	case DAX_HELD:
		return ATTACH_GO;
	case DAX_NONE:
		if (attach_wants_format(a))
			return ATTACH_GO;
		snprintf(a->text, sizeof(a->text), "there is no data on it");
		return ATTACH_NOTHING;
	case DAX_UNACCEPTED:
		snprintf(a->text, sizeof(a->text),
			 "what is on it is not taken for its own by this kernel, which would make plain memory of it%s%s; 'kmem-persist info' shows what it is",
			 *a->found.why ? ": " : "", a->found.why);
		return ATTACH_NOTHING;
	case DAX_UNKNOWN:
		break;
	}
	snprintf(a->text, sizeof(a->text),
		 "nobody can tell what is on it, it is left as it is: %s", a->found.why);
	return ATTACH_FAULT;
}

/*
 * What is not data stays where it is, unless somebody names it: who may write to a device
 * could have it taken away from who uses it with a few bytes.
 */
static void attach_say_held(struct attach *a)
{
	static const char * const words[][2] = {
		{ "lost", "it was formatted, but has no good superblock; see 'kmem-persist check'" },
		{ "accept", "it is not what persist_accept names" },
		{ "marker", "its marker is damaged; see 'kmem-persist adopt'" },
		{ "foreign", "it was not formatted on this namespace; see 'kmem-persist info', and then 'kmem-persist adopt' or 'wipe'" },
		{ "unreadable", "its superblocks cannot be read; see 'kmem-persist check'" },
		{ "version", "it was written by a newer kernel" },
		{ "doubt", "its superblocks differ; see 'kmem-persist check'" },
		{ "platform", "this machine cannot use it: memory encryption, the size of pages, or an asynchronous region" },
		{ "readonly", "it is read-only" },
		{ "check", "it has errors; see 'kmem-persist check'" },
		{ "small", "it is too small" },
		{ "unsupported", "this kernel was built without CONFIG_DEV_DAX_KMEM_PERSIST" },
	};
	const char *why = a->found.why;

	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(a->found.why, words[i][0]))
			why = words[i][1];
	snprintf(a->text, sizeof(a->text),
		 "held: %s; it is left as it is until 'kmem-persist attach %s'", why,
		 a->d.name);
}

/* Somebody who names a device that is unplugged wants it back: then kmem has nothing of it. */
static void attach_take_unplugged(const struct attach *a)
{
	if (a->asked && dax_is_bound(&a->d, "kmem") && !dax_has(&a->d, "persist") &&
	    attach_is_unplugged(&a->d))
		dax_driver_store(&a->d, "kmem", "unbind");
}

/* What is to be done? Nothing is changed, but that device_dax may get the device. */
static enum attach_result attach_look(struct attach *a)
{
	enum attach_result result;
	char why[512];

	if (!dax_exists(&a->d)) {
		snprintf(a->text, sizeof(a->text), "there is no such device");
		return ATTACH_FAULT;
	}
	if (!dax_has(&a->d, "persist_format")) {
		snprintf(a->text, sizeof(a->text),
			 "this kernel does not know persistent data");
		return ATTACH_NOTHING;
	}
	attach_take_unplugged(a);
	if (dax_is_bound(&a->d, "kmem"))
		return attach_in_use(a);
	dax_look(&a->d, &a->found, true);
	result = attach_by_found(a);
	if (result != ATTACH_GO || a->asked)
		return result;
	switch (policy_of(&a->d, &a->found, why, sizeof(why))) {
	case POLICY_ATTACH:
		if (a->found.kind != DAX_HELD)
			return ATTACH_GO;
		attach_say_held(a);
		return ATTACH_FAILED;
	case POLICY_LEAVE:
		snprintf(a->text, sizeof(a->text), "it is not to be attached: %s", why);
		return ATTACH_NOTHING;
	case POLICY_FAULT:
		break;
	}
	snprintf(a->text, sizeof(a->text), "%s", why);
	return ATTACH_FAULT;
}

/* Is it still the one that was looked at? */
static int attach_same(const struct attach *a)
{
	return dax_instance(&a->d) == a->instance ? 0 : -ESTALE;
}

/*
 * A name that stays with the driver is that of the next device, too, which would become
 * RAM without anybody asking: it is there for the moment of binding only, and nothing that
 * ends this program but a SIGKILL comes in between.
 */
static int attach_bind(const struct attach *a)
{
	const struct timespec step = { .tv_nsec = ATTACH_STEP_NS };
	char driver[64];
	sigset_t all, before;
	int err, id_err;

	err = attach_same(a);
	if (err)
		return err;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	/* It has a driver still, so that this alone does not attach it. */
	id_err = dax_driver_store(&a->d, "kmem", "new_id");
	dax_driver(&a->d, driver, sizeof(driver));
	err = attach_same(a);
	if (!err && *driver && strcmp(driver, "kmem"))
		err = dax_driver_store(&a->d, driver, "unbind");
	err = err ?: attach_same(a);
	for (int try = 0; !err && try < ATTACH_TRIES; try++) {
		err = dax_is_bound(&a->d, "kmem") ? 0 :
		      dax_driver_store(&a->d, "kmem", "bind");
		if (err != -EAGAIN)
			break;
		err = try + 1 < ATTACH_TRIES ? 0 : err;
		nanosleep(&step, NULL);
	}
	if (dax_driver_store(&a->d, "kmem", "remove_id") && !id_err)
		warn("%s: kmem keeps its name: the next device with it becomes RAM",
		     a->d.name);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err == -ENODEV && id_err ? id_err : err;
}

/* RAM of a device with data can be given up for it only in ZONE_MOVABLE. */
static void attach_finish(struct attach *a, bool bring_online)
{
	char ram[16], text[512] = "";
	struct dax_blocks b;
	struct in_use u;
	size_t len;

	dax_blocks(&a->d, &b, bring_online);
	if (b.failed)
		snprintf(text, sizeof(text), "; %u of %u memory blocks stay offline",
			 b.failed, b.nr);
	len = strlen(text);
	if (b.movable < b.online)
		snprintf(text + len, sizeof(text) - len,
			 "; %u of %u memory blocks are not in ZONE_MOVABLE, storage may not get them back",
			 b.online - b.movable, b.online);
	if (in_use_read(&u, a->d.name)) {
		text_bytes(ram, u.usage[LENT]);
		len = strlen(a->text);
		snprintf(a->text + len, sizeof(a->text) - len, ", %s, %s of RAM%s",
			 *u.disk ? u.disk : "no disk", ram, text);
	}
}

static enum attach_result attach_do(struct attach *a)
{
	enum attach_result result;
	struct attach_log log;
	char why[512];
	int node = -1, err;

	if (!attach_load(a->text, sizeof(a->text)))
		return ATTACH_FAILED;
	attach_load_plugin(a);
	if (dax_wait(&a->d)) {
		/* It was given to that for something else: who uses it is not known here. */
		if (!dax_is_bound(&a->d, "device_dax")) {
			dax_driver(&a->d, why, sizeof(why));
			snprintf(a->text, sizeof(a->text), "driver %s has it", why);
			return ATTACH_FAILED;
		}
		node = attach_hold_node(&a->d, why, sizeof(why));
		if (node < 0) {
			snprintf(a->text, sizeof(a->text), "%s%s",
				 node == -EBUSY ? "somebody uses it: " : "", why);
			return ATTACH_FAILED;
		}
	}
	attach_notify("it is being attached; after a power failure all that is free is erased first");
	attach_log_open(&log);
	err = attach_bind(a);
	if (node >= 0)
		close(node);
	if (!attach_log_last(&log, &a->d, why, sizeof(why)))
		snprintf(why, sizeof(why), "see the log of the kernel");
	if (!dax_is_bound(&a->d, "kmem")) {
		snprintf(a->text, sizeof(a->text), "it could not be attached: %s: %s",
			 err == -ESTALE ? "another device has come with its name" :
			 strerror(err ? -err : ENODEV), why);
		/* So that it can be looked at. */
		dax_wait(&a->d);
		return ATTACH_FAILED;
	}
	policy_set_detached(&a->d, false);
	result = attach_in_use(a);
	if (result == ATTACH_DONE)
		return result;
	if (result != ATTACH_FAILED)
		snprintf(a->text, sizeof(a->text), "kmem has it, but not its data: %s", why);
	return ATTACH_FAILED;
}

/*
 * Who was killed after binding has left memory offline, and the name with the driver; the
 * next one finds the data in use. Memory that somebody took offline later stays so.
 */
static void attach_set_begun(int lock, bool begun)
{
	if (ftruncate(lock, 0) || (begun && pwrite(lock, "begun\n", 6, 0) != 6))
		warn("what is begun cannot be remembered: %s", strerror(errno));
}

static bool attach_has_begun(int lock)
{
	struct stat st;

	return !fstat(lock, &st) && st.st_size;
}

static enum attach_result attach_run(struct attach *a, bool check)
{
	enum attach_result result;
	int lock;

	a->text[0] = '\0';
	memset(&a->found, 0, sizeof(a->found));
	a->instance = dax_instance(&a->d);
	if (!dax_exists(&a->d)) {
		snprintf(a->text, sizeof(a->text), "there is no such device");
		return ATTACH_FAULT;
	}
	/* Who is at it brings it to an end first, and then there is nothing left to do. */
	lock = policy_lock(a->d.name);
	if (lock < 0) {
		snprintf(a->text, sizeof(a->text), "it cannot be locked: %s",
			 strerror(-lock));
		return ATTACH_FAULT;
	}
	if (!check && attach_has_begun(lock))
		dax_driver_store(&a->d, "kmem", "remove_id");
	result = attach_look(a);
	if (result == ATTACH_GO && !check) {
		attach_set_begun(lock, true);
		result = attach_do(a);
	}
	if (result == ATTACH_DONE && !check)
		attach_finish(a, attach_has_begun(lock));
	/* What is held has its memory to come. */
	if (!check && attach_has_begun(lock) &&
	    (result == ATTACH_DONE || !dax_is_bound(&a->d, "kmem")))
		attach_set_begun(lock, false);
	/*
	 * What is held is data, too, that other kernels have to be kept from. Not under the
	 * name of a device that has come in its place.
	 */
	if ((result == ATTACH_DONE || result == ATTACH_FAILED) && !check &&
	    dax_instance(&a->d) == a->instance)
		known_add(&a->d, a->found.uuid);
	/* Some of it is what others have written: on the media, in the log, as names. */
	text_printable(a->text);
	close(lock);
	return result;
}

/**
 * attach_device - put its data to use
 * @a: which; filled
 *
 * Return: ATTACH_DONE, or what was in the way.
 */
enum attach_result attach_device(struct attach *a)
{
	return attach_run(a, false);
}

static const char *attach_word(enum attach_result result)
{
	switch (result) {
	case ATTACH_GO:
		return "to be attached";
	case ATTACH_DONE:
		return "attached";
	case ATTACH_NOTHING:
		return "nothing to do";
	case ATTACH_FAILED:
		return "failed";
	case ATTACH_FAULT:
		break;
	}
	return "fault";
}

static void attach_tell(const struct attach *a, enum attach_result result)
{
	if (out_is_json()) {
		out_open(NULL);
		out_str("name", "%s", a->d.name);
		out_str("result", "%s", attach_word(result));
		out_str("text", "%s", a->text);
		out_close();
	}
	if (result == ATTACH_FAILED || result == ATTACH_FAULT)
		warn("%s: %s", a->d.name, a->text);
	else
		say("%s: %s", a->d.name, *a->text ? a->text : attach_word(result));
}

/* Of all that are there, those that nobody says no to. */
static int attach_all(void)
{
	struct dirent **names;
	int status = 0, nr;
	struct attach a;

	nr = sysfs_dax_devices(&names);
	for (int i = 0; i < nr; i++) {
		enum attach_result result;

		if (!dax_name(&a.d, names[i]->d_name))
			continue;
		a.asked = false;
		result = attach_run(&a, false);
		attach_tell(&a, result);
		if (result == ATTACH_FAILED || result == ATTACH_FAULT)
			status = 1;
	}
	sysfs_free_names(names, nr);
	if (!nr)
		say("there are no DAX devices");
	return status;
}

static void need_device(struct dax_dev *d, const char *what, int status)
{
	if (!dax_name(d, what))
		die(EXIT_USAGE, "'%s': is no name of a DAX device, as dax0.0 is", what);
	if (!dax_exists(d))
		die(status, "%s: there is no such device", d->name);
}

/**
 * cmd_attach - kmem-persist attach
 * @o: options
 *
 * The exit status is for systemd, which gives those above 1 names that say something else.
 *
 * Return: exit status.
 */
int cmd_attach(const struct options *o)
{
	enum attach_result result;
	struct attach a = { .asked = !o->check && !o->automatic };
	int status = 0;

	if (o->all == !!o->device || (o->all && (o->check || o->automatic)))
		die(EXIT_USAGE, "attach wants a device, or --all");
	/* What is on these comes later, and is attached when it does. */
	if (o->all)
		status = !cxl_make_regions();
	if (out_is_json())
		out_list("devices");
	if (o->all) {
		status |= attach_all();
	} else {
		need_device(&a.d, o->device, o->check ? EXIT_NOT_DECIDED : 1);
		result = attach_run(&a, o->check);
		attach_tell(&a, result);
		attach_notify(a.text);
		if (o->check)
			/* What is held is said by the unit that fails then. */
			status = result == ATTACH_NOTHING ? 1 :
				 result == ATTACH_FAULT ? EXIT_NOT_DECIDED : 0;
		else
			status = result != ATTACH_DONE;
	}
	if (out_is_json())
		out_close();
	return status;
}

/**
 * cmd_may_bind - kmem-persist may-bind
 * @o: options
 *
 * For who makes RAM of devices: may that be done to this one?
 *
 * Return: exit status.
 */
int cmd_may_bind(const struct options *o)
{
	struct dax_found found;
	const char *why = NULL;
	struct dax_dev d;

	need_device(&d, o->device, EXIT_OPERATIONAL);
	if (dax_has(&d, "persist")) {
		why = "its data is in use";
	} else if (!dax_is_bound(&d, "kmem")) {
		/* Other kernels do not say what they find. */
		if (dax_has(&d, "persist_found"))
			dax_look(&d, &found, true);
		else
			dax_look_at_media(&d, &found);
		if (found.kind == DAX_UNKNOWN)
			why = "nobody can tell what is on it";
		else if (found.kind != DAX_NONE)
			why = "there is data on it, or what may be data";
	}
	out_bool("may_bind", !why);
	if (!why)
		return EXIT_CLEAN;
	if (out_is_json())
		out_str("reason", "%s", why);
	else
		say("%s: is not to become plain RAM: %s", d.name, why);
	return 1;
}

/*
 * Detaching
 */

static void detach_users(const struct in_use *u)
{
	char path[PATH_MAX], text[512] = "";
	struct attach_names names = { .text = text, .size = sizeof(text) };
	struct dirent *e;
	struct stat st;
	DIR *dir;

	if (!*u->disk)
		return;
	users_of_disk(u->disk_dir, u->disk, attach_add_name, &names);
	/* The disk and its partitions have folders. */
	dir = opendir(u->disk_dir);
	snprintf(path, sizeof(path), "%s/dev/%s", files_root(), u->disk);
	if (!stat(path, &st))
		users_of_file(&st, u->disk, attach_add_name, &names);
	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, u->disk, strlen(u->disk)))
			continue;
		snprintf(path, sizeof(path), "%s/dev/%s", files_root(), e->d_name);
		if (!stat(path, &st))
			users_of_file(&st, e->d_name, attach_add_name, &names);
	}
	if (dir)
		closedir(dir);
	if (names.nr)
		die(EXIT_OPERATIONAL, "%s: is in use: %s", u->name, text);
}

/**
 * cmd_detach - kmem-persist detach
 * @o: options
 *
 * What stands in the way leaves all as it was.
 *
 * Return: exit status.
 */
int cmd_detach(const struct options *o)
{
	struct attach_log log;
	struct in_use u;
	struct dax_dev d;
	char why[512];
	int lock, err;

	need_device(&d, o->device, EXIT_OPERATIONAL);
	lock = policy_lock(d.name);
	if (lock < 0)
		die(EXIT_OPERATIONAL, "%s: cannot be locked: %s", d.name, strerror(-lock));
	if (!dax_is_bound(&d, "kmem"))
		die(EXIT_OPERATIONAL, "%s: is not attached", d.name);
	if (in_use_read(&u, d.name)) {
		detach_users(&u);
		/* First: an event must not attach it again. */
		policy_set_detached(&d, true);
		attach_log_open(&log);
		err = sysfs_store(d.dir, "state", "unplugged");
		if (!attach_log_last(&log, &d, why, sizeof(why)))
			snprintf(why, sizeof(why), "see the log of the kernel");
		if (err) {
			policy_set_detached(&d, false);
			die(EXIT_OPERATIONAL, "%s: stays attached: %s: %s", d.name,
			    strerror(-err), why);
		}
	} else if (!attach_is_unplugged(&d)) {
		die(EXIT_OPERATIONAL,
		    "%s: is plain RAM; 'daxctl reconfigure-device --mode=devdax' gives it back",
		    d.name);
	}
	err = dax_driver_store(&d, "kmem", "unbind");
	if (err)
		die(EXIT_OPERATIONAL, "%s: is unplugged, but kmem keeps it: %s", d.name,
		    strerror(-err));
	if (!dax_wait(&d))
		warn("%s: device_dax does not take it, there is no /dev/%s", d.name, d.name);
	if (out_is_json())
		out_str("name", "%s", d.name);
	else
		say("%s: detached; an event does not attach it again in this boot, 'kmem-persist attach' does",
		    d.name);
	close(lock);
	return EXIT_CLEAN;
}

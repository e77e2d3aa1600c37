// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers of devices in use, for those who collect them
 *
 * In the text format of Prometheus, as the textfile collector of the node exporter reads it: a
 * counter has its whole name, with _total, in the lines about it. What is not known is left
 * out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/compiler.h>
#include "cmd.h"
#include "dax.h"
#include "in_use.h"
#include "policy.h"
#include "sysfs.h"
#include "util.h"

/**
 * struct metrics - what is collected
 * @out: where it is written
 * @dev: devices in use
 * @nr: how many
 */
static struct metrics {
	FILE *out;
	struct in_use *dev;
	unsigned int nr;
} metrics;

static void metrics_family(const char *name, const char *type, const char *help)
{
	fprintf(metrics.out, "# HELP kmem_persist_%s %s\n# TYPE kmem_persist_%s %s\n", name,
		help, name, type);
}

/* Text of the media, or what the kernel says. */
static void metrics_label(const char *name, const char *text)
{
	fprintf(metrics.out, ",%s=\"", name);
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", metrics.out);
		else
			fprintf(metrics.out, *text == '"' || *text == '\\' ? "\\%c" : "%c",
				*text);
	}
	fputc('"', metrics.out);
}

/* Up to where labels of the one metric follow. */
static void metrics_begin(const char *name, const struct in_use *d)
{
	fprintf(metrics.out, "kmem_persist_%s{device=\"%s\"", name, d->name);
	metrics_label("uuid", d->uuid);
}

static void metrics_end(u64 val)
{
	fprintf(metrics.out, "} %llu\n", val);
}

/* A word as a label, with 1 for a value. */
static void metrics_word(const char *name, const char *help, const char *file)
{
	char text[512], reason[512];

	metrics_family(name, "gauge", help);
	for (unsigned int i = 0; i < metrics.nr; i++) {
		const struct in_use *d = &metrics.dev[i];

		if (!sysfs_text(d->persist, file, text, sizeof(text)) || !*text)
			continue;
		metrics_begin(name, d);
		metrics_label(strcmp(file, "persistence") ? file : "value", text);
		if (!strcmp(file, "state") &&
		    sysfs_text(d->persist, "reason", reason, sizeof(reason)))
			metrics_label("reason", reason);
		metrics_end(1);
	}
}

/* The sum of some files; without one of them there is none. */
static void metrics_sum(const char *name, const char *type, const char *help,
			const char * const *files)
{
	u64 val, sum;
	bool known;

	metrics_family(name, type, help);
	for (unsigned int i = 0; i < metrics.nr; i++) {
		const struct in_use *d = &metrics.dev[i];

		sum = 0;
		known = true;
		for (const char * const *file = files; *file; file++) {
			known = known && sysfs_u64(d->persist, *file, &val);
			sum += known ? val : 0;
		}
		if (!known)
			continue;
		metrics_begin(name, d);
		metrics_end(sum);
	}
}

static void metrics_kind(const struct in_use *d, const char *kind, u64 val)
{
	metrics_begin("bytes", d);
	metrics_label("label", d->label);
	metrics_label("disk", d->disk);
	metrics_label("kind", kind);
	metrics_end(val);
}

static void metrics_bytes(void)
{
	static const char * const more[] = { "reserved", "free" };
	u64 val;

	metrics_family("bytes", "gauge", "Memory of a device, by what it is");
	for (unsigned int i = 0; i < metrics.nr; i++) {
		const struct in_use *d = &metrics.dev[i];

		for (unsigned int k = 0; d->has_usage && k < NR_USAGE; k++)
			metrics_kind(d, in_use_names[k], d->usage[k]);
		for (unsigned int k = 0; k < ARRAY_SIZE(more); k++)
			if (sysfs_u64(d->persist, more[k], &val))
				metrics_kind(d, more[k], val);
	}
	metrics_family("lost_bytes", "gauge", "Data that cannot be read until it is written");
	for (unsigned int i = 0; i < metrics.nr; i++) {
		if (!*metrics.dev[i].disk)
			continue;
		metrics_begin("lost_bytes", &metrics.dev[i]);
		metrics_end(metrics.dev[i].lost);
	}
}

static void metrics_movable(void)
{
	struct dax_blocks b;
	struct dax_dev dax;

	metrics_family("ram_movable_ratio", "gauge",
		       "How much of its RAM is in ZONE_MOVABLE, and can be taken for storage");
	for (unsigned int i = 0; i < metrics.nr; i++) {
		if (!dax_name(&dax, metrics.dev[i].name))
			continue;
		dax_blocks(&dax, &b, false);
		if (!b.known || !b.online)
			continue;
		metrics_begin("ram_movable_ratio", &metrics.dev[i]);
		fprintf(metrics.out, "} %.4f\n", (double)b.movable / b.online);
	}
}

static bool metrics_is_active(const char *uuid)
{
	for (unsigned int i = 0; i < metrics.nr; i++)
		if (!strcmp(metrics.dev[i].uuid, uuid) &&
		    !strcmp(metrics.dev[i].state, "active"))
			return true;
	return false;
}

static void metrics_read(void)
{
	struct dirent **names;
	int nr;

	nr = sysfs_dax_devices(&names);
	metrics.nr = 0;
	metrics.dev = need_memory(calloc(nr + 1, sizeof(*metrics.dev)));
	for (int i = 0; i < nr; i++)
		metrics.nr += in_use_read(&metrics.dev[metrics.nr], names[i]->d_name);
	sysfs_free_names(names, nr);
}

static void metrics_write(void)
{
	static const char * const errors[] = { "errors_count", NULL };
	static const char * const taken[] = { "taken", NULL }, * const given[] = { "given", NULL };
	static const char * const failed[] = { "refused_busy", "refused_slow",
					       "refused_no_memory", NULL };

	metrics_bytes();
	metrics_word("state", "Is the data in use, and if not, why", "state");
	metrics_word("space", "Can storage get what it may need", "space");
	metrics_word("persistence", "What survives a power failure", "persistence");
	metrics_sum("read_errors_total", "counter", "Reads that have failed", errors);
	metrics_sum("exchange_taken_bytes_total", "counter",
		    "RAM that was taken for storage since the device was attached", taken);
	metrics_sum("exchange_given_bytes_total", "counter",
		    "Memory that became RAM since the device was attached", given);
	metrics_sum("take_failures_total", "counter",
		    "RAM that could not be taken since the device was attached", failed);
	metrics_movable();
	metrics_family("known_not_attached", "gauge",
		       "Devices that were attached on this machine before, and are not now");
	fprintf(metrics.out, "kmem_persist_known_not_attached %u\n",
		known_each(metrics_is_active));
	fputs("# EOF\n", metrics.out);
}

/* Nobody reads half of it. */
static void metrics_replace(const char *name, const char *text, size_t len)
{
	char tmp[PATH_MAX];
	int fd, err = 0;

	if (snprintf(tmp, sizeof(tmp), "%s.%d.new", name, getpid()) >= (int)sizeof(tmp))
		die(EXIT_USAGE, "%s: too long", name);
	unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		die(EXIT_OPERATIONAL, "%s: cannot be made: %s", tmp, strerror(errno));
	if (write(fd, text, len) != (ssize_t)len || fchmod(fd, 0644))
		err = errno ? errno : ENOSPC;
	if (close(fd))
		err = errno;
	if (!err && rename(tmp, name))
		err = errno;
	if (err) {
		unlink(tmp);
		die(EXIT_OPERATIONAL, "%s: cannot be written: %s", name, strerror(err));
	}
}

/**
 * cmd_metrics - kmem-persist metrics
 * @o: options
 *
 * Return: exit status.
 */
int cmd_metrics(const struct options *o)
{
	char *text = NULL;
	size_t len = 0;

	if (o->json)
		die(EXIT_USAGE, "metrics have a format of their own; 'status --json' is JSON");
	metrics.out = need_memory(open_memstream(&text, &len));
	metrics_read();
	metrics_write();
	if (fclose(metrics.out))
		die(EXIT_OPERATIONAL, "out of memory");
	if (o->device)
		metrics_replace(o->device, text, len);
	else
		fwrite(text, 1, len, stdout);
	free(text);
	free(metrics.dev);
	return EXIT_CLEAN;
}

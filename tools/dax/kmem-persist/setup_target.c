// SPDX-License-Identifier: GPL-2.0
/*
 * What was named to setup: a region, a namespace, or a DAX device
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include "setup.h"
#include "sysfs.h"

static int setup_is_namespace(const struct dirent *e)
{
	return !strncmp(e->d_name, "namespace", strlen("namespace"));
}

/* Which device it is that a namespace has. */
static bool setup_find_dax(struct setup *s)
{
	struct dirent **names;
	char up[PATH_MAX], ns[64];
	bool found = false;
	int nr;

	nr = sysfs_dax_devices(&names);
	for (int i = 0; i < nr && !found; i++) {
		if (!dax_name(&s->d, names[i]->d_name))
			continue;
		snprintf(up, sizeof(up), "%s/..", s->d.dir);
		found = sysfs_text(up, "namespace", ns, sizeof(ns)) && !strcmp(ns, s->ns);
	}
	sysfs_free_names(names, nr);
	s->has_dax = found;
	return found;
}

static void setup_namespace(struct setup *s, const char *name)
{
	char mode[32];
	u64 size;

	snprintf(s->ns, sizeof(s->ns), "%.31s", name);
	snprintf(s->ns_dir, sizeof(s->ns_dir), "%s/bus/nd/devices/%s", sysfs_root(), s->ns);
	if (!sysfs_text(s->ns_dir, "mode", mode, sizeof(mode)) ||
	    !sysfs_u64(s->ns_dir, "size", &size))
		setup_refuse(s, "%s is no namespace of an NVDIMM; 'ndctl list -Ni' shows all",
			     name);
	if (!size)
		setup_refuse(s, "%s has no memory; name its region", s->ns);
	snprintf(s->region, sizeof(s->region), "%s/..", s->ns_dir);
	if (!strcmp(mode, "dax")) {
		if (!setup_find_dax(s))
			setup_refuse(s,
				     "%s is in mode devdax, but has no device; see ndctl enable-namespace",
				     s->ns);
		return;
	}
	/* Somebody has made the others for what is on them. */
	if (strcmp(mode, "raw"))
		setup_refuse(s,
			     "%s is in mode %s, which is for something else; ndctl destroy-namespace removes it, with all that is on it",
			     s->ns, !strcmp(mode, "safe") ? "sector (BTT)" :
			     !strcmp(mode, "memory") ? "fsdax" : mode);
	s->make = true;
}

/* One that covers it, or there is room for one. */
static void setup_region(struct setup *s, const char *name)
{
	struct dirent **names;
	char one[32] = "", dir[PATH_MAX];
	unsigned int nr_used = 0;
	u64 size;
	int nr;

	snprintf(s->region, sizeof(s->region), "%s/bus/nd/devices/%s", sysfs_root(), name);
	nr = scandir(s->region, &names, setup_is_namespace, versionsort);
	if (nr < 0)
		setup_refuse(s, "there is no such region; 'ndctl list -R' shows all");
	for (int i = 0; i < nr; i++) {
		snprintf(dir, sizeof(dir), "%s/%s", s->region, names[i]->d_name);
		if (!sysfs_u64(dir, "size", &size) || !size)
			continue;
		nr_used++;
		snprintf(one, sizeof(one), "%.31s", names[i]->d_name);
	}
	sysfs_free_names(names, nr);
	if (nr_used > 1)
		setup_refuse(s, "it has %u namespaces; name one of them", nr_used);
	snprintf(s->region_name, sizeof(s->region_name), "%.31s", name);
	if (nr_used)
		setup_namespace(s, one);
	else
		s->make = true;
}

static void setup_device(struct setup *s)
{
	char up[PATH_MAX], text[64];

	if (!dax_exists(&s->d))
		setup_refuse(s, "there is no such device; 'ndctl list -R' shows where one can be made");
	s->has_dax = true;
	snprintf(up, sizeof(up), "%s/..", s->d.dir);
	if (!sysfs_text(up, "namespace", text, sizeof(text)))
		return;
	snprintf(s->ns, sizeof(s->ns), "%.31s", text);
	snprintf(s->region, sizeof(s->region), "%s/../..", s->d.dir);
}

/* A number behind a word, and nothing else. */
static bool setup_is_called(const char *what, const char *word)
{
	const char *rest = what + strlen(word);

	return !strncmp(what, word, strlen(word)) && *rest && strlen(what) < 32 &&
	       strspn(rest, "0123456789.") == strlen(rest) && isdigit((unsigned char)*rest);
}

/**
 * setup_resolve - what it is that was named
 * @s: filled: region, namespace and DAX device, as far as there are any
 *
 * It ends the program where that is nothing that a device could be made of.
 */
void setup_resolve(struct setup *s)
{
	if (dax_name(&s->d, s->what))
		setup_device(s);
	else if (setup_is_called(s->what, "namespace"))
		setup_namespace(s, s->what);
	else if (setup_is_called(s->what, "region"))
		setup_region(s, s->what);
	else
		die(EXIT_USAGE,
		    "'%s': is neither daxX.Y nor regionN nor namespaceN.M", s->what);
}

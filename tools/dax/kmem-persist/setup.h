/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The first hour: what was named, whether it may be had, and what is done to it
 */
#ifndef _KMEM_PERSIST_SETUP_H
#define _KMEM_PERSIST_SETUP_H

#include "cmd.h"
#include "cxl.h"
#include "dax.h"
#include "util.h"

/**
 * struct setup - what is to be done
 * @o: options
 * @what: what was named
 * @region: folder of the region of an NVDIMM, empty if it is none
 * @region_name: its name
 * @ns: name of the namespace, empty if there is none yet
 * @ns_dir: its folder
 * @make: the namespace is to be made, or made anew
 * @d: the DAX device, once there is one
 * @has_dax: there is
 * @instance: which of all with its name it was when it was shown
 * @label: for both, or NULL
 * @fs_label: the filesystem has it, too
 * @uuid: of the format
 * @cxl: how its CXL region is made, if that is to be remembered
 */
struct setup {
	const struct options *o;
	const char *what;
	char region[PATH_MAX / 2 + 8];
	char region_name[32];
	char ns[32];
	char ns_dir[PATH_MAX / 2];
	bool make;
	struct dax_dev d;
	bool has_dax;
	u64 instance;
	const char *label;
	bool fs_label;
	char uuid[37];
	struct cxl_region cxl;
};

#define setup_refuse(s, fmt, ...) \
	die(EXIT_OPERATIONAL, "%s: " fmt, (s)->what, ##__VA_ARGS__)

void setup_resolve(struct setup *s);

void setup_refuse_what_must_be(struct setup *s);
void setup_need_kernel(const struct setup *s);
void setup_need_dax(struct setup *s);
void setup_need_raw(struct setup *s);
void setup_need_blank_dax(const struct setup *s);

void setup_show(const struct setup *s);
void setup_do(struct setup *s);

#endif /* _KMEM_PERSIST_SETUP_H */

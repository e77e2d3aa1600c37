/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands
 */
#ifndef _KMEM_PERSIST_CMD_H
#define _KMEM_PERSIST_CMD_H

#include "sb.h"

/**
 * struct options - the command line
 * @device: device or image file; status: what somebody calls it, or NULL; metrics: a file
 * @arg: what follows it, NULL if nothing does
 * @other: what follows that
 * @pipe: extract to "-": where that goes
 * @where: part of the file that is the device
 * @json: JSON is wanted
 * @force: even if that destroys something
 * @yes: really change it
 * @dry_run: only say what would be done
 * @superblocks: dump: these
 * @map: dump: this
 * @type: format: --type
 * @label: format: --label
 * @uuid: format, adopt: --uuid
 * @size: format: --size
 * @seed: format: --seed
 * @raw: import: the file is the image of a disk, whatever it begins with
 * @stream: import: it is a stream, or an error
 * @new_uuid: adopt: --new-uuid
 * @ns_uuid: adopt: --ns-uuid
 * @secrets: --secrets
 * @check: attach: only whether there is something to do
 * @all: attach: all that are there
 * @automatic: attach: nobody has named it, an event has
 * @mount: setup: --mount
 * @fstab: setup: write it
 * @is_volatile: setup: although it is no namespace
 * @cxl: setup: its region is made again at each boot
 * @remember: cxl-regions: --remember
 * @at: --superblock-at, or SB_AT_PLACES
 * @use: repair: --use, or SB_AT_PLACES
 * @snapshot: extract: --snapshot
 * @drop_snapshots: repair: --drop-snapshots
 */
struct options {
	const char *device;
	const char *arg;
	const char *other;
	int pipe;
	struct image_where where;
	bool json;
	bool force;
	bool yes;
	bool dry_run;
	bool superblocks;
	bool map;
	const char *type;
	const char *label;
	const char *uuid;
	const char *size;
	const char *seed;
	bool raw;
	bool stream;
	bool new_uuid;
	const char *ns_uuid;
	bool secrets;
	bool check;
	bool all;
	bool automatic;
	const char *mount;
	bool fstab;
	bool is_volatile;
	bool cxl;
	const char *remember;
	u64 at;
	u64 use;
	const char *snapshot;
	bool drop_snapshots;
};

/* All return the exit status. */
int cmd_info(const struct options *o);
int cmd_check(const struct options *o);
int cmd_dump(const struct options *o);
int cmd_repair(const struct options *o);
int cmd_extract(const struct options *o);
int extract_open_pipe(void);
int cmd_import(const struct options *o);
int cmd_format(const struct options *o);
int cmd_adopt(const struct options *o);
int cmd_label(const struct options *o);
int cmd_wipe(const struct options *o);
int cmd_status(const struct options *o);
int cmd_list(const struct options *o);
int cmd_attach(const struct options *o);
int cmd_detach(const struct options *o);
int cmd_may_bind(const struct options *o);
int cmd_cxl_regions(const struct options *o);
int cmd_setup(const struct options *o);
int cmd_metrics(const struct options *o);
int cmd_snapshot_list(const struct options *o);
int cmd_snapshot_diff(const struct options *o);
int cmd_snapshot_create(const struct options *o);
int cmd_snapshot_delete(const struct options *o);
int cmd_snapshot_activate(const struct options *o);
int cmd_snapshot_deactivate(const struct options *o);
int cmd_snapshot_rollback(const struct options *o);

#endif /* _KMEM_PERSIST_CMD_H */

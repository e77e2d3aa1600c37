/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is everything as the format demands?
 */
#ifndef _KMEM_PERSIST_CHECK_H
#define _KMEM_PERSIST_CHECK_H

#include "report.h"
#include "sb.h"
#include "walk.h"

/**
 * struct check - what a check has found out
 * @kp: the device
 * @s: the superblock
 * @w: the map and its snapshots, of which the first pass is done
 * @nr_data: blocks of data of the disk
 * @nr_nodes: its nodes, and twins
 * @loses: something of the disk can neither be used nor mended
 * @has_map: there is one
 * @map_refused: the superblock leads to no map, although it should
 * @bad_copy: a copy of the superblock has to be written
 * @bad_counts: counts of the superblock are not those of the map
 * @bad_directory: a copy of the directory of snapshots has to be written
 * @r: the report
 */
struct check {
	struct kmem_persist *kp;
	struct sb_search s;
	struct walk w;
	u64 nr_data;
	u64 nr_nodes;
	bool loses;
	bool has_map;
	bool map_refused;
	bool bad_copy;
	bool bad_counts;
	bool bad_directory;
	struct report r;
};

/* What no repair can decide. */
#define CHECK_STATE_FATAL	(KMEM_PERSIST_STATE_FORMATTING | \
				 KMEM_PERSIST_STATE_READONLY)
/* What says no more than that a check has to be made. */
#define CHECK_STATE_ASKS	(KMEM_PERSIST_STATE_ERRORS | \
				 KMEM_PERSIST_STATE_NEEDS_CHECK)

void check_open(struct check *c, struct kmem_persist *kp, bool quiet);
void check_open_at(struct check *c, struct kmem_persist *kp, bool quiet, u64 at);
void check_show(const struct check *c);
void check_close(struct check *c);
int repair_device(struct kmem_persist *kp, bool dry_run, bool drop_snapshots);
void need_ours(const struct kmem_persist *kp, const struct sb_search *s);
void need_superblock(const struct kmem_persist *kp, const struct sb_search *s);

#endif /* _KMEM_PERSIST_CHECK_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Data is moved together, so that pageblocks can be lent: compact.c
 */
#ifndef _DAX_KMEM_PERSIST_COMPACT_H
#define _DAX_KMEM_PERSIST_COMPACT_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include "exchange.h"

struct kmem_persist;

/* Has somebody move data out of units that are MOVING, see &struct kmem_persist_ops */
typedef long (*kmem_move_fn)(struct kmem_persist *kp);

/**
 * struct kmem_compact - the compactor of a device
 * @exchange: lends what has become empty
 * @lock: held by who compacts: the worker, or who asked for it; and who begins or ends it
 * @move: moves data, NULL while nobody can
 * @kp: its argument
 * @work: empties sparse units
 * @unstick: jiffies, when units that were stuck have another chance
 * @pause: jiffies between such chances; doubles when they are in vain
 * @stop: end the current pass
 * @nr_moved: pages whose data was moved
 */
struct kmem_compact {
	struct kmem_exchange *exchange;
	struct mutex lock;		/* one compacts at a time */
	struct kmem_persist *kp __guarded_by(&lock);
	kmem_move_fn move;
	struct delayed_work work;
	unsigned long unstick;
	unsigned long pause;
	bool stop;
	u64 nr_moved;
};

void kmem_compact_init(struct kmem_compact *compact, struct kmem_exchange *exchange);
void kmem_compact_cancel(struct kmem_compact *compact);
void kmem_compact_block(struct kmem_compact *compact);
bool kmem_compact_try_block(struct kmem_compact *compact);
void kmem_compact_unblock(struct kmem_compact *compact, kmem_move_fn move,
			  struct kmem_persist *kp);
void kmem_compact_kick(struct kmem_compact *compact);
int kmem_compact_now(struct kmem_compact *compact);

#endif /* _DAX_KMEM_PERSIST_COMPACT_H */

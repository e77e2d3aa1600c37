/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pageblocks change hands between the pool and the page allocator: exchange.c
 */
#ifndef _DAX_KMEM_PERSIST_EXCHANGE_H
#define _DAX_KMEM_PERSIST_EXCHANGE_H

#include <linux/atomic.h>
#include <linux/notifier.h>
#include <linux/ratelimit_types.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include "pool.h"
#include "take.h"

/**
 * struct kmem_exchange - who moves the boundary of a device
 * @pool: its pool
 * @take: who takes
 * @nb: follows its memory blocks
 * @users: who uses the data right now, as the plugin counts them
 * @offline_allowed: memory blocks may go offline although there are users
 * @offline_said: one line per second says that they may not
 * @work: moves the boundary
 * @retry_ms: pause before the next round while somebody waits
 * @resting: @work comes back after a long pause, as nobody waits
 * @lent_then: what was lent when watermarks were computed last, pages
 * @nr_given: pages ever given to the page allocator; under kmem_pool.units_lock
 * @give_ns: what giving cost; the same
 */
struct kmem_exchange {
	struct kmem_pool *pool;
	struct kmem_take *take;
	struct notifier_block nb;
	atomic_t users;
	bool offline_allowed;
	struct ratelimit_state offline_said;
	struct delayed_work work;
	unsigned int retry_ms;
	bool resting;
	u64 lent_then;
	u64 nr_given;
	u64 give_ns;
};

int kmem_exchange_init(struct kmem_exchange *ex, struct kmem_pool *pool,
		       struct kmem_take *take);
void kmem_exchange_exit(struct kmem_exchange *ex);
void kmem_exchange_start(struct kmem_exchange *ex);
void kmem_exchange_stop(struct kmem_exchange *ex);
void kmem_exchange_kick(struct kmem_exchange *ex, bool hurry);
u64 kmem_exchange_give_all(struct kmem_exchange *ex);
u64 kmem_exchange_try_give(struct kmem_exchange *ex, u64 nr_pages);
void kmem_exchange_lend(struct kmem_exchange *ex);
int kmem_exchange_begin(void);
void kmem_exchange_end(void);

#endif /* _DAX_KMEM_PERSIST_EXCHANGE_H */

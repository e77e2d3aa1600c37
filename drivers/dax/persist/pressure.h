/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RAM is short: pressure.c
 */
#ifndef _DAX_KMEM_PERSIST_PRESSURE_H
#define _DAX_KMEM_PERSIST_PRESSURE_H

#include <linux/notifier.h>
#include "exchange.h"

struct shrinker;

/**
 * struct kmem_pressure - who watches out for shortage of RAM
 * @exchange: lends what is free
 * @nid: node of the device
 * @shrinker: gives RAM back when its node is short of it
 * @oom_nb: gives RAM back before the OOM killer comes
 */
struct kmem_pressure {
	struct kmem_exchange *exchange;
	int nid;
	struct shrinker *shrinker;
	struct notifier_block oom_nb;
};

int kmem_pressure_init(struct kmem_pressure *pressure, struct kmem_exchange *exchange,
		       int nid);
void kmem_pressure_exit(struct kmem_pressure *pressure);

#endif /* _DAX_KMEM_PERSIST_PRESSURE_H */

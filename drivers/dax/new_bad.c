// SPDX-License-Identifier: GPL-2.0
/*
 * A region has found bad memory: who wants to know
 */
#include <linux/export.h>
#include <linux/notifier.h>
#include "bus.h"

static BLOCKING_NOTIFIER_HEAD(dax_new_bad_chain);

/**
 * dax_new_bad_register - be told of bad memory
 * @nb: whom to call: with the parent device of a region, about which
 *	dax_region_ops.next_bad() may know more from now on. Who calls may hold locks
 *	of the platform's machine check handling: it must not wait for long
 *
 * Context: sleeps. Return: 0.
 */
int dax_new_bad_register(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&dax_new_bad_chain, nb);
}
EXPORT_SYMBOL_GPL(dax_new_bad_register);

/**
 * dax_new_bad_unregister - counterpart of dax_new_bad_register()
 * @nb: who is not called any more when this returns
 *
 * Context: sleeps.
 */
void dax_new_bad_unregister(struct notifier_block *nb)
{
	blocking_notifier_chain_unregister(&dax_new_bad_chain, nb);
}
EXPORT_SYMBOL_GPL(dax_new_bad_unregister);

/**
 * dax_new_bad - a region may know more bad memory than before
 * @parent: the parent device of the region
 *
 * Context: sleeps.
 */
void dax_new_bad(struct device *parent)
{
	blocking_notifier_call_chain(&dax_new_bad_chain, 0, parent);
}
EXPORT_SYMBOL_GPL(dax_new_bad);

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device that carries persistent data
 */
#ifndef _DAX_KMEM_PERSIST_PERSIST_H
#define _DAX_KMEM_PERSIST_PERSIST_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include "../bus.h"
#include "compact.h"
#include "exchange.h"
#include "pool.h"
#include "pressure.h"
#include "region.h"
#include "scrub.h"
#include "segments.h"
#include "super.h"
#include "take.h"

struct dentry;
struct kmem_persist_ops;

/**
 * enum kmem_persist_state - life cycle of a device, as persist/state shows it
 * @KMEM_PERSIST_HELD: "held", memory added, nothing released, nothing written,
 *		       see persist/reason
 * @KMEM_PERSIST_ACTIVE: "active", a plugin keeps data, the rest is lent
 * @KMEM_PERSIST_DETACHED: "detached", the plugin has left; which pages hold data
 *			   is still known and respected
 *
 * A device without superblock ("plain") has no &struct kmem_persist at all.
 * HELD -> ACTIVE -> DETACHED, DETACHED -> ACTIVE or HELD when unplug fails;
 * protected by kmem_persist.lock.
 */
enum kmem_persist_state {
	KMEM_PERSIST_HELD,
	KMEM_PERSIST_ACTIVE,
	KMEM_PERSIST_DETACHED,
};

/**
 * struct kmem_persist - a DAX device with a superblock
 * @segs: where its pages are
 * @pool: which of them hold data, and who has the others
 * @take: takes memory from the page allocator
 * @exchange: moves the boundary
 * @compact: moves data together
 * @pressure: gives RAM back when it is short
 * @scrub: erases
 * @region: knows what is bad, and clears it
 * @super: the superblock
 *
 * @dev: the DAX device
 * @dev_dax: same
 * @info: what its region knows
 * @node: on the list of all devices, with @abandoned and @owned_uuid
 * @abandoned: unbound, and memory blocks of it are still there
 * @owned_uuid: no other device is attached with this uuid
 * @tables: its folder in debugfs
 *
 * @lock: life cycle. Protects @state, @ops, @waiting, @doomed, @format_type and @super.
 *	  Holding it guarantees that no plugin comes or goes. Attaching may
 *	  take long: whoever only wants to know or to set something does not wait for
 *	  that, see kmem_persist_lock_active().
 * @plugin_sem: for reading by who sends events of the plugin without @lock, which may take
 *		long; for writing, under @lock, while the plugin comes, or goes
 * @text_lock: for who shows @reason: changes are made under it, too
 * @state: &enum kmem_persist_state
 * @state_told: what users know of it, -1 for nothing
 * @reason: why it is held
 * @reason_untold: users know another one
 * @ops: the plugin, once it has started, while ACTIVE
 * @priv: plugin's
 * @waiting: held for want of a plugin
 * @doomed: held for a reason that only another binding can change
 * @format_type: format with this type at attach, -1 for none
 * @anonymous: the device is no namespace, there is no marker
 * @vouched: root vouches for the superblock: namespace and marker learn it at attach
 * @seen: the highest generation that any valid superblock on the device had
 * @attach_work: attaches when a plugin was registered
 * @errors_work: has the superblock learn of read errors, not too often
 * @scan_ns: what it took the plugin to find its data
 * @scan_bytes: what it has read for that
 *
 * @space_work: reports that &kmem_pool.space changed, but not more often than once a second
 * @space_told: what users know of it
 * @space_next: jiffies, until then nobody is told
 *
 * Lock order: @lock -> kmem_compact.lock -> @plugin_sem -> kmem_pool.units_lock. Nothing is
 * taken under @text_lock, kmem_super.text or the locks of the lists of devices and of
 * plugins, which may be taken anywhere.
 */
struct kmem_persist {
	struct kmem_segments segs;
	struct kmem_pool pool;
	struct kmem_take take;
	struct kmem_exchange exchange;
	struct kmem_compact compact;
	struct kmem_pressure pressure;
	struct kmem_scrub scrub;
	struct kmem_region region;
	struct kmem_super super;

	struct device *dev;
	struct dev_dax *dev_dax;
	struct dax_region_info info;
	struct list_head node;
	bool abandoned;
	uuid_t owned_uuid;
	struct dentry *tables;

	struct mutex lock;		/* life cycle */
	struct rw_semaphore plugin_sem;	/* the plugin sends events */
	spinlock_t text_lock;		/* reason, for who shows it */
	enum kmem_persist_state state;
	int state_told;
	char reason[240];
	bool reason_untold;
	struct kmem_persist_ops *ops;	/* for events also under plugin_sem */
	void *priv;
	bool waiting;
	bool doomed;
	int format_type;
	bool anonymous;
	bool vouched;
	u64 seen;
	struct work_struct attach_work;
	struct delayed_work errors_work;
	u64 scan_ns;
	u64 scan_bytes;

	struct delayed_work space_work;
	enum kmem_space space_told;
	unsigned long space_next;
};

#endif /* _DAX_KMEM_PERSIST_PERSIST_H */

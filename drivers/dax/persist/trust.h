/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What of the memory of a device may decide about it: trust.c
 */
#ifndef _DAX_KMEM_PERSIST_TRUST_H
#define _DAX_KMEM_PERSIST_TRUST_H

#include <linux/types.h>
#include <linux/kmem_persist.h>
#include "request.h"

/**
 * enum kmem_marker_state - what is in front of the info block of the namespace
 * @KMEM_MARKER_NONE: no marker
 * @KMEM_MARKER_FOREIGN: one that is damaged, or was made for another info block
 * @KMEM_MARKER_VALID: one that says which format is on the namespace
 * @KMEM_MARKER_UNREADABLE: a media error
 */
enum kmem_marker_state {
	KMEM_MARKER_NONE,
	KMEM_MARKER_FOREIGN,
	KMEM_MARKER_VALID,
	KMEM_MARKER_UNREADABLE,
};

/**
 * enum kmem_copy_state - what is at a place where a superblock may be
 * @KMEM_COPY_NONE: no magic, or the device does not have that page
 * @KMEM_COPY_UNREADABLE: a media error
 * @KMEM_COPY_MAGIC: the magic, with whatever behind it
 * @KMEM_COPY_COUNTS: a superblock that somebody vouches for who is not in the memory
 *		      that may have been lent: the marker, or root
 */
enum kmem_copy_state {
	KMEM_COPY_NONE,
	KMEM_COPY_UNREADABLE,
	KMEM_COPY_MAGIC,
	KMEM_COPY_COUNTS,
};

/**
 * struct kmem_trust - all that decides what a device is
 * @anonymous: no namespace: any page may have been RAM
 * @apart: a namespace, none of whose places can have been RAM while it was this namespace
 * @listed: anonymous, and root accepts some format or other
 * @accept: what root has said about this device
 * @marker: of the namespace
 * @copy: at the places
 */
struct kmem_trust {
	bool anonymous;
	bool apart;
	bool listed;
	enum dax_persist_accept_kind accept;
	enum kmem_marker_state marker;
	enum kmem_copy_state copy[KMEM_PERSIST_NR_PLACES];
};

/**
 * enum kmem_trust_verdict - what a device is
 * @KMEM_TRUST_PLAIN: memory
 * @KMEM_TRUST_ATTACH: data
 * @KMEM_TRUST_LOST: data, whose superblocks are lost
 * @KMEM_TRUST_NOT_HERE: anything but what root has asked for
 * @KMEM_TRUST_MARKER: perhaps data: the marker that would say so is not usable
 * @KMEM_TRUST_FOREIGN: perhaps data, of another namespace
 * @KMEM_TRUST_UNREADABLE: perhaps data: nothing that would say so can be read
 *
 * Devices of all but the first two are held.
 */
enum kmem_trust_verdict {
	KMEM_TRUST_PLAIN,
	KMEM_TRUST_ATTACH,
	KMEM_TRUST_LOST,
	KMEM_TRUST_NOT_HERE,
	KMEM_TRUST_MARKER,
	KMEM_TRUST_FOREIGN,
	KMEM_TRUST_UNREADABLE,
};

enum kmem_trust_verdict kmem_trust_decide(const struct kmem_trust *trust);
bool kmem_trust_has_magic(const struct kmem_trust *trust);
bool kmem_trust_is_unaccepted(const struct kmem_trust *trust);

#endif /* _DAX_KMEM_PERSIST_TRUST_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: what may decide about data
 *
 * Memory that is, or was, somebody's RAM says nothing about a device: who has a page
 * writes what he likes there, a superblock for example, and waits for the next boot.
 * That a page lies where kmem never makes RAM of it is no property of the page either:
 * memory blocks have another size at the next boot, namespaces are made again over what
 * was there and come back at other addresses, DAX devices get other layouts, and a kernel
 * without this code may have run in between. So superblocks alone never attach a device.
 *
 * - A namespace (its DAX region is static, its info block has a uuid, all of its memory
 *   is persistent in the resource tree) has a marker: 4096 bytes in front of the info
 *   block, which belong to no DAX device. It names the info block, the format, and its
 *   key, and is written last by a format. A superblock counts if it has the uuid of the
 *   info block, and the key and meta_uuid of the marker. With a valid marker and no
 *   superblock that counts the device is held: its data is there, how to find it is lost.
 * - Any other device is anonymous. A superblock there counts if root says so where no
 *   tenant can write: uuid and hash of the key on the command line.
 * - Root may vouch for the superblock of a namespace once, by its uuid, before the device
 *   is bound: after it was restored, or the namespace made again.
 *
 * Where nobody vouches for what looks like a superblock the device is plain memory, and
 * the magic is erased before any of it is lent: what was RAM stays RAM. One exception,
 * on a namespace whose first 512 pages can not have been lent: they end before the first
 * place where a memory block of any kernel may begin. There it is more likely that
 * somebody has restored a copy than that somebody has planted one, and plain would
 * destroy it: the device is held until root has said what it is. That costs who made the
 * namespace one command; and who has moved the module to another address, if what was
 * lent begins later there.
 *
 * Media errors cannot be made by tenants, so they may hold a device: when the marker, and
 * pages 0 and 511 as well, cannot be read, and when a magic is there and the marker
 * cannot be read, or is one, but not a valid one.
 *
 * Nothing here sleeps, locks, or touches the media. Also built without
 * CONFIG_DEV_DAX_KMEM_PERSIST.
 */
#include "trust.h"

static bool kmem_trust_any(const struct kmem_trust *trust, enum kmem_copy_state state)
{
	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		if (trust->copy[i] == state)
			return true;
	return false;
}

/**
 * kmem_trust_has_magic - does any place that could be read carry the magic?
 * @trust: what was found
 *
 * Context: any.
 */
bool kmem_trust_has_magic(const struct kmem_trust *trust)
{
	return kmem_trust_any(trust, KMEM_COPY_MAGIC) ||
	       kmem_trust_any(trust, KMEM_COPY_COUNTS);
}

/**
 * kmem_trust_is_unaccepted - would what looks like a superblock be erased?
 * @trust: what was found, of a device that is plain
 *
 * Where root has not said so himself. Context: any.
 */
bool kmem_trust_is_unaccepted(const struct kmem_trust *trust)
{
	return trust->accept != DAX_PERSIST_ACCEPT_PLAIN && kmem_trust_has_magic(trust);
}

/* The first and the last of the places: the others are only copies of them. */
static bool kmem_trust_is_blind(const struct kmem_trust *trust)
{
	return trust->copy[0] == KMEM_COPY_UNREADABLE &&
	       trust->copy[KMEM_PERSIST_NR_PLACES - 1] == KMEM_COPY_UNREADABLE;
}

/**
 * kmem_trust_decide - what is a device?
 * @trust: what was found, and what root has said
 *
 * The only place where this is decided. Context: any.
 */
enum kmem_trust_verdict kmem_trust_decide(const struct kmem_trust *trust)
{
	if (trust->accept == DAX_PERSIST_ACCEPT_PLAIN)
		return KMEM_TRUST_PLAIN;
	if (kmem_trust_any(trust, KMEM_COPY_COUNTS))
		return KMEM_TRUST_ATTACH;
	if (trust->accept == DAX_PERSIST_ACCEPT_UUID && !trust->anonymous)
		return KMEM_TRUST_NOT_HERE;

	if (trust->anonymous)
		return trust->listed && !kmem_trust_has_magic(trust) &&
		       kmem_trust_is_blind(trust) ? KMEM_TRUST_UNREADABLE :
						    KMEM_TRUST_PLAIN;
	if (trust->marker == KMEM_MARKER_VALID)
		return KMEM_TRUST_LOST;
	if (!kmem_trust_has_magic(trust))
		return trust->marker == KMEM_MARKER_UNREADABLE &&
		       kmem_trust_is_blind(trust) ? KMEM_TRUST_UNREADABLE :
						    KMEM_TRUST_PLAIN;
	if (trust->marker != KMEM_MARKER_NONE)
		return KMEM_TRUST_MARKER;
	return trust->apart ? KMEM_TRUST_FOREIGN : KMEM_TRUST_PLAIN;
}

#include "tests/trust_kunit.h"

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a user asked for with a device's attributes persist_format and persist_accept, or
 * with parameters of the module
 */
#ifndef _DAX_PERSIST_REQUEST_H
#define _DAX_PERSIST_REQUEST_H

#include <linux/types.h>
#include <linux/uuid.h>
#include <linux/kmem_persist.h>

/**
 * struct dax_persist_request - how to format a device that carries no data
 * @type: plugin, KMEM_PERSIST_TYPE_*; -1: do not format
 * @uuid: of the new format, null for a random one
 * @label: of the new format, NUL padded
 */
struct dax_persist_request {
	int type;
	uuid_t uuid;
	char label[KMEM_PERSIST_LABEL_LEN];
};

/**
 * enum dax_persist_accept_kind - what root has said about what is on a device
 * @DAX_PERSIST_ACCEPT_NOTHING: nothing
 * @DAX_PERSIST_ACCEPT_PLAIN: it is plain memory, whatever is there
 * @DAX_PERSIST_ACCEPT_UUID: a format with this uuid
 */
enum dax_persist_accept_kind {
	DAX_PERSIST_ACCEPT_NOTHING,
	DAX_PERSIST_ACCEPT_PLAIN,
	DAX_PERSIST_ACCEPT_UUID,
};

#define DAX_PERSIST_HASH_LEN	16

/**
 * struct dax_persist_accept - the same, with the uuid
 * @kind: what it is
 * @has_hash: @hash counts, too
 * @uuid: of the format
 * @hash: of its key
 */
struct dax_persist_accept {
	enum dax_persist_accept_kind kind;
	bool has_hash;
	uuid_t uuid;
	u8 hash[DAX_PERSIST_HASH_LEN];
};

/**
 * struct kmem_persist_format_request - what the module parameters ask for
 * @type: format a device that carries no data with this type, -1 to leave it
 * @type_named: @type is from the command line: only for the device that @device names
 * @force: format a device that carries data too
 * @force_named: the same for @force
 * @device: name of a device, or uuid of the info block of its namespace: @type and @force
 *	    are about no other; empty for the next one, whichever that is
 * @accept: UUID:HASH of formats, separated by commas, on devices that are no namespaces
 *
 * The device's own attributes persist_format and persist_accept count before them. At
 * boot nobody chooses what "the next" device is: what was said on the command line would
 * format another one some day.
 */
struct kmem_persist_format_request {
	int type;
	bool type_named;
	bool force;
	bool force_named;
	char device[UUID_STRING_LEN + 2];
	char accept[512];
};

int dax_persist_accept_parse(const char *text, size_t len,
			     struct dax_persist_accept *accept);
int dax_persist_accept_print(const struct dax_persist_accept *accept, char *buf);
int dax_persist_request_parse(const char *buf, struct dax_persist_request *request);
int dax_persist_request_print(const struct dax_persist_request *request, char *buf);
int dax_persist_label_parse(const char *text, size_t len, char *label);

#endif /* _DAX_PERSIST_REQUEST_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a user asked for with a device's persist_format attribute
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

int dax_persist_request_parse(const char *buf, struct dax_persist_request *request);
int dax_persist_request_print(const struct dax_persist_request *request, char *buf);
int dax_persist_label_parse(const char *text, size_t len, char *label);

#endif /* _DAX_PERSIST_REQUEST_H */

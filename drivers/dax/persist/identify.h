/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device is, and what was asked for: identify.c
 */
#ifndef _DAX_KMEM_PERSIST_IDENTIFY_H
#define _DAX_KMEM_PERSIST_IDENTIFY_H

#include "request.h"
#include "search.h"

/**
 * struct kmem_found - what it takes to look at a device that is not bound
 * @id: what it is
 * @look: what is on it
 * @accept: formats that the command line accepts
 */
struct kmem_found {
	struct kmem_identity id;
	struct kmem_look look;
	char accept[sizeof_field(struct kmem_persist_format_request, accept)];
};

int kmem_identify(struct kmem_identity *id, struct dev_dax *dev_dax,
		  struct kmem_persist_format_request *request);
bool kmem_identify_found(struct dev_dax *dev_dax, struct kmem_found *found, char *text,
			 size_t size);

#endif /* _DAX_KMEM_PERSIST_IDENTIFY_H */

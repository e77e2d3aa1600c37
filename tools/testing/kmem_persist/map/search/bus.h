/* SPDX-License-Identifier: GPL-2.0 */
/* What drivers/dax/bus.h says about a region, as far as a superblock is looked for. */
#ifndef _SEARCH_BUS_H
#define _SEARCH_BUS_H

#include <linux/types.h>
#include <linux/uuid.h>

struct dax_region_info {
	uuid_t uuid;
};

#endif

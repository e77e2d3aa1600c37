/* SPDX-License-Identifier: GPL-2.0 */
/* This one header, and not the folder with all the others of the kernel. */
#include "../../../../../include/uapi/linux/kmem_persist.h"

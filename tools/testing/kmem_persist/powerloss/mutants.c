// SPDX-License-Identifier: GPL-2.0
/* Which mistake kmem_blk makes; only in the module that is built to be caught. */
#include <linux/module.h>
#include "mutants.h"

unsigned int kmem_mutant;
module_param_named(mutant, kmem_mutant, uint, 0644);
/* Made of the kernel's files: no reason to be tainted. */
MODULE_INFO(intree, "Y");

// SPDX-License-Identifier: GPL-2.0
/* Which mistake is made. */
#include <stdlib.h>
#include "mutants.h"

/**
 * mutant_nr - number of the mistake, 0 for none
 */
unsigned int mutant_nr;

static void __attribute__((constructor)) mutant_init(void)
{
	const char *nr = getenv("FUZZ_MUTANT");

	mutant_nr = nr ? atoi(nr) : 0;
}

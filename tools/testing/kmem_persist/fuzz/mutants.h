/* SPDX-License-Identifier: GPL-2.0 */
/* Which mistake is made: FUZZ_MUTANT in the environment, see mutants.sed. */
#ifndef _FUZZ_MUTANTS_H
#define _FUZZ_MUTANTS_H

extern unsigned int mutant_nr;

#define mutant(nr)	(mutant_nr == (nr))

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Included before each file of the module with mistakes, see mutants.sed. */
#ifndef _KMEM_PERSIST_FLUSH_MUTANTS_H
#define _KMEM_PERSIST_FLUSH_MUTANTS_H

/* Which mistake is made, 0: none. */
extern unsigned int kmem_mutant;

#define mutant(nr)	(READ_ONCE(kmem_mutant) == (nr))

#endif /* _KMEM_PERSIST_FLUSH_MUTANTS_H */

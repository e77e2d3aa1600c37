/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Other programs
 */
#ifndef _KMEM_PERSIST_RUN_H
#define _KMEM_PERSIST_RUN_H

#include <linux/compiler.h>

/* What becomes of what it says. */
enum run_output {
	RUN_SHOWN,	/* it goes to stderr */
	RUN_QUIET,	/* nothing */
};

void run_init(void);
bool run_find(const char *name);
int run_program(const char * const *argv, enum run_output output);
bool run_text(const char * const *argv, enum run_output errors, char *text, size_t size,
	      int *status);
void run_show(const char * const *argv);

#endif /* _KMEM_PERSIST_RUN_H */

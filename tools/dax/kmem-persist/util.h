/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the program ends, and numbers that people type
 */
#ifndef _KMEM_PERSIST_UTIL_H
#define _KMEM_PERSIST_UTIL_H

#include <linux/compiler.h>

/* As fsck(8). */
#define EXIT_CLEAN		0
#define EXIT_CORRECTED		1
#define EXIT_UNCORRECTED	4
#define EXIT_OPERATIONAL	8
#define EXIT_USAGE		16

/* For systemd, as ExecCondition= has it: it did not come to a decision. */
#define EXIT_NOT_DECIDED	255

void die_always_with(int status);
void die(int status, const char *fmt, ...)
	__printf(2, 3) __noreturn;
void warn(const char *fmt, ...)
	__printf(1, 2);
void *need_memory(void *p);
bool parse_u64(const char *s, u64 *val);
bool parse_bytes(const char *s, u64 *val);
bool parse_uuid(const char *s, u8 *uuid);
size_t text_hex(char *text, const u8 *bytes, size_t size);
size_t text_uuid(char *text, const u8 *uuid);
char *text_bytes(char *text, u64 val);
char *text_printable(char *text);

#endif /* _KMEM_PERSIST_UTIL_H */

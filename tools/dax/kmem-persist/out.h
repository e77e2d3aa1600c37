/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the program says: text for people or JSON for programs, from the same calls
 */
#ifndef _KMEM_PERSIST_OUT_H
#define _KMEM_PERSIST_OUT_H

#include <linux/compiler.h>

void out_init(bool json);
bool out_is_json(void);

void out_open(const char *key);
void out_list(const char *key);
void out_close(void);
void out_end(void);
void out_fail(int status, const char *text);

void out_str(const char *key, const char *fmt, ...)
	__printf(2, 3);
void out_text(const char *key, const u8 *text, size_t len);
void out_u64(const char *key, u64 val);
void out_null(const char *key, const char *text);
void out_hex(const char *key, u64 val);
void out_bool(const char *key, bool val);
void out_bytes(const char *key, u64 val);
void out_time(const char *key, u64 val);
void out_uuid(const char *key, const u8 *uuid);
void out_show_secrets(void);
bool out_shows_secrets(void);
void out_secret(const char *key, const u8 *bytes, size_t size);

void say(const char *fmt, ...) __printf(1, 2);
void progress(u64 done, u64 all);

#endif /* _KMEM_PERSIST_OUT_H */

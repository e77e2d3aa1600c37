/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TOOL_LINUX_COMPILER_H
#define _TOOL_LINUX_COMPILER_H

#include <linux/types.h>
#include <asm/byteorder.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#define cpu_to_le16(x)	((__le16)htole16(x))
#define cpu_to_le32(x)	((__le32)htole32(x))
#define cpu_to_le64(x)	((__le64)__cpu_to_le64(x))
#define le16_to_cpu(x)	((u16)le16toh(x))
#define le32_to_cpu(x)	((u32)le32toh(x))
#define le64_to_cpu(x)	((u64)le64toh(x))

static inline void le64_add_cpu(__le64 *var, u64 val)
{
	*var = cpu_to_le64(le64_to_cpu(*var) + val);
}

/*
 * The kernel counts on address dependencies, which the thread sanitizer does not
 * know: it gets an acquire instead.
 */
#ifdef __SANITIZE_THREAD__
#define READ_ONCE(x)	__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#else
#define READ_ONCE(x)	__atomic_load_n(&(x), __ATOMIC_RELAXED)
#endif
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define data_race(x)	(x)

#define __printf(fmt, args) __attribute__((format(printf, fmt, args)))
#ifndef __noreturn
#define __noreturn	__attribute__((noreturn))
#endif
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define __must_hold(x)
#define __guarded_by(x)
#define __rcu
#define __percpu
#ifndef fallthrough
#define fallthrough	__attribute__((__fallthrough__))
#endif
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
/* No option is set, except for the tests beside the code where asked for. */
#ifndef SHIM_KUNIT
#define SHIM_KUNIT	0
#endif
#define IS_ENABLED(x)	SHIM_KUNIT

/* What is impossible in the kernel is not survived here. */
#define WARN_ON_ONCE(x) ({						\
	bool __warn = (x);						\
	if (__warn) {							\
		fprintf(stderr, "WARN_ON_ONCE(%s) at %s:%d\n", #x,	\
			__FILE__, __LINE__);				\
		abort();						\
	}								\
	__warn;								\
})

#endif

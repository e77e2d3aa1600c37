/* SPDX-License-Identifier: GPL-2.0 */
/* guard() and scoped_guard() for the classes that define ctor and dtor. */
#ifndef _SHIM_LINUX_CLEANUP_H
#define _SHIM_LINUX_CLEANUP_H

#define __SHIM_PASTE(a, b)	a##b
#define __SHIM_NAME(a, b)	__SHIM_PASTE(a, b)

#define guard(_name)							\
	__attribute__((cleanup(class_##_name##_dtor), unused))		\
	class_##_name##_t __SHIM_NAME(__guard_, __COUNTER__) =		\
	class_##_name##_ctor

#define scoped_guard(_name, ...)					\
	for (class_##_name##_t __scope					\
	     __attribute__((cleanup(class_##_name##_dtor))) =		\
	     class_##_name##_ctor(__VA_ARGS__), *__done = NULL;		\
	     !__done; __done = (void *)1)

#endif

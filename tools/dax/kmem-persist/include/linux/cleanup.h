/* SPDX-License-Identifier: GPL-2.0 */
/* guard() and scoped_guard() for the classes that define ctor and dtor. */
#ifndef _TOOL_LINUX_CLEANUP_H
#define _TOOL_LINUX_CLEANUP_H

#define __TOOL_PASTE(a, b)	a##b
#define __TOOL_NAME(a, b)	__TOOL_PASTE(a, b)

#define guard(_name)							\
	__attribute__((cleanup(class_##_name##_dtor), unused))		\
	class_##_name##_t __TOOL_NAME(__guard_, __COUNTER__) =		\
	class_##_name##_ctor

#define scoped_guard(_name, ...)					\
	for (class_##_name##_t __scope					\
	     __attribute__((cleanup(class_##_name##_dtor))) =		\
	     class_##_name##_ctor(__VA_ARGS__), *__done = NULL;		\
	     !__done; __done = (void *)1)

#endif

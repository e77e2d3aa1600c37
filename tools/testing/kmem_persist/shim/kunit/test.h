/* SPDX-License-Identifier: GPL-2.0 */
/* KUnit suites as part of a test program. One suite per program. */
#ifndef _SHIM_KUNIT_TEST_H
#define _SHIM_KUNIT_TEST_H

#include <linux/compiler.h>

struct kunit {
	bool failed;
};

struct kunit_case {
	const char *name;
	void (*run)(struct kunit *test);
};

struct kunit_suite {
	const char *name;
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(fn)	{ #fn, fn }
#define kunit_test_suite(suite) \
	static const struct kunit_suite *shim_kunit_suite = &suite

#define __KUNIT_EXPECT(test, a, op, b) do {				\
	typeof((a) + 0) __a = (a);					\
	typeof((b) + 0) __b = (b);					\
	if (!(__a op __b)) {						\
		printf("  %s:%d: %s is %#llx, %s is %#llx\n", __FILE__,	\
		       __LINE__, #a, (u64)__a, #b, (u64)__b);		\
		(test)->failed = true;					\
	}								\
} while (0)

#define KUNIT_EXPECT_EQ(test, a, b)	__KUNIT_EXPECT(test, a, ==, b)
#define KUNIT_EXPECT_NE(test, a, b)	__KUNIT_EXPECT(test, a, !=, b)
#define KUNIT_EXPECT_LT(test, a, b)	__KUNIT_EXPECT(test, a, <, b)
#define KUNIT_EXPECT_LE(test, a, b)	__KUNIT_EXPECT(test, a, <=, b)
#define KUNIT_EXPECT_GT(test, a, b)	__KUNIT_EXPECT(test, a, >, b)
#define KUNIT_EXPECT_GE(test, a, b)	__KUNIT_EXPECT(test, a, >=, b)
#define KUNIT_EXPECT_TRUE(test, a)	__KUNIT_EXPECT(test, (a), ==, true)
#define KUNIT_EXPECT_FALSE(test, a)	__KUNIT_EXPECT(test, (a), ==, false)
#define KUNIT_EXPECT_EQ_MSG(test, a, b, ...) KUNIT_EXPECT_EQ(test, a, b)

#endif

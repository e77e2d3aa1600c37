/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit tests of what decides about data, included at the end of trust.c
 */
#ifdef CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST

#ifndef _DAX_KMEM_PERSIST_TRUST_KUNIT_H
#define _DAX_KMEM_PERSIST_TRUST_KUNIT_H

#include <kunit/test.h>

#define KMEM_TRUST_TEST_COPIES	256	/* 4 places with 4 states each */

static void kmem_trust_test_set(struct kmem_trust *trust, int copies)
{
	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		trust->copy[i] = copies >> 2 * i & 3;
}

static bool kmem_trust_test_all(const struct kmem_trust *trust, enum kmem_copy_state a,
				enum kmem_copy_state b)
{
	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		if (trust->copy[i] != a && trust->copy[i] != b)
			return false;
	return true;
}

/* Each row of the table that can be seen in a guest, by name. */
static const struct {
	const char *name;
	struct kmem_trust trust;
	enum kmem_trust_verdict verdict;
} kmem_trust_test_rows[] = {
#define NONE	KMEM_COPY_NONE
#define BAD	KMEM_COPY_UNREADABLE
#define MAGIC	KMEM_COPY_MAGIC
#define COUNTS	KMEM_COPY_COUNTS
	{ "never formatted", { .apart = true }, KMEM_TRUST_PLAIN },
	{ "the same, first page bad",
	  { .apart = true, .copy = { BAD } }, KMEM_TRUST_PLAIN },
	{ "the same, all places bad",
	  { .apart = true, .copy = { BAD, BAD, BAD, BAD } }, KMEM_TRUST_PLAIN },
	{ "the same, marker bad",
	  { .apart = true, .marker = KMEM_MARKER_UNREADABLE, .copy = { BAD } },
	  KMEM_TRUST_PLAIN },
	{ "nothing can be read",
	  { .marker = KMEM_MARKER_UNREADABLE, .copy = { BAD, NONE, NONE, BAD } },
	  KMEM_TRUST_UNREADABLE },
	{ "formatted",
	  { .marker = KMEM_MARKER_VALID, .copy = { COUNTS, NONE, NONE, COUNTS } },
	  KMEM_TRUST_ATTACH },
	{ "formatted, one copy gone",
	  { .marker = KMEM_MARKER_VALID, .copy = { BAD, NONE, NONE, COUNTS } },
	  KMEM_TRUST_ATTACH },
	{ "formatted, hostile copy beside ours",
	  { .marker = KMEM_MARKER_VALID, .copy = { MAGIC, MAGIC, MAGIC, COUNTS } },
	  KMEM_TRUST_ATTACH },
	{ "formatted, both copies unreadable",
	  { .marker = KMEM_MARKER_VALID, .copy = { BAD, NONE, NONE, BAD } },
	  KMEM_TRUST_LOST },
	{ "formatted, both copies cleared",
	  { .marker = KMEM_MARKER_VALID }, KMEM_TRUST_LOST },
	{ "formatted, only hostile copies",
	  { .marker = KMEM_MARKER_VALID, .copy = { MAGIC, MAGIC, MAGIC, MAGIC } },
	  KMEM_TRUST_LOST },
	{ "made again over old content, first MiB apart",
	  { .apart = true, .copy = { MAGIC, NONE, NONE, MAGIC } }, KMEM_TRUST_FOREIGN },
	{ "made again, first MiB may have been RAM",
	  { .copy = { MAGIC, MAGIC, MAGIC, MAGIC } }, KMEM_TRUST_PLAIN },
	{ "a magic, the marker cannot be read",
	  { .marker = KMEM_MARKER_UNREADABLE, .copy = { MAGIC } }, KMEM_TRUST_MARKER },
	{ "a magic, the marker is another's",
	  { .marker = KMEM_MARKER_FOREIGN, .copy = { MAGIC } }, KMEM_TRUST_MARKER },
	{ "no magic, the marker is another's",
	  { .marker = KMEM_MARKER_FOREIGN }, KMEM_TRUST_PLAIN },
	{ "wiped by root",
	  { .apart = true, .marker = KMEM_MARKER_VALID, .copy = { COUNTS },
	    .accept = DAX_PERSIST_ACCEPT_PLAIN }, KMEM_TRUST_PLAIN },
	{ "adopted by root",
	  { .apart = true, .copy = { COUNTS }, .accept = DAX_PERSIST_ACCEPT_UUID },
	  KMEM_TRUST_ATTACH },
	{ "root adopts what is not there",
	  { .accept = DAX_PERSIST_ACCEPT_UUID }, KMEM_TRUST_NOT_HERE },
	{ "anonymous, never formatted", { .anonymous = true }, KMEM_TRUST_PLAIN },
	{ "anonymous, hostile",
	  { .anonymous = true, .copy = { MAGIC, MAGIC, MAGIC, MAGIC } },
	  KMEM_TRUST_PLAIN },
	{ "anonymous, hostile, another is accepted",
	  { .anonymous = true, .listed = true, .copy = { MAGIC, BAD, BAD, BAD } },
	  KMEM_TRUST_PLAIN },
	{ "anonymous, accepted",
	  { .anonymous = true, .listed = true, .copy = { MAGIC, NONE, NONE, COUNTS } },
	  KMEM_TRUST_ATTACH },
	{ "anonymous, bad", { .anonymous = true, .copy = { BAD, BAD, BAD, BAD } },
	  KMEM_TRUST_PLAIN },
	{ "anonymous, bad, perhaps the accepted one",
	  { .anonymous = true, .listed = true, .copy = { BAD, NONE, NONE, BAD } },
	  KMEM_TRUST_UNREADABLE },
#undef NONE
#undef BAD
#undef MAGIC
#undef COUNTS
};

static void kmem_trust_test_table(struct kunit *test)
{
	for (size_t i = 0; i < ARRAY_SIZE(kmem_trust_test_rows); i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    kmem_trust_decide(&kmem_trust_test_rows[i].trust),
				    kmem_trust_test_rows[i].verdict, "%s",
				    kmem_trust_test_rows[i].name);
}

/* What holds whatever is found: the rules one by one. */
static void kmem_trust_test_rule(struct kunit *test, const struct kmem_trust *t)
{
	const enum kmem_trust_verdict verdict = kmem_trust_decide(t);
	const bool silent = t->accept == DAX_PERSIST_ACCEPT_NOTHING;
	bool counts = false;

	for (int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
		counts = counts || t->copy[i] == KMEM_COPY_COUNTS;
	/* What a bind erases, and nobody has said so. */
	KUNIT_EXPECT_EQ(test, kmem_trust_is_unaccepted(t),
			t->accept != DAX_PERSIST_ACCEPT_PLAIN &&
			!kmem_trust_test_all(t, KMEM_COPY_NONE, KMEM_COPY_UNREADABLE));
	/* Root decides. */
	if (t->accept == DAX_PERSIST_ACCEPT_PLAIN)
		KUNIT_EXPECT_EQ(test, verdict, KMEM_TRUST_PLAIN);
	/* Nothing attaches unless somebody vouches for it, and what counts is never lost. */
	else
		KUNIT_EXPECT_EQ(test, verdict == KMEM_TRUST_ATTACH, counts);
	/* A namespace that is formatted is never made plain by what is in its memory. */
	if (silent && !t->anonymous && t->marker == KMEM_MARKER_VALID)
		KUNIT_EXPECT_NE(test, verdict, KMEM_TRUST_PLAIN);
	/* What tenants can write takes no memory away, where they can write. */
	if (silent && !counts && !t->apart && t->marker == KMEM_MARKER_NONE && !t->listed)
		KUNIT_EXPECT_EQ(test, verdict, KMEM_TRUST_PLAIN);
	/* Nor does a bad page of a device that was never formatted. */
	if (silent && t->marker == KMEM_MARKER_NONE && !t->listed &&
	    kmem_trust_test_all(t, KMEM_COPY_NONE, KMEM_COPY_UNREADABLE))
		KUNIT_EXPECT_EQ(test, verdict, KMEM_TRUST_PLAIN);
}

static void kmem_trust_test_rules(struct kunit *test)
{
	struct kmem_trust t;

	for (int copies = 0; copies < KMEM_TRUST_TEST_COPIES; copies++) {
		kmem_trust_test_set(&t, copies);
		for (int kind = 0; kind < 3; kind++) {
			t.accept = kind;
			for (int marker = 0; marker < 4; marker++) {
				t.anonymous = false;
				t.listed = false;
				t.marker = marker;
				t.apart = false;
				kmem_trust_test_rule(test, &t);
				t.apart = true;
				kmem_trust_test_rule(test, &t);
			}
			t.anonymous = true;
			t.marker = KMEM_MARKER_NONE;
			t.apart = false;
			kmem_trust_test_rule(test, &t);
			t.listed = true;
			kmem_trust_test_rule(test, &t);
		}
	}
}

static struct kunit_case kmem_trust_test_cases[] = {
	KUNIT_CASE(kmem_trust_test_table),
	KUNIT_CASE(kmem_trust_test_rules),
	{}
};

static struct kunit_suite kmem_trust_test_suite = {
	.name = "kmem_persist_trust",
	.test_cases = kmem_trust_test_cases,
};

kunit_test_suite(kmem_trust_test_suite);

#endif /* _DAX_KMEM_PERSIST_TRUST_KUNIT_H */
#endif /* CONFIG_DEV_DAX_KMEM_PERSIST_KUNIT_TEST */

// SPDX-License-Identifier: GPL-2.0
/*
 * Text of labels: all numbers of 21 bits, in all forms that UTF-8 has for them, are one
 * character or none; and so is what has one byte that is wrong.
 */
#include <stdbool.h>
#include <stdio.h>
#include "../../../../drivers/dax/persist/utf8.h"

static unsigned int nr_bad;

/* behind another character; what follows is no part of the text, but in memory */
static void wants(const u8 *s, size_t len, bool good)
{
	const u8 text[] = { 'a', s[0], s[1], s[2], s[3] };
	const size_t got = dax_persist_utf8_len(text, len + 1);

	if (got != (good ? len : 0) + 1 && !nr_bad++)
		printf("# %02x %02x.., %zu bytes: %zu are good\n", s[0], s[1], len, got - 1);
}

int main(void)
{
	/* the largest number of each form */
	static const u32 most[] = { 0x7f, 0x7ff, 0xffff, 0x1fffff };
	unsigned int nr = 0;

	for (u32 c = 0; c <= most[3]; c++) {
		for (unsigned int more = 0; more < 4; more++) {
			const bool shortest = !more || c > most[more - 1];
			const bool character = c >= 0x20 && !(c >= 0x7f && c <= 0x9f) &&
				!(c >= 0xd800 && c <= 0xdfff) && c <= 0x10ffff;
			u8 s[4] = { c };

			if (c > most[more])
				continue;
			for (unsigned int j = more; j; j--)
				s[j] = 0x80 | (c >> 6 * (more - j) & 0x3f);
			if (more)
				s[0] = (0xff00 >> (more + 1) & 0xff) | c >> 6 * more;
			nr++;
			wants(s, more + 1, shortest && character);
			if (more)
				wants(s, more, false);
			for (unsigned int j = 1; j <= more; j++) {
				s[j] ^= 0x40;
				wants(s, more + 1, false);
				s[j] ^= 0xc0;
				wants(s, more + 1, false);
				s[j] ^= 0x80;
			}
		}
	}
	/* no character begins with these */
	for (unsigned int first = 0x80; first <= 0xff; first++)
		if (first < 0xc2 || first > 0xf4)
			for (size_t len = 1; len <= 4; len++)
				wants((u8[]){ first, 0xa1, 0xa1, 0xa1 }, len, false);
	nr_bad += dax_persist_utf8_len((u8[]){ 1 }, 1) != 0;
	nr_bad += dax_persist_utf8_len((u8[]){ 'a' }, 1) != 1;
	nr_bad += dax_persist_utf8_len((u8[]){ 'a' }, 0) != 0;
	printf("%s 1 - utf8: %u forms, one wrong byte, one byte less\n",
	       nr_bad || !nr ? "not ok" : "ok", nr);
	printf("%d passed, %d failed\n", !nr_bad, !!nr_bad);
	return !!nr_bad;
}

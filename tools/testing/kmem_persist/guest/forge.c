// SPDX-License-Identifier: GPL-2.0
/*
 * forge [-o FILE] NS_UUID UUID KEY DEV_BYTES [MIB]: who wants a disk of his own. Fills so
 * much memory, as a user who may do nothing else, with 2 MiB after 2 MiB that have a valid
 * superblock at each place where a driver may look for one. Says "forged MIB", and stays
 * until SIGTERM. Bind it with numactl.
 *
 *   -o   write the 2 MiB to a file instead
 *
 * UUIDs as they are written, the key as 32 hexadecimal digits. It shares the header of the
 * format with the kernel, and no code.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <endian.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kmem_persist.h>
#include "crc32c.h"

#define UNIT	(2UL << 20)

static int bytes16(const char *text, uint8_t *out)
{
	int n = 0;

	for (; *text; text++) {
		char digit[2] = { *text };

		if (*text == '-')
			continue;
		if (!isxdigit((unsigned char)*text) || n >= 32)
			return -1;
		out[n / 2] = out[n / 2] << 4 | strtoul(digit, NULL, 16);
		n++;
	}
	return n == 32 ? 0 : -1;
}

static void forge(uint8_t *unit, const struct kmem_persist_superblock *sb)
{
	static const uint64_t places[] = KMEM_PERSIST_PLACES;

	/* What is at other places is as good as anything. */
	for (uint64_t page = 0; page < UNIT / KMEM_PERSIST_BLOCK_SIZE; page++) {
		uint8_t *place = unit + page * KMEM_PERSIST_BLOCK_SIZE;
		struct kmem_persist_superblock copy = *sb;

		copy.this_dpn = htole64(0);
		for (unsigned int i = 0; i < KMEM_PERSIST_NR_PLACES; i++)
			if (places[i] == page)
				copy.this_dpn = htole64(page);
		copy.csum = htole32(~crc32c(~0U, &copy, sizeof(copy)));
		memcpy(place, &copy, sizeof(copy));
	}
}

int main(int argc, char **argv)
{
	struct kmem_persist_superblock sb = {
		.magic = htole64(KMEM_PERSIST_MAGIC),
		.type = htole32(KMEM_PERSIST_TYPE_NONE),
		.version_major = htole16(KMEM_PERSIST_VERSION_MAJOR),
		.block_shift = KMEM_PERSIST_BLOCK_SHIFT,
		.csum_type = KMEM_PERSIST_CSUM_CRC32C,
		.places = htole64(KMEM_PERSIST_PLACES_ALL),
		.generation = htole64(1ULL << 40),
		.state = htole32(KMEM_PERSIST_STATE_CLEAN),
		.label = "forged",
	};
	static uint8_t unit[UNIT];
	const char *file = NULL;
	uint8_t *mem;
	size_t len;
	int opt;

	while ((opt = getopt(argc, argv, "o:")) != -1) {
		if (opt != 'o')
			return 2;
		file = optarg;
	}
	argv += optind;
	argc -= optind;
	if (argc < 4 || bytes16(argv[0], sb.ns_uuid) || bytes16(argv[1], sb.uuid) ||
	    bytes16(argv[2], sb.key)) {
		fprintf(stderr, "usage: forge [-o FILE] NS_UUID UUID KEY DEV_BYTES [MIB]\n");
		return 2;
	}
	sb.dev_bytes = htole64(strtoull(argv[3], NULL, 0));
	forge(unit, &sb);

	if (file) {
		FILE *out = fopen(file, "w");

		if (!out || fwrite(unit, UNIT, 1, out) != 1 || fclose(out)) {
			perror(file);
			return 1;
		}
		return 0;
	}
	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
	    setresuid(65534, 65534, 65534)) {
		perror("forge: nobody");
		return 1;
	}
	/* whole units, no less than what was asked for */
	len = argc > 4 ? ((strtoull(argv[4], NULL, 0) << 20) + UNIT - 1) & -UNIT : 0;
	mem = mmap(NULL, len + UNIT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!len || mem == MAP_FAILED) {
		perror("forge: mmap");
		return 1;
	}
	mem += -(uintptr_t)mem & (UNIT - 1);
	madvise(mem, len, MADV_HUGEPAGE);
	for (size_t at = 0; at < len; at += UNIT)
		memcpy(mem + at, unit, UNIT);
	printf("forged %zu MiB\n", len >> 20);
	fflush(stdout);
	pause();
	return 0;
}

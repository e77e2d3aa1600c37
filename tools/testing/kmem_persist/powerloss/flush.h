/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the plugin and the maker of crash images tell each other.
 *
 * A medium has two files. LIVE is the NVDIMM as the guest's CPUs see it: QEMU's
 * backend file, with the label area at its end, which no store reaches. SHADOW is
 * what is durable: as many bytes without the labels, and then a byte for each line of
 * the medium, with a bit for each word whose last store was a non-temporal one and is
 * not durable yet.
 */
#ifndef _KMEM_PERSIST_FLUSH_H
#define _KMEM_PERSIST_FLUSH_H

#include <stdint.h>

#define LINE		64U
#define WORDS		(LINE / 8)
#define LABEL_BYTES	(128U << 10)

/**
 * struct flush_state - the file STATE, kept up to date while the guest runs
 * @stop_in: stop QEMU (SIGSTOP) right before so many write backs and fences from now;
 *	     0 or less: do not
 * @writebacks: lines of the medium that were written back
 * @nontemporal: non-temporal stores to the medium
 * @fences: fences that made something durable
 * @switches: the same for context switches
 * @lines: lines, or parts of one, that were made durable
 * @unknown: write backs of addresses that could not be translated; must stay 0
 * @unknown_addr: such an address
 * @unknown_insn: and who it was, 0: a store that showed it
 */
struct flush_state {
	int64_t stop_in;
	uint64_t writebacks;
	uint64_t nontemporal;
	uint64_t fences;
	uint64_t switches;
	uint64_t lines;
	uint64_t unknown;
	uint64_t unknown_addr;
	uint64_t unknown_insn;
};

#endif /* _KMEM_PERSIST_FLUSH_H */

# SPDX-License-Identifier: GPL-2.0
# The format on a device of a few pages: superblocks at pages 0 and 1, data from page 2
# on. The other two places are behind the end of any device.
s/^\(#define KMEM_PERSIST_PLACES\t*\){.*}$/\1{ 0, 1ULL << 38, 1ULL << 39, 1 }/
s/^\(#define KMEM_PERSIST_FIRST_PAGE\t*\)512$/\12/
s/^\(#define KMEM_PERSIST_MIN_PAGES\t*\)1024$/\14/

# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# kernel: test distro
# Storage and RAM out of one pool: MemTotal follows what is stored, in both
# directions, in the movable and in the kernel zone, in a node of its own and in
# one with DRAM, with blocks that come late and go one by one; and every byte is
# accounted for at every step.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro 2

# the unaligned head of a device, 126 MiB, is never RAM and used for storage
# first: write more than that
guest movable --timeout 400 --nvdimm nv0:768M:own --nvdimm nv1:512M:0

# slabs of one page only, as most are where nobody debugs (a larger one is known by other
# signs), and where they are asked for
mkdir share
gcc -O2 -Wall -static -o share/slabs "$T_PARTS.slabs.c"
guest kernel --share share --append 'slab_max_order=0 slab_strict_numa' \
	--nvdimm nv0:768M:own --nvdimm nv2:512M:own
finish

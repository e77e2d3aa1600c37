# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# kernel: test distro
# /dev/kmem0 as a disk: its limits, direct I/O at all offsets, discard, write
# zeroes, atomic and nowait writes, fio with verify, swap.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro 2
. "$KP_DIR/tests/common.sh"
tools

guest blk --timeout 350 --nvdimm nv0:512M
check "as the format demands" sb nv0 check
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# kernel: test distro
# How far storage grows at the expense of others: page cache that is clean goes, all of
# it; what programs use does not, and nobody is killed. The settings for that.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro 2
. "$KP_DIR/tests/common.sh"
tools

truncate -s 64M disk0
# the floor that the kernel chooses, not that of the other tests
T_FLOOR=18446744073709551615
guest floor --timeout 280 --mem 1G --nvdimm nv0:512M --append kmemleak=off \
	--qemu "-drive file=$PWD/disk0,format=raw,if=none,id=d0,cache=unsafe -device virtio-blk-pci,drive=d0"
check "as the format demands" sb nv0 check
finish

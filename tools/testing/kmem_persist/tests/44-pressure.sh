# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# kernel: test distro
# The RAM of the node is full, with all kinds of memory, while data is stored: what
# was acknowledged is there, whoever waits does not wait for ever, and the kernel has
# nothing to complain about.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro 2
. "$KP_DIR/tests/common.sh"
tools

# with no RAM anywhere a program is killed: the kernel says so with a trace
log_report 'invoked oom-killer|page allocation failure'
truncate -s 512M disk0

guest pressure --timeout 390 --mem 1G --nvdimm nv0:384M --append kmemleak=off \
	--qemu "-drive file=$PWD/disk0,format=raw,if=none,id=d0,cache=unsafe -device virtio-blk-pci,drive=d0"
check "as the format demands" sb nv0 check
finish

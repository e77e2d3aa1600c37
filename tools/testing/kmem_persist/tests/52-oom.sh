# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# There is no memory left while files are written: programs are killed, a cgroup is
# at its limit, memory is swapped out, to another disk and to the device itself.
# Overwrites do not fail, and others live.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

log_report 'invoked oom-killer|page allocation failure'
truncate -s 512M disk

guest oom --timeout 560 --mem 768M --nvdimm nv0:256M --append kmemleak=off \
	--qemu "-drive file=$PWD/disk,format=raw,if=none,id=d0,cache=unsafe -device virtio-blk-pci,drive=d0"

check "as the format demands" sb nv0 check
finish

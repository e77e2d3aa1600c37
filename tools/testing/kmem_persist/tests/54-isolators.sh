# SPDX-License-Identifier: GPL-2.0
# timeout: 700
# Others keep the RAM that storage wants: they isolate it and wait for its writeback,
# they have a reference to one page in every pageblock, they have huge pages, a memory
# block goes offline. Who does so has no capabilities where none are needed. What can be
# taken is taken, and in time; else there are a deadline, a line of the log and
# counters, and the worker neither spins nor keeps others from their work. What an
# administrator has set stays, and what is free is not more than what there is.
#
# And what no speed of a machine decides: what somebody waits for stands still until the
# worker has shown that it does not wait for it.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

gcc -O2 -Wall -static -o share/hold "$T_PARTS.hold.c"
cp "$T_PARTS.both.guest" share/isolators.sh

guest isolators --timeout 480 --share share --mem 1G --nvdimm nv0:640M:own --append kmemleak=off
check "as the format demands" sb nv0 check

# Work that stands still, on a smaller device; and one whose memory blocks are a whole GiB
mib=$((1 << 20))
truncate -s 256M disk0
truncate -s $((1152 * mib + 131072)) nv2
guest still --timeout 480 --share share --mem 1536M --nvdimm nv1:256M:own --append kmemleak=off \
	--qemu "-drive file=$PWD/disk0,format=raw,if=none,id=d0,cache=unsafe -device virtio-blk-pci,drive=d0" \
	--qemu "-numa node,nodeid=2 -object memory-backend-file,id=giga,share=on,mem-path=$PWD/nv2,size=$((1152 * mib + 131072))" \
	--qemu "-device nvdimm,id=giga0,memdev=giga,label-size=128K,node=2,addr=$(((6 << 30) - 128 * mib))"
check "nv1: as the format demands" sb nv1 check
finish

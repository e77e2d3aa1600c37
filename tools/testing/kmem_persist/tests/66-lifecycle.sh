# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# kernel: test distro
# What a device meets between one boot and the next: reboot, kexec and power-off, each
# with a filesystem mounted on one disk and not on the others; a namespace that has become
# larger or smaller; memory blocks of another size. Several devices in one node, one in
# the node with DRAM, one of several ranges. Data in what is before and after the whole
# memory blocks. And the kernel's own selftest of memory hotplug on blocks of ours.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro
. "$KP_DIR/tests/common.sh"
tools
gcc -O2 -Wall -static -o share/kexec "$KP_DIR/guest/kexec.c"
cp "$KP_SRC/tools/testing/selftests/memory-hotplug/mem-on-off-test.sh" share/
cp "$KP_BZIMAGE" share/bzImage
cp "$KP_INITRD" share/initrd
mib=1048576

cp "$T_PARTS.life.guest" share/life.sh

guest_start first --timeout 600 --share share --mem 2G --nvdimm nv0:1152M:1 --nvdimm nv1:384M:1 \
	--nvdimm nv2:512M:0 --nvdimm nv3:512M:2
guest_wait first
check "first: it went that far" grep -qx rebooting first.out

# sbs NAME STATE UNCLEAN ATTACHED...: of nv0, and the state of the others
sbs() {
	same "$1: nv0: clean" "$(sb nv0 get primary state)" "$2"
	same "$1: nv0: attached after an end that was not clean" "$(sb nv0 get primary unclean_count)" "$3"
	same "$1: nv0: attached" "$(sb nv0 get primary attach_count)" "$4"
}
# others NAME IMAGE...: they are clean, always were, and as the format demands
others() {
	others_name=$1
	shift
	for image; do
		same "$others_name: $image: clean" "$(sb "$image" get primary state)" 1
		same "$others_name: $image: never anything else" "$(sb "$image" get primary unclean_count)" 0
		check "$others_name: $image: as the format demands" sb "$image" check
	done
}
# the namespace on nv3 is not all of the module
cut3() {
	cp --sparse=always nv3 nv3.cut
	truncate -s $((464 * mib + 131072)) nv3.cut
}
sbs reboot 0 0 1
cut3
others reboot nv1 nv2 nv3.cut
bytes1=$(sb nv1 get primary dev_bytes)
truncate -s $((512 * mib + 131072)) nv1
truncate -s $((384 * mib + 131072)) nv2
# all but what belongs to the namespace, which is made again
sum() {
	dd if="$1" bs=1M skip=2 count=382 status=none | cksum
}
sum2=$(sum nv2)

# Memory blocks are as large as memory ends at a multiple of, if it ends at 64 GiB or
# more: a piece of RAM is told to be there.
n=$(sed -n 's/^blocks3=//p' first.out)
uuid1=$(sed -n 's/^uuid1=//p' first.out)
uuid2=$(sed -n 's/^uuid2=//p' first.out)
check "formats with a uuid" [ -n "$uuid1" -a -n "$uuid2" ]
guest second --timeout 600 --share share --mem 3G --nvdimm nv0::1 --nvdimm nv1::1 --nvdimm nv2::0 --nvdimm nv3::2 \
	--append 'memmap=1G%4G+0xefffffff memmap=256M@64G' \
	--qemu "-object memory-backend-ram,id=far,size=512M -device pc-dimm,memdev=far,addr=0x1000000000,node=0" \
	-- cycle "$n" "$bytes1" "$uuid1" "$uuid2"
check "second: it went that far" grep -qx kexec second.out
sbs power-off 0 2 3
sb nv0 extract disk
e2fsck -p disk >fsck.out 2>&1 || rc=$?
check "power-off: e2fsck -p finds a journal to replay, no more" [ "${rc:-0}" -le 1 ]
check "power-off: e2fsck" eval 'e2fsck -fn disk >fsck.out 2>&1'
rm disk
cut3
others power-off nv1 nv3.cut
sb nv1 extract disk
check "larger: data" share/kmemio check disk 0 $((160 * 256)) 2
check "larger: data in what is new" share/kmemio check disk $((160 * 256)) $((200 * 256)) 6
same "smaller: nothing was written" "$(sum nv2)" "$sum2"
finish

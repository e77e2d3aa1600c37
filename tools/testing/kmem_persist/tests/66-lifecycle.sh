# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# What a device meets between one boot and the next: reboot, kexec and power-off, each
# with a filesystem mounted on one disk and not on the others; a namespace that has become
# larger or smaller; memory blocks of another size. Several devices in one node, one in
# the node with DRAM, one of several ranges. Data in what is before and after the whole
# memory blocks. And the kernel's own selftest of memory hotplug on blocks of ours.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools
gcc -O2 -Wall -static -o share/kexec "$KP_DIR/guest/kexec.c"
cp "$KP_SRC/tools/testing/selftests/memory-hotplug/mem-on-off-test.sh" share/
cp "$KP_BZIMAGE" share/bzImage
cp "$KP_INITRD" share/initrd
mib=1048576

cat >share/life.sh <<'END'
. /usr/lib/guest/lib.sh
sys=/sys/bus/dax/devices
mib=256		# blocks

# first_dev: the DAX device of what ndctl or daxctl says
first_dev() {
	jq -r '.. | .chardev? // empty' | head -n 1
}

# holds NAME DEVICE BLOCKS SEQ: active, with its data
holds() {
	same "$1: active" "$(persist "$2" state)" active
	check "$1: the disk" until_true 20 [ -b "/dev/$(disk_of "$2")" ]
	check "$1: data" kmemio check "/dev/$(disk_of "$2")" 0 "$3" "$4"
	check "$1: the boundary rests" until_true 30 eval "[ \$(usage $2 pool) -le \$((\$(persist $2 reserved) + (24 << 20))) ]"
	accounted "$1" "$2"
}

# ranges_of DEVICE: first and last byte of each
ranges_of() {
	if [ -e "$sys/$1/mapping0/start" ]; then
		# one that is gone may still have its folder
		for ro in "$sys/$1"/mapping*; do
			ro_end=$(cat "$ro/end" 2>/dev/null) || continue
			echo $(($(cat "$ro/start"))) $((ro_end))
		done
	else
		ro=$(($(cat "$sys/$1/resource")))
		echo $ro $((ro + $(cat "$sys/$1/size") - 1))
	fi
}

# whole_blocks DEVICE: how many memory blocks lie in its ranges
whole_blocks() {
	wb_size=$((0x$(cat /sys/devices/system/memory/block_size_bytes)))
	wb_n=0
	while read -r wb_start wb_end; do
		wb_start=$(((wb_start + wb_size - 1) / wb_size))
		wb_end=$(((wb_end + 1) / wb_size))
		[ $wb_end -le $wb_start ] || wb_n=$((wb_n + wb_end - wb_start))
	done < <(ranges_of "$1")
	echo $wb_n
}

# blocks_are NAME MIB
blocks_are() {
	same "$1: memory blocks of $2 MiB" "$((0x$(cat /sys/devices/system/memory/block_size_bytes) >> 20))" "$2"
}
END

guest_start first --timeout 600 --share share --mem 2G --nvdimm nv0:1152M:1 --nvdimm nv1:384M:1 \
	--nvdimm nv2:512M:0 --nvdimm nv3:512M:2 <<'END'
. /share/life.sh
region=$(nv_region 3)
module=$(cut -d, -f1 "/sys/bus/nd/devices/region$region/mapping0")
check "labels" eval "ndctl disable-region region$region && ndctl disable-dimm $module &&
	ndctl init-labels -f $module && ndctl enable-dimm $module && ndctl enable-region region$region"
# namespace SIZE: one on the module with labels
namespace() {
	ndctl create-namespace -r "region$region" -m devdax --map=mem -a 2M -s "$1" >/tmp/ns
}
check "a namespace of 336 MiB" namespace 336M
d=("$(nv_dax 0)" "$(nv_dax 1)" "$(nv_dax 2)" "$(first_dev </tmp/ns)")
check "four devices (${d[*]})" [ -n "${d[0]}" -a -n "${d[1]}" -a -n "${d[2]}" -a -n "${d[3]}" ]
blocks_are first 128
dram=$(mem_total 0)
check "kmem" modprobe kmem
i=0
for dev in "${d[@]}"; do
	echo 1 >"$sys/$dev/persist_format"
	check "$dev to system-ram" to_ram "$dev"
	check "its disk" until_true 20 [ -b /dev/kmem$i ]
	uuid=$(persist "$dev" uuid)
	echo "uuid$i=$uuid"
	i=$((i + 1))
done

# the node of two
for dev in "${d[0]}" "${d[1]}"; do
	same "$dev is in node 1" "$(node_of "$dev")" 1
done
both() {
	[ $((($(usage "${d[0]}" lent) + $(usage "${d[1]}" lent)) / 1024)) -eq "$(mem_total 1)" ]
}
check "two in a node: its RAM is what both lend" until_true 30 both
check "two in a node: there is some of both" [ "$(usage "${d[0]}" lent)" -gt $((700 << 20)) -a \
	"$(usage "${d[1]}" lent)" -gt $((200 << 20)) ]
check "mkfs.ext4" mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/kmem0
check "mount" mount /dev/kmem0 /mnt
check "a file on the one" kmemio fill /mnt/file 0 $((200 * mib)) 1
check "data on the other" kmemio fill /dev/kmem1 0 $((160 * mib)) 2
check "two in a node: its RAM is what both lend, with data" until_true 30 both
check "two in a node: more is stored than was absent" [ "$(mem_total 1)" -lt $((1310720 - 65536)) ]
accounted "the one" "${d[0]}"
accounted "the other" "${d[1]}"

# the node with DRAM
same "the third is in the node with DRAM" "$(node_of "${d[2]}")" 0
follows "with DRAM" "${d[2]}" "$dram"
check "data on the third" kmemio fill /dev/kmem2 0 $((180 * mib)) 3
follows "with DRAM, data" "${d[2]}" "$dram"

# what is not in whole memory blocks holds data, and that costs no RAM
dev=${d[3]}
blocks=$(whole_blocks "$dev")
same "memory blocks of the fourth" "$(blocks_of "$dev" | wc -l)" "$blocks"
start=$(($(cat "$sys/$dev/resource")))
size=$(cat "$sys/$dev/size")
head=$(((134217728 - start % 134217728) % 134217728))
tail=$(((start + size) % 134217728))
check "a head ($head) and a tail ($tail)" [ $head -ge 2097152 -a $tail -ge 2097152 ]
follows "the fourth" "$dev"
lent=$(usage "$dev" lent)
# but for the first 2 MiB, which are those of the superblocks
between "nothing else is absent" $((head + tail - 2097152 - 65536)) $((head + tail - 2097152)) usage "$dev" absent
n=$((($(usage "$dev" absent) - $(persist "$dev" reserved) - (8 << 20)) / 4096))
check "write as much ($n blocks)" kmemio fill /dev/kmem3 0 $n 4
follows "the fourth, data" "$dev"
between "all of it is there" 0 $(($(persist "$dev" reserved) + (12 << 20))) usage "$dev" absent
check "no RAM less, but for a few pageblocks ($lent to $(usage "$dev" lent))" \
	[ "$(usage "$dev" lent)" -ge $((lent - (8 << 20))) ]
check "data" kmemio check /dev/kmem3 0 $n 4
echo "blocks3=$n"

# it becomes larger, smaller, and larger again; that it is the same says root
disk=$(cat /sys/block/kmem3/size)
resize() {
	namespace=$(ndctl list -r "region$region" -N | jq -r '.[0].dev')
	to_dax "$dev" && ndctl destroy-namespace -f "$namespace" 2>/dev/null &&
		namespace "$1" && dev=$(first_dev </tmp/ns) &&
		[ -e "$sys/$dev" ] && accept "$dev" "$2"
}
check "larger" resize 464M "$uuid"
check "larger: it is at the same place" [ $(($(cat "$sys/$dev/resource"))) -eq $start ]
same "larger: size" "$(($(cat "$sys/$dev/size") - size))" $((128 << 20))
check "larger: to system-ram" to_ram "$dev"
same "larger: all of it is the device" "$(persist "$dev" capacity)" "$(cat "$sys/$dev/size")"
same "larger: a memory block more" "$(blocks_of "$dev" | wc -l)" $((blocks + 1))
holds larger "$dev" $n 4
same "larger: the disk is as before" "$(cat /sys/block/kmem3/size)" "$disk"
# what was before the first whole block, or behind the last, holds data
check "larger: there is more RAM" [ "$(usage "$dev" lent)" -ge $((lent + (32 << 20))) ]
check "smaller" resize 336M "$uuid"
said_mark
check "smaller: daxctl can take it" to_ram "$dev"
same "smaller: state" "$(persist "$dev" state)" held
check "smaller: the reason ($(persist "$dev" reason))" \
	eval 'persist "$dev" reason | grep -qE "^no good superblock here is what persist_accept names \(page 0: device size, page 1: device size, page 510: device size, page 511: device size\)"'
check "smaller: the log says so" said "$dev: held, nothing is released and nothing written: no good superblock here"
same "smaller: no RAM" "$(ram_of "$dev")" 0
check "as large again" resize 464M "$uuid"
check "as large again: to system-ram" to_ram "$dev"
holds "as large again" "$dev" $n 4
check "not accepted" resize 464M ""
check "not accepted: to system-ram" to_ram "$dev"
same "not accepted: state" "$(persist "$dev" state)" held
check "not accepted: the reason ($(persist "$dev" reason))" \
	eval 'persist "$dev" reason | grep -qE "kmem-persist adopt takes it, kmem-persist wipe removes it$"'
check "accepted: to devdax" to_dax "$dev"
accept "$dev" "$uuid"
check "accepted: to system-ram" to_ram "$dev"
holds "accepted" "$dev" $n 4

# the kernel's selftest, told that there are no other memory blocks; it wants bc
mkdir -p /tmp/bin /tmp/sysfs/devices/system/memory
dev=${d[1]}
for block in $(blocks_of "$dev"); do
	ln -s "/sys/devices/system/memory/$block" /tmp/sysfs/devices/system/memory/
done
printf '#!/bin/sh\necho "x on /tmp/sysfs"\n' >/tmp/bin/mount
sed -i '1a [ "$2" != debugfs ] || { echo "x on /sys/kernel/debug"; exit; }' /tmp/bin/mount
printf '#!/bin/sh\nexec busybox bc "$@"\n' >/tmp/bin/bc
chmod 755 /tmp/bin/*
# on_off NAME PERCENT STATUS
on_off() {
	PATH=/tmp/bin:$PATH bash /share/mem-on-off-test.sh -r "$2" >/tmp/onoff 2>&1
	same "selftest, $1: exit status" $? "$3"
	sed 's/^/# /' /tmp/onoff
	check "selftest, $1: a block went offline" grep -q Success /tmp/onoff
	same "selftest, $1: unexpected" "$(grep -c unexpected /tmp/onoff)" 0
	check "selftest, $1: all blocks are online" [ "$(cat /tmp/sysfs/devices/system/memory/*/state | sort -u)" = online ]
	check "selftest, $1: data" kmemio check /dev/kmem1 0 $((160 * mib)) 2
	accounted "selftest, $1" "$dev"
}
exec 5</dev/kmem1
check "blocks may go offline under who uses the disk" setting "$dev" offline allowed
on_off "in use, half" 50 0
said_mark
on_off "in use, all" 100 1
check "selftest, in use, all: the log says why" said "$dev: in use \([0-9]+ users\), its last memory block stays online"
exec 5<&-
on_off "idle, all" 100 0
! grep -q 'memory-notifier-error-inject module is not available' /tmp/onoff ||
	skip "selftest, its part with errors from notifiers: the kernel is built without CONFIG_MEMORY_NOTIFIER_ERROR_INJECT"
check "RAM of both again" until_true 30 both
check "no leaks" leaks

# reboot, while the first is mounted
check "the file" kmemio check /mnt/file 0 $((200 * mib)) 1
sync
echo 0 >/ctl/status
echo rebooting
the_end
busybox reboot -f
END
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
cat >life.script <<'END'
#!/bin/bash
. /share/life.sh
n=$1
hmem=
# again NVDIMM UUID: its namespace, if it has lost its label, and what root says about it
again() {
	ag_region=region$(nv_region "$1")
	[ -z "$(ndctl list -r "$ag_region" -N -m devdax)" ] || return 0
	ndctl create-namespace -f -e "$(ndctl list -r "$ag_region" -N -m raw | jq -r '.. | .dev? // empty' | head -n 1)" \
		-r "$ag_region" -m devdax --map=mem -a 2M >/tmp/ns &&
		accept "$(first_dev </tmp/ns)" "$2"
}
check "namespace of a larger module" again 1 "$3"
check "namespace of a smaller module" again 2 "$4"
# comes NVDIMM BLOCKS SEQ NAME: with its data, if there is a whole memory block in it
comes() {
	dev=${d[$1]}
	said_mark
	if [ "$(whole_blocks "$dev")" -gt 0 ]; then
		check "nv$1, $4: to system-ram" to_ram "$dev"
		holds "nv$1, $4" "$dev" "$2" "$3"
	else
		check "nv$1, $4: cannot be bound" eval '! to_ram "$dev" 2>/tmp/err'
		check "nv$1, $4: the log says why" said "$dev: rejecting DAX region without any memory after alignment"
	fi
}
d=("$(nv_dax 0)" "$(nv_dax 1)" "$(nv_dax 2)" "$(nv_dax 3)")
for dev in $sys/dax*; do
	case $(readlink -f "$dev") in
	*/hmem*) hmem=${dev##*/} ;;
	esac
done
check "five devices (${d[*]}, $hmem)" [ -n "${d[0]}" -a -n "${d[1]}" -a -n "${d[2]}" -a -n "${d[3]}" -a -n "$hmem" ]

# ranges: one device of two ranges, in soft-reserved memory: a hole is left by
# another, so that it has room before and after that
ranges() {
	rid=$(cat "$(readlink -f "$sys/$hmem/..")/dax_region/id")
	daxctl disable-device "$hmem" 2>/dev/null
	daxctl destroy-device "$hmem" 2>/dev/null
	before=$(daxctl create-device -r "$rid" -s 300M | first_dev)
	between=$(daxctl create-device -r "$rid" -s 100M | first_dev)
	daxctl disable-device "$before" && daxctl destroy-device "$before"
	multi=$(daxctl create-device -r "$rid" | first_dev)
}
ranges >/tmp/ranges 2>&1
sed 's/^/# /' /tmp/ranges
check "a device of two ranges ($multi: $(ranges_of "$multi" | tr '\n' ' '))" \
	[ "$(ranges_of "$multi" | wc -l)" -eq 2 ]
check "kmem" modprobe kmem

if ! grep -q guest.second /proc/cmdline; then
	# after the reboot
	blocks_are second 256
	check "to system-ram" to_ram "${d[0]}"
	check "the disk" until_true 20 [ -b /dev/kmem0 ]
	e2fsck -p /dev/kmem0 >/dev/null
	check "after a reboot: e2fsck -p finds a journal to replay, no more" [ $? -le 1 ]
	check "after a reboot: mount" mount /dev/kmem0 /mnt
	check "after a reboot: the file" kmemio check /mnt/file 0 $((200 * mib)) 1
	follows "after a reboot" "${d[0]}"
	check "a file more" kmemio fill /mnt/more 0 $((250 * mib)) 5
	follows "256 MiB blocks, more data" "${d[0]}"

	said_mark
	check "larger: to system-ram" to_ram "${d[1]}"
	holds larger "${d[1]}" $((160 * mib)) 2
	same "larger: all of it is the device" "$(persist "${d[1]}" capacity)" "$(cat "$sys/${d[1]}/size")"
	check "larger: more than before" [ "$(cat "$sys/${d[1]}/size")" -gt "$2" ]
	check "larger: data in what is new" kmemio fill "/dev/$(disk_of "${d[1]}")" $((160 * mib)) $((200 * mib)) 6
	said_mark
	check "smaller: daxctl can take it" to_ram "${d[2]}"
	same "smaller: state" "$(persist "${d[2]}" state)" held
	check "smaller: the log says why" said "${d[2]}: held, nothing is released and nothing written: no good superblock here is what persist_accept names \(page 0: device size"
	check "smaller: daxctl can take it back" to_dax "${d[2]}"
	comes 3 "$n" 4 "256 MiB blocks"

	echo 1 >"$sys/$multi/persist_format"
	check "two ranges: to system-ram" to_ram "$multi"
	disk=/dev/$(until_true 20 disk_of "$multi")
	check "two ranges: the disk ($disk)" [ -b "$disk" ]
	same "two ranges: both are the device" "$(persist "$multi" capacity)" "$(cat "$sys/$multi/size")"
	same "two ranges: memory blocks" "$(blocks_of "$multi" | wc -l)" "$(whole_blocks "$multi")"
	check "two ranges: of both" [ "$(whole_blocks "$multi")" -ge 3 ]
	check "two ranges: RAM" until_true 30 [ "$(usage "$multi" lent)" -ge $((600 << 20)) ]
	accounted "two ranges" "$multi"
	check "two ranges: data" kmemio fill "$disk" 0 $((700 * mib)) 7
	holds "two ranges, data" "$multi" $((700 * mib)) 7
	check "two ranges: off and on" eval 'to_dax "$multi" && to_ram "$multi"'
	holds "two ranges, on again" "$multi" $((700 * mib)) 7
	check "no leaks" leaks

	# another kernel, while the first is mounted
	sync
	cmdline="$(sed 's/256M@64G/512M@64G/' /proc/cmdline) kmem.persist_accept=$(cat "$sys/$multi/persist_accept")"
	echo kexec
	/share/kexec /share/bzImage /share/initrd "$cmdline guest.second"
	not_ok "kexec"
	exit 1
fi

blocks_are kexec 512
check "to system-ram" to_ram "${d[0]}"
check "the disk" until_true 20 [ -b /dev/kmem0 ]
e2fsck -p /dev/kmem0 >/dev/null
check "after kexec: e2fsck -p finds a journal to replay, no more" [ $? -le 1 ]
check "after kexec: mount" mount /dev/kmem0 /mnt
check "after kexec: the file" kmemio check /mnt/file 0 $((200 * mib)) 1
check "after kexec: another" kmemio check /mnt/more 0 $((250 * mib)) 5
follows "512 MiB blocks" "${d[0]}"
check "512 MiB blocks: a file more" kmemio fill /mnt/again 0 $((64 * mib)) 8
check "two ranges: to system-ram" to_ram "$multi"
same "two ranges: memory blocks" "$(blocks_of "$multi" | wc -l)" "$(whole_blocks "$multi")"
holds "two ranges, after kexec" "$multi" $((700 * mib)) 7
# with blocks so large a small device may have none, and cannot be bound
comes 1 $((160 * mib)) 2 "512 MiB blocks"
comes 3 "$n" 4 "512 MiB blocks"
check "no leaks" leaks
# power-off, while the first is mounted
END
guest second --timeout 600 --share share --mem 3G --nvdimm nv0::1 --nvdimm nv1::1 --nvdimm nv2::0 --nvdimm nv3::2 \
	--append 'memmap=1G%4G+0xefffffff memmap=256M@64G' \
	--qemu "-object memory-backend-ram,id=far,size=512M -device pc-dimm,memdev=far,addr=0x1000000000,node=0" \
	-- life.script "$n" "$bytes1" "$uuid1" "$uuid2"
check "second: it went that far" grep -qx kexec second.out
sbs power-off 0 2 3
sb nv0 extract disk
e2fsck -p disk >fsck.out 2>&1 || rc=$?
check "power-off: e2fsck -p finds a journal to replay, no more" [ "${rc:-0}" -le 1 ]
check "power-off: e2fsck" e2fsck -fn disk >fsck.out 2>&1
rm disk
cut3
others power-off nv1 nv3.cut
sb nv1 extract disk
check "larger: data" share/kmemio check disk 0 $((160 * 256)) 2
check "larger: data in what is new" share/kmemio check disk $((160 * 256)) $((200 * 256)) 6
same "smaller: nothing was written" "$(sum nv2)" "$sum2"
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# kernel: test plain
# A device without our magic is what it is under a kernel of the same source without the
# series: nobody can see a difference, but for a few files that say so by their name. With
# the option and without it; and nothing is written to the device.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools
# what is stuck is lost, as kmem says
T_APPEND=kmemleak=off

# The kernels differ in configuration, too, and in what they keep for themselves: memory is
# compared with what there was after booting. What else depends on that fails here, and is
# not overlooked. The watermarks of zones that the kernel allocates from do.
cat >plain.script <<'END'
#!/bin/bash
. /usr/lib/guest/lib.sh
sys=/sys/bus/dax/devices
drv=/sys/bus/dax/drivers/kmem
who=$1

numbers() {
	awk '/^MemTotal/ { print "total", $2 }
		/^Node [0-9]+ MemTotal/ { print "node" $2, $4 }
		/^Node [0-9]+, zone/ { zone = "node" int($2) " " $4 }
		$1 ~ /^(spanned|present|managed)$/ { print zone, $1, $2 }
		$1 == "min" && zone ~ /Movable/ { print zone, $1, $2 }' \
		/proc/meminfo /sys/devices/system/node/node*/meminfo /proc/zoneinfo
}

# record STEP: all that anybody can see
record() {
	{
		numbers | awk '{ n = $NF; sub(/ [0-9]+$/, "") }
			NR == FNR { was[$0] = n; next }
			{ print "memory:", $0, n - was[$0] }' /tmp/boot -
		grep -v ' : Kernel ' /proc/iomem | sed 's/^/iomem: /'
		# minor numbers are in the order in which NVDIMMs are found
		for dev in $sys/dax*; do
			(
				cd "$dev/" || exit
				find . -printf '%P %l\n' | sed 's/ $//' | LC_ALL=C sort
				find . -type f ! -path '*/power/*' ! -name uevent ! -name dev -exec grep -H '' {} + 2>&1 |
					LC_ALL=C sort
				grep -v '^MINOR=' uevent
			) | sed "s,^,device ${dev##*/}: ,"
		done
		find /sys/bus/dax/drivers/ -printf 'driver: %P %l\n' | sort
		grep -H '' /sys/bus/nd/devices/region*/badblocks | sed 's/^/region: /'
		[ ! -d /sys/module/kmem/parameters ] ||
			(cd /sys/module/kmem/parameters && grep -H '' ./*) | sed 's/^/module: /'
		(cd /sys/devices/system/memory && grep -H '' auto_online_blocks \
			memory*/state memory*/valid_zones memory*/removable 2>&1
			printf '%s\n' memory*/node*) | sed 's/^/block: /'
		(cd /sys/devices/system/node && grep -H '' online possible has_*) | sed 's/^/node: /'
		# without the number of pages, see above, and KUnit's own lines when kmem is loaded
		dmesg -c | sed -nE 's/^\[[^]]*\] /log: /; s/Total pages: .*//
			/^log: *(#|ok [0-9])/d; /dax|kmem|memory|[Nn]ode|zone/p'
	} >"/share/$who.$1"
}

# bad DEVICE PAGE: a machine check says that this page of an NVDIMM cannot be read. To
# processors of both vendors this is a memory error, and an address.
bad() {
	mce=/sys/kernel/debug/mce-inject
	echo $(($(<"$sys/$1/resource") + $2 * 4096)) >$mce/addr
	echo 0x8c >$mce/misc
	echo 0xbc0000000008009f >$mce/status
	bad_was=$(cat /sys/bus/nd/devices/region*/badblocks)
	echo 4 >$mce/bank
	check "$1: page $2 is bad" until_true 10 eval \
		'[ "$(cat /sys/bus/nd/devices/region*/badblocks)" != "$bad_was" ]'
}

# cycle NAME DEVICE: to RAM and back
cycle() {
	check "$1: to system-ram" to_ram "$2"
	record "$1"
	check "$1: to devdax" to_dax "$2"
	record "$1-back"
}

a=$(nv_dax 0)
b=$(nv_dax 1)
check "two devdax namespaces ($a, $b)" [ -n "$a" -a -n "$b" ]
[ "$who" != make ] || {
	the_end
	exit
}
for dev in $sys/dax*; do
	case $(readlink -f "$dev") in
	*/hmem*) h=${dev##*/} ;;
	esac
done
# one device of two ranges: a hole is left by another, so that there is room on both sides
rid=$(cat "$(readlink -f "$sys/$h/..")/dax_region/id")
{
	daxctl disable-device "$h"
	daxctl destroy-device "$h"
	before=$(daxctl create-device -r "$rid" -s 128M | jq -r '.. | .chardev? // empty')
	daxctl create-device -r "$rid" -s 128M
	daxctl disable-device "$before"
	daxctl destroy-device "$before"
	multi=$(daxctl create-device -r "$rid" | jq -r '.. | .chardev? // empty')
} >/tmp/ranges 2>&1
check "a device of two ranges ($h, $multi)" [ -e "$sys/$multi/mapping1" ]
modprobe mce-inject
numbers >/tmp/boot
dmesg -c >/dev/null

if [ "$who" = off ]; then
	check "kmem without the option" each insmod /usr/lib/kmem-off/kmem_persist.ko /usr/lib/kmem-off/kmem.ko
	check "nothing of the feature is there but a guard" [ ! -e /sys/kernel/debug/kmem_persist ]
	check "the guard lets itself be told" [ -e "$sys/$a/persist_accept" ]
else
	check "kmem" modprobe kmem
fi
[ "$who" != plain ] || check "nothing of the series is there" \
	[ ! -e "$sys/$a/persist_accept" -a ! -e /sys/module/kmem_persist ]
record boot

if [ "$who" = on ]; then
	sum=$(image_sum nv0)
	check "the image has a checksum" [ -n "$sum" ]
	same "no format is asked for" "$(cat /sys/module/kmem/parameters/persist_format_type)" -1
fi
check "memory added, not online" daxctl reconfigure-device --mode=system-ram --no-online "$a"
check "it is added" [ -n "$(blocks_of "$a")" ]
record offline
[ "$who" != on ] || same "nothing was written" "$(image_sum nv0)" "$sum"
check "and removed" to_dax "$a"

check "to system-ram" to_ram "$a"
check "no persist/" [ ! -e "$sys/$a/persist" ]
check "its RAM works" numactl -m 1 sha256sum /bin/bash
record ram
block=$(blocks_of "$a" | tail -n 1)
check "one block offline" eval "echo offline >/sys/devices/system/memory/$block/state"
record block
check "to devdax" to_dax "$a"
record back
check "unplugged and plugged by state" eval "to_ram $a && echo unplugged >$sys/$a/state"
record unplugged
check "plugged by state" eval "echo online_movable >$sys/$a/state"
record plugged
check "to devdax" to_dax "$a"
check "memmap on memory" eval "echo 1 >$sys/$a/memmap_on_memory"
cycle memmap "$a"
check "memmap elsewhere" eval "echo 0 >$sys/$a/memmap_on_memory"

bad "$a" 0
cycle bad-first "$a"
bad "$a" 511
cycle bad-places "$a"
bad "$b" $(($(<"$sys/$b/size") / 4096 - 1))
cycle bad-last "$b"
bad "$b" 0
cycle bad-both "$b"

check "two ranges: added" daxctl reconfigure-device --mode=system-ram --no-online "$multi"
record two
ranges=($(blocks_of "$multi"))
# online NR...: these blocks
online() {
	for i; do
		echo online_movable >"/sys/devices/system/memory/${ranges[i]}/state" || return 1
	done
}
same "two ranges: blocks" ${#ranges[@]} 3
check "two ranges: the second is in use" online 1 2
record second
check "the second stays" eval "echo $multi >$drv/unbind"
record stuck
check "bound without it" eval "echo $multi >$drv/bind"
record again
check "the first is RAM, too" online 0
record both
check "both stay" eval "echo $multi >$drv/unbind"
record stuck-both
refused "cannot be bound" "Device or resource busy" "$multi" $drv/bind
record refused
check "what stays goes offline" set_blocks "$multi" offline
record stays
check "kmem goes" rmmod kmem
record gone
END
steps='boot offline ram block back unplugged plugged memmap memmap-back bad-first bad-first-back
	bad-places bad-places-back bad-last bad-last-back bad-both bad-both-back two second
	stuck again both stuck-both refused stays gone'

# all that the series adds to a device that it has nothing to do with
cat >added <<'END'
device: persist_accept
device: ./persist_accept:
device: persist_format
device: ./persist_format:-1
module: ./persist_accept:
module: ./persist_format_device:
module: ./persist_format_force:N
module: ./persist_format_type:-1
END

# A kernel without the option has its guard in the DAX core, and no module more than ever.
# objects OPTION...: modules, and what the core is made of
objects() {
	printf 'include %s/drivers/dax/Makefile\nall:\n\t@echo " $(obj-m) : $(dax-y) "\n' "$KP_SRC" |
		make -s -f - CONFIG_DAX=y CONFIG_DEV_DAX_KMEM=m "$@" all
}
off=$(objects)
check "without the option: modules (${off% :*})" [ "${off% :*}" = " kmem.o" ]
case $off in
*kmem_persist_off.o*) ok "without the option: the guard is in the core" ;;
*) not_ok "without the option: the guard is not in the core:$off" ;;
esac
case $(objects CONFIG_DEV_DAX_KMEM_PERSIST=y) in
" kmem_persist.o kmem.o : "*kmem_persist_*) not_ok "with the option: the guard is in the core, too" ;;
" kmem_persist.o kmem.o : "*) ok "with the option: a module of its own" ;;
*) not_ok "with the option: no module of its own" ;;
esac

# a kernel of the source as it was
series=0
while read -r f; do
	series=$((series + 1))
	cmp -s "$KP_BASE/plain/$f" "$KP_BASE/orig/$f" || [ ! -e "$KP_BASE/plain/$f" ] ||
		not_ok "$f of the kernel without the series is of the series"
done <"$KP_BASE/applied"
check "files of the series: $series" [ "$series" -gt 100 ]

# machine NAME [OPTION...]: a guest with two NVDIMMs and a region of soft-reserved memory
machine() {
	m_name=$1
	shift
	guest_start "$m_name" --share share --mem 3G --nvdimm nv0:512M --nvdimm nv1:256M \
		--append 'memmap=512M%4G+0xefffffff memory_hotplug.memmap_on_memory=1' "$@" \
		-- plain.script "$m_name"
}
kernel_use plain
for name in make plain; do
	machine $name
	guest_wait $name
done
kernel_use test
machine off
guest_wait off

# the head of the device is outside of all memory blocks: nobody's RAM
eval "$(sb nv0 info)"
# shellcheck disable=SC2154 # info sets it
head=$((134217728 - offset))
dd if=/dev/urandom of=nv0 bs=1M seek=$((offset / 1048576)) count=$((head / 1048576)) \
	conv=notrunc status=none
sum_head() {
	dd if=nv0 bs=1M skip=$((offset / 1048576)) count=$((head / 1048576)) status=none | cksum
}
before=$(sum_head)
machine on
serve_sums on
guest_wait on
same "the part of the device that is never RAM is as it was" "$(sum_head)" "$before"
for copy in primary backup; do
	check "no magic at the place of the $copy" \
		[ "$(sb nv0 get $copy magic)" != 0x4b4d454d50455253 ]
done

# without_added KERNEL STEP: what is left; in added.KERNEL.STEP what is not
without_added() {
	awk -v out="added.$1.$2" '
		NR == FNR { added[$0]; next }
		{ key = $0; sub(/^device [^:]*: /, "device: ", key) }
		key in added { print key >out; next }
		{ print }' added "share/$1.$2"
}
for kernel in off on; do
	for step in $steps; do
		without_added $kernel "$step" >"share/$kernel.$step.rest"
		check "$kernel: as without the series: $step" \
			diff -u "share/plain.$step" "share/$kernel.$step.rest"
	done
	check "$kernel: all that the series adds" \
		eval "sort added >want && sort -u added.$kernel.ram | diff want -"
done
for step in $steps; do
	check "there is something to compare: $step" grep -q '^iomem: .*System RAM' "share/plain.$step"
done
check "bad pages there were" [ "$(grep -c '^region: .*badblocks:[0-9]' share/plain.bad-both)" -ge 4 ]
check "RAM there was" grep -qx 'memory: node1 393216' share/plain.ram
finish

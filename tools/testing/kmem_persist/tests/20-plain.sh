# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# A device without our magic behaves under kmem exactly as under kmem built
# without the feature, and nothing is written to it.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

cat >plain.script <<'END'
#!/bin/bash
. /usr/lib/guest/lib.sh
dax=/sys/bus/dax/devices/dax0.0

# record NAME: all that anybody can see of the device
record() {
	to=/share/$1-$2
	mem_total 1 >"$to-memtotal"
	# where the kernel itself is changes from boot to boot
	grep -v ' : Kernel ' /proc/iomem >"$to-iomem"
	(cd $dax/ && find . | sort) >"$to-sysfs"
	(cd $dax/ && find . -type f ! -path '*/power/*' | sort | while read -r f; do
		echo "$f: $(cat "$f" 2>&1)"
	done) >"$to-attributes"
	for f in /sys/devices/system/node/node1/memory*; do
		echo "${f##*/}: $(cat "$f/state" "$f/valid_zones" "$f/phys_index" 2>&1)"
	done >"$to-blocks"
	sed -n '/^Node 1/,/^Node [^1]/p' /proc/zoneinfo |
		grep -E '^Node|^ *(min|low|high|spanned|present|managed) ' >"$to-zones"
	dmesg | sed 's/^\[[^]]*\] //' | grep -E 'dax[0-9]|memory hotplug' >"$to-dmesg"
}

check "a devdax namespace" nvdimm_dax 0
if [ "$1" = off ]; then
	check "kmem without the feature" each insmod /usr/lib/kmem-off/kmem_persist.ko /usr/lib/kmem-off/kmem.ko
	check "nothing of the feature is there but a guard" [ ! -e /sys/kernel/debug/kmem_persist ]
	check "the guard lets itself be told" [ -e $dax/persist_accept ]
else
	before=$(image_sum nv0)
	check "the image has a checksum" [ -n "$before" ]
	check "kmem" modprobe kmem
	same "no format is asked for" "$(cat /sys/module/kmem/parameters/persist_format_type)" -1
	check "memory added, not online" daxctl reconfigure-device --mode=system-ram --no-online dax0.0
	check "it is added" [ -n "$(blocks_of dax0.0)" ]
	same "nothing was written" "$(image_sum nv0)" "$before"
	check "and removed" to_dax dax0.0
fi
dmesg -c >/dev/null
check "to system-ram" to_ram dax0.0
check "no persist/" [ ! -e $dax/persist ]
record "$1" ram
check "its RAM works" numactl -m 1 sha256sum /bin/bash
check "to devdax" to_dax dax0.0
record "$1" dax
check "unplugged and plugged by state" eval "to_ram dax0.0 && echo unplugged >$dax/state &&
	echo online_movable >$dax/state"
record "$1" state
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

guest off --share share --nvdimm nv0:512M -- plain.script off
for f in ram dax state; do
	check "off: there is something to compare ($f)" [ -s share/off-$f-iomem ]
done
# the head of the device is outside of all memory blocks: nobody's RAM
eval "$(sb nv0 info)"
head=$((134217728 - offset))
dd if=/dev/urandom of=nv0 bs=1M seek=$((offset / 1048576)) count=$((head / 1048576)) \
	conv=notrunc status=none
sum_head() {
	dd if=nv0 bs=1M skip=$((offset / 1048576)) count=$((head / 1048576)) status=none | cksum
}
before=$(sum_head)
guest_start on --share share --nvdimm nv0 -- plain.script on
serve_sums on
guest_wait on
same "the part of the device that is never RAM is as it was" "$(sum_head)" "$before"
for copy in primary backup; do
	check "no magic at the place of the $copy" \
		[ "$(sb nv0 get $copy magic)" != 0x4b4d454d50455253 ]
done
for f in ram dax state; do
	for what in memtotal iomem sysfs attributes blocks zones dmesg; do
		check "with and without the feature the same: $what ($f)" \
			diff -u share/off-$f-$what share/on-$f-$what
	done
done
check "RAM there was" [ "$(cat share/on-ram-memtotal)" -ge 262144 ]
finish

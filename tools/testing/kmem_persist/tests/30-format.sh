# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# Formatting: what is on the media, what comes back after a reboot and after a
# power cut, what is never formatted, and what is by force.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

# nv0 becomes NONE by the parameter of the module, nv1 and nv3 BLK by their own
# attributes, nv2 stays as it is
guest first --nvdimm nv0:384M --nvdimm nv1:384M --nvdimm nv2:256M --nvdimm nv3:256M <<'END'
. /usr/lib/guest/lib.sh
dax=/sys/bus/dax/devices
# one with a label on the module, the others without
region=$(nv_region 3)
module=$(cat /sys/bus/nd/devices/region$region/mapping0 | cut -d, -f1)
check "labels" eval "ndctl disable-region region$region && ndctl disable-dimm $module &&
	ndctl init-labels -f $module && ndctl enable-dimm $module && ndctl enable-region region$region"
for i in 0 1 2 3; do
	d[i]=$(nv_dax $i)
	check "nv$i: a devdax namespace" [ -n "${d[i]}" ]
	echo "size$i=$(cat $dax/${d[i]}/size)"
	echo "namespace$i=$(info_uuid $i)"
done
check "parameter" format_type 0
same "the attribute is not set" "$(cat $dax/${d[1]}/persist_format)" -1
echo 1 >$dax/${d[1]}/persist_format
echo 1 >$dax/${d[3]}/persist_format
same "the attribute is set" "$(cat $dax/${d[1]}/persist_format)" 1
said_mark
check "to system-ram" each to_ram "${d[0]}" "${d[1]}" "${d[3]}"
check "the log says type 0" said "${d[0]}: formatted with type 0 \(none\), uuid [0-9a-f-]{36}"
check "the log says type 1" said "${d[1]}: formatted with type 1 \(blk\), uuid [0-9a-f-]{36}"
same "the attribute is used up" "$(cat $dax/${d[1]}/persist_format)" -1
refused "the attribute of a bound device" "Device or resource busy" 1 $dax/${d[1]}/persist_format
same "the parameter is not used up" "$(cat /sys/module/kmem/parameters/persist_format_type)" 0
for i in 0 1; do
	same "nv$i is active" "$(persist "${d[i]}" state)" active
	same "nv$i has no reason to be held" "$(persist "${d[i]}" reason)" ""
	same "nv$i has its type" "$(persist "${d[i]}" type)" $i
	same "nv$i: capacity is the device" "$(persist "${d[i]}" capacity)" "$(cat $dax/${d[i]}/size)"
	check "nv$i: every byte is accounted for" sums_up "${d[i]}"
	check "nv$i: what is lent is RAM" until_true 10 lent_is_ram "${d[i]}"
	check "nv$i: nearly all of the blocks is lent ($(usage "${d[i]}" lent))" \
		[ "$(usage "${d[i]}" lent)" -ge $((250 << 20)) ]
	echo "uuid$i=$(persist "${d[i]}" uuid)"
done
same "NONE stores the pages of the superblocks" "$(usage "${d[0]}" stored)" $((2 << 20))
check "the disk" until_true 10 [ -b /dev/kmem0 ]
same "it is that of nv1" "$(disk_of "${d[1]}")" kmem0
same "its uuid" "$(cat /sys/block/kmem0/kmem/uuid)" "$(persist "${d[1]}" uuid)"
same "its wwid" "$(cat /sys/block/kmem0/wwid)" "uuid.$(persist "${d[1]}" uuid)"
check "it reads zeroes" kmemio zero /dev/kmem0 0 4096
check "write" kmemio fill /dev/kmem0 0 2048 1
check "check" kmemio check /dev/kmem0 0 2048 1
END

# value NAME: what the last guest said it is
value() {
	sed -n "s/^$1=//p" "$2.out"
}

for i in 0 1; do
	eval "$(sb nv$i info)"
	# shellcheck disable=SC2154 # info sets it
	same "nv$i: the tool finds the device" "$bytes" "$(value size$i first)"
	check "nv$i: as the format demands" sb nv$i check
	for copy in primary backup; do
		same "nv$i $copy: type" "$(sb nv$i get $copy type)" $i
		same "nv$i $copy: uuid" "$(sb nv$i get $copy uuid)" "$(value uuid$i first)"
		same "nv$i $copy: clean" "$(sb nv$i get $copy state)" 1
		same "nv$i $copy: attached once" "$(sb nv$i get $copy attach_count)" 1
		same "nv$i $copy: never uncleanly" "$(sb nv$i get $copy unclean_count)" 0
		# one for the format, attach and detach
		same "nv$i $copy: generation" "$(sb nv$i get $copy generation)" 3
		same "nv$i $copy: memory blocks" "$(sb nv$i get $copy memblock_mib)" 128
		check "nv$i $copy: times" [ "$(sb nv$i get $copy detach_time)" -ge \
			"$(sb nv$i get $copy attach_time)" ]
		same "nv$i $copy: creator" "$(sb nv$i get $copy creator | cut -c 1-9)" "Linux 7.3"
		same "nv$i $copy: the uuid of the namespace" "$(sb nv$i get $copy ns_uuid)" \
			"$(value namespace$i first)"
	done
done
same "nv3: the uuid of the namespace" "$(sb nv3 get primary ns_uuid)" "$(value namespace3 first)"
for i in 0 1 3; do
	same "nv$i: the marker" "$(sb nv$i marker)" good
done
same "nv2: no marker" "$(sb nv2 marker)" none
same "2048 blocks are mapped" "$(sb nv1 get primary mapped_blocks)" 2048
sb nv1 extract disk
check "and can be read without a kernel" share/kmemio check disk 0 2048 1

# what only the administrator can have written
sb nv0 set both label='a_label,_64_bytes_at_most'
# as if it had been formatted on another namespace
eval "$(sb nv2 info)"
sb nv2 magic "$offset"
sum2=$(cksum <nv2)

guest_start second --nvdimm nv0 --nvdimm nv1 --nvdimm nv2 <<'END'
. /usr/lib/guest/lib.sh
d=("$(nv_dax 0)" "$(nv_dax 1)" "$(nv_dax 2)")
check "kmem" modprobe kmem
same "no parameter" "$(cat /sys/module/kmem/parameters/persist_format_type)" -1
said_mark
check "to system-ram" each to_ram "${d[0]}" "${d[1]}"
same "NONE is active" "$(persist "${d[0]}" state)" active
same "it has its label" "$(persist "${d[0]}" label)" 'a_label,_64_bytes_at_most'
same "BLK is active" "$(persist "${d[1]}" state)" active
check "nothing was formatted" eval "! said formatted"
check "the disk" until_true 10 [ -b /dev/kmem0 ]
check "its data" kmemio check /dev/kmem0 0 2048 1
check "and nothing else" kmemio zero /dev/kmem0 2048 2048
for i in 0 1; do
	echo "uuid$i=$(persist "${d[i]}" uuid)"
	check "nv$i: what is lent is RAM" until_true 10 at_rest "${d[i]}"
	check "nv$i: every byte is accounted for" sums_up "${d[i]}"
done
check "asked to format what carries a magic" format_type 1
said_mark
check "to system-ram" to_ram "${d[2]}"
same "held" "$(persist "${d[2]}" state)" held
check "the reason" eval 'persist "${d[2]}" reason | grep -q "^not formatted on this namespace, but there is a superblock; "'
check "the log says so" said "${d[2]}: held, nothing is released and nothing written: not formatted on this namespace"
same "no RAM of it" "$(ram_of "${d[2]}")" 0
check "every byte is accounted for" sums_up "${d[2]}"
check "to devdax" to_dax "${d[2]}"
# asked again, but a device that is formatted is not formatted again
check "to devdax" to_dax "${d[1]}"
check "and back" to_ram "${d[1]}"
check "the log says so" said "${d[1]}: already formatted with type 1, not formatted again"
check "the disk again" until_true 10 [ -b /dev/kmem0 ]
check "its data" kmemio check /dev/kmem0 0 2048 1
check "more data" kmemio fill /dev/kmem0 100 50 2
echo waiting
sleep infinity
END
guest_line second '^waiting' || :
guest_cut second
same "what carries a magic was not written to" "$(cksum <nv2)" "$sum2"
for i in 0 1; do
	same "nv$i: the same uuid" "$(value uuid$i second)" "$(value uuid$i first)"
	check "nv$i: as the format demands, after a power cut" sb nv$i check
	same "nv$i: not clean" "$(sb nv$i get primary state)" 0
	same "nv$i: never uncleanly attached so far" "$(sb nv$i get primary unclean_count)" 0
done
same "nv0: attached twice" "$(sb nv0 get primary attach_count)" 2
same "nv1: attached three times" "$(sb nv1 get primary attach_count)" 3
same "nv1: generation" "$(sb nv1 get primary generation)" 6

guest third --nvdimm nv0 --nvdimm nv1 --nvdimm nv2 <<'END'
. /usr/lib/guest/lib.sh
d=("$(nv_dax 0)" "$(nv_dax 1)" "$(nv_dax 2)")
force=/sys/module/kmem/parameters/persist_format_force
check "to system-ram after the power cut" to_ram "${d[1]}"
check "the disk" until_true 10 [ -b /dev/kmem0 ]
check "its data, written before" kmemio check /dev/kmem0 0 100 1
check "and last" kmemio check /dev/kmem0 100 50 2
check "what is lent is RAM" until_true 10 at_rest "${d[1]}"
check "parameters" eval "format_type 1 && echo Y >$force"
# about one device, and then about the next one again
check "a device" eval "echo dax9.9 >/sys/module/kmem/parameters/persist_format_device"
check "no device" eval "echo >/sys/module/kmem/parameters/persist_format_device"
said_mark
check "NONE to system-ram" to_ram "${d[0]}"
check "formatted by force" said "${d[0]}: formatted with type 1 \(blk\)"
same "its type" "$(persist "${d[0]}" type)" 1
same "no label any more" "$(persist "${d[0]}" label)" ""
check "its disk" until_true 10 [ -b /dev/kmem1 ]
check "reads zeroes" kmemio zero /dev/kmem1 0 1024
same "force is used up" "$(cat $force)" N
echo "uuid0=$(persist "${d[0]}" uuid)"
# by force also what is held
echo Y >$force
check "held to system-ram" to_ram "${d[2]}"
same "it is active" "$(persist "${d[2]}" state)" active
same "force is used up" "$(cat $force)" N
# force without a type asks for nothing
format_type -1
echo Y >$force
check "BLK to devdax" to_dax "${d[1]}"
check "and back" to_ram "${d[1]}"
check "its disk" until_true 10 [ -b /dev/kmem0 ]
check "its data" kmemio check /dev/kmem0 100 50 2
check "no leaks" leaks
END
check "nv0: another uuid" [ "$(value uuid0 third)" != "$(value uuid0 first)" ]
for i in 0 1 2; do
	check "nv$i: as the format demands" sb nv$i check
	same "nv$i: clean" "$(sb nv$i get primary state)" 1
done
# what stays of the format before can never be newer
same "nv0: generation goes on" "$(sb nv0 get primary generation)" 7
same "nv1: one unclean attach" "$(sb nv1 get primary unclean_count)" 1
for i in 0 1 2; do
	same "nv$i: the marker is that of the last format" "$(sb nv$i marker)" good
done
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# Guard rails: kernels that cannot use the data do not destroy it, copies are not taken
# for the original, the system is not hibernated, a kdump kernel keeps its hands off.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

# made by hand, at format
guest_start make --share share --nvdimm share/nv0:256M --nvdimm share/nv1:256M <<'END'
. /usr/lib/guest/lib.sh
cp /share/sbedit /tmp/
dev=$(nv_dax 0)
other=$(nv_dax 1)
check "two devdax namespaces" [ -n "$dev" -a -n "$other" ]
dax=/sys/bus/dax/devices/$dev
uuid=01234567-89ab-4cde-8f01-23456789abcd

# what is asked for by name
refused "two types" "Invalid argument" "1 1" "$dax/persist_format"
refused "no type" "Invalid argument" "label=x" "$dax/persist_format"
refused "nothing" "Invalid argument" "" "$dax/persist_format"
refused "a uuid that is none" "Invalid argument" "1 uuid=0123" "$dax/persist_format"
refused "a uuid with a tail" "Invalid argument" "1 uuid=${uuid}0" "$dax/persist_format"
refused "a label with a slash" "Invalid argument" "1 label=a/b" "$dax/persist_format"
refused "a label that is not UTF-8" "Invalid argument" "1 label=$(printf 'a\377')" "$dax/persist_format"
refused "a uuid of zeroes" "Invalid argument" "1 uuid=00000000-0000-0000-0000-000000000000" "$dax/persist_format"
refused "a label that is too long" "File name too long" "1 label=$(printf '%064d' 0)" "$dax/persist_format"
refused "a label for no format" "Invalid argument" "-1 label=x" "$dax/persist_format"
refused "something else" "Invalid argument" "1 color=red" "$dax/persist_format"
echo "1 label=data-1 uuid=$uuid" >"$dax/persist_format"
same "type, uuid and label" "$(cat "$dax/persist_format")" "1 uuid=$uuid label=data-1"
check "kmem" modprobe kmem
check "to system-ram" to_ram "$dev"
check "the disk" until_true 10 [ -b /dev/kmem0 ]
same "the uuid" "$(persist "$dev" uuid)" "$uuid"
same "the disk has it, too" "$(cat /sys/block/kmem0/wwid)" "uuid.$uuid"
same "the label" "$(persist "$dev" label)" data-1
same "the request is done" "$(cat "$dax/persist_format")" -1
check "another label" setting "$dev" label "zweite_Ü"
refused "a label with a space" "Invalid argument" "a b" "$dax/persist/label"
refused "a label that is not UTF-8" "Invalid argument" "$(printf 'a\377')" "$dax/persist/label"
refused "a label that is too long" "File name too long" "$(printf '%064d' 0)" "$dax/persist/label"
same "the label" "$(persist "$dev" label)" "zweite_Ü"
check "write" kmemio fill /dev/kmem0 0 2048 1

# hibernation
check "the kernel could" grep -qw disk /sys/power/state
said_mark
msg=$( { echo disk >/sys/power/state; } 2>&1)
same "hibernation is refused" "${msg##*: }" "Device or resource busy"
check "the log says why" said "$dev: in use, the system cannot be hibernated"
check "data" kmemio check /dev/kmem0 0 2048 1
check "to devdax" to_dax "$dev"
check "both copies of the superblock are good" /tmp/sbedit /share/nv0 check
same "the label is on the device" "$(/tmp/sbedit /share/nv0 get primary label)" "zweite_Ü"

# a copy, block by block, on another namespace
echo copy
check "the copy is made" until_true 60 [ -e /share/copied ]
check "the copy: daxctl can take it" to_ram "$other"
same "the copy: state" "$(persist "$other" state)" held
check "the copy: reason ($(persist "$other" reason))" eval 'persist "$other" reason | grep -qE "^not formatted on this namespace, but there is a superblock; kmem-persist adopt takes it, kmem-persist wipe removes it$"'
same "the copy: no uuid is shown" "$(persist "$other" uuid)" unknown
same "the copy: no label is shown" "$(persist "$other" label)" ""
check "the original" to_ram "$dev"
same "the original: state" "$(persist "$dev" state)" active

# root says that the copy is a device, too: not beside the original
odax=/sys/bus/dax/devices/$other
refused "persist_accept of a bound device" "Device or resource busy" none "$odax/persist_accept"
check "the copy back" to_dax "$other"
refused "a uuid that is none" "Invalid argument" 0123 "$odax/persist_accept"
refused "a uuid of zeroes" "Invalid argument" 00000000-0000-0000-0000-000000000000 "$odax/persist_accept"
refused "a hash that is none" "Invalid argument" "$uuid:0123" "$odax/persist_accept"
refused "a hash with a tail" "Invalid argument" "$uuid:00112233445566778899aabbccddeeff0" "$odax/persist_accept"
accept "$other" "$uuid"
same "persist_accept" "$(cat "$odax/persist_accept")" "$uuid"
check "the copy, accepted: daxctl can take it" to_ram "$other"
same "the copy, accepted: state" "$(persist "$other" state)" held
same "the copy, accepted: reason" "$(persist "$other" reason)" \
	"$dev has the same uuid and is in use; detach that one, or give one of them a new uuid with kmem-persist"
same "the original: still active" "$(persist "$dev" state)" active
check "both back" each to_dax "$dev" "$other"
accept "$other" 11111111-89ab-4cde-8f01-23456789abcd
check "another uuid is accepted: daxctl can take it" to_ram "$other"
check "another uuid is accepted: reason" eval 'persist "$other" reason | grep -qE "^no good superblock here is what persist_accept names \(page 0: of another format, page 1: of another format, page 510: of another format, page 511: of another format\)"'
check "back" to_dax "$other"
accept "$other" "$uuid:00112233445566778899aabbccddeeff"
check "another hash is accepted: daxctl can take it" to_ram "$other"
same "another hash is accepted: state" "$(persist "$other" state)" held
check "back" to_dax "$other"
accept "$other" "$uuid"
check "the copy alone: to system-ram" to_ram "$other"
same "the copy alone: state" "$(persist "$other" state)" active
same "persist_accept is used up" "$(cat "$odax/persist_accept")" ""
check "the copy alone: the disk" until_true 10 [ -b /dev/kmem0 ]
check "the copy alone: data" kmemio check /dev/kmem0 0 2048 1
check "back" to_dax "$other"
check "the copy once more, without a word: to system-ram" to_ram "$other"
same "the copy once more: state" "$(persist "$other" state)" active
check "back" to_dax "$other"
END
guest_line make '^copy$'
eval "$(sb share/nv0 info)"
dd if=share/nv0 of=share/nv1 bs=1M iflag=skip_bytes,count_bytes oflag=seek_bytes \
	skip="$offset" seek="$offset" count="$bytes" conv=notrunc status=none
: >share/copied
guest_wait make
same "the original has its marker" "$(sb share/nv0 marker)" good
same "the copy has one of its own" "$(sb share/nv1 marker)" good
check "the copy is as the format demands" sb share/nv1 check
rm share/nv1

# without CONFIG_DEV_DAX_KMEM_PERSIST, and in a kdump kernel
guest_start off --share share --nvdimm share/nv0:256M <<'END'
. /usr/lib/guest/lib.sh
cp /share/sbedit /tmp/
sb() {
	/tmp/sbedit /share/nv0 "$@"
}
page() {
	dd if=/share/nv0 bs=4096 skip=$((offset / 4096 + $1)) count=1 status=none
}
put() {
	dd of=/share/nv0 bs=4096 seek=$((offset / 4096 + $1)) count=1 conv=notrunc status=none
}
eval "$(sb info)"
for place in 0 1 510 511; do
	page $place >/tmp/place$place
done
dev=$(nv_dax 0)
check "kmem without the feature" each insmod /usr/lib/kmem-off/kmem_persist.ko /usr/lib/kmem-off/kmem.ko
# guarded NAME
guarded() {
	sum=$(image_sum share/nv0)
	said_mark
	check "$1: not bound" eval '! to_ram "$dev" 2>/dev/null'
	check "$1: the log says why" said "$dev: carries persistent data that this kernel would destroy, not bound"
	same "$1: no RAM" "$(mem_total 1)" 0
	check "$1: nothing was written" [ -n "$sum" -a "$(image_sum share/nv0)" = "$sum" ]
}
guarded "both copies"
sb wipe primary
sb wipe second
sb wipe third
guarded "marker and backup"
sb wipe backup
guarded "the marker only"
for place in 0 1 510 511; do
	put $place </tmp/place$place
done
sb unmark
guarded "no marker, but where no RAM can have been"
sb mark
guarded "all as before"
accept "$dev" none
said_mark
check "persist_accept: bound" to_ram "$dev"
check "persist_accept: the log is loud" said "$dev: persist_accept: becomes plain memory, persistent data on it is lost"
check "persist_accept: RAM" [ "$(mem_total 1)" -ge 131072 ]
same "persist_accept: once" "$(cat "/sys/bus/dax/devices/$dev/persist_accept")" ""
check "back" to_dax "$dev"
check "no superblock is left" eval '! sb check >/dev/null 2>&1'
same "no marker is left" "$(sb marker)" none
said_mark
check "bound without a word" to_ram "$dev"
check "really without" eval "! said '$dev: (persist|plain|carries)'"
END
serve_sums off
guest_wait off

guest_start kdump --share share --nvdimm share/nv0:256M --append elfcorehdr=0x1000 <<'END'
. /usr/lib/guest/lib.sh
dev=$(nv_dax 0)
echo 0 >"/sys/bus/dax/devices/$dev/persist_format"
check "kmem" modprobe kmem
said_mark
check "a device that is to be formatted: not bound" eval '! to_ram "$dev" 2>/dev/null'
check "the log says why" said "$dev: not bound in a kdump kernel, for its persistent data"
echo -1 >"/sys/bus/dax/devices/$dev/persist_format"
check "a plain device is" to_ram "$dev"
check "to devdax" to_dax "$dev"
cp /share/sbedit /tmp/
eval "$(/tmp/sbedit /share/nv0 info)"
# guarded NAME: neither bound nor written to
guarded() {
	sum=$(image_sum share/nv0)
	said_mark
	check "$1: not bound" eval '! to_ram "$dev" 2>/dev/null'
	check "$1: the log says why" said "$dev: not bound in a kdump kernel, for its persistent data"
	check "$1: nothing was written" [ -n "$sum" -a "$(image_sum share/nv0)" = "$sum" ]
}
/tmp/sbedit /share/nv0 magic $((offset + 510 * 4096))
guarded "a magic"
dd if=/dev/zero of=/share/nv0 bs=4096 seek=$((offset / 4096 + 510)) count=1 conv=notrunc status=none
printf KRAMMEMK | dd of=/share/nv0 bs=8 count=1 conv=notrunc status=none
guarded "a marker"
dd if=/dev/zero of=/share/nv0 bs=8 count=1 conv=notrunc status=none
END
serve_sums kdump
guest_wait kdump

# with the feature: the same way out
guest_start on --share share --nvdimm share/nv0:256M <<'END'
. /usr/lib/guest/lib.sh
dev=$(nv_dax 0)
dax=/sys/bus/dax/devices/$dev
format_type 1
check "to system-ram" to_ram "$dev"
format_type -1
same "active" "$(persist "$dev" state)" active
check "to devdax" to_dax "$dev"
accept "$dev" none
said_mark
check "persist_accept: bound" to_ram "$dev"
check "persist_accept: the log is loud" said "$dev: persist_accept: becomes plain memory"
check "persist_accept: plain" [ ! -e "$dax/persist" ]
same "persist_accept: once" "$(cat "$dax/persist_accept")" ""
check "to devdax" to_dax "$dev"
check "and again" to_ram "$dev"
check "plain" [ ! -e "$dax/persist" ]
END
guest_wait on
finish

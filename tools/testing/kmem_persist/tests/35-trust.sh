# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# What was RAM says nothing about a device, whoever had it and whatever he knows: the UUIDs
# of namespace and format, the places where superblocks are looked for, the format. A user
# without capabilities fills the RAM of two devices with superblocks; the power fails; then
# a plain device is plain, a formatted one is what it was. The same after the namespace was
# made again over the block device that somebody else had, in mode raw and in mode sector;
# and with a bad page, which nobody can make, in a device that was never formatted.
#
# nv0 is one namespace whose first MiBs can never have been RAM. On nv1 a small namespace is
# before another one, all of whose memory can: it begins with a memory block, the only one
# that goes online here.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools
# where the device that may have been RAM is on nv1
offset1=$((128 << 20))

cp "$KP_DIR/tests/trust.sh" share/
cat >>share/trust.sh <<'END'
offset1=$((128 << 20))

# devices: a of nv0, b of nv1
devices() {
	a=$(nv_dax 0)
	b=$(ndctl list -r "region$(nv_region 1)" -N -m devdax |
		jq -r '.. | .chardev? // empty' | head -n 1)
	check "two devices ($a, $b)" [ -n "$a" -a -n "$b" -a -e "$sys/$a" -a -e "$sys/$b" ]
	same "the second begins with a memory block" $(($(cat "$sys/$b/resource") % 134217728)) 0
}
END

guest_start tenant --share share --mem 1G --nvdimm share/nv0:256M --nvdimm share/nv1:1G <<'END'
. /share/trust.sh
region=$(nv_region 1)
module=$(cut -d, -f1 "/sys/bus/nd/devices/region$region/mapping0")
check "labels" eval "ndctl disable-region region$region && ndctl disable-dimm $module &&
	ndctl init-labels -f $module && ndctl enable-dimm $module && ndctl enable-region region$region"
# the memory map, 14.25 MiB, is put before the data, which then begins at 128 MiB
check "a small namespace" eval "ndctl create-namespace -r region$region -m raw -s 112M >/dev/null"
check "a large one" eval "ndctl create-namespace -r region$region -m devdax --map=dev -a 2M -s 912M >/dev/null"
check "a namespace on the other" nv_dax 0
devices
check "kmem" modprobe kmem
plain "never formatted" "$a"
plain "never formatted, no head" "$b"
forger "$a" $forged
forger "$b" $forged
echo filled
sleep infinity
END
guest_line tenant '^filled$' 390 || :
guest_cut tenant

# magic IMAGE OFFSET: the first eight bytes there
magic() {
	dd if="$1" bs=8 skip=$(($2 / 8)) count=1 status=none | od -An -tx8 | tr -d ' '
}
for page in 0 1 510 511; do
	same "the forger had page $page of the second" "$(magic share/nv1 $((offset1 + page * 4096)))" 4b4d454d50455253
done
eval "$(sb share/nv0 info)"
# shellcheck disable=SC2154 # info sets it
check "he did not have the first page of the first" [ "$(magic share/nv0 "$offset")" != 4b4d454d50455253 ]
had=0
for at in $(seq $((128 << 20)) $((2 << 20)) $((254 << 20))); do
	[ "$(magic share/nv0 "$at")" != 4b4d454d50455253 ] || had=$((had + 1))
done
check "but $((2 * had)) MiB of its memory block" [ $had -ge 32 ]

guest_start again --share share --mem 1G --nvdimm share/nv0 --nvdimm share/nv1 <<'END'
. /share/trust.sh
devices
check "kmem" modprobe kmem
said_mark
plain "after the power cut" "$a"
check "after the power cut: not a word" eval "! said '$a: (held|plain)'"
said_mark
plain "after the power cut, no head" "$b"
check "after the power cut, no head: the log says what it was" said "$b: plain memory: $believed"
check "to devdax" to_dax "$b"
said_mark
plain "once more" "$b"
check "once more: nothing is left of it" eval "! said '$b: plain memory'"

# without the feature it is the same
check "to devdax" each to_dax "$a" "$b"
check "modules" modprobe -r kmem kmem_persist
check "kmem without the feature" each insmod /usr/lib/kmem-off/kmem_persist.ko /usr/lib/kmem-off/kmem.ko
forge -o /tmp/unit "$(info_uuid_of "$b")" $forged $key "$(cat "$sys/$b/size")"
dd if=/tmp/unit of=/share/nv1 bs=2M seek=$((offset1 >> 21)) conv=notrunc status=none
said_mark
plain "without the feature" "$b"
check "without the feature: the log says what it was" said "$b: plain memory: $believed"
check "to devdax" to_dax "$b"
check "modules" eval "rmmod kmem && rmmod kmem_persist"

# a format where all can have been RAM
check "kmem" modprobe kmem
said_mark
plain "with it again" "$b"
check "with it again: nothing is left of it" eval "! said '$b: plain memory'"
check "to devdax" to_dax "$b"
echo 1 >"$sys/$b/persist_format"
check "to system-ram" to_first "$b"
same "active" "$(persist "$b" state)" active
check "the disk" until_true 10 [ -b /dev/kmem0 ]
check "write" kmemio fill /dev/kmem0 0 8192 1
check "what is lent is RAM" until_true 20 lent_is_ram "$b"
forger "$b" "$(persist "$b" uuid)"
echo filled
sleep infinity
END
guest_line again '^filled$' 390 || :
guest_cut again

guest_start last --timeout 390 --share share --mem 1G --nvdimm share/nv0 --nvdimm share/nv1 <<'END'
. /share/trust.sh
inject=/sys/kernel/debug/kmem_persist/known
devices
check "kmem" modprobe kmem
said_mark
check "formatted: to system-ram" to_first "$b"
same "formatted: active" "$(persist "$b" state)" active
check "formatted: it is the disk" until_true 10 [ -b /dev/kmem0 ]
check "formatted: its data" kmemio check /dev/kmem0 0 8192 1
same "formatted: not that of the forger" "$(persist "$b" label)" ""
check "formatted: no copy was doubted" eval "! said damaged"
check "to devdax" to_dax "$b"

# made NAME MODE: somebody had it as a block device, and it is a namespace for kmem again
made() {
	made_region=region$(nv_region 0)
	made_ns=$(ndctl list -r "$made_region" -N | jq -r '.[]?.dev' | head -n 1)
	check "$1: a namespace" eval "ndctl create-namespace -f -e $made_ns -m $2 >/tmp/ns 2>/tmp/err"
	made_disk=/dev/$(jq -r .blockdev /tmp/ns)
	made_ns=$(jq -r .dev /tmp/ns)
	check "$1: a disk ($made_disk)" until_true 10 [ -b "$made_disk" ]
	for seek in 0 64; do
		dd if=/tmp/units of="$made_disk" bs=2M seek=$seek oflag=direct 2>/dev/null
	done
	check "$1: it was written" cmp -n 4096 "$made_disk" /tmp/unit
	check "$1: made again" eval "ndctl create-namespace -f -e $made_ns -m devdax --map=mem -a 2M >/tmp/ns 2>/tmp/err"
	a=$(nv_dax 0)
	[ -e "$sys/$a" ]
}
size=$(cat "$sys/$a/size")
forge -o /tmp/unit 00000000-0000-0000-0000-000000000000 $forged $key "$size"
for i in $(seq 64); do
	cat /tmp/unit
done >/tmp/units
check "raw: a device" made raw raw
hold raw "$a" "not formatted on this namespace, but there is a superblock; $ways"
accept "$a" none
plain "raw, and root says plain" "$a"
check "to devdax" to_dax "$a"
said_mark
plain "raw, from then on" "$a"
check "raw, from then on: not a word" eval "! said '$a: (held|plain|persist)'"
check "to devdax" to_dax "$a"

check "sector: a device" made sector sector
check "sector: to system-ram" to_ram "$a"
state=$(persist "$a" state 2>/dev/null || echo plain)
check "sector: not attached, $state" [ "$state" = held -o "$state" = plain ]
check "sector: to devdax" to_dax "$a"
accept "$a" none
plain "sector, and root says plain" "$a"
check "to devdax" to_dax "$a"

# media errors of a device that was never formatted; where they are, in page frames
page=$(($(cat "$sys/$a/resource") / 4096))
front=$(($(cat "/sys/bus/nd/devices/region$(nv_region 0)/resource") / 4096))
bad() {
	echo "$1 1" >$inject
}
good() {
	echo "-$1 1" >$inject
}
bad $page
plain "first page bad" "$a"
check "to devdax" to_dax "$a"
bad $((page + 511))
plain "both places bad" "$a"
check "to devdax" to_dax "$a"
bad $front
hold "the marker, too" "$a" "nothing that tells whether there is data can be read; see ndctl list -M"
good $page
plain "all bad but the first" "$a"
check "to devdax" to_dax "$a"
good $((page + 511))
forge -o /tmp/unit "$(info_uuid_of "$a")" $forged $key "$size"
dd if=/tmp/unit of=/share/nv0 bs=2M seek=1 conv=notrunc status=none
hold "marker bad, a superblock" "$a" "there is a superblock, but the marker of the namespace is unreadable; $ways"
good $front
printf KRAMMEMK | dd of=/share/nv0 bs=8 count=1 conv=notrunc status=none
hold "marker damaged, a superblock" "$a" "there is a superblock, but the marker of the namespace is damaged or that of another namespace; $ways"
accept "$a" none
plain "and root says plain" "$a"
check "no leaks" leaks
END
guest_wait last
same "nothing is left of the marker" "$(sb share/nv0 marker)" none
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# Taking a device out of service: by unplug, by daxctl, by unbind, idle and in
# use; what is refused is explained and changes nothing; data stays in each case.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest first --nvdimm nv0:512M --nvdimm nv1:256M <<'END'
. /usr/lib/guest/lib.sh
dev=$(nv_dax 0)
other=$(nv_dax 1)
dax=/sys/bus/dax/devices/$dev
drv=/sys/bus/dax/drivers/kmem

gone() {
	check "$1: no disk" [ ! -e /dev/kmem0 ]
	same "$1: no RAM" "$(ram_of "$dev")" 0
}

back() {
	check "$1: the disk is back" until_true 10 [ -b /dev/kmem0 ]
	check "$1: its data" kmemio check /dev/kmem0 256 2048 1
	check "$1: what is lent is RAM" until_true 20 at_rest "$dev"
	check "$1: every byte is accounted for" sums_up "$dev"
}

check "two devdax namespaces" [ -n "$dev" -a -n "$other" ]
format_type 1
check "to system-ram" to_ram "$dev"
check "the disk" until_true 10 [ -b /dev/kmem0 ]
check "write" kmemio fill /dev/kmem0 256 2048 1

# idle
check "unplug" eval "echo unplugged >$dax/state"
same "unplugged: state" "$(cat $dax/state)" unplugged
check "unplugged: no persist/" [ ! -e $dax/persist ]
gone "unplugged"
check "plug" eval "echo online_movable >$dax/state"
back "plugged"
check "to devdax" to_dax "$dev"
gone "devdax"
check "to system-ram" to_ram "$dev"
back "system-ram"
check "blocks offline" set_blocks "$dev" offline
check "unbind" eval "echo $dev >$drv/unbind"
check "unbound: no persist/" [ ! -e $dax/persist ]
gone "unbound"
same "unbound: no blocks" "$(blocks_of "$dev")" ""
check "bind" eval "echo $dev >$drv/bind"
check "blocks online" set_blocks "$dev" online_movable
back "bound"

# partitions
printf 'label: dos\n1MiB,64MiB\n,64MiB\n' | sfdisk -q /dev/kmem0
check "two partitions" until_true 10 [ -b /dev/kmem0p1 -a -b /dev/kmem0p2 ]
check "write to the second" kmemio fill /dev/kmem0p2 0 1024 2
check "the first is what was written to the disk" kmemio check /dev/kmem0 256 2048 1
check "off and on" eval 'to_dax "$dev" && to_ram "$dev"'
check "partitions are back" until_true 10 [ -b /dev/kmem0p1 -a -b /dev/kmem0p2 ]
check "the second has its data" kmemio check /dev/kmem0p2 0 1024 2
back "with partitions"

# read-only
check "blockdev --setro" blockdev --setro /dev/kmem0p2
check "a write is refused" eval "! dd if=/dev/zero of=/dev/kmem0p2 bs=4k count=1 oflag=direct conv=notrunc 2>/dev/null"
check "the data is as it was" kmemio check /dev/kmem0p2 0 1024 2
check "blockdev --setrw" blockdev --setrw /dev/kmem0p2
check "an opener from before cannot write either" kmemio readonly /dev/kmem0p2

# in use
check "mkfs.ext4" mkfs.ext4 -q /dev/kmem0p2
check "mount" mount /dev/kmem0p2 /mnt
check "a file" kmemio fill /mnt/a 0 1024 3
said_mark
refused "unplug while mounted" "Device or resource busy" unplugged $dax/state
check "the log names the holder and says what to do" \
	said "$dev: /dev/kmem0 is in use \([0-9]+ openers\): unmount it"
same "it is active" "$(persist "$dev" state)" active
check "the file" kmemio check /mnt/a 0 1024 3
check "another" kmemio fill /mnt/b 0 1024 4
check "every byte is accounted for" sums_up "$dev"
check "what is lent is RAM" until_true 20 at_rest "$dev"
# daxctl offlines block by block and then unbinds, which nothing can refuse: the first
# block does
said_mark
ram=$(ram_of "$dev")
check "daxctl cannot take it" eval '! to_dax "$dev" 2>/dev/null'
check "the log says why" said "$dev: in use \([0-9]+ users\), its memory stays online: unmount it"
check "it is active" [ "$(persist "$dev" state)" = active ]
check "all blocks are online" [ "$(for block in $(blocks_of "$dev"); do
	cat /sys/devices/system/memory/"$block"/state; done | sort -u)" = online ]
same "all RAM is there" "$(ram_of "$dev")" "$ram"
check "the files" eval "kmemio check /mnt/a 0 1024 3 && kmemio check /mnt/b 0 1024 4"
check "rmmod of the plugin is refused" eval "! rmmod kmem_blk 2>/tmp/err"
check "because it is in use" grep -q 'in use' /tmp/err
check "rmmod of the framework, too" eval "! rmmod kmem_persist 2>/dev/null"
check "umount" umount /mnt
exec 5</dev/kmem0
refused "unplug while open" "Device or resource busy" unplugged $dax/state
exec 5<&-
check "unplug" eval "echo unplugged >$dax/state"
gone "unplugged again"
check "rmmod of the plugin" rmmod kmem_blk
check "plug" eval "echo online_movable >$dax/state"
check "the plugin was loaded again" eval "lsmod | grep -q ^kmem_blk"
back "plugged again"
check "to devdax" to_dax "$dev"
check "kmem goes, with all" modprobe -r kmem_blk kmem
check "kmem comes" modprobe kmem
check "to system-ram" to_ram "$dev"
back "modules loaded again"

# a second device does not mind
format_type 1
check "another device" to_ram "$other"
check "its disk" until_true 10 [ -b /dev/kmem1 ]
check "write to it" kmemio fill /dev/kmem1 0 1024 5
check "no leaks" leaks

# by force
check "mount" mount /dev/kmem0p2 /mnt
check "a file, synced" eval "kmemio fill /mnt/c 0 512 6 && sync -f /mnt"
exec 6</mnt/a
said_mark
check "unbind while mounted ends" eval "echo $dev >$drv/unbind"
check "the log says so" said '/dev/kmem0 is taken away from [0-9]+ openers'
check "no disk" [ ! -e /dev/kmem0 ]
check "its memory stays until the reboot" said 'stuck online until reboot'
echo 3 >/proc/sys/vm/drop_caches
check "readers get errors" eval "! kmemio check /mnt/c 0 512 6 2>/dev/null"
check "writers get errors" eval "! kmemio fill /mnt/d 0 64 6 2>/dev/null"
exec 6<&-
umount /mnt
check "umount" eval "! mountpoint -q /mnt"
check "binding it again is refused" eval "! echo $dev >$drv/bind"
check "the other device works" eval "kmemio check /dev/kmem1 0 1024 5 && kmemio fill /dev/kmem1 0 1024 7"
check "what is lent of it is RAM" until_true 20 at_rest "$other"
# what is left behind goes off- and online as any memory, and data is kept back
check "its blocks go offline" set_blocks "$dev" offline
check "and come back" set_blocks "$dev" online_movable
check "programs use them" numactl -m "$(node_of "$dev")" sha256sum /bin/bash
END
check "the device as the format demands" sb nv0 check
same "clean" "$(sb nv0 get primary state)" 1
guest second --nvdimm nv0 --nvdimm nv1 <<'END'
. /usr/lib/guest/lib.sh
check "kmem" modprobe kmem
check "to system-ram" each to_ram "$(nv_dax 0)" "$(nv_dax 1)"
check "partitions" until_true 10 [ -b /dev/kmem0p1 -a -b /dev/kmem0p2 ]
check "the first" kmemio check /dev/kmem0 256 2048 1
e2fsck -p /dev/kmem0p2
check "e2fsck -p finds a journal to replay, no more" [ $? -le 1 ]
check "mount" mount /dev/kmem0p2 /mnt
check "files" eval "kmemio check /mnt/a 0 1024 3 && kmemio check /mnt/b 0 1024 4"
check "the file synced before the device was taken away" kmemio check /mnt/c 0 512 6
check "umount" umount /mnt
check "the other device" kmemio check /dev/kmem1 0 1024 7
END
finish

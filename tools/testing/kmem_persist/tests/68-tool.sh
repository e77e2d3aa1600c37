# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# kmem-persist on devices themselves, /dev/daxX.Y, and the kernel on what it leaves: each
# has to read what the other has written. What the program does to a device in other ways
# is looked at with images, by 06-tool.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools
guest_tool

guest tool --share share --nvdimm share/nv0:384M <<'END'
. /usr/lib/guest/lib.sh
cp /share/kmem-persist /share/sbedit /tmp/
uuid=01234567-89ab-4cde-8f01-23456789abcd
sys=/sys/bus/dax/devices
nr=4096		# blocks

# tool STATUS NAME ARG...: its exit status; what it prints goes to /tmp/out
tool() {
	local rc=0
	/tmp/kmem-persist "${@:3}" >/tmp/out 2>&1 || rc=$?
	same "$2" $rc "$1"
	[ $rc -eq "$1" ] || sed 's/^/# /' /tmp/out
}
says() {
	check "$1" grep -qE "$2" /tmp/out
}
json() {
	same "$1" "$(jq -r "$2" /tmp/out)" "$3"
}
held() {
	until_true 20 grep -q . "$sys/$d/persist/reason"
}

d=$(nv_dax 0)
check "a devdax namespace" [ -c "/dev/$d" ]
tool 8 "nothing is on it" info "/dev/$d"
tool 0 "format" format --label first --uuid $uuid "/dev/$d"
cp /tmp/out /tmp/format.out
tool 0 "check" check --json "/dev/$d"
json "as many pages as the device has" .summary.pages $(($(cat "$sys/$d/size") / 4096))
tool 8 "not a second time" format "/dev/$d"
tool 16 "nor with a part of it" check --offset 4096 "/dev/$d"

# the kernel was told what it is, and takes it
check "kernel: told" grep -q '^kernel_told *yes' /tmp/format.out
check "kernel: what" [ "$(cat "$sys/$d/persist_accept")" = "$(sed -n 's/^accept *//p' /tmp/format.out)" ]
same "marker: none yet" "$(/tmp/sbedit /share/nv0 marker)" none
check "kmem" modprobe kmem
check "to system-ram" to_ram "$d"
disk=/dev/$(disk_of "$d")
check "disk" until_true 10 [ -b "$disk" ]
same "label" "$(persist "$d" label)" first
same "uuid" "$(persist "$d" uuid)" $uuid
same "marker" "$(/tmp/sbedit /share/nv0 marker)" good
same "told once" "$(cat "$sys/$d/persist_accept")" ""
check "write" kmemio fill "$disk" 0 $nr 1

# in use: what the kernel says, put together
tool 0 "status" status --json first
json "status: the device" '.devices[0] | "\(.name) \(.state) \(.uuid)"' "$d active $uuid"
json "status: its disk" .devices[0].disk.name "${disk#/dev/}"
json "status: its memory" '.devices[0] | .capacity_bytes == .stored_bytes + .pool_bytes + .lent_bytes + .absent_bytes + .bad_bytes' true
check "status: data" jq -e ".devices[0] | .stored_bytes >= $((nr * 4096)) and .disk.mapped_bytes == $((nr * 4096))" /tmp/out
check "status: what can be stored" jq -e '.devices[0] | .avail_bytes > 0 and .avail_bytes <= .free_bytes and .free_bytes <= .capacity_bytes - .stored_bytes' /tmp/out
json "status: nothing is wrong, nobody uses it" '.devices[0] | "\(.problems) \(.disk.users)"' "[] []"
tool 0 "status: by its UUID" status "$uuid"
mkfs.ext4 -q "$disk"
check "mount" mount "$disk" /mnt
tool 0 "status: mounted" status --json "$disk"
json "status: where" '.devices[0].disk.users[0] | "\(.kind) \(.name)"' "mount /mnt"
check "umount" umount /mnt
check "swap" eval 'mkswap "$disk" >/dev/null && swapon "$disk"'
tool 0 "status: swap" status --json "$disk"
json "status: who" '.devices[0].disk.users[0] | "\(.kind) \(.name)"' "swap $disk"
check "no swap" swapoff "$disk"
check "read-only" blockdev --setro "$disk"
tool 1 "status: read-only" status "$d"
says "status: what to do" "read_only .*blockdev --setrw"
check "writable" blockdev --setrw "$disk"
check "low water" setting "$d" low_water_bytes "$(cat "$sys/$d/size")"
tool 1 "status: low space" status --json "$d"
json "status: which problem" '.devices[0].problems[0].problem' low_space
check "low water" setting "$d" low_water_bytes 0
tool 0 "list" list
says "list: a line" "^$d +active .* ${disk#/dev/} +first\$"
check "discard all" blkdiscard "$disk"
check "write again" kmemio fill "$disk" 0 $nr 1
check "discard a part" blkdiscard -o 1M -l 1M "$disk"
tool 8 "not while kmem has it" check "/dev/$d"
says "it says how to get it" "daxctl reconfigure-device --mode=devdax"
check "to devdax" to_dax "$d"

tool 0 "check what the kernel has left" check --json "/dev/$d"
json "blocks" .summary.data_blocks $((nr - 256))
tool 0 "info" info --json "/dev/$d"
json "detached cleanly" .state CLEAN
tool 0 "extract" extract "/dev/$d" /tmp/disk
check "block for block" kmemio check /tmp/disk 0 256 1
check "and what was discarded" kmemio zero /tmp/disk 256 256
check "and the rest" kmemio check /tmp/disk 512 $((nr - 512)) 1
rm -f /tmp/disk
tool 0 "dump" dump --map --json "/dev/$d"
check "dump is JSON" jq -e . /tmp/out

# the tool mends what the kernel refuses
check "damage" /tmp/sbedit /share/nv0 damage primary
# more than one bit: that would be mended
for i in 0 3 7; do
	check "damage" /tmp/sbedit /share/nv0 flip "$(/tmp/sbedit /share/nv0 root)" $i
done
check "to system-ram" to_ram "$d"
same "kmem holds it" "$(persist "$d" state)" held
check "and says why" held
tool 4 "status: held" status --json "$d"
json "status: the reason" .devices[0].reason "$(persist "$d" reason)"
json "status: which problem" .devices[0].problems[0].problem held
tool 4 "status: held" status
says "status: what to do" "held .*kmem-persist check"
echo "# $(persist "$d" reason)"
check "to devdax" to_dax "$d"
tool 4 "check finds both" check "/dev/$d"
says "superblock" "primary superblock"
says "entry" "entry|node"
tool 4 "dry run" repair -n "/dev/$d"
tool 4 "nothing was written" check "/dev/$d"
tool 1 "repair" repair -y "/dev/$d"
tool 0 "check" check "/dev/$d"
check "to system-ram" to_ram "$d"
disk=/dev/$(disk_of "$d")
check "disk" until_true 10 [ -b "$disk" ]
check "what was lost cannot be read" eval '! kmemio check "$disk" 0 256 1 2>/tmp/err'
error=$(cat /tmp/err)
check "that is an error, not other data ($error)" grep -q "No data available" /tmp/err
check "it can be written" kmemio fill "$disk" 0 $nr 2
check "and read" kmemio check "$disk" 0 $nr 2
check "to devdax" to_dax "$d"

# a disk larger than the device, whose map is scanned by all processors
tool 8 "wipe refuses" wipe "/dev/$d"
tool 0 "format, larger than the device" format --force --size 8G "/dev/$d"
check "to system-ram" to_ram "$d"
disk=/dev/$(disk_of "$d")
check "disk" until_true 10 [ -b "$disk" ]
same "nothing but the root was read" "$(persist "$d" scan_bytes)" 4096
gib=262144	# blocks
for g in 0 2 3 7; do
	check "write at $g GiB" kmemio fill "$disk" $((g * gib + 400)) 1000 $((g + 1))
done
check "to devdax" to_dax "$d"
tool 0 "check" check --json "/dev/$d"
json "blocks" .summary.data_blocks 4000
nodes=$(jq .summary.node_pages /tmp/out)
check "to system-ram" to_ram "$d"
disk=/dev/$(disk_of "$d")
check "disk" until_true 10 [ -b "$disk" ]
same "each node was read once" "$(persist "$d" scan_bytes)" $((nodes * 4096))
check "it took a while" [ "$(persist "$d" scan_ms)" -ge 1 ]
for g in 0 2 3 7; do
	check "read at $g GiB" kmemio check "$disk" $((g * gib + 400)) 1000 $((g + 1))
done
check "every byte is accounted for" sums_up "$d"
check "to devdax" to_dax "$d"

# what is refused does not depend on who was first
tool 0 "dump" dump --map --json "/dev/$d"
dpns=$(jq '.map[] | select(.kind == "node" and .level == 1) | .dpn' /tmp/out)
first=$(echo "$dpns" | head -n 1)
last=$(echo "$dpns" | tail -n 1)
check "leaves" [ "$(echo "$dpns" | wc -l)" -ge 8 -a "$first" != "$last" ]
check "damage the first" /tmp/sbedit /share/nv0 flip "$first" $((450 * 8))
check "damage the last" /tmp/sbedit /share/nv0 flip "$last" $((100 * 8))
for i in 1 2 3; do
	dmesg -c >/dev/null
	check "to system-ram" to_ram "$d"
	same "kmem holds it" "$(persist "$d" state)" held
	check "the first is what is reported" eval 'dmesg | grep -q "page $first, level 0, index 450"'
	check "to devdax" to_dax "$d"
done
tool 1 "repair" repair -y "/dev/$d"
check "to system-ram" to_ram "$d"
disk=/dev/$(disk_of "$d")
check "disk" until_true 10 [ -b "$disk" ]
check "the rest is there" kmemio check "$disk" $((3 * gib + 400)) 1000 4
check "to devdax" to_dax "$d"

tool 8 "wipe refuses" wipe "/dev/$d"
tool 0 "wipe" wipe --force "/dev/$d"
tool 8 "nothing is on it" info "/dev/$d"
same "kernel: told to erase the marker" "$(cat "$sys/$d/persist_accept")" none
check "to system-ram" to_ram "$d"
check "a plain device" [ ! -e "$sys/$d/persist/usage" -o "$(persist "$d" state)" = plain ]
same "the marker is gone" "$(/tmp/sbedit /share/nv0 marker)" none
check "to devdax" to_dax "$d"

# as the guide has it: saved, and written back to another device
tool 0 "guide: format" format --label saved "/dev/$d"
check "to system-ram" to_ram "$d"
disk=/dev/$(disk_of "$d")
check "disk" until_true 10 [ -b "$disk" ]
check "guide: data" kmemio fill "$disk" 100 300 5
check "to devdax" to_dax "$d"
check "guide: extract" /tmp/kmem-persist extract "/dev/$d" /tmp/disk
check "guide: wipe" /tmp/kmem-persist wipe --force "/dev/$d"
check "to system-ram" to_ram "$d"
check "guide: plain" [ ! -e "$sys/$d/persist/usage" -o "$(persist "$d" state)" = plain ]
check "to devdax" to_dax "$d"
check "guide: format" /tmp/kmem-persist format --label again "/dev/$d"
check "to system-ram" to_ram "$d"
disk=/dev/$(disk_of "$d")
check "disk" until_true 10 [ -b "$disk" ]
check "guide: write back" dd if=/tmp/disk of="$disk" bs=1M conv=sparse status=none
check "guide: the same data" kmemio check "$disk" 100 300 5
check "to devdax" to_dax "$d"
rm -f /tmp/disk

# the same without the kernel, from device to device
tool 0 "import: a disk of 64 MiB" format --force --size 64M "/dev/$d"
check "import: what is empty" eval '/tmp/kmem-persist extract "/dev/$d" - 2>/dev/null >/tmp/empty'
check "to system-ram" to_ram "$d"
disk=/dev/$(disk_of "$d")
check "disk" until_true 10 [ -b "$disk" ]
check "import: data" kmemio fill "$disk" 100 300 6
check "to devdax" to_dax "$d"
check "import: extract" eval '/tmp/kmem-persist extract "/dev/$d" - 2>/dev/null >/tmp/stream'
tool 0 "import: what is empty" import --force "/dev/$d" /tmp/empty
check "import: through a pipe" eval 'cat /tmp/stream | /tmp/kmem-persist import --force --size 8G "/dev/$d" - >/tmp/out'
check "to system-ram" to_ram "$d"
disk=/dev/$(disk_of "$d")
check "disk" until_true 10 [ -b "$disk" ]
same "import: attached" "$(persist "$d" state)" active
check "import: the same data" kmemio check "$disk" 100 300 6
check "import: and no other" kmemio zero "$disk" 400 1000
check "import: it can be written" kmemio fill "$disk" 0 1000 7
check "import: every byte is accounted for" sums_up "$d"
check "to devdax" to_dax "$d"
tool 0 "import: check" check "/dev/$d"
head -c 100000 /tmp/stream >/tmp/cut
tool 8 "import: a stream that was cut" import --force "/dev/$d" /tmp/cut
tool 8 "import: leaves nothing" info "/dev/$d"

# a disk whose map this machine has no memory for
tool 0 "large: format" format --size 170T "/dev/$d"
dmesg -c >/dev/null
check "to system-ram" to_ram "$d"
same "large: held" "$(persist "$d" state)" held
check "large: and the log says for what" eval 'dmesg | grep -q "map of a disk of 178257920 MiB: it takes [0-9]* MiB of RAM"'
check "to devdax" to_dax "$d"

# a filesystem whose structures have their blocks outlives a full disk, as the guide has it
tool 0 "full: format" format --force "/dev/$d"
check "to system-ram" to_ram "$d"
disk=/dev/$(disk_of "$d")
check "disk" until_true 10 [ -b "$disk" ]
echo 0 >"/sys/block/${disk#/dev/}/kmem/no_space_timeout"
check "full: mkfs.ext4" mkfs.ext4 -q -N 20480 -E lazy_itable_init=0,lazy_journal_init=0 "$disk"
# nobody writes the inode tables behind our back
check "full: mount" mount -o noinit_itable "$disk" /mnt
check "full: a limit" setting "$d" limit_bytes $(($(persist "$d" stored) + (16 << 20)))
dmesg -c >/dev/null
check "full: it is" eval '! timeout 100 kmemio fill /mnt/fill 0 8192 1 2>/tmp/err && grep -q "No space left" /tmp/err'
check "full: 10000 new files" eval 'mkdir /mnt/d && seq -f /mnt/d/%g 10000 | xargs touch && sync'
check "full: nothing failed but data" eval '! dmesg | grep -E "EXT4-fs (error|warning)|JBD2|Remounting"'
check "full: files can go" eval 'rm -r /mnt/d /mnt/fill && sync && : >/mnt/again'
check "umount" umount /mnt
check "full: e2fsck" e2fsck -fn "$disk"
check "to devdax" to_dax "$d"
tool 0 "import: the disk of before" import --force --label again "/dev/$d" /tmp/stream
rm -f /tmp/stream /tmp/cut /tmp/empty

# a namespace that was made again by mistake, over its data
uuid=$(/tmp/kmem-persist info --json "/dev/$d" | jq -r .uuid)
ns=$(ndctl list -N -m devdax | jq -r '.. | .dev? // empty' | head -n 1)
was=$(info_uuid 0)
check "again: create-namespace" ndctl create-namespace -f -e "$ns" -m devdax --map=mem -a 2M
d=$(nv_dax 0)
check "again: another uuid" [ "$(info_uuid 0)" != "$was" ]
same "again: no marker" "$(/tmp/sbedit /share/nv0 marker)" none
check "to system-ram" to_ram "$d"
same "again: held" "$(persist "$d" state)" held
check "again: and it says how to go on" eval 'persist "$d" reason | grep -q "kmem-persist adopt"'
check "to devdax" to_dax "$d"
tool 4 "again: check" check "/dev/$d"
says "again: it is of another namespace" "ns_uuid: is not that of this namespace"
tool 16 "again: adopt shows what is there" adopt "/dev/$d"
says "again: the label" 'label +"again"'
says "again: how much" 'data_bytes +1228800 '
same "again: the kernel was told nothing" "$(cat "$sys/$d/persist_accept")" ""
check "again: adopt" /tmp/kmem-persist adopt --yes "/dev/$d"
check "to system-ram" to_ram "$d"
disk=/dev/$(disk_of "$d")
check "disk" until_true 10 [ -b "$disk" ]
same "again: the same format" "$(persist "$d" uuid)" "$uuid"
check "again: the same data" kmemio check "$disk" 100 300 6
same "again: marker" "$(/tmp/sbedit /share/nv0 marker)" good
check "to devdax" to_dax "$d"
tool 0 "again: good" check "/dev/$d"
tool 0 "again: another uuid" adopt --yes --new-uuid "/dev/$d"
check "to system-ram" to_ram "$d"
check "again: is attached, with that" [ "$(persist "$d" uuid)" != "$uuid" ]
check "to devdax" to_dax "$d"
END
finish

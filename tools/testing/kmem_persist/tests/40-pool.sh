# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# Storage and RAM out of one pool: MemTotal follows what is stored, in both
# directions, in the movable and in the kernel zone, in a node of its own and in
# one with DRAM, with blocks that come late and go one by one; and every byte is
# accounted for at every step.
. "$KP_DIR/lib/testlib.sh"

# the unaligned head of a device, 126 MiB, is never RAM and used for storage
# first: write more than that
guest movable --timeout 400 --nvdimm nv0:768M:own --nvdimm nv1:512M:0 <<'END'
. /usr/lib/guest/lib.sh
dax=/sys/bus/dax/devices
mib=256		# blocks

own=$(nv_dax 0)
shared=$(nv_dax 1)
check "two devdax namespaces" [ -n "$own" -a -n "$shared" ]
format_type 1
node=$(node_of "$own")
same "the other is in the node with DRAM" "$(node_of "$shared")" 0
base=$(mem_total 0)
check "to system-ram, a node of its own" to_ram "$own"
follows "empty" "$own"
check "to system-ram, a node shared with DRAM" to_ram "$shared"
follows "shared, empty" "$shared" "$base"
disk0=/dev/$(disk_of "$own")
disk1=/dev/$(disk_of "$shared")
check "two disks" [ -b "$disk0" -a -b "$disk1" -a "$disk0" != "$disk1" ]
same "the zone of the blocks" "$(cat /sys/devices/system/node/node$node/memory*/valid_zones | sort -u)" Movable
capacity=$(usage "$own" capacity)
head=$(usage "$own" absent)
ram0=$(ram_of "$own")
between "RAM of an empty device, kB" $((capacity / 1024 - head / 1024 - 24576)) $((capacity / 1024)) ram_of "$own"

# write
stored=$(usage "$own" stored)
check "write 300 MiB" kmemio fill "$disk0" 0 $((300 * mib)) 1
follows "300 MiB stored" "$own"
grown=$(($(usage "$own" stored) - stored))
between "stored grows by what is written, bytes" $((300 << 20)) $((310 << 20)) echo "$grown"
between "RAM shrinks by what is written, kB" $((300 * 1024 - head / 1024 - 24576)) $((310 * 1024)) \
	less_ram "$own" "$ram0"
ram1=$(ram_of "$own")
same "mapped_bytes" "$(cat /sys/block/"${disk0#/dev/}"/kmem/mapped_bytes)" $((300 << 20))
check "overwrite a part" kmemio fill "$disk0" $((50 * mib)) $((100 * mib)) 2
follows "overwritten" "$own"
between "overwriting takes nothing, kB" -16384 16384 less_ram "$own" "$ram1"
# both at once
check "the other disk, too" kmemio fill "$disk1" 0 $((200 * mib)) 3
follows "shared, 200 MiB stored" "$shared" "$base"
check "data of the one" kmemio check "$disk0" $((150 * mib)) $((150 * mib)) 1
check "data of the other" kmemio check "$disk1" 0 $((200 * mib)) 3

# discard
check "discard 200 MiB" blkdiscard -o $((100 << 20)) -l $((200 << 20)) "$disk0"
follows "100 MiB stored" "$own"
between "RAM grows by what is discarded, kB" $((-210 * 1024)) $((24576 + head / 1024 - 200 * 1024)) \
	less_ram "$own" "$ram1"
check "what was discarded is zero" kmemio zero "$disk0" $((100 * mib)) $((200 * mib))
check "the rest is not" kmemio check "$disk0" $((50 * mib)) $((50 * mib)) 2
check "discard all" blkdiscard "$disk0"
follows "discarded" "$own"
between "all is RAM again, kB" $((ram0 - 8192)) "$ram0" ram_of "$own"
check "discard of the other" blkdiscard "$disk1"
follows "shared, discarded" "$shared" "$base"

# a filesystem
check "mkfs.ext4" mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$disk0"
follows "mkfs" "$own"
check "mount" mount "$disk0" /mnt
check "files" eval "kmemio fill /mnt/a 0 $((100 * mib)) 4 && kmemio fill /mnt/b 0 $((100 * mib)) 5"
sync
follows "two files" "$own"
full=$(ram_of "$own")
# the first lies where there is no RAM, in the head of the device
check "the second goes" rm /mnt/b
sync
check "fstrim" fstrim /mnt
follows "one file" "$own"
between "RAM grows by what was trimmed, kB" $((-110 * 1024)) -16384 less_ram "$own" "$full"
check "the other file" kmemio check /mnt/a 0 $((100 * mib)) 4

# RAM in use by a program, with huge pages and without, gives way
free=$(sed -n 's/^Node [0-9]* MemFree: *\([0-9]*\) kB/\1/p' /sys/devices/system/node/node$node/meminfo)
echo always >/sys/kernel/mm/transparent_hugepage/enabled
numactl --preferred="$node" ramfill $((free / 1024 * 60 / 100)) >/tmp/huge &
huge=$!
check "a program with huge pages" until_true 120 grep -q filled /tmp/huge
echo never >/sys/kernel/mm/transparent_hugepage/enabled
numactl --preferred="$node" ramfill $((free / 1024 * 25 / 100)) >/tmp/small &
small=$!
check "a program with small pages" until_true 120 grep -q filled /tmp/small
free=$(sed -n 's/^Node [0-9]* MemFree: *\([0-9]*\) kB/\1/p' /sys/devices/system/node/node$node/meminfo)
before=$(ram_of "$own")
taken=$(sed -n 's/^taken //p' "$dax/$own/persist/exchange")
check "a file while its RAM is in use (${free} kB free)" kmemio fill /mnt/c 0 $((200 * mib)) 6
follows "a file more" "$own"
between "RAM in use gives way, kB" $((150 * 1024)) $((220 * 1024)) less_ram "$own" "$before"
check "it was taken from the page allocator" [ "$(sed -n 's/^taken //p' "$dax/$own/persist/exchange")" -gt "$taken" ]
rounds=$(cat /tmp/huge /tmp/small | wc -l)
for f in huge small; do
	rounds=$(wc -l </tmp/$f)
	check "the program with $f pages finds its memory as written" \
		until_true 100 eval "[ \$(wc -l </tmp/$f) -ge $((rounds + 2)) ]"
	same "nothing wrong with $f pages" "$(grep -c WRONG /tmp/$f)" 0
done
check "both run on" kill "$huge" "$small"
wait "$huge" "$small"
check "the files" eval "kmemio check /mnt/a 0 $((100 * mib)) 4 && kmemio check /mnt/c 0 $((200 * mib)) 6"

# blocks of a device in use do not go offline, unless that is allowed
same "offline" "$(persist "$own" offline)" "[refused] allowed"
ram=$(ram_of "$own")
for block in $(blocks_of "$own"); do
	refused "$block of a device in use" "Device or resource busy" offline /sys/devices/system/memory/"$block"/state
done
same "no RAM is gone" "$(ram_of "$own")" "$ram"
check "the log says who, and what to do" \
	said "$own: in use \([0-9]+ users\), its memory stays online: unmount it, .* or write allowed to persist/offline"
refused "offline: nonsense" "Invalid argument" maybe $dax/"$own"/persist/offline
check "allow it" setting "$own" offline allowed
same "allowed" "$(persist "$own" offline)" "refused [allowed]"

# blocks go and come, one by one, under the filesystem
capacity=$(usage "$own" capacity)
for block in $(blocks_of "$own"); do
	state=/sys/devices/system/memory/$block/state
	lent=$(usage "$own" lent)
	absent=$(usage "$own" absent)
	check "$block goes offline" eval "echo offline >$state"
	check "$block offline: what is lent is RAM" until_true 10 lent_is_ram "$own"
	check "$block offline: every byte is accounted for" sums_up "$own"
	check "$block offline: some is absent" [ "$(usage "$own" absent)" -gt "$absent" ]
	check "$block offline: the file" kmemio check /mnt/c 0 $((200 * mib)) 6
	check "$block offline: writing" kmemio fill /mnt/d 0 $((4 * mib)) 7
	check "$block comes back" eval "echo online_movable >$state"
	follows "$block online" "$own"
	check "$block online: the file" kmemio check /mnt/d 0 $((4 * mib)) 7
	check "$block online: RAM as before" [ "$(usage "$own" lent)" -ge $((lent - (12 << 20))) ]
done
# all of them do not, as whoever wants that wants to unbind the device next
blocks=$(blocks_of "$own")
last=${blocks##*[[:space:]]}
for block in ${blocks%"$last"}; do
	check "$block goes offline again" eval "echo offline >/sys/devices/system/memory/$block/state"
done
said_mark
refused "the last block of a device in use" "Device or resource busy" offline /sys/devices/system/memory/"$last"/state
check "the log says why" said "$own: in use \([0-9]+ users\), its last memory block stays online: unmount it"
check "what is lent is RAM" until_true 10 lent_is_ram "$own"
check "the files" eval "kmemio check /mnt/a 0 $((100 * mib)) 4 && kmemio check /mnt/c 0 $((200 * mib)) 6"
check "umount" umount /mnt
check "now the last one, too" eval "echo offline >/sys/devices/system/memory/$last/state"
same "no RAM" "$(ram_of "$own")" 0
check "every byte is accounted for" sums_up "$own"
check "e2fsck" e2fsck -fn "$disk0"
check "all blocks online" set_blocks "$own" online_movable
follows "again" "$own"
check "no leaks" leaks
END

guest kernel --nvdimm nv0:768M:own --nvdimm nv2:512M:own <<'END'
. /usr/lib/guest/lib.sh
dax=/sys/bus/dax/devices
mib=256

own=$(nv_dax 0)
# the device attaches when its memory is added; RAM comes with the blocks
check "kmem" modprobe kmem
check "to system-ram, blocks offline" daxctl reconfigure-device --mode=system-ram --no-online "$own"
check "the disk" until_true 10 [ -b /dev/kmem0 ]
same "no RAM" "$(ram_of "$own")" 0
same "nothing lent" "$(usage "$own" lent)" 0
check "every byte is accounted for" sums_up "$own"
mount /dev/kmem0 /mnt
check "the files" eval "kmemio check /mnt/a 0 $((100 * mib)) 4 && kmemio check /mnt/c 0 $((200 * mib)) 6"
check "a file more" kmemio fill /mnt/e 0 $((8 * mib)) 8
last=0
for block in $(blocks_of "$own"); do
	check "$block comes" eval "echo online_movable >/sys/devices/system/memory/$block/state"
	follows "$block" "$own"
	now=$(usage "$own" lent)
	check "$block: more RAM than before, no less ($now)" [ "$now" -ge "$last" ]
	last=$now
done
check "there is RAM now" [ "$last" -gt $((64 << 20)) ]
check "the files" eval "kmemio check /mnt/a 0 $((100 * mib)) 4 && kmemio check /mnt/e 0 $((8 * mib)) 8"
check "umount" umount /mnt

# the kernel zone: what the kernel has there stays, the rest moves
other=$(nv_dax 1)
check "a devdax namespace" [ -n "$other" ]
format_type 1
check "to system-ram, not movable" to_ram --no-movable "$other"
disk=/dev/$(disk_of "$other")
check "the disk" until_true 10 [ -b "$disk" ]
same "the zone" "$(cat /sys/devices/system/node/node"$(node_of "$other")"/memory*/valid_zones | sort -u)" Normal
follows "kernel zone, empty" "$other"
empty=$(ram_of "$other")
check "write 250 MiB" kmemio fill "$disk" 0 $((250 * mib)) 9
follows "kernel zone, 250 MiB" "$other"
full=$(ram_of "$other")
check "RAM shrank ($empty to $full kB)" [ $((empty - full)) -ge $((100 * 1024)) ]
check "data" kmemio check "$disk" 0 $((250 * mib)) 9
check "discard" blkdiscard "$disk"
follows "kernel zone, discarded" "$other"
check "RAM grew again" until_true 30 eval '[ $((empty - $(ram_of "$other"))) -le 8192 ]'
END
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# The disk below other things while a program uses the RAM of its node: a loop
# device, encryption, a swap file, a filesystem without a free block; and RAM that is
# needed at the moment at which a discard ends.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest stacked --timeout 580 --nvdimm nv0:640M --nvdimm nv1:256M --mem 1G --append kmemleak=off <<'END'
. /usr/lib/guest/lib.sh
mib=256		# blocks
dev=$(nv_dax 0)
small=$(nv_dax 1)
check "two devdax namespaces" [ -n "$dev" -a -n "$small" ]
format_type 1
check "to system-ram" each to_ram "$dev" "$small"
check "two disks" until_true 10 [ -b /dev/kmem0 -a -b /dev/kmem1 ]
disk=/dev/$(disk_of "$dev")
node=$(node_of "$dev")
follows "empty" "$dev"
mkdir -p /inner /swap
ext4="mkfs.ext4 -q -m 0 -E lazy_itable_init=0,lazy_journal_init=0"
vmstat() {
	sed -n "s/^$1 //p" /proc/vmstat
}
# used NAME NODE: somebody has most of what is free there
used() {
	hog "$1" --preferred="$2" -p 1 $(($(node_free "$2") * 9 / 10240))
	check "$1: the RAM of the node is in use" until_true 100 grep -q filled "/tmp/hog.$1"
}
# verified NAME FILE MIB: fio writes there and finds it again
verified() {
	timeout 300 fio --name="$1" --filename="$2" --size="$3m" --direct=1 --bsrange=4k-64k --blockalign=4k \
		--rw=randwrite --ioengine=io_uring --iodepth=8 --verify=crc32c --verify_backlog=256 \
		--verify_fatal=1 --output=/tmp/fio 2>/tmp/fio.err
	rc=$?
	same "$1: fio: $(cat /tmp/fio.err)" $rc 0
}
# ended NAME: nothing is left of it, and nothing has gone wrong
ended() {
	accounted "$1" "$dev"
	check "$1: e2fsck" e2fsck -fn "$disk"
	check "$1: discard" blkdiscard "$disk"
	follows "$1: discarded" "$dev"
}
kills=$(vmstat oom_kill)

# a loop device on a file, with a filesystem in it
used loop "$node"
check "mkfs.ext4" timeout 60 $ext4 "$disk"
check "mount" mount -o discard "$disk" /mnt
check "a sparse file" truncate -s 256M /mnt/image
check "a loop device, direct I/O" losetup --direct-io=on -b 4096 /dev/loop0 /mnt/image
same "it is direct" "$(cat /sys/block/loop0/loop/dio)" 1
check "mkfs.ext4 in it" timeout 60 $ext4 /dev/loop0
check "mount it" mount -o discard /dev/loop0 /inner
check "a file in it" timeout 100 kmemio fill /inner/a 0 $((64 * mib)) 1
check "another one" timeout 100 kmemio -b fill /inner/b 0 $((32 * mib)) 2
verified loop /inner/c 12
check "loop: overwrites" timeout 100 kmemio -b fill /inner/a 0 $((64 * mib)) 3
sync -f /inner
accounted "loop, stored" "$dev"
# old copies are on their way to the pool for a moment
settled() {
	awk '$4 + $5 { exit 1 }' "/sys/block/${disk#/dev/}/kmem/stat"
}
check "loop: at rest" until_true 20 settled
before=$(usage "$dev" stored)
check "one file less" rm /inner/b
check "trim it" eval 'fstrim /inner && sync -f /mnt'
between "a discard in the loop reaches the device, bytes" $((30 << 20)) $((40 << 20)) eval 'echo $((before - $(usage "$dev" stored)))'
check "umount it" umount /inner
check "e2fsck of it" e2fsck -fn /dev/loop0
check "mount it again" mount /dev/loop0 /inner
check "loop: data" kmemio check /inner/a 0 $((64 * mib)) 3
check "umount" eval 'umount /inner && losetup -d /dev/loop0 && umount /mnt'
hog_end loop $hog_pid
ended loop

# encryption
used crypt "$node"
key=$(printf '%064x%064x' 0x5eed 0x1dea)
table="0 $(blockdev --getsz "$disk") crypt aes-xts-plain64 $key 0 $disk 0 2 allow_discards sector_size:4096"
open_crypt() {
	timeout 20 dmsetup create --noudevrules --noudevsync crypt --table "$table" &&
		crypt=/dev/$(dmsetup info -c --noheadings -o blkdevname crypt) && [ -b "$crypt" ]
}
close_crypt() {
	timeout 20 dmsetup remove --noudevrules --noudevsync crypt
}
check "dm-crypt" open_crypt
check "mkfs.ext4 on it" timeout 60 $ext4 "$crypt"
check "mount" mount -o discard "$crypt" /mnt
check "a file" timeout 100 kmemio fill /mnt/a 0 $((32 * mib)) 4
check "another one" timeout 100 kmemio -b fill /mnt/b 0 $((16 * mib)) 5
verified crypt /mnt/c 8
check "umount" umount /mnt
check "close" close_crypt
accounted "crypt, stored" "$dev"
same "who has no key finds no filesystem" "$(wipefs -n "$disk" 2>&1)" ""
check "open again" open_crypt
check "crypt: e2fsck" e2fsck -fn "$crypt"
check "mount" mount "$crypt" /mnt
check "crypt: data" eval 'kmemio check /mnt/a 0 $((32 * mib)) 4 && kmemio check /mnt/b 0 $((16 * mib)) 5'
check "umount" umount /mnt
check "close" close_crypt
hog_end crypt $hog_pid
accounted crypt "$dev"
check "crypt: discard" blkdiscard "$disk"
follows "crypt: discarded" "$dev"

# A swap file, and more memory than there is. Most of the devices' RAM is locked, so
# that not everything has to go through swap.
check "mkfs.ext4" timeout 60 $ext4 "$disk"
check "mount" mount "$disk" /mnt
check "a file next to it" kmemio fill /mnt/a 0 $((32 * mib)) 6
check "a swap file" eval 'dd if=/dev/zero of=/mnt/swap bs=1M count=192 oflag=direct status=none && chmod 600 /mnt/swap && mkswap -q /mnt/swap && swapon /mnt/swap'
follows "swap" "$dev"
echo 3 >/proc/sys/vm/drop_caches
other=$(node_of "$small")
hog locked -m"$node,$other" -l -p 1000 $((($(node_free "$node") + $(node_free "$other")) / 1024 - 32))
locked=$hog_pid
check "most of it is locked" until_true 60 grep -q filled /tmp/hog.locked
out=$(vmstat pswpout)
all=$(($(sed -n 's/^MemFree: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024 + 32))
hog swap --preferred="$node" -p 1 $all
check "swap: $all MiB" until_true 120 grep -q filled /tmp/hog.swap
check "swap: a file is written meanwhile" timeout 100 kmemio fill /mnt/a 0 $((32 * mib)) 7
check "swap: all as written" until_true 200 grep -q round /tmp/hog.swap
check "it was swapped ($(($(vmstat pswpout) - out)) pages)" [ $(($(vmstat pswpout) - out)) -ge $((16 * mib)) ]
accounted "swapped" "$dev"
hog_end swap $hog_pid
hog_end locked $locked
check "swapoff" timeout 100 swapoff /mnt/swap
check "the file" kmemio check /mnt/a 0 $((32 * mib)) 7
check "umount" umount /mnt
ended swap

# A filesystem without a free block: it says so itself, the device has no part in it.
full=/dev/$(disk_of "$small")
kmem=/sys/block/${full#/dev/}/kmem
nospc=$(cat "$kmem/nospc_events")
said_mark
used full "$(node_of "$small")"
check "mkfs.ext4" timeout 60 $ext4 "$full"
check "mount" mount "$full" /mnt
check "nothing is kept back" eval 'echo 0 >/sys/fs/ext4/${full#/dev/}/reserved_clusters'
n_all=
for round in 1 2 3; do
	blocks=$(stat -f -c %f /mnt)
	last=$n_all
	n=$(timeout 100 kmemio most /mnt/a 0 $((1024 * mib)) $round)
	same "full, $round: nearly all $blocks free blocks were written" $? 0
	check "full, $round: $n of them" [ "${n:-0}" -ge $((blocks - 64)) ]
	# its map of extents is of the same blocks, and differs from round to round
	n_all=$(($(stat -c %b /mnt/a) / 8))
	[ -z "$last" ] || same "full, $round: as many as before, with the file's map" "$n_all" "$last"
	check "full, $round: not one is left" eval '! timeout 60 kmemio fill /mnt/b 0 64 9 2>/tmp/err'
	check "full, $round: the filesystem says so" grep -q 'No space left on device' /tmp/err
	check "full, $round: overwrites" timeout 100 kmemio fill /mnt/a 0 $((16 * mib)) $round
	check "full, $round: data" timeout 100 kmemio check /mnt/a 0 "$n" $round
	accounted "full, $round" "$small"
	check "full, $round: emptied and trimmed" eval 'rm -f /mnt/a /mnt/b && sync -f /mnt && fstrim /mnt'
	follows "full, $round: trimmed" "$small"
done
same "full: the device was never out of space" "$(cat "$kmem/nospc_events")" "$nospc"
check "full: no I/O error" eval '! said "I/O error|lost async page write|out of space|EXT4-fs (error|warning)"'
check "umount" umount /mnt
check "full: e2fsck" e2fsck -fn "$full"
hog_end full $hog_pid
check "full: discard" blkdiscard "$full"
follows "full: discarded" "$small"

# RAM that a discard has freed is there when it ends. What cannot be RAM is filled
# first, what follows is in the place of RAM.
first=$(($(usage "$dev" absent) / 4096 + 16 * mib))
check "write $((first / mib)) and 320 MiB" timeout 100 kmemio fill "$disk" 0 $((first + 320 * mib)) 8
follows "stored" "$dev"
free=$(($(node_free "$node") / 1024))
check "320 MiB are not free ($free MiB)" [ $free -lt 200 ]
blkdiscard -o $((first * 4096)) -l $((320 << 20)) "$disk"
hog now -m"$node" -l -p 1000 $((free + 300))
check "a program locks $((free + 300)) MiB at once" until_true 100 eval "grep -q filled /tmp/hog.now || ! kill -0 $hog_pid"
check "it has them" grep -q filled /tmp/hog.now
check "its memory is in the node" [ "$(sed -n 's/^VmLck:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$hog_pid/status)" -ge $(((free + 300) * 1024)) ]
accounted "discarded, and locked" "$dev"
check "the rest of the data" kmemio check "$disk" 0 $first 8
check "an overwrite" timeout 60 kmemio fill "$disk" 0 $((16 * mib)) 9
hog_end now $hog_pid
check "discard" blkdiscard "$disk"
follows "the end" "$dev"
same "nobody was killed" "$(vmstat oom_kill)" "$kills"
END
check "as the format demands" sb nv0 check
check "the other, too" sb nv1 check
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# Media errors: known when the device is bound, found by reading, found by the kernel's
# own memory_failure(). One costs the page that it hits, and that page is never handed
# out or lent again. Errors in the map hold the device, one in a superblock does not.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

# memory_failure() says what it did
log_allow 'Memory failure:|Injecting memory failure|blk_update_request|Buffer I/O error|I/O error, dev kmem0|hwpoison'
guest_start media --timeout 390 --share share --nvdimm share/nv0:512M <<'END'
. /usr/lib/guest/lib.sh
dax=/sys/bus/dax/devices/dax0.0
inject=/sys/kernel/debug/kmem_persist
disk=/dev/kmem0
mib=256

cp /share/sbedit /tmp/
check "a devdax namespace" nvdimm_dax 0
format_type 1
check "to system-ram" to_ram dax0.0
format_type -1
check "the disk" until_true 10 [ -b $disk ]
eval "$(/tmp/sbedit /share/nv0 info)"
base=$(($(cat "/sys/bus/nd/devices/region$(nv_region 0)/resource") / 4096))

# pfn_of BLOCK SEQ: page frame of a block that was filled; its page of the device:
# dpn_of PFN
pfn_of() {
	po_page=$(image_find share/nv0 "$1" "$2" | tail -n 1) && echo $((base + po_page))
}
dpn_of() {
	echo $(($1 - base - offset / 4096))
}
plug() {
	echo online_movable >$dax/state && until_true 10 [ -b $disk ]
}
unplug() {
	echo unplugged >$dax/state
}
# unreadable NAME BLOCK: an error and nothing else
unreadable() {
	ur_msg=$(dd if=$disk of=/dev/null bs=4096 skip="$2" count=1 iflag=direct status=none 2>&1)
	same "$1: a read fails" "${ur_msg##*: }" "No data available"
}
errors() {
	sed -n "s/^$1 //p" $dax/persist/errors
}
lost() {
	echo $(($(cut -d' ' -f3 /sys/block/kmem0/kmem/stat) / 4096))
}

check "write 64 MiB" kmemio fill $disk 0 $((64 * mib)) 1
follows "written" dax0.0
same "no bad page" "$(usage dax0.0 bad)" 0
same "no bad block" "$(cat /sys/block/kmem0/badblocks)" ""

# found by reading
pfn=$(pfn_of 1000 1)
check "block 1000 is in page frame $pfn" [ -n "$pfn" ]
echo "$pfn 1" >$inject/poison
said_mark
kmemio poll /sys/block/kmem0/badblocks 100 >/tmp/poll 2>&1 &
poller=$!
check "somebody polls" until_true 10 grep -q now /tmp/poll
unreadable "block 1000" 1000
check "it is lost" until_true 10 eval '[ "$(lost)" -eq 1 ]'
check "the poller wakes" wait $poller
same "what it has seen" "$(tr '\n' ' ' </tmp/poll)" "now  then 8000 8 "
same "through the page cache it is an error as any" \
	"$(dd if=$disk of=/dev/null bs=4096 skip=1000 count=1 status=none 2>&1 | sed 's/.*: //')" "Input/output error"
check "the log says so" said "dax0\.0: /dev/kmem0: media error: block 1000 \(page $(dpn_of "$pfn")\) is lost"
same "it is in badblocks" "$(cat /sys/block/kmem0/badblocks)" "8000 8"
same "it was counted" "$(errors count)" 1
same "with its page" "$(errors last_page)" "$(dpn_of "$pfn")"
same "its page is nobody's" "$(usage dax0.0 bad)" 4096
follows "one lost" dax0.0
unreadable "again" 1000
same "without touching the media" "$(errors count)" 1
check "its neighbours" eval "kmemio check $disk 0 1000 1 && kmemio check $disk 1001 $((64 * mib - 1001)) 1"
out=$(kmemio fill $disk 1000 1 2 2>&1)
same "it can be written: $out" $? 0
check "and read" kmemio check $disk 1000 1 2
check "elsewhere" [ "$(pfn_of 1000 2)" != "$pfn" ]
same "it is not in badblocks any more" "$(cat /sys/block/kmem0/badblocks)" ""
same "nothing is lost" "$(lost)" 0
same "its page stays out of use" "$(usage dax0.0 bad)" 4096

# a run of them, one read; discarded, they are zeroes
pfn=$(pfn_of 2000 1)
for b in 2000 2001 2002 2003; do
	echo "$(pfn_of $b 1) 1" >$inject/poison
done
for b in 2000 2001 2002 2003; do
	unreadable "block $b" $b
done
check "four are lost" until_true 10 eval '[ "$(lost)" -eq 4 ]'
same "they are in badblocks" "$(tr '\n' ' ' </sys/block/kmem0/badblocks)" "16000 32 "
check "discard two of them" blkdiscard -o $((2000 * 4096)) -l 8192 $disk
check "they are zeroes" kmemio zero $disk 2000 2
same "two are left in badblocks" "$(cat /sys/block/kmem0/badblocks)" "16016 16"
follows "five bad pages" dax0.0
same "five bad pages" "$(usage dax0.0 bad)" $((5 * 4096))

# found while data is moved
pfn=$(pfn_of $((40 * mib + 256)) 1)
check "scatter" kmemio comb $disk $((32 * mib)) $((32 * mib)) 8
pfn=$(pfn_of $((40 * mib)) 1)
echo "$pfn 1" >$inject/poison
check "give_back" timeout 100 sh -c "echo 1 >$dax/persist/give_back"
unreadable "the block that could not be moved" $((40 * mib))
check "three are lost" until_true 10 eval '[ "$(lost)" -eq 3 ]'
check "rewrite it" kmemio fill $disk $((40 * mib)) 1 1
check "the others were moved" kmemio combed $disk $((32 * mib)) $((32 * mib)) 1 8
follows "moved" dax0.0

# a filesystem sees an error of its file, not more
check "discard" blkdiscard $disk
check "mkfs.ext4" mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0,nodiscard $disk
check "mount" mount $disk /mnt
check "two files" eval 'kmemio fill /mnt/a 0 2048 3 && kmemio fill /mnt/b 0 2048 4'
sync -f /mnt
echo 3 >/proc/sys/vm/drop_caches
echo "$(pfn_of 77 3) 1" >$inject/poison
msg=$(kmemio check /mnt/a 0 2048 3 2>&1)
same "a file with a bad block cannot be read ($msg)" $? 1
check "the rest of it can" eval 'kmemio check /mnt/a 0 64 3 && kmemio check /mnt/a 512 1536 3'
check "another file can" kmemio check /mnt/b 0 2048 4
check "the file is mended by writing" kmemio fill /mnt/a 77 1 3
check "all of it" kmemio check /mnt/a 0 2048 3
check "umount" umount /mnt
check "e2fsck" e2fsck -fn $disk
check "discard" blkdiscard $disk
follows "filesystem" dax0.0

# what is lost is not forgotten
check "write 16 MiB" kmemio fill $disk 0 $((16 * mib)) 5
pfn=$(pfn_of 99 5)
echo "$pfn 1" >$inject/poison
unreadable "block 99" 99
check "it is lost" until_true 10 eval '[ "$(lost)" -eq 1 ]'
count=$(errors count)
check "unplug" unplug
check "both copies of the superblock are good" /tmp/sbedit /share/nv0 check
same "the count is on the device" "$(/tmp/sbedit /share/nv0 get primary error_count)" "$count"
: "forget the errors; the region does not know them"
while read -r range; do
	echo "-$range" >$inject/poison
done <<<"$(cat $inject/poison)"
check "plug" plug
same "lost still" "$(lost)" 1
same "in badblocks" "$(cat /sys/block/kmem0/badblocks)" "792 8"
unreadable "block 99" 99
same "counted still" "$(errors count)" "$count"
same "the region knows no bad page" "$(errors known_bad)" 0
check "write it" kmemio fill $disk 99 1 5
check "all data" kmemio check $disk 0 $((16 * mib)) 5
check "unplug" unplug

# known when the device is bound
data=$(pfn_of 500 5)
# one that is free: data begins where the superblocks are
free=$((base + offset / 4096 + pages / 2))
printf '%s\n' "$data 1" >$inject/known
printf '%s\n' "$free 3" >$inject/known
said_mark
check "plug" plug
check "the log says how many" said 'dax0\.0: 4 bad pages, according to the region'
same "four pages are known" "$(errors known_bad)" 4
same "three of them are nobody's" "$(usage dax0.0 bad)" $((3 * 4096))
follows "known" dax0.0
unreadable "the one with data" 500
check "is lost" until_true 10 eval '[ "$(lost)" -eq 1 ]'
check "write everything" kmemio fill $disk 0 $((400 * mib)) 6
check "and read it" kmemio check $disk 0 $((400 * mib)) 6
check "not in that page" eval '! pfn_of 500 6 | grep -qx "$data"'
check "discard" blkdiscard $disk
follows "discarded" dax0.0
same "four pages are nobody's" "$(usage dax0.0 bad)" $((4 * 4096))
check "write 1 MiB" kmemio fill $disk 0 $mib 7
check "unplug" unplug
for range in "$data 1" "$free 3"; do
	echo "-$range" >$inject/known
done

# in the map, and in the superblocks
root=$(/tmp/sbedit /share/nv0 root)
echo "$((base + offset / 4096 + root)) 1" >$inject/known
sum=$(image_sum share/nv0)
said_mark
check "a bad page in the map: plug" eval "echo online_movable >$dax/state"
same "a bad page in the map: state" "$(persist dax0.0 state)" held
check "a bad page in the map: the log says where" said "dax0\.0: node: media error \(page $root, "
same "a bad page in the map: no RAM" "$(mem_total 1)" 0
check "a bad page in the map: unplug" unplug
check "a bad page in the map: nothing was written" [ -n "$sum" -a "$(image_sum share/nv0)" = "$sum" ]
echo "-$((base + offset / 4096 + root)) 1" >$inject/known
echo "$((base + offset / 4096)) 1" >$inject/known
said_mark
check "a bad superblock: plug" plug
check "a bad superblock: the log says so" said 'dax0\.0: superblock at page 0 damaged \(media: '
check "a bad superblock: and what it cannot do" said 'dax0\.0: no superblock can be written to page 0, 3 copies are left'
same "a bad superblock: copies" "$(persist dax0.0 superblocks)" 3
check "a bad superblock: data" kmemio check $disk 0 $mib 7
check "a bad superblock: unplug" unplug
echo "$((base + offset / 4096 + 511)) 1" >$inject/known
check "two bad superblocks: plug" eval "echo online_movable >$dax/state"
same "two bad superblocks: state" "$(persist dax0.0 state)" held
check "two bad superblocks: reason" eval 'persist dax0.0 reason | grep -q "^the newest superblock may be one that cannot be read (page 0: media, page 1: good, page 510: good, page 511: media)"'
check "two bad superblocks: unplug" unplug
echo "-$((base + offset / 4096)) 1" >$inject/known
echo "-$((base + offset / 4096 + 511)) 1" >$inject/known
check "plug" plug
check "data" kmemio check $disk 0 $mib 7

# the kernel's own: a page of data, a page that is free, a page that is lent
check "hwpoison-inject" modprobe hwpoison-inject
poison=/sys/kernel/debug/hwpoison
pfn=$(pfn_of 10 7)
# hwpoisoned PFN: the kernel takes the page for broken (KPF_HWPOISON)
hwpoisoned() {
	[ $(($(od -An -tu8 -j $(($1 * 8)) -N 8 /proc/kpageflags) >> 19 & 1)) -eq 1 ]
}
msg=$({ echo "$pfn" >$poison/corrupt-pfn; } 2>&1)
check "a page of data: it is marked (${msg##*: })" hwpoisoned "$pfn"
check "it can be read, as it is not really bad" kmemio check $disk 0 $mib 7
same "nothing is lost" "$(lost)" 0
check "discard" blkdiscard $disk
follows "poisoned" dax0.0
block=$(blocks_of dax0.0 | tail -n 1)
lent=$(($(cat /sys/devices/system/memory/"$block"/phys_index | sed 's/^/0x/') * 0x$(cat /sys/devices/system/memory/block_size_bytes) / 4096 + 5000))
check "a page that is lent" eval "echo $lent >$poison/corrupt-pfn"
check "write everything" kmemio most $disk 0 $((500 * mib)) 8
n=$(kmemio most $disk 0 $((500 * mib)) 9)
check "and read it ($n blocks)" kmemio check $disk 0 "$n" 9
accounted "poisoned" dax0.0
check "discard" blkdiscard $disk
accounted "discarded" dax0.0
same "the page of data is nobody's since it was to be handed out again" "$(usage dax0.0 bad)" 4096

# a leaf of the map, found while the disk is in use: what it maps cannot be used, all else can
check "two leaves" kmemio fill $disk 0 1024 3
root=$(/tmp/sbedit /share/nv0 root)
leaf=$(($(od -An -tu8 -j $((offset + root * 4096 + 8)) -N 8 /share/nv0) & ((1 << 40) - 1)))
check "a bad leaf: page $leaf" [ "$leaf" -ge 512 -a "$leaf" -lt $((512 * mib)) ]
said_mark
echo "$((base + offset / 4096 + leaf)) 1" >$inject/poison
for b in 512 700 1023; do
	msg=$(dd if=$disk of=/dev/null bs=4096 skip=$b count=1 iflag=direct status=none 2>&1)
	same "a bad leaf: a read of block $b fails" "${msg##*: }" "Input/output error"
	msg=$(dd if=/dev/zero of=$disk bs=4096 seek=$b count=1 oflag=direct status=none 2>&1)
	same "a bad leaf: a write to it, too" "$(printf %s "$msg" | head -n 1 | sed 's/.*: //')" "Input/output error"
done
check "a bad leaf: a discard of some of it" eval "! blkdiscard -f -o $((600 * 4096)) -l 8192 $disk 2>/dev/null"
check "a bad leaf: the log says so" said 'block kmem0: media error in the map near block 512: it can neither be read nor written'
check "a bad leaf: moving data" timeout 100 sh -c "echo 1 >$dax/persist/give_back"
check "a bad leaf: its neighbours" kmemio check $disk 0 512 3
check "a bad leaf: and they can be written" kmemio fill $disk 0 512 4
check "a bad leaf: a discard of all of it" blkdiscard -f -o $((512 * 4096)) -l $((512 * 4096)) $disk
check "a bad leaf: it is as new" eval "kmemio zero $disk 512 512 && kmemio fill $disk 512 512 5"
check "a bad leaf: all of it" eval "kmemio check $disk 0 512 4 && kmemio check $disk 512 512 5"
accounted "a bad leaf" dax0.0
check "a bad leaf: unplug" unplug
check "a bad leaf: plug" plug
check "a bad leaf: and again" eval "kmemio check $disk 0 512 4 && kmemio check $disk 512 512 5"

# what the region finds while the device is bound: a machine check says so
check "a machine check: mce-inject" modprobe mce-inject
pfn=$(pfn_of 20 4)
was=$(persist dax0.0 errors | sed -n 's/^known_bad //p')
said_mark
echo $((pfn * 4096)) >/sys/kernel/debug/mce-inject/addr
echo 0x8c >/sys/kernel/debug/mce-inject/misc
echo 0xbc0000000008009f >/sys/kernel/debug/mce-inject/status
echo 4 >/sys/kernel/debug/mce-inject/bank
check "a machine check: the region tells" until_true 10 said 'dax0\.0: [1-9][0-9]* more bad pages, according to the region'
check "a machine check: more are known ($was)" [ "$(persist dax0.0 errors | sed -n 's/^known_bad //p')" -gt "$was" ]
unreadable "a machine check: the block" 20
check "a machine check: it is lost" until_true 10 eval '[ "$(lost)" -ge 1 ]'
check "a machine check: discard" blkdiscard $disk
accounted "a machine check" dax0.0

# a place that cannot be erased: what is there could come back, so there is no format
force=/sys/module/kmem/parameters/persist_format_force
check "a place that stays: unplug" unplug
echo "$((base + offset / 4096 + 1)) 1" >$inject/known
format_type 1
echo Y >$force
said_mark
check "a place that stays: plug" eval "echo online_movable >$dax/state"
same "a place that stays: state" "$(persist dax0.0 state)" held
check "a place that stays: the log says which" said 'dax0\.0: page 1, where superblocks are, cannot be erased'
check "a place that stays: reason" eval 'persist dax0.0 reason | grep -q "^formatting with type 1 (blk) failed: -5; "'
check "a place that stays: unplug, again" unplug
echo "-$((base + offset / 4096 + 1)) 1" >$inject/known
echo Y >$force
check "a place that goes: plug" plug
same "a place that goes: state" "$(persist dax0.0 state)" active
same "a place that goes: copies" "$(persist dax0.0 superblocks)" 4
format_type -1
check "no leaks" leaks
END
serve_sums media
guest_wait media
check "good to the end" sb share/nv0 check
finish

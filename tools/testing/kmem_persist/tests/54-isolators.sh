# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# Others keep the RAM that storage wants: they isolate it and wait for its writeback,
# they have a reference to one page in every pageblock, they have huge pages, a memory
# block goes offline. Who does so has no capabilities where none are needed. What can be
# taken is taken, and in time; else there are a deadline, a line of the log and
# counters, and the worker neither spins nor keeps others from their work. What an
# administrator has set stays, and what is free is not more than what there is.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest isolators --timeout 480 --mem 1G --nvdimm nv0:640M:own --append kmemleak=off <<'END'
. /usr/lib/guest/lib.sh
mib=256		# blocks
dev=$(nv_dax 0)
check "a devdax namespace" [ -n "$dev" ]
format_type 1
check "to system-ram" to_ram "$dev"
check "the disk" until_true 10 [ -b /dev/kmem0 ]
disk=/dev/kmem0
kmem=/sys/block/kmem0/kmem
node=$(node_of "$dev")
follows "empty" "$dev"
[ ! -e "/sys/bus/dax/devices/$dev/persist/offline" ] || setting "$dev" offline allowed
echo never >/sys/kernel/mm/transparent_hugepage/enabled
echo 15 >$kmem/no_space_timeout
# an ordinary user
user="unshare -G 65534 -S 65534"
same "no capabilities" "$($user sed -n 's/^CapEff:[^0-9]*//p' /proc/self/status)" 0000000000000000
refused_by() {
	persist "$dev" refused | sed -n "s/^$1 //p"
}
# watched NAME: what watch has seen meanwhile
watch_on() {
	watch "$dev" "$node" >/tmp/watch &
	watcher=$!
	until_true 10 grep -q watching /tmp/watch
}
watched() {
	kill $watcher
	wait $watcher
	ok "$1: $(sed 1d /tmp/watch | tr '\n' ' '), $(persist "$dev" refused | tr '\n' ' ')"
	check "$1: no more than 20 attempts a second fail" [ "$(sed -n 's/^busy //p' /tmp/watch)" -le 20 ]
	check "$1: the worker does not spin" [ "$(sed -n 's/^spin //p' /tmp/watch)" -le 1000 ]
}

# what an administrator has set
echo 20000 >/proc/sys/vm/min_free_kbytes
said_mark
watch_on
for i in 1 2; do
	check "$i: 400 MiB" kmemio fill $disk 0 $((400 * mib)) $i
	check "$i: discard" blkdiscard $disk
	follows "$i" "$dev"
done
watched "to and fro"
same "min_free_kbytes" "$(cat /proc/sys/vm/min_free_kbytes)" 20000
check "the log is not filled" [ "$(dmesg | tail -n +$((said_from + 1)) | grep -c min_free_kbytes)" -le 1 ]
samples=$(sed -n 's/^samples \(.*\) .*/\1/p' /tmp/watch)
over=$(sed -n 's/^samples .* //p' /tmp/watch)
# a reader can be interrupted between its two looks
check "what is free is not more than what there is: $over of $samples" [ $((over * 500)) -le "$samples" ]
check "watermarks follow" until_true 10 eval '[ "$(awk -v n="$node," '"'"'$1 == "Node" && $2 == n && $4 == "Movable" { on = 1 } on && $1 == "high" { print $2; exit }'"'"' /proc/zoneinfo)" -ge 256 ]'

# the head of the device, which was never RAM, is used first
check "mkfs.ext4" mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 $disk
check "mount" mount $disk /mnt
mkdir /mnt/user
chmod 777 /mnt/user
check "a file that is in the way" kmemio fill /mnt/head 0 $((130 * mib)) 9
follows "filesystem" "$dev"

# writes N: others write, so many times
writes() {
	failed=none
	longest=0
	for ((i = 1; i <= $1; i++)); do
		start=$(cut -d. -f1 /proc/uptime)
		numactl --preferred="$node" kmemio -b fill /mnt/w 0 $((48 * mib)) $i 2>/tmp/err || failed="$i: $(cat /tmp/err)"
		took=$(($(cut -d. -f1 /proc/uptime) - start))
		[ $took -le $longest ] || longest=$took
		rm -f /mnt/w
		[ "$failed" = none ] || break
		fstrim /mnt
	done
}

# Somebody isolates all of his page cache and waits for its writeback, again and again;
# a memory block goes off- and online; others write.
said_mark
watch_on
$user isolate /mnt/user/x 64 "$node" 0 >/tmp/isolate 2>&1 &
isolator=$!
: >/tmp/blocks
(
	n=0
	block=$(blocks_of "$dev" | tail -n 1)
	while [ -e /tmp/blocks ]; do
		timeout 20 sh -c "echo offline >/sys/devices/system/memory/$block/state" && n=$((n + 1))
		echo online_movable >/sys/devices/system/memory/$block/state
		echo $n >/tmp/blocks.n
	done 2>/dev/null
) &
blocks=$!
writes 4
rm -f /tmp/blocks
wait $blocks
same "isolated: which write failed" "$failed" none
ok "isolated: the slowest 48 MiB took $longest s"
kill $isolator
wait $isolator
rc=$?
same "isolated: the isolator has lost nothing: $(tail -n 1 /tmp/isolate)" $rc 0
watched "isolated"
ok "isolated: a block went offline $(cat /tmp/blocks.n) times"
check "isolated: nobody waited in vain" eval '! said "waited in vain"'

# In other ways, all at once: mbind(2), KSM, compaction, huge pages that come and go.
said_mark
watch_on
$user isolate /mnt/user/x 64 "$node" 0 mbind >/tmp/isolate 2>&1 &
isolator=$!
numactl --preferred="$node" $user ramfill -m 32 >/tmp/merged 2>&1 &
merged=$!
check "others: pages that may be merged" until_true 60 grep -q round /tmp/merged
echo 1000 >/sys/kernel/mm/ksm/pages_to_scan
echo 1 >/sys/kernel/mm/ksm/run
: >/tmp/others
(
	n=0
	while [ -e /tmp/others ]; do
		echo 1 >/proc/sys/vm/compact_memory
		echo 10 >/sys/devices/system/node/node"$node"/hugepages/hugepages-2048kB/nr_hugepages
		echo 0 >/sys/devices/system/node/node"$node"/hugepages/hugepages-2048kB/nr_hugepages
		n=$((n + 1))
		echo $n >/tmp/others.n
	done
) &
others=$!
writes 3
check "others: compaction and huge pages came in between" until_true 60 grep -q . /tmp/others.n
check "others: pages were merged" until_true 60 eval '[ "$(cat /sys/kernel/mm/ksm/full_scans)" -ge 1 ]'
rm -f /tmp/others
wait $others
echo 2 >/sys/kernel/mm/ksm/run
same "others: which write failed" "$failed" none
ok "others: the slowest 48 MiB took $longest s; $(cat /tmp/others.n) times compaction and huge pages"
kill $isolator
wait $isolator
rc=$?
same "others: the isolator has lost nothing: $(tail -n 1 /tmp/isolate)" $rc 0
check "others: mbind moved" grep -q 'round [0-9]*: 0 pages' /tmp/isolate
kill $merged
wait $merged
rc=$?
same "others: nothing wrong with what was merged: $(tail -n 1 /tmp/merged)" $rc 0
watched "others"
check "others: nobody waited in vain" eval '! said "waited in vain"'
rm -f /mnt/user/x
sync -f /mnt
check "fstrim" fstrim /mnt
follows "isolated: afterwards" "$dev"
check "isolated: umount" umount /mnt
check "isolated: e2fsck" e2fsck -fn $disk

# Somebody has a reference to a page in each pageblock.
check "discard" blkdiscard $disk
check "what is in the way" kmemio fill $disk 0 $((160 * mib)) 9
follows "discarded" "$dev"
echo 5 >$kmem/no_space_timeout
free=$(($(node_free "$node") / 1024))
numactl --preferred="$node" $user pin $((free + 16)) >/tmp/pin 2>&1 &
pinner=$!
check "pinned: a page in each of $((free + 16)) MiB" until_true 200 grep -q pinned /tmp/pin
said_mark
watch_on
n=$(timeout 100 kmemio most $disk $((160 * mib)) $((300 * mib)) 3)
check "pinned: the writer comes to an end ($n blocks)" [ "$n" -lt $((250 * mib)) ]
watched "pinned"
check "pinned: one line says so" said "$dev: waited in vain for some of [0-9]+ MiB of RAM; since the last was taken: pinned [1-9]"
same "pinned: no more than one" "$(dmesg | tail -n +$((said_from + 1)) | grep -c 'waited in vain')" 1
check "pinned: it was counted" [ "$(refused_by pinned)" -gt 0 ]
kill $pinner
wait $pinner
start=$(cut -d. -f1 /proc/uptime)
check "pinned no more: there is space" until_true 30 eval '! space_is "$dev" none'
check "pinned no more: the rest is written" kmemio fill $disk $((160 * mib + n)) $((300 * mib - n)) 3
took=$(($(cut -d. -f1 /proc/uptime) - start))
ok "pinned no more: it took $took s"
check "pinned: all of it" kmemio check $disk $((160 * mib)) $((300 * mib)) 3
check "discard" blkdiscard $disk
follows "discarded" "$dev"

# Huge pages: those in use go elsewhere, free ones are the administrator's.
echo 40 >/sys/devices/system/node/node"$node"/hugepages/hugepages-2048kB/nr_hugepages
nr=$(cat /sys/devices/system/node/node"$node"/hugepages/hugepages-2048kB/nr_hugepages)
check "huge pages of the node: $nr" [ "$nr" -ge 20 ]
numactl --preferred="$node" huge "$nr" >/tmp/huge 2>&1 &
huge=$!
check "huge: somebody uses them" until_true 60 grep -q filled /tmp/huge
echo 20 >$kmem/no_space_timeout
total=$(($(mem_total "$node") / 1024))
# more than there is besides them
want=$((100 + total - 20))
watch_on
check "huge: $want MiB" kmemio fill $disk 0 $((want * mib)) 4
watched "huge"
check "huge: they are there" kmemio check $disk 0 $((want * mib)) 4
kill $huge
wait $huge
rc=$?
same "huge: nothing wrong with them: $(tail -n 1 /tmp/huge)" $rc 0
echo 0 >/proc/sys/vm/nr_hugepages
check "discard" blkdiscard $disk
follows "huge: discarded" "$dev"
echo 40 >/sys/devices/system/node/node"$node"/hugepages/hugepages-2048kB/nr_hugepages
echo 5 >$kmem/no_space_timeout
watch_on
n=$(timeout 100 kmemio most $disk 0 $((560 * mib)) 5)
watched "huge and free"
nr=$(cat /sys/devices/system/node/node"$node"/hugepages/hugepages-2048kB/nr_hugepages)
same "huge and free: all of them stay" "$nr" 40
check "huge and free: counted" [ "$(refused_by hugetlb)" -gt 0 ]
check "huge and free: all else was taken: $n" [ "$n" -ge $((480 * mib)) ]
echo 0 >/proc/sys/vm/nr_hugepages
check "discard" blkdiscard $disk
follows "the end" "$dev"
END
check "as the format demands" sb nv0 check
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# only: deep
# What the device does to those who use the RAM of its node, compared with plain
# kmem: two guests with the same kernel, the same NVDIMM, as much RAM and the same
# load; one stores data at the same time. How many huge pages does a program get when
# the memory has aged, how many pageblocks are free as a whole, and how much can a
# program have before it is killed?
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

# programs are killed here: the kernel says so with a trace
log_report 'invoked oom-killer|page allocation failure'

cat >load.script <<'END'
#!/bin/bash
# plain|persist
. /usr/lib/guest/lib.sh
mode=$1
mib=256		# blocks
shared=131072	# kB of RAM that the one has stored data in, and the other does without
dev=$(nv_dax 0)
check "a devdax namespace" [ -n "$dev" ]
[ "$mode" = plain ] || format_type 1
check "to system-ram" to_ram "$dev"
node=$(node_of "$dev")
if [ "$mode" = plain ]; then
	check "nothing of ours" [ ! -e "/sys/bus/dax/devices/$dev/persist" ]
else
	check "the disk" until_true 10 [ -b /dev/kmem0 ]
	follows "empty" "$dev"
fi
disk=/dev/kmem0
check "a filesystem on another disk" mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/vda
mkdir -p /data
check "mount" mount /dev/vda /data

# figure NAME NUMBER: for the host, who compares
figure() {
	echo "figure $*"
}
# node_number NODE WORD: kB, a line of the node's meminfo
node_number() {
	sed -n "s/^Node [0-9]* $2: *\([0-9]*\).*/\1/p" "/sys/devices/system/node/node$1/meminfo"
}
vmstat() {
	sed -n "s/^$1 //p" /proc/vmstat
}
# ram: kB of the node that programs can have
ram() {
	echo $(($(node_number "$node" MemTotal) - 2048 * $(node_number "$node" HugePages_Total)))
}
# whole: MiB of the node that are free in units of 2 MiB or more
whole() {
	awk -v node="$node," '$1 == "Node" && $2 == node { n += 2 * $14 + 4 * $15 } END { print n + 0 }' /proc/buddyinfo
}
# huge NAME PERCENT: a program that asks for so much of what is free
huge() {
	figure "$1-whole" $(($(whole) * 1024 * 100 / $(ram)))
	huge_mib=$(($(node_free "$node") * $2 / 102400))
	huge_alloc=$(vmstat thp_fault_alloc)
	huge_fallback=$(vmstat thp_fault_fallback)
	hog "$1" -m"$node" -p 1000 "$huge_mib"
	check "$1: a program asks for $huge_mib of $(($(ram) / 1024)) MiB" until_true 60 grep -q filled "/tmp/hog.$1"
	figure "$1-huge" $(($(sed -n 's/^AnonHugePages: *\([0-9]*\) kB/\1/p' /proc/$hog_pid/smaps_rollup) * 100 / (huge_mib * 1024)))
	figure "$1-faults" $(($(vmstat thp_fault_alloc) - huge_alloc)) $(($(vmstat thp_fault_fallback) - huge_fallback))
	hog_end "$1" $hog_pid
}
# the same amount of RAM
borrow() {
	echo "$1" >"/sys/devices/system/node/node$node/hugepages/hugepages-2048kB/nr_hugepages"
}
stored=0
# store KB: so that the node has so much RAM
store() {
	while :; do
		more=$((($(ram) - $1) / 1024))
		[ $more -ge 2 ] || [ $more -le -2 ] || break
		if [ $more -gt 0 ]; then
			kmemio fill $disk $((stored * mib)) $((more * mib)) 1 || return
		else
			blkdiscard -o $(((stored + more) << 20)) -l $((-more << 20)) $disk || return
		fi
		stored=$((stored + more))
		until_true 30 at_rest "$dev" || return
	done
}
if [ "$mode" = plain ]; then
	total=$(($(ram) - shared))
	echo $total >/share/total
	check "do without $((shared / 1024)) MiB" borrow $((shared / 2048))
	same "they are gone" "$(ram)" $total
else
	check "the disk was full once" timeout 100 kmemio fill $disk 0 $((200 * mib)) 9
	check "discard" blkdiscard $disk
	check "data in the place of $((shared / 1024)) MiB" store "$(cat /share/total)"
	accounted "stored $stored MiB" "$dev"
fi
figure ram "$(ram)"

# Somebody uses the node; storage gives RAM back meanwhile, and takes it again, and
# has what it holds moved.
echo always >/sys/kernel/mm/transparent_hugepage/enabled
(
	echo 1000 >/proc/self/oom_score_adj
	exec numactl -m"$node" ager $(($(ram) * 55 / 102400)) 2 1
) >/tmp/ager 2>&1 &
ager=$!
(
	n=0
	until grep -q aged /tmp/ager || ! kill -0 $ager; do
		n=$((n + 1))
		for f in a b a b; do
			numactl -m"$node" kmemio -b fill /data/$f $((n % 2 * 4 * mib)) $((8 * mib)) $n || exit
		done
		rm /data/a
	done
	numactl -m"$node" kmemio -b fill /data/a 0 $((8 * mib)) 1
) >/tmp/files 2>&1 &
files=$!
if [ "$mode" = persist ]; then
	first=$(((stored - 64) * mib))
	n=0
	failed=none
	until grep -q aged /tmp/ager || ! kill -0 $ager || [ $failed != none ]; do
		n=$((n + 1))
		blkdiscard -o $((first * 4096)) -l $((64 << 20)) $disk &&
			kmemio fill $disk $first $((64 * mib)) $n &&
			kmemio comb $disk $first $((64 * mib)) 2 &&
			kmemio combed $disk $first $((64 * mib)) $n 2 || failed=$n
	done
	check "64 MiB went and came" [ $n -ge 1 ]
	same "$n times: which one failed" $failed none
	check "all of it" kmemio fill $disk $first $((64 * mib)) 1
	check "at rest" until_true 60 at_rest "$dev"
	check "as much as before" store "$(cat /share/total)"
	check "data" kmemio check $disk 0 $((stored * mib)) 1
	accounted "aged" "$dev"
fi
check "aged" until_true 100 grep -q aged /tmp/ager
wait $files
rc=$?
same "files: $(cat /tmp/files)" $rc 0
figure aged-ram "$(ram)"
huge aged 60
echo 1 >"/sys/devices/system/node/node$node/compact"
figure compacted-whole $(($(whole) * 1024 * 100 / $(ram)))
kill $ager
wait $ager
rc=$?
same "what has aged: $(tail -n 1 /tmp/ager)" $rc 0
rm -f /data/a /data/b
sync -f /data
echo 3 >/proc/sys/vm/drop_caches

# Data is overwritten from here on. Memory is nearly full: all but 3 percent, and
# what the kernel wants for itself.
target=$disk
[ "$mode" != plain ] || target=/data/x
check "what is overwritten" kmemio fill $target 0 $((32 * mib)) 2
fio --name=overwrites --filename=$target --size=32m --direct=1 --bs=4k --rw=randwrite --thread \
	--ioengine=psync --verify=crc32c --verify_backlog=256 --verify_fatal=1 \
	--time_based --runtime=1000 --output=/tmp/fio 2>/tmp/fio.err &
fio=$!
written() {
	awk -v name="${target##*/}" '$3 == name || ($3 == "vda" && name == "x") { print $8 }' /proc/diskstats
}
# it_writes NAME: it does so now
it_writes() {
	from=$(written)
	check "$1" until_true 60 eval '[ "$(written)" -gt $((from + 1000)) ]'
}
it_writes "overwrites"
kills=$(vmstat oom_kill)
free=$((($(node_free 0) + $(node_free "$node")) / 1024))
figure free $free
if [ "$mode" = plain ]; then
	least=$(awk '$1 == "min" { n += $2 } END { print 4 * n }' /proc/zoneinfo)
	echo $((free - (least + ($(mem_total 0) + $(ram)) * 3 / 100) / 1024)) >/share/load
fi
load=$(cat /share/load)
# Storage does not grow below the floor of RAM; what it is to have then was kept before.
owned() {
	awk '/^(stored|pool|absent) / { n += $2 } END { printf "%.0f\n", n }' "$sys/$dev/persist/usage"
}
if [ "$mode" = persist ]; then
	keep=$(($(owned) + (10 << 20)))
	check "keep 10 MiB more" setting "$dev" keep_bytes $keep
	between "they are kept, bytes" $keep $((keep + (8 << 20))) owned
fi
hog nearly --preferred="$node" -p 1 "$load"
nearly=$hog_pid
check "nearly full: $load MiB" until_true 100 eval "grep -q filled /tmp/hog.nearly || ! kill -0 $nearly"
check "first writes" timeout 100 kmemio fill $target $((400 * mib)) $((8 * mib)) 1
check "they are there" kmemio check $target $((400 * mib)) $((8 * mib)) 1
check "all of it was filled" until_true 100 eval "grep -q round /tmp/hog.nearly || ! kill -0 $nearly"
figure nearly-killed $(($(vmstat oom_kill) - kills))
check "the program lives" kill -0 $nearly
hog_end nearly $nearly
if [ "$mode" = persist ]; then
	check "keep nothing" setting "$dev" keep_bytes 0
	check "discard" blkdiscard -o $((400 << 20)) -l $((8 << 20)) $disk
	accounted "nearly full" "$dev"
fi

# Somebody wants more than there is: what was his when he was killed? As long as not
# all of it is freed somebody else may be killed, too: for that there are some who
# have nothing.
for i in 1 2 3 4 5; do
	(
		echo 999 >/proc/self/oom_score_adj
		exec ramfill -p 1000 1
	) >/dev/null &
	others[i]=$!
done 2>/dev/null
hog greedy --preferred="$node" -p 1 $((load + 200))
wait $hog_pid
same "the greedy is killed" $? 137
figure greedy $(($(dmesg | sed -n 's/.*Killed process.*(ramfill).*anon-rss:\([0-9]*\)kB.*/\1/p' | sort -n | tail -n 1) / 1024))
it_writes "overwrites go on"
kill -INT $fio
wait $fio
same "overwrites: $(cat /tmp/fio.err)" "$(grep -c 'err= 0' /tmp/fio)" 1
kill "${others[@]}" 2>/dev/null
wait "${others[@]}"

# and when nobody stores anything any more
if [ "$mode" = plain ]; then
	check "have it all again" borrow 0
	rm -f $target
else
	check "data" kmemio check $disk $((32 * mib)) $(((stored - 32) * mib)) 1
	check "discard" blkdiscard $disk
	follows "discarded" "$dev"
fi
sync -f /data
echo 3 >/proc/sys/vm/drop_caches
figure empty-ram "$(ram)"
huge empty 97
[ "$mode" = plain ] || accounted "the end" "$dev"
check "umount" umount /data
END

# figure GUEST NAME [FIELD]: what it found
figure() {
	sed -n "s/^figure $2 //p" "$1.out" | cut -d' ' -f"${3:-1}" | grep .
}
# not_worse NAME MARGIN WHAT: by more than so much
not_worse() {
	if plain=$(figure plain "$1") && persist=$(figure persist "$1"); then
		check "$3: $persist, plain $plain" [ "$persist" -ge $((plain - $2)) ]
	else
		not_ok "$3: no figures"
	fi
}
for mode in plain persist; do
	truncate -s 256M disk.$mode
	guest $mode --share share --mem 768M --nvdimm nv.$mode:512M --append kmemleak=off \
		--qemu "-drive file=$PWD/disk.$mode,format=raw,if=none,id=d0,cache=unsafe -device virtio-blk-pci,drive=d0" \
		-- load.script $mode
done
for name in ram aged-ram; do
	not_worse $name 4096 "$name: as much RAM, kB"
	check "$name: and no more" [ "$(figure persist $name)" -le $(($(figure plain $name) + 4096)) ]
done
not_worse aged-whole 5 "aged: free units of 2 MiB, percent of RAM"
not_worse compacted-whole 5 "aged, then compacted: free units of 2 MiB, percent of RAM"
not_worse aged-huge 5 "aged: huge pages a program gets, percent of what it asks for"
not_worse empty-whole 5 "empty: free units of 2 MiB, percent of RAM"
not_worse empty-huge 5 "empty: huge pages a program gets, percent of what it asks for"
not_worse empty-ram 8192 "empty: RAM, kB"
same "nearly full: nobody is killed, plain" "$(figure plain nearly-killed)" 0
same "nearly full: nobody is killed" "$(figure persist nearly-killed)" 0
# overwrites may have a 16th of the device on their way
not_worse greedy 32 "what a program has when it is killed, MiB"
for mode in plain persist; do
	ok "$mode: huge pages, and failures: aged $(figure $mode aged-faults 1,2), empty $(figure $mode empty-faults 1,2)"
done
finish

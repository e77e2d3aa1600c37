# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# There is no memory left while files are written: programs are killed, a cgroup is
# at its limit, memory is swapped out, to another disk and to the device itself.
# Overwrites do not fail, and others live.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

log_report 'invoked oom-killer|page allocation failure'
truncate -s 768M disk

guest oom --timeout 560 --mem 1G --nvdimm nv0:384M --append kmemleak=off \
	--qemu "-drive file=$PWD/disk,format=raw,if=none,id=d0,cache=unsafe -device virtio-blk-pci,drive=d0" <<'END'
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
check "another disk" [ -b /dev/vda ]
follows "empty" "$dev"
ok "free: $(node_free 0) kB of DRAM, $(node_free "$node") kB in the node of the device"
echo 20 >$kmem/no_space_timeout
echo never >/sys/kernel/mm/transparent_hugepage/enabled
# programs get what they ask for, though it is more than there is
echo 1 >/proc/sys/vm/overcommit_memory

# a filesystem while programs are killed for lack of memory
check "mkfs.ext4" mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 $disk
check "mount" mount -o discard $disk /mnt
check "a file" kmemio -b fill /mnt/a 0 $((24 * mib)) 1
sync -f /mnt
all=$((($(node_free 0) + $(node_free "$node")) / 1024 + 300))
: >/tmp/greedy
: >/tmp/greedy.ends
while [ -e /tmp/greedy ]; do
	(
		echo 1000 >/proc/self/oom_score_adj
		exec numactl --preferred="$node" ramfill -p 1 $all >/dev/null
	)
	echo $? >>/tmp/greedy.ends
done 2>/dev/null &
greedy=$!
killed() {
	grep -c 137 /tmp/greedy.ends
}
i=1
failed=none
while [ $i -lt 12 ] || { [ $i -lt 200 ] && [ "$(killed)" -eq 0 ]; }; do
	i=$((i + 1))
	timeout 100 kmemio -b fill /mnt/a 0 $((24 * mib)) $i 2>/tmp/err || failed="$i: $(cat /tmp/err)"
	timeout 100 kmemio fill /mnt/a $((8 * mib)) $((8 * mib)) $i 2>/tmp/err || failed="$i: $(cat /tmp/err)"
	[ "$failed" = none ] || break
done
same "$i overwrites of 24 MiB with fsync: which one failed" "$failed" none
check "meanwhile programs were killed ($(killed))" [ "$(killed)" -ge 1 ]
rm /tmp/greedy
until_true 60 eval '! kill -0 $greedy || ! kill -KILL $(pidof ramfill)'
wait $greedy
check "the file" kmemio check /mnt/a 0 $((24 * mib)) $i
accounted "out of memory" "$dev"

# a memory cgroup
cg=/sys/fs/cgroup/writer
check "a memory cgroup" eval 'echo +memory >/sys/fs/cgroup/cgroup.subtree_control && mkdir $cg && echo 24M >$cg/memory.max'
check "64 MiB through 24 MiB of memory" timeout 150 bash -c "echo \$\$ >$cg/cgroup.procs && exec kmemio -b fill /mnt/b 0 $((64 * mib)) 1"
check "and again" timeout 150 bash -c "echo \$\$ >$cg/cgroup.procs && exec kmemio -b fill /mnt/b 0 $((64 * mib)) 2"
check "the limit was reached" [ "$(sed -n 's/^max //p' $cg/memory.events)" -ge 1 ]
same "nobody was killed" "$(sed -n 's/^oom_kill //p' $cg/memory.events)" 0
check "the file" kmemio check /mnt/b 0 $((64 * mib)) 2
accounted "cgroup" "$dev"
check "umount" umount /mnt
check "e2fsck" e2fsck -fn $disk
gone "filesystem" "$dev"

# swap on another disk, storage is written
check "mkswap on another disk" mkswap -q /dev/vda
check "swapon" swapon /dev/vda
out=$(sed -n 's/^pswpout //p' /proc/vmstat)
hog swap -m"$node" -p 1000 $(($(node_free "$node") / 1024 + 16))
check "more than the node has" until_true 150 grep -q filled /tmp/hog.swap
check "it was swapped" [ "$(sed -n 's/^pswpout //p' /proc/vmstat)" -gt "$out" ]
echo 20 >$kmem/no_space_timeout
stores "swap elsewhere" "$dev" 200
hog_end swap $hog_pid
check "swapoff" timeout 100 swapoff /dev/vda
gone "swap elsewhere" "$dev"

# swap on the device itself, where each page that is swapped out takes RAM away
check "mkswap" mkswap -q $disk
check "swapon" swapon $disk
out=$(sed -n 's/^pswpout //p' /proc/vmstat)
all=$((($(node_free 0) + $(node_free "$node")) / 1024 + 40))
hog self --preferred="$node" -p 1000 $all
until_true 150 eval 'grep -q filled /tmp/hog.self || ! kill -0 $hog_pid'
ok "swap on the device: $(head -n 1 /tmp/hog.self), $(($(sed -n 's/^pswpout //p' /proc/vmstat) - out)) pages out"
check "it was swapped" [ "$(sed -n 's/^pswpout //p' /proc/vmstat)" -gt "$out" ]
check "others live" timeout 60 sha256sum /bin/bash
accounted "swap on the device" "$dev"
hog_end self $hog_pid
check "swapoff" timeout 100 swapoff $disk
gone "swap on the device" "$dev"
stores "after all that" "$dev" 200 all
END

check "as the format demands" sb nv0 check
finish

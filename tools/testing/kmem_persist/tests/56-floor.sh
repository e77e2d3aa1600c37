# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# How far storage grows at the expense of others: page cache that is clean goes, all of
# it; what programs use does not, and nobody is killed. The settings for that.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

truncate -s 64M disk0
# the floor that the kernel chooses, not that of the other tests
T_FLOOR=18446744073709551615
guest floor --timeout 280 --mem 1G --nvdimm nv0:512M --append kmemleak=off \
	--qemu "-drive file=$PWD/disk0,format=raw,if=none,id=d0,cache=unsafe -device virtio-blk-pci,drive=d0" <<'END'
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
echo never >/sys/kernel/mm/transparent_hugepage/enabled
echo 20 >$kmem/no_space_timeout
kills() {
	sed -n 's/^oom_kill //p' /proc/vmstat
}
# MiB that programs can have without swapping, dirty pages not counted
available() {
	awk '/^MemAvailable:/ { n = $2 } /^(Dirty|Writeback):/ { n -= $2 } END { print int(n / 1024) }' /proc/meminfo
}
all=$(($(awk '/^MemTotal:/ { print $2 }' /proc/meminfo) / 1024))
floor=$(($(persist "$dev" ram_floor_bytes) >> 20))
between "the floor of $all MiB of RAM, MiB" $((104 + all / 8 - 2)) $((104 + all / 8 + 2)) echo "$floor"

# RAM is full of clean page cache
check "mkfs.ext4 on another disk" mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/vda
mkdir -p /data
check "mount" mount /dev/vda /data
# holes are in the page cache as anything else
check "a file larger than RAM" truncate -s $((all + 100))M /data/a
cat /data/a >/dev/null
cached=$(awk '/^Cached:/ { print int($2 / 1024) }' /proc/meminfo)
ok "page cache: $cached MiB, free: $(node_free 0) and $(node_free "$node") kB"
check "RAM is full of it" [ $(($(node_free 0) + $(node_free "$node"))) -le $((150 * 1024)) ]
n=$(timeout 120 kmemio most $disk 0 $((480 * mib)) 2)
same "page cache: all of 480 MiB are written" "$n" $((480 * mib))
check "page cache: they are there" kmemio check $disk 0 "$n" 2
same "page cache: nobody was killed" "$(kills)" 0
accounted "page cache" "$dev"
check "discard" blkdiscard $disk
check "umount" umount /data
follows "page cache: discarded" "$dev"

# programs use RAM: storage grows down to the floor
echo 3 >/proc/sys/vm/drop_caches
echo 5 >$kmem/no_space_timeout
floor=$(($(persist "$dev" ram_floor_bytes) >> 20))
(
	# the first to go, if anybody had to
	echo 1000 >/proc/self/oom_score_adj
	exec ramfill -p 1000 $(($(available) - floor - 200))
) >/tmp/hog.hog 2>&1 &
hog_pid=$!
check "a program" until_true 60 grep -q filled /tmp/hog.hog
ok "programs: available: $(available) MiB, floor: $floor MiB"
said_mark
n=$(timeout 120 kmemio most $disk 0 $((480 * mib)) 3)
left=$(available)
ok "programs: $((n / mib)) MiB are written, $left MiB are available"
check "programs: storage has grown" [ "$n" -ge $((126 * mib)) ]
floor=$(($(persist "$dev" ram_floor_bytes) >> 20))
check "programs: down to the floor of $floor MiB, not below" [ "$left" -ge $((floor - 8)) -a "$left" -le $((floor + 80)) ]
same "programs: nobody was killed" "$(kills)" 0
check "programs: it lives" kill -0 $hog_pid
check "programs: the log says why" said "$dev: waited in vain for some of [0-9]+ MiB of RAM; .* ram_floor [1-9]"
check "programs: what was written is there" kmemio check $disk 0 "$n" 3
check "programs: overwrites go on" timeout 60 kmemio fill $disk 0 $((64 * mib)) 4
# less for them
check "a lower floor" setting "$dev" ram_floor_bytes $(((left - 60) << 20))
same "it is that" "$(persist "$dev" ram_floor_bytes)" $(((left - 60) << 20))
check "a lower floor: there is space" until_true 30 eval '! space_is "$dev" none'
more=$(timeout 60 kmemio most $disk "$n" $((480 * mib - n)) 3)
check "a lower floor: $((more / mib)) MiB more" [ "$more" -ge $((16 * mib)) ]
same "a lower floor: nobody was killed" "$(kills)" 0
accounted "programs" "$dev"
hog_end hog $hog_pid
check "discard" blkdiscard $disk
follows "programs: discarded" "$dev"

# some of the node is not for storage
lent=$(usage "$dev" lent)
check "node_floor_bytes" setting "$dev" node_floor_bytes 100M
same "it is that" "$(persist "$dev" node_floor_bytes)" $((100 << 20))
n=$(timeout 60 kmemio most $disk 0 $((480 * mib)) 5)
between "so much stays lent, bytes" $((100 << 20)) $((104 << 20)) usage "$dev" lent
check "the rest was written: $((n / mib)) MiB" [ "$n" -ge $(((512 - 100 - 30) * mib)) ]
check "the log says why" said "node_floor [1-9]"
check "no such floor" setting "$dev" node_floor_bytes 0
check "there is space" until_true 30 eval '! space_is "$dev" none'
check "now all of it" kmemio fill $disk "$n" $((480 * mib - n)) 5
refused "node_floor_bytes: too much" "Numerical result out of range" 1T "/sys/bus/dax/devices/$dev/persist/node_floor_bytes"
refused "ram_floor_bytes: no number" "Invalid argument" x "/sys/bus/dax/devices/$dev/persist/ram_floor_bytes"
accounted "the end" "$dev"
END
check "as the format demands" sb nv0 check
finish

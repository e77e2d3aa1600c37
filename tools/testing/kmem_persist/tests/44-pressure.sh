# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# The RAM of the node is full, with all kinds of memory, while data is stored: what
# was acknowledged is there, whoever waits does not wait for ever, and the kernel has
# nothing to complain about.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

# with no RAM anywhere a program is killed: the kernel says so with a trace
log_report 'invoked oom-killer|page allocation failure'
truncate -s 512M disk0

guest pressure --timeout 390 --mem 1G --nvdimm nv0:384M --append kmemleak=off \
	--qemu "-drive file=$PWD/disk0,format=raw,if=none,id=d0,cache=unsafe -device virtio-blk-pci,drive=d0" <<'END'
. /usr/lib/guest/lib.sh
mib=256		# blocks
dev=$(nv_dax 0)
check "a devdax namespace" [ -n "$dev" ]
format_type 1
check "to system-ram" to_ram "$dev"
check "the disk" until_true 10 [ -b /dev/kmem0 ]
kmem=/sys/block/kmem0/kmem
node=$(node_of "$dev")
check "another disk" [ -b /dev/vda ]
follows "empty" "$dev"
ok "free: $(node_free 0) kB of DRAM, $(node_free "$node") kB in the node of the device"
echo 20 >$kmem/no_space_timeout
echo always >/sys/kernel/mm/transparent_hugepage/enabled

# somebody else has the RAM of the node: there is DRAM to go to
most=$(($(node_free "$node") * 92 / 102400))
hog thp -m"$node" "$most"
check "huge pages: $most MiB" until_true 100 grep -q filled /tmp/hog.thp
stores "huge pages" "$dev" 200 all
check "huge pages: all as written" until_true 100 eval '[ "$(grep -c round /tmp/hog.thp)" -ge 1 ]'
hog_end thp $hog_pid
gone "huge pages" "$dev"

echo never >/sys/kernel/mm/transparent_hugepage/enabled
hog anon -m"$node" -p 2 "$most"
check "small pages: $most MiB" until_true 100 grep -q filled /tmp/hog.anon
stores "small pages" "$dev" 200 all
hog_end anon $hog_pid
gone "small pages" "$dev"

hog locked -m"$node" -l -p 2 "$most"
check "locked: $most MiB" until_true 100 grep -q filled /tmp/hog.locked
check "locked" [ "$(sed -n 's/^VmLck:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$hog_pid/status)" -ge $((most * 1024)) ]
stores "locked" "$dev" 200 all
hog_end locked $hog_pid
gone "locked" "$dev"

# page cache, clean and dirty
check "mkfs.ext4 on another disk" mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/vda
mkdir -p /data
check "mount" mount /dev/vda /data
check "a file in the page cache of the node" numactl -m"$node" kmemio -b fill /data/a 0 $((200 * mib)) 1
cached=$(sed -n 's/^Node [0-9]* FilePages: *\([0-9]*\) kB/\1/p' /sys/devices/system/node/node"$node"/meminfo)
check "it is there ($cached kB)" [ "$cached" -ge $((150 * 1024)) ]
numactl -m"$node" kmemio -b fill /data/b 0 $((100 * mib)) 2 &
dirty=$!
stores "page cache" "$dev" 200 all
check "page cache: the other writer ends, too" wait $dirty
check "page cache: nothing of it has changed" eval 'kmemio -b check /data/a 0 $((200 * mib)) 1 && kmemio -b check /data/b 0 $((100 * mib)) 2'
rm /data/a /data/b
gone "page cache" "$dev"

# nobody has any RAM: it may fail, but it must end
echo 3 >$kmem/no_space_timeout
all=$((($(node_free 0) + $(node_free "$node")) / 1024))
hog both -l $((all - 40))
until_true 100 eval 'grep -q filled /tmp/hog.both || ! kill -0 $hog_pid'
stores "no RAM anywhere" "$dev" 250
hog_end both $hog_pid
gone "no RAM anywhere" "$dev"
echo 20 >$kmem/no_space_timeout
stores "after all that" "$dev" 200 all
check "umount" umount /data
END
check "as the format demands" sb nv0 check
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# The power fails while blocks and files are written. Whatever was acknowledged
# before is there afterwards: in images that the host takes from the stopped
# machine, and after each cut in the next boot. One device carries blocks that
# say what they must be, another a filesystem.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

blocks=8192
cat >round.script <<'END'
#!/bin/bash
# ROUND BLOCKS: check what the round before left, then write until the end
. /usr/lib/guest/lib.sh
check "kmem" modprobe kmem
d=("$(nv_dax 0)" "$(nv_dax 1)")
check "two devdax namespaces" [ "${#d[*]}" -eq 2 ]
[ "$1" != 1 ] || format_type 1
check "to system-ram" each to_ram "${d[@]}"
check "disks" until_true 10 [ -b /dev/kmem0 -a -b /dev/kmem1 ]
raw=/dev/$(disk_of "${d[0]}")
fs=/dev/$(disk_of "${d[1]}")
if [ "$1" = 1 ]; then
	check "mkfs.ext4" mkfs.ext4 -q "$fs"
	check "mount" mount -o discard "$fs" /mnt
	mkdir /mnt/cut
else
	check "every acknowledged block" kmemio acked "$raw" 0 "$2" /share/acks
	e2fsck -p "$fs"
	check "e2fsck -p finds a journal to replay, no more" [ $? -le 1 ]
	check "e2fsck -f" e2fsck -fn "$fs"
	check "mount" mount -o discard "$fs" /mnt
	sed -n 's/^f \(.*\) \.$/\1/p' /share/acks >/tmp/sums
	check "every synced file ($(wc -l </tmp/sums))" eval "cd /mnt/cut && sha256sum -c --quiet /tmp/sums"
	for i in 0 1; do
		check "nv$i: RAM is what is lent" until_true 20 at_rest "${d[i]}"
		check "nv$i: every byte is accounted for" sums_up "${d[i]}"
	done
fi
[ "$3" != last ] || exit 0
cd /mnt/cut || exit
# more of it, which is verified for as long as the power lasts
fio --name=load --filename="$raw" --direct=1 --offset=64m --size=8m --bs=4k --rw=randwrite \
	--verify=crc32c --verify_backlog=256 --verify_fatal=1 --rate_iops=100 \
	--time_based --runtime=1000 --output=/tmp/fio || echo "not ok fio: $(tail -n 1 /tmp/fio)" &
echo writing
exec >/dev/virtio-ports/ack
# files take far longer than blocks: let them go first
chrt -i 0 kmemio acks "$raw" 0 "$2" $(($1 * 1000000000)) 2 &
i=0
while :; do
	i=$((i + 1))
	dd if=/dev/urandom of="$1.$i" bs=4k count=$((i % 16 + 1)) conv=fsync status=none || exit
	sync .
	# the dot ends a line that was reported whole
	echo "f $(sha256sum "$1.$i") ."
	# churn, so that blocks are discarded
	dd if=/dev/urandom of=tmp bs=64k count=$((i % 8 + 1)) conv=fsync status=none
	rm tmp
done
END

# offline NAME IMAGE0 IMAGE1 ACKS: check both without a kernel
offline() {
	check "$1: raw device as the format demands" quietly sb "$2" check
	check "$1: filesystem's device as the format demands" quietly sb "$3" check
	sb "$2" extract disk >/dev/null
	check "$1: every acknowledged block" quietly share/kmemio acked disk 0 $blocks "$4"
	rm -f disk
	sb "$3" extract disk >/dev/null
	rc=0
	e2fsck -p disk >fsck.out 2>&1 || rc=$?
	check "$1: e2fsck -p finds a journal to replay, no more" [ $rc -le 1 ]
	check "$1: e2fsck -f" quietly e2fsck -fn disk
	rm -f disk
}

quietly() {
	"$@" >quietly.out 2>&1 || { cat quietly.out; false; }
}

# written N: wait until so many more files have been synced, and a block written
written() {
	w_blocks=$(grep -c '^[wad] ' share/acks || :)
	until_matches share/acks '^f ' $(($(grep -c '^f ' share/acks || :) + $1)) 100 &&
		until_matches share/acks '^[wad] ' $((w_blocks + 1)) 100
}

: >share/acks
last=3
round=1
while [ $round -le $last ]; do
	rm -f qemu.pid
	guest_start cut$round --share share --nvdimm nv0:256M --nvdimm nv1:384M --second share/acks \
		--qemu "-pidfile $PWD/qemu.pid" -- round.script $round $blocks
	guest_line cut$round '^writing' || break
	for snap in 1 2; do
		check "cut$round: the guest writes" written 4
		kill -STOP "$(cat qemu.pid)"
		cp --sparse=always nv0 snap0
		cp --sparse=always nv1 snap1
		cp share/acks snap.acks
		kill -CONT "$(cat qemu.pid)"
		offline "cut$round, image $snap" snap0 snap1 snap.acks
	done
	check "cut$round: the guest writes on" written 3
	guest_cut cut$round
	round=$((round + 1))
done
guest after --share share --nvdimm nv0 --nvdimm nv1 -- round.script $round $blocks last
same "three unclean attaches" "$(sb nv0 get primary unclean_count)" $last
same "clean at last" "$(sb nv0 get primary state)" 1
check "blocks were discarded" grep -q '^d ' share/acks
check "atomic groups were written" grep -q '^a ' share/acks
check "blocks were written ($(grep -c '^w ' share/acks))" [ "$(grep -c '^w ' share/acks)" -ge 300 ]
finish

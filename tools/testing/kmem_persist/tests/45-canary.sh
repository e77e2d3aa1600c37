# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# Pages change hands all the time and are not erased. What programs had in them must
# not show up in the disk, nor what the disk had in them in programs. With --deep
# until a million pages have changed hands, otherwise for as long as there is time.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest canary --timeout $((390 * T_DEEP)) --nvdimm nv0:512M \
	--append "init_on_alloc=0 init_on_free=0 page_poison=0" <<'END'
. /usr/lib/guest/lib.sh
dev=$(nv_dax 0)
check "a devdax namespace" [ -n "$dev" ]
format_type 1
check "to system-ram" to_ram "$dev"
check "the disk" until_true 10 [ -b /dev/kmem0 ]
disk=/dev/kmem0
node=$(node_of "$dev")
nr=$(($(blockdev --getsize64 $disk) / 4096))
follows "empty" "$dev"
echo always >/sys/kernel/mm/transparent_hugepage/enabled

# A: written; Z: zeroes with pages of their own; C: one block in two is a hole
a=70000 z=4000 c=20000
round=0

# a program gets RAM of the node, leaves canaries there and goes
canaries() {
	canaries_out=$(numactl -m"$node" canary ram $(($(node_free "$node") * 90 / 102400)) 2>&1)
	same "round $round: $canaries_out" $? 0
}
# the disk takes that RAM, and has nothing but what was written to it
store() {
	check "round $round: write" kmemio fill $disk 0 $a $round
	check "round $round: zeroes" fallocate -z -o $((a * 4096)) -l $((z * 4096)) $disk
	check "round $round: single blocks" eval 'kmemio fill $disk $((a + z)) $c $round && kmemio comb $disk $((a + z)) $c 1'
	# one byte of a block that is a hole
	printf x | dd of=$disk bs=1 seek=$(((nr - 1) * 4096 + 1000 + round)) conv=notrunc,fsync status=none
	echo 3 >/proc/sys/vm/drop_caches
	accounted "round $round: written" "$dev"
	check "round $round: what was written" kmemio check $disk 0 $a $round
	check "round $round: zeroes are zeroes" kmemio zero $disk $a $z
	check "round $round: single blocks, and holes" kmemio combed $disk $((a + z)) $c $round 1
	check "round $round: what was never written" kmemio zero $disk $((a + z + c)) $((nr - 1 - a - z - c))
	same "round $round: one byte, alone" "$(dd if=$disk bs=4096 skip=$((nr - 1)) iflag=direct status=none | od -An -tx1 -v | tr -d ' \n' | sed 's/0*\(78\)0*/\1/')" 78
	check "round $round: the whole disk ($(canary scan $disk) pages)" canary scan $disk
}
moved_pages() {
	echo $((($(exchanged "$dev" taken) + $(exchanged "$dev" given)) / 4096))
}

begin=$SECONDS
while :; do
	round=$((round + 1))
	taken=$(exchanged "$dev" taken)
	canaries
	store
	check "round $round: RAM was taken for that" [ "$(exchanged "$dev" taken)" -ge $((taken + (200 << 20))) ]
	check "round $round: discard" blkdiscard $disk
	check "round $round: all of it is zero" kmemio zero $disk 0 $nr
	follows "round $round: discarded" "$dev"
	pages=$(moved_pages)
	[ "$pages" -lt 1000000 ] || break
	[ -n "$KP_DEEP" ] || [ $((SECONDS - begin)) -lt 80 ] || break
done
ok "$pages pages changed hands in $round rounds and $((SECONDS - begin)) s"
# for whoever looks at the device
round=$((round + 1))
canaries
store
END
out=$(sed -n 's/^ok \([0-9]* pages changed hands.*\)/\1/p' canary.out)
check "rounds were done: $out" [ "${out%% *}" -ge 100000 ]
check "as the format demands" sb nv0 check
# the check can fail: the canaries are there, in RAM that the device is
found=$(share/canary count nv0)
check "$found pages of the device are canaries" [ "$found" -ge 1000 ]
sb nv0 extract disk >/dev/null
check "none of them is in the disk" eval 'share/canary scan disk >scanned'
finish

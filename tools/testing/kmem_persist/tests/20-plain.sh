# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# processors: 1
# kernel: test plain
# A device without our magic is what it is under a kernel of the same source without the
# series: nobody can see a difference, but for a few files that say so by their name. With
# the option and without it; and nothing is written to the device.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools
# what is stuck is lost, as kmem says
T_APPEND=kmemleak=off

# The kernels differ in configuration, too, and in what they keep for themselves: memory is
# compared with what there was after booting. What else depends on that fails here, and is
# not overlooked. The watermarks of zones that the kernel allocates from do.
steps='boot offline ram block back unplugged plugged memmap memmap-back bad-first bad-first-back
	bad-places bad-places-back bad-last bad-last-back bad-both bad-both-back two second
	stuck again both stuck-both refused stays gone'

# all that the series adds to a device that it has nothing to do with
cat >added <<'END'
device: persist_accept
device: ./persist_accept:
device: persist_found
device: ./persist_found:none
device: ./persist_found:unknown
device: persist_format
device: ./persist_format:-1
module: ./persist_accept:
module: ./persist_format_device:
module: ./persist_format_force:N
module: ./persist_format_type:-1
module: ./persist_online:movable
END

# a kernel of the source as it was
series=0
while read -r f; do
	series=$((series + 1))
	cmp -s "$KP_BASE/plain/$f" "$KP_BASE/orig/$f" || [ ! -e "$KP_BASE/plain/$f" ] ||
		not_ok "$f of the kernel without the series is of the series"
done <"$KP_BASE/applied"
check "files of the series: $series" [ "$series" -gt 100 ]

# machine NAME [OPTION...]: a guest with two NVDIMMs and a region of soft-reserved memory
machine() {
	m_name=$1
	shift
	guest_start "$m_name" --share share --mem 3G --nvdimm nv0:512M --nvdimm nv1:256M \
		--append 'memmap=512M%4G+0xefffffff memory_hotplug.memmap_on_memory=1' "$@" \
		-- plain "$m_name"
}
kernel_use plain
for name in make plain; do
	machine $name
	guest_wait $name
done
kernel_use test
# with the option or without it, which the commit decides; both with --deep
kernels=
! in_sample 1 2 || kernels=off
! in_sample 0 2 || kernels="$kernels on"
for kernel in $kernels; do
	[ "$kernel" != off ] || {
		machine off
		guest_wait off
		continue
	}
	# the head of the device is outside of all memory blocks: nobody's RAM
	eval "$(sb nv0 info)"
	# shellcheck disable=SC2154 # info sets it
	head=$((134217728 - offset))
	dd if=/dev/urandom of=nv0 bs=1M seek=$((offset / 1048576)) count=$((head / 1048576)) \
		conv=notrunc status=none
	sum_head() {
		dd if=nv0 bs=1M skip=$((offset / 1048576)) count=$((head / 1048576)) status=none | cksum
	}
	before=$(sum_head)
	machine on
	serve_sums on
	guest_wait on
	same "the part of the device that is never RAM is as it was" "$(sum_head)" "$before"
	for copy in primary backup; do
		check "no magic at the place of the $copy" \
			[ "$(sb nv0 get "$copy" magic)" != 0x4b4d454d50455253 ]
	done
done
left_out $((2 - $(echo "$kernels" | wc -w))) "of two kernels with the series"

for kernel in plain $kernels; do
	for step in $steps; do
		perl "$T_PARTS.cook.pl" "share/$kernel.start.raw" "share/$kernel.$step.raw" >"share/$kernel.$step" ||
			not_ok "$kernel: nothing was recorded: $step"
	done
done

# without_added KERNEL STEP: what is left; in added.KERNEL.STEP what is not
without_added() {
	awk -v out="added.$1.$2" '
		NR == FNR { added[$0]; next }
		{ key = $0; sub(/^device [^:]*: /, "device: ", key) }
		key in added { print key >out; next }
		{ print }' added "share/$1.$2"
}
for kernel in $kernels; do
	for step in $steps; do
		without_added "$kernel" "$step" >"share/$kernel.$step.rest"
		check "$kernel: as without the series: $step" \
			diff -u "share/plain.$step" "share/$kernel.$step.rest"
	done
	check "$kernel: all that the series adds" \
		eval "sort added >want && sort -u added.$kernel.ram | diff want -"
done
for step in $steps; do
	check "there is something to compare: $step" grep -q '^iomem: .*System RAM' "share/plain.$step"
done
check "bad pages there were" [ "$(grep -c '^region: .*badblocks:[0-9]' share/plain.bad-both)" -ge 4 ]
check "RAM there was" grep -qx 'memory: node1 393216' share/plain.ram
finish

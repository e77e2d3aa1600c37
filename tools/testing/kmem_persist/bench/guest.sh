#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ./run bench guest, in the guest: guest.sh [short] [ROUNDS]. The NVDIMMs are, in this
# order, kmem with a disk, pmem, BTT and plain kmem; the first and the last are alike.
# Prints lines for guest.awk:
#	cell	OPERATION	WHAT	NANOSECONDS PER OPERATION
#	fact	NAME	VALUE
. /usr/lib/guest/lib.sh
inguest=/share/inguest
short=
[ "${1:-}" != short ] || { short=yes && shift; }
rounds=${1:-3}
area=64 # MiB of each disk

# now: nanoseconds; without a process of its own
now() {
	now_us=${EPOCHREALTIME/./}
	now_ns=${now_us}000
}

cell() {
	printf 'cell\t%s\t%s\t%s\n' "$1" "$2" "$3"
}

fail() {
	echo "guest.sh: $*"
	exit 1
}

# raw_of N: the raw namespace of an NVDIMM without labels
raw_of() {
	ndctl list -r "region$(nv_region "$1")" -N -m raw | jq -r '.. | .dev? // empty' | head -n 1
}

# namespace N MODE: make it; prints its block device
namespace() {
	ndctl create-namespace -f -e "$(raw_of "$1")" -r "region$(nv_region "$1")" -m "${@:2}" |
		jq -r '.blockdev'
}

state() {
	echo "$2" >"/sys/bus/dax/devices/$1/state" || fail "$1 does not become $2"
}

pmem=/dev/$(namespace 1 raw) && btt=/dev/$(namespace 2 sector -l 4096) || fail "no namespaces"
dev=$(nv_dax 0) && format_type 1 && to_ram "$dev" && until_true 60 at_rest "$dev" &&
	format_type -1 && plain=$(nv_dax 3) && to_ram "$plain" || fail "the devices do not come up"
kmem=/dev/$(disk_of "$dev")
modprobe brd rd_nr=1 rd_size=$((128 << 10)) || fail "no brd"
brd=/dev/ram0
names='kmem pmem BTT brd'
disks="$kmem $pmem $btt $brd"
for d in $disks; do
	[ -b "$d" ] || fail "$d is missing"
done

# disk_named NAME
disk_named() {
	case $1 in
	kmem) echo "$kmem" ;;
	pmem) echo "$pmem" ;;
	BTT) echo "$btt" ;;
	brd) echo "$brd" ;;
	esac
}

# Attach: memory is added, and online as movable
attach() {
	for what in $1; do
		d=$dev
		[ "$what" = kmem ] || d=$plain
		state "$d" unplugged
		now && attach_from=$now_ns
		state "$d" online_movable
		now && cell "attach, device without data" "$what" $((now_ns - attach_from))
		[ "$what" = plain ] || until_true 60 at_rest "$dev" || fail "the boundary moves"
	done
}

# ram: memory of one and of the other
ram() {
	for what in kmem plain; do
		d=$dev
		[ "$what" = kmem ] || d=$plain
		# shellcheck disable=SC2046
		set -- $(numactl --membind="$(node_of "$d")" "$inguest" ram "$ram_mib")
		[ $# -eq 3 ] || fail "$what: no memory"
		cell "RAM: first touch of a page" "$what" "$1"
		cell "RAM: write 1 MiB" "$what" "$2"
		cell "RAM: read 1 MiB" "$what" "$3"
	done
}

# io OPERATION RW BLOCK-SIZE NR FIO-ARGUMENT...: on each of the disks
io() {
	for what in $names; do
		fio --name=io --filename="$(disk_named "$what")" --rw="$2" --bs="$3" \
			--number_ios="$4" --size=${area}m --direct=1 --randseed=1 --thread \
			--group_reporting --output-format=json --output=/tmp/fio "${@:5}" ||
			fail "fio on $what"
		cell "$1" "$what" "$(jq -r '.jobs[0] | [.read, .write][] | select(.total_ios > 0) |
			.runtime * 1000000 / .total_ios' /tmp/fio)"
	done
}

# iostats 0|1: counting for iostat(1). pmem and BTT come up without, kmem with; what is
# compared has to do the same.
iostats() {
	for d in $disks; do
		echo "$1" >"/sys/block/${d#/dev/}/queue/iostats" || fail "iostats of $d"
	done
}

# main: what has a bar
main() {
	io "4 KiB random write" randwrite 4k "$nr_small" --ioengine=psync
	io "4 KiB random read" randread 4k "$nr_small" --ioengine=psync
	io "1 MiB random write" randwrite 1m "$nr_large" --ioengine=psync
	io "1 MiB random read" randread 1m "$nr_large" --ioengine=psync
}

# past: the same way of copying as pmem's, whatever kmem has chosen. An instruction that
# copies a page counts as one here and not as many; so this compares the drivers alone.
past() {
	local way names='kmem pmem'
	way=$(persist "$dev" copy | sed 's/.*\[\(.*\)\].*/\1/')
	setting "$dev" copy nontemporal || fail "it cannot copy past the caches"
	io "4 KiB random write, past the caches" randwrite 4k "$nr_small" --ioengine=psync
	io "1 MiB random write, past the caches" randwrite 1m "$nr_large" --ioengine=psync
	setting "$dev" copy "$way" || fail "kmem does not go back to $way"
}

# others: once
others() {
	iostats 1
	io "4 KiB random write, iostats" randwrite 4k "$nr_small" --ioengine=psync
	io "4 KiB random read, iostats" randread 4k "$nr_small" --ioengine=psync
	iostats 0
	io "4 KiB random write, O_DSYNC" randwrite 4k "$nr_small" --ioengine=psync --sync=dsync
	for engine in psync "io_uring --iodepth=8"; do
		for jobs in 1 2; do
			[ "$engine $jobs" != "psync 1" ] || continue
			name="${engine%% *}, $jobs job"
			[ $jobs -eq 1 ] || name=${name}s
			# shellcheck disable=SC2086
			for rw in write read; do
				io "4 KiB random $rw, $name" rand$rw 4k $((nr_small / jobs)) \
					--ioengine=$engine --numjobs=$jobs
				io "1 MiB random $rw, $name" rand$rw 1m $((nr_large / jobs)) \
					--ioengine=$engine --numjobs=$jobs
			done
		done
	done
}

# files: a filesystem, and many files that come and go
files() {
	mkdir -p /tmp/tree /mnt
	"$inguest" tree /tmp/tree "$nr_files" && tar -cf /tmp/tree.tar -C /tmp/tree . ||
		fail "no tree"
	rm -rf /tmp/tree
	for what in $names; do
		d=$(disk_named "$what")
		mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 "$d" 100M &&
			mount "$d" /mnt || fail "no ext4 on $what"
		now && files_from=$now_ns
		tar -xf /tmp/tree.tar -C /mnt && sync
		now && cell "ext4: untar, sync; per file" "$what" $(((now_ns - files_from) / nr_files))
		now && files_from=$now_ns
		rm -rf /mnt/[0-9]* && sync
		now && cell "ext4: rm -r, sync; per file" "$what" $(((now_ns - files_from) / nr_files))
		umount /mnt || fail "ext4 on $what stays mounted"
	done
}

# atomic NAME FILE
atomic() {
	found=$("$inguest" atomic "$2" 2>&1) || found="failed: $found"
	case $found in
	"0 0") found=none ;;
	[1-9]*" "*) found="${found% *} to ${found#* } bytes" ;;
	esac
	printf 'fact\tatomic writes, %s\t%s\n' "$1" "$found"
}

atomics() {
	for what in $names; do
		atomic "$what" "$(disk_named "$what")"
	done
	for fs in ext4 xfs; do
		case $fs in
		ext4) mkfs.ext4 -q -F "$kmem" ;;
		xfs) mkfs.xfs -q -f "$kmem" && modprobe xfs ;;
		esac && mount -t $fs "$kmem" /mnt || fail "no $fs"
		atomic "a file of $fs on kmem" /mnt/file
		umount /mnt
	done
	blkdiscard -f "$kmem"
	# until all of it is RAM again
	until_true 60 at_rest "$dev" || fail "the boundary moves"
}

if [ -n "$short" ]; then
	nr_small=10000 nr_large=60 ram_mib=32 nr_files=0
else
	nr_small=20000 nr_large=150 ram_mib=64 nr_files=400
fi
attach "kmem plain" >/dev/null # the first time is another
for ((round = 0; round < rounds; round++)); do
	attach "plain kmem"
	ram
done
mkdir -p /mnt
iostats 0
printf 'fact\tiostats\toff on all disks, but where it says so\n'
[ -n "$short" ] || files
atomics
# all of it has been written before
for d in $disks; do
	for ((i = 0; i < 2; i++)); do
		dd if=/dev/zero of="$d" bs=1M count=$area oflag=direct status=none || fail "dd"
	done
done
for ((round = 0; round < rounds; round++)); do
	main
	past
done
printf 'fact\tkmem copies\t%s\n' "$(persist "$dev" copy)"
[ -n "$short" ] || others
echo end

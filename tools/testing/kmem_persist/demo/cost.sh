#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ./run cost: what one pageblock costs on its way between RAM and the pool. The
# clock of this machine counts instructions.
. /usr/lib/guest/lib.sh

unit=$((2 << 20))

# counter NAME: of the exchange
counter() {
	sed -n "s/^$1 //p" "/sys/kernel/debug/kmem_persist/$dev/exchange"
}

mark() {
	taken=$(counter taken) given=$(counter given) takes=$(counter takes)
	take_ns=$(counter take_ns) busy=$(counter busy) busy_ns=$(counter busy_ns)
	give_ns=$(counter give_ns)
}

# report NAME: since the mark
report() {
	local t=$((($(counter taken) - taken) / unit)) g=$((($(counter given) - given) / unit))
	local n=$(($(counter takes) - takes)) b=$(($(counter busy) - busy))
	if [ "$t" -gt 0 ]; then
		printf '%-34s %5d %9.1f %10d %6d %10d\n' "$1" "$t" "$((t * 10 / n))e-1" \
			$((($(counter take_ns) - take_ns) / t)) "$b" \
			$((b ? ($(counter busy_ns) - busy_ns) / b : 0))
	fi
	if [ "$g" -gt 0 ]; then
		printf '%-34s %5d %9s %10d\n' "$1, given" "$g" - $((($(counter give_ns) - give_ns) / g))
	fi
}

# free_mib: free memory of the node
free_mib() {
	sed -n 's/^Node [0-9]* MemFree: *\([0-9]*\) kB/\1/p' \
		"/sys/devices/system/node/node$node/meminfo" | awk '{ print int($1 / 1024) }'
}

dev=$(nv_dax 0) && format_type 1 && to_ram "$dev" && until_true 60 at_rest "$dev" ||
	{ echo "the device did not come up"; exit 1; }
node=$(node_of "$dev")
disk=/dev/$(disk_of "$dev")
echo "instructions per pageblock of 2 MiB; $(free_mib) MiB free in the node"
printf '%-34s %5s %9s %10s %6s %10s\n' what units units/call each failed "a failure"

# the part that is no RAM comes first, and is not what we want to know
dd if=/dev/zero of="$disk" bs=1M count=$(($(usage "$dev" absent) / 1048576)) oflag=direct status=none

mark
dd if=/dev/zero of="$disk" bs=1M seek=200 count=256 oflag=direct status=none
until_true 60 at_rest "$dev"
report "taken, free memory"
mark
blkdiscard "$disk"
until_true 60 at_rest "$dev"
report "discard"
dd if=/dev/zero of="$disk" bs=1M count=$(($(usage "$dev" absent) / 1048576)) oflag=direct status=none

for thp in never always; do
	echo $thp >/sys/kernel/mm/transparent_hugepage/enabled
	# or what the one before has said may be found before this one begins
	rm -f /tmp/fill
	numactl --preferred="$node" ramfill -p 1000 $(($(free_mib) - 192)) >/tmp/fill &
	pid=$!
	until_true 300 grep -q filled /tmp/fill || { echo "RAM could not be filled"; exit 1; }
	mark
	dd if=/dev/zero of="$disk" bs=1M seek=200 count=256 oflag=direct status=none
	until_true 60 at_rest "$dev"
	report "taken, programs' memory, THP $thp"
	kill "$pid"
	wait "$pid"
	blkdiscard -o $((200 << 20)) -l $((256 << 20)) "$disk"
	until_true 60 at_rest "$dev"
done

# a file in memory
mount -t tmpfs -o size=100% none /mnt
numactl --preferred="$node" dd if=/dev/zero of=/mnt/file bs=1M count=$(($(free_mib) - 192)) status=none
mark
dd if=/dev/zero of="$disk" bs=1M seek=200 count=256 oflag=direct status=none
until_true 60 at_rest "$dev"
report "taken, files of a tmpfs"

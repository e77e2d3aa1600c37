#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Persistent data on a dax device that is system RAM at the same time, on a machine with a
# device to spare:
#   /sys/bus/dax/devices/daxX.Y/persist_format, persist/
#
#   DAX_KMEM_PERSIST_DEV=daxX.Y	the device; without it the whole test SKIPs
#   DAX_KMEM_PERSIST_DESTROY=1	formats the device, which destroys all that is on it
#
# Without the second nothing is written: what an active device says about itself is looked
# at, and a device that is not active SKIPs. With it the device must not be bound to kmem,
# and must carry no superblock ("kmem-persist wipe" removes one): whoever mistypes a name
# shall not lose data. Afterwards the device is active, with an empty disk.
#
# A device can be had with memmap=, see dax-kmem-hotplug.sh; or, an NVDIMM:
#
#   ndctl create-namespace -f -e namespace0.0 -m devdax --map=mem
#   DAX_KMEM_PERSIST_DEV=dax0.0 DAX_KMEM_PERSIST_DESTROY=1 ./dax-kmem-persist.sh

# shellcheck disable=SC1091
DIR="$(dirname "$(readlink -f "$0")")"
. "$DIR"/../kselftest/ktap_helpers.sh

DEV=${DAX_KMEM_PERSIST_DEV:-}
SYS=/sys/bus/dax/devices/$DEV
PERSIST=$SYS/persist
BLOCKS=256

# result NAME COMMAND... -- one test
result() {
	local name=$1

	shift
	if "$@"; then
		ktap_test_pass "$name"
	else
		ktap_test_fail "$name"
	fi
}

skip_all() {
	ktap_skip_all "$@"
	exit "$KSFT_SKIP"
}

driver() { basename "$(readlink "$SYS/driver" 2>/dev/null)"; }
state_is() { [ "$(cat "$PERSIST/state" 2>/dev/null)" = "$1" ]; }
disk() { basename "$SYS"/block/kmem*; }
usage() { cat "$PERSIST/$1"; }

# adds_up -- every byte of the device is accounted for, once: the files are not of one
# moment, so some looks may be in vain
adds_up() {
	local i sum

	for ((i = 0; i < 100; i++)); do
		sum=$(cat "$PERSIST"/{stored,pool,lent,absent,bad} | awk '{ s += $1 } END { printf "%.0f", s }')
		[ "$sum" != "$(usage capacity)" ] || return 0
	done
	return 1
}

# readable -- all that the kernel offers to everybody can be read
readable() {
	local f

	for f in "$PERSIST"/*; do
		[ ! -r "$f" ] || [ -d "$f" ] || [ "${f##*/}" = give_back ] ||
			cat "$f" >/dev/null || return 1
	done
}

# bind_kmem -- bind it, and bring its memory online where all of it can be moved away.
# new_id is what devices of this bus are bound with, also by daxctl.
bind_kmem() {
	[ -z "$(driver)" ] || echo "$DEV" >"/sys/bus/dax/drivers/$(driver)/unbind"
	echo "$DEV" >/sys/bus/dax/drivers/kmem/new_id 2>/dev/null
	[ "$(driver)" = kmem ] || return 1
	case $(cat "$SYS/state") in
	online_movable) ;;
	*)
		echo unplugged >"$SYS/state" && echo online_movable >"$SYS/state" || return 1
		;;
	esac
}

# wait_for COMMAND... -- it becomes true within half a minute
wait_for() {
	local i

	for ((i = 0; i < 300; i++)); do
		! "$@" || return 0
		sleep 0.1
	done
	return 1
}

has_disk() { [ -b "/dev/$(disk)" ]; }

# write_blocks, sum_blocks -- what is written is compared, past the page cache
write_blocks() {
	dd if="$PATTERN" of="/dev/$(disk)" bs=4k count=$BLOCKS seek=256 oflag=direct status=none
}
sum_blocks() {
	dd if="/dev/$(disk)" bs=4k count=$BLOCKS skip=256 iflag=direct status=none | sha256sum
}
same_blocks() { [ "$(sum_blocks)" = "$(sha256sum <"$PATTERN")" ]; }
stores() { [ "$(usage stored)" -ge $((BEFORE + BLOCKS * 4096)) ]; }
gave_back() { [ "$(usage stored)" -lt $((BEFORE + BLOCKS * 4096)) ]; }

ktap_print_header
[ "$UID" = 0 ] || skip_all "must be run as root"
[ -n "$DEV" ] || skip_all "set DAX_KMEM_PERSIST_DEV=daxX.Y"
[ -d "$SYS" ] || skip_all "$DEV: no such device"
modprobe -q kmem
[ -d /sys/bus/dax/drivers/kmem ] || skip_all "no kmem driver"
[ -e "$SYS/persist_format" ] || skip_all "no CONFIG_DEV_DAX_KMEM_PERSIST"

if [ "${DAX_KMEM_PERSIST_DESTROY:-}" != 1 ]; then
	state_is active || skip_all "$DEV is not active, and may not be formatted: DAX_KMEM_PERSIST_DESTROY=1"
	ktap_set_plan 2
	result "every byte is accounted for" adds_up
	result "all files can be read" readable
	ktap_finished
fi

[ "$(driver)" != kmem ] || skip_all "$DEV is in use by kmem; take it back to devdax"

PATTERN=$(mktemp) || skip_all "no room for a file"
trap 'rm -f "$PATTERN"' EXIT
dd if=/dev/urandom of="$PATTERN" bs=4k count=$BLOCKS status=none

# A format is refused where there is a superblock already: then the device is not ours.
echo 1 >"$SYS/persist_format"
dmesg_before=$(dmesg | wc -l)
if ! bind_kmem || ! state_is active ||
   ! dmesg | tail -n +$((dmesg_before + 1)) | grep -q "$DEV: formatted with type 1"; then
	echo -1 >"$SYS/persist_format" 2>/dev/null
	skip_all "$DEV cannot be formatted, or carries data: see the log"
fi

ktap_set_plan 12
ktap_print_msg "using $DEV"
result "format: the request is used up" [ "$(cat "$SYS/persist_format")" = -1 ]
result "there is a disk" wait_for has_disk
result "its identity is that of the format" \
	[ "$(cat "/sys/block/$(disk)/wwid")" = "uuid.$(cat "$PERSIST/uuid")" ]
result "the empty device is RAM" [ "$(usage lent)" -gt $(($(usage capacity) / 2)) ]
result "every byte is accounted for" adds_up
result "all files can be read" readable

BEFORE=$(usage stored)
result "write" write_blocks
result "it takes pages of the device" stores

# off and on: the device is found by what is on it
echo unplugged >"$SYS/state"
result "unplug" [ "$(cat "$SYS/state")" = unplugged ]
echo online_movable >"$SYS/state"
wait_for has_disk
result "plugged: the data is there" same_blocks

blkdiscard -f "/dev/$(disk)" 2>/dev/null || blkdiscard "/dev/$(disk)"
result "discard gives the pages back" wait_for gave_back
result "every byte is accounted for, in the end" adds_up

ktap_finished

# SPDX-License-Identifier: GPL-2.0
# Functions for scripts that run in a guest: . /usr/lib/guest/lib.sh

# what a test has found; the host turns these lines into KTAP
ok() { echo "ok $*"; }
not_ok() { echo "not ok $*"; }
skip() { echo "skip $*"; }

# check NAME COMMAND...: one subtest
check() {
	check_name=$1
	shift
	if "$@"; then
		ok "$check_name"
	else
		not_ok "$check_name ($* failed)"
	fi
}

# same NAME GOT WANTED: one subtest
same() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1 (got '$2', wanted '$3')"
	fi
}

# until_true SECONDS COMMAND...: wait for a condition, looking ten times a second
until_true() {
	until_end=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	until "$@" 2>/dev/null; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$until_end" ] || return 1
		sleep 0.1
	done
}

# mem_total NODE: kB of RAM that the allocator manages there (0: no such node)
mem_total() {
	sed -n 's/^Node [0-9]* MemTotal: *\([0-9]*\) kB/\1/p' \
		"/sys/devices/system/node/node$1/meminfo" 2>/dev/null | grep . || echo 0
}

# nvdimm_dax REGION [MAP]: a devdax namespace over a whole region, if there is
# none yet; prints its device
nvdimm_dax() {
	nvd_dev=$(ndctl list -r "region$1" -N -m devdax | jq -r '.. | .chardev? // empty' | head -n 1)
	if [ -z "$nvd_dev" ]; then
		nvd_dev=$(ndctl create-namespace -f -r "region$1" -m devdax --map="${2:-mem}" -a 2M |
			jq -r '.. | .chardev? // empty' | head -n 1)
	fi
	[ -n "$nvd_dev" ] && echo "$nvd_dev"
}

# format_type N: what kmem formats a device with that has no superblock; -1: nothing
format_type() {
	modprobe kmem && echo "$1" >/sys/module/kmem/parameters/persist_format_type
}

# to_ram DEVICE [ARGS]: stock daxctl; fails when daxctl reconfigured nothing
to_ram() {
	daxctl reconfigure-device --mode=system-ram "$@" >/tmp/daxctl.json &&
		jq -e 'length > 0' /tmp/daxctl.json >/dev/null
}

# to_dax DEVICE: and back
to_dax() {
	daxctl reconfigure-device -f --mode=devdax "$@" >/tmp/daxctl.json &&
		jq -e 'length > 0' /tmp/daxctl.json >/dev/null
}

# leaks: ask kmemleak twice, as it wants objects to be some seconds old
leaks() {
	[ -w /sys/kernel/debug/kmemleak ] || return 0
	echo scan >/sys/kernel/debug/kmemleak
	echo scan >/sys/kernel/debug/kmemleak
	[ -z "$(cat /sys/kernel/debug/kmemleak)" ] || {
		cat /sys/kernel/debug/kmemleak >/dev/kmsg
		return 1
	}
}

# say it to whoever reads the second port, at once
ack() {
	echo "$*" >/dev/virtio-ports/ack
}

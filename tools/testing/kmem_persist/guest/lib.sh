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
		# a new NVDIMM has no labels: it is all one raw namespace
		set -- "$1" "${2:-mem}" "$(ndctl list -r "region$1" -N -m raw | jq -r '.. | .dev? // empty')"
		nvd_dev=$(ndctl create-namespace -f ${3:+-e "$3"} -r "region$1" -m devdax \
			--map="$2" -a 2M | jq -r '.. | .chardev? // empty' | head -n 1)
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

# nv_region N: region of the Nth NVDIMM of the command line, from 0; the kernel
# numbers them as it finds them, addresses are in order
nv_region() {
	for nvr in /sys/bus/nd/devices/region*; do
		echo "$(($(cat "$nvr/resource"))) ${nvr##*/region}"
	done | sort -n | sed -n "$(($1 + 1))s/.* //p"
}

# nv_dax N [MAP]: nvdimm_dax of that NVDIMM
nv_dax() {
	nvdimm_dax "$(nv_region "$1")" "${@:2}"
}

# persist DEVICE FILE: what the driver says about a device with persistent data
persist() {
	cat "/sys/bus/dax/devices/$1/persist/$2"
}

# usage DEVICE WORD: bytes, one line of persist/usage
usage() {
	sed -n "s/^$2 //p" "/sys/bus/dax/devices/$1/persist/usage"
}

# sums_up DEVICE: every byte of the device is accounted for, once
sums_up() {
	# one look: the shell would read line by line, each at another moment
	su_text=$(persist "$1" usage)
	su_sum=0
	su_capacity=-1
	while read -r su_word su_bytes; do
		case $su_word in
		capacity) su_capacity=$su_bytes ;;
		*) su_sum=$((su_sum + su_bytes)) ;;
		esac
	done <<<"$su_text"
	[ "$su_sum" -eq "$su_capacity" ] || {
		su_text=$(echo "$su_text" | tr '\n' ' ')
		false
	}
}

# node_of DEVICE: its NUMA node
node_of() {
	cat "/sys/bus/dax/devices/$1/target_node"
}

# ram_of DEVICE: kB of RAM in its node
ram_of() {
	mem_total "$(node_of "$1")"
}

# lent_is_ram DEVICE [KB]: what the device has lent is the RAM of its node,
# besides so many kB that the node has anyway
lent_is_ram() {
	[ $(($(usage "$1" lent) / 1024 + ${2:-0})) -eq "$(ram_of "$1")" ]
}

# at_rest DEVICE [KB]: the boundary does not move: the pool keeps no more than
# its reserve, its slack and some pageblocks that are partly used
at_rest() {
	ar_slack=$(($(usage "$1" capacity) / 128))
	[ "$ar_slack" -ge 2097152 ] || ar_slack=2097152
	[ "$ar_slack" -le 33554432 ] || ar_slack=33554432
	[ "$(usage "$1" pool)" -le $(($(persist "$1" reserved) + 2 * ar_slack + 8388608)) ] &&
		lent_is_ram "$@"
}

# follows NAME DEVICE [KB]: the pool comes to rest and everything sums up
follows() {
	if until_true 30 at_rest "${@:2}"; then
		ok "$1: RAM follows"
	else
		not_ok "$1: RAM follows, got MemTotal $(ram_of "$2")," \
			"$(persist "$2" usage)" "$(persist "$2" exchange)"
	fi
	accounted "$1" "$2"
}

# accounted NAME DEVICE: one subtest: see sums_up
accounted() {
	if sums_up "$2"; then
		ok "$1: every byte is accounted for"
	else
		not_ok "$1: every byte is accounted for: $su_text"
	fi
}

# between NAME LOW HIGH COMMAND...: what it prints comes to lie there
in_range() {
	found=$("${@:3}") && [ "$found" -ge "$1" ] && [ "$found" -le "$2" ]
}
between() {
	if until_true 30 in_range "${@:2}"; then
		ok "$1 ($found)"
	else
		not_ok "$1 ($found, not from $2 to $3)"
	fi
}

# less_ram DEVICE KB: how much less RAM its node has
less_ram() {
	echo $(($2 - $(ram_of "$1")))
}

# setting DEVICE FILE VALUE: write one of the files below persist/
setting() {
	echo "$3" >"/sys/bus/dax/devices/$1/persist/$2"
}

# space_is DEVICE WORD: ok, low or none
space_is() {
	[ "$(persist "$1" space)" = "$2" ]
}

# exchanged DEVICE WORD: one line of persist/exchange
exchanged() {
	sed -n "s/^$2 //p" "/sys/bus/dax/devices/$1/persist/exchange"
}

# free_of DEVICE: bytes without data; not_lent_of DEVICE: those that are not RAM
free_of() {
	awk '/^(pool|lent|absent) / { n += $2 } END { printf "%.0f\n", n }' \
		"/sys/bus/dax/devices/$1/persist/usage"
}
not_lent_of() {
	awk '/^(pool|absent) / { n += $2 } END { printf "%.0f\n", n }' \
		"/sys/bus/dax/devices/$1/persist/usage"
}

# lent_percent DEVICE: of what holds no data, so much is RAM
lent_percent() {
	awk '/^(pool|lent|absent) / { n += $2 } /^lent / { l = $2 } END { print int(100 * l / n) }' \
		"/sys/bus/dax/devices/$1/persist/usage"
}

# node_free NODE: kB of RAM that is free there
node_free() {
	sed -n 's/^Node [0-9]* MemFree: *\([0-9]*\) kB/\1/p' \
		"/sys/devices/system/node/node$1/meminfo"
}

# hog NAME NUMACTL-OPTION RAMFILL-ARG...: somebody who uses memory, in the
# background; the first to go when there is none. Sets hog_pid.
hog() {
	(
		echo 1000 >/proc/self/oom_score_adj
		exec numactl "$2" ramfill "${@:3}"
	) >"/tmp/hog.$1" 2>&1 &
	hog_pid=$!
}

# hog_end NAME PID: one subtest: it ran to this point, or the OOM killer took it,
# and its memory was never anything but what it had written
hog_end() {
	kill "$2" 2>/dev/null
	# it wants to finish its round
	until_true 60 eval "! kill -0 $2" || kill -KILL "$2"
	wait "$2" 2>/dev/null
	case $? in
	0 | 137 | 143) same "$1: nothing wrong with its memory" "$(grep -c WRONG "/tmp/hog.$1")" 0 ;;
	*) not_ok "$1: it ended by itself: $(tail -n 1 "/tmp/hog.$1")" ;;
	esac
}

# disk_of DEVICE: the name of its disk, kmem0 and so on; fails without
disk_of() {
	do_disk=$(echo "/sys/bus/dax/devices/$1/block/"kmem*)
	[ -d "$do_disk" ] && echo "${do_disk##*/}"
}

# stores NAME DEVICE MIB [all]: what is written to its disk is there, be it all or
# not, and the writer comes to an end
stores() {
	stores_disk=/dev/$(disk_of "$2")
	stores_seq=$((${stores_seq:-0} + 1))
	stores_n=$(timeout 150 kmemio most "$stores_disk" 0 $(($3 * 256)) $stores_seq)
	same "$1: the writer comes to an end" $? 0
	check "$1: ${stores_n:=0} blocks are there" kmemio check "$stores_disk" 0 "$stores_n" $stores_seq
	[ -z "${4:-}" ] || same "$1: all of them" "$stores_n" $(($3 * 256))
	accounted "$1" "$2"
}

# gone NAME DEVICE: discard all of its disk, for the next
gone() {
	check "$1: discard" blkdiscard "/dev/$(disk_of "$2")"
	follows "$1: discarded" "$2"
}

# blocks_of DEVICE: its memory blocks, memory32 and so on
blocks_of() {
	bo_size=$((0x$(cat /sys/devices/system/memory/block_size_bytes)))
	sed -n "s/^ *\([0-9a-f]*\)-\([0-9a-f]*\) : $1\$/\1 \2/p" /proc/iomem |
		while read -r bo_start bo_end; do
			seq -f 'memory%.0f' $((0x$bo_start / bo_size)) $((0x$bo_end / bo_size))
		done
}

# set_blocks DEVICE STATE: all of its memory blocks
set_blocks() {
	for sb_block in $(blocks_of "$1"); do
		echo "$2" >"/sys/devices/system/memory/$sb_block/state" || return 1
	done
}

# refused NAME ERROR VALUE FILE: one subtest: writing VALUE fails like this and
# changes nothing
refused() {
	ref_old=$(cat "$4" 2>&1)
	if ref_msg=$( { printf '%s\n' "$3" >"$4"; } 2>&1); then
		not_ok "$1: '$3' was accepted"
	elif [ "${ref_msg##*: }" != "$2" ]; then
		not_ok "$1: '$3': ${ref_msg##*: }, not $2"
	elif [ "$(cat "$4" 2>&1)" != "$ref_old" ]; then
		not_ok "$1: '$3' was refused, but $ref_old became $(cat "$4" 2>&1)"
	else
		ok "$1"
	fi
}

# said REGEX: the kernel's log has such a line since the last said_mark
said_mark() {
	said_from=$(dmesg | wc -l)
}
said() {
	dmesg | tail -n +$((${said_from:-0} + 1)) | grep -qE "$1"
}

# image_sum FILE: checksum of an image as the host sees it; for hosts that run
# serve_sums
image_sum() {
	rm -f /share/answer
	echo "$*" >/share/ask.tmp
	mv /share/ask.tmp /share/ask
	until_true 120 [ -s /share/answer ] && cat /share/answer
}

# image_find FILE BLOCK SEQ: the pages of an image with this block of kmemio fill
image_find() {
	image_sum "$@"
}

# each COMMAND ARG...: the command with one argument after the other
each() {
	each_command=$1
	shift
	for each_arg; do
		"$each_command" "$each_arg" || return 1
	done
}

# SPDX-License-Identifier: GPL-2.0
# Functions for scripts that run in a guest: . /usr/lib/guest/lib.sh
#
# To start a program takes a fifth of a second in an emulated machine whose kernel has
# all checkers on: what is called often is done by the shell itself. Such functions leave
# what they find in a variable; those that print it are for one time.

# what a test has found; the host turns these lines into KTAP
ok() { echo "ok $*"; }
not_ok() { echo "not ok $*"; }
skip() { echo "skip $*"; }

# the_end: what the last line of every script of a test says, see guest_start(). For
# a script that ends elsewhere, too.
the_end() { echo "ran to its end"; }

. /usr/lib/guest/check.sh

# pause [SECONDS]: a tenth of a second
exec {kp_never}<> <(:)
pause() {
	read -r -t "${1:-0.1}" -u "$kp_never"
	:
}

# until_true SECONDS COMMAND...: wait for a condition, looking ten times a second at first.
# The deadline is for what never comes: a minute or more, whatever it takes elsewhere.
# To look takes the time of those who are waited for: later three times a second.
until_true() {
	local until_end=$((EPOCHSECONDS + $1)) until_n=0
	shift
	until "$@" 2>/dev/null; do
		[ "$EPOCHSECONDS" -lt "$until_end" ] || return 1
		if [ $((until_n++)) -lt 5 ]; then
			pause
		else
			pause 0.3
		fi
	done
}

# node_mem NODE WORD: a line of its meminfo, in kB, into kp_kb; 0: no such node
node_mem() {
	local word kb
	kp_kb=0
	[ -e "/sys/devices/system/node/node$1/meminfo" ] || return 0
	while read -r _ _ word kb _; do
		[ "$word" != "$2:" ] || {
			kp_kb=$kb
			return
		}
	done <"/sys/devices/system/node/node$1/meminfo"
}

# mem_total NODE: kB of RAM that the allocator manages there (0: no such node)
mem_total() {
	node_mem "$1" MemTotal
	echo "$kp_kb"
}

# first_of FIELD TEXT: what the first field of this name is in JSON of ndctl or daxctl,
# into kp_first
first_of() {
	kp_first=
	[[ $2 =~ \"$1\":\ *\"([^\"]*)\" ]] && kp_first=${BASH_REMATCH[1]}
}

# text_of FILE: its lines into kp_text, all at one moment
text_of() {
	kp_text=()
	mapfile -t kp_text <"$1"
}

# nvdimm_dax REGION [MAP]: a devdax namespace over a whole region, if there is
# none yet; prints its device
nvdimm_dax() {
	local ns mode size
	first_of chardev "$(ndctl list -r "region$1" -N -m devdax)" || {
		# a new NVDIMM has no labels: it is all one raw namespace
		set -- "$1" "${2:-mem}"
		for ns in "/sys/bus/nd/devices/namespace$1".*; do
			read -r mode <"$ns/mode" && read -r size <"$ns/size" || continue
			[ "$mode" != raw ] || [ "$size" -eq 0 ] || set -- "$1" "$2" -e "${ns##*/}"
		done
		first_of chardev "$(ndctl create-namespace -f "${@:3}" -r "region$1" -m devdax \
			--map="$2" -a 2M)"
	}
	[ -n "$kp_first" ] && echo "$kp_first"
}

# format_type N: what kmem formats a device with that has no superblock; -1: nothing
format_type() {
	modprobe kmem && echo "$1" >/sys/module/kmem/parameters/persist_format_type
}

# did_daxctl: was there a device?
did_daxctl() {
	text_of /tmp/daxctl.json
	first_of chardev "${kp_text[*]}"
}

# to_ram DEVICE [ARGS]: stock daxctl; fails when daxctl reconfigured nothing
to_ram() {
	daxctl reconfigure-device --mode=system-ram "$@" >/tmp/daxctl.json && did_daxctl
}

# to_dax DEVICE: and back
to_dax() {
	daxctl reconfigure-device -f --mode=devdax "$@" >/tmp/daxctl.json && did_daxctl
}

# leaks: ask kmemleak twice, as it wants to see that nothing changes meanwhile. In every
# guest that would be a third of all the time: it is on in some, see testlib.sh.
leaks() {
	case $(</proc/cmdline) in
	*kmemleak=on*kmemleak=off*) return ;;
	*kmemleak=on*) ;;
	*)
		check_why="not looked for in this guest; with --deep it is in all"
		return
		;;
	esac
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
	local nvr start n from=-1 next region
	for ((n = 0; n <= $1; n++)); do
		next=
		region=
		for nvr in /sys/bus/nd/devices/region*; do
			read -r start <"$nvr/resource"
			[ $((start)) -gt "$from" ] || continue
			[ -z "$next" ] || [ $((start)) -lt "$next" ] || continue
			next=$((start))
			region=${nvr##*/region}
		done
		[ -n "$region" ] || return
		from=$next
	done
	echo "$region"
}

# nv_dax N [MAP]: nvdimm_dax of that NVDIMM
nv_dax() {
	nvdimm_dax "$(nv_region "$1")" "${@:2}"
}

# info_uuid N: of the info block of that NVDIMM's devdax namespace
info_uuid() {
	ndctl list -r "region$(nv_region "$1")" -N -m devdax | jq -r '.. | .uuid? // empty' | head -n 1
}

# found NAME DEVICE TEXT: what would become of the device, were it bound now. Others may have
# written to it: it is looked at again once a second.
found() {
	until_true 60 eval "[ \"\$(<\"/sys/bus/dax/devices/$2/persist_found\")\" = \"$3\" ]"
	same "$1: persist_found" "$(<"/sys/bus/dax/devices/$2/persist_found")" "$3"
}

# accept DEVICE WORD: what root says about a device before it is bound
accept() {
	echo "$2" >"/sys/bus/dax/devices/$1/persist_accept"
}

# persist DEVICE FILE: what the driver says about a device with persistent data
persist() {
	text_of "/sys/bus/dax/devices/$1/persist/$2" || return
	[ ${#kp_text[@]} -eq 0 ] || printf '%s\n' "${kp_text[@]}"
}

# table DEVICE NAME: one of the tables of the driver in debugfs
table() {
	text_of "/sys/kernel/debug/kmem_persist/$1/$2" || return
	[ ${#kp_text[@]} -eq 0 ] || printf '%s\n' "${kp_text[@]}"
}

# used_of DEVICE: its table usage into kp_used, by word, and the sum of all but the capacity
# into kp_sum
declare -A kp_used
used_of() {
	local line word
	kp_sum=0
	# one look: line by line, each would be of another moment
	if [ -e "/sys/kernel/debug/kmem_persist/$1/usage" ]; then
		text_of "/sys/kernel/debug/kmem_persist/$1/usage" || return
	else
		# there was no memory for it: nothing moves in a test of that
		kp_text=()
		for word in capacity stored pool lent absent bad; do
			read -r line <"/sys/bus/dax/devices/$1/persist/$word" || return
			kp_text+=("$word $line")
		done
	fi
	for line in "${kp_text[@]}"; do
		kp_used[${line%% *}]=${line#* }
		[ "${line%% *}" = capacity ] || kp_sum=$((kp_sum + ${line#* }))
	done
}

# usage DEVICE WORD: bytes, one line of the table usage
usage() {
	used_of "$1" && [ -n "${kp_used[$2]:-}" ] && echo "${kp_used[$2]}"
}

# sums_up DEVICE: every byte of the device is accounted for, once
sums_up() {
	used_of "$1"
	[ "$kp_sum" -eq "${kp_used[capacity]:--1}" ] || {
		su_text="${kp_text[*]}"
		false
	}
}

# node_of DEVICE: its NUMA node
node_of() {
	local node
	read -r node <"/sys/bus/dax/devices/$1/target_node" && echo "$node"
}

# ram_kb DEVICE: kB of RAM in its node, into kp_kb; ram_of DEVICE prints it
ram_kb() {
	local node
	read -r node <"/sys/bus/dax/devices/$1/target_node" && node_mem "$node" MemTotal
}
ram_of() {
	ram_kb "$1" && echo "$kp_kb"
}

# lent_is_ram DEVICE [KB]: what the device has lent is the RAM of its node,
# besides so many kB that the node has anyway
lent_is_ram() {
	used_of "$1" && ram_kb "$1" && [ $((${kp_used[lent]} / 1024 + ${2:-0})) -eq "$kp_kb" ]
}

# at_rest DEVICE [KB]: the boundary does not move: the pool keeps no more than
# its reserve, its slack and some pageblocks that are partly used
at_rest() {
	local slack reserved
	lent_is_ram "$@" && read -r reserved <"/sys/bus/dax/devices/$1/persist/reserved" || return
	slack=$((${kp_used[capacity]} / 128))
	[ "$slack" -ge 2097152 ] || slack=2097152
	[ "$slack" -le 33554432 ] || slack=33554432
	[ "${kp_used[pool]}" -le $((reserved + 2 * slack + 8388608)) ]
}

# follows NAME DEVICE [KB]: the pool comes to rest and everything sums up
follows() {
	if until_true 60 at_rest "${@:2}"; then
		ok "$1: RAM follows"
	else
		not_ok "$1: RAM follows, got MemTotal $(ram_of "$2")," \
			"$(table "$2" usage)" "$(table "$2" exchange)"
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
	if until_true 60 in_range "${@:2}"; then
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
	local space
	read -r space <"/sys/bus/dax/devices/$1/persist/space" && [ "$space" = "$2" ]
}

# exchanged DEVICE WORD: one line of the table exchange
exchanged() {
	local line
	text_of "/sys/kernel/debug/kmem_persist/$1/exchange" || return
	for line in "${kp_text[@]}"; do
		[ "${line%% *}" != "$2" ] || echo "${line#* }"
	done
}

# free_of DEVICE: bytes without data; not_lent_of DEVICE: those that are not RAM
free_of() {
	used_of "$1" && echo $((${kp_used[pool]} + ${kp_used[lent]} + ${kp_used[absent]}))
}
not_lent_of() {
	used_of "$1" && echo $((${kp_used[pool]} + ${kp_used[absent]}))
}

# lent_percent DEVICE: of what holds no data, so much is RAM
lent_percent() {
	used_of "$1" &&
		echo $((100 * ${kp_used[lent]} / (${kp_used[pool]} + ${kp_used[lent]} + ${kp_used[absent]})))
}

# node_free NODE: kB of RAM that is free there
node_free() {
	node_mem "$1" MemFree
	echo "$kp_kb"
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

# in_use NR: how most tests begin: the first NR NVDIMMs are formatted and have disks. Sets
# devs and disks, and of the first dev, disk, kmem (its attributes) and node.
in_use() {
	local i
	for ((i = 0; i < $1; i++)); do
		devs[i]=$(nv_dax $i)
		check "nv$i: a devdax namespace" [ -n "${devs[i]}" ]
	done
	format_type 1
	check "to system-ram" each to_ram "${devs[@]}"
	for ((i = 0; i < $1; i++)); do
		check "nv$i: its disk" until_true 60 disk_of "${devs[i]}"
		disks[i]=/dev/${do_disk##*/}
	done
	dev=${devs[0]}
	disk=${disks[0]}
	kmem=/sys/block/${disk#/dev/}/kmem
	node=$(node_of "$dev")
}

# blocks_of DEVICE: its memory blocks, memory32 and so on
blocks_of() {
	local size line range name block
	read -r size </sys/devices/system/memory/block_size_bytes
	text_of /proc/iomem
	for line in "${kp_text[@]}"; do
		read -r range _ name <<<"$line"
		[ "$name" = "$1" ] || continue
		for ((block = 0x${range%-*} / 0x$size; block <= 0x${range#*-} / 0x$size; block++)); do
			echo "memory$block"
		done
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
	local old msg
	text_of "$4" 2>/dev/null
	old="${kp_text[*]}"
	if { printf '%s\n' "$3" >"$4"; } 2>/tmp/refused; then
		not_ok "$1: '$3' was accepted"
		return
	fi
	text_of /tmp/refused
	msg="${kp_text[*]}"
	text_of "$4" 2>/dev/null
	if [ "${msg##*: }" != "$2" ]; then
		not_ok "$1: '$3': ${msg##*: }, not $2"
	elif [ "${kp_text[*]}" != "$old" ]; then
		not_ok "$1: '$3' was refused, but $old became ${kp_text[*]}"
	else
		ok "$1"
	fi
}

# said REGEX: the kernel's log has such a line since the last said_mark
# From a file: of a pipe the shell reads a byte at a time.
said_all() {
	dmesg >/run/said
	text_of /run/said
}
said_mark() {
	said_all
	said_from=${#kp_text[@]}
}
said() {
	local line
	said_all
	for line in "${kp_text[@]:${said_from:-0}}"; do
		[[ ! $line =~ $1 ]] || return 0
	done
	false
}

# cxl_mem SERIAL: the CXL memory device with this serial number: its name into kp_mem, and
# where its decoders are into kp_endpoint. Names are of the order in which devices came.
cxl_devices=/sys/bus/cxl/devices
cxl_mem() {
	local serial
	for kp_endpoint in "$cxl_devices"/endpoint*; do
		[ -e "$kp_endpoint/driver" ] && kp_mem=$(readlink -f "$kp_endpoint/uport") || continue
		kp_mem=${kp_mem##*/}
		read -r serial <"$cxl_devices/$kp_mem/serial"
		[ $((serial)) -ne "$1" ] || return 0
	done
	false
}

# cxl_region pmem|ram UUID SERIAL...: make a region of all of these devices, in this order;
# by cxl_granularity bytes (256); of cxl_size bytes of each (all); its name into kp_region
cxl_region() {
	local type=$1 uuid=$2 size i each_serial decoder decoders=()
	shift 2
	for each_serial; do
		until_true 60 cxl_mem "$each_serial" || return
		for decoder in "$kp_endpoint"/decoder*; do
			read -r size <"$decoder/dpa_size"
			[ $((size)) -ne 0 ] || break
		done
		read -r size <"$cxl_devices/$kp_mem/$type/size" && size=${cxl_size:-$size} &&
			echo "$type" >"$decoder/mode" && echo "$size" >"$decoder/dpa_size" || return
		decoders+=("${decoder##*/}")
	done
	cd $cxl_devices/decoder0.0 || return
	read -r kp_region <"create_${type}_region" && echo "$kp_region" >"create_${type}_region" &&
		cd "$cxl_devices/$kp_region" || return
	[ "$type" = ram ] || echo "$uuid" >uuid || return
	echo "${cxl_granularity:-256}" >interleave_granularity && echo $# >interleave_ways &&
		echo $((size * $#)) >size || return
	for ((i = 0; i < $#; i++)); do
		echo "${decoders[i]}" >"target$i" || return
	done
	echo 1 >commit && echo "$kp_region" >/sys/bus/cxl/drivers/cxl_region/bind && cd / || return
	[ "$type" = ram ] || modprobe nd_pmem
}

# cxl_dax: the DAX device of that region, once it is there, into kp_dax
cxl_dax() {
	until_true 60 [ -e "/sys/bus/dax/devices/dax${kp_region#region}.0" ] &&
		kp_dax=dax${kp_region#region}.0
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

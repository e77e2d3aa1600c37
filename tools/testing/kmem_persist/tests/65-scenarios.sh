# SPDX-License-Identifier: GPL-2.0
# timeout: 900
# Two tables: what can happen to a device, and how it can come, for each of the things
# that it can be. Each cell says what comes of it. After each the device is what it was
# before, every byte is accounted for, its data is there, and where nothing must be
# written nothing was. A third of the events, orders and ways, but with --deep.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

# for both guests; nv0 is PLAIN, nv1 HELD, nv2 NONE, nv3 has a disk with a filesystem
# and a partition that is written to
cat >share/cells.sh <<'END'
. /usr/lib/guest/lib.sh
cp /share/sbedit /tmp/
sys=/sys/bus/dax/devices
drv=/sys/bus/dax/drivers/kmem
fs=/dev/kmem0p1
raw=/dev/kmem0p2
auto=/sys/devices/system/memory/auto_online_blocks

# devices: the namespaces, and which column is which
devices() {
	declare -gA devs namespaces home
	d=("$(nv_dax 0)" "$(nv_dax 1)" "$(nv_dax 2)" "$(nv_dax 3)")
	check "four devdax namespaces" [ -n "${d[0]}" -a -n "${d[1]}" -a -n "${d[2]}" -a -n "${d[3]}" ]
	devs=([PLAIN]=${d[0]} [HELD]=${d[1]} [NONE]=${d[2]} [IDLE]=${d[3]} [MOUNTED]=${d[3]} [BUSY]=${d[3]})
	ndctl list -N >/tmp/ns
	for c in "${!devs[@]}"; do
		namespaces[$c]=$(jq -r ".[] | select(.chardev == \"${devs[$c]}\") | .dev" /tmp/ns)
	done
}

# choose COLUMN
choose() {
	column=$1
	dev=${devs[$1]}
	read -r node <"$sys/$dev/target_node"
	memory=/sys/devices/system/node/node$node
}

# look: at RAM and usage, without starting a program: there are some hundred cells
declare -A u
look() {
	ram=0
	[ ! -e "$memory" ] || read -r _ _ _ ram _ <"$memory/meminfo"
	u=()
	sum=0
	[ -e "$sys/$dev/persist" ] || return 0
	mapfile -t text <"$sys/$dev/persist/usage"
	for line in "${text[@]}"; do
		u[${line% *}]=${line#* }
		[ "${line% *}" = capacity ] || sum=$((sum + ${line#* }))
	done
}
# soon SECONDS COMMAND...
soon() {
	soon_end=$((SECONDS + $1))
	shift
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $soon_end ] || return 1
		sleep 0.1
	done
}
# near NAME LOW HIGH: kB of RAM
is_near() {
	look
	[ "$ram" -ge "$1" ] && [ "$ram" -le "$2" ]
}
near() {
	if soon 30 is_near "$2" "$3"; then
		ok "$1 ($ram kB)"
	else
		not_ok "$1 ($ram kB, not from $2 to $3)"
	fi
}
# rests: as at_rest
rests() {
	look
	[ $((${u[lent]} / 1024)) -eq "$ram" ] && [ "${u[pool]}" -le $((reserved + 16777216)) ]
}

# count_states: of the memory blocks: online, offline, both, or nothing; sets states and
# how many are online
count_states() {
	states=
	onlines=0
	for block in "$memory"/memory[0-9]*/state; do
		[ -e "$block" ] || continue
		read -r block_state <"$block"
		[ "$block_state" != online ] || onlines=$((onlines + 1))
		case $states in
		"$block_state" | both) ;;
		'') states=$block_state ;;
		*) states=both ;;
		esac
	done
}
all_blocks() {
	for block in "$memory"/memory[0-9]*/state; do
		read -r block_state <"$block"
		[ "$block_state" = "${1%_*}" ] || echo "$1" >"$block" || return
	done
}
online() {
	all_blocks online_movable
}
offline() {
	all_blocks offline
}

disk() {
	soon 20 [ -b $fs -a -b $raw ]
}

# sane: as it shall be when it is bound, whatever has happened
sane() {
	if [ "$column" = PLAIN ]; then
		check "$name: no persist/" [ ! -e "$sys/$dev/persist" ]
		return
	fi
	read -r state <"$sys/$dev/persist/state"
	if [ "$column" = HELD ]; then
		read -r reason <"$sys/$dev/persist/reason"
		same "$name: held, for the same reason" "$state, $reason" "held, $held_reason"
		look
		same "$name: no RAM" "$ram" 0
	else
		same "$name: active" "$state" active
		if [ "$column" != NONE ]; then
			check "$name: the disk" disk
			check "$name: data" kmemio check $raw 4096 512 1
		fi
		read -r reserved <"$sys/$dev/persist/reserved"
		if [ "$column" != BUSY ] && ! soon 20 rests; then
			not_ok "$name: RAM follows, got MemTotal $ram, ${text[*]}"
		fi
	fi
	look
	same "$name: every byte is accounted for: ${text[*]}" "$sum" "${u[capacity]}"
}

# at_home: bound, all blocks online, as much RAM as ever
at_home() {
	count_states
	same "$name: all blocks are online" "$states" online
	sane
	case $column in
	PLAIN)
		look
		same "$name: MemTotal" "$ram" "${home[PLAIN]}"
		;;
	HELD) unwritten ;;
	NONE | IDLE | MOUNTED) near "$name: MemTotal as ever" $((${home[$column]} - 16384)) $((${home[$column]} + 8192)) ;;
	esac
}
no_memory() {
	look
	same "$name: no RAM" "$ram" 0
	count_states
	same "$name: all blocks are offline" "$states" offline
	# and the data is there
	sane
}
removed() {
	look
	same "$name: no RAM" "$ram" 0
	count_states
	same "$name: no blocks" "$states" ""
	check "$name: no persist/" [ ! -e "$sys/$dev/persist" ]
	case $column in
	IDLE | MOUNTED | BUSY) check "$name: no disk" [ ! -e /dev/kmem0 ] ;;
	esac
}
as_before() {
	if [ "$column" = PLAIN ] || [ "$column" = HELD ]; then
		look
		same "$name: MemTotal as before" "$ram" "$before"
	else
		near "$name: MemTotal as before" $((before - 16384)) $((before + 16384))
	fi
}
unwritten() {
	same "$name: nothing was written" "$(image_sum share/nv1)" "$held_sum"
}

# enter, leave: who uses the disk; taken: it was taken away meanwhile
uses=$(cat /share/uses 2>/dev/null || echo 0)
enter() {
	uses=$((uses + 1))
	echo $uses >/share/uses
	taken=
	case $column in
	MOUNTED)
		check "$name: mount" mount $fs /mnt
		check "$name: a file" kmemio fill /mnt/file 0 256 $uses
		sync -f /mnt
		echo $uses >/share/file
		;;
	BUSY)
		blkdiscard -l $((2048 * 4096)) $raw
		chrt -i 0 kmemio acks $raw 0 2048 $((uses * 1000000000)) 1 >/tmp/acks 2>/tmp/acks.err &
		writer=$!
		check "$name: blocks are written" writes
		;;
	esac
}
more_acks() {
	[ "$(stat -c %s /tmp/acks)" -gt "$1" ]
}
writes() {
	soon 30 more_acks $(($(stat -c %s /tmp/acks) + 200))
}
leave() {
	case $column in
	MOUNTED)
		if [ -n "$taken" ]; then
			e2fsck -p $fs >/dev/null
			check "$name: e2fsck -p finds a journal to replay, no more" [ $? -le 1 ]
			check "$name: mount again" mount $fs /mnt
		fi
		check "$name: the file" kmemio check /mnt/file 0 256 $uses
		check "$name: umount" umount /mnt
		check "$name: e2fsck" quietly e2fsck -fn $fs
		;;
	BUSY)
		if [ -z "$taken" ]; then
			check "$name: the writer writes on" writes
			kill -- -$writer
			wait $writer 2>/dev/null
		fi
		check "$name: every acknowledged block" quietly kmemio acked $raw 0 2048 /tmp/acks
		;;
	esac
}
quietly() {
	"$@" >/tmp/quietly 2>&1 || {
		tail -n 5 /tmp/quietly
		false
	}
}

# its users find out that it is gone
users_know() {
	taken=yes
	check "$name: the log says so" said "$dev: /dev/kmem0 is taken away from [0-9]+ openers"
	if [ "$column" = MOUNTED ]; then
		echo 3 >/proc/sys/vm/drop_caches
		check "$name: reading fails" eval "! kmemio check /mnt/file 0 256 $uses 2>/dev/null"
		check "$name: writing fails" eval "! kmemio fill /mnt/other 0 16 1 2>/dev/null"
		check "$name: umount" umount /mnt
	else
		check "$name: the writer ends" soon 30 eval "! kill -0 $writer"
		wait $writer
		check "$name: with an error ($(head -n 1 /tmp/acks.err))" grep -q 'Input/output error' /tmp/acks.err
	fi
}
END

guest_start going --timeout 900 --share share --mem 1G --nvdimm share/nv0:384M --nvdimm share/nv1:384M \
	--nvdimm share/nv2:384M --nvdimm share/nv3:384M <<'END'
. /share/cells.sh

# event           PLAIN  HELD   NONE   IDLE   MOUNTED BUSY
table='
one-block         works  works  works  works  users   users
block-by-block    works  works  works  works  users   users
allowed           works  works  works  works  last    last
offline-memory    works  works  works  works  users   users
unplug            works  works  works  works  opener  opener
reconfigure       works  works  works  works  users   users
unbind-offline    works  works  works  works  forced  forced
disable           mode   mode   mode   mode   mode    mode
destroy           busy   busy   busy   busy   busy    busy
unbind            stuck  stuck  stuck  -      stuck   -
'

# what happens; before_...: to what kind of device; after_...: the way back
event_one-block() {
	echo offline >"${blocks[0]}/state"
}
after_one-block() {
	echo online_movable >"${blocks[0]}/state"
}
event_block-by-block() {
	offline
}
after_block-by-block() {
	online
}
# but for the last block if it is in use
before_allowed() {
	[ "$column" = PLAIN ] || echo allowed >"$sys/$dev/persist/offline"
}
event_allowed() {
	offline
}
after_allowed() {
	[ "$column" = PLAIN ] || echo refused >"$sys/$dev/persist/offline"
	online
}
event_offline-memory() {
	daxctl offline-memory "$dev"
}
after_offline-memory() {
	daxctl online-memory "$dev" >/dev/null
}
event_unplug() {
	echo unplugged >"$sys/$dev/state"
}
after_unplug() {
	[ "$(cat "$sys/$dev/state")" != unplugged ] || echo online_movable >"$sys/$dev/state"
}
event_reconfigure() {
	to_dax "$dev"
}
after_reconfigure() {
	# what is in use stays, with all of its memory
	[ -e "$drv/$dev" ] || to_ram "$dev"
}
before_unbind-offline() {
	offline
}
event_unbind-offline() {
	echo "$dev" >$drv/unbind
}
after_unbind-offline() {
	echo "$dev" >$drv/bind && online
}
event_disable() {
	daxctl disable-device "$dev"
}
event_destroy() {
	ndctl destroy-namespace -f "${namespaces[$column]}"
}
event_unbind() {
	echo "$dev" >$drv/unbind
}

# what was to be had of it
effect_one-block() {
	count_states
	same "$name: one block is offline" "$states $onlines" "both 1"
	look
	[ "$column" != PLAIN ] || same "$name: its RAM is gone" $((before - ram)) 131072
	sane
}
effect_block-by-block() {
	no_memory
}
effect_allowed() {
	no_memory
}
effect_offline-memory() {
	no_memory
}
effect_unplug() {
	removed
	same "$name: it says so" "$(cat "$sys/$dev/state")" unplugged
}
effect_reconfigure() {
	removed
	same "$name: its driver" "$(basename "$(readlink -f "$sys/$dev/driver")")" device_dax
}
effect_unbind-offline() {
	removed
	check "$name: no driver" [ ! -e "$sys/$dev/driver" ]
}

# unchanged: refused, and as much RAM as before
unchanged() {
	check "$name: bound" [ -e "$drv/$dev" ]
	as_before
	sane
}

# the words of the table
wanted_works() {
	same "$name: works: $out" $rc 0
	"effect_$event"
}
wanted_forced() {
	same "$name: works: $out" $rc 0
	users_know
	"effect_$event"
}
wanted_opener() {
	check "$name: refused" [ $rc -ne 0 ]
	check "$name: the error: $out" grep -q 'Device or resource busy' <<<"$out"
	check "$name: the log names the holder" said "$dev: /dev/kmem0 is in use \([0-9]+ openers\): unmount it"
	unchanged
}
wanted_users() {
	check "$name: refused" [ $rc -ne 0 ]
	check "$name: the error: $out" grep -q 'Device or resource busy' <<<"$out"
	check "$name: the log says why" said "$dev: in use \([0-9]+ users\), its memory stays online"
	count_states
	same "$name: all blocks stay" "$states" online
	unchanged
}
wanted_last() {
	check "$name: refused" [ $rc -ne 0 ]
	check "$name: the error: $out" grep -q 'Device or resource busy' <<<"$out"
	check "$name: the log says why" said "$dev: in use \([0-9]+ users\), its last memory block stays online"
	count_states
	same "$name: one block stays" $onlines 1
	sane
}
wanted_mode() {
	check "$name: refused" [ $rc -ne 0 ]
	check "$name: because it is RAM: $out" grep -q 'only applicable in devdax mode' <<<"$out"
	unchanged
}
wanted_busy() {
	check "$name: refused" [ $rc -ne 0 ]
	check "$name: the error: $out" grep -q 'Device or resource busy' <<<"$out"
	unchanged
}
wanted_stuck() {
	same "$name: works: $out" $rc 0
	check "$name: the log says what that means" said "$dev: Hotplug regions stuck online until reboot"
	[ "$column" != MOUNTED ] || users_know
	check "$name: no persist/" [ ! -e "$sys/$dev/persist" ]
	# who wants to use it again
	said_mark
	msg=$({ echo "$dev" >$drv/bind; } 2>&1)
	same "$name: cannot be bound" "${msg##*: }" "Device or resource busy"
	# a plain one is left to kmem
	msg="memory of an earlier binding is stuck online, reboot to use the device"
	[ "$column" != PLAIN ] || msg="mapping0: .* could not reserve region"
	check "$name: the log says what to do" said "$dev: $msg"
	# what has stayed is safe
	count_states
	same "$name: blocks stay online" "$states" online
	as_before
	stays=$ram
	check "$name: blocks go offline" offline
	look
	same "$name: no RAM" "$ram" 0
	check "$name: and come back" online
	look
	same "$name: with all of it" "$ram" "$stays"
	[ "$column" = HELD ] || check "$name: which programs can use" \
		numactl -m "$node" sha256sum /bin/bash
	[ "$column" != HELD ] || unwritten
}

cell() {
	event=$1
	wanted=$3
	name="$1, $2"
	choose "$2"
	blocks=("$memory"/memory[0-9]*)
	! declare -F "before_$event" >/dev/null || "before_$event"
	enter
	look
	before=$ram
	said_mark
	"event_$event" >/tmp/out 2>&1
	rc=$?
	out=$(</tmp/out)
	out=${out//$'\n'/ }
	"wanted_$wanted"
	[ "$wanted" != stuck ] || return
	! declare -F "after_$event" >/dev/null ||
		check "$name: back" "after_$event"
	at_home
	leave
}

devices
# a disk that is damaged
choose HELD
format_type 1
check "nv1 to system-ram" to_ram "$dev"
check "its disk" until_true 20 [ -b /dev/kmem0 ]
check "write to it" kmemio fill /dev/kmem0 0 512 2
check "unplug" eval 'echo unplugged >$sys/$dev/state'
check "damage" /tmp/sbedit /share/nv1 damage both
held_sum=$(image_sum share/nv1)
check "there is a checksum" [ -n "$held_sum" ]
check "plug" eval 'echo online_movable >$sys/$dev/state'
held_reason=$(persist "$dev" reason)
check "a reason ($held_reason)" [ -n "$held_reason" ]
# the disk that is used
choose IDLE
check "nv3 to system-ram" to_ram "$dev"
check "its disk" until_true 20 [ -b /dev/kmem0 ]
printf 'label: dos\n1MiB,96MiB\n,\n' | sfdisk -q /dev/kmem0
check "two partitions" disk
check "mkfs.ext4" mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 $fs
check "write to the second" kmemio fill $raw 4096 512 1
format_type 0
check "nv2 to system-ram" to_ram "${devs[NONE]}"
format_type -1
check "nv0 to system-ram" to_ram "${devs[PLAIN]}"
for c in PLAIN HELD NONE IDLE MOUNTED BUSY; do
	choose $c
	name="at first, $c"
	[ $c = PLAIN ] || [ $c = HELD ] || follows "$name" "$dev"
	look
	home[$c]=$ram
	at_home
done
# the superblocks are in the head, which is never RAM
check "PLAIN and NONE are RAM, HELD is not (${home[*]})" [ "${home[PLAIN]}" -eq 262144 -a \
	"${home[NONE]}" -eq 262144 -a "${home[HELD]}" -eq 0 ]

columns=(PLAIN HELD NONE IDLE MOUNTED BUSY)
# row EVENT RESULT...: one line of the table
row() {
	[ -n "$1" ] || return
	for c in 0 1 2 3 4 5; do
		w=$((c + 2))
		[ "${!w}" = - ] || cell "$1" "${columns[c]}" "${!w}"
	done
	echo "row $1 $(cut -d. -f1 /proc/uptime) s"
}
rows=0
missing=0
while read -r line <&3; do
	case $line in
	'') continue ;;
	unbind\ *)
		last=$line
		continue
		;;
	esac
	rows=$((rows + 1))
	if in_sample $rows 3; then
		row $line
	else
		missing=$((missing + 1))
	fi
done 3<<<"$table"
[ $missing -eq 0 ] || skip "$missing of $rows events: left out in this run; with --deep all are run"

# modules go, in each order; all devices are bound, and nothing is online
orders='
kmem_blk=no kmem_persist=no kmem=yes
kmem_blk=no kmem=yes kmem_persist=no
kmem_persist=no kmem_blk=no kmem=yes
kmem_persist=no kmem=yes kmem_blk=yes
kmem=yes kmem_blk=yes kmem_persist=yes
kmem=yes kmem_persist=no kmem_blk=yes
'
rows=0
missing=0
while read -r order <&3; do
	[ -n "$order" ] || continue
	rows=$((rows + 1))
	in_sample $rows 3 || {
		missing=$((missing + 1))
		continue
	}
	for c in PLAIN HELD NONE IDLE; do
		choose $c
		check "$order: $c offline" offline
	done
	# in turn: in use, and not
	[ $((rows % 2)) -eq 0 ] && mode=MOUNTED || mode=IDLE
	choose $mode
	name="$order, $column"
	enter
	said_mark
	for step in $order; do
		module=${step%=*}
		if [ "$column-$step" = MOUNTED-kmem_blk=yes ]; then
			# its disk is gone, but somebody has not noticed
			check "$name: kmem_blk stays while there is a mount" eval "! rmmod kmem_blk 2>/dev/null"
			users_know
		fi
		msg=$(rmmod "$module" 2>&1)
		if [ "${step#*=}" = yes ]; then
			same "$name: $module goes: $msg" "$(grep -c "^$module " /proc/modules)" 0
			[ "$module" != kmem_blk ] || check "$name: kmem_none goes" rmmod kmem_none
		else
			check "$name: $module stays ($msg)" grep -q "^$module " /proc/modules
			check "$name: as it is in use" grep -q 'in use' <<<"$msg"
		fi
	done
	[ $column = IDLE ] || [ -n "$taken" ] || users_know
	check "$name: no disk" [ ! -e /dev/kmem0 ]
	check "$name: kmem comes" modprobe kmem
	for c in PLAIN HELD NONE $mode; do
		choose $c
		name="$order, $column"
		check "$name: comes" eval 'echo $dev >$drv/new_id && online'
		at_home
	done
	leave
	echo "row $order $(cut -d. -f1 /proc/uptime) s"
done 3<<<"$orders"
[ $missing -eq 0 ] || skip "$missing of $rows orders: left out in this run; with --deep all are run"
check "no leaks" leaks
row $last
cp /tmp/acks /share/acks
END
serve_sums going
guest_wait going

for i in 2 3; do
	check "nv$i: as the format demands" sb share/nv$i check
	same "nv$i: clean" "$(sb share/nv$i get primary state)" 1
done
# what was damaged is not, when it is damaged in the same way
sb share/nv1 damage both
check "nv1: as the format demands" sb share/nv1 check
sb share/nv1 extract disk
check "nv1: its data" share/kmemio check disk 0 512 2
sb share/nv1 set both type=77

guest_start coming --timeout 900 --share share --mem 1G --nvdimm share/nv0 --nvdimm share/nv1 \
	--nvdimm share/nv2 --nvdimm share/nv3 <<'END'
. /share/cells.sh

# way                   zones           and back
table='
offline                 Movable         works
disabled                Movable         works
no-online               Movable         works
destroyed               Movable         works
online_movable          Movable         works
mixed                   Movable,Normal  may-fail
online                  Normal          may-fail
online_kernel           Normal          may-fail
no-movable              Normal          fails
'
held_reason="no plugin for type 77; load its module"

# how it comes; policy: what the kernel does with new memory
policy() {
	echo "$1" >$auto
	if [ "$1" != offline ]; then
		out=$(to_ram "$dev" 2>&1)
		check "$name: not without force" [ $? -ne 0 ]
		check "$name: the reason: $(tr '\n' ' ' <<<"$out")" grep -q 'kernel policy will auto-online memory' <<<"$out"
		same "$name: nothing has happened" "$(basename "$(readlink -f "$sys/$dev/driver")")" device_dax
		set -- -f
	else
		set --
	fi
	check "$name: comes" to_ram "$@" "$dev" 2>/tmp/err
	echo offline >$auto
}
way_offline() {
	policy offline
}
way_online() {
	policy online
}
way_online_kernel() {
	policy online_kernel
}
way_online_movable() {
	policy online_movable
}
way_disabled() {
	check "$name: disable" daxctl disable-device "$dev"
	check "$name: no driver" [ ! -e "$sys/$dev/driver" ]
	check "$name: comes" to_ram "$dev"
}
way_no-movable() {
	check "$name: comes" to_ram --no-movable "$dev"
}
# added: and nothing of it online; what only reads is done with that
added() {
	check "$name: comes" to_ram --no-online "$dev"
	no_memory
	[ "$column" != PLAIN ] || same "$name: nothing was written" "$(image_sum share/nv0)" "$plain_sum"
}
way_no-online() {
	[ "$column" != PLAIN ] || plain_sum=$(image_sum share/nv0)
	added
	for block in "$memory"/memory[0-9]*; do
		look
		before=$ram
		check "$name: ${block##*/}" eval 'echo online_movable >$block/state'
		case $column in
		PLAIN) near "$name: ${block##*/}: its RAM" $((before + 131072)) $((before + 131072)) ;;
		HELD) sane ;;
		*) near "$name: ${block##*/}: its RAM" $((before + 65536)) $((before + 131072)) ;;
		esac
	done
}
way_mixed() {
	[ "$column" != PLAIN ] || plain_sum=$(image_sum share/nv0)
	added
	zone=online_kernel
	for block in "$memory"/memory[0-9]*; do
		check "$name: ${block##*/} $zone" eval 'echo $zone >$block/state'
		zone=online_movable
	done
}
# the namespace goes while the device is bound, and comes again
way_destroyed() {
	way_offline
	choose_used
	check "$name: offline" offline
	enter
	said_mark
	namespace=${namespaces[$column]}
	format=
	[ "$column" = PLAIN ] || format=$(persist "$dev" uuid)
	check "$name: a namespace ($namespace, format $format)" [ -n "$namespace" ]
	check "$name: destroy" ndctl destroy-namespace -f "$namespace" 2>/tmp/err
	check "$name: no device" [ ! -e "$sys/$dev" ]
	[ "$column" != MOUNTED ] || users_know
	check "$name: no disk" [ ! -e /dev/kmem0 ]
	check "$name: create" ndctl create-namespace -f -r "region${namespace:9:1}" -m devdax --map=mem -a 2M >/tmp/ns 2>/tmp/err
	# it may have another name
	dev=$(jq -r '.. | .chardev? // empty' /tmp/ns | head -n 1)
	check "$name: there is a device ($dev)" [ -n "$dev" -a -e "$sys/$dev" ]
	for c in "${!devs[@]}"; do
		[ "${namespaces[$c]}" = "$namespace" ] || continue
		devs[$c]=$dev
		namespaces[$c]=$(jq -r .dev /tmp/ns)
	done
	# only root can say that the data is that of the new one, too
	accept "$dev" "$format"
	check "$name: comes again" to_ram "$dev"
	leave
}
choose_used() {
	[ "$column" != IDLE ] || column=MOUNTED
}

# use it
used() {
	choose_used
	enter
	[ $column != MOUNTED ] ||
		check "$name: 16 MiB more" eval "kmemio fill $raw 8192 4096 $uses && kmemio check $raw 8192 4096 $uses"
	sane
	leave
	[ $column != MOUNTED ] || check "$name: discard" blkdiscard -o $((8192 * 4096)) -l $((4096 * 4096)) $raw
}
# the kernel itself has something there that does not move
kernel_uses() {
	[ "$column" != HELD ] || return 0
	mkdir -p /tmp/pin && mount -t tmpfs "pin$node" /tmp/pin &&
		numactl -m "$node" sh -c 'mkdir $(seq -f /tmp/pin/%.0f 2000)' &&
		[ "$(sed -n 's/^Node [0-9]* Slab: *\([0-9]*\) kB/\1/p' "$memory/meminfo")" -gt 1024 ]
}
# back_...: and the way back
back_works() {
	if [ "${d[0]}" = "$dev" ] || [ "${d[2]}" = "$dev" ]; then
		check "$name: and goes" to_dax "$dev"
	else
		check "$name: and goes" eval 'echo unplugged >$sys/$dev/state && echo $dev >$drv/unbind'
		check "$name: and is devdax" eval 'echo $dev >/sys/bus/dax/drivers/device_dax/bind'
	fi
	removed
}
back_fails() {
	check "$name: the kernel uses it" kernel_uses
	[ "$column" != HELD ] || {
		back_works
		return
	}
	refuses
	out=$(to_dax "$dev" 2>&1)
	rc=$?
	check "$name: daxctl cannot take it: $(tr '\n' ' ' <<<"$out")" [ $rc -ne 0 ]
	count_states
	check "$name: a block is online" [ $onlines -ge 1 ]
	sane
	left[$column]=yes
}
refuses() {
	said_mark
	look
	before=$ram
	msg=$({ echo unplugged >"$sys/$dev/state"; } 2>&1)
	if [ "$1" = may ] && [ -z "$msg" ]; then
		check "$name: and goes" eval 'echo $dev >$drv/unbind && echo $dev >/sys/bus/dax/drivers/device_dax/bind'
		removed
		return
	fi
	same "$name: does not go" "${msg##*: }" "Device or resource busy"
	check "$name: the log says so" said "$dev: hotremove failed, device left online"
	count_states
	same "$name: all blocks are online" "$states" online
	as_before
	sane
	[ "$1" != may ] || left[$column]=yes
}
back_may-fail() {
	if [ "$column" = HELD ]; then
		back_works
	else
		refuses may
	fi
}

declare -A left
devices
check "kmem" modprobe kmem
held_sum=$(image_sum share/nv1)
check "there is a checksum" [ -n "$held_sum" ]

# everything is there, after what the guest before has done last
choose IDLE
name="second boot"
check "$name: to system-ram" to_ram "$dev"
sane
check "$name: every acknowledged block" quietly kmemio acked $raw 0 2048 /share/acks
e2fsck -p $fs >/dev/null
check "$name: e2fsck -p finds a journal to replay, no more" [ $? -le 1 ]
check "$name: mount" mount $fs /mnt
check "$name: the file" kmemio check /mnt/file 0 256 "$(cat /share/file)"
check "$name: umount" umount /mnt
check "$name: e2fsck" quietly e2fsck -fn $fs
check "$name: to devdax" to_dax "$dev"

rows=0
missing=0
while read -r way zones back <&3; do
	[ -n "$way" ] || continue
	rows=$((rows + 1))
	in_sample $rows 3 || {
		missing=$((missing + 1))
		continue
	}
	for c in PLAIN HELD NONE IDLE; do
		choose $c
		name="$way, $column"
		if [ -n "${left[$c]:-}" ]; then
			skip "$name: the kernel keeps memory of an earlier row"
			continue
		fi
		"way_$way"
		count_states
		same "$name: all blocks are online" "$states" online
		same "$name: zones" "$(cat "$memory"/memory[0-9]*/valid_zones | sort -u | tr '\n' ,)" "$zones,"
		look
		[ $c != PLAIN ] || same "$name: MemTotal" "$ram" 262144
		used
		column=$c
		"back_$back"
	done
	echo "row $way $(cut -d. -f1 /proc/uptime) s"
done 3<<<"$table"
[ $missing -eq 0 ] || skip "$missing of $rows ways: left out in this run; with --deep all are run"
END
serve_sums coming
guest_wait coming
finish

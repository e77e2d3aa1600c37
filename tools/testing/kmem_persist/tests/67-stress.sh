# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# Random sequences of what an administrator, a tool or a failure can do to a device: bind,
# unbind, blocks on- and offline, unplug, plug, modules out and in, writers killed,
# reboots, power cuts. What each brings follows from the state that the device is in;
# after each sequence the filesystem verifies, with every file that was synced. 12
# sequences, 200 with --deep. The seed is printed; KP_SEED=N repeats it.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

seed=${KP_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "# seed $seed: to repeat this, KP_SEED=$seed"
sequences=12
[ -z "${KP_DEEP:-}" ] || sequences=200

# random N: from 0, in r
random() {
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	r=$((seed / 65536 % $1))
}

# the plan: a line for each step, sequence number, event, and a number for its choices;
# one of 12 sequences has a restart in it
plan() {
	kinds='offline offline online online unplug plug unbind bind bind rmmod rmmod modprobe
		use use use kill umount trim give look'
	n=1
	while [ $n -le $sequences ]; do
		[ $((n % 12)) -ne 1 ] || {
			random 12
			restart=$((n + r))
			random 2
			[ $r = 0 ] && how=reboot || how=cut
		}
		step=1
		random 8
		at=$((r + 1))
		while [ $step -le 10 ]; do
			if [ $n -eq $restart ] && [ $step -eq $at ]; then
				echo "$n $how 0"
			else
				# shellcheck disable=SC2046 # one word each
				random $(echo $kinds | wc -w)
				kind=$(echo $kinds | cut -d' ' -f$((r + 1)))
				random 1000
				echo "$n $kind $r"
			fi
			step=$((step + 1))
		done
		echo "$n verify 0"
		n=$((n + 1))
	done
}
plan >share/plan
echo 1 >share/next
: >share/synced

cat >stress.script <<'END'
#!/bin/bash
. /usr/lib/guest/lib.sh
sys=/sys/bus/dax/devices
drv=/sys/bus/dax/drivers/kmem
disk=/dev/kmem0
dev=$(nv_dax 0)
dax=$sys/$dev
read -r node <"$dax/target_node"
writer=
mounted=
forced=
history=
bad=0
effects=$(cat /share/effects 2>/dev/null || echo 0)

# wrong WHAT: one subtest, with what has led to it
wrong() {
	bad=$((bad + 1))
	not_ok "sequence $n:$history: $*"
}
expect() {
	what=$1
	shift
	"$@" 2>/tmp/err || wrong "$what ($(tail -n 1 /tmp/err))"
}
# refuse WHAT REGEX COMMAND...: it fails, and the log says why
refuse() {
	said_mark
	if "${@:3}" 2>/tmp/err; then
		wrong "$1 was not refused"
	elif [ -n "$2" ]; then
		said "$2" || wrong "$1 was refused, but the log does not say why"
	fi
}

# how it is
bound() {
	[ -e "$drv/$dev" ]
}
unplugged() {
	read -r state <"$dax/state" && [ "$state" = unplugged ]
}
loaded() {
	grep -q "^$1 " /proc/modules
}
count() {
	onlines=0
	onlined=()
	offlined=()
	for block in /sys/devices/system/node/node"$node"/memory*/state; do
		[ -e "$block" ] || continue
		read -r state <"$block"
		if [ "$state" = online ]; then
			onlined+=("$block")
		else
			offlined+=("$block")
		fi
	done
	onlines=${#onlined[@]}
}
put() {
	echo "$1" >"$2"
}
last_block="$dev: in use \([0-9]+ users\), its last memory block stays online"
in_use="$dev: in use \([0-9]+ users\), its memory stays online"
# allow BLOCK: while somebody uses the disk it goes only where that was allowed
allow() {
	[ -n "$mounted" ] || return 0
	case $(<"$dax/persist/offline") in
	"[refused]"*)
		refuse "a block in use" "$in_use" put offline "$1"
		expect "allow" put allowed "$dax/persist/offline"
		;;
	esac
}

# files that were synced are in a list, and in the end on the disk; the same names come
# again with another sequence only
writes() {
	i=0
	while :; do
		i=$((i + 1))
		f=$(printf '%s.%03d' "$1" $((i % 40)))
		if [ $i -lt 40 ]; then
			kmemio fill "/mnt/$f" 0 $((i % 24 + 1)) "$i" && sync "/mnt/$f" /mnt &&
				echo "$f $((i % 24 + 1)) $i" >>/share/synced || exit
		else
			kmemio -b fill /mnt/scratch 0 $((i % 64 + 1)) $i && rm /mnt/scratch || exit
		fi
	done
}
stop_writer() {
	[ -z "$writer" ] || {
		kill -KILL -- -$writer 2>/dev/null
		wait $writer 2>/dev/null
		writer=
	}
}
# its disk was taken away
taken() {
	said "/dev/kmem0 is taken away from [0-9]+ openers" || wrong "the log does not name the openers"
	until_true 30 eval "! kill -0 $writer" || wrong "the writer does not end"
	stop_writer
	expect "umount of what is gone" until_true 20 umount /mnt
	mounted=
	forced=yes
}

# the events
do_offline() {
	count
	[ $onlines -gt 0 ] || return 1
	allow "${onlined[0]}"
	if [ $onlines -eq 1 ] && [ -n "$mounted" ]; then
		refuse "the last block" "$last_block" put offline "${onlined[0]}"
	else
		# who takes memory for storage at this moment may win
		expect "offline" until_true 20 put offline "${onlined[$1 % onlines]}"
	fi
}
do_online() {
	count
	[ ${#offlined[@]} -gt 0 ] || return 1
	expect "online" put online_movable "${offlined[$1 % ${#offlined[@]}]}"
}
do_unplug() {
	bound && ! unplugged || return 1
	if [ -n "$mounted" ]; then
		refuse "unplug" "$dev: /dev/kmem0 is in use \([0-9]+ openers\)" put unplugged "$dax/state"
	else
		expect "unplug" put unplugged "$dax/state"
		count
		[ $onlines -eq 0 ] || wrong "blocks are online"
	fi
}
do_plug() {
	bound && unplugged || return 1
	expect "plug" put online_movable "$dax/state"
}
do_unbind() {
	bound || return 1
	count
	[ $onlines -eq 0 ] || allow "${onlined[0]}"
	for block in "${onlined[@]}"; do
		onlines=$((onlines - 1))
		if [ $onlines -eq 0 ] && [ -n "$mounted" ]; then
			refuse "the last block" "$last_block" put offline "$block"
			return
		fi
		expect "offline" until_true 20 put offline "$block"
	done
	said_mark
	expect "unbind" put "$dev" "$drv/unbind"
	[ -z "$mounted" ] || taken
}
do_bind() {
	! bound || return 1
	expect "modprobe kmem" modprobe kmem
	# it is known since the module was loaded, or not
	put "$dev" $drv/new_id 2>/dev/null
	bound || expect "bind" put "$dev" $drv/bind
}
do_rmmod() {
	modules=(kmem kmem_blk kmem_persist)
	module=${modules[$1 % 3]}
	loaded $module || return 1
	case $module in
	kmem)
		count
		[ $onlines -eq 0 ] || return 1
		said_mark
		expect "rmmod kmem" rmmod kmem
		[ -z "$mounted" ] || taken
		;;
	kmem_blk)
		if bound && ! unplugged; then
			refuse "rmmod kmem_blk" "" rmmod kmem_blk
		else
			expect "rmmod kmem_blk" rmmod kmem_blk
		fi
		;;
	*)
		if loaded kmem || loaded kmem_blk; then
			refuse "rmmod kmem_persist" "" rmmod kmem_persist
		else
			expect "rmmod kmem_persist" rmmod kmem_persist
		fi
		;;
	esac
}
do_modprobe() {
	modules=(kmem kmem_blk kmem_persist)
	module=${modules[$1 % 3]}
	! loaded $module || return 1
	expect "modprobe $module" modprobe $module
}
do_use() {
	[ -z "$mounted" ] && bound && ! unplugged || return 1
	until_true 20 [ -b $disk ] || wrong "no disk"
	# a disk that was taken away left its journal
	[ -z "$forced" ] || e2fsck -p $disk >/dev/null || [ $? -le 1 ] || wrong "e2fsck -p"
	forced=
	expect "mount" mount -o discard $disk /mnt
	mounted=yes
	run=$((${run:-0} + 1))
	set -m
	writes "$n.$boot.$run" >/dev/null 2>&1 &
	writer=$!
	set +m
}
do_kill() {
	[ -n "$writer" ] || return 1
	stop_writer
}
do_umount() {
	[ -n "$mounted" ] || return 1
	stop_writer
	expect "umount" until_true 20 umount /mnt
	mounted=
}
do_trim() {
	[ -n "$mounted" ] || return 1
	expect "fstrim" fstrim /mnt
}
do_give() {
	bound && ! unplugged || return 1
	expect "give_back" put 1 "$dax/persist/give_back"
}
do_look() {
	[ -n "$mounted" ] || return 1
	expect "the files" files
}
files() {
	cp /share/synced /tmp/synced
	while read -r f blocks seq; do
		kmemio check "/mnt/$f" 0 "$blocks" "$seq" || return
	done </tmp/synced
}
do_reboot() {
	echo 0 >/ctl/status
	the_end
	busybox reboot -f
}
do_cut() {
	[ -n "$mounted" ] || {
		bound || do_bind
		! unplugged || do_plug
		do_use
	}
	[ -n "$writer" ] || {
		do_umount
		do_use
	}
	echo "cut me"
	sleep infinity
}
# the end of a sequence, from whatever state
do_verify() {
	[ -z "$mounted" ] || do_umount
	bound || do_bind
	! unplugged || do_plug
	count
	for block in "${offlined[@]}"; do
		expect "online" put online_movable "$block"
	done
	until_true 20 [ -b $disk ] || wrong "no disk"
	if [ -n "$forced" ]; then
		e2fsck -p $disk >/tmp/fsck
		[ $? -le 1 ] || wrong "e2fsck -p: $(tail -n 1 /tmp/fsck)"
		forced=
	fi
	e2fsck -fn $disk >/tmp/fsck 2>&1 || wrong "e2fsck: $(grep -v '^Pass' /tmp/fsck | head -n 1)"
	expect "mount" mount -o discard $disk /mnt
	expect "every synced file" files
	rm -f /mnt/[0-9]* /mnt/scratch
	expect "umount" umount /mnt
	: >/share/synced
	until_true 30 at_rest "$dev" || wrong "RAM does not follow: $(persist "$dev" usage | tr '\n' ' ')"
	[ $bad -ne 0 ] || ok "sequence $n:$history ($(wc -l </tmp/synced) files)"
	bad=0
	history=
}

boot=$1
check "a devdax namespace" [ -n "$dev" ]
if [ "$boot" -eq 1 ]; then
	format_type 1
	check "to system-ram" to_ram "$dev"
	format_type -1
	check "the disk" until_true 20 [ -b $disk ]
	check "mkfs.ext4" mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 $disk
else
	check "boot $boot: to system-ram" to_ram "$dev"
	forced=yes
fi
at=$(cat /share/next)
while read -r n event number <&3; do
	at=$((at + 1))
	case $event in
	reboot | cut | verify)
		echo $at >/share/next
		echo $effects >/share/effects
		;;
	esac
	if "do_$event" "$number"; then
		effects=$((effects + 1))
		[ $event = verify ] || history="$history $event"
	fi
	if [ -e "$dax/persist/usage" ]; then
		sums_up "$dev" || wrong "after $event: not every byte is accounted for: $su_text"
	fi
	# who has a writer that stopped by itself has a filesystem that failed
	[ -z "$writer" ] || kill -0 $writer 2>/dev/null || wrong "after $event: the writer has ended"
done 3< <(tail -n "+$at" /share/plan)
check "to devdax" to_dax "$dev"
check "no leaks" leaks
END

# wants_cut NAME: or it has ended
wants_cut() {
	tail -n +1 -f --pid="$(cat "$1.pid")" "$1.out" | grep -m 1 -qx 'cut me'
}

boot=0
steps=$(wc -l <share/plan)
while [ "$(cat share/next)" -le "$steps" ]; do
	boot=$((boot + 1))
	from=$(cat share/next)
	guest_start boot$boot --timeout $((290 * T_DEEP)) --share share --nvdimm nv:512M -- stress.script $boot
	if wants_cut boot$boot; then
		synced=$(wc -l <share/synced)
		until_matches share/synced . $((synced + 1)) 60 || not_ok "boot$boot: nothing is written"
		guest_cut boot$boot
	else
		guest_wait boot$boot
	fi
	[ "$(cat share/next)" -gt "$from" ] || {
		not_ok "boot$boot: it came no further than step $from"
		break
	}
done
effects=$(cat share/effects)
check "enough of it could be done ($effects of $steps steps)" [ "$effects" -ge $((steps / 3)) ]
finish

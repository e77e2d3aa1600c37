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
			if [ "$n" -eq "$restart" ] && [ $step -eq $at ]; then
				echo "$n $how 0"
			else
				# shellcheck disable=SC2046,SC2086 # one word each
				random $(echo $kinds | wc -w)
				# shellcheck disable=SC2086 # one word each
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

# wants_cut NAME: or it has ended
wants_cut() {
	tail -n +1 -f --pid="$(cat "$1.pid")" "$1.out" | grep -m 1 -qx 'cut me'
}

boot=0
steps=$(wc -l <share/plan)
while [ "$(cat share/next)" -le "$steps" ]; do
	boot=$((boot + 1))
	from=$(cat share/next)
	guest_start boot$boot --timeout $((290 * T_DEEP)) --share share --nvdimm nv:512M -- stress $boot
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

# SPDX-License-Identifier: GPL-2.0
# N SEED: cut the power N times, for ./run powercut and for 41-powercut with --deep. Runs
# in an empty folder; prints a line for each round and the sum, and fails if anything was
# lost. Not a test by itself: its name has no number.
#
# A round begins with new devices. The guest is started three times; twice it writes until
# the power is cut (SIGKILL), the last time it only looks. Meanwhile images are taken of
# the stopped machine: these are power cuts, too, of which the guest knows nothing. Each
# is checked offline; each boot checks what the cut before has left. The seed of a round
# decides what is written, and when the power is cut.
. "$KP_DIR/lib/testlib.sh" >/dev/null
. "$KP_DIR/tests/common.sh"
tools
cut_tools

cuts=$1
seed=$2
images=24 # of each boot that writes

# random N: from 0, in r
random() {
	rnd=$(((rnd * 1103515245 + 12345) % 2147483648))
	r=$((rnd / 65536 % $1))
}

# wrong FILE: something is; what kind? FILE says what
wrong() {
	round_bad=1
	if grep -qE 'torn' "$1"; then
		torn=$((torn + 1))
	elif grep -qE 'acknowledged|FAILED|WARNING: .* (computed|listed)' "$1"; then
		lost=$((lost + 1))
	else
		damaged=$((damaged + 1))
	fi
	echo "# round $round, seed $round_seed, boot $boot, cut $done_cuts:"
	sed 's/^/#   /' "$1"
}

# look IMAGE0 IMAGE1 ACKS: one cut, offline
look() {
	done_cuts=$((done_cuts + 1))
	la=$(grep -cE '^[wadf] ' "$3" || :)
	acked=$((acked + la))
	if { cut_format "$1" && cut_format "$2" && cut_blocks "$1" "$3" &&
		cut_fs "$2" && cut_files "$3"; } >look.out 2>&1; then
		return
	fi
	mkdir -p "$PWD/kept"
	for lf in "$1" "$2" "$3"; do
		cp --sparse=always "$lf" "kept/$round_seed.$done_cuts.$(basename "$lf")"
	done
	wrong look.out
}

progress() {
	if [ -t 2 ]; then
		printf '\r\033[K%s' "$*" >&2
	elif [ $((done_cuts % 10)) -eq 0 ]; then
		echo "$*" >&2
	fi
}

# boot_ended: did the guest find anything, or its kernel?
boot_ended() {
	if grep -E '^(not ok|#)' cut.ended >cut.wrong; then
		wrong cut.wrong
	fi
}

# round SEED CUTS: of which a half in each of two boots
round() {
	round_seed=$1
	rnd=$1
	rm -f nv0 nv1
	: >share/acks
	rm -f share/begun.*
	half=$((($2 + 1) / 2))
	for boot in 1 2; do
		[ "$half" -gt 0 ] || break
		rm -f qemu.pid
		guest_start cut --share share --nvdimm nv0:256M --nvdimm nv1:384M \
			--second share/acks --qemu "-pidfile $PWD/qemu.pid" -- \
			"$KP_DIR/tests/cut.guest" $boot "$CUT_BLOCKS" \
			$(((round_seed % 100000 * 10 + boot) * 1000000000))
		boots=$((boots + 1))
		if ! guest_line cut '^writing' 300 >cut.ended || ! cut_on 1 10; then
			{
				echo "the guest does not write"
				cat cut.ended cut.out cut.err
			} >cut.wrong
			wrong cut.wrong
			kill -KILL "$(cat cut.pid)" 2>/dev/null || :
			guest_end cut >/dev/null
			return
		fi
		i=1
		while [ $i -lt $half ]; do
			i=$((i + 1))
			random 1500
			sleep "$((r / 1000)).$(printf %03d $((r % 1000)))" # it is the moment
			kill -STOP "$(cat qemu.pid)" || break
			cp --sparse=always nv0 snap0
			cp --sparse=always nv1 snap1
			cut_log snap.acks
			kill -CONT "$(cat qemu.pid)"
			look snap0 snap1 snap.acks
			progress "round $round of $rounds, seed $round_seed: $done_cuts of $cuts cuts, $lost lost, $torn torn, $damaged damaged"
		done
		random 1500
		sleep "$((r / 1000)).$(printf %03d $((r % 1000)))" # again
		if kill -0 "$(cat cut.pid)"; then
			guest_cut cut >cut.ended
		else
			guest_wait cut >cut.ended
			echo "not ok: the guest ended by itself" >>cut.ended
		fi
		boot_ended
		cut_log snap.acks
		look nv0 nv1 snap.acks
		half=$(($2 / 2))
	done
	boot=last
	boots=$((boots + 1))
	guest_start cut --share share --nvdimm nv0 --nvdimm nv1 -- \
		"$KP_DIR/tests/cut.guest" 3 "$CUT_BLOCKS" 0 last
	guest_wait cut >cut.ended
	boot_ended
}

lost=0 torn=0 damaged=0 acked=0 boots=0 done_cuts=0 bad_rounds=''
per_round=$((2 * images))
rounds=$(((cuts + per_round - 1) / per_round))
start=$(date +%s)
printf '%5s %10s %6s %9s %6s %6s %8s %6s\n' round seed cuts acked lost torn damaged s
round=1
while [ $round -le $rounds ]; do
	before="$done_cuts $acked $lost $torn $damaged $(date +%s)"
	n=$((cuts - done_cuts))
	[ $n -le $per_round ] || n=$per_round
	round_bad=
	round "$seed" $n
	[ -z "$round_bad" ] || bad_rounds="$bad_rounds $seed,$n"
	[ ! -t 2 ] || printf '\r\033[K' >&2
	echo "$round $seed $before $done_cuts $acked $lost $torn $damaged $(date +%s)" |
		awk '{ printf "%5d %10d %6d %9d %6d %6d %8d %6d\n", $1, $2, $9 - $3, $10 - $4, $11 - $5, $12 - $6, $13 - $7, $14 - $8 }'
	round=$((round + 1))
	seed=$(((seed * 69069 + 1) % 2147483648))
done
echo "$done_cuts cuts, $boots boots, $acked acknowledged operations checked: $lost lost, $torn torn, $damaged damaged; $(($(date +%s) - start)) s"
for s in $bad_rounds; do
	echo "to repeat a round that failed: ./run powercut --seed ${s%,*} ${s#*,}"
done
[ -z "$bad_rounds" ] && [ $done_cuts -eq "$cuts" ]

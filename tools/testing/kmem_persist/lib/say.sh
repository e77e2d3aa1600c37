# SPDX-License-Identifier: GPL-2.0
# How ./run talks: what it does, how far it is, why it stopped.

say() {
	printf '%s\n' "$*" >&2
}

# die MESSAGE [REMEDY...]: say what is wrong and what to do about it
die() {
	printf 'run: error: %s\n' "$1" >&2
	shift
	for die_remedy; do
		printf '     remedy: %s\n' "$die_remedy" >&2
	done
	exit 1
}

# usage FILE: the entry of one command in the list of commands
usage() {
	sed -n 's/^# usage: /  .\/run /p; s/^# help: \{0,1\}/      /p' "$1"
}

# number TEXT: is it one, and not 0?
number() {
	case $1 in
	'' | *[!0-9]* | 0*) return 1 ;;
	esac
}

# interrupted: Ctrl-C
interrupted() {
	[ -z "${step_pid:-}" ] || kill "$step_pid" 2>/dev/null || :
	[ ! -t 2 ] || printf '\r\033[K' >&2
	say "interrupted: what is done is kept, and the same command goes on from there"
	exit 130
}

# no_words VERB [WORD...]: for a command that takes none
no_words() {
	[ $# -eq 1 ] || die "./run $1 takes nothing, not '$2'" "./run help $1"
}

have() {
	command -v "$1" >/dev/null 2>&1
}

now() {
	date +%s
}

# step TITLE LOG COMMAND...: run a command that may take long, with its output
# in LOG, and show how it goes on: how long it has taken, and, where step_of is the
# number of lines that LOG is expected to get (0: not known), how long it will take
# still. Returns the command's exit status.
step_of=0
step() {
	step_title=$1
	step_log=$2
	shift 2
	step_start=$(now)
	mkdir -p "$(dirname "$step_log")"
	: >"$step_log"
	if [ -t 2 ]; then
		step_tick=1
	else
		step_tick=20
		say "$step_title ..."
	fi
	step_show 9>&- &
	step_pid=$!
	step_rc=0
	"$@" >"$step_log" 2>&1 </dev/null || step_rc=$?
	kill "$step_pid" 2>/dev/null || :
	wait "$step_pid" 2>/dev/null || :
	step_pid=
	step_secs=$(($(now) - step_start))
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ "$step_rc" -eq 0 ]; then
		say "$step_title: done ($(minutes "$step_secs"))"
	else
		say "$step_title: failed ($(minutes "$step_secs"))"
	fi
	return "$step_rc"
}

# minutes SECONDS: as people say it
minutes() {
	if [ "$1" -lt 120 ]; then
		echo "$1 s"
	else
		echo "$((($1 + 30) / 60)) min"
	fi
}

# step_where SECONDS LINES OF: how far it is
step_where() {
	if [ "$2" -eq 0 ]; then
		minutes "$1"
	elif [ "$3" -le "$2" ]; then
		echo "$(minutes "$1"), $2 lines of output"
	elif [ "$1" -lt 10 ] || [ $(($2 * 50)) -lt "$3" ]; then
		# too early to say
		echo "$(minutes "$1"), $(($2 * 100 / $3)) %"
	else
		echo "$(minutes "$1"), $(($2 * 100 / $3)) %, about $(minutes $(($1 * ($3 - $2) / $2))) left"
	fi
}

# the progress line of step; ends by itself when ./run is gone
step_show() {
	trap 'kill $step_sleep 2>/dev/null; exit' TERM
	while kill -0 $$ 2>/dev/null; do
		sleep "$step_tick" &
		step_sleep=$!
		wait $step_sleep
		step_line="$step_title: $(step_where $(($(now) - step_start)) "$(wc -l <"$step_log")" "$step_of")"
		if [ -t 2 ]; then
			printf '\r\033[K%s' "$step_line" >&2
		else
			say "  $step_line"
		fi
	done
}

# need_space DIR MIB WHAT: is there room?
need_space() {
	mkdir -p "$1" || die "cannot make the folder $1" \
		"set KMEM_CACHE to a folder that you may write"
	need_free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
	[ "$need_free" -ge "$2" ] ||
		die "no disk space: $3 needs $2 MiB, $1 has $need_free MiB" \
			"free some, or set KMEM_CACHE to a folder elsewhere"
}

# lock NAME: one ./run at a time; held until this process ends (or unlock)
lock() {
	cache_open
	while :; do
		exec 9>"$KP_CACHE/$1.lock"
		flock -n 9 || {
			say "another ./run works on the same cache: waiting for it ..."
			flock 9
		}
		# not one that ./run clean all has removed meanwhile
		# shellcheck disable=SC3013 # dash and busybox have it
		[ ! "$KP_CACHE/$1.lock" -ef /proc/self/fd/9 ] || return 0
		cache_open
	done
}

unlock() {
	exec 9>&-
}

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

have() {
	command -v "$1" >/dev/null 2>&1
}

now() {
	date +%s
}

# step TITLE LOG COMMAND...: run a command that may take long, with its output
# in LOG, and show how it goes on. step_of is the number of lines that LOG is
# expected to get (0: not known). Returns the command's exit status.
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
	step_secs=$(($(now) - step_start))
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ "$step_rc" -eq 0 ]; then
		say "$step_title: done ($step_secs s)"
	else
		say "$step_title: failed ($step_secs s)"
	fi
	return "$step_rc"
}

# the progress line of step; ends by itself when ./run is gone
step_show() {
	trap 'kill $step_sleep 2>/dev/null; exit' TERM
	while kill -0 $$ 2>/dev/null; do
		sleep "$step_tick" &
		step_sleep=$!
		wait $step_sleep
		step_n=$(wc -l <"$step_log")
		step_line="$step_title: $(($(now) - step_start)) s"
		if [ "$step_of" -gt "$step_n" ]; then
			step_line="$step_line, $((step_n * 100 / step_of)) %"
		elif [ "$step_n" -gt 0 ]; then
			step_line="$step_line, $step_n lines of output"
		fi
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
	mkdir -p "$KP_CACHE"
	exec 9>"$KP_CACHE/$1.lock"
	flock -n 9 || {
		say "another ./run works on the same cache: waiting for it ..."
		flock 9
	}
}

unlock() {
	exec 9>&-
}

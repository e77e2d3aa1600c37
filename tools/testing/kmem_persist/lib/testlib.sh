# SPDX-License-Identifier: GPL-2.0
# For tests/NN-name.sh, which ./run test runs in an empty folder:
#
#   # timeout: 120               seconds, with the machine to itself (300); ten times
#                                that much for ./run test --deep
#   # kernel: none               it starts no guest
#   # kernel: distro             its guests have that kernel (demo, distro)
#   # kernel: test distro        or these, see kernel_use and kernel_mostly
#   # subtests: 42               at least so many
#   # only: deep                 it is run if it is named, or by ./run test --deep
#   # examples: NAME...          of the documentation, which it runs, see check/examples.pl
#   # system: trixie             it boots whole systems, see system(); "systems:" with --deep
#   # packages: package          it needs programs that others do not, see deps()
#   # processors: 1              its guests have one, as nothing in them happens at once: not
#                                where it is named, with --deep, and at one commit in four
#   . "$KP_DIR/lib/testlib.sh"
#   guest first --nvdimm nv:1G
#   same "one more thing" "$(cat result)" 42
#   finish
#
# and tests/NN-name.first.guest, what that guest does:
#
#   #!/bin/bash
#   # SPDX-License-Identifier: GPL-2.0
#   . /usr/lib/guest/lib.sh
#   check "a devdax namespace" nvdimm_dax 0
#
# Lines "ok ...", "not ok ..." and "skip ..." that a guest prints become
# subtests of the test, as do those made here. A guest that dies, that exits
# with another status than 0 or whose kernel complains fails the test.

set -eu

T_N=0
T_BAD=0
T_ALLOW='^$'
T_REPORT='^no such line$'
# how much longer than usual a guest may take, see ./run test --deep
T_DEEP=1
# what its guests' parts are called, before a dot and the rest
T_PARTS=$(cd "$(dirname "$0")" && pwd)/$(basename "$0" .sh)
# how much RAM storage leaves to others: guests have little, and most tests want all of it
T_FLOOR=$((16 << 20))
[ -z "${KP_DEEP:-}" ] || T_DEEP=10
T_KERNEL=${T_KERNEL:-$(sed -nE 's/^# kernel: *(demo|distro)$/\1/p' "$0")}

# kernel_use FLAVOUR: the guests from here on have that kernel
kernel_use() {
	T_KERNEL=$1
	[ -n "${KP_KERNELS:-}" ] || return 0
	KP_READY=$1
	KP_BZIMAGE=$KP_KERNELS/bzImage-$1
	KP_INITRD=$KP_KERNELS/initrd-$1
	export KP_READY KP_BZIMAGE KP_INITRD
}
kernel_use "${T_KERNEL:-test}"
echo "KTAP version 1"

# the name of a subtest is one line, and has no # in KTAP
t_print() {
	T_N=$((T_N + 1))
	t_text=$2
	case $t_text in
	*[#"
"]*) t_text=$(printf '%s' "$t_text" | tr '#\n' '% ') ;;
	esac
	echo "$1 $T_N - $t_text${3:-}"
}

ok() {
	t_print ok "$*"
}

not_ok() {
	T_BAD=$((T_BAD + 1))
	t_print 'not ok' "$*"
}

# skip TEXT: which says why
skip() {
	t_print ok "$*" ' # SKIP'
}

. "$KP_DIR/guest/check.sh"

# kmemleak takes a third of the time of a guest: it is on for one test in sixteen, for those
# that are named, and for all with --deep
T_APPEND=
# KUnit tests take a second whenever the modules are loaded: 10-kunit has them
if [ "$T_KERNEL" = test ]; then
	T_APPEND=kmemleak=off
	if [ -n "${KP_NAMED:-}" ] || in_sample "$(basename "$0" .sh | cksum | cut -d' ' -f1)" 16; then
		T_APPEND=kmemleak=on
	fi
fi

# all_of_it [N]: is it the turn of a test to have two processors, and all checkers? One
# commit in N (4).
all_of_it() {
	[ -n "${KP_NAMED:-}" ] ||
		in_sample "$(basename "$0" .sh | cksum | cut -d' ' -f1)" "${1:-4}"
}

# Two processors take a quarter more than one: those of an emulated machine wait for each
# other while the host runs neither.
T_CPUS=
all_of_it || T_CPUS=$(sed -n 's/^# processors: *\([0-9]*\)$/\1/p' "$0")

# kernel_mostly FLAVOUR [N]: the guests have that kernel, without checkers, which take most
# of the time. For tests of logic, tools and documents: what a checker finds there comes
# up at the commits that have one, one in N (4), where the test is named, and with --deep; and
# where there is no other kernel, as ./run mutants breaks the modules of that of testing.
kernel_mostly() {
	! all_of_it "${2:-4}" && [ -f "${KP_KERNELS:-}/bzImage-$1" ] || return 0
	kernel_use "$1"
	T_APPEND=
}

# left_out N WHAT: that was not in the sample
left_out() {
	[ "$1" -eq 0 ] || skip "$1 $2 are left out in this run; with --deep all are run"
}

# finish: the end of every test
finish() {
	echo "1..$T_N"
	[ "$T_BAD" -eq 0 ]
	exit
}

# guest NAME [OPTION...] [-- PART ARG...]: a guest from start to end, options as for
# ./run guest. What it does is tests/NN-name.PART.guest, or the file PART, or standard
# input if that is -; PART is NAME if it is not said. Leaves NAME.out (what it printed)
# and NAME.log (its console).
guest() {
	guest_start "$@"
	guest_wait "$1"
}

# system FILE [SUITE]: a whole system, for --root FILE
system() {
	cp --sparse=always --reflink=auto "$KP_ROOTS/${2:-trixie}.ext4" "$1"
}

# cxl_serial FILE...: serial numbers of the devices that --cxl makes of them
cxl_serial() {
	for t_cxl; do
		echo "${t_cxl##*/}" | cksum | cut -d' ' -f1
	done
}

# guest_start NAME ...: the same in the background
guest_start() {
	t_name=$1
	shift
	t_file=$T_PARTS.$t_name.guest
	t_next=
	t_n=$#
	while [ $t_n -gt 0 ]; do
		t_arg=$1
		shift
		t_n=$((t_n - 1))
		case $t_next$t_arg in
		--) t_next=part- ;;
		part-*)
			t_next=args-
			case $t_arg in
			-) t_file=/dev/stdin ;;
			*/*) t_file=$t_arg ;;
			*) t_file=$T_PARTS.$t_arg.guest ;;
			esac
			t_arg=$PWD/$t_name.script
			;;
		esac
		set -- "$@" "$t_arg"
	done
	[ -n "$t_next" ] || set -- "$@" -- "$PWD/$t_name.script"
	# in place of the second line, so that messages have the lines' numbers
	{
		sed "2s/.*/KP_DEEP=${KP_DEEP:-} KP_SAMPLE=${KP_SAMPLE:-0}/" "$t_file"
		guest_last_line
	} >"$t_name.script"
	: >"$t_name.out"
	rm -f "$t_name.log"
	# the lock is held by all its processes: see guest_cut; and a test that
	# ends leaves none behind
	(
		flock 7
		exec setpriv --pdeathsig KILL "$KP_TOP/run" guest --kernel "$T_KERNEL" --timeout 400 --log "$t_name.log" \
			--append kmem_persist.ram_floor_bytes="$T_FLOOR" \
			${T_APPEND:+--append "$T_APPEND kunit.enable=${T_KUNIT:-0}"} ${T_CPUS:+--cpus "$T_CPUS"} "$@" \
			>"$t_name.out" 2>"$t_name.err" </dev/null
	) 7>"$t_name.lock" &
	echo $! >"$t_name.pid"
}

# guest_last_line: what makes known that a script ran to its end, see guest_wait
guest_last_line() {
	printf '\nkp_rc=$?\necho "ran to its end"\nexit $kp_rc\n'
}

# guest_line NAME REGEX [SECONDS]: wait until the guest has printed such a line
guest_line() {
	t_pid=$(cat "$1.pid")
	timeout $((${3:-120} * ${KP_JOBS:-1})) tail -n +1 -f --pid="$t_pid" "$1.out" | grep -m 1 -E -- "$2" >"$1.line" || {
		not_ok "$1: no line '$2' within ${3:-120} s"
		return 1
	}
}

# guest_end NAME: until it has ended by itself, however: T_RC is its exit status
guest_end() {
	T_RC=0
	wait "$(cat "$1.pid")" || T_RC=$?
	guest_results "$1"
}

# guest_wait NAME: until it has ended by itself, well
guest_wait() {
	guest_end "$1"
	if [ "$T_RC" -ne 0 ]; then
		sed 's/^/# /' "$1.err"
		tail -n 10 "$1.out" | sed 's/^/# /'
		not_ok "$1: exit status $T_RC"
	else
		grep -qx 'ran to its end' "$1.out" ||
			not_ok "$1: its script ended before its last line"
	fi
	log_clean "$1"
}

# guest_cut NAME: cut the power, now
guest_cut() {
	t_pid=$(cat "$1.pid")
	kill -KILL "$t_pid"
	wait "$t_pid" 2>/dev/null || :
	# QEMU dies with its parent, a moment later
	flock "$1.lock" true
	guest_results "$1"
	log_clean "$1"
}

guest_results() {
	grep -E '^(ok|not ok|skip) ' "$1.out" >"$1.results" || :
	while read -r t_word t_rest; do
		case $t_word in
		ok) ok "$1: $t_rest" ;;
		skip) skip "$1: $t_rest" ;;
		not) not_ok "$1: ${t_rest#ok }" ;;
		esac
	done <"$1.results"
}

# log_allow REGEX: lines of a console that this test expects
log_allow() {
	T_ALLOW="$T_ALLOW|$1"
}

# log_report REGEX: reports with a stack trace, of which such a line is the first,
# that this test expects: what the OOM killer has to say, for instance
log_report() {
	T_REPORT="$T_REPORT|$1"
}

# what a kernel says when something is wrong with it
T_SPLAT='WARNING|BUG:|kernel BUG|Oops|KASAN|KFENCE|UBSAN|general protection|Kernel panic'
T_SPLAT="$T_SPLAT|Call Trace|unreferenced object|new suspected memory leaks"
T_SPLAT="$T_SPLAT|INFO: (possible|task|rcu|trying)|suspicious RCU|possible circular|possible recursive"
T_SPLAT="$T_SPLAT|rcu.*(stall|self-detected)|soft lockup|hard LOCKUP|workqueue lockup|blocked for more than"
T_SPLAT="$T_SPLAT|sleeping function|scheduling while atomic|list_(add|del) corruption|Bad page|bad page state"
T_SPLAT="$T_SPLAT|unable to handle|double fault|refcount_t|sysfs: cannot create duplicate|nobody cared"

# log_clean NAME: a subtest of its own when it is not
log_clean() {
	if [ ! -s "$1.log" ]; then
		not_ok "$1: nothing on the console"
		return
	fi
	# a report ends with its trace; line numbers stay
	awk -v head="$T_REPORT" '
		$0 ~ head { left = 100 }
		{ print (left-- > 0 ? "" : $0) }
		/<\/TASK>/ { left = 0 }' "$1.log" >"$1.clean"
	if grep -E "$T_SPLAT" "$1.clean" | grep -qvE "$T_ALLOW"; then
		t_first=$(grep -nE "$T_SPLAT" "$1.clean" | grep -vE "^[0-9]+:.*($T_ALLOW)" | head -n 1 | cut -d: -f1)
		sed -n "$((t_first > 3 ? t_first - 3 : 1)),$((t_first + 40))p" "$1.log" | sed 's/^/# /'
		not_ok "$1: the kernel complained, $PWD/$1.log line $t_first"
	fi
}

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# check.sh FOLDER [TARGET...]: replay all inputs, run each target of "make all" for as
# long as it should take in a test, always the same way, and let it find the mistakes of
# "make mutants".
set -u
cd "$(dirname "$0")" || exit 1
out=$1
shift
[ $# -gt 0 ] || set -- sb node directory map request tool args stream
passed=0 failed=0
# Its name is on the stack of the program, too.
tmp=$out/tmp
rm -rf "$tmp"
mkdir -p "$out/log" "$out/crash" "$tmp"

# How often; about as long for each.
runs() {
	case $1 in
	sb) echo 40000 ;;
	node | request) echo 100000 ;;
	directory) echo 20000 ;;
	map) echo 5000 ;;
	tool) echo 5000 ;;
	args) echo 12000 ;;
	stream) echo 1600 ;;
	esac
}

# Addresses are part of what libFuzzer tries: they have to be the same each time.
fixed=
setarch -R true 2>/dev/null && fixed='setarch -R'

result() {
	r_rc=$1
	shift
	if [ "$r_rc" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok - fuzz: $*"
	else
		failed=$((failed + 1))
		echo "not ok - fuzz: $*"
	fi
}

# run LOG FOUND PROGRAM ARG...: from the inputs that there are, which stay as they are
run() {
	run_log=$out/log/$1
	run_found=$2
	shift 2
	rm -rf "$tmp/new"
	mkdir "$tmp/new"
	# shellcheck disable=SC2086
	$fixed "$@" -seed=1 -reload=0 -max_len=600 -timeout=60 -print_final_stats=1 \
		-artifact_prefix="$run_found" "$tmp/new" "$corpus" >"$run_log" 2>&1
}

# stat LOG NAME
stat() {
	sed -n "s/^stat::$2: *//p" "$out/log/$1" | tail -n 1
}

for target; do
	corpus=$out/corpus/$target
	rc=0
	find "$corpus" -type f | sort | xargs "$out/$target" -timeout=60 \
		-artifact_prefix="$out/crash/" >"$out/log/$target.replay" 2>&1 || rc=1
	result $rc "$target: $(grep -c '^Executed ' "$out/log/$target.replay") inputs"
	rc=0
	start=$(date +%s)
	run "$target" "$out/crash/" "$out/$target" -runs="$(runs "$target")" || rc=1
	result $rc "$target: $(stat "$target" number_of_executed_units) runs, $(($(date +%s) - start)) s"
	[ $rc -eq 0 ] || tail -n 25 "$out/log/$target"

	sed -n 's/^# mutant \([0-9]*\) \([a-z]*\): \(.*\)/\1 \2 \3/p' mutants.sed >"$tmp/list"
	while read -r nr where what; do
		[ "$where" = "$target" ] || continue
		rc=0
		FUZZ_MUTANT=$nr run "$target.mutant$nr" "$tmp/" "$out/mutants/$target" -runs=400000 || rc=$?
		[ "$rc" -ne 0 ] &&
			grep -qE 'not true|ERROR: AddressSanitizer|runtime error' "$out/log/$target.mutant$nr" &&
			rc=0 || rc=1
		result $rc "$target: mistake found after $(stat "$target.mutant$nr" number_of_executed_units) runs: $what"
	done <"$tmp/list"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# onetest.sh RESULTS TEST: run one test in a folder below RESULTS, show its KTAP when it
# has ended, and leave what it counted in RESULTS/NAME.sum: how many subtests passed,
# failed and were skipped, seconds, seconds of processors, and its name.
#
# It is known how many subtests a test has at least, from its line "# subtests: N" or from
# tests/list: one whose guest ended early or whose loop had nothing to do fails. The
# number of all of them, which KTAP wants first, is known when it has ended.

results=${1:?RESULTS}
file=${2:?TEST}
name=$(basename "$file" .sh)
dir=$results/$name
limit=$(sed -n 's/^# timeout: *\([0-9]*\).*/\1/p' "$file" | head -n 1)
# for a test that has the machine to itself; a slow one may take longer, too
limit=$((${limit:-300} * 2 * ${KP_JOBS:-1}))
[ -z "${KP_DEEP:-}" ] || limit=$((limit * 10))
least=$(sed -n 's/^# subtests: *\([0-9]*\).*/\1/p' "$file" | head -n 1)
[ -n "$least" ] ||
	least=$(sed -n "s/^$name [0-9]* \([0-9]*\)\$/\1/p" "$(dirname "$file")/list" 2>/dev/null)
mkdir -p "$dir"
start=$(date +%s)
rc=0
(cd "$dir" && exec setpriv --pdeathsig TERM timeout -k 10 "$limit" sh "$file") \
	>"$dir/ktap" 2>&1 </dev/null || rc=$?
secs=$(($(date +%s) - start))
# its children's, but for those that were killed together with their parents
times >"$dir/times"
cpu=$(awk 'NR == 2 { gsub("[ms]", " "); print int($1 * 60 + $2 + $3 * 60 + $4) }' "$dir/times")

passed=$(grep '^ok ' "$dir/ktap" | grep -vc '# SKIP')
skipped=$(grep -c '^ok .*# SKIP' "$dir/ktap")
failed=$(grep -c '^not ok ' "$dir/ktap")
why=
if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
	why="not finished within ${limit:-300} s"
elif ! grep -q '^1\.\.' "$dir/ktap"; then
	why="ended early, exit status $rc"
elif [ "$rc" -ne 0 ] && [ "$failed" -eq 0 ]; then
	why="exit status $rc"
elif [ $((passed + failed + skipped)) -lt "${least:-1}" ]; then
	why="only $((passed + failed + skipped)) of at least ${least:-1} subtests"
fi
if [ -n "$why" ]; then
	echo "not ok $((passed + failed + skipped + 1)) - $why" >>"$dir/ktap"
	failed=$((failed + 1))
fi
echo "$passed $failed $skipped $secs $cpu $name" >"$results/$name.sum"
{
	flock 8
	echo "  KTAP version 1"
	echo "  # Subtest: $name"
	echo "  1..$((passed + failed + skipped))"
	sed -e '/^KTAP version/d; /^1\.\./d; s/^/  /' "$dir/ktap"
	echo x >>"$results/ended"
	n=$(wc -l <"$results/ended")
	if [ "$failed" -eq 0 ]; then
		echo "ok $n - $name # $passed passed, $skipped skipped, $secs s, $cpu s of processors"
		rm -rf "$dir"
	else
		echo "not ok $n - $name # $failed failed, $secs s, $cpu s of processors; see $dir"
	fi
} 8>"$results/print.lock"

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# onetest.sh RESULTS TEST: run one test in a folder below RESULTS, show its KTAP
# and leave what it counted in RESULTS/NAME.sum.

results=$1
file=$2
name=$(basename "$file" .sh)
dir=$results/$name
limit=$(sed -n 's/^# timeout: *\([0-9]*\).*/\1/p' "$file" | head -n 1)
# for a test that has the machine to itself; a slow one may take longer, too
limit=$((${limit:-300} * 2 * ${KP_JOBS:-1}))
[ -z "${KP_DEEP:-}" ] || limit=$((limit * 10))
mkdir -p "$dir"
start=$(date +%s)
{
	cd "$dir" && setpriv --pdeathsig TERM timeout -k 10 "$limit" sh "$file" 2>&1
	echo $? >"$dir/rc"
} </dev/null | sed -u 's/^/  /' | if [ "${KP_JOBS:-1}" -gt 1 ]; then
	cat >"$dir/ktap"
else
	tee "$dir/ktap"
fi
secs=$(($(date +%s) - start))
rc=$(cat "$dir/rc" 2>/dev/null || echo 1)

passed=$(grep '^  ok ' "$dir/ktap" | grep -vc '# SKIP')
skipped=$(grep -c '^  ok .*# SKIP' "$dir/ktap")
failed=$(grep -c '^  not ok ' "$dir/ktap")
why=
if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
	why="not finished within ${limit:-300} s"
elif ! grep -q '^  1\.\.' "$dir/ktap"; then
	why="ended early, exit status $rc"
elif [ "$rc" -ne 0 ] && [ "$failed" -eq 0 ]; then
	why="exit status $rc"
fi
[ -z "$why" ] || failed=$((failed + 1))
echo "$passed $failed $skipped" >"$results/$name.sum"
{
	flock 8
	[ "${KP_JOBS:-1}" -le 1 ] || cat "$dir/ktap"
	[ -z "$why" ] || echo "  # $why"
	if [ "$failed" -eq 0 ]; then
		echo "ok - $name # $passed passed, $skipped skipped, $secs s"
		rm -rf "$dir"
	else
		echo "not ok - $name # $failed failed, $secs s; see $dir"
	fi
} 8>"$results/print.lock"

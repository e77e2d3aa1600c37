#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# check.sh PROGRAM...: run them, add up the lines "N passed, N failed".
passed=0 failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for program; do
	"$program" >"$log" 2>&1
	rc=$?
	grep -v '^[0-9]* passed, [0-9]* failed$' "$log"
	line=$(grep '^[0-9]* passed, [0-9]* failed$' "$log" | tail -n 1)
	# A program that died has failed, whatever it said before.
	[ -n "$line" ] || line='0 passed, 1 failed'
	p=${line%% *} f=${line#*, } f=${f%% *}
	[ "$rc" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

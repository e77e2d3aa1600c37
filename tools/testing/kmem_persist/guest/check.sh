# SPDX-License-Identifier: GPL-2.0
# What a test checks, on the host (lib/testlib.sh) and in a guest (guest/lib.sh): they say
# how ok, not_ok and skip are printed. For any shell.

# check NAME COMMAND...: one subtest; the command sets check_why if it did not look
check() {
	check_name=$1
	check_why=
	shift
	if ! "$@"; then
		not_ok "$check_name ($* failed)"
	elif [ -n "$check_why" ]; then
		skip "$check_name: $check_why"
	else
		ok "$check_name"
	fi
}

# same NAME GOT WANTED: one subtest
same() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1 (got '$2', wanted '$3')"
	fi
}

# alike NAME ONE OTHER: one subtest: the same, and not nothing, where both are found out
alike() {
	if [ -n "$2" ] && [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1 ('$2' and '$3')"
	fi
}

# in_sample I N: is it the turn of the Ith of many, of which one in N is run? Which one is
# decided by the commit, so that all are run over time; all are with --deep.
in_sample() {
	[ -n "${KP_DEEP:-}" ] || [ $((($1 + ${KP_SAMPLE:-0}) % $2)) -eq 0 ]
}

# SPDX-License-Identifier: GPL-2.0
# timeout: 60
# What runs the tests notices a test that fails to say anything: one that ends early, has
# fewer subtests than it says, whose loop has nothing to do; whose guest dies, ends before
# its last line, or complains. Its KTAP is what the kernel's own parser reads.
. "$KP_DIR/lib/testlib.sh"

mkdir top results planted
# a guest without a machine: the script, and a console
cat >top/run <<'END'
#!/bin/sh
while [ "$1" != -- ]; do
	[ "$1" != --log ] || log=$2
	shift
done
echo "${PLANTED_CONSOLE:-all is well}" >"$log"
bash "$2"
END
chmod 755 top/run

# planted NAME: standard input is a test; its KTAP is in NAME.ktap
planted() {
	{
		echo '. "$KP_DIR/lib/testlib.sh"'
		cat
	} >"planted/$1.sh"
	KP_TOP=$PWD/top KP_JOBS=1 KP_DEEP='' sh "$KP_DIR/lib/onetest.sh" "$PWD/results" \
		"$PWD/planted/$1.sh" >"$1.ktap" 2>&1 </dev/null || :
}
# wrong NAME REGEX: that was noticed, and said
wrong() {
	check "$1: fails, and says why" grep -qE "^  not ok [0-9]+ - .*$2" "$1.ktap"
	check "$1: as a whole" grep -qE "^not ok [0-9]+ - $1 # " "$1.ktap"
}

planted good <<'END'
# subtests: 3
ok "one # of the host's"
guest g -- - <<'GUEST'
#!/bin/bash
#
echo "ok two"
echo "skip three"
GUEST
finish
END
check "good: passes" grep -qE '^ok 1 - good # 2 passed, 1 skipped' good.ktap
planted early <<'END'
ok one
exit 0
END
wrong early 'ended early'
planted few <<'END'
# subtests: 3
for i in $(cat /dev/null); do
	ok "$i"
done
ok one
finish
END
wrong few 'only 1 of at least 3'
planted none <<'END'
finish
END
wrong none 'only 0 of at least 1'
planted short <<'END'
guest g -- - <<'GUEST'
#!/bin/bash
#
echo "ok two"
exit 0
GUEST
finish
END
wrong short 'ended before its last line'
planted dead <<'END'
guest g -- - <<'GUEST'
#!/bin/bash
#
echo "ok two"
kill -KILL $$
GUEST
finish
END
wrong dead 'exit status'
planted oops <<'END'
PLANTED_CONSOLE='BUG: something'
export PLANTED_CONSOLE
guest g -- - <<'GUEST'
#!/bin/bash
#
echo "ok two"
GUEST
finish
END
wrong oops 'the kernel complained'

# parse FILE...: does kunit.py say that all passed?
parse() {
	{
		echo "KTAP version 1"
		echo "1..$#"
		cat "$@"
	} >all.ktap
	python3 "$KP_SRC/tools/testing/kunit/kunit.py" parse "$PWD/all.ktap" >parsed 2>&1
	! grep -qE '\[(ERROR|CRASHED|FAILED)\]' parsed
}
if python3 -c 'import sys; sys.exit(sys.version_info < (3, 7))' 2>/dev/null; then
	check "kunit.py reads it" parse good.ktap
	check "kunit.py: passed 2, skipped 1" grep -qE 'passed: 2, skipped: 1' parsed
	grep -v '^  ok 2 ' good.ktap >less.ktap
	check "kunit.py: not if one is missing" eval '! parse less.ktap'
else
	skip "kunit.py: there is no python3"
fi
finish

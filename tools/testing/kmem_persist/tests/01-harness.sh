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
	echo "$1" >>order
	{
		echo '. "$KP_DIR/lib/testlib.sh"'
		cat
	} >"planted/$1.sh"
	KP_TOP=${P_TOP:-$PWD/top} KP_JOBS=1 KP_DEEP='' sh "$KP_DIR/lib/onetest.sh" "$PWD/results" \
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

# The same with ./run guest as it is, and a machine that is a script: it runs what the guest
# shall, as its init does, unless what is said to it ends that. The first line says how.
mkdir bin
cat >bin/qemu-system-x86_64 <<'END'
#!/bin/bash
[ "$1" != --version ] || { echo "QEMU emulator version 9.0.0"; exit; }
args="$*"
ctl=${args#*id=ctl,path=}
ctl=${ctl%%,*}
console=${args#*id=console,path=}
echo "all is well" >"${console%% *}"
# a guest has no other way out than its port
end=$(sed -n '1s/.*, machine: //p' "$ctl/script")
case $end in
hangs) bash "$ctl/script" >&3; exec sleep 1000 ;;
dies) bash "$ctl/script" >&3; exit 1 ;;
killed) bash "$ctl/script" >&3; kill -KILL $$ ;;
halts) bash "$ctl/script" >&3; echo 0 >"$ctl/status" ;;
*) bash "$ctl/script" >&3; echo $? >"$ctl/status" ;;
esac
END
chmod 755 bin/qemu-system-x86_64
# machine NAME END [OPTION...]: a test with such a guest, from beginning to end
machine() {
	m_name=$1
	m_end=$2
	shift 2
	{
		echo "# subtests: 3"
		echo "ok one"
		# no look at /dev/kvm, which would remember what this machine says
		echo "guest g --accel tcg $* -- - <<'GUEST'"
		echo "#!/bin/bash , machine: $m_end"
		echo "#"
		echo 'echo "ok two"'
		[ "$m_end" != halts ] || echo 'kill -TERM $$'
		echo 'echo "ok three"'
		echo GUEST
		echo finish
	} | P_TOP=$KP_TOP PATH=$PWD/bin:$PATH planted "$m_name"
}
machine whole "ends well"
check "whole: passes" grep -qE '^ok [0-9]+ - whole # 3 passed' whole.ktap
machine gone dies
wrong gone 'g: exit status 125'
check "gone: what it said before counts" grep -qE '^  ok [0-9]+ - g: three' gone.ktap
check "gone: and why" grep -q 'run: the guest died .QEMU.s exit status 1.; the end of its console' gone.ktap
machine killed killed
wrong killed 'g: exit status 125'
machine late hangs --timeout 1
wrong late 'g: exit status 124'
check "late: and why" grep -q 'run: the guest did not end within 1 s' late.ktap
machine halted halts
wrong halted 'g: its script ended before its last line'
check "halted: there is no third one" eval '! grep -qE "^  ok [0-9]+ - g: three" halted.ktap'

# planned FILE...: it stands before what was planned
planned() {
	awk 'FNR == 1 { plan = 0 }
		/^  1\.\.[0-9]+$/ { plan = substr($1, 4) }
		/^  (not )?ok / && !plan-- { exit bad = 1 }
		/^(not )?ok / { n++; if (plan) exit bad = 1 }
		END { exit bad || n != ARGC - 1 }' "$@"
}
# shellcheck disable=SC2046 # one word each
check "all of them: the plan first, and what was planned" planned $(sed 's/$/.ktap/' order)

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
	# all of them together are what ./run test prints: nothing is out of order there, no
	# plan is missing, and it counts what we count
	# shellcheck disable=SC2046 # one word each
	set -- $(sed 's/$/.ktap/' order)
	cat results/*.sum >sums
	parse "$@" || :
	check "kunit.py: of $# tests no more is wrong than that some fail" eval '! grep -qE "\[(ERROR|CRASHED)\]" parsed'
	alike "kunit.py: as many of each" "$(sed -n 's/.*Testing complete.*: \(passed: .*\)/\1/p' parsed)" \
		"$(awk '{ p += $1; f += $2; s += $3 } END { print "passed: " p ", failed: " f ", skipped: " s }' sums)"
else
	skip "kunit.py: there is no python3"
fi
finish

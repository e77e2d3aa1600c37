# SPDX-License-Identifier: GPL-2.0
# timeout: 200
# kernel: none
# ./run mutants, which finds out whether tests can fail: a checkout with one file, tests
# of which one looks at all and one at nothing, and mistakes of every kind. Then a sample of
# the map's stores, write backs and fences, another one at each commit: all are noticed.
# With --deep all of them, and those of the superblock's code and of kmem-persist.
. "$KP_DIR/lib/testlib.sh"

mutants=$KP_DIR/mutants
mkdir -p top/drivers/dax top/tools/testing/kmem_persist/tests
src=top/drivers/dax/planted.c
cat >$src <<'END'
/* if (n < 0) of a comment, and "a < b" of a string, have no mutants */
int planted_clamp(int n)
{
	if (n < 0)
		return 0;
	return n > 9 ? 9 : n;
}

static void planted_flush(int *at)
{
	planted_flushed = at;
}

static void planted_mark(int *at)
{
	planted_marked = planted_flushed;
}

int planted_store(int *at, unsigned int times)
{
	int *next = at;

	while (times && next) {
		*next = 7;
		planted_flush(at);
		planted_mark(at);
		times -= 1;
	}
	return 0;
}
END
cat >top/tools/testing/kmem_persist/tests/check.c <<'END'
#include <stdio.h>
static int *planted_flushed, *planted_marked;
#include "../../../../drivers/dax/planted.c"

static int at;

int main(void)
{
	int bad = planted_clamp(-1) != 0 || planted_clamp(0) != 0 || planted_clamp(1) != 1 ||
		planted_clamp(9) != 9 || planted_clamp(10) != 9;

	if (planted_store(NULL, 1) || planted_store(&at, 0) || at || planted_flushed)
		bad = 1;
	if (planted_store(&at, 1) || at != 7 || planted_marked != &at)
		bad = 1;
	printf("%s 1 - planted\n", bad ? "not ok" : "ok");
	fflush(stdout);
	/* who reads that has no need to wait for the end */
	for (;;)
		if (!bad)
			return 0;
}
END
cat >claims <<'END'
program check
	build cc -o $O/check $D/tests/check.c
	run $O/check
program blind
	build cc -fsyntax-only $D/tests/check.c
	run echo "ok 1 - whatever it is"
file drivers/dax/planted.c: check
END
sed 's/^\(file .*:\) check/\1 blind/' claims >claims.blind
echo '# none' >equivalent

# planted CLAIMS ARG...: its output is in "out", its status in P_RC
planted() {
	P_RC=0
	p_claims=$1
	shift
	perl "$mutants/run.pl" --top top --work work --slack 1 --claims "$p_claims" \
		--equivalent equivalent "$@" >out 2>&1 </dev/null || P_RC=$?
}
# says REGEX
says() {
	grep -qE -- "$1" out || {
		sed 's/^/# /' out
		return 1
	}
}
tried() {
	grep -cE '^(killed|survived|uncompiled) ' out || :
}

planted claims --list
same "which ones: exit status" "$P_RC" 0
for kind in negate operator count return drop swap; do
	check "which ones: $kind" says "^dax/planted.c:[a-z_]*:$kind:1 "
done
check "which ones: a line before and after" \
	sh -c 'grep -A2 "^dax/planted.c:planted_clamp:negate:1 " out | tr "\n" " " | grep -qF -- "- if (n < 0) 	+ if (!(n < 0)) "'
check "which ones: nothing of a comment" sh -c '! grep -q comment out'
all=$(grep -c '^dax/planted' out || :)
check "which ones: there are some ($all)" [ "$all" -ge 15 ]
same "which ones: none twice" "$(grep -o '^dax/planted[^ ]*' out | sort | uniq -d)" ""
planted claims --list --seed 5 --count 4
cp out five
planted claims --list --seed 5 --count 4
check "a sample: the same again" cmp five out
planted claims --list --seed 6 --count 4
check "a sample: another one" sh -c '! cmp -s five out'
perl "$mutants/mutate.pl" apply dax/planted.c:planted_store:drop:2 $src >mutant.c
same "made: one line is another one" "$(diff $src mutant.c | grep -c '^[<>]')" 2
check "made: it is that line" sh -c 'diff "$1" mutant.c | grep -q "^< .*planted_flush(at);"' sh $src

# a test that looks
planted claims
sed 's/^/# /' out
same "tried: all" "$(tried)" "$all"
same "survivors: exit status" "$P_RC" 1
for name in planted_clamp:operator:1 planted_clamp:operator:2 planted_clamp:count:1; do
	check "survivor: $name" says "^survivor: dax/planted.c:$name [0-9a-f]{8} drivers/dax/planted.c:[0-9]+$"
done
same "survivors: no other" "$(grep -c '^survivor: ' out || :)" 3
check "killed: by what" says '^killed dax/planted.c:planted_clamp:negate:1 .* check: failed: not ok 1 - planted'
check "killed: a loop without an end, by time" says '^killed dax/planted.c:planted_store:operator:2 .* check: time'
same "added up" "$(awk '$1 == "total" { print $2, $3, $4 }' out)" "$((all - 3)) 3 0"
check "nothing is left behind" cmp $src work/tree/drivers/dax/planted.c

# those that are equivalent
sed -n 's/^survivor: \([^ ]* [0-9a-f]*\) .*/\1 what is clamped is the bound/p' out >equivalent
planted claims
same "equivalent: exit status" "$P_RC" 0
same "equivalent: known, and not tried again" "$(tried)" 0
same "equivalent: added up" "$(awk '$1 == "total" { print $3, $4 }' out)" "0 3"
cp equivalent right
sed 's/^\([^ ]*\) [0-9a-f]* /\1 00000000 /' right >equivalent
planted claims
same "equivalent: not if the line is another one" "$P_RC" 1
check "equivalent: and that is said" says '^stale: .*planted_clamp:operator:1'
awk '{ $1 = "dax/planted.c:planted_clamp:negate:1"; print }' right >equivalent
planted claims
same "equivalent: not any other" "$P_RC" 1
cp right equivalent

# goes on where it was
sed -i 's/\*next = 7/*next = 3 + 4/' $src
planted claims
check "changed: tries what has changed" [ "$(tried)" -gt 0 ]
same "changed: and nothing else" "$(grep -E '^(killed|survived) ' out | grep -vc planted_store)" 0
planted claims dax/planted.c:planted_clamp:count:1
same "by name: that one" "$(tried)" 1
planted claims dax/planted.c:planted_clamp:count:99
check "by name: there is no such" says 'there is no mutant'
planted claims --again --count 2
same "again: from the beginning" "$(tried)" 2

# a test that cannot fail, and one that always does
planted claims.blind --again
same "a test that looks at nothing: exit status" "$P_RC" 1
same "a test that looks at nothing: nothing is killed" "$(awk '$1 == "total" { print $2 }' out)" 0
check "a test that looks at nothing: all survive" [ "$(grep -c '^survivor: ' out)" -ge 15 ]
sed 's/run echo.*/run false/' claims.blind >claims.false
planted claims.false --again
check "a test that always fails is no proof" says '^blind fails as it is'
check "nor counts" sh -c '! grep -q "^killed" out'

sed -i 's/\*next = 3 + 4/*next = 7/' $src
# a program that looks for a line is no test of mutants in which there is another one
sed 's,^program blind,program picky\n\tbuild grep -q "planted_flush(at);" $KP_TOP/drivers/dax/planted.c\n\trun true\n&,
	s/^\(file .*:\) check/\1 picky check/' claims >claims.picky
planted claims.picky --again dax/planted.c:planted_store:drop:2
check "one of two programs is not built: the other one tells" says '^killed .* check: failed'
sed 's/^\(file .*:\).*/\1 picky/' claims.picky >claims.only
planted claims.only --again dax/planted.c:planted_store:drop:2
check "none is built: not compiled" says '^uncompiled '

# what finds more goes first, whatever the order in claims
sed 's/run echo/run echo >>$O\/blind.ran; echo/; s/^\(file .*:\) check/\1 blind check/' claims >claims.order
planted claims.order --again
same "what finds nothing goes last: total" "$(awk '$1 == "total" { print $2, $3 + $4 }' out)" "$((all - 3)) 3"
ran=$(wc -l <work/build/blind.ran)
check "what finds nothing goes last ($ran of $all)" [ "$ran" -le 6 ]

# time is that of the processor: a machine that does something else is no mistake
planted claims --again --slack 100 dax/planted.c:planted_store:operator:2
check "a loop without an end: seconds of a processor" \
	says '^killed dax/planted.c:planted_store:operator:2 [0-9][0-9]?\.[0-9] s check: time'

# real <count> OPTION...: of this checkout
real() {
	R_RC=0
	"$mutants/run.pl" --top "$KP_TOP" --work real "$@" >real.out 2>&1 </dev/null || R_RC=$?
	sed 's/^/# /' real.out
}
if [ -n "${KP_DEEP:-}" ]; then
	real --stores
else
	real --stores --file persist/map/map.c --file persist/map/twins.c --count 6 --seed "${KP_SAMPLE:-0}"
fi
same "the map: each store, write back and fence is missed" "$R_RC" 0
check "the map: some were tried" [ "$(grep -c '^killed ' real.out)" -ge 3 ]
check "the list of those that are equivalent is of today" sh -c '! grep -q "^stale" real.out'
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 200
# Every KUnit case of the series runs when its module is loaded, and passes.
. "$KP_DIR/lib/testlib.sh"
T_KUNIT=1

guest kunit

# cases NAME: how it ended: "ok", "not ok" or nothing
cases() {
	sed -nE "s/^kunit: +(ok|not ok) [0-9]+ $1( .*)?\$/\1/p" kunit.out
}

wanted=0
for name in $(sed -nE 's/^.*KUNIT_CASE(_SLOW|_PARAM)?\(([a-z0-9_]+).*/\2/p' \
	"$KP_TOP"/drivers/dax/persist/tests/*kunit.h "$KP_TOP"/drivers/dax/persist/*.c | sort -u); do
	wanted=$((wanted + 1))
	same "$name" "$(cases "$name")" ok
done
check "there are cases" [ "$wanted" -ge 10 ]
for name in $(sed -nE 's/^\t\.name = "(kmem_[a-z0-9_]+)",$/\1/p' \
	"$KP_TOP"/drivers/dax/persist/tests/*kunit.h | sort -u); do
	check "suite $name ran" grep -q "^kunit: .*# Subtest: $name\$" kunit.out
done
same "no case failed" "$(grep -cE '^kunit: +not ok' kunit.out || :)" 0
finish

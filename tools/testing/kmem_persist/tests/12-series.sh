# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# packages: mails
# deep packages: arm64
# The mails that ./run series makes: every file, and every section of a PATH.patch, is in
# one of them; faults of others come first; nothing is named before it is there; they apply
# one after the other, as they are, and make what ./run apply makes; checkpatch has nothing
# to say. With --deep each compiles with what comes before it. That the checks can fail is
# tried with copies in which one thing is different.
# shellcheck disable=SC2031 # a subshell that reads source.sh is meant to keep it to itself
. "$KP_DIR/lib/testlib.sh"
for lib in say apply kernel sparse series; do
	. "$KP_DIR/lib/$lib.sh"
done
. "$KP_DIR/lib/source.sh"

mkdir tmp
check "all of it is in the mails, once, in order" series_write "$PWD/tmp" "$PWD/mails"
nr=$(wc -l <tmp/sizes)
while read -r i lines; do
	echo "# $i $lines lines: $(sed -n "${i}p" tmp/subjects)"
done <tmp/sizes
same "as many as there are in the table" "$nr" "$(wc -l <tmp/subjects)"
same "mails" "$(series_mails mails | wc -l)" "$nr"
check "at most 21" [ "$nr" -le 21 ]
check "a cover letter" grep -q "^Subject: \[PATCH 00/$nr\] dax/kmem: " mails/0000-cover-letter.patch
same "nothing in it is left to fill in" "$(grep -c '\*\*\*' mails/0000-cover-letter.patch)" 0
same "who sends them signs them" "$(grep -l '^Signed-off-by:' mails/*.patch)" ""
check "they make what ./run apply makes" series_same "$PWD/tmp" "$PWD/mails"
ser_t=$PWD/tmp
for mail in $(series_mails mails); do
	check "checkpatch: $(basename "$mail" .patch)" series_checkpatch "$mail"
done

# what is noticed
mkdir copy
(cd "$KP_TOP" && tar -cf - README.md ./*.patch drivers include mm Documentation tools) | tar -xf - -C copy
# notices REGEX FILE EXPRESSION: with FILE changed by sed, the table says REGEX
notices() {
	n_file=copy/$2
	cp "$n_file" kept
	sed -i -E "$3" "$n_file"
	n_rc=0
	! cmp -s kept "$n_file" || {
		echo "# nothing was changed"
		n_rc=1
	}
	if perl copy/tools/testing/kmem_persist/series/series.pl copy files check >out 2>&1 ||
		! grep -qE "$1" out; then
		echo "# it says:"
		sed 's/^/# /' out
		n_rc=1
	fi
	cp kept "$n_file"
	return "$n_rc"
}
order=tools/testing/kmem_persist/series/order
cp tmp/files files
check "a copy, unchanged" perl copy/tools/testing/kmem_persist/series/series.pl copy files check
check "notices: a file in no mail" notices 'bad.c is in no mail' \
	$order 's,^(file .*) drivers/dax/persist/bad\.\?,\1 drivers/dax/persist/bad.h,'
check "notices: a file in two" notices 'bad.c is in two mails' \
	$order 's,^file drivers/dax/new_bad.c,& drivers/dax/persist/bad.c,'
check "notices: a file that is not there" notices 'new_worse.c.: no such file' \
	$order 's,^file drivers/dax/new_bad.c,& drivers/dax/new_worse.c,'
check "notices: a section in no mail" notices "no mail has the sections 'mm/folio" \
	$order '/^also mm\/folio/d'
check "notices: sections in another order" notices "memory_hotplug.c.patch: 'mm/kasan.* comes later" \
	$order 's,^patch mm/memory-failure: .*,patch X,; s,^patch mm/kasan: .*,patch mm/memory-failure: pages that failed are kept from the buddy,; s,^patch X,patch mm/kasan: MHP_ALLOCATE memory has a shadow from add to remove,'
check "notices: a fault behind a feature" notices 'is a fault, and comes after' \
	mm/page_isolation.c.patch '/^Fixes: 9aec/d'
check "notices: an include of what comes later" notices 'bad.c includes exchange.h, which is not there' \
	drivers/dax/persist/bad.c 's/^#include "bad.h"/&\n#include "exchange.h"/'
check "notices: an option that comes later" notices 'pool.c names CONFIG_DEV_DAX_KMEM_PERSIST_BLK, which' \
	drivers/dax/persist/pool.c 's/^#include "pool.h"/&\n#if IS_ENABLED(CONFIG_DEV_DAX_KMEM_PERSIST_BLK)\n#endif/'
check "notices: an object that comes later" notices 'persist/Makefile: compact.o has no source after' \
	$order '/^hold .*(take.exchange)/d'
check "notices: a line that two mails want" notices 'two mails want' \
	$order 's/\(\?:segments\|bad/(?:segments|take|bad/'
check "notices: a line that nobody has" notices 'there is no such line' \
	$order 's/^(until .*)"KMEM DAX/\1"CMEM DAX/'
check "notices: a test that is not there" notices 'there is no test 40-pond' \
	$order 's/^test 40-pool$/test 40-pond/'
check "notices: a mail that gives no reason" notices "a pool of the pages of a device' does not say why" \
	$order '/^patch dax\/kmem: a pool/,/^file/{/^\t/d}'
check "notices: a file that nobody maintains" notices 'MAINTAINERS: no F: for drivers/dax/new_bad.c' \
	MAINTAINERS.patch '/new_bad/d'
check "notices: a maintainer of nothing" notices 'MAINTAINERS: F: drivers/dax/new_worse.c is no file' \
	MAINTAINERS.patch 's/new_bad/new_worse/'
check "notices: a figure that is nowhere" notices 'cover: 12 400 000 is in no document' \
	tools/testing/kmem_persist/series/cover 's/12 300 000/12 400 000/'
check "notices: a mail that the design calls otherwise" notices "design: 'dax/kmem: a pond" \
	Documentation/driver-api/dax-kmem-persist.rst 's,^dax/kmem: a pool of the,dax/kmem: a pond of the,'
check "notices: a large mail without a reason" \
	eval 'perl copy/tools/testing/kmem_persist/series/series.pl copy files large 1 901 | grep -q "does not say why"'
check "notices: a reason without a large mail" \
	eval 'perl copy/tools/testing/kmem_persist/series/series.pl copy files large 12 900 | grep -q "says why it is large"'
# one line is lost on the way
mkdir tmp2
cp -r mails mails2
last=$(series_mails mails2 | tail -n 1)
sed -i 's/^+\/\* SPDX-License-Identifier: GPL-2.0 \*\/$/+\/* SPDX-License-Identifier: GPL-2.0-only *\//' "$last"
cp tmp/files tmp2/files
check "notices: a mail that says something else" eval '! series_same "$PWD/tmp2" "$PWD/mails2" 2>same.out'
check "and where" grep -q 'drivers/dax/persist/tests/' same.out
# what checkpatch would complain about
sed '0,/^+$/s//+	if(1)/' "$(series_mails mails | sed -n 12p)" >bad.patch
check "notices: code in no style" eval '! series_checkpatch "$PWD/bad.patch" >/dev/null'
# mail 3 uses what comes with the last one
mkdir end
echo both >end/have.3
printf '%s\n' both late >end/have.11
echo late >end/want.3
check "notices: a name that is wanted too early" eval '! (ser_t=end && series_build_end) >end.out'
check "and which" grep -qx 'mail 3 wants: late ' end.out
echo both >end/want.3
check "nothing is wanted too early" eval '(ser_t=end && series_build_end) >end.out'
rm end/have.*
check "notices: names that nobody has looked for" eval '! (ser_t=end && series_build_end) >end.out'

if [ -n "${KP_DEEP:-}" ]; then
	exec 6>"$KP_BASE/series.lock"
	flock 6
	sparse_get
	mkdir build
	check "it compiles without the series" series_build_begin "$PWD/build"
	ser_t=$PWD/build ser_o=$KP_BASE/build/series KP_TREE=$KP_BASE/series/src
	while read -r i lines <&5; do
		check "mail $i compiles" series_build "$i"
	done 5<tmp/sizes
	check "nothing is wanted before it is there" series_build_end
	if command -v aarch64-linux-gnu-gcc >/dev/null; then
		check "all of it compiles for arm64" series_arm64
	else
		skip "arm64: there is no aarch64-linux-gnu-gcc"
	fi
fi
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# kernel: none
# packages: fuzz
# What reads a device, or a text from users, with inputs that nobody thought of: a fixed
# number, the same each time (./run fuzz goes on without end). Each target must find
# mistakes that are made on purpose. And how many lines of the kernel's files all tests
# that need no kernel run.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/lib/say.sh"
. "$KP_DIR/lib/deps.sh"

fuzz=$KP_DIR/fuzz
if fuzz_works; then
	check "the targets can be built" make -s -C "$fuzz" O="$PWD/build" all mutants corpus
	rc=0
	"$fuzz/check.sh" "$PWD/build" >check.out 2>&1 || rc=$?
	while read -r word rest; do
		case $word in
		ok) ok "${rest#- fuzz: }" ;;
		not) not_ok "${rest#ok - fuzz: }" ;;
		*) echo "# $word $rest" ;;
		esac
	done <check.out
	same "exit status" "$rc" 0
else
	skip "no clang with libFuzzer"
fi

rc=0
"$fuzz/coverage.sh" "$PWD/coverage" quick >coverage.out 2>&1 || rc=$?
sed 's/^/# /' coverage.out
same "95 % of the lines of the kernel's files" "$rc" 0
finish

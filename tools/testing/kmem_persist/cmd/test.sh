# SPDX-License-Identifier: GPL-2.0
# usage: test [-j N] [--deep] [NAME...]
# help: Build the kernels and run all tests, or those whose name contains NAME;
# help: -j: N at a time; one more than there are processors, with 4 GiB of memory for
# help: each, if not given. --deep: those that can go on for long do so: 05-map for an hour and
# help: a half, 43-compact until ten times the device was written, 45-canary until a
# help: million pages have changed hands, 46-soak for ten minutes; and those that take
# help: long and only compare are run, too: 48-neighbours. Without it a sample of the
# help: cells of tables is run, another one at each commit. Says what took how long, and
# help: ends with "N passed, N failed".

# tests wait now and then: two of them leave a seventh of two processors idle
KP_JOBS=$({
	echo $(($(nproc) + 1))
	sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo | awk '{ print int($1 / 4194304) }'
} | sort -n | head -n 1)
[ "$KP_JOBS" -ge 1 ] || KP_JOBS=1
KP_DEEP=
test_names=
while [ $# -gt 0 ]; do
	case $1 in
	-j*)
		KP_JOBS=${1#-j}
		[ -n "$KP_JOBS" ] || {
			KP_JOBS=${2:-}
			shift
		}
		number "$KP_JOBS" || die "-j needs a number" "./run test -j 2"
		shift
		;;
	--deep)
		KP_DEEP=1
		shift
		;;
	-*) die "unknown option '$1'" "./run test --help" ;;
	*[!a-zA-Z0-9_-]* | '') die "there is no test like '$1'" "ls $KP_DIR/tests" ;;
	*)
		test_names="$test_names $1"
		shift
		;;
	esac
done
# shellcheck disable=SC2086
set -- $test_names
# of what is compared in many cells a sample is run, which the commit decides
KP_SAMPLE=${KP_SAMPLE:-$(git -C "$KP_TOP" rev-parse HEAD 2>/dev/null | cksum | cut -d' ' -f1)}
[ -n "${KP_NAMED+set}" ] || [ $# -eq 0 ] || KP_NAMED=yes
export KP_JOBS KP_DEEP KP_SAMPLE KP_NAMED

for name; do
	for f in "$KP_DIR"/tests/[0-9]*.sh; do
		case $(basename "$f" .sh) in
		*"$name"*) continue 2 ;;
		esac
	done
	die "there is no test like '$name'" "ls $KP_DIR/tests"
done

tests=
for f in "$KP_DIR"/tests/[0-9]*.sh; do
	[ -f "$f" ] || continue
	if [ $# -eq 0 ]; then
		if [ -z "$KP_DEEP" ] && grep -q '^# only: deep' "$f"; then
			say "note: $(basename "$f" .sh) is left out: name it, or ./run test --deep"
			continue
		fi
		tests="$tests $f"
	fi
	for name; do
		case $(basename "$f" .sh) in
		*"$name"*)
			tests="$tests $f"
			break
			;;
		esac
	done
done
[ -n "$tests" ] || die "there are no tests in $KP_DIR/tests"

cache_open
# The results of the runs before go, but not those of a run that goes on: that has its lock.
# The first folder that is free: it has the same name as the last time, and compilers are
# called with the same words.
mkdir -p "$KP_CACHE/test"
n=1
until exec 5>"$KP_CACHE/test/$n.lock" && flock -n 5; do
	n=$((n + 1))
done
results=$KP_CACHE/test/$n
for d in "$KP_CACHE"/test/*; do
	[ ! -d "$d" ] || [ "$d" = "$results" ] || flock -n "$d.lock" rm -rf "$d" || :
done
# who survived a run that was killed goes on to write in a folder of another name
[ ! -d "$results" ] || {
	mv "$results" "$results.$$"
	rm -rf "$results.$$" || :
}
mkdir -p "$results"

# wanted FLAVOUR: does a test want that kernel? It is that of testing if none is named.
wanted() {
	[ "$1" != wide ] || [ -n "$KP_DEEP" ] || return 1
	for f in $tests; do
		# see kernel_mostly in testlib.sh
		if [ -n "$KP_DEEP${KP_NAMED:-}" ] &&
			[ "$1" = "$(sed -n 's/^kernel_mostly \([a-z]*\).*/\1/p' "$f")" ]; then
			continue
		fi
		case " $(sed -nE 's/^# kernel: *((none|demo|distro|plain|test)( (demo|distro|wide|plain|test))*)$/\1/p' "$f") " in
		*" $1 "*) return 0 ;;
		'  ') [ "$1" != test ] || return 0 ;;
		esac
	done
	return 1
}

# Those that take longest come first, so that none of them is left alone in the end: by
# what they took the last time here, or else somewhere. A new one may take long.
touch "$KP_CACHE/seconds"
# shellcheck disable=SC2086
tests=$(printf '%s\n' $tests | awk '
	FILENAME != "-" { s[$1] = $2; next }
	{
		name = $0
		gsub(/.*\/|\.sh$/, "", name)
		print (name in s ? s[name] : 100), $0
	}' "$KP_DIR/tests/list" "$KP_CACHE/seconds" - | sort -rn | cut -d' ' -f2)

begin=$(now)
lock cache
# shellcheck disable=SC2046,SC2086
deps $(sed -n "s/^# ${KP_DEEP:+\(deep \)*}packages: *//p" $tests | sort -u)
for flavour in test demo distro wide plain; do
	wanted $flavour || continue
	source_get
	# what no kernel is built of, too
	[ $flavour = plain ] || series_sync
	kernel_build $flavour
	initrd_build $flavour
	qemu_find
	# copies: a build that starts meanwhile does not disturb this run
	cp "$KP_BZIMAGE" "$results/bzImage-$flavour"
	cp "$KP_INITRD" "$results/initrd-$flavour"
	cp "$KP_INITRD-fio" "$results/initrd-$flavour-fio"
done
# whole systems; who may not make one has a test that says so
KP_ROOTS=
# shellcheck disable=SC2086
for suite in $(sed -n "s/^# system${KP_DEEP:+s*}: *//p" $tests | tr ' ' '\n' | sort -u); do
	root_can || continue
	root_build "$suite"
	KP_ROOTS=$KP_CACHE/root
done
unlock
unset T_KERNEL
# what tests compile for themselves, ccache has from the last time
if [ -x /usr/lib/ccache/gcc ]; then
	PATH=/usr/lib/ccache:$PATH
	CCACHE_DIR=$KP_CACHE/ccache
	CCACHE_COMPILERCHECK=content
	CCACHE_MAXSIZE=5G
	# headers are made right before they are used
	CCACHE_SLOPPINESS=include_file_mtime,include_file_ctime
	export PATH CCACHE_DIR CCACHE_COMPILERCHECK CCACHE_MAXSIZE CCACHE_SLOPPINESS
fi
KP_KERNELS=$results
export KP_KERNELS KP_ROOTS KP_BASE KP_SRC

echo "KTAP version 1"
# shellcheck disable=SC2086 # one word each
echo "1..$(echo $tests | wc -w)"
[ -n "$KP_DEEP" ] || echo "# a sample of what has many cells; the same again: KP_SAMPLE=$KP_SAMPLE"
start=$(now)
# who kills this shell kills tests and guests
# shellcheck disable=SC2086
printf '%s\n' $tests |
	setpriv --pdeathsig TERM xargs -P "$KP_JOBS" -n 1 \
		setpriv --pdeathsig TERM sh "$KP_DIR/lib/onetest.sh" "$results" 5>&- || :
end=$(now)
cat "$results"/*.sum >"$results/sum"
# what passed took as long as it takes
awk 'NF == 2 { s[$1] = $2 } NF == 6 && $2 == 0 { s[$6] = $4 }
	END { for (n in s) print n, s[n] }' "$KP_CACHE/seconds" "$results/sum" | sort >"$results/seconds"
[ -n "$KP_DEEP" ] || cp "$results/seconds" "$KP_CACHE/seconds"
echo "# the slowest, seconds and seconds of processors:"
sort -k 4 -rn "$results/sum" | head -n 10 | awk '{ printf "# %6d %6d  %s\n", $4, $5, $6 }'
awk -v kernels=$((start - begin)) -v tests=$((end - start)) -v jobs="$KP_JOBS" '
	{ s += $4; c += $5 }
	END {
		printf "# %d s: %d for kernels, %d for tests (%d at a time; one by one %d, of processors %d)\n",
			kernels + tests, kernels, tests, jobs, s, c
	}' "$results/sum"
awk '
	{ p += $1; f += $2; s += $3 }
	END {
		printf "%d passed, %d failed", p, f
		if (s)
			printf ", %d skipped", s
		print ""
		exit f > 0 || p == 0
	}' "$results/sum"

# SPDX-License-Identifier: GPL-2.0
# usage: fuzz [-t SECONDS] [TARGET...]
# help: Try inputs that nobody thought of until something is found, one target after the
# help: other, a minute each; or for SECONDS each, once. Targets: sb (a superblock), node
# help: (entries of the map), map (a device, as the kernel uses it), request (what users
# help: write to attributes), tool (kmem-persist on a device), args (its command line),
# help: stream (what import reads).
# help: Inputs that lead somewhere new are kept, and are the beginning of the next run.

fuzz_secs=
fuzz_all='sb node directory map request tool args stream'
fuzz_targets=
while [ $# -gt 0 ]; do
	case $1 in
	-t*)
		fuzz_secs=${1#-t}
		[ -n "$fuzz_secs" ] || {
			fuzz_secs=${2:-}
			shift
		}
		number "$fuzz_secs" || die "-t needs a number of seconds" "./run fuzz -t 600"
		shift
		;;
	-*) die "unknown option '$1'" "./run fuzz --help" ;;
	*)
		case " $fuzz_all " in
		*" $1 "*) fuzz_targets="$fuzz_targets $1" ;;
		*) die "there is no target '$1'" "one of: $fuzz_all" ;;
		esac
		shift
		;;
	esac
done
[ -n "$fuzz_targets" ] || fuzz_targets=$fuzz_all

# fuzz_state LOG: how far it is
fuzz_state() {
	tail -n 40 "$1" | tr '\r' '\n' | sed -n 's/^#\([0-9]*\).* cov: \([0-9]*\) ft: [0-9]* corp: \([0-9]*\).*/\1 runs, \2 places, \3 inputs/p' | tail -n 1
}

# fuzz_one TARGET SECONDS
fuzz_one() {
	fuzz_log=$fuzz_dir/log/$1
	mkdir -p "$fuzz_dir/log" "$fuzz_dir/corpus/$1" "$fuzz_dir/found"
	fuzz_start=$(now)
	"$fuzz_dir/build/$1" -max_total_time="$2" -max_len=600 -timeout=60 \
		-artifact_prefix="$fuzz_dir/found/$1-" "$fuzz_dir/corpus/$1" \
		"$fuzz_dir/build/corpus/$1" >"$fuzz_log" 2>&1 </dev/null 9>&- &
	fuzz_pid=$!
	fuzz_next=20
	while kill -0 $fuzz_pid 2>/dev/null; do
		sleep 1
		fuzz_took=$(($(now) - fuzz_start))
		if [ -t 2 ]; then
			printf '\r\033[K%s: %s s, %s' "$1" "$fuzz_took" "$(fuzz_state "$fuzz_log")" >&2
		elif [ $fuzz_took -ge $fuzz_next ]; then
			fuzz_next=$((fuzz_took + 20))
			say "  $1: $fuzz_took s, $(fuzz_state "$fuzz_log")"
		fi
	done
	[ ! -t 2 ] || printf '\r\033[K' >&2
	fuzz_rc=0
	wait $fuzz_pid || fuzz_rc=$?
	if [ "$fuzz_rc" -ne 0 ]; then
		grep -E 'not true|ERROR|runtime error|SUMMARY' "$fuzz_log" >&2
		fuzz_input=$(sed -n 's/.*Test unit written to //p' "$fuzz_log" | tail -n 1)
		die "$1: something was found, $fuzz_log tells more" \
			"once more: $fuzz_dir/build/$1 $fuzz_input" \
			"as a test for ever: perl $KP_DIR/fuzz/corpus.pl pack $fuzz_input >$KP_DIR/fuzz/corpus/$1/NAME.hex"
	fi
	say "$1: $(($(now) - fuzz_start)) s, $(fuzz_state "$fuzz_log")"
}

lock cache
deps fuzz
fuzz_works || die "this clang has no libFuzzer" "install libclang-rt-dev, or a newer clang"
fuzz_dir=$KP_CACHE/fuzz
step "Building the fuzz targets" "$KP_CACHE/log/fuzz.log" \
	make -C "$KP_DIR/fuzz" O="$fuzz_dir/build" all corpus ||
	die "the fuzz targets cannot be built" "see $KP_CACHE/log/fuzz.log"
unlock
say "inputs are kept in $fuzz_dir/corpus"
trap 'kill $fuzz_pid 2>/dev/null || :' EXIT
trap 'exit 130' INT TERM
while :; do
	for fuzz_t in $fuzz_targets; do
		fuzz_one "$fuzz_t" "${fuzz_secs:-60}"
	done
	[ -z "$fuzz_secs" ] || break
done

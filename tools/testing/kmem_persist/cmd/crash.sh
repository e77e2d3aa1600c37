# SPDX-License-Identifier: GPL-2.0
# usage: crash [--deep [SECONDS]]
# usage: crash [--mutant NAME] [--replay WORLD]
# usage: crash --family [--deep SECONDS | [--mutant NAME] [--replay WORLD | --random NR]]
# help: All orders of a few operations of up to three threads on the map of a small
# help: device, and at each moment all that a power failure may leave, in userspace.
# help: --deep: more threads and longer operations, for hours, or for SECONDS; goes on
# help: where the last one stopped. --mutant: with something left out on purpose, so that
# help: something must be found; "list" tries and lists all of them. --replay: one order
# help: again, as it was printed where something was found, step by step. --family: snapshots,
# help: clones and the live disk on one device; also scenarios at random, by their number.

crash_deep=
crash_secs=1000000000
crash_prog=interleave
crash_mutants=
crash_args=
while [ $# -gt 0 ]; do
	case $1 in
	--deep)
		crash_deep=yes
		case ${2:-} in
		'') ;;
		*[!0-9]*)
			die "--deep needs a number of seconds, or nothing" "./run crash --deep 3600"
			;;
		*)
			crash_secs=$2
			shift
			;;
		esac
		shift
		;;
	--family)
		crash_prog=family
		shift
		;;
	--random)
		case ${2:-} in
		'' | *[!0-9]*)
			die "--random needs a number that ./run crash --family prints" "./run crash --family --random 7"
			;;
		esac
		crash_args="$crash_args $1 $2"
		shift 2
		;;
	--mutant | --replay)
		case ${2:-} in
		'' | *[!a-zA-Z0-9_:.,/-]*)
			die "$1 needs a word that ./run crash prints" "./run crash --mutant list"
			;;
		esac
		[ "$1" = --replay ] || crash_mutants=-mutants
		[ "$2" = list ] || crash_args="$crash_args $1 $2"
		shift 2
		;;
	*) die "unknown option '$1'" "./run crash --help" ;;
	esac
done
case $crash_prog:$crash_args in
interleave:*--random*) die "--random is of --family" "./run crash --family --random 7" ;;
esac
crash_prog=$crash_prog$crash_mutants

lock cache
deps
unlock
crash_dir=$KP_CACHE/crash
step "Building" "$KP_CACHE/log/crash.log" \
	make -C "$KP_DIR/map" O="$crash_dir/build" "$crash_dir/build/$crash_prog" ||
	die "it does not compile" "see $KP_CACHE/log/crash.log"
if [ -n "$crash_deep" ] && [ "$crash_prog" = family ]; then
	crash_args="--deep $crash_secs"
elif [ -n "$crash_deep" ]; then
	lock crash
	# another program begins at the beginning
	crash_sum=$(cksum <"$crash_dir/build/interleave" | tr ' ' -)
	crash_args="--deep $crash_dir/$crash_sum.state $crash_secs"
	say "where it stops will be kept in $crash_dir/$crash_sum.state"
fi
# shellcheck disable=SC2086
exec "$crash_dir/build/$crash_prog" $crash_args

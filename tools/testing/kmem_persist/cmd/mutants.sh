# SPDX-License-Identifier: GPL-2.0
# usage: mutants [N] [--file F]... [--kind K] [--stores] [--guest] [--seed S] [--seconds S] [--quick S] [--again] [--list | --report]
# usage: mutants NAME...
# help: Can the tests fail? One small mistake at a time is made in a copy of the driver or
# help: of kmem-persist, out of the source and not chosen: a condition is the other way
# help: round, a constant one larger, an error success, a call left out. Then the tests
# help: run that claim the file (tools/testing/kmem_persist/mutants/claims), until one
# help: fails. Tries N (20) of a fixed sample, or those that are named, or all of --file
# help: or --stores if there is no N. Says what survived, and fails if that is not in
# help: mutants/equivalent. What was found is kept: a run goes on where the last one stopped.
# help:   --file F     of this file, or folder (tools/dax); repeatable
# help:   --kind K     negate, operator, count, return, drop or swap
# help:   --stores     all that writes to a device, or orders what was written
# help:   --guest      those that only a guest can tell, too: minutes for each
# help:   --seed S     another sample (1)
# help:   --seconds S  for so long
# help:   --quick S    S seconds for a program: what is not known then is left for another run
# help:   --again      nothing is known
# help:   --list       which ones they would be
# help:   --report     what is known, and nothing is tried

mut_n=
mut_args=
mut_all=
mut_native=yes
mut_names=
while [ $# -gt 0 ]; do
	case $1 in
	--file | --kind | --seed | --seconds | --quick)
		case ${2:-} in
		'' | *[!a-zA-Z0-9_./-]*) die "$1 needs a word" "./run mutants --help" ;;
		esac
		[ "$1" != --file ] || mut_all=yes
		mut_args="$mut_args $1 $2"
		shift 2
		;;
	--stores)
		mut_all=yes
		mut_args="$mut_args $1"
		shift
		;;
	--guest)
		mut_native=
		mut_args="$mut_args $1"
		shift
		;;
	--again | --list | --report)
		mut_args="$mut_args $1"
		shift
		;;
	-*) die "unknown option '$1'" "./run mutants --help" ;;
	*[!a-zA-Z0-9_.:/-]* | '') die "there is no mutant '$1'" "./run mutants --list" ;;
	*:*)
		mut_names="$mut_names $1"
		shift
		;;
	*)
		number "$1" || die "N is a number, not '$1'" "./run mutants 20"
		mut_n=$1
		shift
		;;
	esac
done
[ -n "$mut_n" ] || [ -n "$mut_all" ] || mut_n=20
[ -z "$mut_n" ] || mut_args="$mut_args --count $mut_n"

mut_dir=$KP_CACHE/mutants
case $mut_args in
*--list* | *--report*) perl -MDigest::MD5 -e 1 2>/dev/null || deps perl ;;
*)
	lock cache
	deps
	if [ -z "$mut_native" ]; then
		source_get
		for mut_kernel in distro test; do
			kernel_build "$mut_kernel"
			initrd_build "$mut_kernel"
		done
		qemu_find
		export KP_CACHE KP_SRC KP_BASE
	fi
	unlock
	lock mutants
	;;
esac
# shellcheck disable=SC2086
exec perl "$KP_DIR/mutants/run.pl" --top "$KP_TOP" --work "$mut_dir" $mut_args $mut_names

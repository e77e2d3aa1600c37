# SPDX-License-Identifier: GPL-2.0
# usage: powercut [--kernel demo|distro|test] [--seed S] [N]
# help: Cut the power of a guest N times (48) while it writes blocks and files, discards
# help: and trims, at random moments; check every image offline, boot some. A line for each
# help: round of 48, with its seed: --seed S repeats that round, as far as a machine that
# help: is not a clockwork does the same twice. What fails is kept until the next time.

pc_kernel=demo pc_seed='' pc_n=48
while [ $# -gt 0 ]; do
	case $1 in
	--kernel | --seed)
		[ $# -ge 2 ] || die "$1 needs a value" "./run powercut --help"
		case $1 in
		--kernel) pc_kernel=$2 ;;
		--seed) pc_seed=$2 ;;
		esac
		shift 2
		;;
	-*) die "unknown option '$1'" "./run powercut --help" ;;
	*)
		number "$1" || die "not a number of cuts: '$1'" "./run powercut 100"
		pc_n=$1
		shift
		;;
	esac
done
case $pc_seed in
'') pc_seed=$(od -An -N3 -tu4 /dev/urandom | tr -d ' ') ;;
*[!0-9]*) die "not a seed: '$pc_seed'" "a number that a round was printed with" ;;
esac
kernel_flavour "$pc_kernel"
guest_prepare "$pc_kernel"
pc_dir=$KP_CACHE/powercut/$$
for d in "$KP_CACHE"/powercut/*; do
	[ -d "$d" ] && [ ! -d "/proc/${d##*/}" ] && rm -rf "$d"
done
mkdir -p "$pc_dir/cuts"
# copies: a build that starts meanwhile does not disturb this run
cp "$KP_BZIMAGE" "$pc_dir/bzImage-$pc_kernel"
cp "$KP_INITRD" "$pc_dir/initrd-$pc_kernel"
cp "$KP_INITRD-fio" "$pc_dir/initrd-$pc_kernel-fio"
KP_KERNELS=$pc_dir
T_KERNEL=$pc_kernel
export KP_KERNELS KP_BASE KP_SRC T_KERNEL
if (cd "$pc_dir/cuts" && sh "$KP_DIR/tests/powercut.sh" "$pc_n" "$pc_seed"); then
	rm -rf "$pc_dir"
else
	die "something was lost" "look at $pc_dir/cuts: images are in kept/"
fi

# SPDX-License-Identifier: GPL-2.0
# usage: kernel [demo|distro|wide|test|plain]
# help: Build a kernel of the guests and print where it is. demo: with what the demo needs,
# help: quick to build. distro: like a distribution's, with XFS, MD, DM, io_uring, tracing.
# help: wide: that with a network, btrfs and bcache, for --deep. test: with all checkers.
# help: plain: the same source without the series.

[ $# -le 1 ] || die "one kernel, not '$*'" "./run help kernel"
kernel_flavour "${1:-demo}"
lock cache
deps
source_get
kernel_build "${1:-demo}"
initrd_build "${1:-demo}"
unlock
printf '%s\n' "source:  $KP_SRC" "build:   $KP_BASE/build/${1:-demo}" \
	"bzImage: $KP_BZIMAGE" "modules: $KP_MODULES/lib/modules" "initrd:  $KP_INITRD"

# SPDX-License-Identifier: GPL-2.0
# usage: kernel [demo|test]
# help: Build the kernel of the guests (demo) and print where it is.

lock cache
deps
source_get
kernel_build "${1:-demo}"
initrd_build "${1:-demo}"
unlock
printf '%s\n' "source:  $KP_SRC" "build:   $KP_BASE/build/${1:-demo}" \
	"bzImage: $KP_BZIMAGE" "modules: $KP_MODULES/lib/modules" "initrd:  $KP_INITRD"

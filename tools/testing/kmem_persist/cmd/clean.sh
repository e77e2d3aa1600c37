# SPDX-License-Identifier: GPL-2.0
# usage: clean [all]
# help: Remove what was built. The downloads and the compiler's cache stay, so that
# help: the next build is quick; with "all" they go too.

lock cache
case ${1:-} in
'') rm -rf "$KP_CACHE"/linux-* "$KP_CACHE/guest" "$KP_CACHE/log" "$KP_CACHE"/kvm-* "$KP_CACHE/demo" "$KP_CACHE/test" "$KP_CACHE/powercut" "$KP_CACHE/fuzz/build" "$KP_CACHE/crash/build" ;;
all)
	# only what ./run has made: the folder may be somebody's own
	for d in apt ccache crash demo dl fuzz guest log powercut qemu test; do
		rm -rf "${KP_CACHE:?}/$d"
	done
	rm -rf "$KP_CACHE"/linux-* "$KP_CACHE"/kvm-* "$KP_CACHE/qemu.failed" "$KP_CACHE/shell.nvdimm"
	;;
*) die "clean what?" "./run clean, or ./run clean all" ;;
esac
say "cleaned $KP_CACHE"

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# guest.sh build FLAVOUR        modules of the copy of the checkout, for the kernel of that
#                               flavour that is there, and a root for guests in which they are
# guest.sh run FLAVOUR TEST     a test with these
# For run.pl, with what cmd/mutants.sh exports. KP_TOP and KP_DIR are the copy, O is where
# things are built. A kernel without checkers takes a tenth of the time, and most of what is
# wrong is noticed there, too.
set -eu

gst_kernel=$2
gst_dir=$O/modules-$gst_kernel
gst_guest=$O/guest-$gst_kernel
gst_of=$KP_BASE/build/$gst_kernel
gst_initrd=$KP_CACHE/guest/initrd-$gst_kernel

gst_build() {
	. "$KP_DIR/lib/kernel.sh"
	mkdir -p "$gst_dir/blk" "$gst_dir/map" "$gst_dir/tests" "$gst_guest"
	for gst_f in "$KP_TOP"/drivers/dax/persist/*.[ch] "$KP_TOP"/drivers/dax/persist/*/*.[ch]; do
		gst_to=$gst_dir/${gst_f#"$KP_TOP/drivers/dax/persist/"}
		cmp -s "$gst_f" "$gst_to" || cp "$gst_f" "$gst_to"
	done
	cat >"$gst_dir/Kbuild.new" <<-END
		include $KP_SRC/drivers/dax/persist/Makefile
		obj-y :=
		obj-m := kmem_persist.o kmem_blk.o
		ccflags-y += -I$KP_SRC/drivers/dax/persist -I$KP_SRC/drivers/dax/persist/blk
	END
	cmp -s "$gst_dir/Kbuild.new" "$gst_dir/Kbuild" || cp "$gst_dir/Kbuild.new" "$gst_dir/Kbuild"
	kernel_make O="$gst_of" M="$gst_dir" modules || exit 1
	gst_at=$(cd "$gst_of/root" && find lib/modules -name kmem_blk.ko)
	gst_at=${gst_at%/*}
	rm -rf "$gst_guest/root"
	mkdir -p "$gst_guest/root/usr/$gst_at"
	for gst_f in kmem_persist kmem_blk; do
		strip -g -o "$gst_guest/root/usr/$gst_at/$gst_f.ko" "$gst_dir/$gst_f.ko"
	done
	(cd "$gst_guest/root" && find . -type f | cpio -o -H newc -R 0:0 --quiet) |
		lz4 -l -1 -q - "$gst_guest/more" -f
	for gst_f in '' -fio; do
		cat "$gst_initrd$gst_f" "$gst_guest/more" >"$gst_guest/initrd-$gst_kernel$gst_f"
	done
	ln -sf "$gst_of/arch/x86/boot/bzImage" "$gst_guest/bzImage-$gst_kernel"
}

case $1 in
build) gst_build ;;
run)
	KP_KERNELS=$gst_guest T_KERNEL=$gst_kernel
	# with all checkers, that of leaks, too
	KP_NAMED=
	[ "$gst_kernel" != test ] || KP_NAMED=yes
	KP_JOBS=1 KP_DEEP='' KP_SAMPLE=${KP_SAMPLE:-0} KMEM_CACHE=$KP_CACHE
	export KP_KERNELS T_KERNEL KP_NAMED KP_JOBS KP_DEEP KP_SAMPLE KMEM_CACHE
	# what a guest says is known at once here, and not when it has ended
	rm -f status
	{
		gst_rc=0
		sh "$KP_DIR/tests/$3.sh" || gst_rc=$?
		echo "$gst_rc" >status
	} &
	until [ -s status ]; do
		! grep -hm 1 '^not ok ' ./*.out 2>/dev/null || exit 1
		sleep 0.5
	done
	exit "$(cat status)"
	;;
esac

# SPDX-License-Identifier: GPL-2.0
# The guests' root: programs of the host with their libraries, the modules of
# the kernel, guest/. One archive per kernel flavour, rebuilt when any changes; and
# another one that has fio, too, and what only people use: two thirds of all are libraries
# of fio's. To unpack a MiB takes an emulated machine 50 ms, and most do without.

# programs that a guest must have, and those that are taken along if present
INITRD_PROGS='bash blkid busybox blkdiscard blockdev chmod chrt cmp cp cryptsetup date dd dmesg
	daxctl df diff dmsetup du dumpe2fs e2fsck env fallocate find findmnt
	fio flock fstrim id jq kmod ln losetup ls lsblk mke2fs
	mkfs.xfs mknod mkswap mktemp mount mv ndctl nice nproc numactl od
	partx prlimit realpath resize2fs seq setsid
	sfdisk sha256sum sleep stat stty swapoff swapon sync tar
	taskset tee timeout truncate tune2fs udevadm umount uname
	unshare wipefs xargs xfs_repair'
INITRD_EXTRA='awk badblocks btt-check cxl debugfs e2image filefrag fsck.ext4
	lvm md5sum mdadm migratepages numastat script stress-ng strace xfs_db
	xfs_io'
# only in the archive that has fio
INITRD_FIO='fio mkfs.xfs strace stress-ng xfs_db xfs_io xfs_repair'
# what scripts start again and again is of busybox, too: it has no libraries to load
INITRD_APPLETS='[ acpid arch ash awk basename cat chown chroot clear comm cut dirname
	echo egrep expr false fgrep free getty grep halt head hexdump hostname insmod
	kill killall less lsof mkdir mountpoint more nc patch pgrep pidof pkill
	poweroff printf ps pwd readlink reboot rev rm rmdir sed sh sort strings
	sysctl tail test time top touch tr true tty umask unxz usleep vi watch wc
	which who xxd yes zcat'

# initrd_which NAME: the path of a program
initrd_which() {
	command -v "$1" 2>/dev/null | grep '^/' || :
}

# initrd_paths: the programs to copy
initrd_paths() {
	for ini_p in $INITRD_PROGS; do
		ini_path=$(initrd_which "$ini_p")
		[ -n "$ini_path" ] || die "the program $ini_p is missing" "./run deps"
		printf '%s\n' "$ini_path"
	done
	for ini_p in $INITRD_EXTRA; do
		initrd_which "$ini_p"
	done
}

# initrd_libs: the libraries of these programs
initrd_libs() {
	while IFS= read -r ini_f; do
		ldd "$ini_f" 2>/dev/null || :
	done | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | sort -u
}

# initrd_base DIR: programs and libraries; DIR.fio lists those of INITRD_FIO alone
initrd_base() {
	rm -rf "$1"
	mkdir -p "$1/usr/bin" "$1/usr/sbin" "$1/usr/lib" "$1/usr/lib64" \
		"$1/dev" "$1/proc" "$1/sys" "$1/run" "$1/tmp" "$1/etc" "$1/root" \
		"$1/mnt" "$1/share" "$1/ctl"
	for ini_d in bin sbin lib lib64; do
		ln -s "usr/$ini_d" "$1/$ini_d"
	done
	for ini_f in $(initrd_paths); do
		ini_to=$1/usr/$(basename "$(dirname "$ini_f")")/$(basename "$ini_f")
		mkdir -p "$(dirname "$ini_to")"
		cp -L "$ini_f" "$ini_to"
	done
	# each library under the path by which the loader asks for it
	initrd_paths | initrd_libs >"$1.libs"
	# shellcheck disable=SC2086 # one word each
	ini_fio="/($(echo $INITRD_FIO | tr ' ' '|'))\$"
	initrd_paths | grep -vE "$ini_fio" | initrd_libs >"$1.most"
	comm -23 "$1.libs" "$1.most" | sed 's,^/,./,' >"$1.fio"
	(cd "$1" && find . -type f | grep -E "$ini_fio") >>"$1.fio"
	while IFS= read -r ini_f; do
		mkdir -p "$1$(dirname "$ini_f")"
		[ -e "$1$ini_f" ] || cp -L "$ini_f" "$1$ini_f"
	done <"$1.libs"
	for ini_f in e2fsck mke2fs; do
		ln -sf "$ini_f" "$1/usr/sbin/${ini_f%2*}.ext4.tmp"
	done
	mv "$1/usr/sbin/e.ext4.tmp" "$1/usr/sbin/fsck.ext4"
	mv "$1/usr/sbin/mke.ext4.tmp" "$1/usr/sbin/mkfs.ext4"
	for ini_f in modprobe rmmod insmod lsmod modinfo depmod; do
		ln -sf ../bin/kmod "$1/usr/sbin/$ini_f"
	done
	for ini_f in $INITRD_APPLETS; do
		[ -e "$1/usr/bin/$ini_f" ] || [ -e "$1/usr/sbin/$ini_f" ] ||
			ln -s busybox "$1/usr/bin/$ini_f"
	done
	printf 'root:x:0:0:root:/root:/bin/bash\n' >"$1/etc/passwd"
	printf 'root:x:0:\n' >"$1/etc/group"
	ln -s /proc/self/mounts "$1/etc/mtab"
	[ ! -f /etc/mke2fs.conf ] || cp /etc/mke2fs.conf "$1/etc/"
}

# initrd_pack DIR FILE: what standard input lists
initrd_pack() {
	(
		cd "$1"
		LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet
	) | lz4 -l -1 -q - "$2.tmp" -f && mv "$2.tmp" "$2"
}

initrd_make() {
	if [ "$(cat "$KP_CACHE/guest/base.sum" 2>/dev/null)" != "$1" ]; then
		rm -f "$KP_CACHE/guest/base.sum"
		initrd_base "$KP_CACHE/guest/base" || return 1
		printf '%s\n' "$1" >"$KP_CACHE/guest/base.sum"
	fi
	ini_root=$2.root
	rm -rf "$ini_root"
	cp -a "$KP_CACHE/guest/base" "$ini_root"
	if [ -d "$KP_MODULES/lib/modules" ]; then
		cp -a "$KP_MODULES/lib/modules" "$ini_root/usr/lib/"
		rm -f "$ini_root"/usr/lib/modules/*/build "$ini_root"/usr/lib/modules/*/source
	fi
	if [ -f "$KP_MODULES/../kmem-off/kmem.ko" ]; then
		mkdir -p "$ini_root/usr/lib/kmem-off"
		cp "$KP_MODULES"/../kmem-off/*.ko "$ini_root/usr/lib/kmem-off/"
	fi
	mkdir -p "$ini_root/usr/lib/guest"
	cp "$KP_DIR"/guest/*.sh "$KP_DIR"/guest/*.service "$KP_DIR/guest/bashrc" "$ini_root/usr/lib/guest/"
	# what is started often has no libraries to load, all others are smaller with them
	for ini_f in "$KP_DIR"/guest/*.c; do
		ini_name=$(basename "$ini_f" .c)
		case $ini_name in
		kmemio | ramfill) ini_static=-static ;;
		*) ini_static= ;;
		esac
		gcc -O2 -Wall -s $ini_static -I"$KP_TOP/include/uapi" \
			-o "$ini_root/usr/bin/$ini_name" "$ini_f" || return 1
	done
	for ini_f in $(ls "$KP_DIR"/guest/*.c | sed "s,.*/\(.*\)\.c$,$ini_root/usr/bin/\1," | initrd_libs); do
		[ -e "$ini_root$ini_f" ] || cp -L "$ini_f" "$ini_root$ini_f" || return 1
	done
	cp "$KP_DIR/guest/init" "$ini_root/init"
	chmod 755 "$ini_root/init"
	# libraries may be where /lib leads, which is a link here
	sed 's,^\./lib,./usr/lib,' "$KP_CACHE/guest/base.fio" | sort >"$2.list"
	(cd "$ini_root" && find . | LC_ALL=C.UTF-8 sort) | comm -23 - "$2.list" |
		initrd_pack "$ini_root" "$2" &&
		initrd_pack "$ini_root" "$2.more" <"$2.list" &&
		cat "$2" "$2.more" >"$2-fio" || return 1
	rm -rf "$ini_root" "$2.list" "$2.more"
}

# initrd_build FLAVOUR: bring the archive up to date. Sets KP_INITRD.
initrd_build() {
	KP_INITRD=$KP_CACHE/guest/initrd-$1
	mkdir -p "$KP_CACHE/guest"
	ini_progs=$(initrd_paths) || exit 1
	# shellcheck disable=SC2086
	ini_base=$({
		cat "$KP_DIR/lib/initramfs.sh"
		stat -L -c '%n %s %Y' $ini_progs
	} | cksum)
	ini_sum=$({
		printf '%s %s\n' "$ini_base" "$KP_MODULES"
		cat "$KP_MODULES/../.built" "$KP_DIR"/guest/*
	} | cksum)
	if [ -f "$KP_INITRD" ] && [ "$(cat "$KP_INITRD.sum" 2>/dev/null)" = "$ini_sum" ]; then
		return 0
	fi
	step "Packing the guest's root ($1)" "$KP_CACHE/log/initrd.log" \
		initrd_make "$ini_base" "$KP_INITRD" ||
		die "cannot make the guest's root" "see $KP_CACHE/log/initrd.log"
	printf '%s\n' "$ini_sum" >"$KP_INITRD.sum"
}

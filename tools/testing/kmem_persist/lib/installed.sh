# SPDX-License-Identifier: GPL-2.0
# Whole systems, see root.sh, in which packages are installed as a user would do it: with apt,
# and an initramfs that its own tools make. They boot as they are, with nothing of
# guest/init; what ./run guest needs is in the image.

# installed_fetch SUITE: what an initramfs is made with, and what it needs that the system
# lacks, once for each that is made
installed_fetch() {
	inf_to=$KP_CACHE/root/$1.debs
	# shellcheck disable=SC3013 # dash and busybox have it
	[ ! "$inf_to/complete" -nt "$KP_CACHE/root/$1.ext4" ] || return 0
	rm -rf "$inf_to"
	mkdir -p "$inf_to/partial"
	apt_suite "$1" &&
		apt_in "$1" apt-get -y --no-install-recommends --download-only \
			-o Dir::State::status="$KP_CACHE/root/$1/var/lib/dpkg/status" \
			-o Dir::Cache::archives="$inf_to" install initramfs-tools lz4 &&
		: >"$inf_to/complete"
}

# installed_run DIR COMMAND...: in the system there, which is that of no machine: no service
# is started, and what is mounted goes with it
installed_run() {
	inr_dir=$1
	shift
	# shellcheck disable=SC2016 # for the shell inside
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		unshare -m -p -f --propagation private sh -c '
		mount -t proc proc "$0/proc" && mount -t sysfs -o ro sys "$0/sys" &&
		mount -t tmpfs tmp "$0/tmp" && exec chroot "$0" "$@"' "$inr_dir" "$@"
}

# installed_apt DIR DEB...: of these files, without a network
installed_apt() {
	ina_dir=$1
	shift
	mkdir -p "$ina_dir/var/tmp/debs" && cp "$@" "$ina_dir/var/tmp/debs/" &&
		installed_run "$ina_dir" sh -c \
			'apt-get -q -y --no-install-recommends install /var/tmp/debs/*.deb' &&
		rm -rf "$ina_dir/var/tmp/debs"
}

# installed_guest DIR: what a guest needs
installed_guest() {
	mkdir -p "$1/usr/lib/guest/bin" "$1/ctl" "$1/share" "$1/etc/systemd/system/multi-user.target.wants" &&
		cp "$KP_DIR"/guest/*.sh "$1/usr/lib/guest/" || return
	for ing_f in kmemio ramfill; do
		gcc -O2 -s -static -I"$KP_TOP/include/uapi" -o "$1/usr/lib/guest/bin/$ing_f" \
			"$KP_DIR/guest/$ing_f.c" || return
	done
	{
		cat "$KP_DIR/guest/guest.service"
		echo ExecStartPre=modprobe 9pnet_virtio
		for ing_f in ctl share; do
			echo "ExecStartPre=mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 $ing_f /$ing_f"
		done
	} >"$1/etc/systemd/system/guest.service" &&
		ln -s ../guest.service "$1/etc/systemd/system/multi-user.target.wants/" &&
		sed 's,system.sh,& emergency,; /^After/d; /^Requires/d; s/ emergency.target//' \
			"$1/etc/systemd/system/guest.service" >"$1/etc/systemd/system/emergency.service" &&
		for ing_f in serial-getty@ getty@ rescue; do
			ln -s /dev/null "$1/etc/systemd/system/$ing_f.service" || return
		done
}

# installed SUITE NAME DEB...: a system with these packages in NAME.dir, see installed_image
installed() {
	ins_suite=$1 ins_to=$2
	shift 2
	installed_fetch "$ins_suite" || return
	rm -rf "$ins_to.dir"
	cp -a "$KP_CACHE/root/$ins_suite" "$ins_to.dir" &&
		installed_apt "$ins_to.dir" "$KP_CACHE/root/$ins_suite.debs"/*.deb &&
		echo COMPRESS=lz4 >"$ins_to.dir/etc/initramfs-tools/conf.d/fast" &&
		installed_apt "$ins_to.dir" "$@" &&
		installed_guest "$ins_to.dir" &&
		installed_image "$ins_to.dir" "$ins_to"
}

# installed_image DIR NAME: the image NAME of that system, its kernel and initramfs in
# NAME.vmlinuz and NAME.initrd
installed_image() {
	cp "$1"/boot/vmlinuz-* "$2.vmlinuz" && cp "$1"/boot/initrd.img-* "$2.initrd" &&
		rm -f "$2" && truncate -s 1500M "$2" &&
		mke2fs -q -F -t ext4 -m 0 -J size=4 -E root_owner=0:0,lazy_itable_init=1 \
			-L system -d "$1" "$2"
}

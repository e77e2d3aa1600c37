# SPDX-License-Identifier: GPL-2.0
# Whole systems for guests: Debian as debootstrap makes it, with systemd, udev and the stock
# tools. A folder in the cache for each release, made once, and an image of it, of which each
# test has copies. Nothing of the tests is in there: a guest that boots one brings the
# modules of its kernel and the rest with it, see guest/init.

# What a system has besides what Debian calls required. No kernel, no network.
KP_ROOT_PKGS='daxctl dbus e2fsprogs kmod ndctl systemd systemd-sysv udev'
# Without recommended packages, but for dbus, which logind does not start without.
KP_ROOT_SUITES='bookworm trixie'

# root_can: may this user make one? Its files have owners, and programs of it are run.
root_can() {
	[ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null
}

# root_suite WORD: is it a release that is known?
root_suite() {
	case " $KP_ROOT_SUITES " in
	*" $1 "*) ;;
	*) die "there is no system '$1'" "use $(echo "$KP_ROOT_SUITES" | sed 's/ / or /g')" ;;
	esac
}

# root_debootstrap SUITE: the program, from the release that it makes; not installed
root_debootstrap() {
	[ ! -x "$KP_CACHE/root/debootstrap/usr/sbin/debootstrap" ] || return 0
	rm -rf "$KP_CACHE/root/debootstrap" "$KP_CACHE/root/debootstrap.new"
	mkdir -p "$KP_CACHE/root/debootstrap.new" &&
		apt_suite "$1" &&
		apt_fetch "$1" "$KP_CACHE/root/debootstrap.new" debootstrap &&
		dpkg-deb -x "$KP_CACHE/root/debootstrap.new"/debootstrap_*.deb \
			"$KP_CACHE/root/debootstrap.new" &&
		mv "$KP_CACHE/root/debootstrap.new" "$KP_CACHE/root/debootstrap"
}

# root_bootstrap SUITE: what it mounts is seen by nobody else and goes with it; and it
# starts no services
root_bootstrap() {
	root_debootstrap "$1" || return
	boo_dir=$KP_CACHE/root/$1.new
	rm -rf "$boo_dir"
	mkdir -p "$boo_dir/etc/dpkg/dpkg.cfg.d" "$boo_dir/usr/sbin"
	# it is made again if the power fails
	echo force-unsafe-io >"$boo_dir/etc/dpkg/dpkg.cfg.d/unsafe-io"
	# its wget does not know how apt gets to the mirror
	eval "$(apt-config shell boo_proxy Acquire::http::Proxy 2>/dev/null || :)"
	env -u TMPDIR DEBIAN_FRONTEND=noninteractive ${boo_proxy:+http_proxy="$boo_proxy"} \
		DEBOOTSTRAP_DIR="$KP_CACHE/root/debootstrap/usr/share/debootstrap" \
		unshare -m --propagation private sh "$KP_CACHE/root/debootstrap/usr/sbin/debootstrap" \
		--variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
		--include="$(echo "$KP_ROOT_PKGS" | tr ' ' ,)" "$1" "$boo_dir" "$(apt_mirror)" || return
	rm -rf "$boo_dir"/var/cache/apt/archives/*.deb "$boo_dir"/var/lib/apt/lists/*_*
	# names of this machine
	echo guest >"$boo_dir/etc/hostname"
	rm -f "$boo_dir/etc/resolv.conf"
	: >"$boo_dir/etc/fstab"
	# they fail where no module has anything to say
	rm -f "$boo_dir"/etc/systemd/system/*.wants/ndctl-monitor.service \
		"$boo_dir"/etc/systemd/system/*.wants/cxl-monitor.service
	mv "$boo_dir" "$KP_CACHE/root/$1"
}

# root_image SUITE: an ext4 of it, without mounting anything
root_image() {
	rm -f "$KP_CACHE/root/$1.ext4"
	truncate -s 1G "$KP_CACHE/root/$1.tmp" &&
		mke2fs -q -F -t ext4 -m 0 -J size=4 -E root_owner=0:0,lazy_itable_init=1 \
			-L system -d "$KP_CACHE/root/$1" "$KP_CACHE/root/$1.tmp" &&
		mv "$KP_CACHE/root/$1.tmp" "$KP_CACHE/root/$1.ext4"
}

# root_build SUITE: bring the image up to date. Sets KP_ROOT.
root_build() {
	root_suite "$1"
	KP_ROOT=$KP_CACHE/root/$1.ext4
	roo_sum=$(cksum <"$KP_DIR/lib/root.sh")
	[ ! -f "$KP_ROOT" ] || [ "$(cat "$KP_ROOT.sum" 2>/dev/null)" != "$roo_sum" ] || return 0
	root_can || die "a system for guests can only be made by root" "sudo ./run ..."
	need_space "$KP_CACHE" 1500 "a system for guests"
	rm -rf "$KP_ROOT.sum" "${KP_CACHE:?}/root/$1" "$KP_CACHE/root/$1.new" "$KP_CACHE/root/$1.tmp"
	step_of=0
	step "Making a Debian ($1) for guests" "$KP_CACHE/log/root-$1.log" root_bootstrap "$1" ||
		apt_failed "$KP_CACHE/log/root-$1.log" "cannot make a Debian ($1)"
	step "Packing it" "$KP_CACHE/log/root-$1.log" root_image "$1" ||
		die "cannot make an image of $KP_CACHE/root/$1" "see $KP_CACHE/log/root-$1.log"
	printf '%s\n' "$roo_sum" >"$KP_ROOT.sum"
}

# SPDX-License-Identifier: GPL-2.0
# The packages of the host that ./run uses, installed when they are missing.

KP_PKGS_BUILD='bc bison ccache cpio debian-archive-keyring flex gcc kmod
	libc6-dev libelf-dev libssl-dev lz4 make patch perl rsync xz-utils'
KP_PKGS_GUEST='bash busybox-static coreutils daxctl dmsetup e2fsprogs fdisk fio jq mount
	ndctl numactl qemu-system-x86 tar udev util-linux xfsprogs'

# deps_system: is this a system that ./run knows?
deps_system() {
	[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
		die "unsupported system: $(uname -s) on $(uname -m)" \
			"use Debian 12, Debian 13 or Ubuntu on x86-64 (a container will do)"
	if ! have apt-get || ! have dpkg-query; then
		die "unsupported system: there is no apt here" \
			"use Debian 12, Debian 13 or Ubuntu on x86-64 (a container will do)" \
			"or install the programs by hand and set KMEM_DEPS=no"
	fi
}

# deps_missing: the wanted packages that are not installed
deps_missing() {
	for deps_p in $KP_PKGS_BUILD $KP_PKGS_GUEST; do
		# shellcheck disable=SC2016 # dpkg expands it
		case $(dpkg-query -W -f '${db:Status-Status}' "$deps_p" 2>/dev/null) in
		installed) ;;
		*) printf '%s ' "$deps_p" ;;
		esac
	done
}

# deps_root COMMAND...: as root
deps_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

deps_apt() {
	deps_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=300 "$@"
}

# deps: install what is missing
deps() {
	[ "${KMEM_DEPS:-yes}" != no ] || return 0
	deps_system
	deps_list=$(deps_missing)
	[ -n "$deps_list" ] || return 0
	if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
		die "not root, and these packages are missing: $deps_list" \
			"sudo apt-get install --no-install-recommends $deps_list"
	fi
	deps_log=$KP_CACHE/log/deps.log
	mkdir -p "$KP_CACHE/log" || die "cannot write to $KP_CACHE" \
		"set KMEM_CACHE to a folder that you may write"
	# the lists may be missing (a bare image) or old (files that are gone)
	# shellcheck disable=SC2086
	step "Installing $deps_list" "$deps_log" \
		deps_apt install --no-install-recommends $deps_list ||
		{ step "Updating the lists of packages" "$deps_log" deps_apt update &&
			step "Installing $deps_list" "$deps_log" \
				deps_apt install --no-install-recommends $deps_list; } ||
		apt_failed "$deps_log" "cannot install $deps_list"
	deps_list=$(deps_missing)
	[ -z "$deps_list" ] || die "still missing: $deps_list" "see $deps_log"
}

# SPDX-License-Identifier: GPL-2.0
# The packages of the host that ./run uses, installed when they are missing.

KP_PKGS_BUILD='bc bison ccache cpio debian-archive-keyring flex gcc kmod
	libc6-dev libelf-dev libssl-dev lz4 make patch perl rsync xz-utils'
KP_PKGS_GUEST='bash busybox-static coreutils cryptsetup-bin daxctl dmsetup e2fsprogs fdisk fio jq mount
	ndctl numactl qemu-system-x86 tar udev util-linux xfsprogs'
# What builds the fuzz targets; only for who asks.
KP_PKGS_FUZZ=
# What reads scripts; only for ./run lint.
KP_PKGS_LINT=
# What compiles for arm64; only for ./run series --check.
KP_PKGS_ARM64=
# What makes packages; only for who asks.
KP_PKGS_PACKAGE=
# What makes mails; only for who asks.
KP_PKGS_MAILS=
# What signs and compresses kernels as a distribution does; only for who asks.
KP_PKGS_KERNELS=
# What makes whole systems; only for who asks.
KP_PKGS_ROOT=
# What people put on disks, for tests of that; never installed, see deps_among.
KP_PKGS_AMONG='bcache-tools btrfs-progs f2fs-tools lvm2 mdadm multipath-tools nvme-cli
	thin-provisioning-tools'

# fuzz_works: can fuzz targets be built?
fuzz_works() {
	have clang || return 1
	fuzz_tmp=$(mktemp -d) || return 1
	fuzz_rc=0
	echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return n && !p; }' |
		clang -fsanitize=fuzzer,address,undefined -x c -o "$fuzz_tmp/a" - \
			>/dev/null 2>&1 || fuzz_rc=1
	rm -rf "$fuzz_tmp"
	return $fuzz_rc
}

# deps_fuzz: clang, and its runtime where that is a package of its own
deps_fuzz() {
	! fuzz_works || return 0
	apt-cache show clang >/dev/null 2>&1 ||
		step "Updating the lists of packages" "$KP_CACHE/log/deps.log" deps_apt update || :
	KP_PKGS_FUZZ=clang
	! apt-cache show libclang-rt-dev >/dev/null 2>&1 ||
		KP_PKGS_FUZZ="$KP_PKGS_FUZZ libclang-rt-dev"
}

# deps_among_list: these packages and what they need, as far as it is not installed
deps_among_list() {
	# shellcheck disable=SC2086
	apt-get -q -s install --no-install-recommends $KP_PKGS_AMONG |
		sed -n 's/^Inst \([^ ]*\) .*/\1/p'
}

deps_among_get() {
	rm -rf "$KP_CACHE/among"
	mkdir -p "$KP_CACHE/among/deb" "$KP_CACHE/among/root"
	deps_among_list >"$KP_CACHE/among/list"
	[ -s "$KP_CACHE/among/list" ] || {
		deps_apt update && deps_among_list >"$KP_CACHE/among/list"
	} || return 1
	# shellcheck disable=SC2046
	(cd "$KP_CACHE/among/deb" && apt-get -q download $(cat ../list)) || return 1
	for dea_deb in "$KP_CACHE"/among/deb/*.deb; do
		[ ! -f "$dea_deb" ] || dpkg-deb -x "$dea_deb" "$KP_CACHE/among/root" || return 1
	done
	rm -rf "$KP_CACHE/among/deb"
	printf '%s\n' "$KP_PKGS_AMONG" >"$KP_CACHE/among/all"
}

# deps_among: unpacked in the cache. Installed, they would start daemons, and take the disks
# of a machine on which only tests are run.
deps_among() {
	[ "$(cat "$KP_CACHE/among/all" 2>/dev/null)" != "$KP_PKGS_AMONG" ] || return 0
	cache_open
	step "Getting what people put on disks (4 MB)" "$KP_CACHE/log/among.log" deps_among_get ||
		apt_failed "$KP_CACHE/log/among.log" "cannot get $KP_PKGS_AMONG"
}

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
	for deps_p in $KP_PKGS_BUILD $KP_PKGS_GUEST $KP_PKGS_FUZZ $KP_PKGS_LINT \
		$KP_PKGS_ARM64 $KP_PKGS_MAILS $KP_PKGS_PACKAGE $KP_PKGS_KERNELS $KP_PKGS_ROOT; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$deps_p" 2>/dev/null) in
		installed) ;;
		*) printf '%s\n' "$deps_p" ;;
		esac
	done | tr '\n' ' ' | sed 's/ $//'
}

# deps_known PACKAGE...: does apt have lists, and are they in it?
deps_known() {
	apt-cache show --no-all-versions "$@" >/dev/null 2>&1
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

# deps [WORD...]: install what is missing; fuzz: for the fuzz targets, too; lint: for
# ./run lint; arm64: the cross compiler; mails: git, for a test of the series; package: for
# packages; kernels: for packages of kernels; root: for whole systems; among: get what people
# put on disks, too; apply, perl, series: only what patches, runs a script, or makes mails of
# an unpacked source
deps() {
	[ "${KMEM_DEPS:-yes}" != no ] || return 0
	deps_system
	for deps_word; do
		case $deps_word in
		apply) KP_PKGS_BUILD=patch KP_PKGS_GUEST= ;;
		perl) KP_PKGS_BUILD=perl KP_PKGS_GUEST= ;;
		series) KP_PKGS_BUILD='git patch perl xz-utils' KP_PKGS_GUEST= ;;
		fuzz) deps_fuzz ;;
		lint) KP_PKGS_LINT=shellcheck ;;
		arm64) KP_PKGS_ARM64=gcc-aarch64-linux-gnu ;;
		mails) KP_PKGS_MAILS=git ;;
		package) KP_PKGS_PACKAGE='build-essential debhelper dpkg-dev' ;;
		kernels) KP_PKGS_KERNELS='openssl zstd' ;;
		among) deps_among ;;
		root) KP_PKGS_ROOT=wget ;;
		esac
	done
	deps_list=$(deps_missing)
	[ -n "$deps_list" ] || return 0
	if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
		die "not root, and these packages are missing: $deps_list" \
			"sudo apt-get install --no-install-recommends $deps_list"
	fi
	deps_log=$KP_CACHE/log/deps.log
	cache_open
	# the lists may be missing (a bare image) or old (files that are gone)
	# shellcheck disable=SC2086
	{ deps_known $deps_list && step "Installing $deps_list" "$deps_log" \
		deps_apt install --no-install-recommends $deps_list; } ||
		{ step "Updating the lists of packages" "$deps_log" deps_apt update &&
			step "Installing $deps_list" "$deps_log" \
				deps_apt install --no-install-recommends $deps_list; } ||
		apt_failed "$deps_log" "cannot install $deps_list"
	deps_list=$(deps_missing)
	[ -z "$deps_list" ] || die "still missing: $deps_list" "see $deps_log"
}

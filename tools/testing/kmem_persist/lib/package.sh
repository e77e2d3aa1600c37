# SPDX-License-Identifier: GPL-2.0
# Debian packages: of kmem-persist, and of kernels with the series.

# package_date: what all files in a package have: the date of the last entry of its changelog
package_date() {
	date -u -d "$(dpkg-parsechangelog -l "$KP_TOP/tools/dax/kmem-persist/debian/changelog" -S Date)" +%s
}

# package_source DIR: the program's source as a tree of its own in DIR, with what it takes
# from the driver in the same places as in a kernel tree, and debian/ where Debian wants it
package_source() {
	series_files | grep -E '^(tools/dax/kmem-persist|drivers/dax/persist|include/uapi)/|^drivers/dax/kmem_persist\.h$' |
		while IFS= read -r pac_f; do
			case $pac_f in
			*.patch | */.*) continue ;;
			tools/dax/kmem-persist/debian/*) pac_to=${pac_f#tools/dax/kmem-persist/} ;;
			*) pac_to=$pac_f ;;
			esac
			mkdir -p "$1/$(dirname "$pac_to")" &&
				cp -p "$KP_TOP/$pac_f" "$1/$pac_to" || return 1
		done
}

# package_tool DIR TO: its packages into TO. DIR is empty, and a place to work in.
package_tool() {
	pac_deb=$KP_TOP/tools/dax/kmem-persist/debian
	pac_version=$(dpkg-parsechangelog -l "$pac_deb/changelog" -S Version) || return
	pac_up=${pac_version%-*}
	[ "$(sed -n 's/^VERSION := //p' "$pac_deb/../Makefile")" = "$pac_up" ] || {
		echo "error: debian/changelog and Makefile have different versions"
		return 1
	}
	pac_src=$1/kmem-persist-$pac_up
	package_source "$pac_src" || return
	# the same files make the same archive, whoever made it, and when
	tar -C "$1" --sort=name --format=gnu --mtime="@$(package_date)" --owner=0 --group=0 --numeric-owner \
		--mode=u+rw,go+r-w,a+X --exclude=./debian -c --exclude="kmem-persist-$pac_up/debian" \
		"kmem-persist-$pac_up" | xz -6 >"$1/kmem-persist_$pac_up.orig.tar.xz" || return
	(
		cd "$pac_src" &&
			unset MAKEFLAGS MAKELEVEL TMPDIR CFLAGS CPPFLAGS LDFLAGS &&
			dpkg-buildpackage -us -uc
	) || return
	cp "$1"/kmem-persist*_"$pac_up"* "$2/"
}

# package_lintian_get: lintian and what it needs that this machine lacks, unpacked beside it
package_lintian_get() {
	pal_list=$(apt-get install -s --no-install-recommends lintian 2>/dev/null |
		awk '$1 == "Inst" { print $2 }')
	[ -n "$pal_list" ] || return
	rm -rf "$KP_CACHE/lintian"
	mkdir -p "$KP_CACHE/lintian/deb" || return
	# shellcheck disable=SC2086 # one word each
	(cd "$KP_CACHE/lintian/deb" && apt-get -q -o APT::Sandbox::User=root download $pal_list) || return
	for pal_deb in "$KP_CACHE"/lintian/deb/*.deb; do
		dpkg-deb -x "$pal_deb" "$KP_CACHE/lintian" || return
	done
	rm -rf "$KP_CACHE/lintian/deb"
	touch "$KP_CACHE/lintian/complete"
}

# package_lintian FILE: what it finds is printed; nothing is the aim
package_lintian() {
	if have lintian; then
		pal_run=lintian
	else
		pal_dir=$KP_CACHE/lintian
		pal_perl=$(perl -e 'printf "%vd", $^V' | cut -d. -f1-2)
		pal_run="env LINTIAN_BASE=$pal_dir/usr/share/lintian PATH=$pal_dir/usr/bin:$PATH
			LD_LIBRARY_PATH=$pal_dir/usr/lib/x86_64-linux-gnu
			PERL5LIB=$pal_dir/usr/share/perl5:$pal_dir/usr/lib/x86_64-linux-gnu/perl5/$pal_perl
			perl $pal_dir/usr/share/lintian/bin/lintian"
	fi
	# shellcheck disable=SC2086 # one word each
	$pal_run --allow-root --no-cfg --fail-on error,warning "$1"
}

# package_config_get: the configuration of Debian's kernel of this version. Sets
# KP_PACKAGE_CONFIG.
package_config_get() {
	pcg_dir=$KP_CACHE/dl/linux-config-$KP_LINUX
	KP_PACKAGE_CONFIG=$pcg_dir/usr/src/linux-config-$KP_LINUX/config.amd64_none_amd64.xz
	[ ! -f "$KP_PACKAGE_CONFIG" ] || return 0
	for pcg_suite in $KP_SUITES; do
		step "Getting linux-config-$KP_LINUX from $pcg_suite" "$KP_CACHE/log/config.log" \
			package_config_fetch "$pcg_suite" "$pcg_dir" || continue
		[ ! -f "$KP_PACKAGE_CONFIG" ] || return 0
	done
	apt_failed "$KP_CACHE/log/config.log" "cannot get linux-config-$KP_LINUX"
}

package_config_fetch() {
	rm -rf "$2"
	mkdir -p "$2" && apt_suite "$1" && apt_fetch "$1" "$2" "linux-config-$KP_LINUX" &&
		dpkg-deb -x "$2"/linux-config-*.deb "$2" && rm "$2"/linux-config-*.deb
}

# package_config full|small DIR: the configuration of a kernel to be packed, into DIR/.config:
# that of the distribution with what the series needs; all of it, or of the modules only what
# is loaded here, or there where KMEM_MODULES is from, and what config/package.modules lists
package_config() {
	case $KP_PACKAGE_CONFIG in
	*.xz) xz -dc "$KP_PACKAGE_CONFIG" ;;
	*.gz) gzip -dc "$KP_PACKAGE_CONFIG" ;;
	*) cat "$KP_PACKAGE_CONFIG" ;;
	esac >"$2/.config" || return
	# keys of a distribution are files that nobody else has
	package_set "$2" --set-str SYSTEM_TRUSTED_KEYS '' --set-str SYSTEM_REVOCATION_KEYS '' &&
		kernel_make O="$2" olddefconfig || return
	if [ "$1" = small ]; then
		{
			echo 'Module Size Used by'
			cat "${KMEM_MODULES:-/proc/modules}" 2>/dev/null
			sed 's/#.*//' "$KP_DIR/config/package.modules" | tr -s ' ' '\n' | sed '/^$/d; s/$/ 1 0/'
		} >"$2/loaded"
		# what it asks about is answered as by who has no opinion; and debugging takes ten
		# times the disk
		yes '' | kernel_make O="$2" LSMOD="$2/loaded" localmodconfig &&
			package_set "$2" -d DEBUG_INFO_BTF -d DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT \
				-d DEBUG_INFO_DWARF4 -d DEBUG_INFO_DWARF5 -e DEBUG_INFO_NONE || return
	fi
	package_fragment "$2/.config" >"$2/more" && cat "$2/more" >>"$2/.config" &&
		kernel_make O="$2" olddefconfig
}

# package_fragment CONFIG: what the series needs, but no module of what is built in
package_fragment() {
	awk -F = 'FNR == NR { have[$1] = $2; next }
		!($2 == "m" && have[$1] == "y")' "$1" "$KP_TOP/Kconfig.fragment"
}

package_set() {
	pas_dir=$1
	shift
	"$KP_SRC/scripts/config" --file "$pas_dir/.config" "$@"
}

# package_kernel DIR TO: make bindeb-pkg in DIR, which leaves packages beside that, and what is
# to be installed into TO: not its linux-libc-dev, which is the name of another package of
# Debian
package_kernel() {
	pak_out=$(dirname "$1")
	rm -f "$pak_out"/linux-*_*
	pak_version=$(kernel_make -s --no-print-directory O="$1" kernelversion) || return
	(
		DEB_BUILD_PROFILES=pkg.linux-upstream.nokerneldbg
		DEBFULLNAME='DAX KMEM persistent data developers'
		DEBEMAIL=nvdimm@lists.linux.dev
		export DEB_BUILD_PROFILES DEBFULLNAME DEBEMAIL
		unset DEB_BUILD_OPTIONS SOURCE_DATE_EPOCH TMPDIR
		# -d: libdw is listed, and only needed for checksums of Rust's symbols
		kernel_make O="$1" LOCALVERSION=-kmempersist KDEB_PKGVERSION="$pak_version-1" \
			KDEB_CHANGELOG_DIST=unstable KBUILD_VERBOSE=0 DPKG_FLAGS=-d bindeb-pkg
	) || return
	rm -f "$pak_out"/linux-libc-dev_*.deb
	cp "$pak_out"/linux-*.deb "$2/" && rm -f "$pak_out"/linux-*_*
}

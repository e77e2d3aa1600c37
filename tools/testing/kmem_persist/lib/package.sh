# SPDX-License-Identifier: GPL-2.0
# Debian packages of kmem-persist.

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

# SPDX-License-Identifier: GPL-2.0
# The kernel's source: Debian's package linux-source-7.3, or LINUX_SRC.

KP_LINUX=7.3
KP_SUITES='trixie-backports forky sid'

# source_is_ours DIR: is it the source tree of a Linux that the series is for?
source_is_ours() {
	[ "$(awk '$1 == "VERSION" || $1 == "PATCHLEVEL" { v = v "." $3 }
		END { print substr(v, 2) }' "$1/Makefile" 2>/dev/null)" = $KP_LINUX ] &&
		[ -f "$1/drivers/dax/kmem.c" ]
}

# source_deb: fetch the newest package, print its path
source_deb() {
	src_dl=$KP_CACHE/dl
	mkdir -p "$src_dl"
	src_deb=$(source_newest_deb)
	if [ -z "$src_deb" ]; then
		src_best='' src_from=''
		for src_suite in $KP_SUITES; do
			step "Looking for linux-source-$KP_LINUX in $src_suite" \
				"$KP_CACHE/log/apt-$src_suite.log" apt_suite "$src_suite" || {
				# one of them is enough
				say "  left out: $(sed -n 's/^[WE]: //p' "$KP_CACHE/log/apt-$src_suite.log" | head -n 1)"
				continue
			}
			src_v=$(apt_in "$src_suite" apt-cache madison "linux-source-$KP_LINUX" |
				awk '{ print $3; exit }')
			[ -n "$src_v" ] || continue
			if [ -z "$src_best" ] || dpkg --compare-versions "$src_v" gt "$src_best"; then
				src_best=$src_v src_from=$src_suite
			fi
		done
		if [ -z "$src_best" ]; then
			for src_suite in $KP_SUITES; do
				grep -q '^[WE]:' "$KP_CACHE/log/apt-$src_suite.log" || continue
				apt_failed "$KP_CACHE/log/apt-$src_suite.log" \
					"cannot get the list of Debian's $src_suite"
			done
			die "Debian's mirror has no linux-source-$KP_LINUX (looked in $KP_SUITES)" \
				"name a source tree or tarball of Linux $KP_LINUX: LINUX_SRC=PATH"
		fi
		need_space "$KP_CACHE" 3500 "the kernel's source"
		step "Downloading linux-source-$KP_LINUX $src_best (160 MB)" \
			"$KP_CACHE/log/source.log" \
			apt_fetch "$src_from" "$src_dl" "linux-source-$KP_LINUX=$src_best" ||
			apt_failed "$KP_CACHE/log/source.log" "cannot download linux-source-$KP_LINUX"
		src_deb=$(source_newest_deb)
	fi
	KP_DEB=$src_deb
}

source_newest_deb() {
	src_new=
	for src_f in "$KP_CACHE"/dl/linux-source-"$KP_LINUX"_*.deb; do
		[ -f "$src_f" ] || continue
		if [ -z "$src_new" ] || dpkg --compare-versions \
			"$(basename "$src_f" | cut -d_ -f2)" gt "$(basename "$src_new" | cut -d_ -f2)"; then
			src_new=$src_f
		fi
	done
	printf '%s\n' "$src_new"
}

source_unpack_deb() {
	dpkg-deb --fsys-tarfile "$1" |
		tar -xO "./usr/src/linux-source-$KP_LINUX.tar.xz" |
		xz -dcT0 | tar -x -C "$2" --strip-components=1
}

source_copy_tree() {
	tar -C "$1" --exclude-vcs -c . | tar -x -C "$2" &&
		make -s -C "$2" mrproper
}

# source_get: unpack the source once. Sets KP_BASE (everything that belongs to
# this source) and KP_SRC (the tree, in which the series is applied).
source_get() {
	if [ -n "${LINUX_SRC:-}" ]; then
		[ -e "$LINUX_SRC" ] || die "LINUX_SRC=$LINUX_SRC: there is no such file or folder" \
			"name a source tree or tarball of Linux $KP_LINUX"
		LINUX_SRC=$(realpath "$LINUX_SRC")
		[ ! -d "$LINUX_SRC" ] || source_is_ours "$LINUX_SRC" ||
			die "LINUX_SRC=$LINUX_SRC is not the source of Linux $KP_LINUX" \
				"name a source tree or tarball of Linux $KP_LINUX"
		src_key=local-$(printf '%s\n' "$LINUX_SRC" | cksum | cut -d' ' -f1)
	else
		source_deb
		src_key=$(basename "$KP_DEB" | cut -d_ -f2 | tr -c 'a-zA-Z0-9.\n' -)
	fi
	KP_BASE=$KP_CACHE/linux-$src_key
	KP_SRC=$KP_BASE/src
	[ ! -f "$KP_SRC/Makefile" ] || return 0

	need_space "$KP_CACHE" 3500 "the kernel's source"
	rm -rf "$KP_BASE/src.new" "$KP_BASE/orig" "$KP_BASE/applied" "$KP_BASE/plain"
	mkdir -p "$KP_BASE/src.new"
	if [ -z "${LINUX_SRC:-}" ]; then
		step "Unpacking the kernel's source" "$KP_CACHE/log/unpack.log" \
			source_unpack_deb "$KP_DEB" "$KP_BASE/src.new" || {
			rm -f "$KP_DEB"
			die "cannot unpack $KP_DEB; removed it" "run again: it is downloaded anew"
		}
	elif [ -d "$LINUX_SRC" ]; then
		step "Copying $LINUX_SRC" "$KP_CACHE/log/unpack.log" \
			source_copy_tree "$LINUX_SRC" "$KP_BASE/src.new" ||
			die "cannot copy $LINUX_SRC" "see $KP_CACHE/log/unpack.log"
	else
		step "Unpacking $LINUX_SRC" "$KP_CACHE/log/unpack.log" \
			tar -x -C "$KP_BASE/src.new" --strip-components=1 -f "$LINUX_SRC" ||
			die "cannot unpack $LINUX_SRC" "see $KP_CACHE/log/unpack.log"
	fi
	source_is_ours "$KP_BASE/src.new" ||
		die "this is not the source of Linux $KP_LINUX: ${LINUX_SRC:-$KP_DEB}" \
			"name a source tree or tarball of Linux $KP_LINUX: LINUX_SRC=PATH"
	mv "$KP_BASE/src.new" "$KP_SRC"
}

# source_plain: the same source without the series, in KP_BASE/plain. Files that the series
# does not change are links to those of KP_SRC: nobody writes into a file of either tree,
# but puts a new one in its place.
source_plain() {
	[ ! -d "$KP_BASE/plain" ] || return 0
	rm -rf "$KP_BASE/plain.new"
	touch "$KP_BASE/applied"
	cp -al "$KP_SRC" "$KP_BASE/plain.new" || return 1
	while IFS= read -r src_f; do
		rm -f "$KP_BASE/plain.new/$src_f" || return 1
		[ ! -f "$KP_BASE/orig/$src_f" ] ||
			cp "$KP_BASE/orig/$src_f" "$KP_BASE/plain.new/$src_f" || return 1
	done <"$KP_BASE/applied"
	mv "$KP_BASE/plain.new" "$KP_BASE/plain"
}

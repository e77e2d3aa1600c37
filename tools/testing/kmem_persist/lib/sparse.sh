# SPDX-License-Identifier: GPL-2.0
# sparse, which checks annotations of address spaces, endianness and locks. The
# kernel wants a newer one than stable distributions have: then it is built from
# Debian's newest source.

# sparse_good PROGRAM: does it know what the kernel needs?
sparse_good() {
	[ "$(sh "$KP_SRC/scripts/checker-valid.sh" "$1" 2>/dev/null)" = 1 ]
}

sparse_build() {
	apt_suite sid || return 1
	# shellcheck disable=SC2094 # it is read to its end before it gets longer: it is short
	sed -n 's/^deb /deb-src /p' "$KP_CACHE/apt/sid/sources.list" \
		>>"$KP_CACHE/apt/sid/sources.list"
	apt_in sid apt-get update -o APT::Update::Error-Mode=any || return 1
	rm -rf "$KP_CACHE/sparse"
	mkdir -p "$KP_CACHE/sparse/src"
	(cd "$KP_CACHE/sparse" && apt_in sid apt-get source --download-only sparse &&
		tar -xf sparse_*.orig.tar.* --strip-components=1 -C src &&
		make -C src -j"$(nproc)" sparse)
}

# sparse_get: sets KP_SPARSE
sparse_get() {
	for KP_SPARSE in sparse "$KP_CACHE/sparse/src/sparse"; do
		! sparse_good "$KP_SPARSE" || return 0
	done
	step "Building a newer sparse" "$KP_CACHE/log/sparse.log" sparse_build ||
		apt_failed "$KP_CACHE/log/sparse.log" "cannot build sparse"
	sparse_good "$KP_SPARSE" || die "the newest sparse is too old for this kernel"
}

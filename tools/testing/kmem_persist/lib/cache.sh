# SPDX-License-Identifier: GPL-2.0
# The one folder in which everything is kept. Who sets KMEM_CACHE may mistype: a folder is
# ours if it has our CACHEDIR.TAG, which is written only into a folder that is empty or
# new. Nothing is written into any other, and nothing is removed from it.

# https://bford.info/cachedir/: programs that make backups leave such a folder out
KP_TAG='Signature: 8a477f597d28d172789f06886806bc55
# Made by ./run of kmem_persist, and removed by ./run clean all.'

# What ./run makes there: what a build makes, and what is worth keeping for the next one.
# A line here for everything new, or ./run clean leaves it alone.
KP_CACHE_BUILT='crash/build demo fuzz/build guest kvm-* linux-* log mutants/build mutants/run
	mutants/tree powercut test'
KP_CACHE_KEPT='among apt bench ccache crash dl fuzz lintian mutants qemu qemu.failed root seconds
	shell.nvdimm sparse
	*.lock'

# cache_known NAME: is it the name of something that ./run makes in the folder?
cache_known() {
	set -f
	for cac_p in $KP_CACHE_BUILT $KP_CACHE_KEPT CACHEDIR.TAG; do
		# shellcheck disable=SC2254
		case $1 in
		${cac_p%%/*})
			set +f
			return 0
			;;
		esac
	done
	set +f
	return 1
}

# cache_foreign: what is in the folder and was not made by ./run, by its name
cache_foreign() {
	for cac_f in "$KP_CACHE"/* "$KP_CACHE"/.[!.]* "$KP_CACHE"/..?*; do
		[ -e "$cac_f" ] || [ -L "$cac_f" ] || continue
		cache_known "${cac_f##*/}" || printf '%s\n' "${cac_f##*/}"
	done
}

# cache_ours: is there such a folder, and may it be used?
cache_ours() {
	[ -d "$KP_CACHE" ] || return 1
	if [ -f "$KP_CACHE/CACHEDIR.TAG" ] && [ ! -L "$KP_CACHE/CACHEDIR.TAG" ]; then
		[ "$(cat "$KP_CACHE/CACHEDIR.TAG" 2>/dev/null)" = "$KP_TAG" ]
		return
	fi
	# one that was made before there was a tag
	[ -f "$KP_CACHE/cache.lock" ] && [ -d "$KP_CACHE/log" ] && [ -z "$(cache_foreign)" ]
}

cache_refused() {
	die "$KP_CACHE was not made by ./run, and is not empty: nothing is written or removed there" \
		"set KMEM_CACHE to a folder that is empty, or does not exist yet"
}

# cache_open: the folder is there, is ours, and can be written to
cache_open() {
	if ! cache_ours && [ -n "$(ls -A "$KP_CACHE" 2>/dev/null)" ]; then
		cache_refused
	fi
	mkdir -p "$KP_CACHE" 2>/dev/null && [ -w "$KP_CACHE" ] && [ -x "$KP_CACHE" ] &&
		{ [ -f "$KP_CACHE/CACHEDIR.TAG" ] ||
			printf '%s\n' "$KP_TAG" 2>/dev/null >"$KP_CACHE/CACHEDIR.TAG"; } ||
		die "cannot write to $KP_CACHE" "set KMEM_CACHE to a folder that you may write"
}

# cache_remove PATTERN...: of what ./run makes; a link is removed, not what it leads to
cache_remove() {
	for cac_p; do
		# crash/build is not ours behind a link called crash
		[ "${cac_p#*/}" = "$cac_p" ] || [ ! -L "$KP_CACHE/${cac_p%%/*}" ] || continue
		# shellcheck disable=SC2086
		rm -rf "${KP_CACHE:?}"/$cac_p
	done
}

# cache_clean [all]
cache_clean() {
	[ -e "$KP_CACHE" ] || return 0
	cache_ours || cache_refused
	# words, not what they match where ./run was started
	set -f
	# shellcheck disable=SC2086
	set -- "${1:-}" $KP_CACHE_BUILT
	# shellcheck disable=SC2086
	[ "$1" != all ] || set -- "$@" $KP_CACHE_KEPT
	set +f
	cac_all=$1
	shift
	cache_remove "$@"
	[ "$cac_all" = all ] || return 0
	rm -f "$KP_CACHE/CACHEDIR.TAG"
	rmdir "$KP_CACHE" 2>/dev/null ||
		say "left alone: $(cache_foreign | tr '\n' ' ')in $KP_CACHE"
}

# SPDX-License-Identifier: GPL-2.0
# usage: clean [all]
# help: Remove what was built. The downloads and the compiler's cache stay, so that
# help: the next build is quick; with "all" they go too. Only what ./run has made is
# help: removed, and only from a folder that it has made.

[ $# -le 1 ] && case ${1:-} in '' | all) ;; *) false ;; esac ||
	die "clean what?" "./run clean, or ./run clean all"
[ -e "$KP_CACHE" ] || {
	say "there is no $KP_CACHE: nothing to remove"
	exit 0
}
cache_ours || cache_refused
lock cache
cache_clean "${1:-}"
say "cleaned $KP_CACHE"

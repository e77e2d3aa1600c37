# SPDX-License-Identifier: GPL-2.0
# usage: series [--check] DIR
# help: Write the series as numbered mails into the new folder DIR, as git format-patch does:
# help: what changes Linux as one thing is one mail, and 0000 is the cover letter. Whose they
# help: are is what the last commit says, or GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL. That all of
# help: them together are what ./run apply makes is looked at each time. --check: that each
# help: passes checkpatch, too, and compiles with what comes before it; half an hour. See
# help: tools/testing/kmem_persist/series/order.

. "$KP_DIR/lib/series.sh"
. "$KP_DIR/lib/sparse.sh"

series_check=
if [ "${1:-}" = --check ]; then
	series_check=1
	shift
fi
[ $# -eq 1 ] || die "where to? One new folder" "./run series DIR"
case $1 in
-*) die "unknown option '$1'" "./run series --help" ;;
/*) series_dir=$1 ;;
*) series_dir=$PWD/$1 ;;
esac
if [ -e "$series_dir" ]; then
	[ -d "$series_dir" ] || die "$1 is not a folder" "./run series DIR"
	[ -z "$(ls -A "$series_dir")" ] || die "$1 is not empty" "name a new folder"
fi

lock cache
if [ -n "$series_check" ]; then
	deps arm64
else
	deps series
fi
have git || die "git makes the mails, and is not there" "apt-get install git"
source_get
series_sync
series_tmp=$(mktemp -d "${TMPDIR:-/tmp}/kmem-series.XXXXXX") || die "cannot make a folder"
trap 'rm -rf "$series_tmp"' EXIT
series_write "$series_tmp" "$series_dir" || die "these are no mails: see above"
series_same "$series_tmp" "$series_dir" ||
	die "the mails do not make what ./run apply makes: see above"
if [ -n "$series_check" ]; then
	series_bad=0
	sparse_get
	series_t=$series_tmp/build
	mkdir "$series_t"
	ser_t=$series_tmp
	for series_f in $(series_mails "$series_dir"); do
		series_checkpatch "$series_f" >&2 || series_bad=1
	done
	say "checkpatch: done"
	step "Compiling without the series" "$KP_CACHE/log/series.log" \
		series_build_begin "$series_t" || die "it does not compile: see $KP_CACHE/log/series.log"
	ser_t=$series_t ser_o=$KP_BASE/build/series KP_TREE=$KP_BASE/series/src
	while read -r series_i series_lines; do
		step "Compiling mail $series_i, $series_lines lines" "$KP_CACHE/log/series.log" \
			series_build "$series_i" || {
			cat "$KP_CACHE/log/series.log" >&2
			series_bad=1
		}
	done <"$series_tmp/sizes"
	series_build_end >&2 || series_bad=1
	if have aarch64-linux-gnu-gcc; then
		step "Compiling for arm64" "$KP_CACHE/log/series.log" series_arm64 || series_bad=1
	else
		say "not compiled for arm64: there is no aarch64-linux-gnu-gcc"
	fi
	[ "$series_bad" -eq 0 ] || die "the above should be mended"
fi
unlock
say "$series_dir: $(wc -l <"$series_tmp/sizes") mails and a cover letter"

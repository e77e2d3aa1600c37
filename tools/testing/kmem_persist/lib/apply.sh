# SPDX-License-Identifier: GPL-2.0
# From this repository to a kernel tree. A file PATH.patch changes the kernel's
# file PATH; every other file below the kernel's folders is one of ours.
#
# PATH.patch has a section for each patch of the series that changes PATH: a line
# "Subject: ...", what a mail would say, a line "---" and one unified diff. Each diff is
# against what the sections before it have made. Sections of one Subject in several files
# are one patch; one of them has the text, see check/patches.pl.

KP_TREES='Documentation drivers fs include kernel lib mm tools'

# series_files: all files of the series, and no products of a build: what git says, or what
# is text and is not called like one. git refuses a checkout of somebody else, and rightly
# so: its configuration may name programs.
series_files() {
	if (cd "$KP_TOP" && git ls-files >/dev/null 2>&1); then
		# shellcheck disable=SC2086
		(cd "$KP_TOP" && git ls-files -co --exclude-standard -- \
			$KP_TREES ':(glob)*.patch')
	else
		# shellcheck disable=SC2086
		(cd "$KP_TOP" && find $KP_TREES ./*.patch -name build -prune -o -type f \
			! -name '.*' ! -name '*~' ! -name '*.o' ! -name '*.a' ! -name '*.d' \
			! -name '*.ko' ! -name '*.mod' ! -name '*.mod.c' ! -name '*.cmd' \
			! -name '*.orig' ! -name '*.rej' ! -name modules.order \
			-exec grep -lI '' {} + 2>/dev/null | sed 's,^\./,,')
	fi | sort -u | while IFS= read -r ser_f; do
		[ ! -f "$KP_TOP/$ser_f" ] || printf '%s\n' "$ser_f"
	done
}

# series_section PATCH N: the Nth section
series_section() {
	awk -v want="$2" '/^Subject: / { n++ } n == want' "$1"
}

# series_patch PATCH FILE TO [-R]: FILE with all sections of PATCH, or without them, into
# TO. TO.rej is what does not apply. patch(1) takes a file once: it is called for each.
# All lines of context have to be there: hunks have two, and with less of them one lands
# in another function.
series_patch() {
	ser_n=$(grep -c '^Subject: ' "$1") || return 1
	ser_i=1
	cp "$2" "$3.part"
	while [ "$ser_i" -le "$ser_n" ]; do
		ser_k=$ser_i
		[ -z "${4:-}" ] || ser_k=$((ser_n + 1 - ser_i))
		# shellcheck disable=SC2086 # -R or nothing
		series_section "$1" "$ser_k" |
			patch -u -s -f -F0 --no-backup-if-mismatch ${4:-} -r "$3.rej" "$3.part" || {
			rm -f "$3.part"
			return 1
		}
		ser_i=$((ser_i + 1))
	done
	mv "$3.part" "$3"
}

# series_rejects PATCH REJ: the hunks in REJ, which series_patch has left, a line each
series_rejects() {
	if [ -s "$2" ]; then
		sed -n "s,^@@ .*,$1: &,p" "$2"
	else
		printf '%s: there is no such file\n' "${1%.patch}"
	fi
}

# series_sync: make the tree in the cache equal to the source plus the series.
# Only files whose content changes are touched, so that make stays incremental, and they
# are replaced: other trees have links to them, see source_plain().
# orig/ keeps the kernel's own version of each file that was patched.
series_sync() {
	sync_orig=$KP_BASE/orig
	sync_list=$KP_BASE/applied
	sync_tmp=$KP_BASE/patched.tmp
	touch "$sync_list"
	series_files | grep -v '^tools/testing/kmem_persist/' >"$sync_list.want" || :
	sed 's/\.patch$//' "$sync_list.want" | sort -u >"$sync_list.new"
	# written before anything is touched: an interruption loses nothing
	sort -u "$sync_list" "$sync_list.new" >"$sync_list.all"
	sync_first=$(comm -13 "$sync_list" "$sync_list.new")
	for sync_f in $sync_first; do
		[ -f "$KP_SRC/$sync_f" ] || continue
		[ -f "$KP_TOP/$sync_f.patch" ] || die "$sync_f is a file of the kernel already" \
			"make it a patch: $sync_f.patch"
		[ -f "$sync_orig/$sync_f" ] && continue
		mkdir -p "$(dirname "$sync_orig/$sync_f")"
		cp "$KP_SRC/$sync_f" "$sync_orig/$sync_f.tmp"
		mv "$sync_orig/$sync_f.tmp" "$sync_orig/$sync_f"
	done
	mv "$sync_list.all" "$sync_list"

	while IFS= read -r sync_f; do
		sync_from=$KP_TOP/$sync_f
		case $sync_f in
		*.patch)
			sync_f=${sync_f%.patch}
			[ -f "$sync_orig/$sync_f" ] ||
				die "$sync_f.patch: the kernel has no file $sync_f"
			rm -f "$sync_tmp" "$sync_tmp.rej"
			series_patch "$sync_from" "$sync_orig/$sync_f" "$sync_tmp" >&2 || {
				series_rejects "$sync_f.patch" "$sync_tmp.rej" >&2
				die "$sync_f.patch does not apply to Linux $KP_LINUX" \
					"the rejected hunks: $sync_tmp.rej"
			}
			sync_from=$sync_tmp
			;;
		esac
		cmp -s "$sync_from" "$KP_SRC/$sync_f" && continue
		mkdir -p "$(dirname "$KP_SRC/$sync_f")"
		cp --remove-destination "$sync_from" "$KP_SRC/$sync_f"
	done <"$sync_list.want"

	comm -23 "$sync_list" "$sync_list.new" | while IFS= read -r sync_f; do
		if [ -f "$sync_orig/$sync_f" ]; then
			cp --remove-destination "$sync_orig/$sync_f" "$KP_SRC/$sync_f"
		else
			rm -f "$KP_SRC/$sync_f"
		fi
	done
	mv "$sync_list.new" "$sync_list"
	rm -f "$sync_tmp" "$sync_list.want"
}

# series_apply DIR: the series into somebody's own tree, all of it or nothing
series_apply() {
	app_dir=$1
	source_is_ours "$app_dir" || die "$app_dir is not a source tree of Linux $KP_LINUX" \
		"unpack one there first: Debian's package linux-source-$KP_LINUX has it"
	[ -w "$app_dir" ] || die "cannot write to $app_dir" "run as its owner"
	have patch || deps apply
	app_bad='' app_done='' app_n=0
	app_tmp=$(mktemp -d "${TMPDIR:-/tmp}/kmem-apply.XXXXXX") || die "cannot make a folder"
	for app_f in $(series_files); do
		app_n=$((app_n + 1))
		case $app_f in
		*.patch)
			app_t=${app_f%.patch}
			mkdir -p "$app_tmp/$(dirname "$app_t")"
			if [ ! -f "$app_dir/$app_t" ]; then
				app_bad="$app_bad $app_f"
				series_rejects "$app_f" /dev/null >>"$app_tmp/rejects"
			elif ! series_patch "$KP_TOP/$app_f" "$app_dir/$app_t" \
				"$app_tmp/$app_t" >/dev/null 2>&1; then
				series_rejects "$app_f" "$app_tmp/$app_t.rej" >"$app_tmp/last"
				if series_patch "$KP_TOP/$app_f" "$app_dir/$app_t" \
					"$app_tmp/$app_t" -R >/dev/null 2>&1; then
					app_done="$app_done $app_t"
				else
					app_bad="$app_bad $app_f"
					cat "$app_tmp/last" >>"$app_tmp/rejects"
				fi
			fi
			;;
		*)
			[ ! -e "$app_dir/$app_f" ] || app_done="$app_done $app_f"
			;;
		esac
	done
	[ "$app_n" -gt 0 ] || app_bad=' none'
	[ ! -f "$app_tmp/rejects" ] || cat "$app_tmp/rejects" >&2
	[ -z "$app_bad$app_done" ] || rm -rf "$app_tmp"
	[ "$app_n" -gt 0 ] || die "this checkout has no files of the series"
	[ -z "$app_bad" ] || die "these do not apply to $app_dir:$app_bad; nothing was changed, the hunks are above" \
		"use an unmodified Linux $KP_LINUX.x"
	# shellcheck disable=SC2086
	[ -z "$app_done" ] || die "already there in $app_dir: $(printf '%s\n' $app_done | wc -l) of $app_n files, as $(echo $app_done | cut -d' ' -f1); nothing was changed" \
		"the series is applied already; to renew it, start from an unmodified tree"
	for app_f in $(series_files); do
		case $app_f in
		*.patch)
			cp --remove-destination "$app_tmp/${app_f%.patch}" "$app_dir/${app_f%.patch}" || {
				rm -rf "$app_tmp"
				die "$app_f failed half way" "start from an unmodified tree"
			}
			;;
		*)
			mkdir -p "$app_dir/$(dirname "$app_f")"
			cp -p "$KP_TOP/$app_f" "$app_dir/$app_f"
			;;
		esac
	done
	rm -rf "$app_tmp"
	say "$app_dir: $app_n files copied or patched"
}

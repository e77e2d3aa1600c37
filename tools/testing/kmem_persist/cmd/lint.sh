# SPDX-License-Identifier: GPL-2.0
# usage: lint
# help: checkpatch --strict, sparse and gcc's W=1 over the files of the series;
# help: shellcheck over all scripts, and a search for checks that check nothing; what
# help: parts of the driver know of one another that they should not, see
# help: drivers/dax/persist/layers. Prints what they find; nothing is the aim.

no_words lint "$@"
. "$KP_DIR/lib/sparse.sh"

# Not for us: commit messages (a file has none) and commits (the source has no history),
# names like __SetPageOffline, and
# macros that make something out of the name of a field, more than once. BIT()
# does not exist in userspace, where the uapi header is used, too.
lint_checkpatch() {
	(cd "$KP_SRC" && perl scripts/checkpatch.pl --strict --quiet --no-signoff \
		--ignore COMMIT_MESSAGE,MACRO_ARG_REUSE,MACRO_ARG_PRECEDENCE,FILE_PATH_CHANGES,CAMELCASE,UNKNOWN_COMMIT_ID "$@")
}

# lint_sections PATCH: each patch of which it has a section
lint_sections() {
	sec_rc=0
	for sec_i in $(seq "$(grep -c '^Subject: ' "$1")"); do
		series_section "$1" "$sec_i" | lint_checkpatch - || sec_rc=1
	done
	return $sec_rc
}

# The kernel's part of the series; what tests compile for userspace is not.
lint_files() {
	series_files | grep -v '^tools/'
}

# What the compiler and sparse say about our files, and about lines of patched ones
lint_build() {
	# a file that is compiled again is checked again
	find "$KP_BASE/build/test/drivers/dax" -name '*.o' -delete
	kernel_make O="$KP_BASE/build/test" W=1 C=1 CHECK="$KP_SPARSE" drivers/dax/
}

# Scripts: those of guests are for bash, those of the host for any shell. Without the
# program (KMEM_DEPS=no) it is said that it is missing.
lint_shell() {
	shell_rc=0
	perl "$KP_DIR/check/shell.pl" "$KP_TOP" || shell_rc=1
	if have shellcheck; then
		cd "$KP_DIR" || return
		shellcheck -f gcc -s bash tests/*.guest guest/*.sh guest/bashrc demo/*.sh \
			bench/*.sh tool/kernel.sh "$KP_TOP"/tools/dax/kmem-persist/boot/dracut-module-setup.sh ||
			shell_rc=1
		shellcheck -f gcc -s sh "$KP_TOP/run" guest/init tests/*.sh lib/*.sh cmd/*.sh \
			golden/*.sh map/*.sh fuzz/*.sh tool/attach.sh tool/snapshot.sh \
			"$KP_TOP"/tools/dax/kmem-persist/boot/load-kmem \
			"$KP_TOP"/tools/dax/kmem-persist/boot/zz-kmem-persist \
			"$KP_TOP"/tools/dax/kmem-persist/boot/initramfs-hook \
			"$KP_TOP"/tools/dax/kmem-persist/boot/initramfs-local-block \
			"$KP_TOP"/tools/dax/kmem-persist/boot/dracut-attach.sh || shell_rc=1
	else
		echo "shellcheck is not there: it has not looked at the scripts"
	fi
	return $shell_rc
}

lock cache
deps lint
source_get
kernel_build test
sparse_get
bad=0
(lint_shell) >&2 || bad=1
for f in $(lint_files); do
	case $f in
	*.patch) lint_sections "$KP_TOP/$f" || bad=1 ;;
	# events are laid out as everywhere
	*/trace.h) lint_checkpatch --ignore PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE,SPACING -f "$KP_SRC/$f" || bad=1 ;;
	include/uapi/*) lint_checkpatch --ignore BIT_MACRO -f "$KP_SRC/$f" || bad=1 ;;
	*.[ch]) lint_checkpatch -f "$KP_SRC/$f" || bad=1 ;;
	esac
done
step "Compiling with sparse and W=1" "$KP_CACHE/log/lint.log" lint_build || bad=1
perl "$KP_DIR/check/layers.pl" "$KP_TOP" "$KP_BASE/build/test/drivers/dax" >&2 || bad=1
# files of the kernel have findings of their own
lint_files | sed 's,.*,/&:,' >"$KP_CACHE/log/lint.files"
if grep -E '(warning|error):' "$KP_CACHE/log/lint.log" |
	grep -F -f "$KP_CACHE/log/lint.files"; then
	bad=1
fi
unlock
[ "$bad" -eq 0 ] || die "the above should be mended"
say "checkpatch, sparse, W=1 and scripts: nothing"

# SPDX-License-Identifier: GPL-2.0
# usage: lint
# help: checkpatch --strict, sparse and gcc's W=1 over the files of the series.
# help: Prints what they find; nothing is the aim.

. "$KP_DIR/lib/sparse.sh"

# Two kinds of findings are not for us: commit messages (a file has none), and
# macros that make a sysfs file out of a name, which have to use it twice.
lint_checkpatch() {
	(cd "$KP_SRC" && perl scripts/checkpatch.pl --strict --quiet --no-signoff \
		--ignore COMMIT_MESSAGE,MACRO_ARG_REUSE,FILE_PATH_CHANGES,CAMELCASE "$@")
}

# What the compiler and sparse say about our files, and about lines of patched ones
lint_build() {
	# a file that is compiled again is checked again
	find "$KP_BASE/build/test/drivers/dax" -name '*.o' -delete
	kernel_make O="$KP_BASE/build/test" W=1 C=1 CHECK="$KP_SPARSE" drivers/dax/
}

lock cache
deps
source_get
kernel_build test
sparse_get
bad=0
for f in $(series_files); do
	case $f in
	*.patch) lint_checkpatch "$KP_TOP/$f" || bad=1 ;;
	*.[ch]) lint_checkpatch -f "$KP_SRC/$f" || bad=1 ;;
	esac
done
step "Compiling with sparse and W=1" "$KP_CACHE/log/lint.log" lint_build || bad=1
if grep -E '(warning|error):' "$KP_CACHE/log/lint.log"; then
	bad=1
fi
unlock
[ "$bad" -eq 0 ] || die "the above should be mended"
say "checkpatch, sparse and W=1: nothing"

# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# The series compiles without a warning in other configurations than that of the test
# kernel: that of a distribution, where no debugging option brings along an include; all
# of it built in; and without what it can do without. Objects only: nothing is booted.
# shellcheck disable=SC2031 # a subshell that reads source.sh is meant to keep it to itself
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/lib/say.sh"
. "$KP_DIR/lib/apply.sh"
. "$KP_DIR/lib/kernel.sh"

dir=$KP_BASE/build/configs
mkdir -p "$dir"
exec 6>"$dir/lock"
flock 6
# drivers/dax as a whole, and the patched files of mm that each configuration has (all but
# memory-failure.c and those of kasan)
objects="drivers/dax/ $(series_files | sed -n 's,^\(mm/[a-z_]*\)\.c\.patch$,\1.o,p')"
same "folders and files that are compiled" "$(echo "$objects" | wc -w)" 7

# somebody's own tree: as far as the series touches it
cp -r "$KP_BASE/orig" tree
head -n 4 "$KP_SRC/Makefile" >tree/Makefile
# apply: the series into it; what it says is in the file apply
apply() {
	(. "$KP_DIR/lib/source.sh" && series_apply "$PWD/tree") >apply 2>&1
}
echo "/* of somebody */" >tree/mm/vmscan.c
check "a tree with a file that is different: refused" eval '! apply'
check "its name" grep -q 'do not apply to .* mm/vmscan.c.patch; nothing was changed' apply
check "nothing was changed" cmp -s tree/mm/page_alloc.c "$KP_BASE/orig/mm/page_alloc.c"
rm tree/mm/vmscan.c
check "a tree without a file: refused" eval '! apply'
check "its name" grep -qx 'mm/vmscan.c: there is no such file' apply
# the outermost line of context of one hunk: patch(1) would do without, but not here
awk '/^Subject: / && n++ { exit } /^@@ / { if (h) exit; h = $0; next }
	h { if (/^ ./) last = substr($0, 2); else last = "" }
	END { print h; print last }' "$KP_TOP/mm/vmscan.c.patch" >hunk
awk -v line="$(sed -n 2p hunk)" '$0 == line { $0 = $0 " /* of somebody */" } { print }' \
	"$KP_BASE/orig/mm/vmscan.c" >tree/mm/vmscan.c
check "a tree with a line of context that is different: refused" eval '! apply'
check "the hunk" grep -qxF "mm/vmscan.c.patch: $(sed -n 1p hunk)" apply
same "and no other" "$(grep -c ': @@ ' apply)" 1
check "nothing was changed" cmp -s tree/mm/page_alloc.c "$KP_BASE/orig/mm/page_alloc.c"
cp "$KP_BASE/orig/mm/vmscan.c" tree/mm
check "an unmodified tree" apply
series_files | while IFS= read -r f; do
	case $f in
	tools/testing/kmem_persist/*) cmp "$KP_TOP/$f" "tree/$f" || : ;;
	*) cmp "$KP_SRC/${f%.patch}" "tree/${f%.patch}" || : ;;
	esac
done >differ 2>&1
same "each file is that of our own tree" "$(cat differ)" ""
find tree -type f | grep -c . >count
check "and of all of them ($(cat count))" [ "$(cat count)" -gt 100 ]
same "nothing is left beside them" "$(find tree -name '*.rej' -o -name '*.part' -o -name '*.orig')" ""
check "once more: refused" eval '! apply'
check "as it is there" grep -q 'already there in .*; nothing was changed' apply

# config NAME [SYMBOL=VALUE]...: like a distribution's, with these. The first and the last
# always, of those between them one in three.
nr_configs=0
config() {
	c_name=$1
	shift
	nr_configs=$((nr_configs + 1))
	c_ran=
	if [ -z "${KP_NAMED:-}" ] && [ $nr_configs -gt 1 ] && [ $nr_configs -lt 8 ] &&
		! in_sample $nr_configs 3; then
		for c_what in "these options" "compiled" "kmem is there" "one guard"; do
			skip "$c_name: $c_what: left out in this run; with --deep all are run"
		done
		return
	fi
	c_ran=yes
	printf 'CONFIG_%s\n' "$@" | sed 's/^\(.*\)=n$/# \1 is not set/' >changed
	{
		kernel_fragments distro
		cat changed
	} >wanted
	kernel_make O="$dir" KCONFIG_ALLCONFIG="$PWD/wanted" allnoconfig >config.out 2>&1 ||
		sed 's/^/# /' config.out
	kernel_verify changed "$dir/.config" >missing
	same "$c_name: these options" "$(cat missing)" ""
	rm -f "$dir/drivers/dax/kmem.o" "$dir/drivers/dax/persist/"*.o
	# shellcheck disable=SC2086 # one word each
	if kernel_make O="$dir" KCFLAGS=-Werror $objects >make.out 2>&1; then
		ok "$c_name"
	else
		grep -E '(error|warning):' make.out | head -n 20 | sed 's/^/# /'
		tail -n 3 make.out | sed 's/^/# /'
		not_ok "$c_name"
	fi
	check "$c_name: kmem is there" [ -f "$dir/drivers/dax/kmem.o" ]
	# what tells plain memory from data: part of the core if there is no framework
	check "$c_name: one guard" [ "$(ls "$dir/drivers/dax/persist" | grep -cxE 'hooks.o|off.o')" -eq 1 ]
}

# The DAX core of the NVDIMM tests is made of the same objects, but for what those replace.
core_of() {
	sed -n 's/^+dax-[^ ]* += *//p' "$KP_TOP/$1" | tr -s ' ' '\n' | sed 's,^$(DAX_SRC)/,,'
}
alike "the DAX core of tools/testing/nvdimm" "$(core_of tools/testing/nvdimm/Kbuild.patch)" \
	"$(core_of drivers/dax/Makefile.patch)"

config "as a distribution has it" DEV_DAX_KMEM_PERSIST=y DEV_DAX_KMEM_PERSIST_BLK=m
config "built in" DAX=y DEV_DAX=y DEV_DAX_KMEM=y DEV_DAX_KMEM_PERSIST=y \
	DEV_DAX_KMEM_PERSIST_NONE=y DEV_DAX_KMEM_PERSIST_BLK=y
config "without PERSIST" DEV_DAX_KMEM=m DEV_DAX_KMEM_PERSIST=n
[ -z "$c_ran" ] ||
	check "without PERSIST: no module that kmem was without before" [ ! -f "$dir/drivers/dax/persist/kmem_persist.o" ]
config "without debugfs" DEBUG_FS=n DEV_DAX_KMEM_PERSIST=y
config "without events" FTRACE=n DEV_DAX_KMEM_PERSIST=y
config "without NUMA" NUMA=n DEV_DAX_KMEM_PERSIST=y
config "without memory failures" MEMORY_FAILURE=n DEV_DAX_KMEM_PERSIST=y
config "with the debugging options" DEBUG_KERNEL=y DEBUG_FS=y KUNIT=m \
	DEV_DAX_KMEM_PERSIST_INJECT=y DEV_DAX_KMEM_PERSIST_KUNIT_TEST=y
same "configurations, of which the last is always run" $nr_configs 8

# packed NAME [OPTION]...: that of a kernel package, made of the kernel's own with the lines of
# standard input, in NAME/config
packed() {
	p_name=$1
	shift
	cat "$KP_SRC/arch/x86/configs/x86_64_defconfig" - >"$p_name.config"
	KMEM_DEPS=no KMEM_CONFIG=$p_name.config "$KP_TOP/run" package --kernel --configure "$@" \
		"$p_name" >"$p_name.out" 2>&1
}
check "of a package, --small" packed small --small <<END
CONFIG_MINIX_FS=m
CONFIG_XFS_FS=m
END
same "it has what the series needs" \
	"$(kernel_verify "$KP_TOP/Kconfig.fragment" small/config | grep -v '=m (got: .*=y)$')" ""
check "it has a module that is listed" grep -qx CONFIG_XFS_FS=m small/config
check "and not one that nobody has loaded" eval '! grep -x CONFIG_MINIX_FS=m small/config'
printf 'Module Size Used by\nminix 49152 0\n' >lsmod
KMEM_MODULES=$PWD/lsmod
export KMEM_MODULES
check "of a package, --small, for another machine" packed other --small <<END
CONFIG_MINIX_FS=m
END
check "it has what that has loaded" grep -qx CONFIG_MINIX_FS=m other/config
unset KMEM_MODULES
check "without ACPI: refused" eval '! packed without' <<END
# CONFIG_ACPI is not set
END
check "and says what is missing" grep -q '^CONFIG_ACPI_NFIT=m (got: no such symbol' without.out
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# The series compiles without a warning in other configurations than that of the test
# kernel: that of a distribution, where no debugging option brings along an include; all
# of it built in; and without what it can do without. Objects only: nothing is booted.
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

# config NAME [SYMBOL=VALUE]...: like a distribution's, with these
config() {
	c_name=$1
	shift
	printf 'CONFIG_%s\n' "$@" | sed 's/^\(.*\)=n$/# \1 is not set/' >changed
	{
		kernel_fragments distro
		cat changed
	} >wanted
	kernel_make O="$dir" KCONFIG_ALLCONFIG="$PWD/wanted" allnoconfig >config.out 2>&1 ||
		sed 's/^/# /' config.out
	kernel_verify changed "$dir/.config" >missing
	same "$c_name: these options" "$(cat missing)" ""
	rm -f "$dir/drivers/dax/kmem.o" "$dir/drivers/dax/kmem_persist.o"
	# shellcheck disable=SC2086 # one word each
	if kernel_make O="$dir" KCFLAGS=-Werror $objects >make.out 2>&1; then
		ok "$c_name"
	else
		grep -E '(error|warning):' make.out | head -n 20 | sed 's/^/# /'
		tail -n 3 make.out | sed 's/^/# /'
		not_ok "$c_name"
	fi
	check "$c_name: kmem is there" [ -f "$dir/drivers/dax/kmem.o" ]
}

config "as a distribution has it" DEV_DAX_KMEM_PERSIST=y DEV_DAX_KMEM_PERSIST_BLK=m
config "built in" DAX=y DEV_DAX=y DEV_DAX_KMEM=y DEV_DAX_KMEM_PERSIST=y \
	DEV_DAX_KMEM_PERSIST_NONE=y DEV_DAX_KMEM_PERSIST_BLK=y
config "without PERSIST" DEV_DAX_KMEM=m DEV_DAX_KMEM_PERSIST=n
check "without PERSIST: no module that kmem was without before" [ ! -f "$dir/drivers/dax/kmem_persist.o" ]
config "without debugfs" DEBUG_FS=n DEV_DAX_KMEM_PERSIST=y
config "without events" FTRACE=n DEV_DAX_KMEM_PERSIST=y
config "without NUMA" NUMA=n DEV_DAX_KMEM_PERSIST=y
config "without memory failures" MEMORY_FAILURE=n DEV_DAX_KMEM_PERSIST=y
config "with the debugging options" DEBUG_KERNEL=y DEBUG_FS=y KUNIT=m \
	DEV_DAX_KMEM_PERSIST_INJECT=y DEV_DAX_KMEM_PERSIST_KUNIT_TEST=y
finish

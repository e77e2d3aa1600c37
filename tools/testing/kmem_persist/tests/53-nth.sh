# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# Allocations on the way in and out fail, one at a time: a device goes into service or
# says why it does not, or stays out; it leaves or stays; and its data is there the next
# time. About 20 of each way, which the commit decides, or with --deep all: those of the task that does it, with a
# function of a module below it. What falls back to other memory is not refused by that.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools
guest_tool

log_report 'page allocation failure|vmalloc error'

# kmemleak would be refused memory in the names of those whom it watches, and end
guest nth --timeout $((390 * T_DEEP)) --share share --nvdimm share/nv0:256M \
	--append kmemleak=off <<'END'
. /usr/lib/guest/lib.sh
gib=262144	# blocks
d=$(nv_dax 0)
sys=/sys/bus/dax/devices/$d
check "format, a disk whose map is read in parts" \
	/share/kmem-persist format --size 8G "/dev/$d"
check "to system-ram" to_ram "$d"
disk=/dev/$(disk_of "$d")
check "disk" until_true 10 [ -b "$disk" ]
node=$(node_of "$d")
parts='0 2 3 7'
for g in $parts; do
	check "write at $g GiB" kmemio fill "$disk" $((g * gib + 400)) 600 $((g + 1))
done

# filter MODULE [FUNCTION]: only what its functions, and those that they call, allocate,
# but not what this function of the kernel does
filter() {
	local from to f not_from=0x0 not_to=0x0
	if [ $# -eq 2 ]; then
		not_from=$(sed -n "s/^\([0-9a-f]*\) [tT] $2\$/0x\1/p" /proc/kallsyms)
		not_to=$(sed -n 's/^\([0-9a-f]*\) [tT] [^[]*$/0x\1/p' /proc/kallsyms | sort -u |
			grep -A 1 -x "$not_from" | tail -n 1)
		[ -n "$not_from" ] && [ "$not_to" != "$not_from" ] || return
	fi
	from=$(sed -n "s/^\([0-9a-f]*\) [tT] .*\[$1\]\$/0x\1/p" /proc/kallsyms | sort | head -n 1)
	to=$(sed -n "s/^\([0-9a-f]*\) [tT] .*\[$1\]\$/0x\1/p" /proc/kallsyms | sort | tail -n 1)
	[ -n "$to" ] || return
	to=$(printf '0x%x' $(((to | 0xfff) + 1)))
	for f in failslab fail_page_alloc fail_mempool_alloc fail_mempool_alloc_bulk; do
		f=/sys/kernel/debug/$f
		echo 0 >$f/verbose && echo "$from" >$f/require-start &&
			echo "$to" >$f/require-end && echo "$not_from" >$f/reject-start &&
			echo "$not_to" >$f/reject-end || return
	done
	echo N >/sys/kernel/debug/failslab/ignore-gfp-wait &&
		echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait &&
		echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem &&
		echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
}

data() {
	for g in $parts; do
		kmemio check "$disk" $((g * gib + 400)) 600 $((g + 1)) || return 1
	done
}

# What may be after a write of online_movable: in service, with all data; held, or known
# but without a disk, which is no error of the write; or as before.
plug_result() {
	case $(cat "$sys/state"),$(persist "$d" state 2>/dev/null) in
	online_movable,active)
		[ "${1% *}" = 0 ] && until_true 10 [ -b "$disk" ] && data && sums_up "$d"
		;;
	online_movable,held)
		held=$((held + 1))
		[ "${1% *}" = 0 ] && [ ! -b "$disk" ] && [ "$(mem_total "$node")" -eq 0 ] &&
			persist "$d" reason | grep -qE -e '-(ENOMEM|12)(;|$)'
		;;
	online_movable,detached)
		idle=$((idle + 1))
		[ "${1% *}" = 0 ] && [ ! -b "$disk" ] && sums_up "$d" &&
			persist "$d" reason | grep -q 'could not start'
		;;
	unplugged,)
		refused=$((refused + 1))
		# kmem takes a resource that it has no memory for as one that is in use
		[[ ${1% *} = @(ENOMEM|EBUSY) ]] && [ "$(mem_total "$node")" -eq 0 ]
		;;
	*) false ;;
	esac
}

# What may be after a write of unplugged: gone; or as before, and it says so.
unplug_result() {
	case $(cat "$sys/state") in
	unplugged) [ "${1% *}" = 0 ] && [ "$(mem_total "$node")" -eq 0 ] ;;
	online_movable)
		refused=$((refused + 1))
		[ "${1% *}" = ENOMEM ] && [ "$(persist "$d" state)" = active ] && data && sums_up "$d"
		;;
	*) false ;;
	esac
}

unplug() {
	[ "$(cat "$sys/state")" = unplugged ] || echo unplugged >"$sys/state"
}
plug() {
	[ "$(cat "$sys/state")" = online_movable ] || echo online_movable >"$sys/state"
	until_true 10 [ -b "$disk" ] && data
}

# sweep NAME FILE TEXT RESULT UNDO [LEAST]: write it, again and again, and look at the
# result; at least so many have to fail
sweep() {
	local n result counted step=1 hit=0 held=0 idle=0 refused=0
	result=$(nth 1000000 "$2" "$3")
	counted=${result#0 }
	case $counted in
	'' | *[!0-9]*)
		not_ok "$1: it does not work at all: $result"
		return
		;;
	esac
	$5 || {
		not_ok "$1: there is no way back"
		return
	}
	[ -n "$KP_DEEP" ] || step=$((counted / 20 + 1))
	for ((n = 1 + KP_SAMPLE % step; n <= counted; n += step)); do
		result=$(nth $n "$2" "$3")
		$4 "$result" || {
			not_ok "$1: allocation $n of $counted: $result; state $(cat "$sys/state")," \
				"$(persist "$d" state) $(persist "$d" reason)"
			return
		}
		$5 || {
			not_ok "$1: after allocation $n of $counted: state $(cat "$sys/state")," \
				"$(persist "$d" state) $(persist "$d" reason)"
			return
		}
		[ "${result#* }" != hit ] || hit=$((hit + 1))
	done
	check "$1: $counted allocations, one in $step, $hit failed: refused $refused, held $held, idle $idle" \
		[ $hit -ge "${6:-0}" ]
}

vmallocs() {
	grep -c ' \(kmem\|dax_kmem\)_' /proc/vmallocinfo
}

before=$(vmallocs)
# x86 does not survive it when page tables of memory that is added cannot be allocated
# (alloc_low_pages()). What the framework does when that memory goes online is in the second.
for module in 'kmem __add_memory_driver_managed' kmem_persist; do
	# shellcheck disable=SC2086
	filter $module || {
		not_ok "the filter for $module"
		exit
	}
	module=${module% *}
	sweep "$module: unplug" "$sys/state" unplugged unplug_result plug
	unplug
	sweep "$module: plug" "$sys/state" online_movable plug_result unplug 7
	check "$module: and once more" plug
done
same "all that was vmalloc'ed on the way is free" "$(vmallocs)" "$before"
follows "the end" "$d"
END
check "as the format demands" tool/kmem-persist check share/nv0
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# Bad input to every parameter and attribute: an errno, and nothing changes.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest_start bad --share share --nvdimm nv0:256M <<'END'
. /usr/lib/guest/lib.sh
dax=/sys/bus/dax/devices/dax0.0
par=/sys/module/kmem/parameters
blk=/sys/module/kmem_blk/parameters
inval="Invalid argument"
range="Numerical result out of range"

check "a devdax namespace" nvdimm_dax 0

# on the command line of the module
for bad in persist_format_type=x persist_format_type=-2 persist_format_type= persist_format_type=4294967296 \
	persist_format_force=maybe; do
	check "kmem does not load with $bad" eval "! modprobe kmem $bad 2>/dev/null"
	check "and is not there" eval "! lsmod | grep -q '^kmem '"
done
check "kmem loads" modprobe kmem persist_format_type=-1 persist_format_force=n
check "kmem_blk does not load with a bad timeout" eval "! modprobe kmem_blk no_space_timeout=soon 2>/dev/null"
check "kmem_blk loads" modprobe kmem_blk

# parameters
for bad in x "" " " -2 1x 0x 1,2; do
	refused "persist_format_type" "$inval" "$bad" $par/persist_format_type
done
refused "persist_format_type, too large" "$range" 2147483648 $par/persist_format_type
refused "persist_format_type, too small" "$range" -2147483649 $par/persist_format_type
for bad in maybe 2 "" -1; do
	refused "persist_format_force" "$inval" "$bad" $par/persist_format_force
done
for bad in x "" -1 1s; do
	refused "no_space_timeout" "$inval" "$bad" $blk/no_space_timeout
done
refused "no_space_timeout, too large" "$range" 4294967296 $blk/no_space_timeout

# of a device that is not bound to kmem
for bad in x "" -2 1x; do
	refused "persist_format" "$inval" "$bad" $dax/persist_format
done
refused "persist_format, too large" "$range" 2147483648 $dax/persist_format
uuid=01234567-89ab-4cde-8f01-23456789abcd
for bad in x 0 None "none none" " none" ${uuid%d} ${uuid}0 $uuid: $uuid:00112233445566778899aabbccddeef \
	$uuid:00112233445566778899aabbccddeefg $uuid,00112233445566778899aabbccddeeff \
	00000000-0000-0000-0000-000000000000; do
	refused "persist_accept" "$inval" "$bad" $dax/persist_accept
done
for good in none $uuid $uuid:00112233445566778899aabbccddeeff ""; do
	check "persist_accept takes '$good'" accept dax0.0 "$good"
	same "persist_accept says so" "$(cat $dax/persist_accept)" "$good"
done
for long in persist_format_device persist_accept; do
	refused "$long, too long" "No space left on device" "$(printf '%0600d' 0)" $par/$long
done

# good values that no plugin stands for
sum=$(image_sum nv0)
check "the image has a checksum" [ -n "$sum" ]
echo 77 >$par/persist_format_type
said_mark
check "type 77 by the parameter: not bound" eval "! to_ram dax0.0 2>/dev/null"
check "the log says why" said 'dax0\.0: asked to format with type 77, but no plugin for it can be loaded'
check "it is not bound to kmem" [ ! -e $dax/state ]
check "no memory of it" [ -z "$(blocks_of dax0.0)" ]
to_dax dax0.0
echo -1 >$par/persist_format_type
echo 77 >$dax/persist_format
said_mark
check "type 77 by the attribute: not bound" eval "! to_ram dax0.0 2>/dev/null"
check "the log says why" said 'dax0\.0: asked to format with type 77'
to_dax dax0.0
same "nothing was written" "$(image_sum nv0)" "$sum"
echo -1 >$dax/persist_format

# of a device that is
echo 1 >$dax/persist_format
check "to system-ram" to_ram dax0.0
check "the disk" until_true 10 [ -b /dev/kmem0 ]
kmemio fill /dev/kmem0 0 64 1
for good in 0 1 -1; do
	refused "persist_format of a bound device" "Device or resource busy" $good $dax/persist_format
done
refused "persist_accept of a bound device" "Device or resource busy" none $dax/persist_accept
for bad in bogus "" offline unplug 1; do
	refused "state" "$inval" "$bad" $dax/state
done
refused "state, online again" "Device or resource busy" online_kernel $dax/state
# what can be set has tests of its own, but takes no nonsense
for f in $dax/persist/* /sys/block/kmem0/kmem/* /sys/block/kmem0/wwid; do
	case $(stat -c %a "$f") in
	444) refused "${f#/sys/} is read-only" "Permission denied" 0 "$f" ;;
	*)
		bads=(bogus "" -1)
		# any word is one
		[ "${f##*/}" != label ] || bads=("two words" $'\a' a/b)
		for bad in "${bads[@]}"; do
			refused "${f#/sys/}" "$inval" "$bad" "$f"
		done
		;;
	esac
done
check "files in persist/" [ "$(ls $dax/persist | wc -l)" -ge 15 ]
check "files of the disk" [ "$(ls /sys/block/kmem0/kmem | wc -l)" -ge 7 ]
check "every file can be read" eval "cat \$(find $dax/persist /sys/block/kmem0/kmem -type f -perm -u=r) >/dev/null"
same "it is still active" "$(persist dax0.0 state)" active
check "and has its data" kmemio check /dev/kmem0 0 64 1
check "unplug" eval "echo unplugged >$dax/state"
refused "persist_format of an unplugged device" "Device or resource busy" 1 $dax/persist_format
check "plug" eval "echo online_movable >$dax/state"
check "it has its data" kmemio check /dev/kmem0 0 64 1
check "no leaks" leaks
END
serve_sums bad
guest_wait bad
check "as the format demands" sb nv0 check
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 200
# A region that binds itself at boot (soft-reserved memory, as CXL RAM does) is
# not formatted because a parameter says so for devices in general, but only when
# that device was named. An NVDIMM beside it, which somebody binds, is.
. "$KP_DIR/lib/testlib.sh"

guest hmem --mem 3G --nvdimm nv0:256M \
	--append 'memmap=512M%4G+0xefffffff kmem.persist_format_type=1' <<'END'
. /usr/lib/guest/lib.sh
drv=/sys/bus/dax/drivers/kmem
region=$(ndctl list -R | jq -r '.. | .dev? // empty' | head -n 1)
check "a devdax namespace" nvdimm_dax "${region#region}"
hmem=
nv=
for d in /sys/bus/dax/devices/dax*; do
	case $(readlink -f "$d") in
	*/ndbus*) nv=${d##*/} ;;
	*/hmem*) hmem=${d##*/} ;;
	esac
done
check "two devices ($hmem, $nv)" [ -n "$hmem" -a -n "$nv" ]
dax=/sys/bus/dax/devices/$hmem
said_mark
check "kmem" modprobe kmem
same "the parameter" "$(cat /sys/module/kmem/parameters/persist_format_type)" 1
check "the region binds itself" until_true 10 [ -e "$dax/state" ]
check "it is plain" [ ! -e "$dax/persist" ]
check "nothing was formatted" eval '! said formatted'
check "its memory is there" [ -n "$(blocks_of "$hmem")" ]
before=$(ram_of "$hmem")
check "and becomes RAM" set_blocks "$hmem" online_movable
check "all of it" [ $(($(ram_of "$hmem") - before)) -ge 524288 ]
check "which can be taken back" set_blocks "$hmem" offline

check "the NVDIMM, bound by somebody" to_ram "$nv"
check "is formatted" said "$nv: formatted with type 1"
same "active" "$(persist "$nv" state)" active

# by name
check "unbind" eval "echo $hmem >$drv/unbind"
echo 1 >"$dax/persist_format"
said_mark
check "bind" eval "echo $hmem >$drv/bind"
check "formatted, as it was named" said "$hmem: formatted with type 1"
same "active" "$(persist "$hmem" state)" active
disk=/dev/$(disk_of "$hmem")
check "its disk" until_true 10 [ -b "$disk" ]
check "write" kmemio fill "$disk" 0 1024 1
check "its blocks" set_blocks "$hmem" online_movable
check "what is lent is RAM" until_true 10 at_rest "$hmem" "$before"
check "blocks offline" set_blocks "$hmem" offline
check "unbind" eval "echo $hmem >$drv/unbind"
said_mark
check "bind" eval "echo $hmem >$drv/bind"
check "it describes itself" until_true 10 [ -b "$disk" ]
check "its data" kmemio check "$disk" 0 1024 1
check "nothing was formatted" eval '! said formatted'
END
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 200
# A region that binds itself at boot (soft-reserved memory, as CXL RAM does) is
# not formatted because a parameter says so for devices in general, but only when
# that device was named. An NVDIMM beside it, which somebody binds, is. On the command line
# the parameter has to name the device, whichever it is. What is on such a region is data
# only as long as root says so outside of its memory.
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

said_mark
check "the NVDIMM, bound by somebody" to_ram "$nv"
check "is not formatted, as the command line does not name it" [ ! -e "/sys/bus/dax/devices/$nv/persist" ]
check "the log says why" said "$nv: kmem.persist_format_type on the command line needs kmem.persist_format_device"
check "back" to_dax "$nv"
par=/sys/module/kmem/parameters
echo "$hmem" >$par/persist_format_device
check "another one is named" to_ram "$nv"
check "is not formatted" [ ! -e "/sys/bus/dax/devices/$nv/persist" ]
check "back" to_dax "$nv"
ndctl list -r "$region" -N -m devdax | jq -r '.. | .uuid? // empty' | head -n 1 >$par/persist_format_device
said_mark
check "its namespace is named" to_ram "$nv"
check "is formatted" said "$nv: formatted with type 1"
same "active" "$(persist "$nv" state)" active
echo >$par/persist_format_device
echo -1 >$par/persist_format_type

# by name
check "unbind" eval "echo $hmem >$drv/unbind"
echo 1 >"$dax/persist_format"
said_mark
check "bind" eval "echo $hmem >$drv/bind"
check "formatted, as it was named" said "$hmem: formatted with type 1"
check "the log says what the next boot needs" said "$hmem: not a namespace: kept over the next boot only with kmem.persist_accept=$(cat "$dax/persist_accept") on its command line"
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
check "in the same boot it describes itself" until_true 10 [ -b "$disk" ]
check "its data" kmemio check "$disk" 0 1024 1
check "nothing was formatted" eval '! said formatted'

# what the next boot knows is what its command line says
word=$(cat "$dax/persist_accept")
uuid=$(persist "$hmem" uuid)
same "which device" "${word%:*}" "$uuid"
hash=$(echo "$word" | sed -nE 's/^[0-9a-f-]{36}:([0-9a-f]{32})$/\1/p')
check "which format ($hash)" [ -n "$hash" ]
check "unbind" eval "echo $hmem >$drv/unbind"
accept "$hmem" ""
echo "$(cat /proc/sys/kernel/random/uuid):$hash,$word" >$par/persist_accept
check "bind with the parameter" eval "echo $hmem >$drv/bind"
check "the disk" until_true 10 [ -b "$disk" ]
check "its data" kmemio check "$disk" 0 1024 1
check "unbind" eval "echo $hmem >$drv/unbind"

# a uuid alone is public, and may be in more memory than one would like
accept "$hmem" "$uuid"
said_mark
check "bind with the uuid: refused" eval "! echo $hmem 2>/dev/null >$drv/bind"
check "the log says why" said "$hmem: persist_accept: not a namespace, a uuid alone is not enough; not bound"
accept "$hmem" ""
echo "$uuid:00112233445566778899aabbccddeeff" >$par/persist_accept
said_mark
check "bind with another hash" eval "echo $hmem >$drv/bind"
check "plain" [ ! -e "$dax/persist" ]
check "the log says so" said "$hmem: plain memory: what looks like a superblock is in memory that may have been RAM, not believed and erased"
check "and not what would have been believed" eval "! said '$uuid'"
check "unbind" eval "echo $hmem >$drv/unbind"
echo "$word" >$par/persist_accept
said_mark
check "bind with the right one, too late" eval "echo $hmem >$drv/bind"
check "plain for good" [ ! -e "$dax/persist" ]
check "nothing is left that looks like one" eval '! said "plain memory"'
END

# CXL memory that is volatile comes the same way: whatever is in it when the region is made
# was somebody's. QEMU keeps it over this boot, so that it can be given to somebody.
gcc -O2 -Wall -static -I"$KP_TOP/include/uapi" -o forge "$KP_DIR/guest/forge.c"
./forge -o unit 00000000-0000-0000-0000-000000000000 fe12ed00-89ab-4cde-8f01-23456789abcd \
	00112233445566778899aabbccddeeff $((512 << 20))
for i in $(seq 0 255); do
	cat unit
done >cxl0
guest cxl --mem 1G --qemu "-machine cxl=on,cxl-fmw.0.targets.0=cxl.0,cxl-fmw.0.size=1G" \
	--qemu "-object memory-backend-file,id=cxl0,share=on,mem-path=$PWD/cxl0,size=512M" \
	--qemu "-device pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.0 -device cxl-rp,port=0,bus=cxl.0,id=rp0,chassis=0,slot=2" \
	--qemu "-device cxl-type3,bus=rp0,volatile-memdev=cxl0,id=mem0" <<'END'
. /usr/lib/guest/lib.sh
drv=/sys/bus/dax/drivers/kmem
cxl=/sys/bus/cxl/devices
check "kmem" modprobe kmem
read -r region <$cxl/decoder0.0/create_ram_region
said_mark
# one step of making a region
step() {
	check "region: $2 is $1" eval "echo $1 >$cxl/$2"
}
step "$region" decoder0.0/create_ram_region
step 256 "$region/interleave_granularity"
step 1 "$region/interleave_ways"
step ram decoder2.0/mode
step $((512 << 20)) decoder2.0/dpa_size
step $((512 << 20)) "$region/size"
step decoder2.0 "$region/target0"
step 1 "$region/commit"
check "the region binds" eval "echo $region >/sys/bus/cxl/drivers/cxl_region/bind"
dev=$(until_true 10 ls -d /sys/bus/dax/devices/dax* | head -n 1)
dev=${dev##*/}
dax=/sys/bus/dax/devices/$dev
check "CXL: a device ($dev)" eval 'readlink -f "$dax" | grep -q "/$region/"'
check "CXL: it binds itself" until_true 10 [ -e "$drv/$dev" ]
check "CXL: plain, whatever is in it" [ ! -e "$dax/persist" ]
check "CXL: the log says what it was" said "$dev: plain memory: what looks like a superblock is in memory that may have been RAM, not believed and erased"
check "CXL: and not what would have been believed" eval '! dmesg | grep -q fe12ed00'
check "CXL: unbind" eval "echo $dev >$drv/unbind"
said_mark
check "CXL: bind" eval "echo $dev >$drv/bind"
check "CXL: nothing is left of it" eval '! said "plain memory"'
check "CXL: unbind" eval "echo $dev >$drv/unbind"
echo 1 >"$dax/persist_format"
check "CXL: bind" eval "echo $dev >$drv/bind"
same "CXL: formatted" "$(persist "$dev" state)" active
check "CXL: the next boot has to be told" said "$dev: not a namespace: kept over the next boot only with kmem.persist_accept=$(cat "$dax/persist_accept") on its command line"
disk=/dev/$(disk_of "$dev")
check "CXL: write" kmemio fill "$disk" 0 1024 1
check "CXL: data" kmemio check "$disk" 0 1024 1
END
finish

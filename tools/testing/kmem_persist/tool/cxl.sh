# SPDX-License-Identifier: GPL-2.0
# Part of tests/06-tool.sh: CXL regions, with a folder for a root and a script for a kernel,
# see attach.sh; needs what that has left.

cx=$SYSFS_PATH/bus/cxl/devices
cx_uuid=cccccccc-0000-4000-8000-000000000001

# memdev N SERIAL: a device with two decoders, whose endpoint is N; the memory is called by
# another number
memdev() {
	put "$cx/mem$((9 - $1))" "serial=$2"
	mkdir -p "$cx/endpoint$1"
	ln -sfn "../mem$((9 - $1))" "$cx/endpoint$1/uport"
	for cx_i in 0 1; do
		put "$cx/decoder$1.$cx_i" mode=none dpa_size=0 dpa_resource=0xffffffffffffffff
	done
}

# cxl_machine: three devices, and two windows, the second of which was used
cxl_machine() {
	machine
	memdev 1 0xa
	memdev 2 0xffffffffffff000b
	memdev 3 0xc
	put "$cx/decoder0.0" start=0x1000000 size=0x1000000 interleave_ways=1 \
		create_pmem_region=region0 create_ram_region=region0
	put "$cx/decoder0.1" start=0x9000000 size=0x1000000 interleave_ways=1 \
		create_pmem_region=region0 create_ram_region=region0
	put "$cx/decoder4.0" start=0x1000000 size=0x1000000
}
cx_conf=$KMEM_PERSIST_ROOT/etc/kmem-persist/cxl
# region TYPE TARGET...: it is to be made, at cx_at (the beginning of the second window)
region() {
	mkdir -p "$cx_conf"
	printf '%s\n' "uuid = $cx_uuid" "type = $1" 'granularity = 256' 'window = 0x9000000 16777216' \
		"resource = ${cx_at:-0x9000000}" >"$cx_conf/$cx_uuid.conf"
	shift
	printf 'memdev = %s # one\n' "$@" >>"$cx_conf/$cx_uuid.conf"
}
no_region() {
	same "cxl: $1: no region" "$(ls -d "$cx"/region* 2>/dev/null)" ""
	same "cxl: $1: no memory is kept" "$(sort -u "$cx"/decoder[123].*/dpa_size)" 0
}

cxl_machine
check "cxl: nothing is remembered" runs 0 cxl-regions
check "cxl: nothing is written" [ ! -s "$FAKE/log" ]
region pmem "0xffffffffffff000b 0 268435456" "0xa 0x0 268435456"
check "cxl: made" says 0 "^$cx_uuid.conf: made: region0" cxl-regions
check "cxl: what is written" cmp "$FAKE/log" - <<END
bus/cxl/devices/decoder2.0/mode pmem
bus/cxl/devices/decoder2.0/dpa_size 268435456
bus/cxl/devices/decoder1.0/mode pmem
bus/cxl/devices/decoder1.0/dpa_size 268435456
bus/cxl/devices/decoder0.1/create_pmem_region region0
bus/cxl/devices/region0/uuid $cx_uuid

bus/cxl/devices/region0/interleave_granularity 256
bus/cxl/devices/region0/interleave_ways 2
bus/cxl/devices/region0/size 536870912
bus/cxl/devices/region0/target0 decoder2.0
bus/cxl/devices/region0/target1 decoder1.0
bus/cxl/devices/region0/commit 1
bus/cxl/drivers/cxl_region/bind region0
END
cp "$FAKE/log" made
: >"$FAKE/log"
check "cxl: again" says 0 "^$cx_uuid.conf: it is there: region0" cxl-regions
check "cxl: JSON" json 0 cxl-regions
same "cxl: JSON: result" "$(jq -r '.regions[0] | "\(.name) \(.result)"' out)" "$cx_uuid.conf there"
check "cxl: again: nothing is written" [ ! -s "$FAKE/log" ]
check "cxl: attach --all says it, too" says 0 'it is there: region0' attach --all
rmdir "$cx/region0/driver"
check "cxl: without a driver" says 0 'it is there, but disabled: region0' cxl-regions
mkdir "$cx/region0/driver"

# who has a region, and no file
rm "$cx_conf/$cx_uuid.conf"
check "cxl: --remember" says 0 "^region0: /etc/kmem-persist/cxl/$cx_uuid.conf" cxl-regions --remember region0
check "cxl: --remember: nothing else is written" [ ! -s "$FAKE/log" ]
check "cxl: --remember: no region" says 8 'region7: it is no CXL memory' cxl-regions --remember region7
check "cxl: --remember: another device" runs 16 cxl-regions --remember mem0
echo 00000000-0000-0000-0000-000000000000 >"$cx/region0/uuid"
check "cxl: --remember: of the firmware" says 8 'has no UUID: firmware makes it at each boot' cxl-regions --remember region0
echo "$cx_uuid" >"$cx/region0/uuid"
echo ram >"$cx/region0/mode"
check "cxl: --remember: volatile" says 8 'is not persistent: only setup --cxl knows' cxl-regions --remember region0
echo pmem >"$cx/region0/mode"
for cx_i in 0 0xa; do
	echo $cx_i >"$cx/mem7/serial"
	check "cxl: --remember: serial number $cx_i" says 8 "serial number $cx_i of a CXL device is not one of its own" cxl-regions --remember region0
done
cp "$cx_conf/$cx_uuid.conf" remembered
cxl_machine
mkdir -p "$cx_conf"
cp remembered "$cx_conf/$cx_uuid.conf"
check "cxl: --remember: at the next boot" says 0 'made: region0' cxl-regions
check "cxl: --remember: in the same way" cmp "$FAKE/log" made
: >"$FAKE/log"
for cx_i in 00000000-0000-0000-0000-000000000000 "${cx_uuid%1}7"; do
	echo $cx_i >"$cx/region0/uuid"
	check "cxl: with UUID $cx_i it is the same" says 0 'it is there: region0' cxl-regions
done
echo "$cx_uuid" >"$cx/region0/uuid"
echo decoder3.0 >"$cx/region0/target1"
put "$cx/decoder3.0" dpa_size=268435456 dpa_resource=0x0
check "cxl: its UUID, and other devices" says 1 'region0 has its UUID, and is made in another way' cxl-regions
check "cxl: nothing is written" [ ! -s "$FAKE/log" ]

# two of one device, and the one whose memory begins later has the name that comes first
cxl_machine
region pmem "0xa 0x10000000 268435456"
sed "s/^uuid.*/uuid = ${cx_uuid%1}2/; s/^memdev.*/memdev = 0xa 0 268435456/" \
	"$cx_conf/$cx_uuid.conf" >"$cx_conf/${cx_uuid%1}2.conf"
check "cxl: one has to wait for another" runs 0 cxl-regions
same "cxl: one has to wait for another: both are made" "$(grep -c ': made: region' out)" 2
same "cxl: each where it was" "$(cat "$cx/$(cat "$cx/region1/target0")/dpa_resource")" 268435456
rm "$cx_conf/${cx_uuid%1}2.conf"

# waits DEVICE: another region waits for that device
waits() {
	sed "s/^uuid.*/uuid = ${cx_uuid%1}2/; s/^memdev.*/memdev = $1 0 268435456/; s/^resource.*/resource = 0x9000000/" \
		"$cx_conf/$cx_uuid.conf" >"$cx_conf/${cx_uuid%1}2.conf"
}

# what does not come, or not yet
cxl_machine
region pmem "0xffffffffffff000b 0 268435456" "0xd 0 268435456"
check "cxl: a device is missing" says 0 "^$cx_uuid.conf: the device with serial number 0xd is not there" cxl-regions
no_region "a device is missing"
cx_before="what lies before it on the device with serial number 0xa has to come first"
cxl_machine
region pmem "0xffffffffffff000b 0 268435456" "0xa 0x10000000 268435456"
check "cxl: what lies before it is not remembered" says 1 "$cx_uuid.conf: $cx_before" cxl-regions
no_region "what lies before it is not remembered"
waits 0xd
check "cxl: it may be what waits for a device" says 0 "^$cx_uuid.conf: $cx_before" cxl-regions
no_region "it may be what waits for a device"

# several host bridges: only where it was, behind what was there
cxl_machine
echo 2 >"$cx/decoder0.1/interleave_ways"
rm "$cx/decoder0.0/create_pmem_region"
cx_at=0x19000000
region pmem "0xa 0 268435456"
unset cx_at
cx_where='the addresses of before of decoder0.1: Cannot assign requested address'
check "cxl: other addresses" says 1 "$cx_where" cxl-regions
no_region "other addresses"
waits 0xd
check "cxl: other addresses, before another one has come" says 0 "$cx_where" cxl-regions
no_region "other addresses, before another one has come"
waits 0xc
check "cxl: other addresses: it comes" runs 0 cxl-regions
same "cxl: other addresses: both are made" "$(grep -c ': made: region' out)" 2
for cx_i in "$cx"/region*; do
	echo "$(cat "$cx_i/uuid") $(cat "$cx_i/resource")"
done >where
check "cxl: other addresses: they are where they were" eval \
	'grep -qx "$cx_uuid 0x19000000" where && grep -qx "${cx_uuid%1}2 0x9000000" where'
cxl_machine
region pmem "0xa 0 268435456" "0xd 0 268435456"
put "$cx/decoder1.0" dpa_size=1
put "$cx/decoder1.1" dpa_size=1
check "cxl: one is not there, and the other is used up" says 0 'serial number 0xd is not there' cxl-regions
check "cxl: nothing is written" [ ! -s "$FAKE/log" ]
cxl_machine
region pmem "0xa 0 268435456"
echo 0xa >"$cx/mem7/serial"
check "cxl: two devices with one serial number" says 1 'several devices have serial number 0xa' cxl-regions
check "cxl: nothing is written" [ ! -s "$FAKE/log" ]
cxl_machine
region pmem "0xa 0 268435456"
rm -r "$cx"/decoder1.*
check "cxl: its decoders are not there yet" says 0 'serial number 0xa is not there' cxl-regions

# what goes wrong: the other window is tried, and nothing stays behind
for cx_step in uuid interleave_granularity interleave_ways size target0 commit bind; do
	cxl_machine
	region pmem "0xa 0 268435456"
	echo "$cx_step 16" >"$FAKE/fail"
	check "cxl: $cx_step fails: the other window" says 0 'made: region1' cxl-regions
	same "cxl: $cx_step fails: it is there once" "$(ls -d "$cx"/region* | wc -l)" 1
	check "cxl: $cx_step fails: that is the other one" [ -d "$cx/decoder0.0/region1" ]
done
cxl_machine
region pmem "0xa 0 268435456"
rm "$cx/decoder0.0/create_pmem_region"
echo "commit 6" >"$FAKE/fail"
check "cxl: nothing takes it" says 1 'commit of decoder0.1: No such device or address' cxl-regions
no_region "nothing takes it"
rm "$cx/decoder0.1/create_pmem_region"
check "cxl: no window" says 1 'no window takes such regions' cxl-regions
cxl_machine
region pmem "0xa 0 268435456"
echo "dpa_size 28" >"$FAKE/fail"
check "cxl: no memory" says 1 'decoder1.0 does not take 268435456 bytes: No space left' cxl-regions
no_region "no memory"
put "$cx/decoder1.0" dpa_size=1
put "$cx/decoder1.1" dpa_size=1
check "cxl: no decoder" says 1 'endpoint1 has no decoder left' cxl-regions

# what is not persistent is RAM as soon as it is there
cxl_machine
region ram "0xa 0 268435456"
check "cxl: volatile, and nobody says whose it is" says 1 'does not name what is on it, which would be lost' cxl-regions
no_region "volatile"
put "$SYSFS_PATH/module/kmem/parameters" "persist_accept=$cx_uuid:0123"
check "cxl: volatile, accepted" says 0 'made: region0' cxl-regions
same "cxl: volatile" "$(cat "$cx/region0/mode")" ram
cxl_machine
region ram "0xa 0 268435456"
rm "$SYSFS_PATH/module/kmem/parameters/persist_accept"
check "cxl: volatile, and a kmem that does not know" says 1 'of another kernel' cxl-regions
no_region "a kmem that does not know"

# files
cxl_machine
for cx_line in x 'uuid = 1' 'type = some' 'type = pmem x' 'memdev = 0xa 0' 'memdev = 0xa 0 0' 'window = 1'; do
	region pmem "0xa 0 268435456"
	echo "$cx_line" >>"$cx_conf/$cx_uuid.conf"
	check "cxl: '$cx_line'" says 1 "$cx_uuid.conf: line 7 is wrong" cxl-regions
	no_region "'$cx_line'"
done
for cx_line in uuid granularity resource memdev .; do
	region pmem "0xa 0 268435456"
	sed -i "/^$cx_line/d" "$cx_conf/$cx_uuid.conf"
	check "cxl: without $cx_line" says 1 "$cx_uuid.conf: is not complete" cxl-regions
done
# shellcheck disable=SC2046 # one word each
region pmem $(for cx_i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do echo 0xa-0-268435456; done)
sed -i 's/-/ /g; s/^uuid.*/uuid = '"$cx_uuid/" "$cx_conf/$cx_uuid.conf"
check "cxl: too many devices" says 1 "$cx_uuid.conf: line 22 is wrong" cxl-regions
rm "$cx_conf/$cx_uuid.conf"
mkdir "$cx_conf/$cx_uuid.conf"
check "cxl: cannot be read" says 1 "$cx_uuid.conf: cannot be read" cxl-regions
check "cxl: takes no device" runs 16 cxl-regions dax0.0

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The demo's first boot: from an empty NVDIMM to the power cut.
. /share/lib.sh "$1"

step "1. An NVDIMM becomes RAM and a block device, with stock tools"
note "$(nproc) CPUs, $(mib "$(mem_total 0)") MiB of DRAM in node 0, a 2 GiB NVDIMM in node 1"
# with a new NVDIMM, which has no labels: otherwise without "-f -e namespace0.0"
run ndctl create-namespace -f -e namespace0.0 -m devdax --map=mem
device=$(cat /sys/bus/dax/devices/dax0.0/size)
device=$((device / 1024))
run modprobe kmem
printf '  # echo 1 > /sys/module/kmem/parameters/persist_format_type\n'
echo 1 >/sys/module/kmem/parameters/persist_format_type || fail "kmem has no such parameter"
# as with distributions' kernels, the policy for new memory is "online": hence -f
run daxctl reconfigure-device -f --mode=system-ram dax0.0

step "2. It stores a source tree"
until_true 60 [ -b /dev/kmem0 ] || fail "there is no /dev/kmem0"
empty=$(settled 1)
# kmem adds whole memory blocks (128 MiB): a partial one at either end has no RAM
claim "RAM from the empty device" "$(mib "$empty") of $(mib "$device") MiB" \
	[ "$empty" -ge $((device - 3 * 131072)) ]
zones=$(cat /sys/devices/system/node/node1/memory[0-9]*/valid_zones | sort -u | xargs)
claim "The kernel brings it online by itself" "in ZONE_MOVABLE" [ "$zones" = Movable ]
run lsblk -o NAME,SIZE,DISC-GRAN /dev/kmem0
run mkfs.ext4 -q -E lazy_itable_init=0 /dev/kmem0
run mount -o discard /dev/kmem0 /mnt
run sync -f /mnt
before=$(settled 1)
free=$(use absent)
stored=$(use stored)
show_use
run tar -b 512 -xf /share/source.tar -C /mnt
run sync -f /mnt
printf '  # (cd /mnt && sha256sum -c --quiet /share/source.sums)\n'
(cd /mnt && sha256sum -c --quiet /share/source.sums) || fail "checksums differ"
after=$(settled 1)
stored=$(($(use stored) - stored))
show_use
claim "A source tree stored and checked" "$(wc -l </share/source.sums) files, $(mib $stored) MiB" \
	[ "$stored" -gt 65536 ]
claim "RAM fell by what is stored" \
	"$(mib $((before - after))) MiB; $(mib "$free") MiB went where kmem has no RAM" \
	near $((before - after)) $((stored - free)) 32768
claim "RAM + stored + ready = the device" "to the page" until_true 60 adds_up

step "3. RAM and storage share the device, at the same time"
free=$(sed -n 's/^Node 1 MemFree: *\([0-9]*\) kB/\1/p' /sys/devices/system/node/node1/meminfo)
fill=$((free / 1024 * 85 / 100))
printf '  # nice numactl --preferred=1 ramfill %s &\n' "$fill"
nice numactl --preferred=1 ramfill "$fill" >/tmp/ramfill &
ramfill=$!
until_true 120 grep -q filled /tmp/ramfill || fail "ramfill does not start: $(cat /tmp/ramfill)"
start=$(settled 1)
run dd if=/dev/urandom of=/mnt/big bs=1M count=128 conv=fsync status=none
full=$(settled 1)
sum=$(sha256sum </mnt/big)
note "MemTotal of node 1: $(mib "$start") -> $(mib "$full") MiB"
claim "A file of 128 MiB takes RAM that a program filled" "$(mib $((start - full))) MiB" \
	[ $((start - full)) -ge $((96 * 1024)) ]
[ "$(sha256sum </mnt/big)" = "$sum" ] || fail "the file changed"
run rm /mnt/big
run sync -f /mnt
run fstrim /mnt
given_back() { [ "$(mem_total 1)" -gt "$full" ]; }
until_true 60 given_back
back=$(settled 1)
note "MemTotal of node 1: $(mib "$full") -> $(mib "$back") MiB"
claim "Deleting and trimming it gives them back" "$(mib $((back - full))) MiB" \
	[ $((back - full)) -ge $((96 * 1024)) ]
rounds=$(grep -c round /tmp/ramfill)
one_more() { [ "$(grep -c round /tmp/ramfill)" -gt "$rounds" ]; }
until_true 60 one_more || fail "ramfill: $(tail -n 1 /tmp/ramfill)"
kill "$ramfill"
wait "$ramfill" || fail "ramfill: $(tail -n 1 /tmp/ramfill)"
claim "The program's memory stayed as written" "$fill MiB, $(grep -c round /tmp/ramfill) rounds" \
	[ "$(grep -c WRONG /tmp/ramfill)" -eq 0 ]

step "4. The power fails while files are written"
mkdir /mnt/cut
note "each file is synced, then reported to the host, which pulls the plug"
i=0
while :; do
	i=$((i + 1))
	dd if=/dev/urandom of=/mnt/cut/$i bs=64k count=$((i % 16 + 1)) conv=fsync status=none ||
		fail "cannot write"
	(cd /mnt && sha256sum cut/$i) >/tmp/sum
	cat /tmp/sum >/dev/virtio-ports/ack
done

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The demo's second boot: the same NVDIMM, no parameter, after the power cut.
. /share/lib.sh "$1"

note "booted again; kernel command line: $(cat /proc/cmdline)"
run daxctl reconfigure-device -f --mode=system-ram dax0.0
until_true 60 [ -b /dev/kmem0 ] || fail "there is no /dev/kmem0"
claim "After the power cut, without any parameter" "/dev/kmem0 is back" [ -b /dev/kmem0 ]
printf '  # e2fsck -p /dev/kmem0\n'
e2fsck -p /dev/kmem0 | sed 's/^/    /'
[ "${PIPESTATUS[0]}" -le 1 ] || fail "e2fsck found more than a journal to replay"
printf '  # e2fsck -fn /dev/kmem0\n'
e2fsck -fn /dev/kmem0 >/tmp/fsck 2>&1
rc=$?
tail -n 1 /tmp/fsck | sed 's/^/    /'
claim "e2fsck after the replay of the journal" "clean" [ $rc -eq 0 ]
run mount -o discard /dev/kmem0 /mnt
printf '  # (cd /mnt && sha256sum -c --quiet /share/source.sums /share/cut.sums)\n'
(cd /mnt && sha256sum -c --quiet /share/source.sums /share/cut.sums) ||
	fail "data that was synced is not there"
claim "Every synced file has its checksum" \
	"$(wc -l </share/source.sums) + $(wc -l </share/cut.sums) files" [ -s /share/cut.sums ]
settled 1 >/dev/null
show_use
claim "The rest is RAM" "$(mib "$(mem_total 1)") of $(mib "$(use capacity)") MiB" until_true 60 adds_up

step "5. To devdax and back"
run umount /mnt
run daxctl reconfigure-device -f --mode=devdax dax0.0
claim "Back to devdax" "no RAM left in node 1" [ "$(mem_total 1)" -eq 0 ]
[ ! -e /dev/kmem0 ] || fail "/dev/kmem0 is still there"
run daxctl reconfigure-device -f --mode=system-ram dax0.0
until_true 60 [ -b /dev/kmem0 ] || fail "there is no /dev/kmem0"
run mount /dev/kmem0 /mnt
printf '  # (cd /mnt && sha256sum -c --quiet /share/source.sums /share/cut.sums)\n'
(cd /mnt && sha256sum -c --quiet /share/source.sums /share/cut.sums) || fail "checksums differ"
claim "And to system-ram again: data still there" "$(mib "$(settled 1)") MiB RAM" [ -d /mnt/source ]
run umount /mnt

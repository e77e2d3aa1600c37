# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# Who does not wait for whom: long work of each kind stands still, with all that it
# holds (debugfs, kmem_persist/pause), and others go on. And what anybody could do as
# often as he likes has bounds: events, writes to the superblock. The table is in
# Documentation/driver-api/dax-kmem-persist.rst, "Who waits for whom".
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

gcc -O2 -Wall -static -o share/bother "$T_PARTS.bother.c"

guest_start waits --timeout 280 --share share --nvdimm share/nv0:384M --nvdimm share/nv1:384M
serve_sums waits
guest_wait waits
check "as the format demands" sb share/nv0 check
check "the other one, too" sb share/nv1 check

# the system goes down while somebody unplugs a device
guest_start down --timeout 200 --nvdimm nv2:256M
guest_wait down
check "it went that far, and down" grep -qx rebooting down.out
check "as the format demands" sb nv2 check
finish

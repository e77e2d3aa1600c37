# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# Bios that wait for space are parked: who freezes the queue, reads, overwrites and
# discards go on; what is parked has a bound, an order and a deadline; and the disk can be
# taken away at any time.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

gcc -O2 -Wall -pthread -static -o share/park "$T_PARTS.park.c"

guest_start parked --timeout 380 --share share --nvdimm nv0:384M --nvdimm nv1:384M
guest_wait parked
check "as the format demands" sb nv0 check
check "the other one, too" sb nv1 check
finish

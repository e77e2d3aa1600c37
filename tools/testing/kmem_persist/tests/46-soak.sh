# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# Everything at once: data is written and verified, trimmed, compacted, a program
# uses the RAM, the disks shall be unplugged, processors and memory blocks go and
# come. For 40 seconds, or for ten minutes with --deep.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest soak --timeout $((290 * T_DEEP)) --nvdimm nv0:512M --nvdimm nv1:384M
check "as the format demands" sb nv0 check
check "the other, too" sb nv1 check
finish

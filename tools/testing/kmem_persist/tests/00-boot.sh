# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# The test kernel boots, an NVDIMM becomes a devdax namespace, and stock tools
# make system RAM of it and take it back.
. "$KP_DIR/lib/testlib.sh"

guest boot --nvdimm nv0:1G:own <<'END'
. /usr/lib/guest/lib.sh
check "KASAN is on" grep -q kasan /proc/kallsyms
check "a devdax namespace" nvdimm_dax 0
same "the node has no RAM yet" "$(mem_total 1)" 0
check "to system-ram" to_ram dax0.0
total=$(mem_total 1)
check "the node's RAM is nearly the device ($total kB)" [ "$total" -ge 786432 ]
check "a program runs in that RAM" numactl -m 1 sha256sum /bin/bash
check "and back to devdax" to_dax dax0.0
same "the RAM is gone" "$(mem_total 1)" 0
check "no leaks" leaks
END
finish

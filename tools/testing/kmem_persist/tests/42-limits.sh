# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# kernel: test distro
# processors: 1
# What an administrator can set and hear of: reserve, limit, what is kept, the
# low-water mark, the time to wait for space; what is refused, what survives a
# reboot; and what happens when space runs out.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro
. "$KP_DIR/tests/common.sh"
tools

# 126 MiB of the device cannot be RAM and are used for storage first
guest first --timeout 380 --nvdimm nv0:384M
check "as the format demands" sb nv0 check
same "the superblock has the reserve" "$(sb nv0 get primary reserve_bytes)" $((6 << 20))
same "the superblock has the limit" "$(sb nv0 get primary limit_bytes)" $((14 << 20))
same "the backup has the limit" "$(sb nv0 get backup limit_bytes)" $((14 << 20))
# a kernel that did not mind
sb nv0 set both reserve_bytes=65536

guest second --nvdimm nv0
check "as the format demands" sb nv0 check
same "the superblock has no limit" "$(sb nv0 get primary limit_bytes)" 0

guest small --nvdimm nv1:384M
finish

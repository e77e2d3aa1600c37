# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# kernel: test distro
# processors: 1
# Bad input to every parameter and attribute: an errno, and nothing changes.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro
. "$KP_DIR/tests/common.sh"
tools

guest_start bad --share share --nvdimm nv0:256M
serve_sums bad
guest_wait bad
check "as the format demands" sb nv0 check
finish

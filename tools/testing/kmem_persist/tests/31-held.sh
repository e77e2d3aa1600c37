# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# kernel: test distro
# processors: 1
# One damaged superblock is repaired from the other. Whatever else is wrong or
# not understood, the device is held: nothing released, nothing written, the log
# says why.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro
. "$KP_DIR/tests/common.sh"
tools

guest_start held --timeout 450 --share share --nvdimm share/nv0:256M
serve_sums held
guest_wait held
check "good to the end" sb share/nv0 check
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# kernel: distro
# Filesystems outlive a disk that is full: their metadata goes beyond the limit, so far as
# metadata_bytes says, and files can be deleted then. ext4 as mkfs makes it, through device
# mapper, and XFS.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest metadata --timeout 380 --nvdimm nv0:1152M:own
check "as the format demands" sb nv0 check
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 200
# kernel: test distro
# processors: 1
# Names that stay: the links below /dev/disk that the udev rule makes, for disks,
# partitions, filesystems, labels that change, and disks that get another number.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro

mkdir -p share
cp "$KP_TOP/tools/dax/kmem-persist/60-kmem-persist.rules" share/
cp "$T_PARTS.links.guest" share/links.sh

guest first --share share --nvdimm nv0:384M --nvdimm nv1:384M

# the last shall be first
guest second --share share --nvdimm nv0 --nvdimm nv1
finish

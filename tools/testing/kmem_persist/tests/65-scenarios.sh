# SPDX-License-Identifier: GPL-2.0
# timeout: 900
# kernel: test distro
# Two tables: what can happen to a device, and how it can come, for each of the things
# that it can be. Each cell says what comes of it. After each the device is what it was
# before, every byte is accounted for, its data is there, and where nothing must be
# written nothing was. A third of the events, orders and ways, but with --deep.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro
. "$KP_DIR/tests/common.sh"
tools

# for both guests; nv0 is PLAIN, nv1 HELD, nv2 NONE, nv3 has a disk with a filesystem
# and a partition that is written to
cp "$T_PARTS.cells.guest" share/cells.sh

guest_start going --timeout 900 --share share --mem 1G --nvdimm share/nv0:384M --nvdimm share/nv1:384M \
	--nvdimm share/nv2:384M --nvdimm share/nv3:384M
serve_sums going
guest_wait going

for i in 2 3; do
	check "nv$i: as the format demands" sb share/nv$i check
	same "nv$i: clean" "$(sb share/nv$i get primary state)" 1
done
# what was damaged is not, when it is damaged in the same way
sb share/nv1 damage both
check "nv1: as the format demands" sb share/nv1 check
sb share/nv1 extract disk
check "nv1: its data" share/kmemio check disk 0 512 2
sb share/nv1 set both type=77

guest_start coming --timeout 900 --append slab_strict_numa --share share --mem 1G --nvdimm share/nv0 --nvdimm share/nv1 \
	--nvdimm share/nv2 --nvdimm share/nv3
serve_sums coming
guest_wait coming
finish

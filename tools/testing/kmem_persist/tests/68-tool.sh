# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# kernel: test distro
# processors: 1
# kmem-persist on devices themselves, /dev/daxX.Y, and the kernel on what it leaves: each
# has to read what the other has written. What the program does to a device in other ways
# is looked at with images, by 06-tool.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro
. "$KP_DIR/tests/common.sh"
tools
guest_tool

guest tool --share share --nvdimm share/nv0:384M
finish

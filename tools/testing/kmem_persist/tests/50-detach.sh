# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# kernel: test distro
# Taking a device out of service: by unplug, by daxctl, by unbind, idle and in
# use; what is refused is explained and changes nothing; data stays in each case.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro 2
. "$KP_DIR/tests/common.sh"
tools

guest first --nvdimm nv0:512M --nvdimm nv1:256M
check "the device as the format demands" sb nv0 check
same "clean" "$(sb nv0 get primary state)" 1
guest second --nvdimm nv0 --nvdimm nv1
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# processors: 1
# Guard rails: kernels that cannot use the data do not destroy it, copies are not taken
# for the original, the system is not hibernated, a kdump kernel keeps its hands off.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

# made by hand, at format
guest_start make --share share --nvdimm share/nv0:256M --nvdimm share/nv1:256M
guest_line make '^copy$'
eval "$(sb share/nv0 info)"
dd if=share/nv0 of=share/nv1 bs=1M iflag=skip_bytes,count_bytes oflag=seek_bytes \
	skip="$offset" seek="$offset" count="$bytes" conv=notrunc status=none
: >share/copied
guest_wait make
same "the original has its marker" "$(sb share/nv0 marker)" good
same "the copy has one of its own" "$(sb share/nv1 marker)" good
check "the copy is as the format demands" sb share/nv1 check
rm share/nv1

# without CONFIG_DEV_DAX_KMEM_PERSIST, and in a kdump kernel
guest_start off --share share --nvdimm share/nv0:256M
serve_sums off
guest_wait off

guest_start kdump --share share --nvdimm share/nv0:256M --append elfcorehdr=0x1000
serve_sums kdump
guest_wait kdump

# with the feature: the same way out
guest_start on --share share --nvdimm share/nv0:256M
guest_wait on
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 200
# processors: 1
# A region that binds itself at boot (soft-reserved memory, as CXL RAM does) is
# not formatted because a parameter says so for devices in general, but only when
# that device was named. An NVDIMM beside it, which somebody binds, is. On the command line
# the parameter has to name the device, whichever it is. What is on such a region is data
# only as long as root says so outside of its memory.
. "$KP_DIR/lib/testlib.sh"

guest hmem --mem 3G --nvdimm nv0:256M \
	--append 'memmap=512M%4G+0xefffffff kmem.persist_format_type=1'

# CXL memory that is volatile comes the same way: whatever is in it when the region is made
# was somebody's. QEMU keeps it over this boot, so that it can be given to somebody.
gcc -O2 -Wall -static -I"$KP_TOP/include/uapi" -o forge "$KP_DIR/guest/forge.c"
./forge -o unit 00000000-0000-0000-0000-000000000000 fe12ed00-89ab-4cde-8f01-23456789abcd \
	00112233445566778899aabbccddeeff $((512 << 20))
for i in $(seq 0 255); do
	cat unit
done >cxl0
guest cxl --mem 1G --cxl cxl0:512M:ram -- cxl "$(cxl_serial cxl0)"
finish

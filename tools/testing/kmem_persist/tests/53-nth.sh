# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# processors: 1
# Allocations on the way in and out fail, one at a time: a device goes into service or
# says why it does not, or stays out; it leaves or stays; and its data is there the next
# time. About 20 of each way, which the commit decides, or with --deep all: those of the task that does it, with a
# function of a module below it. What falls back to other memory is not refused by that.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools
guest_tool

log_report 'page allocation failure|vmalloc error'

# kmemleak would be refused memory in the names of those whom it watches, and end
guest nth --timeout $((390 * T_DEEP)) --share share --nvdimm share/nv0:256M \
	--append kmemleak=off
check "as the format demands" tool/kmem-persist check share/nv0
finish

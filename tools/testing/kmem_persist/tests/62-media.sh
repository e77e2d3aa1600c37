# SPDX-License-Identifier: GPL-2.0
# timeout: 700
# processors: 1
# Media errors: known when the device is bound, found by reading, found by the kernel's
# own memory_failure(). One costs the page that it hits, and that page is not handed out
# or lent, unless the platform clears it when it holds nothing. Errors in the map hold the
# device where there is no other copy, one in a superblock does not.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

# memory_failure() says what it did
log_allow 'Memory failure:|Injecting memory failure|blk_update_request|Buffer I/O error|I/O error, dev kmem0|hwpoison'
guest_start media --timeout 690 --share share --nvdimm share/nv0:512M
serve_sums media
guest_wait media
check "good to the end" sb share/nv0 check

# two copies of the map above its leaves
guest_start twins --timeout 200 --share share --nvdimm share/nv1:512M
guest_wait twins
check "twins: good to the end" sb share/nv1 check

# what goes bad at a bad moment
guest_start settle --timeout 300 --share share --nvdimm share/nv2:512M
serve_sums settle
guest_wait settle
check "settle: good to the end" sb share/nv2 check
finish

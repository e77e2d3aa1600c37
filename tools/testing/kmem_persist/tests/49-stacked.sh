# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# The disk below other things while a program uses the RAM of its node: a loop
# device, encryption, a swap file, a filesystem without a free block; and RAM that is
# needed at the moment at which a discard ends.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest stacked --timeout 580 --nvdimm nv0:640M --nvdimm nv1:256M --mem 1G --append kmemleak=off
check "as the format demands" sb nv0 check
check "the other, too" sb nv1 check
finish

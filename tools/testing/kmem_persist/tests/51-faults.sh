# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# The shrinker takes what is kept ready for writes; and allocations of all kinds
# fail, often, while data is written, read and discarded: what was acknowledged is
# there, and when they work again, everything does.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

log_report 'invoked oom-killer|page allocation failure|vmalloc error'

guest faults --mem 1G --nvdimm nv0:640M --append kmemleak=off
check "as the format demands" sb nv0 check
finish

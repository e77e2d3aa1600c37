# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# Others keep the RAM that storage wants: they isolate it and wait for its writeback,
# they have a reference to one page in every pageblock, they have huge pages, a memory
# block goes offline. Who does so has no capabilities where none are needed. What can be
# taken is taken, and in time; else there are a deadline, a line of the log and
# counters, and the worker neither spins nor keeps others from their work. What an
# administrator has set stays, and what is free is not more than what there is.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest isolators --timeout 480 --mem 1G --nvdimm nv0:640M:own --append kmemleak=off
check "as the format demands" sb nv0 check
finish

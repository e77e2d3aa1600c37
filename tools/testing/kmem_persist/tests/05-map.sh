# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# kernel: none
# The map of BLK, compiled for userspace from the kernel's files: unit tests,
# damaged images, threads, crashes at every moment, and mutants that must be
# caught.
. "$KP_DIR/lib/testlib.sh"

rc=0
make -s -C "$KP_DIR/map" check O="$PWD/build" >map.out 2>&1 || rc=$?
grep -E 'passed|mutants|images' map.out | sed 's/^/# /' || :
check "it says that all passed" grep -qE '^[0-9]+ passed, 0 failed' map.out
check "mutants were tried and caught" grep -qE '[0-9]+ mutants, [0-9]+ caught' map.out
same "exit status" "$rc" 0
[ "$rc" -eq 0 ] || tail -n 30 map.out | sed 's/^/# /'
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# Pages change hands all the time and are not erased. What programs had in them must
# not show up in the disk, nor what the disk had in them in programs. Until 300,000 pages
# have changed hands, a million with --deep.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest canary --timeout $((390 * T_DEEP)) --nvdimm nv0:512M \
	--append "init_on_alloc=0 init_on_free=0 page_poison=0"
out=$(sed -n 's/^ok \([0-9]* pages changed hands.*\)/\1/p' canary.out)
check "rounds were done: $out" [ "${out%% *}" -ge 300000 ]
check "as the format demands" sb nv0 check
# the check can fail: the canaries are there, in RAM that the device is
found=$(share/canary count nv0)
check "$found pages of the device are canaries" [ "$found" -ge 1000 ]
sb nv0 extract disk >/dev/null
check "none of them is in the disk" eval 'share/canary scan disk >scanned'
finish

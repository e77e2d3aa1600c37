# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# zero_on_free and secure erase: what the disk says is gone is nowhere on the
# device, wherever it was before; and nothing is promised that was not kept from the
# beginning. The host searches the image.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

# serve_searches NAME: count pages with a word in the image, while that guest runs
serve_searches() {
	serve_pid=$(cat "$1.pid")
	rm -f share/ask share/answer
	while kill -0 "$serve_pid" 2>/dev/null; do
		if [ -f share/ask ]; then
			serve_word=$(cat share/ask)
			rm -f share/ask
			share/pages nv0 "the secret is $serve_word and" >share/answer.tmp
			mv share/answer.tmp share/answer
		fi
		sleep 0.1
	done &
}

gcc -O2 -Wall -static -o share/pages "$T_PARTS.pages.c"

: >acks
guest_start first --share share --nvdimm nv0:256M:own --second acks -- erase first
serve_searches first
check "ready" until_matches acks '^ready' 1 300
guest_cut first
same "not clean" "$(($(sb nv0 get primary state) & 1))" 0
guest_start second --share share --nvdimm nv0 -- erase second
serve_searches second
guest_wait second
check "as the format demands" sb nv0 check
finish

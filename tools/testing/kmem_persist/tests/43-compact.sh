# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# Data that is written and discarded block by block is scattered over all
# pageblocks. The compactor gathers it, so that nearly all of what holds no data is
# RAM, while writers and readers go on; also when the power fails in between.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest churn --timeout $((390 * T_DEEP)) --nvdimm nv0:512M
check "as the format demands" sb nv0 check
churned=$(sed -n 's/^churned //p' churn.out)
check "the guest said what it did" [ -n "$churned" ]
# shellcheck disable=SC2086
set -- $churned
sb nv0 extract disk >/dev/null
check "all data is on the device" share/kmemio churned disk 0 "$@" 2
rm -f disk

# The power fails while data is on its way. A: combed, and left alone. B: written
# and combed all the time. C: what is acknowledged is written down.

: >share/acks
round=1
while [ $round -le 2 ]; do
	acks=$(wc -l <share/acks)
	guest_start cut$round --share share --nvdimm nv0 --second share/acks -- cut $round "$@"
	guest_line cut$round '^writing' 200 || break
	check "cut$round: blocks are written" until_matches share/acks '^w ' $((acks + 100)) 100
	check "cut$round: data moves" until_matches cut$round.out '^moved ' $((3 * round)) 100
	guest_cut cut$round
	check "cut$round: as the format demands" sb nv0 check
	sb nv0 extract disk >/dev/null
	check "cut$round: A" share/kmemio combed disk 0 60000 $round 8
	check "cut$round: B" share/kmemio whole disk 70000 20000
	check "cut$round: C" share/kmemio acked disk 60000 8192 share/acks
	rm -f disk
	round=$((round + 1))
done
guest after --share share --nvdimm nv0 -- cut last "$@"
check "as the format demands" sb nv0 check
same "two unclean attaches" "$(sb nv0 get primary unclean_count)" 2
finish

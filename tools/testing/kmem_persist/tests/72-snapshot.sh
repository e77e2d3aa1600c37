# SPDX-License-Identifier: GPL-2.0
# timeout: 1300
# Snapshots of a disk: they come under load, go and give their RAM back, the disk is rolled back
# to them, exactly; all of that is still so after an unplug, and when the power has failed. What
# is damaged in one of them costs nobody else anything. sbedit, which shares no code with the
# kernel, says what is on the media.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest_start snapshot --timeout 900 --share share --nvdimm share/nv0:512M
guest_wait snapshot
check "good to the end" sb share/nv0 check
same "no directory is left" "$(sb share/nv0 directory)" "0 0"
same "old kernels may have it" "$(sb share/nv0 get primary feat_incompat)" 0

# The power fails while snapshots come and go, and the disk is written to. What was said to be
# there is, with the content that it had then.
: >share/acks
round=1
while [ $round -le 2 ]; do
	guest_start cut$round --share share --nvdimm nv1:256M --second share/acks -- cut $round
	guest_line cut$round '^writing' || break
	check "cut$round: snapshots come" until_matches share/acks '^made ' $((4 * round)) 100
	check "cut$round: and go" until_matches share/acks '^gone ' $((4 * round - 3)) 100
	guest_cut cut$round
	check "cut$round: as the format demands" quietly sb nv1 check
	last=$(sed -n 's/^made \([0-9]*\) \.$/\1/p' share/acks | tail -n 1)
	sb nv1 extract disk "s$last" >/dev/null
	check "cut$round: snapshot s$last" share/kmemio check disk 0 2000 "$last"
	gone=$(sed -n 's/^gone \([0-9]*\) \.$/\1/p' share/acks | tail -n 1)
	same "cut$round: s$gone is deleted" "$(sb nv1 snapshot "s$gone")" ""
	rm -f disk
	round=$((round + 1))
done
# one bit of the directory
# shellcheck disable=SC2046 # two numbers
set -- $(sb nv1 directory)
check "two copies of the directory: $1 and $2" [ "$1" -ge 512 -a "$2" -ge 512 -a "$1" -ne "$2" ]
sb nv1 flip "$1" 0x158
guest after --share share --nvdimm nv1 -- cut last "$last"
check "as the format demands" sb nv1 check
same "two unclean attaches" "$(sb nv1 get primary unclean_count)" 2
finish

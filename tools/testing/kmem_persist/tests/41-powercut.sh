# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# The power fails while blocks and files are written. Whatever was acknowledged
# before is there afterwards: in images that the host takes from the stopped
# machine, and after each cut in the next boot. One device carries blocks that
# say what they must be, another a filesystem. With --deep, 100 cuts at random moments
# more, see powercut.sh, and a third boot.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools
cut_tools

# offline NAME IMAGE0 IMAGE1 ACKS: check both without a kernel
offline() {
	check "$1: raw device as the format demands" quietly cut_format "$2"
	check "$1: filesystem's device as the format demands" quietly cut_format "$3"
	check "$1: every acknowledged block" quietly cut_blocks "$2" "$4"
	check "$1: e2fsck" quietly cut_fs "$3"
	check "$1: every synced file" quietly cut_files "$4"
}

: >share/acks
last=2
[ -z "${KP_DEEP:-}" ] || last=3
round=1
while [ $round -le $last ]; do
	rm -f qemu.pid
	guest_start cut$round --share share --nvdimm nv0:256M --nvdimm nv1:384M --second share/acks \
		--qemu "-pidfile $PWD/qemu.pid" -- "$KP_DIR/tests/cut.guest" $round "$CUT_BLOCKS" $((round * 1000000000))
	guest_line cut$round '^writing' || break
	for snap in 1 2; do
		check "cut$round: the guest writes" cut_on 4 1
		kill -STOP "$(cat qemu.pid)"
		cp --sparse=always nv0 snap0
		cp --sparse=always nv1 snap1
		cut_log snap.acks
		kill -CONT "$(cat qemu.pid)"
		offline "cut$round, image $snap" snap0 snap1 snap.acks
	done
	check "cut$round: the guest writes on" cut_on 3 1
	# in the end there are 300, however slow the machine is
	check "cut$round: and blocks, too" until_matches share/acks '^w ' $((round * 150)) 300
	guest_cut cut$round
	round=$((round + 1))
done
guest after --share share --nvdimm nv0 --nvdimm nv1 -- \
	"$KP_DIR/tests/cut.guest" $round "$CUT_BLOCKS" 0 last
same "unclean attaches" "$(sb nv0 get primary unclean_count)" $last
same "clean at last" "$(sb nv0 get primary state)" 1
check "blocks were discarded" grep -q '^d ' share/acks
check "atomic groups were written" grep -q '^a ' share/acks
check "blocks were written ($(grep -c '^w ' share/acks))" [ "$(grep -c '^w ' share/acks)" -ge 300 ]
if [ -n "${KP_DEEP:-}" ]; then
	mkdir cuts
	rc=0
	(cd cuts && sh "$KP_DIR/tests/powercut.sh" 100 "$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')") \
		>cuts.out 2>cuts.err || rc=$?
	sed 's/^/# /' cuts.out
	same "100 power cuts" $rc 0
fi
finish

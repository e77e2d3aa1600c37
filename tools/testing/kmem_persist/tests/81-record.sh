# SPDX-License-Identifier: GPL-2.0
# timeout: 240
# Every store, write back and fence of the running kernel is recorded, from the format
# to the end, while fio and a filesystem write. From that log all that power failures
# could have left is rebuilt at every fence, and looked at with the kernel's own code:
# each block holds what it was last acknowledged to hold, or what was being written.
. "$KP_DIR/lib/testlib.sh"

mkdir -p share plain
truncate -s 256M log
check "replay is built" make -s -C "$KP_DIR/record" O="$PWD/build"
check "kmem-persist is built" make -s -C "$KP_TOP/tools/dax/kmem-persist" OUTPUT="$PWD/plain/"

guest record --mem 1536M --nvdimm nv:256M \
	--qemu "-drive file=$PWD/log,format=raw,if=none,id=d0,cache=unsafe -device virtio-blk-pci,drive=d0"

# looked STATUS NAME ARG...: run replay
looked() {
	looked_rc=0
	looked_want=$1
	looked_name=$2
	shift 2
	build/replay "$@" log >looked.out 2>&1 || looked_rc=$?
	sed 's/^/# /' looked.out
	same "$looked_name: exit status" $looked_rc "$looked_want"
}
looked 0 "what may be left" -s 1 -r 10 -w 12 -o image
check "the log is whole" eval '! grep "the log was full" looked.out'
check "some thousand images" [ "$(sed -n 's/.* \([0-9]*\) images.*/\1/p' looked.out)" -ge 10000 ]

# the same, by others

# whole IMAGE: nothing is wrong, or nothing but one copy of the superblock, which a power
# failure may have torn and which the other one mends
whole() {
	plain/kmem-persist check "$1" >check.out 2>&1 && return
	cat check.out
	[ "$(grep -c '^error: ' check.out)" = 1 ] &&
		grep -Eq '^error: (primary|backup) superblock, ' check.out || return
	echo "one copy of the superblock is torn: repaired from the other"
	plain/kmem-persist repair -y "$1" >check.out 2>&1
	plain/kmem-persist check "$1" 2>&1
}
# scribble PAGE: into its middle, as a torn update of the superblock
scribble() {
	printf torn | dd of=torn bs=1 seek=$(($1 * 4096 + 2048)) conv=notrunc status=none
}
last=511
cp --sparse=always image.11 torn
scribble 0
check "a torn primary superblock is one that is mended" whole torn
scribble $last
check "so is a backup" whole torn
scribble 0
scribble $last
check "both are not" eval '! whole torn'
rm torn

for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
	check "image $i: kmem-persist check" whole image.$i
	plain/kmem-persist extract image.$i disk >/dev/null || not_ok "image $i: extract"
	# the filesystem comes at some time
	if [ "$(od -An -tx2 -j $((33 * 1048576 + 1080)) -N 2 disk | tr -d ' ')" = ef53 ]; then
		dd if=disk of=part bs=1M skip=33 conv=sparse status=none
		rc=0
		e2fsck -p part >fsck.out 2>&1 || rc=$?
		check "image $i: e2fsck -p finds a journal to replay, no more ($rc)" [ $rc -le 1 ]
		check "image $i: e2fsck -f" e2fsck -fn part >fsck.out 2>&1
		fs=yes
	fi
	rm -f disk part image.$i
done
check "a filesystem was among them" [ "${fs:-}" = yes ]

# who leaves out a rule finds that it is needed
looked 1 "fences do nothing" -s 1 -x fence
looked 1 "write backs do nothing" -s 1 -x wb
finish

# SPDX-License-Identifier: GPL-2.0
# Part of tests/06-tool.sh: snapshots, of images that golden/make.sh has made, and of a device
# in use, which is a folder and a script. Needs "runs" and the like, and $in_use.

# label of the first, and of the second: the directory's pages, the root of the second one
sn_dir=$("$kp" dump --map --json snapshots.img | jq -r '[.directory[].dpn] | join(" ")')
sn_root=$("$kp" dump --map --json snapshots.img | jq '.snapshots[1].map[0].dpn')

# offline: which there are
check "snapshots: info" says 0 '^ *label +"two"' info snapshots.img
check "snapshots: info: JSON" json 0 info snapshots.img
same "snapshots: info: all" "$(jq -c '[.snapshots[] | [.id, .label, .parent, .damaged]]' out)" \
	'[[4,"one",0,false],[5,"two",4,false]]'
check "snapshots: list" says 0 '^ +5 2023-11-14 22:14:55 +3 GiB ok +two$' snapshot list snapshots.img
same "snapshots: list: a line each" "$(wc -l <out)" 3
check "snapshots: list: JSON" json 0 snapshot list snapshots.img
same "snapshots: list: JSON: all" "$(jq -c '[.snapshots[] | [.id, .label, .disk_bytes, .state]]' out)" \
	'[[4,"one",3221225472,"ok"],[5,"two",3221225472,"ok"]]'
check "snapshots: list: none" json 0 snapshot list blk.img
same "snapshots: list: none: empty" "$(jq -c .snapshots out)" '[]'
check "snapshots: list: nobody knows" says 4 'no good copy of the directory' snapshot list directories.img
check "snapshots: info: nobody knows" says 4 '^held .*no good copy of the directory' info directories.img
check "snapshots: list: no block device" says 8 'no block device' snapshot list none.img
check "snapshots: list: damaged" says 0 'damaged +two$' snapshot list gone.img
for name in snapshots directory snapshot gone; do
	"$kp" dump --map --json "$name.img" >dump.json || :
	same "snapshots: dump: JSON: $name" "$(jq -c '[.snapshots[].label]' dump.json)" '["one","two"]'
done
# pages are counted once, however many have them
check "snapshots: check: JSON" json 0 check snapshots.img
"$kp" dump --map --json snapshots.img >dump.json
alike "snapshots: check: pages of data" "$(jq .summary.data_blocks out)" \
	"$(jq '[.map, .snapshots[].map] | flatten | [.[] | select(.kind == "data") | range(.dpn; .dpn + .blocks)] | unique | length' dump.json)"
alike "snapshots: check: nodes" "$(jq .summary.node_pages out)" \
	"$(jq '[.map, .snapshots[].map] | flatten | [.[] | select(.kind == "node") | .dpn, .twin_dpn // .dpn] | unique | length' dump.json)"
same "snapshots: check: how many" "$(jq .summary.snapshots out)" 2

# blocks FILE: which have their own number at both ends; the others are holes
blocks_of() {
	for n in 0 1 2 511 600 601 153700 153701 153702 153703; do
		sn_got=$(dd if="$1" bs=4096 skip="$n" count=1 status=none | tr -d '\0')
		[ -z "$sn_got" ] || echo "$sn_got" | sort -u
	done | sed 's/^block //' | tr '\n' ' '
}
# what a snapshot was, the disk has changed since
for name in one 5; do
	check "extract: snapshot $name" says 0 'missing_bytes +0$' extract --force --snapshot "$name" snapshots.img "s.$name"
	same "extract: snapshot $name: size" "$(stat -c %s "s.$name")" 3221225472
done
check "extract: the disk" runs 0 extract --force snapshots.img s.disk
same "extract: the first" "$(blocks_of s.one)" "0 1 2 511 153700 153702 153703 "
same "extract: the second" "$(blocks_of s.5)" "0 1 2 511 153700 153701 153702 153703 "
same "extract: the disk is another one" "$(blocks_of s.disk)" "1 2 511 600 601 153700 153701 153702 153703 "
check "extract: no such snapshot" says 8 'no snapshot with this label or id: three' extract --snapshot three snapshots.img s.3
check "extract: that makes no file" [ ! -e s.3 ]
check "extract: nobody knows which there are" says 4 'no good copy of the directory' extract --snapshot one directories.img s.3
check "extract: the disk all the same" runs 0 extract --force directories.img s.3
same_file "extract: which is the same" s.disk s.3
check "extract: nothing is left" says 4 'missing_bytes +3221225472' extract --force --snapshot two gone.img s.3
check "extract: a root is gone" says 4 'missing_bytes +3221225472' extract --force --snapshot two snapshot.img s.3
check "extract: the other one is not" says 0 'missing_bytes +0$' extract --force --snapshot one snapshot.img s.3
same_file "extract: and is the same" s.one s.3
"$kp" extract --snapshot one snapshots.img - >s.stream 2>/dev/null
truncate -s 8M s.import
check "extract: a stream" runs 0 import --stream s.import s.stream
check "extract: a stream: extract again" runs 0 extract --force s.import s.3
same_file "extract: a stream is the snapshot" s.one s.3
rm -f s.stream s.import

# diff: what cmp finds, by blocks
differ() {
	cmp -l "$1" "$2" 2>/dev/null | awk '{ b = int(($1 - 1) / 4096); if (b != last) { printf "%d ", b; last = b } }' last=-1
}
# ranges: the same, of the JSON in "out"
ranges() {
	jq -r '[.ranges[] | range(.offset / 4096; (.offset + .length) / 4096)] | map(tostring + " ") | add // ""' out
}
check "diff: two snapshots" json 0 snapshot diff snapshots.img one two
# an atomic write makes new pages of the same content
same "diff: two snapshots: blocks" "$(ranges)" "1 153700 153701 153702 153703 "
check "diff: and the disk" json 0 snapshot diff snapshots.img 5
same "diff: and the disk: blocks" "$(ranges)" "0 600 601 "
same "diff: and the disk: as cmp has it" "$(differ s.5 s.disk)" "0 600 601 "
check "diff: text" says 0 '^  bytes 2457600-2465791, 2 blocks$' snapshot diff snapshots.img two
check "diff: text: how much" grep -q '^differ_bytes  *12288 (12 KiB)$' out
check "diff: with itself" says 0 '^differ_bytes +0$' snapshot diff snapshots.img one 4
check "diff: what is gone differs" says 0 '^differ_bytes +3221225472 ' snapshot diff gone.img one two
check "diff: a root cannot be used" says 4 '^differ_bytes +3221225472 ' snapshot diff snapshot.img one two
check "diff: the other one can" says 0 '^differ_bytes +32768 ' snapshot diff snapshot.img one
check "diff: no such snapshot" says 8 'no snapshot with this label or id: x' snapshot diff snapshots.img x
check "diff: of what" says 16 'wants a snapshot' snapshot diff snapshots.img
check "diff: too much" says 16 'too much' snapshot diff snapshots.img 4 5 6
check "snapshot: what" says 16 "no command 'snapshot lsit'" snapshot lsit snapshots.img
check "snapshot: what at all" says 16 "no command 'snapshot'" snapshot
rm -f s.5 s.3

# repair
for name in directory snapshot; do
	cp "$name.img" r.img
	check "repair: $name: dry run" says 4 'directory of snapshots: written anew' repair -n r.img
	check "repair: $name: that is true" cmp "$name.img" r.img
	check "repair: $name: JSON" json 4 repair -n r.img
	check "repair: $name" runs 1 repair --yes r.img
	check "repair: $name: nothing is left" says 0 ': 0 errors' check r.img
	check "repair: $name: twice" says 0 'nothing to repair' repair -y r.img
	check "repair: $name: the disk" runs 0 extract --force r.img s.3
	same_file "repair: $name: is as it was" s.disk s.3
	check "repair: $name: the first" runs 0 extract --force --snapshot one r.img s.3
	same_file "repair: $name: is as it was, too" s.one s.3
	mv r.img "$name.repaired"
done
check "repair: directory: no block is lost" says 0 ' ok +two$' snapshot list directory.repaired
check "repair: directory: in other pages" [ "$sn_dir" != "$("$kp" dump --map --json directory.repaired |
	jq -r '[.directory[].dpn] | join(" ")')" ]
same_file "repair: snapshot: as it was made" snapshot.repaired gone.img
cp directories.img r.img
check "repair: no directory: nothing is touched" says 4 'obstacle .*no good copy of the directory' repair -y r.img
check "repair: no directory: that is true" cmp directories.img r.img
check "repair: no directory: dry run" says 4 'snapshots: all are given up' repair -n --drop-snapshots r.img
check "repair: no directory: wrote nothing" cmp directories.img r.img
check "repair: no directory: given up" says 1 'snapshots: all are given up' repair -y --drop-snapshots r.img
check "repair: no directory: nothing is left" says 0 ': 0 errors' check r.img
check "repair: no directory: free pages are not erased" grep -q 'REMNANTS' out
check "repair: no directory: the disk" runs 0 extract --force r.img s.3
same_file "repair: no directory: is as it was" s.disk s.3
check "repair: no directory: a kernel can write to it" "$blocks" r.img write 0 100 snapshot new write 0 1
check "repair: no directory: which makes one" says 0 ' ok +new$' snapshot list r.img
cp snapshots.img r.img
check "repair: a good one is not dropped" says 0 'nothing to repair' repair -y --drop-snapshots r.img
# who writes on gives back nothing that a snapshot has
cp directory.repaired r.img
check "a kernel writes on" "$blocks" r.img write 0 200 atomic 153700 4 discard 600 2 snapshot three write 3000 9
check "a kernel writes on: good" says 0 ': 0 errors, 0 notes' check r.img
check "a kernel writes on: the first" runs 0 extract --force --snapshot one r.img s.3
same_file "a kernel writes on: is as it was" s.one s.3

# one page at two places, of two trees: the disk keeps it
sn_leaf=$("$kp" dump --map --json snapshots.img | jq '.snapshots[0].map[] | select(.kind == "node" and .level == 1 and .index == 0) | .dpn')
sn_page=$("$kp" dump --map --json snapshots.img | jq '.map[] | select(.kind == "data" and .lblk == 600) | .dpn')
cp snapshots.img r.img
perl -e 'my ($name, $leaf, $page) = @ARGV;
	sub crc { my ($c, $s) = @_; for (unpack("C*", $s)) { $c ^= $_;
		$c = $c & 1 ? ($c >> 1) ^ 0x82f63b78 : $c >> 1 for 1 .. 8 } $c }
	my $low = 1 << 40 | $page;
	my $check = crc(0x5eed, pack("QQ", 2, $low)) >> 12;
	open(my $io, "+<:raw", $name) or die; seek($io, $leaf * 4096 + 2 * 8, 0);
	print $io pack("Q", $check << 44 | $low);' r.img "$sn_leaf" "$sn_page"
check "one page at two places" says 4 'snapshot 4 \(one\): entry of a leaf, .*level 0 index 2,.* referred to twice' check r.img
same "one page at two places: nothing else" "$(grep -c '^error' out)" 1
check "one page at two places: repaired" runs 1 repair -y r.img
check "one page at two places: good" says 0 ': 0 errors' check r.img
check "one page at two places: the disk keeps it" runs 0 extract --force r.img s.3
same_file "one page at two places: it is as it was" s.disk s.3
check "one page at two places: the snapshot does not" says 4 'bytes 8192-12287, 1 blocks' extract --force --snapshot one r.img s.3
# a node of two trees
sn_node=$("$kp" dump --map --json snapshots.img | jq '.snapshots[0].map[] | select(.kind == "node" and .level == 2) | .dpn')
sn_word=$(od -An -tx8 -j $(($("$kp" dump --map --json snapshots.img | jq '.snapshots[0].map[0].dpn') * 4096)) -N 8 snapshots.img | tr -d ' ')
cp snapshots.img r.img
perl -e 'my ($name, $root, $word) = @ARGV; open(my $io, "+<:raw", $name) or die;
	seek($io, $root * 4096, 0); print $io pack("Q", hex($word))' r.img "$sn_root" "$sn_word"
check "a node of two trees" says 4 "snapshot 5 \(two\): .*page $sn_node, .* referred to twice" check r.img
check "a node of two trees: repaired" runs 1 repair -y r.img
check "a node of two trees: good" says 0 ': 0 errors' check r.img
check "a node of two trees: the first" runs 0 extract --force --snapshot one r.img s.3
same_file "a node of two trees: is as it was" s.one s.3
# a bit of an entry that the disk, or a snapshot, alone has: its page is that of the other one
for sn_i in '.map' '.snapshots[0].map'; do
	cp snapshots.img r.img
	sn_leaf=$("$kp" dump --map --json snapshots.img | jq "$sn_i"'[] | select(.kind == "node" and .level == 1 and .index == 0) | .dpn')
	printf '\377' | dd of=r.img bs=1 seek=$((sn_leaf * 4096 + 2 * 8 + 1)) conv=notrunc status=none
	perl -e 'my ($new, $old, $at) = @ARGV; my @w;
		for ($old, $new) { open(my $io, "<:raw", $_) or die; seek($io, $at, 0); read($io, my $b, 1); push(@w, ord($b)) }
		open(my $io, "+<:raw", $new) or die; seek($io, $at, 0); print $io chr($w[0] ^ 8)' r.img snapshots.img $((sn_leaf * 4096 + 2 * 8 + 1))
	check "a bit of $sn_i" says 4 'one bit is wrong' check r.img
	check "a bit of $sn_i: mended" says 1 '1 of them mended' repair -y r.img
	"$kp" dump --map r.img >got
	"$kp" dump --map snapshots.img >want
	same_file "a bit of $sn_i: all is as it was" got want
done
rm -f s.one s.disk s.3

# every bit, while the rest runs
{
	truncate -s 4M flip2.img
	"$kp" format flip2.img --size 1025M --seed 7 >/dev/null
	"$blocks" flip2.img write 0 3 snapshot one write 1 1 snapshot two write 300 1
	nice -n 10 "$PWD/build/flip" flip2.img >flip2.out 2>&1
} &
flip2_pid=$!

# in use: what the kernel is told, by the program that is linked with a script for it
snapshot_kernel() {
	SYSFS_PATH=$PWD/fake/sys PROC_PATH=$PWD/fake/proc FAKE=$PWD/fake FAKE_KERNEL=$PWD/snapshot-kernel \
		sn_errno=$sn_errno "$@"
}
cat >snapshot-kernel <<'XEOF'
#!/bin/sh
echo "${1##*/} $2 $3" >>"$FAKE/told"
[ "$2" != kmem/snapshot_create ] || [ "$sn_errno" -ne 0 ] ||
	echo "7 $(cat /proc/sys/kernel/random/uuid) $3 1700000000 1048576 ok" >>"$1/kmem/snapshots"
exit "$sn_errno"
XEOF
chmod 755 snapshot-kernel
put "$fake_disk/kmem" 'snapshots=0 00000000-0000-0000-0000-000000000000 - 1700000000 1048576 deleting:40%\n4 01020304-0506-0708-090a-0b0c0d0e0f10 z\0303\0274rich 1700000000 1048576 ok'
sn_kp=$kp
kp=$PWD/build/fake/kmem-persist
sn_errno=0
check "in use: list" snapshot_kernel says 0 '^ +4 2023-11-14 22:13:20 +1 MiB ok +zürich$' snapshot list db
check "in use: list: what is being deleted" grep -qE '^ +0 .* deleting:40% +-$' out
check "in use: list: a disk" snapshot_kernel json 0 snapshot list /dev/kmem0
same "in use: list: JSON" "$(jq -c '[.snapshots[] | [.id, .uuid, .label, .time, .disk_bytes, .state]] | .[1]' out)" \
	'[4,"01020304-0506-0708-090a-0b0c0d0e0f10","zürich",1700000000,1048576,"ok"]'
check "in use: list: none" snapshot_kernel says 8 'no device in use' snapshot list dax1.0
check "in use: list: without a disk" snapshot_kernel says 8 'no disk with snapshots' snapshot list dax10.0
check "in use: create" snapshot_kernel says 0 '^ +7 .* nightly$' snapshot create db nightly
check "in use: create: JSON" snapshot_kernel json 0 snapshot create dax0.0 hourly
same "in use: create: JSON: which" "$(jq -c '[.name, .snapshots[].label]' out)" '["dax0.0","hourly"]'
check "in use: delete" snapshot_kernel says 0 '^kmem0: snapshot 4: deleted$' snapshot delete kmem0 4
check "in use: activate" snapshot_kernel says 0 ': activated$' snapshot activate db nightly
check "in use: deactivate" snapshot_kernel says 0 ': deactivated$' snapshot deactivate db nightly
check "in use: rollback wants to be told" snapshot_kernel says 16 'add --yes' snapshot rollback db nightly
check "in use: rollback" snapshot_kernel says 0 'rolled back to$' snapshot rollback -y db nightly
same "in use: what the kernel was told" "$(cat fake/told)" 'kmem0 kmem/snapshot_create nightly
kmem0 kmem/snapshot_create hourly
kmem0 kmem/snapshot_delete 4
kmem0 kmem/snapshot_activate nightly
kmem0 kmem/snapshot_deactivate nightly
kmem0 kmem/snapshot_rollback nightly'
# ENOENT EIO EBUSY EEXIST ENODEV EINVAL ENOSPC EMLINK EUCLEAN EPERM
for sn_i in '2 none with this label' '5 bind the device again' '16 is in use' '17 one with this label' \
	'19 about to go' '22 no number' '28 no space' '31 may be 15' '117 damaged' '1 Operation not permitted'; do
	sn_errno=${sn_i%% *}
	check "in use: errno $sn_errno" snapshot_kernel says 8 "not created: .*${sn_i#* }" snapshot create db x
done
rm fake/told
put "$in_use/dax10.0/persist" label=db
check "in use: two of that name" snapshot_kernel says 8 '2 devices are called like that' snapshot delete db 4
check "in use: two of that name: nothing was told" [ ! -e fake/told ]
put "$in_use/dax10.0/persist" label=log
rm "$fake_disk/kmem/snapshots"
check "in use: a kernel that knows none" snapshot_kernel says 8 'may not know them' snapshot create db x
check "in use: takes no part" snapshot_kernel says 16 'no option --offset' snapshot create --offset 4096 db x
kp=$sn_kp
wait "$flip2_pid" || :
sed 's/^/# /' flip2.out
check "every bit of snapshots" grep -q '^3 passed, 0 failed' flip2.out

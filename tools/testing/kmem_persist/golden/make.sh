#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# make.sh TOOL BLOCKS FOLDER: make the golden images, as text, in FOLDER.
#
# They are in this folder, and stay as they are: images of the format that every
# program has to read for ever. This shows where they came from: format by
# kmem-persist, blocks by the kernel's map code, damage by hand.
set -eu

tool=$(realpath "$1")
blocks=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
cd "$3"
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH

# new NAME OPTION...: an empty device
new() {
	name=$1
	shift
	rm -f "$name.img"
	truncate -s 4M "$name.img"
	"$tool" format "$name.img" --uuid 6b6d656d-0000-4000-8000-000000000001 \
		--label "golden-$name" "$@" >/dev/null
	# the key is random, here it is always the same
	"$here/copies.pl" "$name.img" 0x180 0x6b 16
}

# text NAME [BASE]: as text, with what standard input says about it
text() {
	perl "$here/hex.pl" pack "$1.img" ${2:+"$2.hex"} >"$1.hex"
}

# flip NAME OFFSET: change the byte there
flip() {
	perl -e 'open(F, "+<:raw", $ARGV[0]) or die; seek(F, $ARGV[1], 0); read(F, $c, 1);
		seek(F, $ARGV[1], 0); print F chr(ord($c) ^ 0x10)' "$1.img" "$2"
}

new none --type none
text none <<'EOF'
Type NONE: superblocks and nothing else.
EOF

# The format before there were places, a key and a marker: made by the program of then,
# only its text is here. The same for one that has two copies, at pages 0 and 511.
cp "$here/older.hex" "$here/two.hex" .

new empty --type blk --size 512K --seed 1
text empty <<'EOF'
Type BLK, a disk of 512 KiB without data: the root is a leaf.
EOF

new blk --type blk --size 3G --seed 0x5eed
"$blocks" blk.img write 0 3 write 511 1 page 700 write 153700 1 \
	atomic 153700 4 discard 153701 1
text blk <<'EOF'
Type BLK, a disk of 3 GiB with some blocks, detached. Three levels, two leaves, one
of them replaced by an atomic write. A block holds "block N" at both ends.
EOF

cp blk.img crashed.img
"$blocks" crashed.img write 1 1 crash
text crashed blk <<'EOF'
The same after a block was written, and not detached.
EOF

cp blk.img primary.img
flip primary $((0x50))
text primary blk <<'EOF'
The primary superblock is damaged: the first byte of the label.
EOF

cp blk.img both.img
flip both $((0x200))
for page in 1 510 511; do
	flip both $((page * 4096 + 0x300))
done
text both blk <<'EOF'
All superblocks are damaged: a byte of nr_lblks, and bytes that should be zero.
EOF

cp blk.img newer.img
"$here/copies.pl" newer.img 0x151 0x10
text newer blk <<'EOF'
Of a newer format: use_bytes is not zero, and all is as it should be then.
EOF

cp blk.img doubt.img
"$here/copies.pl" doubt.img 0x50 0x47
dd if=blk.img of=doubt.img bs=4096 count=2 conv=notrunc status=none
text doubt blk <<'EOF'
Two copies each are of one generation and differ in the label.
EOF

# the page of the first leaf
leaf=$("$tool" dump --map blk.img | sed -n 's/.*node level 0 index 0 page //p')
cp blk.img entry.img
flip entry $((leaf * 4096 + 1 * 8))
text entry blk <<'EOF'
The entry of block 1 is damaged.
EOF

# the pages of the node above it
nodes=$("$tool" dump --map blk.img | sed -n 's/.*node level 1 index 0 page \([0-9]*\) twin /\1 /p')
cp blk.img words.img
for byte in 0 3 7; do
	flip words $((leaf * 4096 + 1 * 8 + byte))
	for node in $nodes; do
		flip words $((node * 4096 + 7 * 8 + byte))
	done
done
text words blk <<'EOF'
The entries of block 1 and of the leaf of block 3584 are damaged, several bits of them.
EOF

cp blk.img twin.img
dd if=/dev/zero of=twin.img bs=4096 seek="${nodes% *}" count=1 conv=notrunc status=none
text twin blk <<'EOF'
One copy of the node above the leaves of the first GiB is erased; nothing is lost.
EOF

cp words.img lost.img
"$tool" repair --yes lost.img >/dev/null || [ $? -eq 1 ]
text lost blk <<'EOF'
The same after a repair: an entry of a leaf and one above the leaves are LOST.
EOF

cp blk.img outside.img
"$blocks" outside.img point 1 300 70000
text outside blk <<'EOF'
An entry with a good check refers to a leaf in page 70000, which there is not.
EOF

cp blk.img twice.img
"$blocks" twice.img point 0 2 "$("$tool" dump --map blk.img |
	sed -n 's/.*data blocks 0-.* pages \([0-9]*\)-.*/\1/p')"
text twice blk <<'EOF'
Blocks 0 and 2 refer to the same page.
EOF

cp blk.img snapshots.img
"$blocks" snapshots.img snapshot one write 1 1 atomic 153700 4 snapshot two \
	write 600 2 discard 0 1
text snapshots blk <<'EOF'
Two snapshots, with changes before, between and after them.
EOF

# the pages of the directory, and of the root of the second one
directory=$("$tool" dump --map snapshots.img | sed -n '/^directory/,/^snapshots/s/^ *dpn *//p' | tr '\n' ' ')
root=$("$tool" dump --map snapshots.img |
	sed -n '/^ *label *"two"/,$s/^ *node level 2 index 0 page //p')
cp snapshots.img directory.img
flip directory $((${directory%% *} * 4096 + 0x100))
text directory snapshots <<'EOF'
The same, and the first copy of the directory is damaged: a root of a snapshot.
EOF

cp snapshots.img directories.img
for page in $directory; do
	flip directories $((page * 4096 + 0x20))
done
text directories snapshots <<'EOF'
Both copies are damaged: next_id.
EOF

cp snapshots.img snapshot.img
dd if=/dev/zero of=snapshot.img bs=4096 seek="$root" count=1 conv=notrunc status=none
text snapshot snapshots <<'EOF'
The root of the second snapshot is erased.
EOF

cp snapshot.img gone.img
"$tool" repair --yes gone.img >/dev/null || [ $? -eq 1 ]
text gone snapshots <<'EOF'
The same after a repair: nothing is left of the second snapshot.
EOF

for f in *.hex; do
	name=${f%.hex}
	perl "$here/hex.pl" expand "$f" "$name.img"
	{ "$tool" check "$name.img" || echo "status $?"; } >"$name.check"
	{ "$tool" dump "$name.img" || echo "status $?"; } >"$name.dump"
done

# SPDX-License-Identifier: GPL-2.0
# timeout: 200
# kernel: none
# kmem-persist, the program that looks at devices offline: each command, images of
# format 1.0 that have to be readable for ever, and damage of every bit.
. "$KP_DIR/lib/testlib.sh"

tool_dir=$KP_TOP/tools/dax/kmem-persist
golden=$KP_DIR/golden
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH

# Builds: as a distribution does, and with sanitizers. The tests use the second.
mkdir -p plain
check "it builds without warnings" make -s -C "$tool_dir" OUTPUT="$PWD/plain/" \
	CFLAGS='-O2 -g -Werror'
check "and with sanitizers" make -s -C "$KP_DIR/tool" O="$PWD/build"
kp=$PWD/build/kmem-persist
blocks=$PWD/build/blocks
# every bit, while the other tests run
{
	truncate -s 4M small.img
	"$kp" format small.img --size 1025M --seed 7 >/dev/null
	"$blocks" small.img write 0 3 write 300 1
	nice -n 10 "$PWD/build/flip" small.img >flip.out 2>&1
} &
flip_pid=$!

# runs STATUS ARG...: run the program, which ends with that status. Its output is in
# "out", what it says on stderr in "err".
runs() {
	r_want=$1
	shift
	r_got=0
	"$kp" "$@" >out 2>err || r_got=$?
	[ "$r_got" -eq "$r_want" ] || {
		echo "# kmem-persist $*: status $r_got, wanted $r_want"
		sed 's/^/# /' out err
		return 1
	}
	# one line says why, and no more
	[ "$(wc -l <err)" -le 1 ] || {
		sed 's/^/# /' err
		return 1
	}
}

# says STATUS REGEX ARG...: and it says that, to whomever
says() {
	s_want=$1
	s_regex=$2
	shift 2
	runs "$s_want" "$@" && cat out err | grep -qE -- "$s_regex" || {
		echo "# kmem-persist $*: not said: $s_regex"
		sed 's/^/# /' out err
		return 1
	}
}

# json STATUS ARG...: the same as JSON
json() {
	runs "$@" --json && jq -e ".status == $1" out >/dev/null
}

# same_file NAME A B
same_file() {
	check "$1" cmp "$2" "$3"
}

golden_one() {
	perl "$golden/hex.pl" expand "$golden/$1.hex" "$1.img" || return 1
	g_before=$(cksum <"$1.img")
	{ "$kp" check "$1.img" || echo "status $?"; } >"$1.check"
	{ "$kp" dump "$1.img" || echo "status $?"; } >"$1.dump"
	cmp "$1.check" "$golden/$1.check" && cmp "$1.dump" "$golden/$1.dump" &&
		[ "$(cksum <"$1.img")" = "$g_before" ]
}

for f in "$golden"/*.hex; do
	name=$(basename "$f" .hex)
	check "golden image: $name" golden_one "$name"
done
mkdir again
check "golden images can be made" "$golden/make.sh" "$kp" "$blocks" again
check "and are the same, byte by byte" \
	sh -c 'for f in "$1"/*.hex; do cmp "$f" "again/$(basename "$f")" || exit 1; done' \
	sh "$golden"

# info, label
check "info: a golden image" says 0 '^disk_bytes +3221225472' info blk.img
check "info: JSON" json 0 info blk.img
check "info: one copy damaged" says 0 '^primary .*not good: checksum' info primary.img
check "info: both" says 4 '^held .*no good copy' info both.img
check "label: shown" says 0 '"golden-blk"' label blk.img
cp blk.img l.img
check "label: dry run" says 0 'written +no' label -n l.img new
check "label: that wrote nothing" cmp blk.img l.img
check "label: set" says 0 'written +yes' label l.img "$(printf 'gr\303\266\303\237er')"
check "label: it is there" says 0 "$(printf 'gr\303\266\303\237er')" label l.img
check "label: and all is well" says 0 '0 errors, 0 notes' check l.img
check "label: of 63 bytes" runs 0 label l.img "$(printf '%063d' 7)"
check "label: of 64" says 16 '64 bytes' label l.img "$(printf '%064d' 7)"
check "label: a blank" says 16 'byte 1 is a blank' label l.img 'a b'
check "label: no UTF-8" says 16 'byte 1 is not UTF-8' label l.img "$(printf 'a\377')"
check "uuid: all zeroes" says 16 "all zeroes is none" format --force --uuid 00000000-0000-0000-0000-000000000000 l.img
cp primary.img l.img
check "label: one copy damaged" runs 0 label l.img x
check "label: that repairs it" runs 0 check l.img
check "label: no good copy" says 4 'no good copy' label both.img x
check "label: JSON" json 0 label l.img

# check, dump
for name in none empty blk crashed; do
	check "check: JSON: $name" json 0 check "$name.img"
	check "dump: JSON: $name" json 0 dump "$name.img"
done
for name in primary both entry outside twice; do
	check "check: JSON: $name" json 4 check "$name.img"
	check "dump: JSON: $name" json 4 dump "$name.img"
done
"$kp" check --json entry.img >out || :
same "check: JSON: the place" "$(jq -c '.findings[0] | [.lblk, .blocks, .level, .index]' out)" \
	'[1,1,0,1]'
"$kp" dump --json blk.img >out
same "dump: JSON: the map" \
	"$(jq -c '[.map[] | select(.kind == "data") | [.lblk, .blocks]]' out)" \
	'[[0,3],[511,1],[153700,1],[153702,2]]'
check "dump: only the map" says 0 '^map' dump --map blk.img
check "dump: that has no superblocks" sh -c '! grep -q magic out'

# extract
check "extract" says 0 'copied_bytes +28672 ' extract blk.img disk
same "extract: size" "$(stat -c %s disk)" 3221225472
check "extract: sparse" [ "$(du -k disk | cut -f1)" -lt 200 ]
for n in 0 1 2 511 153700 153702 153703; do
	dd if=disk bs=4096 skip="$n" count=1 status=none | head -n 1
done >got
printf 'block %s\n' 0 1 2 511 153700 153702 153703 >want
same_file "extract: each block" got want
rm -f disk
truncate -s 1M x.img
runs 0 format x.img --size 4M
"$blocks" x.img write 0 3 write 600 1
check "extract: a small disk" runs 0 extract x.img disk
check "extract: does not overwrite" says 8 'exists already' extract x.img disk
check "extract: unless told to" runs 0 extract --force x.img disk
# what was in the file is not in it afterwards, be it longer or in a hole
head -c 20M /dev/urandom >disk2
check "extract: JSON" json 0 extract --force x.img disk2
same_file "extract: twice the same" disk disk2
leaf=$("$kp" dump --map x.img | sed -n 's/.*node level 0 index 0 page //p')
printf x | dd of=x.img bs=1 seek=$((leaf * 4096 + 8)) conv=notrunc status=none
check "extract: what is missing" says 4 'bytes 4096-8191, 1 blocks' extract x.img disk3
check "extract: nothing else is" \
	sh -c 'cmp -l disk disk3 | awk "\$1 <= 4096 || \$1 > 8192 { exit 1 }"'
check "extract: two owners get nothing" says 4 'missing_bytes +8192' extract twice.img d3
check "extract: type NONE" says 8 'has no block device' extract none.img d4
check "extract: JSON with losses" json 4 extract --force twice.img d3
rm -f disk disk2 disk3 d3

# repair: dry run, then really, then nothing is left
for name in primary entry outside twice; do
	cp "$name.img" r.img
	check "repair: $name: dry run" says 4 'nothing was written' repair -n r.img
	check "repair: $name: that is true" cmp "$name.img" r.img
	check "repair: $name: JSON" json 4 repair -n r.img
	check "repair: $name" runs 1 repair --yes r.img
	cp out "$name.repair"
	check "repair: $name: nothing is left" says 0 ': 0 errors' check r.img
	check "repair: $name: twice" says 0 'nothing to repair' repair -y r.img
	cp r.img "$name.repaired"
done
same_file "repair: a superblock comes back as it was" primary.repaired blk.img
check "repair: entry: what is lost" grep -q 'bytes 4096-8191, 1 blocks' entry.repair
check "repair: entry: that is lost" sh -c '"$1" dump --map entry.repaired | grep -q "lost blocks 1-1"' sh "$kp"
same "repair: entry: and nothing else" \
	"$("$kp" dump --map entry.repaired | grep -c data)" "$(($("$kp" dump --map blk.img | grep -c data) + 1))"
check "repair: outside: what is lost" \
	grep -q 'bytes 629145600-631242751, 512 blocks' outside.repair
check "repair: outside: a leaf stands for it" says 0 'lost blocks 153600-154111' dump --map outside.repaired
check "repair: twice: what is lost" sh -c \
	'grep -q "bytes 0-4095, 1 blocks" twice.repair && grep -q "bytes 8192-12287, 1 blocks" twice.repair'
cp both.img r.img
check "repair: no good copy" says 4 'obstacle .*no good copy' repair --yes r.img
check "repair: changes nothing then" cmp both.img r.img
check "repair: good as it is" says 0 'nothing to repair' repair -n blk.img
check "repair: wants to be told" says 16 '--yes' repair blk.img
check "repair: not both" says 16 '--yes' repair -n --yes blk.img
check "repair: lost blocks can be written" "$blocks" outside.repaired write 153600 100
check "repair: or discarded" "$blocks" outside.repaired discard 153700 412
check "repair: and all is well" says 0 '^104 blocks of data, 0 lost, 4 nodes' check outside.repaired

# format
truncate -s 8M f.img
check "format: dry run" says 0 'written +no' format -n f.img
check "format: wrote nothing" cmp -n 8388608 f.img /dev/zero
check "format: no superblock before" says 8 'no superblock' check f.img
check "format: JSON" json 0 format f.img
check "format: good" says 0 '0 errors, 0 notes' check f.img
sum=$(cksum <f.img)
check "format: not over data" says 8 'has a superblock' format f.img
same "format: which is still there" "$(cksum <f.img)" "$sum"
check "format: by force" says 0 'type_name +none' format --force --type none f.img
check "format: type NONE" says 0 '0 errors, 0 notes' check f.img
check "format: size" says 0 'disk_bytes +1099511627776 ' format --force --size 1T f.img
for a in --type=2 --type=xfs --size=1 --size=257T --size=4096k1 --size=-4096 --uuid=1 \
	--uuid=6b6d656d-0000-4000-8000-00000000000g --seed=x --seed=4294967296; do
	check "format: $a" runs 16 format --force "$a" f.img
done
check "format: --size with type NONE" runs 16 format --force --type none --size 1G f.img
same "format: nothing was written" "$("$kp" info f.img | grep -c 'disk_bytes  *1099511627776')" 1
cp f.img g.img
for i in f g; do
	runs 0 format --force "$i.img" --uuid 01234567-89ab-cdef-0123-456789abcdef --seed 5
done
same_file "format: reproducible" f.img g.img

# a magic where the device may have begun once
truncate -s 0 m.img
truncate -s 300M m.img
printf 'SREPMEMK' | dd of=m.img bs=1M seek=128 conv=notrunc status=none
check "a magic elsewhere: check" says 4 'namespace moved' check m.img
check "a magic elsewhere: format" says 8 'page 32768 may be a superblock' format m.img
check "a magic elsewhere: wipe" says 8 '--force' wipe m.img
check "a magic elsewhere: dry run" says 0 '^ *page +32768' wipe -n --force m.img
check "a magic elsewhere: wiped" runs 0 wipe --force m.img
check "a magic elsewhere: gone" says 8 'no superblock' check m.img
rm -f m.img

# wipe
cp blk.img w.img
check "wipe: not if there is data" says 8 'holds data' wipe w.img
check "wipe: dry run" says 0 'written +no' wipe --force -n w.img
check "wipe: both wrote nothing" cmp blk.img w.img
check "wipe: by force" json 0 wipe --force w.img
check "wipe: nothing is left" says 8 'no superblock' info w.img
check "wipe: only the magic went" [ "$(cmp -l blk.img w.img | wc -l)" -eq 16 ]
cp empty.img w.img
check "wipe: an empty disk" runs 0 wipe w.img
cp both.img w.img
check "wipe: what nobody knows" says 8 'nobody can tell' wipe w.img
cp outside.img w.img
check "wipe: a damaged map" says 8 'map is damaged' wipe w.img

# state bits, and counts of a clean detach
# set FILE OFFSET VALUE: a byte of both copies, checksums right again
set_byte() {
	perl -e '
		my ($f, $at, $to) = @ARGV;
		sub crc { my $c = 0xffffffff; for (unpack("C*", shift)) { $c ^= $_;
			$c = $c & 1 ? ($c >> 1) ^ 0x82f63b78 : $c >> 1 for 1 .. 8 } ~$c & 0xffffffff }
		open(F, "+<:raw", $f) or die;
		for my $page (0, 255) {
			seek(F, $page * 4096, 0); read(F, my $sb, 4096);
			substr($sb, oct($at), 1) = chr(oct($to)); substr($sb, 12, 4) = "\0" x 4;
			substr($sb, 12, 4) = pack("V", crc($sb));
			seek(F, $page * 4096, 0); print F $sb;
		}' "$@"
}
# state FILE BITS STATUS REGEX: check says that, repair ends with STATUS
state() {
	cp blk.img "$1.img"
	set_byte "$1.img" 0xb0 "$2"
	says 4 "$4" check "$1.img" && runs "$3" repair -y "$1.img"
}
check "state: NEEDS_CHECK is cleared" state st 0x05 1 'NEEDS_CHECK'
check "state: nothing is left" says 0 '0 errors, 0 notes' check st.img
check "state: ERRORS is cleared" state st 0x03 1 'ERRORS'
check "state: FORMATTING is not" state st 0x09 4 'FORMATTING'
check "state: READONLY is not" state st 0x11 4 'READONLY'
check "state: a label is not written then" says 8 'nothing may be written' label st.img x
check "state: extract works" runs 0 extract st.img d5
rm -f d5
cp blk.img c.img
set_byte c.img 0x218 0x08
check "count: mapped_blocks" says 4 'mapped_blocks: is 8, the map has 7' check c.img
check "count: repaired" runs 1 repair -y c.img
check "count: nothing is left" says 0 '0 errors, 0 notes' check c.img
cp blk.img c.img
set_byte c.img 0x220 0x05
check "count: node_pages" says 4 'node_pages: is 5, the map has 4' check c.img
cp crashed.img c.img
set_byte c.img 0x218 0x08
check "count: not after a crash" runs 0 check c.img
cp blk.img c.img
set_byte c.img 0x10 0x02
check "another major version" says 4 'major version: found 0x2' check c.img
check "another major version: not repaired" says 4 'obstacle' repair -y c.img
cp blk.img c.img
set_byte c.img 0x08 0x4d
check "another type: not said to be good" says 4 'not known to this program' check c.img
check "another type: not touched" says 4 'obstacle' repair -y c.img

# pages that are not nodes any more: zeroes, ones, the node of another place
leaf=$("$kp" dump --map blk.img | sed -n 's/.*node level 0 index 0 page //p')
other=$("$kp" dump --map blk.img | sed -n 's/.*node level 0 index 300 page //p')
root=$("$kp" dump --map blk.img | sed -n 's/.*node level 2 index 0 page //p')
cp blk.img n.img
dd if=/dev/zero of=n.img bs=4096 seek="$leaf" count=1 conv=notrunc status=none
check "node of zeroes" says 4 'leaf in page .* all zeroes' check n.img
check "node of zeroes: repaired" says 1 'bytes 0-2097151, 512 blocks' repair -y n.img
check "node of zeroes: nothing is left" says 0 ': 0 errors' check n.img
cp blk.img n.img
dd if=blk.img of=n.img bs=4096 skip="$other" seek="$leaf" count=1 conv=notrunc status=none
check "node of another place" says 4 'not one entry of the node belongs there' check n.img
cp blk.img n.img
"$blocks" n.img point 1 0 "$other"
check "node referred to twice" says 4 'not one entry' check n.img
check "node referred to twice: repaired" says 1 'bytes 0-2097151, 512 blocks' repair -y n.img
check "node referred to twice: nothing is left" says 0 ': 0 errors' check n.img
check "node referred to twice: who owns it keeps it" says 0 'blocks 153702-153703' dump --map n.img
cp blk.img n.img
"$blocks" n.img point 0 2 "$other"
check "node that is a block, too" says 4 'here as a node' check n.img
check "node that is a block, too: repaired" says 1 'bytes 8192-12287, 1 blocks' repair -y n.img
check "node that is a block, too: nothing is left" says 0 ': 0 errors' check n.img
cp blk.img n.img
"$blocks" n.img point 1 0 "$root"
check "a loop ends" runs 4 check n.img
cp blk.img n.img
dd if=/dev/zero of=n.img bs=4096 seek="$root" count=1 conv=notrunc status=none
check "no root" says 4 'root node of the map is gone' repair -y n.img
cp blk.img n.img
"$blocks" n.img point 2 0 60000
check "a node above the leaves: too few pages" says 4 'obstacle .*not enough free pages' repair -y n.img
cp blk.img n.img
"$blocks" n.img point 2 5 100
check "behind the end" says 4 'behind the end of the disk' check n.img
check "behind the end: nothing is lost" says 1 'lost_bytes +0' repair -y n.img
check "behind the end: nothing is left" says 0 ': 0 errors' check n.img
truncate -s 4M s.img
runs 0 format s.img --size 3G
"$blocks" s.img write 0 1 write 300000 1 point 2 0 60000
check "a node above the leaves: repaired" says 1 'bytes 0-1073741823, 262144 blocks' repair -y s.img
check "a node above the leaves: nothing is left" says 0 '^1 blocks of data, 262144 lost, 516 nodes' check s.img

# what is no device
check "no such file" says 8 'No such file' check nothing
check "a folder" says 8 'neither a DAX device nor a file' check .
check "another device" says 8 'not of a DAX device' check /dev/null
: >tiny
check "an empty file" says 8 'has 0 bytes' check tiny
dd if=blk.img of=cut.img bs=4096 count=200 status=none
check "a file that was cut" says 4 'device size' check cut.img
head -c 1048576 /dev/urandom >noise
check "noise" says 8 'no superblock' check noise
for a in "" "check" "frobnicate blk.img" "check blk.img x" "check --force blk.img" \
	"extract blk.img" "info --frob blk.img" "check --offset 1 blk.img"; do
	# shellcheck disable=SC2086
	check "usage: '$a'" sh -c '"$@" >out 2>&1; [ $? -eq 16 ]' sh "$kp" $a
done
check "help" says 0 '^usage:' --help
check "version" says 0 '^kmem-persist [0-9]' --version
cp blk.img "$(printf 'na"me\377\n')"
check "JSON: any name" json 0 info "$(printf 'na"me\377\n')"
check "JSON says why" sh -c '"$1" check --json nothing 2>/dev/null | jq -e ".status == 8 and (.error | test(\"No such\"))" >/dev/null' sh "$kp"

# a device inside of something
truncate -s 4M ns.img
dd if=blk.img of=ns.img bs=1M seek=2 conv=notrunc status=none
check "a part: not found" says 4 'namespace moved' check ns.img
check "a part: said" says 0 ': 0 errors' check --offset 2M --length 1M ns.img
check "a part: too large" runs 8 check --offset 2M --length 3M ns.img
perl -e 'print "NVDIMM_DAX_INFO\0", "\0" x 40, pack("QQ", 2 << 20, 256)' |
	dd of=ns.img bs=4096 seek=1 conv=notrunc status=none
check "a namespace: found" says 0 '^offset +2097152' info ns.img
check "a namespace: checked" says 0 ': 0 errors' check ns.img
check "a namespace: not a copy" says 8 'nothing says' adopt ns.img
# made on another namespace: its uuid is in the superblock, that of this one is not
perl -e 'print "\1" x 16' | dd of=ns.img bs=1 seek=$((4096 + 32)) conv=notrunc status=none
check "a namespace: not known when it was made" says 8 'nothing says' adopt ns.img
check "a namespace: adopted by force" says 0 'ns_uuid +01010101-' adopt --force ns.img
check "a namespace: good" says 0 ': 0 errors' check ns.img
perl -e 'print "\2" x 16' | dd of=ns.img bs=1 seek=$((4096 + 32)) conv=notrunc status=none
check "a copy: the kernel would hold it" says 4 'ns_uuid: is not that of this namespace' check ns.img
check "a copy: that is not damage" says 4 'obstacle' repair -y ns.img
check "a copy: dry run" says 0 'written +no' adopt -n ns.img
check "a copy: adopted" json 0 adopt --uuid 01234567-89ab-cdef-0123-456789abcdef ns.img
check "a copy: good" says 0 ': 0 errors' check ns.img
check "a copy: its uuid" says 0 '^uuid +01234567-89ab' info ns.img
check "a namespace: format stays inside" runs 0 format --force ns.img
same "a namespace: it is still one" "$(dd if=ns.img bs=4096 skip=1 count=1 status=none | head -c 15)" NVDIMM_DAX_INFO
truncate -s 3000000 ns.img
check "a namespace that was cut" says 8 '--offset and --length' check ns.img

# a device that has grown, and lost its primary then
cp blk.img big.img
truncate -s 2M big.img
check "grown" says 0 'it has grown' check big.img
printf x | dd of=big.img bs=1 seek=80 conv=notrunc status=none
check "grown: the primary says where the backup was" says 4 'primary superblock.*checksum' check big.img
check "grown: repaired" runs 1 repair -y big.img
check "grown: good" runs 0 check big.img

# large and sparse
truncate -s 1T large.img
plain=$PWD/plain/kmem-persist
check "1 TiB: format" sh -c '"$1" format large.img >out' sh "$plain"
"$blocks" large.img write 0 2000 page 100000000 write 100000000 700 page 268435000 write 260000000 300
start=$(date +%s)
check "1 TiB: check" sh -c '"$1" check large.img >out' sh "$plain"
took=$(($(date +%s) - start))
check "1 TiB: within 10 s ($took s)" [ "$took" -lt 10 ]
check "1 TiB: all is found" grep -q '^3000 blocks of data' out
check "1 TiB: still sparse" [ "$(du -k large.img | cut -f1)" -lt 20000 ]
rm -f large.img

# what is installed
check "install" make -s -C "$tool_dir" OUTPUT="$PWD/plain/" CFLAGS='-O2 -g -Werror' \
	install DESTDIR="$PWD/root" prefix=/usr
check "installed: the program" [ -x root/usr/sbin/kmem-persist ]
check "installed: its page" [ -f root/usr/share/man/man8/kmem-persist.8 ]
check "completion" bash -n root/usr/share/bash-completion/completions/kmem-persist
if command -v mandoc >/dev/null; then
	check "manual: mandoc" mandoc -T lint -W warning "$tool_dir/kmem-persist.8"
fi
if command -v groff >/dev/null; then
	groff -man -Tutf8 -ww -z "$tool_dir/kmem-persist.8" 2>man.err || :
	check "manual: groff" [ ! -s man.err ]
fi

wait "$flip_pid" || :
sed 's/^/# /' flip.out
check "every bit" grep -q '^5 passed, 0 failed' flip.out
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 300
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
	truncate -s 8M small.img
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

# set_byte FILE OFFSET VALUE [NUMBER]: a byte, or some, of all copies, checksums right again
set_byte() {
	"$golden/copies.pl" "$@"
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
for name in none empty blk crashed two snapshots gone; do
	check "check: JSON: $name" json 0 check "$name.img"
	check "dump: JSON: $name" json 0 dump "$name.img"
done
for name in primary both entry words outside twice twin older newer doubt directory directories snapshot; do
	check "check: JSON: $name" json 4 check "$name.img"
	[ "$name" = older ] || check "dump: JSON: $name" json 4 dump "$name.img"
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
truncate -s 4M x.img
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
for name in primary entry words outside twice twin; do
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
check "repair: one bit: mended" grep -q '^map: 1 entries, 1 of them mended' entry.repair
check "repair: one bit: nothing is lost" grep -q '^lost_bytes *0$' entry.repair
alike "repair: one bit: it is what it was" "$("$kp" dump --map entry.repaired)" "$("$kp" dump --map blk.img)"
check "extract: one bit: all of it" says 0 'missing_bytes +0$' extract entry.img entry.disk
check "repair: words: what is lost" grep -q 'bytes 4096-8191, 1 blocks' words.repair
check "repair: words: a leaf, too" grep -q 'bytes 14680064-16777215, 512 blocks' words.repair
check "repair: words: that is lost" sh -c '"$1" dump --map words.repaired | grep -q "lost blocks 1-1"' sh "$kp"
same "repair: words: and nothing else" \
	"$("$kp" dump --map words.repaired | grep -c data)" "$(($("$kp" dump --map blk.img | grep -c data) + 1))"
alike "repair: words: no node is new" \
	"$("$kp" dump --map words.repaired | grep -c node)" "$("$kp" dump --map blk.img | grep -c node)"
check "repair: outside: what is lost" \
	grep -q 'bytes 629145600-631242751, 512 blocks' outside.repair
check "repair: outside: an entry stands for it" says 0 'lost blocks 153600-154111' dump --map outside.repaired
check "repair: twice: what is lost" sh -c \
	'grep -q "bytes 0-4095, 1 blocks" twice.repair && grep -q "bytes 8192-12287, 1 blocks" twice.repair'
check "repair: twin: nothing is lost" grep -q '^lost_bytes *0$' twin.repair
"$kp" dump --map twin.repaired | grep data >got
"$kp" dump --map blk.img | grep data >want
same_file "repair: twin: the same blocks" got want
cp both.img r.img
check "repair: no good copy" says 4 'obstacle .*no good copy' repair --yes r.img
check "repair: changes nothing then" cmp both.img r.img
check "repair: good as it is" says 0 'nothing to repair' repair -n blk.img
check "repair: wants to be told" says 16 '--yes' repair blk.img
check "repair: not both" says 16 '--yes' repair -n --yes blk.img
check "repair: lost blocks can be written" "$blocks" outside.repaired write 153600 100
check "repair: or discarded" "$blocks" outside.repaired discard 153700 412
check "repair: and all is well" says 0 '^104 blocks of data, 0 lost, 6 nodes' check outside.repaired

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
	truncate -s 0 "$i.img"
	truncate -s 8M "$i.img"
	runs 0 format --force "$i.img" --uuid 01234567-89ab-cdef-0123-456789abcdef --seed 5
done
check "format: each has a key of its own" sh -c '! cmp -s f.img g.img'
for i in f g; do
	set_byte "$i.img" 0x180 0x6b 16
done
same_file "format: reproducible but for that" f.img g.img
truncate -s $((1023 * 4096)) small.dev
check "format: a device has 1024 pages" says 8 'at least 1024' format small.dev
check "format: of type NONE, too" says 8 'at least 1024' format --type none small.dev

# places: a magic anywhere else is somebody's data
truncate -s 0 m.img
truncate -s 300M m.img
printf 'SREPMEMK' | dd of=m.img bs=1M seek=128 conv=notrunc status=none
printf 'SREPMEMK' | dd of=m.img bs=1M seek=2 conv=notrunc status=none
printf 'SREPMEMK' | dd of=m.img bs=4096 seek=76799 conv=notrunc status=none
check "a magic at no place: it is none" says 8 'no superblock' check m.img
check "a magic at no place: format" runs 0 format m.img
check "a magic at no place: good" says 0 '0 errors, 0 notes' check m.img
check "a magic at no place: wiped" says 0 'written +yes' wipe m.img
same "a magic at no place: which stays" "$(dd if=m.img bs=1M skip=128 count=1 status=none | head -c 8)" SREPMEMK
for page in 1 510; do
	truncate -s 0 m.img
	truncate -s 300M m.img
	printf 'SREPMEMK' | dd of=m.img bs=4096 seek="$page" conv=notrunc status=none
	check "a magic at page $page: check" says 4 "page $page, checksum: found" check m.img
	check "a magic at page $page: info" says 4 '^held' info m.img
	check "a magic at page $page: format" says 8 'has a superblock' format m.img
	check "a magic at page $page: wipe" says 8 '--force' wipe m.img
	check "a magic at page $page: dry run" says 0 "^ *page +$page" wipe -n --force m.img
	check "a magic at page $page: wiped" runs 0 wipe --force m.img
	check "a magic at page $page: gone" says 8 'no superblock' check m.img
done
rm -f m.img
cp two.img m.img
printf 'SREPMEMK' | dd of=m.img bs=4096 seek=510 conv=notrunc status=none
check "a magic beside good copies: noted" says 0 'note: third .*page 510, checksum' check m.img
# one that has two copies gets all four with the next update
cp two.img m.img
check "two copies: good" says 0 '0 errors, 0 notes' check m.img
check "two copies: label" runs 0 label m.img x
check "two copies: there are four now" says 0 '^third +page 510, good, generation 4' info m.img
check "two copies: which are as good" says 0 '0 errors, 0 notes' check m.img

# newer than this program: neither damaged nor repaired
check "newer: check" says 4 'newer format, use_bytes' check newer.img
check "newer: repair" says 4 'obstacle .*does not know' repair -y newer.img
check "newer: label" says 4 'does not know' label newer.img x

# repair --use: who knows better than any rule
check "use: in doubt" says 4 'differ' check doubt.img
check "use: repair does not choose" says 4 'obstacle .*--use' repair -y doubt.img
check "use: where none is" says 16 'no superblock is there' repair -y --use 2 doubt.img
for page in 0 511; do
	cp doubt.img m.img
	check "use $page: dry run" says 4 "^use +$page" repair -n --use "$page" m.img
	check "use $page: wrote nothing" cmp m.img doubt.img
	check "use $page" runs 1 repair -y --use "$page" m.img
	check "use $page: all is well" says 0 '0 errors, 0 notes' check m.img
	label="golden-blk"
	[ "$page" = 0 ] || label=Golden-blk
	check "use $page: it is that one" says 0 "\"$label\"" label m.img
done
cp primary.img m.img
check "use: not a damaged one" says 4 'page 0 is not good' repair -y --use 0 m.img

# a forged backup: on the last page, and where the primary of once said that it was
truncate -s 8M forged.img
cp blk.img m.img
truncate -s 8M m.img
"$kp" format forged.img --label forged >/dev/null
perl -e 'my ($from, $to) = @ARGV;
	sub crc { my $c = 0xffffffff; for (unpack("C*", shift)) { $c ^= $_;
		$c = $c & 1 ? ($c >> 1) ^ 0x82f63b78 : $c >> 1 for 1 .. 8 } ~$c & 0xffffffff }
	open(my $in, "<:raw", $from) or die; read($in, my $sb, 4096);
	open(my $out, "+<:raw", $to) or die;
	for my $page (2047, 1023) {
		substr($sb, 0x90, 24) = pack("QQQ", 1 << 60, $page, $page);
		substr($sb, 12, 4) = "\0" x 4; substr($sb, 12, 4) = pack("V", crc($sb));
		seek($out, $page * 4096, 0); print $out $sb;
	}
	# the primary is damaged, and names page 1023
	seek($out, 0xa0, 0); print $out pack("Q", 1023);' forged.img m.img
check "a forged backup: not looked at" says 1 'written again from the second' repair -y m.img
check "a forged backup: the label is that of ours" says 0 '"golden-blk"' label m.img
for page in 1 510 511; do
	dd if=/dev/zero of=m.img bs=4096 seek="$page" count=1 conv=notrunc status=none
done
printf x | dd of=m.img bs=1 seek=80 conv=notrunc status=none
check "a forged backup: never written to a place" says 4 'obstacle .*no good copy' repair -y m.img
check "a forged backup: nor adopted" says 4 'no good copy' adopt --new-uuid --yes m.img
check "a forged backup: nor wiped without a word" says 8 'nobody can tell' wipe m.img
rm -f m.img forged.img

# a device whose superblocks are gone, or lie elsewhere: who knows where says so
cp blk.img m.img
dd if=blk.img of=m.img bs=4096 seek=900 count=1 conv=notrunc status=none
for page in 0 1 510 511; do
	dd if=/dev/zero of=m.img bs=4096 seek="$page" count=1 conv=notrunc status=none
done
check "superblock-at: nothing where it should be" says 8 'no superblock' info m.img
check "superblock-at: info" says 0 '^given +page 900, good' info --superblock-at 900 m.img
check "superblock-at: check" says 4 'no kernel looks for a superblock here' check --superblock-at 900 m.img
check "superblock-at: dump" runs 0 dump --superblock-at 900 m.img
check "superblock-at: extract" says 0 'copied_bytes +28672 ' extract --superblock-at 900 m.img d6
check "superblock-at: nothing there" says 8 'no superblock' info --superblock-at 901 m.img
check "superblock-at: no such page" says 8 'no superblock' info --superblock-at 1024 m.img
check "superblock-at: no page" says 16 'not a page' info --superblock-at x m.img
printf x | dd of=m.img bs=1 seek=$((900 * 4096 + 80)) conv=notrunc status=none
check "superblock-at: damaged" says 4 'no good superblock' extract --superblock-at 900 m.img d7
for c in repair label adopt format wipe; do
	check "superblock-at: never with $c" says 16 'has no option' "$c" --superblock-at 900 m.img
done
rm -f m.img d6

# the older format: read, and left alone
cp older.img o.img
check "older format: info" says 4 '^held .*older format' info o.img
check "older format: check" says 4 'older format' check o.img
check "older format: its map is checked" grep -q '^4 blocks of data, 0 lost, 1 nodes' out
check "older format: JSON" json 4 check o.img
check "older format: extract" says 0 'copied_bytes +16384 ' extract o.img d8
same "older format: a block" "$(dd if=d8 bs=4096 skip=100 count=1 status=none | head -n 1)" "block 100"
check "older format: repair" says 4 'obstacle .*older format' repair -y o.img
check "older format: label" says 4 'older format' label o.img x
check "older format: adopt" says 4 'older format' adopt --new-uuid --yes o.img
check "older format: format" says 8 'has a superblock' format o.img
check "older format: a device is larger today" says 8 'at least 1024' format --force o.img
check "older format: wipe" says 8 'holds data' wipe o.img
check "older format: nothing was written" cmp o.img older.img
check "older format: wiped by force" runs 0 wipe --force o.img
check "older format: its backup is not looked for" says 8 'no superblock' info o.img
check "older format: but can be" says 4 'good as one of the older format' info --superblock-at 255 o.img
check "older format: and read" says 0 'copied_bytes +16384 ' extract --force --superblock-at 255 o.img d8
cp older.img o.img
printf x | dd of=o.img bs=1 seek=$((4096 + 8)) conv=notrunc status=none
check "older format: a damaged map" says 4 'bytes 4096-8191, 1 blocks' extract --force o.img d8
cp older.img o.img
truncate -s 4M o.img
check "older format: formatted anew" runs 0 format --force o.img
check "older format: is of today then" says 0 ': 0 errors' check o.img
check "older format: and newer than that" says 0 'generation 4' info o.img
rm -f d8 o.img

# secrets, and what a kernel wants to be told of a device that is no namespace
key=6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b
uuid=6b6d656d-0000-4000-8000-000000000001
hash=$(printf '%s%s' "$key" "$(printf %s "$uuid" | tr -d -)" | perl -pe '$_ = pack("H*", $_)' |
	sha256sum | head -c 32)
check "accept: the hash that anybody can compute who has the key" says 0 "^accept +$uuid:$hash\$" info blk.img
check "accept: format says it, too" says 0 "^accept +$uuid:[0-9a-f]{32}\$" format --force --uuid "$uuid" f.img
"$kp" info f.img >again.out
alike "accept: and it is the same" "$(grep ^accept again.out)" "$(grep ^accept out)"
check "accept: keys differ" sh -c '! grep -q "$1" out' sh "$hash"
for c in info dump; do
	check "secrets: $c: not shown" sh -c '"$1" "$2" blk.img | grep -c "$3" | grep -qx 0' sh "$kp" "$c" "$key"
	check "secrets: $c: shown" says 0 "key +$key" "$c" --secrets blk.img
	check "secrets: $c: JSON" json 0 "$c" blk.img
	check "secrets: $c: not in JSON" sh -c '! grep -q "$1" out' sh "$key"
	check "secrets: $c: nor the check of an entry, which tells most of it" sh -c '! grep -q f5e89 out'
	check "secrets: $c: the seed is one" says 0 'entry_seed +ed5e0000' "$c" --secrets blk.img
done
# a check tells most of the seed
check "secrets: dump: an entry with its check" says 4 'entry 0xacf010000000202: page is referred to twice' \
	dump --map --secrets twice.img
for c in "dump --map" check; do
	for json in "" --json; do
		# shellcheck disable=SC2086
		"$kp" $c $json twice.img >out || :
		check "secrets: $c $json: an entry" grep -q 0x10000000202 out
		check "secrets: $c $json: without its check" sh -c '! grep -qi acf01 out'
	done
done
check "secrets: dump: the check of an entry" says 0 'root +0xf5e8960000000200' dump --secrets blk.img
check "secrets: check shows none" says 16 'has no option' check --secrets blk.img
cp blk.img k.img
printf x | dd of=k.img bs=1 seek=$((511 * 4096 + 384)) conv=notrunc status=none
check "secrets: not by way of a damaged copy" says 4 'key: is not as in the primary' check k.img
check "secrets: not its bytes" sh -c '! grep -q 6b6b6b out' sh

# through a pipe, from device to device
# piped STATUS FROM ARG...: what extract makes of FROM goes to import ARG..., which ends with that
piped() {
	p_status=$1
	p_from=$2
	shift 2
	"$kp" extract "$p_from" - 2>extract.out | {
		p_rc=0
		"$kp" import "$@" >out 2>err || p_rc=$?
		[ "$p_rc" -eq "$p_status" ] || sed 's/^/# /' out err
		[ "$p_rc" -eq "$p_status" ]
	}
}
# fresh FILE: a device of 8 MiB with nothing on it
fresh() {
	rm -f "$1"
	truncate -s 8M "$1"
}
fresh i.img
rm -f disk
runs 0 extract blk.img disk
check "pipe: import" piped 0 blk.img i.img -
check "pipe: extract says what it did, elsewhere" grep -q '^copied_bytes  *28672' extract.out
check "pipe: import says the same" grep -q '^copied_bytes  *28672' out
check "pipe: all is well" says 0 '^7 blocks of data, 0 lost, 6 nodes' check i.img
check "pipe: the label came along" says 0 '"golden-blk"' label i.img
check "pipe: the uuid is another" sh -c '! "$1" info i.img | grep -q "$2"' sh "$kp" "$uuid"
check "pipe: and again" runs 0 extract i.img disk2
check "pipe: the same, byte by byte" cmp disk disk2
rm -f disk2
check "pipe: not over a format" piped 8 blk.img i.img -
check "pipe: unless told to" piped 0 blk.img --force --uuid "$uuid" --label other --size 4G --json i.img -
check "pipe: JSON" jq -e '.status == 0 and .disk_bytes == 4294967296' out
check "pipe: options of format" says 0 '"other"' label i.img
check "pipe: a larger disk" says 0 '^7 blocks of data, 0 lost, 6 nodes' check i.img
check "pipe: JSON of extract" sh -c '"$1" extract --json blk.img - 2>out >/dev/null; jq -e ".status == 0" out' sh "$kp"
# stdbuf and the sanitizers do not go together
plain=$PWD/plain/kmem-persist
check "pipe: nothing but the stream is in it" sh -c '"$1" extract blk.img - >whole 2>/dev/null &&
	stdbuf -oL "$1" extract --json blk.img - 2>/dev/null | cmp - whole' sh "$plain"
perl "$KP_DIR/golden/hex.pl" expand "$KP_DIR/golden/entry.hex" raw.img
cp raw.img open.img
cp raw.img closed.img
check "no stdout: nothing of that goes into an image" sh -c 'stdbuf -oL "$1" repair --yes open.img >out
	stdbuf -oL "$1" repair --yes closed.img >&-
	! cmp -s raw.img open.img && cmp open.img closed.img' sh "$plain"
check "no stdout: a stream that nobody gets is an error" sh -c '! "$1" extract blk.img - >&- 2>err' sh "$plain"
check "import: too small a disk" piped 16 blk.img --force --size 4M i.img -
fresh i.img
check "image: import" says 0 'copied_bytes +28672 ' import i.img disk
runs 0 extract i.img disk2
check "image: the same, byte by byte" cmp disk disk2
check "image: of no whole block" sh -c 'printf tail >odd; "$1" import --force i.img odd && "$1" extract --force i.img disk2 &&
	cmp -n 4 odd disk2 && [ "$(stat -c %s disk2)" -eq 4096 ]' sh "$kp"
head -c 1M /dev/urandom >noise1
fresh i.img
check "image: by way of a pipe: how much?" sh -c 'cat noise1 | "$1" import i.img - 2>&1 | grep -q -- "--size has to say"' sh "$kp"
fresh i.img
check "image: by way of a pipe" sh -c 'cat noise1 | "$1" import --size 1M i.img -' sh "$kp"
runs 0 extract --force i.img disk2
check "image: it is there" cmp noise1 disk2
for size in 1028K 1020K; do
	check "image: by way of a pipe: not $size" sh -c 'cat noise1 | "$1" import --force --size '$size' i.img - >out 2>&1; [ $? -eq 8 ]' sh "$kp"
	check "image: nothing is on it then" says 8 'no superblock' info i.img
done
head -c 9M /dev/urandom >noise9
check "image: larger than the device" says 8 'may be in use; there is no disk' import --force i.img noise9
check "image: is the device" says 8 'is the device itself' import i.img i.img
check "image: no such" says 8 'No such file' import i.img nothing
check "image: another device" says 8 'character device' import i.img /dev/zero
: >none
check "image: an empty one" says 8 'no disk has 0 bytes' import i.img none
rm -f noise9 odd

fresh i.img
check "stream: a leaf that was lost" piped 4 lost.img i.img -
same "stream: a leaf that was lost takes no nodes" "$("$kp" check i.img | sed -n 's/.* 513 lost, //p')" '6 nodes; 2048 pages'

# cut, and an entry with a wrong bit names a node behind the end
cp blk.img cut.img
perl -e 'open(F, "+<:raw", "cut.img") or die; seek(F, 517 * 4096 + 300 * 8, 0); read(F, $c, 1);
	seek(F, 517 * 4096 + 300 * 8, 0); print F chr(ord($c) ^ 0x10)'
truncate -s $((600 * 4096)) cut.img
check "extract: cut, and a node that is not there" says 4 'missing_bytes +2097152 ' extract --force cut.img cut.disk
rm -f cut.img cut.disk

# a stream that is not all there, and one that is not what it was
"$kp" extract blk.img - >stream 2>/dev/null
size=$(stat -c %s stream)
fresh i.img
check "stream: what it says of itself" says 0 'source +stream' import -n i.img stream
check "stream: its label" grep -q '^label  *"golden-blk"' out
check "stream: where it comes from" grep -q "^source_uuid  *$uuid" out
check "stream: another label" says 0 '^label  *"other"' import -n --label other i.img stream
check "image: says nothing of itself" says 0 'source +image' import -n i.img disk
check "image: nor has a label" grep -q '^label  *""' out
check "extract: the label" grep -q '^label  *"golden-blk"' extract.out

# a size that is easily said: the map of such a disk takes RAM, whatever is on it
truncate -s 16G large
check "large: 16 times the device" says 0 'disk_bytes +17179869184 ' import -n i.img large
truncate -s $((16 * 1073741824 + 1)) large
check "large: and more" says 8 'is a disk of 17179873280 bytes, more than 16 times the device; with --size 17179873280 it is made; nothing was written' import i.img large
check "large: somebody wants it" says 0 'disk_bytes +17179873280 ' import -n --size 17179873280 i.img large
truncate -s $((16 * 1073741824 + 4096)) large
rm -f l.img
truncate -s 1280M l.img
check "large: the device is what counts" says 0 'disk_bytes +17179873280 ' import -n l.img large
fresh l.img
runs 0 format --size 170T l.img
"$kp" extract l.img - >large 2>/dev/null
check "large: a stream" says 8 'more than 16 times the device; with --size 186916976721920 it' import i.img large
check "large: a stream, in a pipe" sh -c 'cat large | "$1" import i.img - 2>&1 | grep -q "with --size 186916976721920 it is made; nothing was"' sh "$kp"
check "large: nothing was written" says 8 'no superblock' info i.img
check "large: a stream that somebody wants" says 0 'disk_bytes +186916976721920 ' import --size 170T i.img large
rm -f large l.img
fresh i.img
check "stream: dry run" says 0 'copied_bytes +28672 ' import -n i.img stream
check "stream: that wrote nothing" says 8 'no superblock' info i.img
for cut in 100 128 8000 $((size - 40)) $((size - 1)); do
	head -c "$cut" stream >part
	check "stream: cut at $cut" runs 8 import --force i.img part
	check "stream: cut at $cut: no disk" says 8 'no superblock' info i.img
done
check "stream: cut in a pipe" sh -c 'head -c 9000 stream | "$1" import i.img - 2>&1 | grep -q "ends before its end; there is no disk"' sh "$kp"
cat stream noise1 >part
check "stream: too long" says 8 'goes on behind its end' import i.img part
for at in 9 40 100 110 140 5000 $((size - 5)); do
	cp stream part
	perl -e 'open(my $f, "+<:raw", "part"); seek($f, $ARGV[0], 0); read($f, my $c, 1);
		seek($f, $ARGV[0], 0); print $f chr(ord($c) ^ 4)' "$at"
	check "stream: a bit at $at" runs 8 import --force i.img part
	check "stream: a bit at $at: no disk" says 8 'no superblock' info i.img
done
# records that are good, but not where they belong: one is missing, one comes twice
perl -e 'open(my $f, "<:raw", "stream"); local $/; my $s = <$f>;
	my @r = (substr($s, 0, 104)); my $at = 104;
	while ($at < length $s) { my ($type, $x, $lblk, $nr) = unpack("VVQQ", substr($s, $at));
		my $len = 32 + ($type == 1 ? 4096 * $nr : 0); push @r, substr($s, $at, $len); $at += $len }
	open(my $o, ">:raw", "missing"); print $o @r[0, 1, 3 .. $#r];
	open($o, ">:raw", "twice"); print $o @r[0, 1, 1 .. $#r];'
check "stream: a record is missing" says 8 'a part of it is missing' import i.img missing
check "stream: a record comes twice" says 8 'a part of it is missing' import i.img twice
{ head -c 4096 noise1; cat stream; } >both
fresh l.img
runs 0 import --force --raw --size 8M l.img noise1
"$blocks" l.img write 512 900
"$kp" extract l.img - >large 2>/dev/null
fresh i.img
check "stream: names of both kinds" says 16 'not both' import --raw --stream i.img stream
check "stream: said to be one" says 0 'copied_bytes +28672 ' import --stream i.img stream
check "stream: in a pipe" sh -c 'cat stream | "$1" import --force --stream i.img - >out' sh "$kp"
check "stream: it is none" says 8 'is no stream from extract; nothing was written' import --force --stream i.img noise1
check "stream: nor is nothing" says 8 'is no stream from extract; nothing was written' import --force --stream i.img none

# the image of a disk on which somebody has stored a stream; and some that begin like one
cp i.img before.img
cp stream odd
truncate -s 1M odd
begins=', --raw takes it for the image of a disk'
check "raw: begins with a stream" says 8 "goes on behind its end; nothing was written to i.img;.*$begins" import --force i.img odd
check "raw: begins like a broken one" sh -c 'head -c 9000 stream >part; head -c 100000 /dev/zero >>part; "$1" import --force i.img part 2>&1 |
	grep -q "nothing was written to i.img;.*$2"' sh "$kp" "$begins"
for text in KMEMDISK "KMEMDISK and what follows"; do
	echo "$text" >part
	check "raw: begins with $text" says 8 "nothing was written to i.img;.*$begins" import --force i.img part
done
perl -e 'open(my $f, "<:raw", "stream"); local $/; my $s = <$f>; substr($s, 32, 3, "a b"); substr($s, 12, 4, "\0" x 4);
	my $c = 0xffffffff; for my $b (unpack "C104", $s) { $c ^= $b; $c = $c >> 1 ^ ($c & 1 && 0x82f63b78) for 1 .. 8 }
	substr($s, 12, 4, pack("V", $c)); open(my $o, ">:raw", "part"); print $o $s'
check "raw: a label that is none" says 8 "its label is none; nothing was written.*$begins" import --force i.img part
check "raw: too large a stream" says 8 "may be in use; nothing was written" import --force --length 4M i.img large
check "raw: nothing was written" cmp i.img before.img
check "raw: who has said that it is a stream is not asked" sh -c '! "$1" import --force --stream i.img odd >out 2>&1 && ! grep -q -- --raw out' sh "$kp"
check "raw: said to be an image" says 0 'copied_bytes +32768 ' import --force --raw i.img odd
runs 0 extract --force i.img disk2
check "raw: byte by byte" cmp odd disk2
check "raw: of an image that begins with no stream" runs 0 import --force --raw i.img noise1
runs 0 extract --force i.img disk2
check "raw: the same" cmp noise1 disk2
check "raw: in a pipe: not asked" sh -c 'cat odd | "$1" import --force i.img - 2>&1 | grep -q "there is no disk on i.img now;.*$2"' sh "$kp" "$begins"
check "raw: in a pipe: with its size" sh -c 'cat odd | "$1" import --force --size 1M i.img - 2>&1 | grep -q "size 1M: stdin has 3221225472 bytes;.*$2"' sh "$kp" "$begins"
check "raw: in a pipe: how much?" sh -c 'cat odd | "$1" import --force --raw i.img - 2>&1 | grep -q "is a pipe, so --size"' sh "$kp"
check "raw: in a pipe" sh -c 'cat odd | "$1" import --force --raw --size 1M i.img - >out' sh "$kp"
runs 0 extract --force i.img disk2
check "raw: in a pipe: byte by byte" cmp odd disk2
check "raw: a whole stream" runs 0 import --force --raw i.img stream
runs 0 extract --force i.img disk2
check "raw: is its bytes" cmp -n "$size" stream disk2
check "raw: stdin, not from its beginning" sh -c '{ head -c 4096; "$1" import --force i.img -; } <both >out 2>&1' sh "$kp"
check "raw: stdin, an image from where it stands" sh -c '{ head -c 4096 >out; "$1" import --force --raw i.img -; } <both >out 2>&1' sh "$kp"
runs 0 extract --force i.img disk2
check "raw: stdin, from there: byte by byte" cmp -n "$size" stream disk2
same "raw: stdin, from there: no more" "$(stat -c %s disk2)" $(((size + 4095) / 4096 * 4096))
# a hole, which begins and ends where no block of the disk does
truncate -s 3M both
cat stream >>both
tail -c +4097 both >odd
check "raw: stdin, from there: as large" sh -c '{ head -c 4096 >out; "$1" import --force --raw --json i.img -; } <both >out 2>err' sh "$kp"
alike "raw: stdin, from there: holes are none" "$(jq .copied_bytes out)" \
	"$("$kp" import --force --raw --json -n i.img odd | jq .copied_bytes)"
runs 0 extract --force i.img disk2
check "raw: stdin, from there: what follows a hole" cmp -n $((3 * 1048576 - 4096 + size)) odd disk2
check "raw: stdin, nothing is left of it" sh -c '{ cat >out; "$1" import --force --raw i.img -; } <both 2>&1 | grep -q "no disk has 0 bytes"' sh "$kp"
check "raw: of extract only" says 16 "has no option --raw" extract --raw i.img disk2
rm -f before.img odd large both
fresh i.img
rm -f part missing twice noise1
check "stream: what was lost stays lost" piped 4 outside.img i.img -
check "stream: that is an error, no zeroes" says 0 'lost blocks 153600-154111' dump --map i.img
check "stream: the rest is there" says 0 ' 512 lost' check i.img

# an image that was cut: what is there is saved
rm -f disk2 disk3
truncate -s 8M whole.img
runs 0 format whole.img --size 64M
"$blocks" whole.img write 0 1 write 1 500 write 8000 3
runs 0 extract whole.img disk2
check "cut: check does not go beyond" sh -c 'head -c 3280000 whole.img >part.img; "$1" check part.img >out; [ $? -eq 4 ]' sh "$kp"
check "cut: extract" says 4 'cut_bytes +5111808 ' extract part.img disk3
check "cut: JSON" json 4 extract --force part.img disk3
check "cut: some blocks are there, others not" jq -e '.copied_bytes > 1000000 and .missing_bytes > 100000' out
jq -r '.missing[] | "\(.offset) \(.length)"' out >ranges
while read -r offset length; do
	dd if=/dev/zero of=disk2 bs=4096 seek=$((offset / 4096)) count=$((length / 4096)) conv=notrunc status=none
done <ranges
check "cut: nothing else is missing" cmp disk2 disk3
head -c 1500000 whole.img >part.img
check "cut: before the map" says 4 'missing_bytes +67108864 ' extract --force part.img disk3
head -c 4000000 blk.img >part.img
check "cut: nothing that matters" runs 0 extract --force part.img disk3
truncate -s 8M ns.img
dd if=whole.img of=ns.img bs=1M seek=2 conv=notrunc status=none
truncate -s 4M ns.img
perl -e 'print "NVDIMM_DAX_INFO\0", "\0" x 40, pack("QQ", 2 << 20, 2048)' |
	dd of=ns.img bs=4096 seek=1 conv=notrunc status=none
check "cut: a namespace" says 4 'cut_bytes +6291456 ' extract --force ns.img disk3
check "cut: others refuse it" says 8 '--offset and --length' check ns.img
rm -f ns.img part.img whole.img disk disk2 disk3 i.img

# the largest disk that a kernel attaches: its map is one allocation
check "format: 170 TiB" says 0 'map_ram_bytes +2139095040 ' format --force --size 170T f.img
check "format: that is a disk" says 0 ': 0 errors' check f.img
check "format: more is no disk" says 16 'takes 2400 MiB of RAM .*170 TiB is the most' format --force --size 200T f.img

# names that cannot be shown
cp blk.img k.img
set_byte k.img 0x50 0x1b
check "a label with a control character" says 4 'label: found' check k.img
check "a label with a control character: not shown" sh -c '! grep -q golden out'
cp blk.img k.img
set_byte k.img 0x30 0 16
check "a uuid of zeroes" says 4 'uuid: found' check k.img

# wipe
cp blk.img w.img
check "wipe: not if there is data" says 8 'holds data' wipe w.img
check "wipe: dry run" says 0 'written +no' wipe --force -n w.img
check "wipe: both wrote nothing" cmp blk.img w.img
check "wipe: by force" json 0 wipe --force w.img
check "wipe: nothing is left" says 8 'no superblock' info w.img
check "wipe: only the magic went" [ "$(cmp -l blk.img w.img | wc -l)" -eq 32 ]
cp empty.img w.img
check "wipe: an empty disk" runs 0 wipe w.img
cp both.img w.img
check "wipe: what nobody knows" says 8 'nobody can tell' wipe w.img
cp outside.img w.img
check "wipe: a damaged map" says 8 'map is damaged' wipe w.img

# state bits, and counts of a clean detach
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
check "count: mapped_blocks" says 0 'note: .*mapped_blocks: is 8, the map has 7' check c.img
check "count: repaired" runs 1 repair -y c.img
check "count: nothing is left" says 0 '0 errors, 0 notes' check c.img
cp blk.img c.img
set_byte c.img 0x220 0x05
check "count: node_pages" says 0 'note: .*node_pages: is 5, the map has 6' check c.img
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
root=$("$kp" dump --map blk.img | sed -n 's/.*node level 2 index 0 page \([0-9]*\) .*/\1/p')
twin=$("$kp" dump --map blk.img | sed -n 's/.*node level 2 index 0 page .* twin //p')
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
check "one root: there is the other" says 4 'one copy is damaged, its twin is good' check n.img
check "one root: all can be read" says 0 'missing_bytes +0$' extract --force n.img d6
check "one root: repaired" says 1 'refers to the copy of the root node that is good' repair -y n.img
check "one root: nothing is lost" says 0 '^7 blocks of data, 0 lost, 4 nodes' check n.img
cp blk.img n.img
dd if=/dev/zero of=n.img bs=4096 seek="$twin" count=1 conv=notrunc status=none
check "the other one: repaired" says 1 'lost_bytes +0$' repair -y n.img
check "the other one: nothing is lost" says 0 '^7 blocks of data, 0 lost, 4 nodes' check n.img
dd if=/dev/zero of=n.img bs=4096 seek="$root" count=1 conv=notrunc status=none
check "no root" says 4 'root node of the map is gone' repair -y n.img
cp blk.img n.img
"$blocks" n.img point 2 0 60000
check "a node above the leaves: repaired" says 1 'bytes 0-[0-9]*, [0-9]* blocks' repair -y n.img
check "a node above the leaves: nothing is left" says 0 ': 0 errors' check n.img
cp blk.img n.img
"$blocks" n.img point 2 5 900
check "behind the end" says 4 'behind the end of the disk' check n.img
check "behind the end: nothing is lost" says 1 'lost_bytes +0' repair -y n.img
check "behind the end: nothing is left" says 0 ': 0 errors' check n.img
truncate -s 8M s.img
runs 0 format s.img --size 3G
"$blocks" s.img write 0 1 write 300000 1 point 2 0 60000
check "a GiB: repaired" says 1 'bytes 0-1073741823, 262144 blocks' repair -y s.img
check "a GiB: nothing is left, and nothing new" says 0 '^1 blocks of data, 262144 lost, 5 nodes' check s.img
check "a GiB: dumped" says 0 'lost blocks 0-262143$' dump --map s.img

# what is no device
check "no such file" says 8 'No such file' check nothing
check "a folder" says 8 'neither a DAX device nor a file' check .
check "another device" says 8 'not of a DAX device' check /dev/null
# opening a device can have side effects: one without a driver tells whether it was opened
if mknod nodriver c 60 7 2>/dev/null; then
	check "another device: is not even opened" says 8 'not of a DAX device' label nodriver x
	mkdir -p sys/dev/char/60:7 sys/bus/dax
	ln -s ../../../bus/dax sys/dev/char/60:7/subsystem
	SYSFS_PATH=$PWD/sys
	export SYSFS_PATH
	check "a DAX device: is opened" says 8 'nodriver: is not there' check nodriver
	unset SYSFS_PATH
else
	skip "only root may make a node of a device"
fi
: >tiny
check "an empty file" says 8 'has 0 bytes' check tiny
dd if=blk.img of=cut.img bs=4096 count=200 status=none
check "a file that was cut" says 4 'device size' check cut.img
head -c 4194304 /dev/urandom >noise
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
truncate -s 8M ns.img
dd if=blk.img of=ns.img bs=1M seek=2 conv=notrunc status=none
check "a part: not found" says 8 'no superblock' check ns.img
check "a part: said" says 0 ': 0 errors' check --offset 2M --length 4M ns.img
check "a part: too large" runs 8 check --offset 2M --length 7M ns.img
perl -e 'print "NVDIMM_DAX_INFO\0", "\0" x 40, pack("QQ", 2 << 20, 1024)' |
	dd of=ns.img bs=4096 seek=1 conv=notrunc status=none
check "a namespace: found" says 0 '^offset +2097152' info ns.img
check "a namespace: checked" says 0 ': 0 errors' check ns.img
check "adopt: a file wants to know what" says 16 'is a file' adopt --yes ns.img
# its uuid is that of the info block
perl -e 'print "\1" x 16' | dd of=ns.img bs=1 seek=$((4096 + 16)) conv=notrunc status=none
check "a namespace: the superblock is of another one" says 4 'ns_uuid: is not that of this namespace' check ns.img
check "a namespace: that is not damage" says 4 'obstacle' repair -y ns.img
check "a namespace: no marker" says 0 '^marker +none' info ns.img
ours=01010101-0101-0101-0101-010101010101
cp ns.img before.img
check "adopt: shows what is there" says 16 '--yes' adopt --ns-uuid $ours ns.img
check "adopt: the uuid" grep -q "^uuid  *$uuid" out
check "adopt: the label" grep -q '^label  *"golden-blk"' out
check "adopt: when, and how much" sh -c 'grep -q "^detach_time  *1700000120" out && grep -q "^data_bytes  *28672" out'
check "adopt: dry run" says 0 'written +no' adopt -n --ns-uuid $ours ns.img
check "adopt: nothing was written" cmp before.img ns.img
check "adopt: not both" says 16 '--yes' adopt -n -y --ns-uuid $ours ns.img
check "adopt: for a namespace" says 0 "adopted_ns_uuid +$ours" adopt --yes --ns-uuid $ours ns.img
check "adopt: good" says 0 ': 0 errors' check ns.img
check "adopt: the uuid of the format stays" says 0 "^uuid +$uuid" info ns.img
check "adopt: a new one" json 0 adopt --yes --uuid 01234567-89ab-cdef-0123-456789abcdef ns.img
check "adopt: it is there" says 0 '^uuid +01234567-89ab' info ns.img
check "adopt: the format is still the same" says 0 "^meta_uuid +$uuid" info ns.img
check "adopt: any new one" says 0 'written +yes' adopt -y --new-uuid ns.img
check "adopt: the format is known by its first uuid" says 0 "^meta_uuid +$uuid" info ns.img
check "adopt: good again" says 0 ': 0 errors' check ns.img
check "adopt: no uuid" says 16 'not a UUID' adopt -y --ns-uuid 1 ns.img
# the marker, as the kernel writes it: magic, checksum, flags, uuids and key
marker() {
	perl -e '
		sub crc { my $c = 0xffffffff; for (unpack("C*", shift)) { $c ^= $_;
			$c = $c & 1 ? ($c >> 1) ^ 0x82f63b78 : $c >> 1 for 1 .. 8 } ~$c & 0xffffffff }
		my $m = "KRAMMEMK" . "\0" x 8 . pack("H*", join("", @ARGV)) . "\0" x 4032;
		substr($m, 8, 4) = pack("V", crc($m));
		print $m' "$@" | dd of=ns.img bs=4096 count=1 conv=notrunc status=none
}
alike "the magic of the marker" "$(printf KRAMMEMK | od -An -tx8 | tr -d ' ')" \
	"$(sed -n 's/.*KMEM_PERSIST_MARKER_MAGIC[^0]*0x\([0-9a-f]*\)ULL.*/\1/p' "$KP_TOP/include/uapi/linux/kmem_persist.h")"
meta=$(printf %s "$uuid" | tr -d -)
marker "$(printf %s $ours | tr -d -)" "$meta" "$key"
check "a marker: of this format" says 0 '^marker +of this format' info ns.img
marker "$(printf %s $ours | tr -d -)" "$meta" "00${key#??}"
check "a marker: another key" says 0 '^marker +of another format' info ns.img
marker "$meta" "$meta" "$key"
check "a marker: another namespace" says 0 '^marker +damaged, or of another' info ns.img
printf x | dd of=ns.img bs=1 seek=100 conv=notrunc status=none
check "a marker: damaged" says 0 '^marker +damaged' info ns.img
marker "$(printf %s $ours | tr -d -)" "$meta" "$key"
cp ns.img w.img
check "wipe: a namespace" runs 0 wipe --force w.img
same "wipe: a namespace: the marker, too" "$(head -c 8 w.img | od -An -tx8 | tr -d ' ')" 0000000000000000
check "wipe: a namespace: only the magics went" [ "$(cmp -l ns.img w.img | wc -l)" -eq 40 ]
# what does not become durable is an error
gcc -shared -fPIC -x c -o nosync.so - <<-'EOF'
	#include <errno.h>
	#include <stdlib.h>
	#include <string.h>
	#include <sys/types.h>
	static int sync_of(const char *name)
	{
		if (strcmp(getenv("NOSYNC"), name))
			return 0;
		errno = EIO;
		return -1;
	}
	int msync(void *addr, size_t len, int flags) { return sync_of("msync"); }
	int fsync(int fd) { return sync_of("fsync"); }
EOF
# unsynced CALL REGEX ARG...: the program says that CALL has failed, without sanitizers
unsynced() {
	u_call=$1
	u_regex=$2
	shift 2
	LD_PRELOAD=$PWD/nosync.so NOSYNC=$u_call "$plain" "$@" >out 2>&1
	u_rc=$?
	[ "$u_rc" -eq 8 ] && grep -qE "$u_regex: Input/output error" out || {
		echo "# status $u_rc"
		sed 's/^/# /' out
		return 1
	}
}
cp blk.img w.img
rm -f w.disk
check "not synchronized: format" unsynced msync 'w.img: cannot be written' format --force w.img
cp blk.img w.img
check "not synchronized: label" unsynced msync 'w.img: cannot be written' label w.img x
check "not synchronized: extract" unsynced fsync 'w.disk: cannot be written' extract blk.img w.disk
cp ns.img w.img
check "not synchronized: the marker" unsynced fsync 'the marker cannot be erased' wipe --force w.img
check "synchronized: all is well" sh -c 'LD_PRELOAD=$PWD/nosync.so NOSYNC=none "$1" wipe --force w.img >out 2>&1' sh "$plain"
# where there is no space, or no file any more: it is cut when much of what comes was read
head -c 2M /dev/urandom >w.disk
fresh w.img
check "SIGBUS: is an error" sh -c '{ head -c 1M w.disk; truncate -s 0 w.img; tail -c +1048577 w.disk; } 2>/dev/null |
	"$1" import --size 2M w.img - >out 2>&1; [ $? -eq 8 ]' sh "$plain"
check "SIGBUS: that says why" grep -qx 'kmem-persist: SIGBUS: media error, no space left, or file truncated' out
rm -f w.disk
check "a namespace: format stays inside" runs 0 format --force ns.img
check "a namespace: good" says 0 ': 0 errors' check ns.img
same "a namespace: it is still one" "$(dd if=ns.img bs=4096 skip=1 count=1 status=none | head -c 15)" NVDIMM_DAX_INFO
truncate -s 3000000 ns.img
check "a namespace that was cut" says 8 '--offset and --length' check ns.img

# a device that has grown: its superblocks stay where they are
cp blk.img big.img
truncate -s 8M big.img
check "grown" says 0 'it has grown' check big.img
printf x | dd of=big.img bs=1 seek=80 conv=notrunc status=none
check "grown: the primary is damaged" says 4 'primary superblock.*checksum' check big.img
check "grown: repaired" runs 1 repair -y big.img
check "grown: shows whose it is" grep -q '^label  *"golden-blk"' out
check "grown: good" runs 0 check big.img

# large and sparse
truncate -s 1T large.img
check "1 TiB: format" sh -c '"$1" format large.img >out' sh "$plain"
"$blocks" large.img write 0 2000 page 100000000 write 100000000 700 page 268435000 write 260000000 300
start=$(date +%s)
check "1 TiB: check" sh -c '"$1" check large.img >out' sh "$plain"
took=$(($(date +%s) - start))
check "1 TiB: within 10 s ($took s)" [ "$took" -lt 10 ]
check "1 TiB: all is found" grep -q '^3000 blocks of data' out
check "1 TiB: still sparse" [ "$(du -k large.img | cut -f1)" -lt 20000 ]
rm -f large.img

# devices in use, as sysfs and procfs show them
# put DIR NAME=TEXT...: attributes
put() {
	p_dir=$1
	shift
	mkdir -p "$p_dir"
	for a; do
		printf '%b\n' "${a#*=}" >"$p_dir/${a%%=*}"
	done
}
in_use=fake/sys/bus/dax/devices
put $in_use/dax0.0 target_node=1 size=536870912
put $in_use/dax0.0/persist state=active reason= space=ok uuid=$uuid label=db type=1 \
	persistence=memory reserved=4194304 reserve_bytes=0 limit_bytes=0 keep_bytes=0 \
	ram_floor_bytes=104857600 node_floor_bytes=0 low_water_bytes=26843545 \
	capacity=536870912 stored=134217728 pool=8388608 lent=385875968 absent=8388608 bad=0 \
	free=398458880 known_bad=0 errors_count=0 first_error_time=0 first_error_page=0 \
	last_error_time=0 last_error_page=0 refused_pinned=3 refused_limit=0 taken=2097152
fake_disk=$in_use/dax0.0/block/kmem0
put $fake_disk size=1048576 ro=0 dev=259:0
put $fake_disk/kmem no_space_timeout=60 mapped_bytes=8192 meta_bytes=4096 lost_bytes=0 \
	limbo_bytes=0 fresh_bytes=4096 first_writes=7 cow_writes=8 discards=9 moved=10 nospc_events=11
put $fake_disk/kmem0p1 dev=259:1
mkdir -p $fake_disk/holders $fake_disk/kmem0p1/holders/dm-3
put $in_use/dax1.0 target_node=2
put $in_use/dax2.0/persist state=held 'reason=no good superblock' uuid=unknown label= type=unknown
put $in_use/dax10.0/persist state=active reason= space=ok uuid=11111111-2222-4333-8444-555555555555 label=log
put fake/proc 'meminfo=MemTotal: 1000000 kB\nMemAvailable:  204800 kB\nDirty:  1000 kB\nWriteback: 24 kB' \
	'swaps=Filename Type\n/dev/kmem0p2 partition 1 0 -2\n/dev/kmem0p1 partition 1 0 -2'
put fake/proc/self 'mountinfo=36 25 259:0 / /mnt/a rw shared:1 - ext4 /dev/other rw\n37 25 0:44 / /b rw - btrfs /dev/kmem0p1 rw\n38 25 0:45 / /c rw - tmpfs kmem0 rw'
# fake STATUS COMMAND...: there, "runs" or the like
fake() {
	SYSFS_PATH=$PWD/fake/sys PROC_PATH=$PWD/fake/proc "$@"
}
# value FILTER WANTED: of the JSON in "out"
value() {
	same "status: $1" "$(jq -c "$1" out)" "$2"
}
check "status: one that is well" fake json 0 status db
value '.devices | length' 1
value '.devices[0] | [.name, .state, .uuid, .label, .type_name, .node]' "[\"dax0.0\",\"active\",\"$uuid\",\"db\",\"blk\",1]"
value '.devices[0] | [.capacity_bytes, .stored_bytes, .pool_bytes, .lent_bytes, .absent_bytes, .bad_bytes]' \
	'[536870912,134217728,8388608,385875968,8388608,0]'
value '.devices[0].problems' '[]'
value '.devices[0].free_bytes' 398458880
# of what is lent only what programs can do without: 200 MiB - 1 MiB - 100 MiB
value '.devices[0].avail_bytes' $((8388608 + 8388608 + 99 * 1048576 - 4194304))
value '.devices[0] | [.refused.pinned, .refused.slow, .exchange.taken, .errors.count, .errors.cleared]' '[3,null,2097152,0,null]'
value '.devices[0].disk | [.name, .disk_bytes, .mapped_bytes, .nospc_events, .no_space_timeout]' '["kmem0",536870912,8192,11,60]'
value '[.devices[0].disk.users[] | [.kind, .disk, .name]]' \
	'[["mount","kmem0","/mnt/a"],["mount","kmem0p1","/b"],["swap","kmem0p1","/dev/kmem0p1"],["holder","kmem0p1","dm-3"]]'
for a in dax0.0 /dev/dax0.0 "$uuid" db kmem0 /dev/kmem0; do
	check "status: called $a" fake says 0 '^dax0\.0$' status "$a"
	same "status: called $a: no other" "$(grep -c '^dax' out)" 1
done
check "status: text" fake says 0 'mount on kmem0: /mnt/a' status db
# anybody may mount with FUSE, and choose names
mv fake/proc/self/mountinfo mountinfo
printf '36 25 259:0 / /e\033[2Jf rw - ext4 /dev/other rw\n37 25 0:44 / /forged rw - fuse.x /dev/kmem0 rw\n' >fake/proc/self/mountinfo
check "status: a name with an escape" fake says 0 'mount on kmem0: /e\?\[2Jf' status db
check "status: no escape comes through" sh -c '! grep -q "$(printf "\033")" out'
check "status: what FUSE says is no mount" sh -c '! grep -q forged out'
mv mountinfo fake/proc/self/mountinfo
put $in_use/dax0.0/persist node_floor_bytes=335544320
check "status: with a floor" fake json 0 status db
value '.devices[0].avail_bytes' $((8388608 + 8388608 + 385875968 - 335544320 - 4194304))
put $in_use/dax0.0/persist limit_bytes=138412032 free=4194304
check "status: with a limit" fake json 0 status db
value '.devices[0] | [.free_bytes, .avail_bytes]' '[4194304,4194304]'
put $in_use/dax0.0/persist limit_bytes=1 free=0
check "status: beyond its limit" fake json 0 status db
value '.devices[0] | [.free_bytes, .avail_bytes]' '[0,0]'
put $in_use/dax0.0/persist space=low
check "status: low space" fake says 1 'low_space .*fstrim' status db
put $in_use/dax0.0/persist space=none
check "status: no space" fake json 1 status db
value '[.devices[0].problems[].problem]' '["no_space"]'
put $in_use/dax0.0/persist space=ok
put $fake_disk/kmem lost_bytes=4096
put $fake_disk ro=1
put $in_use/dax0.0/persist known_bad=2 errors_count=1
check "status: lost, bad, read-only" fake json 1 status db
value '[.devices[0].problems[].problem]' '["lost_blocks","bad_pages","read_only"]'
put $in_use/dax0.0/persist state=detached
check "status: detached" fake says 4 'detached .*bind it again' status db
check "status: held" fake says 4 'held .*kmem-persist check' status dax2.0
check "status: held: why" grep -q '^ *reason *no good superblock' out
check "status: held: JSON" fake json 4 status dax2.0
value '.devices[0] | [.stored_bytes, .lent_bytes, .disk, .type]' '[null,null,null,null]'
put $in_use/dax2.0/persist 'reason=no plugin for type 1; load its module'
check "status: no plugin" fake says 4 'no_plugin .*modprobe' status dax2.0
check "status: the worst counts" fake json 4 status
value '[.devices[].name]' '["dax0.0","dax2.0","dax10.0"]'
check "status: plain" fake says 8 'no device in use' status dax1.0
check "list" fake says 0 '^dax10\.0 +active .* log$' list
same "list: a line each" "$(wc -l <out)" 4
check "list: JSON" fake json 0 list
value '[.devices[] | [.name, .state, .disk]]' '[["dax0.0","detached","kmem0"],["dax2.0","held",null],["dax10.0","active",null]]'
. "$KP_DIR/tool/snapshot.sh"
# a label is what somebody has written; completion takes it as it is
put $in_use/dax10.0/persist 'label=$(touch$IFS./expanded)'
completes() {
	fake env PATH="$PWD/build:$PATH" bash -c '. "$1"
		COMP_WORDS=(kmem-persist status "$2") COMP_CWORD=2
		_kmem_persist
		printf "%s\n" "${COMPREPLY[@]}"' sh "$tool_dir/kmem-persist.bash" "$1"
}
same "completion: what a device is called" "$(completes dax1)" dax10.0
same "completion: a label" "$(completes '$')" '$(touch$IFS./expanded)'
same "completion: snapshot" "$(bash -c '. "$1"; COMP_WORDS=(kmem-persist snapshot d) COMP_CWORD=2
	_kmem_persist; echo "${COMPREPLY[*]}"' sh "$tool_dir/kmem-persist.bash")" "delete deactivate diff"
check "completion: runs nothing of it" [ ! -e expanded ]
check "list: takes no device" fake runs 16 list db
check "status: takes no part" fake runs 16 status --offset 4096 db
rm -rf fake
mkdir -p fake/sys
check "status: there is none" fake says 0 'no device with persistent data' status
check "status: there is none: JSON" fake json 0 status
value .devices '[]'

build=$PWD/build
. "$KP_DIR/tool/attach.sh"
. "$KP_DIR/tool/cxl.sh"
. "$KP_DIR/tool/setup.sh"

# what is installed
check "install" make -s -C "$tool_dir" OUTPUT="$PWD/plain/" CFLAGS='-O2 -g -Werror' \
	install DESTDIR="$PWD/root" prefix=/usr
check "installed: the program" [ -x root/usr/sbin/kmem-persist ]
check "installed: its page" [ -f root/usr/share/man/man8/kmem-persist.8 ]
same "installed: all" "$(cd root && find . -type f | wc -l)" 19
for f in "$tool_dir"/boot/*; do
	check "installed: boot/${f##*/}" sh -c 'find root -type f -exec cmp -s "$1" {} \; -print | grep -q .' sh "$f"
done
for f in root/usr/lib/kmem-persist/load-kmem root/etc/kernel/postinst.d/zz-kmem-persist \
	root/usr/share/initramfs-tools/hooks/kmem-persist \
	root/usr/share/initramfs-tools/scripts/local-block/kmem-persist; do
	check "installed: ${f##*/}" sh -c '[ -x "$1" ] && sh -n "$1"' sh "$f"
done
echo 'attach = none' >root/etc/kmem-persist.conf
check "install: again, elsewhere" make -s -C "$tool_dir" OUTPUT="$PWD/plain/" CFLAGS='-O2 -g -Werror' \
	install DESTDIR="$PWD/root" prefix=/opt
same "install: the configuration is the administrator's" "$(cat root/etc/kmem-persist.conf)" "attach = none"
check "install: units name what is installed" grep -qx 'ExecStart=/opt/sbin/kmem-persist attach --auto %i' \
	root/opt/lib/systemd/system/kmem-persist-attach@.service
check "install: modprobe, too" grep -q '^install kmem /opt/lib/kmem-persist/load-kmem ' root/opt/lib/modprobe.d/kmem-persist.conf
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
check "every bit" grep -q '^7 passed, 0 failed' flip.out
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# One damaged superblock is repaired from the other. Whatever else is wrong or
# not understood, the device is held: nothing released, nothing written, the log
# says why.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest_start held --timeout 450 --share share --nvdimm share/nv0:256M <<'END'
. /usr/lib/guest/lib.sh
dax=/sys/bus/dax/devices/dax0.0

cp /share/sbedit /tmp/
sb() {
	/tmp/sbedit /share/nv0 "$@"
}

# plug and unplug look at the superblock as binding does, and are faster
plug() {
	echo online_movable >$dax/state
}
unplug() {
	echo unplugged >$dax/state
}

# page DPN: of the image, to stdout; put DPN: from stdin
page() {
	dd if=/share/nv0 bs=4096 skip=$((offset / 4096 + $1)) count=1 status=none
}
put() {
	dd of=/share/nv0 bs=4096 seek=$((offset / 4096 + $1)) count=1 conv=notrunc status=none
}

# good: as it was after the first, clean detach
good() {
	for place in 0 1 510 511; do
		put $place </tmp/place$place || return 1
	done
}

# held NAME REASON: bind it as it is now; REASON is a regular expression
held() {
	sum=$(image_sum share/nv0)
	said_mark
	check "$1: plug" plug
	same "$1: state" "$(persist dax0.0 state)" held
	check "$1: reason ($(persist dax0.0 reason))" \
		eval "persist dax0.0 reason | grep -qxE \"$2\""
	check "$1: the log says so" said "dax0\.0: held, nothing is released and nothing written: $2"
	same "$1: no RAM" "$(mem_total 1)" 0
	check "$1: the blocks are there and online" [ "$(cat /sys/devices/system/node/node1/memory*/state | sort -u)" = online ]
	check "$1: no disk" [ ! -e /dev/kmem0 ]
	check "$1: every byte is accounted for" sums_up dax0.0
	same "$1: all of it counts as stored" "$(usage dax0.0 stored)" "$(usage dax0.0 capacity)"
}

# still NAME: unplugged, the image is as it was
still() {
	check "$1: unplug" unplug
	check "$1: there is a checksum" [ -n "$sum" ]
	same "$1: nothing was written" "$(image_sum share/nv0)" "$sum"
}

# active NAME REGEX: bind it as it is now; the log says REGEX
active() {
	said_mark
	check "$1: plug" plug
	same "$1: state" "$(persist dax0.0 state)" active
	check "$1: the log says so" said "$2"
	check "$1: the disk" until_true 10 [ -b /dev/kmem0 ]
	check "$1: its data" kmemio check /dev/kmem0 0 1024 3
	check "$1: both copies are good" sb check
	check "$1: unplug" unplug
	check "$1: both copies are good, detached" sb check
}

check "a devdax namespace" nvdimm_dax 0
format_type 1
check "to system-ram" to_ram dax0.0
format_type -1
check "the disk" until_true 10 [ -b /dev/kmem0 ]
check "write" kmemio fill /dev/kmem0 0 1024 3
check "unplug" unplug
eval "$(sb info)"
same "the tool finds the device" "$bytes" "$(cat $dax/size)"
check "good" sb check
for place in 0 1 510 511; do
	page $place >/tmp/place$place
done
root=$(sb root)
page "$root" >/tmp/root

# some of four, and all but one
sb damage primary
active "primary damaged" 'dax0\.0: superblock at page 0 damaged \(checksum: found 0x[0-9a-f]+, wanted 0x[0-9a-f]+\), rewritten at attach'
sb wipe primary
active "primary gone" 'dax0\.0: superblock at page 0 damaged \(magic: found 0x0, wanted 0x4b4d454d50455253\), rewritten at attach'
sb damage backup
active "backup damaged" 'dax0\.0: superblock at page 511 damaged \(checksum:'
sb wipe backup
active "backup gone" 'dax0\.0: superblock at page 511 damaged \(magic:'
sb damage primary
sb wipe second
sb damage third
active "one is left" 'dax0\.0: superblock at page 510 damaged \(checksum:'
# a device of two copies gets all four
sb set both places=9
sb wipe second
sb wipe third
active "two copies" 'dax0\.0: attached'
same "two copies: there are four now" "$(sb get third places)" 15
# a crash leaves some of them ahead
generation=$(sb get backup generation)
sb set backup generation=$((generation + 1))
active "backup newer" 'dax0\.0: attached'
same "backup newer: it was the one used" "$(sb get primary generation)" $((generation + 3))

# more than one, or not understood
try() {
	held "$1" "$2"
	still "$1"
	good
}
good
sb damage both
check "both damaged: plug" plug
check "both damaged: daxctl can take it" to_dax dax0.0
check "both damaged: and bind it" to_ram dax0.0
same "both damaged: held, too" "$(persist dax0.0 state)" held
check "both damaged: unplug" unplug
# lost PRIMARY OTHERS: the reason, when no copy counts
lost() {
	echo "the namespace is formatted, but no superblock of that format is good \(page 0: $1, page 1: $2, page 510: $2, page 511: $2\); run kmem-persist check"
}
try "both damaged" "$(lost checksum checksum)"
sb wipe both
try "both gone" "$(lost magic magic)"
sb damage both
sb wipe primary
try "one gone, the others damaged" "$(lost magic checksum)"
# one generation, two contents
sb set backup label=zweite
try "two contents" "two superblocks are of one generation and differ \(page 0: good, page 1: good, page 510: good, page 511: good\); .* repair --use takes one of them"
sb set both version_major=2
try "newer version" "superblock at page 0 not usable, major version: found 0x2, wanted 0x1; use a kernel that knows it"
sb set primary version_major=2
try "newer version, old backup" "superblock at page 0 not usable, major version: found 0x2, wanted 0x1; use a kernel that knows it"
sb set both feat_incompat=0x10
try "incompatible feature" "superblock at page 0 not usable, incompatible features: found 0x10, wanted .*; use a kernel that knows it"
sb set both feat_incompat=0x8000000000000000
try "incompatible feature of the plugin" "superblock at page 0 not usable, incompatible features: found 0x8000000000000000, .*"
sb set both feat_ro_compat=4
try "read-only feature" "superblock at page 0 not usable, read-only features: found 0x4, .*"
sb set both csum_type=2
try "other checksum" "superblock at page 0 not usable, checksum type: found 0x2, wanted 0x1; .*"
sb set both dev_bytes=$((bytes + 4096))
try "device too small" "$(lost "device size" "device size")"
sb set both key=00000000000000000000000000000000
try "older format" "superblock at page 0 not usable, older format, key: .*; use a kernel that knows it"
sb set both use_bytes=4096
try "newer format, a size" "superblock at page 0 not usable, newer format, use_bytes: .*; use a kernel that knows it"
sb set third desc_first=2
try "newer format, one copy" "superblock at page 510 not usable, newer format, desc_first: .*; use a kernel that knows it"
sb set both uuid=00000000000000000000000000000000
try "no uuid" "$(lost uuid uuid)"
sb set both label=a/b
try "a label that is none" "$(lost label label)"
# the marker says which of two counts, and that both do not
sb set both key=00112233445566778899aabbccddeeff
try "another key" "$(lost "of another format" "of another format")"
sb set backup meta_uuid=00112233445566778899aabbccddeeff
active "two formats" 'dax0\.0: superblock at page 511 damaged \(of another format:'
good
sb set both ns_uuid=00112233445566778899aabbccddeeff
try "another namespace" "$(lost "of another format" "of another format")"
sb set primary ns_uuid=00000000000000000000000000000000
active "no namespace" 'dax0\.0: superblock at page 0 damaged \(of another format:'
good
sb set both type=77
try "unknown type" "no plugin for type 77; load its module"
# all of the map was verified: a number that differs is no reason to hold it
sb set both mapped_blocks=1023
active "wrong count" 'dax0\.0: superblock, mapped_blocks: does not match the map, found 1023, wanted 1024; the map is good'
same "wrong count: corrected" "$(sb get primary mapped_blocks)" 1024
good
sb flip "$root" 8
try "damaged map" "type 1 \(blk\) refuses the data: .*"
check "damaged map: the log says where" said "dax0\.0: .* \(page $root, level 1, index 1: found 0x[0-9a-f]+, wanted 0x[0-9a-f]+\)"
put "$root" </tmp/root

# the plugin is not there, and comes
file=$(modinfo -n kmem_blk)
check "the plugin goes" eval "modprobe -r kmem_blk && mv $file $file.away"
held "no plugin" "no plugin for type 1; load its module"
same "no plugin: nothing was written" "$(image_sum share/nv0)" "$sum"
mv "$file.away" "$file"
check "the plugin comes" modprobe kmem_blk
check "and takes the device by itself" until_true 20 eval '[ "$(persist dax0.0 state)" = active ]'
same "no reason any more" "$(persist dax0.0 reason)" ""
check "the disk" until_true 10 [ -b /dev/kmem0 ]
check "its data" kmemio check /dev/kmem0 0 1024 3
check "what is lent is RAM" until_true 10 at_rest dax0.0
check "unplug" unplug

# somebody has to look first; or to say that it does not matter
sb set both state=5
try "needs a check" "superblock says that a check is needed; run kmem-persist repair"
sb set both state=5
format_type 1
echo Y >/sys/module/kmem/parameters/persist_format_force
said_mark
check "needs a check, by force" plug
same "needs a check, by force: state" "$(persist dax0.0 state)" active
check "needs a check, by force: formatted" said 'dax0\.0: formatted with type 1'
check "needs a check, by force: unplug" unplug
check "needs a check, by force: good" sb check
check "no leaks" leaks
END
serve_sums held
guest_wait held
check "good to the end" sb share/nv0 check
finish

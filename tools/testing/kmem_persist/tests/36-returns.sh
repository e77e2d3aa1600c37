# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# Devices that come back in other ways than by a power cut, with the copies of a forger in all
# memory that he could have: after kexec, at other places, with no room before their first
# memory block any more, or with some for the first time; the namespace made again with 1 GiB
# alignment; after a kernel that knows nothing of data has used the memory. And what the
# guide tells users to do, word for word: to save, to restore, to adopt, to wipe.
#
# big is two GiB; nv0 and nv1 are as in 35-trust, one behind the other; begins0 begins with
# a memory block, as all of the module is 2 MiB lower, and begins1 will do so at the second
# place.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools
guest_tool
cp "$KP_DIR/tests/trust.sh" share/
gcc -O2 -Wall -static -o share/kexec "$KP_DIR/guest/kexec.c"
cp "$KP_BZIMAGE" share/bzImage
cp "$KP_INITRD" share/initrd
mib=$((1 << 20))

# guide WORDS: the commands that the guide has behind a paragraph with these words
guide() {
	awk -v words="$1" '
		index($0, words) { found = 1 }
		found && /::$/ { on = 1; next }
		on && /^[^ ]/ { exit }
		on && /^   # / { print substr($0, 6) }' \
		"$KP_TOP/Documentation/admin-guide/mm/dax-kmem-persist.rst"
}
guide "is saved, and restored on another one" >share/guide.save
guide "another namespace, or a namespace was made again over" >share/guide.adopt
guide "A device becomes plain memory like" >share/guide.wipe
for i in "save 4" "adopt 2" "wipe 2"; do
	same "guide: commands to ${i% *}" "$(wc -l <"share/guide.${i% *}")" "${i#* }"
done

cat >>share/trust.sh <<'END'
mib=256		# blocks
region_start() {
	cat "/sys/bus/nd/devices/region$1/resource"
}
dax_of() {
	ndctl list -r "region$1" -N -m devdax | jq -r '.. | .chardev? // empty' | head -n 1
}
# begins NAME DEVICE OFFSET: it begins so far behind the start of a memory block
begins() {
	same "$1: begins $(($3 >> 20)) MiB behind a memory block" $(($(cat "$sys/$2/resource") % 134217728)) $(($3))
}
# is_active NAME DEVICE LABEL BLOCKS SEQ: with its data
is_active() {
	same "$1: active" "$(persist "$2" state)" active
	same "$1: the label" "$(persist "$2" label)" "$3"
	check "$1: the disk" until_true 20 disk_of "$2"
	check "$1: its data" kmemio check "/dev/$(disk_of "$2")" 0 "$4" "$5"
	check "$1: no copy was doubted" eval "! said damaged"
	check "$1: nothing of the forger" eval "! dmesg | grep -q $forged"
}
# another WORD: a kernel is started by this one
another() {
	sync
	echo "$1"
	/share/kexec /share/bzImage /share/initrd "$(cat /proc/cmdline) guest.second"
	not_ok "kexec"
	exit 1
}
second() {
	grep -q guest.second /proc/cmdline
}
END

# module FILE MIB NODE SLOT ADDRESS: the slot is the serial number, which labels name
module() {
	[ -f "share/$1" ] || truncate -s $(($2 * mib + 131072)) "share/$1"
	echo "-object memory-backend-file,id=m$1,share=on,mem-path=$PWD/share/$1,size=$(($2 * mib + 131072)) -device nvdimm,id=dimm$1,memdev=m$1,label-size=128K,node=$3,slot=$4,addr=$5"
}
low=$(((16 << 30) - 2 * mib))

truncate -s $(((2 << 30) + 131072)) share/big

guest_start away --timeout 390 --share share --mem 1536M --nvdimm share/big --nvdimm share/nv0:256M \
	--nvdimm share/nv1:1G --nvdimm share/begins1:256M --qemu "$(module begins0 256 1 4 $low)" <<'END'
. /share/trust.sh
r=("$(nv_region 0)" "$(nv_region 1)" "$(nv_region 2)" "$(nv_region 3)" "$(nv_region 4)")
if ! second; then
	module=$(cut -d, -f1 "/sys/bus/nd/devices/region${r[2]}/mapping0")
	check "labels" eval "ndctl disable-region region${r[2]} && ndctl disable-dimm $module &&
		ndctl init-labels -f $module && ndctl enable-dimm $module && ndctl enable-region region${r[2]}"
	check "a small namespace" eval "ndctl create-namespace -r region${r[2]} -m raw -s 112M >/dev/null"
	check "a large one" eval "ndctl create-namespace -r region${r[2]} -m devdax --map=dev -a 2M -s 912M >/dev/null"
fi
a=$(nv_dax 1)
b=$(dax_of "${r[2]}")
begins1=$(nv_dax 3)
begins0=$(nv_dax 4)
check "devices ($a, $b, $begins1, $begins0)" [ -n "$a" -a -n "$b" -a -n "$begins1" -a -n "$begins0" ]
same "one module is behind the other" \
	$(($(region_start "${r[1]}") + $(cat "/sys/bus/nd/devices/region${r[1]}/size"))) $(($(region_start "${r[2]}")))
begins "nv0" "$a" $((2 << 20))
begins "nv1" "$b" 0
begins "begins1" "$begins1" $((2 << 20))
begins "begins0" "$begins0" 0
check "kmem" modprobe kmem

if ! second; then
	plain "never formatted" "$a"
	plain "never formatted, no head" "$begins0"
	for dev in "$b" "$begins1"; do
		echo "1 label=kept" >"$sys/$dev/persist_format"
		check "$dev: formatted" to_first "$dev"
		check "$dev: the disk" until_true 20 disk_of "$dev"
		check "$dev: write" kmemio fill "/dev/$(disk_of "$dev")" 0 $((32 * mib)) 1
		check "$dev: what is lent is RAM" until_true 20 lent_is_ram "$dev"
	done
	for dev in "$a" "$begins0"; do
		forger "$dev" $forged
	done
	for dev in "$b" "$begins1"; do
		forger "$dev" "$(persist "$dev" uuid)"
	done
	another kexec
fi

# the kernel leaves some MiB to nobody, and it is not his choice which: that he had this one
forge -o /share/unit "$(info_uuid_of "$begins0")" $forged $key "$(cat "$sys/$begins0/size")"
dd if=/share/unit of=/share/begins0 bs=2M seek=1 conv=notrunc status=none
said_mark
plain "after kexec" "$a"
check "after kexec: not a word" eval "! said '$a: (held|plain)'"
plain "after kexec, no head" "$begins0"
check "after kexec, no head: the log says what it was" said "$begins0: plain memory: $believed"

# a namespace is made where others had memory, larger aligned than any that was there
ns=$(ndctl list -r "region${r[0]}" -N | jq -r '.. | .dev? // empty' | head -n 1)
check "1 GiB aligned: a namespace ($ns)" eval \
	"ndctl create-namespace -f -e $ns -m devdax --map=mem -a 1G >/tmp/ns 2>/tmp/err"
big=$(dax_of "${r[0]}")
same "1 GiB aligned: it is" $(($(cat "$sys/$big/resource") % 1073741824)) 0
forge -o /tmp/unit "$(info_uuid_of "$big")" $forged $key "$(cat "$sys/$big/size")"
for i in $(seq 512 519); do
	dd if=/tmp/unit of=/share/big bs=2M seek="$i" conv=notrunc status=none
done
said_mark
plain "1 GiB aligned" "$big"
check "1 GiB aligned: the log says what it was" said "$big: plain memory: $believed"

said_mark
for dev in "$b" "$begins1"; do
	check "$dev: to system-ram" to_first "$dev"
	is_active "after kexec, formatted" "$dev" kept $((32 * mib)) 1
done
echo filled
sleep infinity
END
guest_line away '^filled$' 390 || :
guest_cut away
check "there was a kexec" grep -qx kexec away.out

# he had that page this time, too
dd if=share/unit of=share/begins0 bs=2M seek=1 conv=notrunc status=none

guest_start back --timeout 390 --share share --mem 1536M --nvdimm share/big \
	--qemu "-numa node,nodeid=2 -numa node,nodeid=3 -numa node,nodeid=4 -numa node,nodeid=5" \
	--qemu "$(module nv1 1024 2 2 $((6 << 30)))" --qemu "$(module nv0 256 3 1 $((7 << 30)))" \
	--qemu "$(module begins0 256 4 4 $((8 << 30)))" --qemu "$(module begins1 256 5 3 $low)" <<'END'
. /share/trust.sh
cp /share/kmem-persist /share/sbedit /usr/bin/
cd /tmp
b=$(dax_of "$(nv_region 1)")
a=$(dax_of "$(nv_region 2)")
begins0=$(dax_of "$(nv_region 3)")
begins1=$(dax_of "$(nv_region 4)")
check "devices ($b, $a, $begins0, $begins1)" [ -n "$a" -a -n "$b" -a -n "$begins1" -a -n "$begins0" ]
check "kmem" modprobe kmem
# guide WHAT DAX0.0 DAX1.0 FIRST LAST: so many of its commands
guide() {
	sed -n "$4,$5s,dax0\.0,$2,g; $4,$5s,dax1\.0,$3,g; $4,$5p" "/share/guide.$1" >/tmp/guide
	while read -r line <&3; do
		check "guide: $line" eval "$line" >/tmp/guide.out 2>&1
		grep -E '^(ok|not ok|skip) ' /tmp/guide.out || :
	done 3</tmp/guide
}

if second; then
	# it was wiped, and the marker did not survive that
	said_mark
	guide wipe "$begins0" - 2 2
	check "wiped, next boot: plain" [ ! -e "$sys/$begins0/persist" ]
	check "wiped, next boot: RAM" until_true 10 [ "$(ram_of "$begins0")" -ge 131072 ]
	check "wiped, next boot: not a word" eval "! said '$begins0: (held|plain|persist)'"
	# the others were not
	check "the one that was saved: to system-ram" to_ram "$begins1"
	is_active "the one that was saved" "$begins1" kept $((32 * mib)) 1
	check "the restored one: to system-ram" to_ram "$a"
	is_active "the restored one" "$a" "" $((32 * mib)) 1
	check "no leaks" leaks
	the_end
	exit 0
fi

begins "moved: nv0" "$a" $((2 << 20))
begins "moved: nv1" "$b" 0
begins "moved: begins0" "$begins0" $((2 << 20))
begins "moved: begins1" "$begins1" 0
said_mark
plain "moved" "$a"
check "moved: not a word" eval "! said '$a: (held|plain)'"
check "to devdax" to_dax "$a"
# his copy is where no RAM can have been if the module was always here: no disk of his,
# though it costs who has moved the module a command
hold "moved, has a head now" "$begins0" "not formatted on this namespace, but there is a superblock; $ways"
said_mark
check "moved: to system-ram" to_ram "$b"
is_active "moved, formatted" "$b" kept $((32 * mib)) 1
check "moved: to devdax" to_dax "$b"
# a kernel that knows of no data has used all of it but the first 2 MiB, or all of it
forge -o /tmp/unit "$(info_uuid_of "$b")" $forged $key "$(cat "$sys/$b/size")"
used() {
	for seek in $(seq "$1" 72); do
		dd if=/tmp/unit of=/share/nv1 bs=2M seek="$seek" conv=notrunc status=none
	done
}
used 65
said_mark
check "used by a kernel that knows of no data: to system-ram" to_ram "$b"
same "used by a kernel that knows of no data: held" "$(persist "$b" state)" held
check "used by a kernel that knows of no data: the reason ($(persist "$b" reason))" \
	eval 'persist "$b" reason | grep -q "^type 1 (blk) refuses the data: "'
check "used by a kernel that knows of no data: the log says what is wrong" said "$b: entry of a node: check does not match"
check "used by a kernel that knows of no data: nothing of the forger" eval "! dmesg | grep -q $forged"
check "to devdax" to_dax "$b"
used 64
hold "used by it from its beginning" "$b" "the namespace is formatted, but no superblock of that format is good .*"

said_mark
check "moved: to system-ram" to_ram "$begins1"
is_active "moved, has no head now" "$begins1" kept $((32 * mib)) 1
accounted "moved, has no head now" "$begins1"

# saved, and restored
uuid=$(persist "$begins1" uuid)
guide save "$begins1" "$a" 1 4
same "saved and restored: the disk is what the guide says" "$(disk_of "$a")" kmem0
is_active "saved and restored" "$a" "" $((32 * mib)) 1
check "to devdax" to_dax "$a"

# all bytes are copied to another namespace
echo copy
check "copied" until_true 60 [ -e /share/copied ]
said_mark
guide adopt - "$begins0" 1 2
is_active "copied and adopted" "$begins0" kept $((32 * mib)) 1
same "copied and adopted: the uuid" "$(persist "$begins0" uuid)" "$uuid"
check "of the same uuid: the second: to system-ram" to_ram "$begins1"
same "of the same uuid: the second is held" "$(persist "$begins1" state)" held
same "of the same uuid: because" "$(persist "$begins1" reason)" "$begins0 has the same uuid and is in use; detach that one, or give one of them a new uuid with kmem-persist"
is_active "of the same uuid: the first" "$begins0" kept $((32 * mib)) 1
check "to devdax" each to_dax "$begins0" "$begins1"
check "with --new-uuid" kmem-persist adopt --yes --new-uuid "/dev/$begins0" >/tmp/adopt
check "with --new-uuid: both" each to_ram "$begins0" "$begins1"
said_mark
is_active "with --new-uuid, the copy" "$begins0" kept $((32 * mib)) 1
is_active "with --new-uuid, the original" "$begins1" kept $((32 * mib)) 1
check "to devdax" each to_dax "$begins0" "$begins1"

# wiped, and the system goes down before anybody binds it
same "marker before" "$(sbedit /share/begins0 marker)" good
guide wipe "$begins0" - 1 1
same "the marker goes at once" "$(sbedit /share/begins0 marker)" none
same "root's word stays" "$(cat "$sys/$begins0/persist_accept")" none
another wiped
END
if guest_line back '^copy$' 390; then
	dd if=share/begins1 of=share/begins0 bs=2M skip=1 seek=1 count=127 conv=notrunc status=none
	touch share/copied
fi
guest_wait back
check "there was a kexec" grep -qx wiped back.out
for i in nv0 begins1; do
	check "$i: as the format demands" sb share/$i check
done
same "wiped: no marker" "$(sb share/begins0 marker)" none
finish

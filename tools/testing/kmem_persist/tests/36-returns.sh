# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# kernel: test distro plain
# processors: 1
# Devices that come back in other ways than by a power cut, with the copies of a forger in all
# memory that he could have: after kexec, at other places, with no room before their first
# memory block any more, or with some for the first time; the namespace made again with 1 GiB
# alignment; after a kernel that knows nothing of data has used the memory. And what the
# guide tells users to do, word for word: to save, to restore, to adopt, to wipe.
#
# big is two GiB; nv0 and nv1 are as in 35-trust, one behind the other; begins0 begins with
# a memory block, as all of the module is 2 MiB lower, and begins1 will do so at the second
# place. In the end a kernel of the same source without the series has all of them.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro
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

cat "$T_PARTS.trust.guest" >>share/trust.sh

# module FILE MIB NODE SLOT ADDRESS: the slot is the serial number, which labels name
module() {
	[ -f "share/$1" ] || truncate -s $(($2 * mib + 131072)) "share/$1"
	echo "-object memory-backend-file,id=m$1,share=on,mem-path=$PWD/share/$1,size=$(($2 * mib + 131072)) -device nvdimm,id=dimm$1,memdev=m$1,label-size=128K,node=$3,slot=$4,addr=$5"
}
low=$(((16 << 30) - 2 * mib))

truncate -s $(((2 << 30) + 131072)) share/big

guest_start away --timeout 390 --share share --mem 1536M --nvdimm share/big --nvdimm share/nv0:256M \
	--nvdimm share/nv1:1G --nvdimm share/begins1:256M --qemu "$(module begins0 256 1 4 $low)"
guest_line away '^filled$' 390 || :
guest_cut away
check "there was a kexec" grep -qx kexec away.out

# he had that page this time, too
dd if=share/unit of=share/begins0 bs=2M seek=1 conv=notrunc status=none

# moved NAME: all of them at other places
moved() {
	guest_start "$1" --timeout 390 --share share --mem 1536M --nvdimm share/big \
		--qemu "-numa node,nodeid=2 -numa node,nodeid=3 -numa node,nodeid=4 -numa node,nodeid=5" \
		--qemu "$(module nv1 1024 2 2 $((6 << 30)))" --qemu "$(module nv0 256 3 1 $((7 << 30)))" \
		--qemu "$(module begins0 256 4 4 $((8 << 30)))" --qemu "$(module begins1 256 5 3 $low)"
}
moved back
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

# a boot without the series in between, and all of the memory is his
ours=$T_KERNEL
kernel_use plain
moved without
guest_line without '^filled$' 390 || :
guest_cut without
kernel_use "$ours"
# magic IMAGE OFFSET: the first eight bytes there
magic() {
	dd if="$1" bs=8 skip=$(($2 / 8)) count=1 status=none | od -An -tx8 | tr -d ' '
}
eval "$(sb share/begins1 info)"
for page in 0 1 510 511; do
	# shellcheck disable=SC2154 # info sets it
	same "he had page $page of a formatted device" \
		"$(magic share/begins1 $((offset + page * 4096)))" 4b4d454d50455253
done
same "and not its marker" "$(sb share/begins1 marker)" "of another format"
moved series
guest_wait series
check "nv0: as the format demands" sb share/nv0 check
same "nobody has written a marker" "$(sb share/begins1 marker)" "of another format"
finish

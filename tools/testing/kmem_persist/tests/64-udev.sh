# SPDX-License-Identifier: GPL-2.0
# timeout: 200
# Names that stay: the links below /dev/disk that the udev rule makes, for disks,
# partitions, filesystems, labels that change, and disks that get another number.
. "$KP_DIR/lib/testlib.sh"

mkdir -p share
cp "$KP_TOP/tools/dax/kmem-persist/60-kmem-persist.rules" share/
cat >share/links.sh <<'END'
. /usr/lib/guest/lib.sh
sys=/sys/bus/dax/devices
mib=256		# blocks
uuids=(01234567-89ab-4cde-8f01-23456789abcd fedcba98-7654-4321-8fed-cba987654321)
fs=5ca1ab1e-0000-4000-8000-000000000001

mkdir -p /etc/udev/rules.d
cp /share/60-kmem-persist.rules /etc/udev/rules.d/
# it is called by this name to be the daemon
ln -s "$(command -v udevadm)" /run/systemd-udevd
check "udevd" /run/systemd-udevd --daemon --resolve-names=never

# links LINK WANTED: below /dev/disk, there it comes to lead; WANTED may be empty
link_is() {
	[ "$(readlink "/dev/disk/$1")" = "${2:+../../$2}" ]
}
links() {
	if until_true 30 link_is "$@"; then
		ok "$1 -> ${2:-nothing}"
	else
		not_ok "$1 -> $(readlink "/dev/disk/$1"), not ${2:-nothing}"
	fi
}
END

guest first --share share --nvdimm nv0:384M --nvdimm nv1:384M <<'END'
. /share/links.sh
d=("$(nv_dax 0)" "$(nv_dax 1)")
check "two devdax namespaces" [ -n "${d[0]}" -a -n "${d[1]}" ]
echo "1 uuid=${uuids[0]} label=db" >"$sys/${d[0]}/persist_format"
echo "1 uuid=${uuids[1]}" >"$sys/${d[1]}/persist_format"
check "kmem" modprobe kmem
for i in 0 1; do
	check "${d[i]} to system-ram" to_ram "${d[i]}"
	links "by-id/kmem-uuid.${uuids[i]}" kmem$i
done
links by-id/kmem-label.db kmem0
same "no label, no link" "$(ls /dev/disk/by-id | grep -c label)" 1
check "a label" setting "${d[1]}" label journal
links by-id/kmem-label.journal kmem1
check "one that is no name of a file" setting "${d[1]}" label 'a;b$(c)%k'
links by-id/kmem-label.a_b__c__k kmem1
same "of which udev makes one" "$(ls /dev/disk/by-id | grep -c label)" 2
check "another" setting "${d[1]}" label log
links by-id/kmem-label.log kmem1
links by-id/kmem-label.journal ""
check "by its name it can be written" kmemio fill /dev/disk/by-id/kmem-label.log 0 $mib 1

# who writes a filesystem or a table finds it without further ado
printf 'label: gpt\nsize=64MiB, name=first\nname=second\n' | sfdisk -q /dev/kmem0
links "by-id/kmem-uuid.${uuids[0]}-part1" kmem0p1
links "by-id/kmem-uuid.${uuids[0]}-part2" kmem0p2
links by-partlabel/second kmem0p2
check "mkfs.ext4" mkfs.ext4 -q -L words -U $fs /dev/kmem0p2
links by-uuid/$fs kmem0p2
links by-label/words kmem0p2
check "mount by its label" mount /dev/disk/by-label/words /mnt
check "a file" kmemio fill /mnt/file 0 $mib 2
check "umount" umount /mnt

# they go with the disk
check "to devdax" each to_dax "${d[@]}"
links "by-id/kmem-uuid.${uuids[0]}" ""
links "by-id/kmem-uuid.${uuids[0]}-part1" ""
links by-id/kmem-label.log ""
links by-uuid/$fs ""
check "udevd ends" udevadm control --exit
check "no leaks" leaks
END

# the last shall be first
guest second --share share --nvdimm nv0 --nvdimm nv1 <<'END'
. /share/links.sh
for i in 1 0; do
	dev=$(nv_dax $i)
	check "$dev to system-ram" to_ram "$dev"
	check "kmem$((1 - i))" until_true 20 [ -b /dev/kmem$((1 - i)) ]
done
links "by-id/kmem-uuid.${uuids[0]}" kmem1
links by-id/kmem-label.db kmem1
links "by-id/kmem-uuid.${uuids[0]}-part2" kmem1p2
links by-uuid/$fs kmem1p2
links by-id/kmem-label.log kmem0
check "data of the one" kmemio check /dev/disk/by-id/kmem-label.log 0 $mib 1
check "mount the other" mount /dev/disk/by-uuid/$fs /mnt
check "its file" kmemio check /mnt/file 0 $mib 2
check "umount" umount /mnt
check "udevd ends" udevadm control --exit
END
finish

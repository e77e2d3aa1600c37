# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# kernel: distro plain wide
# system: trixie
# systems: bookworm
# packages: package root
# Debian with systemd, as debootstrap makes it, and the package of kmem-persist: apt install,
# kmem-persist setup, and from then on a filesystem on the device is in fstab by its label,
# whatever the kernel does with new memory. With --deep: with each policy, with more devices;
# what is held does not keep a machine from booting; a kernel without the series that is
# booted in between changes no byte of the data; hibernation, kexec, and a kernel that saves a
# dump; and Debian 12 and 13 with a kernel that is a package, too, which boot from their own
# initramfs, once from such a disk.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
. "$KP_DIR/lib/apt.sh"
. "$KP_DIR/lib/installed.sh"
if [ -z "${KP_ROOTS:-}" ]; then
	# as many as tests/list asks for
	while [ "$T_N" -lt 30 ]; do
		skip "not run: a whole system can only be made by root, who may mount"
	done
	finish
fi
kernel_use distro
tools
cp "$T_PARTS.lib.guest" share/systemd.sh
check "the package" quietly env KMEM_DEPS=no "$KP_TOP/run" package packages
cp packages/kmem-persist_*.deb share/kmem-persist.deb

# machine NAME SYSTEM NR [OPTION...]: with NVDIMMs SYSTEM.nv0 and so on
m_size=512M
machine() {
	m_name=$1 m_root=$2 m_nr=$3
	shift 3
	for m_i in $(seq $((m_nr - 1)) -1 0); do
		set -- --nvdimm "$m_root.nv$m_i:$m_size" "$@"
	done
	guest "$m_name" --root "$m_root" --mem 1G --share share "$@"
}

# story NAME SUITE POLICY NR: two boots, and what is left
story() {
	system "$1" "$2"
	machine "$1-first" "$1" "$4" --append "memhp_default_state=$3" -- first "$3" "$4"
	clean "$1" "$4" "installed"
	machine "$1-second" "$1" "$4" --append "memhp_default_state=$3" -- second "$3" "$4"
	clean "$1" "$4" "booted"
}

# clean SYSTEM NR WORD: each device, after a shutdown by which systemd detaches nothing
clean() {
	for c_i in $(seq 0 $(($2 - 1))); do
		check "$1: nv$c_i: $3: as the format demands" sb "$1.nv$c_i" check
		same "$1: nv$c_i: $3: clean" "$(sb "$1.nv$c_i" get primary state)" 1
		same "$1: nv$c_i: $3: never uncleanly" "$(sb "$1.nv$c_i" get primary unclean_count)" 0
	done
}

story online trixie online 1
[ -n "${KP_DEEP:-}" ] || {
	left_out 26 "machines"
	finish
}

# what the kernel does with new memory makes no difference, and devices come at once
story offline trixie offline 1
story movable trixie online_movable 1
story kernel trixie online_kernel 1
story two trixie online 2
story eight trixie online 8

# a region of two CXL devices, which is made again though they come in another order
system cxl
# shellcheck disable=SC2046 # one word each
guest cxl-first --root cxl --mem 1G --share share --cxl cxl0:256M --cxl cxl1:256M \
	-- cxl $(cxl_serial cxl0 cxl1)
guest cxl-second --root cxl --mem 1G --share share --cxl cxl1 --cxl cxl0 -- cxl

# what is held is left alone, and keeps nothing else from starting
check "a type that nobody knows" sb online.nv0 set both type=77
before=$(cksum <online.nv0)
machine held online 1 --append memhp_default_state=online -- held dax0.0
alike "held: not a byte has changed" "$(cksum <online.nv0)" "$before"
check "a type that is known" sb online.nv0 set both type=1

# what comes with daxctl wants the same device
machine stock online 1 --append memhp_default_state=online -- stock
machine beside online 1 --append memhp_default_state=online -- second online 1
clean online 1 "beside the stock unit"

# a kernel without the series in between
before=$(cksum <online.nv0)
kernel_use plain
machine old online 1 --append memhp_default_state=online -- old dax0.0 guarded
alike "the data under a kernel without the series: not a byte has changed" "$(cksum <online.nv0)" "$before"
cp --sparse=always online bare
cp --sparse=always online.nv0 bare.nv0
machine bare bare 1 --append memhp_default_state=online -- old dax0.0 bare
check "without the package it has" eval '! cmp -s online.nv0 bare.nv0'
kernel_use distro
machine after online 1 --append memhp_default_state=online -- second online 1
clean online 1 "after a kernel without the series"

# what is not hibernated, what another kernel finds, and what one that saves a dump leaves alone
cp --sparse=always online away
cp --sparse=always online.nv0 away.nv0
truncate -s 512M swap
mkswap -q swap
gcc -O2 -Wall -static -o share/kexec "$KP_DIR/guest/kexec.c"
kernel_use wide
cp "$KP_BZIMAGE" share/bzImage
cp "$KP_INITRD" share/initrd
log_report 'Kernel panic - not syncing: sysrq triggered crash'
machine away away 1 --timeout 800 --mem 2G --append "memhp_default_state=online crashkernel=512M resume=/dev/vdb" \
	--qemu "-drive file=$PWD/swap,format=raw,if=none,id=swap -device virtio-blk-pci,drive=swap" -- away
check "away: there was a kexec" grep -qx kexec away.out
check "away: there was a panic" grep -qx panic away.out
check "away: as the format demands" sb away.nv0 check
kernel_use distro
machine away-after away 1 --append memhp_default_state=online -- away after
same "away: which counts, and nothing before" "$(sb away.nv0 get primary unclean_count)" 1

# packaged SUITE: with the kernel as a package, and the initramfs that the system has made for
# it
packaged() {
	check "$1: installed" quietly installed "$1" "$1" packages/linux-image-*.deb share/kmem-persist.deb
	own "$1" system
	machine "$1-first" "$1" 1 --append "$p_root" -- first online 1
	check "$1: it is that kernel" grep -q 'Linux version [0-9.]*-kmempersist ' "$1-first.log"
	clean "$1" 1 "installed"
	machine "$1-second" "$1" 1 --append "$p_root" -- second online 1
	clean "$1" 1 "booted"
	kernel_use distro
}

# own NAME LABEL: the kernel and initramfs of that system, not ours, and the root filesystem
# with that label
own() {
	KP_BZIMAGE=$PWD/$1.vmlinuz
	KP_INITRD=$PWD/$1.initrd
	p_root="root=LABEL=$2 rw memhp_default_state=online"
}

# initramfs_all DIR NAME: that system with an initramfs that attaches what there is: that a
# disk in RAM is the root filesystem cannot be seen before it is
initramfs_all() {
	sed -i 's/^KMEM_PERSIST=.*/KMEM_PERSIST=y/' "$1/etc/kmem-persist/initramfs.conf" &&
		quietly installed_run "$1" update-initramfs -u &&
		installed_image "$1" "$2"
}

# with the configuration that the guests have, which takes minutes
check "a kernel as a package" quietly env KMEM_DEPS=no KMEM_CONFIG="$KP_BASE/build/distro/.config" \
	"$KP_TOP/run" package --kernel packages
packaged trixie
libc=$(dpkg-deb -f share/kmem-persist.deb Depends | sed -n 's/.*libc6 (>= \([0-9.]*\)).*/\1/p')
if dpkg --compare-versions "$libc" le 2.36; then
	packaged bookworm
else
	skip "Debian 12: what is compiled here needs libc6 $libc"
fi

# a disk in RAM that the system is copied to, and that is its root filesystem from then on
check "an initramfs for it" initramfs_all trixie.dir moved
own moved system
m_size=2G
machine move moved 1 --append "$p_root" -- move
clean moved 1 "copied to"
own moved kmemroot
machine root-first moved 1 --append "$p_root" -- root first
check "root: as the format demands" sb moved.nv0 check
same "root: in use until the machine is off" "$(sb moved.nv0 get primary state)" 0
machine root-again moved 1 --append "$p_root" -- root again
same "root: which counts" "$(sb moved.nv0 get primary unclean_count)" 1
m_size=512M
kernel_use distro

machine package online 1 -- package
clean online 1 "after the package was purged"
finish

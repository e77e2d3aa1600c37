# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# kernel: distro plain
# system: trixie
# packages: package root
# Debian with systemd, as debootstrap makes it, and the package of kmem-persist: apt install,
# kmem-persist setup, and from then on a filesystem on the device is in fstab by its label,
# whatever the kernel does with new memory. With --deep: what is held does not
# keep a machine from booting, and a kernel without the series that is booted in between
# changes no byte of the data.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
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
machine() {
	m_name=$1 m_root=$2 m_nr=$3
	shift 3
	for m_i in $(seq $((m_nr - 1)) -1 0); do
		set -- --nvdimm "$m_root.nv$m_i:512M" "$@"
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
	left_out 7 "machines"
	finish
}

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

machine package online 1 -- package
clean online 1 "after the package was purged"
finish

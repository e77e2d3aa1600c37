#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# For dracut: what attaches a device with data that the root filesystem is on.
# shellcheck disable=SC2154 # hostonly, systemdsystemunitdir, moddir: dracut's

# is_kmem MAJOR:MINOR: or a partition of one
is_kmem() {
	[[ $(readlink -f "/sys/dev/block/$1") == */block/kmem[0-9]* ]]
}

check() {
	local KMEM_PERSIST=auto

	require_binaries kmem-persist modprobe modinfo || return 1
	# shellcheck source=/dev/null
	[[ ! -r /etc/kmem-persist/initramfs.conf ]] || . /etc/kmem-persist/initramfs.conf
	case $KMEM_PERSIST in
	y | yes) return 0 ;;
	auto) ;;
	*) return 255 ;;
	esac
	[[ $hostonly ]] || return 255
	# LVM, crypt and md are looked through
	for_each_host_dev_and_slaves is_kmem && return 0
	return 255
}

depends() {
	echo nvdimm udev-rules
}

installkernel() {
	hostonly='' instmods nfit nd_pmem dax_pmem device_dax kmem kmem_persist kmem_blk \
		cxl_acpi cxl_pci cxl_pmem cxl_mem cxl_port dax_cxl
}

install() {
	local file

	inst_multiple kmem-persist modprobe modinfo cat grep ls uname
	inst_multiple -o /usr/lib/kmem-persist/load-kmem /usr/lib/modprobe.d/kmem-persist.conf \
		/etc/kmem-persist.conf
	for file in /etc/kmem-persist/known/* /etc/kmem-persist/cxl/*.conf; do
		[[ ! -e $file ]] || inst_simple "$file"
	done
	inst_rules 60-kmem-persist.rules 91-kmem-persist-attach.rules
	if dracut_module_included systemd; then
		inst_simple "$systemdsystemunitdir/kmem-persist-attach@.service"
		inst_simple "$systemdsystemunitdir/kmem-persist-cxl@.service"
	else
		inst_hook initqueue/settled 50 "$moddir/attach.sh"
	fi
}

# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# kernel: test distro
# processors: 1
# Attached at boot, from the first use on: what kmem-persist setup, attach, detach and
# may-bind do to devices, what the udev rule wants systemd to start, and what keeps a kmem
# away that does not know. There is no systemd in these guests: what its unit runs is run
# in the same order. What the program decides is looked at natively, by 06-tool.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro
. "$KP_DIR/tests/common.sh"
tools
guest_tool
check "what is installed" make -s -C "$KP_TOP/tools/dax/kmem-persist" OUTPUT="$built/tool/" \
	CFLAGS=-O2 LDFLAGS=-static install DESTDIR="$PWD/share/root" prefix=/usr
cp "$T_PARTS.common.guest" share/common.sh

# what a distribution has for new memory
guest first --share share --nvdimm share/nv0:384M --nvdimm share/nv1:384M \
	--append memhp_default_state=online
for nv in nv0 nv1; do
	check "$nv: detached cleanly" eval 'tool/kmem-persist info --json "share/$nv" | jq -e ".state == \"CLEAN\" and .unclean_count == 0" >/dev/null'
done

# the same machine, the next day
guest second --share share --nvdimm share/nv0 --nvdimm share/nv1 \
	--append memhp_default_state=online
finish

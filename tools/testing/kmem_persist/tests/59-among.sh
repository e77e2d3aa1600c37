# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# kernel: distro wide
# packages: among
# A disk among disks: what people put on them. Each layer is made on a disk of its own, or on
# that and a plain pmem; it stores, gives back what is discarded, and finds the disk full; the
# power fails while it is written to; then all of it is there again. Half of the layers at
# each commit; with --deep btrfs and bcache, too, and NVMe over TCP. KP_LAYERS="md nvme": these.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
layers='lvm cache md f2fs nvme swap'
kernel_use distro
if [ -n "${KP_DEEP:-}" ]; then
	layers="$layers btrfs bcache"
	kernel_use wide
fi
tools

# their programs, with the libraries that they need: a guest unpacks them, as no other has them
among=$KP_CACHE/among/root
programs='blkid btrfs fsck.f2fs lvm make-bcache mdadm mkfs.btrfs mkfs.f2fs multipath nvme pdata_tools'
among_pack() {
	mkdir -p root/usr/sbin root/usr/lib/among
	am_path=$among/usr/sbin:$among/usr/bin:$among/sbin:$among/bin
	am_libs=
	for am_d in "$among"/usr/lib "$among"/lib "$among"/usr/lib/*-linux-gnu "$among"/lib/*-linux-gnu; do
		[ ! -d "$am_d" ] || am_libs=$am_libs:$am_d
	done
	for am_p in $programs; do
		am_f=$(PATH=$am_path:$PATH && command -v "$am_p" | grep ^/) || {
			not_ok "$am_p is there: ./run deps"
			return 1
		}
		cp -L "$am_f" "root/usr/sbin/$am_p"
		LD_LIBRARY_PATH=${am_libs#:} ldd "$am_f" >>libs
	done
	if grep 'not found' libs; then
		return 1
	fi
	for am_p in cache_check thin_check; do
		ln -s pdata_tools "root/usr/sbin/$am_p"
	done
	awk '$2 == "=>" { print $3 }' libs | sort -u | grep -v '/libc\.so' | xargs cp -L -t root/usr/lib/among
	tar -C root -cf share/among.tar .
}
check "what people put on disks" among_pack

chosen=
n=0
for layer in ${KP_LAYERS:-$layers}; do
	if [ -n "${KP_LAYERS:-}${KP_NAMED:-}" ] || in_sample $n 2; then
		chosen="$chosen $layer"
	fi
	n=$((n + 1))
done
# shellcheck disable=SC2086
left_out $((n - $(echo $chosen | wc -w))) "layers"
cp "$T_PARTS.layers.guest" share/layers.sh

nvdimms=
for layer in $chosen; do
	nvdimms="$nvdimms --nvdimm nv.$layer:256M"
done

# shellcheck disable=SC2086
guest_start first --share share $nvdimms --nvdimm slow:384M -- first $chosen
if guest_line first '^cut me$' 300; then
	for layer in $chosen; do
		until_matches "share/synced.$layer" '^late' 4 60 ||
			not_ok "$layer: nothing is written while the power fails"
	done
	guest_cut first
else
	guest_wait first
fi
# shellcheck disable=SC2086
guest second --share share $nvdimms --nvdimm slow:384M -- second $chosen
for layer in $chosen; do
	check "$layer: as the format demands" sb "nv.$layer" check
done
finish

# SPDX-License-Identifier: GPL-2.0
# usage: cost [GUEST OPTION...]
# help: What the exchange of pageblocks costs, in instructions of the guest: one
# help: processor is emulated whose clock counts instructions. Not times: caches,
# help: interrupts to other processors and media cost nothing here.

guest_only "$@"
guest_prepare distro
KP_READY=distro
export KP_READY KP_BZIMAGE KP_INITRD KP_BASE KP_SRC
cost=$(mktemp -d "${TMPDIR:-/tmp}/kmem-cost.XXXXXX") || die "cannot make a folder"
rc=0
"$KP_TOP/run" guest --kernel distro --cpus 1 --mem 3G --timeout 900 \
	--accel "-accel tcg,thread=single,tb-size=512 -icount shift=0,align=off,sleep=off -cpu max,la57=off" \
	--nvdimm "$cost/nv:2G:own" "$@" -- "$KP_DIR/demo/cost.sh" || rc=$?
rm -rf "$cost"
exit "$rc"

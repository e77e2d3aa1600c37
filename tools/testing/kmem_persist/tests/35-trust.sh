# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# What was RAM says nothing about a device, whoever had it and whatever he knows: the UUIDs
# of namespace and format, the places where superblocks are looked for, the format. A user
# without capabilities fills the RAM of two devices with superblocks; the power fails; then
# a plain device is plain, a formatted one is what it was. The same after the namespace was
# made again over the block device that somebody else had, in mode raw and in mode sector;
# and with a bad page, which nobody can make, in a device that was never formatted.
#
# nv0 is one namespace whose first MiBs can never have been RAM. On nv1 a small namespace is
# before another one, all of whose memory can: it begins with a memory block, the only one
# that goes online here.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools
# where the device that may have been RAM is on nv1
offset1=$((128 << 20))

cp "$KP_DIR/tests/trust.sh" share/
cat "$T_PARTS.trust.guest" >>share/trust.sh

guest_start tenant --share share --mem 1G --nvdimm share/nv0:256M --nvdimm share/nv1:1G
guest_line tenant '^filled$' 390 || :
guest_cut tenant

# magic IMAGE OFFSET: the first eight bytes there
magic() {
	dd if="$1" bs=8 skip=$(($2 / 8)) count=1 status=none | od -An -tx8 | tr -d ' '
}
for page in 0 1 510 511; do
	same "the forger had page $page of the second" "$(magic share/nv1 $((offset1 + page * 4096)))" 4b4d454d50455253
done
eval "$(sb share/nv0 info)"
# shellcheck disable=SC2154 # info sets it
check "he did not have the first page of the first" [ "$(magic share/nv0 "$offset")" != 4b4d454d50455253 ]
had=0
for at in $(seq $((128 << 20)) $((2 << 20)) $((254 << 20))); do
	[ "$(magic share/nv0 "$at")" != 4b4d454d50455253 ] || had=$((had + 1))
done
check "but $((2 * had)) MiB of its memory block" [ $had -ge 32 ]

guest_start again --share share --mem 1G --nvdimm share/nv0 --nvdimm share/nv1
guest_line again '^filled$' 390 || :
guest_cut again

guest_start last --timeout 390 --share share --mem 1G --nvdimm share/nv0 --nvdimm share/nv1
guest_wait last
same "nothing is left of the marker" "$(sb share/nv0 marker)" none
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# kernel: test distro
# processors: 1
# Formatting: what is on the media, what comes back after a reboot and after a
# power cut, what is never formatted, and what is by force.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro
. "$KP_DIR/tests/common.sh"
tools

# nv0 becomes NONE by the parameter of the module, nv1 and nv3 BLK by their own
# attributes, nv2 stays as it is
guest first --nvdimm nv0:384M --nvdimm nv1:384M --nvdimm nv2:256M --nvdimm nv3:256M

# value NAME: what the last guest said it is
value() {
	sed -n "s/^$1=//p" "$2.out"
}

for i in 0 1; do
	eval "$(sb nv$i info)"
	# shellcheck disable=SC2154 # info sets it
	same "nv$i: the tool finds the device" "$bytes" "$(value size$i first)"
	check "nv$i: as the format demands" sb nv$i check
	for copy in primary backup; do
		same "nv$i $copy: type" "$(sb nv$i get $copy type)" $i
		alike "nv$i $copy: uuid" "$(sb nv$i get $copy uuid)" "$(value uuid$i first)"
		same "nv$i $copy: clean" "$(sb nv$i get $copy state)" 1
		same "nv$i $copy: attached once" "$(sb nv$i get $copy attach_count)" 1
		same "nv$i $copy: never uncleanly" "$(sb nv$i get $copy unclean_count)" 0
		# one for the format, attach and detach
		same "nv$i $copy: generation" "$(sb nv$i get $copy generation)" 3
		same "nv$i $copy: memory blocks" "$(sb nv$i get $copy memblock_mib)" 128
		check "nv$i $copy: times" [ "$(sb nv$i get $copy detach_time)" -ge \
			"$(sb nv$i get $copy attach_time)" ]
		same "nv$i $copy: creator" "$(sb nv$i get $copy creator | cut -c 1-9)" "Linux 7.3"
		alike "nv$i $copy: the uuid of the namespace" "$(sb nv$i get $copy ns_uuid)" \
			"$(value namespace$i first)"
	done
done
alike "nv3: the uuid of the namespace" "$(sb nv3 get primary ns_uuid)" "$(value namespace3 first)"
for i in 0 1 3; do
	same "nv$i: the marker" "$(sb nv$i marker)" good
done
same "nv2: no marker" "$(sb nv2 marker)" none
same "2048 blocks are mapped" "$(sb nv1 get primary mapped_blocks)" 2048
sb nv1 extract disk
check "and can be read without a kernel" share/kmemio check disk 0 2048 1

# what only the administrator can have written
sb nv0 set both label='a_label,_64_bytes_at_most'
# as if it had been formatted on another namespace
eval "$(sb nv2 info)"
sb nv2 magic "$offset"
sum2=$(cksum <nv2)

guest_start second --nvdimm nv0 --nvdimm nv1 --nvdimm nv2
guest_line second '^waiting' || :
guest_cut second
same "what carries a magic was not written to" "$(cksum <nv2)" "$sum2"
for i in 0 1; do
	alike "nv$i: the same uuid" "$(value uuid$i second)" "$(value uuid$i first)"
	check "nv$i: as the format demands, after a power cut" sb nv$i check
	same "nv$i: not clean" "$(sb nv$i get primary state)" 0
	same "nv$i: never uncleanly attached so far" "$(sb nv$i get primary unclean_count)" 0
done
same "nv0: attached twice" "$(sb nv0 get primary attach_count)" 2
same "nv1: attached three times" "$(sb nv1 get primary attach_count)" 3
same "nv1: generation" "$(sb nv1 get primary generation)" 6

guest third --nvdimm nv0 --nvdimm nv1 --nvdimm nv2
check "nv0: another uuid" [ "$(value uuid0 third)" != "$(value uuid0 first)" ]
for i in 0 1 2; do
	check "nv$i: as the format demands" sb nv$i check
	same "nv$i: clean" "$(sb nv$i get primary state)" 1
done
# what stays of the format before can never be newer
same "nv0: generation goes on" "$(sb nv0 get primary generation)" 7
same "nv1: one unclean attach" "$(sb nv1 get primary unclean_count)" 1
for i in 0 1 2; do
	same "nv$i: the marker is that of the last format" "$(sb nv$i marker)" good
done
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 120
# kernel: none
# What an operation of BLK costs on the media: fences, cache lines written back, bytes.
# The driver's own files on the simulated media, so the numbers are the same everywhere,
# and who makes them larger has to say so here.
. "$KP_DIR/lib/testlib.sh"

check "it builds" make -s -C "$KP_DIR/bench" O="$PWD/build" "$PWD/build/counts"
rc=0
build/counts >counts.out || rc=$?
same "it runs" "$rc" 0

# count OPERATION WHAT FIELD: fences, lines, past, cached or media, per operation
count() {
	awk -F '\t' -v op="$1" -v what="$2" -v field="$3" '
		BEGIN { f["fences"] = 5; f["lines"] = 6; f["past"] = 7; f["cached"] = 8; f["media"] = 9 }
		$1 == "count" && $2 == op && $3 == what { print $f[field] + 0 }' counts.out
}

# at_most NUMBER LIMIT: neither is empty, and they need not be whole
at_most() {
	echo "$1 $2" | awk '{ exit !(NF == 2 && $1 <= $2) }'
}

# most OPERATION FIELD LIMIT: of BLK
most() {
	check "$1: $2" at_most "$(count "$1" kmem "$2")" "$3"
}

# data and entry, each with its fence
most "overwrite 4 KiB" fences 2
most "overwrite 4 KiB" lines 1
most "overwrite 4 KiB" cached 8
most "overwrite 4 KiB" media 4160
same "overwrite 4 KiB: no fence may lack" "$(count "overwrite 4 KiB" kmem fences)" 2
same "overwrite 4 KiB: all of it is written" "$(count "overwrite 4 KiB" kmem past)" 4096
# and a node for 512 of them
most "first write of 4 KiB" fences 2.01
most "first write of 4 KiB" media 4170
# the same two fences whatever the size, eight entries to a line
most "overwrite 1 MiB" fences 2
most "overwrite 1 MiB" media $((1048576 + 32 * 64))
most "first write of 1 MiB" fences 2
# one more for the copy of the leaf, which both copies of the node above refer to
most "atomic write of 64 KiB" fences 3
most "atomic write of 64 KiB" media $((65536 + 4096 + 128))
# half of a leaf, or the whole leaf at once, in both copies of the node above
most "discard 1 MiB" fences 1
most "discard 1 MiB" media $((33 * 64))
most "discard 2 MiB" fences 1
most "discard 2 MiB" media 128
for field in fences lines past cached; do
	most "read 4 KiB" $field 0
done
# what it is compared with: the models are those of btt.c and pmem.c
same "BTT: fences" "$(count "overwrite 4 KiB" BTT fences)" 8
same "BTT: bytes" "$(count "overwrite 4 KiB" BTT past)" 4116
same "pmem: fences" "$(count "overwrite 4 KiB" "pmem with FUA" fences)" 2
same "pmem: bytes" "$(count "overwrite 4 KiB" pmem past)" 4096
finish

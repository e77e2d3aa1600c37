# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# only: deep
# What the device does to those who use the RAM of its node, compared with plain
# kmem: two guests with the same kernel, the same NVDIMM, as much RAM and the same
# load; one stores data at the same time. How many huge pages does a program get when
# the memory has aged, how many pageblocks are free as a whole, and how much can a
# program have before it is killed?
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

# programs are killed here: the kernel says so with a trace
log_report 'invoked oom-killer|page allocation failure'

# figure GUEST NAME [FIELD]: what it found
figure() {
	sed -n "s/^figure $2 //p" "$1.out" | cut -d' ' -f"${3:-1}" | grep .
}
# not_worse NAME MARGIN WHAT: by more than so much
not_worse() {
	if plain=$(figure plain "$1") && persist=$(figure persist "$1"); then
		check "$3: $persist, plain $plain" [ "$persist" -ge $((plain - $2)) ]
	else
		not_ok "$3: no figures"
	fi
}
for mode in plain persist; do
	truncate -s 256M disk.$mode
	guest $mode --share share --mem 768M --nvdimm nv.$mode:512M --append kmemleak=off \
		--qemu "-drive file=$PWD/disk.$mode,format=raw,if=none,id=d0,cache=unsafe -device virtio-blk-pci,drive=d0" \
		-- load $mode
done
for name in ram aged-ram; do
	not_worse $name 4096 "$name: as much RAM, kB"
	check "$name: and no more" [ "$(figure persist $name)" -le $(($(figure plain $name) + 4096)) ]
done
not_worse aged-whole 5 "aged: free units of 2 MiB, percent of RAM"
not_worse compacted-whole 5 "aged, then compacted: free units of 2 MiB, percent of RAM"
not_worse aged-huge 5 "aged: huge pages a program gets, percent of what it asks for"
not_worse empty-whole 5 "empty: free units of 2 MiB, percent of RAM"
not_worse empty-huge 5 "empty: huge pages a program gets, percent of what it asks for"
not_worse empty-ram 8192 "empty: RAM, kB"
same "nearly full: nobody is killed, plain" "$(figure plain nearly-killed)" 0
same "nearly full: nobody is killed" "$(figure persist nearly-killed)" 0
# overwrites may have a 16th of the device on their way
not_worse greedy 32 "what a program has when it is killed, MiB"
for mode in plain persist; do
	ok "$mode: huge pages, and failures: aged $(figure $mode aged-faults 1,2), empty $(figure $mode empty-faults 1,2)"
done
finish

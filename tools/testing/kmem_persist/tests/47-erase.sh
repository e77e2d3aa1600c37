# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# zero_on_free and secure erase: what the disk says is gone is nowhere on the
# device, wherever it was before; and nothing is promised that was not kept from the
# beginning. The host searches the image.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

cat >erase.script <<'END'
#!/bin/bash
. /usr/lib/guest/lib.sh
# copies in RAM shall not be on the device
[ -n "$NUMA_DONE" ] || NUMA_DONE=1 exec numactl --membind=0 bash "$0" "$@"

# secret WORD MIB: a file full of it
secret() {
	yes "the secret is $1 and nobody shall know" | head -c $(($2 << 20)) >"/tmp/$1"
	chmod 600 "/tmp/$1"
}
# store WORD AT MIB
store() {
	dd if="/tmp/$1" of="$disk" bs=1M seek="$2" count="$3" oflag=direct status=none
}
# found WORD: how many pages of the device have it, as the host sees it
found() {
	rm -f /share/answer
	echo "$1" >/share/ask.tmp
	mv /share/ask.tmp /share/ask
	until_true 60 [ -s /share/answer ] && cat /share/answer
}
none() {
	[ "$(found "$1")" = 0 ]
}
erases() {
	blkdiscard -f --secure -o $(($1 << 20)) -l $(($2 << 20)) "$disk" 2>/dev/null
}

dev=$(nv_dax 0)
[ "$1" != first ] || format_type 1
check "to system-ram" to_ram "$dev"
disk=/dev/$(disk_of "$dev")
p=/sys/bus/dax/devices/$dev/persist
if [ "$1" = first ]; then
	secret alpha 8
	secret beta 8
	secret gamma 8
	same "off by default" "$(persist "$dev" zero_on_free)" 0
	check "store alpha" store alpha 0 8
	check "the host finds it ($(found alpha))" [ "$(found alpha)" -ge 2048 ]
	check "overwrite it" store beta 0 8
	# free, but not used again
	check "the pool has its pages" until_true 20 eval \
		'[ "$(cut -d" " -f4 /sys/block/${disk#/dev/}/kmem/stat)" = 0 ]'
	check "switch on" eval "echo 1 >$p/zero_on_free"
	same "it is on" "$(persist "$dev" zero_on_free)" 1
	check "no secure erase yet: alpha may be anywhere" eval "! erases 0 8"
	check "an old copy is still there ($(found alpha))" [ "$(found alpha)" -gt 0 ]
	sync
	check "unplug" eval "echo unplugged >/sys/bus/dax/devices/$dev/state"
	check "plug" eval "echo online_movable >/sys/bus/dax/devices/$dev/state"
	check "the disk" until_true 20 [ -b "$disk" ]
	check "all is erased" until_true 60 eval '[ "$(persist "$dev" unerased)" = 0 ]'
	check "the log says so" eval "dmesg | grep -q '$dev: erased all that is free'"
	check "old copies are gone" none alpha
	follows "erased" "$dev"
	check "data is not ($(found beta))" [ "$(found beta)" -ge 2048 ]
	check "overwritten" store gamma 0 8
	check "old copies go by themselves" until_true 30 none beta
	check "secure erase of one half" erases 0 4
	same "the other half is there" "$(found gamma)" 1024
	check "it reads as zeroes" cmp -s -n $((4 << 20)) "$disk" /dev/zero
	check "secure erase of the rest" erases 4 4
	same "at once" "$(found gamma)" 0
	# on its way when the power fails
	check "store" store alpha 16 8
	ack ready
	while :; do
		store beta 16 8
		store alpha 16 8
	done
else
	check "what the power cut has left behind goes" until_true 60 eval \
		'[ $(($(found alpha) + $(found beta))) -eq 2048 ]'
	check "all is erased" until_true 60 eval '[ "$(persist "$dev" unerased)" = 0 ]'
	follows "erased" "$dev"
	check "secure erase" erases 16 8
	check "of all" eval "none alpha && none beta"
	same "still on" "$(persist "$dev" zero_on_free)" 1
	check "switch off" eval "echo 0 >$p/zero_on_free"
	check "no secure erase any more" eval "! erases 0 8"
	check "every byte is accounted for" sums_up "$dev"
	check "no leaks" leaks
fi
END

# serve_searches NAME: count pages with a word in the image, while that guest runs
serve_searches() {
	serve_pid=$(cat "$1.pid")
	rm -f share/ask share/answer
	while kill -0 "$serve_pid" 2>/dev/null; do
		if [ -f share/ask ]; then
			serve_word=$(cat share/ask)
			rm -f share/ask
			share/pages nv0 "the secret is $serve_word and" >share/answer.tmp
			mv share/answer.tmp share/answer
		fi
		sleep 0.1
	done &
}

cat >pages.c <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY);
	unsigned long n = 0;
	struct stat st;
	off_t off;
	char *p;

	if (argc != 3 || fd < 0 || fstat(fd, &st))
		return 1;
	p = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return 1;
	for (off = 0; off + 4096 <= st.st_size; off += 4096)
		n += !!memmem(p + off, 4096, argv[2], strlen(argv[2]));
	printf("%lu\n", n);
	return 0;
}
END
gcc -O2 -Wall -static -o share/pages pages.c

: >acks
guest_start first --share share --nvdimm nv0:256M:own --second acks -- erase.script first
serve_searches first
check "ready" until_matches acks '^ready' 1 300
guest_cut first
same "not clean" "$(($(sb nv0 get primary state) & 1))" 0
guest_start second --share share --nvdimm nv0 -- erase.script second
serve_searches second
guest_wait second
check "as the format demands" sb nv0 check
finish

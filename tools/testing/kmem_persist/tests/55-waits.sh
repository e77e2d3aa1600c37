# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# Who does not wait for whom: long work of each kind stands still, with all that it
# holds (debugfs, kmem_persist/pause), and others go on. And what anybody could do as
# often as he likes has bounds: events, writes to the superblock. The table is in
# Documentation/driver-api/dax-kmem-persist.rst, "Who waits for whom".
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

cat >bother.c <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/*
 * space DISK HOLE ROUNDS: free a block, write it, fail to write the hole
 * errors DISK FILE: read 64 blocks; after each that fails, FILE as nobody
 * Both print how often they had their way, and the milliseconds that took.
 */
int main(int argc, char **argv)
{
	int fd = open(argv[2], O_RDWR | O_DIRECT), i, n = 0;
	double start = now();
	char text[4096];
	void *buf;

	if (fd < 0 || posix_memalign(&buf, 4096, 4096))
		return 1;
	memset(buf, 1, 4096);
	if (argc == 5) {
		off_t hole = atoll(argv[3]) * 4096;

		for (i = 0; i < atoi(argv[4]); i++) {
			uint64_t range[2] = { i * 4096ULL, 4096 };
			int tries = 0;

			if (ioctl(fd, BLKDISCARD, range))
				return 1;
			while (pwrite(fd, buf, 4096, range[0]) != 4096 && tries++ < 400)
				usleep(5000);
			if (pwrite(fd, buf, 4096, hole) < 0 && errno == ENOSPC && tries < 400)
				n++;
		}
	} else {
		for (i = 0; i < 64; i++) {
			int file;

			if (pread(fd, buf, 4096, i * 4096) == 4096)
				continue;
			n++;
			if (seteuid(65534))
				return 1;
			file = open(argv[3], O_RDONLY);
			if (file < 0 || read(file, text, sizeof(text)) <= 0)
				return 1;
			close(file);
			if (seteuid(0))
				return 1;
		}
	}
	printf("%d %.0f\n", n, (now() - start) * 1000);
	return 0;
}
END
gcc -O2 -Wall -static -o share/bother bother.c

guest_start waits --timeout 280 --share share --nvdimm share/nv0:384M --nvdimm share/nv1:384M <<'END'
. /usr/lib/guest/lib.sh
cp /share/bother /share/sbedit /tmp/
mib=256		# blocks
inject=/sys/kernel/debug/kmem_persist
sys=/sys/bus/dax/devices
dev=$(nv_dax 0)
other=$(nv_dax 1)
attach=1
detach=2
compact=4
scrub=8
visit=16
take=32

# stand_still NAME KIND COMMAND: in the background, until it stands still; go_on: until it
# has ended, rc is how
stand_still() {
	echo "$2" >$inject/pause
	bash -c "$3" 2>/tmp/err &
	worker=$!
	check "$1: stands still" until_true 20 stands "$2"
}
stands() {
	[ $(($(cat $inject/paused) & $1)) -ne 0 ]
}
go_on() {
	echo 0 >$inject/pause
	wait $worker
	rc=$?
}
# prompt NAME SCRIPT [STATUS]: it ends although something stands still; or else that goes
# on after 100 s, so that all end
prompt() {
	bash -c "$2" >/tmp/prompt 2>&1 &
	prompt_pid=$!
	prompt_late=
	until_true 100 eval '! kill -0 $prompt_pid' || prompt_late=yes
	[ -z "$prompt_late" ] || echo 0 >$inject/pause
	wait $prompt_pid
	prompt_rc=$?
	check "$1: at once ($(tail -n 1 /tmp/prompt | cut -c 1-60))" [ -z "$prompt_late" -a $prompt_rc -eq "${3:-0}" ]
}
# readers NAME: every file of persist/ can be read
readers() {
	prompt "$1: reading all files" "find $sys/$dev/persist -type f -perm -400 -exec cat {} +"
	check "$1: there was something to read" [ "$(wc -l </tmp/prompt)" -gt 30 ]
}

check "two devdax namespaces" [ -n "$dev" -a -n "$other" ]
format_type 1
check "to system-ram" each to_ram "$dev" "$other"
check "two disks" until_true 20 eval 'disk_of "$dev" && disk_of "$other"'
disk=/dev/$(disk_of "$dev")
odisk=/dev/$(disk_of "$other")
state=$sys/$dev/state
# 126 MiB of the device cannot be RAM, are used first, and need not be emptied
check "write" kmemio fill "$disk" 0 $((200 * mib)) 1
check "write" kmemio fill "$odisk" 0 $((16 * mib)) 1

# memory is taken: its pages move, with no lock held
echo 100 >"/sys/block/${disk#/dev/}/kmem/no_space_timeout"
stand_still "taking" $take "kmemio fill $disk $((200 * mib)) $((64 * mib)) 4"
readers "taking"
prompt "taking: a read" "kmemio check $disk 0 $mib 1"
prompt "taking: an overwrite" "kmemio fill $disk 0 $mib 1"
prompt "taking: a discard" "blkdiscard -o $((32 << 20)) -l $((1 << 20)) $disk"
go_on
same "taking: it ends well" $rc 0
echo 60 >"/sys/block/${disk#/dev/}/kmem/no_space_timeout"
check "as before" blkdiscard -o $((200 << 20)) -l $((64 << 20)) "$disk"
check "as before" kmemio fill "$disk" $((32 * mib)) $mib 1

# data is moved
# from before there is something to move: others than who asks for it may do so
echo $compact >$inject/pause
check "scatter" kmemio comb "$disk" 0 $((200 * mib)) 8
stand_still "moving" $compact "echo 1 >$sys/$dev/persist/give_back"
readers "moving"
prompt "moving: a label" "echo moved >$sys/$dev/persist/label"
prompt "moving: a setting" "echo 20M >$sys/$dev/persist/low_water_bytes"
prompt "moving: a write" "kmemio fill $disk $((300 * mib)) 16 1"
prompt "moving: who asks for the same can be told to stop" \
	"timeout 2 bash -c 'echo 1 >$sys/$dev/persist/give_back'" 124
prompt "moving: the other device goes" "echo unplugged >$sys/$other/state"
prompt "moving: and comes" "echo online_movable >$sys/$other/state"
prompt "moving: this one goes, too" "echo unplugged >$state"
check "moving: nothing stands still any more" until_true 20 eval '! stands $compact'
go_on

# it attaches
stand_still "attaching" $attach "echo online_movable >$state"
readers "attaching"
same "attaching: state" "$(persist "$dev" state)" held
prompt "attaching: a setting is refused" "! echo 20M >$sys/$dev/persist/low_water_bytes"
check "attaching: because it is not active" grep -q 'No such device' /tmp/prompt
prompt "attaching: a plugin comes" "modprobe kmem_none"
block=$(blocks_of "$other" | head -n 1)
prompt "attaching: memory of another goes" "echo offline >/sys/devices/system/memory/$block/state"
prompt "attaching: and comes" "echo online_movable >/sys/devices/system/memory/$block/state"
go_on
same "attaching: it ends well" $rc 0
check "attaching: the disk" until_true 20 [ -b "$disk" ]
same "attaching: the label" "$(persist "$dev" label)" moved
check "attaching: data" kmemio combed "$disk" 0 $((200 * mib)) 1 8

# memory of another device goes offline, and its notifier waits
stand_still "going offline" $visit "echo offline >/sys/devices/system/memory/$block/state"
readers "going offline"
prompt "going offline: a plugin goes" "rmmod kmem_none"
prompt "going offline: and comes" "modprobe kmem_none"
prompt "going offline: a write" "kmemio fill $disk $((300 * mib)) 16 2"
go_on
same "going offline: it ends well" $rc 0
check "going offline: online" eval "echo online_movable >/sys/devices/system/memory/$block/state"

# something has to be erased first
check "zero_on_free" setting "$dev" zero_on_free 1
stand_still "erasing" $scrub "echo unplugged >$state && echo online_movable >$state"
wait $worker
same "erasing: attaching does not wait for it" $? 0
check "erasing: the disk" until_true 20 [ -b "$disk" ]
check "erasing: something is left" [ "$(persist "$dev" unerased)" -gt $((200 << 20)) ]
same "erasing: nothing is lent" "$(usage "$dev" lent)" 0
accounted "erasing" "$dev"
readers "erasing"
prompt "erasing: data" "kmemio combed $disk 0 $((200 * mib)) 1 8"
prompt "erasing: a write" "kmemio fill $disk $((300 * mib)) $((4 * mib)) 3"
prompt "erasing: a label" "echo erased >$sys/$dev/persist/label"
prompt "erasing: secure erase is refused" "! blkdiscard -f --secure $disk"
prompt "erasing: the device goes" "echo unplugged >$state"
prompt "erasing: and comes" "echo online_movable >$state"
check "erasing: the disk" until_true 20 [ -b "$disk" ]
check "erasing: it is not forgotten" [ "$(persist "$dev" unerased)" -gt $((200 << 20)) ]
echo 0 >$inject/pause
check "erasing: all of it" until_true 60 eval '[ "$(persist "$dev" unerased)" = 0 ]'
follows "erased" "$dev"
check "erased: data" kmemio fill "$disk" $((300 * mib)) $((4 * mib)) 3
check "erased: secure erase" blkdiscard -f --secure -o $((300 << 20)) -l $((4 << 20)) "$disk"
check "erased: off and on" eval 'echo unplugged >$state && echo online_movable >$state'
same "erased: nothing to do any more" "$(persist "$dev" unerased)" 0
check "zero_on_free off" setting "$dev" zero_on_free 0

# it is taken out of service
stand_still "detaching" $detach "echo unplugged >$state"
readers "detaching"
prompt "detaching: who sets something can be told to stop" \
	"timeout 2 bash -c 'echo x >$sys/$dev/persist/label'" 124
go_on
same "detaching: it ends well" $rc 0
check "plug" eval 'echo online_movable >$state && until_true 20 [ -b "$disk" ]'

# events, at the limit
check "discard" blkdiscard "$disk"
check "some data" kmemio fill "$disk" 0 $mib 77
uevents KMEM_EVENT >/tmp/events &
listener=$!
check "listening" until_true 10 grep -q listening /tmp/events
echo 0 >"/sys/block/${disk#/dev/}/kmem/no_space_timeout"
check "nothing in limbo" until_true 20 eval '[ "$(cut -d" " -f4,5 /sys/block/${disk#/dev/}/kmem/stat)" = "0 0" ]'
check "no more" setting "$dev" limit_bytes "$(usage "$dev" stored)"
/tmp/bother space "$disk" $((100 * mib)) 100 >/tmp/found
read -r n ms </tmp/found
check "space came and went often enough ($n times in $ms ms)" [ "$n" -ge 80 ]
check "the last state is reported" until_true 10 eval 'tail -n 1 /tmp/events | grep -q KMEM_EVENT=no_space'
kill $listener
seen=$(grep -c KMEM_EVENT /tmp/events)
check "but for one per second and listener, nobody was told ($seen)" [ "$seen" -le $((2 * (ms / 1000 + 4))) ]
check "no limit" setting "$dev" limit_bytes 0

# errors
check "data that was not there before" kmemio fill "$disk" 0 $mib 78
pfn=$(image_find share/nv0 8 78 | tail -n 1)
eval "$(/tmp/sbedit /share/nv0 info)"
base=$(($(cat "/sys/bus/nd/devices/region$(nv_region 0)/resource") / 4096))
check "block 8 is in page $pfn" [ -n "$pfn" ]
echo "$((base + pfn)) 64" >$inject/poison
before=$(/tmp/sbedit /share/nv0 get primary generation)
/tmp/bother errors "$disk" "$sys/$dev/persist/errors" >/tmp/found
read -r n ms </tmp/found
after=$(/tmp/sbedit /share/nv0 get primary generation)
check "reads fail ($n in $ms ms)" [ "$n" -ge 10 ]
same "all are counted at once" "$(sed -n 's/^count //p' "$sys/$dev/persist/errors")" "$n"
check "who reads that does not write the superblock ($before, $after)" [ $((after - before)) -le $((1 + ms / 1000)) ]
check "it knows a little later" until_true 20 eval '[ "$(/tmp/sbedit /share/nv0 get primary error_count)" -eq '"$n ]"
same "counted once" "$(sed -n 's/^count //p' "$sys/$dev/persist/errors")" "$n"
echo "-$((base + pfn)) 64" >$inject/poison

check "no leaks" leaks

# by force: somebody waits for space, and somebody who holds open_mutex for him
check "discard" blkdiscard "$odisk"
check "nothing in limbo" until_true 20 eval '[ "$(cut -d" " -f4,5 /sys/block/${odisk#/dev/}/kmem/stat)" = "0 0" ]'
echo 100 >"/sys/block/${odisk#/dev/}/kmem/no_space_timeout"
check "no more" setting "$other" limit_bytes "$(usage "$other" stored)"
dd if=/dev/zero of="$odisk" bs=4096 seek=100 count=1 conv=notrunc,fsync 2>/tmp/try &
writer=$!
check "somebody waits for space" until_true 20 grep -q '^State:.*D' "/proc/$writer/status"
# first what is dirty is written
blockdev --rereadpt "$odisk" 2>/dev/null &
reader=$!
check "somebody reads partitions" until_true 20 grep -q '^State:.*D' "/proc/$reader/status"
prompt "nobody waits for the queue" "echo 512 >/sys/block/${odisk#/dev/}/queue/max_sectors_kb"
prompt "in use: it does not go without force" "! echo unplugged >$sys/$other/state"
check "in use: because" grep -q 'Device or resource busy' /tmp/prompt
said_mark
prompt "by force" "echo $other >/sys/bus/dax/drivers/kmem/unbind"
check "by force: the log says so" said "$other: $odisk is taken away from [0-9]+ openers"
wait $writer
check "by force: who waited gets an error" grep -q "Input/output error" /tmp/try
# how he ends is his own matter: the disk is gone
wait $reader || :
END
serve_sums waits
guest_wait waits
check "as the format demands" sb share/nv0 check
check "the other one, too" sb share/nv1 check

# the system goes down while somebody unplugs a device
guest_start down --timeout 200 --nvdimm nv2:256M <<'END'
. /usr/lib/guest/lib.sh
dev=$(nv_dax 0)
format_type 1
check "to system-ram" to_ram "$dev"
check "the disk" until_true 20 disk_of "$dev"
echo 2 >/sys/kernel/debug/kmem_persist/pause
echo unplugged >/sys/bus/dax/devices/"$dev"/state &
check "detaching: stands still" until_true 20 eval '[ "$(cat /sys/kernel/debug/kmem_persist/paused)" = 2 ]'
echo 0 >/ctl/status
echo rebooting
the_end
busybox reboot -f
END
guest_wait down
check "it went that far, and down" grep -qx rebooting down.out
check "as the format demands" sb nv2 check
finish

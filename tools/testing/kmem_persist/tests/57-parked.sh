# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# Bios that wait for space are parked: who freezes the queue, reads, overwrites and
# discards go on; what is parked has a bound, an order and a deadline; and the disk can be
# taken away at any time.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

cat >park.c <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>

#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x40
#endif

static const char * const names[] = { "ok", "ENOSPC", "EAGAIN", "EIO", "other" };
static int fd;
static char *buf;

static unsigned long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static int end_of(long res)
{
	return res > 0 ? 0 : res == -ENOSPC ? 1 : res == -EAGAIN ? 2 : res == -EIO ? 3 : 4;
}

/* Rounds of a read, an overwrite and a discard of blocks that are there: the slowest. */
static int ops(uint64_t block, int rounds)
{
	unsigned long long worst = 0, ms;

	for (int i = 0; i < rounds; i++) {
		uint64_t range[2] = { (block + 1 + i) * 4096, 4096 };

		ms = now_ms();
		if (pread(fd, buf, 4096, block * 4096) != 4096 ||
		    pwrite(fd, buf, 4096, block * 4096) != 4096 || ioctl(fd, BLKDISCARD, range))
			return 1;
		ms = now_ms() - ms;
		worst = ms > worst ? ms : worst;
	}
	printf("%llu\n", worst);
	return 0;
}

/* So many writes of so many blocks, all at once: how they end, and who ends before others. */
static int many(uint64_t block, int nr, int blocks)
{
	struct iocb *cb = calloc(nr, sizeof(*cb));
	int ends[5] = { 0 }, late = 0, last = -1;
	aio_context_t ctx = 0;
	struct io_event ev;

	if (syscall(SYS_io_setup, nr, &ctx))
		return 1;
	for (int i = 0; i < nr; i++) {
		struct iocb *p = &cb[i];

		p->aio_lio_opcode = IOCB_CMD_PWRITE;
		p->aio_fildes = fd;
		p->aio_buf = (uintptr_t)buf;
		p->aio_nbytes = blocks * 4096;
		p->aio_offset = (block + (uint64_t)i * blocks) * 4096;
		p->aio_data = i;
		if (syscall(SYS_io_submit, ctx, 1, &p) != 1)
			return 1;
	}
	for (int i = 0; i < nr; i++) {
		if (syscall(SYS_io_getevents, ctx, 1, 1, &ev, NULL) != 1)
			return 1;
		ends[end_of(ev.res)]++;
		late += (int)ev.data < last;
		last = ev.data;
	}
	for (int e = 0; e < 5; e++)
		if (ends[e])
			printf("%s %d ", names[e], ends[e]);
	printf("disorder %d\n", late);
	return 0;
}

static int atomic(uint64_t block, int blocks)
{
	struct iovec iov = { buf, blocks * 4096 };
	unsigned long long start = now_ms();
	ssize_t rc = pwritev2(fd, &iov, 1, block * 4096, RWF_ATOMIC);

	printf("%s %llu\n", names[end_of(rc < 0 ? -errno : rc)], now_ms() - start);
	return 0;
}

/* Swap out so many MiB of our own. */
static int swap_out(size_t mib)
{
	size_t size = mib << 20;
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(mem, 0x55, size);
	for (int i = 0; i < 3; i++)
		madvise(mem, size, MADV_PAGEOUT);
	for (size_t i = 0; i < size; i++)
		if (mem[i] != 0x55)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 4 ? argv[1] : "";
	uint64_t block = argc > 4 ? atoll(argv[3]) : 0;
	int nr = argc > 4 ? atoi(argv[4]) : 0;

	if (!strcmp(cmd, "out"))
		return swap_out(nr);
	fd = open(argv[2], O_RDWR | O_DIRECT);
	if (fd < 0 || posix_memalign((void **)&buf, 1 << 21, 1 << 21))
		return 1;
	memset(buf, 0x77, 1 << 21);
	if (!strcmp(cmd, "ops"))
		return ops(block, nr);
	if (!strcmp(cmd, "many") && argc == 6)
		return many(block, nr, atoi(argv[5]));
	if (!strcmp(cmd, "atomic"))
		return atomic(block, nr);
	return 2;
}
END
gcc -O2 -Wall -static -o share/park park.c

guest_start parked --timeout 380 --share share --nvdimm nv0:384M --nvdimm nv1:384M <<'END'
. /usr/lib/guest/lib.sh
cp /share/park /tmp/
mib=256		# blocks
dev=$(nv_dax 0)
other=$(nv_dax 1)
inject=/sys/kernel/debug/kmem_persist
check "two devdax namespaces" [ -n "$dev" -a -n "$other" ]
format_type 1
check "to system-ram" each to_ram "$dev" "$other"
check "two disks" until_true 20 eval 'disk_of "$dev" && disk_of "$other"'
disk=/dev/$(disk_of "$dev")
odisk=/dev/$(disk_of "$other")
queue=/sys/block/${disk#/dev/}/queue
kmem=/sys/block/${disk#/dev/}/kmem
hole=$((300 * mib))

# parked BYTES: so much is parked right now
parked() {
	[ "$(cat $kmem/parked_bytes)" -eq "$1" ]
}
settled() {
	[ "$(cut -d' ' -f4,5 $kmem/stat)" = "0 0" ]
}
# in_flight: I/O that was begun and has not ended
in_flight() {
	awk '{ print $9 }' /sys/block/${disk#/dev/}/stat
}
# ends FILE: how those of park many have ended
ends() {
	sed 's/disorder.*//' "$1"
}
# full NAME: what is stored now is all that may be
full() {
	check "$1: nothing in limbo" until_true 20 settled
	check "$1: no more" setting "$dev" limit_bytes "$(usage "$dev" stored)"
}
# in_time NAME COMMAND: it ends, long before anything that waits does
in_time() {
	if timeout 40 bash -c "$2" >/tmp/in_time 2>&1; then
		ok "$1"
	else
		not_ok "$1: $(tail -n 1 /tmp/in_time)"
	fi
}
# others NAME BLOCK: reads, overwrites and discards go on. How long the slowest of ten took
# is shown beside the same without anybody who waits; the bound is what is far below the
# deadline even on a slow machine.
others() {
	others_ms=$(timeout 60 /tmp/park ops "$disk" "$2" 10)
	check "$1: others go on ($others_ms ms, alone $alone_ms ms)" [ "${others_ms:-99999}" -lt 20000 ]
}

check "write" kmemio fill "$disk" 0 $((64 * mib)) 1
echo 100 >$kmem/no_space_timeout
same "nothing is parked" "$(cat $kmem/parked_bytes) $(cat $kmem/parked_most_bytes)" "0 0"
alone_ms=$(/tmp/park ops "$disk" 0 10)
full "full"

# one first write waits, and the queue is frozen
kmemio try "$disk" "$hole" 1 1 0 >/tmp/try &
writer=$!
check "a first write is parked" until_true 20 parked 4096
check "and its sender waits" until_true 20 grep -q '^State:.*D' "/proc/$writer/status"
for file in max_sectors_kb iostats discard_max_bytes; do
	value=$(cat $queue/$file)
	[ $file != iostats ] || value=0
	in_time "a freeze by $file" "echo '$value' >$queue/$file"
	check "$file: the write waits still" parked 4096
done
check "iostats" eval 'echo 1 >$queue/iostats'
in_time "a read" "kmemio check $disk 16 64 1"
in_time "an overwrite" "kmemio fill $disk 16 64 2"
same "who may not wait is told so" "$(kmemio try "$disk" $((hole + 1)) 1 1 1 | cut -d' ' -f1)" EAGAIN
same "but not who overwrites" "$(kmemio try "$disk" 16 1 2 1 | cut -d' ' -f1)" ok
check "the write waits still" parked 4096
same "one I/O is in flight" "$(in_flight)" 1
check "a discard" blkdiscard -o $((32 << 20)) -l $((4 << 20)) "$disk"
wait $writer
same "ends the wait" "$(cut -d' ' -f1 /tmp/try)" ok
check "it is there" kmemio check "$disk" "$hole" 1 1
check "nothing is parked" parked 0
same "nothing is in flight" "$(in_flight)" 0

# many of them
full "many"
bound=$(($(usage "$dev" lent) / 64))
[ $bound -ge 1048576 ] || bound=1048576
[ $bound -le 16777216 ] || bound=16777216
for blocks in 1 16 256; do
	/tmp/park many "$disk" $((hole + blocks * 16)) $((blocks < 256 ? 64 : 16)) $blocks >/tmp/many.$blocks &
done
check "much is parked" until_true 30 eval '[ "$(cat $kmem/parked_bytes)" -ge $((bound / 4)) ]'
others "many wait" 128
most=$(cat $kmem/parked_most_bytes)
check "but not too much ($most bytes of $bound)" [ "$most" -le "$bound" ]
in_time "many wait: a freeze" "echo 512 >$queue/max_sectors_kb"
in_time "many wait: partitions are read" "blockdev --rereadpt $disk"
others "many wait, frozen" 160
check "no limit" setting "$dev" limit_bytes 0
wait
for blocks in 1 16 256; do
	same "many, $blocks blocks each: all end well" "$(ends /tmp/many.$blocks)" \
		"ok $((blocks < 256 ? 64 : 16)) "
done
check "nothing is parked" parked 0
accounted "many" "$dev"
# first come, first served
full "in order"
/tmp/park many "$disk" $((hole + 128)) 32 2 >/tmp/many &
check "in order: all are parked" until_true 30 parked $((32 * 8192))
check "no limit" setting "$dev" limit_bytes 0
wait
same "in order" "$(cat /tmp/many)" "ok 32 disorder 0"

# deadlines
check "discard" blkdiscard -o $((300 << 20)) -l $((60 << 20)) "$disk"
full "deadline"
nospc=$(cat $kmem/nospc_events)
echo 4 >$kmem/no_space_timeout
/tmp/park many "$disk" $((hole + 1024)) 64 4 >/tmp/many
same "all end" "$(ends /tmp/many)" "ENOSPC 64 "
same "all are counted" $(($(cat $kmem/nospc_events) - nospc)) 64
check "nothing is parked" parked 0
same "space" "$(persist "$dev" space)" none
others "after that" 192

# An atomic write needs all of its pages at once. There are some, but fewer: who needs one
# has it, and does not wait behind the other.
check "no limit" setting "$dev" limit_bytes 0
check "a write" kmemio fill "$disk" "$hole" 16 1
check "atomic: nothing in limbo" until_true 20 settled
check "atomic: 512 KiB are left" setting "$dev" limit_bytes $(($(usage "$dev" stored) + (512 << 10)))
echo 100 >$kmem/no_space_timeout
said_mark
/tmp/park atomic "$disk" $(((hole / 256 + 16) * 256)) 256 >/tmp/atomic &
writer=$!
check "atomic: it is parked" until_true 20 parked 1048576
for i in 1 2 3 4; do
	in_time "atomic: write $i of another" "kmemio fill $disk $((hole + 8192 + i * 8)) 8 $i"
done
check "atomic: it waits still" parked 1048576
echo 1 >$kmem/no_space_timeout
wait $writer
same "atomic: until its time is up" "$(cut -d' ' -f1 /tmp/atomic)" ENOSPC
check "atomic: the log says so" said "an atomic write found fewer free pages than it needs for [0-9]+ s and has failed"
check "atomic: that is no news for others" eval '! space_is "$dev" none'
in_time "atomic: who writes as before" "kmemio fill $disk $((hole + 8192 + 64)) 8 5"
check "no limit" setting "$dev" limit_bytes 0
same "atomic: with space it is done" "$(/tmp/park atomic "$disk" $(((hole / 256 + 16) * 256)) 256 | cut -d' ' -f1)" ok
accounted "atomic" "$dev"

# through a device that is suspended
check "no limit" setting "$dev" limit_bytes 0
check "a write" kmemio fill "$disk" "$hole" 16 1
full "suspend"
echo 10 >$kmem/no_space_timeout
check "a device above" timeout 20 dmsetup create --noudevrules --noudevsync above \
	--table "0 $(blockdev --getsz "$disk") linear $disk 0"
above=/dev/$(dmsetup info -c --noheadings -o blkdevname above)
check "it is there" until_true 10 [ -b "$above" ]
kmemio try "$above" $((hole + 64)) 1 1 0 >/tmp/try &
writer=$!
check "suspend: a write is parked" until_true 20 parked 4096
in_time "suspend ends" "dmsetup suspend --noudevsync above"
wait $writer
same "suspend: the write has come to its deadline" "$(cut -d' ' -f1 /tmp/try)" ENOSPC
check "resume" timeout 20 dmsetup resume --noudevsync above
in_time "a read through it" "kmemio check $above $hole 16 1"
check "remove" timeout 20 dmsetup remove --noudevrules --noudevsync above

# swap: who would have to free what it waits for does not wait
check "no limit" setting "$dev" limit_bytes 0
printf 'label: gpt\n,100MiB\n,100MiB\n' | sfdisk -q "$disk"
check "partitions" until_true 10 [ -b "${disk}p2" ]
check "mkswap" mkswap -q "${disk}p2"
echo 100 >$kmem/no_space_timeout
full "swap"
kmemio try "$disk" $((hole - 10 * mib)) 1 1 0 >/tmp/try &
writer=$!
check "swap: a first write of others is parked" until_true 20 parked 4096
check "swapon" swapon "${disk}p2"
nospc=$(cat $kmem/nospc_events)
in_time "who swaps out does not wait" "/tmp/park out x 0 8"
check "it fails ($(($(cat $kmem/nospc_events) - nospc)) times)" [ "$(cat $kmem/nospc_events)" -gt "$nospc" ]
check "others wait still" parked 4096
check "swapoff" swapoff "${disk}p2"
echo 1 >$kmem/no_space_timeout
wait $writer
same "until their time is up" "$(cut -d' ' -f1 /tmp/try)" ENOSPC
check "no limit" setting "$dev" limit_bytes 0

# an atomic overwrite without any page, not even of the reserve
check "nothing in limbo" until_true 20 settled
echo Y >$inject/starve
said_mark
/tmp/park atomic "$disk" 512 256 >/tmp/atomic &
writer=$!
check "starved: an atomic overwrite is parked" until_true 20 parked 1048576
wait $writer
same "starved: it ends" "$(cut -d' ' -f1 /tmp/atomic)" ENOSPC
check "starved: not at once ($(cat /tmp/atomic) ms)" [ "$(cut -d' ' -f2 /tmp/atomic)" -ge 29000 ]
check "starved: the log says so" said "an overwrite found no free pages for 30 s and has failed, the reserve is [0-9]+ KiB"
echo N >$inject/starve
same "fed: the same is done" "$(/tmp/park atomic "$disk" 512 256 | cut -d' ' -f1)" ok
accounted "fed" "$dev"
check "no leaks" leaks

# taken away, again and again, while bios are parked. Its memory is offline, so that the
# device can come back.
echo 100 >/sys/module/kmem_blk/parameters/no_space_timeout
check "some data" kmemio fill "$odisk" 0 $mib 1
drv=/sys/bus/dax/drivers/kmem
check "offline" set_blocks "$other" offline
check "unbind" eval 'echo "$other" >$drv/unbind'
rounds=20
[ -z "${KP_DEEP:-}" ] || rounds=200
bad=
for ((i = 1; i <= rounds; i++)); do
	echo "$other" >$drv/bind || bad="$i: bind"
	until_true 20 disk_of "$other" || bad="$i: no disk"
	odisk=/dev/$(disk_of "$other")
	okmem=/sys/block/${odisk#/dev/}/kmem
	until_true 20 [ -b "$odisk" ] || bad="$i: no device"
	setting "$other" limit_bytes "$(usage "$other" stored)" || bad="$i: limit"
	/tmp/park many "$odisk" $((hole + i * 64)) 32 1 >/tmp/many.a &
	/tmp/park many "$odisk" $((hole + 4096)) 32 64 >/tmp/many.b &
	until_true 20 eval '[ "$(cat $okmem/parked_bytes)" -gt 262144 ]' || bad="$i: nothing parked"
	echo 512 >"/sys/block/${odisk#/dev/}/queue/max_sectors_kb" 2>/dev/null &
	blockdev --rereadpt "$odisk" 2>/dev/null &
	# at another moment each time
	[ $((i % 4)) -ne 0 ] || pause
	[ $((i % 3)) -ne 0 ] || blkdiscard -o 0 -l 4096 "$odisk"
	timeout 60 bash -c "echo $other >$drv/unbind" || bad="$i: unbind with parked bios"
	wait
	# who comes later finds a disk without blocks
	case "$(tail -qn 1 /tmp/many.a /tmp/many.b | tr '\n' ' ')" in
	*EAGAIN* | *other*) bad="$i: $(tail -qn 1 /tmp/many.a /tmp/many.b)" ;;
	*EIO*disorder*EIO*disorder*) ;;
	*) bad="$i: $(tail -qn 1 /tmp/many.a /tmp/many.b)" ;;
	esac
	[ -z "$bad" ] || break
done
same "taken away $rounds times with parked bios" "$bad" ""
check "bind" eval 'echo "$other" >$drv/bind'
check "the disk" until_true 20 disk_of "$other"
odisk=/dev/$(disk_of "$other")
check "its data" kmemio check "$odisk" 16 $((mib - 16)) 1
check "no limit" setting "$other" limit_bytes 0
END
guest_wait parked
check "as the format demands" sb nv0 check
check "the other one, too" sb nv1 check
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# /dev/kmem0 as a disk: its limits, direct I/O at all offsets, discard, write
# zeroes, atomic and nowait writes, fio with verify, swap.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest blk --timeout 350 --nvdimm nv0:512M <<'END'
. /usr/lib/guest/lib.sh
disk=/dev/kmem0
queue=/sys/block/kmem0/queue
stats=/sys/block/kmem0/kmem

limit() {
	same "$1" "$(cat $queue/$1)" "$2"
}

# job NAME FIO-ARGUMENTS...: fio, whose verify must be content
job() {
	if fio --name="$1" --filename=$disk --direct=1 --verify=crc32c --verify_fatal=1 \
		--randrepeat=1 --group_reporting --output=/tmp/fio "${@:2}" 2>/tmp/fio.err; then
		ok "fio: $1"
	else
		not_ok "fio: $1: $(cat /tmp/fio.err) $(grep -m 3 -E 'verify|err=' /tmp/fio)"
	fi
}

check "a devdax namespace" nvdimm_dax 0
format_type 1
check "to system-ram" to_ram dax0.0
check "the disk" until_true 10 [ -b $disk ]

# limits
limit logical_block_size 4096
limit physical_block_size 4096
limit minimum_io_size 4096
limit discard_granularity 4096
limit dma_alignment 511
limit rotational 0
limit iostats 1
limit stable_writes 0
limit write_cache "write through"
limit fua 0
limit max_hw_sectors_kb 2147483644
limit atomic_write_unit_min_bytes 4096
limit atomic_write_unit_max_bytes 1048576
limit atomic_write_max_bytes 1048576
limit atomic_write_boundary_bytes 1048576
check "discards of any size" [ "$(cat $queue/discard_max_bytes)" -ge $((1 << 30)) ]
check "write zeroes of any size" [ "$(cat $queue/write_zeroes_max_bytes)" -ge $((1 << 30)) ]
same "the block size" "$(blockdev --getss $disk)" 4096
size=$(blockdev --getsize64 $disk)
capacity=$(usage dax0.0 capacity)
check "it is nearly as large as the device" [ "$size" -le "$capacity" ]
check "nearly as large" [ "$size" -ge $((capacity * 97 / 100)) ]
same "a multiple of 1 MiB" $((size % 1048576)) 0

# content
check "reads zeroes" kmemio zero $disk 0 2048
check "I/O at all offsets, a block in two pieces" kmemio offsets $disk
check "the last blocks" kmemio fill $disk $((size / 4096 - 300)) 300 1
check "are there" kmemio check $disk $((size / 4096 - 300)) 300 1
check "behind them is nothing" eval "! kmemio fill $disk $((size / 4096)) 1 1 2>/dev/null"
check "atomic writes" kmemio atomic $disk
check "nowait" kmemio nowait $disk
check "buffered" eval "dd if=/dev/urandom of=/tmp/random bs=64k count=16 status=none &&
	dd if=/tmp/random of=$disk bs=3k seek=1000 conv=fsync,notrunc status=none &&
	dd if=$disk bs=3k skip=1000 status=none iflag=fullblock count=342 | head -c 1048576 | cmp - /tmp/random"

# discard and write zeroes
check "write" kmemio fill $disk 0 4096 1
mapped=$(cat $stats/mapped_bytes)
check "discard some blocks" blkdiscard -o 4096 -l $((100 * 4096)) $disk
check "they are zero" kmemio zero $disk 1 100
check "and no others" eval "kmemio check $disk 0 1 1 && kmemio check $disk 101 3995 1"
same "mapped_bytes" $((mapped - $(cat $stats/mapped_bytes))) $((100 * 4096))
check "discard over leaves" blkdiscard -o $((300 * 4096)) -l $((2000 * 4096)) $disk
check "they are zero" kmemio zero $disk 300 2000
check "and no others" eval "kmemio check $disk 101 199 1 && kmemio check $disk 2300 1796 1"
mapped=$(cat $stats/mapped_bytes)
check "write zeroes" blkdiscard -z -o $((2304 * 4096)) -l $((1000 * 4096)) $disk
check "they are zero" kmemio zero $disk 2304 1000
same "and have their space" "$(cat $stats/mapped_bytes)" "$mapped"
check "and no others" eval "kmemio check $disk 2300 4 1 && kmemio check $disk 3304 792 1"
check "a hole by fallocate" fallocate -p -o $((3400 * 4096)) -l $((100 * 4096)) $disk
check "is zero" kmemio zero $disk 3400 100
same "and takes no space" $((mapped - $(cat $stats/mapped_bytes))) $((100 * 4096))
mapped=$(cat $stats/mapped_bytes)
check "zeroes by fallocate" fallocate -z -o $((3400 * 4096)) -l $((50 * 4096)) $disk
check "are zero" kmemio zero $disk 3400 50
same "and have their space" $(($(cat $stats/mapped_bytes) - mapped)) $((50 * 4096))
check "what is not aligned is refused" eval "! blkdiscard -o 512 -l 4096 $disk 2>/dev/null"
check "discard is counted" [ "$(cat $stats/discards)" -ge 3 ]
check "discard all" blkdiscard $disk
same "nothing is mapped" "$(cat $stats/mapped_bytes)" 0

# past the caches and through them, whatever this machine has chosen
echo "# copy: $(persist dax0.0 copy)"
check "one of them was chosen" eval 'persist dax0.0 copy | grep -qxE "\[nontemporal\] cached|nontemporal \[cached\]"'
refused "neither" "Invalid argument" both /sys/bus/dax/devices/dax0.0/persist/copy
for way in cached nontemporal; do
	check "$way" setting dax0.0 copy $way
	check "$way: is used" eval 'persist dax0.0 copy | grep -qF "[$way]"'
	check "$way: write" kmemio fill $disk 8192 2048 ${#way}
	check "$way: I/O at all offsets" kmemio offsets $disk
	check "$way: atomic writes" kmemio atomic $disk
	check "$way: it is there" kmemio check $disk 8192 2048 ${#way}
	check "$way: discard" blkdiscard $disk
done

# counters
first=$(cat $stats/first_writes)
cow=$(cat $stats/cow_writes)
kmemio fill $disk 0 512 1
kmemio fill $disk 0 512 2
same "first writes" $(($(cat $stats/first_writes) - first)) 512
same "overwrites" $(($(cat $stats/cow_writes) - cow)) 512

# fio
job "4k, one job" --rw=randwrite --bs=4k --size=16M --ioengine=psync
job "mixed sizes" --rw=randrw --bsrange=4k-256k --blockalign=4k --size=48M --ioengine=psync
job "io_uring" --rw=randrw --bs=16k --size=24M --ioengine=io_uring --iodepth=16
job "io_uring, nowait" --rw=randwrite --bs=8k --size=8M --ioengine=io_uring --iodepth=8 --nowait=1
job "libaio, three jobs" --rw=randrw --bs=4k --size=8M --offset_increment=8M --numjobs=3 --ioengine=libaio --iodepth=8
job "1 MiB" --rw=write --bs=1M --size=64M --ioengine=psync
job "with trims" --rw=randtrimwrite --bs=64k --size=16M --ioengine=psync --verify=0
job "fsync" --rw=randwrite --bs=4k --size=4M --fsync=1 --ioengine=psync

# registered buffers that are not aligned: nobody but the driver looks at these
for bs in 4k 1M; do
	fio --name=odd --filename=$disk --direct=1 --rw=write --bs=$bs --number_ios=1 \
		--ioengine=io_uring --fixedbufs=1 --iomem_align=1 --output=/tmp/fio >/tmp/fio.err 2>&1
	check "$bs from an odd address: refused" grep -qh "Invalid argument" /tmp/fio /tmp/fio.err
	fio --name=even --filename=$disk --direct=1 --rw=write --bs=$bs --number_ios=1 \
		--ioengine=io_uring --fixedbufs=1 --iomem_align=512 --output=/tmp/fio >/tmp/fio.err 2>&1
	same "$bs from a multiple of 512: done" $? 0
done

# what comes is done in one piece, whatever users say: that is for who makes bios. Pieces
# that wait for space would keep what it takes to cut others.
writes() {
	awk '{ print $5 }' /sys/block/${disk#/dev/}/stat
}
for kb in 1024 64; do
	echo $kb >$queue/max_sectors_kb
	nr=$(writes)
	check "1 MiB, max_sectors_kb $kb" dd if=/dev/zero of=$disk bs=1M count=1 oflag=direct status=none
	same "1 MiB, max_sectors_kb $kb: one piece" $(($(writes) - nr)) 1
done
echo 1024 >$queue/max_sectors_kb
check "every byte is accounted for" sums_up dax0.0
check "what is lent is RAM" until_true 20 at_rest dax0.0

# atomic writes have to be possible on partitions, too
printf 'label: gpt\n,100MiB\n,100MiB\n' | sfdisk -q $disk
check "partitions" until_true 10 [ -b ${disk}p2 ]
check "atomic writes on a partition" kmemio atomic ${disk}p2
check "discard of a partition" blkdiscard ${disk}p1

# swap
check "mkswap" mkswap -q ${disk}p2
check "swapon" swapon ${disk}p2
said_mark
refused "unplug while swapped on" "Device or resource busy" unplugged /sys/bus/dax/devices/dax0.0/state
check "swapoff" swapoff ${disk}p2
check "no leaks" leaks
END
check "as the format demands" sb nv0 check
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# Everything at once: data is written and verified, trimmed, compacted, a program
# uses the RAM, the disks shall be unplugged, processors and memory blocks go and
# come. For 40 seconds, or for ten minutes with --deep.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest soak --timeout $((290 * T_DEEP)) --nvdimm nv0:512M --nvdimm nv1:384M <<'END'
. /usr/lib/guest/lib.sh
mib=256		# blocks
time=40
[ -z "$KP_DEEP" ] || time=600
a=$(nv_dax 0)
b=$(nv_dax 1)
check "two devdax namespaces" [ -n "$a" -a -n "$b" ]
format_type 1
check "to system-ram" each to_ram "$a" "$b"
check "two disks" until_true 10 [ -b /dev/kmem0 -a -b /dev/kmem1 ]
raw=/dev/$(disk_of "$a")
fs=/dev/$(disk_of "$b")
check "mkfs.ext4" mkfs.ext4 -q "$fs"
check "mount" mount "$fs" /mnt
check "a file that stays" kmemio fill /mnt/stays 0 $((32 * mib)) 1
follows "before" "$a"
follows "before, the other" "$b"

# fails NAME COMMAND...: for things that are done often: a line only if it fails
bad=0
fails() {
	"${@:2}" && return
	bad=$((bad + 1))
	not_ok "$1 (${*:2} failed; ${su_text:-})"
	false
}
nice -n 5 sums /sys/bus/dax/devices/{$a,$b}/persist/usage >/tmp/sums 2>&1 &
sums=$!
end=$((SECONDS + time))
# some_of N WHAT: that many rounds, offlined, churns or trims
some_of() {
	[ "$(cat "/tmp/$2" 2>/dev/null || echo 0)" -ge "$1" ]
}
enough() {
	some_of 2 rounds && some_of 1 offlined && some_of 1 churns && some_of 1 trims &&
		[ "$(exchanged "$a" moved)" -gt 0 ]
}
# for as long as it shall take, and a slow machine until there was some of everything
more() {
	[ $SECONDS -lt $end ] || { [ $SECONDS -lt $((end + 120)) ] && ! enough; }
}

# fio does not go on, the others do
fio --name=soak --filename="$raw" --direct=1 --size=48m --bsrange=4k-64k --blockalign=4k \
	--rw=randwrite --ioengine=io_uring --iodepth=4 --verify=crc32c --verify_backlog=256 \
	--verify_fatal=1 --time_based --runtime=$time --output=/tmp/fio 2>/tmp/fio.err &
fio=$!
# churn, verified, and trimmed; and what the compactor has to gather
(
	n=0
	while more; do
		n=$((n + 1))
		blkdiscard -o $((170 << 20)) -l $((64 << 20)) "$raw" &&
			kmemio fill "$raw" $((170 * mib)) $((64 * mib)) $n &&
			kmemio comb "$raw" $((170 * mib)) $((64 * mib)) 4 || exit
		blkdiscard -o $((64 << 20)) -l $((96 << 20)) "$raw" &&
			kmemio fill "$raw" $((64 * mib)) $((60 * mib)) $((n * 1000000)) &&
			kmemio churn "$raw" $((64 * mib)) $((96 * mib)) $((60 * mib)) $((n * 1000000)) 10000 1 &&
			kmemio combed "$raw" $((170 * mib)) $((64 * mib)) $n 4 || exit
		echo $n >/tmp/churns
	done
) >/tmp/churn 2>&1 &
churn=$!
# files come and go
(
	n=0
	while more; do
		n=$((n + 1))
		kmemio -b fill /mnt/goes 0 $((40 * mib)) $n && kmemio check /mnt/goes 0 $((40 * mib)) $n &&
			rm /mnt/goes && sync -f /mnt && fstrim /mnt || exit
		echo $n >/tmp/trims
	done
) >/tmp/trim 2>&1 &
trim=$!
hog soak --preferred="$(node_of "$a")" -p 1 $(($(node_free "$(node_of "$a")") * 6 / 10240))

for d in "$a" "$b"; do
	check "$d: blocks may go offline under its users" setting "$d" offline allowed
done
# in use from here on, whatever the writers have open at any moment
exec 8<"$raw"
rounds=0
offlined=0
cpu=/sys/devices/system/cpu/cpu1/online
while more; do
	rounds=$((rounds + 1))
	for d in "$a" "$b"; do
		fails "unplug of $d is refused" eval '! echo unplugged 2>/tmp/err >/sys/bus/dax/devices/$d/state'
		fails "because it is in use" eval '[ "$(persist $d state)" = active ]'
	done
	fails "a processor goes" eval 'echo 0 >$cpu'
	fails "accounted, one processor" sums_up "$a"
	fails "the processor comes" eval 'echo 1 >$cpu'
	# another device, another block each time
	d=$a
	[ $((rounds % 3)) -ne 0 ] || d=$b
	block=$(blocks_of "$d" | sed -n "$((rounds % $(blocks_of "$d" | wc -l) + 1))p")
	# what is in use by the kernel for a moment may keep it
	if timeout 30 sh -c "echo offline >/sys/devices/system/memory/$block/state" 2>/dev/null; then
		offlined=$((offlined + 1))
		fails "accounted, $block offline" sums_up "$d"
		fails "$block comes back" eval 'echo online_movable >/sys/devices/system/memory/$block/state'
	fi
	fails "accounted" sums_up "$d"
	fails "give_back" eval 'echo 1 >/sys/bus/dax/devices/$a/persist/give_back'
	fails "accounted, given back" sums_up "$a"
	echo $rounds >/tmp/rounds
	echo $offlined >/tmp/offlined
done
exec 8<&-
wait $fio
rc=$?
same "fio: $(cat /tmp/fio.err)" $rc 0
wait $churn
rc=$?
same "churn: $(tail -n 1 /tmp/churn)" $rc 0
wait $trim
rc=$?
same "trim: $(cat /tmp/trim)" $rc 0
hog_end soak $hog_pid
kill $sums
wait $sums
rc=$?
same "every byte was accounted for, always: $(cat /tmp/sums)" $rc 0
same "$rounds rounds, $offlined blocks went offline, $(cat /tmp/churns) churns, $(cat /tmp/trims) files: so many failures" $bad 0
check "some of everything, and data was moved" enough
check "the file that stays" kmemio check /mnt/stays 0 $((32 * mib)) 1
check "umount" umount /mnt
check "e2fsck" e2fsck -fn "$fs"
check "discard" each blkdiscard "$raw" "$fs"
follows "after" "$a"
follows "after, the other" "$b"
check "now they can be unplugged" each to_dax "$a" "$b"
check "no leaks" leaks
END
check "as the format demands" sb nv0 check
check "the other, too" sb nv1 check
finish

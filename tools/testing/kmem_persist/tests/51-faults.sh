# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# The shrinker takes what is kept ready for writes; and allocations of all kinds
# fail, often, while data is written, read and discarded: what was acknowledged is
# there, and when they work again, everything does.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

log_report 'invoked oom-killer|page allocation failure|vmalloc error'

guest faults --mem 1G --nvdimm nv0:640M --append kmemleak=off <<'END'
. /usr/lib/guest/lib.sh
mib=256
dev=$(nv_dax 0)
check "a devdax namespace" [ -n "$dev" ]
format_type 1
check "to system-ram" to_ram "$dev"
check "the disk" until_true 10 [ -b /dev/kmem0 ]
disk=/dev/kmem0
node=$(node_of "$dev")
follows "empty" "$dev"
echo never >/sys/kernel/mm/transparent_hugepage/enabled

# The slack is there so that not every write moves the boundary. Who is short of RAM
# gets it; when nobody is any more, it comes back.
slack=$((4 << 20))	# 319 pageblocks / 128
reserved=$(persist "$dev" reserved)
n=$((380 * mib))
check "write 380 MiB" kmemio fill $disk 0 $n 1
follows "written" "$dev"
# a block more: write NR more of them
more() {
	kmemio fill $disk $n "$1" 1 && n=$((n + $1))
}
slack_is() {
	more "$1" && [ $(($(not_lent_of "$dev") - reserved)) -ge $((slack - 262144)) ]
}
check "pages above the reserve" until_true 60 slack_is 64
before=$(not_lent_of "$dev")
# more than there is: it may be killed in the end
hog full -m"$node" -p 1 $(($(node_free "$node") / 1024 + 16))
between "memory is short: from $((before - reserved)) bytes above the reserve to" 0 $((2 << 20)) \
	eval 'echo $(($(not_lent_of "$dev") - reserved))'
accounted "shrunk" "$dev"
check "what is lent is RAM" until_true 10 lent_is_ram "$dev"
check "a write goes on" timeout 60 kmemio fill $disk $n $((2 * mib)) 1
n=$((n + 2 * mib))
hog_end full $hog_pid
check "memory is there: pages above the reserve again" until_true 90 slack_is 1
check "data" kmemio check $disk 0 $n 1
check "discard" blkdiscard $disk
follows "discarded" "$dev"

# Allocations fail. Nothing is started and nothing printed meanwhile: that would
# fail, too. Direct I/O of single blocks gets along without memory, so others need
# some: I/O through the page cache, and somebody who makes files.
check "what stays" kmemio fill $disk 80000 $((150 * mib)) 4
check "fill" kmemio fill $disk 0 24000 5
check "fill" kmemio fill $disk 50000 6000 6
hog faults --preferred="$node" -p 1 $(($(node_free "$node") * 6 / 10240))
kmemio -r churn $disk 0 40000 24000 5 40000 2 >/tmp/churn 2>&1 &
churn=$!
kmemio -r -b churn $disk 50000 10000 6000 6 12000 1 >/tmp/churn.b 2>&1 &
churn_b=$!
: >/tmp/files
while [ -e /tmp/files ]; do
	for i in 1 2 3 4 5 6 7 8; do
		echo "$i" >/tmp/files.$i
	done
done 2>/dev/null &
files=$!
check "churn is under way" until_true 60 eval '[ "$(cat /sys/block/kmem0/kmem/cow_writes)" -gt 1000 ]'
mknod /tmp/never p
exec 9<>/tmp/never
faults=/sys/kernel/debug
# with 1000000 for a start, times says how many did fail
for f in failslab fail_page_alloc; do
	echo 0 >$faults/$f/verbose
	echo 1 >$faults/$f/interval
	echo 1000000 >$faults/$f/times
	echo N >$faults/$f/task-filter
	echo N >$faults/$f/ignore-gfp-wait
done
echo 0 >$faults/fail_page_alloc/min-order
echo N >$faults/fail_page_alloc/ignore-gfp-highmem
# failed_enough N: have so many allocations of each kind failed?
failed_enough() {
	for f in failslab fail_page_alloc; do
		until read -r left <$faults/$f/times; do :; done
		[ $((1000000 - left)) -ge "$1" ] || return 1
	done
}
n_failed=0
for percent in 2 10 30; do
	n_failed=$((n_failed + 8))
	for f in failslab fail_page_alloc; do
		until echo $percent >$faults/$f/probability; do :; done
	done
	for i in 1 2 3 4 5 6 7 8 9 10; do
		read -r -t 3 -u 9
		! failed_enough $n_failed || break
	done
	for f in failslab fail_page_alloc; do
		until echo 0 >$faults/$f/probability; do :; done
	done
	read -r -t 1 -u 9
done 2>/dev/null
rm /tmp/files
for f in failslab fail_page_alloc; do
	failed=$((1000000 - $(cat $faults/$f/times)))
	check "$failed allocations failed ($f)" [ "$failed" -ge 20 ]
done
check "churn ends" until_true 200 eval '! kill -0 $churn && ! kill -0 $churn_b'
wait $churn
rc=$?
same "churn: $(cat /tmp/churn)" $rc 0
wait $churn_b
rc=$?
same "churn, buffered: $(cat /tmp/churn.b)" $rc 0
hog_end faults $hog_pid
echo 3 >/proc/sys/vm/drop_caches
out=$(kmemio churned $disk 0 40000 24000 5 40000 2 2>&1)
same "again: $out" $? 0
out=$(kmemio churned $disk 50000 10000 6000 6 12000 1 2>&1)
same "again: $out" $? 0
check "what stays" kmemio check $disk 80000 $((150 * mib)) 4
follows "after all that" "$dev"
check "discard" blkdiscard $disk
follows "discarded" "$dev"
check "write 380 MiB" kmemio fill $disk 0 $((380 * mib)) 9
check "they are there" kmemio check $disk 0 $((380 * mib)) 9
accounted "the end" "$dev"
END
check "as the format demands" sb nv0 check
finish

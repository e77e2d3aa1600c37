# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# Data that is written and discarded block by block is scattered over all
# pageblocks. The compactor gathers it, so that nearly all of what holds no data is
# RAM, while writers and readers go on; also when the power fails in between.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

guest churn --timeout $((390 * T_DEEP)) --nvdimm nv0:512M <<'END'
. /usr/lib/guest/lib.sh
seed=1000000
dev=$(nv_dax 0)
check "a devdax namespace" [ -n "$dev" ]
format_type 1
check "to system-ram" to_ram "$dev"
check "the disk" until_true 10 [ -b /dev/kmem0 ]
disk=/dev/kmem0
kmem=/sys/block/kmem0/kmem
follows "empty" "$dev"
lent=$(usage "$dev" lent)
nr=$(($(blockdev --getsize64 $disk) / 4096))
filled=$((nr * 60 / 100))
ops=$((nr - filled))
# ten times the device takes some minutes
[ -z "$KP_DEEP" ] || ops=$((nr * 10))
echo "churned $nr $filled $seed $ops"

check "60 percent of the blocks" kmemio fill $disk 0 $filled $seed
follows "filled" "$dev"
# writes and discards of single blocks, as many as blocks are free: much of what is
# there is freed, here and there
begin=$SECONDS
out=$(kmemio churn $disk 0 $nr $filled $seed $ops 2 2>&1)
same "churn, $((SECONDS - begin)) s: $out" $? 0
accounted "churned" "$dev"
check "data was moved meanwhile ($(cat $kmem/moved) pages)" [ "$(cat $kmem/moved)" -gt 0 ]

# until nothing has moved for ten seconds
idle() {
	idle_now="$(exchanged "$dev" moved) $(usage "$dev" pool)"
	if [ "$idle_now" != "${idle_last:-}" ]; then
		idle_last=$idle_now
		idle_since=$SECONDS
	fi
	[ $((SECONDS - idle_since)) -ge 10 ]
}
begin=$SECONDS
check "the compactor comes to rest" until_true 180 idle
between "of what holds no data so much is RAM after $((SECONDS - begin)) s, percent" 90 100 lent_percent "$dev"
same "the disk and the device count the same (usage: $(tr '\n' ' ' <"/sys/bus/dax/devices/$dev/persist/usage"))" $(($(cat $kmem/moved) * 4096)) "$(exchanged "$dev" moved)"
accounted "at rest" "$dev"
check "what is lent is RAM" until_true 10 lent_is_ram "$dev"
out=$(kmemio churned $disk 0 $nr $filled $seed $ops 2 2>&1)
same "all data: $out" $? 0

# give back all that can be given back, now
before=$(usage "$dev" lent)
check "give_back" timeout 100 sh -c "echo 1 >/sys/bus/dax/devices/$dev/persist/give_back"
left=$(not_lent_of "$dev")
check "no less is lent than before" [ "$(usage "$dev" lent)" -ge "$before" ]
# up to a pageblock each: of the superblocks, and what does not fill one
check "but for the reserve all is lent ($left bytes left)" [ "$left" -le $(($(persist "$dev" reserved) + (5 << 20))) ]
accounted "given back" "$dev"
out=$(kmemio churned $disk 0 $nr $filled $seed $ops 2 2>&1)
same "all data: $out" $? 0
check "and again, with nothing to give" timeout 100 sh -c "echo 1 >/sys/bus/dax/devices/$dev/persist/give_back"
accounted "given back twice" "$dev"
check "no leaks" leaks
END
check "as the format demands" sb nv0 check
churned=$(sed -n 's/^churned //p' churn.out)
check "the guest said what it did" [ -n "$churned" ]
# shellcheck disable=SC2086
set -- $churned
sb nv0 extract disk >/dev/null
check "all data is on the device" share/kmemio churned disk 0 "$@" 2
rm -f disk

# The power fails while data is on its way. A: combed, and left alone. B: written
# and combed all the time. C: what is acknowledged is written down.
cat >cut.script <<'END'
#!/bin/bash
# ROUND NR FILLED SEED OPS
. /usr/lib/guest/lib.sh
round=$1
dev=$(nv_dax 0)
disk=/dev/kmem0
check "kmem" modprobe kmem
check "to system-ram" to_ram "$dev"
check "the disk" until_true 10 [ -b $disk ]
if [ "$round" = 1 ]; then
	check "after the reboot: all data" kmemio churned $disk 0 "$2" "$3" "$4" "$5" 2
	check "discard of everything" blkdiscard $disk
	follows "discarded" "$dev"
	same "nothing is stored but the superblocks and the root" "$(usage "$dev" stored)" $((513 * 4096))
	between "the rest is RAM, bytes" $((370 << 20)) $((384 << 20)) usage "$dev" lent
else
	[ "$round" != last ] || round=3
	check "A" kmemio combed $disk 0 60000 $((round - 1)) 8
	check "B" kmemio whole $disk 70000 20000
	check "C" kmemio acked $disk 60000 8192 /share/acks
	follows "attached" "$dev"
fi
if [ "$1" = last ]; then
	between "gathered again, percent of what holds no data" 90 100 lent_percent "$dev"
	check "A" kmemio combed $disk 0 60000 2 8
	check "discard of everything" blkdiscard $disk
	follows "discarded" "$dev"
	between "the rest is RAM, bytes" $((370 << 20)) $((384 << 20)) usage "$dev" lent
	check "no leaks" leaks
	the_end
	exit
fi
check "fill A and comb it" eval 'kmemio fill $disk 0 60000 $round && kmemio comb $disk 0 60000 8'
echo writing
last=$(exchanged "$dev" moved)
while :; do
	now=$(exchanged "$dev" moved)
	[ "$now" = "$last" ] || echo "moved $now"
	last=$now
	sleep 0.1
done &
moves() {
	[ "$(exchanged "$dev" moved)" != "$before" ]
}
i=0
while :; do
	i=$((i + 1))
	before=$(exchanged "$dev" moved)
	kmemio fill $disk 70000 20000 $i && kmemio comb $disk 70000 20000 $((i % 4 + 1)) ||
		echo "not ok B"
	# what is scattered now is worth the trouble
	until_true 60 moves || echo "not ok the compactor sleeps: $(persist "$dev" usage)"
done &
exec >/dev/virtio-ports/ack
exec kmemio acks $disk 60000 8192 $((round * 1000000000)) 1
END

: >share/acks
round=1
while [ $round -le 2 ]; do
	acks=$(wc -l <share/acks)
	guest_start cut$round --share share --nvdimm nv0 --second share/acks -- cut.script $round "$@"
	guest_line cut$round '^writing' 200 || break
	check "cut$round: blocks are written" until_matches share/acks '^w ' $((acks + 100)) 100
	check "cut$round: data moves" until_matches cut$round.out '^moved ' $((3 * round)) 100
	guest_cut cut$round
	check "cut$round: as the format demands" sb nv0 check
	sb nv0 extract disk >/dev/null
	check "cut$round: A" share/kmemio combed disk 0 60000 $round 8
	check "cut$round: B" share/kmemio whole disk 70000 20000
	check "cut$round: C" share/kmemio acked disk 60000 8192 share/acks
	rm -f disk
	round=$((round + 1))
done
guest after --share share --nvdimm nv0 -- cut.script last "$@"
check "as the format demands" sb nv0 check
same "two unclean attaches" "$(sb nv0 get primary unclean_count)" 2
finish

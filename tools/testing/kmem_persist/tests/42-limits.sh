# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# What an administrator can set and hear of: reserve, limit, what is kept, the
# low-water mark, the time to wait for space; what is refused, what survives a
# reboot; and what happens when space runs out.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools

# 126 MiB of the device cannot be RAM and are used for storage first
guest first --timeout 380 --nvdimm nv0:384M <<'END'
. /usr/lib/guest/lib.sh
mib=256		# blocks
dev=$(nv_dax 0)
check "a devdax namespace" [ -n "$dev" ]
format_type 1
check "to system-ram" to_ram "$dev"
check "the disk" until_true 10 disk_of "$dev"
disk=/dev/$(disk_of "$dev")
persist=/sys/bus/dax/devices/$dev/persist
kmem=/sys/block/${disk#/dev/}/kmem
follows "empty" "$dev"
capacity=$(usage "$dev" capacity)
pages=$((capacity / 4096))
lent=$(usage "$dev" lent)
nr_blocks=$(($(blockdev --getsize64 "$disk") / 4096))

# defaults
cpus=$(sed 's/.*-//' /sys/devices/system/cpu/possible)
reserved=$((cpus + 1 > 4 ? (cpus + 1) * mib : 4 * mib))
reserved=$((4096 * (reserved < pages / 100 ? reserved : pages / 100)))
same "reserve_bytes" "$(persist "$dev" reserve_bytes)" 0
same "reserved" "$(persist "$dev" reserved)" "$reserved"
same "limit_bytes" "$(persist "$dev" limit_bytes)" 0
same "keep_bytes" "$(persist "$dev" keep_bytes)" 0
same "low_water_bytes" "$(persist "$dev" low_water_bytes)" $((pages / 20 * 4096))
same "space" "$(persist "$dev" space)" ok
same "no_space_timeout" "$(cat "$kmem/no_space_timeout")" 60
same "exchange" "$(cut -d' ' -f1 "$persist/exchange" | tr '\n' ' ')" "taken given busy moved takes take_ns busy_ns give_ns "
same "nothing was moved" "$(exchanged "$dev" moved)" 0
# number WORD: one of the line stat
number() {
	awk -v word="$1" '
		BEGIN { split("mapped meta lost limbo fresh first_writes cow_writes discards moved nospc_events", words) }
		{ for (i in words) if (words[i] == word) print $i }' "$kmem/stat"
}
# pages on their way are nobody's data, and come back when the disk is idle
settled() {
	[ "$(number limbo) $(number fresh)" = "0 0" ]
}
check "stat is ten numbers" grep -qxE '([0-9]+ ){9}[0-9]+' "$kmem/stat"
stat_is_files() {
	same "$1: stat, mapped" "$(number mapped)" "$(cat "$kmem/mapped_bytes")"
	same "$1: stat, meta" "$(number meta)" "$(cat "$kmem/meta_bytes")"
	for word in first_writes cow_writes discards moved nospc_events; do
		same "$1: stat, $word" "$(number $word)" "$(cat "$kmem/$word")"
	done
	check "$1: stat, nothing in limbo" until_true 20 settled
	same "$1: stat, all that is stored" $(($(number mapped) + $(number meta) + $(number lost) + (2 << 20))) "$(usage "$dev" stored)"
}
kmemio fill "$disk" 0 100 1
kmemio fill "$disk" 50 100 1
blkdiscard -o 0 -l $((30 * 4096)) "$disk"
same "mapped blocks" "$(number mapped)" $((120 * 4096))
same "first writes" "$(number first_writes)" 150
same "overwrites" "$(number cow_writes)" 50
stat_is_files "some blocks"
blkdiscard "$disk"

# what is refused
for file in reserve_bytes limit_bytes keep_bytes low_water_bytes; do
	for value in "" abc -1 +1 "1 2" 1x 4096. .5 " 4096" 0x; do
		refused "$file: '$value'" "Invalid argument" "$value" "$persist/$file"
	done
	most=$capacity
	[ $file != reserve_bytes ] || most=$((pages / 2 * 4096))
	for value in 18446744073709551616 20000000T 99999999999999999999999999999999999; do
		refused "$file: $value" "Numerical result out of range" "$value" "$persist/$file"
	done
	for value in $((most + 4096)) $((most + 1)) 18446744073709551615; do
		said_mark
		refused "$file: $value" "Numerical result out of range" "$value" "$persist/$file"
		check "$file: $value: the log has the limit" \
			said "$dev: $file: .* more than the $most bytes that are possible"
	done
done
refused "give_back: x" "Invalid argument" x "$persist/give_back"
check "give_back is for writing" eval '! cat "$persist/give_back" 2>/dev/null'
check "give_back: 0" setting "$dev" give_back 0
refused "space is for reading" "Permission denied" ok "$persist/space"
for value in "" -1 abc 1s; do
	refused "no_space_timeout: '$value'" "Invalid argument" "$value" "$kmem/no_space_timeout"
done
for value in 101 4294967295 4294967296; do
	refused "no_space_timeout: $value" "Numerical result out of range" $value "$kmem/no_space_timeout"
	refused "no_space_timeout of new disks: $value" "Numerical result out of range" $value \
		/sys/module/kmem_blk/parameters/no_space_timeout
done
follows "nothing was set" "$dev"

# what is set, and what of it stays
# the largest atomic write, twice, with all nodes of the map that lead to it
least=$((2 * (256 + 3 + 1) * 4096))
for value in 4096 64K $((least - 4096)); do
	said_mark
	refused "reserve_bytes: $value" "Numerical result out of range" $value "$persist/reserve_bytes"
	check "reserve_bytes: $value: the log has what is needed" \
		said "$dev: reserve_bytes: [0-9]+ is less than the $least bytes that are needed"
done
check "reserve_bytes: $((least - 4095))" setting "$dev" reserve_bytes $((least - 4095))
same "reserve_bytes: whole pages" "$(persist "$dev" reserve_bytes)" $least
same "reserved: at once" "$(persist "$dev" reserved)" $least
check "reserve_bytes: 8M" setting "$dev" reserve_bytes 8M
same "reserved: 8M" "$(persist "$dev" reserved)" 8388608
check "limit_bytes: 300M" setting "$dev" limit_bytes 300M
check "keep_bytes: 100M" setting "$dev" keep_bytes 100M
check "low_water_bytes: 9m" setting "$dev" low_water_bytes 9m
same "low_water_bytes: 9m" "$(persist "$dev" low_water_bytes)" 9437184
accounted "set" "$dev"
check "off and on" eval 'to_dax "$dev" && to_ram "$dev" && until_true 10 [ -b "$disk" ]'
same "reserve_bytes stays" "$(persist "$dev" reserve_bytes)" 8388608
same "reserved stays" "$(persist "$dev" reserved)" 8388608
same "limit_bytes stays" "$(persist "$dev" limit_bytes)" $((300 << 20))
same "keep_bytes does not" "$(persist "$dev" keep_bytes)" 0
same "low_water_bytes does not" "$(persist "$dev" low_water_bytes)" $((pages / 20 * 4096))
check "as at first" eval 'setting "$dev" reserve_bytes 0 && setting "$dev" limit_bytes 0'
same "reserved" "$(persist "$dev" reserved)" "$reserved"
follows "off and on" "$dev"

# what is storage's, used or not
owned() {
	awk '/^(stored|pool|absent) / { n += $2 } END { printf "%.0f\n", n }' "$persist/usage"
}
check "keep 200 MiB" setting "$dev" keep_bytes 200M
between "200 MiB are kept, bytes" $((200 << 20)) $((210 << 20)) owned
check "what is lent is RAM" until_true 10 lent_is_ram "$dev"
accounted "200 MiB kept" "$dev"
taken=$(exchanged "$dev" taken)
check "write 150 MiB" kmemio fill "$disk" 0 $((150 * mib)) 1
same "no RAM was taken for that" "$(exchanged "$dev" taken)" "$taken"
check "write 100 MiB" kmemio fill "$disk" $((150 * mib)) $((100 * mib)) 1
check "now it was" [ "$(exchanged "$dev" taken)" -gt "$taken" ]
check "discard" blkdiscard "$disk"
between "still, 200 MiB are kept, bytes" $((200 << 20)) $((210 << 20)) owned
check "keep everything" setting "$dev" keep_bytes "$capacity"
between "nothing is lent, bytes" 0 0 usage "$dev" lent
same "no RAM" "$(ram_of "$dev")" 0
accounted "everything kept" "$dev"
check "keep nothing" setting "$dev" keep_bytes 0
between "all is lent again, bytes" $((lent - (4 << 20))) "$capacity" usage "$dev" lent
follows "nothing kept" "$dev"

# the limit
# tried NAME BLOCK NOWAIT ERROR FROM TO: how a write ends, and after how many ms
tried() {
	tried_got=$(kmemio try "$disk" "$2" 1 2 "$3")
	if [ "${tried_got% *}" = "$4" ] && [ "${tried_got#* }" -ge "$5" ] && [ "${tried_got#* }" -le "$6" ]; then
		ok "$1 ($tried_got ms)"
	else
		not_ok "$1 ($tried_got ms, not $4 and $5 to $6 ms)"
	fi
}
hole=$((300 * mib))
meta=$(usage "$dev" stored)
check "wait 3 s for space" eval 'echo 3 >"$kmem/no_space_timeout"'
check "limit of 160 MiB" setting "$dev" limit_bytes 160M
n=$(timeout 100 kmemio most "$disk" 0 $((200 * mib)) 1)
# one in 512 pages is for the map
want=$((160 * mib - meta / 4096))
want=$((want - want / 512))
between "so many blocks were written" $((want - 256)) $((want + 16)) echo "$n"
same "there is no space" "$(persist "$dev" space)" none
check "the log says so" said "$dev: out of space with (159|160) MiB stored: writes to new blocks fail until"
between "the limit is reached, bytes" $((159 << 20)) $(((160 << 20) + 65536)) usage "$dev" stored
accounted "at the limit" "$dev"
events=$(cat "$kmem/nospc_events")
check "that was counted" [ "$events" -ge 1 ]
tried "nobody waits in vain a second time" $hole 0 ENOSPC 0 2000
same "it was counted" $(($(cat "$kmem/nospc_events") - events)) 1
tried "who may not wait is told so" $hole 1 EAGAIN 0 2000
check "overwrites of everything" timeout 100 kmemio fill "$disk" 0 "$n" 2
check "are there" kmemio check "$disk" 0 "$n" 2
between "no more is stored, bytes" $((159 << 20)) $(((160 << 20) + 65536)) usage "$dev" stored
accounted "overwritten" "$dev"
check "1 MiB more" setting "$dev" limit_bytes 161M
tried "a write" "$n" 0 ok 0 3000
check "space is low" until_true 5 space_is "$dev" low
n2=$(timeout 100 kmemio most "$disk" "$n" $((200 * mib - n)) 2)
check "most of it is used ($n2 blocks)" [ "$n2" -gt 200 -a "$n2" -le 256 ]
check "2 MiB more" setting "$dev" limit_bytes 163M
tried "a write" $hole 0 ok 0 3000
check "nothing in limbo" until_true 20 settled
check "no more" setting "$dev" limit_bytes "$(usage "$dev" stored)"
tried "it waits for 3 s" $((hole + 1)) 0 ENOSPC 2900 12000
check "2 MiB more" setting "$dev" limit_bytes 165M
tried "a write" $((hole + 1)) 0 ok 0 3000
check "nothing in limbo" until_true 20 settled
check "no more" setting "$dev" limit_bytes "$(usage "$dev" stored)"
check "do not wait" eval 'echo 0 >"$kmem/no_space_timeout"'
tried "it does not wait" $((hole + 2)) 0 ENOSPC 0 2000
accounted "no space" "$dev"
# writers go on by themselves
check "2 MiB more" setting "$dev" limit_bytes $(($(usage "$dev" stored) + (2 << 20)))
tried "a write" $((hole + 2)) 0 ok 0 3000
check "wait for long" eval 'echo 100 >"$kmem/no_space_timeout"'
kmemio fill "$disk" $((310 * mib)) $((20 * mib)) 3 &
writer=$!
# what fits is written, in ever smaller pieces
check "the limit is reached" until_true 60 eval '[ "$(usage "$dev" stored)" -ge "$(persist "$dev" limit_bytes)" ]'
check "the writer waits" until_true 20 grep -q '^State:.*D' "/proc/$writer/status"
tried "who may not wait does not" $((hole + 3)) 1 EAGAIN 0 2000
done=$(number first_writes)
check "a discard of 4 MiB" blkdiscard -o 0 -l $((4 << 20)) "$disk"
check "lets it go on" until_true 60 eval '[ "$(number first_writes)" -ge $((done + 2 * mib)) ]'
check "it waits again" until_true 20 grep -q '^State:.*D' "/proc/$writer/status"
check "no limit" setting "$dev" limit_bytes 0
check "the writer ends well" wait $writer
check "its data" kmemio check "$disk" $((310 * mib)) $((20 * mib)) 3
# a shorter time is one for who waits already, too
check "nothing in limbo" until_true 20 settled
check "no more" setting "$dev" limit_bytes "$(usage "$dev" stored)"
kmemio try "$disk" $((hole + 4)) 1 2 0 >/tmp/try &
writer=$!
check "somebody waits" until_true 20 grep -q '^State:.*D' "/proc/$writer/status"
check "but not for 100 s" eval 'echo 1 >"$kmem/no_space_timeout"'
wait $writer
same "it ends" "$(cut -d' ' -f1 /tmp/try)" ENOSPC
check "soon ($(cat /tmp/try) ms)" [ "$(cut -d' ' -f2 /tmp/try)" -lt 30000 ]
check "no limit" setting "$dev" limit_bytes 0
check "the other data" kmemio check "$disk" $((4 * mib)) $((n - 4 * mib)) 2
follows "no limit" "$dev"

# events: one for each change, of the device and of the disk
check "discard" blkdiscard "$disk"
follows "discarded" "$dev"
tried "a write" 0 0 ok 0 3000
same "space is ok" "$(persist "$dev" space)" ok
uevents KMEM_EVENT >/tmp/events &
listener=$!
check "listening" until_true 10 grep -q listening /tmp/events
# polled NAME: somebody waits for the next change of space
polled() {
	kmemio poll "$persist/space" 200 >/tmp/poll 2>&1 &
	poller=$!
	check "$1: somebody polls" until_true 10 grep -q now /tmp/poll
}
# came NAME OLD NEW EVENT NR: the change, the poller's and everybody's news
came() {
	check "$1: space is $3" until_true 20 space_is "$dev" "$3"
	check "$1: the poller wakes" wait $poller
	same "$1: what it has seen" "$(tr '\n' ' ' </tmp/poll)" "now $2 then $3 "
	check "$1: all events" until_true 10 eval '[ "$(grep -c KMEM_EVENT /tmp/events)" -ge '"$5 ]"
	same "$1: event of the device" "$(grep -cE "^change@[^ ]*/$dev .*KMEM_EVENT=$4 " /tmp/events)" 1
	same "$1: event of the disk" "$(grep -cE "^change@[^ ]*/block/${disk#/dev/} .*KMEM_EVENT=$4 " /tmp/events)" 1
	accounted "$1" "$dev"
}
echo 1 >"$kmem/no_space_timeout"
check "mark of 16 MiB" setting "$dev" low_water_bytes 16M
check "limit of 64 MiB" setting "$dev" limit_bytes 64M
polled "low"
check "write 40 MiB" kmemio fill "$disk" 0 $((40 * mib)) 1
check "that is not low" eval 'space_is "$dev" ok && ! grep -q then /tmp/poll'
check "write 16 MiB" kmemio fill "$disk" $((40 * mib)) $((16 * mib)) 1
came low ok low low_water 2
polled "none"
check "write all that can be written" [ "$(kmemio most "$disk" $((56 * mib)) $((56 * mib)) 1)" -lt $((9 * mib)) ]
came none low none no_space 4
polled "ok"
check "no limit" setting "$dev" limit_bytes 0
came ok none ok space_ok 6
kill $listener
same "no other events" "$(grep -c KMEM_EVENT /tmp/events)" 6
same "all say how much is left" "$(grep -cE 'KMEM_FREE=[0-9]+( |$)' /tmp/events)" 6
same "all say who" "$(grep -c "KMEM_UUID=$(persist "$dev" uuid)" /tmp/events)" 6
check "low: as much as is left" eval '[ "$(sed -n "s/.*low_water KMEM_FREE=\([0-9]*\).*/\1/p" /tmp/events | head -n 1)" -lt 16777216 ]'
# by a discard alone, too, for who only listens
check "limit of 64 MiB" setting "$dev" limit_bytes 64M
check "write all that can be written" [ "$(kmemio most "$disk" 0 $((100 * mib)) 1)" -lt $((65 * mib)) ]
same "there is no space" "$(persist "$dev" space)" none
check "discard" blkdiscard "$disk"
check "space is ok" until_true 20 space_is "$dev" ok
check "no limit" setting "$dev" limit_bytes 0

# a filesystem at the limit
check "mkfs.ext4" mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$disk"
check "mount" mount "$disk" /mnt
check "files" eval 'kmemio fill /mnt/a 0 $((32 * mib)) 1 && kmemio -b fill /mnt/b 0 $((8 * mib)) 1'
sync -f /mnt
follows "files" "$dev"
check "no more than this" setting "$dev" limit_bytes "$(usage "$dev" stored)"
check "direct overwrites" timeout 100 kmemio fill /mnt/a 0 $((32 * mib)) 2
check "buffered overwrites" timeout 100 kmemio -b fill /mnt/b 0 $((8 * mib)) 2
check "no new file" eval '! timeout 100 kmemio fill /mnt/c 0 $((4 * mib)) 2 2>/tmp/err'
check "for lack of space" grep -q 'No space left on device' /tmp/err
check "overwrites go on" timeout 100 kmemio -b fill /mnt/b 0 $((8 * mib)) 3
accounted "filesystem at its limit" "$dev"
check "no limit" setting "$dev" limit_bytes 0
check "a new file" timeout 100 kmemio fill /mnt/c 0 $((4 * mib)) 2
check "umount" umount /mnt
check "e2fsck" e2fsck -fn "$disk"
check "mount" mount "$disk" /mnt
check "all files" eval 'kmemio check /mnt/a 0 $((32 * mib)) 2 && kmemio check /mnt/b 0 $((8 * mib)) 3 && kmemio check /mnt/c 0 $((4 * mib)) 2'
check "umount" umount /mnt
check "discard" blkdiscard "$disk"

# the reserve: everything else is full. RAM is taken for that.
check "wait 10 s for space" eval 'echo 10 >"$kmem/no_space_timeout"'
check "a reserve of 32 MiB" setting "$dev" reserve_bytes 32M
follows "reserve" "$dev"
n=$(timeout 200 kmemio most "$disk" 0 "$nr_blocks" 1)
want=$(((capacity - (32 << 20)) / 4096))
want=$((want - want / 512))
between "so many blocks were written" $((want - 1024)) $((want + 16)) echo "$n"
same "there is no space" "$(persist "$dev" space)" none
between "the reserve was left alone, bytes" $((31 << 20)) $((34 << 20)) not_lent_of "$dev"
between "RAM that is left, bytes" 0 $((2 << 20)) usage "$dev" lent
accounted "full" "$dev"
check "overwrites of everything" timeout 200 kmemio fill "$disk" 0 "$n" 2
tried "there is no space for others" "$n" 0 ENOSPC 0 3000
tried "who may not wait is told so" "$n" 1 EAGAIN 0 2000
check "all of it is there" kmemio check "$disk" 0 "$n" 2
accounted "overwritten" "$dev"
check "the usual reserve" setting "$dev" reserve_bytes 0
same "now all blocks can be written" "$(timeout 200 kmemio most "$disk" "$n" $((nr_blocks - n)) 2)" $((nr_blocks - n))
between "but for the reserve, all is used, bytes" 1 $((reserved + (2 << 20))) not_lent_of "$dev"
check "overwrites of everything" timeout 200 kmemio fill "$disk" 0 "$nr_blocks" 3
check "all of it is there" kmemio check "$disk" 0 "$nr_blocks" 3
accounted "really full" "$dev"
check "discard" blkdiscard "$disk"
follows "discarded" "$dev"
between "all is RAM again, bytes" $((lent - (4 << 20))) "$capacity" usage "$dev" lent

# the same with a filesystem: its metadata and its journal must not fail
check "mkfs.ext4" mkfs.ext4 -q -m 0 -E lazy_itable_init=0,lazy_journal_init=0 "$disk"
check "mount" mount -o discard "$disk" /mnt
check "a file" kmemio -b fill /mnt/a 0 $((16 * mib)) 1
sync -f /mnt
check "a reserve of 96 MiB" setting "$dev" reserve_bytes 96M
said_mark
n=$(timeout 200 kmemio most /mnt/big 0 "$nr_blocks" 1)
check "a file as large as possible ($n blocks)" [ "$n" -gt $((200 * mib)) ]
same "there is no space" "$(persist "$dev" space)" none
between "the filesystem believes that there is, kB" 32768 $((capacity / 1024)) eval "df -k /mnt | awk 'END { print \$4 }'"
check "200 empty files, with names for them" eval 'mkdir /mnt/d && for i in $(seq 200); do : >/mnt/d/file.$i; done && sync -f /mnt'
check "overwrites, buffered" timeout 100 kmemio -b fill /mnt/a 0 $((16 * mib)) 2
check "overwrites, direct" timeout 100 kmemio fill /mnt/big 0 $((16 * mib)) 2
check "renames" eval 'mv /mnt/d /mnt/e && sync -f /mnt'
accounted "filesystem full" "$dev"
check "nothing failed" eval '! dmesg | tail -n +$((said_from + 1)) | grep -E "EXT4-fs (error|warning)|I/O error|JBD2|Remounting"'
check "a file goes" eval 'rm /mnt/big && sync -f /mnt'
check "a new one" timeout 100 kmemio -b fill /mnt/c 0 $((16 * mib)) 3
check "umount" umount /mnt
check "e2fsck" e2fsck -fn "$disk"
check "mount" mount "$disk" /mnt
check "all files" eval 'kmemio check /mnt/a 0 $((16 * mib)) 2 && kmemio check /mnt/c 0 $((16 * mib)) 3'
same "with names" "$(ls /mnt/e | wc -l)" 200
check "umount" umount /mnt
check "discard" blkdiscard "$disk"
check "the usual reserve" setting "$dev" reserve_bytes 0
follows "discarded again" "$dev"

# for the next boot
check "some data" kmemio fill "$disk" 0 $((8 * mib)) 9
check "reserve" setting "$dev" reserve_bytes 6M
check "limit" setting "$dev" limit_bytes 14M
check "keep" setting "$dev" keep_bytes 20M
accounted "the end" "$dev"
check "no leaks" leaks
END
check "as the format demands" sb nv0 check
same "the superblock has the reserve" "$(sb nv0 get primary reserve_bytes)" $((6 << 20))
same "the superblock has the limit" "$(sb nv0 get primary limit_bytes)" $((14 << 20))
same "the backup has the limit" "$(sb nv0 get backup limit_bytes)" $((14 << 20))
# a kernel that did not mind
sb nv0 set both reserve_bytes=65536

guest second --nvdimm nv0 <<'END'
. /usr/lib/guest/lib.sh
mib=256
dev=$(nv_dax 0)
dax=/sys/bus/dax/devices/$dev
check "kmem" modprobe kmem
check "to system-ram" to_ram "$dev"
check "the disk" until_true 10 [ -b /dev/kmem0 ]
least=$((2 * (256 + 3 + 1) * 4096))
same "a reserve that is too small" "$(persist "$dev" reserve_bytes)" 65536
same "is not used" "$(persist "$dev" reserved)" $least
check "the log says so" \
	said "$dev: the reserve of 65536 bytes, as it was set, is too small: $least are used, set it anew"
same "limit_bytes" "$(persist "$dev" limit_bytes)" $((14 << 20))
same "keep_bytes" "$(persist "$dev" keep_bytes)" 0
check "data" kmemio check /dev/kmem0 0 $((8 * mib)) 9
check "reserve_bytes: set anew" setting "$dev" reserve_bytes 6M
same "reserved" "$(persist "$dev" reserved)" $((6 << 20))
echo 1 >/sys/block/kmem0/kmem/no_space_timeout
n=$(timeout 60 kmemio most /dev/kmem0 $((8 * mib)) $((8 * mib)) 9)
check "the limit holds ($n blocks)" [ "$n" -gt $((3 * mib)) -a "$n" -le $((4 * mib)) ]
check "overwrites" kmemio fill /dev/kmem0 0 $((8 * mib + n)) 10
follows "at the limit" "$dev"

# nothing can be set when there is nobody to keep it
file=$(modinfo -n kmem_blk)
check "unplug" eval 'echo unplugged >$dax/state'
check "the plugin goes" eval 'modprobe -r kmem_blk && mv $file $file.away'
check "plug" eval 'echo online_movable >$dax/state'
same "held" "$(persist "$dev" state)" held
for f in reserve_bytes limit_bytes keep_bytes low_water_bytes; do
	said_mark
	refused "held: $f" "No such device" 8M "$dax/persist/$f"
	check "held: $f: the log says why" said "$dev: settings are refused while the device is not active"
done
refused "held: give_back" "No such device" 1 "$dax/persist/give_back"
accounted "held" "$dev"
mv "$file.away" "$file"
check "the plugin comes" modprobe kmem_blk
check "active" until_true 20 eval '[ "$(persist "$dev" state)" = active ]'
same "limit_bytes is as it was" "$(persist "$dev" limit_bytes)" $((14 << 20))
check "no limit" setting "$dev" limit_bytes 0
check "no reserve of its own" setting "$dev" reserve_bytes 0
check "data" kmemio check /dev/kmem0 0 $((8 * mib)) 10
follows "active again" "$dev"
check "no leaks" leaks
END
check "as the format demands" sb nv0 check
same "the superblock has no limit" "$(sb nv0 get primary limit_bytes)" 0
finish

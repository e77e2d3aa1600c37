# SPDX-License-Identifier: GPL-2.0
# Part of tests/06-tool.sh: attaching, detaching and what they decide, with a folder for a
# root and a script for a kernel (kernel.sh). Needs $build and $uuid; "runs" and "says" are
# about the tool that is linked with that.

FAKE=$PWD/fake
SYSFS_PATH=$FAKE/sys
PROC_PATH=$FAKE/proc
KMEM_PERSIST_ROOT=$FAKE/root
FAKE_KERNEL=$KP_DIR/tool/kernel.sh
at_path=$PATH
at_kp=$kp
at_ns=aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee
export FAKE SYSFS_PATH PROC_PATH KMEM_PERSIST_ROOT FAKE_KERNEL

# machine: a new one, with device_dax and a kmem that knows
machine() {
	rm -rf "$FAKE"
	mkdir -p "$FAKE/bin" "$FAKE/data" "$FAKE/uuid" "$SYSFS_PATH/bus/dax/devices" \
		"$SYSFS_PATH/bus/dax/drivers/device_dax" "$SYSFS_PATH/bus/dax/drivers/kmem" \
		"$PROC_PATH" "$KMEM_PERSIST_ROOT/dev" "$KMEM_PERSIST_ROOT/run" "$KMEM_PERSIST_ROOT/etc"
	put "$SYSFS_PATH/module/kmem/parameters" persist_accept=
	put "$SYSFS_PATH/devices/system/memory" block_size_bytes=8000000
	for at_m in 8 9; do
		put "$SYSFS_PATH/devices/system/memory/memory$at_m" state=offline valid_zones=Movable
	done
	put "$PROC_PATH" 'cmdline=ro quiet'
	put "$FAKE" policy=online_movable zone=Movable
	: >"$FAKE/log"
	: >"$SYSFS_PATH/ids"
	: >"$KMEM_PERSIST_ROOT/dev/kmsg"
	program modprobe 'case "$*" in kmem) exit "$(cat "$FAKE/modprobe" 2>/dev/null || echo 0)" ;; esac'
	# nothing of this is for the machine that the test runs on
	program blkid 'exit 2'
	for at_m in modinfo ndctl mkfs.ext4 mount; do
		program $at_m 'exit 1'
	done
}

# program NAME TEXT: in PATH; what is run is in "ran"
program() {
	printf '#!/bin/sh\necho "%s $*" >>"$FAKE/ran"\n%s\n' "$1" "$2" >"$FAKE/bin/$1"
	chmod 755 "$FAKE/bin/$1"
}

# device NAME FOUND UUID DATA: a DAX device of a namespace, which device_dax has. FOUND is
# what the kernel says, or "-" for one that does not.
device() {
	at_real=$SYSFS_PATH/devices/nd/${1%.*}/$1
	put "$at_real" size=268435456 resource=0x40000000 persist_format=-1 persist_accept= numa_node=0
	[ "$2" = - ] || put "$at_real" "persist_found=$2"
	put "$at_real/.." namespace=namespace0.0 uuid="$at_ns"
	ln -sfn "../../../devices/nd/${1%.*}/$1" "$SYSFS_PATH/bus/dax/devices/$1"
	ln -sfn ../../../bus/dax/drivers/device_dax "$at_real/driver"
	echo "$3" >"$FAKE/uuid/$1"
	[ -z "$4" ] || echo "$4" >"$FAKE/data/$1"
	: >"$KMEM_PERSIST_ROOT/dev/$1"
}

# one FOUND DATA: a machine with one device
one() {
	machine
	device dax0.0 "$1" "$uuid" "$2"
}

driver_is() {
	same "attach: $1: driver" "$(basename "$(readlink "$SYSFS_PATH/bus/dax/devices/dax0.0/driver")")" "$2"
}
no_id() {
	check "attach: $1: no id is left" [ ! -s "$SYSFS_PATH/ids" ]
}
# written NAME WANTED: what the kernel was told, of the drivers
written() {
	same "attach: $1: what is written" \
		"$(sed -n 's,^bus/dax/drivers/,,p' "$FAKE/log" | tr '\n' ';')" "$2"
}

kp=$build/fake/kmem-persist
PATH=$FAKE/bin:$at_path

# what the kernel takes for its own
one "data blk $uuid" active
check "attach: check" says 0 'dax0.0: to be attached' attach --check dax0.0
written "check" ""
check "attach" says 0 'dax0.0: active, kmem0, 1022 MiB of RAM$' attach dax0.0
written "attach" "kmem/new_id dax0.0;device_dax/unbind dax0.0;kmem/bind dax0.0;kmem/remove_id dax0.0;"
driver_is attach kmem
no_id attach
check "attach: its modules" cmp "$FAKE/ran" - <<-END
	modprobe kmem
	modprobe -q kmem_blk
END
same "attach: and stays so without power" "$(sed "s,^$KMEM_PERSIST_ROOT/etc/kmem-persist,,; s,$uuid.*,UUID," "$FAKE/synced" | tr '\n' ' ')" \
	"/known/UUID /known  "
check "attach: it is known from now on" grep -qx "namespace = $at_ns" "$KMEM_PERSIST_ROOT/etc/kmem-persist/known/$uuid"
: >"$FAKE/log"
check "attach: again" says 0 'active' attach dax0.0
check "attach: again: check" runs 0 attach --check dax0.0
check "attach: JSON" json 0 attach /dev/dax0.0
same "attach: JSON: result" "$(jq -r '.devices[0] | "\(.name) \(.result)"' out)" "dax0.0 attached"
check "attach: again: nothing is written" [ ! -s "$FAKE/log" ]
check "may-bind: in use" says 1 'its data is in use' may-bind dax0.0

# memory: where the policy is to leave it offline, and where it goes to another zone
one "data blk $uuid" active
put "$FAKE" policy=offline
check "attach: policy offline" says 0 'active, kmem0, 1022 MiB of RAM$' attach dax0.0
same "attach: policy offline: its blocks" "$(cat "$SYSFS_PATH"/devices/system/memory/memory[89]/state)" "online
online"
put "$SYSFS_PATH/devices/system/memory/memory8" state=offline
check "attach: an event comes again" runs 0 attach dax0.0
same "attach: what somebody takes offline stays so" "$(cat "$SYSFS_PATH/devices/system/memory/memory8/state")" offline
one "data blk $uuid" active
put "$FAKE" zone=Normal
check "attach: another zone" says 0 '2 of 2 memory blocks are not in ZONE_MOVABLE' attach dax0.0
one "data blk $uuid" active
put "$FAKE" policy=offline
echo "state 16" >"$FAKE/fail"
check "attach: a block that stays offline" says 0 '1 of 2 memory blocks stay offline' attach dax0.0

# nothing to do, and nothing done
one none ""
check "attach: nothing on it" says 1 'there is no data on it' attach dax0.0
check "attach: nothing on it: check" runs 1 attach --check dax0.0
check "may-bind: nothing on it" runs 0 may-bind dax0.0
check "may-bind: as systemd says it" runs 0 may-bind dev/dax0.0
one unaccepted ""
check "attach: not accepted" says 1 'would make plain memory of it' attach dax0.0
check "may-bind: not accepted" runs 1 may-bind dax0.0
one "held superblock" "held no good superblock"
rm "$SYSFS_PATH/devices/nd/dax0/dax0.0/persist_format"
check "attach: a kernel that does not know" says 1 'does not know persistent data' attach dax0.0
check "attach: a kernel that does not know: check" runs 1 attach --check dax0.0
check "may-bind: a kernel that does not know" runs 1 may-bind dax0.0
for at_found in '' 'unknown' 'data blk' 'data blk nonsense' 'data blk x y' 'held' 'later'; do
	one "$at_found" active
	[ "$at_found" = held ] || check "attach: found '$at_found'" says 255 'nobody can tell' attach --check dax0.0
	check "may-bind: found '$at_found'" runs 1 may-bind dax0.0
	check "attach: found '$at_found': nothing is written" [ ! -s "$FAKE/log" ]
done
one unknown active
program modprobe '[ "$*" != "-q kmem" ] || echo "data blk '"$uuid"'" >"$SYSFS_PATH/bus/dax/devices/dax0.0/persist_found"'
check "attach: nobody knows before kmem is loaded" says 0 'active' attach dax0.0
check "attach: no such device" says 1 'no such device' attach dax7.0
check "attach: no such device: check" says 255 'no such device' attach --check dax7.0
check "may-bind: no such device" says 8 'no such device' may-bind dax7.0
for at_name in dax0 dax0.0x dax00.0 ../dax0.0 /dev/../dax0.0 '' dax0.0/persist dax99999999999.0; do
	check "attach: '$at_name' is no name" runs 16 attach "$at_name"
	check "attach: '$at_name' is no name: check" runs 255 attach --check "$at_name"
done
check "attach: no device" runs 16 attach
check "attach: check: nothing of it is an answer" runs 255 attach --check --no-such dax0.0
check "attach: all and one" runs 16 attach --all dax0.0
check "attach: all and auto" runs 16 attach --all --auto
check "attach: takes no part" runs 16 attach --offset 4096 dax0.0

# what somebody wants
# wants NAME STATUS REGEX: of "attach --check"
wants() {
	check "attach: $1" says "$2" "$3" attach --check dax0.0
	check "attach: $1: nothing is written" [ ! -s "$FAKE/log" ]
}
conf() {
	printf '%b\n' "$@" >"$KMEM_PERSIST_ROOT/etc/kmem-persist.conf"
}
one "data blk $uuid" active
conf '# attach = none' ' attach = all # and more'
wants "conf: all" 0 'to be attached'
conf 'attach = none'
wants "conf: none" 1 'kmem-persist.conf says so'
conf 'attach=known'
wants "conf: known, and it is not" 1 'never attached here'
mkdir -p "$KMEM_PERSIST_ROOT/etc/kmem-persist/known"
: >"$KMEM_PERSIST_ROOT/etc/kmem-persist/known/$uuid"
wants "conf: known" 0 'to be attached'
conf 'attach = all' "[$uuid]" 'attach = no'
wants "conf: not this one" 1 'kmem-persist.conf says so'
conf 'attach = all' "[11111111-2222-4333-8444-555555555555]" 'attach = no'
wants "conf: not another one" 0 'to be attached'
conf 'attach = none' "[$uuid]" 'attach = yes'
wants "conf: none is none" 1 'kmem-persist.conf says so'
for at_line in 'attach = some' 'attach' 'attach=' 'detach = all' '[x]' "[$uuid" "[$uuid] x" "[$uuid]\\nattach = known"; do
	conf "$at_line"
	wants "conf: $(printf '%b' "$at_line" | tr '\n' ' ')" 255 'kmem-persist.conf: line [12] is wrong'
done
rm "$KMEM_PERSIST_ROOT/etc/kmem-persist.conf"
mkdir "$KMEM_PERSIST_ROOT/etc/kmem-persist.conf"
wants "conf: cannot be read" 255 'cannot be read'
rmdir "$KMEM_PERSIST_ROOT/etc/kmem-persist.conf"
put "$PROC_PATH" 'cmdline=ro kmem_persist.attach=0 quiet'
wants "command line" 1 'kmem_persist.attach=0 is on the command line'
put "$PROC_PATH" 'cmdline=ro kmem_persist.attach=01 quiet'
wants "command line: something else" 0 'to be attached'
conf 'attach = none'
check "attach: an event is" says 1 'kmem-persist.conf says so' attach --auto dax0.0
check "attach: who names it is not asked" says 0 'active' attach dax0.0

# known by its namespace, where the UUID cannot be told
one "held superblock" "held no good superblock"
conf 'attach = known'
wants "conf: known: held" 1 'never attached here'
mkdir -p "$KMEM_PERSIST_ROOT/etc/kmem-persist/known"
printf 'namespace = %s\n' "$at_ns" >"$KMEM_PERSIST_ROOT/etc/kmem-persist/known/11111111-2222-4333-8444-555555555555"
wants "conf: known: held, by its namespace" 0 'held: superblock'

# held, and not bound at all
: >"$FAKE/log"
check "attach: held: an event does not bind it" says 1 "held: superblock; it is left as it is until 'kmem-persist attach dax0.0'" attach --auto dax0.0
check "attach: held: all does not, either" says 1 'held: superblock' attach --all
check "attach: held: check lets the unit fail" runs 0 attach --auto --check dax0.0
driver_is "held: an event" device_dax
check "attach: held: nothing is written" [ ! -s "$FAKE/log" ]
for at_word in foreign:'adopt.*wipe' lost:'no good superblock' platform:'memory encryption'; do
	put "$SYSFS_PATH/bus/dax/devices/dax0.0" "persist_found=held ${at_word%%:*}"
	check "attach: held: ${at_word%%:*}: says what that is" says 1 "held: .*${at_word#*:}" attach --auto dax0.0
done
conf 'attach = none'
check "attach: held, and nobody wants any" says 1 'it is not to be attached' attach --auto dax0.0
conf 'attach = all'
check "attach: held" says 1 'dax0.0: held: no good superblock' attach dax0.0
driver_is held kmem
no_id held
check "attach: held: it is known" grep -qx "uuid = $uuid" "$KMEM_PERSIST_ROOT/etc/kmem-persist/known/$uuid"
check "attach: held: check lets the unit fail" runs 0 attach --check dax0.0
check "attach: held: again" says 1 'held: no good superblock' attach dax0.0
one "data blk $uuid" "refused the kernel does not want it"
check "attach: refused" says 1 'could not be attached: Operation not permitted: the kernel does not want it' attach dax0.0
driver_is refused device_dax
no_id refused
check "attach: refused: it is known" [ -e "$KMEM_PERSIST_ROOT/etc/kmem-persist/known/$uuid" ]
check "attach: refused: nothing is begun" [ ! -s "$KMEM_PERSIST_ROOT/run/kmem-persist/dax0.0" ]
# the kernel says why, and nobody who writes to its log
one "data blk $uuid" ""
printf 'refused by\033itself\n' >"$FAKE/data/dax0.0"
printf '12,1,1,-;kmem dax0.0: wrong: nothing of a device\n' >"$FAKE/forged"
check "attach: refused: not by others" says 1 'could not be attached: Operation not permitted: by.itself$' attach dax0.0
check "attach: refused: no escape comes through" sh -c '! grep -q "$(printf "\033")" err'
# another device comes with its name, after the first was looked at
one "data blk $uuid" active
program modprobe 'case "$*" in kmem) mv "$SYSFS_PATH/devices/nd/dax0/dax0.0" "$FAKE/gone"; cp -a "$FAKE/gone" "$SYSFS_PATH/devices/nd/dax0/dax0.0" ;; esac'
rm -f "$KMEM_PERSIST_ROOT/etc/kmem-persist/known/$uuid"
check "attach: another device" says 1 'could not be attached: another device has come with its name' attach dax0.0
check "attach: another device: it is not known" [ ! -e "$KMEM_PERSIST_ROOT/etc/kmem-persist/known/$uuid" ]
written "another device" ""
driver_is "another device" device_dax
one "data blk $uuid" active
: >"$FAKE/swap"
check "attach: another device, while it is attached" says 1 'another device has come' attach dax0.0
written "another device, while it is attached" "kmem/new_id dax0.0;kmem/remove_id dax0.0;"
driver_is "another device, while it is attached" device_dax
one "data blk $uuid" active
echo "unbind 16" >"$FAKE/fail"
check "attach: device_dax keeps it" says 1 'could not be attached: Device or resource busy' attach dax0.0
driver_is "device_dax keeps it" device_dax
no_id "device_dax keeps it"
one "data blk $uuid" active
echo "new_id 12" >"$FAKE/fail"
check "attach: no memory for the id" says 1 'could not be attached: Cannot allocate memory' attach dax0.0
driver_is "no memory for the id" device_dax
one "data blk $uuid" active
echo "bind 11" >"$FAKE/fail"
check "attach: not ready to be probed" says 0 'active' attach dax0.0
one "data blk $uuid" ""
check "attach: it becomes plain all the same" says 1 'kmem has it, but not its data' attach dax0.0

# the driver
one "data blk $uuid" active
rm "$SYSFS_PATH/module/kmem/parameters/persist_accept"
check "attach: kmem of another kernel" says 1 'of another kernel, which would destroy the data' attach dax0.0
written "kmem of another kernel" ""
echo 1 >"$FAKE/modprobe"
check "attach: kmem is not loaded" says 1 'kmem cannot be loaded .modprobe ended with 1.' attach dax0.0
rm "$FAKE/bin/modprobe"
PATH=$FAKE/bin
at_rc=0
"$kp" attach dax0.0 >out 2>&1 || at_rc=$?
PATH=$FAKE/bin:$at_path
same "attach: there is no modprobe" "$at_rc $(grep -c 'modprobe ended with 127' out)" "1 1"
one "data blk $uuid" active
rm "$SYSFS_PATH/devices/nd/dax0/dax0.0/driver"
check "attach: no driver has it" says 0 'active' attach dax0.0
written "no driver has it" "device_dax/bind dax0.0;kmem/new_id dax0.0;device_dax/unbind dax0.0;kmem/bind dax0.0;kmem/remove_id dax0.0;"

one "data blk $uuid" active
ln -sfn ../../../bus/dax/drivers/fsdev_dax "$SYSFS_PATH/devices/nd/dax0/dax0.0/driver"
check "attach: another driver has it" says 1 'driver fsdev_dax has it' attach dax0.0
written "another driver has it" ""

# somebody uses it
one "data blk $uuid" active
mkdir -p "$PROC_PATH/4711/fd" "$PROC_PATH/4712/fd"
ln -s "$KMEM_PERSIST_ROOT/dev/dax0.0" "$PROC_PATH/4711/fd/7"
put "$PROC_PATH/4711" 'comm=my\033db' maps=
mkfifo "$FAKE/wait"
put "$PROC_PATH/4712" comm=other 'maps=00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/x'
check "attach: open" says 1 'somebody uses it: dax0.0 open: my.db .4711.$' attach dax0.0
check "attach: open: no escape comes through" sh -c '! grep -q "$(printf "\033")" err'
written "open" ""
rm "$PROC_PATH/4711/fd/7"
at_stat=$(stat -c '%Hd:%Ld %i' "$KMEM_PERSIST_ROOT/dev/dax0.0")
put "$PROC_PATH/4712" "maps=00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/x\n7f0000000000-7f0000200000 rw-s 00000000 $(printf '%02x:%02x' "${at_stat%%:*}" "$(echo "$at_stat" | sed 's/.*:\([0-9]*\) .*/\1/')") ${at_stat##* } /dev/x"
check "attach: mapped" says 1 'somebody uses it: dax0.0 mapped: other .4712.$' attach dax0.0
# nobody who may not open it is in the way: not with a file of that name
: >"$FAKE/own"
mkdir "$PROC_PATH/4712/map_files"
ln -sfn "$FAKE/own" "$PROC_PATH/4712/map_files/400000-600000"
put "$PROC_PATH/4712" 'maps=00400000-00600000 rw-s 00000000 00:31 99 /home/me/dax0.0'
written "mapped" ""
check "attach: a file of that name is mapped" says 0 'active' attach dax0.0
check "attach: a file of that name is mapped: and back" runs 0 detach dax0.0
# the node is another one, or gone: what it was is behind the mapping
ln -sfn "$KMEM_PERSIST_ROOT/dev/dax0.0" "$PROC_PATH/4712/map_files/400000-600000"
put "$PROC_PATH/4712" 'maps=00400000-00600000 rw-s 00000000 00:05 99 /gone (deleted)'
check "attach: mapped, and the node is gone" says 1 'somebody uses it: dax0.0 mapped: other .4712.$' attach dax0.0
rm -r "$PROC_PATH/4712"
# nor with its path alone
perl -e 'sysopen(my $f, $ARGV[0], 0x200000) or die; $| = 1; print "open\n"; <STDIN>' "$KMEM_PERSIST_ROOT/dev/dax0.0" <"$FAKE/wait" >"$FAKE/opened" &
at_pid=$!
exec 7>"$FAKE/wait"
until [ -s "$FAKE/opened" ]; do kill -0 $at_pid; done
ln -s "/proc/$at_pid" "$PROC_PATH/$at_pid"
check "attach: a path of it is no use" says 0 'active' attach dax0.0
check "attach: a path of it is no use: and back" runs 0 detach dax0.0
exec 7>&-
wait $at_pid
rm "$PROC_PATH/$at_pid" "$FAKE/opened"
perl -e 'open(my $f, "<", $ARGV[0]) or die; $| = 1; print "open\n"; <STDIN>' "$KMEM_PERSIST_ROOT/dev/dax0.0" <"$FAKE/wait" >"$FAKE/opened" &
at_pid=$!
exec 7>"$FAKE/wait"
until [ -s "$FAKE/opened" ]; do kill -0 $at_pid; done
ln -s "/proc/$at_pid" "$PROC_PATH/$at_pid"
check "attach: open, of a process" says 1 "somebody uses it: dax0.0 open: perl .$at_pid." attach dax0.0
exec 7>&-
wait $at_pid
rm "$PROC_PATH/$at_pid" "$FAKE/wait"
flock "$KMEM_PERSIST_ROOT/dev/dax0.0" "$kp" attach dax0.0 >out 2>&1 && not_ok "attach: locked" ||
	check "attach: locked, as check and repair do" grep -q 'dax0.0 locked: by a process' out
driver_is locked device_dax
check "attach: nobody uses it" says 0 'active' attach dax0.0

# two at once: one attaches, both find it attached
one "data blk $uuid" active
"$kp" attach dax0.0 >out.1 2>&1 &
at_pid=$!
at_rc=0
"$kp" attach dax0.0 >out.2 2>&1 || at_rc=$?
at_rc2=0
wait $at_pid || at_rc2=$?
same "attach: two at once" "$at_rc $at_rc2 $(grep -c 'kmem/bind' "$FAKE/log")" "0 0 1"

# a format that somebody has asked for
one none active
echo "1 label=x" >"$SYSFS_PATH/bus/dax/devices/dax0.0/persist_format"
check "attach: a format was asked for: not without being named" runs 1 attach --check dax0.0
check "attach: a format was asked for" says 0 'active' attach dax0.0

# killed after each thing that the kernel was told, the next one brings it to an end
at_step=1
while [ $at_step -le 8 ]; do
	one "data blk $uuid" active
	put "$FAKE" policy=offline kill=$at_step
	at_rc=0
	"$kp" attach dax0.0 >out 2>&1 || at_rc=$?
	[ $at_rc -ne 0 ] || break
	same "attach: killed after $at_step" $at_rc 137
	rm "$FAKE/kill"
	check "attach: killed after $at_step: the next one" says 0 'active' attach dax0.0
	no_id "killed after $at_step"
	driver_is "killed after $at_step" kmem
	same "attach: killed after $at_step: its memory" "$(sort -u "$SYSFS_PATH"/devices/system/memory/memory[89]/state)" online
	at_step=$((at_step + 1))
done
same "attach: so many things were told" $((at_step - 1)) 6

# all that are there
machine
device dax0.0 "data blk $uuid" "$uuid" active
device dax1.0 none "" ""
device dax10.0 "held superblock" "" "held no good superblock"
conf 'attach = all'
at_rc=0
"$kp" attach --all >out 2>err || at_rc=$?
same "attach: all" "$at_rc $(wc -l <out) $(cat err)" "1 2 kmem-persist: dax10.0: held: superblock; it is left as it is until 'kmem-persist attach dax10.0'"
check "attach: all: the good one" grep -q '^dax0.0: active' out
echo "data blk 11111111-2222-4333-8444-555555555555" >"$SYSFS_PATH/bus/dax/devices/dax10.0/persist_found"
conf 'attach = none'
rm -rf "$SYSFS_PATH/bus/dax/devices/dax10.0/persist" "$SYSFS_PATH/bus/dax/devices/dax10.0/driver"
ln -s ../../../bus/dax/drivers/device_dax "$SYSFS_PATH/bus/dax/devices/dax10.0/driver"
check "attach: all: not those that nobody wants" says 0 'dax10.0: it is not to be attached' attach --all
machine
check "attach: all of none" says 0 'no DAX devices' attach --all

# a kernel that does not say what it finds: nobody guesses, but for plain RAM
# media NAME STATUS: of "may-bind", for dax0.0 as it is
media() {
	check "may-bind: superblocks: $1" runs "$2" may-bind dax0.0
	check "attach: superblocks: $1" says 255 'nobody can tell .*does not say' attach --check dax0.0
	check "attach: superblocks: $1: by its name, too" says 1 'nobody can tell .*does not say' attach dax0.0
	driver_is "superblocks: $1" device_dax
}
one - active
truncate -s 8M "$KMEM_PERSIST_ROOT/dev/dax0.0"
media none 0
"$at_kp" format "$KMEM_PERSIST_ROOT/dev/dax0.0" --uuid "$uuid" >/dev/null
"$at_kp" adopt --yes --ns-uuid "$at_ns" "$KMEM_PERSIST_ROOT/dev/dax0.0" >/dev/null
media "of this namespace" 1
"$at_kp" adopt --yes --ns-uuid 11111111-2222-4333-8444-555555555555 "$KMEM_PERSIST_ROOT/dev/dax0.0" >/dev/null
media "of another namespace" 1
for at_page in 0 1 510 511; do
	printf 'xxxxxxxx' | dd of="$KMEM_PERSIST_ROOT/dev/dax0.0" bs=1 seek=$((at_page * 4096 + 100)) conv=notrunc status=none
done
media "all damaged" 1
rm "$KMEM_PERSIST_ROOT/dev/dax0.0"
media "it cannot be opened" 1
: >"$KMEM_PERSIST_ROOT/dev/dax0.0"
rm "$SYSFS_PATH/devices/nd/dax0/dax0.0/driver"
mv "$SYSFS_PATH/bus/dax/drivers/device_dax" "$FAKE"
check "may-bind: superblocks: no driver, and none comes" runs 1 may-bind dax0.0
mv "$FAKE/device_dax" "$SYSFS_PATH/bus/dax/drivers"

# detach
one "data blk $uuid" active
check "detach: not attached" says 8 'is not attached' detach dax0.0
runs 0 attach dax0.0
mkdir -p "$PROC_PATH/self" "$SYSFS_PATH/bus/dax/devices/dax0.0/block/kmem0/kmem0p1"
put "$SYSFS_PATH/bus/dax/devices/dax0.0/block/kmem0" dev=259:0
put "$PROC_PATH/self" 'mountinfo=36 25 259:0 / /mnt/a rw - ext4 /dev/other rw'
put "$PROC_PATH" 'swaps=Filename Type\n/dev/kmem0p1 partition 1 0 -2'
check "detach: in use" says 8 'is in use: kmem0 mount: /mnt/a, kmem0p1 swap: /dev/kmem0p1' detach dax0.0
rm "$PROC_PATH/self/mountinfo" "$PROC_PATH/swaps"
: >"$KMEM_PERSIST_ROOT/dev/kmem0p1"
mkdir -p "$PROC_PATH/4711/fd"
ln -s "$KMEM_PERSIST_ROOT/dev/kmem0p1" "$PROC_PATH/4711/fd/7"
put "$PROC_PATH/4711" comm=db maps=
check "detach: a partition is open" says 8 'is in use: kmem0p1 open: db .4711.' detach dax0.0
rm -r "$PROC_PATH/4711"
: >"$FAKE/busy"
check "detach: the kernel says no" says 8 'stays attached: Device or resource busy: disk is in use' detach dax0.0
driver_is "detach: the kernel says no" kmem
check "detach: the kernel says no: it is not remembered" runs 0 attach --check dax0.0
rm "$FAKE/busy"
: >"$FAKE/log"
check "detach" says 0 'dax0.0: detached' detach dax0.0
same "detach: what is written" "$(tr '\n' ';' <"$FAKE/log")" \
	"bus/dax/devices/dax0.0/state unplugged;bus/dax/drivers/kmem/unbind dax0.0;bus/dax/drivers/device_dax/bind dax0.0;"
driver_is detach device_dax
wants_detached() {
	check "detach: $1" says 1 'somebody has detached it' attach --check dax0.0
}
wants_detached "an event does not attach it"
check "detach: nor all" says 0 'somebody has detached it' attach --all
# another device with its name
mv "$SYSFS_PATH/devices/nd/dax0/dax0.0" "$SYSFS_PATH/devices/nd/dax0/gone"
device dax0.0 "data blk $uuid" "$uuid" active
check "detach: that was about this device" runs 0 attach --check dax0.0
rm -r "$SYSFS_PATH/devices/nd/dax0/dax0.0"
mv "$SYSFS_PATH/devices/nd/dax0/gone" "$SYSFS_PATH/devices/nd/dax0/dax0.0"
wants_detached "about this one it still is"
check "detach: who names it attaches it" says 0 active attach dax0.0
check "detach: and it is forgotten" runs 0 attach --check dax0.0
for at_step in 1 2 3; do
	: >"$FAKE/log"
	echo "$at_step" >"$FAKE/kill"
	at_rc=0
	"$kp" detach dax0.0 >out 2>&1 || at_rc=$?
	same "detach: killed after $at_step" $at_rc 137
	rm "$FAKE/kill"
	check "detach: killed after $at_step: no event attaches it" runs 1 attach --check dax0.0
	check "detach: killed after $at_step: it is attached again" says 0 active attach dax0.0
	no_id "detach: killed after $at_step"
done
one none ""
ln -sfn ../../../bus/dax/drivers/kmem "$SYSFS_PATH/bus/dax/devices/dax0.0/driver"
echo online_movable >"$SYSFS_PATH/bus/dax/devices/dax0.0/state"
check "detach: plain RAM" says 8 'is plain RAM' detach dax0.0
check "attach: plain RAM" says 1 'kmem has it, as plain memory' attach dax0.0
check "may-bind: plain RAM" runs 0 may-bind dax0.0
echo unplugged >"$SYSFS_PATH/bus/dax/devices/dax0.0/state"
check "attach: plain RAM that is unplugged: no event takes it" runs 1 attach --check dax0.0
check "attach: plain RAM that is unplugged" says 1 'there is no data on it' attach dax0.0

# what the unit does when it is ended in between
one "data blk $uuid" active
at_post=$(sed -n "s/^ExecStopPost=-\/bin\/sh -c '\(.*\)'\$/\1/p" "$tool_dir/boot/kmem-persist-attach@.service" |
	sed "s,%i,dax0.0,; s,\\\$\\\$,\$,g; s,=/sys,=$SYSFS_PATH,")
check "unit: stopped before kmem is there" sh -c "$at_post"
check "unit: stopped before kmem is there: nothing is made" [ ! -e "$SYSFS_PATH/bus/dax/drivers/kmem/remove_id" ]
: >"$SYSFS_PATH/bus/dax/drivers/kmem/remove_id"
check "unit: stopped" sh -c "$at_post"
same "unit: stopped: kmem does not keep the name" "$(cat "$SYSFS_PATH/bus/dax/drivers/kmem/remove_id")" dax0.0
check "unit: / is writable before" grep -q '^After=.*systemd-remount-fs.service' "$tool_dir/boot/kmem-persist-attach@.service"

# what systemd shows
machine
device dax0.0 "data blk $uuid" "" "held no good superblock"
perl -e 'use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0) or die; unlink "notify"; bind(S, sockaddr_un("notify")) or die;
	print "bound\n"; close STDOUT; alarm 30; open(F, ">notified"); for (1, 2) { recv(S, $m, 2000, 0); print F "$m\n" }' >notify.out &
at_pid=$!
until [ -s notify.out ]; do kill -0 $at_pid; done
NOTIFY_SOCKET=$PWD/notify "$kp" attach dax0.0 >out 2>&1 || :
wait $at_pid
same "attach: STATUS" "$(sed 's/;.*//' notified)" "STATUS=it is being attached
STATUS=held: no good superblock"

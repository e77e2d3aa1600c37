# SPDX-License-Identifier: GPL-2.0
# Part of tests/06-tool.sh, behind attach.sh, whose machine it has: numbers, what keeps
# other kernels away, and the first use.

# numbers
machine
device dax0.0 "data blk $uuid" "$uuid" active
device dax1.0 "held superblock" unknown "held no good superblock"
put "$FAKE" zone=Normal
runs 0 attach dax0.0
runs 1 attach dax1.0
put "$SYSFS_PATH/devices/system/memory/memory9" valid_zones=Movable
st_persist=$SYSFS_PATH/bus/dax/devices/dax0.0/persist
put "$st_persist" 'label=a"b\\c' space=low persistence=memory errors_count=3 taken=8192 given=4096 \
	reserved=2138112 free=1069547520 refused_busy=1 refused_slow=2 refused_no_memory=4 refused_limit=100
put "$SYSFS_PATH/bus/dax/devices/dax0.0/block/kmem0/kmem" lost_bytes=4096
check "metrics" runs 0 metrics
st_is="{device=\"dax0.0\",uuid=\"$uuid\""
for st_line in "bytes$st_is,label=\"a\\\"b\\\\c\",disk=\"kmem0\",kind=\"lent\"} 1071644672" \
	"bytes$st_is,label=\"a\\\"b\\\\c\",disk=\"kmem0\",kind=\"reserved\"} 2138112" \
	"lost_bytes$st_is} 4096" "state$st_is,state=\"active\",reason=\"\"} 1" \
	'state{device="dax1.0",uuid="unknown",state="held",reason="no good superblock"} 1' \
	"space$st_is,space=\"low\"} 1" "persistence$st_is,value=\"memory\"} 1" \
	"read_errors_total$st_is} 3" "exchange_taken_bytes_total$st_is} 8192" \
	"exchange_given_bytes_total$st_is} 4096" "take_failures_total$st_is} 7" \
	"ram_movable_ratio$st_is} 0.5000" "known_not_attached 0"; do
	check "metrics: ${st_line%%[{ ]*}" grep -qxF "kmem_persist_$st_line" out
done
check "metrics: nothing else" eval '! grep -vE "^(# (HELP|TYPE) kmem_persist_[a-z_]+ .*|# EOF|kmem_persist_[a-z_]+(\{[a-z]+=\"([^\"\\\\]|\\\\.)*\"(,[a-z]+=\"([^\"\\\\]|\\\\.)*\")*\})? [0-9.]+)\$" out'
same "metrics: each family is said once" "$(grep '^# TYPE' out | sort | uniq -d)" ""
alike "metrics: each has a type" "$(sed -n 's/^# TYPE \(.*\) .*/\1/p' out | sort -u | xargs)" "$(sed -n 's/^\(kmem_persist_[a-z_]*\).*/\1/p' out | sort -u | xargs)"
check "metrics: a counter is called as it is" grep -qx '# TYPE kmem_persist_read_errors_total counter' out
same "metrics: and all of it at one place" "$(sed -n 's/^\(kmem_persist_[a-z_]*\).*/\1/p' out | uniq | sort | uniq -d)" ""
same "metrics: the end" "$(tail -n 1 out)" "# EOF"
put "$st_persist" state=detached
: >"$KMEM_PERSIST_ROOT/etc/kmem-persist/known/nothing-of-ours"
check "metrics: known, and not in use" says 0 '^kmem_persist_known_not_attached 1$' metrics
mkdir prom
cp out want.prom
umask 077
check "metrics: a file" runs 0 metrics prom/kmem.prom
umask 022
check "metrics: a file: all of it" cmp want.prom prom/kmem.prom
same "metrics: a file: who may read it, and no other" "$(stat -c %a prom/*)" 644
check "metrics: a file that cannot be made" says 8 'cannot be made' metrics nowhere/kmem.prom
check "metrics: are not JSON" runs 16 metrics --json
check "metrics: completion of a run without devices" eval 'SYSFS_PATH=$PWD/nowhere runs 0 metrics && ! grep -v "^#\|known_not" out'

# a format that is gone keeps no kernel away
truncate -s 8M known.img
check "wipe: a file is nothing that is known" eval '"$at_kp" format --uuid $uuid known.img >out && "$at_kp" wipe known.img >out && [ -e "$KMEM_PERSIST_ROOT/etc/kmem-persist/known/$uuid" ]'

# load-kmem: which kmem may be loaded
st_load=$tool_dir/boot/load-kmem
machine
program modinfo '[ ! -e "$FAKE/old" ] || { echo "persist_other:x"; exit; }; echo "persist_accept:UUID (string)"'
# loads NAME STATUS WANTED
loads() {
	rm -f "$FAKE/ran"
	st_rc=0
	sed "s,/usr/sbin /sbin /usr/bin /bin,$FAKE/bin,; s,=/etc,=$KMEM_PERSIST_ROOT/etc,; s, /proc/, $PROC_PATH/,; s,>/dev/kmsg,>$KMEM_PERSIST_ROOT/dev/kmsg," "$st_load" | sh -s - a=1 'b=2 3' >out 2>err || st_rc=$?
	same "load-kmem: $1" "$st_rc $(sed -n 's/^modprobe //p' "$FAKE/ran")" "$2 $3"
}
loads "a kernel that knows" 0 "--ignore-install kmem a=1 b=2 3"
: >"$FAKE/old"
loads "one that does not, and nothing is known" 0 "--ignore-install kmem a=1 b=2 3"
mkdir -p "$KMEM_PERSIST_ROOT/etc/kmem-persist/known"
loads "nothing, in a folder" 0 "--ignore-install kmem a=1 b=2 3"
: >"$KMEM_PERSIST_ROOT/etc/kmem-persist/known/$uuid.XYZ123"
: >"$KMEM_PERSIST_ROOT/etc/kmem-persist/known/.placeholder"
loads "files that are of nothing" 0 "--ignore-install kmem a=1 b=2 3"
: >"$KMEM_PERSIST_ROOT/etc/kmem-persist/known/$uuid"
loads "one that does not" 1 ""
check "load-kmem: the log has it" grep -q '^<4>kmem-persist: the kmem of .* would destroy' "$KMEM_PERSIST_ROOT/dev/kmsg"
rm "$FAKE/old"
loads "one that knows, with data" 0 "--ignore-install kmem a=1 b=2 3"
: >"$FAKE/old"
put "$PROC_PATH" 'cmdline=ro kmem_persist.guard=0'
loads "the command line says so" 0 "--ignore-install kmem a=1 b=2 3"
put "$PROC_PATH" 'cmdline=ro kmem_persist.guard=01 kmem_persistXguard=0'
loads "the command line says something else" 1 ""
check "load-kmem: the environment has no say" eval '! grep -E "KMEM_PERSIST_ROOT|PROC_PATH" "$st_load"'
: >"$KMEM_PERSIST_ROOT/dev/kmsg"
program modinfo 'exit 1'
loads "no such module" 1 ""
check "load-kmem: no such module: it would destroy nothing" eval 'grep -q "has no kmem" err && [ ! -s "$KMEM_PERSIST_ROOT/dev/kmsg" ]'
program modinfo 'case "$*" in "-n kmem") echo "(builtin)" ;; *) exit 1 ;; esac'
loads "a module that nothing is known about" 1 ""
check "load-kmem: a module that nothing is known about: it might" grep -q 'would destroy' err

# a kernel is installed
# installs NAME VERSION REGEX: empty if nothing is to be said
installs() {
	st_rc=0
	sh "$tool_dir/boot/zz-kmem-persist" "$2" /boot/vmlinuz >out 2>&1 || st_rc=$?
	same "installed kernel: $1: status" $st_rc 0
	if [ -n "$3" ]; then
		check "installed kernel: $1" grep -q "$3" out
	else
		same "installed kernel: $1" "$(cat out)" ""
	fi
}
mkdir -p "$KMEM_PERSIST_ROOT/boot"
echo CONFIG_DEV_DAX_KMEM_PERSIST=y >"$KMEM_PERSIST_ROOT/boot/config-7.3"
echo CONFIG_DEV_DAX_KMEM=m >"$KMEM_PERSIST_ROOT/boot/config-6.12"
echo CONFIG_DEV_DAX_KMEM=y >"$KMEM_PERSIST_ROOT/boot/config-6.1"
installs "knows" 7.3 ""
installs "does not" 6.12 "linux 6.12 does not know"
check "installed kernel: a module" eval '! grep -q "built in" out'
installs "built in" 6.1 "its kmem is built in"
installs "not there" 5.10 ""
installs "no version" "" ""
rm "$KMEM_PERSIST_ROOT/etc/kmem-persist/known/$uuid"
installs "nothing is known" 6.12 ""
: >"$KMEM_PERSIST_ROOT/etc/kmem-persist/known/$uuid.XYZ123"
installs "files that are of nothing" 6.12 ""

# an initramfs of dracut has it where a disk of it is below what the host has
# hosts NAME STATUS PATH...: the disks below are there in sysfs
hosts() {
	st_name=$1
	st_want=$2
	shift 2
	st_rc=0
	bash -c 'cd "$FAKE" && . "$1"
		require_binaries() { :; }
		# as dracut has it: each, until one is
		for_each_host_dev_and_slaves() {
			local path
			for path in "${paths[@]}"; do
				"$1" "$path" && return 0
			done
			return 1
		}
		hostonly=yes paths=("${@:2}")
		eval "$(declare -f is_kmem | sed "s,/sys/dev/block/,,")"
		readlink() { echo "/sys/devices/$2"; }
		check' sh "$tool_dir/boot/dracut-module-setup.sh" "$@" || st_rc=$?
	same "dracut: $st_name" $st_rc "$st_want"
}
if [ -e /etc/kmem-persist/initramfs.conf ]; then
	skip "dracut: this machine has a configuration of its own"
else
	hosts "a disk of it" 0 virtual/block/sda nd/dax0.0/block/kmem0
	hosts "a partition of it, below LVM" 0 virtual/block/dm-0 nd/dax0.0/block/kmem0/kmem0p1
	hosts "none" 255 virtual/block/dm-0 nd/block/pmem0
fi
# and says what is new
for st_script in initramfs-local-block dracut-attach.sh; do
	echo 'dax0.0: active' >"$FAKE/says"
	program kmem-persist 'cat "$FAKE/says"'
	rm -f "$FAKE/said"
	st_got=
	for st_round in 1 2 3 4; do
		[ $st_round -ne 4 ] || echo 'dax1.0: active' >>"$FAKE/says"
		st_got="$st_got$(sed "s,/usr/sbin/,$FAKE/bin/,g; s,^said=.*,said=$FAKE/said," "$tool_dir/boot/$st_script" | sh | wc -l)"
	done
	same "$st_script: lines of each round" "$st_got" 1002
done

# only data takes the place of what another rule wants
same "udev: what is replaced" "$(sed -n 's/, ENV{SYSTEMD_WANTS}="kmem-persist-attach.*//p' "$tool_dir/boot/91-kmem-persist-attach.rules")" \
	'ATTR{persist_found}=="data*"'
same "the unit: nobody has named the device" "$(sed -n 's/^Exec[CS][a-z]*=.*kmem-persist //p' "$tool_dir/boot/kmem-persist-attach@.service" | tr '\n' ';')" \
	'attach --auto --check %i;attach --auto %i;'

#
# The first use
#

# nvdimm MODE SIZE: region0 with a namespace
nvdimm() {
	machine
	st_bus=$SYSFS_PATH/devices/nd/ndbus0
	st_nd=$st_bus/region0
	put "$st_bus" provider=ACPI.NFIT
	put "$st_nd" read_only=0 persistence_domain=memory_controller
	put "$st_nd/namespace0.0" mode="$1" size="$2"
	put "$st_nd/namespace0.1" mode=raw size=0
	put "$st_nd/namespace0.0/block/pmem0" dev=259:7
	mkdir -p "$SYSFS_PATH/bus/nd/devices" "$st_nd/dax0.0/dax0.0"
	for st_e in region0 region0/namespace0.0 region0/namespace0.1; do
		ln -s "../../../devices/nd/ndbus0/$st_e" "$SYSFS_PATH/bus/nd/devices/"
	done
	truncate -s 4M "$KMEM_PERSIST_ROOT/dev/pmem0"
	st_dax=$st_nd/dax0.0/dax0.0
	put "$st_dax" size=268435456 resource=0x40000000 align=2097152 persist_format=-1 persist_accept= \
		persist_found=none
	put "$st_nd/dax0.0" namespace=namespace0.0 uuid="$at_ns"
	ln -sfn ../../../bus/dax/drivers/device_dax "$st_dax/driver"
	truncate -s 8M "$KMEM_PERSIST_ROOT/dev/dax0.0"
	echo active >"$FAKE/data/dax0.0"
	# the kernel makes what it is asked for
	: >"$FAKE/uuid/dax0.0"
	: >"$KMEM_PERSIST_ROOT/dev/kmem0"
	program modinfo 'echo "persist_accept:UUID (string)"'
	program blkid 'exit "$(cat "$FAKE/blkid" 2>/dev/null || echo 2)"'
	program ndctl 'ln -sfn ../../../devices/nd/ndbus0/region0/dax0.0/dax0.0 "$SYSFS_PATH/bus/dax/devices/dax0.0"; echo "{ \"dev\":\"namespace0.0\", \"chardev\":\"dax0.0\" }"'
	program mkfs.ext4 ''
	program mount ''
}
# content FILE OFFSET: stdin is there
content() {
	dd of="$KMEM_PERSIST_ROOT/dev/$1" bs=1 seek="$2" conv=notrunc status=none
}
# dax: the device is there already
dax() {
	nvdimm dax 268435456
	ln -s ../../../devices/nd/ndbus0/region0/dax0.0/dax0.0 "$SYSFS_PATH/bus/dax/devices/dax0.0"
}
untouched() {
	check "setup: $1: nothing is done" eval '! grep -E "ndctl|mkfs|mount" "$FAKE/ran" && [ ! -s "$FAKE/log" ]'
}
# declined NAME REGEX ARG...: nothing is done, and it says why
declined() {
	st_name=$1
	st_regex=$2
	shift 2
	: >"$FAKE/ran"
	: >"$FAKE/log"
	check "setup: refuses: $st_name" says 8 "$st_regex" setup --yes "$@"
	untouched "$st_name"
}

# from nothing to a mounted filesystem
nvdimm raw 270532608
printf 'UUID=1 / ext4 defaults 0 1' >"$KMEM_PERSIST_ROOT/etc/fstab"
chmod 640 "$KMEM_PERSIST_ROOT/etc/fstab"
: >"$FAKE/ran"
check "setup: dry run" runs 0 setup --dry-run --label db --mount /srv/db --fstab region0
sed 's/[0-9a-f]\{8\}-[0-9a-f-]*/UUID/' out >plan
check "setup: dry run: all of it" cmp plan - <<-'END'
	namespace0.0: raw, 258 MiB: it is made anew
	All that is on it is lost. This is done:
	  # ndctl create-namespace -f -e namespace0.0 -m devdax --map=mem -a 2M
	  # echo '1 uuid=UUID label=db' > /sys/bus/dax/devices/daxX.Y/persist_format
	  # kmem-persist attach daxX.Y
	  # mkfs.ext4 -q -L db /dev/kmemN
	  # mkdir -p /srv/db
	  # mount -o discard /dev/kmemN /srv/db
	This line is added to /etc/fstab, the old file is /etc/fstab.bak:
	  LABEL=db /srv/db ext4 discard,nofail,x-systemd.device-timeout=5min 0 2
	A kernel that does not know this format must not make RAM of the device: it destroys the data. Where kmem is not a module, on another system of this machine and in an installer nothing keeps it from that.
END
untouched "dry run"
check "setup: nobody is there to be asked" eval 'says 16 "nobody can be asked" setup namespace0.0 </dev/null'
untouched "nobody is there to be asked"
check "setup: yes, or a dry run" runs 16 setup --yes --dry-run region0
check "setup" runs 0 setup --yes --label db --mount /srv/db --fstab region0
same "setup: what is run" "$(grep -v '^modinfo\|^blkid\|^modprobe' "$FAKE/ran" | tr '\n' ';')" \
	"ndctl create-namespace -f -e namespace0.0 -m devdax --map=mem -a 2M;mkfs.ext4 -q -L db $KMEM_PERSIST_ROOT/dev/kmem0;mount -o discard $KMEM_PERSIST_ROOT/dev/kmem0 $KMEM_PERSIST_ROOT/srv/db;"
check "setup: where it is mounted" [ -d "$KMEM_PERSIST_ROOT/srv/db" ]
check "setup: the format" grep -qE "^bus/dax/devices/dax0.0/persist_format 1 uuid=[0-9a-f-]{36} label=db\$" "$FAKE/log"
check "setup: the device is known" [ -e "$KMEM_PERSIST_ROOT/etc/kmem-persist/known/$(cat "$FAKE/uuid/dax0.0")" ]
same "setup: fstab" "$(cat "$KMEM_PERSIST_ROOT/etc/fstab")" "UUID=1 / ext4 defaults 0 1
LABEL=db /srv/db ext4 discard,nofail,x-systemd.device-timeout=5min 0 2"
same "setup: the old one" "$(cat "$KMEM_PERSIST_ROOT/etc/fstab.bak")" "UUID=1 / ext4 defaults 0 1"
same "setup: who may read it" "$(stat -c %a "$KMEM_PERSIST_ROOT/etc/fstab")" 640
no_id setup
declined "a second time" 'is RAM already' dax0.0
nvdimm raw 270532608
check "setup: with a label that is none of a filesystem" says 0 "mkfs.ext4 -q /dev/kmemN" setup -n --label "it's-a-much-too-long-one" region0
check "setup: then fstab has the UUID" grep -q '^  /dev/disk/by-id/kmem-uuid\.[0-9a-f-]* DIRECTORY ext4 ' out
check "setup: and it is quoted" grep -qF "# echo '1 uuid=" out
nvdimm raw 0
check "setup: a region with room" says 0 '# ndctl create-namespace -r region0 -m devdax' setup -n region0
dax
check "setup: a device" says 0 '# echo .1 uuid=.*dax0.0/persist_format' setup -n /dev/dax0.0
check "setup: a device: no namespace is made" eval '! grep -q ndctl out'
check "setup: its namespace" says 0 'kmem-persist attach dax0.0' setup -n namespace0.0
# somebody types yes
nvdimm raw 270532608
if command -v script >/dev/null; then
	check "setup: who is asked says no" eval 'echo no | script -qec "\"$kp\" setup region0" /dev/null >out; grep -q "nothing was done" out'
	untouched "who is asked says no"
	# answers CHANGE: yes, after that has happened while the question was there
	answers() {
		nvdimm raw 270532608
		[ "$2" = region0 ] || dax
		: >"$FAKE/ran"
		: >"$FAKE/tty"
		{
			until grep -q "Type yes" "$FAKE/tty"; do :; done
			eval "$1"
			echo yes
		} | timeout 60 script -qfec "\"$kp\" setup $2" /dev/null >"$FAKE/tty" || :
		check "setup: $3 while somebody is asked" grep -q "$4" "$FAKE/tty"
		untouched "$3 while somebody is asked"
	}
	answers 'put "$st_dax" "persist_found=held foreign"' dax0.0 "data comes" 'there may be data on it'
	answers 'printf NVDIMM_PFN_INFO | content pmem0 4096' region0 "another namespace comes" 'a namespace in mode fsdax'
	answers 'put "$st_nd/namespace0.0" size=0; put "$st_nd/namespace0.1" size=4096' region0 "it becomes another one" 'is another one now'
	nvdimm raw 270532608
	check "setup: who is asked says yes" eval 'echo yes | script -qec "\"$kp\" setup region0" /dev/null >out; grep -q "^mkfs.ext4" "$FAKE/ran"'
else
	skip "setup: who is asked: there is no script(1)"
fi

# all that it refuses
dax
rm "$st_dax/persist_format"
declined "a kernel that does not know" 'does not know persistent data in RAM' dax0.0
check "setup: a kernel that does not know: nothing is loaded" eval '! grep modprobe "$FAKE/ran"'
nvdimm raw 270532608
rm "$SYSFS_PATH/module/kmem/parameters/persist_accept"
program modinfo 'echo "other:x"'
declined "a kmem that does not know" 'kmem of this kernel does not know' region0
check "setup: a kmem that does not know: nothing is loaded" eval '! grep modprobe "$FAKE/ran"'
program modinfo 'echo "persist_accept:x"'
declined "kmem of another build" 'of another kernel' region0
nvdimm raw 270532608
program modinfo 'case "$*" in *kmem_blk) exit 1 ;; esac; echo persist_accept:x'
declined "no plugin" 'kmem_blk, which makes disks, is not installed' region0
for st_found in 'held superblock' unaccepted unknown "data blk $uuid"; do
	dax
	put "$st_dax" "persist_found=$st_found"
	declined "found $st_found" 'there (may be|is) data on it' dax0.0
done
dax
rm "$st_dax/persist_found"
declined "a kernel that does not say" 'there may be data on it: this kernel does not say' dax0.0
dax
program blkid 'echo TYPE=xfs; exit 0'
declined "a filesystem" 'something on it: TYPE=xfs; it stays' dax0.0
program blkid 'exit 8'
declined "more than one" 'something on it: blkid says so|blkid cannot tell' dax0.0
# programs that it will need
# lacks PROGRAM ARG...
lacks() {
	st_name=$1
	shift
	nvdimm raw 270532608
	rm "$FAKE/bin/$st_name"
	st_rc=0
	PATH=$FAKE/bin
	"$kp" setup --yes "$@" >out 2>err || st_rc=$?
	PATH=$FAKE/bin:$at_path
	same "setup: refuses: there is no $st_name" "$st_rc $(grep -c "there is no $st_name (package" err)" "8 1"
	untouched "there is no $st_name"
	mkdir -p "$KMEM_PERSIST_ROOT/usr/sbin"
	printf '#!/bin/sh\nexit 1\n' >"$KMEM_PERSIST_ROOT/usr/sbin/$st_name"
	chmod 755 "$KMEM_PERSIST_ROOT/usr/sbin/$st_name"
	PATH=$FAKE/bin
	"$kp" setup --yes "$@" >out 2>err || :
	PATH=$FAKE/bin:$at_path
	check "setup: $st_name, where PATH has none of root's" eval '! grep -q "there is no" err'
}
lacks blkid region0
lacks mkfs.ext4 region0
lacks ndctl region0
lacks mount --mount /srv/x region0
# who only wants to see it loads nothing
dax
: >"$FAKE/ran"
check "setup: a dry run" runs 0 setup -n dax0.0
check "setup: a dry run loads nothing" eval '! grep modprobe "$FAKE/ran"'
put "$st_dax" persist_found=unknown
check "setup: a dry run, and only kmem knows" says 8 'a dry run does not load' setup -n dax0.0
check "setup: a dry run, and only kmem knows: loads nothing" eval '! grep modprobe "$FAKE/ran"'
nvdimm raw 270532608
program blkid 'echo PTTYPE=gpt'
declined "a table of partitions" 'something on it: TYPE=gpt' region0
# foreign NAME REGEX OFFSET TEXT: a namespace that has it, and a device that has it, as that
# of a virtual machine has
foreign() {
	nvdimm raw 270532608
	printf %s "$4" | content pmem0 "$3"
	declined "$1: a namespace" "$2" region0
	dax
	# of a file that has it the device is only a part
	[ "$4" = NVDIMM_DAX_INFO ] || {
		printf %s "$4" | content dax0.0 "$3"
		declined "$1: a device" "$2" dax0.0
		check "setup: refuses: $1: if somebody insists, too" says 8 "$2" setup --yes --force dax0.0
	}
}
foreign devdax 'namespace in mode devdax .NVDIMM_DAX_INFO' 4096 NVDIMM_DAX_INFO
foreign fsdax 'namespace in mode fsdax .NVDIMM_PFN_INFO' 4096 NVDIMM_PFN_INFO
foreign BTT 'namespace in mode sector .BTT_ARENA_INFO' 4096 BTT_ARENA_INFO
foreign "BTT of UEFI" 'namespace in mode sector .BTT_ARENA_INFO' 0 BTT_ARENA_INFO
foreign "a marker" 'has the marker of a format' 0 KRAMMEMK
nvdimm raw 270532608
printf NAMESPACE_INDEX | content pmem0 $((4194304 - 131072))
declined "labels: a namespace" 'labels of namespaces' region0
dax
printf NAMESPACE_INDEX | content dax0.0 $((8388608 - 131072))
declined "labels: a device" 'labels of namespaces' dax0.0
# superblocks at the end: what blkid is shown has them there
# raid: the superblock of a member of a RAID, version 1.0, for a device of $1 bytes
raid() {
	perl -e 'my $size = shift() / 512; my $at = ($size - 16) & ~7;
		my $sb = pack("L<4 a16 a32 Q< l< l< Q< L< L< l<", 0xa92b4efc, 1, 0, 0, "u" x 16, "name",
			1, 1, 0, 8, 0, 2, 0);
		$sb .= "\0" x (256 - length $sb);
		substr($sb, 128, 32) = pack("Q<4", 0, $at, $at, 0);
		substr($sb, 160, 8) = pack("L<2", 0, 0);
		my $sum = 0;
		$sum += $_ for unpack("L<*", $sb);
		substr($sb, 216, 4) = pack("L<", ($sum & 0xffffffff) + ($sum >> 32));
		print $sb' "$1"
}
nvdimm raw 270532608
raid 4194304 | content pmem0 $((4194304 - 8192))
cp "$KMEM_PERSIST_ROOT/dev/pmem0" raid.img
if (PATH=$at_path; command -v blkid >/dev/null && blkid -p raid.img | grep -q linux_raid); then
	program blkid "PATH=$at_path exec blkid \"\$@\""
	declined "a RAID: a namespace" 'something on it: TYPE=linux_raid_member' region0
	dax
	program blkid "PATH=$at_path exec blkid \"\$@\""
	raid 8388608 | content dax0.0 $((8388608 - 8192))
	declined "a RAID: a device" 'something on it: TYPE=linux_raid_member' dax0.0
	check "setup: refuses: a RAID: if somebody insists, too" says 8 'linux_raid_member' setup --yes --force dax0.0
else
	skip "setup: refuses: a RAID: there is no blkid that sees one"
fi
# something, that nobody knows: at the beginning, at the end, or on many pages between
for st_at in 9 1048575 8384512 8388607; do
	dax
	printf x | content dax0.0 $st_at
	declined "not empty at $st_at" "is not empty: .* at byte $((st_at / 4096 * 4096)) " dax0.0
	check "setup: not empty at $st_at: it is said" says 0 'is not empty: ' setup -n dax0.0
	check "setup: not empty at $st_at: if somebody insists" says 0 '^dax0.0: active' setup --yes --force dax0.0
done
for st_at in 9 4194303; do
	nvdimm raw 270532608
	printf x | content pmem0 $st_at
	declined "a namespace that is not empty at $st_at" 'is not empty: ' region0
done
dax
truncate -s 1G "$KMEM_PERSIST_ROOT/dev/dax0.0"
yes | head -c 2097152 | dd of="$KMEM_PERSIST_ROOT/dev/dax0.0" bs=1M seek=500 conv=notrunc status=none
declined "not empty in the middle" 'is not empty: ' dax0.0
nvdimm raw 270532608
rm -r "$st_nd/namespace0.0/block"
declined "it cannot be looked at" 'no disk through which' namespace0.0
nvdimm raw 270532608
mkdir -p "$PROC_PATH/self"
put "$PROC_PATH/self" 'mountinfo=36 25 259:7 / /mnt/a rw - xfs /dev/pmem0 rw'
declined "it is mounted" 'somebody uses it: pmem0 mount: /mnt/a' region0
for st_mode in safe memory; do
	nvdimm $st_mode 270532608
	declined "mode $st_mode" 'namespace0.0 is in mode' region0
done
nvdimm raw 270532608
put "$st_nd/namespace0.1" size=4096
declined "two namespaces" 'has 2 namespaces' region0
nvdimm raw 270532608
declined "no such region" 'there is no such region' region7
declined "no such namespace" 'is no namespace' namespace7.0
declined "no such device" 'there is no such device' dax7.0
declined "a namespace without memory" 'has no memory' namespace0.1
for st_name in sda /dev/pmem0 region region0/x '' namespace 'region0 '; do
	check "setup: '$st_name' is nothing" runs 16 setup --yes "$st_name"
done
nvdimm raw 270532608
put "$st_bus" provider=virtio-pmem
declined "an asynchronous region" 'is asynchronous' region0
nvdimm raw 270532608
put "$st_nd" read_only=1
declined "a region that is read-only" 'is read-only' region0
nvdimm raw 270532608
put "$PROC_PATH" 'cmdline=ro mem_encrypt=on'
declined "memory encryption, on the command line" 'memory encryption is active' region0
nvdimm raw 270532608
echo '6,1,1,-;Memory Encryption Features active: AMD SME' >"$KMEM_PERSIST_ROOT/dev/kmsg"
declined "memory encryption" 'memory encryption is active' region0
dax
put "$st_dax" align=1073741824
declined "an alignment of 1 GiB" 'alignment is 1 GiB' dax0.0
dax
put "$st_dax" size=4190208
declined "too small" 'too small' dax0.0
dax
put "$st_dax" size=134217728 resource=0x40200000
declined "no whole memory block" 'no whole memory block .128 MiB' dax0.0
dax
rm "$st_dax/resource"
declined "nobody can tell where it is" 'only root can' dax0.0
dax
ln -sfn ../../../bus/dax/drivers/kmem "$st_dax/driver"
declined "it is RAM" 'is RAM already' dax0.0
dax
mkdir -p "$PROC_PATH/4711/fd"
ln -s "$KMEM_PERSIST_ROOT/dev/dax0.0" "$PROC_PATH/4711/fd/7"
put "$PROC_PATH/4711" comm=db maps=
declined "it is open" 'somebody uses it: dax0.0 open: db' dax0.0
dax
put "$st_dax" 'persist_format=0 label=x'
declined "another format was asked for" 'asked for already .persist_format: 0 label=x.; .echo -1 >' dax0.0
machine
device dax0.0 none "" ""
rm "$SYSFS_PATH/devices/nd/dax0/namespace"
program modinfo 'echo "persist_accept:x"'
declined "volatile memory" 'is no namespace of an NVDIMM: .*--volatile' dax0.0
dax
mkdir -p "$KMEM_PERSIST_ROOT/dev/disk/by-label"
: >"$KMEM_PERSIST_ROOT/dev/disk/by-label/db"
declined "a label that is there" 'a filesystem with the label db already' --label db dax0.0
for st_label in '' 'a b' a/b "$(printf '%064d' 0)"; do
	check "setup: label '$st_label'" runs 16 setup --yes --label "$st_label" dax0.0
done
for st_dir in '' relative / /a/ '/a b' '/a#b'; do
	check "setup: --mount '$st_dir'" runs 16 setup --yes --mount "$st_dir" dax0.0
done
check "setup: --fstab alone" runs 16 setup --yes --fstab dax0.0
echo '/dev/sda1 /srv ext4 defaults 0 0' >"$KMEM_PERSIST_ROOT/etc/fstab"
declined "a line of fstab" '/srv is in /etc/fstab already' --mount /srv dax0.0
check "setup: a comment of fstab is none" eval 'echo "# /x /srv ext4" >"$KMEM_PERSIST_ROOT/etc/fstab" && runs 0 setup -n --mount /srv dax0.0'
ln -sf elsewhere "$KMEM_PERSIST_ROOT/etc/fstab"
declined "fstab is made by somebody" '/etc/fstab is no file' --mount /srv --fstab dax0.0
mkdir -p "$KMEM_PERSIST_ROOT/srv/full/of" "$PROC_PATH/self"
declined "a folder that is full" '/srv/full is not empty' --mount /srv/full dax0.0
put "$PROC_PATH/self" 'mountinfo=36 25 8:1 / /srv/mnt rw - xfs /dev/sda1 rw'
declined "a folder that is used" 'something is mounted on /srv/mnt' --mount /srv/mnt dax0.0

# what goes wrong later
nvdimm raw 270532608
put "$st_dax" "persist_found=held foreign"
check "setup: there was data under the namespace" says 8 'there may be data on it: foreign' setup --yes region0
check "setup: there was data under the namespace: nothing is made of it" eval '! grep mkfs "$FAKE/ran" && ! grep persist_format "$FAKE/log"'
nvdimm raw 270532608
program ndctl 'exit 3'
check "setup: ndctl fails" says 8 'ndctl create-namespace ended with 3' setup --yes region0
nvdimm raw 270532608
program ndctl 'echo "{}"'
check "setup: ndctl makes nothing" says 8 'has no device' setup --yes region0
dax
echo "persist_format 22" >"$FAKE/fail"
check "setup: the kernel takes no format" says 8 'persist_format does not take .*Invalid argument' setup --yes dax0.0
dax
echo "refused too hot" >"$FAKE/data/dax0.0"
check "setup: it is not attached" says 8 'could not be attached: .*too hot' setup --yes dax0.0
same "setup: it is not attached: and not formatted later" "$(cat "$st_dax/persist_format")" -1
dax
echo other >"$FAKE/other"
check "setup: it has another UUID" says 8 'is not what was asked for .UUID other.: it is left alone' setup --yes dax0.0
check "setup: it has another UUID: no filesystem" eval '! grep mkfs "$FAKE/ran"'
dax
rm "$KMEM_PERSIST_ROOT/dev/kmem0"
{
	until [ -e "$KMEM_PERSIST_ROOT/etc/kmem-persist/known" ] && [ -n "$(ls "$KMEM_PERSIST_ROOT/etc/kmem-persist/known")" ]; do :; done
	echo other >"$st_dax/persist/uuid"
	: >"$KMEM_PERSIST_ROOT/dev/kmem0"
} &
st_pid=$!
check "setup: another disk comes before mkfs" says 8 'is left alone' setup --yes dax0.0
wait $st_pid
check "setup: another disk comes before mkfs: no filesystem" eval '! grep mkfs "$FAKE/ran"'
dax
program mkfs.ext4 'exit 7'
check "setup: mkfs fails" says 8 'mkfs.ext4 ended with 7; .*left to do by hand' setup --yes --mount /srv/a dax0.0
check "setup: mkfs fails: it is not mounted" eval '! grep "^mount" "$FAKE/ran"'

# memory that is no NVDIMM
machine
device dax0.0 none x active
rm "$SYSFS_PATH/devices/nd/dax0/namespace"
st_dax=$SYSFS_PATH/devices/nd/dax0/dax0.0
truncate -s 8M "$KMEM_PERSIST_ROOT/dev/dax0.0"
: >"$KMEM_PERSIST_ROOT/dev/kmem0"
program modinfo 'echo "persist_accept:x"'
program mkfs.ext4 ''
check "setup: volatile" says 0 "^  kmem.persist_accept=[0-9a-f-]{36}:hash\$" setup --yes --volatile dax0.0

PATH=$at_path
kp=$at_kp
rm -rf "$FAKE"
unset FAKE SYSFS_PATH PROC_PATH KMEM_PERSIST_ROOT FAKE_KERNEL

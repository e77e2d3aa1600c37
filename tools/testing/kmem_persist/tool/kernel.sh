#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh DIR NAME TEXT: what the kernel does when TEXT is written to an attribute, in
# the folder $SYSFS_PATH that looks like sysfs; see store.c. The exit status is the errno.
#
# In $FAKE: log, a line for each; data/DEVICE, what is on it: "active", or "held REASON";
# fail, "ATTRIBUTE ERRNO" of what is to fail next; kill, after which line of the log who has
# written is killed; swap, another device comes while it is attached.
PATH=/usr/bin:/bin
dir=${1#"$SYSFS_PATH"/}
name=$2
text=$3
devices=$SYSFS_PATH/bus/dax/devices
echo "$dir/$name $text" >>"$FAKE/log"

say() {
	printf '6,1,1,-;kmem %s: %s\n SUBSYSTEM=dax\n DEVICE=c250:0\n' "$text" "$*" >>"$KMEM_PERSIST_ROOT/dev/kmsg"
}

# driver_of DEVICE
driver_of() {
	basename "$(readlink "$devices/$1/driver")" 2>/dev/null
}

has_id() {
	grep -qx "$text" "$SYSFS_PATH/ids" 2>/dev/null
}

# memory STATE ZONE: of all blocks
memory() {
	local m
	for m in "$SYSFS_PATH"/devices/system/memory/memory[0-9]*; do
		echo "$1" >"$m/state"
		echo "$2" >"$m/valid_zones"
	done
}

# probe DRIVER: of the device $text
probe() {
	local d=$devices/$text data
	if [ "$1" = kmem ]; then
		data=$(cat "$FAKE/data/$text" 2>/dev/null)
		case $data in
		refused*)
			say "${data#refused }"
			return 1
			;;
		active | held*)
			mkdir "$d/persist"
			echo "${data%% *}" >"$d/persist/state"
			[ "$data" = active ] && data='held '
			echo "${data#held }" >"$d/persist/reason"
			cat "$FAKE/uuid/$text" >"$d/persist/uuid"
			echo 1073741824 >"$d/persist/capacity"
			echo 2097152 >"$d/persist/stored"
			echo 0 >"$d/persist/pool"
			echo 1071644672 >"$d/persist/lent"
			echo 0 >"$d/persist/absent"
			echo 0 >"$d/persist/bad"
			mkdir -p "$d/block/kmem0"
			;;
		esac
		cat "$FAKE/policy" >"$d/state"
		case $(cat "$FAKE/policy") in
		offline) memory offline "Normal Movable" ;;
		*) memory online "$(cat "$FAKE/zone")" ;;
		esac
	fi
	ln -sfn "../../../bus/dax/drivers/$1" "$d/driver"
}

remove() {
	rm -rf "$devices/$text/driver" "$devices/$text/persist" "$devices/$text/block" \
		"$devices/$text/state"
}

# other_comes: another device with the same name
other_comes() {
	rm "$FAKE/swap"
	mv "$SYSFS_PATH/devices/nd/dax0/dax0.0" "$FAKE/gone"
	cp -a "$FAKE/gone" "$SYSFS_PATH/devices/nd/dax0/dax0.0"
}

# cxl DEVICE ATTRIBUTE: decoders, windows and regions
cxl() {
	local devices=${SYSFS_PATH:?}/bus/cxl/devices mode=${2#create_} d used=0
	case $2 in
	dpa_size)
		# from the beginning, one behind the other
		for d in "$devices/${1%.*}".*; do
			used=$((used + $(cat "$d/dpa_size")))
		done
		echo "$text" >"$devices/$1/dpa_size"
		echo $((used)) >"$devices/$1/dpa_resource"
		;;
	create_*_region)
		[ "$text" = "$(cat "$devices/$1/$2")" ] || return 16
		mkdir "$devices/$1/$text"
		ln -s "$1/$text" "$devices/$text"
		echo "${mode%_region}" >"$devices/$text/mode"
		echo 0xffffffffffffffff >"$devices/$text/resource"
		echo "region$((${text#region} + 1))" | tee "$devices"/decoder*/create_*_region >/dev/null
		;;
	size)
		# from the beginning of the window, one behind the other
		for d in "$devices/$1/../region"*; do
			used=$((used + $(cat "$d/size" 2>/dev/null || echo 0)))
		done
		echo "$text" >"$devices/$1/size"
		printf '%#x\n' $(($(cat "$devices/$1/../start") + used)) >"$devices/$1/resource"
		;;
	delete_region) rm -r "$devices/$1/${text:?}" "$devices/${text:?}" ;;
	uuid)
		[ "${#text}" -eq 37 ] || return 22
		echo "${text%?}" >"$devices/$1/$2"
		;;
	*) echo "$text" >"$devices/$1/$2" ;;
	esac
}

act() {
	local fail_name fail_errno driver
	if [ -e "$FAKE/fail" ]; then
		read -r fail_name fail_errno <"$FAKE/fail"
		if [ "$fail_name" = "$name" ]; then
			rm "$FAKE/fail"
			return "$fail_errno"
		fi
	fi
	case $dir/$name in
	bus/dax/drivers/*)
		# somebody else writes to the log, too
		[ ! -e "$FAKE/forged" ] || cat "$FAKE/forged" >>"$KMEM_PERSIST_ROOT/dev/kmsg"
		[ -d "$SYSFS_PATH/$dir" ] || return 2
		driver=${dir##*/}
		;;
	esac
	case $dir/$name in
	bus/cxl/devices/*) cxl "${dir##*/}" "$name" ;;
	bus/cxl/drivers/*/bind) mkdir "$SYSFS_PATH/bus/cxl/devices/$text/driver" ;;
	*/new_id)
		[ ! -e "$FAKE/swap" ] || other_comes
		has_id || echo "$text" >>"$SYSFS_PATH/ids"
		[ -n "$(driver_of "$text")" ] || probe "$driver" || :
		;;
	*/remove_id) sed -i "/^$text\$/d" "$SYSFS_PATH/ids" ;;
	*/unbind)
		[ "$(driver_of "$text")" = "$driver" ] || return 19
		remove
		;;
	*/bind)
		[ -z "$(driver_of "$text")" ] || return 16
		[ "$driver" != kmem ] || has_id || return 19
		probe "$driver" || return 1
		;;
	bus/dax/devices/*/state)
		text=${dir##*/}
		if [ -e "$FAKE/busy" ]; then
			say "disk is in use, not detached"
			return 16
		fi
		rm -rf "$devices/$text/persist" "$devices/$text/block"
		echo unplugged >"$devices/$text/state"
		;;
	bus/dax/devices/*/persist_format)
		echo "$text" >"$SYSFS_PATH/$dir/persist_format"
		driver=${text#*uuid=}
		[ "$text" = -1 ] || cat "$FAKE/other" >"$FAKE/uuid/${dir##*/}" 2>/dev/null ||
			echo "${driver%% *}" >"$FAKE/uuid/${dir##*/}"
		[ "$text" = -1 ] || echo "${driver%% *}:hash" >"$SYSFS_PATH/$dir/persist_accept"
		;;
	devices/system/memory/*/state)
		echo online >"$SYSFS_PATH/$dir/state"
		echo Movable >"$SYSFS_PATH/$dir/valid_zones"
		;;
	*) return 2 ;;
	esac
}

act
rc=$?
[ "$(wc -l <"$FAKE/log")" != "$(cat "$FAKE/kill" 2>/dev/null)" ] || kill -KILL $PPID
exit $rc

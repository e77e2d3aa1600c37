# SPDX-License-Identifier: GPL-2.0
# What guests need that look at what a user without capabilities can do to a device by
# filling its memory. He knows all that is public, and the key of nobody.
. /usr/lib/guest/lib.sh
forged=fe12ed00-89ab-4cde-8f01-23456789abcd
key=00112233445566778899aabbccddeeff
sys=/sys/bus/dax/devices

# info_uuid_of DEVICE: as everybody can see it
info_uuid_of() {
	ndctl list -N -m devdax | jq -r "if type == \"array\" then .[] else . end |
		select(.chardev == \"$1\") | .uuid"
}

# forger DEVICE UUID: somebody has all of the RAM of its node, and some of another
forger() {
	fo_node=$(node_of "$1")
	fo_mib=$(($(node_free "$fo_node") / 1024 + 8))
	numactl -p "$fo_node" forge "$(info_uuid_of "$1")" "$2" "$key" "$(cat "$sys/$1/size")" \
		$fo_mib >"/tmp/forge.$1" 2>&1 &
	check "$1: forged ($fo_mib MiB)" until_true 200 grep -q '^forged' "/tmp/forge.$1"
}

# to_first DEVICE: to system-ram, its first memory block online
to_first() {
	to_ram --no-online "$1" || return
	first=$(blocks_of "$1" | head -n 1)
	echo online_movable >"/sys/devices/system/memory/$first/state"
}

# plain NAME DEVICE: it is memory as ever, and nothing of the forger is known
plain() {
	check "$1: to system-ram" to_first "$2"
	check "$1: plain" [ ! -e "$sys/$2/persist" ]
	check "$1: RAM" [ "$(ram_of "$2")" -ge 131072 ]
	check "$1: no disk" eval '! ls /dev/kmem[0-9]* 2>/dev/null'
	check "$1: who looks in the log finds no uuid to accept" eval "! dmesg | grep -q $forged"
}

# hold NAME DEVICE REASON: it is held
hold() {
	said_mark
	check "$1: to system-ram" to_ram "$2"
	same "$1: held" "$(persist "$2" state)" held
	check "$1: the reason ($(persist "$2" reason))" eval "persist \"$2\" reason | grep -qxE '$3'"
	check "$1: the log says so" said "$2: held, nothing is released and nothing written: $3"
	same "$1: no uuid is shown" "$(persist "$2" uuid)" unknown
	same "$1: no label is shown" "$(persist "$2" label)" ""
	check "$1: nor in the log" eval "! dmesg | grep -q $forged"
	check "$1: no disk" eval '! ls /dev/kmem[0-9]* 2>/dev/null'
	check "$1: to devdax" to_dax "$2"
}
ways="kmem-persist adopt takes it, kmem-persist wipe removes it"
believed="what looks like a superblock is in memory that may have been RAM, not believed and erased"

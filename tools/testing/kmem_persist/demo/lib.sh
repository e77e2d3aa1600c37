# SPDX-License-Identifier: GPL-2.0
# What both boots of the demo share.
. /usr/lib/guest/lib.sh

bold=
plain=
verbose=${2:-}
[ "$1" != color ] || bold=$(printf '\033[1m') plain=$(printf '\033[0m')

step() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
	mark "${*#* }"
}

# mark TEXT: something that the plot shall show
mark() {
	printf '%s - %s\n' "$EPOCHSECONDS" "$*" >>/share/record
}

# record: where the memory is, twice a second, for the plot: time, kB of RAM, stored,
# kept ready for writes, capacity. In the background; what cannot be read is not there.
record() {
	local files=/sys/bus/dax/devices/dax0.0/persist stored pool capacity
	while :; do
		if read -r stored <$files/stored && read -r pool <$files/pool &&
			read -r capacity <$files/capacity; then
			node_mem 1 MemTotal
			printf '%s %s %s %s %s\n' "$EPOCHSECONDS" "$kp_kb" $((stored / 1024)) \
				$((pool / 1024)) $((capacity / 1024))
		fi
		read -r -t 0.5 -u "$kp_never"
	done 2>/dev/null >>/share/record
}
record &

note() {
	printf '    %s\n' "$*"
}

# run COMMAND...: show it, do it, stop if it fails. What is JSON only who asks for it wants.
run() {
	printf '  # %s\n' "$*"
	local json='^$'
	case $1$verbose in
	ndctl | daxctl) json='^[][{} ]' ;;
	esac
	"$@" 2>&1 | sed "/$json/d; s/^/    /"
	[ "${PIPESTATUS[0]}" -eq 0 ] || fail "the command above failed"
}

fail() {
	printf '\n%sFAILED: %s%s\n' "$bold" "$*" "$plain"
	printf 'The end of the kernel log:\n'
	dmesg | tail -n 25
	exit 1
}

# claim WHAT FOUND COMMAND...: something that the demo says; it must be true
claim() {
	claim_what=$1
	claim_found=$2
	shift 2
	"$@" || fail "$claim_what: $claim_found"
	printf '    %s* %s: %s%s\n' "$bold" "$claim_what" "$claim_found" "$plain"
	printf '%s|%s\n' "$claim_what" "$claim_found" >>/share/claims
}

mib() {
	echo $(($1 / 1024))
}

# near A B KB: do two sizes agree within so many kB?
near() {
	near_d=$(($1 - $2))
	[ "${near_d#-}" -le "$3" ]
}

# use WHAT: kB of the device that are stored, pool, lent, absent or capacity
use() {
	echo $(($(cat "/sys/bus/dax/devices/dax0.0/persist/$1") / 1024))
}

# show_use: where every MiB of the device is
show_use() {
	note "RAM $(mib "$(mem_total 1)") + stored $(mib "$(use stored)") + kept ready for writes $(mib "$(use pool)")" \
		"+ no RAM there $(mib "$(use absent)") = $(mib "$(use capacity)") MiB"
}

# adds_up: is it, to the page?
adds_up() {
	[ $(($(mem_total 1) + $(use stored) + $(use pool) + $(use absent) + $(use bad))) -eq "$(use capacity)" ]
}

# settled NODE: MemTotal of the node once it has stopped moving
settled() {
	settled_old=-1
	settled_new=$(mem_total "$1")
	while [ "$settled_old" != "$settled_new" ]; do
		settled_old=$settled_new
		sleep 0.5
		settled_new=$(mem_total "$1")
	done
	echo "$settled_new"
}

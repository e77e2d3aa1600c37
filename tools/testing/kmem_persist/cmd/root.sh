# SPDX-License-Identifier: GPL-2.0
# usage: root [bookworm|trixie] FILE
# help: Make FILE, an image of a Debian 12 or 13 (trixie) with systemd, udev, ndctl and
# help: daxctl, for ./run guest --root FILE. Only for root, as its files have owners.

root_of=trixie
[ $# -le 1 ] || {
	root_of=$1
	shift
}
root_suite "$root_of"
[ $# -eq 1 ] || die "which file?" "./run root $root_of FILE"
[ ! -e "$1" ] || die "$1 is there already" "remove it, or name another file"
[ -d "$(dirname "$1")" ] || die "there is no folder for $1" "make it first"
root_can || die "a system for guests can only be made by root" "sudo ./run root $root_of $1"
lock cache
deps root
root_build "$root_of"
unlock
cp --sparse=always --reflink=auto "$KP_ROOT" "$1" || die "cannot write $1"

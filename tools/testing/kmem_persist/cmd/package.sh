# SPDX-License-Identifier: GPL-2.0
# usage: package [--check] DIR
# help: Make Debian packages of kmem-persist in DIR: the program, what attaches devices at
# help: boot, and what keeps other kernels from them. The same checkout makes the same bytes.
# help: --check: lintian finds nothing in them; it is fetched, and not installed.

. "$KP_DIR/lib/package.sh"

pac_check=
if [ "${1:-}" = --check ]; then
	pac_check=1
	shift
fi
[ $# -eq 1 ] || die "where to? One folder" "./run package DIR"
case $1 in
-*) die "unknown option '$1'" "./run package --help" ;;
esac
[ ! -e "$1" ] || [ -d "$1" ] || die "$1 is not a folder" "./run package DIR"
lock cache
deps package
have dh || die "debhelper makes the packages, and is not there" "apt-get install debhelper"
mkdir -p "$1" 2>/dev/null && pac_dir=$(cd "$1" && pwd -P) &&
	pac_tmp=$(mktemp -d "$pac_dir/tmp.XXXXXX") || die "cannot write to $1" "name another folder"
trap 'rm -rf "$pac_tmp"' EXIT
step "Packing kmem-persist" "$KP_CACHE/log/package.log" package_tool "$pac_tmp" "$pac_dir" ||
	die "cannot make the package" "see $KP_CACHE/log/package.log"
if [ -n "$pac_check" ]; then
	have lintian || [ -f "$KP_CACHE/lintian/complete" ] ||
		step "Getting lintian" "$KP_CACHE/log/lintian.log" package_lintian_get ||
		apt_failed "$KP_CACHE/log/lintian.log" "cannot get lintian"
	package_lintian "$(ls "$pac_tmp"/kmem-persist_*.changes)" >&2 ||
		die "lintian: the above should be mended"
	say "lintian: nothing"
fi
unlock
(cd "$pac_dir" && sha256sum ./*.deb)

# SPDX-License-Identifier: GPL-2.0
# usage: package [--check] [--kernel [--small] [--configure]] DIR
# help: Make Debian packages of kmem-persist in DIR: the program, what attaches devices at
# help: boot, and what keeps other kernels from them. The same checkout makes the same bytes.
# help: --check: lintian finds nothing in them; it is fetched, and not installed.
# help: --kernel: and of a kernel with the series: Debian's configuration (or the file
# help: KMEM_CONFIG) with Kconfig.fragment; hours, 25 GB. --small: of its modules only those
# help: that this machine has loaded (or another one: the file KMEM_MODULES is what lsmod says
# help: there), and what emulated machines need.
# help: --configure: no package, only the configuration, as DIR/config.

. "$KP_DIR/lib/package.sh"

pac_kind='' pac_check='' pac_only='' pac_words=''
while :; do
	case ${1:-} in
	--check) pac_check=1 ;;
	--kernel) pac_kind=${pac_kind:-full} ;;
	--small) pac_kind=small ;;
	--configure) pac_only=1 ;;
	-*) die "unknown option '$1'" "./run package --help" ;;
	*) break ;;
	esac
	pac_words="$pac_words $1"
	shift
done
case $pac_words in
*--kernel*) ;;
*--small* | *--configure*) die "--small and --configure are about a kernel" "./run package --kernel --small DIR" ;;
esac
[ $# -eq 1 ] || die "where to? One folder" "./run package DIR"
[ ! -e "$1" ] || [ -d "$1" ] || die "$1 is not a folder" "./run package DIR"
[ -z "${KMEM_CONFIG:-}" ] || [ -r "$KMEM_CONFIG" ] ||
	die "KMEM_CONFIG=$KMEM_CONFIG: there is no such file" "name a configuration of a kernel"
[ -z "${KMEM_MODULES:-}" ] || [ -r "$KMEM_MODULES" ] ||
	die "KMEM_MODULES=$KMEM_MODULES: there is no such file" "name the output of lsmod"

lock cache
deps package ${pac_kind:+kernels}
have dh || die "debhelper makes the packages, and is not there" "apt-get install debhelper"
mkdir -p "$1" 2>/dev/null && pac_dir=$(cd "$1" && pwd -P) &&
	pac_tmp=$(mktemp -d "$pac_dir/tmp.XXXXXX") || die "cannot write to $1" "name another folder"
trap 'rm -rf "$pac_tmp"' EXIT
[ -n "$pac_only" ] || {
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
}
if [ -n "$pac_kind" ]; then
	source_get
	series_sync
	pac_o=$KP_BASE/build/package-$pac_kind
	pac_log=$KP_CACHE/log/package-$pac_kind.log
	mkdir -p "$pac_o"
	KP_PACKAGE_CONFIG=${KMEM_CONFIG:-}
	[ -n "$KP_PACKAGE_CONFIG" ] || package_config_get
	step "Configuring the kernel ($pac_kind)" "$pac_log" package_config "$pac_kind" "$pac_o" ||
		kernel_failed "$pac_kind" "$pac_log"
	# built in is as good as a module
	pac_bad=$(kernel_verify "$KP_TOP/Kconfig.fragment" "$pac_o/.config" |
		grep -v '=m (got: .*=y)$' || :)
	[ -z "$pac_bad" ] || die "this configuration lacks what the series needs:
$pac_bad" "name another one: KMEM_CONFIG=FILE"
	if [ -n "$pac_only" ]; then
		cp "$pac_o/.config" "$pac_dir/config" || die "cannot write to $pac_dir"
		unlock
		echo "$pac_dir/config"
		exit 0
	fi
	if grep -q '^CONFIG_DEBUG_INFO=y' "$pac_o/.config"; then
		need_space "$KP_CACHE" 25000 "a kernel with what debuggers need"
	else
		need_space "$KP_CACHE" 4000 "a kernel"
	fi
	step "Building and packing the kernel ($pac_kind)" "$pac_log" \
		package_kernel "$pac_o" "$pac_dir" || kernel_failed "$pac_kind" "$pac_log"
fi
unlock
(cd "$pac_dir" && sha256sum ./*.deb)

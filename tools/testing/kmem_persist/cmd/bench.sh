# SPDX-License-Identifier: GPL-2.0
# usage: bench [native|counts]...
# help: How fast the driver is, and what it writes; all parts if none is named.
# help: native: its own files compiled for this machine, on plain memory, beside the
# help: bare copy and models of pmem and BTT. Takes a minute and 3 GiB of memory; on a
# help: machine that does other things its times mean little, and it says so.
# help: counts: fences and bytes that reach the media per operation; not times.
# help: Prints a table with the run before beside it; JSON and a plot (SVG) are kept.

bench_dir=$KP_CACHE/bench
bench_build=$bench_dir/build

# what a part prints goes through report.awk, see there
bench_native() {
	"$bench_build/native" >>"$bench_raw"
}

bench_counts() {
	"$bench_build/counts" >>"$bench_raw"
}

# bench_has JSON PART...: are there results of all these parts?
bench_has() {
	bench_json=$1
	shift
	for bench_part; do
		grep -q "\"part\": \"$bench_part\"" "$bench_json" 2>/dev/null || return 1
	done
}

for bench_part; do
	case $bench_part in
	native | counts) ;;
	*) die "there is no part '$bench_part'" "./run bench --help" ;;
	esac
done
[ $# -gt 0 ] || set -- native counts
lock cache
deps
unlock
mkdir -p "$bench_dir" || die "cannot write to $KP_CACHE" \
	"set KMEM_CACHE to a folder that you may write"
lock bench
step "Building" "$bench_dir/build.log" make -C "$KP_DIR/bench" O="$bench_build" ||
	die "it does not compile" "see $bench_dir/build.log"
bench_raw=$bench_dir/raw
{
	printf 'fact\tcommit\t%s\n' "$(git -C "$KP_TOP" describe --always --dirty 2>/dev/null || echo unknown)"
	printf 'fact\tmachine\t%s, Linux %s\n' \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r)"
	printf 'fact\tload before\t%s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
} >"$bench_raw"
for bench_part; do
	"bench_$bench_part" || die "the part '$bench_part' failed"
done

bench_name=$(date +%Y-%m-%d_%H-%M-%S)
bench_last=
for bench_f in "$bench_dir"/*.json; do
	! bench_has "$bench_f" "$@" || bench_last=$bench_f
done
awk -v json="$bench_dir/$bench_name.json" -v svg="$bench_dir/$bench_name.svg" \
	-v last="$bench_last" -v when="$(date '+%Y-%m-%d %H:%M:%S')" \
	-f "$KP_DIR/bench/report.awk" "$bench_raw"
printf '\n%s\n' "$bench_dir/$bench_name.json"
[ ! -f "$bench_dir/$bench_name.svg" ] || echo "$bench_dir/$bench_name.svg"

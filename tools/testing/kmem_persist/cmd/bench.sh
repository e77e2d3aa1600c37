# SPDX-License-Identifier: GPL-2.0
# usage: bench [native|counts|guest]...
# help: How fast the driver is, and what it writes; native and counts if no part is named.
# help: native: its own files compiled for this machine, on plain memory, beside the
# help: bare copy and models of pmem and BTT. Takes a minute and 3 GiB of memory; on a
# help: machine that does other things its times mean little, and it says so.
# help: counts: fences and bytes that reach the media per operation; not times.
# help: guest: the whole path, with fio, system call and block layer, beside pmem, BTT and
# help: brd in the same guest; ext4; the RAM that is lent and what it takes to attach a
# help: device, beside plain kmem. In instructions of an emulated machine with one
# help: processor, which are the same whatever else the host does. Where the host has KVM
# help: (vmx or svm in /proc/cpuinfo) once more in nanoseconds. Takes 10 minutes and 6 GiB.
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

# four nanoseconds of the guest's clock are an instruction: fio counts milliseconds
bench_icount="-accel tcg,thread=single,tb-size=512 -icount shift=2,align=off,sleep=off -cpu max,la57=off"

# bench_guest_run PART ACCEL AWK-OPTION...: guest.sh in a guest
bench_guest_run() {
	bench_out=$bench_dir/$1.out
	# whoever was interrupted has left it; the lock is ours
	bench_nv=$bench_dir/nvdimms
	rm -rf "$bench_nv"
	mkdir "$bench_nv" || die "cannot make $bench_nv"
	bench_rc=0
	# shellcheck disable=SC2086
	"$KP_TOP/run" guest --kernel distro --cpus 1 --mem 2G --timeout "${BENCH_TIMEOUT:-7200}" \
		--accel "$2" --log "$bench_dir/$1.log" --share "$bench_build" \
		--nvdimm "$bench_nv/kmem:1G:own" --nvdimm "$bench_nv/pmem:512M:0" \
		--nvdimm "$bench_nv/btt:512M:0" --nvdimm "$bench_nv/plain:1G:own" \
		-- "$KP_DIR/bench/guest.sh" ${BENCH_GUEST:-} >"$bench_out" || bench_rc=$?
	rm -rf "$bench_nv"
	[ "$bench_rc" -eq 0 ] && grep -qx end "$bench_out" || {
		tail -n 5 "$bench_out" >&2
		return 1
	}
	bench_part_name=$1
	shift 2
	awk -v part="$bench_part_name" "$@" -f "$KP_DIR/bench/guest.awk" "$bench_out" >>"$bench_raw"
}

bench_guest() {
	bench_guest_run guest "$bench_icount" -v per=4 -v unit=insn \
		-v iops="emulated: as if an instruction took 1 ns" || return 1
	qemu_accel
	case $KP_ACCEL in
	*kvm*) bench_guest_run guest-kvm "$KP_ACCEL" -v per=1 -v unit=ns -v iops= ;;
	*) printf 'fact\tKVM\tnot usable here: instructions, not times\n' >>"$bench_raw" ;;
	esac
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
	native | counts | guest) ;;
	*) die "there is no part '$bench_part'" "./run bench --help" ;;
	esac
done
[ $# -gt 0 ] || set -- native counts
lock cache
deps
unlock
case " $* " in
*" guest "*)
	guest_prepare distro
	KP_READY=distro
	export KP_READY KP_BZIMAGE KP_INITRD KP_BASE KP_SRC
	;;
esac
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

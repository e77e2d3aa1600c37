# SPDX-License-Identifier: GPL-2.0
# usage: demo [-v] [GUEST OPTION...]
# help: The whole thing in front of you: an emulated NVDIMM becomes RAM and a block
# help: device, stores a source tree, the power fails, everything is still there.
# help: Fetches and builds the kernel first (the first time: some minutes); then it takes
# help: less than three minutes. Ends with a plot of how RAM and stored data shared the
# help: device. -v: with the JSON that ndctl and daxctl print. --svg FILE: the plot as a
# help: picture, too.

demo_verbose=
demo_svg=
while [ $# -gt 0 ]; do
	case $1 in
	-v) demo_verbose=verbose ;;
	--svg)
		[ -n "${2:-}" ] && [ -d "$(dirname "$2")" ] ||
			die "--svg needs a file" "./run demo --svg demo.svg"
		demo_svg=$2
		shift
		;;
	*) break ;;
	esac
	shift
done
guest_only "$@"
demo_start=$(now)
# 500: what a processor takes for the kernel, in seconds
[ -n "$(ls -d "$KP_CACHE"/linux-*/build/demo/.built 2>/dev/null)" ] ||
	say "The first time: 230 MB are fetched and a kernel is built, in $KP_CACHE:" \
		"about $((500 / $(nproc) / 60 + 1)) minutes and 3 GiB"
guest_prepare demo
say "The kernel is ready ($(($(now) - demo_start)) s)"
demo_start=$(now)
KP_READY=demo
export KP_READY KP_BZIMAGE KP_INITRD KP_BASE KP_SRC

demo=$KP_CACHE/demo/$$
for d in "$KP_CACHE"/demo/*; do
	[ -d "$d" ] && [ ! -d "/proc/${d##*/}" ] && rm -rf "$d"
done
rm -rf "$demo"
mkdir -p "$demo/share"
cp "$KP_DIR"/demo/*.sh "$demo/share/"
: >"$demo/acks"
: >"$demo/share/claims"
: >"$demo/share/record"

# a real source tree: part of the one that was built
(
	cd "$KP_SRC/.."
	tar -cf "$demo/share/source.tar" --transform 's,^src,source,' \
		src/mm src/block src/kernel src/fs src/lib src/include/linux \
		src/drivers/block src/drivers/cxl src/drivers/dax src/drivers/nvdimm
) || die "cannot pack the source tree"
mkdir "$demo/unpacked"
tar -xf "$demo/share/source.tar" -C "$demo/unpacked"
(cd "$demo/unpacked" && find source -type f -print0 | sort -z | xargs -0 sha256sum) \
	>"$demo/share/source.sums"
rm -rf "$demo/unpacked"

color=plain
[ ! -t 1 ] || color=color

demo_guest() {
	demo_script=$1
	shift
	exec "$KP_TOP/run" guest --kernel demo --nvdimm "$demo/nvdimm:2G:own" --share "$demo/share" \
		--second "$demo/acks" --timeout 600 --append memhp_default_state=online "$@" -- "$KP_DIR/demo/$demo_script.sh" "$color" "$demo_verbose"
}

demo_over() {
	[ -z "${demo_pid:-}" ] || kill -KILL "$demo_pid" 2>/dev/null || :
	[ -n "${demo_keep:-}" ] || rm -rf "$demo"
}
trap demo_over EXIT
trap 'exit 130' INT TERM

# the first boot, until it has reported so many files
(
	flock 7
	demo_guest first --log "$demo/first.log" "$@"
) 7>"$demo/lock" &
demo_pid=$!
timeout 600 tail -n +1 -f --pid=$demo_pid "$demo/acks" | grep -m 1 'cut/40$' >/dev/null || {
	demo_keep=yes
	wait $demo_pid || :
	demo_pid=
	die "the demo's first boot failed" "see above; its console: $demo/first.log"
}
kill -KILL $demo_pid
wait $demo_pid 2>/dev/null || :
demo_pid=
flock "$demo/lock" true # all its processes have gone
echo >>"$demo/share/record"
# the last line may be cut off: then it was not acknowledged
grep -E '^[0-9a-f]{64}  cut/[0-9]+$' "$demo/acks" >"$demo/share/cut.sums"
printf '\n    *** power cut after %s synced files ***\n\n' "$(wc -l <"$demo/share/cut.sums")"

(demo_guest second --log "$demo/second.log" "$@") || {
	demo_keep=yes
	die "the demo's second boot failed" "see above; its console: $demo/second.log"
}

printf '\nShown:\n'
awk -F'|' '{ printf "  %-50s %s\n", $1, $2 }' "$demo/share/claims"
printf '\nThe device over time:\n\n'
awk -f "$KP_DIR/demo/plot.awk" "$demo/share/record"
if [ -n "$demo_svg" ]; then
	awk -v svg=yes -f "$KP_DIR/demo/plot.awk" "$demo/share/record" >"$demo_svg"
	printf '\nThe same as a picture: %s\n' "$demo_svg"
fi
printf '\nAll of it in %s s. Try it yourself: ./run shell\n' "$(($(now) - demo_start))"

# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# The power fails on a platform that loses what was not flushed. A plugin for QEMU keeps
# what is durable by the rules of write backs and fences, while the unmodified modules
# write blocks, atomic groups and files, discard and trim. At random moments, half of them
# right before a write back or a fence, the guest is stopped, and images are made as the
# failure may leave them: each has every acknowledged block and a clean filesystem. Then
# the same with one fence or write back left out of the module: the images have to show
# it; with three of the mistakes that are shown soon, by the commit. See powerloss/. More
# moments, images and all mistakes with --deep. The seed is printed; KP_SEED=N repeats
# what it decides.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
. "$KP_DIR/lib/say.sh"
. "$KP_DIR/lib/qemu.sh"
KP_SAMPLE=${KP_SAMPLE:-0}
qemu_find
if [ "$(qemu_version "${KP_QEMU%% *}")" -lt 901 ]; then
	skip "this QEMU is older than 9.1: its plugins are others"
	finish
fi
tools
cut_tools
make -s -C "$KP_DIR/powerloss" O="$PWD/flush"
check "the plugin knows the rules" make -s -C "$KP_DIR/powerloss" O="$PWD/flush" check

seed=${KP_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "# seed $seed: to repeat this, KP_SEED=$seed"
moments=10 images=5 shots=16
# Three, two of them by the commit.
# That of who moves, 8, is between two of ever so many fences of others: 40 moments may not
# show it, so that it is looked for with --deep.
mistakes="$((KP_SAMPLE % 2 + 1)) $((KP_SAMPLE % 2 + 3)) 9"
[ -z "${KP_DEEP:-}" ] || moments=100 images=25 shots=50 mistakes='1 2 3 4 5 6 7 8 9'

# random N: from 0, in r
random() {
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	r=$((seed / 65536 % $1))
}

# the NVDIMMs are above 4 GiB, as all that is not there at boot, one after the other
base0=$((4 << 30))
base1=$((base0 + (256 << 20)))
plugin=$PWD/flush/flush.so,state=$PWD/state
plugin0=live=$PWD/nv0,shadow=$PWD/shadow0,base=$base0
plugin1=live=$PWD/nv1,shadow=$PWD/shadow1,base=$base1

# flush_start NAME PLUGIN ARG...: a guest with the plugin. Modules are where the plugin
# looks for them, and nothing else is, without KASLR. Outside of modules it learns of memory
# from string instructions.
flush_start() {
	fs_name=$1
	fs_plugin=$2
	shift 2
	rm -f qemu.pid state
	guest_start "$fs_name" --accel tcg-strings --append nokaslr --share share --second share/acks \
		--timeout $((800 * T_DEEP)) --qemu "-pidfile $PWD/qemu.pid -plugin $fs_plugin" "$@"
}

is_stopped() {
	grep -q '^State:.*T' "/proc/$(cat qemu.pid)/status"
}

until_stopped() {
	us_end=$(($(date +%s) + $1))
	until is_stopped; do
		[ "$(date +%s)" -lt "$us_end" ] || return 1
		sleep 0.05
	done
}

# stop N: at once, or right before write back or fence number N from now
stop() {
	if [ "$1" -gt 0 ]; then
		flush/image stop state "$1"
		until_stopped 60 && return
		flush/image stop state 0
		not_ok "$1 write backs and fences within 60 s"
	fi
	kill -STOP "$(cat qemu.pid)"
	until_stopped 10
}

# snapshot NV...: what is there now
snapshot() {
	rm -f live? durable?
	for sn in "$@"; do
		cp --sparse=always "nv$sn" "live$sn"
		cp --sparse=always "shadow$sn" "durable$sn"
	done
	cut_log snap.acks
	kill -CONT "$(cat qemu.pid)"
	rm -f image?
}

# image SEED NV...: image0 and so on, of the snapshot
image() {
	im_seed=$1
	shift
	for im; do
		flush/image make "live$im" "durable$im" "image$im" "$im_seed" || return
	done
}

# both SEED [files]: one image of both devices is as it has to be
both() {
	image "$1" 0 1 && cut_format image0 && cut_format image1 &&
		cut_blocks image0 snap.acks || return
	[ -z "${2:-}" ] || { cut_fs image1 && cut_files snap.acks; }
}

: >share/acks
flush_start flush "$plugin,$plugin0,$plugin1" --nvdimm nv0:256M --nvdimm nv1:384M -- \
	"$KP_DIR/tests/cut.guest" 1 "$CUT_BLOCKS" 1000000000
guest_line flush '^writing' 200
n=0
kept=
while [ $n -lt $moments ]; do
	n=$((n + 1))
	check "moment $n: the guest writes" cut_on 1 20
	random 400
	[ $((n % 4)) -ne 1 ] || r=0
	stop $r
	snapshot 0 1
	i=0
	bad=0
	while [ $i -lt $images ] && [ $bad -eq 0 ]; do
		i=$((i + 1))
		random 32768
		files=
		[ $i -gt 2 ] || files=files
		quietly both $r $files || bad=1
		[ $i -ne 1 ] || sed -n 's/^[0-9].* lines are not durable.*/# &/p' quietly.out
	done
	same "moment $n: $i images, the last with seed $r" $bad 0
	[ $bad -eq 0 ] || break
	# to be booted: some lines of it got there, not all
	while [ -z "$kept" ] && [ $n -ge $((moments / 2)) ]; do
		random 32768
		image $r 0 1 >kept.out
		! grep -q ' 4 of 8' kept.out || kept=$r
	done
	[ ! -f image0 ] || [ -f boot0 ] || [ -z "$kept" ] || {
		mv image0 boot0
		mv image1 boot1
		mkdir boot
		cp snap.acks boot/acks
	}
done
guest_cut flush
flush/image show state | sed 's/^/# /'
same "every write back was understood" "$(flush/image show state | sed -n 's/^unknown //p')" 0
check "blocks were discarded" grep -q '^d ' share/acks
check "atomic groups were written" grep -q '^a ' share/acks
check "files were synced" grep -q '^f ' share/acks

guest boot --share boot --nvdimm boot0 --nvdimm boot1 -- \
	"$KP_DIR/tests/cut.guest" 2 "$CUT_BLOCKS" 0 last

# Mistakes
few=2048
mutants=$KP_BASE/build/test/kmem-mutants
cp "$mutants/kmem_blk.ko" share
rm -f nv0 nv1 shadow0 shadow1 boot0 boot1

# shown: is there something wrong with an image of the snapshot?
shown() {
	i=0
	while [ $i -lt $shots ]; do
		i=$((i + 1))
		random 32768
		# what is moved is mostly what lies behind, of which each block is whole, or none
		{ image $r 0 && cut_format image0 && cut_blocks image0 snap.acks 0 $few &&
			{ [ "$m" != 8 ] || share/kmemio -b whole cut.raw $few 8192; }; } >shown.out 2>&1 ||
			return 0
	done
	return 1
}

# shellcheck disable=SC2086 # one word each
flush_start mistakes "$plugin,$plugin0" --nvdimm nv0:256M -- mistakes $few 0 $mistakes
for m in 0 $mistakes; do
	guest_line mistakes "^mistake $m\$" 200
	what=$(sed -n "s/^# mutant $m //p" "$KP_DIR/powerloss/mutants.sed")
	tries=0
	caught=
	while [ $tries -lt $((m == 8 ? 200 : 40)) ] && [ -z "$caught" ]; do
		tries=$((tries + 1))
		[ "$m" -ne 0 ] || [ $tries -le 2 ] || break
		until_matches share/acks '^[wad] ' $((30 * tries)) 100 || break
		random 60
		stop $((r + 1))
		snapshot 0
		! shown || caught=yes
	done
	if [ "$m" -eq 0 ]; then
		same "without a mistake" "$caught" ""
		[ -z "$caught" ] || sed 's/^/# /' shown.out
	elif [ -n "$caught" ]; then
		ok "$what: image $i of moment $tries shows it: $(tail -n 1 shown.out)"
	else
		not_ok "$what: not one image shows it"
	fi
	: >share/seen."$m"
done
guest_wait mistakes
[ -n "${KP_DEEP:-}" ] || skip "6 of 9 mistakes: left out in this run; with --deep all are made"
same "every write back was understood" "$(flush/image show state | sed -n 's/^unknown //p')" 0
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# kernel: none
# The map of BLK, compiled for userspace from the kernel's files: unit tests,
# damaged images, threads, crashes at every moment and in every order of a few
# operations, and mutants that must be caught. What is found can be replayed.
. "$KP_DIR/lib/testlib.sh"

rc=0
make -s -C "$KP_DIR/map" check O="$PWD/build" >map.out 2>&1 || rc=$?
grep -E 'passed|mutants|images|worlds' map.out | sed 's/^/# /' || :
check "it says that all passed" grep -qE '^[0-9]+ passed, 0 failed' map.out
check "mutants were tried and caught" grep -qE '[0-9]+ mutants, [0-9]+ caught' map.out
check "all orders of three threads, too" grep -q 'interleave: threads: 3' map.out
same "exit status" "$rc" 0
[ "$rc" -eq 0 ] || tail -n 30 map.out | sed 's/^/# /'

# what stores is in the search, and who looks for that would see it
stores() {
	"$KP_DIR/map/stores.pl" "$KP_TOP/drivers/dax" "$1" "$KP_DIR/map/world.h" \
		"$KP_DIR/map/crash.h" "$KP_DIR/map/family.c" >stores.out
}
check "what the search comes by" \
	sh -c '"$1" --passed >passed && "$2" --passed >>passed' sh "$PWD/build/crash-small" "$PWD/build/family"
check "all that stores is an operation of the search" stores passed
sed 's/^/# /' stores.out
for call in kmem_blk_map_lose kmem_blk_map_move_leaf kmem_blk_leaf_link kmem_blk_grow \
	kmem_blk_member_copy; do
	grep -v "^$call:" passed >less
	rc=0
	stores less || rc=$?
	same "without $call() it is not" "$rc" 1
	check "and that is said" grep -q "$call():[0-9]*: no operation" stores.out
done

# the fence of a new leaf behind the lock: only a second thread can tell
mutants=$PWD/build/interleave-mutants
rc=0
"$mutants" --mutant 6 >found.out 2>&1 || rc=$?
same "a mutant: exit status" "$rc" 1
word=$(sed -n 's,.*replay: ./run crash --mutant 6 --replay ,,p' found.out | head -n 1)
check "its counterexample comes with a replay" test -n "$word"
# everything but the lines about how it was found
sed -n '/^  [a-c]: /,/^  replay: /p' found.out | sed '/^  replay: /,$d' >found
rc=0
"$mutants" --mutant 6 --replay "$word" >replayed 2>&1 || rc=$?
same "replayed: exit status" "$rc" 1
check "replayed: it is the same" cmp found replayed
check "replayed: an image, and what was wanted of it" \
	sh -c 'grep -q "^    lost: " replayed && grep -qE "^    block .*: (version|hole|lost)" replayed'
sed 's/^/# /' replayed
rc=0
"$mutants" --replay "$word" >unmutated.out 2>&1 || rc=$?
same "replayed with nothing left out: exit status" "$rc" 0
rc=0
"$PWD/build/interleave" --replay "$word" >original.out 2>&1 || rc=$?
same "replayed on the original: exit status" "$rc" 0
check "replayed on the original: nothing wrong" grep -q 'nothing wrong after' original.out
check "what is no world is refused" \
	sh -c '"$1" --replay x86:48:-:W0.1:a 2>&1 | grep -q "no world"' sh "$PWD/build/interleave"

# two locks in two orders
"$mutants" --mutant 13 >deadlock.out 2>&1 || :
check "a deadlock is found" grep -q '^  a deadlock' deadlock.out

# snapshots: what is left out is found, and the same again
families=$PWD/build/family-mutants
rc=0
"$families" --mutant 13 >found.out 2>&1 || rc=$?
same "a shared leaf changed in place: exit status" "$rc" 1
word=$(sed -n 's,.*replay: ./run crash --family --mutant 13 --replay ,,p' found.out | head -n 1)
check "its counterexample comes with a replay" test -n "$word"
rc=0
"$families" --mutant 13 --replay "$word" >replayed 2>&1 || rc=$?
same "replayed: exit status" "$rc" 1
rc=0
"$PWD/build/family" --replay "$word" >original.out 2>&1 || rc=$?
same "replayed on the original: exit status" "$rc" 0
check "replayed on the original: nothing wrong" grep -q 'nothing wrong after' original.out
check "what is no scenario is refused" \
	sh -c '"$1" --replay x86:48:-:W0.0.1:a 2>&1 | grep -q "no scenario"' sh "$PWD/build/family"
number=$(sed -n 's,.*again: ./run crash --family --mutant 13 --random ,,p' found.out)
rc=0
"$families" --mutant 13 --random "${number:-0}" >random.out 2>&1 || rc=$?
same "at random, the same again: exit status" "$rc" 1

# for hours: a second start goes on where the first one stopped
deep() {
	"$PWD/build/interleave" --deep deep.state "$1" >deep.out 2>&1
}
check "deep: it ends when it should" deep 2
first=$(cut -d' ' -f3 deep.state)
check "deep: and goes on" deep 2
check "deep: from where it was" grep -q "goes on: $first worlds" deep.out
check "deep: with the next ones" test "$(cut -d' ' -f3 deep.state)" -gt "$first"
sed 's/^/# /' deep.out
if [ -n "${KP_DEEP:-}" ]; then
	check "deep: families" sh -c '"$KP_TOP/run" crash --family --deep 600 >families.out 2>&1'
	tail -n 5 families.out | sed 's/^/# /'
	images=$(sed -n 's/.* moments .*, \([0-9]*\) images.*/\1/p' families.out | tail -n 1)
	check "deep: ten million images of families" test "${images:-0}" -ge 10000000
	check "deep: 90 minutes more" sh -c '"$KP_TOP/run" crash --deep 5400 >hours.out 2>&1'
	tail -n 30 hours.out | sed 's/^/# /'
fi
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# kernel: distro
# What an operation costs in instructions of an emulated machine, with fio, system call
# and block layer, beside pmem and BTT in the same guest; and what it takes to attach a
# device, beside plain kmem. 3 % more than bench/guest.ref says is a regression. The
# machine does not matter, what compiled the kernel does a little: so ratios are compared
# always, instructions only where all tools are those that the reference was made with.
. "$KP_DIR/lib/testlib.sh"
ref=$KP_DIR/bench/guest.ref
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

check "it builds" make -s -C "$KP_DIR/bench" O="$PWD/share" "$PWD/share/inguest"
tools="$(gcc --version | head -n 1), $(fio --version)"
guest short --timeout 580 --cpus 1 --mem 2G --share share \
	--accel "-accel tcg,thread=single,tb-size=512 -icount shift=2,align=off,sleep=off -cpu max,la57=off" \
	--nvdimm kmem:1G:own --nvdimm pmem:512M:0 --nvdimm btt:512M:0 --nvdimm plain:1G:own \
	-- "$KP_DIR/bench/guest.sh" short 1
rm -f kmem pmem btt plain
check "it comes to its end" grep -qx end short.out
awk -v part=guest -v per=4 -v unit=insn -v iops= -f "$KP_DIR/bench/guest.awk" short.out >results

# found OPERATION WHAT
found() {
	awk -F '\t' -v op="$1" -v what="$2" '$1 == "result" && $3 == op && $4 == what { print $6 }' results
}

# no_more NUMBER REFERENCE: by 3 %
no_more() {
	echo "$1 $2" | awk '{ exit !(NF == 2 && $1 > 0 && $1 <= $2 * 1.03) }'
}

made_with=$(sed -n 's/^tools\t//p' "$ref")
# for who has to change the reference
awk -F '\t' '$1 == "result" && ($5 == "x" || $4 == "kmem" && $5 == "insn") {
	print "# ref: " $5 "\t" $3 "\t" $4 "\t" $6 }' results
while IFS=$(printf '\t') read -r unit op what number; do
	case $unit in
	x | insn) ;;
	*) continue ;;
	esac
	got=$(found "$op" "$what")
	if [ "$unit" = insn ] && [ "$tools" != "$made_with" ]; then
		skip "$op: $what: $got instructions; the reference is for $made_with, this is $tools"
	else
		check "$op: $what: ${got:-nothing} $unit, reference $number" no_more "$got" "$number"
	fi
done <"$ref"

# atomic NAME REGEX: what statx says, and such a write is done
atomic() {
	check "atomic writes, $1: $2" grep -qxE "fact	atomic writes, $1	$2" short.out
}
atomic kmem "4096 to 1048576 bytes"
atomic pmem none
atomic BTT none
atomic "a file of ext4 on kmem" "4096 to [0-9]+ bytes"
atomic "a file of xfs on kmem" "4096 to [0-9]+ bytes"
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# kernel: test distro
# processors: 1
# examples: cxl-pmem cxl-again
# CXL memory: regions that are persistent, interleaved, and volatile, from their devices to
# filesystems; the power fails; they are made again from what setup --cxl has written down, on
# a machine whose devices come in another order; poison that devices report costs one block, and
# is cleared by writing; a region that is removed and made again; a device that goes while its
# data is in use.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro
. "$KP_DIR/tests/common.sh"
tools
guest_tool
check "what is installed" make -s -C "$KP_TOP/tools/dax/kmem-persist" OUTPUT="$built/tool/" \
	CFLAGS=-O2 LDFLAGS=-static install DESTDIR="$PWD/share/root" prefix=/usr
cp "$T_PARTS.common.guest" share/common.sh
# by default what a region and its next boot need
if [ -n "${KP_DEEP:-}${KP_NAMED:-}" ]; then
	all=all
	# shellcheck disable=SC2046 # one word each
	set -- all $(cxl_serial one two three four)
else
	all=some
	set -- some "$(cxl_serial one)"
fi

# qmp NAME COMMAND JSON: tell the machine of a guest; what it answers
qmp() {
	perl -MIO::Socket::UNIX -e '
		my ($path, $command, $args) = @ARGV;
		my $s = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!\n";
		for ("qmp_capabilities", $command) {
			print $s "{\"execute\": \"$_\"", $_ eq $command ? ", \"arguments\": $args" : "", "}\n";
			$s->flush;
			while (my $line = <$s>) {
				next unless $line =~ /^\{"(?:return|error)"/;
				print $line if $_ eq $command;
				last;
			}
		}' "$1.qmp" "$2" "$3"
}

# poison WORD DEVICE: somebody else finds some, where a guest has asked for it; the kernel is
# not told, and asks
poison() {
	guest_line second "^poison $1 [0-9]+ [0-9]+" 300 || return
	read -r _ _ at length <second.line
	qmp second cxl-inject-poison \
		"{\"path\": \"/machine/peripheral/$2\", \"start\": $at, \"length\": ${length%%[!0-9]*}}" >qmp.out 2>&1
	same "the machine finds poison ($1)" "$(tr -d '\r' <qmp.out)" '{"return": {}}'
	: >"share/poisoned.$1"
}

# the first day
others=
[ $all = some ] || others="--cxl share/two:512M --cxl share/three:256M --cxl share/four:256M:ram"
# shellcheck disable=SC2086 # words
guest_start first --mem 1G --share share --cxl share/one:256M $others \
	--append memhp_default_state=online -- first "$@"
guest_line first '^cut here' 300
guest_cut first

# devices that are plugged in elsewhere: all of them have other names, and come in another order
others=
[ $all = some ] || others="--append kmem.persist_accept=$(cat share/accept) --cxl share/four::ram --cxl share/three --cxl share/two"
# shellcheck disable=SC2086 # words
guest_start second --mem 1G --share share $others --cxl share/one \
	--append memhp_default_state=online \
	--qemu "-qmp unix:second.qmp,server=on,wait=off" -- second "$@"
serve_sums second
if [ $all = all ]; then
	poison long cxlmem2
	poison list cxlmem3
fi
guest_wait second

skip "a machine check by reading poison: QEMU's CXL memory gives what was there before"
skip "flushing at a power failure (GPF): QEMU has no caches that it could be about"
if [ $all = some ]; then
	left_out 3 "machines, interleaved and volatile memory, and what happens to regions later"
	finish
fi

# a boot that does not say what is on memory that is volatile makes RAM of it
guest third --mem 1G --share share --cxl share/one --cxl share/two --cxl share/three \
	--cxl share/four::ram -- third "$@"

# as the guide has it
if command -v cxl >/dev/null; then
	documented guide --mem 1G --cxl share/mem:256M
	documented again --mem 1G --cxl share/mem
else
	skip "what the guide does with cxl(1), which is not there (Debian 12 has it in ndctl, 13 in cxl)"
fi
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# kernel: test distro
# processors: 1
# examples: readme-stock readme-setup readme-real readme-settings readme-back
# examples: quick-start after-boot offline repair save-restore adopt wipe format-none format-label
# examples: guard setup mount-at-boot mount-by-hand permissions backup-files backup-disk restore-disk resize-filesystem
# examples: resize-disk space-look space-free space-more monitor move-away move-here replace encrypt encrypt-close
# The examples of README.md, of the administrator's guide and of its cookbook, word for
# word: each command succeeds, and prints what the document says, but for numbers. See
# check/examples.pl; here is only what stands between them.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
kernel_mostly distro
tools
guest_tool

documented guide --nvdimm share/nv0:512M --nvdimm share/nv1:512M

# an image with one damaged entry of the map, so that it cannot be mended
mkdir image
perl "$KP_DIR/golden/hex.pl" expand "$KP_DIR/golden/entry.hex" image/image
perl -e 'open(F, "+<:raw", "image/image") or die;
	for (3, 7) {
		seek(F, 517 * 4096 + 8 + $_, 0); read(F, $c, 1);
		seek(F, 517 * 4096 + 8 + $_, 0); print F chr(ord($c) ^ 0x10);
	}'
{
	cat <<'END'
cd image || exit
PATH=$PWD/../tool:$PATH
ok() { echo "ok $*"; }
not_ok() { echo "not ok $*"; }
check() { if "${@:2}"; then ok "$1"; else not_ok "$1 ($rc)"; fi; }
until_true() { :; }
text_of() { mapfile -t kp_text <"$1"; }
END
	# a status up to 4 says what was found
	echo example_worst=4
	sed -n '/^example() {/,/^}/p' "$T_PARTS.head.guest" | sed 's,/tmp/example,out,'
	perl "$KP_DIR/check/examples.pl" "$KP_TOP" script repair
} >repair.sh
bash repair.sh >repair.out 2>&1 || not_ok "repair: exit status $?"
sed -n 's/^# /# /p' repair.out
grep -E '^(ok|not ok) ' repair.out >host.results || not_ok "repair: no examples"
while read -r word rest; do
	case $word in
	ok) ok "$rest" ;;
	not) not_ok "${rest#ok }" ;;
	esac
done <host.results

documented cookbook --nvdimm share/cb0:512M --nvdimm share/cb1:512M

# another machine: other memory, another number of processors
documented moved --mem 1536M --cpus $((3 - ${T_CPUS:-2})) --nvdimm share/cb0 --nvdimm share/cb1
finish

# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# examples: readme-stock readme-real readme-settings readme-back
# examples: quick-start after-boot offline repair save-restore adopt wipe format-none format-label
# examples: guard setup permissions backup-files backup-disk restore-disk monitor move-away
# examples: move-here replace encrypt encrypt-close
# The examples of README.md, of the administrator's guide and of its cookbook, word for
# word: each command succeeds, and prints what the document says, but for numbers. See
# docs/examples.pl; here is only what stands between them.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
tools
guest_tool

# what is below runs in each guest, and "examples GROUP" stands for the examples of a group
cat >head.script <<'END'
. /usr/lib/guest/lib.sh
cp /share/kmem-persist /usr/bin/
PATH=$PATH:/usr/local/sbin
cd /root

# example WHERE COMMAND [REGEX]...: one subtest. In this shell: some are cd.
example() {
	local where=$1 command=$2 rc=0 word want n=0
	shift 2
	# udev would have been waited for
	for word in $command; do
		[[ $word != /dev/kmem* && $word != of=/dev/kmem* ]] || until_true 20 [ -b "${word#of=}" ]
	done
	eval "$command" >/tmp/example 2>&1 </dev/null || rc=$?
	text_of /tmp/example
	for want; do
		while ((n < ${#kp_text[@]})) && [[ ! ${kp_text[n]} =~ $want ]]; do
			((n++))
		done
		((n++ < ${#kp_text[@]})) || {
			sed 's/^/# /' /tmp/example
			not_ok "$where: $command: it does not print: $want"
			return
		}
	done
	[ $rc -eq 0 ] || sed 's/^/# /' /tmp/example
	check "$where: $command" [ $rc -le "${example_worst:-0}" ]
}
example_file() {
	mkdir -p "${2%/*}"
	printf %s "$3" >"$2"
}
END

# documented NAME [OPTION...]: a guest whose script is standard input, with the examples
documented() {
	d_name=$1
	shift
	{
		cat head.script
		while IFS= read -r d_line; do
			case $d_line in
			'examples '*)
				# shellcheck disable=SC2086
				perl "$KP_DIR/docs/examples.pl" "$KP_TOP" script ${d_line#examples } || echo exit 99
				;;
			*) printf '%s\n' "$d_line" ;;
			esac
		done
	} >"$d_name.examples"
	guest "$d_name" --share share "$@" <"$d_name.examples"
}

documented guide --nvdimm share/nv0:512M --nvdimm share/nv1:512M <<'END'
sys=/sys/bus/dax/devices

# again DEVICE: detached, and plain
again() {
	cd /root
	umount /mnt 2>/dev/null
	check "$1: back to devdax" to_dax "$1"
	check "$1: plain" kmem-persist wipe --force "/dev/$1"
}

# README: as short as can be, on a namespace that is there
same "a devdax namespace" "$(nvdimm_dax 0)" dax0.0
examples readme-stock
check "there is a disk" until_true 20 [ -b /dev/kmem0 ]
again dax0.0
# and all of it
examples readme-real
examples readme-settings
same "the limit" "$(persist dax0.0 limit_bytes)" 268435456
examples readme-back
check "no RAM is left" [ ! -e $sys/dax0.0/persist ]
check "dax0.0: plain" kmem-persist wipe --force /dev/dax0.0

# the guide
examples quick-start
same "nothing is formatted any more" "$(cat /sys/module/kmem/parameters/persist_format_type)" -1
dd if=/dev/urandom of=/mnt/data bs=1M count=4 status=none
sum=$(sha256sum </mnt/data)
check "umount" umount /mnt
check "as after a boot" to_dax dax0.0
examples after-boot
same "the data is there" "$(sha256sum </mnt/data)" "$sum"
check "umount" umount /mnt
same "a second device" "$(nvdimm_dax 1)" dax1.0
examples offline
examples save-restore
check "the restored disk" until_true 20 [ -b /dev/kmem0 ]
check "mount" mount /dev/kmem0 /mnt
same "the data was restored" "$(sha256sum </mnt/data)" "$sum"
check "umount" umount /mnt
check "dax1.0: back to devdax" to_dax dax1.0
check "a namespace that is made again" ndctl create-namespace -f -e namespace1.0 -m devdax --map=mem
examples adopt
check "a disk" until_true 20 [ -b /dev/kmem0 ]
check "mount" mount /dev/kmem0 /mnt
same "the data was adopted" "$(sha256sum </mnt/data)" "$sum"
check "umount" umount /mnt
examples wipe
check "it is plain" [ ! -e $sys/dax0.0/persist ]
again dax1.0
check "dax0.0: back to devdax" to_dax dax0.0
examples format-none
same "of type 0" "$(persist dax0.0 type)" 0
again dax0.0
examples format-label
check "to system-ram" to_ram dax0.0
same "its label" "$(persist dax0.0 label)" scratch
END

# an image with one damaged entry of the map, so that it cannot be mended
mkdir image
perl "$KP_DIR/golden/hex.pl" expand "$KP_DIR/golden/entry.hex" image/image
perl -e 'open(F, "+<:raw", "image/image") or die;
	for (3, 7) {
		seek(F, 516 * 4096 + 8 + $_, 0); read(F, $c, 1);
		seek(F, 516 * 4096 + 8 + $_, 0); print F chr(ord($c) ^ 0x10);
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
	sed -n '/^example() {/,/^}/p' head.script | sed 's,/tmp/example,out,'
	perl "$KP_DIR/docs/examples.pl" "$KP_TOP" script repair
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

documented cookbook --nvdimm share/cb0:512M --nvdimm share/cb1:512M <<'END'
examples guard
# it says no where kmem does not know
check "guard: kmem is removed" modprobe -r kmem
sed -i 's/persist_accept/persist_nothing/' /etc/modprobe.d/kmem-persist.conf
check "guard: is not loaded then" eval '! modprobe kmem'
sed -i 's/persist_nothing/persist_accept/' /etc/modprobe.d/kmem-persist.conf
examples setup
examples permissions
dd if=/dev/urandom of=/srv/data bs=1M count=4 status=none
sum=$(sha256sum </srv/data)
echo "$sum" >/share/sum
examples backup-files
tar -C /tmp -xf /backup/srv.tar ./data
same "the data is in the backup" "$(sha256sum </tmp/data)" "$sum"
examples backup-disk
examples restore-disk
same "the data was restored" "$(sha256sum </restored/data)" "$sum"
examples monitor
check "monitor: both devices" [ "$(grep -c '^kmem_persist_state{' /var/lib/prometheus/node-exporter/kmem_persist.prom)" -eq 2 ]
check "monitor: nothing else" \
	eval '! grep -vE "^kmem_persist_[a-z_]+\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\} [0-9]+$" /var/lib/prometheus/node-exporter/kmem_persist.prom'
examples move-away
END

# another machine: other memory, another number of processors
documented moved --mem 1536M --cpus 1 --nvdimm share/cb0 --nvdimm share/cb1 <<'END'
examples move-here
same "the data came along" "$(sha256sum </srv/data)" "$(cat /share/sum)"
mkdir -p /backup
examples replace
check "of the module that was replaced: what was saved" e2fsck -fn /backup/srv.disk
check "a new one" eval 'echo 1 >/sys/bus/dax/devices/dax0.0/persist_format && to_ram dax0.0'
examples encrypt
echo secret-of-the-vault >/vault/file
check "written" sync -f /vault
examples encrypt-close
check "nothing of it is readable below" eval '! grep -aq secret-of-the-vault /dev/kmem0'
check "detached" to_dax dax0.0
END
finish

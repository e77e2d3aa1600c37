# SPDX-License-Identifier: GPL-2.0
# Which QEMU, and which accelerator.
#
# QEMU before 8.1 loses a guest now and then when TCG uses several threads, so
# on a Debian with an older one the newer packages of its backports are
# unpacked in the cache, beside the installed ones.

qemu_version() {
	"$1" --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' |
		awk '{ print $1 * 100 + $2 }'
}

# qemu_backport SUITE: fetch and unpack
qemu_backport() {
	rm -rf "$KP_CACHE/qemu"
	mkdir -p "$KP_CACHE/qemu/deb" &&
		apt_suite "$1" &&
		apt_fetch "$1" "$KP_CACHE/qemu/deb" \
			qemu-system-x86 qemu-system-common qemu-system-data || return 1
	for qem_deb in "$KP_CACHE"/qemu/deb/*.deb; do
		dpkg-deb -x "$qem_deb" "$KP_CACHE/qemu" || return 1
	done
	rm -rf "$KP_CACHE/qemu/deb"
	"$KP_CACHE/qemu/usr/bin/qemu-system-x86_64" --version >/dev/null
}

# qemu_find: sets KP_QEMU (command and its data folders) and KP_TCG (options)
qemu_find() {
	qem_sys=$(command -v qemu-system-x86_64) ||
		die "qemu-system-x86_64 is missing" "./run deps"
	KP_QEMU=$qem_sys
	KP_TCG=tcg,thread=multi,tb-size=512
	[ "$(qemu_version "$qem_sys")" -lt 801 ] || return 0
	qem_new=$KP_CACHE/qemu/usr/bin/qemu-system-x86_64
	qem_suite=$(. /etc/os-release && [ "$ID" = debian ] &&
		printf '%s-backports\n' "${VERSION_CODENAME:-}") || qem_suite=
	if [ ! -x "$qem_new" ] && [ -n "$qem_suite" ] && [ ! -f "$KP_CACHE/qemu.failed" ]; then
		step "Getting a newer QEMU from $qem_suite (13 MB)" "$KP_CACHE/log/qemu.log" \
			qemu_backport "$qem_suite" || {
			rm -rf "$KP_CACHE/qemu"
			touch "$KP_CACHE/qemu.failed"
		}
	fi
	if [ -x "$qem_new" ]; then
		KP_QEMU="$qem_new -L $KP_CACHE/qemu/usr/share/qemu -L /usr/share/seabios -L /usr/lib/ipxe/qemu -L /usr/share/qemu"
	else
		say "note: this QEMU is older than 8.1 and its several threads are not safe: using one (slower)"
		KP_TCG=tcg,thread=single,tb-size=512
	fi
}

# qemu_accel [kvm|tcg|tcg-strings]: sets KP_ACCEL, the options. KVM is taken when the CPU
# has it and a guest really starts: /dev/kvm alone proves nothing.
qemu_accel() {
	case ${1:-auto} in
	kvm) KP_ACCEL='-accel kvm -cpu host' ;;
	# string instructions are emulated an element at a time: let the kernel use others
	tcg) KP_ACCEL="-accel $KP_TCG -cpu max,la57=off,erms=off,fsrm=off,fsrs=off,fzrm=off" ;;
	# but who looks at instructions may want to see them
	tcg-strings) KP_ACCEL="-accel $KP_TCG -cpu max,la57=off" ;;
	auto)
		if grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo &&
			[ -w /dev/kvm ] && qemu_kvm_works; then
			qemu_accel kvm
		else
			qemu_accel tcg
		fi
		;;
	*) KP_ACCEL=$1 ;;
	esac
}

# one probe per boot of the host
qemu_kvm_works() {
	qem_probe=$KP_CACHE/kvm-$(cat /proc/sys/kernel/random/boot_id)
	if [ ! -f "$qem_probe" ]; then
		# shellcheck disable=SC2086
		if timeout -s KILL 20 $KP_QEMU -accel kvm -cpu host -M q35 -m 1024 \
			-nodefaults -display none -no-reboot -serial stdio \
			-kernel "$KP_BZIMAGE" -initrd "$KP_INITRD" \
			-append 'console=ttyS0 panic=-1 quiet guest.probe' </dev/null 2>/dev/null |
			grep -q guest-probe-ok; then
			echo yes >"$qem_probe"
		else
			echo no >"$qem_probe"
		fi
	fi
	[ "$(cat "$qem_probe")" = yes ]
}

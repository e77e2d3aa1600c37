# SPDX-License-Identifier: GPL-2.0
# A guest: a fresh machine from kernel and root archive that runs one script.

# guest_prepare FLAVOUR: build what a guest needs. A caller that has done it
# already (the test runner) exports KP_READY=FLAVOUR, KP_BZIMAGE and KP_INITRD.
guest_prepare() {
	if [ "${KP_READY:-}" != "$1" ]; then
		lock cache
		deps
		source_get
		kernel_build "$1"
		initrd_build "$1"
		unlock
	fi
	qemu_find
}

# size TEXT: bytes
size() {
	case $1 in
	*[!0-9KMGTkmgt]* | '' | [!0-9]* | *[KMGTkmgt]?*) die "not a size: '$1'" "write it like 512M or 2G" ;;
	esac
	case $1 in
	*[Kk]) echo $((${1%?} << 10)) ;;
	*[Mm]) echo $((${1%?} << 20)) ;;
	*[Gg]) echo $((${1%?} << 30)) ;;
	*[Tt]) echo $((${1%?} << 40)) ;;
	*) echo "$1" ;;
	esac
}

# guest_file FILE[:SIZE[:WORD]] WHAT UNIT MORE: a file that the memory of a device is kept
# in: so many units, and so many bytes more. Sets gf_file, gf_bytes and gf_word;
# guest_files makes it if it is missing.
guest_file() {
	gf_file=${1%%:*}
	gf_rest=${1#*:}
	[ "$gf_rest" != "$1" ] || gf_rest=
	gf_size=${gf_rest%%:*}
	gf_word=${gf_rest#*:}
	[ "$gf_word" != "$gf_rest" ] || gf_word=
	if [ -f "$gf_file" ]; then
		gf_bytes=$(stat -L -c %s "$gf_file")
		[ $(((gf_bytes - $4) % $3)) -eq 0 ] && [ "$gf_bytes" -gt "$4" ] ||
			die "$gf_file: $gf_bytes bytes is not the size of $2 (N x $(($3 >> 20)) MiB${5:-})" \
				"remove it: a new one is made"
		if [ -n "$gf_size" ]; then
			gf_want=$(guest_file_size "$gf_size" "$2" "$3" "$4") || exit 1
			[ "$gf_bytes" -eq "$gf_want" ] ||
				die "$gf_file has $gf_bytes bytes, $gf_size needs $gf_want" \
					"leave out the size, or remove the file"
		fi
	else
		[ -n "$gf_size" ] || die "$gf_file does not exist" "give a size: $gf_file:2G"
		gf_bytes=$(guest_file_size "$gf_size" "$2" "$3" "$4") || exit 1
	fi
	gf_file=$(realpath "$gf_file" 2>/dev/null) ||
		die "there is no folder for ${1%%:*}" "make it first"
	case $gf_file in
	*[!a-zA-Z0-9._/+=@-]*) die "$gf_file: QEMU needs a path without blanks and commas" ;;
	esac
	g_files="$g_files
$gf_bytes $gf_file"
}

guest_file_size() {
	gfs=$(size "$1") || exit 1
	[ "$gfs" -gt 0 ] || die "$2 of no size" "write it like 512M or 2G"
	echo $(((gfs + $3 - 1) / $3 * $3 + $4))
}

# guest_files: make those files that are not there
guest_files() {
	printf '%s\n' "$g_files" | while read -r gfs_bytes gfs_file; do
		[ -z "$gfs_file" ] || [ -f "$gfs_file" ] ||
			truncate -s "$gfs_bytes" "$gfs_file" || die "cannot make $gfs_file"
	done || exit 1
}

# guest_nvdimm FILE[:SIZE[:own|NODE]]: add one. ndctl wants the part before the 128 KiB label
# area to be a multiple of 128 MiB.
guest_nvdimm() {
	guest_file "$1" "an NVDIMM" 134217728 131072 " + 128 KiB"
	nv_node=${gf_word:-own}
	case $nv_node in
	own)
		g_last=$((g_last + 1))
		nv_node=$g_last
		;;
	*[!0-9]*) die "not a NUMA node: '$nv_node'" "write own or a number" ;;
	*) [ "$nv_node" -le "$g_last" ] || g_last=$nv_node ;;
	esac
	g_total=$((g_total + gf_bytes))
	g_dimms="$g_dimms
-object memory-backend-file,id=nv$g_n,share=on,mem-path=$gf_file,size=$gf_bytes
-device nvdimm,id=nvdimm$g_n,memdev=nv$g_n,label-size=128K,node=$nv_node"
	g_n=$((g_n + 1))
}

# guest_cxl FILE[:SIZE[:pmem|ram]]: add a CXL memory device, below a root port of its own.
# Its serial number, by which regions are known, is that of the file's name, wherever the
# device is plugged in; its labels are in FILE.lsa.
guest_cxl() {
	guest_file "$1" "a CXL device" 268435456 0
	cx_serial=$(basename "$gf_file" | cksum | cut -d' ' -f1)
	case "$g_cxl" in
	*",sn=$cx_serial"*) die "$gf_file: two CXL devices with one name" "their files' names are what they are known by" ;;
	esac
	case ${gf_word:-pmem} in
	pmem)
		cx_memory="persistent-memdev=cxl$g_cxls,lsa=lsa$g_cxls"
		g_cxl="$g_cxl
-object memory-backend-file,id=lsa$g_cxls,share=on,mem-path=$gf_file.lsa,size=128K"
		g_files="$g_files
131072 $gf_file.lsa"
		;;
	ram) cx_memory="volatile-memdev=cxl$g_cxls" ;;
	*) die "not a kind of CXL memory: '$gf_word'" "write pmem or ram" ;;
	esac
	g_cxl="$g_cxl
-object memory-backend-file,id=cxl$g_cxls,share=on,mem-path=$gf_file,size=$gf_bytes
-device cxl-rp,port=$g_cxls,bus=cxl.0,id=cxlrp$g_cxls,chassis=0,slot=$((g_cxls + 2))
-device cxl-type3,bus=cxlrp$g_cxls,id=cxlmem$g_cxls,$cx_memory,sn=$cx_serial"
	g_cxls=$((g_cxls + 1))
	g_window=$((g_window + gf_bytes))
}

# guest_options ARG...: parse; leaves what follows -- in "$@" of the caller,
# who shifts g_used arguments
guest_options() {
	g_kernel=demo g_mem=2G g_cpus=2 g_append='' g_timeout=0 g_share='' g_log=''
	g_accel='' g_qemu='' g_second='' g_root='' g_dimms='' g_files='' g_n=0 g_last=0 g_total=0
	g_cxl='' g_cxls=0 g_window=0
	g_used=$#
	while [ $# -gt 0 ]; do
		case $1 in
		--)
			shift
			g_used=$((g_used - $#))
			break
			;;
		--kernel | --mem | --cpus | --nvdimm | --cxl | --append | --timeout | --share | --log | --accel | --qemu | --second | --root)
			[ $# -ge 2 ] || die "$1 needs a value" "./run guest --help"
			case $1 in
			--kernel)
				kernel_flavour "$2"
				g_kernel=$2
				;;
			--mem)
				size "$2" >/dev/null
				g_mem=$2
				;;
			--cpus)
				number "$2" || die "--cpus needs a number, not '$2'"
				g_cpus=$2
				;;
			--nvdimm) guest_nvdimm "$2" ;;
			--cxl) guest_cxl "$2" ;;
			--append) g_append="$g_append $2" ;;
			--timeout)
				[ "$2" = 0 ] || number "$2" || die "--timeout needs seconds, not '$2'"
				g_timeout=$(($2 * ${KP_JOBS:-1}))
				;;
			--share)
				[ -d "$2" ] || die "--share $2: there is no such folder"
				g_share=$2
				;;
			--log) g_log=$2 ;;
			--accel) g_accel=$2 ;;
			--qemu) g_qemu="$g_qemu $2" ;;
			--second) g_second=$2 ;;
			--root)
				[ -f "$2" ] || die "--root $2: there is no such image" "./run root"
				g_root=$(realpath "$2")
				case $g_root in
				*[!a-zA-Z0-9._/+=@-]*) die "$g_root: QEMU needs a path without blanks and commas" ;;
				esac
				;;
			esac
			shift 2
			;;
		*) die "unknown option '$1'" "./run guest --help" ;;
		esac
	done
}

# guest_only ARG...: options of a guest and nothing else; for commands that have a script
# of their own, and choose some of the options themselves
guest_only() {
	for go_arg; do
		case $go_arg in
		-- | --kernel | --share | --second | --log | --root)
			die "'$go_arg' is not for this command" "./run guest runs any script"
			;;
		esac
	done
	guest_options "$@"
}

# guest_machine: print QEMU's arguments, one or more a line (no blanks inside)
guest_machine() {
	gm_mem=$(size "$g_mem") || exit 1
	gm_cpus=0
	[ "$g_cpus" -le 1 ] || gm_cpus=0-$((g_cpus - 1))
	gm_max=$(((gm_mem + g_total) / 1073741824 * 2 + 64))
	cat <<-END
		$KP_ACCEL
		-machine q35,nvdimm=on
		-nodefaults -no-user-config -display none -no-reboot
		-smp $g_cpus
		-m $((gm_mem / 1048576))M,slots=$((g_n + 4)),maxmem=${gm_max}G
		-object memory-backend-ram,id=ram0,size=$gm_mem
		-numa node,nodeid=0,memdev=ram0,cpus=$gm_cpus
	END
	gm_i=1
	while [ "$gm_i" -le "$g_last" ]; do
		echo "-numa node,nodeid=$gm_i"
		gm_i=$((gm_i + 1))
	done
	cat <<-END
		$g_dimms
		-kernel $KP_BZIMAGE -initrd $KP_INITRD
		-chardev file,id=console,path=$g_log -serial chardev:console
		-device virtio-serial-pci,max_ports=8
		-fsdev local,id=ctl,path=$g_dir,security_model=none,multidevs=remap
		-device virtio-9p-pci,fsdev=ctl,mount_tag=ctl
	END
	if [ -n "$g_share" ]; then
		cat <<-END
			-fsdev local,id=share,path=$g_share,security_model=none,multidevs=remap
			-device virtio-9p-pci,fsdev=share,mount_tag=share
		END
	fi
	if [ -n "$g_root" ]; then
		cat <<-END
			-drive file=$g_root,format=raw,if=none,id=root,cache=unsafe
			-device virtio-blk-pci,drive=root
		END
	fi
	if [ -n "$g_second" ]; then
		cat <<-END
			-chardev file,id=ack,path=$g_second,append=on
			-device virtserialport,chardev=ack,name=ack
		END
	fi
	if [ -n "$g_shell" ]; then
		cat <<-END
			-chardev stdio,id=tty,mux=on,signal=off -mon chardev=tty
			-device virtconsole,chardev=tty
		END
	else
		cat <<-END
			-chardev file,id=out,path=/dev/fd/3
			-device virtserialport,chardev=out,name=out
		END
	fi
	echo "$g_qemu"
	# behind all others, which would be plugged in there
	if [ -n "$g_cxl" ]; then
		cat <<-END
			-machine cxl=on,cxl-fmw.0.targets.0=cxl.0,cxl-fmw.0.size=$g_window
			-device pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.0
			$g_cxl
		END
	fi
}

# guest_dir: a folder for this guest; those of guests that were killed go
guest_dir() {
	gd_tmp=${TMPDIR:-/tmp}
	for gd in "$gd_tmp"/kmem-guest.*; do
		gd_pid=${gd#"$gd_tmp"/kmem-guest.}
		gd_pid=${gd_pid%%.*}
		[ -d "$gd" ] && [ ! -d "/proc/$gd_pid" ] && rm -rf "$gd"
	done
	g_dir=$(mktemp -d "$gd_tmp/kmem-guest.$$.XXXXXX") ||
		die "cannot make a folder in $gd_tmp" "set TMPDIR to a folder that you may write"
}

# guest_setup: common to guest and shell, after the options
guest_setup() {
	guest_prepare "$g_kernel"
	guest_files
	if [ -n "$g_cxl" ]; then
		[ "$(qemu_version "${KP_QEMU%% *}")" -ge 801 ] ||
			die "CXL memory needs QEMU 8.1" "this is $("${KP_QEMU%% *}" --version | head -n 1)"
		# each access is emulated: no program of a guest could run in it with KVM
		g_accel=${g_accel:-tcg}
	fi
	qemu_accel "$g_accel"
	guest_dir
	trap 'rm -rf "$g_dir"' EXIT
	[ -n "$g_log" ] || g_log=$g_dir/console
	: >"$g_log" || die "cannot write $g_log"
	g_log=$(realpath "$g_log")
	if [ -n "$g_share" ]; then
		g_share=$(realpath "$g_share")
		g_append="guest.share $g_append"
	fi
	[ -z "$g_root" ] || g_append="guest.root systemd.show_status=0 $g_append"
	# so that the guest can say what it waits for, while there is time
	[ "$g_timeout" -eq 0 ] || g_append="guest.timeout=$g_timeout $g_append"
	g_cmdline="console=ttyS0 panic=-1 oops=panic no_timer_check random.trust_cpu=on watchdog_thresh=30 tsc=nowatchdog rdinit=/init $g_append"
}

# guest_fio: with fio, see initramfs.sh
guest_fio() {
	[ ! -f "$KP_INITRD-fio" ] || KP_INITRD=$KP_INITRD-fio
}

# guest_run SCRIPT ARG...: returns the script's exit status; 124 time is up,
# 125 the guest died
guest_run() {
	[ $# -gt 0 ] || die "no script to run" "./run guest [OPTIONS] -- SCRIPT [ARG...]"
	[ -f "$1" ] || die "there is no script '$1'" "./run guest [OPTIONS] -- SCRIPT [ARG...]"
	g_shell=
	guest_setup
	cp "$1" "$g_dir/script"
	# shellcheck disable=SC2086 # one word each
	! grep -qwE "$(echo $INITRD_FIO | tr ' ' '|')" "$1" || guest_fio
	chmod 755 "$g_dir/script"
	shift
	: >"$g_dir/args"
	[ $# -eq 0 ] || printf '%s\n' "$@" >"$g_dir/args"
	mkfifo "$g_dir/out"
	g_limit=
	[ "$g_timeout" -eq 0 ] || g_limit="timeout --foreground -k 5 $g_timeout setpriv --pdeathsig KILL"
	g_args=$(guest_machine) || exit 1
	g_from=$(now)
	# QEMU dies with us, however we die: that is the power cut
	# shellcheck disable=SC2086
	setpriv --pdeathsig KILL $g_limit $KP_QEMU $g_args -append "$g_cmdline" \
		3>"$g_dir/out" >"$g_dir/qemu" 2>&1 </dev/null &
	g_pid=$!
	cat "$g_dir/out" &
	g_cat=$!
	trap 'kill -KILL $g_pid 2>/dev/null; exit 130' INT
	trap 'kill -KILL $g_pid 2>/dev/null; exit 143' TERM HUP
	g_rc=0
	wait $g_pid || g_rc=$?
	wait $g_cat || :
	# a whole system has to power off, too, after it has said how its script ended
	if [ -s "$g_dir/status" ] && { [ -z "$g_root" ] || [ "$g_rc" -eq 0 ]; }; then
		g_rc=$(cat "$g_dir/status")
	elif [ "$g_timeout" -gt 0 ] && [ $(($(now) - g_from)) -ge "$g_timeout" ]; then
		say "run: the guest did not end within $g_timeout s; the end of its console:"
		tail -n 15 "$g_log" >&2
		g_rc=124
	else
		cat "$g_dir/qemu" >&2
		say "run: the guest died (QEMU's exit status $g_rc); the end of its console:"
		tail -n 40 "$g_log" >&2
		g_rc=125
	fi
	return "$g_rc"
}

# guest_shell: the same machine on the terminal
guest_shell() {
	g_shell=yes
	g_append="guest.shell $g_append"
	guest_setup
	guest_fio
	stty size >"$g_dir/size" 2>/dev/null || :
	g_args=$(guest_machine) || exit 1
	say "Booting; the kernel's messages go to $g_log"
	# shellcheck disable=SC2086
	setpriv --pdeathsig KILL $KP_QEMU $g_args -append "$g_cmdline" || :
}

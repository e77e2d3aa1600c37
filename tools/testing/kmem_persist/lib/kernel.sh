# SPDX-License-Identifier: GPL-2.0
# The guests' kernels: flavour demo is like a distribution's, flavour test has
# all checkers on, flavour plain is made of the same source without the series. Flavour wide
# is distro with what takes long to build, for --deep.
# Each is built out of tree, incrementally and with ccache.

# The compiler says what was included, which spares ccache a run of the preprocessor:
# a third of the time when it has nothing.
kernel_make() {
	CCACHE_DIR=$KP_CACHE/ccache CCACHE_BASEDIR=$KP_CACHE CCACHE_NOHASHDIR=1 \
		CCACHE_COMPILERCHECK=content CCACHE_MAXSIZE=5G CCACHE_DEPEND=1 \
		KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026' \
		KBUILD_BUILD_USER=kmem KBUILD_BUILD_HOST=persist \
		make -C "${KP_TREE:-$KP_SRC}" CC='ccache gcc' -j"$(nproc)" "$@"
}

# kernel_fragments FLAVOUR: what the configuration must have
kernel_fragments() {
	cat "$KP_DIR/config/base.config"
	[ "$1" != wide ] || cat "$KP_DIR/config/distro.config"
	cat "$KP_DIR/config/$1.config"
}

# kernel_config FLAVOUR: tinyconfig, the fragments, defaults for the rest
kernel_config() {
	cfg_o=$KP_BASE/build/config
	cfg_dir=$KP_BASE/build/$1
	mkdir -p "$cfg_o" "$cfg_dir"
	kernel_make O="$cfg_o" tinyconfig &&
		kernel_fragments "$1" >>"$cfg_o/.config" &&
		kernel_make O="$cfg_o" olddefconfig &&
		{ cmp -s "$cfg_o/.config" "$cfg_dir/.config" ||
			cp "$cfg_o/.config" "$cfg_dir/.config"; }
}

# kernel_verify FRAGMENT CONFIG: the wanted symbols that did not take
kernel_verify() {
	awk '
		function sym(s) { sub(/^# /, "", s); sub(/[ =].*/, "", s); return s }
		!/^(# )?CONFIG_[A-Za-z0-9_]+(=| is not set)/ { next }
		FNR == NR { want[sym($0)] = $0; next }
		{ got[sym($0)] = $0 }
		END {
			for (s in want) {
				if (want[s] == got[s])
					continue
				if (want[s] ~ /is not set$/ && got[s] == "")
					continue
				print want[s] " (got: " (got[s] == "" ? "no such symbol, or not visible" : got[s]) ")"
			}
		}' "$1" "$2" | sort
}

kernel_off_source() {
	sed -n 's/^config \(DEV_DAX_KMEM_PERSIST[A-Z_]*\)$/#undef CONFIG_\1\n#undef CONFIG_\1_MODULE/p' \
		"$KP_SRC/drivers/dax/persist/Kconfig"
	printf '#include "%s/drivers/dax/%s.c"\n' "$KP_SRC" "$1"
	case $1 in
	kmem) printf '%s\n' '#include <linux/module.h>' 'MODULE_INFO(intree, "Y");' ;;
	# part of dax.ko in truth
	persist/off) printf '%s\n' '#include <linux/module.h>' 'MODULE_INFO(intree, "Y");' \
		'MODULE_DESCRIPTION("guard of persistent data");' 'MODULE_LICENSE("GPL");' ;;
	esac
}

# kernel_off FLAVOUR: a second kmem.ko, and kmem_persist.ko, for the same vmlinux, built
# as with CONFIG_DEV_DAX_KMEM_PERSIST=n, to compare the two. They are the same source
# files with the symbols of the series undefined; so structures that kmem shares with
# other modules must not depend on them. What is in kmem_persist.ko here is in the DAX core
# of such a kernel.
kernel_off() {
	off_dir=$KP_BASE/build/$1/kmem-off
	rm -rf "$off_dir"
	mkdir -p "$off_dir"
	for off_name in kmem persist/places persist/trust persist/off; do
		kernel_off_source "$off_name" >"$off_dir/${off_name#persist/}.c"
	done
	cat >"$off_dir/Kbuild" <<-END
		obj-m := kmem_persist.o kmem.o
		kmem_persist-y := places.o trust.o off.o
		ccflags-y := -I$KP_SRC/drivers/dax
	END
	kernel_make O="$KP_BASE/build/$1" M="$off_dir" modules
}

# kernel_mutants FLAVOUR: a second kmem_blk.ko for the same kernel. It is made of the same
# files with mistakes in them, of which its parameter chooses one: see powerloss/mutants.sed.
kernel_mutants() {
	mut_dir=$KP_BASE/build/$1/kmem-mutants
	rm -rf "$mut_dir"
	mkdir -p "$mut_dir/blk" "$mut_dir/map"
	for mut_f in "$KP_SRC"/drivers/dax/persist/blk/*.c "$KP_SRC"/drivers/dax/persist/map/*.c; do
		sed -f "$KP_DIR/powerloss/mutants.sed" "$mut_f" \
			>"$mut_dir/${mut_f#"$KP_SRC/drivers/dax/persist/"}"
	done
	[ "$(cat "$mut_dir"/*/*.c | grep -o 'mutant([0-9]*)' | sort -u | wc -l)" -eq \
		"$(grep -c '^# mutant [0-9]' "$KP_DIR/powerloss/mutants.sed")" ] || {
		echo "error: powerloss/mutants.sed does not fit"
		return 1
	}
	cp "$KP_DIR"/powerloss/mutants.[ch] "$mut_dir"
	cat >"$mut_dir/Kbuild" <<-END
		include $KP_SRC/drivers/dax/persist/Makefile
		obj-y :=
		obj-m := kmem_blk.o
		kmem_blk-y += mutants.o
		ccflags-y += -I$KP_SRC/drivers/dax/persist/blk -I$KP_SRC/drivers/dax/persist/map
		ccflags-y += -include \$(src)/mutants.h
	END
	kernel_make O="$KP_BASE/build/$1" M="$mut_dir" modules
}

# kernel_compile FLAVOUR: everything that takes long
kernel_compile() {
	com_dir=$KP_BASE/build/$1
	kernel_make O="$com_dir" bzImage modules &&
		rm -rf "$com_dir/root" &&
		kernel_make O="$com_dir" INSTALL_MOD_PATH="$com_dir/root" modules_install
}

# kernel_inputs FLAVOUR: a sum over all that the build depends on
kernel_inputs() {
	{
		kernel_fragments "$1"
		cat "$KP_DIR/lib/kernel.sh" "$KP_DIR"/powerloss/mutants.* "$KP_SRC/Makefile"
		gcc --version
		[ "$1" = plain ] || series_files | grep -vE '^(tools/(dax|testing/kmem_persist)|Documentation)/|^MAINTAINERS' | while IFS= read -r inp_f; do
			printf '%s ' "$inp_f"
			cksum <"$KP_TOP/$inp_f"
		done
	} | cksum
}

# kernel_flavour WORD: is it one?
kernel_flavour() {
	case $1 in
	demo | distro | wide | test | plain) ;;
	*) die "there is no kernel '$1'" "use demo, distro, wide, test or plain" ;;
	esac
}

# kernel_build FLAVOUR: bring the kernel up to date. Sets KP_BZIMAGE, KP_MODULES.
kernel_build() {
	kernel_flavour "$1"
	KP_TREE=$KP_SRC
	[ "$1" != plain ] || KP_TREE=$KP_BASE/plain
	bld_dir=$KP_BASE/build/$1
	bld_log=$KP_CACHE/log/kernel-$1.log
	KP_BZIMAGE=$bld_dir/arch/x86/boot/bzImage
	KP_MODULES=$bld_dir/root
	bld_sum=$(kernel_inputs "$1")
	if [ -f "$bld_dir/.built" ] && [ "$(cat "$bld_dir/.built")" = "$bld_sum" ]; then
		return 0
	fi
	mkdir -p "$bld_dir"
	rm -f "$bld_dir/.built"
	[ -f "$KP_BZIMAGE" ] || need_space "$KP_CACHE" 3000 "building the $1 kernel"
	if [ "$1" = plain ]; then
		step "Taking the series out of a copy of the source" "$bld_log" source_plain ||
			die "cannot make $KP_TREE" "see $bld_log"
	else
		series_sync
	fi
	step_of=0
	step "Configuring the $1 kernel" "$bld_log" kernel_config "$1" ||
		kernel_failed "$1" "$bld_log"
	kernel_fragments "$1" >"$bld_dir/wanted"
	bld_bad=$(kernel_verify "$bld_dir/wanted" "$bld_dir/.config")
	if [ ! -f "$KP_TOP/drivers/dax/Kconfig.patch" ]; then
		bld_own=$(printf '%s\n' "$bld_bad" | grep DEV_DAX_KMEM_PERSIST || :)
		[ -z "$bld_own" ] || say "warning: this checkout has no drivers/dax/Kconfig.patch: a kernel without the series"
		bld_bad=$(printf '%s\n' "$bld_bad" | grep -v DEV_DAX_KMEM_PERSIST || :)
	fi
	[ -z "$bld_bad" ] || die "the $1 kernel's configuration lacks:
$bld_bad" "give their prerequisites in tools/testing/kmem_persist/config/"
	[ -f "$KP_BZIMAGE" ] || step_of=$(kernel_lines "$1")
	step "Building the $1 kernel" "$bld_log" kernel_compile "$1" ||
		kernel_failed "$1" "$bld_log"
	step_of=0
	if [ "$1" = test ]; then
		step "Building kmem.ko without the series" "$bld_log.off" kernel_off "$1" ||
			kernel_failed "$1" "$bld_log.off"
		step "Building kmem_blk.ko with mistakes" "$bld_log.mutants" \
			kernel_mutants "$1" || kernel_failed "$1" "$bld_log.mutants"
	fi
	printf '%s\n' "$bld_sum" >"$bld_dir/.built"
}

# kernel_lines FLAVOUR: of a whole build's output, roughly
kernel_lines() {
	case $1 in
	demo) echo 1990 ;;
	distro) echo 2630 ;;
	wide) echo 3030 ;;
	test) echo 2600 ;;
	plain) echo 1940 ;;
	esac
}

kernel_failed() {
	grep -E '(error|Error|ERROR|undefined|No space left)[: ]' "$2" | head -n 20 >&2 ||
		tail -n 20 "$2" >&2
	if grep -q 'No space left' "$2"; then
		die "no disk space for the $1 kernel" \
			"free some, or set KMEM_CACHE to a folder elsewhere"
	fi
	die "the $1 kernel does not build" "the whole output: $2"
}

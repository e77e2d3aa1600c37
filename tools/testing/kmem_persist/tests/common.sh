# SPDX-License-Identifier: GPL-2.0
# What several tests need on the host.

# What several tests need is built by the first of a run, and the others wait for that.
built=${KP_KERNELS:-$PWD}/built
once() {
	mkdir -p "$built/tool"
	flock "$built.lock" make -s "$@"
}

# tools: sbedit, kmemio and canary in ./share, for the host and for the guest
tools() {
	mkdir -p share
	once -f "$KP_DIR/tests/tools.mk" TOP="$KP_TOP" O="$built" &&
		cp "$built/sbedit" "$built/kmemio" "$built/canary" share/
}

# cut_tools: kmem-persist in ./tool, which looks at devices offline
cut_tools() {
	mkdir -p tool
	once -C "$KP_TOP/tools/dax/kmem-persist" OUTPUT="$built/tool/" CFLAGS=-O2 LDFLAGS=-static &&
		cp "$built/tool/kmem-persist" tool/
}

# guest_tool: and in ./share for the guest
guest_tool() {
	check "kmem-persist can be built" cut_tools
	cp tool/kmem-persist share/
}

# sb IMAGE COMMAND...: look at or change superblocks
sb() {
	share/sbedit "$@"
}

# serve_sums NAME: answer image_sum and image_find of a guest while it runs
serve_sums() {
	serve_pid=$(cat "$1.pid")
	rm -f share/ask share/answer
	while kill -0 "$serve_pid" 2>/dev/null; do
		if [ -f share/ask ]; then
			read -r serve_file serve_block serve_seq <share/ask || :
			rm -f share/ask
			if [ -n "$serve_block" ]; then
				share/kmemio find "$serve_file" "$serve_block" "$serve_seq" || echo -1
			else
				cksum <"$serve_file"
			fi >share/answer.tmp
			mv share/answer.tmp share/answer
		fi
		sleep 0.1
	done &
}

# until_matches FILE REGEX N SECONDS: wait until a file has so many such lines
until_matches() {
	um_end=$(($(date +%s) + $4))
	until [ "$(grep -cE "$2" "$1")" -ge "$3" ]; do
		[ "$(date +%s)" -lt "$um_end" ] || return 1
		sleep 0.1
	done
}

#
# Power cuts: tests/cut.guest is what the guest does. These look at what is left.
#

CUT_BLOCKS=8192

# cut_format IMAGE: is it a device as the format demands?
cut_format() {
	tool/kmem-persist check "$1"
}

# cut_blocks IMAGE ACKS [FIRST NR]: every acknowledged block, none of them torn
cut_blocks() {
	tool/kmem-persist extract --force "$1" cut.raw &&
		share/kmemio -b acked cut.raw "${3:-0}" "${4:-$CUT_BLOCKS}" "$2"
}

# cut_fs IMAGE: e2fsck finds a journal to replay, no more
cut_fs() {
	tool/kmem-persist extract --force "$1" cut.fs || return
	cut_rc=0
	e2fsck -p cut.fs || cut_rc=$?
	[ $cut_rc -le 1 ] && e2fsck -fn cut.fs
}

# cut_files ACKS: after cut_fs: every file that was synced, as it was then
cut_files() {
	sed -n 's/^f \(.*\) \.$/\1/p' "$1" >cut.sums
	[ -s cut.sums ] || return 0
	rm -rf cut.files
	mkdir cut.files
	debugfs -R 'rdump /cut cut.files' cut.fs 2>/dev/null
	(cd cut.files/cut && sha256sum -c --quiet ../../cut.sums)
}

# quietly COMMAND...: its output only if it fails
quietly() {
	"$@" >quietly.out 2>&1 || {
		sed 's/^/# /' quietly.out
		return 1
	}
}

# cut_log FILE: what was begun and what was acknowledged, up to now
cut_log() {
	cat share/begun.* share/acks >"$1" 2>/dev/null || :
}

# cut_on NR_FILES NR_BLOCKS: wait until so much more was acknowledged
cut_on() {
	cut_acked=$(grep -c '^[wad] ' share/acks || :)
	until_matches share/acks '^f ' $(($(grep -c '^f ' share/acks || :) + $1)) 300 &&
		until_matches share/acks '^[wad] ' $((cut_acked + $2)) 300
}

# documented NAME [OPTION...]: a guest with kmem-persist whose part names groups of examples
documented() {
	d_name=$1
	shift
	{
		cat "$KP_DIR/tests/69-cookbook.head.guest"
		while IFS= read -r d_line; do
			case $d_line in
			'examples '*)
				# shellcheck disable=SC2086
				perl "$KP_DIR/check/examples.pl" "$KP_TOP" script ${d_line#examples } || echo exit 99
				;;
			*) printf '%s\n' "$d_line" ;;
			esac
		done <"$T_PARTS.$d_name.guest"
	} >"$d_name.examples"
	guest "$d_name" --share share "$@" -- "$PWD/$d_name.examples"
}

# SPDX-License-Identifier: GPL-2.0
# What several tests need on the host.

# tools: build sbedit, kmemio and canary in ./share, for the host and for the guest
tools() {
	mkdir -p share
	gcc -O2 -Wall -static -I"$KP_TOP/include/uapi" -o share/sbedit \
		"$KP_DIR/sbedit/sbedit.c"
	gcc -O2 -Wall -static -o share/kmemio "$KP_DIR/guest/kmemio.c"
	gcc -O2 -Wall -static -o share/canary "$KP_DIR/guest/canary.c"
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

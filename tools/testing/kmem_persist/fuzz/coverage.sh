#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# coverage.sh FOLDER [quick]: which lines the tests that run in userspace run, by file:
# unit tests of the map, the inputs of the fuzz targets, and, unless it has to be quick,
# the search for crashes and the tests of kmem-persist. Fails if it is too little of the
# kernel's files.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
mkdir -p "$1"
out=$(CDPATH='' cd -- "$1" && pwd -P)
quick=${2:-}
flags='--coverage -fprofile-update=atomic'

find "$out" -name '*.gcda' -delete
programs=unit
[ -n "$quick" ] || programs='unit crash'
for p in $programs; do
	# the search is long: some lines are not to be told apart then
	[ "$p" = unit ] && opt=-O0 || opt=-O2
	make -s -C "$here/../map" O="$out/map" SAN="$flags $opt" SEARCH_SAN="$flags $opt" "$out/map/$p"
	"$out/map/$p" >"$out/$p.log" || { tail -n 20 "$out/$p.log"; exit 1; }
done

make -s -C "$here" O="$out/fuzz" REPLAY_FLAGS="$flags -O0" replay corpus
for t in sb node directory map request tool args stream; do
	"$out/fuzz/replay/$t" "$out/fuzz/corpus/$t" >"$out/$t.log"
done

if [ -z "$quick" ]; then
	# in a folder of its own, as ./run test does
	rm -rf "$out/tool"
	mkdir -p "$out/tool"
	KP_DIR=$(CDPATH='' cd -- "$here/.." && pwd -P)
	KP_TOP=$(CDPATH='' cd -- "$here/../../../.." && pwd -P)
	export KP_DIR KP_TOP
	(cd "$out/tool" && SAN="$flags -O0" sh "$KP_DIR/tests/06-tool.sh") >"$out/tool.log" ||
		{ grep '^not ok' "$out/tool.log"; exit 1; }
fi
perl "$here/coverage.pl" "$out"

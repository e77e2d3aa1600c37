# SPDX-License-Identifier: GPL-2.0
# The series as mails, which git makes of commits, see series/order and series/series.pl.

# git, whatever the user has configured
series_git() (
	unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	export GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM
	git -c core.autocrlf=false -c core.fileMode=true -c gc.auto=0 \
		-c init.defaultBranch=series -c advice.detachedHead=false "$@"
)

# series_pl COMMAND [ARG...]: what the table says; $ser_t/files are the files of the series
series_pl() {
	perl "$KP_DIR/series/series.pl" "$KP_TOP" "$ser_t/files" "$@"
}

# series_base DIR: the kernel's files that the series changes, in DIR
series_base() {
	mkdir -p "$1"
	while IFS= read -r ser_f; do
		case $ser_f in
		*.patch) (cd "$KP_BASE/orig" && cp --parents "${ser_f%.patch}" "$1") || return 1 ;;
		esac
	done <"$ser_t/files"
}

# series_step N DIR: what mail N changes, in DIR
series_step() {
	series_pl actions "$1" >"$ser_t/actions" || return 1
	while read -r ser_kind ser_f ser_k; do
		ser_p=$2/${ser_f%.patch}
		mkdir -p "$(dirname "$ser_p")"
		case $ser_kind in
		section)
			# in a tree of links it is the file of another tree, too
			cp -p "$ser_p" "$ser_p.own" && mv "$ser_p.own" "$ser_p" || return 1
			series_section "$KP_TOP/$ser_f" "$ser_k" |
				patch -u -s -f -F0 --no-backup-if-mismatch -r "$ser_t/rej" "$ser_p" || return 1
			;;
		*)
			rm -f "$ser_p"
			cp -p "$KP_TOP/$ser_f" "$ser_p" || return 1
			[ "$ser_kind" = file ] ||
				series_pl part "$1" "$ser_f" >"$ser_p" || return 1
			;;
		esac
	done <"$ser_t/actions"
}

# series_who: From and Date of the mails: those of the last commit, if there are any
series_who() {
	ser_who=$(git -C "$KP_TOP" log -1 --format='%an|%ae|%at' 2>/dev/null) || ser_who=
	[ -n "$ser_who" ] || ser_who="nobody|nobody@localhost|$(date +%s)"
	GIT_AUTHOR_NAME=${GIT_AUTHOR_NAME:-${ser_who%%|*}}
	ser_who=${ser_who#*|}
	GIT_AUTHOR_EMAIL=${GIT_AUTHOR_EMAIL:-${ser_who%%|*}}
	GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
	ser_time=${ser_who##*|}
	export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
}

# series_commit: all of $ser_t/repo, with the message on standard input
series_commit() {
	# mails are sorted by their date
	ser_time=$((ser_time + 1))
	GIT_AUTHOR_DATE="$ser_time +0000" GIT_COMMITTER_DATE="$ser_time +0000"
	export GIT_AUTHOR_DATE GIT_COMMITTER_DATE
	series_git -C "$ser_t/repo" add -Af &&
		series_git -C "$ser_t/repo" commit -q --no-verify -F -
}

# series_write TMP DIR: the mails, in DIR; a repository with a commit for each, in TMP/repo,
# and how many lines each has, in TMP/sizes
series_write() {
	ser_t=$1
	series_files >"$ser_t/files"
	series_pl check >"$ser_t/check" 2>&1 || {
		cat "$ser_t/check" >&2
		return 1
	}
	series_who
	series_base "$ser_t/repo" || return 1
	series_git -C "$ser_t/repo" init -q || return 1
	echo "Linux $KP_LINUX" | series_commit || return 1
	: >"$ser_t/sizes"
	series_pl subjects >"$ser_t/subjects"
	ser_n=$(wc -l <"$ser_t/subjects")
	for ser_i in $(seq "$ser_n"); do
		series_step "$ser_i" "$ser_t/repo" || {
			say "mail $ser_i does not apply to what comes before it"
			return 1
		}
		series_pl message "$ser_i" | series_commit || return 1
		ser_lines=$(series_git -C "$ser_t/repo" diff --no-renames --numstat HEAD~1 |
			awk '{ n += $1 + $2 } END { print n }')
		echo "$ser_i $ser_lines" >>"$ser_t/sizes"
		series_pl large "$ser_i" "$ser_lines" >"$ser_t/check" || {
			cat "$ser_t/check" >&2
			return 1
		}
	done
	series_git -C "$ser_t/repo" format-patch -q -n --zero-commit --no-renames --cover-letter \
		-o "$2" "HEAD~$ser_n" || return 1
	series_pl cover "$ser_t" >"$ser_t/cover" || return 1
	awk -v cover="$ser_t/cover" '
		/\*\*\* SUBJECT HERE \*\*\*/ {
			getline subject <cover
			sub(/\*\*\* SUBJECT HERE \*\*\*/, subject)
			getline blank <cover
		}
		/^\*\*\* BLURB HERE \*\*\*$/ {
			while ((getline line <cover) > 0)
				print line
			next
		}
		{ print }' "$2/0000-cover-letter.patch" >"$ser_t/mail" &&
		mv "$ser_t/mail" "$2/0000-cover-letter.patch"
}

# series_mails DIR: the mails that change something, in order
series_mails() {
	for ser_f in "$1"/[0-9][0-9][0-9][0-9]-*.patch; do
		case $ser_f in
		*/0000-*) ;;
		*) echo "$ser_f" ;;
		esac
	done
}

# series_same TMP DIR: the mails in DIR, one after the other, make what ./run apply makes
series_same() {
	ser_t=$1
	series_base "$ser_t/am" && series_base "$ser_t/apply" || return 1
	series_git -C "$ser_t/am" init -q || return 1
	series_git -C "$ser_t/am" add -Af
	series_git -C "$ser_t/am" commit -q -m base
	# the names have no blanks
	# shellcheck disable=SC2046
	series_git -C "$ser_t/am" am -q $(series_mails "$2") >"$ser_t/am.out" 2>&1 || {
		cat "$ser_t/am.out" >&2
		return 1
	}
	head -n 4 "$KP_SRC/Makefile" >"$ser_t/apply/Makefile"
	(series_apply "$ser_t/apply") >"$ser_t/apply.out" 2>&1 || {
		cat "$ser_t/apply.out" >&2
		return 1
	}
	rm "$ser_t/apply/Makefile"
	series_git --git-dir="$ser_t/am/.git" --work-tree="$ser_t/apply" diff --stat HEAD >"$ser_t/differ" 2>&1
	series_git --git-dir="$ser_t/am/.git" --work-tree="$ser_t/apply" ls-files -o >>"$ser_t/differ"
	cat "$ser_t/differ" >&2
	[ ! -s "$ser_t/differ" ]
}

# Not for mails: Signed-off-by is up to who sends them; and see cmd/lint.sh.
KP_MAIL_IGNORE=MACRO_ARG_REUSE,MACRO_ARG_PRECEDENCE,FILE_PATH_CHANGES,CAMELCASE,UNKNOWN_COMMIT_ID

# series_findings: of what checkpatch says, what is meant: messages are not broken; events
# are laid out as everywhere, and the table of layers is none of English; in userspace
# there are lines of tables and scripts, the kernel's macros are imitated, and scripts have the
# names that those who run them look for
series_findings() {
	awk -F ': ' '
		!/: (ERROR|WARNING|CHECK):/ { next }
		/:LONG_LINE_STRING: / { next }
		/^tools/ && /:LONG_LINE: / { next }
		/^drivers\/dax\/persist\/trace\.h:.*:(PARENTHESIS_ALIGNMENT|OPEN_ENDED_LINE|SPACING): / { next }
		/^drivers\/dax\/persist\/layers:.*:REPEATED_WORD: / { next }
		/^include\/uapi\/.*:BIT_MACRO: / { next }
		/^tools\/dax\/kmem-persist\/include\// { next }
		/^tools\/dax\/kmem-persist\/(boot|debian)\/.*:EXECUTE_PERMISSIONS: / { next }
		/^tools\/dax\/kmem-persist\/image\.c:.*:VOLATILE: / { next }
		{ print }'
}

# series_checkpatch MAIL: what is wrong with it. Tests are no kernel code, and left out.
# A mail that was found good is not read again as long as it says the same.
series_checkpatch() {
	awk '/^diff --git / { out = / a\/tools\/testing\/kmem_persist\// } !out' "$1" >"$ser_t/mail.patch"
	mkdir -p "$KP_BASE/series/good"
	ser_sum=$({
		sed '/^From /d; /^From: /d; /^Date: /d; /^index /d; s/^Subject: \[PATCH[^]]*\]//' "$ser_t/mail.patch"
		cat "$KP_DIR/lib/series.sh" "$KP_SRC/scripts/checkpatch.pl"
	} | sha256sum | cut -d' ' -f1)
	[ ! -f "$KP_BASE/series/good/$ser_sum" ] || return 0
	(cd "$KP_SRC" && perl scripts/checkpatch.pl --strict --quiet --no-signoff --terse --showfile \
		--show-types --ignore "$KP_MAIL_IGNORE" "$ser_t/mail.patch") >"$ser_t/checkpatch" 2>&1 || :
	grep -q '^total: ' "$ser_t/checkpatch" || {
		cat "$ser_t/checkpatch"
		return 1
	}
	series_findings <"$ser_t/checkpatch" >"$ser_t/findings"
	cat "$ser_t/findings"
	[ ! -s "$ser_t/findings" ] || return 1
	find "$KP_BASE/series/good" -type f -mtime +30 -delete
	: >"$KP_BASE/series/good/$ser_sum"
}

# What the mails are compiled as: the demo's kernel, with what else is in files that they
# change.
series_config() {
	kernel_make O="$ser_o" tinyconfig &&
		kernel_fragments demo | cat - "$KP_DIR/config/series.config" >>"$ser_o/.config" &&
		kernel_make O="$ser_o" olddefconfig
}

# series_objects: what is compiled with everything on: the driver, and files of mm
series_objects() {
	echo drivers/dax/
	sed -n 's,^\(mm/.*\)\.c\.patch$,\1.o,p' "$ser_t/files"
}

# series_compile WHAT...: with sparse and W=1. The messages about files of the series that
# there were not without it are in $ser_t/news.
series_compile() {
	kernel_make O="$ser_o" W=1 C=1 CHECK="$KP_SPARSE" "$@" >"$ser_t/make" 2>&1 || {
		grep -E '(error|Error|undefined|warning)[: ]' "$ser_t/make" | head -n 20
		tail -n 3 "$ser_t/make"
		return 1
	}
	sed 's,\.patch$,,; s,.*,/&:,' "$ser_t/files" >"$ser_t/names"
	grep -E '(warning|error):' "$ser_t/make" | grep -F -f "$ser_t/names" |
		sed -E "s,^.*$KP_BASE/series/src/,,; s,:[0-9]+(:[0-9]+)?:,:," | sort -u >"$ser_t/said"
	sort -u "$ser_t/said" "$ser_t/before" | comm -23 - "$ser_t/before" >"$ser_t/news"
	cat "$ser_t/news"
	[ ! -s "$ser_t/news" ]
}

# series_hidden: the option of the framework, before it can be set
series_hidden() {
	grep -q "^	bool$" "$KP_TREE/drivers/dax/persist/Kconfig" 2>/dev/null
}

# series_symbols N [FOLDER]: names that the driver's objects define and want, after mail N
series_symbols() {
	find "$ser_o/drivers/dax${2:+/$2}" -name '*.o' -exec nm {} + 2>/dev/null >"$ser_t/nm"
	awk 'NF == 2 && $1 == "U" { print $2 }' "$ser_t/nm" | sort -u >"$ser_t/want.$1"
	awk 'NF == 3 && $2 ~ /^[A-Z]$/ { print $3 }' "$ser_t/nm" | sort -u >"$ser_t/have.$1"
}

# series_kernel_doc: of our own files that the last step has changed
series_kernel_doc() {
	ser_rc=0
	while read -r ser_kind ser_f ser_k; do
		case $ser_kind:$ser_f in
		section:* | *:tools/* | *:Documentation/*) continue ;;
		*.[ch]) ;;
		*) continue ;;
		esac
		(cd "$KP_TREE" && scripts/kernel-doc -none "$ser_f") >"$ser_t/doc" 2>&1 || ser_rc=1
		[ ! -s "$ser_t/doc" ] || {
			cat "$ser_t/doc"
			ser_rc=1
		}
	done <"$ser_t/actions"
	return $ser_rc
}

# series_build_begin TMP: a tree without the series, in which mails are built. Files that
# are not changed are links.
series_build_begin() {
	ser_t=$1
	ser_o=$KP_BASE/build/series
	mkdir -p "$ser_o" "$KP_BASE/series"
	: >"$ser_t/before"
	source_plain || return 1
	rm -rf "$KP_BASE/series/src"
	cp -al "$KP_BASE/plain" "$KP_BASE/series/src" || return 1
	KP_TREE=$KP_BASE/series/src
	series_files >"$ser_t/files"
	series_config >"$ser_t/config" 2>&1 || {
		tail -n 5 "$ser_t/config"
		return 1
	}
	# options of ours are not there yet
	kernel_verify "$KP_DIR/config/series.config" "$ser_o/.config" |
		grep -v '^CONFIG_DEV_DAX_KMEM_PERSIST' >"$ser_t/lacks" || :
	[ ! -s "$ser_t/lacks" ] || {
		cat "$ser_t/lacks"
		return 1
	}
	find "$ser_o/drivers/dax" "$ser_o/mm" -name '*.o' -delete 2>/dev/null
	# what the kernel's own files are complained about
	rm -f "$ser_t/said"
	# shellcheck disable=SC2046 # one word each
	series_compile $(series_objects) || :
	[ -f "$ser_t/said" ] || return 1
	cp "$ser_t/said" "$ser_t/before"
}

# series_build N: the tree after mail N is compiled; prints what is wrong
series_build() {
	series_step "$1" "$KP_TREE" || return 1
	! grep -q ' tools/dax/' "$ser_t/actions" ||
		make -C "$KP_TREE/tools/dax/kmem-persist" >"$ser_t/make" 2>&1 || {
		tail -n 5 "$ser_t/make"
		return 1
	}
	grep -qE '^[a-z]+ (mm|include|drivers)/' "$ser_t/actions" || return 0
	cp "$ser_t/actions" "$ser_t/step"
	series_kernel_doc || return 1
	! grep -q Kconfig "$ser_t/actions" || series_config >"$ser_t/config" 2>&1 || {
		tail -n 5 "$ser_t/config"
		return 1
	}
	# shellcheck disable=SC2046 # one word each
	series_compile $(series_objects) || return 1
	# what nothing links yet
	# shellcheck disable=SC2046
	! grep -q ' drivers/dax/persist/map/map.c$' "$ser_t/step" ||
		series_compile $(sed -n 's,^[a-z]* \(drivers/dax/persist/map/.*\)\.c$,\1.o,p' "$ser_t/step") || return 1
	# headers that others include
	! grep -qE '^section (mm|include)/' "$ser_t/step" ||
		kernel_make O="$ser_o" mm/ >"$ser_t/make" 2>&1 || {
		grep -E '(error|Error)[: ]' "$ser_t/make" | head
		return 1
	}
	if series_hidden; then
		cp -p "$KP_TREE/drivers/dax/persist/Kconfig" "$ser_t/Kconfig"
		sed '0,/^	bool$/s//	bool "the framework as far as it is there"/' "$ser_t/Kconfig" \
			>"$KP_TREE/drivers/dax/persist/Kconfig.own"
		mv "$KP_TREE/drivers/dax/persist/Kconfig.own" "$KP_TREE/drivers/dax/persist/Kconfig"
		ser_rc=0
		series_config >"$ser_t/config" 2>&1 || ser_rc=1
		grep -q '^CONFIG_DEV_DAX_KMEM_PERSIST=y$' "$ser_o/.config" || {
			echo "the framework cannot be switched on"
			ser_rc=1
		}
		# what the Makefile does not name yet; and who calls the framework comes last
		ser_more=
		[ ! -f "$KP_TREE/drivers/dax/persist/inject.c" ] || ser_more=drivers/dax/persist/inject.o
		[ "$ser_rc" -ne 0 ] || series_compile drivers/dax/ $ser_more || ser_rc=1
		[ "$ser_rc" -ne 0 ] || series_symbols "$1" persist
		cp -p "$ser_t/Kconfig" "$KP_TREE/drivers/dax/persist/Kconfig"
		series_config >"$ser_t/config" 2>&1 || ser_rc=1
		return $ser_rc
	fi
	series_symbols "$1"
}

# series_build_end: nothing that is in the tree after the last mail was wanted before it
# was there
series_build_end() {
	ser_rc=0
	ser_last=$(ls "$ser_t" | sed -n 's/^have\.//p' | sort -n | tail -n 1)
	[ -n "$ser_last" ] && [ -s "$ser_t/have.$ser_last" ] || {
		echo "no names of objects are known"
		return 1
	}
	for ser_f in "$ser_t"/want.*; do
		ser_k=${ser_f##*.}
		comm -12 "$ser_f" "$ser_t/have.$ser_last" | comm -23 - "$ser_t/have.$ser_k" >"$ser_t/early"
		[ ! -s "$ser_t/early" ] || {
			echo "mail $ser_k wants: $(tr '\n' ' ' <"$ser_t/early")"
			ser_rc=1
		}
	done
	return $ser_rc
}

# series_arm64 DIR: the driver and mm after the last mail, for arm64
series_arm64() {
	ser_a=$KP_BASE/build/series-arm64
	mkdir -p "$ser_a"
	ser_make="ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc"
	# shellcheck disable=SC2086,SC2046
	kernel_make O="$ser_a" $ser_make defconfig >"$ser_t/make" 2>&1 &&
		cat "$KP_TOP/Kconfig.fragment" "$KP_DIR/config/series.config" >>"$ser_a/.config" &&
		kernel_make O="$ser_a" $ser_make olddefconfig >"$ser_t/make" 2>&1 &&
		kernel_make O="$ser_a" $ser_make W=1 $(series_objects) >"$ser_t/make" 2>&1 || {
		grep -E '(error|Error)[: ]' "$ser_t/make" | head
		return 1
	}
}

# SPDX-License-Identifier: GPL-2.0
# Debian packages that are used but never installed: the kernel's source, a
# newer QEMU. apt fetches them and checks their signatures with lists and
# state of its own under the cache, so the machine's apt stays as it is.

# apt_mirror: the Debian mirror that this machine uses
apt_mirror() {
	if [ -n "${KMEM_MIRROR:-}" ]; then
		printf '%s\n' "$KMEM_MIRROR"
		return
	fi
	apt_uri=$(apt-get indextargets 'Created-By: Packages' 2>/dev/null | awk '
		function flush() {
			if (uri != "" && label !~ /Security/ && rel !~ /security/ &&
			    (origin == "Debian" || uri ~ /\/debian\/?$/)) {
				print uri
				exit
			}
			uri = label = origin = rel = ""
		}
		/^$/ { flush() }
		/^Repo-URI: / { uri = $2 }
		/^Label: / { label = $2 }
		/^Origin: / { origin = $2 }
		/^Release: / { rel = $2 }
		END { flush() }' | head -n 1)
	if [ -z "$apt_uri" ]; then	# not a Debian: the project's own
		apt_project=debian
		apt_uri=http://deb.$apt_project.org/$apt_project
	fi
	printf '%s\n' "$apt_uri"
}

# apt_in SUITE COMMAND...: apt-get or apt-cache that knows one suite only
apt_in() {
	apt_root=$KP_CACHE/apt/$1
	shift
	apt_prog=$1
	shift
	"$apt_prog" -q \
		-o Dir::Etc::SourceList="$apt_root/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State="$apt_root" \
		-o Dir::State::Lists="$apt_root/lists" \
		-o Dir::State::status="$apt_root/status" \
		-o Dir::Cache="$apt_root/cache" \
		-o Acquire::Languages=none \
		-o APT::Sandbox::User=root "$@"
}

# apt_suite SUITE: get the lists of a suite
apt_suite() {
	apt_root=$KP_CACHE/apt/$1
	mkdir -p "$apt_root/lists/partial" "$apt_root/cache/archives/partial"
	: >"$apt_root/status"
	apt_key=/usr/share/keyrings/debian-archive-keyring.gpg
	apt_by=
	[ ! -f "$apt_key" ] || apt_by="[signed-by=$apt_key] "
	printf 'deb %s%s %s main\n' "$apt_by" "$(apt_mirror)" "$1" \
		>"$apt_root/sources.list"
	apt_in "$1" apt-get update -o APT::Update::Error-Mode=any
}

# apt_fetch SUITE DIR PACKAGE[=VERSION]...: download into DIR
apt_fetch() {
	apt_dir=$2
	apt_tmp=$2/tmp.$$
	apt_where=$1
	shift 2
	rm -rf "$apt_tmp"
	mkdir -p "$apt_tmp"
	(cd "$apt_tmp" && apt_in "$apt_where" apt-get download "$@") &&
		mv "$apt_tmp"/*.deb "$apt_dir"/ || {
		rm -rf "$apt_tmp"
		return 1
	}
	rm -rf "$apt_tmp"
}

# apt_failed LOG WHAT: say why apt failed
apt_failed() {
	tail -n 5 "$1" >&2
	if grep -qiE 'could not resolve|temporary failure|unable to connect|could not connect|network is unreachable|connection (timed out|refused)' "$1"; then
		die "$2: no network, or the package mirror does not answer" \
			"check the network and the machine's apt configuration" \
			"a mirror can be named: KMEM_MIRROR=URI"
	elif grep -qiE "no space left|enough free space" "$1"; then
		die "$2: no disk space" \
			"free some, or set KMEM_CACHE to a folder elsewhere"
	elif grep -qiE 'could not get lock|permission denied' "$1"; then
		die "$2: not allowed, or another apt is running" \
			"run as root, and when the other apt has ended"
	elif grep -qiE 'NO_PUBKEY|not signed|invalid signature' "$1"; then
		die "$2: the signature of the package lists could not be checked" \
			"install a newer debian-archive-keyring"
	fi
	die "$2" "see $1"
}

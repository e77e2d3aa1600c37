# SPDX-License-Identifier: GPL-2.0
# timeout: 120
# kernel: none
# packages: package
# The Debian package of kmem-persist: all that make install installs is in it and nothing
# else, what users change is theirs, the same checkout makes the same bytes wherever that is
# done, and lintian finds nothing. What it does on a machine is looked at by 85-systemd.
. "$KP_DIR/lib/testlib.sh"
. "$KP_DIR/tests/common.sh"
top=$KP_TOP/tools/dax/kmem-persist

check "one" quietly env KMEM_DEPS=no "$KP_TOP/run" package --check one
# of another place, which is no checkout of git
mkdir other
(cd "$KP_TOP" && tar -cf - run Kconfig.fragment ./*.patch Documentation drivers include mm tools/dax \
	tools/testing/kmem_persist) | tar -xf - -C other
check "and another" quietly env KMEM_DEPS=no TZ=Asia/Tokyo other/run package two
for f in one/*.deb one/*.tar.xz one/*.dsc; do
	check "the same bytes: ${f#one/}" cmp "$f" "two/${f#one/}"
done
deb=$(echo one/kmem-persist_*.deb)

mkdir obj
check "make install" quietly make -s -C "$top" OUTPUT="$PWD/obj/" DESTDIR="$PWD/root" prefix=/usr install
(cd root && find . ! -type d | sed 's/\.8$/&.gz/' | sort) >wanted
dpkg-deb -c "$deb" >list
awk '$1 !~ /^d/ { print $6 }' list | grep -vE '^./usr/share/(doc|lintian)/' | sort >got
check "it has what make install installs" cmp wanted got
diff wanted got | sed 's/^/# /'
check "which is something" [ "$(wc -l <got)" -gt 15 ]
same "documents" "$(awk '$1 !~ /^d/ { print $6 }' list | sed -n 's,^./usr/share/doc/kmem-persist/,,p' | xargs)" \
	"changelog.Debian.gz copyright"

mkdir control
dpkg-deb -e "$deb" control
alike "what users may change: all below /etc, but not what the program remembers there" \
	"$(xargs <control/conffiles)" "$(sed -n 's,^\.\(/etc/.*\),\1,p' got | xargs)"
check "which devices have data: a folder that is there from the start" \
	grep -q '^d.* ./etc/kmem-persist/known/$' list
alike "the version of the program" "$(dpkg-deb -f "$deb" Version | cut -d- -f1)" \
	"$(sed -n 's/^VERSION := //p' "$top/Makefile")"
same "nothing of ndctl's or daxctl's is touched" "$(grep -lE 'divert|rm .*daxctl' control/* | xargs)" ""
check "to install it starts nothing" eval '! grep -sE "deb-systemd-invoke.*start|systemctl.*start|udevadm|invoke-rc" control/p*'
same "units: the same wherever it is built" "$(sed -nE 's/^[[:space:]]*(deb-systemd-[a-z]+ .*)/\1/p' control/p* | sort | xargs)" \
	"deb-systemd-helper purge kmem-persist-metrics.timer >/dev/null || : deb-systemd-invoke stop kmem-persist-metrics.timer || :"
check "units: nothing of debhelper" eval '! grep -sE "dh_(installsystemd|systemd)" control/p*'
for f in control/prerm control/postrm; do
	check "${f#control/}: a script" sh -n "$f"
done
check "an update of the initramfs" grep -q 'update-initramfs' control/triggers

# the spec for rpm has the same files, but for those of Debian's own
sed -n '/^%files/,/^%changelog/p' "$top/kmem-persist.spec" | grep '%{' |
	sed 's,%{_sbindir},/usr/sbin,; s,%{_mandir},/usr/share/man,; s,%{_datadir},/usr/share,
		s,%{_prefix},/usr,; s,%{_modprobedir},/usr/lib/modprobe.d,; s,%{_unitdir},/usr/lib/systemd/system,
		s,%{_udevrulesdir},/usr/lib/udev/rules.d,; s,%{_sysconfdir},/etc,; s,%config(noreplace) ,,' >all
grep -v '^%dir' all >spec
sed 's,^%dir ,,' all >places
check "the spec: all macros are known" eval '! grep "%" places'
sed 's,^\.,,' wanted | grep -vE '^/usr/share/initramfs-tools/|^/etc/kernel/' >files
while read -r file; do
	while read -r entry; do
		# shellcheck disable=SC2254 # they are patterns, and a folder is all in it
		case $file in
		$entry | ${entry%/}/*) continue 2 ;;
		esac
	done <spec
	echo "$file"
done <files >missing
same "the spec: what make install installs and it has not" "$(xargs <missing)" ""
while read -r entry; do
	# shellcheck disable=SC2086
	ls -d root$entry >/dev/null 2>&1 || echo "$entry"
done <places >nowhere
same "the spec: what it has and is not installed" "$(xargs <nowhere)" ""
alike "the spec: its version" "$(sed -n 's/^Version: *//p' "$top/kmem-persist.spec")" \
	"$(sed -n 's/^VERSION := //p' "$top/Makefile")"
finish

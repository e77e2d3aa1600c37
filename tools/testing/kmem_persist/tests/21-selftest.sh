# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# The kernel's own selftest of kmem's state attribute passes as before on a plain
# device, and also on a device that carries data, which stays. The one of persistent data
# passes, too, and does nothing to a device unless it was asked to, nor to data. Both are
# what "make install" installs.
. "$KP_DIR/lib/testlib.sh"

mkdir -p share out
check "they can be installed" eval 'make -s -C "$KP_SRC/tools/testing/selftests" TARGETS=dax \
	O="$PWD/out" INSTALL_PATH="$PWD/share" install >install.out 2>&1'
same "both are on the list" "$(sort share/kselftest-list.txt | tr '\n' ' ')" \
	"dax:dax-kmem-hotplug.sh dax:dax-kmem-persist.sh "

guest selftest --share "$PWD/share" --nvdimm nv0:384M --nvdimm nv1:384M <<'END'
. /usr/lib/guest/lib.sh

# selftest NAME DEVICE PASS SKIP [VARIABLE=VALUE]: run it, its results are ours
selftest() {
	env DAX_KMEM_TEST_DEV="$2" "${@:5}" PATH="/tmp/bin:$PATH" \
		/share/dax/dax-kmem-hotplug.sh >/tmp/ktap 2>&1
	rc=$?
	sed 's/^/# /' /tmp/ktap
	grep -E '^not ok' /tmp/ktap | while read -r line; do
		not_ok "$1: ${line#not ok }"
	done
	same "$1: exit status" $rc 0
	same "$1: passed" "$(grep -E '^ok' /tmp/ktap | grep -vc '# SKIP')" "$3"
	same "$1: skipped" "$(grep -cE '^ok.*# SKIP' /tmp/ktap)" "$4"
}

# persistent NAME STATUS PASS [VARIABLE=VALUE]...: run that of persistent data
persistent() {
	env "${@:4}" /share/dax/dax-kmem-persist.sh >/tmp/ktap 2>&1
	rc=$?
	[ $rc -eq "$2" ] || sed 's/^/# /' /tmp/ktap
	same "$1: exit status" $rc "$2"
	same "$1: passed" "$(grep -c '^ok' /tmp/ktap)" "$3"
	[ "$2" -eq 0 ] || check "$1: says why" grep -qE '^1\.\.0 # SKIP .' /tmp/ktap
}

# busybox's dmesg calls -C -c and prints
mkdir -p /tmp/bin
cat >/tmp/bin/dmesg <<'SHIM'
#!/bin/bash
if [ "$1" = -C ]; then
	busybox dmesg -c >/dev/null
else
	busybox dmesg "$@"
fi
SHIM
chmod 755 /tmp/bin/dmesg

plain=$(nv_dax 0)
data=$(nv_dax 1)
check "two devdax namespaces" [ -n "$plain" -a -n "$data" ]
check "kmem" modprobe kmem
persistent "not asked for" 4 0
persistent "not to destroy anything" 4 0 DAX_KMEM_PERSIST_DEV="$data"
check "nothing was done" [ ! -e "/sys/bus/dax/devices/$data/persist" ]
persistent "no such device" 4 0 DAX_KMEM_PERSIST_DEV=dax9.9 DAX_KMEM_PERSIST_DESTROY=1
persistent "persistent" 0 12 DAX_KMEM_PERSIST_DEV="$data" DAX_KMEM_PERSIST_DESTROY=1
persistent "an active one" 0 2 DAX_KMEM_PERSIST_DEV="$data"
persistent "one that kmem has" 4 0 DAX_KMEM_PERSIST_DEV="$data" DAX_KMEM_PERSIST_DESTROY=1
check "the other one to system-ram" to_ram "$plain"
check "a plain one" [ ! -e "/sys/bus/dax/devices/$plain/persist" ]
check "and one with data" until_true 10 [ -b /dev/kmem0 ]
check "which is written" kmemio fill /dev/kmem0 0 2048 7
check "to devdax" to_dax "$data"
persistent "one with data" 4 0 DAX_KMEM_PERSIST_DEV="$data" DAX_KMEM_PERSIST_DESTROY=1
check "which it left alone" kmemio check /dev/kmem0 0 2048 7
said_mark
selftest "with data" "$data" 9 1
check "it was detached and attached" said "$data: detached"
# it leaves the device unplugged
check "plug" eval "echo online_movable >/sys/bus/dax/devices/$data/state"
check "the disk is there" until_true 10 [ -b /dev/kmem0 ]
check "the data is there" kmemio check /dev/kmem0 0 2048 7
selftest "plain" "$plain" 9 1
# the last: the memory of that device is lost until the guest ends
selftest "plain, with the destructive part" "$plain" 10 0 DAX_KMEM_TEST_UNBIND=1
END
finish

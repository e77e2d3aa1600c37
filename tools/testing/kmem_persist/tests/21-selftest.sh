# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# kernel: test distro
# processors: 1
# The kernel's own selftest of kmem's state attribute passes as before on a plain
# device, and also on a device that carries data, which stays. The one of persistent data
# passes, too, and does nothing to a device unless it was asked to, nor to data. Both are
# what "make install" installs.
. "$KP_DIR/lib/testlib.sh"
kernel_mostly distro

mkdir -p share out
check "they can be installed" eval 'make -s -C "$KP_SRC/tools/testing/selftests" TARGETS=dax \
	O="$PWD/out" INSTALL_PATH="$PWD/share" install >install.out 2>&1'
same "both are on the list" "$(sort share/kselftest-list.txt | tr '\n' ' ')" \
	"dax:dax-kmem-hotplug.sh dax:dax-kmem-persist.sh "

guest selftest --share "$PWD/share" --nvdimm nv0:384M --nvdimm nv1:384M
finish

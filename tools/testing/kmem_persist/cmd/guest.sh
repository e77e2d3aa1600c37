# SPDX-License-Identifier: GPL-2.0
# usage: guest [OPTION...] -- SCRIPT [ARG...]
# help: Run SCRIPT as root in a fresh guest. Its output is on stdout, its exit
# help: status is ours; 124: time is up, 125: the guest died. Killing this
# help: process is the power cut. fio is there if SCRIPT names it.
# help:   --kernel NAME        demo, distro, test or plain (demo)
# help:   --mem SIZE           DRAM (2G)
# help:   --cpus N             (2)
# help:   --nvdimm FILE[:SIZE[:own|NODE]]  an NVDIMM kept in FILE, made when it is
# help:                        missing; in a NUMA node of its own (own) or in
# help:                        NODE, 0 being the one with DRAM; repeatable
# help:   --cxl FILE[:SIZE[:pmem|ram]]  a CXL memory device kept in FILE (pmem: its labels
# help:                        in FILE.lsa), made when it is missing; repeatable. Its serial
# help:                        number is made of the name of FILE; regions are made in the
# help:                        guest. QEMU emulates each access: without KVM, and slow
# help:   --append ARGS        for the kernel's command line
# help:   --timeout S          seconds until the guest is killed
# help:   --share DIR          a folder of the host, at /share in the guest
# help:   --log FILE           the kernel's console
# help:   --second FILE        what the guest writes to /dev/virtio-ports/ack
# help:   --root IMAGE         not the small root of the tests but a whole system with
# help:                        systemd, see ./run root; IMAGE keeps what is written
# help:   --accel kvm|tcg|tcg-strings|"QEMU ARGS"  instead of choosing; tcg-strings: with
# help:                        string instructions (rep movs), slower, for plugins of
# help:                        QEMU that look at instructions
# help:   --qemu "ARGS"        more arguments for QEMU

guest_options "$@"
shift "$g_used"
guest_run "$@"

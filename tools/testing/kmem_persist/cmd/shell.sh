# SPDX-License-Identifier: GPL-2.0
# usage: shell [OPTION...]
# help: A guest on this terminal, with the drivers, ndctl, daxctl, fio and mkfs at
# help: hand; options as for guest. Without --nvdimm or --cxl it gets one of 2 GiB that is
# help: kept in the cache. Its kernel is that of the demo: --kernel distro has XFS, MD, DM,
# help: io_uring and tracing, too, and takes longer to build.

guest_options "$@"
[ "$g_used" -eq $# ] || die "unknown word after --" "to run a script: ./run guest -- SCRIPT"
[ -t 0 ] || die "./run shell needs a terminal" "to run a script: ./run guest -- SCRIPT"
[ $((g_n + g_cxls)) -gt 0 ] || {
	cache_open
	guest_nvdimm "$KP_CACHE/shell.nvdimm:2G:own"
}
guest_shell

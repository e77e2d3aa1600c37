# SPDX-License-Identifier: GPL-2.0
# usage: shell [OPTION...]
# help: A guest on this terminal, with the drivers, ndctl, daxctl, fio and mkfs at
# help: hand; options as for guest. Without --nvdimm it gets one of 2 GiB that is
# help: kept in the cache.

case " $*" in
*' --nvdimm '*) ;;
*) mkdir -p "$KP_CACHE"; set -- --nvdimm "$KP_CACHE/shell.nvdimm:2G:own" "$@" ;;
esac
guest_options "$@"
guest_shell

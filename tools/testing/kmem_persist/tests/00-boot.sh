# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# The test kernel boots, an NVDIMM becomes a devdax namespace, and stock tools
# make system RAM of it and take it back.
. "$KP_DIR/lib/testlib.sh"

guest boot --nvdimm nv0:1G:own
finish

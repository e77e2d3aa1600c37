# SPDX-License-Identifier: GPL-2.0
# usage: apply DIR
# help: Copy and patch this series into your own source tree of Linux 7.3. Nothing
# help: is changed unless all of it applies as it is, without fuzz. Then add Kconfig.fragment to your
# help: configuration and build as always.

[ $# -eq 1 ] || die "which tree? One folder" "./run apply DIR"
[ -d "$1" ] || die "$1 is not a folder" "./run apply DIR"
series_apply "$1"

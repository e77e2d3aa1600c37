# SPDX-License-Identifier: GPL-2.0
# usage: deps
# help: Install the packages that ./run uses and that are missing (Debian, Ubuntu).

no_words deps "$@"
deps
say "all packages are there"

# SPDX-License-Identifier: GPL-2.0
# usage: help [COMMAND]
# help: This list, or its entry about one command.

if [ $# -gt 0 ]; then
	[ $# -eq 1 ] || die "help about what?" "./run help, or ./run help COMMAND"
	help_file=$(command_file "$1") || exit 1
	usage "$help_file"
	exit 0
fi
cat <<'END'
Persistent data in DAX memory that is also system RAM: ./run COMMAND [ARG...]

END
for f in demo test shell guest kernel deps apply clean; do
	[ ! -f "$KP_DIR/cmd/$f.sh" ] || usage "$KP_DIR/cmd/$f.sh"
done
for f in "$KP_DIR"/cmd/*.sh; do
	case $(basename "$f" .sh) in
	demo | test | shell | guest | kernel | deps | apply | clean) ;;
	*) usage "$f" ;;
	esac
done
cat <<END

Everything is kept in one folder, $KP_CACHE
  KMEM_CACHE=DIR    another folder for it
  LINUX_SRC=PATH    a source tree or tarball of Linux 7.3 instead of Debian's
  KMEM_MIRROR=URI   another Debian mirror than the machine's own
  KMEM_CONFIG=FILE  the configuration of ./run package --kernel instead of Debian's
  KMEM_MODULES=FILE what lsmod says on the machine that --small is for, instead of this one
  KMEM_DEPS=no      do not look for missing packages
END

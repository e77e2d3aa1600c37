# SPDX-License-Identifier: GPL-2.0
# timeout: 200
# kernel: none
# What ./run does before it does anything: it keeps everything in one folder, and removes
# nothing that it has not made; it refuses what is wrong before it fetches, builds or makes
# anything; it says when it is interrupted that it goes on the next time; and it takes no
# products of a build from a checkout into somebody's tree. Nothing is fetched here.
. "$KP_DIR/lib/testlib.sh"

# a machine on which nothing can be fetched or installed: who tries is noticed
mkdir bin home
for prog in apt-get apt-cache dpkg-query sudo; do
	printf '#!/bin/sh\necho "%s $*" >>"%s/fetched"\nexit 1\n' "$prog" "$PWD" >"bin/$prog"
	chmod 755 "bin/$prog"
done
top=$KP_TOP
unset KP_READY KP_BZIMAGE KP_INITRD KP_BASE KP_SRC KP_KERNELS KP_ROOTS LINUX_SRC KMEM_MIRROR KMEM_CONFIG KMEM_MODULES
HOME=$PWD/home
XDG_CACHE_HOME=$PWD/home/.cache
PATH=$PWD/bin:$PATH
export HOME XDG_CACHE_HOME PATH

# run CACHE WORD...: its output is in "out", its status in R_RC
run() {
	r_cache=$1
	shift
	R_RC=0
	KMEM_CACHE=$r_cache "$top/run" "$@" >out 2>&1 </dev/null || R_RC=$?
}

# says REGEX
says() {
	grep -qE -- "$1" out || {
		sed 's/^/# /' out
		return 1
	}
}

# state DIR: all that is there
state() {
	(cd "$1" && find . -printf '%p %y %s %T@ %l\n' | sort)
}

# refuses REGEX WORD...: ends with status 1, one error with a remedy, and has made nothing
refuses() {
	r_regex=$1
	shift
	rm -f fetched
	run "$PWD/never" "$@"
	check "refused: $*" [ "$R_RC" -eq 1 ]
	check "refused, and why: $*" says "^run: error: .*$r_regex"
	same "refused, nothing was made or fetched: $*" "$(ls -d never fetched nv home/* home/.[!.]* 2>/dev/null)" ""
}

# --- refused first
refuses "there is no command 'tset'" tset
refuses "there is no command '../cmd/help'" ../cmd/help
refuses "there is no command 'nix'" help nix
refuses "help about what" help test demo
refuses "takes nothing" deps now
refuses "takes nothing" lint --fix
refuses "there is no kernel 'fast'" kernel fast
refuses "one kernel" kernel demo test
refuses "which tree" apply
refuses "which tree" apply a b
refuses "is not a folder" apply "$PWD/nowhere"
refuses "is not a source tree" apply "$PWD"
refuses "where to" series
refuses "where to" series a b
refuses "unknown option '--fast'" series --fast
refuses "is not a folder" series "$0"
refuses "is not empty" series "$KP_DIR"
refuses "where to" package --kernel --small
refuses "are about a kernel" package --small "$PWD/packages"
refuses "are about a kernel" package --configure "$PWD/packages"
KMEM_CONFIG=/nowhere
export KMEM_CONFIG
refuses "KMEM_CONFIG=/nowhere: there is no such file" package --kernel "$PWD/packages"
unset KMEM_CONFIG
KMEM_MODULES=/nowhere
export KMEM_MODULES
refuses "KMEM_MODULES=/nowhere: there is no such file" package --kernel --small "$PWD/packages"
unset KMEM_MODULES
refuses "where to" package
refuses "where to" package a b
refuses "unknown option '--fast'" package --fast
refuses "is not a folder" package "$0"
refuses "there is no system 'sarge'" root sarge "$PWD/image"
refuses "which file" root
refuses "is there already" root "$0"
refuses "there is no folder" root "$PWD/nowhere/image"
refuses "there is no such image" guest --root "$PWD/nowhere" -- "$0"
refuses "clean what" clean everything
refuses "clean what" clean all all
refuses "unknown option '--fast'" test --fast
refuses "unknown option '-x'" test 05-map -x
refuses "-j needs a number" test -j
refuses "-j needs a number" test -j0
refuses "-j needs a number" test -jx 05-map
refuses "no test like '99-nothing'" test 05-map 99-nothing
refuses "no test like '../x'" test ../x
refuses "unknown option '--fast'" demo --fast
refuses "not for this command" demo --share /tmp
refuses "--svg needs a file" demo --svg
refuses "unknown option 'word'" demo word
refuses "there is no kernel 'fast'" guest --kernel fast -- "$0"
refuses "not a size: 'lots'" guest --mem lots -- "$0"
refuses "--cpus needs a number" guest --cpus two -- "$0"
refuses "--timeout needs seconds" guest --timeout soon -- "$0"
refuses "there is no such folder" guest --share "$PWD/nowhere" -- "$0"
refuses "--mem needs a value" guest --mem
refuses "no script to run" guest --mem 1G
refuses "there is no script" guest -- "$PWD/nowhere"
refuses 'nv does not exist' guest --nvdimm "$PWD/nv" -- "$0"
refuses "there is no script" guest --nvdimm "$PWD/nv:1G" -- "$PWD/nowhere"
refuses 'of a CXL device .N x 256 MiB.' guest --cxl "$0" -- "$0"
refuses "not a kind of CXL memory: 'flash'" guest --cxl "$PWD/cxl:1G:flash" -- "$0"
refuses "two CXL devices with one name" guest --cxl "$PWD/cxl:1G" --cxl "$PWD/../${PWD##*/}/cxl:1G" -- "$0"
refuses "needs a terminal" shell
refuses "unknown option '--fast'" shell --fast
refuses "not for this command" cost --kernel test
refuses "there is no part 'all'" bench all
refuses "there is no kernel 'fast'" powercut --kernel fast
refuses "not a number of cuts" powercut many
refuses "not a seed" powercut --seed x
refuses "-t needs a number" fuzz -t
refuses "-t needs a number" fuzz -t0
refuses "there is no target 'all'" fuzz all
refuses "--deep needs a number" crash --deep long
refuses "unknown option" crash --fast
refuses "N is a number" mutants many
refuses "unknown option '--all'" mutants --all
refuses "--kind needs a word" mutants --kind
LINUX_SRC=$PWD/nowhere
export LINUX_SRC
KMEM_DEPS=no run "$PWD/never" kernel demo
check "LINUX_SRC that is not there" [ "$R_RC" -eq 1 ]
check "LINUX_SRC: says so" says 'LINUX_SRC=.*there is no such file'
unset LINUX_SRC
rm -rf never

# every command has an entry, and knows it
for f in "$KP_DIR"/cmd/*.sh; do
	cmd=$(basename "$f" .sh)
	run "$PWD/never" help "$cmd"
	check "help $cmd" says "^  ./run $cmd"
	cp out help.out
	run "$PWD/never" "$cmd" --help
	check "$cmd --help: the same" cmp -s out help.out
done
check "nothing was made for that" [ ! -e never ]

# a number that is attached: what is said is about the next word, not about the number
run "$PWD/never" test -j1 --nonsense
check "-j1" says "unknown option '--nonsense'"
run "$PWD/never" fuzz -t60 --nonsense
check "-t60" says "unknown option '--nonsense'"

# --- a folder that is not ours
mkdir foreign
echo data >foreign/file
mkdir -p foreign/test/deep foreign/log foreign/linux-5
echo mine >foreign/test/deep/file
echo mine >foreign/linux-5/file
for what in clean "clean all" deps "test 05-map"; do
	state foreign >before
	# shellcheck disable=SC2086
	KMEM_DEPS=no run "$PWD/foreign" $what
	state foreign >after
	if [ "$what" = deps ]; then
		# has nothing to keep there
		check "foreign folder: deps leaves it alone" cmp -s before after
		continue
	fi
	check "foreign folder: $what is refused" [ "$R_RC" -eq 1 ]
	check "foreign folder: $what says so" says 'was not made by ./run, and is not empty'
	check "foreign folder: $what leaves it alone" cmp -s before after
done
# another program's tag, a tag that leads elsewhere, an old cache with one file too many
echo 'Signature: 8a477f597d28d172789f06886806bc55' >foreign/CACHEDIR.TAG
run "$PWD/foreign" clean all
check "another program's cache" [ "$R_RC" -eq 1 -a -f foreign/test/deep/file ]
rm -f foreign/CACHEDIR.TAG
: >foreign/cache.lock
run "$PWD/foreign" clean all
check "a lock does not make it ours" [ "$R_RC" -eq 1 -a -f foreign/test/deep/file ]
# folders like /etc, a home and a checkout, of which some names are also ours. Only ones that
# were made for this: if this should ever fail, it would fail like that.
mkdir -p like-etc/apt like-home/.cache/kmem-persist like-home/guest like-checkout/.git like-checkout/test
for dir in like-etc/apt like-home/guest like-checkout/test; do
	echo mine >"$dir/file"
done
echo mine >like-etc/passwd
for dir in like-etc like-home like-checkout foreign/test/..; do
	state "$dir" >before
	run "$PWD/$dir" clean all
	check "KMEM_CACHE=$dir: refused" [ "$R_RC" -eq 1 ]
	state "$dir" >after
	check "KMEM_CACHE=$dir: left alone" cmp -s before after
done
echo mine >home/file

# --- ours: make one by a command that needs no network
LINUX_SRC=$PWD/home/file
export LINUX_SRC
KMEM_DEPS=no run "$PWD/ours" kernel demo
unset LINUX_SRC
check "a tarball that is none" says "cannot unpack"
check "a tag for programs that make backups" [ "$(head -n 1 ours/CACHEDIR.TAG)" = \
	'Signature: 8a477f597d28d172789f06886806bc55' ]
# as after much use, with links that lead out of it, and something of the user's own
mkdir -p outside/deep ours/crash/build ours/fuzz/build ours/fuzz/corpus ours/dl ours/ccache \
	ours/test/1/x ours/bench
echo mine >outside/deep/file
ln -s ../outside ours/linux-9
ln -s ../../outside ours/test/link
ln -s ../outside ours/powercut
: >ours/dl/deb
: >ours/crash/a.state
: >ours/seconds
echo mine >ours/note
echo mine >ours/.hidden
run "$PWD/ours" clean
check "clean" [ "$R_RC" -eq 0 ]
check "clean: what was built is gone" [ ! -e ours/test -a ! -e ours/crash/build -a ! -L ours/linux-9 ]
check "clean: what is worth keeping is there" \
	[ -f ours/dl/deb -a -d ours/ccache -a -f ours/crash/a.state -a -d ours/fuzz/corpus -a -d ours/bench ]
run "$PWD/ours" clean all
check "clean all" [ "$R_RC" -eq 0 ]
same "clean all: what is left" "$(ls -A ours | tr '\n' ' ')" ".hidden note "
check "clean all: and says so" says 'left alone: .*note'
check "where links led" [ -f outside/deep/file ]
rm -f ours/note ours/.hidden
KMEM_DEPS=no LINUX_SRC=$PWD/home/file run "$PWD/ours" kernel demo
check "made again" [ -f ours/CACHEDIR.TAG ]
rm -f ours/CACHEDIR.TAG
run "$PWD/ours" clean all
check "one from before there was a tag is ours, too" [ "$R_RC" -eq 0 -a ! -e ours ]
ln -s home/linked link
mkdir home/linked
KMEM_DEPS=no LINUX_SRC=$PWD/home/file run "$PWD/link" kernel demo
run "$PWD/link" clean all
check "a cache behind a link: emptied" [ -z "$(ls -A home/linked)" ]
run "$PWD/ours" clean all
check "nothing there: nothing to do" [ "$R_RC" -eq 0 -a ! -e ours ]
check "nothing there: and says so" says 'there is no .*/ours: nothing to remove'

# a fresh machine has no lists of packages: what fails is not the first that one sees
if [ "$(id -u)" -eq 0 ]; then
	rm -f fetched
	run "$PWD/bare" deps
	check "no lists: deps fails" [ "$R_RC" -eq 1 ]
	check "no lists: they are fetched first" eval 'grep "^apt-get " fetched | head -n 1 | grep -q " update$"'
	check "no lists: only then packages" eval '! grep -q "^apt-get .* install" fetched'
	rm -rf bare
else
	skip "no lists: not root"
fi

# every folder that a script makes there is on the list
grep -rhoE '\$\{?KP_CACHE(:\?)?\}?"?/[A-Za-z0-9_.*-]+' "$KP_DIR/lib" "$KP_DIR/cmd" |
	sed 's,.*/,,' | grep '[a-z]' | sort -u >names
(
	. "$KP_DIR/lib/say.sh"
	. "$KP_DIR/lib/cache.sh"
	while read -r name; do
		cache_known "${name%\*}x" || cache_known "$name" || echo "$name"
	done <names
) >unknown
same "the list has all that is made" "$(cat unknown)" ""
check "which is something" [ "$(wc -l <names)" -gt 10 ]

# --- cannot be written
: >file
for dir in "$PWD/file/x" /proc/kmem-cache; do
	KMEM_DEPS=no run "$dir" kernel demo
	check "cannot be written: $dir" [ "$R_RC" -eq 1 ]
	check "cannot be written: $dir: says so" says 'run: error: .*(cannot write to|was not made by)'
done
run "$PWD/a b" kernel demo
check "a name with a blank" says 'a cache folder without blanks'

# --- interrupted
mkfifo never.tar
# a shell in the background would ignore it
KMEM_DEPS=no LINUX_SRC=$PWD/never.tar KMEM_CACHE=$PWD/ours setsid \
	env --default-signal=INT "$top/run" kernel demo >out 2>&1 </dev/null &
pid=$!
# when tar has opened the pipe it is in the middle of it
timeout 60 sh -c 'exec 3>never.tar; echo open; kill -INT -'"$pid" >opened || :
rc=0
wait $pid || rc=$?
check "interrupted: was in the middle" grep -q open opened
check "interrupted: says that it goes on" says 'interrupted: .*goes on from there'
same "interrupted: status" $rc 130

# --- a run of tests that is killed
mkdir -p killed/tools/testing/kmem_persist/tests
cp "$top/run" killed
cp -R "$KP_DIR/lib" "$KP_DIR/cmd" "$KP_DIR/guest" killed/tools/testing/kmem_persist
: >killed/tools/testing/kmem_persist/tests/list
for name in 98-writes 99-ends; do
	{
		printf '# kernel: none\n# subtests: 1\n'
		cat <<-'END'
			. "$KP_DIR/lib/testlib.sh"
			ok "it runs"
		END
		# its own child writes, as a guest would
		[ $name != 98-writes ] || cat <<-END
			sh -c 'echo \$\$ >"$PWD/writer"; while :; do echo more >more; done'
		END
		echo finish
	} >killed/tools/testing/kmem_persist/tests/$name.sh
done
top=$PWD/killed
KMEM_DEPS=no KMEM_CACHE=$PWD/ours "$top/run" test -j 1 98-writes >out 2>&1 </dev/null &
pid=$!
check "killed: was in the middle" timeout 60 sh -c 'until [ -s writer ]; do sleep 0.1; done'
kill -KILL $pid
check "killed: who writes ends, too" timeout 60 sh -c "while kill -0 $(cat writer) 2>/dev/null; do sleep 0.1; done"
KMEM_DEPS=no run "$PWD/ours" test -j 1 99-ends
same "killed: the next run" "$R_RC $(tail -n 1 out)" "0 1 passed, 0 failed"
top=$KP_TOP

# --- products of a build stay where they are
mkdir -p checkout tree/drivers/dax
(cd "$top" && tar -cf - run Kconfig.fragment ./*.patch Documentation drivers fs include mm tools/dax \
	tools/testing/kmem_persist/lib tools/testing/kmem_persist/cmd 2>/dev/null) | tar -xf - -C checkout || :
find checkout -name '*.o' -delete
rm -f checkout/tools/dax/kmem-persist/kmem-persist
# files lists what apply would copy, in a process of its own: git may refuse
files() {
	(
		KP_TOP=$PWD/checkout
		. "$KP_DIR/lib/say.sh"
		. "$KP_DIR/lib/apply.sh"
		series_files
	)
}
files >list.clean
printf '\177ELF\0\0' >checkout/drivers/dax/kmem.ko
for f in kmem.mod .kmem.o.cmd kmem.o kmem.mod.c modules.order kmem_blk.c.orig kmem_blk.c~ \
	.kmem_blk.c.swp built-in.a; do
	echo product >"checkout/drivers/dax/$f"
done
printf '\177ELF\0\0' >checkout/tools/dax/kmem-persist/kmem-persist
echo dep >checkout/tools/dax/kmem-persist/main.d
files >list.built
check "without git: no product of a build" cmp -s list.clean list.built
diff list.clean list.built | sed 's/^/# /'
check "which is something" [ "$(wc -l <list.clean)" -gt 50 ]
if command -v git >/dev/null && [ "$(id -u)" -eq 0 ]; then
	cp "$top/.gitignore" checkout/
	cp "$top/tools/dax/kmem-persist/.gitignore" checkout/tools/dax/kmem-persist/
	(cd checkout && git init -q . && git add -A . && git -c user.name=a -c user.email=a@b commit -qm one)
	chown -R 1234 checkout
	check "somebody else's checkout: git refuses" eval '! git -C checkout ls-files >/dev/null 2>&1'
	files | grep -v gitignore >list.other
	check "somebody else's checkout: no product of a build" cmp -s list.clean list.other
	diff list.clean list.other | sed 's/^/# /'
	# it may belong to somebody hostile
	printf '#!/bin/sh\ntouch "%s/hook"\n' "$PWD" >checkout/hook.sh
	chmod 755 checkout/hook.sh
	git -C checkout -c safe.directory='*' config core.fsmonitor "$PWD/checkout/hook.sh"
	files >/dev/null
	check "and nothing of it was run" [ ! -e hook ]
else
	skip "somebody else's checkout: not root, or no git"
fi
finish

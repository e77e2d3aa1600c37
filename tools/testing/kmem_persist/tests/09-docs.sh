# SPDX-License-Identifier: GPL-2.0
# timeout: 120
# kernel: none
# The documentation says what the code says: each line of the log, each reason for which a
# device is held and each errno with its remedy; each file, parameter, option, tracepoint
# and event; each store to the media with its rule and its partner; each field of what is on
# the media, and of the stream. Examples are run by a test, or say why not. Parts of the
# driver know of one another what drivers/dax/persist/layers allows. Scripts of the tests have no
# check that checks nothing. That the checks can fail is tried with copies in which one
# thing is different.
. "$KP_DIR/lib/testlib.sh"

docs=$KP_DIR/check
guide=Documentation/admin-guide/mm/dax-kmem-persist.rst
design=Documentation/driver-api/dax-kmem-persist.rst
format=Documentation/driver-api/dax-kmem-persist-format.rst
uapi=include/uapi/linux/kmem_persist.h
stream=tools/dax/kmem-persist/stream.h
cookbook=Documentation/admin-guide/mm/dax-kmem-persist-cookbook.rst
abi=Documentation/ABI/testing/sysfs-bus-dax-persist
disk=Documentation/ABI/testing/sysfs-block-kmem

# agrees CHECK: about the files of the series
agrees() {
	perl "$docs/$1.pl" "$KP_TOP" >"$1.out" 2>&1
	a_rc=$?
	sed 's/^/# /' "$1.out"
	[ "$a_rc" -eq 0 ]
}

# notices CHECK REGEX FILE EXPRESSION: with FILE changed by sed, CHECK says REGEX
notices() {
	cp "$KP_TOP/$3" "copy/$3"
	sed -i -E "$4" "copy/$3"
	n_rc=0
	! cmp -s "$KP_TOP/$3" "copy/$3" || {
		echo "# nothing was changed"
		n_rc=1
	}
	if perl "$docs/$1.pl" copy >out 2>&1 || ! grep -qE "$2" out; then
		echo "# it says:"
		sed 's/^/# /' out
		n_rc=1
	fi
	cp "$KP_TOP/$3" "copy/$3"
	return "$n_rc"
}

for what in errors abi ordering format shell examples patches layers; do
	check "$what: code and documentation agree" agrees $what
done
mkdir copy
(cd "$KP_TOP" && tar -cf - run README.md ./*.patch drivers include mm Documentation tools/testing/kmem_persist tools/dax/kmem-persist/stream.h) | tar -xf - -C copy
check "a copy, unchanged" sh -c 'for f; do perl "$f" copy || exit 1; done >copy.out' sh "$docs"/*.pl

# lines of the log, reasons, words
check "notices: a line of the log" notices errors 'persist/blk/io.c: not in the guide, as a line: damaged entry near' \
	drivers/dax/persist/blk/io.c 's/damaged map entry near/damaged entry near/'
check "notices: it is still in the guide" notices errors 'guide: not in the code, as a line: damaged map entry' \
	drivers/dax/persist/blk/io.c 's/damaged map entry near/damaged entry near/'
check "notices: one number more" notices errors 'not in the guide, as a line: <> of <> bad pages' \
	drivers/dax/persist/region.c 's/%llu bad pages/%llu of %llu bad pages/'
check "notices: a warning that becomes news" notices errors 'not in the guide, as a news: formatting by force' \
	drivers/dax/persist/identify.c 's/dev_warn(\(&dev_dax->dev, "formatting by)/dev_info\1/'
check "notices: a reason" notices errors 'not in the guide, as a reason: region is async,' \
	drivers/dax/persist/identify.c 's/region is asynchronous,/region is async,/'
check "notices: a reason for what is detached" notices errors 'not in the guide, as a reason: superblock or marker' \
	drivers/dax/persist/device.c 's/superblock or marker cannot be written/superblock or marker is not written/'
check "notices: a device that is held in silence" notices errors 'kmem_device_destroy.. holds a device' \
	drivers/dax/persist/device.c 's/^\tkmem_device_retire\(kp\);/&\n\tkp->state = KMEM_PERSIST_HELD;/'
check "notices: a line of a patch" notices errors 'kmem.c.patch: not in the guide, as a line: nobody knows' \
	drivers/dax/kmem.c.patch 's/^(\+.*)if \(type < -1\)/&\n+\t\tpr_warn("nobody knows this");/'
check "notices: a line that is not written there" notices errors 'prints what cannot be checked' \
	drivers/dax/persist/device.c 's/"detached\\n"/text/'
check "notices: a word" notices errors 'not in the guide, as a word: disk of no size' \
	drivers/dax/persist/map/verify.c 's/"size not possible"/"disk of no size"/'
check "notices: a line that only the guide has" notices errors 'guide: not in the code, as a news: detached again' \
	$guide 's/^   \* - ``detached``/   * - ``detached again``/'
check "notices: no remedy" notices errors 'guide: no remedy: ``no plugin for type' \
	$guide '/``no plugin for type <N>; load its module``/,/newer kernel/s/^     - .*|^       types.*/     -/'

# errnos
check "notices: an errno" notices errors 'persist/identify.c: ENOTTY is not in errno.list' \
	drivers/dax/persist/identify.c 's/return -EPERM;/return -ENOTTY;/'
check "notices: that none is left of another" notices errors 'persist/identify.c has no EPERM' \
	drivers/dax/persist/identify.c 's/return -EPERM;/return -EBUSY;/'
check "notices: a status of a bio" notices errors 'persist/blk/io.c: BLK_STS_OFFLINE is not in' \
	drivers/dax/persist/blk/io.c 's/BLK_STS_NOTSUPP/BLK_STS_OFFLINE/'
check "notices: an errno that the guide lost" notices errors 'ENXIO is not in the guide, for: disk' \
	$guide 's/^   \* - ENXIO/   * - ENODEV/'
check "notices: and one that nobody gets" notices errors 'guide: nobody meets ENODEV, for: disk' \
	$guide 's/^   \* - ENXIO/   * - ENODEV/'

# names
check "notices: a file" notices abi 'file .*/persist/mood: not in Documentation/ABI' \
	drivers/dax/persist/sysfs.c 's/^KMEM_PERSIST_ATTR_RO\(space\)/KMEM_PERSIST_ATTR_RO(mood)/'
check "notices: a file that is gone" notices abi 'file .*/persist/space: in .*, not in the code' \
	drivers/dax/persist/sysfs.c 's/^KMEM_PERSIST_ATTR_RO\(space\)/KMEM_PERSIST_ATTR_RO(mood)/'
check "notices: its mode" notices abi 'keep_bytes: the code says RO' \
	drivers/dax/persist/sysfs.c 's/^KMEM_PERSIST_ATTR_RW\(keep/KMEM_PERSIST_ATTR_RO(keep/'
check "notices: a file of the disk" notices abi 'file .*/kmem/moved: in .*, not in the code' \
	drivers/dax/persist/blk/disk.c '/dev_attr_moved/d'
check "notices: a file that is not there" notices abi 'file .*/kmem/wear: in .*, not in the code' \
	$disk 's,/kmem/moved,/kmem/wear,'
check "notices: a file that is in no group" notices abi 'attribute free: in no group' \
	drivers/dax/persist/sysfs.c '/&kmem_persist_attr_free/d'
check "notices: a file of two values" notices abi 'a file of more than one value' \
	drivers/dax/persist/sysfs.c 's/"%llu\\n", READ_ONCE\(kp->pool.reserve\)/"%llu %llu\\n", READ_ONCE(kp->pool.reserve)/'
check "notices: a number in a table" notices abi 'number take_us: not in' \
	drivers/dax/persist/sysfs.c 's/take_ns %llu/take_us %llu/'
check "notices: a word in a file" notices abi 'word tight: not in' \
	drivers/dax/persist/sysfs.c 's/= "low"/= "tight"/'
check "notices: a parameter" notices abi 'parameter kmem.persist_forget: not in the guide' \
	drivers/dax/kmem.c.patch 's/module_param_cb\(persist_accept/module_param_cb(persist_forget/'
check "notices: a parameter that the kernel's list lacks" notices abi 'kmem.persist_accept: not in kernel-parameters' \
	Documentation/admin-guide/kernel-parameters.txt.patch 's/kmem.persist_accept=/kmem.persist_forget=/'
check "notices: an option" notices abi 'option DEV_DAX_KMEM_PERSIST_TREE: not in the guide' \
	drivers/dax/persist/Kconfig 's/config DEV_DAX_KMEM_PERSIST_NONE/config DEV_DAX_KMEM_PERSIST_TREE/'
check "notices: a tracepoint" notices abi 'tracepoint kmem_persist_lend: not in the guide' \
	drivers/dax/persist/trace.h 's/TRACE_EVENT\(kmem_persist_give/TRACE_EVENT(kmem_persist_lend/'
check "notices: an event" notices abi 'event no_room: not in the guide' \
	drivers/dax/persist/device.c 's/= "no_space"/= "no_room"/'
check "notices: an event that is described only" notices abi 'event name: not in the code' \
	$abi 's/KMEM_EVENT=label/KMEM_EVENT=name/'

# what may know what
check "notices: a function of a part above" notices layers 'kmem_scrub_stop: scrub is above pool' \
	drivers/dax/persist/pool.c 's/^\tkmem_pool_freed\(pool\);/&\n\tkmem_scrub_stop(pool);/'
check "notices: one beside" notices layers 'kmem_scrub_stop: scrub is beside copy' \
	drivers/dax/persist/copy.c 's/^\tfree_page.*/&\n\tkmem_scrub_stop(kp);/'
check "notices: a header of a part above" notices layers 'places is above trust' \
	drivers/dax/persist/trust.c 's/^#include "trust.h"/#include "places.h"/'
check "notices: a circle" notices layers 'circle: exchange -> take -> exchange' \
	drivers/dax/persist/take.c 's/^#include "take.h"/#include "exchange.h"/'
check "notices: what only one may touch" notices layers "pool->lock is pool's own" \
	drivers/dax/persist/pressure.c 's/^\tunsigned long \*freed = arg;/&\n\tspin_lock(\&pressure->exchange->pool->lock);/'
check "notices: a header of the kernel alone" notices layers '<linux/mm.h> is not for' \
	drivers/dax/persist/format.c 's,^#include <linux/crc32.h>,&\n#include <linux/mm.h>,'
check "notices: a plugin that knows too much" notices layers "pool is none of a plugin's business" \
	drivers/dax/persist/none.c 's,"../kmem_persist.h","pool.h",'
check "notices: a plugin that is known" notices layers 'nobody may know plugin blk' \
	drivers/dax/persist/copy.c 's,^#include "copy.h",&\n#include "blk/blk.h",'
check "notices: what is not so any more" notices layers 'copy does nothing wrong with take any more' \
	drivers/dax/persist/layers '$s/$/\nknown copy: take/'
check "notices: a file that the map of parts lacks" notices layers 'scrub.c: not in the documentation' \
	$design 's,^``persist/scrub.c`` ,``persist/scrap.c`` ,'
check "notices: one that is not there" notices layers 'has scrap.c, which is not there' \
	$design 's,^``persist/scrub.c`` ,``persist/scrap.c`` ,'
check "notices: a file in no layer" notices layers '../new_bad.c: in no layer' drivers/dax/persist/layers 's, ../new_bad$,,'

# patches of files of the kernel
check "notices: a section without a Subject" notices patches 'not one diff of mm/vmscan.c|does not begin with a Subject' \
	mm/vmscan.c.patch '/^Subject:/d'
check "notices: a second one without" notices patches "a slab is not a free page on its way': not one diff" \
	mm/page_isolation.c.patch '2,$ { /^Subject: .*unmovable/d }'
check "notices: a fault without Fixes" notices patches "a slab is not .*': no Fixes, nor why" \
	mm/page_isolation.c.patch '/^Fixes: 9aec/d'
check "notices: Fixes of nothing in particular" notices patches "obeys the caller's GFP flags': no Fixes, nor why" \
	mm/vmscan.c.patch 's/^Fixes: .*/Fixes: nothing/'
check "notices: a diff of another file" notices patches "'mm/folio: .*': not one diff of mm/folio.c" \
	mm/folio.c.patch 's,^--- a/mm/folio,--- a/mm/swap,'
check "notices: a Subject of its own" notices patches "'mm/vmscan: obeys' has no text|nothing about 'mm/vmscan: obeys'" \
	mm/internal.h.patch "s/^Subject: mm.vmscan:.*/Subject: mm\/vmscan: obeys/"
check "notices: text twice" notices patches 'MHP_ALLOCATE leaves pages.* has text in another file, too' \
	include/linux/memory.h.patch '1s/$/\n\nMuch said\n\nFixes: nothing: a feature/'
check "notices: a place of mm that the design document does not know" notices patches "'mm/kasan: .*': nothing about kasan/shadow.c" \
	$design 's/``kasan.shadow.c``, ``internal.h``/``internal.h``/'

# ordering
check "notices: a store without a rule" notices ordering 'kmem_blk_change.*: kmem_media_fence.* says nothing' \
	drivers/dax/persist/blk/io.c '/Content and nodes. Ordering/,/leaf_link/d; s,^(\t+)kmem_media_fence,\1/* */\n&,'
check "notices: a store that is new" notices ordering 'kmem_blk_get_nodes.*: kmem_media_wb.* says nothing' \
	drivers/dax/persist/blk/io.c 's/^\t\tb->u.nr_spare \+= nr;/&\n\tkmem_media_wb(kb->media, b, 8);/'
check "notices: another rule" notices ordering 'in the list, not in the code: persist/map/map.c . kmem_blk_map_lose.* fence . R2' \
	drivers/dax/persist/map/map.c 's/R2, pairs with the free in kmem_blk_errors_work/R1, pairs with the free in kmem_blk_errors_work/'
check "notices: a rule that nobody defined" notices ordering 'R99 is not defined' \
	drivers/dax/persist/pool.c 's/Ordering: R8/Ordering: R99/'
check "notices: a rule that is defined no more" notices ordering 'R7 is not defined' \
	$format 's/^R7, old magic first/R0, old magic first/'
check "notices: a partner that left" notices ordering 'no fence in kmem_blk_move_some' \
	drivers/dax/persist/blk/move.c '/^\t\tkmem_media_fence/d'
check "notices: a partner that is called otherwise" notices ordering 'there is no kmem_blk_change\(\)' \
	drivers/dax/persist/blk/io.c 's/^static int kmem_blk_change\(/static int kmem_blk_alter(/'
check "notices: a partner above that is below" notices ordering 'there is no fence above' \
	drivers/dax/persist/map/map.c 's/^(\t \*) fence below$/\1 fence above/'
check "notices: half a pair" notices ordering 'only the fence says that they are a pair: R1: the store in kmem_blk_change_entry' \
	drivers/dax/persist/map/map.c 's/the fence in kmem_blk_move_some\(\); R2,/the fence in kmem_blk_change(); R2,/'
check "notices: a row less" notices ordering 'in the code, not in the list: persist/blk/move.c . kmem_blk_move_copy' \
	$design '/^kmem_blk_move_copy/d'
check "notices: rows in another order" notices ordering 'not in the order of the code' \
	$design '/^kmem_blk_move_copy/{h;d}; /^kmem_blk_move_some/G'
check "notices: a way past the five calls" notices ordering 'persist/blk/pages.c: reaches the media past' \
	drivers/dax/persist/blk/pages.c 's/^\tkmem_blk_pages_sync\(true\);/&\n\tpmem_wmb();/'

# the format
check "notices: a field that has moved" notices format 'superblock: 0x0a8 8 places: in the document, not in the header' \
	$format 's/^0x0a0( +8 +places)/0x0a8\1/'
check "notices: a field of another size" notices format 'kmem_blk_superblock: 0x230 16 reserved_root: in the header, not' \
	$format 's/^0x230     16/0x230      8/'
check "notices: a field that the document lacks" notices format 'marker: 0x00c 4 flags: in the header, not in the document' \
	$format '/^0x00c +4 +flags/d'
check "notices: a field that the header has renamed" notices format 'superblock: 0x0a0 8 mask: in the header, not' \
	$uapi 's/^(\t__le64 )places;/\1mask;/; s/superblock, places,/superblock, mask,/'
check "notices: a field that nothing pins" notices format 'marker: its members are not those that are pinned' \
	$uapi '/_AT\(kmem_persist_marker, flags/d'
check "notices: a bit" notices format 'state REMNANTS: not in the document, as 6' \
	$uapi 's/(STATE_REMNANTS.*)<< 5/\1<< 6/'
check "notices: a type of an entry" notices format 'entry LOST: not in the document, as 2' \
	$format 's/^2( +)LOST( +data)/2\1GONE\2/'
check "notices: where superblocks are" notices format 'places: the header says 0, 1, 510 and 511, the document' \
	$format 's/the 4096 bytes at pages 0, 1, 510 and 511/the 4096 bytes at pages 0, 1, 511 and 512/'
check "notices: a magic" notices format 'magic of a marker: the header says 0x4b4d454d4d41524b, the document says 0x4b' \
	$format 's/0x4b4d454d4d41524b/0x4b4d454d4d41524c/'
check "notices: a field of the stream" notices format 'stream_record: 0x018 4 zero: in the header, not' \
	$format 's/^0x18 +4 +zero/0x18       4  flags/'
check "notices: the stream has another field" notices format 'stream_head: 0x060 8 blocks: in the header, not' \
	$stream 's/^\t__le64 nr_lblks;/\t__le64 blocks;/; s/stream_head, nr_lblks/stream_head, blocks/'
check "notices: a type of a record" notices format 'record LOST: not in the document, as 3' \
	$stream 's/STREAM_DATA = 1, STREAM_LOST/STREAM_DATA = 1, STREAM_HOLE, STREAM_LOST/'
check "notices: another version of the stream" notices format 'version of a stream, in its head: the header says 2, the document says 1' \
	$stream 's/^(#define STREAM_VERSION\t)1/\12/'
check "notices: larger records" notices format 'blocks in a record: the header says 512, the document says 256' \
	$stream 's/^(#define STREAM_BATCH\t)256/\1512/'

# examples
check "notices: an example that nobody runs" notices examples 'rst:[0-9]+: an example that is not run' \
	$guide '/^\.\. run: quick-start/d'
check "notices: one in a list" notices examples 'README.md:[0-9]+: an example that is not run' \
	README.md '0,/^   <!-- run: readme-real/{/^   <!-- run: readme-real/d}'
check "notices: a reason that is none" notices examples 'that is no reason: none' \
	README.md 's/<!-- not run: a drawing.* -->/<!-- not run: none -->/'
check "notices: a name that no test has" notices examples 'no test runs backup-flies' \
	$cookbook 's/^\.\. run: backup-files/.. run: backup-flies/'
check "notices: a name that only a test has" notices examples '69-cookbook.sh: there is no example called backup-files' \
	$cookbook 's/^\.\. run: backup-files/.. run: backup-flies/'
check "notices: an example without a command" notices examples 'there is no command in it' \
	$guide '/^An NVDIMM is prepared once/,/^From then on/s/^   # /   /'
check "notices: a mark before nothing" notices examples 'no block follows' \
	$cookbook '$a\\n.. run: backup-files'
# what a document says that a command prints is looked for, but for numbers
shape() {
	perl "$docs/examples.pl" copy script repair | grep "extract image" >shape.out
	bash -c 'example() { shift 2; for r; do [[ $line =~ $r ]] && exit; done; exit 1; }
		line=$1; . ./shape.out' - "$1"
}
check "examples: a line, with other numbers" shape 'copied_bytes       16384 (16 KiB)'
check "examples: not one with other words" eval '! shape "copied_pages       16384 (16 KiB)"'
check "examples: not a part of one" eval '! shape "copied_bytes       16384 (16 KiB) or so"'

# scripts
soak=tools/testing/kmem_persist/tests/46-soak.soak.guest
check "notices: the status of cat" notices shell '46-soak.soak.guest:[0-9]+: \$\? is the status' \
	$soak 's/^same "fio: .*/same "fio: $(cat err)" $? 0/'
check "notices: that in a list, in a number, in quotes" notices shell '46-soak.soak.guest:[0-9]+: \$\? is the status' \
	$soak 's/^same "fio: .*/true; { [ "$(($(cat n) + 1)), $?" = "2, 0" ]; }/'
check "notices: a check that is true" notices shell '46-soak.soak.guest:[0-9]+: this check cannot fail' \
	$soak 's/^check "umount" .*/check "umount $(cat "err")" true/'
check "notices: a check that is made true" notices shell '46-soak.soak.guest:[0-9]+: this check cannot fail' \
	$soak 's,^check "umount" .*,check "umount" eval "umount /mnt || true",'
check "notices: a test without quotes" notices shell '46-soak.soak.guest:[0-9]+: .* without quotes' \
	$soak 's/^check "umount" .*/check "umount" [ -n \x24a ]/'
check "notices: waiting for what does not change" notices shell '46-soak.soak.guest:[0-9]+: until_true looks' \
	$soak 's/^check "umount" .*/check "umount" until_true 90 [ "\x24(cat a)" -gt $((1 + 1)) ]/'
check "notices: waiting for too short a time" notices shell '46-soak.soak.guest:[0-9]+: until_true waits' \
	$soak 's/^check "umount" .*/check "umount" until_true 5\x39 umount a/'
check "notices: a check that nobody sees" notices shell '46-soak.soak.guest:[0-9]+: .* is not printed' \
	$soak 's/^check "umount" .*/check "it'"'s"'" umount "$(a "b")" >err/'
check "notices: two that may be nothing" notices shell '46-soak.soak.guest:[0-9]+: two that cannot be read' \
	$soak 's/^check "umount" .*/same "umount" "\x24(cat "a")" "\x24(cat b)"/'
finish

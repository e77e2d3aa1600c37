#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a guest with a whole system does, see init: started by systemd, in the end it powers
# off by systemd, too. "system.sh emergency": the boot did not get that far.

# udev names the port
for ((i = 0; i < 300; i++)); do
	[ ! -c /dev/virtio-ports/out ] || break
	sleep 0.1
done
exec >/dev/virtio-ports/out 2>&1 </dev/null
export PATH=/usr/lib/guest/bin:$PATH HOME=/root TERM=linux LC_ALL=C.UTF-8
cd /root || exit

# explain: what the host should know when something went wrong
explain() {
	echo "# failed units:"
	systemctl --no-pager --plain --no-legend list-units --failed | sed 's/^/# /'
	echo "# the journal:"
	journalctl -b --no-pager -o short-monotonic -p notice | tail -n 60 | sed 's/^/# /'
}

if [ "${1:-}" = emergency ]; then
	echo "not ok the boot ended in emergency mode"
	explain
	echo 1 >/ctl/status
else
	args=()
	while IFS= read -r arg; do
		args+=("$arg")
	done </ctl/args
	# an initramfs mounts /run so that nothing there is a program
	cp /ctl/script /tmp/script
	setsid -w /tmp/script "${args[@]}"
	rc=$?
	[ "$rc" -eq 0 ] || explain
	echo "$rc" >/ctl/status
fi
sync
systemctl --no-block poweroff

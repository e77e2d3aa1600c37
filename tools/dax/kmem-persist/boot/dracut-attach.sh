#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# In an initramfs of dracut without systemd: attach what is there, as often as it is called; what is
# new is said.
said=/run/kmem-persist.said
text=$(kmem-persist attach --all 2>&1)
[ "$text" = "$(cat "$said" 2>/dev/null)" ] || {
	echo "$text" >"$said"
	echo "$text"
}

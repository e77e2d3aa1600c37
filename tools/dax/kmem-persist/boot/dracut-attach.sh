#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# In an initramfs of dracut without systemd: attach what is there, as often as it is called.
kmem-persist attach --all

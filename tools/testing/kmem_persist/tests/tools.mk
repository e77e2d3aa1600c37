# SPDX-License-Identifier: GPL-2.0
# Programs of the tests, for host and guest, see tools() in common.sh.
DIR := $(TOP)/tools/testing/kmem_persist
FLAGS := -O2 -Wall -static -I$(TOP)/include/uapi

all: $(O)/sbedit $(O)/kmemio $(O)/canary

$(O)/sbedit: $(DIR)/sbedit/sbedit.c
	gcc $(FLAGS) -o $@ $<
$(O)/%: $(DIR)/guest/%.c
	gcc $(FLAGS) -o $@ $<

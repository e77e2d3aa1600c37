// SPDX-License-Identifier: GPL-2.0
/*
 * rules - does the plugin know what is durable?
 *
 * Stands for QEMU: shows instructions to the plugin, executes them by calling what it has
 * registered, and looks at the shadow. Makes files in the current folder. Linked with
 * plugin.c; prints nothing and ends with 0 if all is well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "flush.h"
#include "qemu.h"

#define BASE		0x100000000ULL
#define BYTES		(1UL << 20)
#define TEXT		0xffffffff81000000ULL
#define MODULE		0xffffffffa0000000ULL
#define USER		0x400000ULL
#define DIRECT_MAP	0xffff888000000000ULL
/* Somewhere else. */
#define VADDR		0xffffc90000001000ULL

#define expect(cond) do {						\
	if (!(cond)) {							\
		fprintf(stderr, "rules: line %d: %s\n", __LINE__, #cond);	\
		exit(1);						\
	}								\
} while (0)

struct qemu_plugin_insn {
	uint8_t bytes[16];
	size_t len;
	uint64_t vaddr;
	void (*exec)(unsigned int cpu, void *data);
	void *data;
	void (*mem)(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t vaddr,
		    void *data);
};

struct qemu_plugin_tb {
	struct qemu_plugin_insn *insn;
};

struct qemu_plugin_register {
	uint64_t val;
};

static const char * const names[] = {
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
};

enum { RAX, RCX, RDX, RBX, RSI = 6, R12 = 12, R13, R14, NR = 17 };

static struct qemu_plugin_register regs[NR];
/* Where stores go. */
static uint64_t phys;
static void (*init_cb)(qemu_plugin_id_t id, unsigned int cpu);
static void (*trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);

struct plugin_array *g_byte_array_new(void)
{
	return calloc(1, sizeof(struct plugin_array));
}

struct plugin_array *g_byte_array_set_size(struct plugin_array *array, unsigned int len)
{
	array->data = realloc(array->data, len + 1);
	array->len = len;
	return array;
}

struct plugin_array *qemu_plugin_get_registers(void)
{
	static struct plugin_reg list[NR];
	static struct plugin_array array = { list, NR };
	unsigned int i;

	for (i = 0; i < NR; i++)
		list[i] = (struct plugin_reg){ &regs[i], names[i], "core" };
	return &array;
}

int qemu_plugin_read_register(struct qemu_plugin_register *handle,
			      struct plugin_array *buf)
{
	g_byte_array_set_size(buf, sizeof(handle->val));
	memcpy(buf->data, &handle->val, sizeof(handle->val));
	return sizeof(handle->val);
}

void qemu_plugin_register_vcpu_init_cb(qemu_plugin_id_t id,
				       void (*cb)(qemu_plugin_id_t id, unsigned int cpu))
{
	init_cb = cb;
}

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t id,
						      struct qemu_plugin_tb *tb))
{
	trans_cb = cb;
}

void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int cpu, void *data),
					    int flags, void *data)
{
	insn->exec = cb;
	insn->data = data;
}

void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
				      void (*cb)(unsigned int cpu,
						 qemu_plugin_meminfo_t info,
						 uint64_t vaddr, void *data),
				      int flags, int access, void *data)
{
	insn->mem = cb;
}

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb)
{
	return 1;
}

struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t nr)
{
	return tb->insn;
}

size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *dest,
			     size_t len)
{
	memcpy(dest, insn->bytes, insn->len < len ? insn->len : len);
	return insn->len;
}

uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn)
{
	return insn->vaddr;
}

struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t info,
						  uint64_t vaddr)
{
	return (struct qemu_plugin_hwaddr *)&phys;
}

uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *hwaddr)
{
	return phys;
}

/* An instruction at @vaddr, as the plugin gets to see it. */
static struct qemu_plugin_insn *insn(uint64_t vaddr, const char *hex)
{
	struct qemu_plugin_insn *i = calloc(1, sizeof(*i));
	struct qemu_plugin_tb tb = { i };
	char *end;

	i->vaddr = vaddr;
	for (; *hex; hex = end)
		i->bytes[i->len++] = strtoul(hex, &end, 16);
	trans_cb(0, &tb);
	return i;
}

static void run(const struct qemu_plugin_insn *i, unsigned int cpu)
{
	i->exec(cpu, i->data);
}

static void store(const struct qemu_plugin_insn *i, unsigned int cpu, uint64_t vaddr,
		  uint64_t to)
{
	phys = to;
	i->mem(cpu, 3, vaddr, NULL);
}

/* What it looks at, and what not. */
static void known(void)
{
	expect(insn(TEXT, "0f ae f8")->exec);		/* sfence */
	expect(insn(TEXT, "0f ae f0")->exec);		/* mfence */
	expect(!insn(TEXT, "0f ae e8")->exec);		/* lfence */
	expect(!insn(TEXT, "f0 83 44 24 fc 00")->exec);	/* lock addl */
	expect(!insn(TEXT, "0f ae 30")->exec);		/* xsaveopt */
	expect(!insn(TEXT, "f3 0f ae 30")->exec);	/* clrssbsy */
	expect(insn(TEXT, "0f c3 07")->mem);		/* movnti */
	expect(insn(TEXT, "4c 0f c3 47 08")->mem);
	expect(insn(MODULE, "48 89 07")->mem);		/* mov */
	expect(!insn(TEXT, "48 89 07")->mem);
	expect(insn(TEXT, "f3 a4")->mem);		/* rep movsb */
	expect(insn(TEXT, "f3 48 a5")->mem);		/* rep movsq */
	expect(!insn(TEXT, "f3 aa")->mem);		/* rep stosb */
	expect(!insn(USER, "f3 a4")->mem);
	/* __switch_to_asm(); the entry of a system call; a program */
	expect(insn(TEXT, "48 8b a6 10 15 00 00")->exec);
	expect(!insn(TEXT, "65 48 8b 24 25 10 15 00 00")->exec);
	expect(!insn(TEXT, "48 8b 24 24")->exec);
	expect(!insn(USER, "48 8b a6 10 15 00 00")->exec);
}

/* All ways to say where. */
static void operands(uint64_t *live, const uint64_t *shadow)
{
	static const struct {
		const char *hex;
		int base, index, scale, disp;
	} form[] = {
		{ "66 0f ae 30", RAX, -1, 0, 0 },		/* clwb */
		{ "3e 66 0f ae 33", RBX, -1, 0, 0 },
		{ "66 41 0f ae 34 24", R12, -1, 0, 0 },
		{ "66 41 0f ae 75 00", R13, -1, 0, 0 },
		{ "66 0f ae 70 40", RAX, -1, 0, 0x40 },
		{ "66 0f ae b0 00 10 00 00", RAX, -1, 0, 0x1000 },
		{ "66 42 0f ae 34 e0", RAX, R12, 3, 0 },
		{ "66 0f ae 34 c5 00 10 00 00", -1, RAX, 3, 0x1000 },
		{ "66 4b 0f ae 74 66 f8", R14, R12, 1, -8 },
		{ "3e 0f ae 38", RAX, -1, 0, 0 },		/* clflush */
		{ "66 0f ae 3a", RDX, -1, 0, 0 },		/* clflushopt */
	};
	const struct qemu_plugin_insn *sfence = insn(TEXT, "0f ae f8"), *wb;
	unsigned int i;

	store(insn(MODULE, "48 89 07"), 0, VADDR + 0x80, BASE + 0x80);
	for (i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
		uint64_t left = VADDR + 0x90 - form[i].disp;

		if (form[i].base >= 0 && form[i].index >= 0) {
			regs[form[i].index].val = 0x1000;
			left -= 0x1000ULL << form[i].scale;
		}
		if (form[i].base >= 0)
			regs[form[i].base].val = left;
		else
			regs[form[i].index].val = left >> form[i].scale;
		wb = insn(TEXT, form[i].hex);
		expect(wb->exec);
		live[16]++;
		run(wb, 0);
		expect(shadow[16] != live[16]);
		run(sfence, 0);
		expect(shadow[16] == live[16]);
	}
	/* relative to the next instruction */
	wb = insn(VADDR - 0x1000, "66 0f ae 35 88 10 00 00");
	live[16]++;
	run(wb, 0);
	run(insn(TEXT, "0f ae f0"), 0);
	expect(shadow[16] == live[16]);
}

static void durable(uint64_t *live, const uint64_t *shadow)
{
	const struct qemu_plugin_insn *sfence = insn(TEXT, "0f ae f8");
	const struct qemu_plugin_insn *movnti = insn(TEXT, "48 0f c3 07");
	const struct qemu_plugin_insn *mov = insn(MODULE, "48 89 07");
	const struct qemu_plugin_insn *clwb = insn(TEXT, "66 0f ae 30");
	const uint8_t *nontemporal = (const uint8_t *)shadow + BYTES;

	/* a non-temporal store, and the word beside it, which was only stored */
	live[32] = 1;
	live[33] = 1;
	store(movnti, 0, VADDR + 0x100, BASE + 0x100);
	expect(!shadow[32] && nontemporal[4] == 1);
	run(sfence, 1);
	expect(!shadow[32]);
	run(sfence, 0);
	expect(shadow[32] == 1 && !shadow[33] && !nontemporal[4]);

	/* a write back is for what the line holds then */
	regs[RAX].val = VADDR + 0x100;
	run(clwb, 0);
	live[33] = 2;
	run(sfence, 0);
	expect(shadow[33] == 1);

	/* what another CPU made durable later is not undone */
	live[32] = 3;
	run(clwb, 0);
	live[32] = 4;
	run(clwb, 1);
	run(sfence, 1);
	expect(shadow[32] == 4);
	run(sfence, 0);
	expect(shadow[32] == 4);

	/* a page that only memcpy() has stored to */
	store(insn(TEXT, "f3 a4"), 0, VADDR + 0x3040, BASE + 0x3040);
	regs[RAX].val = VADDR + 0x3080;
	live[0x610] = 9;
	run(clwb, 0);
	run(sfence, 0);
	expect(shadow[0x610] == 9);
	regs[RAX].val = VADDR + 0x100;

	/* a context switch; a page that is mapped anew; one that is not ours any more */
	live[32] = 5;
	run(clwb, 0);
	run(insn(TEXT, "48 8b a6 10 15 00 00"), 0);
	expect(shadow[32] == 5);
	store(mov, 0, VADDR + 0x100, BASE + 0x2100);
	live[0x420] = 6;
	run(clwb, 0);
	run(sfence, 0);
	expect(shadow[0x420] == 6);
	store(mov, 0, VADDR + 0x100, 0x5000);
	live[0x420] = 7;
	run(clwb, 0);
	run(sfence, 0);
	expect(shadow[0x420] == 6);
}

int main(void)
{
	char live_arg[] = "live=rules.live", shadow_arg[] = "shadow=rules.shadow";
	char state_arg[] = "state=rules.state", base_arg[] = "base=0x100000000";
	char *args[] = { state_arg, live_arg, shadow_arg, base_arg };
	int fd = open("rules.live", O_RDWR | O_CREAT | O_TRUNC, 0644);
	const struct flush_state *state;
	const uint64_t *shadow;
	uint64_t *live;

	expect(fd >= 0 && !ftruncate(fd, BYTES + LABEL_BYTES));
	live = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	expect(live != MAP_FAILED);
	live[3] = 77;
	expect(!qemu_plugin_install(0, NULL, 4, args));
	fd = open("rules.shadow", O_RDONLY);
	shadow = mmap(NULL, BYTES + BYTES / LINE, PROT_READ, MAP_SHARED, fd, 0);
	expect(shadow != MAP_FAILED);
	fd = open("rules.state", O_RDONLY);
	state = mmap(NULL, sizeof(*state), PROT_READ, MAP_SHARED, fd, 0);
	expect(state != MAP_FAILED);
	expect(shadow[3] == 77);
	init_cb(0, 0);
	init_cb(0, 1);

	known();
	operands(live, shadow);
	durable(live, shadow);
	expect(!state->unknown);
	regs[RAX].val = VADDR + 0x9000;
	run(insn(TEXT, "66 0f ae 30"), 0);
	expect(state->unknown == 1);
	/* The direct map needs no store. */
	regs[RAX].val = DIRECT_MAP + BASE + 0x40000;
	live[0x8000] = 8;
	run(insn(TEXT, "66 0f ae 30"), 0);
	run(insn(TEXT, "0f ae f8"), 0);
	expect(shadow[0x8000] == 8);
	regs[RAX].val = DIRECT_MAP + 0x40000;
	run(insn(TEXT, "66 0f ae 30"), 0);
	expect(state->unknown == 1);
	return 0;
}

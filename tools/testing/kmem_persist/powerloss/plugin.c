// SPDX-License-Identifier: GPL-2.0
/*
 * flush.so - a platform that loses what was not flushed
 *
 * A plugin for QEMU's TCG. The guest's stores go to the NVDIMM at once, as always; but
 * a second file, SHADOW, gets a line only when the guest has made it durable:
 *
 *  - CLWB, CLFLUSHOPT and CLFLUSH bind what the line holds now to the next fence of
 *    this CPU; so do non-temporal stores (MOVNTI) for the words that they write;
 *  - SFENCE and MFENCE make durable what was bound by the same CPU;
 *  - so does a context switch: see the comment in persist/media.h.
 *
 * Locked instructions are fences on x86, too, and are none here: a driver must not live
 * on those that spinlocks happen to contain. What counts is pmem_wmb().
 *
 * Arguments, for each NVDIMM: live=FILE,shadow=FILE,base=ADDRESS (guest physical). And
 * state=FILE, see flush.h. SHADOW is made; it begins as a copy of LIVE.
 *
 * A write back is no access to memory for QEMU, so the plugin gets a virtual address and
 * has to translate it. It knows the translation from the last store to that page: the
 * address can be anywhere, in the direct map or in that of memremap(). Those who write
 * back have stored before, in a module, by MOVNTI, or with memcpy(), which is REP MOVS, and
 * these stores are looked at. Other memory is written back, too, now and then: the direct
 * map is known, if the kernel was started with nokaslr.
 *
 * Plugin API version 3, that is QEMU 9.1 or later.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "flush.h"
#include "qemu.h"

int qemu_plugin_version = 3;

/*
 * Media
 */

#define MAX_MEDIA	4

/**
 * struct medium - an NVDIMM
 * @base: guest physical address
 * @bytes: without labels
 * @live: as the CPUs see it
 * @shadow: what is durable
 * @nontemporal: behind @shadow, see flush.h
 * @when: for each word of @shadow, when that was bound to a fence; see struct piece
 */
struct medium {
	uint64_t base;
	uint64_t bytes;
	const uint64_t *live;
	uint64_t *shadow;
	uint8_t *nontemporal;
	uint64_t *when;
};

static struct medium media[MAX_MEDIA];
static unsigned int nr_media;
static struct flush_state *state;
/* Serializes changes of shadows. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Every binding of a line gets a number, taken before the line is read. */
static uint64_t now;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "flush: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void count(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static struct medium *medium_of(uint64_t phys)
{
	unsigned int i;

	for (i = 0; i < nr_media; i++)
		if (phys >= media[i].base && phys - media[i].base < media[i].bytes)
			return &media[i];
	return NULL;
}

/*
 * Lines that are bound to a fence
 */

/**
 * struct piece - words of a line that the next fence makes durable
 * @medium: where
 * @first: number of the line's first word
 * @word: their content
 * @when: number of the binding, 0: the word is not a part of it
 *
 * CPUs fence when they like: what another CPU has bound later and made durable before
 * must not be undone. A store that comes before a binding is part of all bindings that
 * have a higher number; so the highest number wins.
 */
struct piece {
	struct medium *medium;
	uint64_t first;
	uint64_t word[WORDS];
	uint64_t when[WORDS];
};

#define MAX_CPUS	16
#define NR_REGS		16

static const char * const reg_name[NR_REGS] = {
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
};

static struct cpu {
	struct piece *pieces;
	size_t nr;
	size_t room;
	struct qemu_plugin_register *reg[NR_REGS];
	struct plugin_array *buf;
} cpus[MAX_CPUS];

/* Bind words of one line. */
static void bind(struct cpu *c, struct medium *m, uint64_t word, unsigned int nr)
{
	uint64_t first = word / WORDS * WORDS;
	struct piece *p = c->nr ? &c->pieces[c->nr - 1] : NULL;
	uint64_t when;

	/* Copies go from word to word. */
	if (!p || p->medium != m || p->first != first) {
		if (c->nr == c->room) {
			c->room = c->room ? 2 * c->room : 1024;
			c->pieces = realloc(c->pieces, c->room * sizeof(*p));
			if (!c->pieces)
				die("no memory");
		}
		p = &c->pieces[c->nr++];
		memset(p, 0, sizeof(*p));
		p->medium = m;
		p->first = first;
	}
	when = __atomic_add_fetch(&now, 1, __ATOMIC_SEQ_CST);
	for (; nr; word++, nr--) {
		p->word[word - first] = __atomic_load_n(&m->live[word], __ATOMIC_SEQ_CST);
		p->when[word - first] = when;
	}
}

static void make_durable(struct cpu *c)
{
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < c->nr; i++) {
		struct piece *p = &c->pieces[i];
		struct medium *m = p->medium;
		unsigned int w;

		for (w = 0; w < WORDS; w++) {
			if (p->when[w] <= m->when[p->first + w])
				continue;
			m->when[p->first + w] = p->when[w];
			m->shadow[p->first + w] = p->word[w];
			m->nontemporal[p->first / WORDS] &= ~(1U << w);
		}
	}
	state->lines += c->nr;
	pthread_mutex_unlock(&lock);
	c->nr = 0;
}

/*
 * Right before a write back or a fence is when most is at stake: stop there, if asked
 * to. The signal has stopped us when raise() returns; other CPUs may go on for a moment.
 */
static void maybe_stop(void)
{
	if (__atomic_load_n(&state->stop_in, __ATOMIC_RELAXED) > 0 &&
	    !__atomic_sub_fetch(&state->stop_in, 1, __ATOMIC_RELAXED))
		raise(SIGSTOP);
}

static void unknown(uint64_t vaddr, uint64_t insn)
{
	count(&state->unknown);
	state->unknown_addr = vaddr;
	state->unknown_insn = insn;
}

/*
 * Translation
 */

#define SLOTS		(1U << 20)
/* With four levels of page tables. */
#define DIRECT_MAP	0xffff888000000000ULL
#define DIRECT_BYTES	(1ULL << 46)

/* A hash table. @page is a virtual page's number, 0: free; @phys is its address. */
static struct translation {
	uint64_t page;
	uint64_t phys;
} *translations;
static size_t nr_translations;

static struct translation *slot_of(uint64_t page)
{
	uint64_t i = page * 0x9e3779b97f4a7c15ULL >> 44;
	uint64_t found;

	for (;; i = (i + 1) % SLOTS) {
		found = __atomic_load_n(&translations[i].page, __ATOMIC_ACQUIRE);
		if (!found || found == page)
			return &translations[i];
	}
}

static bool in_direct_map(uint64_t vaddr)
{
	return vaddr >= DIRECT_MAP && vaddr - DIRECT_MAP < DIRECT_BYTES;
}

/* Pages that are not on a medium are of interest only if they once were. */
static void learn(uint64_t vaddr, uint64_t phys)
{
	uint64_t page = vaddr >> 12;
	struct translation *t = slot_of(page);

	phys &= ~0xfffULL;
	if (t->page) {
		if (t->phys != phys)
			__atomic_store_n(&t->phys, phys, __ATOMIC_RELAXED);
		return;
	}
	if (!medium_of(phys))
		return;
	/* That would be another direct map than we know. */
	if (in_direct_map(vaddr) && phys != (vaddr & ~0xfffULL) - DIRECT_MAP)
		unknown(vaddr, 0);
	pthread_mutex_lock(&lock);
	t = slot_of(page);
	if (!t->page && ++nr_translations > SLOTS / 2) {
		errno = ENOSPC;
		die("table of translations");
	}
	t->phys = phys;
	__atomic_store_n(&t->page, page, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lock);
}

/*
 * What the guest does
 */

static void on_fence(unsigned int cpu, void *data)
{
	struct cpu *c = &cpus[cpu];

	if (!c->nr)
		return;
	maybe_stop();
	count(&state->fences);
	make_durable(c);
}

static void on_switch(unsigned int cpu, void *data)
{
	struct cpu *c = &cpus[cpu];

	if (!c->nr)
		return;
	count(&state->switches);
	make_durable(c);
}

static uint64_t phys_of(qemu_plugin_meminfo_t info, uint64_t vaddr)
{
	struct qemu_plugin_hwaddr *hwaddr = qemu_plugin_get_hwaddr(info, vaddr);

	return hwaddr ? qemu_plugin_hwaddr_phys_addr(hwaddr) : 0;
}

static void on_store(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t vaddr,
		     void *data)
{
	learn(vaddr, phys_of(info, vaddr));
}

/* Called for every byte: one in a line will do, and whoever writes back has all of them. */
static void on_string(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t vaddr,
		      void *data)
{
	if (vaddr % LINE == 0)
		learn(vaddr, phys_of(info, vaddr));
}

static void on_nontemporal(unsigned int cpu, qemu_plugin_meminfo_t info,
			   uint64_t vaddr, void *data)
{
	uint64_t phys = phys_of(info, vaddr), word;
	struct medium *m = medium_of(phys);

	if (!m)
		return;
	learn(vaddr, phys);
	count(&state->nontemporal);
	word = (phys - m->base) / 8;
	__atomic_or_fetch(&m->nontemporal[word / WORDS], 1U << word % WORDS,
			  __ATOMIC_RELAXED);
	bind(&cpus[cpu], m, word, 1);
}

/* The operand of a write back: base + index << scale + disp; -1: there is none. */
struct operand {
	int base;
	int index;
	unsigned int scale;
	int64_t disp;
	uint64_t insn;
};

static uint64_t reg_value(struct cpu *c, int nr)
{
	uint64_t val = 0;

	if (nr < 0)
		return 0;
	g_byte_array_set_size(c->buf, 0);
	qemu_plugin_read_register(c->reg[nr], c->buf);
	if (c->buf->len < sizeof(val)) {
		errno = EIO;
		die(reg_name[nr]);
	}
	memcpy(&val, c->buf->data, sizeof(val));
	return val;
}

static void on_writeback(unsigned int cpu, void *data)
{
	struct cpu *c = &cpus[cpu];
	const struct operand *op = data;
	uint64_t vaddr, phys;
	struct translation *t;
	struct medium *m;

	vaddr = reg_value(c, op->base) + (reg_value(c, op->index) << op->scale) + op->disp;
	t = slot_of(vaddr >> 12);
	if (t->page) {
		phys = __atomic_load_n(&t->phys, __ATOMIC_RELAXED) | (vaddr & 0xfff);
	} else if (in_direct_map(vaddr)) {
		phys = vaddr - DIRECT_MAP;
	} else {
		unknown(vaddr, op->insn);
		return;
	}
	m = medium_of(phys);
	if (!m)
		return;
	maybe_stop();
	count(&state->writebacks);
	bind(c, m, (phys - m->base) / LINE * WORDS, WORDS);
}

/*
 * Finding the instructions
 */

/* The kernel's text is here, and its modules, wherever nokaslr or not has put them. */
#define KERNEL		0xffffffff80000000ULL
#define MODULES		0xffffffffa0000000ULL

enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

/**
 * struct insn - the beginning of an instruction
 * @size: prefix 0x66
 * @rep: prefix 0xf2 or 0xf3
 * @segment: a prefix for a segment
 * @rex: REX prefix, 0 without
 * @op: opcode and what follows
 */
struct insn {
	bool size;
	bool rep;
	bool segment;
	uint8_t rex;
	const uint8_t *op;
};

static void decode_prefixes(struct insn *insn, const uint8_t *p)
{
	memset(insn, 0, sizeof(*insn));
	for (;; p++) {
		if (*p == 0x66)
			insn->size = true;
		else if (*p == 0xf2 || *p == 0xf3)
			insn->rep = true;
		else if (*p == 0x26 || *p == 0x2e || *p == 0x36 || *p == 0x3e ||
			 *p == 0x64 || *p == 0x65)
			insn->segment = true;
		else
			break;
	}
	if ((*p & 0xf0) == 0x40)
		insn->rex = *p++;
	insn->op = p;
}

/* @modrm: where the operand begins; @next: address of the next instruction */
static struct operand *decode_operand(const struct insn *insn, const uint8_t *modrm,
				      uint64_t next)
{
	struct operand *op = calloc(1, sizeof(*op));
	unsigned int mod = *modrm >> 6, rm = *modrm & 7;
	const uint8_t *p = modrm + 1;
	int32_t disp;

	if (!op)
		die("no memory");
	op->index = -1;
	op->base = rm | (insn->rex & REX_B ? 8 : 0);
	if (rm == 4) {
		op->scale = *p >> 6;
		op->index = (*p >> 3 & 7) | (insn->rex & REX_X ? 8 : 0);
		if (op->index == 4)
			op->index = -1;
		rm = *p++ & 7;
		op->base = rm | (insn->rex & REX_B ? 8 : 0);
		if (rm == 5 && !mod) {
			op->base = -1;
			mod = 2;
		}
	} else if (rm == 5 && !mod) {
		op->base = -1;
		op->disp = next;
		mod = 2;
	}
	if (mod == 1) {
		op->disp = (int8_t)*p;
	} else if (mod == 2) {
		memcpy(&disp, p, sizeof(disp));
		op->disp += disp;
	}
	return op;
}

static void on_insn(struct qemu_plugin_insn *qi)
{
	/* What is behind the last byte looks like the end of anything. */
	uint8_t bytes[32] = { 0 };
	size_t len = qemu_plugin_insn_data(qi, bytes, 15);
	uint64_t vaddr = qemu_plugin_insn_vaddr(qi);
	unsigned int mod, reg;
	struct insn insn;

	decode_prefixes(&insn, bytes);
	if (insn.op[0] == 0x0f && insn.op[1] == 0xc3) {
		qemu_plugin_register_vcpu_mem_cb(qi, on_nontemporal, PLUGIN_NO_REGS,
						 PLUGIN_MEM_STORES, NULL);
		return;
	}
	if (insn.op[0] == 0x0f && insn.op[1] == 0xae) {
		struct operand *op;

		mod = insn.op[2] >> 6;
		reg = insn.op[2] >> 3 & 7;
		if (mod == 3) {
			/* sfence, mfence */
			if ((reg == 7 || reg == 6) && !insn.size && !insn.rep)
				qemu_plugin_register_vcpu_insn_exec_cb(qi, on_fence,
								       PLUGIN_NO_REGS,
								       NULL);
			return;
		}
		/* clflush, clflushopt; clwb */
		if (insn.rep || !(reg == 7 || (reg == 6 && insn.size)))
			return;
		op = decode_operand(&insn, insn.op + 2, vaddr + len);
		op->insn = vaddr;
		qemu_plugin_register_vcpu_insn_exec_cb(qi, on_writeback,
						       PLUGIN_READ_REGS, op);
		return;
	}
	/* mov FIELD(%reg), %rsp in the kernel: __switch_to_asm() and nobody else */
	if (vaddr >= KERNEL && insn.op[0] == 0x8b && !insn.segment &&
	    (insn.rex & (REX_W | REX_R)) == REX_W && (insn.op[1] & 0xf8) == 0xa0 &&
	    insn.op[1] != 0xa4)
		qemu_plugin_register_vcpu_insn_exec_cb(qi, on_switch, PLUGIN_NO_REGS,
						       NULL);
	else if (vaddr >= KERNEL && insn.rep && (insn.op[0] & 0xfe) == 0xa4)
		qemu_plugin_register_vcpu_mem_cb(qi, on_string, PLUGIN_NO_REGS,
						 PLUGIN_MEM_STORES, NULL);
	else if (vaddr >= MODULES)
		qemu_plugin_register_vcpu_mem_cb(qi, on_store, PLUGIN_NO_REGS,
						 PLUGIN_MEM_STORES, NULL);
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t nr = qemu_plugin_tb_n_insns(tb), i;

	for (i = 0; i < nr; i++)
		on_insn(qemu_plugin_tb_get_insn(tb, i));
}

static void on_cpu(qemu_plugin_id_t id, unsigned int cpu)
{
	struct plugin_array *regs = qemu_plugin_get_registers();
	const struct plugin_reg *reg = regs->data;
	unsigned int i, nr;

	errno = EINVAL;
	if (cpu >= MAX_CPUS)
		die("too many CPUs");
	cpus[cpu].buf = g_byte_array_new();
	for (i = 0; i < regs->len; i++)
		for (nr = 0; nr < NR_REGS; nr++)
			if (!strcmp(reg[i].name, reg_name[nr]))
				cpus[cpu].reg[nr] = reg[i].handle;
	for (nr = 0; nr < NR_REGS; nr++)
		if (!cpus[cpu].reg[nr])
			die(reg_name[nr]);
}

/*
 * Files
 */

static void *map_file(const char *name, int flags, uint64_t bytes)
{
	int prot = flags == O_RDONLY ? PROT_READ : PROT_READ | PROT_WRITE;
	int fd = open(name, flags, 0644);
	void *p;

	if (fd < 0 || (flags & O_CREAT && ftruncate(fd, bytes)))
		die(name);
	p = mmap(NULL, bytes, prot, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die(name);
	close(fd);
	return p;
}

static void *zeroes(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("no memory");
	return p;
}

/* What is there when the guest starts is durable. Holes stay holes. */
static void copy_data(struct medium *m, const char *name)
{
	int fd = open(name, O_RDONLY);
	off_t from = 0, to;

	if (fd < 0)
		die(name);
	while ((from = lseek(fd, from, SEEK_DATA)) >= 0 && (uint64_t)from < m->bytes) {
		to = lseek(fd, from, SEEK_HOLE);
		if ((uint64_t)to > m->bytes)
			to = m->bytes;
		memcpy((char *)m->shadow + from, (const char *)m->live + from, to - from);
		from = to;
	}
	close(fd);
}

static void medium_add(const char *live, const char *shadow, uint64_t base)
{
	struct medium *m = &media[nr_media];
	struct stat st;

	errno = EINVAL;
	if (nr_media == MAX_MEDIA || !live || !shadow)
		die("want live=FILE,shadow=FILE,base=ADDRESS");
	if (stat(live, &st))
		die(live);
	errno = EINVAL;
	if (st.st_size <= LABEL_BYTES || st.st_size % 4096)
		die(live);
	m->base = base;
	m->bytes = st.st_size - LABEL_BYTES;
	m->live = map_file(live, O_RDONLY, m->bytes);
	m->shadow = map_file(shadow, O_RDWR | O_CREAT | O_TRUNC,
			     m->bytes + m->bytes / LINE);
	m->nontemporal = (uint8_t *)m->shadow + m->bytes;
	m->when = zeroes(m->bytes);
	copy_data(m, live);
	nr_media++;
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
			char **argv)
{
	const char *live = NULL, *shadow = NULL;
	int i;

	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "live=", 5))
			live = argv[i] + 5;
		else if (!strncmp(argv[i], "shadow=", 7))
			shadow = argv[i] + 7;
		else if (!strncmp(argv[i], "state=", 6))
			state = map_file(argv[i] + 6, O_RDWR | O_CREAT | O_TRUNC,
					 sizeof(*state));
		else if (!strncmp(argv[i], "base=", 5))
			medium_add(live, shadow, strtoull(argv[i] + 5, NULL, 0));
	}
	errno = EINVAL;
	if (!state || !nr_media)
		die("want state=FILE, and an NVDIMM");
	translations = zeroes(SLOTS * sizeof(*translations));
	qemu_plugin_register_vcpu_init_cb(id, on_cpu);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	return 0;
}

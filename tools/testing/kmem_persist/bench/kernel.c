// SPDX-License-Identifier: GPL-2.0
/*
 * What kernel.h declares
 *
 * The model of grace periods: there is one at a time. It ends when every thread has
 * gone through so many operations since it began; a normal one takes some milliseconds
 * of operations, an expedited one some microseconds. Cookies have the kernel's
 * arithmetic and barriers. What a grace period costs elsewhere (kthreads, interrupts to
 * other processors) is not there. Who has to wait for one is counted, and waits only
 * for the other threads.
 */

#include "kernel.h"
#include <linux/crc32.h>

/* Operations per grace period. */
#define BENCH_GP_NORMAL		4096
#define BENCH_GP_EXPEDITED	32

#define RCU_STATE_MASK		3UL
#define RCU_STATE_COMPLETED	1UL

__thread struct bench_cpu bench_this;
unsigned int nr_cpu_ids = BENCH_CPUS;
volatile unsigned long jiffies = 1000;
struct page bench_zero_page __aligned(4096);
unsigned long bench_rcu_waits;

static struct {
	unsigned long seq ____cacheline_aligned_in_smp;
	unsigned long needed ____cacheline_aligned_in_smp;
	bool hurry;
	spinlock_t lock;	/* protects all of this */
	struct bench_cpu *cpus[BENCH_CPUS];
} rcu = { .needed = RCU_STATE_MASK + 1, .seq = RCU_STATE_MASK + 1 };

static bool rcu_seq_done(unsigned long cookie)
{
	unsigned long seq = READ_ONCE(rcu.seq);

	return (long)(seq - cookie) >= 0 ||
	       (long)(seq - (cookie - 2 * (RCU_STATE_MASK + 1))) < 0;
}

static unsigned long rcu_seq_snap(void)
{
	unsigned long cookie;

	cookie = (READ_ONCE(rcu.seq) + 2 * RCU_STATE_MASK + 1) & ~RCU_STATE_MASK;
	/* As in the kernel, as those below: they cost something. */
	smp_mb();
	return cookie;
}

unsigned long get_state_synchronize_rcu(void)
{
	/* What left the map did so before. */
	smp_mb();
	return rcu_seq_snap();
}

unsigned long get_completed_synchronize_rcu(void)
{
	return RCU_STATE_COMPLETED;
}

bool poll_state_synchronize_rcu(unsigned long cookie)
{
	if (cookie == RCU_STATE_COMPLETED || rcu_seq_done(cookie)) {
		/* What comes now comes after the grace period. */
		smp_mb();
		return true;
	}
	return false;
}

static void rcu_need(unsigned long cookie, bool hurry)
{
	spin_lock(&rcu.lock);
	if ((long)(cookie - rcu.needed) > 0)
		rcu.needed = cookie;
	if (hurry && !rcu.hurry) {
		rcu.hurry = true;
		for (unsigned int i = 0; i < BENCH_CPUS; i++) {
			struct bench_cpu *cpu = rcu.cpus[i];
			unsigned long soon;

			if (!cpu)
				continue;
			soon = READ_ONCE(cpu->ops) + BENCH_GP_EXPEDITED;
			if (cpu->target > soon)
				cpu->target = soon;
		}
	}
	spin_unlock(&rcu.lock);
}

unsigned long start_poll_synchronize_rcu(void)
{
	unsigned long cookie = get_state_synchronize_rcu();

	rcu_need(cookie, false);
	return cookie;
}

unsigned long start_poll_synchronize_rcu_expedited(void)
{
	unsigned long cookie = get_state_synchronize_rcu();

	rcu_need(cookie, true);
	return cookie;
}

static void rcu_step_locked(void)
{
	if (!(rcu.seq & RCU_STATE_MASK)) {
		if (rcu.seq == rcu.needed)
			return;
		for (unsigned int i = 0; i < BENCH_CPUS; i++)
			if (rcu.cpus[i])
				rcu.cpus[i]->target = READ_ONCE(rcu.cpus[i]->ops) +
						      (rcu.hurry ? BENCH_GP_EXPEDITED :
								   BENCH_GP_NORMAL);
		WRITE_ONCE(rcu.seq, rcu.seq + 1);
	}
	for (unsigned int i = 0; i < BENCH_CPUS; i++)
		if (rcu.cpus[i] && READ_ONCE(rcu.cpus[i]->online) &&
		    (long)(READ_ONCE(rcu.cpus[i]->ops) - rcu.cpus[i]->target) < 0)
			return;
	/* What readers did is done before it ends. */
	smp_mb();
	rcu.hurry = false;
	WRITE_ONCE(rcu.seq, (rcu.seq | RCU_STATE_MASK) + 1);
	if ((long)(rcu.needed - rcu.seq) < 0)
		rcu.needed = rcu.seq;
}

/**
 * bench_rcu_step - let a grace period begin or end if it is time
 */
void bench_rcu_step(void)
{
	if (READ_ONCE(rcu.seq) == READ_ONCE(rcu.needed))
		return;
	spin_lock(&rcu.lock);
	rcu_step_locked();
	spin_unlock(&rcu.lock);
}

/**
 * bench_rcu_online - the calling thread begins or ends to use devices
 * @online: which
 */
void bench_rcu_online(bool online)
{
	spin_lock(&rcu.lock);
	rcu.cpus[bench_this.cpu] = &bench_this;
	WRITE_ONCE(bench_this.online, online);
	spin_unlock(&rcu.lock);
}

void synchronize_rcu_expedited(void)
{
	unsigned long cookie = get_state_synchronize_rcu();
	bool online = bench_this.online;

	__atomic_fetch_add(&bench_rcu_waits, 1, __ATOMIC_RELAXED);
	WRITE_ONCE(bench_this.online, false);
	do {
		rcu_need(cookie, true);
		bench_rcu_step();
		cpu_relax();
	} while (!rcu_seq_done(cookie));
	WRITE_ONCE(bench_this.online, online);
	/* Online before anything is read. */
	smp_mb();
}

void synchronize_rcu(void)
{
	synchronize_rcu_expedited();
}

void cond_synchronize_rcu_expedited(unsigned long cookie)
{
	if (!poll_state_synchronize_rcu(cookie))
		synchronize_rcu_expedited();
}

/* What the kernel does with as little as this. */
u32 crc32c(u32 crc, const void *p, size_t len)
{
	const u8 *b = p;

	for (; len >= 8; len -= 8, b += 8) {
		u64 wide = crc;

		asm("crc32q %1, %0" : "+r" (wide) : "rm" (*(const u64 *)b));
		crc = wide;
	}
	for (; len; len--, b++)
		asm("crc32b %1, %0" : "+r" (crc) : "rm" (*b));
	return crc;
}

/* CPUID of leaf 7: clwb, clflushopt, fast rep movsb. */
static unsigned int cpu_features(void)
{
	static unsigned int ebx;
	unsigned int eax = 7, ecx = 0, edx;

	if (!ebx)
		asm volatile("cpuid" : "+a" (eax), "=b" (ebx), "+c" (ecx), "=d" (edx));
	return ebx | 1;
}

#define CPU_ERMS	BIT(9)
#define CPU_CLFLUSHOPT	BIT(23)
#define CPU_CLWB	BIT(24)

unsigned long copy_mc_to_kernel(void *dst, const void *src, unsigned int len)
{
	unsigned long left = len;

	if (likely(cpu_features() & CPU_ERMS))
		asm volatile("rep movsb" : "+D" (dst), "+S" (src), "+c" (left) ::
			     "memory");
	else
		memcpy(dst, src, len);
	return 0;
}

#ifdef BENCH_COUNTS

const struct media_ops *media_ops;

#else

void arch_wb_cache_pmem(void *addr, size_t len)
{
	char *p = (char *)((unsigned long)addr & ~63UL), *end = (char *)addr + len;
	unsigned int features = cpu_features();

	for (; p < end; p += 64) {
		if (likely(features & CPU_CLWB))
			asm volatile("clwb %0" : "+m" (*p));
		else if (features & CPU_CLFLUSHOPT)
			asm volatile("clflushopt %0" : "+m" (*p));
		else
			asm volatile("clflush %0" : "+m" (*p));
	}
}

/* Everything here is aligned to, and a multiple of, four bytes. */
void __memcpy_flushcache(void *dst, const void *src, size_t len)
{
	u64 *to = dst;
	const u64 *from = src;

	for (; len >= 32; len -= 32, to += 4, from += 4) {
		u64 a = from[0], b = from[1], c = from[2], d = from[3];

		asm volatile("movnti %1, %0" : "=m" (to[0]) : "r" (a));
		asm volatile("movnti %1, %0" : "=m" (to[1]) : "r" (b));
		asm volatile("movnti %1, %0" : "=m" (to[2]) : "r" (c));
		asm volatile("movnti %1, %0" : "=m" (to[3]) : "r" (d));
	}
	for (; len >= 8; len -= 8, to++, from++)
		asm volatile("movnti %1, %0" : "=m" (*to) : "r" (*from));
	if (len)
		asm volatile("movnti %1, %0" : "=m" (*(u32 *)to) :
			     "r" (*(const u32 *)from));
}

#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * CPU caches: stores to a DAX device are not durable before they have left them
 */
#include <linux/libnvdimm.h>

#if defined(__x86_64__)
#define CACHE_LINE	64UL

static void cache_line(char *line)
{
	asm volatile("clflush %0" : "+m" (*line));
}

static void cache_fence(void)
{
	asm volatile("sfence" : : : "memory");
}
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

/* The smallest that there is. */
#define CACHE_LINE	16UL

static void cache_line(char *line)
{
	if (getauxval(AT_HWCAP) & HWCAP_DCPOP)
		asm volatile("sys #3, c7, c12, #1, %0" : : "r" (line) : "memory");
	else
		asm volatile("dc cvac, %0" : : "r" (line) : "memory");
}

static void cache_fence(void)
{
	asm volatile("dsb sy" : : : "memory");
}
#else
#define CACHE_LINE	0UL

static void cache_line(char *line)
{
	(void)line;
}

static void cache_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#endif

/**
 * cache_can_write_back - can stores be made durable on this kind of machine?
 *
 * Return: true if arch_wb_cache_pmem() does anything.
 */
bool cache_can_write_back(void)
{
	return CACHE_LINE;
}

/**
 * arch_wb_cache_pmem - write cache lines back
 * @addr: address
 * @size: bytes
 */
void arch_wb_cache_pmem(void *addr, size_t size)
{
	const unsigned long line = CACHE_LINE;
	char *p, *end = (char *)addr + size;

	if (!line)
		return;
	for (p = (char *)((unsigned long)addr & ~(line - 1)); p < end; p += line)
		cache_line(p);
}

/**
 * pmem_wmb - complete what was written back before
 */
void pmem_wmb(void)
{
	cache_fence();
}

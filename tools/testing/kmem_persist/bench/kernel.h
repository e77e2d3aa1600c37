/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What persist/map/map.c, persist/blk/io.c, persist/blk/pages.c and persist/media.h need of
 * a kernel, at the price that it has there
 *
 * Locks, counters, copies, write backs and fences are the instructions of an x86-64
 * kernel with preemption. Where the kernel has a function call there is one here, too.
 * What is only modelled: the grace period (kernel.c), the worker of persist/blk/pages.c
 * (it runs when bench_work() is called), mempools and the block layer (struct bio comes
 * ready, is not split and completes without a callback).
 *
 * With BENCH_COUNTS all that reaches the media goes to the simulated media instead.
 */
#ifndef _BENCH_KERNEL_H
#define _BENCH_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include <linux/types.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	4096UL
#define SECTOR_SHIFT	9
#define SECTOR_SIZE	512U
#define SZ_32M		0x2000000
#define HZ		250UL
#define NUMA_NO_NODE	(-1)
#define GFP_KERNEL	0
#define GFP_NOIO	0
#define GFP_NOWAIT	0
#define __GFP_NOWARN	0

#define __uninitialized
#define __aligned(n)			__attribute__((__aligned__(n)))
#define L1_CACHE_BYTES		64
#define ____cacheline_aligned_in_smp	__aligned(64)
#define PRAGMA(text)		_Pragma(#text)
#define unrolled_count(n)	PRAGMA(GCC unroll n)
#define noinline			__attribute__((__noinline__))

static inline void barrier(void)
{
	asm volatile("" ::: "memory");
}

static inline void cpu_relax(void)
{
	asm volatile("pause" ::: "memory");
}

static inline void smp_mb(void)
{
	asm volatile("lock; addl $0,-4(%%rsp)" ::: "memory", "cc");
}

static inline void prefetch(const void *p)
{
	asm volatile("prefetchnta %0" :: "m" (*(const char *)p));
}

static inline void prefetchw(const void *p)
{
	asm volatile("prefetchw %0" :: "m" (*(const char *)p));
}

#define xchg(p, v)	__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)

#define min_t(t, a, b)		min((t)(a), (t)(b))
#define min3(a, b, c)		min(min(a, b), c)
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define clamp_t(t, v, lo, hi)	clamp((t)(v), (t)(lo), (t)(hi))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define struct_size(p, member, n) \
	(sizeof(*(p)) + sizeof((p)->member[0]) * (n))

typedef u64 sector_t;

#define BENCH_CPUS	2

/**
 * struct bench_cpu - what a thread has instead of a processor's area
 * @cpu: its number
 * @preempt: like __preempt_count
 * @rcu: like task_struct.rcu_read_lock_nesting
 * @percpu: distance of its part of per-CPU memory
 * @ops: operations, each of which ends in a quiescent state
 * @target: @ops from which on the grace period need not wait for it
 * @online: a grace period waits for it
 * @flush_idx: of nvdimm_flush()
 */
struct bench_cpu {
	unsigned int cpu;
	int preempt;
	int rcu;
	unsigned long percpu;
	unsigned long ops;
	unsigned long target;
	bool online;
	unsigned int flush_idx;
};

extern __thread struct bench_cpu bench_this;

/*
 * Processors, tasks, time
 */

extern unsigned int nr_cpu_ids;
extern volatile unsigned long jiffies;

#define raw_smp_processor_id()	(bench_this.cpu)
#define cpu_possible(cpu)	true
#define cpu_to_node(cpu)	0
#define time_after_eq(a, b)	((long)((a) - (b)) >= 0)
#define this_cpu_add(pcp, n) \
	(*(typeof(&(pcp)))((char *)&(pcp) + bench_this.percpu) += (n))
#define this_cpu_inc(pcp)	this_cpu_add(pcp, 1)

static inline void cond_resched(void)
{
}

static inline long schedule_timeout_uninterruptible(long timeout)
{
	cpu_relax();
	return 0;
}

static inline void preempt_disable(void)
{
	bench_this.preempt++;
	barrier();
}

static inline void preempt_enable(void)
{
	barrier();
	bench_this.preempt--;
}

/*
 * Locks
 */

typedef struct {
	int locked;
} spinlock_t;

struct mutex {
	unsigned long owner;
};

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->locked = 0;
}

/* Compare and exchange as a queued spinlock has it while nobody else wants it. */
static inline void spin_lock(spinlock_t *lock)
{
	preempt_disable();
	for (;;) {
		int free = 0;

		if (likely(__atomic_compare_exchange_n(&lock->locked, &free, 1,
						       false, __ATOMIC_ACQUIRE,
						       __ATOMIC_RELAXED)))
			return;
		while (READ_ONCE(lock->locked))
			cpu_relax();
	}
}

static inline void spin_unlock(spinlock_t *lock)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
	preempt_enable();
}

static inline void mutex_init(struct mutex *lock)
{
	lock->owner = 0;
}

static inline void mutex_lock(struct mutex *lock)
{
	for (;;) {
		unsigned long free = 0;

		if (likely(__atomic_compare_exchange_n(&lock->owner, &free,
						       (unsigned long)&bench_this,
						       false, __ATOMIC_ACQUIRE,
						       __ATOMIC_RELAXED)))
			return;
		cpu_relax();
	}
}

static inline void mutex_unlock(struct mutex *lock)
{
	unsigned long me = (unsigned long)&bench_this;

	/* It may have waiters: exchanged, not stored. */
	__atomic_compare_exchange_n(&lock->owner, &me, 0, false, __ATOMIC_RELEASE,
				    __ATOMIC_RELAXED);
}

static inline bool mutex_is_locked(struct mutex *lock)
{
	return READ_ONCE(lock->owner);
}

#define lockdep_is_held(lock)	true
#define lockdep_assert_held(lock)	((void)(lock))

typedef spinlock_t *class_spinlock_t;
typedef struct mutex *class_mutex_t;
typedef int class_rcu_t;

static inline spinlock_t *class_spinlock_ctor(spinlock_t *lock)
{
	spin_lock(lock);
	return lock;
}

static inline void class_spinlock_dtor(spinlock_t **lock)
{
	spin_unlock(*lock);
}

static inline struct mutex *class_mutex_ctor(struct mutex *lock)
{
	mutex_lock(lock);
	return lock;
}

static inline void class_mutex_dtor(struct mutex **lock)
{
	mutex_unlock(*lock);
}

/*
 * RCU
 */

#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_dereference(p)		READ_ONCE(p)
#define rcu_dereference_protected(p, c)	(p)
#define rcu_assign_pointer(p, v)	smp_store_release(&(p), v)

static inline void rcu_read_lock(void)
{
	bench_this.rcu++;
	barrier();
}

static inline void rcu_read_unlock(void)
{
	barrier();
	bench_this.rcu--;
}

static inline int class_rcu_ctor(void)
{
	rcu_read_lock();
	return 0;
}

static inline void class_rcu_dtor(int *unused)
{
	rcu_read_unlock();
}

unsigned long get_state_synchronize_rcu(void);
unsigned long get_completed_synchronize_rcu(void);
bool poll_state_synchronize_rcu(unsigned long cookie);
unsigned long start_poll_synchronize_rcu(void);
unsigned long start_poll_synchronize_rcu_expedited(void);
void synchronize_rcu(void);
void synchronize_rcu_expedited(void);
void cond_synchronize_rcu_expedited(unsigned long cookie);

/* Grace periods that somebody had to wait for, over all. */
extern unsigned long bench_rcu_waits;

void bench_rcu_online(bool online);
void bench_rcu_step(void);

/*
 * Between two operations: nothing of a device is in the thread's hands. An operation is
 * over when its stores are out, because only then may anybody be told so; and what comes
 * next begins after that. A fence alone returns before, and what it costs would be found
 * at the next locked instruction, wherever that is; and the copies of a loop would
 * overlap inside of the processor, which those of no caller do.
 */
static inline void bench_quiescent(void)
{
	asm volatile("mfence; lfence" ::: "memory");
	if (!(++bench_this.ops & 15))
		bench_rcu_step();
}

/*
 * Media, for persist/media.h and the models beside it
 */

struct device;

#ifdef BENCH_COUNTS

#include "../shim/media.h"

static inline void memcpy_flushcache(void *dst, const void *src, size_t len)
{
	media_ops->copy(dst, src, len);
}

static inline void wmb(void)
{
	static struct media_site site;

	media_ops->fence(&site);
}

#else

void __memcpy_flushcache(void *dst, const void *src, size_t len);
void arch_wb_cache_pmem(void *addr, size_t len);

static inline void memcpy_flushcache(void *dst, const void *src, size_t len)
{
	__memcpy_flushcache(dst, src, len);
}

static inline void wmb(void)
{
	asm volatile("sfence" ::: "memory");
}

#endif

static inline void pmem_wmb(void)
{
	wmb();
}

unsigned long copy_mc_to_kernel(void *dst, const void *src, unsigned int len);

/*
 * Memory
 */

struct page {
	u8 data[PAGE_SIZE];
};

extern struct page bench_zero_page;

#define ZERO_PAGE(addr)		(&bench_zero_page)
#define page_address(page)	((void *)(page))

#define kmalloc_obj(obj, gfp)	((typeof(obj) *)malloc(sizeof(obj)))
#define kzalloc_objs(obj, nr)	((typeof(obj) *)calloc(nr, sizeof(obj)))
#define kfree(p)		free(p)
#define kvfree(p)		free((void *)(p))

static inline void *kvzalloc_node(size_t size, gfp_t gfp, int node)
{
	void *p = aligned_alloc(64, (size + 63) & ~63UL);

	return p ? memset(p, 0, size) : NULL;
}

static inline void *kvmalloc(size_t size, gfp_t gfp)
{
	return malloc(size);
}

static inline void *kvcalloc(size_t nr, size_t size, gfp_t gfp)
{
	return nr > INT_MAX / size ? NULL : calloc(nr, size);
}

typedef struct {
	u64 *list[BENCH_CPUS];
} mempool_t;

static inline void *mempool_alloc(mempool_t *pool, gfp_t gfp)
{
	return pool->list[bench_this.cpu];
}

static inline void mempool_free(void *p, mempool_t *pool)
{
}

/*
 * Lists and work
 */

#define INIT_LIST_HEAD(head)	((head)->next = (head)->prev = (head))

static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	node->next = head;
	node->prev = head->prev;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_del(struct list_head *node)
{
	node->next->prev = node->prev;
	node->prev->next = node->next;
}

#define list_first_entry_or_null(head, type, member) \
	((head)->next == (head) ? NULL : \
	 container_of((head)->next, type, member))

struct workqueue_struct;

/* Nobody closes the gate of a family here. */
typedef struct { int unused; } wait_queue_head_t;
#define wait_event(wq, cond)	((void)(wq), (void)(cond))

struct work_struct {
	void (*func)(struct work_struct *work);
};

struct delayed_work {
	struct work_struct work;
	bool queued;
};

#define WQ_MEM_RECLAIM			0
#define WQ_UNBOUND			0
#define alloc_workqueue(name, flags, max) ((struct workqueue_struct *)1)
#define destroy_workqueue(wq)		((void)(wq))
#define INIT_DELAYED_WORK(dwork, fn)	((dwork)->work.func = (fn))
#define to_delayed_work(w)		container_of(w, struct delayed_work, work)
#define queue_delayed_work(wq, dwork, delay) \
	((void)(wq), (void)xchg(&(dwork)->queued, true))
#define mod_delayed_work(wq, dwork, delay) \
	queue_delayed_work(wq, dwork, delay)
#define cancel_delayed_work_sync(dwork)	((dwork)->queued = false)

/* Run it now if it is queued. */
static inline void bench_work(struct delayed_work *dwork)
{
	if (xchg(&dwork->queued, false))
		dwork->work.func(&dwork->work);
}

/*
 * Block layer
 */

typedef unsigned int blk_opf_t;
typedef u8 blk_status_t;
typedef struct {
	u8 b[16];
} uuid_t;

enum req_op {
	REQ_OP_READ = 0,
	REQ_OP_WRITE = 1,
	REQ_OP_DISCARD = 3,
	REQ_OP_SECURE_ERASE = 5,
	REQ_OP_WRITE_ZEROES = 9,
};

#define REQ_META	BIT(12)
#define REQ_PRIO	BIT(13)
#define REQ_NOWAIT	BIT(18)
#define REQ_NOUNMAP	BIT(22)
#define REQ_ATOMIC	BIT(23)
#define REQ_SWAP	BIT(24)

#define BLK_STS_OK	0
#define BLK_STS_NOTSUPP	1
#define BLK_STS_NOSPC	3
#define BLK_STS_MEDIUM	7
#define BLK_STS_RESOURCE 9
#define BLK_STS_IOERR	10
#define BLK_STS_AGAIN	12
#define BLK_STS_INVAL	19

struct badblocks {
	int count;
};

struct request_queue {
	bool io_stat;
};

struct gendisk {
	void *private_data;
	struct request_queue *queue;
};

struct block_device {
	struct gendisk *bd_disk;
	bool read_only;
};

struct bio_vec {
	struct page *bv_page;
	unsigned int bv_len;
	unsigned int bv_offset;
};

struct bvec_iter {
	sector_t bi_sector;
	unsigned int bi_size;
	unsigned int bi_idx;
	unsigned int bi_offset;
};

struct bio {
	struct block_device *bi_bdev;
	blk_opf_t bi_opf;
	blk_status_t bi_status;
	struct bvec_iter bi_iter;
	struct bio_vec *bi_io_vec;
};

#define bio_op(bio)		((enum req_op)((bio)->bi_opf & 0xff))
#define op_is_write(op)		((op) & 1)
#define bio_sectors(bio)	((bio)->bi_iter.bi_size >> SECTOR_SHIFT)
#define bdev_read_only(bdev)	READ_ONCE((bdev)->read_only)
#define IS_ALIGNED(x, a)	(!((x) & ((a) - 1)))
#define blk_queue_io_stat(q)	READ_ONCE((q)->io_stat)
#define bio_split_to_limits(bio) (bio)
#define bio_start_io_acct(bio)	0
#define bio_end_io_acct(bio, s)	((void)(s))
#define bio_endio(bio)		((void)(bio))
#define bio_wouldblock_error(bio) ((bio)->bi_status = BLK_STS_AGAIN)
#define disk_to_dev(disk)	(disk)
#define dev_err_ratelimited(dev, ...) \
	((void)(dev), fprintf(stderr, __VA_ARGS__))
#define flush_dcache_page(page)	((void)(page))
#define kunmap_local(addr)	((void)(addr))

static inline struct bio_vec bio_iter_iovec(const struct bio *bio,
					    struct bvec_iter iter)
{
	const struct bio_vec *bv = &bio->bi_io_vec[iter.bi_idx];
	unsigned int off = bv->bv_offset + iter.bi_offset;
	unsigned int len = min(iter.bi_size, bv->bv_len - iter.bi_offset);

	return (struct bio_vec) {
		.bv_page = bv->bv_page + off / PAGE_SIZE,
		.bv_len = min_t(unsigned int, len, PAGE_SIZE - off % PAGE_SIZE),
		.bv_offset = off % PAGE_SIZE,
	};
}

#define bio_iovec(bio)		bio_iter_iovec(bio, (bio)->bi_iter)

static inline void *bvec_kmap_local(const struct bio_vec *bv)
{
	return page_address(bv->bv_page) + bv->bv_offset;
}

static inline void bio_advance_iter_single(const struct bio *bio,
					   struct bvec_iter *iter,
					   unsigned int bytes)
{
	unsigned int done = iter->bi_offset + bytes;

	iter->bi_sector += bytes >> SECTOR_SHIFT;
	if (done == bio->bi_io_vec[iter->bi_idx].bv_len) {
		done = 0;
		iter->bi_idx++;
	}
	iter->bi_offset = done;
	iter->bi_size -= bytes;
}

static inline void bio_advance_iter(const struct bio *bio, struct bvec_iter *iter,
				    unsigned int bytes)
{
	while (bytes) {
		unsigned int len = min(bio_iter_iovec(bio, *iter).bv_len, bytes);

		bio_advance_iter_single(bio, iter, len);
		bytes -= len;
	}
}

/* What follows is the kernel's. */
#define __KERNEL__

#endif

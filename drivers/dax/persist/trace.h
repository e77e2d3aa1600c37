/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of persistent data in DAX memory that is also system RAM
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kmem_persist

#if !defined(_DAX_KMEM_PERSIST_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _DAX_KMEM_PERSIST_TRACE_H

#include <linux/device.h>
#include <linux/tracepoint.h>

/* A plugin comes, or tries to. */
TRACE_EVENT(kmem_persist_attach,
	TP_PROTO(const struct device *dev, u32 type, int err),
	TP_ARGS(dev, type, err),
	TP_STRUCT__entry(
		__string(name, dev_name(dev))
		__field(u32, type)
		__field(int, err)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->type = type;
		__entry->err = err;
	),
	TP_printk("%s type=%u err=%d", __get_str(name), __entry->type,
		  __entry->err)
);

/* A plugin leaves, or does not. */
TRACE_EVENT(kmem_persist_detach,
	TP_PROTO(const struct device *dev, bool force, int err),
	TP_ARGS(dev, force, err),
	TP_STRUCT__entry(
		__string(name, dev_name(dev))
		__field(bool, force)
		__field(int, err)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->force = force;
		__entry->err = err;
	),
	TP_printk("%s force=%d err=%d", __get_str(name), __entry->force,
		  __entry->err)
);

/* Pageblocks come from the page allocator; err tells that this place failed. */
TRACE_EVENT(kmem_persist_take,
	TP_PROTO(const struct device *dev, unsigned long pfn, unsigned long nr,
		 int err),
	TP_ARGS(dev, pfn, nr, err),
	TP_STRUCT__entry(
		__string(name, dev_name(dev))
		__field(unsigned long, pfn)
		__field(unsigned long, nr)
		__field(int, err)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->pfn = pfn;
		__entry->nr = nr;
		__entry->err = err;
	),
	TP_printk("%s pfn=%#lx nr_pages=%lu err=%d", __get_str(name),
		  __entry->pfn, __entry->nr, __entry->err)
);

/* A pageblock goes to the page allocator. */
TRACE_EVENT(kmem_persist_give,
	TP_PROTO(const struct device *dev, unsigned long pfn, unsigned long nr),
	TP_ARGS(dev, pfn, nr),
	TP_STRUCT__entry(
		__string(name, dev_name(dev))
		__field(unsigned long, pfn)
		__field(unsigned long, nr)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->pfn = pfn;
		__entry->nr = nr;
	),
	TP_printk("%s pfn=%#lx nr_pages=%lu", __get_str(name), __entry->pfn,
		  __entry->nr)
);

/* The compactor has dealt with a batch of pageblocks. */
TRACE_EVENT(kmem_persist_move,
	TP_PROTO(const struct device *dev, unsigned int chosen,
		 unsigned int empty, long moved),
	TP_ARGS(dev, chosen, empty, moved),
	TP_STRUCT__entry(
		__string(name, dev_name(dev))
		__field(unsigned int, chosen)
		__field(unsigned int, empty)
		__field(long, moved)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->chosen = chosen;
		__entry->empty = empty;
		__entry->moved = moved;
	),
	TP_printk("%s chosen=%u empty=%u moved_pages=%ld", __get_str(name),
		  __entry->chosen, __entry->empty, __entry->moved)
);

/* Somebody waited for pages above the reserve. */
TRACE_EVENT(kmem_persist_wait,
	TP_PROTO(const struct device *dev, unsigned int nr, unsigned int ms,
		 bool got),
	TP_ARGS(dev, nr, ms, got),
	TP_STRUCT__entry(
		__string(name, dev_name(dev))
		__field(unsigned int, nr)
		__field(unsigned int, ms)
		__field(bool, got)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->nr = nr;
		__entry->ms = ms;
		__entry->got = got;
	),
	TP_printk("%s nr_pages=%u waited=%ums got=%d", __get_str(name),
		  __entry->nr, __entry->ms, __entry->got)
);

/* A read of a page failed. */
TRACE_EVENT(kmem_persist_media_error,
	TP_PROTO(const struct device *dev, u64 dpn, bool known),
	TP_ARGS(dev, dpn, known),
	TP_STRUCT__entry(
		__string(name, dev_name(dev))
		__field(u64, dpn)
		__field(bool, known)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->dpn = dpn;
		__entry->known = known;
	),
	TP_printk("%s page=%llu known=%d", __get_str(name), __entry->dpn,
		  __entry->known)
);

/* A bad page that holds nothing is usable again, or is not. */
TRACE_EVENT(kmem_persist_clear,
	TP_PROTO(const struct device *dev, u64 dpn, int err),
	TP_ARGS(dev, dpn, err),
	TP_STRUCT__entry(
		__string(name, dev_name(dev))
		__field(u64, dpn)
		__field(int, err)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->dpn = dpn;
		__entry->err = err;
	),
	TP_printk("%s page=%llu err=%d", __get_str(name), __entry->dpn, __entry->err)
);

/* The room for data changed to "ok", "low" or "none". */
TRACE_EVENT(kmem_persist_space,
	TP_PROTO(const struct device *dev, const char *event, u64 free),
	TP_ARGS(dev, event, free),
	TP_STRUCT__entry(
		__string(name, dev_name(dev))
		__string(event, event)
		__field(u64, free)
	),
	TP_fast_assign(
		__assign_str(name);
		__assign_str(event);
		__entry->free = free;
	),
	TP_printk("%s %s free=%llu", __get_str(name), __get_str(event),
		  __entry->free)
);

#endif /* _DAX_KMEM_PERSIST_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../../drivers/dax/persist
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

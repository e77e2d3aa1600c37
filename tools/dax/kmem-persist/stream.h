/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The content of a disk on its way through a pipe
 *
 * A head, then records in the order of the disk: blocks with their data, blocks that are
 * lost, and an end, without which all of it is worth nothing. Each record is checked
 * together with all before it, so that none can be missing. Little-endian.
 */
#ifndef _KMEM_PERSIST_STREAM_H
#define _KMEM_PERSIST_STREAM_H

#include <linux/crc32.h>
#include <linux/types.h>
#include <linux/kmem_persist.h>

#define STREAM_MAGIC	"KMEMDISK"
#define STREAM_VERSION	1
/* Blocks of data in a record, at most. */
#define STREAM_BATCH	256

/**
 * struct stream_head - what is it?
 * @magic: STREAM_MAGIC
 * @version: STREAM_VERSION
 * @csum: of the head with this field 0
 * @uuid: of the format that it comes from
 * @label: its label
 * @nr_lblks: size of the disk in blocks
 */
struct stream_head {
	char magic[8];
	__le32 version;
	__le32 csum;
	u8 uuid[16];
	u8 label[KMEM_PERSIST_LABEL_LEN];
	__le64 nr_lblks;
};

enum stream_type { STREAM_DATA = 1, STREAM_LOST, STREAM_END };

/**
 * struct stream_record - some blocks
 * @type: &enum stream_type
 * @data_csum: of what follows
 * @lblk: first block; at the end: how many blocks of data there were
 * @nr: how many; at the end: how many lost ones there were
 * @zero: of this version
 * @csum: of the record without this field, begun with that of the record before, or of
 *	  the head
 *
 * STREAM_DATA is followed by STREAM_BATCH blocks at most.
 */
struct stream_record {
	__le32 type;
	__le32 data_csum;
	__le64 lblk;
	__le64 nr;
	__le32 zero;
	__le32 csum;
};

#define STREAM_AT(_struct, _field, _off) \
	_Static_assert(offsetof(struct _struct, _field) == (_off), #_field " moved")

/* As the format document says. */
STREAM_AT(stream_head, magic, 0x00);
STREAM_AT(stream_head, version, 0x08);
STREAM_AT(stream_head, csum, 0x0c);
STREAM_AT(stream_head, uuid, 0x10);
STREAM_AT(stream_head, label, 0x20);
STREAM_AT(stream_head, nr_lblks, 0x60);
STREAM_AT(stream_record, type, 0x00);
STREAM_AT(stream_record, data_csum, 0x04);
STREAM_AT(stream_record, lblk, 0x08);
STREAM_AT(stream_record, nr, 0x10);
STREAM_AT(stream_record, zero, 0x18);
STREAM_AT(stream_record, csum, 0x1c);
/* So no whole stream has as many bytes as an image of whole blocks, or sectors. */
_Static_assert(sizeof(struct stream_head) % 32 == 8 && sizeof(struct stream_record) == 32,
	       "a stream may look like an image");

static inline u32 stream_head_csum(const struct stream_head *head)
{
	struct stream_head copy = *head;

	copy.csum = 0;
	return crc32c(~0U, &copy, sizeof(copy));
}

static inline u32 stream_record_csum(const struct stream_record *r, u32 before)
{
	return crc32c(before, r, offsetof(struct stream_record, csum));
}

#endif /* _KMEM_PERSIST_STREAM_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: finding the superblock, before there is a direct map
 *
 * The superblock is the first page of the raw device, its backup the last one unless
 * the superblock says otherwise.
 */
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "dax-private.h"
#include "kmem_persist_private.h"

/**
 * struct kmem_sb_search - what was found where superblocks may be
 * @primary: copy at dpn 0
 * @backup: copy at @backup_dpn
 * @buf: scratch
 * @backup_dpn: where the backup is looked for
 * @rc: verdicts, see kmem_sb_verify(); or -EIO for a media error
 * @fault: what is wrong with them
 */
struct kmem_sb_search {
	struct kmem_persist_superblock primary;
	struct kmem_persist_superblock backup;
	struct kmem_persist_superblock buf;
	u64 backup_dpn;
	int rc[2];
	struct kmem_sb_fault fault[2];
};

static int kmem_persist_read_sb(struct kmem_persist *kp, u64 dpn,
				struct kmem_persist_superblock *sb,
				struct kmem_sb_fault *fault)
{
	int rc;

	rc = kmem_persist_read_block(kp->dev_dax, dpn, sb);
	if (rc == -EIO)
		*fault = (struct kmem_sb_fault){ .field = "media" };
	return rc ?: kmem_sb_verify(sb, dpn, kp->nr_pages, fault);
}

/* Nothing there, or not readable any more: the other copy may stand in. */
static bool kmem_sb_is_lost(int rc)
{
	return rc == -ENODATA || rc == -EUCLEAN || rc == -EIO;
}

/**
 * kmem_persist_search - find the superblock
 * @kp: the device, that nobody else knows yet
 *
 * Context: sleeps; no memory of the device is added yet.
 * Return: 0 with the copy to use in @kp->sb; -ENODATA if there is certainly none;
 * -EUCLEAN if the device has to be held, which is done; another errno if the
 * device could not be looked at.
 */
int kmem_persist_search(struct kmem_persist *kp)
{
	struct kmem_sb_search *s __free(kfree) = kzalloc_obj(*s);
	u64 dpn;
	int rc;

	if (!s)
		return -ENOMEM;

	s->rc[0] = kmem_persist_read_sb(kp, 0, &s->primary, &s->fault[0]);
	if (s->rc[0] && s->rc[0] != -EPROTONOSUPPORT && !kmem_sb_is_lost(s->rc[0]))
		return s->rc[0];

	s->backup_dpn = s->rc[0] ? kp->nr_pages - 1 :
				   le64_to_cpu(s->primary.backup_dpn);
	s->rc[1] = kmem_persist_read_sb(kp, s->backup_dpn, &s->backup,
					&s->fault[1]);
	if (s->rc[1] && s->rc[1] != -EPROTONOSUPPORT && !kmem_sb_is_lost(s->rc[1]))
		return s->rc[1];

	if (!s->rc[0] && !s->rc[1] &&
	    !kmem_sb_same_format(&s->primary, &s->backup)) {
		kmem_persist_hold(kp,
				  "superblock and backup at page %llu differ in format; run kmem-persist check",
				  s->backup_dpn);
		return -EUCLEAN;
	}

	if (!s->rc[0] && !s->rc[1]) {
		/* An old one must not be all that is left when the other is written. */
		kp->primary_lost = le64_to_cpu(s->primary.generation) <
				   le64_to_cpu(s->backup.generation);
		*kp->sb = kp->primary_lost ? s->backup : s->primary;
		return 0;
	}
	if (!s->rc[0] && kmem_sb_is_lost(s->rc[1])) {
		dev_warn(kp->dev, "backup superblock at page %llu damaged (%s: found %#llx, wanted %#llx), rewritten from the primary at attach\n",
			 s->backup_dpn, s->fault[1].field, s->fault[1].found,
			 s->fault[1].wanted);
		*kp->sb = s->primary;
		return 0;
	}
	if (!s->rc[1] && kmem_sb_is_lost(s->rc[0])) {
		dev_warn(kp->dev, "superblock damaged (%s: found %#llx, wanted %#llx), rewritten from the backup at page %llu at attach\n",
			 s->fault[0].field, s->fault[0].found,
			 s->fault[0].wanted, s->backup_dpn);
		kp->primary_lost = true;
		*kp->sb = s->backup;
		return 0;
	}

	if (s->rc[0] == -ENODATA && s->rc[1] == -ENODATA) {
		rc = kmem_persist_find_magic(kp->dev_dax, &s->buf, &dpn);
		if (rc)
			return rc;
		kmem_persist_hold(kp, "superblock at page %llu, not 0; namespace moved?",
				  dpn);
		return -EUCLEAN;
	}

	/* What speaks of the version comes before what is merely damaged. */
	dpn = s->rc[0] == -EPROTONOSUPPORT || s->rc[1] == -ENODATA ? 0 : 1;
	if (s->rc[0] != -EPROTONOSUPPORT && s->rc[1] == -EPROTONOSUPPORT)
		dpn = 1;
	else if (s->rc[0] != -ENODATA)
		dpn = 0;
	kmem_persist_hold(kp, "%s superblock not usable, %s: found %#llx, wanted %#llx; %s",
			  dpn ? "backup" : "primary", s->fault[dpn].field,
			  s->fault[dpn].found, s->fault[dpn].wanted,
			  s->rc[dpn] == -EPROTONOSUPPORT ?
			  "use a kernel that knows it" : "no good copy is left");
	return -EUCLEAN;
}

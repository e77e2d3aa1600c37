// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: plugin NONE of persistent KMEM DAX
 *
 * Keeps nothing: the device describes itself through its superblock, and all
 * other pages are lent. The smallest example of a plugin.
 */
#include <linux/module.h>
#include "../kmem_persist.h"

static int kmem_none_probe(struct kmem_persist *kp,
			   const struct kmem_persist_superblock *sb)
{
	return 0;
}

static int kmem_none_cleanup(struct kmem_persist *kp, bool force)
{
	return 0;
}

static struct kmem_persist_ops kmem_none_ops = {
	.type = KMEM_PERSIST_TYPE_NONE,
	.name = "none",
	.owner = THIS_MODULE,
	.probe = kmem_none_probe,
	.cleanup = kmem_none_cleanup,
};

static int __init kmem_none_init(void)
{
	return kmem_persist_type_register(&kmem_none_ops);
}
module_init(kmem_none_init);

static void __exit kmem_none_exit(void)
{
	kmem_persist_type_unregister(&kmem_none_ops);
}
module_exit(kmem_none_exit);

MODULE_ALIAS("kmem-persist-type-0");
MODULE_DESCRIPTION("Persistent KMEM DAX: plugin that keeps nothing");
MODULE_LICENSE("GPL");

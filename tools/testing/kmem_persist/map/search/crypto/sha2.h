/* SPDX-License-Identifier: GPL-2.0 */
/* That of the tool. */
#include "../../../../../dax/kmem-persist/sha256.h"

#define SHA256_DIGEST_SIZE	SHA256_LEN

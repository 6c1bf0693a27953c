/* base/hash.h - SHA-256 (FIPS 180-4), by libsodium, in lower-case hex. */
#ifndef HAQ_BASE_HASH_H
#define HAQ_BASE_HASH_H

#include <stddef.h>

#include "base/status.h"

enum { HAQ_HASH_HEX = 65 }; /* 64 digits and a NUL */

/* Hash of a byte string. */
void haq_hash(char out[HAQ_HASH_HEX], const void *data, size_t len);

/* Hash of a file's bytes.  HAQ_INVALID when it cannot be opened. */
haq_status haq_hash_file(char out[HAQ_HASH_HEX], const char *path,
                         struct haq_diag *d);

/* Several pieces, one hash. */
struct haq_hasher {
    _Alignas(16) unsigned char state[128];
};
void haq_hasher_init(struct haq_hasher *h);
void haq_hasher_add(struct haq_hasher *h, const void *data, size_t len);
void haq_hasher_end(struct haq_hasher *h, char out[HAQ_HASH_HEX]);

#endif

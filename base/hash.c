#include "base/hash.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

_Static_assert(sizeof(crypto_hash_sha256_state) <=
                   sizeof((struct haq_hasher *)0)->state,
               "haq_hasher must hold libsodium's state");

static crypto_hash_sha256_state *state_of(struct haq_hasher *h)
{
    return (void *)h->state;
}

void haq_hasher_init(struct haq_hasher *h)
{
    crypto_hash_sha256_init(state_of(h));
}

void haq_hasher_add(struct haq_hasher *h, const void *data, size_t len)
{
    crypto_hash_sha256_update(state_of(h), data, len);
}

void haq_hasher_end(struct haq_hasher *h, char out[HAQ_HASH_HEX])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(state_of(h), digest);
    sodium_bin2hex(out, HAQ_HASH_HEX, digest, sizeof digest);
}

void haq_hash(char out[HAQ_HASH_HEX], const void *data, size_t len)
{
    struct haq_hasher h;
    haq_hasher_init(&h);
    haq_hasher_add(&h, data, len);
    haq_hasher_end(&h, out);
}

haq_status haq_hash_file(char out[HAQ_HASH_HEX], const char *path,
                         struct haq_diag *d)
{
    struct haq_hasher h;
    char chunk[16384];
    size_t n;
    FILE *f;

    haq_status s = haq_file_open(&f, path, d);
    if (s)
        return s;
    haq_hasher_init(&h);
    while ((n = fread(chunk, 1, sizeof chunk, f)))
        haq_hasher_add(&h, chunk, n);
    haq_hasher_end(&h, out);
    if (ferror(f))
        s = haq_fail(d, HAQ_IO, "read %s: %s", path, strerror(errno));
    fclose(f);
    return s;
}

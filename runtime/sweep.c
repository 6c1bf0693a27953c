#include "runtime/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"

enum { LINE = 64, MIB = 1 << 20, UNKNOWN_MIB = 32, INDEXES = 8 };

struct haq_sweep {
    struct haq_pool *pool;
    unsigned char *block;
    size_t bytes;
};

/* A line of a small file below the root. */
static bool read_line(const char *root, const char *file, int index, char *out,
                      int size)
{
    char path[512];
    snprintf(path, sizeof path,
             "%s/sys/devices/system/cpu/cpu0/cache/index%d/%s", root, index,
             file);
    FILE *f = fopen(path, "r");
    bool read = f && fgets(out, size, f);
    if (f)
        fclose(f);
    return read;
}

/* "32768K" in bytes; 0: not told, or nonsense. */
static size_t cache_bytes(const char *root, int index)
{
    char text[32], *end;
    if (!read_line(root, "size", index, text, sizeof text) || text[0] == '-')
        return 0;
    unsigned long v = strtoul(text, &end, 10);
    if (v > 1ul << 22)
        return 0;
    return v * (*end == 'K' ? 1024 : *end == 'M' ? MIB : 1);
}

/* The last level, and as many of the one below as there are threads: it may
 * hold other lines than the last one. */
static size_t all_caches(const char *root, size_t threads)
{
    size_t last = 0, below = 0;
    for (int i = 0; i < INDEXES; i++) {
        size_t bytes = cache_bytes(root, i);
        if (bytes > last) {
            below = last;
            last = bytes;
        }
    }
    return last ? last + threads * below : (size_t)UNKNOWN_MIB * MIB;
}

haq_status haq_sweep_new(struct haq_sweep **out, struct haq_pool *pool,
                         const char *root, struct haq_diag *d)
{
    size_t threads = pool ? haq_pool_threads(pool) : 1;
    struct haq_sweep *s = calloc(1, sizeof *s);
    size_t bytes = 2 * all_caches(root ? root : "", threads) + MIB;
    if (s)
        s->block = haq_pages_alloc(bytes);
    if (!s || !s->block) {
        free(s);
        return haq_fail(d, HAQ_NOMEM, "%zu bytes to empty the caches with",
                        bytes);
    }
    memset(s->block, 0, bytes);
    s->bytes = bytes;
    s->pool = pool;
    *out = s;
    return HAQ_OK;
}

void haq_sweep_free(struct haq_sweep *s)
{
    if (s)
        free(s->block);
    free(s);
}

size_t haq_sweep_bytes(const struct haq_sweep *s)
{
    return s->bytes;
}

static void touch(void *arg, size_t begin, size_t end, size_t worker)
{
    volatile unsigned char *p = arg;
    (void)worker;
    for (size_t i = begin; i < end; i += LINE)
        p[i]++;
}

void haq_sweep(struct haq_sweep *s)
{
    if (s->pool)
        haq_pool_run(s->pool, s->bytes, LINE, touch, s->block);
    else
        touch(s->block, 0, s->bytes, 0);
}

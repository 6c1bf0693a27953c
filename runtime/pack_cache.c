#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "runtime/plan_priv.h"

/* Entries are never dropped before the cache is: plans point into them. */
struct haq_pack_cache {
    pthread_mutex_t lock;
    struct haq_map map; /* key -> bytes */
    struct haq_arena arena;
};

struct haq_pack_cache *haq_pack_cache_new(void)
{
    struct haq_pack_cache *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    if (pthread_mutex_init(&c->lock, NULL)) {
        free(c);
        return NULL;
    }
    haq_map_init(&c->map);
    haq_arena_init(&c->arena);
    return c;
}

void haq_pack_cache_free(struct haq_pack_cache *c)
{
    if (!c)
        return;
    haq_map_fini(&c->map);
    haq_arena_fini(&c->arena);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static haq_status make(struct haq_pack_cache *c, const char *key, size_t bytes,
                       haq_pack_fn *fn, void *arg, const void **out,
                       struct haq_diag *d)
{
    char *name = haq_arena_strdup(&c->arena, key);
    void *data = haq_arena_alloc(&c->arena, bytes + HAQ_SLOT_SLACK);
    if (!name || !data)
        return haq_fail(d, HAQ_NOMEM, "%zu bytes of packed weights", bytes);
    haq_status s = fn(arg, data, d);
    if (s)
        return s;
    if (!haq_map_put(&c->map, name, data))
        return haq_fail(d, HAQ_NOMEM, "%zu packed weights", c->map.len);
    *out = data;
    return HAQ_OK;
}

haq_status haq_pack_get(struct haq_pack_cache *c, const char *key, size_t bytes,
                        haq_pack_fn *fn, void *arg, const void **out,
                        struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    pthread_mutex_lock(&c->lock);
    *out = haq_map_get(&c->map, key);
    if (!*out)
        s = make(c, key, bytes, fn, arg, out, d);
    pthread_mutex_unlock(&c->lock);
    return s;
}

#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 16 };

void haq_map_init(struct haq_map *m)
{
    *m = (struct haq_map){0};
}

void haq_map_fini(struct haq_map *m)
{
    free(m->entries);
    free(m->slots);
    haq_map_init(m);
}

/* FNV-1a, then folded because the table uses the low bits. */
static size_t hash_key(const char *key)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

/* The slot that holds `key`, or the free one where it belongs. */
static size_t *find_slot(const struct haq_map *m, const char *key)
{
    size_t i = hash_key(key) & (m->n_slots - 1);
    while (m->slots[i] && strcmp(m->entries[m->slots[i] - 1].key, key))
        i = (i + 1) & (m->n_slots - 1);
    return &m->slots[i];
}

static struct haq_map_entry *find(const struct haq_map *m, const char *key)
{
    size_t at = m->n_slots ? *find_slot(m, key) : 0;
    return at ? &m->entries[at - 1] : NULL;
}

void *haq_map_get(const struct haq_map *m, const char *key)
{
    struct haq_map_entry *e = find(m, key);
    return e ? e->value : NULL;
}

bool haq_map_has(const struct haq_map *m, const char *key)
{
    return find(m, key) != NULL;
}

/* Twice the slots; entries have room for half of them. */
static bool grow(struct haq_map *m)
{
    size_t n = m->n_slots ? m->n_slots * 2 : SLOTS_MIN;
    if (n > SIZE_MAX / 2 / sizeof *m->entries)
        return false;
    struct haq_map_entry *entries =
        realloc(m->entries, n / 2 * sizeof *m->entries);
    if (!entries)
        return false;
    m->entries = entries;
    size_t *slots = calloc(n, sizeof *slots);
    if (!slots)
        return false;
    free(m->slots);
    m->slots = slots;
    m->n_slots = n;
    for (size_t i = 0; i < m->len; i++)
        *find_slot(m, m->entries[i].key) = i + 1;
    return true;
}

bool haq_map_put(struct haq_map *m, const char *key, void *value)
{
    struct haq_map_entry *e = find(m, key);
    if (e) {
        e->value = value;
        return true;
    }
    if (m->len == m->n_slots / 2 && !grow(m))
        return false;
    size_t *slot = find_slot(m, key);
    m->entries[m->len] = (struct haq_map_entry){key, value};
    *slot = ++m->len;
    return true;
}

/* base/map.h - string keys to pointers (open addressing, insertion order kept).
 */
#ifndef HAQ_BASE_MAP_H
#define HAQ_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct haq_map_entry {
    const char *key; /* borrowed from the caller, must outlive the map */
    void *value;
};

struct haq_map {
    struct haq_map_entry *entries; /* [len], in order of insertion */
    size_t len;
    size_t *slots; /* hash table: index + 1 into entries, 0 = free */
    size_t n_slots;
};

void haq_map_init(struct haq_map *m);
void haq_map_fini(struct haq_map *m); /* frees neither keys nor values */

/* NULL when absent.  A stored NULL cannot be told from absence: see _has. */
void *haq_map_get(const struct haq_map *m, const char *key);
bool haq_map_has(const struct haq_map *m, const char *key);

/* Insert or overwrite; false when memory is out. */
bool haq_map_put(struct haq_map *m, const char *key, void *value);

#endif

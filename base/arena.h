/* base/arena.h - memory that is freed as a whole.
 *
 * Graphs, recipes and messages live in an arena owned by their root; nobody
 * frees parts.  Not thread safe.
 */
#ifndef HAQ_BASE_ARENA_H
#define HAQ_BASE_ARENA_H

#include <stddef.h>

struct haq_arena_block;
struct haq_arena {
    struct haq_arena_block *head; /* newest block first */
    size_t bytes;                 /* handed out so far */
};

/* An empty arena needs no fini. */
void haq_arena_init(struct haq_arena *a);
void haq_arena_fini(struct haq_arena *a);

/* `bytes` zeroed bytes aligned to 64; NULL when memory is out (0 bytes gives a
 * valid pointer).  Valid until haq_arena_fini. */
void *haq_arena_alloc(struct haq_arena *a, size_t bytes);

/* n * size with an overflow check. */
void *haq_arena_array(struct haq_arena *a, size_t n, size_t size);

/* Copies; NULL when memory is out. */
void *haq_arena_copy(struct haq_arena *a, const void *data, size_t bytes);
char *haq_arena_strdup(struct haq_arena *a, const char *s);
char *haq_arena_printf(struct haq_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif

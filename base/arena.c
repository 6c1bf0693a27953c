#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"

enum { ALIGN = 64, BLOCK_MIN = 4096, BLOCK_MAX = 1 << 20 };

/* The header takes the first ALIGN bytes of its block. */
struct haq_arena_block {
    struct haq_arena_block *next;
    size_t used; /* header included */
    size_t size;
};

void haq_arena_init(struct haq_arena *a)
{
    *a = (struct haq_arena){0};
}

void haq_arena_fini(struct haq_arena *a)
{
    while (a->head) {
        struct haq_arena_block *next = a->head->next;
        free(a->head);
        a->head = next;
    }
    a->bytes = 0;
}

/* Blocks grow with the arena, so that a small message costs one page and a
 * large graph few calls. */
static struct haq_arena_block *add_block(struct haq_arena *a, size_t bytes)
{
    size_t size = a->bytes < BLOCK_MIN ? BLOCK_MIN : a->bytes;
    if (size > BLOCK_MAX)
        size = BLOCK_MAX;
    size = size / ALIGN * ALIGN;
    if (size < bytes + ALIGN)
        size = bytes + ALIGN;

    struct haq_arena_block *b = haq_pages_alloc(size);
    if (!b)
        return NULL;
    *b = (struct haq_arena_block){a->head, ALIGN, size};
    a->head = b;
    return b;
}

void *haq_arena_alloc(struct haq_arena *a, size_t bytes)
{
    if (bytes > PTRDIFF_MAX - 2 * ALIGN)
        return NULL;
    bytes = bytes ? (bytes + ALIGN - 1) / ALIGN * ALIGN : ALIGN;

    struct haq_arena_block *b = a->head;
    if (!b || b->size - b->used < bytes)
        b = add_block(a, bytes);
    if (!b)
        return NULL;
    void *p = (char *)b + b->used;
    b->used += bytes;
    a->bytes += bytes;
    return memset(p, 0, bytes);
}

void *haq_arena_array(struct haq_arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        return NULL;
    return haq_arena_alloc(a, bytes);
}

void *haq_arena_copy(struct haq_arena *a, const void *data, size_t bytes)
{
    void *p = haq_arena_alloc(a, bytes);
    if (p && bytes)
        memcpy(p, data, bytes);
    return p;
}

char *haq_arena_strdup(struct haq_arena *a, const char *s)
{
    return haq_arena_copy(a, s, strlen(s) + 1);
}

char *haq_arena_printf(struct haq_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *s = len < 0 ? NULL : haq_arena_alloc(a, (size_t)len + 1);
    if (!s)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(s, (size_t)len + 1, fmt, ap);
    va_end(ap);
    return s;
}

#include "runtime/memplan.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { ALIGN = 64 };

static size_t end_of(const struct haq_block *b)
{
    return b->offset + (b->bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static bool overlap(const struct haq_block *a, const struct haq_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static int larger_first(const void *x, const void *y)
{
    const struct haq_block *a = *(struct haq_block *const *)x;
    const struct haq_block *b = *(struct haq_block *const *)y;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return a < b ? -1 : a > b;
}

/* The placed blocks, in order of their offsets: walk them and keep the tightest
 * gap between those that live at the same time as b. */
static void place(struct haq_block *b, struct haq_block **placed, size_t n)
{
    size_t at = 0, best = 0, best_gap = SIZE_MAX;

    for (size_t i = 0; i < n; i++) {
        const struct haq_block *other = placed[i];
        if (!overlap(b, other))
            continue;
        size_t gap = other->offset > at ? other->offset - at : 0;
        if (gap >= b->bytes && gap < best_gap)
            best = at, best_gap = gap;
        if (end_of(other) > at)
            at = end_of(other);
    }
    b->offset = best_gap == SIZE_MAX ? at : best;
}

static void insert(struct haq_block **placed, size_t n, struct haq_block *b)
{
    for (; n && placed[n - 1]->offset > b->offset; n--)
        placed[n] = placed[n - 1];
    placed[n] = b;
}

haq_status haq_memplan(struct haq_block *block, size_t n, size_t *total,
                       struct haq_diag *d)
{
    size_t sum = 0;
    struct haq_block **order = calloc(2 * n + 1, sizeof(struct haq_block *));
    if (!order)
        return haq_fail(d, HAQ_NOMEM, "memory plan of %zu tensors", n);
    struct haq_block **placed = order + n;

    *total = 0;
    for (size_t i = 0; i < n; i++) {
        order[i] = &block[i];
        if (__builtin_add_overflow(sum, block[i].bytes, &sum) ||
            __builtin_add_overflow(sum, (size_t)ALIGN, &sum)) {
            free(order);
            return haq_fail(d, HAQ_INVALID,
                            "the network's tensors exceed the address space");
        }
    }
    qsort(order, n, sizeof(struct haq_block *), larger_first);
    for (size_t i = 0; i < n; i++) {
        place(order[i], placed, i);
        insert(placed, i, order[i]);
        if (end_of(order[i]) > *total)
            *total = end_of(order[i]);
    }
    free(order);
    return HAQ_OK;
}

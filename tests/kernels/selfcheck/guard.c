#include "tests/kernels/selfcheck/guard.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CANARY = 0xa5, MOST_CANARIES = 256 };

struct guard_block {
    unsigned char *pages; /* the first that may be touched */
    unsigned char *buffer;
    size_t bytes;
};

static void *must(void *p)
{
    if (!p || p == MAP_FAILED) {
        perror("guard");
        exit(2);
    }
    return p;
}

static unsigned char *map_pages(const struct guard *g, size_t bytes)
{
    unsigned char *all =
        must(mmap(NULL, bytes + 2 * g->page, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (mprotect(all + g->page, bytes, PROT_READ | PROT_WRITE))
        must(NULL);
    return all + g->page;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Canaries in front of and behind the buffer of a block of `size` bytes. */
static void margins(const struct guard_block *b, size_t size, size_t *front,
                    size_t *back)
{
    *front = (size_t)(b->buffer - b->pages);
    *back = smaller(size - *front - b->bytes, MOST_CANARIES);
    *front = smaller(*front, MOST_CANARIES);
}

void *guard_alloc(struct guard *g, size_t bytes, size_t align)
{
    unsigned class = 0;
    size_t front, back;

    if (!g->page)
        g->page = (size_t)sysconf(_SC_PAGESIZE);
    while (bytes > g->page << class)
        class ++;
    if (class >= GUARD_CLASSES)
        must(NULL);
    struct guard_class *c = &g->of[class];
    size_t size = g->page << class;
    if (c->used == c->count) {
        c->block = must(realloc(c->block, (c->count + 1) * sizeof *c->block));
        c->block[c->count++].pages = map_pages(g, size);
    }
    struct guard_block *b = &c->block[c->used++];
    b->bytes = bytes;
    b->buffer = b->pages;
    if (g->side == GUARD_BEHIND)
        b->buffer += (size - bytes) / align * align;
    margins(b, size, &front, &back);
    memset(b->buffer - front, CANARY, front + bytes + back);
    return b->buffer;
}

void guard_reset(struct guard *g, enum guard_side side)
{
    for (int i = 0; i < GUARD_CLASSES; i++)
        g->of[i].used = 0;
    g->side = side;
}

static bool all_canaries(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != CANARY)
            return false;
    return true;
}

bool guard_whole(const struct guard *g)
{
    bool whole = true;
    for (int i = 0; i < GUARD_CLASSES; i++)
        for (size_t k = 0; k < g->of[i].used; k++) {
            const struct guard_block *b = &g->of[i].block[k];
            size_t front, back;
            margins(b, g->page << i, &front, &back);
            whole = whole && all_canaries(b->buffer - front, front) &&
                    all_canaries(b->buffer + b->bytes, back);
        }
    return whole;
}

void guard_free(struct guard *g)
{
    for (int i = 0; i < GUARD_CLASSES; i++) {
        for (size_t k = 0; k < g->of[i].count; k++)
            munmap(g->of[i].block[k].pages - g->page,
                   (g->page << i) + 2 * g->page);
        free(g->of[i].block);
    }
}

#include "graph/ir.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct haq_graph *haq_graph_new(void)
{
    struct haq_graph *g = calloc(1, sizeof *g);

    if (g)
        haq_arena_init(&g->arena);
    return g;
}

void haq_graph_free(struct haq_graph *g)
{
    if (!g)
        return;
    haq_arena_fini(&g->arena);
    free(g);
}

/* Twice the room in the arena; the old array stays behind until the end. */
static void *grow(struct haq_arena *a, const void *old, int n, int *cap,
                  size_t size)
{
    int room = *cap ? *cap * 2 : 64;
    void *p = n < INT32_MAX / 4 ? haq_arena_array(a, (size_t)room, size) : NULL;

    if (!p)
        return NULL;
    if (n)
        memcpy(p, old, (size_t)n * size);
    *cap = room;
    return p;
}

int haq_graph_add_value(struct haq_graph *g, const char *name,
                        enum haq_dtype dtype, const struct haq_shape *shape)
{
    struct haq_value v = {.dtype = dtype, .producer = -1};

    v.name = v.source = haq_arena_strdup(&g->arena, name);
    if (!v.name)
        return -1;
    if (shape) {
        v.shape = *shape;
        if (!haq_shape_count(shape, &v.count))
            return -1;
    }
    if (g->n_values == g->cap_values) {
        struct haq_value *p = grow(&g->arena, g->values, g->n_values,
                                   &g->cap_values, sizeof *g->values);
        if (!p)
            return -1;
        g->values = p;
    }
    g->values[g->n_values] = v;
    return g->n_values++;
}

int haq_graph_add_const(struct haq_graph *g, const char *name,
                        enum haq_dtype dtype, const struct haq_shape *shape,
                        const void *data)
{
    int v = haq_graph_add_value(g, name, dtype, shape);

    if (v < 0)
        return -1;
    size_t count = g->values[v].count, bytes = haq_dtype_info(dtype)->bytes;
    if (count > SIZE_MAX / bytes)
        return -1;
    void *copy = haq_arena_alloc(&g->arena, count * bytes);
    if (!copy)
        return -1;
    if (count)
        memcpy(copy, data, count * bytes);
    g->values[v].data = copy;
    return v;
}

int haq_graph_add_node(struct haq_graph *g, const struct haq_op *op,
                       const char *name, int n_in, int n_out)
{
    struct haq_node n = {.op = op, .n_in = n_in, .n_out = n_out};

    assert(op && n_in >= 0 && n_out >= 1);
    n.clamp.lo = -INFINITY;
    n.clamp.hi = INFINITY;
    n.name = haq_arena_strdup(&g->arena, name);
    n.in = haq_arena_array(&g->arena, (size_t)n_in, sizeof *n.in);
    n.out = haq_arena_array(&g->arena, (size_t)n_out, sizeof *n.out);
    if (!n.name || !n.in || !n.out)
        return -1;
    for (int i = 0; i < n_in; i++)
        n.in[i] = HAQ_NO_VALUE;
    for (int i = 0; i < n_out; i++)
        n.out[i] = HAQ_NO_VALUE;
    if (g->n_nodes == g->cap_nodes) {
        struct haq_node *p = grow(&g->arena, g->nodes, g->n_nodes,
                                  &g->cap_nodes, sizeof *g->nodes);
        if (!p)
            return -1;
        g->nodes = p;
    }
    g->nodes[g->n_nodes] = n;
    return g->n_nodes++;
}

const char *haq_graph_fresh_name(struct haq_graph *g, const char *stem)
{
    if (haq_graph_find_value(g, stem) < 0)
        return haq_arena_strdup(&g->arena, stem);
    /* n_values + 1 candidates cannot all be taken. */
    for (int i = 1; i <= g->n_values + 1; i++) {
        char *name = haq_arena_printf(&g->arena, "%s~%d", stem, i);
        if (!name || haq_graph_find_value(g, name) < 0)
            return name;
    }
    return NULL;
}

int haq_graph_find_value(const struct haq_graph *g, const char *name)
{
    for (int i = 0; i < g->n_values; i++)
        if (!strcmp(g->values[i].name, name))
            return i;
    return -1;
}

int haq_graph_find_layer(const struct haq_graph *g, const char *layer)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].layer && !strcmp(g->nodes[i].layer, layer))
            return i;
    return -1;
}

bool haq_shape_count(const struct haq_shape *s, size_t *count)
{
    bool zero = false;
    size_t n = 1;

    if (s->rank < 0 || s->rank > HAQ_MAX_RANK)
        return false;
    for (int i = 0; i < s->rank; i++) {
        if (s->dims[i] < 0)
            return false;
        zero |= s->dims[i] == 0;
    }
    for (int i = 0; i < s->rank && !zero; i++)
        /* A quarter of the range: bytes of any element type then fit too. */
        if (__builtin_mul_overflow(n, (size_t)s->dims[i], &n) ||
            n > (size_t)INT64_MAX / 16)
            return false;
    *count = zero ? 0 : n;
    return true;
}

bool haq_shape_equal(const struct haq_shape *a, const struct haq_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

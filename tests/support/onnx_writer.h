/* tests/support/onnx_writer.h - ONNX files made byte by byte, so that tests can
 * write what no exporter would.  Aborts when memory is out. */
#ifndef HAQ_TESTS_SUPPORT_ONNX_WRITER_H
#define HAQ_TESTS_SUPPORT_ONNX_WRITER_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct wire {
    uint8_t *data;
    size_t len, cap;
};

static inline void wire_raw(struct wire *w, const void *p, size_t n)
{
    if (w->len + n > w->cap) {
        w->cap = (w->len + n) * 2;
        w->data = realloc(w->data, w->cap);
        if (!w->data)
            abort();
    }
    if (n)
        memcpy(w->data + w->len, p, n);
    w->len += n;
}

static inline void wire_number(struct wire *w, uint64_t v)
{
    do {
        uint8_t b = (uint8_t)((v & 127) | (v > 127 ? 128 : 0));
        wire_raw(w, &b, 1);
        v >>= 7;
    } while (v);
}

static inline void wire_int(struct wire *w, unsigned field, int64_t v)
{
    wire_number(w, field << 3);
    wire_number(w, (uint64_t)v);
}

static inline void wire_bytes(struct wire *w, unsigned field, const void *p,
                              size_t n)
{
    wire_number(w, field << 3 | 2);
    wire_number(w, n);
    wire_raw(w, p, n);
}

static inline void wire_str(struct wire *w, unsigned field, const char *s)
{
    wire_bytes(w, field, s, strlen(s));
}

static inline void wire_float(struct wire *w, unsigned field, float v)
{
    wire_number(w, field << 3 | 5);
    wire_raw(w, &v, sizeof v);
}

/* A message inside another; sub is freed. */
static inline void wire_sub(struct wire *w, unsigned field, struct wire *sub)
{
    wire_bytes(w, field, sub->data, sub->len);
    free(sub->data);
    memset(sub, 0, sizeof *sub);
}

/* "a,b,,c" as repeated strings; an empty entry is an omitted input. */
static inline void wire_list(struct wire *w, unsigned field, const char *list)
{
    for (;;) {
        size_t n = strcspn(list, ",");
        wire_bytes(w, field, list, n);
        if (!list[n])
            return;
        list += n + 1;
    }
}

enum onnx_type { ONNX_F32 = 1, ONNX_I32 = 6, ONNX_I64 = 7, ONNX_BOOL = 9 };

/* ---- attributes -----------------------------------------------------------
 */

static inline void attr_int(struct wire *node, const char *name, int64_t v)
{
    struct wire a = {0};
    wire_str(&a, 1, name);
    wire_int(&a, 3, v);
    wire_int(&a, 20, 2);
    wire_sub(node, 5, &a);
}

static inline void attr_float(struct wire *node, const char *name, float v)
{
    struct wire a = {0};
    wire_str(&a, 1, name);
    wire_float(&a, 2, v);
    wire_int(&a, 20, 1);
    wire_sub(node, 5, &a);
}

static inline void attr_str(struct wire *node, const char *name, const char *v)
{
    struct wire a = {0};
    wire_str(&a, 1, name);
    wire_str(&a, 4, v);
    wire_int(&a, 20, 3);
    wire_sub(node, 5, &a);
}

static inline void attr_ints(struct wire *node, const char *name, size_t n,
                             const int64_t *v)
{
    struct wire a = {0};
    wire_str(&a, 1, name);
    for (size_t i = 0; i < n; i++)
        wire_int(&a, 8, v[i]);
    wire_int(&a, 20, 7);
    wire_sub(node, 5, &a);
}

/* ---- tensors --------------------------------------------------------------
 */

static inline struct wire tensor(const char *name, int type, size_t rank,
                                 const int64_t *dims, const void *raw,
                                 size_t bytes)
{
    struct wire t = {0};
    for (size_t i = 0; i < rank; i++)
        wire_int(&t, 1, dims[i]);
    wire_int(&t, 2, type);
    wire_str(&t, 8, name);
    wire_bytes(&t, 9, raw, bytes);
    return t;
}

static inline void attr_tensor(struct wire *node, const char *name,
                               struct wire *t)
{
    struct wire a = {0};
    wire_str(&a, 1, name);
    wire_sub(&a, 5, t);
    wire_int(&a, 20, 4);
    wire_sub(node, 5, &a);
}

/* ---- the graph ------------------------------------------------------------
 */

struct onnx {
    struct wire graph;
    int64_t opset;
};

static inline struct wire node(const char *op, const char *in, const char *out)
{
    struct wire n = {0};
    if (*in)
        wire_list(&n, 1, in);
    wire_list(&n, 2, out);
    wire_str(&n, 3, out);
    wire_str(&n, 4, op);
    return n;
}

static inline void add(struct onnx *m, struct wire n)
{
    wire_sub(&m->graph, 1, &n);
}

static inline void initializer(struct onnx *m, const char *name, int type,
                               size_t rank, const int64_t *dims,
                               const void *raw, size_t bytes)
{
    struct wire t = tensor(name, type, rank, dims, raw, bytes);
    wire_sub(&m->graph, 5, &t);
}

/* A vector of integers, as steering inputs are. */
static inline void ints(struct onnx *m, const char *name, size_t n,
                        const int64_t *v)
{
    int64_t dims = (int64_t)n;
    initializer(m, name, ONNX_I64, 1, &dims, v, n * sizeof *v);
}

/* Dimension 0 is symbolic ("N") where its size is -1; others "D1", "D2"... */
static inline struct wire value_info(const char *name, int type, size_t rank,
                                     const int64_t *dims)
{
    struct wire v = {0}, t = {0}, tt = {0}, shape = {0};
    for (size_t i = 0; i < rank; i++) {
        struct wire dim = {0};
        char symbol[3] = {i ? 'D' : 'N', (char)(i ? '0' + (int)i : 0), 0};
        if (dims[i] < 0)
            wire_str(&dim, 2, symbol);
        else
            wire_int(&dim, 1, dims[i]);
        wire_sub(&shape, 1, &dim);
    }
    wire_int(&tt, 1, type);
    wire_sub(&tt, 2, &shape);
    wire_sub(&t, 1, &tt);
    wire_str(&v, 1, name);
    wire_sub(&v, 2, &t);
    return v;
}

static inline void input(struct onnx *m, const char *name, int type,
                         size_t rank, const int64_t *dims)
{
    struct wire v = value_info(name, type, rank, dims);
    wire_sub(&m->graph, 11, &v);
}

static inline void output(struct onnx *m, const char *name)
{
    struct wire v = {0};
    wire_str(&v, 1, name);
    wire_sub(&m->graph, 12, &v);
}

/* The file; the caller frees data. */
static inline struct wire finish(struct onnx *m)
{
    struct wire file = {0}, opset = {0};
    wire_int(&file, 1, 8);
    wire_sub(&file, 7, &m->graph);
    wire_str(&opset, 1, "");
    wire_int(&opset, 2, m->opset);
    wire_sub(&file, 8, &opset);
    return file;
}

#endif

#include <stdlib.h>

#include "base/clock.h"
#include "tests/bench/lib_dnnl_priv.h"

/* Float or u8s8s32; the other formats are not oneDNN's. */
static bool types_of(const struct bench_work *w, dnnl_data_type_t *src,
                     dnnl_data_type_t *weights, dnnl_data_type_t *dst)
{
    bool integer = w->format->spec;
    *src = integer ? dnnl_u8 : dnnl_f32;
    *weights = integer ? dnnl_s8 : dnnl_f32;
    *dst = integer ? dnnl_s32 : dnnl_f32;
    return !w->shape->is_conv && !w->group &&
           (!integer || w->format == &bench_formats[1]);
}

static void describe(dnnl_memory_desc_t *md, size_t rows, size_t cols,
                     dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)cols};
    dnnl_memory_desc_init_by_tag(md, 2, dims, type, tag);
}

bool bench_dnnl_matmul(struct bench_entry *e, const struct bench_work *w,
                       const struct bench_env *env)
{
    const struct bench_shape *s = w->shape;
    dnnl_data_type_t ts, tw, td;
    dnnl_memory_desc_t src, weights, dst;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;

    if (!types_of(w, &ts, &tw, &td))
        return false;
    struct dnnl_use *u = bench_dnnl_new();
    describe(&src, s->m, s->k, ts, dnnl_ab);
    describe(&weights, s->k, s->n, tw, dnnl_format_tag_any);
    describe(&dst, s->m, s->n, td, dnnl_ab);
    if (dnnl_matmul_desc_init(&desc, &src, &weights, NULL, &dst) ||
        dnnl_primitive_desc_create(&pd, &desc, NULL, u->engine, NULL)) {
        bench_dnnl_free(u);
        return false;
    }
    return bench_dnnl_use(e, "oneDNN matmul", pd, u, false, env);
}

/* Sums brought to float by a scale and a bias per column, as ours are. */
static dnnl_primitive_attr_t column_scales(size_t n)
{
    dnnl_primitive_attr_t attr;
    float *scales = bench_alloc(n * sizeof *scales);
    bench_fill_floats(scales, n, 5);
    if (dnnl_primitive_attr_create(&attr) ||
        dnnl_primitive_attr_set_output_scales(attr, (dnnl_dim_t)n, 1 << 1,
                                              scales))
        abort();
    free(scales);
    return attr;
}

bool bench_dnnl_scaled(struct bench_entry *e, const struct bench_work *w,
                       const struct bench_env *env)
{
    const struct bench_shape *s = w->shape;
    dnnl_data_type_t ts, tw, td;
    dnnl_memory_desc_t src, weights, bias, dst;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;

    if (!types_of(w, &ts, &tw, &td) || td != dnnl_s32)
        return false;
    struct dnnl_use *u = bench_dnnl_new();
    dnnl_primitive_attr_t attr = column_scales(s->n);
    describe(&src, s->m, s->k, ts, dnnl_ab);
    describe(&weights, s->k, s->n, tw, dnnl_format_tag_any);
    describe(&bias, 1, s->n, dnnl_f32, dnnl_ab);
    describe(&dst, s->m, s->n, dnnl_f32, dnnl_ab);
    bool bad = dnnl_matmul_desc_init(&desc, &src, &weights, &bias, &dst) ||
               dnnl_primitive_desc_create(&pd, &desc, attr, u->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    if (bad) {
        bench_dnnl_free(u);
        return false;
    }
    e->aside = true;
    return bench_dnnl_use(e, "oneDNN scaled", pd, u, true, env);
}

bool bench_dnnl_product(struct bench_entry *e, const struct bench_work *w,
                        const struct bench_env *env)
{
    const struct bench_shape *s = w->shape;
    dnnl_data_type_t ts, tw, td;
    dnnl_memory_desc_t src, weights, dst;
    dnnl_inner_product_desc_t desc;
    dnnl_primitive_desc_t pd;

    if (!types_of(w, &ts, &tw, &td))
        return false;
    struct dnnl_use *u = bench_dnnl_new();
    describe(&src, s->m, s->k, ts, dnnl_ab);
    describe(&weights, s->n, s->k, tw, dnnl_format_tag_any);
    describe(&dst, s->m, s->n, td, dnnl_ab);
    if (dnnl_inner_product_forward_desc_init(&desc, dnnl_forward_inference,
                                             &src, &weights, NULL, &dst) ||
        dnnl_primitive_desc_create(&pd, &desc, NULL, u->engine, NULL)) {
        bench_dnnl_free(u);
        return false;
    }
    return bench_dnnl_use(e, "oneDNN product", pd, u, false, env);
}

/* ---- the plain function: weights as they are ------------------------------
 */

struct plain {
    const struct bench_shape *shape;
    void *x, *w, *y;
    size_t bytes, copies, next;
    char trans; /* of w: 'N' [k][n], 'T' [n][k] */
    bool integer;
};

static void free_plain(void *self)
{
    struct plain *p = self;
    free(p->x);
    free(p->w);
    free(p->y);
    free(p);
}

static uint64_t run_plain(void *self, size_t calls)
{
    struct plain *p = self;
    dnnl_dim_t m = (dnnl_dim_t)p->shape->m, n = (dnnl_dim_t)p->shape->n;
    dnnl_dim_t k = (dnnl_dim_t)p->shape->k, ldw = p->trans == 'N' ? n : k;
    int32_t offset = 0;
    uint64_t before = haq_clock_ns();

    for (size_t i = 0; i < calls; i++) {
        const char *w = (char *)p->w + p->next * p->bytes;
        if (p->integer)
            dnnl_gemm_u8s8s32('N', p->trans, 'F', m, n, k, 1, p->x, k, 0,
                              (const int8_t *)w, ldw, 0, 0, p->y, n, &offset);
        else
            dnnl_sgemm('N', p->trans, m, n, k, 1, p->x, k, (const float *)w,
                       ldw, 0, p->y, n);
        p->next = p->next + 1 < p->copies ? p->next + 1 : 0;
    }
    return haq_clock_ns() - before;
}

static bool plain_gemm(struct bench_entry *e, const struct bench_work *w,
                       const struct bench_env *env, char trans)
{
    const struct bench_shape *s = w->shape;
    dnnl_data_type_t ts, tw, td;
    struct plain *p;

    if (!types_of(w, &ts, &tw, &td))
        return false;
    p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->shape = s;
    p->trans = trans;
    p->integer = ts == dnnl_u8;
    size_t elem = p->integer ? 1 : sizeof(float);
    p->bytes = s->n * s->k * elem;
    p->copies = bench_copies(s, p->bytes, env);
    p->x = bench_alloc(s->m * s->k * elem);
    p->w = bench_alloc(p->bytes * p->copies);
    p->y = bench_alloc(s->m * s->n * sizeof(float));
    if (p->integer) {
        bench_fill_bytes(p->x, s->m * s->k, 3);
        bench_fill_bytes(p->w, s->n * s->k, 2);
    } else {
        bench_fill_floats(p->x, s->m * s->k, 3);
        bench_fill_floats(p->w, s->n * s->k, 2);
    }
    bench_repeat(p->w, p->bytes, p->copies);
    e->who = trans == 'N' ? "oneDNN gemm" : "oneDNN gemm^T";
    e->weight_bytes = (double)p->bytes;
    e->rest_ms = 10;
    e->run = run_plain;
    e->free = free_plain;
    e->self = p;
    return true;
}

bool bench_dnnl_gemm(struct bench_entry *e, const struct bench_work *w,
                     const struct bench_env *env)
{
    return plain_gemm(e, w, env, 'N');
}

bool bench_dnnl_gemm_t(struct bench_entry *e, const struct bench_work *w,
                       const struct bench_env *env)
{
    return plain_gemm(e, w, env, 'T');
}

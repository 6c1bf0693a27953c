#include <cblas.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/bench/libraries.h"

struct blas {
    const struct bench_shape *shape;
    float *x, *w, *y;
    size_t copies, next;
};

void bench_openblas_configure(size_t threads)
{
    openblas_set_num_threads((int)threads);
}

static void free_blas(void *self)
{
    struct blas *b = self;
    free(b->x);
    free(b->w);
    free(b->y);
    free(b);
}

static uint64_t run_blas(void *self, size_t calls)
{
    struct blas *b = self;
    int m = (int)b->shape->m, n = (int)b->shape->n, k = (int)b->shape->k;
    uint64_t before = haq_clock_ns();

    for (size_t i = 0; i < calls; i++) {
        const float *w = b->w + b->next * b->shape->n * b->shape->k;
        if (m == 1)
            cblas_sgemv(CblasRowMajor, CblasNoTrans, n, k, 1, w, k, b->x, 1, 0,
                        b->y, 1);
        else
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1,
                        b->x, k, w, k, 0, b->y, n);
        b->next = b->next + 1 < b->copies ? b->next + 1 : 0;
    }
    return haq_clock_ns() - before;
}

bool bench_openblas(struct bench_entry *e, const struct bench_work *w,
                    const struct bench_env *env)
{
    const struct bench_shape *s = w->shape;
    struct blas *b;
    size_t bytes = s->n * s->k * sizeof(float);

    if (s->is_conv || w->format->spec)
        return false;
    b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->shape = s;
    b->copies = bench_copies(s, bytes, env);
    b->x = bench_alloc(s->m * s->k * sizeof(float));
    b->w = bench_alloc(bytes * b->copies);
    b->y = bench_alloc(s->m * s->n * sizeof(float));
    bench_fill_floats(b->x, s->m * s->k, 3);
    bench_fill_floats(b->w, s->n * s->k, 2);
    bench_repeat(b->w, bytes, b->copies);
    e->who = "OpenBLAS";
    e->weight_bytes = (double)bytes;
    e->rest_ms = 40;
    e->run = run_blas;
    e->free = free_blas;
    e->self = b;
    return true;
}

/* Giga-operations (two per multiply-add) a second of every gemm row on shapes
 * of real layers, one thread, operands in cache where they fit.  Usage:
 * bench_gemm [part of a row's name] */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "kernels/gemm.h"

struct shape {
    const char *name;
    size_t m, n, segments, seg_len;
};

static const struct shape shapes[] = {
    {"conv 3x3 16->16 @32x32", 1024, 16, 9, 16},
    {"conv 3x3 32->32 @16x16", 256, 32, 9, 32},
    {"conv 3x3 64->64 @8x8", 64, 64, 9, 64},
    {"gemv 4096x4096", 1, 4096, 1, 4096},
    {"gemm 512x512x512", 512, 512, 1, 512},
};

struct operands {
    char *a; /* [m + segments][seg_len] */
    const void **tile;
    void *w;
    float *acc;
    void *scratch;
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The whole product, tile by tile; the pointers of a tile are made as a
 * runtime would make them once per plan. */
static void run_all(const struct haq_gemm_impl *impl, const struct shape *s,
                    const struct operands *o)
{
    size_t panels = (s->n + impl->nr - 1) / impl->nr;
    const void **tile = o->tile;

    for (size_t m = 0; m < s->m; m += impl->mr) {
        size_t rows = s->m - m < impl->mr ? s->m - m : impl->mr;
        impl->run(&(struct haq_gemm_args){.a = tile,
                                          .rows = rows,
                                          .segments = s->segments,
                                          .seg_len = s->seg_len,
                                          .w = o->w,
                                          .panels = panels,
                                          .acc = o->acc + m * panels * impl->nr,
                                          .ldc = panels * impl->nr,
                                          .scratch = o->scratch});
        tile += rows * s->segments;
    }
}

static void make_tiles(const struct haq_gemm_impl *impl, const struct shape *s,
                       const struct operands *o, size_t elem)
{
    /* Windows of a convolution overlap: one new pixel for each row. */
    const void **to = o->tile;
    for (size_t m = 0; m < s->m; m += impl->mr)
        for (size_t g = 0; g < s->segments; g++)
            for (size_t r = m; r < s->m && r < m + impl->mr; r++)
                *to++ = o->a + (r + g) * s->seg_len * elem;
}

static double best_rate(const struct haq_gemm_impl *impl, const struct shape *s,
                        const struct operands *o)
{
    double ops = 2.0 * (double)(s->m * s->n * s->segments * s->seg_len);
    double best = 1e9, end = seconds() + 0.15;

    while (seconds() < end) {
        int repeats = ops < 2e7 ? (int)(2e7 / ops) : 1;
        double start = seconds();
        for (int i = 0; i < repeats; i++)
            run_all(impl, s, o);
        double each = (seconds() - start) / repeats;
        best = each < best ? each : best;
    }
    return ops / best * 1e-9;
}

static void bench(const struct haq_gemm_impl *impl, const struct shape *s)
{
    size_t elem = impl->kind == HAQ_GEMM_U8_S8 ? 1 : 4;
    size_t k = s->segments * s->seg_len;
    size_t packed = haq_gemm_packed_bytes(impl, s->n, s->segments, s->seg_len);
    size_t scratch =
        haq_gemm_scratch_bytes(impl, impl->mr, s->segments, s->seg_len);
    struct operands o = {
        .a = calloc((s->m + s->segments) * s->seg_len + 64, elem),
        .tile = calloc(s->m * s->segments, sizeof *o.tile),
        .w = aligned_alloc(64, (packed + 63) / 64 * 64),
        .acc = calloc(s->m * (s->n + impl->nr), sizeof *o.acc),
        .scratch = aligned_alloc(64, (scratch + 64) / 64 * 64),
    };
    void *raw = calloc(s->n * k, impl->kind == HAQ_GEMM_F32 ? 4 : 1);

    if (o.a && o.tile && o.w && o.acc && o.scratch && raw) {
        impl->pack(o.w, raw, s->n, s->segments, s->seg_len);
        make_tiles(impl, s, &o, elem);
        printf("%-24s %-24s %8.1f GOP/s\n", impl->name, s->name,
               best_rate(impl, s, &o));
    }
    free(raw);
    free(o.scratch);
    free(o.acc);
    free(o.w);
    free(o.tile);
    free(o.a);
}

int main(int argc, char **argv)
{
    size_t count;
    const struct haq_gemm_impl *impls = haq_gemm_impls(&count);

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < sizeof shapes / sizeof *shapes; j++)
            if (!(impls[i].isa & ~haq_cpu_isa()) &&
                (argc < 2 || strstr(impls[i].name, argv[1])))
                bench(&impls[i], &shapes[j]);
    return 0;
}

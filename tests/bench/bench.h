/* tests/bench/bench.h - what is timed, by whom, and what the machine allows.
 *
 *     shape   a product or a convolution (shapes.c)
 *     format  float32, or a width of the weights, per channel or in groups
 *     work    a shape in a format
 *     entry   one competitor ready to do one work (maker.c lists who can)
 *     heat    the entries that are timed against each other (harness.c)
 */
#ifndef HAQ_TESTS_BENCH_BENCH_H
#define HAQ_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/thread.h"

struct bench_conv {
    size_t size;   /* height and width of the image */
    size_t c, o;   /* channels in and out */
    size_t kernel; /* height and width of the window */
    size_t stride, pad;
    bool depthwise;
};

/* Products: y[m][n] = x[m][k] w[n][k]; a convolution is the product of its
 * windows, with m, n and k filled in by bench_shapes. */
struct bench_shape {
    const char *name;
    size_t m, n, k;
    bool cold; /* every call finds other weights, from memory */
    bool is_conv;
    struct bench_conv conv;
};

struct bench_format {
    const char *name;   /* as the tables show it: "W4" */
    const char *spec;   /* weight format of a recipe: "int4"; NULL: float */
    bool convolutions;  /* measured for convolutions, too */
    bool every_product; /* not only in full runs */
};

struct bench_work {
    const struct bench_shape *shape;
    const struct bench_format *format;
    size_t group; /* weights that share a scale; 0: a channel does */
};

/* How the whole run is to be. */
struct bench_env {
    unsigned isa; /* HAQ_ISA_* that ours may use */
    const char *isa_name;
    bool amx; /* the competitors may use it */
    size_t threads;
    struct haq_pool *pool; /* NULL: one thread */
    size_t cold_bytes;     /* of weights that go round in cold shapes */
};

struct bench_entry {
    const char *who; /* "ours", "oneDNN matmul" */
    char detail[48]; /* the kernel that does it, if it tells */
    bool ours;       /* through a plan: what users get */
    bool aside;      /* does more than the figures ask of libraries */
    struct bench_work work;
    double weight_bytes; /* read by one call */
    unsigned rest_ms;    /* until its idle threads have stopped spinning */
    /* Do the work `calls` times; ns of all of them. */
    uint64_t (*run)(void *self, size_t calls);
    void (*free)(void *self);
    void *self;
};

/* false: does not do this work (or not with what is installed). */
typedef bool bench_make_fn(struct bench_entry *e, const struct bench_work *w,
                           const struct bench_env *env);

/* All competitors, ends with NULL (maker.c). */
extern bench_make_fn *const bench_makers[];

const struct bench_shape *bench_shapes(size_t *count);
extern const struct bench_format bench_formats[]; /* ends with a NULL name */

/* Two operations a multiply-add. */
double bench_ops(const struct bench_shape *s);

/* ---- memory (data.c) ----------------------------------------------------- */

/* Aligned to 2 MiB, huge pages wanted, with slack for over-reading kernels;
 * exits when there is none. */
void *bench_alloc(size_t bytes);
void bench_fill_bytes(void *dst, size_t bytes, uint64_t seed);
/* Uniform in [-1, 1). */
void bench_fill_floats(float *dst, size_t n, uint64_t seed);
/* `copies` blocks of `bytes`, all like the first, which the caller filled. */
void bench_repeat(void *first, size_t bytes, size_t copies);
/* Copies of weights of `bytes` that a shape goes round: 1 unless cold. */
size_t bench_copies(const struct bench_shape *s, size_t bytes,
                    const struct bench_env *env);

#endif

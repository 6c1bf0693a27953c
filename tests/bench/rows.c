#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/figures.h"

enum { L2_PER_CORE = 3 << 19 }; /* weights beyond it come from further out */

void *bench_append(void *array, size_t *n, size_t *cap, size_t each)
{
    char **a = array;
    if (*n == *cap) {
        *cap = *cap ? 2 * *cap : 64;
        *a = realloc(*a, *cap * each);
        if (!*a)
            abort();
    }
    return memset(*a + (*n)++ * each, 0, each);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* The roofline: operations at the peak of the format's arithmetic, weights at
 * the speed of where they are. */
static double limit_us(const struct bench_row *r)
{
    const struct bench_shape *s = r->work.shape;
    double peak = r->work.format->spec
                      ? larger(r->limit[BENCH_DOT], r->limit[BENCH_TILES])
                      : r->limit[BENCH_FMA];
    bool near = r->weight_bytes <= (double)(L2_PER_CORE * r->threads);
    double bandwidth = s->cold ? r->limit[BENCH_DRAM4]
                       : near  ? r->limit[BENCH_L2]
                               : r->limit[BENCH_L3];
    double compute = bench_ops(s) / peak * 1e-3;
    return bandwidth > 0 ? larger(compute, r->weight_bytes / bandwidth * 1e-3)
                         : compute;
}

void bench_rows_add(struct bench_rows *r, const struct bench_heat *h,
                    size_t entry, size_t threads)
{
    const struct bench_entry *e = &h->entry[entry];
    struct bench_row *row = bench_append(&r->row, &r->n, &r->cap, sizeof *row);

    row->work = e->work;
    row->threads = threads;
    row->ours = e->ours;
    row->aside = e->aside;
    row->weight_bytes = e->weight_bytes;
    row->us = bench_time(&h->time[entry]);
    snprintf(row->who, sizeof row->who, "%s", e->who);
    snprintf(row->detail, sizeof row->detail, "%s", e->detail);
    for (int l = 0; l < BENCH_LIMITS; l++)
        row->limit[l] = bench_rate(&h->limit[l]).best;
    row->limit_us = limit_us(row);
}

static bool same(const struct bench_row *r, const struct bench_work *w,
                 size_t threads)
{
    return r->us.rounds && r->threads == threads && r->work.shape == w->shape &&
           r->work.format == w->format;
}

const struct bench_row *bench_best_library(const struct bench_rows *r,
                                           const struct bench_work *w,
                                           size_t threads, bool aside)
{
    const struct bench_row *best = NULL;
    for (size_t i = 0; i < r->n; i++)
        if (same(&r->row[i], w, threads) && !r->row[i].ours &&
            r->row[i].aside == aside &&
            (!best || r->row[i].us.best < best->us.best))
            best = &r->row[i];
    return best;
}

const struct bench_row *bench_own(const struct bench_rows *r,
                                  const struct bench_work *w, size_t threads)
{
    for (size_t i = 0; i < r->n; i++)
        if (same(&r->row[i], w, threads) && r->row[i].ours &&
            r->row[i].work.group == w->group)
            return &r->row[i];
    return NULL;
}

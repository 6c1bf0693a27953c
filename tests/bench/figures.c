#include "tests/bench/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a figure is measured against. */
enum against { LIBRARY, SAME_WORK, OWN_INT8, LIMIT, ANCHOR };

static const char *const against_names[] = {
    "the best library", "a library that scales, too", "own int8",
    "the memory limit", "the best known"};

/* Which shapes a figure is asked for. */
static bool batched(const struct bench_shape *s)
{
    return !s->is_conv && s->m > 1;
}
static bool cold_vector(const struct bench_shape *s)
{
    return !s->is_conv && s->cold;
}
static bool cached_vector(const struct bench_shape *s)
{
    return !s->is_conv && s->m == 1 && s->n == 1024;
}
static bool any_conv(const struct bench_shape *s)
{
    return s->is_conv;
}
/* Depthwise, and the thin first layer. */
static bool thin_conv(const struct bench_shape *s)
{
    return s->is_conv && (s->conv.depthwise || s->conv.c < 4);
}
static bool thick_conv(const struct bench_shape *s)
{
    return s->is_conv && !thin_conv(s);
}
static bool batched_or_conv(const struct bench_shape *s)
{
    return s->is_conv || s->m > 1;
}

struct figure {
    const char *format;
    size_t group;
    bool (*of)(const struct bench_shape *s);
    enum against against;
    double least;
    double mean; /* asked of the geometric mean; 0: nothing */
};

#define LOW_BITS(format, of)                                                   \
    {format, 0, of, OWN_INT8, 0.9, 0},                                         \
    {                                                                          \
        format, 32, of, OWN_INT8, 0.75, 0                                      \
    }

static const struct figure figures[] = {
    {"int8", 0, batched, LIBRARY, 1.0, 0},
    {"int8", 0, batched, SAME_WORK, 1.0, 0},
    LOW_BITS("W6", batched),
    LOW_BITS("W4", batched),
    LOW_BITS("W3", batched),
    LOW_BITS("W2", batched),
    LOW_BITS("ternary", batched),
    LOW_BITS("binary", batched),
    {"W4", 0, batched, ANCHOR, 2.8, 0},
    {"W4", 32, batched, ANCHOR, 2.3, 0},
    {"W2", 0, batched, ANCHOR, 2.8, 0},
    {"W2", 32, batched, ANCHOR, 2.3, 0},
    {"ternary", 0, batched, ANCHOR, 2.6, 0},
    {"ternary", 32, batched, ANCHOR, 2.3, 0},
    {"int8", 0, cold_vector, LIMIT, 0.93, 0},
    {"W4", 0, cold_vector, LIMIT, 0.85, 0},
    {"W3", 0, cold_vector, LIMIT, 0.75, 0},
    {"W2", 0, cold_vector, LIMIT, 0.75, 0},
    {"ternary", 0, cold_vector, LIMIT, 0.75, 0},
    {"binary", 0, cold_vector, LIMIT, 0.60, 0},
    {"W4", 0, cold_vector, ANCHOR, 1.25, 0},
    {"W2", 0, cold_vector, ANCHOR, 1.4, 0},
    {"ternary", 0, cold_vector, ANCHOR, 1.35, 0},
    {"binary", 0, cold_vector, ANCHOR, 3.5, 0},
    {"int8", 0, cached_vector, LIBRARY, 1.2, 0},
    {"W4", 0, cached_vector, ANCHOR, 2, 0},
    {"int8", 0, thick_conv, LIBRARY, 0.85, 0},
    {"int8", 0, thin_conv, LIBRARY, 1.5, 0},
    {"int8", 0, any_conv, LIBRARY, 0, 1.0},
    {"W4", 0, any_conv, OWN_INT8, 0.9, 0},
    {"W2", 0, any_conv, OWN_INT8, 0.9, 0},
    {"fp32", 0, batched_or_conv, LIBRARY, 0, 0.95},
};

/* Time of the other side over ours; NAN: one of them was not measured. */
static bool compare(const struct figure *f, const struct bench_rows *r,
                    const struct bench_row *ours, double *best, double *median)
{
    struct bench_work int8 = {ours->work.shape, &bench_formats[1], 0};
    const struct bench_row *other = NULL;
    double us = 0;

    if (f->against == LIBRARY || f->against == SAME_WORK)
        other = bench_best_library(r, &ours->work, ours->threads,
                                   f->against == SAME_WORK);
    else if (f->against == OWN_INT8)
        other = bench_own(r, &int8, ours->threads);
    else if (f->against == LIMIT)
        us = ours->limit_us;
    else
        us = bench_anchor_us(&ours->work, ours->threads, ours->limit);
    if (!other && us <= 0)
        return false;
    *best = (other ? other->us.best : us) / ours->us.best;
    *median = (other ? other->us.median : us) / ours->us.median;
    return true;
}

static void add(struct bench_verdicts *out, const struct figure *f,
                const char *shape, size_t threads, double asked, double best,
                double median)
{
    struct bench_verdict *v =
        bench_append(&out->v, &out->n, &out->cap, sizeof *v);
    char group[32] = "";
    if (f->group)
        snprintf(group, sizeof group, " group %zu", f->group);
    snprintf(v->text, sizeof v->text, "%s%s %s against %s", f->format, group,
             shape, against_names[f->against]);
    v->threads = threads;
    v->asked = asked;
    v->best = best;
    v->median = median;
    v->reached = best >= asked;
}

static void judge_one(struct bench_verdicts *out, const struct figure *f,
                      const struct bench_rows *r, size_t threads)
{
    double log_best = 0, log_median = 0, best, median;
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++) {
        const struct bench_row *row = &r->row[i];
        if (!row->ours || !row->us.rounds || row->threads != threads ||
            row->work.group != f->group || !f->of(row->work.shape) ||
            strcmp(row->work.format->name, f->format) != 0 ||
            !compare(f, r, row, &best, &median))
            continue;
        if (f->least > 0)
            add(out, f, row->work.shape->name, threads, f->least, best, median);
        log_best += log(best);
        log_median += log(median);
        n++;
    }
    if (f->mean > 0 && n)
        add(out, f, "geometric mean", threads, f->mean,
            exp(log_best / (double)n), exp(log_median / (double)n));
}

void bench_judge(struct bench_verdicts *out, const struct bench_rows *r,
                 size_t threads)
{
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        judge_one(out, &figures[i], r, threads);
}

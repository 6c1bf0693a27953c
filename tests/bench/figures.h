/* tests/bench/figures.h - results as rows, and the figures asked of them. */
#ifndef HAQ_TESTS_BENCH_FIGURES_H
#define HAQ_TESTS_BENCH_FIGURES_H

#include "tests/bench/harness.h"

struct bench_row {
    struct bench_work work;
    size_t threads;
    char who[24], detail[48];
    bool ours, aside;
    struct bench_result us;
    double weight_bytes;
    double limit[BENCH_LIMITS]; /* best probes of the heat */
    double limit_us;            /* the least that the machine allows */
};

struct bench_rows {
    struct bench_row *row;
    size_t n, cap;
};

void bench_rows_add(struct bench_rows *r, const struct bench_heat *h,
                    size_t entry, size_t threads);

/* The row that others of its work are compared with: the fastest library, or
 * ours (through a plan) in some format; NULL: not measured.  aside: among the
 * entries that are so. */
const struct bench_row *bench_best_library(const struct bench_rows *r,
                                           const struct bench_work *w,
                                           size_t threads, bool aside);
const struct bench_row *bench_own(const struct bench_rows *r,
                                  const struct bench_work *w, size_t threads);

/* The best known time of a library that is not here, as this machine would run
 * it; 0: unknown. */
double bench_anchor_us(const struct bench_work *w, size_t threads,
                       const double limit[BENCH_LIMITS]);

/* One figure that was asked for, and what was reached. */
struct bench_verdict {
    char text[96];
    size_t threads;
    double asked, best, median; /* ratios; by best times, by medians */
    bool reached;
};

struct bench_verdicts {
    struct bench_verdict *v;
    size_t n, cap;
};

void bench_judge(struct bench_verdicts *out, const struct bench_rows *r,
                 size_t threads);

/* Grow an array of `each` bytes by one; the new element, zeroed. */
void *bench_append(void *array, size_t *n, size_t *cap, size_t each);

#endif

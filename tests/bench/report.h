/* tests/bench/report.h - rows and verdicts for people and for programs. */
#ifndef HAQ_TESTS_BENCH_REPORT_H
#define HAQ_TESTS_BENCH_REPORT_H

#include <jansson.h>

#include "tests/bench/figures.h"

void bench_print_head(const struct bench_env *env);
/* The rows of one heat, from `first` on. */
void bench_print_rows(const struct bench_rows *r, size_t first);
void bench_print_limits(const struct bench_row *of);
void bench_print_verdicts(const struct bench_verdicts *v);

/* The whole run as one document, a new reference. */
json_t *bench_to_json(const struct bench_rows *r,
                      const struct bench_verdicts *v,
                      const struct bench_env *env);

#endif

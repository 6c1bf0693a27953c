/* tests/bench/ours.h - haqfleet's own competitors. */
#ifndef HAQ_TESTS_BENCH_OURS_H
#define HAQ_TESTS_BENCH_OURS_H

#include "quant/spec.h"
#include "tests/bench/bench.h"

bench_make_fn bench_ours_plan;   /* a network of one layer */
bench_make_fn bench_ours_kernel; /* the kernel table's row alone */

/* The weights of `w` as a recipe words them; false: float. */
bool bench_spec(char out[HAQ_SPEC_TEXT], const struct bench_work *w);

#endif

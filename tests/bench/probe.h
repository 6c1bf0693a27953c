/* tests/bench/probe.h - what this machine can do at this moment.
 *
 * A probe runs about 10 ms on every thread of the pool and returns the sum of
 * their rates in GOP/s (two operations a multiply-add) or GB/s; 0: the machine
 * lacks what it needs.
 */
#ifndef HAQ_TESTS_BENCH_PROBE_H
#define HAQ_TESTS_BENCH_PROBE_H

#include "tests/bench/bench.h"

enum bench_limit {
    BENCH_FMA,   /* float32 multiply-adds of the widest vectors */
    BENCH_DOT,   /* bytes: vpdpbusd */
    BENCH_TILES, /* bytes: AMX */
    BENCH_L2,    /* reads of a buffer that fits */
    BENCH_L3,
    BENCH_DRAM1, /* one stream */
    BENCH_DRAM4, /* four at once */
    BENCH_LIMITS
};

extern const char *const bench_limit_names[BENCH_LIMITS];

struct bench_probe;
struct bench_probe *bench_probe_new(const struct bench_env *env);
void bench_probe_free(struct bench_probe *p);

double bench_probe_run(struct bench_probe *p, enum bench_limit what);

#endif

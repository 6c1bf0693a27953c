/* tests/bench/harness.h - a heat: entries timed against each other.
 *
 * Every round times each entry once, then the machine's limits; the order turns
 * round from one round to the next.  A batch is enough calls to last 2.5 ms and
 * counts only when no thread of the process was preempted during it.
 */
#ifndef HAQ_TESTS_BENCH_HARNESS_H
#define HAQ_TESTS_BENCH_HARNESS_H

#include "tests/bench/probe.h"

enum { BENCH_MAX_ROUNDS = 32 };

struct bench_sample {
    double at[BENCH_MAX_ROUNDS]; /* us of a call, or a rate */
    size_t n;
};

struct bench_result {
    double median, best;
    size_t rounds;
};

struct bench_heat {
    struct bench_entry *entry; /* [n] */
    struct bench_sample *time; /* [n] */
    size_t n, cap;
    struct bench_sample limit[BENCH_LIMITS];
};

struct bench_rules {
    size_t rounds;
    bool fifo;      /* real-time priority while timing, when permitted */
    int lock;       /* file to lock while timing, or -1 */
    const int *cpu; /* [threads] where threads are to be */
    size_t threads;
};

void bench_heat_run(struct bench_heat *h, const struct bench_rules *rules,
                    struct bench_probe *probe);
void bench_heat_fini(struct bench_heat *h);

/* The median and the lowest of times (the highest of rates); n == 0: 0. */
struct bench_result bench_time(const struct bench_sample *s);
struct bench_result bench_rate(const struct bench_sample *s);

#endif

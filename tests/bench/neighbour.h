/* tests/bench/neighbour.h - processes that disturb: each computes or streams
 * through memory for some milliseconds, rests, and does so again, wherever the
 * scheduler lets it. */
#ifndef HAQ_TESTS_BENCH_NEIGHBOUR_H
#define HAQ_TESTS_BENCH_NEIGHBOUR_H

#include <sys/types.h>

/* How a neighbour behaves; times are drawn between half and one and a half. */
struct bench_neighbour {
    const char *name;
    double busy_ms, rest_ms; /* 0: never rests */
    int processes;
};

extern const struct bench_neighbour bench_neighbours[]; /* ends with NULL */

/* Start its processes; pid is [processes].  They end with the starter. */
void bench_neighbour_start(const struct bench_neighbour *n, pid_t *pid);
void bench_neighbour_stop(const struct bench_neighbour *n, const pid_t *pid);

#endif

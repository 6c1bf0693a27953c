/* tests/bench/probe_loops.h - loops that do nothing but one kind of work. */
#ifndef HAQ_TESTS_BENCH_PROBE_LOOPS_H
#define HAQ_TESTS_BENCH_PROBE_LOOPS_H

#include <stdbool.h>
#include <stddef.h>

/* Operations done, two a multiply-add, in some 100 us; 0: not on this CPU. */
double bench_loop_fma(void);
double bench_loop_dot(void);
double bench_loop_tiles(void);

/* Read bytes (a multiple of 1024) as so many streams side by side. */
void bench_loop_read(const void *data, size_t bytes, size_t streams);

/* The kernel lets this process use tiles; asks for it. */
bool bench_tiles_allowed(void);

#endif

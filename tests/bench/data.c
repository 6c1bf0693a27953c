#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/bench/bench.h"

enum { HUGE_PAGE = 2 << 20, SLACK = 4096 };

void *bench_alloc(size_t bytes)
{
    size_t room = (bytes + SLACK + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *m = aligned_alloc(HUGE_PAGE, room);
    if (!m) {
        fprintf(stderr, "bench: no memory for %zu bytes\n", room);
        exit(1);
    }
    madvise(m, room, MADV_HUGEPAGE);
    memset(m, 0, room);
    return m;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void bench_fill_bytes(void *dst, size_t bytes, uint64_t seed)
{
    for (size_t i = 0; i < bytes; i += sizeof seed) {
        uint64_t r = next(&seed);
        size_t n = bytes - i < sizeof r ? bytes - i : sizeof r;
        memcpy((char *)dst + i, &r, n);
    }
}

void bench_fill_floats(float *dst, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (float)(next(&seed) >> 40) / (float)(1 << 23) - 1;
}

void bench_repeat(void *first, size_t bytes, size_t copies)
{
    for (size_t i = 1; i < copies; i++)
        memcpy((char *)first + i * bytes, first, bytes);
}

size_t bench_copies(const struct bench_shape *s, size_t bytes,
                    const struct bench_env *env)
{
    return s->cold ? (env->cold_bytes + bytes - 1) / bytes : 1;
}

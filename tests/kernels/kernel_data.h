/* tests/kernels/kernel_data.h - operands for kernels, in blocks that end where
 * the contract ends, so that a sanitizer sees every read and write beyond. */
#ifndef HAQ_TESTS_KERNEL_DATA_H
#define HAQ_TESTS_KERNEL_DATA_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "tests/suite.h"

/* Is the machine able to run a row that needs `isa`? */
static inline bool runnable(unsigned isa)
{
    return !(isa & ~haq_cpu_isa());
}

static inline void *block(size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);
    if (!p)
        abort();
    return p;
}

static inline size_t pick(uint64_t *seed, size_t low, size_t high)
{
    return low + next_random(seed) % (high - low + 1);
}

static inline float random_float(uint64_t *seed)
{
    return (float)(next_random(seed) >> 40) / (float)(1 << 23) - 1.0f;
}

static inline float *random_floats(uint64_t *seed, size_t n)
{
    float *x = block(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = random_float(seed);
    return x;
}

/* Random bytes; one array in four holds only the extreme codes. */
static inline void *random_codes(uint64_t *seed, size_t n,
                                 const uint8_t ends[2])
{
    uint8_t *x = block(n);
    bool extreme = next_random(seed) % 4 == 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t any = (uint8_t)next_random(seed);
        x[i] = extreme ? ends[any & 1] : any;
    }
    return x;
}

static inline uint8_t *random_u8(uint64_t *seed, size_t n)
{
    return random_codes(seed, n, (const uint8_t[]){0, 255});
}

static inline int8_t *random_s8(uint64_t *seed, size_t n)
{
    return random_codes(seed, n, (const uint8_t[]){0x80, 0x7f});
}

/* Rows of A by indirection, each a block of its own: pointers[i] has `bytes`
 * bytes of random floats (elem 4) or codes (elem 1). */
struct rows {
    const void **at; /* [count] */
    void **own;
    size_t count;
};

static inline struct rows random_rows(uint64_t *seed, size_t count, size_t n,
                                      size_t elem)
{
    struct rows r = {block(count * sizeof *r.at), block(count * sizeof *r.own),
                     count};
    for (size_t i = 0; i < count; i++) {
        r.own[i] = elem == 4 ? (void *)random_floats(seed, n)
                             : (void *)random_u8(seed, n);
        r.at[i] = r.own[i];
    }
    return r;
}

static inline void free_rows(struct rows *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->own[i]);
    free(r->own);
    free(r->at);
}

#endif

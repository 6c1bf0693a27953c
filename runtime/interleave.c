#include "runtime/interleave.h"

#include <string.h>

enum { BYTES = 16, LANES = 4, TAP_BLOCKS = 4 };

/* Vectors of the compiler: the baseline instruction set has these shuffles. */
typedef uint8_t bytes __attribute__((vector_size(16)));
typedef float floats __attribute__((vector_size(16)));

static bytes low_bytes(bytes a, bytes b)
{
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5,
                                   21, 6, 22, 7, 23);
}

static bytes high_bytes(bytes a, bytes b)
{
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                                   13, 29, 14, 30, 15, 31);
}

/* One of the four rounds that transpose 16 x 16. */
static void mix_bytes(bytes *to, const bytes *from)
{
    for (int i = 0; i < BYTES / 2; i++) {
        to[2 * i] = low_bytes(from[i], from[i + BYTES / 2]);
        to[2 * i + 1] = high_bytes(from[i], from[i + BYTES / 2]);
    }
}

/* 16 channels; what a row has beyond its taps, the next row overwrites. */
static void block_u8(uint8_t *dst, const void *const *tap, size_t stride,
                     size_t taps, size_t at)
{
    bytes a[BYTES], b[BYTES];
    for (size_t t = 0; t < BYTES; t++) {
        size_t from = t < taps ? t : 0;
        memcpy(&a[t], (const uint8_t *)tap[from * stride] + at, BYTES);
    }
    mix_bytes(b, a);
    mix_bytes(a, b);
    mix_bytes(b, a);
    mix_bytes(a, b);
    for (size_t c = 0; c < BYTES; c++)
        memcpy(dst + (at + c) * taps, &a[c], BYTES);
}

void haq_interleave_u8(uint8_t *dst, const void *const *tap, size_t stride,
                       size_t taps, size_t channels)
{
    size_t c = 0;
    if (taps <= BYTES)
        for (; c + BYTES <= channels; c += BYTES)
            block_u8(dst, tap, stride, taps, c);
    for (; c < channels; c++)
        for (size_t t = 0; t < taps; t++)
            dst[c * taps + t] = ((const uint8_t *)tap[t * stride])[c];
}

static void transpose_floats(floats *v)
{
    floats a = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5);
    floats b = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7);
    floats c = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5);
    floats d = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
    v[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    v[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    v[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    v[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

/* 4 channels, in order, so that each overwrites the excess of the one before.
 */
static void block_f32(float *dst, const void *const *tap, size_t stride,
                      size_t taps, size_t at)
{
    floats v[TAP_BLOCKS][LANES];
    size_t blocks = (taps + LANES - 1) / LANES;
    for (size_t b = 0; b < blocks; b++) {
        for (size_t i = 0; i < LANES; i++) {
            size_t t = b * LANES + i < taps ? b * LANES + i : 0;
            memcpy(&v[b][i], (const float *)tap[t * stride] + at,
                   sizeof(floats));
        }
        transpose_floats(v[b]);
    }
    for (size_t c = 0; c < LANES; c++)
        for (size_t b = 0; b < blocks; b++)
            memcpy(dst + (at + c) * taps + b * LANES, &v[b][c], sizeof(floats));
}

void haq_interleave_f32(float *dst, const void *const *tap, size_t stride,
                        size_t taps, size_t channels)
{
    size_t c = 0;
    if (taps <= TAP_BLOCKS * LANES)
        for (; c + LANES <= channels; c += LANES)
            block_f32(dst, tap, stride, taps, c);
    for (; c < channels; c++)
        for (size_t t = 0; t < taps; t++)
            dst[c * taps + t] = ((const float *)tap[t * stride])[c];
}

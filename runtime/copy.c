#include "runtime/copy.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 4, PLANES = 3 };

/* Vectors of the compiler: the baseline instruction set has these shuffles. */
typedef uint32_t words __attribute__((vector_size(16)));

#define INLINE static inline __attribute__((always_inline))

/* `bytes` is a constant where this is inlined. */
INLINE void runs_of(char *y, const char *x, const struct haq_copy *c,
                    size_t bytes)
{
    ptrdiff_t size = (ptrdiff_t)c->size;
    for (size_t r = 0; r < c->rows; r++) {
        memcpy(y, x, bytes);
        y += c->y_row * size;
        x += c->x_row * size;
    }
}

static void runs(char *y, const char *x, const struct haq_copy *c)
{
    size_t bytes = c->cols * c->size;
    switch (bytes) {
    case 4:
        runs_of(y, x, c, 4);
        break;
    case 8:
        runs_of(y, x, c, 8);
        break;
    case 16:
        runs_of(y, x, c, 16);
        break;
    case 32:
        runs_of(y, x, c, 32);
        break;
    case 64:
        runs_of(y, x, c, 64);
        break;
    default:
        runs_of(y, x, c, bytes);
    }
}

INLINE void strided_of(char *y, const char *x, const struct haq_copy *c,
                       size_t size)
{
    ptrdiff_t z = (ptrdiff_t)size;
    for (size_t r = 0; r < c->rows; r++) {
        char *to = y + (ptrdiff_t)r * c->y_row * z;
        const char *from = x + (ptrdiff_t)r * c->x_row * z;
        for (size_t i = 0; i < c->cols; i++) {
            memcpy(to, from, size);
            to += c->y_col * z;
            from += c->x_col * z;
        }
    }
}

/* The longer axis is the inner loop. */
static void strided(char *y, const char *x, struct haq_copy c)
{
    if (c.rows > c.cols)
        c = (struct haq_copy){c.cols,  c.rows,  c.y_col, c.y_row,
                              c.x_col, c.x_row, c.size};
    if (c.size == 1)
        strided_of(y, x, &c, 1);
    else if (c.size == 4)
        strided_of(y, x, &c, 4);
    else
        strided_of(y, x, &c, c.size);
}

/* Planes next to each other become pixels: the compiler has vectors for it. */
static void planes_u8(uint8_t *restrict y, const uint8_t *restrict x,
                      const struct haq_copy *c)
{
    const uint8_t *red = x, *green = x + c->x_col, *blue = green + c->x_col;
    for (size_t i = 0; i < c->rows; i++) {
        y[PLANES * i] = red[i];
        y[PLANES * i + 1] = green[i];
        y[PLANES * i + 2] = blue[i];
    }
}

static void planes_f32(float *restrict y, const float *restrict x,
                       const struct haq_copy *c)
{
    const float *red = x, *green = x + c->x_col, *blue = green + c->x_col;
    for (size_t i = 0; i < c->rows; i++) {
        y[PLANES * i] = red[i];
        y[PLANES * i + 1] = green[i];
        y[PLANES * i + 2] = blue[i];
    }
}

/* 4 x 4 words: two rounds of pairs. */
INLINE void transpose_words(char *y, ptrdiff_t y_row, const char *x,
                            ptrdiff_t x_col)
{
    words a[BLOCK], b[BLOCK];
    for (int i = 0; i < BLOCK; i++)
        memcpy(&a[i], x + i * x_col, sizeof a[i]);
    for (int i = 0; i < BLOCK / 2; i++) {
        b[2 * i] = __builtin_shufflevector(a[i], a[i + 2], 0, 4, 1, 5);
        b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 2], 2, 6, 3, 7);
    }
    for (int i = 0; i < BLOCK / 2; i++) {
        a[2 * i] = __builtin_shufflevector(b[i], b[i + 2], 0, 4, 1, 5);
        a[2 * i + 1] = __builtin_shufflevector(b[i], b[i + 2], 2, 6, 3, 7);
    }
    for (int i = 0; i < BLOCK; i++)
        memcpy(y + i * y_row, &a[i], sizeof a[i]);
}

/* x_row and y_col are 1. */
static void transposed(char *y, const char *x, const struct haq_copy *c)
{
    size_t rows = c->rows / BLOCK * BLOCK, cols = c->cols / BLOCK * BLOCK;
    ptrdiff_t z = sizeof(uint32_t);
    struct haq_copy below = *c, beside = *c;

    for (size_t r = 0; r < rows; r += BLOCK)
        for (size_t i = 0; i < cols; i += BLOCK)
            transpose_words(
                y + ((ptrdiff_t)r * c->y_row + (ptrdiff_t)i) * z, c->y_row * z,
                x + ((ptrdiff_t)r + (ptrdiff_t)i * c->x_col) * z, c->x_col * z);
    beside.rows = rows;
    beside.cols -= cols;
    strided(y + (ptrdiff_t)cols * z, x + (ptrdiff_t)cols * c->x_col * z,
            beside);
    below.rows -= rows;
    strided(y + (ptrdiff_t)rows * c->y_row * z, x + (ptrdiff_t)rows * z, below);
}

void haq_copy_run(char *y, const char *x, const struct haq_copy *c)
{
    bool turned = c->x_row == 1 && c->y_col == 1;
    bool pixels = turned && c->cols == PLANES && c->y_row == PLANES;

    if (c->x_col == 1 && c->y_col == 1)
        runs(y, x, c);
    else if (pixels && c->size == sizeof(float))
        planes_f32((float *)(void *)y, (const float *)(const void *)x, c);
    else if (pixels && c->size == 1)
        planes_u8((uint8_t *)y, (const uint8_t *)x, c);
    else if (turned && c->size == sizeof(float))
        transposed(y, x, c);
    else
        strided(y, x, *c);
}

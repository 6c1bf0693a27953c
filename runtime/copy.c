#include "runtime/copy.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 4, PLANES = 3, PIXELS = 16 };

/* Vectors of the compiler: the baseline instruction set has these shuffles. */
typedef uint32_t words __attribute__((vector_size(16)));
typedef uint16_t halves __attribute__((vector_size(16)));
typedef uint8_t octets __attribute__((vector_size(16)));

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

/* Four bytes of every pixel, of which the last is the next one's. */
INLINE void put_pixels(uint8_t *y, halves pixels)
{
    words w = (words)pixels;
    for (int i = 0; i < BLOCK; i++) {
        uint32_t pixel = w[i];
        memcpy(y + PLANES * i, &pixel, sizeof pixel);
    }
}

INLINE octets some_pixels(const uint8_t *x)
{
    octets b;
    memcpy(&b, x, sizeof b);
    return b;
}

#define LOW_BYTES(a, b)                                                        \
    (halves) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20,  \
                                     5, 21, 6, 22, 7, 23)
#define HIGH_BYTES(a, b)                                                       \
    (halves) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12,   \
                                     28, 13, 29, 14, 30, 15, 31)
#define LOW_HALVES(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_HALVES(a, b)                                                      \
    __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)

/* Planes next to each other become pixels.  One pixel at least stays for the
 * loop at the end, since the byte behind the last one is not ours. */
static void planes_u8(uint8_t *restrict y, const uint8_t *restrict x,
                      const struct haq_copy *c)
{
    const uint8_t *red = x, *green = x + c->x_col, *blue = green + c->x_col;
    const octets none = {0};
    size_t i = 0;
    for (; i + PIXELS < c->rows; i += PIXELS) {
        octets r = some_pixels(red + i), g = some_pixels(green + i);
        octets b = some_pixels(blue + i);
        halves rg = LOW_BYTES(r, g), b0 = LOW_BYTES(b, none);
        put_pixels(y + PLANES * i, LOW_HALVES(rg, b0));
        put_pixels(y + PLANES * (i + 4), HIGH_HALVES(rg, b0));
        rg = HIGH_BYTES(r, g), b0 = HIGH_BYTES(b, none);
        put_pixels(y + PLANES * (i + 8), LOW_HALVES(rg, b0));
        put_pixels(y + PLANES * (i + 12), HIGH_HALVES(rg, b0));
    }
    for (; i < c->rows; i++) {
        y[PLANES * i] = red[i];
        y[PLANES * i + 1] = green[i];
        y[PLANES * i + 2] = blue[i];
    }
}

/* The compiler has vectors for this one. */
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

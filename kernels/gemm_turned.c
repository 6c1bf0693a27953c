#include "kernels/gemm_turned.h"

#include <string.h>

#include "kernels/gemm_priv.h"

enum { NR = HAQ_GEMM_NR, KR = HAQ_GEMM_KR_INT, MIDDLE = 0x80 };

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

void haq_gemm_pack_turned_f32(float *dst, const float *w, size_t k, size_t n)
{
    for (size_t c = 0; c < n; c += NR) {
        size_t cols = at_most(n - c, NR);
        for (size_t e = 0; e < k; e++, dst += NR) {
            if (cols == NR) {
                memcpy(dst, w + e * n + c, NR * sizeof *w);
                continue;
            }
            memset(dst, 0, NR * sizeof *dst);
            memcpy(dst, w + e * n + c, cols * sizeof *w);
        }
    }
}

/* Four rows of a panel side by side; the compiler has vectors for it. */
static void interleave(int8_t *restrict dst, int32_t *restrict sum,
                       const uint8_t *const *row)
{
    const uint8_t *a = row[0], *b = row[1], *c = row[2], *d = row[3];
    for (size_t j = 0; j < NR; j++) {
        dst[KR * j] = (int8_t)(a[j] ^ MIDDLE);
        dst[KR * j + 1] = (int8_t)(b[j] ^ MIDDLE);
        dst[KR * j + 2] = (int8_t)(c[j] ^ MIDDLE);
        dst[KR * j + 3] = (int8_t)(d[j] ^ MIDDLE);
    }
    for (size_t j = 0; j < NR; j++)
        sum[j] += a[j] + b[j] + c[j] + d[j] - KR * MIDDLE;
}

/* Where rows or columns are missing, codes of the value 0 stand in. */
static void interleave_some(int8_t *dst, int32_t *sum, const uint8_t *w,
                            size_t rows, size_t cols, size_t n)
{
    uint8_t some[KR][NR];
    const uint8_t *row[KR] = {some[0], some[1], some[2], some[3]};
    memset(some, MIDDLE, sizeof some);
    for (size_t r = 0; r < rows; r++)
        memcpy(some[r], w + r * n, cols);
    interleave(dst, sum, row);
}

void haq_gemm_pack_turned_u8(int8_t *dst, int32_t *sum, const uint8_t *w,
                             size_t k, size_t n)
{
    for (size_t c = 0; c < n; c += NR) {
        size_t cols = at_most(n - c, NR);
        int32_t of_panel[NR] = {0};
        for (size_t e = 0; e < k; e += KR, dst += NR * KR) {
            const uint8_t *at = w + e * n + c;
            const uint8_t *row[KR] = {at, at + n, at + 2 * n, at + 3 * n};
            if (cols == NR && k - e >= KR)
                interleave(dst, of_panel, row);
            else
                interleave_some(dst, of_panel, at, at_most(k - e, KR), cols, n);
        }
        memcpy(sum + c, of_panel, cols * sizeof *sum);
    }
}

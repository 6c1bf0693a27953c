#include "kernels/gemm_group.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/dtype.h"
#include "kernels/gemm_group_priv.h"

enum { NR = HAQ_GROUP_NR, LINE = 64, BLOCK_K = HAQ_PANEL_CODES / NR };

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static size_t group_len(const struct haq_group_layout *l, size_t g)
{
    size_t left = l->k - g * l->group;
    return left < l->group ? left : l->group;
}

/* ---- layout ------------------------------------------------------------- */

size_t haq_group_code_bytes(const struct haq_group_layout *l, size_t len,
                            int bits)
{
    /* Whole blocks where blocks are unpacked. */
    size_t to = l->bits == 8 ? haq_group_kr(l) : BLOCK_K;
    return round_up(len, to) * NR * (size_t)bits / 8;
}

static bool is_half(float x)
{
    float back = haq_f16_to_f32(haq_f32_to_f16(x));
    return !memcmp(&x, &back, sizeof x);
}

static int32_t column_sum(const struct haq_group_layout *l, const int8_t *codes,
                          const int8_t *zero, size_t n, size_t g)
{
    const int8_t *from = codes + n * l->k + g * l->group;
    int32_t zw = zero ? zero[n * l->groups + g] : 0, sum = 0;
    for (size_t e = 0; e < group_len(l, g); e++)
        sum += from[e] - zw;
    return sum;
}

/* Bits of codes and zero points: their difference is what must not overflow
 * when it is shifted.  One bit has no zero to fill up with. */
static int bits_of(const struct haq_group_layout *l, const int8_t *codes,
                   const int8_t *zero)
{
    if (l->group % BLOCK_K || l->group > HAQ_PANEL_MAX_K / 2)
        return 8;
    int bits = haq_panel_bits(codes, l->n * l->k);
    int of_zero = zero ? haq_panel_bits(zero, l->n * l->groups) : 1;
    if (bits == 1 && l->k % HAQ_GROUP_KR_INT)
        bits = 2;
    return of_zero > bits ? of_zero : bits;
}

void haq_group_layout_make(struct haq_group_layout *l, enum haq_gemm_kind kind,
                           const int8_t *codes, const float *scale,
                           const int8_t *zero, size_t n, size_t k, size_t group)
{
    int32_t most = 0;

    *l =
        (struct haq_group_layout){.kind = kind, .n = n, .k = k, .group = group};
    l->groups = (k + group - 1) / group;
    l->panels = (n + NR - 1) / NR;
    l->zeros = zero != NULL;
    l->bits = bits_of(l, codes, zero);
    l->scale_bytes = 2;
    for (size_t i = 0; i < n * l->groups; i++) {
        int32_t sum =
            abs(column_sum(l, codes, zero, i / l->groups, i % l->groups));
        most = sum > most ? sum : most;
        if (!is_half(scale[i]))
            l->scale_bytes = 4;
    }
    if (kind == HAQ_GEMM_U8_S8)
        l->sum_bytes = most <= INT8_MAX ? 1 : most <= INT16_MAX ? 2 : 4;
    l->head_bytes = haq_group_zero_at(l) + (l->zeros ? NR : 0);
    l->codes_at = round_up(l->groups * l->head_bytes, LINE);
    for (int wide = 0; wide < 2; wide++) {
        int bits = wide ? 8 : l->bits;
        size_t bytes =
            (l->groups - 1) * haq_group_code_bytes(l, group, bits) +
            haq_group_code_bytes(l, group_len(l, l->groups - 1), bits);
        if (wide)
            l->wide_bytes = round_up(bytes, LINE);
        else
            l->panel_bytes = l->codes_at + round_up(bytes, LINE);
    }
}

/* ---- packing ------------------------------------------------------------ */

struct matrix {
    const int8_t *codes;
    const float *scale;
    const int8_t *zero;
};

static void put_number(char *to, int32_t x, int bytes)
{
    int8_t x1 = (int8_t)x;
    int16_t x2 = (int16_t)x;
    memcpy(to,
           bytes == 1   ? (void *)&x1
           : bytes == 2 ? (void *)&x2
                        : &x,
           (size_t)bytes);
}

static void put_head(const struct haq_group_layout *l, char *head,
                     const struct matrix *m, size_t n, size_t g)
{
    size_t c = n % NR, at = n * l->groups + g;
    uint16_t half = haq_f32_to_f16(m->scale[at]);
    if (l->scale_bytes == 2)
        memcpy(head + 2 * c, &half, sizeof half);
    else
        memcpy(head + 4 * c, &m->scale[at], sizeof *m->scale);
    if (l->sum_bytes)
        put_number(head + haq_group_sum_at(l) + c * (size_t)l->sum_bytes,
                   column_sum(l, m->codes, m->zero, n, g), l->sum_bytes);
    if (l->zeros)
        put_number(head + haq_group_zero_at(l) + c, m->zero[at], 1);
}

/* Code `at` of the stream of a group of a panel. */
static int8_t code_at(const struct haq_group_layout *l, const int8_t *codes,
                      size_t first, size_t g, size_t at)
{
    size_t kr = haq_group_kr(l), n = first + at / kr % NR;
    size_t e = at / (kr * NR) * kr + at % kr;
    return n < l->n && e < group_len(l, g) ? codes[n * l->k + g * l->group + e]
                                           : 0;
}

static void put_codes(const struct haq_group_layout *l, char *to,
                      const int8_t *codes, size_t first, size_t g)
{
    size_t n = haq_group_code_bytes(l, group_len(l, g), 8);
    for (size_t at = 0; at < n; at += HAQ_PANEL_CODES) {
        int8_t block[HAQ_PANEL_CODES];
        size_t some = n - at < HAQ_PANEL_CODES ? n - at : HAQ_PANEL_CODES;
        for (size_t i = 0; i < some; i++)
            block[i] = code_at(l, codes, first, g, at + i);
        haq_panel_pack(to, block, some, l->bits);
        to += haq_panel_bytes(l->bits, some);
    }
}

void haq_group_pack(const struct haq_group_layout *l, void *dst,
                    const int8_t *codes, const float *scale, const int8_t *zero)
{
    struct matrix m = {codes, scale, zero};
    char *panel = dst;

    memset(dst, 0, haq_group_bytes(l));
    for (size_t n = 0; n < l->n; n++)
        for (size_t g = 0; g < l->groups; g++)
            put_head(l, panel + n / NR * l->panel_bytes + g * l->head_bytes, &m,
                     n, g);
    for (size_t p = 0; p < l->panels; p++, panel += l->panel_bytes) {
        char *to = panel + l->codes_at;
        for (size_t g = 0; g < l->groups; g++) {
            put_codes(l, to, codes, p * NR, g);
            to += haq_group_code_bytes(l, group_len(l, g), l->bits);
        }
    }
}

void haq_group_unpack(const struct haq_group_layout *l, int8_t *dst,
                      const void *w, size_t panel, size_t panels,
                      haq_panel_unpack_fn *unpack)
{
    const char *from = (const char *)w + panel * l->panel_bytes + l->codes_at;
    size_t blocks = l->wide_bytes / HAQ_PANEL_CODES;
    for (; panels; panels--, from += l->panel_bytes, dst += l->wide_bytes)
        unpack(dst, from, blocks, l->bits);
}

/* ---- reference ---------------------------------------------------------- */

/* A group of one column, as the two kinds of reference see it. */
struct column {
    const int8_t *codes; /* of element 0 */
    size_t len;
    int32_t zero;
    int shift; /* of the codes */
};

static int code_of(const struct column *c, size_t e, size_t kr)
{
    return (c->codes[e / kr * kr * NR + e % kr] >> c->shift) - c->zero;
}

/* In double, so that the reference is the exact one of the two. */
static float dot_f32(const float *a, const struct column *c)
{
    double sum = 0;
    for (size_t e = 0; e < c->len; e++)
        sum += (double)a[e] * code_of(c, e, HAQ_GROUP_KR_FLOAT);
    return (float)sum;
}

static float dot_u8(const uint8_t *a, int32_t za, const struct column *c)
{
    uint32_t sum = 0;
    for (size_t e = 0; e < c->len; e++)
        sum += (uint32_t)((a[e] - za) * code_of(c, e, HAQ_GROUP_KR_INT));
    return (float)(int32_t)sum;
}

static float scale_at(const struct haq_group_layout *l, const char *head,
                      size_t c)
{
    uint16_t half;
    float scale;
    if (l->scale_bytes == 2) {
        memcpy(&half, head + 2 * c, sizeof half);
        return haq_f16_to_f32(half);
    }
    memcpy(&scale, head + 4 * c, sizeof scale);
    return scale;
}

static float output(const struct haq_gemm_group_args *r, size_t m, size_t p,
                    size_t c)
{
    const struct haq_group_layout *l = r->layout;
    const char *panel = (const char *)r->w + (r->panel + p) * l->panel_bytes;
    const int8_t *codes = r->wide ? r->wide + p * l->wide_bytes
                                  : (const int8_t *)panel + l->codes_at;
    float y = r->bias ? r->bias[(r->panel + p) * NR + c] : 0;

    for (size_t g = 0; g < l->groups; g++) {
        const char *head = panel + g * l->head_bytes;
        size_t k = g * l->group, len = group_len(l, g);
        struct column col = {.codes = codes + c * haq_group_kr(l),
                             .len = len,
                             .shift = haq_panel_shift(l->bits)};
        float scale = scale_at(l, head, c);
        if (l->zeros)
            col.zero = (int8_t)head[haq_group_zero_at(l) + c];
        if (l->kind == HAQ_GEMM_F32_S8)
            y = fmaf(dot_f32((const float *)r->a[m] + k, &col), scale, y);
        else
            y = fmaf(dot_u8((const uint8_t *)r->a[m] + k, r->za[m], &col),
                     r->sa[m] * scale, y);
        codes += haq_group_code_bytes(l, len, 8);
    }
    return y;
}

static void run(const struct haq_gemm_group_args *r)
{
    for (size_t m = 0; m < r->rows; m++)
        for (size_t i = 0; i < r->panels * NR; i++)
            r->y[m * r->ldy + i] = output(r, m, i / NR, i % NR);
}

/* ---- the table ---------------------------------------------------------- */

#define FLOAT_ROW(id, set, rows, runs)                                         \
    {                                                                          \
        .name = id, .kind = HAQ_GEMM_F32_S8, .isa = set, .mr = rows,           \
        .bound = 2e-5f, .run = runs                                            \
    }
#define INT_ROW(id, set, rows, packed, runs)                                   \
    {                                                                          \
        .name = id, .kind = HAQ_GEMM_U8_S8, .isa = set, .mr = rows,            \
        .packed_mr = packed, .run = runs                                       \
    }

static const struct haq_gemm_group_impl impls[] = {
    FLOAT_ROW("gemm_group_f32_s8_ref", HAQ_ISA_NONE, 8, run),
    INT_ROW("gemm_group_u8_s8_ref", HAQ_ISA_NONE, 8, 0, run),
#ifdef HAQ_ARCH_X86
    FLOAT_ROW("gemm_group_f32_s8_avx2", HAQ_ISA_AVX2, 20,
              haq_gemm_group_f32_s8_avx2),
    FLOAT_ROW("gemm_group_f32_s8_avx512", HAQ_ISA_AVX512, 20,
              haq_gemm_group_f32_s8_avx512),
    INT_ROW("gemm_group_u8_s8_avx2", HAQ_ISA_AVX2, 20, 0,
            haq_gemm_group_u8_s8_avx2),
    INT_ROW("gemm_group_u8_s8_avx512", HAQ_ISA_AVX512, 20, 0,
            haq_gemm_group_u8_s8_avx512),
    INT_ROW("gemm_group_u8_s8_avx512vnni", HAQ_ISA_AVX512 | HAQ_ISA_VNNI, 20, 4,
            haq_gemm_group_u8_s8_avx512vnni),
#endif
#ifdef HAQ_ARCH_ARM
    FLOAT_ROW("gemm_group_f32_s8_neon", HAQ_ISA_NEON, 20,
              haq_gemm_group_f32_s8_neon),
    INT_ROW("gemm_group_u8_s8_neon", HAQ_ISA_NEON, 20, 0,
            haq_gemm_group_u8_s8_neon),
    INT_ROW("gemm_group_u8_s8_i8mm", HAQ_ISA_NEON | HAQ_ISA_I8MM, 20, 0,
            haq_gemm_group_u8_s8_i8mm),
#endif
};

const struct haq_gemm_group_impl *haq_gemm_group_impls(size_t *count)
{
    *count = sizeof impls / sizeof *impls;
    return impls;
}

const struct haq_gemm_group_impl *haq_gemm_group_select(enum haq_gemm_kind kind,
                                                        unsigned isa)
{
    size_t i = sizeof impls / sizeof *impls;
    while (--i && (impls[i].kind != kind || impls[i].isa & ~isa))
        ; /* stops at the kind's reference row, which needs nothing */
    return &impls[i];
}

#include "kernels/gemm_group.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "kernels/gemm_group_priv.h"

enum { NR = HAQ_GROUP_NR, KR_FLOAT = 1, KR_INT = 4 };

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

struct haq_group_layout haq_group_layout(size_t n, size_t k, size_t group,
                                         size_t kr)
{
    struct haq_group_layout l;
    size_t last;

    l.groups = (k + group - 1) / group;
    l.panels = (n + NR - 1) / NR;
    l.block = haq_group_head(kr) + round_up(group, kr) * NR;
    last = k - (l.groups - 1) * group;
    l.panel =
        (l.groups - 1) * l.block + haq_group_head(kr) + round_up(last, kr) * NR;
    l.zeros = HAQ_GROUP_HEADER + l.panels * l.panel;
    return l;
}

static size_t bytes(size_t n, size_t k, size_t group, size_t kr)
{
    struct haq_group_layout l = haq_group_layout(n, k, group, kr);
    return l.zeros + l.panels * l.groups * NR * sizeof(int32_t);
}

size_t haq_gemm_group_bytes_f32(size_t n, size_t k, size_t group)
{
    return bytes(n, k, group, KR_FLOAT);
}

size_t haq_gemm_group_bytes_u8(size_t n, size_t k, size_t group)
{
    return bytes(n, k, group, KR_INT);
}

/* One column of one group; codes are `len` of the model's. */
static void pack_column(char *block, size_t col, const int8_t *codes,
                        size_t len, float scale, int32_t zero, size_t kr)
{
    int8_t *to = (int8_t *)block + haq_group_head(kr);
    int32_t sum = 0;

    for (size_t e = 0; e < len; e++) {
        to[e / kr * kr * NR + col * kr + e % kr] = codes[e];
        sum += codes[e] - zero;
    }
    memcpy(block + col * sizeof scale, &scale, sizeof scale);
    if (kr == KR_INT)
        memcpy(block + NR * sizeof scale + col * sizeof sum, &sum, sizeof sum);
}

static void pack(void *dst, const int8_t *codes, const float *scale,
                 const int8_t *zero, size_t n, size_t k, size_t group,
                 size_t kr)
{
    struct haq_group_layout l = haq_group_layout(n, k, group, kr);
    struct haq_group_header header = {zero != NULL};
    char *out = dst;

    memset(dst, 0, bytes(n, k, group, kr));
    memcpy(dst, &header, sizeof header);
    for (size_t c = 0; c < n; c++)
        for (size_t g = 0; g < l.groups; g++) {
            size_t len = k - g * group < group ? k - g * group : group;
            int32_t zw = zero ? zero[c * l.groups + g] : 0;
            size_t at = (c / NR * l.groups + g) * NR + c % NR;
            pack_column(out + HAQ_GROUP_HEADER + c / NR * l.panel + g * l.block,
                        c % NR, codes + c * k + g * group, len,
                        scale[c * l.groups + g], zw, kr);
            memcpy(out + l.zeros + at * sizeof zw, &zw, sizeof zw);
        }
}

void haq_gemm_group_pack_f32(void *dst, const int8_t *codes, const float *scale,
                             const int8_t *zero, size_t n, size_t k,
                             size_t group)
{
    pack(dst, codes, scale, zero, n, k, group, KR_FLOAT);
}

void haq_gemm_group_pack_u8(void *dst, const int8_t *codes, const float *scale,
                            const int8_t *zero, size_t n, size_t k,
                            size_t group)
{
    pack(dst, codes, scale, zero, n, k, group, KR_INT);
}

/* A group of one column, as the two kinds of reference see it. */
struct column {
    const int8_t *codes; /* of element 0 */
    size_t len;
    int32_t zero;
};

static int8_t code_at(const struct column *c, size_t e, size_t kr)
{
    return c->codes[e / kr * kr * NR + e % kr];
}

/* In double, so that the reference is the exact one of the two. */
static float dot_f32(const float *a, const struct column *c)
{
    double sum = 0;
    for (size_t e = 0; e < c->len; e++)
        sum += (double)a[e] * (code_at(c, e, KR_FLOAT) - c->zero);
    return (float)sum;
}

static float dot_u8(const uint8_t *a, int32_t za, const struct column *c)
{
    uint32_t sum = 0;
    for (size_t e = 0; e < c->len; e++)
        sum += (uint32_t)((a[e] - za) * (code_at(c, e, KR_INT) - c->zero));
    return (float)(int32_t)sum;
}

static float output(const struct haq_gemm_group_args *r,
                    const struct haq_group_layout *l, size_t m, size_t n,
                    size_t kr)
{
    const char *w = r->w;
    const char *panel = w + HAQ_GROUP_HEADER + n / NR * l->panel;
    float y = r->bias ? r->bias[n] : 0;

    for (size_t g = 0; g < l->groups; g++) {
        const char *block = panel + g * l->block;
        size_t at = (n / NR * l->groups + g) * NR + n % NR, k = g * r->group;
        struct column c = {
            .codes = (const int8_t *)block + haq_group_head(kr) + n % NR * kr,
            .len = r->k - k < r->group ? r->k - k : r->group,
        };
        float scale;
        memcpy(&scale, block + n % NR * sizeof scale, sizeof scale);
        memcpy(&c.zero, w + l->zeros + at * sizeof c.zero, sizeof c.zero);
        if (kr == KR_FLOAT)
            y = fmaf(dot_f32((const float *)r->a[m] + k, &c), scale, y);
        else
            y = fmaf(dot_u8((const uint8_t *)r->a[m] + k, r->za[m], &c),
                     r->sa[m] * scale, y);
    }
    return y;
}

static void run(const struct haq_gemm_group_args *r, size_t kr)
{
    struct haq_group_layout l = haq_group_layout(r->n, r->k, r->group, kr);
    for (size_t m = 0; m < r->rows; m++)
        for (size_t n = 0; n < r->n; n++)
            r->y[m * r->ldy + n] = output(r, &l, m, n, kr);
}

static void run_f32(const struct haq_gemm_group_args *r)
{
    run(r, KR_FLOAT);
}

static void run_u8(const struct haq_gemm_group_args *r)
{
    run(r, KR_INT);
}

#define FLOAT_ROW(id, set, rows, runs)                                         \
    {                                                                          \
        .name = id, .kind = HAQ_GEMM_F32_S8, .isa = set, .zero_points = true,  \
        .mr = rows, .bound = 2e-5f, .bytes = haq_gemm_group_bytes_f32,         \
        .pack = haq_gemm_group_pack_f32, .run = runs                           \
    }
#define INT_ROW(id, set, rows, runs)                                           \
    {                                                                          \
        .name = id, .kind = HAQ_GEMM_U8_S8, .isa = set, .zero_points = true,   \
        .mr = rows, .bytes = haq_gemm_group_bytes_u8,                          \
        .pack = haq_gemm_group_pack_u8, .run = runs                            \
    }

static const struct haq_gemm_group_impl impls[] = {
    FLOAT_ROW("gemm_group_f32_s8_ref", HAQ_ISA_NONE, 8, run_f32),
    INT_ROW("gemm_group_u8_s8_ref", HAQ_ISA_NONE, 8, run_u8),
#ifdef HAQ_ARCH_X86
    FLOAT_ROW("gemm_group_f32_s8_avx512", HAQ_ISA_AVX512, 20,
              haq_gemm_group_f32_s8_avx512),
    INT_ROW("gemm_group_u8_s8_avx512vnni", HAQ_ISA_AVX512 | HAQ_ISA_VNNI, 20,
            haq_gemm_group_u8_s8_avx512vnni),
#endif
};

const struct haq_gemm_group_impl *haq_gemm_group_impls(size_t *count)
{
    *count = sizeof impls / sizeof *impls;
    return impls;
}

const struct haq_gemm_group_impl *
haq_gemm_group_select(enum haq_gemm_kind kind, bool zero_points, unsigned isa)
{
    size_t i = sizeof impls / sizeof *impls;
    while (--i && (impls[i].kind != kind || impls[i].isa & ~isa ||
                   (zero_points && !impls[i].zero_points)))
        ; /* stops at the kind's reference row, which takes everything */
    return &impls[i];
}

#include "kernels/gemm.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/cpu.h"
#include "kernels/gemm_priv.h"
#include "kernels/panel.h"
#include "kernels/unroll.h"

enum { NR = HAQ_GEMM_NR };

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* One panel: columns col .. col + 15 of w, in the order of gemm_priv.h. */
static void pack_panel(char *dst, const char *w, size_t cols, size_t segments,
                       size_t seg_len, size_t kr, size_t elem)
{
    size_t padded = round_up(seg_len, kr);

    memset(dst, 0, segments * padded * NR * elem);
    for (size_t c = 0; c < cols; c++)
        for (size_t s = 0; s < segments; s++)
            for (size_t e = 0; e < seg_len; e++) {
                size_t step = s * padded + e / kr * kr;
                size_t at = step * NR + c * kr + e % kr;
                memcpy(dst + at * elem,
                       w + ((c * segments + s) * seg_len + e) * elem, elem);
            }
}

static void pack(void *dst, const void *w, size_t n, size_t segments,
                 size_t seg_len, size_t kr, size_t elem)
{
    size_t panel = segments * round_up(seg_len, kr) * NR * elem;
    size_t column = segments * seg_len * elem;
    char *to = dst;
    const char *from = w;

    for (size_t c = 0; c < n; c += NR, to += panel, from += NR * column)
        pack_panel(to, from, n - c < NR ? n - c : NR, segments, seg_len, kr,
                   elem);
}

void haq_gemm_pack_f32(void *dst, const void *w, size_t n, size_t segments,
                       size_t seg_len)
{
    pack(dst, w, n, segments, seg_len, HAQ_GEMM_KR_FLOAT, sizeof(float));
}

void haq_gemm_pack_f32_s8(void *dst, const void *w, size_t n, size_t segments,
                          size_t seg_len)
{
    pack(dst, w, n, segments, seg_len, HAQ_GEMM_KR_FLOAT, 1);
}

void haq_gemm_pack_u8_s8(void *dst, const void *w, size_t n, size_t segments,
                         size_t seg_len)
{
    pack(dst, w, n, segments, seg_len, HAQ_GEMM_KR_INT, 1);
}

#ifdef HAQ_ARCH_X86 /* whose rows alone read packed panels */
struct panel_source {
    const int8_t *w; /* [cols][segments][seg_len] */
    size_t cols, segments, seg_len, kr;
};

/* Code `at` of the panel's stream. */
static int8_t code_at(const struct panel_source *p, size_t at)
{
    size_t padded = round_up(p->seg_len, p->kr);
    size_t c = at / p->kr % NR;
    size_t k = at / (p->kr * NR) * p->kr + at % p->kr;
    size_t s = k / padded, e = k % padded;

    return c < p->cols && e < p->seg_len
               ? p->w[(c * p->segments + s) * p->seg_len + e]
               : 0;
}

/* The stream of each panel is that of the 8-bit rows, cut into blocks. */
static void pack_bits(void *dst, const int8_t *w, size_t n, size_t segments,
                      size_t seg_len, size_t kr, int bits)
{
    size_t codes = segments * round_up(seg_len, kr) * NR;
    struct panel_source from = {w, NR, segments, seg_len, kr};
    char *to = dst;

    for (size_t c = 0; c < n; c += NR, from.w += NR * segments * seg_len) {
        from.cols = n - c < NR ? n - c : NR;
        for (size_t at = 0; at < codes; at += HAQ_PANEL_CODES) {
            int8_t block[HAQ_PANEL_CODES];
            size_t some = codes - at;
            some = some < HAQ_PANEL_CODES ? some : HAQ_PANEL_CODES;
            for (size_t i = 0; i < some; i++)
                block[i] = code_at(&from, at + i);
            haq_panel_pack(to, block, some, bits);
            to += haq_panel_bytes(bits, some);
        }
    }
}

#define PACK_BITS(bits, unused)                                                \
    static void pack_w##bits##_u8_s8(void *dst, const void *w, size_t n,       \
                                     size_t segments, size_t seg_len)          \
    {                                                                          \
        pack_bits(dst, w, n, segments, seg_len, HAQ_GEMM_KR_INT, bits);        \
    }
HAQ_UPTO(6, PACK_BITS, 0)
#endif

static size_t panel_step(const struct haq_gemm_args *g, size_t seg_bytes)
{
    return g->panel_bytes ? g->panel_bytes : g->segments * seg_bytes;
}

/* Sums in double, so that the reference is the exact one of the two. */
static void add_f32(double *acc, const void *row, size_t len, const void *panel)
{
    const float *a = row, *w = panel;
    for (size_t e = 0; e < len; e++)
        for (size_t c = 0; c < NR; c++)
            acc[c] += (double)a[e] * (double)w[e * NR + c];
}

static void add_f32_s8(double *acc, const void *row, size_t len,
                       const void *panel)
{
    const float *a = row;
    const int8_t *w = panel;
    for (size_t e = 0; e < len; e++)
        for (size_t c = 0; c < NR; c++)
            acc[c] += (double)a[e] * w[e * NR + c];
}

typedef void add_segment_fn(double *acc, const void *row, size_t len,
                            const void *panel);

static void run_float(const struct haq_gemm_args *g, size_t elem,
                      add_segment_fn *add)
{
    size_t seg_bytes = g->seg_len * NR * elem;
    const char *w = g->w;

    for (size_t p = 0; p < g->panels; p++, w += panel_step(g, seg_bytes))
        for (size_t m = 0; m < g->rows; m++) {
            double acc[NR] = {0};
            for (size_t s = 0; s < g->segments; s++)
                add(acc, g->a[s * g->rows + m], g->seg_len, w + s * seg_bytes);
            float *out = (float *)g->acc + m * g->ldc + p * NR;
            for (size_t c = 0; c < NR; c++)
                out[c] = (float)ldexp(acc[c], -g->shift);
        }
}

static void run_f32(const struct haq_gemm_args *g)
{
    run_float(g, sizeof(float), add_f32);
}

static void run_f32_s8(const struct haq_gemm_args *g)
{
    run_float(g, 1, add_f32_s8);
}

/* Sums are taken modulo 2^32, as vector units do. */
static void add_u8_s8(uint32_t *acc, const uint8_t *a, size_t len,
                      const int8_t *w)
{
    for (size_t e = 0; e < len; e++)
        for (size_t c = 0; c < NR; c++)
            acc[c] += (uint32_t)(a[e] * w[e / 4 * 4 * NR + c * 4 + e % 4]);
}

static void run_u8_s8(const struct haq_gemm_args *g)
{
    size_t seg_bytes = round_up(g->seg_len, HAQ_GEMM_KR_INT) * NR;
    const int8_t *w = g->w;

    for (size_t p = 0; p < g->panels; p++, w += panel_step(g, seg_bytes))
        for (size_t m = 0; m < g->rows; m++) {
            uint32_t acc[NR] = {0};
            for (size_t s = 0; s < g->segments; s++)
                add_u8_s8(acc, g->a[s * g->rows + m], g->seg_len,
                          w + s * seg_bytes);
            int32_t *out = (int32_t *)g->acc + m * g->ldc + p * NR;
            for (size_t c = 0; c < NR; c++)
                out[c] = (int32_t)acc[c] >> g->shift;
        }
}

/* What rows with gemm_finish_avx512.inc do. */
enum {
    INT_FUSES = 1 << HAQ_EPI_S32_U8 | 1 << HAQ_EPI_S32_F32,
    FLOAT_FUSES = 1 << HAQ_EPI_F32_F32,
};

/* The mr of the vector rows is the largest tile that stays in registers. */
#define FLOAT_ROW(id, set, rows, runs, fused)                                  \
    {                                                                          \
        .name = id, .kind = HAQ_GEMM_F32, .isa = set, .mr = rows, .nr = NR,    \
        .kr = HAQ_GEMM_KR_FLOAT, .bound = 2e-5f, .pack = haq_gemm_pack_f32,    \
        .fuses = fused, .run = runs                                            \
    }
#define MIXED_ROW(id, set, rows, runs, fused)                                  \
    {                                                                          \
        .name = id, .kind = HAQ_GEMM_F32_S8, .isa = set, .mr = rows, .nr = NR, \
        .kr = HAQ_GEMM_KR_FLOAT, .bits = 8, .bound = 2e-5f,                    \
        .pack = haq_gemm_pack_f32_s8, .fuses = fused, .run = runs              \
    }
#define INT_ROW(id, set, rows, runs, fused)                                    \
    {                                                                          \
        .name = id, .kind = HAQ_GEMM_U8_S8, .isa = set, .mr = rows, .nr = NR,  \
        .kr = HAQ_GEMM_KR_INT, .bits = 8, .pack = haq_gemm_pack_u8_s8,         \
        .fuses = fused, .run = runs                                            \
    }
#define PACKED_ROW(b, set, isa_name)                                           \
    {                                                                          \
        .name = "gemm_w" #b "_u8_s8_" #isa_name, .kind = HAQ_GEMM_U8_S8,       \
        .isa = set, .mr = HAQ_GEMM_MR_PACKED, .nr = NR, .kr = HAQ_GEMM_KR_INT, \
        .bits = b, .pack = pack_w##b##_u8_s8,                                  \
        .run = haq_gemm_w##b##_u8_s8_##isa_name                                \
    }
#define PACKED_ROWS(set, isa_name)                                             \
    PACKED_ROW(6, set, isa_name), PACKED_ROW(5, set, isa_name),                \
        PACKED_ROW(4, set, isa_name), PACKED_ROW(3, set, isa_name),            \
        PACKED_ROW(2, set, isa_name), PACKED_ROW(1, set, isa_name)

static const struct haq_gemm_impl impls[] = {
    FLOAT_ROW("gemm_f32_ref", HAQ_ISA_NONE, 8, run_f32, 0),
    MIXED_ROW("gemm_f32_s8_ref", HAQ_ISA_NONE, 8, run_f32_s8, 0),
    INT_ROW("gemm_u8_s8_ref", HAQ_ISA_NONE, 8, run_u8_s8, 0),
#ifdef HAQ_ARCH_X86
    FLOAT_ROW("gemm_f32_avx2", HAQ_ISA_AVX2, 24, haq_gemm_f32_avx2, 0),
    MIXED_ROW("gemm_f32_s8_avx2", HAQ_ISA_AVX2, 24, haq_gemm_f32_s8_avx2, 0),
    INT_ROW("gemm_u8_s8_avx2", HAQ_ISA_AVX2, 24, haq_gemm_u8_s8_avx2, 0),
    FLOAT_ROW("gemm_f32_avx512", HAQ_ISA_AVX512, 24, haq_gemm_f32_avx512,
              FLOAT_FUSES),
    MIXED_ROW("gemm_f32_s8_avx512", HAQ_ISA_AVX512, 24, haq_gemm_f32_s8_avx512,
              FLOAT_FUSES),
    INT_ROW("gemm_u8_s8_avx512", HAQ_ISA_AVX512, 24, haq_gemm_u8_s8_avx512, 0),
    INT_ROW("gemm_u8_s8_avx512vnni", HAQ_ISA_AVX512 | HAQ_ISA_VNNI, 24,
            haq_gemm_u8_s8_avx512vnni, INT_FUSES),
    {.name = "gemm_u8_s8_avx512amx",
     .kind = HAQ_GEMM_U8_S8,
     .isa = HAQ_ISA_AVX512 | HAQ_ISA_VNNI | HAQ_ISA_AMX,
     .mr = 64, /* four bands of 16 */
     .nr = NR,
     .kr = HAQ_GEMM_KR_INT,
     .bits = 8,
     .pack = haq_gemm_pack_u8_s8,
     .run = haq_gemm_u8_s8_avx512amx,
     .scratch = haq_gemm_u8_s8_avx512amx_scratch},
    PACKED_ROWS(HAQ_ISA_AVX512 | HAQ_ISA_VNNI, avx512vnni),
#endif
#ifdef HAQ_ARCH_ARM
    FLOAT_ROW("gemm_f32_neon", HAQ_ISA_NEON, 24, haq_gemm_f32_neon, 0),
    MIXED_ROW("gemm_f32_s8_neon", HAQ_ISA_NEON, 24, haq_gemm_f32_s8_neon, 0),
    INT_ROW("gemm_u8_s8_neon", HAQ_ISA_NEON, 24, haq_gemm_u8_s8_neon, 0),
    INT_ROW("gemm_u8_s8_dotprod", HAQ_ISA_NEON | HAQ_ISA_DOTPROD, 24,
            haq_gemm_u8_s8_dotprod, 0),
    INT_ROW("gemm_u8_s8_i8mm", HAQ_ISA_NEON | HAQ_ISA_I8MM, 24,
            haq_gemm_u8_s8_i8mm, 0),
#endif
};

const struct haq_gemm_impl *haq_gemm_impls(size_t *count)
{
    *count = sizeof impls / sizeof *impls;
    return impls;
}

static bool fits(const struct haq_gemm_impl *k, enum haq_gemm_kind kind,
                 unsigned isa)
{
    return k->kind == kind && !(k->isa & ~isa);
}

const struct haq_gemm_impl *haq_gemm_select(enum haq_gemm_kind kind,
                                            unsigned isa)
{
    size_t i = sizeof impls / sizeof *impls;
    while (--i && (!fits(&impls[i], kind, isa) || impls[i].bits % 8))
        ; /* stops at the kind's reference row, which needs nothing */
    return &impls[i];
}

const struct haq_gemm_impl *haq_gemm_select_packed(enum haq_gemm_kind kind,
                                                   int bits, unsigned isa)
{
    for (size_t i = sizeof impls / sizeof *impls; i-- > 0;)
        if (fits(&impls[i], kind, isa) && impls[i].bits == bits)
            return &impls[i];
    return NULL;
}

size_t haq_gemm_panel_bytes(const struct haq_gemm_impl *k, size_t segments,
                            size_t seg_len)
{
    size_t elems = segments * round_up(seg_len, k->kr) * k->nr;
    return k->bits ? haq_panel_bytes(k->bits, elems) : elems * sizeof(float);
}

size_t haq_gemm_packed_bytes(const struct haq_gemm_impl *k, size_t n,
                             size_t segments, size_t seg_len)
{
    return (n + k->nr - 1) / k->nr * haq_gemm_panel_bytes(k, segments, seg_len);
}

size_t haq_gemm_scratch_bytes(const struct haq_gemm_impl *k, size_t rows,
                              size_t segments, size_t seg_len)
{
    return k->scratch ? k->scratch(rows, segments, seg_len) : 0;
}

#include "kernels/dwconv_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "kernels/dwconv_rows_priv.h"
#include "kernels/simd.h"

/* ---- reference ---------------------------------------------------------- */

enum { REF_BLOCK = 16, REF_TAPS = 25 };

struct ref_block {
    float mult[REF_BLOCK];
    int32_t corr[REF_BLOCK];
    int8_t w[REF_TAPS][REF_BLOCK];
};

static void pack_ref(const struct haq_dwconv_rows_impl *impl, void *dst,
                     const int8_t *w, const int32_t *corr, const float *mult,
                     size_t channels)
{
    struct ref_block *to = dst;
    size_t taps = impl->kernel * impl->kernel;
    for (size_t c = 0; c < channels; c++) {
        struct ref_block *b = &to[c / REF_BLOCK];
        b->mult[c % REF_BLOCK] = mult[c];
        b->corr[c % REF_BLOCK] = corr[c];
        for (size_t t = 0; t < taps; t++)
            b->w[t][c % REF_BLOCK] = w[t * channels + c];
    }
}

HAQ_INLINE int32_t ref_sum(const struct haq_dwconv_rows_args *a, size_t kernel,
                           const uint8_t *const *in, size_t left, size_t c)
{
    const struct ref_block *b = (const struct ref_block *)a->packed + a->block;
    int32_t sum = 0;
    for (size_t t = 0; t < kernel * kernel; t++) {
        size_t x = left + t % kernel - a->pad; /* huge left of the image */
        size_t at = x * a->channels + a->block * REF_BLOCK + c;
        sum +=
            (x < a->in_width ? in[t / kernel][at] : a->pad_code) * b->w[t][c];
    }
    return sum;
}

HAQ_INLINE void run_ref(const struct haq_dwconv_rows_args *a, size_t kernel,
                        size_t stride)
{
    const struct ref_block *b = (const struct ref_block *)a->packed + a->block;
    size_t first = a->block * REF_BLOCK, n = a->channels - first;
    if (n > REF_BLOCK)
        n = REF_BLOCK;
    for (size_t i = 0; i < a->rows * a->out_width * n; i++) {
        size_t c = i % n, x = i / n % a->out_width, r = i / n / a->out_width;
        uint32_t acc =
            (uint32_t)ref_sum(a, kernel, a->in + r * stride, x * stride, c) +
            (uint32_t)b->corr[c];
        a->out[r][x * a->channels + first + c] =
            haq_to_code((float)(int32_t)acc * b->mult[c], (float)a->zero,
                        (float)a->qlo, (float)a->qhi);
    }
}

#define REF(k, st)                                                             \
    static void run_##k##x##k##s##st##_ref(                                    \
        const struct haq_dwconv_rows_args *a)                                  \
    {                                                                          \
        run_ref(a, k, st);                                                     \
    }
REF(3, 1)
REF(3, 2)
REF(5, 1)
REF(5, 2)

/* ---- packing for vectors ------------------------------------------------ */

/* Weight of slot `slot` of the quad for output row `row`, window column kx. */
static int8_t weight_of(const struct haq_dwconv_rows_impl *impl,
                        const int8_t *w, size_t channels, int slot, int row,
                        int kx)
{
    int kernel = (int)impl->kernel, ky = slot - row * (int)impl->stride;
    if (ky < 0 || ky >= kernel)
        return 0;
    return w[(size_t)(ky * kernel + kx) * channels];
}

/* One vector of weights: quads of the channels of `vec` for each 32-bit lane.
 */
struct quad_at {
    int vec, row, quad, kx;
};

static size_t channel_of(int vec, size_t lane32, int lanes)
{
    return lane32 / 4 % (size_t)lanes * 16 + (size_t)vec * 4 + lane32 % 4;
}

static char *pack_quads(const struct haq_dwconv_rows_impl *impl,
                        struct haq_dw_layout l, int used_lanes, char *dst,
                        const int8_t *w, size_t n, size_t channels,
                        struct quad_at q)
{
    size_t width = (size_t)l.lanes * 4;
    int top = haq_dw_quad_row((int)impl->kernel, (int)impl->stride, q.quad);
    for (size_t d = 0; d < width; d++) {
        size_t c = channel_of(q.vec, d, used_lanes);
        for (int s = 0; s < HAQ_DW_QUAD && c < n; s++) {
            int8_t v = weight_of(impl, w + c, channels, top + s, q.row, q.kx);
            int16_t wide = v;
            size_t pair =
                (size_t)(s % 2) * width * 4 + d * 4 + (size_t)s / 2 * 2;
            if (l.parts == 1)
                memcpy(dst + d * 4 + (size_t)s, &v, sizeof v);
            else
                memcpy(dst + pair, &wide, sizeof wide);
        }
    }
    return dst + width * 4 * (size_t)l.parts;
}

static void pack_block(const struct haq_dwconv_rows_impl *impl,
                       struct haq_dw_layout l, char *dst, const int8_t *w,
                       size_t n, size_t channels)
{
    int k = (int)impl->kernel, s = (int)impl->stride;
    int lanes = haq_dw_lanes(n, l.lanes), rows = haq_dw_job_rows(k, s);
    for (int half = 0; half < 2; half++)
        for (int i = 0; i < k * haq_dw_quads(k, s) * 2 * rows; i++) {
            struct quad_at q = {.row = i % rows};
            q.vec = half * 2 + i / rows % 2;
            q.quad = i / rows / 2 % haq_dw_quads(k, s);
            q.kx = i / rows / 2 / haq_dw_quads(k, s);
            if (haq_dw_uses(k, s, q.row, q.quad))
                dst = pack_quads(impl, l, lanes, dst, w, n, channels, q);
        }
}

static int32_t fits(const struct haq_dwconv_rows_impl *impl, const int8_t *w,
                    const int32_t *corr, const float *mult, size_t n,
                    size_t channels)
{
    for (size_t c = 0; c < n; c++) {
        double most = fabs((double)corr[c]);
        for (size_t t = 0; t < impl->kernel * impl->kernel; t++)
            most += UINT8_MAX * abs(w[t * channels + c]);
        if (!(most * fabs((double)mult[c]) < INT32_MAX / 2))
            return 0;
    }
    return 1;
}

/* What products of code - offset lack, added to the correction. */
static int32_t corrected(const struct haq_dwconv_rows_impl *impl,
                         const int8_t *w, int32_t corr, size_t channels,
                         int offset)
{
    uint32_t sum = (uint32_t)corr;
    for (size_t t = 0; t < impl->kernel * impl->kernel; t++)
        sum += (uint32_t)(offset * w[t * channels]);
    return (int32_t)sum;
}

void haq_dwconv_rows_pack(const struct haq_dwconv_rows_impl *impl,
                          struct haq_dw_layout l, void *dst, const int8_t *w,
                          const int32_t *corr, const float *mult,
                          size_t channels)
{
    size_t width = (size_t)l.lanes * 4;
    memset(dst, 0, haq_dwconv_rows_bytes(impl, channels));
    for (size_t b = 0; b * impl->block < channels; b++) {
        char *at = (char *)dst + b * impl->block_bytes;
        float *m = (float *)(void *)(at + HAQ_DW_HEADER);
        int32_t *v = (int32_t *)(void *)(m + 4 * width);
        size_t first = b * impl->block, n = channels - first;
        if (n > impl->block)
            n = impl->block;
        int lanes = haq_dw_lanes(n, l.lanes);
        for (size_t i = 0; i < 4 * width; i++) {
            size_t c = channel_of((int)(i / width), i % width, lanes);
            m[i] = c < n ? mult[first + c] : 0;
            v[i] = c < n ? corrected(impl, w + first + c, corr[first + c],
                                     channels, l.offset)
                         : 0;
        }
        struct haq_dw_header head = {
            fits(impl, w + first, corr + first, mult + first, n, channels)};
        memcpy(at, &head, sizeof head);
        pack_block(impl, l, (char *)(v + 4 * width), w + first, n, channels);
    }
}

/* ---- the table ---------------------------------------------------------- */

#define PACK(isa, lanes, parts, offset)                                        \
    static void pack_##isa(const struct haq_dwconv_rows_impl *impl, void *dst, \
                           const int8_t *w, const int32_t *corr,               \
                           const float *mult, size_t channels)                 \
    {                                                                          \
        haq_dwconv_rows_pack(impl,                                             \
                             (struct haq_dw_layout){lanes, parts, offset},     \
                             dst, w, corr, mult, channels);                    \
    }
#ifdef HAQ_ARCH_X86
PACK(avx2, 2, 2, 0)
PACK(avx512, 4, 2, 0)
PACK(avx512vnni, 4, 1, 0)
#endif
#ifdef HAQ_ARCH_ARM
PACK(neon, 1, 2, 0)
PACK(dotprod, 1, 1, 128)
PACK(i8mm, 1, 1, 0)
#endif

#define REF_ROW(k, st)                                                         \
    {                                                                          \
        .name = "dwconv_rows_" #k "x" #k "s" #st "_ref", .kernel = k,          \
        .stride = st, .block = REF_BLOCK,                                      \
        .block_bytes = sizeof(struct ref_block), .job = 1, .pack = pack_ref,   \
        .run = run_##k##x##k##s##st##_ref                                      \
    }
#define ROW(k, st, set, id, lanes, parts)                                      \
    {                                                                          \
        .name = "dwconv_rows_" #k "x" #k "s" #st "_" #id, .isa = set,          \
        .kernel = k, .stride = st, .block = 16 * lanes,                        \
        .block_bytes = HAQ_DW_BLOCK_BYTES(k, st, lanes, parts),                \
        .job = k == 5 && st == 1 ? 4 : 2, .pack = pack_##id,                   \
        .run = haq_dwconv_rows_##k##x##k##s##st##_##id                         \
    }
#define ROWS(set, id, lanes, parts)                                            \
    ROW(3, 1, set, id, lanes, parts), ROW(3, 2, set, id, lanes, parts),        \
        ROW(5, 1, set, id, lanes, parts), ROW(5, 2, set, id, lanes, parts)

static const struct haq_dwconv_rows_impl impls[] = {
    REF_ROW(3, 1),
    REF_ROW(3, 2),
    REF_ROW(5, 1),
    REF_ROW(5, 2),
#ifdef HAQ_ARCH_X86
    ROWS(HAQ_ISA_AVX2, avx2, 2, 2),
    ROWS(HAQ_ISA_AVX512, avx512, 4, 2),
    ROWS(HAQ_ISA_AVX512 | HAQ_ISA_VNNI, avx512vnni, 4, 1),
#endif
#ifdef HAQ_ARCH_ARM
    ROWS(HAQ_ISA_NEON, neon, 1, 2),
    ROWS(HAQ_ISA_NEON | HAQ_ISA_DOTPROD, dotprod, 1, 1),
    ROWS(HAQ_ISA_NEON | HAQ_ISA_I8MM, i8mm, 1, 1),
#endif
};

const struct haq_dwconv_rows_impl *haq_dwconv_rows_impls(size_t *count)
{
    *count = sizeof impls / sizeof *impls;
    return impls;
}

const struct haq_dwconv_rows_impl *
haq_dwconv_rows_select(size_t kernel, size_t stride, unsigned isa)
{
    size_t i = sizeof impls / sizeof *impls;
    while (i--)
        if (impls[i].kernel == kernel && impls[i].stride == stride &&
            !(impls[i].isa & ~isa))
            return &impls[i];
    return NULL;
}

size_t haq_dwconv_rows_step(const struct haq_dwconv_rows_impl *impl,
                            size_t channels)
{
    size_t last = (channels - 1) % impl->block + 1;
    int lanes = (int)(impl->block / 16);
    return impl->job * (size_t)(lanes / haq_dw_lanes(last, lanes));
}

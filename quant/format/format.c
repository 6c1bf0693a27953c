#include "quant/format/format.h"

#include <assert.h>
#include <string.h>

#include "quant/format/coder.h"
#include "quant/format/fit.h"

#define SIGNED(b)                                                              \
    {                                                                          \
        .name = "int" #b, .bits = b, .integer = true, .is_signed = true,       \
        .qmin = -(1 << (b - 1)), .qmax = (1 << (b - 1)) - 1                    \
    }
#define UNSIGNED(b)                                                            \
    {                                                                          \
        .name = "uint" #b, .bits = b, .integer = true, .qmin = 0,              \
        .qmax = (1 << b) - 1                                                   \
    }
/* -1, 1 and for ternary 0 */
#define FITTED(f, b, without_zero)                                             \
    {                                                                          \
        .name = #f, .bits = b, .integer = true, .is_signed = true, .qmin = -1, \
        .qmax = 1, .odd = without_zero, .fit = haq_fit_##f                     \
    }
#define CODED(f, b)                                                            \
    {                                                                          \
        .name = #f, .bits = b, .is_signed = true, .coder = &haq_coder_##f      \
    }
#define CODEBOOK(b)                                                            \
    {                                                                          \
        .name = "cb" #b, .bits = b, .is_signed = true,                         \
        .coder = &haq_coder_codebook                                           \
    }

/* haq_format_names() holds the same names in the same order. */
const struct haq_format haq_formats[] = {
    SIGNED(2),
    SIGNED(3),
    SIGNED(4),
    SIGNED(5),
    SIGNED(6),
    SIGNED(7),
    SIGNED(8),
    UNSIGNED(2),
    UNSIGNED(3),
    UNSIGNED(4),
    UNSIGNED(5),
    UNSIGNED(6),
    UNSIGNED(7),
    UNSIGNED(8),
    FITTED(ternary, 2, false),
    FITTED(binary, 1, true),
    CODED(fp16, 16),
    CODED(bf16, 16),
    CODED(fp8_e4m3, 8),
    CODED(fp8_e5m2, 8),
    CODED(fp4_e2m1, 4),
    CODED(nf4, 4),
    CODED(nf4_dq, 4),
    CODED(mxfp4, 4),
    CODED(mxfp6_e2m3, 6),
    CODED(mxfp6_e3m2, 6),
    CODED(mxfp8_e4m3, 8),
    CODED(mxfp8_e5m2, 8),
    CODED(mxint8, 8),
    CODED(nvfp4, 4),
    CODED(pot3, 3),
    CODED(pot4, 4),
    CODED(apot4, 4),
    CODED(apot5, 5),
    CODEBOOK(2),
    CODEBOOK(3),
    CODEBOOK(4),
    CODEBOOK(5),
    CODEBOOK(6),
    {.name = "fp32", .bits = 32, .is_signed = true},
    {.name = NULL},
};

const char *haq_format_names(void)
{
    return "int2 int3 int4 int5 int6 int7 int8 uint2 uint3 uint4 uint5 uint6 "
           "uint7 uint8 ternary binary fp16 bf16 fp8_e4m3 fp8_e5m2 fp4_e2m1 "
           "nf4 nf4_dq mxfp4 mxfp6_e2m3 mxfp6_e3m2 mxfp8_e4m3 mxfp8_e5m2 "
           "mxint8 nvfp4 pot3 pot4 apot4 apot5 cb2 cb3 cb4 cb5 cb6 "
           "fp32 (float)";
}

const struct haq_format *haq_format_find(const char *name)
{
    if (!strcmp(name, "float"))
        name = "fp32";
    for (const struct haq_format *f = haq_formats; f->name; f++)
        if (!strcmp(f->name, name))
            return f;
    return NULL;
}

size_t haq_codes_bytes(const struct haq_format *f, size_t n)
{
    size_t bits = (size_t)f->bits;
    /* Whole groups of 8 codes take `bits` bytes: no overflow on the way. */
    return n / 8 * bits + (n % 8 * bits + 7) / 8;
}

/* Signed codes are stored in two's complement, unsigned ones as they are, odd
 * ones by their sign: 0 for -1. */
static unsigned stored(const struct haq_format *f, int code)
{
    if (f->odd)
        return code > 0;
    return (unsigned)(f->is_signed ? code : code + (1 << (f->bits - 1)));
}

static int8_t from_stored(const struct haq_format *f, unsigned bits)
{
    int half = 1 << (f->bits - 1), c = (int)bits;
    if (f->odd)
        return (int8_t)(2 * c - 1);
    return (int8_t)(f->is_signed ? (c ^ half) - half : c - half);
}

void haq_codes_pack(const struct haq_format *f, uint8_t *dst,
                    const int8_t *codes, size_t n)
{
    assert(f->integer);
    unsigned bits = (unsigned)f->bits, mask = (1u << bits) - 1;
    unsigned hold = 0, held = 0;
    for (size_t i = 0; i < n; i++) {
        hold |= (stored(f, codes[i]) & mask) << held;
        held += bits;
        for (; held >= 8; held -= 8, hold >>= 8)
            *dst++ = (uint8_t)hold;
    }
    if (held)
        *dst = (uint8_t)hold;
}

void haq_codes_unpack(const struct haq_format *f, int8_t *codes,
                      const uint8_t *src, size_t n)
{
    assert(f->integer);
    unsigned bits = (unsigned)f->bits, mask = (1u << bits) - 1;
    unsigned hold = 0, held = 0;
    for (size_t i = 0; i < n; i++) {
        if (held < bits) {
            hold |= (unsigned)*src++ << held;
            held += 8;
        }
        codes[i] = from_stored(f, hold & mask);
        hold >>= bits, held -= bits;
    }
}

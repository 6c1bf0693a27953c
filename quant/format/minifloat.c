#include "quant/format/minifloat.h"

#include <math.h>

#include "quant/format/coder.h"

const struct haq_minifloat haq_minifloat_fp16 = {5, 10, 15, 65504},
                           haq_minifloat_bf16 = {8, 7, 127, 0x1.fep127f},
                           haq_minifloat_e4m3 = {4, 3, 7, 448},
                           haq_minifloat_e5m2 = {5, 2, 15, 57344},
                           haq_minifloat_e2m1 = {2, 1, 1, 6},
                           haq_minifloat_e2m3 = {2, 3, 1, 7.5f},
                           haq_minifloat_e3m2 = {3, 2, 3, 28};

unsigned haq_minifloat_encode(const struct haq_minifloat *m, float x)
{
    unsigned sign = (unsigned)!!signbit(x) << (m->exponent + m->mantissa);
    double a = fmin(fabs((double)x), (double)m->largest);
    int e = a > 0 ? ilogb(a) : 1 - m->bias;
    if (e < 1 - m->bias)
        e = 1 - m->bias;
    /* In steps of the last place; a carry to the next exponent is the next
     * code, and subnormal numbers are those below 2^m steps. */
    unsigned steps = (unsigned)rint(ldexp(a, m->mantissa - e));
    unsigned above = (unsigned)(e + m->bias - 1) << m->mantissa;
    return sign | (above + steps);
}

float haq_minifloat_decode(const struct haq_minifloat *m, unsigned code)
{
    unsigned one = 1u << m->mantissa;
    int e = (int)(code >> m->mantissa) & ((1 << m->exponent) - 1);
    unsigned steps = (code & (one - 1)) + (e ? one : 0);
    double a = ldexp(steps, (e ? e : 1) - m->bias - m->mantissa);
    return (float)(code >> (m->exponent + m->mantissa) & 1 ? -a : a);
}

static unsigned encode(const struct haq_coder *c, float x)
{
    return haq_minifloat_encode(c->mini, x);
}

static float decode(const struct haq_coder *c, unsigned code)
{
    return haq_minifloat_decode(c->mini, code);
}

/* As they are, without a scale. */
#define PLAIN(m)                                                               \
    {                                                                          \
        .encode = encode, .decode = decode, .mini = &haq_minifloat_##m,        \
        .top = 1, .scaling = &haq_scaling_none, .grain = "tensor",             \
        .fixed = true                                                          \
    }
/* The largest magnitude becomes the largest number. */
#define SCALED(m, largest)                                                     \
    {                                                                          \
        .encode = encode, .decode = decode, .mini = &haq_minifloat_##m,        \
        .top = largest, .grain = "channel"                                     \
    }
/* Blocks of 32 with a power of two, floor(log2(largest magnitude)) - emax: the
 * largest magnitude becomes 2^emax or more and may saturate (OCP MX v1.0). */
#define MX(m, emax)                                                            \
    {                                                                          \
        .encode = encode, .decode = decode, .mini = &haq_minifloat_##m,        \
        .top = 1 << (emax), .scaling = &haq_scaling_e8m0, .grain = "group32",  \
        .fixed = true                                                          \
    }

const struct haq_coder haq_coder_fp16 = PLAIN(fp16);
const struct haq_coder haq_coder_bf16 = PLAIN(bf16);
const struct haq_coder haq_coder_fp8_e4m3 = SCALED(e4m3, 448);
const struct haq_coder haq_coder_fp8_e5m2 = SCALED(e5m2, 57344);
const struct haq_coder haq_coder_fp4_e2m1 = SCALED(e2m1, 6);
const struct haq_coder haq_coder_mxfp4 = MX(e2m1, 2);
const struct haq_coder haq_coder_mxfp6_e2m3 = MX(e2m3, 2);
const struct haq_coder haq_coder_mxfp6_e3m2 = MX(e3m2, 4);
const struct haq_coder haq_coder_mxfp8_e4m3 = MX(e4m3, 8);
const struct haq_coder haq_coder_mxfp8_e5m2 = MX(e5m2, 15);
const struct haq_coder haq_coder_nvfp4 = {.encode = encode,
                                          .decode = decode,
                                          .mini = &haq_minifloat_e2m1,
                                          .top = 6,
                                          .scaling = &haq_scaling_nvfp4,
                                          .grain = "group16",
                                          .fixed = true};

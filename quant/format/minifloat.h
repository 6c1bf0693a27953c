/* quant/format/minifloat.h - floats of a sign, a few exponent bits and a few
 * mantissa bits.
 *
 *     sign | exponent E | mantissa M        (sign in the highest bit)
 *
 *     E > 0:  (1 + M / 2^m) * 2^(E - bias)      E = 0:  M / 2^m * 2^(1 - bias)
 *
 * Numbers are rounded to nearest even and saturate at the largest finite one:
 * weights are finite, and codes for infinity and NaN are never made.
 */
#ifndef HAQ_QUANT_FORMAT_MINIFLOAT_H
#define HAQ_QUANT_FORMAT_MINIFLOAT_H

struct haq_minifloat {
    int exponent, mantissa; /* bits */
    int bias;
    float largest;
};

/* IEEE 754 binary16, bfloat16, OCP 8-bit floats (E4M3 is "FN": no infinity) and
 * the element formats of OCP MX v1.0. */
extern const struct haq_minifloat haq_minifloat_fp16, haq_minifloat_bf16,
    haq_minifloat_e4m3, haq_minifloat_e5m2, haq_minifloat_e2m1,
    haq_minifloat_e2m3, haq_minifloat_e3m2;

unsigned haq_minifloat_encode(const struct haq_minifloat *m, float x);
float haq_minifloat_decode(const struct haq_minifloat *m, unsigned code);

#endif

/* Powers of two, and sums of two of them (Li, Dong, Wang 2020, "Additive
 * Powers-of-Two Quantization"): a product is a shift, or two.
 *
 *   pot B     0 and +-2^0 .. +-2^-(2^(B-1) - 2)
 *   apot4     +- sums of {0, 1/2, 1/4, 1/16} and {0, 1/8}
 *   apot5     +- sums of {0, 1/2, 1/8, 1/32} and {0, 1/4, 1/16, 1/64}
 *
 * the latter divided by their largest, as in the paper's code; with 3 bits that
 * would be pot3.  Weights are rounded on the line, halfway between neighbours,
 * not by their logarithm. */
#include "quant/format/levels_priv.h"

static const float pot3[] = {-1, -0x1p-1f, -0x1p-2f, 0, 0x1p-2f, 0x1p-1f, 1};
static const float pot4[] = {-1,       -0x1p-1f, -0x1p-2f, -0x1p-3f, -0x1p-4f,
                             -0x1p-5f, -0x1p-6f, 0,        0x1p-6f,  0x1p-5f,
                             0x1p-4f,  0x1p-3f,  0x1p-2f,  0x1p-1f,  1};

/* Sixteenths, the largest of them 10. */
#define T(n) ((n) / 10.0f)
static const float apot4[] = {T(-10), T(-8), T(-6), T(-4), T(-3),
                              T(-2),  T(-1), 0,     T(1),  T(2),
                              T(3),   T(4),  T(6),  T(8),  T(10)};

/* 64ths, the largest of them 48. */
#define S(n) ((n) / 48.0f)
static const float apot5[] = {
    S(-48), S(-36), S(-33), S(-32), S(-24), S(-18), S(-16), S(-12),
    S(-9),  S(-8),  S(-6),  S(-4),  S(-3),  S(-2),  S(-1),  0,
    S(1),   S(2),   S(3),   S(4),   S(6),   S(8),   S(9),   S(12),
    S(16),  S(18),  S(24),  S(32),  S(33),  S(36),  S(48)};

#define TABLE(name)                                                            \
    static const struct haq_levels name##_levels = {                           \
        sizeof name / sizeof *name, name};                                     \
    const struct haq_coder haq_coder_##name = {.encode = haq_levels_encode,    \
                                               .decode = haq_levels_decode,    \
                                               .levels = &name##_levels,       \
                                               .top = 1,                       \
                                               .grain = "channel"}

TABLE(pot3);
TABLE(pot4);
TABLE(apot4);
TABLE(apot5);

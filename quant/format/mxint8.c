/* MXINT8 (OCP MX v1.0): 8-bit two's complement in 64ths, -2 .. 127/64. */
#include <math.h>

#include "quant/format/coder.h"

static const double STEPS = 64;

static unsigned encode(const struct haq_coder *c, float x)
{
    (void)c;
    double steps = fmin(fmax(rint((double)x * STEPS), -128), 127);
    return (unsigned)(int)steps & 0xff;
}

static float decode(const struct haq_coder *c, unsigned code)
{
    (void)c;
    int signed_code = (int)(code ^ 0x80) - 0x80;
    return (float)(signed_code / STEPS);
}

const struct haq_coder haq_coder_mxint8 = {.encode = encode,
                                           .decode = decode,
                                           .top = 1,
                                           .scaling = &haq_scaling_e8m0,
                                           .grain = "group32",
                                           .fixed = true};

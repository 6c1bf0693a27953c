/* quant/format/coder.h - formats whose codes are no integers.
 *
 * A code stands for a level, a weight is its level times a scale:
 *
 *     w / scale  -encode->  code  -decode->  level,   weight = level * scale
 *
 * They are for weights alone: a plan holds the decoded weights and computes in
 * floats, so such a format saves bytes in the file and nothing else.  Each
 * family of levels has its file (minifloat.c, mxint8.c, nf4.c, pot.c,
 * codebook.c); scaling.c has the ways to store scales.
 */
#ifndef HAQ_QUANT_FORMAT_CODER_H
#define HAQ_QUANT_FORMAT_CODER_H

#include <stdbool.h>

#include "quant/format/levels.h"
#include "quant/format/minifloat.h"
#include "quant/format/scaling.h"

struct haq_coder;
/* The code whose level is nearest to x; beyond the last level, the last one. */
typedef unsigned haq_encode_fn(const struct haq_coder *c, float x);
typedef float haq_decode_fn(const struct haq_coder *c, unsigned code);

struct haq_coder {
    /* The levels are not given: each tensor, channel or group has its own
     * (quant/format/codebook.h), and the functions are NULL. */
    bool learned;
    haq_encode_fn *encode;
    haq_decode_fn *decode;
    const struct haq_minifloat *mini; /* what those two work with, or NULL */
    const struct haq_levels *levels;  /* likewise */
    double top; /* scale = largest magnitude / top, before it is stored */
    const struct haq_scaling *scaling; /* NULL: as scales of integers are */
    const char *grain; /* granularity where none is asked for: "group64" */
    bool fixed;        /* there is no other granularity */
};

extern const struct haq_coder haq_coder_fp16, haq_coder_bf16,
    haq_coder_fp8_e4m3, haq_coder_fp8_e5m2, haq_coder_fp4_e2m1;
extern const struct haq_coder haq_coder_nf4, haq_coder_nf4_dq,
    haq_coder_codebook;
extern const struct haq_coder haq_coder_mxfp4, haq_coder_mxfp6_e2m3,
    haq_coder_mxfp6_e3m2, haq_coder_mxfp8_e4m3, haq_coder_mxfp8_e5m2,
    haq_coder_mxint8, haq_coder_nvfp4;
extern const struct haq_coder haq_coder_pot3, haq_coder_pot4, haq_coder_apot4,
    haq_coder_apot5;

#endif

/* NF4 (Dettmers et al. 2023, "QLoRA"): quantiles of the normal distribution,
 * one of them 0, the ends -1 and 1; the table is that of bitsandbytes. */
#include "quant/format/levels_priv.h"

static const float table[] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};
static const struct haq_levels levels = {16, table};

const struct haq_coder haq_coder_nf4 = {.encode = haq_levels_encode,
                                        .decode = haq_levels_decode,
                                        .levels = &levels,
                                        .top = 1,
                                        .grain = "group64"};

const struct haq_coder haq_coder_nf4_dq = {.encode = haq_levels_encode,
                                           .decode = haq_levels_decode,
                                           .levels = &levels,
                                           .top = 1,
                                           .scaling = &haq_scaling_double,
                                           .grain = "group64",
                                           .fixed = true};

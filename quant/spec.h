/* quant/spec.h - how a layer's weights and its data input are represented, as
 * words on the command line and in recipes.
 *
 *   weights      FORMAT[:GRANULARITY][:full][:pow2]
 *                int4  int4:channel  int3:group32  int8:pow2
 *                uint4:group64  int8:tensor  float     default: channel
 *                ternary  binary:group64
 *                fp8_e4m3  nf4:group64  mxfp4  bf16
 *   activations  FORMAT[:static|:dynamic]      uint8  uint8:dynamic  int8 float
 *
 * Signed weights are symmetric over the narrow range unless ":full"; unsigned
 * ones carry a zero point per channel or group.  With ":pow2" the scales of
 * both are powers of two, rounded up.  Ternary and binary ones have the scale
 * of least squared error and neither option.  Formats with a coder have a
 * granularity of their own by default, some no other.  Unsigned activations are
 * asymmetric, signed ones symmetric (narrow range).
 */
#ifndef HAQ_QUANT_SPEC_H
#define HAQ_QUANT_SPEC_H

#include "base/status.h"
#include "quant/format/format.h"

enum haq_granularity { HAQ_PER_TENSOR, HAQ_PER_CHANNEL, HAQ_PER_GROUP };

struct haq_weight_spec {
    const struct haq_format *format; /* fp32 row: not quantized */
    enum haq_granularity granularity;
    int group; /* multiple of 16 for HAQ_PER_GROUP, else 0 */
    bool full_range;
    bool pow2; /* scales are powers of two */
};

struct haq_act_spec {
    const struct haq_format *format; /* fp32 row: float */
    bool dynamic;                    /* scale made per row at run time */
};

enum { HAQ_SPEC_TEXT = 32 };

/* HAQ_USAGE: unknown word (the sentence lists the known ones), a group that is
 * not a multiple of 16, activations in a format for weights alone, ... */
haq_status haq_weight_spec_parse(struct haq_weight_spec *out, const char *text,
                                 struct haq_diag *d);
haq_status haq_act_spec_parse(struct haq_act_spec *out, const char *text,
                              struct haq_diag *d);

/* Canonical words ("int4:channel", "uint8:static", "float"); parse reads them
 * back to the same spec. */
void haq_weight_spec_text(char out[HAQ_SPEC_TEXT],
                          const struct haq_weight_spec *s);
void haq_act_spec_text(char out[HAQ_SPEC_TEXT], const struct haq_act_spec *s);

/* Has the format one granularity that cannot be changed? */
bool haq_weight_spec_fixed(const struct haq_weight_spec *s);

/* Smallest and largest code in the format's own domain under the spec. */
void haq_weight_range(const struct haq_weight_spec *s, int *lo, int *hi);

#endif

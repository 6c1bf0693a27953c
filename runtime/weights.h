/* runtime/weights.h - a layer's weights on their way into a kernel's panels.
 */
#ifndef HAQ_RUNTIME_WEIGHTS_H
#define HAQ_RUNTIME_WEIGHTS_H

#include "kernels/gemm.h"
#include "quant/layer_weight.h"
#include "runtime/plan_priv.h"

/* Rows are output channels, in the model's order of the reduction. */
struct haq_weights {
    size_t n, k;
    size_t taps;             /* kh * kw; k = channels * taps */
    const float *f;          /* [n][k], or NULL when quantized */
    const int8_t *codes;     /* [n][k], or NULL when float */
    const float *scale;      /* [n][groups] */
    const int8_t *zero;      /* [n][groups] or NULL */
    size_t groups, group;    /* scales per row; elements of a group */
    bool per_group;          /* the contract of groups applies */
    const char *id;          /* content key */
    enum haq_gemm_kind kind; /* by the form of the input */
    struct haq_layer_weight own;
    float *dequantized;
    int8_t *shifted;
};

/* Look up, dequantize (simulated weight-only, formats with a coder) or shift
 * (weight-only codes with zero points that fit int8 without them) the weights
 * of `node`.  fini when packed. */
haq_status haq_weights_init(struct haq_weights *w, struct haq_plan *p, int node,
                            const struct haq_form *in, struct haq_diag *d);
void haq_weights_fini(struct haq_weights *w);

/* One panel set per convolution group: rows in `parts` equal shares, each in
 * panels of a kernel's row with the taps outermost.  The panels of codes are
 * packed further to as few bits as hold them (kernels/panel.h). */
struct haq_packed {
    const char *data;
    size_t part_bytes;
    size_t panel_bytes;
    int bits; /* of a code: 8 .. 1; 0: floats */
};

/* For row `k`, which reads floats or 8 bits. */
haq_status haq_weights_pack(struct haq_packed *out, struct haq_plan *p,
                            const struct haq_weights *w,
                            const struct haq_gemm_impl *k, size_t parts,
                            size_t segments, size_t seg_len,
                            struct haq_diag *d);

/* dst[n][taps][channels] from src[n][channels][taps]. */
void haq_weights_taps_first(void *dst, const void *src, size_t n, size_t taps,
                            size_t channels, size_t elem);

/* The bias of a layer (input 2), or NULL. */
const float *haq_layer_bias(const struct haq_plan *p, int node);

#endif

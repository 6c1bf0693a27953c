/* quant/qweight.h - one layer's weights as codes, or, in formats with a coder,
 * as the numbers that the codes stand for.
 *
 * Rows are output channels; a row is the flattened reduction in the model's own
 * order (convolution: I, kh, kw; MatMul/Gemm: K).  Scales: one per row
 * (per-tensor repeats the same value), or one per group of a row.  Group scales
 * are rounded to fp16 before the codes are made; they execute as stored.  A
 * coder may have another way to store scales (quant/format/scaling.h), which
 * likewise rounds them first, and so does ":pow2", up to a power of two.
 */
#ifndef HAQ_QUANT_QWEIGHT_H
#define HAQ_QUANT_QWEIGHT_H

#include "base/dtype.h"
#include "base/status.h"
#include "quant/spec.h"

struct haq_qweight {
    struct haq_weight_spec spec;
    size_t n, k;   /* rows, reduction length */
    size_t groups; /* per row: ceil(k / group), 1 unless per group */
    int8_t *codes; /* [n][k], signed domain of format.h; owned */
    float *values; /* [n][k], formats with a coder; owned */
    float *scale;  /* [n][groups], > 0; owned */
    float *book;   /* [runs][2^bits], ascending; learned levels; owned */
    int8_t *zero;  /* [n][groups] in the signed domain; NULL = all zero */
    bool own;      /* fini frees the arrays */
};

void haq_qweight_fini(struct haq_qweight *w);

/* Room for what describes codes: scales of 1, zero points and levels of 0. The
 * caller's; HAQ_NOMEM. */
haq_status haq_qweight_alloc(struct haq_qweight *out, size_t n, size_t k,
                             const struct haq_weight_spec *spec,
                             struct haq_diag *d);

/* Scales (zero points, levels) from the weights alone: symmetric absmax/qmax
 * (full range: max(hi/qmax, lo/qmin), the least that clips nothing); asymmetric
 * range widened to contain 0, s = (hi-lo)/(qmax-qmin), z = rhe(qmin - lo/s).  A
 * row or group of zeros gets scale 1; no other scale is below 2^-16 of the
 * whole tensor's, so that a dead channel keeps its bias within int32.  Formats
 * with a `fit` take the scale of least squared error, not below 2^-16 of the
 * tensor's int8 scale, which is also what zeros get where no code is 0. Learned
 * levels are those of least squared error, rounded as they are stored.  w is
 * [n][k] float, finite.  Result owned by the caller. HAQ_NOMEM. */
haq_status haq_qweight_scales(struct haq_qweight *out, const float *w, size_t n,
                              size_t k, const struct haq_weight_spec *spec,
                              struct haq_diag *d);

/* Round to nearest even with the scales that are there: q = clamp(rhe(w/s)+z);
 * odd formats: the sign, 1 for 0; formats with a coder: the level nearest to
 * w/s, times s.  Allocates codes, or values. */
haq_status haq_qweight_round(struct haq_qweight *q, const float *w,
                             struct haq_diag *d);

/* The code nearest to w for the weight at this place, and what a code is
 * there. */
int8_t haq_qweight_code(const struct haq_qweight *q, size_t row, size_t col,
                        double w);
double haq_qweight_value(const struct haq_qweight *q, size_t row, size_t col,
                         int code);

/* Is it one that the spec has, in the signed domain? */
bool haq_qweight_is_code(const struct haq_weight_spec *spec, int code);

/* ---- one scale at a time, for methods that search ----
 * A run is the weights that share a scale: a group, a row, or the whole tensor
 * (whose scale is repeated for every row; `i` is then 0). */
struct haq_qweight_run {
    size_t at, len; /* w[at .. at + len) */
    float lo, hi;   /* their range, widened to contain 0 */
};
size_t haq_qweight_runs(const struct haq_qweight *q);
/* Levels in the book of a run; 0: none are learned. */
size_t haq_qweight_levels(const struct haq_weight_spec *spec);
/* Is each scale a number of its own, to be chosen freely?  Some coders have
 * none, or bind those of a tensor together. */
bool haq_qweight_free_scales(const struct haq_weight_spec *spec);
struct haq_qweight_run haq_qweight_run_at(const struct haq_qweight *q, size_t i,
                                          const float *w);

/* The scale (and zero point) that takes lo..hi, 0 within, to the codes without
 * clipping, rounded as it is stored; the least positive normal number if that
 * is larger.  Not for formats with a `fit`, nor where haq_qweight_free_scales
 * says no. */
void haq_qweight_set_range(struct haq_qweight *q, size_t i, float lo, float hi);
void haq_qweight_set_scale(struct haq_qweight *q, size_t i, float scale,
                           int8_t zero);

/* Scale `at` of q->scale alone, rounded as it is stored; the least positive
 * normal number if that is larger. */
void haq_qweight_store_scale(struct haq_qweight *q, size_t at, float scale);

/* Sum of squares of what haq_qweight_round would leave of run i. */
double haq_qweight_run_error(const struct haq_qweight *q, size_t i,
                             const float *w);

/* Back to real numbers, dst is [n][k]. */
void haq_qweight_dequantize(float *dst, const struct haq_qweight *q);

/* Are the scales powers of two? */
bool haq_qweight_pow2_scales(const struct haq_weight_spec *spec);

/* False where all scales are 1 and nothing is stored for them. */
bool haq_qweight_has_scales(const struct haq_weight_spec *spec);

/* Of the scales, or levels, in a params file: F16 in groups, F32 elsewhere and
 * where a coder stores scales in its own way. */
enum haq_dtype haq_qweight_scale_type(const struct haq_weight_spec *spec);

/* Bytes as stored: codes packed, scales fp16 for groups else fp32 (one for
 * per-tensor) or as the coder stores them, powers of two a byte, learned levels
 * likewise, zero points at code width (rounded up to a byte per row set). */
size_t haq_qweight_bytes(const struct haq_weight_spec *spec, size_t n,
                         size_t k);

#endif
